//! Generated ids of conversations and exchanges. They are short, so that a short prefix is soon
//! unique, and begin with a digit, so that no name that a user chooses is such a prefix by
//! accident.

/// Digits and letters without vowels, so that no words are formed, and without similar characters.
const LETTERS: &[u8] = b"23456789bcdfghjkmnpqrstvwxz";

/// The length of an id in characters.
const LENGTH: usize = 10;

/// How many of the characters are digits.
const DIGITS: usize = 8;

/// Returns a new random id, one of 5 · 10^13.
pub(super) fn new_id() -> String {
    let letter = |place| {
        char::from(LETTERS[fastrand::usize(..if place == 0 { DIGITS } else { LETTERS.len() })])
    };
    (0..LENGTH).map(letter).collect()
}

/// Returns whether a text could be an id or a prefix of one.
pub(super) fn may_begin_id(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.bytes().all(|letter| LETTERS.contains(&letter))
}

/// Returns whether a text from a file can be the name of a conversation's file, and no path to
/// another place. Ids of other versions may look different.
pub(super) fn is_file_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && !text.contains(|letter: char| letter == '/' || letter.is_control())
}

/// Returns the id of a turn of an exchange, counted from 0. The process that writes it and one that
/// recovers it agree on it.
pub(super) fn turn_id(exchange: &str, place: usize) -> String {
    format!("{exchange}.{}", place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_a_digit_and_a_word_does_not_begin_one() {
        for _ in 0..100 {
            let id = new_id();
            assert!(
                id.len() == LENGTH && may_begin_id(&id) && may_begin_id(&id[..1]),
                "{id}"
            );
        }
        assert!(
            !may_begin_id("")
                && !may_begin_id("notes")
                && !may_begin_id("2_x")
                && !may_begin_id("../2")
        );
    }
}
