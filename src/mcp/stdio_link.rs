//! A server that is a child process: lines of JSON on its standard streams.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::board::MessageBoard;
use super::line_splitter::LineSplitter;
use crate::guard::{ChildCommand, ChildGuard, GuardedChild};

/// How many messages may wait to be written.
const QUEUE: usize = 64;

/// The size of a read, in bytes.
const READ: usize = 64 * 1024;

/// How long a server may take to end after its input has closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How long the end of a server's output and its exit may be apart.
const AFTER_END: Duration = Duration::from_millis(500);

/// How long to wait for the end of standard error, which a process that it left may hold open.
const LAST_STDERR: Duration = Duration::from_millis(100);

/// A running server process.
#[derive(Debug)]
pub(super) struct StdioLink {
    board: Arc<MessageBoard>,
    outgoing: mpsc::Sender<String>,
    closing: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl StdioLink {
    /// Starts a server, with a guard of its own: what it leaves behind ends with it.
    pub(super) async fn start(command: &ChildCommand) -> io::Result<Self> {
        let guard = ChildGuard::default();
        let mut child = guard.spawn(command).await?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let board = Arc::new(MessageBoard::default());
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let (closing, is_closing) = oneshot::channel();
        let keeper = ServerKeeper {
            _guard: guard,
            child,
            stdout: Some(stdout),
            board: Arc::clone(&board),
            replies: outgoing.downgrade(),
            stderr: tokio::spawn(read_stderr(stderr, Arc::clone(&board))),
        };
        Ok(Self {
            board,
            outgoing,
            closing,
            keeper: tokio::spawn(keeper.keep(is_closing)),
            writer: tokio::spawn(write_lines(stdin, queue)),
        })
    }

    /// What the server has said.
    pub(super) fn board(&self) -> &Arc<MessageBoard> {
        &self.board
    }

    /// Sends a message, and waits while too many others wait to be written. One to a server that
    /// has ended is lost, which the board says.
    pub(super) async fn send(&self, message: String) {
        let _ = self.outgoing.send(message).await;
    }

    /// Sends a message unless too many others wait to be written.
    pub(super) fn try_send(&self, message: String) {
        let _ = self.outgoing.try_send(message);
    }

    /// Closes the server's input and waits for its end. One that stays gets SIGTERM, then SIGKILL.
    pub(super) async fn close(self) {
        let Self {
            outgoing,
            closing,
            keeper,
            writer,
            ..
        } = self;
        drop(outgoing);
        let _ = closing.send(()); // It may have ended by itself.
        let _ = keeper.await;
        // A server that read nothing may have left it waiting.
        writer.abort();
    }
}

/// Writes messages to a server, and closes its input after the last one.
async fn write_lines(mut stdin: Sender, mut queue: mpsc::Receiver<String>) {
    while let Some(mut line) = queue.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return; // It has ended, as whoever reads its output finds out.
        }
    }
}

async fn read_stderr(mut stderr: Receiver, board: Arc<MessageBoard>) {
    let mut buffer = vec![0; READ];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        board.take_stderr(&buffer[..read]);
    }
}

/// Reads what a server says until it ends or is to be ended.
struct ServerKeeper {
    /// Ends, with all that the server has started, when this is dropped.
    _guard: ChildGuard,
    child: GuardedChild,
    stdout: Option<Receiver>,
    board: Arc<MessageBoard>,
    replies: mpsc::WeakSender<String>,
    /// Reads its standard error.
    stderr: JoinHandle<()>,
}

impl ServerKeeper {
    async fn keep(mut self, mut is_closing: oneshot::Receiver<()>) {
        let mut buffer = vec![0; READ];
        let mut lines = LineSplitter::default();
        let reason = loop {
            tokio::select! {
                read = read(&mut self.stdout, &mut buffer) => {
                    if read == 0 {
                        let ended = timeout(AFTER_END, self.child.wait()).await;
                        break ended.map_or("it closed its output".to_owned(), |ended| in_words(&ended));
                    }
                    if self.take(&mut lines, &buffer[..read]).is_err() {
                        break "it sent a line of more than 16 MB".to_owned();
                    }
                }
                ended = self.child.wait() => {
                    let _ = timeout(AFTER_END, self.read_rest(&mut lines, &mut buffer)).await;
                    break in_words(&ended);
                }
                _ = &mut is_closing => {
                    self.end_child(&mut buffer).await;
                    break "it was stopped".to_owned();
                }
            }
        };
        // The last lines may say why it ended.
        let _ = timeout(LAST_STDERR, self.stderr).await;
        self.board.end(&reason);
    }

    /// Reads bytes of its output.
    fn take(&mut self, lines: &mut LineSplitter, bytes: &[u8]) -> Result<(), ()> {
        let mut replies = Vec::new();
        let taken = lines.push(bytes, |line| replies.extend(self.board.take(line)));
        if let Some(sender) = self.replies.upgrade() {
            for reply in replies {
                // A server that asks and reads no answers gets no more of them.
                let _ = sender.try_send(reply);
            }
        }
        taken.map_err(|_| ())
    }

    async fn read_rest(&mut self, lines: &mut LineSplitter, buffer: &mut [u8]) {
        loop {
            let read = read(&mut self.stdout, buffer).await;
            if read == 0 || self.take(lines, &buffer[..read]).is_err() {
                return;
            }
        }
    }

    /// Waits for the end of a server whose input is closed, and enforces it. What it still prints
    /// is read, so that it does not wait for that.
    async fn end_child(&mut self, buffer: &mut [u8]) {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let deadline = sleep(GRACE);
            tokio::pin!(deadline);
            loop {
                tokio::select! {
                    _ = self.child.wait() => return,
                    read = read(&mut self.stdout, buffer), if self.stdout.is_some() => {
                        if read == 0 {
                            self.stdout = None;
                        }
                    }
                    () = &mut deadline => break,
                }
            }
            self.child.signal(signal);
        }
        let _ = timeout(AFTER_END, self.child.wait()).await;
    }
}

/// Reads available bytes; 0 at the end or on an error.
async fn read(stdout: &mut Option<Receiver>, buffer: &mut [u8]) -> usize {
    match stdout {
        Some(stdout) => stdout.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

fn in_words(ended: &io::Result<std::process::ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Ok(status) = ended else {
        return "its exit status is not known".to_owned();
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with code {code}"),
        (None, signal) => format!("it was killed by signal {}", signal.unwrap_or(0)),
    }
}
