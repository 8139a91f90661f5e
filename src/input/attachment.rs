//! One file, or standard input, on its way into a content block. Text is framed in place, so that large input is held once.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use bytes::Bytes;

use super::Error;
use crate::media::{Kind, check_image, sniff};
use crate::protocol::{ContentBlock, Media};

/// The bytes of a file or of standard input, behind the tag that would open their frame.
#[derive(Debug)]
pub(crate) struct Attachment {
    name: String,
    kind: Kind,
    closing_tag: &'static str,
    opening_tag_bytes: usize,
    framed: Vec<u8>,
}

/// What an attachment becomes.
#[derive(Debug)]
pub(super) struct Block {
    /// None where there was nothing but white space.
    pub(super) content: Option<ContentBlock>,
    /// What the person should know.
    pub(super) notice: Option<String>,
}

impl Attachment {
    /// The bytes of a file.
    #[cfg(test)]
    pub(super) fn file(name: String, bytes: Vec<u8>) -> Self {
        let mut framed = opening_tag(&name);
        let opening_tag_bytes = framed.len();
        framed.extend_from_slice(&bytes);
        Self::framed(format!("`{name}`"), framed, opening_tag_bytes, "</file>")
    }

    /// The bytes of standard input.
    #[cfg(test)]
    pub(super) fn stdin(bytes: Vec<u8>) -> Self {
        let mut framed = STDIN_OPENING_TAG.to_vec();
        framed.extend_from_slice(&bytes);
        Self::framed("standard input".to_owned(), framed, STDIN_OPENING_TAG.len(), "</stdin>")
    }

    fn framed(name: String, framed: Vec<u8>, opening_tag_bytes: usize, closing_tag: &'static str) -> Self {
        let kind = sniff(&framed[opening_tag_bytes..]);
        Self { name, kind, closing_tag, opening_tag_bytes, framed }
    }

    /// Reads a whole file. One that is no regular file, such as a named pipe, may take its time: it is read on a thread of
    /// its own, so that Ctrl-C and the end of the process never wait for it.
    pub(crate) async fn read(name: String, file: File) -> std::io::Result<Self> {
        let framed = opening_tag(&name);
        let opening_tag_bytes = framed.len();
        let framed = read_to_end(file, framed).await?;
        Ok(Self::framed(format!("`{name}`"), framed, opening_tag_bytes, "</file>"))
    }

    /// Reads all of standard input, in the same way.
    pub(crate) async fn read_stdin(file: File) -> std::io::Result<Self> {
        let framed = read_to_end(file, STDIN_OPENING_TAG.to_vec()).await?;
        Ok(Self::framed("standard input".to_owned(), framed, STDIN_OPENING_TAG.len(), "</stdin>"))
    }

    /// How it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it is by its bytes.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// About how many bytes it takes in the body of a request.
    pub(super) fn body_bytes(&self) -> usize {
        match self.kind {
            Kind::Text => self.framed.len(),
            _ => (self.framed.len() - self.opening_tag_bytes).div_ceil(3) * 4,
        }
    }

    /// Makes a block: text in its frame, an image or a PDF as it is.
    pub(super) fn into_block(mut self) -> Result<Block, Error> {
        match (self.kind, self.kind.media_type()) {
            (Kind::Text, _) if self.is_blank() => {
                Ok(Block { content: None, notice: Some(format!("{} is empty and left out", self.name)) })
            }
            (Kind::Text, _) => {
                if self.framed.last() != Some(&b'\n') {
                    self.framed.push(b'\n');
                }
                self.framed.extend_from_slice(self.closing_tag.as_bytes());
                Ok(self.into_text())
            }
            (Kind::Pdf, Some(media_type)) => Ok(Block::media(ContentBlock::Document(self.into_media(media_type)))),
            (_, Some(media_type)) => {
                check_image(&self.framed[self.opening_tag_bytes..])
                    .map_err(|source| Error::Image { name: self.name.clone(), source })?;
                Ok(Block::media(ContentBlock::Image(self.into_media(media_type))))
            }
            (Kind::OtherImage(format), None) => Err(Error::ImageFormat { name: self.name, format }),
            (_, None) => Err(Error::Binary { name: self.name }),
        }
    }

    /// Makes a block of the text alone, byte for byte.
    pub(super) fn into_prompt(mut self) -> Block {
        if self.is_blank() {
            return Block { content: None, notice: None };
        }
        self.framed.drain(..self.opening_tag_bytes);
        self.opening_tag_bytes = 0;
        self.into_text()
    }

    fn is_blank(&self) -> bool {
        self.framed[self.opening_tag_bytes..].iter().all(u8::is_ascii_whitespace)
    }

    fn into_media(self, media_type: &'static str) -> Media {
        Media::new(media_type, Bytes::from(self.framed).slice(self.opening_tag_bytes..))
    }

    fn into_text(self) -> Block {
        match String::from_utf8(self.framed) {
            Ok(text) => Block { content: Some(ContentBlock::text(text)), notice: None },
            Err(error) => {
                let offset = error.utf8_error().valid_up_to() - self.opening_tag_bytes;
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let notice = format!("{} is not UTF-8 at byte {offset}: such bytes are sent as U+FFFD", self.name);
                Block { content: Some(ContentBlock::text(text)), notice: Some(notice) }
            }
        }
    }
}

impl Block {
    fn media(content: ContentBlock) -> Self {
        Self { content: Some(content), notice: None }
    }
}

/// Reads the file of `--file`.
pub(crate) async fn read_file(path: &Path) -> Result<Attachment, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let file = open(path).await.map_err(unreadable)?;
    Attachment::read(path.to_string_lossy().into_owned(), file).await.map_err(unreadable)
}

const STDIN_OPENING_TAG: &[u8] = b"<stdin>\n";

fn opening_tag(name: &str) -> Vec<u8> {
    let name = name.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('\n', "&#10;");
    format!("<file name=\"{name}\">\n").into_bytes()
}

/// Reads a file that must be text, byte for byte.
pub(crate) async fn read_text(path: &Path) -> Result<String, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let file = open(path).await.map_err(unreadable)?;
    let bytes = read_to_end(file, Vec::new()).await.map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| unreadable(std::io::Error::new(ErrorKind::InvalidData, error)))
}

/// Opens a file. A named pipe waits for its writer, so that is left to a thread.
async fn open(path: &Path) -> std::io::Result<File> {
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return File::open(path);
    }
    let path = path.to_owned();
    in_a_thread(move || File::open(path)).await
}

async fn read_to_end(mut file: File, mut bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if file.metadata()?.is_file() {
        file.read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    in_a_thread(move || file.read_to_end(&mut bytes).map(|_| bytes)).await
}

/// Does what may take for ever where it holds up nobody.
async fn in_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        // Nobody waits for the result any more once the process is ending.
        let _ = done.send(work());
    })?;
    result.await.unwrap_or_else(|_| Err(ErrorKind::BrokenPipe.into()))
}
