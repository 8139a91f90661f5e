//! Makes the history of a request fit to send: the one place where that is decided, for the tool
//! loop, saved conversations, `--messages`, corrections of structured answers, and `chat`. Pure.
//!
//! It looks at the whole request, because what the endpoint accepts of one block depends on others:
//! roles alternate, calls have results, there is a limit for all pictures, calls need tools, and
//! thinking is bound to all that comes before it. What can be made acceptable without changing its
//! meaning is; in place of anything else there are words for the model. A file that the user wrote
//! is refused instead, by [`check_given`], with the message and the block.
//!
//! What the messages of an open tool turn become depends on nothing behind them: the thinking in
//! them is bound to the very bytes of what was sent before.

mod block_fit;
mod block_shape;
mod calls_as_text;
mod pairing;
mod pictures;
#[cfg(test)]
mod tests;

pub(crate) use self::calls_as_text::has_calls;

use self::block_fit::{BlockFlaw, MediaError, fit_block, foreign_source, is_blank};
use self::calls_as_text::calls_as_text;
use self::pairing::{find_unpaired, pair_calls};
use self::pictures::fit_pictures;
use super::thinking_binding::{leave_out_foreign_thinking, leave_out_thinking, open_turn};
use crate::input::{self, place_name};
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role};

/// What the history of a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistoryStage {
    /// A turn of the user begins, or is resumed: what was said before may have been sent to another
    /// model, or with other tools.
    TurnStart,
    /// It continues with results of tools or corrections, in the same run.
    WithinTurn,
}

/// Makes the messages of a request acceptable.
///
/// # Errors
///
/// If nothing is left to send, or if the assistant would begin.
pub(crate) fn fit_history(
    request: &mut CreateMessage,
    stage: HistoryStage,
) -> Result<(), input::Error> {
    let messages = std::mem::take(&mut request.messages);
    let mut messages = fit_messages(messages, &request.model);
    if request.tools.is_empty() {
        calls_as_text(&mut messages);
    }
    match messages.first() {
        None => return Err(input::Error::NoPrompt),
        Some(first) if first.role != Role::User => return Err(input::Error::NotUserFirst),
        Some(_) => {}
    }
    // The API refuses white space at the end of what an answer is made to begin with.
    let last = messages
        .last_mut()
        .filter(|last| last.role == Role::Assistant);
    if let Some(ContentBlock::Text(text)) = last.and_then(|turn| turn.content.last_mut()) {
        text.text.trim_end_in_place();
    }
    request.messages = messages;
    if stage == HistoryStage::TurnStart {
        fit_thinking(request);
    }
    Ok(())
}

/// Leaves out the thinking that belongs to another request. That of an open tool turn may neither
/// go back nor be missing beside its calls: these become text then.
fn fit_thinking(request: &mut CreateMessage) {
    let open = open_messages(&request.messages);
    let has_thinking = has_thinking(open);
    let lacks_thinking = needs_thinking(request) && !has_calls_behind_thinking(open);
    let open_count = open.len();
    let before = has_thinking.then(|| request.messages.clone());
    let is_foreign = leave_out_foreign_thinking(request);
    // Where an answer was nothing but thinking that is left out, the turn before it is open again.
    let is_reopened = open_messages(&request.messages).len() > open_count;
    if let Some(before) = before.filter(|_| is_foreign) {
        request.messages = before;
    }
    if is_foreign || is_reopened || lacks_thinking {
        let start = open_turn(&request.messages);
        calls_as_text(&mut request.messages[start..]);
        leave_out_foreign_thinking(request);
    }
}

/// Returns the messages of the open tool turn.
fn open_messages(messages: &[InputMessage]) -> &[InputMessage] {
    messages.get(open_turn(messages)..).unwrap_or_default()
}

/// Leaves out all thinking: the request goes to a model other than the one it was made for.
pub(crate) fn leave_out_all_thinking(request: &mut CreateMessage) {
    let start = open_turn(&request.messages);
    if has_thinking(&request.messages[start..]) {
        calls_as_text(&mut request.messages[start..]);
    }
    leave_out_thinking(request);
}

fn has_thinking(messages: &[InputMessage]) -> bool {
    let mut blocks = messages.iter().flat_map(|message| &message.content);
    blocks.any(ContentBlock::is_thinking)
}

/// Whether the API expects thinking before the calls of an open turn. Source: the words of the API
/// ("a final `assistant` message must start with a thinking block"), on a budget for thinking.
fn needs_thinking(request: &CreateMessage) -> bool {
    let thinking = request.fields.get("thinking");
    thinking.is_some_and(|thinking| thinking["type"] == "enabled")
}

/// Whether the last answer of an open turn begins with thinking, or has no calls.
fn has_calls_behind_thinking(open: &[InputMessage]) -> bool {
    let answer = open.iter().rfind(|message| message.role == Role::Assistant);
    answer.is_none_or(|answer| {
        !has_calls(std::slice::from_ref(answer))
            || answer
                .content
                .first()
                .is_some_and(ContentBlock::is_thinking)
    })
}

/// Makes messages to a model acceptable as far as that does not depend on the rest of the request.
pub(crate) fn fit_messages(messages: Vec<InputMessage>, model: &str) -> Vec<InputMessage> {
    let mut flaws = Vec::new();
    let mut fitted: Vec<InputMessage> = Vec::with_capacity(messages.len());
    for mut message in messages {
        for block in &mut message.content {
            fit_block(message.role, block, &mut flaws);
        }
        push_message(&mut fitted, message);
    }
    pair_calls(&mut fitted);
    fit_pictures(&mut fitted, model);
    fitted
}

/// Appends a message without its blank text; it continues the one before it if that has the same
/// role.
fn push_message(messages: &mut Vec<InputMessage>, mut message: InputMessage) {
    message.content.retain(|block| !is_blank(block));
    match messages.last_mut() {
        _ if message.content.is_empty() => {}
        Some(last) if last.role == message.role => last.content.append(&mut message.content),
        _ => messages.push(message),
    }
}

/// Checks the messages of a file that the user wrote, whose name is `name` in errors. If
/// `is_unchecked`, sources that the endpoint is not known to accept pass.
///
/// # Errors
///
/// If something in them could be sent only with another meaning.
pub(crate) fn check_given(
    name: &str,
    messages: &[InputMessage],
    is_unchecked: bool,
) -> Result<(), input::Error> {
    let mut flaws = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        for (place, block) in message.content.iter().enumerate() {
            fit_block(message.role, &mut block.clone(), &mut flaws);
            if !is_unchecked {
                flaws.extend(foreign_source(block));
            }
            if let Some(flaw) = flaws.drain(..).next() {
                return Err(flaw_error(name, index, place, &flaw));
            }
        }
    }
    match find_unpaired(messages) {
        None => Ok(()),
        Some((index, place, why)) => Err(input::Error::Messages {
            name: name.to_owned(),
            reason: format!("{}: {why}", place_name(index, place)),
        }),
    }
}

fn flaw_error(name: &str, message: usize, block: usize, flaw: &BlockFlaw) -> input::Error {
    let place = place_name(message, block);
    match flaw.media {
        Some(MediaError::Image(source)) => input::Error::Image {
            name: format!("{name}: the image in {place}"),
            source,
        },
        Some(MediaError::Pdf(source)) => input::Error::Pdf {
            name: format!("{name}: the PDF in {place}"),
            source,
        },
        None => input::Error::Messages {
            name: name.to_owned(),
            reason: format!("{place}: the {} cannot be sent: {}", flaw.what, flaw.why),
        },
    }
}
