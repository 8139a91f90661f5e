//! The order of an output at the end of a run: records were written as they finished, and are
//! sorted into the order of their items.

use super::item::ItemPlace;

/// The location of a record in an output, and its place in the sorted output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlacedRecord {
    /// The place of its item in this run. A record that belongs to no item has `None`: it comes
    /// after all others, unchanged.
    pub(crate) place: Option<ItemPlace>,
    /// Byte offset of its first byte.
    pub(crate) offset: u64,
    /// Length in bytes, including the line feed.
    pub(crate) length: u32,
    /// Whether the record states a place other than its own.
    pub(crate) is_moved: bool,
}

/// Whether an output must be rewritten.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutputOrder {
    /// All records are in their places.
    Keep,
    /// The output must be rewritten in this order.
    Rewrite(Vec<PlacedRecord>),
}

impl OutputOrder {
    /// Sorts records by place; the sort is stable.
    pub(crate) fn from_records(mut records: Vec<PlacedRecord>) -> Self {
        let key = |record: &PlacedRecord| record.place.map_or(u64::MAX, |place| place.index);
        if records.is_sorted_by_key(key) {
            return Self::in_place(records);
        }
        records.sort_by_key(key);
        Self::Rewrite(records)
    }

    /// Keeps the records in their current order.
    pub(crate) fn in_place(records: Vec<PlacedRecord>) -> Self {
        if records.iter().any(|record| record.is_moved) {
            Self::Rewrite(records)
        } else {
            Self::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(place: Option<u64>, offset: u64) -> PlacedRecord {
        PlacedRecord {
            place: place.map(|index| ItemPlace {
                index,
                line_id: None,
            }),
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
            OutputOrder::Keep
        );
        assert_eq!(OutputOrder::from_records(Vec::new()), OutputOrder::Keep);
    }

    #[test]
    fn records_are_sorted_and_those_without_an_item_come_last() {
        let records = vec![
            record(None, 0),
            record(Some(2), 1),
            record(None, 2),
            record(Some(0), 3),
        ];
        let OutputOrder::Rewrite(sorted) = OutputOrder::from_records(records) else {
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
        for order in [
            OutputOrder::from_records(vec![moved]),
            OutputOrder::in_place(vec![moved]),
        ] {
            assert_eq!(order, OutputOrder::Rewrite(vec![moved]));
        }
    }

    #[test]
    fn an_output_that_need_not_be_in_order_keeps_its_own() {
        let records = vec![record(Some(2), 0), record(None, 1), record(Some(0), 2)];
        assert_eq!(OutputOrder::in_place(records.clone()), OutputOrder::Keep);
        let mut moved = records;
        moved[2].is_moved = true;
        assert_eq!(
            OutputOrder::in_place(moved.clone()),
            OutputOrder::Rewrite(moved)
        );
    }
}
