//! Interrupted answers: they are retried before the first content, kept and reported after it, and
//! never a success.

use std::thread;

use serde_json::{Value, json};

use crate::{
    endings::send,
    support::{
        events::{self, Stream},
        gate::Gate,
        home::Home,
        reply::Reply,
        server::Server,
    },
};

/// Creates the reply, any number of times.
type Replies = Box<dyn Fn() -> Reply + Send + Sync>;

/// Returns a stream that has begun, with a block that has no content.
fn begun() -> Stream {
    Stream::new().start()
}

/// Creates a stream that is interrupted after these events.
fn cut(stream: &Stream) -> Replies {
    let text = stream.to_string();
    Box::new(move || Reply::sse_start().body(&text).close())
}

/// Returns every way of interrupting an answer before its first content, with names for messages.
fn breaks_before_content() -> Vec<(&'static str, Replies)> {
    let opened = begun().ping().open_text_block([""; 0]);
    let half = opened.to_string()
        + "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"del";
    let (reset, garbled, short) = (opened.to_string(), opened.to_string(), opened.to_string());
    let until_close = opened.to_string();
    vec![
        ("no head", Box::new(Reply::hang_up)),
        ("half a head", Box::new(|| Reply::raw("HTTP/1.1 200 OK\r\ncontent-ty"))),
        ("no body", Box::new(|| Reply::sse_start().close())),
        ("an empty body", Box::new(|| Reply::sse(""))),
        ("white space", Box::new(|| Reply::sse("\n\n"))),
        ("message_start", cut(&begun())),
        ("content_block_start", cut(&opened)),
        ("a thinking block", cut(&begun().raw("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"))),
        ("half an event", Box::new(move || Reply::sse_start().body(&half).close())),
        ("an end in good order", Box::new(move || Reply::sse_start().until_close().body(&until_close))),
        ("a reset", Box::new(move || Reply::sse_start().body(&reset).reset())),
        ("a broken chunk", Box::new(move || Reply::sse_start().body(&garbled).unframed("zz\r\n"))),
        (
            "too short a body",
            Box::new(move || Reply::status(200).header("content-length", 5000).body(&short).close()),
        ),
    ]
}

#[test]
fn an_answer_that_breaks_off_before_its_first_part_is_tried_again() {
    thread::scope(|scope| {
        for (name, reply) in breaks_before_content() {
            scope.spawn(move || {
                let whole = events::answer(&["whole", " answer"]);
                let server = Server::start(move |_, nth| {
                    if nth == 0 {
                        reply()
                    } else {
                        Reply::sse(&whole)
                    }
                });
                let outcome = send(&server).run();
                outcome
                    .code(0)
                    .stdout("whole answer\n")
                    .stderr_contains("; retrying in 0.");
                assert_eq!(outcome.stderr.lines().count(), 1, "{name}: {outcome}");
                let requests = server.requests();
                assert_eq!(requests.len(), 2, "{name}: {outcome}");
                assert_eq!(requests[0].body, requests[1].body, "{name}");
            });
        }
    });
}

#[test]
fn an_answer_that_always_breaks_off_before_its_first_part_is_exit_6() {
    for (name, reply) in breaks_before_content() {
        let server = Server::start(move |_, _| reply());
        let outcome = send(&server).args(["--json", "--max-retries", "0"]).run();
        let failure = outcome.failure(6);
        failure.object(
            6,
            "network",
            &json!({"status": null, "type": null, "retryable": true, "retry_after": null}),
        );
        assert!(
            failure.notices.is_empty() && !failure.hint.is_empty(),
            "{name}: {outcome}"
        );
        if !outcome.stdout.is_empty() {
            let object = outcome.stdout_json();
            assert_eq!(object["langdock"]["complete"], false, "{name}: {outcome}");
            assert!(
                object["content"][0]["text"]
                    .as_str()
                    .is_none_or(str::is_empty),
                "{name}: {outcome}"
            );
        }
        let outcome = send(&server).args(["--max-retries", "0"]).run();
        outcome.stdout("").failure(6);
        assert_eq!(server.requests().len(), 2, "{name}");
    }
}

#[test]
fn an_answer_without_streaming_that_breaks_off_is_tried_again_and_then_exit_6() {
    let whole = events::message("whole").to_string();
    let half = whole[..whole.len() / 2].to_owned();
    let replies: Vec<(&str, Replies)> = vec![
        (
            "half of it",
            Box::new({
                let half = half.clone();
                move || Reply::status(200).body(&half)
            }),
        ),
        (
            "too short a body",
            Box::new(move || {
                Reply::status(200)
                    .header("content-length", 5000)
                    .body(&half)
                    .close()
            }),
        ),
        ("nothing", Box::new(|| Reply::status(200))),
        ("no head", Box::new(Reply::hang_up)),
    ];
    thread::scope(|scope| {
        for (name, reply) in replies {
            let whole = whole.clone();
            scope.spawn(move || {
                let server = Server::start(move |_, nth| {
                    if nth == 1 {
                        Reply::status(200).body(&whole)
                    } else {
                        reply()
                    }
                });
                let outcome = send(&server).args(["--set=stream=false"]).run();
                outcome.code(0).stdout("whole\n");
                let outcome = send(&server)
                    .args(["--set=stream=false", "--max-retries", "0"])
                    .run();
                let failure = outcome.stdout("").failure(6);
                assert!(failure.notices.is_empty(), "{name}: {outcome}");
                assert_eq!(server.requests().len(), 3, "{name}");
            });
        }
    });
}

#[test]
fn an_answer_that_breaks_off_after_its_first_part_is_kept_and_told_and_not_tried_again() {
    let text = begun().open_text_block(["Hel", "lo \u{1f642} wor"]);
    let two = begun().text_block(["one"]).open_text_block(["two"]);
    let thinking = begun().raw(concat!(
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}\n\n",
    ));
    let tool = begun().raw(concat!(
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
    ));
    let stopped = begun().text_block(["all of it"]).raw(
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1}}\n\n",
    );
    for (stream, stdout) in [
        (&text, "Hello \u{1f642} wor\n"),
        (&two, "onetwo\n"),
        (&thinking, ""),
        (&tool, ""),
        (&stopped, "all of it\n"),
    ] {
        let events = stream.to_string();
        let breaks: [Box<dyn Fn(Reply) -> Reply + Send + Sync>; 4] = [
            Box::new(Reply::close),
            Box::new(|reply| reply),
            Box::new(|reply| reply.unframed("zz\r\n")),
            Box::new(|reply| {
                reply
                    .body("event: content_block_delta\ndata: {\"typ")
                    .close()
            }),
        ];
        for broken in breaks {
            let events = events.clone();
            let server = Server::start(move |_, _| broken(Reply::sse_start().body(&events)));
            let outcome = send(&server).run();
            outcome
                .stdout(stdout)
                .failed(8, "", "send the request again");
            server.only_request();
        }
    }
}

#[test]
fn a_reset_in_mid_answer_is_exit_8_with_what_came() {
    let gate = Gate::new();
    let theirs = gate.clone();
    let events = begun().open_text_block(["Hello"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&events).wait(&theirs).reset());
    let running = send(&server).spawn();
    running.wait_for_stdout("Hello");
    gate.open();
    running
        .finish()
        .stdout("Hello\n")
        .failed(8, "was lost", "send the request again");
    server.only_request();
}

#[test]
fn of_an_answer_that_breaks_off_programs_get_what_came_and_that_it_is_not_whole() {
    let events = begun().open_text_block(["Hel", "lo"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&events).close());
    let outcome = send(&server).args(["--json"]).run();
    outcome.failure(8).object(
        8,
        "incomplete",
        &json!({"status": null, "type": null, "retryable": true}),
    );
    let object = outcome.stdout_json();
    assert_eq!(
        object["content"],
        json!([{"type": "text", "text": "Hello"}])
    );
    assert_eq!(object["stop_reason"], Value::Null);
    assert_eq!(
        (
            &object["langdock"]["complete"],
            &object["langdock"]["attempts"]
        ),
        (&json!(false), &json!(1))
    );

    let outcome = send(&server).args(["--jsonl"]).run();
    let lines = outcome.stdout_json_lines();
    let types = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect::<Vec<_>>();
    let delta = "content_block_delta";
    assert_eq!(
        types,
        [
            "message_start",
            "content_block_start",
            delta,
            delta,
            "result",
            "error"
        ]
    );
    assert_eq!(lines[4]["langdock"]["complete"], false);
    assert_eq!(lines[5]["error"]["exit_code"], 8);
    outcome.failed(8, "was lost", "send the request again");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn of_an_answer_that_breaks_off_only_the_part_of_its_file_is_there() {
    let events = begun().open_text_block(["Hello"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&events).close());
    let home = Home::new();
    home.write("work/answer", "of yesterday");
    let outcome = send(&server).home(&home).args(["-o", "answer"]).run();
    let failure = outcome.stdout("").failure(8);
    assert!(
        failure.notices.len() == 1 && failure.notices[0].contains("answer.part`"),
        "{outcome}"
    );
    assert_eq!(
        std::fs::read(home.work().join("answer.part")).unwrap(),
        b"Hello\n"
    );
    assert_eq!(
        std::fs::read(home.work().join("answer")).unwrap(),
        b"of yesterday"
    );
    server.only_request();
}

#[test]
fn of_an_answer_that_never_began_no_file_is_left() {
    let server = Server::start(|_, _| Reply::hang_up());
    let home = Home::new();
    let outcome = send(&server)
        .home(&home)
        .args(["-o", "answer", "--max-retries", "0"])
        .run();
    outcome
        .stdout("")
        .failed(6, "was lost", "send the request again");
    assert_eq!(std::fs::read_dir(home.work()).unwrap().count(), 0);
}

#[test]
fn an_error_event_before_the_answer_counts_as_the_status_it_stands_for() {
    let table = [
        ("invalid_request_error", 400, 3, "invalid_request"),
        ("authentication_error", 401, 4, "auth"),
        ("billing_error", 402, 4, "auth"),
        ("permission_error", 403, 4, "auth"),
        ("not_found_error", 404, 3, "invalid_request"),
        ("request_too_large", 413, 3, "invalid_request"),
        ("rate_limit_error", 429, 7, "rate_limit"),
        ("timeout_error", 504, 5, "server"),
        ("overloaded_error", 529, 5, "server"),
        ("api_error", 500, 5, "server"),
        ("an_error_of_tomorrow", 500, 5, "server"),
    ];
    for (kind, status, code, name) in table {
        let events = begun().ping().error(kind, "it went wrong").to_string();
        let server = Server::start(move |_, _| Reply::sse(&events).header("request-id", "req_1"));
        let retryable = status == 429 || status >= 500;
        let outcome = send(&server)
            .args(["--json"])
            .args(if retryable {
                &["--max-retries", "0"][..]
            } else {
                &[]
            })
            .run();
        let fields =
            json!({"status": status, "type": kind, "retryable": retryable, "request_id": "req_1"});
        let failure = outcome.failure(code);
        failure.object(code, name, &fields);
        assert!(failure.message.contains("it went wrong"), "{outcome}");
        server.only_request();
    }
}

#[test]
fn an_error_that_a_gateway_sends_without_a_name_keeps_its_words_and_counts_as_what_it_says() {
    let late =
        "data: {\"error\":{\"message\":\"upstream overloaded\",\"type\":\"overloaded_error\"}}\n\n";
    let (before, after) = (
        late.to_owned(),
        begun().open_text_block(["Hello"]).raw(late).to_string(),
    );
    for (events, stdout, code, name) in [
        (before, "", 5, "server"),
        (after, "Hello\n", 8, "incomplete"),
    ] {
        let server = Server::start(move |_, _| Reply::sse(&events));
        let outcome = send(&server).args(["--max-retries", "0"]).run();
        outcome
            .stdout(stdout)
            .failed(code, "upstream overloaded", "again");
        let outcome = send(&server).args(["--json", "--max-retries", "0"]).run();
        let fields = json!({"status": 529, "type": "overloaded_error", "retryable": true});
        outcome.failure(code).object(code, name, &fields);
    }
}

#[test]
fn an_error_event_without_a_message_counts_as_its_type() {
    let error = json!({"type": "error", "error": {"type": "rate_limit_error"}});
    let events = begun().event("error", &error).to_string();
    let server = Server::start(move |_, _| Reply::sse(&events));
    let outcome = send(&server).args(["--json", "--max-retries", "0"]).run();
    let fields = json!({"status": 429, "type": "rate_limit_error", "message": "the server reported an error: rate_limit_error"});
    outcome.failure(7).object(7, "rate_limit", &fields);
}

#[test]
fn an_overload_before_the_answer_is_tried_again() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::sse(
            Stream::new()
                .error("overloaded_error", "Overloaded")
                .to_string(),
        ),
        _ => Reply::sse(events::answer(&["whole"])),
    });
    let outcome = send(&server).run();
    outcome
        .code(0)
        .stdout("whole\n")
        .stderr_contains("Overloaded; retrying in");
    assert_eq!(
        (server.requests().len(), outcome.stderr.lines().count()),
        (2, 1)
    );
}

#[test]
fn an_error_event_in_mid_answer_is_exit_8_and_not_tried_again() {
    for kind in ["overloaded_error", "api_error", "invalid_request_error"] {
        let events = begun()
            .open_text_block(["Hello"])
            .error(kind, "it went wrong")
            .to_string();
        let server = Server::start(move |_, _| Reply::sse(&events));
        send(&server)
            .run()
            .stdout("Hello\n")
            .failed(8, "it went wrong", "send the request again");
        server.only_request();
    }
}

#[test]
fn what_is_no_message_is_an_error_of_the_server_and_not_tried_again() {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";
    let malformed = begun()
        .raw("event: content_block_start\ndata: {\"type\":\"content_block_start\",oops}\n\n")
        .to_string();
    let unordered = Stream::new().open_text_block(["Hello"]).to_string();
    let table = [
        (page.to_owned(), "an HTML page titled \"Sign in\""),
        ("[1, 2]".to_owned(), "expected a message"),
        (json!({"ok": true}).to_string(), "expected a message"),
        (malformed, "invalid event `content_block_start`"),
        (unordered, "out of order"),
    ];
    for (body, message) in table {
        let stream = !body.starts_with(['<', '[', '{']);
        let server = Server::start(move |_, _| Reply::sse(&body));
        send(&server)
            .run()
            .stdout("")
            .failed(5, message, "--base-url");
        server.only_request();
        let outcome = send(&server).args(["--json"]).run();
        outcome
            .failure(5)
            .object(5, "server", &json!({"status": null, "retryable": false}));
        assert_eq!(
            outcome.stdout.is_empty(),
            !stream || message == "out of order",
            "{outcome}"
        );
    }
}

#[test]
fn an_error_with_status_200_counts_as_what_it_says() {
    let body = events::error("authentication_error", "the key has expired");
    let server = Server::start(move |_, _| Reply::json(200, &body));
    for flags in [&[][..], &["--set=stream=false"]] {
        send(&server).args(flags).run().stdout("").failed(
            4,
            "the key has expired",
            "langdock auth status",
        );
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_malformed_event_in_mid_answer_is_exit_8() {
    let events = begun()
        .open_text_block(["Hello"])
        .raw("event: content_block_delta\ndata: {oops\n\n")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&events));
    send(&server)
        .run()
        .stdout("Hello\n")
        .failed(8, "invalid event `content_block_delta`", "again");
    server.only_request();
}

#[test]
fn an_answer_that_is_whole_is_a_success_whatever_the_connection_does_then() {
    let after: [Box<dyn Fn(Reply) -> Reply + Send + Sync>; 5] = [
        Box::new(Reply::reset),
        Box::new(Reply::close),
        Box::new(|reply| reply.unframed("zz\r\n")),
        Box::new(|reply| {
            reply.body(
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"late\"}}\n\n",
            )
        }),
        Box::new(Reply::wait_for_hang_up),
    ];
    for ending in after {
        let server =
            Server::start(move |_, _| ending(Reply::sse_start().body(events::answer(&["whole"]))));
        send(&server).run().code(0).stdout("whole\n").stderr_empty();
        server.only_request();
    }
    let answer = events::answer(&["whole"]);
    let server = Server::start(move |_, _| {
        Reply::status(200)
            .header("content-length", 90_000)
            .body(&answer)
            .close()
    });
    send(&server).run().code(0).stdout("whole\n").stderr_empty();
    // In the same packet as the end of the answer.
    for late in [
        "data: bye\n\n",
        "event: message_stop\ndata: {\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"late\"}}\n\n",
    ] {
        let events = events::answer(&["whole"]) + late;
        let server = Server::start(move |_, _| Reply::sse(&events));
        send(&server).run().code(0).stdout("whole\n").stderr_empty();
        let outcome = send(&server).args(["--jsonl"]).run();
        let lines = outcome.code(0).stderr_empty().stdout_json_lines();
        let types = lines
            .iter()
            .map(|line| line["type"].as_str().unwrap())
            .collect::<Vec<_>>();
        assert_eq!(
            types[types.len() - 2..],
            ["message_stop", "result"],
            "{outcome}"
        );
        assert_eq!(
            lines[lines.len() - 1]["langdock"]["complete"],
            true,
            "{outcome}"
        );
    }
}

#[test]
fn a_connection_that_is_lost_behind_a_whole_message_does_not_lose_it() {
    let whole = events::message("whole").to_string();
    let short = whole[..whole.len() - 1].to_owned();
    let long = |body: &str| {
        Reply::status(200)
            .header("content-length", 90_000)
            .body(body)
    };
    for reset in [false, true] {
        let body = whole.clone();
        let server = Server::start(move |_, _| {
            if reset {
                long(&body).reset()
            } else {
                long(&body).close()
            }
        });
        for args in [&["--set=stream=false"][..], &[]] {
            send(&server)
                .args(args)
                .run()
                .code(0)
                .stdout("whole\n")
                .stderr_empty();
        }
        assert_eq!(server.requests().len(), 2);
    }
    let server =
        Server::start(move |_, _| Reply::status(200).chunked().body(&whole).unframed("zz\r\n"));
    send(&server)
        .args(["--set=stream=false"])
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    server.only_request();
    let server = Server::start(move |_, _| long(&short).close());
    send(&server)
        .args(["--set=stream=false", "--max-retries=0"])
        .run()
        .code(6)
        .stdout("");
}

#[test]
fn a_length_that_is_too_short_cuts_the_answer() {
    let answer = events::answer(&["whole"]);
    let stop = answer.find("event: message_delta").unwrap();
    let server = Server::start(move |_, _| {
        Reply::status(200)
            .header("content-length", stop)
            .body(&answer)
            .close()
    });
    send(&server)
        .run()
        .stdout("whole\n")
        .failed(8, "ended before", "again");
    server.only_request();
}
