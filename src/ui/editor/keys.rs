//! What some keys do here and do not do by themselves.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::{
    Cmd, ConditionalEventHandler, Event, EventContext, EventHandler, KeyCode, KeyEvent, Modifiers,
    RepeatCount,
};

use super::typing::{Enter, Typing};

/// The line as it stands, for the editor and for the keys.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Typing>>);

impl Shared {
    /// Looks at it, or changes it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Typing) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The keys and what they do.
pub(super) fn bindings(typing: &Shared) -> [(Event, EventHandler); 5] {
    let key = |code, modifiers| Event::from(KeyEvent(code, modifiers));
    let enter = || EventHandler::Conditional(Box::new(OnEnter(typing.clone())));
    [
        (key(KeyCode::Enter, Modifiers::NONE), enter()),
        (key(KeyCode::Char('M'), Modifiers::CTRL), enter()),
        (
            key(KeyCode::Char('J'), Modifiers::CTRL),
            EventHandler::Simple(Cmd::Newline),
        ),
        (
            key(KeyCode::Char('Z'), Modifiers::CTRL),
            EventHandler::Conditional(Box::new(OnStop(typing.clone()))),
        ),
        (
            key(KeyCode::BracketedPasteStart, Modifiers::NONE),
            EventHandler::Conditional(Box::new(OnPaste(typing.clone()))),
        ),
    ]
}

struct OnEnter(Shared);

impl ConditionalEventHandler for OnEnter {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        match self
            .0
            .with(|typing| typing.enter(context.line(), context.pos()))
        {
            Enter::Submit => None,
            Enter::Newline => Some(Cmd::Newline),
        }
    }
}

/// Notes that a paste comes; the text itself is taken as it always is.
struct OnPaste(Shared);

impl ConditionalEventHandler for OnPaste {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        self.0
            .with(|typing| typing.paste(context.line(), context.pos()));
        None
    }
}

/// Ends the read, so that the terminal is as it was found when the process stops. The editor's own
/// way is to stop and go on at once, which of a process with several threads may come the other way
/// round.
struct OnStop(Shared);

impl ConditionalEventHandler for OnStop {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext) -> Option<Cmd> {
        self.0.with(Typing::stop);
        Some(Cmd::Interrupt)
    }
}
