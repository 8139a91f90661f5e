//! Commands that hints suggest: after `langdock --demo send`, a hint on `langdock session list` has
//! to say `langdock --demo session list`, or it would list other conversations.

use std::ffi::OsString;

use super::parse::split_connection_flags;
use crate::text::shell_quote;

/// How a suggested command begins.
const PROGRAM: &str = "langdock ";

/// The flags that choose the endpoint, its key and its conversations. A proxy is left out, since
/// its URL may have a password.
const ENDPOINT_FLAGS: [&str; 8] = [
    "--demo",
    "--replay",
    "--profile",
    "--region",
    "--base-url",
    "--api-key-file",
    "--allow-http",
    "--cacert",
];

/// A flag of a command line.
struct GivenFlag {
    /// Its name, with the hyphens.
    name: String,
    /// The flag with its value, as it is typed.
    typed: String,
}

/// Adds to each command in a hint those connection flags of a command line without which it would
/// be about another endpoint, profile or store of conversations.
pub(crate) fn with_connection_flags(hint: &str, argv: &[OsString]) -> String {
    if !hint.contains(PROGRAM) {
        return hint.to_owned();
    }
    let (flags, _others) = split_connection_flags(argv);
    let flags: Vec<GivenFlag> = flags.iter().filter_map(|words| given_flag(words)).collect();
    let mut parts = hint.split(PROGRAM);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for after in parts {
        text.push_str(PROGRAM);
        if text.ends_with(&format!("`{PROGRAM}")) || text.ends_with(&format!("| {PROGRAM}")) {
            let command = after.split('`').next().unwrap_or(after);
            text.push_str(&missing_flags(command, &flags));
        }
        text.push_str(after);
    }
    text
}

fn given_flag(words: &[OsString]) -> Option<GivenFlag> {
    let first = words.first()?.to_str()?;
    let (name, joined) = match first.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (first, None),
    };
    let value = joined.or_else(|| Some(words.get(1)?.to_string_lossy().into_owned()));
    let value = value.map_or_else(String::new, |value| format!(" {}", shell_quote(&value)));
    Some(GivenFlag {
        name: name.to_owned(),
        typed: format!("{name}{value}"),
    })
}

/// Returns the flags that a command needs and does not have, each with a space behind it.
fn missing_flags(command: &str, flags: &[GivenFlag]) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let name = words.iter().find(|word| !word.starts_with('-'));
    let has = |flag: &GivenFlag| words.contains(&flag.name.as_str());
    let needed: &[&str] = match name.copied().unwrap_or_default() {
        "send" | "chat" | "tool-run" | "batch" | "models" | "doctor" => &ENDPOINT_FLAGS,
        "session" => {
            // Those of a record are stored with those of the demo.
            let is_demo = |flag: &GivenFlag| flag.name == "--demo" || flag.name == "--replay";
            let is_needed = flags.iter().any(is_demo) && !words.contains(&"--demo");
            return if is_needed { "--demo " } else { "" }.to_owned();
        }
        "auth" => &["--profile", "--region", "--base-url", "--allow-http"],
        "config" | "count" => &["--profile"],
        _ => &[],
    };
    let missing = flags
        .iter()
        .filter(|flag| needed.contains(&flag.name.as_str()) && !has(flag));
    missing
        .flat_map(|flag| [flag.typed.as_str(), " "])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(hint: &str, argv: &str) -> String {
        let argv: Vec<OsString> = argv.split(' ').map(OsString::from).collect();
        with_connection_flags(hint, &argv)
    }

    #[test]
    fn a_suggested_command_is_about_the_same_endpoint_and_conversations() {
        for (argv, given, expected) in [
            ("langdock send -c", "`langdock chat`", "`langdock chat`"),
            (
                "langdock --demo send -c",
                "start one with `langdock chat`",
                "start one with `langdock --demo chat`",
            ),
            (
                "langdock send -c --demo",
                "`langdock session rm` or `langdock --demo session list`",
                "`langdock --demo session rm` or `langdock --demo session list`",
            ),
            (
                "langdock send --replay r -c",
                "`langdock session list`",
                "`langdock --demo session list`",
            ),
            (
                "langdock send --profile=a --region us --proxy http://u:p@h x",
                "`langdock models`; `langdock config set a b`; `langdock auth status`",
                "`langdock --profile a --region us models`; `langdock --profile a config set a b`; \
                 `langdock --profile a --region us auth status`",
            ),
            (
                "langdock --region us models",
                "`langdock models --region eu`, `curl x | langdock send -f -`",
                "`langdock models --region eu`, `curl x | langdock --region us send -f -`",
            ),
            (
                "langdock send -- --demo",
                "`langdock chat`",
                "`langdock chat`",
            ),
            (
                "langdock --demo help x",
                "update langdock or see `langdock help send`",
                "update langdock or see `langdock help send`",
            ),
        ] {
            assert_eq!(hint(given, argv), expected, "{argv}");
        }
    }
}
