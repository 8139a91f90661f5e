//! The width of a line in terminal columns, and lines that fit into it.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

/// Returns the number of columns of a line without control characters.
pub(crate) fn display_width(line: &str) -> usize {
    line.width()
}

/// Returns the line, or as much of its beginning as fits into `columns` columns followed by `…`.
pub(crate) fn truncate_to_width(line: &str, columns: usize) -> String {
    if line.width() <= columns {
        return line.to_owned();
    }
    let room = columns.saturating_sub(1);
    // A character may combine with the one before it, so the beginning is measured as a whole.
    let fits = line
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8())
        .take_while(|&end| line[..end].width() <= room);
    format!("{}…", &line[..fits.last().unwrap_or(0)])
}

/// Breaks a line at its spaces: the first part takes up to `first` columns, the others up to
/// `rest`.
///
/// A wider word stays in one piece, and so does what backticks quote if it fits into `rest`: a
/// command or a path copied from the terminal then contains no line break.
pub(crate) fn wrap_words(line: &str, first: usize, rest: usize) -> Vec<&str> {
    let (mut parts, mut room) = (Vec::new(), first);
    let (mut start, mut end, mut used) = (0, 0, 0);
    for word in words(line, rest) {
        let width = line[end..word.end].width();
        if end > start && used + width > room {
            parts.push(&line[start..end]);
            (start, room, used) = (word.start, rest, line[word.clone()].width());
        } else {
            used += width;
        }
        end = word.end;
    }
    parts.push(&line[start..]);
    parts
}

/// Returns the byte ranges of the words of a line. What backticks quote is one word, unless it is
/// wider than `columns`.
fn words(line: &str, columns: usize) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let (mut is_between, mut quoted_until, mut close) = (true, 0, None);
    for (at, letter) in line.char_indices() {
        if letter == ' ' && at >= quoted_until {
            is_between = true;
            continue;
        }
        if letter == '`' && close == Some(at) {
            close = None;
        } else if letter == '`' && close.is_none() {
            close = line[at + 1..].find('`').map(|length| at + 1 + length);
            quoted_until = close
                .filter(|&close| line[at..=close].width() <= columns)
                .unwrap_or(quoted_until);
        }
        let end = at + letter.len_utf8();
        match words.last_mut() {
            Some(word) if !is_between => word.end = end,
            _ => words.push(at..end),
        }
        is_between = false;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_at_spaces_and_a_wide_word_is_left_whole() {
        assert_eq!(wrap_words("one two three", 7, 5), ["one two", "three"]);
        assert_eq!(wrap_words("one two three", 5, 40), ["one", "two three"]);
        assert_eq!(wrap_words("a /long/path b", 4, 4), ["a", "/long/path", "b"]);
        assert_eq!(wrap_words("日本 語", 5, 5), ["日本", "語"]);
        assert_eq!(wrap_words("a  b", 4, 4), ["a  b"]);
        assert_eq!(wrap_words("", 4, 4), [""]);
    }

    #[test]
    fn what_backticks_quote_is_broken_only_if_it_is_wider_than_a_line() {
        assert_eq!(
            wrap_words("run `a b c` now", 9, 9),
            ["run", "`a b c`", "now"]
        );
        assert_eq!(wrap_words("`a b c` d", 5, 5), ["`a b", "c` d"]);
        assert_eq!(wrap_words("a ` b", 3, 3), ["a `", "b"]);
    }

    #[test]
    fn a_line_that_does_not_fit_is_cut_between_characters_of_one_and_of_two_columns() {
        for (columns, expected) in [(6, "日本語"), (5, "日本…"), (4, "日…"), (1, "…")] {
            assert_eq!(truncate_to_width("日本語", columns), expected);
        }
        assert_eq!(
            (truncate_to_width("abc", 3), truncate_to_width("abcd", 3)),
            ("abc".to_owned(), "ab…".to_owned())
        );
        assert_eq!(display_width("é日"), 3);
    }
}
