//! The prompt cache: which prefix of a prompt is read from it, and what is written to it.
//!
//! A prompt is a sequence of blocks: tools, system prompt, messages. A prefix that ends at a
//! breakpoint is stored under a hash of all its blocks, the model and the key, for the lifetime
//! that the breakpoint sets. All functions take the current time as an argument.
//!
//! Source: Anthropic's page `build-with-claude/prompt-caching`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::fingerprint::Fingerprint;

/// How many blocks are searched for a hit, backwards from a breakpoint and including its block.
const LOOK_BACK: usize = 20;

/// The most prefixes that are stored: each request may write four, and each of these may be new.
const MAX_PREFIXES: usize = 50_000;

/// How long a prefix stays in the cache after its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheLifetime {
    /// `5m`, the default.
    FiveMinutes,
    /// `1h`
    OneHour,
}

impl CacheLifetime {
    /// Returns the lifetime of a block's breakpoint, if it has one.
    pub(super) fn of_block(block: &Value) -> Option<Self> {
        let mark = block.get("cache_control").filter(|mark| !mark.is_null())?;
        Some(if mark["ttl"] == "1h" {
            Self::OneHour
        } else {
            Self::FiveMinutes
        })
    }

    fn duration(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_secs(5 * 60),
            Self::OneHour => Duration::from_secs(60 * 60),
        }
    }
}

/// A block of a prompt.
#[derive(Debug, Clone, Copy)]
pub(super) struct PromptBlock {
    /// Its fingerprint, including the options that it depends on.
    pub(super) hash: u64,
    /// Estimated tokens.
    pub(super) tokens: usize,
    /// The breakpoint at its end.
    pub(super) mark: Option<CacheLifetime>,
}

/// The input tokens of a request by how they were cached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct InputTokens {
    /// Neither read nor written.
    pub(super) uncached: usize,
    /// Written for five minutes.
    pub(super) written_5m: usize,
    /// Written for an hour.
    pub(super) written_1h: usize,
    /// Read.
    pub(super) read: usize,
}

impl InputTokens {
    /// Returns the sum of all.
    pub(super) fn total(self) -> usize {
        self.uncached + self.written() + self.read
    }

    /// Returns the sum of those written.
    pub(super) fn written(self) -> usize {
        self.written_5m + self.written_1h
    }
}

/// What a request writes to the cache once its answer begins.
#[derive(Debug, Default)]
pub(super) struct CacheWrites {
    entries: Vec<(u64, CacheLifetime)>,
}

/// A prefix in the cache.
#[derive(Debug)]
struct CacheEntry {
    lifetime: CacheLifetime,
    expires: Instant,
}

/// The prefixes of all keys and models.
#[derive(Debug, Default)]
pub(super) struct PromptCache {
    entries: Mutex<HashMap<u64, CacheEntry>>,
}

/// The end of a prefix.
struct PrefixEnd {
    /// The hash of all of its blocks.
    key: u64,
    /// The tokens of all of its blocks.
    tokens: usize,
    mark: Option<CacheLifetime>,
}

impl PromptCache {
    /// Looks up a prompt, and returns its token counts and what to write once the answer begins.
    ///
    /// `owner` identifies the key and the model; a prefix of fewer than `minimum` tokens is neither
    /// read nor written.
    pub(super) fn look_up(
        &self,
        owner: u64,
        blocks: &[PromptBlock],
        minimum: usize,
        now: Instant,
    ) -> (InputTokens, CacheWrites) {
        let ends = prefix_ends(owner, blocks);
        let total = ends.last().map_or(0, |end| end.tokens);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let is_marked = |end: &PrefixEnd| end.mark.is_some() && end.tokens >= minimum;
        let hit = (0..ends.len())
            .filter(|at| is_marked(&ends[*at]))
            .filter_map(|at| {
                let window = (0..=at).rev().take(LOOK_BACK);
                let is_stored = |at: &usize| {
                    entries
                        .get(&ends[*at].key)
                        .is_some_and(|entry| entry.expires > now)
                };
                window.into_iter().find(is_stored)
            })
            .max();
        let (read, left) = match hit {
            Some(at) => {
                // A hit renews the lifetime of this prefix and of the ones inside it.
                for end in &ends[..=at] {
                    if let Some(entry) = entries.get_mut(&end.key)
                        && entry.expires > now
                    {
                        entry.expires = now + entry.lifetime.duration();
                    }
                }
                (ends[at].tokens, &ends[at + 1..])
            }
            None => (0, &ends[..]),
        };
        let mut tokens = InputTokens {
            read,
            ..InputTokens::default()
        };
        let mut writes = CacheWrites::default();
        let mut reached = read;
        for end in left.iter().filter(|end| is_marked(end)) {
            let Some(lifetime) = end.mark else { continue };
            match lifetime {
                CacheLifetime::FiveMinutes => tokens.written_5m += end.tokens - reached,
                CacheLifetime::OneHour => tokens.written_1h += end.tokens - reached,
            }
            reached = end.tokens;
            writes.entries.push((end.key, lifetime));
        }
        tokens.uncached = total - reached;
        (tokens, writes)
    }

    /// Stores what a request writes; called when its answer begins, so that the next request can
    /// read it.
    pub(super) fn store(&self, writes: CacheWrites, now: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.expires > now);
        let room = MAX_PREFIXES.saturating_sub(entries.len());
        for (key, lifetime) in writes.entries.into_iter().take(room) {
            let expires = now + lifetime.duration();
            entries.insert(key, CacheEntry { lifetime, expires });
        }
    }
}

/// Returns the end of each prefix of a prompt.
fn prefix_ends(owner: u64, blocks: &[PromptBlock]) -> Vec<PrefixEnd> {
    let mut key = Fingerprint::new();
    key.add_number(owner);
    let mut tokens = 0;
    let ends = blocks.iter().map(|block| {
        key.add_number(block.hash);
        tokens += block.tokens;
        PrefixEnd {
            key: key.finish(),
            tokens,
            mark: block.mark,
        }
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Option<CacheLifetime> = Some(CacheLifetime::FiveMinutes);
    const LONG: Option<CacheLifetime> = Some(CacheLifetime::OneHour);

    /// Returns blocks of 100 tokens each; the hash of each is its number.
    fn prompt(marks: &[Option<CacheLifetime>]) -> Vec<PromptBlock> {
        let blocks = marks.iter().zip(1..).map(|(mark, hash)| PromptBlock {
            hash,
            tokens: 100,
            mark: *mark,
        });
        blocks.collect()
    }

    /// A cache and a clock that the test advances.
    struct Clockwork {
        cache: PromptCache,
        now: Instant,
    }

    impl Clockwork {
        fn new() -> Self {
            Self {
                cache: PromptCache::default(),
                now: Instant::now(),
            }
        }

        /// Advances the clock.
        fn turn(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        /// Sends a prompt, and returns the tokens read, written and uncached.
        fn ask(&self, blocks: &[PromptBlock]) -> (usize, usize, usize) {
            let (tokens, writes) = self.cache.look_up(1, blocks, 100, self.now);
            self.cache.store(writes, self.now);
            (tokens.read, tokens.written(), tokens.uncached)
        }
    }

    #[test]
    fn what_was_written_is_read_and_the_rest_is_neither() {
        let clock = Clockwork::new();
        let blocks = prompt(&[None, SHORT, None]);
        assert_eq!(clock.ask(&blocks), (0, 200, 100));
        assert_eq!(clock.ask(&blocks), (200, 0, 100));
        let mut other = blocks.clone();
        other[0].hash = 9;
        assert_eq!(clock.ask(&other), (0, 200, 100));
        assert_eq!(clock.ask(&prompt(&[None, None, None])), (0, 0, 300));
        let (tokens, _) = clock.cache.look_up(2, &blocks, 100, clock.now);
        assert_eq!(tokens.read, 0, "another key or model");
    }

    #[test]
    fn a_longer_conversation_reads_the_beginning_and_writes_the_rest() {
        let clock = Clockwork::new();
        clock.ask(&prompt(&[SHORT]));
        assert_eq!(clock.ask(&prompt(&[None, None, SHORT])), (100, 200, 0));
        assert_eq!(clock.ask(&prompt(&[SHORT, None, SHORT])), (300, 0, 0));
    }

    #[test]
    fn a_prefix_below_the_minimum_is_not_cached() {
        let clock = Clockwork::new();
        let blocks = prompt(&[SHORT, None]);
        let (tokens, writes) = clock.cache.look_up(1, &blocks, 101, clock.now);
        assert_eq!((tokens.written(), tokens.uncached), (0, 200));
        assert!(writes.entries.is_empty());
    }

    #[test]
    fn a_hit_is_looked_for_at_twenty_blocks() {
        for (length, read) in [(20, 100), (21, 0)] {
            let clock = Clockwork::new();
            clock.ask(&prompt(&[SHORT]));
            let mut marks = vec![None; length];
            marks[length - 1] = SHORT;
            assert_eq!(clock.ask(&prompt(&marks)).0, read, "{length} blocks");
        }
        let clock = Clockwork::new();
        clock.ask(&prompt(&[SHORT]));
        let mut marks = vec![None; 40];
        (marks[19], marks[39]) = (SHORT, SHORT);
        assert_eq!(clock.ask(&prompt(&marks)), (100, 3900, 0), "two windows");
    }

    #[test]
    fn a_prefix_lives_as_long_as_its_mark_says_after_its_last_use() {
        for (mark, seconds) in [(SHORT, 300), (LONG, 3600)] {
            let mut clock = Clockwork::new();
            let blocks = prompt(&[mark]);
            clock.ask(&blocks);
            for _ in 0..2 {
                clock.turn(seconds - 1);
                assert_eq!(clock.ask(&blocks), (100, 0, 0), "{mark:?}");
            }
            clock.turn(seconds);
            assert_eq!(clock.ask(&blocks), (0, 100, 0), "{mark:?}");
        }
    }

    #[test]
    fn each_lifetime_has_its_own_count() {
        let clock = Clockwork::new();
        let (tokens, _) =
            clock
                .cache
                .look_up(1, &prompt(&[LONG, None, SHORT, None]), 100, clock.now);
        let expected = InputTokens {
            uncached: 100,
            written_5m: 200,
            written_1h: 100,
            read: 0,
        };
        assert_eq!((tokens, tokens.total()), (expected, 400));
    }

    #[test]
    fn nothing_is_read_before_the_answer_has_begun() {
        let clock = Clockwork::new();
        let blocks = prompt(&[SHORT]);
        let (_, writes) = clock.cache.look_up(1, &blocks, 100, clock.now);
        assert_eq!(clock.cache.look_up(1, &blocks, 100, clock.now).0.read, 0);
        clock.cache.store(writes, clock.now);
        assert_eq!(clock.cache.look_up(1, &blocks, 100, clock.now).0.read, 100);
    }
}
