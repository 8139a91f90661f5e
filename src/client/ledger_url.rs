//! Where a shared ledger is, and how it is opened: `redis://` or `rediss://`. A password in it is
//! never shown.

use std::fmt;

use redis::{IntoConnectionInfo, RedisConnectionInfo};
use reqwest::Url;

/// The schemes, and whether their connections are encrypted. Valkey speaks the same protocol.
const SCHEMES: [(&str, bool); 4] = [
    ("redis", false),
    ("rediss", true),
    ("valkey", false),
    ("valkeys", true),
];

/// The port where the URL has none.
const DEFAULT_PORT: u16 = 6379;

/// The URL of a server that keeps shared ledgers. Its `Debug` is masked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LedgerUrl(Url);

/// Why a text is not the URL of a shared ledger. The text itself is never part of the message: it
/// may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the URL of the shared ledger is not valid: write \
     redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS"
)]
pub(crate) struct InvalidLedgerUrl;

/// The password of a shared ledger. Its `Debug` is masked, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LedgerPassword(String);

impl LedgerPassword {
    /// Hides the text; white space around it is removed.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LedgerPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LedgerPassword(masked)")
    }
}

impl LedgerUrl {
    /// Parses a URL.
    pub(crate) fn new(text: &str) -> Result<Self, InvalidLedgerUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidLedgerUrl)?;
        let is_known = SCHEMES.iter().any(|(scheme, _)| *scheme == url.scheme());
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        let has_more = url.query().is_some() || url.fragment().is_some();
        if !is_known || !has_host || has_more {
            return Err(InvalidLedgerUrl);
        }
        let url = Self(url);
        url.login().map(|_| url).ok_or(InvalidLedgerUrl)
    }

    /// Returns the host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port().unwrap_or(DEFAULT_PORT)
    }

    /// Returns host and port, for messages.
    pub(crate) fn address(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        format!("{host}:{}", self.port())
    }

    /// Returns whether the connection is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        SCHEMES.contains(&(self.0.scheme(), true))
    }

    /// Returns whether the URL has a password.
    pub(crate) fn has_password(&self) -> bool {
        self.0.password().is_some()
    }

    /// Returns whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host().parse::<std::net::IpAddr>();
        address.map_or(self.host() == "localhost", |address| address.is_loopback())
    }

    /// Returns the user, the password and the database, as the library has them.
    pub(super) fn login(&self) -> Option<RedisConnectionInfo> {
        // The library refuses the encrypted schemes: it is handed a connection that is encrypted
        // already.
        let (_, rest) = self.0.as_str().split_once(':')?;
        let info = format!("redis:{rest}").into_connection_info().ok()?;
        Some(info.redis_settings().clone().set_skip_set_lib_name())
    }

    /// Returns the URL as it may be shown. A user name may be a token.
    pub(crate) fn masked(&self) -> String {
        let url = self.0.as_str();
        match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
            _ => url.to_owned(),
        }
    }
}

impl fmt::Debug for LedgerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LedgerUrl({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> LedgerUrl {
        LedgerUrl::new(text).expect(text)
    }

    #[test]
    fn a_url_says_where_the_ledger_is() {
        for (text, address, is_encrypted, is_loopback) in [
            ("redis://redis.example", "redis.example:6379", false, false),
            ("rediss://redis.example:7/2", "redis.example:7", true, false),
            ("valkey://localhost", "localhost:6379", false, true),
            ("valkeys://[::1]:7", "[::1]:7", true, true),
            ("redis://127.0.0.1", "127.0.0.1:6379", false, true),
        ] {
            let url = url(text);
            assert_eq!(url.address(), address);
            assert_eq!(
                (url.is_encrypted(), url.is_loopback()),
                (is_encrypted, is_loopback),
                "{text}"
            );
        }
        assert_eq!(url("redis://[::1]").host(), "::1");
    }

    #[test]
    fn what_is_not_such_a_url_is_refused_without_repeating_it() {
        for text in [
            "",
            "redis.example",
            "http://redis.example",
            "redis://",
            "redis:///2",
            "redis://u:hidden@redis.example/database",
            "redis://u:hidden@redis.example?protocol=resp3",
            "redis://u:hidden@redis.example#insecure",
        ] {
            let error = LedgerUrl::new(text).expect_err(text);
            assert!(!error.to_string().contains("hidden"));
        }
    }

    #[test]
    fn a_password_is_masked_and_reaches_the_library_decoded() {
        for (text, masked) in [
            ("rediss://u:p%40ss@host:1", "rediss://…@host:1"),
            ("redis://:p%40ss@host/2", "redis://…@host/2"),
        ] {
            let url = url(text);
            assert!(url.has_password());
            assert_eq!(url.masked(), masked);
            assert_eq!(format!("{url:?}"), format!("LedgerUrl({masked})"));
            let login = url.login().expect("it was checked");
            assert_eq!(login.password(), Some("p@ss"));
        }
        assert!(!url("redis://u@host").has_password());
        assert_eq!(url("redis://token@host").masked(), "redis://…@host");
        let password = LedgerPassword::new(" secret\n");
        assert_eq!(password.reveal(), "secret");
        assert!(!format!("{password:?}").contains("secret"));
    }
}
