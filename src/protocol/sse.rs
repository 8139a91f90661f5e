//! Server-sent events: bytes in, frames out.
//!
//! Source: the WHATWG HTML standard, "Server-sent events", 9.2.6. Lines are split before UTF-8 is
//! decoded, so that a character may span two reads.

use std::time::Duration;

use super::answer_limit::AnswerLimit;

/// The maximum length of a line, and of the data of an event of an answer, in bytes.
const MAX_BYTES: usize = AnswerLimit::Event.most();

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One parsed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The event's name; empty if there is none.
    pub(crate) event: &'a [u8],
    /// The data lines, joined by LF.
    pub(crate) data: &'a [u8],
}

/// An event or a line exceeds the maximum size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Splits a byte stream into frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The maximum length of a line, and of the data of an event, in bytes.
    max_bytes: usize,
    unread: Vec<u8>,
    line_start: usize,
    searched: usize,
    event: Vec<u8>,
    data: Vec<u8>,
    bom_checked: bool,
    last_line_ended_in_cr: bool,
    dispatched: bool,
    /// What the stream said about being resumed; the answers of the endpoint say nothing.
    resumption: Option<Box<StreamResumption>>,
}

/// What a stream says about being resumed.
#[derive(Debug, Default)]
struct StreamResumption {
    /// The id of an event that is not complete yet.
    unfinished_id: Option<Vec<u8>>,
    last_event_id: Vec<u8>,
    retry: Option<Duration>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_limit(MAX_BYTES)
    }
}

impl Decoder {
    /// Creates a decoder whose lines and events may have this many bytes.
    pub(crate) fn with_limit(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            unread: Vec::new(),
            line_start: 0,
            searched: 0,
            event: Vec::new(),
            data: Vec::new(),
            bom_checked: false,
            last_line_ended_in_cr: false,
            dispatched: false,
            resumption: None,
        }
    }

    /// Returns the id of the last complete event that had one, with or without data. It is empty if
    /// there was none.
    pub(crate) fn last_event_id(&self) -> &[u8] {
        let resumption = self.resumption.as_ref();
        resumption.map_or(&[], |resumption| &resumption.last_event_id)
    }

    /// Returns how long the server asks to wait before connecting again.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.resumption.as_ref()?.retry
    }

    /// Buffers bytes from the connection.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.unread.drain(..self.line_start);
        self.line_start = 0;
        self.unread.extend_from_slice(bytes);
    }

    /// Returns the next complete frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'_>>, TooLarge> {
        if std::mem::take(&mut self.dispatched) {
            self.event.clear();
            self.data.clear();
        }
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                if let Some(resumption) = &mut self.resumption
                    && let Some(id) = resumption.unfinished_id.take()
                {
                    resumption.last_event_id = id;
                }
                if self.data.is_empty() {
                    self.event.clear();
                    continue;
                }
                self.dispatched = true;
                return Ok(Some(Frame {
                    event: &self.event,
                    data: &self.data,
                }));
            }
            self.take_field(line)?;
        }
        Ok(None)
    }

    /// Returns the data of the most recent frame.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Returns the next complete line as a range of the unread bytes. A CR ends its line
    /// immediately: waiting to see whether an LF follows would delay an event.
    fn next_line(&mut self) -> Result<Option<std::ops::Range<usize>>, TooLarge> {
        if self.last_line_ended_in_cr && self.line_start < self.unread.len() {
            self.last_line_ended_in_cr = false;
            if self.unread[self.line_start] == b'\n' {
                self.line_start += 1;
            }
        }
        let unread = &self.unread[self.line_start..];
        let Some(found) = memchr::memchr2(b'\n', b'\r', &unread[self.searched..]) else {
            self.searched = unread.len();
            return if unread.len() > self.max_bytes {
                Err(TooLarge)
            } else {
                Ok(None)
            };
        };
        let length = std::mem::take(&mut self.searched) + found;
        let mut line = self.line_start..self.line_start + length;
        self.last_line_ended_in_cr = unread[length] == b'\r';
        self.line_start = line.end + 1;
        if !std::mem::replace(&mut self.bom_checked, true)
            && self.unread[line.clone()].starts_with(BOM)
        {
            line.start += BOM.len();
        }
        Ok(Some(line))
    }

    fn take_field(&mut self, line: std::ops::Range<usize>) -> Result<(), TooLarge> {
        let line = &self.unread[line];
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            b"id" if !value.contains(&0) => {
                self.resumption.get_or_insert_default().unfinished_id = Some(value.to_vec());
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let digits = str::from_utf8(value).ok();
                if let Some(millis) = digits.and_then(|digits| digits.parse().ok()) {
                    let retry = Duration::from_millis(millis);
                    self.resumption.get_or_insert_default().retry = Some(retry);
                }
            }
            _ => {} // Comments have an empty name.
        }
        if self.data.len() > self.max_bytes {
            Err(TooLarge)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(decoder: &mut Decoder) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut all = Vec::new();
        while let Some(frame) = decoder.next_frame().expect("small frames") {
            all.push((text(frame.event), text(frame.data)));
        }
        all
    }

    /// Decodes `stream` in pieces of every size and expects the same frames each time.
    #[track_caller]
    fn assert_frames(stream: &str, expected: &[(&str, &str)]) {
        for size in 1..=stream.len() {
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                decoder.push(piece);
                got.extend(frames(&mut decoder));
            }
            let expected: Vec<_> = expected
                .iter()
                .map(|(e, d)| ((*e).to_owned(), (*d).to_owned()))
                .collect();
            assert_eq!(got, expected, "in pieces of {size} bytes");
        }
    }

    #[test]
    fn a_frame_ends_at_an_empty_line_of_any_kind() {
        assert_frames("event: a\ndata: 1\n\ndata: 2\n\n", &[("a", "1"), ("", "2")]);
        assert_frames(
            "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n",
            &[("a", "1"), ("", "2")],
        );
        assert_frames("event: a\rdata: 1\r\rdata: 2\r\r", &[("a", "1"), ("", "2")]);
    }

    #[test]
    fn a_cr_at_the_end_of_a_read_does_not_hold_an_event_back() {
        let mut decoder = Decoder::default();
        decoder.push(b"data: 1\r\n\r");
        assert_eq!(frames(&mut decoder), [(String::new(), "1".to_owned())]);
        decoder.push(b"\ndata: 2\r\n\r\n");
        assert_eq!(frames(&mut decoder), [(String::new(), "2".to_owned())]);
    }

    #[test]
    fn comments_ids_and_unknown_fields_are_passed_over() {
        assert_frames(
            ": keep-alive\n\nid: 7\nretry: 1\nother\ndata: x\n:\n\n",
            &[("", "x")],
        );
    }

    #[test]
    fn the_id_of_a_complete_event_and_the_time_to_wait_are_kept() {
        let mut decoder = Decoder::default();
        decoder.push(b"id: 1\nretry: 250\ndata:\n\nid: 2\nretry: soon\ndata: x");
        assert_eq!(frames(&mut decoder), []);
        assert_eq!(decoder.last_event_id(), b"1");
        assert_eq!(decoder.retry(), Some(Duration::from_millis(250)));
        decoder.push(b"\n\ndata: y\n\nid: a\0b\n\n");
        assert_eq!(frames(&mut decoder).len(), 2);
        assert_eq!(decoder.last_event_id(), b"2");
        decoder.push(b"id\n\n");
        assert_eq!(frames(&mut decoder), []);
        assert_eq!(
            decoder.last_event_id(),
            b"",
            "an empty id forgets the last one"
        );
    }

    #[test]
    fn data_lines_are_joined_and_one_space_is_dropped() {
        assert_frames("data: a\ndata:  b\ndata:c\n\n", &[("", "a\n b\nc")]);
    }

    #[test]
    fn a_byte_order_mark_at_the_start_is_dropped() {
        assert_frames("\u{feff}data: x\n\n", &[("", "x")]);
    }

    #[test]
    fn an_event_without_data_is_dropped_with_its_name() {
        assert_frames("event: ping\n\ndata: x\n\n", &[("", "x")]);
    }

    #[test]
    fn an_event_that_was_not_closed_is_not_given() {
        assert_frames("data: 1\n\ndata: 2\n", &[("", "1")]);
    }

    #[test]
    fn a_line_without_end_is_too_large_in_the_end() {
        let mut decoder = Decoder::default();
        decoder.push(&vec![b'x'; MAX_BYTES + 1]);
        assert_eq!(decoder.next_frame().err(), Some(TooLarge));
    }
}
