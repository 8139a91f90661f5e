//! The endpoint over a real socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Sends one request to a new endpoint and returns the whole response as text.
async fn exchange(settings: DemoSettings, headers: &str, body: &str) -> String {
    let endpoint = ScriptedEndpoint::start(settings)
        .await
        .expect("loopback has a free port");
    let mut stream = TcpStream::connect(endpoint.address())
        .await
        .expect("it accepts");
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
