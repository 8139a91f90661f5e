//! Where an answer goes, and in what form.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use crate::app::App;
use crate::cli;
use crate::config::{inherited_var, is_utf8_locale};
use crate::error::Error;
use crate::input::on_a_thread;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role};
use crate::ui::{
    AnswerRenderer, AnswerWriter, CodeBlockOutput, ColorChoice, ColorTheme, JsonLinesOutput,
    JsonOutput, MarkdownOutput, OutputSink, PartFile, PlainOutput, RenderTarget, SchemaOutput,
    StdoutWriter, ToolCallOutput, is_rewrapped, use_color,
};

/// What an answer is printed as.
#[derive(Debug)]
pub(crate) enum AnswerFormat {
    /// The API's message object.
    Json,
    /// Each event on a line, then the message object.
    JsonLines,
    /// The first fenced code block, of this language where there is one; the answer goes on from
    /// the text.
    CodeBlock {
        lang: Option<String>,
        prefill: String,
    },
    /// The calls of tools, one a line of JSON, or the text where there is none.
    ToolCalls(Option<RenderTarget>),
    /// Rendered for a terminal.
    Markdown(RenderTarget),
    /// As the model wrote it.
    Plain,
    /// The JSON that matches a schema, or the message object that has it; or nothing.
    Schema { is_message: bool },
}

impl AnswerFormat {
    /// Returns the format that the flags ask for. `has_external_tools` says whether calls of tools
    /// may come out.
    pub(crate) fn from_flags(
        app: &App,
        output: &cli::OutputArgs,
        request: &CreateMessage,
        has_external_tools: bool,
        theme: Option<&str>,
    ) -> Self {
        if output.json {
            return Self::Json;
        }
        if output.jsonl {
            return Self::JsonLines;
        }
        if output.extract {
            let last = request.messages.last();
            let prefill = last.filter(|message| message.role == Role::Assistant);
            return Self::CodeBlock {
                lang: output.lang.clone(),
                prefill: prefill.map(beginning).unwrap_or_default(),
            };
        }
        match screen(app, output, theme) {
            screen if has_external_tools => Self::ToolCalls(screen),
            Some(screen) => Self::Markdown(screen),
            None => Self::Plain,
        }
    }

    fn into_form(self) -> Box<dyn AnswerWriter> {
        match self {
            Self::Json => Box::new(JsonOutput),
            Self::JsonLines => Box::new(JsonLinesOutput),
            Self::CodeBlock { lang, prefill } => Box::new(CodeBlockOutput::new(lang, prefill)),
            Self::ToolCalls(screen) => Box::new(ToolCallOutput::new(screen)),
            Self::Markdown(screen) => Box::new(MarkdownOutput::new(screen)),
            Self::Plain => Box::new(PlainOutput),
            Self::Schema { is_message } => Box::new(SchemaOutput::new(is_message)),
        }
    }
}

/// Creates what shows an answer in a format.
pub(crate) fn renderer(
    app: &App,
    format: AnswerFormat,
    sink: OutputSink,
    looks: &cli::DisplayArgs,
) -> AnswerRenderer {
    let mut renderer = AnswerRenderer::new(format.into_form(), sink);
    if looks.show_thinking {
        renderer = renderer.with_thinking(app.notices.is_colored());
    }
    if looks.no_stream {
        renderer = renderer.holding_updates();
    }
    renderer
}

/// Opens the output. A file is opened before anything is sent or asked of the user, so that no
/// answer is paid for and then lost. A named pipe is waited for until somebody reads it; a signal
/// ends the wait.
pub(crate) async fn sink(app: &App, ask: &cli::AskArgs) -> Result<OutputSink, Error> {
    Ok(
        match ask
            .output
            .file
            .as_deref()
            .filter(|path| path.as_os_str() != "-")
        {
            // Only a pipe may keep us waiting. Anything else is opened here: left to a thread, it
            // would still be created after a signal has ended the run.
            Some(path) if !is_pipe(path) => OutputSink::for_file(PartFile::open(path)?),
            Some(path) => {
                let path = path.to_owned();
                let opening = on_a_thread(move || Ok(PartFile::open(&path)));
                let opened = app.unless_interrupted(opening).await?;
                let file = opened.map_err(|source| Error::System {
                    what: "open the output",
                    source,
                })?;
                OutputSink::for_file(file?)
            }
            None => OutputSink::for_stdout(
                StdoutWriter::open()?,
                app.facts.stdout_is_terminal,
                Arc::clone(&app.interrupt),
            ),
        },
    )
}

fn is_pipe(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// What Markdown is rendered for; none where it is shown as it was written.
pub(crate) fn screen(
    app: &App,
    output: &cli::OutputArgs,
    theme: Option<&str>,
) -> Option<RenderTarget> {
    let is_file = output
        .file
        .as_deref()
        .is_some_and(|path| path.as_os_str() != "-");
    let is_terminal = app.facts.stdout_is_terminal && !is_file && !app.env.dumb_terminal;
    if output.looks.raw || !(output.looks.markdown || is_terminal) {
        return None;
    }
    Some(screen_in(
        app,
        output.looks.color.into(),
        is_terminal,
        theme,
    ))
}

/// What Markdown is rendered for that is no answer; none where standard output is no terminal, or
/// one that only prints.
pub(crate) fn screen_of_terminal(app: &App, theme: Option<&str>) -> Option<RenderTarget> {
    let is_terminal = app.facts.stdout_is_terminal && !app.env.dumb_terminal;
    is_terminal.then(|| screen_in(app, ColorChoice::Auto, is_terminal, theme))
}

fn screen_in(
    app: &App,
    color: ColorChoice,
    is_terminal: bool,
    theme: Option<&str>,
) -> RenderTarget {
    let is_colored = use_color(color, app.env.no_color, app.env.clicolor_force, is_terminal);
    let theme = is_colored.then(|| theme.and_then(ColorTheme::from_name).unwrap_or_default());
    RenderTarget::for_stdout(is_terminal, app.env.columns, theme)
        .with_ascii_marks(!is_utf8_locale())
        .with_rewrapping(is_terminal && is_rewrapped(inherited_var))
}

/// The text that the answer goes on from.
fn beginning(prefill: &InputMessage) -> String {
    let text = prefill.content.last().and_then(|block| match block {
        ContentBlock::Text(text) => Some(text.text.to_string()),
        _ => None,
    });
    text.unwrap_or_default()
}
