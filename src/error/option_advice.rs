//! What to do about an option that the model refuses, in terms of what the user can type.

use super::controls::HintControls;

/// What to do instead of sending an option that the model does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionAdvice {
    /// Leave it out.
    LeaveOut,
    /// Leave out one of several that exclude each other.
    LeaveOneOut,
    /// Let a model think that always does.
    LetItThink,
    /// Let the model choose how much it thinks; it can think only between tool calls.
    ThinkBetweenTools,
    /// Let the model choose how much it thinks.
    ThinkAuto,
    /// Let the model choose how much it thinks: whether it accepts a budget is not known.
    BudgetUnknown,
    /// Raise `max_tokens` to this, or choose another thinking budget.
    OtherBudget {
        /// Tokens in which the budget fits.
        max_tokens: u64,
    },
    /// Ask for at most as many tokens as the model generates.
    FewerTokens {
        /// That number.
        most: u64,
    },
    /// Let the model choose among the tools.
    ChooseFreely,
    /// Say in the prompt how the answer begins.
    AskInPrompt,
}

impl OptionAdvice {
    /// Returns the hint.
    pub(super) fn in_words(self, controls: &HintControls) -> String {
        let HintControls {
            model,
            thinking,
            effort,
            field,
            quote,
            unchecked,
            ..
        } = controls;
        let instead = match self {
            Self::LeaveOut => format!("leave it out, or choose another model with {model}"),
            Self::LeaveOneOut => "leave out one of them".to_owned(),
            Self::LetItThink => format!(
                "this model always thinks: leave out `{thinking} off`, or choose how much it \
                 thinks with {effort}"
            ),
            Self::ThinkBetweenTools => format!(
                "use `{thinking} auto`; for as little thinking as possible, {field} \
                 {quote}thinking={{\"type\":\"between_tools\"}}{quote}"
            ),
            Self::ThinkAuto | Self::BudgetUnknown => format!("use `{thinking} auto`"),
            Self::OtherBudget { max_tokens } => {
                let raised = controls.max_tokens;
                return format!("use {raised}{max_tokens}, or another budget with {thinking} N");
            }
            Self::FewerTokens { most } => format!("use {}{most}", controls.max_tokens),
            Self::ChooseFreely => {
                "use `--tool-choice auto`, and ask for the call in the prompt".to_owned()
            }
            Self::AskInPrompt => "say in the prompt how the answer should begin".to_owned(),
        };
        let what = match self {
            Self::BudgetUnknown => "the budget",
            _ => "it",
        };
        format!("{instead}; {unchecked} {what} anyway")
    }
}
