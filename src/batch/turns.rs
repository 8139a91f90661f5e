//! Records that come as they are done and go out in the order of their items.
//!
//! Nothing is held without bounds: where too much waits for a slow item, no further one is begun.

use std::collections::BTreeMap;

/// The most records that wait for their turn.
const MOST: usize = 1000;

/// The most that they may take, in bytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Records that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The item whose turn it is.
    next: u64,
    /// None: the item has no record.
    waiting: BTreeMap<u64, Option<String>>,
    bytes: usize,
}

impl Turns {
    /// Takes the record of an item, or that it has none. Gives the records whose turn it is now,
    /// one after the other.
    pub(crate) fn take(&mut self, index: u64, record: Option<String>) -> String {
        self.bytes += record.as_ref().map_or(0, String::len);
        self.waiting.insert(index, record);
        let mut ready = String::new();
        while let Some(record) = self.waiting.remove(&self.next) {
            self.next += 1;
            let record = record.unwrap_or_default();
            self.bytes -= record.len();
            ready.push_str(&record);
        }
        ready
    }

    /// Whether a further item may be begun.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MOST && self.bytes < MOST_BYTES
    }

    /// All that still waits, in order: nothing comes any more for which it would have to.
    pub(crate) fn rest(&mut self) -> String {
        std::mem::take(&mut self.waiting)
            .into_values()
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_out_in_order_each_as_soon_as_it_can() {
        let mut turns = Turns::default();
        let record = |text: &str| Some(text.to_owned());
        assert_eq!(turns.take(2, record("c")), "");
        assert_eq!(turns.take(0, record("a")), "a");
        assert_eq!(turns.take(4, record("e")), "");
        assert_eq!(turns.take(1, None), "c");
        assert_eq!(turns.take(3, record("d")), "de");
        assert_eq!(turns.take(6, record("g")), "");
        assert_eq!(turns.rest(), "g");
    }

    #[test]
    fn a_slow_item_does_not_gather_others_without_end() {
        let mut turns = Turns::default();
        let begun = (1..).take_while(|&index| {
            let has_room = turns.has_room();
            turns.take(index, Some("x".to_owned()));
            has_room
        });
        assert_eq!(begun.count(), MOST);
        let mut turns = Turns::default();
        turns.take(1, Some("x".repeat(MOST_BYTES)));
        assert!(!turns.has_room());
        turns.take(0, None);
        assert!(turns.has_room());
    }
}
