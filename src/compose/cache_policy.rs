//! For how long a conversation is marked for the prompt cache, if at all: a function of what its
//! requests have read and written so far, and of the time.
//!
//! Writing costs more than not caching, and pays only if it is read. So whatever the user does, a
//! conversation is kept from costing more than it would without marks plus one write of its prefix:
//! what the reads have saved is counted against what the writes have cost, and nothing is written
//! that could exceed that.

use std::time::{Duration, SystemTime};

use crate::protocol::{CacheTtl, Usage};

/// What a read saves, in hundredths of the price of an input token. Some models save more.
const READ_SAVING_PERCENT: u64 = 90;

/// How many hundredths of the price of an input token a conversation may lose, for each token of
/// its longest prompt: one write for five minutes.
const MAX_LOSS_PERCENT: u64 = 125;

/// By how much the end of a prefix's life is expected early: a request takes time to arrive.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// How many turns the last hour must have had for a prefix to be written for an hour.
const TURNS_IN_AN_HOUR: usize = 2;

/// After so many requests in a row that did not find what was written for them, something keeps
/// them from finding it.
const MAX_MISSES: usize = 2;

/// A request of the conversation that has been answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PastRequest {
    /// When it was sent.
    pub(crate) sent_at: SystemTime,
    /// Whether it belongs to the conversation, and not to the one that it began as a copy of.
    pub(crate) is_own: bool,
    /// The model that it went to. Each has a cache of its own.
    pub(crate) model: String,
    /// What the cache did with its tokens.
    pub(crate) tokens: PromptTokens,
}

/// The tokens of a prompt, by what the cache did with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PromptTokens {
    /// All of them.
    pub(crate) total: u64,
    /// Those read from the cache.
    pub(crate) read: u64,
    /// Those written to it for five minutes.
    pub(crate) short_writes: u64,
    /// Those written to it for an hour.
    pub(crate) long_writes: u64,
}

impl PromptTokens {
    /// Returns what an answer reports.
    pub(crate) fn from_usage(usage: &Usage) -> Self {
        let (short_writes, long_writes) = usage.cache_write_tokens();
        Self {
            total: usage.total_input_tokens(),
            read: usage.cache_read_tokens(),
            short_writes,
            long_writes,
        }
    }

    /// Whether the prefix was written although it had been written before.
    pub(crate) fn is_rewrite(self) -> bool {
        self.read == 0 && self.written() > 0
    }

    fn written(self) -> u64 {
        self.short_writes.saturating_add(self.long_writes)
    }

    /// Whether the cache had anything to do with it.
    fn is_cached(self) -> bool {
        self.read > 0 || self.written() > 0
    }

    /// What the reads have saved, less what the writes have cost beyond the price of the tokens, in
    /// hundredths of the price of an input token.
    fn gain(self) -> i128 {
        let gained = i128::from(self.read) * i128::from(READ_SAVING_PERCENT);
        let lost =
            |written, ttl: CacheTtl| i128::from(written) * i128::from(ttl.write_percent() - 100);
        gained
            - lost(self.short_writes, CacheTtl::FiveMinutes)
            - lost(self.long_writes, CacheTtl::OneHour)
    }
}

/// What the cache holds of a conversation, as far as its requests show.
#[derive(Debug, Clone, Copy)]
struct StoredPrefix {
    last_use: SystemTime,
    /// How long it is.
    tokens: u64,
    ttl: CacheTtl,
    /// Whether it was read since all of it was written.
    was_read: bool,
    /// Requests in a row, up to the last one, that wrote all of it although it was there.
    misses: usize,
}

/// Chooses for how long the next request of a conversation to this model is marked; `None` if it is
/// not to be marked.
///
/// - A prefix that is still in the cache is read, and what is new is written for as long as it was.
/// - One that was read before it lapsed is written again.
/// - One that lapsed unread is not, unless the last hour had two turns: then the pauses are too
///   long for five minutes, and it is written for an hour.
/// - One that the request does not begin with, as after a turn was undone, is as good as gone: what
///   the request begins with is new. `is_continued` says whether it begins with the last prompt.
pub(crate) fn choose_ttl(
    past: &[PastRequest],
    model: &str,
    now: SystemTime,
    is_continued: impl FnOnce() -> bool,
) -> Option<CacheTtl> {
    let elapsed = |since: SystemTime| now.duration_since(since).unwrap_or_default();
    let chosen = match stored_prefix(past, model) {
        None => CacheTtl::FiveMinutes,
        Some(stored) if stored.is_there(now) => {
            match stored.misses {
                0 if !is_continued() => CacheTtl::FiveMinutes,
                // It is read, which costs less than no mark, whatever was lost before.
                0 => return Some(stored.ttl),
                MAX_MISSES.. => return None,
                _ => stored.ttl,
            }
        }
        Some(stored) if stored.was_read => CacheTtl::FiveMinutes,
        Some(stored) => {
            let last = past.iter().rfind(|request| request.model == model);
            let is_back = last.is_some_and(|last| {
                last.sent_at > stored.last_use
                    && elapsed(last.sent_at) < CacheTtl::FiveMinutes.duration()
            });
            let hour = CacheTtl::OneHour.duration();
            let recent = past.iter().filter(|past| elapsed(past.sent_at) < hour);
            if is_back {
                CacheTtl::FiveMinutes
            } else if recent.count() >= TURNS_IN_AN_HOUR {
                CacheTtl::OneHour
            } else {
                return None;
            }
        }
    };
    may_be_lost(past, chosen).then_some(chosen)
}

/// Returns how many tokens the next request of a conversation is expected to read; `None` if what
/// was written has lapsed.
pub(crate) fn expected_read(past: &[PastRequest], model: &str, now: SystemTime) -> Option<u64> {
    stored_prefix(past, model)
        .filter(|stored| stored.is_there(now))
        .map(|stored| stored.tokens)
}

impl StoredPrefix {
    /// Whether it can be read still.
    fn is_there(&self, now: SystemTime) -> bool {
        let elapsed = now.duration_since(self.last_use).unwrap_or_default();
        elapsed + EXPIRY_MARGIN < self.ttl.duration()
    }
}

/// Follows what the requests to a model have read and written.
fn stored_prefix(past: &[PastRequest], model: &str) -> Option<StoredPrefix> {
    let mut stored: Option<StoredPrefix> = None;
    let of_model = |request: &&PastRequest| request.model == model && request.tokens.is_cached();
    for request in past.iter().filter(of_model) {
        let tokens = request.tokens;
        let is_new = tokens.read == 0;
        let ttl = match stored {
            _ if tokens.long_writes > 0 => CacheTtl::OneHour,
            Some(stored) if tokens.short_writes == 0 => stored.ttl,
            _ => CacheTtl::FiveMinutes,
        };
        let was_there = stored.filter(|stored| stored.is_there(request.sent_at));
        let misses = was_there
            .filter(|_| is_new)
            .map_or(0, |stored| stored.misses + 1);
        stored = Some(StoredPrefix {
            last_use: request.sent_at,
            tokens: tokens.read.saturating_add(tokens.written()),
            ttl,
            was_read: !is_new,
            misses,
        });
    }
    stored
}

/// Whether a write that is never read leaves the conversation within what it may lose. The prompt
/// at hand is at least as long as those before it, or it costs less.
fn may_be_lost(past: &[PastRequest], ttl: CacheTtl) -> bool {
    // What another conversation has saved is not for this one to lose.
    let own = past.iter().filter(|request| request.is_own);
    let gain: i128 = own.map(|request| request.tokens.gain()).sum();
    let longest = past.iter().map(|request| request.tokens.total).max();
    let percent = |percent: u64| i128::from(longest.unwrap_or(0)) * i128::from(percent);
    // What this write may cost is a part of what may be lost by then.
    gain >= -percent(MAX_LOSS_PERCENT.saturating_sub(ttl.write_percent() - 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60;
    const SHORT: Option<CacheTtl> = Some(CacheTtl::FiveMinutes);
    const LONG: Option<CacheTtl> = Some(CacheTtl::OneHour);

    /// A request of 1000 tokens, so many seconds after the epoch, of which so many were read and
    /// written.
    fn past(at: u64, read: u64, short_writes: u64, long_writes: u64) -> PastRequest {
        PastRequest {
            sent_at: SystemTime::UNIX_EPOCH + Duration::from_secs(at),
            is_own: true,
            model: "m".to_owned(),
            tokens: PromptTokens {
                total: 1000,
                read,
                short_writes,
                long_writes,
            },
        }
    }

    fn at(past: &[PastRequest], seconds: u64) -> Option<CacheTtl> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        choose_ttl(past, "m", now, || true)
    }

    #[test]
    fn the_first_turn_is_written_and_read_while_it_is_there() {
        assert_eq!(at(&[], 0), SHORT);
        let written = [past(0, 0, 1000, 0)];
        assert_eq!(at(&written, MINUTE), SHORT);
        let read = [past(0, 0, 1000, 0), past(200, 1000, 50, 0)];
        assert_eq!(at(&read, 400), SHORT, "its time began again");
    }

    #[test]
    fn a_write_that_no_read_followed_is_not_repeated() {
        let written = [past(0, 0, 1000, 0)];
        assert_eq!(at(&written, 10 * MINUTE), None);
        let paused = [past(0, 0, 1000, 0), past(10 * MINUTE, 0, 0, 0)];
        assert_eq!(at(&paused, 20 * MINUTE), LONG, "two turns in an hour");
        assert_eq!(at(&paused, 11 * MINUTE), SHORT, "the user is back");
        assert_eq!(at(&paused, 90 * MINUTE), None);
    }

    #[test]
    fn a_prefix_that_was_read_is_written_again_after_a_pause() {
        let read = [past(0, 0, 1000, 0), past(200, 1000, 50, 0)];
        assert_eq!(at(&read, 60 * MINUTE), SHORT);
    }

    #[test]
    fn what_was_written_for_an_hour_is_read_within_it() {
        let long = [
            past(0, 0, 1000, 0),
            past(10 * MINUTE, 0, 0, 0),
            past(20 * MINUTE, 0, 0, 1000),
        ];
        assert_eq!(at(&long, 70 * MINUTE), LONG);
        assert_eq!(
            at(&long, 90 * MINUTE),
            None,
            "it lapsed, and nothing is left to lose"
        );
    }

    #[test]
    fn a_prompt_that_begins_otherwise_is_written_only_if_that_may_be_lost() {
        let other = |past: &[PastRequest], seconds| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            choose_ttl(past, "m", now, || false)
        };
        assert_eq!(other(&[past(0, 0, 1000, 0)], MINUTE), SHORT);
        let long = [
            past(0, 0, 1000, 0),
            past(10 * MINUTE, 0, 0, 0),
            past(20 * MINUTE, 0, 0, 1000),
        ];
        assert_eq!(at(&long, 30 * MINUTE), LONG);
        assert_eq!(other(&long, 30 * MINUTE), None);
    }

    #[test]
    fn a_cache_that_never_returns_what_it_was_given_is_left_alone() {
        let mut lost: Vec<PastRequest> = Vec::new();
        let mut marked = 0;
        for turn in 0..100 {
            let is_marked = at(&lost, turn * MINUTE).is_some();
            marked += u64::from(is_marked);
            let written = if is_marked { 1000 } else { 0 };
            lost.push(past(turn * MINUTE, 0, written, 0));
        }
        assert!(marked <= 5, "{marked} turns of 100");
    }

    #[test]
    fn another_model_has_a_cache_of_its_own() {
        let written = [past(0, 0, 1000, 0)];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(MINUTE);
        assert_eq!(choose_ttl(&written, "other", now, || true), SHORT);
    }

    #[test]
    fn what_was_lost_is_never_more_than_one_write() {
        let spent: Vec<PastRequest> = (0..5).map(|n| past(n * 600, 0, 1000, 0)).collect();
        assert_eq!(at(&spent, 5 * 600), None);
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(choose_ttl(&spent, "other", epoch, || true), None);
    }
}
