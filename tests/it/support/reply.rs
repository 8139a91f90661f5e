//! What the scripted server does on the socket after a request, step by step.

use std::{fmt::Display, io, net::SocketAddr, thread, time::Duration};

use serde_json::Value;

use super::{gate::Gate, wire::Wire};

/// A reply: status and headers, a framing, and the steps that follow.
#[must_use = "a script returns it"]
pub(crate) struct Reply {
    head: Option<Head>,
    head_gate: Option<Gate>,
    framing: Framing,
    piece: Option<usize>,
    steps: Vec<Step>,
}

/// Status and headers.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// How the end of the body is marked.
#[derive(Clone, Copy, PartialEq)]
enum Framing {
    Length,
    Chunked,
    UntilClose,
    /// Not at all: the reply is raw bytes.
    None,
}

/// One action on the socket.
enum Step {
    Write(Vec<u8>),
    WriteUnframed(Vec<u8>),
    Repeat(Vec<u8>, usize),
    Drip(Vec<u8>),
    Wait(Gate),
    WaitForHangUp,
    Close,
    Reset,
    Tunnel(SocketAddr),
}

/// The state of a connection after a reply.
pub(super) enum After {
    /// Ready for the next request.
    KeepAlive(Wire),
    /// The server closed it.
    Ended,
    /// The client disconnected before the reply was complete.
    HungUp,
}

impl Reply {
    /// Begins a reply with this status; its body has a `content-length` unless another framing is
    /// set.
    pub(crate) fn status(status: u16) -> Self {
        Self::blank(
            Some(Head {
                status,
                headers: vec![],
            }),
            Framing::Length,
        )
    }

    /// Answers with a JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Answers 200 with a complete event stream.
    pub(crate) fn sse(body: impl AsRef<[u8]>) -> Self {
        Self::sse_start().body(body)
    }

    /// Begins a chunked event stream, whose body is written in steps.
    pub(crate) fn sse_start() -> Self {
        Self::status(200)
            .header("content-type", "text/event-stream; charset=utf-8")
            .chunked()
    }

    /// Begins a reply without status or headers: the client gets exactly what is written.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::blank(None, Framing::None).unframed(bytes)
    }

    /// Sends nothing until the client gives up.
    pub(crate) fn never() -> Self {
        Self::blank(None, Framing::None).wait_for_hang_up()
    }

    /// Closes the connection without a reply.
    pub(crate) fn hang_up() -> Self {
        Self::blank(None, Framing::None).close()
    }

    /// Accepts a `CONNECT` and tunnels it to this address.
    pub(crate) fn tunnel_to(address: SocketAddr) -> Self {
        Self::raw("HTTP/1.1 200 Connection established\r\n\r\n").step(Step::Tunnel(address))
    }

    /// Adds a header; a `content-length` is sent unchanged, correct or not.
    pub(crate) fn header(mut self, name: &str, value: impl Display) -> Self {
        let head = self
            .head
            .as_mut()
            .expect("a raw reply has its headers in its bytes");
        head.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sends the body in chunks, one per write or piece.
    pub(crate) fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Sends the body without a length, and closes the connection after it.
    pub(crate) fn until_close(mut self) -> Self {
        self.framing = Framing::UntilClose;
        self
    }

    /// Splits all writes into pieces of `n` bytes, each flushed and, if the body is chunked, in a
    /// chunk of its own.
    pub(crate) fn in_pieces_of(mut self, n: usize) -> Self {
        self.piece = Some(n);
        self
    }

    /// Waits for this gate before the status is sent.
    pub(crate) fn hold_head(mut self, gate: &Gate) -> Self {
        self.head_gate = Some(gate.clone());
        self
    }

    /// Writes a part of the body.
    pub(crate) fn body(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Write(bytes.as_ref().to_vec()))
    }

    /// Writes bytes outside of the framing, such as an incomplete chunk.
    pub(crate) fn unframed(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::WriteUnframed(bytes.as_ref().to_vec()))
    }

    /// Writes a part of the body this many times, without holding all of it in memory.
    pub(crate) fn repeat(self, bytes: impl AsRef<[u8]>, times: usize) -> Self {
        self.step(Step::Repeat(bytes.as_ref().to_vec(), times))
    }

    /// Writes these bytes outside of the framing over and over, slowly and one at a time, until the
    /// client disconnects.
    pub(crate) fn drip(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Drip(bytes.as_ref().to_vec()))
    }

    /// Waits until the test opens this gate.
    pub(crate) fn wait(self, gate: &Gate) -> Self {
        self.step(Step::Wait(gate.clone()))
    }

    /// Waits until the client disconnects.
    pub(crate) fn wait_for_hang_up(self) -> Self {
        self.step(Step::WaitForHangUp)
    }

    /// Closes the connection properly, possibly in the middle of the body.
    pub(crate) fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Resets the connection here.
    pub(crate) fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    fn blank(head: Option<Head>, framing: Framing) -> Self {
        Self {
            head,
            head_gate: None,
            framing,
            piece: None,
            steps: vec![],
        }
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Runs all steps.
    pub(super) fn play(self, wire: Wire) -> After {
        self.try_play(wire).unwrap_or(After::HungUp)
    }

    fn try_play(self, mut wire: Wire) -> io::Result<After> {
        if let Some(gate) = &self.head_gate {
            gate.pass();
        }
        if let Some(head) = &self.head {
            wire.send(self.head_text(head).as_bytes())?;
        }
        for step in &self.steps {
            match step {
                Step::Write(bytes) => self.write(bytes, &mut wire)?,
                Step::WriteUnframed(bytes) => {
                    self.pieces(bytes).try_for_each(|piece| wire.send(piece))?;
                }
                Step::Repeat(bytes, times) => {
                    (0..*times).try_for_each(|_| self.write(bytes, &mut wire))?;
                }
                Step::Drip(bytes) => {
                    // This pause is a part of the reply: no test depends on its length.
                    for byte in bytes.iter().cycle() {
                        wire.send(&[*byte])?;
                        thread::sleep(Duration::from_millis(5));
                    }
                }
                Step::Wait(gate) => gate.pass(),
                Step::WaitForHangUp => {
                    wire.wait_for_hang_up();
                    return Ok(After::HungUp);
                }
                Step::Close => {
                    wire.close();
                    return Ok(After::Ended);
                }
                Step::Reset => {
                    wire.reset();
                    return Ok(After::Ended);
                }
                Step::Tunnel(address) => return wire.tunnel(*address).map(|()| After::Ended),
            }
        }
        if self.framing == Framing::Chunked {
            wire.send(b"0\r\n\r\n")?;
        }
        if self.closes() {
            wire.close();
            return Ok(After::Ended);
        }
        Ok(After::KeepAlive(wire))
    }

    fn write(&self, bytes: &[u8], wire: &mut Wire) -> io::Result<()> {
        for piece in self.pieces(bytes) {
            if self.framing == Framing::Chunked {
                let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                chunk.extend_from_slice(piece);
                chunk.extend_from_slice(b"\r\n");
                wire.send(&chunk)?;
            } else {
                wire.send(piece)?;
            }
        }
        Ok(())
    }

    fn pieces<'a>(&self, bytes: &'a [u8]) -> std::slice::Chunks<'a, u8> {
        bytes.chunks(self.piece.unwrap_or(bytes.len()).max(1))
    }

    fn head_text(&self, head: &Head) -> String {
        let mut text = format!("HTTP/1.1 {} Scripted\r\n", head.status);
        for (name, value) in &head.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        match self.framing {
            Framing::Chunked => text += "transfer-encoding: chunked\r\n",
            Framing::Length if !head.has("content-length") => {
                text.extend(["content-length: ", &self.body_length().to_string(), "\r\n"]);
            }
            Framing::Length | Framing::UntilClose | Framing::None => (),
        }
        text + "\r\n"
    }

    fn body_length(&self) -> usize {
        let length = |step: &Step| match step {
            Step::Write(bytes) => bytes.len(),
            Step::Repeat(bytes, times) => bytes.len() * times,
            _ => 0,
        };
        self.steps.iter().map(length).sum()
    }

    /// Returns whether the server closes the connection after the reply.
    fn closes(&self) -> bool {
        matches!(self.framing, Framing::UntilClose | Framing::None)
            || self
                .head
                .as_ref()
                .is_some_and(|head| head.has("connection"))
    }
}

impl Head {
    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}
