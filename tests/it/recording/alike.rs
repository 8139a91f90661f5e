//! What a command prints, exits with and saves is the same from a record as it was from the server,
//! which is gone by then.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use super::Recorded;
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream, answer, error},
    home::Home,
    mcp_server::McpServer,
    reply::Reply,
    request::Request,
    server::Server,
    serving::{DEMO_MODEL, Serving},
};
use crate::tools::{calling, done, toml};

/// Begins a command with a model, and with neither a key nor an endpoint.
fn command(args: &[&str]) -> Langdock {
    Langdock::new().env("LANGDOCK_MODEL", MODEL).args(args)
}

/// Asserts that a command ends with `code` against the server, and in the same way from its record
/// once the server is gone.
#[track_caller]
fn is_replayed_alike(server: Server, code: i32, begin: impl Fn(&Home) -> Langdock) -> Recorded {
    let recorded = Recorded::against(&server, &begin);
    drop(server);
    recorded.outcome.code(code);
    same_again(&recorded, begin);
    recorded
}

#[track_caller]
fn same_again(recorded: &Recorded, begin: impl Fn(&Home) -> Langdock) {
    let (home, replayed) = recorded.replay(begin, &[]);
    let was = &recorded.outcome;
    assert_eq!(replayed.code, was.code, "{replayed}");
    let of_recorded = |text: &str| blanked(text, &recorded.home);
    let of_replayed = |text: &str| blanked(text, &home);
    assert_eq!(
        of_replayed(&replayed.stdout_text()),
        of_recorded(&was.stdout_text())
    );
    assert_eq!(of_replayed(&replayed.stderr), of_recorded(&was.stderr));
    assert_eq!(
        saved(&home.data().join("demo/sessions"), &home),
        saved(&recorded.home.data().join("sessions"), &recorded.home)
    );
    assert!(!home.data().join("sessions").exists());
    assert!(!home.state().exists(), "nothing is remembered of a replay");
}

/// Returns the conversations of a directory, without what differs at each run.
fn saved(directory: &Path, home: &Home) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let mut texts: Vec<String> = files
        .map(|path| blanked(&fs::read_to_string(path).unwrap(), home))
        .collect();
    texts.sort();
    texts
}

/// Blanks dates, ids, waits, durations and rates.
fn blanked(text: &str, home: &Home) -> String {
    let mut text = text.replace(home.path().to_str().unwrap(), "HOME");
    for (before, after) in [
        ("\"at\":\"", "\""),
        ("\"id\":\"", "\""),
        ("\"parent\":\"", "\""),
        ("\"session_id\":\"", "\""),
        ("\"waited_s\":", "}"),
        ("\"wait_s\":", ","),
        ("retrying in ", " s"),
        ("} (", " s): "),
        ("first token after ", " tokens a second"),
    ] {
        let mut blank = String::new();
        let mut rest = text.as_str();
        while let Some((head, tail)) = rest.split_once(before) {
            blank.push_str(head);
            blank.push_str(before);
            rest = tail.find(after).map_or("", |end| &tail[end..]);
        }
        blank.push_str(rest);
        text = blank;
    }
    text
}

#[test]
fn a_plain_answer() {
    let server = Server::start(|_, _| Reply::json(200, &crate::support::events::message("Done.")));
    let recorded = is_replayed_alike(server, 0, |_| {
        let model = "claude-3-haiku-20240307";
        command(&["send", "Hi", "--set", "stream=false", "--json", "-m", model])
    });
    let exchanges = recorded.exchanges();
    assert_eq!(exchanges.len(), 1);
    assert_eq!(
        exchanges[0]["request"]["body"]["messages"][0]["content"],
        "Hi"
    );
    assert_eq!(exchanges[0]["response"]["status"], 200);
}

#[test]
fn a_streamed_answer_in_every_output_format() {
    for flags in [
        &[][..],
        &["--markdown"],
        &["--json"],
        &["--jsonl"],
        &["-S", "-u"],
        &["--session", "trial"],
    ] {
        let stream = answer(&["# He", "llo\n\n- *wor", "ld*\n"]);
        let server = Server::start(move |_, _| Reply::sse(&stream).in_pieces_of(7));
        // A model without a list price: recorded answers cost nothing.
        let arguments = ["send", "Hi", "-m", "claude-3-haiku-20240307"];
        let recorded = is_replayed_alike(server, 0, |_| command(&arguments).args(flags));
        let exchanges = recorded.exchanges();
        let body = exchanges[0]["response"]["body"].as_array().unwrap();
        let first = body[0][1].as_str().unwrap();
        assert!(
            first.starts_with("event: message_start\n") && first.ends_with("\n\n"),
            "{first}"
        );
    }
}

#[test]
fn a_cut_answer_whose_part_is_saved() {
    for framing in [false, true] {
        let server = Server::start(move |_, _| {
            let part = Stream::new().start().open_text_block(["Once upon"]);
            let reply = Reply::sse_start();
            let reply = if framing { reply.until_close() } else { reply };
            reply.body(part.to_string()).close()
        });
        is_replayed_alike(server, 8, |_| {
            command(&["send", "Hi", "--session", "story"])
        });
    }
}

#[test]
fn an_answer_that_breaks_before_its_content_and_is_retried() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Slow down.")).header("retry-after-ms", 1),
        1 => Reply::hang_up(),
        2 => Reply::sse_start()
            .body(Stream::new().start().to_string())
            .close(),
        3 => Reply::json(529, &error("overloaded_error", "Busy.")).header("retry-after-ms", 1),
        _ => Reply::sse(answer(&["At last."])),
    });
    let recorded = is_replayed_alike(server, 0, |_| command(&["send", "Hi"]));
    let attempts: Vec<_> = recorded
        .exchanges()
        .iter()
        .map(|exchange| exchange["attempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
}

#[test]
fn errors_of_the_api_and_of_the_connection() {
    let server = Server::start(|_, _| {
        let refused = error("invalid_request_error", "temperature: too hot");
        Reply::json(400, &refused).header("request-id", "req_1")
    });
    is_replayed_alike(server, 3, |_| command(&["send", "Hi", "--json"]));

    // A port where nobody listens.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!(
        "http://{}/anthropic/{{region}}",
        listener.local_addr().unwrap()
    );
    drop(listener);
    let begin = |_: &Home| command(&["send", "Hi", "--max-retries", "1"]);
    let recorded = Recorded::at(&url, begin);
    recorded.outcome.code(6).stderr_contains("cannot connect");
    same_again(&recorded, begin);

    let server = Server::start(|_, _| Reply::never());
    let begin = |_: &Home| {
        command(&[
            "send",
            "Hi",
            "--max-retries",
            "0",
            "--idle-timeout",
            "200ms",
        ])
    };
    is_replayed_alike(server, 6, begin);
}

#[test]
fn waits_are_skipped_unless_the_pace_is_real() {
    // Longer than any test may take, if it were waited for.
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(529, &error("overloaded_error", "Busy.")).header("retry-after-ms", 1),
        _ => Reply::sse(answer(&["ok"])),
    });
    let recorded = is_replayed_alike(server, 0, |_| command(&["send", "Hi"]));
    let text = fs::read_to_string(recorded.path()).unwrap();
    let patient = text.replace("[\"retry-after-ms\",\"1\"]", "[\"retry-after\",\"3600\"]");
    assert_ne!(text, patient);
    fs::write(recorded.path(), patient).unwrap();
    let begin = |_: &Home| command(&["send", "Hi", "--max-wait", "2h"]);
    let (_, outcome) = recorded.replay(begin, &[]);
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr_contains("retrying in 3600.0 s");
    // The wait would end after the time limit, so it is not begun.
    let (_, outcome) = recorded.replay(begin, &["--timeout", "1h"]);
    outcome.code(5).stdout("");
    let begin = |_: &Home| command(&["send", "Hi", "--max-wait", "2h", "--timeout", "61m"]);
    let (_, outcome) = recorded.replay(begin, &["--replay-pace", "fast"]);
    outcome.code(0).stdout("ok\n");
}

#[test]
fn tools_run_again_and_their_results_are_found() {
    let server = Server::start(|request, _| {
        let messages = request.json()["messages"].as_array().unwrap().len();
        Reply::sse(match messages {
            1 => calling(&[("t", json!({"n": 1})), ("t", json!({"n": 2}))]).to_string(),
            3 => calling(&[("t", json!({"n": 3}))]).to_string(),
            _ => done("Counted.").to_string(),
        })
    });
    let recorded = is_replayed_alike(server, 0, |home| {
        home.write("work/t.toml", toml("t", "cat", ""));
        command(&[
            "tool-run",
            "Count.",
            "-T",
            "./t.toml",
            "-y",
            // Results are printed in the order in which the calls end.
            "--tool-jobs",
            "1",
            "--session",
            "count",
        ])
    });
    assert_eq!(recorded.exchanges().len(), 3);
}

#[test]
fn the_tools_of_an_mcp_server_run_again_and_their_results_are_found() {
    let server = Server::start(|request, _| {
        let messages = request.json()["messages"].as_array().unwrap().len();
        Reply::sse(match messages {
            1 => calling(&[("s__echo", json!({"n": 1}))]).to_string(),
            _ => done("Echoed.").to_string(),
        })
    });
    let recorded = is_replayed_alike(server, 0, |home| {
        McpServer::new("s", "").write(home);
        command(&[
            "tool-run",
            "Echo.",
            "--mcp",
            "./s.json",
            "-y",
            "--session",
            "echo",
        ])
    });
    assert_eq!(recorded.exchanges().len(), 2);
}

#[test]
fn an_answer_that_is_corrected_until_it_fits_a_schema() {
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}"#;
    let server = Server::start(|request: &Request, _| {
        let messages = request.json()["messages"].as_array().unwrap().len();
        let text = if messages == 1 {
            r#"{"n":"one"}"#
        } else {
            r#"{"n":1}"#
        };
        Reply::sse(answer(&[text]))
    });
    let recorded = is_replayed_alike(server, 0, |_| {
        command(&["send", "One", "--schema", schema, "--schema-mode", "native"])
    });
    assert_eq!(recorded.exchanges().len(), 2);
    assert_eq!(recorded.outcome.stdout_text(), "{\"n\":1}\n");
}

#[test]
fn a_batch_of_four_jobs() {
    let server = Server::start(|request, _| {
        let asked = request.json()["messages"][0]["content"].clone();
        let asked = asked.as_str().unwrap_or_default().to_owned();
        if asked.contains("bad") {
            return Reply::json(400, &error("invalid_request_error", "Bad."));
        }
        Reply::sse(answer(&[asked.as_str()]))
    });
    let items: Vec<String> = (0..40).map(|n| format!("item {n}")).collect();
    let items = items.join("\n");
    let recorded = is_replayed_alike(server, 11, |home| {
        home.write("work/items", format!("{items}\nbad\nitem 0\n"));
        let model = "claude-3-haiku-20240307";
        command(&[
            "batch",
            "Repeat: {text}",
            "-i",
            "items",
            "-J",
            "4",
            "-m",
            model,
        ])
    });
    assert_eq!(recorded.exchanges().len(), 42);
}

#[test]
fn a_chat_of_three_lines() {
    let server = Server::start(|_, nth| Reply::sse(answer(&[format!("Answer {nth}.").as_str()])));
    let recorded = is_replayed_alike(server, 0, |_| {
        command(&["chat", "--session", "talk"]).stdin_bytes("One\nTwo\nThree\n")
    });
    assert_eq!(recorded.exchanges().len(), 3);
}

#[test]
fn the_same_prompt_again_gets_the_answers_in_their_order() {
    let server = Server::start(|_, nth| Reply::sse(answer(&[format!("Answer {nth}.").as_str()])));
    let recorded = is_replayed_alike(server, 0, |home| {
        home.write("work/items", "it\nit\nit\n");
        command(&["batch", "Say {text}.", "-i", "items", "-J", "1"])
    });
    let answers = recorded.outcome.stdout_text();
    let places = ["Answer 0.", "Answer 1.", "Answer 2."].map(|answer| answers.find(answer));
    assert!(places.is_sorted() && places[0].is_some(), "{answers}");
}

#[test]
fn a_picked_model_and_lists_from_the_scripted_endpoint() {
    let serving = Serving::start(&[]);
    let url = serving.base_url.clone();
    let commands: [&[&str]; 3] = [
        &["send", "What is this?"],
        &["models"],
        &["send", "Hi", "-m", DEMO_MODEL, "--thinking", "off"],
    ];
    let recorded = commands.map(|args| {
        let begin = |_: &Home| Langdock::new().args(args);
        let recorded = Recorded::at(&url, begin);
        recorded.outcome.code(0);
        (recorded, args)
    });
    serving.end();
    for (recorded, args) in recorded {
        same_again(&recorded, |_: &Home| Langdock::new().args(args));
    }
}

#[test]
fn what_this_machine_remembers_is_not_used_while_recording() {
    let serving = Serving::start(&[]);
    let home = Home::new();
    let send = || {
        serving
            .send()
            .env("LANGDOCK_MODEL", "")
            .home(&home)
            .args(["Hi"])
    };
    send().run().code(0);
    // The model is known here by now; elsewhere it is not.
    send().args(["--record", "r.jsonl"]).run().code(0);
    serving.end();
    let exchanges = super::exchanges(&home.work().join("r.jsonl"));
    let methods: Vec<_> = exchanges
        .iter()
        .map(|exchange| exchange["request"]["method"].clone())
        .collect();
    assert_eq!(methods, ["GET", "POST"]);
}
