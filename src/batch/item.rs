//! The items of a batch: lines of text, JSON lines, or files.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Error;
use super::item_key::ItemKey;
use crate::protocol::{ExactFields, ExactJson};
use crate::text::json_error_text;

/// The only field of an item that is a line of text.
const TEXT_FIELD: &str = "text";

/// The fields of an item that is a file.
const FILE_FIELDS: [&str; 2] = [TEXT_FIELD, "path"];

/// Where an item is in the input, as its record states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemPlace {
    /// Its index among all items, from 0.
    pub(crate) index: u64,
    /// The number of its line, from 1, if that serves as its `id`.
    pub(crate) line_id: Option<u64>,
}

/// One item of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchItem {
    /// Its index among all items of the input, from 0.
    pub(crate) index: u64,
    /// Its number among the items of this run, from 0. It differs from the index only in the run of
    /// a shard.
    pub(crate) sequence: u64,
    /// The key, which decides which shard the item belongs to.
    pub(crate) key: ItemKey,
    source: ItemSource,
    content: ItemContent,
}

#[derive(Debug, Clone, PartialEq)]
enum ItemSource {
    /// Name of the input, for messages, and line number, from 1.
    Line(String, u64),
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq)]
enum ItemContent {
    Text(String),
    Object(ExactFields),
    /// The text of a file, `None` until it has been read.
    File(Option<String>),
    /// A line that is not a JSON object although the first one is, with the parser's message.
    Malformed(String),
}

impl BatchItem {
    /// Creates the item for a file, without its text.
    pub(crate) fn from_file(index: u64, path: PathBuf) -> Self {
        Self {
            index,
            sequence: index,
            key: ItemKey::from_bytes(path.as_os_str().as_bytes()),
            source: ItemSource::File(path),
            content: ItemContent::File(None),
        }
    }

    /// Returns the path if the item is a file.
    pub(crate) fn file_path(&self) -> Option<&Path> {
        if let ItemSource::File(path) = &self.source {
            Some(path)
        } else {
            None
        }
    }

    /// Returns the size of its text in bytes; none of a file that is sent as it is.
    pub(crate) fn text_bytes(&self) -> Option<u64> {
        let bytes = match &self.content {
            ItemContent::Text(text) | ItemContent::Malformed(text) => text.len(),
            ItemContent::Object(fields) => ExactJson::from_value(fields).to_string().len(),
            ItemContent::File(text) => text.as_ref()?.len(),
        };
        Some(bytes as u64)
    }

    /// Sets the text of a file.
    pub(crate) fn set_text(&mut self, text: String) {
        self.content = ItemContent::File(Some(text));
    }

    /// Returns the `id` for the records: its own field `id`, else its path, else its line number.
    pub(crate) fn record_id(&self) -> ExactJson {
        match (&self.source, self.own_id()) {
            (ItemSource::File(path), _) => Value::from(path.to_string_lossy()).into(),
            (_, Some(id)) => id,
            (ItemSource::Line(_, number), None) => Value::from(*number).into(),
        }
    }

    /// Returns the item's field `id`, if it has one that can be the `id` of the record.
    pub(crate) fn own_id(&self) -> Option<ExactJson> {
        let ItemContent::Object(fields) = &self.content else {
            return None;
        };
        fields
            .exact("id")
            .filter(|id| id.is_string() || id.is_number())
    }

    /// Returns the line number, from 1; `None` for a file.
    pub(crate) fn line_number(&self) -> Option<u64> {
        match self.source {
            ItemSource::Line(_, number) => Some(number),
            ItemSource::File(_) => None,
        }
    }

    /// Returns where it is in the input, for its record.
    pub(crate) fn place(&self) -> ItemPlace {
        ItemPlace {
            index: self.index,
            line_id: self.line_number().filter(|_| self.own_id().is_none()),
        }
    }

    /// Describes where the item is, for messages.
    pub(crate) fn describe_place(&self) -> String {
        match &self.source {
            ItemSource::Line(name, number) => describe_line(name, *number),
            ItemSource::File(path) => format!("`{}`", path.display()),
        }
    }

    /// Checks that the item's line has the form of the first line.
    ///
    /// # Errors
    ///
    /// If it is not a JSON object, though the first line is one.
    pub(crate) fn check_well_formed(&self) -> Result<(), Error> {
        match &self.content {
            ItemContent::Malformed(reason) => Err(Error::NoObject {
                place: self.describe_place(),
                reason: reason.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns a field for the prompt: a string unmodified, anything else as JSON.
    pub(super) fn field_text(&self, name: &str) -> Option<Cow<'_, str>> {
        match (&self.content, name) {
            (ItemContent::Text(text), TEXT_FIELD) => Some(Cow::Borrowed(text)),
            (ItemContent::File(text), TEXT_FIELD) => {
                Some(Cow::Borrowed(text.as_deref().unwrap_or_default()))
            }
            (ItemContent::File(_), "path") => self.file_path().map(Path::to_string_lossy),
            (ItemContent::Object(fields), name) => Some(match fields.get(name)? {
                Value::String(text) => Cow::Borrowed(text),
                _ => Cow::Owned(fields.exact(name)?.to_string()),
            }),
            _ => None,
        }
    }

    /// Whether the item is a line of text.
    pub(super) fn is_line_of_text(&self) -> bool {
        matches!(self.content, ItemContent::Text(_))
    }

    /// Whether this is the first line of a JSON array of objects, which is not JSON lines.
    pub(crate) fn is_array_start(&self) -> bool {
        let ItemContent::Text(text) = &self.content else {
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
            ItemContent::Text(_) => vec![TEXT_FIELD.to_owned()],
            ItemContent::File(_) => FILE_FIELDS.map(str::to_owned).to_vec(),
            ItemContent::Object(fields) => fields.keys().cloned().collect(),
            ItemContent::Malformed(_) => Vec::new(),
        }
    }
}

/// Parses lines into items. The first line that is not blank decides whether all are JSON objects
/// or all are text.
#[derive(Debug)]
pub(crate) struct ItemReader {
    name: String,
    /// Number of lines so far.
    lines: u64,
    /// Number of items so far.
    count: u64,
    has_objects: Option<bool>,
    /// The number of the first line that is not valid UTF-8, and the byte offset in it.
    bad: Option<(u64, usize)>,
}

impl ItemReader {
    /// Creates a reader; `name` is the input's name in messages.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            lines: 0,
            count: 0,
            has_objects: None,
            bad: None,
        }
    }

    /// Returns the input's name in messages.
    pub(crate) fn source_name(&self) -> &str {
        &self.name
    }

    /// Parses a line with or without its line ending; returns `None` for a blank one.
    pub(crate) fn read_line(&mut self, line: &[u8]) -> Option<BatchItem> {
        self.lines += 1;
        let line = if self.lines == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(line);
        if let Err(error) = std::str::from_utf8(line) {
            self.bad.get_or_insert((self.lines, error.valid_up_to()));
        }
        let has_objects = *self
            .has_objects
            .get_or_insert_with(|| parse_object(&text).is_ok());
        let content = if has_objects {
            parse_object(&text).map_or_else(ItemContent::Malformed, ItemContent::Object)
        } else {
            ItemContent::Text(text.into_owned())
        };
        let index = self.count;
        self.count += 1;
        Some(BatchItem {
            index,
            sequence: index,
            key: ItemKey::from_bytes(line),
            source: ItemSource::Line(self.name.clone(), self.lines),
            content,
        })
    }

    /// Returns the place of the first line that is not valid UTF-8, for messages, and the byte
    /// offset in it.
    pub(crate) fn first_bad_line(&self) -> Option<(String, usize)> {
        self.bad
            .map(|(line, offset)| (describe_line(&self.name, line), offset))
    }
}

fn parse_object(line: &str) -> Result<ExactFields, String> {
    let json = ExactJson::parse_envelope(line).map_err(|error| json_error_text(&error))?;
    ExactFields::from_object(json).ok_or_else(|| "it is JSON of another type".to_owned())
}

fn describe_line(name: &str, line: u64) -> String {
    format!("{name}, line {line}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items(text: &str) -> Vec<BatchItem> {
        let mut items = ItemReader::new("`in`");
        text.split_inclusive('\n')
            .filter_map(|line| items.read_line(line.as_bytes()))
            .collect()
    }

    #[test]
    fn lines_are_text_and_blank_ones_are_skipped() {
        let items = items("\u{feff}one\r\n\n  \n two \nthree");
        let texts: Vec<_> = items
            .iter()
            .map(|item| item.field_text("text").expect("text"))
            .collect();
        assert_eq!(texts, ["one", " two ", "three"]);
        let ids: Vec<_> = items.iter().map(BatchItem::record_id).collect();
        assert_eq!(
            ids,
            [json!(1).into(), json!(4).into(), ExactJson::from(json!(5))],
            "the lines' numbers"
        );
        assert_eq!(items[2].index, 2);
    }

    #[test]
    fn the_first_line_decides_whether_items_are_objects() {
        let objects = items("{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": null, \"text\": 5}\n");
        assert_eq!(
            (objects[0].record_id(), objects[1].record_id()),
            (json!("a").into(), json!(2).into())
        );
        assert_eq!(objects[1].field_text("text").as_deref(), Some("5"));
        let lines = items("{no json}\n{\"text\": 1}\n");
        assert_eq!(
            lines[1].field_text("text").as_deref(),
            Some("{\"text\": 1}")
        );
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
            assert_eq!(items(text)[0].is_array_start(), expected, "{text}");
        }
        assert!(!items("a\n[\n")[1].is_array_start());
    }

    #[test]
    fn a_line_among_objects_that_is_not_an_object_is_malformed_and_the_next_one_is_not() {
        for line in ["text", "[1]", "{\"a\":"] {
            let items = items(&format!("{{\"a\": 1}}\n\n{line}\n{{\"a\": 2}}\n"));
            let error = items[1].check_well_formed().expect_err(line).to_string();
            assert!(
                error.starts_with("`in`, line 3 is not a JSON object ("),
                "{error}"
            );
            assert_eq!(
                (items[1].record_id(), items[2].check_well_formed()),
                (json!(3).into(), Ok(()))
            );
        }
    }

    #[test]
    fn invalid_utf_8_is_replaced_and_its_line_reported() {
        let mut items = ItemReader::new("`in`");
        items.read_line(b"fine\n").expect("not blank");
        let item = items.read_line(b"b\xffd\n").expect("not blank");
        assert_eq!(item.field_text("text").as_deref(), Some("b\u{fffd}d"));
        assert_eq!(
            (items.first_bad_line(), item.index),
            (Some(("`in`, line 2".to_owned(), 1)), 1)
        );
    }

    #[test]
    fn an_object_with_invalid_utf_8_is_still_an_object() {
        let mut items = ItemReader::new("`in`");
        for number in 1..=2 {
            let item = items
                .read_line(b"{\"t\": \"caf\xe9\"}\n")
                .expect("not blank");
            assert_eq!(
                item.field_text("t").as_deref(),
                Some("caf\u{fffd}"),
                "line {number}"
            );
        }
        assert_eq!(
            items.first_bad_line(),
            Some(("`in`, line 1".to_owned(), 10))
        );
    }

    #[test]
    fn the_key_of_a_line_is_that_of_its_bytes_without_mark_and_line_ending() {
        let abc = ItemKey::from_bytes(b"abc");
        for text in ["abc", "abc\n", "\u{feff}abc\r\n", "x\nabc", "\nabc\n"] {
            assert_eq!(
                items(text).last().map(|item| item.key),
                Some(abc),
                "{text:?}"
            );
        }
        let spaced = items(" abc")[0].key;
        assert_ne!(spaced, abc);
        let mut reader = ItemReader::new("`in`");
        let invalid = reader.read_line(b"b\xffd\n").expect("not blank");
        assert_eq!(invalid.key, ItemKey::from_bytes(b"b\xffd"));
        let file = BatchItem::from_file(0, PathBuf::from("abc"));
        assert_eq!(file.key, abc);
    }

    #[test]
    fn a_file_has_its_path_and_its_text() {
        let mut item = BatchItem::from_file(3, PathBuf::from("a/b.txt"));
        item.set_text("T".to_owned());
        assert_eq!(
            (
                item.field_text("path").as_deref(),
                item.field_text("text").as_deref()
            ),
            (Some("a/b.txt"), Some("T"))
        );
        assert_eq!(
            (item.record_id(), item.describe_place().as_str()),
            (json!("a/b.txt").into(), "`a/b.txt`")
        );
        assert_eq!(item.field_text("name"), None);
    }
}
