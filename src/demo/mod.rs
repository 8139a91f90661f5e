//! The scripted endpoint: Langdock's Anthropic Messages API on loopback, with answers from a script
//! instead of a model.
//!
//! It checks requests as strictly as the real one and streams as it does, so that scripts can be
//! written and tried without a key. It shares no type of the protocol with the client: a mistake of
//! the client's cannot be made again on this side and pass. What kind of file a picture is, both
//! ask `media`.

mod ask;
mod attachment;
mod body;
mod check;
mod delivery;
mod fault;
mod fingerprint;
mod head;
mod limit;
mod model_rules;
mod models;
mod prompt_cache;
mod record;
mod recorded_service;
mod refusal;
mod reply;
mod script;
mod service;
mod signature;
#[cfg(test)]
mod tests;
mod tokens;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::body::ScriptedBody;
pub(crate) use self::delivery::DeliveryPace;
pub(crate) use self::fault::FaultRates;
pub(crate) use self::limit::DemoLimits;
pub(crate) use self::record::AccessLog;
use self::recorded_service::RecordedService;
pub(crate) use self::recorded_service::ReplaySettings;
use self::service::DemoService;

/// How the endpoint behaves.
#[derive(Clone, Default)]
pub(crate) struct DemoSettings {
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
    /// The one key that is accepted; without it any key is that is not empty.
    pub(crate) key: Option<String>,
    /// Whether every region is served: a user who tries the program out has settings for the real
    /// endpoint.
    pub(crate) is_open: bool,
    /// What a key may ask of a model in a minute.
    pub(crate) limits: DemoLimits,
    /// How fast answers are.
    pub(crate) pace: DeliveryPace,
    /// What goes wrong on purpose.
    pub(crate) faults: FaultRates,
    /// What the faults are dealt out by.
    pub(crate) seed: u64,
    /// Receives a line of JSON for each finished request.
    pub(crate) log: Option<AccessLog>,
}

/// What answers the requests.
enum EndpointService {
    /// The script.
    Scripted(Box<DemoService>),
    /// A record.
    Recorded(RecordedService),
}

impl EndpointService {
    /// Answers a request; the error closes its connection.
    async fn answer_request(
        &self,
        request: Request<Incoming>,
    ) -> io::Result<Response<ScriptedBody>> {
        match self {
            Self::Scripted(service) => Ok(service.answer_request(request).await),
            Self::Recorded(service) => service.answer_request(request).await,
        }
    }
}

/// A running endpoint; dropping it ends it and its connections.
pub(crate) struct ScriptedEndpoint {
    address: SocketAddr,
    drain: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl ScriptedEndpoint {
    /// Listens on loopback and answers until the endpoint is dropped; the runtime that calls it
    /// does the work.
    pub(crate) async fn start(settings: DemoSettings) -> io::Result<Self> {
        let port = settings.port;
        Self::listen(port, |draining| {
            EndpointService::Scripted(Box::new(DemoService::new(settings, draining)))
        })
        .await
    }

    /// The same with the answers of a record.
    pub(crate) async fn start_replay(port: u16, settings: ReplaySettings) -> io::Result<Self> {
        Self::listen(port, |draining| {
            EndpointService::Recorded(RecordedService::new(settings, draining))
        })
        .await
    }

    async fn listen(
        port: u16,
        service: impl FnOnce(watch::Receiver<bool>) -> EndpointService,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (drain, draining) = watch::channel(false);
        let service = Arc::new(service(draining.clone()));
        let accepting = tokio::spawn(accept_connections(listener, service, draining));
        Ok(Self {
            address,
            drain,
            accepting,
        })
    }

    /// Returns the address to talk to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, and waits until the requests under way have been answered.
    pub(crate) async fn drain_connections(mut self) {
        self.drain.send_replace(true);
        // It does not panic, and nobody else ends it.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for ScriptedEndpoint {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts connections until the endpoint drains, and then waits for their end; they end with it,
/// if it is dropped.
async fn accept_connections(
    listener: TcpListener,
    service: Arc<EndpointService>,
    draining: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut drains = draining.clone();
    loop {
        tokio::select! {
            // However many clients knock, the door is shut when it is time.
            biased;
            () = wait_for_drain(&mut drains) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = Arc::clone(&service);
                    connections.spawn(serve_connection(stream, service, draining.clone()));
                }
                // Out of files, or a client that left again: the next one may fare better.
                Err(_) => tokio::task::yield_now().await,
            },
            // Only takes ended connections out of the set.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until the endpoint drains, or is gone.
async fn wait_for_drain(draining: &mut watch::Receiver<bool>) {
    let _ = draining.wait_for(|draining| *draining).await;
}

/// Answers the requests of a connection; while the endpoint drains, those that have begun.
async fn serve_connection(
    stream: TcpStream,
    service: Arc<EndpointService>,
    mut draining: watch::Receiver<bool>,
) {
    // Each piece shall leave at once; where that cannot be had, it only leaves later.
    let _ = stream.set_nodelay(true);
    let has_asked = AtomicBool::new(false);
    let answer = service_fn(|request| {
        has_asked.store(true, Ordering::Relaxed);
        service.answer_request(request)
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    // What ends a connection early is the client's business, and it sees it on its side.
    tokio::select! {
        // A request that came before the signal is begun.
        biased;
        _ = connection.as_mut() => return,
        () = wait_for_drain(&mut draining) => {}
    }
    // A connection that nothing was asked on would be waited for: hyper takes it for one whose
    // request is under way.
    if has_asked.load(Ordering::Relaxed) {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
