//! The order of an output at the end of a run: records were written as they finished, and are
//! sorted into the order of their items.

/// The place of a record that belongs to no item: after all others, unchanged.
pub(crate) const LAST: u64 = u64::MAX;

/// The location of a record in an output, and its place in the sorted output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlacedRecord {
    /// The index of its item in this run, or [`LAST`].
    pub(crate) place: u64,
    /// Byte offset of its first byte.
    pub(crate) offset: u64,
    /// Length in bytes, including the line feed.
    pub(crate) length: u32,
    /// Whether its `index` field differs from its place.
    pub(crate) is_moved: bool,
}

/// Whether an output must be rewritten.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutputOrder {
    /// All records are in their places.
    Sorted,
    /// The output must be rewritten in this order.
    Unsorted(Vec<PlacedRecord>),
}

impl OutputOrder {
    /// Sorts records by place; the sort is stable.
    pub(crate) fn from_records(mut records: Vec<PlacedRecord>) -> Self {
        let key = |record: &PlacedRecord| record.place;
        if records.is_sorted_by_key(key) && records.iter().all(|record| !record.is_moved) {
            return Self::Sorted;
        }
        records.sort_by_key(key);
        Self::Unsorted(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(place: Option<u64>, offset: u64) -> PlacedRecord {
        PlacedRecord {
            place: place.unwrap_or(LAST),
            offset,
            length: 1,
            is_moved: false,
        }
    }

    #[test]
    fn sorted_records_need_no_rewrite() {
        assert_eq!(
            OutputOrder::from_records(vec![
                record(Some(0), 0),
                record(Some(3), 1),
                record(None, 2)
            ]),
            OutputOrder::Sorted
        );
        assert_eq!(OutputOrder::from_records(Vec::new()), OutputOrder::Sorted);
    }

    #[test]
    fn records_are_sorted_and_those_without_an_item_come_last() {
        let records = vec![
            record(None, 0),
            record(Some(2), 1),
            record(None, 2),
            record(Some(0), 3),
        ];
        let OutputOrder::Unsorted(sorted) = OutputOrder::from_records(records) else {
            panic!("it is out of order")
        };
        let offsets: Vec<_> = sorted.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [3, 1, 0, 2]);
    }

    #[test]
    fn a_changed_index_forces_a_rewrite() {
        let moved = PlacedRecord {
            is_moved: true,
            ..record(Some(1), 0)
        };
        assert!(matches!(
            OutputOrder::from_records(vec![moved]),
            OutputOrder::Unsorted(_)
        ));
    }
}
