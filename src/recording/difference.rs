//! How two requests differ, for people: pure.

use std::fmt;

use serde_json::Value;

/// The most differences that are written out.
const MAX_SHOWN: usize = 3;

/// How much of a text is shown from its first difference on, in characters.
const EXCERPT: usize = 40;

/// How much of a text is shown before its first difference, in characters.
const LEAD: usize = 12;

/// A place where two requests differ.
#[derive(Debug, Clone, PartialEq)]
struct Difference {
    /// Where, such as `messages[0].content[0].text`.
    place: String,
    recorded: Option<Value>,
    sent: Option<Value>,
}

/// All places where two requests differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestDifference(Vec<Difference>);

impl RequestDifference {
    /// Compares two requests.
    pub(super) fn between(recorded: &Value, sent: &Value) -> Self {
        let mut found = Vec::new();
        compare(String::new(), Some(recorded), Some(sent), &mut found);
        Self(found)
    }

    /// Returns how far apart they are: 1 for each place, less where texts are alike.
    pub(super) fn distance(&self) -> f64 {
        self.0.iter().map(Difference::distance).sum()
    }
}

impl fmt::Display for RequestDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, difference) in self.0.iter().take(MAX_SHOWN).enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{difference}")?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            1 => write!(formatter, "; and 1 more place"),
            more => write!(formatter, "; and {more} more places"),
        }
    }
}

impl Difference {
    fn distance(&self) -> f64 {
        let (Some(Value::String(recorded)), Some(Value::String(sent))) =
            (&self.recorded, &self.sent)
        else {
            return 1.0;
        };
        let longest = recorded.chars().count().max(sent.chars().count());
        let ahead = common_start(recorded.chars(), sent.chars());
        let shortest = recorded.chars().count().min(sent.chars().count());
        let behind = common_start(recorded.chars().rev(), sent.chars().rev()).min(shortest - ahead);
        0.1 + 0.9 * as_f64(longest - ahead - behind) / as_f64(longest.max(1))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = match (&self.recorded, &self.sent) {
            (Some(Value::String(recorded)), Some(Value::String(sent))) => {
                common_start(recorded.chars(), sent.chars())
            }
            _ => 0,
        };
        let shown = |value: &Option<Value>| match value {
            None => "nothing".to_owned(),
            Some(Value::String(text)) => excerpt(text, start),
            Some(value) => {
                let text = value.to_string();
                let is_short = text.chars().count() <= EXCERPT;
                let shown: String = text.chars().take(EXCERPT).collect();
                if is_short {
                    text
                } else {
                    format!("{shown}…")
                }
            }
        };
        let (recorded, sent) = (shown(&self.recorded), shown(&self.sent));
        write!(formatter, "{} was {recorded}, now {sent}", self.place)
    }
}

fn compare(
    place: String,
    recorded: Option<&Value>,
    sent: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (recorded, sent) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                let dot = if place.is_empty() { "" } else { "." };
                let place = format!("{place}{dot}{key}");
                compare(place, one.get(key), other.get(key), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                let place = format!("{place}[{index}]");
                compare(place, one.get(index), other.get(index), found);
            }
        }
        (recorded, sent) if recorded == sent => {}
        (recorded, sent) => found.push(Difference {
            place,
            recorded: recorded.cloned(),
            sent: sent.cloned(),
        }),
    }
}

fn common_start(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// Returns what a text has around its first difference, in quotes.
fn excerpt(text: &str, difference: usize) -> String {
    let start = difference.saturating_sub(LEAD);
    let shown: String = text.chars().skip(start).take(LEAD + EXCERPT).collect();
    let before = if start > 0 { "…" } else { "" };
    let is_cut = text.chars().count() > start + LEAD + EXCERPT;
    let after = if is_cut { "…" } else { "" };
    Value::from(format!("{before}{shown}{after}")).to_string()
}

/// Lengths of texts are far below 2^52, where this would not be exact.
#[allow(clippy::cast_precision_loss)]
fn as_f64(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_is_named_with_what_it_was_and_is() {
        let recorded = json!({"model": "a", "messages": [{"content": "What is 2+2? Answer in one word, please, and nothing else."}], "top_k": 1});
        let sent = json!({"model": "a", "messages": [{"content": "What is 3+3? Answer in one word, please, and nothing else."}, {}]});
        let difference = RequestDifference::between(&recorded, &sent);
        assert_eq!(
            difference.to_string(),
            concat!(
                r#"messages[0].content was "What is 2+2? Answer in one word, please, and nothing…", "#,
                r#"now "What is 3+3? Answer in one word, please, and nothing…"; "#,
                r#"messages[1] was nothing, now {}; top_k was 1, now nothing"#
            )
        );
        assert_eq!(RequestDifference::between(&sent, &sent).to_string(), "");
        let far = json!({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1});
        let shown = RequestDifference::between(&far, &json!({})).to_string();
        assert!(shown.ends_with("; and 2 more places"), "{shown}");
    }

    #[test]
    fn an_excerpt_begins_shortly_before_the_difference() {
        let long = "x".repeat(100);
        let [recorded, sent] = ["1", "2"].map(|end| json!({ "p": format!("{long}{end}") }));
        assert_eq!(
            RequestDifference::between(&recorded, &sent).to_string(),
            r#"p was "…xxxxxxxxxxxx1", now "…xxxxxxxxxxxx2""#
        );
    }

    #[test]
    fn texts_that_are_alike_are_nearer_than_others() {
        let distance = |recorded: &str| {
            RequestDifference::between(&json!([recorded]), &json!(["abcdef"])).distance()
        };
        assert!(distance("abcdeg") < distance("abxxxx"));
        assert!(distance("abxxxx") < distance("yyyyyy"));
        assert!(distance("aaa") <= 1.0 && distance("abcdefabcdef") < 1.0);
    }
}
