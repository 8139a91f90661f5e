//! `langdock send`: one request, its answer on standard output.

use bytes::Bytes;

use super::asker::Asker;
use super::drive::drive;
use super::ending::end;
use super::form::{renderer, sink};
use super::kept::{Kept, Saving};
use super::ledger::{Ledger, Noted, Taken};
use super::offer::{Chosen, Offer};
use super::prepare::{Gathering, Prepared, looked_at, prepare};
use super::request::with_model;
use super::start::{Start, start, watch_hangup};
use super::structured;
use crate::app::App;
use crate::cli;
use crate::client::Booking;
use crate::config::Settings;
use crate::error::Error;
use crate::pace::Priority;
use crate::ui::{Fitted, Renderer};

/// Sends one request.
pub(crate) async fn send(app: &App, args: &cli::Send) -> Result<(), Error> {
    watch_hangup(app)?;
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

/// Whether what is said is saved where no flag says so: on a terminal a person may want to go on with it.
fn saving(app: &App, settings: &Settings) -> Saving {
    if settings.save.unwrap_or(app.facts.stdout_is_terminal) { Saving::Yes } else { Saving::No }
}
