//! The completions and man pages are generated from the command line's definition, and the
//! checked-in files are up to date.
//!
//! `UPDATE_GENERATED=1 cargo test --test it generated` regenerates them.

mod examples;
mod man;

use std::{collections::BTreeMap, env, ffi::OsString, fs, path::Path};

use clap::{Command, ValueEnum as _};
use clap_complete::Shell;

use crate::support::command::Langdock;

/// The variable that makes the test write the files instead of comparing them.
const UPDATE: &str = "UPDATE_GENERATED";

/// The directories of the files; everything in them is generated.
const DIRECTORIES: [&str; 2] = ["completions", "man"];

#[test]
fn what_is_checked_in_is_what_the_definition_gives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted: BTreeMap<String, String> = completions(root).chain(man::pages()).collect();
    if env::var_os(UPDATE).is_some_and(|value| !value.is_empty()) {
        write(root, &wanted);
    }
    let found = read(root);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&found),
        names(&wanted),
        "{UPDATE}=1 cargo test --test it generated writes them"
    );
    for (name, content) in &wanted {
        assert!(
            found[name] == *content,
            "{name} is out of date: {UPDATE}=1 cargo test --test it generated"
        );
    }
}

#[test]
fn the_completions_that_are_printed_are_those_that_are_checked_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: BTreeMap<String, String> = completions(root).collect();
    for shell in Shell::value_variants() {
        let outcome = Langdock::new()
            .args(["completions", &shell.to_string()])
            .run();
        outcome
            .code(0)
            .stdout(&files[&format!("completions/{}", file_name(*shell))])
            .stderr_empty();
    }
}

#[test]
fn the_help_of_every_command_lists_each_of_its_flags() {
    for (words, command) in commands() {
        for help in ["-h", "--help"] {
            let outcome = Langdock::new()
                .args(words.iter().map(String::as_str).chain([help]))
                .run();
            let text = outcome.code(0).stderr_empty().stdout_text();
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                for name in names_of(arg) {
                    let stands_alone = text
                        .split([' ', ',', '\n', '[', ']', '.'])
                        .any(|word| word == name);
                    // The name of a list's value contains such characters itself.
                    assert!(
                        stands_alone || name.contains(',') && text.contains(&name),
                        "{name}\n{outcome}"
                    );
                }
            }
            for subcommand in command
                .get_subcommands()
                .filter(|subcommand| !subcommand.is_hide_set())
            {
                assert!(
                    text.contains(&format!("\n  {} ", subcommand.get_name())),
                    "{outcome}"
                );
            }
        }
    }
}

#[test]
fn every_flag_and_command_is_described_in_one_line_without_a_full_stop() {
    for (words, command) in commands() {
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(is_one_line(&about), "{words:?}: `{about}`");
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(is_one_line(&help), "{words:?} {}: `{help}`", arg.get_id());
            assert!(
                !takes_value(arg) || arg.get_value_names().is_some(),
                "{words:?} {}: no name of its value",
                arg.get_id()
            );
        }
    }
}

#[test]
fn the_list_of_commands_says_of_each_what_its_own_help_says() {
    for (words, command) in commands()
        .into_iter()
        .filter(|(words, _)| !words.is_empty())
    {
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        for of in [&words[..words.len() - 1], &words[..]] {
            let outcome = Langdock::new()
                .args(of.iter().map(String::as_str).chain(["-h"]))
                .run();
            let text = outcome.code(0).stdout_text();
            // Lines are wrapped to fit the width.
            assert!(
                text.split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .contains(&about),
                "`{about}`\n{outcome}"
            );
        }
    }
}

#[test]
fn help_is_as_wide_as_the_terminal_and_no_wider_than_can_be_read() {
    for (columns, widest) in [("60", 60), ("80", 80), ("300", 100)] {
        for (words, _) in commands() {
            let outcome = Langdock::new()
                .args(words.iter().map(String::as_str).chain(["-h"]))
                .env("COLUMNS", columns)
                .run();
            for line in outcome.code(0).stdout_text().lines() {
                let is_one_word = line.split_whitespace().count() == 1;
                assert!(
                    line.chars().count() <= widest || is_one_word,
                    "{columns} columns: {line}"
                );
            }
        }
    }
}

/// Whether an argument takes a value.
fn takes_value(arg: &clap::Arg) -> bool {
    arg.get_num_args().is_some_and(|count| count.takes_values())
}

/// Whether `text` is a single non-empty line without a full stop.
fn is_one_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n') && !text.ends_with('.')
}

/// Returns the program, each of its commands and each of their subcommands, with the words that
/// call it.
pub(crate) fn commands() -> Vec<(Vec<String>, Command)> {
    let mut program = langdock::command_line();
    program.build();
    let mut commands = vec![(vec![], program)];
    let mut next = 0;
    while let Some((words, command)) = commands.get(next).cloned() {
        commands.extend(command.get_subcommands().map(|subcommand| {
            let words = words
                .iter()
                .cloned()
                .chain([subcommand.get_name().to_owned()]);
            (words.collect::<Vec<_>>(), subcommand.clone())
        }));
        next += 1;
    }
    commands
}

/// Returns the names of an argument on the command line.
fn names_of(arg: &clap::Arg) -> Vec<String> {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let values = arg
        .get_value_names()
        .filter(|_| takes_value(arg))
        .into_iter()
        .flatten();
    let as_is = arg.is_positional() && !arg.is_required_set();
    let value = values.map(|name| {
        if as_is {
            name.to_string()
        } else {
            format!("<{name}>")
        }
    });
    short.into_iter().chain(long).chain(value).collect()
}

/// Returns the completion scripts with their paths. Those that ask the program are written by hand.
fn completions(root: &Path) -> impl Iterator<Item = (String, String)> + use<'_> {
    let script = |shell: &Shell| {
        let path = format!("completions/{}", file_name(*shell));
        if matches!(shell, Shell::Bash | Shell::Fish | Shell::Zsh) {
            let script = fs::read_to_string(root.join(&path)).unwrap();
            return (path, script);
        }
        let mut script = Vec::new();
        clap_complete::generate(
            *shell,
            &mut langdock::command_line(),
            "langdock",
            &mut script,
        );
        (path, String::from_utf8(script).unwrap())
    };
    Shell::value_variants().iter().map(script)
}

/// Returns the file name under which a shell looks for the script.
fn file_name(shell: Shell) -> String {
    clap_complete::Generator::file_name(&shell, "langdock")
}

/// Returns the files in the directories.
fn read(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for directory in DIRECTORIES {
        for entry in fs::read_dir(root.join(directory)).into_iter().flatten() {
            let name: OsString = entry.unwrap().file_name();
            let path = format!("{directory}/{}", name.to_string_lossy());
            found.insert(path.clone(), fs::read_to_string(root.join(path)).unwrap());
        }
    }
    found
}

/// Makes the directories contain exactly `wanted`.
fn write(root: &Path, wanted: &BTreeMap<String, String>) {
    for stale in read(root).keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(root.join(stale)).unwrap();
    }
    for (name, content) in wanted {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
