//! `langdock help`: a command's own help, and what belongs to no single command.

use crate::app::App;
use crate::cli::{self, command_help, commands};
use crate::client::{DEFAULT_BASE_URL, KNOWN_REGIONS, regions_instead};
use crate::config::{SETTINGS, TABLES, variables};
use crate::error::{EXIT_CODES, Error};
use crate::text::{TableColumn, TextTable, did_you_mean};
use crate::tool::TOOL_KEYS;

/// A topic and what makes its text.
type Topic = (&'static str, fn() -> String);

/// The topics that are no commands; `config` is both, and its help has the keys of the file below
/// it, as that of `tool-run` has those of a tools file.
const TOPICS: [Topic; 3] = [
    ("exit-codes", exit_codes),
    ("environment", environment),
    ("regions", regions),
];

/// Prints help.
pub(crate) fn help(app: &App, args: &cli::HelpArgs) -> Result<(), Error> {
    let words: Vec<&str> = args.topic.iter().map(String::as_str).collect();
    if let [word] = words.as_slice()
        && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == word)
    {
        return app.print(&text());
    }
    let Some(mut text) = command_help(&args.topic) else {
        return Err(unknown(&words.join(" ")));
    };
    if words == ["config"] {
        text.push_str(&config_file());
    }
    if words == ["tool-run"] {
        text.push_str(&tools_file());
    }
    app.print(&text)
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
            "there is help on: {}",
            known().collect::<Vec<_>>().join(", ")
        )),
    }
}

fn exit_codes() -> String {
    let mut text = "Exit codes, with the kind that the JSON error object names:\n\n".to_owned();
    let mut table =
        TextTable::new([TableColumn::RIGHT, TableColumn::LEFT, TableColumn::LEFT]).with_indent(2);
    table.extend(
        EXIT_CODES.map(|(code, kind, what)| [code.to_string(), kind.to_owned(), what.to_owned()]),
    );
    text.push_str(&table.to_text());
    text
}

fn environment() -> String {
    let mut text =
        "A flag goes before its variable, and that before the config file. Beside HOME and PATH, \
         no other variable has an \
         effect.\n\n"
            .to_owned();
    let mut table = TextTable::new([TableColumn::LEFT; 2]).with_indent(2);
    table.extend(
        variables()
            .into_iter()
            .map(|(name, what)| [name.to_owned(), what]),
    );
    text.push_str(&table.to_text());
    text
}

fn config_file() -> String {
    let mut text =
        "\nKeys of the config file, also below [profiles.NAME]; `langdock config path` says \
         where it is:\n"
            .to_owned();
    for setting in &SETTINGS {
        text.push_str(&format!("  {} = {}\n", setting.key, setting.sample));
        for line in setting.about() {
            text.push_str(&format!("      {line}\n"));
        }
    }
    text.push_str("\nTables beside the profiles:\n");
    for table in &TABLES {
        let samples = table.samples.join(", ");
        text.push_str(&format!(
            "  [{}]  {samples}\n      {}\n",
            table.name, table.about
        ));
    }
    text
}

fn tools_file() -> String {
    let mut text =
        "\nKeys of a tool in a tools file, in TOML below [[tool]]; JSON has the same keys, one \
         object or an array of them:\n"
            .to_owned();
    for (key, sample, about) in TOOL_KEYS {
        text.push_str(&format!("  {key} = {sample}\n      {about}\n"));
    }
    text
}

fn regions() -> String {
    let known = KNOWN_REGIONS.join(", ");
    let mut text = format!(
        "Requests go to the region that is chosen by --region, LANGDOCK_REGION or the config \
         file, and to no other one:\nno \
         retry, fallback or redirect changes it. Known are {known}; the first is the default, \
         and any other slug is sent\nwith a \
         notice. `langdock models --region REGION` lists what a region has for your key.\n\nThe \
         region stands in the base \
         URL: {DEFAULT_BASE_URL}\n"
    );
    let elsewhere = "claude-3-opus-20240229";
    if let Some(regions) = regions_instead(elsewhere, "eu") {
        text.push_str(&format!(
            "Of Langdock's first models, {elsewhere} is in {} only.\n",
            regions.join(", ")
        ));
    }
    text
}
