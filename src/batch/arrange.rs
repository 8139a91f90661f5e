//! The order of an output at the end of a run: records were written as they came, and go where
//! their items stand.

/// The place of a record that belongs to no item: behind all others, as it is.
pub(crate) const LAST: u64 = u64::MAX;

/// A record in an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Where it is to go.
    pub(crate) place: u64,
    /// Where it begins, in bytes.
    pub(crate) offset: u64,
    /// How long it is, its line feed included.
    pub(crate) length: u32,
    /// Whether its index is another one than its place.
    pub(crate) is_moved: bool,
}

/// What is to be done with an output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Nothing: all is where it belongs.
    Fine,
    /// To be written anew in this order.
    Anew(Vec<Placed>),
}

impl Arrangement {
    /// Puts records in order, those of one place as they were.
    pub(crate) fn of(mut records: Vec<Placed>) -> Self {
        let key = |record: &Placed| record.place;
        if records.is_sorted_by_key(key) && records.iter().all(|record| !record.is_moved) {
            return Self::Fine;
        }
        records.sort_by_key(key);
        Self::Anew(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(place: Option<u64>, offset: u64) -> Placed {
        Placed {
            place: place.unwrap_or(LAST),
            offset,
            length: 1,
            is_moved: false,
        }
    }

    #[test]
    fn what_is_in_order_is_left_alone() {
        assert_eq!(
            Arrangement::of(vec![
                record(Some(0), 0),
                record(Some(3), 1),
                record(None, 2)
            ]),
            Arrangement::Fine
        );
        assert_eq!(Arrangement::of(Vec::new()), Arrangement::Fine);
    }

    #[test]
    fn the_rest_is_sorted_and_strangers_stand_at_the_end() {
        let records = vec![
            record(None, 0),
            record(Some(2), 1),
            record(None, 2),
            record(Some(0), 3),
        ];
        let Arrangement::Anew(sorted) = Arrangement::of(records) else {
            panic!("it is out of order")
        };
        let offsets: Vec<_> = sorted.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [3, 1, 0, 2]);
    }

    #[test]
    fn an_index_that_has_changed_is_written_anew() {
        let moved = Placed {
            is_moved: true,
            ..record(Some(1), 0)
        };
        assert!(matches!(Arrangement::of(vec![moved]), Arrangement::Anew(_)));
    }
}
