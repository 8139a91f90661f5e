//! Input from the user: a line editor on a terminal, plain lines elsewhere, both on a separate
//! thread.
//!
//! A read from a terminal cannot be cancelled, and would keep the runtime from maintaining
//! connections and seeing signals. So the thread reads on request and replies through a oneshot
//! channel, and the caller can stop waiting.

mod escape_encoding;
mod input_relay;
mod job;
mod keys;
mod line_state;
mod multiline;
mod plain_lines;
mod screen;
mod terminal_modes;
mod thread;
mod utf8_repair;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use tokio::sync::oneshot;

pub(super) use terminal_modes::LineModesGuard;
pub(crate) use terminal_modes::{ModesGuard, TerminalModes};

use super::interrupt::InterruptSignal;
use super::terminal_size::TerminalSize;
use crate::text::KnownSecrets;

/// Completes the word before the cursor: returns where the word begins, and the candidates.
pub(crate) type CompletionFn = Box<dyn Fn(&str, usize) -> (usize, Vec<String>) + Send>;

/// The key bindings of the line editor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum KeyBindings {
    /// Emacs bindings, the default of most shells.
    #[default]
    Emacs,
    /// Vi bindings.
    Vi,
}

/// Options of the line editor.
pub(crate) struct EditorOptions {
    /// The key bindings.
    pub(crate) keys: KeyBindings,
    /// The history file; `None` keeps history for this run only.
    pub(crate) history: Option<PathBuf>,
    /// What is blanked out of the history.
    pub(crate) secrets: Arc<KnownSecrets>,
    /// Whether the prompt is coloured.
    pub(crate) colored: bool,
    /// Candidates for Tab completion.
    pub(crate) complete: CompletionFn,
    /// Whether a line that was typed would be a command.
    pub(crate) is_command: fn(&str) -> bool,
    /// Whether the terminal is known to wrap the rows of its screen when it becomes narrower.
    pub(crate) is_rewrapped: bool,
    /// Signals that end the process.
    pub(crate) interrupt: Arc<InterruptSignal>,
}

/// The initial content of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineDraft {
    /// The text.
    pub(crate) text: String,
    /// Whether it is text even if it begins like a command.
    pub(crate) is_text: bool,
}

/// The result of reading a line.
#[derive(Debug)]
pub(crate) enum TypedInput {
    /// A line, or several joined by continuation.
    Line {
        /// What was typed.
        text: String,
        /// Whether it may be a command: a single line whose beginning was typed, not pasted.
        may_be_command: bool,
        /// Offset of the first invalid UTF-8, which became U+FFFD.
        bad_byte: Option<usize>,
    },
    /// Ctrl-X Ctrl-E: what is being typed is to be opened in an editor.
    EditRequested(LineDraft),
    /// Ctrl-C.
    Interrupted {
        /// Whether the line was empty.
        was_empty: bool,
    },
    /// The terminal sent invalid UTF-8; the draft is what was typed before.
    Garbled(LineDraft),
    /// Ctrl-D, or end of input.
    End,
}

/// A request to the thread.
struct ReadRequest {
    prompt: String,
    draft: LineDraft,
    reply: oneshot::Sender<TypedInput>,
}

/// Reads lines on a separate thread.
pub(crate) struct LineEditor {
    asks: mpsc::Sender<ReadRequest>,
    /// The reply of a read that is still in progress.
    pending: Option<oneshot::Receiver<TypedInput>>,
}

impl LineEditor {
    /// Starts a line editor on the terminal.
    pub(crate) fn for_terminal(editing: EditorOptions) -> io::Result<Self> {
        Self::spawn_thread(move |asks| thread::run_line_editor(editing, &asks))
    }

    /// Starts a reader of plain lines from standard input. `is_typed`: a user types them on a dumb
    /// terminal.
    pub(crate) fn for_lines(is_typed: bool) -> io::Result<Self> {
        Self::spawn_thread(move |asks| plain_lines::run_plain_lines(is_typed, &asks))
    }

    /// Returns the width of the terminal in columns.
    pub(crate) fn terminal_columns() -> usize {
        TerminalSize::from_stderr().columns
    }

    fn spawn_thread(
        run: impl FnOnce(mpsc::Receiver<ReadRequest>) + Send + 'static,
    ) -> io::Result<Self> {
        let (asks, asked) = mpsc::channel();
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || run(asked))?;
        Ok(Self {
            asks,
            pending: None,
        })
    }

    /// Waits for a line. Cancel safe: after the future is dropped, the next call waits for the same
    /// line.
    pub(crate) async fn read_line(&mut self, prompt: &str, draft: &LineDraft) -> TypedInput {
        let pending = self.pending.get_or_insert_with(|| {
            let (reply, answer) = oneshot::channel();
            // If the thread has ended, its dropped sender is detected below.
            let _ = self.asks.send(ReadRequest {
                prompt: prompt.to_owned(),
                draft: draft.clone(),
                reply,
            });
            answer
        });
        let typed = pending.await;
        self.pending = None;
        typed.unwrap_or(TypedInput::End)
    }
}
