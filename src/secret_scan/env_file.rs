//! The assignments of a `.env` file: whatever is given to a name that says so is a secret, whatever
//! it looks like.

use std::ops::Range;
use std::path::Path;

/// The name of the rule.
pub(super) const ENV_RULE: &str = "env-file";

/// The endings of files that show which names there are, without their values.
const TEMPLATE_ENDINGS: &str = "example sample template dist defaults";

/// The words of a name that say that its value is a secret.
const SECRET_WORDS: &str = "KEY TOKEN SECRET PASSWORD PASSWD PASSPHRASE PASS PWD CREDENTIALS";

/// A name with this word is for everybody to see.
const PUBLIC_WORD: &str = "PUBLIC";

/// Values that are not secrets, or stand for one, in small letters.
const PLAIN_VALUES: &str = "true false yes no on off null none undefined";

/// What values that stand for a secret contain, in small letters.
const PLACEHOLDERS: &str = "your change example placeholder xxx ... … todo replace redacted insert \
    dummy";

/// Returns the words of a list.
fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(' ').filter(|word| !word.is_empty())
}

/// Whether a path names a `.env` file that may hold values.
pub(super) fn is_env_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(rest) = name.strip_prefix(".env") else {
        return false;
    };
    let ending = rest.rsplit('.').next().unwrap_or_default();
    rest.is_empty()
        || (rest.starts_with('.') && !words(TEMPLATE_ENDINGS).any(|word| word == ending))
}

/// Finds the values of the names that say that they are secret. The range of each is within `text`.
pub(super) fn secret_values(text: &[u8]) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let line_end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let value = secret_value(rest, line_end);
        // A quoted value may have several lines.
        let read = value.as_ref().map_or(0, |value| value.end);
        values.extend(value.map(|value| value.start + start..value.end + start));
        start += line_end.max(read);
    }
    values
}

/// Returns where the secret is of an assignment whose first line ends at `line_end`, as
/// `NAME=VALUE` or `export NAME="VALUE"  # comment`.
fn secret_value(text: &[u8], line_end: usize) -> Option<Range<usize>> {
    let line = &text[..line_end];
    let equals = memchr::memchr(b'=', line)?;
    let name = str::from_utf8(&line[..equals]).ok()?.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if !is_name || !says_secret(name) {
        return None;
    }
    let value = value_range(text, line_end, equals + 1);
    let shown = String::from_utf8_lossy(&text[value.clone()]);
    (!is_plain(&shown)).then_some(value)
}

/// Returns the range of a value without quotes, white space and a comment.
fn value_range(text: &[u8], line_end: usize, from: usize) -> Range<usize> {
    let line = &text[..line_end];
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    let start = from
        + line[from..]
            .iter()
            .take_while(|byte| is_space(byte))
            .count();
    let rest = &line[start..];
    if let Some(quote @ (b'"' | b'\'' | b'`')) = rest.first()
        && let Some(length) = quoted_length(&text[start + 1..], *quote)
    {
        return start + 1..start + 1 + length;
    }
    let comment = memchr::memmem::find(rest, b" #").unwrap_or(rest.len());
    start..start + rest[..comment].trim_ascii_end().len()
}

/// Returns how long text is up to the quote that ends it. A backslash escapes a double quote.
fn quoted_length(text: &[u8], quote: u8) -> Option<usize> {
    let is_escaped = |place: usize| {
        let before = text[..place].iter().rev();
        let backslashes = before.take_while(|byte| **byte == b'\\').count();
        quote == b'"' && backslashes % 2 == 1
    };
    memchr::memchr_iter(quote, text).find(|place| !is_escaped(*place))
}

/// Whether a name says that its value is a secret, such as `DB_PASSWORD` or `stripeApiKey`.
fn says_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let mut parts = name.split(['_', '.', '-']);
    let is_secret = |part: &str| {
        let part = part.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let singular = part.strip_suffix('S').unwrap_or(part);
        let ends_so = |word: &str| part.ends_with(word) || singular.ends_with(word);
        words(SECRET_WORDS).any(ends_so)
    };
    !name.contains(PUBLIC_WORD) && parts.any(is_secret)
}

/// Whether a value is not a secret: empty, a number, a word such as `true`, another variable, a
/// path, or a placeholder.
fn is_plain(value: &str) -> bool {
    let small = value.to_lowercase();
    value.is_empty()
        || value.bytes().all(|byte| byte.is_ascii_digit())
        || value.starts_with(['$', '<', '{', '%', '/', '~'])
        || value.starts_with("./")
        || words(PLAIN_VALUES).any(|word| word == small)
        || (!value.contains('\n') && words(PLACEHOLDERS).any(|word| small.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_env_file_is_known_by_its_name() {
        for (path, expected) in [
            (".env", true),
            ("a/.env", true),
            (".env.local", true),
            (".env.production.local", true),
            (".env.example", false),
            (".env.local.sample", false),
            (".env.template", false),
            (".environment", false),
            ("env", false),
            ("x.env", false),
        ] {
            assert_eq!(is_env_file(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn the_value_of_a_name_that_says_so_is_a_secret() {
        for (line, expected) in [
            ("DB_PASSWORD=hunter2", Some("hunter2")),
            ("export API_TOKEN='a b' # mine", Some("a b")),
            ("stripeApiKey = \"v#1\"", Some("v#1")),
            ("JWT_SECRET=abc  # comment\r\n", Some("abc")),
            ("SECRET_KEY_BASE=9f", Some("9f")),
            (r#"PASS="a\"b-rest""#, Some(r#"a\"b-rest"#)),
            (r#"PASS="a\\" # b"#, Some(r"a\\")),
            ("PASS='a\\' # b'", Some("a\\")),
            ("PASS=\"for\r\nexample\"\n", Some("for\r\nexample")),
            ("PASS=\"open\nB=1\n", Some("\"open")),
            ("AWS_KEYS=a,b", Some("a,b")),
            ("API_KEY_2=ab", Some("ab")),
            ("PORT=8080", None),
            ("NAME=value", None),
            ("TOKEN_TTL=3600", None),
            ("USE_TOKEN=true", None),
            ("API_KEY=", None),
            ("API_KEY=\"\"", None),
            ("API_KEY=your-key-here", None),
            ("API_KEY=<key>", None),
            ("API_KEY=$OTHER", None),
            ("NEXT_PUBLIC_KEY=abc", None),
            ("KEY_FILE=/etc/key.pem", None),
            ("# API_KEY=abc", None),
            ("a sentence with TOKEN=x", None),
        ] {
            let found = secret_values(line.as_bytes());
            let found = found.first().map(|range| &line[range.clone()]);
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn ranges_are_those_of_the_whole_file() {
        let text = b"A=1\nX_KEY=\"ab\"\nY_TOKEN=cd\n";
        assert_eq!(secret_values(text), [11..13, 23..25]);
        let text = b"A_KEY='1st\n2nd' # c\nY_TOKEN=cd";
        assert_eq!(secret_values(text), [7..14, 28..30]);
    }
}
