//! Where the items come from: lines of a file or of standard input, or files. They are read on a
//! separate thread, a few ahead of those being sent, so that neither a slow pipe nor a long file
//! blocks the run.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::batch::{
    BatchItem, BatchShard, ItemReader, ItemTemplate, UnfilledFields, for_each_item,
};
use crate::compose::user_turn::excluded_nothing;
use crate::error::Error;
use crate::input::{self, Exclusions, FileArgument, FoundFiles, Patient};

/// Number of items read ahead.
const AHEAD: usize = 16;

/// The name of standard input in messages.
const STDIN: &str = "standard input";

/// The source of the items.
#[derive(Debug)]
pub(super) enum Feed {
    /// Lines of a file.
    Lines(PathBuf),
    /// Lines of standard input.
    Stdin,
    /// Files.
    Files {
        /// Files, directories and patterns.
        paths: Vec<PathBuf>,
        /// The globs of what is left out of directories and patterns.
        exclude: Vec<String>,
    },
}

impl Feed {
    /// Returns the notice for when no item arrives for a while.
    pub(super) fn silence(&self) -> Option<String> {
        match self {
            Self::Lines(path) => Some(format!("still reading `{}`", path.display())),
            Self::Stdin => Some(
                "still waiting for lines on standard input; use -i FILE to read a file instead"
                    .to_owned(),
            ),
            Self::Files { .. } => None,
        }
    }
}

/// What the reader sends to the run.
#[derive(Debug)]
pub(super) enum News {
    /// The total number of items, or of those in the shard, and the mean size of an item in bytes.
    Total(u64, u64),
    /// A notice for the user.
    Notice(String),
    /// An item.
    Item(BatchItem),
    /// Reading failed; nothing more will come.
    Failed(Error),
}

/// Starts reading the items of a shard. Each field of `pattern` must occur in some item, of
/// whichever shard: a regular file is searched for them before its first item is sent; for a pipe,
/// items are held back until all fields were found.
pub(super) fn read(
    feed: Feed,
    pattern: Option<ItemTemplate>,
    shard: BatchShard,
) -> io::Result<mpsc::Receiver<News>> {
    let (news, receiver) = mpsc::channel(AHEAD);
    std::thread::Builder::new()
        .name("items".to_owned())
        .spawn(move || {
            let reader = Reader {
                news,
                pattern,
                shard,
            };
            let read = match feed {
                Feed::Lines(path) => reader.file(&path),
                Feed::Stdin => reader.stdin(),
                Feed::Files { paths, exclude } => reader.paths(&paths, &exclude),
            };
            if let Err(Stop::Failed(error)) = read {
                // If the run is ending, nobody receives this.
                let _ = reader.news.blocking_send(News::Failed(*error));
            }
        })?;
    Ok(receiver)
}

struct Reader {
    news: mpsc::Sender<News>,
    pattern: Option<ItemTemplate>,
    shard: BatchShard,
}

/// Why reading stopped early.
enum Stop {
    Failed(Box<Error>),
    /// The run needs no more items.
    Enough,
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

impl Reader {
    fn tell(&self, news: News) -> Result<(), Stop> {
        self.news.blocking_send(news).map_err(|_| Stop::Enough)
    }

    fn file(&self, path: &Path) -> Result<(), Stop> {
        let name = format!("`{}`", path.display());
        let unreadable = |source| input::Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mut lines = BufReader::new(file);
        let mut unfilled = self.unfilled_fields();
        if metadata.is_file() {
            let mut items = ItemReader::new(&name);
            let (mut total, mut all) = (0, 0_u64);
            for_each_item(&mut lines, &mut items, unreadable, |item| {
                unfilled.note_item(&item);
                total += u64::from(self.shard.has_item(item.key));
                all += 1;
                Ok::<(), Stop>(())
            })?;
            unfilled.check(&name)?;
            self.tell(News::Total(total, metadata.len() / all.max(1)))?;
            lines.rewind().map_err(unreadable)?;
        }
        self.send_lines(&mut lines, &name, unfilled, unreadable)
    }

    fn stdin(&self) -> Result<(), Stop> {
        let open = io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .map_err(input::Error::Stdin)?;
        self.send_lines(
            &mut BufReader::new(Patient(File::from(open))),
            STDIN,
            self.unfilled_fields(),
            input::Error::Stdin,
        )
    }

    fn send_lines(
        &self,
        lines: &mut impl BufRead,
        name: &str,
        mut unfilled: UnfilledFields,
        unreadable: impl Fn(io::Error) -> input::Error,
    ) -> Result<(), Stop> {
        let mut items = ItemReader::new(name);
        let mut held = Vec::new();
        for_each_item(lines, &mut items, unreadable, |item| {
            if !unfilled.is_empty() {
                unfilled.note_item(&item);
                if unfilled.is_final() {
                    unfilled.check(name)?;
                }
            }
            if item.is_array_start() {
                self.tell(News::Notice(format!(
                    "{name} looks like a JSON array, but each of its lines is taken as an item of \
                    text; `jq -c '.[]'` turns an array into JSON Lines"
                )))?;
            }
            held.extend(Some(item).filter(|item| self.shard.has_item(item.key)));
            if unfilled.is_empty() {
                self.tell_items(&mut held)?;
            }
            Ok::<(), Stop>(())
        })?;
        unfilled.check(name)?;
        self.tell_items(&mut held)?;
        if let Some((line, offset)) = items.first_bad_line() {
            self.tell(News::Notice(input::replaced(&line, offset)))?;
        }
        Ok(())
    }

    fn tell_items(&self, items: &mut Vec<BatchItem>) -> Result<(), Stop> {
        items
            .drain(..)
            .try_for_each(|item| self.tell(News::Item(item)))
    }

    fn unfilled_fields(&self) -> UnfilledFields {
        let fields = self.pattern.as_ref().map(ItemTemplate::unfilled_fields);
        fields.unwrap_or_default()
    }

    /// Checks that an item has every field of the template; all files have the same fields.
    fn check(&self, item: &BatchItem) -> Result<(), Stop> {
        self.pattern
            .as_ref()
            .map_or(Ok(()), |pattern| Ok(pattern.check_item(item)?))
    }

    fn paths(&self, given: &[PathBuf], exclude: &[String]) -> Result<(), Stop> {
        let exclude = Exclusions::new(exclude);
        let mut paths = Vec::new();
        for path in given {
            match FileArgument::find(path) {
                FileArgument::File(path) => paths.push(path),
                FileArgument::Directory(path) => {
                    paths
                        .append(&mut FoundFiles::below(&path, None, &exclude)?.that_can_be_sent()?);
                }
                FileArgument::Pattern(pattern) => {
                    paths
                        .append(&mut FoundFiles::matching(&pattern, &exclude)?.that_can_be_sent()?);
                }
            }
        }
        for glob in exclude.unused() {
            self.tell(News::Notice(excluded_nothing(glob)))?;
        }
        let mut bytes = 0_u64;
        for path in &paths {
            let unreadable = |source| input::Error::Unreadable {
                path: path.clone(),
                source,
            };
            let metadata = path.metadata().map_err(unreadable)?;
            bytes = bytes.saturating_add(metadata.len());
        }
        let mean_bytes = bytes / (paths.len() as u64).max(1);
        let items = (0..)
            .zip(paths)
            .map(|(index, path)| BatchItem::from_file(index, path))
            .filter(|item| self.shard.has_item(item.key));
        self.tell(News::Total(items.clone().count() as u64, mean_bytes))?;
        for item in items {
            self.check(&item)?;
            self.tell(News::Item(item))?;
        }
        Ok(())
    }
}
