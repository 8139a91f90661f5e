//! The template of a batch: text with `{field}` in it, and `{{` and `}}` for braces.

use std::borrow::Cow;

use super::Error;
use super::item::Item;

/// A template that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(String),
}

impl Pattern {
    /// Reads a template.
    pub(crate) fn parse(template: &str) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some(place) = rest.find(['{', '}']) {
            text.push_str(&rest[..place]);
            let brace = &rest[place..=place];
            rest = &rest[place + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = behind;
                continue;
            }
            let end = rest
                .find(['{', '}'])
                .filter(|&end| brace == "{" && rest[end..].starts_with('}'));
            let Some(end) = end else {
                return Err(Error::Pattern(format!(
                    "a `{brace}` stands alone; write {brace}{brace} for the brace itself"
                )));
            };
            let field = rest[..end].trim();
            if field.is_empty() || field.contains(['\n', '"']) {
                let shown: String = field.chars().take(20).collect();
                return Err(Error::Pattern(format!(
                    "{{{shown}}} names no field; write {{{{ and }}}} for braces"
                )));
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Field(field.to_owned()));
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self(pieces))
    }

    /// Whether a field stands in it.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.fields().any(|field| field == name)
    }

    /// Whether it changes with the items at all.
    pub(crate) fn has_fields(&self) -> bool {
        self.fields().next().is_some()
    }

    /// Says whether an item has all that is asked for.
    pub(crate) fn check(&self, item: &Item) -> Result<(), Error> {
        self.fields()
            .try_for_each(|field| value(item, field).map(drop))
    }

    /// Fills it from an item. Nothing in the item's own text is looked at again.
    pub(crate) fn fill(&self, item: &Item) -> Result<String, Error> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(field) => filled.push_str(&value(item, field)?),
            }
        }
        Ok(filled)
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| {
            if let Piece::Field(field) = piece {
                Some(field.as_str())
            } else {
                None
            }
        })
    }
}

/// What an item has for a field.
fn value<'a>(item: &'a Item, field: &str) -> Result<Cow<'a, str>, Error> {
    item.field(field).ok_or_else(|| Error::UnknownField {
        place: item.place(),
        field: field.to_owned(),
        known: item.field_names(),
        is_text: item.is_line_of_text(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Items;

    fn item(line: &str) -> Item {
        Items::new("`in`")
            .take(line.as_bytes())
            .expect("an item")
            .expect("not blank")
    }

    fn fill(template: &str, line: &str) -> Result<String, Error> {
        Pattern::parse(template)?.fill(&item(line))
    }

    #[test]
    fn fields_are_filled_and_doubled_braces_are_braces() {
        assert_eq!(
            fill("Sum up: {text}!", "a {b}").as_deref(),
            Ok("Sum up: a {b}!")
        );
        assert_eq!(
            fill(
                "{{\"a\": \"{ a }\"}} {n} {list}",
                r#"{"a": "x}", "n": 1.50, "list": [1, null]}"#
            )
            .as_deref(),
            Ok("{\"a\": \"x}\"} 1.5 [1,null]")
        );
        assert_eq!(fill("no field", "x").as_deref(), Ok("no field"));
        assert!(!Pattern::parse("{{text}}").expect("a pattern").has_fields());
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for template in [
            "a { b",
            "a } b",
            "{}",
            "{a{b}}",
            "{ \n }",
            "{\"a\": 1}",
            "x {",
        ] {
            assert!(
                matches!(Pattern::parse(template), Err(Error::Pattern(_))),
                "{template}"
            );
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_told_with_the_line_and_those_that_are() {
        let error = fill("{nmae}", r#"{"name": "x", "age": 3}"#)
            .expect_err("no such field")
            .to_string();
        assert_eq!(
            error,
            "`in`, line 1: the template's {nmae} is not there; known: name, age"
        );
        let error = fill("{name}", "plain")
            .expect_err("no such field")
            .to_string();
        assert_eq!(
            error,
            "`in`, line 1: the template's {name} is not there; known: text"
        );
    }
}
