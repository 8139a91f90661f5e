//! Where a text may have a secret: at the places where the first three bytes of an anchor are.
//!
//! Two tables of bits are made at compile time. One has the first and second, and the second and
//! third byte of each anchor: so it is enough to look up every other pair of the text in it. The
//! other one has the hash of the first three bytes, since pairs are common. A place that is in both
//! is compared with the anchors themselves.

use super::rules::{RULES, SecretRule};

/// How many bytes of an anchor are hashed.
const HASHED_BYTES: usize = 3;

/// The bits of the pairs, 64 in an element.
static PAIR_BITS: [u64; 1024] = ANCHOR_TABLES.pair_bits;

/// The bits of the hashes, 64 in an element.
static BITS: [u64; 1024] = ANCHOR_TABLES.bits;

/// For each byte: the rules that have an anchor that begins with it, a bit each.
static RULES_BY_BYTE: [u64; 256] = ANCHOR_TABLES.rules_by_byte;

/// All tables, as they are made.
struct AnchorTables {
    pair_bits: [u64; 1024],
    bits: [u64; 1024],
    rules_by_byte: [u64; 256],
}

const ANCHOR_TABLES: AnchorTables = anchor_tables();

const fn anchor_tables() -> AnchorTables {
    assert!(RULES.len() <= u64::BITS as usize, "a rule has one bit");
    let mut tables = AnchorTables {
        pair_bits: [0; 1024],
        bits: [0; 1024],
        rules_by_byte: [0; 256],
    };
    let mut rule = 0;
    while rule < RULES.len() {
        let anchors = &RULES[rule].anchors;
        let mut at = 0;
        while at < anchors.len() {
            if at == 0 || anchors.byte(at - 1) == b' ' {
                let first = anchors.byte(at);
                let three = [first, anchors.byte(at + 1), anchors.byte(at + 2), 0];
                let (element, bit) = place_of_pair([three[0], three[1]]);
                tables.pair_bits[element] |= bit;
                let (element, bit) = place_of_pair([three[1], three[2]]);
                tables.pair_bits[element] |= bit;
                let (element, bit) = place_of(three);
                tables.bits[element] |= bit;
                tables.rules_by_byte[first as usize] |= 1 << rule;
            }
            at += 1;
        }
        rule += 1;
    }
    tables
}

/// Returns the element and the bit of two bytes.
const fn place_of_pair(bytes: [u8; 2]) -> (usize, u64) {
    let pair = u16::from_le_bytes(bytes);
    ((pair >> 6) as usize, 1 << (pair & 63))
}

/// Returns the element and the bit of the first three of these bytes, which are read as one number.
const fn place_of(bytes: [u8; 4]) -> (usize, u64) {
    let hashed = (u32::from_le_bytes(bytes) & 0x00ff_ffff).wrapping_mul(0x9e37_79b1) >> 16;
    ((hashed >> 6) as usize, 1 << (hashed & 63))
}

/// An anchor that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnchorHit {
    /// The index of the rule in the table.
    pub(super) rule: usize,
    /// Where the anchor begins.
    pub(super) at: usize,
}

/// Calls `found` for each anchor in a text, from its beginning to its end, and for several at one
/// place in the order of the table.
pub(super) fn for_each_anchor(text: &[u8], mut found: impl FnMut(AnchorHit)) {
    let (pairs, _) = text.as_chunks();
    for (index, pair) in pairs.iter().enumerate() {
        let (element, bit) = place_of_pair(*pair);
        if PAIR_BITS[element] & bit != 0 {
            let at = 2 * index;
            for at in at.saturating_sub(1)..=at {
                if is_hashed(&text[at..]) {
                    rules_at(text, at, &mut found);
                }
            }
        }
    }
}

/// Whether the first three bytes may be those of an anchor.
#[cold]
fn is_hashed(rest: &[u8]) -> bool {
    let Some(three) = rest.first_chunk::<HASHED_BYTES>() else {
        return false;
    };
    let (element, bit) = place_of([three[0], three[1], three[2], 0]);
    BITS[element] & bit != 0
}

/// Calls `found` for the rules that have an anchor here.
#[cold]
fn rules_at(text: &[u8], at: usize, found: &mut impl FnMut(AnchorHit)) {
    let rest = &text[at..];
    let is_here = |anchor: &[u8]| rest.starts_with(anchor);
    let mut bits = RULES_BY_BYTE[usize::from(rest[0])];
    while bits != 0 {
        let rule = bits.trailing_zeros() as usize;
        bits &= bits - 1;
        let SecretRule { anchors, leads, .. } = &RULES[rule];
        if anchors.words().any(is_here) && (leads.1 > 0 || begins_word(text, at)) {
            found(AnchorHit { rule, at });
        }
    }
}

/// Returns whether no word goes on here. The letter of an escape such as `\n` does not count as
/// one.
fn begins_word(text: &[u8], at: usize) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match text[..at] {
        [] => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., before] => !is_word(before) || !is_word(text[at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(text: &str) -> Vec<(&'static str, usize)> {
        let mut names = Vec::new();
        for_each_anchor(text.as_bytes(), |hit| {
            names.push((RULES[hit.rule].name.as_str(), hit.at));
        });
        names
    }

    #[test]
    fn an_anchor_is_found_where_a_word_begins() {
        assert_eq!(names_in("x=ghp_ y"), [("github-token", 2)]);
        assert_eq!(names_in("ghp_"), [("github-token", 0)]);
        assert_eq!(names_in(r#""a\nghp_""#), [("github-token", 4)]);
        assert_eq!(names_in("aghp_ _ghp_ ghp ghp"), []);
        assert_eq!(names_in("gh"), []);
    }

    #[test]
    fn an_anchor_with_a_lead_may_be_inside_a_word() {
        assert_eq!(names_in("1:AA"), [("telegram-bot-token", 1)]);
        assert_eq!(names_in("aws_secret_access_key"), [("aws-secret-key", 5)]);
    }

    #[test]
    fn an_anchor_is_found_at_every_place_of_a_text() {
        for before in 0..5 {
            for after in 0..3 {
                let text = format!("{}ghp_{}", " ".repeat(before), ".".repeat(after));
                assert_eq!(names_in(&text), [("github-token", before)]);
            }
        }
    }

    #[test]
    fn several_anchors_at_one_place_come_in_the_order_of_the_table() {
        let expected = [("anthropic-key", 0), ("sk-key", 0)];
        assert_eq!(names_in("sk-ant-"), expected);
    }
}
