//! Any text, repeated until it is long, as Markdown: the time for each byte stays the same, so that no
//! answer freezes a terminal.

#![no_main]

use std::time::{Duration, Instant};

use langdock::internals::render;

/// How long the text is made, in bytes.
const LENGTH: usize = 64 * 1024;

/// What a byte may take. The goal for the program as it is shipped is 2 microseconds; the code that
/// counts coverage makes it several times as slow, and a machine may be busy.
const MOST_PER_BYTE: Duration = Duration::from_micros(40);

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (columns, part) = input;
    if part.is_empty() {
        return;
    }
    let columns = 20 + usize::from(columns) % 100;
    let text = part.repeat(LENGTH.div_ceil(part.len()));
    let length = u32::try_from(text.len()).expect("it is short");
    // The machine may have stopped for a moment: only what is slow each time is.
    let is_slow = || {
        let begun = Instant::now();
        render(&[&text], columns, true);
        begun.elapsed() > MOST_PER_BYTE * length
    };
    assert!(!(0..3).all(|_| is_slow()), "{part:?} takes more than {MOST_PER_BYTE:?} a byte");
});
