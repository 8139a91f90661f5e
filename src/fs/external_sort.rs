//! Sorting more than fits into memory: entries are collected in a buffer, which is sorted and
//! written to a temporary file whenever it is full; the sorted runs in the file are merged while
//! they are read. The file has no name, so that nothing is left of it however the process ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::tempfile_in;

/// The key that entries are sorted by, element by element.
type SortKey = [u64; 3];

/// Limits on memory and on open runs.
#[derive(Debug, Clone, Copy)]
struct SortLimits {
    /// The size of the buffer, in bytes. One entry may be larger.
    buffer: usize,
    /// How many runs of one level are merged into one of the next, so that few have to be open.
    fan_in: usize,
    /// The read buffer of a run, in bytes.
    read_ahead: usize,
}

const LIMITS: SortLimits = SortLimits {
    buffer: 6 * 1024 * 1024,
    fan_in: 64,
    read_ahead: 32 * 1024,
};

/// Collects entries to be sorted.
#[derive(Debug)]
pub(crate) struct ExternalSort {
    directory: PathBuf,
    limits: SortLimits,
    buffer: EntryBuffer,
    spill: Option<SpillFile>,
}

#[derive(Debug, Default)]
struct EntryBuffer {
    bytes: Vec<u8>,
    entries: Vec<BufferedEntry>,
}

#[derive(Debug, Clone, Copy)]
struct BufferedEntry {
    key: SortKey,
    offset: usize,
    length: usize,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SortedEntry {
    /// The key that it was pushed with.
    pub(crate) key: SortKey,
    /// The payload that it was pushed with.
    pub(crate) payload: Vec<u8>,
}

impl ExternalSort {
    /// Creates an empty sort, whose temporary file will be in `directory`.
    pub(crate) fn in_directory(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            limits: LIMITS,
            buffer: EntryBuffer::default(),
            spill: None,
        }
    }

    /// Adds an entry. The order of entries with equal keys is not defined.
    pub(crate) fn push(&mut self, key: SortKey, payload: &[u8]) -> io::Result<()> {
        let size = payload.len() + size_of::<BufferedEntry>();
        if self.buffer.size() + size > self.limits.buffer && !self.buffer.entries.is_empty() {
            self.spill_buffer()?;
        }
        self.buffer.entries.push(BufferedEntry {
            key,
            offset: self.buffer.bytes.len(),
            length: payload.len(),
        });
        self.buffer.bytes.extend_from_slice(payload);
        Ok(())
    }

    /// Returns the entries in order.
    pub(crate) fn into_sorted(mut self) -> io::Result<SortedEntries> {
        if self.spill.is_some() && !self.buffer.entries.is_empty() {
            self.spill_buffer()?;
        }
        if let Some(spill) = self.spill {
            let merge = spill.merge(&spill.runs, self.limits)?;
            return Ok(SortedEntries(EntrySource::Runs(merge)));
        }
        self.buffer.sort();
        Ok(SortedEntries(EntrySource::Memory {
            entries: self.buffer.entries.into_iter(),
            bytes: self.buffer.bytes,
        }))
    }

    fn spill_buffer(&mut self) -> io::Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(SpillFile {
                file: Rc::new(tempfile_in(&self.directory)?),
                end: 0,
                runs: Vec::new(),
            }),
        };
        self.buffer.sort();
        let begin = spill.end;
        let mut writer = spill.writer();
        for entry in &self.buffer.entries {
            writer.write_entry(entry.key, self.buffer.payload(entry))?;
        }
        spill.end = writer.finish()?;
        self.buffer.entries.clear();
        self.buffer.bytes.clear();
        spill.add_run(
            SortedRun {
                begin,
                end: spill.end,
                level: 0,
            },
            self.limits,
        )
    }
}

impl EntryBuffer {
    /// Returns the size of the buffered entries in bytes.
    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<BufferedEntry>()
    }

    fn sort(&mut self) {
        self.entries.sort_unstable_by_key(|entry| entry.key);
    }

    fn payload(&self, entry: &BufferedEntry) -> &[u8] {
        &self.bytes[entry.offset..entry.offset + entry.length]
    }
}

/// The temporary file: runs one after the other. An entry is its key and the length of its payload
/// as little-endian numbers, then the payload.
#[derive(Debug)]
struct SpillFile {
    file: Rc<File>,
    end: u64,
    runs: Vec<SortedRun>,
}

#[derive(Debug, Clone, Copy)]
struct SortedRun {
    begin: u64,
    end: u64,
    /// 0 for a sorted buffer; a merged run is one level above its parts.
    level: u32,
}

impl SpillFile {
    fn writer(&self) -> RunWriter<'_> {
        RunWriter {
            writer: BufWriter::with_capacity(LIMITS.read_ahead, &*self.file),
            end: self.end,
        }
    }

    /// Adds a run that was written, and merges the last runs while there are enough of one level.
    fn add_run(&mut self, run: SortedRun, limits: SortLimits) -> io::Result<()> {
        self.runs.push(run);
        loop {
            let level = self.runs.last().map_or(0, |run| run.level);
            let of_level = self.runs.iter().rev().take_while(|run| run.level == level);
            if of_level.count() < limits.fan_in {
                return Ok(());
            }
            let parts = self.runs.split_off(self.runs.len() - limits.fan_in);
            let mut merge = self.merge(&parts, limits)?;
            let begin = self.end;
            let mut writer = self.writer();
            while let Some(entry) = merge.next_entry()? {
                writer.write_entry(entry.key, &entry.payload)?;
            }
            self.end = writer.finish()?;
            self.runs.push(SortedRun {
                begin,
                end: self.end,
                level: level + 1,
            });
        }
    }

    fn merge(&self, runs: &[SortedRun], limits: SortLimits) -> io::Result<RunMerge> {
        let mut merge = RunMerge {
            next: BinaryHeap::with_capacity(runs.len()),
            readers: Vec::with_capacity(runs.len()),
        };
        for run in runs {
            let part = FilePart {
                file: Rc::clone(&self.file),
                offset: run.begin,
                end: run.end,
            };
            let reader = BufReader::with_capacity(limits.read_ahead, part);
            merge.readers.push(reader);
            merge.read_next(merge.readers.len() - 1)?;
        }
        Ok(merge)
    }
}

/// Appends a run to the file.
struct RunWriter<'a> {
    writer: BufWriter<&'a File>,
    end: u64,
}

impl RunWriter<'_> {
    fn write_entry(&mut self, key: SortKey, payload: &[u8]) -> io::Result<()> {
        let length = payload.len() as u64;
        for number in key.into_iter().chain([length]) {
            self.writer.write_all(&number.to_le_bytes())?;
        }
        self.writer.write_all(payload)?;
        self.end += HEAD as u64 + length;
        Ok(())
    }

    /// Returns the offset at which the file now ends.
    fn finish(mut self) -> io::Result<u64> {
        self.writer.flush()?;
        Ok(self.end)
    }
}

/// The size of an entry before its payload, in bytes.
const HEAD: usize = size_of::<SortKey>() + size_of::<u64>();

/// A part of the file, read without moving its cursor, which writes use.
#[derive(Debug)]
struct FilePart {
    file: Rc<File>,
    offset: u64,
    end: u64,
}

impl Read for FilePart {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        let room_length = room.len().min(left);
        let length = self.file.read_at(&mut room[..room_length], self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// Merges runs while they are read.
#[derive(Debug)]
struct RunMerge {
    /// The head of the next entry of each run, with the number of its reader.
    next: BinaryHeap<Reverse<(SortKey, usize, usize)>>,
    readers: Vec<BufReader<FilePart>>,
}

impl RunMerge {
    fn next_entry(&mut self) -> io::Result<Option<SortedEntry>> {
        let Some(Reverse((key, number, length))) = self.next.pop() else {
            return Ok(None);
        };
        let mut payload = vec![0; length];
        self.readers[number].read_exact(&mut payload)?;
        self.read_next(number)?;
        Ok(Some(SortedEntry { key, payload }))
    }

    /// Reads the head of the next entry of a run, if there is one.
    fn read_next(&mut self, number: usize) -> io::Result<()> {
        let reader = &mut self.readers[number];
        if reader.buffer().is_empty() && reader.get_ref().offset == reader.get_ref().end {
            return Ok(());
        }
        let mut words = [0; HEAD / size_of::<u64>()];
        for word in &mut words {
            let mut bytes = [0; size_of::<u64>()];
            reader.read_exact(&mut bytes)?;
            *word = u64::from_le_bytes(bytes);
        }
        let [first, second, third, length] = words;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.next
            .push(Reverse(([first, second, third], number, length)));
        Ok(())
    }
}

/// The entries in order.
#[derive(Debug)]
pub(crate) struct SortedEntries(EntrySource);

#[derive(Debug)]
enum EntrySource {
    Memory {
        entries: std::vec::IntoIter<BufferedEntry>,
        bytes: Vec<u8>,
    },
    Runs(RunMerge),
}

impl SortedEntries {
    /// Returns the next entry; `None` after the last one.
    pub(crate) fn next_entry(&mut self) -> io::Result<Option<SortedEntry>> {
        match &mut self.0 {
            EntrySource::Memory { entries, bytes } => Ok(entries.next().map(|entry| SortedEntry {
                key: entry.key,
                payload: bytes[entry.offset..entry.offset + entry.length].to_vec(),
            })),
            EntrySource::Runs(merge) => merge.next_entry(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Sorts `count` entries with limits that force it to use the disk, and returns them and the
    /// number of runs.
    fn sorted(count: u64, buffer: usize) -> (Vec<SortedEntry>, usize) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut sort = ExternalSort::in_directory(directory.path());
        sort.limits = SortLimits {
            buffer,
            fan_in: 3,
            read_ahead: 16,
        };
        for number in 0..count {
            // An order unlike the sorted one; the payloads differ in length.
            let key = [number * 7919 % count, number, 0];
            let payload = vec![b'x'; usize::try_from(key[0] % 90).expect("small")];
            sort.push(key, &payload).expect("written");
        }
        let names = fs::read_dir(directory.path()).expect("readable").count();
        assert_eq!(names, 0, "the file has no name");
        let runs = sort.spill.as_ref().map_or(0, |spill| spill.runs.len());
        let mut entries = sort.into_sorted().expect("sorted");
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().expect("read") {
            found.push(entry);
        }
        (found, runs)
    }

    #[test]
    fn entries_come_in_order_however_little_memory_there_is() {
        for (count, buffer, max_runs) in [
            (0, 1000, 0),
            (1, 1, 0),
            (10, 100_000, 0),
            (500, 1, 20),
            (500, 300, 20),
            (500, 10_000, 10),
        ] {
            let (entries, runs) = sorted(count, buffer);
            assert_eq!(entries.len() as u64, count);
            for (place, entry) in (0..).zip(&entries) {
                assert_eq!(
                    (entry.key[0], entry.payload.len() as u64),
                    (place, place % 90)
                );
            }
            assert!(runs <= max_runs, "{count} entries: {runs} runs");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_once_it_is_needed() {
        let mut sort = ExternalSort::in_directory(Path::new("/nonexistent"));
        sort.limits.buffer = 1;
        sort.push([0; 3], b"a").expect("it is in memory");
        assert!(sort.push([1, 0, 0], b"b").is_err());
    }
}
