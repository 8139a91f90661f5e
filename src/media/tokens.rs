//! The token cost of an image: one token per patch of 28 by 28 pixels, after the image is scaled
//! down to the model's limits.
//!
//! Source: Anthropic's vision page, `build-with-claude/vision`; unverified against Langdock.

/// The side of a patch, in pixels.
const PATCH_PIXELS: u32 = 28;

/// The first version of Claude with the higher image resolution.
const FIRST_HIGH_RESOLUTION: (u32, u32) = (4, 7);

/// The resolution at which a model sees images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageResolution {
    /// Maximum length of a side, in pixels.
    pub(crate) max_side: u32,
    /// Maximum number of tokens per image.
    pub(crate) max_tokens: u32,
}

impl ImageResolution {
    /// Models up to Claude 4.6.
    pub(crate) const STANDARD: Self = Self {
        max_side: 1568,
        max_tokens: 1568,
    };

    /// Claude 4.7 and later.
    pub(crate) const HIGH: Self = Self {
        max_side: 2576,
        max_tokens: 4784,
    };

    /// Returns the resolution for a model id; `None` if the id does not contain a Claude version.
    pub(crate) fn for_model(id: &str) -> Option<Self> {
        let (_, rest) = id.split_once("claude")?;
        let numbers = rest
            .split(|letter: char| !letter.is_ascii_digit())
            .filter(|digits| !digits.is_empty());
        // Dates have more digits than versions.
        let mut version = numbers
            .take_while(|digits| digits.len() < 3)
            .filter_map(|digits| digits.parse::<u32>().ok());
        let (major, minor) = (version.next()?, version.next().unwrap_or(0));
        Some(if (major, minor) >= FIRST_HIGH_RESOLUTION {
            Self::HIGH
        } else {
            Self::STANDARD
        })
    }

    /// Returns the number of tokens of an image of `width` by `height` pixels.
    pub(crate) fn token_count(self, width: u32, height: u32) -> u32 {
        let (width, height) = self.seen_size(width, height);
        let tokens = patch_count(width) * patch_count(height);
        tokens.min(self.max_tokens)
    }

    /// Returns the size at which an image is seen: the largest one of the same shape that fits. An
    /// image is never made larger.
    pub(crate) fn seen_size(self, width: u32, height: u32) -> (u32, u32) {
        let (long, short) = (width.max(height), width.min(height));
        let sides = (1..=long.min(self.max_side))
            .rev()
            .map(|side| (side, scale_side(short, side, long)))
            .find(|(side, other)| patch_count(*side) * patch_count(*other) <= self.max_tokens);
        let (long, short) = sides.unwrap_or((1, 1));
        if width >= height {
            (long, short)
        } else {
            (short, long)
        }
    }
}

fn patch_count(side: u32) -> u32 {
    side.div_ceil(PATCH_PIXELS)
}

/// Scales `short` by `side` / `long`, rounded half to even, to at least one pixel.
pub(super) fn scale_side(short: u32, side: u32, long: u32) -> u32 {
    let exact = f64::from(short) * f64::from(side) / f64::from(long);
    // At most `side`, so in range.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rounded = exact.round_ties_even() as u32;
    rounded.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples from the vision page, with the tokens at both resolutions.
    #[test]
    fn every_example_of_the_vision_page_matches() {
        for (width, height, standard, high) in [
            (200, 200, 64, 64),
            (1000, 1000, 1296, 1296),
            (1092, 1092, 1521, 1521),
            (1920, 1080, 1560, 2691),
            (2000, 1500, 1564, 3888),
            (3840, 2160, 1560, 4784),
            (1075, 1520, 1551, 2145),
        ] {
            let tokens = (
                ImageResolution::STANDARD.token_count(width, height),
                ImageResolution::HIGH.token_count(width, height),
            );
            assert_eq!(tokens, (standard, high), "{width} × {height}");
        }
    }

    #[test]
    fn the_resolution_follows_from_the_model_id() {
        for (id, expected) in [
            (
                "claude-3-5-sonnet-20240620",
                Some(ImageResolution::STANDARD),
            ),
            (
                "anthropic.claude-sonnet-4-5-20250929-v1:0",
                Some(ImageResolution::STANDARD),
            ),
            ("claude-sonnet-4-20250514", Some(ImageResolution::STANDARD)),
            ("claude-opus-4-8-default", Some(ImageResolution::HIGH)),
            ("claude-sonnet-5", Some(ImageResolution::HIGH)),
            ("claude-next", None),
            ("gpt-5-mini", None),
        ] {
            assert_eq!(ImageResolution::for_model(id), expected, "{id}");
        }
    }

    #[test]
    fn the_smallest_and_the_thinnest_image_have_tokens() {
        assert_eq!(ImageResolution::STANDARD.token_count(1, 1), 1);
        assert_eq!(ImageResolution::STANDARD.token_count(8000, 1), 56);
    }
}
