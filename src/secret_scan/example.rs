//! What has the shape of a secret but stands for one: placeholders and published examples.

/// Words that nobody's random token has, in small letters.
const PLACEHOLDER_WORDS: &str = "example placehold redacted changeme dummy xxxx your test_ \
    0123456789 1234567890 abcdefgh deadbeef";

/// How the key of Azure's storage emulator begins, which its documentation publishes.
const EMULATOR_KEY: &[u8] = b"Eby8vdM02xNO";

/// With fewer different bytes than this, a token of 20 or more is not random.
const MIN_DIFFERENT: usize = 8;

/// As many equal bytes in a row are not random either.
const MAX_REPEATED: usize = 6;

/// Whether a text with the shape of a token is a placeholder.
pub(super) fn is_placeholder(token: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in token {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let mut repeated = token.windows(MAX_REPEATED);
    let small = token.to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&small, word.as_bytes()).is_some();
    different < MIN_DIFFERENT
        || repeated.any(|bytes| bytes.iter().all(|byte| *byte == bytes[0]))
        || token.starts_with(EMULATOR_KEY)
        || PLACEHOLDER_WORDS.split_ascii_whitespace().any(has)
}

/// Whether a text has capitals, small letters and digits.
pub(super) fn has_mixed_characters(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_uppercase)
        && token.iter().any(u8::is_ascii_lowercase)
        && token.iter().any(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_documentation_has_in_the_place_of_a_token_is_a_placeholder() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_aaaaaabbbbbbccccccddddddeeeeeeffffff",
            "sk-YourKeyYourKeyYourKeyYourKey12",
            "T00000000/B00000000/YYYYYYYYYYYYYYYYYYYYYYYY",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        assert!(!is_placeholder(b"mF9qLrT2vWb8xKpZsY4n"));
    }
}
