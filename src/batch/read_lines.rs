//! Reading inputs and outputs line by line, from whatever they come.

use std::io::{self, BufRead};

use super::item::{BatchItem, ItemReader};
use super::record::{RecordLine, RecordSummary};
use crate::input;
use crate::media::{FileKind, detect_file_kind};

/// Makes items of the lines of an input, one after the other.
///
/// # Errors
///
/// If a line cannot be read, if the first one is not text, or if `take` fails.
pub(crate) fn for_each_item<E: From<input::Error>>(
    lines: &mut impl BufRead,
    items: &mut ItemReader,
    unreadable: impl Fn(io::Error) -> input::Error,
    mut take: impl FnMut(BatchItem) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(&unreadable)? == 0 {
            return Ok(());
        }
        if std::mem::take(&mut is_first) && detect_file_kind(&line) != FileKind::Text {
            return Err(input::Error::Binary {
                name: items.source_name().to_owned(),
            }
            .into());
        }
        if let Some(item) = items.read_line(&line) {
            take(item)?;
        }
    }
}

/// A record in an output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordSpan<'a> {
    /// The number of its line, from 1.
    pub(crate) number: u64,
    /// Byte offset of its first byte.
    pub(crate) offset: u64,
    /// Its bytes, with its line feed if it has one.
    pub(crate) bytes: &'a [u8],
}

/// How an output ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutputEnding {
    /// Byte offset of a record that broke off.
    pub(crate) torn: Option<u64>,
    /// Whether the last line has its line feed.
    pub(crate) has_end: bool,
}

/// Reads the records of an output, one after the other.
///
/// # Errors
///
/// `foreign` with the number of a line that is not a record, `unreadable` if a line cannot be read,
/// and what `take` fails with.
pub(crate) fn for_each_record<E>(
    lines: &mut impl BufRead,
    unreadable: impl Fn(io::Error) -> E,
    foreign: impl Fn(u64) -> E,
    mut take: impl FnMut(RecordSummary, RecordSpan<'_>) -> Result<(), E>,
) -> Result<OutputEnding, E> {
    let mut ending = OutputEnding {
        torn: None,
        has_end: true,
    };
    let (mut line, mut offset, mut number) = (Vec::new(), 0, 0_u64);
    loop {
        line.clear();
        let length = lines.read_until(b'\n', &mut line).map_err(&unreadable)?;
        if length == 0 {
            return Ok(ending);
        }
        number += 1;
        ending.has_end = line.ends_with(b"\n");
        match RecordSummary::parse_line(&line) {
            Some(found) => take(
                found,
                RecordSpan {
                    number,
                    offset,
                    bytes: &line,
                },
            )?,
            None if !ending.has_end && RecordLine::is_torn(&line, number == 1) => {
                ending.torn = Some(offset);
            }
            None => return Err(foreign(number)),
        }
        offset += length as u64;
    }
}
