//! What the slash commands do.

use super::attachments::PathRole;
use super::slash::{self, Act, COMMANDS, LAST_OUTPUT};
use super::talk::{AnswerUsage, Last, prompt_place, prompt_text};
use super::{Chat, Next, RefusedMessage, go_on, path};
use crate::compose::external_editor::edit;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::user_turn::most_bytes;
use crate::error::Error;
use crate::exchange::answer_parts::ContinuationMode;
use crate::input::CLIPBOARD;
use crate::model_text::is_continue_request;
use crate::protocol::{BilledTokens, ContentBlock, EFFORT, ListCost, THINKING};
use crate::text::{counted, grouped, nearest_name};
use crate::ui::last_code_block;

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
    pub(super) fn say(&self, text: &str) {
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
                "the last answer did not break off, so there is nothing to resume",
                "a message such as `Continue.` lets the model go on; /retry asks again",
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
