//! The model of a request, and whether somebody chose it.

/// The model of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectedModel {
    /// Its id.
    pub(crate) id: String,
    /// The most tokens that it can write, where a list says so.
    pub(crate) limit: Option<u64>,
    /// Whether nobody chose it.
    pub(super) is_picked: bool,
}

impl SelectedModel {
    /// One that the user chose.
    pub(crate) fn given(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            limit: None,
            is_picked: false,
        }
    }

    /// Whether nobody chose it.
    pub(crate) fn is_picked(&self) -> bool {
        self.is_picked
    }
}
