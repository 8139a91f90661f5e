//! A line of the usage log: one request, as numbers and names only.

use jiff::Timestamp;
use serde::Deserialize;

/// The log entry of a request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct UsageRecord {
    /// The time at which the request ended.
    #[serde(rename = "at")]
    pub(crate) ended_at: Timestamp,
    /// The model.
    pub(crate) model: String,
    /// The region that it was sent to.
    pub(crate) region: String,
    /// The command that sent it.
    pub(crate) command: String,
    /// The value of `--tag`.
    pub(crate) tag: Option<String>,
    /// Input tokens, without those read from the cache.
    #[serde(rename = "in")]
    pub(crate) tokens_in: u64,
    /// Input tokens read from the cache.
    pub(crate) cache: u64,
    /// Those of `tokens_in` that were written to the cache for five minutes.
    pub(crate) cache_write: u64,
    /// Those of `tokens_in` that were written to the cache for an hour.
    pub(crate) cache_write_1h: u64,
    /// Output tokens.
    #[serde(rename = "out")]
    pub(crate) tokens_out: u64,
    /// Time spent waiting between attempts.
    pub(crate) waited_s: f64,
    /// The number of 429 responses.
    #[serde(rename = "429s")]
    pub(crate) refused: u32,
    /// `complete`, or the kind of the error.
    pub(crate) outcome: String,
}

/// The outcome of a complete answer.
pub(crate) const COMPLETE: &str = "complete";

impl UsageRecord {
    /// Formats the record as a line of JSON. This is written by hand because it is done for every
    /// request, and only text needs a library's escaping.
    pub(crate) fn to_line(&self) -> String {
        let mut line = String::with_capacity(256);
        line.push_str("{\"at\":\"");
        line.push_str(&self.ended_at.to_string());
        line.push('"');
        let tag = self.tag.as_deref().map(|tag| ("tag", tag));
        let words = [
            ("model", self.model.as_str()),
            ("region", &self.region),
            ("command", &self.command),
        ];
        for (key, word) in words
            .into_iter()
            .chain(tag)
            .chain([("outcome", self.outcome.as_str())])
        {
            line.push_str(&format!(",\"{key}\":"));
            line.push_str(&serde_json::Value::from(word).to_string());
        }
        for (key, tokens) in [
            ("cache_write", self.cache_write),
            ("cache_write_1h", self.cache_write_1h),
        ] {
            if tokens > 0 {
                line.push_str(&format!(",\"{key}\":{tokens}"));
            }
        }
        line.push_str(&format!(
            ",\"in\":{},\"cache\":{},\"out\":{},\"waited_s\":{:.3},\"429s\":{}}}\n",
            self.tokens_in, self.cache, self.tokens_out, self.waited_s, self.refused
        ));
        line
    }

    /// Parses a line; `None` if it is damaged or not a record.
    pub(super) fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line)
            .ok()
            .filter(|record: &Self| !record.model.is_empty())
    }

    /// Returns whether the answer reports any tokens.
    pub(super) fn has_tokens(&self) -> bool {
        self.tokens_in > 0 || self.cache > 0 || self.tokens_out > 0
    }

    /// Returns whether the answer is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.outcome == COMPLETE
    }
}

#[cfg(test)]
pub(super) fn sample() -> UsageRecord {
    UsageRecord {
        ended_at: "2026-11-22T18:30:01Z".parse().expect("a time"),
        model: "m-1".to_owned(),
        region: "eu".to_owned(),
        command: "send".to_owned(),
        tag: Some("a \"b\"\n".to_owned()),
        tokens_in: 10,
        cache: 3,
        cache_write: 4,
        cache_write_1h: 1,
        tokens_out: 5,
        waited_s: 1.25,
        refused: 2,
        outcome: COMPLETE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json_and_reads_back_equal() {
        for record in [
            sample(),
            UsageRecord {
                tag: None,
                cache_write: 0,
                outcome: "rate_limit".to_owned(),
                ..sample()
            },
        ] {
            let line = record.to_line();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(UsageRecord::from_line(line.as_bytes()), Some(record));
        }
    }

    #[test]
    fn a_line_that_is_not_a_record_is_ignored() {
        for line in [
            "",
            "{",
            "{}",
            "[]",
            r#"{"at":"2026-11-22T18:30:01Z","model":"m","#,
            r#"{"model":1}"#,
        ] {
            assert_eq!(UsageRecord::from_line(line.as_bytes()), None, "{line}");
        }
        // A line of another version is read as far as it is understood.
        assert!(
            UsageRecord::from_line(br#"{"at":"2026-11-22T18:30:01Z","model":"m","new":[1]}"#)
                .is_some()
        );
    }
}
