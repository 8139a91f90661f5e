//! How an answer ended: what is shown of that, and what it means for the exit code.

use super::drive::{Outcome, Timing};
use crate::app::App;
use crate::cli;
use crate::error::Error;
use crate::protocol::StopReason;
use crate::ui::{Answer, Renderer, Saved, Shown};

/// Shows the answer, judges how it ended, and closes the output.
pub(super) fn end(
    app: &App,
    args: &cli::Ask,
    allow_truncated: bool,
    outcome: Outcome,
    mut renderer: Renderer,
) -> Result<(), Error> {
    let mut error = outcome.error;
    if let Some(answer) = outcome.answer.as_ref().filter(|_| !matches!(error, Some(Error::Output(_)))) {
        let shown = renderer.finish(answer);
        error = error.or_else(|| judge(answer, allow_truncated));
        match shown {
            Ok(Shown::All) => {}
            Ok(Shown::WithAside(text)) => app.notices.aside(&text),
            Ok(Shown::Nothing(text)) => {
                app.notices.aside(&text);
                error = error.or(Some(Error::NoCodeBlock(args.output.lang.clone())));
            }
            Err(output) => error = Some(output.into()),
        }
        if args.output.looks.usage {
            app.notices.numbers(&usage_line(answer, outcome.timing));
        }
    }
    if let Saved::Partly(path) = renderer.close(error.is_none())? {
        app.notices.notice(&format!("what came of the answer is in `{}`", path.display()));
    }
    error.map_or(Ok(()), Err)
}

/// Says what a whole answer's stop reason means for the exit code.
pub(super) fn judge(answer: &Answer, allow_truncated: bool) -> Option<Error> {
    match answer.message.stop_reason.as_ref()? {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded if allow_truncated => None,
        reason @ (StopReason::MaxTokens | StopReason::ModelContextWindowExceeded) => {
            Some(Error::Truncated(reason.clone()))
        }
        StopReason::Refusal => {
            let details = answer.message.extra.get("stop_details");
            let why = details.and_then(|details| details.get("explanation")).and_then(serde_json::Value::as_str);
            Some(Error::Refusal(why.map(str::to_owned)))
        }
        StopReason::EndTurn
        | StopReason::StopSequence
        | StopReason::ToolUse
        | StopReason::PauseTurn
        | StopReason::Other(_) => None,
    }
}

pub(super) fn usage_line(answer: &Answer, timing: Timing) -> String {
    let usage = &answer.message.usage;
    let output = usage.output_tokens();
    let mut line = format!("{} tokens in", usage.total_input_tokens());
    if usage.cache_read_tokens() > 0 {
        line.push_str(&format!(" ({} from the cache)", usage.cache_read_tokens()));
    }
    line.push_str(&format!(", {output} out"));
    if let Some(first) = timing.first_word() {
        line.push_str(&format!("; first word after {:.2} s", first.as_secs_f64()));
    }
    let writing = timing.writing().as_secs_f64();
    if writing > 0.0 {
        // Precise enough: token counts are far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let rate = output as f64 / writing;
        line.push_str(&format!(", {rate:.0} tokens a second"));
    }
    line
}
