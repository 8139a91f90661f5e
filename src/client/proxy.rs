//! Which proxy, if any.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;

use super::error::BuildError;
use super::no_proxy::is_exempt;

/// Which proxy, if any. None is used for this machine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProxyChoice {
    /// Straight to the host.
    Direct,
    /// `--proxy`: for every request.
    Given(String),
    /// `HTTPS_PROXY`, for https, except for the hosts of `NO_PROXY`.
    Environment {
        /// The proxy's URL.
        https: String,
        /// Hosts that are reached without it.
        except: Option<String>,
    },
}

/// The schemes of proxies: the `h` and `a` of SOCKS leave the names of hosts to the proxy.
const PROXY_SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The port of SOCKS proxies, registered for them.
const SOCKS_PORT: u16 = 1080;

impl ProxyChoice {
    /// Returns the URL of the proxy on the way to this URL: none if it is reached without one.
    pub(super) fn url_for(&self, target: &Url) -> Result<Option<Url>, BuildError> {
        let url = match self {
            Self::Direct => return Ok(None),
            Self::Given(url) => url,
            Self::Environment { https, except } => {
                let host = target.host_str().unwrap_or_default();
                let port = target.port_or_known_default().unwrap_or_default();
                let is_exempt = except
                    .as_deref()
                    .is_some_and(|hosts| is_exempt(hosts, host, port));
                if target.scheme() != "https" || is_exempt {
                    return Ok(None);
                }
                https
            }
        };
        parse_proxy_url(url.trim()).map(Some)
    }

    /// Returns the host and port of the proxy, for messages: none if there is no proxy. What
    /// precedes them in the URL may be a password.
    pub(crate) fn host_and_port(&self) -> Result<Option<String>, BuildError> {
        match self {
            Self::Direct => Ok(None),
            Self::Given(url) | Self::Environment { https: url, .. } => {
                address_of(&parse_proxy_url(url.trim())?).map(Some)
            }
        }
    }

    /// Returns what must not be repeated of its URL: the password, and name and password as they
    /// are sent.
    pub(super) fn secrets(&self) -> Vec<String> {
        let (Self::Given(url) | Self::Environment { https: url, .. }) = self else {
            return Vec::new();
        };
        let Ok(url) = parse_proxy_url(url.trim()) else {
            return Vec::new();
        };
        let Some(password) = url.password().filter(|password| !password.is_empty()) else {
            return Vec::new();
        };
        let (name, plain) = (percent_decoded(url.username()), percent_decoded(password));
        let sent = STANDARD.encode(format!("{name}:{plain}"));
        vec![sent, plain, password.to_owned()]
    }

    /// Returns the URL of `--proxy` without the name and password in it, and whether it has any;
    /// none if another proxy, or none, was chosen.
    pub(crate) fn given_without_login(&self) -> Option<(String, bool)> {
        let Self::Given(given) = self else {
            return None;
        };
        let Ok(mut url) = parse_proxy_url(given.trim()) else {
            return Some((
                given.rsplit('@').next().unwrap_or_default().to_owned(),
                false,
            ));
        };
        // A URL with a host takes both.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let url = if self.has_login() {
            url.into()
        } else {
            given.clone()
        };
        Some((url, self.has_login()))
    }

    /// Returns whether a user's name is in its URL.
    pub(super) fn has_login(&self) -> bool {
        match self {
            Self::Direct => false,
            Self::Given(url) | Self::Environment { https: url, .. } => parse_proxy_url(url.trim())
                .is_ok_and(|url| !url.username().is_empty() || url.password().is_some()),
        }
    }
}

/// Returns a text with each `%` and its two digits replaced by the byte that they stand for.
pub(super) fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn parse_proxy_url(url: &str) -> Result<Url, BuildError> {
    let is_scheme = |scheme: &str| {
        scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let parsed = match url.split_once("://") {
        Some((scheme, _))
            if PROXY_SCHEMES
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known)) =>
        {
            Url::parse(url)
        }
        Some((scheme, _)) if is_scheme(scheme) => {
            return Err(BuildError::ProxyScheme(scheme.to_owned()));
        }
        Some(_) => return Err(BuildError::Proxy),
        None => Url::parse(&format!("http://{url}")),
    };
    parsed.map_err(|_| BuildError::Proxy)
}

/// Returns the host and port of a proxy's URL.
pub(super) fn address_of(url: &Url) -> Result<String, BuildError> {
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or(BuildError::Proxy)?;
    let port = url.port_or_known_default().unwrap_or(SOCKS_PORT);
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_a_proxy_are_its_password_and_what_is_sent() {
        let choice = ProxyChoice::Given("http://ada:s3%2Fcr%65t@p:3128".to_owned());
        assert_eq!(
            choice.secrets(),
            ["YWRhOnMzL2NyZXQ=", "s3/cret", "s3%2Fcr%65t"]
        );
        for url in ["http://p:3128", "http://ada@p:3128", "http://"] {
            let choice = ProxyChoice::Given(url.to_owned());
            assert_eq!(choice.secrets(), Vec::<String>::new(), "{url}");
        }
    }

    #[test]
    fn the_address_of_a_proxy_has_no_password_and_its_scheme_is_supported() {
        for (url, expected) in [
            ("http://p:3128", Some("p:3128")),
            ("HTTPS://ada:s3cret@p.example", Some("p.example:443")),
            ("ada:s3cret@p:1/", Some("p:1")),
            ("http://[::1]:1", Some("[::1]:1")),
            ("http://ada:s3cret@", None),
            ("socks5://p:1", Some("p:1")),
            ("SOCKS5H://ada:s3cret@p", Some("p:1080")),
            ("ftp://p:1", None),
            ("ada:s3cret@p://x", None),
        ] {
            let address = parse_proxy_url(url).and_then(|url| address_of(&url));
            assert_eq!(address.as_deref().ok(), expected, "{url}");
            let message = address
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(!message.contains("s3cret"), "{message}");
            assert_eq!(
                message.contains("ftp://"),
                url.starts_with("ftp"),
                "{message}"
            );
            let has_login = ProxyChoice::Given(url.to_owned()).has_login();
            assert_eq!(
                has_login,
                expected.is_some() && url.contains("ada"),
                "{url}"
            );
        }
    }
}
