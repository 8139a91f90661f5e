//! Estimates the tokens of a PDF from its pages, which are counted without a parser.

use super::Tokens;
use crate::media::count_pages;

/// The tokens of a page: low if only a little text is extracted from it, high if it is sent as a
/// full page of text plus an image. Anthropic's page on PDFs gives 1,500 to 3,000 tokens for the
/// text; unverified against Langdock.
const PAGE: Tokens = Tokens {
    low: 300,
    high: 5_000,
};

/// Assumed minimum size of a page in bytes, if the pages cannot be counted because they are
/// compressed.
const SMALLEST_PAGE: usize = 8 * 1024;

/// Maximum number of pages that the endpoint accepts.
const MOST_PAGES: u64 = 600;

/// Estimates the tokens of a PDF.
pub(super) fn tokens_of(bytes: &[u8]) -> Tokens {
    let unknown = u64::try_from(bytes.len() / SMALLEST_PAGE + 1).unwrap_or(u64::MAX);
    let (fewest, most) = match count_pages(bytes) {
        0 => (1, unknown.min(MOST_PAGES)),
        pages => (pages, pages),
    };
    Tokens {
        low: fewest * PAGE.low,
        high: most * PAGE.high,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_counted_and_not_their_tree() {
        let pdf = b"%PDF-1.4 <</Type /Pages /Count 2>> <</Type/Page>> <</Type /Page/Parent 1 0 \
         R>> <</Type /Font>>";
        assert_eq!(
            tokens_of(pdf),
            Tokens {
                low: 600,
                high: 10_000
            }
        );
    }

    #[test]
    fn pages_that_cannot_be_seen_are_guessed_by_the_size() {
        assert_eq!(
            tokens_of(&[b'x'; 100]),
            Tokens {
                low: 300,
                high: 5_000
            }
        );
        assert_eq!(
            tokens_of(&vec![b'x'; 100 * 1024]),
            Tokens {
                low: 300,
                high: 65_000
            }
        );
    }
}
