//! How deep JSON text nests, and how much memory its tree takes, found in one pass before it is
//! parsed.
//!
//! A tree takes many times the bytes of its text: an empty array of two bytes is a [`Value`] of
//! over thirty. Text from outside is measured first, and refused where its tree would not fit.

use std::fmt;

use serde_json::Value;

/// How deep a JSON value may nest, in levels of arrays and objects: a content block, the arguments
/// of a call, a schema, a template. The parser stops at 128 levels; what is left is for the
/// objects that such a value is put into on its way to a request, a file and back, so that
/// whatever is accepted can be read back.
pub(crate) const MAX_JSON_DEPTH: usize = 100;

/// The levels that a request, a saved turn or an event has around a value of its own.
const ENVELOPE_LEVELS: usize = 16;

/// What a container costs besides its place in another one, in bytes: its first few slots.
const CONTAINER_BYTES: usize = 4 * size_of::<Value>();

/// A JSON value nests deeper than [`MAX_JSON_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("JSON may be nested at most {MAX_JSON_DEPTH} levels deep")]
pub(crate) struct NestedTooDeep;

/// Where a value is: what is around it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonPlace {
    /// The text is the value: arguments, a schema, a template.
    Bare,
    /// The value is in a content block.
    Block,
    /// The value is the schema of a tool, in a list of tools.
    Tools,
    /// The value is in objects of the API or of this program: a conversation, a request.
    Envelope,
}

impl JsonPlace {
    /// The levels around the value.
    const fn levels(self) -> usize {
        match self {
            Self::Bare => 0,
            Self::Block => 1,
            Self::Tools => 2,
            Self::Envelope => ENVELOPE_LEVELS,
        }
    }
}

/// Checks that JSON text does not nest too deep.
pub(crate) fn check_depth(text: &[u8], place: JsonPlace) -> Result<(), NestedTooDeep> {
    let most = MAX_JSON_DEPTH + place.levels();
    // Each level has two brackets.
    if text.len() > 2 * most && JsonShape::of_text(text).depth > most {
        return Err(NestedTooDeep);
    }
    Ok(())
}

/// What can be said of JSON text without parsing it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JsonShape {
    /// The levels of arrays and objects.
    pub(crate) depth: usize,
    /// About how many bytes the tree takes in memory, and never far fewer.
    pub(crate) tree_bytes: usize,
}

impl JsonShape {
    /// Measures JSON text; of anything else the result means nothing, but it is found as fast.
    pub(crate) fn of_text(bytes: &[u8]) -> Self {
        let mut shape = Self::default();
        let (mut level, mut at) = (0_usize, 0);
        let mut is_in_scalar = false;
        while at < bytes.len() {
            let was_in_scalar = std::mem::take(&mut is_in_scalar);
            match bytes[at] {
                b'"' => {
                    let end = end_of_string(bytes, at);
                    shape.tree_bytes += size_of::<Value>() + (end - at);
                    at = end;
                    continue;
                }
                b'[' | b'{' => {
                    level += 1;
                    shape.depth = shape.depth.max(level);
                    shape.tree_bytes += size_of::<Value>() + CONTAINER_BYTES;
                }
                b']' | b'}' => level = level.saturating_sub(1),
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => {
                    is_in_scalar = true;
                    if !was_in_scalar {
                        shape.tree_bytes += size_of::<Value>();
                    }
                }
            }
            at += 1;
        }
        shape
    }
}

/// Returns the place behind the string that begins at `start`.
pub(crate) fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// Returns about how many bytes a tree takes in memory.
pub(crate) fn tree_bytes(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(tree_bytes).sum::<usize>(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                size_of::<(String, Value)>() + key.len() + tree_bytes(value)
            };
            own + fields.iter().map(field).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => own,
    }
}

/// A number of bytes as a limit is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mebibytes(pub(crate) usize);

impl Mebibytes {
    /// Returns the bytes.
    pub(crate) const fn bytes(self) -> usize {
        self.0 * 1024 * 1024
    }
}

impl fmt::Display for Mebibytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} MiB", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_arrays_and_objects_and_not_what_strings_hold() {
        for (text, depth) in [
            ("7", 0),
            ("[]", 1),
            (r#"{"a":[1,{"b":[]}],"c":[]}"#, 4),
            (r#"["[[[[\"[[",{"[{":1}]"#, 2),
        ] {
            assert_eq!(JsonShape::of_text(text.as_bytes()).depth, depth, "{text}");
        }
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(
            check_depth(nested(MAX_JSON_DEPTH).as_bytes(), JsonPlace::Bare),
            Ok(())
        );
        let refused = check_depth(nested(MAX_JSON_DEPTH + 1).as_bytes(), JsonPlace::Bare);
        assert_eq!(
            refused.expect_err("one too many").to_string(),
            "JSON may be nested at most 100 levels deep"
        );
    }

    #[test]
    fn whatever_is_accepted_can_be_parsed_inside_of_an_envelope() {
        let depth = MAX_JSON_DEPTH + ENVELOPE_LEVELS;
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check_depth(text.as_bytes(), JsonPlace::Envelope), Ok(()));
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn a_tree_is_never_measured_to_be_far_smaller_than_it_is() {
        for text in [
            r#"[1,2,3,"four",null,true,[],{}]"#,
            r#"{"a":{"b":{"c":[[[[]]]]}}}"#,
            r#"[ 1.5 , -2e9,"\"[[" ]"#,
        ] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            let shape = JsonShape::of_text(text.as_bytes());
            assert!(shape.tree_bytes >= tree_bytes(&value), "{text}");
        }
    }
}
