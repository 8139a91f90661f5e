//! What flags and files say about a request, field by field: resolved once, before anything is
//! built from it.

use serde_json::{Map, Value};

use super::sources::RequestSources;
use crate::cli;
use crate::error::Error;
use crate::protocol::{FieldShape, REQUEST_FIELDS, RequestField, ToolChoice, ToolDefinition};
use crate::tool;

/// The fields of a request, wherever each was set: a flag goes before a template, and that before
/// the body of `--messages`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RequestSpec {
    /// The fields of the body but for the model, the conversation and whether it streams; those of
    /// [`REQUEST_FIELDS`] stand first, in its order.
    pub(crate) fields: Map<String, Value>,
    /// What the answer is made to begin with.
    pub(crate) prefill: Option<String>,
}

impl RequestSources {
    /// Settles what each field of the request is.
    ///
    /// # Errors
    ///
    /// If a field was set twice on the command line: by its flag and by `--set`, or by `--set`
    /// twice.
    pub(crate) fn resolve(&self, args: &cli::AskArgs) -> Result<RequestSpec, Error> {
        let mut fields = Map::new();
        for (field, value) in args.request.flags.iter() {
            // It may be in a file, and is read apart.
            if field.shape != FieldShape::Prompt {
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
        }
        for (key, value) in self.file_fields() {
            let is_set = match key.as_str() {
                // Each has a place of its own.
                "model" | "stream" => true,
                "tools" => !self.tools.is_empty(),
                "tool_choice" => args.tools.tool_choice.is_some(),
                key => args.request.flags.get(key).is_some(),
            };
            if !is_set && !fields.contains_key(key) {
                fields.insert(key.clone(), value.clone());
            }
        }
        let of_template = self.template.as_ref();
        let prefill = args.request.prefill.clone();
        Ok(RequestSpec {
            fields: in_body_order(fields),
            prefill: prefill.or_else(|| of_template?.prefill.clone()),
        })
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
            .get("tools")
            .filter(|_| self.tools.is_empty())
            .and_then(ToolDefinition::list_from);
        let tools = of_fields.unwrap_or_else(|| self.definitions());
        if tools.is_empty() {
            return Err(Error::Usage {
                message: format!("--tool-choice {word} needs tools"),
                hint: Some("add a tools file with -T, or leave out --tool-choice".to_owned()),
            });
        }
        let usage = |reason| Error::Usage {
            message: format!("--tool-choice: {reason}"),
            hint: Some("use auto, any, none, or the name of a tool from -T".to_owned()),
        };
        tool::tool_choice(word, &tools).map(Some).map_err(usage)
    }

    /// The model that a flag or a file names.
    pub(crate) fn model(&self, args: &cli::AskArgs) -> Option<String> {
        let of_file = || {
            self.file_fields()
                .find(|(key, _)| *key == "model")
                .and_then(|(_, value)| value.as_str().map(str::to_owned))
        };
        args.request.model.clone().or_else(of_file)
    }

    /// The fields that files have: the template, then the body of the earlier turns.
    fn file_fields(&self) -> impl Iterator<Item = (&String, &Value)> {
        let of_template = self.template.iter().flat_map(|template| &template.fields);
        of_template.chain(&self.conversation.fields)
    }
}

fn in_body_order(mut fields: Map<String, Value>) -> Map<String, Value> {
    let mut ordered = Map::new();
    for field in &REQUEST_FIELDS {
        if let Some((key, value)) = fields.shift_remove_entry(field.key) {
            ordered.insert(key, value);
        }
    }
    ordered.append(&mut fields);
    ordered
}

/// The error of a field that was set in two ways.
pub(super) fn set_twice(key: &str, by: &str) -> Error {
    Error::Usage {
        message: format!("`{key}` is set twice, by {by}"),
        hint: Some("leave out one of them".to_owned()),
    }
}
