//! The whole of the command line as clap's own value, for everything but a good command line: help,
//! mistakes, completions and man pages.

use clap::{Args, CommandFactory, ValueHint};

use super::{Cli, CompletionShell, ConnectionArgs, request_flags, setting_flags};

/// Returns the program with the flags that may stand before a command's name. The commands get
/// their own flags once clap builds them.
pub(super) fn program() -> clap::Command {
    let program = Cli::command();
    // Flags bring along what their group is about.
    let about = program.get_about().cloned().unwrap_or_default();
    ConnectionArgs::augment_args(program).about(about)
}

/// Returns the program with all flags of all commands, and what help and completions say of them.
pub(crate) fn command_line() -> clap::Command {
    let mut program = program();
    program.build();
    documented(program)
}

/// Adds what a good command line is read without: the help of fields and settings, and what shells
/// complete the values of flags with.
fn documented(command: clap::Command) -> clap::Command {
    let with_help = |flag| setting_flags::with_help(request_flags::with_help(flag));
    command
        .mut_args(|flag| with_hint(with_help(flag)))
        .mut_subcommands(documented)
}

/// Sets what the value of a flag is, by its name. Without that, shells complete it as a file.
fn with_hint(flag: clap::Arg) -> clap::Arg {
    if flag.is_positional() || !flag.get_action().takes_values() {
        return flag;
    }
    let is_named = |part: &str| {
        let names = flag.get_value_names().unwrap_or_default();
        names.iter().any(|name| name.contains(part))
    };
    let hint = if is_named("FILE") || is_named("PATH") {
        ValueHint::FilePath
    } else if is_named("URL") {
        ValueHint::Url
    } else {
        ValueHint::Other
    };
    flag.value_hint(hint)
}

/// Writes a shell's completion script.
pub(crate) fn completion_script(shell: CompletionShell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(
        clap_complete::Shell::from(shell),
        &mut command_line(),
        "langdock",
        &mut script,
    );
    String::from_utf8(script)
        .expect("the names of commands and flags are ASCII, their descriptions UTF-8")
}
