//! Asks on the controlling terminal whether a call may be run. Standard input may be a pipe, and is
//! not asked.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, tcflush};

use super::continued::Continued;
use crate::text::{sanitize, sanitize_json, sanitize_line};

/// The terminal that a person sits at.
#[derive(Debug)]
pub(crate) struct Asker(File);

/// A call that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The tool.
    pub(crate) tool: String,
    /// The exact command.
    pub(crate) command: String,
    /// The input, as JSON.
    pub(crate) input: String,
}

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// This call may be run.
    Yes,
    /// It may not.
    No,
    /// It may, and so may all others of this tool.
    Always,
    /// The run is to end.
    Quit,
}

impl Asker {
    /// Finds the terminal; none where there is none.
    pub(crate) fn find() -> Option<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()
            .map(Self)
    }

    /// Asks until there is an answer. The end of input is a no. What was typed before the call was
    /// seen says nothing about it, and is thrown away. Where `bell` is rung before there is an
    /// answer, that is the error `Interrupted`: nobody reads any more then what is typed next. Who
    /// comes back to a job that was stopped is asked again.
    pub(crate) fn ask(&self, question: &Question, bell: Option<&UnixStream>) -> io::Result<Reply> {
        let mut terminal = &self.0;
        terminal.write_all(question.text().as_bytes())?;
        tcflush(terminal, FlushArg::TCIFLUSH)?;
        let mut lines = BufReader::new(terminal);
        let continued = Continued::watch();
        loop {
            terminal.write_all(b"Run it? [y]es, [n]o, [a]lways for this tool, [q]uit: ")?;
            let mut line = String::new();
            if lines.buffer().is_empty() && !wait_for_line(&self.0, bell, continued.as_ref())? {
                terminal.write_all(format!("\n{}", question.text()).as_bytes())?;
                continue;
            }
            if lines.read_line(&mut line)? == 0 {
                return Ok(Reply::No);
            }
            match line.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(Reply::Yes),
                "n" | "no" => return Ok(Reply::No),
                "a" | "always" => return Ok(Reply::Always),
                "q" | "quit" => return Ok(Reply::Quit),
                _ => {} // It is asked again.
            }
        }
    }
}

/// Waits until a line can be read from the terminal, or the bell is rung; false: the process had
/// been stopped meanwhile.
fn wait_for_line(
    terminal: &File,
    bell: Option<&UnixStream>,
    continued: Option<&Continued>,
) -> io::Result<bool> {
    let mut watched = vec![readable(terminal.as_fd())];
    watched.extend(bell.map(|bell| readable(bell.as_fd())));
    let places = 1 + usize::from(bell.is_some());
    watched.extend(continued.map(|continued| readable(continued.as_fd())));
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            // A signal that is watched for rings the bell, too.
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(_) => break,
        }
    }
    let is_ready = |place: usize| watched[place].any().unwrap_or_default();
    if bell.is_some() && is_ready(1) {
        return Err(ErrorKind::Interrupted.into());
    }
    let Some(continued) = continued.filter(|_| is_ready(places)) else {
        return Ok(true);
    };
    continued.forget();
    Ok(false)
}

fn readable(stream: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(stream, PollFlags::POLLIN)
}

/// Ends the line of a question that nobody will answer any more.
pub(crate) fn leave_unanswered() {
    if let Some(Asker(mut terminal)) = Asker::find() {
        let _ = terminal.write_all(b"\n"); // The end has its own reasons.
    }
}

impl Question {
    /// What is shown: nothing in it acts on the terminal, and everything in it is seen.
    fn text(&self) -> String {
        let command = sanitize(&self.command).replace('\n', "␊");
        let input = sanitize_json(&self.input);
        format!(
            "The model asks for `{}`.\n  command: {command}\n  input:   {input}\n",
            sanitize_line(&self.tool)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_the_direction_of_writing_are_made_visible() {
        let question = Question {
            tool: "rm\u{1b}[2K".to_owned(),
            command: "rm \"\u{202e}x\n\"".to_owned(),
            input: "{\"a\":\"\u{202e}\u{9b}\"}".to_owned(),
        };
        let expected = "The model asks for `rm␛[2K`.\n  command: rm \"<U+202E>x␊\"\n  input:   {\"a\":\"\\u202e\\u009b\"}\n";
        assert_eq!(question.text(), expected);
    }
}
