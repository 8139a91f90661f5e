//! The images and PDFs of a whole request: if there are many images, the limit for each is lower.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Error;
use crate::media::{FileKind, PdfError, PixelSize, count_pages, detect_file_kind, picture_size};
use crate::protocol::{ContentBlock, InputMessage, Source};

/// How many images a request has before the tighter limit holds for each.
pub(crate) const MANY_PICTURES: usize = 20;

/// An image to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The image's name for messages.
    pub(crate) name: String,
    /// Its size, if it could be read.
    pub(crate) size: Option<PixelSize>,
}

/// A PDF to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PdfFile {
    /// Its name for messages.
    pub(crate) name: String,
    /// How many pages it has, as far as they can be counted.
    pub(crate) pages: u64,
}

/// Refuses a PDF of more than `most` pages, and several that have more together.
pub(crate) fn check_pages(pdfs: &[PdfFile], most: u64) -> Result<(), Error> {
    if let Some(PdfFile { name, pages }) = pdfs.iter().find(|pdf| pdf.pages > most) {
        let pages = *pages;
        return Err(Error::Pdf {
            name: name.clone(),
            source: PdfError::TooManyPages { pages, most },
        });
    }
    let pages = total_pages(pdfs);
    if pages > most {
        return Err(Error::TooManyPages { pages, most });
    }
    Ok(())
}

/// Returns how many pages PDFs have together.
pub(crate) fn total_pages(pdfs: &[PdfFile]) -> u64 {
    pdfs.iter()
        .fold(0, |total, pdf| total.saturating_add(pdf.pages))
}

/// Refuses more pictures than `most`, and one that is too large to be one of many.
pub(crate) fn check_many(pictures: &[Picture], most: usize) -> Result<(), Error> {
    let count = pictures.len();
    if count <= MANY_PICTURES {
        return Ok(());
    }
    if count > most {
        return Err(Error::TooManyImages { count, most });
    }
    for Picture { name, size } in pictures {
        if let Some(size) = size {
            size.check_as_one_of_many().map_err(|source| Error::Image {
                name: name.clone(),
                source,
            })?;
        }
    }
    Ok(())
}

/// Lists the pictures that the user sends in these messages; those in results of tools are no
/// reason to refuse a request. `whole` is what they are part of.
pub(crate) fn pictures_of(messages: &[InputMessage], whole: &str) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for block in messages.iter().flat_map(|message| &message.content) {
        let ContentBlock::Image(image) = block else {
            continue;
        };
        let size = match &image.source {
            Source::Bytes(raw) => picture_size(&raw.bytes).ok(),
            Source::Json(source) => {
                decoded_source(source).and_then(|bytes| picture_size(&bytes).ok())
            }
        };
        pictures.push(Picture {
            name: format!("image {} of {whole}", pictures.len() + 1),
            size,
        });
    }
    pictures
}

/// Lists the PDFs that the user sends in these messages. `whole` is what they are part of.
pub(crate) fn pdfs_of(messages: &[InputMessage], whole: &str) -> Vec<PdfFile> {
    let mut pdfs = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        for (place, block) in message.content.iter().enumerate() {
            let ContentBlock::Document(document) = block else {
                continue;
            };
            let bytes = match &document.source {
                Source::Bytes(raw) => Some(raw.bytes.to_vec()),
                Source::Json(source) => decoded_source(source),
            };
            if let Some(bytes) = bytes.filter(|bytes| detect_file_kind(bytes) == FileKind::Pdf) {
                pdfs.push(PdfFile {
                    name: format!("{whole}: the PDF in {}", place_name(index, place)),
                    pages: count_pages(&bytes),
                });
            }
        }
    }
    pdfs
}

/// Returns the place of a block, by indexes from 0, in words that count from 1.
pub(crate) fn place_name(message: usize, block: usize) -> String {
    format!("message {}, block {}", message + 1, block + 1)
}

/// Decodes the base64 data of a source, which may have line breaks; none if it has no such data.
pub(crate) fn decoded_source(source: &Value) -> Option<Vec<u8>> {
    let data = source["data"].as_str()?;
    if data.contains(|letter: char| letter.is_ascii_whitespace()) {
        let data: String = data.split_ascii_whitespace().collect();
        return STANDARD.decode(data).ok();
    }
    STANDARD.decode(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{MAX_PICTURES, MAX_PICTURES_OF_SHORT_WINDOW};

    fn pictures(count: usize, width: usize) -> Vec<Picture> {
        let size = Some(PixelSize { width, height: 1 });
        (1..=count)
            .map(|number| Picture {
                name: format!("`{number}.png`"),
                size,
            })
            .collect()
    }

    #[test]
    fn there_may_be_as_many_pictures_as_the_limit_says() {
        for most in [MAX_PICTURES_OF_SHORT_WINDOW, MAX_PICTURES] {
            assert!(check_many(&pictures(most, 10), most).is_ok());
            let count = most + 1;
            let error = check_many(&pictures(count, 10), most).expect_err("one too many");
            let expected = format!("the request has {count} images, over the limit of {most}");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_pages_of_all_pdfs_count_together() {
        let pdf = |name: &str, pages| PdfFile {
            name: name.to_owned(),
            pages,
        };
        assert!(check_pages(&[pdf("a", 60), pdf("b", 40)], 100).is_ok());
        let error = check_pages(&[pdf("a", 60), pdf("b", 41)], 100).expect_err("one too many");
        let expected = "the PDFs of the request have 101 pages, over the limit of 100";
        assert_eq!(error.to_string(), expected);
        let refused = check_pages(&[pdf("a", 60), pdf("b", 101)], 100);
        assert!(matches!(refused, Err(Error::Pdf { name, .. }) if name == "b"));
    }

    #[test]
    fn more_than_twenty_pictures_have_to_be_smaller_each() {
        assert!(check_many(&pictures(20, 8000), 100).is_ok());
        assert!(check_many(&pictures(21, 2000), 100).is_ok());
        let mut many = pictures(21, 2000);
        many[6] = Picture {
            name: "`7.png`".to_owned(),
            size: Some(PixelSize {
                width: 1,
                height: 2001,
            }),
        };
        let refused = check_many(&many, 100);
        assert!(matches!(refused, Err(Error::Image { name, .. }) if name == "`7.png`"));
    }
}
