//! What an endpoint offers: its models, asked for or remembered, and the one that is taken where
//! nobody chose.
//!
//! With a model given nothing of this is read or asked for. The one exception is a model of the
//! seed's that the region has not: before it is refused, the list that is remembered is looked at.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use serde_json::json;
use tokio::sync::OnceCell;

use super::credentials::Credentials;
use super::driver::{CallInterrupted, CallObserver, drive_model_list};
use super::fetched_list::{FetchedList, FetchedLists};
use super::option_learner::OptionLearner;
use super::progress::TerminalObserver;
use super::selected_model::SelectedModel;
use crate::app::App;
use crate::client::{
    ApiCall, ApiClient, ApiKey, BuildError, ClientOptions, LedgerServerInfo, ListedModel,
    OpenRecords, OutputLimits, PacingOptions, RetryNotice, default_max_tokens, fingerprint,
    models_of, newest_model, pick_default, regions_instead, seed_max_tokens, seed_window,
};
use crate::compose::preflight::Limit;
use crate::config::{
    self, KeySource, LearnedRules, Origin, Pin, RecordFiles, SavedList, SchemaWays, Settings, State,
};
use crate::error::Error;
use crate::fs::may_block;
use crate::input::{Tokens, on_a_thread};
use crate::pace::ServerFailure;
use crate::protocol::{ModelFamily, ModelRules, OptionFacts};
use crate::recording::{RecordError, RecordWriter, RecordedAnswers};
use crate::text::{KnownSecrets, counted, grouped, shell_quote};

/// Tokens below which no limit is looked for: no model takes less, and a short request pays nothing
/// for the check.
const SMALL: u64 = 4_000;

/// The tokens a minute of a model on Langdock's hosts, unless a workspace has another number.
const ASSUMED_TOKENS_A_MINUTE: u64 = 60_000;

/// An endpoint, with the key that opens it and what is remembered of it.
#[derive(Clone)]
pub(crate) struct ModelCatalog<'a> {
    app: &'a App,
    settings: Arc<Settings>,
    credentials: Arc<Credentials<'a>>,
    records: Arc<OnceCell<OpenRecords>>,
    fetched: FetchedLists,
}

impl<'a> ModelCatalog<'a> {
    /// Creates the catalog of the endpoint that the settings name.
    pub(crate) fn new(app: &'a App, settings: Settings) -> Self {
        Self {
            app,
            settings: Arc::new(settings),
            credentials: Arc::new(Credentials::new(app)),
            records: Arc::default(),
            fetched: FetchedLists::default(),
        }
    }

    /// Returns the catalog of another endpoint, or of the same one with other settings. A key that
    /// was read is not read again.
    pub(crate) fn with_settings(&self, settings: Settings) -> Self {
        Self {
            app: self.app,
            settings: Arc::new(settings),
            credentials: Arc::clone(&self.credentials),
            records: Arc::clone(&self.records),
            fetched: Arc::clone(&self.fetched),
        }
    }

    /// The settings that name the endpoint.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A client of the endpoint.
    pub(crate) async fn client(&self) -> Result<ApiClient, Error> {
        let key = self.key().await?;
        let options = ClientOptions {
            pace: self.pace_with_password().await?,
            ..self.settings.options.clone()
        };
        Ok(self.new_client(key, options).await??)
    }

    /// Creates a client of the endpoint with other options.
    pub(crate) async fn new_client(
        &self,
        key: ApiKey,
        options: ClientOptions,
    ) -> Result<Result<ApiClient, BuildError>, Error> {
        let records = self.open_records().await?;
        let endpoint = self.settings.endpoint.clone();
        if endpoint.is_https() && options.cacert.as_deref().is_some_and(may_block) {
            let what = "read the file of certificates";
            return self.app.unless_signalled(what, move || {
                ApiClient::new(endpoint, key, options, records)
            });
        }
        Ok(ApiClient::new(endpoint, key, options, records))
    }

    /// The records of this run, opened at most once in a process.
    async fn open_records(&self) -> Result<OpenRecords, Error> {
        let files = &self.settings.records;
        if !files.is_any() {
            return Ok(OpenRecords {
                secrets: Arc::clone(&self.app.secrets),
                ..OpenRecords::default()
            });
        }
        let opened = self.records.get_or_try_init(async || {
            let files = files.clone();
            // It may be a pipe.
            let secrets = Arc::clone(&self.app.secrets);
            let opening = on_a_thread(move || Ok(open_records(&files, secrets)));
            let opened = self.app.unless_interrupted(opening).await?;
            let opened = opened.map_err(|source| Error::System {
                what: "open the recording",
                source,
            })?;
            Ok::<_, Error>(opened?)
        });
        Ok(opened.await?.clone())
    }

    /// What is paced, with the directory of the ledgers; a record answers at once.
    fn pace(&self) -> Option<PacingOptions> {
        if self.settings.key == KeySource::Replay {
            return None;
        }
        let pace = self.settings.options.pace.clone()?;
        let state = State::for_user().filter(|_| self.settings.key != KeySource::Demo);
        Some(PacingOptions {
            directory: state.map(|state| state.books()),
            ..pace
        })
    }

    /// What is paced, with the password of the shared ledger where a command prints it.
    pub(crate) async fn pace_with_password(&self) -> Result<Option<PacingOptions>, Error> {
        let mut pace = self.pace();
        let ledger = pace.as_mut().and_then(|pace| pace.ledger.as_mut());
        if let (Some(ledger), Some(command)) = (ledger, &self.settings.ledger_password_cmd) {
            // Boxed: hardly any command has it, and all would make room for it.
            let printed = Box::pin(
                self.credentials
                    .ledger_password(command, self.settings.options.timeout),
            );
            ledger.password = Some(printed.await?);
        }
        Ok(pace)
    }

    /// Asks the server of the shared ledger for what it says of itself; none without such a server.
    pub(crate) async fn ledger_server_info(
        &self,
    ) -> Result<Option<Result<LedgerServerInfo, ServerFailure>>, Error> {
        let pace = self.pace_with_password().await?;
        match pace {
            Some(pace) => Ok(pace.ledger_server_info().await),
            None => Ok(None),
        }
    }

    /// The list that is remembered, unless it is too old.
    pub(crate) async fn remembered(&self) -> Result<Option<SavedList>, Error> {
        let name = self.list_name(&self.key().await?);
        Ok(self
            .state()
            .and_then(|state| state.list(&name, SystemTime::now())))
    }

    /// The models that the endpoint offers: the list that is remembered, or one that is asked for.
    pub(crate) async fn models(&self) -> Result<Vec<ListedModel>, Error> {
        match self.remembered().await? {
            Some(list) => Ok(list.models),
            None => self.ask().await,
        }
    }

    /// Asks for the list and remembers it. A picked model that it lacks is forgotten.
    pub(crate) async fn ask(&self) -> Result<Vec<ListedModel>, Error> {
        let call = self.client().await?.list_models();
        let mut observer = TerminalObserver::for_model_list(self.app);
        let models = drive_model_list(call, &mut observer).await?;
        self.fetched_list().await?.set(&models);
        if let Some(state) = self.state() {
            let saved = state.save_list(
                &self.list_name(&self.key().await?),
                &models,
                SystemTime::now(),
            );
            self.tell_unsaved(saved);
            if state
                .pin(&self.pin_name())
                .is_some_and(|pin| models.iter().all(|model| model.id() != pin.model))
            {
                self.save_pin(None);
            }
        }
        Ok(models)
    }

    /// The model of a request: the one that the settings name, else the one that was picked before,
    /// else one that is picked now, which is announced. `is_sent` says whether the request is sent,
    /// and not only shown.
    pub(crate) async fn choose(&self, is_sent: bool) -> Result<SelectedModel, Error> {
        if let Some(model) = &self.settings.model {
            if !matches!(model.origin, Origin::Flag(_)) {
                // The first model that is chosen is that of the command.
                let _ = self.app.model_origin.set(model.origin.clone());
            }
            return self.resolve(&model.value).await;
        }
        let pinned = self.state().and_then(|state| state.pin(&self.pin_name()));
        let pin = match pinned {
            Some(pin) => pin,
            None => match self.ask().await {
                Err(Error::Config(config::Error::NoKey { .. })) if !is_sent => {
                    return Err(Error::NoModel);
                }
                models => {
                    let pin = self.pick_from(&models?)?;
                    self.announce_pick(&pin.model);
                    pin
                }
            },
        };
        Ok(SelectedModel {
            id: pin.model,
            limit: pin.max_tokens,
            is_picked: true,
        })
    }

    /// The model that an id names, or an alias: the name of a family, for its newest model in this
    /// region. A model that is called just so goes before the family.
    pub(crate) async fn resolve(&self, name: &str) -> Result<SelectedModel, Error> {
        if ModelFamily::from_name(name).is_none() {
            self.refuse_elsewhere(name).await?;
            return Ok(SelectedModel::given(name));
        }
        let remembered = self.remembered().await?;
        let mut newest = remembered.and_then(|list| newest_of_family(&list.models, name));
        if newest.is_none() {
            let models = self.ask().await?;
            newest = newest_of_family(&models, name);
            if newest.is_none() {
                return Err(Error::NoneOfFamily {
                    family: name.to_owned(),
                    region: self.settings.endpoint.region().to_string(),
                    others: models.iter().map(|model| model.id().to_owned()).collect(),
                });
            }
        }
        let newest = newest.unwrap_or_else(|| SelectedModel::given(name));
        let step = format!("model: {name} is {}", newest.id);
        self.app.notices.log_step(&step);
        Ok(newest)
    }

    /// The model of a request that is not sent: none where it would have to be picked yet, or where
    /// an alias needs a list that is not remembered.
    pub(crate) async fn known_model(&self) -> Option<String> {
        match &self.settings.model {
            Some(model) if ModelFamily::from_name(&model.value).is_some() => {
                let models = self.remembered_models(false).await.unwrap_or_default();
                newest_of_family(&models, &model.value).map(|newest| newest.id)
            }
            Some(model) => Some(model.value.clone()),
            None => {
                let pin = self.state().and_then(|state| state.pin(&self.pin_name()));
                pin.map(|pin| pin.model)
            }
        }
    }

    /// The limits that a request of some size has to keep to. `may_ask_key` says whether a key that
    /// takes its time may be read for it.
    pub(crate) async fn limits(
        &self,
        model: &str,
        tokens: Tokens,
        may_ask_key: bool,
    ) -> Vec<Limit> {
        let set = self.tokens_a_minute(model).map(|tokens| {
            let what = format!(
                "the limit of {} per minute that the config file sets for {model}",
                counted(tokens, "token")
            );
            Limit {
                tokens,
                what,
                is_known: true,
            }
        });
        if tokens.low < SMALL {
            return set.into_iter().collect();
        }
        let window = self.window(model, may_ask_key).await.map(|tokens| {
            let what = format!("{model}'s context window of {}", counted(tokens, "token"));
            Limit {
                tokens,
                what,
                is_known: true,
            }
        });
        let told = self
            .tokens_a_minute_told(model, may_ask_key)
            .await
            .map(|tokens| {
                let what = format!(
                    "the limit of {} per minute that the endpoint reported for {model}",
                    counted(tokens, "token")
                );
                Limit {
                    tokens,
                    what,
                    is_known: true,
                }
            });
        let is_unknown = set.is_none() && told.is_none();
        let assumed = (is_unknown && self.is_langdock_host()).then(|| Limit {
            tokens: ASSUMED_TOKENS_A_MINUTE,
            what: format!(
                "the default limit of {} tokens per minute for a workspace",
                grouped(ASSUMED_TOKENS_A_MINUTE)
            ),
            is_known: false,
        });
        window
            .into_iter()
            .chain(set)
            .chain(told)
            .chain(assumed)
            .collect()
    }

    /// The tokens that a model can take in, where the seed or the list that is remembered says so.
    /// `may_ask_key` says whether a key that takes its time may be read for it.
    pub(crate) async fn window(&self, model: &str, may_ask_key: bool) -> Option<u64> {
        if let Some(window) = seed_window(model) {
            return Some(window);
        }
        let listed = self.listed(model, may_ask_key).await.unwrap_or_default();
        listed?.context_window()
    }

    /// The context window of a model, to be shown: where neither the seed nor the list says, what
    /// the table of models has.
    pub(crate) async fn shown_window(&self, model: &str) -> Option<u64> {
        let known = self.window(model, true).await;
        known.or_else(|| ModelRules::for_model(model).context_window())
    }

    /// What is known of what a model accepts: what was learned of it here goes before what the list
    /// of models says, and that before the table of models. `may_ask_key` is as for the window.
    ///
    /// # Errors
    ///
    /// If a key that takes its time cannot be read.
    pub(crate) async fn rules(&self, model: &str, may_ask_key: bool) -> Result<ModelRules, Error> {
        let rules = ModelRules::for_model(model);
        if self.state().is_none() {
            return Ok(rules);
        }
        let listed = self.listed(model, may_ask_key).await?;
        let listed = listed.map_or_else(OptionFacts::new, |model| model.option_facts());
        Ok(rules
            .with_listed(listed)
            .with_learned(self.learned().of_model(model)))
    }

    /// What was learned of the models here.
    pub(crate) fn learned(&self) -> LearnedRules {
        let state = self.state();
        state.map_or_else(LearnedRules::default, |state| {
            state.learned(&self.pin_name(), SystemTime::now())
        })
    }

    /// Forgets what was learned of the models here.
    pub(crate) fn forget_learned(&self) {
        if let Some(state) = self.state() {
            self.tell_unsaved(state.forget_learned(&self.pin_name()));
        }
        if let Some(ways) = self.schema_ways() {
            self.tell_unsaved(ways.forget());
        }
    }

    /// What learns from requests to this endpoint. `is_unchecked` says whether they have options
    /// that are known to be refused.
    pub(crate) fn learner(&self, is_unchecked: bool) -> OptionLearner {
        OptionLearner {
            store: self.state().map(|state| (state, self.pin_name())),
            is_unchecked,
        }
    }

    /// The most tokens that a model is asked to generate where nobody says so: `usual`, or less
    /// where that is more than it can write, or more than a part of what it allows a minute.
    /// `may_ask_key` is as for the window.
    ///
    /// # Errors
    ///
    /// If a key that takes its time cannot be read.
    pub(crate) async fn default_max_tokens(
        &self,
        model: &SelectedModel,
        usual: u64,
        may_ask_key: bool,
    ) -> Result<u64, Error> {
        if let Some(tokens) = seed_max_tokens(&model.id) {
            return Ok(tokens);
        }
        let mut max_output = model.limit;
        if max_output.is_none() {
            let listed = self.listed(&model.id, may_ask_key).await?;
            let listed = listed.and_then(|model| model.max_output());
            max_output = listed.or_else(|| ModelRules::for_model(&model.id).output_limit());
        }
        let tokens_a_minute = match self.tokens_a_minute(&model.id) {
            Some(tokens) => Some(tokens),
            None => self.tokens_a_minute_told(&model.id, may_ask_key).await,
        };
        let limits = OutputLimits {
            max_output,
            tokens_a_minute,
        };
        Ok(default_max_tokens(usual, limits))
    }

    /// What the list that is remembered says of a model. `may_ask_key` is as for the window.
    pub(super) async fn listed(
        &self,
        model: &str,
        may_ask_key: bool,
    ) -> Result<Option<ListedModel>, Error> {
        let models = self.remembered_models(may_ask_key).await?;
        Ok(models.into_iter().find(|listed| listed.id() == model))
    }

    /// The models of the list that is remembered. `may_ask_key` is as for the window. A key that
    /// takes its time is read once: if that fails, nothing can be sent either.
    async fn remembered_models(&self, may_ask_key: bool) -> Result<Vec<ListedModel>, Error> {
        if self.settings.key.is_slow() {
            if !may_ask_key {
                return Ok(Vec::new());
            }
            self.key().await?;
        }
        let list = self.remembered().await.unwrap_or_default();
        Ok(list.map_or_else(Vec::new, |list| list.models))
    }

    /// The tokens a minute that were set for a model.
    pub(crate) fn tokens_a_minute(&self, model: &str) -> Option<u64> {
        let pace = self.settings.options.pace.as_ref()?;
        pace.limits
            .iter()
            .find(|(limited, _)| limited == model)?
            .1
            .tokens
    }

    /// The tokens a minute that requests to a model keep to, set, reported or assumed.
    pub(crate) async fn expected_tokens_a_minute(&self, model: &str) -> Option<u64> {
        self.settings.options.pace.as_ref()?;
        if let Some(tokens) = self.tokens_a_minute(model) {
            return Some(tokens);
        }
        let told = self.tokens_a_minute_told(model, true).await;
        told.or_else(|| self.is_langdock_host().then_some(ASSUMED_TOKENS_A_MINUTE))
    }

    /// The tokens a minute that the endpoint itself has named for a model. `may_ask_key` is as for
    /// the window.
    pub(crate) async fn tokens_a_minute_told(&self, model: &str, may_ask_key: bool) -> Option<u64> {
        if self.settings.records.is_any() {
            return None;
        }
        let pace = self
            .pace()
            .filter(|_| may_ask_key || !self.settings.key.is_slow())?;
        let key = self.key().await.ok()?;
        let limits = pace.server_limits(&self.settings.endpoint, &key, model);
        limits.await.tokens
    }

    /// Whether requests go to Langdock, or to a deployment of theirs.
    pub(crate) fn is_langdock_host(&self) -> bool {
        self.settings.endpoint.is_langdock_host()
    }

    /// Picks another model after `error` has said that the picked one is not there any more; none
    /// where it has not, or where there is no other.
    pub(crate) fn choose_again(
        &self,
        model: &SelectedModel,
        error: Option<&Error>,
    ) -> Option<SelectedModel> {
        let Some(Error::Call {
            source,
            after_content: false,
            ..
        }) = error.filter(|_| model.is_picked)
        else {
            return None;
        };
        let listed = source.api()?.available_models()?;
        self.save_pin(None);
        let others: Vec<_> = listed
            .iter()
            .filter(|id| **id != model.id)
            .map(|id| json!({ "id": id }))
            .collect();
        let pin = self
            .pick_from(&models_of(&json!({ "data": others }).into())?)
            .ok()?;
        let region = self.settings.endpoint.region();
        let message = format!(
            "model {} is no longer available in region {region}; using {} instead",
            model.id, pin.model
        );
        self.app.notices.notice(&message);
        Some(SelectedModel {
            id: pin.model,
            limit: None,
            is_picked: true,
        })
    }

    /// Picks a model and remembers it.
    fn pick_from(&self, models: &[ListedModel]) -> Result<Pin, Error> {
        let Some(model) = pick_default(models) else {
            return Err(self.nothing_to_pick(models));
        };
        let pin = Pin {
            model: model.id().to_owned(),
            max_tokens: model.max_output(),
        };
        self.save_pin(Some(&pin));
        Ok(pin)
    }

    /// Announces which model was picked, and how to keep it, unless the endpoint is scripted.
    fn announce_pick(&self, model: &str) {
        if self.settings.key == KeySource::Demo {
            return;
        }
        let region = self.settings.endpoint.region();
        let notice = format!(
            "picked model {model} for region {region}; `langdock config set model {}` keeps it, -m \
             chooses another",
            shell_quote(model)
        );
        self.app.notices.notice(&self.app.with_own_flags(&notice));
    }

    fn nothing_to_pick(&self, models: &[ListedModel]) -> Error {
        Error::NothingToPick {
            region: self.settings.endpoint.region().to_string(),
            others: models.iter().map(|model| model.id().to_owned()).collect(),
        }
    }

    /// Refuses a model of the seed's that is in another region, unless the list of this one names
    /// it.
    pub(crate) async fn refuse_elsewhere(&self, model: &str) -> Result<(), Error> {
        let region = self.settings.endpoint.region();
        let Some(regions) = regions_instead(model, region.as_str())
            .filter(|_| self.settings.endpoint.has_regions())
        else {
            return Ok(());
        };
        // Without a key there is no list, and that it is missing is told when it is needed.
        let remembered = self.remembered().await.unwrap_or_default();
        if remembered.is_some_and(|list| list.models.iter().any(|listed| listed.id() == model)) {
            return Ok(());
        }
        Err(Error::Elsewhere {
            model: model.to_owned(),
            region: region.to_string(),
            regions: regions.join(" or "),
        })
    }

    /// Refuses a model that is not in the list that this process has fetched. An older list does
    /// not count: the model may be new.
    pub(crate) async fn refuse_unlisted(&self, model: &str) -> Result<(), Error> {
        match self.fetched_list().await?.ids() {
            Some(others) if others.iter().all(|id| id != model) => Err(Error::Unlisted {
                model: model.to_owned(),
                region: self.settings.endpoint.region().to_string(),
                others,
            }),
            _ => Ok(()),
        }
    }

    /// The list of this endpoint and key, as far as this process has fetched it.
    pub(crate) async fn fetched_list(&self) -> Result<FetchedList, Error> {
        let name = self.list_name(&self.key().await?);
        Ok(FetchedList::new(&self.fetched, name))
    }

    /// What is remembered, which of the built-in endpoint is nothing. With a record, too, a run
    /// asks what it would ask on another machine.
    fn state(&self) -> Option<State> {
        if self.settings.key == KeySource::Demo || self.settings.records.is_any() {
            None
        } else {
            State::for_user()
        }
    }

    /// The key, which is read at most once in a process.
    pub(crate) async fn key(&self) -> Result<ApiKey, Error> {
        let timeout = self.settings.options.timeout;
        self.credentials.key(&self.settings.key, timeout).await
    }

    fn save_pin(&self, pin: Option<&Pin>) {
        if let Some(state) = self.state() {
            self.tell_unsaved(state.save_pin(&self.pin_name(), pin));
        }
    }

    fn tell_unsaved(&self, saved: std::io::Result<()>) {
        if let Err(error) = saved {
            self.app
                .notices
                .log_step(&format!("cannot cache the list of models: {error}"));
        }
    }

    /// What a key is offered is its workspace's.
    fn list_name(&self, key: &ApiKey) -> String {
        key.fingerprint(self.settings.endpoint.models_url(None).as_str())
    }

    /// What is remembered of how the models here are asked for answers that match a schema; none
    /// for the built-in endpoint.
    pub(crate) fn schema_ways(&self) -> Option<SchemaWays> {
        let state = self.state()?;
        Some(SchemaWays::for_endpoint(&state, &self.pin_name()))
    }

    /// The pick is the user's: it holds without a key, too.
    fn pin_name(&self) -> String {
        let endpoint = &self.settings.endpoint;
        fingerprint(&[
            endpoint.models_url(None).as_str(),
            endpoint.region().as_str(),
        ])
    }
}

fn open_records(
    files: &RecordFiles,
    secrets: Arc<KnownSecrets>,
) -> Result<OpenRecords, RecordError> {
    // What answers is read first: the new ones may go into the same file.
    let answers = files.replay.as_deref().map(RecordedAnswers::read);
    let answers = answers.transpose()?.map(Arc::new);
    let writer = files.record.as_deref().map(RecordWriter::open);
    Ok(OpenRecords {
        writer: writer.transpose()?.map(Arc::new),
        answers,
        pace: files.pace,
        secrets,
    })
}

/// Returns the model that an alias stands for: the one that is called just so, else the newest of
/// the family.
fn newest_of_family(models: &[ListedModel], family: &str) -> Option<SelectedModel> {
    let exact = models.iter().find(|model| model.id() == family);
    let newest = exact.or_else(|| newest_model(models, family))?;
    Some(SelectedModel {
        id: newest.id().to_owned(),
        limit: newest.max_output(),
        is_picked: false,
    })
}

/// Fetches the list of models without a word and with one attempt; none where that fails.
pub(crate) async fn list_models_once(call: ApiCall) -> Option<Vec<ListedModel>> {
    drive_model_list(call, &mut SingleAttempt::default())
        .await
        .ok()
}

/// Ends a call instead of retrying it.
#[derive(Default)]
struct SingleAttempt {
    has_failed: bool,
}

impl CallObserver for SingleAttempt {
    fn retrying(&mut self, _retrying: &RetryNotice) {
        self.has_failed = true;
    }

    fn poll_interrupted(&mut self, _context: &mut Context<'_>) -> Poll<CallInterrupted> {
        if self.has_failed {
            Poll::Ready(CallInterrupted::Signal(0))
        } else {
            Poll::Pending
        }
    }
}
