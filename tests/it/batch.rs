//! `batch`: each item is asked once, however the run ends, and the records are in order.

mod every_item;
mod shards;

use std::collections::BTreeMap;
use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::pacing::limit;
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream, answer, error},
    gate::Gate,
    home::Home,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
    serving::{DEMO_MODEL, Serving},
};

/// Begins `langdock batch` with a model and the test key against `server`.
pub(crate) fn batch(server: &Server) -> Langdock {
    Langdock::new()
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .args(["batch"])
}

/// Returns the text of the prompt.
fn asked(request: &Request) -> String {
    request.json()["messages"][0]["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Starts a server that echoes each prompt, except that it refuses prompts that contain `bad`.
fn echoing() -> Server {
    Server::start(|request, _| {
        let asked = asked(request);
        if asked.contains("bad") {
            return Reply::json(400, &error("invalid_request_error", "Bad."));
        }
        Reply::sse(answer(&[asked.as_str()]))
    })
}

/// Returns the records in a file of the work directory.
#[track_caller]
fn records(home: &Home, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(home.work().join(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn texts(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record["text"].as_str().unwrap_or("-"))
        .collect()
}

#[test]
fn records_stand_in_the_order_of_the_items_with_all_their_fields() {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |request, _| {
        let asked = asked(request);
        let reply = Reply::sse(answer(&[asked.as_str()]));
        if asked == "Say one" {
            reply.hold_head(&held)
        } else {
            reply
        }
    });
    let running = batch(&server)
        .args(["Say {text}"])
        .stdin_bytes("one\n\ntwo\r\nthree")
        .spawn();
    server.wait_for_requests(3);
    gate.open();
    let outcome = running.finish();
    let records = outcome.code(0).stderr_empty().stdout_json_lines();
    assert_eq!(texts(&records), ["Say one", "Say two", "Say three"]);
    let first = records[0].as_object().unwrap();
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        ["index", "id", "input_hash", "prompt_hash", "text", "usage"]
    );
    assert_eq!(
        records
            .iter()
            .map(|record| record["index"].clone())
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(
        records
            .iter()
            .map(|record| record["id"].clone())
            .collect::<Vec<_>>(),
        [1, 3, 4],
        "the lines"
    );
    assert_eq!(
        first["usage"]["output_tokens"]
            .as_u64()
            .map(|tokens| tokens > 0),
        Some(true)
    );
}

#[test]
fn a_failure_is_a_record_and_the_run_goes_on() {
    let server = echoing();
    let outcome = batch(&server)
        .args(["{q}"])
        .stdin_bytes("{\"id\":\"a\",\"q\":\"bad\"}\n{\"q\":\"b\"}\n")
        .run();
    let records = outcome
        .code(11)
        .stderr_contains("1 of 2 items failed")
        .stdout_json_lines();
    assert_eq!(
        (&records[0]["id"], &records[0]["error"]["kind"]),
        (&json!("a"), &json!("invalid_request"))
    );
    assert_eq!(texts(&records), ["-", "b"]);
}

#[test]
fn what_is_done_is_not_asked_again_and_what_failed_only_where_that_is_asked_for() {
    let (home, server) = (Home::new(), echoing());
    let run = |lines: &str, args: &[&str]| {
        batch(&server)
            .home(&home)
            .args(["{text}", "-o", "out.jsonl"])
            .args(args)
            .stdin_bytes(lines)
            .run()
    };
    run("a\nbad\nc\nc\n", &[]).code(11);
    assert_eq!(
        (server.requests().len(), texts(&records(&home, "out.jsonl"))),
        (4, vec!["a", "-", "c", "c"])
    );
    run("a\nbad\nc\nc\n", &[])
        .code(11)
        .stderr_contains("retry the failed items with --retry-failed");
    assert_eq!(server.requests().len(), 4);
    run("new\na\nbad\nc\nc\n", &["--retry-failed"]).code(11);
    assert_eq!(server.requests().len(), 6);
    let records = records(&home, "out.jsonl");
    assert_eq!(texts(&records), ["new", "a", "-", "c", "c"]);
    assert_eq!(
        records
            .iter()
            .map(|record| record["index"].clone())
            .collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
}

#[test]
fn a_field_that_no_row_has_is_a_usage_error_before_anything_is_sent() {
    let (home, server) = (Home::new(), answering("ok"));
    let rows = "{\"r\":\"b\",\"s\":1}\nno JSON\n{\"r\":\"c\"}\n";
    home.write("work/in.jsonl", rows);
    let run = |args: &[&str], stdin: &str| {
        let batch = batch(&server).home(&home).args(args);
        batch.stdin_bytes(stdin).run()
    };
    for (args, stdin, input) in [
        (&["{q}", "-i", "in.jsonl"][..], "", "`in.jsonl`"),
        (&["{q}"], rows, "standard input"),
        (&["{q} {r}", "-o", "out"], rows, "standard input"),
    ] {
        run(args, stdin)
            .code(2)
            .stdout("")
            .stderr_contains(&format!(
                "no item of {input} has the field `q`, which the template uses; the fields of the \
                 first item are: r, s"
            ));
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_row_that_lacks_a_field_or_is_not_json_is_an_error_record_and_the_rest_is_asked() {
    let (home, server) = (Home::new(), echoing());
    let rows = "{\"r\":1}\nno JSON\n{\"q\":\"a\"}\n[1]\n{\"q\":\"b\"}\n";
    home.write("work/in.jsonl", rows);
    for args in [&["{q}", "-i", "in.jsonl"][..], &["{q}"]] {
        let batch = batch(&server).home(&home).args(args);
        let outcome = batch.stdin_bytes(rows).run();
        let records = outcome
            .code(11)
            .stderr_contains("3 of 5 items failed")
            .stdout_json_lines();
        assert_eq!(texts(&records), ["-", "-", "a", "-", "b"]);
        for (nth, expected) in [
            (
                0,
                "line 1 has no field `q`, which the template uses; its fields are: r",
            ),
            (1, "line 2 is not a JSON object ("),
            (3, "line 4 is not a JSON object ("),
        ] {
            let message = records[nth]["error"]["message"].as_str().unwrap();
            assert!(message.contains(expected), "{message}");
            assert_eq!(records[nth]["error"]["kind"], "usage");
        }
        assert_eq!(records[3]["id"], 4, "the line");
    }
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn rows_of_a_pipe_are_asked_as_soon_as_each_field_was_in_one() {
    let server = echoing();
    let mut running = batch(&server).args(["{q}{r}"]).stdin_open().spawn();
    running.write_stdin("{\"q\":1}\n{\"q\":\"x\",\"r\":\"y\"}\n");
    running.wait_for_stdout("\"text\":\"xy\"");
    running.close_stdin();
    running
        .finish()
        .code(11)
        .stderr_contains("1 of 2 items failed");
    assert_eq!(asked(&server.only_request()), "xy");
}

#[test]
fn an_array_that_was_taken_for_json_lines_is_told() {
    let server = answering("ok");
    let array = "[{\"q\": \"a\"},\n{\"q\": \"b\"}]\n";
    let run = |template| batch(&server).args([template]).stdin_bytes(array).run();
    run("{q}")
        .code(2)
        .stdout("")
        .stderr_contains("no item of standard input has the field `q`")
        .stderr_contains(".[]'");
    assert_eq!(server.connections(), 0);
    run("{text}")
        .code(0)
        .stderr_contains("standard input looks like a JSON array")
        .stderr_contains("`jq -c '.[]'`");
}

#[test]
fn each_wait_for_another_try_is_told_once_for_all_items_that_share_it() {
    let server = Server::start(|request, nth| match nth {
        0 => Reply::json(503, &error("overloaded_error", "busy")).header("retry-after-ms", 1),
        _ => Reply::sse(answer(&[asked(request).as_str()])),
    });
    let outcome = batch(&server).args(["{text}"]).stdin_bytes("a\n").run();
    let line = "HTTP 503 Service Unavailable: busy; retrying in 0.0 s (attempt 2)";
    outcome
        .code(0)
        .stderr(&format!("langdock: standard input, line 1: {line}\n"));

    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |_, _| {
        Reply::json(429, &error("rate_limit_error", "later"))
            .header("retry-after", 60)
            .hold_head(&held)
    });
    let running = batch(&server)
        .args(["{text}", "-J", "8"])
        .stdin_bytes("x\n".repeat(8))
        .spawn();
    server.wait_for_requests(8);
    gate.open();
    running
        .wait_for_stderr("retrying in 60.0 s")
        .signal(Signal::SIGINT);
    let outcome = running.finish();
    assert_eq!(
        outcome.signal(2).stderr.matches("HTTP 429").count(),
        1,
        "{outcome}"
    );
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let (home, server) = (Home::new(), answering("ok"));
    home.write("work/out.jsonl", "my notes\n");
    let outcome = batch(&server)
        .home(&home)
        .args(["{text}", "-o", "out.jsonl"])
        .stdin_bytes("a\n")
        .run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("`out.jsonl`, line 1: not a batch record");
    assert_eq!(
        fs::read(home.work().join("out.jsonl")).unwrap(),
        b"my notes\n"
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_signal_keeps_what_is_under_way_and_begins_nothing_more() {
    let (home, gate) = (Home::new(), Gate::new());
    let held = gate.clone();
    let server = Server::start(move |request, _| {
        let asked = asked(request);
        let reply = Reply::sse(answer(&[asked.as_str()]));
        if asked == "a" {
            reply
        } else {
            reply.hold_head(&held)
        }
    });
    let run = || {
        batch(&server)
            .home(&home)
            .args(["{text}", "-J", "2", "-o", "out.jsonl"])
            .stdin_bytes("a\nb\nc\nd\n")
    };
    let running = run().spawn();
    server.wait_for_requests(3);
    running
        .signal(Signal::SIGINT)
        .wait_for_stderr("interrupted: waiting for 2 answers; press Ctrl-C again to stop at once");
    gate.open();
    let outcome = running.finish();
    outcome
        .signal(2)
        .stderr_contains("3 items done; run the same command to continue");
    assert_eq!(texts(&records(&home, "out.jsonl")), ["a", "b", "c"]);
    run().run().code(0).stderr_empty();
    assert_eq!(
        (server.requests().len(), records(&home, "out.jsonl").len()),
        (4, 4)
    );
}

#[test]
fn a_second_sigterm_ends_the_run_at_once_with_the_records_of_what_was_answered() {
    let (home, gate) = (Home::new(), Gate::new());
    let held = gate.clone();
    let server = Server::start(move |request, _| {
        let asked = asked(request);
        let reply = Reply::sse(answer(&[asked.as_str()]));
        if asked == "a" {
            reply
        } else {
            reply.hold_head(&held)
        }
    });
    let run = || {
        batch(&server)
            .home(&home)
            .args(["{text}", "-J", "2", "-o", "out.jsonl"])
            .stdin_bytes("a\nb\nc\nd\n")
    };
    let running = run().spawn();
    server.wait_for_requests(3);
    running
        .signal(Signal::SIGTERM)
        .wait_for_stderr("interrupted: waiting for 2 answers");
    // Signals shortly after the first one count as the same signal.
    while running.try_signal(Signal::SIGTERM) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let outcome = running.finish();
    outcome
        .signal(15)
        .stderr_contains("1 item done; run the same command to continue");
    assert_eq!(texts(&records(&home, "out.jsonl")), ["a"]);
    gate.open();
    run().run().code(0);
    assert_eq!(texts(&records(&home, "out.jsonl")), ["a", "b", "c", "d"]);
}

#[test]
fn a_refused_key_ends_the_run_and_leaves_no_records() {
    let home = Home::new();
    let server = Server::start(|_, _| Reply::json(401, &error("authentication_error", "No.")));
    let run = batch(&server)
        .home(&home)
        .args(["{text}", "-o", "out.jsonl", "-J", "1"]);
    run.stdin_bytes("a\nb\nc\n").run().code(4);
    assert_eq!(
        (server.requests().len(), records(&home, "out.jsonl").len()),
        (1, 0)
    );
}

#[test]
fn an_answer_that_breaks_off_is_a_failure_with_what_came_of_it() {
    let server = Server::start(|_, _| {
        let stream = Stream::new().start().open_text_block(["half"]);
        Reply::sse(stream.to_string())
    });
    let records = batch(&server)
        .args(["{text}"])
        .stdin_bytes("a\n")
        .run()
        .code(11)
        .stdout_json_lines();
    let error = &records[0]["error"];
    assert_eq!(
        (&error["kind"], &error["text"]),
        (&json!("incomplete"), &json!("half"))
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_answer_that_the_model_has_paused_is_a_failure_with_what_came_of_it() {
    let server = Server::start(|_, _| {
        Reply::sse(
            Stream::new()
                .start()
                .text_block(["half"])
                .stop("pause_turn")
                .to_string(),
        )
    });
    let records = batch(&server)
        .args(["{text}"])
        .stdin_bytes("a\n")
        .run()
        .code(11)
        .stdout_json_lines();
    let error = &records[0]["error"];
    assert_eq!(
        (&error["kind"], &error["text"]),
        (&json!("incomplete"), &json!("half"))
    );
}

#[test]
fn each_item_is_answered_once_however_often_the_run_is_killed() {
    const ITEMS: usize = 60;
    const JOBS: usize = 4;
    const KILLS: usize = 3;
    let home = Home::new();
    let log = home.work().join("serve.log");
    let flags = [
        "--latency",
        "5ms",
        "--fail",
        "529:0.05,cut:0.05",
        "--seed",
        "7",
        "--log",
        log.to_str().unwrap(),
    ];
    let serving = Serving::start_in(&home, &flags);
    // Each item has a different length, by which the server's log distinguishes them.
    let lines: String = (0..ITEMS)
        .map(|index| "x".repeat(index + 1) + "\n")
        .collect();
    let jobs = JOBS.to_string();
    let run = || {
        let run = Langdock::new()
            .home(&home)
            .key()
            .env("LANGDOCK_BASE_URL", &serving.base_url);
        let args = [
            "batch",
            "{text}",
            "-o",
            "out.jsonl",
            "-J",
            &jobs,
            "--no-pace",
            "-m",
            DEMO_MODEL,
        ];
        run.args(args).stdin_bytes(lines.as_str())
    };
    let done =
        || fs::read_to_string(home.work().join("out.jsonl")).map_or(0, |text| text.lines().count());
    for kill in 1..=KILLS {
        let running = run().spawn();
        while done() < kill * ITEMS / (KILLS + 2) {
            std::thread::yield_now();
        }
        running.signal(Signal::SIGKILL);
        running.finish().signal(9);
    }
    let outcome = run().run();
    assert!(matches!(outcome.code, Some(0 | 11)), "{outcome}");
    let records = records(&home, "out.jsonl");
    let places: Vec<_> = records
        .iter()
        .map(|record| (record["index"].clone(), record["id"].clone()))
        .collect();
    assert_eq!(
        places,
        (0..ITEMS)
            .map(|index| (json!(index), json!(index + 1)))
            .collect::<Vec<_>>()
    );
    serving.end();
    let mut seen = BTreeMap::new();
    for line in fs::read_to_string(&log).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["status"] == 200 {
            *seen.entry(line["bytes_in"].as_u64()).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), ITEMS, "each was seen");
    let again: usize = seen.values().map(|times| times - 1).sum();
    assert!(again <= KILLS * JOBS, "{again} were seen again");
}

#[test]
fn a_silent_input_is_told_and_loses_nothing() {
    let server = echoing();
    let mut running = batch(&server)
        .args(["{text}", "-i", "-"])
        .stdin_open()
        .spawn();
    running.wait_for_stderr("use -i FILE").write_stdin("a\n");
    running.close_stdin();
    let outcome = running.finish();
    assert_eq!(texts(&outcome.code(0).stdout_json_lines()), ["a"]);
    outcome.stderr(
        "langdock: still waiting for lines on standard input; use -i FILE to read a \
        file instead\n",
    );
}

/// Refuses a model and lists the available ones.
fn no_such_model(others: &str) -> Reply {
    Reply::json(
        400,
        &error(
            "invalid_request_error",
            &format!("Invalid model, available models are: {others}"),
        ),
    )
}

#[test]
fn a_picked_model_that_is_gone_is_given_up_for_another_one_by_all_items() {
    let home = Home::new();
    let asks = |request: &Request, model: &str| request.json()["model"] == *model;
    let server = Server::start(move |request, nth| match nth {
        0 => Reply::json(200, &json!({"data": [{"id": "claude-sonnet-4-5"}]})),
        _ if asks(request, "claude-sonnet-5") => Reply::sse(answer(&[asked(request).as_str()])),
        _ => no_such_model("claude-sonnet-5, gpt-5"),
    });
    let run = || {
        Langdock::new().key().against(&server).home(&home).args([
            "batch",
            "{text}",
            "-o",
            "out.jsonl",
        ])
    };
    let outcome = run().stdin_bytes("a\nb\nc\n").run();
    outcome.code(0).stderr_contains(
        "model claude-sonnet-4-5 is no longer available in region eu; using claude-sonnet-5 instead",
    );
    assert_eq!(
        outcome.stderr.matches("is no longer available").count(),
        1,
        "{outcome}"
    );
    assert_eq!(texts(&records(&home, "out.jsonl")), ["a", "b", "c"]);
    let sent = server.requests().len();
    run().stdin_bytes("a\nb\nc\n").run().code(0);
    assert_eq!(
        server.requests().len(),
        sent,
        "the records are those of the model that answered"
    );
}

#[test]
fn no_third_model_is_tried() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(200, &json!({"data": [{"id": "claude-sonnet-4-5"}]})),
        _ => no_such_model("claude-sonnet-5, claude-sonnet-6"),
    });
    let run = Langdock::new()
        .key()
        .against(&server)
        .args(["batch", "{text}", "-J", "1"]);
    let outcome = run.stdin_bytes("a\nb\n").run();
    outcome.code(3).stdout("").stderr_contains("Invalid model");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn requests_are_paced_by_what_was_learned_of_the_estimates() {
    let (home, text) = (Home::new(), "word ".repeat(3_000));
    let server = answering("ok");
    for _ in 0..4 {
        send(&server)
            .home(&home)
            .args([text.as_str()])
            .run()
            .code(0);
    }
    // By the estimate alone, there is room for two requests; by the usage of earlier answers, for
    // all.
    limit(&home, "tpm = 12000");
    let lines = format!("{text}\n").repeat(3);
    let outcome = batch(&server)
        .home(&home)
        .args(["{text}", "--max-tokens", "10"])
        .stdin_bytes(lines)
        .run();
    outcome.code(0).stderr_empty();
}

#[test]
fn on_a_terminal_a_line_shows_how_far_it_is_and_is_gone_in_the_end() {
    let (home, gate) = (Home::new(), Gate::new());
    let held = gate.clone();
    let server = Server::start(move |request, _| {
        let asked = asked(request);
        let reply = Reply::sse(answer(&["ok"]));
        if asked == "last" {
            reply.hold_head(&held)
        } else {
            reply
        }
    });
    home.write("work/in.txt", "a\nb\nlast\n");
    let run = batch(&server)
        .home(&home)
        .args(["{text}", "-i", "in.txt", "-o", "out.jsonl"]);
    let terminal = run.on_terminal(120, 24);
    terminal
        .wait_for("2 of 3 done, 0 failed, ")
        .wait_for(" per minute, 80 tokens in the last minute, ")
        .wait_for(" left");
    gate.open();
    let outcome = terminal.finish();
    outcome.code(0);
    // The final message replaces the progress line.
    let text = outcome.stdout_text();
    let last = text.rsplit("\x1b[2K").next().unwrap_or_default();
    assert!(
        last.ends_with("langdock: 3 done; 120 tokens; list price $0.0009\r\n"),
        "{text:?}"
    );
}

#[test]
fn a_byte_that_is_no_utf_8_is_replaced_and_told_in_objects_as_in_lines() {
    let server = echoing();
    for (lines, place) in [
        (
            &b"{\"t\":\"ok\"}\n{\"t\":\"caf\xe9\"}\n{\"t\":\"z\"}\n"[..],
            "line 2 is not UTF-8 at byte 9;",
        ),
        (
            b"{\"t\":\"caf\xe9\"}\n{\"t\":\"z\"}\n",
            "line 1 is not UTF-8 at byte 9;",
        ),
    ] {
        let outcome = batch(&server).args(["Q {t}"]).stdin_bytes(lines).run();
        let told = format!("langdock: standard input, {place} sending invalid bytes as U+FFFD");
        let records = outcome.code(0).stderr_contains(&told).stdout_json_lines();
        let expected = if records.len() == 3 {
            vec!["Q ok", "Q caf\u{fffd}", "Q z"]
        } else {
            vec!["Q caf\u{fffd}", "Q z"]
        };
        assert_eq!(texts(&records), expected);
    }
}

#[test]
fn answers_to_another_prompt_are_not_mixed_into_an_output() {
    let (server, home) = (answering("ok"), Home::new());
    let run = |args: &[&str]| {
        let run = batch(&server)
            .home(&home)
            .args(args)
            .args(["-o", "out.jsonl"]);
        run.stdin_bytes("one\ntwo\n").run()
    };
    run(&["Say {text}"]).code(0);
    let before = fs::read(home.work().join("out.jsonl")).unwrap();
    for args in [&["Sing {text}"][..], &["Say {text}", "-s", "Be brief."]] {
        run(args)
            .code(2)
            .stdout("")
            .stderr_contains("`out.jsonl`, line 1: the record answers a different prompt")
            .stderr_contains("choose another file with --output");
    }
    assert_eq!(fs::read(home.work().join("out.jsonl")).unwrap(), before);
    assert_eq!(server.requests().len(), 2);
    // Other items of the same prompt are added.
    let more = batch(&server)
        .home(&home)
        .args(["Say {text}", "-o", "out.jsonl"]);
    more.stdin_bytes("zero\none\ntwo\n").run().code(0);
    assert_eq!(server.requests().len(), 3);
}
