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
use crate::protocol::{ContentBlock, InputMessage};
use crate::session::{
    self, ConversationSummary, SavedConversation, SearchHit, SessionStore, conversation_json,
    conversation_markdown, markdown_pieces,
};
use crate::text::{TableColumn, TextTable, counted, format_age};
use crate::ui::{ask_yes_no, first_code_block};

/// The columns of a list, on a terminal.
const LIST_HEADER: [&str; 7] = [
    "ID",
    "LAST USED",
    "TURNS",
    "SIZE",
    "REGION",
    "MODEL",
    "TITLE",
];

/// From this width on, in columns, a list has the models.
const MEDIUM: usize = 100;

/// From this width on, it has everything.
const WIDE: usize = 120;

/// Lists, shows, searches, exports, renames and deletes conversations.
pub(crate) fn session(app: &App, args: &cli::SessionArgs) -> Result<(), Error> {
    let scope = DataScope::for_demo(args.demo);
    let store = sessions_directory(scope)
        .map(|directory| SessionStore::in_directory(directory).refusing(&app.secrets))
        .ok_or(session::Error::NoHome)?;
    for notice in store.recover_journals() {
        app.notices.notice(&notice);
    }
    match &args.action {
        SessionAction::List { json } => list(app, &store, scope, *json),
        SessionAction::Show {
            session,
            last,
            raw,
            extract,
            json,
        } => {
            let conversation = find(app, &store, session.as_deref())?;
            if *json {
                return app.print_object_pieces(conversation_json(&conversation));
            }
            if *extract {
                let answer = last_answer(&conversation)?;
                let Some(code) = first_code_block(&answer) else {
                    app.notices.print_block(&answer);
                    return Err(Error::NoCodeBlock(None));
                };
                return app.print_outside(&code);
            }
            match (*last, *raw) {
                (true, true) => app.print_long_outside(&last_answer(&conversation)?),
                (true, false) => show(app, &last_answer(&conversation)?),
                (false, _) if !app.facts.stdout_is_terminal => print_markdown(app, &conversation),
                (false, true) => app.print_long_outside(&conversation_markdown(&conversation)),
                (false, false) => show(app, &conversation_markdown(&conversation)),
            }
        }
        SessionAction::Search { words, json } => search(app, &store, words, *json),
        SessionAction::Export { session, json } => {
            let conversation = find(app, &store, session.as_deref())?;
            if *json {
                let model = conversation.last_answering_model().unwrap_or_default();
                let mut messages = fit_messages(conversation.messages(), model);
                remove_hashes(&mut messages);
                app.print_object_pieces(list_json(messages))
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
    let columns = app.facts.stdout_columns();
    let if_wide = |least: usize, text: String| {
        let is_wide = columns.is_none_or(|columns| columns >= least);
        if is_wide { text } else { String::new() }
    };
    let row = |[id, age, turns, size, region, model, title]: [String; 7]| {
        let (size, region) = (if_wide(WIDE, size), if_wide(WIDE, region));
        [id, age, turns, size, region, if_wide(MEDIUM, model), title]
    };
    let mut table = TextTable::new([TableColumn::LEFT; 7])
        .with_cut_at(columns)
        .with_header(columns.map(|_| LIST_HEADER));
    table.extend(list.iter().map(|summary| {
        row([
            summary.id.clone(),
            format_age(since(summary.changed, now)),
            counted(summary.turns, "turn"),
            size(summary.bytes),
            summary.region.clone().unwrap_or_else(|| "-".to_owned()),
            summary.model.clone().unwrap_or_else(|| "-".to_owned()),
            summary.title.clone(),
        ])
    }));
    app.print_long(&table.to_sanitized_text())
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
    // Titles are untrusted, so they are sanitized even for a pipe.
    let mut table = TextTable::new([TableColumn::LEFT; 4]).with_cut_at(app.facts.stdout_columns());
    table.extend(rows);
    app.print_long(&table.to_sanitized_text())
}

fn remove(
    app: &App,
    store: &SessionStore,
    given: &[String],
    older_than: Option<Duration>,
) -> Result<(), Error> {
    // What is deleted is gone, so the beginning of a title is not enough.
    let id = |given: &String| Ok::<_, Error>(store.open_exact(given)?.id().to_owned());
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

/// Returns the text of the last answer, with a line end.
fn last_answer(conversation: &SavedConversation) -> Result<String, Error> {
    let Some(answer) = conversation.last_answer() else {
        return Err(Error::Usage {
            message: format!("no answer in the conversation `{}`", conversation.title()),
            hint: Some("leave out --last to see what it has".to_owned()),
        });
    };
    let texts = answer.content.iter().filter_map(|block| match block {
        ContentBlock::Text(text) => Some(&*text.text),
        _ => None,
    });
    let mut text: String = texts.collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Shows Markdown; on a terminal it is rendered like an answer.
fn show(app: &App, text: &str) -> Result<(), Error> {
    // Invalid settings are reported by commands that send requests.
    let theme = || {
        settings(app, &Flags::default(), None)
            .ok()
            .and_then(|settings| settings.theme)
    };
    let is_terminal = app.facts.stdout_is_terminal;
    match screen_of_terminal(app, is_terminal.then(theme).flatten().as_deref()) {
        Some(screen) => app.print_long_markdown(text, screen),
        None => app.print_long_outside(text),
    }
}

fn print_markdown(app: &App, conversation: &SavedConversation) -> Result<(), Error> {
    markdown_pieces(conversation).try_for_each(|piece| app.print_outside(&piece))
}

/// Returns the JSON of a list of messages in pieces, each of which may have megabytes. None is held
/// longer than its piece.
fn list_json(messages: Vec<InputMessage>) -> impl Iterator<Item = String> {
    let pieces = messages.into_iter().enumerate().map(|(place, message)| {
        let json = serde_json::to_string(&message);
        let json = json.expect("maps with string keys are always JSON");
        if place > 0 { format!(",{json}") } else { json }
    });
    let begun = std::iter::once("[".to_owned());
    begun.chain(pieces).chain(std::iter::once("]".to_owned()))
}
