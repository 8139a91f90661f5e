//! Whether the endpoint takes the PDFs of a request.
//!
//! Source of the limits, which hold for a request as a whole: Anthropic's page
//! `build-with-claude/pdf-support`. The words are the API's: those about pages, and about what is
//! not a PDF, with the tag `pdf` in their paths, are recorded in `anthropics/claude-code#6231` and
//! `#5174`; those about a password are what several clients look for in its refusals.

use super::field::refusal_at;
use crate::demo::ask::{BlockContent, ParsedRequest};
use crate::demo::refusal::Refusal;

/// The maximum number of pages in a request to a model with a long context.
const MAX_PAGES: usize = 600;

/// The maximum number of pages in a request to another model.
const MAX_PAGES_OF_SHORT_CONTEXT: usize = 100;

/// The length of a long context, in tokens.
const LONG_CONTEXT: usize = 1_000_000;

/// Checks the file of a PDF; the error is the message of the refusal.
pub(super) fn check_pdf(file: &[u8]) -> Result<(), &'static str> {
    if !file.starts_with(b"%PDF-") {
        Err("The PDF specified was not valid.")
    } else if has_password(file) {
        Err("The PDF specified is password protected.")
    } else {
        Ok(())
    }
}

/// Whether an encryption is declared: by a key `Encrypt` whose value is a dictionary, or a
/// reference to one, such as `12 0 R`. Source: ISO 32000-1, section 7.6.1.
fn has_password(file: &[u8]) -> bool {
    let key = b"/Encrypt";
    file.windows(key.len()).enumerate().any(|(place, window)| {
        let value = &file[place..][key.len()..];
        window == key && (value.trim_ascii_start().starts_with(b"<<") || is_reference(value))
    })
}

/// Whether text begins with a reference to an object.
fn is_reference(text: &[u8]) -> bool {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'<');
    let has_space = text.first().is_some_and(u8::is_ascii_whitespace);
    let mut words = text.split(is_end).filter(|word| !word.is_empty());
    let mut is_number = || {
        let word = words.next().unwrap_or_default();
        !word.is_empty() && word.iter().all(u8::is_ascii_digit)
    };
    has_space && is_number() && is_number() && words.next() == Some(b"R")
}

/// Checks how many pages the PDFs of a request have together.
pub(super) fn check_page_total(ask: &ParsedRequest<'_>) -> Result<(), Refusal> {
    let most = if ask.rules.context_tokens >= LONG_CONTEXT {
        MAX_PAGES
    } else {
        MAX_PAGES_OF_SHORT_CONTEXT
    };
    let mut total = 0;
    for block in ask.blocks() {
        let BlockContent::Document(document) = &block.content else {
            continue;
        };
        total += document.pages;
        if total > most {
            let place = format!("messages.{}.content.{}", block.message, block.index);
            return Err(refusal_at(
                &format!("{place}.pdf.source.base64.data"),
                &format!("A maximum of {most} PDF pages may be provided."),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdf_that_declares_an_encryption_is_refused() {
        for trailer in [
            "/Encrypt 12 0 R",
            "/Encrypt 12 0 R>>",
            "/Encrypt\r\n12 0\nR/Size 3",
            "/Encrypt<</Filter/Standard>>",
            "/Encrypt << >>",
        ] {
            let file = format!("%PDF-1.7\ntrailer <<{trailer}>>");
            let refused = check_pdf(file.as_bytes());
            let expected = Err("The PDF specified is password protected.");
            assert_eq!(refused, expected, "{trailer}");
        }
        for other in [
            "/EncryptMetadata false",
            "(/Encrypt is a key)",
            "/Encrypt /Identity",
        ] {
            let file = format!("%PDF-1.7\n<<{other}>>");
            assert_eq!(check_pdf(file.as_bytes()), Ok(()), "{other}");
        }
        let refused = Err("The PDF specified was not valid.");
        assert_eq!(check_pdf(b"\r\n%PDF-1.7"), refused);
    }
}
