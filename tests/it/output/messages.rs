//! Messages on stderr: usage, steps, headers, and nothing with `-q`.

use serde_json::json;

use crate::support::{
    command::KEY,
    events::{MODEL, Stream, answer, error, message},
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

#[test]
fn usage_is_one_line_of_tokens_and_time() {
    let outcome = send(&answering("ok")).args(["-u", "Hi"]).run();
    outcome.code(0).stdout("ok\n");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    assert!(
        outcome
            .stderr
            .starts_with("25 tokens in, 15 out; first token after "),
        "{outcome}"
    );
}

#[test]
fn usage_counts_what_came_from_the_cache() {
    let usage = json!({"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 1});
    let stream = Stream::new()
        .field("usage", usage)
        .start()
        .text_block(["ok"])
        .stop("end_turn")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    let outcome = send(&server).args(["-u", "Hi"]).run();
    outcome.code(0).stdout("ok\n").stderr_contains(
        "125 tokens in (100 read from the cache, 20 written to it, 5 not cached), 15 out",
    );
}

#[test]
fn usage_is_told_of_a_json_answer_and_of_one_that_was_cut_off_too() {
    let server = Server::start(|_, _| Reply::json(200, &message("ok")));
    send(&server)
        .args(["-u", "--set=stream=false", "--json", "Hi"])
        .run()
        .code(0)
        .stderr_contains("25 tokens in, 15 out");
    let stream = Stream::new()
        .start()
        .text_block(["cut"])
        .stop("max_tokens")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    send(&server)
        .args(["-u", "Hi"])
        .run()
        .code(9)
        .stdout("cut\n")
        .stderr_contains("25 tokens in, 15 out");
}

#[test]
fn quiet_says_nothing_but_errors() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::status(503).header("retry-after-ms", 1),
        _ => Reply::sse(answer(&["ok"])),
    });
    send(&server)
        .args(["-q", "--region", "mars", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(server.requests().len(), 2);
    let server = Server::start(|_, _| Reply::json(400, &error("invalid_request_error", "No.")));
    send(&server)
        .args(["-q", "Hi"])
        .run()
        .code(3)
        .stdout("")
        .stderr_contains("langdock: error: HTTP 400");
}

#[test]
fn one_v_tells_the_steps() {
    let stream = answer(&["ok"]);
    let server = Server::start(move |_, _| Reply::sse(&stream).header("request-id", "req_7"));
    let outcome = send(&server).args(["-v", "Hi"]).run();
    outcome.code(0).stdout("ok\n");
    outcome.stderr_contains(&format!(
        "* model {MODEL}, region eu, {}/anthropic/eu/v1/messages\n",
        server.url()
    ));
    outcome
        .stderr_contains("* sending, attempt 1\n")
        .stderr_contains("* HTTP 200 after ")
        .stderr_contains("request id req_7\n");
    outcome.stderr_lacks("\n> ").stderr_lacks("\n< ");
}

#[test]
fn two_vs_tell_the_headers_but_neither_the_body_nor_the_key() {
    let stream = answer(&["answer text"]);
    let server =
        Server::start(move |_, _| Reply::sse(&stream).header("x-echo", format!("you sent {KEY}")));
    let outcome = send(&server).args(["-vv", "prompt text"]).run();
    outcome.code(0).stdout("answer text\n");
    for line in [
        format!("\n> POST {}/anthropic/eu/v1/messages\n", server.url()),
        "\n> accept: text/event-stream\n".to_owned(),
        "\n> anthropic-version: 2023-06-01\n".to_owned(),
        "\n> content-type: application/json\n".to_owned(),
        "\n> authorization: [API key]\n".to_owned(),
        "\n< content-type: text/event-stream; charset=utf-8\n".to_owned(),
        "\n< x-echo: you sent [API key]\n".to_owned(),
    ] {
        outcome.stderr_contains(&line);
    }
    outcome
        .stderr_lacks(KEY)
        .stderr_lacks("prompt text")
        .stderr_lacks("answer text");
}

#[test]
fn the_headers_that_are_told_are_those_that_are_sent() {
    let server = answering("ok");
    let outcome = send(&server).args(["-vv", "Hi"]).run();
    outcome.code(0);
    for (name, value) in server.only_request().headers {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "authorization" => outcome.stderr_contains("\n> authorization: [API key]\n"),
            "host" => outcome.stderr_contains(&value),
            _ => outcome.stderr_contains(&format!("\n> {name}: {value}\n")),
        };
    }
}

#[test]
fn a_key_that_the_server_echoes_in_an_error_is_blanked() {
    for args in [
        &["Hi"][..],
        &["-vv", "Hi"],
        &["--json", "Hi"],
        &["--jsonl", "Hi"],
    ] {
        let server = Server::start(|_, _| {
            Reply::json(
                401,
                &error("authentication_error", &format!("Bad key {KEY}")),
            )
            .header("request-id", KEY)
        });
        let outcome = send(&server).args(args).run();
        outcome
            .code(4)
            .stderr_contains("Bad key [API key]")
            .stderr_lacks(KEY);
        assert!(!outcome.stdout_text().contains(KEY), "{outcome}");
    }
}
