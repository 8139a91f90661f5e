//! Lines of standard input: typed on a dumb terminal, or piped.

use std::io::{self, BufRead, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{LineDraft, ReadRequest, TypedInput, multiline};
use crate::text::sanitize;

/// Serves read requests until the channel is closed.
pub(super) fn run_plain_lines(is_typed: bool, asks: &Receiver<ReadRequest>) {
    let mut input = io::stdin().lock();
    while let Ok(ask) = asks.recv() {
        if is_typed {
            show_prompt(&ask.prompt, &ask.draft);
        }
        let typed = if is_typed {
            read_typed(&mut input)
        } else {
            read_piped(&mut input)
        };
        // If the receiver is gone, the process is about to end.
        let _ = ask.reply.send(typed);
    }
}

/// Prints the prompt. A draft cannot be edited here, so it is only printed.
fn show_prompt(prompt: &str, draft: &LineDraft) {
    let again = if draft.text.is_empty() {
        String::new()
    } else {
        format!("not sent: {}\n", draft.text)
    };
    // A failure cannot be reported anywhere.
    let _ = io::stderr()
        .lock()
        .write_all(sanitize(&format!("{again}{prompt}")).as_bytes());
}

/// Reads a line written by a program: always text, never a command.
fn read_piped(input: &mut impl BufRead) -> TypedInput {
    next_line(input).map_or(TypedInput::End, |(text, bad_byte)| TypedInput::Line {
        text,
        may_be_command: false,
        bad_byte,
    })
}

/// Reads a line that a user typed, with its continuation lines.
fn read_typed(input: &mut impl BufRead) -> TypedInput {
    let Some((mut text, mut bad_byte)) = next_line(input) else {
        return TypedInput::End;
    };
    while multiline::is_fence_open(&text) || multiline::ends_with_continuation(&text) {
        if !multiline::is_fence_open(&text) {
            text.pop();
        }
        let Some((more, bad)) = next_line(input) else {
            break;
        };
        text.push('\n');
        bad_byte = bad_byte.or(bad.map(|place| text.len() + place));
        text.push_str(&more);
    }
    match multiline::fenced_text(&text) {
        Some(inside) => TypedInput::Line {
            text: inside.to_owned(),
            may_be_command: false,
            bad_byte,
        },
        None => TypedInput::Line {
            may_be_command: !text.contains('\n'),
            text,
            bad_byte,
        },
    }
}

/// Reads a line without its ending; the second value is the offset of the first invalid UTF-8.
fn next_line(input: &mut impl BufRead) -> Option<(String, Option<usize>)> {
    let mut bytes = Vec::new();
    while let Err(error) = input.read_until(b'\n', &mut bytes) {
        // Another process may have made the pipe non-blocking; bytes read so far are kept.
        if error.kind() != ErrorKind::WouldBlock {
            return None;
        }
        match poll(
            &mut [PollFd::new(io::stdin().as_fd(), PollFlags::POLLIN)],
            PollTimeout::NONE,
        ) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
    if bytes.is_empty() {
        return None;
    }
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => (
            String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Some(error.utf8_error().valid_up_to()),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, read: fn(&mut &[u8]) -> TypedInput) -> Vec<(String, bool)> {
        let (mut input, mut lines) = (text.as_bytes(), Vec::new());
        while let TypedInput::Line {
            text,
            may_be_command,
            ..
        } = read(&mut input)
        {
            lines.push((text, may_be_command));
        }
        lines
    }

    #[test]
    fn a_piped_line_is_always_text() {
        let lines = all("/exit\r\na \\\n\"\"\"\n\nlast", |input| read_piped(input));
        let lines: Vec<_> = lines
            .iter()
            .map(|(text, command)| (text.as_str(), *command))
            .collect();
        assert_eq!(
            lines,
            [
                ("/exit", false),
                ("a \\", false),
                ("\"\"\"", false),
                ("", false),
                ("last", false)
            ]
        );
    }

    #[test]
    fn a_typed_line_continues_after_a_backslash_and_between_quotes() {
        let lines = all("/help\na \\\nb\n\"\"\"\n/x\n\"\"\"\nc", |input| {
            read_typed(input)
        });
        let lines: Vec<_> = lines
            .iter()
            .map(|(text, command)| (text.as_str(), *command))
            .collect();
        assert_eq!(
            lines,
            [
                ("/help", true),
                ("a \nb", false),
                ("/x", false),
                ("c", true)
            ]
        );
    }

    #[test]
    fn the_offset_of_the_first_invalid_utf_8_is_reported() {
        for (bytes, expected) in [
            (&b"\xc3\xa4"[..], None),
            (b"a\xff\xff", Some(1)),
            (b"a\\\nb\xff", Some(3)),
            (b"\xff\\\n\xff", Some(0)),
        ] {
            let TypedInput::Line { bad_byte, .. } = read_typed(&mut &*bytes) else {
                panic!("{bytes:?}")
            };
            assert_eq!(bad_byte, expected, "{bytes:?}");
        }
    }
}
