//! Help: short and long, of commands and topics, and suggestions for mistyped words.

use crate::support::command::Langdock;

/// Returns what these arguments print; the run must have no other effect.
#[track_caller]
fn printed(args: &[&str]) -> String {
    Langdock::new()
        .args(args)
        .run()
        .code(0)
        .stderr_empty()
        .stdout_text()
}

#[test]
fn nothing_at_all_gets_the_short_help_and_is_a_usage_error() {
    let outcome = Langdock::new().run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("Usage: langdock")
        .stderr_contains("langdock help");
    assert_eq!(outcome.stderr, printed(&["-h"]));
}

#[test]
fn the_long_help_of_every_command_has_examples_and_the_short_one_has_not() {
    for (words, _) in crate::generated::commands()
        .into_iter()
        .filter(|(words, _)| words.len() <= 1)
    {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (long, short) = (
            printed(&[&words[..], &["--help"]].concat()),
            printed(&[&words[..], &["-h"]].concat()),
        );
        assert!(
            long.contains("\nExamples:\n") && long.contains("      langdock "),
            "{words:?}\n{long}"
        );
        assert!(!short.contains("Examples:"), "{words:?}");
        assert!(
            printed(&[&["help"], &words[..]].concat()).starts_with(&long),
            "{words:?}"
        );
    }
}

#[test]
fn every_topic_has_what_belongs_to_it() {
    let codes = printed(&["help", "exit-codes"]);
    for (code, kind, what) in langdock::EXIT_CODES {
        assert!(
            codes.contains(&code.to_string()) && codes.contains(kind) && codes.contains(what),
            "{code}"
        );
    }
    let environment = printed(&["help", "environment"]);
    assert!(
        langdock::variables()
            .iter()
            .all(|(name, _)| environment.contains(name)),
        "{environment}"
    );
    let config = printed(&["help", "config"]);
    assert!(
        langdock::settings().all(|(key, sample, _)| config.contains(&format!("{key} = {sample}"))),
        "{config}"
    );
    let tools = printed(&["help", "tool-run"]);
    assert!(
        langdock::TOOL_KEYS
            .iter()
            .all(|(key, sample, _)| tools.contains(&format!("{key} = {sample}"))),
        "{tools}"
    );
    let servers = printed(&["help", "mcp"]);
    assert!(
        langdock::SERVER_KEYS
            .iter()
            .all(|(key, sample, _)| servers.contains(&format!("{key} = {sample}"))),
        "{servers}"
    );
    let regions = printed(&["help", "regions"]);
    assert!(
        ["eu", "us", "global", "ch"]
            .iter()
            .all(|region| regions.contains(region)),
        "{regions}"
    );
}

#[test]
fn a_mistyped_command_flag_value_or_topic_names_the_nearest() {
    for (args, nearest) in [
        (&["sned", "Hi"][..], "send"),
        (&["send", "--modle", "m", "Hi"], "--model"),
        (&["send", "--color", "alway", "Hi"], "always"),
        (&["usage", "--by", "modle"], "model"),
        (&["config", "shwo"], "show"),
        (&["config", "get", "regoin"], "region"),
        (&["completions", "bsh"], "bash"),
        (&["help", "exit-code"], "exit-codes"),
        (&["help", "confg"], "config"),
    ] {
        let outcome = Langdock::new().args(args).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains(nearest)
            .stderr_contains("\nhint: ");
    }
}
