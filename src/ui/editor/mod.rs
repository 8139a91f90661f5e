//! What a person types: a line editor on a terminal, plain lines elsewhere, both on a thread of
//! their own.
//!
//! A read of a terminal cannot be cancelled, and a runtime that waits in one neither keeps its
//! connections alive nor sees signals. So the thread reads when it is asked to and answers by a
//! oneshot; who waits for it can stop waiting.

mod fence;
mod job;
mod keyboard;
mod keys;
mod lines;
mod screen;
mod thread;
mod typing;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;

use tokio::sync::oneshot;

pub(crate) use keyboard::Keyboard;

/// What can stand in place of the word before the cursor: where that begins, and the words.
pub(crate) type Complete = Box<dyn Fn(&str, usize) -> (usize, Vec<String>) + Send>;

/// Which keys move and change the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Keys {
    /// As Emacs and most shells have them.
    #[default]
    Emacs,
    /// As vi has them.
    Vi,
}

/// How lines are edited.
pub(crate) struct Editing {
    /// Which keys.
    pub(crate) keys: Keys,
    /// The file of what was typed before; none: nothing is remembered beyond this run.
    pub(crate) history: Option<PathBuf>,
    /// Whether the prompt may have colours.
    pub(crate) colored: bool,
    /// What Tab offers.
    pub(crate) complete: Complete,
}

/// What the line begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    /// The text.
    pub(crate) text: String,
    /// Whether it is text, whatever it begins with.
    pub(crate) is_text: bool,
}

/// What came of the keyboard.
#[derive(Debug)]
pub(crate) enum Typed {
    /// A line, or several that belong together.
    Line {
        /// What was typed.
        text: String,
        /// Whether it may be a command: it is one line, whose beginning was typed and not pasted.
        may_be_command: bool,
        /// Where the first bytes were that are no UTF-8, which became U+FFFD.
        bad_byte: Option<usize>,
    },
    /// Ctrl-C; `was_empty` says whether there was anything on the line.
    Interrupted {
        /// Whether there was nothing on the line.
        was_empty: bool,
    },
    /// The terminal gave something that is no text; what was typed before that is offered again.
    Garbled(Draft),
    /// Ctrl-D, or the end of the input.
    End,
}

/// A question to the thread.
struct Ask {
    prompt: String,
    draft: Draft,
    reply: oneshot::Sender<Typed>,
}

/// Where lines come from.
pub(crate) struct Editor {
    asks: mpsc::Sender<Ask>,
    /// A read that somebody stopped waiting for goes on.
    pending: Option<oneshot::Receiver<Typed>>,
}

impl Editor {
    /// A line editor on the terminal.
    pub(crate) fn on_terminal(editing: Editing) -> io::Result<Self> {
        Self::start(move |asks| thread::run(editing, &asks))
    }

    /// Lines as they come on standard input. `is_typed` says whether a person types them, on a
    /// terminal that can do nothing but print.
    pub(crate) fn of_lines(is_typed: bool) -> io::Result<Self> {
        Self::start(move |asks| lines::run(is_typed, &asks))
    }

    /// How wide the terminal is, in columns.
    pub(crate) fn columns() -> usize {
        thread::size().columns
    }

    fn start(run: impl FnOnce(mpsc::Receiver<Ask>) + Send + 'static) -> io::Result<Self> {
        let (asks, asked) = mpsc::channel();
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || run(asked))?;
        Ok(Self {
            asks,
            pending: None,
        })
    }

    /// Waits for what is typed. Dropping the future loses nothing: the next call goes on waiting
    /// for the same line.
    pub(crate) async fn read(&mut self, prompt: &str, draft: &Draft) -> Typed {
        let pending = self.pending.get_or_insert_with(|| {
            let (reply, answer) = oneshot::channel();
            // A thread that is gone has dropped its end, which is seen below.
            let _ = self.asks.send(Ask {
                prompt: prompt.to_owned(),
                draft: draft.clone(),
                reply,
            });
            answer
        });
        let typed = pending.await;
        self.pending = None;
        typed.unwrap_or(Typed::End)
    }
}
