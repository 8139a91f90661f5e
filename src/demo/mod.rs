//! The scripted endpoint: Langdock's Anthropic Messages API on loopback, with answers from a script instead of a model.
//!
//! It checks requests as strictly as the real one and streams as it does, so that scripts can be written and tried
//! without a key. It shares no type with the client: a mistake of the client's cannot be made again on this side and pass.

mod ask;
mod attachment;
mod body;
mod check;
mod models;
mod refusal;
mod reply;
mod script;
mod service;
mod signature;
#[cfg(test)]
mod tests;
mod tokens;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use self::service::Service;

/// How the endpoint behaves.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
    /// The one key that is accepted; without it any key is that is not empty.
    pub(crate) key: Option<String>,
    /// The pause before each streamed piece of content.
    pub(crate) token_delay: Duration,
}

/// A running endpoint; dropping it ends it and its connections.
pub(crate) struct Endpoint {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Endpoint {
    /// Listens on loopback and answers until the endpoint is dropped; the runtime that calls it does the work.
    pub(crate) async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::new(Service::new(settings))));
        Ok(Self { address, accepting })
    }

    /// Returns the address to talk to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts connections for as long as it is polled; they end with it.
async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&service)));
                }
                // Out of files, or a client that left again: the next one may fare better.
                Err(_) => tokio::task::yield_now().await,
            },
            // Only takes ended connections out of the set.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>) {
    // Each piece shall leave at once; where that cannot be had, it only leaves later.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| async { Ok::<_, Infallible>(service.answer(request).await) });
    // What ends a connection early is the client's business, and it sees it on its side.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}
