//! What an earlier run has done: by the hash of the request, eight bytes for each item and a few
//! for its place.

use super::record::{Found, short};

/// What an output says that was there before.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// In the order of their hashes once all have been added; those of one hash in the order of the
    /// output.
    known: Vec<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    hash: u64,
    is_error: bool,
    /// The item of this run that it belongs to; `NOBODY` for none.
    index: u32,
}

/// No item.
const NOBODY: u32 = u32::MAX;

/// What was done of an item before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// It was answered.
    Answered,
    /// It failed.
    Failed,
}

impl Done {
    /// Takes a record of an output. One without a request says nothing.
    pub(crate) fn add(&mut self, found: &Found) {
        let Some(hash) = found.hash else { return };
        self.known.push(Known {
            hash,
            is_error: found.is_error,
            index: NOBODY,
        });
    }

    /// Ends adding: from now on records are looked for.
    pub(crate) fn complete(mut self) -> Self {
        self.known.sort_by_key(|known| known.hash);
        self
    }

    /// Gives an item of this run what was done of it, once: equal items have a record each.
    pub(crate) fn take(&mut self, hash: &str, index: u64) -> Option<Before> {
        let hash = short(hash)?;
        let known = self
            .same_mut(hash)
            .iter_mut()
            .find(|known| known.index == NOBODY)?;
        known.index = u32::try_from(index).unwrap_or(NOBODY - 1);
        Some(if known.is_error {
            Before::Failed
        } else {
            Before::Answered
        })
    }

    /// The records that belong to no item of this run.
    pub(crate) fn left_over(&self) -> usize {
        self.known
            .iter()
            .filter(|known| known.index == NOBODY)
            .count()
    }

    /// The present place of the item of a record of the output, which are to be given in the order
    /// of the output; none where it belongs to no item of this run.
    pub(crate) fn place_of(&mut self, found: &Found) -> Option<u64> {
        // Where two have one hash, each is given once; which of them is which does not matter.
        let known = self
            .same_mut(found.hash?)
            .iter_mut()
            .find(|known| known.index != NOBODY)?;
        Some(u64::from(std::mem::replace(&mut known.index, NOBODY)))
    }

    fn same_mut(&mut self, hash: u64) -> &mut [Known] {
        let begin = self.known.partition_point(|known| known.hash < hash);
        let length = self.known[begin..].partition_point(|known| known.hash == hash);
        &mut self.known[begin..begin + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(hash: u64, is_error: bool) -> Found {
        Found {
            index: 0,
            hash: Some(hash),
            is_error,
        }
    }

    fn done_of(records: &[Found]) -> Done {
        let mut done = Done::default();
        for found in records {
            done.add(found);
        }
        done.complete()
    }

    fn text(hash: u64) -> String {
        format!("{hash:016x}0000000000000000")
    }

    #[test]
    fn what_was_done_is_taken_once() {
        let mut done = done_of(&[found(7, false), found(3, true), found(7, false)]);
        assert_eq!(done.take(&text(3), 0), Some(Before::Failed));
        assert_eq!(done.take(&text(3), 1), None);
        assert_eq!(done.take(&text(4), 2), None);
        assert_eq!(done.left_over(), 2);
        let taken: Vec<_> = (3..6).map(|index| done.take(&text(7), index)).collect();
        assert_eq!(
            taken,
            [Some(Before::Answered), Some(Before::Answered), None]
        );
        assert_eq!(done.left_over(), 0);
    }

    #[test]
    fn a_record_has_the_place_of_its_item() {
        let mut done = done_of(&[
            found(7, false),
            found(3, false),
            found(7, false),
            found(9, false),
        ]);
        for (hash, index) in [(7, 0), (3, 1), (7, 5)] {
            assert_eq!(done.take(&text(hash), index), Some(Before::Answered));
        }
        let places: Vec<_> = [7, 3, 7, 9]
            .map(|hash| done.place_of(&found(hash, false)))
            .to_vec();
        assert_eq!(places, [Some(0), Some(1), Some(5), None]);
    }
}
