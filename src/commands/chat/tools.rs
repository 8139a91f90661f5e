//! The tools of a conversation, with the same files, approval and limits as in `tool-run`.

use std::sync::Arc;

use super::Chat;
use crate::app::App;
use crate::cli;
use crate::compose::sources::RequestSources;
use crate::error::Error;
use crate::exchange::run_tools::RunTools;
use crate::exchange::tool_loop::checked_tools;
use crate::exchange::tool_runner::ToolRunner;
use crate::protocol::{ContentBlock, InputMessage, ToolChoice, ToolDefinition};
use crate::secret_scan::SecretPolicy;
use crate::text::{TableColumn, TextTable};
use crate::tool::{Tool, ToolSet};
use crate::turn::TurnRules;

/// The tools that the model may call, and how they run.
pub(super) struct Toolbox<'a> {
    /// Approvals with `always` last for the whole conversation.
    pub(super) runner: ToolRunner<'a>,
    /// The tool choice that is sent.
    pub(super) choice: Option<ToolChoice>,
    max_turns: u32,
    /// The tools of files; those of servers may change.
    of_files: Vec<Tool>,
}

impl<'a> Toolbox<'a> {
    /// Waits for the servers of `--mcp`, whose tools are added to those of files.
    pub(super) async fn open(
        app: &'a App,
        running: &cli::ToolPolicyArgs,
        tools: &mut RunTools<'_>,
        sources: &mut RequestSources,
        secrets: &SecretPolicy,
    ) -> Result<Self, Error> {
        let of_files = sources.tools.clone();
        tools.finish(sources).await?;
        Ok(Self {
            choice: None,
            max_turns: running.max_turns,
            runner: ToolRunner::new(app, tools.take_ready(), running.tool_jobs, secrets),
            of_files,
        })
    }

    /// Adopts what servers have changed about their tools since the last turn.
    pub(super) async fn refresh(&mut self, app: &App) -> Result<(), Error> {
        let servers = Arc::clone(self.runner.servers());
        if servers.refresh(app).await? {
            let tools = [self.of_files.clone(), servers.tools(app)].concat();
            self.runner.set_tools(Arc::new(checked_tools(tools)?));
        }
        Ok(())
    }

    /// Returns the limits of a turn.
    pub(super) fn rules(&self) -> TurnRules {
        TurnRules {
            max_turns: self.max_turns,
            external_tools: external_tools(&self.runner.tools),
        }
    }

    /// Returns the definitions that are sent.
    pub(super) fn definitions(&self) -> Vec<ToolDefinition> {
        self.runner.tools.definitions()
    }

    /// Returns the list of tools, one per line.
    fn list(&self) -> String {
        let mut table = TextTable::new([TableColumn::LEFT; 2]);
        for ready in self.runner.tools.iter() {
            let command = if ready.is_run_here() {
                ready.shown_command()
            } else {
                "(not run here)".to_owned()
            };
            table.push_row([ready.tool.name().to_owned(), command]);
        }
        table.to_sanitized_text()
    }
}

/// Returns the names of the tools that are not run here.
fn external_tools(tools: &ToolSet) -> Vec<String> {
    tools
        .iter()
        .filter(|ready| !ready.is_run_here())
        .map(|ready| ready.tool.name().to_owned())
        .collect()
}

impl Chat<'_> {
    /// Reports calls of tools that are not run here.
    pub(super) fn tell_unrun(&self, message: Option<&InputMessage>) {
        for block in message.iter().flat_map(|message| &message.content) {
            if let ContentBlock::ToolUse(call) = block {
                let notice = format!(
                    "the model called `{}` {}, which is not run here",
                    call.name, call.input
                );
                self.app.notices.notice(&notice);
            }
        }
    }

    /// Lists the tools that the model may call.
    pub(super) fn list_tools(&self) {
        let list = self.tools.list();
        self.app.notices.print_block(if list.is_empty() {
            "no tools; add some with -T FILE or --mcp FILE"
        } else {
            &list
        });
    }
}
