//! Finds the item that a record belongs to, by key. Items with equal keys are equal, so their
//! records are interchangeable: a record whose index is that of such an item belongs to it, and the
//! other records are given to the items that still have none.

use std::collections::VecDeque;

use super::item_key::ItemKey;

/// Matches records to items. Both are pushed in one sequence, sorted by key and then by position;
/// at the same position, the item comes before its records. Only records of equal items whose index
/// is out of date are held in memory.
#[derive(Debug)]
pub(crate) struct ItemMatcher<R> {
    key: Option<ItemKey>,
    /// The last item with this key, and whether a record has its index.
    last: Option<(u64, bool)>,
    /// Positions of items whose index no record has.
    waiting: VecDeque<u64>,
    /// Records with an index that no item has.
    strays: VecDeque<R>,
    /// Records with the positions of their items.
    matched: Vec<(u64, R)>,
    foreign: u64,
}

impl<R> Default for ItemMatcher<R> {
    fn default() -> Self {
        Self {
            key: None,
            last: None,
            waiting: VecDeque::new(),
            strays: VecDeque::new(),
            matched: Vec::new(),
            foreign: 0,
        }
    }
}

impl<R> ItemMatcher<R> {
    /// Pushes an item.
    pub(crate) fn push_item(&mut self, key: ItemKey, position: u64) {
        self.start_key(key);
        self.settle_last();
        self.last = Some((position, false));
    }

    /// Pushes a record with the index that it states.
    pub(crate) fn push_record(&mut self, key: ItemKey, index: u64, record: R) {
        self.start_key(key);
        match &mut self.last {
            Some((position, has_record)) if *position == index => {
                *has_record = true;
                self.matched.push((index, record));
            }
            _ => {
                self.settle_last();
                self.strays.push_back(record);
                self.pair_up();
            }
        }
    }

    /// Removes the records that were matched so far, with the positions of their items.
    pub(crate) fn drain_matched(&mut self) -> impl Iterator<Item = (u64, R)> + '_ {
        self.matched.drain(..)
    }

    /// Matches the rest after everything has been pushed. Returns the number of records that belong
    /// to no item.
    pub(crate) fn finish(&mut self) -> u64 {
        self.finish_key();
        self.foreign
    }

    fn start_key(&mut self, key: ItemKey) {
        if self.key != Some(key) {
            self.finish_key();
            self.key = Some(key);
        }
    }

    /// Stops waiting for a record with the index of the last item.
    fn settle_last(&mut self) {
        if let Some((position, has_record)) = &mut self.last
            && !std::mem::replace(has_record, true)
        {
            self.waiting.push_back(*position);
            self.pair_up();
        }
    }

    fn pair_up(&mut self) {
        while !self.waiting.is_empty()
            && let Some(record) = self.strays.pop_front()
        {
            let position = self.waiting.pop_front();
            self.matched
                .extend(position.map(|position| (position, record)));
        }
    }

    /// Matches what is left of equal items. Surplus records are duplicates of the last item.
    fn finish_key(&mut self) {
        self.settle_last();
        self.waiting.clear();
        let last = self.last.take();
        for record in self.strays.drain(..) {
            match last {
                Some((position, _)) => self.matched.push((position, record)),
                None => self.foreign += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Matches items and records of one key; a record is named by its index and a letter.
    fn matched(items: &[u64], records: &[(u64, &'static str)]) -> (Vec<(u64, &'static str)>, u64) {
        let mut all: Vec<(u64, Option<&'static str>)> =
            items.iter().map(|&position| (position, None)).collect();
        all.extend(records.iter().map(|&(index, name)| (index, Some(name))));
        all.sort_by_key(|(position, record)| (*position, record.is_some()));
        let key = ItemKey::from_bytes(b"");
        let mut matcher = ItemMatcher::default();
        for (position, record) in all {
            match record {
                None => matcher.push_item(key, position),
                Some(name) => matcher.push_record(key, position, name),
            }
        }
        let foreign = matcher.finish();
        let mut found: Vec<_> = matcher.drain_matched().collect();
        found.sort_unstable();
        (found, foreign)
    }

    #[test]
    fn a_record_belongs_to_the_equal_item_with_its_index() {
        assert_eq!(
            matched(&[5, 6, 9], &[(5, "a"), (9, "b")]),
            (vec![(5, "a"), (9, "b")], 0),
            "6 has none"
        );
        assert_eq!(
            matched(&[5, 6], &[(5, "a"), (5, "b"), (6, "c")]),
            (vec![(5, "a"), (5, "b"), (6, "c")], 0),
            "5 has two"
        );
    }

    #[test]
    fn a_record_whose_index_is_out_of_date_belongs_to_an_equal_item_without_one() {
        for (items, records, expected) in [
            (&[6][..], &[(5, "a")][..], vec![(6, "a")]),
            (&[4], &[(5, "a")], vec![(4, "a")]),
            (&[1, 5, 8], &[(5, "a"), (7, "b")], vec![(1, "b"), (5, "a")]),
            (&[3, 9], &[(1, "a"), (2, "b")], vec![(3, "a"), (9, "b")]),
            (&[1, 2], &[(3, "a"), (9, "b")], vec![(1, "a"), (2, "b")]),
        ] {
            assert_eq!(matched(items, records), (expected, 0), "{items:?}");
        }
    }

    #[test]
    fn a_record_too_many_is_a_duplicate_and_one_without_items_is_foreign() {
        assert_eq!(
            matched(&[4], &[(3, "a"), (4, "b"), (7, "c")]),
            (vec![(4, "a"), (4, "b"), (4, "c")], 0)
        );
        assert_eq!(matched(&[], &[(3, "a"), (4, "b")]), (vec![], 2));
        let (one, other) = (ItemKey::from_bytes(b"1"), ItemKey::from_bytes(b"2"));
        let mut matcher = ItemMatcher::default();
        matcher.push_item(one, 0);
        matcher.push_record(other, 0, "a");
        matcher.push_item(other, 1);
        matcher.finish();
        let found: Vec<_> = matcher.drain_matched().collect();
        assert_eq!(found, [(1, "a")]);
    }
}
