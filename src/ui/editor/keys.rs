//! Custom key bindings.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::{
    Cmd, ConditionalEventHandler, Event, EventContext, EventHandler, KeyCode, KeyEvent, Modifiers,
    RepeatCount,
};

use super::line_state::{EnterAction, LineRequest, LineState};

/// The state of the line, shared by the editor and the key handlers.
#[derive(Clone, Default)]
pub(super) struct SharedLine(Arc<Mutex<LineState>>);

impl SharedLine {
    /// Runs `act` with the state locked.
    pub(super) fn with_state<T>(&self, act: impl FnOnce(&mut LineState) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the key bindings.
pub(super) fn key_handlers(typing: &SharedLine) -> [(Event, EventHandler); 7] {
    let key = |code, modifiers| Event::from(KeyEvent(code, modifiers));
    let enter = || EventHandler::Conditional(Box::new(OnEnter(typing.clone())));
    let request = |request| {
        let line = typing.clone();
        EventHandler::Conditional(Box::new(OnRequest { line, request }))
    };
    [
        (key(KeyCode::Enter, Modifiers::NONE), enter()),
        (key(KeyCode::Char('M'), Modifiers::CTRL), enter()),
        (
            key(KeyCode::Char('J'), Modifiers::CTRL),
            EventHandler::Simple(Cmd::Newline),
        ),
        (
            key(KeyCode::Enter, Modifiers::ALT),
            EventHandler::Simple(Cmd::Newline),
        ),
        (
            key(KeyCode::Char('Z'), Modifiers::CTRL),
            request(LineRequest::Stop),
        ),
        (
            Event::KeySeq(vec![
                KeyEvent(KeyCode::Char('X'), Modifiers::CTRL),
                KeyEvent(KeyCode::Char('E'), Modifiers::CTRL),
            ]),
            request(LineRequest::Edit),
        ),
        (
            key(KeyCode::BracketedPasteStart, Modifiers::NONE),
            EventHandler::Conditional(Box::new(OnPaste(typing.clone()))),
        ),
    ]
}

struct OnEnter(SharedLine);

impl ConditionalEventHandler for OnEnter {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        match self
            .0
            .with_state(|typing| typing.handle_enter(context.line(), context.pos()))
        {
            EnterAction::Submit => None,
            EnterAction::Newline => Some(Cmd::Newline),
        }
    }
}

/// Records that a paste begins; the editor inserts the text as usual.
struct OnPaste(SharedLine);

impl ConditionalEventHandler for OnPaste {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        self.0
            .with_state(|typing| typing.begin_paste(context.line(), context.pos()));
        None
    }
}

/// Ends the read, so that the original modes are restored before the process stops or another
/// program starts. The editor's own handler of Ctrl-Z stops and resumes at once, which may happen
/// in the wrong order in a process with several threads.
struct OnRequest {
    line: SharedLine,
    request: LineRequest,
}

impl ConditionalEventHandler for OnRequest {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext) -> Option<Cmd> {
        self.line
            .with_state(|typing| typing.set_request(self.request));
        // Unlike an interrupt, this keeps the keys that were typed next.
        Some(Cmd::AcceptLine)
    }
}
