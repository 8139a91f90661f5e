//! Constructs that have come whole, which `pulldown-cmark` reads: entities, addresses in angle
//! brackets, targets of links.

use std::fmt::Write;

use pulldown_cmark::{Event, Parser, Tag};

use crate::text::sanitize_line;

/// What a piece of Markdown that has come whole is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Construct {
    /// Text.
    Text(String),
    /// A link to there.
    Link(String),
    /// Something else, or nothing at all.
    Other,
}

/// Reads a construct. What it stands for is harmless on a terminal, also where it was written as an
/// entity.
pub(super) fn construct(source: &str) -> Construct {
    let mut inside =
        Parser::new(source)
            .into_offset_iter()
            .filter_map(|(event, range)| match event {
                Event::Start(Tag::Paragraph) => None,
                event => Some((event, range)),
            });
    match inside.next() {
        Some((Event::Start(Tag::Link { dest_url, .. }), range)) if range == (0..source.len()) => {
            Construct::Link(sanitize_line(&dest_url))
        }
        Some((Event::Text(text), range)) if range == (0..source.len()) && *text != *source => {
            Construct::Text(sanitize_line(&text))
        }
        _ => Construct::Other,
    }
}

/// The address as a terminal takes it, if it is one that may be followed: of `http` or `https`.
pub(super) fn address(target: &str) -> Option<String> {
    let scheme = target.split_once("://")?.0;
    if !["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return None;
    }
    let mut address = String::with_capacity(target.len());
    for byte in target.bytes() {
        if byte.is_ascii_graphic() {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}"); // Writing to a string cannot fail.
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_and_targets_are_read() {
        assert_eq!(construct("&amp;"), Construct::Text("&".into()));
        assert_eq!(construct("&nosuch;"), Construct::Other);
        assert_eq!(construct("&#27;"), Construct::Text("␛".into()));
        assert_eq!(construct("[x](<a b> \"t\")"), Construct::Link("a b".into()));
        assert_eq!(construct("[x](a(b)"), Construct::Other);
        assert_eq!(
            construct("<https://a.example>"),
            Construct::Link("https://a.example".into())
        );
        assert_eq!(construct("<br>"), Construct::Other);
    }

    #[test]
    fn only_addresses_of_the_web_are_followed_and_have_no_controls() {
        assert_eq!(
            address("https://a.example/ä b").as_deref(),
            Some("https://a.example/%C3%A4%20b")
        );
        assert_eq!(address("file:///etc/passwd"), None);
        assert_eq!(address("javascript:alert(1)"), None);
    }
}
