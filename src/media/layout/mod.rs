//! The structure of a picture's file, found without decoding a pixel: whether the file is complete,
//! and which of its bytes do not belong to the picture itself, such as EXIF data with a place and a
//! date.
//!
//! The endpoint decodes every picture and refuses one that ends early ("Could not process image"),
//! with each later request of the conversation too. The size in pixels is at the beginning of a
//! file, so it does not show this; the structure does.

mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

use std::ops::Range;

use image::metadata::Orientation;

use super::sniff::FileKind;

/// What EXIF data begins with in some files, before its TIFF header.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// What the structure of a picture's file shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PictureLayout {
    /// The bytes that do not belong to the picture: metadata, thumbnails, comments, and what
    /// programs append. In the order of the file. The color profile is not among them.
    pub(super) metadata: Vec<Range<usize>>,
    /// The EXIF data, from its TIFF header on.
    exif: Option<Range<usize>>,
    /// Whether there are more frames or pages than the first.
    pub(super) has_more_frames: bool,
    /// How many bytes a decoder needs for each 100 pixels, besides those that it returns.
    pub(super) decoder_bytes: u64,
}

impl PictureLayout {
    /// Reads the structure of a picture. Returns `None` if the file does not reach the end that its
    /// format prescribes; of a BMP or TIFF only decoding shows that.
    pub(super) fn read(kind: FileKind, bytes: &[u8]) -> Option<Self> {
        match kind {
            FileKind::Png => png::layout(bytes),
            FileKind::Jpeg => jpeg::layout(bytes),
            FileKind::Gif => gif::layout(bytes),
            FileKind::Webp => webp::layout(bytes),
            FileKind::Bmp => Some(Self::default()),
            FileKind::Tiff => Some(tiff::layout(bytes)),
            FileKind::OtherImage(_)
            | FileKind::Pdf
            | FileKind::PrecededPdf(_)
            | FileKind::Text
            | FileKind::Binary => None,
        }
    }

    /// Returns how the pixels have to be turned for the picture to be upright.
    pub(super) fn orientation(&self, bytes: &[u8]) -> Orientation {
        self.exif
            .clone()
            .and_then(|exif| Orientation::from_exif_chunk(bytes.get(exif)?))
            .unwrap_or(Orientation::NoTransforms)
    }

    /// Returns how many bytes do not belong to the picture.
    pub(super) fn metadata_bytes(&self) -> usize {
        self.metadata.iter().map(ExactSizeIterator::len).sum()
    }

    /// Notes EXIF data, which is metadata too.
    fn add_exif(&mut self, bytes: &[u8], data: Range<usize>) {
        let has_prefix = bytes[data.clone()].starts_with(EXIF_PREFIX);
        let start = data.start + if has_prefix { EXIF_PREFIX.len() } else { 0 };
        self.exif.get_or_insert(start..data.end);
    }

    /// Notes what follows the end of the picture.
    fn end_at(mut self, bytes: &[u8], end: usize) -> Self {
        if end < bytes.len() {
            self.metadata.push(end..bytes.len());
        }
        self
    }
}

/// Removes the metadata from a picture with this layout. The pixels stay as they are encoded.
pub(super) fn remove_metadata(kind: FileKind, bytes: &mut Vec<u8>, layout: &PictureLayout) {
    let mut kept = 0;
    let mut at = 0;
    let end = bytes.len();
    let rest = std::iter::once(end..end);
    for removed in layout.metadata.iter().cloned().chain(rest) {
        bytes.copy_within(at..removed.start, kept);
        kept += removed.start - at;
        at = removed.end;
    }
    bytes.truncate(kept);
    if kind == FileKind::Webp {
        webp::correct_header(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::detect_file_kind;

    fn png() -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"\0\0\0\x02IDAT\x01\x02\0\0\0\0\0\0\0\0IEND\0\0\0\0");
        bytes
    }

    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0......,\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0;";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02data\xff\xd9";
    const WEBP: &[u8] = b"RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0data";

    /// Returns what is left of a picture without its metadata.
    fn stripped(bytes: &[u8]) -> Vec<u8> {
        let kind = detect_file_kind(bytes);
        let layout = PictureLayout::read(kind, bytes).expect("a complete picture");
        let mut bytes = bytes.to_vec();
        remove_metadata(kind, &mut bytes, &layout);
        bytes
    }

    #[test]
    fn a_picture_that_ends_early_is_not_complete() {
        for whole in [png(), GIF.to_vec(), WEBP.to_vec(), JPEG.to_vec()] {
            let kind = detect_file_kind(&whole);
            let layout = PictureLayout::read(kind, &whole).expect("it is complete");
            assert_eq!(
                layout.metadata_bytes(),
                if kind == FileKind::Jpeg { 6 } else { 0 }
            );
            for end in 0..whole.len() - 4 {
                assert_eq!(
                    PictureLayout::read(kind, &whole[..end]),
                    None,
                    "{kind:?} {end}"
                );
            }
        }
    }

    #[test]
    fn what_is_appended_to_a_picture_does_not_belong_to_it() {
        for whole in [png(), GIF.to_vec(), WEBP.to_vec(), stripped(JPEG)] {
            let appended = [&whole[..], b"\xff\xd9; more"].concat();
            assert_eq!(stripped(&appended), whole);
        }
    }

    #[test]
    fn lengths_beyond_the_file_are_not_followed() {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.extend(b"\xff\xff\xff\xffIDAT\0\0\0\0");
        assert_eq!(PictureLayout::read(FileKind::Png, &bytes), None);
        assert_eq!(
            PictureLayout::read(FileKind::Gif, b"GIF89a!!!!!!!!!!!!!!"),
            None
        );
        assert_eq!(
            PictureLayout::read(FileKind::Jpeg, b"\xff\xd8\xff\xda\xff\xff\xff\xd9"),
            None
        );
    }

    #[test]
    fn the_thumbnail_of_a_truncated_jpeg_does_not_make_it_complete() {
        let thumbnail = b"\xff\xd8\xff\xda\0\x02data\xff\xd9";
        let mut bytes = b"\xff\xd8\xff\xe1\0\x0f".to_vec();
        bytes.extend(thumbnail);
        bytes.extend(b"\xff\xda\0\x02da");
        assert_eq!(PictureLayout::read(FileKind::Jpeg, &bytes), None);
    }

    #[test]
    fn metadata_is_removed_and_the_color_profile_stays() {
        let exif = b"Exif\0\0II*\0";
        let jpeg = [
            &b"\xff\xd8\xff\xe0\0\x10JFIF\0.........\xff\xe1\0\x0c"[..],
            exif,
            b"\xff\xe2\0\x10ICC_PROFILE\0..\xff\xe2\0\x06MPF\0\xff\xee\0\x07Adobe\xff\xfe\0\x04hi\
              \xff\xda\0\x02da\xff\0ta\xff\xd9",
        ];
        let expected = b"\xff\xd8\xff\xe0\0\x10JFIF\0.........\xff\xe2\0\x10ICC_PROFILE\0..\
            \xff\xee\0\x07Adobe\xff\xda\0\x02da\xff\0ta\xff\xd9";
        assert_eq!(stripped(&jpeg.concat()), expected);

        let mut with_chunks = png();
        let end = with_chunks.len() - 12;
        with_chunks.splice(end..end, *b"\0\0\0\x02tEXthi....\0\0\0\x01iCCPx....");
        let mut expected = png();
        expected.splice(end..end, *b"\0\0\0\x01iCCPx....");
        assert_eq!(stripped(&with_chunks), expected);

        let (head, rest) = GIF.split_at(19);
        let gif = [
            head,
            b"!\xfe\x02hi\0!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
            rest,
        ]
        .concat();
        let expected = [head, b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", rest].concat();
        assert_eq!(stripped(&gif), expected);
    }

    #[test]
    fn the_header_of_a_webp_no_longer_announces_metadata() {
        let extended = |flags: u8, length: u8, rest: &[u8]| {
            let mut bytes = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
            bytes[4] = length;
            bytes.extend([flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            bytes.extend(b"VP8 \x04\0\0\0data");
            bytes.extend(rest);
            bytes
        };
        let webp = extended(0x2c, 56, b"EXIF\x03\0\0\0II*\0XMP \x02\0\0\0hi");
        assert_eq!(stripped(&webp), extended(0x20, 34, b""));
    }
}
