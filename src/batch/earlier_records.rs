//! The records of an earlier run, by the hash of the request: eight bytes for each, and a few for
//! its place.

use super::record::{RecordSummary, shorten_hash};

/// The records that an output contained when the run started.
#[derive(Debug, Default)]
pub(crate) struct EarlierRecords {
    /// Sorted by hash after [`EarlierRecords::into_sorted`]; records with equal hashes are in the
    /// order of the output.
    known: Vec<KnownRecord>,
}

#[derive(Debug, Clone, Copy)]
struct KnownRecord {
    hash: u64,
    is_error: bool,
    /// The index of the item in this run that claimed it; `NOBODY` if none did.
    index: u32,
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
        });
    }

    /// Sorts the records, so that they can be looked up.
    pub(crate) fn into_sorted(mut self) -> Self {
        self.known.sort_by_key(|known| known.hash);
        self
    }

    /// Claims a record for an item of this run. A record is claimed only once, so that equal items
    /// have a record each.
    pub(crate) fn take_outcome(&mut self, hash: &str, index: u64) -> Option<EarlierOutcome> {
        let hash = shorten_hash(hash)?;
        let known = self
            .with_hash_mut(hash)
            .iter_mut()
            .find(|known| known.index == UNCLAIMED)?;
        known.index = u32::try_from(index).unwrap_or(UNCLAIMED - 1);
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

    /// Returns the index of the item that claimed a record, or `None` if none did. Must be called
    /// for the records in the order of the output.
    pub(crate) fn place_of(&mut self, found: &RecordSummary) -> Option<u64> {
        // Records with equal hashes are interchangeable; each is returned once.
        let known = self
            .with_hash_mut(found.hash?)
            .iter_mut()
            .find(|known| known.index != UNCLAIMED)?;
        Some(u64::from(std::mem::replace(&mut known.index, UNCLAIMED)))
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
            index: 0,
            hash: Some(hash),
            is_error,
        }
    }

    fn records_of(records: &[RecordSummary]) -> EarlierRecords {
        let mut done = EarlierRecords::default();
        for found in records {
            done.add_record(found);
        }
        done.into_sorted()
    }

    fn text(hash: u64) -> String {
        format!("{hash:016x}0000000000000000")
    }

    #[test]
    fn an_earlier_record_is_claimed_once() {
        let mut done = records_of(&[found(7, false), found(3, true), found(7, false)]);
        assert_eq!(done.take_outcome(&text(3), 0), Some(EarlierOutcome::Failed));
        assert_eq!(done.take_outcome(&text(3), 1), None);
        assert_eq!(done.take_outcome(&text(4), 2), None);
        assert_eq!(done.unclaimed_count(), 2);
        let taken: Vec<_> = (3..6)
            .map(|index| done.take_outcome(&text(7), index))
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
                done.take_outcome(&text(hash), index),
                Some(EarlierOutcome::Answered)
            );
        }
        let places: Vec<_> = [7, 3, 7, 9]
            .map(|hash| done.place_of(&found(hash, false)))
            .to_vec();
        assert_eq!(places, [Some(0), Some(1), Some(5), None]);
    }
}
