//! The key of an item: a number derived from its bytes. It decides which shard the item belongs to,
//! and `merge` uses it to find the item of a record.
//!
//! The definition is fixed for good: machines with different versions must agree on it, and so must
//! the runs of one batch. The key is the first eight bytes of the SHA-256 of the item, as a
//! big-endian number. The bytes of an item are those of its line, without the line ending (LF or CR
//! LF) and without a byte order mark before the first line; for a file, those of its path as it was
//! given. The key of the line `abc` is `ba7816bf8f01cfea`.

use std::fmt;

use ring::digest::{SHA256, digest};

/// The key of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ItemKey(u64);

impl ItemKey {
    /// Returns the key of the item with these bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let digest = digest(&SHA256, bytes);
        let first = digest.as_ref().first_chunk();
        Self(u64::from_be_bytes(*first.expect("a SHA-256 has 32 bytes")))
    }

    /// Parses a key in the form used in records: 16 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_key = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_key.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }

    /// Creates a key from its number.
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the key as a number.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fixed_for_good() {
        // The first is the test vector of FIPS 180-4.
        for (item, expected) in [
            ("abc", "ba7816bf8f01cfea"),
            ("Name three rivers.", "c9e176c48d87045b"),
            ("Die Elbe", "f4837fb49c7e8a4b"),
        ] {
            let key = ItemKey::from_bytes(item.as_bytes());
            assert_eq!(key.to_string(), expected, "{item}");
            assert_eq!(ItemKey::parse(expected), Some(key));
        }
        for text in [
            "",
            "ba7816bf8f01cfe",
            "+a7816bf8f01cfea",
            "ba7816bf8f01cfea0",
        ] {
            assert_eq!(ItemKey::parse(text), None, "{text}");
        }
    }
}
