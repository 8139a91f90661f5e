//! What a command keeps of a conversation: what it goes on from, and what is said now.

use std::time::SystemTime;

use crate::app::App;
use crate::cli;
use crate::config::{DataScope, sessions_directory};
use crate::error::Error;
use crate::protocol::InputMessage;
use crate::session::{
    self, PendingTurn, RefusedParts, SavedConversation, SessionStore, TurnContext, TurnPosition,
    TurnTarget,
};
use crate::text::format_age;
use crate::ui::FinalAnswer;

/// The conversation of a command.
#[derive(Debug)]
pub(crate) struct SessionRecorder {
    conversation: SavedConversation,
    is_saved: bool,
    /// What will be sent, until it is.
    said: Option<(Vec<InputMessage>, Option<String>)>,
    /// The position where it replaces everything after it; `None` appends it.
    place: Option<TurnPosition>,
    pending: Option<PendingTurn>,
}

/// Whether a command saves what is said where no flag says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saving {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nothing is sent either: nothing may be made or changed.
    Never,
}

impl SessionRecorder {
    /// Finds the conversation of this scope that the flags name, or begins one where it is saved.
    /// None where neither is so: then nothing of all conversations was looked at.
    pub(crate) fn open(
        app: &App,
        flags: &cli::ConversationArgs,
        saving: Saving,
        scope: DataScope,
    ) -> Result<Option<Self>, Error> {
        let is_named = flags.go_on || flags.session.is_some();
        if flags.fork && !is_named {
            return Err(Error::Usage {
                message: "--fork needs a conversation to copy".to_owned(),
                hint: Some("add --continue or --session NAME".to_owned()),
            });
        }
        let is_saved = !(flags.no_log || app.env.no_log)
            && saving != Saving::Never
            && (is_named || saving == Saving::Yes);
        if !is_named && !is_saved {
            return Ok(None);
        }
        let Some(store) = sessions_directory(scope)
            .map(|directory| SessionStore::in_directory(directory).refusing(&app.secrets))
        else {
            return if is_named {
                Err(session::Error::NoHome.into())
            } else {
                Ok(None)
            };
        };
        if is_saved {
            for notice in store.recover_journals() {
                app.notices.notice(&notice);
            }
        }
        let mut kept = Self {
            conversation: store.new_conversation(),
            is_saved,
            said: None,
            place: None,
            pending: None,
        };
        if is_named {
            kept.find(app, &store, flags)?;
            app.secret_numbers
                .continue_after(kept.conversation.last_secret());
        }
        kept.tell_notices(app);
        Ok(Some(kept))
    }

    fn find(
        &mut self,
        app: &App,
        store: &SessionStore,
        flags: &cli::ConversationArgs,
    ) -> Result<(), Error> {
        let of_shell = app.env.session.as_ref().filter(|_| flags.go_on);
        let found = match flags.session.as_ref().or(of_shell) {
            None => Ok(Some(store.open_latest()?)),
            Some(given) if self.is_saved && !flags.fork => {
                store.open_or_create(given).map(|found| {
                    if found.is_new {
                        app.notices
                            .notice(&format!("starting a new conversation `{given}`"));
                    }
                    Some(found.conversation)
                })
            }
            Some(given) => match store.open_exact(given) {
                Err(session::Error::Unknown(_)) if !flags.fork => Ok(None),
                found => found.map(Some),
            },
        };
        match found {
            Ok(Some(conversation)) => self.conversation = conversation,
            Ok(None) => {}
            // What cannot be saved can be asked all the same.
            Err(error @ session::Error::Unwritable { .. }) => {
                tell_unsaved(app, error);
                self.is_saved = false;
            }
            Err(error) => return Err(error.into()),
        }
        let (title, age) = (
            self.conversation.title(),
            self.conversation.age(SystemTime::now()),
        );
        let is_named_by = |given: &String| {
            self.conversation.name() == Some(given) || self.conversation.id().starts_with(given)
        };
        let is_known = flags.session.as_ref().is_some_and(is_named_by);
        if !is_known && self.conversation.tip().is_some() {
            app.notices.notice(&format!(
                "continuing `{title}` (last used {})",
                format_age(age)
            ));
        }
        if flags.fork && self.is_saved {
            match store.fork_conversation(&self.conversation) {
                Ok(fork) => {
                    self.conversation = fork;
                    app.notices.notice(&format!(
                        "continuing a copy of `{title}` as `{}`",
                        self.conversation.id()
                    ));
                }
                Err(error) => {
                    tell_unsaved(app, error);
                    self.is_saved = false;
                }
            }
        }
        Ok(())
    }

    /// What is kept of a conversation that is saved.
    pub(crate) fn for_conversation(conversation: SavedConversation) -> Self {
        Self {
            conversation,
            is_saved: true,
            said: None,
            place: None,
            pending: None,
        }
    }

    /// The conversation.
    pub(crate) fn conversation(&self) -> &SavedConversation {
        &self.conversation
    }

    /// The conversation, to be changed: its tip, for one.
    pub(crate) fn conversation_mut(&mut self) -> &mut SavedConversation {
        &mut self.conversation
    }

    /// Whether anything is saved.
    pub(crate) fn is_saved(&self) -> bool {
        self.is_saved
    }

    /// Stages what will be sent: turns that belong before it, the user's turn, and what the answer
    /// is made to begin with.
    pub(crate) fn stage_turn(&mut self, said: Vec<InputMessage>, system: Option<String>) {
        self.said = Some((said, system)).filter(|_| self.is_saved);
    }

    /// What is said next comes in place of all that stands behind `place`, once it is answered.
    pub(crate) fn replace_from(&mut self, place: TurnPosition) {
        self.place = Some(place);
    }

    fn tell_notices(&mut self, app: &App) {
        for notice in self.conversation.take_notices() {
            app.notices.notice(&notice);
        }
    }
}

impl Drop for SessionRecorder {
    /// A conversation that was only begun is not left behind, whatever ended the command.
    fn drop(&mut self) {
        if self.is_saved && self.pending.is_none() {
            SessionStore::discard_if_empty(&self.conversation);
        }
    }
}

/// Where what is said and answered is written down.
pub(crate) trait TurnRecorder: Send {
    /// Stages what will be sent next and does not come from the model.
    fn stage(&mut self, said: Vec<InputMessage>);

    /// Writes down what was staged, right before it is sent. `sent_to` is where, if that
    /// is known.
    fn begin(&mut self, app: &App, sent_to: Option<&TurnTarget>);

    /// The journal of the answer, which has each part of it before it is shown.
    fn journal(&mut self) -> Option<&mut PendingTurn>;

    /// Records an answer at its end, as far as it came.
    fn record_answer(&mut self, answer: &FinalAnswer);

    /// Marks what the API refused, and returns what is sent no more as it was; none if nothing is
    /// recorded.
    fn mark_refused(&mut self) -> Option<RefusedParts>;

    /// Makes all that was said and answered a part of the conversation; also what was staged, such
    /// as results of tools, when the run ended.
    fn commit(&mut self, app: &App);

    /// The id of the conversation, where it is saved.
    fn session_id(&self) -> Option<&str>;
}

impl TurnRecorder for SessionRecorder {
    fn stage(&mut self, said: Vec<InputMessage>) {
        self.stage_turn(said, None);
    }

    fn begin(&mut self, app: &App, sent_to: Option<&TurnTarget>) {
        let Some((said, system)) = self.said.take() else {
            return;
        };
        if let Some(pending) = &mut self.pending {
            for message in &said {
                pending.record_user_turn(&message.content);
            }
            return tell_failure(app, pending);
        }
        let context = TurnContext {
            system: system.as_deref(),
            sent_to,
            secrets: Some(&app.secrets),
        };
        let mut pending = match self.place.take() {
            Some(place) => self.conversation.begin_replacement(&place, &said, context),
            None => self.conversation.begin_turn(&said, context),
        };
        tell_failure(app, &mut pending);
        self.pending = Some(pending);
    }

    fn journal(&mut self) -> Option<&mut PendingTurn> {
        self.pending.as_mut()
    }

    fn record_answer(&mut self, answer: &FinalAnswer) {
        if let Some(pending) = &mut self.pending {
            let (message, context_tokens) = (&answer.message, answer.context_tokens);
            pending.record_joined_answer(message, answer.complete, context_tokens);
        }
    }

    fn mark_refused(&mut self) -> Option<RefusedParts> {
        let earlier = self.conversation.unanswered_results();
        Some(self.pending.as_mut()?.mark_refused(&earlier))
    }

    fn commit(&mut self, app: &App) {
        if self.pending.is_some() {
            self.begin(app, None);
        }
        let Some(mut pending) = self.pending.take() else {
            return;
        };
        tell_failure(app, &mut pending);
        let was_told = pending.has_failed();
        if let Err(error) = self.conversation.commit_turn(pending)
            && !was_told
        {
            tell_unsaved(app, error);
        }
        self.tell_notices(app);
    }

    fn session_id(&self) -> Option<&str> {
        let is_saved = self.is_saved && !self.conversation.is_unwritten();
        is_saved.then(|| self.conversation.id())
    }
}

/// A command without a conversation records nothing.
impl TurnRecorder for Option<SessionRecorder> {
    fn stage(&mut self, said: Vec<InputMessage>) {
        if let Some(recorder) = self {
            recorder.stage(said);
        }
    }

    fn begin(&mut self, app: &App, sent_to: Option<&TurnTarget>) {
        if let Some(recorder) = self {
            recorder.begin(app, sent_to);
        }
    }

    fn journal(&mut self) -> Option<&mut PendingTurn> {
        self.as_mut().and_then(SessionRecorder::journal)
    }

    fn record_answer(&mut self, answer: &FinalAnswer) {
        if let Some(recorder) = self {
            recorder.record_answer(answer);
        }
    }

    fn mark_refused(&mut self) -> Option<RefusedParts> {
        self.as_mut().and_then(SessionRecorder::mark_refused)
    }

    fn commit(&mut self, app: &App) {
        if let Some(recorder) = self {
            recorder.commit(app);
        }
    }

    fn session_id(&self) -> Option<&str> {
        self.as_ref().and_then(SessionRecorder::session_id)
    }
}

fn tell_failure(app: &App, pending: &mut PendingTurn) {
    if let Some(error) = pending.take_failure() {
        tell_unsaved(app, error);
    }
}

/// Prints that the turn is not saved; the answer continues.
fn tell_unsaved(app: &App, error: session::Error) {
    app.notices.notice(&format!(
        "cannot save this conversation: {}",
        Error::Session(error).message()
    ));
}
