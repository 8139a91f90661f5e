//! Any bytes as a history: the file of `--messages`, a saved conversation, or an answer that is sent
//! back. A request is made of it that the scripted endpoint accepts, or it is refused in words
//! before.

#![no_main]

use langdock::internals::{History, send_history};

/// What the endpoint refuses and the program sends as it came: what it does not know, an endpoint
/// may. Nor can it see whether thinking and cache marks of a file are right.
const AS_IT_CAME: [&str; 9] = [
    "Extra inputs are not permitted",
    "Input tag",
    "cache_control",
    "signature",
    "`data` in `redacted_thinking`",
    "cannot be modified",
    "Input should be",
    "Field required",
    "prompt is too long",
];

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let kind = match kind % 3 {
        0 => History::Messages,
        1 => History::Saved,
        _ => History::Stream,
    };
    match send_history(kind, bytes) {
        Ok(None) => {}
        Ok(Some(refusal)) => assert!(
            AS_IT_CAME.iter().any(|words| refusal.contains(words)),
            "the endpoint refuses it: {refusal}"
        ),
        Err(why) => assert!(!why.is_empty(), "a refusal without a word"),
    }
});
