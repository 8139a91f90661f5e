//! `langdock send`: one request, its answer on standard output.

use crate::app::App;
use crate::cli;
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::answer_format::{AnswerFormat, renderer, sink};
use crate::exchange::engine::{AnswerPolicy, AnswerSink, Exchange, SendPolicy};
use crate::exchange::finish::finish_answer;
use crate::exchange::prepare::{PreparedRequest, PromptInputs, print_preview};
use crate::exchange::request_log::RequestLog;
use crate::exchange::session_recorder::{Saving, SessionRecorder, TurnRecorder};
use crate::exchange::setup::{Setup, set_up, watch_hangup};
use crate::exchange::structured::{load_output_schema, send_structured};

/// Sends one request.
pub(crate) async fn send(app: &App, args: &cli::SendArgs) -> Result<(), Error> {
    watch_hangup(app)?;
    let ask = &args.ask;
    let mut schema = load_output_schema(app, &args.structured).await?;
    let setup = set_up(app, ask, args.structured.schema.as_deref()).await?;
    let Setup {
        demo: _demo,
        catalog,
        sources,
        stdin_use,
        ..
    } = setup;
    let sink = sink(app, ask).await?;
    let saving = if ask.looking.dry_run || ask.looking.curl {
        Saving::Never
    } else {
        saving(app, catalog.settings())
    };
    let mut recorder = SessionRecorder::open(
        app,
        &ask.conversation,
        saving,
        catalog.settings().data_scope(),
    )?;
    let allow_truncated = catalog.settings().allow_truncated;
    let policy = SendPolicy {
        is_unchecked: ask.input.no_check,
        keeps_connection: schema.is_some(),
        answers: match schema {
            None => AnswerPolicy::AsTheyEnd { allow_truncated },
            Some(_) => AnswerPolicy::MatchSchema,
        },
    };
    let log = RequestLog::new(app, catalog.settings(), "send", ask);
    let mut exchange = Exchange::new(app, catalog, log, policy);
    let inputs = PromptInputs {
        sources,
        stdin_use,
        recorder: recorder.as_mut(),
        schema: schema.as_ref(),
    };
    let prepared = exchange.prepare(ask, inputs).await?;
    let PreparedRequest {
        mut request,
        encoded,
    } = prepared;
    let body = &encoded.body;
    if print_preview(app, exchange.settings(), ask, request.stream, body)? {
        return Ok(());
    }
    exchange.sender().await?;
    if let Some(schema) = &mut schema {
        let mut renderer = renderer(app, AnswerFormat::Schema, sink, false);
        let answer_sink = AnswerSink {
            renderer: &mut renderer,
            recorder: &mut recorder,
        };
        let outcome =
            send_structured(&mut exchange, schema, &mut request, encoded, answer_sink).await;
        // JSON that is cut is no answer, whatever is allowed.
        return finish_answer(app, ask, false, outcome, renderer);
    }
    let calls_out = !request.tools.is_empty();
    let theme = exchange.settings().theme.as_deref();
    let format = AnswerFormat::from_flags(app, &ask.output, &request, calls_out, theme);
    let shows_thinking = ask.output.looks.show_thinking;
    let mut renderer = renderer(app, format, sink, shows_thinking);
    if !exchange.may_ask_another_model() {
        request.messages.clear(); // Their text is in the body: large input is not held twice.
    }
    let mut answer_sink = AnswerSink {
        renderer: &mut renderer,
        recorder: &mut recorder,
    };
    let outcome = exchange.send(&mut request, encoded, &mut answer_sink).await;
    recorder.commit(app);
    finish_answer(app, ask, allow_truncated, outcome, renderer)
}

/// Whether what is said is saved where no flag says so: on a terminal a user may want to go on
/// with it.
fn saving(app: &App, settings: &Settings) -> Saving {
    if settings.save.unwrap_or(app.facts.stdout_is_terminal) {
        Saving::Yes
    } else {
        Saving::No
    }
}
