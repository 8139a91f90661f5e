//! Short hashes of the parts of a request, to compare two requests without storing either.

use std::io;

use serde_json::Value;

/// FNV-1a: short, and stable across builds, since a saved conversation must still match after an
/// update.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Creates a fingerprint of nothing.
    pub(super) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Returns the fingerprint of a text.
    pub(super) fn of_text(text: &str) -> u64 {
        let mut print = Self::new();
        print.add_bytes(text.as_bytes());
        print.finish()
    }

    /// Returns the fingerprint of a content block or a tool, ignoring cache breakpoints; a string
    /// counts as the text block that it is shorthand for.
    pub(super) fn of_block(block: &Value) -> u64 {
        let mut print = Self::new();
        print.add_block(block);
        print.finish()
    }

    /// Adds a number, such as another fingerprint.
    pub(super) fn add_number(&mut self, number: u64) {
        self.add_bytes(&number.to_le_bytes());
    }

    /// Returns the hash of everything added.
    pub(super) fn finish(self) -> u64 {
        self.0
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn add_block(&mut self, block: &Value) {
        let Some(fields) = block.as_object() else {
            self.add_bytes(b"type\"text\"text");
            self.add_json(block);
            return;
        };
        let kept = fields
            .iter()
            .filter(|(name, value)| *name != "cache_control" && !value.is_null());
        for (name, value) in kept {
            self.add_bytes(name.as_bytes());
            match value {
                Value::Array(inner) if name == "content" => {
                    for block in inner {
                        self.add_block(block);
                    }
                }
                Value::String(_) if name == "content" => self.add_block(value),
                _ => self.add_json(value),
            }
        }
    }

    fn add_json(&mut self, value: &Value) {
        // Neither writing to a hash nor serializing plain JSON can fail.
        let _ = serde_json::to_writer(self, value);
    }
}

impl io::Write for &mut Fingerprint {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cache_marks_and_the_short_form_of_a_text_make_no_difference() {
        let mark = json!({ "type": "ephemeral" });
        let text = Fingerprint::of_block(&json!("Hello"));
        for same in [
            json!({ "type": "text", "text": "Hello" }),
            json!({ "type": "text", "text": "Hello", "cache_control": mark }),
            json!({ "type": "text", "text": "Hello", "citations": null }),
        ] {
            assert_eq!(Fingerprint::of_block(&same), text, "{same}");
        }
        assert_ne!(Fingerprint::of_block(&json!("Hello.")), text);
        let result = |content: Value| {
            Fingerprint::of_block(&json!({ "type": "tool_result", "content": content }))
        };
        assert_eq!(
            result(json!("done")),
            result(json!([{ "type": "text", "text": "done", "cache_control": mark }]))
        );
    }

    #[test]
    fn a_property_called_cache_control_is_not_a_mark() {
        let tool = |inner: Value| Fingerprint::of_block(&json!({ "input_schema": inner }));
        assert_ne!(tool(json!({ "cache_control": 1 })), tool(json!({})));
    }
}
