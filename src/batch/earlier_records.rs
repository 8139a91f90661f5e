//! The records of an earlier run, by the hash of the request. Each takes eight bytes, and as many
//! again for the place of its item.

use super::item::ItemPlace;
use super::record::{RecordSummary, shorten_hash};

/// The records that an output contained when the run started.
#[derive(Debug, Default)]
pub(crate) struct EarlierRecords {
    /// Sorted by hash after [`EarlierRecords::into_sorted`]. Records with equal hashes are in the
    /// order of the output.
    known: Vec<KnownRecord>,
}

#[derive(Debug, Clone, Copy)]
struct KnownRecord {
    hash: u64,
    is_error: bool,
    /// The index of the item of this run that claimed the record; [`UNCLAIMED`] if none did.
    index: u32,
    /// The number of that item's line; 0 if that is not its `id`.
    line_id: u32,
}

/// Not claimed by any item.
const UNCLAIMED: u32 = u32::MAX;

/// The earlier result of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EarlierOutcome {
    /// It succeeded.
    Answered,
    /// It failed.
    Failed,
}

impl EarlierRecords {
    /// Adds a record of the output. Records without a request are ignored.
    pub(crate) fn add_record(&mut self, found: &RecordSummary) {
        let Some(hash) = found.hash else { return };
        self.known.push(KnownRecord {
            hash,
            is_error: found.is_error,
            index: UNCLAIMED,
            line_id: 0,
        });
    }

    /// Sorts the records, so that they can be looked up.
    pub(crate) fn into_sorted(mut self) -> Self {
        self.known.sort_by_key(|known| known.hash);
        self
    }

    /// Claims a record for an item of this run. A record is claimed at most once, so that equal
    /// items have a record each.
    pub(crate) fn take_outcome(&mut self, hash: &str, place: ItemPlace) -> Option<EarlierOutcome> {
        let hash = shorten_hash(hash)?;
        let known = self
            .with_hash_mut(hash)
            .iter_mut()
            .find(|known| known.index == UNCLAIMED)?;
        known.index = u32::try_from(place.index).unwrap_or(UNCLAIMED - 1);
        known.line_id = place
            .line_id
            .and_then(|line| u32::try_from(line).ok())
            .unwrap_or(0);
        Some(if known.is_error {
            EarlierOutcome::Failed
        } else {
            EarlierOutcome::Answered
        })
    }

    /// Returns the number of records that no item has claimed.
    pub(crate) fn unclaimed_count(&self) -> usize {
        self.known
            .iter()
            .filter(|known| known.index == UNCLAIMED)
            .count()
    }

    /// Returns the place of the item that claimed a record, or `None` if none did. Must be called
    /// for the records in the order of the output.
    pub(crate) fn place_of(&mut self, found: &RecordSummary) -> Option<ItemPlace> {
        // Records with equal hashes are interchangeable; each is returned once.
        let known = self
            .with_hash_mut(found.hash?)
            .iter_mut()
            .find(|known| known.index != UNCLAIMED)?;
        Some(ItemPlace {
            index: u64::from(std::mem::replace(&mut known.index, UNCLAIMED)),
            line_id: Some(u64::from(known.line_id)).filter(|&line| line > 0),
        })
    }

    fn with_hash_mut(&mut self, hash: u64) -> &mut [KnownRecord] {
        let begin = self.known.partition_point(|known| known.hash < hash);
        let length = self.known[begin..].partition_point(|known| known.hash == hash);
        &mut self.known[begin..begin + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(hash: u64, is_error: bool) -> RecordSummary {
        RecordSummary {
            hash: Some(hash),
            is_error,
            ..RecordSummary::default()
        }
    }

    fn records_of(records: &[RecordSummary]) -> EarlierRecords {
        let mut done = EarlierRecords::default();
        for found in records {
            done.add_record(found);
        }
        done.into_sorted()
    }

    /// The place of the item with this index, on the line after those of the items before it.
    fn at(index: u64) -> ItemPlace {
        ItemPlace {
            index,
            line_id: Some(index + 1),
        }
    }

    fn text(hash: u64) -> String {
        format!("{hash:016x}0000000000000000")
    }

    #[test]
    fn an_earlier_record_is_claimed_once() {
        let mut done = records_of(&[found(7, false), found(3, true), found(7, false)]);
        assert_eq!(
            done.take_outcome(&text(3), at(0)),
            Some(EarlierOutcome::Failed)
        );
        assert_eq!(done.take_outcome(&text(3), at(1)), None);
        assert_eq!(done.take_outcome(&text(4), at(2)), None);
        assert_eq!(done.unclaimed_count(), 2);
        let taken: Vec<_> = (3..6)
            .map(|index| done.take_outcome(&text(7), at(index)))
            .collect();
        assert_eq!(
            taken,
            [
                Some(EarlierOutcome::Answered),
                Some(EarlierOutcome::Answered),
                None
            ]
        );
        assert_eq!(done.unclaimed_count(), 0);
    }

    #[test]
    fn a_record_has_the_place_of_its_item() {
        let mut done = records_of(&[
            found(7, false),
            found(3, false),
            found(7, false),
            found(9, false),
        ]);
        for (hash, index) in [(7, 0), (3, 1), (7, 5)] {
            assert_eq!(
                done.take_outcome(&text(hash), at(index)),
                Some(EarlierOutcome::Answered)
            );
        }
        let places: Vec<_> = [7, 3, 7, 9]
            .map(|hash| done.place_of(&found(hash, false)))
            .to_vec();
        assert_eq!(places, [Some(at(0)), Some(at(1)), Some(at(5)), None]);
    }
}
