//! Where an answer goes, and in what form.

use std::sync::Arc;

use crate::app::App;
use crate::cli;
use crate::error::Error;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role};
use crate::ui::{
    Calls, ColorChoice, Extract, Form, Json, JsonLines, Output, PartFile, Plain, Rendered,
    Renderer, Screen, Sink, Theme, colored,
};

/// Picks the form of output. `calls_out` says whether calls of tools are what may come out.
pub(crate) fn renderer(
    app: &App,
    args: &cli::Ask,
    request: &CreateMessage,
    calls_out: bool,
    theme: Option<&str>,
    sink: Sink,
) -> Renderer {
    let form: Box<dyn Form> = if args.output.json {
        Box::new(Json)
    } else if args.output.jsonl {
        Box::new(JsonLines)
    } else if args.output.extract {
        let prefill = request
            .messages
            .last()
            .filter(|turn| turn.role == Role::Assistant);
        let prefill = prefill.map(beginning).unwrap_or_default();
        Box::new(Extract::new(args.output.lang.clone(), prefill))
    } else if calls_out {
        Box::new(Calls::new(screen(app, &args.output, theme)))
    } else if let Some(screen) = screen(app, &args.output, theme) {
        Box::new(Rendered::new(screen))
    } else {
        Box::new(Plain)
    };
    let renderer = Renderer::new(form, sink);
    let is_dimmed = app.notices.colored();
    if args.output.looks.show_thinking {
        renderer.with_thinking(is_dimmed)
    } else {
        renderer
    }
}

/// Opens the output. A file is opened before anything is sent or asked of the user, so that no
/// answer is paid for and then lost.
pub(crate) fn sink(app: &App, ask: &cli::Ask) -> Result<Sink, Error> {
    Ok(
        match ask
            .output
            .file
            .as_deref()
            .filter(|path| path.as_os_str() != "-")
        {
            Some(path) => Sink::file(PartFile::create(path)?),
            None => Sink::stdout(
                Output::stdout()?,
                app.facts.stdout_is_terminal,
                Arc::clone(&app.interrupt),
            ),
        },
    )
}

/// What Markdown is rendered for; none where it is shown as it was written.
pub(crate) fn screen(app: &App, output: &cli::Output, theme: Option<&str>) -> Option<Screen> {
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
pub(crate) fn screen_of_terminal(app: &App, theme: Option<&str>) -> Option<Screen> {
    let is_terminal = app.facts.stdout_is_terminal && !app.env.dumb_terminal;
    is_terminal.then(|| screen_in(app, ColorChoice::Auto, is_terminal, theme))
}

fn screen_in(app: &App, color: ColorChoice, is_terminal: bool, theme: Option<&str>) -> Screen {
    let is_colored = colored(color, app.env.no_color, app.env.clicolor_force, is_terminal);
    let theme = is_colored.then(|| theme.and_then(Theme::named).unwrap_or_default());
    Screen::stdout(is_terminal, app.env.columns, theme)
}

/// The text that the answer goes on from.
fn beginning(prefill: &InputMessage) -> String {
    let text = prefill.content.last().and_then(|block| match block {
        ContentBlock::Text(text) => Some(text.text.clone()),
        _ => None,
    });
    text.unwrap_or_default()
}
