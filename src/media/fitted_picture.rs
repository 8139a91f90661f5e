//! Makes a picture fit the limits, and says in words what was changed.

use bytes::Bytes;

use super::codec::redraw;
use super::image::{ImageError, PixelSize, read_picture};
use super::layout::{PictureLayout, remove_metadata};
use super::picture_fit::{PictureChange, PictureFacts, PictureFit, decide};
use super::sniff::{FileKind, detect_file_kind};

/// A picture, and what has to be done with it.
#[derive(Debug)]
pub(crate) struct PicturePlan {
    facts: PictureFacts,
    layout: PictureLayout,
    change: PictureChange,
}

/// A picture as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FittedPicture {
    /// The file.
    pub(crate) bytes: Bytes,
    /// The media type of the file.
    pub(crate) media_type: &'static str,
    /// Its size.
    pub(crate) size: PixelSize,
    /// What was changed: the rest of a sentence that begins with its name.
    pub(crate) change: Option<String>,
}

impl PicturePlan {
    /// Decides what has to be done with a picture.
    ///
    /// # Errors
    ///
    /// If it is damaged, or exceeds a limit and cannot be changed.
    pub(crate) fn new(bytes: &[u8], fit: PictureFit) -> Result<Self, ImageError> {
        let kind = detect_file_kind(bytes);
        let (size, layout) = read_picture(kind, bytes)?;
        let facts = PictureFacts {
            kind,
            size,
            orientation: layout.orientation(bytes),
            file_bytes: bytes.len(),
            metadata_bytes: layout.metadata_bytes(),
            decoder_bytes: layout.decoder_bytes,
        };
        let change = decide(&facts, fit)?;
        Ok(Self {
            facts,
            layout,
            change,
        })
    }

    /// Whether the picture has to be decoded, which may take seconds.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self.change, PictureChange::Redraw(_))
    }

    /// Does what was decided with the picture that it was decided for.
    ///
    /// # Errors
    ///
    /// If the picture cannot be decoded.
    pub(crate) fn carry_out(self, bytes: Bytes) -> Result<FittedPicture, ImageError> {
        let change = self.change;
        match change {
            PictureChange::None => Ok(self.fitted(bytes, None)),
            PictureChange::Strip => {
                let stripped = self.without_metadata(bytes);
                let change = Some("is sent without its metadata".to_owned());
                Ok(self.fitted(stripped, change))
            }
            PictureChange::Redraw(how) => {
                // What decoders would do with metadata is not their concern here.
                let bytes = if self.layout.metadata.is_empty() {
                    bytes
                } else {
                    self.without_metadata(bytes)
                };
                let redrawn = redraw(&bytes, &self.facts, &how)?;
                let change = self.describe(redrawn.kind, redrawn.size);
                Ok(FittedPicture {
                    bytes: redrawn.bytes.into(),
                    media_type: redrawn.kind.media_type().unwrap_or_default(),
                    size: redrawn.size,
                    change: Some(change),
                })
            }
        }
    }

    /// Returns the picture's file without metadata, in the same memory if nobody else holds it.
    fn without_metadata(&self, bytes: Bytes) -> Bytes {
        let mut bytes = Vec::from(bytes);
        remove_metadata(self.facts.kind, &mut bytes, &self.layout);
        bytes.into()
    }

    fn fitted(&self, bytes: Bytes, change: Option<String>) -> FittedPicture {
        FittedPicture {
            bytes,
            media_type: self.facts.kind.media_type().unwrap_or_default(),
            size: self.facts.size,
            change,
        }
    }

    /// Describes how a picture was encoded again.
    fn describe(&self, kind: FileKind, size: PixelSize) -> String {
        let facts = &self.facts;
        let upright = super::picture_fit::turned(facts.size, facts.orientation);
        let mut done = Vec::new();
        if facts.orientation != image::metadata::Orientation::NoTransforms {
            done.push("turned upright".to_owned());
        }
        if size != upright {
            done.push(format!("scaled down from {upright} to {size}"));
        }
        if kind != facts.kind {
            let (from, to) = (facts.kind.format_name(), kind.format_name());
            done.push(format!("converted from {from} to {to}"));
        }
        if done.is_empty() {
            done.push("compressed to fit into 5 MB".to_owned());
        }
        let last = done.pop().unwrap_or_default();
        let done = if done.is_empty() {
            last
        } else {
            format!("{} and {last}", done.join(", "))
        };
        let left_out = match (self.layout.has_more_frames, facts.metadata_bytes > 0) {
            (true, true) => "; only its first frame is sent, without metadata",
            (true, false) => "; only its first frame is sent",
            (false, true) => "; its metadata is not sent",
            (false, false) => "",
        };
        format!("was {done}{left_out}")
    }
}
