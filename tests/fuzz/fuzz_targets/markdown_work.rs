//! Any text, repeated until it is long, as Markdown: the work for each byte stays the same, so that
//! no answer freezes a terminal.

#![no_main]

use std::time::Duration;

use langdock::internals::render;

/// How long the text is made, in bytes.
const LENGTH: usize = 64 * 1024;

/// The processor time that a byte may take. The goal for the program as it is shipped is 2
/// microseconds; the code that counts coverage makes it several times as slow.
const MOST_PER_BYTE: Duration = Duration::from_micros(15);

/// The same where code may be highlighted, which ends after 128 KiB of it. The grammar of JavaScript
/// takes 25 microseconds for ordinary code in this build, and 5 in the program as it is shipped.
const MOST_PER_BYTE_OF_CODE: Duration = Duration::from_micros(60);

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (columns, part) = input;
    if part.is_empty() {
        return;
    }
    let columns = 20 + usize::from(columns) % 100;
    let text = part.repeat(LENGTH.div_ceil(part.len()));
    let length = u32::try_from(text.len()).expect("it is short");
    let has_fence = ["```", "~~~"].iter().any(|fence| text.contains(fence));
    let most = if has_fence { MOST_PER_BYTE_OF_CODE } else { MOST_PER_BYTE };
    // What else the machine does disturbs a little: only what is slow each time is.
    let is_slow = || {
        let begun = processor_time();
        render(&[&text], columns, true);
        processor_time() - begun > most * length
    };
    assert!(!(0..3).all(|_| is_slow()), "{part:?} takes more than {most:?} a byte");
});

/// Returns the processor time of this thread so far, which a busy machine does not make longer.
fn processor_time() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it");
    let nanoseconds = spent.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.expect("it begins with a number"))
}
