//! Turns prompt, files and standard input into the content blocks of one user turn.
//!
//! The order is images, PDFs, files, standard input, prompt: a question works best after what it is
//! about.

mod attachment;
mod clipboard;
mod conversation;
mod directory;
mod estimate;
mod exclusions;
mod file_selection;
mod fitting_exclusions;
mod patient;
mod picture;
mod read;
mod reading_loop;
mod stdin;
mod template;
mod utf8;

use std::path::PathBuf;

pub(crate) use attachment::Attachment;
pub(crate) use clipboard::{CLIPBOARD, read_clipboard};
pub(crate) use conversation::Conversation;
pub(crate) use directory::{Directory, FoundFiles};
pub(crate) use estimate::{Estimate, Part, Tokens};
pub(crate) use exclusions::Exclusions;
pub(crate) use file_selection::{FileArgument, check_glob, matches_glob, read_file_list};
pub(crate) use fitting_exclusions::fitting_exclusions;
pub(crate) use patient::Patient;
pub(crate) use picture::{
    MANY_PICTURES, PdfFile, Picture, check_many, check_pages, decoded_source, pictures_of,
    place_name, total_pages,
};
pub(crate) use read::{on_a_thread, read_prose, read_text};
pub(crate) use reading_loop::is_input_of_reading_loop;
pub(crate) use stdin::Stdin;
pub(crate) use template::{Places, Template};
pub(crate) use utf8::replaced;

use crate::media::{FileKind, ImageError, PdfError};
use crate::protocol::ContentBlock;
use crate::text::{counted, grouped};

/// An error in the input.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Standard input that cannot be read.
    #[error("cannot read standard input")]
    Stdin(#[source] std::io::Error),
    /// No program is installed that reads the clipboard.
    #[error("cannot read the clipboard: none of `wl-paste`, `xclip` and `pngpaste` is installed")]
    NoClipboardProgram,
    /// No program finds an image on the clipboard; says which were tried, and why they failed.
    #[error("cannot read an image from the clipboard: {0}")]
    Clipboard(String),
    /// The content is neither text nor anything else that can be sent.
    #[error("{name} is a binary file, neither an image nor a PDF")]
    Binary {
        /// The file's name for messages.
        name: String,
    },
    /// Something other than text where text is needed.
    #[error(
        "{name} is {}; only text is accepted here",
        kind.describe_non_text().unwrap_or("not text")
    )]
    NotText {
        /// The file's name for messages.
        name: String,
        /// What it is instead.
        kind: FileKind,
    },
    /// Text in another encoding, where invalid bytes must not be replaced.
    #[error("{name} is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The file's name for messages.
        name: String,
        /// Byte offset of the first invalid UTF-8.
        offset: usize,
    },
    /// An image in a format that the endpoint does not accept.
    #[error("{name} is a {format} image; the endpoint accepts JPEG, PNG, GIF and WebP")]
    ImageFormat {
        /// The file's name for messages.
        name: String,
        /// Its format.
        format: &'static str,
    },
    /// An image that exceeds a limit.
    #[error("{name} cannot be sent")]
    Image {
        /// The image's name for messages.
        name: String,
        /// The limit that it exceeds.
        source: ImageError,
    },
    /// A PDF that the endpoint does not accept.
    #[error("{name} cannot be sent")]
    Pdf {
        /// The file's name for messages.
        name: String,
        /// What is wrong with it.
        source: PdfError,
    },
    /// More images than a request may have.
    #[error("the request has {}, over the limit of {most}", counted(*count, "image"))]
    TooManyImages {
        /// How many it has.
        count: usize,
        /// How many it may have.
        most: usize,
    },
    /// PDFs with more pages than a request may have.
    #[error("the PDFs of the request have {} pages, over the limit of {most}", grouped(*pages))]
    TooManyPages {
        /// How many they have.
        pages: u64,
        /// How many a request may have.
        most: u64,
    },
    /// More input than fits into a request.
    #[error("{name} is larger than {} (20 MiB), the limit for a request", counted(*most, "byte"))]
    TooLong {
        /// The name of the input for messages.
        name: String,
        /// The limit in bytes.
        most: u64,
        /// What to exclude from a directory so that the rest fits.
        exclude: Vec<String>,
    },
    /// No file matches a pattern.
    #[error("no file matches `{}`", pattern.display())]
    NoMatch {
        /// The pattern as it was given.
        pattern: PathBuf,
    },
    /// An invalid pattern.
    #[error("`{pattern}` is not a valid pattern: {reason}")]
    Pattern {
        /// The pattern as it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A list of files that names none.
    #[error("{name} names no files")]
    EmptyFileList {
        /// The list's name for messages.
        name: String,
    },
    /// Text was given to `--attach`.
    #[error("{name} is text, which --attach does not accept")]
    TextAttached {
        /// The file's name for messages.
        name: String,
    },
    /// A directory contains nothing to send.
    #[error("no text files in `{}`", path.display())]
    NoTextFiles {
        /// The directory.
        path: PathBuf,
    },
    /// An invalid file of `--messages`.
    #[error("{name}: {reason}")]
    Messages {
        /// The file's name for messages.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// An invalid template.
    #[error("{name}: {reason}")]
    Template {
        /// The template's name for messages.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A file is empty, although its content is the request.
    #[error("{name}: it is empty")]
    Empty {
        /// The file's name for messages.
        name: String,
    },
    /// A conversation does not begin with the user.
    #[error("the first message must have the role `user`")]
    NotUserFirst,
    /// Files or items with secrets, which are refused.
    #[error("{}", if *count == 1 {
        format!("cannot send a secret: {place} ({kind})")
    } else {
        format!("cannot send {}: the first is in {place} ({kind})", counted(*count, "secret"))
    })]
    Secrets {
        /// The file and line of the first one, for messages.
        place: String,
        /// What the first one is.
        kind: Box<str>,
        /// The name of the rule that found it.
        rule: Box<str>,
        /// The fingerprint of the first one.
        fingerprint: String,
        /// How many there are.
        count: usize,
        /// What to exclude from directories to leave them out; empty if that is not enough.
        exclude: Vec<String>,
    },
    /// There is nothing to send.
    #[error("no prompt")]
    NoPrompt,
}

/// A user turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// The blocks, in the order in which they are sent.
    pub(crate) content: Vec<ContentBlock>,
    /// The name of each block, for messages.
    pub(crate) names: Vec<String>,
    /// What is not sent as it is, for the user; it is reported at any verbosity.
    pub(crate) notices: Vec<String>,
    /// The name of each part, and approximately how many bytes it takes in the body.
    pub(crate) parts: Vec<(String, usize)>,
    /// The images in the turn, which are its first blocks.
    pub(crate) pictures: Vec<Picture>,
    /// The PDFs in the turn.
    pub(crate) pdfs: Vec<PdfFile>,
}

/// Assembles a user turn. Without a prompt, standard input is the prompt, byte for byte.
pub(crate) fn assemble(
    prompt: Option<&str>,
    files: Vec<Attachment>,
    stdin: Option<Attachment>,
) -> Result<Turn, Error> {
    let mut turn = Turn::default();
    let (mut images, mut documents, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    // Blank standard input counts as none.
    let from_stdin = stdin
        .into_iter()
        .filter(|stdin| !stdin.is_blank())
        .map(|stdin| (stdin, true));
    for (attachment, is_stdin) in files
        .into_iter()
        .map(|file| (file, false))
        .chain(from_stdin)
    {
        let shelf = match attachment.kind() {
            FileKind::Text => &mut texts,
            FileKind::Pdf | FileKind::PrecededPdf(_) => &mut documents,
            _ => &mut images,
        };
        let name = attachment.name().to_owned();
        turn.parts.push((name.clone(), attachment.body_bytes()));
        let is_prompt = is_stdin && prompt.is_none() && attachment.kind() == FileKind::Text;
        let block = if is_prompt {
            attachment.into_prompt()
        } else {
            attachment.into_block()?
        };
        turn.notices.extend(block.notice);
        turn.pictures.extend(block.picture);
        turn.pdfs.extend(block.pdf);
        shelf.extend(block.content.map(|content| (content, name)));
    }
    (turn.content, turn.names) = images.into_iter().chain(documents).chain(texts).unzip();
    if let Some(prompt) = prompt.filter(|prompt| !prompt.trim().is_empty()) {
        turn.parts.push(("the prompt".to_owned(), prompt.len()));
        turn.content.push(ContentBlock::text(prompt));
        turn.names.push("the prompt".to_owned());
    }
    if turn.content.is_empty() {
        Err(Error::NoPrompt)
    } else {
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(
        prompt: Option<&str>,
        files: &[(&str, &[u8])],
        stdin: Option<&[u8]>,
    ) -> serde_json::Value {
        let files = files
            .iter()
            .map(|(name, bytes)| Attachment::file(name, bytes))
            .collect();
        let stdin = stdin.map(Attachment::stdin);
        let turn = assemble(prompt, files, stdin).expect("a turn");
        serde_json::to_value(turn.content).expect("blocks are JSON")
    }

    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";

    #[test]
    fn a_prompt_alone_is_one_block() {
        assert_eq!(
            content(Some("q"), &[], None),
            json!([{"type": "text", "text": "q"}])
        );
    }

    #[test]
    fn stdin_alone_is_the_prompt_byte_for_byte() {
        assert_eq!(
            content(None, &[], Some(b" q\n")),
            json!([{"type": "text", "text": " q\n"}])
        );
    }

    #[test]
    fn the_order_is_images_pdfs_files_stdin_prompt() {
        let blocks = content(
            Some("q"),
            &[
                ("a\".txt", b"A"),
                ("x.pdf", b"%PDF-1.4\n%%EOF"),
                ("x.txt", GIF),
            ],
            Some(b"S\n"),
        );
        let kinds: Vec<_> = blocks
            .as_array()
            .expect("blocks")
            .iter()
            .map(|block| block["type"].clone())
            .collect();
        assert_eq!(kinds, ["image", "document", "text", "text", "text"]);
        assert_eq!(blocks[0]["source"]["media_type"], "image/gif");
        assert_eq!(blocks[2]["text"], "<file name=\"a&quot;.txt\">\nA\n</file>");
        assert_eq!(blocks[3]["text"], "<stdin>\nS\n</stdin>");
        assert_eq!(blocks[4]["text"], "q");
    }

    #[test]
    fn blank_input_is_no_prompt() {
        for (prompt, stdin) in [(None, None), (Some(" "), None), (None, Some(&b"\n"[..]))] {
            let stdin = stdin.map(Attachment::stdin);
            assert!(matches!(
                assemble(prompt, Vec::new(), stdin),
                Err(Error::NoPrompt)
            ));
        }
    }

    #[test]
    fn bad_utf_8_is_replaced_and_its_place_told() {
        let stdin = Attachment::stdin(b"ab\xffc");
        let turn = assemble(None, Vec::new(), Some(stdin)).expect("a turn");
        assert_eq!(turn.content, [ContentBlock::text("ab\u{fffd}c")]);
        assert_eq!(turn.notices.len(), 1);
        assert!(turn.notices[0].contains("byte 2"), "{:?}", turn.notices);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        for (name, bytes) in [
            ("a.bin", &b"\0\x01\x02"[..]),
            ("b.tif", b"II*\0"),
            ("b.heic", b"\0\0\0\x1cftypheic"),
            ("b.pdf", b"\r\n%PDF-1.4\n"),
            ("c.pdf", b"%PDF-1.4\n<</Encrypt 1 0 R>>\n%%EOF"),
            ("c.png", b"\x89PNG\r\n\x1a\n"),
        ] {
            let file = Attachment::file(name, bytes);
            let error = assemble(Some("q"), vec![file], None)
                .expect_err(name)
                .to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }
}
