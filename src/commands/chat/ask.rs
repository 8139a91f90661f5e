//! One turn of the conversation: the user's message, the model's answers, and the tool calls and
//! results in between.

use std::sync::Arc;

use super::talk::{Last, Mark};
use super::{Chat, RefusedMessage};
use crate::compose::build::{RequestParts, build};
use crate::compose::history_fit::has_calls;
use crate::compose::model_fit::Insistence;
use crate::compose::output_limit::ChosenMaxTokens;
use crate::compose::picture_fitting::count_pictures;
use crate::compose::request_spec::RequestSpec;
use crate::error::Error;
use crate::exchange::answer_format::{AnswerFormat, renderer, screen};
use crate::exchange::driver::SendOutcome;
use crate::exchange::engine::{AnswerSink, EncodedRequest};
use crate::exchange::finish::{AcceptedEndings, show_usage, stop_reason_error};
use crate::exchange::model_options::FitContext;
use crate::exchange::prepare::{CALLS_AS_TEXT, EARLIER};
use crate::exchange::selected_model::SelectedModel;
use crate::exchange::session_recorder::TurnRecorder;
use crate::exchange::tool_loop::{ToolLoop, reset_tool_choice_after_results};
use crate::input::{Estimate, pictures_of};
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role};
use crate::session::TurnContext;
use crate::ui::{AnswerRenderer, OutputSink, StdoutWriter};

/// How a turn ended.
pub(super) struct Ended {
    /// The failure, if there was one.
    pub(super) error: Option<Error>,
    /// Whether any part of an answer arrived and was saved.
    pub(super) is_answered: bool,
}

impl Chat<'_> {
    /// Sends a message, or continues the last answer if there is none, and shows the answers.
    /// Everything is saved, however it ends.
    pub(super) async fn ask(&mut self, content: Option<Vec<ContentBlock>>) -> Ended {
        self.ask_at(None, content).await
    }

    /// Sends a message that replaces the last one. That one and its answer stay until an answer to
    /// the new one arrives.
    pub(super) async fn ask_instead(&mut self, last: Last) -> Ended {
        self.ask_at(Some(last.before), Some(last.content)).await
    }

    /// Sends a message at a position, or at the end, and remembers it if the model refuses it: it
    /// is no part of the conversation then.
    pub(super) async fn ask_at(
        &mut self,
        place: Option<Mark>,
        content: Option<Vec<ContentBlock>>,
    ) -> Ended {
        let refused = content.clone().map(|content| RefusedMessage {
            place: place.clone(),
            content,
        });
        let ended = self.send_at(place, content).await;
        if matches!(ended.error, Some(Error::Refusal(_))) {
            self.refused = refused;
        } else if ended.is_answered {
            self.refused = None;
        }
        ended
    }

    async fn send_at(&mut self, place: Option<Mark>, content: Option<Vec<ContentBlock>>) -> Ended {
        if let Err(error) = self.tools.refresh(self.app).await {
            return Ended {
                error: Some(error),
                is_answered: false,
            };
        }
        let mut messages = self.earlier.clone();
        let policy = self.exchange.policy;
        match self.talk.messages(self.app, place.as_ref(), policy) {
            Ok(said) => messages.extend(said),
            Err(error) => {
                return Ended {
                    error: Some(error),
                    is_answered: false,
                };
            }
        }
        let mut said = content.map(|content| InputMessage {
            role: Role::User,
            content,
        });
        let fitted = self.fit_pictures(&mut messages, said.as_mut_slice()).await;
        if let Err(error) = fitted {
            return Ended {
                error: Some(error),
                is_answered: false,
            };
        }
        let content = said.as_ref().map(|said| said.content.as_slice());
        let model = self.exchange.selected_model();
        let sent_to = model.map(|model| self.exchange.target(&model.id));
        let sent_with = TurnContext {
            system: self.system.as_deref(),
            sent_to: sent_to.as_ref(),
            ..TurnContext::default()
        };
        self.talk.begin_turn(self.app, place, content, sent_with);
        messages.extend(said);
        let error = self.send_turn(messages).await.err();
        let is_answered = self.talk.is_answered();
        self.talk.commit(self.app);
        Ended { error, is_answered }
    }

    /// Makes the pictures of a conversation and of what is said now fit a request, and checks them.
    async fn fit_pictures(
        &mut self,
        messages: &mut [InputMessage],
        said: &mut [InputMessage],
    ) -> Result<(), Error> {
        let count = count_pictures(messages) + count_pictures(said);
        self.exchange.fit_earlier(messages, count).await?;
        self.exchange.fit_earlier(said, count).await?;
        let new = pictures_of(said, "this message");
        let pictures = [pictures_of(messages, EARLIER), new].concat();
        self.exchange.check_pictures(&pictures, true).await
    }

    /// Sends the conversation, runs the tools that the model calls, and shows the answers.
    async fn send_turn(&mut self, messages: Vec<InputMessage>) -> Result<(), Error> {
        let (mut request, encoded) = self.request(messages).await?;
        let mut renderer = self.renderer()?;
        let shows_usage = self.ask.output.looks.usage;
        let rules = self.tools.rules();
        let messages = request.messages.clone();
        let mut tool_loop = ToolLoop::new(messages, rules, &mut self.tools.runner, shows_usage);
        let mut sink = AnswerSink {
            renderer: &mut renderer,
            recorder: &mut self.talk,
        };
        let outcome = tool_loop
            .run(&mut self.exchange, &mut request, encoded, &mut sink)
            .await;
        let last = tool_loop.messages().last().cloned();
        let result = self.finish_turn(outcome, renderer);
        if result.is_ok() {
            self.tell_unrun(
                last.filter(|message| message.role == Role::Assistant)
                    .as_ref(),
            );
        }
        result
    }

    /// Builds the request.
    async fn request(
        &mut self,
        messages: Vec<InputMessage>,
    ) -> Result<(CreateMessage, EncodedRequest), Error> {
        let model = self.exchange.model(true).await?;
        let mut spec = self.spec.clone();
        // Options were checked when they were set; what is refused now was set for another model.
        let insistence = Insistence::Nothing;
        let max_tokens = self.fit_spec(&mut spec, &model, insistence).await?;
        let parts = RequestParts {
            max_tokens,
            model: model.id,
            system: self.system.clone(),
            earlier: messages,
            content: Vec::new(),
            tools: self.tools.definitions(),
            tool_choice: self.tools.choice.clone(),
        };
        let has_earlier_calls = has_calls(&parts.earlier);
        let mut request = build(&spec, parts)?;
        if has_earlier_calls
            && request.tools.is_empty()
            && !std::mem::replace(&mut self.has_told_calls, true)
        {
            self.app.notices.notice(CALLS_AS_TEXT);
        }
        reset_tool_choice_after_results(&mut request);
        let estimate = Estimate::of_request(&request, &[]);
        let sizes = [("the conversation".to_owned(), 0)];
        let encoded = self
            .exchange
            .encode(&mut request, estimate, &sizes, true)
            .await?;
        Ok((request, encoded))
    }

    /// Fits the fields of the next request to the model, and returns the maximum number of tokens
    /// to generate.
    pub(super) async fn fit_spec(
        &mut self,
        spec: &mut RequestSpec,
        model: &SelectedModel,
        insistence: Insistence<'_>,
    ) -> Result<u64, Error> {
        let is_insisted = insistence == Insistence::Field("max_tokens");
        let chosen = self.max_tokens.map(|tokens| ChosenMaxTokens {
            tokens,
            name: "`max_tokens`".to_owned(),
            is_insisted,
        });
        let max_tokens = self
            .exchange
            .settle_max_tokens(spec, chosen.as_ref(), model, true)
            .await?;
        let context = FitContext {
            max_tokens,
            tool_choice: self.tools.choice.as_ref(),
            shows_thinking: self.ask.output.looks.show_thinking,
            is_sent: true,
            insistence,
        };
        self.exchange.fit_to_model(spec, model, context).await?;
        Ok(max_tokens)
    }

    /// Finishes the output of the last answer.
    fn finish_turn(
        &self,
        mut outcome: SendOutcome,
        mut renderer: AnswerRenderer,
    ) -> Result<(), Error> {
        let accepted = AcceptedEndings {
            truncated: self.exchange.settings().allow_truncated,
            empty: self.ask.output.allow_empty,
        };
        let Some(answer) = &outcome.answer else {
            return outcome.error.map_or(Ok(()), Err);
        };
        if matches!(outcome.error, Some(Error::Output(_))) {
            return outcome.error.map_or(Ok(()), Err);
        }
        renderer.finish_answer(answer)?;
        let stopped = stop_reason_error(answer, accepted);
        if self.ask.output.looks.usage {
            show_usage(self.app, &mut outcome);
        }
        outcome.error.or(stopped).map_or(Ok(()), Err)
    }

    fn renderer(&self) -> Result<AnswerRenderer, Error> {
        let sink = OutputSink::for_stdout(
            StdoutWriter::open()?,
            self.app.facts.stdout_is_terminal,
            Arc::clone(&self.app.interrupt),
        );
        let theme = self.exchange.settings().theme.as_deref();
        let screen = screen(self.app, &self.ask.output, theme).filter(|_| !self.is_raw);
        let format = screen.map_or(AnswerFormat::Plain, AnswerFormat::Markdown);
        Ok(renderer(self.app, format, sink, &self.ask.output.looks))
    }
}
