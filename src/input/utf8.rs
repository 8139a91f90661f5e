//! Invalid UTF-8 in text for the model, which is sent all the same.

/// Converts bytes to text; the first `skipped` bytes are not from `name`. Invalid UTF-8 becomes
/// U+FFFD, with a notice.
pub(super) fn lossy(name: &str, bytes: Vec<u8>, skipped: usize) -> (String, Option<String>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to() - skipped;
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(replaced(name, offset)))
        }
    }
}

/// Returns the notice about replaced bytes, the first of them at `offset`.
pub(crate) fn replaced(name: &str, offset: usize) -> String {
    format!("{name} is not UTF-8 at byte {offset}; sending invalid bytes as U+FFFD")
}
