//! The token counts of an answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::raw_json::{UnknownFields, parse_value};

/// How deep counts are nested at most: the API nests them once.
const COUNT_DEPTH: usize = 4;

/// The token counts, as a map because the API keeps adding to them; all except input and output may
/// be missing or null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Usage(pub(crate) UnknownFields);

impl Usage {
    /// Returns the number of input tokens, including cached ones.
    pub(crate) fn total_input_tokens(&self) -> u64 {
        // Saturates, since a server could send any number.
        let sent = self
            .count("input_tokens")
            .saturating_add(self.count("cache_creation_input_tokens"));
        sent.saturating_add(self.cache_read_tokens())
    }

    /// Returns the number of tokens of the prompt and of the answer.
    pub(crate) fn context_tokens(&self) -> u64 {
        self.total_input_tokens()
            .saturating_add(self.output_tokens())
    }

    /// Returns the number of tokens read from the cache.
    pub(crate) fn cache_read_tokens(&self) -> u64 {
        self.count("cache_read_input_tokens")
    }

    /// Returns the number of input tokens written to the cache for five minutes, and for an hour.
    /// If the answer does not distinguish them, all are the former.
    pub(crate) fn cache_write_tokens(&self) -> (u64, u64) {
        let written = self.count("cache_creation_input_tokens");
        let for_an_hour = self
            .0
            .get("cache_creation")
            .and_then(|parts| parts.get("ephemeral_1h_input_tokens").map(whole_number))
            .unwrap_or(0)
            .min(written);
        (written - for_an_hour, for_an_hour)
    }

    /// Returns the number of output tokens.
    pub(crate) fn output_tokens(&self) -> u64 {
        self.count("output_tokens")
    }

    /// Merges newer counts. Counts are cumulative, so they replace the old ones; null is ignored.
    pub(crate) fn overwrite(&mut self, mut newer: Self) {
        newer.0.retain(|_, raw| raw.get() != "null");
        self.0.extend(newer.0);
    }

    /// Adds the counts of another request for the same answer, nested ones too. What is not a count
    /// is replaced.
    pub(crate) fn add_counts(&mut self, other: &Self) {
        for (key, more) in other.0.iter() {
            let mut count = self.0.get(key).unwrap_or_default();
            add_count(&mut count, &parse_value(more), COUNT_DEPTH);
            self.0.insert(key, &count);
        }
    }

    fn count(&self, key: &str) -> u64 {
        self.0.get(key).as_ref().map_or(0, whole_number)
    }
}

/// Adds a count to another, in objects down to `depth` levels. Null says nothing; what is not a
/// count replaces the earlier value.
fn add_count(before: &mut Value, more: &Value, depth: usize) {
    match (before, more) {
        (_, Value::Null) => {}
        (Value::Object(counts), Value::Object(more)) if depth > 0 => {
            for (key, more) in more {
                let before = counts.entry(key.clone()).or_insert(Value::Null);
                add_count(before, more, depth - 1);
            }
        }
        (before, more) if before.is_number() && more.is_number() => {
            let sum = whole_number(before).saturating_add(whole_number(more));
            *before = Value::from(sum);
        }
        (before, more) => *before = more.clone(),
    }
}

/// Returns a count as an integer; 0 if it is not a number. Some servers write counts as `10.0`.
fn whole_number(value: &Value) -> u64 {
    let from_float = |number: f64| {
        // Token counts are far below 2^53, up to which every integer is exact.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let whole = number as u64;
        whole
    };
    value
        .as_u64()
        .or_else(|| value.as_f64().map(from_float))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(counts: &Value) -> Usage {
        serde_json::from_value(counts.clone()).expect("a map")
    }

    #[test]
    fn the_counts_of_two_requests_are_added_wherever_they_are() {
        let mut sum = usage(&json!({
            "input_tokens": 10, "output_tokens": 1.0, "service_tier": "standard",
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "server_tool_use": null,
        }));
        sum.add_counts(&usage(&json!({
            "input_tokens": 5, "output_tokens": 2, "service_tier": "priority",
            "cache_creation_input_tokens": 70,
            "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 40},
            "server_tool_use": {"web_search_requests": 1},
            "cache_read_input_tokens": null,
        })));
        let expected = json!({
            "input_tokens": 15, "output_tokens": 3, "service_tier": "priority",
            "cache_creation_input_tokens": 370,
            "cache_creation": {"ephemeral_5m_input_tokens": 130, "ephemeral_1h_input_tokens": 240},
            "server_tool_use": {"web_search_requests": 1},
            "cache_read_input_tokens": null,
        });
        assert_eq!(sum, usage(&expected));
        assert_eq!(sum.cache_write_tokens(), (130, 240));
    }

    #[test]
    fn counts_that_are_nested_too_deep_are_replaced() {
        let nested = |count: u64| json!({"a": {"b": {"c": {"d": {"e": {"f": count}}}}}});
        let mut sum = usage(&nested(1));
        sum.add_counts(&usage(&nested(2)));
        assert_eq!(sum, usage(&nested(2)));
    }

    #[test]
    fn usage_is_overwritten_and_never_added() {
        let mut counts = usage(&json!({"input_tokens": 25, "output_tokens": 1}));
        counts.overwrite(usage(
            &json!({"input_tokens": null, "output_tokens": 15, "cache_read_input_tokens": 7}),
        ));
        assert_eq!(
            (
                counts.total_input_tokens(),
                counts.output_tokens(),
                counts.cache_read_tokens()
            ),
            (32, 15, 7)
        );
    }
}
