//! One HTTP request and what became of it, as one line of JSON: pure.

use std::time::SystemTime;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::text::json_error_text;

/// A line of a record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordedExchange {
    /// When the request was sent, in UTC as RFC 3339 has it.
    pub(crate) at: String,
    /// Which attempt of its call it was, from 1.
    pub(crate) attempt: u32,
    /// What was sent.
    pub(crate) request: RecordedRequest,
    /// What came back; none where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<RecordedResponse>,
    /// What went wrong on the way; none where the client read all that it wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<RecordedFailure>,
    /// How long it took in all, in milliseconds.
    pub(crate) took_ms: u64,
}

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordedRequest {
    /// `POST` for an answer, `GET` for the list of models.
    pub(crate) method: String,
    /// The URL.
    pub(crate) url: String,
    /// The headers but for those that hold a secret.
    pub(crate) headers: Vec<(String, String)>,
    /// The JSON body with the bytes of images and PDFs replaced by their hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Box<RawValue>>,
}

/// A response.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RecordedResponse {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long after the request its head came, in milliseconds.
    pub(crate) after_ms: u64,
    /// The headers but for those that set cookies.
    pub(crate) headers: Vec<(String, String)>,
    /// What came of the body, piece by piece.
    pub(crate) body: Vec<BodyPiece>,
}

/// A piece of a body: an event of a stream, or all of a body that is not one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BodyPiece(u64, PieceData);

/// The bytes of a piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a piece of a body is neither text nor valid base64"
)]
enum PieceData {
    /// They are UTF-8, as nearly always.
    Text(String),
    /// They are not.
    Binary {
        /// The bytes, which are in base64 in the line.
        #[serde(with = "base64_bytes")]
        base64: Vec<u8>,
    },
}

/// Bytes that lines have in base64.
mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], line: S) -> Result<S::Ok, S::Error> {
        line.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(line: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(line)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

/// What went wrong on the way to a response, or within its body. The fields are those of the error
/// that the client reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs)]
pub(crate) enum RecordedFailure {
    /// No connection.
    Connect {
        host: String,
        reason: String,
        transient: bool,
    },
    /// No connection to the proxy.
    Proxy { proxy: String, reason: String },
    /// The server does not speak TLS.
    NoTls { host: String },
    /// The proxy wants a login, or another one.
    ProxyLogin {
        proxy: String,
        host: String,
        is_refused: bool,
    },
    /// The name was not found.
    Dns { host: String, reason: String },
    /// The certificate was not accepted.
    Certificate {
        host: String,
        reason: String,
        flaw: String,
    },
    /// The connection was lost.
    Lost { host: String, reason: String },
    /// A time limit of the client was reached.
    Timeout { limit: TimeoutLimit, limit_ms: u64 },
}

/// Which time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeoutLimit {
    /// `--connect-timeout`
    Connect,
    /// `--idle-timeout`
    Idle,
    /// `--timeout`
    Total,
}

impl RecordedExchange {
    /// Returns the line, with its end.
    pub(crate) fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("maps with string keys are always JSON");
        line.push('\n');
        line
    }

    /// Returns a time as lines have it.
    pub(crate) fn format_time(time: SystemTime) -> String {
        Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
    }

    /// Returns when the request was sent; none where a line that was edited has no valid time.
    pub(crate) fn sent_at(&self) -> Option<SystemTime> {
        self.at.parse::<Timestamp>().ok().map(SystemTime::from)
    }

    /// Reads a line; the error says what is wrong with it.
    pub(crate) fn from_line(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| json_error_text(&error))
    }
}

impl BodyPiece {
    /// Splits a body into pieces: each ends with a blank line, as an event does, or with the body.
    /// `chunks` are what arrived, with the milliseconds after the request; a piece has the time of
    /// its last byte. Each is recorded as `scrub` returns it.
    pub(crate) fn split(
        chunks: &[(u64, Bytes)],
        scrub: &mut dyn FnMut(Vec<u8>) -> Vec<u8>,
    ) -> Vec<Self> {
        let mut pieces = Vec::new();
        let (mut piece, mut last) = (Vec::new(), 0);
        for (after_ms, bytes) in chunks {
            last = *after_ms;
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                piece.extend_from_slice(line);
                if piece.ends_with(b"\n\n") || piece.ends_with(b"\n\r\n") {
                    pieces.push(Self::new(last, scrub(std::mem::take(&mut piece))));
                }
            }
        }
        if !piece.is_empty() {
            pieces.push(Self::new(last, scrub(piece)));
        }
        pieces
    }

    fn new(after_ms: u64, bytes: Vec<u8>) -> Self {
        let data = match String::from_utf8(bytes) {
            Ok(text) => PieceData::Text(text),
            Err(error) => PieceData::Binary {
                base64: error.into_bytes(),
            },
        };
        Self(after_ms, data)
    }

    /// Returns how long after the request it came, in milliseconds.
    pub(crate) fn after_ms(&self) -> u64 {
        self.0
    }

    /// Returns its bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match &self.1 {
            PieceData::Text(text) => text.clone().into_bytes(),
            PieceData::Binary { base64 } => base64.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(after_ms: u64, text: &'static str) -> (u64, Bytes) {
        (after_ms, Bytes::from_static(text.as_bytes()))
    }

    fn split(chunks: &[(u64, Bytes)]) -> Vec<BodyPiece> {
        BodyPiece::split(chunks, &mut |bytes| bytes)
    }

    #[test]
    fn a_stream_is_split_into_its_events_wherever_the_chunks_ended() {
        let pieces = split(&[
            chunk(1, "event: a\ndata: 1\n"),
            chunk(2, "\nevent: b\r\ndata: 2\r\n\r\nev"),
            chunk(5, "ent: c"),
        ]);
        let seen: Vec<(u64, String)> = pieces
            .iter()
            .map(|piece| {
                let text = String::from_utf8(piece.to_bytes()).expect("text");
                (piece.after_ms(), text)
            })
            .collect();
        assert_eq!(
            seen,
            [
                (2, "event: a\ndata: 1\n\n".to_owned()),
                (2, "event: b\r\ndata: 2\r\n\r\n".to_owned()),
                (5, "event: c".to_owned()),
            ]
        );
    }

    #[test]
    fn bytes_that_are_not_text_come_back_as_they_were() {
        let chunks = [&b"a\xff\xc3"[..], b"\xa9\n\n"].map(Bytes::from_static);
        let pieces = split(&[(3, chunks[0].clone()), (4, chunks[1].clone())]);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].to_bytes(), b"a\xff\xc3\xa9\n\n");
        let json = serde_json::to_string(&pieces).expect("JSON");
        assert_eq!(json, r#"[[4,{"base64":"Yf/DqQoK"}]]"#);
    }

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        let line = concat!(
            r#"{"at":"2026-11-29T12:00:00.123Z","attempt":2,"request":{"method":"POST","#,
            r#""url":"https://h/anthropic/eu/v1/messages","headers":[["accept","text/event-stream"]],"#,
            r#""body":{"n":1.10,"big":123456789012345678901}},"#,
            r#""response":{"status":200,"after_ms":12,"headers":[["content-type","text/event-stream"]],"#,
            r#""body":[[13,"event: ping\n\n"]]},"#,
            r#""failure":{"kind":"lost","host":"h","reason":"connection closed"},"took_ms":40}"#,
            "\n"
        );
        let exchange = RecordedExchange::from_line(line).expect("an exchange");
        assert_eq!(exchange.to_line(), line);
        let sent_at = exchange.sent_at().expect("a time");
        assert_eq!(RecordedExchange::format_time(sent_at), exchange.at);
        let without_answer = r#"{"at":"","attempt":1,"request":{"method":"GET","url":"u","headers":[]},"failure":{"kind":"timeout","limit":"idle","limit_ms":5},"took_ms":5,"later":true}"#;
        let exchange = RecordedExchange::from_line(without_answer).expect("an exchange");
        assert!(exchange.response.is_none());
        assert_eq!(
            exchange.failure,
            Some(RecordedFailure::Timeout {
                limit: TimeoutLimit::Idle,
                limit_ms: 5
            })
        );
        assert!(RecordedExchange::from_line("{}").is_err());
    }
}
