//! `--schema`: asks until the answer matches, and gives out what matches or nothing.

use std::convert::Infallible;
use std::path::Path;

use super::driver::SendOutcome;
use super::engine::{AnswerSink, EncodedRequest, Exchange};
use crate::app::App;
use crate::cli;
use crate::compose::named_text::read_named_text;
use crate::error::Error;
use crate::protocol::{ContentBlock, CreateMessage, ExactJson, InputMessage, StopReason, ToolUse};
use crate::tool::{self, Structured, StructuredVerdict};
use crate::ui::FinalAnswer;

/// How often a wrong answer is sent back where nobody says.
const REPAIRS: u32 = 2;

/// Reads the schema, if one was given.
pub(crate) async fn load_output_schema(
    app: &App,
    flags: &cli::StructuredArgs,
) -> Result<Option<Structured>, Error> {
    let Some(given) = flags.schema.as_deref() else {
        return Ok(None);
    };
    let (file, text) = match given.trim_start() {
        json if json.starts_with('{') => ("--schema".to_owned(), json.to_owned()),
        _ => read_named_text(app, Path::new(given)).await?,
    };
    let schema = Structured::parse(&text, flags.repair.unwrap_or(REPAIRS));
    Ok(Some(schema.map_err(|reason| tool::Error { file, reason })?))
}

/// Sends a wrong answer back.
pub(crate) trait RepairSender {
    /// Why a repair may be left out, where that is no failure.
    type Stopped;

    /// Sends the conversation with these messages behind it; `why` is what is wrong with the last
    /// answer.
    fn send_back(
        &mut self,
        why: &str,
        messages: Vec<InputMessage>,
    ) -> impl Future<Output = Result<SendOutcome, Repair<Self::Stopped>>> + Send;
}

/// Why a wrong answer was not sent back.
pub(crate) enum Repair<S> {
    /// It could not be.
    Failed(Error),
    /// It was not to be.
    Stopped(S),
}

/// What came of a request whose answer has to match a schema.
pub(crate) struct SchemaOutcome<S> {
    /// The last request.
    pub(crate) outcome: SendOutcome,
    /// What matches.
    pub(crate) value: Option<ExactJson>,
    /// The last answer that was sent back.
    pub(crate) rejected: Option<FinalAnswer>,
    /// Why nothing more was asked, where that is no failure.
    pub(crate) stopped: Option<S>,
}

/// Sends answers back until one matches, or it was tried often enough.
pub(crate) async fn retry_until_valid<R: RepairSender>(
    schema: &mut Structured,
    first: SendOutcome,
    sender: &mut R,
) -> SchemaOutcome<R::Stopped> {
    let mut ended = SchemaOutcome {
        outcome: first,
        value: None,
        rejected: None,
        stopped: None,
    };
    loop {
        let finished = ended.outcome.finished_answer();
        let verdict = finished.map_or(StructuredVerdict::NotWhole, |answer| {
            schema.judge(&answer.message)
        });
        match verdict {
            StructuredVerdict::Fits(value) => {
                ended.outcome.error = None;
                ended.value = Some(value);
            }
            StructuredVerdict::NotWhole => {}
            StructuredVerdict::Never { why } => ended.outcome.error = Some(Error::Unfit(why)),
            StructuredVerdict::Again { why, messages } => {
                match sender.send_back(&why, messages).await {
                    Ok(next) => {
                        ended.rejected = std::mem::replace(&mut ended.outcome, next).answer;
                        continue;
                    }
                    Err(Repair::Failed(error)) => ended.outcome.error = Some(error),
                    Err(Repair::Stopped(why)) => ended.stopped = Some(why),
                }
            }
        }
        return ended;
    }
}

/// Asks on the terminal or in a pipe, and sends wrong answers back. Of the answer there is left
/// what matches, as the input of its one call, or nothing. What is recorded of it is text: the call
/// is of a tool that no other request has. Of answers that were sent back nothing is recorded,
/// unless nothing came of a further one.
pub(crate) async fn send_structured(
    exchange: &mut Exchange<'_>,
    schema: &mut Structured,
    request: &mut CreateMessage,
    encoded: EncodedRequest,
    mut sink: AnswerSink<'_>,
) -> SendOutcome {
    let first = exchange.send(request, encoded, &mut sink).await;
    let mut sender = ShownRepairs {
        exchange,
        request,
        sink: &mut sink,
    };
    let ended = retry_until_valid(schema, first, &mut sender).await;
    let SchemaOutcome {
        mut outcome, value, ..
    } = ended;
    // A refusal without a word counts: what was refused is not sent again.
    let says_something = |answer: &&FinalAnswer| {
        !answer.message.content.is_empty()
            || answer.message.stop_reason == Some(StopReason::Refusal)
    };
    let last = outcome.answer.as_ref().filter(says_something).cloned();
    if let Some(mut answer) = last.or(ended.rejected) {
        answer.message.content = schema.as_text(answer.message.content, value.as_ref());
        sink.recorder.record_answer(&answer);
    }
    if let Some(answer) = &mut outcome.answer {
        let as_call = |input| ContentBlock::ToolUse(ToolUse::new(&answer.message.id, "", input));
        answer.message.content = value.map(as_call).into_iter().collect();
    }
    sink.recorder.commit(exchange.app);
    outcome
}

/// Sends wrong answers back with a notice, and without a word of them in the conversation.
struct ShownRepairs<'s, 'a, 'k> {
    exchange: &'s mut Exchange<'a>,
    request: &'s mut CreateMessage,
    sink: &'s mut AnswerSink<'k>,
}

impl RepairSender for ShownRepairs<'_, '_, '_> {
    type Stopped = Infallible;

    async fn send_back(
        &mut self,
        why: &str,
        messages: Vec<InputMessage>,
    ) -> Result<SendOutcome, Repair<Infallible>> {
        self.exchange.app.notices.notice(&format!(
            "the answer does not fit the schema: {why}; asking for a correction"
        ));
        self.request.messages.extend(messages);
        let sent = self
            .exchange
            .send_on(self.request, Vec::new(), self.sink)
            .await;
        sent.map_err(Repair::Failed)
    }
}
