//! The images of a whole request: if there are many, the limit for each is lower.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Error;
use crate::media::{PixelSize, check_image};
use crate::protocol::{ContentBlock, InputMessage, Source};

/// How many images a request has before the tighter limit holds for each.
pub(crate) const MANY_PICTURES: usize = 20;

/// The most images of a request: the limit of models with a window of 200,000 tokens. Source:
/// Anthropic's vision page, `build-with-claude/vision`; unverified against Langdock.
pub(crate) const MAX_PICTURES: usize = 100;

/// An image to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The image's name for messages.
    pub(crate) name: String,
    /// Its size, if it could be read.
    pub(crate) size: Option<PixelSize>,
}

/// Refuses a picture that is too large to be one of many, and too many pictures.
pub(crate) fn check_many(pictures: &[Picture]) -> Result<(), Error> {
    let count = pictures.len();
    if count <= MANY_PICTURES {
        return Ok(());
    }
    if count > MAX_PICTURES {
        return Err(Error::TooManyImages { count });
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
            Source::Bytes(raw) => check_image(&raw.bytes).ok(),
            Source::Json(source) => decoded(source).and_then(|bytes| check_image(&bytes).ok()),
        };
        pictures.push(Picture {
            name: format!("image {} of {whole}", pictures.len() + 1),
            size,
        });
    }
    pictures
}

fn decoded(source: &Value) -> Option<Vec<u8>> {
    source["data"]
        .as_str()
        .and_then(|data| STANDARD.decode(data).ok())
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
    fn there_may_be_a_hundred_pictures() {
        assert!(check_many(&pictures(100, 10)).is_ok());
        let error = check_many(&pictures(101, 10)).expect_err("one too many");
        assert_eq!(
            error.to_string(),
            "the request has 101 images, over the limit of 100"
        );
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
