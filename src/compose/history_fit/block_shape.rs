//! The types of the fields of each kind of block. Fields that have no row, and blocks of other
//! kinds, are left to the endpoint.
//!
//! Source: the API reference, `api/messages`, and the types of Anthropic's Python SDK 2.14.0.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::protocol::{CACHE_CONTROL, ContentBlock};

/// What a field has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldForm {
    Text,
    Bool,
    List,
    Object,
    /// An object that turns citations on or off.
    CitationSwitch,
    /// A mark for the prompt cache.
    CacheMark,
    /// A field that other kinds of blocks have, and this one cannot have.
    Forbidden,
}

/// A field of a kind of block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldRule {
    /// Its name.
    pub(super) key: &'static str,
    form: FieldForm,
    /// Whether the block is nothing without it.
    pub(super) is_required: bool,
}

const fn required(key: &'static str, form: FieldForm) -> FieldRule {
    FieldRule {
        key,
        form,
        is_required: true,
    }
}

const fn optional(key: &'static str, form: FieldForm) -> FieldRule {
    FieldRule {
        key,
        form,
        is_required: false,
    }
}

const MARK: FieldRule = optional(CACHE_CONTROL, FieldForm::CacheMark);
const NO_MARK: FieldRule = optional(CACHE_CONTROL, FieldForm::Forbidden);
const CITATIONS: FieldRule = optional("citations", FieldForm::CitationSwitch);

/// Returns the fields of a kind of block that are known; none for an unknown kind.
fn rules_of(kind: &str) -> &'static [FieldRule] {
    use FieldForm::{Bool, List, Object, Text};
    match kind {
        "text" => const { &[required("text", Text), optional("citations", List), MARK] },
        "image" => const { &[required("source", Object), MARK] },
        "document" => {
            const {
                &[
                    required("source", Object),
                    optional("title", Text),
                    optional("context", Text),
                    CITATIONS,
                    MARK,
                ]
            }
        }
        "thinking" => {
            const {
                &[
                    required("thinking", Text),
                    required("signature", Text),
                    NO_MARK,
                ]
            }
        }
        "redacted_thinking" => const { &[required("data", Text), NO_MARK] },
        "tool_use" => {
            const {
                &[
                    required("id", Text),
                    required("name", Text),
                    optional("caller", Object),
                    MARK,
                ]
            }
        }
        "tool_result" => {
            const {
                &[
                    required("tool_use_id", Text),
                    optional("is_error", Bool),
                    MARK,
                ]
            }
        }
        "search_result" => {
            const {
                &[
                    required("source", Text),
                    required("title", Text),
                    required("content", List),
                    CITATIONS,
                    MARK,
                ]
            }
        }
        _ => &[],
    }
}

/// Returns the fields of a block that have another type than they must have. Null counts as no
/// field.
pub(super) fn wrong_fields(kind: &str, fields: &Map<String, Value>) -> Vec<&'static FieldRule> {
    wrong_among(kind, |key| fields.get(key).map(Cow::Borrowed))
}

/// Returns the same for a block of a message.
pub(super) fn wrong_fields_of(kind: &str, block: &ContentBlock) -> Vec<&'static FieldRule> {
    wrong_among(kind, |key| block.unknown_field(key).map(Cow::Owned))
}

fn wrong_among<'v>(
    kind: &str,
    field: impl Fn(&str) -> Option<Cow<'v, Value>>,
) -> Vec<&'static FieldRule> {
    let is_wrong = |rule: &&FieldRule| {
        let value = field(rule.key).filter(|value| !value.is_null());
        value.is_some_and(|value| !rule.form.fits(&value))
    };
    rules_of(kind).iter().filter(is_wrong).collect()
}

/// Returns what is wrong with the fields of a block of a known kind, if anything is.
pub(super) fn field_flaw(kind: &str, fields: &Map<String, Value>) -> Option<String> {
    let is_missing = |rule: &&FieldRule| rule.is_required && !fields.contains_key(rule.key);
    let missing = rules_of(kind).iter().find(is_missing);
    let missing = missing.map(|rule| format!("`{}` is missing", rule.key));
    // A required field cannot be null.
    let is_null =
        |rule: &&FieldRule| rule.is_required && fields.get(rule.key).is_some_and(Value::is_null);
    let wrong = || {
        let wrong = wrong_fields(kind, fields).first().copied();
        let wrong = wrong.or_else(|| rules_of(kind).iter().find(is_null))?;
        Some(wrong.needed(kind))
    };
    missing.or_else(wrong)
}

impl FieldRule {
    /// Returns what the field of this kind of block must be, in words.
    pub(super) fn needed(&self, kind: &str) -> String {
        let key = self.key;
        match self.form {
            FieldForm::Text => format!("`{key}` must be text"),
            FieldForm::Bool => format!("`{key}` must be `true` or `false`"),
            FieldForm::List => format!("`{key}` must be an array"),
            FieldForm::Object => format!("`{key}` must be an object"),
            FieldForm::CitationSwitch => {
                format!("`{key}` must be an object with `enabled`, which is `true` or `false`")
            }
            FieldForm::CacheMark => format!(
                "`{key}` must be an object with the `type` `ephemeral`, and may have the `ttl` \
                 `5m` or `1h`"
            ),
            FieldForm::Forbidden => format!("a {kind} block cannot have `{key}`"),
        }
    }
}

impl FieldForm {
    fn fits(self, value: &Value) -> bool {
        let has_only = |keys: &[&str]| {
            let fields = value.as_object();
            fields.is_some_and(|fields| fields.keys().all(|key| keys.contains(&key.as_str())))
        };
        match self {
            Self::Text => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::CitationSwitch => {
                has_only(&["enabled"]) && value.get("enabled").is_none_or(Value::is_boolean)
            }
            Self::CacheMark => {
                let ttl = value.get("ttl");
                has_only(&["type", "ttl"])
                    && value["type"] == "ephemeral"
                    && ttl.is_none_or(|ttl| ttl == "5m" || ttl == "1h")
            }
            Self::Forbidden => false,
        }
    }
}
