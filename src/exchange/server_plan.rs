//! What an MCP server is started or reached with: its program, its environment and its headers.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::client::{ClientOptions, WebClient, web_client};
use crate::config::{inherited_var, inherited_vars};
use crate::guard::{ChildCommand, ChildGuard};
use crate::mcp::{
    McpConnection, MissingVariable, Revision, ServerAddress, ServerLaunch, ServerProcess,
    ServerSpec, StartFailure, StartedServer, VariableText, WebServer,
};
use crate::text::KnownSecrets;
use crate::tool::{FoundProgram, passed_variables, printed_by, without_key};

/// How much a program of `headers_cmd` may print, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// Why a value is not given to a server.
const HAS_KEY: &str = "has the key of the endpoint, which no server gets";

/// Everything that was looked up for a server; nothing has been started yet.
pub(crate) struct ServerPlan {
    /// The program that is started for it, if one is: the server, or that of `headers_cmd`.
    pub(crate) program: Option<FoundProgram>,
    step: FirstStep,
}

/// What is done first.
enum FirstStep {
    /// The server is started.
    Start(ChildCommand),
    /// The server is connected to.
    Connect {
        web: WebClient,
        headers: Vec<(String, String)>,
        /// What prints further headers.
        headers_cmd: Option<ChildCommand>,
    },
}

impl ServerPlan {
    /// Looks up what a server is started or reached with; the error says what is missing.
    pub(crate) fn for_server(
        app: &App,
        spec: &ServerSpec,
        options: &ClientOptions,
    ) -> Result<Self, String> {
        match &spec.launch {
            ServerLaunch::Process(process) => plan_process(app, process),
            ServerLaunch::Web(server) => plan_web(app, server, options),
        }
    }

    /// Starts or reaches the server, within `limit`.
    pub(super) async fn open(
        self,
        secrets: Arc<KnownSecrets>,
        guard: Arc<ChildGuard>,
        remembered: Option<Revision>,
        limit: Duration,
    ) -> StartedServer {
        let begun = Instant::now();
        let failed = |reason: String| StartFailure {
            reason,
            last_lines: Vec::new(),
        };
        let address = match self.step {
            FirstStep::Start(command) => ServerAddress::Process(command),
            FirstStep::Connect {
                web,
                mut headers,
                headers_cmd,
            } => {
                if let Some(command) = headers_cmd {
                    let more = ask_for_headers(&command, &secrets, &guard, limit).await;
                    headers.extend(more.map_err(|why| {
                        let program = command.program.display();
                        failed(format!("`{program}` (headers_cmd): {why}"))
                    })?);
                }
                ServerAddress::for_web(web.client, web.url, &headers).map_err(failed)?
            }
        };
        McpConnection::open(address, remembered, begun, limit).await
    }
}

fn plan_process(app: &App, process: &ServerProcess) -> Result<ServerPlan, String> {
    let search_path = inherited_var("PATH");
    let program = FoundProgram::find(&process.command, &process.directory, search_path.as_deref())?;
    if let Some(cwd) = process.cwd.as_deref().filter(|cwd| !cwd.is_dir()) {
        return Err(format!("its `cwd` `{}` is not a directory", cwd.display()));
    }
    let mut variables = passed_variables(inherited_var, &app.secrets);
    for (name, value) in expand_all(app, "env", &process.env)? {
        let (name, value) = (OsString::from(name), OsString::from(value));
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
    }
    let mut command = ChildCommand::new(program.path());
    for arg in &process.args {
        command.arg(arg);
    }
    command.variables = variables;
    command.directory.clone_from(&process.cwd);
    Ok(ServerPlan {
        program: Some(program),
        step: FirstStep::Start(command),
    })
}

fn plan_web(app: &App, server: &WebServer, options: &ClientOptions) -> Result<ServerPlan, String> {
    let headers = expand_all(app, "headers", &server.headers)?;
    let web = web_client(&server.url, options).map_err(|error| error.to_string())?;
    let words = server.headers_cmd.as_deref().and_then(<[_]>::split_first);
    let (mut program, mut headers_cmd) = (None, None);
    if let Some((name, args)) = words {
        let search_path = inherited_var("PATH");
        let found = FoundProgram::find(name, Path::new("/"), search_path.as_deref());
        let found = found.map_err(|why| format!("`headers_cmd`: {why}"))?;
        let mut command = ChildCommand::new(found.path());
        for arg in args {
            command.arg(arg);
        }
        // The program is the user's own, and finds its tokens as it would in a shell.
        command.variables = without_key(inherited_vars(), &app.secrets);
        (program, headers_cmd) = (Some(found), Some(command));
    }
    let step = FirstStep::Connect {
        web,
        headers,
        headers_cmd,
    };
    Ok(ServerPlan { program, step })
}

/// Runs a program that prints headers; the error is a clause that says why there are none.
async fn ask_for_headers(
    command: &ChildCommand,
    secrets: &KnownSecrets,
    guard: &ChildGuard,
    limit: Duration,
) -> Result<Vec<(String, String)>, String> {
    let printed = printed_by(guard, command, MAX_HEADERS, limit).await;
    // The first line is enough to know what the program wants.
    let printed = printed.map_err(|why| why.lines().next().unwrap_or_default().to_owned())?;
    let headers = printed_headers(&printed)?;
    if headers.is_empty() {
        return Err("it printed no headers".to_owned());
    }
    match headers.iter().find(|(_, value)| secrets.is_in(value)) {
        Some((name, _)) => Err(format!("`{name}` {HAS_KEY}")),
        None => Ok(headers),
    }
}

/// Replaces the variables in the values of a table. A variable that has the key in use counts as
/// not set, and a value that has it is refused.
fn expand_all(
    app: &App,
    table: &str,
    pairs: &[(String, VariableText)],
) -> Result<Vec<(String, String)>, String> {
    let variable = |name: &str| variable_text(name).filter(|value| !app.secrets.is_in(value));
    let expand = |(name, text): &(String, VariableText)| {
        let value = text.expand(variable).map_err(|MissingVariable(missing)| {
            let is_key = variable_text(&missing).is_some_and(|value| app.secrets.is_in(&value));
            let why = if is_key { HAS_KEY } else { "is not set" };
            format!("`{table}`: the variable `{missing}` of `{name}` {why}")
        })?;
        if app.secrets.is_in(&value) {
            return Err(format!("`{table}`: `{name}` {HAS_KEY}"));
        }
        Ok((name.clone(), value))
    };
    pairs.iter().map(expand).collect()
}

/// Returns a variable of our own environment, if it is text.
fn variable_text(name: &str) -> Option<String> {
    inherited_var(name)?.into_string().ok()
}

/// Reads what `headers_cmd` printed: a JSON object of texts, or lines such as `Name: value`.
fn printed_headers(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.trim_start().starts_with('{') {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
            .map_err(|_| "it printed neither lines nor a JSON object".to_owned())?;
        let pair = |(name, value): (String, serde_json::Value)| match value {
            serde_json::Value::String(value) => Ok((name, value)),
            _ => Err(format!("the value of `{name}` is not text")),
        };
        return object.into_iter().map(pair).collect();
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let pair = |line: &str| {
        let (name, value) = line
            .split_once(':')
            .ok_or("it printed a line without a colon")?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    lines.map(pair).collect()
}

/// Whether what was given to `--mcp` is a path, and not a name in the config file.
pub(crate) fn is_path(given: &str) -> bool {
    given.contains('/')
        || Path::new(given)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines_or_a_json_object() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for text in ["A: b\n\nC:d:e \n", "{\"A\": \"b\", \"C\": \"d:e\"}"] {
            let expected = vec![pair("A", "b"), pair("C", "d:e")];
            assert_eq!(printed_headers(text), Ok(expected), "{text}");
        }
        for text in ["token", "{\"A\": 1}", "{"] {
            assert!(printed_headers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_has_a_slash_or_ends_in_json() {
        for path in ["./a", "a/b", "servers.json", ".mcp.json"] {
            assert!(is_path(path), "{path}");
        }
        assert!(!is_path("files") && !is_path("json"));
    }
}
