//! One turn of the person's: the model is asked, its calls are run, it is asked again, until it is
//! done.
//!
//! Pure: the engine says what is to be done next, and is told what came of it.

use crate::protocol::{ContentBlock, InputMessage, Message, Role, StopReason, ToolResult, ToolUse};

/// What bounds a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How often the model is asked at most.
    pub(crate) max_turns: u32,
    /// The tools that are the caller's own: a call of one of them ends the turn.
    pub(crate) callers_own: Vec<String>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Ask the model; the answer goes to [`Turn::answered`].
    Ask,
    /// Run these calls, all of one answer; what they gave goes to [`Turn::ran`], in the same order.
    RunTools(Vec<ToolUse>),
    /// The model is done. The calls of its last answer, if it has any, are not run here: they are
    /// the caller's own, or the answer was cut off.
    Done(Option<StopReason>),
    /// The model would go on, and may not.
    Stop(Limit),
}

/// What a turn ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The model was asked so often.
    MaxTurns(u32),
}

/// A turn under way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    messages: Vec<InputMessage>,
    rules: Rules,
    asked: u32,
    next: Step,
}

impl Turn {
    /// Begins a turn behind these messages, of which the last is what the person says, or what the
    /// answer is to begin with.
    pub(crate) fn new(messages: Vec<InputMessage>, rules: Rules) -> Self {
        let next = if rules.max_turns == 0 {
            Step::Stop(Limit::MaxTurns(0))
        } else {
            Step::Ask
        };
        Self {
            messages,
            rules,
            asked: 0,
            next,
        }
    }

    /// What is to be done next.
    pub(crate) fn step(&self) -> &Step {
        &self.next
    }

    /// The conversation so far, which the next request has.
    pub(crate) fn messages(&self) -> &[InputMessage] {
        &self.messages
    }

    /// Takes an answer, whole as it came: its thinking goes back unchanged and in order.
    pub(crate) fn answered(&mut self, message: &Message) {
        self.asked += 1;
        // An empty text is refused when it is sent back.
        let is_empty = |block: &ContentBlock| matches!(block, ContentBlock::Text(text) if text.text.is_empty());
        let content: Vec<_> = message
            .content
            .iter()
            .filter(|block| !is_empty(block))
            .cloned()
            .collect();
        match self.messages.last_mut() {
            _ if content.is_empty() => {}
            // The answer goes on from what was prefilled, or from where the model paused.
            Some(last) if last.role == Role::Assistant => last.content.extend(content),
            _ => self.messages.push(InputMessage {
                role: Role::Assistant,
                content,
            }),
        }
        self.next = self.after(message);
    }

    /// Takes what the calls gave, in the order of the calls: all of it goes back in one message.
    pub(crate) fn ran(&mut self, results: Vec<ToolResult>) {
        let content = results.into_iter().map(ContentBlock::ToolResult).collect();
        self.messages.push(InputMessage {
            role: Role::User,
            content,
        });
        self.next = Step::Ask;
    }

    fn after(&self, message: &Message) -> Step {
        let calls: Vec<ToolUse> = message
            .content
            .iter()
            .filter_map(as_call)
            .cloned()
            .collect();
        let is_callers = |call: &ToolUse| self.rules.callers_own.contains(&call.name);
        let goes_on = match &message.stop_reason {
            Some(StopReason::PauseTurn) => true,
            // Servers that stand in for the API say `end_turn` where a call was forced.
            Some(StopReason::ToolUse | StopReason::EndTurn) => {
                !calls.is_empty() && !calls.iter().any(is_callers)
            }
            // A call in an answer that was cut off or refused may be half of one.
            _ => false,
        };
        match &message.stop_reason {
            reason if !goes_on => Step::Done(reason.clone()),
            _ if self.asked >= self.rules.max_turns => {
                Step::Stop(Limit::MaxTurns(self.rules.max_turns))
            }
            _ if calls.is_empty() => Step::Ask,
            _ => Step::RunTools(calls),
        }
    }
}

fn as_call(block: &ContentBlock) -> Option<&ToolUse> {
    if let ContentBlock::ToolUse(call) = block {
        Some(call)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
    fn message(stop_reason: &str, content: Value) -> Message {
        serde_json::from_value(json!({"content": content, "stop_reason": stop_reason}))
            .expect("a message")
    }

    fn call(id: &str, name: &str) -> Value {
        json!({"type": "tool_use", "id": id, "name": name, "input": {}})
    }

    fn result(id: &str) -> ToolResult {
        serde_json::from_value(json!({"tool_use_id": id, "content": "42"})).expect("a result")
    }

    fn turn(max_turns: u32) -> Turn {
        let messages = vec![InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text("q")],
        }];
        Turn::new(
            messages,
            Rules {
                max_turns,
                callers_own: vec!["mine".to_owned()],
            },
        )
    }

    fn body(turn: &Turn) -> Value {
        serde_json::to_value(turn.messages()).expect("messages are JSON")
    }

    #[test]
    fn calls_are_run_and_their_results_go_back_in_one_message() {
        let mut turn = turn(10);
        assert_eq!(*turn.step(), Step::Ask);
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let redacted = json!({"type": "redacted_thinking", "data": "x"});
        let content = json!([thinking, redacted, {"type": "text", "text": ""}, call("1", "a"), call("2", "b")]);
        turn.answered(&message("tool_use", content));
        let Step::RunTools(calls) = turn.step() else {
            panic!("{:?}", turn.step())
        };
        assert_eq!(
            calls
                .iter()
                .map(|call| call.id.as_str())
                .collect::<Vec<_>>(),
            ["1", "2"]
        );
        turn.ran(vec![result("1"), result("2")]);
        assert_eq!(*turn.step(), Step::Ask);
        let expected = json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [thinking, redacted, call("1", "a"), call("2", "b")]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "42"},
                {"type": "tool_result", "tool_use_id": "2", "content": "42"},
            ]},
        ]);
        assert_eq!(body(&turn), expected);
        turn.answered(&message(
            "end_turn",
            json!([{"type": "text", "text": "done"}]),
        ));
        assert_eq!(*turn.step(), Step::Done(Some(StopReason::EndTurn)));
    }

    #[test]
    fn a_pause_goes_on_in_the_same_message() {
        let mut turn = turn(10);
        turn.answered(&message(
            "pause_turn",
            json!([{"type": "text", "text": "a"}]),
        ));
        assert_eq!(*turn.step(), Step::Ask);
        turn.answered(&message("end_turn", json!([{"type": "text", "text": "b"}])));
        assert_eq!(
            body(&turn)[1]["content"],
            json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
        );
        assert_eq!(turn.messages().len(), 2);
    }

    #[test]
    fn what_was_cut_off_or_refused_is_not_run() {
        for reason in [
            "max_tokens",
            "model_context_window_exceeded",
            "refusal",
            "stop_sequence",
            "new_reason",
        ] {
            let mut turn = turn(10);
            turn.answered(&message(reason, json!([call("1", "a")])));
            assert!(
                matches!(turn.step(), Step::Done(Some(_))),
                "{reason}: {:?}",
                turn.step()
            );
        }
    }

    #[test]
    fn a_call_of_the_callers_own_tool_ends_the_turn_and_nothing_of_it_is_run() {
        let mut turn = turn(10);
        turn.answered(&message(
            "tool_use",
            json!([call("1", "a"), call("2", "mine")]),
        ));
        assert_eq!(*turn.step(), Step::Done(Some(StopReason::ToolUse)));
    }

    #[test]
    fn the_model_is_asked_so_often_and_no_more() {
        let mut turn = turn(2);
        turn.answered(&message("tool_use", json!([call("1", "a")])));
        turn.ran(vec![result("1")]);
        turn.answered(&message("tool_use", json!([call("2", "a")])));
        assert_eq!(*turn.step(), Step::Stop(Limit::MaxTurns(2)));
        assert_eq!(*self::turn(0).step(), Step::Stop(Limit::MaxTurns(0)));
    }

    #[test]
    fn a_prefill_and_what_follows_it_are_one_message() {
        let prefill = InputMessage {
            role: Role::Assistant,
            content: vec![ContentBlock::text("{")],
        };
        let user = InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text("q")],
        };
        let mut turn = Turn::new(
            vec![user, prefill],
            Rules {
                max_turns: 1,
                callers_own: Vec::new(),
            },
        );
        turn.answered(&message("end_turn", json!([{"type": "text", "text": "}"}])));
        assert_eq!(body(&turn).as_array().map(Vec::len), Some(2));
    }
}
