//! Puts records, which finish in any order, into the order of their items.
//!
//! Memory is bounded: when too many records wait for a slow item, no further one is started.

use std::collections::BTreeMap;

/// Maximum number of waiting records.
const MAX_WAITING: usize = 1000;

/// Maximum size of the waiting records, in bytes.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Records that wait for those before them.
#[derive(Debug, Default)]
pub(crate) struct OrderedRecords {
    /// The number in this run of the next item to write.
    next: u64,
    /// `None` if the item has no record.
    waiting: BTreeMap<u64, Option<String>>,
    bytes: usize,
}

impl OrderedRecords {
    /// Adds the record of an item, or `None` if it has none, and returns the records that can be
    /// written now, concatenated.
    pub(crate) fn take_ready(&mut self, sequence: u64, record: Option<String>) -> String {
        self.bytes += record.as_ref().map_or(0, String::len);
        self.waiting.insert(sequence, record);
        let mut ready = String::new();
        while let Some(record) = self.waiting.remove(&self.next) {
            self.next += 1;
            let record = record.unwrap_or_default();
            self.bytes -= record.len();
            ready.push_str(&record);
        }
        ready
    }

    /// Whether a further item may be started.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING && self.bytes < MAX_WAITING_BYTES
    }

    /// Returns all waiting records in order, when no more will be added.
    pub(crate) fn take_rest(&mut self) -> String {
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
    fn records_are_written_in_order_as_soon_as_possible() {
        let mut turns = OrderedRecords::default();
        let record = |text: &str| Some(text.to_owned());
        assert_eq!(turns.take_ready(2, record("c")), "");
        assert_eq!(turns.take_ready(0, record("a")), "a");
        assert_eq!(turns.take_ready(4, record("e")), "");
        assert_eq!(turns.take_ready(1, None), "c");
        assert_eq!(turns.take_ready(3, record("d")), "de");
        assert_eq!(turns.take_ready(6, record("g")), "");
        assert_eq!(turns.take_rest(), "g");
    }

    #[test]
    fn the_records_that_wait_for_a_slow_item_are_bounded() {
        let mut turns = OrderedRecords::default();
        let begun = (1..).take_while(|&index| {
            let has_room = turns.has_room();
            turns.take_ready(index, Some("x".to_owned()));
            has_room
        });
        assert_eq!(begun.count(), MAX_WAITING);
        let mut turns = OrderedRecords::default();
        turns.take_ready(1, Some("x".repeat(MAX_WAITING_BYTES)));
        assert!(!turns.has_room());
        turns.take_ready(0, None);
        assert!(turns.has_room());
    }
}
