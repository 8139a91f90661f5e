//! The thread of the line editor.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::Receiver;

use anstyle::Style;
use console::Term;
use rustyline::completion::{Completer, Pair};
use rustyline::config::BellStyle;
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, EditMode, Helper};

use super::job::stop;
use super::keys::{Shared, bindings};
use super::screen::{Size, harmless, rows, screenful};
use super::typing::Typing;
use super::{Ask, Complete, Editing, Keys, Typed};
use crate::fs::create_private_dir;

/// How many lines are remembered.
const REMEMBERED: usize = 5000;

/// How the first line of the prompt looks.
const STATUS: Style = Style::new().dimmed();

/// Answers one question after the other, until nobody asks any more.
pub(super) fn run(editing: Editing, asks: &Receiver<Ask>) {
    let config = Config::builder()
        .behavior(Behavior::PreferTerm)
        .edit_mode(if editing.keys == Keys::Vi {
            EditMode::Vi
        } else {
            EditMode::Emacs
        })
        .completion_type(CompletionType::List)
        .bell_style(BellStyle::None)
        // What the editor calls colours is whether the text is drawn by the helper below, which
        // knows about NO_COLOR.
        .color_mode(ColorMode::Forced)
        .max_history_size(REMEMBERED)
        .map(rustyline::config::Builder::build);
    let (Ok(config), typing) = (config, Shared::default()) else {
        return;
    };
    let Ok(mut editor) = rustyline::Editor::<Line, DefaultHistory>::with_config(config) else {
        return;
    };
    editor.set_auto_add_history(false);
    for (event, handler) in bindings(&typing) {
        editor.bind_sequence(event, handler);
    }
    editor.set_helper(Some(Line::new(
        typing.clone(),
        editing.complete,
        editing.colored,
    )));
    let history = editing.history.filter(|path| prepare(path).is_some());
    if let Some(path) = &history {
        // A history that cannot be read is an empty one.
        let _ = editor.load_history(path);
    }
    while let Ok(ask) = asks.recv() {
        typing.with(|typing| *typing = Typing::begin(&ask.draft));
        let read = loop {
            let text = typing.with(|typing| typing.as_draft().text);
            let read = editor.readline_with_initial(&ask.prompt, (&text, ""));
            let is_stopped = typing.with(Typing::take_stop);
            if !(is_stopped && matches!(read, Err(ReadlineError::Interrupted))) {
                break read;
            }
            stop();
        };
        let typed = match read {
            Ok(line) => {
                remember(&mut editor, history.as_deref(), &line);
                typing.with(|typing| typing.submit(line))
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupted {
                was_empty: typing.with(|typing| typing.is_empty()),
            },
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                Typed::Garbled(typing.with(|typing| typing.as_draft()))
            }
            Err(_) => Typed::End,
        };
        // Who has stopped waiting for good is about to end the process.
        let _ = ask.reply.send(typed);
    }
}

/// Makes the file of the history, for nobody else to read. Other processes append to it under its
/// lock, and so it has to be there with its first line before that.
fn prepare(path: &Path) -> Option<()> {
    create_private_dir(path.parent()?).ok()?;
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => file.write_all(b"#V2\n").ok(),
        Err(error) => (error.kind() == std::io::ErrorKind::AlreadyExists).then_some(()),
    }
}

fn remember(editor: &mut rustyline::Editor<Line, DefaultHistory>, path: Option<&Path>, line: &str) {
    if line.trim().is_empty() {
        return;
    }
    let added = editor.add_history_entry(line).unwrap_or_default();
    if let Some(path) = path.filter(|_| added) {
        // A full disk is no reason to lose what was typed just now.
        let _ = editor.append_history(path);
    }
}

/// What the editor asks while a line is typed.
struct Line {
    typing: Shared,
    complete: Complete,
    colored: bool,
    /// The prompt that was drawn last, and whether it is ours.
    prompt: RefCell<String>,
    is_own_prompt: Cell<bool>,
    /// How many of the words that Tab offers are still to be listed.
    unlisted: Cell<usize>,
}

impl Line {
    fn new(typing: Shared, complete: Complete, colored: bool) -> Self {
        let (prompt, is_own_prompt, unlisted) = (RefCell::default(), Cell::new(true), Cell::new(0));
        Self {
            typing,
            complete,
            colored,
            prompt,
            is_own_prompt,
            unlisted,
        }
    }

    /// The prompt with its colours: what stands on its first lines is no part of the question.
    fn styled(&self, prompt: &str) -> String {
        match prompt
            .rsplit_once('\n')
            .filter(|_| self.colored && self.is_own_prompt.get())
        {
            Some((status, sign)) => format!("{STATUS}{status}{STATUS:#}\n{sign}"),
            None => prompt.to_owned(),
        }
    }
}

impl Helper for Line {}

impl Validator for Line {}

impl Completer for Line {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, words) = (self.complete)(line, cursor);
        let pair = |word: String| Pair {
            display: harmless(&word),
            replacement: word,
        };
        self.unlisted.set(words.len());
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Line {
    type Hint = String;

    /// There are no hints; but here the line is seen after each change.
    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        self.typing.with(|typing| typing.changed(line, cursor));
        None
    }
}

impl Highlighter for Line {
    /// The prompt is drawn along with the line, since a tall line leaves no room for it.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        default: bool,
    ) -> Cow<'b, str> {
        prompt.clone_into(&mut self.prompt.borrow_mut());
        self.is_own_prompt.set(default);
        Cow::Borrowed("")
    }

    /// The list of what Tab offers is followed by the prompt and the line, drawn as if they still
    /// stood above it: as many rows as they have are taken away again. Empty ones behind the last
    /// word are there for that.
    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        self.unlisted.set(self.unlisted.get().saturating_sub(1));
        if self.unlisted.get() > 0 {
            return Cow::Borrowed(candidate);
        }
        let line = self.typing.with(|typing| typing.as_draft().text);
        let above = rows(&format!("{}{line}", self.prompt.borrow()), size().columns) - 1;
        Cow::Owned(format!("{candidate}{}", "\n".repeat(above)))
    }

    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        let prompt = self.prompt.borrow();
        let all = format!("{prompt}{line}");
        let shown = screenful(&all, prompt.len() + cursor, size());
        shown.map_or_else(
            || Cow::Owned(format!("{}{}", self.styled(&prompt), harmless(line))),
            Cow::Owned,
        )
    }
}

/// The size of the terminal.
pub(super) fn size() -> Size {
    let (rows, columns) = Term::stderr().size();
    Size {
        columns: columns.into(),
        rows: rows.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_history_is_made_once_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/history");
        for _ in 0..2 {
            assert_eq!(prepare(&path), Some(()));
            assert_eq!(
                std::fs::read_to_string(&path).expect("it is there"),
                "#V2\n"
            );
        }
        let mode = std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
