//! Layout of the question whether a tool call may be run. Pure.
//!
//! The input, the command and the name of the tool are untrusted; the model chooses at least the
//! input. Each of their rows is therefore marked, no row is wider than the terminal, and all of
//! them fit on the screen with the question, which can be neither pushed off the screen nor
//! imitated.

use super::super::reveal::{RevealedLine, RevealedRow, reveal_in_line, reveal_in_rows};
use super::super::terminal_size::TerminalSize;
use crate::text::{counted, display_width};

/// Mark between a label and a row of untrusted text.
const MARK: &str = "│ ";

/// Width of the labels before the mark.
const LABEL_COLUMNS: usize = 8;

/// On narrower terminals, no untrusted text is shown but the name of the tool.
const MIN_COLUMNS: usize = 30;

/// Columns reserved for the answer after a question.
const ANSWER_COLUMNS: usize = 8;

/// What a terminal writes before pasted text. Source: xterm's control sequences, bracketed paste.
const PASTE_BEGIN: &str = "\x1b[200~";

/// What it writes after it.
const PASTE_END: &str = "\x1b[201~";

/// A tool call that needs approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApprovalRequest {
    /// The name of the tool.
    pub(crate) tool: String,
    /// The exact command.
    pub(crate) command: String,
    /// The input, as JSON.
    pub(crate) input: String,
}

/// The user's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApprovalReply {
    /// Run this call.
    Yes,
    /// Do not run it; with the reason for the model, which may be empty.
    No(String),
    /// Run it, and all later calls of this tool.
    Always,
    /// End the run.
    Quit,
}

/// How much of a call the user was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disclosure {
    /// All of it, with the question.
    Full,
    /// The beginning and the end.
    Partial,
    /// All of it, page by page.
    Paged,
}

/// A parsed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypedAnswer {
    /// A decision.
    Reply(ApprovalReply),
    /// Show all of the call.
    Show,
}

impl Disclosure {
    fn choice_labels(self) -> &'static str {
        match self {
            Self::Full => "[y]es, [n]o, [a]lways in this run, [q]uit: ",
            Self::Partial => "Not shown in full: [s]how all, [n]o, [q]uit: ",
            Self::Paged => "approve, always, [s]how, [n]o, [q]uit: ",
        }
    }

    /// Parses an answer; the error says what to type. A single key, which may be pressed by habit,
    /// approves only what was shown in full. What follows a no is the reason for it.
    pub(super) fn parse_answer(self, line: &str) -> Result<TypedAnswer, &'static str> {
        let reply = |reply| Ok(TypedAnswer::Reply(reply));
        let Some(line) = typed_part(line.trim()) else {
            return Err("type the answer; pasted text is not one");
        };
        let line = line.trim();
        let (word, reason) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if ["n", "no"].contains(&word.to_lowercase().as_str()) {
            return reply(ApprovalReply::No(reason.trim().to_owned()));
        }
        match (self, line.to_lowercase().as_str()) {
            (_, "q" | "quit") => reply(ApprovalReply::Quit),
            (_, "s" | "show") => Ok(TypedAnswer::Show),
            (Self::Full, "y" | "yes") | (Self::Full | Self::Paged, "approve") => {
                reply(ApprovalReply::Yes)
            }
            (Self::Full, "a") | (Self::Full | Self::Paged, "always") => {
                reply(ApprovalReply::Always)
            }
            (Self::Full, _) => Err("type `y`, `n`, `a` or `q`; `n REASON` tells the model why"),
            (Self::Partial, _) => Err("type `show` to read all of it first"),
            (Self::Paged, _) => Err("type the whole word `approve` or `always`"),
        }
    }
}

/// Returns an answer with the text that was pasted after its first word; `None` if it begins with a
/// paste.
fn typed_part(line: &str) -> Option<String> {
    if line.starts_with(PASTE_BEGIN) {
        return None;
    }
    let unmarked = line.replace(PASTE_BEGIN, "").replace(PASTE_END, "");
    Some(unmarked.replace(['\r', '\n'], " "))
}

/// Whether a paste has begun in a line that does not end in it.
pub(super) fn is_within_paste(line: &str) -> bool {
    let begun = line.rfind(PASTE_BEGIN);
    begun.is_some_and(|begun| !line[begun..].contains(PASTE_END))
}

/// The rows of a question whether a call may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApprovalLayout {
    /// The rows of the input and the command.
    pub(super) details: Vec<String>,
    /// The rows of the question. The answer is typed after the last one.
    pub(super) question: Vec<String>,
    /// How much of the call the user has seen when this is on the screen.
    pub(super) disclosure: Disclosure,
}

impl ApprovalLayout {
    /// Lays out a call for a terminal of this size. `is_paged`: the user has seen all of it page by
    /// page.
    pub(super) fn new(request: &ApprovalRequest, size: TerminalSize, is_paged: bool) -> Self {
        // Terminals differ in when they wrap after the last column.
        let columns = size.columns.saturating_sub(1);
        let input = LabelledText::new("input", &request.input, columns);
        let command = LabelledText::new("command", &request.command, columns);
        let tool = reveal_in_line(&request.tool, columns.saturating_sub("Run ``?".len()));
        let rows = input.rows.len() + command.rows.len();
        let question = question_rows(&tool, Disclosure::Full, columns);
        let is_full =
            tool.is_whole && size.columns >= MIN_COLUMNS && rows + question.len() <= size.rows;
        let disclosure = match (is_full, is_paged) {
            (true, _) => Disclosure::Full,
            (false, false) => Disclosure::Partial,
            (false, true) => Disclosure::Paged,
        };
        let question = question_rows(&tool, disclosure, columns);
        let room = if size.columns >= MIN_COLUMNS {
            size.rows.saturating_sub(question.len())
        } else {
            0
        };
        // Reserve a third of the room for the command.
        let for_command = (room / 3).max(room.saturating_sub(input.rows.len()));
        let command = command.excerpt_rows(for_command);
        let input = input.excerpt_rows(room.saturating_sub(command.len()));
        Self {
            details: [input, command].concat(),
            question,
            disclosure,
        }
    }
}

impl ApprovalRequest {
    /// Returns the rows of the whole call, for paging.
    pub(super) fn all_rows(&self, columns: usize) -> Vec<String> {
        let columns = columns.saturating_sub(1 + display_width(MARK)).max(1);
        let parts = [
            ("tool:".to_owned(), &self.tool),
            ("command:".to_owned(), &self.command),
            (
                format!("input ({}):", counted(self.input.len(), "byte")),
                &self.input,
            ),
        ];
        let mut all = Vec::new();
        for (label, text) in parts {
            all.push(label);
            let rows = reveal_in_rows(text, columns).into_iter();
            all.extend(rows.map(|row| format!("{MARK}{}", row.shown)));
        }
        all
    }
}

/// Untrusted text with a label.
struct LabelledText {
    label: &'static str,
    rows: Vec<RevealedRow>,
}

impl LabelledText {
    fn new(label: &'static str, text: &str, columns: usize) -> Self {
        let columns = columns.saturating_sub(LABEL_COLUMNS + display_width(MARK));
        Self {
            label,
            rows: reveal_in_rows(text, columns.max(1)),
        }
    }

    /// Returns between one and `limit` rows: all of them, or the first and the last with the number
    /// of bytes omitted between them.
    fn excerpt_rows(&self, limit: usize) -> Vec<String> {
        let shown = |row: &RevealedRow| format!("{MARK}{}", row.shown);
        let mut rows: Vec<String> = if self.rows.len() <= limit {
            self.rows.iter().map(shown).collect()
        } else {
            let kept = limit.saturating_sub(1);
            let (head, tail) = (kept.div_ceil(2), self.rows.len() - kept / 2);
            let bytes = self.rows[head..tail].iter().map(|row| row.source_bytes);
            let gap = format!("… {} more", counted(bytes.sum::<usize>(), "byte"));
            let (head, tail) = (&self.rows[..head], &self.rows[tail..]);
            let (head, tail) = (head.iter().map(shown), tail.iter().map(shown));
            head.chain([gap]).chain(tail).collect()
        };
        for (place, row) in rows.iter_mut().enumerate() {
            let label = if place == 0 { self.label } else { "" };
            row.insert_str(0, &format!("{label:LABEL_COLUMNS$}"));
        }
        rows
    }
}

/// Returns the question in rows of at most `columns` columns, with room for the answer.
fn question_rows(tool: &RevealedLine, disclosure: Disclosure, columns: usize) -> Vec<String> {
    let (question, choices) = (format!("Run `{}`?", tool.shown), disclosure.choice_labels());
    let one_row = format!("{question} {choices}");
    if display_width(&one_row) + ANSWER_COLUMNS <= columns {
        return vec![one_row];
    }
    let mut rows = vec![question];
    rows.extend(wrap_prompt(choices, columns));
    rows
}

/// Wraps trusted text between words into rows of at most `columns` columns, with room for an answer
/// after the last one. A longer word is not broken.
pub(super) fn wrap_prompt(text: &str, columns: usize) -> Vec<String> {
    let (mut rows, mut row) = (Vec::new(), String::new());
    let mut words = text.split_inclusive(' ').peekable();
    while let Some(word) = words.next() {
        let answer = if words.peek().is_none() {
            1 + ANSWER_COLUMNS
        } else {
            0
        };
        let needed = display_width(&row) + display_width(word.trim_end()) + answer;
        if needed > columns && !row.is_empty() {
            rows.push(row.trim_end().to_owned());
            row.clear();
        }
        row.push_str(word);
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(usize, usize); 6] = [(80, 24), (40, 12), (200, 50), (30, 6), (36, 9), (132, 43)];

    fn size((columns, rows): (usize, usize)) -> TerminalSize {
        TerminalSize { rows, columns }
    }

    fn request(input: &str) -> ApprovalRequest {
        ApprovalRequest {
            tool: "run_shell".to_owned(),
            command: "sh -c \"rm x\"".to_owned(),
            input: input.to_owned(),
        }
    }

    fn rows(request: &ApprovalRequest, dimensions: (usize, usize)) -> Vec<String> {
        let layout = ApprovalLayout::new(request, size(dimensions), false);
        [layout.details, layout.question].concat()
    }

    #[test]
    fn a_short_call_takes_three_rows_and_a_narrow_terminal_some_more() {
        let request = request("{\"path\":\"a\"}");
        assert_eq!(
            rows(&request, (80, 24)),
            [
                "input   │ {\"path\":\"a\"}",
                "command │ sh -c \"rm x\"",
                "Run `run_shell`? [y]es, [n]o, [a]lways in this run, [q]uit: ",
            ]
        );
        assert_eq!(
            rows(&request, (40, 12)),
            [
                "input   │ {\"path\":\"a\"}",
                "command │ sh -c \"rm x\"",
                "Run `run_shell`?",
                "[y]es, [n]o, [a]lways in this run,",
                "[q]uit: ",
            ]
        );
    }

    #[test]
    fn a_long_input_is_shown_by_its_beginning_and_end() {
        let input = format!(
            "\"{}{}{}\"",
            "a".repeat(50),
            "b".repeat(1000),
            "c".repeat(50)
        );
        assert_eq!(
            rows(&request(&input), (40, 8)),
            [
                "input   │ \"aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "        │ aaaaaaaaaaaaaaaaaaaaaabbbbbbb",
                "        … 1,015 bytes more",
                "        │ cccccccccccccccccccccccccccc\"",
                "command │ sh -c \"rm x\"",
                "Run `run_shell`?",
                "Not shown in full: [s]how all, [n]o,",
                "[q]uit: ",
            ]
        );
    }

    #[test]
    fn every_layout_fits_on_the_screen_and_marks_each_row() {
        let forged = "Run `ls`? [y]es, [n]o, [a]lways in this run, [q]uit: ";
        for dimensions in SIZES {
            let cells = dimensions.0 * dimensions.1;
            let long = "0123456789".repeat(cells / 10 + 1);
            let padded = |filler: &str| format!("\"{forged}{}{forged}\"", filler.repeat(cells));
            let inputs = [
                "{}".to_owned(),
                long.clone(),
                "漢".repeat(cells),
                "é".repeat(cells),
                "e\u{301}".repeat(cells),
                padded(" "),
                padded("\u{3164}"),
                padded("\u{3164}\u{a0}"),
                padded("\\n"),
                padded("\u{2060} "),
            ];
            for input in inputs {
                for (tool, command) in [("t", "true"), ("t", &long), (&long, "true")] {
                    let request = ApprovalRequest {
                        tool: tool.to_owned(),
                        command: command.to_owned(),
                        input: input.clone(),
                    };
                    fits(&request, dimensions, false);
                    fits(&request, dimensions, true);
                }
            }
        }
    }

    #[track_caller]
    fn fits(request: &ApprovalRequest, dimensions: (usize, usize), is_paged: bool) {
        let (columns, rows) = dimensions;
        let layout = ApprovalLayout::new(request, size(dimensions), is_paged);
        let height = layout.details.len() + layout.question.len();
        assert!(height <= rows, "{dimensions:?}: {layout:?}");
        for row in layout.details.iter().chain(&layout.question) {
            assert!(display_width(row) < columns, "{dimensions:?}: {row}");
        }
        for row in &layout.details {
            let mark = row.chars().nth(LABEL_COLUMNS);
            assert!(matches!(mark, Some('│' | '…')), "{dimensions:?}: {row}");
            let label: String = row.chars().take(LABEL_COLUMNS).collect();
            assert!(["input", "command", ""].contains(&label.trim()), "{row}");
        }
        assert!(layout.question[0].starts_with("Run `"), "{layout:?}");
        let is_whole = !layout.details.iter().any(|row| row.contains("… "))
            && layout.question[0].starts_with(&format!("Run `{}`?", request.tool));
        let expected = match (is_whole, is_paged) {
            (true, _) => Disclosure::Full,
            (false, false) => Disclosure::Partial,
            (false, true) => Disclosure::Paged,
        };
        assert_eq!(layout.disclosure, expected, "{dimensions:?}: {layout:?}");
    }

    #[test]
    fn a_long_command_is_shown_in_part_beside_a_long_input() {
        let long = "x".repeat(9000);
        let request = ApprovalRequest {
            command: long.clone(),
            ..request(&long)
        };
        let layout = ApprovalLayout::new(&request, size((80, 24)), false);
        let gaps: Vec<_> = (layout.details.iter().enumerate())
            .filter(|(_, row)| row.contains('…'))
            .map(|(place, row)| (place, row.trim()))
            .collect();
        assert_eq!(
            gaps,
            [(8, "… 8,004 bytes more"), (19, "… 8,625 bytes more")]
        );
        assert_eq!(layout.disclosure, Disclosure::Partial);
    }

    #[test]
    fn on_a_terminal_that_is_too_small_nothing_counts_as_shown() {
        for dimensions in [(29, 24), (80, 2), (1, 1), (12, 3)] {
            let layout = ApprovalLayout::new(&request("{}"), size(dimensions), false);
            assert_eq!(layout.disclosure, Disclosure::Partial, "{dimensions:?}");
        }
        let narrow = rows(&request("{}"), (29, 24));
        assert_eq!(
            narrow[..2],
            ["input   … 2 bytes more", "command … 12 bytes more"]
        );
    }

    #[test]
    fn a_single_key_does_not_approve_a_partly_shown_call() {
        use ApprovalReply::{Always, No, Quit, Yes};
        let reply = |reply| Some(TypedAnswer::Reply(reply));
        let all = |answer: Option<TypedAnswer>| [answer.clone(), answer.clone(), answer];
        let no = |reason: &str| all(reply(No(reason.to_owned())));
        let (full, partial, paged) = (Disclosure::Full, Disclosure::Partial, Disclosure::Paged);
        for (line, expected) in [
            ("y\n", [reply(Yes), None, None]),
            (" YES ", [reply(Yes), None, None]),
            ("approve", [reply(Yes), None, reply(Yes)]),
            ("a", [reply(Always), None, None]),
            ("always", [reply(Always), None, reply(Always)]),
            ("s", all(Some(TypedAnswer::Show))),
            ("show", all(Some(TypedAnswer::Show))),
            ("n", no("")),
            ("No", no("")),
            ("n  Use the Other file \n", no("Use the Other file")),
            ("no y", no("y")),
            ("now", all(None)),
            ("q", all(reply(Quit))),
            ("quit", all(reply(Quit))),
            ("", all(None)),
            ("what?", all(None)),
            ("y please", all(None)),
        ] {
            let read = [full, partial, paged].map(|disclosure| disclosure.parse_answer(line).ok());
            assert_eq!(read, expected, "{line}");
        }
    }

    #[test]
    fn all_rows_of_a_call_are_marked_for_paging() {
        let request = request(&format!("\"{}\"", "漢 ".repeat(10)));
        assert_eq!(
            request.all_rows(30),
            [
                "tool:",
                "│ run_shell",
                "command:",
                "│ sh -c \"rm x\"",
                "input (42 bytes):",
                "│ \"漢 漢 漢 漢 漢 漢 漢 漢 漢",
                "│  漢 \"",
            ]
        );
    }
}
