//! A running `langdock serve`, and a client on a plain socket that sees every byte of its replies.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{
    DEADLINE,
    command::{KEY, Langdock},
    home::Home,
    outcome::Outcome,
    running::Running,
};

/// A model that the scripted endpoint offers in both regions.
pub(crate) const DEMO_MODEL: &str = "claude-3-haiku-20240307";

/// A running `langdock serve`.
#[must_use = "end it"]
pub(crate) struct Serving {
    /// The program.
    pub(crate) running: Running,
    /// The base URL that it printed.
    pub(crate) base_url: String,
}

impl Serving {
    /// Starts it with these flags and waits for its base URL.
    #[track_caller]
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_in(&Home::new(), flags)
    }

    /// Starts it in a home that the test inspects later.
    #[track_caller]
    pub(crate) fn start_in(home: &Home, flags: &[&str]) -> Self {
        let running = Langdock::new()
            .home(home)
            .args(["serve"])
            .args(flags)
            .spawn();
        running.wait_for_stdout("\n");
        let base_url = String::from_utf8(running.stdout_so_far())
            .unwrap()
            .trim_end()
            .to_owned();
        Self { running, base_url }
    }

    /// Returns the base URL that a region can be chosen for.
    fn url_of_all_regions(&self) -> String {
        self.base_url
            .replace("/anthropic/eu", "/anthropic/{region}")
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.base_url
            .strip_prefix("http://")
            .and_then(|rest| rest.split('/').next())
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Begins `langdock send` against it.
    pub(crate) fn send(&self) -> Langdock {
        let send = Langdock::new()
            .key()
            .env("LANGDOCK_BASE_URL", self.url_of_all_regions())
            .args(["send"]);
        send.env("LANGDOCK_MODEL", DEMO_MODEL)
    }

    /// Sends a request with this key and with the fields of `more`, and leaves the response to be
    /// read.
    #[track_caller]
    pub(crate) fn open(&self, key: &str, more: &Value) -> BufReader<TcpStream> {
        let mut body = json!({"model": DEMO_MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let body = body.to_string();
        let head = format!(
            "content-type: application/json\r\nx-api-key: {key}\r\ncontent-length: {}\r\n",
            body.len()
        );
        self.raw("POST /anthropic/eu/v1/messages", &head, &body)
    }

    /// Sends a request with this request line and these headers.
    #[track_caller]
    pub(crate) fn raw(&self, line: &str, headers: &str, body: &str) -> BufReader<TcpStream> {
        self.raw_to("demo", line, headers, body)
    }

    /// The same with this `Host`.
    #[track_caller]
    pub(crate) fn raw_to(
        &self,
        host: &str,
        line: &str,
        headers: &str,
        body: &str,
    ) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let request =
            format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// Sends a request and reads the whole response.
    #[track_caller]
    pub(crate) fn ask(&self, more: &Value) -> Answered {
        Answered::read(self.open(KEY, more))
    }

    /// Terminates it with SIGTERM.
    #[track_caller]
    pub(crate) fn end(self) {
        let _ = self.ended();
    }

    /// Terminates it with SIGTERM and returns its outcome.
    #[track_caller]
    pub(crate) fn ended(self) -> Outcome {
        self.running.signal(Signal::SIGTERM);
        let outcome = self.running.finish();
        outcome.signal(15);
        outcome
    }
}

/// Reads lines until one contains this text.
#[track_caller]
pub(crate) fn read_until(stream: &mut BufReader<TcpStream>, part: &str) {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert!(
            stream.read_line(&mut line).unwrap() > 0,
            "it ended before {part}"
        );
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The HTTP status.
    pub(crate) status: u16,
    head: String,
    /// The body as received, including the framing of its chunks.
    pub(crate) body: String,
}

impl Answered {
    /// Reads until the server closes the connection.
    #[track_caller]
    pub(crate) fn read(mut stream: BufReader<TcpStream>) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        // A truncated response may end inside a character.
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Returns a numeric header.
    #[track_caller]
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.header(name)
            .unwrap_or_else(|| panic!("no {name}: {}", self.head))
            .parse()
            .unwrap()
    }

    /// Returns whether the body is complete according to its headers.
    pub(crate) fn is_whole(&self) -> bool {
        match self.header("content-length") {
            Some(length) => length.parse() == Ok(self.body.len()),
            None => self.body.ends_with("\r\n0\r\n\r\n"),
        }
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON: {error}: {}", self.body))
    }
}
