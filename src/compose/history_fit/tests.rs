//! What becomes of histories before they are sent, and of files that nobody may change.

mod arbitrary;
mod courses;
mod fields;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::input::Conversation;
use crate::model_text::{CONVERSATION_INTERRUPTED, NO_OUTPUT};
use crate::protocol::{ExactFields, Message, SystemPrompt, ToolDefinition};

/// A PNG of this size, complete but for its pixels.
fn png(width: u32, height: u32) -> String {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(b"\0\0\0\x02IDAT\x01\x02\0\0\0\0\0\0\0\0IEND\0\0\0\0");
    STANDARD.encode(bytes)
}

fn image(data: &str) -> Value {
    json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn call(id: &str, name: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": {}})
}

fn result(id: &str, content: impl Into<Value>) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": content.into()})
}

fn not_run(id: &str) -> Value {
    json!({
        "type": "tool_result", "tool_use_id": id, "content": CONVERSATION_INTERRUPTED, "is_error": true
    })
}

fn messages(turns: &Value) -> Vec<InputMessage> {
    Conversation::parse("`c.json`", &turns.to_string())
        .expect("messages")
        .messages
}

/// A user's and an assistant's turn, in turn.
fn turns(contents: &[Value]) -> Value {
    let turn = |(place, content): (usize, &Value)| {
        let role = if place % 2 == 0 { "user" } else { "assistant" };
        json!({"role": role, "content": content})
    };
    contents.iter().enumerate().map(turn).collect()
}

fn request(messages: Vec<InputMessage>) -> CreateMessage {
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    CreateMessage {
        model: "m".to_owned(),
        max_tokens: 5,
        system: None,
        messages,
        fields: ExactFields::default(),
        tools: ToolDefinition::list_from(tools.into()).expect("tools"),
        tool_choice: None,
        stream: true,
    }
}

fn fitted(turns: &Value) -> Result<Value, input::Error> {
    let mut request = request(messages(turns));
    fit_history(&mut request, HistoryStage::TurnStart)?;
    Ok(json!(request.messages))
}

fn sent(contents: &[Value]) -> Value {
    fitted(&turns(contents)).expect("it can be sent")
}

#[test]
fn messages_of_one_role_become_one_and_blank_text_is_left_out() {
    let given = json!([
        {"role": "user", "content": "a"},
        {"role": "user", "content": [text(" \n"), {"type": "new", "x": 1}]},
        {"role": "assistant", "content": " "},
        {"role": "assistant", "content": "b \n"},
        {"role": "user", "content": ""},
    ]);
    let expected = json!([
        {"role": "user", "content": [text("a"), {"type": "new", "x": 1}]},
        {"role": "assistant", "content": "b"},
    ]);
    assert_eq!(fitted(&given).expect("it can be sent"), expected);
}

#[test]
fn the_user_begins_and_there_is_something_to_send() {
    let assistant = json!([{"role": "assistant", "content": "x"}]);
    assert!(matches!(
        fitted(&assistant),
        Err(input::Error::NotUserFirst)
    ));
    assert!(matches!(fitted(&json!([])), Err(input::Error::NoPrompt)));
}

#[test]
fn every_call_has_one_result_at_the_head_of_the_next_message() {
    let calls = json!([call("1", "f"), call("2", "f")]);
    let after = |next: Value| sent(&[text_of("a"), calls.clone(), next])[2]["content"].clone();
    assert_eq!(
        after(json!([text("more"), result("2", "b"), result("1", "a")])),
        json!([result("2", "b"), result("1", "a"), text("more")])
    );
    assert_eq!(
        after(json!([
            result("1", "a"),
            result("1", "again"),
            result("9", "x"),
            text("more")
        ])),
        json!([not_run("2"), result("1", "a"), text("more")])
    );
    let interrupted = sent(&[text_of("a"), calls.clone()]);
    assert_eq!(
        interrupted[2]["content"],
        json!([not_run("1"), not_run("2")])
    );
}

fn text_of(words: &str) -> Value {
    json!([text(words)])
}

#[test]
fn ids_that_come_again_and_names_that_no_tool_can_have_are_changed() {
    let one = json!([call("call 0", "functions.f")]);
    let sent = sent(&[
        text_of("a"),
        one.clone(),
        json!([result("call 0", "x")]),
        one,
        json!([result("call 0", "y")]),
    ]);
    assert_eq!(sent[1]["content"][0], call("call_0", "functions_f"));
    assert_eq!(sent[2]["content"][0], result("call_0", "x"));
    assert_eq!(sent[3]["content"][0], call("call_0_2", "functions_f"));
    assert_eq!(sent[4]["content"][0], result("call_0_2", "y"));
}

#[test]
fn arguments_that_are_no_object_are_quoted_to_the_model() {
    let broken =
        |input: Value| json!([{"type": "tool_use", "id": "1", "name": "f", "input": input}]);
    let sent = sent(&[text_of("a"), broken(json!([1, 2]))]);
    assert_eq!(sent[1]["content"][0]["input"], json!({}));
    assert_eq!(sent[1]["content"][0].get("partial_json"), None);
    let said = sent[2]["content"][0]["content"].to_string();
    assert!(said.contains("not a JSON object: [1,2]"), "{said}");
}

#[test]
fn a_structured_answer_is_text_unless_it_has_a_result() {
    let answer = json!([{"type": "tool_use", "id": "1", "name": "answer", "input": {"n": 1}}]);
    let expected = json!({"role": "assistant", "content": "{\"n\":1}"});
    assert_eq!(sent(&[text_of("a"), answer.clone()])[1], expected);
    assert_eq!(
        sent(&[text_of("a"), answer.clone(), text_of("b")])[1],
        expected
    );
    let answered = sent(&[text_of("a"), answer.clone(), json!([result("1", "wrong")])]);
    assert_eq!(answered[1]["content"], answer);
}

#[test]
fn results_say_something() {
    let after = |content: Value| {
        let next = json!([{"type": "tool_result", "tool_use_id": "1", "content": content}]);
        sent(&[text_of("a"), json!([call("1", "f")]), next])[2]["content"][0]["content"].clone()
    };
    assert_eq!(after(json!(" \n")), json!(NO_OUTPUT));
    assert_eq!(after(json!([text(" ")])), json!(NO_OUTPUT));
    assert_eq!(after(json!([text(" "), text("x")])), json!([text("x")]));
    assert_eq!(after(json!(5)), json!("5"));
}

#[test]
fn blocks_on_the_wrong_side_become_words() {
    let sent = sent(&[
        json!([call("1", "f"), {"type": "thinking", "thinking": "t", "signature": "s"}, text("a")]),
        json!([text("b"), image(&png(1, 1))]),
        text_of("c"),
    ]);
    let words = sent[0]["content"][0]["text"].as_str().expect("text");
    assert!(words.starts_with("[tool_use left out: "), "{words}");
    assert_eq!(sent[0]["content"][1], text("a"));
    let words = sent[1]["content"][1]["text"].as_str().expect("text");
    assert!(words.starts_with("[image left out: "), "{words}");
}

#[test]
fn a_picture_that_cannot_be_sent_becomes_words_and_the_others_are_mended() {
    let broken_lines = format!("{}\n{}", &png(1, 1)[..20], &png(1, 1)[20..]);
    let mut wrong_type = image(&broken_lines);
    wrong_type["source"]["media_type"] = json!("image/jpeg");
    let pictures = json!([
        image(""),
        image("AAAA"),
        image("no base64"),
        image(&png(9000, 1)),
        image(&png(0, 1)),
        image(&png(1, 1)[..40]),
        wrong_type,
    ]);
    let sent = sent(&[
        text_of("a"),
        json!([call("1", "f")]),
        json!([result("1", pictures)]),
    ]);
    let blocks = sent[2]["content"][0]["content"].as_array().expect("blocks");
    for block in &blocks[..6] {
        let words = block["text"].as_str().expect("text");
        assert!(words.starts_with("[image left out: "), "{words}");
    }
    assert_eq!(blocks[6], image(&png(1, 1)));
}

#[test]
fn pictures_in_results_stay_within_the_limits_of_the_request() {
    let kinds = |pictures: Vec<Value>| -> Vec<String> {
        let sent = sent(&[
            json!([text("a"), image(&png(1, 1))]),
            json!([call("1", "f")]),
            json!([result("1", pictures)]),
        ]);
        let blocks = sent[2]["content"][0]["content"].as_array().expect("blocks");
        let kind = |block: &Value| block["type"].as_str().unwrap_or_default().to_owned();
        blocks.iter().map(kind).collect()
    };
    let small = |count: usize| vec![image(&png(10, 10)); count];
    let count_of = |kinds: &[String]| kinds.iter().filter(|kind| *kind == "image").count();
    assert_eq!(count_of(&kinds(small(100))), 99);
    let late = [small(30), vec![image(&png(2001, 1))], small(1)].concat();
    let kinds_of_late = kinds(late);
    assert_eq!(kinds_of_late[30], "text");
    assert_eq!(count_of(&kinds_of_late), 31);
    let early = [vec![image(&png(2001, 1))], small(30)].concat();
    let kinds_of_early = kinds(early);
    assert_eq!(kinds_of_early[0], "image");
    assert_eq!(count_of(&kinds_of_early), 19);
}

#[test]
fn a_model_with_a_long_window_gets_more_pictures_of_tools() {
    let pictures = |model: &str| {
        let mut request = request(messages(&turns(&[
            text_of("a"),
            json!([call("1", "f")]),
            json!([result("1", vec![image(&png(1, 1)); 700])]),
        ])));
        request.model = model.to_owned();
        fit_history(&mut request, HistoryStage::TurnStart).expect("it can be sent");
        json!(request.messages)
            .to_string()
            .matches("image/png")
            .count()
    };
    for (model, most) in [
        ("claude-opus-5-5-default", 600),
        ("claude-sonnet-4-6-default", 100),
        ("claude-haiku-4-5-20251001", 100),
        ("some-model", 100),
    ] {
        assert_eq!(pictures(model), most, "{model}");
    }
}

#[test]
fn a_request_without_tools_has_calls_as_text() {
    let mut request = request(messages(&turns(&[
        text_of("a"),
        json!([call("1", "f")]),
        json!([result("1", "ok")]),
    ])));
    request.tools.clear();
    fit_history(&mut request, HistoryStage::TurnStart).expect("it can be sent");
    let expected = json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "[called f with {}]"},
        {"role": "user", "content": "[result of f: ok]"},
    ]);
    assert_eq!(json!(request.messages), expected);
}

/// A conversation whose last answer thought before its call, bound to what was sent before.
fn open_turn_after(request: &CreateMessage) -> Vec<InputMessage> {
    let content = json!([
        {"type": "thinking", "thinking": "hm", "signature": "s"}, call("1", "f"),
    ]);
    let mut message: Message =
        serde_json::from_value(json!({"content": content})).expect("a message");
    crate::compose::thinking_binding::bind_thinking(&mut message, request);
    let mut all = request.messages.clone();
    all.push(InputMessage {
        role: Role::Assistant,
        content: message.content,
    });
    all.extend(messages(&turns(&[json!([result("1", "ok")])])));
    all
}

#[test]
fn an_open_turn_goes_back_with_its_thinking_or_as_text() {
    let first = request(messages(&turns(&[text_of("a")])));
    let kinds = |request: &CreateMessage| {
        let blocks = request.messages.iter().flat_map(|message| &message.content);
        blocks
            .map(|block| json!(block)["type"].clone())
            .collect::<Vec<_>>()
    };
    let mut same = request(open_turn_after(&first));
    fit_history(&mut same, HistoryStage::TurnStart).expect("it can be sent");
    assert_eq!(
        kinds(&same),
        ["text", "thinking", "tool_use", "tool_result"]
    );
    let mut with_words = request(open_turn_after(&first));
    with_words.messages[2]
        .content
        .push(ContentBlock::text("and this"));
    fit_history(&mut with_words, HistoryStage::TurnStart).expect("it can be sent");
    assert_eq!(
        kinds(&with_words),
        ["text", "thinking", "tool_use", "tool_result", "text"]
    );
    let mut other = request(open_turn_after(&first));
    other.system = Some(SystemPrompt::from_text("another one"));
    fit_history(&mut other, HistoryStage::TurnStart).expect("it can be sent");
    assert_eq!(kinds(&other), ["text", "text", "text"]);
}

#[test]
fn an_open_turn_without_thinking_is_text_where_a_budget_asks_for_some() {
    let open = turns(&[
        text_of("a"),
        json!([call("1", "f")]),
        json!([result("1", "ok")]),
    ]);
    let mut request = request(messages(&open));
    request.fields.insert(
        "thinking",
        json!({"type": "enabled", "budget_tokens": 1024}),
    );
    let mut within = request.clone();
    fit_history(&mut request, HistoryStage::TurnStart).expect("it can be sent");
    assert!(!has_calls(&request.messages));
    fit_history(&mut within, HistoryStage::WithinTurn).expect("it can be sent");
    assert!(has_calls(&within.messages));
}

#[test]
fn what_was_fitted_once_stays_as_it_is() {
    let given = turns(&[
        json!([text("a"), image(&png(1, 1))]),
        json!([call("1", "f x"), call("1", "f"), text("b")]),
        json!([result("1", vec![image("AAAA"), text(" ")]), text("c")]),
        json!([call("1", "f")]),
    ]);
    let once = fitted(&given).expect("it can be sent");
    let again = fitted(&once).expect("it can be sent");
    assert_eq!(once, again);
}

fn refused(contents: &[Value]) -> String {
    check_given("`m.json`", &messages(&turns(contents)), false)
        .expect_err("it cannot be sent")
        .to_string()
}

/// Returns a block with a source that is elsewhere.
fn from_url(kind: &str) -> Value {
    json!({"type": kind, "source": {"type": "url", "url": "https://example.invalid/x"}})
}

#[test]
fn a_source_elsewhere_is_sent_as_it_is_without_the_check() {
    let content = json!([from_url("image"), from_url("document")]);
    let given = messages(&turns(std::slice::from_ref(&content)));
    assert!(check_given("`m.json`", &given, true).is_ok());
    assert_eq!(sent(std::slice::from_ref(&content))[0]["content"], content);
}

#[test]
fn a_file_is_refused_with_the_message_and_the_block() {
    for (contents, expected) in [
        (
            vec![text_of("a"), json!([text("b"), image(&png(1, 1))])],
            "message 2, block 2: the image cannot be sent: only messages with the role `user`",
        ),
        (
            vec![json!([call("1", "f")])],
            "message 1, block 1: the tool_use cannot be sent: only messages with the role \
             `assistant`",
        ),
        (
            vec![
                text_of("a"),
                json!([text("b"), call("1", "f")]),
                text_of("c"),
            ],
            "message 2, block 2: the tool_use `1` has no tool_result in the next message",
        ),
        (
            vec![json!([result("1", "x")])],
            "message 1, block 1: the tool_result is for the call `1`, which is not in the previous",
        ),
        (
            vec![
                text_of("a"),
                json!([call("1", "f")]),
                json!([result("1", "x"), result("1", "y")]),
            ],
            "message 3, block 2: it is the second tool_result for the call `1`",
        ),
        (
            vec![json!([image("!!!")])],
            "message 1, block 1: the image cannot be sent: its data is not base64",
        ),
        (
            vec![json!([{"type": "image"}])],
            "message 1, block 1: the image cannot be sent: `source` is missing",
        ),
        (
            vec![json!([{"text": "x"}])],
            "message 1, block 1: the block cannot be sent: it has no `type`",
        ),
        (
            vec![
                text_of("a"),
                json!([call("1", "f")]),
                json!([result("1", vec![text("x"), image("AAAA")])]),
            ],
            "message 3, block 1: the image cannot be sent: it is not a JPEG, PNG, GIF or WebP \
             image",
        ),
        (
            vec![json!([{"type": "document", "source": {"type": "base64", "data": "AAAA"}}])],
            "message 1, block 1: the document cannot be sent: it is not a PDF",
        ),
        (
            vec![json!([from_url("image")])],
            "message 1, block 1: the image cannot be sent: its source has the type `url`",
        ),
        (
            vec![
                text_of("a"),
                json!([call("1", "f")]),
                json!([result("1", vec![text("x"), from_url("document")])]),
            ],
            "message 3, block 1: the document cannot be sent: its source has the type `url`",
        ),
    ] {
        let error = refused(&contents);
        assert!(error.starts_with("`m.json`: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let large = refused(&[json!([image(&png(9000, 1))])]);
    assert!(
        large.contains("message 1, block 1 cannot be sent"),
        "{large}"
    );
}

#[test]
fn a_file_that_can_be_sent_exactly_is_not_refused() {
    let given = turns(&[
        json!([text(" "), {"type": "text", "text": "a", "citations": null}]),
        json!([{"type": "tool_use", "id": "1", "name": "f", "input": "x"}, call("1", "f")]),
        json!([text("c"), result("1", " "), result("1", json!(null))]),
        json!([{"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}}]),
    ]);
    let messages = messages(&given);
    assert!(check_given("`m.json`", &messages, false).is_ok());
}
