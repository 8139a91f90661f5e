//! Titles of conversations, and their summaries for lists.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::conversation::SavedConversation;
use super::paths::{changed_at, conversation_file};
use super::store::{SessionStore, TitleMatch};
use super::{Error, parallel};
use crate::protocol::ContentBlock;

/// Maximum length of a title, in characters.
const TITLE_LETTERS: usize = 60;

/// How many bytes of conversations are read for their titles when a command line is completed.
const MAX_TITLE_BYTES: u64 = 1_000_000;

/// The summary of a conversation for a list.
#[derive(Debug)]
pub(crate) struct ConversationSummary {
    /// The id.
    pub(crate) id: String,
    /// The name, if it has one.
    pub(crate) name: Option<String>,
    /// The name, or the beginning of the first prompt.
    pub(crate) title: String,
    /// The model last requested; in a conversation of an earlier version, the one that answered
    /// last.
    pub(crate) model: Option<String>,
    /// The base URL of the endpoint that it belongs to; `None` for the demo, or in a conversation
    /// of an earlier version.
    pub(crate) endpoint: Option<String>,
    /// The region that it belongs to.
    pub(crate) region: Option<String>,
    /// The number of user turns in the current branch, including those that a summary stands for.
    pub(crate) turns: usize,
    /// When it was last written to.
    pub(crate) changed: SystemTime,
    /// The size of its file and its attachments.
    pub(crate) bytes: u64,
}

/// A conversation for the completion of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecentConversation {
    /// The id.
    pub(crate) id: String,
    /// The name, if it has one.
    pub(crate) name: Option<String>,
    /// The beginning of the first prompt; `None` if it was not read.
    pub(crate) title: Option<String>,
    /// When it was last written to.
    pub(crate) changed: SystemTime,
}

impl SessionStore {
    /// Returns up to `most` conversations whose name or id begins with `prefix`, most recently used
    /// first. Titles are read until [`MAX_TITLE_BYTES`] of files are read, so that it takes no time
    /// to notice.
    pub(crate) fn recent_conversations(
        &self,
        prefix: &str,
        most: usize,
    ) -> Vec<RecentConversation> {
        let mut names: HashMap<String, String> = self.conversation_names().collect();
        let ids = self.conversation_ids().unwrap_or_default().into_iter();
        let recent = ids.filter_map(|id| {
            let name = names.remove(&id);
            let is_meant = name.as_ref().unwrap_or(&id).starts_with(prefix);
            let metadata = conversation_file(self.directory(), &id).metadata();
            let metadata = metadata.ok().filter(|_| is_meant)?;
            let changed = metadata.modified().ok()?;
            let found = RecentConversation {
                id,
                name,
                title: None,
                changed,
            };
            Some((found, metadata.len()))
        });
        let mut recent: Vec<_> = recent.collect();
        recent.sort_by(|(one, _), (other, _)| {
            other
                .changed
                .cmp(&one.changed)
                .then_with(|| one.id.cmp(&other.id))
        });
        recent.truncate(most);
        let mut room = MAX_TITLE_BYTES;
        let titled = |(mut conversation, bytes): (RecentConversation, u64)| {
            if conversation.name.is_none() && bytes <= room {
                room -= bytes;
                let read = SavedConversation::read_unlocked(self.directory(), &conversation.id);
                conversation.title = read.ok().map(|read| read.title());
            }
            conversation
        };
        recent.into_iter().map(titled).collect()
    }

    /// Lists all conversations, most recently used first. Unreadable ones are omitted.
    pub(crate) fn list_summaries(&self) -> Result<Vec<ConversationSummary>, Error> {
        let ids = self.conversation_ids()?;
        let mut list =
            parallel::parallel_filter_map(&ids, |id| self.is_large(id), |id| self.read_summary(id));
        list.sort_by(|one, other| {
            other
                .changed
                .cmp(&one.changed)
                .then_with(|| one.id.cmp(&other.id))
        });
        Ok(list)
    }

    /// Returns the ids of the conversations that a title matches, in order. A title that ends with
    /// `…`, as lists shorten it, is a beginning in any case. Whatever is unreadable is omitted.
    pub(super) fn ids_by_title(&self, given: &str, wanted: TitleMatch) -> Vec<String> {
        let beginning = given.trim_end_matches('…');
        if beginning.trim().is_empty() {
            return Vec::new();
        }
        let takes_beginning = wanted == TitleMatch::Beginning || beginning.len() < given.len();
        let names: HashMap<String, String> = self.conversation_names().collect();
        let title = |id: &String| {
            if let Some(name) = names.get(id) {
                return takes_beginning.then(|| (id.clone(), name.clone()));
            }
            let read = SavedConversation::read_unlocked(self.directory(), id).ok()?;
            // One that has a name but not yet the right to it is being created by another process.
            read.name().is_none().then(|| (id.clone(), read.title()))
        };
        let all = self.conversation_ids().unwrap_or_default();
        let titles = parallel::parallel_filter_map(&all, |id| self.is_large(id), title);
        let whole = shorten_title(given);
        let ids = |is_meant: &dyn Fn(&str) -> bool| -> Vec<String> {
            let found = titles.iter().filter(|(_, title)| is_meant(title));
            let mut ids: Vec<String> = found.map(|(id, _)| id.clone()).collect();
            ids.sort();
            ids
        };
        let exact = ids(&|title| title == given || Some(title) == whole.as_deref());
        if !exact.is_empty() || !takes_beginning {
            return exact;
        }
        ids(&|title| title.starts_with(beginning))
    }

    /// Returns the ids of conversations last used longer than `age` ago.
    pub(crate) fn older_than(&self, age: Duration, now: SystemTime) -> Result<Vec<String>, Error> {
        let mut ids = self.conversation_ids()?;
        let is_old = |id: &String| {
            let age_now = changed_at(&conversation_file(self.directory(), id))
                .and_then(|changed| now.duration_since(changed).ok());
            age_now.is_some_and(|age_now| age_now > age)
        };
        ids.retain(is_old);
        ids.sort();
        Ok(ids)
    }

    fn read_summary(&self, id: &str) -> Option<ConversationSummary> {
        let path = conversation_file(self.directory(), id);
        let metadata = path.metadata().ok()?;
        let conversation = SavedConversation::read_unlocked(self.directory(), id).ok()?;
        let files = conversation
            .blob_store()
            .directory()
            .read_dir()
            .into_iter()
            .flatten()
            .flatten();
        let files: u64 = files
            .filter_map(|file| file.metadata().ok())
            .map(|metadata| metadata.len())
            .sum();
        let target = conversation.last_target();
        Some(ConversationSummary {
            name: conversation.name().map(str::to_owned),
            title: conversation.title(),
            model: target.map(|target| target.model.clone()).or_else(|| {
                let model = conversation.last_answering_model();
                model.map(str::to_owned)
            }),
            endpoint: target.and_then(|target| target.endpoint.clone()),
            region: target.map(|target| target.region.clone()),
            turns: conversation.user_turns().count(),
            changed: metadata.modified().ok()?,
            bytes: metadata.len() + files,
            id: id.to_owned(),
        })
    }
}

impl SavedConversation {
    /// Returns the name, or the beginning of the first prompt.
    pub(crate) fn title(&self) -> String {
        if let Some(name) = self.name() {
            return name.to_owned();
        }
        let first = self.user_turns().next().or(self.turns().first());
        let text = first
            .map(|turn| turn.content.blocks(self.path()))
            .unwrap_or_default()
            .into_iter()
            .rev()
            .find_map(text_of);
        shorten_title(&text.unwrap_or_default()).unwrap_or_else(|| self.id().to_owned())
    }
}

fn text_of(block: ContentBlock) -> Option<String> {
    match block {
        ContentBlock::Text(text) => Some(text.text.into_string()),
        _ => None,
    }
}

/// Returns the first line that contains anything, shortened to the maximum length.
fn shorten_title(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut letters = line.chars();
    let mut title: String = letters.by_ref().take(TITLE_LETTERS).collect();
    if letters.next().is_some() {
        title.truncate(title.trim_end().len());
        title.push('…');
    }
    Some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_nonblank_line() {
        assert_eq!(
            shorten_title("\n  Hello there\nmore"),
            Some("Hello there".to_owned())
        );
        assert_eq!(shorten_title(&"é".repeat(61)), Some("é".repeat(60) + "…"));
        assert_eq!(shorten_title(" \n"), None);
    }
}
