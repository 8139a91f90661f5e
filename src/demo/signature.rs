//! The signatures of scripted thinking.
//!
//! By them a client that alters a thinking block is found out, as it is by the real endpoint.

/// The prefix of our own signatures. Others, from a conversation with a real model, cannot be
/// judged here and pass.
const OURS: &str = "c2NyaXB0ZWQ-";

/// Returns the signature of a thinking text.
pub(super) fn signature_for(thinking: &str) -> String {
    // FNV-1a: short, and the same in every build, as a saved conversation must still fit after an
    // update.
    let hash = thinking
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{OURS}{hash:016x}")
}

/// Returns whether a thinking block came back as it was sent.
pub(super) fn is_valid(thinking: &str, signature: &str) -> bool {
    !signature.is_empty() && (!signature.starts_with(OURS) || signature == signature_for(thinking))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn altered_thinking_does_not_fit_its_signature() {
        assert!(is_valid("first this", &signature_for("first this")));
        assert!(!is_valid("first that", &signature_for("first this")));
        assert!(is_valid("anything", "EqQBCgIYAhIM"));
    }
}
