//! A line of a conversation's file.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::turn_content::TurnContent;
use crate::protocol::{ContentBlock, Message, Role, StopReason, Usage};
use crate::text::KnownSecrets;

/// The version of the format that is written. Fields may be added within a version; readers ignore
/// what they do not know.
pub(super) const VERSION: u32 = 1;

/// The kind of the first line of a file.
pub(super) const HEADER: &str = "langdock-session";

/// The kind of a line with a turn.
pub(super) const TURN: &str = "turn";

/// The kind of a line that renames the conversation.
pub(super) const NAME: &str = "name";

/// The kind of a line that moves the tip.
pub(super) const TIP: &str = "tip";

/// A line that says that the API refused a request with the results of tools in a turn.
pub(super) const REFUSED: &str = "refused";

/// Why a turn is stored but not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeftOut {
    /// The model refused, and would refuse again with this turn in the history.
    Refused,
    /// There was no answer.
    Unanswered,
    /// A reason added by a later version.
    #[serde(other)]
    Unknown,
}

/// A line of any kind, which determines the fields that it has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    /// The kind of the line.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Header: the version of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    /// Header: the conversation's id. Turn: its own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// Turn: the turn that it follows; `None` for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<String>,
    /// Tip: the turn; `None` if the conversation starts over. Refused: the turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) turn: Option<String>,
    /// Turn: the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// When it was written, in UTC.
    #[serde(default)]
    pub(super) at: String,
    /// Header and name: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Header: the conversation that this one was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) forked_from: Option<String>,
    /// Turn of the user: the system prompt that it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<String>,
    /// Turn of the user: where it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent_to: Option<TurnTarget>,
    /// Turn of the model: the model's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// Turn of the model: the API's id of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// Turn of the model: the stop reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop_reason: Option<StopReason>,
    /// Turn of the model: its token usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    /// Turn of the model: whether it was interrupted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) partial: bool,
    /// Turn of the model, of an answer that several requests gave: the tokens of the last one's
    /// prompt and answer. `usage` has the sums of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) context_tokens: Option<u64>,
    /// Turn: why it is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<LeftOut>,
    /// Turn of the user that asks for a summary: the last of the turns that are summarised; empty
    /// if none of them are in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) summarises: Option<String>,
    /// Turn after a summary: the turn that it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copied_from: Option<String>,
    /// Turn: the content blocks, with images and PDFs as references to files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Box<RawValue>>,
}

/// Where a turn of the user is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TurnTarget {
    /// The base URL, without user info; `None` for the built-in endpoint, whose port changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// The region.
    pub(crate) region: String,
    /// The requested model; the answer may name it differently.
    pub(crate) model: String,
}

/// What is sent with a turn of the user, apart from its content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TurnContext<'t> {
    /// The system prompt.
    pub(crate) system: Option<&'t str>,
    /// Where it is sent, if that is already known.
    pub(crate) sent_to: Option<&'t TurnTarget>,
    /// What is blanked out of all that is saved of the turn, if anything is.
    pub(crate) secrets: Option<&'t Arc<KnownSecrets>>,
}

impl TurnContext<'_> {
    /// Blanks secrets out of what is saved: a key may have been typed as a prompt, too.
    pub(super) fn without_secrets<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.secrets {
            Some(secrets) => secrets.scrub_message(text),
            None => Cow::Borrowed(text),
        }
    }

    /// Returns content blocks without secrets.
    pub(super) fn stored_content(&self, content: Box<RawValue>) -> Box<RawValue> {
        match self.without_secrets(content.get()) {
            Cow::Borrowed(_) => content,
            Cow::Owned(text) => {
                RawValue::from_string(text).expect("only text in strings is replaced")
            }
        }
    }
}

/// What a conversation sends no more as it was, because the API refused a request with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RefusedParts {
    /// Whether the message of the user is left out.
    pub(crate) has_message: bool,
    /// The tools whose results are left out, each once.
    pub(crate) tools: Vec<String>,
}

impl RefusedParts {
    /// Whether everything is sent as it was.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_message && self.tools.is_empty()
    }

    /// Adds the tools whose results are among `blocks`; `before` has their calls.
    pub(crate) fn add_results<'b>(
        &mut self,
        blocks: &[ContentBlock],
        before: &(impl Iterator<Item = &'b ContentBlock> + Clone),
    ) {
        for block in blocks {
            let ContentBlock::ToolResult(result) = block else {
                continue;
            };
            let name = before.clone().find_map(|block| match block {
                ContentBlock::ToolUse(call) if call.id == result.tool_use_id => Some(&call.name),
                _ => None,
            });
            let name = name.map_or("a tool", String::as_str);
            if !self.tools.iter().any(|known| known == name) {
                self.tools.push(name.to_owned());
            }
        }
    }
}

/// A position in a conversation: after the turn with this id, or before all turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnPosition(pub(super) Option<String>);

/// A turn of a conversation. Its content is parsed on demand.
#[derive(Debug, Clone)]
pub(crate) struct SavedTurn {
    /// The id.
    pub(crate) id: String,
    /// The turn that it follows; `None` for the first one.
    pub(crate) parent: Option<String>,
    /// The role.
    pub(crate) role: Role,
    /// When it was written, in UTC.
    pub(crate) at: String,
    /// The system prompt that a turn of the user was sent with.
    pub(crate) system: Option<String>,
    /// Where a turn of the user was sent; `None` in a conversation of an earlier version.
    pub(crate) sent_to: Option<TurnTarget>,
    /// The model that answered.
    pub(crate) model: Option<String>,
    /// The stop reason of an answer.
    pub(crate) stop_reason: Option<StopReason>,
    /// The token usage of an answer.
    pub(crate) usage: Option<Usage>,
    /// The tokens of the last request, if several gave the answer.
    pub(super) context_tokens: Option<u64>,
    /// Whether it was interrupted.
    pub(crate) partial: bool,
    /// Why it is not sent.
    pub(crate) left_out: Option<LeftOut>,
    /// In a turn that asks for a summary: the id of the last turn that is summarised.
    pub(super) summarises: Option<String>,
    /// The id of the turn that it is a copy of.
    pub(super) copied_from: Option<String>,
    /// Whether the API refused a request with the results in it, and no other had them.
    pub(crate) is_refused: bool,
    /// The content blocks as stored in the file.
    pub(super) content: TurnContent,
}

impl SessionRecord {
    /// Returns a header of which only the id is known.
    pub(super) fn only_id(id: &str) -> Self {
        Self {
            id: Some(id.to_owned()),
            ..Self::default()
        }
    }

    /// Returns the first line of a new file.
    pub(super) fn new_header(id: &str, name: Option<&str>, forked_from: Option<&str>) -> Self {
        Self {
            kind: HEADER.to_owned(),
            version: Some(VERSION),
            id: Some(id.to_owned()),
            at: utc_now(),
            name: name.map(str::to_owned),
            forked_from: forked_from.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Creates a line that names the conversation.
    pub(super) fn new_name(name: &str) -> Self {
        Self {
            kind: NAME.to_owned(),
            at: utc_now(),
            name: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// Creates a line that moves the tip.
    pub(super) fn new_tip(place: &TurnPosition) -> Self {
        Self {
            kind: TIP.to_owned(),
            at: utc_now(),
            turn: place.0.clone(),
            ..Self::default()
        }
    }

    /// Creates a line that marks the results of a turn as refused.
    pub(super) fn new_refused(turn: &str) -> Self {
        Self {
            kind: REFUSED.to_owned(),
            at: utc_now(),
            turn: Some(turn.to_owned()),
            ..Self::default()
        }
    }

    /// Creates a turn of the user, whose parent is not known yet.
    pub(super) fn user_turn(
        id: String,
        content: Box<RawValue>,
        sent_with: TurnContext<'_>,
    ) -> Self {
        Self {
            role: Some(Role::User),
            system: sent_with
                .system
                .map(|system| sent_with.without_secrets(system).into_owned()),
            sent_to: sent_with.sent_to.cloned(),
            ..Self::new_turn(id, content)
        }
    }

    /// Creates a turn of the model, whose parent is not known yet.
    pub(super) fn assistant_turn(
        id: String,
        content: Box<RawValue>,
        message: &Message,
        complete: bool,
    ) -> Self {
        Self {
            role: Some(Role::Assistant),
            model: some_text(&message.model),
            message_id: some_text(&message.id),
            stop_reason: message.stop_reason.clone(),
            usage: Some(message.usage.clone()).filter(|usage| *usage != Usage::default()),
            partial: !complete,
            ..Self::new_turn(id, content)
        }
    }

    /// Creates a turn with a prefill, or with an answer that was not received in this conversation.
    pub(super) fn prefill_turn(id: String, content: Box<RawValue>) -> Self {
        Self {
            role: Some(Role::Assistant),
            ..Self::new_turn(id, content)
        }
    }

    /// Returns whether this is an answer that the model gave in an exchange.
    pub(super) fn is_answer(&self) -> bool {
        self.role == Some(Role::Assistant)
            && (self.partial || self.model.is_some() || self.stop_reason.is_some())
    }

    /// Returns whether it is a turn that is sent again.
    pub(super) fn is_in_line(&self) -> bool {
        self.kind == TURN && self.left_out.is_none()
    }

    fn new_turn(id: String, content: Box<RawValue>) -> Self {
        Self {
            kind: TURN.to_owned(),
            id: Some(id),
            at: utc_now(),
            content: Some(content),
            ..Self::default()
        }
    }

    /// Writes the line without its line feed.
    pub(super) fn write_to(&self, writer: impl Write) -> io::Result<()> {
        Ok(serde_json::to_writer(writer, self)?)
    }

    /// Writes the line, with its line feed.
    pub(super) fn write_line(&self, mut writer: impl Write) -> io::Result<()> {
        self.write_to(&mut writer)?;
        writer.write_all(b"\n")
    }

    /// Converts the line to a turn; `None` if it is of another kind.
    pub(super) fn into_turn(self) -> Option<SavedTurn> {
        Some(SavedTurn {
            id: self.id?,
            parent: self.parent,
            role: self.role?,
            at: self.at,
            system: self.system,
            sent_to: self.sent_to,
            model: self.model,
            stop_reason: self.stop_reason,
            usage: self.usage,
            context_tokens: self.context_tokens,
            partial: self.partial,
            left_out: self.left_out,
            summarises: self.summarises,
            copied_from: self.copied_from,
            is_refused: false,
            content: TurnContent::Kept(self.content?),
        })
    }
}

impl SavedTurn {
    /// Whether it asks for a summary of the turns before it.
    pub(crate) fn is_summary_request(&self) -> bool {
        self.summarises.is_some()
    }

    /// Whether it is a copy of an earlier turn, behind a summary.
    pub(crate) fn is_copy(&self) -> bool {
        self.copied_from.is_some()
    }

    /// Returns the size of its content in the file, in bytes.
    pub(crate) fn stored_bytes(&self) -> usize {
        self.content.stored_bytes()
    }

    /// Returns the tokens of the request that it answers and of itself, or of the last of several
    /// requests; `None` if the answer does not say.
    pub(crate) fn context_tokens(&self) -> Option<u64> {
        let usage = self.usage.as_ref()?;
        let tokens = self
            .context_tokens
            .unwrap_or_else(|| usage.context_tokens());
        Some(tokens).filter(|tokens| *tokens > 0)
    }

    /// Returns the position before this turn.
    pub(crate) fn position_before(&self) -> TurnPosition {
        TurnPosition(self.parent.clone())
    }

    /// Returns when it was written; none if the file does not say.
    pub(crate) fn written_at(&self) -> Option<SystemTime> {
        time_of(&self.at)
    }
}

fn some_text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Reads a time as the lines of a conversation have it.
pub(crate) fn time_of(at: &str) -> Option<SystemTime> {
    let at: Timestamp = at.parse().ok()?;
    Some(at.into())
}

/// Returns the current time in UTC, to the second.
pub(super) fn utc_now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
impl SavedTurn {
    /// Creates a turn for tests of what is sent.
    pub(super) fn sample(role: Role, content: &serde_json::Value) -> Self {
        let content = serde_json::value::to_raw_value(content).expect("JSON");
        let record = SessionRecord {
            role: Some(role),
            ..SessionRecord::new_turn("x".to_owned(), content)
        };
        record.into_turn().expect("a turn has these fields")
    }
}
