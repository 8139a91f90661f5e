//! The two ways to hold a conversation: with a user at a terminal, and with a program that writes
//! lines.

use super::ask::Ended;
use super::attachments::Attachments;
use super::context_use::ContextUse;
use super::prompt::Status;
use super::slash::{self, Line};
use super::talk::{Last, prompt_place};
use super::{Chat, Next, told};
use crate::compose::build::{RequestParts, build};
use crate::compose::secret_guard::{PROMPT, SecretGuard};
use crate::error::{Error, Kind};
use crate::exchange::engine::RequestSender;
use crate::exchange::model_catalog::list_models_once;
use crate::input::{Picture, assemble, replaced};
use crate::protocol::ContentBlock;
use crate::ui::{LineDraft, LineEditor, TypedInput};

/// SIGINT.
const CTRL_C: i32 = 2;

/// The first message, given on the command line.
pub(super) struct First {
    /// Its content.
    pub(super) content: Vec<ContentBlock>,
    /// Its text, to be offered again if there is no answer.
    pub(super) text: String,
    /// Its files, which are then attached again.
    pub(super) files: Attachments,
    /// Its images and those of the messages before it, by name.
    pub(super) pictures: Vec<Picture>,
}

impl Chat<'_> {
    /// Holds a conversation with a user until they leave. Failures are reported, and a message
    /// without an answer is offered again.
    pub(super) async fn converse(
        &mut self,
        first: Option<First>,
        mut editor: LineEditor,
    ) -> Result<(), Error> {
        if let Some(first) = first {
            let ended = self.ask(Some(first.content)).await;
            if !ended.is_answered {
                self.files = first.files;
            }
            self.settle(ended, Some(first.text))?;
        }
        loop {
            self.measure_context().await;
            let prompt = self.status().prompt(LineEditor::terminal_columns());
            let draft = self.draft.clone();
            let typed = tokio::select! {
                biased;
                signal = self.app.interrupt.wait_for_signal() => match signal {
                    CTRL_C => TypedInput::Interrupted { was_empty: true },
                    signal => {
                        // Anything printed now begins on a new line.
                        self.app.notices.print_block("");
                        return Err(Error::Interrupted(signal));
                    }
                },
                () = self.words.wanted() => {
                    self.ask_for_models().await;
                    continue;
                }
                typed = editor.read_line(&prompt, &draft) => typed,
            };
            match typed {
                TypedInput::Line { text, .. } if text.trim().is_empty() => {
                    self.draft = LineDraft::default();
                }
                TypedInput::Line {
                    text,
                    may_be_command,
                    bad_byte,
                } => {
                    self.draft = LineDraft::default();
                    if let Some(offset) = bad_byte {
                        self.app
                            .notices
                            .notice_always(&replaced("what was typed", offset));
                    }
                    let line = if may_be_command {
                        slash::read(&text)
                    } else {
                        Line::Text(&text)
                    };
                    if matches!(line, Line::Mistyped { .. } | Line::Misused(_)) {
                        self.draft = LineDraft {
                            text: text.clone(),
                            is_text: false,
                        };
                    }
                    if self.take(line).await? {
                        return Ok(());
                    }
                }
                TypedInput::EditRequested(draft) => self.edit_draft(draft).await?,
                TypedInput::Interrupted { was_empty } => {
                    self.draft = LineDraft::default();
                    self.app.interrupt.clear_signal();
                    if was_empty {
                        self.app
                            .notices
                            .notice("press Ctrl-D or type /exit to leave");
                    }
                }
                TypedInput::Garbled(draft) => {
                    self.app.notices.notice_always(
                        "the terminal sent invalid UTF-8; this is the text before it",
                    );
                    self.draft = draft;
                }
                // A job that was stopped reads no more after a signal that ends it.
                TypedInput::End => {
                    let signal = self.app.interrupt.pending_signal();
                    return signal.map_or(Ok(()), |signal| Err(Error::Interrupted(signal)));
                }
            }
        }
    }

    /// Opens what is being typed in the user's editor; the line goes on with what comes out of it.
    async fn edit_draft(&mut self, draft: LineDraft) -> Result<(), Error> {
        self.draft = match self.edited(&draft.text).await {
            Ok(text) => LineDraft {
                is_text: draft.is_text || text.contains('\n'),
                text,
            },
            Err(error) => {
                self.tell(&error, false)?;
                draft
            }
        };
        Ok(())
    }

    /// Requests the list of models for Tab completion, while the user continues typing. Without a
    /// list, nothing is offered.
    async fn ask_for_models(&mut self) {
        let sender = self.exchange.sender().await.ok();
        let call = sender.map(RequestSender::list_models);
        let words = self.words.clone();
        let fetched = self.exchange.catalog.fetched_list().await.ok();
        tokio::spawn(async move {
            let models = match call {
                Some(call) => list_models_once(call).await.unwrap_or_default(),
                None => Vec::new(),
            };
            if let Some(fetched) = fetched {
                fetched.set(&models);
            }
            words.set_models(models.iter().map(|model| model.id().to_owned()).collect());
        });
    }

    /// Reads what other processes have added to the conversation, so that a message is sent with it,
    /// and tells the user. Returns false if the line is about the last message, which is another one
    /// than the user has seen.
    fn catch_up(&mut self, line: &Line<'_>) -> bool {
        // If the file cannot be read, that is reported when the answer is saved.
        if !self.talk.catch_up().unwrap_or_default() {
            return true;
        }
        let is_run = !matches!(line, Line::Command(act, _) if act.is_about_last_message());
        let consequence = if is_run {
            ""
        } else {
            ", so this command was not run"
        };
        self.app.notices.notice(&format!(
            "another process has changed this conversation{consequence}; /export shows it"
        ));
        is_run
    }

    /// Handles a line; returns true if the user leaves.
    async fn take(&mut self, line: Line<'_>) -> Result<bool, Error> {
        if !self.catch_up(&line) {
            return Ok(false);
        }
        match line {
            Line::Text(text) => self.send_text(text).await?,
            Line::Command(act, argument) => match self.act(act, argument).await {
                Ok(Next::Prompt) => {}
                Ok(Next::Send(text)) => self.send_text(&text).await?,
                Ok(Next::Ended(ended, text)) => self.settle(ended, text)?,
                Ok(Next::Leave) => return Ok(true),
                Err(error) => self.tell(&error, false)?,
            },
            Line::Shell(command) => {
                if let Err(error) = self.run_in_shell(command).await {
                    self.tell(&error, false)?;
                }
            }
            Line::Mistyped { word, nearest } => {
                let hint = nearest.map_or_else(
                    || {
                        "/help lists the commands; to send a message that begins with /, type a \
                        space first"
                            .to_owned()
                    },
                    |nearest| format!("did you mean {nearest}?"),
                );
                self.app
                    .tell_error(&format!("unknown command `{word}`"), Some(&hint));
            }
            Line::Misused(slash) => {
                self.app
                    .tell_error(&format!("usage: {}", slash.usage()), None);
            }
        }
        Ok(false)
    }

    /// Sends a message with its attachments.
    async fn send_text(&mut self, text: &str) -> Result<(), Error> {
        let ended = match self.compose(text).await {
            Ok(content) => match self.replaced.take() {
                Some(last) => self.ask_with_rest_of(last, content).await,
                None => self.ask(Some(content)).await,
            },
            Err(error) => Ended {
                error: Some(error),
                is_answered: false,
            },
        };
        if ended.is_answered {
            self.files.clear();
        }
        self.settle(ended, Some(text.to_owned()))
    }

    /// Sends a message in the place of one that was changed before, with what that one had besides
    /// its text.
    async fn ask_with_rest_of(&mut self, last: Last, content: Vec<ContentBlock>) -> Ended {
        let mut whole = last.content.clone();
        if let Some(place) = prompt_place(&whole) {
            whole.remove(place);
        }
        whole.extend(content);
        let ended = self.ask_at(Some(last.before.clone()), Some(whole)).await;
        if !ended.is_answered {
            self.replaced = Some(last);
        }
        ended
    }

    /// Assembles a message.
    async fn compose(&self, text: &str) -> Result<Vec<ContentBlock>, Error> {
        let guard = SecretGuard::new(self.app, &self.exchange.settings().secrets);
        let files = self.files.read(guard).await?;
        let text = guard.check_words(PROMPT, text.to_owned());
        let mut turn = assemble(Some(&text), files, None)?;
        for notice in &turn.notices {
            self.app.notices.notice_always(notice);
        }
        self.exchange.fit_turn(&mut turn, 0, &[], true).await?;
        self.exchange.check_pictures(&turn.pictures, true).await?;
        Ok([self.files.blocks(), turn.content].concat())
    }

    /// Reports how a turn ended. A message without an answer is offered again.
    fn settle(&mut self, ended: Ended, text: Option<String>) -> Result<(), Error> {
        if ended.is_answered {
            self.unsent = None;
        } else if let Some(text) = text {
            self.draft = LineDraft {
                text: text.clone(),
                is_text: true,
            };
            self.unsent = Some(text);
        }
        ended
            .error
            .map_or(Ok(()), |error| self.tell(&error, ended.is_answered))
    }

    /// Reports an error. Returns only errors that end the process.
    pub(super) fn tell(&self, error: &Error, is_answered: bool) -> Result<(), Error> {
        let can_go_on = is_answered
            && self
                .talk
                .last_answer()
                .is_some_and(|answer| answer.is_broken_off);
        match error.kind() {
            Kind::Interrupted(CTRL_C) => {
                self.app.interrupt.clear_signal();
                self.app.notices.notice(match (is_answered, can_go_on) {
                    (true, true) => "stopped; /continue resumes the answer",
                    (true, false) => "stopped; /retry sends the message again",
                    (false, _) => "stopped",
                });
            }
            Kind::Interrupted(signal) => return Err(Error::Interrupted(signal)),
            Kind::Closed => return Err(Error::Output(crate::ui::OutputError::Closed)),
            kind => {
                self.app
                    .tell_error(&told::message(error), told::hint(error).as_deref());
                if can_go_on && matches!(kind, Kind::Incomplete | Kind::Truncated) {
                    self.app.notices.notice("/continue resumes the answer");
                }
            }
        }
        Ok(())
    }

    /// Holds a conversation with a program: each line is a message, and the first failure ends the
    /// conversation.
    pub(super) async fn follow(
        &mut self,
        first: Option<First>,
        lines: Option<LineEditor>,
    ) -> Result<(), Error> {
        if let Some(first) = first {
            self.ask(Some(first.content))
                .await
                .error
                .map_or(Ok(()), Err)?;
        }
        let Some(mut lines) = lines else {
            return Ok(());
        };
        for number in 1_u64.. {
            let line = self
                .app
                .unless_interrupted(lines.read_line("", &LineDraft::default()))
                .await?;
            let TypedInput::Line { text, bad_byte, .. } = line else {
                break;
            };
            if text.trim().is_empty() {
                continue;
            }
            if let Some(offset) = bad_byte {
                self.app.notices.notice_always(&replaced(
                    &format!("line {number} of standard input"),
                    offset,
                ));
            }
            let content = self.compose(&text).await?;
            self.ask(Some(content)).await.error.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Finds out how full the context window is, and offers to compact the conversation before it
    /// is full: once, until there is room again.
    async fn measure_context(&mut self) {
        self.context = self.context_use().await;
        let Some(context) = self.context.filter(|context| context.is_nearly_full()) else {
            self.has_offered_compact = false;
            return;
        };
        if !self.has_offered_compact && self.can_compact() {
            self.has_offered_compact = true;
            self.app.notices.notice(&format!(
                "{} of the context window is used; /compact replaces the older part of the \
                 conversation with a summary",
                context.share().unwrap_or_default()
            ));
        }
    }

    /// Returns how full the context window is; `None` before anything was said. Behind a summary no
    /// answer has counted the tokens yet, so they are estimated.
    async fn context_use(&self) -> Option<ContextUse> {
        let model = &self.exchange.selected_model()?.id;
        let counted = self.talk.context_tokens();
        let estimated = match counted {
            Some(_) => None,
            None => self.estimated_context(model),
        };
        let tokens = counted.or(estimated)?;
        let window = self.exchange.catalog.shown_window(model).await;
        Some(if counted.is_some() {
            ContextUse::from_count(tokens, window)
        } else {
            ContextUse::from_estimate(tokens, window)
        })
    }

    /// Estimates the tokens that the next request begins with; `None` if it begins with nothing.
    fn estimated_context(&self, model: &str) -> Option<u64> {
        let said = self
            .talk
            .messages(self.app, None, self.exchange.policy)
            .ok()?;
        let messages = [self.earlier.clone(), said].concat();
        if messages.is_empty() {
            return None;
        }
        let parts = RequestParts {
            max_tokens: 1,
            model: model.to_owned(),
            system: self.system.clone(),
            earlier: messages,
            content: Vec::new(),
            tools: self.tools.definitions(),
            tool_choice: None,
        };
        let request = build(&self.spec, parts).ok()?;
        Some(self.exchange.likely_tokens(&request))
    }

    /// Returns what the prompt shows.
    fn status(&self) -> Status {
        Status {
            conversation: self.talk.title(),
            model: self
                .exchange
                .selected_model()
                .map_or_else(|| "no model yet".to_owned(), |model| model.id.clone()),
            context: self.context,
            attachments: self.files.len(),
        }
    }
}
