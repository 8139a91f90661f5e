//! Where the partial answer is after a failure, and the conversation after a limit, so that the
//! hint can point to it.

/// Where the partial answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Left {
    /// Where the answer was to be shown, and in its conversation.
    #[default]
    Kept,
    /// On standard output.
    Stdout,
    /// In the `.part` file of `--output`, which a notice names.
    Part,
    /// On stderr, above the error.
    Stderr,
    /// Nowhere: only reasoning arrived, or nothing that was asked for.
    Nowhere,
}

/// What became of the conversation of a run that a limit has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum EndedRun {
    /// Nothing of it was sent.
    #[default]
    Unsent,
    /// It was not saved.
    Unsaved,
    /// It was saved under this id.
    Saved(String),
}

impl Left {
    /// Returns the beginning of a hint that says so.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Kept => "the partial answer is saved",
            Self::Stdout => "the partial answer is on standard output",
            Self::Part => "the partial answer is in the .part file named above",
            Self::Stderr => "the partial answer is above",
            Self::Nowhere => "no part of the answer was shown",
        }
    }
}
