//! What the files of the flags say about the request, before anything is made of it: template,
//! messages, tools.

use super::history_fit::check_given;
use super::named_text::read_named_text;
use super::picture_fitting::{are_many, count_pictures, fit_given};
use super::secret_guard::SecretGuard;
use super::{template_files, tool_files};
use crate::app::App;
use crate::cli;
use crate::config::Settings;
use crate::error::Error;
use crate::input::{Conversation, Template};
use crate::media::{ImageResolution, PictureFit};
use crate::protocol::ToolDefinition;
use crate::secret_scan::SecretPolicy;
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
    /// Reads the files except the template, which may be a setting. `tool_flags` may allow programs
    /// to be started.
    pub(crate) async fn read(
        app: &App,
        args: &cli::AskArgs,
        tool_flags: Option<&cli::ToolPolicyArgs>,
        secrets: &SecretPolicy,
    ) -> Result<Self, Error> {
        let mut given = Self::default();
        let guard = SecretGuard::new(app, secrets);
        if let Some(path) = &args.input.messages {
            let (name, text) = read_named_text(app, path).await?;
            let text = guard.check_json(&name, path, text)?;
            given.conversation = Conversation::parse(&name, &text)?;
            given.conversation_part = Some((name, text.len()));
        }
        for path in &args.tools.tools {
            given
                .tools
                .extend(tool_files::load(guard, path, tool_flags).await?);
        }
        refuse_same_names(&given.tools)?;
        Ok(given)
    }

    /// Makes the pictures of the earlier turns fit, and checks these turns. If `is_unchecked`,
    /// sources that the endpoint is not known to accept pass.
    ///
    /// # Errors
    ///
    /// If something in them cannot be sent, or if a signal arrived.
    pub(crate) async fn fit_conversation(
        &mut self,
        app: &App,
        settings: &Settings,
        is_unchecked: bool,
    ) -> Result<(), Error> {
        let Some((name, _)) = &self.conversation_part else {
            return Ok(());
        };
        let messages = &mut self.conversation.messages;
        let model = settings.model.as_ref().map(|model| model.value.as_str());
        let resolution = model.and_then(ImageResolution::for_model);
        let fit = PictureFit {
            image_size: settings.image_size,
            resolution: resolution.unwrap_or(ImageResolution::HIGH),
            is_one_of_many: are_many(count_pictures(messages)),
        };
        fit_given(app, name, messages, fit).await?;
        check_given(name, messages, is_unchecked)?;
        self.conversation.measure_pictures();
        Ok(())
    }

    /// Reads the template: that of the flag, or that of the settings. An empty name means none.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or if there are parameters but no template.
    pub(crate) async fn read_template(
        &mut self,
        app: &App,
        input: &cli::InputArgs,
        settings: &Settings,
    ) -> Result<(), Error> {
        let setting = settings.template.as_deref();
        let named = input.template.as_deref().or(setting);
        let Some(named) = named.filter(|named| !named.as_os_str().is_empty()) else {
            return match input.params.first() {
                None => Ok(()),
                Some((key, _)) => Err(Error::Usage {
                    message: format!("--param {key} needs a template"),
                    hint: Some(
                        "name one with --template NAME; `langdock template list` lists them"
                            .to_owned(),
                    ),
                }),
            };
        };
        let path = template_files::path_of(named)?;
        let (name, text) = read_named_text(app, &path).await?;
        let guard = SecretGuard::new(app, &settings.secrets);
        let text = guard.check_text(&name, &path, text)?;
        let mut template = Template::parse(&name, &text)?;
        if text.contains('\\') {
            // What the escapes in its head stand for.
            let head = template.head();
            let checked = guard.check_text(&name, &path, head.to_string())?;
            template.set_head(serde_json::from_str(&checked).unwrap_or(head));
        }
        self.template = Some(template);
        Ok(())
    }

    /// What goes out of the tools.
    pub(crate) fn definitions(&self) -> Vec<ToolDefinition> {
        self.tools
            .iter()
            .map(|tool| tool.definition.clone())
            .collect()
    }
}
