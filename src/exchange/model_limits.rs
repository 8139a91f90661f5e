//! The limits of a model that are known, from the model list or for the built-in models, and the
//! checks of a request against them.

use super::engine::Exchange;
use super::model_catalog::ModelCatalog;
use super::selected_model::SelectedModel;
use crate::client::seed_max_tokens;
use crate::compose::output_limit::{ChosenMaxTokens, OutputLimit};
use crate::compose::picture_fitting::{are_many, fit_earlier, fit_turn, scaled_earlier};
use crate::compose::request_spec::RequestSpec;
use crate::error::Error;
use crate::input::{PdfFile, Picture, Turn, check_many, check_pages, total_pages};
use crate::media::{ImageResolution, PictureFit};
use crate::protocol::{
    InputMessage, LONG_WINDOW, MAX_PDF_PAGES, MAX_PDF_PAGES_OF_SHORT_WINDOW, MAX_PICTURES,
    MAX_PICTURES_OF_SHORT_WINDOW,
};

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
            && self.has_short_window(model, may_ask_key).await
        {
            most = MAX_PICTURES_OF_SHORT_WINDOW;
        }
        Ok(check_many(pictures, most)?)
    }

    /// Refuses PDFs with more pages than a model accepts in one request, as far as that is known.
    /// `may_ask_key` is as for the output limit.
    ///
    /// # Errors
    ///
    /// If one has too many pages, or all together have.
    pub(crate) async fn check_pdfs(
        &self,
        pdfs: &[PdfFile],
        model: Option<&str>,
        may_ask_key: bool,
    ) -> Result<(), Error> {
        let mut most = MAX_PDF_PAGES;
        if total_pages(pdfs) > MAX_PDF_PAGES_OF_SHORT_WINDOW
            && self.has_short_window(model, may_ask_key).await
        {
            most = MAX_PDF_PAGES_OF_SHORT_WINDOW;
        }
        Ok(check_pages(pdfs, most)?)
    }

    /// Whether a model is known to have a window in which less fits.
    async fn has_short_window(&self, model: Option<&str>, may_ask_key: bool) -> bool {
        let window = match model {
            Some(model) => self.window(model, may_ask_key).await,
            None => None,
        };
        window.is_some_and(|window| window < LONG_WINDOW)
    }

    /// Returns what this many pictures in a request to a model have to fit.
    pub(crate) fn picture_fit(&self, model: Option<&str>, pictures: usize) -> PictureFit {
        PictureFit {
            image_size: self.settings().image_size,
            resolution: model
                .and_then(ImageResolution::for_model)
                .unwrap_or(ImageResolution::HIGH),
            is_one_of_many: are_many(pictures),
        }
    }
}

impl Exchange<'_> {
    /// Makes the pictures of a turn fit the limits of a request that has `earlier` others, and
    /// checks its PDFs together with those that are `given` in earlier messages.
    ///
    /// # Errors
    ///
    /// If one cannot be sent, or if a signal arrived.
    pub(crate) async fn fit_turn(
        &self,
        turn: &mut Turn,
        earlier: usize,
        given: &[PdfFile],
        is_sent: bool,
    ) -> Result<(), Error> {
        let model = self.selected_model().map(|model| model.id.as_str());
        if !self.policy.is_unchecked {
            let pdfs = [given, &turn.pdfs].concat();
            self.catalog.check_pdfs(&pdfs, model, is_sent).await?;
        }
        let count = earlier + turn.pictures.len();
        let fit = self.catalog.picture_fit(model, count);
        fit_turn(self.app, turn, fit).await
    }

    /// Makes the pictures of earlier messages fit the limits of a request with this many, and
    /// returns whether one was changed.
    ///
    /// # Errors
    ///
    /// If a signal arrived.
    pub(crate) async fn fit_earlier(
        &mut self,
        messages: &mut [InputMessage],
        count: usize,
    ) -> Result<bool, Error> {
        if !are_many(count) {
            return Ok(false);
        }
        let model = self.selected_model().map(|model| model.id.as_str());
        let fit = self.catalog.picture_fit(model, count);
        let changed = fit_earlier(self.app, messages, fit).await?;
        if changed > 0 {
            self.notice_once(scaled_earlier(changed));
        }
        Ok(changed > 0)
    }

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
