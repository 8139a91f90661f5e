//! Fields of another type than they must have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{call, image, png, refused, result, sent, text, text_of};

/// A block whose field `key` cannot be as it is, and what it must be.
struct WrongField {
    block: Value,
    key: &'static str,
    value: Value,
    needed: &'static str,
}

/// Returns blocks of every kind, with a field of another type than it must have.
fn wrong_fields() -> Vec<WrongField> {
    let wrong = |block: &Value, key, value, needed| WrongField {
        block: block.clone(),
        key,
        value,
        needed,
    };
    let pdf = STANDARD.encode(b"%PDF-1.7\n%%EOF");
    let document = json!({"type": "document", "source": {"type": "base64", "data": pdf}});
    let found =
        json!({"type": "search_result", "source": "u", "title": "t", "content": [text("a")]});
    let thinking = json!({"type": "thinking", "thinking": "t", "signature": "s"});
    let mark = "`cache_control` must be an object with the `type` `ephemeral`";
    let switch = "`citations` must be an object with `enabled`";
    let mut wrong = vec![
        wrong(&document, "title", json!(7), "`title` must be text"),
        wrong(&document, "context", json!(["a"]), "`context` must be text"),
        wrong(&document, "citations", json!([]), switch),
        wrong(&document, "citations", json!({"enabled": 1}), switch),
        wrong(&document, "citations", json!({"x": true}), switch),
        wrong(&found, "citations", json!(true), switch),
        wrong(
            &text("a"),
            "citations",
            json!("a"),
            "`citations` must be an array",
        ),
        wrong(
            &call("1", "f"),
            "caller",
            json!("direct"),
            "`caller` must be an object",
        ),
        wrong(
            &thinking,
            "cache_control",
            json!({}),
            "cannot have `cache_control`",
        ),
    ];
    for value in [
        json!(1),
        json!({}),
        json!({"type": "x"}),
        json!({"type": "ephemeral", "ttl": 5}),
    ] {
        wrong.extend(
            [
                &text("a"),
                &image(&png(1, 1)),
                &document,
                &found,
                &call("1", "f"),
            ]
            .map(|block| WrongField {
                block: block.clone(),
                key: "cache_control",
                value: value.clone(),
                needed: mark,
            }),
        );
    }
    wrong
}

#[test]
fn a_field_of_another_type_is_refused_by_its_name_or_left_out() {
    for WrongField {
        block,
        key,
        value,
        needed,
    } in wrong_fields()
    {
        let mut given = block.clone();
        given[key] = value;
        let is_answer = ["tool_use", "thinking"].contains(&block["type"].as_str().unwrap_or(""));
        let contents = |block: &Value| {
            if is_answer {
                let answer = json!([block, text("b")]);
                vec![text_of("a"), answer, json!([result("1", "x")])]
            } else {
                vec![json!([block])]
            }
        };
        let place = if is_answer {
            "message 2, block 1"
        } else {
            "message 1, block 1"
        };
        let error = refused(&contents(&given));
        assert!(
            error.contains(needed) && error.contains(place),
            "{given}: {error}"
        );
        // A saved conversation has the rest of it.
        let kept = sent(&contents(&given));
        assert_eq!(kept, sent(&contents(&block)), "{given}");
    }
}

#[test]
fn a_field_of_another_type_in_a_result_is_refused_by_its_name_or_left_out() {
    for WrongField {
        block,
        key,
        value,
        needed,
    } in wrong_fields()
    {
        if ["tool_use", "thinking"].contains(&block["type"].as_str().unwrap_or("")) {
            continue;
        }
        let contents = |block: &Value| {
            let result = result("1", vec![text("x"), block.clone()]);
            vec![text_of("a"), json!([call("1", "f")]), json!([result])]
        };
        let mut given = block.clone();
        given[key] = value;
        let error = refused(&contents(&given));
        assert!(
            error.contains(needed) && error.contains("message 3, block 1"),
            "{error}"
        );
        assert_eq!(sent(&contents(&given)), sent(&contents(&block)), "{given}");
    }
}

#[test]
fn a_block_without_what_it_needs_is_refused_by_the_name_of_the_field() {
    for (block, needed) in [
        (json!({"type": "text", "text": 7}), "`text` must be text"),
        (
            json!({"type": "text", "text": ["a"]}),
            "`text` must be text",
        ),
        (
            json!({"type": "image", "source": 7}),
            "must be an object with a `type`",
        ),
        (
            json!({"type": "image", "source": {}}),
            "must be an object with a `type`",
        ),
        (
            json!({"type": "image", "source": {"type": 7}}),
            "must be an object with a `type`",
        ),
        (
            json!({"type": "image", "source": {"type": "base64"}}),
            "its source has no `data`",
        ),
        (
            json!({"type": "image", "source": {"type": "x"}}),
            "its source has the type `x`",
        ),
        (
            json!({"type": "document", "source": null}),
            "must be an object with a `type`",
        ),
        (
            json!({"type": "document", "source": {"type": "text", "data": 7}}),
            "it has no text",
        ),
        (
            json!({"type": "document", "source": {"type": "content"}}),
            "it is empty",
        ),
        (json!({"type": "tool_result"}), "`tool_use_id` is missing"),
        (
            json!({"type": "tool_result", "tool_use_id": 7}),
            "`tool_use_id` must be text",
        ),
        (
            json!({"type": "tool_result", "tool_use_id": "1", "is_error": "no"}),
            "`is_error` must be `true` or `false`",
        ),
        (
            json!({"type": "tool_result", "tool_use_id": "1", "content": 7}),
            "its content is neither text nor an array of blocks",
        ),
        (
            json!({"type": "search_result", "source": "u", "title": 7}),
            "`content` is missing",
        ),
        (
            json!({"type": "search_result", "source": 7, "title": "t", "content": []}),
            "`source` must be text",
        ),
        (
            json!({"type": "search_result", "source": "u", "title": "t", "content": [text(" ")]}),
            "`content` must have text blocks, none of them blank",
        ),
        (json!({"type": 7}), "it has no `type`"),
    ] {
        let error = refused(&[json!([block])]);
        assert!(
            error.contains("message 1, block 1: ") && error.contains(needed),
            "{error}"
        );
    }
    for (block, needed) in [
        (
            json!({"type": "tool_use", "id": 7, "name": "f"}),
            "`id` must be text",
        ),
        (
            json!({"type": "tool_use", "id": "1", "name": ["f"]}),
            "`name` must be text",
        ),
        (
            json!({"type": "thinking", "thinking": 7}),
            "`signature` is missing",
        ),
        (
            json!({"type": "redacted_thinking", "data": 7}),
            "`data` must be text",
        ),
    ] {
        let error = refused(&[text_of("a"), json!([block])]);
        assert!(
            error.contains("message 2, block 1: ") && error.contains(needed),
            "{error}"
        );
    }
}
