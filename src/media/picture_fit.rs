//! What has to be done with a picture before it is sent: decided from what its file says about it
//! and from the limits, without looking at a pixel.

use image::metadata::Orientation;

use super::image::{
    ImageError, MAX_BASE64_BYTES, MAX_CHANGED_PIXELS, MAX_MEMORY, MAX_SIDE, MAX_SIDE_OF_MANY,
    PixelSize, base64_length, check_format, check_length,
};
use super::sniff::FileKind;
use super::tokens::{ImageResolution, scale_side};

/// Which pictures are changed before they are sent: `--image-size`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ImageSize {
    /// What exceeds a limit is scaled down, what lies on its side is turned, and no metadata is
    /// sent.
    #[default]
    Fit,
    /// None: each is sent as it is, or refused.
    Keep,
    /// As for `Fit`, and no side is longer than this, in pixels.
    LongestSide(u32),
}

impl ImageSize {
    /// Parses the value of the flag or setting; the error says what it must be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "fit" => Ok(Self::Fit),
            "keep" => Ok(Self::Keep),
            number => match number.parse() {
                Ok(side) if (1..=MAX_SIDE).contains(&(side as usize)) => {
                    Ok(Self::LongestSide(side))
                }
                _ => Err(format!(
                    "`{text}`: must be `fit`, `keep` or a number of pixels from 1 to {MAX_SIDE}"
                )),
            },
        }
    }
}

/// What pictures are made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureFit {
    /// Which pictures are changed.
    pub(crate) image_size: ImageSize,
    /// The resolution at which the model sees pictures: what exceeds a limit is scaled down to it.
    pub(crate) resolution: ImageResolution,
    /// Whether the request has so many pictures that each has to be smaller.
    pub(crate) is_one_of_many: bool,
}

impl PictureFit {
    /// Returns what a picture that a tool returns has to fit. Results stay in the conversation, so
    /// that more pictures follow: it belongs to many from the beginning.
    pub(crate) fn for_tool(image_size: ImageSize) -> Self {
        Self {
            image_size,
            resolution: ImageResolution::HIGH,
            is_one_of_many: true,
        }
    }
}

/// What the file of a picture says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PictureFacts {
    /// Its format.
    pub(super) kind: FileKind,
    /// Its size as it is stored.
    pub(super) size: PixelSize,
    /// How it has to be turned to be upright.
    pub(super) orientation: Orientation,
    /// The length of the file in bytes.
    pub(super) file_bytes: usize,
    /// How many of them are metadata.
    pub(super) metadata_bytes: usize,
    /// How many bytes a decoder needs for each 100 pixels besides those that it returns.
    pub(super) decoder_bytes: u64,
}

/// What has to be done with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureChange {
    /// Nothing.
    None,
    /// Its metadata is removed; its pixels stay as they are encoded.
    Strip,
    /// It is decoded, and encoded again.
    Redraw(Redrawing),
}

/// How a picture is encoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redrawing {
    /// How it is turned.
    pub(super) orientation: Orientation,
    /// Its size when it has been turned.
    pub(super) size: PixelSize,
    /// The size that it gets if it has too many bytes otherwise.
    pub(super) smaller: PixelSize,
    /// Whether it becomes a JPEG. Otherwise it becomes a PNG, and a JPEG only if a PNG of the
    /// smaller size has too many bytes.
    pub(super) is_jpeg: bool,
}

/// Decides what has to be done with a picture.
///
/// # Errors
///
/// If it is not to be changed and exceeds a limit, or has to be changed and is too large for that.
pub(super) fn decide(facts: &PictureFacts, fit: PictureFit) -> Result<PictureChange, ImageError> {
    let most = if fit.is_one_of_many {
        MAX_SIDE_OF_MANY
    } else {
        MAX_SIDE
    };
    let longest_side = match fit.image_size {
        ImageSize::Keep => return check_kept(facts).map(|()| PictureChange::None),
        ImageSize::Fit => None,
        ImageSize::LongestSide(side) => Some(side as usize),
    };
    let upright = turned(facts.size, facts.orientation);
    let is_too_long = upright.longest_side() > most;
    let is_too_heavy = base64_length(facts.file_bytes - facts.metadata_bytes) > MAX_BASE64_BYTES;
    let smaller = seen_size(upright, fit.resolution, most);
    let chosen = longest_side.map(|side| scaled(upright, side));
    let size = match chosen {
        Some(chosen) if chosen != upright && chosen.longest_side() <= most => chosen,
        _ if is_too_long || is_too_heavy => smaller,
        _ => upright,
    };
    let is_accepted = facts.kind.media_type().is_some();
    let is_upright = facts.orientation == Orientation::NoTransforms;
    if size == upright && is_upright && is_accepted && !is_too_heavy {
        return Ok(match facts.metadata_bytes {
            0 => PictureChange::None,
            _ => PictureChange::Strip,
        });
    }
    check_changeable(facts)?;
    Ok(PictureChange::Redraw(Redrawing {
        orientation: facts.orientation,
        size,
        smaller: scaled(smaller, size.longest_side()),
        is_jpeg: facts.kind == FileKind::Jpeg,
    }))
}

/// Checks a picture that is sent as it is. Whether it may be one of many is checked for all of them
/// together.
fn check_kept(facts: &PictureFacts) -> Result<(), ImageError> {
    check_format(facts.kind)?;
    check_length(facts.file_bytes)?;
    if facts.size.longest_side() > MAX_SIDE {
        return Err(ImageError::TooManyPixels(facts.size));
    }
    Ok(())
}

/// Checks whether a picture can be decoded.
fn check_changeable(facts: &PictureFacts) -> Result<(), ImageError> {
    let pixels = facts.size.pixels();
    if pixels > MAX_CHANGED_PIXELS {
        return Err(ImageError::TooManyPixelsToChange(facts.size));
    }
    check_memory(facts.size, 100 + facts.decoder_bytes)
}

/// Checks the memory for decoding a picture, in bytes for each 100 pixels.
pub(super) fn check_memory(size: PixelSize, bytes: u64) -> Result<(), ImageError> {
    let memory = size.pixels().saturating_mul(bytes) / 100;
    if memory > MAX_MEMORY {
        return Err(ImageError::TooMuchMemory { size, memory });
    }
    Ok(())
}

/// Returns the size after a picture has been turned.
pub(super) fn turned(size: PixelSize, orientation: Orientation) -> PixelSize {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => PixelSize {
            width: size.height,
            height: size.width,
        },
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => size,
    }
}

/// Returns the size of the same shape at which a model sees a picture, with no side over `most`.
fn seen_size(size: PixelSize, resolution: ImageResolution, most: usize) -> PixelSize {
    let most = as_side(most);
    let resolution = ImageResolution {
        max_side: resolution.max_side.min(most),
        ..resolution
    };
    let (width, height) = resolution.seen_size(as_side(size.width), as_side(size.height));
    PixelSize {
        width: width as usize,
        height: height as usize,
    }
}

/// Returns the size of the same shape with no side over `longest`.
fn scaled(size: PixelSize, longest: usize) -> PixelSize {
    let long = size.longest_side();
    if long <= longest {
        return size;
    }
    let scale = |side| scale_side(as_side(side), as_side(longest), as_side(long)) as usize;
    PixelSize {
        width: scale(size.width),
        height: scale(size.height),
    }
}

fn as_side(side: usize) -> u32 {
    u32::try_from(side).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: PictureFit = PictureFit {
        image_size: ImageSize::Fit,
        resolution: ImageResolution::STANDARD,
        is_one_of_many: false,
    };

    const MANY: PictureFit = PictureFit {
        resolution: ImageResolution::HIGH,
        is_one_of_many: true,
        ..FIT
    };

    fn size(width: usize, height: usize) -> PixelSize {
        PixelSize { width, height }
    }

    /// A PNG without metadata that exceeds no limit, unless it has more pixels than that.
    fn png(width: usize, height: usize) -> PictureFacts {
        PictureFacts {
            kind: FileKind::Png,
            size: size(width, height),
            orientation: Orientation::NoTransforms,
            file_bytes: 3_932_160,
            metadata_bytes: 0,
            decoder_bytes: 0,
        }
    }

    fn jpeg(width: usize, height: usize) -> PictureFacts {
        PictureFacts {
            kind: FileKind::Jpeg,
            ..png(width, height)
        }
    }

    fn redrawn(facts: &PictureFacts, fit: PictureFit) -> Redrawing {
        match decide(facts, fit) {
            Ok(PictureChange::Redraw(redrawing)) => redrawing,
            other => panic!("{facts:?} {fit:?}: {other:?}"),
        }
    }

    #[test]
    fn a_picture_within_the_limits_is_not_changed() {
        for (facts, fit) in [
            (png(8000, 8000), FIT),
            (jpeg(8000, 1), FIT),
            (png(2000, 2000), MANY),
        ] {
            assert_eq!(decide(&facts, fit), Ok(PictureChange::None));
        }
    }

    #[test]
    fn metadata_alone_does_not_have_a_picture_encoded_again() {
        let facts = PictureFacts {
            metadata_bytes: 10,
            file_bytes: 3_932_170,
            ..jpeg(4000, 3000)
        };
        assert_eq!(decide(&facts, FIT), Ok(PictureChange::Strip));
    }

    #[test]
    fn what_exceeds_a_limit_gets_the_size_at_which_the_model_sees_it() {
        let heavy = |facts| PictureFacts {
            file_bytes: 3_932_161,
            ..facts
        };
        let high = PictureFit {
            resolution: ImageResolution::HIGH,
            ..FIT
        };
        for (facts, fit, expected) in [
            (heavy(jpeg(1920, 1080)), FIT, size(1456, 819)),
            (heavy(jpeg(1075, 1520)), FIT, size(924, 1307)),
            (heavy(jpeg(3840, 2160)), high, size(2576, 1449)),
            (heavy(png(200, 200)), FIT, size(200, 200)),
            (png(8001, 4000), high, size(2576, 1288)),
            (png(8001, 1), FIT, size(1568, 1)),
            (png(2001, 1000), MANY, size(2000, 1000)),
        ] {
            let redrawing = redrawn(&facts, fit);
            assert_eq!(redrawing.size, expected, "{facts:?} {fit:?}");
            assert_eq!(redrawing.smaller, expected, "{facts:?} {fit:?}");
            assert_eq!(redrawing.is_jpeg, facts.kind == FileKind::Jpeg);
        }
    }

    #[test]
    fn a_picture_on_its_side_is_turned_and_no_smaller_than_it_has_to_be() {
        let facts = PictureFacts {
            orientation: Orientation::Rotate90,
            ..jpeg(4000, 3000)
        };
        let redrawing = redrawn(&facts, FIT);
        assert_eq!(redrawing.orientation, Orientation::Rotate90);
        assert_eq!(redrawing.size, size(3000, 4000));
        assert_eq!(redrawing.smaller, size(952, 1270));
    }

    #[test]
    fn bmp_and_tiff_are_converted() {
        for kind in [FileKind::Bmp, FileKind::Tiff] {
            let facts = PictureFacts {
                kind,
                ..png(100, 50)
            };
            assert_eq!(redrawn(&facts, FIT).size, size(100, 50));
        }
    }

    #[test]
    fn a_number_is_the_longest_side_and_makes_nothing_larger() {
        let longest = |side| PictureFit {
            image_size: ImageSize::LongestSide(side),
            ..FIT
        };
        assert_eq!(redrawn(&png(100, 50), longest(10)).size, size(10, 5));
        assert_eq!(redrawn(&png(1, 100), longest(10)).size, size(1, 10));
        assert_eq!(
            redrawn(&png(9000, 900), longest(3000)).size,
            size(3000, 300)
        );
        assert_eq!(
            redrawn(&png(9000, 900), longest(3000)).smaller,
            size(1568, 157)
        );
        assert_eq!(decide(&png(10, 5), longest(10)), Ok(PictureChange::None));
        let many = PictureFit {
            is_one_of_many: true,
            ..longest(3000)
        };
        assert_eq!(redrawn(&png(4000, 400), many).size, size(1568, 157));
    }

    #[test]
    fn nothing_is_changed_to_keep_it() {
        let keep = PictureFit {
            image_size: ImageSize::Keep,
            ..FIT
        };
        let kept = PictureFacts {
            metadata_bytes: 10,
            orientation: Orientation::Rotate90,
            ..jpeg(8000, 8000)
        };
        assert_eq!(decide(&kept, keep), Ok(PictureChange::None));
        let bitmap = PictureFacts {
            kind: FileKind::Bmp,
            ..png(1, 1)
        };
        assert_eq!(decide(&bitmap, keep), Err(ImageError::Format("BMP")));
        let long = png(8001, 1);
        let refused = Err(ImageError::TooManyPixels(long.size));
        assert_eq!(decide(&long, keep), refused);
        let heavy = PictureFacts {
            file_bytes: 3_932_161,
            ..kept
        };
        assert!(matches!(
            decide(&heavy, keep),
            Err(ImageError::TooManyBytes { .. })
        ));
    }

    #[test]
    fn what_would_take_too_much_memory_is_not_decoded() {
        let bomb = png(60_000, 60_000);
        let refused = Err(ImageError::TooManyPixelsToChange(bomb.size));
        assert_eq!(decide(&bomb, FIT), refused);
        let progressive = PictureFacts {
            decoder_bytes: 700,
            ..jpeg(8001, 6000)
        };
        assert!(matches!(
            decide(&progressive, FIT),
            Err(ImageError::TooMuchMemory { .. })
        ));
    }

    #[test]
    fn the_value_is_a_word_or_a_number_of_pixels() {
        assert_eq!(ImageSize::parse("fit"), Ok(ImageSize::Fit));
        assert_eq!(ImageSize::parse("keep"), Ok(ImageSize::Keep));
        assert_eq!(ImageSize::parse("8000"), Ok(ImageSize::LongestSide(8000)));
        for wrong in ["", "0", "8001", "-1", "1.5", "large"] {
            assert!(ImageSize::parse(wrong).is_err(), "{wrong}");
        }
    }
}
