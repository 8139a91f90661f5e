//! Asks on the controlling terminal whether a tool call may be run; standard input may be a pipe.

mod layout;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, tcflush};
use signal_hook::consts::SIGCONT;

pub(crate) use layout::{ApprovalReply, ApprovalRequest};

use self::layout::{ApprovalLayout, TypedAnswer, is_within_paste, wrap_prompt};
use super::editor::LineModesGuard;
use super::interrupt::InterruptSignal;
use super::pager::run_pager;
use super::signal_alarm::SignalAlarm;
use super::terminal_size::TerminalSize;

/// Asks the user at the controlling terminal.
#[derive(Debug)]
pub(crate) struct ApprovalPrompt {
    terminal: File,
    /// The user's pager command.
    pager: Option<String>,
    interrupt: Arc<InterruptSignal>,
}

/// The result of waiting for a line.
enum TypedLine {
    /// A typed line.
    Line(String),
    /// End of input, as by Ctrl-D.
    End,
    /// The process was stopped and resumed, so the question may no longer be on the screen.
    Resumed,
}

impl ApprovalPrompt {
    /// Opens the controlling terminal; `None` if there is none.
    pub(crate) fn open(pager: Option<String>, interrupt: Arc<InterruptSignal>) -> Option<Self> {
        Some(Self {
            terminal: open_terminal()?,
            pager,
            interrupt,
        })
    }

    /// Asks until there is a decision. End of input means no. Input typed before the question is
    /// discarded, and so is an approval if the terminal's size has changed since. Returns the error
    /// `Interrupted` on a signal that ends the run.
    pub(crate) fn ask_user(&self, request: &ApprovalRequest) -> io::Result<ApprovalReply> {
        let _modes = LineModesGuard::enter(&self.terminal)?;
        let mut lines = TypedLines::new(self);
        let mut is_paged = false;
        loop {
            let size = TerminalSize::from_terminal(&self.terminal)?;
            let layout = ApprovalLayout::new(request, size, is_paged);
            match self.ask_once(&layout, &mut lines)? {
                None => {}
                Some(TypedAnswer::Show) => {
                    self.show_full(request, &mut lines)?;
                    is_paged = true;
                }
                Some(TypedAnswer::Reply(reply @ (ApprovalReply::No(_) | ApprovalReply::Quit))) => {
                    return Ok(reply);
                }
                Some(TypedAnswer::Reply(reply)) => {
                    if TerminalSize::from_terminal(&self.terminal)? == size {
                        return Ok(reply);
                    }
                    self.print_text("the terminal was resized\n")?;
                }
            }
        }
    }

    /// Prints the question and reads lines until one is an answer; `None` if the question must be
    /// printed again.
    fn ask_once(
        &self,
        layout: &ApprovalLayout,
        lines: &mut TypedLines<'_>,
    ) -> io::Result<Option<TypedAnswer>> {
        // The cursor may be anywhere in its row.
        self.print_text(&format!("\n{}\n", layout.details.join("\n")))?;
        lines.discard_typeahead()?;
        let question = layout.question.join("\n");
        loop {
            self.print_text(&question)?;
            match lines.next_line()? {
                TypedLine::Resumed => return Ok(None),
                TypedLine::End => {
                    self.print_text("\n")?;
                    return Ok(Some(TypedAnswer::Reply(ApprovalReply::No(String::new()))));
                }
                TypedLine::Line(line) => match layout.disclosure.parse_answer(&line) {
                    Ok(answer) => return Ok(Some(answer)),
                    Err(hint) => self.print_text(&format!("{hint}\n"))?,
                },
            }
        }
    }

    /// Shows all of a call in the user's pager, or page by page if there is none or it fails.
    fn show_full(&self, request: &ApprovalRequest, lines: &mut TypedLines<'_>) -> io::Result<()> {
        if let Some(pager) = &self.pager {
            let size = TerminalSize::from_terminal(&self.terminal)?;
            let text = request.all_rows(size.columns).join("\n") + "\n";
            match run_pager(pager, text, &self.terminal, &self.interrupt) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => self.print_text(&format!("cannot run PAGER: {error}\n"))?,
            }
        }
        self.show_pages(request, lines)
    }

    /// Shows all of a call page by page, until the user quits.
    fn show_pages(&self, request: &ApprovalRequest, lines: &mut TypedLines<'_>) -> io::Result<()> {
        let size = TerminalSize::from_terminal(&self.terminal)?;
        let rows = request.all_rows(size.columns);
        let prompt = |page: usize, pages: usize| {
            let prompt = format!("page {page} of {pages}, Enter or q: ");
            wrap_prompt(&prompt, size.columns.saturating_sub(1))
        };
        // An upper bound for the width of any page number.
        let prompt_rows = prompt(rows.len(), rows.len()).len();
        let height = size.rows.saturating_sub(prompt_rows).max(1);
        let pages = rows.chunks(height);
        let count = pages.len();
        for (place, page) in pages.enumerate() {
            self.print_text(&format!("{}\n", page.join("\n")))?;
            lines.discard_typeahead()?;
            loop {
                self.print_text(&prompt(place + 1, count).join("\n"))?;
                match lines.next_line()? {
                    TypedLine::Resumed => self.print_text("\n")?,
                    TypedLine::Line(line) if line.trim().is_empty() => break,
                    TypedLine::Line(_) => return Ok(()),
                    TypedLine::End => return self.print_text("\n"),
                }
            }
        }
        Ok(())
    }

    fn print_text(&self, text: &str) -> io::Result<()> {
        (&self.terminal).write_all(text.as_bytes())
    }
}

/// Reads lines typed at the terminal.
struct TypedLines<'a> {
    prompt: &'a ApprovalPrompt,
    lines: BufReader<&'a File>,
    /// `None` if it cannot be registered.
    continued: Option<SignalAlarm>,
}

impl<'a> TypedLines<'a> {
    fn new(prompt: &'a ApprovalPrompt) -> Self {
        Self {
            prompt,
            lines: BufReader::new(&prompt.terminal),
            continued: SignalAlarm::for_signal(SIGCONT).ok(),
        }
    }

    /// Discards input typed so far.
    fn discard_typeahead(&mut self) -> io::Result<()> {
        let terminal = &self.prompt.terminal;
        self.lines = BufReader::new(terminal);
        Ok(tcflush(terminal, FlushArg::TCIFLUSH)?)
    }

    fn next_line(&mut self) -> io::Result<TypedLine> {
        if self.lines.buffer().is_empty() && !self.wait_for_line()? {
            return Ok(TypedLine::Resumed);
        }
        let mut line = String::new();
        loop {
            let mut row = Vec::new();
            if self.lines.read_until(b'\n', &mut row)? == 0 {
                return Ok(TypedLine::End);
            }
            line.push_str(&String::from_utf8_lossy(&row));
            // No row of a paste is an answer by itself.
            if !is_within_paste(&line) {
                return Ok(TypedLine::Line(line));
            }
        }
    }

    /// Waits until a line can be read. Returns false if the process was stopped meanwhile, and the
    /// error `Interrupted` on a signal that ends the run, since later input belongs to other
    /// programs.
    fn wait_for_line(&self) -> io::Result<bool> {
        let interrupt = self.prompt.interrupt.alarm_fd();
        let continued = self.continued.as_ref();
        let mut watched = vec![poll_readable(self.prompt.terminal.as_fd())];
        watched.extend(interrupt.map(poll_readable));
        watched.extend(continued.map(|continued| poll_readable(continued.as_fd())));
        loop {
            match poll(&mut watched, PollTimeout::NONE) {
                // Watched signals also make a polled descriptor readable.
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(_) => break,
            }
        }
        let is_ready = |place: usize| watched[place].any().unwrap_or_default();
        if interrupt.is_some() && is_ready(1) {
            return Err(ErrorKind::Interrupted.into());
        }
        match continued.filter(|_| is_ready(watched.len() - 1)) {
            Some(continued) => {
                continued.drain_wakeups();
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

fn poll_readable(stream: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(stream, PollFlags::POLLIN)
}

fn open_terminal() -> Option<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    terminal.ok()
}

/// Ends the row of an open question when the run ends.
pub(crate) fn end_prompt_row() {
    if let Some(mut terminal) = open_terminal() {
        let _ = terminal.write_all(b"\n"); // The run ends for another reason.
    }
}
