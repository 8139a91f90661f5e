//! The endpoint over a real socket.

use std::time::Duration;

use memchr::memmem::find;
use nix::errno::Errno;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Sends one request to a new endpoint and returns the whole response as text.
async fn exchange(settings: DemoSettings, headers: &str, body: &str) -> String {
    let endpoint = ScriptedEndpoint::start(settings)
        .await
        .expect("loopback has a free port");
    ask(endpoint.address(), headers.to_owned(), body.to_owned()).await
}

/// Sends one request and returns all of the response's bytes as text.
async fn ask(address: SocketAddr, headers: String, body: String) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    let request = format!(
        "POST /anthropic/eu/v1/messages HTTP/1.1\r\nhost: demo\r\nconnection: \
         close\r\n{headers}content-length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .await
        .expect("it answers and closes");
    response
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_in_the_shape_of_the_api() {
    let response = exchange(
        DemoSettings::default(),
        "content-type: application/json\r\n",
        "{}",
    )
    .await;
    assert!(
        response.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
        "{response}"
    );
    assert!(
        response.contains("\r\nrequest-id: req_demo_1\r\n"),
        "{response}"
    );
    assert!(
        response.ends_with(
            "\r\n\r\n{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"Missing API key\"},\
             \"request_id\":\"req_demo_1\"}"
        ),
        "{response}"
    );
}

#[tokio::test]
async fn a_streamed_answer_comes_in_a_chunk_for_each_event() {
    let settings = DemoSettings {
        key: Some("sk-demo".to_owned()),
        ..DemoSettings::default()
    };
    let headers = "authorization: Bearer sk-demo\r\ncontent-type: application/json\r\n";
    let body = r#"{"model":"claude-3-haiku-20240307","max_tokens":5,"stream":true,
        "messages":[{"role":"user","content":"Hello"}]}"#;
    let response = exchange(settings, headers, body).await;
    let (head, chunks) = response.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("content-type: text/event-stream; charset=utf-8"),
        "{head}"
    );
    // A chunk is its length in hex, CRLF, its bytes, CRLF. Events end their chunks and begin the
    // next ones.
    let events: Vec<&str> = chunks
        .split("\r\n")
        .filter(|chunk| chunk.starts_with("event: "))
        .collect();
    assert!(
        events
            .iter()
            .all(|event| event.matches("event: ").count() == 1 && event.ends_with("\n\n")),
        "{chunks}"
    );
    assert!(events[0].starts_with("event: message_start\n"), "{chunks}");
    assert!(
        events
            .iter()
            .any(|event| event.contains("\"stop_reason\":\"max_tokens\"")),
        "{chunks}"
    );
    assert!(
        chunks.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n\r\n0\r\n\r\n"),
        "{chunks}"
    );
}

#[tokio::test]
async fn a_dropped_endpoint_hangs_up() {
    let endpoint = ScriptedEndpoint::start(DemoSettings::default())
        .await
        .expect("loopback has a free port");
    let mut stream = TcpStream::connect(endpoint.address())
        .await
        .expect("it accepts");
    drop(endpoint);
    let read = stream.read(&mut [0]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

/// Sends bytes to an endpoint with little patience, and returns all that it answers until it hangs
/// up.
async fn answer_to_half(sent: &str) -> String {
    let settings = DemoSettings {
        patience: Duration::from_millis(50),
        ..DemoSettings::default()
    };
    let endpoint = ScriptedEndpoint::start(settings)
        .await
        .expect("loopback has a free port");
    let mut stream = TcpStream::connect(endpoint.address())
        .await
        .expect("it accepts");
    stream.write_all(sent.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("it closes the connection");
    answer
}

#[tokio::test]
async fn half_a_head_and_half_a_body_are_not_waited_for() {
    assert_eq!(answer_to_half("POST /anthropic/eu/v1/mess").await, "");
    let head = "POST /anthropic/eu/v1/messages HTTP/1.1\r\nhost: demo\r\nx-api-key: k\r\n\
                content-type: application/json\r\n";
    for body in [
        "content-length: 100\r\n\r\n{",
        "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ] {
        let answer = answer_to_half(&format!("{head}{body}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(
            answer.contains("The request body did not arrive in time"),
            "{answer}"
        );
    }
}

/// Sends a request that keeps its connection, and reads the answer to its end.
async fn ask_and_stay(stream: &mut TcpStream) {
    let request = b"GET /nowhere HTTP/1.1\r\nhost: demo\r\n\r\n";
    stream.write_all(request).await.expect("it reads");
    let mut answer = Vec::new();
    while !(answer.ends_with(b"\"}") && find(&answer, b"\"request_id\":").is_some()) {
        let read = stream.read_buf(&mut answer).await.expect("it answers");
        assert_ne!(read, 0, "it keeps the connection");
    }
}

#[tokio::test]
async fn a_connection_too_many_is_answered_once_another_has_ended() {
    let settings = DemoSettings {
        max_connections: 2,
        ..DemoSettings::default()
    };
    let endpoint = ScriptedEndpoint::start(settings)
        .await
        .expect("loopback has a free port");
    let connect = || TcpStream::connect(endpoint.address());
    let mut first = connect().await.expect("it accepts");
    let mut second = connect().await.expect("it accepts");
    ask_and_stay(&mut first).await;
    ask_and_stay(&mut second).await;
    // The system takes it in, and keeps it until there is room.
    let mut third = connect().await.expect("the queue has room");
    let mut third = pin!(ask_and_stay(&mut third));
    tokio::select! {
        biased;
        () = &mut third => panic!("there are two others"),
        () = ask_and_stay(&mut second) => {}
    }
    drop(first);
    third.await;
}

#[test]
fn only_where_the_system_has_nothing_left_is_there_a_pause_before_the_next_connection() {
    let pause = |errno: Errno| pause_after(&io::Error::from(errno));
    for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
        assert_eq!(pause(errno), ACCEPT_BACK_OFF, "{errno}");
    }
    for errno in [Errno::ECONNABORTED, Errno::ECONNRESET, Errno::EINTR] {
        assert_eq!(pause(errno), Duration::ZERO, "{errno}");
    }
}

#[tokio::test]
async fn a_body_of_many_values_is_refused_before_it_is_parsed() {
    let headers = "x-api-key: k\r\ncontent-type: application/json\r\n";
    let body = format!("[{}1]", "[],".repeat(200_000));
    let response = exchange(DemoSettings::default(), headers, &body).await;
    assert!(
        response.starts_with("HTTP/1.1 413 Payload Too Large\r\n"),
        "{response}"
    );
    assert!(
        response.contains("Request has too many JSON values"),
        "{response}"
    );
}

#[tokio::test]
async fn large_bodies_that_come_at_once_are_all_answered() {
    let headers = "x-api-key: k\r\ncontent-type: application/json\r\n";
    let text = "word ".repeat(100_000);
    let body = format!(
        r#"{{"model":"claude-3-haiku-20240307","max_tokens":5,"messages":[{{"role":"user","content":"{text}"}}]}}"#
    );
    let endpoint = ScriptedEndpoint::start(DemoSettings::default())
        .await
        .expect("loopback has a free port");
    let mut asks = JoinSet::new();
    for _ in 0..60 {
        asks.spawn(ask(endpoint.address(), headers.to_owned(), body.clone()));
    }
    while let Some(response) = asks.join_next().await {
        let response = response.expect("it does not panic");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
}
