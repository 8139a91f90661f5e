//! `--schema`: asks until the answer matches, and gives out what matches or nothing.

use std::convert::Infallible;
use std::path::Path;
use std::time::SystemTime;

use super::driver::SendOutcome;
use super::engine::{AnswerSink, EncodedRequest, Exchange, leave_out_refused};
use super::model_catalog::ModelCatalog;
use crate::cli;
use crate::compose::named_text::read_named_text;
use crate::compose::secret_guard::SecretGuard;
use crate::error::Error;
use crate::input::on_a_thread;
use crate::protocol::{
    ContentBlock, CreateMessage, ExactJson, ModelRules, RequestOptions, StopReason, ToolUse,
};
use crate::tool::{Candidate, Misfit, SchemaWay, Structured, StructuredVerdict};
use crate::ui::FinalAnswer;

/// How often a wrong answer is sent back where nobody says.
const REPAIRS: u32 = 2;

/// Reads the schema, if one was given.
pub(crate) async fn load_output_schema(
    guard: SecretGuard<'_>,
    flags: &cli::StructuredArgs,
) -> Result<Option<Structured>, Error> {
    let app = guard.app;
    let Some(given) = flags.schema.as_deref() else {
        return Ok(None);
    };
    let (file, text) = match given.trim_start() {
        json if json.starts_with('{') => {
            let name = "--schema";
            (
                name.to_owned(),
                guard.check_json_words(name, json.to_owned()),
            )
        }
        _ => {
            let path = Path::new(given);
            let (name, text) = read_named_text(app, path).await?;
            let text = guard.check_json(&name, path, text)?;
            (name, text)
        }
    };
    let mode = flags.schema_mode.unwrap_or_default().into();
    let repairs = flags.repair.unwrap_or(REPAIRS);
    let parsing = on_a_thread(move || Ok(Structured::parse(&text, mode, repairs)));
    let schema = app.unless_interrupted(parsing).await?;
    let schema = schema.map_err(|source| Error::System {
        what: "read the schema",
        source,
    })?;
    Ok(Some(
        schema.map_err(|reason| Error::Schema { file, reason })?,
    ))
}

/// Sends a request again.
pub(crate) trait RepairSender {
    /// Why it may be left out, where that is no failure.
    type Stopped;

    /// The request that was sent last.
    fn request(&mut self) -> &mut CreateMessage;

    /// Sends the request as it is now. `why` is what is wrong with the last answer, where it is
    /// sent back.
    fn send_again(
        &mut self,
        why: Option<&str>,
    ) -> impl Future<Output = Result<SendOutcome, Repair<Self::Stopped>>> + Send;

    /// Waits for a check of an answer, or fails at the signal that ends the run. Where tasks run
    /// side by side, whoever runs them looks for signals.
    fn wait_for<T: Send>(
        &mut self,
        check: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        async { Ok(check.await) }
    }
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
        let refused = ended.outcome.refusal().map(str::to_owned);
        let is_changed =
            refused.is_some_and(|message| schema.take_refusal(&message, sender.request()));
        let finished = ended.outcome.finished_answer();
        let verdict = match finished {
            _ if is_changed => StructuredVerdict::NextWay,
            Some(answer) => match check(schema.candidate(&answer.message), sender).await {
                Ok(fitting) => schema.judge(&answer.message, fitting),
                Err(error) => {
                    ended.outcome.error = Some(error);
                    return ended;
                }
            },
            None => StructuredVerdict::NotWhole,
        };
        let sent = match verdict {
            StructuredVerdict::Fits(value) => {
                ended.outcome.error = None;
                ended.value = Some(value);
                return ended;
            }
            StructuredVerdict::NotWhole => return ended,
            StructuredVerdict::Never { why } => {
                ended.outcome.error = Some(Error::Unfit(why));
                return ended;
            }
            StructuredVerdict::NextWay => {
                if !is_changed {
                    schema.take_next_way(sender.request());
                }
                sender.send_again(None).await
            }
            StructuredVerdict::Again { why, messages } => {
                sender.request().messages.extend(messages);
                let sent = sender.send_again(Some(&why)).await;
                if sent.is_ok() {
                    ended.rejected.clone_from(&ended.outcome.answer);
                }
                sent
            }
        };
        match sent {
            Ok(mut next) => {
                next.count_in(&ended.outcome);
                ended.outcome = next;
            }
            Err(Repair::Failed(error)) => {
                ended.outcome.error = Some(error);
                return ended;
            }
            Err(Repair::Stopped(why)) => {
                ended.stopped = Some(why);
                return ended;
            }
        }
    }
}

/// Checks the value of an answer on a thread of its own: it may take a while, during which signals
/// are heeded and other answers arrive.
async fn check<R: RepairSender>(
    candidate: Result<Candidate, Misfit>,
    sender: &mut R,
) -> Result<Result<ExactJson, Misfit>, Error> {
    let candidate = match candidate {
        Ok(candidate) => candidate,
        Err(misfit) => return Ok(Err(misfit)),
    };
    let checked = sender
        .wait_for(on_a_thread(move || Ok(candidate.check())))
        .await?;
    checked.map_err(|source| Error::System {
        what: "check the answer",
        source,
    })
}

/// What is known of how a model is to be asked.
pub(crate) struct SchemaRules {
    pub(crate) rules: ModelRules,
    /// What has worked with it before.
    pub(crate) remembered: Option<SchemaWay>,
}

impl SchemaRules {
    /// Adds to the rules of a model what has worked with it before.
    pub(crate) fn new(rules: ModelRules, catalog: &ModelCatalog<'_>, model: &str) -> Self {
        let ways = catalog.schema_ways();
        Self {
            rules,
            remembered: ways.and_then(|ways| ways.of_model(model, SystemTime::now())),
        }
    }

    /// Has a request ask for an answer that matches a schema.
    pub(crate) fn begin(
        &self,
        schema: &mut Structured,
        request: &mut CreateMessage,
    ) -> Result<(), Error> {
        let begun = schema.begin(request, &self.rules, self.remembered);
        begun.map_err(|message| Error::Usage {
            message,
            hint: Some("leave out one of them".to_owned()),
        })
    }
}

/// Remembers the way that a model took to. Where that cannot be, another run finds it again.
pub(crate) fn remember_way(catalog: &ModelCatalog<'_>, model: &str, way: Option<SchemaWay>) {
    if let (Some(way), Some(ways)) = (way, catalog.schema_ways()) {
        let _ = ways.remember(model, way, SystemTime::now());
    }
}

/// Asks on the terminal or in a pipe, and sends wrong answers back. Of the answer there is left
/// what matches, as the input of its one call, or nothing. What is recorded of it is text: the call
/// is of a tool that no other request has. Of answers that were sent back nothing is recorded,
/// unless nothing came of a further one. `is_message` says whether the answer that matches is left
/// as it came.
pub(crate) async fn send_structured(
    exchange: &mut Exchange<'_>,
    schema: &mut Structured,
    is_message: bool,
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
    let options = RequestOptions::of_request(request).uses();
    leave_out_refused(&mut outcome, &options, sink.recorder);
    // A refusal without a word counts: what was refused is not sent again.
    let says_something = |answer: &&FinalAnswer| {
        !answer.message.content.is_empty()
            || answer.message.stop_reason == Some(StopReason::Refusal)
    };
    let last = outcome.answer.as_ref().filter(says_something).cloned();
    if let Some(mut answer) = last.or(ended.rejected) {
        answer.message.content = schema.as_text(answer.message.content, value.as_ref());
        let text = answer.message.text();
        if value.is_none() && !text.trim().is_empty() {
            exchange.app.notices.print_block(&text);
            outcome.is_shown_aside = true;
        }
        sink.recorder.record_answer(&answer);
    }
    if value.is_some() {
        remember_way(&exchange.catalog, &request.model, schema.learned_way());
    }
    if let Some(answer) = &mut outcome.answer
        && !(is_message && value.is_some())
    {
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

    fn request(&mut self) -> &mut CreateMessage {
        self.request
    }

    async fn send_again(&mut self, why: Option<&str>) -> Result<SendOutcome, Repair<Infallible>> {
        let notices = &self.exchange.app.notices;
        match why {
            Some(why) => notices.notice(&format!(
                "the answer does not fit the schema: {why}; asking for a correction"
            )),
            None => notices.log_step("the model did not accept this schema mode; trying another"),
        }
        let sent = self
            .exchange
            .send_on(self.request, Vec::new(), self.sink)
            .await;
        sent.map_err(Repair::Failed)
    }

    async fn wait_for<T: Send>(
        &mut self,
        check: impl Future<Output = T> + Send,
    ) -> Result<T, Error> {
        self.exchange.app.unless_interrupted(check).await
    }
}
