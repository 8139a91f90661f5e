//! What the files of the flags say about the request, before anything is made of it: template,
//! messages, tools.

use serde_json::{Map, Value};

use super::named_text::read_named_text;
use super::{template_files, tool_files};
use crate::app::App;
use crate::cli;
use crate::error::Error;
use crate::input::{Conversation, Template};
use crate::protocol::{ToolChoice, ToolDefinition};
use crate::tool::{self, Tool, refuse_same_names};

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
    /// Reads the files.
    pub(crate) async fn read(app: &App, args: &cli::Ask) -> Result<Self, Error> {
        let mut given = Self::default();
        if let Some(named) = &args.input.template {
            let (name, text) = read_named_text(app, &template_files::path_of(named)?).await?;
            given.template = Some(Template::parse(&name, &text)?);
        }
        if let Some(path) = &args.input.messages {
            let (name, text) = read_named_text(app, path).await?;
            given.conversation = Conversation::parse(&name, &text)?;
            given.conversation_part = Some((name, text.len()));
        }
        for path in &args.tools.tools {
            given.tools.extend(tool_files::load(app, path).await?);
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

    /// Makes the field `tool_choice`; a name has to be that of a tool of the request, whose other
    /// fields these are.
    pub(crate) fn tool_choice(
        &self,
        word: Option<&str>,
        fields: &Map<String, Value>,
    ) -> Result<Option<ToolChoice>, Error> {
        let Some(word) = word else { return Ok(None) };
        let of_fields = fields
            .get("tools")
            .filter(|_| self.tools.is_empty())
            .and_then(ToolDefinition::list_from);
        let tools = of_fields.unwrap_or_else(|| self.definitions());
        if tools.is_empty() {
            return Err(Error::Usage {
                message: format!("--tool-choice {word}: there is no tool to choose from"),
                hint: Some("name a file of tools with -T, or leave --tool-choice out".to_owned()),
            });
        }
        let usage = |reason| Error::Usage {
            message: format!("--tool-choice: {reason}"),
            hint: Some("give auto, any, none, or the name of a tool of -T".to_owned()),
        };
        tool::tool_choice(word, &tools).map(Some).map_err(usage)
    }
}
