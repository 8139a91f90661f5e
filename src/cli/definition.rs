//! The whole of the command line as clap's own value, for everything but a good command line: help,
//! mistakes, completions and man pages.

use clap::{Args, CommandFactory, ValueHint};

use super::{Cli, Connection, Shell, request_flags, setting_flags};

/// Returns the program with the flags that may stand before a command's name. The commands get their
/// own flags once clap builds them.
pub(super) fn program() -> clap::Command {
    let program = Cli::command();
    // Flags bring along what their group is about.
    let about = program.get_about().cloned().unwrap_or_default();
    Connection::augment_args(program).about(about)
}

/// Returns the program with all flags of all commands, and what help and completions say of them.
pub(crate) fn command_line() -> clap::Command {
    let mut program = program();
    program.build();
    documented(program)
}

/// Adds the help of fields and settings. Of values that are not said to be files it says that they
/// are none, or shells would complete them as such.
fn documented(command: clap::Command) -> clap::Command {
    let with_hint = |arg: clap::Arg| {
        let may_be_a_file = arg.is_positional() || arg.get_value_hint() != ValueHint::Unknown;
        let is_switch = !arg.get_action().takes_values();
        if may_be_a_file || is_switch {
            arg
        } else {
            arg.value_hint(ValueHint::Other)
        }
    };
    command
        .mut_args(|arg| with_hint(setting_flags::with_help(request_flags::with_help(arg))))
        .mut_subcommands(documented)
}

/// Writes a shell's completion script.
pub(crate) fn completion_script(shell: Shell) -> String {
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
