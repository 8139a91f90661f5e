//! Files that go with the next message. They are read when they are named, so that what cannot be
//! sent is told then, and again when they are sent, as they are by then.

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::cli;
use crate::compose::user_turn::{most_bytes, read_files};
use crate::error::Error;
use crate::input::Attachment;

/// What goes with the next message.
#[derive(Debug, Default)]
pub(super) struct Attachments(Vec<Named>);

#[derive(Debug)]
struct Named {
    path: PathBuf,
    /// Whether it may be text; else it has to be an image or a PDF.
    as_text: bool,
    /// The most bytes that it may have.
    most: u64,
}

impl Attachments {
    /// Those of the flags, which have been read.
    pub(super) fn from_flags(input: &cli::InputArgs) -> Self {
        let most = most_bytes(input);
        let named = |(paths, as_text): (&[PathBuf], bool)| {
            paths
                .iter()
                .map(move |path| Named {
                    path: path.clone(),
                    as_text,
                    most,
                })
                .collect::<Vec<_>>()
        };
        Self(
            [(&*input.files, true), (&*input.attached, false)]
                .into_iter()
                .flat_map(named)
                .collect(),
        )
    }

    /// Adds a file or directory of `most` bytes, and gives those that it takes in the body.
    pub(super) async fn add(
        &mut self,
        app: &App,
        path: &Path,
        as_text: bool,
        most: u64,
    ) -> Result<u64, Error> {
        let named = Named {
            path: path.to_owned(),
            as_text,
            most,
        };
        let read = app.unless_interrupted(named.read(app)).await??;
        self.0.push(named);
        Ok(read
            .iter()
            .map(|attachment| attachment.body_bytes() as u64)
            .sum())
    }

    /// Reads all of them.
    pub(super) async fn read(&self, app: &App) -> Result<Vec<Attachment>, Error> {
        let mut all = Vec::new();
        for named in &self.0 {
            all.append(&mut app.unless_interrupted(named.read(app)).await??);
        }
        Ok(all)
    }

    /// Removes one by its number, counted from 1.
    pub(super) fn remove(&mut self, number: usize) -> Option<PathBuf> {
        let place = number
            .checked_sub(1)
            .filter(|place| *place < self.0.len())?;
        Some(self.0.remove(place).path)
    }

    /// Removes all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The list, numbered.
    pub(super) fn list(&self) -> String {
        let row =
            |(place, named): (usize, &Named)| format!("{}  {}\n", place + 1, named.path.display());
        self.0.iter().enumerate().map(row).collect()
    }
}

impl Named {
    async fn read(&self, app: &App) -> Result<Vec<Attachment>, Error> {
        let (path, most) = (std::slice::from_ref(&self.path), self.most);
        if self.as_text {
            read_files(app, path, &[], most).await
        } else {
            read_files(app, &[], path, most).await
        }
    }
}
