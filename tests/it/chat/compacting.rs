//! `/compact`, and how full the context window is.

use serde_json::{Value, json};

use super::{ENTER, Terminal, at_prompt, chat, commands::typed, leave, messages, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{Stream, answer, error},
    home::Home,
    pty::CTRL_C,
    reply::Reply,
    request::Request,
    server::Server,
};
use crate::tools::{calling, shell_tool};

/// How a request for a summary begins.
const REQUEST: &str = "Summarise our conversation so far.";

/// Whether a request asks for a summary.
fn is_summary(request: &Request) -> bool {
    let body = request.json();
    let last = body["messages"].as_array().unwrap().last().unwrap().clone();
    let text = match last["content"].as_array().and_then(|blocks| blocks.last()) {
        Some(block) => block["text"].as_str(),
        None => last["content"].as_str(),
    };
    text.is_some_and(|text| text.starts_with(REQUEST))
}

/// Answers each request with its number, and one for a summary with `summary`.
fn summing_up(summary: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request, nth| {
        if is_summary(request) {
            summary()
        } else {
            Reply::sse(answer(&[&format!("answer {nth}")]))
        }
    })
}

/// Answers with `Notes.` where a summary is asked for.
fn with_notes() -> Server {
    summing_up(|| Reply::sse(answer(&["Notes."])))
}

/// Returns the texts of the messages of a request, those of one message joined.
fn texts(server: &Server, nth: usize) -> Vec<String> {
    let text = |block: &Value| match block["text"].as_str() {
        Some(text) => text.to_owned(),
        None => block["type"].as_str().unwrap().to_owned(),
    };
    let messages = messages(server, nth);
    let messages = messages.as_array().unwrap().iter();
    messages
        .map(|message| match &message["content"] {
            Value::Array(blocks) => blocks.iter().map(text).collect::<Vec<_>>().join("|"),
            content => content.as_str().unwrap().to_owned(),
        })
        .map(|text| match text.strip_prefix(REQUEST) {
            Some(rest) => format!("SUM UP{}", rest.rsplit("else.").next().unwrap()),
            None => text,
        })
        .collect()
}

/// Types lines, each once its prompt is there.
fn type_lines(terminal: &Terminal, lines: &[&str]) {
    for (line, prompts) in lines.iter().zip(2..) {
        terminal.keys(line).keys(ENTER);
        wait_for_prompt(terminal, prompts);
    }
}

#[test]
fn the_older_part_becomes_a_summary_that_later_turns_and_runs_continue_from() {
    let (server, home) = (with_notes(), Home::new());
    let lines = [
        "One",
        "Two",
        "Three",
        "/compact the paths",
        "Four",
        "/usage",
    ];
    let screen = typed(at_prompt(&server, &home, &["-s", "Be brief."]), &lines);
    assert!(
        screen.contains("replaced 4 messages with a summary of 15 tokens; /undo takes it back"),
        "{screen}"
    );
    assert!(!screen.contains("Notes."), "{screen}");
    assert!(
        screen.contains("5 answers: 125 tokens in, 75 out"),
        "{screen}"
    );
    assert!(screen.contains("list price: $0.0015 (2026-11)"), "{screen}");
    let older = ["One", "answer 0", "Two", "answer 1"];
    let asked = [&older[..], &["SUM UP\n\nIn particular: the paths"]].concat();
    assert_eq!(texts(&server, 3), asked);
    assert_eq!(server.requests()[3].json()["system"], "Be brief.");
    let compacted = [
        "SUM UP\n\nIn particular: the paths",
        "Notes.",
        "Three",
        "answer 2",
    ];
    assert_eq!(texts(&server, 4), [&compacted[..], &["Four"]].concat());
    // Another run has the summary too, and takes it back.
    let lines = ["/undo", "/undo", "Five"];
    let screen = typed(at_prompt(&server, &home, &["-c"]), &lines);
    assert!(screen.contains("removed: Four"), "{screen}");
    assert!(screen.contains("took back /compact"), "{screen}");
    assert!(screen.contains("continuing `One`"), "{screen}");
    let whole = [&older[..], &["Three", "answer 2", "Five"]].concat();
    assert_eq!(texts(&server, 5), whole);
}

#[test]
fn the_older_messages_are_shown_and_copied_with_the_conversation() {
    let (server, home) = (with_notes(), Home::new());
    let lines = ["One", "Two", "/compact", "/fork", "/undo", "Three"];
    let args = ["--session", "notes"];
    typed(at_prompt(&server, &home, &args), &lines);
    assert_eq!(
        texts(&server, 3),
        ["One", "answer 0", "Two", "answer 1", "Three"],
        "a copy takes the compaction back too"
    );
    let show = |more: &[&str]| {
        let show = Langdock::new()
            .home(&home)
            .args(["session", "show", "notes"]);
        show.args(more).run().code(0).stdout_text()
    };
    let text = show(&[]);
    assert!(text.contains("(summarised; not sent again)"), "{text}");
    for shown in ["One", "answer 0", "Notes.", "Two"] {
        assert_eq!(text.matches(&format!("\n{shown}\n")).count(), 1, "{text}");
    }
    assert_eq!(show(&["--last", "--raw"]), "answer 1\n");
}

#[test]
fn without_a_summary_the_conversation_stays_as_it_was() {
    let cut = Stream::new().start().text_block(["Not"]).stop("max_tokens");
    let refused = Stream::new().start().text_block(["No."]).stop("refusal");
    let empty = Stream::new().start().stop("end_turn");
    let blank = Stream::new().start().text_block([" \n"]).stop("end_turn");
    let broken = Stream::new().start().open_text_block(["Not"]);
    let replies = [
        (Some(cut), "max_tokens"),
        (Some(refused), "refused"),
        (Some(empty), "empty"),
        (Some(blank), "empty"),
        (Some(broken), "/compact asks again"),
        (None, "Bad."),
    ];
    for (stream, expected) in replies {
        let server = summing_up(move || match &stream {
            Some(stream) => Reply::sse(stream.to_string()),
            None => Reply::json(400, &error("invalid_request_error", "Bad.")),
        });
        let home = Home::new();
        let terminal = at_prompt(&server, &home, &["--max-retries", "0"]);
        let screen = typed(terminal, &["One", "Two", "/compact", "Three", "/usage"]);
        // Nobody was charged for what was refused at once.
        let answers = if expected == "Bad." {
            "3 answers:"
        } else {
            "4 answers:"
        };
        assert!(screen.contains(answers), "{expected}: {screen}");
        assert!(
            screen.contains("the conversation stays as it was"),
            "{expected}: {screen}"
        );
        assert!(screen.contains(expected), "{expected}: {screen}");
        let whole = ["One", "answer 0", "Two", "answer 1", "Three"];
        assert_eq!(texts(&server, 3), whole, "{expected}");
    }
}

#[test]
fn ctrl_c_stops_a_summary_and_nothing_has_changed() {
    let begun = Stream::new().start().open_text_block(["No"]).to_string();
    let server = summing_up(move || Reply::sse_start().body(&begun).wait_for_hang_up());
    let home = Home::new();
    let terminal = at_prompt(&server, &home, &[]);
    type_lines(&terminal, &["One", "Two"]);
    terminal.keys("/compact").keys(ENTER);
    server.wait_for_requests(3);
    terminal
        .keys(CTRL_C)
        .wait_for("the conversation stays as it was");
    wait_for_prompt(&terminal, 4);
    terminal.keys("Three").keys(ENTER);
    wait_for_prompt(&terminal, 5);
    leave(terminal).code(0);
    let whole = ["One", "answer 0", "Two", "answer 1", "Three"];
    assert_eq!(texts(&server, 3), whole);
}

#[test]
fn what_is_not_old_is_not_compacted() {
    let (server, home) = (with_notes(), Home::new());
    let lines = [
        "/compact", "One", "/compact", "Two", "/compact", "/compact", "/retry", "/undo",
    ];
    let screen = typed(at_prompt(&server, &home, &[]), &lines);
    assert_eq!(
        screen.matches("there is nothing to compact yet").count(),
        3,
        "{screen}"
    );
    // What the summary stands for is not the last message.
    assert_eq!(texts(&server, 3), ["SUM UP", "Notes.", "Two"]);
    assert_eq!(server.requests().len(), 4);
    let lines = ["/undo", "/retry"];
    let screen = typed(at_prompt(&server, &home, &["-c"]), &lines);
    assert!(screen.contains("took back /compact"), "{screen}");
    assert_eq!(texts(&server, 4), ["One"]);
}

#[test]
fn a_conversation_that_is_not_saved_is_compacted_with_the_messages_before_it() {
    let (server, home) = (with_notes(), Home::new());
    let turns = json!([{"role": "user", "content": "Zero"}, {"role": "assistant", "content": "0"}]);
    home.write("work/turns.json", turns.to_string());
    for flags in [&["-n"][..], &[]] {
        let before = server.requests().len();
        let args = [flags, &["--messages", "turns.json"]].concat();
        let lines = [
            "One", "/compact", "Two", "/undo", "/undo", "Three", "/usage",
        ];
        let screen = typed(at_prompt(&server, &home, &args), &lines);
        let texts = |nth: usize| texts(&server, before + nth);
        assert_eq!(texts(1), ["Zero", "0", "SUM UP"], "{flags:?}");
        let answered = texts(2)[3].clone();
        assert_eq!(
            texts(2),
            ["SUM UP", "Notes.", "One", &answered, "Two"],
            "{flags:?}"
        );
        assert_eq!(
            texts(3),
            ["Zero", "0", "One", &answered, "Three"],
            "{flags:?}"
        );
        assert!(
            screen.contains("4 answers: 100 tokens in, 60 out"),
            "{screen}"
        );
    }
}

#[test]
fn the_request_has_no_tools_and_an_open_turn_of_tools_stays_open() {
    let home = shell_tool("echo ran", "");
    let call = calling(&[("t", json!({}))]).to_string();
    let server = Server::start(move |request, nth| match nth {
        _ if is_summary(request) => Reply::sse(answer(&["Notes."])),
        1 => Reply::sse(&call),
        2 => Reply::json(500, &error("api_error", "Down.")),
        _ => Reply::sse(answer(&[&format!("answer {nth}")])),
    });
    let fields = ["--set", "stop_sequences=[\"x\"]", "--max-tokens", "2000"];
    let args = [&["-T", "./t.toml", "-y", "--max-retries", "0"][..], &fields].concat();
    let terminal = at_prompt(&server, &home, &args);
    typed(
        terminal,
        &["One", "Look", "/compact", "So?", "More", "/compact"],
    );
    let request = server.requests()[3].json();
    assert_eq!(texts(&server, 3), ["One", "answer 0", "SUM UP"]);
    for key in ["tools", "tool_choice", "stop_sequences"] {
        assert_eq!(request.get(key), None, "{request}");
    }
    assert!(request["max_tokens"].as_u64() > Some(2000), "{request}");
    let next = texts(&server, 4);
    assert_eq!(next[..4], ["SUM UP", "Notes.", "Look", "tool_use"]);
    assert!(next[4].starts_with("tool_result"), "{next:?}");
    // The calls of the older part are text where there are no tools.
    let last = server.requests().len() - 1;
    let all = texts(&server, last);
    assert!(
        all.iter().any(|text| text.contains("[called t with {}]")),
        "{all:?}"
    );
}

/// Answers with these tokens in the prompt.
fn using(tokens: u64) -> Server {
    let usage = json!({"input_tokens": tokens, "output_tokens": 1});
    Server::start(move |request, nth| {
        let text = if is_summary(request) {
            "Notes.".to_owned()
        } else {
            format!("answer {nth}")
        };
        let stream = Stream::new().field("usage", usage.clone()).start();
        let stream = stream.text_block([text]).stop("end_turn");
        Reply::sse(stream.to_string())
    })
}

#[test]
fn the_prompt_says_how_full_the_context_window_is() {
    for (model, tokens, shown) in [
        ("claude-sonnet-4-5-20250929", 24_000, Some("12% of context")),
        ("claude-opus-5-5-default", 24_000, Some("2% of context")),
        ("claude-3-haiku-20240307", 60, Some("<1% of context")),
        ("claude-sonnet-4-6-default", 300_000, None),
        ("some-model", 24_000, None),
    ] {
        let (server, home) = (using(tokens), Home::new());
        let screen = typed(
            at_prompt(&server, &home, &["-m", model]),
            &["One", "/usage"],
        );
        assert_eq!(screen.contains("of context"), shown.is_some(), "{screen}");
        assert_eq!(
            screen.contains("context window:"),
            shown.is_some(),
            "{screen}"
        );
        let unknown = format!(
            "{} tokens in context",
            if tokens > 200_000 {
                "300,015"
            } else {
                "24,015"
            }
        );
        assert!(screen.contains(shown.unwrap_or(&unknown)), "{screen}");
    }
}

#[test]
fn the_models_list_goes_before_the_table_of_windows() {
    let home = Home::new();
    let server = Server::start(|request, _| match request.method.as_str() {
        "GET" => Reply::json(
            200,
            &json!({"data": [{"id": "some-model", "type": "model", "max_input_tokens": 100}]}),
        ),
        _ => Reply::sse(answer(&["ok"])),
    });
    Langdock::new()
        .key()
        .against(&server)
        .home(&home)
        .args(["models"])
        .run()
        .code(0);
    let screen = typed(
        at_prompt(&server, &home, &["-m", "some-model"]),
        &["One", "/usage"],
    );
    assert!(
        screen.contains("context window: 40 of 100 tokens (40%)"),
        "{screen}"
    );
}

#[test]
fn compacting_is_offered_once_before_the_window_is_full() {
    let (server, home) = (using(170_000), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    let screen = typed(terminal, &["One", "Two", "Three", "/compact", "/usage"]);
    let offers = screen.matches("of the context window is used").count();
    assert_eq!(offers, 1, "{screen}");
    let rest = screen.split("replaced 4 messages").nth(1).unwrap();
    assert!(rest.contains(" · <1% of context"), "{rest}");
    assert!(rest.contains("context window: ~"), "{rest}");
    assert_eq!(server.requests().len(), 4, "nothing is summarised unasked");
}

#[test]
fn a_program_is_offered_nothing_and_compacts_nothing() {
    let (server, home) = (using(170_000), Home::new());
    chat(&server)
        .home(&home)
        .stdin_bytes("One\nTwo\n/compact\n")
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(super::said(&server, 2), "/compact");
}

#[test]
fn a_summary_is_marked_for_the_cache_only_where_it_can_read() {
    let usage = |written: u64| json!({"input_tokens": 9_000, "output_tokens": 1, "cache_creation_input_tokens": written});
    for (written, is_marked) in [(8_000, true), (0, false)] {
        let usage = usage(written);
        let server = Server::start(move |_, _| {
            let stream = Stream::new().field("usage", usage.clone()).start();
            Reply::sse(stream.text_block(["ok"]).stop("end_turn").to_string())
        });
        let home = Home::new();
        home.write("work/long.txt", "word ".repeat(9_000));
        let args = ["-f", "long.txt", "One"];
        typed(at_prompt(&server, &home, &args), &["Two", "/compact"]);
        let body = server.requests()[2].text().to_owned();
        assert_eq!(body.contains("cache_control"), is_marked, "{written}");
    }
}
