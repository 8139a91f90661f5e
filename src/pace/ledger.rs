//! The rate-limit ledger, pure: each operation is given the time, and leaves the ledger complete.
//!
//! A request that cannot begin at once takes a ticket and tries again. A ticket keeps its place:
//! first come, first served, but work of a batch queues behind that of users. No notifications are
//! needed: a ticket whose owner no longer tries lapses, and so does the slot of an owner that never
//! says how its request ended.

use super::SECOND;
use super::admission::{Admission, RequestCost, RequestOutcome, RequestPriority, WaitReason};
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
    /// When the shared ledger was last out of reach: in the ledger that a machine has instead, of
    /// this machine; in the shared one, of any.
    pub(super) outage_at: u64,
    /// When a machine last began to try the shared ledger that is out of reach; 0 once that has
    /// answered.
    pub(super) probed_at: u64,
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
            probed_at: 0,
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
    /// Creates an empty ledger whose reservations have different ids from those of any earlier one:
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

    pub(super) fn add_slot(
        &mut self,
        id: ReservationId,
        start: u64,
        cost: &RequestCost,
        limits: RateLimits,
    ) {
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

    /// Returns whether a report has different limits from the one before, or comes long enough
    /// after it to be worth noting.
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

    /// Returns how long a request has to wait that is to begin at once, whoever waits in the queue;
    /// none where there is room for it.
    pub(super) fn refuse_now(
        &self,
        now: u64,
        cost: &RequestCost,
        base: &BaseLimits,
    ) -> Option<Admission> {
        let limits = self.known.in_force(now, base);
        let begin = now.max(self.blocked_until);
        let mut forecast = WindowForecast::new(limits, &self.slots, self.others, begin, 0);
        let start = forecast.place_request(self.reserved_tokens(cost, limits));
        let reason = if self.blocked_until > now {
            WaitReason::BackOff(self.blocked_until)
        } else {
            WaitReason::Limits(limits)
        };
        (start > now).then_some(Admission::Queued {
            id: None,
            start,
            retry_at: start,
            reason,
        })
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

    /// Drops the tickets of these holders.
    pub(super) fn drop_tickets(&mut self, of: impl Fn(ReservationHolder) -> bool) {
        self.queue.retain(|ticket| !of(ticket.holder));
    }

    /// Leaves out in which scopes the owners of tickets are, in the ledger of one machine.
    pub(super) fn forget_scopes(&mut self) {
        for ticket in &mut self.queue {
            ticket.holder.machine = 0;
        }
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
        self.outage_at = self.outage_at.min(now);
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
pub(super) mod tests;
