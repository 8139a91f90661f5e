//! What a connection knows: the requests that wait for an answer, and what the server did besides
//! answering them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::message::{RpcError, ServerMessage, parse_messages, shortened};
use crate::protocol::ExactJson;

/// How much of a server's standard error is kept, in bytes: its end.
const MAX_STDERR: usize = 64 * 1024;

/// How many lines of it an error repeats.
const LAST_LINES: usize = 3;

/// Where a request is told how far it is.
pub(crate) type ProgressSender = mpsc::Sender<String>;

/// The answer to a request, or why there will be none.
pub(super) type Answer = Result<Result<ExactJson, RpcError>, String>;

/// The state that the tasks of a connection share.
#[derive(Debug, Default)]
pub(super) struct MessageBoard(Mutex<BoardState>);

#[derive(Debug, Default)]
struct BoardState {
    last_id: u64,
    waiting: BTreeMap<u64, WaitingRequest>,
    /// Why the server answers no more.
    end: Option<String>,
    has_list_changed: bool,
    /// The first line that was not a message, until somebody was told.
    noise: Option<String>,
    has_reported_noise: bool,
    stderr: VecDeque<u8>,
}

#[derive(Debug)]
struct WaitingRequest {
    answer: oneshot::Sender<Answer>,
    progress: Option<ProgressSender>,
}

impl MessageBoard {
    /// Returns the number of the next request.
    pub(super) fn next_id(&self) -> u64 {
        let mut state = self.state();
        state.last_id += 1;
        state.last_id
    }

    /// Begins to wait for the answer to a request.
    pub(super) fn expect(
        &self,
        id: u64,
        progress: Option<ProgressSender>,
    ) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.state();
        match &state.end {
            Some(reason) => {
                let _ = answer.send(Err(reason.clone()));
            }
            None => {
                state
                    .waiting
                    .insert(id, WaitingRequest { answer, progress });
            }
        }
        receiver
    }

    /// Stops waiting for an answer.
    pub(super) fn forget(&self, id: u64) {
        self.state().waiting.remove(&id);
    }

    /// Handles what the server sent as one text. Returns the messages to answer it with.
    pub(super) fn take(&self, text: &[u8]) -> Vec<String> {
        let Ok(messages) = parse_messages(text) else {
            self.take_noise(text);
            return Vec::new();
        };
        let mut replies = Vec::new();
        for message in messages {
            match message {
                ServerMessage::Request(reply) => replies.push(reply),
                ServerMessage::Answer(id, answer) => {
                    if let Some(waiting) = self.state().waiting.remove(&id) {
                        let _ = waiting.answer.send(Ok(answer)); // It may be given up by now.
                    }
                }
                ServerMessage::Progress(id, words) => {
                    let state = self.state();
                    let waiting = state.waiting.get(&id);
                    if let Some(progress) = waiting.and_then(|waiting| waiting.progress.as_ref()) {
                        // What is not shown in time is not shown.
                        let _ = progress.try_send(words);
                    }
                }
                ServerMessage::ListChanged => self.state().has_list_changed = true,
                ServerMessage::Ignored => {}
            }
        }
        replies
    }

    fn take_noise(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let mut state = self.state();
        if !line.trim().is_empty() && state.noise.is_none() && !state.has_reported_noise {
            state.noise = Some(line.trim().chars().take(80).collect());
        }
    }

    /// Adds what the server printed to standard error.
    pub(super) fn take_stderr(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.stderr.extend(bytes);
        let excess = state.stderr.len().saturating_sub(MAX_STDERR);
        state.stderr.drain(..excess);
    }

    /// Fails all requests, those that come included.
    pub(super) fn end(&self, reason: &str) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(reason.to_owned());
        }
        for waiting in std::mem::take(&mut state.waiting).into_values() {
            let _ = waiting.answer.send(Err(reason.to_owned()));
        }
    }

    /// Returns the first line that was not a message, once.
    pub(super) fn take_first_noise(&self) -> Option<String> {
        let mut state = self.state();
        let noise = state.noise.take()?;
        state.has_reported_noise = true;
        Some(noise)
    }

    /// Returns whether the list of tools has changed since this was last asked.
    pub(super) fn take_list_change(&self) -> bool {
        std::mem::take(&mut self.state().has_list_changed)
    }

    /// Returns what is kept of standard error, and forgets it.
    pub(super) fn drain_printed_lines(&self) -> String {
        let bytes: Vec<u8> = self.state().stderr.drain(..).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the last lines of standard error.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.state().stderr.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut last: Vec<String> = lines.rev().take(LAST_LINES).map(shortened).collect();
        last.reverse();
        last
    }

    fn state(&self) -> MutexGuard<'_, BoardState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reaches_the_request_that_waits_for_it() {
        let board = MessageBoard::default();
        let (first, second) = (board.next_id(), board.next_id());
        let (progress, mut told) = mpsc::channel(1);
        let mut answers = (
            board.expect(first, None),
            board.expect(second, Some(progress)),
        );
        for _ in 0..3 {
            let progress =
                r#"{"method":"notifications/progress","params":{"progressToken":2,"progress":1}}"#;
            assert!(board.take(progress.as_bytes()).is_empty());
        }
        assert_eq!(told.try_recv().as_deref(), Ok("1"));
        board.take(br#"{"id":2,"result":5}"#);
        board.take(br#"{"id":9,"result":5}"#);
        assert_eq!(
            answers.1.try_recv(),
            Ok(Ok(Ok(serde_json::json!(5).into())))
        );
        assert!(answers.0.try_recv().is_err());
        board.end("it exited");
        assert_eq!(answers.0.try_recv(), Ok(Err("it exited".to_owned())));
        let mut late = board.expect(board.next_id(), None);
        assert_eq!(late.try_recv(), Ok(Err("it exited".to_owned())));
    }

    #[test]
    fn noise_is_reported_once_and_a_changed_list_until_it_was_asked_for() {
        let board = MessageBoard::default();
        for line in ["", "Listening on stdio", "and more"] {
            assert!(board.take(line.as_bytes()).is_empty());
        }
        assert_eq!(
            board.take_first_noise().as_deref(),
            Some("Listening on stdio")
        );
        board.take(b"still more");
        assert_eq!(board.take_first_noise(), None);
        board.take(br#"{"method":"notifications/tools/list_changed"}"#);
        assert!(board.take_list_change() && !board.take_list_change());
    }

    #[test]
    fn of_standard_error_the_end_is_kept() {
        let board = MessageBoard::default();
        board.take_stderr(&vec![b'x'; MAX_STDERR]);
        board.take_stderr(b"\none\n\ntwo\nthree\nfour\n");
        assert_eq!(board.last_lines(), ["two", "three", "four"]);
        assert_eq!(board.drain_printed_lines().len(), MAX_STDERR);
        assert!(board.last_lines().is_empty());
    }
}
