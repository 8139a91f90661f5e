//! No record has a key in it. Every home is searched when it goes, and so every record of every
//! test is: for the key in all forms that encoders write, and divided between the events of a
//! stream.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::Path,
};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// How every record begins.
const HEADER: &[u8] = br#"{"format":"langdock-record""#;

/// How keys begin.
const KEY_PREFIX: &str = "sk-";

/// The least number of characters behind that for a word to be taken for a key.
const MIN_KEY_BODY: usize = 16;

/// How often one escape may be written by means of another.
const MAX_LAYERS: usize = 4;

/// Returns a secret in the forms that encoders write, each with a name.
pub(crate) fn forms_of(secret: &str) -> Vec<(&'static str, String)> {
    let each = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let mut forms = vec![
        ("as it is", secret.to_owned()),
        ("percent-encoded", each(&|byte| format!("%{byte:02X}"))),
        (
            "percent-encoded in lower case",
            each(&|byte| format!("%{byte:02x}")),
        ),
        ("percent-encoded in part", secret.replace('-', "%2D")),
        ("escaped for JSON", each(&|byte| format!("\\u{byte:04x}"))),
        ("escaped for JSON in part", secret.replace('-', "\\u002d")),
        (
            "escaped for JSON in JSON",
            each(&|byte| format!("\\\\u{byte:04x}")),
        ),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("upper hexadecimal", each(&|byte| format!("{byte:02X}"))),
        ("HTML", each(&|byte| format!("&#{byte};"))),
        ("HTML in hexadecimal", each(&|byte| format!("&#x{byte:x};"))),
    ];
    for before in ["", "a", "ab", "Bearer ", "ada:"] {
        let whole = format!("{before}{secret}");
        forms.push(("base64", STANDARD_NO_PAD.encode(&whole)));
        forms.push(("base64 for URLs", URL_SAFE_NO_PAD.encode(&whole)));
    }
    forms
}

/// Returns in which form a secret is in a text, if it is.
pub(crate) fn form_in(text: &str, secret: &str) -> Option<&'static str> {
    if text.contains(secret) {
        return Some("as it is");
    }
    let plain = decoded(text);
    if plain.contains(secret) {
        return Some("escaped");
    }
    let digits = secret.bytes().map(|byte| format!("{byte:02x}"));
    let hexadecimal = digits.collect::<Vec<_>>().concat();
    if plain.to_ascii_lowercase().contains(&hexadecimal) {
        return Some("in hexadecimal");
    }
    // What is the same in base64 whatever precedes and follows it.
    (0..3).find_map(|before| {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let mut alphabets = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].into_iter();
        let is_in = alphabets.any(|engine| plain.contains(&engine.encode(&bytes)[start..end]));
        is_in.then_some("in base64")
    })
}

/// Asserts that no record below a directory has a key, nor one of these secrets, in any form.
#[track_caller]
pub(crate) fn assert_no_secret_in_records(directory: &Path, secrets: &[&str]) {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(directory) else {
            continue; // It is another user's by now.
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                directories.push(path);
            } else if kind.is_file() && is_record(&path) {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                assert_no_secret(&path, &text, secrets);
            }
        }
    }
}

/// Whether a file is a record, or was taken out of one.
fn is_record(path: &Path) -> bool {
    let directory = path.parent().and_then(Path::file_name).unwrap_or_default();
    if directory.to_string_lossy().ends_with(".files") {
        return true;
    }
    let mut start = Vec::new();
    let file = File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    file.is_ok() && start.starts_with(HEADER)
}

#[track_caller]
fn assert_no_secret(path: &Path, text: &str, secrets: &[&str]) {
    for part in std::iter::once(text.to_owned()).chain(joined_deltas(text)) {
        for secret in secrets {
            let form = form_in(&part, secret);
            assert!(form.is_none(), "{} has {secret} {form:?}", path.display());
        }
        let key = word_like_a_key(&decoded(&part));
        assert!(key.is_none(), "{} has the key {key:?}", path.display());
    }
}

/// Returns a word that looks like a key.
fn word_like_a_key(text: &str) -> Option<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    text.split(|letter| !is_letter(letter))
        .filter(|word| word.len() >= KEY_PREFIX.len() + MIN_KEY_BODY)
        .find(|word| word.starts_with(KEY_PREFIX) && word.contains(|l: char| l.is_ascii_digit()))
        .map(str::to_owned)
}

/// Returns the texts of the deltas of each stream in a record, joined.
fn joined_deltas(record: &str) -> Vec<String> {
    let mut joined = Vec::new();
    for line in record.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap_or_default();
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let pieces = exchange["response"]["body"]
            .as_array()
            .into_iter()
            .flatten();
        let data = pieces
            .filter_map(|piece| piece[1].as_str())
            .flat_map(str::lines);
        for data in data.filter_map(|line| line.strip_prefix("data:")) {
            let event: Value = serde_json::from_str(data).unwrap_or_default();
            for (key, value) in event["delta"].as_object().into_iter().flatten() {
                let text = texts
                    .entry(format!("{} {key}", event["index"]))
                    .or_default();
                text.push_str(value.as_str().unwrap_or_default());
            }
        }
        joined.extend(texts.into_values());
    }
    joined
}

/// Returns a text without the escapes of JSON, of URLs and of HTML.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..MAX_LAYERS {
        let next = without_one_layer(&text);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

fn without_one_layer(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let found = match letter {
            '%' => hexadecimal(rest.get(1..3)).map(|letter| (letter, 3)),
            '\\' => match rest.as_bytes().get(1) {
                Some(b'u') => hexadecimal(rest.get(2..6)).map(|letter| (letter, 6)),
                Some(b'x') => hexadecimal(rest.get(2..4)).map(|letter| (letter, 4)),
                Some(b'/') => Some(('/', 2)),
                Some(b'\\') => Some(('\\', 2)),
                _ => None,
            },
            '&' => entity(rest),
            _ => None,
        };
        let (letter, length) = found.unwrap_or((letter, letter.len_utf8()));
        out.push(letter);
        rest = &rest[length..];
    }
    out
}

fn hexadecimal(digits: Option<&str>) -> Option<char> {
    char::from_u32(u32::from_str_radix(digits?, 16).ok()?)
}

fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.find(';').filter(|end| *end <= 10)?;
    let name = &text[1..end];
    let letter = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => hexadecimal(Some(digits))?,
            None => char::from_u32(number.parse().ok()?)?,
        },
        None => match name {
            "amp" => '&',
            "lowbar" => '_',
            "hyphen" | "dash" => '-',
            "sol" => '/',
            _ => return None,
        },
    };
    Some((letter, end + 1))
}
