//! From a request to its whole answer: one that was cut off is continued by further requests, each
//! of which the engine sends, and then recorded once.

use super::answer_parts::{
    AnswerParts, ContinuationMode, add_part, continued_request, has_failed_to_begin, is_continuable,
};
use super::driver::{CallInterrupted, CallObserver, SendOutcome};
use super::engine::{AnswerPolicy, AnswerSink, EncodedRequest, Exchange, leave_out_refused};
use super::progress::TerminalObserver;
use crate::compose::history_fit::{HistoryStage, fit_history};
use crate::error::Error;
use crate::input::Estimate;
use crate::protocol::{CreateMessage, InputMessage, Support};

impl Exchange<'_> {
    /// Sends a request that was encoded. What the API refuses of a conversation is left out of it
    /// from now on.
    pub(crate) async fn send(
        &mut self,
        request: &mut CreateMessage,
        encoded: EncodedRequest,
        sink: &mut AnswerSink<'_>,
    ) -> SendOutcome {
        let options = encoded.options.clone();
        let mut encoded = encoded;
        let is_joined = self.settings().auto_continue > 0;
        let mut parts = self.continued.take();
        parts = parts.or_else(|| is_joined.then(Box::default));
        let first = self.send_part(request, &mut encoded, sink, parts.as_deref_mut());
        let mut outcome = first.await;
        if let Some(parts) = &mut parts {
            // On the heap, since few requests have use for it.
            Box::pin(self.continue_cut_answer(request, &mut outcome, parts, sink)).await;
        }
        self.record_answer(request, &mut outcome, sink);
        // An answer that has to match a schema is asked for in several ways.
        if self.policy.answers != AnswerPolicy::MatchSchema {
            leave_out_refused(&mut outcome, &options, sink.recorder);
        }
        outcome
    }

    /// Continues an answer that was cut off, with further requests, and shows what was held back of
    /// it. A part that fails before anything of it arrives leaves the answer as it was.
    async fn continue_cut_answer(
        &mut self,
        request: &CreateMessage,
        whole: &mut SendOutcome,
        parts: &mut AnswerParts,
        sink: &mut AnswerSink<'_>,
    ) {
        for _ in 0..self.settings().auto_continue {
            parts.settle();
            if !is_continuable(whole, parts.text()) {
                break;
            }
            let part = match self.send_next_part(request, parts, sink).await {
                Ok(part) => part,
                Err(error) => {
                    self.tell_uncontinued(&error);
                    break;
                }
            };
            let was_stopped = matches!(part.error, Some(Error::Interrupted(_) | Error::Output(_)));
            if has_failed_to_begin(&part) && !was_stopped {
                if let Some(error) = &part.error {
                    self.tell_uncontinued(error);
                }
                parts.withdraw();
                break;
            }
            add_part(whole, part);
        }
        let journal = sink.recorder.journal();
        let mut observer = TerminalObserver::for_answer(self.app, sink.renderer, journal);
        for (update, data) in parts.finish() {
            observer.update(&update, &data);
        }
        if let Err(CallInterrupted::Output(error)) = observer.flush() {
            whole.error.get_or_insert(error.into());
        }
        if let Some(answer) = &mut whole.answer {
            parts.complete_answer(answer);
        }
    }

    /// Sends the request for the next part of an answer.
    async fn send_next_part(
        &mut self,
        request: &CreateMessage,
        parts: &mut AnswerParts,
        sink: &mut AnswerSink<'_>,
    ) -> Result<SendOutcome, Error> {
        let rules = self.catalog.rules(&request.model, true).await?;
        let mode = match rules.prefill(&request.fields) {
            Support::Yes => ContinuationMode::Prefill,
            Support::No | Support::Unknown => ContinuationMode::Words,
        };
        let mut next = continued_request(request, parts.text(), mode);
        let estimate = Estimate::of_request(&next, &[]);
        let sizes = [("the conversation".to_owned(), 0)];
        let mut encoded = self.encode(&mut next, estimate, &sizes, true).await?;
        self.check_cost(&next.model, encoded.estimate.total().low)?;
        parts.begin_next(mode);
        self.app
            .notices
            .log_step("the answer was cut off; continuing it");
        let sent = self.send_part(&mut next, &mut encoded, sink, Some(parts));
        Ok(sent.await)
    }

    fn tell_uncontinued(&self, error: &Error) {
        self.app
            .notices
            .notice(&format!("cannot continue the answer: {}", error.message()));
    }

    /// Sends what a request has by now, of which `said` is new and not the model's.
    pub(crate) async fn send_on(
        &mut self,
        request: &mut CreateMessage,
        said: Vec<InputMessage>,
        sink: &mut AnswerSink<'_>,
    ) -> Result<SendOutcome, Error> {
        sink.recorder.stage(said);
        fit_history(request, HistoryStage::WithinTurn)?;
        let estimate = Estimate::of_request(request, &[]);
        let parts = [("the conversation".to_owned(), 0)];
        let encoded = self.encode(request, estimate, &parts, true).await?;
        Ok(self.send(request, encoded, sink).await)
    }
}
