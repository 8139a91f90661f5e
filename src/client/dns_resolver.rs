//! Name resolution on a thread of its own. The runtime's blocking pool would do, but it panics if
//! the system refuses a thread; here that is a failed look-up like any other.

use std::net::ToSocketAddrs;
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// The system's way to look up names.
#[derive(Debug)]
pub(super) struct DnsResolver;

impl Resolve for DnsResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let (done, found) = oneshot::channel();
            thread::Builder::new()
                .name("names".to_owned())
                .spawn(move || {
                    // Sending fails if the call has ended and nobody waits for the addresses.
                    let _ = done.send((name.as_str(), 0).to_socket_addrs());
                })?;
            Ok(Box::new(found.await??) as Addrs)
        })
    }
}
