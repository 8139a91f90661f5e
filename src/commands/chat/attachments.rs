//! Files attached to the next message. They are read when they are attached, so that an error is
//! reported then, and again when they are sent, so that their current content is. What can be read
//! only once, such as a pipe, is kept as it was read.

use std::path::{Path, PathBuf};

use crate::cli;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::user_turn::{FileReader, most_bytes};
use crate::error::Error;
use crate::exchange::engine::Exchange;
use crate::input::{Attachment, CLIPBOARD, Exclusions, FileArgument, assemble};
use crate::protocol::ContentBlock;

/// The attachments of the next message.
#[derive(Debug, Default)]
pub(super) struct Attachments(Vec<Attached>);

#[derive(Debug)]
enum Attached {
    /// A file or directory, which is read when it is sent.
    Path(Named),
    /// What was read, and its name.
    Block(String, Box<ContentBlock>),
}

#[derive(Debug)]
struct Named {
    path: PathBuf,
    role: PathRole,
    /// What is left out of directories and patterns.
    exclude: Exclusions,
    /// Maximum size in bytes.
    most: u64,
}

/// What a path names.
#[derive(Debug, Clone, Copy)]
pub(super) enum PathRole {
    /// A file, a directory or a pattern.
    File,
    /// A list of files.
    List,
    /// An image or a PDF, which may not be text.
    NotAsText,
}

impl Attachments {
    /// Returns the attachments given by flags, which have been read into the blocks of the first
    /// message: `content`, with `names`, the prompt at its end.
    pub(super) fn from_flags(
        input: &cli::InputArgs,
        names: &[String],
        content: &[ContentBlock],
    ) -> Self {
        let lists = [
            (&*input.files, PathRole::File),
            (input.files_from.as_slice(), PathRole::List),
            (&*input.attached, PathRole::NotAsText),
        ];
        let mut paths = lists.iter().flat_map(|(paths, _)| *paths);
        if paths.any(|path| is_read_once(path)) {
            let blocks = names.iter().cloned().zip(content.iter().cloned());
            let files = content.len().saturating_sub(1);
            return Self(blocks.take(files).map(Attached::from_block).collect());
        }
        let of_paths = |(paths, role): (&[PathBuf], PathRole)| {
            let attached = |path: &PathBuf| {
                Attached::Path(Named {
                    path: path.clone(),
                    role,
                    exclude: Exclusions::new(&input.exclude),
                    most: most_bytes(input),
                })
            };
            paths.iter().map(attached).collect::<Vec<_>>()
        };
        Self(lists.into_iter().flat_map(of_paths).collect())
    }

    /// Attaches a file, a directory or what matches a pattern, of at most `most` bytes, and returns
    /// the number of bytes that the files have.
    pub(super) async fn add(
        &mut self,
        exchange: &Exchange<'_>,
        guard: SecretGuard<'_>,
        path: &Path,
        role: PathRole,
        most: u64,
    ) -> Result<u64, Error> {
        let named = Named {
            path: path.to_owned(),
            role,
            exclude: Exclusions::default(),
            most,
        };
        let read = guard.app.unless_interrupted(named.read(guard)).await??;
        let bytes = read.iter().map(|file| file.raw_bytes() as u64).sum();
        if is_read_once(path) {
            self.add_read(exchange, read).await?;
        } else {
            // What cannot be sent is refused now, and not with the message.
            assemble(None, read, None)?;
            self.0.push(Attached::Path(named));
        }
        Ok(bytes)
    }

    /// Attaches what has been read already.
    pub(super) async fn add_read(
        &mut self,
        exchange: &Exchange<'_>,
        read: Vec<Attachment>,
    ) -> Result<(), Error> {
        let mut turn = assemble(None, read, None)?;
        for notice in &turn.notices {
            exchange.app.notices.notice_always(notice);
        }
        exchange.fit_turn(&mut turn, 0, &[], true).await?;
        let blocks = turn.names.into_iter().zip(turn.content);
        self.0.extend(blocks.map(Attached::from_block));
        Ok(())
    }

    /// Returns what was read before.
    pub(super) fn blocks(&self) -> Vec<ContentBlock> {
        let block = |attached: &Attached| match attached {
            Attached::Path(_) => None,
            Attached::Block(_, block) => Some((**block).clone()),
        };
        self.0.iter().filter_map(block).collect()
    }

    /// Reads the files and directories.
    pub(super) async fn read(&self, guard: SecretGuard<'_>) -> Result<Vec<Attachment>, Error> {
        let mut all = Vec::new();
        for attached in &self.0 {
            if let Attached::Path(named) = attached {
                all.append(&mut guard.app.unless_interrupted(named.read(guard)).await??);
            }
        }
        Ok(all)
    }

    /// Removes an attachment by its number, counted from 1.
    pub(super) fn remove(&mut self, number: usize) -> Option<String> {
        let place = number
            .checked_sub(1)
            .filter(|place| *place < self.0.len())?;
        Some(self.0.remove(place).name())
    }

    /// Removes all attachments.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the number of attachments.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns a numbered list.
    pub(super) fn list(&self) -> String {
        let row =
            |(place, attached): (usize, &Attached)| format!("{}  {}\n", place + 1, attached.name());
        self.0.iter().enumerate().map(row).collect()
    }
}

impl Attached {
    /// Creates it from what was read, with the name that messages quote.
    fn from_block((name, block): (String, ContentBlock)) -> Self {
        Self::Block(name.trim_matches('`').to_owned(), Box::new(block))
    }

    fn name(&self) -> String {
        match self {
            Self::Path(named) => named.path.display().to_string(),
            Self::Block(name, _) => name.clone(),
        }
    }
}

/// Whether something is gone once it has been read: a pipe, a socket, a device, or what is on the
/// clipboard.
fn is_read_once(path: &Path) -> bool {
    if path.as_os_str() == CLIPBOARD {
        return true;
    }
    let metadata = path.metadata();
    metadata.is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

impl Named {
    async fn read(&self, guard: SecretGuard<'_>) -> Result<Vec<Attachment>, Error> {
        let reader = FileReader {
            app: guard.app,
            exclude: &self.exclude,
            most: self.most,
        };
        let mut files = match self.role {
            PathRole::File => reader.read(&FileArgument::find(&self.path)).await?,
            PathRole::List => reader.read_listed(&self.path).await?,
            PathRole::NotAsText => reader.read_not_as_text(&self.path).await?,
        };
        guard.check_files(&mut files, std::slice::from_ref(&self.path))?;
        Ok(files)
    }
}
