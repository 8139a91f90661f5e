//! Any text as a file that people write: a config, a tools file, a template, a conversation. It is taken, or refused in words.

#![no_main]

use langdock::internals::read_file;

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    if let Err(message) = read_file(kind, text) {
        assert!(!message.is_empty(), "a refusal without a word");
    }
});
