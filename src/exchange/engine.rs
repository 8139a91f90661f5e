//! Asks one request after the other on one connection, and keeps what is said.

use bytes::Bytes;

use crate::app::App;
use crate::cli;
use crate::client::{Client, Reservation};
use crate::compose::build::{body, switch_model};
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::driver::{Outcome, drive};
use crate::exchange::finish::judge;
use crate::exchange::model_catalog::{Chosen, Offer};
use crate::exchange::prepare::estimate_of;
use crate::exchange::request_log::{Ledger, Noted, Taken};
use crate::exchange::session_recorder::Kept;
use crate::input::Estimate;
use crate::pace::Priority;
use crate::protocol::{CreateMessage, InputMessage};
use crate::ui::{Answer, Renderer};

/// Asks one request after the other: the same flags, settings, endpoint, connection and
/// conversation.
pub(crate) struct Asker<'a> {
    pub(crate) app: &'a App,
    pub(crate) ask: &'a cli::Ask,
    pub(crate) settings: &'a Settings,
    pub(crate) offer: &'a Offer<'a>,
    pub(crate) client: &'a Client,
    pub(crate) ledger: &'a Ledger<'a>,
    pub(crate) kept: Option<Kept>,
    /// Whether an answer has to have a form: which one is kept, and as what, is for the judge of it
    /// to say.
    pub(crate) is_judged: bool,
}

impl Asker<'_> {
    /// Asks for the first time. Where the picked model is gone, another one is picked, for this
    /// request and those to come.
    pub(crate) async fn first(
        &mut self,
        model: &Chosen,
        request: &mut CreateMessage,
        (body, estimate): (Vec<u8>, &Estimate),
        renderer: &mut Renderer,
    ) -> Outcome {
        let (region, url) = (
            self.settings.endpoint.region(),
            self.settings.endpoint.messages_url(),
        );
        self.app
            .notices
            .step(&format!("model {}, region {region}, {url}", model.id));
        let outcome = self.send(request, (body, estimate), renderer).await;
        let Some(next) = self.offer.choose_again(model, outcome.error.as_ref()) else {
            return outcome;
        };
        switch_model(request, model, &next);
        match self.again(request, renderer).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome {
                error: Some(error),
                ..outcome
            },
        }
    }

    /// Asks again, with what the request has by now, of which `said` is new and not the model's.
    pub(crate) async fn go_on(
        &mut self,
        request: &CreateMessage,
        said: Vec<InputMessage>,
        renderer: &mut Renderer,
    ) -> Result<Outcome, Error> {
        self.say(said);
        self.again(request, renderer).await
    }

    /// Takes what is to be said next.
    pub(crate) fn say(&mut self, said: Vec<InputMessage>) {
        if let Some(kept) = &mut self.kept {
            kept.say(said, None);
        }
    }

    /// Keeps an answer.
    pub(crate) fn keep(&mut self, answer: Option<&Answer>) {
        if let Some(kept) = &mut self.kept {
            kept.answered(answer);
        }
    }

    /// Makes what was said a part of its conversation.
    pub(crate) fn end(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.end(self.app);
        }
    }

    /// Asks again in the same way, and keeps nothing of what is new.
    pub(crate) async fn again(
        &mut self,
        request: &CreateMessage,
        renderer: &mut Renderer,
    ) -> Result<Outcome, Error> {
        let body = body(
            request,
            &[("the conversation".to_owned(), 0)],
            self.ask.input.no_check,
        )?;
        Ok(self
            .send(request, (body, &estimate_of(request)), renderer)
            .await)
    }

    /// Sends a request and notes it.
    async fn send(
        &mut self,
        request: &CreateMessage,
        (body, estimate): (Vec<u8>, &Estimate),
        renderer: &mut Renderer,
    ) -> Outcome {
        let tokens = estimate.paced(self.ledger.factor(&request.model, estimate));
        let reservation =
            Reservation::new(&request.model, tokens, request.max_tokens, Priority::Person);
        let call = self
            .client
            .call(Bytes::from(body), request.stream, reservation)
            .keeping_connection();
        let region = self.settings.endpoint.region().as_str();
        if let Some(kept) = &mut self.kept {
            kept.begin(self.app);
        }
        let outcome = drive(
            self.app,
            &request.model,
            region,
            call,
            renderer,
            self.kept.as_mut(),
        )
        .await;
        if !self.is_judged {
            self.keep(outcome.answer.as_ref());
        }
        let whole = outcome.answer.as_ref().filter(|_| outcome.error.is_none());
        let judged = whole
            .and_then(|answer| judge(answer, self.settings.allow_truncated && !self.is_judged));
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
