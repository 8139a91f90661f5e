//! What `doctor` finds of the MCP servers in the config file, without starting them: that may take
//! long, and `mcp doctor` does it.

use super::finding::Finding;
use crate::app::App;
use crate::config::Settings;
use crate::error::Kind;
use crate::exchange::server_plan::ServerPlan;
use crate::mcp::ServerSpec;
use crate::text::{counted, shell_quote};

/// The name of these findings.
const NAME: &str = "MCP servers";

/// Checks whether each server can be started or reached; nothing where there are none.
pub(super) fn of_servers(app: &App, settings: &Settings) -> Vec<Finding> {
    let servers = &settings.servers;
    let checked = servers.iter().map(|server| {
        let plan = ServerPlan::for_server(app, server, &settings.options);
        plan.and_then(
            |plan| match plan.program.and_then(|program| program.exposed()) {
                Some(exposed) => Err(exposed),
                None => Ok(()),
            },
        )
    });
    let flawed: Vec<Finding> = servers
        .iter()
        .zip(checked)
        .filter_map(|(server, checked)| Some(of_flaw(server, &checked.err()?)))
        .collect();
    let ready = servers.len() - flawed.len();
    let of_ready = (ready > 0).then(|| {
        let count = counted(ready, "server");
        Finding::ok(
            NAME,
            format!("{count} configured; `langdock mcp doctor` starts each and lists its tools"),
        )
    });
    of_ready.into_iter().chain(flawed).collect()
}

/// Returns the finding for a server that cannot be used. Without an optional one, runs continue.
fn of_flaw(server: &ServerSpec, why: &str) -> Finding {
    let found = format!("`{}` cannot be used: {why}", server.name);
    let name = shell_quote(&server.name);
    let hint = format!("correct it in the config file, then run `langdock mcp doctor {name}`");
    if server.is_optional {
        Finding::note(NAME, found, hint)
    } else {
        Finding::wrong(NAME, Kind::Tool, found, hint)
    }
}
