//! Every sentence that the model reads and nobody typed: results of calls that were denied, were
//! cancelled or failed, and requests to correct or continue an answer.
//!
//! They state what happened and who decided it, and leave the next step to the model. A result
//! begins in lower case, because the user reads it too, after the name of the tool.

use std::fmt::Display;
use std::time::Duration;

use crate::text::{counted, format_seconds};

/// The longest arguments that are quoted to the model, in characters: it wrote them itself.
const MAX_QUOTED_CHARS: usize = 2000;

/// A call that the user denied. It names the user: a model tries an error again, but not what a
/// user refused.
pub(crate) const CALL_DENIED: &str = "the user denied this call";

/// Returns the result of a call that the user denied. Their words follow the fact, so that the
/// model does not take them for the output of the tool.
pub(crate) fn call_denied(reason: &str) -> String {
    if reason.is_empty() {
        CALL_DENIED.to_owned()
    } else {
        format!("{CALL_DENIED}: {reason}")
    }
}

/// A call of a tool that the user forbade altogether. It speaks of the tool, because a call with
/// other arguments would be denied too.
pub(crate) const TOOL_DENIED: &str = "the user does not allow this tool";

/// A call that needed approval in a run without a terminal. It is not a denial: the model can name
/// the approval that is missing.
pub(crate) const NOBODY_TO_ASK: &str =
    "this call needs the user's approval, and no user was there to give it";

/// A call of a run that the user cancelled. It says that the call had no effect, so that the model
/// makes it again where the conversation continues.
pub(crate) const RUN_CANCELLED: &str = "the user cancelled before this call ran";

/// A call that had not begun when the user stopped the tools. It had no effect either.
pub(crate) const TOOLS_STOPPED: &str = "the user stopped the tools before this call ran";

/// A call whose program was written or replaced after its tool was shown to the user. It had no
/// effect, and would have none if it were made again.
pub(crate) const PROGRAM_CHANGED: &str =
    "the program of this tool has changed since the user was shown it, so this call did not run";

/// A call that the user stopped while it ran. It does not say that the call had no effect.
pub(crate) const TOOL_STOPPED: &str = "the user stopped the tool before it finished";

/// A call whose result was never recorded, because the run ended with an error of its own. It does
/// not say whether the call had an effect, which is not known.
pub(crate) const NO_RESULT: &str = "this call ended without a result";

/// The same in a conversation that a killed process left: the call may have ended, and its result
/// may have been shown. It is a sentence, because it stands alone
/// in a message of its own.
pub(crate) const CONVERSATION_INTERRUPTED: &str = "The conversation was interrupted before the \
                                                   result of this call was saved. The call may \
                                                   have run.";

/// Returns what replaces the content of a saved turn that cannot be read. It gives the reason,
/// since the user reads it too.
pub(crate) fn unreadable_content(reason: impl Display) -> String {
    format!("[the content of this turn cannot be read: {reason}]")
}

/// Stands for a result in a request that the API refused. It does not say that the result was at
/// fault, which is often not known, nor that the call failed.
pub(crate) const RESULT_LEFT_OUT: &str =
    "The result of this call is left out, because the API refused a request that contained it.";

/// The result of a tool that succeeded and printed nothing. The API accepts an empty result, but
/// models take one for a failure; the parentheses mark it as not being output.
pub(crate) const NO_OUTPUT: &str = "(no output)";

/// Introduces what a failed tool printed to standard output. It ends the line, so that the output
/// begins a line of its own.
pub(crate) const FAILED_STDOUT: &str = "Standard output:";

/// Introduces what a failed tool printed to standard error.
pub(crate) const FAILED_STDERR: &str = "Standard error:";

/// The description of the tool that an answer with a schema is forced through. `once` and `whole`
/// are there because models otherwise split long answers over several calls.
pub(crate) const ANSWER_TOOL: &str =
    "Gives the answer. Call it once, with the whole answer as its input.";

/// How a request to continue an interrupted answer begins. Conversations are searched for it, so a
/// change hides the requests that older versions saved.
const CONTINUE_OPENING: &str = "Your last answer broke off. It ended with:\n\n";

/// How that request ends. A model finds the place by the whole line better than in the middle of
/// one, and the line is removed from what it repeats. Without the last sentence models apologise or
/// begin with a summary.
pub(crate) const CONTINUE_ENDING: &str = "Continue it. Begin with this last line, from its start, \
    and then go on where it stopped. Do not repeat anything else, do not open a code block again, \
    and do not comment on the interruption.";

/// Asks for the summary that replaces the older part of a conversation, in which it stays before
/// the summary. What a model would leave out of a summary for a reader is named, because it is
/// needed for going on; without the last sentence models offer to continue.
pub(crate) const SUMMARY_REQUEST: &str = "Summarise our conversation so far. Your summary replaces \
    it, and we continue from there, so keep everything that is still needed: what I asked for and \
    what was decided, facts, names, numbers, paths, code and commands word for word, what was \
    tried and what came of it, and what is still open. Write in the language of the conversation. Answer \
    with the summary and nothing else.";

/// Returns the result of a call whose arguments were not a JSON object. They are quoted because the
/// API accepts only an object in the call itself, and the model would not see what was wrong.
pub(crate) fn arguments_are_no_object(arguments: &str) -> String {
    let mut quoted: String = arguments.chars().take(MAX_QUOTED_CHARS).collect();
    if quoted.len() < arguments.len() {
        quoted.push('…');
    }
    format!("the call was not run, because its arguments are not a JSON object: {quoted}")
}

/// Returns the result of a tool that exited with an error. The code is there because tools document
/// what theirs mean.
pub(crate) fn tool_failed(code: i32) -> String {
    format!("the tool failed with exit code {code}")
}

/// Returns the result of a tool that a signal killed, which is no decision of the user.
pub(crate) fn tool_killed(signal: i32) -> String {
    format!("the tool was killed by signal {signal}")
}

/// Returns the result of a tool that took too long. The limit is there so that the model asks for
/// less at a time.
pub(crate) fn tool_timed_out(limit: Duration) -> String {
    format!("the tool timed out after {}", format_seconds(limit))
}

/// Returns the result of a tool that could not be started. It blames the tool, because no other
/// arguments would help.
pub(crate) fn tool_not_started(error: &str) -> String {
    format!("the tool could not be started: {error}")
}

/// Returns the result of a call that an MCP server refused, or that ended with it: whether it had
/// an effect is not known. The server's own words are there because models correct a call by them.
pub(crate) fn server_call_failed(server: &str, why: &str) -> String {
    format!("the MCP server `{server}` could not complete this call: {why}")
}

/// Returns the result of a call of an MCP server that did not start, or was left.
pub(crate) fn server_is_gone(server: &str) -> String {
    format!("the MCP server `{server}` is not running")
}

/// Returns the result of a call of a tool that belongs to the caller of this program.
pub(crate) fn tool_not_run_here(name: &str) -> String {
    format!("`{name}` is not run here")
}

/// Returns the result of a call of a tool that does not exist; `suggestion` names what does.
pub(crate) fn unknown_tool(name: &str, suggestion: &str) -> String {
    format!("no tool `{name}`{suggestion}")
}

/// Returns the result of a call with invalid input. The validator's own words are there because
/// models correct an input by them.
pub(crate) fn invalid_input(tool: &str, why: &str) -> String {
    format!("the input does not fit the schema of `{tool}`: {why}")
}

/// Returns the result of a tool whose output is binary. The size tells an empty file from a large
/// one.
pub(crate) fn output_is_binary(bytes: usize) -> String {
    format!(
        "the tool printed {} that are not text",
        counted(bytes, "byte")
    )
}

/// Returns the result of a tool whose JSON is too long to be kept whole: half of it would be
/// invalid. The excess tells how much less to ask for.
pub(crate) fn json_is_too_long(bytes: usize, excess: usize) -> String {
    format!(
        "the tool printed {} of JSON, {} over the limit",
        counted(bytes, "byte"),
        counted(excess, "byte")
    )
}

/// Returns the result of a tool whose output should have been JSON.
pub(crate) fn output_is_not_json(error: &impl Display) -> String {
    format!("the tool's output is not valid JSON: {error}")
}

/// Returns the result of a tool whose output should have been an image. The formats are those that
/// the API accepts.
pub(crate) fn output_is_not_an_image(bytes: usize) -> String {
    format!(
        "the tool printed {} that are not a JPEG, PNG, GIF or WebP image",
        counted(bytes, "byte")
    )
}

/// Returns the result of a tool whose image is too large to be kept.
pub(crate) fn image_is_too_large(bytes: usize) -> String {
    format!(
        "the tool printed an image of {}, over the limit",
        counted(bytes, "byte")
    )
}

/// Returns the result of a tool whose image the API would refuse.
pub(crate) fn image_is_refused(error: &impl Display) -> String {
    format!("the tool printed an image that cannot be sent: {error}")
}

/// Marks where the middle of a long output was left out. It is on a line of its own, in brackets
/// that no tool prints, so that the model does not take it for output.
pub(crate) fn omitted_output(bytes: usize) -> String {
    format!("\n[… {} omitted …]\n", counted(bytes, "byte"))
}

/// Stands for an attachment whose file is gone, so that the model does not invent its content.
pub(crate) fn lost_attachment(media_type: &str) -> String {
    format!("[{media_type} that is lost]")
}

/// Stands for a block that the API would refuse, so that the model knows that there was one.
pub(crate) fn left_out_block(what: &str, why: &str) -> String {
    format!("[{what} left out: {why}]")
}

/// Asks for an answer that fits the schema. `whole` is there because models otherwise send only the
/// corrected part.
pub(crate) fn repair_request(why: &str, tool: &str) -> String {
    format!(
        "This does not fit the schema: {why}. Call `{tool}` again with the whole answer, corrected."
    )
}

/// Asks for the same where the answer is text. A model that explains its correction is not read by
/// a program.
pub(crate) fn repair_text_request(why: &str) -> String {
    format!(
        "This does not fit the schema: {why}. Answer again with the whole JSON, corrected, and \
         nothing else."
    )
}

/// Asks for JSON where the model takes the schema in no other way. It follows the prompt, because
/// what is said last is kept to best.
pub(crate) fn schema_request(schema: &str) -> String {
    format!(
        "Answer with one JSON value that fits this JSON schema, and with nothing else: no \
         explanation, no code block.\n\n{schema}"
    )
}

/// Returns what says that an answer is text of another kind, where JSON was asked for.
pub(crate) fn answer_is_not_json(error: &impl Display) -> String {
    format!("the answer is not JSON: {error}")
}

/// Returns what says that an answer came as text, where a call of `tool` was forced.
pub(crate) fn answer_is_not_a_call(tool: &str) -> String {
    format!("the model did not call the tool `{tool}`, which langdock had added to the request")
}

/// Returns what says that an answer lacks the field that wraps one that is not an object.
pub(crate) fn answer_is_not_wrapped(field: &str) -> String {
    format!("the input has no field `{field}`, which must hold the answer")
}

/// Returns what says that the arguments of a forced call are not an object; `json` is what they
/// are.
pub(crate) fn answer_is_not_an_object(json: &str) -> String {
    format!("the input is not a JSON object: {json}")
}

/// Asks for a summary; `hint` is what the user wants from it.
pub(crate) fn summary_request(hint: &str) -> String {
    if hint.is_empty() {
        SUMMARY_REQUEST.to_owned()
    } else {
        format!("{SUMMARY_REQUEST}\n\nIn particular: {hint}")
    }
}

/// Asks for the rest of an answer that broke off; `last_line` is its last line, by which a model
/// that accepts no prefill finds the place.
pub(crate) fn continue_request(last_line: &str) -> String {
    format!("{CONTINUE_OPENING}{last_line}\n\n{CONTINUE_ENDING}")
}

/// Returns whether a message is such a request, which the user has not written.
pub(crate) fn is_continue_request(text: &str) -> bool {
    text.starts_with(CONTINUE_OPENING)
}
