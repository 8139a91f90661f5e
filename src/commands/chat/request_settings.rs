//! Commands for what is sent with each message: the model, the region, the system prompt, fields and
//! options.

use super::acts::usage;
use super::talk::Talk;
use super::{Chat, path};
use crate::client::ListedModel;
use crate::compose::model_fit::Insistence;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::user_turn::system_prompt;
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::settings::settings;
use crate::exchange::setup::tell_region;
use crate::protocol::{EFFORT, ExactJson, RequestField, THINKING, key_and_json};
use crate::ui::ask_yes_no;

/// Fields that `/set` does not set, with the hint for each.
const ELSEWHERE: [(&str, &str); 4] = [
    ("system", "use /system TEXT"),
    ("model", "use /model ID"),
    ("messages", "/undo removes the last message"),
    ("stream", "use --set stream=false when you start langdock"),
];

impl Chat<'_> {
    pub(super) async fn show_or_set_model(&mut self, model: &str) -> Result<(), Error> {
        if model.is_empty() {
            return self.show_models().await;
        }
        let by_number = match model.parse::<usize>() {
            Ok(number) => Some(self.model_of_number(number).await?),
            Err(_) => None,
        };
        let model = by_number.as_deref().unwrap_or(model);
        let model = self.exchange.catalog.resolve(model).await?;
        if !self.ask.input.no_check {
            self.exchange.catalog.refuse_unlisted(&model.id).await?;
        }
        self.say(&format!("now using model {}", model.id));
        self.exchange.select_model(model);
        Ok(())
    }

    /// Returns the id of a model by its number in the list, counted from 1.
    async fn model_of_number(&self, number: usize) -> Result<String, Error> {
        let models = self.exchange.catalog.models().await?;
        let chosen = number.checked_sub(1).and_then(|place| models.get(place));
        chosen.map(|model| model.id().to_owned()).ok_or_else(|| {
            usage(
                format!("the list of models has no number {number}"),
                "/model lists them",
            )
        })
    }

    /// Lists the models of the region with their numbers, the current one marked.
    async fn show_models(&self) -> Result<(), Error> {
        let current = self
            .exchange
            .selected_model()
            .map(|model| model.id.as_str());
        let models = match self.exchange.catalog.models().await {
            Ok(models) => models,
            Err(error) => {
                self.say(&format!("* {}", current.unwrap_or("none yet")));
                return Err(error);
            }
        };
        let width = models.len().to_string().len();
        let row = |(place, model): (usize, &ListedModel)| {
            let mark = if current == Some(model.id()) {
                '*'
            } else {
                ' '
            };
            format!("{mark} {:>width$}  {}", place + 1, model.id())
        };
        let mut lines: Vec<String> = models.iter().enumerate().map(row).collect();
        match current {
            Some(id) if models.iter().all(|model| model.id() != id) => {
                lines.insert(0, format!("* {id}, which is not in the region's list"));
            }
            _ => {} // It is marked in the list, or there is none yet.
        }
        self.say(&lines.join("\n"));
        Ok(())
    }

    pub(super) async fn show_or_set_region(&mut self, region: &str) -> Result<(), Error> {
        if region.is_empty() {
            self.say(&format!(
                "{} ({})",
                self.exchange.settings().endpoint.region(),
                self.exchange.settings().endpoint.messages_url()
            ));
            return Ok(());
        }
        let mut flags = self.flags.clone();
        flags.settings.set_flag("region", Some(region.to_owned()));
        let settings = settings(self.app, &flags, self.demo_url.as_deref())?;
        let chosen = self.exchange.selected_model();
        if let Some(model) = chosen.filter(|model| !model.is_picked()) {
            let catalog = self.exchange.catalog.with_settings(settings.clone());
            let refused = catalog.refuse_elsewhere(&model.id).await;
            refused.map_err(|error| {
                usage(
                    error.message(),
                    "use /model ID to choose a model that both regions have",
                )
            })?;
        }
        if !self.may_move_to(&settings)? {
            self.say("the region stays as it is");
            return Ok(());
        }
        self.flags = flags;
        self.exchange.move_to(settings);
        tell_region(self.app, self.exchange.settings());
        self.say(&format!(
            "now using region {region}; the conversation so far is sent there too"
        ));
        Ok(())
    }

    /// Whether the conversation so far may be sent to the endpoint of these settings. Asks a user
    /// at a terminal.
    fn may_move_to(&self, settings: &Settings) -> Result<bool, Error> {
        let is_same = settings.endpoint == self.exchange.settings().endpoint;
        let said = self.talk.messages(self.app, None, self.exchange.policy);
        let is_new = said.is_ok_and(|said| said.is_empty());
        if is_same || !self.app.facts.stdin_is_terminal || is_new {
            return Ok(true);
        }
        let _lent = self.exchange.lend_keyboard();
        let action = format!(
            "send the whole conversation to region {}",
            settings.endpoint.region()
        );
        ask_yes_no(&action, None).map_err(|source| Error::System {
            what: "ask a question",
            source,
        })
    }

    pub(super) async fn show_or_set_system(&mut self, text: &str) -> Result<(), Error> {
        match text {
            "" => self.say(self.system.as_deref().unwrap_or("no system prompt")),
            "-" => {
                self.system = None;
                self.say("removed the system prompt");
            }
            text => {
                let file = text
                    .strip_prefix('@')
                    .map(|typed| format!("@{}", path::path(typed).display()));
                let guard = SecretGuard::new(self.app, &self.exchange.settings().secrets);
                self.system = system_prompt(guard, Some(file.as_deref().unwrap_or(text))).await?;
                self.say("set the system prompt");
            }
        }
        Ok(())
    }

    pub(super) async fn show_or_set_field(&mut self, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            let mut fields: Vec<_> = self
                .spec
                .fields
                .iter_exact()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            if let Some(tokens) = self.max_tokens
                && !fields.iter().any(|field| field.starts_with("max_tokens="))
            {
                fields.insert(0, format!("max_tokens={tokens}"));
            }
            self.say(
                if fields.is_empty() {
                    "no fields are set".to_owned()
                } else {
                    fields.join("\n")
                }
                .as_str(),
            );
            return Ok(());
        }
        let wanted = |reason: String| {
            usage(
                format!("`/set {text}`: {reason}"),
                "/set KEY=JSON sets a field, /set KEY= removes it",
            )
        };
        let key = text.split('=').next().unwrap_or_default();
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(field, _)| *field == key) {
            return Err(usage(format!("`{key}` cannot be set with /set"), *instead));
        }
        if !key.is_empty() && text.strip_prefix(key) == Some("=") {
            self.unset(key);
            self.say(&match key {
                "max_tokens" => "max_tokens is back to the model's default".to_owned(),
                key => format!("removed {key}"),
            });
            return Ok(());
        }
        let (key, value) = key_and_json(text).map_err(wanted)?;
        let guard = SecretGuard::new(self.app, &self.exchange.settings().secrets);
        let value = guard.check_value(&format!("/set {key}"), value);
        let said = format!("set {key}={value}");
        self.set_typed(&key, value, format!("/set {text}")).await?;
        self.say(&said);
        Ok(())
    }

    /// Shows or sets an option of the request that only some models accept.
    pub(super) async fn show_or_set_option(
        &mut self,
        field: &'static RequestField,
        text: &str,
    ) -> Result<(), Error> {
        let (command, name) = (format!("/{}", field.name), field.name);
        match text {
            "" => self.say(&self.spec.shown(field)),
            "-" => {
                self.spec.unset_option(field);
                self.say(&format!("{name} is now the model's default"));
            }
            text => {
                let value = field.parse(text).map_err(|needed| {
                    usage(
                        format!("`{command} {text}`: {needed}"),
                        format!("`{command} -` restores the model's default"),
                    )
                })?;
                let value = self.spec.with_option(field, value);
                self.set_typed(field.key, value, format!("{command} {text}"))
                    .await?;
                self.fork_for_effort(field)?;
                self.say(&format!("{name} is now {text}"));
            }
        }
        Ok(())
    }

    /// Continues in a copy of the conversation if its effort can no longer be changed.
    fn fork_for_effort(&mut self, field: &RequestField) -> Result<(), Error> {
        let thinking = self.spec.fields.get(THINKING.key);
        let is_fixed = thinking.is_some_and(|thinking| thinking["type"] == "between_tools");
        let is_saved = matches!(self.talk, Talk::Saved { .. });
        let has_answer = self.talk.last_answer().is_some();
        if field.name != EFFORT.name || !is_fixed || !is_saved || !has_answer {
            return Ok(());
        }
        self.app.notices.notice(
            "with thinking between tools the effort is fixed for a conversation; continuing in a \
             fork",
        );
        self.fork("")
    }

    /// Sets a field after checking that the model accepts it.
    async fn set_typed(&mut self, key: &str, value: ExactJson, typed: String) -> Result<(), Error> {
        let mut spec = self.spec.clone();
        let max_tokens = if key == "max_tokens" {
            value.as_u64()
        } else {
            self.max_tokens
        };
        spec.set_typed(key, value, typed);
        if let Some(model) = self.exchange.selected_model().cloned() {
            let before = std::mem::replace(&mut self.max_tokens, max_tokens);
            let insistence = Insistence::Field(key);
            let fitted = self.fit_spec(&mut spec.clone(), &model, insistence).await;
            self.max_tokens = before;
            fitted?;
        }
        self.unset(key);
        self.spec = spec;
        Ok(())
    }

    /// Removes a field, whether it was set by a flag or by `/set`.
    fn unset(&mut self, key: &str) {
        self.spec.unset(key);
        if key == "max_tokens" {
            self.max_tokens = None;
        }
    }
}
