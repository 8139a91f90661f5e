//! Changes of JSON that keep the digits of its numbers: values are moved, quoted and left out, but
//! nothing is computed.
//!
//! The change sees a whole number in place of each number that a [`Value`] cannot hold as it was
//! written, and each is replaced by the original digits afterwards, wherever it went.

use serde_json::Value;

use super::exact_json::{ExactJson, has_other_digits, numbers};

/// The number of digits at the end of a whole number that say which one it stands for.
const INDEX_DIGITS: usize = 6;

/// What the whole numbers may begin with: with the index behind it, each still fits into 64 bits.
const PREFIXES: std::ops::Range<u64> = 8_000_000_000_000..9_000_000_000_000;

impl ExactJson {
    /// Returns what a function makes of the value.
    ///
    /// # Errors
    ///
    /// The error of the function.
    pub(crate) fn map<E>(
        &self,
        change: impl FnOnce(&Value) -> Result<Value, E>,
    ) -> Result<Self, E> {
        if self.is_plain() {
            return change(self).map(Self::from);
        }
        let text = self.to_string();
        let marked = MarkedNumbers::new(&text);
        // A document with so many numbers has lost nothing that matters.
        let Ok(value) = serde_json::from_str(&marked.text) else {
            return change(self).map(Self::from);
        };
        let changed = marked.restore(&change(&value)?.to_string());
        Ok(Self::parse_written(&changed).expect("digits were replaced by digits"))
    }
}

/// JSON text with whole numbers in place of some others.
struct MarkedNumbers<'t> {
    text: String,
    /// The beginning of all of these whole numbers, which occurs nowhere else.
    prefix: String,
    /// The original numbers, in order.
    originals: Vec<&'t str>,
}

impl<'t> MarkedNumbers<'t> {
    fn new(text: &'t str) -> Self {
        let prefix = PREFIXES
            .map(|prefix| prefix.to_string())
            .find(|prefix| !text.contains(prefix))
            .expect("a text of that length does not fit into memory");
        let mut marked = Self {
            text: String::with_capacity(text.len()),
            prefix,
            originals: Vec::new(),
        };
        let mut end = 0;
        for place in numbers(text) {
            let number = &text[place.clone()];
            if has_other_digits(number) {
                let index = marked.index_of(number);
                marked.text.push_str(&text[end..place.start]);
                marked.text.push_str(&marked.prefix);
                marked.text.push_str(&format!("{index:0INDEX_DIGITS$}"));
                end = place.end;
            }
        }
        marked.text.push_str(&text[end..]);
        marked
    }

    /// Returns the index of a number; the same one for the same digits.
    fn index_of(&mut self, number: &'t str) -> usize {
        let known = self.originals.iter().position(|known| *known == number);
        known.unwrap_or_else(|| {
            self.originals.push(number);
            self.originals.len() - 1
        })
    }

    /// Puts the original numbers back, in strings too.
    fn restore(&self, text: &str) -> String {
        let mut parts = text.split(&self.prefix);
        let mut restored = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (index, rest) = part.split_at_checked(INDEX_DIGITS).unwrap_or((part, ""));
            let original = index
                .parse()
                .ok()
                .and_then(|index: usize| self.originals.get(index));
            restored.push_str(original.copied().unwrap_or_default());
            restored.push_str(rest);
        }
        restored
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_moved_and_quoted_keeps_its_digits() {
        let text = r#"{"a":1.10,"b":[1e400,2,"1.10"],"c":123456789012345678901,"d":1.10}"#;
        let exact = ExactJson::parse(text).expect("JSON");
        let moved = exact.map(|value| {
            let quoted = format!("a: {}", value["a"]);
            Ok::<_, ()>(json!({"c": value["c"], "same": value["a"] == value["d"], "b": value["b"], "q": quoted}))
        });
        let expected =
            r#"{"c":123456789012345678901,"same":true,"b":[1e400,2,"1.10"],"q":"a: 1.10"}"#;
        assert_eq!(moved.expect("no error").to_string(), expected);
        assert_eq!(exact.map(|_| Err::<Value, _>("no")), Err("no"));
    }

    #[test]
    fn digits_that_look_like_a_mark_are_left_alone() {
        let text = r#"{"a":1.10,"b":8000000000000000000,"c":"80000000000010"}"#;
        let exact = ExactJson::parse(text).expect("JSON");
        let same = exact.map(|value| Ok::<_, ()>(value.clone()));
        assert_eq!(same.expect("no error").to_string(), text);
    }
}
