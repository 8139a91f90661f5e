//! The prompt cache: which requests are marked, where, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::batch::batch;
use crate::flags::chat;
use crate::support::{
    command::Langdock,
    events::{MODEL, Stream, answer, error},
    gate::Gate,
    home::Home,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
    serving::Serving,
};
use crate::tools::{calling, done, playing, tool_run};

/// A model of the scripted endpoint that caches from 1,024 tokens on.
const CACHING_MODEL: &str = "claude-sonnet-5-default";

/// A home with a file of about 5,000 tokens in its work directory.
fn home() -> Home {
    let home = Home::new();
    home.write("work/long.txt", "word ".repeat(5000));
    home
}

/// Returns the paths of all marks in a body, and how long each is for.
fn marks(body: &Value) -> Vec<(String, String)> {
    fn collect(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    if key == "cache_control" {
                        let ttl = value["ttl"].as_str().unwrap_or("5m");
                        found.push((path.trim_start_matches('.').to_owned(), ttl.to_owned()));
                    } else {
                        collect(value, &format!("{path}.{key}"), found);
                    }
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    collect(value, &format!("{path}.{index}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(body, "", &mut found);
    found.sort();
    found
}

fn paths(request: &Request) -> Vec<String> {
    let marks = marks(&request.json());
    marks.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn a_conversation_is_marked_and_a_prompt_sent_once_is_not() {
    let (server, home) = (answering("ok"), home());
    send(&server)
        .home(&home)
        .args(["Hi", "-f", "long.txt", "-s", "Be brief."])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(paths(&server.requests()[0]), [] as [&str; 0]);
    for _ in 0..2 {
        send(&server)
            .home(&home)
            .args([
                "Hi",
                "-f",
                "long.txt",
                "-s",
                "Be brief.",
                "--session",
                "s",
                "-q",
            ])
            .run()
            .code(0)
            .stderr_empty();
    }
    let requests = server.requests();
    let first = ["messages.0.content.1", "system.0"];
    assert_eq!(paths(&requests[1]), first);
    // Nothing was written, as far as the answer says.
    assert_eq!(paths(&requests[2]), ["messages.2.content.1", "system.0"]);
}

#[test]
fn a_short_conversation_is_sent_as_it_is() {
    let server = answering("ok");
    let home = Home::new();
    send(&server)
        .home(&home)
        .args(["Hi", "--session", "s", "-q"])
        .run()
        .code(0);
    assert_eq!(server.only_request().json()["messages"][0]["content"], "Hi");
}

#[test]
fn marks_in_the_body_of_the_user_are_theirs_to_choose() {
    let (server, home) = (answering("ok"), home());
    let mark = json!({"type": "ephemeral"});
    let text = json!({"type": "text", "text": "word ".repeat(5000), "cache_control": mark});
    let turns =
        json!([{"role": "user", "content": [text]}, {"role": "assistant", "content": "ok"}]);
    home.write("work/turns.json", turns.to_string());
    send(&server)
        .home(&home)
        .args(["Hi", "--messages", "turns.json", "--cache", "1h"])
        .run()
        .code(0)
        .stderr_empty();
    let body = server.only_request().json();
    assert_eq!(
        marks(&body),
        [("messages.0.content.0".to_owned(), "5m".to_owned())]
    );
}

#[test]
fn tools_are_marked_and_each_further_request_reads_what_came_before() {
    let server = playing(&[calling(&[("t", json!({}))]), done("done")]);
    let home = home();
    home.write(
        "work/t.toml",
        "[[tool]]\nname = \"t\"\ninput_schema = { type = \"object\" }\nshell = \"echo 42\"\n",
    );
    tool_run(&server)
        .home(&home)
        .args(["Hi", "-f", "long.txt", "-T", "./t.toml", "-y"])
        .run()
        .code(0)
        .stdout("done\n");
    let requests = server.requests();
    assert_eq!(paths(&requests[0]), ["messages.0.content.1", "tools.0"]);
    assert_eq!(paths(&requests[1]), ["messages.2.content.0", "tools.0"]);
}

#[test]
fn a_refusal_of_the_marks_drops_them_and_is_remembered() {
    let server = Server::start(|request, _| {
        if request.text().contains("cache_control") {
            let message = "messages.0.content.0.text.cache_control: Extra inputs are not permitted";
            return Reply::json(400, &error("invalid_request_error", message));
        }
        Reply::sse(answer(&["ok"]))
    });
    let home = home();
    for expected in [2, 3] {
        send(&server)
            .home(&home)
            .args(["Hi", "-f", "long.txt", "--session", "s", "-q"])
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
        assert_eq!(server.requests().len(), expected);
    }
    let outcome = send(&server)
        .home(&home)
        .args(["Hi", "-f", "long.txt", "--cache", "5m"])
        .run();
    outcome
        .code(0)
        .stderr_contains(&format!("cache is left out: {MODEL} does not accept it"));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn thinking_is_bound_to_the_request_whether_it_was_marked_or_not() {
    let thinking = Stream::new()
        .start()
        .thinking_block("hm", "sig")
        .text_block(["ok"])
        .stop("end_turn");
    let (server, home) = (playing(&[thinking, done("ok")]), home());
    for _ in 0..2 {
        send(&server)
            .home(&home)
            .args(["Hi", "-f", "long.txt", "--session", "s", "-q"])
            .run()
            .code(0);
    }
    let body = server.requests()[1].json();
    assert_eq!(
        body["messages"][1]["content"][0],
        json!({"type": "thinking", "thinking": "hm", "signature": "sig"})
    );
}

#[test]
fn the_usage_shows_what_was_read_and_written() {
    let serving = Serving::start(&[]);
    let home = home();
    let ask = |more: &[&str]| {
        serving
            .send()
            .home(&home)
            .args([
                "Hi",
                "-f",
                "long.txt",
                "--session",
                "s",
                "-u",
                "-m",
                CACHING_MODEL,
            ])
            .args(more)
            .run()
    };
    let written = ask(&[]);
    written
        .code(0)
        .stderr_contains(" tokens in (0 read from the cache, ")
        .stderr_contains(" written to it, 0 not cached), ");
    let read = ask(&[]);
    read.code(0)
        .stderr_contains(" read from the cache, ")
        .stderr_lacks("(0 read");
    let changed = ask(&["-v", "-s", "Be brief."]);
    changed
        .code(0)
        .stderr_contains("tokens from the prompt cache: the system prompt has changed");
    let usage = Langdock::new().home(&home).args(["usage", "--json"]).run();
    let total = usage.code(0).stdout_json()["total"].clone();
    assert!(total["cache"].as_u64() > Some(0), "{total}");
    assert!(total["cache_write"].as_u64() > Some(0), "{total}");
    Langdock::new()
        .home(&home)
        .args(["usage"])
        .run()
        .code(0)
        .stdout_contains("%");
    serving.end();
}

#[test]
fn a_conversation_in_chat_reads_what_its_turns_have_written() {
    let serving = Serving::start(&[]);
    let home = home();
    Langdock::new()
        .key()
        .env("LANGDOCK_BASE_URL", &serving.base_url)
        .home(&home)
        .args(["chat", "-m", CACHING_MODEL, "-f", "long.txt", "Hi", "-u"])
        .stdin_bytes("And now?\nAnd then?\n")
        .run()
        .code(0);
    let usage = Langdock::new().home(&home).args(["usage", "--json"]).run();
    let total = usage.code(0).stdout_json()["total"].clone();
    assert_eq!(total["requests"], 3);
    let count = |key: &str| total[key].as_u64().unwrap();
    assert!(count("cache") > 2 * 4000, "{total}");
    assert!(count("cache_write") < 2 * 5000, "{total}");
    serving.end();
}

#[test]
fn the_first_item_of_a_batch_is_alone_until_its_answer_begins() {
    let (gate, is_open) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let server = Server::start({
        let (gate, is_open) = (gate.clone(), Arc::clone(&is_open));
        move |_, number| match number {
            0 => Reply::sse(answer(&["ok"])).hold_head(&gate),
            _ if is_open.load(Ordering::SeqCst) => Reply::sse(answer(&["ok"])),
            _ => Reply::json(400, &error("invalid_request_error", "Too early.")),
        }
    });
    let home = home();
    let running = batch(&server)
        .home(&home)
        .args(["About {text}", "-f", "long.txt"])
        .stdin_bytes("a\nb\nc\n")
        .spawn();
    server.wait_for_requests(1);
    is_open.store(true, Ordering::SeqCst);
    gate.open();
    let outcome = running.finish();
    outcome.code(0).stderr_empty();
    assert_eq!(outcome.stdout_json_lines().len(), 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(paths(request), ["messages.0.content.0"]);
    }
}

#[test]
fn one_item_alone_is_not_marked() {
    let (server, home) = (answering("ok"), home());
    batch(&server)
        .home(&home)
        .args(["About {text}", "-f", "long.txt"])
        .stdin_bytes("a\n")
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(paths(&server.only_request()), [] as [&str; 0]);
}

#[test]
fn an_item_is_the_same_to_a_later_run_whether_it_is_marked_or_not() {
    let (server, home) = (answering("ok"), home());
    for mode in ["auto", "off", "1h"] {
        batch(&server)
            .home(&home)
            .args([
                "About {text}",
                "-f",
                "long.txt",
                "-o",
                "out.jsonl",
                "--cache",
                mode,
            ])
            .stdin_bytes("a\nb\n")
            .run()
            .code(0)
            .stderr_empty();
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_batch_whose_marks_are_refused_is_asked_without_them() {
    let server = Server::start(|request, _| {
        if request.text().contains("cache_control") {
            let message = "messages.0.content.0.text.cache_control: Extra inputs are not permitted";
            return Reply::json(400, &error("invalid_request_error", message));
        }
        Reply::sse(answer(&["ok"]))
    });
    let home = home();
    let outcome = batch(&server)
        .home(&home)
        .args(["About {text}", "-f", "long.txt"])
        .stdin_bytes("a\nb\nc\n")
        .run();
    outcome.code(0).stderr_empty();
    assert_eq!(outcome.stdout_json_lines().len(), 3);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn the_setting_of_the_config_file_holds_and_the_flag_goes_before_it() {
    let (server, home) = (answering("ok"), home());
    std::fs::create_dir_all(home.config()).unwrap();
    std::fs::write(home.config().join("config.toml"), "cache = \"1h\"\n").unwrap();
    chat::chat(&server)
        .home(&home)
        .args(["Hi", "-f", "long.txt"])
        .run()
        .code(0);
    let expected = [("messages.0.content.1".to_owned(), "1h".to_owned())];
    assert_eq!(marks(&server.requests()[0].json()), expected);
    chat::chat(&server)
        .home(&home)
        .args(["Hi", "-f", "long.txt", "--cache", "off"])
        .run()
        .code(0);
    assert_eq!(marks(&server.requests()[1].json()), []);
}
