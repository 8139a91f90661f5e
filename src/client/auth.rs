//! The API key: a secret that cannot be printed.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use ring::digest::{Context, SHA256};

use crate::text::{KnownSecrets, SecretForms};

/// A key with fewer characters is not shown in part.
const MIN_SHOWN: usize = 16;

/// How keys begin; the longest first.
const PREFIXES: [&str; 2] = ["sk-ld-", "sk-"];

/// An API key. Its `Debug` is masked, it has no `Display`, and the header made of it is marked
/// sensitive.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKey(Arc<SecretForms>);

/// Why a text is not a valid key. The text itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// A character that is not valid in a header, white space in the middle included, or one that
    /// JSON writes in another way, in which a key that a server echoes would not be found.
    #[error("it contains a space, a line break, a quote, a backslash or a character outside ASCII")]
    BadCharacter,
}

impl ApiKey {
    /// Creates a key from what a user or a file provides; surrounding white space is removed. The
    /// prefix is not checked, since Langdock has used several.
    pub(crate) fn new(text: &str) -> Result<Self, KeyError> {
        let key = text.trim();
        match key {
            "" => Err(KeyError::Empty),
            _ if key
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte)) =>
            {
                Ok(Self(Arc::new(SecretForms::for_secret(key))))
            }
            _ => Err(KeyError::BadCharacter),
        }
    }

    /// Stands for a key that is not there: requests are sent without one. For checks only.
    pub(crate) fn absent() -> Self {
        Self(Arc::new(SecretForms::for_secret("")))
    }

    /// Returns a name for what the key sees at `url`: the same for the same two, and no way back to
    /// the key.
    pub(crate) fn fingerprint(&self, url: &str) -> String {
        fingerprint(&[url, self.0.secret()])
    }

    /// Returns the key as it may be shown: how it begins, which all keys share, and its last four
    /// characters, which distinguish it from others. A short key is not shown at all.
    pub(crate) fn masked(&self) -> String {
        let key = self.0.secret();
        if key.len() < MIN_SHOWN {
            return "…".to_owned();
        }
        let prefix = PREFIXES
            .into_iter()
            .find(|prefix| key.starts_with(prefix))
            .unwrap_or_default();
        format!("{prefix}…{}", &key[key.len() - 4..])
    }

    /// Returns the header that authenticates a request, its value marked sensitive; `None` without
    /// a key.
    pub(super) fn auth_header(&self) -> Option<(HeaderName, HeaderValue)> {
        if self.0.secret().is_empty() {
            return None;
        }
        let (name, value) = auth_header(self.0.secret());
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name is a token");
        let mut value = HeaderValue::from_str(&value).expect("a key is visible ASCII, see `new`");
        value.set_sensitive(true);
        Some((name, value))
    }

    /// Returns the forms in which a server may send the key back; none of a key that is a word of a
    /// test or of the demo.
    pub(super) fn forms(&self) -> Option<Arc<SecretForms>> {
        self.0.is_secret().then(|| Arc::clone(&self.0))
    }

    /// Blanks the key out of a text from outside: a server may echo what it was sent.
    pub(super) fn scrub_key(&self, text: &str) -> String {
        self.0.scrub(text).into_owned()
    }

    /// Adds the key to the secrets that are never printed or stored.
    pub(crate) fn add_to(&self, secrets: &KnownSecrets) {
        secrets.add(&self.0);
    }
}

/// Returns name and value of the header that authenticates a request with `key`. Requests and the
/// command of `--curl` both take it from here. Source: `bearerAuth` of Langdock's OpenAPI file.
pub(crate) fn auth_header(key: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {key}"))
}

/// Returns a short name for texts, good as a file's: half of their SHA-256 in hexadecimal.
pub(crate) fn fingerprint(texts: &[&str]) -> String {
    let mut writer = FingerprintWriter::new();
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            writer.separate();
        }
        writer.0.update(text.as_bytes());
    }
    writer.finish()
}

/// Makes the fingerprint of what is written to it, which may be long and is not kept.
pub(crate) struct FingerprintWriter(Context);

impl FingerprintWriter {
    /// Begins the first text.
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Ends a text; another one follows.
    pub(crate) fn separate(&mut self) {
        self.0.update(&[0]);
    }

    /// Ends the last text and returns the fingerprint.
    pub(crate) fn finish(self) -> String {
        let digest = self.0.finish();
        let half = digest.as_ref().first_chunk().expect("it has 32 bytes");
        format!("{:032x}", u128::from_be_bytes(*half))
    }
}

impl Write for FingerprintWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(masked)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_key_is_dropped_and_inside_it_is_refused() {
        assert_eq!(ApiKey::new(" sk-ld-1\n"), ApiKey::new("sk-ld-1"));
        assert_eq!(ApiKey::new(" \n"), Err(KeyError::Empty));
        assert_eq!(ApiKey::new("sk ld"), Err(KeyError::BadCharacter));
        // As `docker --env-file` passes it on.
        assert_eq!(ApiKey::new("\"sk-ld-1\""), Err(KeyError::BadCharacter));
        assert_eq!(ApiKey::new("sk-ld-é"), Err(KeyError::BadCharacter));
    }

    #[test]
    fn a_key_is_masked_wherever_it_could_be_printed() {
        let key = ApiKey::new("sk-ld-secret").expect("a key");
        assert!(!format!("{key:?} {:?}", key.auth_header()).contains("secret"));
        assert_eq!(key.masked(), "…");
        let long = ApiKey::new("sk-ld-0123456789abcd").expect("a key");
        assert_eq!(long.masked(), "sk-ld-…abcd");
        assert_eq!(key.scrub_key("bad key sk-ld-secret!"), "bad key [API key]!");
        assert_eq!(key.scrub_key("bad key sk-ld-sec…"), "bad key [API key]…");
        assert_eq!(key.scrub_key("the end s…"), "the end s…");
        assert_eq!(
            ApiKey::new("demo").expect("a key").scrub_key("req_demo_1"),
            "req_demo_1"
        );
    }
}
