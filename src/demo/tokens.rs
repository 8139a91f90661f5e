//! Token estimates at four characters per token, which is close enough for a script.

/// Characters per token.
pub(super) const CHARS_PER_TOKEN: usize = 4;

/// Estimates the tokens of a text.
pub(super) fn estimate_tokens(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN)
}
