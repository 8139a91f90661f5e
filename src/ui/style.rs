//! Colours of messages, which carry no information of their own.

use anstyle::{AnsiColor, Style};

/// Style of the word `error`.
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Style of the word `hint`.
pub(super) const HINT: Style = AnsiColor::Cyan.on_default();

/// The value of `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    /// Coloured on a terminal, unless the environment overrides it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether to colour a stream. `NO_COLOR` takes precedence over `CLICOLOR_FORCE`, as
/// <https://no-color.org> requires.
pub(crate) fn use_color(
    choice: ColorChoice,
    no_color: bool,
    force: bool,
    is_terminal: bool,
) -> bool {
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
    fn the_flag_overrides_the_environment_which_overrides_the_terminal() {
        for (choice, no_color, force, terminal, expected) in [
            (ColorChoice::Always, true, false, false, true),
            (ColorChoice::Never, false, true, true, false),
            (ColorChoice::Auto, true, true, true, false),
            (ColorChoice::Auto, false, true, false, true),
            (ColorChoice::Auto, false, false, true, true),
            (ColorChoice::Auto, false, false, false, false),
        ] {
            assert_eq!(use_color(choice, no_color, force, terminal), expected);
        }
    }
}
