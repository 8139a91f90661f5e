//! Names for conversations and exchanges that are generated: short, so that the beginning of one is
//! soon unique, and with a digit in front, so that no word that a user chooses is such a beginning
//! by accident.

/// No vowels, so that no words are formed, and nothing that looks like something else.
const LETTERS: &[u8] = b"23456789bcdfghjkmnpqrstvwxz";

/// How many letters an id has.
const LENGTH: usize = 10;

/// How many of the letters are digits.
const DIGITS: usize = 8;

/// Returns a new id: one of 5 · 10^13.
pub(super) fn new_id() -> String {
    let letter = |place| {
        char::from(LETTERS[fastrand::usize(..if place == 0 { DIGITS } else { LETTERS.len() })])
    };
    (0..LENGTH).map(letter).collect()
}

/// Returns whether a text could be an id or the beginning of one.
pub(super) fn may_begin_id(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.bytes().all(|letter| LETTERS.contains(&letter))
}

/// Returns the id of a turn of an exchange, counted from 0: the same in the process that says it
/// and in the one that recovers it.
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
