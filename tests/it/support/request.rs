//! A request exactly as received: nothing is dropped, folded or reordered.

use serde_json::Value;

/// What a client sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The method, including `CONNECT`.
    pub(crate) method: String,
    /// The target as sent: a path, `host:port` for `CONNECT`, or a full URL for a proxy.
    pub(crate) path: String,
    /// Names and values in their original order and spelling.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, without its transfer encoding.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Parses the request line and headers.
    pub(super) fn from_head(head: &[u8]) -> Option<Self> {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let (method, path, version) = (words.next()?, words.next()?, words.next()?);
        let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        });
        let headers = headers.collect::<Option<Vec<_>>>()?;
        version.starts_with("HTTP/1.").then(|| Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body: vec![],
        })
    }

    /// Returns the first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).first().copied()
    }

    /// Returns all values of a header, to check that it was sent only once.
    pub(crate) fn headers_named(&self, name: &str) -> Vec<&str> {
        let same = |(sent, _): &&(String, String)| sent.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// Returns the body as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text())
            .unwrap_or_else(|error| panic!("no JSON: {error}: {}", self.text()))
    }
}
