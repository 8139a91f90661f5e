//! What the files of the flags say about the request, before anything is made of it: template,
//! messages, tools.

use super::history_fit::check_given;
use super::named_text::read_named_text;
use super::{template_files, tool_files};
use crate::app::App;
use crate::cli;
use crate::error::Error;
use crate::input::{Conversation, Template};
use crate::protocol::ToolDefinition;
use crate::tool::{Tool, refuse_same_names};

/// What was given in files.
#[derive(Debug, Default)]
pub(crate) struct RequestSources {
    /// The saved prompt.
    pub(crate) template: Option<Template>,
    /// Earlier turns, and fields of a body.
    pub(crate) conversation: Conversation,
    /// The file of the earlier turns and its size.
    pub(crate) conversation_part: Option<(String, usize)>,
    /// Tools.
    pub(crate) tools: Vec<Tool>,
}

impl RequestSources {
    /// Reads the files. `tool_flags` may allow programs to be started.
    pub(crate) async fn read(
        app: &App,
        args: &cli::AskArgs,
        tool_flags: Option<&cli::ToolPolicyArgs>,
    ) -> Result<Self, Error> {
        let mut given = Self::default();
        if let Some(named) = &args.input.template {
            let (name, text) = read_named_text(app, &template_files::path_of(named)?).await?;
            given.template = Some(Template::parse(&name, &text)?);
        }
        if let Some(path) = &args.input.messages {
            let (name, text) = read_named_text(app, path).await?;
            given.conversation = Conversation::parse(&name, &text)?;
            check_given(&name, &given.conversation.messages, args.input.no_check)?;
            given.conversation_part = Some((name, text.len()));
        }
        for path in &args.tools.tools {
            given
                .tools
                .extend(tool_files::load(app, path, tool_flags).await?);
        }
        refuse_same_names(&given.tools)?;
        Ok(given)
    }

    /// What goes out of the tools.
    pub(crate) fn definitions(&self) -> Vec<ToolDefinition> {
        self.tools
            .iter()
            .map(|tool| tool.definition.clone())
            .collect()
    }
}
