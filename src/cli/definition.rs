//! The complete definition of the command line, for help, errors, completions and man pages. A
//! valid command line is parsed without it.

use clap::{Args, CommandFactory, ValueHint};

use super::{Cli, CompletionShell, ConnectionArgs, request_flags, setting_flags};

/// Returns the program with the flags that can precede a command's name. clap adds the flags of
/// each command lazily.
pub(super) fn program() -> clap::Command {
    let program = Cli::command();
    // Flattened flags would replace the description with that of their group.
    let about = program.get_about().cloned().unwrap_or_default();
    ConnectionArgs::augment_args(program).about(about)
}

/// Returns the program with all flags of all commands, and with their help and completions.
pub(crate) fn command_line() -> clap::Command {
    let mut program = program();
    program.build();
    documented(program)
}

/// Adds what a valid command line is parsed without: the help of fields and settings, and
/// completion hints for the values of flags.
fn documented(command: clap::Command) -> clap::Command {
    let with_help = |flag| setting_flags::with_help(request_flags::with_help(flag));
    command
        .mut_args(|flag| with_hint(with_help(flag)))
        .mut_subcommands(documented)
}

/// Sets the completion hint for the value of a flag. By default, shells complete it as a file.
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

/// Returns a shell's completion script. Those of bash, fish and zsh ask the program for candidates;
/// the others have all flags in them.
pub(crate) fn completion_script(shell: CompletionShell) -> String {
    let generator = match shell {
        CompletionShell::Bash => return include_str!("../../completions/langdock.bash").to_owned(),
        CompletionShell::Fish => return include_str!("../../completions/langdock.fish").to_owned(),
        CompletionShell::Zsh => return include_str!("../../completions/_langdock").to_owned(),
        CompletionShell::Elvish => clap_complete::Shell::Elvish,
        CompletionShell::Pwsh => clap_complete::Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut command_line(), "langdock", &mut script);
    String::from_utf8(script)
        .expect("the names of commands and flags are ASCII, their descriptions UTF-8")
}
