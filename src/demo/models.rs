//! The models on offer, by region: the four that Langdock's page named when it described this
//! endpoint, and one of each later family, called as Langdock calls them.

use serde_json::{Value, json};

use super::model_rules::{self, ModelRules};
use super::refusal::Refusal;

/// A region of the endpoint, as its path names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DemoRegion {
    /// `eu`
    Eu,
    /// `us`
    Us,
    /// One of those that the seed does not name, which the demo accepts anyway.
    Other,
}

impl DemoRegion {
    /// Returns the region that a path segment names.
    pub(super) fn from_slug(slug: &str) -> Option<Self> {
        match slug {
            "eu" => Some(Self::Eu),
            "us" => Some(Self::Us),
            _ => None,
        }
    }

    /// Returns the path segment that names it.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::Us => "us",
            Self::Other => "other",
        }
    }
}

/// A model on offer.
struct DemoModel {
    id: &'static str,
    display_name: &'static str,
    /// The day it came out.
    created_on: &'static str,
    /// Whether the region `eu` has it; `us` has them all.
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

/// Newest first, as the real list is.
const MODELS: &[DemoModel] = &[
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

/// Returns the models of `region`.
fn models_in(region: DemoRegion) -> impl Iterator<Item = &'static DemoModel> {
    MODELS
        .iter()
        .filter(move |model| region != DemoRegion::Eu || model.is_in_eu)
}

/// Returns the rules of the model called `id` in `region`, if there is one.
///
/// A model that is not on the list is served as well, if its id is one of a Claude model: a user
/// who tries the program out has settings for the real endpoint, whose list is another one. The
/// refusal is Langdock's own: a 400 that lists what there is.
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

/// Returns the body of `GET …/v1/models`.
pub(super) fn models_body(region: DemoRegion) -> Value {
    let data: Vec<Value> = models_in(region)
        .map(|model| {
            json!({
                "id": model.id,
                "type": "model",
                "display_name": model.display_name,
                "created_at": format!("{}T00:00:00Z", model.created_on),
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
        let message = "Invalid model, available models are: claude-3-5-sonnet-20240620, \
                       claude-3-haiku-20240307, \
                       claude-3-sonnet-20240229";
        assert!(find_model("claude-3-opus-20240229", DemoRegion::Us).is_ok());
        let refusal =
            find_model("claude-3-opus-20240229", DemoRegion::Eu).expect_err("not offered");
        assert_eq!(refusal.message(), message);
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
    fn the_list_names_each_model_of_the_region() {
        assert_eq!(
            models_body(DemoRegion::Eu)["data"].as_array().map(Vec::len),
            Some(3)
        );
        assert_eq!(
            models_body(DemoRegion::Us)["data"][3]["display_name"],
            "Claude 3 Opus"
        );
    }
}
