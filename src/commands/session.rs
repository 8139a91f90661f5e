//! `langdock session`: manages saved conversations.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::app::App;
use crate::cli::{self, SessionAction};
use crate::compose::history_fit::fit_messages;
use crate::compose::thinking_binding::remove_hashes;
use crate::config::{DataScope, Flags, sessions_directory};
use crate::error::Error;
use crate::exchange::answer_format::screen_of_terminal;
use crate::exchange::settings::settings;
use crate::session::{
    self, ConversationSummary, SavedConversation, SearchHit, SessionStore, conversation_json,
    conversation_markdown,
};
use crate::text::{TableColumn, TextTable, counted, format_age};
use crate::ui::ask_yes_no;

/// Lists, shows, searches, exports, renames and deletes conversations.
pub(crate) fn session(app: &App, args: &cli::SessionArgs) -> Result<(), Error> {
    let scope = DataScope::for_demo(args.demo);
    let store = sessions_directory(scope)
        .map(SessionStore::in_directory)
        .ok_or(session::Error::NoHome)?;
    for notice in store.recover_journals() {
        app.notices.notice(&notice);
    }
    match &args.action {
        SessionAction::List { json } => list(app, &store, scope, *json),
        SessionAction::Show { session, json } => {
            let conversation = find(app, &store, session.as_deref())?;
            if *json {
                app.print_object(&conversation_json(&conversation))
            } else {
                show(app, &conversation)
            }
        }
        SessionAction::Search { words, json } => search(app, &store, words, *json),
        SessionAction::Export { session, json } => {
            let conversation = find(app, &store, session.as_deref())?;
            if *json {
                let mut messages = fit_messages(conversation.messages());
                remove_hashes(&mut messages);
                app.print_object(&messages)
            } else {
                print_markdown(app, &conversation)
            }
        }
        SessionAction::Rename { session, name } => {
            let mut conversation = find(app, &store, Some(session))?;
            Ok(store.rename_conversation(&mut conversation, name)?)
        }
        SessionAction::Rm {
            sessions,
            older_than,
        } => remove(app, &store, sessions, *older_than),
        SessionAction::Path { session: None } => {
            app.print_outside(&format!("{}\n", store.directory().display()))
        }
        SessionAction::Path { session } => {
            let conversation = find(app, &store, session.as_deref())?;
            app.print_outside(&format!("{}\n", conversation.path().display()))
        }
    }
}

/// Finds a conversation: the given one, or else the one last used.
fn find(app: &App, store: &SessionStore, given: Option<&str>) -> Result<SavedConversation, Error> {
    let mut conversation = match given {
        Some(given) => store.open_existing(given)?,
        None => store.open_latest()?,
    };
    for notice in conversation.take_notices() {
        app.notices.notice(&notice);
    }
    Ok(conversation)
}

fn list(app: &App, store: &SessionStore, scope: DataScope, as_json: bool) -> Result<(), Error> {
    let list = store.list_summaries()?;
    let now = SystemTime::now();
    if as_json {
        return app.print_object(
            &list
                .iter()
                .map(|summary| object(summary, now))
                .collect::<Vec<_>>(),
        );
    }
    if list.is_empty() {
        app.notices.notice(&format!(
            "no conversations in `{}` yet; start one with `{} chat`",
            store.directory().display(),
            scope.program()
        ));
    }
    let rows = list.iter().map(|summary| {
        [
            summary.id.clone(),
            format_age(since(summary.changed, now)),
            counted(summary.turns, "turn"),
            size(summary.bytes),
            summary.region.clone().unwrap_or_else(|| "-".to_owned()),
            summary.model.clone().unwrap_or_else(|| "-".to_owned()),
            summary.title.clone(),
        ]
    });
    print_rows(app, rows)
}

fn search(app: &App, store: &SessionStore, words: &[String], as_json: bool) -> Result<(), Error> {
    let hits = store.search_words(words)?;
    if as_json {
        return app.print_object(&hits.iter().map(hit_object).collect::<Vec<_>>());
    }
    if hits.is_empty() {
        app.notices.notice("nothing found");
    }
    let now = SystemTime::now();
    let rows = hits.iter().map(|hit| {
        [
            hit.id.clone(),
            format_age(since(hit.changed, now)),
            hit.title.clone(),
            hit.excerpt.clone(),
        ]
    });
    print_rows(app, rows)
}

fn remove(
    app: &App,
    store: &SessionStore,
    given: &[String],
    older_than: Option<Duration>,
) -> Result<(), Error> {
    let id = |given: &String| {
        find(app, store, Some(given)).map(|conversation| conversation.id().to_owned())
    };
    let mut ids = given.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    if let Some(age) = older_than {
        ids = store.older_than(age, SystemTime::now())?;
    }
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        app.notices.notice("no conversations are that old");
        return Ok(());
    }
    let title = match &*ids {
        [id] => Some(
            store
                .open_existing(id)
                .map_or_else(|_| id.clone(), |it| it.title()),
        ),
        _ => None,
    };
    let which = match &title {
        Some(title) => format!("the conversation `{title}`"),
        None => format!("{} conversations", ids.len()),
    };
    if app.facts.stdin_is_terminal {
        let answer = match &title {
            Some(title) => ask_yes_no("delete the conversation", Some(title)),
            None => ask_yes_no(&format!("delete {which}"), None),
        };
        let is_wanted = answer.map_err(|source| Error::System {
            what: "read an answer from the terminal",
            source,
        })?;
        if !is_wanted {
            app.notices.notice("nothing deleted");
            return Ok(());
        }
    }
    for id in &ids {
        store.remove_conversation(id)?;
    }
    app.notices.notice(&format!("deleted {which}"));
    Ok(())
}

fn object(summary: &ConversationSummary, now: SystemTime) -> Value {
    json!({
        "id": summary.id,
        "name": summary.name,
        "title": summary.title,
        "model": summary.model,
        "region": summary.region,
        "endpoint": summary.endpoint,
        "turns": summary.turns,
        "age_s": since(summary.changed, now).as_secs(),
        "bytes": summary.bytes,
    })
}

fn hit_object(hit: &SearchHit) -> Value {
    json!({
        "id": hit.id, "title": hit.title, "role": hit.role, "excerpt": hit.excerpt,
        "turns": hit.turns,
    })
}

fn since(time: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(time).unwrap_or_default()
}

fn size(bytes: u64) -> String {
    // Precise enough for display.
    #[allow(clippy::cast_precision_loss)]
    let kilobytes = bytes as f64 / 1000.0;
    if kilobytes < 1000.0 {
        format!("{kilobytes:.1} kB")
    } else {
        format!("{:.1} MB", kilobytes / 1000.0)
    }
}

/// Shows a conversation; on a terminal it is rendered like an answer.
fn show(app: &App, conversation: &SavedConversation) -> Result<(), Error> {
    // Invalid settings are reported by commands that send requests.
    let theme = || {
        settings(app, &Flags::default(), None)
            .ok()
            .and_then(|settings| settings.theme)
    };
    let is_terminal = app.facts.stdout_is_terminal;
    match screen_of_terminal(app, is_terminal.then(theme).flatten().as_deref()) {
        Some(screen) => app.print_markdown(&conversation_markdown(conversation), screen),
        None => print_markdown(app, conversation),
    }
}

fn print_markdown(app: &App, conversation: &SavedConversation) -> Result<(), Error> {
    app.print_outside(&conversation_markdown(conversation))
}

/// Prints rows in columns. Titles are untrusted, so they are sanitized even for a pipe.
fn print_rows<const N: usize>(
    app: &App,
    rows: impl Iterator<Item = [String; N]>,
) -> Result<(), Error> {
    let mut table = TextTable::new([TableColumn::LEFT; N]);
    table.extend(rows);
    app.print(&table.to_sanitized_text())
}
