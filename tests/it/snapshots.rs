//! The exact text that users read: help, and errors with their hints. In a review, a change of
//! wording shows as a change of a file in `snapshots/`.
//!
//! `INSTA_UPDATE=always cargo test --test it snapshots` or `cargo insta review` accepts a change.
//! Man pages and completions are compared by `generated`, and the README by `readme`.

use serde_json::json;

use crate::{
    generated::commands,
    support::{
        command::{KEY, Langdock},
        events::{MODEL, Stream, answer, error},
        home::Home,
        outcome::Outcome,
        picture::png,
        reply::Reply,
        server::Server,
    },
};

/// Compares a text with the file `snapshots/NAME.snap`.
fn assert_unchanged(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Returns a command line as typed in a shell.
fn typed(args: &[&str]) -> String {
    let words = args.iter().map(|arg| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@".contains(letter);
        if !arg.is_empty() && arg.chars().all(is_plain) {
            (*arg).to_owned()
        } else {
            format!("'{}'", arg.escape_debug())
        }
    });
    words.fold("langdock".to_owned(), |line, word| line + " " + &word)
}

/// Returns a command line with its stderr and its exit code.
fn shown(args: &[&str], outcome: &Outcome) -> String {
    let code = outcome.code.expect("it exits");
    format!("$ {}\n{}[exit {code}]\n\n", typed(args), outcome.stderr)
}

/// Replaces what differs between machines and runs.
fn redacted(text: &str, replacements: &[(String, &str)]) -> String {
    let mut text = text.replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
    for (from, to) in replacements {
        text = text.replace(from, to);
    }
    text
}

#[test]
fn the_help_of_every_command() {
    for (words, _) in commands() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let text: String = ["-h", "--help"]
            .map(|flag| {
                let args = [&words[..], &[flag]].concat();
                let outcome = Langdock::new().args(&args).run();
                let help = outcome.code(0).stderr_empty().stdout_text();
                format!("$ {}\n{help}\n", typed(&args))
            })
            .concat();
        let name = ["help", &words.join("-")].join("-");
        let name = name.trim_end_matches('-');
        assert_unchanged(name, &redacted(&text, &[]));
    }
}

#[test]
fn every_help_topic() {
    for topic in [
        "exit-codes",
        "environment",
        "config",
        "regions",
        "secrets",
        "tool-run",
        "mcp",
    ] {
        let outcome = Langdock::new().args(["help", topic]).run();
        let help = outcome.code(0).stderr_empty().stdout_text();
        let end = help.find("\nKeys of ").unwrap_or_default();
        assert_unchanged(&format!("topic-{topic}"), &redacted(&help[end..], &[]));
    }
}

/// Command lines that are refused before anything is sent. They use the files of [`furniture`].
const REFUSED: &[&[&str]] = &[
    // Names that do not exist.
    &["sned", "Hi"],
    &["Hello there"],
    &["send", "--modle", "m", "Hi"],
    &["send", "-Z", "Hi"],
    &["send", "--color", "blue", "Hi"],
    &["session", "shwo"],
    &["config", "get", "regoin"],
    &["config", "get", "nothing-like-it"],
    &["help", "confg"],
    &["completions", "bsh"],
    &["usage", "--by", "modle"],
    // Values.
    &["send", "--temperature", "2", "Hi"],
    &["send", "--top-k", "0", "Hi"],
    &["send", "--max-tokens", "0", "Hi"],
    &["send", "--max-tokens", "many", "Hi"],
    &["send", "--timeout", "abc", "Hi"],
    &["send", "--timeout", "40000d", "Hi"],
    &["send", "--stop", "\n\n", "Hi"],
    &["send", "--set", "thinking", "Hi"],
    &["send", "--set", "thinking=on", "Hi"],
    &["send", "--set", "model=\"m\"", "Hi"],
    &["send", "--set", "temperature=2", "Hi"],
    &["send", "--param", "prompt=x", "-t", "./good.md", "Hi"],
    &["send", "--base-url", "api.example", "Hi"],
    &["send", "--base-url", "ftp://api.example", "Hi"],
    &["send", "--base-url", "http://api.example", "Hi"],
    &[
        "send",
        "--base-url",
        "https://api.langdock.com/anthropic/us",
        "--region",
        "eu",
        "Hi",
    ],
    &["send", "--region", "E U", "Hi"],
    &["send", "--proxy", "ftp://proxy", "Hi"],
    &["send", "--proxy", "::", "Hi"],
    &["send", "--cacert", "text.txt", "Hi"],
    &["send", "--profile", "work", "Hi"],
    &["serve", "--port", "70000"],
    &["serve", "--fail", "teapot:0.1"],
    &["batch", "{text}", "-J", "0"],
    // Conflicting or missing flags.
    &["send", "--json", "--jsonl", "Hi"],
    &["send", "--raw", "--markdown", "Hi"],
    &["send", "--demo", "--curl", "Hi"],
    &["models", "--demo", "--base-url", "https://api.example"],
    &["send", "--tool-choice", "any", "Hi"],
    &["send", "--fork", "Hi"],
    &["batch"],
    &["config", "set", "region"],
    // Input.
    &["send"],
    &["send", "-f", "missing.txt", "Hi"],
    &["send", "-f", "binary.bin", "Hi"],
    &["send", "-f", "photo.bmp", "Hi"],
    &["send", "-f", "wide.png", "Hi"],
    &["send", "-f", "cut.png", "Hi"],
    &["send", "-f", "empty", "Hi"],
    &["send", "-a", "text.txt", "Hi"],
    &["send", "-f", "text.txt", "good.md"],
    &["send", "--messages", "text.txt", "Hi"],
    &["send", "--messages", "assistant.json", "Hi"],
    &["send", "-s", "@binary.bin", "Hi"],
    &["send", "-t", "gone", "Hi"],
    &["send", "-t", "./bad-key.md", "Hi"],
    &["send", "-t", "./open-head.md", "Hi"],
    &["send", "-o", "missing/answer.md", "Hi"],
    &["send", "-o", "empty", "Hi"],
    // Tools and schemas.
    &["tool-run", "-T", "gone", "Hi"],
    &["tool-run", "-T", "./text.txt", "Hi"],
    &["tool-run", "-T", "./no-schema.toml", "Hi"],
    &["tool-run", "-T", "./bad-tool.toml", "Hi"],
    &[
        "tool-run",
        "-T",
        "./tool.toml",
        "--allow-tool",
        "loook",
        "Hi",
    ],
    &["tool-run", "-T", "./tool.toml", "--call", "loook", "{}"],
    &[
        "tool-run",
        "-T",
        "./tool.toml",
        "--call",
        "look",
        "{\"at\": 1}",
    ],
    &[
        "tool-run",
        "-T",
        "./tool.toml",
        "--call",
        "look",
        "not JSON",
    ],
    &["send", "--schema", "{\"type\": \"objekt\"}", "Hi"],
    &["send", "--schema", "text.txt", "Hi"],
    // Conversations.
    &["send", "--continue", "Hi"],
    &["send", "--session", "", "Hi"],
    &["session", "show", "gone"],
    &["session", "rm", "gone"],
    &["session", "rename", "gone", "new"],
    &["session", "rm", "--older-than", "soon"],
    // Batches.
    &["batch", "Ask {name}", "-i", "items.txt"],
    &["batch", "Ask {text", "-i", "items.txt"],
    &["batch", "Ask", "items.txt"],
    &["batch", "Ask {text}", "-i", "missing.txt"],
    &["batch", "Ask {text}", "--retry-failed", "-i", "items.txt"],
    // Settings.
    &["config", "set", "max_tokens", "many"],
    &["config", "set", "regoin", "eu"],
    &["config", "set", "timeout", "abc"],
    &["config", "unset", "regoin"],
];

/// Writes the files used by the refused command lines.
fn furniture(home: &Home) {
    let tool = "[[tool]]\nname = \"look\"\n";
    let schema =
        "input_schema = { type = \"object\", properties = { at = { type = \"string\" } } }\n";
    for (name, content) in [
        ("text.txt", b"only words".to_vec()),
        ("items.txt", b"one\ntwo\n".to_vec()),
        ("binary.bin", b"\0\x01\x02\x03".to_vec()),
        (
            "photo.bmp",
            b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec(),
        ),
        ("wide.png", png(8001, 1)),
        ("cut.png", png(1, 1)[..40].to_vec()),
        ("good.md", b"{{prompt}}".to_vec()),
        (
            "bad-key.md",
            b"+++\nmodle = \"m\"\n+++\n{{prompt}}".to_vec(),
        ),
        ("open-head.md", b"+++\nmodel = \"m\"\n".to_vec()),
        (
            "assistant.json",
            b"[{\"role\": \"assistant\", \"content\": \"Hi\"}]".to_vec(),
        ),
        ("no-schema.toml", tool.as_bytes().to_vec()),
        (
            "bad-tool.toml",
            format!("{tool}{schema}timeout = 30\n").into_bytes(),
        ),
        (
            "tool.toml",
            format!("{tool}{schema}shell = \"cat\"\n").into_bytes(),
        ),
    ] {
        home.write(format!("work/{name}"), content);
    }
    std::fs::create_dir(home.work().join("empty")).unwrap();
}

#[test]
fn every_refused_command_line() {
    let text: String = REFUSED
        .iter()
        .map(|args| {
            let home = Home::new();
            furniture(&home);
            let run = Langdock::new().home(&home).key().args(*args);
            let outcome = run.env("LANGDOCK_MODEL", MODEL).run();
            assert_ne!(outcome.code, Some(0), "it is not refused\n{outcome}");
            let place = home.path().display().to_string();
            redacted(&shown(args, &outcome), &[(place, "[HOME]")])
        })
        .collect();
    assert_unchanged("refused", &text);
}

#[test]
fn every_broken_config_file() {
    let files = [
        "regoin = \"eu\"\n",
        "region = \n",
        "region = \"E U\"\n",
        "max_tokens = 0\n",
        "timeout = \"soon\"\n",
        "save = \"yes\"\n",
        "base_url = \"http://api.example\"\n",
        "api_key_cmd = []\n",
        "[limits.m]\nrpm = 0\n",
        "[tools]\nallow = \"look\"\n",
        "[profiles.work]\nregoin = \"eu\"\n",
    ];
    let text: Vec<String> = files
        .iter()
        .map(|file| {
            let home = Home::new();
            home.write(home.config().join("config.toml"), file);
            let args = ["send", "-m", "m", "Hi"];
            let outcome = Langdock::new().home(&home).key().args(args).run();
            let stderr = redacted(
                &outcome.stderr,
                &[(home.path().display().to_string(), "[HOME]")],
            );
            format!(
                "{file}{stderr}[exit {}]\n\n",
                outcome.code.expect("it exits")
            )
        })
        .collect();
    assert_unchanged("config-files", &text.concat());
}

#[test]
fn every_failure_about_the_key() {
    let none = Langdock::new().args(["send", "-m", "m", "Hi"]).run();
    let home = Home::new();
    home.write("work/empty.key", " \n");
    let with = |args: &[&str]| {
        let run = Langdock::new().home(&home).args(["send", "-m", "m"]);
        run.args(args).args(["Hi"]).run()
    };
    let text = [
        shown(&["send", "-m", "m", "Hi"], &none),
        shown(
            &["send", "-m", "m", "--api-key-file", "empty.key", "Hi"],
            &with(&["--api-key-file", "empty.key"]),
        ),
        shown(
            &["send", "-m", "m", "--api-key-file", "gone.key", "Hi"],
            &with(&["--api-key-file", "gone.key"]),
        ),
    ];
    let place = home.path().display().to_string();
    let text = redacted(&text.concat(), &[(place, "[HOME]")]);
    assert!(!text.contains(KEY));
    assert_unchanged("key", &text);
}

/// A server's behaviour: its name in the snapshot, the reply, and flags for the request.
type Failing = (&'static str, fn() -> Reply, &'static [&'static str]);

/// Replies with a status and the API's error for it.
macro_rules! refusing {
    ($status:literal, $kind:literal) => {
        (
            concat!("HTTP ", $status, " ", $kind),
            || Reply::json($status, &error($kind, "it went wrong")).header("retry-after-ms", 1),
            &["--max-retries", "0"],
        )
    };
}

/// Every way in which a request fails, in the order of the exit codes.
const FAILING: &[Failing] = &[
    refusing!(400, "invalid_request_error"),
    (
        "HTTP 400, unknown model",
        || {
            let models = "Invalid model, available models are: claude-a, claude-b";
            Reply::json(400, &error("invalid_request_error", models))
        },
        &[],
    ),
    (
        "HTTP 400, too long",
        || Reply::json(400, &error("invalid_request_error", "prompt is too long")),
        &[],
    ),
    (
        "HTTP 302",
        || Reply::status(302).header("location", "https://elsewhere.example/"),
        &[],
    ),
    refusing!(401, "authentication_error"),
    refusing!(402, "billing_error"),
    refusing!(403, "permission_error"),
    refusing!(404, "not_found_error"),
    refusing!(408, "timeout_error"),
    refusing!(409, "conflict_error"),
    refusing!(413, "request_too_large"),
    refusing!(422, "invalid_request_error"),
    refusing!(429, "rate_limit_error"),
    (
        "HTTP 429, a wait that is too long",
        || Reply::json(429, &error("rate_limit_error", "slow down")).header("retry-after", 600),
        &[],
    ),
    (
        "HTTP 429, not to be retried",
        || {
            Reply::json(429, &error("rate_limit_error", "slow down"))
                .header("x-should-retry", "false")
        },
        &[],
    ),
    refusing!(500, "api_error"),
    refusing!(503, "api_error"),
    refusing!(529, "overloaded_error"),
    (
        "an error after a retry",
        || Reply::json(500, &error("api_error", "it went wrong")).header("retry-after-ms", 1),
        &["--max-retries", "1"],
    ),
    (
        "a page",
        || Reply::status(200).body("<html>Hello</html>"),
        &[],
    ),
    (
        "HTTP 204",
        || Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        &[],
    ),
    ("no answer", Reply::hang_up, &["--max-retries", "0"]),
    (
        "silence",
        Reply::never,
        &["--idle-timeout", "50ms", "--max-retries", "0"],
    ),
    (
        "silence for the whole call",
        Reply::never,
        &["--timeout", "50ms", "--max-retries", "0"],
    ),
    (
        "an error event before the answer",
        || {
            Reply::sse(
                Stream::new()
                    .start()
                    .error("overloaded_error", "busy")
                    .to_string(),
            )
        },
        &["--max-retries", "0"],
    ),
    (
        "an error event in the answer",
        || {
            let stream = Stream::new().start().open_text_block(["Hello"]);
            Reply::sse(stream.error("overloaded_error", "busy").to_string())
        },
        &[],
    ),
    (
        "an answer that breaks off",
        || Reply::sse(Stream::new().start().open_text_block(["Hello"]).to_string()),
        &[],
    ),
    (
        "an answer that breaks off, into a file",
        || Reply::sse(Stream::new().start().open_text_block(["Hello"]).to_string()),
        &["-o", "answer.md"],
    ),
    (
        "an empty answer",
        || Reply::sse(Stream::new().start().stop("end_turn").to_string()),
        &[],
    ),
    (
        "a paused turn",
        || {
            Reply::sse(
                Stream::new()
                    .start()
                    .text_block(["Hello"])
                    .stop("pause_turn")
                    .to_string(),
            )
        },
        &[],
    ),
    (
        "max_tokens",
        || {
            Reply::sse(
                Stream::new()
                    .start()
                    .text_block(["Hello"])
                    .stop("max_tokens")
                    .to_string(),
            )
        },
        &[],
    ),
    (
        "the context window",
        || {
            let stream = Stream::new().start().text_block(["Hello"]);
            Reply::sse(stream.stop("model_context_window_exceeded").to_string())
        },
        &[],
    ),
    (
        "a refusal",
        || {
            Reply::sse(
                Stream::new()
                    .start()
                    .text_block(["No."])
                    .stop("refusal")
                    .to_string(),
            )
        },
        &[],
    ),
    ("no code block", || Reply::sse(answer(&["Hello"])), &["-x"]),
    (
        "no code block in a language",
        || Reply::sse(answer(&["Hello"])),
        &["-x", "--lang", "sh"],
    ),
    (
        "an answer that does not fit the schema",
        || Reply::sse(answer(&["Hello"])),
        &["--schema", "{\"type\": \"object\"}", "--repair", "0"],
    ),
    (
        "arguments of a tool that are not an object",
        || {
            let stream = Stream::new().start().tool_use_block("t1", "look", ["[1]"]);
            Reply::sse(stream.stop("tool_use").to_string())
        },
        &[
            "--set",
            "tools=[{\"name\": \"look\", \"input_schema\": {\"type\": \"object\"}}]",
        ],
    ),
];

#[test]
fn every_failure_of_an_answer() {
    let text: Vec<String> = FAILING
        .iter()
        .map(|(name, reply, flags)| {
            let server = Server::start(move |_, _| reply());
            let run = Langdock::new().key().against(&server);
            let outcome = run.args(["send", "-m", MODEL, "Hi"]).args(*flags).run();
            let args = [&["send", "-m", MODEL, "Hi"], *flags].concat();
            let address = server.address().to_string();
            let text = redacted(&shown(&args, &outcome), &[(address, "[ADDRESS]")]);
            format!("# {name}\n{text}")
        })
        .collect();
    assert_unchanged("answers", &text.concat());
}

#[test]
fn every_failure_to_connect() {
    let text: String = [
        &["send", "--base-url", "http://127.0.0.1:1"][..],
        &["send", "--proxy", "http://127.0.0.1:1"],
    ]
    .iter()
    .map(|args| {
        let run = Langdock::new().key().args(*args);
        let outcome = run.args(["-m", MODEL, "--max-retries", "0", "Hi"]).run();
        shown(args, &outcome)
    })
    .collect();
    assert_unchanged("connections", &text);
}

#[test]
fn the_error_object_for_programs() {
    let server = Server::start(|_, _| Reply::json(404, &error("not_found_error", "no such page")));
    let run = Langdock::new().key().against(&server);
    let outcome = run.args(["send", "-m", MODEL, "--json", "Hi"]).run();
    let failure = outcome.failure(3);
    assert_eq!(failure.object["error"]["exit_code"], json!(3));
    assert_unchanged("error-object", &format!("{:#}\n", failure.object));
}
