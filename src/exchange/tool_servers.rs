//! The MCP servers of a run: started side by side, asked for their tools, called, and ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::server_address::address_of;
use crate::app::App;
use crate::client::ClientOptions;
use crate::error::Error;
use crate::input::Tokens;
use crate::mcp::{
    CallEnd, ListedTool, McpConnection, ResultPart, ServerSpec, StartFailure, model_tool_name,
};
use crate::model_text;
use crate::protocol::{ExactFields, ExactJson, ToolDefinition};
use crate::text::{counted, grouped};
use crate::tool::{Outcome, OutcomePart, ServerTool, Stop, Tool};

/// More tools of servers than this are worth a notice: each costs tokens with every request.
const MANY_TOOLS: usize = 40;

/// More tokens of their definitions than this are, too.
const MANY_TOKENS: u64 = 10_000;

/// Is told how far a call is, in words.
pub(crate) type CallProgress = Box<dyn Fn(&str) + Send + Sync>;

/// A server that has answered, with its tools.
type Started = Result<(McpConnection, Vec<ListedTool>), StartFailure>;

/// Servers that are being started.
#[derive(Debug, Default)]
pub(crate) struct StartingServers(Vec<(ServerSpec, JoinHandle<Started>)>);

/// Running servers.
#[derive(Debug, Default)]
pub(crate) struct ToolServers {
    running: Vec<RunningServer>,
    /// The definitions of tools as the run began with them, by the names that the model knows.
    first_definitions: Mutex<BTreeMap<String, (ToolDefinition, bool)>>,
}

#[derive(Debug)]
struct RunningServer {
    spec: ServerSpec,
    connection: McpConnection,
    listed: Mutex<Vec<ListedTool>>,
}

impl StartingServers {
    /// Begins to start servers; the error is about what is missing for that.
    pub(crate) async fn start(
        app: &App,
        specs: Vec<ServerSpec>,
        options: &ClientOptions,
    ) -> Result<Self, Error> {
        let mut starting = Self::default();
        for spec in specs {
            let limit = spec.start_timeout();
            let task = match address_of(app, &spec, options).await? {
                Ok(address) => tokio::spawn(McpConnection::open(address, limit)),
                Err(reason) => {
                    let last_lines = Vec::new();
                    tokio::spawn(async move { Err(StartFailure { reason, last_lines }) })
                }
            };
            starting.0.push((spec, task));
        }
        Ok(starting)
    }

    /// Waits until each server has answered or failed. One that failed ends the run, unless it is
    /// optional.
    pub(crate) async fn wait(self, app: &App) -> Result<ToolServers, Error> {
        let mut servers = ToolServers::default();
        for (spec, task) in self.0 {
            let started = app.unless_interrupted(task).await?;
            match started.expect("starting a server does not panic") {
                Ok((connection, tools)) => {
                    let missing = missing_tools(&spec, &tools);
                    if !missing.is_empty() {
                        let notice =
                            format!("the MCP server `{}` has no tool {missing}", spec.name);
                        app.notices.notice(&notice);
                    }
                    let name = &spec.name;
                    let revision = connection.revision_name();
                    let count = counted(tools.len(), "tool");
                    app.notices.log_step(&format!(
                        "MCP server `{name}`: {count}, revision {revision}"
                    ));
                    servers.running.push(RunningServer {
                        spec,
                        connection,
                        listed: Mutex::new(tools),
                    });
                }
                Err(failure) => {
                    let optional = spec.is_optional;
                    let error = Error::McpServer {
                        server: spec.name,
                        reason: failure.reason,
                        last_lines: failure.last_lines,
                    };
                    if !optional {
                        return Err(error);
                    }
                    let notice = format!("{}; continuing without it", error.message());
                    app.notices.notice(&notice);
                }
            }
        }
        servers.report(app);
        Ok(servers)
    }
}

/// Returns the tools that `tools` names and the server does not have.
fn missing_tools(spec: &ServerSpec, listed: &[ListedTool]) -> String {
    let is_missing = |name: &&String| !listed.iter().any(|tool| tool.name == **name);
    let missing = spec.tools.iter().flatten().filter(is_missing);
    let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
    missing.join(", ")
}

impl ToolServers {
    /// Returns the tools that the model is offered, sorted, so that the same servers always make
    /// the same request. What cannot be sent is left out, with a notice.
    pub(crate) fn tools(&self, app: &App) -> Vec<Tool> {
        let mut tools = Vec::new();
        for server in &self.running {
            let listed = server.listed.lock().unwrap_or_else(PoisonError::into_inner);
            let is_wanted = |tool: &&ListedTool| match &server.spec.tools {
                Some(names) => names.contains(&tool.name),
                None => true,
            };
            for tool in listed.iter().filter(is_wanted) {
                match self.tool(&server.spec.name, tool) {
                    Ok(tool) => tools.push(tool),
                    Err(why) => app.notices.notice(&format!(
                        "left out the tool `{}` of the MCP server `{}`: {why}",
                        tool.name, server.spec.name
                    )),
                }
            }
        }
        tools.sort_by(|one, other| one.name().cmp(other.name()));
        tools
    }

    fn tool(&self, server: &str, listed: &ListedTool) -> Result<Tool, String> {
        let name = model_tool_name(server, &listed.name);
        let mut fields = ExactFields::default();
        fields.insert("name", Value::from(name.as_str()));
        if let Some(description) = &listed.description {
            fields.insert("description", Value::from(description.as_str()));
        }
        fields.insert("input_schema", listed.input_schema.clone());
        let tool = ServerTool {
            server: server.to_owned(),
            name: listed.name.clone(),
            confirm: listed.is_destructive,
            has_changed: false,
        };
        let mut tool = Tool::for_server(tool, fields)?;
        let mut known = self
            .first_definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = (tool.definition.clone(), listed.is_destructive);
        let (definition, was_destructive) = known.entry(name).or_insert(first);
        // A server's word can only raise what is asked.
        let is_raised = listed.is_destructive && !*was_destructive;
        let has_changed = *definition != tool.definition || is_raised;
        if let Some(server) = &mut tool.server {
            server.has_changed = has_changed;
            server.confirm |= *was_destructive;
        }
        Ok(tool)
    }

    /// Asks the servers whose list of tools has changed for it again. Returns whether any has. A
    /// server that does not answer keeps the tools that it had.
    pub(crate) async fn refresh(&self, app: &App) -> Result<bool, Error> {
        let mut has_changed = false;
        for server in &self.running {
            if !server.connection.take_list_change() {
                continue;
            }
            let limit = server.spec.start_timeout();
            let listed = server.connection.list_tools(limit);
            match app.unless_interrupted(listed).await? {
                Ok(tools) => {
                    *server.listed.lock().unwrap_or_else(PoisonError::into_inner) = tools;
                    has_changed = true;
                }
                Err(why) => app.notices.notice(&format!(
                    "the MCP server `{}` did not list its changed tools: {why}",
                    server.spec.name
                )),
            }
        }
        if has_changed {
            app.notices.notice(
                "an MCP server changed its tools; the new list applies from the next request",
            );
        }
        Ok(has_changed)
    }

    /// Runs a call.
    pub(crate) async fn call(
        &self,
        tool: &ServerTool,
        input: &ExactJson,
        mut stop: watch::Receiver<Stop>,
        progress: CallProgress,
    ) -> Outcome {
        let is_asked = |server: &&RunningServer| server.spec.name == tool.server;
        let Some(server) = self.running.iter().find(is_asked) else {
            return Outcome::error(model_text::server_is_gone(&tool.server));
        };
        if *stop.borrow() != Stop::No {
            return Outcome::error(model_text::TOOLS_STOPPED);
        }
        let started = Instant::now();
        let cancelled = async move {
            if stop.wait_for(|stop| *stop != Stop::No).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let input = input.to_string();
        let limit = server.spec.call_timeout();
        let call = server
            .connection
            .call(&tool.name, &input, limit, &*progress, cancelled);
        let end = call.await;
        let elapsed = started.elapsed();
        let failed = |why: String| Outcome {
            took: Some(elapsed),
            ..Outcome::error(why)
        };
        match end {
            CallEnd::Result(result) => {
                let parts = result.parts.into_iter().map(|part| match part {
                    ResultPart::Text(text) => OutcomePart::Text(text),
                    ResultPart::Image(bytes) => OutcomePart::Image(bytes),
                    ResultPart::Other(what) => OutcomePart::LeftOut(what),
                });
                Outcome::from_parts(parts.collect(), result.is_error, elapsed)
            }
            CallEnd::Failed(why) => failed(model_text::server_call_failed(&tool.server, &why)),
            CallEnd::TimedOut(limit) => failed(model_text::tool_timed_out(limit)),
            CallEnd::Cancelled => failed(model_text::TOOL_STOPPED.to_owned()),
        }
    }

    /// Reports what the servers printed besides messages.
    pub(crate) fn report(&self, app: &App) {
        for RunningServer {
            spec, connection, ..
        } in &self.running
        {
            if let Some(line) = connection.take_first_noise() {
                app.notices.notice(&format!(
                    "the MCP server `{}` prints lines that are not messages; skipping them: {line}",
                    spec.name
                ));
            }
            for line in connection.drain_printed_lines().lines() {
                app.notices.log_step(&format!("{}: {line}", spec.name));
            }
        }
    }

    /// Ends the servers, all at once.
    pub(crate) async fn close(servers: Arc<Self>, app: &App) {
        servers.report(app);
        // A call that is still running ends with the process, and its server by the guard.
        let Some(servers) = Arc::into_inner(servers) else {
            return;
        };
        let mut closing = JoinSet::new();
        for server in servers.running {
            closing.spawn(server.connection.close());
        }
        let _ = closing.join_all().await;
    }
}

/// Prints a notice if the tools of servers cost much.
pub(crate) fn report_cost(app: &App, tools: &[Tool]) {
    let tokens: u64 = tools.iter().map(definition_tokens).sum();
    if tools.len() > MANY_TOOLS || tokens > MANY_TOKENS {
        app.notices.notice(&format!(
            "{} of MCP servers cost about {} tokens with each request; `tools = [...]` in \
            [mcp.NAME] of the config file chooses some, and `langdock mcp tools --cost` shows what \
            each costs",
            counted(tools.len(), "tool"),
            grouped(tokens)
        ));
    }
}

/// Returns the tokens that the definition of a tool costs, estimated.
pub(crate) fn definition_tokens(tool: &Tool) -> u64 {
    Tokens::of_definition(&tool.definition).likely(None)
}
