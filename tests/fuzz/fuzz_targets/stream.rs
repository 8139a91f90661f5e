//! Any bytes, split anywhere: the stream parser ends with a message or an error, the same as for
//! the whole.

#![no_main]

use langdock::internals::replay;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    let whole = replay(&[body]);
    let pieces: Vec<&[u8]> = body.chunks(usize::from(size).max(1)).collect();
    assert_eq!(replay(&pieces), whole, "in pieces of {size} bytes");
    if whole.is_ok() && body.trim_ascii_start().first().is_some_and(u8::is_ascii_lowercase) {
        let text = String::from_utf8_lossy(body);
        assert!(text.contains("message_stop") || text.contains('\\'), "a success without message_stop");
    }
});
