//! Options that only some models accept: which ones a request uses, which ones conflict, and which
//! ones a refusal is about.

use serde_json::{Map, Value};

use super::model_rules::{ModelOption, ModelRules, Support, is_thinking_requested};
use super::request::CreateMessage;
use super::request_field::MIN_THINKING_BUDGET;
use super::tools::ToolChoice;
use super::{ContentBlock, Role};

/// Effort levels at which some models must think.
const EFFORTS_ABOVE_HIGH: [&str; 2] = ["xhigh", "max"];

/// What can be left out of a request for a model that does not accept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OptionKey {
    /// The field `temperature`.
    Temperature,
    /// The field `top_p`.
    TopP,
    /// The field `top_k`.
    TopK,
    /// The last turn, if it is the assistant's.
    Prefill,
    /// The field `tool_choice`.
    ToolChoice,
    /// The field `thinking`.
    Thinking,
    /// The member `effort` of the field `output_config`.
    Effort,
    /// The member `format` of the field `output_config`.
    Format,
}

impl OptionKey {
    /// Returns its name in messages: that of the flag, template key and config key, without dashes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::Prefill => "prefill",
            Self::ToolChoice => "tool_choice",
            Self::Thinking => "thinking",
            Self::Effort => "effort",
            Self::Format => "output_config.format",
        }
    }

    /// Returns the key for a field of the body or for the prefill.
    pub(crate) fn from_field(key: &str) -> Option<Self> {
        match key {
            "temperature" => Some(Self::Temperature),
            "top_p" => Some(Self::TopP),
            "top_k" => Some(Self::TopK),
            "prefill" => Some(Self::Prefill),
            "tool_choice" => Some(Self::ToolChoice),
            "thinking" => Some(Self::Thinking),
            _ => None,
        }
    }

    /// Returns the field of the body that contains it; the prefill has none, so it gets its own
    /// name.
    pub(crate) fn field_key(self) -> &'static str {
        match self {
            Self::Effort | Self::Format => "output_config",
            key => key.name(),
        }
    }

    /// Returns the terms that refusals use for it.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Temperature => &["temperature"],
            Self::TopP => &["top_p"],
            Self::TopK => &["top_k"],
            Self::Prefill => &["prefill"],
            Self::ToolChoice => &["tool_choice", "tool choice"],
            Self::Thinking => &["thinking"],
            Self::Effort => &["output_config.effort", "effort", "output_config:"],
            Self::Format => &["output_config.format", "output_config:"],
        }
    }
}

/// An option that a request uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OptionUse {
    /// The option.
    pub(crate) option: ModelOption,
    /// What to leave out of the request to avoid it.
    pub(crate) key: OptionKey,
    /// Whether acceptance depends on nothing else in the request, so that the outcome shows what
    /// the model accepts.
    pub(crate) is_decisive: bool,
}

/// Options that a model refuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OptionConflict {
    /// What can be left out to resolve the conflict, least important first.
    pub(crate) keys: Vec<OptionKey>,
}

/// The parts of a request that affect whether a model accepts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestOptions<'r> {
    /// The fields of the body.
    pub(crate) fields: &'r Map<String, Value>,
    /// The tool choice, if it is not among the fields.
    pub(crate) tool_choice: Option<&'r ToolChoice>,
    /// Whether the last turn is the assistant's.
    pub(crate) has_prefill: bool,
}

impl<'r> RequestOptions<'r> {
    /// Returns the parts of a complete request.
    pub(crate) fn of_request(request: &'r CreateMessage) -> Self {
        let last = request.messages.last();
        Self {
            fields: &request.fields,
            tool_choice: request.tool_choice.as_ref(),
            has_prefill: last.is_some_and(|turn| {
                let is_text = |block: &ContentBlock| matches!(block, ContentBlock::Text(_));
                turn.role == Role::Assistant && turn.content.iter().any(is_text)
            }),
        }
    }

    /// Returns every option that the request uses, in the order in which they are checked.
    pub(crate) fn uses(&self) -> Vec<OptionUse> {
        let is_thinking = is_thinking_requested(self.fields);
        let mut uses = Vec::new();
        let mut note = |option, key, is_decisive| {
            uses.push(OptionUse {
                option,
                key,
                is_decisive,
            });
        };
        let thinking = self.thinking_type();
        let has_high_effort = self
            .effort()
            .is_some_and(|effort| EFFORTS_ABOVE_HIGH.contains(&effort));
        if let Some(option) = thinking.and_then(ModelOption::from_thinking_type) {
            note(option, OptionKey::Thinking, is_thinking || !has_high_effort);
        }
        if let Some(effort) = self.effort() {
            let option = ModelOption::from_effort(effort).unwrap_or(ModelOption::Effort);
            let is_limited = thinking.is_some() && !is_thinking && has_high_effort;
            note(option, OptionKey::Effort, !is_limited);
        }
        let number = |key: &str| self.fields.get(key).and_then(Value::as_f64);
        let (temperature, top_p) = (number("temperature"), number("top_p"));
        if temperature.is_some_and(|temperature| temperature < 1.0) {
            note(
                ModelOption::Temperature,
                OptionKey::Temperature,
                !is_thinking,
            );
        }
        if top_p.is_some_and(|top_p| top_p < 0.99) {
            note(ModelOption::TopP, OptionKey::TopP, !is_thinking);
        }
        if self.fields.contains_key("top_k") {
            note(ModelOption::TopK, OptionKey::TopK, !is_thinking);
        }
        if temperature.is_some() && top_p.is_some() {
            note(ModelOption::TemperatureWithTopP, OptionKey::TopP, true);
        }
        if self.is_tool_forced() {
            note(
                ModelOption::ForcedToolChoice,
                OptionKey::ToolChoice,
                !is_thinking,
            );
        }
        if self.has_prefill {
            note(ModelOption::Prefill, OptionKey::Prefill, !is_thinking);
        }
        if self.output_config("format").is_some() {
            note(ModelOption::StructuredOutput, OptionKey::Format, true);
        }
        uses
    }

    /// Returns the first conflict with what is known about the model.
    pub(crate) fn conflict(&self, rules: &ModelRules) -> Option<OptionConflict> {
        let uses = self.uses();
        let refused = |found: &&OptionUse| rules.support(found.option) == Support::No;
        if let Some(found) = uses.iter().find(refused) {
            let keys = match found.option {
                ModelOption::TemperatureWithTopP => vec![OptionKey::TopP, OptionKey::Temperature],
                _ => vec![found.key],
            };
            return Some(OptionConflict { keys });
        }
        let thinking = self.thinking_type()?;
        if is_thinking_requested(self.fields) {
            let excluded = uses.iter().find(|found| {
                matches!(
                    found.option,
                    ModelOption::Temperature
                        | ModelOption::TopK
                        | ModelOption::ForcedToolChoice
                        | ModelOption::Prefill
                )
            })?;
            let keys = vec![excluded.key, OptionKey::Thinking];
            return Some(OptionConflict { keys });
        }
        let has_high_effort = EFFORTS_ABOVE_HIGH.contains(&self.effort()?);
        (has_high_effort && rules.limits_effort(thinking)).then(|| OptionConflict {
            keys: vec![OptionKey::Effort, OptionKey::Thinking],
        })
    }

    /// Returns the thinking budget, if no model accepts it with this `max_tokens`.
    pub(crate) fn unfit_budget(&self, max_tokens: u64) -> Option<u64> {
        if self.thinking_type() != Some("enabled") {
            return None;
        }
        let budget = self.fields["thinking"]["budget_tokens"].as_u64()?;
        let fits = (MIN_THINKING_BUDGET..max_tokens).contains(&budget);
        (!fits).then_some(budget)
    }

    /// Returns the `type` of thinking, if the field is an object as in the body.
    pub(crate) fn thinking_type(&self) -> Option<&'r str> {
        self.fields.get("thinking")?["type"].as_str()
    }

    fn effort(&self) -> Option<&'r str> {
        self.output_config("effort")?.as_str()
    }

    fn output_config(&self, key: &str) -> Option<&'r Value> {
        self.fields.get("output_config")?.get(key)
    }

    /// Whether the model must call a tool.
    pub(crate) fn is_tool_forced(&self) -> bool {
        let of_fields = || self.fields.get("tool_choice")?["type"].as_str();
        let kind = self.tool_choice.and_then(ToolChoice::kind);
        matches!(kind.or_else(of_fields), Some("any" | "tool"))
    }
}

/// Terms of a refusal about what the model accepts, as opposed to an invalid value.
const NOT_ACCEPTED: [&str; 6] = [
    "support",
    "deprecated",
    "not permitted",
    "not allowed",
    "not available",
    "cannot both",
];

/// Returns the options that a refusal says the model does not accept. Only the option it names
/// first counts: any others are suggested alternatives.
pub(crate) fn refused_options(uses: &[OptionUse], message: &str) -> Vec<ModelOption> {
    let message = message.to_lowercase();
    if !NOT_ACCEPTED.iter().any(|word| message.contains(word)) {
        return Vec::new();
    }
    let place_of = |key: OptionKey| {
        let places = key.words().iter().filter_map(|word| message.find(word));
        places.min()
    };
    let keys = [
        OptionKey::Temperature,
        OptionKey::TopP,
        OptionKey::TopK,
        OptionKey::Prefill,
        OptionKey::ToolChoice,
        OptionKey::Thinking,
        OptionKey::Effort,
        OptionKey::Format,
    ];
    let Some(first) = keys.into_iter().filter_map(place_of).min() else {
        return Vec::new();
    };
    let is_together = [OptionKey::Temperature, OptionKey::TopP]
        .into_iter()
        .all(|key| place_of(key).is_some());
    let is_named = |found: &&OptionUse| match found.option {
        ModelOption::TemperatureWithTopP => is_together,
        ModelOption::Temperature | ModelOption::TopP if is_together => false,
        // An invalid schema does not mean that schemas are refused.
        ModelOption::StructuredOutput if message.contains("format.schema") => false,
        _ => place_of(found.key) == Some(first),
    };
    let named = uses.iter().filter(|found| found.is_decisive);
    let named = named.filter(is_named).map(|found| match found.option {
        // Unless it mentions a level, the refusal is about effort in general.
        level if found.key == OptionKey::Effort && !names_a_level(&message, level) => {
            ModelOption::Effort
        }
        option => option,
    });
    named.collect()
}

/// Whether a refusal of effort is about this level.
fn names_a_level(message: &str, level: ModelOption) -> bool {
    let level = level.name().strip_prefix("effort.").unwrap_or_default();
    !level.is_empty()
        && [
            format!("`{level}`"),
            format!("'{level}'"),
            format!("\"{level}\""),
        ]
        .iter()
        .any(|quoted| message.contains(quoted.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(fields: &Value, has_prefill: bool) -> RequestOptions<'_> {
        RequestOptions {
            fields: fields.as_object().expect("an object"),
            tool_choice: None,
            has_prefill,
        }
    }

    fn keys(model: &str, fields: &Value) -> Vec<OptionKey> {
        let conflict = options(fields, false).conflict(&ModelRules::for_model(model));
        conflict.map_or_else(Vec::new, |conflict| conflict.keys)
    }

    #[test]
    fn a_model_without_a_row_refuses_only_what_no_model_accepts() {
        use OptionKey::{Temperature, Thinking, ToolChoice, TopK};
        let model = "my-claude-opus-5";
        for accepted in [
            json!({}),
            json!({"temperature": 0.5, "top_p": 0.5, "top_k": 1}),
            json!({"tool_choice": {"type": "any"}}),
            json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}),
            json!({"thinking": {"type": "adaptive"}, "temperature": 1}),
            json!({"thinking": {"type": "adaptive"}, "tool_choice": {"type": "auto"}}),
        ] {
            assert_eq!(keys(model, &accepted), [], "{accepted}");
        }
        for (fields, expected) in [
            (json!({"temperature": 0.5}), Temperature),
            (json!({"top_k": 1}), TopK),
            (
                json!({"tool_choice": {"type": "tool", "name": "a"}}),
                ToolChoice,
            ),
        ] {
            for thinking in [
                json!({"type": "adaptive"}),
                json!({"type": "enabled", "budget_tokens": 1024}),
            ] {
                let mut fields = fields.clone();
                fields["thinking"] = thinking;
                assert_eq!(keys(model, &fields), [expected, Thinking], "{fields}");
            }
        }
    }

    #[test]
    fn what_a_model_refuses_is_found() {
        use OptionKey::{Effort, Temperature, Thinking, ToolChoice, TopK, TopP};
        for (model, fields, expected) in [
            (
                "claude-opus-4-8",
                json!({"temperature": 0.5}),
                &[Temperature][..],
            ),
            ("claude-opus-4-8", json!({"temperature": 1.0}), &[]),
            ("claude-opus-4-8", json!({"top_p": 0.98}), &[TopP]),
            ("claude-opus-4-8", json!({"top_p": 0.99}), &[]),
            ("claude-opus-4-8", json!({"top_k": 40}), &[TopK]),
            (
                "claude-sonnet-4-5",
                json!({"temperature": 0.5, "top_p": 0.9}),
                &[TopP, Temperature],
            ),
            (
                "claude-3-haiku-20240307",
                json!({"temperature": 0.5, "top_p": 0.9, "top_k": 3}),
                &[],
            ),
            (
                "claude-opus-5-5",
                json!({"tool_choice": {"type": "any"}}),
                &[ToolChoice],
            ),
            (
                "claude-opus-5",
                json!({"tool_choice": {"type": "any"}}),
                &[],
            ),
            (
                "claude-fable-5",
                json!({"thinking": {"type": "disabled"}}),
                &[Thinking],
            ),
            (
                "claude-opus-5",
                json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}),
                &[],
            ),
            (
                "claude-opus-5",
                json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "xhigh"}}),
                &[Effort, Thinking],
            ),
            (
                "claude-sonnet-5-5",
                json!({"thinking": {"type": "between_tools"}, "output_config": {"effort": "max"}}),
                &[Effort, Thinking],
            ),
            (
                "claude-haiku-4-5-20251001",
                json!({"output_config": {"effort": "low"}}),
                &[Effort],
            ),
        ] {
            assert_eq!(keys(model, &fields), expected, "{model} {fields}");
        }
        let prefilled = json!({});
        let conflict = |model| {
            let rules = ModelRules::for_model(model);
            options(&prefilled, true).conflict(&rules)
        };
        assert!(conflict("claude-sonnet-4-6").is_some());
        assert!(conflict("claude-sonnet-4-5").is_none());
    }

    #[test]
    fn a_budget_has_to_leave_tokens_for_the_answer() {
        let unfit = |budget: u64, max_tokens| {
            let fields = json!({"thinking": {"type": "enabled", "budget_tokens": budget}});
            options(&fields, false).unfit_budget(max_tokens)
        };
        assert_eq!(unfit(1024, 1025), None);
        assert_eq!(unfit(1024, 1024), Some(1024));
        assert_eq!(unfit(1023, 4096), Some(1023));
        let adaptive = json!({"thinking": {"type": "adaptive"}});
        assert_eq!(options(&adaptive, false).unfit_budget(1), None);
    }

    #[test]
    fn a_refusal_teaches_the_option_that_it_names_first_and_no_other() {
        let all = json!({
            "temperature": 0.5,
            "top_k": 4,
            "output_config": {"effort": "xhigh"},
            "tool_choice": {"type": "any"},
        });
        for (fields, message, expected) in [
            (
                &all,
                "`temperature` is deprecated for this model.",
                &[ModelOption::Temperature][..],
            ),
            (
                &all,
                "tool_choice: type \"tool\" and \"any\" are not supported for this model.",
                &[ModelOption::ForcedToolChoice],
            ),
            (
                &all,
                "This model does not support the effort parameter.",
                &[ModelOption::Effort],
            ),
            (
                &all,
                "effort 'xhigh' is not supported; supported levels: 'low', 'high'",
                &[ModelOption::XhighEffort],
            ),
            (
                &json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
                "\"thinking.type.enabled\" is not supported for this model. Use \
                 \"thinking.type.adaptive\" and \"output_config.effort\".",
                &[ModelOption::EnabledThinking],
            ),
            (
                &json!({"temperature": 0.5, "top_p": 0.5}),
                "`temperature` and `top_p` cannot both be specified for this model.",
                &[ModelOption::TemperatureWithTopP],
            ),
            (
                &json!({"temperature": 0.5, "thinking": {"type": "adaptive"}}),
                "`temperature` is not supported when thinking is enabled",
                &[],
            ),
            (
                &json!({"thinking": {"type": "enabled", "budget_tokens": 5000}}),
                "`max_tokens` must be greater than `thinking.budget_tokens`",
                &[],
            ),
            (&all, "prompt is too long: 9 tokens > 8 maximum", &[]),
            (&all, "max_tokens: not supported", &[]),
            (
                &json!({"output_config": {"format": {"type": "json_schema"}}}),
                "output_config.format.schema: 'minimum' is not supported",
                &[],
            ),
            (
                &json!({"output_config": {"format": {"type": "json_schema"}, "effort": "low"}}),
                "output_config: Extra inputs are not permitted",
                &[ModelOption::Effort, ModelOption::StructuredOutput],
            ),
        ] {
            let uses = options(fields, false).uses();
            assert_eq!(refused_options(&uses, message), expected, "{message}");
        }
        let empty = json!({});
        let prefilled = options(&empty, true).uses();
        let message = "This model does not support assistant message prefill. The conversation \
                       must end with a user message.";
        assert_eq!(refused_options(&prefilled, message), [ModelOption::Prefill]);
    }
}
