//! Requests take the chosen route and no other: proxies, loopback, plain http, and hosts that do
//! not respond.

use std::{fs, net::SocketAddr};

use serde_json::json;

use crate::support::{
    command::{KEY, Langdock},
    events::{self, MODEL},
    reply::Reply,
    server::{DeadPort, Server},
    socks::SocksProxy,
    tls::TlsCertificate,
};

/// A host that never resolves (RFC 2606), so that only a proxy could reach it.
const NOWHERE: &str = "langdock.invalid";

/// Begins a request to this base URL.
fn to(base_url: &str) -> Langdock {
    Langdock::new()
        .args(["send", "-m", MODEL, "hello", "--base-url", base_url])
        .key()
}

/// Returns a TLS server with this certificate that answers.
fn origin(certificate: &TlsCertificate) -> Server {
    Server::start_tls(|_, _| Reply::sse(events::answer(&["whole"])), certificate)
}

/// Returns a proxy that connects every tunnel to this address.
fn proxy_to(address: SocketAddr) -> Server {
    Server::start(move |request, _| match request.method.as_str() {
        "CONNECT" => Reply::tunnel_to(address),
        _ => panic!("the proxy was asked for something else: {request:?}"),
    })
}

/// Returns a server that must not get any request.
fn trap() -> Server {
    Server::start(|_, _| panic!("nobody may come here"))
}

/// Returns a non-loopback address of this machine for a server on it.
fn not_called_loopback(server: &Server) -> String {
    format!("0.0.0.0:{}", server.address().port())
}

#[test]
fn https_goes_through_the_proxy_of_the_flag_or_of_the_environment() {
    let certificate = TlsCertificate::for_names(&["api.langdock.com"]);
    let (origin, authority) = (origin(&certificate), certificate.ca_file());
    for (n, how) in ["--proxy", "HTTPS_PROXY", "https_proxy"]
        .into_iter()
        .enumerate()
    {
        let proxy = proxy_to(origin.address());
        let langdock = Langdock::new()
            .args(["send", "-m", MODEL, "hello"])
            .key()
            .env("SSL_CERT_FILE", &authority);
        let langdock = match how {
            "--proxy" => langdock
                .args(["--proxy", &proxy.url()])
                .env("HTTPS_PROXY", "http://127.0.0.1:1"),
            variable => langdock.env(variable, proxy.url()),
        };
        langdock.run().code(0).stdout("whole\n").stderr_empty();
        let connect = proxy.only_request();
        assert_eq!(
            (connect.method.as_str(), connect.path.as_str()),
            ("CONNECT", "api.langdock.com:443")
        );
        assert!(
            !format!("{connect:?}").contains(KEY),
            "the proxy does not see the key"
        );
        let requests = origin.requests();
        assert_eq!(
            (requests.len(), requests[n].path.as_str()),
            (n + 1, "/anthropic/eu/v1/messages")
        );
        assert_eq!(
            requests[n].header("authorization"),
            Some(&*format!("Bearer {KEY}"))
        );
    }
}

#[test]
fn the_login_of_a_proxy_goes_to_the_proxy_alone_and_is_not_shown() {
    let certificate = TlsCertificate::for_names(&["api.langdock.com"]);
    let origin = origin(&certificate);
    let proxy = proxy_to(origin.address());
    let url = format!("http://ada:s3cret@{}", proxy.address());
    let langdock = Langdock::new()
        .args(["send", "-m", MODEL, "hello", "-vv", "--proxy", &url])
        .key();
    let outcome = langdock.env("SSL_CERT_FILE", certificate.ca_file()).run();
    outcome
        .code(0)
        .stdout("whole\n")
        .stderr_lacks("s3cret")
        .stderr_lacks("YWRhOnMzY3JldA");
    assert_eq!(
        proxy.only_request().header("proxy-authorization"),
        Some("Basic YWRhOnMzY3JldA==")
    );
    assert_eq!(origin.only_request().header("proxy-authorization"), None);
}

#[test]
fn no_proxy_names_hosts_that_are_reached_without_it() {
    let certificate = TlsCertificate::for_names(&["0.0.0.0", "api.langdock.com"]);
    let (origin, proxy) = (origin(&certificate), trap());
    let url = format!("https://{}", not_called_loopback(&origin));
    let exact = not_called_loopback(&origin);
    for (variable, hosts) in [
        ("NO_PROXY", "0.0.0.0"),
        ("no_proxy", "example.com, 0.0.0.0"),
        ("NO_PROXY", "*"),
        ("NO_PROXY", "0.0.0.0/8 example.com"),
        ("NO_PROXY", &exact),
    ] {
        let langdock = to(&url)
            .env("HTTPS_PROXY", proxy.url())
            .env(variable, hosts);
        langdock
            .env("SSL_CERT_FILE", certificate.ca_file())
            .run()
            .code(0)
            .stdout("whole\n")
            .stderr_empty();
    }
    assert_eq!((origin.requests().len(), proxy.connections()), (5, 0));

    let proxy = proxy_to(origin.address());
    let langdock = to(&url)
        .env("HTTPS_PROXY", proxy.url())
        .env("NO_PROXY", "example.com");
    langdock
        .env("SSL_CERT_FILE", certificate.ca_file())
        .run()
        .code(0)
        .stdout("whole\n");
    assert_eq!(proxy.only_request().path, not_called_loopback(&origin));
}

#[test]
fn a_proxy_that_wants_a_login_is_exit_6_and_not_tried_again() {
    let proxy = Server::start(|_, _| {
        Reply::status(407)
            .header("proxy-authenticate", "Basic realm=\"x\"")
            .body("no")
    });
    let outcome = to(&format!("https://{NOWHERE}"))
        .args(["--json", "--proxy", &proxy.url()])
        .run();
    let failure = outcome.stdout("").failure(6);
    failure.says("proxy", "user name and password");
    failure.object(6, "network", &json!({"type": null, "retryable": false}));
    assert!(failure.notices.is_empty(), "{outcome}");
    proxy.only_request();

    let proxy = Server::start(|_, _| {
        Reply::status(407)
            .header("proxy-authenticate", "Basic realm=\"x\"")
            .body("no")
    });
    let url = format!("http://ada:s3cret@{}", proxy.address());
    let outcome = to(&format!("https://{NOWHERE}"))
        .args(["--proxy", &url])
        .run();
    outcome.stdout("").stderr_lacks("s3cret").failed(
        6,
        "rejected the user name or password (HTTP 407) when connecting to",
        "check the user name and password",
    );
    assert!(proxy.only_request().header("proxy-authorization").is_some());

    let proxy = Server::start(|_, _| {
        Reply::status(407)
            .header("proxy-authenticate", "Basic realm=\"x\"")
            .body("no")
    });
    let outcome = to(&format!("http://{NOWHERE}"))
        .args(["--allow-http", "--proxy", &proxy.url()])
        .run();
    outcome
        .stdout("")
        .failed(6, "HTTP 407", "user name and password");
    proxy.only_request();
}

#[test]
fn a_proxy_that_refuses_or_is_away_is_exit_6_after_another_try() {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    let proxy = Server::start(move |_, _| {
        Reply::status(502)
            .header("content-type", "text/html")
            .body(page)
    });
    let outcome = to(&format!("https://{NOWHERE}"))
        .args(["--json", "--max-retries", "1", "--proxy", &proxy.url()])
        .run();
    let failure = outcome.stdout("").failure(6);
    let message = format!(
        "cannot connect to {NOWHERE}: the proxy {} refused the connection: HTTP 502 Scripted",
        proxy.address()
    );
    failure.says(&message, "--proxy");
    failure.object(6, "network", &json!({"status": null, "retryable": true}));
    // Each attempt is followed by a question why.
    assert_eq!(
        (failure.notices.len(), proxy.requests().len()),
        (1, 4),
        "{outcome}"
    );

    let proxy = Server::start(|_, _| Reply::status(403).body("blocked"));
    let outcome = to(&format!("https://{NOWHERE}"))
        .args(["--json", "--proxy", &proxy.url()])
        .run();
    let failure = outcome.stdout("").failure(6);
    failure.says("refused the connection: HTTP 403 Scripted", "--proxy");
    failure.object(6, "network", &json!({"status": null, "retryable": false}));
    assert!(failure.notices.is_empty(), "{outcome}");

    let nobody = DeadPort::new();
    let url = format!("http://ada:s3cret@{}", nobody.address());
    let message = format!(
        "cannot connect to the proxy {}: Connection refused",
        nobody.address()
    );
    let without_retries = |base: &str| to(base).args(["--max-retries", "0"]);
    for outcome in [
        without_retries(&format!("https://{NOWHERE}"))
            .args(["--proxy", &url])
            .run(),
        without_retries(&format!("https://{NOWHERE}"))
            .env("HTTPS_PROXY", &url)
            .run(),
        without_retries(&format!("http://{NOWHERE}"))
            .args(["--allow-http", "--proxy", &url])
            .run(),
    ] {
        outcome
            .stdout("")
            .stderr_lacks("s3cret")
            .failed(6, &message, "--proxy");
    }
    // A proxy for https only does not affect this.
    let outcome = without_retries(&format!("http://{NOWHERE}"))
        .args(["--allow-http"])
        .env("HTTPS_PROXY", &url)
        .run();
    outcome
        .stdout("")
        .stderr_lacks(&nobody.address().to_string())
        .failed(6, NOWHERE, "check the network");
}

#[test]
fn a_proxy_of_a_scheme_that_is_not_spoken_is_a_usage_error_wherever_it_is_set() {
    let home = crate::support::home::Home::new();
    let url = "ftp://ada:s3cret@127.0.0.1:1";
    let nowhere = || to(&format!("https://{NOWHERE}"));
    home.write(
        home.config().join("config.toml"),
        format!("proxy = '{url}'\n"),
    );
    for outcome in [
        nowhere().args(["--proxy", url]).run(),
        nowhere().env("HTTPS_PROXY", url).run(),
        nowhere().home(&home).run(),
    ] {
        outcome
            .stdout("")
            .stderr_lacks("s3cret")
            .failed(2, "`ftp://` proxies", "http://host:port");
    }
    let doctor = Langdock::new()
        .args(["doctor", "--base-url", &format!("https://{NOWHERE}")])
        .key();
    let outcome = doctor.env("HTTPS_PROXY", url).run();
    outcome
        .code(2)
        .stdout_contains("wrong  proxy")
        .stdout_contains("ftp://")
        .stderr_contains("1 problem found");
}

#[test]
fn a_socks_proxy_is_asked_for_the_host_by_name_or_by_address() {
    let certificate = TlsCertificate::for_names(&["api.langdock.com", "0.0.0.0"]);
    let origin = origin(&certificate);
    let there = not_called_loopback(&origin);
    for (scheme, login, url, target) in [
        (
            "socks5h",
            "",
            "https://api.langdock.com",
            "api.langdock.com:443",
        ),
        (
            "socks5h",
            "ada:s3cret@",
            "https://api.langdock.com",
            "api.langdock.com:443",
        ),
        ("socks5", "", &*format!("https://{there}"), &*there),
    ] {
        let proxy = SocksProxy::to(origin.address());
        let proxy_url = format!("{scheme}://{login}{}", proxy.address());
        let langdock = to(url).args(["-vv", "--proxy", &proxy_url]);
        let outcome = langdock.env("SSL_CERT_FILE", certificate.ca_file()).run();
        outcome.code(0).stdout("whole\n").stderr_lacks("s3cret");
        let asked = proxy.asked();
        assert_eq!(asked.target, target);
        assert_eq!(asked.login, login.trim_end_matches('@'));
    }
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn a_socks_proxy_that_does_not_listen_is_named() {
    let nobody = DeadPort::new();
    let url = format!("socks5h://ada:s3cret@{}", nobody.address());
    let outcome = to("https://api.langdock.com")
        .args(["--max-retries", "0", "--proxy", &url])
        .run();
    outcome.stdout("").stderr_lacks("s3cret").failed(
        6,
        &format!("cannot connect to the proxy {}", nobody.address()),
        "check --proxy",
    );
}

#[test]
fn an_empty_proxy_means_none() {
    let certificate = TlsCertificate::for_names(&["0.0.0.0"]);
    let (origin, proxy) = (origin(&certificate), trap());
    let outcome = to(&format!("https://{}", not_called_loopback(&origin)))
        .args(["--proxy", ""])
        .env("HTTPS_PROXY", proxy.url())
        .env("SSL_CERT_FILE", certificate.ca_file())
        .run();
    outcome.code(0).stdout("whole\n").stderr_empty();
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn loopback_never_goes_through_a_proxy() {
    let certificate = TlsCertificate::valid();
    let (https, proxy) = (origin(&certificate), trap());
    let http = Server::start(|_, _| Reply::sse(events::answer(&["whole"])));
    let (secure, plain) = (https.address().port(), http.address().port());
    for url in [
        format!("https://127.0.0.1:{secure}"),
        format!("https://localhost:{secure}"),
        format!("http://127.0.0.1:{plain}"),
        format!("http://localhost:{plain}"),
        format!("http://LOCALHOST:{plain}"),
    ] {
        let langdock = to(&url)
            .args(["--proxy", &proxy.url()])
            .env("HTTPS_PROXY", proxy.url());
        let outcome = langdock.env("SSL_CERT_FILE", certificate.ca_file()).run();
        outcome.code(0).stdout("whole\n").stderr_empty();
    }
    assert_eq!(
        (
            https.requests().len(),
            http.requests().len(),
            proxy.connections()
        ),
        (2, 3, 0)
    );
}

#[test]
fn other_variables_for_proxies_have_no_effect() {
    let certificate = TlsCertificate::for_names(&["0.0.0.0"]);
    let (https, proxy) = (origin(&certificate), trap());
    let http = Server::start(|_, _| Reply::sse(events::answer(&["whole"])));
    let others = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let with = |langdock: Langdock, names: &[&str]| {
        names
            .iter()
            .fold(langdock, |langdock, name| langdock.env(name, proxy.url()))
    };
    let langdock = to(&format!("https://{}", not_called_loopback(&https)))
        .env("SSL_CERT_FILE", certificate.ca_file());
    with(langdock, &others)
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    let langdock = to(&format!("http://{}", not_called_loopback(&http))).args(["--allow-http"]);
    with(with(langdock, &others), &["HTTPS_PROXY"])
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    assert_eq!(
        (
            https.requests().len(),
            http.requests().len(),
            proxy.connections()
        ),
        (1, 1, 0)
    );
}

#[test]
fn plain_http_to_another_host_is_refused_unless_it_is_allowed() {
    let http = Server::start(|_, _| Reply::sse(events::answer(&["whole"])));
    let url = format!("http://{}", not_called_loopback(&http));
    let proxy = trap();
    for base in [
        url.as_str(),
        "http://langdock.invalid",
        "http://127.0.0.1.langdock.invalid",
    ] {
        let outcome = to(base).args(["--json", "--proxy", &proxy.url()]).run();
        outcome
            .stdout("")
            .failure(2)
            .says(base, "--allow-http")
            .object(2, "usage", &json!({"status": null}));
    }
    assert_eq!((http.connections(), proxy.connections()), (0, 0));
    to(&url)
        .args(["--allow-http"])
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    http.only_request();
}

#[test]
fn plain_http_that_is_allowed_goes_through_the_proxy_of_the_flag() {
    let proxy = Server::start(|_, _| Reply::sse(events::answer(&["whole"])));
    let outcome = to(&format!("http://{NOWHERE}:8080/api"))
        .args(["--allow-http", "--proxy", &proxy.url()])
        .run();
    outcome.code(0).stdout("whole\n").stderr_empty();
    let request = proxy.only_request();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "http://langdock.invalid:8080/api/v1/messages")
    );
}

#[test]
fn a_proxy_whose_url_cannot_be_used_is_a_usage_error_that_does_not_repeat_it() {
    let outcome = to(&format!("https://{NOWHERE}"))
        .args(["--proxy", "http://ada:s3cret@"])
        .run();
    outcome
        .stdout("")
        .failed(2, "proxy", "http://host:port")
        .stderr_lacks("s3cret");
}

#[test]
fn a_connection_that_is_refused_is_tried_again_and_then_exit_6_with_the_host() {
    let nobody = DeadPort::new();
    let outcome = to(&nobody.url())
        .args(["--json", "--max-retries", "1"])
        .run();
    let failure = outcome.stdout("").failure(6);
    failure.says(
        &format!("cannot connect to {}", nobody.address()),
        "--base-url",
    );
    failure.object(
        6,
        "network",
        &json!({"status": null, "type": null, "request_id": null, "retryable": true}),
    );
    assert!(failure.message.ends_with("(after 2 attempts)"), "{outcome}");
    assert_eq!(failure.notices.len(), 1, "{outcome}");
    assert!(failure.notices[0].contains("retrying in 0."), "{outcome}");
}

#[test]
fn a_host_without_a_name_is_exit_6_and_named() {
    let langdock =
        to(&format!("https://{NOWHERE}")).args(["--max-retries", "0", "--connect-timeout", "10s"]);
    let outcome = langdock.run();
    let failure = outcome.stdout("").failure(6);
    // Without any name server, a resolver may be slow to fail.
    let expected = [
        format!("cannot find {NOWHERE}"),
        "no connection within".to_owned(),
    ];
    assert!(
        expected.iter().any(|part| failure.message.contains(part)),
        "{outcome}"
    );
}

#[test]
fn nothing_is_read_from_the_directory_or_written_to_it() {
    let http = Server::start(|_, _| Reply::sse(events::answer(&["whole"])));
    let home = crate::support::home::Home::new();
    home.write("work/.env", "LANGDOCK_BASE_URL=http://127.0.0.1:1\n");
    to(&http.url())
        .home(&home)
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    assert_eq!(fs::read_dir(home.work()).unwrap().count(), 1);
}
