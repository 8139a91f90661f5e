//! Where requests go: the region and the base URL, and nothing that was not chosen.

use std::fmt;

use reqwest::Url;

/// The regions that Langdock's documentation names.
pub(crate) const KNOWN_REGIONS: [&str; 4] = ["eu", "us", "global", "ch"];

/// The region where none was chosen.
pub(crate) const DEFAULT_REGION: &str = "eu";

/// Langdock's own host.
const LANGDOCK_HOST: &str = "api.langdock.com";

/// What its other hosts end in.
const LANGDOCK_DOMAIN: &str = ".langdock.com";

/// What the root of a dedicated deployment ends in.
const DEPLOYMENT: &str = "/api/public";

/// The base URL where none was chosen.
pub(crate) const DEFAULT_BASE_URL: &str = "https://api.langdock.com/anthropic/{region}";

/// A region's slug, such as `eu`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(String);

impl Region {
    /// Creates a region from its slug: lower-case letters, digits and hyphens.
    pub(crate) fn new(slug: &str) -> Result<Self, EndpointError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !slug.is_empty() && slug.bytes().all(fits) {
            Ok(Self(slug.to_owned()))
        } else {
            Err(EndpointError::BadRegion(slug.to_owned()))
        }
    }

    /// Returns whether the documentation names it.
    pub(crate) fn is_known(&self) -> bool {
        KNOWN_REGIONS.contains(&self.0.as_str())
    }

    /// Returns the slug.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Region {
    fn default() -> Self {
        Self(DEFAULT_REGION.to_owned())
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a region and a base URL give no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    /// Not a slug.
    #[error("`{0}` is not a region: use lower-case letters, digits and hyphens")]
    BadRegion(String),
    /// Not a URL.
    #[error("the base URL `{0}` is not a valid URL: {1}")]
    BadUrl(String, String),
    /// A scheme other than http and https.
    #[error("the base URL `{0}` does not begin with https:// or http://")]
    BadScheme(String),
    /// Something that a base URL cannot have.
    #[error("the base URL `{0}` has {1}, which is not allowed")]
    Unwanted(String, &'static str),
    /// Plain http to a host that is not this machine.
    #[error("the base URL `{0}` would send the key and the prompt over plain http")]
    PlainHttp(String),
    /// A base URL of Langdock whose path may name a region, in a way that is not understood.
    #[error("the base URL `{0}` does not say clearly which region it is for")]
    UnclearRegion(String),
    /// The base URL fixes one region, and another one was chosen.
    #[error("the base URL is for region `{fixed}`, but region `{chosen}` is chosen")]
    RegionConflict {
        /// In the URL.
        fixed: String,
        /// By flag, environment or file.
        chosen: String,
    },
}

/// A checked endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    base: Url,
    region: Region,
}

impl Endpoint {
    /// Creates an endpoint from the chosen values. `region` is none if none was chosen; a base URL
    /// that fixes a region then decides.
    pub(crate) fn new(
        base_url: Option<&str>,
        region: Option<&Region>,
        allow_http: bool,
    ) -> Result<Self, EndpointError> {
        let given = base_url.unwrap_or(DEFAULT_BASE_URL).trim();
        let slug = region.map_or(DEFAULT_REGION, Region::as_str);
        let mut base = parse_base_url(given, &given.replace("{region}", slug))?;
        let path = api_root(base.path()).to_owned();
        base.set_path(&path);
        if (base.host_str() == Some(LANGDOCK_HOST) && path.is_empty()) || path.ends_with(DEPLOYMENT)
        {
            base.set_path(&format!("{path}/anthropic/{slug}"));
        }
        if base.scheme() == "http" && !allow_http && !is_loopback(&base) {
            return Err(EndpointError::PlainHttp(given.to_owned()));
        }
        let endpoint = Self {
            base,
            region: Region::default(),
        };
        let of_path = PathRegion::in_path(endpoint.base.path());
        if of_path == PathRegion::Unclear && endpoint.is_langdock_host() {
            return Err(EndpointError::UnclearRegion(given.to_owned()));
        }
        let region = match (of_path.fixed(), region) {
            (Some(fixed), Some(chosen)) if fixed != *chosen => {
                return Err(EndpointError::RegionConflict {
                    fixed: fixed.0,
                    chosen: chosen.0.clone(),
                });
            }
            (Some(fixed), _) => fixed,
            (None, Some(chosen)) => chosen.clone(),
            (None, None) => Region::default(),
        };
        Ok(Self { region, ..endpoint })
    }

    /// Returns the region that requests go to.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the base URL.
    pub(crate) fn base_url(&self) -> &str {
        self.base.as_str()
    }

    /// Returns the host and port, for messages.
    pub(crate) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns what a stored key belongs to: host and port, always both, and the scheme unless it
    /// is https.
    pub(crate) fn key_scope(&self) -> String {
        url_key_scope(&self.base)
    }

    /// Returns whether requests stay on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Returns whether requests are encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Returns the base URL.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the URL of `POST …/v1/messages`.
    pub(crate) fn messages_url(&self) -> Url {
        self.below_base("/v1/messages")
    }

    /// Returns the URL of `GET …/v1/models`: the page that begins after the model `after`.
    pub(crate) fn models_url(&self, after: Option<&str>) -> Url {
        let mut url = self.below_base("/v1/models");
        url.query_pairs_mut()
            .append_pair("limit", "1000")
            .extend_pairs(after.map(|id| ("after_id", id)));
        url
    }

    /// Returns whether the base URL names the region, as Langdock's own does.
    pub(crate) fn has_regions(&self) -> bool {
        PathRegion::in_path(self.base.path()).fixed().is_some()
    }

    /// Returns whether it is Langdock's own host, or a deployment of theirs.
    pub(crate) fn is_langdock_host(&self) -> bool {
        let is_theirs = self
            .base
            .host_str()
            .is_some_and(|host| host.trim_end_matches('.').ends_with(LANGDOCK_DOMAIN));
        let (root, _) = self
            .base
            .path()
            .rsplit_once("/anthropic")
            .unwrap_or((self.base.path(), ""));
        is_theirs || root.ends_with(DEPLOYMENT)
    }

    fn below_base(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }
}

/// Returns a base URL with another region in the place of the one that its path names; none if it
/// is not clear where that is. The host stays.
pub(crate) fn with_region(base_url: &str, from: &str, to: &Region) -> Option<String> {
    let mut url = Url::parse(base_url).ok()?;
    let mut parts: Vec<&str> = url.path().split('/').collect();
    let is_fixed = PathRegion::in_path(url.path()).fixed().is_some();
    let last = parts.iter().rposition(|part| *part == from)?;
    let is_only = parts.iter().position(|part| *part == from) == Some(last);
    let is_clear = is_only || is_fixed && last + 1 == parts.len();
    if !is_clear {
        return None;
    }
    parts[last] = to.as_str();
    let path = parts.join("/");
    url.set_path(&path);
    Some(url.into())
}

/// Returns what a stored key belongs to, of a base URL as it was chosen, none: the default; nothing
/// where it is no base URL.
pub(crate) fn key_scope_of(base_url: Option<&str>, region: &Region) -> Option<String> {
    let given = base_url.unwrap_or(DEFAULT_BASE_URL).trim();
    parse_base_url(given, &given.replace("{region}", region.as_str()))
        .ok()
        .as_ref()
        .map(url_key_scope)
}

fn url_key_scope(url: &Url) -> String {
    let port = url
        .port_or_known_default()
        .map_or_else(String::new, |port| format!(":{port}"));
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => format!("{host}{port}"),
        scheme => format!("{scheme}://{host}{port}"),
    }
}

fn parse_base_url(given: &str, substituted: &str) -> Result<Url, EndpointError> {
    if !substituted.contains("://") {
        return Err(EndpointError::BadScheme(without_login(given)));
    }
    let url = Url::parse(substituted)
        .map_err(|error| EndpointError::BadUrl(without_login(given), error.to_string()))?;
    let unwanted = |what| Err(EndpointError::Unwanted(without_login(given), what));
    match url.scheme() {
        "http" | "https" if url.query().is_some() => unwanted("a query"),
        "http" | "https" if url.fragment().is_some() => unwanted("a fragment"),
        // The password is not repeated: it could be a key.
        "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
            Err(EndpointError::Unwanted(
                url.host_str().unwrap_or_default().to_owned(),
                "a user name or password",
            ))
        }
        "http" | "https" => Ok(url),
        _ => Err(EndpointError::BadScheme(without_login(given))),
    }
}

/// Drops what people paste along with a base URL: `/v1`, `/v1/messages`, slashes at the end.
fn api_root(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix("/messages").unwrap_or(path);
    path.strip_suffix("/v1")
        .unwrap_or(path)
        .trim_end_matches('/')
}

/// What a path says of the region.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PathRegion {
    /// It names none.
    Open,
    /// It fixes one, such as `/api/public/anthropic/us`.
    Fixed(Region),
    /// It may name one, in a way that servers may understand differently.
    Unclear,
}

impl PathRegion {
    /// Reads a path as a server may: without escapes, parameters and empty parts, and in lower
    /// case.
    fn in_path(path: &str) -> Self {
        let path = without_escapes(path)
            .to_ascii_lowercase()
            .replace('\\', "/");
        let parts = path.split('/');
        let parts = parts.map(|part| part.split(';').next().unwrap_or_default().trim());
        let parts: Vec<&str> = parts.filter(|part| !["", "."].contains(part)).collect();
        let is_clear = |part: &&str| !part.contains('%') && *part != "..";
        if !parts.iter().all(is_clear) {
            return Self::Unclear;
        }
        match parts.iter().rposition(|part| *part == "anthropic") {
            None => Self::Open,
            Some(at) => match parts[at + 1..] {
                [] => Self::Open,
                [slug] => Region::new(slug).map_or(Self::Unclear, Self::Fixed),
                _ => Self::Unclear,
            },
        }
    }

    /// Returns the region that is fixed, if one is.
    fn fixed(self) -> Option<Region> {
        match self {
            Self::Fixed(region) => Some(region),
            Self::Open | Self::Unclear => None,
        }
    }
}

/// Replaces escapes such as `%73` by the characters that they stand for, once.
fn without_escapes(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2);
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(b'%');
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns whether a URL is that of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address
        .parse::<std::net::IpAddr>()
        .map_or(host == "localhost", |address| address.is_loopback())
}

/// Returns whether a host, which may have a port, is this machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    Url::parse(&format!("http://{host}")).is_ok_and(|url| is_loopback(&url))
}

/// Returns the part of a URL that a message may repeat: what precedes an `@` may be a password.
pub(super) fn without_login(url: &str) -> String {
    url.rsplit_once('@')
        .map_or(url, |(_, host)| host)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: Option<&str>, region: Option<&str>) -> Result<(String, String), EndpointError> {
        let region = region.map(Region::new).transpose()?;
        let endpoint = Endpoint::new(base, region.as_ref(), false)?;
        Ok((
            endpoint.messages_url().to_string(),
            endpoint.region().to_string(),
        ))
    }

    #[test]
    fn every_form_of_a_base_url_gives_the_right_address() {
        for (base, region, expected, in_region) in [
            (
                None,
                None,
                "https://api.langdock.com/anthropic/eu/v1/messages",
                "eu",
            ),
            (
                None,
                Some("us"),
                "https://api.langdock.com/anthropic/us/v1/messages",
                "us",
            ),
            (
                Some("https://api.langdock.com"),
                Some("us"),
                "https://api.langdock.com/anthropic/us/v1/messages",
                "us",
            ),
            (
                Some("https://api.langdock.com/"),
                None,
                "https://api.langdock.com/anthropic/eu/v1/messages",
                "eu",
            ),
            (
                Some("https://api.langdock.com/anthropic/us"),
                None,
                "https://api.langdock.com/anthropic/us/v1/messages",
                "us",
            ),
            (
                Some("https://api.langdock.com/anthropic/us/v1"),
                None,
                "https://api.langdock.com/anthropic/us/v1/messages",
                "us",
            ),
            (
                Some("https://api.langdock.com/anthropic/eu/v1/messages/"),
                Some("eu"),
                "https://api.langdock.com/anthropic/eu/v1/messages",
                "eu",
            ),
            (
                Some("https://acme.example/api/public"),
                Some("us"),
                "https://acme.example/api/public/anthropic/us/v1/messages",
                "us",
            ),
            (
                Some("https://acme.example/api/public/anthropic/us/"),
                None,
                "https://acme.example/api/public/anthropic/us/v1/messages",
                "us",
            ),
            (
                Some("http://127.0.0.1:8089/x/{region}/"),
                Some("us"),
                "http://127.0.0.1:8089/x/us/v1/messages",
                "us",
            ),
            (
                Some("http://localhost:11434"),
                None,
                "http://localhost:11434/v1/messages",
                "eu",
            ),
            (
                Some("http://[::1]:1/v1"),
                None,
                "http://[::1]:1/v1/messages",
                "eu",
            ),
            (
                Some("https://gateway.example/claude"),
                Some("ch"),
                "https://gateway.example/claude/v1/messages",
                "ch",
            ),
        ] {
            assert_eq!(
                url(base, region),
                Ok((expected.to_owned(), in_region.to_owned())),
                "{base:?} {region:?}"
            );
        }
    }

    #[test]
    fn langdock_is_recognized_by_its_hosts_and_its_deployments() {
        for (base, expected) in [
            (None, true),
            (Some("https://api.langdock.com/anthropic/us"), true),
            (Some("https://acme.example/api/public"), true),
            (
                Some("http://localhost:1/api/public/anthropic/{region}"),
                true,
            ),
            (Some("https://acme.example/ai/api/public"), true),
            (
                Some("https://acme.example/ai/api/public/anthropic/us"),
                true,
            ),
            (
                Some("https://acme.example/anthropic-proxy/api/public"),
                true,
            ),
            (Some("https://acme.example/api/publicity"), false),
            (
                Some("https://acme.example/api/publicity/anthropic/us"),
                false,
            ),
            (Some("https://langdock.com.example"), false),
            (Some("https://notlangdock.com"), false),
            (Some("http://localhost:1/anthropic/eu"), false),
        ] {
            assert_eq!(
                Endpoint::new(base, None, false).map(|endpoint| endpoint.is_langdock_host()),
                Ok(expected),
                "{base:?}"
            );
        }
    }

    #[test]
    fn a_fixed_region_is_never_changed() {
        let conflict = EndpointError::RegionConflict {
            fixed: "us".into(),
            chosen: "eu".into(),
        };
        assert_eq!(
            url(Some("https://api.langdock.com/anthropic/us"), Some("eu")),
            Err(conflict)
        );
    }

    #[test]
    fn a_fixed_region_is_recognized_however_it_is_written() {
        for path in [
            "/anthropic//us",
            "/anthropic/US",
            "/anthropic/u%73",
            "/anthropic%2Fus",
            "/anthropic%5cus",
            "/Anthropic/us",
            "/anthropic/us;x",
            "/anthropic/./us/v1/",
            "//anthropic/us",
        ] {
            for host in ["https://api.langdock.com", "http://localhost:1/x"] {
                let base = format!("{host}{path}");
                let refused = url(Some(&base), Some("eu"));
                assert!(
                    matches!(refused, Err(EndpointError::RegionConflict { .. })),
                    "{base}: {refused:?}"
                );
                let (_, region) = url(Some(&base), None).expect(&base);
                assert_eq!(region, "us", "{base}");
            }
        }
        for path in [
            "/anthropic/%2575s",
            "/anthropic/us/x",
            "/anthropic/u_s",
            "/anthropi%2563/us",
        ] {
            let theirs = format!("https://api.langdock.com.{path}");
            assert!(
                matches!(
                    url(Some(&theirs), None),
                    Err(EndpointError::UnclearRegion(_))
                ),
                "{theirs}"
            );
            assert!(url(Some(&format!("http://localhost:1{path}")), Some("eu")).is_ok());
        }
    }

    #[test]
    fn another_region_takes_the_place_of_the_one_in_the_path() {
        let eu = Region::default();
        for (base, expected) in [
            ("http://127.0.0.1:1/b/us", Some("http://127.0.0.1:1/b/eu")),
            ("https://us.example/us/x", Some("https://us.example/eu/x")),
            (
                "https://h/us/anthropic/us",
                Some("https://h/us/anthropic/eu"),
            ),
            ("https://h/us/us", None),
            ("https://us.example/", None),
            ("us", None),
        ] {
            let moved = with_region(base, "us", &eu);
            assert_eq!(moved.as_deref(), expected, "{base}");
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_only_unless_it_is_allowed() {
        assert!(matches!(
            url(Some("http://10.0.0.1"), None),
            Err(EndpointError::PlainHttp(_))
        ));
        assert!(matches!(
            url(Some("http://localhost.example"), None),
            Err(EndpointError::PlainHttp(_))
        ));
        assert!(Endpoint::new(Some("http://10.0.0.1"), None, true).is_ok());
    }

    #[test]
    fn invalid_base_urls_are_refused() {
        for base in [
            "api.langdock.com",
            "localhost:80",
            "ftp://x",
            "",
            "https://x?a=b",
            "https://x#a",
            "https://u:p@x",
            "https://",
        ] {
            let error = url(Some(base), None).expect_err(base);
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
    }

    #[test]
    fn a_region_is_a_slug() {
        for slug in ["", "EU", "eu/../us", "e u"] {
            assert!(Region::new(slug).is_err(), "{slug}");
        }
        assert!(!Region::new("ap-south-1").expect("a slug").is_known());
    }
}
