//! After a signal, the server finishes the answers in progress; a second one stops it at once.

use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{
    command::KEY,
    serving::{Answered, Serving, read_until},
};

/// The message after the first signal.
const DRAINS: &str = "langdock: finishing the answers in progress; press Ctrl-C to stop at once\n";

#[test]
fn an_answer_under_way_is_finished_while_nobody_else_is_let_in() {
    for (signal, number) in [(Signal::SIGTERM, 15), (Signal::SIGINT, 2)] {
        let serving = Serving::start(&["--rate", "25"]);
        let address = serving.address();
        let mut stream = serving.open(KEY, &json!({"stream": true}));
        read_until(&mut stream, "event: content_block_delta");
        serving.running.signal(signal);
        // The system may accept connections before the listener closes; they are then dropped.
        while TcpStream::connect(address).is_ok() {}
        let rest = read_rest(stream);
        assert!(
            rest.contains("event: message_stop") && rest.ends_with("\r\n0\r\n\r\n"),
            "{rest}"
        );
        let outcome = serving.running.finish();
        outcome
            .signal(number)
            .stderr_contains(DRAINS)
            .stderr_lacks("error");
    }
}

#[test]
fn ctrl_c_does_not_wait() {
    let serving = Serving::start(&["--rate", "4"]);
    let mut stream = serving.open(KEY, &json!({"stream": true}));
    read_until(&mut stream, "event: content_block_delta");
    serving
        .running
        .signal(Signal::SIGTERM)
        .wait_for_stderr(DRAINS)
        .signal(Signal::SIGINT);
    serving.running.finish().signal(2);
    assert!(!read_rest(stream).contains("message_stop"));
}

#[test]
fn a_second_sigterm_does_not_wait_either() {
    let serving = Serving::start(&["--rate", "4"]);
    let mut stream = serving.open(KEY, &json!({"stream": true}));
    read_until(&mut stream, "event: content_block_delta");
    serving
        .running
        .signal(Signal::SIGTERM)
        .wait_for_stderr(DRAINS);
    // Signals right after the first one count as the first.
    while serving.running.try_signal(Signal::SIGTERM) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    serving.running.finish().signal(15);
    assert!(!read_rest(stream).contains("message_stop"));
}

#[test]
fn connections_that_nothing_is_asked_on_are_not_waited_for() {
    let serving = Serving::start(&[]);
    let silent = TcpStream::connect(serving.address()).unwrap();
    let mut kept = BufReader::new(TcpStream::connect(serving.address()).unwrap());
    kept.get_mut()
        .write_all(b"GET /anthropic/eu/v1/models HTTP/1.1\r\nhost: demo\r\n\r\n")
        .unwrap();
    read_until(&mut kept, "HTTP/1.1 401");
    serving.ended().stderr_contains(DRAINS);
    drop((silent, kept));
}

#[test]
fn an_answer_that_stalls_is_not_waited_for() {
    let serving = Serving::start(&["--fail", "stall:1"]);
    let mut stream = serving.open(KEY, &json!({"stream": true}));
    read_until(&mut stream, "event: content_block_delta");
    serving.end();
    let rest = read_rest(stream);
    assert!(
        rest.contains("event: content_block_delta") && !rest.contains("message_stop"),
        "{rest}"
    );
}

/// Reads the rest of a response after its headers and a part of its body.
fn read_rest(mut stream: BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    // A killed server may reset the connection.
    let _ = stream.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn a_whole_answer_under_way_is_finished_too() {
    let serving = Serving::start(&["--latency", "300ms"]);
    let stream = serving.open(KEY, &json!({}));
    // The server accepts connections in order, so the first one has been accepted by now.
    assert_eq!(
        Answered::read(serving.raw("GET /anthropic/eu/v1/models", "x-api-key: k\r\n", "")).status,
        200
    );
    serving.running.signal(Signal::SIGTERM);
    let answer = Answered::read(stream);
    assert!(answer.status == 200 && answer.is_whole(), "{answer:?}");
    serving.running.finish().signal(15);
}
