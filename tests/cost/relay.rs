//! The minimum that a client must do: it sends a request, then reads the socket and writes
//! everything to standard output. The delay of a delta through it is that of the machine.
//!
//!     relay HOST:PORT PATH

#![forbid(unsafe_code)]

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().collect();
    let [_, address, path] = arguments.as_slice() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let stream = TcpStream::connect(address)?;
    let request = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    (&stream).write_all(request.as_bytes())?;
    // This makes the server close the connection after its answer.
    stream.shutdown(Shutdown::Write)?;
    // `File` uses plain read(2) and write(2), without buffering.
    let mut socket = File::from(OwnedFd::from(stream));
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut buffer = [0; 64 * 1024];
    loop {
        match socket.read(&mut buffer)? {
            0 => return Ok(()),
            length => out.write_all(&buffer[..length])?,
        }
    }
}
