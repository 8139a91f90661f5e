//! `langdock tool-run`: the model asks for tools, and they are run here until it is done.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::App;
use crate::chat::{Limit, Rules, Step, Turn};
use crate::cli;
use crate::compose::sources::read;
use crate::compose::tool_files::load;
use crate::error::Error;
use crate::exchange::answer_format::{renderer, sink};
use crate::exchange::driver::Outcome;
use crate::exchange::engine::Asker;
use crate::exchange::finish::{end, usage_line};
use crate::exchange::model_catalog::{Chosen, Offer};
use crate::exchange::prepare::{Gathering, Prepared, looked_at, prepare};
use crate::exchange::request_log::Ledger;
use crate::exchange::session_recorder::{Kept, Saving};
use crate::exchange::setup::{Start, start, watch_hangup};
use crate::exchange::tool_loop::{callers_own, checked, policy, relax};
use crate::exchange::tool_runner::{Calls, run_by_hand};
use crate::input::Estimate;
use crate::protocol::{ContentBlock, CreateMessage, Role, ToolUse};
use crate::tool::{self, Tool};
use crate::ui::{Renderer, Shown, Sink};

/// Runs the loop, or does what was asked for in its place.
pub(crate) async fn tool_run(app: &App, args: &cli::ToolRun) -> Result<(), Error> {
    watch_hangup(app)?;
    if args.list {
        return list(app, args).await;
    }
    if let Some([name, input]) = args.call.as_deref() {
        return call(app, args, name, input).await;
    }
    let Start {
        demo: _demo,
        settings,
        given,
        stdin_use,
    } = start(app, &args.ask, None).await?;
    let tools = Arc::new(checked(given.tools.clone())?);
    let policy = policy(&args.running, &settings.tools, &tools)?;
    let sink = sink(app, &args.ask)?;
    let offer = Offer::new(app, &settings);
    let saving = if args.ask.looking.dry_run || args.ask.looking.curl {
        Saving::Never
    } else {
        Saving::Yes
    };
    let mut kept = Kept::open(app, &args.ask.conversation, saving, settings.data_scope())?;
    let gathering = Gathering {
        given,
        stdin_use,
        kept: kept.as_mut(),
        wish: None,
    };
    let Prepared {
        model,
        mut request,
        body,
        estimate,
    } = prepare(app, &settings, &args.ask, gathering, &offer).await?;
    if looked_at(app, &settings, &args.ask, request.stream, &body)? {
        return Ok(());
    }
    let client = offer.client().await?;
    let rules = Rules {
        max_turns: args.running.max_turns,
        callers_own: callers_own(&request, &tools),
    };
    let mut renderer = renderer(
        app,
        &args.ask,
        &request,
        !rules.callers_own.is_empty(),
        settings.theme.as_deref(),
        sink,
    );
    let ledger = &Ledger::new(app, &settings, "tool-run", &args.ask);
    let run = ToolRun {
        asker: Asker {
            app,
            ask: &args.ask,
            settings: &settings,
            offer: &offer,
            client: &client,
            ledger,
            kept,
            is_judged: false,
        },
        turn: Turn::new(std::mem::take(&mut request.messages), rules),
        request,
        calls: Calls {
            app,
            tools,
            policy,
            jobs: args.running.tool_jobs,
        },
    };
    let outcome = run
        .run_to_the_end(&model, (body, &estimate), &mut renderer)
        .await;
    end(app, &args.ask, settings.allow_truncated, outcome, renderer)
}

/// A run under way.
struct ToolRun<'a> {
    asker: Asker<'a>,
    turn: Turn,
    /// The request but for the conversation, which the turn has.
    request: CreateMessage,
    calls: Calls<'a>,
}

impl ToolRun<'_> {
    /// Asks, runs calls, and asks again, and saves all of it. The outcome is that of the last
    /// request.
    async fn run_to_the_end(
        mut self,
        model: &Chosen,
        first: (Vec<u8>, &Estimate),
        renderer: &mut Renderer,
    ) -> Outcome {
        let outcome = self.run(model, first, renderer).await;
        self.asker.end();
        outcome
    }

    async fn run(
        &mut self,
        model: &Chosen,
        first: (Vec<u8>, &Estimate),
        renderer: &mut Renderer,
    ) -> Outcome {
        self.request.messages = self.turn.messages().to_vec();
        let mut outcome = self
            .asker
            .first(model, &mut self.request, first, renderer)
            .await;
        // A choice that was forced would be forced for ever.
        relax(&mut self.request);
        loop {
            let failed = match self.after(&outcome, renderer).await {
                Ok(true) => return outcome,
                Ok(false) => {
                    self.request.messages = self.turn.messages().to_vec();
                    // Where the model goes on by itself, nothing was said.
                    let last = self
                        .request
                        .messages
                        .last()
                        .filter(|message| message.role == Role::User);
                    let said = last.cloned().into_iter().collect();
                    match self.asker.go_on(&self.request, said, renderer).await {
                        Ok(next) => {
                            outcome = next;
                            continue;
                        }
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            return Outcome {
                error: Some(failed),
                ..outcome
            };
        }
    }

    /// Does what an answer asks for, and says whether it was the last.
    async fn after(&mut self, outcome: &Outcome, renderer: &mut Renderer) -> Result<bool, Error> {
        let Some(answer) = outcome
            .answer
            .as_ref()
            .filter(|answer| answer.complete && outcome.error.is_none())
        else {
            return Ok(true);
        };
        self.turn.answered(&answer.message);
        let calls = match self.turn.step().clone() {
            Step::Done(_) => return Ok(true),
            Step::Stop(Limit::MaxTurns(turns)) => return Err(Error::MaxTurns(turns)),
            Step::Ask => None,
            Step::RunTools(calls) => Some(calls),
        };
        let app = self.asker.app;
        match renderer.pause(answer)? {
            Shown::WithAside(text) | Shown::Nothing(text) => app.notices.aside(&text),
            Shown::All => {}
        }
        if self.asker.ask.output.looks.usage {
            app.notices.numbers(&usage_line(answer, outcome.timing));
        }
        if let Some(calls) = calls {
            let (results, error) = self.calls.run(&calls, renderer).await;
            self.turn.ran(results);
            if let Some(error) = error {
                self.asker
                    .say(self.turn.messages().last().cloned().into_iter().collect());
                return Err(error);
            }
        }
        Ok(false)
    }
}

/// Reads the tools alone.
async fn tools_of(app: &App, args: &cli::ToolRun) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::new();
    for path in &args.ask.tools.tools {
        tools.extend(load(app, path).await?);
    }
    if tools.is_empty() {
        let message = "there are no tools".to_owned();
        return Err(Error::Usage {
            message,
            hint: Some("give a tools file with -T FILE".to_owned()),
        });
    }
    Ok(tools)
}

/// Prints the tools: a name, what is run, what it is for, and what it takes; or the definitions.
async fn list(app: &App, args: &cli::ToolRun) -> Result<(), Error> {
    let tools = checked(tools_of(app, args).await?)?;
    if args.ask.output.json {
        return app.print_object(&Value::Array(tools.definitions()));
    }
    let width = tools.names().map(str::len).max().unwrap_or(0);
    let mut text = String::new();
    for ready in tools.iter() {
        let (name, description) = (ready.tool.name(), ready.tool.description());
        let command = if ready.is_run_here() {
            ready.shown_command()
        } else {
            "(not run here)".to_owned()
        };
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(format!("{name:width$}  {command}  {description}").trim_end());
        text.push('\n');
        let takes = ready.tool.takes();
        if !takes.is_empty() {
            text.push_str(&format!(
                "{:width$}  takes {}\n",
                "",
                takes.split_whitespace().collect::<Vec<_>>().join(" ")
            ));
        }
    }
    app.print_outside(&text)
}

/// Runs a call by hand. Who types it has approved of it.
async fn call(app: &App, args: &cli::ToolRun, name: &str, input: &str) -> Result<(), Error> {
    let is_dash = |text: &Path| text.as_os_str() == "-";
    if input == "-" && args.ask.tools.tools.iter().any(|path| is_dash(path)) {
        return Err(Error::Usage {
            message: "standard input cannot be both a tools file and the input of the call"
                .to_owned(),
            hint: Some("put one of them into a file".to_owned()),
        });
    }
    let tools = checked(tools_of(app, args).await?)?;
    let hint = "the input is a JSON object, as in '{\"n\": 1}'; `langdock tool-run --list` with the same -T names the tools";
    let wrong = |message: String| Error::Usage {
        message,
        hint: Some(hint.to_owned()),
    };
    tools
        .find(name)
        .map_err(|why| wrong(format!("--call: {why}")))?;
    let (file, text) = match input {
        "-" => read(app, Path::new("-")).await?,
        text => ("--call".to_owned(), text.to_owned()),
    };
    let input = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("{file}: this is no JSON: {error}")))?;
    let call = ToolUse {
        id: "toolu_by_hand".to_owned(),
        name: name.to_owned(),
        input,
        extra: serde_json::Map::new(),
    };
    let mut sink = sink(app, &args.ask)?;
    let outcome = match run_by_hand(app, tools, call.clone()).await {
        Ok(outcome) => outcome,
        Err(error) => {
            sink.close(false)?;
            return Err(error);
        }
    };
    let is_object = args.ask.output.json || args.ask.output.jsonl;
    let has_result = is_object || !outcome.is_error;
    if is_object {
        let object = json!(ContentBlock::ToolResult(outcome.to_result(&call.id)));
        let is_indented = args.ask.output.json && sink.is_terminal();
        sink.json(&if is_indented {
            format!("{object:#}")
        } else {
            object.to_string()
        });
        sink.end_line();
    } else if has_result {
        put(&outcome, &mut sink);
    }
    let written = sink.flush();
    sink.close(has_result && written.is_ok())?;
    written?;
    if !outcome.is_error {
        return Ok(());
    }
    let (how, printed) = outcome.failure();
    if !is_object && !printed.is_empty() {
        app.notices.aside(printed);
    }
    Err(Error::CallByHand(how.to_owned()))
}

/// Puts out what a call gave, as it is; of an image a terminal gets the size.
fn put(outcome: &tool::Outcome, sink: &mut Sink) {
    match (&outcome.image, outcome.content.as_str()) {
        (Some(image), _) if !sink.is_terminal() => sink.bytes(image),
        (None, Some(text)) => {
            sink.text(text);
            sink.end_line();
        }
        _ => {
            sink.text(&outcome.in_short());
            sink.end_line();
        }
    }
}
