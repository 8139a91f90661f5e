//! Detects a file's type from its bytes; the name and extension are ignored.
//!
//! The endpoint compares the declared media type with the bytes and refuses a mismatch, so the
//! extension would only mislead.

/// A file type detected from the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/gif`
    Gif,
    /// `image/webp`
    Webp,
    /// A BMP, which is converted.
    Bmp,
    /// A TIFF, which is converted.
    Tiff,
    /// An image in a format that the endpoint does not accept; the name is for the error.
    OtherImage(&'static str),
    /// `application/pdf`
    Pdf,
    /// A PDF behind this many bytes of something else, which the endpoint does not accept.
    PrecededPdf(usize),
    /// Text, as far as the first bytes show.
    Text,
    /// Neither text nor anything that can be sent.
    Binary,
}

impl FileKind {
    /// Whether it can be sent: text, a PDF, or an image in a format of the API or one that is
    /// converted to it.
    pub(crate) fn can_be_sent(self) -> bool {
        self == Self::Text || self == Self::Pdf || self.picture_type().is_some()
    }

    /// Returns the name of an image's format.
    pub(crate) fn format_name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::OtherImage(name) => name,
            Self::Pdf | Self::PrecededPdf(_) | Self::Text | Self::Binary => "",
        }
    }

    /// Returns a description with its article, such as `a PDF`; `None` for text.
    pub(crate) fn describe_non_text(self) -> Option<&'static str> {
        match self {
            Self::Jpeg
            | Self::Png
            | Self::Gif
            | Self::Webp
            | Self::Bmp
            | Self::Tiff
            | Self::OtherImage(_) => Some("an image"),
            Self::Pdf | Self::PrecededPdf(_) => Some("a PDF"),
            Self::Binary => Some("a binary file"),
            Self::Text => None,
        }
    }

    /// Returns the media type of a picture as it is read, also of one that is converted before it
    /// is sent.
    pub(crate) fn picture_type(self) -> Option<&'static str> {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::Webp => self.media_type(),
            Self::Bmp => Some("image/bmp"),
            Self::Tiff => Some("image/tiff"),
            Self::OtherImage(_) | Self::Pdf | Self::PrecededPdf(_) | Self::Text | Self::Binary => {
                None
            }
        }
    }

    /// Returns the media type to send, for types that are sent unmodified.
    pub(crate) fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Jpeg => Some("image/jpeg"),
            Self::Png => Some("image/png"),
            Self::Gif => Some("image/gif"),
            Self::Webp => Some("image/webp"),
            Self::Pdf => Some("application/pdf"),
            Self::Bmp
            | Self::Tiff
            | Self::OtherImage(_)
            | Self::PrecededPdf(_)
            | Self::Text
            | Self::Binary => None,
        }
    }
}

/// Number of bytes searched for a NUL, as in git.
const TEXT_PROBE: usize = 8000;

/// Number of bytes in which lenient readers look for the beginning of a PDF.
const PDF_PROBE: usize = 1024;

/// Number of leading bytes that detection needs.
pub(crate) const SNIFFED_BYTES: u64 = TEXT_PROBE as u64;

/// Detects the type of a file from `bytes`, which are its beginning or all of it.
pub(crate) fn detect_file_kind(bytes: &[u8]) -> FileKind {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => FileKind::Jpeg,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => FileKind::Png,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', rest @ ..] if is_gif(rest) => FileKind::Gif,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => FileKind::Webp,
        [b'%', b'P', b'D', b'F', b'-', rest @ ..] if is_pdf(rest) => FileKind::Pdf,
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => FileKind::Bmp,
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => FileKind::Tiff,
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'a',
            b'v',
            b'i',
            b'f',
            ..,
        ] => FileKind::OtherImage("AVIF"),
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'h' | b'm',
            b'e' | b'i',
            b'i' | b'f' | b'v',
            ..,
        ] => FileKind::OtherImage("HEIC"),
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => FileKind::OtherImage("JPEG XL"),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => FileKind::OtherImage("JPEG 2000"),
        _ if is_utf16(bytes) && has_nul_unit(bytes) => FileKind::Binary,
        _ if is_utf16(bytes) => FileKind::Text,
        _ => match preceded_pdf(bytes) {
            Some(offset) => FileKind::PrecededPdf(offset),
            None if has_nul(bytes) => FileKind::Binary,
            None => FileKind::Text,
        },
    }
}

/// Whether a GIF's size, flags, background and aspect ratio follow, and not prose: a size within
/// the limits has a byte below 0x20, and hardly any GIF sets an aspect ratio.
fn is_gif(rest: &[u8]) -> bool {
    rest.iter()
        .take(7)
        .any(|&byte| byte < b' ' && !byte.is_ascii_whitespace())
}

/// Whether the first line ends after the version or continues with a comment, unlike prose about
/// PDFs. Writers that put more on that line begin with an object.
fn is_pdf(rest: &[u8]) -> bool {
    let [b'0'..=b'9', b'.', b'0'..=b'9', line @ ..] = &rest[..rest.len().min(TEXT_PROBE)] else {
        return false;
    };
    let more = line
        .iter()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\0' | b'\x0c'));
    matches!(more, None | Some(b'\r' | b'\n' | b'%'))
        || memchr::memmem::find(line, b" obj").is_some()
}

/// Returns where a PDF begins behind something else, such as the headers of a response. Text about
/// PDFs is not one: nothing in it is binary, and more than white space precedes its `%PDF`.
fn preceded_pdf(bytes: &[u8]) -> Option<usize> {
    let offset = memchr::memmem::find(&bytes[..bytes.len().min(PDF_PROBE)], b"%PDF-")?;
    let is_blank = bytes[..offset]
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&bytes[..offset])
        .iter()
        .all(u8::is_ascii_whitespace);
    let start = &bytes[..bytes.len().min(TEXT_PROBE)];
    let is_binary = || match str::from_utf8(start) {
        Ok(_) => has_nul(start),
        // A character may be cut off at the end.
        Err(error) => error.error_len().is_some(),
    };
    (is_pdf(&bytes[offset + 5..]) && (is_blank || is_binary())).then_some(offset)
}

/// Whether there is a NUL where a file's type shows.
fn has_nul(bytes: &[u8]) -> bool {
    memchr::memchr(0, &bytes[..bytes.len().min(TEXT_PROBE)]).is_some()
}

/// Whether there is a NUL in UTF-16 where a file's type shows. UTF-32 begins with one.
fn has_nul_unit(bytes: &[u8]) -> bool {
    let (units, _) = bytes[..bytes.len().min(TEXT_PROBE)].as_chunks::<2>();
    units.contains(&[0, 0])
}

/// Whether it begins with a byte order mark of UTF-16.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_types_are_detected_from_the_first_bytes() {
        for (bytes, kind) in [
            (&b"\xff\xd8\xff\xe0"[..], FileKind::Jpeg),
            (b"\x89PNG\r\n\x1a\n....", FileKind::Png),
            (b"GIF89a\x01\0\x01\0\x80\0\0", FileKind::Gif),
            (b"GIF87a\n\x0a\r\r\xf7\xff\0", FileKind::Gif),
            (b"GIF89a is a format; why?", FileKind::Text),
            (b"GIF89a:\n\twhy?", FileKind::Text),
            (b"GIF89a", FileKind::Text),
            (b"RIFF\x10\0\0\0WEBPVP8 ", FileKind::Webp),
            (b"%PDF-1.7", FileKind::Pdf),
            (b"%PDF-1.4\r%\xe2\xe3\xcf\xd3\r", FileKind::Pdf),
            (b"%PDF-2.0 \t\n1 0 obj", FileKind::Pdf),
            (b"%PDF-1.3 %\xc4\xe5\xf2\xe5\n", FileKind::Pdf),
            (b"%PDF-1.4 1 0 obj<</Type/Catalog>>", FileKind::Pdf),
            (b"%PDF-1.4 is how every PDF begins; why?", FileKind::Text),
            (b"%PDF-1.4?", FileKind::Text),
            (b"%PDF- is how every PDF begins", FileKind::Text),
            (b"BM\x36\0\0\0\0\0\0\0", FileKind::Bmp),
            (b"II*\0", FileKind::Tiff),
            (b"\0\0\0\x1cftypavif", FileKind::OtherImage("AVIF")),
            (b"\0\0\0\x1cftypheic", FileKind::OtherImage("HEIC")),
            (b"MM\0+\0\x08", FileKind::Tiff),
            (b"\0\0\0\x0cJXL \r\n\x87\n", FileKind::OtherImage("JPEG XL")),
            (b"\r\n%PDF-1.4\n", FileKind::PrecededPdf(2)),
            (b"\xef\xbb\xbf%PDF-1.4\n", FileKind::PrecededPdf(3)),
            (
                b"A: b\r\n\r\n%PDF-1.4\n%\xe2\xe3\xcf\xd3\n",
                FileKind::PrecededPdf(8),
            ),
            (b"A file begins with\n%PDF-1.4\n1 0 obj\n", FileKind::Text),
            (b"\x7fELF\x02\x01\x01\0", FileKind::Binary),
            (b"\xff\xfeh\0i\0", FileKind::Text),
            (b"\xff\xfe\0\0h\0\0\0", FileKind::Binary),
            (b"\xfe\xff\0h\0\0", FileKind::Binary),
            (b"GIF is a format", FileKind::Text),
            ("caf\u{e9}\n".as_bytes(), FileKind::Text),
            (b"bad \xff utf-8", FileKind::Text),
            (b"", FileKind::Text),
        ] {
            assert_eq!(
                detect_file_kind(bytes),
                kind,
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
