//! `langdock chat`, with a user on a terminal and with lines from a program.

mod commands;
mod compacting;
mod courses;
mod faults;
mod lines;
mod lists;
mod pasting;
mod resizing;
mod shell;
mod trouble;
mod typing;
mod unsent;
mod whole;

use serde_json::Value;

use crate::support::{
    command::Langdock,
    events::MODEL,
    home::Home,
    outcome::Outcome,
    pty::{CTRL_D, Terminal},
    server::Server,
};

/// Ends a line.
pub(crate) const ENTER: &str = "\r";

/// The cursor key that recalls an earlier line.
pub(crate) const UP: &str = "\x1b[A";

/// Begins `langdock chat` with a model and the test key against `server`.
pub(crate) fn chat(server: &Server) -> Langdock {
    Langdock::new()
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .env("NO_COLOR", "1")
        .args(["chat"])
}

/// Starts it in a home, on a terminal, and waits for its prompt.
pub(crate) fn at_prompt(server: &Server, home: &Home, args: &[&str]) -> Terminal {
    let terminal = chat(server).home(home).args(args).on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal
}

/// Waits until this many prompts have been shown.
#[track_caller]
pub(crate) fn wait_for_prompt(terminal: &Terminal, times: usize) {
    // The sequence that enables bracketed paste is written right before each prompt, and after each
    // line; each prompt ends with its sign.
    terminal.wait_until(&format!("{times} prompts"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let begun: Vec<_> = text
            .split("\x1b[?2004h")
            .skip(1)
            .map(|shown| shown.contains("\n> "))
            .collect();
        let prompts = begun.iter().filter(|is_prompt| **is_prompt).count();
        prompts >= times && begun.last() == Some(&true)
    });
}

/// What is written before a program gets the terminal: its pastes are not marked.
pub(crate) const LENT: &str = "\x1b[?2004l";

/// Returns a paste as terminals send it: its line breaks are those of the Enter key.
pub(crate) fn paste(text: &str) -> String {
    format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r"))
}

/// Returns the messages of a request.
pub(crate) fn messages(server: &Server, nth: usize) -> Value {
    server.requests()[nth].json()["messages"].clone()
}

/// Returns the content of the last message of a request.
pub(crate) fn said(server: &Server, nth: usize) -> Value {
    messages(server, nth).as_array().unwrap().last().unwrap()["content"].clone()
}

/// Returns the text of a message with one block of it, which may be marked for the prompt cache.
pub(crate) fn text_of(content: &Value) -> &str {
    content
        .as_str()
        .or_else(|| content[0]["text"].as_str())
        .unwrap_or_default()
}

/// Presses Ctrl-D and returns the outcome.
#[track_caller]
pub(crate) fn leave(terminal: Terminal) -> Outcome {
    terminal.keys(CTRL_D);
    terminal.finish()
}
