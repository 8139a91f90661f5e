//! Events in, a message out: a reducer that keeps blocks by index, so that they may interleave.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::StreamError;
use super::event::{Delta, Event, MessageDelta};
use super::message::{ContentBlock, Message, StopReason, Usage};

/// What an event means to those who watch an answer grow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    /// The answer begins.
    Started,
    /// More text.
    Text(String),
    /// More reasoning.
    Thinking(String),
    /// More of a call's arguments.
    ToolInput,
    /// The model stopped.
    Stopped(StopReason),
    /// The answer is whole.
    Finished,
    /// Nothing to show.
    Nothing,
}

impl Update {
    /// Whether this is a part of the answer: from here on a request is not tried again.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Thinking(_) | Self::ToolInput)
    }
}

/// A message as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    message: Option<Box<Message>>,
    blocks: BTreeMap<usize, Block>,
    stopped: bool,
}

#[derive(Debug)]
struct Block {
    content: ContentBlock,
    /// The arguments of a call as they come, in pieces of JSON text.
    input_json: String,
    closed: bool,
}

impl Accumulator {
    /// The counts of tokens as they stand, where the message has begun.
    pub(crate) fn usage(&self) -> Option<&Usage> {
        self.message.as_ref().map(|message| &message.usage)
    }

    /// Takes one event; none follows the one that ends the message.
    pub(crate) fn apply(&mut self, event: Event<'_>) -> Result<Update, StreamError> {
        match event {
            Event::Error(error) => Err(StreamError::Api(error)),
            Event::Ignored => Ok(Update::Nothing),
            Event::MessageStart(_) if self.message.is_some() => {
                Err(StreamError::OutOfOrder("a second message_start"))
            }
            Event::MessageStart(message) => {
                self.message = Some(message);
                Ok(Update::Started)
            }
            _ if self.message.is_none() => {
                Err(StreamError::OutOfOrder("an event before message_start"))
            }
            Event::BlockStart(index, content) => self.open(index, content),
            Event::BlockDelta(index, delta) => self.grow(index, delta),
            Event::BlockStop(index) => {
                self.block(index)?.closed = true;
                Ok(Update::Nothing)
            }
            Event::MessageDelta(delta, usage) => Ok(self.amend(delta, usage)),
            Event::MessageStop => {
                self.stopped = true;
                Ok(Update::Finished)
            }
        }
    }

    /// Gives the whole message, or says why there is none.
    pub(crate) fn finish(self) -> Result<Message, StreamError> {
        if !self.stopped {
            return Err(StreamError::Cut);
        }
        let (message, broken_input) = self.assemble().ok_or(StreamError::Cut)?;
        let cut_off = matches!(
            message.stop_reason,
            Some(
                StopReason::MaxTokens
                    | StopReason::ModelContextWindowExceeded
                    | StopReason::Refusal
            )
        );
        match broken_input {
            Some(tool) if !cut_off => Err(StreamError::ToolInput { tool }),
            _ => Ok(message),
        }
    }

    /// Gives the message as far as it came; none if it never began. Of a block that was only
    /// announced nothing came.
    pub(crate) fn partial(self) -> Option<Message> {
        let (mut message, _) = self.assemble()?;
        message.content.retain(|block| match block {
            ContentBlock::Text(text) => !text.text.is_empty(),
            ContentBlock::Thinking(thinking) => {
                !thinking.thinking.is_empty() || !thinking.signature.is_empty()
            }
            _ => true,
        });
        Some(message)
    }

    fn open(&mut self, index: usize, content: ContentBlock) -> Result<Update, StreamError> {
        if self.blocks.contains_key(&index) {
            return Err(StreamError::OutOfOrder(
                "a second content_block_start for one index",
            ));
        }
        let update = match &content {
            ContentBlock::Text(text) if !text.text.is_empty() => Update::Text(text.text.clone()),
            _ => Update::Nothing,
        };
        self.blocks.insert(
            index,
            Block {
                content,
                input_json: String::new(),
                closed: false,
            },
        );
        Ok(update)
    }

    fn block(&mut self, index: usize) -> Result<&mut Block, StreamError> {
        self.blocks
            .get_mut(&index)
            .filter(|block| !block.closed)
            .ok_or(StreamError::OutOfOrder(
                "a part of a block that is not open",
            ))
    }

    fn grow(&mut self, index: usize, delta: Delta<'_>) -> Result<Update, StreamError> {
        let block = self.block(index)?;
        match (delta, &mut block.content) {
            (Delta::Text(more), ContentBlock::Text(text)) => {
                text.text.push_str(&more);
                Ok(Update::Text(more.into_owned()))
            }
            (Delta::Thinking(more), ContentBlock::Thinking(thinking)) => {
                thinking.thinking.push_str(&more);
                Ok(Update::Thinking(more.into_owned()))
            }
            (Delta::Signature(signature), ContentBlock::Thinking(thinking)) => {
                thinking.signature = signature.into_owned();
                Ok(Update::Nothing)
            }
            (Delta::InputJson(more), ContentBlock::ToolUse(_) | ContentBlock::Unknown(_)) => {
                block.input_json.push_str(&more);
                Ok(Update::ToolInput)
            }
            (Delta::Citation(citation), ContentBlock::Text(text)) => {
                let citations = text.extra.entry("citations").or_insert(Value::Null);
                match citations {
                    Value::Array(citations) => citations.push(citation),
                    other => *other = Value::Array(vec![citation]),
                }
                Ok(Update::Nothing)
            }
            // A block that is not known here may grow by deltas that are.
            (_, ContentBlock::Unknown(_)) | (Delta::Ignored, _) => Ok(Update::Nothing),
            _ => Err(StreamError::OutOfOrder(
                "a delta of another kind than its block",
            )),
        }
    }

    fn amend(&mut self, delta: MessageDelta, usage: Usage) -> Update {
        let Some(message) = &mut self.message else {
            return Update::Nothing;
        };
        message.usage.overwrite(usage);
        message.extra.extend(delta.extra);
        if delta.stop_sequence.is_some() {
            message.stop_sequence = delta.stop_sequence;
        }
        match delta.stop_reason {
            Some(reason) => {
                message.stop_reason = Some(reason.clone());
                Update::Stopped(reason)
            }
            None => Update::Nothing,
        }
    }

    /// Puts the blocks into the message; also gives the name of a tool whose arguments are no JSON.
    fn assemble(self) -> Option<(Message, Option<String>)> {
        let mut message = *self.message?;
        let mut broken_input = None;
        for block in self.blocks.into_values() {
            let mut content = block.content;
            if !block.input_json.is_empty() {
                if let Ok(input) = serde_json::from_str::<Value>(&block.input_json) {
                    set_input(&mut content, "input", input);
                } else {
                    broken_input = Some(tool_name(&content).to_owned());
                    set_input(
                        &mut content,
                        "partial_json",
                        Value::String(block.input_json),
                    );
                }
            }
            message.content.push(content);
        }
        Some((message, broken_input))
    }
}

fn set_input(content: &mut ContentBlock, key: &str, value: Value) {
    match content {
        ContentBlock::ToolUse(call) if key == "input" => call.input = value,
        ContentBlock::ToolUse(call) => {
            call.extra.insert(key.to_owned(), value);
        }
        ContentBlock::Unknown(Value::Object(fields)) => {
            fields.insert(key.to_owned(), value);
        }
        _ => {} // Only calls and unknown blocks gather arguments: see `grow`.
    }
}

fn tool_name(content: &ContentBlock) -> &str {
    match content {
        ContentBlock::ToolUse(call) => &call.name,
        ContentBlock::Unknown(block) => block.get("name").and_then(Value::as_str).unwrap_or("?"),
        _ => "?",
    }
}
