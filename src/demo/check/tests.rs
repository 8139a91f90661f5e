//! Requests and the expected refusals.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, json};

use super::*;

/// A PNG of one pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==";

/// Returns a valid request with `changes` to its fields; null removes a field.
pub(super) fn request_with(changes: &Value) -> Value {
    let mut body = json!({
        "model": "claude-3-5-sonnet-20240620",
        "max_tokens": 4096,
        "messages": [{ "role": "user", "content": "Hello" }],
    });
    for (key, value) in changes.as_object().unwrap_or(&Map::new()) {
        body[key] = value.clone();
        if value.is_null() {
            body.as_object_mut()
                .expect("made as an object")
                .shift_remove(key);
        }
    }
    body
}

pub(super) fn refusal_of(body: &Value) -> String {
    check_request(body, DemoRegion::Eu, "key")
        .err()
        .map_or_else(
            || "accepted".to_owned(),
            |refusal| refusal.message().to_owned(),
        )
}

/// Checks that each request is refused with a message that begins as expected.
fn assert_refused(cases: &[(Value, &str)]) {
    for (changes, expected) in cases {
        let message = refusal_of(&request_with(changes));
        assert!(
            message.starts_with(expected),
            "{changes}\n  said     {message}\n  expected {expected}"
        );
    }
}

/// Checks that each request is accepted.
fn assert_accepted(cases: &[Value]) {
    for changes in cases {
        assert_eq!(refusal_of(&request_with(changes)), "accepted", "{changes}");
    }
}

fn block(block: &Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": [block] }] })
}

fn image(media_type: &str, data: &str) -> Value {
    block(
        &json!({ "type": "image", "source": { "type": "base64", "media_type": media_type, "data": data } }),
    )
}

#[test]
fn a_wrong_field_is_named_by_its_path() {
    assert_refused(&[
        (json!({ "model": null }), "model: Field required"),
        (
            json!({ "model": "claude-3-opus-20240229" }),
            "Invalid model, available models are: claude-fable-5-2-default, ",
        ),
        (json!({ "max_tokens": null }), "max_tokens: Field required"),
        (
            json!({ "max_tokens": 0 }),
            "max_tokens: Input should be greater than or equal to 1",
        ),
        (
            json!({ "max_tokens": -1 }),
            "max_tokens: Input should be greater than or equal to 1",
        ),
        (
            json!({ "max_tokens": "9" }),
            "max_tokens: Input should be a valid integer",
        ),
        (
            json!({ "max_tokens": 8193 }),
            "max_tokens: 8193 > 8192, which is the maximum",
        ),
        (
            json!({ "temperature": 1.5 }),
            "temperature: Input should be less than or equal to 1",
        ),
        (
            json!({ "top_p": -0.1 }),
            "top_p: Input should be greater than or equal to 0",
        ),
        (
            json!({ "top_k": -1 }),
            "top_k: Input should be greater than or equal to 0",
        ),
        (
            json!({ "stream": "yes" }),
            "stream: Input should be a valid boolean",
        ),
        (
            json!({ "stop_sequences": [" "] }),
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        (json!({ "n": 2 }), "n: Extra inputs are not permitted"),
        (
            json!({ "metadata": { "user": "x" } }),
            "metadata.user: Extra inputs are not permitted",
        ),
        (
            json!({ "system": [{ "type": "image" }] }),
            "system.0.type: Input should be 'text'",
        ),
        (
            json!({ "service_tier": "fast" }),
            "service_tier: Input should be 'auto' or 'standard_only'",
        ),
        (
            json!({
                "model": "claude-sonnet-4-5-20250929",
                "thinking": { "type": "enabled", "budget_tokens": 100 },
            }),
            "thinking.enabled.budget_tokens: Input should",
        ),
        (
            json!({
                "model": "claude-sonnet-4-5-20250929",
                "thinking": { "type": "enabled", "budget_tokens": 4096 },
            }),
            "`max_tokens` must be greater than",
        ),
    ]);
}

#[test]
fn a_wrong_message_is_named_by_its_path() {
    let messages = |messages: &Value| json!({ "messages": messages });
    assert_refused(&[
        (
            messages(&json!([])),
            "messages: at least one message is required",
        ),
        (
            messages(&json!([{ "role": "system", "content": "x" }])),
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
        (
            messages(&json!([{ "role": "agent", "content": "x" }])),
            "messages: first message must use the \"user\" role",
        ),
        (
            messages(&json!([{ "role": "user", "content": "" }])),
            "messages.0: all messages must have non-empty content",
        ),
        (
            messages(&json!([{ "role": "user", "content": " " }])),
            "messages: text content blocks must contain non-whitespace",
        ),
        (
            messages(
                &json!([{ "role": "user", "content": "x" }, { "role": "assistant", "content": "A: " }]),
            ),
            "messages: final assistant content cannot end with trailing whitespace",
        ),
        (
            block(&json!({ "type": "text", "text": "" })),
            "messages: text content blocks must be non-empty",
        ),
        (
            block(&json!({ "type": "text" })),
            "messages.0.content.0.text.text: Field required",
        ),
        (
            block(&json!({ "type": "text", "text": "x", "id": 1 })),
            "messages.0.content.0.text.id: Extra inputs",
        ),
        (
            block(&json!({ "type": "audio" })),
            "messages.0.content.0: Input tag 'audio' found using 'type' does not match",
        ),
        (
            messages(&json!([{ "role": "user", "content": "x".repeat(800_000) }])),
            "prompt is too long: 200004 tokens > 200000",
        ),
    ]);
    assert_accepted(&[
        messages(
            &json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": "" }]),
        ),
        messages(&json!([
            { "role": "user", "content": "a" }, { "role": "agent", "content": "b" }, { "role": "user", "content": "c" }
        ])),
    ]);
}

#[test]
fn an_attachment_must_be_what_it_says() {
    let pdf = |data: &str| {
        let source = json!({ "type": "base64", "media_type": "application/pdf", "data": data });
        block(&json!({ "type": "document", "source": source }))
    };
    let url = block(
        &json!({ "type": "image", "source": { "type": "url", "url": "https://example.com/" } }),
    );
    assert_refused(&[
        (
            url,
            "messages.0.content.0.image.source: Input tag 'url' found",
        ),
        (
            image("image/bmp", PNG),
            "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg' or",
        ),
        (
            image("image/jpeg", PNG),
            "messages.0.content.0.image.source.base64.data: The image was specified using the \
             image/jpeg",
        ),
        (
            image("image/png", "%%%"),
            "messages.0.content.0.image.source.base64: invalid base64 data",
        ),
        (
            image("image/png", "aGVsbG8="),
            "messages.0.content.0.image.source.base64.data: Could not process image",
        ),
        (
            pdf("aGVsbG8="),
            "messages.0.content.0.pdf.source.base64.data: The PDF specified was not valid.",
        ),
        (
            // `%PDF-1.7 trailer <</Encrypt 5 0 R>>`
            pdf("JVBERi0xLjcgdHJhaWxlciA8PC9FbmNyeXB0IDUgMCBSPj4="),
            "messages.0.content.0.pdf.source.base64.data: The PDF specified is password protected.",
        ),
    ]);
    let text = json!({ "type": "text", "media_type": "text/plain", "data": "words" });
    assert_accepted(&[
        image("image/png", PNG),
        pdf("JVBERi0xLjcK"),
        block(&json!({ "type": "document", "source": text, "title": "notes" })),
    ]);
}

#[test]
fn a_tool_must_be_well_defined_and_a_choice_must_name_one() {
    let tool = json!({ "name": "a", "input_schema": { "type": "object" } });
    assert_refused(&[
        (
            json!({ "tools": [{ "name": "a b", "input_schema": { "type": "object" } }] }),
            "tools.0.custom.name: String should match",
        ),
        (
            json!({ "tools": [{ "name": "a" }] }),
            "tools.0.custom.input_schema: Field required",
        ),
        (
            json!({ "tools": [{ "name": "a", "input_schema": {} }] }),
            "tools.0.custom.input_schema.type: Field required",
        ),
        (
            json!({ "tools": [tool, tool] }),
            "tools: Tool names must be unique.",
        ),
        (
            json!({ "tool_choice": { "type": "auto" } }),
            "tool_choice: tool_choice may only be specified while providing tools",
        ),
        (
            json!({ "tools": [tool], "tool_choice": { "type": "tool", "name": "b" } }),
            "tool_choice: Tool 'b' not found",
        ),
        (
            json!({ "tools": [tool], "tool_choice": { "type": "some" } }),
            "tool_choice: Input tag 'some' found",
        ),
    ]);
    assert_accepted(&[
        json!({ "tools": [tool], "tool_choice": { "type": "tool", "name": "a" } }),
        json!({ "tools": [tool], "tool_choice": { "type": "none" } }),
    ]);
}

#[test]
fn every_call_needs_its_result_and_every_result_its_call() {
    let tools = json!([{ "name": "a", "input_schema": { "type": "object" } }]);
    let user = json!({ "role": "user", "content": "go" });
    let call = |id: &str| json!({ "type": "tool_use", "id": id, "name": "a", "input": {} });
    let result = |id: &str| json!({ "type": "tool_result", "tool_use_id": id, "content": "done" });
    let with = |calls: &[Value], answer: &[Value]| {
        let calls = json!({ "role": "assistant", "content": calls });
        json!({ "tools": tools, "messages": [user, calls, { "role": "user", "content": answer }] })
    };
    let words = json!({ "type": "text", "text": "and then" });
    let mut without_tools = with(&[call("1")], &[result("1")]);
    without_tools["tools"] = Value::Null;
    let unanswered =
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: 2.";
    assert_refused(&[
        (with(&[call("1"), call("2")], &[result("1")]), unanswered),
        (
            with(&[call("2")], &[words.clone(), result("2")]),
            unanswered,
        ),
        (
            with(&[call("1")], &[result("1"), result("9")]),
            "messages.2.content.1: unexpected `tool_use_id` found",
        ),
        (
            with(&[call("1")], &[result("1"), result("1")]),
            "messages.2.content.1: each tool_use must have a single result",
        ),
        (
            with(&[call("1"), call("1")], &[result("1")]),
            "messages.1.content.1: `tool_use` ids must be unique",
        ),
        (
            block(&call("1")),
            "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages",
        ),
        (
            without_tools,
            "tools: Requests which include `tool_use` or `tool_result` blocks must define tools",
        ),
    ]);
    assert_accepted(&[with(
        &[words.clone(), call("1"), call("2")],
        &[result("2"), result("1"), words],
    )]);
}

#[test]
fn the_pdfs_of_a_request_have_a_limit_on_their_pages_together() {
    let request = |model: &str, pages: &[usize]| {
        let block = |pages: &usize| {
            let file = format!("%PDF-1.7\n{}", "<</Type /Page>>\n".repeat(*pages));
            let data = BASE64_STANDARD.encode(file);
            let media_type = "application/pdf";
            let source = json!({ "type": "base64", "media_type": media_type, "data": data });
            json!({ "type": "document", "source": source })
        };
        let blocks: Vec<Value> = pages.iter().map(block).collect();
        json!({ "model": model, "messages": [{ "role": "user", "content": blocks }] })
    };
    let (long, short) = ("claude-opus-4-8-default", "claude-3-haiku-20240307");
    // A page is estimated at 2,000 tokens, so that a short context is full before 100 pages.
    assert_accepted(&[request(long, &[400]), request(short, &[60])]);
    assert_refused(&[
        (
            request(short, &[60, 41]),
            "messages.0.content.1.pdf.source.base64.data: A maximum of 100 PDF pages may be",
        ),
        (
            request(long, &[601]),
            "messages.0.content.0.pdf.source.base64.data: A maximum of 600 PDF pages may be",
        ),
    ]);
}

#[test]
fn many_images_must_be_smaller() {
    // 2001 pixels wide, 1 high.
    let wide = "iVBORw0KGgoAAAANSUhEUgAAB9EAAAABCAAAAABMVAGfAAAAF0lEQVR42mNgGAWjYBSMglEwCkbB0AcAB9IAAahUjrQAAAAASUVORK5CYII=";
    let images = |count: usize| {
        let source = json!({ "type": "base64", "media_type": "image/png", "data": wide });
        let blocks = vec![json!({ "type": "image", "source": source }); count];
        json!({ "messages": [{ "role": "user", "content": blocks }] })
    };
    assert_accepted(&[images(20)]);
    assert_refused(&[(
        images(21),
        "messages.0.content.0.image.source.base64.data: At least one of the image dimensions",
    )]);
}
