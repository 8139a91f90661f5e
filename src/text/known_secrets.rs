//! The secrets that this process has read, for the last step before anything is printed or stored.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::scrub::{SecretForms, has_key, scrub_key_like};

/// Secrets that are blanked out of whatever is printed or stored.
#[derive(Default)]
pub(crate) struct KnownSecrets(Mutex<Vec<Arc<SecretForms>>>);

impl KnownSecrets {
    /// Adds a secret.
    pub(crate) fn add(&self, secret: &Arc<SecretForms>) {
        let mut known = self.list();
        if !known.contains(secret) {
            known.push(Arc::clone(secret));
        }
    }

    /// Returns the secret that was added first, if there is one that is long enough.
    pub(crate) fn first_secret(&self) -> Option<Arc<SecretForms>> {
        let known = self.list();
        known.iter().find(|secret| secret.is_secret()).cloned()
    }

    /// Blanks the secrets out of a text.
    pub(crate) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut scrubbed = Cow::Borrowed(text);
        for secret in self.list().iter() {
            if let Cow::Owned(without) = secret.scrub(&scrubbed) {
                scrubbed = Cow::Owned(without);
            }
        }
        scrubbed
    }

    /// Blanks the secrets out of a message, and whatever looks like one: a key may have been typed
    /// where none belongs.
    pub(crate) fn scrub_message<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.scrub(text) {
            Cow::Borrowed(text) => scrub_key_like(text),
            Cow::Owned(text) => Cow::Owned(scrub_key_like(&text).into_owned()),
        }
    }

    /// Whether a text has a secret in it, or a word that looks like one.
    pub(crate) fn has_key_like(&self, text: &str) -> bool {
        self.is_in(text) || has_key(text)
    }

    /// Whether a secret is in a text, in whatever form.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        // A short one is not blanked out, since it is a part of other words, but is one.
        let is_plain = |secret: &Arc<SecretForms>| {
            if secret.is_secret() {
                text.contains(secret.secret())
            } else {
                text == secret.secret()
            }
        };
        self.list().iter().any(is_plain) || matches!(self.scrub(text), Cow::Owned(_))
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<SecretForms>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KnownSecrets(masked)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_blanked_out_and_never_printed() {
        let secrets = KnownSecrets::default();
        assert_eq!(
            secrets.scrub("first-one second-one"),
            "first-one second-one"
        );
        for secret in ["first-one", "second-one"] {
            secrets.add(&Arc::new(SecretForms::for_secret(secret)));
        }
        assert_eq!(
            secrets.scrub("first-one second%2done"),
            "[API key] [API key]"
        );
        assert!(!format!("{secrets:?}").contains("first"));
        assert!(secrets.is_in("x second-one") && !secrets.is_in("third-one"));
        secrets.add(&Arc::new(SecretForms::for_secret("any")));
        assert!(secrets.is_in("any") && !secrets.is_in("company"));
    }
}
