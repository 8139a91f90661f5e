//! `langdock send`: sends one request and prints its answer.

use crate::app::App;
use crate::cli;
use crate::compose::secret_guard::SecretGuard;
use crate::config::Settings;
use crate::error::{Error, STRUCTURED};
use crate::exchange::answer_format::{AnswerFormat, renderer};
use crate::exchange::engine::AnswerSink;
use crate::exchange::finish::{AcceptedEndings, finish_answer};
use crate::exchange::prepared_exchange::{PreparedExchange, PromptPlan, answer_renderer};
use crate::exchange::session_recorder::{Saving, TurnRecorder};
use crate::exchange::setup::{set_up, watch_hangup};
use crate::exchange::structured::{load_output_schema, send_structured};

/// Sends one request.
pub(crate) async fn send(app: &App, args: &cli::SendArgs) -> Result<(), Error> {
    watch_hangup(app)?;
    let ask = &args.ask;
    let setup = set_up(app, ask, args.structured.schema.as_deref(), None).await?;
    let guard = SecretGuard::new(app, &setup.catalog.settings().secrets);
    let mut schema = load_output_schema(guard, &args.structured).await?;
    let plan = PromptPlan {
        command: "send",
        saving: saving(app, setup.catalog.settings()),
        keeps_connection: schema.is_some(),
        is_continued: ask.conversation.go_on || ask.conversation.session.is_some(),
        schema: schema.as_mut(),
        tools: None,
    };
    let Some(prepared) = PreparedExchange::open(app, ask, setup, plan).await? else {
        return Ok(());
    };
    let PreparedExchange {
        demo: _demo,
        mut exchange,
        mut request,
        encoded,
        mut recorder,
        sink,
        accepted,
    } = prepared;
    if let Some(schema) = &mut schema {
        let is_message = ask.output.json;
        let format = AnswerFormat::Schema { is_message };
        let mut renderer = renderer(app, format, sink, &ask.output.looks);
        let answer_sink = AnswerSink {
            renderer: &mut renderer,
            recorder: &mut recorder,
        };
        let outcome = send_structured(
            &mut exchange,
            schema,
            is_message,
            &mut request,
            encoded,
            answer_sink,
        )
        .await;
        // Truncated JSON is never an answer, even with `--allow-truncated`.
        let _ = app.hint_controls.set(&STRUCTURED);
        return finish_answer(app, ask, AcceptedEndings::default(), outcome, renderer);
    }
    let calls_out = !request.tools.is_empty();
    let mut renderer = answer_renderer(&exchange, &ask.output, &request, calls_out, sink);
    let mut answer_sink = AnswerSink {
        renderer: &mut renderer,
        recorder: &mut recorder,
    };
    let outcome = exchange.send(&mut request, encoded, &mut answer_sink).await;
    recorder.commit(app);
    finish_answer(app, ask, accepted, outcome, renderer)
}

/// Returns whether to save the conversation if no flag says so: on a terminal, the user may want to
/// continue it.
fn saving(app: &App, settings: &Settings) -> Saving {
    if settings.save.unwrap_or(app.facts.stdout_is_terminal) {
        Saving::Yes
    } else {
        Saving::No
    }
}
