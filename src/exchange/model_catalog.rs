//! What an endpoint offers: its models, asked for or remembered, and the one that is taken where
//! nobody chose.
//!
//! With a model given nothing of this is read or asked for. The one exception is a model of the
//! seed's that the region has not: before it is refused, the list that is remembered is looked at.

use std::time::SystemTime;

use serde_json::json;
use tokio::sync::OnceCell;

use crate::app::App;
use crate::client::{
    ApiKey, Client, Model, Options, Pace, fingerprint, models_of, pick, regions_instead,
    seed_window,
};
use crate::config::{self, KeySource, Pin, SavedList, Settings, State};
use crate::error::Error;
use crate::exchange::driver::list_models;
use crate::exchange::setup::api_key;

/// An endpoint, with the key that opens it and what is remembered of it.
pub(crate) struct Offer<'a> {
    app: &'a App,
    settings: &'a Settings,
    /// Read once, when it is needed: it may come from a pipe.
    key: OnceCell<ApiKey>,
}

/// The model of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Its id.
    pub(crate) id: String,
    /// The most tokens that it can write, where a list says so.
    pub(crate) limit: Option<u64>,
    /// Whether nobody chose it.
    is_picked: bool,
}

impl Chosen {
    /// One that the person chose.
    pub(crate) fn given(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            limit: None,
            is_picked: false,
        }
    }

    /// Whether nobody chose it.
    pub(crate) fn is_picked(&self) -> bool {
        self.is_picked
    }
}

impl<'a> Offer<'a> {
    /// The offer of the endpoint that the settings name.
    pub(crate) fn new(app: &'a App, settings: &'a Settings) -> Self {
        Self {
            app,
            settings,
            key: OnceCell::new(),
        }
    }

    /// A client of the endpoint.
    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let key = self.key().await?.clone();
        let options = Options {
            pace: self.pace(),
            ..self.settings.options.clone()
        };
        Ok(Client::new(self.settings.endpoint.clone(), key, options)?)
    }

    /// What is paced, with the folder of the books.
    fn pace(&self) -> Option<Pace> {
        let pace = self.settings.options.pace.clone()?;
        Some(Pace {
            folder: self.state().map(|state| state.books()),
            ..pace
        })
    }

    /// The list that is remembered, unless it is too old.
    pub(crate) async fn remembered(&self) -> Result<Option<SavedList>, Error> {
        let name = self.list_name(self.key().await?);
        Ok(self
            .state()
            .and_then(|state| state.list(&name, SystemTime::now())))
    }

    /// Asks for the list and remembers it. A picked model that it lacks is forgotten.
    pub(crate) async fn ask(&self) -> Result<Vec<Model>, Error> {
        let models = list_models(self.app, self.client().await?.list_models()).await?;
        if let Some(state) = self.state() {
            let saved = state.save_list(
                &self.list_name(self.key().await?),
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
    /// else one that is picked now. `is_sent` says whether the request is sent, and not only shown.
    pub(crate) async fn choose(&self, is_sent: bool) -> Result<Chosen, Error> {
        if let Some(model) = &self.settings.model {
            self.refuse_elsewhere(&model.value).await?;
            return Ok(Chosen {
                id: model.value.clone(),
                limit: None,
                is_picked: false,
            });
        }
        let pinned = self.state().and_then(|state| state.pin(&self.pin_name()));
        let pin = match pinned {
            Some(pin) => pin,
            None => match self.ask().await {
                Err(Error::Config(config::Error::NoKey { .. })) if !is_sent => {
                    return Err(Error::NoModel);
                }
                models => self.pick_from(&models?)?,
            },
        };
        // A person at a terminal sees the answer, and no program depends on it.
        if !self.app.facts.stdout_is_terminal {
            let region = self.settings.endpoint.region();
            let message = format!(
                "model {}, picked for region {region}; -m chooses another",
                pin.model
            );
            self.app.notices.notice(&message);
        }
        Ok(Chosen {
            id: pin.model,
            limit: pin.max_tokens,
            is_picked: true,
        })
    }

    /// The model of a request that is not sent: none where it would have to be picked yet.
    pub(crate) fn known_model(&self) -> Option<String> {
        let picked = || {
            self.state()
                .and_then(|state| state.pin(&self.pin_name()))
                .map(|pin| pin.model)
        };
        self.settings
            .model
            .as_ref()
            .map(|model| model.value.clone())
            .or_else(picked)
    }

    /// The tokens that a model can take in, where the seed or the list that is remembered says so.
    /// `may_ask_key` says whether a key that takes its time may be read for it.
    pub(crate) async fn window(&self, model: &str, may_ask_key: bool) -> Option<u64> {
        if let Some(window) = seed_window(model) {
            return Some(window);
        }
        if self.settings.key.is_slow() && !may_ask_key {
            return None;
        }
        let list = self.remembered().await.unwrap_or_default()?;
        list.models
            .iter()
            .find(|listed| listed.id() == model)
            .and_then(Model::window)
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

    /// The tokens a minute that the endpoint itself has named for a model. `may_ask_key` is as for
    /// the window.
    pub(crate) async fn tokens_a_minute_told(&self, model: &str, may_ask_key: bool) -> Option<u64> {
        let pace = self
            .pace()
            .filter(|_| may_ask_key || !self.settings.key.is_slow())?;
        let key = self.key().await.ok()?;
        pace.told(&self.settings.endpoint, key, model).await.tokens
    }

    /// Whether requests go to Langdock, or to a deployment of theirs.
    pub(crate) fn is_langdocks(&self) -> bool {
        self.settings.endpoint.is_langdocks()
    }

    /// Picks another model after `error` has said that the picked one is not there any more; none
    /// where it has not, or where there is no other.
    pub(crate) fn choose_again(&self, model: &Chosen, error: Option<&Error>) -> Option<Chosen> {
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
            .pick_from(&models_of(&json!({ "data": others }))?)
            .ok()?;
        let region = self.settings.endpoint.region();
        let message = format!(
            "model {} is gone from region {region}; asking {} instead",
            model.id, pin.model
        );
        self.app.notices.notice(&message);
        Some(Chosen {
            id: pin.model,
            limit: None,
            is_picked: true,
        })
    }

    /// Picks a model and remembers it.
    fn pick_from(&self, models: &[Model]) -> Result<Pin, Error> {
        let Some(model) = pick(models) else {
            return Err(self.nothing_to_pick(models));
        };
        let pin = Pin {
            model: model.id().to_owned(),
            max_tokens: model.max_output(),
        };
        self.save_pin(Some(&pin));
        Ok(pin)
    }

    fn nothing_to_pick(&self, models: &[Model]) -> Error {
        let region = self.settings.endpoint.region();
        let ids: Vec<&str> = models.iter().map(Model::id).collect();
        let (which, hint) = match ids.as_slice() {
            [] => (
                "none at all to this key",
                "try another --region, or ask your workspace's admin".to_owned(),
            ),
            ids => (
                "none of Claude's",
                format!("choose one with -m: {}", ids.join(", ")),
            ),
        };
        Error::Usage {
            message: format!("no model was chosen, and region `{region}` offers {which}"),
            hint: Some(hint),
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

    /// What is remembered, which of the built-in endpoint is nothing.
    fn state(&self) -> Option<State> {
        if self.settings.key == KeySource::Demo {
            None
        } else {
            State::for_user()
        }
    }

    async fn key(&self) -> Result<&ApiKey, Error> {
        self.key
            .get_or_try_init(|| api_key(self.app, self.settings.key.clone()))
            .await
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
                .step(&format!("cannot remember the models: {error}"));
        }
    }

    /// What a key is offered is its workspace's.
    fn list_name(&self, key: &ApiKey) -> String {
        key.fingerprint(self.settings.endpoint.models_url(None).as_str())
    }

    /// The pick is the person's: it holds without a key, too.
    fn pin_name(&self) -> String {
        let endpoint = &self.settings.endpoint;
        fingerprint(&[
            endpoint.models_url(None).as_str(),
            endpoint.region().as_str(),
        ])
    }
}
