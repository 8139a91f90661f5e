//! A record that is answered from: found by request, in the recorded order.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::difference::RequestDifference;
use super::error::RecordError;
use super::exchange::RecordedExchange;
use super::request_key::RequestKey;
use super::{FORMAT, VERSION};

/// The exchanges of a record.
#[derive(Debug)]
pub(crate) struct RecordedAnswers {
    path: PathBuf,
    answers: Vec<KeyedAnswer>,
    /// The places in `answers` of each request, in the order of the record.
    places: HashMap<String, Vec<usize>>,
    /// How many attempts of a request were answered, for each region that a path named.
    taken: Mutex<HashMap<RequestKey, usize>>,
}

#[derive(Debug)]
struct KeyedAnswer {
    key: RequestKey,
    answer: RecordedAnswer,
}

/// An exchange and its place in the record.
#[derive(Debug, Clone)]
pub(crate) struct RecordedAnswer {
    /// The number of its line, from 1.
    pub(crate) line: usize,
    /// The exchange.
    pub(crate) exchange: Arc<RecordedExchange>,
}

/// A request that is not in the record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MissingRequest {
    /// The record.
    pub(crate) path: PathBuf,
    /// The line of the recorded request that is most like it, and how the two differ; none in a
    /// record without requests.
    pub(crate) nearest: Option<(usize, RequestDifference)>,
}

impl fmt::Display for MissingRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.nearest {
            None => write!(
                formatter,
                "the request is not in the recording `{path}`, which is empty"
            ),
            Some((line, difference)) => write!(
                formatter,
                "the request is not in the recording `{path}`; the closest recorded request (line \
                 {line}) differs: {difference}"
            ),
        }
    }
}

impl RecordedAnswers {
    /// Reads a record; it may come from a pipe.
    pub(crate) fn read(path: &Path) -> Result<Self, RecordError> {
        let bytes = fs::read(path).map_err(|source| RecordError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, RecordError> {
        let mut lines = bytes
            .split(|byte| *byte == b'\n')
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim_ascii()))
            .filter(|(_, line)| !line.is_empty());
        check_header(path, lines.next().map_or(&[], |(_, line)| line))?;
        let mut record = Self {
            path: path.to_owned(),
            answers: Vec::new(),
            places: HashMap::new(),
            taken: Mutex::default(),
        };
        for (number, line) in lines {
            // Records may be joined.
            if check_header(path, line).is_ok() {
                continue;
            }
            let exchange = std::str::from_utf8(line)
                .map_err(|error| error.to_string())
                .and_then(RecordedExchange::from_line)
                .map_err(|reason| RecordError::BadLine {
                    path: path.to_owned(),
                    line: number,
                    reason,
                })?;
            record.add(number, exchange);
        }
        Ok(record)
    }

    fn add(&mut self, line: usize, exchange: RecordedExchange) {
        let request = &exchange.request;
        let body = request.body.as_ref().map(|body| body.get().as_bytes());
        // A request of another kind was written by a later version, and nothing asks for it.
        let Some(key) = RequestKey::from_request(&request.method, &request.url, body) else {
            return;
        };
        let places = self.places.entry(key.text().to_owned()).or_default();
        places.push(self.answers.len());
        let exchange = Arc::new(exchange);
        let answer = RecordedAnswer { line, exchange };
        self.answers.push(KeyedAnswer { key, answer });
    }

    /// Returns the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the record has a request.
    pub(crate) fn has(&self, key: &RequestKey) -> bool {
        self.places_of(key).next().is_some()
    }

    /// Returns what became of a request. Each further time that it is sent it gets the next of its
    /// recorded answers, and after the last one that one again.
    pub(crate) fn next_answer(&self, key: &RequestKey) -> Result<RecordedAnswer, MissingRequest> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_default();
        let places: Vec<usize> = self.places_of(key).collect();
        let place = places.get(*count).or(places.last());
        *count += 1;
        match place {
            Some(&place) => Ok(self.answers[place].answer.clone()),
            None => Err(self.missing(key)),
        }
    }

    fn places_of(&self, key: &RequestKey) -> impl Iterator<Item = usize> {
        let places = self.places.get(key.text()).into_iter().flatten().copied();
        places.filter(|&place| self.answers[place].key.is_for_region_of(key))
    }

    fn missing(&self, key: &RequestKey) -> MissingRequest {
        let sent = key.to_value();
        let nearest = self
            .answers
            .iter()
            .map(|keyed| {
                let difference = RequestDifference::between(&keyed.key.to_value(), &sent);
                (keyed.answer.line, difference)
            })
            .min_by(|(_, one), (_, other)| one.distance().total_cmp(&other.distance()));
        MissingRequest {
            path: self.path.clone(),
            nearest,
        }
    }
}

/// Checks that a line names the format, in a version that can be read.
pub(super) fn check_header(path: &Path, line: &[u8]) -> Result<(), RecordError> {
    let path = || path.to_owned();
    let header: Value = serde_json::from_slice(line).unwrap_or_default();
    match header["version"].as_u64() {
        _ if header["format"] != FORMAT => Err(RecordError::OtherFormat { path: path() }),
        None => Err(RecordError::OtherFormat { path: path() }),
        Some(version) if version > VERSION => Err(RecordError::Newer {
            path: path(),
            version,
        }),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEADER: &str = r#"{"format":"langdock-record","version":1}"#;

    fn line(prompt: &str, status: u16) -> String {
        json!({
            "at": "", "attempt": 1, "took_ms": 1,
            "request": {
                "method": "POST",
                "url": "https://h/anthropic/eu/v1/messages",
                "headers": [],
                "body": {"model": "m", "prompt": prompt},
            },
            "response": {"status": status, "after_ms": 1, "headers": [], "body": []},
        })
        .to_string()
    }

    fn parse(lines: &[&str]) -> Result<RecordedAnswers, RecordError> {
        RecordedAnswers::parse(Path::new("r.jsonl"), lines.join("\n").as_bytes())
    }

    fn key(region: &str, prompt: &str) -> RequestKey {
        let body = json!({"prompt": prompt, "model": "m"}).to_string();
        let url = format!("http://localhost:1/anthropic/{region}/v1/messages");
        RequestKey::from_request("POST", &url, Some(body.as_bytes())).expect("a key")
    }

    #[test]
    fn repeated_requests_get_their_answers_in_order_and_then_the_last_again() {
        let lines = [
            HEADER,
            &line("a", 429),
            &line("b", 500),
            HEADER,
            &line("a", 200),
        ];
        let record = parse(&lines).expect("a record");
        let next = |prompt: &str| {
            let answer = record.next_answer(&key("eu", prompt)).expect("it is there");
            let status = answer.exchange.response.as_ref().map(|head| head.status);
            (answer.line, status)
        };
        assert_eq!(next("a"), (2, Some(429)));
        assert_eq!(next("b"), (3, Some(500)));
        assert_eq!(next("a"), (5, Some(200)));
        assert_eq!(next("a"), (5, Some(200)));
        assert!(record.has(&key("eu", "a")) && !record.has(&key("us", "a")));
    }

    #[test]
    fn a_missing_request_is_compared_with_the_nearest_one() {
        let record = parse(&[HEADER, &line("bird", 200), &line("birch", 200)]).expect("a record");
        let missing = record
            .next_answer(&key("eu", "birth"))
            .expect_err("missing");
        assert_eq!(
            missing.to_string(),
            "the request is not in the recording `r.jsonl`; the closest recorded request (line 3) \
             differs: prompt was \"birch\", now \"birth\""
        );
        let missing = record.next_answer(&key("us", "bird")).expect_err("missing");
        assert!(
            missing
                .to_string()
                .ends_with("(line 2) differs: region was \"eu\", now \"us\""),
            "{missing}"
        );
        let missing = parse(&[HEADER])
            .expect("a record")
            .next_answer(&key("eu", "a"));
        assert_eq!(
            missing.expect_err("missing").to_string(),
            "the request is not in the recording `r.jsonl`, which is empty"
        );
    }

    #[test]
    fn what_is_not_a_recording_is_refused() {
        for (lines, expected) in [
            (&[""][..], "`r.jsonl` is not a recording"),
            (&["hello"], "`r.jsonl` is not a recording"),
            (
                &[r#"{"format":"langdock-record"}"#],
                "`r.jsonl` is not a recording",
            ),
            (
                &[r#"{"format":"langdock-record","version":2}"#],
                "the recording `r.jsonl` has format version 2; this version of langdock reads \
                 versions up to 1",
            ),
            (
                &[HEADER, "", "{}"],
                "line 3 of the recording `r.jsonl` is not a recorded request and response: missing \
                 field `at`",
            ),
        ] {
            let error = parse(lines).expect_err("no record").to_string();
            assert_eq!(error, expected);
        }
    }
}
