//! Complete inline constructs, parsed by `pulldown-cmark`: entities, autolinks, link targets.

use std::fmt::Write;

use pulldown_cmark::{Event, Parser, Tag};

use crate::text::sanitize_line;

/// A parsed inline construct.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InlineConstruct {
    /// Text.
    Text(String),
    /// A link to this address.
    Link(String),
    /// Anything else.
    Other,
}

/// Parses a construct. The result is sanitized, including characters written as entities.
pub(super) fn parse_construct(source: &str) -> InlineConstruct {
    let mut inside =
        Parser::new(source)
            .into_offset_iter()
            .filter_map(|(event, range)| match event {
                Event::Start(Tag::Paragraph) => None,
                event => Some((event, range)),
            });
    match inside.next() {
        Some((Event::Start(Tag::Link { dest_url, .. }), range)) if range == (0..source.len()) => {
            InlineConstruct::Link(sanitize_line(&dest_url))
        }
        Some((Event::Text(text), range)) if range == (0..source.len()) && *text != *source => {
            InlineConstruct::Text(sanitize_line(&text))
        }
        _ => InlineConstruct::Other,
    }
}

/// Returns the address percent-encoded for a terminal if its scheme is `http` or `https`.
pub(super) fn web_address(target: &str) -> Option<String> {
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
    fn entities_and_link_targets_are_parsed() {
        assert_eq!(parse_construct("&amp;"), InlineConstruct::Text("&".into()));
        assert_eq!(parse_construct("&nosuch;"), InlineConstruct::Other);
        assert_eq!(parse_construct("&#27;"), InlineConstruct::Text("␛".into()));
        assert_eq!(
            parse_construct("[x](<a b> \"t\")"),
            InlineConstruct::Link("a b".into())
        );
        assert_eq!(parse_construct("[x](a(b)"), InlineConstruct::Other);
        assert_eq!(
            parse_construct("<https://a.example>"),
            InlineConstruct::Link("https://a.example".into())
        );
        assert_eq!(parse_construct("<br>"), InlineConstruct::Other);
    }

    #[test]
    fn only_web_addresses_become_links_and_they_contain_no_controls() {
        assert_eq!(
            web_address("https://a.example/ä b").as_deref(),
            Some("https://a.example/%C3%A4%20b")
        );
        assert_eq!(web_address("file:///etc/passwd"), None);
        assert_eq!(web_address("javascript:alert(1)"), None);
    }
}
