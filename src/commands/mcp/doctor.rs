//! `langdock mcp doctor`: whether servers start, what they offer, and what they print besides.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{chosen_servers, own_settings};
use crate::app::App;
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::tool_servers::{StartingServers, ToolServers, definition_tokens};
use crate::mcp::ServerSpec;
use crate::text::{TableColumn, TextTable, counted, grouped};

/// What was found about a server.
struct ServerFinding {
    name: String,
    /// How long its start took.
    took: Duration,
    /// The number of its tools and the tokens that they cost, or why it did not start.
    tools: Result<(usize, u64), Error>,
}

/// Checks servers one by one. One that does not start makes the check fail.
pub(super) async fn doctor(app: &App, given: &[String], is_json: bool) -> Result<(), Error> {
    let settings = own_settings(app)?;
    let specs = chosen_servers(app, given, &settings).await?;
    let mut findings = Vec::new();
    for spec in specs {
        let finding = check(app, spec, &settings).await?;
        findings.push(finding);
    }
    if is_json {
        let servers: Vec<Value> = findings.iter().map(as_object).collect();
        app.print_object(&json!({ "servers": servers }))?;
    } else {
        let mut table = TextTable::new([TableColumn::LEFT; 3]);
        for finding in &findings {
            let (state, words) = in_words(finding);
            table.push_row([state.to_owned(), finding.name.clone(), words]);
        }
        app.print_table(&table)?;
    }
    let is_failed = |finding: &&ServerFinding| finding.tools.is_err();
    match findings.iter().filter(is_failed).count() {
        0 => Ok(()),
        failed => Err(Error::McpServersFailed {
            failed,
            of: findings.len(),
        }),
    }
}

/// Starts a server and ends it again.
async fn check(
    app: &App,
    mut spec: ServerSpec,
    settings: &Settings,
) -> Result<ServerFinding, Error> {
    spec.is_optional = false;
    let (name, started) = (spec.name.clone(), Instant::now());
    let starting = StartingServers::start(app, vec![spec], settings).await?;
    let tools = match starting.wait(app).await {
        Ok(servers) => {
            let tools = servers.tools(app);
            let tokens = tools.iter().map(definition_tokens).sum();
            let took = started.elapsed();
            ToolServers::close(servers.into(), app).await;
            return Ok(ServerFinding {
                name,
                took,
                tools: Ok((tools.len(), tokens)),
            });
        }
        Err(error @ Error::McpServer { .. }) => Err(error),
        Err(error) => return Err(error),
    };
    Ok(ServerFinding {
        name,
        took: started.elapsed(),
        tools,
    })
}

fn in_words(finding: &ServerFinding) -> (&'static str, String) {
    match &finding.tools {
        Ok((count, tokens)) => {
            let (took, count) = (finding.took.as_secs_f64(), counted(*count, "tool"));
            let tokens = grouped(*tokens);
            let words =
                format!("started in {took:.2} s; {count}, about {tokens} tokens per request");
            ("ok", words)
        }
        Err(error) => ("wrong", error.message()),
    }
}

fn as_object(finding: &ServerFinding) -> Value {
    let seconds = finding.took.as_secs_f64();
    match &finding.tools {
        Ok((tools, tokens)) => json!({
            "name": finding.name, "ok": true, "seconds": seconds, "tools": tools, "tokens": tokens,
        }),
        Err(error) => json!({
            "name": finding.name, "ok": false, "seconds": seconds, "error": error.message(),
        }),
    }
}
