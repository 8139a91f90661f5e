//! What a request is found by in a record: pure.
//!
//! Two requests are the same if they ask the same of the model. Host, headers, the order of the
//! fields, cache marks and `metadata` make no difference, nor does a string that could be a text
//! block; the region does, where the path names one. Nor does what is not in a record: the bytes of
//! files, of which there are hashes, and keys, in whose place there is a mask.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::attached_files::hash_files;
use crate::text::scrub_key_like;

/// What ends the path of a request for an answer.
const MESSAGES: &str = "/v1/messages";

/// What ends the path of a request for the list of models.
const MODELS: &str = "/v1/models";

/// What comes before the region in a path.
const REGION_PARENT: &str = "/anthropic/";

/// What a request is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RequestKey {
    /// The request as JSON in one form.
    text: String,
    /// The region that its path names.
    region: Option<String>,
}

impl RequestKey {
    /// Creates the key of a request; none if it is neither for an answer nor for the list of
    /// models. `url` may be only the path and what follows it; in `body`, the keys that are known
    /// have their mask.
    pub(crate) fn from_request(method: &str, url: &str, body: Option<&[u8]>) -> Option<Self> {
        let (path, query) = path_and_query(url);
        let (request, base) = match method {
            "POST" => {
                let body = read_body(body.unwrap_or_default());
                (
                    json!({"POST": canonical_body(body)}),
                    path.strip_suffix(MESSAGES)?,
                )
            }
            "GET" => (json!({"GET": page_of(query)}), path.strip_suffix(MODELS)?),
            _ => return None,
        };
        let region = base
            .rsplit_once(REGION_PARENT)
            .map(|(_, region)| region)
            .filter(|region| !region.is_empty() && !region.contains('/'));
        Some(Self {
            text: request.to_string(),
            region: region.map(str::to_owned),
        })
    }

    /// Returns the request in one form: the same text for the same request.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether both are for one region, as far as their paths say.
    pub(super) fn is_for_region_of(&self, other: &Self) -> bool {
        self.region.is_none() || other.region.is_none() || self.region == other.region
    }

    /// Returns the request and its region for a comparison that people read.
    pub(super) fn to_value(&self) -> Value {
        let request: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let mut fields = Map::new();
        if let Some(region) = &self.region {
            fields.insert("region".to_owned(), region.as_str().into());
        }
        match request {
            Value::Object(request) => {
                for (method, content) in request {
                    match content {
                        Value::Object(content) if method == "POST" => fields.extend(content),
                        content => {
                            fields.insert(method, content);
                        }
                    }
                }
            }
            other => {
                fields.insert("request".to_owned(), other);
            }
        }
        Value::Object(fields)
    }
}

fn path_and_query(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let from_path = after_scheme
        .find('/')
        .map_or("", |start| &after_scheme[start..]);
    from_path.split_once('?').unwrap_or((from_path, ""))
}

/// Returns the model after which a page of the list begins.
fn page_of(query: &str) -> Value {
    let after = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("after_id="));
    after.map_or(json!("models"), |after| json!({"models after": after}))
}

fn read_body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes).into_owned()))
}

fn canonical_body(mut body: Value) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.shift_remove("metadata");
        fields.shift_remove("cache_control");
        if fields.get("stream") == Some(&Value::Bool(false)) {
            fields.shift_remove("stream");
        }
        if let Some(system) = fields.get_mut("system") {
            make_blocks(system);
        }
        for message in items_of(fields.get_mut("messages")) {
            if let Some(content) = message.get_mut("content") {
                make_blocks(content);
            }
        }
        for tool in items_of(fields.get_mut("tools")) {
            drop_cache_mark(tool);
        }
    }
    hash_files(&mut body);
    in_one_form(body)
}

fn items_of(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}

fn drop_cache_mark(block: &mut Value) {
    if let Value::Object(fields) = block {
        fields.shift_remove("cache_control");
    }
}

/// Brings content into one form: blocks without cache marks.
fn make_blocks(content: &mut Value) {
    if content.is_string() {
        let text = content.take();
        *content = json!([{"type": "text", "text": text}]);
        return;
    }
    for block in items_of(Some(content)) {
        drop_cache_mark(block);
        if let Some(content) = block
            .get_mut("source")
            .and_then(|source| source.get_mut("content"))
        {
            make_blocks(content);
        }
        // What a tool returned. The arguments of a call, its `input`, are the model's own.
        if let Some(content) = block.get_mut("content") {
            make_blocks(content);
        }
    }
}

/// Returns the value with the fields of all objects in the order of their names, and with a mask
/// for each word that looks like a key: while a record is replayed, no key is known.
fn in_one_form(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key, in_one_form(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.into_iter().map(in_one_form).collect(),
        Value::String(text) => match scrub_key_like(&text) {
            Cow::Owned(masked) => Value::String(masked),
            Cow::Borrowed(_) => Value::String(text),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://api.example/anthropic/eu/v1/messages";

    fn key(body: &Value) -> RequestKey {
        RequestKey::from_request("POST", URL, Some(body.to_string().as_bytes())).expect("a key")
    }

    #[test]
    fn cache_marks_metadata_and_order_make_no_difference() {
        let plain = key(&json!({
            "model": "m",
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "4"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                ]},
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        }));
        let hash = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
        let marked = key(&json!({
            "stream": false,
            "metadata": {"user_id": "u"},
            "tools": [{"input_schema": {"type": "object"}, "name": "f", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"content": [{"text": "Hi", "type": "text", "cache_control": {"type": "ephemeral"}}], "role": "user"},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": [
                        {"type": "text", "text": "4", "cache_control": {"type": "ephemeral"}},
                    ]},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": {"sha256": hash}}},
                ]},
            ],
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "cache_control": {"type": "ephemeral"},
            "model": "m",
        }));
        assert_eq!(plain, marked);
    }

    #[test]
    fn what_the_model_reads_makes_a_difference() {
        let body = |input: Value| {
            json!({"model": "m", "messages": [{"role": "assistant", "content": [
                {"type": "tool_use", "id": "t", "name": "f", "input": input},
            ]}]})
        };
        // A field of the user's own that has the name of a mark.
        let one = key(&body(json!({"cache_control": 1, "content": "x"})));
        let other = key(&body(json!({"content": "x"})));
        assert_ne!(one, other);
        let base = json!({"model": "m", "messages": []});
        for (field, value) in [
            ("stream", json!(true)),
            ("max_tokens", json!(1)),
            ("model", json!("n")),
        ] {
            let mut changed = base.clone();
            changed[field] = value;
            assert_ne!(key(&base), key(&changed), "{field}");
        }
    }

    #[test]
    fn files_and_keys_count_as_the_record_has_them() {
        let body = |data: Value, key: &str| {
            let source = json!({"type": "base64", "media_type": "image/png", "data": data});
            json!({"messages": [
                {"role": "user", "content": format!("My key is {key}.")},
                {"role": "assistant", "content": [{"type": "tool_use", "input": {"source": source}}]},
            ]})
        };
        let hash = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
        let sent = body(json!("aGk="), "sk-ld-0123456789abcdef");
        let recorded = body(json!({ "sha256": hash }), "[API key]");
        assert_eq!(key(&sent), key(&recorded));
        assert_ne!(key(&sent), key(&body(json!("aGk="), "a secret")));
    }

    #[test]
    fn the_region_counts_where_both_paths_name_one() {
        let key = |url: &str| RequestKey::from_request("POST", url, Some(b"{}")).expect("a key");
        let eu = key(URL);
        let us = key("http://localhost:1/api/public/anthropic/us/v1/messages?beta=true");
        let none = key("/v1/messages");
        assert!(eu.text() == us.text() && eu.text() == none.text());
        assert!(!eu.is_for_region_of(&us));
        assert!(eu.is_for_region_of(&none) && none.is_for_region_of(&us));
    }

    #[test]
    fn only_the_two_routes_are_requests_and_pages_of_the_list_differ() {
        let list = |url: &str| RequestKey::from_request("GET", url, None);
        let first = list("https://h/anthropic/eu/v1/models?limit=1000");
        assert_eq!(first, list("/anthropic/eu/v1/models"));
        assert_ne!(first, list("/anthropic/eu/v1/models?limit=1000&after_id=x"));
        assert_eq!(list("/anthropic/eu/v1/messages"), None);
        assert_eq!(RequestKey::from_request("POST", "/v1/complete", None), None);
        assert_eq!(RequestKey::from_request("DELETE", "/v1/models", None), None);
    }
}
