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
use rustyline::history::{DefaultHistory, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, EditMode, Helper};

use super::escape_encoding::{decode_line, encode_line};
use super::input_relay::InputRelay;
use super::job::{clear_rows, stop_job};
use super::keys::{SharedLine, key_handlers};
use super::line_state::{LineRequest, LineState};
use super::multiline::history_line;
use super::screen::{
    break_rows, count_rows, drop_controls, rows_above, rows_above_rewrapped, visible_part,
};
use super::terminal_modes::mark_pastes;
use super::{CompletionFn, EditorOptions, KeyBindings, LineDraft, ReadRequest, TypedInput};
use crate::fs::open_or_create_private;
use crate::ui::terminal_size::TerminalSize;

type Editor = rustyline::Editor<LineHelper, DefaultHistory>;

/// Maximum number of lines in the history.
const MAX_HISTORY: usize = 5000;

/// Clears the screen from the cursor on.
const CLEAR_BELOW: &str = "\x1b[J";

/// Style of the first line of the prompt.
const STATUS_STYLE: Style = Style::new().dimmed();

/// Serves read requests until the channel is closed.
pub(super) fn run_line_editor(editing: EditorOptions, asks: &Receiver<ReadRequest>) {
    // Where there is no pseudo terminal, escape characters in a paste are dropped.
    let mut relay = InputRelay::open().ok();
    let config = Config::builder()
        .behavior(if relay.is_some() {
            Behavior::Stdio
        } else {
            Behavior::PreferTerm
        })
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
    let open = || Editor::with_config(config);
    let opened = match &relay {
        Some(relay) => relay.with_streams(open),
        None => Ok(open()),
    };
    let Ok(Ok(mut editor)) = opened else {
        return;
    };
    editor.set_auto_add_history(false);
    for (event, handler) in key_handlers(&typing) {
        editor.bind_sequence(event, handler);
    }
    editor.set_helper(Some(LineHelper::new(
        typing.clone(),
        editing.complete,
        DrawingOptions {
            is_colored: editing.colored,
            is_rewrapped: editing.is_rewrapped,
        },
    )));
    let history = editing
        .history
        .filter(|path| create_history_file(path).is_some());
    if let Some(path) = &history {
        // An unreadable history is treated as empty.
        let _ = editor.load_history(path);
    }
    while let Ok(ask) = asks.recv() {
        let draft = encoded(&ask.draft);
        typing.with_state(|typing| *typing = LineState::from_draft(&draft));
        let (read, request) = loop {
            let text = typing.with_state(|typing| typing.as_draft().text);
            if let Some(helper) = editor.helper() {
                helper.columns.set(0);
            }
            let read = read_line(&mut editor, relay.as_mut(), &ask.prompt, &text);
            let request = typing.with_state(LineState::take_request);
            if request != Some(LineRequest::Stop) || read.is_err() {
                break (read, request);
            }
            stop_job(&editing.interrupt);
            if editing.interrupt.pending_signal().is_some() {
                // The process is about to end, and the terminal may belong to the shell.
                break (Err(ReadlineError::Eof), None);
            }
        };
        mark_pastes();
        let has_repaired = relay.as_mut().is_some_and(InputRelay::take_has_repaired);
        let typed = match read {
            Ok(line) => {
                let rows = count_rows(&format!("{}{line}", ask.prompt), terminal_columns());
                let draft = decoded(&typing.with_state(|typing| typing.submit_line(line)));
                if request == Some(LineRequest::Edit) {
                    // The prompt comes again with what is edited.
                    clear_rows(rows);
                    TypedInput::EditRequested(draft)
                } else {
                    let line = history_line(&draft, editing.is_command);
                    let kept = editing.secrets.scrub_message(&line);
                    add_to_history(&mut editor, history.as_deref(), &encode_line(&kept));
                    let bad_byte = has_repaired.then(|| draft.text.find('\u{fffd}'));
                    TypedInput::Line {
                        text: draft.text,
                        may_be_command: !draft.is_text,
                        bad_byte: bad_byte.flatten(),
                    }
                }
            }
            Err(ReadlineError::Interrupted) => TypedInput::Interrupted {
                was_empty: typing.with_state(|typing| typing.is_empty()),
            },
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                TypedInput::Garbled(decoded(&typing.with_state(|typing| typing.as_draft())))
            }
            Err(_) => TypedInput::End,
        };
        // If the receiver is gone, the process is about to end.
        let _ = ask.reply.send(typed);
    }
}

fn read_line(
    editor: &mut Editor,
    relay: Option<&mut InputRelay>,
    prompt: &str,
    text: &str,
) -> rustyline::Result<String> {
    let mut read = || editor.readline_with_initial(prompt, (text, ""));
    match relay {
        Some(relay) => relay.while_copying(read)?,
        None => read(),
    }
}

fn encoded(draft: &LineDraft) -> LineDraft {
    LineDraft {
        text: encode_line(&draft.text).into_owned(),
        is_text: draft.is_text,
    }
}

fn decoded(draft: &LineDraft) -> LineDraft {
    LineDraft {
        text: decode_line(&draft.text),
        is_text: draft.is_text,
    }
}

fn terminal_columns() -> usize {
    TerminalSize::from_stderr().columns
}

/// Creates the history file with mode 0600. Other processes append to it under its lock, so it must
/// already contain its first line then.
fn create_history_file(path: &Path) -> Option<()> {
    match open_or_create_private(path, OpenOptions::new().write(true).create_new(true)) {
        Ok(mut file) => file.write_all(b"#V2\n").ok(),
        Err(error) => (error.kind() == std::io::ErrorKind::AlreadyExists).then_some(()),
    }
}

fn add_to_history(editor: &mut Editor, path: Option<&Path>, line: &str) {
    if line.trim().is_empty() {
        return;
    }
    let added = editor.add_history_entry(line).unwrap_or_default();
    if let Some(path) = path.filter(|_| added) {
        // A full disk must not lose the line that was just typed.
        let _ = editor.append_history(path);
    }
}

/// How the prompt and the line are drawn.
#[derive(Debug, Clone, Copy)]
struct DrawingOptions {
    /// Whether the prompt is coloured.
    is_colored: bool,
    /// Whether the terminal is known to wrap what was drawn when it becomes narrower.
    is_rewrapped: bool,
}

/// The editor's callbacks: completion, drawing, and tracking of changes.
struct LineHelper {
    typing: SharedLine,
    complete: CompletionFn,
    drawing: DrawingOptions,
    /// The prompt that was drawn last.
    prompt: RefCell<String>,
    is_own_prompt: Cell<bool>,
    /// The width of the terminal then; 0 before the first drawing of a line.
    columns: Cell<usize>,
    /// Number of completion candidates not yet listed.
    unlisted: Cell<usize>,
}

impl LineHelper {
    fn new(typing: SharedLine, complete: CompletionFn, drawing: DrawingOptions) -> Self {
        let (prompt, is_own_prompt, unlisted) = (RefCell::default(), Cell::new(true), Cell::new(0));
        Self {
            typing,
            complete,
            drawing,
            prompt,
            is_own_prompt,
            columns: Cell::new(0),
            unlisted,
        }
    }

    /// Returns the prompt, with its status line dimmed, and the line in rows.
    fn styled_rows(&self, prompt: &str, line: &str, columns: usize) -> String {
        let is_dimmed = self.drawing.is_colored && self.is_own_prompt.get();
        let (style, reset) = if is_dimmed {
            (
                STATUS_STYLE.render().to_string(),
                STATUS_STYLE.render_reset().to_string(),
            )
        } else {
            Default::default()
        };
        let (status, sign) = prompt.rsplit_once('\n').unwrap_or(("", prompt));
        let status = break_rows(status, columns);
        let line = drop_controls(&break_rows(&format!("{sign}{line}"), columns));
        if prompt.len() == sign.len() {
            line
        } else {
            format!("{style}{status}{reset}\n{line}")
        }
    }

    /// Returns the number of rows of the last drawing above those that the editor has cleared: the
    /// terminal has become narrower since, and has wrapped them.
    fn rewrapped_rows(&self, size: TerminalSize) -> usize {
        let before = self.columns.replace(size.columns);
        if !self.drawing.is_rewrapped || before <= size.columns {
            return 0;
        }
        let prompt = self.prompt.borrow();
        let (line, cursor) = self
            .typing
            .with_state(|typing| (typing.text().to_owned(), typing.cursor()));
        let all = format!("{prompt}{line}");
        if count_rows(&all, before) > size.rows {
            return 0;
        }
        let cursor = prompt.len() + cursor;
        rows_above_rewrapped(&all, cursor, before, size.columns) - rows_above(&all, cursor, before)
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
            replacement: encode_line(&word).into_owned(),
        };
        self.unlisted.set(words.len());
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for LineHelper {
    type Hint = String;

    /// Shows no hints; used because it is called after each change.
    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<String> {
        let (history, place) = (context.history(), context.history_index());
        let recalled = history.get(place, SearchDirection::Forward).ok().flatten();
        let is_recalled = recalled.is_some_and(|recalled| recalled.entry == line);
        self.typing
            .with_state(|typing| typing.line_changed(line, cursor, is_recalled));
        None
    }
}

impl Highlighter for LineHelper {
    /// Clears what is left of the last drawing. The prompt is drawn with the line, since a tall
    /// line leaves no room for it.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        default: bool,
    ) -> Cow<'b, str> {
        let above = self.rewrapped_rows(TerminalSize::from_stderr());
        prompt.clone_into(&mut self.prompt.borrow_mut());
        self.is_own_prompt.set(default);
        Cow::Owned(match above {
            0 => CLEAR_BELOW.to_owned(),
            above => format!("\x1b[{above}A{CLEAR_BELOW}"),
        })
    }

    /// After the list of candidates, the editor redraws prompt and line as if they were still above
    /// it, and clears as many rows as they take. Empty rows after the last candidate make up for
    /// that.
    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        self.unlisted.set(self.unlisted.get().saturating_sub(1));
        if self.unlisted.get() > 0 {
            return Cow::Borrowed(candidate);
        }
        let line = self.typing.with_state(|typing| typing.text().to_owned());
        let above = count_rows(
            &format!("{}{line}", self.prompt.borrow()),
            terminal_columns(),
        ) - 1;
        Cow::Owned(format!("{candidate}{}", "\n".repeat(above)))
    }

    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        let prompt = self.prompt.borrow();
        let all = format!("{prompt}{line}");
        let size = TerminalSize::from_stderr();
        let shown = visible_part(&all, prompt.len() + cursor, size);
        Cow::Owned(match shown {
            Some(shown) => break_rows(&shown, size.columns),
            None => self.styled_rows(&prompt, line, size.columns),
        })
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
