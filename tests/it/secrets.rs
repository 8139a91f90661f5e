//! Keys and passwords: they are printed and stored nowhere, in no form, and go to nobody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::{Engine, engine::general_purpose::STANDARD};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{
    command::{KEY, Langdock},
    events::Stream,
    home::Home,
    pty::Terminal,
    reply::Reply,
    sending::answering,
    server::Server,
};
use crate::tools::shell_tool;

/// The key as encoders write it.
fn forms() -> Vec<String> {
    let each =
        |form: &dyn Fn(u32) -> String| KEY.chars().map(|letter| form(letter.into())).collect();
    vec![
        KEY.to_owned(),
        KEY.replace('-', "\\u002d"),
        each(&|letter| format!("%{letter:02X}")),
        each(&|letter| format!("&#x{letter:x};")),
        STANDARD.encode(format!("Bearer {KEY}")),
    ]
}

#[test]
fn a_key_that_a_server_repeats_is_blanked_out_of_errors_in_every_form() {
    for form in forms() {
        let error = json!({"type": "error", "error": {
            "type": format!("bad {form}"), "message": format!("no such key: {form}"),
        }});
        let server =
            Server::start(move |_, _| Reply::json(400, &error).header("request-id", "req_1"));
        let run = Langdock::new()
            .key()
            .against(&server)
            .args(["send", "-m", "m", "-vv", "--json", "Hi"])
            .run();
        run.code(3).stderr_contains("[API key]").stderr_lacks(&form);
    }
}

#[test]
fn a_key_in_the_list_of_models_is_neither_printed_nor_stored() {
    for form in forms() {
        let list = json!({"data": [
            {"type": "model", "id": format!("claude-sonnet-{form}"), "display_name": form},
            {"type": "model", "id": format!("claude-sonnet-5-{form}"), "display_name": form},
        ], "has_more": false});
        let server = Server::start(move |request, _| {
            if request.path.contains("/models") {
                Reply::json(200, &list)
            } else {
                Reply::status(500)
            }
        });
        let home = Home::new();
        let run = |args: &[&str]| {
            let outcome = Langdock::new()
                .key()
                .home(&home)
                .against(&server)
                .args(args)
                .run();
            assert!(!outcome.stdout_text().contains(&form), "{outcome}");
            outcome.stderr_lacks(&form);
        };
        run(&["models"]);
        run(&["models", "--json"]);
        run(&["send", "--max-retries", "0", "Hi"]);
        run(&["doctor"]);
        let state = std::process::Command::new("grep")
            .args(["-rF", &form])
            .args([home.state(), home.data()])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&state.stdout), "");
    }
}

#[test]
fn a_key_that_was_typed_as_an_argument_is_not_repeated() {
    for args in [
        &["auth", "login", KEY][..],
        &["send", "--api-key-file", KEY, "-m", "m", "Hi"],
        &[KEY],
        &["send", "--region", KEY, "Hi"],
        &["send", &format!("--{KEY}"), "Hi"],
        &[&format!("a{KEY}")],
    ] {
        let outcome = Langdock::new().args(args).run();
        outcome.stderr_lacks(KEY).stderr_contains("[API key]");
    }
}

#[test]
fn a_key_that_was_typed_as_a_setting_is_neither_stored_nor_shown() {
    let home = Home::new();
    let run = |args: &[&str]| Langdock::new().home(&home).args(args).run();
    for setting in ["model", "base_url", "region"] {
        run(&["config", "set", setting, OTHER_KEY])
            .code(2)
            .stderr_contains("the value has an API key in it")
            .stderr_lacks(OTHER_KEY);
    }
    assert_stored_nowhere(&home, OTHER_KEY);
    let url = format!("http://127.0.0.1:1/{OTHER_KEY}");
    home.write(
        home.config().join("config.toml"),
        format!("model = '{OTHER_KEY}'\nbase_url = '{url}'\n"),
    );
    for args in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "get", "model"],
        &["doctor", "--base-url", &url],
        &["doctor", "--json", "--base-url", &url],
    ] {
        let outcome = run(args);
        let shown = outcome.stdout_text();
        assert!(
            shown.contains("[API key]") && !shown.contains(OTHER_KEY),
            "{args:?}: {shown}"
        );
        outcome.stderr_lacks(OTHER_KEY);
    }
}

#[test]
fn the_login_of_a_ledger_is_shown_nowhere() {
    let home = Home::new();
    for login in ["t0ken", "bob:hidden"] {
        let config = format!("ledger = 'rediss://{login}@redis.example'\n");
        home.write(home.config().join("config.toml"), config);
        for args in [&["show"][..], &["show", "--json"], &["get", "ledger"]] {
            let shown = Langdock::new()
                .home(&home)
                .args(["config"])
                .args(args)
                .run();
            let shown = shown.code(0).stdout_text();
            assert!(shown.contains("rediss://…@redis.example"), "{shown}");
            assert!(
                !shown.contains("t0ken") && !shown.contains("bob"),
                "{shown}"
            );
        }
    }
}

#[test]
fn a_key_in_the_environment_is_not_in_an_answer_of_the_demo() {
    let answer = Langdock::new()
        .key()
        .args(["--demo", "send", &format!("echo my {KEY} key")])
        .run()
        .code(0)
        .stdout_text();
    assert!(
        answer.contains("[API key]") && !answer.contains(KEY),
        "{answer}"
    );
}

/// A key that the program was not told of, as it looks.
const OTHER_KEY: &str = "sk-ld-typed-0123456789abcdef";

#[test]
fn a_key_that_was_typed_as_a_prompt_is_stored_nowhere() {
    let server = answering("ok");
    for key in forms().iter().map(String::as_str).chain([OTHER_KEY]) {
        let home = Home::new();
        let told = format!("It is:\n{key}");
        for args in [
            &["--session", "s", key][..],
            &["--session", "s", &told],
            &["--session", "s", "--system", key, "Hi"],
        ] {
            let run = Langdock::new().key().home(&home).against(&server);
            let run = run.args(["send", "-m", "m"]).args(args).run();
            run.code(0).stdout("ok\n").stderr_lacks(key);
            assert_stored_nowhere(&home, key);
        }
        let sessions = fs::read_dir(home.data().join("sessions")).unwrap();
        let saved: String = sessions
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        assert!(saved.matches("[API key]").count() >= 3, "{key}: {saved}");
        assert!(!saved.contains(&key.replace('\\', "\\\\")), "{saved}");
        // What is said next goes without it, too.
        let run = Langdock::new().key().home(&home).against(&server);
        run.args(["send", "-m", "m", "--session", "s", "Go on."])
            .run()
            .code(0);
        let requests = server.requests();
        let last = requests.last().unwrap().text();
        assert!(last.contains("[API key]") && !last.contains(key), "{last}");
    }
}

#[test]
fn a_key_that_was_typed_in_place_of_another_word_is_stored_nowhere() {
    let server = answering("ok");
    let long = "word ".repeat(20_000);
    for key in [KEY, OTHER_KEY] {
        for args in [
            &["-m", key, "Hi"][..],
            &["-m", key, &long],
            &["-m", "m", "--tag", key, "Hi"],
            &["-m", "m", "--session", key, "Hi"],
        ] {
            let home = Home::new();
            let run = Langdock::new().key().home(&home).against(&server);
            let run = run.args(["send"]).args(args).run();
            run.stderr_lacks(key);
            assert_stored_nowhere(&home, key);
        }
    }
    // It need not look like a key.
    let (home, key) = (Home::new(), "ld_custom/Key+9876543210x");
    for args in [
        &["send", "-m", "m", "--session", key, "Hi"][..],
        &["send", "-m", "m", "--session", &format!("of {key}"), "Hi"],
    ] {
        let run = Langdock::new().env("LANGDOCK_API_KEY", key).home(&home);
        let run = run.against(&server).args(args).run();
        run.code(2)
            .stderr_contains("it has an API key in it")
            .stderr_lacks(key);
        assert_stored_nowhere(&home, key);
    }
}

#[test]
fn a_key_that_was_typed_into_chat_is_not_in_its_history() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = crate::chat::at_prompt(&server, &home, &[]);
    for (key, prompts) in [(KEY, 2), (OTHER_KEY, 3)] {
        terminal.keys(key).keys("\r");
        crate::chat::wait_for_prompt(&terminal, prompts);
    }
    crate::chat::leave(terminal).code(0);
    for key in [KEY, OTHER_KEY] {
        assert_stored_nowhere(&home, key);
    }
    let history = std::process::Command::new("grep")
        .args(["-rc", "^.API key.$", "--include=*history*"])
        .args([home.state(), home.data()])
        .output()
        .unwrap();
    let counts = String::from_utf8_lossy(&history.stdout).into_owned();
    assert!(counts.contains(":1") || counts.contains(":2"), "{counts}");
}

#[test]
fn the_login_of_a_proxy_is_shown_nowhere() {
    let proxied = |args: &[&str]| {
        Langdock::new()
            .key()
            .env("HTTPS_PROXY", "http://ada:s3cret@127.0.0.1:1")
            .args(args)
    };
    let flag = ["--proxy", "http://ada:s3cret@127.0.0.1:1"];
    let curl = Langdock::new()
        .args(["send", "-m", "m", "--curl", "Hi"])
        .args(flag)
        .run();
    curl.code(0)
        .stdout_contains("--proxy http://127.0.0.1:1/ --noproxy ''")
        .stdout_contains("--proxy-user \"$PROXY_LOGIN\"");
    for outcome in [
        curl,
        proxied(&["config", "show"]).run(),
        proxied(&["config", "get", "proxy"]).run(),
        proxied(&["config", "show", "--json"]).run(),
        proxied(&["doctor", "--timeout", "5s"]).run(),
        proxied(&["send", "-m", "m", "-vv", "--max-retries", "0", "Hi"]).run(),
    ] {
        let stdout = outcome.stdout_text();
        assert!(
            !stdout.contains("ada") && !stdout.contains("s3cret"),
            "{outcome}"
        );
        outcome.stderr_lacks("ada:").stderr_lacks("s3cret");
    }
}

#[test]
fn a_key_that_was_stored_for_https_is_not_sent_over_plain_http() {
    let (home, server) = (Home::new(), answering("ok"));
    // As earlier versions named it.
    let key = home
        .config()
        .join("keys")
        .join(server.address().to_string());
    home.write(&key, KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let send = |base_url: &str| {
        Langdock::new()
            .home(&home)
            .args([
                "send",
                "-m",
                "m",
                "--max-retries",
                "0",
                "--base-url",
                base_url,
                "Hi",
            ])
            .run()
    };
    send(&server.base_url()).failed(4, "the stored key is for `", "langdock auth login");
    assert_eq!(server.connections(), 0);
    // The server speaks no TLS, but there is a key to send to it.
    let https = format!("https://{}", server.address());
    send(&https).code(6);
    let status = Langdock::new()
        .home(&home)
        .args(["auth", "status", "--base-url", &https])
        .run();
    status.code(0).stdout_contains("sk-ld-…6789");
}

#[test]
fn a_tool_gets_the_key_in_no_variable_wherever_it_came_from() {
    let home = shell_tool("env", "env = [\"MINE\", \"HEADER\", \"OTHER\"]");
    home.write("work/key", KEY);
    fs::set_permissions(home.work().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    let server = crate::tools::playing(&[
        crate::tools::calling(&[("t", json!({}))]),
        crate::tools::done("Done."),
    ]);
    Langdock::new()
        .home(&home)
        .against(&server)
        .env("MINE", KEY)
        .env("HEADER", STANDARD.encode(format!("Bearer {KEY}")))
        .env("OTHER", "fine")
        .args([
            "tool-run",
            "-m",
            "m",
            "--api-key-file",
            "key",
            "-T",
            "./t.toml",
            "-y",
            "Hi",
        ])
        .run()
        .code(0)
        .stdout("Done.\n");
    let results = crate::tools::results(&server.requests()[1].json());
    let text = results[0]["content"].to_string();
    assert!(text.contains("OTHER=fine"), "{text}");
    assert!(!text.contains("MINE") && !text.contains("HEADER"), "{text}");
}

#[test]
fn a_tool_gets_a_stored_key_in_no_variable_though_no_request_is_made() {
    let home = shell_tool("echo \"[$MINE]\"", "env = [\"MINE\"]");
    home.write("work/key", KEY);
    fs::set_permissions(home.work().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    let call = |flags: &[&str]| {
        Langdock::new()
            .home(&home)
            .env("LANGDOCK_BASE_URL", "https://127.0.0.1:1")
            .env("MINE", KEY)
            .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
            .args(flags)
            .run()
    };
    call(&["--api-key-file", "key"]).code(0).stdout("[]\n");
    let stored = home.config().join("keys/127.0.0.1:1");
    home.write(&stored, KEY);
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o600)).unwrap();
    call(&[]).code(0).stdout("[]\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_tool_cannot_read_the_environment_of_the_program() {
    let script = "program=$(cut -d' ' -f4 /proc/$PPID/stat)
        { tr '\\0' '\\n' < /proc/$program/environ; } 2>/dev/null; cat /proc/$program/comm";
    let home = shell_tool(script, "");
    let text = Langdock::new()
        .key()
        .home(&home)
        .by_nobody()
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
        .run()
        .code(0)
        .stderr_empty()
        .stdout_text();
    assert_eq!(text, "langdock\n");
}

#[test]
fn what_the_config_says_does_not_reach_a_terminal_raw() {
    let home = Home::new();
    home.write(
        home.config().join("config.toml"),
        "model = \"m\\u001b[31m\\u202e\"\n",
    );
    for args in [&["config", "show"][..], &["config", "get", "model"]] {
        let terminal = Langdock::new().home(&home).args(args).on_terminal(120, 24);
        let outcome = terminal.finish();
        let screen = outcome.code(0).stdout_text();
        assert!(screen.contains("m␛[31m<U+202E>"), "{screen}");
        let piped = Langdock::new()
            .home(&home)
            .args(["config", "get", "model"])
            .run();
        piped.code(0).stdout("m\u{1b}[31m\u{202e}\n");
    }
    let terminal = Langdock::new()
        .home(&home)
        .env("LANGDOCK_CONFIG", "/x\u{1b}[31m/config.toml")
        .args(["config", "path"])
        .on_terminal(120, 24);
    terminal
        .finish()
        .code(0)
        .stdout_contains("/x␛[31m/config.toml");
}

#[test]
fn a_model_that_a_server_names_is_quoted_in_what_is_to_be_typed() {
    let list =
        json!({"data": [{"type": "model", "id": "claude-sonnet-5; rm -rf ~"}], "has_more": false});
    let server = Server::start(move |request, _| {
        if request.path.contains("/models") {
            Reply::json(200, &list)
        } else {
            Reply::status(500)
        }
    });
    let run = Langdock::new()
        .key()
        .against(&server)
        .args(["send", "--max-retries", "0", "Hi"])
        .run();
    run.stderr_contains("`langdock config set model 'claude-sonnet-5; rm -rf ~'` keeps it");
    let error = json!({"type": "error", "error": {
        "type": "invalid_request_error",
        "message": "Invalid model, available models are: claude-x; rm -rf ~, $(touch evil)",
    }});
    let server = Server::start(move |_, _| Reply::json(400, &error));
    Langdock::new()
        .key()
        .against(&server)
        .args(["send", "-m", "claude-y", "Hi"])
        .run()
        .code(3)
        .stderr_contains("did you mean -m 'claude-x; rm -rf ~'?");
}

#[test]
fn echo_is_on_again_whatever_signal_ends_the_question_for_the_key() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
    ] {
        let terminal = asked_for_key(&Home::new());
        terminal.signal(signal);
        terminal.wait_for_echo();
        terminal.finish().signal(signal as i32);
    }
}

#[test]
fn echo_is_on_while_the_question_for_the_key_is_stopped() {
    let terminal = asked_for_key(&Home::new());
    terminal.signal(Signal::SIGTSTP);
    terminal.wait_for_echo();
    terminal.continue_until_no_echo();
    terminal.keys(&format!("{KEY}\r"));
    terminal
        .finish()
        .code(0)
        .stdout_contains("stored the key for");
}

/// Starts `auth login`, which asks for the key.
fn asked_for_key(home: &Home) -> Terminal {
    let terminal = Langdock::new()
        .home(home)
        .env("LANGDOCK_BASE_URL", "https://127.0.0.1:1")
        .args(["auth", "login"])
        .on_terminal(80, 24);
    terminal.wait_for("API key for ").wait_for_no_echo();
    terminal
}

#[test]
fn a_key_in_the_name_of_an_answers_model_is_neither_printed_nor_stored() {
    for form in [KEY.to_owned(), STANDARD.encode(format!("Bearer {KEY}"))] {
        let message = json!({
            "id": format!("msg_{form}"), "type": "message", "role": "assistant",
            "model": format!("claude-{form}"), "content": [{"type": "text", "text": "ok"}],
            "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
        });
        let server = Server::start(move |_, _| Reply::json(200, &message));
        let home = Home::new();
        let run = Langdock::new()
            .key()
            .home(&home)
            .against(&server)
            .args([
                "send",
                "-m",
                "m",
                "--session",
                "s",
                "--json",
                "--set",
                "stream=false",
            ])
            .args(["Hi"])
            .run();
        let object = run.code(0).stderr_lacks(&form).stdout_json();
        assert!(
            object["model"].to_string().contains("[API key]"),
            "{object}"
        );
        assert!(!run.stdout_text().contains(&form), "{run}");
        for entry in fs::read_dir(home.data().join("sessions")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let saved = fs::read_to_string(&path).unwrap();
                assert!(!saved.contains(&form), "{saved}");
            }
        }
    }
}

/// Asserts that no file of the program's in a home has a text.
#[track_caller]
fn assert_stored_nowhere(home: &Home, text: &str) {
    let found = std::process::Command::new("grep")
        .args(["-rF", text])
        .args([home.state(), home.data()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{text}");
}

#[test]
fn a_key_in_an_answer_is_neither_shown_nor_stored_though_it_is_divided() {
    // Its beginning, which all keys share, may be there.
    let (half, own) = (KEY.len() / 2, &KEY[6..]);
    let letters: Vec<String> = KEY.chars().map(String::from).collect();
    let escaped = KEY.replace('-', "%2d");
    let divided: [Vec<&str>; 4] = [
        vec![KEY],
        vec![&KEY[..half], &KEY[half..]],
        letters.iter().map(String::as_str).collect(),
        vec![&escaped[..half], &escaped[half..]],
    ];
    for pieces in divided {
        let pieces: Vec<&str> = [&["It is "][..], &pieces, &[" indeed, sk-ld-"]].concat();
        let arguments = [&["{\"a\":\""][..], &pieces, &["\"}"]].concat();
        let events = Stream::new()
            .start()
            .thinking_block(&pieces.concat(), "sealed")
            .text_block(&pieces)
            .tool_use_block("toolu_1", "look", &arguments)
            .stop("tool_use")
            .to_string();
        for flags in [
            &[][..],
            &["--json"],
            &["--jsonl"],
            &["--markdown"],
            &["--show-thinking"],
            &["-o", "answer.txt"],
        ] {
            let events = events.clone();
            let server = Server::start(move |_, _| Reply::sse(&events));
            let home = Home::new();
            let outcome = Langdock::new()
                .key()
                .home(&home)
                .against(&server)
                .args(["send", "-m", "m", "--session", "s", "Hi"])
                .args(flags)
                .run();
            let shown = match flags {
                ["-o", name] => fs::read_to_string(home.work().join(name)).unwrap(),
                ["--jsonl"] => outcome
                    .stdout_text()
                    .lines()
                    .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
                    .filter_map(|event| {
                        let text = ["text", "thinking", "partial_json"]
                            .iter()
                            .find_map(|field| event["delta"][field].as_str());
                        text.map(str::to_owned)
                    })
                    .collect(),
                _ => outcome.stdout_text(),
            };
            assert!(!shown.contains(own), "{flags:?} {pieces:?}: {outcome}");
            assert!(shown.contains("[API key] indeed, sk-ld-"), "{shown}");
            outcome.stderr_lacks(own);
            assert_stored_nowhere(&home, own);
        }
    }
}

#[test]
fn a_key_that_a_tool_prints_goes_nowhere() {
    let home = shell_tool("cat key", "");
    home.write("work/key", KEY);
    let server = crate::tools::playing(&[
        crate::tools::calling(&[("t", json!({}))]),
        crate::tools::done("Done."),
    ]);
    let outcome = Langdock::new()
        .key()
        .home(&home)
        .against(&server)
        .args(["tool-run", "-m", "m", "-T", "./t.toml", "-y", "--jsonl"])
        .args(["--session", "s", "Hi"])
        .run();
    let results = crate::tools::results(&server.requests()[1].json());
    assert_eq!(results[0]["content"], "[API key]");
    assert!(!outcome.stdout_text().contains(KEY), "{outcome}");
    outcome.code(0).stderr_lacks(KEY);
    assert_stored_nowhere(&home, KEY);
}
