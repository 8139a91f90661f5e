//! The state of a line while it is typed, including what was pasted.

use super::{LineDraft, multiline};

/// The state of a line.
#[derive(Debug, Default)]
pub(super) struct LineState {
    /// The line.
    text: String,
    /// Where its cursor was after its last change.
    cursor: usize,
    /// Whether the next change is a paste.
    is_pasting: bool,
    /// The end of the last paste, until the line changes.
    paste_end: Option<usize>,
    /// Whether the line is text even if it begins like a command, since its beginning was pasted.
    is_text: bool,
    /// The line up to each `\` that Enter continued. That `\` is removed on submission, unless the
    /// text before it was changed.
    joints: Vec<String>,
    /// What was typed, while the line is an earlier one, recalled and unchanged.
    typed: Option<LineDraft>,
    /// What a key asked for.
    request: Option<LineRequest>,
}

/// What a key asks for besides changing the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineRequest {
    /// Stop the job, and resume with the same line.
    Stop,
    /// Open the line in an editor.
    Edit,
}

/// The effect of Enter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EnterAction {
    /// Submit the line.
    Submit,
    /// Insert a line break.
    Newline,
}

impl LineState {
    /// Creates the state of a new line.
    pub(super) fn from_draft(draft: &LineDraft) -> Self {
        Self {
            text: draft.text.clone(),
            is_text: draft.is_text,
            ..Self::default()
        }
    }

    /// Updates the state after a change of the line. `is_recalled`: it is now an earlier line.
    pub(super) fn line_changed(&mut self, line: &str, cursor: usize, is_recalled: bool) {
        if is_recalled {
            let typed = self.draft_of_text();
            self.typed.get_or_insert(typed);
            self.is_text = false;
        } else if let Some(typed) = self.typed.take() {
            self.is_text = typed.is_text && typed.text == line;
        }
        if self.is_pasting {
            self.is_pasting = false;
            self.paste_end = Some(cursor);
        } else if self.text != line {
            self.paste_end = None;
        }
        if line.is_empty() {
            self.is_text = false;
        }
        line.clone_into(&mut self.text);
        self.cursor = cursor;
    }

    /// Records that a paste begins at the cursor.
    pub(super) fn begin_paste(&mut self, line: &str, cursor: usize) {
        self.is_pasting = true;
        // Text pasted after a command's name is its argument.
        let typed = line.get(..cursor).unwrap_or_default();
        if !(typed.starts_with('/') && typed.contains(' ')) {
            self.is_text = true;
        }
    }

    /// Decides the effect of Enter with the cursor at `cursor`.
    pub(super) fn handle_enter(&mut self, line: &str, cursor: usize) -> EnterAction {
        if !self.is_text && multiline::is_fence_open(line) {
            return EnterAction::Newline;
        }
        if cursor == line.len()
            && multiline::ends_with_continuation(line)
            && self.paste_end != Some(cursor)
            && self.typed.is_none()
        {
            self.joints.push(line.to_owned());
            return EnterAction::Newline;
        }
        EnterAction::Submit
    }

    /// Submits the line: joins continuation lines and removes fences.
    pub(super) fn submit_line(&self, mut line: String) -> LineDraft {
        for before in self.joints.iter().rev() {
            if self.typed.is_none()
                && line
                    .strip_prefix(before.as_str())
                    .is_some_and(|rest| rest.starts_with('\n'))
            {
                line.remove(before.len() - 1);
            }
        }
        if let Some(inside) = multiline::fenced_text(&line).filter(|_| !self.is_text) {
            return LineDraft {
                text: inside.to_owned(),
                is_text: true,
            };
        }
        LineDraft {
            is_text: self.is_text || line.contains('\n'),
            text: line,
        }
    }

    /// Records what a key asks for.
    pub(super) fn set_request(&mut self, request: LineRequest) {
        self.request = Some(request);
    }

    /// Returns what a key asked for, and forgets it.
    pub(super) fn take_request(&mut self) -> Option<LineRequest> {
        self.request.take()
    }

    /// Returns the line that is shown.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the byte offset of its cursor when it was drawn last.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns what was typed, which is not what is shown while an earlier line is recalled.
    pub(super) fn as_draft(&self) -> LineDraft {
        let typed = self.typed.clone();
        typed.unwrap_or_else(|| self.draft_of_text())
    }

    fn draft_of_text(&self) -> LineDraft {
        LineDraft {
            text: self.text.clone(),
            is_text: self.is_text,
        }
    }

    /// Whether the line is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(typing: &LineState, line: &str) -> (String, bool) {
        let draft = typing.submit_line(line.to_owned());
        (draft.text, !draft.is_text)
    }

    /// Returns the state after `text` was pasted after `typed`.
    fn pasted(typed: &str, text: &str) -> LineState {
        let mut typing = LineState::default();
        typing.line_changed(typed, typed.len(), false);
        typing.begin_paste(typed, typed.len());
        let line = format!("{typed}{text}");
        typing.line_changed(&line, line.len(), false);
        typing
    }

    #[test]
    fn a_typed_line_may_be_a_command_but_a_pasted_one_may_not() {
        assert_eq!(
            submitted(&LineState::default(), "/help"),
            ("/help".to_owned(), true)
        );
        assert_eq!(
            submitted(&pasted("", "/help"), "/help"),
            ("/help".to_owned(), false)
        );
        assert_eq!(
            submitted(&pasted("/", "help"), "/help"),
            ("/help".to_owned(), false)
        );
        assert_eq!(
            submitted(&pasted("/file ", "a b"), "/file a b"),
            ("/file a b".to_owned(), true)
        );
        assert_eq!(
            submitted(&pasted("/file ", "a\nb"), "/file a\nb"),
            ("/file a\nb".to_owned(), false)
        );
    }

    #[test]
    fn a_line_that_was_emptied_counts_as_typed() {
        let mut typing = pasted("", "/x");
        typing.line_changed("", 0, false);
        assert_eq!(submitted(&typing, "/help"), ("/help".to_owned(), true));
    }

    #[test]
    fn enter_continues_the_line_after_a_typed_backslash_only() {
        let mut typing = LineState::default();
        assert_eq!(typing.handle_enter("a\\", 2), EnterAction::Newline);
        assert_eq!(typing.handle_enter("a\\\nb \\", 6), EnterAction::Newline);
        assert_eq!(
            submitted(&typing, "a\\\nb \\\nc"),
            ("a\nb \nc".to_owned(), false)
        );
        assert_eq!(submitted(&typing, "x\\\nb"), ("x\\\nb".to_owned(), false));
        assert_eq!(
            LineState::default().handle_enter("a\\", 0),
            EnterAction::Submit
        );
        let mut typing = pasted("", "a \\\nb \\");
        assert_eq!(typing.handle_enter("a \\\nb \\", 7), EnterAction::Submit);
        typing.line_changed("a \\\nb \\\\\\", 9, false);
        assert_eq!(
            typing.handle_enter("a \\\nb \\\\\\", 9),
            EnterAction::Newline
        );
    }

    #[test]
    fn a_typed_fence_is_removed_and_a_pasted_one_is_kept() {
        let text = "\"\"\"\n/help\n\"\"\"";
        assert_eq!(
            LineState::default().handle_enter("\"\"\"", 3),
            EnterAction::Newline
        );
        assert_eq!(
            LineState::default().handle_enter(text, text.len()),
            EnterAction::Submit
        );
        assert_eq!(
            submitted(&LineState::default(), text),
            ("/help".to_owned(), false)
        );
        assert_eq!(
            pasted("", "\"\"\"").handle_enter("\"\"\"", 3),
            EnterAction::Submit
        );
        assert_eq!(submitted(&pasted("", text), text), (text.to_owned(), false));
    }

    #[test]
    fn a_recalled_line_is_submitted_as_it_is_and_what_was_typed_is_kept() {
        let mut typing = pasted("", "/x");
        typing.line_changed("a\\\nb\\", 5, true);
        typing.line_changed("c\\", 2, true);
        assert_eq!(typing.handle_enter("c\\", 2), EnterAction::Submit);
        assert_eq!(submitted(&typing, "/help"), ("/help".to_owned(), true));
        assert_eq!((typing.text(), &*typing.as_draft().text), ("c\\", "/x"));
        typing.line_changed("/x", 2, false);
        assert_eq!(submitted(&typing, "/x"), ("/x".to_owned(), false));
        // A recalled line that is changed is what was typed last.
        typing.line_changed("/help", 5, true);
        typing.line_changed("/help me", 8, false);
        assert_eq!(typing.as_draft().text, "/help me");
        assert_eq!(
            submitted(&typing, "/help me"),
            ("/help me".to_owned(), true)
        );
    }

    #[test]
    fn a_draft_that_is_text_stays_text() {
        let draft = LineDraft {
            text: "/etc/passwd".to_owned(),
            is_text: true,
        };
        let typing = LineState::from_draft(&draft);
        assert_eq!(
            submitted(&typing, "/etc/passwd"),
            ("/etc/passwd".to_owned(), false)
        );
        assert_eq!(typing.as_draft(), draft);
    }
}
