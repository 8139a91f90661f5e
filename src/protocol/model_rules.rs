//! What each Claude model accepts: the only table of model-dependent facts.
//!
//! As of 2026-11-28, from Anthropic's SDK 2.14.0, its model and migration pages, and reports of
//! what Langdock's endpoint refuses. A rule applies only to models it is known for: an id without a
//! row, such as a later version, has no rules, and its requests are sent unchanged.
//!
//! The table is only a fallback: what the endpoint itself refused or accepted takes precedence,
//! then the `capabilities` in its model list. A request is never refused because of a number in
//! this table.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::claude_model::ClaudeModel;
use super::claude_model::ModelFamily::{Fable, Haiku, Opus, Sonnet};
use super::prompt_caching::CACHE_CONTROL;
use Support::{No, Unknown, Yes};

/// The maximum number of images in a request to a model with a window of [`LONG_WINDOW`]. Source:
/// Anthropic's vision page, `build-with-claude/vision`; unverified against Langdock.
pub(crate) const MAX_PICTURES: usize = 600;

/// The maximum number of images in a request to any other model.
pub(crate) const MAX_PICTURES_OF_SHORT_WINDOW: usize = 100;

/// The maximum number of pages of a PDF for a model with a window of [`LONG_WINDOW`]. Source:
/// Anthropic's page `build-with-claude/pdf-support`; unverified against Langdock.
pub(crate) const MAX_PDF_PAGES: u64 = 600;

/// The same for any other model.
pub(crate) const MAX_PDF_PAGES_OF_SHORT_WINDOW: u64 = 100;

/// The context window from which on a request may have more images, in tokens.
pub(crate) const LONG_WINDOW: u64 = 1_000_000;

/// Whether a model accepts something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// It is known to accept it.
    Yes,
    /// It is known to refuse it with a 400.
    No,
    /// It is not known.
    Unknown,
}

impl Support {
    /// Converts a `supported` from a model list.
    fn from_bool(is_supported: bool) -> Self {
        if is_supported { Yes } else { No }
    }
}

/// A part of a request that some models accept and others refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ModelOption {
    /// A `temperature` other than 1.
    Temperature,
    /// A `top_p` below 0.99.
    TopP,
    /// Any `top_k`.
    TopK,
    /// `temperature` and `top_p` in the same request.
    TemperatureWithTopP,
    /// A last turn by the assistant, which the model continues.
    Prefill,
    /// `tool_choice` of the type `any` or `tool`, without the field `thinking`.
    ForcedToolChoice,
    /// `thinking` of the type `enabled`, with a budget.
    EnabledThinking,
    /// `thinking` of the type `adaptive`.
    AdaptiveThinking,
    /// `thinking` of the type `between_tools`.
    BetweenToolsThinking,
    /// `thinking` of the type `disabled`.
    DisabledThinking,
    /// `output_config.effort`, at any level.
    Effort,
    /// The effort level `low`.
    LowEffort,
    /// The effort level `medium`.
    MediumEffort,
    /// The effort level `high`.
    HighEffort,
    /// The effort level `xhigh`.
    XhighEffort,
    /// The effort level `max`.
    MaxEffort,
    /// `output_config.format` with a JSON schema.
    StructuredOutput,
    /// `cache_control` on tools and content blocks.
    CacheMarks,
}

impl ModelOption {
    /// Every option, in display order.
    pub(crate) const ALL: [Self; 18] = [
        Self::Temperature,
        Self::TopP,
        Self::TopK,
        Self::TemperatureWithTopP,
        Self::Prefill,
        Self::ForcedToolChoice,
        Self::EnabledThinking,
        Self::AdaptiveThinking,
        Self::BetweenToolsThinking,
        Self::DisabledThinking,
        Self::Effort,
        Self::LowEffort,
        Self::MediumEffort,
        Self::HighEffort,
        Self::XhighEffort,
        Self::MaxEffort,
        Self::StructuredOutput,
        Self::CacheMarks,
    ];

    /// Returns its name in lists and in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::TemperatureWithTopP => "temperature+top_p",
            Self::Prefill => "prefill",
            Self::ForcedToolChoice => "tool_choice",
            Self::EnabledThinking => "thinking.enabled",
            Self::AdaptiveThinking => "thinking.adaptive",
            Self::BetweenToolsThinking => "thinking.between_tools",
            Self::DisabledThinking => "thinking.disabled",
            Self::Effort => "effort",
            Self::LowEffort => "effort.low",
            Self::MediumEffort => "effort.medium",
            Self::HighEffort => "effort.high",
            Self::XhighEffort => "effort.xhigh",
            Self::MaxEffort => "effort.max",
            Self::StructuredOutput => "output_config.format",
            Self::CacheMarks => CACHE_CONTROL,
        }
    }

    /// Returns the option with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|option| option.name() == name)
    }

    /// Returns the option for a `type` of thinking.
    pub(crate) fn from_thinking_type(name: &str) -> Option<Self> {
        match name {
            "enabled" => Some(Self::EnabledThinking),
            "adaptive" => Some(Self::AdaptiveThinking),
            "between_tools" => Some(Self::BetweenToolsThinking),
            "disabled" => Some(Self::DisabledThinking),
            _ => None,
        }
    }

    /// Returns the option for an effort level.
    pub(crate) fn from_effort(level: &str) -> Option<Self> {
        match level {
            "low" => Some(Self::LowEffort),
            "medium" => Some(Self::MediumEffort),
            "high" => Some(Self::HighEffort),
            "xhigh" => Some(Self::XhighEffort),
            "max" => Some(Self::MaxEffort),
            _ => None,
        }
    }

    /// Whether it is an effort level.
    fn is_effort_level(self) -> bool {
        matches!(
            self,
            Self::LowEffort
                | Self::MediumEffort
                | Self::HighEffort
                | Self::XhighEffort
                | Self::MaxEffort
        )
    }
}

/// What a model does if the request has no field `thinking`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThinkingStart {
    /// It cannot think.
    Never,
    /// It thinks only on request.
    OnRequest,
    /// It thinks by default.
    ByDefault,
    /// It always thinks.
    Always,
}

/// The sampling fields that a model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SamplingRule {
    /// All of them, with any value.
    Free,
    /// Either `temperature` or `top_p`.
    TemperatureOrTopP,
    /// Only values without effect: `temperature` 1 and `top_p` from 0.99 on.
    Fixed,
}

/// The types of `thinking` that a model accepts.
#[derive(Debug, Clone, Copy)]
struct ThinkingRule {
    start: ThinkingStart,
    enabled: Support,
    adaptive: Support,
    between_tools: Support,
    disabled: Support,
    /// Whether `disabled` is refused at an effort above `high`.
    limits_effort_when_disabled: bool,
}

impl ThinkingRule {
    /// Models that cannot think.
    const NEVER: Self = Self {
        start: ThinkingStart::Never,
        enabled: No,
        adaptive: No,
        between_tools: No,
        disabled: No,
        limits_effort_when_disabled: false,
    };
    /// Models that think with a budget.
    const WITH_BUDGET: Self = Self {
        start: ThinkingStart::OnRequest,
        enabled: Yes,
        adaptive: No,
        between_tools: No,
        disabled: Yes,
        limits_effort_when_disabled: false,
    };
    /// Models that think adaptively on request.
    const ADAPTIVE_ON_REQUEST: Self = Self {
        start: ThinkingStart::OnRequest,
        enabled: No,
        adaptive: Yes,
        between_tools: No,
        disabled: Yes,
        limits_effort_when_disabled: false,
    };
    /// Models that think adaptively by default.
    const ADAPTIVE: Self = Self {
        start: ThinkingStart::ByDefault,
        ..Self::ADAPTIVE_ON_REQUEST
    };
    /// Models that think adaptively and cannot be stopped from thinking.
    const ALWAYS: Self = Self {
        start: ThinkingStart::Always,
        disabled: No,
        ..Self::ADAPTIVE_ON_REQUEST
    };
}

/// A row of the table.
#[derive(Debug)]
struct ModelRow {
    models: &'static [ClaudeModel],
    thinking: ThinkingRule,
    forced_tool_choice: Support,
    prefill: Support,
    sampling: SamplingRule,
    /// `output_config.effort`. Its levels are learned from the endpoint.
    effort: Support,
    /// Unverified against Langdock, so at best `Unknown`.
    structured_output: Support,
    /// The smallest output limit among the models of this row, in tokens.
    output_limit: u64,
    /// The smallest context window, in tokens.
    context_window: u64,
}

impl ModelRow {
    /// The rules of 4.7 and later, except what each row overrides.
    const LATEST: Self = Self {
        models: &[],
        thinking: ThinkingRule::ADAPTIVE,
        forced_tool_choice: Yes,
        prefill: No,
        sampling: SamplingRule::Fixed,
        effort: Yes,
        structured_output: Unknown,
        output_limit: 128_000,
        context_window: 1_000_000,
    };
    /// The rules of versions 4 to 4.5.
    const FOURTH: Self = Self {
        models: &[],
        thinking: ThinkingRule::WITH_BUDGET,
        forced_tool_choice: Yes,
        prefill: Yes,
        sampling: SamplingRule::TemperatureOrTopP,
        effort: No,
        structured_output: No,
        output_limit: 32_000,
        context_window: 200_000,
    };
    /// The rules of the version 3 models, 3.5 and 3.7 included.
    const THIRD: Self = Self {
        thinking: ThinkingRule::NEVER,
        sampling: SamplingRule::Free,
        output_limit: 4096,
        ..Self::FOURTH
    };
}

/// Shorthand for a model in the table.
const fn model(family: super::claude_model::ModelFamily, major: u8, minor: u8) -> ClaudeModel {
    ClaudeModel {
        family,
        major,
        minor,
    }
}

/// The table, newest models first.
static MODEL_ROWS: [ModelRow; 13] = [
    ModelRow {
        models: &[model(Opus, 5, 5), model(Fable, 5, 1), model(Fable, 5, 2)],
        thinking: ThinkingRule::ALWAYS,
        forced_tool_choice: No,
        ..ModelRow::LATEST
    },
    ModelRow {
        models: &[model(Sonnet, 5, 5)],
        thinking: ThinkingRule {
            between_tools: Yes,
            disabled: No,
            ..ThinkingRule::ADAPTIVE
        },
        forced_tool_choice: No,
        ..ModelRow::LATEST
    },
    ModelRow {
        models: &[model(Haiku, 5, 5), model(Opus, 5, 0)],
        thinking: ThinkingRule {
            limits_effort_when_disabled: true,
            ..ThinkingRule::ADAPTIVE
        },
        ..ModelRow::LATEST
    },
    ModelRow {
        models: &[model(Sonnet, 5, 0)],
        ..ModelRow::LATEST
    },
    ModelRow {
        models: &[model(Fable, 5, 0)],
        thinking: ThinkingRule::ALWAYS,
        ..ModelRow::LATEST
    },
    ModelRow {
        models: &[model(Opus, 4, 7), model(Opus, 4, 8)],
        thinking: ThinkingRule::ADAPTIVE_ON_REQUEST,
        ..ModelRow::LATEST
    },
    // A budget is deprecated by Anthropic and refused through Langdock.
    ModelRow {
        models: &[model(Opus, 4, 6), model(Sonnet, 4, 6)],
        thinking: ThinkingRule::ADAPTIVE_ON_REQUEST,
        sampling: SamplingRule::TemperatureOrTopP,
        output_limit: 64_000,
        context_window: 200_000,
        ..ModelRow::LATEST
    },
    ModelRow {
        models: &[model(Opus, 4, 5)],
        effort: Unknown,
        structured_output: Unknown,
        ..ModelRow::FOURTH
    },
    ModelRow {
        models: &[model(Haiku, 4, 5), model(Sonnet, 4, 5)],
        structured_output: Unknown,
        ..ModelRow::FOURTH
    },
    ModelRow {
        models: &[model(Opus, 4, 1), model(Opus, 4, 0), model(Sonnet, 4, 0)],
        ..ModelRow::FOURTH
    },
    ModelRow {
        models: &[model(Sonnet, 3, 7)],
        thinking: ThinkingRule::WITH_BUDGET,
        output_limit: 64_000,
        ..ModelRow::THIRD
    },
    ModelRow {
        models: &[model(Haiku, 3, 5), model(Sonnet, 3, 5)],
        output_limit: 8192,
        ..ModelRow::THIRD
    },
    ModelRow {
        models: &[model(Opus, 3, 0), model(Sonnet, 3, 0), model(Haiku, 3, 0)],
        ..ModelRow::THIRD
    },
];

/// Which options a model accepts according to the endpoint.
pub(crate) type OptionFacts = BTreeMap<ModelOption, bool>;

/// What is known about one model: from the endpoint's refusals, from its list, and from the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModelRules {
    learned: OptionFacts,
    listed: OptionFacts,
    row: Option<&'static ModelRow>,
}

impl ModelRules {
    /// Returns what the table has on the model with this id.
    pub(crate) fn for_model(id: &str) -> Self {
        let row = ClaudeModel::from_id(id)
            .and_then(|model| MODEL_ROWS.iter().find(|row| row.models.contains(&model)));
        Self {
            row,
            ..Self::default()
        }
    }

    /// Adds facts from the endpoint's model list.
    pub(crate) fn with_listed(self, listed: OptionFacts) -> Self {
        Self { listed, ..self }
    }

    /// Adds what the endpoint has refused or accepted before.
    pub(crate) fn with_learned(self, learned: OptionFacts) -> Self {
        Self { learned, ..self }
    }

    /// Returns whether the model accepts an option on its own. For options that depend on others
    /// there are separate methods: [`Self::forced_tool_choice`], [`Self::prefill`].
    pub(crate) fn support(&self, option: ModelOption) -> Support {
        for facts in [&self.learned, &self.listed] {
            if let Some(is_supported) = facts.get(&option) {
                return Support::from_bool(*is_supported);
            }
        }
        if option.is_effort_level() {
            // A model without effort has none of its levels; one with it may lack some.
            return match self.support(ModelOption::Effort) {
                No => No,
                Yes | Unknown => Unknown,
            };
        }
        self.row.map_or(Unknown, |row| row.support(option))
    }

    /// Returns whether the model accepts a `tool_choice` of the type `any` or `tool` together with
    /// these fields of the body. With `thinking` `enabled` or `adaptive`, every model refuses it.
    #[allow(
        dead_code,
        reason = "the choice of how to ask for what matches a schema is made by it"
    )]
    pub(crate) fn forced_tool_choice(&self, fields: &Map<String, Value>) -> Support {
        if is_thinking_requested(fields) {
            No
        } else {
            self.support(ModelOption::ForcedToolChoice)
        }
    }

    /// Returns whether the model continues a last turn by the assistant, given these fields of the
    /// body. With `thinking` `enabled` or `adaptive`, no model does.
    pub(crate) fn prefill(&self, fields: &Map<String, Value>) -> Support {
        if is_thinking_requested(fields) {
            No
        } else {
            self.support(ModelOption::Prefill)
        }
    }

    /// Returns what the model does if the request has no field `thinking`; `None` if that is not
    /// known.
    pub(crate) fn thinking_start(&self) -> Option<ThinkingStart> {
        Some(self.row?.thinking.start)
    }

    /// Whether this type of `thinking` is refused at an effort above `high`.
    pub(crate) fn limits_effort(&self, thinking_type: &str) -> bool {
        match thinking_type {
            "between_tools" => true,
            "disabled" => self
                .row
                .is_some_and(|row| row.thinking.limits_effort_when_disabled),
            _ => false,
        }
    }

    /// Returns the minimum output limit, in tokens. It is a default and never a reason to refuse.
    pub(crate) fn output_limit(&self) -> Option<u64> {
        Some(self.row?.output_limit)
    }

    /// Returns the maximum number of images in a request. Only pictures that tools return are left
    /// out because of it.
    pub(crate) fn max_pictures(&self) -> Option<usize> {
        self.context_window().map(|window| {
            if window >= LONG_WINDOW {
                MAX_PICTURES
            } else {
                MAX_PICTURES_OF_SHORT_WINDOW
            }
        })
    }

    /// Returns the minimum context window, in tokens. It is shown, and never a reason to refuse.
    pub(crate) fn context_window(&self) -> Option<u64> {
        Some(self.row?.context_window)
    }
}

impl ModelRow {
    fn support(&self, option: ModelOption) -> Support {
        let sampling = |is_supported| Support::from_bool(is_supported);
        match option {
            ModelOption::Temperature | ModelOption::TopP | ModelOption::TopK => {
                sampling(self.sampling != SamplingRule::Fixed)
            }
            ModelOption::TemperatureWithTopP => sampling(self.sampling == SamplingRule::Free),
            ModelOption::Prefill => self.prefill,
            ModelOption::ForcedToolChoice => self.forced_tool_choice,
            ModelOption::EnabledThinking => self.thinking.enabled,
            ModelOption::AdaptiveThinking => self.thinking.adaptive,
            ModelOption::BetweenToolsThinking => self.thinking.between_tools,
            ModelOption::DisabledThinking => self.thinking.disabled,
            ModelOption::Effort => self.effort,
            ModelOption::LowEffort
            | ModelOption::MediumEffort
            | ModelOption::HighEffort
            | ModelOption::XhighEffort
            | ModelOption::MaxEffort => Unknown,
            ModelOption::StructuredOutput => self.structured_output,
            // Which models cache nothing is not known.
            ModelOption::CacheMarks => Unknown,
        }
    }
}

/// Whether the fields of a body request thinking, which excludes a forced tool choice, prefill and
/// sampling parameters. `thinking` may also be the user's value that is converted once the model is
/// known.
pub(crate) fn is_thinking_requested(fields: &Map<String, Value>) -> bool {
    match fields.get("thinking") {
        Some(Value::String(wish)) => wish == "auto",
        Some(Value::Number(_)) => true,
        Some(thinking) => matches!(thinking["type"].as_str(), Some("enabled" | "adaptive")),
        None => false,
    }
}

/// Converts the `capabilities` of a model in a list. Options that it does not name are left out.
pub(crate) fn listed_facts(capabilities: &Value) -> OptionFacts {
    let is_supported = |leaf: &Value| leaf["supported"].as_bool();
    let mut facts = OptionFacts::new();
    let mut note = |option, is_supported: Option<bool>| {
        if let Some(is_supported) = is_supported {
            facts.insert(option, is_supported);
        }
    };
    let thinking = &capabilities["thinking"];
    for name in ["enabled", "adaptive", "between_tools", "disabled"] {
        let Some(option) = ModelOption::from_thinking_type(name) else {
            continue;
        };
        let is_form = is_supported(&thinking["types"][name]);
        // A model that cannot think accepts no type of thinking, listed or not.
        let never = is_supported(thinking).filter(|can_think| !can_think);
        note(option, never.or(is_form));
    }
    let effort = &capabilities["effort"];
    note(ModelOption::Effort, is_supported(effort));
    for level in ["low", "medium", "high", "xhigh", "max"] {
        if let Some(option) = ModelOption::from_effort(level) {
            note(option, is_supported(&effort[level]));
        }
    }
    note(
        ModelOption::StructuredOutput,
        is_supported(&capabilities["structured_outputs"]),
    );
    facts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One id of each family in the table, and ids in the old and new formats.
    const KNOWN_IDS: [&str; 40] = [
        "claude-opus-5-5-default",
        "claude-fable-5-1-default",
        "claude-fable-5-2",
        "claude-sonnet-5-5-20260928",
        "claude-haiku-5-5@20261007",
        "claude-opus-5-default",
        "claude-sonnet-5-default",
        "claude-fable-5",
        "claude-opus-4-7",
        "claude-opus-4-8-default",
        "claude-opus-4-6-default",
        "claude-sonnet-4-6-default",
        "claude-opus-4-5-20251101",
        "claude-haiku-4-5-20251001",
        "claude-haiku-4-5@20251001",
        "claude-haiku-4-5-default",
        "claude-sonnet-4-5-20250929",
        "claude-opus-4-1-20250805",
        "claude-opus-4-20250514",
        "claude-sonnet-4-20250514",
        "claude-3-7-sonnet-20250219",
        "claude-3-5-haiku-20241022",
        "claude-3-5-sonnet-20240620",
        "claude-3-5-sonnet",
        "claude-3-opus-20240229",
        "claude-3-sonnet-20240229",
        "claude-3-haiku-20240307",
        "eu.anthropic.claude-sonnet-4-20250514-v1:0",
        "us.anthropic.claude-opus-4-1-20250805-v1:0",
        "global.anthropic.claude-sonnet-5-5",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "claude-sonnet-4",
        "claude-opus-4-0",
        "claude-opus-5",
        "claude-opus-5-5",
        "claude-sonnet-5",
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-fable-5-1",
        "claude-sonnet-4-6",
    ];

    const UNKNOWN_IDS: [&str; 13] = [
        "my-claude-opus-5",
        "claude-opus-5-preview",
        "claude-opus-6",
        "claude-sonnet-6-default",
        "claude-sonnet-4-9",
        "claude-opus-55",
        "claude-haiku-5",
        "claude-mythos-5",
        "claude-mythos-5-2",
        "claude-2-1",
        "claude-opus-4-8-fast",
        "gpt-5-mini",
        "",
    ];

    fn support(id: &str, option: ModelOption) -> Support {
        ModelRules::for_model(id).support(option)
    }

    #[test]
    fn each_model_has_the_options_of_its_row() {
        use ModelOption::{
            AdaptiveThinking, BetweenToolsThinking, DisabledThinking, Effort, EnabledThinking,
            ForcedToolChoice, Prefill, StructuredOutput, Temperature, TemperatureWithTopP, TopK,
            TopP,
        };
        let options = [
            EnabledThinking,
            AdaptiveThinking,
            BetweenToolsThinking,
            DisabledThinking,
            ForcedToolChoice,
            Prefill,
            Temperature,
            TemperatureWithTopP,
            Effort,
            StructuredOutput,
        ];
        for (ids, expected) in [
            (
                &["claude-opus-5-5", "claude-fable-5-1", "claude-fable-5-2"][..],
                "n y n n n n n n y ?",
            ),
            (&["claude-sonnet-5-5-20260928"], "n y y n n n n n y ?"),
            (
                &["claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5"],
                "n y n y y n n n y ?",
            ),
            (&["claude-fable-5"], "n y n n y n n n y ?"),
            (
                &["claude-opus-4-7", "claude-opus-4-8-default"],
                "n y n y y n n n y ?",
            ),
            (
                &["claude-opus-4-6-default", "claude-sonnet-4-6"],
                "n y n y y n y n y ?",
            ),
            (&["claude-opus-4-5-20251101"], "y n n y y y y n ? ?"),
            (
                &["claude-haiku-4-5@20251001", "claude-sonnet-4-5-20250929"],
                "y n n y y y y n n ?",
            ),
            (
                &[
                    "claude-opus-4-1-20250805",
                    "claude-opus-4-20250514",
                    "claude-sonnet-4-20250514",
                ],
                "y n n y y y y n n n",
            ),
            (&["claude-3-7-sonnet-20250219"], "y n n y y y y y n n"),
            (
                &[
                    "claude-3-5-haiku-20241022",
                    "claude-3-5-sonnet-20240620",
                    "claude-3-opus-20240229",
                    "claude-3-sonnet-20240229",
                    "claude-3-haiku-20240307",
                ],
                "n n n n y y y y n n",
            ),
            (&UNKNOWN_IDS, "? ? ? ? ? ? ? ? ? ?"),
        ] {
            for id in ids {
                let answers = options.map(|option| match support(id, option) {
                    Yes => "y",
                    No => "n",
                    Unknown => "?",
                });
                assert_eq!(answers.join(" "), expected, "{id}");
                assert_eq!(support(id, TopP), support(id, Temperature), "{id}");
                assert_eq!(support(id, TopK), support(id, Temperature), "{id}");
            }
        }
    }

    #[test]
    fn ids_with_a_row_have_rules_and_all_others_have_none() {
        for id in KNOWN_IDS {
            assert!(ModelRules::for_model(id).output_limit().is_some(), "{id}");
        }
        for id in UNKNOWN_IDS {
            let rules = ModelRules::for_model(id);
            assert_eq!(rules.output_limit(), None, "{id}");
            assert_eq!(rules.context_window(), None, "{id}");
            assert_eq!(rules.thinking_start(), None, "{id}");
            for option in ModelOption::ALL {
                assert_eq!(rules.support(option), Unknown, "{id}: {option:?}");
            }
        }
    }

    #[test]
    fn the_context_window_is_the_smaller_one_where_a_version_has_two() {
        for (id, window) in [
            ("claude-opus-5-5-default", 1_000_000),
            ("claude-opus-4-7-default", 1_000_000),
            ("claude-sonnet-4-6-default", 200_000),
            ("claude-opus-4-5-default", 200_000),
            ("claude-haiku-4-5@20251001", 200_000),
            ("claude-3-7-sonnet-20250219", 200_000),
            ("claude-3-haiku-20240307", 200_000),
        ] {
            let rules = ModelRules::for_model(id);
            assert_eq!(rules.context_window(), Some(window), "{id}");
        }
    }

    #[test]
    fn a_model_has_one_row_at_most() {
        let models: Vec<_> = MODEL_ROWS.iter().flat_map(|row| row.models).collect();
        for (place, model) in models.iter().enumerate() {
            assert!(!models[..place].contains(model), "{model:?}");
        }
    }

    #[test]
    fn requested_thinking_forbids_forced_tools_and_prefill_on_every_model() {
        let fields = |thinking: Value| Map::from_iter([("thinking".to_owned(), thinking)]);
        let budget = json!({"type": "enabled", "budget_tokens": 1024});
        for id in KNOWN_IDS.iter().chain(&UNKNOWN_IDS) {
            let rules = ModelRules::for_model(id);
            let adaptive = json!({"type": "adaptive"});
            for thinking in [budget.clone(), adaptive, json!("auto"), json!(2000)] {
                let fields = fields(thinking);
                assert_eq!(rules.forced_tool_choice(&fields), No, "{id}");
                assert_eq!(rules.prefill(&fields), No, "{id}");
            }
            let off = [json!({"type": "disabled"}), json!("off")].map(fields);
            for fields in off.into_iter().chain([Map::new()]) {
                assert_eq!(
                    rules.forced_tool_choice(&fields),
                    rules.support(ModelOption::ForcedToolChoice)
                );
                assert_eq!(rules.prefill(&fields), rules.support(ModelOption::Prefill));
            }
        }
    }

    #[test]
    fn what_was_learned_goes_before_the_list_and_the_list_before_the_table() {
        let facts = |option, is_supported| OptionFacts::from([(option, is_supported)]);
        let rules = ModelRules::for_model("claude-opus-4-8");
        assert_eq!(rules.support(ModelOption::EnabledThinking), No);
        let rules = rules.with_listed(facts(ModelOption::EnabledThinking, true));
        assert_eq!(rules.support(ModelOption::EnabledThinking), Yes);
        let rules = rules.with_learned(facts(ModelOption::EnabledThinking, false));
        assert_eq!(rules.support(ModelOption::EnabledThinking), No);
        let rules = rules.with_learned(facts(ModelOption::TopK, true));
        assert_eq!(rules.support(ModelOption::TopK), Yes);
    }

    #[test]
    fn a_level_of_effort_is_known_from_the_endpoint_only() {
        let rules = ModelRules::for_model("claude-opus-5");
        assert_eq!(rules.support(ModelOption::MaxEffort), Unknown);
        let without = ModelRules::for_model("claude-3-haiku-20240307");
        assert_eq!(without.support(ModelOption::LowEffort), No);
        let listed = listed_facts(&json!({"effort": {
            "supported": true, "low": {"supported": true}, "max": {"supported": false},
        }}));
        let rules = without.with_listed(listed);
        assert_eq!(rules.support(ModelOption::Effort), Yes);
        assert_eq!(rules.support(ModelOption::LowEffort), Yes);
        assert_eq!(rules.support(ModelOption::XhighEffort), Unknown);
        assert_eq!(rules.support(ModelOption::MaxEffort), No);
    }

    #[test]
    fn capabilities_of_a_list_are_read_as_far_as_they_are_there() {
        let capabilities = json!({
            "thinking": {
                "supported": true,
                "types": {"adaptive": {"supported": true}, "enabled": {"supported": false}},
            },
            "structured_outputs": {"supported": true},
            "image_input": {"supported": true},
        });
        let expected = OptionFacts::from([
            (ModelOption::AdaptiveThinking, true),
            (ModelOption::EnabledThinking, false),
            (ModelOption::StructuredOutput, true),
        ]);
        assert_eq!(listed_facts(&capabilities), expected);
        let never = listed_facts(&json!({"thinking": {"supported": false}}));
        assert_eq!(never.len(), 4);
        assert!(never.values().all(|is_supported| !is_supported));
        for odd in [
            Value::Null,
            json!([]),
            json!("x"),
            json!({"effort": true, "thinking": 7}),
        ] {
            assert_eq!(listed_facts(&odd), OptionFacts::new(), "{odd}");
        }
    }

    #[test]
    fn an_option_is_found_by_its_name() {
        for option in ModelOption::ALL {
            assert_eq!(ModelOption::from_name(option.name()), Some(option));
        }
        assert_eq!(ModelOption::from_name("x"), None);
    }

    #[test]
    fn the_highest_efforts_need_thinking_on_some_models() {
        let limits = |id: &str, thinking| ModelRules::for_model(id).limits_effort(thinking);
        assert!(limits("claude-opus-5", "disabled"));
        assert!(limits("claude-haiku-5-5", "disabled"));
        assert!(!limits("claude-sonnet-5", "disabled"));
        assert!(!limits("claude-opus-5", "adaptive"));
        assert!(limits("claude-sonnet-5-5", "between_tools"));
    }

    #[test]
    fn only_the_3s_cannot_think() {
        let start = |id: &str| ModelRules::for_model(id).thinking_start();
        for (id, expected) in [
            ("claude-fable-5-2", ThinkingStart::Always),
            ("claude-sonnet-5", ThinkingStart::ByDefault),
            ("claude-opus-4-8", ThinkingStart::OnRequest),
            ("claude-3-7-sonnet", ThinkingStart::OnRequest),
            ("claude-3-5-sonnet", ThinkingStart::Never),
        ] {
            assert_eq!(start(id), Some(expected), "{id}");
        }
    }
}
