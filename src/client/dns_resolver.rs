//! Name resolution on a thread of its own. The runtime's blocking pool would do, but it panics if
//! the system refuses a thread; here that is a failed look-up like any other.

use std::net::{SocketAddr, ToSocketAddrs};
use std::{io, thread, vec};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// The system's way to look up names.
#[derive(Debug)]
pub(super) struct DnsResolver;

impl Resolve for DnsResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(look_up(name.as_str().to_owned(), 0).await?) as Addrs) })
    }
}

/// Looks up the addresses of a host.
pub(super) async fn look_up(host: String, port: u16) -> io::Result<vec::IntoIter<SocketAddr>> {
    let (done, found) = oneshot::channel();
    thread::Builder::new()
        .name("names".to_owned())
        .spawn(move || {
            // Sending fails if the call has ended and nobody waits for the addresses.
            let _ = done.send((host.as_str(), port).to_socket_addrs());
        })?;
    found.await.map_err(io::Error::other)?
}
