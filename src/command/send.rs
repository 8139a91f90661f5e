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
use super::request::{Asked, body, build, switch_model, with_model};
use super::settings::settings;
use super::{curl, dry_run, structured};
use crate::app::App;
use crate::cli;
use crate::client::{ApiKey, Booking, Client};
use crate::config::{KeySource, Settings, read_key};
use crate::demo;
use crate::error::Error;
use crate::input::{Asking, Estimate, Turn, check_many};
use crate::pace::Priority;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role, StopReason};
use crate::tool::Structured;
use crate::ui::{
    Answer, Calls, Extract, Fitted, Form, Json, JsonLines, Output, PartFile, Plain, Rendered, Renderer, Saved, Screen,
    Shown, Sink, Theme, colored,
};

/// How long the built-in endpoint pauses between two pieces of an answer, so that it can be seen to stream.
const DEMO_PAUSE: Duration = Duration::from_millis(8);

/// Sends one request.
pub(crate) async fn send(app: &App, args: &cli::Send) -> Result<(), Error> {
    let ask = &args.ask;
    let wish = structured::wish(app, &args.structured).await?;
    let Start { demo: _demo, settings, given, stdin_use } = start(app, ask, args.structured.schema.as_deref()).await?;
    let offer = Offer::new(app, &settings);
    let saving = if ask.looking.dry_run || ask.looking.curl { Saving::Never } else { saving(app, &settings) };
    let mut kept = Kept::open(app, &ask.conversation, saving)?;
    let gathering = Gathering { given, stdin_use, kept: kept.as_mut(), wish: wish.as_ref() };
    let Prepared { model, mut request, body, estimate } = prepare(app, &settings, ask, gathering, &offer).await?;
    if looked_at(app, &settings, ask, request.stream, &body)? {
        return Ok(());
    }
    let client = offer.client().await?;
    if let Some(wish) = wish {
        let renderer = Renderer::new(Box::new(Fitted), sink(app, ask)?);
        let ledger = &Ledger::new(app, &settings, "send", ask);
        let asker = Asker { app, ask, settings: &settings, offer: &offer, client: &client, ledger, kept };
        return structured::send(asker, wish, (model, request, body, estimate), renderer).await;
    }
    let calls_out = request.extra.contains_key("tools");
    let mut renderer = renderer(app, ask, &request, calls_out, settings.theme.as_deref())?;
    let stream = request.stream;
    let max_tokens = request.max_tokens;
    request.messages.clear(); // Their text is in the body: large input is not held twice.
    drop(request);

    let region = settings.endpoint.region().as_str();
    app.notices.step(&format!("model {}, region {region}, {}", model.id, settings.endpoint.messages_url()));
    let body = Bytes::from(body);
    let ledger = Ledger::new(app, &settings, "send", ask);
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
        kept.answered(outcome.answer.as_ref());
        kept.end(app);
    }
    let timing = outcome.timing;
    let taken = Taken::of(outcome.answer.as_ref());
    let ended = end(app, ask, settings.allow_truncated, outcome, renderer);
    let error = ended.as_ref().err();
    ledger.note(&Noted { model: &asked, estimate: &estimate, taken, timing, error });
    ended
}

/// What a request begins with, before anything of it is gathered.
pub(super) struct Start {
    /// The built-in endpoint, where it is asked; it has to outlive the run.
    pub(super) demo: Option<demo::Endpoint>,
    pub(super) settings: Settings,
    pub(super) given: Given,
    pub(super) stdin_use: StdinUse,
}

/// Reads what the flags name, and settles the settings.
pub(super) async fn start(app: &App, ask: &cli::Ask, schema: Option<&str>) -> Result<Start, Error> {
    let demo = if ask.connection.demo { Some(start_demo(app).await?) } else { None };
    let base_url = demo.as_ref().map(|demo| format!("http://{}/anthropic/{{region}}", demo.address()));
    let stdin_use = stdin_use(ask, schema)?;
    let given = Given::read(app, ask).await?;
    let flags = ask.connection.flags(&given.complete(ask), &ask.output);
    let settings = settings(app, &flags, base_url.as_deref())?;
    tell_about(app, &settings, &ask.request);
    Ok(Start { demo, settings, given, stdin_use })
}

/// Whether the request is only looked at; it is shown then.
pub(super) fn looked_at(
    app: &App,
    settings: &Settings,
    ask: &cli::Ask,
    stream: bool,
    body: &[u8],
) -> Result<bool, Error> {
    if ask.looking.dry_run {
        app.print_json(&dry_run::shown_body(body, app.facts.stdout_is_terminal))?;
    } else if ask.looking.curl {
        let text = str::from_utf8(body).expect("JSON is UTF-8");
        app.print_json(&curl::curl_command(&settings.endpoint, &settings.options, stream, text))?;
    }
    Ok(ask.looking.dry_run || ask.looking.curl)
}

/// Asks one request after the other: the same flags, settings, endpoint, connection and conversation.
pub(super) struct Asker<'a> {
    pub(super) app: &'a App,
    pub(super) ask: &'a cli::Ask,
    pub(super) settings: &'a Settings,
    pub(super) offer: &'a Offer<'a>,
    pub(super) client: &'a Client,
    pub(super) ledger: &'a Ledger<'a>,
    pub(super) kept: Option<Kept>,
}

impl Asker<'_> {
    /// Asks for the first time. Where the picked model is gone, another one is picked, for this request and those to come.
    pub(super) async fn first(
        &mut self,
        model: &Chosen,
        request: &mut CreateMessage,
        (body, estimate): (Vec<u8>, &Estimate),
        renderer: &mut Renderer,
    ) -> Outcome {
        let (region, url) = (self.settings.endpoint.region(), self.settings.endpoint.messages_url());
        self.app.notices.step(&format!("model {}, region {region}, {url}", model.id));
        let outcome = self.send(request, (body, estimate), renderer).await;
        let Some(next) = self.offer.choose_again(model, outcome.error.as_ref()) else { return outcome };
        switch_model(request, model, &next);
        match self.again(request, renderer).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome { error: Some(error), ..outcome },
        }
    }

    /// Asks again, with what the request has by now, of which `said` is new and not the model's.
    pub(super) async fn go_on(
        &mut self,
        request: &CreateMessage,
        said: Vec<InputMessage>,
        renderer: &mut Renderer,
    ) -> Result<Outcome, Error> {
        if let Some(kept) = &mut self.kept {
            kept.say(said, None);
        }
        self.again(request, renderer).await
    }

    /// Makes what was said a part of its conversation.
    pub(super) fn end(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.end(self.app);
        }
    }

    async fn again(&mut self, request: &CreateMessage, renderer: &mut Renderer) -> Result<Outcome, Error> {
        let body = body(request, &[("the conversation".to_owned(), 0)], self.ask.input.no_check)?;
        Ok(self.send(request, (body, &estimate_of(request)), renderer).await)
    }

    /// Sends a request and notes it.
    async fn send(
        &mut self,
        request: &CreateMessage,
        (body, estimate): (Vec<u8>, &Estimate),
        renderer: &mut Renderer,
    ) -> Outcome {
        let tokens = estimate.paced(self.ledger.factor(&request.model, estimate));
        let booking = Booking::of(&request.model, tokens, request.max_tokens, Priority::Person);
        let call = self.client.call(Bytes::from(body), request.stream, booking).keeping_connection();
        let region = self.settings.endpoint.region().as_str();
        if let Some(kept) = &mut self.kept {
            kept.begin(self.app);
        }
        let outcome = drive(self.app, &request.model, region, call, renderer, self.kept.as_mut()).await;
        if let Some(kept) = &mut self.kept {
            kept.answered(outcome.answer.as_ref());
        }
        let whole = outcome.answer.as_ref().filter(|_| outcome.error.is_none());
        let judged = whole.and_then(|answer| judge(answer, self.settings.allow_truncated));
        self.ledger.note(&Noted {
            model: &request.model,
            estimate,
            taken: Taken::of(outcome.answer.as_ref()),
            timing: outcome.timing,
            error: outcome.error.as_ref().or(judged.as_ref()),
        });
        outcome
    }
}

/// Estimates a request that is put together.
pub(super) fn estimate_of(request: &CreateMessage) -> Estimate {
    Estimate::of(Asking {
        model: Some(&request.model),
        system: request.system.as_ref().map(|system| system.0.as_str()),
        tools: request.extra.get("tools").and_then(serde_json::Value::as_array).map_or(&[][..], Vec::as_slice),
        earlier: &request.messages,
        turn: &Turn::default(),
        prefill: None,
    })
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
pub(super) fn tell_about(app: &App, settings: &Settings, request: &cli::Request) {
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
fn saving(app: &App, settings: &Settings) -> Saving {
    if settings.save.unwrap_or(app.facts.stdout_is_terminal) { Saving::Yes } else { Saving::No }
}

/// What the user's turn is gathered from.
pub(super) struct Gathering<'a> {
    pub(super) given: Given,
    pub(super) stdin_use: StdinUse,
    /// The conversation that it goes on with, or begins.
    pub(super) kept: Option<&'a mut Kept>,
    /// The form that the answer has to have.
    pub(super) wish: Option<&'a Structured>,
}

/// A request that is ready to be sent.
pub(super) struct Prepared {
    pub(super) model: Chosen,
    pub(super) request: CreateMessage,
    pub(super) body: Vec<u8>,
    pub(super) estimate: Estimate,
}

/// Gathers the input, settles on a model and writes the body.
pub(super) async fn prepare(
    app: &App,
    settings: &Settings,
    args: &cli::Ask,
    gathering: Gathering<'_>,
    offer: &Offer<'_>,
) -> Result<Prepared, Error> {
    let Gathering { mut given, stdin_use, kept, wish } = gathering;
    let mut system = app.unless_interrupted(system_prompt(args.request.system.as_deref())).await??;
    let turn = app.unless_interrupted(user_turn(app, args, &mut given, stdin_use)).await??;
    for notice in &turn.notices {
        app.notices.notice(notice);
    }
    check_many(&[given.conversation.pictures.as_slice(), &turn.pictures].concat())?;
    // The template's system prompt has been filled by now.
    let flags = given.complete(args);
    let (tools, tool_choice) = match wish {
        Some(wish) => (vec![wish.definition()], Some(Structured::choice())),
        None => (given.definitions(), given.tool_choice(args.tools.tool_choice.as_deref(), &flags)?),
    };
    if let Some(kept) = kept {
        go_on(kept, &mut given, &mut system, &flags, &turn.content);
    }
    let is_sent = !(args.looking.dry_run || args.looking.curl);
    let model = offer.choose(is_sent).await?;
    let earlier = &given.conversation.messages;
    let estimate = estimate(Some(&model.id), (&flags, system.as_deref()), &tools, earlier, &turn);
    if !args.input.no_check {
        let limits = limits(offer, &model.id, estimate.total(), is_sent).await;
        check_and_show(app, &estimate, &limits)?;
    }
    let asked = Asked {
        model: model.clone(),
        max_tokens: settings.max_tokens.as_ref().map(|tokens| tokens.value),
        system,
        tools,
        earlier: given.conversation.messages,
        content: turn.content,
        tool_choice,
        stream: !args.output.looks.no_stream,
    };
    let request = build(&flags, asked)?;
    let parts: Vec<_> = given.conversation_part.into_iter().chain(turn.parts).collect();
    let body = body(&request, &parts, args.input.no_check)?;
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

/// Opens the output. A file is opened before anything is sent, so that an answer is not paid for and then lost.
pub(super) fn sink(app: &App, ask: &cli::Ask) -> Result<Sink, Error> {
    Ok(match ask.output.file.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => Sink::file(PartFile::create(path)?),
        None => Sink::stdout(Output::stdout()?, app.facts.stdout_is_terminal, Arc::clone(&app.interrupt)),
    })
}

/// Picks the form of output. `calls_out` says whether calls of tools are what may come out.
pub(super) fn renderer(
    app: &App,
    args: &cli::Ask,
    request: &CreateMessage,
    calls_out: bool,
    theme: Option<&str>,
) -> Result<Renderer, Error> {
    let sink = sink(app, args)?;
    let form: Box<dyn Form> = if args.output.json {
        Box::new(Json)
    } else if args.output.jsonl {
        Box::new(JsonLines)
    } else if args.output.extract {
        let prefill = request.messages.last().filter(|turn| turn.role == Role::Assistant);
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
    Ok(if args.output.looks.show_thinking { renderer.with_thinking(is_dimmed) } else { renderer })
}

/// What Markdown is rendered for; none where it is shown as it was written.
pub(super) fn screen(app: &App, output: &cli::Output, theme: Option<&str>) -> Option<Screen> {
    let is_file = output.file.as_deref().is_some_and(|path| path.as_os_str() != "-");
    let is_terminal = app.facts.stdout_is_terminal && !is_file && !app.env.dumb_terminal;
    if output.looks.raw || !(output.looks.markdown || is_terminal) {
        return None;
    }
    let is_colored = colored(output.looks.color.into(), app.env.no_color, app.env.clicolor_force, is_terminal);
    let theme = is_colored.then(|| theme.and_then(Theme::named).unwrap_or_default());
    Some(Screen::stdout(is_terminal, app.env.columns, theme))
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
pub(super) fn end(
    app: &App,
    args: &cli::Ask,
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
        if args.output.looks.usage {
            app.notices.numbers(&usage_line(answer, outcome.timing));
        }
    }
    if let Saved::Partly(path) = renderer.close(error.is_none())? {
        app.notices.notice(&format!("what came of the answer is in `{}`", path.display()));
    }
    error.map_or(Ok(()), Err)
}

/// Says what a whole answer's stop reason means for the exit code.
pub(super) fn judge(answer: &Answer, allow_truncated: bool) -> Option<Error> {
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

pub(super) fn usage_line(answer: &Answer, timing: Timing) -> String {
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
