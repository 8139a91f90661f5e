//! The conversation of this run: on disk, or, with `-n`, in memory.

mod compaction;

use crate::app::App;
use crate::error::Error;
use crate::exchange::engine::SendPolicy;
use crate::exchange::prepare::earlier_messages;
use crate::exchange::session_recorder::{SessionRecorder, TurnRecorder};
use crate::protocol::{ContentBlock, InputMessage, Message, Role, StopReason, Usage};
use crate::session::{
    HistoryTurn, PendingTurn, RefusedParts, SavedConversation, SessionStore, TurnContext,
    TurnPosition, TurnTarget, history_messages,
};
use crate::ui::FinalAnswer;

/// A conversation.
pub(super) enum Talk {
    /// Stored on disk.
    Saved {
        /// The store of all conversations.
        store: SessionStore,
        /// The conversation and its pending turn.
        kept: Box<SessionRecorder>,
        /// Whether any part of an answer to the pending turn has arrived.
        is_answered: bool,
        /// What answers took that are not in it, such as summaries that were not used.
        unsaved_answers: Vec<AnswerUsage>,
    },
    /// Held in memory only.
    Unsaved {
        said: Vec<Said>,
        pending: Option<Pending>,
        /// What was said before each compaction, as it was.
        compacted: Vec<Vec<Said>>,
        /// What all answers took, including those that are gone.
        answers: Vec<AnswerUsage>,
    },
}

/// A message of a conversation in memory.
#[derive(Debug, Clone)]
pub(super) struct Said {
    message: InputMessage,
    /// Why the model stopped, if this is an answer.
    stop_reason: Option<StopReason>,
    is_broken_off: bool,
    /// Whether the API refused a request with the results of tools in it.
    is_refused: bool,
    /// The tokens of the request that it answers and of itself, if it says so.
    context_tokens: Option<u64>,
    origin: SaidOrigin,
}

/// How a message came into a conversation in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SaidOrigin {
    /// It was said, or answered.
    Exchange,
    /// It asks for a summary of what was before it.
    SummaryRequest,
    /// It is this summary.
    Summary,
    /// It was said before the summary that it follows.
    Copy,
}

/// What an answer took.
#[derive(Debug, Clone)]
pub(super) struct AnswerUsage {
    /// The model that was asked, or, where that is not known, the one that answered.
    pub(super) model: String,
    /// The counts that it reports.
    pub(super) usage: Usage,
}

/// The tokens of one or more answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Number of answers.
    pub(super) answers: u64,
    /// Input tokens, including those read from the cache.
    pub(super) input: u64,
    /// Input tokens read from the cache.
    pub(super) cached: u64,
    /// Output tokens.
    pub(super) output: u64,
}

/// The pending turn of a conversation in memory.
pub(super) struct Pending {
    /// Number of messages of the conversation before it.
    kept: usize,
    said: Vec<Said>,
    is_refused: bool,
    /// The model that is asked, if it is known.
    model: Option<String>,
}

/// The last message of the user, and its position.
#[derive(Clone)]
pub(super) struct Last {
    /// Its content.
    pub(super) content: Vec<ContentBlock>,
    /// The position before it.
    pub(super) before: Mark,
}

/// A position in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    Saved(TurnPosition),
    Unsaved(usize),
}

/// A message of the user and everything up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PastExchange {
    /// The position before it.
    pub(super) before: Mark,
    /// Its size, in bytes.
    pub(super) bytes: usize,
    /// Whether it is a summary of earlier exchanges.
    pub(super) is_summary: bool,
}

/// The last answer.
pub(super) struct LastAnswer {
    /// Its text.
    pub(super) text: String,
    /// Whether it broke off, or was cut off by a limit.
    pub(super) is_broken_off: bool,
}

impl Talk {
    /// Returns the conversation if it is on disk.
    pub(super) fn conversation(&self) -> Option<&SavedConversation> {
        if let Self::Saved { kept, .. } = self {
            Some(kept.conversation())
        } else {
            None
        }
    }

    /// Creates a conversation on disk.
    pub(super) fn saved(store: SessionStore, recorder: SessionRecorder) -> Self {
        Self::Saved {
            store,
            kept: Box::new(recorder),
            is_answered: false,
            unsaved_answers: Vec::new(),
        }
    }

    /// Creates a conversation in memory.
    pub(super) fn unsaved() -> Self {
        Self::Unsaved {
            said: Vec::new(),
            pending: None,
            compacted: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Reads what other processes have added to the conversation. Returns whether it has changed.
    pub(super) fn catch_up(&mut self) -> Result<bool, Error> {
        match self {
            Self::Saved { kept, .. } => Ok(kept.conversation_mut().catch_up()?),
            Self::Unsaved { .. } => Ok(false),
        }
    }

    /// Returns the title for the prompt.
    pub(super) fn title(&self) -> String {
        match self.conversation() {
            Some(conversation) if conversation.tip().is_none() && conversation.name().is_none() => {
                "new".to_owned()
            }
            Some(conversation) => conversation.title(),
            None => "not saved".to_owned(),
        }
    }

    /// Returns the messages to send: all of them, or those before a position.
    ///
    /// # Errors
    ///
    /// If they are too much for a request that is sent by this policy.
    pub(super) fn messages(
        &self,
        app: &App,
        place: Option<&Mark>,
        policy: SendPolicy,
    ) -> Result<Vec<InputMessage>, Error> {
        match (self, place) {
            (Self::Saved { kept, .. }, Some(Mark::Saved(place))) => {
                earlier_messages(app, kept.conversation(), Some(place), policy)
            }
            (Self::Saved { kept, .. }, _) => {
                earlier_messages(app, kept.conversation(), None, policy)
            }
            (Self::Unsaved { said: all, .. }, place) => {
                let said = &all[..kept_before(all, place)];
                Ok(history_messages(said.iter().map(Said::history_turn)))
            }
        }
    }

    /// Begins a turn with a message, or, without one, with the continuation of the last answer. It
    /// is on disk when this returns. With a position, it replaces everything after that once it is
    /// answered.
    pub(super) fn begin_turn(
        &mut self,
        app: &App,
        place: Option<Mark>,
        content: Option<&[ContentBlock]>,
        sent_with: TurnContext<'_>,
    ) {
        let TurnContext {
            system, sent_to, ..
        } = sent_with;
        let message = content.map(|content| InputMessage {
            role: Role::User,
            content: content.to_vec(),
        });
        match self {
            Self::Saved {
                kept, is_answered, ..
            } => {
                if let Some(Mark::Saved(place)) = place {
                    kept.replace_from(place);
                }
                // If an earlier turn has a system prompt, the absence of one must be recorded, or
                // the earlier one would be used.
                let has_another = kept
                    .conversation()
                    .current_branch()
                    .iter()
                    .any(|turn| turn.system.is_some());
                let system = system.or(Some("").filter(|_| has_another));
                kept.stage_turn(message.into_iter().collect(), system.map(str::to_owned));
                kept.begin(app, sent_to);
                *is_answered = false;
            }
            Self::Unsaved { said, pending, .. } => {
                *pending = Some(Pending {
                    kept: kept_before(said, place.as_ref()),
                    said: message.map(Said::from_message).into_iter().collect(),
                    is_refused: false,
                    model: sent_to.map(|target| target.model.clone()),
                });
            }
        }
    }

    /// Whether any part of an answer to the pending turn has arrived.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Self::Saved { is_answered, .. } => *is_answered,
            Self::Unsaved { pending, .. } => pending.as_ref().is_some_and(Pending::is_answered),
        }
    }

    /// Returns the last message of the user, which is neither one of tool results nor a request for
    /// a summary.
    pub(super) fn last(&self) -> Option<Last> {
        match self {
            Self::Saved { kept, .. } => {
                let conversation = kept.conversation();
                let asked = conversation
                    .current_branch()
                    .into_iter()
                    .rev()
                    .filter(|turn| turn.role == Role::User && !turn.is_summary_request());
                let mut asked =
                    asked.map(|turn| (conversation.turn_content(turn), turn.position_before()));
                let (content, before) = asked.find(|(content, _)| is_message(content))?;
                Some(Last {
                    content,
                    before: Mark::Saved(before),
                })
            }
            Self::Unsaved { said, .. } => {
                let is_asked = |said: &Said| {
                    said.message.role == Role::User
                        && said.origin != SaidOrigin::SummaryRequest
                        && is_message(&said.message.content)
                };
                let place = said.iter().rposition(is_asked)?;
                Some(Last {
                    content: said[place].message.content.clone(),
                    before: Mark::Unsaved(place),
                })
            }
        }
    }

    /// Moves back to a position. What follows it stays on disk.
    pub(super) fn move_to(&mut self, mark: &Mark) -> Result<(), Error> {
        match (self, mark) {
            (Self::Saved { kept, .. }, Mark::Saved(place)) => {
                kept.conversation_mut().move_to(place)?;
            }
            (Self::Unsaved { said, .. }, Mark::Unsaved(place)) => said.truncate(*place),
            _ => unreachable!("a place is one of its conversation"),
        }
        Ok(())
    }

    /// Returns the last answer, if the conversation ends with one.
    pub(super) fn last_answer(&self) -> Option<LastAnswer> {
        match self {
            Self::Saved { kept, .. } => {
                let conversation = kept.conversation();
                let turn = conversation.current_branch().into_iter().next_back()?;
                let is_broken_off =
                    turn.partial || turn.stop_reason.as_ref().is_some_and(is_cut_off);
                let text = text_of(&conversation.turn_content(turn));
                (turn.role == Role::Assistant).then_some(LastAnswer {
                    text,
                    is_broken_off,
                })
            }
            Self::Unsaved { said, .. } => {
                let said = said
                    .last()
                    .filter(|said| said.message.role == Role::Assistant)?;
                Some(LastAnswer {
                    text: text_of(&said.message.content),
                    is_broken_off: said.is_broken_off,
                })
            }
        }
    }

    /// Counts an answer that does not become a part of the conversation, if it says what it took.
    pub(super) fn count_answer(&mut self, model: &str, usage: &Usage) {
        if *usage == Usage::default() {
            return;
        }
        let (Self::Saved {
            unsaved_answers: answers,
            ..
        }
        | Self::Unsaved { answers, .. }) = self;
        answers.push(AnswerUsage {
            model: model.to_owned(),
            usage: usage.clone(),
        });
    }

    /// Returns what the answers of the conversation took, including those that were taken back or
    /// replaced, and the summaries.
    pub(super) fn answers(&self) -> Vec<AnswerUsage> {
        let (conversation, mut answers) = match self {
            Self::Saved {
                kept,
                unsaved_answers,
                ..
            } => (kept.conversation(), unsaved_answers.clone()),
            Self::Unsaved { answers, .. } => return answers.clone(),
        };
        let mut asked = None;
        for turn in conversation.turns() {
            if let Some(target) = &turn.sent_to {
                asked = Some(target.model.as_str());
            }
            let model = asked.or(turn.model.as_deref());
            answers.extend(turn.usage.as_ref().map(|usage| AnswerUsage {
                model: model.unwrap_or_default().to_owned(),
                usage: usage.clone(),
            }));
        }
        answers
    }

    /// Returns the tokens of all answers of the conversation.
    pub(super) fn tokens(&self) -> Tokens {
        let mut sum = Tokens::default();
        for answer in self.answers() {
            sum.add(&Tokens::from_usage(&answer.usage));
        }
        sum
    }

    /// Returns the tokens of the last request and of its answer, which the next request begins
    /// with; `None` if that is not known, as behind a summary.
    pub(super) fn context_tokens(&self) -> Option<u64> {
        match self {
            Self::Saved { kept, .. } => {
                let branch = kept.conversation().current_branch();
                let last = branch.iter().rposition(|turn| turn.usage.is_some())?;
                let is_summary = last > 0 && branch[last - 1].is_summary_request();
                branch[last].context_tokens().filter(|_| !is_summary)
            }
            Self::Unsaved { said, .. } => {
                let mut answers = said.iter().rev();
                answers.find_map(|said| said.context_tokens)
            }
        }
    }
}

impl TurnRecorder for Talk {
    fn stage(&mut self, said: Vec<InputMessage>) {
        match self {
            Self::Saved { kept, .. } => kept.stage(said),
            Self::Unsaved { pending, .. } => {
                if let Some(pending) = pending {
                    pending
                        .said
                        .extend(said.into_iter().map(Said::from_message));
                }
            }
        }
    }

    fn begin(&mut self, app: &App, sent_to: Option<&TurnTarget>) {
        if let Self::Saved { kept, .. } = self {
            kept.begin(app, sent_to);
        }
    }

    fn journal(&mut self) -> Option<&mut PendingTurn> {
        match self {
            Self::Saved { kept, .. } => kept.journal(),
            Self::Unsaved { .. } => None,
        }
    }

    fn record_answer(&mut self, answer: &FinalAnswer) {
        let (message, complete) = (&answer.message, answer.complete);
        match self {
            Self::Saved {
                kept, is_answered, ..
            } => {
                *is_answered |= complete || !message.content.is_empty();
                kept.record_answer(answer);
            }
            Self::Unsaved {
                pending, answers, ..
            } => {
                if let Some(pending) = pending {
                    pending.is_refused |= message.stop_reason == Some(StopReason::Refusal);
                    pending.said.extend(Said::answer(answer));
                    answers.extend(pending.usage_of(message));
                }
            }
        }
    }

    fn mark_refused(&mut self) -> Option<RefusedParts> {
        match self {
            Self::Saved { kept, .. } => kept.mark_refused(),
            Self::Unsaved { said, pending, .. } => {
                let pending = pending.as_mut()?;
                let kept = &mut said[..pending.kept];
                let mut refused = RefusedParts::default();
                if pending.is_answered() {
                    mark_unanswered_results(&mut pending.said, &mut refused);
                } else {
                    refused.has_message = true;
                    mark_unanswered_results(kept, &mut refused);
                }
                Some(refused)
            }
        }
    }

    fn commit(&mut self, app: &App) {
        match self {
            Self::Saved { kept, .. } => kept.commit(app),
            Self::Unsaved { said, pending, .. } => {
                let Some(mut pending) = pending.take() else {
                    return;
                };
                if pending.is_answered() && !pending.is_refused {
                    said.truncate(pending.kept);
                    said.append(&mut pending.said);
                }
            }
        }
    }

    fn session_id(&self) -> Option<&str> {
        match self {
            Self::Saved { kept, .. } => kept.session_id(),
            Self::Unsaved { .. } => None,
        }
    }
}

impl Pending {
    fn is_answered(&self) -> bool {
        let is_answer = |said: &Said| said.message.role == Role::Assistant;
        self.said.iter().any(is_answer)
    }

    /// Returns what an answer took, if it says so.
    fn usage_of(&self, message: &Message) -> Option<AnswerUsage> {
        let usage = Some(&message.usage).filter(|usage| **usage != Usage::default());
        usage.map(|usage| AnswerUsage {
            model: self.model.as_ref().unwrap_or(&message.model).clone(),
            usage: usage.clone(),
        })
    }
}

impl Said {
    fn from_message(message: InputMessage) -> Self {
        Self {
            message,
            stop_reason: None,
            is_broken_off: false,
            is_refused: false,
            context_tokens: None,
            origin: SaidOrigin::Exchange,
        }
    }

    /// Creates an answer; `None` if none of it arrived.
    fn answer(answer: &FinalAnswer) -> Option<Self> {
        let (message, complete) = (&answer.message, answer.complete);
        let tokens = message.usage.context_tokens();
        let said = Self {
            message: InputMessage {
                role: Role::Assistant,
                content: message.content.clone(),
            },
            stop_reason: message.stop_reason.clone(),
            is_broken_off: !complete || message.stop_reason.as_ref().is_some_and(is_cut_off),
            is_refused: false,
            context_tokens: answer
                .context_tokens
                .or(Some(tokens).filter(|tokens| *tokens > 0)),
            origin: SaidOrigin::Exchange,
        };
        (complete || !said.message.content.is_empty()).then_some(said)
    }

    fn history_turn(&self) -> HistoryTurn {
        HistoryTurn {
            role: self.message.role,
            content: self.message.content.clone(),
            stop_reason: self.stop_reason.clone(),
            is_refused: self.is_refused,
        }
    }
}

impl Tokens {
    fn from_usage(usage: &Usage) -> Self {
        Self {
            answers: 1,
            input: usage.total_input_tokens(),
            cached: usage.cache_read_tokens(),
            output: usage.output_tokens(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
    }
}

/// Marks the results behind the last answer as refused.
fn mark_unanswered_results(said: &mut [Said], refused: &mut RefusedParts) {
    let is_answer = |said: &Said| said.message.role == Role::Assistant;
    let Some(answered) = said.iter().rposition(is_answer) else {
        return;
    };
    let (before, behind) = said.split_at_mut(answered + 1);
    let calls = before.iter().flat_map(|said| &said.message.content);
    for said in behind {
        refused.add_results(&said.message.content, &calls);
        said.is_refused = true;
    }
}

/// Returns the number of messages before a position, or of all messages if there is none.
fn kept_before(all: &[Said], place: Option<&Mark>) -> usize {
    if let Some(Mark::Unsaved(place)) = place {
        *place
    } else {
        all.len()
    }
}

/// Returns the index of the block that was typed: the last one of text.
pub(super) fn prompt_place(content: &[ContentBlock]) -> Option<usize> {
    let is_text = |block: &ContentBlock| matches!(block, ContentBlock::Text(_));
    content.iter().rposition(is_text)
}

/// Returns what the user typed in a message, without its files.
pub(super) fn prompt_text(content: &[ContentBlock]) -> String {
    prompt_place(content).map_or(String::new(), |prompt| text_of(&content[prompt..=prompt]))
}

/// Whether a message of the user has more than results of tools.
fn is_message(content: &[ContentBlock]) -> bool {
    let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
    !content.iter().all(is_result)
}

/// Whether an answer with this stop reason was cut off.
fn is_cut_off(reason: &StopReason) -> bool {
    matches!(
        reason,
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded
    )
}

/// Returns the concatenated text of all text blocks.
pub(super) fn text_of(content: &[ContentBlock]) -> String {
    let texts = content.iter().filter_map(|block| match block {
        ContentBlock::Text(text) => Some(&*text.text),
        _ => None,
    });
    texts.collect()
}
