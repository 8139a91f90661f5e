//! Words as a shell takes them.

/// Puts a word into quotes for the shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_word_does_not_end_it() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
