//! Tools that run on this machine, and answers that must match a schema.

mod approval;
mod child;
mod examples;
mod files;
mod forged;
mod guard;
mod interrupted;
mod programs;
mod refused;
mod run;
mod schema;
mod schema_ways;

use serde_json::{Value, json};

use crate::support::{
    command::Langdock,
    events::{MODEL, Stream},
    home::Home,
    reply::Reply,
    server::Server,
};

/// Begins `langdock tool-run` with a model and the test key against `server`.
pub(crate) fn tool_run(server: &Server) -> Langdock {
    Langdock::new()
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .args(["tool-run"])
}

/// Starts a server that replies with these streams in order, and with the last one for all further
/// requests.
pub(crate) fn playing(streams: &[Stream]) -> Server {
    let texts: Vec<String> = streams.iter().map(ToString::to_string).collect();
    Server::start(move |_, number| Reply::sse(&texts[number.min(texts.len() - 1)]))
}

/// Returns an answer that calls these tools with these inputs; the ids are `t1`, `t2` and so on.
pub(crate) fn calling(calls: &[(&str, Value)]) -> Stream {
    let mut stream = Stream::new().start();
    for (index, (name, input)) in calls.iter().enumerate() {
        stream = stream.tool_use_block(&format!("t{}", index + 1), name, [input.to_string()]);
    }
    stream.stop("tool_use")
}

/// Returns an answer without calls.
pub(crate) fn done(text: &str) -> Stream {
    Stream::new().start().text_block([text]).stop("end_turn")
}

/// Writes a tools file `t.toml` with a tool `t` that runs this shell command and has further keys;
/// returns its home.
pub(crate) fn shell_tool(line: &str, more: &str) -> Home {
    let home = Home::new();
    home.write("work/t.toml", toml("t", line, more));
    home
}

/// Returns the TOML of a tool that accepts any input and runs a shell command.
pub(crate) fn toml(name: &str, line: &str, more: &str) -> String {
    format!(
        "[[tool]]\nname = \"{name}\"\ninput_schema = {{ type = \"object\" }}\nshell = '''{line}'''\n{more}\n"
    )
}

/// Returns the tool results in a request, after checking that they come first in its last message.
#[track_caller]
pub(crate) fn results(body: &Value) -> Vec<Value> {
    let last = body["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .expect("messages");
    assert_eq!(last["role"], "user", "{last}");
    let results = last["content"].as_array().expect("blocks").clone();
    assert!(
        results.iter().all(|block| block["type"] == "tool_result"),
        "{last}"
    );
    results
}

/// Returns the result of a failed call.
pub(crate) fn failure(id: &str, message: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": message, "is_error": true})
}
