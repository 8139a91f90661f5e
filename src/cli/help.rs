//! `langdock help`, and the examples that the long help ends with.
//!
//! They are added when help is printed instead of to the definition, so that a request does not pay
//! for them.

use clap::Args;

use super::help_text;
use super::{command_line, examples};

#[derive(Debug, Args)]
#[command(about = help_text::HELP.about, long_about = help_text::HELP.long_about)]
pub(crate) struct HelpArgs {
    /// A command or a topic
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(crate) topic: Vec<String>,
}

/// Returns the long help of a command; `None` if there is no such command.
pub(crate) fn command_help(words: &[String]) -> Option<String> {
    let mut program = command_line();
    program.build();
    let mut command = &mut program;
    for word in words {
        command = command.find_subcommand_mut(word)?;
    }
    let text = command.render_long_help().to_string();
    Some(text + &shown_examples(words.first().map_or("", String::as_str)))
}

/// The topics of `help` that are not commands.
pub(crate) const HELP_TOPICS: [&str; 4] = ["exit-codes", "environment", "regions", "secrets"];

/// Returns the commands of a command, each with what it does; those of the program for no words.
pub(crate) fn subcommands(words: &[&str]) -> Vec<(String, String)> {
    let mut program = command_line();
    let mut command = &mut program;
    for word in words {
        match command.find_subcommand_mut(word) {
            Some(found) => command = found,
            None => return Vec::new(),
        }
    }
    let described = |command: &clap::Command| {
        let about = command.get_about().map(ToString::to_string);
        (command.get_name().to_owned(), about.unwrap_or_default())
    };
    command.get_subcommands().map(described).collect()
}

/// Returns the names of the commands.
pub(crate) fn commands() -> Vec<String> {
    command_line()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect()
}

/// Returns the examples at the end of a command's long help; an empty name stands for the program
/// itself.
pub(super) fn shown_examples(command: &str) -> String {
    let examples = examples(command);
    if examples.is_empty() {
        return String::new();
    }
    let mut text = "\nExamples:\n".to_owned();
    for (what, script) in examples {
        text.push_str(&format!("  {what}\n"));
        for line in script.lines() {
            text.push_str(&format!("      {line}\n"));
        }
    }
    text
}
