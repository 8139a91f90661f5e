//! `langdock send`: one request, its answer on standard output.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::drive::{Outcome, Timing, drive};
use super::offer::{Chosen, Offer};
use super::request::{Asked, body, build, with_model};
use super::settings::settings;
use super::{curl, dry_run};
use crate::app::App;
use crate::cli;
use crate::client::ApiKey;
use crate::config::{KeySource, Settings, read_key};
use crate::demo;
use crate::error::Error;
use crate::input::{self, Attachment, Stdin, assemble, read_text};
use crate::protocol::{CreateMessage, StopReason};
use crate::ui::{Answer, Calls, Extract, Form, Json, JsonLines, Output, PartFile, Plain, Renderer, Saved, Shown, Sink};

/// How long standard input may stay silent before the person is told.
const SILENT_STDIN: Duration = Duration::from_secs(2);

/// How long the built-in endpoint pauses between two pieces of an answer, so that it can be seen to stream.
const DEMO_PAUSE: Duration = Duration::from_millis(8);

/// Sends one request.
pub(crate) async fn send(app: &App, connection: &cli::Connection, args: &cli::Send) -> Result<(), Error> {
    let demo = if connection.demo { Some(start_demo(app).await?) } else { None };
    let base_url = demo.as_ref().map(|demo| format!("http://{}/anthropic/{{region}}", demo.address()));
    let settings = settings(app, &connection.flags(args), base_url.as_deref())?;
    tell_about(app, &settings, &args.request);

    let offer = Offer::new(app, &settings);
    let (model, request, body) = prepare(app, &settings, args, &offer).await?;
    if args.looking.dry_run {
        return app.print_json(&dry_run::shown_body(&body, app.facts.stdout_is_terminal));
    }
    if args.looking.curl {
        let text = String::from_utf8(body).expect("JSON is UTF-8");
        return app.print_json(&curl::curl_command(&settings.endpoint, &settings.options, request.stream, &text));
    }
    let client = offer.client().await?;
    let mut renderer = renderer(app, args, &request)?;
    let stream = request.stream;
    let max_tokens = request.max_tokens;
    drop(request); // Its text is in the body: large input is not held twice.

    let region = settings.endpoint.region().as_str();
    app.notices.step(&format!("model {}, region {region}, {}", model.id, settings.endpoint.messages_url()));
    let body = Bytes::from(body);
    let call = client.call(body.clone(), stream);
    let mut outcome = drive(app, &model.id, region, call, &mut renderer).await;
    if let Some(next) = offer.choose_again(&model, outcome.error.as_ref()) {
        let body = with_model(&body, &model, max_tokens, &next);
        outcome = drive(app, &next.id, region, client.call(Bytes::from(body), stream), &mut renderer).await;
    }
    end(app, args, settings.allow_truncated, outcome, renderer)
}

/// Starts the built-in endpoint, and says so.
pub(super) async fn start_demo(app: &App) -> Result<demo::Endpoint, Error> {
    app.notices.notice("demo: scripted answers, no model");
    let pace = demo::Pace { piece_pause: DEMO_PAUSE, ..demo::Pace::default() };
    let settings = demo::Settings { pace, ..demo::Settings::default() };
    let started = demo::Endpoint::start(settings).await;
    started.map_err(|source| Error::System { what: "start the built-in endpoint", source })
}

/// Tells what a person should know about the choices before they are sent.
fn tell_about(app: &App, settings: &Settings, request: &cli::Request) {
    tell_region(app, settings);
    if request.temperature.is_some() && request.top_p.is_some() {
        app.notices
            .notice("--temperature and --top-p together: the API advises to set one, and newer models refuse both");
    }
}

/// Tells that a region is an unusual one.
pub(super) fn tell_region(app: &App, settings: &Settings) {
    let region = settings.endpoint.region();
    if !region.is_known() {
        app.notices.notice(&format!("region `{region}` is not one that Langdock's documentation names; sent as it is"));
    }
}

/// Gathers the input, settles on a model and writes the body.
async fn prepare(
    app: &App,
    settings: &Settings,
    args: &cli::Send,
    offer: &Offer<'_>,
) -> Result<(Chosen, CreateMessage, Vec<u8>), Error> {
    let stdin_holds = match (settings.key.is_stdin(), args.request.system.as_deref() == Some("@-")) {
        (true, true) => return Err(stdin_twice("the API key", "the system prompt")),
        (true, false) => Some("the API key"),
        (false, true) => Some("the system prompt"),
        (false, false) => None,
    };
    let system = app.unless_interrupted(system_prompt(args.request.system.as_deref())).await??;
    let turn = app.unless_interrupted(user_turn(app, args, stdin_holds)).await??;
    for notice in &turn.notices {
        app.notices.notice(notice);
    }
    let model = offer.choose(!(args.looking.dry_run || args.looking.curl)).await?;
    let asked = Asked {
        model: model.clone(),
        max_tokens: settings.max_tokens.as_ref().map(|tokens| tokens.value),
        system,
        content: turn.content,
        stream: !args.output.no_stream,
    };
    let request = build(&args.request, asked)?;
    let body = body(&request, &turn.parts)?;
    // From here on only the settings of the request are needed, not its content.
    Ok((model, CreateMessage { messages: Vec::new(), ..request }, body))
}

/// Reads the key; a command, or a file that is a pipe, may take its time.
pub(super) async fn api_key(app: &App, source: KeySource) -> Result<ApiKey, Error> {
    if !source.is_slow() {
        return Ok(read_key(&source)?);
    }
    let read = app.unless_interrupted(tokio::task::spawn_blocking(move || read_key(&source))).await?;
    Ok(read.expect("reading a key does not panic")?)
}

async fn system_prompt(given: Option<&str>) -> Result<Option<String>, Error> {
    let Some(path) = given.and_then(|text| text.strip_prefix('@')) else {
        return Ok(given.map(str::to_owned));
    };
    Ok(Some(read_text(Path::new(path)).await?))
}

async fn user_turn(app: &App, args: &cli::Send, stdin_holds: Option<&str>) -> Result<input::Turn, Error> {
    let prompt = match args.prompt.join(" ") {
        words if args.prompt.is_empty() || words == "-" => None,
        words => Some(words),
    };
    let mut files = Vec::with_capacity(args.input.files.len());
    let mut stdin = None;
    let named = args.input.files.iter().any(|path| path.as_os_str() == "-");
    let is_asked_for = named || args.prompt == ["-"];
    if let Some(other) = stdin_holds.filter(|_| is_asked_for) {
        return Err(stdin_twice(other, if named { "a file" } else { "the prompt" }));
    }
    if is_asked_for || !(args.input.no_stdin || stdin_holds.is_some()) {
        stdin = read_stdin(app, prompt.is_some(), is_asked_for).await?;
    }
    for path in args.input.files.iter().filter(|path| path.as_os_str() != "-") {
        files.push(Attachment::read(path).await?);
    }
    Ok(assemble(prompt.as_deref(), files, stdin)?)
}

fn stdin_twice(one: &str, other: &str) -> Error {
    Error::Usage {
        message: format!("standard input cannot be both {one} and {other}"),
        hint: Some(format!("put {one} into a file")),
    }
}

/// Reads standard input; one that was asked for by `-` is read even where it is a terminal, or a file that somebody has
/// already read from.
async fn read_stdin(app: &App, has_prompt: bool, is_asked_for: bool) -> Result<Option<Attachment>, Error> {
    let is_terminal = app.facts.stdin_is_terminal;
    match Stdin::look(is_terminal && !is_asked_for, has_prompt && !is_asked_for).map_err(input::Error::Stdin)? {
        Stdin::None => Ok(None),
        Stdin::SomebodyElses => {
            app.notices.notice("standard input is a file that has been read from: it is left alone");
            Ok(None)
        }
        Stdin::Readable(file) => {
            let mut read = std::pin::pin!(Attachment::read_stdin(file));
            let read = if let Ok(read) = tokio::time::timeout(SILENT_STDIN, &mut read).await {
                read
            } else {
                app.notices.notice("still reading standard input; --no-stdin leaves it alone");
                read.await
            };
            Ok(Some(read.map_err(input::Error::Stdin)?).filter(|stdin| !stdin.is_empty()))
        }
    }
}

/// Picks the form of output. A file is opened before anything is sent, so that an answer is not paid for and then lost.
fn renderer(app: &App, args: &cli::Send, request: &CreateMessage) -> Result<Renderer, Error> {
    let sink = match args.output.file.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            Sink::file(PartFile::create(path).map_err(|source| Error::Unwritable { path: path.to_owned(), source })?)
        }
        None => Sink::stdout(Output::stdout()?, app.facts.stdout_is_terminal, Arc::clone(&app.interrupt)),
    };
    let form: Box<dyn Form> = if args.output.json {
        Box::new(Json)
    } else if args.output.jsonl {
        Box::new(JsonLines)
    } else if args.output.extract {
        let prefill = args.request.prefill.as_deref().unwrap_or_default().trim_end();
        Box::new(Extract::new(args.output.lang.clone(), prefill.to_owned()))
    } else if request.extra.contains_key("tools") {
        Box::new(Calls)
    } else {
        Box::new(Plain)
    };
    Ok(Renderer::new(form, sink))
}

/// Shows the answer, judges how it ended, and closes the output.
fn end(
    app: &App,
    args: &cli::Send,
    allow_truncated: bool,
    outcome: Outcome,
    mut renderer: Renderer,
) -> Result<(), Error> {
    let mut error = outcome.error;
    if let Some(answer) = outcome.answer.as_ref().filter(|_| !matches!(error, Some(Error::Output(_)))) {
        let shown = renderer.finish(answer);
        error = error.or_else(|| judge(answer, allow_truncated));
        match shown {
            Ok(Shown::All) => {}
            Ok(Shown::WithAside(text)) => app.notices.aside(&text),
            Ok(Shown::Nothing(text)) => {
                app.notices.aside(&text);
                error = error.or(Some(Error::NoCodeBlock(args.output.lang.clone())));
            }
            Err(output) => error = Some(output.into()),
        }
        if args.output.usage {
            app.notices.numbers(&usage_line(answer, outcome.timing));
        }
    }
    if let Saved::Partly(path) = renderer.close(error.is_none())? {
        app.notices.notice(&format!("what came of the answer is in `{}`", path.display()));
    }
    error.map_or(Ok(()), Err)
}

/// Says what a whole answer's stop reason means for the exit code.
fn judge(answer: &Answer, allow_truncated: bool) -> Option<Error> {
    match answer.message.stop_reason.as_ref()? {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded if allow_truncated => None,
        reason @ (StopReason::MaxTokens | StopReason::ModelContextWindowExceeded) => {
            Some(Error::Truncated(reason.clone()))
        }
        StopReason::Refusal => {
            let details = answer.message.extra.get("stop_details");
            let why = details.and_then(|details| details.get("explanation")).and_then(serde_json::Value::as_str);
            Some(Error::Refusal(why.map(str::to_owned)))
        }
        StopReason::EndTurn
        | StopReason::StopSequence
        | StopReason::ToolUse
        | StopReason::PauseTurn
        | StopReason::Other(_) => None,
    }
}

fn usage_line(answer: &Answer, timing: Timing) -> String {
    let usage = &answer.message.usage;
    let output = usage.output_tokens();
    let mut line = format!("{} tokens in", usage.total_input_tokens());
    if usage.cache_read_tokens() > 0 {
        line.push_str(&format!(" ({} from the cache)", usage.cache_read_tokens()));
    }
    line.push_str(&format!(", {output} out"));
    if let Some(first) = timing.first_word() {
        line.push_str(&format!("; first word after {:.2} s", first.as_secs_f64()));
    }
    let writing = timing.writing().as_secs_f64();
    if writing > 0.0 {
        // Precise enough: token counts are far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let rate = output as f64 / writing;
        line.push_str(&format!(", {rate:.0} tokens a second"));
    }
    line
}
