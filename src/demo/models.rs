//! The available models by region: the four that Langdock's page listed when it described this
//! endpoint, and one of each later family, with ids in Langdock's style.

use serde_json::{Value, json};

use super::model_rules::{self, ModelRules};
use super::refusal::Refusal;

/// A region of the endpoint, from its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DemoRegion {
    /// `eu`
    Eu,
    /// `us`
    Us,
    /// Any region that the `OpenAPI` file does not name, which the demo accepts anyway.
    Other,
}

/// The regions that `serve` has.
pub(crate) const REGIONS: [&str; 2] = ["eu", "us"];

impl DemoRegion {
    /// Returns the region for a path segment.
    pub(super) fn from_slug(slug: &str) -> Option<Self> {
        match slug {
            "eu" => Some(Self::Eu),
            "us" => Some(Self::Us),
            _ => None,
        }
    }

    /// Returns the path segment of the region.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::Us => "us",
            Self::Other => "other",
        }
    }
}

/// An available model.
struct DemoModel {
    id: &'static str,
    display_name: &'static str,
    /// Its release date.
    created_on: &'static str,
    /// Whether the region `eu` has it; `us` has all models.
    is_in_eu: bool,
}

const fn model(
    id: &'static str,
    display_name: &'static str,
    created_on: &'static str,
) -> DemoModel {
    DemoModel {
        id,
        display_name,
        created_on,
        is_in_eu: true,
    }
}

/// Newest first, like the real list.
const MODELS: &[DemoModel] = &[
    model("claude-fable-5-2-default", "Claude Fable 5.2", "2026-11-09"),
    model("claude-haiku-5-5-default", "Claude Haiku 5.5", "2026-10-07"),
    model(
        "claude-sonnet-5-5-default",
        "Claude Sonnet 5.5",
        "2026-09-28",
    ),
    model("claude-opus-5-5-default", "Claude Opus 5.5", "2026-09-22"),
    model("claude-fable-5-1-default", "Claude Fable 5.1", "2026-09-01"),
    model("claude-opus-5-default", "Claude Opus 5", "2026-07-24"),
    model("claude-sonnet-5-default", "Claude Sonnet 5", "2026-06-30"),
    model("claude-fable-5-default", "Claude Fable 5", "2026-06-09"),
    model("claude-opus-4-8-default", "Claude Opus 4.8", "2026-05-28"),
    model("claude-opus-4-7-default", "Claude Opus 4.7", "2026-04-16"),
    model(
        "claude-sonnet-4-6-default",
        "Claude Sonnet 4.6",
        "2026-02-17",
    ),
    model("claude-opus-4-6-default", "Claude Opus 4.6", "2026-02-05"),
    model("claude-opus-4-5-default", "Claude Opus 4.5", "2025-11-24"),
    model(
        "claude-haiku-4-5-20251001",
        "Claude Haiku 4.5",
        "2025-10-15",
    ),
    model(
        "claude-sonnet-4-5-20250929",
        "Claude Sonnet 4.5",
        "2025-09-29",
    ),
    model("claude-opus-4-1-20250805", "Claude Opus 4.1", "2025-08-05"),
    model("claude-opus-4-20250514", "Claude Opus 4", "2025-05-22"),
    model("claude-sonnet-4-20250514", "Claude Sonnet 4", "2025-05-22"),
    model(
        "claude-3-7-sonnet-20250219",
        "Claude 3.7 Sonnet",
        "2025-02-19",
    ),
    model(
        "claude-3-5-haiku-20241022",
        "Claude 3.5 Haiku",
        "2024-10-22",
    ),
    model(
        "claude-3-5-sonnet-20240620",
        "Claude 3.5 Sonnet",
        "2024-06-20",
    ),
    model("claude-3-haiku-20240307", "Claude 3 Haiku", "2024-03-07"),
    model("claude-3-sonnet-20240229", "Claude 3 Sonnet", "2024-02-29"),
    DemoModel {
        is_in_eu: false,
        ..model("claude-3-opus-20240229", "Claude 3 Opus", "2024-02-29")
    },
];

/// Returns the ids of all models, newest first.
pub(crate) fn model_ids() -> Vec<String> {
    MODELS.iter().map(|model| model.id.to_owned()).collect()
}

/// Returns the models of `region`.
fn models_in(region: DemoRegion) -> impl Iterator<Item = &'static DemoModel> {
    MODELS
        .iter()
        .filter(move |model| region != DemoRegion::Eu || model.is_in_eu)
}

/// Returns the rules of the model `id` in `region`, if it exists.
///
/// A model that is not listed is served as well if its id is that of a Claude model: users who try
/// the program out have settings for the real endpoint, whose list differs. The refusal is
/// Langdock's own: a 400 that lists the available models.
pub(super) fn find_model(id: &str, region: DemoRegion) -> Result<&'static ModelRules, Refusal> {
    let is_listed = |model: &DemoModel| model.id == id;
    let is_served = if MODELS.iter().any(is_listed) {
        models_in(region).any(is_listed)
    } else {
        model_rules::is_claude_id(id)
    };
    if is_served {
        return Ok(model_rules::rules_for(id));
    }
    let ids: Vec<&str> = models_in(region).map(|model| model.id).collect();
    Err(Refusal::invalid_request(format!(
        "Invalid model, available models are: {}",
        ids.join(", ")
    )))
}

/// Returns the `capabilities` of a model in the list.
///
/// Source: the official Python SDK, `types/model_capabilities.py` and the types it names.
fn capabilities(rules: &ModelRules) -> Value {
    let leaf = |supported: bool| json!({ "supported": supported });
    let mut effort = leaf(!rules.efforts.is_empty());
    for level in ["low", "medium", "high", "xhigh", "max"] {
        effort[level] = leaf(rules.efforts.contains(&level));
    }
    let thinks = |form| rules.thinking.accepts(form);
    json!({
        // Bedrock, which Langdock uses, supports neither batches nor code execution nor context
        // editing.
        "batch": leaf(false),
        "citations": leaf(true),
        "code_execution": leaf(false),
        "context_management": leaf(false),
        "effort": effort,
        "image_input": leaf(true),
        "pdf_input": leaf(true),
        "structured_outputs": leaf(rules.has_output_format),
        "thinking": {
            "supported": thinks("adaptive") || thinks("enabled"),
            "types": {
                "adaptive": leaf(thinks("adaptive")),
                "enabled": leaf(thinks("enabled")),
            },
        },
    })
}

/// Returns the body of `GET …/v1/models`.
pub(super) fn models_body(region: DemoRegion) -> Value {
    let data: Vec<Value> = models_in(region)
        .map(|model| {
            let rules = model_rules::rules_for(model.id);
            json!({
                "id": model.id,
                "type": "model",
                "display_name": model.display_name,
                "created_at": format!("{}T00:00:00Z", model.created_on),
                "max_input_tokens": rules.context_tokens,
                "max_tokens": rules.max_output,
                "capabilities": capabilities(rules),
            })
        })
        .collect();
    json!({ "data": data, "has_more": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_3_is_offered_in_the_us_only() {
        assert!(find_model("claude-3-opus-20240229", DemoRegion::Us).is_ok());
        let refusal =
            find_model("claude-3-opus-20240229", DemoRegion::Eu).expect_err("not offered");
        let listed = "Invalid model, available models are: claude-fable-5-2-default, ";
        assert!(refusal.message().starts_with(listed));
        assert!(refusal.message().ends_with(", claude-3-sonnet-20240229"));
    }

    #[test]
    fn a_claude_model_that_is_not_listed_is_served_and_nothing_else_is() {
        for (id, is_served) in [
            ("claude-sonnet-4-5@20250929", true),
            ("claude-opus-9-default", true),
            ("claude-x", false),
            ("my-claude-opus-5", false),
            ("gpt-4", false),
        ] {
            assert_eq!(find_model(id, DemoRegion::Eu).is_ok(), is_served, "{id}");
        }
    }

    #[test]
    fn the_list_has_every_family_and_the_newest_comes_first() {
        let ids = |region| models_in(region).map(|model| model.id).collect::<Vec<_>>();
        assert!(model_rules::has_every_family(&ids(DemoRegion::Us)));
        assert_eq!(ids(DemoRegion::Us).len(), ids(DemoRegion::Eu).len() + 1);
        assert_eq!(ids(DemoRegion::Other), ids(DemoRegion::Us));
        assert!(MODELS.is_sorted_by(|newer, older| newer.created_on >= older.created_on));
    }

    #[test]
    fn the_list_says_what_each_model_can_do() {
        let list = models_body(DemoRegion::Us);
        let of = |id: &str, at: &str| {
            let mut models = list["data"].as_array().into_iter().flatten();
            let model = models
                .find(|model| model["id"] == id)
                .expect("it is listed");
            model.pointer(at).cloned().unwrap_or_default()
        };
        for (id, at, expected) in [
            (
                "claude-3-opus-20240229",
                "/display_name",
                json!("Claude 3 Opus"),
            ),
            ("claude-3-opus-20240229", "/max_tokens", json!(4096)),
            (
                "claude-3-opus-20240229",
                "/capabilities/thinking/supported",
                json!(false),
            ),
            (
                "claude-opus-5-5-default",
                "/max_input_tokens",
                json!(1_000_000),
            ),
            (
                "claude-opus-5-5-default",
                "/capabilities/thinking/types/adaptive/supported",
                json!(true),
            ),
            (
                "claude-opus-5-5-default",
                "/capabilities/thinking/types/enabled/supported",
                json!(false),
            ),
            (
                "claude-opus-5-5-default",
                "/capabilities/effort/xhigh/supported",
                json!(true),
            ),
            (
                "claude-sonnet-4-6-default",
                "/capabilities/effort/xhigh/supported",
                json!(false),
            ),
            (
                "claude-haiku-4-5-20251001",
                "/capabilities/effort/supported",
                json!(false),
            ),
            (
                "claude-haiku-4-5-20251001",
                "/capabilities/structured_outputs/supported",
                json!(true),
            ),
            (
                "claude-opus-4-20250514",
                "/capabilities/structured_outputs/supported",
                json!(false),
            ),
        ] {
            assert_eq!(of(id, at), expected, "{id} {at}");
        }
    }
}
