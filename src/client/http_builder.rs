//! What all HTTP clients have in common: TLS, the proxy, the connection timeout, and no second try.

use std::time::Duration;

use reqwest::{ClientBuilder, Proxy, Url};

use super::endpoint::is_loopback;
use super::error::BuildError;
use super::{ClientOptions, dns_resolver, proxy, tls};

/// Begins a client for an address, and returns the host and port of the proxy on the way there, if
/// there is one. For plain http nothing of TLS is set up, and no proxy is used on this machine.
pub(super) fn http_builder(
    url: &Url,
    options: &ClientOptions,
) -> Result<(ClientBuilder, Option<String>), BuildError> {
    let tls = match &options.cacert {
        _ if url.scheme() != "https" => tls::without_roots(),
        Some(file) => tls::with_roots_of(file)?,
        None => tls::with_bundled_and_system_roots(),
    };
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(options.connect_timeout)
        .tcp_keepalive(Duration::from_secs(60))
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .dns_resolver(dns_resolver::DnsResolver)
        .no_proxy();
    let proxy_url = if is_loopback(url) {
        None
    } else {
        options.proxy.url_for(url)?
    };
    let Some(proxy_url) = proxy_url else {
        return Ok((builder, None));
    };
    let proxy_address = proxy::address_of(&proxy_url)?;
    let proxy = Proxy::all(proxy_url).map_err(|_| BuildError::Proxy)?;
    Ok((builder.proxy(proxy), Some(proxy_address)))
}
