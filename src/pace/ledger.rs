//! What may be done with the book, pure: each operation is given the time and is whole by itself.
//!
//! Who cannot begin at once takes a ticket and looks again. A ticket keeps its place, first come,
//! first served, but for work of a batch, which stands behind that of persons. Nobody has to be
//! told of anything: a ticket whose owner does not look any more lapses, and so does a slot whose
//! owner never says how it ended.

use super::SECOND;
use super::allowed::{Base, Learned};
use super::window::{Forecast, Limits, ON_ITS_WAY, Others, Slot};

/// A ticket that nobody has looked at for so long belongs to nobody.
const LAPSE: u64 = 10 * SECOND;

/// The part of the limit that is booked for an answer at the most, unless the server is known to
/// book all of it.
const MOST_OUTPUT: u64 = 4;

/// The whole, where a share is counted.
pub(super) const WHOLE: u64 = 1_000_000;

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Priority {
    /// Somebody waits for the answer.
    Person,
    /// One of many that are worked through.
    Batch,
}

/// A request as far as it matters to the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// Its tokens, estimated high.
    pub(crate) input: u64,
    /// The most that it may write.
    pub(crate) max_tokens: u64,
    /// Who goes first.
    pub(crate) priority: Priority,
}

impl Asked {
    fn most(&self) -> u64 {
        self.input.saturating_add(self.max_tokens)
    }
}

/// What comes of looking at the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The request is to be sent now; the number is that of its slot, none where nothing is
    /// limited.
    Go(Option<u64>),
    /// Not yet.
    Wait {
        /// The place in the queue, to look again with; none where nothing is limited.
        ticket: Option<u64>,
        /// When its turn is likely to come.
        start: u64,
        /// Why.
        why: Why,
    },
}

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// These limits are reached.
    Limits(Limits),
    /// A 429 holds everybody back until then.
    HeldBack(u64),
}

/// How a request ended, as far as it matters to the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// It was answered, and took so many tokens.
    Answered {
        /// Read, from a cache too.
        input: u64,
        /// Written.
        output: u64,
    },
    /// It was let in and then failed.
    Failed,
    /// It was not let in.
    NotCounted,
}

/// Somebody who waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Ticket {
    /// Its number.
    pub(super) id: u64,
    /// When its owner last looked.
    pub(super) seen: u64,
    /// As asked.
    pub(super) input: u64,
    /// As asked.
    pub(super) max_tokens: u64,
    /// As asked.
    pub(super) priority: Priority,
}

/// The book: one for each endpoint, workspace or key, and model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    /// When it was last changed.
    pub(super) last: u64,
    /// The next number.
    pub(super) next_id: u64,
    /// Nobody begins before.
    pub(super) not_before: u64,
    /// What the spreading of requests is at.
    pub(super) due: u64,
    /// What others use, as far as a server has shown it.
    pub(super) others: Others,
    /// What a server said.
    pub(super) received: Learned,
    /// What its 429s say.
    pub(super) learned: Learned,
    /// The share of `max_tokens` that answers use, in millionths.
    pub(super) share: u64,
    /// Whether the server counts the most that a request can take until it is answered.
    pub(super) counts_the_most: bool,
    /// What counts.
    pub(super) slots: Vec<Slot>,
    /// Who waits, in the order of their coming.
    pub(super) queue: Vec<Ticket>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            last: 0,
            next_id: 1,
            not_before: 0,
            due: 0,
            others: Others::default(),
            received: Learned::default(),
            learned: Learned::default(),
            share: WHOLE,
            counts_the_most: false,
            slots: Vec::new(),
            queue: Vec::new(),
        }
    }
}

impl Ledger {
    /// Looks whether a request may begin. `ticket` is what the look before gave.
    pub(crate) fn look(
        &mut self,
        now: u64,
        ticket: Option<u64>,
        asked: &Asked,
        base: &Base,
    ) -> Look {
        self.forget(now);
        let limits = self.limits(now, base);
        if !limits.is_any() {
            return match self.not_before {
                until if until > now => Look::Wait {
                    ticket: None,
                    start: until,
                    why: Why::HeldBack(until),
                },
                _ => Look::Go(None),
            };
        }
        let place = ticket.and_then(|id| self.queue.iter().position(|ticket| ticket.id == id));
        let start = self.start(now, place, asked, limits);
        if start <= now {
            let id = if let Some(place) = place {
                self.queue.remove(place).id
            } else {
                self.take_number()
            };
            let booked = self.booked(asked, limits);
            let tokens = limits.tokens.map_or(booked, |limit| booked.min(limit));
            self.slots.push(Slot {
                id,
                at: now,
                tokens,
                most: asked.most(),
                has_ended: false,
            });
            self.due = limits.spread(self.due, now);
            return Look::Go(Some(id));
        }
        let id = if let Some(place) = place {
            self.queue[place].seen = now;
            self.queue[place].id
        } else {
            let id = self.take_number();
            let Asked {
                input,
                max_tokens,
                priority,
            } = *asked;
            self.queue.push(Ticket {
                id,
                seen: now,
                input,
                max_tokens,
                priority,
            });
            id
        };
        let why = if self.not_before > now {
            Why::HeldBack(self.not_before)
        } else {
            Why::Limits(limits)
        };
        Look::Wait {
            ticket: Some(id),
            start,
            why,
        }
    }

    /// Gives a ticket back.
    pub(crate) fn leave(&mut self, ticket: u64) {
        self.queue.retain(|waiting| waiting.id != ticket);
    }

    /// Puts what a request did take in the place of what it might have. `head_at` is when its
    /// answer's head came, if it did. A slot that counts no more is passed over.
    pub(crate) fn settle(
        &mut self,
        slot: u64,
        asked: &Asked,
        head_at: Option<u64>,
        ending: Ending,
    ) {
        let Some(place) = self.slots.iter().position(|other| other.id == slot) else {
            return;
        };
        if ending == Ending::NotCounted {
            self.slots.remove(place);
            return;
        }
        let slot = &mut self.slots[place];
        let latest = slot.at + ON_ITS_WAY;
        slot.at = head_at.map_or(latest, |at| at.clamp(slot.at, latest));
        slot.has_ended = true;
        slot.tokens = match ending {
            Ending::Answered { input, output } => {
                self.share = new_share(self.share, output, asked.max_tokens);
                input.saturating_add(output)
            }
            Ending::Failed | Ending::NotCounted => asked.input,
        };
    }

    /// Takes a request back that never left, so that it does not spread those behind it either.
    pub(crate) fn take_back(&mut self, now: u64, slot: u64, base: &Base) {
        let Some(place) = self.slots.iter().position(|other| other.id == slot) else {
            return;
        };
        self.slots.remove(place);
        self.due = self.limits(now, base).gather(self.due);
    }

    /// When a request may begin: behind those that stand in front of its place, none: at the end.
    fn start(&self, now: u64, place: Option<usize>, asked: &Asked, limits: Limits) -> u64 {
        let mine = place.map_or((asked.priority, u64::MAX), |place| {
            (asked.priority, self.queue[place].id)
        });
        let mut ahead: Vec<_> = self
            .queue
            .iter()
            .filter(|ticket| (ticket.priority, ticket.id) < mine)
            .collect();
        ahead.sort_unstable_by_key(|ticket| (ticket.priority, ticket.id));
        let mut forecast = Forecast::new(
            limits,
            &self.slots,
            self.others,
            now.max(self.not_before),
            self.due,
        );
        for ticket in ahead {
            let Ticket {
                input,
                max_tokens,
                priority,
                ..
            } = *ticket;
            forecast.place(self.booked(
                &Asked {
                    input,
                    max_tokens,
                    priority,
                },
                limits,
            ));
        }
        forecast.place(self.booked(asked, limits))
    }

    /// The tokens that a request is booked for. Where answers may be as long as the whole minute's
    /// limit and hardly any is, a part of the limit has to do, or the first ones would have a
    /// minute each.
    fn booked(&self, asked: &Asked, limits: Limits) -> u64 {
        if self.counts_the_most {
            return asked.most();
        }
        let output =
            u128::from(asked.max_tokens) * u128::from(self.share.min(WHOLE)) / u128::from(WHOLE);
        let output = u64::try_from(output).unwrap_or(asked.max_tokens);
        let most = limits.tokens.map_or(u64::MAX, |limit| limit / MOST_OUTPUT);
        asked.input.saturating_add(output.min(most))
    }

    fn take_number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    pub(super) fn forget(&mut self, now: u64) {
        self.slots.retain(|slot| now < slot.expiry());
        self.queue
            .retain(|ticket| now < ticket.seen.saturating_add(LAPSE));
    }
}

/// The share that answers use, after one more: as high as the highest, and slowly lower when they
/// are shorter.
fn new_share(share: u64, output: u64, max_tokens: u64) -> u64 {
    let used = u128::from(output) * u128::from(WHOLE) / u128::from(max_tokens.max(1));
    let used = u64::try_from(used).unwrap_or(WHOLE).min(WHOLE);
    if used >= share {
        used
    } else {
        share - (share - used).div_ceil(2)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::allowed::{Received, Reported};
    use super::*;

    pub(in crate::pace) const NOW: u64 = 1_000_000 * SECOND;

    pub(in crate::pace) const ASKED: Asked = Asked {
        input: 10,
        max_tokens: 90,
        priority: Priority::Person,
    };

    pub(in crate::pace) fn base(requests: Option<u64>, tokens: Option<u64>) -> Base {
        Base {
            configured: Limits { requests, tokens },
            assumed: Limits::default(),
        }
    }

    pub(in crate::pace) fn at(seconds: u64) -> u64 {
        NOW + seconds * SECOND
    }

    /// A book for a server that counts all that a request may take.
    fn strict() -> Ledger {
        Ledger {
            counts_the_most: true,
            ..Ledger::default()
        }
    }

    /// The slot of a request that may begin.
    #[track_caller]
    pub(in crate::pace) fn goes(look: Look) -> u64 {
        let Look::Go(Some(slot)) = look else {
            panic!("{look:?}")
        };
        slot
    }

    /// The ticket and the seconds until the start of one that may not.
    #[track_caller]
    pub(in crate::pace) fn waits(look: Look) -> (u64, u64) {
        let Look::Wait {
            ticket: Some(ticket),
            start,
            ..
        } = look
        else {
            panic!("{look:?}")
        };
        (ticket, (start - NOW) / SECOND)
    }

    #[test]
    fn the_first_request_waits_for_nothing_and_what_it_did_not_take_is_free_again() {
        let (mut ledger, base) = (strict(), base(None, Some(120)));
        let slot = goes(ledger.look(NOW, None, &ASKED, &base));
        let (ticket, start) = waits(ledger.look(NOW, None, &ASKED, &base));
        assert_eq!(start, 62);
        ledger.settle(
            slot,
            &ASKED,
            Some(NOW),
            Ending::Answered {
                input: 8,
                output: 2,
            },
        );
        goes(ledger.look(at(1), Some(ticket), &ASKED, &base));
        assert_eq!((ledger.slots[0].tokens, ledger.queue.len()), (10, 0));
    }

    #[test]
    fn what_never_left_spreads_nothing_and_what_was_not_let_in_does() {
        let (mut ledger, base) = (Ledger::default(), base(Some(2), None));
        for second in 0..5 {
            let slot = goes(ledger.look(at(second), None, &ASKED, &base));
            ledger.take_back(at(second), slot, &base);
        }
        assert!(ledger.slots.is_empty());
        goes(ledger.look(at(5), None, &ASKED, &base));
        let slot = goes(ledger.look(at(5), None, &ASKED, &base));
        ledger.settle(slot, &ASKED, None, Ending::NotCounted);
        let (_, start) = waits(ledger.look(at(5), None, &ASKED, &base));
        assert!(start > 5, "{start}");
    }

    #[test]
    fn who_came_first_goes_first_and_persons_go_before_a_batch() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        let slot = goes(ledger.look(NOW, None, &ASKED, &base));
        let batch = Asked {
            priority: Priority::Batch,
            ..ASKED
        };
        let (first, _) = waits(ledger.look(NOW, None, &batch, &base));
        let (second, _) = waits(ledger.look(NOW, None, &ASKED, &base));
        let (third, _) = waits(ledger.look(NOW, None, &ASKED, &base));
        ledger.settle(slot, &ASKED, Some(NOW), Ending::NotCounted);
        waits(ledger.look(at(1), Some(first), &batch, &base));
        waits(ledger.look(at(1), Some(third), &ASKED, &base));
        waits(ledger.look(at(1), None, &ASKED, &base));
        goes(ledger.look(at(1), Some(second), &ASKED, &base));
    }

    #[test]
    fn a_ticket_that_nobody_looks_at_lapses_and_so_does_a_slot() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        goes(ledger.look(NOW, None, &ASKED, &base));
        waits(ledger.look(NOW, None, &ASKED, &base));
        let (mine, start) = waits(ledger.look(NOW, None, &ASKED, &base));
        assert_eq!(start, 124);
        for second in (5..62).step_by(5) {
            waits(ledger.look(at(second), Some(mine), &ASKED, &base));
        }
        goes(ledger.look(at(62), Some(mine), &ASKED, &base));
    }

    #[test]
    fn a_429_holds_everybody_back_with_limits_and_without() {
        for base in [base(None, None), base(Some(500), None)] {
            let mut ledger = Ledger::default();
            ledger.hold(NOW, at(7), &base);
            let Look::Wait { start, why, ticket } = ledger.look(at(1), None, &ASKED, &base) else {
                panic!("it waits")
            };
            assert_eq!(
                (start, why, ticket.is_some()),
                (at(7), Why::HeldBack(at(7)), base.configured.is_any())
            );
            assert!(matches!(
                ledger.look(at(7), ticket, &ASKED, &base),
                Look::Go(_)
            ));
        }
    }

    #[test]
    fn answers_that_may_be_longer_than_the_limit_do_not_have_a_minute_each() {
        let (mut ledger, base) = (Ledger::default(), base(None, Some(4000)));
        let asked = Asked {
            input: 10,
            max_tokens: 8192,
            priority: Priority::Person,
        };
        for _ in 0..50 {
            let slot = goes(ledger.look(NOW, None, &asked, &base));
            ledger.settle(
                slot,
                &asked,
                Some(NOW),
                Ending::Answered {
                    input: 10,
                    output: 40,
                },
            );
        }
    }

    #[test]
    fn requests_are_booked_for_what_answers_use_unless_the_server_counts_the_most() {
        let (mut ledger, base) = (Ledger::default(), base(None, Some(1_000_000)));
        let asked = Asked {
            input: 10,
            max_tokens: 1000,
            priority: Priority::Person,
        };
        for _ in 0..40 {
            let slot = goes(ledger.look(NOW, None, &asked, &base));
            ledger.settle(
                slot,
                &asked,
                None,
                Ending::Answered {
                    input: 10,
                    output: 100,
                },
            );
        }
        assert_eq!(ledger.booked(&asked, base.configured), 110);
        let slot = goes(ledger.look(NOW, None, &asked, &base));
        let used = |used: u64| Reported {
            limit: 1_000_000,
            remaining: Some(1_000_000 - used),
        };
        for (left, expected) in [(40 * 110 + 1010, 1010), (40 * 110 + 10, 110)] {
            let received = Received {
                requests: None,
                tokens: Some(used(left)),
            };
            ledger.observe(NOW, Some(slot), &asked, &received);
            assert_eq!(
                (ledger.booked(&asked, base.configured), ledger.others.tokens),
                (expected, 0)
            );
        }
        ledger.settle(
            slot,
            &asked,
            None,
            Ending::Answered {
                input: 10,
                output: 900,
            },
        );
        assert_eq!(ledger.booked(&asked, base.configured), 910);
        ledger.hold(NOW, NOW, &base);
        assert_eq!(ledger.booked(&asked, base.configured), 1010);
    }
}
