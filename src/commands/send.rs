//! `langdock send`: one request, its answer on standard output.

use bytes::Bytes;

use crate::app::App;
use crate::cli;
use crate::client::Booking;
use crate::compose::build::{switch_model, with_head_of};
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::answer_format::{renderer, sink};
use crate::exchange::driver::{Timing, drive};
use crate::exchange::engine::Asker;
use crate::exchange::finish::end;
use crate::exchange::model_catalog::Offer;
use crate::exchange::prepare::{Gathering, Prepared, looked_at, prepare};
use crate::exchange::request_log::{Ledger, Noted, Taken};
use crate::exchange::session_recorder::{Kept, Saving};
use crate::exchange::setup::{Start, start, watch_hangup};
use crate::exchange::structured;
use crate::pace::Priority;
use crate::protocol::CreateMessage;
use crate::ui::{Fitted, Renderer};

/// Sends one request.
pub(crate) async fn send(app: &App, args: &cli::Send) -> Result<(), Error> {
    watch_hangup(app)?;
    let ask = &args.ask;
    let wish = structured::wish(app, &args.structured).await?;
    let Start {
        demo: _demo,
        settings,
        given,
        stdin_use,
    } = start(app, ask, args.structured.schema.as_deref()).await?;
    let sink = sink(app, ask)?;
    let offer = Offer::new(app, &settings);
    let saving = if ask.looking.dry_run || ask.looking.curl {
        Saving::Never
    } else {
        saving(app, &settings)
    };
    let mut kept = Kept::open(app, &ask.conversation, saving, settings.data_scope())?;
    let gathering = Gathering {
        given,
        stdin_use,
        kept: kept.as_mut(),
        wish: wish.as_ref(),
    };
    let Prepared {
        model,
        mut request,
        body,
        estimate,
    } = prepare(app, &settings, ask, gathering, &offer).await?;
    if looked_at(app, &settings, ask, request.stream, &body)? {
        return Ok(());
    }
    let client = offer.client().await?;
    if let Some(wish) = wish {
        let renderer = Renderer::new(Box::new(Fitted), sink);
        let ledger = &Ledger::new(app, &settings, "send", ask);
        let (offer, client) = (&offer, &client);
        let asker = Asker {
            app,
            ask,
            settings: &settings,
            offer,
            client,
            ledger,
            kept,
            is_judged: true,
        };
        return structured::send(asker, wish, (model, request, body, estimate), renderer).await;
    }
    let calls_out = request.extra.contains_key("tools");
    let theme = settings.theme.as_deref();
    let mut renderer = renderer(app, ask, &request, calls_out, theme, sink);
    request.messages.clear(); // Their text is in the body: large input is not held twice.

    let region = settings.endpoint.region().as_str();
    app.notices.step(&format!(
        "model {}, region {region}, {}",
        model.id,
        settings.endpoint.messages_url()
    ));
    let body = Bytes::from(body);
    let ledger = Ledger::new(app, &settings, "send", ask);
    let call = |request: &CreateMessage, body: Bytes| {
        let tokens = estimate.paced(ledger.factor(&request.model, &estimate));
        let booking = Booking::of(&request.model, tokens, request.max_tokens, Priority::Person);
        client.call(body, request.stream, booking)
    };
    let note = |request: &CreateMessage, taken: Taken, timing: Timing, error: Option<&Error>| {
        ledger.note(&Noted {
            model: &request.model,
            estimate: &estimate,
            taken,
            timing,
            error,
        });
    };
    if let Some(kept) = &mut kept {
        kept.begin(app);
    }
    let first = call(&request, body.clone());
    let mut outcome = drive(
        app,
        &request.model,
        region,
        first,
        &mut renderer,
        kept.as_mut(),
    )
    .await;
    if let Some(next) = offer.choose_again(&model, outcome.error.as_ref()) {
        note(
            &request,
            Taken::default(),
            outcome.timing,
            outcome.error.as_ref(),
        );
        let asked = request.clone();
        switch_model(&mut request, &model, &next);
        let again = call(&request, with_head_of(&request, &body, &asked).into());
        outcome = drive(
            app,
            &request.model,
            region,
            again,
            &mut renderer,
            kept.as_mut(),
        )
        .await;
    }
    if let Some(kept) = &mut kept {
        kept.answered(outcome.answer.as_ref());
        kept.end(app);
    }
    let (taken, timing) = (Taken::of(outcome.answer.as_ref()), outcome.timing);
    let ended = end(app, ask, settings.allow_truncated, outcome, renderer);
    note(&request, taken, timing, ended.as_ref().err());
    ended
}

/// Whether what is said is saved where no flag says so: on a terminal a person may want to go on
/// with it.
fn saving(app: &App, settings: &Settings) -> Saving {
    if settings.save.unwrap_or(app.facts.stdout_is_terminal) {
        Saving::Yes
    } else {
        Saving::No
    }
}
