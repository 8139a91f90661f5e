//! `langdock merge`: merges the outputs of a batch's shards, in the order of the items.
//!
//! Records are sorted, on disk if there are many, and merged while they are read, so memory does
//! not grow with the number of items. If the input is given, they are first sorted by key together
//! with its items, to find the item of each record, and then by the position of that item.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::batch::{
    BatchShard, InputItem, ItemKey, ItemMatcher, ItemReader, MergeReport, RecordLine, RecordMerger,
    RecordSummary, for_each_item, for_each_record,
};
use crate::cli;
use crate::error::Error;
use crate::fs::{ExternalSort, SortedEntries, SortedEntry};
use crate::input::{self, Patient};
use crate::ui::{OutputSink, PartFile, StdoutWriter};

/// Number of bytes written at a time.
const WRITE_SIZE: usize = 64 * 1024;

/// The position of the kind in a sort key. It orders entries with the same position: items, then
/// answers, then failures. Within a kind, records are numbered in the order in which they are read.
const KIND_SHIFT: u32 = 62;
const ITEM: u64 = 0;
const ANSWER: u64 = 1 << KIND_SHIFT;
const FAILURE: u64 = 2 << KIND_SHIFT;

/// Merges the records of several outputs.
pub(crate) fn merge(app: &App, args: &cli::MergeArgs) -> Result<(), Error> {
    check_paths(args)?;
    let mut sorts = RecordSorts::new(&app.env.temporary_directory);
    if let Some(input) = &args.input {
        sorts.add_items(input)?;
    }
    for path in &args.files {
        if let Some(notice) = sorts.add_records(path)? {
            app.notices.notice(&notice);
        }
    }
    let mut sink = open_sink(app, args.output.as_deref())?;
    let report = sorts.write_merged(&mut sink)?;
    sink.flush_pending()?;
    sink.close_file(true)?;
    let input = args.input.as_deref().map(name_of);
    for notice in report.notices(input.as_deref()) {
        app.notices.notice(&notice);
    }
    match report.flaws() {
        Some(flaws) => Err(Error::Merge(flaws)),
        None => Ok(()),
    }
}

/// Checks that standard input is read only once, and that the output does not replace the input.
fn check_paths(args: &cli::MergeArgs) -> Result<(), Error> {
    let read = args.files.iter().chain(&args.input);
    if read.filter(|path| is_dash(path)).count() > 1 {
        return Err(Error::Usage {
            message: "standard input can be read only once".to_owned(),
            hint: Some("name files instead of -".to_owned()),
        });
    }
    let identity = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((metadata.dev(), metadata.ino()))
    };
    let input = args.input.as_ref().and_then(identity);
    if input.is_some() && input == args.output.as_ref().and_then(identity) {
        return Err(Error::Usage {
            message: "the input and the output are the same file".to_owned(),
            hint: Some("name another file with --output".to_owned()),
        });
    }
    Ok(())
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Returns the name of a file that is read, for messages.
fn name_of(path: &Path) -> String {
    if is_dash(path) {
        "standard input".to_owned()
    } else {
        format!("`{}`", path.display())
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> input::Error + Copy + '_ {
    move |source| {
        if is_dash(path) {
            input::Error::Stdin(source)
        } else {
            input::Error::Unreadable {
                path: path.to_owned(),
                source,
            }
        }
    }
}

fn open_lines(path: &Path) -> Result<Box<dyn BufRead>, input::Error> {
    let open = || -> io::Result<Box<dyn BufRead>> {
        if is_dash(path) {
            let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            return Ok(Box::new(BufReader::new(Patient(stdin))));
        }
        Ok(Box::new(BufReader::new(File::open(path)?)))
    };
    open().map_err(unreadable(path))
}

fn open_sink(app: &App, output: Option<&Path>) -> Result<OutputSink, Error> {
    Ok(match output.filter(|path| !is_dash(path)) {
        Some(path) => OutputSink::for_file(PartFile::open(path)?),
        None => OutputSink::for_stdout(
            StdoutWriter::open()?,
            app.facts.stdout_is_terminal,
            app.interrupt.clone(),
        ),
    })
}

/// The items and records to be merged.
struct RecordSorts {
    /// Items, and records that have a key: sorted by key, index and kind.
    by_key: ExternalSort,
    /// Items, and records whose item is known: sorted by position and kind.
    by_position: ExternalSort,
    shards: BTreeSet<BatchShard>,
    has_input: bool,
    /// Number of records read so far.
    count: u64,
    temporary_directory: PathBuf,
}

impl RecordSorts {
    fn new(temporary_directory: &Path) -> Self {
        Self {
            by_key: ExternalSort::in_directory(temporary_directory),
            by_position: ExternalSort::in_directory(temporary_directory),
            shards: BTreeSet::new(),
            has_input: false,
            count: 0,
            temporary_directory: temporary_directory.to_owned(),
        }
    }

    /// Reads the items of the input.
    fn add_items(&mut self, path: &Path) -> Result<(), Error> {
        self.has_input = true;
        let mut lines = open_lines(path)?;
        let mut items = ItemReader::new(&name_of(path));
        for_each_item(&mut lines, &mut items, unreadable(path), |item| {
            let marker = InputItem::from_item(&item).to_bytes();
            let (key, index) = (item.key.number(), item.index);
            self.by_key
                .push([key, index, ITEM], &[])
                .and_then(|()| self.by_position.push([index, ITEM, 0], &marker))
                .map_err(cannot_sort(&self.temporary_directory))
        })
    }

    /// Reads the records of an output. Returns a notice for the user.
    fn add_records(&mut self, path: &Path) -> Result<Option<String>, Error> {
        let mut lines = open_lines(path)?;
        let unreadable = |source| Error::from(unreadable(path)(source));
        let foreign = |line| Error::Usage {
            message: format!("{}, line {line}: not a batch record", name_of(path)),
            hint: Some("name outputs of `langdock batch`; the input goes after -i".to_owned()),
        };
        let ending = for_each_record(&mut lines, unreadable, foreign, |found, span| {
            let kind = if found.is_error { FAILURE } else { ANSWER };
            let order = kind | self.count;
            self.count += 1;
            self.shards.insert(found.shard);
            let pushed = match found.key.filter(|_| self.has_input) {
                Some(key) => self
                    .by_key
                    .push([key.number(), found.index, order], span.bytes),
                None => self.by_position.push([found.index, order, 0], span.bytes),
            };
            pushed.map_err(cannot_sort(&self.temporary_directory))
        })?;
        Ok(ending.torn.map(|_| {
            format!(
                "the last line of {} is incomplete; skipping it",
                name_of(path)
            )
        }))
    }

    /// Finds the items of the records that have a key. Returns all records by position, and the
    /// number of records that belong to no item.
    fn match_items(self) -> Result<(SortedEntries, u64), Error> {
        let cannot_sort = cannot_sort(&self.temporary_directory);
        let mut by_key = self.by_key.into_sorted().map_err(cannot_sort)?;
        let mut by_position = self.by_position;
        let mut matcher = ItemMatcher::default();
        let mut push_matched = |matcher: &mut ItemMatcher<(u64, Vec<u8>)>| {
            let mut records = matcher.drain_matched();
            records.try_for_each(|(position, (order, record))| {
                by_position
                    .push([position, order, 0], &record)
                    .map_err(cannot_sort)
            })
        };
        while let Some(SortedEntry { key, payload }) = by_key.next_entry().map_err(cannot_sort)? {
            let [key, index, order] = key;
            let key = ItemKey::from_number(key);
            if order == ITEM {
                matcher.push_item(key, index);
            } else {
                matcher.push_record(key, index, (order, payload));
            }
            push_matched(&mut matcher)?;
        }
        let foreign = matcher.finish();
        push_matched(&mut matcher)?;
        let entries = by_position.into_sorted().map_err(cannot_sort)?;
        Ok((entries, foreign))
    }

    /// Writes one record for each item.
    fn write_merged(self, sink: &mut OutputSink) -> Result<MergeReport, Error> {
        let mut merger = RecordMerger::new(self.has_input, self.shards.clone());
        let temporary_directory = self.temporary_directory.clone();
        let cannot_sort = cannot_sort(&temporary_directory);
        let (mut entries, foreign) = self.match_items()?;
        merger.add_foreign(foreign);
        let mut written = 0;
        while let Some(SortedEntry { key, payload }) = entries.next_entry().map_err(cannot_sort)? {
            let [index, order, _] = key;
            if order == ITEM {
                let item = InputItem::parse_bytes(&payload).expect("it was encoded above");
                merger.push_item(index, item);
                continue;
            }
            let record = RecordSummary::parse_line(&payload).expect("it was parsed above");
            if let Some(place) = merger.push_record(index, &record) {
                let line = RecordLine::merged(&payload, place);
                sink.write_json(&line);
                written += line.len();
            }
            if written >= WRITE_SIZE {
                sink.flush_pending()?;
                written = 0;
            }
        }
        Ok(merger.finish())
    }
}

fn cannot_sort(directory: &Path) -> impl Fn(io::Error) -> Error + Copy + '_ {
    move |source| Error::Unwritable {
        path: directory.to_owned(),
        source,
    }
}
