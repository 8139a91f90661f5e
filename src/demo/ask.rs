//! A request as the script reads it, once the checks have passed its shape.
//!
//! Messages of one role in a row are one turn here, as the newer API joins them, and a string is
//! the block of text that it stands for.

use serde_json::Value;

use super::attachment::{DocumentInfo, ImageInfo};
use super::tokens;

/// Tokens that each message costs besides its words.
const TOKENS_PER_MESSAGE: usize = 4;

/// A request to answer.
pub(super) struct ParsedRequest<'a> {
    /// The model asked.
    pub(super) model: &'a str,
    /// The most tokens of the answer.
    pub(super) max_tokens: usize,
    /// Texts that end the answer.
    pub(super) stop_sequences: Vec<&'a str>,
    /// Whether the answer is wanted as events.
    pub(super) stream: bool,
    /// The system prompt; empty where there is none.
    pub(super) system: String,
    /// The conversation.
    pub(super) turns: Vec<RequestTurn<'a>>,
    /// The tools on offer.
    pub(super) tools: Vec<OfferedTool<'a>>,
    /// Which of them to call.
    pub(super) tool_choice: ParsedToolChoice<'a>,
    /// Whether one answer may hold several calls.
    pub(super) parallel_calls: bool,
    /// Whether the answer opens with thinking.
    pub(super) thinking: ThinkingMode,
    /// The JSON schema that the answer's text must meet.
    pub(super) output_schema: Option<&'a Value>,
}

/// The role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnRole {
    /// `user`
    User,
    /// `assistant`, which Langdock also calls `agent`.
    Assistant,
}

/// Consecutive messages of one role.
pub(super) struct RequestTurn<'a> {
    /// The role.
    pub(super) role: TurnRole,
    /// What is said.
    pub(super) blocks: Vec<PlacedBlock<'a>>,
}

/// A content block and its place in the request.
pub(super) struct PlacedBlock<'a> {
    /// The index of its message.
    pub(super) message: usize,
    /// Its index in that message.
    pub(super) index: usize,
    /// The block.
    pub(super) content: BlockContent<'a>,
}

/// A content block.
pub(super) enum BlockContent<'a> {
    /// Text.
    Text(&'a str),
    /// A picture.
    Image(ImageInfo<'a>),
    /// A PDF or a plain text as a document.
    Document(DocumentInfo<'a>),
    /// A call that the assistant made.
    ToolUse {
        /// The id.
        id: &'a str,
        /// The tool's name.
        name: &'a str,
        /// The arguments.
        input: &'a Value,
    },
    /// What a call returned.
    ToolResult {
        /// The id of the call.
        id: &'a str,
        /// Whether the tool failed.
        is_error: bool,
        /// What it returned.
        content: Vec<BlockContent<'a>>,
    },
    /// Thinking, shown or redacted.
    Thinking(&'a str),
}

/// A tool on offer.
pub(super) struct OfferedTool<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The JSON schema of its arguments.
    pub(super) schema: &'a Value,
    /// All of its definition.
    pub(super) definition: &'a Value,
}

/// Which tool to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParsedToolChoice<'a> {
    /// One if it helps.
    Auto,
    /// Any, but one.
    Any,
    /// This one.
    Named(&'a str),
    /// None at all.
    None,
}

/// Whether and how the answer shows thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingMode {
    /// No thinking.
    Off,
    /// A thinking block with its text.
    Shown,
    /// A thinking block without its text (`display: omitted`).
    Omitted,
}

impl<'a> ParsedRequest<'a> {
    /// Reads a body whose shape has been checked; what a wrong body holds is passed over.
    pub(super) fn from_body(body: &'a Value) -> Self {
        Self {
            model: text_of(&body["model"]),
            max_tokens: body["max_tokens"]
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(usize::MAX),
            stop_sequences: list_items(&body["stop_sequences"])
                .filter_map(Value::as_str)
                .collect(),
            stream: body["stream"].as_bool().unwrap_or(false),
            system: read_system(&body["system"]),
            turns: read_turns(&body["messages"]),
            tools: list_items(&body["tools"])
                .map(|tool| OfferedTool {
                    name: text_of(&tool["name"]),
                    schema: &tool["input_schema"],
                    definition: tool,
                })
                .collect(),
            tool_choice: read_tool_choice(&body["tool_choice"]),
            parallel_calls: body["tool_choice"]["disable_parallel_tool_use"] != true,
            thinking: read_thinking(&body["thinking"]),
            output_schema: body.pointer("/output_config/format/schema"),
        }
    }

    /// Returns what the user said last.
    pub(super) fn last_user_turn(&self) -> &[PlacedBlock<'a>] {
        self.turns
            .iter()
            .rfind(|turn| turn.role == TurnRole::User)
            .map_or(&[], |turn| &turn.blocks)
    }

    /// Returns the beginning of the answer that the request prescribes, if its last turn is the
    /// assistant's.
    pub(super) fn prefill(&self) -> Option<String> {
        let last = self
            .turns
            .last()
            .filter(|turn| turn.role == TurnRole::Assistant)?;
        Some(
            last.blocks
                .iter()
                .filter_map(|block| block.content.text())
                .collect(),
        )
    }

    /// Returns every block of the conversation, in order.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &PlacedBlock<'a>> {
        self.turns.iter().flat_map(|turn| &turn.blocks)
    }

    /// Estimates the input tokens.
    pub(super) fn input_tokens(&self) -> usize {
        let tools: usize = self
            .tools
            .iter()
            .map(|tool| tokens::estimate_tokens(&tool.definition.to_string()))
            .sum();
        let blocks: usize = self
            .blocks()
            .map(|block| block.content.estimated_tokens())
            .sum();
        // A joined turn counts once: whoever splits a message in two does not pay more for it.
        tokens::estimate_tokens(&self.system)
            + tools
            + blocks
            + TOKENS_PER_MESSAGE * self.turns.len()
    }
}

impl<'a> BlockContent<'a> {
    /// Reads one content block.
    fn from_block(block: &'a Value) -> Self {
        match text_of(&block["type"]) {
            "image" => Self::Image(ImageInfo::from_source(&block["source"])),
            "document" => Self::Document(DocumentInfo::from_block(block)),
            "tool_use" => Self::ToolUse {
                id: text_of(&block["id"]),
                name: text_of(&block["name"]),
                input: &block["input"],
            },
            "tool_result" => Self::ToolResult {
                id: text_of(&block["tool_use_id"]),
                is_error: block["is_error"] == true,
                content: read_contents(&block["content"]),
            },
            "thinking" => Self::Thinking(text_of(&block["thinking"])),
            "redacted_thinking" => Self::Thinking(text_of(&block["data"])),
            _ => Self::Text(text_of(&block["text"])),
        }
    }

    /// Returns the text of a block of text.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Estimates the tokens it stands for.
    fn estimated_tokens(&self) -> usize {
        match self {
            Self::Text(text) | Self::Thinking(text) => tokens::estimate_tokens(text),
            Self::Image(image) => image.estimated_tokens(),
            Self::Document(document) => document.tokens,
            Self::ToolUse { name, input, .. } => {
                tokens::estimate_tokens(name) + tokens::estimate_tokens(&input.to_string())
            }
            Self::ToolResult { content, .. } => content.iter().map(Self::estimated_tokens).sum(),
        }
    }
}

/// Reads a string, or a list of blocks; an empty string is no block at all.
fn read_contents(content: &Value) -> Vec<BlockContent<'_>> {
    match content {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![BlockContent::Text(text)],
        blocks => list_items(blocks).map(BlockContent::from_block).collect(),
    }
}

/// Reads the messages and joins those of one role in a row.
fn read_turns(messages: &Value) -> Vec<RequestTurn<'_>> {
    let mut turns: Vec<RequestTurn<'_>> = Vec::new();
    for (message, value) in list_items(messages).enumerate() {
        let role = if value["role"] == "user" {
            TurnRole::User
        } else {
            TurnRole::Assistant
        };
        let blocks = read_contents(&value["content"])
            .into_iter()
            .enumerate()
            .map(|(index, content)| PlacedBlock {
                message,
                index,
                content,
            });
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.blocks.extend(blocks),
            _ => turns.push(RequestTurn {
                role,
                blocks: blocks.collect(),
            }),
        }
    }
    turns
}

fn read_system(system: &Value) -> String {
    match system {
        Value::String(text) => text.clone(),
        blocks => list_items(blocks)
            .map(|block| text_of(&block["text"]))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn read_tool_choice(choice: &Value) -> ParsedToolChoice<'_> {
    match text_of(&choice["type"]) {
        "any" => ParsedToolChoice::Any,
        "tool" => ParsedToolChoice::Named(text_of(&choice["name"])),
        "none" => ParsedToolChoice::None,
        _ => ParsedToolChoice::Auto,
    }
}

fn read_thinking(thinking: &Value) -> ThinkingMode {
    match text_of(&thinking["type"]) {
        "enabled" | "adaptive" if thinking["display"] == "omitted" => ThinkingMode::Omitted,
        "enabled" | "adaptive" => ThinkingMode::Shown,
        _ => ThinkingMode::Off,
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list_items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
