//! The blocks of a GIF.

use super::PictureLayout;

/// The applications whose extensions say how the picture looks: how often it is repeated, and its
/// color profile.
const APPEARANCE: [&[u8; 11]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

/// Finds the trailer behind the blocks.
pub(super) fn layout(bytes: &[u8]) -> Option<PictureLayout> {
    let color_table = |flags: u8| {
        if flags & 0x80 == 0 {
            0
        } else {
            3 << ((flags & 7) + 1)
        }
    };
    let mut layout = PictureLayout::default();
    let mut frames = 0_usize;
    let mut at = 13 + color_table(*bytes.get(10)?);
    loop {
        match bytes.get(at)? {
            b';' => {
                layout.has_more_frames = frames > 1;
                return Some(layout.end_at(bytes, at + 1));
            }
            b'!' => {
                let end = after_sub_blocks(bytes, at + 2)?;
                if !belongs_to_picture(&bytes[at + 1..end]) {
                    layout.metadata.push(at..end);
                }
                at = end;
            }
            b',' => {
                frames += 1;
                // The descriptor, a color table, and the size of the codes.
                let pixels = at + 10 + color_table(*bytes.get(at + 9)?) + 1;
                at = after_sub_blocks(bytes, pixels)?;
            }
            _ => return None,
        }
    }
}

/// Returns whether an extension, from its label on, is needed to show the picture: neither a
/// comment nor the data of an application.
fn belongs_to_picture(extension: &[u8]) -> bool {
    match extension {
        [0xfe, ..] => false,
        [0xff, 11, rest @ ..] => APPEARANCE.iter().any(|name| rest.starts_with(&name[..])),
        [0xff, ..] => false,
        _ => true,
    }
}

/// Returns the place behind a series of sub-blocks, which an empty one ends.
fn after_sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
