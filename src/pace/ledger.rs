//! The rate-limit ledger, pure: each operation is given the time, and leaves the ledger complete.
//!
//! A request that cannot begin at once takes a ticket and tries again. A ticket keeps its place:
//! first come, first served, but work of a batch queues behind that of users. No notifications are
//! needed: a ticket whose owner no longer tries lapses, and so does the slot of an owner that never
//! says how its request ended.

use super::SECOND;
use super::known_limits::{BaseLimits, KnownLimits, ReportedLimit, ServerReport};
use super::window::{
    IN_FLIGHT_GRACE, OtherUsage, RateLimits, ReservationHolder, ReservationId, WindowForecast,
    WindowSlot,
};

/// How late the owner of a ticket may be to try again before the ticket lapses.
const TICKET_GRACE: u64 = 10 * SECOND;

/// The longest time for which the owner of a ticket sleeps until its forecast start.
pub(super) const LONGEST_SLEEP: u64 = 20 * SECOND;

/// How long before its start a request may have its slot already. Whoever comes later waits behind
/// it, users too.
pub(super) const LONGEST_LEAD: u64 = 2 * SECOND;

/// How late a request may begin after the start of the slot that it had already.
const LATEST_BEGIN: u64 = SECOND;

/// The longest time for which no request begins after a 429. No user should have to find and delete
/// a ledger, and no one machine should hold back all others for longer.
pub(super) const LONGEST_BLOCK: u64 = 10 * 60 * SECOND;

/// The part of the token limit that is reserved for one answer at the most, unless the server is
/// known to count all that it may have.
const MAX_OUTPUT_DIVISOR: u64 = 4;

/// The default of `max_tokens` that the shares are learned with. Another default makes answers use
/// another share, so what was learned before it changed does not count.
pub(crate) const SHARE_BASIS: u64 = 16_384;

/// All of `max_tokens`, in millionths.
pub(super) const FULL_SHARE_PPM: u64 = 1_000_000;

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RequestPriority {
    /// A user waits for the answer.
    Person,
    /// It is one of many items that are worked through.
    Batch,
}

/// What a request costs, as far as the limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestCost {
    /// Its input tokens, estimated high.
    pub(crate) input: u64,
    /// The most output tokens that it may have.
    pub(crate) max_tokens: u64,
    /// Who goes first.
    pub(crate) priority: RequestPriority,
}

impl RequestCost {
    /// Returns the most tokens that it can use.
    fn max_cost(&self) -> u64 {
        self.input.saturating_add(self.max_tokens)
    }
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is to be sent now. Where nothing is limited there is no reservation.
    Admitted(Option<ReservationId>),
    /// It has to wait.
    Queued {
        /// Its place in the queue, to try again with; none where nothing is limited.
        id: Option<ReservationId>,
        /// When it is likely to be admitted.
        start: u64,
        /// When to try again: it cannot begin earlier, even if those in flight turn out to use
        /// nothing.
        retry_at: u64,
        /// Why it has to wait.
        reason: WaitReason,
    },
}

impl Admission {
    /// Returns its reservation, none where nothing is limited.
    pub(crate) fn id(&self) -> Option<ReservationId> {
        match *self {
            Self::Admitted(id) | Self::Queued { id, .. } => id,
        }
    }
}

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitReason {
    /// These limits are reached.
    Limits(RateLimits),
    /// After a 429 no request is sent until then.
    BackOff(u64),
}

/// How a request ended, as far as the limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RequestOutcome {
    /// It was answered, and used so many tokens.
    Answered {
        /// Tokens that were read, those of a cache included.
        input: u64,
        /// Output tokens.
        output: u64,
    },
    /// The server let it in, and then it failed.
    Failed,
    /// The server did not let it in.
    NotCounted,
}

/// A request in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct QueueTicket {
    /// The reservation.
    pub(super) id: ReservationId,
    /// Who has it.
    pub(super) holder: ReservationHolder,
    /// When it lapses, unless its owner has tried again.
    pub(super) expiry: u64,
    /// What it costs.
    pub(super) cost: RequestCost,
}

impl QueueTicket {
    /// Returns its place: that of a user before that of a batch, and then first come, first served.
    fn order(&self) -> (RequestPriority, ReservationId) {
        (self.cost.priority, self.id)
    }
}

/// The ledger: one for each endpoint, workspace or key, and model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RateLimitLedger {
    /// When it was last changed.
    pub(super) last: u64,
    /// How often a shared ledger has been changed.
    pub(super) revision: u64,
    /// When the shared ledger was last out of reach, in the ledger that a machine has instead.
    pub(super) outage_at: u64,
    /// The number of the next reservation.
    pub(super) next_id: u64,
    /// No request begins before.
    pub(super) blocked_until: u64,
    /// When the next request is due if they are spread evenly.
    pub(super) due: u64,
    /// What others use, as far as the server has shown it.
    pub(super) others: OtherUsage,
    /// What the server has said of its limits.
    pub(super) known: KnownLimits,
    /// The share of `max_tokens` that answers use, in millionths.
    pub(super) output_share: u64,
    /// Whether the server counts the most tokens that a request can use until it is answered.
    pub(super) counts_maximum: bool,
    /// The requests that count.
    pub(super) slots: Vec<WindowSlot>,
    /// The requests that wait, in the order in which they came.
    pub(super) queue: Vec<QueueTicket>,
}

impl Default for RateLimitLedger {
    fn default() -> Self {
        Self {
            last: 0,
            revision: 0,
            outage_at: 0,
            next_id: 1,
            blocked_until: 0,
            due: 0,
            others: OtherUsage::default(),
            known: KnownLimits::default(),
            output_share: FULL_SHARE_PPM,
            counts_maximum: false,
            slots: Vec::new(),
            queue: Vec::new(),
        }
    }
}

impl RateLimitLedger {
    /// Creates an empty ledger whose reservations have other ids than those of any earlier one:
    /// they count from the time on, and no ledger makes a million a second.
    pub(super) fn starting_at(now: u64) -> Self {
        Self {
            next_id: now.max(1),
            ..Self::default()
        }
    }

    /// Admits a request, or gives it a place in the queue. `queued` is its place if it tried
    /// before.
    pub(crate) fn try_acquire(
        &mut self,
        now: u64,
        queued: Option<ReservationId>,
        cost: &RequestCost,
        base: &BaseLimits,
    ) -> Admission {
        self.drop_expired(now);
        let limits = self.known.in_force(now, base);
        if !limits.is_any() {
            return match self.blocked_until {
                until if until > now => Admission::Queued {
                    id: None,
                    start: until,
                    retry_at: until,
                    reason: WaitReason::BackOff(until),
                },
                _ => Admission::Admitted(None),
            };
        }
        let place = queued.and_then(|id| self.queue.iter().position(|ticket| ticket.id == id));
        let start = self.forecast_start(now, place, cost, limits, &self.slots);
        if start <= now {
            let id = if let Some(place) = place {
                self.queue.remove(place).id
            } else {
                self.take_id()
            };
            self.add_slot(id, now, cost, limits);
            return Admission::Admitted(Some(id));
        }
        let retry_at = self.earliest_start(now, place, cost, limits).min(start);
        // Its owner sleeps for so long. A ticket that is good for longer is left as it is, so that
        // looking at the ledger does not change it.
        let until = now + (start - now).min(LONGEST_SLEEP) + TICKET_GRACE / 2;
        let id = if let Some(place) = place {
            let ticket = &mut self.queue[place];
            if ticket.expiry < until {
                ticket.expiry = until + TICKET_GRACE / 2;
            }
            ticket.id
        } else {
            let id = self.take_id();
            self.queue.push(QueueTicket {
                id,
                holder: ReservationHolder::default(),
                expiry: until + TICKET_GRACE / 2,
                cost: *cost,
            });
            id
        };
        let reason = if self.blocked_until > now {
            WaitReason::BackOff(self.blocked_until)
        } else {
            WaitReason::Limits(limits)
        };
        Admission::Queued {
            id: Some(id),
            start,
            retry_at,
            reason,
        }
    }

    /// Admits a request as `try_acquire` does. One that starts soon, those ahead of it considered,
    /// has its slot already, and only has to be confirmed then, which changes nothing: a shared
    /// ledger is changed once for a request, and not twice.
    pub(super) fn acquire_ahead(
        &mut self,
        now: u64,
        queued: Option<ReservationId>,
        cost: &RequestCost,
        base: &BaseLimits,
    ) -> Admission {
        if let Some(id) = queued
            && let Some(confirmed) = self.confirm(now, id, base)
        {
            return confirmed;
        }
        let mut admission = self.try_acquire(now, queued, cost, base);
        let Admission::Queued {
            id: Some(id),
            start,
            retry_at,
            reason: WaitReason::Limits(limits),
        } = &mut admission
        else {
            return admission;
        };
        if *start > now + LONGEST_LEAD {
            // It sleeps until it starts soon.
            *retry_at = (*retry_at).min(start.saturating_sub(LONGEST_LEAD / 2));
            return admission;
        }
        self.queue.retain(|ticket| ticket.id != *id);
        self.add_slot(*id, *start, cost, *limits);
        *retry_at = *start;
        admission
    }

    /// Admits a request whose slot has been there since before its start; none where it has no
    /// slot. What is late, or blocked since, starts later, and keeps its slot until then.
    fn confirm(&mut self, now: u64, id: ReservationId, base: &BaseLimits) -> Option<Admission> {
        let blocked_until = self.blocked_until;
        let limits = self.known.in_force(now, base);
        let mut slots = self.slots.iter_mut();
        let slot = slots.find(|slot| slot.id == id && !slot.has_ended)?;
        if blocked_until > now {
            slot.at = slot.at.max(blocked_until);
            return Some(Admission::Queued {
                id: Some(id),
                start: slot.at,
                retry_at: slot.at,
                reason: WaitReason::BackOff(blocked_until),
            });
        }
        if slot.at > now {
            return Some(Admission::Queued {
                id: Some(id),
                start: slot.at,
                retry_at: slot.at,
                reason: WaitReason::Limits(limits),
            });
        }
        if slot.at + LATEST_BEGIN < now {
            slot.at = now;
        }
        Some(Admission::Admitted(Some(id)))
    }

    fn add_slot(&mut self, id: ReservationId, start: u64, cost: &RequestCost, limits: RateLimits) {
        let reserved = self.reserved_tokens(cost, limits);
        self.slots.push(WindowSlot {
            id,
            holder: ReservationHolder::default(),
            at: start,
            tokens: limits.tokens.map_or(reserved, |limit| reserved.min(limit)),
            most: cost.max_cost(),
            has_ended: false,
        });
        self.due = limits.spread_after(self.due, start);
    }

    /// Notes who has a reservation.
    pub(super) fn name_holder(&mut self, id: ReservationId, holder: ReservationHolder) {
        let slots = self.slots.iter_mut();
        let of_slots = slots.map(|slot| (slot.id, &mut slot.holder));
        let tickets = self.queue.iter_mut();
        let of_tickets = tickets.map(|ticket| (ticket.id, &mut ticket.holder));
        for (of, named) in of_slots.chain(of_tickets) {
            if of == id {
                *named = holder;
            }
        }
    }

    /// Releases a place in the queue, or the slot of a request that was never sent, which then does
    /// not spread those behind it either. A reservation that has ended is left as it is.
    pub(crate) fn release(&mut self, now: u64, id: ReservationId, base: &BaseLimits) {
        self.queue.retain(|ticket| ticket.id != id);
        let slots = self.slots.len();
        self.slots.retain(|slot| slot.id != id || slot.has_ended);
        if self.slots.len() < slots {
            self.due = self.known.in_force(now, base).spread_without(self.due);
        }
    }

    /// Replaces what was reserved by what the request did use. `headers_at` is when the response
    /// headers came, if they did. A reservation that has lapsed or was settled before is left as it
    /// is, so that settling twice is settling once.
    pub(crate) fn settle(
        &mut self,
        id: ReservationId,
        cost: &RequestCost,
        headers_at: Option<u64>,
        outcome: RequestOutcome,
    ) {
        let is_open = |slot: &WindowSlot| slot.id == id && !slot.has_ended;
        let Some(place) = self.slots.iter().position(is_open) else {
            return;
        };
        if outcome == RequestOutcome::NotCounted {
            self.slots.remove(place);
            return;
        }
        let slot = &mut self.slots[place];
        let latest = slot.at + IN_FLIGHT_GRACE;
        slot.at = headers_at.map_or(latest, |at| at.clamp(slot.at, latest));
        slot.has_ended = true;
        slot.tokens = match outcome {
            RequestOutcome::Answered { input, output } => {
                self.output_share = new_share(self.output_share, output, cost.max_tokens);
                input.saturating_add(output)
            }
            RequestOutcome::Failed | RequestOutcome::NotCounted => cost.input,
        };
    }

    /// Blocks all requests until then, as a 429 asks, and infers from it how much is allowed.
    pub(crate) fn back_off(&mut self, now: u64, until: u64, base: &BaseLimits) {
        self.drop_expired(now);
        self.blocked_until = self.blocked_until.max(until);
        // Perhaps too little was reserved for the answers.
        self.output_share = FULL_SHARE_PPM;
        let was_let_in = |slot: &&WindowSlot| slot.has_ended || slot.at + IN_FLIGHT_GRACE <= now;
        let (requests, tokens) = self
            .slots
            .iter()
            .filter(was_let_in)
            .fold((0, 0_u64), |(requests, tokens), slot| {
                (requests + 1, tokens.saturating_add(slot.tokens))
            });
        self.known.infer_limits(now, base, requests, tokens);
    }

    /// Has an admitted request that has not ended count from `now` on.
    pub(super) fn restart(&mut self, id: ReservationId, now: u64) {
        let open = self
            .slots
            .iter_mut()
            .filter(|slot| slot.id == id && !slot.has_ended);
        open.for_each(|slot| slot.at = slot.at.max(now));
    }

    /// Returns whether a report says other limits than the one before, or comes long enough after
    /// it to be worth noting.
    pub(super) fn is_news(&self, now: u64, report: &ServerReport, interval: u64) -> bool {
        self.known.is_news(now, report, interval)
    }

    /// Notes what the response headers report of the limits; `id` is the reservation of the request
    /// that they answer.
    pub(crate) fn observe(
        &mut self,
        now: u64,
        id: Option<ReservationId>,
        cost: &RequestCost,
        report: &ServerReport,
    ) {
        self.drop_expired(now);
        self.known.note_report(now, report);
        let used = |reported: Option<ReportedLimit>| reported.and_then(ReportedLimit::used_amount);
        let ours = |slot: &WindowSlot| {
            if slot.has_ended {
                slot.tokens
            } else {
                slot.most
            }
        };
        let sum = |count: &dyn Fn(&WindowSlot) -> u64| {
            self.slots.iter().map(count).fold(0, u64::saturating_add)
        };
        self.others = OtherUsage {
            at: now,
            requests: used(report.requests)
                .map_or(0, |used| used.saturating_sub(self.slots.len() as u64)),
            tokens: used(report.tokens).map_or(0, |used| used.saturating_sub(sum(&ours))),
        };
        if let Some(used) = used(report.tokens).filter(|_| id.is_some()) {
            let ended = sum(&|slot| if slot.has_ended { slot.tokens } else { 0 });
            self.counts_maximum = used >= ended.saturating_add(cost.max_tokens / 2);
        }
    }

    /// Returns the limits that the server has reported, as far as they are still valid.
    pub(crate) fn server_limits(&self, now: u64) -> RateLimits {
        self.known.server_limits(now)
    }

    /// Returns when a request may begin at the earliest: its start if those in flight turn out to
    /// have used nothing.
    fn earliest_start(
        &self,
        now: u64,
        place: Option<usize>,
        cost: &RequestCost,
        limits: RateLimits,
    ) -> u64 {
        let unused = |slot: &WindowSlot| WindowSlot {
            tokens: if slot.has_ended { slot.tokens } else { 0 },
            ..slot.clone()
        };
        let slots: Vec<WindowSlot> = self.slots.iter().map(unused).collect();
        self.forecast_start(now, place, cost, limits, &slots)
    }

    /// Returns when a request begins if these requests count: after those ahead of it in the queue,
    /// or after all if it has no place there.
    fn forecast_start(
        &self,
        now: u64,
        place: Option<usize>,
        cost: &RequestCost,
        limits: RateLimits,
        slots: &[WindowSlot],
    ) -> u64 {
        let own = place.map_or((cost.priority, ReservationId(u64::MAX)), |place| {
            self.queue[place].order()
        });
        let is_ahead = |ticket: &&QueueTicket| ticket.order() < own;
        let mut ahead: Vec<&QueueTicket> = self.queue.iter().filter(is_ahead).collect();
        ahead.sort_unstable_by_key(|ticket| ticket.order());
        let mut forecast = WindowForecast::new(
            limits,
            slots,
            self.others,
            now.max(self.blocked_until),
            self.due,
        );
        for ticket in ahead {
            forecast.place_request(self.reserved_tokens(&ticket.cost, limits));
        }
        forecast.place_request(self.reserved_tokens(cost, limits))
    }

    /// Returns the tokens that are reserved for a request. Where an answer may be as long as the
    /// whole minute's limit and hardly any is, a part of the limit has to do, or the first requests
    /// would have a minute each.
    fn reserved_tokens(&self, cost: &RequestCost, limits: RateLimits) -> u64 {
        if self.counts_maximum {
            return cost.max_cost();
        }
        let share = self.output_share.min(FULL_SHARE_PPM);
        let output = u128::from(cost.max_tokens) * u128::from(share) / u128::from(FULL_SHARE_PPM);
        let output = u64::try_from(output).unwrap_or(cost.max_tokens);
        let most = limits
            .tokens
            .map_or(u64::MAX, |limit| limit / MAX_OUTPUT_DIVISOR);
        cost.input.saturating_add(output.min(most))
    }

    fn take_id(&mut self) -> ReservationId {
        let id = ReservationId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// Drops what no longer counts.
    pub(super) fn drop_expired(&mut self, now: u64) {
        self.slots.retain(|slot| now < slot.expiry());
        self.queue.retain(|ticket| now < ticket.expiry);
    }

    /// Bounds what has been read by what can be: whoever wrote it may have had another clock.
    /// Returns whether a block was too long, and is ignored.
    pub(super) fn bound_times(&mut self, now: u64) -> bool {
        let far = now.saturating_add(LONGEST_BLOCK);
        let is_ignored = self.blocked_until > far;
        if is_ignored {
            self.blocked_until = 0;
        }
        if self.due > far {
            self.due = now;
        }
        for slot in &mut self.slots {
            // After a 429 a slot waits until the block is over.
            slot.at = slot.at.min(self.blocked_until.max(now + LONGEST_LEAD));
        }
        for ticket in &mut self.queue {
            ticket.expiry = ticket.expiry.min(now + LONGEST_SLEEP + TICKET_GRACE);
        }
        self.others.at = self.others.at.min(now);
        self.known.bound_times(now);
        is_ignored
    }
}

/// Returns the share that answers use after one more: as high as the highest, and slowly lower when
/// they are shorter.
fn new_share(share: u64, output: u64, max_tokens: u64) -> u64 {
    let used = u128::from(output) * u128::from(FULL_SHARE_PPM) / u128::from(max_tokens.max(1));
    let used = u64::try_from(used)
        .unwrap_or(FULL_SHARE_PPM)
        .min(FULL_SHARE_PPM);
    if used >= share {
        used
    } else {
        share - (share - used).div_ceil(2)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::window::WINDOW;
    use super::*;

    pub(in crate::pace) const NOW: u64 = 1_000_000 * SECOND;

    pub(in crate::pace) const COST: RequestCost = RequestCost {
        input: 10,
        max_tokens: 90,
        priority: RequestPriority::Person,
    };

    pub(in crate::pace) fn base(requests: Option<u64>, tokens: Option<u64>) -> BaseLimits {
        BaseLimits {
            configured: RateLimits { requests, tokens },
            ..BaseLimits::default()
        }
    }

    pub(in crate::pace) fn at(seconds: u64) -> u64 {
        NOW + seconds * SECOND
    }

    /// Returns a ledger for a server that counts the most that a request can use.
    fn strict() -> RateLimitLedger {
        RateLimitLedger {
            counts_maximum: true,
            ..RateLimitLedger::default()
        }
    }

    /// Returns the reservation of a request that is admitted.
    #[track_caller]
    pub(in crate::pace) fn goes(admission: Admission) -> ReservationId {
        let Admission::Admitted(Some(slot)) = admission else {
            panic!("{admission:?}")
        };
        slot
    }

    /// Returns the reservation of one that is not, and the seconds until its start.
    #[track_caller]
    pub(in crate::pace) fn waits(admission: Admission) -> (ReservationId, u64) {
        let Admission::Queued {
            id: Some(id),
            start,
            ..
        } = admission
        else {
            panic!("{admission:?}")
        };
        (id, (start - NOW) / SECOND)
    }

    #[test]
    fn the_first_request_waits_for_nothing_and_what_it_did_not_use_is_free_again() {
        let (mut ledger, base) = (strict(), base(None, Some(120)));
        let slot = goes(ledger.try_acquire(NOW, None, &COST, &base));
        let (ticket, start) = waits(ledger.try_acquire(NOW, None, &COST, &base));
        assert_eq!(start, 62);
        ledger.settle(
            slot,
            &COST,
            Some(NOW),
            RequestOutcome::Answered {
                input: 8,
                output: 2,
            },
        );
        goes(ledger.try_acquire(at(1), Some(ticket), &COST, &base));
        assert_eq!((ledger.slots[0].tokens, ledger.queue.len()), (10, 0));
    }

    #[test]
    fn a_request_that_was_never_sent_spreads_nothing_and_one_that_was_not_let_in_does() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(2), None));
        for second in 0..5 {
            let slot = goes(ledger.try_acquire(at(second), None, &COST, &base));
            ledger.release(at(second), slot, &base);
        }
        assert!(ledger.slots.is_empty());
        goes(ledger.try_acquire(at(5), None, &COST, &base));
        let slot = goes(ledger.try_acquire(at(5), None, &COST, &base));
        ledger.settle(slot, &COST, None, RequestOutcome::NotCounted);
        let (_, start) = waits(ledger.try_acquire(at(5), None, &COST, &base));
        assert!(start > 5, "{start}");
    }

    #[test]
    fn requests_are_admitted_in_order_and_users_go_before_a_batch() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        let slot = goes(ledger.try_acquire(NOW, None, &COST, &base));
        let batch = RequestCost {
            priority: RequestPriority::Batch,
            ..COST
        };
        let (first, _) = waits(ledger.try_acquire(NOW, None, &batch, &base));
        let (second, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
        let (third, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
        ledger.settle(slot, &COST, Some(NOW), RequestOutcome::NotCounted);
        waits(ledger.try_acquire(at(1), Some(first), &batch, &base));
        waits(ledger.try_acquire(at(1), Some(third), &COST, &base));
        waits(ledger.try_acquire(at(1), None, &COST, &base));
        goes(ledger.try_acquire(at(1), Some(second), &COST, &base));
    }

    #[test]
    fn a_ticket_whose_owner_no_longer_tries_lapses_and_so_does_a_slot() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        goes(ledger.try_acquire(NOW, None, &COST, &base));
        waits(ledger.try_acquire(NOW, None, &COST, &base));
        let (mine, start) = waits(ledger.try_acquire(NOW, None, &COST, &base));
        assert_eq!(start, 124);
        for second in (5..62).step_by(5) {
            waits(ledger.try_acquire(at(second), Some(mine), &COST, &base));
        }
        goes(ledger.try_acquire(at(62), Some(mine), &COST, &base));
    }

    #[test]
    fn a_ticket_lasts_until_its_start_and_is_not_changed_by_looking_at_it() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        goes(ledger.try_acquire(NOW, None, &COST, &base));
        let (mine, start) = waits(ledger.try_acquire(at(48), None, &COST, &base));
        assert_eq!(start, 62);
        let before = ledger.clone();
        waits(ledger.try_acquire(at(49), Some(mine), &COST, &base));
        assert_eq!(ledger, before);
        goes(ledger.try_acquire(at(71), Some(mine), &COST, &base));
    }

    #[test]
    fn the_earliest_start_counts_nothing_for_what_is_in_flight() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        let id = goes(ledger.try_acquire(NOW, None, &COST, &base));
        let earliest = |admission| {
            let Admission::Queued {
                start, retry_at, ..
            } = admission
            else {
                panic!("{admission:?}")
            };
            ((start - NOW) / SECOND, (retry_at - NOW) / SECOND)
        };
        let mut forecast = ledger.clone();
        let queued = forecast.try_acquire(NOW, None, &COST, &base);
        assert_eq!(earliest(queued), (62, 0));
        let answered = RequestOutcome::Answered {
            input: 10,
            output: 80,
        };
        ledger.settle(id, &COST, Some(NOW), answered);
        let queued = ledger.try_acquire(NOW, None, &COST, &base);
        assert_eq!(earliest(queued), (60, 60));
    }

    #[test]
    fn times_that_cannot_be_are_bounded_and_a_block_of_more_than_ten_minutes_is_ignored() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(1), None));
        goes(ledger.try_acquire(NOW, None, &COST, &base));
        waits(ledger.try_acquire(NOW, None, &COST, &base));
        let sound = ledger.clone();
        assert!(!ledger.bound_times(NOW));
        assert_eq!(ledger, sound);
        ledger.slots[0].at = u64::MAX - 3 * WINDOW;
        ledger.queue[0].expiry = u64::MAX;
        ledger.due = u64::MAX;
        ledger.others.at = u64::MAX;
        ledger.blocked_until = NOW + LONGEST_BLOCK + 1;
        assert!(ledger.bound_times(NOW));
        assert_eq!(ledger.blocked_until, 0);
        goes(ledger.try_acquire(at(64), None, &COST, &base));
        ledger.blocked_until = NOW + LONGEST_BLOCK;
        assert!(!ledger.bound_times(NOW));
    }

    #[test]
    fn a_request_that_starts_soon_has_its_slot_and_confirming_it_changes_nothing() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(60), None));
        let ahead =
            |ledger: &mut RateLimitLedger, now, id| ledger.acquire_ahead(now, id, &COST, &base);
        let mut admission = ahead(&mut ledger, NOW, None);
        while matches!(admission, Admission::Admitted(_)) {
            admission = ahead(&mut ledger, NOW, None);
        }
        let Admission::Queued {
            id: Some(id),
            start,
            retry_at,
            ..
        } = admission
        else {
            panic!("{admission:?}")
        };
        assert_eq!((start, ledger.queue.len()), (retry_at, 0));
        let booked = ledger.clone();
        waits(ahead(&mut ledger, start - 1, Some(id)));
        assert_eq!(goes(ahead(&mut ledger, start, Some(id))), id);
        assert_eq!(ledger, booked);
        assert_eq!(goes(ahead(&mut ledger, start + 3 * SECOND, Some(id))), id);
        assert_eq!(
            ledger.slots.last().map(|slot| slot.at),
            Some(start + 3 * SECOND)
        );
    }

    #[test]
    fn a_slot_that_a_429_overtakes_starts_when_the_block_is_over() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(60), None));
        let mut admission = ledger.acquire_ahead(NOW, None, &COST, &base);
        while matches!(admission, Admission::Admitted(_)) {
            admission = ledger.acquire_ahead(NOW, None, &COST, &base);
        }
        let id = admission.id();
        ledger.back_off(NOW, at(9), &base);
        let (_, start) = waits(ledger.acquire_ahead(at(2), id, &COST, &base));
        assert_eq!(start, 9);
        assert!(!ledger.bound_times(at(2)));
        goes(ledger.acquire_ahead(at(9), id, &COST, &base));
    }

    #[test]
    fn nobody_has_a_slot_before_those_ahead_of_it() {
        let (mut ledger, base) = (strict(), base(None, Some(100)));
        let first = goes(ledger.acquire_ahead(NOW, None, &COST, &base));
        let (second, _) = waits(ledger.acquire_ahead(at(40), None, &COST, &base));
        let (third, _) = waits(ledger.acquire_ahead(at(40), None, &COST, &base));
        assert_eq!(ledger.queue.len(), 2);
        ledger.settle(first, &COST, Some(NOW), RequestOutcome::Failed);
        waits(ledger.acquire_ahead(at(59), Some(third), &COST, &base));
        assert_eq!(ledger.slots.len(), 1);
        waits(ledger.acquire_ahead(at(59), Some(second), &COST, &base));
        assert_eq!((ledger.slots.len(), ledger.queue.len()), (2, 1));
        goes(ledger.acquire_ahead(at(60), Some(second), &COST, &base));
    }

    #[test]
    fn after_a_429_everybody_backs_off_with_limits_and_without() {
        for base in [base(None, None), base(Some(500), None)] {
            let mut ledger = RateLimitLedger::default();
            ledger.back_off(NOW, at(7), &base);
            let admission = ledger.try_acquire(at(1), None, &COST, &base);
            let Admission::Queued {
                id, start, reason, ..
            } = admission
            else {
                panic!("{admission:?}")
            };
            assert_eq!(
                (start, reason, id.is_some()),
                (at(7), WaitReason::BackOff(at(7)), base.configured.is_any())
            );
            assert!(matches!(
                ledger.try_acquire(at(7), id, &COST, &base),
                Admission::Admitted(_)
            ));
        }
    }

    #[test]
    fn answers_that_may_be_longer_than_the_limit_do_not_have_a_minute_each() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(None, Some(4000)));
        let cost = RequestCost {
            input: 10,
            max_tokens: 8192,
            priority: RequestPriority::Person,
        };
        for _ in 0..50 {
            let slot = goes(ledger.try_acquire(NOW, None, &cost, &base));
            ledger.settle(
                slot,
                &cost,
                Some(NOW),
                RequestOutcome::Answered {
                    input: 10,
                    output: 40,
                },
            );
        }
    }

    #[test]
    fn requests_reserve_what_answers_use_unless_the_server_counts_the_maximum() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(None, Some(1_000_000)));
        let cost = RequestCost {
            input: 10,
            max_tokens: 1000,
            priority: RequestPriority::Person,
        };
        for _ in 0..40 {
            let slot = goes(ledger.try_acquire(NOW, None, &cost, &base));
            ledger.settle(
                slot,
                &cost,
                None,
                RequestOutcome::Answered {
                    input: 10,
                    output: 100,
                },
            );
        }
        assert_eq!(ledger.reserved_tokens(&cost, base.configured), 110);
        let slot = goes(ledger.try_acquire(NOW, None, &cost, &base));
        let used = |used: u64| ReportedLimit {
            limit: 1_000_000,
            remaining: Some(1_000_000 - used),
        };
        for (left, expected) in [(40 * 110 + 1010, 1010), (40 * 110 + 10, 110)] {
            let received = ServerReport {
                requests: None,
                tokens: Some(used(left)),
            };
            ledger.observe(NOW, Some(slot), &cost, &received);
            assert_eq!(
                (
                    ledger.reserved_tokens(&cost, base.configured),
                    ledger.others.tokens
                ),
                (expected, 0)
            );
        }
        ledger.settle(
            slot,
            &cost,
            None,
            RequestOutcome::Answered {
                input: 10,
                output: 900,
            },
        );
        assert_eq!(ledger.reserved_tokens(&cost, base.configured), 910);
        ledger.back_off(NOW, NOW, &base);
        assert_eq!(ledger.reserved_tokens(&cost, base.configured), 1010);
    }

    #[test]
    fn settling_or_releasing_again_changes_nothing() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(100), Some(100_000)));
        let answered = RequestOutcome::Answered {
            input: 10,
            output: 20,
        };
        let id = goes(ledger.try_acquire(NOW, None, &COST, &base));
        ledger.settle(id, &COST, Some(at(1)), answered);
        let settled = ledger.clone();
        for outcome in [answered, RequestOutcome::Failed, RequestOutcome::NotCounted] {
            ledger.settle(id, &COST, Some(at(2)), outcome);
            assert_eq!(ledger, settled, "{outcome:?}");
        }
        ledger.release(at(2), id, &base);
        assert_eq!(ledger, settled, "what has ended is not given back");
        let id = goes(ledger.try_acquire(at(2), None, &COST, &base));
        ledger.release(at(2), id, &base);
        let released = ledger.clone();
        ledger.release(at(2), id, &base);
        ledger.settle(id, &COST, None, answered);
        assert_eq!(ledger, released);
    }

    #[test]
    fn a_released_place_in_the_queue_is_free_at_once() {
        let (mut ledger, base) = (strict(), base(None, Some(200)));
        goes(ledger.try_acquire(NOW, None, &COST, &base));
        let large = RequestCost { input: 110, ..COST };
        let (first, _) = waits(ledger.try_acquire(NOW, None, &large, &base));
        let (second, _) = waits(ledger.try_acquire(NOW, None, &COST, &base));
        ledger.release(at(1), first, &base);
        goes(ledger.try_acquire(at(1), Some(second), &COST, &base));
    }

    #[test]
    fn a_429_tells_how_much_is_allowed() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(100), Some(100_000)));
        for second in 0..40 {
            let id = goes(ledger.try_acquire(at(second), None, &COST, &base));
            ledger.settle(
                id,
                &COST,
                None,
                RequestOutcome::Answered {
                    input: 10,
                    output: 10,
                },
            );
        }
        let (refused, in_flight) = (
            goes(ledger.try_acquire(at(40), None, &COST, &base)),
            goes(ledger.try_acquire(at(40), None, &COST, &base)),
        );
        ledger.settle(refused, &COST, None, RequestOutcome::NotCounted);
        ledger.back_off(at(40), at(42), &base);
        let half = RateLimits {
            requests: Some(50),
            tokens: Some(50_000),
        };
        assert_eq!(
            ledger.known.in_force(at(40), &base),
            half,
            "it takes away half at the most"
        );
        ledger.settle(in_flight, &COST, None, RequestOutcome::NotCounted);
        ledger.back_off(at(41), at(42), &base);
        assert_eq!(
            ledger.known.in_force(at(41), &base),
            half,
            "those of one moment have one cause"
        );
        ledger.back_off(at(52), at(54), &base);
        assert_eq!(
            ledger.known.in_force(at(52), &base).requests,
            Some(40),
            "what was let in is allowed"
        );
    }

    #[test]
    fn what_is_left_shows_what_others_use() {
        let (mut ledger, base) = (RateLimitLedger::default(), base(Some(100), None));
        let id = goes(ledger.try_acquire(NOW, None, &COST, &base));
        let left = |remaining| ServerReport {
            requests: Some(ReportedLimit {
                limit: 100,
                remaining: Some(remaining),
            }),
            tokens: None,
        };
        ledger.observe(NOW, Some(id), &COST, &left(9));
        assert_eq!(ledger.others.requests, 90);
        for _ in 0..7 {
            goes(ledger.try_acquire(at(0), None, &COST, &base));
        }
        ledger.observe(at(30), Some(id), &COST, &left(0));
        let (_, start) = waits(ledger.try_acquire(at(30), None, &COST, &base));
        assert_eq!(start, 30, "92 in a minute are one after less than a second");
    }
}
