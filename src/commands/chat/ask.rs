//! One exchange: what the person says, what the model answers, and the calls and results between.

use std::sync::Arc;

use bytes::Bytes;

use super::Chat;
use super::talk::{Last, Mark, Saying};
use crate::client::{Booking, Client};
use crate::compose::build::{Asked, body, build};
use crate::compose::preflight::{check_and_show, limits};
use crate::error::Error;
use crate::exchange::answer_format::screen;
use crate::exchange::driver::{Outcome, drive};
use crate::exchange::finish::{judge, usage_line};
use crate::exchange::model_catalog::{Chosen, Offer};
use crate::exchange::prepare::{EARLIER, estimate_of};
use crate::exchange::request_log::{Ledger, Noted, Taken};
use crate::exchange::tool_loop::relax;
use crate::input::{check_many, pictures_of};
use crate::pace::Priority;
use crate::protocol::{ContentBlock, InputMessage, Role};
use crate::turn::{Limit, Step, Turn};
use crate::ui::{Form, Output, Plain, Rendered, Renderer, Sink};

/// How an exchange ended.
pub(super) struct Ended {
    /// What went wrong.
    pub(super) error: Option<Error>,
    /// Whether anything of an answer came, and is kept.
    pub(super) is_answered: bool,
}

/// Checks the pictures of the conversation and of what is said now together.
fn check_pictures(earlier: &[InputMessage], said: Option<&InputMessage>) -> Result<(), Error> {
    let said = pictures_of(said.map_or(&[], std::slice::from_ref), "this message")?;
    Ok(check_many(
        &[pictures_of(earlier, EARLIER)?, said].concat(),
    )?)
}

impl Chat<'_> {
    /// Says something, or lets the last answer go on, and shows what is answered. All of it is
    /// kept, however it ends.
    pub(super) async fn ask(&mut self, content: Option<Vec<ContentBlock>>) -> Ended {
        self.ask_at(None, content).await
    }

    /// Says something in the stead of the last message. That and its answer stay until an answer to
    /// this has come.
    pub(super) async fn ask_instead(&mut self, last: Last) -> Ended {
        self.ask_at(Some(last.before), Some(last.content)).await
    }

    async fn ask_at(&mut self, place: Option<Mark>, content: Option<Vec<ContentBlock>>) -> Ended {
        let mut messages = self.earlier.clone();
        messages.extend(self.talk.messages(place.as_ref()));
        let said = content.map(|content| InputMessage {
            role: Role::User,
            content,
        });
        if let Err(error) = check_pictures(&messages, said.as_ref()) {
            return Ended {
                error: Some(error),
                is_answered: false,
            };
        }
        let content = said.as_ref().map(|said| said.content.as_slice());
        let mut saying = self
            .talk
            .begin(self.app, place, content, self.system.as_deref());
        messages.extend(said);
        let mut turn = Turn::new(messages, self.tools.rules());
        let error = self.conduct(&mut turn, &mut saying).await.err();
        let is_answered = saying.is_answered();
        self.talk.end(self.app, saying);
        Ended { error, is_answered }
    }

    async fn conduct(&mut self, turn: &mut Turn, saying: &mut Saying) -> Result<(), Error> {
        loop {
            match turn.step().clone() {
                Step::Ask => self.ask_once(turn, saying).await?,
                Step::RunTools(calls) => {
                    self.calm_keyboard();
                    let (results, error) = self.run_tools(&calls, &mut self.renderer()?).await;
                    let content = results
                        .iter()
                        .cloned()
                        .map(ContentBlock::ToolResult)
                        .collect();
                    self.talk.say(saying, content);
                    turn.ran(results);
                    error.map_or(Ok(()), Err)?;
                }
                Step::Done(_) => {
                    self.tell_unrun(
                        turn.messages()
                            .last()
                            .filter(|message| message.role == Role::Assistant),
                    );
                    return Ok(());
                }
                Step::Stop(Limit::MaxTurns(times)) => return Err(Error::MaxTurns(times)),
            }
        }
    }

    async fn ask_once(&mut self, turn: &mut Turn, saying: &mut Saying) -> Result<(), Error> {
        let (mut outcome, mut renderer) = self.send(turn.messages()).await?;
        let model = self.model.clone();
        let next =
            model.and_then(|model| self.offer().choose_again(&model, outcome.error.as_ref()));
        if let Some(next) = next {
            self.model = Some(next);
            (outcome, renderer) = self.send(turn.messages()).await?;
        }
        let Some(answer) = outcome.answer else {
            return outcome.error.map_or(Ok(()), Err);
        };
        self.talk.answer(saying, &answer.message, answer.complete);
        if matches!(outcome.error, Some(Error::Output(_))) {
            return outcome.error.map_or(Ok(()), Err);
        }
        renderer.finish(&answer)?;
        if self.ask.output.looks.usage {
            self.app
                .notices
                .numbers(&usage_line(&answer, outcome.timing));
        }
        if let Some(error) = outcome.error {
            return Err(error);
        }
        turn.answered(&answer.message);
        judge(&answer, self.settings.allow_truncated).map_or(Ok(()), Err)
    }

    /// Sends the conversation and shows the answer as it comes.
    async fn send(&mut self, messages: &[InputMessage]) -> Result<(Outcome, Renderer), Error> {
        let model = self.model().await?;
        let client = self.client().await?;
        let asked = Asked {
            max_tokens: self.settings.max_tokens.as_ref().map(|tokens| tokens.value),
            model: model.clone(),
            system: self.system.clone(),
            earlier: messages.to_vec(),
            content: Vec::new(),
            tools: self.tools.definitions(),
            tool_choice: self.tools.choice.clone(),
            stream: !self.ask.output.looks.no_stream,
        };
        let mut request = build(&self.request, asked)?;
        let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
        if messages
            .last()
            .is_some_and(|message| message.content.iter().any(is_result))
        {
            // A choice that was forced would be forced for ever.
            relax(&mut request);
        }
        let estimate = estimate_of(&request);
        if !self.ask.input.no_check {
            let limits = limits(&self.offer(), &model.id, estimate.total(), true).await;
            check_and_show(self.app, &estimate, &limits)?;
        }
        let body = body(
            &request,
            &[("the conversation".to_owned(), 0)],
            self.ask.input.no_check,
        )?;
        let mut renderer = self.renderer()?;
        let region = self.settings.endpoint.region().as_str();
        let endpoint = self.settings.endpoint.messages_url();
        self.app
            .notices
            .step(&format!("model {}, region {region}, {endpoint}", model.id));
        let ledger = Ledger::new(self.app, &self.settings, "chat", &self.ask);
        let tokens = estimate.paced(ledger.factor(&model.id, &estimate));
        let booking = Booking::of(&model.id, tokens, request.max_tokens, Priority::Person);
        let call = client
            .call(Bytes::from(body), request.stream, booking)
            .keeping_connection();
        // What is typed meanwhile is for the next line.
        let hush = self.keyboard.as_ref().map(crate::ui::Keyboard::hush);
        let outcome = drive(
            self.app,
            &model.id,
            region,
            call,
            &mut renderer,
            self.talk.kept(),
        )
        .await;
        drop(hush);
        let whole = outcome.answer.as_ref().filter(|_| outcome.error.is_none());
        let judged = whole.and_then(|answer| judge(answer, self.settings.allow_truncated));
        Ledger::new(self.app, &self.settings, "chat", &self.ask).note(&Noted {
            model: &model.id,
            estimate: &estimate,
            taken: Taken::of(outcome.answer.as_ref()),
            timing: outcome.timing,
            error: outcome.error.as_ref().or(judged.as_ref()),
        });
        Ok((outcome, renderer))
    }

    /// Lets what is asked on the terminal be answered by lines.
    pub(super) fn calm_keyboard(&self) {
        if let Some(keyboard) = &self.keyboard {
            keyboard.calm();
        }
    }

    /// The model: the one that was chosen, else one that is picked now.
    pub(super) async fn model(&mut self) -> Result<Chosen, Error> {
        if let Some(model) = &self.model {
            return Ok(model.clone());
        }
        let model = self.offer().choose(true).await?;
        self.model = Some(model.clone());
        Ok(model)
    }

    /// The client, and with it the connection, of the whole conversation.
    pub(super) async fn client(&mut self) -> Result<Client, Error> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = self.offer().client().await?;
        self.client = Some(client.clone());
        Ok(client)
    }

    /// What the endpoint offers.
    pub(super) fn offer(&self) -> Offer<'_> {
        Offer::new(self.app, &self.settings)
    }

    fn renderer(&self) -> Result<Renderer, Error> {
        let sink = Sink::stdout(
            Output::stdout()?,
            self.app.facts.stdout_is_terminal,
            Arc::clone(&self.app.interrupt),
        );
        let screen = screen(self.app, &self.ask.output, self.settings.theme.as_deref())
            .filter(|_| !self.is_raw);
        let form: Box<dyn Form> = match screen {
            Some(screen) => Box::new(Rendered::new(screen)),
            None => Box::new(Plain),
        };
        let renderer = Renderer::new(form, sink);
        let is_dimmed = self.app.notices.colored();
        Ok(if self.ask.output.looks.show_thinking {
            renderer.with_thinking(is_dimmed)
        } else {
            renderer
        })
    }
}
