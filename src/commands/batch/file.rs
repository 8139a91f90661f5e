//! The file of `--output`: records are appended as they come, so that whatever ends the run loses
//! none of them.
//!
//! What is there and is not ours is never touched. What has to be written again goes into a new
//! file first.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::batch::{EarlierRecords, LAST, OutputOrder, PlacedRecord, RecordLine, RecordSummary};
use crate::error::Error;
use crate::fs::{AtomicWrite, Durability, SideFile, open_or_create, resolve_links};

/// The file.
#[derive(Debug)]
pub(super) struct RecordFile {
    file: File,
    /// As it was asked for.
    shown: PathBuf,
    /// Where it is, whatever links lead there.
    path: PathBuf,
    /// How long it was when this run began, in bytes.
    begun_at: u64,
}

/// A file that is open, and what was found in it.
#[derive(Debug)]
pub(super) struct Opened {
    /// The file.
    pub(super) file: RecordFile,
    /// What earlier runs have done.
    pub(super) done: EarlierRecords,
    /// What a user should know.
    pub(super) notice: Option<String>,
}

impl RecordFile {
    /// Opens the file, and reads what is in it. A line that broke off is cut off; what never was a
    /// request is dropped, and with `without_failed` whatever failed. A file of anything else is
    /// refused and left as it is.
    pub(super) fn open(path: &Path, without_failed: bool) -> Result<Opened, Error> {
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
            begun_at: 0,
        };
        let is_kept =
            |found: &RecordSummary| found.hash.is_some() && !(without_failed && found.is_error);
        let (mut done, mut has_dropped) = (EarlierRecords::default(), false);
        let Ending { torn, has_end } = file.read(|found, _| {
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

    /// Appends a record, with one write.
    pub(super) fn append(&mut self, record: &str) -> Result<(), Error> {
        self.file
            .write_all(record.as_bytes())
            .map_err(|source| self.unwritable(source))
    }

    /// Puts the records in the order of the items of this run, if they are not.
    pub(super) fn arrange(&mut self, done: &mut EarlierRecords) -> Result<(), Error> {
        let mut records = Vec::new();
        self.read(|found, placed| {
            let place = if placed.offset < self.begun_at {
                done.place_of(&found)
            } else {
                Some(found.index)
            };
            let is_moved = place.is_some_and(|place| place != found.index);
            records.push(PlacedRecord {
                place: place.unwrap_or(LAST),
                is_moved,
                ..placed
            });
        })?;
        if let OutputOrder::Unsorted(records) = OutputOrder::from_records(records) {
            self.write_anew(&records)?;
        }
        Ok(())
    }

    /// Writes these records of the file into a new one that takes its place. Gives its length.
    fn write_anew(&mut self, records: &[PlacedRecord]) -> Result<u64, Error> {
        self.try_write_anew(records)
            .map_err(|source| self.unwritable(source))
    }

    fn try_write_anew(&mut self, records: &[PlacedRecord]) -> io::Result<u64> {
        let new = AtomicWrite::new(&self.path)?;
        new.set_permissions(self.file.metadata()?.permissions())?;
        // Locked before it has the name, so that no other run can come in between.
        new.file().try_lock().map_err(io::Error::from)?;
        let mut writer = BufWriter::new(new.file());
        let mut record = Vec::new();
        for placed in records {
            record.resize(usize::try_from(placed.length).unwrap_or(usize::MAX), 0);
            self.file.read_exact_at(&mut record, placed.offset)?;
            if placed.is_moved {
                let line = RecordLine::with_index(&String::from_utf8_lossy(&record), placed.place);
                writer.write_all(line.as_bytes())?;
            } else {
                writer.write_all(&record)?;
            }
        }
        writer.flush()?;
        drop(writer);
        self.file = new.persist(Durability::Cached)?;
        self.file.seek(SeekFrom::End(0))
    }

    /// Reads all records, one after the other.
    fn read(&self, mut take: impl FnMut(RecordSummary, PlacedRecord)) -> Result<Ending, Error> {
        let unreadable = |source| Error::Unreadable {
            path: self.shown.clone(),
            source,
        };
        let mut ending = Ending {
            torn: None,
            has_end: true,
        };
        let mut reader = BufReader::new(&self.file);
        reader.rewind().map_err(unreadable)?;
        let (mut line, mut offset, mut number) = (Vec::new(), 0, 0_u64);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(unreadable)?;
            if length == 0 {
                return Ok(ending);
            }
            number += 1;
            ending.has_end = line.ends_with(b"\n");
            match RecordSummary::parse_line(&line) {
                Some(found) => {
                    // A last line without its end gets it.
                    let length =
                        u32::try_from(length).unwrap_or(u32::MAX) + u32::from(!ending.has_end);
                    take(
                        found,
                        PlacedRecord {
                            place: LAST,
                            offset,
                            length,
                            is_moved: false,
                        },
                    );
                }
                None if !ending.has_end && RecordLine::is_torn(&line, number == 1) => {
                    ending.torn = Some(offset);
                }
                None => return Err(self.foreign(number)),
            }
            offset += length as u64;
        }
    }

    fn foreign(&self, line: u64) -> Error {
        Error::Usage {
            message: format!(
                "`{}`, line {line}: not a batch record",
                self.shown.display()
            ),
            hint: Some("choose another file with --output; this one was not changed".to_owned()),
        }
    }

    fn unwritable(&self, source: io::Error) -> Error {
        Error::Unwritable {
            path: self.shown.clone(),
            source,
        }
    }
}

/// How a file ends.
struct Ending {
    /// Where a record begins that broke off.
    torn: Option<u64>,
    /// Whether the last line has its end.
    has_end: bool,
}

/// Two runs with one file would ask everything twice.
fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Usage {
            message: format!("another run is writing to `{}`", path.display()),
            hint: Some("wait for it, or choose another file with --output".to_owned()),
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
            let mut opened = RecordFile::open(&path, false).expect("ours");
            let is_whole = length == two.len() - 1;
            assert_eq!(opened.notice.is_some(), !is_whole, "{length}");
            assert_eq!(
                opened.done.take_outcome(&text(7), 0),
                Some(EarlierOutcome::Answered)
            );
            assert_eq!(
                opened.done.take_outcome(&text(8), 1),
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
                let error = RecordFile::open(&path, true).expect_err(foreign).message();
                assert!(error.ends_with("not a batch record"), "{error}");
                assert_eq!(contents(&path), all);
            }
        }
    }

    #[test]
    fn two_runs_do_not_share_a_file() {
        let (_directory, path) = file("");
        let _open = RecordFile::open(&path, false).expect("new");
        assert!(
            RecordFile::open(&path, false)
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
            let mut opened = RecordFile::open(&path, without_failed).expect("ours");
            assert_eq!(contents(&path), left);
            assert_eq!(
                opened.done.take_outcome(&text(7), 0),
                (!without_failed).then_some(EarlierOutcome::Failed)
            );
            assert!(
                RecordFile::open(&path, false).is_err(),
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
        let mut opened = RecordFile::open(&path, false).expect("ours");
        opened.done.take_outcome(&text(7), 0);
        opened.done.take_outcome(&text(8), 2);
        opened.file.append(&record(3, 10, "text")).expect("written");
        opened.file.append(&record(1, 9, "text")).expect("written");
        opened.file.arrange(&mut opened.done).expect("arranged");
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
}
