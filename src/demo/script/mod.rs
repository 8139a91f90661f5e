//! The scripted answers. An answer depends on the request and nothing else, so that the same
//! request always gets the same one.

mod call;
mod ending;
mod prompt;
mod prose;
mod sample;

use super::ask::{ParsedRequest, ParsedToolChoice, ThinkingMode};
use super::server_room::MAX_ANSWER_TOKENS;
use super::tokens;

pub(super) use ending::AnswerStop;

/// An answer, before it is formatted as a message or a stream.
pub(super) struct ScriptedAnswer {
    /// Its content.
    pub(super) content: Vec<AnswerBlock>,
    /// Why it ends.
    pub(super) stop: AnswerStop,
    /// Its output tokens.
    pub(super) output_tokens: usize,
}

/// A content block of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AnswerBlock {
    /// Thinking before the answer.
    Thinking {
        /// The text; empty if the request asks to omit it.
        thinking: String,
        /// Its signature.
        signature: String,
    },
    /// Text.
    Text(String),
    /// A tool call.
    ToolUse {
        /// The id.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments as JSON text, which may be truncated at `max_tokens`.
        input: String,
    },
}

impl AnswerBlock {
    /// Returns the estimated tokens of the block.
    fn estimated_tokens(&self) -> usize {
        match self {
            Self::Thinking { thinking: text, .. }
            | Self::Text(text)
            | Self::ToolUse { input: text, .. } => tokens::estimate_tokens(text),
        }
    }
}

/// Returns the answer to a request.
pub(super) fn script_answer(ask: &ParsedRequest<'_>) -> ScriptedAnswer {
    let mut content = Vec::new();
    let seal = ask.seal_before(ask.turns.len(), ask.last_signature());
    let mut signature = None;
    if ask.thinking != ThinkingMode::Off {
        let thinking = if ask.thinking == ThinkingMode::Shown {
            prose::thinking_text(ask)
        } else {
            String::new()
        };
        let signed = signature.insert(seal.sign(&thinking));
        content.push(AnswerBlock::Thinking {
            signature: signed.clone(),
            thinking,
        });
    }
    let calls = call::tool_calls(ask, signature.as_deref());
    if calls.is_empty() {
        content.push(AnswerBlock::Text(answer_text(ask)));
    } else {
        // A forced call has no text before it, as with real models; a voluntary one is announced.
        if ask.tool_choice == ParsedToolChoice::Auto {
            content.push(AnswerBlock::Text(prose::announce_calls(&calls)));
        }
        content.extend(calls);
    }
    let most = ask.max_tokens.min(MAX_ANSWER_TOKENS);
    let (mut content, stop) = ending::apply_limits(content, &ask.stop_sequences, most);
    // Truncated thinking is signed as it is sent.
    if let Some(AnswerBlock::Thinking {
        thinking,
        signature,
    }) = content.first_mut()
    {
        *signature = seal.sign(thinking);
    }
    // An empty answer still costs one token, for its end.
    let output_tokens = content
        .iter()
        .map(AnswerBlock::estimated_tokens)
        .sum::<usize>()
        .max(1);
    ScriptedAnswer {
        content,
        stop,
        output_tokens,
    }
}

fn answer_text(ask: &ParsedRequest<'_>) -> String {
    let text = match ask.output_schema {
        Some(schema) => sample::sample_value(schema, &prompt::words_asked(ask)).to_string(),
        None => prose::full_text(ask),
    };
    match ask.prefill() {
        Some(prefill) if !prefill.is_empty() => prose::continue_prefill(&text, &prefill, ask),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer_to(body: &Value) -> ScriptedAnswer {
        script_answer(&ParsedRequest::from_body(body, "key"))
    }

    fn text_of(answer: &ScriptedAnswer) -> &str {
        match answer.content.as_slice() {
            [AnswerBlock::Text(text)] => text,
            other => panic!("one text was expected: {other:?}"),
        }
    }

    fn question(extra: &Value) -> Value {
        let mut body = json!({
            "model": "claude-3-haiku-20240307",
            "max_tokens": 1000,
            "messages": [{ "role": "user", "content": "What is the capital of France?" }],
        });
        for (key, value) in extra.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body
    }

    #[test]
    fn a_stop_sequence_ends_the_answer_before_it() {
        let whole = answer_to(&question(&json!({})));
        let cut = answer_to(&question(
            &json!({ "stop_sequences": ["never said", "capital of"] }),
        ));
        assert_eq!(cut.stop, AnswerStop::Sequence("capital of".to_owned()));
        assert_eq!(
            text_of(&whole).split("capital of").next(),
            Some(text_of(&cut))
        );
    }

    #[test]
    fn max_tokens_cuts_at_four_characters_a_token() {
        let cut = answer_to(&question(&json!({ "max_tokens": 5 })));
        assert_eq!(
            (text_of(&cut).chars().count(), cut.output_tokens, cut.stop),
            (20, 5, AnswerStop::MaxTokens)
        );
    }

    #[test]
    fn a_prefilled_answer_is_continued_where_it_broke_off() {
        let body = question(&json!({}));
        let whole = answer_to(&body);
        let begun = text_of(&whole)[..40].trim_end();
        let mut again = body.clone();
        again["messages"] = json!([body["messages"][0], { "role": "assistant", "content": begun }]);
        let rest = answer_to(&again);
        assert_eq!(format!("{begun}{}", text_of(&rest)), text_of(&whole));
    }

    #[test]
    fn thinking_comes_first_and_is_signed() {
        let body = question(&json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } }));
        let seal = ParsedRequest::from_body(&body, "key").seal_before(1, None);
        let answer = answer_to(&body);
        match answer.content.as_slice() {
            [
                AnswerBlock::Thinking {
                    thinking,
                    signature,
                },
                AnswerBlock::Text(_),
            ] => {
                assert!(!thinking.is_empty() && *signature == seal.sign(thinking));
            }
            other => panic!("thinking and a text were expected: {other:?}"),
        }
    }

    #[test]
    fn a_tool_is_called_and_its_result_is_quoted() {
        let mut body = question(&json!({
            "tools": [{ "name": "get_stock_price", "input_schema": {
                "type": "object", "properties": { "ticker": { "type": "string" } }, "required": ["ticker"]
            } }],
        }));
        body["messages"][0]["content"] = json!("What's the S&P 500 (^GSPC) at today?");
        let call = answer_to(&body);
        assert_eq!(call.stop, AnswerStop::ToolUse);
        assert_eq!(
            call.content.last(),
            Some(&AnswerBlock::ToolUse {
                id: "toolu_demo_1".to_owned(),
                name: "get_stock_price".to_owned(),
                input: r#"{"ticker":"^GSPC"}"#.to_owned(),
            })
        );
        body["messages"] = json!([
            body["messages"][0],
            { "role": "assistant", "content": [
                {
                    "type": "tool_use", "id": "toolu_demo_1", "name": "get_stock_price",
                    "input": { "ticker": "^GSPC" },
                },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_demo_1", "content": "259.75 USD" },
            ] },
        ]);
        let answer = answer_to(&body);
        assert_eq!(answer.stop, AnswerStop::EndTurn);
        assert!(
            text_of(&answer).contains("`get_stock_price`: 259.75 USD"),
            "{}",
            text_of(&answer)
        );
    }

    #[test]
    fn the_answer_says_what_it_is_and_names_all_that_came() {
        let answer = answer_to(&question(&json!({
            "system": "Be brief.",
            "messages": [
                { "role": "user", "content": "Hello" },
                { "role": "assistant", "content": "Hi" },
                { "role": "user", "content": [
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png",
                      "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ" } },
                    { "type": "text", "text": "<file name=\"a.rs\">\nfn code() {}\n</file>" },
                    { "type": "text", "text": "Show me rust code" },
                ] },
            ],
        })));
        let expected = "This is a scripted answer instead of one from `claude-3-haiku-20240307`; no \
                        model was asked.\n\n\
            You asked: “Show me rust code”\n\n\
            With it came:\n\n\
            - **image**: image/png, 1 × 1 pixels, 33 bytes\n\
            - **a.rs**: text, 13 bytes, 1 line\n\
            - a system prompt: “Be brief.”\n\
            - the conversation so far: this is turn 2 of it\n\n\
            Here is some code:\n\n```rust\nfn main() \
            {\n    println!(\"a scripted answer\");\n}\n```";
        assert_eq!(text_of(&answer), expected);
        assert_eq!(answer.stop, AnswerStop::EndTurn);
    }
}
