//! `langdock help`: the help of each command, and topics that belong to no single command.

use crate::app::App;
use crate::cli::{self, HELP_TOPICS, command_help, commands};
use crate::client::{DEFAULT_BASE_URL, KNOWN_REGIONS, regions_instead};
use crate::config::{SETTINGS, TABLES, variables};
use crate::error::{EXIT_CODES, Error};
use crate::mcp::SERVER_KEYS;
use crate::secret_scan::rules;
use crate::text::{TableColumn, TextTable, did_you_mean, wrap_words};
use crate::tool::TOOL_KEYS;

/// A topic, and the function that formats its text for a width in columns.
type Topic = (&'static str, fn(Option<usize>) -> String);

/// The topics that are not commands. `config` is a command, whose help is followed by the keys of
/// the config file, that of `tool-run` by the keys of a tools file, and that of `mcp` by those of a
/// server.
const TOPICS: [Topic; 4] = [
    (HELP_TOPICS[0], exit_codes),
    (HELP_TOPICS[1], environment),
    (HELP_TOPICS[2], regions),
    (HELP_TOPICS[3], secrets),
];

/// Prints the help of a command, or a topic.
pub(crate) fn help(app: &App, args: &cli::HelpArgs) -> Result<(), Error> {
    let columns = app.facts.help_columns();
    let words: Vec<&str> = args.topic.iter().map(String::as_str).collect();
    if let [word] = words.as_slice()
        && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == word)
    {
        return app.print_long(&text(columns));
    }
    let Some(mut text) = command_help(&args.topic) else {
        return Err(unknown(&words.join(" ")));
    };
    if words == ["config"] {
        text.push_str(&config_file(columns));
    }
    if words == ["tool-run"] {
        text.push_str(&tools_file(columns));
    }
    if words == ["mcp"] {
        text.push_str(&server_keys(columns));
    }
    app.print_long(&text)
}

fn unknown(given: &str) -> Error {
    let commands = commands();
    let known = || {
        commands
            .iter()
            .map(String::as_str)
            .chain(TOPICS.iter().map(|(name, _)| *name))
    };
    Error::Usage {
        message: format!("no help for `{given}`{}", did_you_mean(given, known())),
        hint: Some(format!(
            "available: {}",
            known().collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Returns a wrapped paragraph with each line indented.
fn paragraph(text: &str, indent: usize, columns: Option<usize>) -> String {
    let margin = " ".repeat(indent);
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(indent));
    let lines = wrap_words(text, room, room).join(&format!("\n{margin}"));
    format!("{margin}{lines}\n")
}

fn exit_codes(columns: Option<usize>) -> String {
    let mut table = TextTable::new([TableColumn::RIGHT, TableColumn::LEFT, TableColumn::LEFT])
        .with_indent(2)
        .with_max_width(columns);
    table.extend(
        EXIT_CODES.map(|(code, kind, what)| [code.to_string(), kind.to_owned(), what.to_owned()]),
    );
    let about = "Exit codes, each with its kind in the JSON error object:";
    paragraph(about, 0, columns) + "\n" + &table.to_text()
}

fn environment(columns: Option<usize>) -> String {
    let mut table = TextTable::new([TableColumn::LEFT; 2])
        .with_indent(2)
        .with_max_width(columns);
    table.extend(
        variables()
            .into_iter()
            .map(|(name, what)| [name.to_owned(), what]),
    );
    let about = "A flag overrides its variable, and a variable overrides the config file. Apart \
                 from the variables below, only HOME and PATH have an effect.";
    paragraph(about, 0, columns) + "\n" + &table.to_text()
}

fn config_file(columns: Option<usize>) -> String {
    let about = "Keys of the config file (`langdock config path` prints where it is); each may \
        also be set in [profiles.NAME]:";
    let mut text = "\n".to_owned() + &paragraph(about, 0, columns);
    for setting in &SETTINGS {
        text.push_str(&format!("  {} = {}\n", setting.key, setting.sample));
        for line in setting.about() {
            text.push_str(&paragraph(&line, 6, columns));
        }
    }
    text.push_str("\nOther tables:\n");
    for table in &TABLES {
        let samples = table.samples.join(", ");
        text.push_str(&format!("  [{}]  {samples}\n", table.name));
        text.push_str(&paragraph(table.about, 6, columns));
    }
    text
}

fn tools_file(columns: Option<usize>) -> String {
    let about = "Keys of a tool in a tools file: TOML under [[tool]], or JSON with the same keys, \
                 one object or an array of them:";
    let mut text = "\n".to_owned() + &paragraph(about, 0, columns);
    for (key, sample, about) in TOOL_KEYS {
        text.push_str(&format!("  {key} = {sample}\n"));
        text.push_str(&paragraph(about, 6, columns));
    }
    text
}

fn server_keys(columns: Option<usize>) -> String {
    let about = "Keys of a server in the config file, under [mcp.NAME]. A JSON file has the same \
                 keys, in an object for each server under mcpServers. In env and headers, ${VAR} \
                 and ${VAR:-default} stand for an environment variable.";
    let mut text = "\n".to_owned() + &paragraph(about, 0, columns);
    for (key, sample, about) in SERVER_KEYS {
        text.push_str(&format!("  {key} = {sample}\n"));
        text.push_str(&paragraph(about, 6, columns));
    }
    text
}

fn regions(columns: Option<usize>) -> String {
    let known = KNOWN_REGIONS.join(", ");
    let about = format!(
        "Requests go to the region set by --region, LANGDOCK_REGION or the config file, and to no \
         other: no retry, fallback or redirect changes it. The known regions are {known}; the \
         first is the default, and any other name is used as given, with a warning. `langdock \
         models --region REGION` lists the models that your key can use there."
    );
    let base = format!("The region is part of the base URL: {DEFAULT_BASE_URL}");
    let mut text = paragraph(&about, 0, columns) + "\n" + &paragraph(&base, 0, columns);
    let elsewhere = "claude-3-opus-20240229";
    if let Some(regions) = regions_instead(elsewhere, "eu") {
        let only = format!(
            "The model {elsewhere} is available only in {}.",
            regions.join(", ")
        );
        text.push_str(&paragraph(&only, 0, columns));
    }
    text
}

fn secrets(columns: Option<usize>) -> String {
    let about = "What is new in a request is searched for the secrets below before it is sent; \
                 earlier messages of a conversation are sent again as they are saved. A file that \
                 contains a secret is refused, whether it is given with -f, --files-from, -s \
                 @FILE, --schema or --messages, is a template, or has tool definitions for -T. \
                 What you type or pipe in, also as the value of a flag, is sent, with a notice, \
                 and secrets in tool results are masked. In a batch, an item that contains a \
                 secret fails, and the rest of the batch continues.";
    let modes = "`--secrets mask` replaces each secret with [SECRET n], and `--secrets send` does \
                 not look for any; secrets_mode in the config file is the default. A repeated \
                 secret keeps its number; in a batch, only within its item. A continued \
                 conversation starts with the next number: no number stands for two secrets, but a \
                 secret may get a different number than before. Even with `mask`, the line history \
                 of `chat` keeps lines as typed (only API keys are removed).";
    let bounds = "A password within a sentence is not found, nor is a secret in the name of a file, \
                  in an image or in a PDF. \
                  User names and passwords in URLs are never shown. Words that look like an API \
                  key (sk-…) are saved as [API key], and `config set` and conversation names do \
                  not accept them.";
    let allowed = "In the config file, `allow` in [secrets] lists what may be sent: names from the \
                   list below, path globs such as 'tests/**', and the fingerprints that a refusal \
                   prints. [secrets.rules] adds rules, each a name and a regular expression.";
    let mut table = TextTable::new([TableColumn::LEFT; 2])
        .with_indent(2)
        .with_max_width(columns);
    table.extend(rules().map(|(name, kind)| [name.to_owned(), kind.to_owned()]));
    let paragraphs = [about, modes, bounds, allowed].map(|text| paragraph(text, 0, columns));
    paragraphs.join("\n") + "\n" + &table.to_text()
}
