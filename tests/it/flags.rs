//! No row, no flag: every argument of the command line has a row here that shows what it does.
//!
//! The table is compared with clap's definition, so that a flag without an observed effect cannot be added.

mod connection;
mod input;
mod looking;
mod models;
mod output;
mod request;
mod serve;
mod settings;

use std::collections::BTreeSet;

use clap::{Arg, Command};
use serde_json::Value;

use crate::support::{command::Langdock, outcome::Outcome, sending::send, server::Server};

/// A command (none for what stands before it), an argument of it, and what shows its effect.
type Row = (&'static str, &'static str, fn());

/// The rows that belong to no group.
const ROWS: &[Row] = &[("", "--version", version), ("completions", "SHELL", shell)];

/// Returns all rows.
fn rows() -> impl Iterator<Item = &'static Row> {
    [
        ROWS,
        connection::ROWS,
        request::ROWS,
        input::ROWS,
        output::ROWS,
        looking::ROWS,
        models::ROWS,
        serve::ROWS,
        settings::ROWS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_argument_has_a_row_and_every_row_an_argument() {
    let listed: Vec<(String, String)> =
        rows().map(|(command, flag, _)| ((*command).to_owned(), (*flag).to_owned())).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "an argument has two rows: {listed:?}");
    assert_eq!(unique, defined(), "rows on the left, the definition on the right");
}

#[test]
fn every_argument_has_the_effect_that_its_row_shows() {
    let fails = |row: &&Row| std::panic::catch_unwind(row.2).is_err();
    let failed: Vec<_> = rows().filter(fails).map(|(command, flag, _)| (command, flag)).collect();
    assert!(failed.is_empty(), "see above for {failed:?}");
}

#[test]
fn a_command_that_talks_to_nobody_refuses_every_flag_of_the_connection() {
    let mut definition = langdock::command_line();
    definition.build();
    for arg in definition.get_arguments().filter(|arg| arg.is_global_set() && !is_help(arg)) {
        for command in [&["completions", "bash"][..], &["serve"]] {
            let value = arg.get_action().takes_values().then_some("1");
            let outcome = Langdock::new().args(command).args([name(arg)]).args(value).run();
            outcome.code(2).stdout("").stderr_contains(&format!("`{}` does not talk to the endpoint", command[0]));
        }
    }
}

fn version() {
    let outcome = Langdock::new().args(["--version"]).run();
    outcome.code(0).stdout(concat!("langdock ", env!("CARGO_PKG_VERSION"), "\n")).stderr_empty();
}

fn shell() {
    let mut scripts = BTreeSet::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = Langdock::new().args(["completions", shell]).run();
        outcome.code(0).stderr_empty().stdout_contains("langdock").stdout_contains("temperature");
        scripts.insert(outcome.stdout_text());
    }
    assert_eq!(scripts.len(), 5, "each shell has a script of its own");
    Langdock::new().args(["completions"]).run().code(2).stdout("");
}

/// Returns the commands and arguments of the definition, a global one at the top only.
fn defined() -> BTreeSet<(String, String)> {
    let mut definition = langdock::command_line();
    definition.build();
    let mut arguments = BTreeSet::new();
    walk(&definition, "", &mut arguments);
    arguments
}

fn walk(command: &Command, path: &str, arguments: &mut BTreeSet<(String, String)>) {
    let own = command.get_arguments().filter(|arg| !is_help(arg) && (path.is_empty() || !arg.is_global_set()));
    arguments.extend(own.map(|arg| (path.to_owned(), name(arg))));
    for subcommand in command.get_subcommands() {
        walk(subcommand, format!("{path} {}", subcommand.get_name()).trim(), arguments);
    }
}

fn is_help(arg: &Arg) -> bool {
    arg.get_id() == "help"
}

/// Returns the long flag, or what a positional argument is called in the usage.
fn name(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| arg.get_id().as_str().to_uppercase(), |long| format!("--{long}"))
}

/// Runs `send Hi` with more arguments and returns its end, which must be a good one.
#[track_caller]
fn good(server: &Server, args: &[&str]) -> Outcome {
    let outcome = send(server).args(["Hi"]).args(args).run();
    outcome.code(0);
    outcome
}

/// Returns the body that `send Hi` with these arguments makes.
#[track_caller]
fn body(args: &[&str]) -> Value {
    let server = crate::support::sending::answering("ok");
    good(&server, args).stdout("ok\n").stderr_empty();
    server.only_request().json()
}
