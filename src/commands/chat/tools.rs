//! The tools of a conversation: the same files, the same approval and the same limits as those of
//! `tool-run`.

use std::sync::Arc;

use serde_json::Value;

use super::Chat;
use crate::cli;
use crate::compose::sources::Given;
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::tool_loop::{checked, policy};
use crate::exchange::tool_runner::Calls;
use crate::protocol::{ContentBlock, InputMessage, ToolResult, ToolUse};
use crate::text::{Column, TextTable};
use crate::tool::{Policy, ToolSet};
use crate::turn::Rules;
use crate::ui::Renderer;

/// What the model may call, and what the person allows.
pub(super) struct Toolbox {
    tools: Arc<ToolSet>,
    policy: Policy,
    /// How the model may choose among them.
    pub(super) choice: Option<Value>,
    max_turns: u32,
    jobs: u32,
}

impl Toolbox {
    /// Checks the tools that were given.
    pub(super) fn of(
        ask: &cli::Ask,
        running: &cli::Running,
        given: &Given,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let tools = Arc::new(checked(given.tools.clone())?);
        Ok(Self {
            policy: policy(running, &settings.tools, &tools)?,
            choice: given.tool_choice(ask.tools.tool_choice.as_deref(), &given.complete(ask))?,
            max_turns: running.max_turns,
            jobs: running.tool_jobs,
            tools,
        })
    }

    /// What bounds a turn.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            max_turns: self.max_turns,
            callers_own: callers_own(&self.tools),
        }
    }

    /// What goes out.
    pub(super) fn definitions(&self) -> Vec<Value> {
        self.tools.definitions()
    }

    /// The list, one a line.
    fn list(&self) -> String {
        let mut table = TextTable::new([Column::LEFT; 2]);
        for ready in self.tools.iter() {
            let command = if ready.is_run_here() {
                ready.shown_command()
            } else {
                "(not run here)".to_owned()
            };
            table.push([ready.tool.name().to_owned(), command]);
        }
        table.to_sanitized_text()
    }
}

/// The tools that are not run here.
fn callers_own(tools: &ToolSet) -> Vec<String> {
    tools
        .iter()
        .filter(|ready| !ready.is_run_here())
        .map(|ready| ready.tool.name().to_owned())
        .collect()
}

impl Chat<'_> {
    /// Runs the calls of an answer, after asking where nothing allows them.
    pub(super) async fn run_tools(
        &mut self,
        calls: &[ToolUse],
        renderer: &mut Renderer,
    ) -> (Vec<ToolResult>, Option<Error>) {
        let policy = std::mem::take(&mut self.tools.policy);
        let mut running = Calls {
            app: self.app,
            tools: Arc::clone(&self.tools.tools),
            policy,
            jobs: self.tools.jobs,
        };
        let ended = running.run(calls, renderer).await;
        // What was allowed for good is so for the whole conversation.
        self.tools.policy = running.policy;
        ended
    }

    /// Tells the calls that nothing is run for here.
    pub(super) fn tell_unrun(&self, message: Option<&InputMessage>) {
        for block in message.iter().flat_map(|message| &message.content) {
            if let ContentBlock::ToolUse(call) = block {
                let notice = format!(
                    "the model asks for `{}` {}, which nothing runs here",
                    call.name, call.input
                );
                self.app.notices.notice(&notice);
            }
        }
    }

    /// Shows what the model may call.
    pub(super) fn list_tools(&self) {
        let list = self.tools.list();
        self.app.notices.aside(if list.is_empty() {
            "no tools; -T FILE gives some"
        } else {
            &list
        });
    }
}
