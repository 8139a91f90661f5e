//! The scripted endpoint: Langdock's Anthropic Messages API on loopback, with answers from a script
//! instead of a model.
//!
//! It checks requests as strictly as the real endpoint and streams the same way, so that scripts
//! can be written and tried without a key. It shares no protocol types with the client, so that a
//! mistake of the client's cannot be repeated here and go unnoticed. Only image types are detected
//! by shared code, in `media`.

mod ask;
mod attachment;
mod body;
mod check;
mod delivery;
mod fault;
mod fingerprint;
mod head;
#[cfg(test)]
mod in_process;
#[cfg(any(test, feature = "internals"))]
mod judge;
mod limit;
mod model_rules;
mod models;
mod patient_stream;
mod prompt_cache;
mod record;
mod recorded_service;
mod refusal;
mod reply;
mod script;
mod server_room;
mod service;
mod signature;
#[cfg(test)]
mod tests;
mod tokens;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::body::ScriptedBody;
pub(crate) use self::delivery::DeliveryPace;
pub(crate) use self::fault::FaultRates;
#[cfg(feature = "internals")]
pub(crate) use self::judge::refusal_of;
#[cfg(test)]
pub(crate) use self::judge::{JudgedRequest, judge_request};
pub(crate) use self::limit::DemoLimits;
pub(crate) use self::models::{REGIONS, model_ids};
use self::patient_stream::PatientStream;
pub(crate) use self::record::AccessLog;
use self::recorded_service::RecordedService;
pub(crate) use self::recorded_service::ReplaySettings;
use self::server_room::{ACCEPT_BACK_OFF, DEFAULT_PATIENCE, MAX_CONNECTIONS, MAX_HEAD_BYTES};
use self::service::DemoService;
#[cfg(test)]
pub(crate) use in_process::InProcessEndpoint;

/// The endpoint's configuration.
#[derive(Clone)]
pub(crate) struct DemoSettings {
    /// The port; 0 picks a free one.
    pub(crate) port: u16,
    /// The only key that is accepted; `None` accepts any non-empty key.
    pub(crate) key: Option<String>,
    /// Whether any region is accepted, because users who try the program out have settings for the
    /// real endpoint.
    pub(crate) is_open: bool,
    /// The limits per minute of each key and model.
    pub(crate) limits: DemoLimits,
    /// The speed of answers.
    pub(crate) pace: DeliveryPace,
    /// Deliberate faults.
    pub(crate) faults: FaultRates,
    /// The seed for dealing out the faults.
    pub(crate) seed: u64,
    /// Receives a line of JSON for each finished request.
    pub(crate) log: Option<AccessLog>,
    /// How long a client is waited for that has sent half a request, or does not read its answer.
    pub(crate) patience: Duration,
    /// The most connections; others wait in the system's queue.
    pub(crate) max_connections: usize,
}

impl Default for DemoSettings {
    fn default() -> Self {
        Self {
            port: 0,
            key: None,
            is_open: false,
            limits: DemoLimits::default(),
            pace: DeliveryPace::default(),
            faults: FaultRates::default(),
            seed: 0,
            log: None,
            patience: DEFAULT_PATIENCE,
            max_connections: MAX_CONNECTIONS,
        }
    }
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

/// A running endpoint; dropping it closes it and its connections.
pub(crate) struct ScriptedEndpoint {
    address: SocketAddr,
    drain: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl ScriptedEndpoint {
    /// Listens on loopback and serves requests until the endpoint is dropped; the work is done on
    /// the caller's runtime.
    pub(crate) async fn start(settings: DemoSettings) -> io::Result<Self> {
        let (port, patience) = (settings.port, settings.patience);
        let most = settings.max_connections;
        Self::listen(port, patience, most, |draining| {
            EndpointService::Scripted(Box::new(DemoService::new(settings, draining)))
        })
        .await
    }

    /// The same with the answers of a record.
    pub(crate) async fn start_replay(port: u16, settings: ReplaySettings) -> io::Result<Self> {
        Self::listen(port, DEFAULT_PATIENCE, MAX_CONNECTIONS, |draining| {
            EndpointService::Recorded(RecordedService::new(settings, draining))
        })
        .await
    }

    async fn listen(
        port: u16,
        patience: Duration,
        most: usize,
        service: impl FnOnce(watch::Receiver<bool>) -> EndpointService,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (drain, draining) = watch::channel(false);
        let service = Arc::new(service(draining.clone()));
        let accepting = accept_connections(listener, service, draining, patience, most);
        let accepting = tokio::spawn(accepting);
        Ok(Self {
            address,
            drain,
            accepting,
        })
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting connections and waits until pending requests have been answered.
    pub(crate) async fn drain_connections(mut self) {
        self.drain.send_replace(true);
        // The task does not panic, and nothing else aborts it.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for ScriptedEndpoint {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts connections, `most` at a time, until the endpoint drains and then waits for them to end;
/// if dropped, it closes them.
async fn accept_connections(
    listener: TcpListener,
    service: Arc<EndpointService>,
    draining: watch::Receiver<bool>,
    patience: Duration,
    most: usize,
) {
    let mut connections = JoinSet::new();
    let mut drains = draining.clone();
    loop {
        tokio::select! {
            // Stop accepting right away, however many clients are connecting.
            biased;
            () = wait_for_drain(&mut drains) => break,
            accepted = listener.accept(), if connections.len() < most => match accepted {
                Ok((stream, _)) => {
                    let (stream, service) = (PatientStream::new(stream, patience), Arc::clone(&service));
                    connections.spawn(serve_connection(stream, service, draining.clone(), patience));
                }
                Err(error) => {
                    let pause = pause_after(&error);
                    let _ = tokio::time::timeout(pause, wait_for_drain(&mut drains)).await;
                }
            },
            // Reaps finished connections.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Returns how long no connection is accepted after one could not be. A client that has hung up
/// keeps nobody waiting; where the system has no descriptors left, the same client is still
/// waiting, and the next accept would fail at once.
fn pause_after(error: &io::Error) -> Duration {
    match error.kind() {
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {
            Duration::ZERO
        }
        _ => ACCEPT_BACK_OFF,
    }
}

/// Waits until the endpoint drains or is dropped.
async fn wait_for_drain(draining: &mut watch::Receiver<bool>) {
    let _ = draining.wait_for(|draining| *draining).await;
}

/// Serves a connection; once the endpoint drains, only the requests that have begun.
async fn serve_connection(
    stream: PatientStream,
    service: Arc<EndpointService>,
    mut draining: watch::Receiver<bool>,
    patience: Duration,
) {
    let has_asked = AtomicBool::new(false);
    let answer = service_fn(|request| {
        has_asked.store(true, Ordering::Relaxed);
        service.answer_request(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), answer));
    // Connection errors are ignored: the client sees them on its side.
    tokio::select! {
        // A request that arrived before the signal counts as begun.
        biased;
        _ = connection.as_mut() => return,
        () = wait_for_drain(&mut draining) => {}
    }
    // Do not wait for a connection without any request: hyper would treat it as if one were
    // pending.
    if has_asked.load(Ordering::Relaxed) {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
