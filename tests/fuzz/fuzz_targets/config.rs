//! Any text as a config file: it is accepted, or refused with a message.

#![no_main]

use langdock::internals::{File, read_file};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(message) = read_file(File::Config, text) {
        assert!(!message.is_empty(), "a refusal without a word");
    }
});
