//! A key as found in the environment, not yet validated.

use std::fmt;

/// A text that must not be printed. Its `Debug` is masked, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text itself, for code that needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_printed() {
        assert_eq!(
            format!("{:?}", Secret::new("sk-ld-secret".to_owned())),
            "[secret]"
        );
    }
}
