//! `serve --replay`: a record for other programs.

use std::fs;

use serde_json::{Value, json};

use super::{RECORD, Recorded};
use crate::support::{
    command::{KEY, Langdock},
    events::{Stream, answer, error},
    home::Home,
    reply::Reply,
    server::Server,
    serving::{Answered, DEMO_MODEL, Serving},
};

fn ask(prompt: &str) -> Langdock {
    Langdock::new()
        .env("LANGDOCK_MODEL", DEMO_MODEL)
        .args(["send", prompt])
}

fn serve(recorded: &Recorded, flags: &[&str]) -> Serving {
    let path = recorded.path();
    Serving::start(&[&["--replay", path.to_str().unwrap()], flags].concat())
}

/// Asks for a message with these headers.
#[track_caller]
fn post(serving: &Serving, host: &str, more: &str, prompt: &str) -> Answered {
    let body = json!({"max_tokens": 4096, "model": DEMO_MODEL, "stream": true,
        "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}]});
    let body = body.to_string();
    let line = "POST /anthropic/eu/v1/messages";
    let head = format!("content-length: {}\r\n{more}", body.len());
    Answered::read(serving.raw_to(host, line, &head, &body))
}

#[test]
fn other_programs_get_the_recorded_answers_in_their_order() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Slow down."))
            .header("retry-after-ms", 1)
            .header("request-id", "req_1"),
        _ => Reply::sse(answer(&["Done."])),
    });
    let recorded = Recorded::against(&server, |_| ask("Hi"));
    recorded.outcome.code(0);
    drop(server);
    let serving = serve(&recorded, &[]);
    serving
        .running
        .wait_for_stderr("langdock: recorded answers, no model; press Ctrl-C to stop\n");
    let refused = post(&serving, "127.0.0.1:1", "", "Hi");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("request-id"), Some("req_1"));
    assert_eq!(refused.header("retry-after-ms"), Some("1"));
    assert_eq!(refused.json()["error"]["message"], "Slow down.");
    for _ in 0..2 {
        let answered = post(&serving, "localhost", "", "Hi");
        assert_eq!(answered.status, 200);
        assert!(answered.is_whole() && answered.body.contains("Done."));
    }
    let missing = post(&serving, "[::1]:80", "", "Ho");
    assert_eq!(missing.status, 400);
    assert_eq!(missing.header("request-id"), Some("req_replay_4"));
    let refusal = missing.json();
    assert_eq!(refusal["error"]["type"], "invalid_request_error");
    let message = refusal["error"]["message"].as_str().unwrap();
    assert!(
        message.ends_with("(line 2) differs: messages[0].content[0].text was \"Hi\", now \"Ho\""),
        "{message}"
    );
    serving.end();
}

#[test]
fn a_date_is_as_far_from_now_as_it_was_from_then() {
    let server = Server::start(|_, _| {
        Reply::json(429, &error("rate_limit_error", "Slow down."))
            .header("retry-after", "Sun, 22 Nov 2026 13:00:00 GMT")
            .header("anthropic-ratelimit-tokens-reset", "2026-11-22T13:00:00Z")
    });
    let recorded = Recorded::against(&server, |_| ask("Hi").args(["--max-retries", "0"]));
    drop(server);
    // It was an hour before.
    let text = fs::read_to_string(recorded.path()).unwrap();
    let sent_at = recorded.exchanges()[0]["at"].as_str().unwrap().to_owned();
    fs::write(
        recorded.path(),
        text.replace(&sent_at, "2026-11-22T12:00:00Z"),
    )
    .unwrap();
    let serving = serve(&recorded, &[]);
    let refused = post(&serving, "localhost", "", "Hi");
    let now = std::time::SystemTime::now();
    let hour = std::time::Duration::from_secs(3600);
    let reset = refused.header("anthropic-ratelimit-tokens-reset").unwrap();
    let reset: jiff::Timestamp = reset.parse().unwrap();
    let reset = std::time::SystemTime::from(reset);
    let ahead = reset.duration_since(now).unwrap_or_default();
    assert!(ahead <= hour && ahead > hour / 2, "{refused:?}");
    let same = httpdate::fmt_http_date(reset).to_lowercase();
    assert_eq!(refused.header("retry-after"), Some(same.as_str()));
    serving.end();
}

#[test]
fn a_prompt_with_a_key_is_answered() {
    let server = Server::start(|_, _| Reply::sse(answer(&["Done."])));
    let prompt = format!("My key is {KEY}");
    let recorded = Recorded::against(&server, |_| ask(&prompt));
    recorded.outcome.code(0);
    drop(server);
    let serving = serve(&recorded, &[]);
    assert_eq!(post(&serving, "localhost", "", &prompt).status, 200);
    serving.end();

    // A key that does not look like one is known by the header.
    let server = Server::start(|_, _| Reply::sse(answer(&["Done."])));
    let key = "my.secret.of.the.team";
    let prompt = format!("My key is {key}");
    let begin = |home: &Home| ask(&prompt).env("LANGDOCK_API_KEY", key).home(home);
    let home = Home::new();
    let recorded = begin(&home)
        .against(&server)
        .args(["--record", RECORD])
        .run();
    recorded.code(0);
    let record = home.work().join(RECORD);
    assert!(!fs::read_to_string(&record).unwrap().contains(key));
    let serving = Serving::start(&["--replay", record.to_str().unwrap()]);
    let header = format!("authorization: Bearer {key}\r\n");
    assert_eq!(post(&serving, "localhost", &header, &prompt).status, 200);
    assert_eq!(post(&serving, "localhost", "", &prompt).status, 400);
    serving.end();
}

#[test]
fn langdock_itself_is_answered_as_by_the_server() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::sse_start()
            .body(Stream::new().start().open_text_block(["Once"]).to_string())
            .close(),
        _ => Reply::hang_up(),
    });
    let begin = |_: &Home| ask("Hi").args(["--max-retries", "0"]);
    let cut = Recorded::against(&server, begin);
    cut.outcome.code(8).stdout("Once\n");
    let lost = Recorded::against(&server, begin);
    lost.outcome.code(6).stdout("");
    drop(server);
    for recorded in [cut, lost] {
        let serving = serve(&recorded, &[]);
        let outcome = serving.send().args(["Hi", "--max-retries", "0"]).run();
        assert_eq!(outcome.code, recorded.outcome.code, "{outcome}");
        assert_eq!(outcome.stdout, recorded.outcome.stdout);
        serving.end();
    }
}

#[test]
fn only_programs_of_this_machine_are_answered() {
    let server = Server::start(|_, _| Reply::sse(answer(&["Secret."])));
    let recorded = Recorded::against(&server, |_| ask("Hi"));
    drop(server);
    let serving = serve(&recorded, &[]);
    for (host, more) in [
        ("attacker.example", ""),
        ("localhost.attacker.example:80", ""),
        ("127.0.0.1", "origin: http://127.0.0.1\r\n"),
        ("localhost", "origin: null\r\n"),
    ] {
        let refused = post(&serving, host, more, "Hi");
        assert_eq!(refused.status, 403, "{host} {more}");
        assert_eq!(refused.json()["error"]["type"], "permission_error");
    }
    assert_eq!(post(&serving, "127.0.0.1", "", "Hi").status, 200);
    serving.end();
}

#[test]
fn a_key_is_needed_only_where_one_was_set() {
    let server = Server::start(|_, _| Reply::sse(answer(&["ok"])));
    let recorded = Recorded::against(&server, |_| ask("Hi"));
    drop(server);
    let (home, log) = (Home::new(), "log.jsonl");
    let path = recorded.path();
    let flags = [
        "--replay",
        path.to_str().unwrap(),
        "--key",
        KEY,
        "--log",
        log,
    ];
    let serving = Serving::start_in(&home, &flags);
    assert_eq!(post(&serving, "localhost", "", "Hi").status, 401);
    let head = format!("x-api-key: {KEY}\r\n");
    assert_eq!(post(&serving, "localhost", &head, "Hi").status, 200);
    serving.end();
    let lines = fs::read_to_string(home.work().join(log)).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["model"], DEMO_MODEL);
}

#[test]
fn flags_of_the_script_and_files_that_are_no_record_are_refused() {
    let home = Home::new();
    home.write(format!("work/{RECORD}"), "notes\n");
    let run = |flags: &[&str]| {
        let serve = Langdock::new()
            .home(&home)
            .args(["serve", "--replay", RECORD]);
        serve.args(flags).run()
    };
    run(&[]).failed(2, "`r.jsonl` is not a recording", "--record");
    for flags in [&["--rpm", "1"][..], &["--rate", "1"], &["--fail", "429:1"]] {
        let message = format!("'{}", flags[0]);
        run(flags).failed(2, &message, "usage: langdock serve");
    }
    let run = Langdock::new()
        .args(["serve", "--replay-pace", "real"])
        .run();
    run.failed(2, "--replay", "usage");
}
