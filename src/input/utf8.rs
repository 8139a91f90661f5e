//! Bytes that should be UTF-8 and may not be: as text for a model they are sent all the same.

/// Makes text of what `name` holds behind `skipped` bytes of one's own. What is not UTF-8 becomes
/// U+FFFD, and a notice says so.
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

/// What is told where bytes were replaced, the first of them at `offset`.
pub(crate) fn replaced(name: &str, offset: usize) -> String {
    format!("{name} is not UTF-8 at byte {offset}; sending invalid bytes as U+FFFD")
}
