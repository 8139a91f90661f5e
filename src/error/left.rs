//! Where what came of an answer that broke off is, so that nobody looks for it in the wrong place.

use std::path::PathBuf;

/// Where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Left {
    /// Where the answer was to be shown, and in its conversation.
    #[default]
    Kept,
    /// On standard output.
    Stdout,
    /// In the part of the file of `--output`.
    File(PathBuf),
    /// On stderr, above the error.
    Stderr,
    /// Nowhere: only reasoning came, or nothing of what was asked for.
    Nowhere,
}

impl Left {
    /// The same as the beginning of a hint.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Kept => "what came is kept".to_owned(),
            Self::Stdout => "what came is on standard output".to_owned(),
            Self::File(path) => format!("what came is in `{}`", path.display()),
            Self::Stderr => "what came stands above".to_owned(),
            Self::Nowhere => "no part of the answer itself could be shown".to_owned(),
        }
    }
}
