//! HTTP to servers other than the endpoint, with its TLS, its proxy and its connection timeout.

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::endpoint::{is_loopback, without_login};
use super::error::BuildError;
use super::http_builder::http_builder;
use super::{AGENT, ClientOptions};

/// How many redirects are followed, all of them at the same host.
const MAX_REDIRECTS: usize = 5;

/// A client for one address, and that address.
#[derive(Debug)]
pub(crate) struct WebClient {
    pub(crate) client: Client,
    pub(crate) url: Url,
}

/// Why there is no client for an address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebClientError {
    /// It is not the URL of a web server.
    #[error("`{0}` is not an http or https URL")]
    NotAUrl(String),
    /// It is not encrypted.
    #[error("`{0}` is not encrypted, and not on this machine: use https")]
    NotEncrypted(String),
    /// The client could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Builds a client for an address; nothing is sent. What it sends may have a token, so it follows
/// no redirect to another host or out of TLS.
pub(crate) fn web_client(
    address: &str,
    options: &ClientOptions,
) -> Result<WebClient, WebClientError> {
    let url = Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| WebClientError::NotAUrl(without_login(address)))?;
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err(WebClientError::NotEncrypted(without_login(address)));
    }
    let home = url.origin();
    let policy = Policy::custom(move |attempt| {
        if attempt.url().origin() != home {
            attempt.error("a redirect to another host, port or scheme")
        } else if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    });
    let (builder, _) = http_builder(&url, options)?;
    let client = builder.redirect(policy).user_agent(AGENT).build();
    let client = client.map_err(BuildError::Client)?;
    Ok(WebClient { client, url })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::{ProxyChoice, RetryPolicy};

    #[test]
    fn only_addresses_that_keep_a_token_are_taken() {
        let options = ClientOptions {
            connect_timeout: Duration::from_secs(1),
            idle_timeout: None,
            timeout: None,
            retry: RetryPolicy {
                max_retries: 0,
                max_wait: Duration::ZERO,
            },
            proxy: ProxyChoice::Direct,
            cacert: None,
            pace: None,
        };
        for address in ["http://127.0.0.1:1/mcp", "https://mcp.example/mcp"] {
            assert!(web_client(address, &options).is_ok(), "{address}");
        }
        for (address, expected) in [
            ("mcp.example", "`mcp.example` is not an http or https URL"),
            ("ftp://u:pw@h/", "`h/` is not an http or https URL"),
            (
                "http://u:pw@mcp.example/",
                "`mcp.example/` is not encrypted, and not on this machine: use https",
            ),
        ] {
            let error = web_client(address, &options).expect_err(address);
            assert_eq!(error.to_string(), expected);
        }
    }
}
