//! A turn of the user: request, tool calls, next request, and so on until the model is done.
//!
//! A pure state machine: it says what to do next, and the caller reports the result back.

use crate::protocol::{ContentBlock, InputMessage, Message, Role, StopReason, ToolResult, ToolUse};

/// The limits of a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TurnRules {
    /// Maximum number of requests to the model.
    pub(crate) max_turns: u32,
    /// Names of tools that the caller runs itself: a call of one of them ends the turn.
    pub(crate) external_tools: Vec<String>,
}

/// The next step of a turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TurnStep {
    /// Send a request; the answer goes to [`UserTurn::record_answer`].
    Ask,
    /// Run these calls, all from one answer; their results go to [`UserTurn::record_results`], in
    /// the same order.
    RunTools(Vec<ToolUse>),
    /// The model is done. Calls in its last answer, if any, are not run here: they belong to the
    /// caller, or the answer was truncated.
    Done(Option<StopReason>),
    /// The model would continue, but a limit was reached.
    Stop(TurnLimit),
}

/// The limit that ended a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnLimit {
    /// This many requests were made.
    MaxTurns(u32),
}

/// A turn in progress.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UserTurn {
    messages: Vec<InputMessage>,
    rules: TurnRules,
    request_count: u32,
    next: TurnStep,
}

impl UserTurn {
    /// Creates a turn after these messages; the last one is the user's, or a prefill of the answer.
    pub(crate) fn new(messages: Vec<InputMessage>, rules: TurnRules) -> Self {
        let next = if rules.max_turns == 0 {
            TurnStep::Stop(TurnLimit::MaxTurns(0))
        } else {
            TurnStep::Ask
        };
        Self {
            messages,
            rules,
            request_count: 0,
            next,
        }
    }

    /// Returns the next step.
    pub(crate) fn next_step(&self) -> &TurnStep {
        &self.next
    }

    /// Returns the conversation so far, which the next request contains.
    pub(crate) fn messages(&self) -> &[InputMessage] {
        &self.messages
    }

    /// Continues from the messages that were sent, which may lack what the endpoint refused.
    pub(crate) fn continue_from(&mut self, sent: &[InputMessage]) {
        if self.messages != sent {
            self.messages = sent.to_vec();
        }
    }

    /// Records an answer as it came: its thinking blocks must be sent back unchanged and in order,
    /// and what else is sent of it is decided where requests are made.
    pub(crate) fn record_answer(&mut self, message: &Message) {
        self.request_count += 1;
        let content = message.content.clone();
        match self.messages.last_mut() {
            _ if content.is_empty() => {}
            // The answer continues a prefill, or a turn that the model paused.
            Some(last) if last.role == Role::Assistant => last.content.extend(content),
            _ => self.messages.push(InputMessage {
                role: Role::Assistant,
                content,
            }),
        }
        self.next = self.step_after(message);
    }

    /// Records the results of the calls, in the order of the calls; all go back in one message.
    pub(crate) fn record_results(&mut self, results: Vec<ToolResult>) {
        let content = results.into_iter().map(ContentBlock::ToolResult).collect();
        self.messages.push(InputMessage {
            role: Role::User,
            content,
        });
        self.next = TurnStep::Ask;
    }

    fn step_after(&self, message: &Message) -> TurnStep {
        let calls: Vec<ToolUse> = message
            .content
            .iter()
            .filter_map(as_call)
            .cloned()
            .collect();
        let is_external = |call: &ToolUse| self.rules.external_tools.contains(&call.name);
        let goes_on = match &message.stop_reason {
            Some(StopReason::PauseTurn) => true,
            // Some compatible servers report `end_turn` when a call was forced.
            Some(StopReason::ToolUse | StopReason::EndTurn) => {
                !calls.is_empty() && !calls.iter().any(is_external)
            }
            // A call in a truncated or refused answer may be incomplete.
            _ => false,
        };
        match &message.stop_reason {
            reason if !goes_on => TurnStep::Done(reason.clone()),
            _ if self.request_count >= self.rules.max_turns => {
                TurnStep::Stop(TurnLimit::MaxTurns(self.rules.max_turns))
            }
            _ if calls.is_empty() => TurnStep::Ask,
            _ => TurnStep::RunTools(calls),
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
    use crate::protocol::UnknownFields;

    #[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
    fn message(stop_reason: &str, content: Value) -> Message {
        serde_json::from_value(json!({"content": content, "stop_reason": stop_reason}))
            .expect("a message")
    }

    fn call(id: &str, name: &str) -> Value {
        json!({"type": "tool_use", "id": id, "name": name, "input": {}})
    }

    fn result(id: &str) -> ToolResult {
        ToolResult {
            tool_use_id: id.to_owned(),
            content: Some(Value::from("42").into()),
            is_error: None,
            extra: UnknownFields::default(),
        }
    }

    fn turn(max_turns: u32) -> UserTurn {
        let messages = vec![InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text("q")],
        }];
        UserTurn::new(
            messages,
            TurnRules {
                max_turns,
                external_tools: vec!["mine".to_owned()],
            },
        )
    }

    fn body(turn: &UserTurn) -> Value {
        serde_json::to_value(turn.messages()).expect("messages are JSON")
    }

    #[test]
    fn calls_are_run_and_their_results_go_back_in_one_message() {
        let mut turn = turn(10);
        assert_eq!(*turn.next_step(), TurnStep::Ask);
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let redacted = json!({"type": "redacted_thinking", "data": "x"});
        let content = json!([thinking, redacted, call("1", "a"), call("2", "b")]);
        turn.record_answer(&message("tool_use", content));
        let TurnStep::RunTools(calls) = turn.next_step() else {
            panic!("{:?}", turn.next_step())
        };
        assert_eq!(
            calls
                .iter()
                .map(|call| call.id.as_str())
                .collect::<Vec<_>>(),
            ["1", "2"]
        );
        turn.record_results(vec![result("1"), result("2")]);
        assert_eq!(*turn.next_step(), TurnStep::Ask);
        let expected = json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [thinking, redacted, call("1", "a"), call("2", "b")]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "42"},
                {"type": "tool_result", "tool_use_id": "2", "content": "42"},
            ]},
        ]);
        assert_eq!(body(&turn), expected);
        turn.record_answer(&message(
            "end_turn",
            json!([{"type": "text", "text": "done"}]),
        ));
        assert_eq!(*turn.next_step(), TurnStep::Done(Some(StopReason::EndTurn)));
    }

    #[test]
    fn a_paused_turn_continues_in_the_same_message() {
        let mut turn = turn(10);
        turn.record_answer(&message(
            "pause_turn",
            json!([{"type": "text", "text": "a"}]),
        ));
        assert_eq!(*turn.next_step(), TurnStep::Ask);
        turn.record_answer(&message("end_turn", json!([{"type": "text", "text": "b"}])));
        assert_eq!(
            body(&turn)[1]["content"],
            json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
        );
        assert_eq!(turn.messages().len(), 2);
    }

    #[test]
    fn calls_in_truncated_or_refused_answers_are_not_run() {
        for reason in [
            "max_tokens",
            "model_context_window_exceeded",
            "refusal",
            "stop_sequence",
            "new_reason",
        ] {
            let mut turn = turn(10);
            turn.record_answer(&message(reason, json!([call("1", "a")])));
            assert!(
                matches!(turn.next_step(), TurnStep::Done(Some(_))),
                "{reason}: {:?}",
                turn.next_step()
            );
        }
    }

    #[test]
    fn a_call_of_the_callers_own_tool_ends_the_turn_and_no_call_is_run() {
        let mut turn = turn(10);
        turn.record_answer(&message(
            "tool_use",
            json!([call("1", "a"), call("2", "mine")]),
        ));
        assert_eq!(*turn.next_step(), TurnStep::Done(Some(StopReason::ToolUse)));
    }

    #[test]
    fn the_number_of_requests_is_limited() {
        let mut turn = turn(2);
        turn.record_answer(&message("tool_use", json!([call("1", "a")])));
        turn.record_results(vec![result("1")]);
        turn.record_answer(&message("tool_use", json!([call("2", "a")])));
        assert_eq!(*turn.next_step(), TurnStep::Stop(TurnLimit::MaxTurns(2)));
        assert_eq!(
            *self::turn(0).next_step(),
            TurnStep::Stop(TurnLimit::MaxTurns(0))
        );
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
        let mut turn = UserTurn::new(
            vec![user, prefill],
            TurnRules {
                max_turns: 1,
                external_tools: Vec::new(),
            },
        );
        turn.record_answer(&message("end_turn", json!([{"type": "text", "text": "}"}])));
        assert_eq!(body(&turn).as_array().map(Vec::len), Some(2));
    }
}
