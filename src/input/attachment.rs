//! A file or standard input on its way into a content block. Text is framed in place, so that large
//! input is held in memory only once.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::Error;
use super::picture::{PdfFile, Picture};
use super::read::{read_open, read_path};
use super::utf8::{decoded, lossy, replaced_units};
use crate::media::{
    FileKind, PdfError, SNIFFED_BYTES, check_pdf, count_pages, detect_file_kind, picture_size,
};
use crate::protocol::{ContentBlock, Media};

/// The bytes of a file or of standard input, preceded by the opening tag of their frame.
#[derive(Debug)]
pub(crate) struct Attachment {
    name: String,
    kind: FileKind,
    closing_tag: &'static str,
    opening_tag_bytes: usize,
    framed: Vec<u8>,
    /// Where text that has been decoded was not valid UTF-16, in bytes of the file.
    invalid_unit: Option<usize>,
}

/// The content block that an attachment becomes.
#[derive(Debug)]
pub(super) struct Block {
    /// `None` if there was nothing but white space.
    pub(super) content: Option<ContentBlock>,
    /// A notice for the user.
    pub(super) notice: Option<String>,
    /// Name and size, if it is an image.
    pub(super) picture: Option<Picture>,
    /// Name and length, if it is a PDF.
    pub(super) pdf: Option<PdfFile>,
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

    /// Creates the attachment for the output of a command of the shell.
    pub(crate) fn command_output(command: &str, bytes: &[u8]) -> Self {
        let mut framed = opening_tag_of("output", "command", command);
        let opening_tag_bytes = framed.len();
        framed.extend_from_slice(bytes);
        let name = format!("`!{command}`");
        Self::framed(name, framed, opening_tag_bytes, "</output>")
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
            invalid_unit: None,
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

    /// Reads a regular file if its beginning is of a kind that is wanted: to its end, or until it
    /// exceeds `most` bytes.
    pub(super) fn read_if(
        path: &Path,
        is_wanted: impl Fn(FileKind) -> bool,
        most: u64,
    ) -> Result<Option<Self>, Error> {
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
        if !is_wanted(detect_file_kind(&framed[opening_tag_bytes..])) {
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

    /// Reads as much of a regular file as shows its kind.
    pub(super) fn read_beginning(path: &Path) -> Result<Self, Error> {
        let mut beginning = Vec::new();
        File::open(path)
            .and_then(|file| file.take(SNIFFED_BYTES).read_to_end(&mut beginning))
            .map_err(|source| Error::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self::framed(String::new(), beginning, 0, ""))
    }

    /// Creates the attachment for what is on the clipboard.
    pub(super) fn of_clipboard(bytes: Vec<u8>) -> Self {
        Self::framed("the clipboard".to_owned(), bytes, 0, "")
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
                exclude: Vec::new(),
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

    /// Returns the path of the file, as it was given; none for standard input.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let path = self.name.strip_prefix('`')?.strip_suffix('`')?;
        Some(path.into())
    }

    /// Returns the text, as UTF-8 unless it has invalid bytes; none if it is not text.
    pub(crate) fn text(&mut self) -> Option<&[u8]> {
        if self.kind != FileKind::Text {
            return None;
        }
        let framed = std::mem::take(&mut self.framed);
        let (framed, invalid_unit) = decoded(framed, self.opening_tag_bytes);
        self.framed = framed;
        self.invalid_unit = self.invalid_unit.or(invalid_unit);
        Some(&self.framed[self.opening_tag_bytes..])
    }

    /// Replaces the text.
    pub(crate) fn set_text(&mut self, text: &[u8]) {
        self.framed.truncate(self.opening_tag_bytes);
        self.framed.extend_from_slice(text);
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
    pub(crate) fn raw_bytes(&self) -> usize {
        self.framed.len() - self.opening_tag_bytes
    }

    /// Returns approximately how many bytes it takes in the body of a request.
    pub(super) fn body_bytes(&self) -> usize {
        match self.kind {
            FileKind::Text => self.framed.len(),
            _ => self.raw_bytes().div_ceil(3) * 4,
        }
    }

    /// Converts it to a block: text in its frame, an image or a PDF unmodified. The limits of a
    /// request are not checked yet: they depend on all that is in it.
    pub(super) fn into_block(mut self) -> Result<Block, Error> {
        match (self.kind, self.kind.picture_type()) {
            (FileKind::Text, _) if self.is_blank() => Ok(Block::new(
                None,
                Some(format!("{} is empty; skipping it", self.name)),
            )),
            (FileKind::Text, _) => {
                // What is appended is UTF-8.
                self.text();
                if self.framed.last() != Some(&b'\n') {
                    self.framed.push(b'\n');
                }
                self.framed.extend_from_slice(self.closing_tag.as_bytes());
                Ok(self.into_text())
            }
            (FileKind::Pdf, _) => {
                let bytes = &self.framed[self.opening_tag_bytes..];
                check_pdf(bytes).map_err(|source| self.pdf_error(source))?;
                let pdf = Some(PdfFile {
                    name: self.name.clone(),
                    pages: count_pages(bytes),
                });
                let content = Some(ContentBlock::Document(self.into_media("application/pdf")));
                Ok(Block {
                    pdf,
                    ..Block::new(content, None)
                })
            }
            (FileKind::PrecededPdf(bytes), _) => Err(self.pdf_error(PdfError::Preceded(bytes))),
            (_, Some(media_type)) => {
                let size =
                    picture_size(&self.framed[self.opening_tag_bytes..]).map_err(|source| {
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
                    picture,
                    ..Block::new(content, None)
                })
            }
            (FileKind::OtherImage(format), None) => Err(Error::ImageFormat {
                name: self.name,
                format,
            }),
            (_, None) => Err(Error::Binary { name: self.name }),
        }
    }

    fn pdf_error(&self, source: PdfError) -> Error {
        Error::Pdf {
            name: self.name.clone(),
            source,
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
        let (text, notice) = lossy(&self.name, self.framed, self.opening_tag_bytes);
        let earlier = self.invalid_unit;
        let earlier = earlier.map(|offset| replaced_units(&self.name, offset));
        (text, earlier.or(notice))
    }
}

impl Block {
    fn new(content: Option<ContentBlock>, notice: Option<String>) -> Self {
        Self {
            content,
            notice,
            picture: None,
            pdf: None,
        }
    }
}

const STDIN_OPENING_TAG: &[u8] = b"<stdin>\n";

fn opening_tag(name: &str) -> Vec<u8> {
    opening_tag_of("file", "name", name)
}

fn opening_tag_of(tag: &str, attribute: &str, value: &str) -> Vec<u8> {
    let value = value
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('\n', "&#10;");
    format!("<{tag} {attribute}=\"{value}\">\n").into_bytes()
}
