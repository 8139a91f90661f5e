//! The log line of a finished request: one line of JSON, without its key and without a word of its
//! content.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::fault::Fault;
use super::limit::{LimitReservation, LimitStatus};
use super::models::DemoRegion;

/// Receives the lines of the log.
pub(crate) type AccessLog = Arc<dyn Fn(&str) + Send + Sync>;

/// What web servers log for a client that left before there was a status.
const CLIENT_LEFT: u16 = 499;

/// The tokens of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnswerUsage {
    /// Those of the request, cached ones too.
    pub(super) input: u64,
    /// Those of the answer, as far as it was sent.
    pub(super) output: u64,
}

/// A request under way. With its end, however it comes, the line is written and the ledger is
/// corrected.
pub(super) struct AccessRecord {
    log: Option<AccessLog>,
    time: SystemTime,
    begun: Instant,
    request_id: String,
    status: u16,
    /// The region that its path names.
    pub(super) region: Option<DemoRegion>,
    /// The model, once the request has passed the checks.
    pub(super) model: Option<String>,
    /// Whether the answer is streamed, once the request has passed the checks.
    pub(super) stream: Option<bool>,
    /// The length of its body.
    pub(super) bytes_in: usize,
    /// What goes wrong with it on purpose.
    pub(super) fault: Option<Fault>,
    /// What it has cost so far; none if it was not answered.
    pub(super) usage: Option<AnswerUsage>,
    /// The status of the limits, once it was looked up.
    pub(super) standing: Option<LimitStatus>,
    /// Its entry in the ledger.
    pub(super) reservation: Option<LimitReservation>,
}

impl AccessRecord {
    /// Begins to record a request that has come at `time`.
    pub(super) fn new(log: Option<AccessLog>, request_id: String, time: SystemTime) -> Self {
        Self {
            log,
            time,
            begun: Instant::now(),
            request_id,
            status: CLIENT_LEFT,
            region: None,
            model: None,
            stream: None,
            bytes_in: 0,
            fault: None,
            usage: None,
            standing: None,
            reservation: None,
        }
    }

    /// Returns the id of the request.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Notes the status that the request is answered with.
    pub(super) fn note_status(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    /// Notes that so many tokens of the answer have been sent.
    pub(super) fn note_sent(&mut self, tokens: u64) {
        if let Some(usage) = &mut self.usage {
            usage.output = tokens;
        }
    }

    fn to_line(&self, took: Duration) -> String {
        json!({
            "time": rfc3339(self.time),
            "request_id": self.request_id,
            "region": self.region.map(DemoRegion::slug),
            "model": self.model,
            "status": self.status,
            "stream": self.stream,
            "input_tokens": self.usage.map(|usage| usage.input),
            "output_tokens": self.usage.map(|usage| usage.output),
            "fault": self.fault.map(Fault::name),
            "bytes_in": self.bytes_in,
            "duration_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
        .to_string()
    }
}

impl Drop for AccessRecord {
    fn drop(&mut self) {
        if let (Some(reservation), Some(usage)) = (&mut self.reservation, self.usage) {
            reservation.cost = usage.input.saturating_add(usage.output);
        }
        if let Some(log) = &self.log {
            log(&self.to_line(self.begun.elapsed()));
        }
    }
}

/// Writes a time as RFC 3339 has it, in UTC and to the millisecond.
fn rfc3339(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_795_365_000, "2026-11-22T16:30:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_request_whose_client_left_is_logged_too() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&lines);
        let log: AccessLog =
            Arc::new(move |line: &str| theirs.lock().expect("no panic").push(line.to_owned()));
        drop(AccessRecord::new(Some(log), "req_1".to_owned(), UNIX_EPOCH));
        let lines = lines.lock().expect("no panic");
        let expected = "{\"time\":\"1970-01-01T00:00:00.000Z\",\"request_id\":\"req_1\",\"region\":null,\"model\":null,\
                        \"status\":499,\"stream\":null,\"input_tokens\":null,\"output_tokens\":null,\"fault\":null,\
                        \"bytes_in\":0,\"duration_ms\":";
        assert!(
            matches!(&lines[..], [line] if line.starts_with(expected)),
            "{lines:?}"
        );
    }
}
