//! `--schema`: asks until the answer fits, and gives out what fits or nothing.

use std::path::Path;

use crate::app::App;
use crate::cli;
use crate::compose::sources::read;
use crate::error::Error;
use crate::exchange::driver::Outcome;
use crate::exchange::engine::Asker;
use crate::exchange::finish::end;
use crate::exchange::model_catalog::Chosen;
use crate::input::Estimate;
use crate::protocol::{ContentBlock, CreateMessage, StopReason, ToolUse};
use crate::tool::{self, Structured, StructuredVerdict};
use crate::ui::{Answer, Renderer};

/// How often a wrong answer is sent back where nobody says.
const REPAIRS: u32 = 2;

/// Reads the schema, if one was given.
pub(crate) async fn wish(app: &App, flags: &cli::Structured) -> Result<Option<Structured>, Error> {
    let Some(given) = flags.schema.as_deref() else {
        return Ok(None);
    };
    let (file, text) = match given.trim_start() {
        json if json.starts_with('{') => ("--schema".to_owned(), json.to_owned()),
        _ => read(app, Path::new(given)).await?,
    };
    let wish = Structured::parse(&text, flags.repair.unwrap_or(REPAIRS));
    Ok(Some(wish.map_err(|reason| tool::Error { file, reason })?))
}

/// Sends a request, and what does not fit back.
pub(crate) async fn send(
    mut asker: Asker<'_>,
    mut wish: Structured,
    (model, mut request, body, estimate): (Chosen, CreateMessage, Vec<u8>, Estimate),
    mut renderer: Renderer,
) -> Result<(), Error> {
    let first = asker
        .first(&model, &mut request, (body, &estimate), &mut renderer)
        .await;
    let outcome = until_it_fits(&mut asker, &mut wish, &mut request, first, &mut renderer).await;
    asker.end();
    // JSON that is cut is no answer, whatever is allowed.
    end(asker.app, asker.ask, false, outcome, renderer)
}

/// Sends answers back until one fits, or it was tried often enough. Of the answer there is left
/// what fits, as the input of its one call, or nothing. What is kept of it is text: the call is of
/// a tool that no other request has. Of answers that were sent back nothing is kept, unless nothing
/// came of another try.
async fn until_it_fits(
    asker: &mut Asker<'_>,
    wish: &mut Structured,
    request: &mut CreateMessage,
    mut outcome: Outcome,
    renderer: &mut Renderer,
) -> Outcome {
    let mut last: Option<Answer> = None;
    loop {
        let whole = outcome
            .answer
            .as_ref()
            .filter(|answer| answer.complete && outcome.error.is_none());
        let verdict = whole.map_or(StructuredVerdict::NotWhole, |answer| {
            wish.judge(&answer.message)
        });
        let mut fitting = None;
        match verdict {
            StructuredVerdict::Fits(value) => fitting = Some(value),
            StructuredVerdict::NotWhole => {}
            StructuredVerdict::Never { why } => outcome.error = Some(Error::Unfit(why)),
            StructuredVerdict::Again { why, messages } => {
                asker.app.notices.notice(&format!(
                    "the answer does not fit the schema: {why}; asking again"
                ));
                request.messages.extend(messages);
                match asker.again(request, renderer).await {
                    Ok(next) => {
                        last = std::mem::replace(&mut outcome, next).answer;
                        continue;
                    }
                    Err(error) => outcome.error = Some(error),
                }
            }
        }
        // A refusal without a word counts: what was refused is not sent again.
        let says_something = |answer: &&Answer| {
            !answer.message.content.is_empty()
                || answer.message.stop_reason == Some(StopReason::Refusal)
        };
        if let Some(mut answer) = outcome
            .answer
            .as_ref()
            .filter(says_something)
            .cloned()
            .or(last)
        {
            answer.message.content = wish.as_text(answer.message.content, fitting.as_ref());
            asker.keep(Some(&answer));
        }
        if let Some(answer) = &mut outcome.answer {
            let as_call = |input| {
                let (id, name) = (answer.message.id.clone(), String::new());
                ContentBlock::ToolUse(ToolUse {
                    id,
                    name,
                    input,
                    extra: serde_json::Map::new(),
                })
            };
            answer.message.content = fitting.map(as_call).into_iter().collect();
        }
        return outcome;
    }
}
