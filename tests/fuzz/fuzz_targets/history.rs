//! Any bytes as a history: the file of `--messages`, a saved conversation, or an answer that is sent
//! back. The scripted endpoint accepts the request that is made of it, or it is refused in words
//! before.

#![no_main]

use langdock::internals::{History, send_history};

/// What the endpoint refuses although the program sends it as it came: forms that are not known to
/// the program, which an endpoint may know; thinking that a file claims to have; numbers beyond
/// those of the endpoint; and the length, of which the program has only an estimate.
const AS_IT_CAME: [&str; 7] = [
    "number out of range",
    "Extra inputs are not permitted",
    "Input tag",
    "signature",
    "`data` in `redacted_thinking`",
    "cannot be modified",
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
