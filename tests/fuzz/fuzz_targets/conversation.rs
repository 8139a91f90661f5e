//! Any bytes as a conversation: a `--messages` file written by users, a saved one, or the journal
//! of an interrupted answer. It is read as far as possible, or refused with a message.

#![no_main]

use langdock::internals::{File, read_file, read_journal, read_saved};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let read = match kind % 3 {
        0 => read_file(File::Messages, &String::from_utf8_lossy(bytes)),
        1 => read_saved(bytes),
        _ => {
            read_journal(bytes);
            Ok(())
        }
    };
    if let Err(message) = read {
        assert!(!message.is_empty(), "a refusal without a word");
    }
});
