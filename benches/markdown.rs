//! How long Markdown takes to be rendered: 1 MB at once, and 20,000 deltas of 8 bytes, each
//! painted. It prints times only.

// What is measured is told on standard output; there is no other reader.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use langdock::internals::render;

/// A document with every construct, as the tests have it.
const DOCUMENT: &str = include_str!("../src/ui/markdown/tests/all.md");

/// An answer without code, whose languages take their time.
const PROSE: &str = "## A heading\n\nSome **bold** words, some `code`, and a [link](https://example.com) in a paragraph that is \
    as long as paragraphs are, so that it has to be broken.\n\n- an item of a list with *emphasis*\n- another one\n\n";

fn main() {
    for (name, document) in [("prose", PROSE), ("every construct", DOCUMENT)] {
        let megabyte = document.repeat(1_000_000 / document.len() + 1);
        measure(&format!("{name}, 1 MB at once"), &[&megabyte]);
        let deltas: Vec<String> = megabyte
            .chars()
            .collect::<Vec<_>>()
            .chunks(8)
            .take(20_000)
            .map(|piece| piece.iter().collect())
            .collect();
        let deltas: Vec<&str> = deltas.iter().map(String::as_str).collect();
        measure(&format!("{name}, 20,000 deltas"), &deltas);
    }
}

fn measure(what: &str, pieces: &[&str]) {
    let begun = Instant::now();
    let bytes = render(pieces, 80, true).len();
    println!(
        "{what}: {:.1} ms, {bytes} bytes",
        begun.elapsed().as_secs_f64() * 1e3
    );
}
