//! The slash commands.

use serde_json::{Value, json};

use super::{ENTER, Terminal, at_prompt, chat, leave, messages, said, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{MODEL, answer},
    home::Home,
    reply::Reply,
    sending::answering,
    server::Server,
};

/// A GIF of one pixel.
pub(super) const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Answers each request with its number, starting from 0.
fn counting() -> Server {
    Server::start(|_, nth| Reply::sse(answer(&[&format!("answer {nth}")])))
}

#[test]
fn a_mistyped_command_names_the_nearest_and_the_line_is_kept() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys("/usgae")
        .keys(ENTER)
        .wait_for("did you mean /usage?");
    wait_for_prompt(&terminal, 2);
    terminal
        .keys("\x7f\x7f\x7fage")
        .keys(ENTER)
        .wait_for("0 answers: 0 tokens in, 0 out");
    wait_for_prompt(&terminal, 3);
    terminal
        .keys("/help")
        .keys(ENTER)
        .wait_for("Continue an interrupted answer");
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn tab_completes_commands_conversations_and_files() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/picture of it.gif", GIF);
    let terminal = at_prompt(&server, &home, &["--session", "notes", "Hi"]);
    terminal
        .keys("/ima\t")
        .wait_for("/image")
        .keys(" pic\t")
        .wait_for("picture of it.gif")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("/resume no\t").wait_for("notes").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    terminal.keys("Look").keys(ENTER);
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(said(&server, 1)[0]["source"]["media_type"], "image/gif");
    assert_eq!(said(&server, 1)[1]["text"], "Look");
}

#[test]
fn what_tab_could_mean_is_listed_above_the_line() {
    let (server, home) = (answering("ok"), Home::new());
    // The prompt is between the list and the input, on one row or on two.
    for columns in [80, 35] {
        let terminal = chat(&server).home(&home).on_terminal(columns, 24);
        wait_for_prompt(&terminal, 1);
        terminal
            .keys("/re\t\t")
            .wait_until("the list above the line", |bytes| {
                let size = |number: u16| number.try_into().unwrap();
                let mut screen = vt100::Parser::new(size(24), size(columns), 0);
                screen.process(bytes);
                let text = screen.screen().contents();
                let list = text.find("/retry");
                list.is_some_and(|list| text.rfind("\n> /re").is_some_and(|line| list < line))
            });
        terminal.keys("\x15");
        leave(terminal).code(0);
    }
}

#[test]
fn models_that_are_not_known_yet_are_asked_for_when_tab_wants_them() {
    let home = Home::new();
    let server = Server::start(|request, _| match request.method.as_str() {
        "GET" => Reply::json(
            200,
            &json!({"data": [{"id": "claude-alpha", "type": "model"}], "has_more": false}),
        ),
        _ => Reply::sse(answer(&["ok"])),
    });
    let terminal = at_prompt(&server, &home, &["Hi"]);
    assert_eq!(
        server.requests().len(),
        1,
        "nobody asks for models that nobody wants"
    );
    terminal
        .keys("/model cl\t")
        .wait_for("/model claude-alpha")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("Ho").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(server.requests()[2].json()["model"], "claude-alpha");
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_turn_is_asked_again_and_taken_back() {
    let (server, home) = (counting(), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    for (keys, prompts) in [
        ("One", 2),
        ("Two", 3),
        ("/retry", 4),
        ("/undo", 5),
        ("Three", 6),
    ] {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    leave(terminal).code(0).stdout_contains("removed: Two");
    let first =
        json!([{"role": "user", "content": "One"}, {"role": "assistant", "content": "answer 0"}]);
    let followed = |text: &str| {
        let mut all = first.as_array().unwrap().clone();
        all.push(json!({"role": "user", "content": text}));
        json!(all)
    };
    assert_eq!(messages(&server, 1), followed("Two"));
    assert_eq!(messages(&server, 2), followed("Two"));
    assert_eq!(messages(&server, 3), followed("Three"));
}

#[test]
fn a_message_is_changed_in_an_editor_and_sent_in_its_place() {
    let (server, home) = (counting(), Home::new());
    let run = chat(&server).home(&home).env("EDITOR", "echo changed >>");
    let terminal = run.on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    for (keys, prompts) in [("One", 2), ("/edit", 3)] {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    leave(terminal).code(0);
    assert_eq!(
        messages(&server, 1),
        json!([{"role": "user", "content": "Onechanged"}])
    );
}

#[test]
fn a_message_that_an_editor_leaves_as_it_was_is_not_sent() {
    let (server, home) = (counting(), Home::new());
    let terminal = chat(&server)
        .home(&home)
        .env("EDITOR", "true")
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    let screen = typed(terminal, &["One", "/edit"]);
    assert!(
        screen.contains("the message is unchanged, so nothing was sent; /retry sends it again"),
        "{screen}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn model_system_prompt_and_fields_change_from_one_message_to_the_next() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &["--temperature", "0.5"]);
    let lines = [
        "/model claude-x",
        "/system Be brief.",
        "/set temperature=1",
        "/set stop_sequences=[\"x\"]",
        "Hi",
        "/system -",
    ];
    let more = ["/set stop_sequences=", "/region us", "Ho"];
    for (keys, prompts) in lines.iter().chain(&more).zip(2..) {
        type_line(&terminal, keys, prompts);
    }
    leave(terminal).code(0);
    let (first, second) = (server.requests()[0].json(), server.requests()[1].json());
    assert_eq!(first["model"], "claude-x");
    assert_eq!(
        (&first["system"], &first["temperature"]),
        (&json!("Be brief."), &json!(1))
    );
    assert_eq!(first["stop_sequences"], json!(["x"]));
    assert_eq!(
        (second.get("system"), second.get("stop_sequences")),
        (None, None)
    );
    assert!(
        server.requests()[1].path.contains("/anthropic/us/"),
        "{:?}",
        server.requests()[1]
    );
}

#[test]
fn what_the_flags_set_is_shown_and_taken_away_like_the_rest() {
    let (server, home) = (answering("ok"), Home::new());
    let flags = [
        "--max-tokens",
        "50",
        "--temperature",
        "0.5",
        "--stop",
        "x",
        "--user-id",
        "me",
        "--set",
        "a=1",
    ];
    let fields = [
        "max_tokens=50",
        "temperature=0.5",
        "stop_sequences=[\"x\"]",
        "metadata={\"user_id\":\"me\"}",
        "a=1",
    ];
    let away = [
        "/set max_tokens=",
        "/set temperature=",
        "/set stop_sequences=",
        "/set metadata=",
        "/set a=",
    ];
    let lines = [
        &["/set", "/set max_tokens=60", "Hi"],
        &away[..],
        &["/region us", "/set", "Ho"],
    ]
    .concat();
    let screen = typed(at_prompt(&server, &home, &flags), &lines);
    assert!(screen.contains(&fields.join("\r\n")), "{screen}");
    assert!(
        screen.contains("max_tokens is back to the model's default"),
        "{screen}"
    );
    assert!(screen.contains("no fields are set"), "{screen}");
    let (first, second) = (server.requests()[0].json(), server.requests()[1].json());
    assert_eq!((&first["max_tokens"], &first["a"]), (&json!(60), &json!(1)));
    assert!(
        second["max_tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 60),
        "{second}"
    );
    let mut others: Vec<_> = second
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    others.sort_unstable();
    assert_eq!(others, ["max_tokens", "messages", "model", "stream"]);
}

#[test]
fn fields_with_a_command_of_their_own_are_neither_set_nor_taken_away() {
    let (server, home) = (answering("ok"), Home::new());
    let lines = [
        "/set model=",
        "/set model=\"x\"",
        "/set messages=",
        "/set stream=false",
        "/set system=",
        "/set =",
    ];
    let screen = typed(at_prompt(&server, &home, &[]), &lines);
    assert_eq!(
        screen.matches("`model` cannot be set with /set").count(),
        2,
        "{screen}"
    );
    for part in [
        "use /model ID",
        "use /system TEXT",
        "/undo removes the last message",
        "must be KEY=JSON",
    ] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    // Whether answers are streamed is the only one of them that a running chat cannot change.
    let said = screen.replace("use --set stream=false when you start langdock", "");
    assert!(
        !said.contains("from now on") && !said.contains("any more") && !said.contains("--"),
        "{screen}"
    );
}

#[test]
fn conversations_are_left_renamed_copied_and_come_back_to() {
    let (server, home) = (counting(), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    let lines = [
        "One",
        "/rename first",
        "/fork second",
        "Two",
        "/new",
        "Other",
        "/resume first",
        "Three",
        "/sessions",
    ];
    for (keys, prompts) in lines.iter().zip(2..) {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    terminal
        .keys("/export kept.md")
        .keys(ENTER)
        .wait_for("written to `kept.md`");
    wait_for_prompt(&terminal, 11);
    terminal.keys("/exit").keys(ENTER);
    terminal.finish().code(0).stdout_contains("second");
    let count = |nth| messages(&server, nth).as_array().unwrap().len();
    assert_eq!([count(0), count(1), count(2), count(3)], [1, 3, 1, 3]);
    assert_eq!(messages(&server, 3)[1]["content"], "answer 0");
    let kept = std::fs::read_to_string(home.work().join("kept.md")).unwrap();
    assert!(kept.contains("Three") && !kept.contains("Two"), "{kept}");
}

#[test]
fn a_conversation_that_was_left_is_gone_on_with() {
    let (server, home) = (counting(), Home::new());
    leave(at_prompt(&server, &home, &["One"])).code(0);
    let terminal = at_prompt(&server, &home, &["-c"]);
    terminal
        .wait_for("> One")
        .wait_for("answer 0")
        .keys("Two")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(messages(&server, 1).as_array().unwrap().len(), 3);
}

#[test]
fn what_cannot_be_sent_is_refused_when_it_is_attached_and_undo_names_what_was_typed() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/b.bin", [0, 1, 2, 255]);
    home.write("work/b.txt", "B");
    let terminal = at_prompt(&server, &home, &[]);
    let screen = typed(terminal, &["/file b.bin", "/file b.txt", "One", "/undo"]);
    assert!(screen.contains("`b.bin` is a binary file"), "{screen}");
    assert!(
        screen.contains("1 attachment") && !screen.contains("2 attachments"),
        "{screen}"
    );
    assert!(screen.contains("removed: One"), "{screen}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_is_attached_is_listed_and_taken_away_again() {
    let long = ["word"; 30].join(" ");
    let (server, home) = (answering(&long), Home::new());
    home.write("work/a.gif", GIF);
    home.write("work/b.txt", "B");
    let terminal = at_prompt(&server, &home, &[]);
    for (keys, prompts) in [
        ("/image a.gif", 2),
        ("/file b.txt", 3),
        ("/attachments", 4),
        ("/drop 1", 5),
        ("One", 6),
    ] {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    for (keys, prompts) in [
        ("/image a.gif", 7),
        ("/drop", 8),
        ("/raw", 9),
        ("Two", 10),
        ("/drop 7", 11),
    ] {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    let outcome = leave(terminal);
    outcome
        .code(0)
        .stdout_contains("1 attachment\r\n")
        .stdout_contains("2 attachments\r\n");
    outcome.stdout_contains("no attachment `7`");
    assert_eq!(
        outcome.stdout_text().matches(&long).count(),
        1,
        "the one before `/raw` has its lines broken"
    );
    let first = said(&server, 0);
    assert!(
        first[0]["text"].as_str().unwrap().contains("b.txt"),
        "{first}"
    );
    assert_eq!(
        (
            first.as_array().unwrap().len(),
            &first[1]["text"],
            said(&server, 1)
        ),
        (2, &json!("One"), json!("Two"))
    );
}

#[test]
fn a_copy_that_was_turned_to_is_gone_on_with() {
    let (server, home) = (counting(), Home::new());
    let terminal = at_prompt(&server, &home, &["One"]);
    terminal
        .keys("/fork copy")
        .keys(ENTER)
        .wait_for("continuing in a copy: copy");
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    let terminal = at_prompt(&server, &home, &["-c"]);
    leave(terminal).code(0).stdout_contains("continuing `copy`");
}

#[test]
fn an_answer_is_copied_by_the_terminal() {
    let (server, home) = (answering("Do:\n\n```sh\nls\n```\n"), Home::new());
    let terminal = at_prompt(&server, &home, &["Hi"]);
    terminal
        .keys("/copy code")
        .keys(ENTER)
        .wait_for("\u{1b}]52;c;bHMK\u{7}");
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
}

/// Types lines, each after a prompt, and exits; returns the screen.
pub(super) fn typed(terminal: Terminal, lines: &[&str]) -> String {
    for (keys, prompts) in lines.iter().zip(2..) {
        type_line(&terminal, keys, prompts);
    }
    leave(terminal).code(0).stdout_text().clone()
}

/// Types a line and waits until this many prompts have been shown. Moving the conversation to the
/// region `us` is confirmed.
fn type_line(terminal: &Terminal, keys: &str, prompts: usize) {
    terminal.keys(keys).keys(ENTER);
    let has_said = String::from_utf8_lossy(&terminal.so_far()).contains("Hi");
    if keys == "/region us" && has_said {
        terminal.wait_for("? [y/N]").keys("y").keys(ENTER);
    }
    wait_for_prompt(terminal, prompts);
}

#[test]
fn a_model_that_the_region_has_not_is_refused_when_it_is_named() {
    let (server, home) = (answering("ok"), Home::new());
    let opus = "/model claude-3-opus-20240229";
    let screen = typed(
        at_prompt(&server, &home, &[]),
        &[opus, "/region us", opus, "/region eu", "/region", "/model"],
    );
    assert!(
        screen.contains("`claude-3-opus-20240229` is not available in region `eu`"),
        "{screen}"
    );
    assert!(
        screen.contains("use /region us") && screen.contains("use /model ID"),
        "{screen}"
    );
    assert!(
        !screen.contains("--region") && !screen.contains("now using region eu"),
        "{screen}"
    );
    assert!(
        screen.contains("us (http") && screen.contains("* claude-3-opus-20240229\r\n"),
        "{screen}"
    );
}

#[test]
fn what_is_told_at_the_prompt_can_be_typed_there() {
    let unknown = "Invalid model, available models are: claude-a, claude-b";
    let server = Server::start(move |_, _| {
        Reply::json(
            400,
            &crate::support::events::error("invalid_request_error", unknown),
        )
    });
    let home = Home::new();
    home.write("work/t.toml", "x = 1");
    let lines = [
        "Hi",
        "\x15/image t.toml",
        "/region x/y",
        "/set max_tokens=-1",
        "/set",
    ];
    let screen = typed(at_prompt(&server, &home, &["-m", "claude-aa"]), &lines);
    assert!(screen.contains("did you mean /model claude-a?"), "{screen}");
    assert!(screen.contains("use /file PATH for text"), "{screen}");
    assert!(
        screen.contains("`max_tokens`: must be a whole number")
            && screen.contains("no fields are set"),
        "{screen}"
    );
    assert!(!screen.contains("--") && !screen.contains("-f"), "{screen}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_model_that_is_not_in_a_list_of_this_run_is_refused_at_once() {
    let server = crate::models::listing(&["claude-alpha-1", "claude-beta-2"]);
    for (args, is_refused) in [(&[][..], true), (&["--no-check"], false)] {
        let home = Home::new();
        let args = [&["-m", "claude-beta-2"], args].concat();
        let lines = [
            "/model claude-gamma",
            "/model",
            "/model claude-alpha",
            "/model",
        ];
        let screen = typed(at_prompt(&server, &home, &args), &lines);
        // Nothing was fetched before.
        assert!(screen.contains("now using model claude-gamma"), "{screen}");
        let refusal = "region `eu` offers no model `claude-alpha`";
        assert_eq!(screen.contains(refusal), is_refused, "{screen}");
        let hint = "did you mean /model claude-alpha-1? /model lists the models";
        assert_eq!(screen.contains(hint), is_refused, "{screen}");
    }
}

#[test]
fn an_empty_conversation_is_not_copied() {
    let (server, home) = (answering("ok"), Home::new());
    let screen = typed(at_prompt(&server, &home, &[]), &["/fork", "Hi", "/fork b"]);
    assert!(
        screen.contains("there is nothing to copy yet: the conversation is empty"),
        "{screen}"
    );
    assert!(screen.contains("continuing in a copy: b"), "{screen}");
}

#[test]
fn paths_are_typed_as_in_a_shell_and_nothing_is_written_over() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/my file.txt", "B");
    home.write("pic.gif", GIF);
    let lines = [
        "/file \"my file.txt\"",
        "/file my\\ file.txt",
        "/image ~/pic.gif",
        "Hi",
        "/export \"my file.txt\"",
    ];
    let terminal = chat(&server)
        .home(&home)
        .env("HOME", home.path())
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    let screen = typed(terminal, &lines);
    assert!(screen.contains("3 attachments"), "{screen}");
    assert!(
        screen.contains("`my file.txt` already exists")
            && screen.contains("/export does not overwrite"),
        "{screen}"
    );
    assert_eq!(said(&server, 0).as_array().unwrap().len(), 4);
}

#[test]
fn what_was_answered_before_is_shown_as_answers_are() {
    let (server, home) = (answering("- one\n- two"), Home::new());
    home.write("work/b.txt", "B");
    leave(at_prompt(&server, &home, &["-f", "b.txt", "Hi"])).code(0);
    let screen = typed(at_prompt(&server, &home, &["-c"]), &[]);
    assert!(
        screen.contains("> Hi") && screen.contains("• one") && !screen.contains("<file"),
        "{screen}"
    );
    let screen = typed(at_prompt(&server, &home, &["-c", "--raw"]), &[]);
    assert!(screen.contains("- one"), "{screen}");
}

#[test]
fn a_conversation_is_found_by_its_name_and_a_changed_message_is_shown() {
    let (server, home) = (counting(), Home::new());
    let terminal = chat(&server)
        .home(&home)
        .env("EDITOR", "echo changed >>")
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    let screen = typed(
        terminal,
        &["One", "/edit", "/rename mine", "/new", "/sessions MIN"],
    );
    assert!(screen.contains("> Onechanged"), "{screen}");
    assert!(screen.contains("just now  mine"), "{screen}");
}

#[test]
fn where_nothing_was_said_yet_nothing_goes_on_or_is_taken_back() {
    let (server, home) = (answering("ok"), Home::new());
    let screen = typed(
        at_prompt(&server, &home, &[]),
        &["/continue", "/retry", "/undo", "/edit"],
    );
    assert_eq!(
        screen.matches("there is no message yet").count(),
        4,
        "{screen}"
    );
}

/// Returns the system prompt of each request.
fn systems(server: &Server) -> Vec<Value> {
    server
        .requests()
        .iter()
        .map(|request| request.json()["system"].clone())
        .collect()
}

#[test]
fn a_system_prompt_that_was_taken_away_does_not_come_back() {
    let (server, home) = (counting(), Home::new());
    let lines = ["One", "/system -", "Two", "/retry"];
    typed(
        at_prompt(&server, &home, &["--session", "a", "-s", "pirate"]),
        &lines,
    );
    typed(at_prompt(&server, &home, &["--session", "a"]), &["Three"]);
    assert_eq!(
        systems(&server),
        [json!("pirate"), Value::Null, Value::Null, Value::Null]
    );
}

#[test]
fn a_conversation_that_is_come_back_to_has_its_own_system_prompt() {
    let (server, home) = (counting(), Home::new());
    let there = [
        "One",
        "/new b",
        "/system lawyer",
        "Two",
        "/resume a",
        "/system",
        "Three",
        "/resume",
        "Four",
    ];
    typed(
        at_prompt(&server, &home, &["--session", "a", "-s", "pirate"]),
        &there,
    );
    typed(at_prompt(&server, &home, &["--session", "a"]), &["Five"]);
    assert_eq!(
        systems(&server),
        ["pirate", "lawyer", "pirate", "lawyer", "pirate"]
    );
}

#[test]
fn resume_alone_goes_to_another_conversation_or_says_that_there_is_none() {
    let (server, home) = (counting(), Home::new());
    let screen = typed(
        at_prompt(&server, &home, &["--session", "a", "One"]),
        &["/resume"],
    );
    assert!(
        screen.contains("there is no other conversation"),
        "{screen}"
    );
    typed(
        at_prompt(&server, &home, &["--session", "b", "Two"]),
        &["/resume", "Three"],
    );
    assert_eq!(messages(&server, 2)[0]["content"], "One");
    assert_eq!(said(&server, 2), "Three");
}

#[test]
fn what_could_not_be_exported_whole_leaves_no_file_in_the_way() {
    let (server, home) = (answering(&"word ".repeat(2000)), Home::new());
    typed(at_prompt(&server, &home, &["--session", "a", "Hi"]), &[]);
    // No file may grow beyond this many blocks of 512 bytes, so a write is partial and then fails,
    // as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 2; exec langdock chat --session a";
    let run = Langdock::shell(script)
        .key()
        .against(&server)
        .home(&home)
        .env("LANGDOCK_MODEL", MODEL);
    let terminal = run.env("NO_COLOR", "1").on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    let screen = typed(terminal, &["/export kept.md", "/export kept.md"]);
    assert_eq!(
        screen.matches("cannot write `kept.md`").count(),
        2,
        "{screen}"
    );
    assert!(!home.work().join("kept.md").exists(), "{screen}");
}

#[test]
fn what_is_not_saved_says_what_keeps_it_from_that() {
    let (server, home) = (answering("ok"), Home::new());
    let screen = typed(at_prompt(&server, &home, &["-n"]), &["/rename x"]);
    assert!(screen.contains("start langdock without -n"), "{screen}");
    for (name, value, hint) in [
        (
            "LANGDOCK_NO_LOG",
            "1",
            "start langdock without LANGDOCK_NO_LOG",
        ),
        (
            "XDG_DATA_HOME",
            "/dev/null",
            "`langdock doctor` shows which directories",
        ),
    ] {
        let terminal = chat(&server)
            .home(&home)
            .env(name, value)
            .args(["--session", "a"])
            .on_terminal(80, 24);
        wait_for_prompt(&terminal, 1);
        let screen = typed(terminal, &["/rename x"]);
        assert!(screen.contains(hint), "{screen}");
    }
}

#[test]
fn clear_and_quit_do_what_new_and_exit_do() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &["One"]);
    type_line(&terminal, "/clear", 2);
    type_line(&terminal, "Two", 3);
    terminal.keys("/quit").keys(ENTER);
    terminal.finish().code(0);
    let expected = json!([{"role": "user", "content": "Two"}]);
    assert_eq!(messages(&server, 1), expected);
}
