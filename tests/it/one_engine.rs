//! What all commands share: the key is read once, and the same exchange writes the same line to the
//! log.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    command::{KEY, Langdock},
    events::{Stream, answer},
    home::Home,
    reply::Reply,
    request::Request,
    server::Server,
};

/// Creates a home with an `api_key_cmd` that writes a line each time it runs.
fn counting_home(server: &Server) -> Home {
    let home = Home::new();
    let runs = home.work().join("runs");
    home.write(
        "work/t.toml",
        "[[tool]]\nname = \"look\"\ninput_schema = { type = \"object\" }\nshell = \"echo 42\"\n",
    );
    let script = format!("echo run >> {}; echo {KEY}", runs.display());
    let text = format!(
        "base_url = '{}'\napi_key_cmd = ['sh', '-c', '''{script}''']\n",
        server.url()
    );
    fs::create_dir_all(home.config()).unwrap();
    fs::write(home.config().join("config.toml"), text).unwrap();
    home
}

/// Starts a server with a list of models that calls the offered tool once.
fn endpoint() -> Server {
    Server::start(|request: &Request, _| {
        if request.method == "GET" {
            let models =
                json!({"data": [{"id": "claude-sonnet-4-5", "max_input_tokens": 200_000}]});
            return Reply::json(200, &models);
        }
        let body = request.json();
        let has_result = body["messages"].to_string().contains("tool_result");
        if body.get("tools").is_some() && !has_result {
            let call = Stream::new()
                .start()
                .tool_use_block("t1", "look", ["{}"])
                .stop("tool_use");
            return Reply::sse(call.to_string());
        }
        Reply::sse(answer(&["ok"]))
    })
}

fn runs(home: &Home) -> usize {
    let text = fs::read_to_string(home.work().join("runs")).unwrap_or_default();
    text.lines().count()
}

#[test]
fn a_command_that_prints_the_key_runs_once_in_every_command() {
    // Large enough that the model's limits are looked up.
    let large = format!("{}\n", "many words ".repeat(4_000));
    let four_turns = format!("one\n{large}three\nfour\n");
    let commands: [(&[&str], &str); 6] = [
        (&["send", "Hi"], ""),
        (&["chat"], &four_turns),
        (&["tool-run", "-T", "./t.toml", "-y", "Hi"], ""),
        (&["batch", "Say {text}", "-J", "2"], "a\nb\nc\n"),
        (&["models", "--refresh"], ""),
        (&["doctor"], ""),
    ];
    for (args, stdin) in commands {
        let server = endpoint();
        let home = counting_home(&server);
        let mut command = Langdock::new().home(&home).args(args);
        if !stdin.is_empty() {
            command = command.stdin_bytes(stdin);
        }
        let outcome = command.run();
        outcome.code(0);
        assert_eq!(runs(&home), 1, "{args:?}");
        assert!(!server.requests().is_empty(), "{args:?}");
    }
}

/// Returns the lines of the log, without what differs between two runs of the same command.
fn log_lines(home: &Home) -> Vec<Value> {
    let text = fs::read_to_string(home.state().join("usage.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let fields = line.as_object_mut().unwrap();
            for key in ["at", "command"] {
                assert!(fields.remove(key).is_some(), "{key} in {fields:?}");
            }
            line
        })
        .collect()
}

#[test]
fn the_same_exchange_leaves_the_same_line_in_the_log() {
    let endings = [
        answer(&["ok"]),
        Stream::new()
            .start()
            .text_block(["cut"])
            .stop("max_tokens")
            .to_string(),
        Stream::new()
            .start()
            .text_block(["no"])
            .stop("refusal")
            .to_string(),
    ];
    for (ending, code) in endings.into_iter().zip([0, 9, 10]) {
        let lines: Vec<Vec<Value>> = ["send", "tool-run", "chat"]
            .iter()
            .map(|command| {
                let ending = ending.clone();
                let server = Server::start(move |_, _| Reply::sse(ending.clone()));
                let home = Home::new();
                let run = Langdock::new().key().against(&server).home(&home);
                run.env("LANGDOCK_MODEL", "m")
                    .args([*command, "Hi"])
                    .run()
                    .code(code);
                assert_eq!(server.requests().len(), 1, "{command}");
                log_lines(&home)
            })
            .collect();
        assert_eq!(lines[0].len(), 1);
        assert_eq!(lines[0], lines[1], "send and tool-run");
        assert_eq!(lines[0], lines[2], "send and chat");
    }
}
