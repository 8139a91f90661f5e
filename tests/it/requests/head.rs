//! The request line and the headers: nothing else is sent, and each header once.

use crate::support::{
    command::KEY,
    events::message,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
};

/// Asserts that the request has exactly these headers, each once.
#[track_caller]
fn assert_headers(request: &Request, accept: &str) {
    let mut sent = request.headers.clone();
    for (name, _) in &mut sent {
        name.make_ascii_lowercase();
    }
    sent.sort();
    let host = request.header("host").unwrap().to_owned();
    let expected = [
        ("accept", accept.to_owned()),
        ("anthropic-version", "2023-06-01".to_owned()),
        ("authorization", format!("Bearer {KEY}")),
        ("content-length", request.body.len().to_string()),
        ("content-type", "application/json".to_owned()),
        ("host", host),
        (
            "user-agent",
            concat!("langdock/", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn a_streamed_request_is_a_post_with_each_header_once() {
    let server = answering("ok");
    send(&server)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let request = server.only_request();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/anthropic/eu/v1/messages")
    );
    assert_eq!(
        request.header("host"),
        Some(server.address().to_string().as_str())
    );
    assert_headers(&request, "text/event-stream");
}

#[test]
fn a_request_for_one_piece_accepts_json() {
    let server = Server::start(|_, _| Reply::json(200, &message("ok")));
    send(&server)
        .args(["--set=stream=false", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_headers(&server.only_request(), "application/json");
}

#[test]
fn white_space_around_the_key_is_not_sent() {
    let server = answering("ok");
    send(&server)
        .env("LANGDOCK_API_KEY", format!("  {KEY}\n"))
        .args(["Hi"])
        .run()
        .code(0)
        .stderr_empty();
    assert_headers(&server.only_request(), "text/event-stream");
}

#[test]
fn a_key_that_cannot_stand_in_a_header_is_refused_and_not_repeated() {
    let server = answering("ok");
    let outcome = send(&server)
        .env("LANGDOCK_API_KEY", "sk-ld secret")
        .args(["Hi"])
        .run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("`LANGDOCK_API_KEY`")
        .stderr_lacks("secret");
    assert_eq!(
        outcome.stderr.matches("it contains a space").count(),
        1,
        "{outcome}"
    );
    assert_eq!(server.connections(), 0);
}
