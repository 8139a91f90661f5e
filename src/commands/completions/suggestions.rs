//! The values that a command line is completed with, from this machine alone.

use std::path::Path;
use std::time::SystemTime;

use crate::app::App;
use crate::cli::{HELP_TOPICS, Suggestion, UnfinishedLine, ValueSource, subcommands};
use crate::client::KNOWN_REGIONS;
use crate::compose::{template_files, tool_files};
use crate::config::{
    ConfigFile, ConfigKey, DataScope, Paths, SETTINGS, Setting, State, sessions_directory,
};
use crate::demo;
use crate::protocol::ModelFamily;
use crate::session::{RecentConversation, SessionStore};
use crate::text::format_age;
use crate::ui::language_names;

/// How many conversations are offered.
const MAX_CONVERSATIONS: usize = 100;

/// Returns the values of a source.
pub(super) fn look_up(app: &App, line: &UnfinishedLine, source: ValueSource) -> Vec<Suggestion> {
    match source {
        ValueSource::Models => models(line),
        ValueSource::Regions => words(KNOWN_REGIONS),
        ValueSource::Profiles => words(config_file(app).profile_names()),
        ValueSource::Conversations => conversations(line),
        ValueSource::Templates => words(templates()),
        ValueSource::ToolFiles => {
            let local = tool_files::names_in_current_directory().into_iter();
            let local = local.map(Suggestion::LocalFile);
            words(tool_files::names())
                .into_iter()
                .chain(local)
                .collect()
        }
        ValueSource::Tools => words(tools(line)),
        ValueSource::ToolChoices => {
            let choices = ["auto", "any", "none"].map(str::to_owned);
            words(choices.into_iter().chain(tools(line)))
        }
        ValueSource::McpServers => words(config_file(app).server_names()),
        ValueSource::ConfigKeys => config_keys(app, line),
        ValueSource::ConfigValues => config_values(line),
        ValueSource::HelpTopics => help_topics(line),
        ValueSource::Languages => words(language_names()),
    }
}

fn words<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Vec<Suggestion> {
    let word = |word: W| Suggestion::Word(word.into(), String::new());
    words.into_iter().map(word).collect()
}

/// The config file; one that cannot be read has nothing in it.
fn config_file(app: &App) -> ConfigFile {
    let read = ConfigFile::read(&Paths::find(&app.env));
    read.map(|(file, _)| file).unwrap_or_default()
}

/// Whether the scripted endpoint answers this command line, or a record.
fn is_demo(line: &UnfinishedLine) -> bool {
    line.has_word("--demo") || !line.values_of("", "--replay").is_empty()
}

/// The aliases, and the models of every list that is remembered: which of them belongs to the
/// region would take the key to know.
fn models(line: &UnfinishedLine) -> Vec<Suggestion> {
    let alias = |name: &str| {
        let about = format!("the newest {name} in the region");
        Suggestion::Word(name.to_owned(), about)
    };
    let aliases = ModelFamily::NAMES.into_iter().map(alias);
    let remembered = || State::for_user().map_or_else(Vec::new, |state| state.listed_models());
    let models = if line.has_word("--demo") {
        demo::model_ids()
    } else {
        remembered()
    };
    aliases.chain(words(models)).collect()
}

fn conversations(line: &UnfinishedLine) -> Vec<Suggestion> {
    let scope = DataScope::for_demo(is_demo(line));
    let Some(store) = sessions_directory(scope).map(SessionStore::in_directory) else {
        return Vec::new();
    };
    let now = SystemTime::now();
    let suggestion = |recent: RecentConversation| {
        let age = now.duration_since(recent.changed).unwrap_or_default();
        let age = format_age(age);
        let about = match recent.title {
            Some(title) => format!("{title} ({age})"),
            None => age,
        };
        Suggestion::Word(recent.name.unwrap_or(recent.id), about)
    };
    let recent = store.recent_conversations(line.word(), MAX_CONVERSATIONS);
    recent.into_iter().map(suggestion).collect()
}

fn templates() -> Vec<String> {
    let names = template_files::directory().and_then(|it| template_files::names(&it));
    names.unwrap_or_default()
}

/// The tools in the files that the command line names.
fn tools(line: &UnfinishedLine) -> Vec<String> {
    let files = line.values_of("-T", "--tool");
    let of_files = files.into_iter().map(Path::new);
    of_files.flat_map(tool_files::tool_names_in).collect()
}

/// Keys of the config file; of the tables that can be removed as a whole, those that there are.
fn config_keys(app: &App, line: &UnfinishedLine) -> Vec<Suggestion> {
    let setting =
        |setting: &Setting| Suggestion::Word(setting.key.to_owned(), setting.help.to_owned());
    let file = config_file(app);
    let tables = if line.has_word("unset") {
        file.named_tables()
    } else {
        Vec::new()
    };
    let others = words(file.other_keys()).into_iter().chain(words(tables));
    SETTINGS.iter().map(setting).chain(others).collect()
}

fn config_values(line: &UnfinishedLine) -> Vec<Suggestion> {
    let mut behind = line
        .words_before()
        .skip_while(|word| *word != "set")
        .skip(1);
    let Some(key) = behind.find_map(ConfigKey::parse) else {
        return Vec::new();
    };
    match key.name().as_str() {
        "region" => words(KNOWN_REGIONS),
        "model" => models(line),
        "template" => words(templates()),
        _ if key.takes_file() => vec![Suggestion::File],
        _ => words(key.word_values().iter().copied()),
    }
}

/// Commands and topics; after a command, its own commands.
fn help_topics(line: &UnfinishedLine) -> Vec<Suggestion> {
    let before: Vec<&str> = line
        .words_before()
        .skip_while(|word| *word != "help")
        .skip(1)
        .collect();
    let commands = subcommands(&before).into_iter();
    let commands = commands.map(|(name, about)| Suggestion::Word(name, about));
    let topics = if before.is_empty() {
        &HELP_TOPICS[..]
    } else {
        &[]
    };
    commands.chain(words(topics.iter().copied())).collect()
}
