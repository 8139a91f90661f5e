//! Files attached to the next message. They are read when they are attached, so that an error is
//! reported then, and again when they are sent, so that their current content is.

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::cli;
use crate::compose::user_turn::{most_bytes, read_files};
use crate::error::Error;
use crate::input::Attachment;

/// The attachments of the next message.
#[derive(Debug, Default)]
pub(super) struct Attachments(Vec<Named>);

#[derive(Debug)]
struct Named {
    path: PathBuf,
    /// Whether it may be text; otherwise it must be an image or a PDF.
    as_text: bool,
    /// Maximum size in bytes.
    most: u64,
}

impl Attachments {
    /// Returns the attachments given by flags, which have already been read.
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

    /// Attaches a file or directory of at most `most` bytes, and returns the number of bytes that
    /// it takes in the body.
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

    /// Reads all attachments.
    pub(super) async fn read(&self, app: &App) -> Result<Vec<Attachment>, Error> {
        let mut all = Vec::new();
        for named in &self.0 {
            all.append(&mut app.unless_interrupted(named.read(app)).await??);
        }
        Ok(all)
    }

    /// Removes an attachment by its number, counted from 1.
    pub(super) fn remove(&mut self, number: usize) -> Option<PathBuf> {
        let place = number
            .checked_sub(1)
            .filter(|place| *place < self.0.len())?;
        Some(self.0.remove(place).path)
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
