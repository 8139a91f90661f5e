//! The log line of a finished request: one line of JSON that has neither the key nor any content.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::fault::Fault;
use super::limit::{LimitReservation, LimitStatus};
use super::models::DemoRegion;

/// Receives the log lines.
pub(crate) type AccessLog = Arc<dyn Fn(&str) + Send + Sync>;

/// The conventional status for a client that disconnected before the response.
const CLIENT_LEFT: u16 = 499;

/// The tokens of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnswerUsage {
    /// Input tokens, including cached ones.
    pub(super) input: u64,
    /// Output tokens, as far as they were sent.
    pub(super) output: u64,
}

/// A request in progress. However it ends, dropping this writes the log line and corrects the
/// ledger.
pub(super) struct AccessRecord {
    log: Option<AccessLog>,
    time: SystemTime,
    begun: Instant,
    request_id: String,
    status: u16,
    /// The region in its path.
    pub(super) region: Option<DemoRegion>,
    /// The model, once the request has passed the checks.
    pub(super) model: Option<String>,
    /// Whether the answer is streamed, once the request has passed the checks.
    pub(super) stream: Option<bool>,
    /// The length of its body in bytes.
    pub(super) bytes_in: usize,
    /// Its deliberate fault, if any.
    pub(super) fault: Option<Fault>,
    /// What it has cost so far; `None` if it was not answered.
    pub(super) usage: Option<AnswerUsage>,
    /// The status of the limits, once known.
    pub(super) standing: Option<LimitStatus>,
    /// Its reservation in the ledger.
    pub(super) reservation: Option<LimitReservation>,
}

impl AccessRecord {
    /// Starts the record of a request that arrived at `time`.
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

    /// Records the status of the response.
    pub(super) fn note_status(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    /// Records that this many tokens of the answer have been sent.
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

/// Formats a time as RFC 3339, in UTC with milliseconds.
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
