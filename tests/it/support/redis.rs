//! A server that speaks as much of the protocol of Redis as a shared ledger needs: `AUTH`, `PING`,
//! `INFO`, and `EVAL` of the one script, whose effect is written here a second time.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tls::TlsCertificate;

/// What `INFO` says.
const INFO: &str = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:1000000\r\n\
                    maxmemory_policy:allkeys-lru\r\n";

/// A server of keys, which stops when it is dropped.
pub(crate) struct RedisServer {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

/// What is wrong with every answer.
#[derive(Clone, Copy)]
pub(crate) enum AnswerFault {
    /// It comes so much later.
    Late(Duration),
    /// Half of it comes, and the rest never.
    Half,
    /// It never comes.
    Missing,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    password: Option<String>,
    fault: Option<AnswerFault>,
    stopped: AtomicBool,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    connections: usize,
    /// How many replacements still lose the race against another machine's.
    lost_races: usize,
    values: BTreeMap<String, Vec<u8>>,
    /// The milliseconds after which each key expires.
    lifetimes: BTreeMap<String, u64>,
}

impl RedisServer {
    /// Starts a server.
    pub(crate) fn start() -> Self {
        Self::listen(None, None, None)
    }

    /// Starts a server whose answers have a fault.
    pub(crate) fn with_fault(fault: AnswerFault) -> Self {
        Self::listen(None, None, Some(fault))
    }

    /// Has so many replacements lose the race against another machine's.
    pub(crate) fn lose_races(&self, count: usize) {
        self.shared.log.lock().unwrap().lost_races = count;
    }

    /// Returns how many of those races are still to be lost.
    pub(crate) fn races_left(&self) -> usize {
        self.shared.log.lock().unwrap().lost_races
    }

    /// Starts a server that wants this password.
    pub(crate) fn with_password(password: &str) -> Self {
        Self::listen(None, Some(password.to_owned()), None)
    }

    /// Starts a server with this certificate.
    pub(crate) fn with_tls(certificate: &TlsCertificate) -> Self {
        Self::listen(Some(Arc::clone(&certificate.config)), None, None)
    }

    fn listen(
        tls: Option<Arc<ServerConfig>>,
        password: Option<String>,
        fault: Option<AnswerFault>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "rediss" } else { "redis" };
        let shared = Arc::new(Shared {
            tls,
            password,
            fault,
            stopped: AtomicBool::new(false),
            log: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                theirs.log.lock().unwrap().connections += 1;
                let shared = Arc::clone(&theirs);
                thread::spawn(move || shared.accept(stream));
            }
        });
        Self {
            address,
            scheme,
            shared,
        }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns its URL with this in front of the host.
    pub(crate) fn url_for(&self, login: &str) -> String {
        format!("{}://{login}@{}", self.scheme, self.address)
    }

    /// Returns its host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.log.lock().unwrap().connections
    }

    /// Returns the keys that it has, with their bytes.
    pub(crate) fn values(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared.log.lock().unwrap().values.clone()
    }

    /// Returns the one key that there must be, and its lifetime in milliseconds.
    #[track_caller]
    pub(crate) fn only_key(&self) -> (String, u64) {
        let lifetimes = self.shared.log.lock().unwrap().lifetimes.clone();
        assert!(lifetimes.len() == 1, "expected one key: {lifetimes:?}");
        lifetimes.into_iter().next().unwrap()
    }

    /// Changes the bytes of the one key that there must be.
    #[track_caller]
    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let (key, _) = self.only_key();
        let mut log = self.shared.log.lock().unwrap();
        change(log.values.get_mut(&key).unwrap());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn accept(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let Some(config) = &self.tls else {
            let reading = stream.try_clone().unwrap();
            return self.serve(&mut BufReader::new(reading), &mut stream);
        };
        let mut tls = ServerConnection::new(Arc::clone(config)).unwrap();
        while tls.is_handshaking() {
            match tls.complete_io(&mut stream) {
                Ok((read, written)) if read + written > 0 => {}
                _ => return,
            }
        }
        let mut encrypted = BufReader::new(StreamOwned::new(tls, stream));
        while let Some(command) = next_command(&mut encrypted) {
            let answer = self.answer(&command, &mut true);
            let stream = encrypted.get_mut();
            if stream.write_all(&answer).is_err() || stream.flush().is_err() {
                return;
            }
        }
    }

    fn serve(&self, reading: &mut impl BufRead, writing: &mut impl Write) {
        let mut is_known = self.password.is_none();
        while let Some(command) = next_command(reading) {
            let mut answer = self.answer(&command, &mut is_known);
            match self.fault {
                Some(AnswerFault::Late(delay)) => thread::sleep(delay),
                Some(AnswerFault::Half) => answer.truncate(answer.len() / 2),
                Some(AnswerFault::Missing) => answer.clear(),
                None => {}
            }
            if writing.write_all(&answer).is_err() {
                return;
            }
        }
    }

    fn answer(&self, command: &[Vec<u8>], is_known: &mut bool) -> Vec<u8> {
        let text = |place: usize| String::from_utf8_lossy(&command[place]).into_owned();
        match text(0).as_str() {
            "AUTH" if Some(text(command.len() - 1)) == self.password => {
                *is_known = true;
                b"+OK\r\n".to_vec()
            }
            "AUTH" => format!(
                "-WRONGPASS invalid username-password pair: {}\r\n",
                text(command.len() - 1)
            )
            .into_bytes(),
            _ if !*is_known => b"-NOAUTH Authentication required.\r\n".to_vec(),
            "PING" => b"+PONG\r\n".to_vec(),
            "INFO" => bulk(INFO.as_bytes()),
            "EVAL" => self.exchange(&text(3), &command[4..]),
            other => format!("-ERR unknown command '{other}'\r\n").into_bytes(),
        }
    }

    /// Does what the script does.
    fn exchange(&self, key: &str, arguments: &[Vec<u8>]) -> Vec<u8> {
        let mut log = self.log.lock().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let kept = log.values.get(key).cloned().unwrap_or_default();
        let number = |place: usize| -> u64 {
            let text = String::from_utf8_lossy(&arguments[place]);
            text.parse().unwrap()
        };
        let mut answer = b"*3\r\n".to_vec();
        answer.extend(bulk(now.as_secs().to_string().as_bytes()));
        answer.extend(bulk(now.subsec_micros().to_string().as_bytes()));
        let is_lost = !arguments.is_empty() && log.lost_races > 0;
        log.lost_races -= usize::from(is_lost);
        let is_replaced = !arguments.is_empty() && !is_lost && {
            let fence = &arguments[0];
            let age = u64::try_from(now.as_micros())
                .unwrap()
                .saturating_sub(number(1));
            let is_same = kept.starts_with(fence) && fence.is_empty() == kept.is_empty();
            is_same && age <= number(3)
        };
        if is_replaced {
            log.values.insert(key.to_owned(), arguments[2].clone());
            log.lifetimes.insert(key.to_owned(), number(4));
            answer.extend(b"$-1\r\n");
        } else {
            answer.extend(bulk(&kept));
        }
        answer
    }
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Reads a command: an array of strings.
fn next_command(reading: &mut impl BufRead) -> Option<Vec<Vec<u8>>> {
    let count = number_after(reading, '*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = number_after(reading, '$')?;
        let mut word = vec![0; length + 2];
        reading.read_exact(&mut word).ok()?;
        word.truncate(length);
        words.push(word);
    }
    Some(words)
}

fn number_after(reading: &mut impl BufRead, sign: char) -> Option<usize> {
    let mut line = String::new();
    reading.read_line(&mut line).ok()?;
    line.strip_prefix(sign)?.trim_end().parse().ok()
}
