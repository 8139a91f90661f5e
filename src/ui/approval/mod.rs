//! Asks on the controlling terminal whether a call may be run. Standard input may be a pipe, and is
//! not asked.

mod layout;
mod pager;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, tcflush};
use signal_hook::consts::SIGCONT;

pub(crate) use layout::{ApprovalReply, ApprovalRequest};

use self::layout::{Answer, ApprovalLayout, wrap_prompt};
use self::pager::run_pager;
use super::interrupt::Interrupt;
use super::signal_alarm::SignalAlarm;
use super::terminal_size::TerminalSize;

/// Asks the user at the controlling terminal.
#[derive(Debug)]
pub(crate) struct ApprovalPrompt {
    terminal: File,
    /// The command of the user's pager.
    pager: Option<String>,
    interrupt: Arc<Interrupt>,
}

/// What came of waiting for a line.
enum TypedLine {
    /// The user typed it.
    Line(String),
    /// The end of input, as by Ctrl-D.
    End,
    /// The process was stopped and continues: what was asked is no longer on the screen.
    Resumed,
}

impl ApprovalPrompt {
    /// Opens the controlling terminal; none if there is none.
    pub(crate) fn open(pager: Option<String>, interrupt: Arc<Interrupt>) -> Option<Self> {
        Some(Self {
            terminal: open_terminal()?,
            pager,
            interrupt,
        })
    }

    /// Asks until there is a decision. The end of input is a no. What was typed before the question
    /// was on the screen is thrown away, and so is an approval on a terminal whose size has changed
    /// since. A signal that ends the run is the error `Interrupted`.
    pub(crate) fn ask(&self, request: &ApprovalRequest) -> io::Result<ApprovalReply> {
        let mut lines = TypedLines::new(self);
        let mut is_paged = false;
        loop {
            let size = TerminalSize::of_terminal(&self.terminal)?;
            let layout = ApprovalLayout::new(request, size, is_paged);
            match self.ask_once(&layout, &mut lines)? {
                None => {}
                Some(Answer::Show) => {
                    self.show(request, &mut lines)?;
                    is_paged = true;
                }
                Some(Answer::Reply(reply @ (ApprovalReply::No | ApprovalReply::Quit))) => {
                    return Ok(reply);
                }
                Some(Answer::Reply(reply)) => {
                    if TerminalSize::of_terminal(&self.terminal)? == size {
                        return Ok(reply);
                    }
                    self.print("the size of the terminal has changed\n")?;
                }
            }
        }
    }

    /// Prints the question and reads lines until one answers it; none if it has to be printed
    /// again.
    fn ask_once(
        &self,
        layout: &ApprovalLayout,
        lines: &mut TypedLines<'_>,
    ) -> io::Result<Option<Answer>> {
        // The cursor may be anywhere in its row.
        self.print(&format!("\n{}\n", layout.details.join("\n")))?;
        lines.discard()?;
        let question = layout.question.join("\n");
        loop {
            self.print(&question)?;
            match lines.next()? {
                TypedLine::Resumed => return Ok(None),
                TypedLine::End => return Ok(Some(Answer::Reply(ApprovalReply::No))),
                TypedLine::Line(line) => match layout.disclosure.read(&line) {
                    Ok(answer) => return Ok(Some(answer)),
                    Err(hint) => self.print(&format!("{hint}\n"))?,
                },
            }
        }
    }

    /// Shows all of a call: by the user's pager, or page by page if there is none or it fails.
    fn show(&self, request: &ApprovalRequest, lines: &mut TypedLines<'_>) -> io::Result<()> {
        if let Some(pager) = &self.pager {
            let size = TerminalSize::of_terminal(&self.terminal)?;
            let text = request.all_rows(size.columns).join("\n") + "\n";
            match run_pager(pager, text, &self.terminal, &self.interrupt) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => self.print(&format!("the pager of PAGER failed: {error}\n"))?,
            }
        }
        self.show_pages(request, lines)
    }

    /// Shows all of a call page by page, until the user has read enough.
    fn show_pages(&self, request: &ApprovalRequest, lines: &mut TypedLines<'_>) -> io::Result<()> {
        let size = TerminalSize::of_terminal(&self.terminal)?;
        let rows = request.all_rows(size.columns);
        let prompt = |page: usize, pages: usize| {
            let prompt = format!("page {page} of {pages}, Enter or q: ");
            wrap_prompt(&prompt, size.columns.saturating_sub(1))
        };
        // No page has a higher number than this one.
        let prompt_rows = prompt(rows.len(), rows.len()).len();
        let height = size.rows.saturating_sub(prompt_rows).max(1);
        let pages = rows.chunks(height);
        let count = pages.len();
        for (place, page) in pages.enumerate() {
            self.print(&format!("{}\n", page.join("\n")))?;
            lines.discard()?;
            loop {
                self.print(&prompt(place + 1, count).join("\n"))?;
                match lines.next()? {
                    TypedLine::Resumed => self.print("\n")?,
                    TypedLine::Line(line) if line.trim().is_empty() => break,
                    TypedLine::Line(_) | TypedLine::End => return Ok(()),
                }
            }
        }
        Ok(())
    }

    fn print(&self, text: &str) -> io::Result<()> {
        (&self.terminal).write_all(text.as_bytes())
    }
}

/// The lines that are typed at a terminal.
struct TypedLines<'a> {
    prompt: &'a ApprovalPrompt,
    lines: BufReader<&'a File>,
    /// None where it cannot be had.
    continued: Option<SignalAlarm>,
}

impl<'a> TypedLines<'a> {
    fn new(prompt: &'a ApprovalPrompt) -> Self {
        Self {
            prompt,
            lines: BufReader::new(&prompt.terminal),
            continued: SignalAlarm::watch(SIGCONT).ok(),
        }
    }

    /// Throws away what has been typed so far.
    fn discard(&mut self) -> io::Result<()> {
        let terminal = &self.prompt.terminal;
        self.lines = BufReader::new(terminal);
        Ok(tcflush(terminal, FlushArg::TCIFLUSH)?)
    }

    fn next(&mut self) -> io::Result<TypedLine> {
        if self.lines.buffer().is_empty() && !self.wait()? {
            return Ok(TypedLine::Resumed);
        }
        let mut line = Vec::new();
        if self.lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(TypedLine::End);
        }
        Ok(TypedLine::Line(String::from_utf8_lossy(&line).into_owned()))
    }

    /// Waits until a line can be read; false: the process was stopped meanwhile. A signal that ends
    /// the run is the error `Interrupted`: what is typed then is for others.
    fn wait(&self) -> io::Result<bool> {
        let interrupt = self.prompt.interrupt.alarm();
        let continued = self.continued.as_ref();
        let mut watched = vec![readable(self.prompt.terminal.as_fd())];
        watched.extend(interrupt.map(readable));
        watched.extend(continued.map(|continued| readable(continued.as_fd())));
        loop {
            match poll(&mut watched, PollTimeout::NONE) {
                // A signal that is watched for is in what is polled, too.
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
                continued.reset();
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

fn readable(stream: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(stream, PollFlags::POLLIN)
}

fn open_terminal() -> Option<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    terminal.ok()
}

/// Ends the row of a question that nobody will answer any more.
pub(crate) fn leave_unanswered() {
    if let Some(mut terminal) = open_terminal() {
        let _ = terminal.write_all(b"\n"); // The end has its own reasons.
    }
}
