//! One accepted connection, plain or TLS, and the parsing of requests from it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::request::Request;

/// A connection and the bytes read from it that have not been used yet.
pub(super) struct Wire {
    stream: Stream,
    pending: Vec<u8>,
}

/// The transport.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// Takes over an accepted connection.
    pub(super) fn plain(tcp: TcpStream) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        Ok(Self {
            stream: Stream::Plain(tcp),
            pending: vec![],
        })
    }

    /// Takes over an accepted connection and performs the TLS handshake.
    pub(super) fn tls(mut tcp: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let (read, written) = tls.complete_io(&mut tcp)?;
            if read == 0 && written == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self {
            stream: Stream::Tls(Box::new(StreamOwned::new(tls, tcp))),
            pending: vec![],
        })
    }

    /// Reads the next request; `None` if the client closes the connection first.
    pub(super) fn next_request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.read_head()? else {
            return Ok(None);
        };
        let mut request = Request::from_head(&head).ok_or(ErrorKind::InvalidData)?;
        if request
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            request.body = self.read_chunks()?;
        } else if let Some(length) = request.header("content-length") {
            let length = length.parse().map_err(|_| ErrorKind::InvalidData)?;
            request.body = self.take(length)?;
        }
        Ok(Some(request))
    }

    /// Writes and flushes all bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Waits until the client has closed its side.
    pub(super) fn wait_for_hang_up(&mut self) {
        let mut ignored = [0; 1024];
        while matches!(self.stream.read(&mut ignored), Ok(n) if n > 0) {}
    }

    /// Closes the connection properly.
    pub(super) fn close(mut self) {
        if let Stream::Tls(tls) = &mut self.stream {
            tls.conn.send_close_notify();
            // The client may already have disconnected.
            let _ = tls.flush();
        }
        let _ = self.tcp().shutdown(Shutdown::Both);
    }

    /// Aborts the connection: the client gets a reset.
    pub(super) fn reset(self) {
        socket2::SockRef::from(self.tcp())
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// Copies everything to `address` and back until one side closes.
    pub(super) fn tunnel(self, address: SocketAddr) -> io::Result<()> {
        let there = TcpStream::connect(address)?;
        (&there).write_all(&self.pending)?;
        let (mut from_client, mut to_server) = (self.tcp().try_clone()?, there.try_clone()?);
        let upwards = thread::spawn(move || {
            // An aborted connection is passed on as a normal close.
            let _ = io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &there, &mut self.tcp());
        let _ = self.tcp().shutdown(Shutdown::Both);
        upwards
            .join()
            .map_err(|_| io::Error::other("the tunnel broke"))
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &tls.sock,
        }
    }

    /// Reads up to and including the empty line.
    fn read_head(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self
                .pending
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                return self.take(end + 4).map(Some);
            }
            match self.fill() {
                Err(error)
                    if error.kind() == ErrorKind::UnexpectedEof && self.pending.is_empty() =>
                {
                    return Ok(None);
                }
                outcome => outcome?,
            }
        }
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = vec![];
        loop {
            let line = loop {
                if let Some(end) = self.pending.windows(2).position(|window| window == b"\r\n") {
                    break self.take(end + 2)?;
                }
                self.fill()?;
            };
            let size = String::from_utf8_lossy(&line);
            let size =
                usize::from_str_radix(size.trim(), 16).map_err(|_| ErrorKind::InvalidData)?;
            let chunk = self.take(size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Reads exactly `n` bytes.
    fn take(&mut self, n: usize) -> io::Result<Vec<u8>> {
        while self.pending.len() < n {
            self.fill()?;
        }
        Ok(self.pending.drain(..n).collect())
    }

    /// Reads more bytes into the buffer.
    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            n => {
                self.pending.extend_from_slice(&piece[..n]);
                Ok(())
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
