//! Output on a terminal: untrusted text cannot control it, and temporary output leaves no trace.

use serde_json::{Value, json};

use crate::support::{
    command::Langdock,
    events::{MODEL, Stream, answer, error},
    gate::Gate,
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// All sequences that a terminal would interpret, with words in between to search for.
const HOSTILE: &str = "red\u{1b}[31m title\u{1b}]0;owned\u{7}\u{1b}]52;c;AAAA\u{1b}\\ c1\u{9b}2J\u{90}q\u{9c} back\u{8}\u{7f} \
    over\rwritten bidi\u{202e}gnp.exe\u{2066}x\u{2069}\u{200f}\u{61c} nul\u{0} so\u{e}si\u{f} end";

/// Asserts that the terminal got only text: no control characters except its own line endings, and
/// no bidi controls.
#[track_caller]
fn assert_harmless(outcome: &Outcome) {
    let screen = String::from_utf8(outcome.stdout.clone()).expect("whole characters");
    let text = screen.replace("\r\n", "\n");
    let acts = |letter: &char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let found: Vec<char> = text.chars().filter(acts).collect();
    assert!(found.is_empty(), "the terminal got {found:?}\n{screen:?}");
}

/// Runs it on a terminal with colours disabled.
#[track_caller]
fn on_screen(run: Langdock) -> Outcome {
    let outcome = run
        .env("NO_COLOR", "1")
        .stdin_null()
        .on_terminal(200, 24)
        .finish();
    assert_harmless(&outcome);
    outcome
}

#[test]
fn an_answer_cannot_act_on_the_terminal_however_it_was_split() {
    for piece in [1, 2, 5, 100_000] {
        let stream = answer(&[HOSTILE]);
        let server =
            Server::start(move |_, _| Reply::sse_start().in_pieces_of(piece).body(&stream));
        let outcome = on_screen(send(&server).args(["Hi"]));
        outcome
            .code(0)
            .stdout_contains("red␛[31m title␛]0;owned␇")
            .stdout_contains("c1<U+009B>2J<U+0090>q");
        outcome
            .stdout_contains("overwritten bidi<U+202E>gnp.exe<U+2066>x")
            .stdout_contains(" end\r\n");
    }
}

#[test]
fn an_escape_that_is_split_over_two_deltas_is_harmless() {
    let stream = answer(&["a\u{1b}", "[2J", "\u{c2}", "b\r", "\nc"]);
    let server = Server::start(move |_, _| Reply::sse(&stream));
    on_screen(send(&server).args(["Hi"]))
        .code(0)
        .stdout("a␛[2JÂb\r\nc\r\n");
}

#[test]
fn the_same_answer_in_a_pipe_is_untouched() {
    let server = answering(HOSTILE);
    let outcome = send(&server)
        .args(["Hi"])
        .stdin_null()
        .piped_stdout()
        .on_terminal(80, 24)
        .finish();
    outcome
        .code(0)
        .stdout(format!("{HOSTILE}\n"))
        .stderr_empty();
}

#[test]
fn an_extracted_block_cannot_act_on_the_terminal() {
    let server = answering(&format!(
        "```\n{}\n```\n",
        HOSTILE.replace(['\r', '\0'], "")
    ));
    on_screen(send(&server).args(["-x", "Hi"]))
        .code(0)
        .stdout_contains("red␛[31m");
    send(&server)
        .args(["-x", "Hi"])
        .run()
        .code(0)
        .stdout_contains("red\u{1b}[31m");
}

#[test]
fn the_text_beside_tool_calls_and_the_calls_cannot_act_on_the_terminal() {
    let input = json!({"at": HOSTILE}).to_string();
    let stream = Stream::new()
        .start()
        .text_block([HOSTILE])
        .tool_use_block("t\u{9b}", "look", [input])
        .stop("tool_use");
    let text = stream.to_string();
    let server = Server::start(move |_, _| Reply::sse(&text));
    let tools = r#"tools=[{"name":"look","input_schema":{"type":"object"}}]"#;
    let outcome = on_screen(send(&server).args(["--set", tools, "Hi"]));
    outcome
        .code(0)
        .stdout_contains("red␛[31m")
        .stdout_contains(r"red\u001b[31m")
        .stdout_contains(r"c1\u009b2J");
}

#[test]
fn json_on_a_terminal_is_indented_and_has_escapes_for_what_would_act_on_it() {
    let server = answering(HOSTILE);
    let outcome = on_screen(send(&server).args(["--json", "Hi"]));
    outcome
        .code(0)
        .stdout_contains("\r\n  \"id\": \"msg_01Test\",\r\n")
        .stdout_contains(r"\u001b[31m");
    outcome
        .stdout_contains(r"\u009b2J")
        .stdout_contains(r"\u202egnp")
        .stdout_contains(r"\u007f");
    assert_eq!(outcome.stdout_json()["content"][0]["text"], HOSTILE);
}

#[test]
fn every_json_of_a_command_is_indented_on_a_terminal_and_one_line_elsewhere() {
    let (server, home) = (answering("ok"), Home::new());
    send(&server)
        .home(&home)
        .args(["Hi", "--session", "one"])
        .run()
        .code(0);
    let tools = home.write(
        "tools.json",
        r#"[{"name": "look", "input_schema": {"type": "object"}}]"#,
    );
    let tools = tools.to_str().unwrap();
    let commands: [&[&str]; 12] = [
        &["auth", "status"],
        &["config", "show"],
        &["count", "Hi"],
        &["doctor", "--demo"],
        &["models", "--demo"],
        &["send", "Hi"],
        &["session", "list"],
        &["session", "show", "one"],
        &["session", "search", "Hi"],
        &["session", "export", "one"],
        &["tool-run", "--list", "-T", tools],
        &["usage"],
    ];
    for command in commands {
        let run = || {
            let langdock = Langdock::new()
                .home(&home)
                .key()
                .against(&server)
                .env("LANGDOCK_MODEL", MODEL);
            langdock.args(command).args(["--json"]).stdin_null()
        };
        let printed = run().run().stdout_text();
        assert_eq!(printed.lines().count(), 1, "{command:?}: {printed}");
        let shown = run().on_terminal(200, 50).finish().stdout_text();
        assert!(
            shown.contains("\r\n  \"") || shown.contains("\r\n  {"),
            "{command:?}: {shown}"
        );
    }
}

#[test]
fn json_lines_on_a_terminal_have_escapes_too() {
    // In the server's JSON these characters are not escaped, which JSON allows.
    let raw = answer(&["\u{9b}31m \u{202e}x \u{7f}"]);
    assert!(raw.contains('\u{9b}') && raw.contains('\u{7f}'));
    let server = Server::start(move |_, _| Reply::sse(&raw));
    let outcome = on_screen(send(&server).args(["--jsonl", "Hi"]));
    outcome.code(0).stdout_contains(r"\u009b31m \u202ex \u007f");
    let last = outcome.stdout_json_lines().pop().unwrap();
    assert_eq!(last["content"][0]["text"], "\u{9b}31m \u{202e}x \u{7f}");
}

#[test]
fn a_dry_run_on_a_terminal_is_indented_and_harmless() {
    let server = answering("ok");
    let prompt = HOSTILE.replace('\0', "");
    let outcome = on_screen(send(&server).args(["--dry-run", "--", &prompt]));
    outcome.code(0).stdout_contains("{\r\n  \"model\": ");
    let body: Value = outcome.stdout_json();
    assert_eq!(body["messages"][0]["content"], prompt);
}

#[test]
fn what_curl_prints_on_a_terminal_is_harmless_and_has_the_same_meaning() {
    let (server, prompt) = (answering("ok"), HOSTILE.replace('\0', ""));
    let outcome = on_screen(send(&server).args(["--curl", "--", &prompt]));
    let printed = outcome.code(0).stdout_text();
    let body = printed.lines().find(|line| line.starts_with('{')).unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["messages"][0]["content"], prompt);
}

#[test]
fn an_error_of_the_server_cannot_act_on_the_terminal() {
    for body in [
        error("invalid_request_error", HOSTILE),
        json!({"message": HOSTILE}),
        json!(HOSTILE),
    ] {
        for args in [
            &["Hi"][..],
            &["--json", "Hi"],
            &["--jsonl", "Hi"],
            &["-vv", "Hi"],
        ] {
            let body = body.clone();
            let server = Server::start(move |_, _| {
                Reply::json(400, &body).header("x-note", "\u{9b}31m\u{202e}")
            });
            on_screen(send(&server).args(args))
                .code(3)
                .stdout_contains("HTTP 400");
        }
    }
    let stream = Stream::new()
        .start()
        .error("overloaded_error", HOSTILE)
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    on_screen(send(&server).args(["--max-retries", "0", "Hi"])).stdout_contains("red␛[31m");
}

#[test]
fn a_suggested_model_cannot_act_on_the_terminal() {
    let server = Server::start(|_, _| {
        let message = "Invalid model, available models are: claude\u{1b}[31m-x, \u{202e}other";
        Reply::json(400, &error("invalid_request_error", message))
    });
    on_screen(send(&server).args(["Hi"]))
        .code(3)
        .stdout_contains("claude␛[31m-x");
}

#[test]
fn a_model_a_region_and_a_file_name_cannot_act_on_the_terminal() {
    let (server, home) = (answering("ok"), Home::new());
    on_screen(send(&server).args(["-v", "-m", "m\u{1b}[31m\u{202e}", "Hi"]))
        .code(0)
        .stdout_contains("m␛[31m<U+202E>");
    on_screen(send(&server).args(["--region", "e\u{1b}[31mu", "Hi"]))
        .code(2)
        .stdout_contains("e␛[31mu");
    on_screen(send(&server).args(["-f", "gone\u{1b}[31m\n\u{9b}", "Hi"]))
        .code(2)
        .stdout_contains("gone␛[31m");
    home.write("work/bad\u{1b}[31m", b"caf\xe9");
    on_screen(
        send(&server)
            .home(&home)
            .args(["-f", "bad\u{1b}[31m", "Hi"]),
    )
    .code(0)
    .stdout_contains("bad␛[31m");
    on_screen(send(&server).args(["-o", "gone\u{1b}[31m/x", "Hi"]))
        .code(1)
        .stdout_contains("gone␛[31m");
}

#[test]
fn a_mistyped_argument_cannot_act_on_the_terminal() {
    let server = answering("ok");
    on_screen(send(&server).args(["--no\u{1b}[31m\u{202e}"]))
        .code(2)
        .stdout_contains("error");
    on_screen(Langdock::new().args(["se\u{9b}nd"]))
        .code(2)
        .stdout_contains("error");
}

#[test]
fn an_answer_on_a_terminal_is_shown_as_it_comes() {
    let begin = Stream::new().start().open_text_block(["one "]).to_string();
    let whole = Stream::new()
        .start()
        .text_block(["one ", "two"])
        .stop("end_turn")
        .to_string();
    let (rest, gate) = (whole.strip_prefix(&begin).unwrap().to_owned(), Gate::new());
    let theirs = gate.clone();
    let server =
        Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest));
    let terminal = send(&server).args(["Hi"]).on_terminal(80, 24);
    terminal.wait_for("one");
    gate.open();
    terminal.finish().code(0).stdout("one two\r\n");
}

/// Answers at the second attempt.
fn busy_at_first(wait_ms: u32) -> Server {
    Server::start(move |_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Slow down\u{1b}[2J."))
            .header("retry-after-ms", wait_ms),
        _ => Reply::sse(answer(&["ok"])),
    })
}

#[test]
fn a_countdown_on_a_terminal_leaves_no_trace() {
    let server = busy_at_first(30);
    let outcome = send(&server)
        .env("NO_COLOR", "1")
        .args(["Hi"])
        .stdin_null()
        .on_terminal(120, 24)
        .finish();
    outcome
        .code(0)
        .stdout_contains(" s; HTTP 429")
        .stdout_contains("Slow down␛[2J. (next attempt: 2)");
    assert_eq!(
        screen(&outcome.stdout),
        ["ok"],
        "{:?}",
        outcome.stdout_text()
    );
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_countdown_that_is_wider_than_the_terminal_leaves_no_trace() {
    let outcome = send(&busy_at_first(30))
        .args(["Hi"])
        .stdin_null()
        .on_terminal(20, 24)
        .finish();
    outcome.code(0).stdout_contains("retrying in 1");
    assert_eq!(
        screen(&outcome.stdout),
        ["ok"],
        "{:?}",
        outcome.stdout_text()
    );
}

#[test]
fn a_countdown_is_on_the_terminal_while_the_answer_goes_to_a_pipe() {
    let server = busy_at_first(30);
    let outcome = send(&server)
        .args(["Hi"])
        .stdin_null()
        .piped_stdout()
        .on_terminal(120, 24)
        .finish();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr_contains("retrying in ");
    assert_eq!(screen(outcome.stderr.as_bytes()), Vec::<String>::new());
}

#[test]
fn elsewhere_a_wait_is_one_plain_line() {
    let outcome = send(&busy_at_first(300)).args(["Hi"]).run();
    let said =
        "langdock: HTTP 429 Too Many Requests: Slow down␛[2J.; retrying in 0.3 s (attempt 2)\n";
    outcome.code(0).stdout("ok\n").stderr(said);
}

#[test]
fn a_dumb_terminal_gets_the_plain_line_too() {
    let script = "TERM=dumb exec langdock send Hi";
    let server = busy_at_first(300);
    let run = Langdock::shell(script)
        .key()
        .against(&server)
        .env("LANGDOCK_MODEL", "m")
        .env("NO_COLOR", "1");
    let outcome = on_screen(run);
    outcome
        .code(0)
        .stdout_contains("; retrying in 0.3 s (attempt 2)\r\nok\r\n");
}

/// Runs a command line on terminals of three widths, and asserts that it prints the same words as
/// in a pipe, in lines that fit: only a single word may be wider.
#[track_caller]
fn assert_wraps_between_words(code: i32, run: impl Fn() -> Langdock) {
    let piped = run().run();
    let printed = piped.stderr.clone() + &piped.code(code).stdout_text();
    for columns in [40, 80, 200] {
        let outcome = run()
            .env("NO_COLOR", "1")
            .stdin_null()
            .on_terminal(columns, 24)
            .finish();
        let shown = outcome.code(code).stdout_text();
        for line in shown.lines() {
            let is_one_word = !line.trim_start().contains(' ');
            assert!(
                line.chars().count() <= columns.into() || is_one_word,
                "wider than {columns} columns: {line:?}"
            );
        }
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&shown), words(&printed), "at {columns} columns");
    }
}

#[test]
fn an_error_and_its_hint_wrap_between_words() {
    assert_wraps_between_words(4, || Langdock::new().args(["send", "-m", "a-model", "Hi"]));
    let path = format!("a-directory/{}", "name".repeat(30));
    assert_wraps_between_words(1, || {
        Langdock::new()
            .key()
            .args(["send", "-m", "m", "-f", &path, "Hi"])
    });
}

#[test]
fn a_notice_wraps_between_words() {
    let server = answering("ok");
    assert_wraps_between_words(0, || {
        send(&server).args(["--region", "a-region-that-nobody-knows", "Hi"])
    });
}

#[test]
fn help_topics_wrap_between_words() {
    for topic in ["exit-codes", "environment", "regions", "secrets"] {
        assert_wraps_between_words(0, || Langdock::new().args(["help", topic]));
    }
}

#[test]
fn a_command_to_type_is_on_one_line_of_a_terminal_that_is_wide_enough() {
    let outcome = Langdock::new()
        .env("NO_COLOR", "1")
        .args(["session", "show", "none"])
        .stdin_null()
        .on_terminal(26, 24)
        .finish();
    outcome.code(2).stdout_contains("`langdock session list`");
}

/// Returns the final lines of a terminal after these bytes; it supports the sequences for redrawing
/// a line.
fn screen(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (mut lines, mut row, mut column) = (vec![Vec::<char>::new()], 0, 0);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), vec![]);
            }
            '\u{1b}' => {
                assert_eq!(
                    letters.next(),
                    Some('['),
                    "an escape sequence that is not expected: {text:?}"
                );
                let mut sequence = String::new();
                while !sequence.ends_with(|letter: char| letter.is_ascii_alphabetic()) {
                    sequence.push(letters.next().expect("an escape sequence has an end"));
                }
                match sequence.as_str() {
                    "2K" => lines[row].clear(),
                    "K" | "0K" => lines[row].truncate(column),
                    "J" | "0J" => {
                        lines[row].truncate(column);
                        lines.truncate(row + 1);
                    }
                    "A" | "1A" => row = row.saturating_sub(1),
                    "?25l" | "?25h" => {}
                    _ => {
                        panic!("an escape sequence that is not expected: {sequence:?} in {text:?}")
                    }
                }
            }
            _ => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
    }
    let lines = lines
        .into_iter()
        .map(|line| line.into_iter().collect::<String>().trim_end().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}
