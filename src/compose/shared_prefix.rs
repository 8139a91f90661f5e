//! What the requests of a batch have in common, and who writes it to the prompt cache: the first
//! one alone, since it can be read only once the answer to that has begun. Then all others.
//!
//! Pure: the batch reports what happens, and asks whether a request may be sent.

use std::time::Duration;

use super::cache_marks::{CacheMarks, PromptReuse, SharedPrefix};
use super::cache_policy::PromptTokens;
use super::own_marks::has_own_marks;
use crate::client::FingerprintWriter;
use crate::input::Estimate;
use crate::protocol::{
    CacheMode, CacheTtl, CreateMessage, InputMessage, ModelOption, ModelRules, Support,
    cache_minimum,
};

/// After so many requests that wrote the prefix again instead of reading it, it is no longer
/// marked.
const MAX_REWRITES: u32 = 2;

/// The prefix that the requests of a batch have in common.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    mode: CacheMode,
    /// Whether a prefix that a model is known not to cache is marked all the same.
    is_unchecked: bool,
    /// What was found of the prefix that was looked at first.
    known: Option<KnownPrefix>,
    state: PrefixState,
    rewrites: u32,
    /// Whether nothing more is marked.
    is_off: bool,
    /// Whether the request at hand is not marked.
    is_paused: bool,
}

/// A prefix by its fingerprint, and about how many tokens it has at most.
#[derive(Debug)]
struct KnownPrefix {
    fingerprint: String,
    tokens: u64,
}

/// How far the prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PrefixState {
    /// No answer has begun.
    Unwritten,
    /// A request is under way that writes it.
    BeingWritten,
    /// It can be read.
    Written,
}

/// Whether a marked request may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrefixGate {
    /// It may.
    Open,
    /// Once another one has written the prefix.
    Closed,
    /// If another request follows: it is the first one.
    IfFollowed,
}

/// What the ledger says of the time between two requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RequestPace {
    /// Tokens a minute, where they are limited.
    pub(crate) tokens_a_minute: Option<u64>,
    /// The most tokens of a request, its answer included.
    pub(crate) request_tokens: u64,
}

impl RequestPace {
    /// Returns for how long a prefix has to be kept to be there for the next request.
    fn ttl(self) -> CacheTtl {
        let gap = self.tokens_a_minute.map_or(0, |limit| {
            self.request_tokens.saturating_mul(60) / limit.max(1)
        });
        if Duration::from_secs(gap) > CacheTtl::FiveMinutes.duration() {
            CacheTtl::OneHour
        } else {
            CacheTtl::FiveMinutes
        }
    }
}

impl PrefixCache {
    /// Creates the state of a batch that has sent nothing yet.
    pub(crate) fn new(mode: CacheMode, is_unchecked: bool) -> Self {
        Self {
            mode,
            is_unchecked,
            known: None,
            state: PrefixState::Unwritten,
            rewrites: 0,
            is_off: mode == CacheMode::Off,
            is_paused: false,
        }
    }

    /// Chooses the marks of a request whose prefix ends at `shared`.
    pub(crate) fn marks(
        &mut self,
        request: &mut CreateMessage,
        shared: SharedPrefix,
        rules: &ModelRules,
        pace: RequestPace,
    ) -> CacheMarks {
        let is_refused =
            !self.is_unchecked && rules.support(ModelOption::CacheMarks) == Support::No;
        if self.is_off
            || self.is_paused
            || is_refused
            || has_own_marks(request)
            || self.tokens(request, shared) < cache_minimum(&request.model)
        {
            return CacheMarks::none();
        }
        let ttl = match self.mode {
            CacheMode::Always(ttl) => ttl,
            CacheMode::Auto | CacheMode::Off => pace.ttl(),
        };
        CacheMarks::for_request(request, PromptReuse::Shared(shared), ttl)
    }

    /// Returns about how many tokens the prefix of the first request has at most.
    pub(crate) fn known_tokens(&self) -> Option<u64> {
        Some(self.known.as_ref()?.tokens)
    }

    /// Returns about how many tokens the prefix has at most; none if it differs from that of
    /// the first request.
    fn tokens(&mut self, request: &mut CreateMessage, shared: SharedPrefix) -> u64 {
        let kept: Vec<InputMessage> = shared.messages(request);
        let messages = std::mem::replace(&mut request.messages, kept);
        let mut writer = FingerprintWriter::new();
        serde_json::to_writer(&mut writer, &request)
            .expect("maps with string keys are always JSON");
        let fingerprint = writer.finish();
        let known = self.known.get_or_insert_with(|| KnownPrefix {
            fingerprint: fingerprint.clone(),
            tokens: Estimate::of_request(request, &[]).total().high,
        });
        request.messages = messages;
        if known.fingerprint == fingerprint {
            known.tokens
        } else {
            0
        }
    }

    /// Returns whether a marked request may be sent.
    pub(crate) fn gate(&self) -> PrefixGate {
        match self.state {
            PrefixState::Unwritten if self.mode == CacheMode::Auto => PrefixGate::IfFollowed,
            PrefixState::Unwritten | PrefixState::Written => PrefixGate::Open,
            PrefixState::BeingWritten => PrefixGate::Closed,
        }
    }

    /// Notes that a marked request is sent.
    pub(crate) fn begin(&mut self) {
        if self.state == PrefixState::Unwritten {
            self.state = PrefixState::BeingWritten;
        }
    }

    /// Notes that the answer to a marked request has begun.
    pub(crate) fn answer_began(&mut self) {
        self.state = PrefixState::Written;
    }

    /// Notes that a marked request has ended; what it did with the cache, if it was answered.
    pub(crate) fn end(&mut self, tokens: Option<PromptTokens>) {
        match (self.state, tokens) {
            // Nothing of an answer came: the next one writes it.
            (PrefixState::BeingWritten, None) => self.state = PrefixState::Unwritten,
            (PrefixState::BeingWritten, Some(_)) => self.state = PrefixState::Written,
            (PrefixState::Written, Some(tokens)) if tokens.is_rewrite() => {
                self.rewrites += 1;
                // The first one wrote it too.
                self.is_off |= self.rewrites > MAX_REWRITES;
            }
            _ => {}
        }
    }

    /// Marks no further request.
    pub(crate) fn turn_off(&mut self) {
        self.is_off = true;
    }

    /// Marks no request until [`Self::resume`].
    pub(crate) fn pause(&mut self) {
        self.is_paused = true;
    }

    /// Marks requests again.
    pub(crate) fn resume(&mut self) {
        self.is_paused = false;
    }

    /// Starts over with another model, which has a cache of its own.
    pub(crate) fn forget(&mut self) {
        self.known = None;
        self.state = PrefixState::Unwritten;
        self.rewrites = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> PrefixCache {
        PrefixCache::new(CacheMode::Auto, false)
    }

    const WROTE: PromptTokens = PromptTokens {
        total: 1000,
        read: 0,
        short_writes: 900,
        long_writes: 0,
    };

    #[test]
    fn the_first_request_is_alone_until_its_answer_begins() {
        let mut cache = cache();
        assert_eq!(cache.gate(), PrefixGate::IfFollowed);
        cache.begin();
        assert_eq!(cache.gate(), PrefixGate::Closed);
        cache.answer_began();
        assert_eq!(cache.gate(), PrefixGate::Open);
    }

    #[test]
    fn where_the_first_request_fails_the_next_one_is_the_first() {
        let mut cache = cache();
        cache.begin();
        cache.end(None);
        assert_eq!(cache.gate(), PrefixGate::IfFollowed);
    }

    #[test]
    fn a_prefix_that_is_written_again_and_again_is_given_up() {
        let mut cache = cache();
        cache.begin();
        cache.answer_began();
        cache.end(Some(WROTE));
        assert!(!cache.is_off);
        cache.end(Some(WROTE));
        cache.end(Some(WROTE));
        assert!(cache.is_off);
    }

    #[test]
    fn a_prefix_is_kept_for_an_hour_where_the_limits_make_the_gap_longer_than_five_minutes() {
        let ttl = |tokens_a_minute, request_tokens| {
            RequestPace {
                tokens_a_minute,
                request_tokens,
            }
            .ttl()
        };
        assert_eq!(ttl(None, u64::MAX), CacheTtl::FiveMinutes);
        assert_eq!(ttl(Some(10_000), 50_000), CacheTtl::FiveMinutes);
        assert_eq!(ttl(Some(10_000), 51_000), CacheTtl::OneHour);
    }
}
