//! `langdock send`: one request, its answer on standard output.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::check::{check_and_show, estimate, limits};
use super::drive::{Outcome, Timing, drive};
use super::gather::{StdinUse, stdin_use, system_prompt, user_turn};
use super::given::Given;
use super::kept::{Kept, Saving};
use super::ledger::{Ledger, Noted, Taken};
use super::offer::{Chosen, Offer};
use super::request::{Asked, body, build, with_model};
use super::settings::settings;
use super::{curl, dry_run};
use crate::app::App;
use crate::cli;
use crate::client::{ApiKey, Booking};
use crate::config::{KeySource, Settings, read_key};
use crate::demo;
use crate::error::Error;
use crate::input::{Estimate, check_many};
use crate::pace::Priority;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role, StopReason};
use crate::ui::{Answer, Calls, Extract, Form, Json, JsonLines, Output, PartFile, Plain, Renderer, Saved, Shown, Sink};

/// How long the built-in endpoint pauses between two pieces of an answer, so that it can be seen to stream.
const DEMO_PAUSE: Duration = Duration::from_millis(8);

/// Sends one request.
pub(crate) async fn send(app: &App, args: &cli::Send) -> Result<(), Error> {
    let connection = &args.connection;
    let demo = if connection.demo { Some(start_demo(app).await?) } else { None };
    let base_url = demo.as_ref().map(|demo| format!("http://{}/anthropic/{{region}}", demo.address()));
    let stdin_use = stdin_use(connection, args)?;
    let given = Given::read(app, args).await?;
    let flags = connection.flags(&given.complete(args), &args.output);
    let settings = settings(app, &flags, base_url.as_deref())?;
    tell_about(app, &settings, &args.request);

    let offer = Offer::new(app, &settings);
    let mut kept = Kept::open(app, &args.conversation, saving(app, &settings, args))?;
    let gathering = Gathering { given, stdin_use, kept: kept.as_mut() };
    let Prepared { model, request, body, estimate } = prepare(app, &settings, args, gathering, &offer).await?;
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
    let ledger = Ledger::new(app, &settings, "send", args.output.tag.as_deref());
    let booking = |model: &Chosen| {
        let tokens = estimate.paced(ledger.factor(&model.id, &estimate));
        Booking::of(&model.id, tokens, max_tokens, Priority::Person)
    };
    let call = client.call(body.clone(), stream, booking(&model));
    if let Some(kept) = &mut kept {
        kept.begin(app);
    }
    let mut outcome = drive(app, &model.id, region, call, &mut renderer, kept.as_mut()).await;
    let mut asked = model.id.clone();
    if let Some(next) = offer.choose_again(&model, outcome.error.as_ref()) {
        let body = with_model(&body, &model, max_tokens, &next);
        let call = client.call(Bytes::from(body), stream, booking(&next));
        outcome = drive(app, &next.id, region, call, &mut renderer, kept.as_mut()).await;
        asked = next.id;
    }
    if let Some(kept) = &mut kept {
        kept.end(app, outcome.answer.as_ref().map(|answer| (&answer.message, answer.complete)));
    }
    let timing = outcome.timing;
    let taken = Taken::of(outcome.answer.as_ref());
    let ended = end(app, args, settings.allow_truncated, outcome, renderer);
    if args.conversation.no_log {
        return ended;
    }
    let error = ended.as_ref().err();
    ledger.note(&Noted { model: &asked, estimate: &estimate, taken, timing, error });
    ended
}

/// Starts the built-in endpoint, and says so.
pub(super) async fn start_demo(app: &App) -> Result<demo::Endpoint, Error> {
    app.notices.notice("demo: scripted answers, no model");
    let pace = demo::Pace { piece_pause: DEMO_PAUSE, ..demo::Pace::default() };
    let settings = demo::Settings { pace, is_open: true, ..demo::Settings::default() };
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

/// Whether what is said is saved where no flag says so: on a terminal a person may want to go on with it.
fn saving(app: &App, settings: &Settings, args: &cli::Send) -> Saving {
    match settings.save.unwrap_or(app.facts.stdout_is_terminal) {
        _ if args.looking.dry_run || args.looking.curl => Saving::Never,
        true => Saving::Yes,
        false => Saving::No,
    }
}

/// What the user's turn is gathered from.
struct Gathering<'a> {
    given: Given,
    stdin_use: StdinUse,
    kept: Option<&'a mut Kept>,
}

/// A request that is ready to be sent.
struct Prepared {
    model: Chosen,
    /// But for what only the body has to hold.
    request: CreateMessage,
    body: Vec<u8>,
    estimate: Estimate,
}

/// Gathers the input, settles on a model and writes the body.
async fn prepare(
    app: &App,
    settings: &Settings,
    args: &cli::Send,
    gathering: Gathering<'_>,
    offer: &Offer<'_>,
) -> Result<Prepared, Error> {
    let Gathering { mut given, stdin_use, kept } = gathering;
    let mut system = app.unless_interrupted(system_prompt(args.request.system.as_deref())).await??;
    let turn = app.unless_interrupted(user_turn(app, args, &mut given, stdin_use)).await??;
    for notice in &turn.notices {
        app.notices.notice(notice);
    }
    check_many(&[given.conversation.pictures.as_slice(), &turn.pictures].concat())?;
    // The template's system prompt has been filled by now.
    let flags = given.complete(args);
    let tool_choice = given.tool_choice(args.tools.tool_choice.as_deref(), &flags)?;
    if let Some(kept) = kept {
        go_on(kept, &mut given, &mut system, &flags, &turn.content);
    }
    let is_sent = !(args.looking.dry_run || args.looking.curl);
    let model = offer.choose(is_sent).await?;
    let earlier = &given.conversation.messages;
    let estimate = estimate(Some(&model.id), (&flags, system.as_deref()), &given.tools, earlier, &turn);
    if !args.input.no_check {
        let limits = limits(offer, &model.id, estimate.total(), is_sent).await;
        check_and_show(app, &estimate, &limits)?;
    }
    let asked = Asked {
        model: model.clone(),
        max_tokens: settings.max_tokens.as_ref().map(|tokens| tokens.value),
        system,
        earlier: given.conversation.messages,
        content: turn.content,
        tools: given.tools,
        tool_choice,
        stream: !args.output.no_stream,
    };
    let request = build(&flags, asked)?;
    let parts: Vec<_> = given.conversation_part.into_iter().chain(turn.parts).collect();
    let body = body(&request, &parts, args.input.no_check)?;
    // From here on only the settings of the request are needed, and what the answer begins with.
    let prefill = request.messages.into_iter().next_back().filter(|turn| turn.role == Role::Assistant);
    let request = CreateMessage { messages: prefill.into_iter().collect(), ..request };
    Ok(Prepared { model, request, body, estimate })
}

/// Puts the conversation before what is said now, which is what will be saved.
fn go_on(
    kept: &mut Kept,
    given: &mut Given,
    system: &mut Option<String>,
    flags: &cli::Request,
    content: &[ContentBlock],
) {
    if kept.is_saved() {
        let mut said = given.conversation.messages.clone();
        said.push(InputMessage { role: Role::User, content: content.to_vec() });
        said.extend(
            flags
                .prefill
                .as_deref()
                .map(|prefill| InputMessage { role: Role::Assistant, content: vec![ContentBlock::text(prefill)] }),
        );
        said.retain(|message| !message.content.is_empty());
        kept.say(said, system.clone());
    }
    if system.is_none() && flags.fields.iter().all(|(key, _)| key != "system") {
        *system = kept.conversation().system().map(str::to_owned);
    }
    let mut messages = kept.conversation().messages();
    messages.append(&mut given.conversation.messages);
    given.conversation.messages = messages;
    given.conversation_part.get_or_insert_with(|| ("the conversation so far".to_owned(), kept.conversation().size()));
}

/// Reads the key; a command, or a file that is a pipe, may take its time.
pub(super) async fn api_key(app: &App, source: KeySource) -> Result<ApiKey, Error> {
    if !source.is_slow() {
        return Ok(read_key(&source)?);
    }
    let read = app.unless_interrupted(tokio::task::spawn_blocking(move || read_key(&source))).await?;
    Ok(read.expect("reading a key does not panic")?)
}

/// Picks the form of output. A file is opened before anything is sent, so that an answer is not paid for and then lost.
fn renderer(app: &App, args: &cli::Send, request: &CreateMessage) -> Result<Renderer, Error> {
    let sink = match args.output.file.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => Sink::file(PartFile::create(path)?),
        None => Sink::stdout(Output::stdout()?, app.facts.stdout_is_terminal, Arc::clone(&app.interrupt)),
    };
    let form: Box<dyn Form> = if args.output.json {
        Box::new(Json)
    } else if args.output.jsonl {
        Box::new(JsonLines)
    } else if args.output.extract {
        let prefill = request.messages.last().map(beginning).unwrap_or_default();
        Box::new(Extract::new(args.output.lang.clone(), prefill))
    } else if request.extra.contains_key("tools") {
        Box::new(Calls)
    } else {
        Box::new(Plain)
    };
    Ok(Renderer::new(form, sink))
}

/// The text that the answer goes on from.
fn beginning(prefill: &InputMessage) -> String {
    let text = prefill.content.last().and_then(|block| match block {
        ContentBlock::Text(text) => Some(text.text.clone()),
        _ => None,
    });
    text.unwrap_or_default()
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
