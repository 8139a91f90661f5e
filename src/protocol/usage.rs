//! The token counts of an answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The token counts, as a map because the API keeps adding to them; all except input and output may
/// be missing or null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Usage(pub(crate) Map<String, Value>);

impl Usage {
    /// Returns the number of input tokens, including cached ones.
    pub(crate) fn total_input_tokens(&self) -> u64 {
        // Saturates, since a server could send any number.
        let sent = self
            .count("input_tokens")
            .saturating_add(self.count("cache_creation_input_tokens"));
        sent.saturating_add(self.cache_read_tokens())
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
            .and_then(|parts| parts.get("ephemeral_1h_input_tokens"))
            .map_or(0, whole_number)
            .min(written);
        (written - for_an_hour, for_an_hour)
    }

    /// Returns the number of output tokens.
    pub(crate) fn output_tokens(&self) -> u64 {
        self.count("output_tokens")
    }

    /// Merges newer counts. Counts are cumulative, so they replace the old ones; null is ignored.
    pub(crate) fn overwrite(&mut self, newer: Self) {
        for (key, value) in newer.0 {
            if !value.is_null() {
                self.0.insert(key, value);
            }
        }
    }

    /// Adds the counts of another request for the same answer; what is no count is replaced.
    pub(crate) fn add_counts(&mut self, other: &Self) {
        for (key, value) in &other.0 {
            let sum = self.0.get(key).and_then(Value::as_u64).zip(value.as_u64());
            let sum = sum.map(|(before, more)| Value::from(before.saturating_add(more)));
            self.0
                .insert(key.clone(), sum.unwrap_or_else(|| value.clone()));
        }
    }

    fn count(&self, key: &str) -> u64 {
        self.0.get(key).map_or(0, whole_number)
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

    #[test]
    fn usage_is_overwritten_and_never_added() {
        let mut usage = Usage(
            json!({"input_tokens": 25, "output_tokens": 1})
                .as_object()
                .expect("a map")
                .clone(),
        );
        let newer =
            json!({"input_tokens": null, "output_tokens": 15, "cache_read_input_tokens": 7});
        usage.overwrite(Usage(newer.as_object().expect("a map").clone()));
        assert_eq!(
            (
                usage.total_input_tokens(),
                usage.output_tokens(),
                usage.cache_read_tokens()
            ),
            (32, 15, 7)
        );
    }
}
