//! MCP: the tools of servers in `tool-run` and `chat`, however the servers behave.

mod bounded;
mod command;
mod config;
mod misbehaving;
mod offered;
mod revisions;
mod streams;
mod web;

use serde_json::{Value, json};

use crate::support::{
    command::Langdock, home::Home, mcp_server::McpServer, outcome::Outcome, server::Server,
};
use crate::tools::{calling, done, playing, results, tool_run};

/// Starts `tool-run` with the server `s` against a model that calls its tool `echo` once, allowed.
pub(crate) fn run_with(server: &McpServer) -> (Home, Server, Outcome) {
    let home = Home::new();
    server.write(&home);
    let model = playing(&[
        calling(&[("s__echo", json!({"text": "hi"}))]),
        done("Done."),
    ]);
    let outcome = with_server(&model, &home).args(["-y", "Hi"]).run();
    (home, model, outcome)
}

/// Begins `tool-run` with the file of the server `s`.
fn with_server(model: &Server, home: &Home) -> Langdock {
    tool_run(model).home(home).args(["--mcp", "./s.json"])
}

/// Returns the result of the only call, which the model was sent with the second request.
#[track_caller]
pub(crate) fn result_of(model: &Server) -> Value {
    let requests = model.requests();
    assert_eq!(requests.len(), 2, "the model was asked once more");
    let mut results = results(&requests[1].json());
    assert_eq!(results.len(), 1);
    results.remove(0)
}
