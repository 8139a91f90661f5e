//! `langdock mcp call`: one call of a server's tool, by hand.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::own_settings;
use crate::app::App;
use crate::compose::named_text::read_named_text;
use crate::error::Error;
use crate::exchange::named_servers::named_servers;
use crate::exchange::tool_loop::checked_tools;
use crate::exchange::tool_runner::run_by_hand;
use crate::exchange::tool_servers::{StartingServers, ToolServers};
use crate::mcp::model_tool_name;
use crate::protocol::{ContentBlock, ExactJson, ToolUse};
use crate::text::{did_you_mean, shell_quote};
use crate::tool::Outcome;

/// Calls a tool and prints its result. It needs no approval, since the user typed it.
pub(super) async fn call(
    app: &App,
    server: &str,
    tool: &str,
    input: &str,
    is_json: bool,
) -> Result<(), Error> {
    let settings = own_settings(app)?;
    let mut specs = named_servers(app, &[server.to_owned()], &settings.servers).await?;
    if specs.len() != 1 {
        return Err(Error::Usage {
            message: format!(
                "`{server}` has {} servers, but a call needs exactly one",
                specs.len()
            ),
            hint: Some(
                "import the file with `langdock mcp import`, then use the name of a server"
                    .to_owned(),
            ),
        });
    }
    let (file, text) = match input {
        "-" => read_named_text(app, Path::new("-")).await?,
        text => ("the input".to_owned(), text.to_owned()),
    };
    let input = ExactJson::parse(&text).map_err(|error| Error::Usage {
        message: format!("{file}: not valid JSON: {error}"),
        hint: Some("pass a JSON object, such as '{\"n\": 1}'".to_owned()),
    })?;
    let name = model_tool_name(&specs[0].name, tool);
    for spec in &mut specs {
        // What a model is not offered can still be called by hand.
        spec.tools = None;
        // Without it there is nothing to call.
        spec.is_optional = false;
    }
    let starting = StartingServers::start(app, specs, &settings).await?;
    let servers = Arc::new(starting.wait(app).await?);
    let call = ToolUse::new("toolu_by_hand", &name, input);
    let outcome = outcome_of(app, &servers, server, tool, &call).await;
    ToolServers::close(servers, app).await;
    let outcome = outcome?;
    if is_json {
        app.print_object(&json!(ContentBlock::ToolResult(
            outcome.to_result(&call.id)
        )))?;
    } else if !outcome.is_error {
        app.print_outside(&format!("{}\n", outcome.in_short()))?;
    }
    if !outcome.is_error {
        return Ok(());
    }
    let (how, printed) = outcome.failure();
    if !is_json && !printed.is_empty() {
        app.notices.print_block(printed);
    }
    Err(Error::CallByHand {
        how: how.to_owned(),
        ran: outcome.took.is_some(),
        lister: "`langdock mcp tools`",
    })
}

/// Runs a call of `tool`, as its server names it, or as `mcp tools` lists it. `server` is what the
/// user named that by.
async fn outcome_of(
    app: &App,
    servers: &Arc<ToolServers>,
    server: &str,
    tool: &str,
    call: &ToolUse,
) -> Result<Outcome, Error> {
    // The schemas of the other tools are not compiled.
    let tools = checked_tools(servers.tools_named(app, tool))?;
    let mut call = call.clone();
    if tools.find(&call.name).is_err() && tools.find(tool).is_ok() {
        tool.clone_into(&mut call.name);
    }
    if tools.find(&call.name).is_err() {
        let mut names = servers.listed_names();
        // One of this name was left out, with a notice.
        names.retain(|name| name != tool);
        let nearest = did_you_mean(tool, names.iter().map(String::as_str));
        return Err(Error::Usage {
            message: format!("the MCP server has no tool `{tool}`{nearest}"),
            hint: Some(format!(
                "`langdock mcp tools {}` lists its tools",
                shell_quote(server)
            )),
        });
    }
    run_by_hand(app, tools, servers, call).await
}
