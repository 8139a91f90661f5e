//! Conversations: what is saved, where a conversation continues, and what survives.

mod broken;
mod demo;
mod earlier;
mod endpoint;
mod kept;
mod killed;
mod parallel;
mod pictures;
mod saved;
mod titles;

use serde_json::Value;

use crate::support::{
    command::Langdock, home::Home, request::Request, sending::send, server::Server,
};

/// Begins `send` with a shared home.
pub(crate) fn saying(server: &Server, home: &Home, args: &[&str]) -> Langdock {
    send(server).home(home).args(args)
}

/// Returns the texts of all messages in a request body.
pub(crate) fn said(request: &Request) -> Vec<String> {
    let body = request.json();
    let messages = body["messages"].as_array().unwrap().clone();
    let text = |content: &Value| {
        content
            .as_str()
            .map_or_else(|| content.to_string(), str::to_owned)
    };
    messages
        .iter()
        .map(|message| text(&message["content"]))
        .collect()
}

/// Returns the ids of all conversations.
pub(crate) fn ids(home: &Home) -> Vec<String> {
    let outcome = Langdock::new()
        .home(home)
        .args(["session", "list", "--json"])
        .run();
    let list = outcome.code(0).stdout_json();
    list.as_array()
        .unwrap()
        .iter()
        .map(|summary| summary["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns a conversation as JSON.
pub(crate) fn shown(home: &Home, name: &str) -> Value {
    Langdock::new()
        .home(home)
        .args(["session", "show", name, "--json"])
        .run()
        .code(0)
        .stdout_json()
}

/// Returns the lines of a conversation's file.
fn lines(home: &Home, name: &str) -> Vec<Value> {
    let path = shown(home, name)["path"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect()
}
