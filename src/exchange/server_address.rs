//! What an MCP server is started or reached with: its program, its environment and its headers.

use std::ffi::OsString;
use std::path::Path;

use crate::app::App;
use crate::client::{ClientOptions, web_client};
use crate::compose::tool_files::confirm_exposed;
use crate::config::{inherited_var, run_command};
use crate::error::Error;
use crate::guard::ChildCommand;
use crate::input::on_a_thread;
use crate::mcp::{
    MissingVariable, ServerAddress, ServerLaunch, ServerProcess, ServerSpec, VariableText,
    WebServer,
};
use crate::text::without_os_codes;
use crate::tool::{FoundProgram, passed_variables};

/// Looks up what a server is started or reached with. The inner error is why it cannot be; the
/// outer one ends the run even if the server is optional.
pub(super) async fn address_of(
    app: &App,
    spec: &ServerSpec,
    options: &ClientOptions,
) -> Result<Result<ServerAddress, String>, Error> {
    match &spec.launch {
        ServerLaunch::Process(process) => command_of(app, process).await,
        ServerLaunch::Web(server) => web_address(app, server, options).await,
    }
}

async fn command_of(
    app: &App,
    process: &ServerProcess,
) -> Result<Result<ServerAddress, String>, Error> {
    let search_path = inherited_var("PATH");
    let found = FoundProgram::find(&process.command, &process.directory, search_path.as_deref());
    let program = match found {
        Ok(program) => program,
        Err(why) => return Ok(Err(why)),
    };
    confirm_exposed(app, &program).await?;
    if let Some(cwd) = process.cwd.as_deref().filter(|cwd| !cwd.is_dir()) {
        return Ok(Err(format!(
            "its `cwd` `{}` is not a directory",
            cwd.display()
        )));
    }
    let mut variables = passed_variables(inherited_var, &app.secrets);
    let env = match expand_all(app, "env", &process.env) {
        Ok(env) => env,
        Err(why) => return Ok(Err(why)),
    };
    for (name, value) in env {
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
    Ok(Ok(ServerAddress::Process(command)))
}

/// Replaces the variables in the values of a table. A variable that has the key in use counts as
/// not set, and a value that has it is refused.
fn expand_all(
    app: &App,
    table: &str,
    pairs: &[(String, VariableText)],
) -> Result<Vec<(String, String)>, String> {
    let variable = |name: &str| {
        let value = inherited_var(name)?.into_string().ok()?;
        (!app.secrets.is_in(&value)).then_some(value)
    };
    let expand = |(name, text): &(String, VariableText)| {
        let value = text.expand(variable).map_err(|MissingVariable(missing)| {
            let why = match inherited_var(&missing) {
                Some(_) => "has the key of the endpoint, which no server gets",
                None => "is not set",
            };
            format!("`{table}`: the variable `{missing}` of `{name}` {why}")
        })?;
        if app.secrets.is_in(&value) {
            let why = "has the key of the endpoint, which no server gets";
            return Err(format!("`{table}`: `{name}` {why}"));
        }
        Ok((name.clone(), value))
    };
    pairs.iter().map(expand).collect()
}

async fn web_address(
    app: &App,
    server: &WebServer,
    options: &ClientOptions,
) -> Result<Result<ServerAddress, String>, Error> {
    let mut headers = match expand_all(app, "headers", &server.headers) {
        Ok(headers) => headers,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(words) = server.headers_cmd.clone() {
        let program = words.first().cloned().unwrap_or_default();
        let running = on_a_thread(move || Ok(run_command(&words)));
        let printed = app.unless_interrupted(running).await?;
        let printed = printed.unwrap_or_else(|error| Err(error.to_string()));
        match printed.and_then(|text| printed_headers(&text)) {
            Ok(more) => headers.extend(more),
            Err(why) => {
                let why = without_os_codes(&why).into_owned();
                return Ok(Err(format!("`{program}` (headers_cmd) failed: {why}")));
            }
        }
    }
    let address = web_client(&server.url, options)
        .map_err(|error| error.to_string())
        .and_then(|web| ServerAddress::for_web(web.client, web.url, &headers));
    Ok(address)
}

/// Reads what `headers_cmd` printed: a JSON object of texts, or lines such as `Name: value`.
fn printed_headers(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.trim_start().starts_with('{') {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
            .map_err(|_| "it printed neither lines nor a JSON object".to_owned())?;
        let pair = |(name, value): (String, serde_json::Value)| match value {
            serde_json::Value::String(value) => Ok((name, value)),
            _ => Err(format!("`{name}` is not text")),
        };
        return object.into_iter().map(pair).collect();
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').ok_or("a line has no colon")?;
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
