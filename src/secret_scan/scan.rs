//! The scan: each place with an anchor is tried with the expression of its rule.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::bytes::Regex;
use serde_json::{Map, Value};

use super::anchor::{AnchorHit, for_each_anchor};
use super::example::{has_mixed_characters, is_placeholder};
use super::rules::{RULES, RuleCheck};

/// As far behind its anchor as a secret may reach, in bytes: four times the longest private key in
/// use.
const MAX_SECRET_BYTES: usize = 16 * 1024;

/// The fewest base64 characters of a private key: those of an Ed25519 key.
const MIN_KEY_CHARACTERS: usize = 60;

/// As many base64 characters in a row belong to a key, and not to the words of a header.
const MIN_KEY_RUN: usize = 16;

/// How the claims of the token in the documentation of JSON Web Tokens begin:
/// `{"sub":"1234567890"`.
const EXAMPLE_CLAIMS: &[u8] = b"eyJzdWIiOiIxMjM0NTY3ODkwIi";

/// A secret in a text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FoundSecret {
    /// The name of its rule.
    pub(crate) rule: String,
    /// What it is, for people.
    pub(crate) kind: String,
    /// Where its value is, in bytes.
    pub(crate) range: Range<usize>,
    /// The line that it begins in, counted from 1.
    pub(crate) line: usize,
}

impl fmt::Debug for FoundSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule, range, line, ..
        } = self;
        write!(formatter, "{rule} at {range:?}, line {line}")
    }
}

/// The expressions of the table, each compiled when it is first needed.
#[derive(Default)]
pub(super) struct Expressions(OnceLock<Vec<OnceLock<Regex>>>);

impl Expressions {
    /// Returns the expression of a rule, by its index.
    fn of_rule(&self, rule: usize) -> &Regex {
        let all = self
            .0
            .get_or_init(|| RULES.iter().map(|_| OnceLock::new()).collect());
        all[rule].get_or_init(|| {
            let pattern = format!("(?-u)^(?:{})", RULES[rule].pattern.as_str());
            Regex::new(&pattern).expect("each pattern of the table is valid, as a test shows")
        })
    }
}

/// Finds the secrets that the rules of the table describe: the index of the rule, and where the
/// value is. In the order of the text, and none within another.
pub(super) fn scan(text: &[u8], expressions: &Expressions) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    let mut end = 0;
    for_each_anchor(text, |hit| {
        if hit.at < end {
            return;
        }
        if let Some(range) = token_at(text, hit, expressions) {
            // What is not a secret is not searched again from each of its words either.
            end = range.end;
            if is_secret(text, &range, RULES[hit.rule].check) {
                found.push((hit.rule, range));
            }
        }
    });
    found
}

/// Returns where the text of an anchor is that has the shape of a secret, if there is one.
fn token_at(text: &[u8], hit: AnchorHit, expressions: &Expressions) -> Option<Range<usize>> {
    let rule = &RULES[hit.rule];
    let (least, most) = rule.leads;
    // The dash is a character of these tokens. Without this, a long row of dashed words would be
    // read again from each of them.
    if rule.check == RuleCheck::JwtHeader && text[..hit.at].ends_with(b"-") {
        return None;
    }
    let end = text.len().min(hit.at + MAX_SECRET_BYTES);
    let expression = expressions.of_rule(hit.rule);
    (least..=most).rev().find_map(|lead| {
        let start = hit.at.checked_sub(lead)?;
        let groups = expression.captures(&text[start..end])?;
        let secret = groups.get(1).or_else(|| groups.get(0))?;
        let range = start + secret.start()..start + secret.end();
        (range.end > hit.at).then_some(range)
    })
}

/// Whether what has the shape of a secret is one.
fn is_secret(text: &[u8], range: &Range<usize>, check: RuleCheck) -> bool {
    let has_bounds = check == RuleCheck::KeyBody || is_whole_word(text, range);
    has_bounds && holds(check, &text[range.clone()])
}

/// Whether a token does not go on behind its end: a longer one is something else.
fn is_whole_word(text: &[u8], range: &Range<usize>) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let goes_on = text.get(range.end).is_some_and(is_word);
    let before = range.start.checked_sub(1).and_then(|at| text.get(at));
    let is_escape = range.start >= 2 && text[range.start - 2] == b'\\';
    let is_inside = before.is_some_and(is_word) && is_word(&text[range.start]) && !is_escape;
    !goes_on && !is_inside
}

fn holds(check: RuleCheck, secret: &[u8]) -> bool {
    match check {
        RuleCheck::NoPlaceholder => !is_placeholder(secret),
        RuleCheck::MixedCharacters => has_mixed_characters(secret) && !is_placeholder(secret),
        RuleCheck::JwtHeader => is_jwt(secret),
        RuleCheck::KeyBody => key_characters(secret) >= MIN_KEY_CHARACTERS,
    }
}

/// Whether the header of a token is a JSON object with an algorithm.
fn is_jwt(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b'.');
    let header = parts.next().unwrap_or_default();
    let claims = parts.next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header = serde_json::from_slice::<Map<String, Value>>(&header);
    let has_algorithm = header.is_ok_and(|fields| fields.get("alg").is_some_and(Value::is_string));
    has_algorithm && !claims.starts_with(EXAMPLE_CLAIMS)
}

/// Counts the base64 characters of a private key, as far as they are in runs that no word of a
/// header has.
fn key_characters(key: &[u8]) -> usize {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let runs = key.split(|byte| !is_base64(byte));
    let is_random = |run: &&[u8]| run.len() >= MIN_KEY_RUN && !is_placeholder(run);
    runs.filter(is_random).map(<[u8]>::len).sum()
}
