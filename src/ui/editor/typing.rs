//! What is known of the line while it is typed: what it is, and which of it was pasted.

use super::{Draft, Typed, fence};

/// The line as it stands.
#[derive(Debug, Default)]
pub(super) struct Typing {
    /// The line.
    text: String,
    /// Whether what comes next is a paste.
    is_pasting: bool,
    /// The end of the last paste, while it is the end of the line.
    paste_end: Option<usize>,
    /// Whether the line is text whatever it begins with, since its beginning was pasted.
    is_text: bool,
    /// The line up to each `\` that Enter went on behind. It goes when the line is done, unless
    /// what stands before it was changed.
    joints: Vec<String>,
    /// Whether Ctrl-Z was typed.
    is_stopped: bool,
}

/// What Enter does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Enter {
    /// The line is done.
    Submit,
    /// It goes on in another line.
    Newline,
}

impl Typing {
    /// Begins a line.
    pub(super) fn begin(draft: &Draft) -> Self {
        Self {
            text: draft.text.clone(),
            is_text: draft.is_text,
            ..Self::default()
        }
    }

    /// Takes the line as it is after each change.
    pub(super) fn changed(&mut self, line: &str, cursor: usize) {
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
    }

    /// A paste comes, at the cursor.
    pub(super) fn paste(&mut self, line: &str, cursor: usize) {
        self.is_pasting = true;
        // What is pasted behind the name of a command is what the command is about.
        let typed = line.get(..cursor).unwrap_or_default();
        if !(typed.starts_with('/') && typed.contains(' ')) {
            self.is_text = true;
        }
    }

    /// Says what Enter does, the cursor being at `cursor`.
    pub(super) fn enter(&mut self, line: &str, cursor: usize) -> Enter {
        if !self.is_text && fence::is_open(line) {
            return Enter::Newline;
        }
        if cursor == line.len() && fence::goes_on(line) && self.paste_end != Some(cursor) {
            self.joints.push(line.to_owned());
            return Enter::Newline;
        }
        Enter::Submit
    }

    /// The line is done.
    pub(super) fn submit(&self, mut line: String) -> Typed {
        for before in self.joints.iter().rev() {
            if line
                .strip_prefix(before.as_str())
                .is_some_and(|rest| rest.starts_with('\n'))
            {
                line.remove(before.len() - 1);
            }
        }
        if let Some(inside) = fence::inside(&line).filter(|_| !self.is_text) {
            return Typed::Line {
                text: inside.to_owned(),
                may_be_command: false,
                bad_byte: None,
            };
        }
        let may_be_command = !self.is_text && !line.contains('\n');
        Typed::Line {
            text: line,
            may_be_command,
            bad_byte: None,
        }
    }

    /// Ctrl-Z was typed: the line is left for a while, and goes on as it is.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Whether it was; the next time it was not.
    pub(super) fn take_stop(&mut self) -> bool {
        std::mem::take(&mut self.is_stopped)
    }

    /// What there is, to be offered again.
    pub(super) fn as_draft(&self) -> Draft {
        Draft {
            text: self.text.clone(),
            is_text: self.is_text,
        }
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(typing: &Typing, line: &str) -> (String, bool) {
        match typing.submit(line.to_owned()) {
            Typed::Line {
                text,
                may_be_command,
                ..
            } => (text, may_be_command),
            other => panic!("{other:?}"),
        }
    }

    /// Pastes `text` behind `typed`.
    fn pasted(typed: &str, text: &str) -> Typing {
        let mut typing = Typing::default();
        typing.changed(typed, typed.len());
        typing.paste(typed, typed.len());
        let line = format!("{typed}{text}");
        typing.changed(&line, line.len());
        typing
    }

    #[test]
    fn a_typed_line_may_be_a_command_and_a_pasted_one_not() {
        assert_eq!(
            submitted(&Typing::default(), "/help"),
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
    fn a_line_that_was_emptied_is_typed_anew() {
        let mut typing = pasted("", "/x");
        typing.changed("", 0);
        assert_eq!(submitted(&typing, "/help"), ("/help".to_owned(), true));
    }

    #[test]
    fn enter_goes_on_behind_a_typed_backslash_only() {
        let mut typing = Typing::default();
        assert_eq!(typing.enter("a\\", 2), Enter::Newline);
        assert_eq!(typing.enter("a\\\nb \\", 6), Enter::Newline);
        assert_eq!(
            submitted(&typing, "a\\\nb \\\nc"),
            ("a\nb \nc".to_owned(), false)
        );
        assert_eq!(submitted(&typing, "x\\\nb"), ("x\\\nb".to_owned(), false));
        assert_eq!(Typing::default().enter("a\\", 0), Enter::Submit);
        let mut typing = pasted("", "a \\\nb \\");
        assert_eq!(typing.enter("a \\\nb \\", 7), Enter::Submit);
        typing.changed("a \\\nb \\\\\\", 9);
        assert_eq!(typing.enter("a \\\nb \\\\\\", 9), Enter::Newline);
    }

    #[test]
    fn a_typed_fence_is_taken_off_and_a_pasted_one_stays() {
        let text = "\"\"\"\n/help\n\"\"\"";
        assert_eq!(Typing::default().enter("\"\"\"", 3), Enter::Newline);
        assert_eq!(Typing::default().enter(text, text.len()), Enter::Submit);
        assert_eq!(
            submitted(&Typing::default(), text),
            ("/help".to_owned(), false)
        );
        assert_eq!(pasted("", "\"\"\"").enter("\"\"\"", 3), Enter::Submit);
        assert_eq!(submitted(&pasted("", text), text), (text.to_owned(), false));
    }

    #[test]
    fn a_draft_that_is_text_stays_text() {
        let draft = Draft {
            text: "/etc/passwd".to_owned(),
            is_text: true,
        };
        let typing = Typing::begin(&draft);
        assert_eq!(
            submitted(&typing, "/etc/passwd"),
            ("/etc/passwd".to_owned(), false)
        );
        assert_eq!(typing.as_draft(), draft);
    }
}
