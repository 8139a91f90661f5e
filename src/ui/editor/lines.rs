//! Lines of standard input: typed on a terminal that can do nothing but print, or piped.

use std::io::{self, BufRead, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Ask, Draft, Typed, fence};
use crate::text::sanitize;

/// Answers one question after the other with what comes next, until nobody asks any more.
pub(super) fn run(is_typed: bool, asks: &Receiver<Ask>) {
    let mut input = io::stdin().lock();
    while let Ok(ask) = asks.recv() {
        if is_typed {
            show(&ask.prompt, &ask.draft);
        }
        let typed = if is_typed {
            typed(&mut input)
        } else {
            piped(&mut input)
        };
        // Who has stopped waiting for good is about to end the process.
        let _ = ask.reply.send(typed);
    }
}

/// Shows the prompt; a text that is offered again cannot be changed here, and so it is only shown.
fn show(prompt: &str, draft: &Draft) {
    let again = if draft.text.is_empty() {
        String::new()
    } else {
        format!("not sent: {}\n", draft.text)
    };
    // There is nowhere to tell that it failed.
    let _ = io::stderr()
        .lock()
        .write_all(sanitize(&format!("{again}{prompt}")).as_bytes());
}

/// A line that a program wrote: text, whatever it begins with.
fn piped(input: &mut impl BufRead) -> Typed {
    next(input).map_or(Typed::End, |(text, bad_byte)| Typed::Line {
        text,
        may_be_command: false,
        bad_byte,
    })
}

/// A line that a person typed, and those that it goes on in.
fn typed(input: &mut impl BufRead) -> Typed {
    let Some((mut text, mut bad_byte)) = next(input) else {
        return Typed::End;
    };
    while fence::is_open(&text) || fence::goes_on(&text) {
        if !fence::is_open(&text) {
            text.pop();
        }
        let Some((more, bad)) = next(input) else {
            break;
        };
        text.push('\n');
        bad_byte = bad_byte.or(bad.map(|place| text.len() + place));
        text.push_str(&more);
    }
    match fence::inside(&text) {
        Some(inside) => Typed::Line {
            text: inside.to_owned(),
            may_be_command: false,
            bad_byte,
        },
        None => Typed::Line {
            may_be_command: !text.contains('\n'),
            text,
            bad_byte,
        },
    }
}

/// The next line without its end, and where its first bytes are that are no UTF-8.
fn next(input: &mut impl BufRead) -> Option<(String, Option<usize>)> {
    let mut bytes = Vec::new();
    while let Err(error) = input.read_until(b'\n', &mut bytes) {
        // A pipe that a loop of events has made non-blocking: what has come is in `bytes`.
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

    fn all(text: &str, read: fn(&mut &[u8]) -> Typed) -> Vec<(String, bool)> {
        let (mut input, mut lines) = (text.as_bytes(), Vec::new());
        while let Typed::Line {
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
    fn a_piped_line_is_text_as_it_is() {
        let lines = all("/exit\r\na \\\n\"\"\"\n\nlast", |input| piped(input));
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
    fn a_typed_line_goes_on_behind_a_backslash_and_between_quotes() {
        let lines = all("/help\na \\\nb\n\"\"\"\n/x\n\"\"\"\nc", |input| {
            typed(input)
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
    fn the_first_bytes_that_are_no_utf_8_have_a_place() {
        for (bytes, expected) in [
            (&b"\xc3\xa4"[..], None),
            (b"a\xff\xff", Some(1)),
            (b"a\\\nb\xff", Some(3)),
            (b"\xff\\\n\xff", Some(0)),
        ] {
            let Typed::Line { bad_byte, .. } = typed(&mut &*bytes) else {
                panic!("{bytes:?}")
            };
            assert_eq!(bad_byte, expected, "{bytes:?}");
        }
    }
}
