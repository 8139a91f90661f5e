//! The prompt cache of the requests of a command: whether the next one is marked, and what those
//! before it have read and written.

use std::time::SystemTime;

use crate::compose::cache_marks::{CacheMarks, PromptReuse};
use crate::compose::cache_policy::{PastRequest, PromptTokens, choose_ttl, expected_read};
use crate::compose::own_marks::has_own_marks;
use crate::compose::prompt_parts::PromptParts;
use crate::input::Estimate;
use crate::protocol::{CacheMode, CreateMessage, cache_minimum};
use crate::session::{SavedConversation, time_of};
use crate::text::grouped;

/// What is known of the prompt cache.
#[derive(Debug, Default)]
pub(super) struct CacheContext {
    /// What the requests of the conversation did with it, the oldest first; none where no request
    /// is expected to follow.
    past: Option<Vec<PastRequest>>,
    /// The parts of the last prompt that was marked, as far as they are known; none if the
    /// conversation has been continued otherwise since.
    parts: Option<PromptParts>,
    /// Whether the endpoint refused the marks in this run.
    pub(super) is_refused: bool,
}

impl CacheContext {
    /// Follows a conversation from now on: this one, if it is saved.
    pub(super) fn follow(&mut self, saved: Option<&SavedConversation>) {
        self.past = Some(saved.map_or_else(Vec::new, past_requests));
        let continued = saved.filter(|saved| saved.ends_with_last_answer());
        self.parts = continued.and_then(|saved| {
            let target = saved.last_target()?;
            Some(PromptParts::from_record(
                &target.model,
                saved.system_prompt(),
            ))
        });
    }

    /// Chooses the marks of a request. A prompt that is too short to be cached has none.
    pub(super) fn choose_marks(
        &self,
        mode: CacheMode,
        request: &CreateMessage,
        estimate: &Estimate,
    ) -> CacheMarks {
        let (reuse, ttl) = match (mode, &self.past) {
            (CacheMode::Off, _) | (CacheMode::Auto, None) => return CacheMarks::none(),
            (CacheMode::Always(ttl), None) => (PromptReuse::Attachments, Some(ttl)),
            (CacheMode::Always(ttl), Some(_)) => (PromptReuse::Conversation, Some(ttl)),
            (CacheMode::Auto, Some(past)) => (
                PromptReuse::Conversation,
                choose_ttl(past, &request.model, SystemTime::now(), || {
                    self.is_continued(request)
                }),
            ),
        };
        match ttl {
            Some(ttl)
                if !self.is_refused
                    && estimate.total().high >= cache_minimum(&request.model)
                    && !has_own_marks(request) =>
            {
                CacheMarks::for_request(request, reuse, ttl)
            }
            _ => CacheMarks::none(),
        }
    }

    /// Whether a prefix of the conversation is expected to be in the cache of this model.
    pub(super) fn is_stored(&self, model: &str) -> bool {
        let now = SystemTime::now();
        let past = self.past.as_ref();
        past.is_some_and(|past| expected_read(past, model, now).is_some())
    }

    /// Whether a request begins with the last prompt.
    fn is_continued(&self, request: &CreateMessage) -> bool {
        let before = self.parts.as_ref();
        before.is_some_and(|before| before.is_beginning_of(&PromptParts::of_request(request)))
    }

    /// Notes the prompt of a marked request.
    pub(super) fn note_prompt(&mut self, request: &CreateMessage) {
        if self.past.is_some() {
            self.parts = Some(PromptParts::of_request(request));
        }
    }

    /// Notes what a request did with the cache.
    pub(super) fn note_use(&mut self, model: &str, sent_at: SystemTime, tokens: PromptTokens) {
        if let Some(past) = &mut self.past {
            past.push(PastRequest {
                sent_at,
                is_own: true,
                model: model.to_owned(),
                tokens,
            });
        }
    }

    /// Explains why a marked request read less from the cache than was written before; nothing if
    /// it did not. To be called before its prompt and its use are noted.
    pub(super) fn explain_miss(
        &self,
        request: &CreateMessage,
        sent_at: SystemTime,
        tokens: PromptTokens,
    ) -> Option<String> {
        let expected = expected_read(self.past.as_ref()?, &request.model, sent_at)?;
        let before = self.parts.as_ref()?;
        let change = before.changed_part(&PromptParts::of_request(request));
        (tokens.read < expected).then(|| {
            format!(
                "read {} of {} tokens from the prompt cache: {change}",
                grouped(tokens.read),
                grouped(expected)
            )
        })
    }
}

/// Returns what the requests of a saved conversation did with the cache, those of other branches
/// too: what they wrote was paid for, and may still be there.
fn past_requests(conversation: &SavedConversation) -> Vec<PastRequest> {
    let mut past = Vec::new();
    let begun_at = time_of(conversation.begun_at());
    let (mut sent_at, mut model) = (None, None);
    for turn in conversation.turns() {
        if let Some(target) = &turn.sent_to {
            model = Some(target.model.as_str());
        }
        let written_at = turn.written_at();
        if let (Some(usage), Some(model)) = (&turn.usage, model.or(turn.model.as_deref())) {
            // The turn before it was written down when it was sent.
            let sent_at = sent_at.or(written_at).unwrap_or(SystemTime::UNIX_EPOCH);
            past.push(PastRequest {
                sent_at,
                is_own: begun_at.is_none_or(|begun_at| sent_at >= begun_at),
                model: model.to_owned(),
                tokens: PromptTokens::from_usage(usage),
            });
        }
        sent_at = written_at;
    }
    past
}
