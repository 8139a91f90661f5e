//! The images of a whole request: if there are many, the limit for each is lower.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Error;
use crate::media::{ImageError, PixelSize, check_image};
use crate::protocol::{ContentBlock, InputMessage, Source};

/// Maximum number of images in a request before the lower limit applies.
const MANY: usize = 20;

/// An image to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The image's name for messages.
    pub(crate) name: String,
    /// Its size, if it could be read.
    pub(crate) size: Option<PixelSize>,
}

/// Refuses an image that exceeds the limit of a request with many images.
pub(crate) fn check_many(pictures: &[Picture]) -> Result<(), Error> {
    if pictures.len() <= MANY {
        return Ok(());
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

/// Checks and lists the images of earlier turns, including those in tool results. `whole` names
/// what contains them.
pub(crate) fn pictures_of(messages: &[InputMessage], whole: &str) -> Result<Vec<Picture>, Error> {
    let mut pictures = Vec::new();
    for block in messages.iter().flat_map(|message| &message.content) {
        match block {
            ContentBlock::Image(image) => match &image.source {
                Source::Bytes(raw) => add(&mut pictures, Some(&raw.bytes), whole)?,
                Source::Json(source) => add(&mut pictures, decoded(source).as_deref(), whole)?,
            },
            ContentBlock::ToolResult(result) => {
                let blocks = result
                    .content
                    .as_ref()
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten();
                for block in blocks.filter(|block| block["type"] == "image") {
                    add(&mut pictures, decoded(&block["source"]).as_deref(), whole)?;
                }
            }
            _ => {} // No other block holds pictures.
        }
    }
    Ok(pictures)
}

fn decoded(source: &Value) -> Option<Vec<u8>> {
    source["data"]
        .as_str()
        .and_then(|data| STANDARD.decode(data).ok())
}

fn add(pictures: &mut Vec<Picture>, bytes: Option<&[u8]>, whole: &str) -> Result<(), Error> {
    let name = format!("image {} of {whole}", pictures.len() + 1);
    let size = match bytes.map(check_image) {
        Some(Ok(size)) => Some(size),
        // An image that cannot be read is sent unmodified: the endpoint may know more formats.
        Some(Err(ImageError::Damaged)) | None => None,
        Some(Err(source)) => return Err(Error::Image { name, source }),
    };
    pictures.push(Picture { name, size });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn more_than_twenty_pictures_have_to_be_smaller_each() {
        assert!(check_many(&pictures(20, 8000)).is_ok());
        assert!(check_many(&pictures(21, 2000)).is_ok());
        let mut many = pictures(21, 2000);
        many[6] = Picture {
            name: "`7.png`".to_owned(),
            size: Some(PixelSize {
                width: 1,
                height: 2001,
            }),
        };
        assert!(matches!(check_many(&many), Err(Error::Image { name, .. }) if name == "`7.png`"));
    }
}
