//! An answer in parts: a cut answer is continued by further requests, and what is shown, recorded
//! and returned of it is one answer.

use std::task::{Context, Poll};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::answer_joiner::AnswerJoiner;
pub(crate) use super::answer_joiner::{ContinuationMode, last_line};
use super::driver::{CallInterrupted, CallObserver, SendOutcome};
use crate::client::{self, ApiCall, CallTimeout, RateLimited, ResponseHead, RetryNotice};
use crate::error::{Error, Kind};
use crate::model_text::continue_request;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role, StopReason, Update};
use crate::ui::FinalAnswer;

/// Updates that are held back, with the data of their events.
pub(super) type HeldUpdates = Vec<(Update, Vec<u8>)>;

/// The parts of an answer, as they arrive.
#[derive(Debug, Default)]
pub(super) struct AnswerParts {
    joiner: AnswerJoiner,
    /// The length of the text of an earlier answer that this one continues.
    base: usize,
    /// How many parts there are before this one.
    earlier: u32,
    /// The index of the content block that text is added to.
    block: u64,
    has_text: bool,
    /// Whether the answer arrives as events.
    has_events: bool,
    /// What followed the text, until it is known whether more text follows.
    pending: HeldUpdates,
    /// What was held back at the end of the last part.
    before: Option<(AnswerJoiner, HeldUpdates)>,
}

/// The index of the block that an event is about.
#[derive(Deserialize)]
struct IndexedEvent {
    index: u64,
}

impl AnswerParts {
    /// Continues an earlier answer of the conversation, which has been shown.
    pub(super) fn continuing(answer: &str, mode: ContinuationMode) -> Self {
        Self {
            joiner: AnswerJoiner::continuing(answer, mode),
            base: answer.trim_end().len(),
            ..Self::default()
        }
    }

    /// Ends a part that was cut off: what comes next belongs to the next one.
    pub(super) fn begin_next(&mut self, mode: ContinuationMode) {
        self.before = Some((self.joiner.clone(), std::mem::take(&mut self.pending)));
        self.joiner.cut(mode);
        self.earlier += 1;
    }

    /// Decides what of the part that has ended is new.
    pub(super) fn settle(&mut self) {
        self.joiner.settle();
    }

    /// Forgets how an empty answer ended: it is asked for once more.
    pub(super) fn forget_empty(&mut self) {
        self.pending.clear();
    }

    /// Removes the part that was begun last: nothing of it has arrived.
    pub(super) fn withdraw(&mut self) {
        if let Some((joiner, pending)) = self.before.take() {
            self.joiner = joiner;
            self.pending = pending;
            self.earlier -= 1;
        }
    }

    /// Returns the answer so far, which ends without white space.
    pub(super) fn text(&self) -> &str {
        &self.joiner.text()[self.base..]
    }

    /// Ends the answer, and returns what was held back of it.
    pub(super) fn finish(&mut self) -> HeldUpdates {
        let rest = self.joiner.finish();
        let mut updates = Vec::new();
        if !rest.is_empty() {
            updates.push(self.text_update(rest));
        }
        if self.earlier > 0 && self.has_events {
            let stop = json!({"type": "content_block_stop", "index": self.block});
            updates.push((Update::Nothing, stop.to_string().into_bytes()));
        }
        updates.append(&mut self.pending);
        updates
    }

    /// Puts the joined text into an answer of more than one part.
    pub(super) fn complete_answer(&self, answer: &mut FinalAnswer) {
        answer.parts = Some(self.earlier + 1);
        if self.earlier == 0 && self.base == 0 {
            return;
        }
        let content = &mut answer.message.content;
        let is_text = |block: &ContentBlock| matches!(block, ContentBlock::Text(_));
        let Some(last) = content.iter().rposition(is_text) else {
            return;
        };
        let text_of = |block: &ContentBlock| match block {
            ContentBlock::Text(text) => text.text.len(),
            _ => 0,
        };
        let before: usize = content[..last].iter().map(text_of).sum();
        if let (ContentBlock::Text(block), Some(text)) =
            (&mut content[last], self.text().get(before..))
        {
            block.text = text.into();
        }
    }

    fn text_update(&self, text: String) -> (Update, Vec<u8>) {
        let data = if self.has_events {
            let delta = json!({"type": "text_delta", "text": text});
            let event = json!({"type": "content_block_delta", "index": self.block, "delta": delta});
            event.to_string().into_bytes()
        } else {
            Vec::new()
        };
        (Update::Text(text), data)
    }

    /// Adds an update of the answer, and passes on what can be shown.
    fn take(&mut self, update: &Update, data: &[u8], show: &mut dyn FnMut(&Update, &[u8])) {
        self.has_events |= !data.is_empty();
        match update {
            Update::Text(delta) => {
                if self.earlier == 0 {
                    self.release(show);
                    let event = serde_json::from_slice(data);
                    self.block = event.map_or(self.block, |event: IndexedEvent| event.index);
                    self.has_text = true;
                }
                let shown = self.joiner.push(delta);
                if shown == *delta && self.earlier == 0 {
                    show(update, data);
                } else if !shown.is_empty() {
                    let (update, data) = self.text_update(shown);
                    show(&update, &data);
                }
            }
            Update::Stopped(_) | Update::Finished => {
                self.pending.push((update.clone(), data.to_vec()));
            }
            // Of a further part only the text is shown: its thinking is not part of the answer.
            _ if self.earlier > 0 => {}
            Update::Nothing if self.has_text => self.pending.push((update.clone(), data.to_vec())),
            _ => {
                self.release(show);
                show(update, data);
            }
        }
    }

    /// Passes on what followed the text: more of the same part follows.
    fn release(&mut self, show: &mut dyn FnMut(&Update, &[u8])) {
        if self.pending.is_empty() {
            return;
        }
        let held = self.joiner.release();
        if !held.is_empty() {
            let (update, data) = self.text_update(held);
            show(&update, &data);
        }
        for (update, data) in self.pending.drain(..) {
            show(&update, &data);
        }
    }
}

/// Shows an answer in parts as one.
pub(super) struct PartsObserver<'o> {
    pub(super) parts: &'o mut AnswerParts,
    pub(super) shown: &'o mut dyn CallObserver,
}

impl CallObserver for PartsObserver<'_> {
    fn update(&mut self, update: &Update, data: &[u8]) {
        let shown = &mut *self.shown;
        self.parts
            .take(update, data, &mut |update, data| shown.update(update, data));
    }

    fn flush(&mut self) -> Result<(), CallInterrupted> {
        self.shown.flush()
    }

    fn sending(&mut self, call: &ApiCall) {
        self.shown.sending(call);
    }

    fn response(&mut self, call: &ApiCall, head: &ResponseHead, after: Duration) {
        self.shown.response(call, head, after);
    }

    fn retrying(&mut self, retrying: &RetryNotice) {
        self.shown.retrying(retrying);
    }

    fn rate_limited(&mut self, held: &RateLimited) {
        self.shown.rate_limited(held);
    }

    fn notice(&mut self, notice: String) {
        self.shown.notice(notice);
    }

    fn poll_interrupted(&mut self, context: &mut Context<'_>) -> Poll<CallInterrupted> {
        self.shown.poll_interrupted(context)
    }
}

/// Whether an answer was cut off and can be continued: by `max_tokens` or with its connection, with
/// some text, and without a tool call, which would be incomplete or run twice. Where the time for
/// the whole call is up, nothing more is sent.
pub(super) fn is_continuable(outcome: &SendOutcome, text: &str) -> bool {
    let Some(answer) = &outcome.answer else {
        return false;
    };
    let is_plain =
        |block: &ContentBlock| matches!(block, ContentBlock::Text(_)) || block.is_thinking();
    let is_cut = match &outcome.error {
        None => answer.message.stop_reason == Some(StopReason::MaxTokens),
        Some(Error::Call { source, .. }) if is_total_timeout(source) => false,
        Some(error) => matches!(error, Error::Call { .. }) && error.kind() == Kind::Incomplete,
    };
    is_cut && !text.is_empty() && answer.message.content.iter().all(is_plain)
}

/// Whether `--timeout` has ended a call.
fn is_total_timeout(error: &client::Error) -> bool {
    matches!(error, client::Error::TimedOut(CallTimeout::Total(_)))
}

/// Returns the request for the rest of an answer to `request` of which `text` has arrived.
pub(super) fn continued_request(
    request: &CreateMessage,
    text: &str,
    mode: ContinuationMode,
) -> CreateMessage {
    let mut next = request.clone();
    let said = ContentBlock::text(text);
    match next.messages.last_mut() {
        // What the answer was made to begin with is a part of it.
        Some(last) if last.role == Role::Assistant => match last.content.last_mut() {
            Some(ContentBlock::Text(prefill)) => prefill.text.push_str(text),
            _ => last.content.push(said),
        },
        _ => next.messages.push(InputMessage {
            role: Role::Assistant,
            content: vec![said],
        }),
    }
    if mode == ContinuationMode::Words {
        next.messages.push(InputMessage {
            role: Role::User,
            content: vec![ContentBlock::text(continue_request(last_line(text)))],
        });
    }
    next
}

/// Whether a further part failed before anything of it arrived.
pub(super) fn has_failed_to_begin(part: &SendOutcome) -> bool {
    let says_something = |answer: &FinalAnswer| !answer.message.text().is_empty();
    part.error.is_some() && !part.answer.as_ref().is_some_and(says_something)
}

/// Adds a further part to an answer, but for its text.
pub(super) fn add_part(whole: &mut SendOutcome, part: SendOutcome) {
    let was_replayed = whole.timing.is_replayed;
    let is_part_replayed = part.timing.is_replayed;
    whole.error = part.error;
    whole.timing.add_part(part.timing);
    let (Some(answer), Some(more)) = (&mut whole.answer, part.answer) else {
        return;
    };
    let is_new =
        |block: &ContentBlock| !block.is_thinking() && !matches!(block, ContentBlock::Text(_));
    answer.context_tokens = Some(more.message.usage.context_tokens());
    answer.count_in(&more, was_replayed, is_part_replayed);
    let content = &mut answer.message.content;
    // It is bound to a request that had no part of the answer yet.
    content.retain(|block| !block.is_thinking());
    content.extend(more.message.content.into_iter().filter(is_new));
    answer.message.stop_reason = more.message.stop_reason;
    answer.message.stop_sequence = more.message.stop_sequence;
    answer.complete = more.complete;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ListCost, model_price};
    use crate::text::Money;

    /// Returns the outcome of a request that cost so much, or, without a cost, was answered by a
    /// record.
    fn part(cost: Option<&str>, is_replayed: bool, tokens: u64) -> SendOutcome {
        let mut outcome = SendOutcome::unsent(Error::NoModel);
        outcome.error = None;
        outcome.timing.is_replayed = is_replayed;
        let message = json!({
            "content": [{"type": "text", "text": "x"}],
            "usage": {"input_tokens": tokens, "output_tokens": 1},
        });
        outcome.answer = Some(FinalAnswer {
            message: serde_json::from_value(message).expect("a message"),
            region: "eu".to_owned(),
            complete: true,
            attempts: 1,
            waited_s: 0.0,
            parts: None,
            context_tokens: None,
            cost: cost.map(|cost| ListCost {
                amount: Money::from_decimal(cost).expect("an amount"),
                basis: model_price("claude-sonnet-5", &[]).expect("a price").basis,
            }),
            session_id: None,
        });
        outcome
    }

    #[test]
    fn a_recorded_part_costs_nothing_and_takes_no_price_away() {
        for (parts, expected) in [
            ([(Some("1"), false), (Some("2"), false)], Some("3")),
            ([(None, true), (Some("2"), false)], Some("2")),
            ([(Some("1"), false), (None, true)], Some("1")),
            ([(None, true), (None, true)], None),
            ([(None, false), (Some("2"), false)], None),
            ([(Some("1"), false), (None, false)], None),
        ] {
            let [mut whole, more] = parts.map(|(cost, is_replayed)| part(cost, is_replayed, 10));
            add_part(&mut whole, more);
            let cost = whole.answer.expect("an answer").cost;
            assert_eq!(
                cost.map(|cost| cost.amount),
                expected.and_then(Money::from_decimal),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn the_tokens_are_added_and_those_of_the_last_request_are_known() {
        let mut whole = part(None, false, 10);
        add_part(&mut whole, part(None, false, 30));
        let answer = whole.answer.expect("an answer");
        assert_eq!(answer.message.usage.total_input_tokens(), 40);
        assert_eq!(answer.context_tokens, Some(31));
    }
}
