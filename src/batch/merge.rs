//! Merging the outputs of shards: one record for each item, in the order of the items, and a report
//! of what is inconsistent. Pure: entries come in sorted by position.

use std::collections::BTreeSet;
use std::fmt;

use super::item::{BatchItem, ItemPlace};
use super::item_key::ItemKey;
use super::record::RecordSummary;
use super::shard::BatchShard;
use crate::protocol::ExactJson;
use crate::text::{counted, grouped};

/// Maximum number of places, or ranges of places, listed in a message.
const MAX_LISTED: usize = 20;

/// Maximum number of shards listed in a hint.
const MAX_LISTED_SHARDS: usize = 10;

/// An item of the input, as far as merging needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InputItem {
    key: ItemKey,
    line: u64,
    own_id: Option<ExactJson>,
}

impl InputItem {
    /// Extracts what merging needs from an item.
    pub(crate) fn from_item(item: &BatchItem) -> Self {
        Self {
            key: item.key,
            line: item.line_number().unwrap_or(item.index),
            own_id: item.own_id(),
        }
    }

    /// Encodes it, so that it can be sorted on disk.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16);
        bytes.extend(self.key.number().to_be_bytes());
        bytes.extend(self.line.to_be_bytes());
        if let Some(id) = &self.own_id {
            bytes.extend(id.to_string().into_bytes());
        }
        bytes
    }

    /// Decodes it; `None` if these bytes do not encode an item.
    pub(crate) fn parse_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (line, id) = rest.split_first_chunk()?;
        Some(Self {
            key: ItemKey::from_number(u64::from_be_bytes(*key)),
            line: u64::from_be_bytes(*line),
            own_id: std::str::from_utf8(id)
                .ok()
                .and_then(|id| ExactJson::parse(id).ok()),
        })
    }

    /// Whether a record with the item's index can belong to it. Records of a shard have the item's
    /// key; for others, the `id` is compared, unless it is a line number, which may be out of date.
    fn may_have(&self, record: &RecordSummary) -> bool {
        match (record.key, &self.own_id) {
            (Some(key), _) => key == self.key,
            (None, Some(id)) => *id == record.id,
            (None, None) => record.id.is_number(),
        }
    }
}

/// Places in an input, of which only the first ones are listed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct PlaceList {
    count: u64,
    ranges: Vec<(u64, u64)>,
    /// How many of the places are in `ranges`.
    listed: u64,
}

impl PlaceList {
    /// Adds the places from `first` to `last`, which must be greater than those added before.
    fn push_range(&mut self, first: u64, last: u64) {
        let added = last - first + 1;
        let are_all_listed = self.listed == self.count;
        self.count += added;
        let is_full = self.ranges.len() == MAX_LISTED;
        match self.ranges.last_mut() {
            Some((_, end)) if are_all_listed && *end + 1 == first => *end = last,
            _ if is_full => return,
            _ => self.ranges.push((first, last)),
        }
        self.listed += added;
    }
}

impl fmt::Display for PlaceList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            if first == last {
                write!(formatter, "{comma}{first}")?;
            } else {
                write!(formatter, "{comma}{first}-{last}")?;
            }
        }
        let more = self.count - self.listed;
        if more > 0 {
            write!(formatter, " and {} more", grouped(more))?;
        }
        Ok(())
    }
}

/// Merges records. Items and records are pushed sorted by position; at the same position the item
/// comes first, then answers, then failures.
#[derive(Debug)]
pub(crate) struct RecordMerger {
    /// The shards of the records.
    shards: BTreeSet<BatchShard>,
    current: Option<MergePosition>,
    report: MergeReport,
}

/// The state of merging at one position.
#[derive(Debug)]
struct MergePosition {
    index: u64,
    item: Option<InputItem>,
    records: u64,
}

impl RecordMerger {
    /// Creates a merger for records of these shards. If `has_input` is set, all items are pushed,
    /// too.
    pub(crate) fn new(has_input: bool, shards: BTreeSet<BatchShard>) -> Self {
        Self {
            shards,
            current: None,
            report: MergeReport {
                has_input,
                ..MergeReport::default()
            },
        }
    }

    /// Pushes an item.
    pub(crate) fn push_item(&mut self, index: u64, item: InputItem) {
        self.start_position(index, Some(item));
    }

    /// Pushes a record. Returns its place if this is the record to keep for its item.
    pub(crate) fn push_record(&mut self, index: u64, record: &RecordSummary) -> Option<ItemPlace> {
        if self.report.has_input {
            let item = self.current.as_ref().filter(|current| {
                let item = current.item.as_ref();
                current.index == index && item.is_some_and(|item| item.may_have(record))
            });
            if item.is_none() {
                self.report.foreign += 1;
                return None;
            }
        } else if self
            .current
            .as_ref()
            .is_none_or(|current| current.index != index)
        {
            self.start_position(index, None);
        }
        let current = self.current.as_mut()?;
        current.records += 1;
        if current.records > 1 {
            return None;
        }
        self.report.failed += u64::from(record.is_error);
        let line = current.item.as_ref().filter(|item| item.own_id.is_none());
        Some(ItemPlace {
            index,
            line_id: line.map(|item| item.line),
        })
    }

    /// Counts records that belong to no item.
    pub(crate) fn add_foreign(&mut self, count: u64) {
        self.report.foreign += count;
    }

    /// Returns the report after everything has been pushed.
    pub(crate) fn finish(mut self) -> MergeReport {
        self.finish_position();
        if !self.report.has_input && self.report.gaps.count > 0 {
            let any = self.common_count();
            let all = any.into_iter().flat_map(BatchShard::siblings);
            let absent = all.filter(|shard| !self.shards.contains(shard));
            self.report.gap_shards = absent.take(MAX_LISTED_SHARDS + 1).collect();
        }
        self.report
    }

    /// Returns one of the shards if all of them have the same count.
    fn common_count(&self) -> Option<BatchShard> {
        let first = self.shards.first()?;
        let is_common = |shard: &BatchShard| shard.count() == first.count();
        let is_divided = *first != BatchShard::WHOLE;
        (is_divided && self.shards.iter().all(is_common)).then_some(*first)
    }

    fn start_position(&mut self, index: u64, item: Option<InputItem>) {
        self.finish_position();
        if !self.report.has_input && index > self.report.items {
            // Items between two existing records are certainly missing.
            self.report.gaps.push_range(self.report.items, index - 1);
            self.report.items = index;
        }
        self.report.items += 1;
        self.current = Some(MergePosition {
            index,
            item,
            records: 0,
        });
    }

    fn finish_position(&mut self) {
        let Some(position) = self.current.take() else {
            return;
        };
        let place = position
            .item
            .as_ref()
            .map_or(position.index, |item| item.line);
        match position.records {
            0 => {
                self.report.gaps.push_range(place, place);
                if let Some((item, any)) = position.item.zip(self.common_count()) {
                    self.report.gap_shards.insert(any.sibling_with(item.key));
                }
            }
            1 => {}
            _ => self.report.duplicates.push_range(place, place),
        }
    }
}

/// The findings of a merge.
#[derive(Debug, Default)]
pub(crate) struct MergeReport {
    /// Whether the items are known, and not just the records.
    has_input: bool,
    /// The number of items; without the input, up to the last one with a record.
    items: u64,
    /// Items without a record.
    gaps: PlaceList,
    /// The shards that the missing items belong to, as far as known.
    gap_shards: BTreeSet<BatchShard>,
    /// Items with more than one record.
    duplicates: PlaceList,
    /// Items whose record is a failure.
    failed: u64,
    /// Records that belong to no item.
    foreign: u64,
}

impl MergeReport {
    /// Returns a message for each kind of inconsistency. `input` is the input's name.
    pub(crate) fn notices(&self, input: Option<&str>) -> Vec<String> {
        let (subject, place) = match input {
            Some(input) => (format!("{input}: "), "line"),
            None => (String::new(), "index"),
        };
        let listed = |places: &PlaceList, what: &str, kept: &str| {
            let have = has(places.count);
            let plural = match place {
                "line" if places.count > 1 => "s",
                _ => "",
            };
            let items = counted(places.count, "item");
            (places.count > 0)
                .then(|| format!("{subject}{items} {have} {what}: {place}{plural} {places}{kept}"))
        };
        let foreign = (self.foreign > 0).then(|| {
            let belong = if self.foreign == 1 {
                "record belongs"
            } else {
                "records belong"
            };
            format!(
                "{subject}{} {belong} to none of its items; left out",
                grouped(self.foreign)
            )
        });
        [
            listed(&self.gaps, "no record", ""),
            listed(
                &self.duplicates,
                "more than one record",
                " (keeping an answer if there is one, otherwise the first)",
            ),
            foreign,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns why the merged output is incomplete; `None` if it is complete.
    pub(crate) fn flaws(&self) -> Option<MergeFlaws> {
        let flaws = MergeFlaws {
            has_input: self.has_input,
            items: self.items,
            gaps: self.gaps.count,
            gap_shards: self.gap_shards.iter().copied().collect(),
            duplicates: self.duplicates.count,
            failed: self.failed,
        };
        (flaws.gaps + flaws.duplicates + flaws.failed > 0).then_some(flaws)
    }
}

/// Why a merged output is incomplete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergeFlaws {
    has_input: bool,
    items: u64,
    gaps: u64,
    gap_shards: Vec<BatchShard>,
    duplicates: u64,
    failed: u64,
}

impl MergeFlaws {
    /// Returns what to do next, for a hint.
    pub(crate) fn next_step(&self) -> String {
        let retry = if self.failed > 0 {
            ", with --retry-failed"
        } else {
            ""
        };
        match self.gap_shards.as_slice() {
            [] if self.gaps + self.failed == 0 && self.has_input => {
                "pass the output of each shard once, and no output of another run".to_owned()
            }
            [] if self.gaps + self.failed == 0 => {
                "pass the output of each shard only once; if items were added between runs, pass \
                 the input with -i"
                    .to_owned()
            }
            [] if self.gaps == 0 => {
                format!("rerun each shard in which items failed{retry}, then merge again")
            }
            [] => format!("run the shards again{retry}, then merge again"),
            shards => {
                let (listed, more) = shards.split_at(shards.len().min(MAX_LISTED_SHARDS));
                let mut names: Vec<String> = listed.iter().map(ToString::to_string).collect();
                if !more.is_empty() {
                    names.push("…".to_owned());
                }
                let names = names.join(", ");
                let shard = counted_noun(shards.len());
                format!("run {shard} {names} again{retry}, then merge again")
            }
        }
    }
}

fn has(count: u64) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

fn counted_noun(shards: usize) -> &'static str {
    if shards == 1 { "shard" } else { "shards" }
}

impl fmt::Display for MergeFlaws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = [
            (self.gaps, has(self.gaps), "no record"),
            (
                self.duplicates,
                has(self.duplicates),
                "more than one record",
            ),
            (self.failed, "failed", ""),
        ]
        .iter()
        .filter(|(count, ..)| *count > 0)
        .enumerate()
        .map(|(place, (count, verb, what))| {
            let of_items = if place == 0 {
                format!(" of {}", counted(self.items, "item"))
            } else {
                String::new()
            };
            format!("{}{of_items} {verb} {what}", grouped(count))
                .trim_end()
                .to_owned()
        })
        .collect();
        formatter.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::batch::ItemReader;

    fn shards(shards: &[&str]) -> BTreeSet<BatchShard> {
        let parse = |shard: &&str| shard.parse().expect("a shard");
        shards.iter().map(parse).collect()
    }

    fn items(lines: &str) -> Vec<InputItem> {
        let mut reader = ItemReader::new("`in`");
        lines
            .split_inclusive('\n')
            .filter_map(|line| reader.read_line(line.as_bytes()))
            .map(|item| InputItem::from_item(&item))
            .collect()
    }

    fn record(id: Value) -> RecordSummary {
        RecordSummary {
            hash: Some(1),
            id: id.into(),
            ..RecordSummary::default()
        }
    }

    #[test]
    fn an_item_can_be_decoded_again() {
        for item in items("{\"id\":\"a\"}\n\n{\"id\":1.5}\n{}\n") {
            assert_eq!(InputItem::parse_bytes(&item.to_bytes()), Some(item));
        }
        assert_eq!(InputItem::parse_bytes(b"short"), None);
    }

    #[test]
    fn with_the_input_gaps_duplicates_failures_and_foreign_records_are_found() {
        let mut merger = RecordMerger::new(true, shards(&["1/2", "2/2"]));
        let failure = RecordSummary {
            is_error: true,
            ..record(json!(1))
        };
        let mut kept = Vec::new();
        // Blank lines are not items, and the places are line numbers.
        for (index, item) in (0..).zip(items("a\n\nb\nc\nd\ne\n")) {
            merger.push_item(index, item);
            let records = match index {
                0 => vec![record(json!(1)), failure.clone()],
                1 => vec![failure.clone()],
                3 => vec![record(json!("a name"))],
                _ => vec![],
            };
            for record in records {
                kept.extend(merger.push_record(index, &record));
            }
        }
        assert_eq!(
            merger.push_record(5, &record(json!(9))),
            None,
            "no such item"
        );
        merger.add_foreign(2);
        let place = |index, line| ItemPlace {
            index,
            line_id: Some(line),
        };
        assert_eq!(kept, [place(0, 1), place(1, 3)]);
        let report = merger.finish();
        assert_eq!(
            report.notices(Some("`in`")),
            [
                "`in`: 3 items have no record: lines 4-6",
                "`in`: 1 item has more than one record: line 1 (keeping an answer if there is one, \
                 otherwise the first)",
                "`in`: 4 records belong to none of its items; left out",
            ]
        );
        let flaws = report.flaws().expect("flaws");
        assert_eq!(
            flaws.to_string(),
            "3 of 5 items have no record, 1 has more than one record, 1 failed"
        );
        assert_eq!(
            flaws.next_step(),
            "run shards 1/2, 2/2 again, with --retry-failed, then merge again"
        );
    }

    #[test]
    fn without_the_input_gaps_are_found_between_records_and_name_the_shard_that_is_absent() {
        for (found, hint) in [
            (&["1/3", "3/3"][..], "run shard 2/3 again, then merge again"),
            (&["1/1"], "run the shards again, then merge again"),
            (&["1/2", "1/3"], "run the shards again, then merge again"),
        ] {
            let mut merger = RecordMerger::new(false, shards(found));
            for index in [1, 2, 2, 5] {
                let kept = merger.push_record(index, &record(json!("x")));
                assert!(kept.is_none_or(|place| place.line_id.is_none()));
            }
            let report = merger.finish();
            assert_eq!(
                report.notices(None),
                [
                    "3 items have no record: index 0, 3-4",
                    "1 item has more than one record: index 2 (keeping an answer if there is one, \
                     otherwise the first)",
                ]
            );
            let flaws = report.flaws().expect("flaws");
            assert_eq!(flaws.items, 6);
            assert_eq!(flaws.next_step(), hint);
        }
    }

    #[test]
    fn a_record_without_a_key_needs_the_id_of_the_item_at_its_index() {
        for (line, id, is_kept) in [
            ("{\"id\":\"a\"}", json!("a"), true),
            ("{\"id\":\"a\"}", json!("b"), false),
            ("text", json!(7), true),
            ("text", json!("file.txt"), false),
        ] {
            let mut merger = RecordMerger::new(true, BTreeSet::new());
            merger.push_item(0, items(line).swap_remove(0));
            let kept = merger.push_record(0, &record(id));
            assert_eq!(kept.is_some(), is_kept, "{line}");
        }
    }

    #[test]
    fn long_lists_end_with_how_many_more_there_are() {
        let mut places = PlaceList::default();
        for place in 0..5000 {
            places.push_range(2 * place, 2 * place);
        }
        let text = places.to_string();
        assert!(
            text.starts_with("0, 2, 4, ") && text.ends_with("38 and 4,980 more"),
            "{text}"
        );
        let mut places = PlaceList::default();
        (3..5000).for_each(|place| places.push_range(place, place));
        assert_eq!(places.to_string(), "3-4999");
    }
}
