//! What flags and files say about a request, field by field: resolved once, before anything is
//! built from it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::secret_guard::SecretGuard;
use super::sources::RequestSources;
use crate::cli;
use crate::config::{FieldSetting, Origin, Settings, Sourced};
use crate::error::Error;
use crate::protocol::{
    EFFORT, ExactFields, ExactJson, FieldShape, OptionKey, REQUEST_FIELDS, RequestField,
    ToolChoice, ToolDefinition, default_field,
};
use crate::tool;

/// The fields of a request, wherever each was set: a flag goes before a template, that before the
/// body of `--messages`, and that before the config file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RequestSpec {
    /// The fields of the body but for the model, the conversation and whether it streams; those of
    /// [`REQUEST_FIELDS`] stand first, in its order.
    pub(crate) fields: ExactFields,
    /// What the answer is made to begin with.
    pub(crate) prefill: Option<String>,
    /// Where the options were set that only some models accept.
    pub(super) origins: BTreeMap<OptionKey, OptionOrigin>,
}

/// The fields that shape an answer: its length, its form, and what the model may do for it.
const SHAPING_FIELDS: [&str; 6] = [
    "max_tokens",
    "output_config",
    "stop_sequences",
    "thinking",
    "tool_choice",
    "tools",
];

/// Where an option of the request was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OptionOrigin {
    /// On the command line, or at the prompt of `chat`: what was typed.
    Typed(String),
    /// In the template.
    Template,
    /// In the body of `--messages`.
    Messages,
    /// In the config file.
    Config(Origin),
}

impl RequestSpec {
    /// Notes where the options of a field were set, unless they were set before.
    pub(crate) fn note_origin(&mut self, key: &str, value: &Value, origin: &OptionOrigin) {
        let mut note = |key| {
            self.origins.entry(key).or_insert_with(|| origin.clone());
        };
        if key == EFFORT.key {
            let has = |member: &str| value.get(member).is_some();
            [(OptionKey::Effort, "effort"), (OptionKey::Format, "format")]
                .into_iter()
                .filter(|(_, member)| has(member))
                .for_each(|(key, _)| note(key));
        } else if let Some(key) = OptionKey::from_field(key) {
            note(key);
        }
    }

    /// Sets a field as the user has typed it, in the place of what it was.
    pub(crate) fn set_typed(&mut self, key: &str, value: ExactJson, typed: String) {
        self.unset(key);
        self.note_origin(key, &value, &OptionOrigin::Typed(typed));
        self.fields.insert(key, value);
    }

    /// Returns the value of a field with this one in it: a field may have more members than the
    /// option that its flag sets.
    pub(crate) fn with_option(&self, field: &RequestField, value: Value) -> ExactJson {
        match (field.shape, self.fields.exact(field.key), value) {
            (FieldShape::Effort, Some(mut config), Value::Object(option)) if config.is_object() => {
                for (member, value) in option {
                    config.set_field(&member, value);
                }
                config
            }
            (_, _, value) => value.into(),
        }
    }

    /// Removes the option that the flag of a field sets.
    pub(crate) fn unset_option(&mut self, field: &RequestField) {
        let others = match (field.shape, self.fields.exact(field.key)) {
            (FieldShape::Effort, Some(config)) => without(config, field.name),
            _ => None,
        };
        match others {
            Some(others) => {
                self.fields.insert(field.key, others);
            }
            None => self.unset(field.key),
        }
    }

    /// Returns the option that the flag of a field sets, as it was set, in words.
    pub(crate) fn shown(&self, field: &RequestField) -> String {
        let value = match (field.shape, self.fields.get(field.key)) {
            (FieldShape::Effort, value) => value.and_then(|config| config.get(field.name)),
            (_, value) => value,
        };
        match value {
            None => "not set: the model's default".to_owned(),
            Some(Value::String(word)) => word.clone(),
            Some(value) => value.to_string(),
        }
    }

    /// Returns the fields of a request for a summary of the conversation: without those that shape
    /// its answers, and without tools.
    pub(crate) fn for_summary(&self) -> Self {
        let mut spec = self.clone();
        spec.prefill = None;
        for key in SHAPING_FIELDS {
            spec.unset(key);
        }
        spec
    }

    /// Removes a prefill that the config file sets: an answer that has to match a schema begins
    /// with nothing else.
    pub(crate) fn remove_default_prefill(&mut self) {
        if let Some(OptionOrigin::Config(_)) = self.origins.get(&OptionKey::Prefill) {
            self.origins.remove(&OptionKey::Prefill);
            self.prefill = None;
        }
    }

    /// Checks what of it was typed for secrets, as words.
    pub(crate) fn check_typed(&mut self, guard: SecretGuard<'_>, typed: &cli::RequestArgs) {
        let flags = typed.flags.iter().map(|(field, _)| field);
        // The system prompt is checked on its own, since it may be in a file.
        let flags = flags.filter(|field| field.shape != FieldShape::Prompt);
        let flags = flags.map(|field| (field.key, field.flag.to_owned()));
        let others = typed.fields.iter();
        let others = others.map(|(key, _)| (key.as_str(), format!("--set {key}")));
        for (key, name) in flags.chain(others) {
            if let Some(value) = self.fields.exact(key) {
                self.fields.insert(key, guard.check_value(&name, value));
            }
        }
        if typed.prefill.is_some() {
            let prefill = self.prefill.take();
            self.prefill = prefill.map(|prefill| guard.check_words("--prefill", prefill));
        }
    }

    /// Removes a field.
    pub(crate) fn unset(&mut self, key: &str) {
        self.fields.shift_remove(key);
        self.origins.retain(|option, _| option.field_key() != key);
    }
}

impl RequestSources {
    /// Settles what each field of the request is.
    ///
    /// # Errors
    ///
    /// If a field was set twice on the command line: by its flag and by `--set`, or by `--set`
    /// twice.
    pub(crate) fn resolve(
        &self,
        args: &cli::AskArgs,
        settings: &Settings,
    ) -> Result<RequestSpec, Error> {
        let mut spec = RequestSpec::default();
        let mut fields = ExactFields::default();
        for (field, value) in args.request.flags.iter() {
            // It may be in a file, and is read apart.
            if field.shape != FieldShape::Prompt {
                let origin = OptionOrigin::Typed(typed_flag(field, value));
                spec.note_origin(field.key, value, &origin);
                fields.insert(field.key.to_owned(), value.clone());
            }
        }
        for (key, value) in &args.request.fields {
            if args.request.flags.get(key).is_some() {
                let flag = RequestField::find(key).map_or("", |field| field.flag);
                return Err(set_twice(key, &format!("{flag} and --set {key}")));
            }
            if fields.insert(key.clone(), value.clone()).is_some() {
                return Err(set_twice(key, "--set twice"));
            }
            let typed = OptionOrigin::Typed(format!("--set {key}={value}"));
            spec.note_origin(key, value, &typed);
        }
        for (key, value, origin) in self.file_fields() {
            let is_set = match key {
                // Each has a place of its own.
                "model" | "stream" => true,
                "tools" => !self.tools.is_empty(),
                "tool_choice" => args.tools.tool_choice.is_some(),
                key => args.request.flags.get(key).is_some(),
            };
            if !is_set && !fields.contains_key(key) {
                spec.note_origin(key, &value, &origin);
                fields.insert(key, value);
            } else if key == EFFORT.key && args.request.flags.get(key).is_some() {
                spec.note_origin(key, &value, &origin);
                let joined = with_members(fields.get(key), &value);
                fields.insert(key, joined);
            }
        }
        for FieldSetting { field, value } in &settings.fields {
            // The system prompt may be in a file, and a conversation has its own.
            if field.shape != FieldShape::Prompt && !fields.contains_key(field.key) {
                let origin = OptionOrigin::Config(value.origin.clone());
                spec.note_origin(field.key, &value.value, &origin);
                fields.insert(field.key.to_owned(), value.value.clone());
            }
        }
        for (key, value, origin) in default_fields(settings) {
            if !fields.contains_key(&key) {
                spec.note_origin(&key, &value, &origin);
                fields.insert(key, value);
            }
        }
        let prefill = self.prefill(args, settings).map(|(prefill, origin)| {
            spec.origins.insert(OptionKey::Prefill, origin);
            prefill
        });
        if let Some(word) = &args.tools.tool_choice {
            let typed = OptionOrigin::Typed(format!("--tool-choice {word}"));
            spec.origins.insert(OptionKey::ToolChoice, typed);
        }
        Ok(RequestSpec {
            fields: in_body_order(fields),
            prefill,
            ..spec
        })
    }

    /// Returns what the answer is made to begin with, and where that was set.
    fn prefill(&self, args: &cli::AskArgs, settings: &Settings) -> Option<(String, OptionOrigin)> {
        let of_flag = args.request.prefill.clone();
        let of_flag = of_flag.map(|it| (it, OptionOrigin::Typed("--prefill".to_owned())));
        let of_template = || {
            let prefill = self.template.as_ref()?.prefill.clone()?;
            Some((prefill, OptionOrigin::Template))
        };
        let of_config = || {
            let Sourced { value, origin } = settings.prefill.clone()?;
            Some((value, OptionOrigin::Config(origin)))
        };
        of_flag.or_else(of_template).or_else(of_config)
    }

    /// Makes the field `tool_choice`; a name has to be that of a tool of the request.
    pub(crate) fn tool_choice(
        &self,
        word: Option<&str>,
        spec: &RequestSpec,
    ) -> Result<Option<ToolChoice>, Error> {
        let Some(word) = word else { return Ok(None) };
        let of_fields = spec
            .fields
            .exact("tools")
            .filter(|_| self.tools.is_empty())
            .and_then(ToolDefinition::list_from);
        let tools = of_fields.unwrap_or_else(|| self.definitions());
        if tools.is_empty() {
            return Err(Error::Usage {
                message: format!("`--tool-choice {word}` needs tools"),
                hint: Some("add a tools file with -T, or leave out --tool-choice".to_owned()),
            });
        }
        let usage = |reason| Error::Usage {
            message: format!("--tool-choice: {reason}"),
            hint: Some("use `auto`, `any`, `none`, or the name of a tool from -T".to_owned()),
        };
        tool::tool_choice(word, &tools).map(Some).map_err(usage)
    }

    /// The model that a flag or a file names.
    pub(crate) fn model(&self, args: &cli::AskArgs) -> Option<String> {
        let of_file = || {
            self.file_fields()
                .find(|(key, ..)| *key == "model")
                .and_then(|(_, value, _)| value.as_str().map(str::to_owned))
        };
        args.request.model.clone().or_else(of_file)
    }

    /// Whether a file sets a field of the body.
    pub(crate) fn has_field(&self, key: &str) -> bool {
        self.file_fields().any(|(known, ..)| known == key)
    }

    /// The fields that files have: the template, then the body of the earlier turns.
    fn file_fields(&self) -> impl Iterator<Item = (&str, ExactJson, OptionOrigin)> {
        let of_template = self.template.iter().flat_map(|template| &template.fields);
        let of_template = of_template.map(|(key, value)| {
            let value = ExactJson::from(value.clone());
            (key.as_str(), value, OptionOrigin::Template)
        });
        let of_messages = self.conversation.fields.iter_exact();
        of_template.chain(of_messages.map(|(key, value)| (key, value, OptionOrigin::Messages)))
    }
}

/// Returns the fields of the setting `set`; of a key that is given twice, the first one counts.
fn default_fields(settings: &Settings) -> impl Iterator<Item = (String, ExactJson, OptionOrigin)> {
    settings.other_fields.iter().flat_map(|texts| {
        let fields = texts.value.iter().map(|text| default_field(text));
        fields.flatten().map(|(key, value)| {
            let origin = OptionOrigin::Config(texts.origin.clone());
            (key, value, origin)
        })
    })
}

/// Returns an object with those members of another one that it does not have.
fn with_members(object: Option<&Value>, other: &Value) -> Value {
    let mut members = object
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (key, value) in other.as_object().into_iter().flatten() {
        members.entry(key).or_insert_with(|| value.clone());
    }
    Value::Object(members)
}

/// Returns an object without one of its members; `None` if it has no other, or is not an object.
pub(super) fn without(mut object: ExactJson, member: &str) -> Option<ExactJson> {
    if !object.is_object() {
        return None;
    }
    object.remove_field(member);
    object
        .as_object()
        .is_some_and(|others| !others.is_empty())
        .then_some(object)
}

/// Returns a flag as it was typed.
fn typed_flag(field: &RequestField, value: &Value) -> String {
    let value = if field.shape == FieldShape::Effort {
        &value["effort"]
    } else {
        value
    };
    match value {
        Value::String(text) => format!("{} {text}", field.flag),
        value => format!("{} {value}", field.flag),
    }
}

fn in_body_order(mut fields: ExactFields) -> ExactFields {
    let mut ordered = ExactFields::default();
    for field in &REQUEST_FIELDS {
        if let Some(value) = fields.shift_remove(field.key) {
            ordered.insert(field.key, value);
        }
    }
    for (key, value) in fields.iter_exact() {
        ordered.insert(key, value);
    }
    ordered
}

/// The error of a field that was set in two ways.
pub(super) fn set_twice(key: &str, by: &str) -> Error {
    Error::Usage {
        message: format!("`{key}` is set twice, by {by}"),
        hint: Some("leave out one of them".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EFFORT;

    #[test]
    fn an_option_is_set_and_removed_beside_others_that_keep_their_digits() {
        let mut spec = RequestSpec::default();
        let config = ExactJson::parse(r#"{"effort":"low","x":1.10}"#).expect("JSON");
        spec.fields.insert(EFFORT.key, config);
        let high = serde_json::json!({"effort": "high"});
        let with_high = spec.with_option(&EFFORT, high);
        assert_eq!(with_high.to_string(), r#"{"effort":"high","x":1.10}"#);
        spec.unset_option(&EFFORT);
        let left = spec.fields.exact(EFFORT.key).expect("another member");
        assert_eq!(left.to_string(), r#"{"x":1.10}"#);
    }
}
