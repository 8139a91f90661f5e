//! Any text as Markdown in two pieces: an emulated terminal shows the same as for the whole text,
//! and the output has only colours, links and line breaks.

#![no_main]

use langdock::internals::render;

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &str)| {
    let (columns, cut, text) = input;
    let columns = 4 + usize::from(columns) % 100;
    let cut = text.floor_char_boundary(usize::from(cut).min(text.len()));
    for is_colored in [false, true] {
        let whole = render(&[text], columns, is_colored);
        let pieces = render(&[&text[..cut], &text[cut..]], columns, is_colored);
        assert_harmless(&pieces);
        assert_eq!(shown(&pieces, &whole, columns), shown(&whole, &whole, columns), "cut at {cut}, {columns} columns");
    }
});

/// Returns the final content of a terminal with room for all of `whole`.
fn shown(bytes: &str, whole: &str, columns: usize) -> Vec<Vec<u8>> {
    let rows: usize = whole.split('\n').map(|line| 2 + 2 * line.chars().count() / columns).sum();
    let size = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).try_into().expect("it is not 0");
    let mut terminal = vt100::Parser::new(size(rows), size(columns), 0);
    terminal.process(bytes.replace('\n', "\r\n").as_bytes());
    terminal.screen().rows_formatted(0, size(columns).get()).map(String::into_bytes).collect()
}

/// Asserts that nothing moves the cursor up, and that every escape begins a known sequence.
fn assert_harmless(bytes: &str) {
    for (place, _) in bytes.match_indices('\x1b') {
        let rest = &bytes[place + 1..];
        let style = rest.strip_prefix('[').unwrap_or_default();
        let is_style = style.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';').starts_with('m');
        assert!(is_style || ["[K", "]8;;", "\\"].iter().any(|known| rest.starts_with(known)), "{rest:.12?}");
    }
}
