//! The Messages API as data: requests, events, messages and errors. No IO.
//!
//! Sources of all shapes: `Create a message` and the streaming page of Anthropic's API
//! documentation, version 2023-06-01, and Langdock's OpenAPI file. Anything unknown is kept or
//! ignored, as the API's versioning policy requires.

mod accumulate;
mod answer_limit;
mod claude_model;
mod content_block;
mod error;
mod event;
mod exact_json;
mod exact_map;
mod extra_field;
mod growing_fields;
mod list_price;
mod message;
mod model_rules;
mod option_use;
mod prompt_caching;
mod raw_json;
#[cfg(test)]
mod replay;
mod request;
mod request_body;
mod request_field;
mod seam;
mod secret_filter;
mod shared_text;
mod sse;
mod stream;
mod text_delta;
mod tools;
mod usage;

pub(crate) use accumulate::Update;
#[cfg(test)]
pub(crate) use answer_limit::AnswerLimit;
pub(crate) use claude_model::{ClaudeModel, ModelFamily};
pub(crate) use content_block::{ContentBlock, Media, RawSource, Source, ToolResult, ToolUse};
pub(crate) use error::{ApiError, StreamError};
pub(crate) use exact_json::{ExactFields, ExactJson, JsonIndenter, indent_json};
pub(crate) use extra_field::{default_field, key_and_json};
pub(crate) use list_price::{
    BilledTokens, ListCost, ModelPrice, PRICE_KINDS, PriceOverride, model_price, price_of_a_token,
};
pub(crate) use message::{Message, MessageType, MissingPart, Role, StopReason};
pub(crate) use model_rules::{
    LONG_WINDOW, MAX_PDF_PAGES, MAX_PDF_PAGES_OF_SHORT_WINDOW, MAX_PICTURES,
    MAX_PICTURES_OF_SHORT_WINDOW, ModelOption, ModelRules, OptionFacts, Support, ThinkingStart,
    listed_facts,
};
pub(crate) use option_use::{
    OptionKey, OptionUse, RequestOptions, names_cache_marks, refused_options,
};
pub(crate) use prompt_caching::{
    CACHE_CONTROL, CACHE_LOOK_BACK, CacheMode, CacheTtl, MAX_CACHE_MARKS, cache_minimum,
};
pub(crate) use raw_json::{UnknownFields, compact_text};
pub(crate) use request::{CreateMessage, InputMessage, SystemPrompt};
pub(crate) use request_body::RequestBody;
pub(crate) use request_field::*;
pub(crate) use secret_filter::BodyScrub;
pub(crate) use sse::Decoder;
pub(crate) use stream::MessageStream;
pub(crate) use tools::{ToolChoice, ToolDefinition};
pub(crate) use usage::Usage;
