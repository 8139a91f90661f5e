//! Which tools a scripted answer calls.

use super::{AnswerBlock, prompt, prose, sample};
use crate::demo::ask::{
    BlockContent, OfferedTool, ParsedRequest, ParsedToolChoice, RequestTurn, TurnRole,
};
use crate::demo::signature;

/// Returns the calls to make: the tools named in the prompt, otherwise the first tool, or the one
/// that the request forces.
///
/// `thinking` is the signature of the thinking before them.
pub(super) fn tool_calls(ask: &ParsedRequest<'_>, thinking: Option<&str>) -> Vec<AnswerBlock> {
    let words = prompt::words_asked(ask);
    let chosen: Vec<&OfferedTool<'_>> = match ask.tool_choice {
        ParsedToolChoice::None => Vec::new(),
        // A forced choice always results in a call, as with real models.
        ParsedToolChoice::Named(name) => {
            ask.tools.iter().filter(|tool| tool.name == name).collect()
        }
        ParsedToolChoice::Auto if has_results(ask) || has_prefill(ask) => Vec::new(),
        ParsedToolChoice::Any | ParsedToolChoice::Auto => named_or_first(ask, &words),
    };
    let mut ids = CallIds::for_request(ask);
    chosen
        .into_iter()
        .map(|tool| AnswerBlock::ToolUse {
            id: ids.next_id(thinking),
            name: tool.name.to_owned(),
            input: sample::sample_value(tool.schema, &words).to_string(),
        })
        .collect()
}

fn named_or_first<'a, 'b>(ask: &'b ParsedRequest<'a>, words: &str) -> Vec<&'b OfferedTool<'a>> {
    let named = ask
        .tools
        .iter()
        .filter(|tool| prose::has_word(words, tool.name));
    let named: Vec<&OfferedTool<'_>> = named
        .take(if ask.parallel_calls { usize::MAX } else { 1 })
        .collect();
    if named.is_empty() {
        ask.tools.first().into_iter().collect()
    } else {
        named
    }
}

/// Returns whether the last turn contains tool results.
fn has_results(ask: &ParsedRequest<'_>) -> bool {
    ask.turns.last().is_some_and(RequestTurn::has_results)
}

/// Returns whether the request prefills the answer with text, which a call cannot continue.
fn has_prefill(ask: &ParsedRequest<'_>) -> bool {
    ask.turns
        .last()
        .is_some_and(|turn| turn.role == TurnRole::Assistant)
}

/// Generates ids that no call of the conversation has.
struct CallIds<'a> {
    taken: Vec<&'a str>,
    count: usize,
}

impl<'a> CallIds<'a> {
    fn for_request(ask: &ParsedRequest<'a>) -> Self {
        let taken: Vec<&str> = ask
            .blocks()
            .filter_map(|block| match block.content {
                BlockContent::ToolUse { id, .. } => Some(id),
                _ => None,
            })
            .collect();
        Self {
            count: taken.len(),
            taken,
        }
    }

    fn next_id(&mut self, thinking: Option<&str>) -> String {
        loop {
            self.count += 1;
            let id = signature::call_id(self.count, thinking);
            if !self.taken.contains(&id.as_str()) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn called(choice: &Value, prompt: &str) -> Vec<String> {
        let tool = |name| json!({ "name": name, "input_schema": { "type": "object" } });
        let body = json!({
            "messages": [{ "role": "user", "content": prompt }],
            "tools": [tool("now"), tool("read_file"), tool("add")],
            "tool_choice": choice,
        });
        let calls = tool_calls(&ParsedRequest::from_body(&body, "key"), None).into_iter();
        let names = calls.filter_map(|call| {
            if let AnswerBlock::ToolUse { name, .. } = call {
                Some(name)
            } else {
                None
            }
        });
        names.collect()
    }

    #[test]
    fn the_choice_the_prompt_and_the_order_of_the_tools_decide() {
        for (choice, prompt, names) in [
            (json!({ "type": "auto" }), "what time is it?", &["now"][..]),
            (
                json!({ "type": "any" }),
                "add 2 and 3, then read_file x",
                &["read_file", "add"],
            ),
            (
                json!({ "type": "any", "disable_parallel_tool_use": true }),
                "read_file x, add 1",
                &["read_file"],
            ),
            (
                json!({ "type": "tool", "name": "add" }),
                "what time is it?",
                &["add"],
            ),
            (json!({ "type": "none" }), "add 2 and 3", &[]),
        ] {
            assert_eq!(called(&choice, prompt), names, "{choice} {prompt}");
        }
    }
}
