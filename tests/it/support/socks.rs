//! A SOCKS5 proxy (RFC 1928, RFC 1929) for one connection, which always leads to the same server.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

/// What the proxy was asked.
#[derive(Debug, Default)]
pub(crate) struct SocksRequest {
    /// Host and port.
    pub(crate) target: String,
    /// User name and password with a colon between them; empty without a login.
    pub(crate) login: String,
}

/// A proxy that serves one connection.
pub(crate) struct SocksProxy {
    address: SocketAddr,
    served: JoinHandle<io::Result<SocksRequest>>,
}

impl SocksProxy {
    /// Starts a proxy that connects to this address, whatever it is asked for.
    pub(crate) fn to(origin: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback is free");
        let address = listener.local_addr().expect("the listener has an address");
        let served = thread::spawn(move || serve(&listener.accept()?.0, origin));
        Self { address, served }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked, once the connection has ended.
    pub(crate) fn asked(self) -> SocksRequest {
        self.served
            .join()
            .expect("the proxy's thread does not panic")
            .expect("the client speaks SOCKS")
    }
}

fn serve(mut client: &TcpStream, origin: SocketAddr) -> io::Result<SocksRequest> {
    let mut asked = SocksRequest::default();
    let [version, count] = read(client)?;
    assert_eq!(version, 5);
    let methods = read_exact(client, count.into())?;
    let with_login = 2;
    let method = if methods.contains(&with_login) {
        with_login
    } else {
        0
    };
    client.write_all(&[5, method])?;
    if method == with_login {
        let [_version, length] = read(client)?;
        let user = read_exact(client, length.into())?;
        let [length] = read(client)?;
        let password = read_exact(client, length.into())?;
        asked.login = [user, b":".to_vec(), password]
            .concat()
            .iter()
            .map(|&byte| char::from(byte))
            .collect();
        client.write_all(&[1, 0])?;
    }
    let [version, command, _reserved, kind] = read(client)?;
    assert_eq!((version, command), (5, 1), "a request to connect");
    let host = match kind {
        1 => std::net::Ipv4Addr::from(read::<4>(client)?).to_string(),
        3 => {
            let [length] = read(client)?;
            String::from_utf8_lossy(&read_exact(client, length.into())?).into_owned()
        }
        other => panic!("an address of type {other}"),
    };
    asked.target = format!("{host}:{}", u16::from_be_bytes(read(client)?));
    let server = TcpStream::connect(origin)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let forth = thread::spawn(move || io::copy(&mut from_client, &mut to_server));
    let _ = io::copy(&mut &server, &mut client); // Either side may close first.
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = forth.join();
    Ok(asked)
}

fn read<const N: usize>(mut stream: &TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_exact(mut stream: &TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
