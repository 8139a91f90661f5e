//! `--demo`: the built-in endpoint from the outside, through the same code as the real one.

use crate::support::{
    command::Langdock,
    home::Home,
    sending::{answering, send},
};

/// The first line on stderr.
const NOTICE: &str = "langdock: demo: scripted answers, no model\n";

/// A model that the built-in endpoint offers.
const MODEL: &str = "claude-3-haiku-20240307";

/// Begins `langdock --demo send` without a key.
fn demo() -> Langdock {
    Langdock::new().args(["--demo", "send", "-m", MODEL])
}

#[test]
fn a_script_answers_without_a_key_and_says_so_first() {
    let outcome = demo().args(["Why is the sky blue?"]).run();
    outcome.code(0).stderr(NOTICE);
    let expected = format!(
        "This is a scripted answer instead of one from `{MODEL}`; no model was asked.\n\nYou asked: “Why is the sky blue?”\n"
    );
    outcome.stdout(expected);
}

#[test]
fn the_same_question_gets_the_same_answer_streamed_or_not() {
    let streamed = demo().args(["Show me rust code"]).run();
    let whole = demo()
        .args(["--set=stream=false", "Show me rust code"])
        .run();
    whole
        .code(0)
        .stdout(&streamed.code(0).stdout)
        .stderr(NOTICE);
}

#[test]
fn a_key_and_a_base_url_of_the_environment_are_not_used() {
    let server = answering("not from here");
    let outcome = send(&server)
        .args(["--demo", "-m", MODEL, "-vv", "Hi"])
        .run();
    outcome
        .code(0)
        .stdout_contains("scripted answer")
        .stderr_lacks(&server.address().to_string());
    assert!(outcome.stderr.starts_with(NOTICE), "{outcome}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn settings_for_the_real_endpoint_do_not_keep_it_from_answering() {
    for (region, model) in [
        ("ch", MODEL),
        ("mars", MODEL),
        ("eu", "claude-sonnet-4-5-20250929"),
    ] {
        let settings = Langdock::new()
            .env("LANGDOCK_REGION", region)
            .env("LANGDOCK_MODEL", model);
        settings
            .args(["--demo", "send", "Hi"])
            .run()
            .code(0)
            .stdout_contains(&format!("instead of one from `{model}`"));
    }
    Langdock::new()
        .args(["--demo", "send", "-m", "gpt-4", "Hi"])
        .run()
        .code(3)
        .stderr_contains("claude-3-haiku");
}

#[test]
fn a_base_url_beside_it_is_a_mistake() {
    for args in [
        ["--demo", "send", "--base-url", "http://127.0.0.1:1", "Hi"],
        ["--base-url", "http://127.0.0.1:1", "send", "--demo", "Hi"],
        ["send", "--demo", "--base-url", "http://127.0.0.1:1", "Hi"],
    ] {
        let outcome = Langdock::new().args(args).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains("'--demo'")
            .stderr_contains("cannot be used with");
        outcome.stderr_contains("'--base-url").stderr_lacks(NOTICE);
    }
}

#[test]
fn files_images_and_stdin_are_quoted() {
    let home = Home::new();
    home.write("work/notes.md", "one\ntwo\n");
    home.write(
        "work/dot.jpg",
        b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;",
    );
    let run = demo().home(&home).stdin_bytes("in\n").args([
        "-f",
        "notes.md",
        "-f",
        "dot.jpg",
        "-s",
        "Be brief.",
        "Look",
    ]);
    let outcome = run.run();
    outcome
        .code(0)
        .stderr(NOTICE)
        .stdout_contains("You asked: “Look”");
    outcome.stdout_contains("- **image**: image/gif, 1 × 1 pixels, 28 bytes\n");
    outcome.stdout_contains("- **notes.md**: text, 8 bytes, 2 lines\n");
    outcome
        .stdout_contains("- **stdin**: text, 3 bytes, 1 line\n")
        .stdout_contains("“Be brief.”");
}

#[test]
fn a_stop_sequence_ends_the_answer() {
    let outcome = demo().args(["--stop", "; no model", "--json", "Hi"]).run();
    outcome.code(0).stderr(NOTICE);
    let message = outcome.stdout_json();
    assert_eq!(
        message["content"][0]["text"],
        format!("This is a scripted answer instead of one from `{MODEL}`")
    );
    assert_eq!(
        (&message["stop_reason"], &message["stop_sequence"]),
        (&"stop_sequence".into(), &"; no model".into())
    );
}

#[test]
fn max_tokens_cuts_the_answer_off() {
    let outcome = demo().args(["--max-tokens", "5", "Hi"]).run();
    outcome
        .code(9)
        .stdout("This is a scripted a\n")
        .stderr_contains("max_tokens")
        .stderr_contains("--allow-truncated");
    assert!(outcome.stderr.starts_with(NOTICE), "{outcome}");
    demo()
        .args(["--max-tokens", "5", "--allow-truncated", "Hi"])
        .run()
        .code(0)
        .stderr(NOTICE);
}

#[test]
fn a_prefilled_answer_goes_on_where_it_began() {
    let whole = demo().args(["Hi"]).run();
    let rest = demo().args(["--prefill", "This is a scripted", "Hi"]).run();
    rest.code(0).stderr(NOTICE);
    assert_eq!(
        format!("This is a scripted{}", rest.stdout_text()),
        whole.stdout_text()
    );
}

#[test]
fn an_unknown_model_is_refused_with_the_nearest_one() {
    let outcome = Langdock::new()
        .args(["send", "--demo", "-m", "claude3-haiku-20240307", "Hi"])
        .run();
    outcome.code(3).stdout("").stderr_contains("HTTP 400");
    outcome.stderr_contains("\nhint: did you mean -m claude-3-haiku-20240307?");
}

#[test]
fn what_the_api_refuses_is_refused() {
    let outcome = demo().args(["--set", "service_tier=1", "Hi"]).run();
    outcome.code(3).stdout("").stderr_contains("service_tier");
    let outcome = demo()
        .args(["--max-tokens", "5000", "--no-check", "Hi"])
        .run();
    outcome.code(3).stdout("").stderr_contains("max_tokens");
}

#[test]
fn json_has_the_usage_and_the_region() {
    let outcome = demo().args(["--json", "--region", "us", "Hi"]).run();
    outcome.code(0).stderr(NOTICE);
    let message = outcome.stdout_json();
    let tokens = |field: &str| message["usage"][field].as_u64().unwrap();
    assert!(
        tokens("input_tokens") > 0 && tokens("output_tokens") > 0,
        "{outcome}"
    );
    assert_eq!(
        (&message["model"], &message["stop_reason"]),
        (&MODEL.into(), &"end_turn".into())
    );
    assert_eq!(message["langdock"]["region"], "us");
    assert_eq!(message["langdock"]["complete"], true);
}

#[test]
fn a_code_block_can_be_extracted_and_written_to_a_file() {
    let home = Home::new();
    let args = [
        "-x",
        "--lang",
        "python",
        "-o",
        "answer.py",
        "Show me python code",
    ];
    demo()
        .home(&home)
        .args(args)
        .run()
        .code(0)
        .stdout("")
        .stderr(NOTICE);
    assert_eq!(
        std::fs::read_to_string(home.work().join("answer.py")).unwrap(),
        "print('a scripted answer')\n"
    );
}

#[test]
fn tools_are_called() {
    let tools = r#"tools=[{"name":"look","input_schema":{"type":"object","properties":{"at":{"type":"string"}},"required":["at"]}}]"#;
    let outcome = demo().args(["--set", tools, "Use look on the sky"]).run();
    outcome.code(0).stderr_contains(NOTICE);
    let calls = outcome.stdout_json_lines();
    assert_eq!(
        (&calls[0]["type"], &calls[0]["name"]),
        (&"tool_use".into(), &"look".into()),
        "{outcome}"
    );
}
