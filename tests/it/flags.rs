//! Every argument of the command line has a row here that shows its effect.
//!
//! The table is compared with clap's definition, so that no flag can be added without an observed
//! effect.

mod batch;
pub(crate) mod chat;
mod connection;
mod conversation;
mod input;
mod looking;
mod models;
mod output;
mod request;
mod serve;
mod settings;
mod tokens;
mod tools;

use std::collections::BTreeSet;

use clap::{Arg, Command};
use serde_json::Value;

use crate::support::{
    command::Langdock, home::Home, outcome::Outcome, sending::send, server::Server,
};
use crate::tools::tool_run;

/// Commands (empty for arguments before a command), one of their arguments, and a test of its
/// effect on each command.
type Row = (&'static [&'static str], &'static str, fn(&str));

/// The rows that belong to no group.
const ROWS: &[Row] = &[
    (&[""], "--version", |_| version()),
    (&["completions"], "SHELL", |_| shell()),
];

/// A command, and a test that the connection flags reach it.
type Connected = (&'static str, fn(&str));

/// The commands that talk to the endpoint, with tests that connection flags after their names take
/// effect.
///
/// All of them flatten the same group into one value, so the rows of the group test the individual
/// flags.
const CONNECTED: &[Connected] = &[
    ("send", connection::goes_to_the_region),
    ("tool-run", connection::goes_to_the_region),
    ("batch", connection::goes_to_the_region),
    ("chat", connection::goes_to_the_region),
    ("models", connection::goes_to_the_region),
    ("doctor", connection::shows_the_region_in_json),
    ("auth login", connection::shows_the_region),
    ("auth status", connection::shows_the_region),
    ("auth logout", connection::shows_the_region),
    ("config show", connection::shows_the_region),
    ("config get", connection::shows_the_region),
    ("config set", connection::sets_the_profile),
    ("config unset", connection::unsets_in_the_profile),
];

/// Returns all rows.
fn rows() -> impl Iterator<Item = &'static Row> {
    [
        ROWS,
        batch::ROWS,
        chat::ROWS,
        connection::ROWS,
        conversation::ROWS,
        request::ROWS,
        input::ROWS,
        output::ROWS,
        looking::ROWS,
        models::ROWS,
        serve::ROWS,
        settings::ROWS,
        tools::ROWS,
        tokens::ROWS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_argument_has_a_row_and_every_row_an_argument() {
    let listed: Vec<(String, String)> = rows()
        .flat_map(|(commands, flag, _)| {
            commands
                .iter()
                .map(|command| ((*command).to_owned(), (*flag).to_owned()))
        })
        .collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(
        listed.len(),
        unique.len(),
        "an argument has two rows: {listed:?}"
    );
    assert_eq!(
        unique,
        defined(),
        "rows on the left, the definition on the right"
    );
}

#[test]
fn every_argument_has_the_effect_that_its_row_shows() {
    let mut failed = vec![];
    for (commands, flag, shows) in rows() {
        for command in *commands {
            if std::panic::catch_unwind(|| shows(command)).is_err() {
                failed.push(format!("{command} {flag}"));
            }
        }
    }
    assert!(failed.is_empty(), "see above for {failed:?}");
}

#[test]
fn the_flags_of_the_connection_stand_behind_the_name_of_every_command_that_talks_to_the_endpoint() {
    let mut definition = langdock::command_line();
    definition.build();
    let group = connection_flags(&definition);
    let mut found = BTreeSet::new();
    each_command(&definition, "", &mut |path, command| {
        let flags = connection_flags(command);
        if !path.is_empty() && !flags.is_empty() {
            assert_eq!(flags, group, "{path}");
            found.insert(path.to_owned());
        }
    });
    let shown: BTreeSet<_> = CONNECTED
        .iter()
        .map(|(command, _)| (*command).to_owned())
        .collect();
    assert_eq!(
        shown, found,
        "rows on the left, the definition on the right"
    );
    for (command, shows) in CONNECTED {
        shows(command);
    }
}

#[test]
fn a_command_that_talks_to_nobody_accepts_every_flag_of_the_connection_at_any_place() {
    let mut definition = langdock::command_line();
    definition.build();
    let flags = definition
        .get_arguments()
        .filter(|arg| is_of_the_connection(arg));
    for arg in flags {
        let value = match name(arg).as_str() {
            "--replay-pace" => "fast",
            "--region" => "us",
            "--base-url" | "--proxy" => "http://localhost:1",
            _ => "1",
        };
        let value = arg.get_action().takes_values().then(|| value.to_owned());
        let flag: Vec<String> = [name(arg)].into_iter().chain(value).collect();
        for command in [
            &["session", "list"][..],
            &["template", "list"],
            &["usage"],
            &["config", "path"],
            &["help", "regions"],
            &["completions", "bash"],
        ] {
            for args in [
                flag.iter()
                    .map(String::as_str)
                    .chain(command.iter().copied())
                    .collect::<Vec<_>>(),
                command
                    .iter()
                    .copied()
                    .chain(flag.iter().map(String::as_str))
                    .collect(),
            ] {
                Langdock::new().args(&args).run().code(0);
            }
        }
    }
}

#[test]
fn an_unknown_flag_is_named_whatever_stands_beside_it() {
    let args = ["session", "list", "--profile", "work", "--jsn"];
    let outcome = Langdock::new().args(args).run();
    outcome.code(2).stdout("").stderr_contains("'--jsn'");
}

#[test]
fn the_profile_counts_for_an_estimate() {
    let home = Home::new();
    home.write(
        home.config().join("config.toml"),
        "[profiles.work]\nmodel = 'of-work'\n",
    );
    for args in [
        ["--profile", "work", "count", "-j", "Hi"],
        ["count", "-j", "Hi", "--profile", "work"],
    ] {
        let outcome = Langdock::new().home(&home).args(args).run();
        assert_eq!(outcome.code(0).stdout_json()["model"], "of-work");
    }
}

fn version() {
    let outcome = Langdock::new().args(["--version"]).run();
    outcome
        .code(0)
        .stdout(concat!("langdock ", env!("CARGO_PKG_VERSION"), "\n"))
        .stderr_empty();
}

fn shell() {
    let mut scripts = BTreeSet::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = Langdock::new().args(["completions", shell]).run();
        outcome.code(0).stderr_empty().stdout_contains("langdock");
        scripts.insert(outcome.stdout_text());
    }
    assert_eq!(scripts.len(), 5, "each shell has a script of its own");
    Langdock::new()
        .args(["completions"])
        .run()
        .code(2)
        .stdout("");
}

/// Returns the commands and arguments of the definition, with connection flags at the top level
/// only.
fn defined() -> BTreeSet<(String, String)> {
    let mut definition = langdock::command_line();
    definition.build();
    let mut arguments = BTreeSet::new();
    each_command(&definition, "", &mut |path, command| {
        let own = command
            .get_arguments()
            .filter(|arg| !is_help(arg) && (path.is_empty() || !is_of_the_connection(arg)));
        arguments.extend(own.map(|arg| (path.to_owned(), name(arg))));
    });
    arguments
}

fn each_command(command: &Command, path: &str, look: &mut impl FnMut(&str, &Command)) {
    look(path, command);
    for subcommand in command.get_subcommands() {
        each_command(
            subcommand,
            format!("{path} {}", subcommand.get_name()).trim(),
            look,
        );
    }
}

fn connection_flags(command: &Command) -> BTreeSet<String> {
    command
        .get_arguments()
        .filter(|arg| is_of_the_connection(arg))
        .map(name)
        .collect()
}

fn is_of_the_connection(arg: &Arg) -> bool {
    arg.get_help_heading() == Some("Connection")
}

fn is_help(arg: &Arg) -> bool {
    arg.get_id() == "help"
}

/// Returns the long flag, or the name of a positional argument in the usage line.
fn name(arg: &Arg) -> String {
    arg.get_long().map_or_else(
        || arg.get_id().as_str().to_uppercase(),
        |long| format!("--{long}"),
    )
}

/// Begins a run of a command that asks for an answer, with a model and the test key against
/// `server`. A command that differs from `send` in this needs an arm here.
fn asking(command: &str, server: &Server) -> Langdock {
    match command {
        "send" => send(server),
        "tool-run" => tool_run(server),
        "batch" => crate::batch::batch(server).stdin_bytes("item\n"),
        "chat" => chat::chat(server),
        other => panic!("how does `{other}` ask?"),
    }
}

/// Runs a command with the prompt `Hi` and further arguments, and returns its outcome, which must
/// be a success.
#[track_caller]
fn good(command: &str, server: &Server, args: &[&str]) -> Outcome {
    let outcome = asking(command, server).args(["Hi"]).args(args).run();
    outcome.code(0);
    outcome
}

/// Returns the request body for the prompt `Hi` with these arguments.
#[track_caller]
fn body(command: &str, args: &[&str]) -> Value {
    let server = crate::support::sending::answering("ok");
    let outcome = good(command, &server, args);
    outcome.stderr_empty();
    match command {
        "batch" => assert_eq!(outcome.stdout_json_lines()[0]["text"], "ok"),
        _ => {
            outcome.stdout("ok\n");
        }
    }
    server.only_request().json()
}
