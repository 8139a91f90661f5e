//! Sends requests: the one path that every command takes from a request to its answer.
//!
//! In this order: estimate, check against what is known, reserve a place within the rate limits,
//! send, and where the model that was picked is gone, send again to another one; then note what it
//! took. What is said and answered is written down as it comes.

use std::collections::BTreeSet;
use std::time::SystemTime;

use tokio::sync::OnceCell;

use super::answer_parts::{AnswerParts, ContinuationMode, PartsObserver};
use super::cache_context::CacheContext;
use super::conversation_target::turn_target;
use super::cost_limit::CostLimit;
use super::driver::{CallObserver, SendOutcome, drive_answer, failed_with};
use super::finish::{AcceptedEndings, stop_reason_error};
use super::model_catalog::ModelCatalog;
use super::option_learner::OptionLearner;
use super::progress::TerminalObserver;
use super::request_log::{RequestFailure, RequestLog, RequestRecord, TokenUsage};
use super::selected_model::SelectedModel;
use super::session_recorder::TurnRecorder;
use crate::app::App;
use crate::client::{ApiCall, ApiClient, DEFAULT_MAX_TOKENS, Reservation};
use crate::compose::build::encode_marked_body;
use crate::compose::cache_marks::CacheMarks;
use crate::compose::cache_policy::PromptTokens;
use crate::compose::history_fit::leave_out_all_thinking;
use crate::compose::preflight::check_and_show;
use crate::compose::thinking_binding::{bind_thinking, leave_out_thinking, unbind_thinking};
use crate::config::Settings;
use crate::error::Error;
use crate::input::Estimate;
use crate::pace::RequestPriority;
use crate::protocol::{
    BilledTokens, CacheMode, ContentBlock, CreateMessage, ModelOption, ModelPrice, OptionUse,
    RequestBody, RequestOptions, Support, names_cache_marks, refused_options,
};
use crate::session::{SavedConversation, TurnTarget};
use crate::text::Money;
use crate::ui::{AnswerRenderer, FinalAnswer, ModesGuard, TerminalModes, Verbosity};

/// Sends requests to one endpoint. It can be shared by many tasks.
#[derive(Debug, Clone)]
pub(crate) struct RequestSender {
    client: ApiClient,
    /// Whether the connection is kept for a further request.
    keeps_connection: bool,
    region: String,
}

/// What is known of a request beside its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestHead<'r> {
    pub(crate) model: &'r str,
    pub(crate) max_tokens: u64,
    /// Whether the answer comes as events.
    pub(crate) stream: bool,
    /// The tokens that it is thought to read.
    pub(crate) input_tokens: u64,
    pub(crate) priority: RequestPriority,
}

impl RequestSender {
    /// Sends to the endpoint of a client.
    pub(crate) fn new(client: ApiClient, settings: &Settings, keeps_connection: bool) -> Self {
        Self {
            client,
            keeps_connection,
            region: settings.endpoint.region().as_str().to_owned(),
        }
    }

    /// Begins a call for the list of models, on the same connections.
    pub(crate) fn list_models(&self) -> ApiCall {
        self.client.list_models()
    }

    /// Sends a request, and retries it as the client does.
    pub(crate) async fn send(
        &self,
        head: RequestHead<'_>,
        body: RequestBody,
        observer: &mut dyn CallObserver,
    ) -> SendOutcome {
        let reservation = Reservation::new(
            head.model,
            head.input_tokens,
            head.max_tokens,
            head.priority,
        );
        let mut call = self.client.new_call(body, head.stream, reservation);
        if self.keeps_connection {
            call = call.keeping_connection();
        }
        drive_answer(call, head.model, &self.region, observer).await
    }
}

/// How the requests of a command are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendPolicy {
    /// Whether a request is sent that exceeds what is known of the limits: `--no-check`.
    pub(crate) is_unchecked: bool,
    /// Whether further requests are expected.
    pub(crate) keeps_connection: bool,
    pub(crate) answers: AnswerPolicy,
}

/// What becomes of the answers of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerPolicy {
    /// They are recorded as they end.
    AsTheyEnd(AcceptedEndings),
    /// They have to match a schema: what is recorded of them is decided later, and one that is
    /// truncated is never whole.
    MatchSchema,
}

/// A request in the form that goes out.
#[derive(Debug)]
pub(crate) struct EncodedRequest {
    pub(crate) body: RequestBody,
    pub(crate) estimate: Estimate,
    /// Its marks for the prompt cache.
    pub(crate) marks: CacheMarks,
    /// What it uses that only some models accept.
    pub(crate) options: Vec<OptionUse>,
}

/// Where an answer goes: to the user, and into a conversation.
pub(crate) struct AnswerSink<'s> {
    pub(crate) renderer: &'s mut AnswerRenderer,
    pub(crate) recorder: &'s mut dyn TurnRecorder,
}

/// What a command exchanges with an endpoint: one request after the other.
pub(crate) struct Exchange<'a> {
    pub(crate) app: &'a App,
    pub(crate) catalog: ModelCatalog<'a>,
    pub(crate) policy: SendPolicy,
    log: RequestLog<'a>,
    sender: OnceCell<RequestSender>,
    /// The model that is asked, once it is known.
    model: Option<SelectedModel>,
    /// Whether the user was told that a limit is exceeded which is only assumed: once is enough.
    has_warned: bool,
    /// Notices that are not repeated.
    told: BTreeSet<String>,
    /// What is known of the prompt cache.
    cache: CacheContext,
    /// The earlier answer that the next one continues.
    pub(super) continued: Option<Box<AnswerParts>>,
    /// How much the requests may cost, if that is limited.
    cost_limit: Option<CostLimit>,
    /// The terminal, where the user types into it between requests.
    pub(crate) keyboard: Option<TerminalModes>,
}

impl<'a> Exchange<'a> {
    /// Creates an exchange; nothing is opened or read yet.
    pub(crate) fn new(
        app: &'a App,
        catalog: ModelCatalog<'a>,
        log: RequestLog<'a>,
        policy: SendPolicy,
    ) -> Self {
        Self {
            app,
            catalog,
            policy,
            log,
            sender: OnceCell::new(),
            model: None,
            has_warned: false,
            told: BTreeSet::new(),
            cache: CacheContext::default(),
            continued: None,
            cost_limit: None,
            keyboard: None,
        }
    }

    /// The settings of the endpoint.
    pub(crate) fn settings(&self) -> &Settings {
        self.catalog.settings()
    }

    /// Sends to another endpoint, or with other settings, from now on. A model that nobody chose is
    /// picked again there.
    pub(crate) fn move_to(&mut self, settings: Settings) {
        self.catalog = self.catalog.with_settings(settings);
        self.log
            .set_region(self.catalog.settings().endpoint.region().as_str());
        self.sender = OnceCell::new();
        self.model.take_if(|model| model.is_picked());
    }

    /// Where a turn goes that is sent to this model now.
    pub(crate) fn target(&self, model: &str) -> TurnTarget {
        turn_target(self.settings(), model)
    }

    /// Asks this model from now on.
    pub(crate) fn select_model(&mut self, model: SelectedModel) {
        self.model = Some(model);
    }

    /// The model, where it is known already.
    pub(crate) fn selected_model(&self) -> Option<&SelectedModel> {
        self.model.as_ref()
    }

    /// Restores the original modes of the terminal until the guard is dropped, for programs and
    /// questions that read lines themselves.
    pub(crate) fn lend_keyboard(&self) -> Option<ModesGuard<'_>> {
        self.keyboard.as_ref().map(TerminalModes::lend)
    }

    /// The model of the next request: the one that was chosen, else one that is picked now.
    /// `is_sent` says whether the request is sent, and not only shown.
    pub(crate) async fn model(&mut self, is_sent: bool) -> Result<SelectedModel, Error> {
        if let Some(model) = &self.model {
            return Ok(model.clone());
        }
        let model = self.catalog.choose(is_sent).await?;
        self.model = Some(model.clone());
        Ok(model)
    }

    /// Connects what sends, before it is needed: a wrong option of the connection is found before
    /// anything is opened for an answer.
    pub(crate) async fn sender(&self) -> Result<&RequestSender, Error> {
        self.sender
            .get_or_try_init(async || {
                let client = self.catalog.client().await?;
                let keeps_connection = self.policy.keeps_connection;
                Ok(RequestSender::new(
                    client,
                    self.settings(),
                    keeps_connection,
                ))
            })
            .await
    }

    /// Checks a request, and refuses one that cannot fit. `parts` are what is new in it, with about
    /// how many bytes each takes in the body. `is_sent` is as for [`Self::model`].
    pub(crate) async fn encode(
        &mut self,
        request: &mut CreateMessage,
        estimate: Estimate,
        parts: &[(String, usize)],
        is_sent: bool,
    ) -> Result<EncodedRequest, Error> {
        if !self.policy.is_unchecked {
            let total = estimate.total();
            let mut limits = self.catalog.limits(&request.model, total, is_sent).await;
            limits.retain(|limit| limit.is_known || !self.has_warned);
            check_and_show(self.app, &estimate, &limits)?;
            self.has_warned |= limits.iter().any(|limit| total.low > limit.tokens);
        }
        self.fit_tools_and_marks(request, is_sent).await?;
        let marks = self.choose_marks(request, &estimate, is_sent).await?;
        let body = encode_marked_body(request, &marks, parts, self.policy.is_unchecked)?;
        Ok(EncodedRequest {
            body,
            estimate,
            options: options_with(&marks, request),
            marks,
        })
    }

    /// Returns about how many tokens a request has, by what was learned of its model.
    pub(crate) fn likely_tokens(&self, request: &CreateMessage) -> u64 {
        let estimate = Estimate::of_request(request, &[]);
        estimate.likely(self.log.factor(&request.model, &estimate))
    }

    /// Checks and encodes a request that no further one continues: nothing is written to the prompt
    /// cache for it, except behind what it can read there. `has_same_tools` says whether it has
    /// the tools of the conversation.
    pub(crate) async fn encode_once(
        &mut self,
        request: &mut CreateMessage,
        has_same_tools: bool,
    ) -> Result<EncodedRequest, Error> {
        let estimate = Estimate::of_request(request, &[]);
        let parts = [("the conversation".to_owned(), 0)];
        let mut encoded = self.encode(request, estimate, &parts, true).await?;
        let is_stored = has_same_tools && self.cache.is_stored(&request.model);
        if !encoded.marks.is_empty() && !is_stored {
            encoded.marks = CacheMarks::none();
            let any_size = self.policy.is_unchecked;
            encoded.body = encode_marked_body(request, &encoded.marks, &parts, any_size)?;
            encoded.options = options_with(&encoded.marks, request);
        }
        Ok(encoded)
    }

    /// The most tokens that a model is asked to generate where nobody says so.
    pub(crate) async fn default_max_tokens(
        &self,
        model: &SelectedModel,
        is_sent: bool,
    ) -> Result<u64, Error> {
        self.catalog
            .default_max_tokens(model, DEFAULT_MAX_TOKENS, is_sent)
            .await
    }

    /// Sends the requests of a conversation from now on: of this one, if it is saved.
    pub(crate) fn continue_conversation(&mut self, saved: Option<&SavedConversation>) {
        self.cache.follow(saved);
    }

    /// Has the next answer continue an earlier one of the conversation, which has been shown.
    pub(crate) fn continue_answer(&mut self, answer: &str, mode: ContinuationMode) {
        self.continued = Some(Box::new(AnswerParts::continuing(answer, mode)));
    }

    /// Sends no more than may cost so much at list price: `--max-cost`.
    pub(crate) fn limit_cost(&mut self, most: Money, model: &str) -> Result<(), Error> {
        self.price(model)?;
        self.cost_limit = Some(CostLimit::new(most));
        Ok(())
    }

    /// Refuses the next request to a model if it might exceed the limit on cost. It has at least
    /// `low_tokens` input tokens.
    pub(super) fn check_cost(&self, model: &str, low_tokens: u64) -> Result<(), Error> {
        let is_billed = self.settings().is_billed();
        let Some(limit) = self.cost_limit.as_ref().filter(|_| is_billed) else {
            return Ok(());
        };
        limit.check_next(&self.price(model)?, low_tokens)
    }

    fn price(&self, model: &str) -> Result<ModelPrice, Error> {
        let price = self.settings().price(model);
        price.ok_or_else(|| Error::NoListPrice(model.to_owned()))
    }

    /// Chooses the marks of a request for the prompt cache. Whether the model refuses them is
    /// looked up only for a request that would have some. `is_sent` is as for [`Self::model`].
    async fn choose_marks(
        &mut self,
        request: &CreateMessage,
        estimate: &Estimate,
        is_sent: bool,
    ) -> Result<CacheMarks, Error> {
        let mode = self.settings().cache;
        let marks = self.cache.choose_marks(mode, request, estimate);
        if marks.is_empty() || self.policy.is_unchecked {
            return Ok(marks);
        }
        let rules = self.catalog.rules(&request.model, is_sent).await?;
        if rules.support(ModelOption::CacheMarks) != Support::No {
            return Ok(marks);
        }
        if mode != CacheMode::Auto {
            let model = &request.model;
            self.notice_once(format!("cache is left out: {model} does not accept it"));
        }
        Ok(CacheMarks::none())
    }

    /// Prints a notice, unless it was printed before.
    pub(super) fn notice_once(&mut self, notice: String) {
        if !self.told.contains(&notice) {
            self.app.notices.notice(&notice);
            self.told.insert(notice);
        }
    }

    /// What learns from the requests which options their models accept.
    fn learner(&self) -> OptionLearner {
        self.catalog.learner(self.policy.is_unchecked)
    }

    /// Records an answer in the conversation, unless that is decided later.
    pub(super) fn record_answer(
        &self,
        request: &CreateMessage,
        outcome: &mut SendOutcome,
        sink: &mut AnswerSink<'_>,
    ) {
        if self.policy.answers == AnswerPolicy::MatchSchema {
            return;
        }
        let Some(answer) = &mut outcome.answer else {
            return;
        };
        if !answer.message.content.iter().any(ContentBlock::is_thinking) {
            return sink.recorder.record_answer(answer);
        }
        // Only what is saved is bound. The answer may have megabytes, and is not copied for that.
        bind_thinking(&mut answer.message, request);
        sink.recorder.record_answer(answer);
        unbind_thinking(&mut answer.message.content);
    }

    /// Sends a request, again where that may help: without what the endpoint refused, or to another
    /// model where the picked one is gone. `parts` has the parts of the answer before it.
    pub(super) async fn send_part(
        &mut self,
        request: &mut CreateMessage,
        encoded: &mut EncodedRequest,
        sink: &mut AnswerSink<'_>,
        mut parts: Option<&mut AnswerParts>,
    ) -> SendOutcome {
        let mut outcome = self
            .send_once(request, encoded, sink, parts.as_deref_mut())
            .await;
        if !encoded.marks.is_empty() && outcome.refusal().is_some_and(names_cache_marks) {
            self.app.notices.log_step(
                "the endpoint refused the cache breakpoints (cache_control); sending the \
                    request without them",
            );
            self.cache.is_refused = true;
            outcome = self
                .resend(request, encoded, sink, parts.as_deref_mut(), outcome)
                .await;
        }
        let is_foreign = outcome.error.as_ref().is_some_and(is_about_binding);
        if is_foreign && leave_out_thinking(request) {
            self.app.notices.notice(
                "the model's earlier thinking belongs to another conversation; sending the request \
                 again without it",
            );
            outcome = self
                .resend(request, encoded, sink, parts.as_deref_mut(), outcome)
                .await;
        }
        let Some(asked) = self.model.clone() else {
            return outcome;
        };
        let Some(next) = self.catalog.choose_again(&asked, outcome.error.as_ref()) else {
            return outcome;
        };
        if let Err(error) = self.switch_model(request, &asked, &next).await {
            return failed_with(outcome, error);
        }
        self.model = Some(next);
        self.resend(request, encoded, sink, parts, outcome).await
    }

    /// Sends a request that has changed since `refused`, the outcome that made it change.
    async fn resend(
        &mut self,
        request: &mut CreateMessage,
        encoded: &mut EncodedRequest,
        sink: &mut AnswerSink<'_>,
        parts: Option<&mut AnswerParts>,
        refused: SendOutcome,
    ) -> SendOutcome {
        let marks = self.choose_marks(request, &encoded.estimate, true).await;
        let body = marks.and_then(|marks| {
            encoded.marks = marks;
            encode_marked_body(request, &encoded.marks, &[], self.policy.is_unchecked)
        });
        match body {
            Ok(body) => encoded.body = body,
            Err(error) => return failed_with(refused, error),
        }
        encoded.options = options_with(&encoded.marks, request);
        self.send_once(request, encoded, sink, parts).await
    }

    /// Asks another model, with its own default of `max_tokens` where the other's was asked for.
    async fn switch_model(
        &self,
        request: &mut CreateMessage,
        asked: &SelectedModel,
        next: &SelectedModel,
    ) -> Result<(), Error> {
        self.check_cost(&next.id, 0)?;
        if request.max_tokens == self.default_max_tokens(asked, true).await? {
            request.max_tokens = self.default_max_tokens(next, true).await?;
        }
        request.model.clone_from(&next.id);
        leave_out_all_thinking(request);
        Ok(())
    }

    /// Sends a request, once more if its answer is empty.
    async fn send_once(
        &mut self,
        request: &CreateMessage,
        encoded: &EncodedRequest,
        sink: &mut AnswerSink<'_>,
        mut parts: Option<&mut AnswerParts>,
    ) -> SendOutcome {
        let mut outcome = self
            .send_and_log(request, encoded, sink, parts.as_deref_mut())
            .await;
        if let Some(why) = self.reason_to_ask_again(&outcome, sink.renderer) {
            self.app.notices.notice(&format!("{why}; asking again"));
            sink.renderer.begin_again(&why);
            let empty = outcome;
            if let Some(parts) = parts.as_deref_mut() {
                parts.forget_empty();
            }
            outcome = Box::pin(self.send_and_log(request, encoded, sink, parts)).await;
            outcome.count_in(&empty);
        }
        outcome
    }

    /// Returns why an answer is asked for once more: it is empty, and nothing of it was shown.
    fn reason_to_ask_again(
        &self,
        outcome: &SendOutcome,
        renderer: &AnswerRenderer,
    ) -> Option<String> {
        let error = self.stop_reason_error(outcome)?;
        let is_unseen = outcome.whole_answer()?.message.text().is_empty();
        let may_retry = self.settings().options.retry.max_retries > 0;
        let is_empty = matches!(error, Error::EmptyAnswer(_));
        (is_empty && may_retry && (is_unseen || renderer.is_holding())).then(|| error.to_string())
    }

    async fn send_and_log(
        &mut self,
        request: &CreateMessage,
        encoded: &EncodedRequest,
        sink: &mut AnswerSink<'_>,
        parts: Option<&mut AnswerParts>,
    ) -> SendOutcome {
        let endpoint = &self.settings().endpoint;
        let (region, url) = (endpoint.region(), endpoint.messages_url());
        self.app
            .notices
            .log_step(&format!("model {}, region {region}, {url}", request.model));
        let estimate = &encoded.estimate;
        let factor = self.log.factor(&request.model, estimate);
        let head = RequestHead {
            model: &request.model,
            max_tokens: request.max_tokens,
            stream: request.stream,
            input_tokens: estimate.paced(factor),
            priority: RequestPriority::Person,
        };
        let sender = match self.sender().await {
            Ok(sender) => sender,
            Err(error) => return SendOutcome::unsent(error),
        };
        sink.recorder
            .begin(self.app, Some(&self.target(&request.model)));
        let journal = sink.recorder.journal();
        let mut observer = TerminalObserver::for_answer(self.app, sink.renderer, journal);
        let body = encoded.body.clone();
        let sent_at = SystemTime::now();
        let mut outcome = match parts {
            None => sender.send(head, body, &mut observer).await,
            Some(parts) => {
                let mut joined = PartsObserver {
                    parts,
                    shown: &mut observer,
                };
                sender.send(head, body, &mut joined).await
            }
        };
        drop(observer);
        let learned = self
            .learner()
            .learn(&request.model, &encoded.options, &outcome);
        if let Some(learned) = learned {
            self.app.notices.log_step(&learned);
        }
        if outcome.error.is_none() {
            self.app.drop_draft();
        }
        if let Some(answer) = &outcome.answer {
            let tokens = PromptTokens::from_usage(&answer.message.usage);
            if !encoded.marks.is_empty() {
                if self.app.notices.verbosity() >= Verbosity::Steps
                    && let Some(miss) = self.cache.explain_miss(request, sent_at, tokens)
                {
                    self.app.notices.log_step(&miss);
                }
                self.cache.note_prompt(request);
            }
            let sent_at = sent_at + outcome.timing.waited;
            self.cache.note_use(&request.model, sent_at, tokens);
        }
        let settings = self.catalog.settings();
        if let Some(answer) = &mut outcome.answer {
            answer.session_id = sink.recorder.session_id().map(str::to_owned);
            let tokens = BilledTokens::from_usage(&answer.message.usage);
            let price = settings.billed_price(&request.model);
            answer.cost = price
                .filter(|_| !outcome.timing.is_replayed)
                .map(|price| price.list_cost(tokens));
            if let (Some(limit), Some(cost)) = (&mut self.cost_limit, &answer.cost) {
                limit.add(cost.amount);
            }
        }
        let stopped = self.stop_reason_error(&outcome);
        let error = outcome.error.as_ref().or(stopped.as_ref());
        self.log.record(&RequestRecord {
            model: &request.model,
            estimate,
            taken: TokenUsage::of_answer(outcome.answer.as_ref()),
            timing: outcome.timing,
            failure: error.map(RequestFailure::of_error),
        });
        outcome
    }

    fn stop_reason_error(&self, outcome: &SendOutcome) -> Option<Error> {
        let answer: &FinalAnswer = outcome.whole_answer()?;
        let accepted = match self.policy.answers {
            AnswerPolicy::AsTheyEnd(accepted) => accepted,
            // An empty answer is judged as any other that does not match.
            AnswerPolicy::MatchSchema => AcceptedEndings {
                empty: true,
                ..AcceptedEndings::default()
            },
        };
        let error = stop_reason_error(answer, accepted)?;
        // With further requests the model goes on from where it paused.
        let is_resumed = self.policy.keeps_connection && matches!(error, Error::Paused { .. });
        (!is_resumed).then_some(error)
    }
}

/// Returns what a request with these marks uses that only some models accept.
fn options_with(marks: &CacheMarks, request: &CreateMessage) -> Vec<OptionUse> {
    let mut options = RequestOptions::of_request(request).uses();
    if !marks.is_empty() {
        options.push(OptionUse::CACHE_MARKS);
    }
    options
}

/// Has a conversation leave out what the API refused in a request that used these options.
pub(super) fn leave_out_refused(
    outcome: &mut SendOutcome,
    options: &[OptionUse],
    recorder: &mut dyn TurnRecorder,
) {
    if refuses_content(outcome, options)
        && let Some(Error::Call { left_out, .. }) = &mut outcome.error
    {
        let refused = recorder.mark_refused();
        *left_out = refused.filter(|parts| !parts.is_empty()).map(Box::new);
    }
}

/// Whether the API refused what a request says, and not how it is to be answered, or by whom.
fn refuses_content(outcome: &SendOutcome, options: &[OptionUse]) -> bool {
    let Some(Error::Call {
        source,
        after_content: false,
        ..
    }) = &outcome.error
    else {
        return false;
    };
    let is_about_something_else = source.api().is_some_and(|api| {
        // Anthropic answers 400 where a workspace has no credit left.
        api.available_models().is_some()
            || api.message.contains("credit balance")
            || !refused_options(options, &api.message).is_empty()
    });
    matches!(source.status(), Some(400 | 413 | 422)) && !is_about_something_else
}

/// Whether the API refused thinking because it was made for something else.
fn is_about_binding(error: &Error) -> bool {
    let Error::Call { source, .. } = error else {
        return false;
    };
    let said = source.api().map_or("", |api| api.message.as_str());
    source.status() == Some(400) && said.contains("bound to") && said.contains("thinking")
}
