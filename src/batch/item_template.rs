//! The template of a batch: text with `{field}` in it, and `{{` and `}}` for braces.

use std::borrow::Cow;

use super::Error;
use super::item::BatchItem;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemTemplate(Vec<TemplatePiece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePiece {
    Text(String),
    Field(String),
}

impl ItemTemplate {
    /// Returns a text that no other template has.
    pub(crate) fn identity(&self) -> String {
        let piece = |piece: &TemplatePiece| match piece {
            TemplatePiece::Text(text) => format!("{text}\0"),
            TemplatePiece::Field(field) => format!("\u{1}{field}\0"),
        };
        self.0.iter().map(piece).collect::<Vec<_>>().concat()
    }

    /// Parses a template.
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
                    "unmatched `{brace}`; write {brace}{brace} for a literal brace"
                )));
            };
            let field = rest[..end].trim();
            if field.is_empty() || field.contains(['\n', '"']) {
                let shown: String = field.chars().take(20).collect();
                return Err(Error::Pattern(format!(
                    "{{{shown}}} has no field name; write {{{{ and }}}} for braces"
                )));
            }
            if !text.is_empty() {
                pieces.push(TemplatePiece::Text(std::mem::take(&mut text)));
            }
            pieces.push(TemplatePiece::Field(field.to_owned()));
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(TemplatePiece::Text(text));
        }
        Ok(Self(pieces))
    }

    /// Whether the template contains the field `name`.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        self.field_names().any(|field| field == name)
    }

    /// Whether the template contains any field.
    pub(crate) fn has_fields(&self) -> bool {
        self.field_names().next().is_some()
    }

    /// Returns the fields of the template, to find those that no item has.
    pub(crate) fn unfilled_fields(&self) -> UnfilledFields {
        UnfilledFields {
            fields: self.field_names().map(str::to_owned).collect(),
            known: Vec::new(),
            has_text_lines: false,
        }
    }

    /// Checks that an item has every field of the template.
    pub(crate) fn check_item(&self, item: &BatchItem) -> Result<(), Error> {
        self.field_names()
            .try_for_each(|field| field_value(item, field).map(drop))
    }

    /// Fills the template from an item. Braces in the item's own text are not expanded. `vet` gets
    /// each text of the item, and may return another one in its place.
    pub(crate) fn fill_from<E: From<Error>>(
        &self,
        item: &BatchItem,
        vet: impl Fn(&str) -> Result<Option<String>, E>,
    ) -> Result<String, E> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                TemplatePiece::Text(text) => filled.push_str(text),
                TemplatePiece::Field(field) => {
                    let value = field_value(item, field)?;
                    match vet(&value)? {
                        Some(other) => filled.push_str(&other),
                        None => filled.push_str(&value),
                    }
                }
            }
        }
        Ok(filled)
    }

    fn field_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| {
            if let TemplatePiece::Field(field) = piece {
                Some(field.as_str())
            } else {
                None
            }
        })
    }
}

/// The fields of a template that no item so far has.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnfilledFields {
    fields: Vec<String>,
    /// The fields of the first item that has any.
    known: Vec<String>,
    has_text_lines: bool,
}

impl UnfilledFields {
    /// Notes which fields an item fills.
    pub(crate) fn note_item(&mut self, item: &BatchItem) {
        self.fields.retain(|field| item.field_text(field).is_none());
        self.has_text_lines |= item.is_line_of_text();
        if self.known.is_empty() {
            self.known = item.field_names();
        }
    }

    /// Whether each field of the template was found in some item.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether no later item can have the missing fields, because all items are lines of text.
    pub(crate) fn is_final(&self) -> bool {
        self.has_text_lines && !self.is_empty()
    }

    /// Checks that no field of the template is missing from all items. `input` names the items.
    ///
    /// # Errors
    ///
    /// If there were items, and none of them had one of the fields.
    pub(crate) fn check(&self, input: &str) -> Result<(), Error> {
        let Some(field) = self.fields.first().filter(|_| !self.known.is_empty()) else {
            return Ok(());
        };
        Err(Error::UnfilledField {
            input: input.to_owned(),
            field: field.clone(),
            known: self.known.clone(),
            is_text: self.has_text_lines,
        })
    }
}

/// Returns the value of a field of an item.
fn field_value<'a>(item: &'a BatchItem, field: &str) -> Result<Cow<'a, str>, Error> {
    item.field_text(field).ok_or_else(|| Error::UnknownField {
        place: item.describe_place(),
        field: field.to_owned(),
        known: item.field_names(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::ItemReader;

    fn item(line: &str) -> BatchItem {
        ItemReader::new("`in`")
            .read_line(line.as_bytes())
            .expect("not blank")
    }

    fn fill(template: &str, line: &str) -> Result<String, Error> {
        ItemTemplate::parse(template)?.fill_from(&item(line), |_| Ok(None))
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
            Ok("{\"a\": \"x}\"} 1.50 [1,null]")
        );
        assert_eq!(fill("no field", "x").as_deref(), Ok("no field"));
        assert!(
            !ItemTemplate::parse("{{text}}")
                .expect("a pattern")
                .has_fields()
        );
    }

    #[test]
    fn invalid_templates_are_rejected() {
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
                matches!(ItemTemplate::parse(template), Err(Error::Pattern(_))),
                "{template}"
            );
        }
    }

    #[test]
    fn an_unknown_field_is_reported_with_the_line_and_the_known_fields() {
        let error = fill("{nmae}", r#"{"name": "x", "age": 3}"#)
            .expect_err("no such field")
            .to_string();
        assert_eq!(
            error,
            "`in`, line 1 has no field `nmae`, which the template uses; its fields are: name, age"
        );
    }

    #[test]
    fn a_field_that_no_item_has_is_found_once_all_items_are_known() {
        let unfilled = |template: &str, lines: &[&str]| {
            let mut reader = ItemReader::new("`in`");
            let template = ItemTemplate::parse(template).expect("a template");
            let mut unfilled = template.unfilled_fields();
            for line in lines {
                unfilled.note_item(&reader.read_line(line.as_bytes()).expect("not blank"));
            }
            unfilled
        };
        let error = |unfilled: &UnfilledFields| unfilled.check("`in`").map_err(|e| e.to_string());
        let some = unfilled("{a} {b}", &[r#"{"a": 1}"#, "no JSON", r#"{"b": 1}"#]);
        assert_eq!((some.is_empty(), error(&some)), (true, Ok(())));
        let none = unfilled("{a} {nmae}", &[r#"{"a": 1, "name": 2}"#, r#"{"a": 1}"#]);
        let expected =
            "no item of `in` has the field `nmae`, which the template uses; the fields of the \
             first item are: a, name"
                .to_owned();
        assert_eq!(
            (none.is_final(), error(&none)),
            (false, Err(expected)),
            "another item may have it"
        );
        let text = unfilled("{name}", &["plain"]);
        let expected =
            "no item of `in` has the field `name`, which the template uses; the fields of the \
             first item are: text"
                .to_owned();
        assert_eq!((text.is_final(), error(&text)), (true, Err(expected)));
        assert_eq!(error(&unfilled("{name}", &[])), Ok(()), "without items");
    }
}
