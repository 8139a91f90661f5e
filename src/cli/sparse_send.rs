//! The command line of `send`, which shell scripts start for each prompt, parsed with no more
//! groups of flags than it needs.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, Error};

use super::sparse_definition::SparseDefinition;
use super::{AskArgs, SendArgs};

/// Parses a command line of `send`, which starts with that word. The groups that scripts use most
/// come first.
pub(super) fn sparse_send(own: &[OsString]) -> Result<SendArgs, Error> {
    let prompt = Arg::new("prompt").num_args(1..).action(ArgAction::Append);
    // The same setting as the program has for all commands.
    let command = Command::new("send").args_override_self(true);
    let mut definition = SparseDefinition::new(command.arg(prompt), own);
    let request = definition.add();
    let connection = definition.add();
    let output = definition.add();
    let input = definition.add();
    let conversation = definition.add();
    let beginning = definition.add();
    let caching = definition.add();
    let tools = definition.add();
    let looking = definition.add();
    let structured = definition.add();
    let matches = &mut definition.matches(own)?;
    let words = matches.remove_many("prompt");
    let ask = AskArgs {
        prompt: words.map(Iterator::collect).unwrap_or_default(),
        literal_words: 0,
        request: request(matches)?,
        beginning: beginning(matches)?,
        caching: caching(matches)?,
        input: input(matches)?,
        tools: tools(matches)?,
        output: output(matches)?,
        conversation: conversation(matches)?,
        looking: looking(matches)?,
        connection: connection(matches)?,
    };
    let structured = structured(matches)?;
    Ok(SendArgs { ask, structured })
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn whole_send() -> Command {
        SendArgs::augment_args(Command::new("send").args_override_self(true))
    }

    /// The arguments that all of the definition of `send` reads, as text; none if it refuses them.
    fn read_by_whole_send(own: &[OsString]) -> Option<String> {
        let mut matches = whole_send().try_get_matches_from(own).ok()?;
        let read = SendArgs::from_arg_matches_mut(&mut matches).ok()?;
        Some(format!("{read:?}"))
    }

    fn read_by_sparse_send(own: &[OsString]) -> Option<String> {
        sparse_send(own).ok().map(|read| format!("{read:?}"))
    }

    fn send_line(args: &[&str]) -> Vec<OsString> {
        std::iter::once("send")
            .chain(args.iter().copied())
            .map(OsString::from)
            .collect()
    }

    /// Where this fails with `does not exist`, a flag names one of a later group: let that one name
    /// it instead.
    #[test]
    fn each_flag_of_send_is_read_without_the_groups_after_it() {
        let needed = [None, Some("-x"), Some("-tname"), Some("--schema={}")];
        let values = ["1", "auto", "low", "mask", "2s", "a=1", "-1"];
        let mut tried = 0;
        for flag in whole_send()
            .get_arguments()
            .filter(|flag| !flag.is_positional())
        {
            let possible = flag.get_possible_values();
            let values: Vec<_> = std::iter::once(None)
                .chain(possible.iter().map(|value| Some(value.get_name())))
                .chain(values.map(Some))
                .collect();
            let long = flag.get_long().map(|name| format!("--{name}"));
            let short = flag.get_short().map(|letter| format!("-{letter}"));
            for form in long.iter().chain(&short) {
                let (own, expected) = needed
                    .iter()
                    .flat_map(|needed| values.iter().map(move |value| (needed, value)))
                    .find_map(|(needed, value)| {
                        let args = [*needed, Some("q"), Some(form), *value];
                        let own = send_line(&args.into_iter().flatten().collect::<Vec<_>>());
                        read_by_whole_send(&own).map(|expected| (own, expected))
                    })
                    .unwrap_or_else(|| panic!("no value is tried that {form} accepts"));
                assert_eq!(read_by_sparse_send(&own), Some(expected), "{own:?}");
                tried += 1;
            }
        }
        assert!(tried > 70, "{tried} flags");
    }

    #[test]
    fn a_prompt_is_read_without_any_group() {
        for args in [
            &[][..],
            &["q"],
            &["two", "words", "--", "--json"],
            &["-"],
            &["q", "-vv", "-uq"],
            &["--stop", "--json", "q"],
            &["--json", "--raw", "q"],
            &["--lang", "rust", "q"],
            &["--zzz", "q"],
            &["-Z", "q"],
            &["--help"],
        ] {
            let own = send_line(args);
            assert_eq!(
                read_by_sparse_send(&own),
                read_by_whole_send(&own),
                "{args:?}"
            );
        }
    }
}
