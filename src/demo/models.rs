//! The models on offer, by region: the four that Langdock's page named when it described this
//! endpoint.

use serde_json::{Value, json};

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
pub(super) struct DemoModel {
    id: &'static str,
    display_name: &'static str,
    created_at: &'static str,
    regions: &'static [DemoRegion],
    /// The most tokens that it answers with.
    pub(super) max_output: u64,
}

/// Newest first, as the real list is.
const MODELS: &[DemoModel] = &[
    DemoModel {
        id: "claude-3-5-sonnet-20240620",
        display_name: "Claude 3.5 Sonnet",
        created_at: "2024-06-20T00:00:00Z",
        regions: &[DemoRegion::Eu, DemoRegion::Us],
        max_output: 8192,
    },
    DemoModel {
        id: "claude-3-haiku-20240307",
        display_name: "Claude 3 Haiku",
        created_at: "2024-03-07T00:00:00Z",
        regions: &[DemoRegion::Eu, DemoRegion::Us],
        max_output: 4096,
    },
    DemoModel {
        id: "claude-3-sonnet-20240229",
        display_name: "Claude 3 Sonnet",
        created_at: "2024-02-29T00:00:00Z",
        regions: &[DemoRegion::Eu, DemoRegion::Us],
        max_output: 4096,
    },
    DemoModel {
        id: "claude-3-opus-20240229",
        display_name: "Claude 3 Opus",
        created_at: "2024-02-29T00:00:00Z",
        regions: &[DemoRegion::Us],
        max_output: 4096,
    },
];

/// A model that the seed does not name, which the demo accepts anyway.
const OTHER: DemoModel = DemoModel {
    id: "other",
    display_name: "Other",
    created_at: "2024-06-20T00:00:00Z",
    regions: &[],
    max_output: 8192,
};

/// Returns the models of `region`.
fn models_in(region: DemoRegion) -> impl Iterator<Item = &'static DemoModel> {
    MODELS
        .iter()
        .filter(move |model| region == DemoRegion::Other || model.regions.contains(&region))
}

/// Returns the model called `id` in `region`, with `any` whatever Claude model it is; the refusal
/// is Langdock's own: a 400 that lists what there is.
pub(super) fn find_model(
    id: &str,
    region: DemoRegion,
    any: bool,
) -> Result<&'static DemoModel, Refusal> {
    let other = (any && id.starts_with("claude-")).then_some(&OTHER);
    models_in(region)
        .find(|model| model.id == id)
        .or(other)
        .ok_or_else(|| {
            let ids: Vec<&str> = models_in(region).map(|model| model.id).collect();
            Refusal::invalid_request(format!(
                "Invalid model, available models are: {}",
                ids.join(", ")
            ))
        })
}

/// Returns the body of `GET …/v1/models`.
pub(super) fn models_body(region: DemoRegion) -> Value {
    let data: Vec<Value> = models_in(region)
        .map(|model| {
            json!({
                "id": model.id,
                "type": "model",
                "display_name": model.display_name,
                "created_at": model.created_at,
            })
        })
        .collect();
    json!({ "data": data, "has_more": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_is_offered_in_the_us_only() {
        let message = "Invalid model, available models are: claude-3-5-sonnet-20240620, \
                       claude-3-haiku-20240307, \
                       claude-3-sonnet-20240229";
        assert!(find_model("claude-3-opus-20240229", DemoRegion::Us, false).is_ok());
        let refusal = find_model("claude-3-opus-20240229", DemoRegion::Eu, false)
            .err()
            .expect("not offered");
        assert_eq!(refusal.message(), message);
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
