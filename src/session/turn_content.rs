//! The content of a saved turn: short ones are in memory, long ones are read from the file when
//! they are needed. A server may have sent megabytes for each of many turns, and a command needs
//! few of them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::fs::open_regular;
use crate::model_text::unreadable_content;
use crate::protocol::{ContentBlock, compact_text};

/// The longest content that is kept in memory, in bytes.
const MAX_KEPT_BYTES: usize = 64 * 1024;

/// The content of a turn as it is stored.
#[derive(Debug, Clone)]
pub(super) enum TurnContent {
    /// The blocks.
    Kept(Box<RawValue>),
    /// The place of the turn's line in the file.
    InFile(Range<u64>),
}

impl TurnContent {
    /// Forgets a long content that is in the file at this place.
    pub(super) fn leave_in_file(&mut self, place: Range<u64>) {
        if let Self::Kept(content) = self
            && content.get().len() > MAX_KEPT_BYTES
        {
            *self = Self::InFile(place);
        }
    }

    /// Returns the blocks. If they cannot be read, a text says what is lost, as with a missing
    /// file.
    pub(super) fn blocks(&self, path: &Path) -> Vec<ContentBlock> {
        self.read(path, parse_blocks)
            .unwrap_or_else(|error| vec![ContentBlock::text(unreadable_content(&error))])
    }

    /// Returns the blocks as JSON text, or a text that says what is lost.
    pub(super) fn to_raw(&self, path: &Path) -> Box<RawValue> {
        let stored = self.read(path, ToOwned::to_owned);
        stored.unwrap_or_else(|_| to_raw_value(&self.blocks(path)).expect("a text is JSON"))
    }

    /// Appends the blocks as compact JSON text, or a text that says what is lost.
    pub(super) fn write_json(&self, path: &Path, json: &mut String) {
        let written = self.read(path, |content| {
            compact_text(content.get()).map(|content| json.push_str(&content))
        });
        if !matches!(written, Ok(Ok(()))) {
            let lost = serde_json::to_string(&self.blocks(path));
            json.push_str(&lost.expect("content blocks are maps with string keys"));
        }
    }

    /// Returns about how many bytes they have in the file.
    pub(super) fn stored_bytes(&self) -> usize {
        match self {
            Self::Kept(content) => content.get().len(),
            Self::InFile(place) => usize::try_from(place.end - place.start).unwrap_or(usize::MAX),
        }
    }

    /// Reads the blocks as JSON text, which is not copied.
    ///
    /// # Errors
    ///
    /// If they are in the file, and that cannot be read or was changed.
    fn read<T>(&self, path: &Path, read: impl FnOnce(&RawValue) -> T) -> io::Result<T> {
        match self {
            Self::Kept(content) => Ok(read(content)),
            Self::InFile(place) => {
                let line = read_line(path, place)?;
                let turn: StoredTurn<'_> = serde_json::from_slice(&line)?;
                Ok(read(turn.content))
            }
        }
    }
}

/// Returns the blocks of a turn. A single text block is by far the most common, so it is parsed
/// directly.
pub(super) fn parse_blocks(content: &RawValue) -> Vec<ContentBlock> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PlainText<'a> {
        #[serde(borrow)]
        r#type: Cow<'a, str>,
        #[serde(borrow)]
        text: Cow<'a, str>,
    }
    if let Ok([text]) = serde_json::from_str::<[PlainText<'_>; 1]>(content.get())
        && text.r#type == "text"
    {
        return vec![ContentBlock::text(text.text)];
    }
    // As with a missing file, a text says what is lost.
    ContentBlock::parse_list(content.get())
        .unwrap_or_else(|error| vec![ContentBlock::text(unreadable_content(&error))])
}

/// What is read of the line of a turn.
#[derive(Deserialize)]
struct StoredTurn<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

fn read_line(path: &Path, place: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut file: File = open_regular(path)?;
    file.seek(SeekFrom::Start(place.start))?;
    let length = usize::try_from(place.end - place.start).map_err(io::Error::other)?;
    let mut line = vec![0; length];
    file.read_exact(&mut line)?;
    Ok(line)
}
