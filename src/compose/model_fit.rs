//! Fits what a request asks for to what its model accepts, before anything is sent.
//!
//! What the user has typed and the model is known to refuse is an error, which says the way out;
//! what comes from the config file, a template or a body is left out with a notice. What is not
//! known of a model is sent as it is.

use serde_json::{Value, json};

use super::request_spec::{OptionOrigin, RequestSpec, without};
use crate::error::{Error, OptionAdvice};
use crate::protocol::{
    EFFORT, MIN_THINKING_BUDGET, ModelOption, ModelRules, OptionKey, RequestOptions, Support,
    THINKING, ThinkingStart, ToolChoice,
};
use crate::text::{counted, grouped};

/// What a request has to fit, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelFit<'r> {
    /// The model's id.
    pub(crate) model: &'r str,
    /// What is known of it.
    pub(crate) rules: &'r ModelRules,
    /// The most tokens that are generated where no field says so.
    pub(crate) max_tokens: u64,
    /// The choice among the tools, where it is apart from the fields.
    pub(crate) tool_choice: Option<&'r ToolChoice>,
    /// Whether the reasoning is to be shown.
    pub(crate) shows_thinking: bool,
    /// Whether the request is sent whatever is known of the model: `--no-check`.
    pub(crate) is_unchecked: bool,
    /// What is refused rather than left out.
    pub(crate) insistence: Insistence<'r>,
}

/// Which options of a request are refused where the model does not accept them; all others are left
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insistence<'r> {
    /// Those that the user has typed.
    Typed,
    /// Those of this field, which is set just now: the others were typed for another model.
    Field(&'r str),
    /// None: all of them were typed for another model, or checked before.
    Nothing,
}

impl RequestSpec {
    /// Whether the request has anything that only some models accept.
    pub(crate) fn has_model_options(&self, tool_choice: Option<&ToolChoice>) -> bool {
        self.fields.contains_key(THINKING.key) || !self.options(tool_choice).uses().is_empty()
    }

    /// Settles how the model is asked to think, and leaves out what it is known not to accept.
    /// Returns a notice for each option that is left out.
    ///
    /// # Errors
    ///
    /// If the model does not accept what the user has typed, or if a budget does not fit
    /// `max_tokens`.
    pub(crate) fn fit_to_model(&mut self, fit: &ModelFit<'_>) -> Result<Vec<String>, Error> {
        let wish = self.fields.get(THINKING.key).cloned();
        let mut notices = Vec::from_iter(self.settle_thinking(fit)?);
        if fit.is_unchecked {
            return Ok(notices);
        }
        // Each round leaves one option out.
        while let Some(conflict) = self.options(fit.tool_choice).conflict(fit.rules) {
            let Some(key) = self.least_wanted(&conflict.keys, fit) else {
                return Err(self.refusal(fit, &conflict.keys));
            };
            let others = conflict.keys.iter().filter(|other| **other != key);
            let beside: Vec<String> = others.map(|other| self.origin_name(*other)).collect();
            let beside = if beside.is_empty() {
                String::new()
            } else {
                format!(" together with {}", beside.join(" and "))
            };
            let (name, model) = (self.origin_name(key), fit.model);
            notices.push(format!(
                "{name} is left out: {model} does not accept it{beside}"
            ));
            self.leave_out(key);
        }
        let set = self.fields.get("max_tokens").and_then(Value::as_u64);
        let max_tokens = set.unwrap_or(fit.max_tokens);
        if let Some(budget) = self.options(fit.tool_choice).unfit_budget(max_tokens) {
            let is_wish = wish.as_ref().is_some_and(Value::is_string);
            if !is_wish || self.is_wanted(OptionKey::Thinking, fit) {
                return Err(unfit_budget(budget, max_tokens));
            }
            let name = self.origin_name(OptionKey::Thinking);
            notices.push(format!(
                "{name} is left out: max_tokens ({}) leaves no room for it",
                grouped(max_tokens)
            ));
            self.leave_out(OptionKey::Thinking);
        }
        Ok(notices)
    }

    fn options<'r>(&'r self, tool_choice: Option<&'r ToolChoice>) -> RequestOptions<'r> {
        RequestOptions {
            fields: &self.fields,
            tool_choice,
            has_prefill: self.prefill.is_some(),
        }
    }

    /// Turns a wish for thinking into the field of the body that this model takes. Returns a notice
    /// if it is left out.
    fn settle_thinking(&mut self, fit: &ModelFit<'_>) -> Result<Option<String>, Error> {
        let settled = match self.fields.get(THINKING.key) {
            None if fit.shows_thinking => self.shown_thinking(fit),
            Some(Value::String(wish)) if wish == "off" => match fit.rules.thinking_start() {
                Some(ThinkingStart::Never | ThinkingStart::OnRequest) => None,
                Some(ThinkingStart::ByDefault | ThinkingStart::Always) | None => {
                    Some(json!({"type": "disabled"}))
                }
            },
            Some(Value::String(_)) => Some(self.automatic_thinking(fit)),
            Some(Value::Number(budget)) => {
                let is_known = fit.rules.support(ModelOption::EnabledThinking) != Support::Unknown;
                if !is_known && !fit.is_unchecked {
                    if self.is_wanted(OptionKey::Thinking, fit) {
                        return Err(unknown_budget(fit.model, budget));
                    }
                    let notice = format!(
                        "{} is left out: it is not known whether {} accepts a budget",
                        self.origin_name(OptionKey::Thinking),
                        fit.model
                    );
                    self.leave_out(OptionKey::Thinking);
                    return Ok(Some(notice));
                }
                Some(json!({"type": "enabled", "budget_tokens": budget}))
            }
            // It is what the body has, or nothing.
            _ => return Ok(None),
        };
        match settled {
            Some(settled) => drop(self.fields.insert(THINKING.key, settled)),
            None => drop(self.fields.shift_remove(THINKING.key)),
        }
        Ok(None)
    }

    /// Returns the field for `auto`: adaptive thinking where the model has it, else a budget of
    /// half of `max_tokens`.
    fn automatic_thinking(&self, fit: &ModelFit<'_>) -> Value {
        let adaptive = fit.rules.support(ModelOption::AdaptiveThinking);
        let enabled = fit.rules.support(ModelOption::EnabledThinking);
        let takes_budget = match (adaptive, enabled) {
            (Support::Yes, _) | (_, Support::No) => false,
            (Support::No, _) | (_, Support::Yes) => true,
            (Support::Unknown, Support::Unknown) => false,
        };
        if takes_budget {
            let set = self.fields.get("max_tokens").and_then(Value::as_u64);
            let half = set.unwrap_or(fit.max_tokens) / 2;
            return json!({"type": "enabled", "budget_tokens": half.max(MIN_THINKING_BUDGET)});
        }
        adaptive_thinking(fit.shows_thinking)
    }

    /// Returns the field that shows the reasoning of a model that thinks without being asked to;
    /// none where that would be more than the request asked for.
    fn shown_thinking(&self, fit: &ModelFit<'_>) -> Option<Value> {
        let thinks = matches!(
            fit.rules.thinking_start(),
            Some(ThinkingStart::ByDefault | ThinkingStart::Always)
        );
        let options = self.options(fit.tool_choice);
        let is_free = !options.is_tool_forced() && !options.has_prefill;
        (thinks && is_free).then(|| adaptive_thinking(true))
    }

    /// Returns the option among these that is left out: the first that nobody insists on. Beside
    /// one that is set just now, none is.
    fn least_wanted(&self, keys: &[OptionKey], fit: &ModelFit<'_>) -> Option<OptionKey> {
        let is_set_now = |key: &OptionKey| fit.insistence == Insistence::Field(key.field_key());
        if keys.iter().any(is_set_now) {
            return None;
        }
        let can_go = |key: &&OptionKey| !self.is_wanted(**key, fit) && self.is_own(**key);
        keys.iter().find(can_go).copied()
    }

    /// Whether the option is refused rather than left out.
    fn is_wanted(&self, key: OptionKey, fit: &ModelFit<'_>) -> bool {
        match fit.insistence {
            Insistence::Typed => {
                matches!(self.origins.get(&key), Some(OptionOrigin::Typed(_)))
            }
            Insistence::Field(field) => key.field_key() == field,
            Insistence::Nothing => false,
        }
    }

    /// Whether the option is a field or the prefill: a choice among tools may be apart from both.
    fn is_own(&self, key: OptionKey) -> bool {
        match key {
            OptionKey::Prefill => self.prefill.is_some(),
            key => self.fields.contains_key(key.field_key()),
        }
    }

    fn leave_out(&mut self, key: OptionKey) {
        match key {
            OptionKey::Prefill => self.prefill = None,
            OptionKey::Effort | OptionKey::Format => {
                let member = if key == OptionKey::Effort {
                    "effort"
                } else {
                    "format"
                };
                let config = self.fields.exact(EFFORT.key);
                let others = config.and_then(|config| without(config, member));
                match others {
                    Some(others) => drop(self.fields.insert(EFFORT.key, others)),
                    None => drop(self.fields.shift_remove(EFFORT.key)),
                }
            }
            key => {
                self.fields.shift_remove(key.field_key());
            }
        }
    }

    /// Returns an option with where it was set, for messages.
    fn origin_name(&self, key: OptionKey) -> String {
        let name = key.name();
        match self.origins.get(&key) {
            Some(OptionOrigin::Typed(typed)) => format!("`{typed}`"),
            Some(OptionOrigin::Template) => format!("`{name}` of the template"),
            Some(OptionOrigin::Messages) => format!("`{name}` of --messages"),
            Some(OptionOrigin::Config(origin)) => origin.to_string(),
            None => format!("`{name}`"),
        }
    }

    /// Returns the error of options that the user has typed.
    fn refusal(&self, fit: &ModelFit<'_>, keys: &[OptionKey]) -> Error {
        let names: Vec<String> = keys.iter().map(|key| self.origin_name(*key)).collect();
        let model = fit.model;
        let (message, advice) = match (keys, names.as_slice()) {
            ([key], [name]) => (
                format!("{model} does not accept {name}"),
                way_out(*key, fit.rules),
            ),
            _ => (
                format!(
                    "{model} does not accept {} in the same request",
                    names.join(" and ")
                ),
                OptionAdvice::LeaveOneOut,
            ),
        };
        Error::OptionRefused { message, advice }
    }
}

fn adaptive_thinking(is_shown: bool) -> Value {
    if is_shown {
        json!({"type": "adaptive", "display": "summarized"})
    } else {
        json!({"type": "adaptive"})
    }
}

/// Returns what to do instead of an option that a model refuses.
fn way_out(key: OptionKey, rules: &ModelRules) -> OptionAdvice {
    let is_adaptive = rules.support(ModelOption::AdaptiveThinking) == Support::Yes;
    let has_least = rules.support(ModelOption::BetweenToolsThinking) == Support::Yes;
    match key {
        OptionKey::Thinking if rules.thinking_start() == Some(ThinkingStart::Always) => {
            OptionAdvice::LetItThink
        }
        OptionKey::Thinking if has_least => OptionAdvice::ThinkBetweenTools,
        OptionKey::Thinking if is_adaptive => OptionAdvice::ThinkAuto,
        OptionKey::ToolChoice => OptionAdvice::ChooseFreely,
        OptionKey::Prefill => OptionAdvice::AskInPrompt,
        _ => OptionAdvice::LeaveOut,
    }
}

fn unfit_budget(budget: u64, max_tokens: u64) -> Error {
    let fitting = budget.max(MIN_THINKING_BUDGET).saturating_mul(2);
    Error::OptionRefused {
        message: format!(
            "a thinking budget of {} does not fit: it must be at least {} and less than \
             max_tokens, which is {}",
            counted(budget, "token"),
            grouped(MIN_THINKING_BUDGET),
            grouped(max_tokens)
        ),
        advice: OptionAdvice::OtherBudget {
            max_tokens: fitting,
        },
    }
}

fn unknown_budget(model: &str, budget: &serde_json::Number) -> Error {
    Error::OptionRefused {
        message: format!(
            "it is not known whether {model} accepts a thinking budget, so {budget} is not sent"
        ),
        advice: OptionAdvice::BudgetUnknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::config::Origin;

    /// Returns a request with a field from somewhere.
    fn spec(fields: &[(&str, Value, OptionOrigin)]) -> RequestSpec {
        let mut spec = RequestSpec::default();
        for (key, value, origin) in fields {
            spec.note_origin(key, value, origin);
            spec.fields.insert((*key).to_owned(), value.clone());
        }
        spec
    }

    fn typed(text: &str) -> OptionOrigin {
        OptionOrigin::Typed(text.to_owned())
    }

    /// The fields that are sent, and the notices; or the message and the hint of the error.
    type Fitted = Result<(Map<String, Value>, Vec<String>), (String, String)>;

    fn fitted(spec: &RequestSpec, model: &str, change: fn(&mut ModelFit<'_>)) -> Fitted {
        let rules = ModelRules::for_model(model);
        let mut fit = ModelFit {
            model,
            rules: &rules,
            max_tokens: 16_384,
            tool_choice: None,
            shows_thinking: false,
            is_unchecked: false,
            insistence: Insistence::Typed,
        };
        change(&mut fit);
        let mut spec = spec.clone();
        match spec.fit_to_model(&fit) {
            Ok(notices) => Ok(((*spec.fields).clone(), notices)),
            Err(error) => Err((error.message(), error.hint().unwrap_or_default())),
        }
    }

    /// What is sent as `thinking` for what was typed; null for nothing.
    fn thinking(wish: &Value, model: &str, change: fn(&mut ModelFit<'_>)) -> Result<Value, String> {
        let fields = if wish.is_null() {
            Vec::new()
        } else {
            vec![("thinking", wish.clone(), typed("--thinking"))]
        };
        fitted(&spec(&fields), model, change)
            .map(|(fields, _)| fields.get("thinking").cloned().unwrap_or_default())
            .map_err(|(message, _)| message)
    }

    const AS_IT_IS: fn(&mut ModelFit<'_>) = |_| {};

    #[test]
    fn automatic_thinking_takes_the_form_that_the_model_has() {
        let adaptive = json!({"type": "adaptive"});
        for (model, expected) in [
            ("claude-opus-5-5", adaptive.clone()),
            ("claude-sonnet-4-6", adaptive.clone()),
            ("some-model", adaptive),
            (
                "claude-haiku-4-5",
                json!({"type": "enabled", "budget_tokens": 8192}),
            ),
            (
                "claude-3-7-sonnet",
                json!({"type": "enabled", "budget_tokens": 8192}),
            ),
        ] {
            assert_eq!(
                thinking(&json!("auto"), model, AS_IT_IS),
                Ok(expected),
                "{model}"
            );
        }
        let small = thinking(&json!("auto"), "claude-haiku-4-5", |fit| {
            fit.max_tokens = 1500;
        });
        assert_eq!(small, Ok(json!({"type": "enabled", "budget_tokens": 1024})));
        let never = thinking(&json!("auto"), "claude-3-haiku-20240307", AS_IT_IS);
        assert!(never.is_err_and(|message| message.contains("does not accept")));
    }

    #[test]
    fn thinking_is_turned_off_where_it_would_be_on() {
        let disabled = json!({"type": "disabled"});
        for (model, expected) in [
            ("claude-sonnet-5", disabled.clone()),
            ("some-model", disabled),
            ("claude-opus-4-8", Value::Null),
            ("claude-haiku-4-5", Value::Null),
            ("claude-3-haiku-20240307", Value::Null),
        ] {
            assert_eq!(
                thinking(&json!("off"), model, AS_IT_IS),
                Ok(expected),
                "{model}"
            );
        }
        let always = fitted(
            &spec(&[("thinking", json!("off"), typed("--thinking off"))]),
            "claude-opus-5-5",
            AS_IT_IS,
        );
        let (message, hint) = always.expect_err("it always thinks");
        assert_eq!(message, "claude-opus-5-5 does not accept `--thinking off`");
        assert!(hint.contains("always thinks") && hint.contains("--no-check"));
    }

    #[test]
    fn a_budget_is_sent_only_where_it_is_known_to_be_taken() {
        let budget = json!({"type": "enabled", "budget_tokens": 2000});
        let sent = thinking(&json!(2000), "claude-haiku-4-5", AS_IT_IS);
        assert_eq!(sent, Ok(budget.clone()));
        for (model, expected) in [
            ("some-model", "not known whether some-model accepts"),
            ("claude-opus-4-8", "claude-opus-4-8 does not accept"),
            ("claude-sonnet-4-6", "claude-sonnet-4-6 does not accept"),
        ] {
            let refused = thinking(&json!(2000), model, AS_IT_IS);
            assert!(
                refused.is_err_and(|message| message.contains(expected)),
                "{model}"
            );
            let unchecked = thinking(&json!(2000), model, |fit| fit.is_unchecked = true);
            assert_eq!(unchecked, Ok(budget.clone()), "{model}");
        }
        let refused = thinking(&json!(16_384), "claude-haiku-4-5", AS_IT_IS);
        assert!(refused.is_err_and(|message| message.contains("less than max_tokens")));
    }

    #[test]
    fn reasoning_is_shown_where_the_model_has_any() {
        let shown = json!({"type": "adaptive", "display": "summarized"});
        let show: fn(&mut ModelFit<'_>) = |fit| fit.shows_thinking = true;
        for (wish, model, expected) in [
            (json!("auto"), "claude-opus-4-8", shown.clone()),
            (Value::Null, "claude-sonnet-5", shown),
            (Value::Null, "claude-opus-4-8", Value::Null),
            (Value::Null, "some-model", Value::Null),
            (Value::Null, "claude-haiku-4-5", Value::Null),
            (
                json!({"type": "adaptive"}),
                "claude-opus-5",
                json!({"type": "adaptive"}),
            ),
        ] {
            assert_eq!(thinking(&wish, model, show), Ok(expected), "{model}");
        }
    }

    #[test]
    fn what_was_typed_is_refused_and_what_stands_in_a_file_is_left_out_with_a_notice() {
        let request = |origin| spec(&[("temperature", json!(0.5), origin)]);
        let model = "claude-opus-4-8";
        let refused = fitted(&request(typed("--temperature 0.5")), model, AS_IT_IS);
        assert_eq!(
            refused.expect_err("it was typed"),
            (
                "claude-opus-4-8 does not accept `--temperature 0.5`".to_owned(),
                "leave it out, or choose another model with -m; --no-check sends it anyway"
                    .to_owned()
            )
        );
        let lenient = fitted(&request(typed("--temperature 0.5")), model, |fit| {
            fit.insistence = Insistence::Nothing;
        });
        let notice = "`--temperature 0.5` is left out: claude-opus-4-8 does not accept it";
        assert_eq!(lenient, Ok((Map::new(), vec![notice.to_owned()])));
        for (origin, name) in [
            (OptionOrigin::Template, "`temperature` of the template"),
            (OptionOrigin::Messages, "`temperature` of --messages"),
            (OptionOrigin::Config(Origin::Default), "the default"),
        ] {
            let expected = format!("{name} is left out: claude-opus-4-8 does not accept it");
            assert_eq!(
                fitted(&request(origin.clone()), model, AS_IT_IS),
                Ok((Map::new(), vec![expected]))
            );
            let accepted = fitted(&request(origin), "claude-haiku-4-5", AS_IT_IS);
            assert_eq!(accepted.map(|(fields, _)| fields.len()), Ok(1));
        }
        let unchecked = fitted(&request(typed("--temperature 0.5")), model, |fit| {
            fit.is_unchecked = true;
        });
        assert_eq!(unchecked.map(|(fields, _)| fields.len()), Ok(1));
    }

    #[test]
    fn of_two_options_that_exclude_each_other_the_one_that_was_not_typed_is_left_out() {
        let both = |temperature, thinking| {
            spec(&[
                ("temperature", json!(0.5), temperature),
                ("thinking", json!("auto"), thinking),
            ])
        };
        let model = "claude-haiku-4-5";
        let sent = |spec: &RequestSpec| {
            fitted(spec, model, AS_IT_IS).map(|(fields, _)| fields.keys().cloned().collect())
        };
        let config = || OptionOrigin::Config(Origin::Default);
        let of_typed = |keys: &[&str]| Ok(keys.iter().map(|key| (*key).to_owned()).collect());
        let expected: Result<Vec<String>, _> = of_typed(&["temperature"]);
        assert_eq!(sent(&both(typed("--temperature 0.5"), config())), expected);
        assert_eq!(
            sent(&both(config(), typed("--thinking auto"))),
            of_typed(&["thinking"])
        );
        assert_eq!(sent(&both(config(), config())), of_typed(&["thinking"]));
        let (message, _) = sent(&both(typed("--temperature 0.5"), typed("--thinking auto")))
            .expect_err("both were typed");
        assert_eq!(
            message,
            "claude-haiku-4-5 does not accept `--temperature 0.5` and `--thinking auto` in the \
             same request"
        );
    }

    #[test]
    fn effort_is_left_out_without_what_stands_beside_it() {
        let format = json!({"type": "json_schema"});
        let request = spec(&[(
            "output_config",
            json!({"effort": "high", "format": format}),
            OptionOrigin::Messages,
        )]);
        let expected = Map::from_iter([("output_config".to_owned(), json!({"format": format}))]);
        let sent = fitted(&request, "claude-haiku-4-5", AS_IT_IS).map(|(fields, _)| fields);
        assert_eq!(sent, Ok(expected));
    }
}
