//! A file or standard input on its way into a content block. Text is framed in place, so that large
//! input is held in memory only once.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use super::Error;
use super::picture::Picture;
use super::read::{read_open, read_path};
use super::utf8::lossy;
use crate::media::{FileKind, SNIFFED_BYTES, check_image, detect_file_kind};
use crate::protocol::{ContentBlock, Media};

/// The bytes of a file or of standard input, preceded by the opening tag of their frame.
#[derive(Debug)]
pub(crate) struct Attachment {
    name: String,
    kind: FileKind,
    closing_tag: &'static str,
    opening_tag_bytes: usize,
    framed: Vec<u8>,
}

/// The content block that an attachment becomes.
#[derive(Debug)]
pub(super) struct Block {
    /// `None` if there was nothing but white space.
    pub(super) content: Option<ContentBlock>,
    /// A notice for the user.
    pub(super) notice: Option<String>,
    /// Name and size of the image, if it is one.
    pub(super) picture: Option<Picture>,
}

impl Attachment {
    /// Creates the attachment for a file.
    #[cfg(test)]
    pub(super) fn file(name: &str, bytes: &[u8]) -> Self {
        let mut framed = opening_tag(name);
        let opening_tag_bytes = framed.len();
        framed.extend_from_slice(bytes);
        Self::framed(format!("`{name}`"), framed, opening_tag_bytes, "</file>")
    }

    /// Creates the attachment for standard input.
    #[cfg(test)]
    pub(super) fn stdin(bytes: &[u8]) -> Self {
        let mut framed = STDIN_OPENING_TAG.to_vec();
        framed.extend_from_slice(bytes);
        Self::framed(
            "standard input".to_owned(),
            framed,
            STDIN_OPENING_TAG.len(),
            "</stdin>",
        )
    }

    fn framed(
        name: String,
        framed: Vec<u8>,
        opening_tag_bytes: usize,
        closing_tag: &'static str,
    ) -> Self {
        let kind = detect_file_kind(&framed[opening_tag_bytes..]);
        Self {
            name,
            kind,
            closing_tag,
            opening_tag_bytes,
            framed,
        }
    }

    /// Reads a file of `--file` of at most `most` bytes.
    pub(crate) async fn read(path: &Path, most: u64) -> Result<Self, Error> {
        let name = path.to_string_lossy();
        let framed = opening_tag(&name);
        let opening_tag_bytes = framed.len();
        let framed = read_path(path, framed, most).await?;
        Ok(Self::framed(
            format!("`{name}`"),
            framed,
            opening_tag_bytes,
            "</file>",
        ))
    }

    /// Reads a regular file if its beginning is text: to its end, or until it exceeds `most` bytes.
    pub(super) fn read_if_text(path: &Path, most: u64) -> Result<Option<Self>, Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        let name = path.to_string_lossy();
        let mut framed = opening_tag(&name);
        let opening_tag_bytes = framed.len();
        let mut file = File::open(path).map_err(unreadable)?;
        file.by_ref()
            .take(SNIFFED_BYTES)
            .read_to_end(&mut framed)
            .map_err(unreadable)?;
        if detect_file_kind(&framed[opening_tag_bytes..]) != FileKind::Text {
            return Ok(None);
        }
        file.take(most.saturating_add(1))
            .read_to_end(&mut framed)
            .map_err(unreadable)?;
        Ok(Some(Self::framed(
            format!("`{name}`"),
            framed,
            opening_tag_bytes,
            "</file>",
        )))
    }

    /// Refuses text, which `--attach` does not accept.
    pub(crate) fn not_as_text(self) -> Result<Self, Error> {
        if self.kind == FileKind::Text {
            Err(Error::TextAttached { name: self.name })
        } else {
            Ok(self)
        }
    }

    /// Reads all of standard input, at most `most` bytes.
    pub(crate) async fn read_stdin(file: File, most: u64) -> Result<Self, Error> {
        let read = read_open(file, STDIN_OPENING_TAG.to_vec(), most).await;
        let framed = read.map_err(|source| match source.kind() {
            std::io::ErrorKind::FileTooLarge => Error::TooLong {
                name: "standard input".to_owned(),
                most,
            },
            _ => Error::Stdin(source),
        })?;
        Ok(Self::framed(
            "standard input".to_owned(),
            framed,
            STDIN_OPENING_TAG.len(),
            "</stdin>",
        ))
    }

    /// Returns the name for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether there are no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.raw_bytes() == 0
    }

    /// Returns the type that was detected from the bytes.
    pub(crate) fn kind(&self) -> FileKind {
        self.kind
    }

    /// Returns the size in bytes, without the tag.
    pub(super) fn raw_bytes(&self) -> usize {
        self.framed.len() - self.opening_tag_bytes
    }

    /// Returns approximately how many bytes it takes in the body of a request.
    pub(crate) fn body_bytes(&self) -> usize {
        match self.kind {
            FileKind::Text => self.framed.len(),
            _ => self.raw_bytes().div_ceil(3) * 4,
        }
    }

    /// Converts it to a block: text in its frame, an image or a PDF unmodified.
    pub(super) fn into_block(mut self) -> Result<Block, Error> {
        match (self.kind, self.kind.media_type()) {
            (FileKind::Text, _) if self.is_blank() => Ok(Block::new(
                None,
                Some(format!("{} is empty; skipping it", self.name)),
            )),
            (FileKind::Text, _) => {
                if self.framed.last() != Some(&b'\n') {
                    self.framed.push(b'\n');
                }
                self.framed.extend_from_slice(self.closing_tag.as_bytes());
                Ok(self.into_text())
            }
            (FileKind::Pdf, Some(media_type)) => Ok(Block::new(
                Some(ContentBlock::Document(self.into_media(media_type))),
                None,
            )),
            (_, Some(media_type)) => {
                let size =
                    check_image(&self.framed[self.opening_tag_bytes..]).map_err(|source| {
                        Error::Image {
                            name: self.name.clone(),
                            source,
                        }
                    })?;
                let picture = Some(Picture {
                    name: self.name.clone(),
                    size: Some(size),
                });
                let content = Some(ContentBlock::Image(self.into_media(media_type)));
                Ok(Block {
                    content,
                    notice: None,
                    picture,
                })
            }
            (FileKind::OtherImage(format), None) => Err(Error::ImageFormat {
                name: self.name,
                format,
            }),
            (_, None) => Err(Error::Binary { name: self.name }),
        }
    }

    /// Converts it to a block of the text without its frame, byte for byte.
    pub(super) fn into_prompt(self) -> Block {
        self.without_frame().into_text()
    }

    /// Returns the text without its frame, and a notice for the user.
    pub(crate) fn into_inserted(self) -> Result<(String, Option<String>), Error> {
        if self.kind != FileKind::Text {
            return Err(Error::NotText {
                name: self.name,
                kind: self.kind,
            });
        }
        Ok(self.without_frame().into_string())
    }

    fn without_frame(mut self) -> Self {
        self.framed.drain(..self.opening_tag_bytes);
        self.opening_tag_bytes = 0;
        self
    }

    /// Whether it is text that consists of white space only.
    pub(super) fn is_blank(&self) -> bool {
        self.kind == FileKind::Text
            && self.framed[self.opening_tag_bytes..]
                .iter()
                .all(u8::is_ascii_whitespace)
    }

    fn into_media(self, media_type: &'static str) -> Media {
        Media::new(
            media_type,
            Bytes::from(self.framed).slice(self.opening_tag_bytes..),
        )
    }

    fn into_text(self) -> Block {
        let (text, notice) = self.into_string();
        Block::new(Some(ContentBlock::text(text)), notice)
    }

    fn into_string(self) -> (String, Option<String>) {
        lossy(&self.name, self.framed, self.opening_tag_bytes)
    }
}

impl Block {
    fn new(content: Option<ContentBlock>, notice: Option<String>) -> Self {
        Self {
            content,
            notice,
            picture: None,
        }
    }
}

const STDIN_OPENING_TAG: &[u8] = b"<stdin>\n";

fn opening_tag(name: &str) -> Vec<u8> {
    let name = name
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('\n', "&#10;");
    format!("<file name=\"{name}\">\n").into_bytes()
}
