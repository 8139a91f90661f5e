//! The ledger as bytes: a row of numbers of eight bytes each, the first a mark and the second a
//! checksum of all that follow.
//!
//! It is read and written for every request, so it has no names and no text to parse.

use super::known_limits::{KnownLimits, LearnedLimit};
use super::ledger::{
    FULL_SHARE_PPM, QueueTicket, RateLimitLedger, RequestCost, RequestPriority, SHARE_BASIS,
};
use super::window::{OtherUsage, RateLimits, ReservationId, WindowSlot};

/// The first number; its last character is the version.
const MARK: u64 = u64::from_be_bytes(*b"ldpace\n1");

/// The numbers of the head, with mark and sum.
const HEAD: usize = 20;

/// The numbers of a slot and of a ticket.
const ROW: usize = 5;

/// The longest ledger that is read, in bytes: more rows than any minute has.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Writes a ledger.
pub(super) fn to_bytes(ledger: &RateLimitLedger) -> Vec<u8> {
    let rows = ledger.slots.len() + ledger.queue.len();
    let mut numbers = Vec::with_capacity(HEAD + rows * ROW);
    let RateLimitLedger { others, known, .. } = ledger;
    let KnownLimits { reported, inferred } = known;
    numbers.extend([
        MARK,
        0,
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
        ]);
    }
    for ticket in &ledger.queue {
        let RequestCost {
            input,
            max_tokens,
            priority,
        } = ticket.cost;
        let is_batch = u64::from(priority == RequestPriority::Batch);
        numbers.extend([ticket.id.0, ticket.seen, input, max_tokens, is_batch]);
    }
    numbers[1] = checksum(&numbers[2..]);
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// Reads a ledger; none where the bytes are not one. No bytes at all are an empty ledger.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<RateLimitLedger> {
    if bytes.is_empty() {
        return Some(RateLimitLedger::default());
    }
    let (numbers, _) = bytes.as_chunks::<8>();
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
        .collect();
    let head: &[u64; HEAD] = numbers.first_chunk()?;
    let (slots, tickets) = (
        usize::try_from(head[2]).ok()?,
        usize::try_from(head[3]).ok()?,
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
        last: head[4],
        next_id: head[5],
        blocked_until: head[6],
        due: head[7],
        others: OtherUsage {
            at: head[8],
            requests: head[9],
            tokens: head[10],
        },
        known: KnownLimits {
            reported: LearnedLimit {
                at: head[11],
                limits: limits_from(head[12], head[13]),
            },
            inferred: LearnedLimit {
                at: head[14],
                limits: limits_from(head[15], head[16]),
            },
        },
        output_share: if head[19] == SHARE_BASIS {
            head[17]
        } else {
            FULL_SHARE_PPM
        },
        counts_maximum: head[18] != 0,
        slots: rows[..slots]
            .iter()
            .map(|&[id, at, tokens, most, ended]| WindowSlot {
                id: ReservationId(id),
                at,
                tokens,
                most,
                has_ended: ended != 0,
            })
            .collect(),
        queue: rows[slots..]
            .iter()
            .map(|&[id, seen, input, max_tokens, is_batch]| QueueTicket {
                id: ReservationId(id),
                seen,
                cost: RequestCost {
                    input,
                    max_tokens,
                    priority: if is_batch == 0 {
                        RequestPriority::Person
                    } else {
                        RequestPriority::Batch
                    },
                },
            })
            .collect(),
    })
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
                at: 2,
                tokens: 3,
                most: 4,
                has_ended: true,
            }],
            queue: vec![
                QueueTicket {
                    id: ReservationId(5),
                    seen: 6,
                    cost: RequestCost {
                        input: 7,
                        max_tokens: 8,
                        priority: RequestPriority::Batch,
                    },
                },
                QueueTicket {
                    id: ReservationId(6),
                    seen: 6,
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
        assert_eq!(from_bytes(&to_bytes(&ledger())), Some(ledger()));
        assert_eq!(from_bytes(b""), Some(RateLimitLedger::default()));
    }

    #[test]
    fn a_share_that_was_learned_with_another_default_of_max_tokens_does_not_count() {
        let bytes = to_bytes(&ledger());
        let (numbers, _) = bytes.as_chunks::<8>();
        let mut numbers: Vec<u64> = numbers
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        numbers[19] = 0;
        numbers[1] = checksum(&numbers[2..]);
        let older: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let expected = RateLimitLedger {
            output_share: FULL_SHARE_PPM,
            ..ledger()
        };
        assert_eq!(from_bytes(&older), Some(expected));
    }

    #[test]
    fn a_ledger_that_is_truncated_changed_or_foreign_is_not_read() {
        let bytes = to_bytes(&ledger());
        for length in 1..bytes.len() {
            assert_eq!(from_bytes(&bytes[..length]), None, "{length}");
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x40;
            assert_eq!(from_bytes(&changed), None, "{place}");
        }
        assert_eq!(
            from_bytes(&[bytes.as_slice(), &[7; 41]].concat()),
            Some(ledger()),
            "the end of a longer one"
        );
        assert_eq!(from_bytes(b"{\"a\": 1}"), None);
    }
}
