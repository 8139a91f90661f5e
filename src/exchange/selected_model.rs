//! The model of a request, and whether somebody chose it.

use crate::client::default_max_tokens;
use crate::protocol::CreateMessage;

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

    /// The most tokens that it is asked to generate where nobody says so.
    pub(crate) fn default_max_tokens(&self) -> u64 {
        default_max_tokens(&self.id, self.limit)
    }

    /// Whether nobody chose it.
    pub(crate) fn is_picked(&self) -> bool {
        self.is_picked
    }
}

/// Asks another model from now on, with its own default of `max_tokens` where the other's was asked
/// for.
pub(crate) fn switch_model(
    request: &mut CreateMessage,
    asked: &SelectedModel,
    next: &SelectedModel,
) {
    if request.max_tokens == asked.default_max_tokens() {
        request.max_tokens = next.default_max_tokens();
    }
    request.model.clone_from(&next.id);
}
