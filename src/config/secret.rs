//! A key as the environment has it: nobody has looked yet whether it is one.

use std::fmt;

/// A text that is not to be printed. Its `Debug` is masked, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Hides the text.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for what has to have it.
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
