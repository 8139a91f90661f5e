//! Models: what a list of them says, what is known of the seed's four without asking, and which one
//! is picked if none was chosen.

use crate::pace::SHARE_BASIS;
use crate::protocol::{ClaudeModel, ExactJson, OptionFacts, listed_facts};

/// A model that Langdock's own page of mid-2024 named. All are retired upstream; a workspace may
/// still have them.
struct SeedModel {
    id: &'static str,
    regions: &'static [&'static str],
}

/// The models of the seed.
const SEED: [SeedModel; 4] = [
    SeedModel {
        id: "claude-3-5-sonnet-20240620",
        regions: &["eu", "us"],
    },
    SeedModel {
        id: "claude-3-sonnet-20240229",
        regions: &["eu", "us"],
    },
    SeedModel {
        id: "claude-3-haiku-20240307",
        regions: &["eu", "us"],
    },
    SeedModel {
        id: "claude-3-opus-20240229",
        regions: &["us"],
    },
];

/// The regions that the seed describes.
const SEED_REGIONS: [&str; 2] = ["eu", "us"];

/// The context window of the seed's models, in tokens.
const SEED_WINDOW: u64 = 200_000;

/// The default output limit of the seed's models, in tokens: most accept no more.
const SEED_OUTPUT: u64 = 4096;

/// The default output limit of other models, in tokens, unless their own is lower.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = SHARE_BASIS;

/// The same for each item of a batch: many short answers, which share the limits of a minute.
pub(crate) const BATCH_MAX_TOKENS: u64 = 8192;

/// An answer of the default length takes no more than this part of the tokens a minute.
const MINUTE_DIVISOR: u64 = 4;

/// The fewest digits of a date in a model's id; a version has fewer.
const DATE_DIGITS: usize = 6;

/// A model of a list: the object as it came. Only its id is sure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedModel(ExactJson);

/// A page of a list.
#[derive(Debug, PartialEq)]
pub(super) struct ModelPage {
    /// The models on it.
    pub(super) models: Vec<ListedModel>,
    /// The id after which the next page begins, if there is one.
    pub(super) next: Option<String>,
}

impl ListedModel {
    /// Returns the model with its text, as JSON, scrubbed by `scrub`; none if it is no model then.
    pub(super) fn scrubbed(self, scrub: impl Fn(&str) -> String) -> Option<Self> {
        let text = self.0.to_string();
        let scrubbed = scrub(&text);
        if scrubbed == text {
            return Some(self);
        }
        Self::from_object(ExactJson::parse(&scrubbed).ok()?)
    }

    /// Creates a model from an object, which must have an id.
    fn from_object(object: ExactJson) -> Option<Self> {
        object["id"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
            .then_some(Self(object))
    }

    /// Returns the id.
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// Returns its name.
    pub(crate) fn display_name(&self) -> Option<&str> {
        self.0["display_name"].as_str()
    }

    /// Returns when it came out, as it is written in the list.
    pub(crate) fn created_at(&self) -> Option<&str> {
        self.0["created_at"].as_str()
    }

    /// Returns the tokens that it can take in, where that is known.
    pub(crate) fn context_window(&self) -> Option<u64> {
        self.0["max_input_tokens"]
            .as_u64()
            .or_else(|| seed_window(self.id()))
    }

    /// Returns the tokens that it can write, where that is known.
    pub(crate) fn max_output(&self) -> Option<u64> {
        let listed = self.0["max_tokens"].as_u64().filter(|&tokens| tokens > 0);
        listed.or_else(|| is_seed_model(self.id()).then_some(SEED_OUTPUT))
    }

    /// Returns what the list says of the options that it accepts.
    pub(crate) fn option_facts(&self) -> OptionFacts {
        listed_facts(&self.0["capabilities"])
    }

    /// Returns what the list says that the model has, by the names that it has for it.
    pub(crate) fn capabilities(&self) -> Vec<&str> {
        let all = self.0["capabilities"].as_object().into_iter().flatten();
        all.filter(|(_, leaf)| leaf["supported"] == true)
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Returns when it is retired, as it is written in the list.
    pub(crate) fn retires_at(&self) -> Option<&str> {
        self.0["retires_at"].as_str()
    }

    /// Returns the object as it came.
    pub(crate) fn object(&self) -> &ExactJson {
        &self.0
    }

    /// Returns how new it is by its id: the numbers of its version, then its date, as in
    /// `claude-sonnet-4-5-20250929`.
    fn version_key(&self) -> (Vec<u64>, Option<u64>) {
        let mut version = Vec::new();
        for digits in self
            .id()
            .split(|letter: char| !letter.is_ascii_digit())
            .filter(|part| !part.is_empty())
        {
            let number = digits.parse().unwrap_or(u64::MAX);
            if digits.len() >= DATE_DIGITS {
                return (version, Some(number));
            }
            version.push(number);
        }
        (version, None)
    }
}

/// Reads the models out of a list; none if it is no list. What has no id is left out.
pub(crate) fn models_of(list: &ExactJson) -> Option<Vec<ListedModel>> {
    let data = list.field("data").filter(|data| data.is_array())?;
    let models = data.items().into_iter();
    Some(models.filter_map(ListedModel::from_object).collect())
}

impl ModelPage {
    /// Reads a page; none if the body is no list of models.
    pub(super) fn from_body(body: &[u8]) -> Option<Self> {
        let list = ExactJson::parse(std::str::from_utf8(body).ok()?).ok()?;
        let models = models_of(&list)?;
        let end = list["last_id"]
            .as_str()
            .or_else(|| models.last().map(ListedModel::id))
            .map(str::to_owned);
        let next = end.filter(|_| list["has_more"] == true && !models.is_empty());
        Some(Self { models, next })
    }
}

/// Picks a model if none was chosen: the newest `sonnet`, else the newest Claude model.
pub(crate) fn pick_default(models: &[ListedModel]) -> Option<&ListedModel> {
    newest_model(models, "sonnet").or_else(|| newest_model(models, "claude"))
}

/// Returns the newest model whose id contains `name`, such as the name of a family.
pub(crate) fn newest_model<'a>(models: &'a [ListedModel], name: &str) -> Option<&'a ListedModel> {
    let candidates = models.iter().filter(|model| model.id().contains(name));
    // The date of the list says nothing: it may be the epoch, and differs by platform.
    candidates.max_by_key(|model| {
        let known = ClaudeModel::from_id(model.id());
        let version = known.map(|model| (model.major, model.minor));
        (version, model.version_key())
    })
}

/// What the default of `max_tokens` of a model must not exceed, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    /// The tokens that the model can write.
    pub(crate) max_output: Option<u64>,
    /// The tokens a minute that it allows.
    pub(crate) tokens_a_minute: Option<u64>,
}

/// Returns the default of `max_tokens` of a model that the seed has; none for others.
pub(crate) fn seed_max_tokens(model: &str) -> Option<u64> {
    is_seed_model(model).then_some(SEED_OUTPUT)
}

/// Returns the default of `max_tokens` of any other model: `usual`, or less where that is known to
/// be too much. It is at least 1.
pub(crate) fn default_max_tokens(usual: u64, limits: OutputLimits) -> u64 {
    let own = limits.max_output.unwrap_or(usual);
    let minute = limits.tokens_a_minute;
    let minute = minute.map_or(usual, |tokens| tokens / MINUTE_DIVISOR);
    usual.min(own).min(minute).max(1)
}

/// Returns the tokens that a model of the seed's can take in; none for others.
pub(crate) fn seed_window(model: &str) -> Option<u64> {
    is_seed_model(model).then_some(SEED_WINDOW)
}

/// Returns the regions that have a model instead of `region`, where the seed says that it has not.
pub(crate) fn regions_instead(model: &str, region: &str) -> Option<&'static [&'static str]> {
    let known = SEED
        .iter()
        .find(|seed| seed.id == model)
        .filter(|_| SEED_REGIONS.contains(&region))?;
    (!known.regions.contains(&region)).then_some(known.regions)
}

fn is_seed_model(model: &str) -> bool {
    SEED.iter().any(|seed| seed.id == model)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn models(ids: &[&str]) -> Vec<ListedModel> {
        ids.iter()
            .filter_map(|id| ListedModel::from_object(json!({"id": id}).into()))
            .collect()
    }

    #[test]
    fn the_newest_sonnet_is_picked_else_the_newest_of_claude() {
        for (ids, expected) in [
            (
                &[
                    "claude-3-opus-20240229",
                    "claude-3-sonnet-20240229",
                    "claude-3-5-sonnet-20240620",
                ][..],
                2,
            ),
            (
                &[
                    "claude-sonnet-4-6-default",
                    "claude-sonnet-5-default",
                    "claude-opus-4-8-default",
                ],
                1,
            ),
            (
                &["claude-sonnet-4-5-20250929", "claude-sonnet-4-20250514"],
                0,
            ),
            (
                &["claude-sonnet-4-5@20250929", "claude-sonnet-4-5@20251101"],
                1,
            ),
            (&["claude-sonnet-4-10", "claude-sonnet-4-9"], 0),
            (
                &[
                    "anthropic.claude-3-5-sonnet-20241022-v2:0",
                    "anthropic.claude-3-5-sonnet-20240620-v1:0",
                ],
                0,
            ),
            (
                &["gpt-5-mini", "claude-haiku-4-5", "claude-3-haiku-20240307"],
                1,
            ),
            (
                &["claude-sonnet-99999999999999999999999", "claude-sonnet-1"],
                1,
            ),
        ] {
            assert_eq!(
                pick_default(&models(ids)).map(ListedModel::id),
                Some(ids[expected])
            );
        }
        assert_eq!(pick_default(&models(&["gpt-5-mini"])), None);
        assert_eq!(pick_default(&[]), None);
    }

    #[test]
    fn the_newest_goes_by_its_version_whatever_date_the_list_has() {
        let dated = |id: &str, date: &str| {
            let object = json!({"id": id, "created_at": date});
            ListedModel::from_object(object.into()).expect("it has an id")
        };
        for (newest, other) in [
            ("claude-sonnet-5-default", "claude-sonnet-4-20250514"),
            ("claude-sonnet-5-5-default", "claude-sonnet-5-default"),
            ("claude-sonnet-4-6-default", "my-claude-sonnet-9"),
        ] {
            let newest = dated(newest, "1970-01-01T00:00:00Z");
            let other = dated(other, "2026-01-01T00:00:00Z");
            assert_eq!(
                pick_default(&[newest.clone(), other.clone()]),
                Some(&newest)
            );
            assert_eq!(pick_default(&[other, newest.clone()]), Some(&newest));
        }
    }

    #[test]
    fn only_the_id_of_a_model_is_required() {
        let page = ModelPage::from_body(
            br#"{"data":[{"id":"a"},{"id":""},{"name":"b"},7,{"id":"c","max_tokens":9,"x":[1]}]}"#,
        );
        let page = page.expect("a list");
        assert_eq!(
            page.models.iter().map(ListedModel::id).collect::<Vec<_>>(),
            ["a", "c"]
        );
        assert_eq!(
            page.models[1].object(),
            &json!({"id": "c", "max_tokens": 9, "x": [1]})
        );
        assert_eq!(
            (page.models[0].max_output(), page.models[1].max_output()),
            (None, Some(9))
        );
        assert_eq!(page.next, None);
    }

    #[test]
    fn numbers_of_a_model_keep_their_digits() {
        let object = r#"{"id":"a","price":1.10,"serial":123456789012345678901,"x":{"y":1e400}}"#;
        let page = ModelPage::from_body(format!("{{\"data\": [{object}]}}").as_bytes());
        let models = page.expect("a list").models;
        assert_eq!(models[0].object().to_string(), object);
    }

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        let next = |body: &str| ModelPage::from_body(body.as_bytes()).expect("a list").next;
        assert_eq!(
            next(r#"{"data":[{"id":"a"}],"has_more":true,"last_id":"z"}"#),
            Some("z".to_owned())
        );
        assert_eq!(
            next(r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#),
            Some("b".to_owned())
        );
        assert_eq!(
            next(r#"{"data":[{"id":"a"}],"has_more":false,"last_id":"a"}"#),
            None
        );
        assert_eq!(next(r#"{"data":[],"has_more":true,"last_id":"a"}"#), None);
    }

    #[test]
    fn a_response_without_data_is_not_a_list() {
        for body in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"data":{}}"#,
            r#"{"data":null}"#,
            "<html>",
        ] {
            assert_eq!(ModelPage::from_body(body.as_bytes()), None, "{body}");
        }
        assert_eq!(
            ModelPage::from_body(br#"{"data":[]}"#),
            Some(ModelPage {
                models: vec![],
                next: None
            })
        );
    }

    #[test]
    fn the_default_of_max_tokens_follows_the_limits_of_the_model() {
        assert_eq!(seed_max_tokens("claude-3-haiku-20240307"), Some(4096));
        assert_eq!(seed_max_tokens("claude-sonnet-5"), None);
        let default = |max_output, tokens_a_minute| {
            let limits = OutputLimits {
                max_output,
                tokens_a_minute,
            };
            default_max_tokens(DEFAULT_MAX_TOKENS, limits)
        };
        assert_eq!(default(None, None), 16_384);
        assert_eq!(default(Some(64_000), Some(250_000)), 16_384);
        assert_eq!(default(Some(100), Some(250_000)), 100);
        assert_eq!(default(Some(64_000), Some(60_000)), 15_000);
        assert_eq!(default(None, Some(3)), 1);
    }

    #[test]
    fn the_seed_knows_where_its_models_are_and_nothing_else() {
        assert_eq!(
            regions_instead("claude-3-opus-20240229", "eu"),
            Some(&["us"][..])
        );
        for (model, region) in [
            ("claude-3-opus-20240229", "us"),
            ("claude-3-opus-20240229", "global"),
            ("claude-3-haiku-20240307", "eu"),
            ("claude-opus-4-8-default", "eu"),
        ] {
            assert_eq!(regions_instead(model, region), None, "{model} in {region}");
        }
        assert!(SEED.iter().all(|seed| {
            seed.regions
                .iter()
                .all(|region| SEED_REGIONS.contains(region))
        }));
    }
}
