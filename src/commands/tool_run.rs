//! `langdock tool-run`: runs the tools that the model calls, until it is done.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::app::App;
use crate::cli;
use crate::compose::named_text::read_named_text;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::tool_files::{confirm_exposed, load};
use crate::error::{EndedRun, Error};
use crate::exchange::answer_format::sink;
use crate::exchange::credentials::learn_key;
use crate::exchange::engine::AnswerSink;
use crate::exchange::finish::finish_answer;
use crate::exchange::named_servers::named_servers;
use crate::exchange::prepared_exchange::{PreparedExchange, PromptPlan, answer_renderer};
use crate::exchange::run_tools::RunTools;
use crate::exchange::session_recorder::{Saving, TurnRecorder};
use crate::exchange::settings::settings;
use crate::exchange::setup::{Setup, set_up, watch_hangup};
use crate::exchange::tool_loop::{ToolLoop, checked_tools, external_tools};
use crate::exchange::tool_runner::{ToolRunner, run_by_hand};
use crate::exchange::tool_servers::{StartingServers, ToolServers, report_cost};
use crate::protocol::{ContentBlock, ExactJson, ToolUse};
use crate::text::{TableColumn, TextTable};
use crate::tool::{Outcome, Tool};
use crate::turn::TurnRules;
use crate::ui::OutputSink;

/// Runs the loop, or does what `--list` or `--call` asks for instead.
pub(crate) async fn tool_run(app: &App, args: &cli::ToolRunArgs) -> Result<(), Error> {
    watch_hangup(app)?;
    if args.list {
        return list(app, args).await;
    }
    if let Some([name, input]) = args.call.as_deref() {
        return call(app, args, name, input).await;
    }
    let ask = &args.ask;
    let mut setup = Box::pin(set_up(app, ask, None, Some(&args.running))).await?;
    let is_sent = !(ask.looking.dry_run || ask.looking.curl);
    let (catalog, sources) = (&setup.catalog, &mut setup.sources);
    let mut tools = Box::pin(RunTools::begin(
        app,
        &args.running,
        catalog,
        sources,
        is_sent,
    ))
    .await?;
    let ended = Box::pin(run(app, args, setup, &mut tools)).await;
    tools.close().await;
    ended
}

/// Sends the prompt, and runs the tools that the model calls.
async fn run<'a>(
    app: &'a App,
    args: &cli::ToolRunArgs,
    setup: Setup<'a>,
    tools: &mut RunTools<'_>,
) -> Result<(), Error> {
    let ask = &args.ask;
    let plan = PromptPlan {
        command: "tool-run",
        saving: Saving::Yes,
        keeps_connection: true,
        is_continued: true,
        schema: None,
        tools: Some(tools),
    };
    let prepared = Box::pin(PreparedExchange::open(app, ask, setup, plan)).await?;
    let Some(prepared) = prepared else {
        return Ok(());
    };
    let secrets = &prepared.exchange.settings().secrets;
    let mut runner = ToolRunner::new(app, tools.take_ready(), args.running.tool_jobs, secrets);
    let PreparedExchange {
        demo: _demo,
        mut exchange,
        mut request,
        encoded,
        mut recorder,
        sink,
        accepted,
    } = prepared;
    if let Some(most) = args.max_cost {
        exchange.limit_cost(most, &request.model)?;
    }
    let rules = TurnRules {
        max_turns: args.running.max_turns,
        external_tools: external_tools(&request, &runner.tools),
    };
    let calls_out = !rules.external_tools.is_empty();
    let mut renderer = answer_renderer(&exchange, &ask.output, &request, calls_out, sink);
    let messages = request.messages.clone();
    let mut tool_loop = ToolLoop::new(messages, rules, &mut runner, ask.output.looks.usage);
    let mut answer_sink = AnswerSink {
        renderer: &mut renderer,
        recorder: &mut recorder,
    };
    // On the heap, since its future is large.
    let run = Box::pin(tool_loop.run(&mut exchange, &mut request, encoded, &mut answer_sink));
    let mut outcome = run.await;
    recorder.commit(app);
    if let Some(Error::CostLimit { run, .. }) = &mut outcome.error
        && outcome.was_sent
    {
        let id = recorder.session_id().map(str::to_owned);
        *run = id.map_or(EndedRun::Unsaved, EndedRun::Saved);
    }
    finish_answer(app, ask, accepted, outcome, renderer)
}

/// Reads the tools and starts the servers, without setting up a request.
async fn tools_of(
    app: &App,
    args: &cli::ToolRunArgs,
) -> Result<(Vec<Tool>, Arc<ToolServers>), Error> {
    let settings = settings(app, &args.ask.connection.own_flags(), None)?;
    learn_key(app, &settings.key);
    let mut tools = Vec::new();
    let guard = SecretGuard::new(app, &settings.secrets);
    for path in &args.ask.tools.tools {
        tools.extend(load(guard, path, Some(&args.running)).await?);
    }
    let given = &args.running.mcp;
    if tools.is_empty() && given.is_empty() {
        let message = "there are no tools".to_owned();
        return Err(Error::Usage {
            message,
            hint: Some("add a tools file with -T FILE, or an MCP server with --mcp".to_owned()),
        });
    }
    if given.is_empty() {
        return Ok((tools, Arc::default()));
    }
    let specs = named_servers(app, given, &settings.servers).await?;
    let starting = StartingServers::start(app, specs, &settings).await?;
    let servers = starting.wait(app).await?;
    let of_servers = servers.tools(app);
    report_cost(app, &of_servers);
    tools.extend(of_servers);
    Ok((tools, Arc::new(servers)))
}

/// Prints the tools, each with its name, command, description and input; with `--json`, their
/// definitions.
async fn list(app: &App, args: &cli::ToolRunArgs) -> Result<(), Error> {
    let (tools, servers) = tools_of(app, args).await?;
    let tools = checked_tools(tools);
    ToolServers::close(servers, app).await;
    let tools = tools?;
    if args.ask.output.json {
        return app.print_object(&json!(tools.definitions()));
    }
    let mut table = TextTable::new([TableColumn::LEFT; 2]);
    for ready in tools.iter() {
        let (name, description) = (ready.tool.name(), ready.tool.description());
        let command = if ready.is_run_here() {
            ready.shown_command()
        } else {
            "(not run here)".to_owned()
        };
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        table.push_row([name.to_owned(), format!("{command}  {description}")]);
        let takes = ready.tool.takes();
        if !takes.is_empty() {
            let takes = takes.split_whitespace().collect::<Vec<_>>().join(" ");
            table.push_row([String::new(), format!("takes {takes}")]);
        }
    }
    app.print_table(&table)
}

/// Runs a call by hand. It needs no approval, since the user typed it.
async fn call(app: &App, args: &cli::ToolRunArgs, name: &str, input: &str) -> Result<(), Error> {
    let is_dash = |text: &Path| text.as_os_str() == "-";
    if input == "-" && args.ask.tools.tools.iter().any(|path| is_dash(path)) {
        return Err(Error::Usage {
            message: "standard input cannot be both a tools file and the input of the call"
                .to_owned(),
            hint: Some("put one of them in a file".to_owned()),
        });
    }
    if !args.ask.tools.tools.is_empty() {
        // It starts while the tools file is read.
        app.guard.prepare();
    }
    let (tools, servers) = tools_of(app, args).await?;
    let outcome = Box::pin(outcome_of(app, args, tools, &servers, name, input)).await;
    ToolServers::close(servers, app).await;
    let (call, outcome, mut sink) = outcome?;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            sink.close_file(false)?;
            return Err(error);
        }
    };
    let is_object = args.ask.output.json || args.ask.output.jsonl;
    let has_result = is_object || !outcome.is_error;
    if is_object {
        let object = json!(ContentBlock::ToolResult(outcome.to_result(&call.id)));
        let is_indented = args.ask.output.json && sink.is_terminal();
        sink.write_json(&if is_indented {
            format!("{object:#}")
        } else {
            object.to_string()
        });
        sink.end_line();
    } else if has_result {
        put(&outcome, &mut sink);
    }
    let written = sink.flush_pending();
    sink.close_file(has_result && written.is_ok())?;
    written?;
    if !outcome.is_error {
        return Ok(());
    }
    let (how, printed) = outcome.failure();
    if !is_object && !printed.is_empty() {
        app.notices.print_block(printed);
    }
    Err(Error::CallByHand {
        how: how.to_owned(),
        ran: outcome.took.is_some(),
        lister: "`langdock tool-run --list` with the same -T or --mcp",
    })
}

/// Runs the call, after the output was opened. The inner error is that of the call.
async fn outcome_of(
    app: &App,
    args: &cli::ToolRunArgs,
    tools: Vec<Tool>,
    servers: &Arc<ToolServers>,
    name: &str,
    input: &str,
) -> Result<(ToolUse, Result<Outcome, Error>, OutputSink), Error> {
    let tools = checked_tools(tools)?;
    let wrong = |message: String, hint: &str| Error::Usage {
        message,
        hint: Some(hint.to_owned()),
    };
    let ready = tools.find(name).map_err(|why| {
        let hint = "`langdock tool-run --list` with the same -T or --mcp lists the tools";
        wrong(format!("--call: {why}"), hint)
    })?;
    if let Some(command) = ready.command() {
        confirm_exposed(app, &command.program).await?;
    }
    let (file, text) = match input {
        "-" => read_named_text(app, Path::new("-")).await?,
        text => ("--call".to_owned(), text.to_owned()),
    };
    let input = ExactJson::parse(&text).map_err(|error| {
        let hint = "pass a JSON object, such as '{\"n\": 1}'";
        wrong(format!("{file}: not valid JSON: {error}"), hint)
    })?;
    let call = ToolUse::new("toolu_by_hand", name, input);
    let sink = sink(app, &args.ask).await?;
    let outcome = run_by_hand(app, tools, servers, call.clone()).await;
    Ok((call, outcome, sink))
}

/// Writes the result of a call unmodified; on a terminal, an image is replaced by its size.
fn put(outcome: &Outcome, sink: &mut OutputSink) {
    match (&outcome.image, outcome.content.as_str()) {
        (Some(image), _) if !sink.is_terminal() => sink.write_bytes(image),
        (None, Some(text)) => {
            sink.write_text(text);
            sink.end_line();
        }
        _ => {
            sink.write_text(&outcome.in_short());
            sink.end_line();
        }
    }
}
