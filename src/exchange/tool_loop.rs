//! What the model may call, and what happens when it does.

use serde_json::{Value, json};

use crate::cli;
use crate::config::{ToolNames, inherited_var};
use crate::error::Error;
use crate::protocol::CreateMessage;
use crate::tool::{Policy, Tool, ToolSet};
use crate::typed::did_you_mean;

/// From the second request on the model chooses for itself.
pub(crate) fn relax(request: &mut CreateMessage) {
    if let Some(Value::Object(choice)) = request.extra.get_mut("tool_choice")
        && choice
            .get("type")
            .is_some_and(|kind| kind == "any" || kind == "tool")
    {
        choice.insert("type".to_owned(), json!("auto"));
        choice.shift_remove("name");
    }
}

/// The tools of the request that are not run here.
pub(crate) fn callers_own(request: &CreateMessage, tools: &ToolSet) -> Vec<String> {
    let sent = request
        .extra
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let names = sent.filter_map(|tool| tool["name"].as_str());
    names
        .filter(|name| tools.find(name).map_or(true, |ready| !ready.is_run_here()))
        .map(str::to_owned)
        .collect()
}

/// Checks tools, before anything is sent.
pub(crate) fn checked(tools: Vec<Tool>) -> Result<ToolSet, Error> {
    Ok(ToolSet::of(tools, inherited_var("PATH").as_deref())?)
}

/// What the person allows. A name that no tool has is a mistyped one.
pub(crate) fn policy(
    flags: &cli::Running,
    config: &ToolNames,
    tools: &ToolSet,
) -> Result<Policy, Error> {
    for (flag, name) in [
        ("--allow-tool", &flags.allow_tool),
        ("--deny-tool", &flags.deny_tool),
    ]
    .into_iter()
    .flat_map(|(flag, names)| names.iter().map(move |name| (flag, name)))
    {
        if tools.find(name).is_err() {
            let nearest = did_you_mean(name, tools.names());
            let message = format!("{flag}: there is no tool `{name}`{nearest}");
            return Err(Error::Usage {
                message,
                hint: Some("`tool-run --list` with the same -T names them".to_owned()),
            });
        }
    }
    Ok(Policy {
        yes: flags.yes,
        allow: [flags.allow_tool.as_slice(), config.allowed()].concat(),
        deny: [flags.deny_tool.as_slice(), config.denied()].concat(),
    })
}
