//! The items of a batch: lines of text, objects one a line, or files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Error;

/// The field that a line of text has.
const TEXT: &str = "text";

/// The fields that a file has.
const OF_FILE: [&str; 2] = [TEXT, "path"];

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Its place among all, counted from 0.
    pub(crate) index: u64,
    source: Source,
    content: Content,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// What it is read from, and the line, counted from 1.
    Line(String, u64),
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Text(String),
    Object(Map<String, Value>),
    /// The text of a file, once it has been read.
    File(Option<String>),
}

impl Item {
    /// The item of a file.
    pub(crate) fn file(index: u64, path: PathBuf) -> Self {
        Self {
            index,
            source: Source::File(path),
            content: Content::File(None),
        }
    }

    /// The file, where it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        if let Source::File(path) = &self.source {
            Some(path)
        } else {
            None
        }
    }

    /// Gives a file its text.
    pub(crate) fn set_text(&mut self, text: String) {
        self.content = Content::File(Some(text));
    }

    /// What it is called in the records: its own field `id`, else its path, else the number of its
    /// line.
    pub(crate) fn id(&self) -> Value {
        match (&self.source, &self.content) {
            (Source::File(path), _) => Value::from(path.to_string_lossy()),
            (_, Content::Object(fields))
                if fields
                    .get("id")
                    .is_some_and(|id| id.is_string() || id.is_number()) =>
            {
                fields["id"].clone()
            }
            (Source::Line(_, number), _) => Value::from(*number),
        }
    }

    /// Where it stands, in words.
    pub(crate) fn place(&self) -> String {
        match &self.source {
            Source::Line(name, number) => place(name, *number),
            Source::File(path) => format!("`{}`", path.display()),
        }
    }

    /// A field as it stands in the prompt: text as it is, anything else as JSON.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        match (&self.content, name) {
            (Content::Text(text), TEXT) => Some(Cow::Borrowed(text)),
            (Content::File(text), TEXT) => Some(Cow::Borrowed(text.as_deref().unwrap_or_default())),
            (Content::File(_), "path") => self.path().map(Path::to_string_lossy),
            (Content::Object(fields), name) => Some(match fields.get(name)? {
                Value::String(text) => Cow::Borrowed(text),
                other => Cow::Owned(other.to_string()),
            }),
            _ => None,
        }
    }

    /// Whether it is a line of text.
    pub(super) fn is_line_of_text(&self) -> bool {
        matches!(self.content, Content::Text(_))
    }

    /// Whether it is the first line of an array of objects, which somebody took for JSON lines.
    pub(crate) fn begins_an_array(&self) -> bool {
        let Content::Text(text) = &self.content else {
            return false;
        };
        let text = text.trim();
        self.index == 0
            && (text == "["
                || text
                    .strip_prefix('[')
                    .is_some_and(|rest| rest.trim_start().starts_with('{')))
    }

    pub(super) fn field_names(&self) -> Vec<String> {
        match &self.content {
            Content::Text(_) => vec![TEXT.to_owned()],
            Content::File(_) => OF_FILE.map(str::to_owned).to_vec(),
            Content::Object(fields) => fields.keys().cloned().collect(),
        }
    }
}

/// Makes items of lines. The first line that is not blank tells whether all are objects or all are
/// text.
#[derive(Debug)]
pub(crate) struct Items {
    name: String,
    /// Lines so far.
    lines: u64,
    /// Items so far.
    count: u64,
    has_objects: Option<bool>,
    /// The first line that is not UTF-8, and where.
    bad: Option<(u64, usize)>,
}

impl Items {
    /// Items of the lines of what messages call `name`.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            lines: 0,
            count: 0,
            has_objects: None,
            bad: None,
        }
    }

    /// How messages call what the lines are of.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes a line with or without its end; a blank one is no item.
    pub(crate) fn take(&mut self, line: &[u8]) -> Result<Option<Item>, Error> {
        self.lines += 1;
        let line = if self.lines == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(line);
        if let Err(error) = std::str::from_utf8(line) {
            self.bad.get_or_insert((self.lines, error.valid_up_to()));
        }
        let has_objects = *self
            .has_objects
            .get_or_insert_with(|| object(&text).is_ok());
        let content = if has_objects {
            let no_object = |reason| Error::NoObject {
                place: place(&self.name, self.lines),
                reason,
            };
            Content::Object(object(&text).map_err(no_object)?)
        } else {
            Content::Text(text.into_owned())
        };
        self.count += 1;
        Ok(Some(Item {
            index: self.count - 1,
            source: Source::Line(self.name.clone(), self.lines),
            content,
        }))
    }

    /// Items so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first line that is not UTF-8, in words, and the byte at which it is not.
    pub(crate) fn bad(&self) -> Option<(String, usize)> {
        self.bad
            .map(|(line, offset)| (place(&self.name, line), offset))
    }
}

fn object(line: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(line) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("it is other JSON".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn place(name: &str, line: u64) -> String {
    format!("{name}, line {line}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items(text: &str) -> Result<Vec<Item>, Error> {
        let mut items = Items::new("`in`");
        let taken: Result<Vec<_>, _> = text
            .split_inclusive('\n')
            .map(|line| items.take(line.as_bytes()))
            .collect();
        Ok(taken?.into_iter().flatten().collect())
    }

    #[test]
    fn lines_are_text_and_blank_ones_are_none() {
        let items = items("\u{feff}one\r\n\n  \n two \nthree").expect("items");
        let texts: Vec<_> = items
            .iter()
            .map(|item| item.field("text").expect("text"))
            .collect();
        assert_eq!(texts, ["one", " two ", "three"]);
        let ids: Vec<_> = items.iter().map(Item::id).collect();
        assert_eq!(ids, [json!(1), json!(4), json!(5)], "the lines' numbers");
        assert_eq!(items[2].index, 2);
    }

    #[test]
    fn objects_are_told_by_the_first_line() {
        let objects = items("{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": null, \"text\": 5}\n")
            .expect("items");
        assert_eq!((objects[0].id(), objects[1].id()), (json!("a"), json!(2)));
        assert_eq!(objects[1].field("text").as_deref(), Some("5"));
        let lines = items("{no json}\n{\"text\": 1}\n").expect("text");
        assert_eq!(lines[1].field("text").as_deref(), Some("{\"text\": 1}"));
    }

    #[test]
    fn an_array_of_objects_is_known_by_its_first_line() {
        for (text, expected) in [
            ("[\n", true),
            (" [ {\"a\": 1},\n", true),
            ("[{}]", true),
            ("[1]", false),
            ("{", false),
        ] {
            assert_eq!(
                items(text).expect("text")[0].begins_an_array(),
                expected,
                "{text}"
            );
        }
        assert!(!items("a\n[\n").expect("text")[1].begins_an_array());
    }

    #[test]
    fn a_line_that_is_no_object_among_objects_is_refused_by_its_number() {
        for line in ["text", "[1]", "{\"a\":"] {
            let error = items(&format!("{{\"a\": 1}}\n\n{line}\n"))
                .expect_err(line)
                .to_string();
            assert!(
                error.starts_with("`in`, line 3: the first line is a JSON object"),
                "{error}"
            );
        }
    }

    #[test]
    fn bad_utf_8_is_replaced_and_its_line_told() {
        let mut items = Items::new("`in`");
        items.take(b"fine\n").expect("an item");
        let item = items
            .take(b"b\xffd\n")
            .expect("an item")
            .expect("not blank");
        assert_eq!(item.field("text").as_deref(), Some("b\u{fffd}d"));
        assert_eq!(
            (items.bad(), items.count()),
            (Some(("`in`, line 2".to_owned(), 1)), 2)
        );
    }

    #[test]
    fn an_object_with_bad_utf_8_is_one_wherever_it_stands() {
        let mut items = Items::new("`in`");
        for number in 1..=2 {
            let item = items
                .take(b"{\"t\": \"caf\xe9\"}\n")
                .expect("an item")
                .expect("not blank");
            assert_eq!(
                item.field("t").as_deref(),
                Some("caf\u{fffd}"),
                "line {number}"
            );
        }
        assert_eq!(items.bad(), Some(("`in`, line 1".to_owned(), 10)));
    }

    #[test]
    fn a_file_has_its_path_and_its_text() {
        let mut item = Item::file(3, PathBuf::from("a/b.txt"));
        item.set_text("T".to_owned());
        assert_eq!(
            (item.field("path").as_deref(), item.field("text").as_deref()),
            (Some("a/b.txt"), Some("T"))
        );
        assert_eq!(
            (item.id(), item.place().as_str()),
            (json!("a/b.txt"), "`a/b.txt`")
        );
        assert_eq!(item.field("name"), None);
    }
}
