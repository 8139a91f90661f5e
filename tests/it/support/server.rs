//! A server on loopback that answers according to a script and records the requests.
//!
//! It uses plain sockets and threads, so that a script can do to a client what no well-behaved
//! server would: truncate a body anywhere, stall, disconnect, reset. With a script that answers
//! `CONNECT`, it is a proxy.

use std::{
    any::Any,
    fmt::Display,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustls::ServerConfig;
use socket2::{Domain, Socket, Type};

use super::{
    DEADLINE,
    reply::{After, Reply},
    request::Request,
    tls::TlsCertificate,
    wire::Wire,
};

/// A scripted server, which stops when dropped.
///
/// If a script panics or a client does not speak HTTP, the test fails when the server is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

/// The state shared by the test and the server's threads.
struct Shared {
    script: Script,
    tls: Option<Arc<ServerConfig>>,
    stopped: AtomicBool,
    log: Mutex<Log>,
    logged: Condvar,
}

/// Maps a request and its number to the reply.
type Script = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// What has happened so far.
#[derive(Default)]
struct Log {
    connections: usize,
    failed_handshakes: usize,
    requests: Vec<Request>,
    under_way: usize,
    most_under_way: usize,
    hang_ups: usize,
    failures: Vec<String>,
}

impl Server {
    /// Starts a server; `script` gets each request and its number, starting from 0.
    pub(crate) fn start(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Box::new(script), None)
    }

    /// Starts a TLS server with this certificate.
    pub(crate) fn start_tls(
        script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
        certificate: &TlsCertificate,
    ) -> Self {
        Self::listen(Box::new(script), Some(Arc::clone(&certificate.config)))
    }

    fn listen(script: Script, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (stopped, log, logged) = (AtomicBool::new(false), Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared {
            script,
            tls,
            stopped,
            log,
            logged,
        });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &theirs));
        Self {
            address,
            scheme,
            shared,
        }
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its root URL, such as `http://127.0.0.1:4711`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns the base URL for the program, with a placeholder for the region.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/anthropic/{{region}}", self.url())
    }

    /// Returns the requests received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap().requests.clone()
    }

    /// Returns the only request; panics if there is not exactly one.
    #[track_caller]
    pub(crate) fn only_request(&self) -> Request {
        let mut requests = self.requests();
        assert!(requests.len() == 1, "expected one request: {requests:#?}");
        requests.remove(0)
    }

    /// Returns how many connections it accepted.
    pub(crate) fn connections(&self) -> usize {
        self.shared.log.lock().unwrap().connections
    }

    /// Returns the maximum number of concurrent requests.
    pub(crate) fn most_under_way(&self) -> usize {
        self.shared.log.lock().unwrap().most_under_way
    }

    /// Waits until `n` requests have been received, and returns them.
    #[track_caller]
    pub(crate) fn wait_for_requests(&self, n: usize) -> Vec<Request> {
        self.wait_until(&format!("{n} requests"), |log| log.requests.len() >= n);
        self.requests()
    }

    /// Waits until `n` clients have disconnected before their reply was complete.
    #[track_caller]
    pub(crate) fn wait_for_hang_ups(&self, n: usize) {
        self.wait_until(&format!("{n} hang-ups"), |log| log.hang_ups >= n);
    }

    /// Waits until `n` clients have aborted the TLS handshake.
    #[track_caller]
    pub(crate) fn wait_for_failed_handshakes(&self, n: usize) {
        self.wait_until(&format!("{n} failed handshakes"), |log| {
            log.failed_handshakes >= n
        });
    }

    #[track_caller]
    fn wait_until(&self, what: &str, done: impl Fn(&Log) -> bool) {
        let log = self.shared.log.lock().unwrap();
        let (log, _) = self
            .shared
            .logged
            .wait_timeout_while(log, DEADLINE, |log| !done(log))
            .unwrap();
        assert!(
            done(&log),
            "expected {what} within {DEADLINE:?}, had: {:#?}",
            log.requests
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, so that it sees the flag and releases the port.
        drop(TcpStream::connect(self.address));
        let log = self
            .shared
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            thread::panicking() || log.failures.is_empty(),
            "the scripted server failed: {}",
            log.failures.join("; ")
        );
    }
}

impl Shared {
    fn note(&self, what: impl FnOnce(&mut Log)) {
        what(&mut self.log.lock().unwrap());
        self.logged.notify_all();
    }

    fn fail(&self, why: impl Display) {
        self.note(|log| log.failures.push(why.to_string()));
    }

    /// Records a request and returns the script's reply.
    fn answer(&self, request: &Request) -> Reply {
        let mut log = self.log.lock().unwrap();
        let nth = log.requests.len();
        log.requests.push(request.clone());
        log.under_way += 1;
        log.most_under_way = log.most_under_way.max(log.under_way);
        drop(log);
        self.logged.notify_all();
        // The failure is recorded before the client can see the end, so before the test can end.
        catch_unwind(AssertUnwindSafe(|| (self.script)(request, nth))).unwrap_or_else(|panic| {
            self.fail(panic_text(panic.as_ref()));
            Reply::hang_up()
        })
    }
}

/// A port on loopback on which nobody listens, reserved for as long as the value lives.
pub(crate) struct DeadPort(Socket);

impl DeadPort {
    /// Reserves a port.
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        Self(socket)
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0
            .local_addr()
            .unwrap()
            .as_socket()
            .expect("it was bound to an IP address")
    }

    /// Returns the root URL of an endpoint at this address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

/// Serves each connection on its own thread.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        // A client that disconnected before it was accepted is ignored.
        let Ok(stream) = stream else { continue };
        shared.note(|log| log.connections += 1);
        let theirs = Arc::clone(shared);
        thread::spawn(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| serve(stream, &theirs))) {
                theirs.fail(panic_text(panic.as_ref()));
            }
        });
    }
}

/// Answers the requests of a connection until one side closes it.
fn serve(stream: TcpStream, shared: &Shared) {
    let wire = match &shared.tls {
        None => Wire::plain(stream),
        Some(config) => Wire::tls(stream, config),
    };
    let Ok(mut wire) = wire else {
        return shared.note(|log| log.failed_handshakes += 1);
    };
    loop {
        let request = match wire.next_request() {
            Ok(Some(request)) => request,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return shared.fail("a client spoke no HTTP");
            }
            Ok(None) | Err(_) => return,
        };
        let after = shared.answer(&request).play(wire);
        shared.note(|log| {
            log.under_way -= 1;
            log.hang_ups += usize::from(matches!(after, After::HungUp));
        });
        match after {
            After::KeepAlive(next) => wire = next,
            After::Ended | After::HungUp => return,
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a script panicked")
}
