//! What a model accepts, as far as it matters to the request at hand: looked up, and applied with a
//! notice.

use super::engine::Exchange;
use super::selected_model::SelectedModel;
use crate::compose::model_fit::{Insistence, ModelFit};
use crate::compose::own_marks::check_own_marks;
use crate::compose::request_spec::RequestSpec;
use crate::error::Error;
use crate::protocol::{CreateMessage, ModelOption, Support, ToolChoice, ToolDefinition};

/// What a request is fitted with, beside its fields and its model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FitContext<'c> {
    /// The most tokens that are generated where no field says so.
    pub(crate) max_tokens: u64,
    /// The choice among the tools, where it is apart from the fields.
    pub(crate) tool_choice: Option<&'c ToolChoice>,
    /// Whether the reasoning is to be shown.
    pub(crate) shows_thinking: bool,
    /// Whether the request is sent, and not only shown.
    pub(crate) is_sent: bool,
    /// What is refused rather than left out where the model does not accept it.
    pub(crate) insistence: Insistence<'c>,
}

impl Exchange<'_> {
    /// Fits the fields of a request to its model, and prints a notice for each that is left out,
    /// once. Nothing is looked up for a request that has only what every model accepts.
    pub(crate) async fn fit_to_model(
        &mut self,
        spec: &mut RequestSpec,
        model: &SelectedModel,
        context: FitContext<'_>,
    ) -> Result<(), Error> {
        if !context.shows_thinking && !spec.has_model_options(context.tool_choice) {
            return Ok(());
        }
        let rules = self.catalog.rules(&model.id, context.is_sent).await?;
        let notices = spec.fit_to_model(&ModelFit {
            model: &model.id,
            rules: &rules,
            max_tokens: context.max_tokens,
            tool_choice: context.tool_choice,
            shows_thinking: context.shows_thinking,
            is_unchecked: self.policy.is_unchecked,
            insistence: context.insistence,
        })?;
        for notice in notices {
            self.notice_once(notice);
        }
        Ok(())
    }

    /// Checks what of a request its fields do not show: leaves `strict` out of the tools of a model
    /// that is known to refuse it, with a notice.
    ///
    /// # Errors
    ///
    /// If the endpoint is known to refuse the user's own marks for the prompt cache, or if a slow
    /// key cannot be read.
    pub(super) async fn fit_tools_and_marks(
        &mut self,
        request: &mut CreateMessage,
        is_sent: bool,
    ) -> Result<(), Error> {
        if self.policy.is_unchecked {
            return Ok(());
        }
        check_own_marks(request)?;
        if !request.tools.iter().any(ToolDefinition::is_strict) {
            return Ok(());
        }
        let rules = self.catalog.rules(&request.model, is_sent).await?;
        if rules.support(ModelOption::StructuredOutput) != Support::No {
            return Ok(());
        }
        let model = &request.model;
        for tool in request.tools.iter_mut().filter(|tool| tool.is_strict()) {
            tool.remove_field("strict");
            self.notice_once(format!(
                "`strict` of the tool `{}` is left out: {model} does not accept it",
                tool.name()
            ));
        }
        Ok(())
    }
}
