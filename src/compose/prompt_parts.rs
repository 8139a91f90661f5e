//! The parts of a prompt, as the prompt cache tells them apart: what has changed from one request
//! to the next is why less was read from the cache than had been written to it.

use serde::Serialize;

use crate::client::FingerprintWriter;
use crate::protocol::{CreateMessage, THINKING};

/// The parts of a prompt, by their fingerprints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PromptParts {
    model: String,
    /// None where it is not known which tools there were.
    tools: Option<String>,
    system: String,
    /// What the cache keeps messages apart by.
    options: Option<String>,
    messages: Vec<String>,
}

impl PromptParts {
    /// Returns those of a request.
    pub(crate) fn of_request(request: &CreateMessage) -> Self {
        let options = (
            request.tool_choice.as_ref(),
            request.fields.get(THINKING.key),
        );
        Self {
            model: request.model.clone(),
            tools: Some(print(&request.tools)),
            system: print(&request.system.as_ref().map(|system| system.text())),
            options: Some(print(&options)),
            messages: request.messages.iter().map(print).collect(),
        }
    }

    /// Returns what an earlier process has noted of the last request.
    pub(crate) fn from_record(model: &str, system: Option<&str>) -> Self {
        Self {
            model: model.to_owned(),
            tools: None,
            system: print(&system),
            options: None,
            messages: Vec::new(),
        }
    }

    /// Whether a later prompt begins with this one, as far as it is known.
    pub(crate) fn is_beginning_of(&self, later: &Self) -> bool {
        let is_same =
            |before: &Option<String>, now: &Option<String>| before.is_none() || before == now;
        self.model == later.model
            && is_same(&self.tools, &later.tools)
            && self.system == later.system
            && is_same(&self.options, &later.options)
            && later.messages.starts_with(&self.messages)
    }

    /// Names the first part of a later request that is not what it was.
    pub(crate) fn changed_part(&self, later: &Self) -> String {
        let differs =
            |before: &Option<String>, now: &Option<String>| before.is_some() && before != now;
        let mut messages = self.messages.iter().zip(&later.messages);
        if self.model != later.model {
            "the model has changed".to_owned()
        } else if differs(&self.tools, &later.tools) {
            "the tools have changed".to_owned()
        } else if self.system != later.system {
            "the system prompt has changed".to_owned()
        } else if differs(&self.options, &later.options) {
            "tool_choice or thinking has changed".to_owned()
        } else if let Some(place) = messages.position(|(before, now)| before != now) {
            format!("message {} has changed", place + 1)
        } else if later.messages.len() < self.messages.len() {
            "the conversation is shorter".to_owned()
        } else if self.tools.is_none() {
            "neither the model nor the system prompt has changed".to_owned()
        } else {
            "nothing has changed; the endpoint no longer had the prompt cached".to_owned()
        }
    }
}

fn print<T: Serialize + ?Sized>(part: &T) -> String {
    let mut writer = FingerprintWriter::new();
    serde_json::to_writer(&mut writer, part).expect("maps with string keys are always JSON");
    writer.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::{
        ContentBlock, ExactFields, InputMessage, Role, SystemPrompt, ToolChoice, ToolDefinition,
    };

    fn request() -> CreateMessage {
        let tools = json!([{"name": "a", "input_schema": {}}]);
        let message = |text: &str| InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text(text)],
        };
        CreateMessage {
            model: "m".to_owned(),
            max_tokens: 5,
            system: Some(SystemPrompt::from_text("s")),
            messages: vec![message("q"), message("r")],
            fields: ExactFields::default(),
            tools: ToolDefinition::list_from(tools.into()).expect("a list"),
            tool_choice: None,
            stream: true,
        }
    }

    #[test]
    fn the_first_part_that_changed_is_named() {
        let before = PromptParts::of_request(&request());
        let changed = |change: fn(&mut CreateMessage)| {
            let mut later = request();
            change(&mut later);
            let later = PromptParts::of_request(&later);
            let change = before.changed_part(&later);
            let is_same = change.starts_with("nothing has changed");
            assert_eq!(before.is_beginning_of(&later), is_same, "{change}");
            change
        };
        assert_eq!(
            changed(|later| later.model = "n".to_owned()),
            "the model has changed"
        );
        assert_eq!(
            changed(|later| {
                later.tools.clear();
                later.system = None;
            }),
            "the tools have changed"
        );
        assert_eq!(
            changed(|later| later.system = None),
            "the system prompt has changed"
        );
        let options = "tool_choice or thinking has changed";
        assert_eq!(
            changed(|later| later.tool_choice = Some(ToolChoice::new("any"))),
            options
        );
        assert_eq!(
            changed(|later| {
                later.fields.insert("thinking", json!({"type": "adaptive"}));
            }),
            options
        );
        assert_eq!(
            changed(|later| later.messages[1].content = vec![ContentBlock::text("other")]),
            "message 2 has changed"
        );
        assert_eq!(
            changed(|later| later.messages.truncate(1)),
            "the conversation is shorter"
        );
        assert_eq!(
            changed(|later| later.max_tokens = 6),
            "nothing has changed; the endpoint no longer had the prompt cached"
        );
    }

    #[test]
    fn a_conversation_that_grew_begins_with_what_it_was() {
        let before = PromptParts::of_request(&request());
        let mut later = request();
        later.messages.extend(request().messages);
        assert!(before.is_beginning_of(&PromptParts::of_request(&later)));
    }

    #[test]
    fn of_an_earlier_process_only_some_parts_are_known() {
        let later = PromptParts::of_request(&request());
        for (model, system, expected) in [
            ("n", Some("s"), "the model has changed"),
            ("m", None, "the system prompt has changed"),
            (
                "m",
                Some("s"),
                "neither the model nor the system prompt has changed",
            ),
        ] {
            let before = PromptParts::from_record(model, system);
            let is_same = expected.starts_with("neither");
            assert_eq!(before.is_beginning_of(&later), is_same, "{expected}");
            assert_eq!(before.changed_part(&later), expected);
        }
    }
}
