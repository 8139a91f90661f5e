//! Where the records go: standard output, in the order of the items or as they arrive, or a file
//! that the next run can continue.

use std::path::Path;

use super::file::{Opened, RecordFile};
use crate::app::App;
use crate::batch::{BatchShard, EarlierOutcome, EarlierRecords, ItemPlace, OrderedRecords};
use crate::cli::BatchItemArgs;
use crate::error::Error;
use crate::ui::{self, OutputSink, PartFile};

/// The destination of the records.
pub(super) struct Output {
    target: Target,
    done: EarlierRecords,
    unordered: bool,
}

enum Target {
    /// An output that cannot be read again. Records are ordered, unless they may be unordered.
    Stream(OutputSink, OrderedRecords),
    File(RecordFile),
}

impl Output {
    /// Opens the output, and reads the records of earlier runs.
    pub(super) fn open(
        app: &App,
        many: &BatchItemArgs,
        shard: BatchShard,
        prompt: &str,
    ) -> Result<Self, Error> {
        let path = many
            .output
            .as_deref()
            .filter(|path| path.as_os_str() != "-");
        let (target, done) = match path {
            None => {
                let stdout = ui::StdoutWriter::open()?;
                let sink = OutputSink::for_stdout(
                    stdout,
                    app.facts.stdout_is_terminal,
                    app.interrupt.clone(),
                );
                (
                    Target::Stream(sink, OrderedRecords::default()),
                    EarlierRecords::default(),
                )
            }
            Some(path) if is_stream(path) => (
                Target::Stream(
                    OutputSink::for_file(PartFile::open(path)?),
                    OrderedRecords::default(),
                ),
                EarlierRecords::default(),
            ),
            Some(path) => {
                let Opened { file, done, notice } =
                    RecordFile::open(path, shard, prompt, many.retry_failed)?;
                if let Some(notice) = notice {
                    app.notices.notice(&notice);
                }
                (Target::File(file), done)
            }
        };
        Ok(Self {
            target,
            done,
            unordered: many.unordered,
        })
    }

    /// Returns the result of an item in an earlier run.
    pub(super) fn before(&mut self, hash: &str, place: ItemPlace) -> Option<EarlierOutcome> {
        self.done.take_outcome(hash, place)
    }

    /// Whether another item may be started, because not too many records wait for earlier ones.
    pub(super) fn has_room(&self) -> bool {
        match &self.target {
            Target::Stream(_, turns) => turns.has_room(),
            Target::File(_) => true,
        }
    }

    /// Writes the record of an item, or notes that it has none; `sequence` is the item's number in
    /// this run.
    pub(super) fn take(&mut self, sequence: u64, record: Option<String>) -> Result<(), Error> {
        match &mut self.target {
            Target::File(file) => record.map_or(Ok(()), |record| file.append(&record)),
            Target::Stream(sink, turns) => {
                let ready = if self.unordered {
                    record.unwrap_or_default()
                } else {
                    turns.take_ready(sequence, record)
                };
                write(sink, &ready)
            }
        }
    }

    /// Writes the remaining records, and sorts a file. Returns the number of records that belong to
    /// no item of this run; `is_whole` says whether all items were read.
    pub(super) fn close(&mut self, is_whole: bool) -> Result<usize, Error> {
        match &mut self.target {
            Target::Stream(sink, turns) => {
                let rest = turns.take_rest();
                write(sink, &rest)?;
                Ok(0)
            }
            Target::File(file) => {
                let left_over = if is_whole {
                    self.done.unclaimed_count()
                } else {
                    0
                };
                file.arrange(&mut self.done, self.unordered)?;
                Ok(left_over)
            }
        }
    }

    /// Whether another run can continue the output.
    pub(super) fn can_go_on(&self) -> bool {
        matches!(self.target, Target::File(_))
    }

    /// Waits until the reader has closed the output.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + use<> {
        let closed = match &self.target {
            Target::Stream(sink, _) => Some(sink.wait_until_closed()),
            Target::File(_) => None,
        };
        async move {
            match closed {
                Some(closed) => closed.await,
                None => std::future::pending().await,
            }
        }
    }
}

fn write(sink: &mut OutputSink, records: &str) -> Result<(), Error> {
    sink.write_json(records);
    Ok(sink.flush_pending()?)
}

/// Whether the path exists and is not a regular file, such as `/dev/null` or a named pipe.
fn is_stream(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}
