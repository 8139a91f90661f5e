//! What the slash commands do.

use std::fs::{OpenOptions, remove_file};
use std::io::{ErrorKind, Write};
use std::time::SystemTime;

use super::attachments::PathRole;
use super::slash::{self, Act, COMMANDS, LAST_OUTPUT};
use super::talk::{AnswerUsage, Last, Talk, prompt_place, prompt_text};
use super::{Chat, Next, RefusedMessage, go_on, path};
use crate::client::ListedModel;
use crate::compose::external_editor::edit;
use crate::compose::model_fit::Insistence;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::user_turn::{most_bytes, system_prompt};
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::answer_parts::ContinuationMode;
use crate::exchange::conversation_target::settings_for;
use crate::exchange::session_recorder::SessionRecorder;
use crate::exchange::settings::settings;
use crate::exchange::setup::tell_region;
use crate::input::CLIPBOARD;
use crate::model_text::is_continue_request;
use crate::protocol::{
    BilledTokens, ContentBlock, EFFORT, ExactJson, ListCost, RequestField, THINKING, key_and_json,
};
use crate::session::{SavedConversation, SearchHit, SessionStore, markdown_pieces};
use crate::text::{TableColumn, TextTable, counted, format_age, grouped, nearest_name};
use crate::ui::{ask_yes_no, last_code_block};

/// Maximum number of conversations that `/sessions` lists.
const LISTED: usize = 20;

/// Fields that `/set` does not set, with the hint for each.
const ELSEWHERE: [(&str, &str); 4] = [
    ("system", "use /system TEXT"),
    ("model", "use /model ID"),
    ("messages", "/undo removes the last message"),
    ("stream", "use --set stream=false when you start langdock"),
];

impl Chat<'_> {
    /// Runs a slash command, and returns what to do next.
    pub(super) async fn act(&mut self, act: Act, argument: &str) -> Result<Next, Error> {
        match act {
            Act::Help => self.help(argument)?,
            Act::Model => self.show_or_set_model(argument).await?,
            Act::Region => {
                self.show_or_set_region(argument).await?;
                self.recall_models().await;
            }
            Act::System => self.show_or_set_system(argument).await?,
            Act::Set => self.show_or_set_field(argument).await?,
            Act::Thinking => self.show_or_set_option(&THINKING, argument).await?,
            Act::Effort => self.show_or_set_option(&EFFORT, argument).await?,
            Act::File => self.attach(argument, PathRole::File).await?,
            Act::Paste => self.attach(CLIPBOARD, PathRole::NotAsText).await?,
            Act::Image => self.attach(argument, PathRole::NotAsText).await?,
            Act::Drop => self.drop_attachments(argument)?,
            Act::Attachments => self.list_attachments(),
            Act::Retry => return self.retry().await,
            Act::Undo => self.undo()?,
            Act::Edit => return self.edit().await,
            Act::Continue => return self.go_on().await,
            Act::Fork => self.fork(argument)?,
            Act::New => self.begin_another(argument)?,
            Act::Resume => self.resume(argument).await?,
            Act::Sessions => self.list_conversations(argument)?,
            Act::Rename => self.rename(argument)?,
            Act::Export => self.export(argument)?,
            Act::Copy => self.copy(!argument.is_empty())?,
            Act::Compact => self.compact(argument).await?,
            Act::Usage => self.show_usage(),
            Act::Raw => self.turn_raw(),
            Act::Tools => self.list_tools(),
            Act::Exit => return Ok(Next::Leave),
        }
        Ok(Next::Prompt)
    }

    /// Prints the result of a command. It is not part of any answer.
    fn say(&self, text: &str) {
        self.app.notices.print_wrapped(text);
    }

    fn help(&self, command: &str) -> Result<(), Error> {
        if command.is_empty() {
            self.say(&slash::help(self.app.facts.help_columns()));
            return Ok(());
        }
        let Some(found) = slash::find(command) else {
            let near = nearest_name(
                &format!("/{}", command.trim_start_matches('/')),
                COMMANDS.iter().map(|slash| slash.name),
            );
            return Err(usage(
                format!("unknown command `{command}`"),
                near.map_or_else(
                    || "/help lists them".to_owned(),
                    |near| format!("did you mean {near}?"),
                ),
            ));
        };
        self.say(&format!("{}\n{}.", found.usage(), found.about));
        Ok(())
    }

    async fn show_or_set_model(&mut self, model: &str) -> Result<(), Error> {
        if model.is_empty() {
            return self.show_models().await;
        }
        let by_number = match model.parse::<usize>() {
            Ok(number) => Some(self.model_of_number(number).await?),
            Err(_) => None,
        };
        let model = by_number.as_deref().unwrap_or(model);
        let model = self.exchange.catalog.resolve(model).await?;
        if !self.ask.input.no_check {
            self.exchange.catalog.refuse_unlisted(&model.id).await?;
        }
        self.say(&format!("now using model {}", model.id));
        self.exchange.select_model(model);
        Ok(())
    }

    /// Returns the id of a model by its number in the list, counted from 1.
    async fn model_of_number(&self, number: usize) -> Result<String, Error> {
        let models = self.exchange.catalog.models().await?;
        let chosen = number.checked_sub(1).and_then(|place| models.get(place));
        chosen.map(|model| model.id().to_owned()).ok_or_else(|| {
            usage(
                format!("the list of models has no number {number}"),
                "/model lists them",
            )
        })
    }

    /// Lists the models of the region with their numbers, the current one marked.
    async fn show_models(&self) -> Result<(), Error> {
        let current = self
            .exchange
            .selected_model()
            .map(|model| model.id.as_str());
        let models = match self.exchange.catalog.models().await {
            Ok(models) => models,
            Err(error) => {
                self.say(&format!("* {}", current.unwrap_or("none yet")));
                return Err(error);
            }
        };
        let width = models.len().to_string().len();
        let row = |(place, model): (usize, &ListedModel)| {
            let mark = if current == Some(model.id()) {
                '*'
            } else {
                ' '
            };
            format!("{mark} {:>width$}  {}", place + 1, model.id())
        };
        let mut lines: Vec<String> = models.iter().enumerate().map(row).collect();
        match current {
            Some(id) if models.iter().all(|model| model.id() != id) => {
                lines.insert(0, format!("* {id}, which is not in the region's list"));
            }
            _ => {} // It is marked in the list, or there is none yet.
        }
        self.say(&lines.join("\n"));
        Ok(())
    }

    async fn show_or_set_region(&mut self, region: &str) -> Result<(), Error> {
        if region.is_empty() {
            self.say(&format!(
                "{} ({})",
                self.exchange.settings().endpoint.region(),
                self.exchange.settings().endpoint.messages_url()
            ));
            return Ok(());
        }
        let mut flags = self.flags.clone();
        flags.settings.set_flag("region", Some(region.to_owned()));
        let settings = settings(self.app, &flags, self.demo_url.as_deref())?;
        let chosen = self.exchange.selected_model();
        if let Some(model) = chosen.filter(|model| !model.is_picked()) {
            let catalog = self.exchange.catalog.with_settings(settings.clone());
            let refused = catalog.refuse_elsewhere(&model.id).await;
            refused.map_err(|error| {
                usage(
                    error.message(),
                    "use /model ID to choose a model that both regions have",
                )
            })?;
        }
        if !self.may_move_to(&settings)? {
            self.say("the region stays as it is");
            return Ok(());
        }
        self.flags = flags;
        self.exchange.move_to(settings);
        tell_region(self.app, self.exchange.settings());
        self.say(&format!(
            "now using region {region}; the conversation so far is sent there too"
        ));
        Ok(())
    }

    /// Whether the conversation so far may be sent to the endpoint of these settings. Asks a user
    /// at a terminal.
    fn may_move_to(&self, settings: &Settings) -> Result<bool, Error> {
        let is_same = settings.endpoint == self.exchange.settings().endpoint;
        let said = self.talk.messages(None, self.exchange.policy);
        let is_new = said.is_ok_and(|said| said.is_empty());
        if is_same || !self.app.facts.stdin_is_terminal || is_new {
            return Ok(true);
        }
        let _lent = self.exchange.lend_keyboard();
        let action = format!(
            "send the whole conversation to region {}",
            settings.endpoint.region()
        );
        ask_yes_no(&action, None).map_err(|source| Error::System {
            what: "ask a question",
            source,
        })
    }

    async fn show_or_set_system(&mut self, text: &str) -> Result<(), Error> {
        match text {
            "" => self.say(self.system.as_deref().unwrap_or("no system prompt")),
            "-" => {
                self.system = None;
                self.say("removed the system prompt");
            }
            text => {
                let file = text
                    .strip_prefix('@')
                    .map(|typed| format!("@{}", path::path(typed).display()));
                let guard = SecretGuard::new(self.app, &self.exchange.settings().secrets);
                self.system = system_prompt(guard, Some(file.as_deref().unwrap_or(text))).await?;
                self.say("set the system prompt");
            }
        }
        Ok(())
    }

    async fn show_or_set_field(&mut self, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            let mut fields: Vec<_> = self
                .spec
                .fields
                .iter_exact()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            if let Some(tokens) = self.max_tokens
                && !fields.iter().any(|field| field.starts_with("max_tokens="))
            {
                fields.insert(0, format!("max_tokens={tokens}"));
            }
            self.say(
                if fields.is_empty() {
                    "no fields are set".to_owned()
                } else {
                    fields.join("\n")
                }
                .as_str(),
            );
            return Ok(());
        }
        let wanted = |reason: String| {
            usage(
                format!("`/set {text}`: {reason}"),
                "/set KEY=JSON sets a field, /set KEY= removes it",
            )
        };
        let key = text.split('=').next().unwrap_or_default();
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(field, _)| *field == key) {
            return Err(usage(format!("`{key}` cannot be set with /set"), *instead));
        }
        if !key.is_empty() && text.strip_prefix(key) == Some("=") {
            self.unset(key);
            self.say(&match key {
                "max_tokens" => "max_tokens is back to the model's default".to_owned(),
                key => format!("removed {key}"),
            });
            return Ok(());
        }
        let (key, value) = key_and_json(text).map_err(wanted)?;
        let guard = SecretGuard::new(self.app, &self.exchange.settings().secrets);
        let value = guard.check_value(&format!("/set {key}"), value);
        let said = format!("set {key}={value}");
        self.set_typed(&key, value, format!("/set {text}")).await?;
        self.say(&said);
        Ok(())
    }

    /// Shows or sets an option of the request that only some models accept.
    async fn show_or_set_option(
        &mut self,
        field: &'static RequestField,
        text: &str,
    ) -> Result<(), Error> {
        let (command, name) = (format!("/{}", field.name), field.name);
        match text {
            "" => self.say(&self.spec.shown(field)),
            "-" => {
                self.spec.unset_option(field);
                self.say(&format!("{name} is now the model's default"));
            }
            text => {
                let value = field.parse(text).map_err(|needed| {
                    usage(
                        format!("`{command} {text}`: {needed}"),
                        format!("`{command} -` restores the model's default"),
                    )
                })?;
                let value = self.spec.with_option(field, value);
                self.set_typed(field.key, value, format!("{command} {text}"))
                    .await?;
                self.fork_for_effort(field)?;
                self.say(&format!("{name} is now {text}"));
            }
        }
        Ok(())
    }

    /// Continues in a copy of the conversation if its effort can no longer be changed.
    fn fork_for_effort(&mut self, field: &RequestField) -> Result<(), Error> {
        let thinking = self.spec.fields.get(THINKING.key);
        let is_fixed = thinking.is_some_and(|thinking| thinking["type"] == "between_tools");
        let is_saved = matches!(self.talk, Talk::Saved { .. });
        let has_answer = self.talk.last_answer().is_some();
        if field.name != EFFORT.name || !is_fixed || !is_saved || !has_answer {
            return Ok(());
        }
        self.app.notices.notice(
            "with thinking between tools the effort is fixed for a conversation; continuing in a \
             fork",
        );
        self.fork("")
    }

    /// Sets a field after checking that the model accepts it.
    async fn set_typed(&mut self, key: &str, value: ExactJson, typed: String) -> Result<(), Error> {
        let mut spec = self.spec.clone();
        let max_tokens = if key == "max_tokens" {
            value.as_u64()
        } else {
            self.max_tokens
        };
        spec.set_typed(key, value, typed);
        if let Some(model) = self.exchange.selected_model().cloned() {
            let before = std::mem::replace(&mut self.max_tokens, max_tokens);
            let insistence = Insistence::Field(key);
            let fitted = self.fit_spec(&mut spec.clone(), &model, insistence).await;
            self.max_tokens = before;
            fitted?;
        }
        self.unset(key);
        self.spec = spec;
        Ok(())
    }

    /// Removes a field, whether it was set by a flag or by `/set`.
    fn unset(&mut self, key: &str) {
        self.spec.unset(key);
        if key == "max_tokens" {
            self.max_tokens = None;
        }
    }

    async fn attach(&mut self, typed: &str, role: PathRole) -> Result<(), Error> {
        if typed == LAST_OUTPUT && matches!(role, PathRole::File) {
            return self.attach_output().await;
        }
        let path = path::path(typed);
        let guard = SecretGuard::new(self.app, &self.exchange.settings().secrets);
        let bytes = self
            .files
            .add(
                &self.exchange,
                guard,
                &path,
                role,
                most_bytes(&self.ask.input),
            )
            .await?;
        self.say(&format!(
            "attached `{}` to the next message ({})",
            path.display(),
            counted(bytes, "byte")
        ));
        Ok(())
    }

    fn drop_attachments(&mut self, number: &str) -> Result<(), Error> {
        if number.is_empty() {
            let is_any = self.files.len() > 0;
            self.files.clear();
            self.say(if is_any {
                "removed all attachments"
            } else {
                "no attachments"
            });
            return Ok(());
        }
        let dropped = number
            .parse()
            .ok()
            .and_then(|number| self.files.remove(number));
        let Some(name) = dropped else {
            return Err(usage(
                format!("no attachment `{number}`"),
                "/attachments lists them",
            ));
        };
        self.say(&format!("removed `{name}` from the next message"));
        Ok(())
    }

    fn list_attachments(&self) {
        let list = self.files.list();
        self.say(if list.is_empty() {
            "no attachments"
        } else {
            &list
        });
    }

    /// Sends the last message again: the one that got no answer, or else the last one, for another
    /// answer.
    async fn retry(&mut self) -> Result<Next, Error> {
        if let Some(text) = self.unsent.clone() {
            self.tell_asked(&text);
            return Ok(Next::Send(text));
        }
        if let Some(RefusedMessage { place, content }) = self.refused.clone() {
            self.tell_asked(&prompt_text(&content));
            return Ok(Next::Ended(self.ask_at(place, Some(content)).await, None));
        }
        let Some(last) = self.talk.last() else {
            return Err(nothing_said());
        };
        Ok(Next::Ended(self.ask_instead(last).await, None))
    }

    fn undo(&mut self) -> Result<(), Error> {
        self.replaced = None;
        // It is no part of the conversation.
        let text = if let Some(refused) = self.refused.take() {
            prompt_text(&refused.content)
        } else if self.undo_compaction()? {
            self.say("took back /compact: the messages are sent again");
            return Ok(());
        } else {
            let last = self.talk.last().ok_or_else(nothing_said)?;
            self.talk.move_to(&last.before)?;
            prompt_text(&last.content)
        };
        let line = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("a message");
        let line = if is_continue_request(&text) {
            "/continue"
        } else {
            line
        };
        let line: String = line.chars().take(60).collect();
        self.say(&format!("removed: {line}"));
        Ok(())
    }

    /// Opens a message in an editor: the one that could not be sent, the one that was refused, or
    /// else the last one, which the edited one then replaces. A message that was not changed is not
    /// sent.
    async fn edit(&mut self) -> Result<Next, Error> {
        if let Some(draft) = self.unsent.clone() {
            let Some(text) = self.changed(&draft).await? else {
                return Ok(Next::Prompt);
            };
            self.tell_asked(&text);
            return Ok(Next::Send(text));
        }
        let (place, mut content) = match (self.refused.clone(), self.talk.last()) {
            (Some(refused), _) => (refused.place, refused.content),
            (None, Some(last)) => (Some(last.before), last.content),
            (None, None) => return Err(nothing_said()),
        };
        let prompt = prompt_place(&content);
        let before = prompt_text(&content);
        let Some(text) = self.changed(&before).await? else {
            return Ok(Next::Prompt);
        };
        match prompt {
            Some(prompt) => content[prompt] = ContentBlock::text(text.as_str()),
            None => content.push(ContentBlock::text(text.as_str())),
        }
        self.tell_asked(&text);
        let ended = self.ask_at(place.clone(), Some(content.clone())).await;
        if !ended.is_answered {
            self.replaced = place.map(|before| Last { content, before });
        }
        Ok(Next::Ended(ended, Some(text)))
    }

    /// Opens a message in the user's editor, and returns what it is then; `None` if it was left as
    /// it was, as by an editor that was closed without saving.
    async fn changed(&self, message: &str) -> Result<Option<String>, Error> {
        let text = self.edited(message).await?;
        let is_changed = text != message.trim_end();
        if !is_changed {
            self.app
                .notices
                .notice("the message is unchanged, so nothing was sent; /retry sends it again");
        }
        Ok(Some(text).filter(|_| is_changed))
    }

    /// Opens a text in the user's editor, and returns what it is then.
    pub(super) async fn edited(&self, text: &str) -> Result<String, Error> {
        let _lent = self.exchange.lend_keyboard();
        edit(self.app, text).await
    }

    async fn go_on(&mut self) -> Result<Next, Error> {
        if self.talk.last().is_none() {
            return Err(nothing_said());
        }
        let Some(answer) = self
            .talk
            .last_answer()
            .filter(|answer| answer.is_broken_off)
        else {
            return Err(usage(
                "the last answer is complete".to_owned(),
                "/retry asks for a new one",
            ));
        };
        let model = self.exchange.model(true).await?;
        let is_text = !answer.text.trim().is_empty();
        let rules = self.exchange.catalog.rules(&model.id, true).await?;
        let (mode, content) = if is_text && go_on::takes_prefill(&rules, &self.spec.fields) {
            (ContinuationMode::Prefill, None)
        } else {
            let request = ContentBlock::text(go_on::request(&answer.text));
            (ContinuationMode::Words, Some(vec![request]))
        };
        self.exchange.continue_answer(&answer.text, mode);
        Ok(Next::Ended(self.ask(content).await, None))
    }

    fn fork(&mut self, name: &str) -> Result<(), Error> {
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

    fn begin_another(&mut self, name: &str) -> Result<(), Error> {
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

    async fn resume(&mut self, name: &str) -> Result<(), Error> {
        let (store, _) = self.saved()?;
        let name = if name.is_empty() {
            self.before.as_deref()
        } else {
            Some(name)
        };
        let found = name.map_or_else(|| store.open_latest(), |name| store.open_existing(name))?;
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

    fn saved(&self) -> Result<(&SessionStore, &SavedConversation), Error> {
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

    fn list_conversations(&self, text: &str) -> Result<(), Error> {
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

    fn rename(&mut self, name: &str) -> Result<(), Error> {
        let Talk::Saved { store, kept, .. } = &mut self.talk else {
            return self.saved().map(drop);
        };
        store.rename_conversation(kept.conversation_mut(), name)?;
        self.say(&format!("renamed this conversation to {name}"));
        Ok(())
    }

    fn export(&self, file: &str) -> Result<(), Error> {
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

    fn copy(&self, only_code: bool) -> Result<(), Error> {
        let Some(answer) = self.talk.last_answer() else {
            return Err(nothing_said());
        };
        let text = if only_code {
            last_code_block(&answer.text).ok_or_else(|| {
                usage(
                    "the last answer has no code block".to_owned(),
                    "/copy copies all of it",
                )
            })?
        } else {
            answer.text
        };
        self.app.copy(&text)
    }

    fn show_usage(&self) {
        let tokens = self.talk.tokens();
        let cached = if tokens.cached > 0 {
            format!(" ({} read from the cache)", grouped(tokens.cached))
        } else {
            String::new()
        };
        let (input, output) = (grouped(tokens.input), grouped(tokens.output));
        let mut lines = format!(
            "{}: {input} tokens in{cached}, {output} out",
            counted(tokens.answers, "answer")
        );
        if let Some(cost) = self.list_cost() {
            let basis = cost.basis.date().unwrap_or("config");
            lines.push_str(&format!("\nlist price: {} ({basis})", cost.amount));
        }
        if let Some(context) = self.context {
            lines.push_str(&format!("\n{context}"));
        }
        self.say(&lines);
    }

    /// Returns what the answers of the conversation cost at list price; `None` if there is no price
    /// for one of them.
    fn list_cost(&self) -> Option<ListCost> {
        let settings = self.exchange.settings();
        let cost = |answer: &AnswerUsage| {
            let price = settings.billed_price(&answer.model)?;
            Some(price.list_cost(BilledTokens::from_usage(&answer.usage)))
        };
        let answers = self.talk.answers();
        let costs: Option<Vec<ListCost>> = answers.iter().map(cost).collect();
        costs?.into_iter().reduce(ListCost::plus)
    }

    fn turn_raw(&mut self) {
        self.is_raw = !self.is_raw;
        self.say(if self.is_raw {
            "showing answers as the model writes them"
        } else {
            "rendering answers"
        });
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

fn nothing_said() -> Error {
    usage("there is no message yet", "type a message")
}

/// Returns the error of a command that cannot do what was asked.
pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage {
        message: message.into(),
        hint: Some(hint.into()),
    }
}
