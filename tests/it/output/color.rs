//! Colour of messages: the flag, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether there is a
//! terminal.

use crate::support::sending::{answering, send};

/// Returns whether the error about a missing prompt is coloured in a pipe.
#[track_caller]
fn is_coloured(flag: Option<&str>, variables: &[(&str, &str)]) -> bool {
    let server = answering("ok");
    let mut run = send(&server);
    for (name, value) in variables {
        run = run.env(name, value);
    }
    let outcome = run
        .args(flag.iter().flat_map(|when| ["--color", when]))
        .run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("error")
        .stderr_contains("no prompt\n");
    outcome.stderr.contains('\u{1b}')
}

#[test]
fn colour_in_a_pipe_goes_by_flag_then_environment() {
    for (flag, variables, expected) in [
        (None, &[][..], false),
        (Some("auto"), &[], false),
        (Some("always"), &[], true),
        (Some("always"), &[("NO_COLOR", "1")], true),
        (Some("never"), &[("CLICOLOR_FORCE", "1")], false),
        (None, &[("CLICOLOR_FORCE", "1")], true),
        (None, &[("CLICOLOR_FORCE", "0")], false),
        (None, &[("CLICOLOR_FORCE", "")], false),
        (None, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
        (None, &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")], true),
    ] {
        assert_eq!(
            is_coloured(flag, variables),
            expected,
            "{flag:?} {variables:?}"
        );
    }
}

#[test]
fn colour_on_a_terminal_goes_by_flag_then_environment() {
    let server = answering("ok");
    for (args, no_color, expected) in [
        (&[][..], "", true),
        (&["--color", "never"], "", false),
        (&[], "1", false),
        (&["--color", "always"], "1", true),
    ] {
        let outcome = send(&server)
            .env("NO_COLOR", no_color)
            .stdin_null()
            .args(args)
            .on_terminal(80, 24)
            .finish();
        outcome.code(2).stdout_contains("no prompt");
        assert_eq!(outcome.stdout.contains(&0x1b), expected, "{outcome}");
    }
}

#[test]
fn a_coloured_message_is_the_plain_one_with_styles() {
    let server = answering("ok");
    let plain = send(&server).run();
    let coloured = send(&server).args(["--color", "always"]).run();
    let mut text = String::new();
    for (n, part) in coloured.stderr.split('\u{1b}').enumerate() {
        text += if n == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        };
    }
    plain.stderr(&text);
}
