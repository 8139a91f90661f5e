//! Blanks a secret out of text that arrives in pieces, between which it may be divided.
//!
//! What may be the beginning of the secret is held back, but only from the character on that would
//! reveal something: other text is passed on as it comes.

use std::borrow::Cow;

use super::scrub::SecretForms;

/// One text that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct PiecewiseScrub {
    /// What may begin the secret and has been passed on, since it reveals nothing yet.
    passed: String,
    /// What follows it and has not been passed on.
    held: String,
}

impl PiecewiseScrub {
    /// Adds a piece, and returns what can be passed on of the text.
    pub(crate) fn push<'t>(&mut self, piece: &'t str, secret: &SecretForms) -> Cow<'t, str> {
        let was_idle = self.is_idle();
        if was_idle && secret.find_from(piece, 0, true).is_none() {
            return Cow::Borrowed(piece);
        }
        let passed = std::mem::take(&mut self.passed);
        let mut copied = passed.len();
        let text = passed + &std::mem::take(&mut self.held) + piece;
        let mut out = String::new();
        let mut place = 0;
        while let Some(found) = secret.find_from(&text, place, true) {
            if !found.is_whole {
                let telling = found.telling.max(copied);
                out.push_str(&text[copied..telling]);
                text[found.start..telling].clone_into(&mut self.passed);
                text[telling..].clone_into(&mut self.held);
                copied = text.len();
                break;
            }
            out.push_str(text.get(copied..found.start).unwrap_or_default());
            out.push_str(secret.mask());
            (copied, place) = (found.end, found.end);
        }
        out.push_str(&text[copied..]);
        if was_idle && out == piece {
            Cow::Borrowed(piece)
        } else {
            Cow::Owned(out)
        }
    }

    /// Returns what is held back, at the end of the text: it does not become the secret.
    pub(crate) fn take_held(&mut self) -> String {
        self.passed.clear();
        std::mem::take(&mut self.held)
    }

    /// Whether anything is held back.
    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether what came so far does not matter for the next piece.
    pub(crate) fn is_idle(&self) -> bool {
        self.passed.is_empty() && self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scrub::MASK;
    use super::*;

    const SECRET: &str = "sk-ld-0123456789abcdef";

    /// Returns what is passed on of pieces, with what is held at the end.
    fn scrubbed<'t>(pieces: impl IntoIterator<Item = &'t str>) -> String {
        let secret = SecretForms::for_secret(SECRET);
        let mut scrub = PiecewiseScrub::default();
        let mut out = String::new();
        for piece in pieces {
            out.push_str(&scrub.push(piece, &secret));
        }
        out + &scrub.take_held()
    }

    #[test]
    fn a_secret_is_blanked_out_wherever_it_is_divided() {
        let each = |form: &dyn Fn(u8) -> String| SECRET.bytes().map(form).collect::<String>();
        let forms = [
            SECRET.to_owned(),
            SECRET.replace('-', "%2D"),
            each(&|byte| format!("&#{byte};")),
            each(&|byte| format!("{byte:02x}")),
        ];
        for form in forms {
            let text = format!("The key is {form}, é, and sk-ld-01 is not.");
            for first in 0..text.len() {
                for length in [1, 2, 7, 30] {
                    let second = (first + length).min(text.len());
                    let (Some(one), Some(two), Some(three)) = (
                        text.get(..first),
                        text.get(first..second),
                        text.get(second..),
                    ) else {
                        continue;
                    };
                    let out = scrubbed([one, two, three]);
                    let (before, behind) = out.split_once(MASK).expect(&out);
                    assert_eq!(behind, ", é, and sk-ld-01 is not.", "{one}|{two}|{three}");
                    let rest = before.strip_prefix("The key is ").expect(before);
                    assert!(!rest.contains(&SECRET[5..7]), "{one}|{two}|{three}: {rest}");
                }
            }
        }
    }

    #[test]
    fn other_text_is_passed_on_at_once_and_unchanged() {
        let secret = SecretForms::for_secret(SECRET);
        let mut scrub = PiecewiseScrub::default();
        for piece in [
            "words",
            " and s",
            "k-",
            "l",
            "d",
            " 50%",
            " a & b \\",
            "",
            "sk-ld-x é",
        ] {
            assert_eq!(scrub.push(piece, &secret), piece);
            assert!(!scrub.has_held(), "{piece}");
        }
        assert_eq!(
            scrubbed(["sk-l", "d-01", "23x", "sk-ld-0"]),
            "sk-ld-0123xsk-ld-0"
        );
        let slashes = "\\".repeat(500);
        assert_eq!(scrubbed([slashes.as_str(); 3]), slashes.repeat(3));
    }

    #[test]
    fn what_may_be_a_secret_is_held_back_from_the_sixth_character_on() {
        let secret = SecretForms::for_secret(SECRET);
        let mut scrub = PiecewiseScrub::default();
        assert_eq!(scrub.push("a sk-ld-0123", &secret), "a sk-ld");
        assert_eq!(scrub.push("4567", &secret), "");
        assert!(scrub.has_held());
        assert_eq!(scrub.push("89 no", &secret), "-0123456789 no");
    }
}
