//! A request in the form the script reads it, after its shape has been checked.
//!
//! A string counts as the text block that it is shorthand for.

use serde_json::Value;

use super::attachment::{DocumentInfo, ImageInfo};
use super::fingerprint::Fingerprint;
use super::model_rules::{self, ModelRules};
use super::prompt_cache::{CacheLifetime, PromptBlock};
use super::signature::{self, ThinkingSeal};
use super::tokens;

/// Tokens that each message costs in addition to its text.
const TOKENS_PER_MESSAGE: usize = 4;

/// A request to answer.
pub(super) struct ParsedRequest<'a> {
    /// The API key it was sent with.
    account: &'a str,
    /// The requested model.
    pub(super) model: &'a str,
    /// What the model accepts.
    pub(super) rules: &'static ModelRules,
    /// The maximum number of tokens of the answer.
    pub(super) max_tokens: usize,
    /// Texts that end the answer.
    pub(super) stop_sequences: Vec<&'a str>,
    /// Whether to send the answer as events.
    pub(super) stream: bool,
    /// The blocks of the system prompt.
    pub(super) system: Vec<SystemBlock<'a>>,
    /// The conversation.
    pub(super) turns: Vec<RequestTurn<'a>>,
    /// The tools on offer.
    pub(super) tools: Vec<OfferedTool<'a>>,
    /// Which tool to call, if any.
    pub(super) tool_choice: ParsedToolChoice<'a>,
    /// Whether one answer may hold several calls.
    pub(super) parallel_calls: bool,
    /// Whether the answer begins with thinking.
    pub(super) thinking: ThinkingMode,
    /// The JSON schema that the text of the answer must match.
    pub(super) output_schema: Option<&'a Value>,
    /// Whether thinking has a budget, so that every answer begins with it.
    pub(super) has_thinking_budget: bool,
    /// A fingerprint of the options that cached messages depend on.
    message_options: u64,
    /// The effort, if it must stay the same throughout a conversation.
    fixed_effort: Option<&'a str>,
}

/// A block of the system prompt.
pub(super) struct SystemBlock<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// Its fingerprint.
    hash: u64,
    /// Its cache breakpoint.
    mark: Option<CacheLifetime>,
}

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnRole {
    /// `user`
    User,
    /// `assistant`, which Langdock also calls `agent`.
    Assistant,
}

/// A message.
pub(super) struct RequestTurn<'a> {
    /// The role.
    pub(super) role: TurnRole,
    /// Its content.
    pub(super) blocks: Vec<PlacedBlock<'a>>,
}

/// A content block and its place in the request.
pub(super) struct PlacedBlock<'a> {
    /// The index of its message.
    pub(super) message: usize,
    /// Its index in that message.
    pub(super) index: usize,
    /// Its fingerprint.
    hash: u64,
    /// Its cache breakpoint, or that of a block inside it.
    mark: Option<CacheLifetime>,
    /// The block.
    pub(super) content: BlockContent<'a>,
}

/// A content block.
pub(super) enum BlockContent<'a> {
    /// Text.
    Text(&'a str),
    /// An image.
    Image(ImageInfo<'a>),
    /// A PDF or plain text, as a document.
    Document(DocumentInfo<'a>),
    /// A tool call by the assistant.
    ToolUse {
        /// The id.
        id: &'a str,
        /// The tool's name.
        name: &'a str,
        /// The arguments.
        input: &'a Value,
    },
    /// The result of a tool call.
    ToolResult {
        /// The id of the call.
        id: &'a str,
        /// Whether the tool failed.
        is_error: bool,
        /// What the tool returned.
        content: Vec<BlockContent<'a>>,
    },
    /// A text that a tool found, with its source.
    SearchResult(Vec<&'a str>),
    /// Thinking.
    Thinking {
        /// Its text; empty if the answer omitted it.
        thinking: &'a str,
        /// Its signature.
        signature: &'a str,
    },
    /// Thinking that only the endpoint can read.
    RedactedThinking(&'a str),
}

/// A tool on offer.
pub(super) struct OfferedTool<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The JSON schema of its arguments.
    pub(super) schema: &'a Value,
    /// The whole definition.
    definition: &'a Value,
}

/// Which tool to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParsedToolChoice<'a> {
    /// The model decides.
    Auto,
    /// Some tool must be called.
    Any,
    /// This one.
    Named(&'a str),
    /// No tool may be called.
    None,
}

/// Whether and how the answer shows its thinking.
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
    /// Reads a body whose shape has been checked, and skips anything invalid.
    ///
    /// `account` is the key it was sent with.
    pub(super) fn from_body(body: &'a Value, account: &'a str) -> Self {
        let model = text_of(&body["model"]);
        let rules = model_rules::rules_for(model);
        let turns = read_turns(&body["messages"]);
        let effort = body["output_config"]["effort"].as_str();
        let effort = effort.unwrap_or(rules.default_effort);
        Self {
            account,
            model,
            rules,
            max_tokens: body["max_tokens"]
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(usize::MAX),
            stop_sequences: list_items(&body["stop_sequences"])
                .filter_map(Value::as_str)
                .collect(),
            stream: body["stream"].as_bool().unwrap_or(false),
            system: read_system(&body["system"]),
            tools: list_items(&body["tools"])
                .map(|tool| OfferedTool {
                    name: text_of(&tool["name"]),
                    schema: &tool["input_schema"],
                    definition: tool,
                })
                .collect(),
            tool_choice: read_tool_choice(&body["tool_choice"]),
            parallel_calls: body["tool_choice"]["disable_parallel_tool_use"] != true,
            thinking: read_thinking(body, rules, &turns),
            turns,
            output_schema: body.pointer("/output_config/format/schema"),
            message_options: read_message_options(body, effort),
            has_thinking_budget: body["thinking"]["type"] == "enabled",
            fixed_effort: (body["thinking"]["type"] == "between_tools").then_some(effort),
        }
    }

    /// Returns what thinking in message `index` is bound to; an index past the last message stands
    /// for the answer.
    ///
    /// `previous` is the signature of the thinking block before it.
    pub(super) fn seal_before(&self, index: usize, previous: Option<&str>) -> ThinkingSeal {
        let is_thinking = |block: &PlacedBlock<'_>| {
            matches!(
                block.content,
                BlockContent::Thinking { .. } | BlockContent::RedactedThinking(_)
            )
        };
        let mut messages = Fingerprint::new();
        for turn in self.turns.iter().take(index) {
            messages.add_number(u64::from(turn.role == TurnRole::User));
            for block in turn.blocks.iter().filter(|block| !is_thinking(block)) {
                messages.add_number(block.hash);
            }
        }
        let joined = |hashes: &mut dyn Iterator<Item = u64>| {
            let mut print = Fingerprint::new();
            hashes.for_each(|hash| print.add_number(hash));
            signature::short_hash(print.finish())
        };
        ThinkingSeal {
            account: signature::short_hash(Fingerprint::of_text(self.account)),
            model: signature::short_hash(Fingerprint::of_text(self.model)),
            effort: self.fixed_effort.map_or(0, |effort| {
                signature::short_hash(Fingerprint::of_text(effort))
            }),
            system: joined(&mut self.system.iter().map(|block| block.hash)),
            tools: joined(
                &mut self
                    .tools
                    .iter()
                    .map(|tool| Fingerprint::of_block(tool.definition)),
            ),
            messages: signature::short_hash(messages.finish()),
            previous: previous.map_or(0, signature::signature_hash),
        }
    }

    /// Returns the signature of the last thinking block of the conversation.
    pub(super) fn last_signature(&self) -> Option<&'a str> {
        let signatures = self.blocks().filter_map(|block| match block.content {
            BlockContent::Thinking { signature, .. } => Some(signature),
            _ => None,
        });
        signatures.last()
    }

    /// Returns the system prompt as one text; empty if there is none.
    pub(super) fn system_text(&self) -> String {
        let texts: Vec<&str> = self.system.iter().map(|block| block.text).collect();
        texts.join("\n")
    }

    /// Returns the blocks of the last user turn.
    pub(super) fn last_user_turn(&self) -> &[PlacedBlock<'a>] {
        self.turns
            .iter()
            .rfind(|turn| turn.role == TurnRole::User)
            .map_or(&[], |turn| &turn.blocks)
    }

    /// Returns the text that the answer must begin with, if the last turn is the assistant's.
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

    /// Returns a fingerprint of the key and model that cache entries belong to.
    pub(super) fn cache_owner(&self) -> u64 {
        let mut owner = Fingerprint::new();
        owner.add_number(Fingerprint::of_text(self.account));
        owner.add_number(Fingerprint::of_text(self.model));
        owner.finish()
    }

    /// Returns the blocks of the prompt, in the order in which the cache processes them.
    pub(super) fn prompt_blocks(&self) -> Vec<PromptBlock> {
        let tools = self.tools.iter().map(|tool| PromptBlock {
            hash: Fingerprint::of_block(tool.definition),
            tokens: tokens::estimate_tokens(&tool.definition.to_string()),
            mark: CacheLifetime::of_block(tool.definition),
        });
        let system = self.system.iter().map(|block| PromptBlock {
            hash: block.hash,
            tokens: tokens::estimate_tokens(block.text),
            mark: block.mark,
        });
        let mut blocks: Vec<PromptBlock> = tools.chain(system).collect();
        for turn in &self.turns {
            for (index, block) in turn.blocks.iter().enumerate() {
                let mut hash = Fingerprint::new();
                hash.add_number(block.hash);
                hash.add_number(u64::from(turn.role == TurnRole::User));
                hash.add_number(self.message_options);
                let of_message = if index == 0 { TOKENS_PER_MESSAGE } else { 0 };
                blocks.push(PromptBlock {
                    hash: hash.finish(),
                    tokens: of_message + block.content.estimated_tokens(),
                    mark: block.mark,
                });
            }
        }
        blocks
    }

    /// Estimates the input tokens.
    pub(super) fn input_tokens(&self) -> usize {
        self.prompt_blocks().iter().map(|block| block.tokens).sum()
    }
}

impl RequestTurn<'_> {
    /// Returns whether it contains tool results.
    pub(super) fn has_results(&self) -> bool {
        self.blocks
            .iter()
            .any(|block| matches!(block.content, BlockContent::ToolResult { .. }))
    }
}

impl<'a> BlockContent<'a> {
    /// Reads one content block, or the string that is shorthand for one.
    fn from_item(block: &'a Value) -> Self {
        if let Value::String(text) = block {
            return Self::Text(text);
        }
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
            "search_result" => Self::SearchResult(
                list_items(&block["content"])
                    .map(|inner| text_of(&inner["text"]))
                    .collect(),
            ),
            "thinking" => Self::Thinking {
                thinking: text_of(&block["thinking"]),
                signature: text_of(&block["signature"]),
            },
            "redacted_thinking" => Self::RedactedThinking(text_of(&block["data"])),
            _ => Self::Text(text_of(&block["text"])),
        }
    }

    /// Returns the texts of a tool result's content.
    pub(super) fn texts(&self) -> &[&'a str] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::SearchResult(texts) => texts,
            _ => &[],
        }
    }

    /// Returns the text if this is a text block.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Estimates its tokens.
    fn estimated_tokens(&self) -> usize {
        match self {
            Self::Text(text)
            | Self::Thinking { thinking: text, .. }
            | Self::RedactedThinking(text) => tokens::estimate_tokens(text),
            Self::SearchResult(texts) => {
                texts.iter().map(|text| tokens::estimate_tokens(text)).sum()
            }
            Self::Image(image) => image.estimated_tokens(),
            Self::Document(document) => document.tokens,
            Self::ToolUse { name, input, .. } => {
                tokens::estimate_tokens(name) + tokens::estimate_tokens(&input.to_string())
            }
            Self::ToolResult { content, .. } => content.iter().map(Self::estimated_tokens).sum(),
        }
    }
}

/// Returns the items of a content: the blocks of a list, or a single string; an empty string has
/// none.
fn content_items(content: &Value) -> &[Value] {
    match content {
        Value::Array(blocks) => blocks,
        Value::String(text) if !text.is_empty() => std::slice::from_ref(content),
        _ => &[],
    }
}

/// Reads the blocks of a content.
fn read_contents(content: &Value) -> Vec<BlockContent<'_>> {
    content_items(content)
        .iter()
        .map(BlockContent::from_item)
        .collect()
}

fn read_turns(messages: &Value) -> Vec<RequestTurn<'_>> {
    let turns = list_items(messages).enumerate().map(|(message, value)| {
        let blocks = content_items(&value["content"]).iter().enumerate();
        RequestTurn {
            role: if value["role"] == "user" {
                TurnRole::User
            } else {
                TurnRole::Assistant
            },
            blocks: blocks
                .map(|(index, item)| PlacedBlock {
                    message,
                    index,
                    hash: Fingerprint::of_block(item),
                    mark: CacheLifetime::of_block(item)
                        .or_else(|| list_items(&item["content"]).find_map(CacheLifetime::of_block)),
                    content: BlockContent::from_item(item),
                })
                .collect(),
        }
    });
    turns.collect()
}

fn read_system(system: &Value) -> Vec<SystemBlock<'_>> {
    let blocks = content_items(system).iter().map(|item| SystemBlock {
        text: item.as_str().unwrap_or_else(|| text_of(&item["text"])),
        hash: Fingerprint::of_block(item),
        mark: CacheLifetime::of_block(item),
    });
    blocks.collect()
}

fn read_tool_choice(choice: &Value) -> ParsedToolChoice<'_> {
    match text_of(&choice["type"]) {
        "any" => ParsedToolChoice::Any,
        "tool" => ParsedToolChoice::Named(text_of(&choice["name"])),
        "none" => ParsedToolChoice::None,
        _ => ParsedToolChoice::Auto,
    }
}

/// Returns a fingerprint of the options that change how messages are processed: a message cached
/// under other options is not read.
///
/// Source: `build-with-claude/prompt-caching`, on what invalidates the cache.
fn read_message_options(body: &Value, effort: &str) -> u64 {
    let mut options = Fingerprint::new();
    options.add_number(Fingerprint::of_text(&body["tool_choice"].to_string()));
    options.add_number(Fingerprint::of_text(&body["thinking"].to_string()));
    options.add_number(Fingerprint::of_text(effort));
    let blocks = list_items(&body["messages"]).flat_map(|message| list_items(&message["content"]));
    let is_image = |block: &Value| block["type"] == "image";
    let has_images = |block: &Value| is_image(block) || list_items(&block["content"]).any(is_image);
    options.add_number(u64::from(blocks.into_iter().any(has_images)));
    options.finish()
}

/// Returns whether and how a model with these rules thinks.
fn read_thinking(body: &Value, rules: &ModelRules, turns: &[RequestTurn<'_>]) -> ThinkingMode {
    let thinking = &body["thinking"];
    let is_forced = matches!(text_of(&body["tool_choice"]["type"]), "any" | "tool");
    match text_of(&thinking["type"]) {
        "enabled" | "adaptive" => {}
        "between_tools" if turns.last().is_some_and(RequestTurn::has_results) => {}
        // A forced call is made without thinking.
        "" if rules.thinking.is_on_by_default() && !is_forced => {}
        _ => return ThinkingMode::Off,
    }
    if thinking["display"]
        .as_str()
        .unwrap_or(rules.default_display)
        == "omitted"
    {
        ThinkingMode::Omitted
    } else {
        ThinkingMode::Shown
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list_items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
