//! `/compact`: asks the model for a summary of the older part of the conversation, which then
//! replaces it.

use std::sync::Arc;

use super::acts::usage;
use super::talk::{Mark, PastExchange, text_of};
use super::{Chat, told};
use crate::cli;
use crate::compose::build::{RequestParts, build};
use crate::compose::model_fit::Insistence;
use crate::compose::output_limit::ChosenMaxTokens;
use crate::error::{Error, Kind};
use crate::exchange::answer_format::{AnswerFormat, renderer};
use crate::exchange::driver::SendOutcome;
use crate::exchange::engine::AnswerSink;
use crate::exchange::finish::{AcceptedEndings, show_usage, stop_reason_error};
use crate::exchange::model_options::FitContext;
use crate::exchange::session_recorder::SessionRecorder;
use crate::model_text::summary_request;
use crate::protocol::{
    ContentBlock, CreateMessage, InputMessage, Message, MissingPart, StopReason,
};
use crate::session::{SummaryExchange, TurnContext};
use crate::text::counted;
use crate::ui::{OutputSink, StdoutWriter};

/// The last exchanges are kept as they are as far as they take no more than this part of the
/// conversation. The very last one is kept in any case.
const KEPT_DIVISOR: usize = 4;

/// The part of a conversation that a summary replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OlderPart {
    /// The position behind it; `None` if it is all of the conversation.
    end: Option<Mark>,
}

/// A summary, and the model that was asked for it.
struct Summary {
    message: Message,
    model: String,
    /// How many messages it stands for.
    messages: usize,
}

impl Chat<'_> {
    /// Whether a part of the conversation is old enough to be summarised.
    pub(super) fn can_compact(&self) -> bool {
        self.older_part().is_some()
    }

    fn older_part(&self) -> Option<OlderPart> {
        let exchanges = self.talk.exchanges();
        let older = older_exchanges(&exchanges, !self.earlier.is_empty())?;
        Some(OlderPart {
            end: exchanges.get(older).map(|next| next.before.clone()),
        })
    }

    /// Replaces the older part of the conversation with a summary. If there is none, however that
    /// comes, the conversation stays as it was.
    pub(super) async fn compact(&mut self, hint: &str) -> Result<(), Error> {
        let Some(older) = self.older_part() else {
            return Err(usage(
                "there is nothing to compact yet",
                "/compact summarises what was said before the last message",
            ));
        };
        let request = [ContentBlock::text(summary_request(hint))];
        let replaced = match self.summarise(&older, &request).await {
            Ok(summary) => {
                let replaced = self.replace_with(&older, &request, &summary);
                if replaced.is_err() {
                    let usage = &summary.message.usage;
                    self.talk.count_answer(&summary.model, usage);
                }
                replaced
            }
            Err(error) => Err(error),
        };
        if let Err(error) = replaced {
            match error.kind() {
                Kind::Incomplete | Kind::Refusal => self
                    .app
                    .tell_error(&told::message(&error), Some("/compact asks again")),
                _ => self.tell(&error, false)?,
            }
            self.app.notices.notice("the conversation stays as it was");
        }
        Ok(())
    }

    /// Asks for the summary. Nothing of this is recorded, and the model can call no tools.
    async fn summarise(
        &mut self,
        older: &OlderPart,
        request: &[ContentBlock],
    ) -> Result<Summary, Error> {
        let mut messages = self.earlier.clone();
        messages.extend(
            self.talk
                .messages(self.app, older.end.as_ref(), self.exchange.policy)?,
        );
        let count = messages.len();
        let mut request = self.summary_parts(messages, request).await?;
        let keeps_tools = self.tools.definitions().is_empty();
        let encoded = self.exchange.encode_once(&mut request, keeps_tools).await?;
        let sink = OutputSink::for_stdout(
            StdoutWriter::open()?,
            self.app.facts.stdout_is_terminal,
            Arc::clone(&self.app.interrupt),
        );
        // It is never shown as an answer.
        let looks = cli::DisplayArgs {
            no_stream: true,
            ..cli::DisplayArgs::default()
        };
        let mut renderer = renderer(self.app, AnswerFormat::Plain, sink, &looks);
        let mut sink = AnswerSink {
            renderer: &mut renderer,
            recorder: &mut None::<SessionRecorder>,
        };
        let sent = self.exchange.send(&mut request, encoded, &mut sink);
        let mut outcome = Box::pin(sent).await;
        if self.ask.output.looks.usage {
            show_usage(self.app, &mut outcome);
        }
        let usage = outcome.answer.as_ref();
        let usage = usage.map(|answer| answer.message.usage.clone());
        match summary_message(outcome) {
            Ok(message) => Ok(Summary {
                message,
                model: request.model,
                messages: count,
            }),
            Err(error) => {
                let usage = usage.unwrap_or_default();
                self.talk.count_answer(&request.model, &usage);
                Err(error)
            }
        }
    }

    /// Builds the request for a summary of these messages.
    async fn summary_parts(
        &mut self,
        messages: Vec<InputMessage>,
        request: &[ContentBlock],
    ) -> Result<CreateMessage, Error> {
        let model = self.exchange.model(true).await?;
        let mut spec = self.spec.for_summary();
        // A limit for short answers would cut it off.
        let usual = self.exchange.default_max_tokens(&model, true).await?;
        let chosen = ChosenMaxTokens {
            tokens: self.max_tokens.map_or(usual, |tokens| tokens.max(usual)),
            name: "`max_tokens`".to_owned(),
            is_insisted: false,
        };
        let max_tokens = self
            .exchange
            .settle_max_tokens(&mut spec, Some(&chosen), &model, true)
            .await?;
        let context = FitContext {
            max_tokens,
            tool_choice: None,
            shows_thinking: false,
            is_sent: true,
            insistence: Insistence::Nothing,
        };
        self.exchange
            .fit_to_model(&mut spec, &model, context)
            .await?;
        let parts = RequestParts {
            max_tokens,
            model: model.id,
            system: self.system.clone(),
            earlier: messages,
            content: request.to_vec(),
            tools: Vec::new(),
            tool_choice: None,
        };
        build(&spec, parts)
    }

    /// Puts the summary in the place of what it stands for.
    fn replace_with(
        &mut self,
        older: &OlderPart,
        request: &[ContentBlock],
        summary: &Summary,
    ) -> Result<(), Error> {
        let target = self.exchange.target(&summary.model);
        let exchange = SummaryExchange {
            request,
            answer: &summary.message,
            context: TurnContext {
                system: self.system.as_deref(),
                sent_to: Some(&target),
                secrets: Some(&self.app.secrets),
            },
        };
        if !self.talk.compact(older.end.as_ref(), exchange)? {
            return Err(usage(
                "another process has continued this conversation",
                "type /compact again",
            ));
        }
        self.compacted.push(std::mem::take(&mut self.earlier));
        (self.replaced, self.refused) = (None, None);
        let usage = &summary.message.usage;
        let size = match usage.output_tokens() {
            0 => String::new(),
            tokens => format!(" of {}", counted(tokens, "token")),
        };
        self.app.notices.print_block(&format!(
            "replaced {} with a summary{size}; /undo takes it back",
            counted(summary.messages, "message")
        ));
        Ok(())
    }

    /// Undoes the last `/compact` if nothing was said since, and returns whether it did.
    pub(super) fn undo_compaction(&mut self) -> Result<bool, Error> {
        if !self.talk.undo_compaction()? {
            return Ok(false);
        }
        // Of another run's compaction, there is nothing but what was saved.
        if let Some(earlier) = self.compacted.pop() {
            self.earlier = earlier;
        }
        Ok(true)
    }
}

/// Returns the answer with the text of the summary alone.
///
/// # Errors
///
/// If it is incomplete, or has no text.
fn summary_message(outcome: SendOutcome) -> Result<Message, Error> {
    if let Some(error) = outcome.error {
        return Err(error);
    }
    let nothing = || Error::EmptyAnswer(MissingPart::Content);
    let answer = outcome.answer.ok_or_else(nothing)?;
    if let Some(error) = stop_reason_error(&answer, AcceptedEndings::default()) {
        return Err(error);
    }
    let mut message = answer.message;
    let text = text_of(&message.content).trim().to_owned();
    if text.is_empty() || message.stop_reason == Some(StopReason::ToolUse) {
        return Err(nothing());
    }
    // Thinking is bound to the request, which is not a part of the conversation.
    message.content = vec![ContentBlock::text(text)];
    Ok(message)
}

/// Returns how many exchanges are summarised, of those of a conversation; `None` if there is
/// nothing to summarise, or nothing but an earlier summary. `has_earlier` says whether messages
/// that do not belong to the conversation stand before it, which are summarised too.
fn older_exchanges(exchanges: &[PastExchange], has_earlier: bool) -> Option<usize> {
    let Some((last, before)) = exchanges.split_last() else {
        return has_earlier.then_some(0);
    };
    let total: usize = exchanges.iter().map(|exchange| exchange.bytes).sum();
    let mut kept = last.bytes;
    let mut older = before.len();
    for exchange in before.iter().rev() {
        kept += exchange.bytes;
        if kept > total / KEPT_DIVISOR {
            break;
        }
        older -= 1;
    }
    let is_new = |exchange: &PastExchange| !exchange.is_summary;
    (has_earlier || before[..older].iter().any(is_new)).then_some(older)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many exchanges of these sizes are summarised; 0 bytes stand for a summary.
    fn older(sizes: &[usize], has_earlier: bool) -> Option<usize> {
        let exchange = |(place, &bytes): (usize, &usize)| PastExchange {
            before: Mark::Unsaved(place),
            bytes: bytes.max(100),
            is_summary: bytes == 0,
        };
        let exchanges: Vec<_> = sizes.iter().enumerate().map(exchange).collect();
        older_exchanges(&exchanges, has_earlier)
    }

    #[test]
    fn the_last_quarter_stays_and_the_last_exchange_in_any_case() {
        assert_eq!(older(&[100; 2], false), Some(1));
        assert_eq!(older(&[100; 4], false), Some(3));
        assert_eq!(older(&[100; 8], false), Some(6));
        assert_eq!(older(&[100, 100, 9_000], false), Some(2));
        assert_eq!(older(&[9_000, 100, 100, 100], false), Some(1));
    }

    #[test]
    fn there_is_something_to_summarise() {
        assert_eq!(older(&[], false), None);
        assert_eq!(older(&[100], false), None);
        assert_eq!(older(&[0], false), None);
        assert_eq!(older(&[0, 100], false), None, "a summary of a summary");
        assert_eq!(older(&[0, 100, 100], false), Some(2));
        assert_eq!(older(&[], true), Some(0));
        assert_eq!(older(&[100], true), Some(0));
        assert_eq!(older(&[100, 100], true), Some(1));
    }
}
