//! Colours of messages. Everything reads the same without them.

use anstyle::{AnsiColor, Style};

/// The word `error`.
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// The word `hint`.
pub(super) const HINT: Style = AnsiColor::Cyan.on_default();

/// What `--color` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether to colour a stream. `NO_COLOR` goes before `CLICOLOR_FORCE`, as <https://no-color.org>
/// asks for.
pub(crate) fn colored(choice: ColorChoice, no_color: bool, force: bool, is_terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => !no_color && (force || is_terminal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_the_terminal() {
        for (choice, no_color, force, terminal, expected) in [
            (ColorChoice::Always, true, false, false, true),
            (ColorChoice::Never, false, true, true, false),
            (ColorChoice::Auto, true, true, true, false),
            (ColorChoice::Auto, false, true, false, true),
            (ColorChoice::Auto, false, false, true, true),
            (ColorChoice::Auto, false, false, false, false),
        ] {
            assert_eq!(colored(choice, no_color, force, terminal), expected);
        }
    }
}
