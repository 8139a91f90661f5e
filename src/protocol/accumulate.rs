//! Reduces events to a message. Blocks are kept by index, so that they may interleave.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::answer_limit::{AnswerLimit, AnswerSize, MAX_BLOCKS};
use super::content_block::ContentBlock;
use super::error::StreamError;
use super::event::{Delta, Event, MessageDelta};
use super::growing_fields::GrowingFields;
use super::message::{Message, StopReason};
use super::usage::Usage;

/// What an event means for the display of a growing answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    /// The answer begins.
    Started,
    /// More text.
    Text(String),
    /// Reasoning begins; there may be nothing to show of it.
    ThinkingStarted,
    /// More reasoning.
    Thinking(String),
    /// More of a call's arguments.
    ToolInput,
    /// The model stopped.
    Stopped(StopReason),
    /// The answer is complete.
    Finished,
    /// Nothing to show.
    Nothing,
}

impl Update {
    /// Returns the update for a block that already has content when it starts.
    pub(super) fn from_block(block: &ContentBlock) -> Self {
        match block {
            ContentBlock::Text(text) if !text.text.is_empty() => Self::Text(text.text.to_string()),
            ContentBlock::Thinking(thinking) if !thinking.thinking.is_empty() => {
                Self::Thinking(thinking.thinking.to_string())
            }
            ContentBlock::Thinking(_) | ContentBlock::RedactedThinking(_) => Self::ThinkingStarted,
            ContentBlock::ToolUse(call) if !call.has_no_arguments() => Self::ToolInput,
            _ => Self::Nothing,
        }
    }

    /// Whether this is a part of the answer, after which the request is not retried.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Thinking(_) | Self::ToolInput)
    }
}

/// A message under construction.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    message: Option<Box<Message>>,
    blocks: BTreeMap<usize, Block>,
    /// The index of the block that was started most recently.
    last_started: usize,
    /// What all of it takes.
    size: AnswerSize,
    stopped: bool,
}

#[derive(Debug)]
struct Block {
    content: ContentBlock,
    /// The arguments of a call received so far, as JSON text.
    input_json: String,
    /// The fields that deltas of an unknown type have added to.
    grown: Option<GrowingFields>,
    closed: bool,
}

impl Accumulator {
    /// Returns the latest token counts, once the message has begun.
    pub(crate) fn usage(&self) -> Option<&Usage> {
        self.message.as_ref().map(|message| &message.usage)
    }

    /// Applies one event; must not be called after the one that ends the message.
    pub(crate) fn apply(&mut self, event: Event<'_>) -> Result<Update, StreamError> {
        match event {
            Event::Error(error) => Err(StreamError::Api(error)),
            Event::Ignored => Ok(Update::Nothing),
            // The SDKs ignore both; gateways that join streams send them.
            Event::MessageStart(_) if self.message.is_some() => Ok(Update::Nothing),
            Event::BlockStop(index) => {
                self.close(index);
                Ok(Update::Nothing)
            }
            Event::MessageStart(message) => {
                // Usually empty, but some servers send the whole text here.
                for block in &message.content {
                    self.size.grow(block.size())?;
                }
                self.size.grow_values(message.extra.tree_bytes())?;
                self.size.grow_values(message.usage.0.tree_bytes())?;
                let text = message.text();
                self.message = Some(message);
                Ok(if text.is_empty() {
                    Update::Started
                } else {
                    Update::Text(text)
                })
            }
            _ if self.message.is_none() => {
                Err(StreamError::OutOfOrder("an event before message_start"))
            }
            Event::BlockStart(index, content) => self.open(index, content),
            Event::BlockDelta(index, delta) => self.grow(index, delta),
            Event::MessageDelta(delta, usage) => {
                self.size.grow_values(delta.extra.tree_bytes())?;
                self.size.grow_values(usage.0.tree_bytes())?;
                Ok(self.amend(delta, usage))
            }
            Event::MessageStop => {
                self.stopped = true;
                Ok(Update::Finished)
            }
        }
    }

    /// Returns the complete message, or why it is not complete.
    pub(crate) fn finish(self) -> Result<Message, StreamError> {
        if !self.stopped {
            return Err(StreamError::Cut);
        }
        self.assemble().ok_or(StreamError::Cut)
    }

    /// Returns the message as far as it was received; `None` if it never began. A block that
    /// started but has no content is left out.
    pub(crate) fn partial(self) -> Option<Message> {
        let mut message = self.assemble()?;
        message.content.retain(|block| match block {
            ContentBlock::Text(text) => !text.text.is_empty(),
            ContentBlock::Thinking(thinking) => {
                !thinking.thinking.is_empty() || !thinking.signature.is_empty()
            }
            _ => true,
        });
        Some(message)
    }

    /// Starts a block; without an index, it comes after all others.
    fn open(&mut self, index: Option<usize>, content: ContentBlock) -> Result<Update, StreamError> {
        let next = || self.blocks.keys().next_back().map_or(0, |last| last + 1);
        let index = index.unwrap_or_else(next);
        if self.blocks.contains_key(&index) {
            return Err(StreamError::OutOfOrder(
                "a second content_block_start for one index",
            ));
        }
        if self.blocks.len() >= MAX_BLOCKS {
            return Err(StreamError::TooLarge(AnswerLimit::Blocks));
        }
        self.size.grow(content.size())?;
        if let (Some(model), Some(message)) = (fallback_model(&content), &mut self.message) {
            message.model = model;
        }
        let update = Update::from_block(&content);
        self.last_started = index;
        self.blocks.insert(
            index,
            Block {
                content,
                input_json: String::new(),
                grown: None,
                closed: false,
            },
        );
        Ok(update)
    }

    /// Returns the open block at this index; without an index, the one started most recently.
    fn block(&mut self, index: Option<usize>) -> Result<&mut Block, StreamError> {
        self.blocks
            .get_mut(&index.unwrap_or(self.last_started))
            .filter(|block| !block.closed)
            .ok_or(StreamError::OutOfOrder(
                "a part of a block that is not open",
            ))
    }

    /// Closes the block at this index. Some servers close a block twice, or one that they never
    /// started (llama.cpp does for an empty answer); neither loses any content.
    fn close(&mut self, index: Option<usize>) {
        if let Some(block) = self.blocks.get_mut(&index.unwrap_or(self.last_started)) {
            block.closed = true;
        }
    }

    fn grow(&mut self, index: Option<usize>, delta: Delta<'_>) -> Result<Update, StreamError> {
        self.size.grow(delta.size())?;
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
            (Delta::Unknown(more), _) => {
                for (key, more) in more.iter() {
                    block.grow_field(key, more)?;
                }
                Ok(Update::Nothing)
            }
            (Delta::Citation(citation), ContentBlock::Text(_) | ContentBlock::Unknown(_)) => {
                let list = RawValue::from_string(format!("[{}]", citation.get()));
                block.grow_field("citations", &list.map_err(unreadable)?)?;
                Ok(Update::Nothing)
            }
            // In the field that is named after it.
            (Delta::Text(more), ContentBlock::Unknown(_)) => block.grow_text("text", &more),
            (Delta::Thinking(more), ContentBlock::Unknown(_)) => block.grow_text("thinking", &more),
            (Delta::Signature(more), ContentBlock::Unknown(_)) => {
                block.grow_text("signature", &more)
            }
            (Delta::Empty, _) => Ok(Update::Nothing),
            _ => Err(StreamError::OutOfOrder(
                "a delta that does not match its block's type",
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

    /// Moves the blocks into the message.
    fn assemble(self) -> Option<Message> {
        let mut message = *self.message?;
        let mut room = AnswerLimit::Values.most().saturating_sub(self.size.values);
        room = message.finish_arguments(room);
        for mut block in self.blocks.into_values() {
            if let Some(grown) = block.grown {
                block.content.set_unknown(grown.into_fields());
            }
            room = block.content.finish_arguments(block.input_json, room);
            message.content.push(block.content);
        }
        Some(message)
    }
}

impl Block {
    /// Adds to a field that is not known here.
    fn grow_field(&mut self, key: &str, more: &RawValue) -> Result<(), StreamError> {
        let grown = self.growing()?;
        grown.push(key, more).map_err(unreadable)
    }

    /// Adds text to such a field.
    fn grow_text(&mut self, key: &str, more: &str) -> Result<Update, StreamError> {
        self.growing()?.push_text(key, more);
        Ok(Update::Nothing)
    }

    fn growing(&mut self) -> Result<&mut GrowingFields, StreamError> {
        if self.grown.is_none() {
            let fields = GrowingFields::from_fields(self.content.take_unknown());
            self.grown = Some(fields.map_err(unreadable)?);
        }
        Ok(self.grown.get_or_insert_default())
    }
}

/// Returns the error for a part of a delta that cannot be read.
fn unreadable(source: serde_json::Error) -> StreamError {
    StreamError::Malformed {
        event: "content_block_delta".to_owned(),
        source,
    }
}

/// Returns the model that takes over the answer, if this is a `fallback` block. Anthropic's SDKs
/// report that model as the author of the answer, and so does an unstreamed message.
fn fallback_model(block: &ContentBlock) -> Option<String> {
    match block {
        ContentBlock::Unknown(block) if block.kind() == Some("fallback") => {
            let to = block.get("to")?;
            to.get("model").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}
