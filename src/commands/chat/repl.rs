//! The two ways to hold a conversation: with a user at a terminal, and with a program that writes
//! lines.

use super::ask::Ended;
use super::attachments::Attachments;
use super::prompt::Status;
use super::slash::{self, Line};
use super::{Chat, Next, told};
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
                        self.app.notices.notice(&replaced("what was typed", offset));
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
                    self.app
                        .notices
                        .notice("the terminal sent invalid UTF-8; this is the text before it");
                    self.draft = draft;
                }
                TypedInput::End => return Ok(()),
            }
        }
    }

    /// Requests the list of models for Tab completion, while the user continues typing. Without a
    /// list, nothing is offered.
    async fn ask_for_models(&mut self) {
        let sender = self.exchange.sender().await.ok();
        let call = sender.map(RequestSender::list_models);
        let words = self.words.clone();
        tokio::spawn(async move {
            let models = match call {
                Some(call) => list_models_once(call).await.unwrap_or_default(),
                None => Vec::new(),
            };
            words.set_models(models.iter().map(|model| model.id().to_owned()).collect());
        });
    }

    /// Handles a line; returns true if the user leaves.
    async fn take(&mut self, line: Line<'_>) -> Result<bool, Error> {
        match line {
            Line::Text(text) => self.send_text(text).await?,
            Line::Command(act, argument) => match self.act(act, argument).await {
                Ok(Next::Prompt) => {}
                Ok(Next::Send(text)) => self.send_text(&text).await?,
                Ok(Next::Ended(ended, text)) => self.settle(ended, text)?,
                Ok(Next::Leave) => return Ok(true),
                Err(error) => self.tell(&error, false)?,
            },
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
                    .notices
                    .error(&format!("unknown command `{word}`"), Some(&hint));
            }
            Line::Misused(slash) => {
                self.app
                    .notices
                    .error(&format!("usage: {}", slash.usage()), None);
            }
        }
        Ok(false)
    }

    /// Sends a message with its attachments.
    async fn send_text(&mut self, text: &str) -> Result<(), Error> {
        let ended = match self.compose(text).await {
            Ok(content) => self.ask(Some(content)).await,
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

    /// Assembles a message.
    async fn compose(&self, text: &str) -> Result<Vec<ContentBlock>, Error> {
        let turn = assemble(Some(text), self.files.read(self.app).await?, None)?;
        for notice in &turn.notices {
            self.app.notices.notice(notice);
        }
        self.exchange.check_pictures(&turn.pictures, true).await?;
        Ok(turn.content)
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
    fn tell(&self, error: &Error, is_answered: bool) -> Result<(), Error> {
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
                    .notices
                    .error(&told::message(error), told::hint(error).as_deref());
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
                self.app.notices.notice(&replaced(
                    &format!("line {number} of standard input"),
                    offset,
                ));
            }
            let content = self.compose(&text).await?;
            self.ask(Some(content)).await.error.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Returns what the prompt shows.
    fn status(&self) -> Status {
        Status {
            conversation: self.talk.title(),
            model: self
                .exchange
                .selected_model()
                .map_or_else(|| "no model yet".to_owned(), |model| model.id.clone()),
            tokens: self.talk.tokens().all(),
            attachments: self.files.len(),
        }
    }
}
