//! The limits of a model that are known, from the model list or for the built-in models, and the
//! checks of a request against them.

use super::engine::Exchange;
use super::model_catalog::ModelCatalog;
use super::selected_model::SelectedModel;
use crate::client::seed_max_tokens;
use crate::compose::output_limit::{ChosenMaxTokens, OutputLimit};
use crate::compose::request_spec::RequestSpec;
use crate::error::Error;
use crate::input::{LONG_WINDOW, MAX_PICTURES, MAX_PICTURES_OF_SHORT_WINDOW, Picture, check_many};

impl ModelCatalog<'_> {
    /// Returns the most tokens that a model is known to generate. `may_ask_key` says whether a slow
    /// key may be read for it.
    ///
    /// # Errors
    ///
    /// If a slow key cannot be read.
    pub(crate) async fn known_output_limit(
        &self,
        model: &SelectedModel,
        may_ask_key: bool,
    ) -> Result<Option<u64>, Error> {
        if let Some(limit) = seed_max_tokens(&model.id).or(model.limit) {
            return Ok(Some(limit));
        }
        let listed = self.listed(&model.id, may_ask_key).await?;
        Ok(listed.and_then(|model| model.max_output()))
    }

    /// Refuses more images than a model accepts in one request, as far as that is known, and one
    /// that is too large to be one of many. `may_ask_key` is as for the output limit.
    ///
    /// # Errors
    ///
    /// If there are too many, or if one of many is too large.
    pub(crate) async fn check_pictures(
        &self,
        pictures: &[Picture],
        model: Option<&str>,
        may_ask_key: bool,
    ) -> Result<(), Error> {
        let mut most = MAX_PICTURES;
        if pictures.len() > MAX_PICTURES_OF_SHORT_WINDOW
            && let Some(model) = model
            && let Some(window) = self.window(model, may_ask_key).await
            && window < LONG_WINDOW
        {
            most = MAX_PICTURES_OF_SHORT_WINDOW;
        }
        Ok(check_many(pictures, most)?)
    }
}

impl Exchange<'_> {
    /// Checks the images of a request, unless nothing is to be checked.
    ///
    /// # Errors
    ///
    /// As for [`ModelCatalog::check_pictures`].
    pub(crate) async fn check_pictures(
        &self,
        pictures: &[Picture],
        is_sent: bool,
    ) -> Result<(), Error> {
        if self.policy.is_unchecked {
            return Ok(());
        }
        let model = self.selected_model().map(|model| model.id.as_str());
        self.catalog.check_pictures(pictures, model, is_sent).await
    }

    /// Returns the maximum number of tokens to generate: what was chosen, unless the model is known
    /// to generate less; otherwise the default. Prints a notice for what is left out.
    ///
    /// # Errors
    ///
    /// If the user insists on a number that is too large, or if a slow key cannot be read.
    pub(crate) async fn settle_max_tokens(
        &mut self,
        spec: &mut RequestSpec,
        chosen: Option<&ChosenMaxTokens>,
        model: &SelectedModel,
        is_sent: bool,
    ) -> Result<u64, Error> {
        let is_chosen = chosen.is_some() || spec.fields.contains_key("max_tokens");
        let known = if is_chosen && !self.policy.is_unchecked {
            self.catalog.known_output_limit(model, is_sent).await?
        } else {
            None
        };
        // The default is looked up only where it may be needed.
        let default = match chosen {
            Some(chosen) if known.is_none_or(|limit| chosen.tokens <= limit) => chosen.tokens,
            _ => self.default_max_tokens(model, is_sent).await?,
        };
        let limit = OutputLimit {
            model: &model.id,
            known,
            default,
        };
        let (tokens, notices) = limit.settle(spec, chosen)?;
        for notice in notices {
            self.notice_once(notice);
        }
        Ok(tokens)
    }
}
