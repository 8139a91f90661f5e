//! Tab completion of slash commands and their arguments.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::path;
use super::slash::{COMMANDS, Takes, find};
use crate::client::KNOWN_REGIONS;
use crate::session::SessionStore;
use crate::ui::CompletionFn;

/// How long to wait for a list of models that is not known yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Completion candidates that are looked up at run time.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    models: Arc<(Mutex<Models>, Condvar)>,
    /// Notified when Tab needs models and none are known.
    wanted: Arc<Notify>,
    store: Option<SessionStore>,
}

#[derive(Debug, Default)]
struct Models {
    ids: Vec<String>,
    /// Whether a completion is waiting for the list.
    is_awaited: bool,
}

impl Words {
    /// Creates the candidates: the conversations of a store, and the models that are set later.
    pub(super) fn new(store: Option<SessionStore>) -> Self {
        Self {
            store,
            ..Self::default()
        }
    }

    /// Sets the models of the region; an empty list means that they are not known.
    pub(super) fn set_models(&self, ids: Vec<String>) {
        let (models, changed) = &*self.models;
        *models.lock().unwrap_or_else(PoisonError::into_inner) = Models {
            ids,
            is_awaited: false,
        };
        changed.notify_all();
    }

    /// Waits until a completion needs models that are not known. It waits for [`Self::set_models`],
    /// but only for a limited time.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Returns the models, requesting the list if it is not known yet. This blocks the editor's
    /// thread.
    fn models(&self) -> Vec<String> {
        let (models, changed) = &*self.models;
        let mut models = models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.ids.is_empty() {
            models.is_awaited = true;
            self.wanted.notify_one();
            let waited = changed.wait_timeout_while(models, PATIENCE, |models| models.is_awaited);
            models = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        models.ids.clone()
    }

    /// Returns a completion function that uses these candidates as they are at the time of each
    /// call.
    pub(super) fn completer(&self) -> CompletionFn {
        let words = self.clone();
        Box::new(move |line, cursor| {
            complete(
                line,
                cursor,
                &Known {
                    models: &|| words.models(),
                    conversations: &|| words.conversations(),
                },
            )
        })
    }

    /// Returns the names of the conversations, or the ids of those without a name.
    fn conversations(&self) -> Vec<String> {
        let list = self
            .store
            .as_ref()
            .and_then(|store| store.list_summaries().ok())
            .unwrap_or_default();
        list.into_iter()
            .map(|summary| summary.name.unwrap_or(summary.id))
            .collect()
    }
}

/// The candidates, looked up only when they are needed.
struct Known<'a> {
    models: &'a dyn Fn() -> Vec<String>,
    conversations: &'a dyn Fn() -> Vec<String>,
}

/// Returns where the word before the cursor begins, and its completions.
fn complete(line: &str, cursor: usize, known: &Known<'_>) -> (usize, Vec<String>) {
    let typed = line.get(..cursor).unwrap_or_default();
    if !typed.starts_with('/') || typed.contains('\n') {
        return (cursor, Vec::new());
    }
    let Some((command, argument)) = typed.split_once(' ') else {
        return (0, beginning(typed, COMMANDS.iter().map(|slash| slash.name)));
    };
    let argument = argument.trim_start();
    let start = cursor - argument.len();
    let words = match find(command).map_or(Takes::Nothing, |slash| slash.takes) {
        Takes::Nothing => Vec::new(),
        Takes::Text => {
            return argument
                .strip_prefix('@')
                .map_or((start, Vec::new()), |path| (start + 1, paths(path)));
        }
        Takes::Command => beginning(argument, COMMANDS.iter().map(|slash| slash.name)),
        Takes::Model => beginning(argument, (known.models)().iter().map(String::as_str)),
        Takes::Region => beginning(argument, KNOWN_REGIONS),
        Takes::Conversation => {
            beginning(argument, (known.conversations)().iter().map(String::as_str))
        }
        Takes::Path => paths(argument),
        Takes::Word(word) => beginning(argument, [word]),
        Takes::OneOf(words) => beginning(argument, words.iter().copied()),
    };
    (start, words)
}

fn beginning<'a>(with: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words
        .into_iter()
        .filter(|word| word.starts_with(with))
        .map(str::to_owned)
        .collect()
}

/// Returns the completions of a path. Hidden files are included only if the typed name begins with
/// a dot.
fn paths(typed: &str) -> Vec<String> {
    let (directory, name) = typed.rsplit_once('/').map_or(("", typed), |(_, name)| {
        typed.split_at(typed.len() - name.len())
    });
    let there = path::at_home(directory, path::home().as_deref());
    let entries = fs::read_dir(if directory.is_empty() {
        Path::new(".")
    } else {
        &there
    });
    let word = |entry: fs::DirEntry| {
        let found = entry.file_name().into_string().ok()?;
        let is_meant =
            found.starts_with(name) && (name.starts_with('.') || !found.starts_with('.'));
        let slash = if entry.path().is_dir() { "/" } else { "" };
        is_meant.then(|| format!("{directory}{found}{slash}"))
    };
    let mut paths: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(word)
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> (usize, Vec<String>) {
        let known = Known {
            models: &|| {
                vec![
                    "claude-a".to_owned(),
                    "claude-b".to_owned(),
                    "other".to_owned(),
                ]
            },
            conversations: &|| vec!["notes".to_owned(), "2abc".to_owned()],
        };
        complete(line, line.len(), &known)
    }

    #[test]
    fn commands_and_what_stands_behind_them_are_completed() {
        for (line, start, expected) in [
            ("/mo", 0, &["/model"][..]),
            ("/re", 0, &["/region", "/retry", "/resume", "/rename"]),
            ("/model cl", 7, &["claude-a", "claude-b"]),
            ("/resume  n", 9, &["notes"]),
            ("/region e", 8, &["eu"]),
            ("/copy ", 6, &["code"]),
            ("/help /mo", 6, &["/model"]),
            ("/undo x", 6, &[]),
            ("hello", 5, &[]),
            ("/model x\n/mo", 12, &[]),
        ] {
            assert_eq!(
                completed(line),
                (
                    start,
                    expected.iter().map(|&word| word.to_owned()).collect()
                ),
                "{line}"
            );
        }
    }

    #[test]
    fn paths_are_completed_and_directories_get_a_slash() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["b c.txt", "bad.png", ".hidden"] {
            fs::write(directory.path().join(name), "x").expect("it is writable");
        }
        fs::create_dir(directory.path().join("bin")).expect("it is writable");
        let root = directory.path().display();
        let all = |names: &[&str]| {
            names
                .iter()
                .map(|name| format!("{root}/{name}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            completed(&format!("/file {root}/b")),
            (6, all(&["b c.txt", "bad.png", "bin/"]))
        );
        assert_eq!(completed(&format!("/file {root}/.h")).1, all(&[".hidden"]));
        assert_eq!(
            completed(&format!("/system @{root}/ba")),
            (9, all(&["bad.png"]))
        );
        assert!(completed("/file /no/such/directory/").1.is_empty());
        // The part for the home directory stays as it was typed.
        assert!(
            completed("/file ~/")
                .1
                .iter()
                .all(|path| path.starts_with("~/"))
        );
    }
}
