//! Commands for conversations as a whole: to begin, copy, change, list, name and export them.

use super::acts::usage;
use super::talk::Talk;
use super::{Chat, path};
use crate::error::Error;
use crate::exchange::conversation_target::settings_for;
use crate::exchange::session_recorder::SessionRecorder;
use crate::session::{self, SavedConversation, SearchHit, SessionStore, markdown_pieces};
use crate::text::{TableColumn, TextTable, format_age, grouped};
use std::fs::{OpenOptions, remove_file};
use std::io::{ErrorKind, Write};
use std::time::SystemTime;

/// Maximum number of conversations that `/sessions` lists.
const LISTED: usize = 20;

impl Chat<'_> {
    pub(super) fn fork(&mut self, name: &str) -> Result<(), Error> {
        let (store, conversation) = self.saved()?;
        if conversation.tip().is_none() {
            return Err(usage(
                "there is nothing to copy yet: the conversation is empty",
                "/rename NAME names it",
            ));
        }
        let fork = if name.is_empty() {
            store.fork_conversation(conversation)?
        } else {
            store.fork_as(conversation, name)?
        };
        self.turn_to(fork)?;
        self.say(&format!("continuing in a copy: {}", self.talk.title()));
        Ok(())
    }

    pub(super) fn begin_another(&mut self, name: &str) -> Result<(), Error> {
        match &mut self.talk {
            Talk::Saved { store, .. } => {
                let begun = if name.is_empty() {
                    store.new_conversation()
                } else {
                    new_of_name(store, name)?
                };
                self.turn_to(begun)?;
            }
            talk @ Talk::Unsaved { .. } => {
                *talk = Talk::unsaved();
                self.exchange.continue_conversation(None);
            }
        }
        self.earlier.clear();
        self.forget_positions();
        self.say("started a new conversation");
        Ok(())
    }

    pub(super) async fn resume(&mut self, name: &str) -> Result<(), Error> {
        let (store, current) = self.saved()?;
        let name = if name.is_empty() {
            self.before.as_deref()
        } else {
            Some(name)
        };
        let found = match name {
            Some(name) => store.open_existing(name)?,
            None => match store.open_latest_but(current.id()) {
                Err(session::Error::None) => {
                    let hint = "/new starts another one";
                    return Err(usage("there is no other conversation", hint));
                }
                found => found?,
            },
        };
        let (catalog, flags) = (&self.exchange.catalog, &self.flags);
        if let Some(settings) = settings_for(self.app, flags, catalog, &found, true).await? {
            self.exchange.move_to(settings);
            let chosen = self.exchange.settings().model.clone();
            if let Some(chosen) = chosen {
                let model = self.exchange.catalog.resolve(&chosen.value).await?;
                self.exchange.select_model(model);
            }
        }
        // A conversation without turns has no system prompt of its own yet.
        if found.tip().is_some() {
            self.system = found.system_prompt().map(str::to_owned);
        }
        self.unsent = None;
        self.turn_to(found)?;
        self.earlier.clear();
        self.forget_positions();
        self.tell_conversation()
    }

    /// Forgets what belongs to positions in the conversation that is left.
    fn forget_positions(&mut self) {
        self.compacted.clear();
        self.replaced = None;
        self.refused = None;
    }

    /// Continues with another conversation, which becomes the one last used; `/resume` returns to
    /// this one.
    fn turn_to(&mut self, other: SavedConversation) -> Result<(), Error> {
        self.app.secret_numbers.continue_after(other.last_secret());
        if let Talk::Saved {
            kept,
            unsaved_answers,
            ..
        } = &mut self.talk
        {
            unsaved_answers.clear();
            if !kept.conversation().turns().is_empty() {
                self.before = Some(kept.conversation().id().to_owned());
            }
            self.exchange.continue_conversation(Some(&other));
            **kept = SessionRecorder::for_conversation(other);
            if kept.conversation().tip().is_some() {
                kept.conversation().mark_as_last()?;
            }
        }
        Ok(())
    }

    pub(super) fn saved(&self) -> Result<(&SessionStore, &SavedConversation), Error> {
        match &self.talk {
            Talk::Saved { store, kept, .. } => Ok((store, kept.conversation())),
            Talk::Unsaved { .. } => Err(usage(
                "this conversation is not being saved",
                if self.ask.conversation.no_log {
                    "start langdock without -n"
                } else if self.app.env.no_log {
                    "start langdock without LANGDOCK_NO_LOG"
                } else {
                    "`langdock doctor` shows which directories are writable"
                },
            )),
        }
    }

    pub(super) fn list_conversations(&self, text: &str) -> Result<(), Error> {
        let (store, conversation) = self.saved()?;
        let now = SystemTime::now();
        let age = |changed: SystemTime| format_age(now.duration_since(changed).unwrap_or_default());
        let row = |id: &str, age: String, title: &str| {
            let here = if id == conversation.id() { "*" } else { " " };
            [format!("{here} {id}"), age, title.to_owned()]
        };
        let rows: Vec<[String; 3]> = if text.is_empty() {
            store
                .list_summaries()?
                .iter()
                .map(|it| row(&it.id, age(it.changed), &it.title))
                .collect()
        } else {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            let hits = store.search_words(&words)?;
            let is_named = |name: &str| {
                words
                    .iter()
                    .all(|word| name.to_lowercase().contains(&word.to_lowercase()))
            };
            let mut named = store.list_summaries()?;
            named.retain(|it| {
                it.name.as_deref().is_some_and(is_named) && hits.iter().all(|hit| hit.id != it.id)
            });
            let named = named
                .iter()
                .map(|it| row(&it.id, age(it.changed), &it.title));
            let said = |hit: &SearchHit| {
                row(
                    &hit.id,
                    age(hit.changed),
                    &format!("{}: {}", hit.title, hit.excerpt),
                )
            };
            named.chain(hits.iter().map(said)).collect()
        };
        let left_out = rows.len().saturating_sub(LISTED);
        let mut table = TextTable::new([TableColumn::LEFT, TableColumn::RIGHT, TableColumn::LEFT])
            .with_cut_at(self.app.notices.columns());
        table.extend(rows.into_iter().take(LISTED));
        let mut shown = table.to_sanitized_text();
        if left_out > 0 {
            let program = self.exchange.settings().data_scope().program();
            shown.push_str(&format!(
                "  and {} more: {program} session list\n",
                grouped(left_out)
            ));
        }
        self.say(if shown.is_empty() { "none" } else { &shown });
        Ok(())
    }

    pub(super) fn rename(&mut self, name: &str) -> Result<(), Error> {
        let Talk::Saved { store, kept, .. } = &mut self.talk else {
            return self.saved().map(drop);
        };
        store.rename_conversation(kept.conversation_mut(), name)?;
        self.say(&format!("renamed this conversation to {name}"));
        Ok(())
    }

    pub(super) fn export(&self, file: &str) -> Result<(), Error> {
        let (_, conversation) = self.saved()?;
        let mut pieces = markdown_pieces(conversation);
        if file.is_empty() {
            return pieces.try_for_each(|piece| self.app.print_outside(&piece));
        }
        let path = path::path(file);
        let written = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = written.and_then(|mut file| {
            // An incomplete file would block the next attempt.
            pieces
                .try_for_each(|piece| {
                    file.write_all(self.app.secrets.scrub_message(&piece).as_bytes())
                })
                .inspect_err(|_| drop(remove_file(&path)))
        });
        match written {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(usage(
                format!("`{}` already exists", path.display()),
                "/export does not overwrite files; choose another name",
            ))?,
            written => written.map_err(|source| Error::Unwritable {
                path: path.clone(),
                source,
            })?,
        }
        self.say(&format!("written to `{}`", path.display()));
        Ok(())
    }
}

fn new_of_name(store: &SessionStore, name: &str) -> Result<SavedConversation, Error> {
    let found = store.open_or_create(name)?;
    if found.is_new {
        return Ok(found.conversation);
    }
    Err(usage(
        format!("a conversation `{name}` already exists"),
        format!("/resume {name} continues it"),
    ))
}
