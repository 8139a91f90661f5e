//! Why a proxy opens no tunnel. The HTTP library does not say with which status it was refused, so
//! that the proxy is asked once more, on a connection of its own.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ApiClient;
use super::error::{Error, is_refused_tunnel};
use super::proxy::percent_decoded;
use super::retry::is_transient_status;

/// Longest status line that is read, in bytes.
const MAX_STATUS_LINE: u64 = 1024;

/// Classifies an error of sending a request. If a proxy refused it, the proxy is asked why.
pub(super) async fn sending_error(error: &reqwest::Error, client: &ApiClient) -> Error {
    let target = client.endpoint.messages_url();
    let url = client.options.proxy.url_for(&target);
    let (Some(proxy), Ok(Some(url)), true) = (&client.proxy, url, is_refused_tunnel(error)) else {
        return Error::from_transport(error, client);
    };
    let refusal = ProxyRefusal::ask(&url, &target, client.options.connect_timeout).await;
    let why = refusal.as_ref().map(ProxyRefusal::in_words);
    let is_transient = refusal.as_ref().is_none_or(ProxyRefusal::is_transient);
    Error::refused_by_proxy(proxy, client.endpoint.host(), why.as_deref(), is_transient)
}

/// The status line with which a proxy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProxyRefusal {
    status: u16,
    reason: String,
}

impl ProxyRefusal {
    /// Asks an HTTP proxy for a tunnel to a host, for no longer than `limit`. Returns `None` if the
    /// proxy opens it this time, or does not answer in HTTP.
    async fn ask(proxy: &Url, target: &Url, limit: Duration) -> Option<Self> {
        if proxy.scheme() != "http" {
            return None;
        }
        timeout(limit, Self::exchange(proxy, target)).await.ok()?
    }

    async fn exchange(proxy: &Url, target: &Url) -> Option<Self> {
        // An IPv6 address has brackets in a URL only.
        let host = proxy.host_str()?.trim_matches(['[', ']']);
        let address = (host, proxy.port_or_known_default()?);
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = connect_request(proxy, target)?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut line = Vec::new();
        let mut head = stream.take(MAX_STATUS_LINE);
        while !line.contains(&b'\n') {
            if head.read_buf(&mut line).await.ok()? == 0 {
                break;
            }
        }
        Self::from_status_line(&String::from_utf8_lossy(&line))
    }

    /// Parses what a proxy answers; `None` if it opens the tunnel, or if it is not HTTP.
    fn from_status_line(text: &str) -> Option<Self> {
        let line = text.lines().next()?;
        let (version, rest) = line.split_once(' ')?;
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = status
            .parse()
            .ok()
            .filter(|_| version.starts_with("HTTP/"))?;
        (!(200..300).contains(&status)).then(|| Self {
            status,
            reason: reason.trim().to_owned(),
        })
    }

    /// Returns whether another attempt may help.
    fn is_transient(&self) -> bool {
        is_transient_status(self.status)
    }

    /// Returns the status and the reason, for messages.
    fn in_words(&self) -> String {
        format!("HTTP {} {}", self.status, self.reason)
            .trim_end()
            .to_owned()
    }
}

/// Returns the request for a tunnel, with the login in the proxy's URL.
fn connect_request(proxy: &Url, target: &Url) -> Option<String> {
    let host = target.host_str()?;
    let host = format!("{host}:{}", target.port_or_known_default()?);
    let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
    if !proxy.username().is_empty() || proxy.password().is_some() {
        let name = percent_decoded(proxy.username());
        let password = percent_decoded(proxy.password().unwrap_or_default());
        let login = STANDARD.encode(format!("{name}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {login}\r\n"));
    }
    request.push_str("\r\n");
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_says_why_and_whether_to_try_again() {
        for (line, expected) in [
            (
                "HTTP/1.1 403 Forbidden\r\nx: y\r\n",
                Some(("HTTP 403 Forbidden", false)),
            ),
            (
                "HTTP/1.0 502 Bad Gateway\n",
                Some(("HTTP 502 Bad Gateway", true)),
            ),
            ("HTTP/1.1 503\r\n", Some(("HTTP 503", true))),
            ("HTTP/1.1 200 Connection established\r\n", None),
            ("SSH-2.0-OpenSSH\r\n", None),
            ("", None),
        ] {
            let refusal = ProxyRefusal::from_status_line(line);
            let found = refusal.map(|refusal| (refusal.in_words(), refusal.is_transient()));
            let expected = expected.map(|(words, again)| (words.to_owned(), again));
            assert_eq!(found, expected, "{line:?}");
        }
    }

    #[test]
    fn the_login_is_sent_as_the_library_sends_it() {
        let proxy = Url::parse("http://ada:s3%2Fcret@p:3128").expect("a URL");
        let target = Url::parse("https://api.example/v1").expect("a URL");
        let request = connect_request(&proxy, &target).expect("a request");
        assert_eq!(
            request,
            "CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\
             Proxy-Authorization: Basic YWRhOnMzL2NyZXQ=\r\n\r\n"
        );
    }
}
