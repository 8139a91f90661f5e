//! Yes-or-no questions.

use std::io::{self, BufRead, Read, Write, stderr, stdin};

use nix::sys::termios::{FlushArg, tcflush};

use super::reveal::reveal_in_line;
use super::terminal_size::TerminalSize;
use crate::text::display_width;

/// Maximum length of an answer, in bytes.
const MAX_ANSWER_BYTES: u64 = 1024;

/// Asks on standard error whether to do `action`, to `subject` if given, and reads a line of
/// standard input, which must be a terminal. Anything but `y` or `yes` is a no. Input typed before
/// the question is discarded.
pub(crate) fn ask_yes_no(action: &str, subject: Option<&str>) -> io::Result<bool> {
    let question = format_question(action, subject, TerminalSize::from_stderr().columns);
    let mut out = stderr().lock();
    tcflush(stdin(), FlushArg::TCIFLUSH)?;
    out.write_all(question.as_bytes())?;
    out.flush()?;
    let mut answer = String::new();
    let read = stdin()
        .lock()
        .take(MAX_ANSWER_BYTES)
        .read_line(&mut answer)?;
    if read == 0 {
        // Nothing was typed that ended the row.
        out.write_all(b"\n")?;
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Returns the question in one row of at most `columns` columns, including the answer. The subject
/// is untrusted: nothing in it is hidden, and it is shortened to leave room for the rest.
fn format_question(action: &str, subject: Option<&str>, columns: usize) -> String {
    const ANSWER_COLUMNS: usize = 4;
    let Some(subject) = subject else {
        return format!("langdock: {action}? [y/N] ");
    };
    let rest = format!("langdock: {action} ``? [y/N] ");
    let room = columns.saturating_sub(display_width(&rest) + ANSWER_COLUMNS);
    let subject = reveal_in_line(subject, room).shown;
    format!("langdock: {action} `{subject}`? [y/N] ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_shortened_to_fit_the_row() {
        let title = format!("x{}`? [y/N] y\u{2060}", " ".repeat(100));
        let ask =
            |title: &str, columns| format_question("delete the conversation", Some(title), columns);
        assert_eq!(
            ask("rivers", 80),
            "langdock: delete the conversation `rivers`? [y/N] "
        );
        assert_eq!(
            ask(&title, 80),
            "langdock: delete the conversation `x\\u0020{100}`? [y/N] y\\u2060`? [y/N] "
        );
        assert_eq!(
            ask(&title, 64),
            "langdock: delete the conversation `x…y\\u2060`? [y/N] "
        );
        assert_eq!(
            format_question("delete 2 conversations", None, 20),
            "langdock: delete 2 conversations? [y/N] "
        );
    }
}
