//! The ledger as bytes: a row of numbers of eight bytes each, the first a mark and the second a
//! checksum of all that follow.
//!
//! It is read and written for every request, so it has no names and no text to parse.

use super::admission::{RequestCost, RequestPriority};
use super::known_limits::{KnownLimits, LearnedLimit};
use super::ledger::{FULL_SHARE_PPM, QueueTicket, RateLimitLedger, SHARE_BASIS};
use super::window::{OtherUsage, RateLimits, ReservationHolder, ReservationId, WindowSlot};

/// The first number; its last character is the version.
const MARK: u64 = u64::from_be_bytes([b'l', b'd', b'p', b'a', b'c', b'e', b'\n', VERSION]);

/// The version of the format.
const VERSION: u8 = b'2';

/// What a ledger's file name ends with: another format has another file.
pub(super) const FILE_SUFFIX: &str = ".v2";

/// The numbers of the head, with mark and sum.
const HEAD: usize = 23;

/// The numbers of a slot and of a ticket.
const ROW: usize = 7;

/// The length in bytes of what tells any two ledgers apart: the mark, the checksum and the
/// revision.
const FENCE_BYTES: usize = 24;

/// The longest ledger that is read, in bytes: more rows than any minute has.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Why bytes are not a ledger that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnreadableLedger {
    /// They are damaged, or something else altogether.
    Damaged,
    /// A newer version of the program has written them.
    Newer,
}

/// Returns what tells written ledgers apart: whoever has read one with this fence replaces no
/// other.
pub(super) fn fence_of(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(FENCE_BYTES)]
}

/// Writes a ledger.
pub(super) fn to_bytes(ledger: &RateLimitLedger) -> Vec<u8> {
    let rows = ledger.slots.len() + ledger.queue.len();
    let mut numbers = Vec::with_capacity(HEAD + rows * ROW);
    let RateLimitLedger { others, known, .. } = ledger;
    let KnownLimits { reported, inferred } = known;
    numbers.extend([
        MARK,
        0,
        ledger.revision,
        ledger.outage_at,
        ledger.probed_at,
        ledger.slots.len() as u64,
        ledger.queue.len() as u64,
        ledger.last,
        ledger.next_id,
        ledger.blocked_until,
        ledger.due,
        others.at,
        others.requests,
        others.tokens,
        reported.at,
        limit_to_number(reported.limits.requests),
        limit_to_number(reported.limits.tokens),
        inferred.at,
        limit_to_number(inferred.limits.requests),
        limit_to_number(inferred.limits.tokens),
        ledger.output_share,
        u64::from(ledger.counts_maximum),
        SHARE_BASIS,
    ]);
    for slot in &ledger.slots {
        numbers.extend([
            slot.id.0,
            slot.at,
            slot.tokens,
            slot.most,
            u64::from(slot.has_ended),
            slot.holder.machine,
            u64::from(slot.holder.process),
        ]);
    }
    for ticket in &ledger.queue {
        let RequestCost {
            input,
            max_tokens,
            priority,
        } = ticket.cost;
        let is_batch = u64::from(priority == RequestPriority::Batch);
        numbers.extend([
            ticket.id.0,
            ticket.expiry,
            input,
            max_tokens,
            is_batch,
            ticket.holder.machine,
            u64::from(ticket.holder.process),
        ]);
    }
    numbers[1] = checksum(&numbers[2..]);
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// Reads a ledger. No bytes at all are an empty ledger.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<RateLimitLedger, UnreadableLedger> {
    if bytes.is_empty() {
        return Ok(RateLimitLedger::default());
    }
    let (numbers, _) = bytes.as_chunks::<8>();
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
        .collect();
    let [program @ .., version] = numbers.first().copied().unwrap_or_default().to_be_bytes();
    if MARK.to_be_bytes().starts_with(&program) && (VERSION + 1..=b'z').contains(&version) {
        return Err(UnreadableLedger::Newer);
    }
    from_numbers(&numbers).ok_or(UnreadableLedger::Damaged)
}

fn from_numbers(numbers: &[u64]) -> Option<RateLimitLedger> {
    let head: &[u64; HEAD] = numbers.first_chunk()?;
    let (slots, tickets) = (
        usize::try_from(head[5]).ok()?,
        usize::try_from(head[6]).ok()?,
    );
    let length = slots
        .checked_add(tickets)?
        .checked_mul(ROW)?
        .checked_add(HEAD)?;
    // The rest may be the end of a longer ledger, if its writer was killed before it could truncate
    // the file.
    let numbers = numbers.get(..length)?;
    if head[0] != MARK || head[1] != checksum(&numbers[2..]) {
        return None;
    }
    let (rows, _) = numbers[HEAD..].as_chunks::<ROW>();
    Some(RateLimitLedger {
        revision: head[2],
        outage_at: head[3],
        probed_at: head[4],
        last: head[7],
        next_id: head[8],
        blocked_until: head[9],
        due: head[10],
        others: OtherUsage {
            at: head[11],
            requests: head[12],
            tokens: head[13],
        },
        known: KnownLimits {
            reported: LearnedLimit {
                at: head[14],
                limits: limits_from(head[15], head[16]),
            },
            inferred: LearnedLimit {
                at: head[17],
                limits: limits_from(head[18], head[19]),
            },
        },
        output_share: if head[22] == SHARE_BASIS {
            head[20]
        } else {
            FULL_SHARE_PPM
        },
        counts_maximum: head[21] != 0,
        slots: rows[..slots].iter().map(slot_from).collect(),
        queue: rows[slots..].iter().map(ticket_from).collect(),
    })
}

fn slot_from(&[id, at, tokens, most, ended, machine, process]: &[u64; ROW]) -> WindowSlot {
    WindowSlot {
        id: ReservationId(id),
        holder: holder_from(machine, process),
        at,
        tokens,
        most,
        has_ended: ended != 0,
    }
}

fn ticket_from(
    &[id, expiry, input, max_tokens, is_batch, machine, process]: &[u64; ROW],
) -> QueueTicket {
    QueueTicket {
        id: ReservationId(id),
        holder: holder_from(machine, process),
        expiry,
        cost: RequestCost {
            input,
            max_tokens,
            priority: if is_batch == 0 {
                RequestPriority::Person
            } else {
                RequestPriority::Batch
            },
        },
    }
}

fn holder_from(machine: u64, process: u64) -> ReservationHolder {
    ReservationHolder {
        machine,
        process: u32::try_from(process).unwrap_or_default(),
    }
}

/// Returns a limit as a number; none is 0, which no limit is.
fn limit_to_number(limit: Option<u64>) -> u64 {
    limit.unwrap_or(0)
}

fn limits_from(requests: u64, tokens: u64) -> RateLimits {
    let limit = |number| Some(number).filter(|number| *number > 0);
    RateLimits {
        requests: limit(requests),
        tokens: limit(tokens),
    }
}

/// Returns a sum that another order or a missing number changes.
fn checksum(numbers: &[u64]) -> u64 {
    numbers.iter().fold(MARK, |sum, number| {
        (sum ^ number)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> RateLimitLedger {
        RateLimitLedger {
            last: 7,
            revision: 10,
            outage_at: 11,
            probed_at: 12,
            next_id: 9,
            blocked_until: 8,
            due: 1,
            others: OtherUsage {
                at: 3,
                requests: 4,
                tokens: 5,
            },
            known: KnownLimits {
                reported: LearnedLimit {
                    at: 6,
                    limits: RateLimits {
                        requests: Some(500),
                        tokens: None,
                    },
                },
                inferred: LearnedLimit {
                    at: 2,
                    limits: RateLimits {
                        requests: None,
                        tokens: Some(60),
                    },
                },
            },
            output_share: 17,
            counts_maximum: true,
            slots: vec![WindowSlot {
                id: ReservationId(1),
                holder: holder_from(12, 13),
                at: 2,
                tokens: 3,
                most: 4,
                has_ended: true,
            }],
            queue: vec![
                QueueTicket {
                    id: ReservationId(5),
                    holder: holder_from(14, 15),
                    expiry: 6,
                    cost: RequestCost {
                        input: 7,
                        max_tokens: 8,
                        priority: RequestPriority::Batch,
                    },
                },
                QueueTicket {
                    id: ReservationId(6),
                    holder: holder_from(16, 17),
                    expiry: 6,
                    cost: RequestCost {
                        input: 7,
                        max_tokens: 8,
                        priority: RequestPriority::Person,
                    },
                },
            ],
        }
    }

    #[test]
    fn a_written_ledger_reads_back_equal() {
        assert_eq!(from_bytes(&to_bytes(&ledger())), Ok(ledger()));
        assert_eq!(from_bytes(b""), Ok(RateLimitLedger::default()));
    }

    #[test]
    fn a_share_that_was_learned_with_another_default_of_max_tokens_does_not_count() {
        let bytes = to_bytes(&ledger());
        let (numbers, _) = bytes.as_chunks::<8>();
        let mut numbers: Vec<u64> = numbers
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        numbers[22] = 0;
        numbers[1] = checksum(&numbers[2..]);
        let older: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let expected = RateLimitLedger {
            output_share: FULL_SHARE_PPM,
            ..ledger()
        };
        assert_eq!(from_bytes(&older), Ok(expected));
    }

    #[test]
    fn a_ledger_that_is_truncated_changed_or_foreign_is_not_read() {
        let bytes = to_bytes(&ledger());
        for length in 1..bytes.len() {
            let read = from_bytes(&bytes[..length]);
            assert_eq!(read, Err(UnreadableLedger::Damaged), "{length}");
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x40;
            let is_newer = place == 0 && changed[0] > VERSION && changed[0] <= b'z';
            let expected = if is_newer {
                UnreadableLedger::Newer
            } else {
                UnreadableLedger::Damaged
            };
            assert_eq!(from_bytes(&changed), Err(expected), "{place}");
        }
        assert_eq!(
            from_bytes(&[bytes.as_slice(), &[7; 41]].concat()),
            Ok(ledger()),
            "the end of a longer one"
        );
        assert_eq!(from_bytes(b"{\"a\": 1}"), Err(UnreadableLedger::Damaged));
    }

    #[test]
    fn a_ledger_of_a_newer_version_is_known_as_one_and_one_of_an_older_version_is_not_read() {
        for (version, expected) in [
            (b'3', UnreadableLedger::Newer),
            (b'1', UnreadableLedger::Damaged),
        ] {
            let mut bytes = to_bytes(&ledger());
            // The mark is written with its last character first.
            bytes[0] = version;
            assert_eq!(from_bytes(&bytes), Err(expected));
            assert_eq!(from_bytes(&bytes[..8]), Err(expected));
        }
    }

    #[test]
    fn two_ledgers_have_different_fences_if_only_their_revision_differs() {
        let bytes = to_bytes(&ledger());
        let next = to_bytes(&RateLimitLedger {
            revision: 11,
            ..ledger()
        });
        assert_ne!(fence_of(&bytes), fence_of(&next));
        assert_eq!(fence_of(b""), b"");
    }
}
