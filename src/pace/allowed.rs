//! What is allowed: what a person set, what a server says, and what is concluded from its 429s.

use super::SECOND;
use super::ledger::{Asked, Ledger, WHOLE};
use super::window::{Limits, ON_ITS_WAY, Others, Slot, WINDOW};

/// How long limits hold that a server named.
const RECEIVED_FOR: u64 = 24 * 60 * WINDOW;

/// How long limits hold that were concluded from a 429.
const LEARNED_FOR: u64 = 15 * WINDOW;

/// From one conclusion to the next: several 429s may have one cause.
const LEARN_AGAIN: u64 = 10 * SECOND;

/// The limits before a server has said anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Base {
    /// What a person set: never exceeded, whatever a server says.
    pub(crate) configured: Limits,
    /// What holds where nobody has said anything.
    pub(crate) assumed: Limits,
}

/// What a server says of its limits, and of what is left of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Received {
    /// Requests a minute.
    pub(crate) requests: Option<Reported>,
    /// Tokens a minute.
    pub(crate) tokens: Option<Reported>,
}

/// A limit as a server reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Reported {
    /// In a minute.
    pub(crate) limit: u64,
    /// What is left of it, where that is said.
    pub(crate) remaining: Option<u64>,
}

impl Reported {
    fn used(self) -> Option<u64> {
        self.remaining
            .map(|remaining| self.limit.saturating_sub(remaining))
    }
}

/// Limits, and since when they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Learned {
    /// Since when.
    pub(super) at: u64,
    /// The limits.
    pub(super) limits: Limits,
}

impl Learned {
    fn still(self, now: u64, long: u64) -> Limits {
        if now < self.at.saturating_add(long) {
            self.limits
        } else {
            Limits::default()
        }
    }
}

impl Ledger {
    /// Lets nobody begin until then, as a 429 says. It also tells how much is allowed at most,
    /// where the server does not.
    pub(crate) fn hold(&mut self, now: u64, until: u64, base: &Base) {
        self.not_before = self.not_before.max(until);
        // What was booked for less than it might take has perhaps been too much.
        self.share = WHOLE;
        if self.learned.at != 0 && now < self.learned.at.saturating_add(LEARN_AGAIN) {
            return;
        }
        self.forget(now);
        let (limits, told) = (self.limits(now, base), self.told(now));
        let let_in = self
            .slots
            .iter()
            .filter(|slot| slot.has_ended || slot.at + ON_ITS_WAY <= now);
        let (requests, tokens) = let_in.fold((0, 0_u64), |(requests, tokens), slot| {
            (requests + 1, tokens.saturating_add(slot.tokens))
        });
        // A single 429 may have any cause: it takes away half at the most.
        let less = |limit: Option<u64>, told: Option<u64>, used: u64| {
            let limit = limit.filter(|_| told.is_none())?;
            Some(used.max(limit / 2).clamp(1, limit))
        };
        let limits = Limits {
            requests: less(limits.requests, told.requests, requests),
            tokens: less(limits.tokens, told.tokens, tokens),
        };
        if limits.is_any() {
            self.learned = Learned { at: now, limits };
        }
    }

    /// Notes what a server said with the head of the answer to the request of this slot.
    pub(crate) fn observe(
        &mut self,
        now: u64,
        slot: Option<u64>,
        asked: &Asked,
        received: &Received,
    ) {
        self.forget(now);
        let limit = |reported: Option<Reported>| reported.map(|reported| reported.limit.max(1));
        let limits = Limits {
            requests: limit(received.requests),
            tokens: limit(received.tokens),
        };
        self.received = Learned { at: now, limits };
        let used = |reported: Option<Reported>| reported.and_then(Reported::used);
        let ours = |slot: &Slot| {
            if slot.has_ended {
                slot.tokens
            } else {
                slot.most
            }
        };
        let sum = |count: &dyn Fn(&Slot) -> u64| {
            self.slots.iter().map(count).fold(0, u64::saturating_add)
        };
        self.others = Others {
            at: now,
            requests: used(received.requests)
                .map_or(0, |used| used.saturating_sub(self.slots.len() as u64)),
            tokens: used(received.tokens).map_or(0, |used| used.saturating_sub(sum(&ours))),
        };
        if let Some(used) = used(received.tokens).filter(|_| slot.is_some()) {
            let ended = sum(&|slot| if slot.has_ended { slot.tokens } else { 0 });
            self.counts_the_most = used >= ended.saturating_add(asked.max_tokens / 2);
        }
    }

    /// What the server has said of its limits, as far as that still holds.
    pub(crate) fn told(&self, now: u64) -> Limits {
        self.received.still(now, RECEIVED_FOR)
    }

    /// The limits that hold now.
    pub(crate) fn limits(&self, now: u64, base: &Base) -> Limits {
        let (received, learned) = (self.told(now), self.learned.still(now, LEARNED_FOR));
        let least = |limits: [Option<u64>; 3], assumed: Option<u64>| {
            let [configured, received, learned] = limits;
            let known = configured.into_iter().chain(received).min().or(assumed)?;
            Some(learned.map_or(known, |learned| learned.min(known)))
        };
        let Base {
            configured,
            assumed,
        } = base;
        Limits {
            requests: least(
                [configured.requests, received.requests, learned.requests],
                assumed.requests,
            ),
            tokens: least(
                [configured.tokens, received.tokens, learned.tokens],
                assumed.tokens,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Ending;
    use super::super::ledger::tests::{ASKED, NOW, at, base, goes, waits};
    use super::*;

    #[test]
    fn a_429_tells_how_much_is_allowed() {
        let (mut ledger, base) = (Ledger::default(), base(Some(100), Some(100_000)));
        for second in 0..40 {
            let slot = goes(ledger.look(at(second), None, &ASKED, &base));
            ledger.settle(
                slot,
                &ASKED,
                None,
                Ending::Answered {
                    input: 10,
                    output: 10,
                },
            );
        }
        let (slot, under_way) = (
            goes(ledger.look(at(40), None, &ASKED, &base)),
            goes(ledger.look(at(40), None, &ASKED, &base)),
        );
        ledger.settle(slot, &ASKED, None, Ending::NotCounted);
        ledger.hold(at(40), at(42), &base);
        let half = Limits {
            requests: Some(50),
            tokens: Some(50_000),
        };
        assert_eq!(
            ledger.limits(at(40), &base),
            half,
            "it takes away half at the most"
        );
        ledger.settle(under_way, &ASKED, None, Ending::NotCounted);
        ledger.hold(at(41), at(42), &base);
        assert_eq!(
            ledger.limits(at(41), &base),
            half,
            "and those of one moment are one"
        );
        ledger.hold(at(52), at(54), &base);
        assert_eq!(
            ledger.limits(at(52), &base).requests,
            Some(40),
            "what was let in is allowed"
        );
        assert_eq!(ledger.limits(at(52 + 16 * 60), &base), base.configured);
    }

    #[test]
    fn what_a_server_says_goes_before_what_is_assumed_and_never_over_what_was_set() {
        let told = |limit| {
            Some(Reported {
                limit,
                remaining: None,
            })
        };
        let mut ledger = Ledger::default();
        ledger.observe(
            NOW,
            None,
            &ASKED,
            &Received {
                requests: told(1000),
                tokens: told(9),
            },
        );
        let base = Base {
            configured: Limits {
                requests: None,
                tokens: Some(50),
            },
            assumed: Limits {
                requests: Some(500),
                tokens: Some(60),
            },
        };
        assert_eq!(
            ledger.limits(NOW, &base),
            Limits {
                requests: Some(1000),
                tokens: Some(9)
            }
        );
        ledger.observe(
            NOW,
            None,
            &ASKED,
            &Received {
                requests: None,
                tokens: told(99),
            },
        );
        assert_eq!(
            ledger.limits(NOW, &base),
            Limits {
                requests: Some(500),
                tokens: Some(50)
            }
        );
        ledger.hold(NOW, NOW, &base);
        assert_eq!(ledger.limits(NOW, &base).requests, Some(250));
    }

    #[test]
    fn what_is_left_shows_what_others_use() {
        let (mut ledger, base) = (Ledger::default(), base(Some(100), None));
        let slot = goes(ledger.look(NOW, None, &ASKED, &base));
        let requests = Some(Reported {
            limit: 100,
            remaining: Some(9),
        });
        ledger.observe(
            NOW,
            Some(slot),
            &ASKED,
            &Received {
                requests,
                tokens: None,
            },
        );
        assert_eq!(ledger.others.requests, 90);
        for _ in 0..7 {
            goes(ledger.look(at(0), None, &ASKED, &base));
        }
        let requests = Some(Reported {
            limit: 100,
            remaining: Some(0),
        });
        ledger.observe(
            at(30),
            Some(slot),
            &ASKED,
            &Received {
                requests,
                tokens: None,
            },
        );
        let (_, start) = waits(ledger.look(at(30), None, &ASKED, &base));
        assert_eq!(start, 30, "92 in a minute are one after less than a second");
    }
}
