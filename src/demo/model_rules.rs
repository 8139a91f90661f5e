//! What each family of Claude models accepts and refuses: the endpoint's own table.
//!
//! It is independent of what the client knows about models, so that mistakes there show up here. An
//! id without a row has no rules: every option is accepted, since nothing is known about it.
//!
//! As of 2026-11-28. Sources: Anthropic's pages `about-claude/models/overview`,
//! `build-with-claude/thinking-troubleshooting` (which model refuses which type of thinking),
//! `build-with-claude/effort`, `build-with-claude/prompt-caching` (minimum lengths), the
//! `whats-new` pages of Opus 5.5, Sonnet 5.5 and Fable 5.1, and the README of
//! `microbial-pangenomes-lab/pi-langdock` for what Langdock itself refuses.

use ClaudeLine::{Fable, Haiku, Mythos, Opus, Sonnet};

/// What a family of models accepts.
#[derive(Debug)]
pub(super) struct ModelRules {
    /// The supported types of thinking.
    pub(super) thinking: ThinkingSupport,
    /// The default `display` of thinking.
    pub(super) default_display: &'static str,
    /// What returned thinking blocks must match.
    pub(super) binding: ThinkingBinding,
    /// The levels of `output_config.effort`, lowest first; if empty, the field is refused.
    pub(super) efforts: &'static [&'static str],
    /// The default level; empty if there are no levels.
    pub(super) default_effort: &'static str,
    /// Whether the request may prefill the answer.
    pub(super) has_prefill: bool,
    /// Whether `tool_choice` may force a call.
    pub(super) has_forced_tools: bool,
    /// The supported values of `temperature`, `top_p` and `top_k`.
    pub(super) sampling: SamplingSupport,
    /// Whether `output_config.format` and strict tools are accepted.
    pub(super) has_output_format: bool,
    /// The minimum length of a cached prefix, in tokens.
    pub(super) cache_minimum: usize,
    /// The maximum length of a prompt, in tokens.
    pub(super) context_tokens: usize,
    /// The maximum length of an answer, in tokens.
    pub(super) max_output: u64,
}

/// The types of thinking that a model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingSupport {
    /// Unknown: every type is accepted, and the default is not to think.
    Unknown,
    /// None.
    None,
    /// `enabled` with a budget, and `disabled`.
    Budget,
    /// `adaptive` and `disabled`; the default is not to think.
    OnRequest,
    /// `adaptive`, the default, and `disabled`.
    Default,
    /// `adaptive`, the default, and `disabled` up to the effort `high`.
    DefaultUpToHigh,
    /// `adaptive`, the default, and `between_tools` up to the effort `high`.
    DefaultOrBetweenTools,
    /// `adaptive`, the default, and nothing else.
    Always,
}

impl ThinkingSupport {
    /// Returns whether the model thinks by default.
    pub(super) fn is_on_by_default(self) -> bool {
        matches!(
            self,
            Self::Default | Self::DefaultUpToHigh | Self::DefaultOrBetweenTools | Self::Always
        )
    }

    /// Returns whether this `type` is accepted.
    pub(super) fn accepts(self, form: &str) -> bool {
        match form {
            "adaptive" => !matches!(self, Self::None | Self::Budget),
            "enabled" => matches!(self, Self::Unknown | Self::Budget),
            "between_tools" => matches!(self, Self::Unknown | Self::DefaultOrBetweenTools),
            _ => !matches!(self, Self::Always | Self::DefaultOrBetweenTools),
        }
    }
}

/// What must be the same when a thinking block is sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingBinding {
    /// The same model, system prompt, tools and earlier messages.
    Conversation,
    /// The same key.
    Account,
}

/// Which sampling parameters are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SamplingSupport {
    /// Any value in its range.
    Free,
    /// `temperature` or `top_p`, not both.
    Exclusive,
    /// Only values without effect.
    Fixed,
}

/// A model line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClaudeLine {
    Opus,
    Sonnet,
    Haiku,
    Fable,
    Mythos,
}

/// A model without the date and platform that its id may include.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ClaudeVersion {
    line: ClaudeLine,
    major: u8,
    minor: u8,
}

const fn version(line: ClaudeLine, major: u8, minor: u8) -> ClaudeVersion {
    ClaudeVersion { line, major, minor }
}

/// Models that share their rules.
struct ModelFamily {
    members: &'static [ClaudeVersion],
    rules: ModelRules,
}

const LOW_TO_HIGH: &[&str] = &["low", "medium", "high"];
const LOW_TO_MAX: &[&str] = &["low", "medium", "high", "max"];
const EVERY_EFFORT: &[&str] = &["low", "medium", "high", "xhigh", "max"];

/// The rules for an unknown model.
const UNKNOWN: ModelRules = ModelRules {
    thinking: ThinkingSupport::Unknown,
    default_display: "summarized",
    binding: ThinkingBinding::Conversation,
    efforts: EVERY_EFFORT,
    default_effort: "high",
    has_prefill: true,
    has_forced_tools: true,
    sampling: SamplingSupport::Free,
    has_output_format: true,
    cache_minimum: 4096,
    context_tokens: 1_000_000,
    max_output: 128_000,
};

/// The rules that all models from 4.7 on share.
const NEWER: ModelRules = ModelRules {
    thinking: ThinkingSupport::OnRequest,
    default_display: "omitted",
    has_prefill: false,
    sampling: SamplingSupport::Fixed,
    ..UNKNOWN
};

/// Opus 4.6, and Sonnet 4.6 except for its shorter answers.
const OPUS_4_6: ModelRules = ModelRules {
    thinking: ThinkingSupport::OnRequest,
    efforts: LOW_TO_MAX,
    has_prefill: false,
    sampling: SamplingSupport::Exclusive,
    context_tokens: 200_000,
    ..UNKNOWN
};

/// The rules that the models from 4 to 4.5 share.
const BUDGETED: ModelRules = ModelRules {
    thinking: ThinkingSupport::Budget,
    efforts: &[],
    default_effort: "",
    sampling: SamplingSupport::Exclusive,
    context_tokens: 200_000,
    max_output: 64_000,
    ..UNKNOWN
};

/// The rules that the models before 4 share.
const OLDER: ModelRules = ModelRules {
    thinking: ThinkingSupport::None,
    sampling: SamplingSupport::Free,
    has_output_format: false,
    max_output: 4096,
    ..BUDGETED
};

/// The families, newest first.
const FAMILIES: &[ModelFamily] = &[
    ModelFamily {
        members: &[version(Opus, 5, 5)],
        rules: ModelRules {
            thinking: ThinkingSupport::Always,
            default_effort: "medium",
            has_forced_tools: false,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Fable, 5, 1), version(Fable, 5, 2)],
        rules: ModelRules {
            thinking: ThinkingSupport::Always,
            has_forced_tools: false,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Sonnet, 5, 5)],
        rules: ModelRules {
            thinking: ThinkingSupport::DefaultOrBetweenTools,
            has_forced_tools: false,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Haiku, 5, 5)],
        rules: ModelRules {
            thinking: ThinkingSupport::DefaultUpToHigh,
            default_effort: "medium",
            binding: ThinkingBinding::Account,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Opus, 5, 0)],
        rules: ModelRules {
            thinking: ThinkingSupport::DefaultUpToHigh,
            cache_minimum: 512,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Sonnet, 5, 0)],
        rules: ModelRules {
            thinking: ThinkingSupport::Default,
            cache_minimum: 1024,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Fable, 5, 0)],
        rules: ModelRules {
            thinking: ThinkingSupport::Always,
            cache_minimum: 512,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Opus, 4, 8)],
        rules: ModelRules {
            cache_minimum: 1024,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Opus, 4, 7)],
        rules: ModelRules {
            cache_minimum: 2048,
            ..NEWER
        },
    },
    ModelFamily {
        members: &[version(Opus, 4, 6)],
        rules: OPUS_4_6,
    },
    ModelFamily {
        members: &[version(Sonnet, 4, 6)],
        rules: ModelRules {
            cache_minimum: 1024,
            max_output: 64_000,
            ..OPUS_4_6
        },
    },
    ModelFamily {
        members: &[version(Opus, 4, 5)],
        rules: ModelRules {
            efforts: LOW_TO_HIGH,
            default_effort: "high",
            ..BUDGETED
        },
    },
    ModelFamily {
        members: &[version(Haiku, 4, 5)],
        rules: BUDGETED,
    },
    ModelFamily {
        members: &[version(Sonnet, 4, 5)],
        rules: ModelRules {
            cache_minimum: 1024,
            ..BUDGETED
        },
    },
    ModelFamily {
        members: &[version(Opus, 4, 1), version(Opus, 4, 0)],
        rules: ModelRules {
            has_output_format: false,
            max_output: 32_000,
            ..BUDGETED
        },
    },
    ModelFamily {
        members: &[version(Sonnet, 4, 0)],
        rules: ModelRules {
            has_output_format: false,
            ..BUDGETED
        },
    },
    ModelFamily {
        members: &[version(Sonnet, 3, 7)],
        rules: ModelRules {
            thinking: ThinkingSupport::Budget,
            max_output: 64_000,
            ..OLDER
        },
    },
    ModelFamily {
        members: &[version(Haiku, 3, 5), version(Sonnet, 3, 5)],
        rules: ModelRules {
            max_output: 8192,
            ..OLDER
        },
    },
    ModelFamily {
        members: &[
            version(Opus, 3, 0),
            version(Sonnet, 3, 0),
            version(Haiku, 3, 0),
        ],
        rules: OLDER,
    },
];

/// Returns the rules of the model with this id.
pub(super) fn rules_for(id: &str) -> &'static ModelRules {
    let family = parse_version(id).and_then(|version| {
        FAMILIES
            .iter()
            .find(|family| family.members.contains(&version))
    });
    family.map_or(&UNKNOWN, |family| &family.rules)
}

/// Returns whether `id` is the id of a Claude model in the style of Anthropic, Bedrock, Vertex or
/// Langdock.
pub(super) fn is_claude_id(id: &str) -> bool {
    parse_version(id).is_some()
}

/// Parses a complete id: an optional region, an optional `anthropic.`, `claude`, line and version
/// in either order, an optional date, and optionally one of `-default`, `@date` and `-v1:0`.
/// Anything else makes it an unknown id.
fn parse_version(id: &str) -> Option<ClaudeVersion> {
    let id = ["eu.", "us.", "global."]
        .iter()
        .find_map(|region| id.strip_prefix(region))
        .unwrap_or(id);
    let id = id.strip_prefix("anthropic.").unwrap_or(id);
    let (id, snapshot) = id
        .split_once('@')
        .map_or((id, None), |(id, date)| (id, Some(date)));
    let mut words = id.strip_prefix("claude-")?.split('-').peekable();
    let mut line = words.next_if(|word| parse_line(word).is_some());
    let major = words.next_if(|word| is_number(word))?;
    let minor = words.next_if(|word| is_number(word));
    if line.is_none() {
        line = words.next();
    }
    words.next_if(|word| is_date(word));
    let ends_well = match (words.next(), snapshot) {
        (None, None) => true,
        (None, Some(date)) => is_date(date),
        (Some(ending), None) => ending == "default" || is_bedrock_version(ending),
        (Some(_), Some(_)) => false,
    };
    if !ends_well || words.next().is_some() {
        return None;
    }
    Some(ClaudeVersion {
        line: parse_line(line?)?,
        major: major.parse().ok()?,
        minor: minor.map_or(Some(0), |minor| minor.parse().ok())?,
    })
}

fn parse_line(word: &str) -> Option<ClaudeLine> {
    match word {
        "opus" => Some(Opus),
        "sonnet" => Some(Sonnet),
        "haiku" => Some(Haiku),
        "fable" => Some(Fable),
        "mythos" => Some(Mythos),
        _ => None,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a word is a version number of one or two digits.
fn is_number(word: &str) -> bool {
    word.len() <= 2 && is_digits(word)
}

fn is_date(word: &str) -> bool {
    word.len() == 8 && is_digits(word)
}

/// Returns whether a word is a Bedrock revision, such as `v1:0`.
fn is_bedrock_version(word: &str) -> bool {
    word.strip_prefix('v')
        .and_then(|numbers| numbers.split_once(':'))
        .is_some_and(|(version, revision)| is_digits(version) && is_digits(revision))
}

/// Returns whether these ids cover every model that has rules.
#[cfg(test)]
pub(super) fn has_every_family(ids: &[&str]) -> bool {
    let versions: Vec<ClaudeVersion> = ids.iter().filter_map(|id| parse_version(id)).collect();
    FAMILIES
        .iter()
        .flat_map(|family| family.members)
        .all(|member| versions.contains(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_whole_in_every_spelling() {
        for (id, expected) in [
            ("claude-sonnet-5-default", version(Sonnet, 5, 0)),
            ("claude-sonnet-5-5-default", version(Sonnet, 5, 5)),
            ("claude-sonnet-4-20250514", version(Sonnet, 4, 0)),
            ("claude-haiku-4-5@20251001", version(Haiku, 4, 5)),
            ("claude-haiku-4-5-20251001", version(Haiku, 4, 5)),
            ("claude-3-5-sonnet-20240620", version(Sonnet, 3, 5)),
            ("claude-3-opus-20240229", version(Opus, 3, 0)),
            ("claude-opus-9", version(Opus, 9, 0)),
            (
                "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
                version(Sonnet, 4, 5),
            ),
            ("global.claude-fable-5-1", version(Fable, 5, 1)),
        ] {
            assert_eq!(parse_version(id), Some(expected), "{id}");
        }
        for id in [
            "my-claude-opus-5",
            "claude-opus-5-default-2",
            "claude-opus-5-latest",
            "claude-opus",
            "claude-5",
            "claude-x",
            "claude-3-hiaku",
            "claude-sonnet-4-5-5",
            "claude-haiku-4-5@latest",
            "claude-opus-5-default@20260101",
            "claude-opus-4-2025051",
            "gpt-5",
            "",
        ] {
            assert_eq!(parse_version(id), None, "{id}");
        }
    }

    #[test]
    fn a_version_without_a_row_has_no_rules() {
        for id in ["claude-opus-9", "claude-opus-5-6", "claude-mythos-5-1"] {
            assert_eq!(rules_for(id).thinking, ThinkingSupport::Unknown, "{id}");
        }
    }
}
