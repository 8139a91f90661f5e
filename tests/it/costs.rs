//! What requests cost at list price: shown, added up, forecast and limited.

use serde_json::{Value, json};

use crate::batch::batch;
use crate::chat::{ENTER, chat, leave, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{Stream, answer},
    home::Home,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};
use crate::tools::{calling, done, playing, shell_tool, tool_run};

/// A model with a list price: two dollars for a million input tokens, ten for output.
const PRICED: &str = "claude-sonnet-5-default";

/// A model without one.
const UNPRICED: &str = "claude-3-haiku-20240307";

/// The usage of a request that read, wrote and sent tokens.
fn cached_usage() -> Value {
    json!({
        "input_tokens": 1000, "cache_read_input_tokens": 20_000,
        "cache_creation_input_tokens": 3000, "output_tokens": 500,
    })
}

fn using(usage: &Value) -> Server {
    let stream = Stream::new()
        .field("usage", usage.clone())
        .final_usage(json!({"output_tokens": usage["output_tokens"]}))
        .start()
        .text_block(["ok"])
        .stop("end_turn")
        .to_string();
    Server::start(move |_, _| Reply::sse(&stream))
}

#[test]
fn an_answer_shows_its_list_price() {
    let server = using(&cached_usage());
    let home = Home::new();
    let ask = |more: &[&str]| {
        let command = send(&server).home(&home).args(["Hi", "-m", PRICED]);
        command.args(more).run()
    };
    // 1,000 · 2 + 20,000 · 0.2 + 3,000 · 2.5 + 500 · 10 dollars per million.
    ask(&["-u"])
        .code(0)
        .stderr_contains("; list price $0.0185 (2026-11)");
    let message = ask(&["--json"]).code(0).stdout_json();
    assert_eq!(
        message["langdock"]["cost"],
        json!({"list_price": 0.0185, "currency": "USD", "prices": "2026-11"})
    );
    let usage = |by: &str| {
        let command = Langdock::new().home(&home);
        command.args(["usage", "--by", by, "--json"]).run()
    };
    for by in ["model", "day", "command"] {
        let usage = usage(by).code(0).stderr_empty().stdout_json();
        let expected = json!({
            "list_price": 0.037, "cache_saved": 0.069, "currency": "USD",
            "requests_without_price": 0,
        });
        assert_eq!(usage["rows"][0]["cost"], expected, "{by}");
        assert_eq!(usage["total"]["cost"], expected);
    }
    let table = Langdock::new().home(&home).args(["usage"]).run();
    table
        .code(0)
        .stdout_contains("$0.0370")
        .stdout_contains("$0.0690");
}

#[test]
fn a_conversation_shows_the_list_price_of_its_answers() {
    let server = using(&cached_usage());
    let terminal = chat(&server).args(["-m", PRICED]).on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.keys("One").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("Two").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    terminal.keys("/usage").keys(ENTER);
    wait_for_prompt(&terminal, 4);
    leave(terminal)
        .code(0)
        .stdout_contains("2 answers: 48,000 tokens in (40,000 read from the cache), 1,000 out")
        .stdout_contains("list price: $0.0370 (2026-11)");
}

#[test]
fn a_model_without_a_list_price_has_none_until_the_config_file_sets_it() {
    let server = using(&cached_usage());
    let home = Home::new();
    let ask = |more: &[&str]| {
        let command = send(&server).home(&home).args(["Hi", "-m", UNPRICED]);
        command.args(more).run()
    };
    ask(&["-u"]).code(0).stderr_lacks("list price");
    let message = ask(&["--json"]).code(0).stdout_json();
    assert_eq!(message["langdock"].get("cost"), None);
    for (key, price) in [("input", "1"), ("output", "2.50"), ("cache_read", "0")] {
        let key = format!("prices.claude-3-*.{key}");
        let set = Langdock::new()
            .home(&home)
            .args(["config", "set", &key, price]);
        set.run().code(0).stderr_empty();
    }
    let shown = Langdock::new().home(&home).args(["config", "show"]).run();
    shown
        .code(0)
        .stdout_contains("prices.\"claude-3-*\".output");
    // 1,000 · 1 + 3,000 · 1.25 + 500 · 2.5 dollars per million.
    ask(&["-u"])
        .code(0)
        .stderr_contains("; list price $0.0060 (config)");
    let message = ask(&["--json"]).code(0).stdout_json();
    assert_eq!(message["langdock"]["cost"]["prices"], "config");
}

#[test]
fn scripted_answers_cost_nothing() {
    let home = Home::new();
    let outcome = Langdock::new()
        .home(&home)
        .args(["--demo", "send", "Hi", "-m", PRICED, "--json"])
        .run();
    assert_eq!(outcome.code(0).stdout_json()["langdock"].get("cost"), None);
}

#[test]
fn scripted_and_recorded_answers_are_no_reason_to_stop() {
    let (server, home) = (using(&cached_usage()), Home::new());
    let record = home.work().join("r.jsonl");
    let record = record.to_str().unwrap();
    let many = |most: &str| ["{text}", "-m", PRICED, "--max-cost", most].map(str::to_owned);
    batch(&server)
        .home(&home)
        .args(many("1"))
        .args(["--record", record])
        .stdin_bytes("a\nb\nc\n")
        .run()
        .code(0);
    for flags in [&["--replay", record][..], &["--demo"]] {
        let outcome = Langdock::new()
            .home(&home)
            .args(["batch"])
            .args(many("0.0001"))
            .args(flags)
            .stdin_bytes("a\nb\nc\n")
            .run();
        outcome.code(0).stderr_lacks("budget");
    }
    let home = shell_tool("echo ran", "");
    let outcome = Langdock::new()
        .home(&home)
        .args(["--demo", "tool-run", "-T", "./t.toml", "-y", "Look it up"])
        .args(["-m", PRICED, "--max-cost", "0.000001"])
        .run();
    outcome.code(0).stderr_lacks("budget");
}

/// Asserts that `--max-cost` ends a batch before it costs more.
pub(crate) fn batch_is_limited() {
    let server = using(&cached_usage());
    let ask = |model: &str, most: &str| {
        batch(&server)
            .args(["{text}", "-m", model, "--max-cost", most])
            .stdin_bytes("a\nb\nc\nd\n")
            .run()
    };
    let outcome = ask(PRICED, "0.04");
    outcome
        .code(13)
        .stderr_contains("the budget of $0.0400 at list price; 2 items done");
    assert_eq!(server.requests().len(), 2);
    ask(PRICED, "$1").code(0).stderr_empty();
    let refused = ask(UNPRICED, "1");
    refused.failed(
        2,
        "no list price is known for claude-3-haiku-20240307",
        "config set",
    );
    assert_eq!(server.requests().len(), 6);
    let refused = ask(PRICED, "0");
    refused
        .code(2)
        .stderr_contains("an amount of US dollars above 0");
}

/// Asserts that `--max-cost` ends the turns of `tool-run` before they cost more, and before the
/// next tool runs.
pub(crate) fn tool_run_is_limited() {
    let run = |server: &Server, model: &str, most: &str| {
        let home = shell_tool("echo ran >>log", "");
        let outcome = tool_run(server)
            .home(&home)
            .args([
                "-T",
                "./t.toml",
                "-y",
                "Hi",
                "-m",
                model,
                "--max-cost",
                most,
            ])
            .run();
        let runs = std::fs::read_to_string(home.work().join("log")).unwrap_or_default();
        (outcome, runs.lines().count(), home)
    };
    // 25 input and 15 output tokens a request: $0.0002.
    let call = calling(&[("t", json!({}))]);
    let server = playing(&[call.clone(), call.clone(), call, done("ok")]);
    let (outcome, runs, home) = run(&server, PRICED, "0.0005");
    outcome
        .code(13)
        .stderr_contains("the budget of $0.0005 at list price; $0.0004 used")
        .stderr_contains("raise --max-cost; the conversation is saved");
    assert_eq!((server.requests().len(), runs), (2, 1));
    // What the hint tells to type goes on with it.
    let hinted = outcome.stderr.split('`').nth(1).unwrap();
    let (command, prompt) = hinted.split_once(" '").unwrap();
    let words = command
        .split(' ')
        .skip(2)
        .chain([prompt.trim_end_matches('\'')]);
    tool_run(&server)
        .home(&home)
        .args(words)
        .args(["-T", "./t.toml", "-y", "-m", PRICED])
        .run()
        .code(0)
        .stdout("ok\n");
    let (outcome, runs, home) = run(&server, PRICED, "0.000001");
    outcome
        .code(13)
        .stderr_contains("raise --max-cost; nothing was sent");
    assert_eq!((server.requests().len(), runs), (4, 0));
    assert!(crate::session::ids(&home).is_empty());
    let server = playing(&[calling(&[("t", json!({}))]), done("ok")]);
    run(&server, PRICED, "0.01").0.code(0);
    let server = answering("ok");
    let (outcome, ..) = run(&server, UNPRICED, "1");
    outcome.failed(2, "no list price is known", "config set");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_batch_of_many_items_begins_with_a_forecast_of_its_list_price() {
    let server = Server::start(|_, _| Reply::sse(answer(&["ok"])));
    let home = Home::new();
    let lines = |count: usize| "a line\n".repeat(count);
    home.write("work/few.txt", lines(20));
    home.write("work/many.txt", lines(21));
    let run = |model: &str, args: &[&str]| {
        let command = batch(&server)
            .home(&home)
            .args(["About {text}", "-m", model]);
        command.args(args).run()
    };
    run(PRICED, &["-i", "few.txt"]).code(0).stderr_empty();
    run(UNPRICED, &["-i", "many.txt"]).code(0).stderr_empty();
    // 21 · 8,192 output tokens at ten dollars per million.
    run(PRICED, &["-i", "many.txt"])
        .code(0)
        .stderr_contains("21 requests at list price: ")
        .stderr_contains("up to $1.72 more for the answers, if each has 8,192 tokens")
        .stderr_contains("prices of 2026-11; Langdock may bill differently");
}
