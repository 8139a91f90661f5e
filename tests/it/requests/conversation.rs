//! `--messages`: earlier turns, the fields of a body, and the rules for a whole conversation.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{
    home::Home,
    outcome::Outcome,
    picture::png,
    sending::{answering, send},
    server::Server,
};

/// Returns the request body for these messages and arguments.
#[track_caller]
fn body(messages: &Value, args: &[&str]) -> Value {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/m.json", messages.to_string());
    send(&server)
        .home(&home)
        .args(["--messages", "m.json"])
        .args(args)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request().json()
}

#[track_caller]
fn refused(messages: &str, args: &[&str], code: i32) -> Outcome {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    home.write("work/m.json", messages);
    let outcome = send(&server)
        .home(&home)
        .args(["--messages", "m.json"])
        .args(args)
        .run();
    outcome.code(code).stdout("");
    assert_eq!(server.connections(), 0, "{outcome}");
    outcome
}

#[test]
fn a_byte_order_mark_before_json_is_no_part_of_it() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(
        "work/m.json",
        "\u{feff}[{\"role\": \"user\", \"content\": \"q\"}]",
    );
    home.write("work/s.json", "\u{feff}{\"type\": \"object\"}");
    let run = send(&server)
        .home(&home)
        .args(["--messages", "m.json", "--schema", "s.json", "--dry-run"])
        .run();
    let body = run.code(0).stderr_empty().stdout_json();
    assert_eq!(
        (&body["messages"][0]["content"], &body["tools"][0]["name"]),
        (&json!("q"), &json!("answer"))
    );
}

#[test]
fn a_body_gives_its_fields_and_flags_go_before_them() {
    let given = json!({
        "model": "of-body", "max_tokens": 5, "system": [{"type": "text", "text": "S"}], "temperature": 0.5,
        "top_k": 3, "stream": false, "thinking": {"type": "disabled"}, "messages": [{"role": "user", "content": "q"}],
    });
    let sent = body(&given, &[]);
    let mut expected = given.clone();
    expected["stream"] = json!(true);
    assert_eq!(sent, expected);
    let args = [
        "-m",
        "of-flag",
        "--max-tokens",
        "6",
        "-s",
        "T",
        "--top-k",
        "4",
        "--set",
        "thinking=null",
    ];
    let sent = body(&given, &args);
    for (key, value) in [
        ("model", json!("of-flag")),
        ("max_tokens", json!(6)),
        ("system", json!("T")),
        ("temperature", json!(0.5)),
        ("top_k", json!(4)),
        ("thinking", Value::Null),
    ] {
        assert_eq!(sent[key], value, "{key}");
    }
}

#[test]
fn the_prompt_is_a_further_turn_and_turns_of_one_side_become_one() {
    let image = json!({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}, "cache_control": {"type": "ephemeral"}});
    let given = json!([{"role": "user", "content": [image, {"type": "text", "text": " "}]}]);
    let sent = body(&given, &["Hi", "--prefill", "{ ", "--no-check"]);
    let expected = json!([
        {"role": "user", "content": [image, {"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": "{"},
    ]);
    assert_eq!(sent["messages"], expected);
}

#[test]
fn the_last_turn_of_the_assistant_is_trimmed() {
    let given = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a \n"}]);
    assert_eq!(body(&given, &[])["messages"][1]["content"], "a");
}

#[test]
fn messages_come_from_stdin_too() {
    let server = answering("ok");
    let messages = r#"[{"role": "user", "content": "a"}]"#;
    send(&server)
        .stdin_bytes(messages)
        .args(["--messages", "-"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"],
        json!([{"role": "user", "content": "a"}])
    );
    let outcome = send(&server)
        .stdin_bytes(messages)
        .args(["--messages", "-", "-f", "-"])
        .run();
    outcome
        .code(2)
        .stderr_contains("standard input cannot be both the messages and a file\nhint: ");
}

#[test]
fn what_is_no_conversation_is_refused_with_its_file() {
    refused("{", &["Hi"], 2).stderr_contains("`m.json`: not valid JSON: ");
    refused(r#"[{"role": "user"}]"#, &["Hi"], 2).stderr_contains("`m.json`: message 1: `content`");
    let outcome = refused(r#"[{"role": "assistant", "content": "a"}]"#, &["Hi"], 2);
    outcome.stderr_contains("the first message must have the role `user`\nhint: ");
    refused("[]", &[], 2).stderr_contains("no prompt");
}

fn image(bytes: &[u8]) -> Value {
    let data = BASE64_STANDARD.encode(bytes);
    json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
}

#[test]
fn more_than_twenty_images_have_to_be_smaller_each() {
    let history =
        |width, count| json!([{"role": "user", "content": vec![image(&png(width, 1)); count]}]);
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/new.png", png(2001, 1));
    home.write("work/19.json", history(3000, 19).to_string());
    home.write("work/20.json", history(2000, 20).to_string());
    let run = |file| {
        send(&server)
            .home(&home)
            .args(["--messages", file, "-f", "new.png", "Hi"])
            .args(["--image-size", "keep"])
            .run()
    };
    run("19.json").code(0).stdout("ok\n").stderr_empty();
    let outcome = run("20.json");
    outcome
        .code(13)
        .stdout("")
        .stderr_contains("`new.png` cannot be sent: 2,001 × 1 pixels are over the limit of 2,000");
    outcome
        .stderr_contains("more than 20 images")
        .stderr_contains("\nhint: ");
    assert_eq!(server.requests().len(), 1);
    let outcome = refused(
        &history(2001, 21).to_string(),
        &["--image-size", "keep", "Hi"],
        13,
    );
    outcome.stderr_contains("image 1 of `m.json` cannot be sent: 2,001 × 1 pixels");
}

#[test]
fn messages_that_cannot_be_sent_are_refused_with_the_message_and_the_block() {
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": "x"});
    for (given, expected) in [
        (
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": [call]}]),
            "`m.json`: message 2, block 1: the tool_use `t` has no tool_result",
        ),
        (
            json!([{"role": "user", "content": [{"type": "text", "text": "a"}, result]}]),
            "`m.json`: message 1, block 2: the tool_result is for the call `t`, which is not",
        ),
        (
            json!([{"role": "user", "content": [image(&png(1, 1)[..40])]}]),
            "`m.json`: the image in message 1, block 1 cannot be sent: the image is damaged",
        ),
        (
            json!([{"role": "user", "content": [image(b"no image")]}]),
            "`m.json`: message 1, block 1: the image cannot be sent: it is not a JPEG, PNG,",
        ),
        (
            json!([{"role": "user", "content": [call]}]),
            "`m.json`: message 1, block 1: the tool_use cannot be sent: only messages with the \
             role `assistant` can have one",
        ),
    ] {
        refused(&given.to_string(), &["Hi"], 2)
            .stderr_contains(expected)
            .stderr_contains("\nhint: ");
    }
}

#[test]
fn messages_are_mended_where_that_changes_nothing() {
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": [1]});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [image(&png(1, 1))]});
    let mut wrapped = image(&png(1, 1));
    let data = wrapped["source"]["data"].as_str().unwrap().to_owned();
    wrapped["source"]["data"] = json!(format!("{}\n{}", &data[..8], &data[8..]));
    wrapped["source"]["media_type"] = json!("image/gif");
    let given = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}, wrapped]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": [result]},
    ]);
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let sent = body(&given, &["--set", &format!("tools={tools}")]);
    assert_eq!(sent["messages"][0]["content"][1], image(&png(1, 1)));
    assert_eq!(sent["messages"][1]["content"][0]["input"], json!({}));
    assert_eq!(
        sent["messages"][2]["content"],
        json!([result, {"type": "text", "text": "b"}])
    );
}
