//! The file of `--output`: records are appended as they arrive, so that none is lost however the
//! run ends.
//!
//! Content that is not ours is never touched. Content that has to be rewritten goes into a new file
//! first.

use std::fs::{File, TryLockError};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::batch::{
    BatchShard, EarlierRecords, ItemPlace, OutputEnding, OutputOrder, PlacedRecord, RecordLine,
    RecordSummary, for_each_record, shorten_hash,
};
use crate::error::Error;
use crate::fs::{AtomicWrite, Durability, SideFile, open_or_create, resolve_links};

/// The hint about a file with other content.
const LEFT_AS_IT_IS: &str = "choose another file with --output; this one was not changed";

/// The output file.
#[derive(Debug)]
pub(super) struct RecordFile {
    file: File,
    /// The path as the user gave it.
    shown: PathBuf,
    /// The path with links resolved.
    path: PathBuf,
    /// The shard that all of its records belong to.
    shard: BatchShard,
    /// The shortened hash of the prompt that all of them answer.
    prompt: Option<u64>,
    /// Its length when this run began, in bytes.
    begun_at: u64,
}

/// An opened file, and what was found in it.
#[derive(Debug)]
pub(super) struct Opened {
    /// The file.
    pub(super) file: RecordFile,
    /// The records of earlier runs.
    pub(super) done: EarlierRecords,
    /// A notice for the user.
    pub(super) notice: Option<String>,
}

impl RecordFile {
    /// Opens the file and reads its records. An incomplete last line is cut off; records without a
    /// request are dropped, and with `without_failed` all failed ones. A file with other content,
    /// of another shard, or with answers to another prompt, is refused and left unchanged.
    pub(super) fn open(
        path: &Path,
        shard: BatchShard,
        prompt: &str,
        without_failed: bool,
    ) -> Result<Opened, Error> {
        let unwritable = |source| Error::Unwritable {
            path: path.to_owned(),
            source,
        };
        let target = resolve_links(path);
        let opened = open_or_create(&target, File::options().read(true).append(true));
        let SideFile { file, .. } = opened.map_err(unwritable)?;
        lock(&file, path)?;
        let mut file = Self {
            file,
            shown: path.to_owned(),
            path: target,
            shard,
            prompt: shorten_hash(prompt),
            begun_at: 0,
        };
        let is_kept =
            |found: &RecordSummary| found.hash.is_some() && !(without_failed && found.is_error);
        let (mut done, mut has_dropped) = (EarlierRecords::default(), false);
        let OutputEnding { torn, has_end } = file.read(|found, _| {
            if is_kept(&found) {
                done.add_record(&found);
            } else {
                has_dropped = true;
            }
        })?;
        let mut notice = None;
        let mut end = file.file.metadata().map_err(unwritable)?.len();
        if let Some(begin) = torn {
            file.file.set_len(begin).map_err(unwritable)?;
            end = begin;
            notice = Some(format!(
                "removed the incomplete last line of `{}`",
                path.display()
            ));
        } else if !has_end {
            file.file.write_all(b"\n").map_err(unwritable)?;
            end += 1;
        }
        if has_dropped {
            let mut kept = Vec::new();
            file.read(|found, placed| kept.extend(is_kept(&found).then_some(placed)))?;
            end = file.write_anew(&kept)?;
        }
        file.begun_at = end;
        Ok(Opened {
            file,
            done: done.into_sorted(),
            notice,
        })
    }

    /// Appends a record with a single write.
    pub(super) fn append(&mut self, record: &str) -> Result<(), Error> {
        self.file
            .write_all(record.as_bytes())
            .map_err(|source| self.unwritable(source))
    }

    /// Sets the places of the records to those of their items in this run, and sorts them unless
    /// they may be unordered.
    pub(super) fn arrange(
        &mut self,
        done: &mut EarlierRecords,
        unordered: bool,
    ) -> Result<(), Error> {
        let mut records = Vec::new();
        self.read(|found, placed| {
            let place = if placed.offset < self.begun_at {
                done.place_of(&found)
            } else {
                Some(ItemPlace {
                    index: found.index,
                    line_id: None,
                })
            };
            let is_moved = place.is_some_and(|place| {
                place.index != found.index || place.line_id.is_some_and(|line| *found.id != line)
            });
            records.push(PlacedRecord {
                place,
                is_moved,
                ..placed
            });
        })?;
        let order = if unordered {
            OutputOrder::in_place(records)
        } else {
            OutputOrder::from_records(records)
        };
        if let OutputOrder::Rewrite(records) = order {
            self.write_anew(&records)?;
        }
        Ok(())
    }

    /// Replaces the file by one with these records, in this order. Returns its length.
    fn write_anew(&mut self, records: &[PlacedRecord]) -> Result<u64, Error> {
        self.try_write_anew(records)
            .map_err(|source| self.unwritable(source))
    }

    fn try_write_anew(&mut self, records: &[PlacedRecord]) -> io::Result<u64> {
        let new = AtomicWrite::new(&self.path)?;
        new.set_permissions(self.file.metadata()?.permissions())?;
        // Locked before the rename, so that no other run can come in between.
        new.file().try_lock().map_err(io::Error::from)?;
        let mut writer = BufWriter::new(new.file());
        let mut record = Vec::new();
        for placed in records {
            record.resize(usize::try_from(placed.length).unwrap_or(usize::MAX), 0);
            self.file.read_exact_at(&mut record, placed.offset)?;
            match placed.place.filter(|_| placed.is_moved) {
                Some(place) => {
                    let line = RecordLine::with_place(&record, place);
                    writer.write_all(line.as_bytes())?;
                }
                None => writer.write_all(&record)?,
            }
        }
        writer.flush()?;
        drop(writer);
        self.file = new.persist(Durability::Cached)?;
        self.file.seek(SeekFrom::End(0))
    }

    /// Reads all records, in order.
    fn read(
        &self,
        mut take: impl FnMut(RecordSummary, PlacedRecord),
    ) -> Result<OutputEnding, Error> {
        let unreadable = |source| Error::Unreadable {
            path: self.shown.clone(),
            source,
        };
        let mut reader = BufReader::new(&self.file);
        reader.rewind().map_err(unreadable)?;
        let foreign = |line| self.foreign(line);
        for_each_record(&mut reader, unreadable, foreign, |found, span| {
            if found.shard != self.shard {
                return Err(self.other_shard(span.number, found.shard));
            }
            if found.prompt.is_some() && found.prompt != self.prompt {
                return Err(self.other_prompt(span.number));
            }
            let has_end = span.bytes.ends_with(b"\n");
            let length = u32::try_from(span.bytes.len()).unwrap_or(u32::MAX);
            take(
                found,
                PlacedRecord {
                    place: None,
                    offset: span.offset,
                    // A last line without its line feed gets one.
                    length: length + u32::from(!has_end),
                    is_moved: false,
                },
            );
            Ok(())
        })
    }

    fn other_shard(&self, line: u64, other: BatchShard) -> Error {
        let named = |shard: BatchShard| match shard {
            BatchShard::WHOLE => "the whole batch".to_owned(),
            shard => format!("shard {shard}"),
        };
        Error::Usage {
            message: format!(
                "`{}`, line {line}: the record is from {}, but this run is for {}",
                self.shown.display(),
                named(other),
                named(self.shard)
            ),
            hint: Some(LEFT_AS_IT_IS.to_owned()),
        }
    }

    fn other_prompt(&self, line: u64) -> Error {
        Error::Usage {
            message: format!(
                "`{}`, line {line}: the record answers a different prompt",
                self.shown.display()
            ),
            hint: Some(LEFT_AS_IT_IS.to_owned()),
        }
    }

    fn foreign(&self, line: u64) -> Error {
        Error::Usage {
            message: format!(
                "`{}`, line {line}: not a batch record",
                self.shown.display()
            ),
            hint: Some(LEFT_AS_IT_IS.to_owned()),
        }
    }

    fn unwritable(&self, source: io::Error) -> Error {
        Error::Unwritable {
            path: self.shown.clone(),
            source,
        }
    }
}

/// Locks the file: two runs with one file would send every request twice.
fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Usage {
            message: format!("another run is writing to `{}`", path.display()),
            hint: Some("wait for that run, or choose another file with --output".to_owned()),
        }),
        Err(TryLockError::Error(source)) => Err(Error::Unwritable {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::batch::EarlierOutcome;

    fn record(index: u64, hash: u64, key: &str) -> String {
        format!(
            "{{\"index\":{index},\"id\":1,\"input_hash\":\"{}\",\"{key}\":\"x\",\"usage\":null}}\n",
            text(hash)
        )
    }

    fn at(index: u64) -> ItemPlace {
        ItemPlace {
            index,
            line_id: None,
        }
    }

    fn text(hash: u64) -> String {
        format!("{hash:016x}0000000000000000")
    }

    fn file(contents: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out.jsonl");
        fs::write(&path, contents).expect("written");
        (directory, path)
    }

    fn contents(path: &Path) -> String {
        fs::read_to_string(path).expect("read")
    }

    #[test]
    fn what_broke_off_is_cut_off_wherever_it_did() {
        let (one, two) = (record(0, 7, "text"), record(1, 8, "text"));
        for length in 1..two.len() {
            let (_directory, path) = file(&(one.clone() + &two[..length]));
            let mut opened = RecordFile::open(&path, BatchShard::WHOLE, "", false).expect("ours");
            let is_whole = length == two.len() - 1;
            assert_eq!(opened.notice.is_some(), !is_whole, "{length}");
            assert_eq!(
                opened.done.take_outcome(&text(7), at(0)),
                Some(EarlierOutcome::Answered)
            );
            assert_eq!(
                opened.done.take_outcome(&text(8), at(1)),
                is_whole.then_some(EarlierOutcome::Answered)
            );
            assert_eq!(
                contents(&path),
                if is_whole {
                    one.clone() + &two
                } else {
                    one.clone()
                }
            );
        }
    }

    #[test]
    fn a_file_of_anything_else_is_refused_and_left_as_it_is() {
        for foreign in ["notes\n", "{", "{}\n", "\n", "[1]"] {
            for before in ["", &record(0, 7, "text")] {
                let all = before.to_owned() + foreign;
                if foreign == "{" && !before.is_empty() {
                    continue; // A record that broke off.
                }
                let (_directory, path) = file(&all);
                let error = RecordFile::open(&path, BatchShard::WHOLE, "", true)
                    .expect_err(foreign)
                    .message();
                assert!(error.ends_with("not a batch record"), "{error}");
                assert_eq!(contents(&path), all);
            }
        }
    }

    #[test]
    fn two_runs_do_not_share_a_file() {
        let (_directory, path) = file("");
        let _open = RecordFile::open(&path, BatchShard::WHOLE, "", false).expect("new");
        assert!(
            RecordFile::open(&path, BatchShard::WHOLE, "", false)
                .expect_err("locked")
                .message()
                .contains("another run")
        );
    }

    #[test]
    fn what_failed_is_dropped_where_it_is_to_be_asked_again() {
        let (good, bad) = (record(1, 8, "text"), record(0, 7, "error"));
        let never = "{\"index\":2,\"id\":1,\"input_hash\":null,\"error\":{},\"usage\":null}\n";
        for (without_failed, left) in [(true, good.clone()), (false, bad.clone() + &good)] {
            let (_directory, path) = file(&(bad.clone() + &good + never));
            let mut opened =
                RecordFile::open(&path, BatchShard::WHOLE, "", without_failed).expect("ours");
            assert_eq!(contents(&path), left);
            assert_eq!(
                opened.done.take_outcome(&text(7), at(0)),
                (!without_failed).then_some(EarlierOutcome::Failed)
            );
            assert!(
                RecordFile::open(&path, BatchShard::WHOLE, "", false).is_err(),
                "it is still locked"
            );
            opened.file.append("more\n").expect("written");
            assert_eq!(contents(&path), left + "more\n");
        }
    }

    #[test]
    fn at_the_end_records_stand_in_the_order_of_the_items() {
        let strange = record(5, 99, "text");
        let (_directory, path) = file(&(record(4, 8, "text") + &strange + &record(0, 7, "error")));
        let mut opened = RecordFile::open(&path, BatchShard::WHOLE, "", false).expect("ours");
        opened.done.take_outcome(&text(7), at(0));
        opened.done.take_outcome(&text(8), at(2));
        opened.file.append(&record(3, 10, "text")).expect("written");
        opened.file.append(&record(1, 9, "text")).expect("written");
        opened
            .file
            .arrange(&mut opened.done, false)
            .expect("arranged");
        let expected = [
            record(0, 7, "error"),
            record(1, 9, "text"),
            record(2, 8, "text"),
            record(3, 10, "text"),
            strange,
        ];
        assert_eq!(contents(&path), expected.concat());
        assert!(!path.with_extension("jsonl.part").exists());
    }

    #[test]
    fn an_output_that_need_not_be_in_order_has_the_places_of_this_run_all_the_same() {
        let (_directory, path) = file(&(record(4, 8, "text") + &record(0, 7, "text")));
        let mut opened = RecordFile::open(&path, BatchShard::WHOLE, "", false).expect("ours");
        for (hash, index) in [(7, 0), (8, 5)] {
            let place = ItemPlace {
                index,
                line_id: Some(index + 1),
            };
            opened.done.take_outcome(&text(hash), place);
        }
        opened
            .file
            .arrange(&mut opened.done, true)
            .expect("arranged");
        let moved = record(5, 8, "text").replace("\"id\":1", "\"id\":6");
        assert_eq!(contents(&path), moved + &record(0, 7, "text"));
    }

    #[test]
    fn the_output_of_another_shard_is_refused_and_left_as_it_is() {
        let shard = |text: &str| text.parse::<BatchShard>().expect("a shard");
        let of = |shard: &str| {
            let field = format!(
                "\"id\":1,\"shard\":\"{shard}\",\"item_key\":\"{}\"",
                "0".repeat(16)
            );
            record(0, 7, "error").replace("\"id\":1", &field)
        };
        for (there, given) in [
            (of("2/3"), "1/3"),
            (of("2/3"), "2/4"),
            (of("2/3"), "1/1"),
            (of("1/3") + &of("2/3"), "1/3"),
            (record(0, 7, "error"), "1/3"),
        ] {
            let (_directory, path) = file(&(there.clone() + "{\"index\""));
            let error = RecordFile::open(&path, shard(given), "", true).expect_err(given);
            assert!(error.message().contains(": the record is from "), "{error}");
            assert_eq!(contents(&path), there + "{\"index\"");
        }
        let (_directory, path) = file(&of("2/3"));
        RecordFile::open(&path, shard("2/3"), "", false).expect("ours");
    }
}
