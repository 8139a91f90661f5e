//! MCP: tool servers, over the standard streams of a child process or over streamable HTTP.
//!
//! A client of its own rather than the official SDK, for reasons that CONTRIBUTING has. It knows
//! tools and nothing else: whatever a server asks for, it is told that there is no such method.
//! Messages, names, pages and results are functions of values; `stdio_link`, `web_link` and
//! `web_stream` are the only files that read and write.

mod board;
mod call_result;
mod connection;
mod definition_hash;
mod line_splitter;
mod message;
mod revision;
mod server_spec;
mod stdio_link;
mod stream_place;
mod tool_name;
mod tool_page;
mod variables;
mod web_link;
mod web_stream;

pub(crate) use call_result::ResultPart;
pub(crate) use connection::{CallEnd, McpConnection, ServerAddress, StartFailure, StartedServer};
pub(crate) use definition_hash::DefinitionHash;
pub(crate) use revision::Revision;
pub(crate) use server_spec::{
    SERVER_KEYS, ServerLaunch, ServerProcess, ServerSpec, SpecFlaw, SpecSource, WebServer,
};
pub(crate) use tool_name::model_tool_name;
pub(crate) use tool_page::ListedTool;
pub(crate) use variables::{MissingVariable, VariableText};
