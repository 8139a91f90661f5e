//! The ways to ask a model for an answer that matches a schema, and which to try next when one was
//! refused.
//!
//! Pure: facts about the model, the schema and earlier attempts are passed as values.

use crate::protocol::Support;

/// The user's choice of how to ask the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SchemaMode {
    /// Try each way in turn.
    #[default]
    Auto,
    /// Use the field `output_config.format`.
    Native,
    /// Use a tool.
    Tool,
    /// Put the schema into the prompt.
    Prompt,
}

/// A way to ask for an answer that matches a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaWay {
    /// The model must call a tool.
    ForcedTool,
    /// `output_config.format` contains the schema.
    OutputFormat,
    /// The model may call a tool.
    FreeTool,
    /// The schema is part of the prompt.
    Prompt,
}

impl SchemaWay {
    /// Every way, in the order of trying.
    const ALL: [Self; 4] = [
        Self::ForcedTool,
        Self::OutputFormat,
        Self::FreeTool,
        Self::Prompt,
    ];

    /// Returns its name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ForcedTool => "forced_tool",
            Self::OutputFormat => "output_format",
            Self::FreeTool => "free_tool",
            Self::Prompt => "prompt",
        }
    }

    /// Returns the way with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// Whether the message of a 400 is about what this way adds to a request.
    pub(super) fn is_refused_by(self, message: &str) -> bool {
        let names: &[&str] = match self {
            Self::ForcedTool => &["tool_choice", "tools", "forces tool use"],
            Self::OutputFormat => &[
                "output_config",
                "output_format",
                "json_schema",
                "structured output",
            ],
            Self::FreeTool => &["tool_choice", "tools", "tool use"],
            Self::Prompt => &[],
        };
        let message = message.to_lowercase();
        names.iter().any(|name| message.contains(name))
    }
}

/// The facts that decide which ways are possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WayFacts {
    /// Whether the model accepts a forced tool choice together with the request's other fields.
    pub(super) forced_tool: Support,
    /// Whether the model accepts `output_config.format`.
    pub(super) output_format: Support,
    /// Whether the schema can be sent as a tool's input schema.
    pub(super) has_tool: bool,
    /// Whether the schema has a closed form, which `output_config.format` needs.
    pub(super) has_format: bool,
    /// The way that worked with the model before.
    pub(super) remembered: Option<SchemaWay>,
}

/// Returns the next way to try, given those that were rejected; `None` if there is none left.
pub(super) fn next_way(
    mode: SchemaMode,
    facts: &WayFacts,
    not_taken: &[SchemaWay],
) -> Option<SchemaWay> {
    let is_open = |way: &SchemaWay| {
        let is_possible = match way {
            SchemaWay::ForcedTool => facts.has_tool && facts.forced_tool != Support::No,
            SchemaWay::OutputFormat => facts.has_format,
            SchemaWay::FreeTool => facts.has_tool,
            SchemaWay::Prompt => true,
        };
        let is_meant = match mode {
            // Unless a forced tool choice is known to be accepted, the other ways are cheaper to
            // try.
            SchemaMode::Auto => match way {
                SchemaWay::ForcedTool => facts.forced_tool == Support::Yes,
                SchemaWay::OutputFormat => facts.output_format != Support::No,
                SchemaWay::FreeTool | SchemaWay::Prompt => true,
            },
            SchemaMode::Native => *way == SchemaWay::OutputFormat,
            SchemaMode::Tool => matches!(way, SchemaWay::ForcedTool | SchemaWay::FreeTool),
            SchemaMode::Prompt => *way == SchemaWay::Prompt,
        };
        is_possible && is_meant && !not_taken.contains(way)
    };
    let remembered = facts.remembered.filter(|_| mode == SchemaMode::Auto);
    remembered.into_iter().chain(SchemaWay::ALL).find(is_open)
}

#[cfg(test)]
mod tests {
    use super::SchemaWay::{ForcedTool, FreeTool, OutputFormat, Prompt};
    use super::Support::{No, Unknown, Yes};
    use super::*;

    fn facts(forced_tool: Support, output_format: Support) -> WayFacts {
        WayFacts {
            forced_tool,
            output_format,
            has_tool: true,
            has_format: true,
            remembered: None,
        }
    }

    /// Returns all ways in the order of trying.
    fn ways(mode: SchemaMode, facts: &WayFacts) -> Vec<SchemaWay> {
        let mut tried = Vec::new();
        while let Some(way) = next_way(mode, facts, &tried) {
            tried.push(way);
        }
        tried
    }

    #[test]
    fn a_forced_tool_is_first_only_where_the_model_is_known_to_accept_it() {
        let auto = |forced, format| ways(SchemaMode::Auto, &facts(forced, format));
        assert_eq!(
            auto(Yes, Unknown),
            [ForcedTool, OutputFormat, FreeTool, Prompt]
        );
        assert_eq!(auto(Yes, No), [ForcedTool, FreeTool, Prompt]);
        for forced in [No, Unknown] {
            assert_eq!(auto(forced, Unknown), [OutputFormat, FreeTool, Prompt]);
            assert_eq!(auto(forced, Yes), [OutputFormat, FreeTool, Prompt]);
            assert_eq!(auto(forced, No), [FreeTool, Prompt]);
        }
    }

    #[test]
    fn a_mode_has_its_own_ways_and_no_other() {
        let all = facts(Yes, Yes);
        assert_eq!(ways(SchemaMode::Native, &all), [OutputFormat]);
        assert_eq!(ways(SchemaMode::Tool, &all), [ForcedTool, FreeTool]);
        assert_eq!(ways(SchemaMode::Prompt, &all), [Prompt]);
        assert_eq!(
            ways(SchemaMode::Tool, &facts(Unknown, No)),
            [ForcedTool, FreeTool]
        );
        assert_eq!(ways(SchemaMode::Tool, &facts(No, No)), [FreeTool]);
        assert_eq!(
            ways(SchemaMode::Native, &facts(No, No)),
            [OutputFormat],
            "it was asked for"
        );
    }

    #[test]
    fn a_schema_that_cannot_be_sent_in_a_form_leaves_the_other_ways() {
        let open = WayFacts {
            has_format: false,
            ..facts(No, Yes)
        };
        assert_eq!(ways(SchemaMode::Auto, &open), [FreeTool, Prompt]);
        assert_eq!(ways(SchemaMode::Native, &open), []);
        let in_words_only = WayFacts {
            has_tool: false,
            ..open
        };
        assert_eq!(ways(SchemaMode::Auto, &in_words_only), [Prompt]);
        assert_eq!(ways(SchemaMode::Tool, &in_words_only), []);
    }

    #[test]
    fn what_has_worked_before_is_first_where_it_is_possible() {
        let remembered = |way, facts: WayFacts| WayFacts {
            remembered: Some(way),
            ..facts
        };
        let known = remembered(FreeTool, facts(Yes, Unknown));
        assert_eq!(
            ways(SchemaMode::Auto, &known),
            [FreeTool, ForcedTool, OutputFormat, Prompt]
        );
        let impossible = remembered(ForcedTool, facts(No, Unknown));
        assert_eq!(
            ways(SchemaMode::Auto, &impossible),
            [OutputFormat, FreeTool, Prompt]
        );
        assert_eq!(
            ways(SchemaMode::Native, &remembered(Prompt, facts(Yes, Yes))),
            [OutputFormat]
        );
    }

    #[test]
    fn a_400_counts_only_if_it_names_what_the_way_adds() {
        for (way, message, is_refused) in [
            (
                ForcedTool,
                "tool_choice: type \"tool\" and \"any\" are not supported for this model.",
                true,
            ),
            (
                ForcedTool,
                "Thinking may not be enabled when tool_choice forces tool use.",
                true,
            ),
            (
                OutputFormat,
                "output_config: Extra inputs are not permitted",
                true,
            ),
            (
                OutputFormat,
                "output_config.format.schema: Schema must be an object",
                true,
            ),
            (FreeTool, "tools: Extra inputs are not permitted", true),
            (OutputFormat, "max_tokens: too large", false),
            (
                ForcedTool,
                "messages: text content blocks must be non-empty",
                false,
            ),
            (Prompt, "tools output_config tool_choice", false),
        ] {
            assert_eq!(way.is_refused_by(message), is_refused, "{way:?}: {message}");
        }
    }

    #[test]
    fn a_way_is_found_by_its_name() {
        for way in SchemaWay::ALL {
            assert_eq!(SchemaWay::from_name(way.name()), Some(way));
        }
        assert_eq!(SchemaWay::from_name("x"), None);
    }
}
