//! Explains why a command line cannot be parsed, with a one-line error and a hint. Both are made
//! from the kind and context of clap's error; its text is never parsed.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::definition::{command_line, program};
use super::other_programs::{hint_for_command, hint_for_flag};
use crate::text::{nearest_name, shell_quote};

/// Why there is no command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unparsed {
    /// The user asked for help or the version.
    Asked(String),
    /// The completion script of this shell asks what may follow.
    Unfinished(Box<super::UnfinishedLine>),
    /// No command was given; this is the help.
    Nothing(String),
    /// The arguments are wrong.
    Wrong {
        /// The error on one line.
        message: String,
        /// What to type instead.
        hint: String,
    },
}

/// Explains why clap rejected the arguments.
pub(super) fn explain(error: &clap::Error, argv: &[OsString]) -> Unparsed {
    if error.kind() == ErrorKind::InvalidUtf8 {
        return not_utf8(argv);
    }
    let command = command_of(argv);
    if let Some(unparsed) = more_than_a_template(error, command.as_deref()) {
        return unparsed;
    }
    let tips = tips(error, argv, command.as_deref());
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let usage = one_line(usage.strip_prefix("Usage:").unwrap_or(&usage));
    let hint = match (tips.is_empty(), usage.is_empty()) {
        (true, true) => "see --help".to_owned(),
        (true, false) => format!("usage: {usage}; see --help"),
        (false, _) => tips.join("; "),
    };
    let may_be_a_prompt =
        error.kind() == ErrorKind::InvalidSubcommand && command.is_none() && tips.is_empty();
    Unparsed::Wrong {
        message: message(error),
        hint: if may_be_a_prompt {
            format!("to send a prompt: `langdock send 'PROMPT'`; {hint}")
        } else {
            hint
        },
    }
}

/// Returns the name of the command, even if something after it is wrong; `None` if something before
/// it is.
pub(super) fn command_of(argv: &[OsString]) -> Option<String> {
    words_of_command(argv).into_iter().next()
}

/// Returns the words of the command, such as `session` and `list`, even if something after them is
/// wrong; none if something before them is.
fn words_of_command(argv: &[OsString]) -> Vec<String> {
    // Otherwise clap reports `--help` and `--version` as errors here.
    let lenient = program()
        .ignore_errors(true)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let Ok(matches) = lenient.try_get_matches_from(argv) else {
        return Vec::new();
    };
    let mut words = Vec::new();
    let mut level = &matches;
    while let Some((word, below)) = level.subcommand() {
        words.push(word.to_owned());
        level = below;
    }
    words
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text_of(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

fn list_of(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn number_of(error: &clap::Error, kind: ContextKind) -> isize {
    match error.get(kind) {
        Some(ContextValue::Number(number)) => *number,
        _ => 0,
    }
}

/// Explains what is wrong.
fn message(error: &clap::Error) -> String {
    let argument = text_of(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = text_of(error, ContextKind::InvalidValue).unwrap_or_default();
    let why = || {
        error
            .source()
            .map_or(String::new(), |why| format!(": {why}"))
    };
    match error.kind() {
        ErrorKind::UnknownArgument => format!("unexpected argument '{argument}' found"),
        ErrorKind::InvalidSubcommand => {
            let word = text_of(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("unrecognised subcommand '{word}'")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!(
            "a value is required for '{argument}' but none was supplied{}",
            possible_values(error)
        ),
        ErrorKind::InvalidValue => format!(
            "invalid value '{value}' for '{argument}'{}",
            possible_values(error)
        ),
        ErrorKind::ValueValidation => format!("invalid value '{value}' for '{argument}'{}", why()),
        ErrorKind::TooManyValues => {
            format!("unexpected value '{value}' for '{argument}' found; no more were expected")
        }
        ErrorKind::WrongNumberOfValues => {
            let expected = number_of(error, ContextKind::ExpectedNumValues);
            let given = number_of(error, ContextKind::ActualNumValues);
            let were = if given == 1 { "was" } else { "were" };
            format!("{expected} values required for '{argument}' but {given} {were} provided")
        }
        ErrorKind::MissingRequiredArgument => format!(
            "the following required arguments were not provided: {}",
            list_of(error, ContextKind::InvalidArg).join(" ")
        ),
        ErrorKind::ArgumentConflict => match list_of(error, ContextKind::PriorArg).as_slice() {
            [other] if *other == argument => {
                format!("the argument '{argument}' cannot be used multiple times")
            }
            [other] => format!("the argument '{argument}' cannot be used with '{other}'"),
            others => format!(
                "the argument '{argument}' cannot be used with: {}",
                others.join(" ")
            ),
        },
        // The other kinds cannot occur with this command line.
        kind => {
            kind.as_str()
                .unwrap_or("the arguments are wrong")
                .to_owned()
                + &why()
        }
    }
}

fn possible_values(error: &clap::Error) -> String {
    let values = list_of(error, ContextKind::ValidValue);
    if values.is_empty() {
        String::new()
    } else {
        format!(" [possible values: {}]", values.join(", "))
    }
}

/// Returns what to type for a flag or a command that other programs have.
fn tip_for_others_name(
    error: &clap::Error,
    argv: &[OsString],
    command: Option<&str>,
) -> Option<String> {
    let argument = text_of(error, ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let word = argument?;
            if word.starts_with('-') {
                hint_for_flag(word, &words_of_command(argv))
            } else {
                hint_for_command(word, command)
            }
        }
        ErrorKind::InvalidSubcommand => {
            hint_for_command(text_of(error, ContextKind::InvalidSubcommand)?, command)
        }
        ErrorKind::ValueValidation if argument?.starts_with("--param ") => {
            let value = text_of(error, ContextKind::InvalidValue).unwrap_or_default();
            tip_for_param(value, argv)
        }
        _ => None,
    }
}

/// Returns what to type for a value of `-p` that is no parameter of a template. Without a template,
/// it was probably meant as the prompt.
fn tip_for_param(value: &str, argv: &[OsString]) -> Option<String> {
    let words = words_of_command(argv);
    let command = words.join(" ");
    let is_template = |arg: &str| arg.starts_with("-t") || arg.starts_with("--template");
    let has_template = argv.iter().filter_map(|arg| arg.to_str()).any(is_template);
    match value.split_once('=') {
        Some(("prompt", prompt)) if has_template => Some(format!(
            "put the prompt after the flags: `langdock {command} -t NAME {}`",
            shell_quote(prompt)
        )),
        Some(("stdin", _)) if has_template => Some(format!(
            "pipe the text in: `langdock {command} -t NAME < FILE`"
        )),
        _ => hint_for_flag("-p", &words),
    }
}

/// Returns suggestions of what was probably meant.
fn tips(error: &clap::Error, argv: &[OsString], command: Option<&str>) -> Vec<String> {
    if let Some(tip) = tip_for_others_name(error, argv, command) {
        return vec![tip];
    }
    let similar = [
        ("subcommand", ContextKind::SuggestedSubcommand),
        ("argument", ContextKind::SuggestedArg),
        ("value", ContextKind::SuggestedValue),
    ];
    let mut tips: Vec<String> = similar
        .into_iter()
        .filter_map(|(what, kind)| similar_to(what, &list_of(error, kind)))
        .collect();
    let unknown = text_of(error, ContextKind::InvalidArg)
        .filter(|_| tips.is_empty() && error.kind() == ErrorKind::UnknownArgument);
    if let Some(word) = unknown {
        tips.extend(match word.strip_prefix("--") {
            _ if is_flag_of_send(command, word) => Some(format!(
                "'{word}' is a flag of send: `langdock send -c {word} 'PROMPT'` continues a \
                 conversation with it"
            )),
            Some(flag) if is_flag_of_a_command(flag) && may_stand_behind_dashes(argv, word) => {
                Some(format!("this command does not accept {word}; see --help"))
            }
            _ if word.starts_with('-') && may_stand_behind_dashes(argv, word) => {
                Some(format!("to pass '{word}' as a value, use '-- {word}'"))
            }
            Some(flag) => flag_of_a_later_command(argv, flag),
            None => short_flag_of_a_later_command(argv, word)
                .or_else(|| command_behind_dashes(argv, word, command)),
        });
    }
    if tips.is_empty() && error.kind() == ErrorKind::InvalidSubcommand {
        tips.extend(command.and_then(commands_of));
    }
    tips
}

/// Lists the commands of a command, such as `auth`.
fn commands_of(command: &str) -> Option<String> {
    let program = command_line();
    let commands = program.find_subcommand(command)?.get_subcommands();
    let names = commands.map(clap::Command::get_name);
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    Some(format!("commands of {command}: {}", names.join(", ")))
}

fn similar_to(what: &str, names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("a similar {what} exists: '{name}'")),
        names => Some(format!(
            "some similar {what}s exist: '{}'",
            names.join("', '")
        )),
    }
}

/// Returns whether an unknown word would be accepted after `--`.
fn may_stand_behind_dashes(argv: &[OsString], word: &str) -> bool {
    let is_it = |arg: &OsString| {
        let behind = arg.to_str().and_then(|arg| arg.strip_prefix(word));
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('='))
    };
    let Some(place) = argv.iter().position(is_it) else {
        return false;
    };
    let with_dashes = argv[..place]
        .iter()
        .cloned()
        .chain(["--".into()])
        .chain(argv[place..].iter().cloned());
    command_line().try_get_matches_from(with_dashes).is_ok()
}

/// Returns whether `chat` was given a flag that only `send` has: one for programs.
fn is_flag_of_send(command: Option<&str>, word: &str) -> bool {
    let (Some("chat"), Some(flag)) = (command, word.strip_prefix("--")) else {
        return false;
    };
    let program = command_line();
    let send = program.find_subcommand("send");
    send.is_some_and(|send| send.get_arguments().any(|arg| arg.get_long() == Some(flag)))
}

/// Returns whether some command has a flag of this name.
fn is_flag_of_a_command(flag: &str) -> bool {
    let program = command_line();
    let mut commands = program
        .get_subcommands()
        .flat_map(|command| std::iter::once(command).chain(command.get_subcommands()));
    commands.any(|command| {
        let mut flags = command.get_arguments().filter_map(clap::Arg::get_long);
        flags.any(|long| long == flag)
    })
}

/// Suggests the flag if it belongs to a command whose name comes later.
fn flag_of_a_later_command(argv: &[OsString], flag: &str) -> Option<String> {
    let program = command_line();
    let command = later_command(&program, argv)?;
    let flags = command.get_arguments().filter_map(clap::Arg::get_long);
    let flag = nearest_name(flag, flags)?;
    Some(format!("'{} --{flag}' exists", command.get_name()))
}

/// The same for a short flag, which is given as it is typed.
fn short_flag_of_a_later_command(argv: &[OsString], word: &str) -> Option<String> {
    let letter = word.strip_prefix('-')?.chars().next()?;
    let program = command_line();
    let command = later_command(&program, argv)?;
    let mut letters = command.get_arguments().filter_map(clap::Arg::get_short);
    let has_it = letters.any(|short| short == letter);
    has_it.then(|| format!("'{} -{letter}' exists", command.get_name()))
}

/// Returns the first command whose name is on the command line.
fn later_command<'a>(program: &'a clap::Command, argv: &[OsString]) -> Option<&'a clap::Command> {
    let is_given = |command: &&clap::Command| argv.iter().any(|arg| arg == command.get_name());
    program.get_subcommands().find(is_given)
}

/// Suggests the command whose name follows `--`.
fn command_behind_dashes(argv: &[OsString], word: &str, command: Option<&str>) -> Option<String> {
    let is_a_command = || command_line().find_subcommand(word).is_some();
    let has_dashes = argv.iter().any(|arg| arg == "--");
    (command.is_none() && has_dashes && is_a_command())
        .then(|| format!("subcommand '{word}' exists; to use it, remove the '--' before it"))
}

/// Names the argument that is not UTF-8, which clap's error does not.
fn not_utf8(argv: &[OsString]) -> Unparsed {
    let shown = argv
        .iter()
        .find(|arg| arg.to_str().is_none())
        .map(|arg| format!(" '{}'", arg.to_string_lossy()));
    Unparsed::Wrong {
        message: format!("the argument{} is not UTF-8", shown.unwrap_or_default()),
        hint: "send text in another encoding through standard input, or from a file with -f"
            .to_owned(),
    }
}

/// Explains an extra word after the template of `batch`: either it was meant as the items, or the
/// template was not quoted.
fn more_than_a_template(error: &clap::Error, command: Option<&str>) -> Option<Unparsed> {
    let word = text_of(error, ContextKind::InvalidArg)?;
    let is_a_word = error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-');
    (is_a_word && command == Some("batch")).then(|| Unparsed::Wrong {
        message: message(error),
        hint: format!(
            "if `{word}` lists the items, write `-i {word}`; to ask about the file itself, \
            `--files {word}`; quote a template of several words"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse;

    #[test]
    fn each_kind_of_mistake_is_told_in_one_line_with_what_to_type() {
        let no_tip = "see --help";
        for (line, expected_message, expected_hint) in [
            (
                "send --zzz q",
                "unexpected argument '--zzz' found",
                "to pass '--zzz' as a value, use '-- --zzz'",
            ),
            (
                "chat --json",
                "unexpected argument '--json' found",
                "'--json' is a flag of send: `langdock send -c --json 'PROMPT'` continues a \
                 conversation with it",
            ),
            (
                "send --image x.png q",
                "unexpected argument '--image' found",
                "-a PATH attaches an image or a PDF, -f PATH any file",
            ),
            (
                "batch --output-format=json {text}",
                "unexpected argument '--output-format' found",
                "a similar argument exists: '--output'",
            ),
            (
                "send -p hello",
                "invalid value 'hello' for '--param <KEY=VALUE>': must be KEY=VALUE",
                "no flag is needed: `langdock send 'PROMPT'` prints the answer and exits",
            ),
            (
                "login",
                "unrecognised subcommand 'login'",
                "`langdock auth login` stores the key, `langdock auth status` shows which one is \
                 used",
            ),
            (
                "models list",
                "unexpected argument 'list' found",
                "`langdock models` lists them",
            ),
            (
                "session lst",
                "unrecognised subcommand 'lst'",
                "a similar subcommand exists: 'list'",
            ),
            (
                "session foo",
                "unrecognised subcommand 'foo'",
                "commands of session: list, show, search, export, rename, rm, path",
            ),
            (
                "foo bar",
                "unrecognised subcommand 'foo'",
                "to send a prompt: `langdock send 'PROMPT'`; usage: langdock [OPTIONS] <COMMAND>; \
                see --help",
            ),
            (
                "usage --by mod",
                "invalid value 'mod' for '--by <WHAT>' [possible values: model, day, tag, command]",
                "a similar value exists: 'model'",
            ),
            (
                "send --color",
                "a value is required for '--color <WHEN>' but none was supplied [possible \
                 values: auto, always, never]",
                no_tip,
            ),
            (
                "send --set a q",
                "invalid value 'a' for '--set <KEY=JSON>': must be KEY=JSON",
                no_tip,
            ),
            (
                "send --raw=1 q",
                "unexpected value '1' for '--raw' found; no more were expected",
                "usage: langdock send --raw [PROMPT]...; see --help",
            ),
            (
                "tool-run --call a",
                "2 values required for '--call <NAME> <JSON>' but 1 was provided",
                "usage: langdock tool-run [OPTIONS] [PROMPT]...; see --help",
            ),
            (
                "config set",
                "the following required arguments were not provided: <KEY> <VALUE>",
                "usage: langdock config set <KEY> <VALUE>; see --help",
            ),
            (
                "send --json --jsonl q",
                "the argument '--json' cannot be used with '--jsonl'",
                "usage: langdock send --json <PROMPT>...; see --help",
            ),
            (
                "send -j --raw --markdown q",
                "the argument '--json' cannot be used with: --raw --markdown",
                "usage: langdock send --json <PROMPT>...; see --help",
            ),
            (
                "--jsn send q",
                "unexpected argument '--jsn' found",
                "'send --json' exists",
            ),
            (
                "-q send q",
                "unexpected argument '-q' found",
                "'send -q' exists",
            ),
            (
                "-- send q",
                "unexpected argument 'send' found",
                "subcommand 'send' exists; to use it, remove the '--' before it",
            ),
        ] {
            assert_wrong(line, expected_message, expected_hint);
        }
    }

    #[test]
    fn a_parameter_that_has_its_own_source_is_told_with_that_source() {
        for (line, expected_message, expected_hint) in [
            (
                "tool-run -t good -p prompt=$x",
                "invalid value 'prompt=$x' for '--param <KEY=VALUE>': `prompt` is not a parameter: \
                 it comes from the command line or standard input",
                "put the prompt after the flags: `langdock tool-run -t NAME '$x'`",
            ),
            (
                "send --template=good -p stdin=x",
                "invalid value 'stdin=x' for '--param <KEY=VALUE>': `stdin` is not a parameter: it \
                 comes from the command line or standard input",
                "pipe the text in: `langdock send -t NAME < FILE`",
            ),
        ] {
            assert_wrong(line, expected_message, expected_hint);
        }
    }

    #[track_caller]
    fn assert_wrong(line: &str, message: &str, hint: &str) {
        let argv: Vec<OsString> = std::iter::once("langdock")
            .chain(line.split(' '))
            .map(OsString::from)
            .collect();
        let expected = Unparsed::Wrong {
            message: message.to_owned(),
            hint: hint.to_owned(),
        };
        assert_eq!(parse(&argv).err(), Some(expected), "{line}");
    }

    #[test]
    fn a_command_is_known_by_its_name_whatever_follows_it() {
        for (line, expected) in [
            ("send --help", Some("send")),
            ("--demo batch --zzz", Some("batch")),
            ("session lst", Some("session")),
            ("--help", None),
            ("what is this", None),
        ] {
            let argv: Vec<OsString> = std::iter::once("langdock")
                .chain(line.split(' '))
                .map(OsString::from)
                .collect();
            assert_eq!(command_of(&argv).as_deref(), expected, "{line}");
        }
    }
}
