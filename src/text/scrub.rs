//! Blanks secrets out of text: as they are, and in the forms in which encoders write them.
//!
//! A server, a proxy or a library may repeat what it was sent: in JSON with `\u002d` for a hyphen,
//! percent-encoded in a URL, as HTML entities in an error page, in hexadecimal or in base64. All
//! forms are in this file: [`SecretForms`] writes a secret in other alphabets, and each character
//! of these is looked for as it is and in every escape, mixed as they come.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What replaces an API key.
pub(super) const MASK: &str = "[API key]";

/// A shorter secret is a word of a test or of the demo: blanking it out would only garble text.
const MIN_SECRET: usize = 8;

/// A shorter beginning of a secret reveals nothing: all keys begin alike.
pub(super) const MIN_TELLING: usize = 6;

/// How keys begin that nobody has told us of, as when one was typed in the wrong place.
const KEY_PREFIX: &str = "sk-";

/// What follows it in the keys of Langdock. Hardly any word has that in it.
const VENDOR_PREFIX: &str = "ld-";

/// The least number of characters after the prefix for a word to be taken for a key.
const MIN_KEY_BODY: usize = 16;

/// The most backslashes of an escape: JSON in JSON has them doubled each time.
const MAX_BACKSLASHES: usize = 8;

/// The most bytes of an HTML entity.
const MAX_ENTITY: usize = 10;

/// `&`, with which an HTML entity begins.
const AMPERSAND: u32 = 0x26;

/// `%`, with which an escape of a URL begins.
const PERCENT: u32 = 0x25;

/// What an escaped character begins with.
const ESCAPES: [u8; 3] = *b"%\\&";

/// A secret, which is ASCII, in the forms that encoders write. Its `Debug` is masked.
pub(crate) struct SecretForms {
    secret: String,
    /// What replaces it.
    mask: &'static str,
    alphabets: OnceLock<Alphabets>,
}

/// A secret in other alphabets, and how each of them can begin.
struct Alphabets {
    /// The secret, and it in hexadecimal and base64.
    words: Vec<String>,
    /// Which bytes a form can begin with.
    starts: [bool; 256],
}

/// A place where a form of the secret is, or begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FoundForm {
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where it ends; the end of the text, if it is not whole.
    pub(super) end: usize,
    /// Whether it is all there. If not, what follows the text may complete it.
    pub(super) is_whole: bool,
    /// The end of the part that reveals nothing yet.
    pub(super) telling: usize,
}

impl SecretForms {
    /// Creates the forms of an API key.
    pub(crate) fn for_secret(secret: &str) -> Self {
        Self::with_mask(secret, MASK)
    }

    /// Creates the forms of a secret that is replaced by `mask`.
    pub(crate) fn with_mask(secret: &str, mask: &'static str) -> Self {
        Self {
            secret: secret.to_owned(),
            mask,
            alphabets: OnceLock::new(),
        }
    }

    /// Returns what replaces it.
    pub(super) fn mask(&self) -> &'static str {
        self.mask
    }

    /// Returns the secret itself.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether it is long enough to be a secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.secret.len() >= MIN_SECRET
    }

    /// Blanks an API key out of a text; a word too short for a secret is left. A text that was cut
    /// short, and so ends with `…`, may have a beginning of the key at its end.
    pub(crate) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.is_secret() {
            return Cow::Borrowed(text);
        }
        let scrubbed = self.replace_in(text);
        if let Some(cut) = scrubbed.strip_suffix('…') {
            let beginnings = (MIN_TELLING..self.secret.len()).rev();
            let mut beginnings = beginnings.map(|length| &self.secret[..length]);
            if let Some(before) = beginnings.find_map(|part| cut.strip_suffix(part)) {
                return Cow::Owned(format!("{before}{}…", self.mask));
            }
        }
        scrubbed
    }

    /// Replaces every form of the secret in a text.
    pub(crate) fn replace_in<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut replaced = String::new();
        let mut copied = 0;
        while let Some(found) = self.find_from(text, copied, false) {
            replaced.push_str(&text[copied..found.start]);
            replaced.push_str(self.mask);
            copied = found.end;
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        replaced.push_str(&text[copied..]);
        Cow::Owned(replaced)
    }

    /// Whether a text has a form of the secret, or ends in what may begin one.
    pub(crate) fn may_be_in(&self, text: &str) -> bool {
        self.find_from(text, 0, true).is_some()
    }

    /// Finds the first form of the secret from a place on; if `accepts_cut`, also one that the end
    /// of the text cuts off.
    pub(super) fn find_from(
        &self,
        text: &str,
        from: usize,
        accepts_cut: bool,
    ) -> Option<FoundForm> {
        if self.secret.is_empty() {
            return None;
        }
        let alphabets = self.alphabets.get_or_init(|| Alphabets::new(&self.secret));
        let bytes = text.as_bytes();
        let mut place = from;
        loop {
            let is_start = |byte: &u8| alphabets.starts[usize::from(*byte)];
            place += bytes[place..].iter().position(is_start)?;
            // Each delta of an answer comes here: most words are left out by their first letter.
            let first = bytes[place];
            let is_escaped = ESCAPES.contains(&first);
            let words = alphabets.words.iter().map(String::as_bytes);
            let words = words.filter(|word| is_escaped || word[0] == first);
            let found = words.filter_map(|word| match_word(bytes, place, word));
            // Of two that begin here, a whole one comes first, and the longer one.
            let best = found
                .filter(|found| found.is_whole || accepts_cut)
                .max_by_key(|found| (found.is_whole, found.end));
            if best.is_some() {
                return best;
            }
            place += 1;
        }
    }
}

impl PartialEq for SecretForms {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Eq for SecretForms {}

impl fmt::Debug for SecretForms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretForms(masked)")
    }
}

impl Alphabets {
    fn new(secret: &str) -> Self {
        let mut words = vec![
            secret.to_owned(),
            hexadecimal(secret, b"0123456789abcdef"),
            hexadecimal(secret, b"0123456789ABCDEF"),
        ];
        // What is the same in base64 whatever precedes and follows it, for each of the three ways
        // in which it can be aligned. Characters that have bits of a neighbour are left out.
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                words.push(engine.encode(&bytes)[start..end].to_owned());
            }
        }
        words.retain(|word| !word.is_empty());
        words.dedup();
        let mut starts = [false; 256];
        for word in &words {
            starts[usize::from(word.as_bytes()[0])] = true;
        }
        for escape in ESCAPES {
            starts[usize::from(escape)] = true;
        }
        Self { words, starts }
    }
}

/// Returns a text in hexadecimal. Every request does this, so that it takes few instructions.
fn hexadecimal(text: &str, digits: &[u8; 16]) -> String {
    let halves = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .map(|half| char::from(digits[usize::from(half)]))
        .collect()
}

/// Matches a word at a place of a text, whatever form each of its characters has there.
fn match_word(text: &[u8], start: usize, word: &[u8]) -> Option<FoundForm> {
    let mut end = start;
    let mut telling = text.len();
    for (place, &wanted) in word.iter().enumerate() {
        if place + 1 == MIN_TELLING {
            telling = end;
        }
        let mut matched = match_letter(&text[end..], wanted);
        if place > 0 && matches!(matched, LetterMatch::None) {
            let line_end = line_end(&text[end..]);
            if line_end > 0 {
                end += line_end;
                matched = match_letter(&text[end..], wanted);
            }
        }
        match matched {
            LetterMatch::Whole(length) => end += length,
            LetterMatch::Cut => {
                return Some(FoundForm {
                    start,
                    end: text.len(),
                    is_whole: false,
                    telling,
                });
            }
            LetterMatch::None => return None,
        }
    }
    Some(FoundForm {
        start,
        end,
        is_whole: true,
        telling,
    })
}

/// Returns the length of the end of a line that a text begins with, as it is or in JSON; 0 if there
/// is none. Encoders divide what they write into lines.
fn line_end(text: &[u8]) -> usize {
    match text {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] | [b'\\', b'n', ..] => 2,
        [b'\\', b'r', b'\\', b'n', ..] => 4,
        _ => 0,
    }
}

/// How a text begins, compared with a character.
enum LetterMatch {
    /// With the character in one of its forms, of this length in bytes.
    Whole(usize),
    /// With something that may become the character: it ends too early.
    Cut,
    /// With something else.
    None,
}

impl LetterMatch {
    fn of_number(number: Option<u32>, wanted: u8, length: usize) -> Self {
        if number == Some(u32::from(wanted)) {
            Self::Whole(length)
        } else {
            Self::None
        }
    }
}

fn match_letter(text: &[u8], wanted: u8) -> LetterMatch {
    let Some(&first) = text.first() else {
        return LetterMatch::Cut;
    };
    let escaped = match first {
        b'%' => match_percent(text, 1, wanted),
        b'\\' => match_escape(text, wanted),
        b'&' => match_entity(text, 1, wanted),
        _ => LetterMatch::None,
    };
    match escaped {
        LetterMatch::Whole(length) => LetterMatch::Whole(length),
        _ if first == wanted => LetterMatch::Whole(1),
        other => other,
    }
}

/// Matches a character of a URL, whose digits begin at `start`.
fn match_percent(text: &[u8], start: usize, wanted: u8) -> LetterMatch {
    let end = start + 2;
    match text.get(start..end) {
        Some(digits) => LetterMatch::of_number(hex_value(digits), wanted, end),
        None => LetterMatch::Cut,
    }
}

/// Matches an escape of JSON or of a programming language. JSON may have one for the character that
/// another escape begins with: Go writes `&` as `\u0026`.
fn match_escape(text: &[u8], wanted: u8) -> LetterMatch {
    let slashes = text
        .iter()
        .take(MAX_BACKSLASHES + 1)
        .take_while(|byte| **byte == b'\\')
        .count();
    if slashes > MAX_BACKSLASHES {
        return LetterMatch::None;
    }
    let digits = match text.get(slashes) {
        None => return LetterMatch::Cut,
        Some(b'/') if wanted == b'/' => return LetterMatch::Whole(slashes + 1),
        Some(b'u') => 4,
        Some(b'x') => 2,
        Some(_) => return LetterMatch::None,
    };
    let end = slashes + 1 + digits;
    let Some(digits) = text.get(slashes + 1..end) else {
        return LetterMatch::Cut;
    };
    match hex_value(digits) {
        Some(AMPERSAND) if wanted != b'&' => match_entity(text, end, wanted),
        Some(PERCENT) if wanted != b'%' => match_percent(text, end, wanted),
        number => LetterMatch::of_number(number, wanted, end),
    }
}

/// Matches an HTML entity, whose name begins at `start`.
fn match_entity(text: &[u8], start: usize, wanted: u8) -> LetterMatch {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
    let name = text[start..].iter().take(MAX_ENTITY).take_while(is_part);
    let end = start + name.count();
    match text.get(end) {
        None => return LetterMatch::Cut,
        Some(b';') => {}
        Some(_) => return LetterMatch::None,
    }
    let name = str::from_utf8(&text[start..end]).unwrap_or_default();
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        },
        None => named_entity(name).map(u32::from),
    };
    LetterMatch::of_number(number, wanted, end + 1)
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

/// Whether a text has a word that looks like a key.
pub(crate) fn has_key(text: &str) -> bool {
    matches!(scrub_key_like(text), Cow::Owned(_))
}

/// Whether a text ends with an escape of JSON, such as that of a line feed.
fn ends_with_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_slash = |distance: usize| {
        let place = bytes.len().checked_sub(distance);
        place.is_some_and(|place| bytes[place] == b'\\')
    };
    has_slash(2) || has_slash(6) && bytes[bytes.len() - 5] == b'u'
}

/// Blanks out words that look like a key.
pub(crate) fn scrub_key_like(text: &str) -> Cow<'_, str> {
    let is_key_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let key_at = |place: usize| {
        let (before, rest) = text.split_at(place);
        let body = rest.strip_prefix(KEY_PREFIX)?;
        let length = body
            .find(|letter| !is_key_letter(letter))
            .unwrap_or(body.len());
        // It may have been typed as a flag.
        let is_word = !before.trim_end_matches('-').ends_with(is_key_letter)
            || ends_with_escape(before)
            || body.starts_with(VENDOR_PREFIX);
        // Hyphenated words have no digits.
        let is_key =
            length >= MIN_KEY_BODY && body[..length].contains(|l: char| l.is_ascii_digit());
        (is_word && is_key).then_some(place + KEY_PREFIX.len() + length)
    };
    let mut replaced = String::new();
    let mut copied = 0;
    for (place, _) in text.match_indices(KEY_PREFIX) {
        if place >= copied
            && let Some(end) = key_at(place)
        {
            replaced.push_str(&text[copied..place]);
            replaced.push_str(MASK);
            copied = end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[copied..]);
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE as BASE64_URL};

    use super::*;

    const SECRET: &str = "sk-ld-ab/c_0123456789";

    fn scrub<'t>(text: &'t str, secret: &str) -> Cow<'t, str> {
        SecretForms::for_secret(secret).scrub(text)
    }

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
                "hexadecimal",
                each(&|letter| format!("{:02x}", u32::from(letter))),
            ),
            (
                "HEXADECIMAL",
                each(&|letter| format!("{:02X}", u32::from(letter))),
            ),
            (
                "entities in JSON that escapes their beginnings",
                each(&|letter| format!("\\u0026#{};", u32::from(letter))),
            ),
            (
                "a URL in JSON that escapes its percent signs",
                SECRET.replace('-', "\\u00252d"),
            ),
            (
                "escapes of a programming language",
                each(&|letter| format!("\\x{:02x}", u32::from(letter))),
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
    fn a_form_that_is_divided_into_lines_is_found() {
        let encoded = BASE64.encode(format!("{}{SECRET}", "x".repeat(50)));
        let hexadecimal = hexadecimal(SECRET, b"0123456789abcdef");
        for end in ["\n", "\r\n", "\\n", "\\r\\n"] {
            let (line, rest) = encoded.split_at(76);
            let scrubbed = scrub(&format!("{line}{end}{rest}"), SECRET).into_owned();
            assert!(
                scrubbed.contains(MASK) && !scrubbed.contains(rest),
                "{scrubbed}"
            );
            let (line, rest) = hexadecimal.split_at(20);
            assert_eq!(scrub(&format!("{line}{end}{rest}"), SECRET), MASK);
        }
        let paragraphs = "sk-\n\nld-ab/c_0123456789";
        assert_eq!(scrub(paragraphs, SECRET), paragraphs);
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
    fn a_secret_with_characters_that_encoders_escape_is_found_in_every_form() {
        let forms = SecretForms::with_mask("s3cr&t/Key+<9>", "[secret]");
        for echoed in [
            "s3cr&t/Key+<9>",
            "s3cr%26t%2FKey%2B%3C9%3E",
            r"s3cr\u0026t/Key+\u003c9\u003e",
            r"s3cr&t\/Key+<9>",
            "s3cr&amp;t/Key+&lt;9&gt;",
            "&#115;&#51;&#99;&#114;&#38;&#116;&#47;&#75;&#101;&#121;&#43;&#60;&#57;&#62;",
        ] {
            let scrubbed = forms.replace_in(echoed);
            assert_eq!(scrubbed, "[secret]", "{echoed}");
        }
        assert_eq!(forms.replace_in("s3cr"), "s3cr");
        assert!(!format!("{forms:?}").contains("s3cr"));
    }

    #[test]
    fn each_character_is_looked_at_a_few_times_whatever_surrounds_it() {
        // If each backslash were counted from each one before it, this would take minutes.
        for unit in ["\\", "&", "&#", "%", "\\u", "sk-", "s", "73"] {
            let text = unit.repeat(200_000 / unit.len());
            assert!(matches!(scrub(&text, SECRET), Cow::Borrowed(_)), "{unit}");
        }
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
        let in_json = r#""It is:\nsk-ld-0123456789abcdef\u001bsk-ld-0123456789abcdef""#;
        assert_eq!(
            scrub_key_like(in_json),
            r#""It is:\n[API key]\u001b[API key]""#
        );
        for before in ["--", "a", "a-"] {
            let typed = format!("unexpected argument `{before}sk-ld-0123456789abcdef`");
            let expected = format!("unexpected argument `{before}[API key]`");
            assert_eq!(scrub_key_like(&typed), expected);
        }
        for text in [
            "task-0123456789abcdef",
            "sk-ld-...",
            "a task-force-of-40-or-more-people",
            "sk-learn-is-a-library-of-python",
            "sk-short",
        ] {
            assert_eq!(scrub_key_like(text), text.to_owned());
        }
    }
}
