//! Where a request goes: region and base URL, end to end.

use crate::support::{
    command::Langdock,
    events::{MODEL, answer},
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Returns the path of a request with these arguments and this base URL, which is appended to the
/// server's root.
#[track_caller]
fn path(base: &str, args: &[&str]) -> String {
    let server = answering("ok");
    let base = format!("{}{base}", server.url());
    send(&server)
        .args(["Hi", "--base-url", &base])
        .args(args)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request().path
}

#[test]
fn every_form_of_a_base_url_leads_to_the_messages() {
    for (base, path_seen) in [
        ("", "/v1/messages"),
        ("/", "/v1/messages"),
        ("/v1", "/v1/messages"),
        ("/v1/", "/v1/messages"),
        ("/v1/messages", "/v1/messages"),
        ("/v1/messages/", "/v1/messages"),
        ("/anthropic/{region}", "/anthropic/eu/v1/messages"),
        ("/anthropic/{region}/", "/anthropic/eu/v1/messages"),
        ("/anthropic/{region}/v1", "/anthropic/eu/v1/messages"),
        ("/anthropic/eu/v1/messages", "/anthropic/eu/v1/messages"),
        ("/api/public", "/api/public/anthropic/eu/v1/messages"),
        ("/api/public/", "/api/public/anthropic/eu/v1/messages"),
        (
            "/api/public/anthropic/{region}",
            "/api/public/anthropic/eu/v1/messages",
        ),
        ("/a/gateway", "/a/gateway/v1/messages"),
    ] {
        assert_eq!(path(base, &[]), path_seen, "{base}");
    }
}

#[test]
fn the_region_that_was_chosen_is_in_the_path() {
    for region in ["eu", "us", "global", "ch"] {
        assert_eq!(
            path("/anthropic/{region}", &["--region", region]),
            format!("/anthropic/{region}/v1/messages")
        );
        assert_eq!(
            path("/api/public", &["--region", region]),
            format!("/api/public/anthropic/{region}/v1/messages")
        );
    }
}

#[test]
fn a_region_that_nobody_named_is_sent_with_a_notice() {
    let server = answering("ok");
    let outcome = send(&server).args(["Hi", "--region", "ap-south-1"]).run();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr_contains("langdock: region `ap-south-1` is not in");
    assert_eq!(outcome.stderr.lines().count(), 1);
    assert_eq!(
        server.only_request().path,
        "/anthropic/ap-south-1/v1/messages"
    );
}

#[test]
fn a_base_url_with_a_fixed_region_goes_with_no_other() {
    let server = answering("ok");
    let base = format!("{}/anthropic/us", server.url());
    let outcome = send(&server)
        .args(["Hi", "--region", "eu", "--base-url", &base])
        .run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("`us`")
        .stderr_contains("--region us");
    assert_eq!(server.connections(), 0);

    send(&server)
        .args(["Hi", "--base-url", &base])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(server.only_request().path, "/anthropic/us/v1/messages");
}

#[test]
fn what_is_no_region_or_no_base_url_is_refused() {
    let server = answering("ok");
    for (args, reason) in [
        (["--region", "EU"], "`EU` is not a region"),
        (["--region", "../us"], "`../us` is not a region"),
        (
            ["--base-url", "api.langdock.com"],
            "does not begin with https://",
        ),
        (
            ["--base-url", "ftp://127.0.0.1"],
            "does not begin with https://",
        ),
        (
            ["--base-url", "ada:s3cret@localhost:1"],
            "`localhost:1` does not begin with https://",
        ),
        (
            ["--base-url", "https://ada:s3cret@localhost:1/?x=1"],
            "`localhost:1/?x=1` has a query",
        ),
        (["--base-url", "http://192.0.2.1"], "plain http"),
    ] {
        let outcome = send(&server).args(["Hi"]).args(args).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains(reason)
            .stderr_contains(args[0])
            .stderr_contains("\nhint: ")
            .stderr_lacks("s3cret");
        assert_eq!(
            outcome.stderr.matches(reason).count(),
            1,
            "a reason is told once\n{outcome}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_default_is_langdocks_own_host_in_eu() {
    let outcome = Langdock::new()
        .env("LANGDOCK_MODEL", MODEL)
        .args(["send", "Hi", "--curl"])
        .run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains(" https://api.langdock.com/anthropic/eu/v1/messages ");
    for base in [
        "https://api.langdock.com",
        "https://api.langdock.com/v1/messages",
    ] {
        let outcome = Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["send", "Hi", "--curl", "--region", "us", "--base-url", base])
            .run();
        outcome
            .code(0)
            .stderr_empty()
            .stdout_contains(" https://api.langdock.com/anthropic/us/v1/messages ");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = answering("ok");
    let target = format!("{}/v1/messages", other.url());
    let server = Server::start(move |_, _| Reply::status(307).header("location", &target));
    let outcome = send(&server).args(["Hi"]).run();
    outcome
        .code(3)
        .stdout("")
        .stderr_contains(&other.url())
        .stderr_contains("not followed");
    assert_eq!((server.requests().len(), other.connections()), (1, 0));
}

#[test]
fn a_retry_goes_to_the_same_region() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::status(503).header("retry-after-ms", 1),
        _ => Reply::sse(answer(&["ok"])),
    });
    send(&server)
        .args(["Hi", "--region", "us"])
        .run()
        .code(0)
        .stdout("ok\n");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests
            .iter()
            .all(|request| request.path == "/anthropic/us/v1/messages"),
        "{requests:#?}"
    );
    assert_eq!(requests[0].body, requests[1].body);
}
