//! How an answer ended: what is shown of that, and what it means for the exit code.

use super::driver::{SendOutcome, Timing};
use crate::app::App;
use crate::cli;
use crate::compose::cache_policy::PromptTokens;
use crate::error::{Error, Left};
use crate::protocol::{StopReason, Usage};
use crate::text::grouped;
use crate::ui::{AnswerRenderer, DisplayOutcome, FinalAnswer, OutputFileState};

/// Shows the answer, judges how it ended, and closes the output.
pub(crate) fn finish_answer(
    app: &App,
    args: &cli::AskArgs,
    accepted: AcceptedEndings,
    mut outcome: SendOutcome,
    mut renderer: AnswerRenderer,
) -> Result<(), Error> {
    let mut error = outcome.error.take();
    let mut stands_above = outcome.is_shown_aside;
    let mut copied = None;
    let has_file = args
        .output
        .file
        .as_deref()
        .is_some_and(|path| path.as_os_str() != "-");
    // What an earlier run has left is worth more than an answer that has nothing in it.
    let is_empty = outcome
        .answer
        .as_ref()
        .is_none_or(|answer| answer.message.content.is_empty());
    let is_worthless =
        has_file && error.is_some() && is_empty && outcome.timing.time_to_first_token().is_none();
    let shown = |_: &&FinalAnswer| !is_worthless && !matches!(error, Some(Error::Output(_)));
    if let Some(answer) = outcome.answer.as_ref().filter(shown) {
        let shown = renderer.finish_answer(answer);
        error = error.or_else(|| stop_reason_error(answer, accepted));
        match shown {
            Ok(DisplayOutcome::All) if args.output.copy => {
                copied = Some(renderer.copied_text(answer));
            }
            Ok(DisplayOutcome::All) => {}
            Ok(DisplayOutcome::WithAside(text)) => stands_above |= aside(app, &text),
            Ok(DisplayOutcome::Nothing(text)) => {
                stands_above |= aside(app, &text);
                error = error.or(Some(Error::NoCodeBlock(args.output.lang.clone())));
            }
            Err(output) => error = Some(output.into()),
        }
        let is_whole = matches!(error, None | Some(Error::NoCodeBlock(_)));
        if is_whole && !stands_above && !renderer.has_output() {
            app.notices.notice("the answer is empty");
        }
        if args.output.looks.usage {
            show_usage(app, &mut outcome);
        }
    }
    let has_output = renderer.has_output();
    let saved = renderer.close_output(error.is_none())?;
    if let OutputFileState::Partial(path) = &saved {
        app.notices
            .notice(&format!("the partial answer is in `{}`", path.display()));
    }
    if let Some(Error::Call { left, .. }) = &mut error {
        *left = match saved {
            OutputFileState::Partial(_) => Left::Part,
            // A device or a pipe.
            OutputFileState::Complete if has_output && has_file => Left::Kept,
            OutputFileState::Complete if has_output => Left::Stdout,
            OutputFileState::Complete if stands_above => Left::Stderr,
            OutputFileState::Complete => Left::Nowhere,
        };
    }
    match (error, copied) {
        (Some(error), _) => Err(error),
        (None, Some(text)) => app.copy(&text),
        (None, None) => Ok(()),
    }
}

/// Shows text that standard output is not for, and says whether there was any.
fn aside(app: &App, text: &str) -> bool {
    if !text.is_empty() {
        app.notices.print_block(text);
    }
    !text.is_empty()
}

/// Which answers that are not whole count as such.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AcceptedEndings {
    /// Those that a token limit cut off: `--allow-truncated`.
    pub(crate) truncated: bool,
    /// Those without content, and those that stop for a tool call without one: `--allow-empty`.
    pub(crate) empty: bool,
}

/// Returns what the stop reason of a whole answer means for the exit code. Where nobody lets the
/// model go on, an answer that it has paused is not whole.
pub(crate) fn stop_reason_error(answer: &FinalAnswer, accepted: AcceptedEndings) -> Option<Error> {
    match answer.message.stop_reason.as_ref()? {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded if accepted.truncated => {
            None
        }
        reason @ (StopReason::MaxTokens | StopReason::ModelContextWindowExceeded) => {
            Some(Error::Truncated(reason.clone()))
        }
        StopReason::Refusal => {
            let details = answer.message.extra.get("stop_details");
            let why = details
                .as_ref()
                .and_then(|details| details.get("explanation"))
                .and_then(serde_json::Value::as_str);
            Some(Error::Refusal(why.map(str::to_owned)))
        }
        StopReason::PauseTurn => Some(Error::Paused {
            is_saved: answer.session_id.is_some(),
        }),
        StopReason::EndTurn | StopReason::ToolUse => {
            let missing = answer.message.missing_part().filter(|_| !accepted.empty);
            missing.map(Error::EmptyAnswer)
        }
        StopReason::StopSequence | StopReason::Other(_) => None,
    }
}

/// Shows the tokens and the timing of an answer: once, also where what follows from it fails.
pub(crate) fn show_usage(app: &App, outcome: &mut SendOutcome) {
    if let Some(answer) = &outcome.answer
        && !std::mem::replace(&mut outcome.is_usage_shown, true)
    {
        app.notices.print_stats(&usage_line(answer, outcome.timing));
    }
}

/// Returns what the cache did with the tokens of a prompt, in parentheses; nothing if it had
/// nothing to do with it.
pub(crate) fn cache_part(usage: &Usage) -> String {
    let PromptTokens {
        total,
        read,
        short_writes,
        long_writes,
    } = PromptTokens::from_usage(usage);
    let written = short_writes.saturating_add(long_writes);
    if read == 0 && written == 0 {
        return String::new();
    }
    let fresh = total.saturating_sub(read).saturating_sub(written);
    format!(
        " ({} read from the cache, {} written to it, {} not cached)",
        grouped(read),
        grouped(written),
        grouped(fresh)
    )
}

fn usage_line(answer: &FinalAnswer, timing: Timing) -> String {
    let usage = &answer.message.usage;
    let output = usage.output_tokens();
    let mut line = format!("{} tokens in", grouped(usage.total_input_tokens()));
    line.push_str(&cache_part(usage));
    line.push_str(&format!(", {} out", grouped(output)));
    if let Some(first) = timing.time_to_first_token() {
        line.push_str(&format!("; first token after {:.2} s", first.as_secs_f64()));
    }
    let writing = timing.generation_time().as_secs_f64();
    if writing > 0.0 {
        // Precise enough: token counts are far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let rate = output as f64 / writing;
        line.push_str(&format!(
            ", {} tokens a second",
            grouped(format_args!("{rate:.0}"))
        ));
    }
    if let Some(cost) = &answer.cost {
        let basis = cost.basis.date().unwrap_or("config");
        line.push_str(&format!("; list price {} ({basis})", cost.amount));
    }
    line
}
