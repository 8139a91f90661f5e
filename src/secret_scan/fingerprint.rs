//! The fingerprint of a secret, by which a config file can allow it without holding it.

use std::fmt;

use ring::digest::{SHA256, digest};

/// What comes before the digits.
const PREFIX: &str = "sha256:";

/// The SHA-256 of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns that of a secret.
    pub(crate) fn from_secret(secret: &[u8]) -> Self {
        let digest = digest(&SHA256, secret);
        let bytes = digest.as_ref().first_chunk();
        Self(*bytes.expect("a SHA-256 has 32 bytes"))
    }

    /// Parses 64 hexadecimal digits, which `sha256:` may precede.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX).unwrap_or(text).as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let value = digit(pair[0])? * 16 + digit(pair[1])?;
            *byte = u8::try_from(value).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_sha_256_and_is_read_as_it_is_printed() {
        let print = Fingerprint::from_secret(b"abc");
        let shown = print.to_string();
        assert!(shown.starts_with("sha256:ba7816bf8f01cfea"), "{shown}");
        assert_eq!(Fingerprint::parse(&shown), Some(print.clone()));
        let digits = shown.trim_start_matches(PREFIX);
        assert_eq!(Fingerprint::parse(&digits.to_uppercase()), Some(print));
        for wrong in ["", "sha256:", "ba78", "x", &format!("{digits}0")] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
