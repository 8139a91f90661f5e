//! Blanks secrets out of text: as they are, and in the forms in which encoders write them.
//!
//! A server, a proxy or a library may repeat what it was sent: in JSON with `\u002d` for a hyphen,
//! percent-encoded in a URL, as HTML entities in an error page, or in base64. Each character of a
//! secret is looked for in all of these forms but base64, mixed as they come.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

/// What replaces a secret.
const MASK: &str = "[API key]";

/// A shorter secret is a word of a test or of the demo: blanking it out would only garble text.
const MIN_SECRET: usize = 8;

/// A shorter beginning of a secret reveals nothing: all keys begin alike.
const MIN_TELLING: usize = 6;

/// How keys begin that nobody has told us of, as when one was typed in the wrong place.
const KEY_PREFIX: &str = "sk-";

/// The least number of characters after the prefix for a word to be taken for a key.
const MIN_KEY_BODY: usize = 16;

/// Blanks `secret`, which is ASCII, out of `text`. A text that was cut short, and so ends with `…`,
/// may have a beginning of it at its end.
pub(crate) fn scrub<'t>(text: &'t str, secret: &str) -> Cow<'t, str> {
    if secret.len() < MIN_SECRET {
        return Cow::Borrowed(text);
    }
    let starts = [secret.as_bytes()[0], b'%', b'\\', b'&'];
    let mut scrubbed =
        replace_matches(text, &starts, |place| match_encoded(&text[place..], secret));
    for form in base64_forms(secret) {
        if scrubbed.contains(&form) {
            scrubbed = Cow::Owned(scrubbed.replace(&form, MASK));
        }
    }
    if let Some(cut) = scrubbed.strip_suffix('…') {
        let beginnings = (MIN_TELLING..secret.len()).rev();
        let mut beginnings = beginnings.map(|length| &secret[..length]);
        if let Some(before) = beginnings.find_map(|part| cut.strip_suffix(part)) {
            scrubbed = Cow::Owned(format!("{before}{MASK}…"));
        }
    }
    scrubbed
}

/// Blanks out words that look like a key.
pub(crate) fn scrub_key_like(text: &str) -> Cow<'_, str> {
    let is_key_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    replace_matches(text, &KEY_PREFIX.as_bytes()[..1], |place| {
        let (before, rest) = text.split_at(place);
        let body = rest.strip_prefix(KEY_PREFIX)?;
        let length = body
            .find(|letter| !is_key_letter(letter))
            .unwrap_or(body.len());
        let is_word = !before.ends_with(is_key_letter);
        // Hyphenated words have no digits.
        let is_key =
            length >= MIN_KEY_BODY && body[..length].contains(|l: char| l.is_ascii_digit());
        (is_word && is_key).then_some(KEY_PREFIX.len() + length)
    })
}

/// Replaces each match by the mask. A match begins with one of the ASCII characters `starts`;
/// `length_at` returns its length at a place in the text.
fn replace_matches<'t>(
    text: &'t str,
    starts: &[u8],
    length_at: impl Fn(usize) -> Option<usize>,
) -> Cow<'t, str> {
    let mut replaced = String::new();
    let (mut copied, mut place) = (0, 0);
    let next_start = |place: usize| {
        let mut bytes = text.as_bytes()[place..].iter();
        bytes.position(|byte| starts.contains(byte))
    };
    while let Some(distance) = next_start(place) {
        place += distance;
        if let Some(length) = length_at(place) {
            replaced.push_str(&text[copied..place]);
            replaced.push_str(MASK);
            place += length;
            copied = place;
        } else {
            place += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[copied..]);
    Cow::Owned(replaced)
}

/// Returns the length of `secret` at the beginning of `text`, in whatever form each of its
/// characters has there.
fn match_encoded(text: &str, secret: &str) -> Option<usize> {
    let mut length = 0;
    for wanted in secret.bytes() {
        length += encoded_length(&text.as_bytes()[length..], wanted)?;
    }
    Some(length)
}

/// Returns the length of a character at the beginning of `text` in one of its forms.
fn encoded_length(text: &[u8], wanted: u8) -> Option<usize> {
    match text.first()? {
        first if *first == wanted => Some(1),
        b'%' => (hex_value(text.get(1..3)?)? == u32::from(wanted)).then_some(3),
        b'\\' => {
            // JSON in JSON has its backslashes escaped again.
            let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
            let escaped = &text[slashes..];
            if escaped.first() == Some(&wanted) && wanted == b'/' {
                return Some(slashes + 1);
            }
            let digits = escaped.strip_prefix(b"u")?.get(..4)?;
            (hex_value(digits)? == u32::from(wanted)).then_some(slashes + 5)
        }
        b'&' => {
            let end = text.iter().take(10).position(|byte| *byte == b';')?;
            let name = str::from_utf8(&text[1..end]).ok()?;
            let number = match name.strip_prefix('#') {
                Some(digits) => match digits.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                    None => digits.parse().ok()?,
                },
                None => u32::from(named_entity(name)?),
            };
            (number == u32::from(wanted)).then_some(end + 1)
        }
        _ => None,
    }
}

fn hex_value(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns the character of an HTML entity that keys can have.
fn named_entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "plus" => '+',
        "sol" => '/',
        "equals" => '=',
        "lowbar" => '_',
        "hyphen" | "dash" => '-',
        _ => return None,
    })
}

/// Returns what is the same of a secret in base64 whatever precedes and follows it, for each of the
/// three ways in which it can be aligned and for both alphabets.
fn base64_forms(secret: &str) -> impl Iterator<Item = String> {
    let forms = |alphabet: &Alphabet| {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        let form = move |before: usize| {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            let encoded = engine.encode(&bytes);
            // Six bits a character: those that have bits of a neighbour differ.
            let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
            encoded[start..end].to_owned()
        };
        [0, 1, 2].map(form)
    };
    [&STANDARD, &URL_SAFE].map(forms).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE as BASE64_URL};

    use super::*;

    const SECRET: &str = "sk-ld-ab/c_0123456789";

    #[test]
    fn a_secret_is_blanked_out_in_every_form() {
        let each = |form: &dyn Fn(char) -> String| SECRET.chars().map(form).collect::<String>();
        for (name, form) in [
            ("plain", SECRET.to_owned()),
            ("JSON", SECRET.replace('-', "\\u002d").replace('/', "\\/")),
            ("JSON in JSON", SECRET.replace('-', "\\\\u002D")),
            (
                "all of it in JSON",
                each(&|letter| format!("\\u{:04x}", u32::from(letter))),
            ),
            ("percent", SECRET.replace('/', "%2F").replace('-', "%2d")),
            (
                "all of it in percent",
                each(&|letter| format!("%{:02X}", u32::from(letter))),
            ),
            (
                "decimal entities",
                each(&|letter| format!("&#{};", u32::from(letter))),
            ),
            (
                "hexadecimal entities",
                each(&|letter| format!("&#x{:x};", u32::from(letter))),
            ),
            (
                "named entities",
                SECRET.replace('/', "&sol;").replace('_', "&lowbar;"),
            ),
        ] {
            let text = format!("é: {form}, {form}!");
            assert_eq!(scrub(&text, SECRET), "é: [API key], [API key]!", "{name}");
        }
    }

    #[test]
    fn base64_is_found_in_every_alignment() {
        for before in ["", "a", "ab", "Bearer ", "user:"] {
            for after in ["", "x", "xy"] {
                let text = format!("{before}{SECRET}{after}");
                for encoded in [BASE64.encode(&text), BASE64_URL.encode(&text)] {
                    let scrubbed = scrub(&encoded, SECRET).into_owned();
                    assert!(scrubbed.contains(MASK), "{text}: {scrubbed}");
                    let left = scrubbed.replace(MASK, "");
                    assert!(
                        left.len() <= before.len() * 2 + after.len() * 2 + 8,
                        "{scrubbed}"
                    );
                }
            }
        }
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in [
            "", "%", "\\", "&", "&#;", "\\u00", "sk-ld-ab", "é%C3%A9", "%7",
        ] {
            assert!(matches!(scrub(text, SECRET), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(scrub("a demo", "demo"), "a demo");
    }

    #[test]
    fn a_text_that_was_cut_short_may_end_in_the_secret() {
        assert_eq!(scrub("bad key sk-ld-ab/c…", SECRET), "bad key [API key]…");
        assert_eq!(scrub("the end sk-l…", SECRET), "the end sk-l…");
    }

    #[test]
    fn a_word_that_looks_like_a_key_is_blanked_out() {
        let typed = "unexpected argument `sk-ld-0123456789abcdef`";
        assert_eq!(scrub_key_like(typed), "unexpected argument `[API key]`");
        for text in [
            "sk-ld-...",
            "a task-force-of-40-or-more-people",
            "sk-learn-is-a-library-of-python",
            "sk-short",
        ] {
            assert_eq!(scrub_key_like(text), text.to_owned());
        }
    }
}
