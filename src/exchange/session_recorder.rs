//! What a command keeps of a conversation: what it goes on from, and what is said now.

use std::time::SystemTime;

use crate::app::App;
use crate::cli;
use crate::config::{DataScope, sessions_folder};
use crate::error::Error;
use crate::protocol::InputMessage;
use crate::session::{self, Conversation, Exchange, Place, Store, ago};
use crate::ui::Answer;

/// The conversation of a command.
#[derive(Debug)]
pub(crate) struct Kept {
    conversation: Conversation,
    is_saved: bool,
    /// What will be sent, until it is.
    said: Option<(Vec<InputMessage>, Option<String>)>,
    /// Where it comes, and takes the stead of all behind; none: at the end.
    place: Option<Place>,
    exchange: Option<Exchange>,
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

impl Kept {
    /// Finds the conversation of this scope that the flags name, or begins one where it is saved. None where
    /// neither is so: then nothing of all conversations was looked at.
    pub(crate) fn open(
        app: &App,
        flags: &cli::Conversation,
        saving: Saving,
        scope: DataScope,
    ) -> Result<Option<Self>, Error> {
        let is_named = flags.go_on || flags.session.is_some();
        if flags.fork && !is_named {
            return Err(Error::Usage {
                message: "--fork needs a conversation to make a copy of".to_owned(),
                hint: Some("add --continue or --session NAME".to_owned()),
            });
        }
        let is_saved = !(flags.no_log || app.env.no_log)
            && saving != Saving::Never
            && (is_named || saving == Saving::Yes);
        if !is_named && !is_saved {
            return Ok(None);
        }
        let Some(store) = sessions_folder(scope).map(Store::at) else {
            return if is_named {
                Err(session::Error::NoHome.into())
            } else {
                Ok(None)
            };
        };
        if is_saved {
            for notice in store.recover() {
                app.notices.notice(&notice);
            }
        }
        let mut kept = Self {
            conversation: store.begin(),
            is_saved,
            said: None,
            place: None,
            exchange: None,
        };
        if is_named {
            kept.find(app, &store, flags)?;
        }
        kept.tell_notices(app);
        Ok(Some(kept))
    }

    fn find(&mut self, app: &App, store: &Store, flags: &cli::Conversation) -> Result<(), Error> {
        let of_shell = app.env.session.as_ref().filter(|_| flags.go_on);
        let found = match flags.session.as_ref().or(of_shell) {
            None => Ok(Some(store.latest()?)),
            Some(given) if self.is_saved && !flags.fork => store.open(given).map(|found| {
                if found.is_new {
                    app.notices.notice(&format!(
                        "there is no conversation `{given}` yet: it begins here"
                    ));
                }
                Some(found.conversation)
            }),
            Some(given) => match store.get(given) {
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
        if flags.session.is_none() && self.conversation.tip().is_some() {
            app.notices
                .notice(&format!("going on with `{title}`, last used {}", ago(age)));
        }
        if flags.fork && self.is_saved {
            match store.fork(&self.conversation) {
                Ok(fork) => {
                    self.conversation = fork;
                    app.notices.notice(&format!(
                        "a copy of `{title}` goes on as `{}`",
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
    pub(crate) fn of(conversation: Conversation) -> Self {
        Self {
            conversation,
            is_saved: true,
            said: None,
            place: None,
            exchange: None,
        }
    }

    /// The conversation.
    pub(crate) fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// The conversation, to be changed: its tip, for one.
    pub(crate) fn conversation_mut(&mut self) -> &mut Conversation {
        &mut self.conversation
    }

    /// Its id, where it is saved.
    pub(crate) fn id(&self) -> Option<&str> {
        Some(self.conversation.id()).filter(|_| self.is_saved)
    }

    /// Whether anything is saved.
    pub(crate) fn is_saved(&self) -> bool {
        self.is_saved
    }

    /// Takes what will be sent: turns that belong before it, the person's turn, and what the answer
    /// is made to begin with.
    pub(crate) fn say(&mut self, said: Vec<InputMessage>, system: Option<String>) {
        self.said = Some((said, system)).filter(|_| self.is_saved);
    }

    /// What is said next comes in the stead of all that stands behind `place`, once it is answered.
    pub(crate) fn instead(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// Writes it down, right before it is sent: as a new exchange, or as what is said in one that
    /// goes on.
    pub(crate) fn begin(&mut self, app: &App) {
        let Some((said, system)) = self.said.take() else {
            return;
        };
        if let Some(exchange) = &mut self.exchange {
            for message in &said {
                exchange.say(&message.content);
            }
            return tell_failure(app, exchange);
        }
        let mut exchange = match self.place.take() {
            Some(place) => self
                .conversation
                .begin_instead(&place, &said, system.as_deref()),
            None => self.conversation.begin(&said, system.as_deref()),
        };
        tell_failure(app, &mut exchange);
        self.exchange = Some(exchange);
    }

    /// Where the answer is written down as it comes, before it is shown.
    pub(crate) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_mut()
    }

    /// Takes an answer at its end, as far as it came.
    pub(crate) fn answered(&mut self, answer: Option<&Answer>) {
        if let (Some(exchange), Some(answer)) = (&mut self.exchange, answer) {
            exchange.answer(&answer.message, answer.complete);
        }
    }

    /// Makes all that was said and answered a part of the conversation; also what was about to be
    /// said, such as results of tools, when the run ended.
    pub(crate) fn end(&mut self, app: &App) {
        if self.exchange.is_some() {
            self.begin(app);
        }
        let Some(mut exchange) = self.exchange.take() else {
            return;
        };
        tell_failure(app, &mut exchange);
        let was_told = exchange.has_failed();
        if let Err(error) = exchange.commit(&mut self.conversation)
            && !was_told
        {
            tell_unsaved(app, error);
        }
        self.tell_notices(app);
    }

    fn tell_notices(&mut self, app: &App) {
        for notice in self.conversation.take_notices() {
            app.notices.notice(&notice);
        }
    }
}

fn tell_failure(app: &App, exchange: &mut Exchange) {
    if let Some(error) = exchange.take_failure() {
        tell_unsaved(app, error);
    }
}

/// Tells that what is said is not saved; the answer goes on.
fn tell_unsaved(app: &App, error: session::Error) {
    app.notices.notice(&format!(
        "this is not saved: {}",
        Error::Session(error).message()
    ));
}
