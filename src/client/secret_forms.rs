//! The forms in which a secret may come back: a server that echoes a request may encode it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// How many of its first characters in base64 also depend on the bytes before it, by how many of
/// them share its first group of three.
const SHARED_START: [usize; 3] = [0, 2, 3];

/// A secret in the forms that encoders write. Its `Debug` is masked.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SecretForms(Vec<String>);

impl SecretForms {
    /// Returns the forms of a secret: as it is, percent-encoded, escaped in JSON and in HTML, in
    /// hexadecimal, and in base64 wherever it begins in what is encoded.
    pub(super) fn for_secret(secret: &str) -> Self {
        let by_byte = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let of_others = |form: &dyn Fn(u8) -> String| {
            by_byte(&|byte| {
                if is_plain(byte) {
                    char::from(byte).to_string()
                } else {
                    form(byte)
                }
            })
        };
        let encoders: [&dyn Fn(u8) -> String; 8] = [
            &|byte| format!("%{byte:02X}"),
            &|byte| format!("%{byte:02x}"),
            &|byte| format!("\\u{byte:04x}"),
            &|byte| format!("\\u{byte:04X}"),
            &|byte| format!("\\x{byte:02x}"),
            &|byte| format!("&#{byte};"),
            &|byte| format!("&#x{byte:x};"),
            &|byte| format!("&#x{byte:X};"),
        ];
        let mut forms = vec![
            secret.to_owned(),
            by_byte(&|byte| format!("{byte:02x}")),
            by_byte(&|byte| format!("{byte:02X}")),
            of_others(&|byte| match byte {
                b'&' => "&amp;".to_owned(),
                b'<' => "&lt;".to_owned(),
                b'>' => "&gt;".to_owned(),
                byte => char::from(byte).to_string(),
            }),
            secret.replace('/', "\\/"),
            // JSON that is safe inside HTML.
            by_byte(&|byte| match byte {
                b'&' | b'<' | b'>' => format!("\\u{byte:04x}"),
                byte => char::from(byte).to_string(),
            }),
        ];
        for encoder in encoders {
            forms.extend([by_byte(encoder), of_others(encoder)]);
        }
        for (before, shared) in SHARED_START.into_iter().enumerate() {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            let own_end = bytes.len() * 8 / 6;
            let engines = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
            forms.extend(engines.map(|engine| engine.encode(&bytes)[shared..own_end].to_owned()));
        }
        // What has the secret in it is found before the secret.
        forms.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        forms.dedup();
        Self(forms)
    }

    /// Replaces every form of the secret in a text.
    pub(super) fn replace_in(&self, text: &str, mask: &str) -> String {
        let found = self.0.iter().filter(|form| text.contains(form.as_str()));
        found.fold(text.to_owned(), |text, form| text.replace(form, mask))
    }
}

impl fmt::Debug for SecretForms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretForms(masked)")
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "s3cr&t/Key+<9>";
        let forms = SecretForms::for_secret(secret);
        for echoed in [
            "s3cr&t/Key+<9>",
            "s3cr%26t%2FKey%2B%3C9%3E",
            "s3cr%26t%2fKey%2b%3c9%3e",
            r"s3cr\u0026t/Key+\u003c9\u003e",
            r"s3cr&t\/Key+<9>",
            "s3cr&amp;t/Key+&lt;9&gt;",
            "7333637226742f4b65792b3c393e",
            "&#115;&#51;&#99;&#114;&#38;&#116;&#47;&#75;&#101;&#121;&#43;&#60;&#57;&#62;",
        ] {
            let scrubbed = forms.replace_in(&format!("<{echoed}>"), "[secret]");
            assert_eq!(scrubbed, "<[secret]>", "{echoed}");
        }
        for before in ["", "a", "ab", "Bearer "] {
            let encoded = STANDARD.encode(format!("{before}{secret} and more"));
            let scrubbed = forms.replace_in(&encoded, "[secret]");
            assert!(scrubbed.contains("[secret]"), "{before}: {scrubbed}");
        }
        assert_eq!(forms.replace_in("s3cr", "[secret]"), "s3cr");
        assert!(!format!("{forms:?}").contains("s3cr"));
    }
}
