//! `langdock mcp`: lists, tries, checks and imports MCP servers.

mod call;
mod doctor;

use std::path::Path;

use serde_json::{Value, json};

use crate::app::App;
use crate::cli::{McpAction, McpArgs};
use crate::config::{Flags, Paths, Settings, config_path, import_servers, without_login};
use crate::error::Error;
use crate::exchange::named_servers::{named_servers, read_servers};
use crate::exchange::settings::settings;
use crate::exchange::tool_servers::{StartingServers, ToolServers, definition_tokens};
use crate::mcp::{ServerLaunch, ServerSpec};
use crate::text::{TableColumn, TextTable, counted, grouped};
use crate::tool::Tool;

/// Does what is asked about MCP servers.
pub(crate) async fn mcp(app: &App, args: &McpArgs) -> Result<(), Error> {
    match &args.action {
        McpAction::Import { file } => import(app, file).await,
        McpAction::List { json } => list(app, &own_settings(app)?.servers, *json),
        McpAction::Tools {
            servers,
            cost,
            json,
        } => tools(app, servers, *cost, *json).await,
        McpAction::Call {
            server,
            tool,
            input,
            json,
        } => call::call(app, server, tool, input, *json).await,
        McpAction::Doctor { servers, json } => doctor::doctor(app, servers, *json).await,
    }
}

/// Reads the settings, of which servers on the web need those of the connection.
fn own_settings(app: &App) -> Result<Settings, Error> {
    settings(app, &Flags::default(), None)
}

/// Returns the servers that were named, or all of the config file if none was.
async fn chosen_servers(
    app: &App,
    given: &[String],
    settings: &Settings,
) -> Result<Vec<ServerSpec>, Error> {
    let servers = if given.is_empty() {
        settings.servers.clone()
    } else {
        named_servers(app, given, &settings.servers).await?
    };
    if servers.is_empty() {
        return Err(Error::Usage {
            message: "the config file has no MCP servers".to_owned(),
            hint: Some(
                "name a JSON file, or add its servers with `langdock mcp import FILE`".to_owned(),
            ),
        });
    }
    Ok(servers)
}

/// Prints the servers of the config file. What may be a token is not shown.
fn list(app: &App, servers: &[ServerSpec], is_json: bool) -> Result<(), Error> {
    if is_json {
        return app.print_object(&Value::from(
            servers.iter().map(as_object).collect::<Vec<_>>(),
        ));
    }
    if servers.is_empty() {
        app.notices
            .notice("the config file has no MCP servers; `langdock mcp import FILE` adds some");
        return Ok(());
    }
    let mut table = TextTable::new([TableColumn::LEFT; 2]);
    for server in servers {
        let mut words = shown_launch(server);
        if server.is_optional {
            words.push_str(" (optional)");
        }
        table.push_row([server.name.clone(), words]);
    }
    app.print_table(&table)
}

fn shown_launch(server: &ServerSpec) -> String {
    match &server.launch {
        ServerLaunch::Process(process) => {
            let words = std::iter::once(&process.command).chain(&process.args);
            let words: Vec<String> = words.map(|word| crate::text::shell_quote(word)).collect();
            words.join(" ")
        }
        // A login, and what follows `?`, may be a token.
        ServerLaunch::Web(web) => {
            let url = web.url.split('?').next().unwrap_or_default();
            without_login(url)
        }
    }
}

fn as_object(server: &ServerSpec) -> Value {
    let names = |pairs: &[(String, crate::mcp::VariableText)]| -> Vec<Value> {
        pairs.iter().map(|(name, _)| json!(name)).collect()
    };
    let mut object = match &server.launch {
        ServerLaunch::Process(process) => json!({
            "name": server.name, "command": process.command, "args": process.args,
            "env": names(&process.env), "cwd": process.cwd,
        }),
        ServerLaunch::Web(web) => json!({
            "name": server.name, "url": shown_launch(server), "headers": names(&web.headers),
            "headers_cmd": web.headers_cmd,
        }),
    };
    object["tools"] = json!(server.tools);
    object["optional"] = json!(server.is_optional);
    object
}

/// Starts servers and prints their tools.
async fn tools(app: &App, given: &[String], cost: bool, is_json: bool) -> Result<(), Error> {
    let settings = own_settings(app)?;
    let specs = chosen_servers(app, given, &settings).await?;
    let starting = StartingServers::start(app, specs, &settings).await?;
    let servers = starting.wait(app).await?;
    let tools = servers.tools(app);
    ToolServers::close(servers.into(), app).await;
    if is_json {
        let object = |tool: &Tool| {
            let mut object = json!(tool.definition);
            if let Some(server) = &tool.server {
                object["server"] = json!(server.server);
                object["tool"] = json!(server.name);
            }
            if cost {
                object["tokens"] = json!(definition_tokens(tool));
            }
            object
        };
        return app.print_object(&Value::from(tools.iter().map(object).collect::<Vec<_>>()));
    }
    if cost {
        return app.print_table(&cost_table(&tools));
    }
    let mut table = TextTable::new([TableColumn::LEFT; 2]);
    for tool in &tools {
        table.push_row([tool.name().to_owned(), one_line(tool.description())]);
        let takes = one_line(&tool.takes());
        if !takes.is_empty() {
            table.push_row([String::new(), format!("takes {takes}")]);
        }
    }
    app.print_table(&table)
}

/// Returns what each definition costs, the dearest first, and their sum.
fn cost_table(tools: &[Tool]) -> TextTable<2> {
    let mut rows: Vec<(u64, &Tool)> = tools
        .iter()
        .map(|tool| (definition_tokens(tool), tool))
        .collect();
    rows.sort_by_key(|(tokens, _)| std::cmp::Reverse(*tokens));
    let total: u64 = rows.iter().map(|(tokens, _)| tokens).sum();
    let mut table = TextTable::new([TableColumn::RIGHT, TableColumn::LEFT]);
    for (tokens, tool) in rows {
        table.push_row([grouped(tokens), tool.name().to_owned()]);
    }
    let count = counted(tools.len(), "tool");
    table.push_row([
        grouped(total),
        format!("tokens per request in total, {count}"),
    ]);
    table
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Copies the servers of a file to the config file.
async fn import(app: &App, file: &Path) -> Result<(), Error> {
    let servers = read_servers(app, file).await?;
    let paths = Paths::find(&app.env);
    let path = config_path(&paths)?;
    let imported = import_servers(path, &servers)?;
    for name in &imported.known {
        app.notices
            .notice(&format!("`{name}` is already in the config file"));
    }
    if !imported.added.is_empty() {
        let names = imported.added.join(", ");
        let path = path.display();
        app.notices.notice(&format!(
            "added to `{path}`: {names}; use them with --mcp NAME"
        ));
    }
    Ok(())
}
