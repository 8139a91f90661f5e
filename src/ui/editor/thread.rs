//! The thread of the line editor.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;

use anstyle::Style;
use rustyline::completion::{Completer, Pair};
use rustyline::config::BellStyle;
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, EditMode, Helper};

use super::job::stop_job;
use super::keys::{SharedLine, key_handlers};
use super::line_state::LineState;
use super::screen::{count_rows, drop_controls, visible_part};
use super::{CompletionFn, EditorOptions, KeyBindings, ReadRequest, TypedInput};
use crate::fs::open_or_create_private;
use crate::ui::terminal_size::TerminalSize;

/// Maximum number of lines in the history.
const MAX_HISTORY: usize = 5000;

/// Style of the first line of the prompt.
const STATUS_STYLE: Style = Style::new().dimmed();

/// Serves read requests until the channel is closed.
pub(super) fn run_line_editor(editing: EditorOptions, asks: &Receiver<ReadRequest>) {
    let config = Config::builder()
        .behavior(Behavior::PreferTerm)
        .edit_mode(if editing.keys == KeyBindings::Vi {
            EditMode::Vi
        } else {
            EditMode::Emacs
        })
        .completion_type(CompletionType::List)
        .bell_style(BellStyle::None)
        // This makes the editor draw text through the helper below, which handles NO_COLOR.
        .color_mode(ColorMode::Forced)
        .max_history_size(MAX_HISTORY)
        .map(rustyline::config::Builder::build);
    let (Ok(config), typing) = (config, SharedLine::default()) else {
        return;
    };
    let Ok(mut editor) = rustyline::Editor::<LineHelper, DefaultHistory>::with_config(config)
    else {
        return;
    };
    editor.set_auto_add_history(false);
    for (event, handler) in key_handlers(&typing) {
        editor.bind_sequence(event, handler);
    }
    editor.set_helper(Some(LineHelper::new(
        typing.clone(),
        editing.complete,
        editing.colored,
    )));
    let history = editing
        .history
        .filter(|path| create_history_file(path).is_some());
    if let Some(path) = &history {
        // An unreadable history is treated as empty.
        let _ = editor.load_history(path);
    }
    while let Ok(ask) = asks.recv() {
        typing.with_state(|typing| *typing = LineState::from_draft(&ask.draft));
        let read = loop {
            let text = typing.with_state(|typing| typing.as_draft().text);
            let read = editor.readline_with_initial(&ask.prompt, (&text, ""));
            let is_stopped = typing.with_state(LineState::take_stop);
            if !(is_stopped && matches!(read, Err(ReadlineError::Interrupted))) {
                break read;
            }
            stop_job();
        };
        let typed = match read {
            Ok(line) => {
                add_to_history(&mut editor, history.as_deref(), &line);
                typing.with_state(|typing| typing.submit_line(line))
            }
            Err(ReadlineError::Interrupted) => TypedInput::Interrupted {
                was_empty: typing.with_state(|typing| typing.is_empty()),
            },
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                TypedInput::Garbled(typing.with_state(|typing| typing.as_draft()))
            }
            Err(_) => TypedInput::End,
        };
        // If the receiver is gone, the process is about to end.
        let _ = ask.reply.send(typed);
    }
}

/// Creates the history file with mode 0600. Other processes append to it under its lock, so it must
/// already contain its first line then.
fn create_history_file(path: &Path) -> Option<()> {
    match open_or_create_private(path, OpenOptions::new().write(true).create_new(true)) {
        Ok(mut file) => file.write_all(b"#V2\n").ok(),
        Err(error) => (error.kind() == std::io::ErrorKind::AlreadyExists).then_some(()),
    }
}

fn add_to_history(
    editor: &mut rustyline::Editor<LineHelper, DefaultHistory>,
    path: Option<&Path>,
    line: &str,
) {
    if line.trim().is_empty() {
        return;
    }
    let added = editor.add_history_entry(line).unwrap_or_default();
    if let Some(path) = path.filter(|_| added) {
        // A full disk must not lose the line that was just typed.
        let _ = editor.append_history(path);
    }
}

/// The editor's callbacks: completion, drawing, and tracking of changes.
struct LineHelper {
    typing: SharedLine,
    complete: CompletionFn,
    colored: bool,
    /// The prompt that was drawn last.
    prompt: RefCell<String>,
    is_own_prompt: Cell<bool>,
    /// Number of completion candidates not yet listed.
    unlisted: Cell<usize>,
}

impl LineHelper {
    fn new(typing: SharedLine, complete: CompletionFn, colored: bool) -> Self {
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

    /// Returns the prompt with its status lines dimmed.
    fn styled_prompt(&self, prompt: &str) -> String {
        match prompt
            .rsplit_once('\n')
            .filter(|_| self.colored && self.is_own_prompt.get())
        {
            Some((status, sign)) => format!("{STATUS_STYLE}{status}{STATUS_STYLE:#}\n{sign}"),
            None => prompt.to_owned(),
        }
    }
}

impl Helper for LineHelper {}

impl Validator for LineHelper {}

impl Completer for LineHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, words) = (self.complete)(line, cursor);
        let pair = |word: String| Pair {
            display: drop_controls(&word),
            replacement: word,
        };
        self.unlisted.set(words.len());
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for LineHelper {
    type Hint = String;

    /// Shows no hints; used because it is called after each change.
    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        self.typing
            .with_state(|typing| typing.line_changed(line, cursor));
        None
    }
}

impl Highlighter for LineHelper {
    /// Draws nothing: the prompt is drawn with the line, since a tall line leaves no room for it.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        default: bool,
    ) -> Cow<'b, str> {
        prompt.clone_into(&mut self.prompt.borrow_mut());
        self.is_own_prompt.set(default);
        Cow::Borrowed("")
    }

    /// After the list of candidates, the editor redraws prompt and line as if they were still above
    /// it, and clears as many rows as they take. Empty rows after the last candidate make up for
    /// that.
    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        self.unlisted.set(self.unlisted.get().saturating_sub(1));
        if self.unlisted.get() > 0 {
            return Cow::Borrowed(candidate);
        }
        let line = self.typing.with_state(|typing| typing.as_draft().text);
        let above = count_rows(
            &format!("{}{line}", self.prompt.borrow()),
            TerminalSize::from_stderr().columns,
        ) - 1;
        Cow::Owned(format!("{candidate}{}", "\n".repeat(above)))
    }

    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        let prompt = self.prompt.borrow();
        let all = format!("{prompt}{line}");
        let shown = visible_part(&all, prompt.len() + cursor, TerminalSize::from_stderr());
        shown.map_or_else(
            || {
                Cow::Owned(format!(
                    "{}{}",
                    self.styled_prompt(&prompt),
                    drop_controls(line)
                ))
            },
            Cow::Owned,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_history_file_is_created_once_with_mode_0600() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("new/history");
        for _ in 0..2 {
            assert_eq!(create_history_file(&path), Some(()));
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
