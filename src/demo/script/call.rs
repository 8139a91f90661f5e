//! Which tools a scripted answer calls.

use super::{Block, prompt, prose, sample};
use crate::demo::ask::{Ask, Content, Role, Tool, ToolChoice};

/// Returns the calls to make: those that the prompt names, else the first tool, or the one that the
/// request insists on.
pub(super) fn calls(ask: &Ask<'_>) -> Vec<Block> {
    let words = prompt::words_asked(ask);
    let chosen: Vec<&Tool<'_>> = match ask.tool_choice {
        ToolChoice::None => Vec::new(),
        // A forced choice gets a call whatever came before, as it does from the models.
        ToolChoice::Named(name) => ask.tools.iter().filter(|tool| tool.name == name).collect(),
        ToolChoice::Auto if answered(ask) || prefilled(ask) => Vec::new(),
        ToolChoice::Any | ToolChoice::Auto => named_or_first(ask, &words),
    };
    let mut ids = Ids::after(ask);
    chosen
        .into_iter()
        .map(|tool| Block::ToolUse {
            id: ids.next(),
            name: tool.name.to_owned(),
            input: sample::value(tool.schema, &words).to_string(),
        })
        .collect()
}

fn named_or_first<'a, 'b>(ask: &'b Ask<'a>, words: &str) -> Vec<&'b Tool<'a>> {
    let named = ask
        .tools
        .iter()
        .filter(|tool| prose::mentions(words, tool.name));
    let named: Vec<&Tool<'_>> = named
        .take(if ask.parallel_calls { usize::MAX } else { 1 })
        .collect();
    if named.is_empty() {
        ask.tools.first().into_iter().collect()
    } else {
        named
    }
}

/// Tells whether the last turn brings the results of calls.
fn answered(ask: &Ask<'_>) -> bool {
    ask.last_user_turn()
        .iter()
        .any(|block| matches!(block.content, Content::ToolResult { .. }))
}

/// Tells whether the answer is begun as text, which a call cannot continue.
fn prefilled(ask: &Ask<'_>) -> bool {
    ask.turns
        .last()
        .is_some_and(|turn| turn.role == Role::Assistant)
}

/// Ids of calls that no call of the conversation has.
struct Ids<'a> {
    taken: Vec<&'a str>,
    count: usize,
}

impl<'a> Ids<'a> {
    fn after(ask: &Ask<'a>) -> Self {
        let taken: Vec<&str> = ask
            .blocks()
            .filter_map(|block| match block.content {
                Content::ToolUse { id, .. } => Some(id),
                _ => None,
            })
            .collect();
        Self {
            count: taken.len(),
            taken,
        }
    }

    fn next(&mut self) -> String {
        loop {
            self.count += 1;
            let id = format!("toolu_demo_{}", self.count);
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
        let calls = calls(&Ask::read(&body)).into_iter();
        let names = calls.filter_map(|call| {
            if let Block::ToolUse { name, .. } = call {
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
