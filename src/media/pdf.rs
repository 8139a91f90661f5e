//! What makes the endpoint refuse a PDF, as far as it shows without a parser.
//!
//! Source: Anthropic's page `build-with-claude/pdf-support`; unverified against Langdock.

use crate::text::{counted, grouped};

/// Why a PDF cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PdfError {
    /// Something precedes the PDF in its file.
    #[error("the PDF begins only after {}", counted(*.0, "byte"))]
    Preceded(usize),
    /// Its end is missing.
    #[error("the PDF is damaged or truncated")]
    Damaged,
    /// It has a password, or only some of its uses are permitted.
    #[error("the PDF is encrypted")]
    Encrypted,
    /// It has more pages than a request may have.
    #[error("the PDF has {} pages, over the limit of {most}", grouped(*pages))]
    TooManyPages {
        /// How many pages it has.
        pages: u64,
        /// How many the model accepts.
        most: u64,
    },
}

/// Checks that a PDF has an end, and is not encrypted. A PDF that was extended has several ends, and
/// what follows the last one does not matter to lenient readers.
pub(crate) fn check_pdf(bytes: &[u8]) -> Result<(), PdfError> {
    if memchr::memmem::rfind(bytes, b"%%EOF").is_none() {
        return Err(PdfError::Damaged);
    }
    if is_encrypted(bytes) {
        return Err(PdfError::Encrypted);
    }
    Ok(())
}

/// Returns whether a trailer, or the stream in its place, refers to an object with the parameters
/// of an encryption, or contains them.
fn is_encrypted(bytes: &[u8]) -> bool {
    let is_entry = |place: usize| {
        let rest = bytes[place + "/Encrypt".len()..].trim_ascii_start();
        let number = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let reference = rest[number..].strip_prefix(b" ");
        let is_reference = number > 0 && reference.is_some_and(|rest| rest.starts_with(b"0 R"));
        is_reference || rest.starts_with(b"<<")
    };
    memchr::memmem::rfind_iter(bytes, b"/Encrypt").any(is_entry)
}

/// Counts the objects of type `/Page`. Compressed ones are not found.
pub(crate) fn count_pages(bytes: &[u8]) -> u64 {
    let is_page = |place: usize| {
        let rest = bytes[place + "/Type".len()..].trim_ascii_start();
        rest.strip_prefix(b"/Page")
            .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
    };
    let places = memchr::memmem::find_iter(bytes, b"/Type");
    u64::try_from(places.filter(|place| is_page(*place)).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_pdf_is_known_by_its_trailer() {
        for trailer in [
            "/Encrypt 12 0 R",
            "/Encrypt\n12 0 R",
            "/Encrypt<</Filter/Standard",
        ] {
            let pdf = format!("%PDF-1.7\ntrailer <</Size 3 {trailer} >>\n%%EOF");
            assert_eq!(
                check_pdf(pdf.as_bytes()),
                Err(PdfError::Encrypted),
                "{trailer}"
            );
        }
        for other in [
            "/EncryptMetadata false",
            "(/Encrypt is a key)",
            "/Encrypted 1 0 R",
        ] {
            let pdf = format!("%PDF-1.7\n<<{other}>>\ntrailer <</Size 3>>\n%%EOF\n");
            assert_eq!(check_pdf(pdf.as_bytes()), Ok(()), "{other}");
        }
        let cut = b"%PDF-1.7\n1 0 obj\n<</Type /Catalog>>\nendobj\n";
        assert_eq!(check_pdf(cut), Err(PdfError::Damaged));
    }
}
