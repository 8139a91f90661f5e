//! Asks one request after the other on one connection, and keeps what is said.

use bytes::Bytes;

use super::drive::{Outcome, drive};
use super::ending::judge;
use super::kept::Kept;
use super::ledger::{Ledger, Noted, Taken};
use super::offer::{Chosen, Offer};
use super::prepare::estimate_of;
use super::request::{body, switch_model};
use crate::app::App;
use crate::cli;
use crate::client::{Booking, Client};
use crate::config::Settings;
use crate::error::Error;
use crate::input::Estimate;
use crate::pace::Priority;
use crate::protocol::{CreateMessage, InputMessage};
use crate::ui::{Answer, Renderer};

/// Asks one request after the other: the same flags, settings, endpoint, connection and
/// conversation.
pub(super) struct Asker<'a> {
    pub(super) app: &'a App,
    pub(super) ask: &'a cli::Ask,
    pub(super) settings: &'a Settings,
    pub(super) offer: &'a Offer<'a>,
    pub(super) client: &'a Client,
    pub(super) ledger: &'a Ledger<'a>,
    pub(super) kept: Option<Kept>,
    /// Whether an answer has to have a form: which one is kept, and as what, is for the judge of it
    /// to say.
    pub(super) is_judged: bool,
}

impl Asker<'_> {
    /// Asks for the first time. Where the picked model is gone, another one is picked, for this
    /// request and those to come.
    pub(super) async fn first(
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
    pub(super) async fn go_on(
        &mut self,
        request: &CreateMessage,
        said: Vec<InputMessage>,
        renderer: &mut Renderer,
    ) -> Result<Outcome, Error> {
        self.say(said);
        self.again(request, renderer).await
    }

    /// Takes what is to be said next.
    pub(super) fn say(&mut self, said: Vec<InputMessage>) {
        if let Some(kept) = &mut self.kept {
            kept.say(said, None);
        }
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, answer: Option<&Answer>) {
        if let Some(kept) = &mut self.kept {
            kept.answered(answer);
        }
    }

    /// Makes what was said a part of its conversation.
    pub(super) fn end(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.end(self.app);
        }
    }

    /// Asks again in the same way, and keeps nothing of what is new.
    pub(super) async fn again(
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
        let booking = Booking::of(&request.model, tokens, request.max_tokens, Priority::Person);
        let call = self
            .client
            .call(Bytes::from(body), request.stream, booking)
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
