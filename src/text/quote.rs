//! Quoting for a POSIX shell.

/// Quotes a word for a shell if it needs quotes.
pub(crate) fn shell_quote(word: &str) -> String {
    let quoted = shlex::Quoter::new().allow_nul(true).quote(word);
    quoted
        .expect("NUL is the only character that can be refused, and it is allowed")
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_act_on_it() {
        for word in ["a.txt", "/data/x-1_2.jsonl", "https://a:1/b"] {
            assert_eq!(shell_quote(word), word);
        }
        for (word, expected) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("*", "'*'"),
            ("$(x)", "'$(x)'"),
        ] {
            assert_eq!(shell_quote(word), expected);
        }
    }

    #[test]
    fn a_shell_reads_the_word_back() {
        for word in ["it's $HOME", "a\"b\\c", "日本 語", "-n\n", "!x^y{a,b}~"] {
            assert_eq!(
                shlex::split(&shell_quote(word)),
                Some(vec![word.to_owned()])
            );
        }
    }
}
