//! Tells a file's kind by its bytes; a name or an extension is never asked.
//!
//! The endpoint compares the declared media type with the bytes and refuses a mismatch, so the
//! extension would only mislead.

/// What a file's bytes say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/gif`
    Gif,
    /// `image/webp`
    Webp,
    /// An image in a format that the endpoint does not take; the name is for the error.
    OtherImage(&'static str),
    /// `application/pdf`
    Pdf,
    /// Text, as far as the first bytes show.
    Text,
    /// Neither text nor anything that can be sent.
    Binary,
}

impl Kind {
    /// What it is, in words, where it is no text.
    pub(crate) fn unlike_text(self) -> Option<&'static str> {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::OtherImage(_) => {
                Some("an image")
            }
            Self::Pdf => Some("a PDF"),
            Self::Binary => Some("a binary file"),
            Self::Text => None,
        }
    }

    /// The media type to send, for kinds that are sent as they are.
    pub(crate) fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Jpeg => Some("image/jpeg"),
            Self::Png => Some("image/png"),
            Self::Gif => Some("image/gif"),
            Self::Webp => Some("image/webp"),
            Self::Pdf => Some("application/pdf"),
            Self::OtherImage(_) | Self::Text | Self::Binary => None,
        }
    }
}

/// How many bytes are looked at for a NUL, as git does it.
const TEXT_PROBE: usize = 8000;

/// How much of a file's beginning tells what it is.
pub(crate) const SNIFFED_BYTES: u64 = TEXT_PROBE as u64;

/// Tells what `bytes`, the beginning of a file or all of it, are.
pub(crate) fn sniff(bytes: &[u8]) -> Kind {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Kind::Png,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', rest @ ..] if is_gif(rest) => Kind::Gif,
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
        ] => Kind::Webp,
        [b'%', b'P', b'D', b'F', b'-', rest @ ..] if is_pdf(rest) => Kind::Pdf,
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Kind::OtherImage("BMP"),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Kind::OtherImage("TIFF"),
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
        ] => Kind::OtherImage("AVIF"),
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
        ] => Kind::OtherImage("HEIC"),
        _ if is_utf16(bytes) => Kind::Binary,
        _ if memchr::memchr(0, &bytes[..bytes.len().min(TEXT_PROBE)]).is_some() => Kind::Binary,
        _ => Kind::Text,
    }
}

/// Whether a GIF's size, flags, background and aspect ratio follow, and not words: a size that can
/// be sent has a byte below a space in it, and hardly any has an aspect ratio.
fn is_gif(rest: &[u8]) -> bool {
    rest.iter()
        .take(7)
        .any(|&byte| byte < b' ' && !byte.is_ascii_whitespace())
}

/// Whether the first line ends behind the version, but for a comment, and is not that of a text
/// about PDFs. Writers that put more there begin with an object.
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

fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_its_first_bytes() {
        for (bytes, kind) in [
            (&b"\xff\xd8\xff\xe0"[..], Kind::Jpeg),
            (b"\x89PNG\r\n\x1a\n....", Kind::Png),
            (b"GIF89a\x01\0\x01\0\x80\0\0", Kind::Gif),
            (b"GIF87a\n\x0a\r\r\xf7\xff\0", Kind::Gif),
            (b"GIF89a is a format; why?", Kind::Text),
            (b"GIF89a:\n\twhy?", Kind::Text),
            (b"GIF89a", Kind::Text),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Kind::Webp),
            (b"%PDF-1.7", Kind::Pdf),
            (b"%PDF-1.4\r%\xe2\xe3\xcf\xd3\r", Kind::Pdf),
            (b"%PDF-2.0 \t\n1 0 obj", Kind::Pdf),
            (b"%PDF-1.3 %\xc4\xe5\xf2\xe5\n", Kind::Pdf),
            (b"%PDF-1.4 1 0 obj<</Type/Catalog>>", Kind::Pdf),
            (b"%PDF-1.4 is how every PDF begins; why?", Kind::Text),
            (b"%PDF-1.4?", Kind::Text),
            (b"%PDF- is how every PDF begins", Kind::Text),
            (b"BM\x36\0\0\0\0\0\0\0", Kind::OtherImage("BMP")),
            (b"II*\0", Kind::OtherImage("TIFF")),
            (b"\0\0\0\x1cftypavif", Kind::OtherImage("AVIF")),
            (b"\0\0\0\x1cftypheic", Kind::OtherImage("HEIC")),
            (b"\x7fELF\x02\x01\x01\0", Kind::Binary),
            (b"\xff\xfeh\0i\0", Kind::Binary),
            (b"GIF is a format", Kind::Text),
            ("caf\u{e9}\n".as_bytes(), Kind::Text),
            (b"bad \xff utf-8", Kind::Text),
            (b"", Kind::Text),
        ] {
            assert_eq!(sniff(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
