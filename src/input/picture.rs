//! The images of a whole request: if there are many, the limit for each is lower.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Error;
use crate::media::{PixelSize, check_image};
use crate::protocol::{ContentBlock, InputMessage, Source};

/// How many images a request has before the tighter limit holds for each.
pub(crate) const MANY_PICTURES: usize = 20;

/// The maximum number of images in a request to a model with a window of [`LONG_WINDOW`]. Source:
/// Anthropic's vision page, `build-with-claude/vision`; unverified against Langdock.
pub(crate) const MAX_PICTURES: usize = 600;

/// The maximum number of images in a request to any other model.
pub(crate) const MAX_PICTURES_OF_SHORT_WINDOW: usize = 100;

/// The context window from which on a request may have more images, in tokens.
pub(crate) const LONG_WINDOW: u64 = 1_000_000;

/// An image to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The image's name for messages.
    pub(crate) name: String,
    /// Its size, if it could be read.
    pub(crate) size: Option<PixelSize>,
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
