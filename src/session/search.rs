//! Case-insensitive search for words in all saved turns.
//!
//! The bytes of a file are searched first: most files do not have all of the words, and need not be
//! parsed.

use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use super::conversation::SavedConversation;
use super::file::each_line;
use super::paths::{changed_at, conversation_file};
use super::store::SessionStore;
use super::{Error, parallel};
use crate::fs::open_regular;
use crate::protocol::{ContentBlock, Role};

/// Number of characters shown around a match.
const AROUND: usize = 30;

/// A conversation that contains the words.
#[derive(Debug)]
pub(crate) struct SearchHit {
    /// The id.
    pub(crate) id: String,
    /// Its name, or the beginning of its first prompt.
    pub(crate) title: String,
    /// The role of the first matching turn.
    pub(crate) role: Role,
    /// An excerpt of that turn, on one line.
    pub(crate) excerpt: String,
    /// The number of matching turns.
    pub(crate) turns: usize,
    /// When the conversation was last written to.
    pub(crate) changed: SystemTime,
}

impl SessionStore {
    /// Returns the conversations that have all the words in one turn, most recently used first.
    /// Turns outside the current branch are searched, too, and so are reasoning and tool calls.
    pub(crate) fn search_words(&self, words: &[String]) -> Result<Vec<SearchHit>, Error> {
        let words: Vec<SearchWord> = words.iter().map(|word| SearchWord::new(word)).collect();
        let ids = self.conversation_ids()?;
        let mut hits = parallel::parallel_filter_map(
            &ids,
            |id| self.is_large(id),
            |id| self.search_one(id, &words),
        );
        hits.sort_by(|one, other| {
            other
                .changed
                .cmp(&one.changed)
                .then_with(|| one.id.cmp(&other.id))
        });
        Ok(hits)
    }

    fn search_one(&self, id: &str, words: &[SearchWord]) -> Option<SearchHit> {
        let path = conversation_file(self.directory(), id);
        if !may_be_in_file(&path, words)? {
            return None;
        }
        let conversation = SavedConversation::read_unlocked(self.directory(), id).ok()?;
        let mut hit: Option<SearchHit> = None;
        let turns = conversation.turns().iter();
        for turn in turns.filter(|turn| !turn.is_copy()) {
            let text = searchable_text(&turn.content.blocks(&path));
            let lower = text.to_lowercase();
            if !words.iter().all(|word| lower.contains(&word.lower)) {
                continue;
            }
            if let Some(hit) = &mut hit {
                hit.turns += 1;
                continue;
            }
            hit = Some(SearchHit {
                id: id.to_owned(),
                title: conversation.title(),
                role: turn.role,
                excerpt: excerpt_around(&text, &lower, words.first()?),
                turns: 1,
                changed: changed_at(&path)?,
            });
        }
        hit
    }
}

/// A word to search for.
struct SearchWord {
    lower: String,
    /// A part of it that appears unescaped in the file, apart from the case of ASCII letters.
    part: Vec<u8>,
}

impl SearchWord {
    fn new(word: &str) -> Self {
        let lower = word.to_lowercase();
        // JSON escapes these, and letters outside ASCII may have another case in the file.
        let is_plain = |letter: char| {
            !letter.is_control()
                && !matches!(letter, '"' | '\\')
                && (letter.is_ascii() || !has_case(letter))
        };
        let runs = lower.split(|letter| !is_plain(letter));
        let part = runs
            .max_by_key(|run| run.len())
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        Self { lower, part }
    }

    /// Returns whether the bytes of a file may contain the word: a quick check without false
    /// negatives.
    fn may_be_in(&self, bytes: &[u8]) -> bool {
        let Some(first) = self.part.first() else {
            return true;
        };
        let fits = |place: usize| {
            let there = bytes.get(place..place + self.part.len());
            there.is_some_and(|there| there.eq_ignore_ascii_case(&self.part))
        };
        memchr::memchr2_iter(*first, first.to_ascii_uppercase(), bytes).any(fits)
    }
}

fn has_case(letter: char) -> bool {
    letter.is_lowercase()
        || letter.is_uppercase()
        || letter.to_lowercase().ne(std::iter::once(letter))
}

/// Returns whether each of the words may be in some line of a file; `None` if that cannot be read.
fn may_be_in_file(path: &Path, words: &[SearchWord]) -> Option<bool> {
    let file = open_regular(path).ok()?;
    let mut left: Vec<&SearchWord> = words.iter().collect();
    let read = each_line(&file, path, 0, |line, _| {
        left.retain(|word| !word.may_be_in(line));
        Ok(!left.is_empty())
    });
    read.ok().map(|()| left.is_empty())
}

/// Returns all text of a turn.
fn searchable_text(content: &[ContentBlock]) -> String {
    let mut text = String::new();
    let mut add = |part: &str| {
        text.push_str(part);
        text.push('\n');
    };
    for block in content {
        match block {
            ContentBlock::Text(said) => add(&said.text),
            ContentBlock::Thinking(thinking) => add(&thinking.thinking),
            ContentBlock::ToolUse(call) => {
                add(&call.name);
                collect_strings(&call.input, &mut add);
                call.partial_json.iter().for_each(|json| add(json));
            }
            ContentBlock::ToolResult(result) => result
                .content
                .iter()
                .for_each(|value| collect_strings(value, &mut add)),
            ContentBlock::Unknown(block) => collect_strings(&block.to_value(), &mut add),
            ContentBlock::Image(_)
            | ContentBlock::Document(_)
            | ContentBlock::RedactedThinking(_) => {}
        }
    }
    text
}

fn collect_strings(value: &Value, add: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => add(text),
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, add)),
        Value::Object(fields) => fields
            .values()
            .for_each(|field| collect_strings(field, add)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the text around a word, on one line. `lower` is the text in lower case.
fn excerpt_around(text: &str, lower: &str, word: &SearchWord) -> String {
    // Letters whose lower case is several characters shift the position slightly.
    let found = lower.find(&word.lower);
    let place = found.map_or(0, |place| lower[..place].chars().count());
    let start = place.saturating_sub(AROUND);
    let length = place - start + word.lower.chars().count() + AROUND;
    let mut letters = text.chars().skip(start);
    let shown = letters.by_ref().take(length);
    let shown: String = shown
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        .collect();
    let before = if start > 0 { "…" } else { "" };
    let behind = if letters.next().is_some() { "…" } else { "" };
    format!("{before}{}{behind}", shown.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_search_has_no_false_negatives() {
        let written = serde_json::to_vec("Grüße, \"HELLO\"\n漢字 ÄRGER").expect("JSON");
        for word in [
            "hello",
            "\"hello\"",
            "grüße",
            "\"hello\"\n漢",
            "漢字",
            "ärger",
            "Ärger",
            "",
        ] {
            assert!(SearchWord::new(word).may_be_in(&written), "{word}");
        }
        assert!(!SearchWord::new("hallo").may_be_in(&written));
        assert!(!SearchWord::new("漢子").may_be_in(&written));
    }

    #[test]
    fn an_excerpt_is_one_line_with_the_word_in_it() {
        let text = format!("{}the\nword{}", "a ".repeat(50), " b".repeat(50));
        let excerpt = excerpt_around(&text, &text, &SearchWord::new("THE"));
        assert!(
            excerpt.contains("the word") && excerpt.starts_with('…') && excerpt.ends_with('…'),
            "{excerpt}"
        );
    }
}
