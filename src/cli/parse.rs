//! Parses the arguments to a command, or explains why there is none.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches};

use super::definition::command_line;
use super::help::shown_examples;
use super::sparse_send::sparse_send;
use super::unparsed::{Unparsed, command_of, explain};
use super::{Cli, Command, ConnectionArgs, SendArgs};

/// The short flags that take a value.
pub(crate) const SHORT_FLAGS_WITH_VALUE: &[char] =
    &['m', 's', 'f', 'a', 't', 'p', 'T', 'o', 'i', 'J'];

/// What `--version` prints.
const VERSION: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n");

/// Parses a command line, which begins with the program's name.
pub(crate) fn parse(argv: &[OsString]) -> Result<Command, Unparsed> {
    if matches!(argv, [_, flag] if flag == "--version" || flag == "-V") {
        return Err(Unparsed::Asked(VERSION.to_owned())); // No definition is built for it.
    }
    let (mut command, mut connection) = matched(argv).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp if is_long_help(argv) => {
            let command = command_of(argv).unwrap_or_default();
            Unparsed::Asked(error.to_string() + &shown_examples(&command))
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Unparsed::Asked(error.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Unparsed::Nothing(error.to_string()),
        _ => explain(&error, argv),
    })?;
    if let Command::Session(session) = &mut command {
        session.demo |= std::mem::take(&mut connection.demo);
    }
    if let Command::Serve(serve) = &mut command {
        serve.connection = connection.profile_and(&["region"]);
        serve.replay = serve.replay.take().or_else(|| connection.replay.take());
        serve.replay_pace = serve.replay_pace.or(connection.replay_pace);
    }
    join(connection, command.connection_mut())?;
    if let Command::Count(count) = &mut command {
        count.literal_words = literal_words(argv, &count.prompt);
        count.request.prefill = count.beginning.prefill.take();
    }
    if let Command::Batch(batch) = &mut command {
        batch.request.prefill = batch.beginning.prefill.take();
    }
    if let Command::Chat(chat) = &mut command {
        chat.literal_words = literal_words(argv, &chat.prompt);
    }
    let ask = match &mut command {
        Command::Send(send) => Some(&mut send.ask),
        Command::ToolRun(run) => Some(&mut run.ask),
        _ => None,
    };
    if let Some(ask) = ask {
        ask.literal_words = literal_words(argv, &ask.prompt);
        ask.request.prefill = ask.beginning.prefill.take();
        if ask.connection.demo && ask.looking.curl {
            return Err(conflict("--demo", "--curl"));
        }
    }
    Ok(command)
}

/// Returns the command, and the connection flags before its name.
///
/// A valid command line is parsed without help texts, and without the flags before the command if
/// it has none: building the complete definition would take longer than parsing. Anything else is
/// handled with the complete definition.
fn matched(argv: &[OsString]) -> Result<(Command, ConnectionArgs), clap::Error> {
    if let Some(send) = matched_send(argv) {
        return Ok((Command::Send(Box::new(send)), ConnectionArgs::default()));
    }
    let has_flags_before = argv
        .get(1)
        .is_some_and(|first| first.as_encoded_bytes().starts_with(b"-"));
    let mut definition = Cli::command();
    if has_flags_before {
        definition = ConnectionArgs::augment_args(definition);
    }
    let found = definition.try_get_matches_from_mut(argv);
    // Dropping its thousands of small allocations takes longer than leaving them to the end of the
    // process.
    std::mem::forget(definition);
    match found {
        Ok(matches) => read(matches, has_flags_before),
        Err(error) if error.kind() == ErrorKind::DisplayVersion => Err(error),
        Err(error) if error.kind() == ErrorKind::UnknownArgument => read(
            command_line().try_get_matches_from(connection_flags_first(argv))?,
            true,
        ),
        Err(_) => read(command_line().try_get_matches_from(argv)?, true),
    }
}

/// Moves the connection flags before the name of the command, where each command accepts them: an
/// alias such as `langdock --profile work` or a script may add them to any command, at any place.
fn connection_flags_first(argv: &[OsString]) -> Vec<OsString> {
    let (flags, others) = split_connection_flags(argv);
    let program = argv.iter().take(1).cloned();
    program
        .chain(flags.into_iter().flatten())
        .chain(others)
        .collect()
}

/// Returns the connection flags of a command line, each with its value, and the other arguments.
pub(super) fn split_connection_flags(argv: &[OsString]) -> (Vec<Vec<OsString>>, Vec<OsString>) {
    let definition = ConnectionArgs::augment_args(clap::Command::new("connection"));
    let takes_value = |arg: &OsString| {
        let name = arg.to_str()?.strip_prefix("--")?;
        let name = name.split_once('=').map_or(name, |(name, _)| name);
        let mut flags = definition.get_arguments();
        let flag = flags.find(|flag| flag.get_long() == Some(name))?;
        Some(flag.get_action().takes_values() && arg.len() == name.len() + 2)
    };
    let (mut flags, mut others) = (Vec::new(), Vec::new());
    let mut rest = argv.iter().skip(1).cloned();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            others.push(arg);
            break;
        }
        match takes_value(&arg) {
            None => others.push(arg),
            Some(has_value) => {
                let value = rest.by_ref().take(usize::from(has_value));
                flags.push(std::iter::once(arg).chain(value).collect());
            }
        }
    }
    others.extend(rest);
    (flags, others)
}

/// Returns the arguments of a valid `send` command line, parsed without the other commands and the
/// groups of flags that it does not need.
fn matched_send(argv: &[OsString]) -> Option<SendArgs> {
    let (_, own) = argv.split_first()?;
    if own.first()? != "send" {
        return None;
    }
    sparse_send(own).ok()
}

fn read(
    mut matches: ArgMatches,
    has_flags_before: bool,
) -> Result<(Command, ConnectionArgs), clap::Error> {
    let connection = if has_flags_before {
        ConnectionArgs::from_arg_matches_mut(&mut matches)?
    } else {
        ConnectionArgs::default()
    };
    Ok((Command::from_arg_matches_mut(&mut matches)?, connection))
}

/// Returns whether `--help` was given, as opposed to `-h`.
fn is_long_help(argv: &[OsString]) -> bool {
    argv.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--help")
}

/// Merges the connection flags before the command's name into those after it.
fn join(before: ConnectionArgs, behind: Option<&mut ConnectionArgs>) -> Result<(), Unparsed> {
    // Other commands have no use for them.
    let Some(behind) = behind else { return Ok(()) };
    *behind = std::mem::take(behind).or(before);
    // clap checks for conflicts only among the flags on the same side of the name.
    if behind.demo && behind.sets("base_url") {
        return Err(conflict("--demo", "--base-url <URL>"));
    }
    if behind.demo && behind.replay.is_some() {
        return Err(conflict("--demo", "--replay <FILE>"));
    }
    if behind.replay_pace.is_some() && behind.replay.is_none() {
        return Err(Unparsed::Wrong {
            message: "--replay-pace needs --replay".to_owned(),
            hint: "name the recording with --replay FILE".to_owned(),
        });
    }
    Ok(())
}

fn conflict(one: &str, other: &str) -> Unparsed {
    let message = format!("the argument '{one}' cannot be used with '{other}'");
    Unparsed::Wrong {
        message,
        hint: "leave out one of them".to_owned(),
    }
}

/// Counts the words of the prompt after `--`, which clap does not record. It is the first `--` that
/// is followed by words of the prompt only.
fn literal_words(argv: &[OsString], prompt: &[String]) -> usize {
    let behind = argv
        .iter()
        .enumerate()
        .filter(|(_, arg)| *arg == "--")
        .map(|(place, _)| &argv[place + 1..]);
    let is_tail = |words: &&[OsString]| {
        let start = prompt.len().checked_sub(words.len());
        start.is_some_and(|start| {
            words
                .iter()
                .zip(&prompt[start..])
                .all(|(arg, word)| arg == word.as_str())
        })
    };
    behind.into_iter().find(is_tail).map_or(0, <[_]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    fn wrong(given: &[&str]) -> (String, String) {
        let argv: Vec<OsString> = std::iter::once(&"langdock")
            .chain(given)
            .map(OsString::from)
            .collect();
        match parse(&argv) {
            Err(Unparsed::Wrong { message, hint }) => (message, hint),
            other => panic!("{given:?} gave {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        command_line().debug_assert();
    }

    #[test]
    fn the_version_is_that_of_the_definition() {
        assert_eq!(Cli::command().render_version(), VERSION);
    }

    #[test]
    fn the_letters_that_take_a_value_are_known() {
        for command in command_line().get_subcommands() {
            for (flag, letter) in command
                .get_arguments()
                .filter_map(|flag| Some((flag, flag.get_short()?)))
            {
                let is_valued = flag.get_action().takes_values();
                assert_eq!(
                    SHORT_FLAGS_WITH_VALUE.contains(&letter),
                    is_valued,
                    "-{letter} of {}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn a_mistyped_flag_or_command_names_the_nearest() {
        let (message, hint) = wrong(&["send", "--modle", "x", "q"]);
        assert_eq!(message, "unexpected argument '--modle' found");
        assert!(hint.contains("--model"), "{hint}");
        let (_, hint) = wrong(&["Hello there"]);
        assert!(hint.contains("`langdock send 'PROMPT'`"), "{hint}");
        let (message, hint) = wrong(&["sned", "q"]);
        assert!(
            message.contains("'sned'") && hint.contains("'send'"),
            "{message}; {hint}"
        );
    }

    #[test]
    fn an_unknown_command_of_a_command_gets_the_list_of_those_there_are() {
        for (args, hint) in [
            (["auth", "reset"], "commands of auth: login, status, logout"),
            (
                ["session", "purge"],
                "commands of session: list, show, search, export, rename, rm, path",
            ),
        ] {
            assert_eq!(wrong(&args).1, hint);
        }
    }

    #[test]
    fn two_dashes_are_advised_where_they_help() {
        for args in [
            &["send", "-Z", "q"][..],
            &["session", "show", "--und"],
            &["send", "--zzz=1"],
        ] {
            assert!(wrong(args).1.contains("use '-- "), "{args:?}");
        }
        for args in [
            &["session", "export", "und", "-o", "x.md"][..],
            &["session", "export", "-o", "x.md"],
            &["batch", "Q {text}", "-n"],
            &["batch", "Q {text}", "--dry-run"],
            &["send", "-uZ", "q"],
        ] {
            let (message, hint) = wrong(args);
            assert!(
                message.contains("unexpected argument '-") && hint.starts_with("usage: "),
                "{message}: {hint}"
            );
        }
    }

    #[test]
    fn the_items_of_a_batch_are_no_second_template() {
        for args in [
            &["batch", "{text}", "items"][..],
            &["--demo", "batch", "Sum", "items", "{text}", "-J", "2"],
        ] {
            let (message, hint) = wrong(args);
            assert_eq!(message, "unexpected argument 'items' found");
            assert!(
                hint.contains("`-i items`") && hint.contains("`--files items`"),
                "{hint}"
            );
        }
        assert!(
            wrong(&["batch", "{text}", "--inptu", "items"])
                .1
                .contains("--input")
        );
        assert!(!wrong(&["models", "items"]).1.contains("-i items"));
    }

    #[test]
    fn an_argument_that_is_not_utf_8_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let argv = [
            "langdock".into(),
            "send".into(),
            "fine".into(),
            OsString::from_vec(b"caf\xe9".to_vec()),
        ];
        let Err(Unparsed::Wrong { message, .. }) = parse(&argv) else {
            panic!("it is wrong")
        };
        assert_eq!(message, "the argument 'caf\u{fffd}' is not UTF-8");
    }

    #[test]
    fn a_bad_value_is_one_line_with_its_flag() {
        let (message, _) = wrong(&["send", "--temperature", "-1", "q"]);
        assert!(
            message.contains("--temperature") && message.contains("0 to 1"),
            "{message}"
        );
        assert!(!message.contains('\n'));
    }

    /// Returns every flag that takes one of these values, with the words of its command.
    fn flags_of(
        command: &clap::Command,
        words: &[&str],
        values: &[&str],
    ) -> Vec<(Vec<String>, String)> {
        let takes = |arg: &&clap::Arg| {
            arg.get_value_names()
                .is_some_and(|names| values.contains(&names[0].as_str()))
        };
        let own = command
            .get_arguments()
            .filter(takes)
            .filter_map(clap::Arg::get_long);
        let words_of = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mut flags: Vec<_> = own
            .map(|flag| (words_of(words), format!("--{flag}")))
            .collect();
        for command in command.get_subcommands() {
            flags.extend(flags_of(
                command,
                &[words, &[command.get_name()]].concat(),
                values,
            ));
        }
        flags
    }

    #[test]
    fn a_negative_value_is_a_value_out_of_range() {
        let mut tried = 0;
        for (values, negative) in [
            (&["N", "X", "TOKENS_PER_SECOND"][..], "-1"),
            (&["DURATION"], "-1s"),
        ] {
            for (command, flag) in flags_of(&command_line(), &[], values) {
                let given: Vec<&str> = command
                    .iter()
                    .map(String::as_str)
                    .chain([flag.as_str(), negative])
                    .collect();
                let (message, _) = wrong(&given);
                assert!(
                    message.starts_with(&format!("invalid value '{negative}' for '{flag} ")),
                    "{given:?}: {message}"
                );
                tried += 1;
            }
        }
        assert!(tried > 50, "{tried} flags");
    }

    #[test]
    fn the_last_of_a_repeated_flag_holds() {
        let argv = [
            "langdock", "--region", "eu", "--region", "us", "send", "-m", "a", "-u", "-u", "-m",
            "b", "q",
        ];
        let Command::Send(send) = parse(&argv.map(OsString::from)).expect("a command") else {
            panic!("it is `send`")
        };
        assert_eq!(send.ask.request.model.as_deref(), Some("b"));
        let mut expected = Flags::default();
        expected.settings.set_flag("region", Some("us".to_owned()));
        assert_eq!(send.ask.connection.own_flags(), expected);
    }

    #[test]
    fn the_words_behind_two_dashes_are_told_apart() {
        for (args, expected) in [
            (&["q"][..], 0),
            (&["q", "--", "a", "b"], 2),
            (&["--", "a", "--", "b"], 3),
            (&["--stop", "--", "q", "--", "b"], 1),
            (&["q", "--"], 0),
        ] {
            let argv: Vec<OsString> = ["langdock", "send"]
                .iter()
                .chain(args)
                .map(OsString::from)
                .collect();
            let Command::Send(send) = parse(&argv).expect("a command") else {
                panic!("it is `send`")
            };
            assert_eq!(send.ask.literal_words, expected, "{args:?}");
        }
    }

    #[test]
    fn flags_stand_before_or_after_the_prompt() {
        for args in [
            ["send", "--demo", "q"],
            ["send", "q", "--demo"],
            ["--demo", "send", "q"],
        ] {
            let argv: Vec<OsString> = std::iter::once("langdock")
                .chain(args)
                .map(OsString::from)
                .collect();
            let mut command = parse(&argv).expect("a command");
            assert!(
                command.connection_mut().expect("it has them").demo,
                "{args:?}"
            );
        }
    }
}
