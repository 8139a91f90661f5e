//! The MCP servers of a run: started side by side, asked for their tools, called, and ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::credentials::learn_key;
use super::server_plan::ServerPlan;
use crate::app::App;
use crate::compose::tool_files::confirm_exposed;
use crate::config::{ServerRevisions, Settings};
use crate::error::Error;
use crate::input::Tokens;
use crate::mcp::{
    CallEnd, DefinitionHash, ListedTool, McpConnection, ResultPart, Revision, ServerSpec,
    StartFailure, StartedServer, model_tool_name,
};
use crate::media::{ImageSize, PictureFit};
use crate::model_text;
use crate::protocol::{ExactFields, ExactJson, ToolDefinition};
use crate::text::{counted, grouped, truncate_to_width};
use crate::tool::{Outcome, OutcomePart, ServerTool, Stop, Tool, make_outcome};

/// More tools of servers than this are worth a notice: each costs tokens with every request.
const MANY_TOOLS: usize = 40;

/// More tokens of their definitions than this are, too.
const MANY_TOKENS: u64 = 10_000;

/// How much of the name of a tool that is left out is shown, in columns.
const MAX_SHOWN_NAME: usize = 80;

/// Is told how far a call is, in words.
pub(crate) type CallProgress = Box<dyn Fn(&str) + Send + Sync>;

/// Servers that are being started.
#[derive(Debug, Default)]
pub(crate) struct StartingServers(VecDeque<StartingServer>);

#[derive(Debug)]
struct StartingServer {
    spec: ServerSpec,
    /// The revision that it spoke the last time, if the start depends on it.
    remembered: Option<Revision>,
    task: JoinHandle<StartedServer>,
}

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
    /// Begins to start servers. The error is that the user does not want one of them; all others
    /// are reported by [`Self::wait`].
    pub(crate) async fn start(
        app: &App,
        specs: Vec<ServerSpec>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        learn_key(app, &settings.key);
        let mut starting = Self::default();
        for spec in specs {
            let plan = ServerPlan::for_server(app, &spec, &settings.options);
            if let Ok(plan) = &plan
                && let Some(program) = &plan.program
                && let Err(error) = confirm_exposed(app, program).await
            {
                starting.close().await;
                return Err(error);
            }
            starting.0.push_back(StartingServer::new(app, spec, plan));
        }
        Ok(starting)
    }

    /// Waits until each server has answered or failed. One that failed ends the run, unless it is
    /// optional; the others are ended then.
    pub(crate) async fn wait(mut self, app: &App) -> Result<ToolServers, Error> {
        let mut servers = ToolServers::default();
        match self.add_all_to(&mut servers, app).await {
            Ok(()) => {
                servers.report(app);
                Ok(servers)
            }
            Err(error) => {
                self.close().await;
                ToolServers::close(servers.into(), app).await;
                Err(error)
            }
        }
    }

    async fn add_all_to(&mut self, servers: &mut ToolServers, app: &App) -> Result<(), Error> {
        while let Some(starting) = self.0.front_mut() {
            let started = app.unless_interrupted(&mut starting.task).await?;
            let started = started.expect("starting a server does not panic");
            let Some(StartingServer {
                spec, remembered, ..
            }) = self.0.pop_front()
            else {
                break;
            };
            remember_revision(&spec, remembered.as_ref(), &started);
            match started {
                Ok((connection, tools)) => servers.add(app, spec, connection, tools),
                Err(failure) => {
                    let is_optional = spec.is_optional;
                    let error = Error::McpServer {
                        server: spec.name,
                        given: spec.given,
                        reason: failure.reason,
                        last_lines: failure.last_lines,
                    };
                    if !is_optional {
                        return Err(error);
                    }
                    let notice = format!("{}; continuing without it", error.message());
                    app.notices.notice(&notice);
                }
            }
        }
        Ok(())
    }

    /// Ends servers that nobody waits for any more. One that has not answered yet is killed.
    pub(crate) async fn close(self) {
        let mut closing = JoinSet::new();
        for StartingServer { task, .. } in self.0 {
            if !task.is_finished() {
                task.abort();
            } else if let Ok(Ok((connection, _))) = task.await {
                closing.spawn(connection.close());
            }
        }
        let _ = closing.join_all().await;
    }
}

impl StartingServer {
    /// Begins to start a server in the background.
    fn new(app: &App, spec: ServerSpec, plan: Result<ServerPlan, String>) -> Self {
        let limit = spec.start_timeout();
        let (secrets, guard) = (Arc::clone(&app.secrets), Arc::clone(&app.guard));
        let hash = DefinitionHash::for_launch(&spec.launch);
        let remembered = ServerRevisions::for_user()
            .and_then(|revisions| revisions.of_server(&hash, SystemTime::now()));
        let known = remembered.clone();
        let task = tokio::spawn(async move {
            match plan {
                Ok(plan) => plan.open(secrets, guard, known, limit).await,
                Err(reason) => Err(StartFailure {
                    reason,
                    last_lines: Vec::new(),
                }),
            }
        });
        Self {
            spec,
            remembered,
            task,
        }
    }
}

/// Remembers the revision of a server for its next start, or forgets it if the start failed.
fn remember_revision(spec: &ServerSpec, remembered: Option<&Revision>, started: &StartedServer) {
    let spoken = started
        .as_ref()
        .ok()
        .map(|(connection, _)| connection.revision());
    if spoken == remembered {
        return;
    }
    if let Some(revisions) = ServerRevisions::for_user() {
        let hash = DefinitionHash::for_launch(&spec.launch);
        // What is not remembered costs one more request.
        let _ = revisions.update(&hash, spoken, SystemTime::now());
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
    /// Adds a server that has started, and reports what it offers.
    fn add(
        &mut self,
        app: &App,
        spec: ServerSpec,
        connection: McpConnection,
        tools: Vec<ListedTool>,
    ) {
        let name = &spec.name;
        let missing = missing_tools(&spec, &tools);
        if !missing.is_empty() {
            let notice = format!("the MCP server `{name}` has no tool {missing}");
            app.notices.notice(&notice);
        }
        let revision = connection.revision().name();
        let count = counted(tools.len(), "tool");
        app.notices.log_step(&format!(
            "MCP server `{name}`: {count}, revision {revision}"
        ));
        self.running.push(RunningServer {
            spec,
            connection,
            listed: Mutex::new(tools),
        });
    }

    /// Returns the tools that the model is offered, sorted, so that the same servers always make
    /// the same request. What cannot be sent is left out, with a notice.
    pub(crate) fn tools(&self, app: &App) -> Vec<Tool> {
        self.tools_where(app, |_, _| true)
    }

    /// Returns the tools with this name, which is the server's or the model's for it.
    pub(crate) fn tools_named(&self, app: &App, name: &str) -> Vec<Tool> {
        self.tools_where(app, |server, tool| {
            tool == name || model_tool_name(server, tool) == name
        })
    }

    /// Returns the names that the servers have for their tools.
    pub(crate) fn listed_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for server in &self.running {
            let listed = server.listed.lock().unwrap_or_else(PoisonError::into_inner);
            names.extend(listed.iter().map(|tool| tool.name.clone()));
        }
        names
    }

    /// Returns the tools of which `is_meant` is true, given the names of server and tool.
    fn tools_where(&self, app: &App, is_meant: impl Fn(&str, &str) -> bool) -> Vec<Tool> {
        let mut tools = Vec::new();
        for server in &self.running {
            let listed = server.listed.lock().unwrap_or_else(PoisonError::into_inner);
            let is_wanted = |tool: &&ListedTool| {
                let is_offered = match &server.spec.tools {
                    Some(names) => names.contains(&tool.name),
                    None => true,
                };
                is_offered && is_meant(&server.spec.name, &tool.name)
            };
            let mut names = BTreeSet::new();
            for tool in listed.iter().filter(is_wanted) {
                let made = if names.insert(&tool.name) {
                    self.tool(&server.spec.name, tool)
                } else {
                    Err("the server lists another tool of this name before it".to_owned())
                };
                match made {
                    Ok(tool) => tools.push(tool),
                    Err(why) => app.notices.notice(&format!(
                        "left out the tool `{}` of the MCP server `{}`: {why}",
                        truncate_to_width(&tool.name, MAX_SHOWN_NAME),
                        server.spec.name
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

    /// Asks the servers whose list of tools may have changed for it again. Returns whether any has.
    /// A server that does not answer keeps the tools that it had.
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
                    let mut listed = server.listed.lock().unwrap_or_else(PoisonError::into_inner);
                    has_changed |= *listed != tools;
                    *listed = tools;
                }
                Err(why) => app.notices.notice(&format!(
                    "cannot update the tools of the MCP server `{}`: {why}",
                    server.spec.name
                )),
            }
        }
        if has_changed {
            app.notices
                .notice("an MCP server changed its tools; the new list applies from now on");
        }
        Ok(has_changed)
    }

    /// Runs a call. The images in its result are changed as `image_size` says.
    pub(crate) async fn call(
        &self,
        tool: &ServerTool,
        input: &ExactJson,
        image_size: ImageSize,
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
                let (parts, is_error): (Vec<_>, _) = (parts.collect(), result.is_error);
                let has_images = parts
                    .iter()
                    .any(|part| matches!(part, OutcomePart::Image(_)));
                let fit = PictureFit::for_tool(image_size);
                make_outcome(has_images, move || {
                    Outcome::from_parts(parts, is_error, elapsed, fit)
                })
                .await
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
            "the {} of MCP servers add about {} tokens to each request; choose fewer with \
            `tools = [...]` in [mcp.NAME] of the config file (`langdock mcp tools --cost` shows \
            what each adds)",
            counted(tools.len(), "tool"),
            grouped(tokens)
        ));
    }
}

/// Returns the tokens that the definition of a tool costs, estimated.
pub(crate) fn definition_tokens(tool: &Tool) -> u64 {
    Tokens::of_definition(&tool.definition).likely(None)
}
