//! The ledger that a machine has for itself in an outage of the shared one, pure.
//!
//! It begins with the machine's share of what the shared ledger last counted, so that all machines
//! together stay within the limit. What is reserved in it is added to the shared one later.

use super::SECOND;
use super::known_limits::{BaseLimits, LearnedLimit, LimitShare};
use super::ledger::RateLimitLedger;
use super::outage::{ClockPair, LedgerPlace, choose_place};
use super::window::{
    BURST_PERCENT, RateLimits, ReservationHolder, ReservationId, WINDOW, WindowSlot,
};

/// Marks the ids of reservations in a machine's own ledger: those of shared ledgers count from the
/// time on, and have another half of the numbers.
const OWN_MARK: u64 = 1 << 63;

/// The bits that count the reservations of one ledger of a machine. Those between are the ledger's
/// own, at random, so that a reservation has one id everywhere.
const COUNT_BITS: u32 = 24;

/// How much later a time of the machine's own ledger has to be than that of the shared one to be
/// another: two looks at two clocks differ by what the answer takes.
const CLOCK_JITTER: u64 = SECOND / 4;

/// Returns whether a reservation is one of a machine's own ledger.
pub(super) fn is_own(id: ReservationId) -> bool {
    id.0 & OWN_MARK != 0
}

/// Returns what the ids of a machine's own ledger have in common.
fn id_group(id: u64) -> u64 {
    id >> COUNT_BITS
}

/// Creates a machine's own ledger for an outage that begins `now`, by this machine's clock.
/// `last_seen` is the shared ledger as it was last seen, and when; `base` has the machine's share
/// of the limits, and `random` is any number.
pub(super) fn begin_outage(
    last_seen: Option<(ClockPair, RateLimitLedger)>,
    base: &BaseLimits,
    now: u64,
    random: u64,
) -> RateLimitLedger {
    let Some((clocks, shared)) = last_seen else {
        return RateLimitLedger {
            next_id: first_id(random),
            ..RateLimitLedger::default()
        };
    };
    let mut own = share_of_ledger(&shared, clocks, base.share, random);
    let limits = own.known.in_force(now, base);
    let unseen = unseen_slots(&own.slots, limits, clocks.own, now);
    own.slots.extend(unseen);
    own
}

/// Turns to the machine's own ledger, unless it has already, because the shared one says that all
/// machines keep to their shares. That has just been read, so nothing in it is unseen.
pub(super) fn begin_hold(
    own: &mut RateLimitLedger,
    shared: &RateLimitLedger,
    clocks: ClockPair,
    share: LimitShare,
    random: u64,
) {
    if choose_place(own, clocks.own, false) != LedgerPlace::Shared {
        return;
    }
    *own = RateLimitLedger {
        outage_at: clocks.to_own(shared.outage_at),
        ..share_of_ledger(shared, clocks, share, random)
    };
}

/// Returns the id of the first reservation of a machine's own ledger.
fn first_id(random: u64) -> u64 {
    OWN_MARK | random << COUNT_BITS
}

/// Returns a machine's own ledger that begins with its share of what the shared one counts.
fn share_of_ledger(
    shared: &RateLimitLedger,
    clocks: ClockPair,
    share: LimitShare,
    random: u64,
) -> RateLimitLedger {
    let mut known = shared.known;
    known.reported.at = clocks.to_own(known.reported.at);
    // What was inferred is what all machines may use.
    known.inferred = LearnedLimit {
        at: clocks.to_own(known.inferred.at),
        limits: share.of_limits(known.inferred.limits),
    };
    RateLimitLedger {
        next_id: first_id(random),
        blocked_until: match shared.blocked_until {
            0 => 0,
            until => clocks.to_own(until),
        },
        known,
        output_share: shared.output_share,
        counts_maximum: shared.counts_maximum,
        slots: share_of_slots(&shared.slots, share, clocks),
        ..RateLimitLedger::default()
    }
}

/// Returns slots for what others may have begun since the shared ledger was last seen: as much as
/// comes in that time and a burst, if there was room for it. Nothing where that is so long ago that
/// it says nothing of others.
pub(super) fn unseen_slots(
    slots: &[WindowSlot],
    limits: RateLimits,
    seen_at: u64,
    now: u64,
) -> Vec<WindowSlot> {
    let unseen_for = now.saturating_sub(seen_at);
    if unseen_for >= 2 * WINDOW {
        return Vec::new();
    }
    let time = (unseen_for + WINDOW * BURST_PERCENT / 100).min(WINDOW);
    let part = |limit: u64, seen: u64| {
        let most = u128::from(limit) * u128::from(time) / u128::from(WINDOW);
        let room = limit.saturating_sub(seen);
        u64::try_from(most).unwrap_or(limit).min(room)
    };
    let counting = slots.iter().filter(|slot| now < slot.expiry());
    let (requests, tokens) = counting.fold((0, 0_u64), |(requests, tokens), slot| {
        (requests + 1, tokens.saturating_add(slot.tokens))
    });
    let requests = limits.requests.map_or(1, |limit| part(limit, requests));
    let tokens = limits.tokens.map_or(0, |limit| part(limit, tokens));
    let of_each = tokens.div_ceil(requests.max(1));
    let unseen = (0..requests).map(|_| WindowSlot {
        id: ReservationId(0),
        holder: ReservationHolder::default(),
        at: now,
        tokens: of_each,
        most: of_each,
        has_ended: true,
    });
    unseen.collect()
}

/// Returns a machine's share of what counts: at any time at least that part of the requests, and of
/// the tokens.
fn share_of_slots(slots: &[WindowSlot], share: LimitShare, clocks: ClockPair) -> Vec<WindowSlot> {
    let mut latest_first: Vec<&WindowSlot> = slots.iter().collect();
    latest_first.sort_unstable_by_key(|slot| std::cmp::Reverse(slot.expiry()));
    let mut kept: Vec<WindowSlot> = Vec::new();
    let (mut requests, mut tokens) = (0, 0_u64);
    for slot in latest_first {
        let (had_requests, had_tokens) = (share.of_usage(requests), share.of_usage(tokens));
        requests += 1;
        tokens = tokens.saturating_add(slot.tokens);
        let more = share.of_usage(tokens) - had_tokens;
        if share.of_usage(requests) > had_requests {
            kept.push(WindowSlot {
                at: clocks.to_own(slot.at),
                tokens: more,
                most: more,
                ..slot.clone()
            });
        } else if let Some(last) = kept.last_mut() {
            last.tokens = last.tokens.saturating_add(more);
        }
    }
    kept
}

/// Has the shared ledger count what a machine has in its own: adds and updates it, and drops what
/// was released. Doing so again changes nothing, and what another process of the machine has
/// reported since `own` was read stays as it is: a request that is not in `own` yet, or that waits
/// in its queue there, may have been sent meanwhile. A 429 that the machine got holds back all.
pub(super) fn add_own_usage(
    shared: &mut RateLimitLedger,
    own: &RateLimitLedger,
    machine: u64,
    clocks: ClockPair,
) {
    let blocked_until = clocks.to_server(own.blocked_until);
    if own.blocked_until > clocks.own && blocked_until > shared.blocked_until + CLOCK_JITTER {
        shared.blocked_until = blocked_until;
    }
    // The own ledger also has a share of what others had used before.
    let group = id_group(own.next_id);
    let is_its = |slot: &WindowSlot| is_own(slot.id) && id_group(slot.id.0) == group;
    let has = |id| own.slots.iter().any(|slot| slot.id == id);
    let may_be_newer =
        |id: ReservationId| id.0 >= own.next_id || own.queue.iter().any(|ticket| ticket.id == id);
    shared
        .slots
        .retain(|slot| !is_its(slot) || has(slot.id) || may_be_newer(slot.id));
    for slot in own.slots.iter().filter(|slot| is_its(slot)) {
        let mut added = WindowSlot {
            at: clocks.to_server(slot.at).min(clocks.server),
            ..slot.clone()
        };
        added.holder.machine = machine;
        let known = shared.slots.iter_mut().find(|known| known.id == slot.id);
        match known {
            Some(known) if known.has_ended == added.has_ended => {
                if added.at <= known.at + CLOCK_JITTER {
                    added.at = known.at;
                }
                *known = added;
            }
            Some(known) if known.has_ended => {}
            Some(known) => *known = added,
            None => shared.slots.push(added),
        }
    }
}

#[cfg(test)]
mod tests;
