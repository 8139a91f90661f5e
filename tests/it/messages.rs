//! The format of errors and hints: values are complete, and messages of the operating system appear
//! once and without their numbers.

use crate::support::{command::Langdock, home::Home};

#[test]
fn a_value_with_line_breaks_is_shown_whole_and_escaped() {
    for (args, expected) in [
        (
            &["send", "--stop", "\n\n", "q"][..],
            r"error: invalid value '\n\n' for '--stop <SEQ>': must not be blank",
        ),
        (
            &["send", "--temperature", "a\n\nb", "q"],
            r"error: invalid value 'a\n\nb' for '--temperature <X>': ",
        ),
        (
            &["usage", "--by", "\r\n\tday"],
            r"error: invalid value '\r\n\tday' for '--by <WHAT>'",
        ),
        (
            &["send", "--a\n\nb", "q"],
            r"error: unexpected argument '--a\n\nb' found",
        ),
        (&["a\nb"], r"error: unrecognised subcommand 'a\nb'"),
        (
            &["config", "set", "base_url", "a\n\nb"],
            r"the base URL `a\n\nb` does not begin with https://",
        ),
    ] {
        let outcome = Langdock::new().args(args).run();
        outcome.code(2).stdout("").stderr_contains(expected);
        assert_eq!(outcome.stderr.lines().count(), 2, "{outcome}");
    }
}

#[test]
fn an_error_of_the_operating_system_is_given_once_and_without_its_number() {
    for (args, expected) in [
        (
            &["send", "-f", "missing", "q"][..],
            "error: cannot read `missing`: No such file or directory\n",
        ),
        (
            &["send", "-f", "plain/x", "q"],
            "error: cannot read `plain/x`: Not a directory\n",
        ),
        (
            &["send", "--demo", "-o", "missing/x", "q"],
            "error: cannot write `missing/x`: No such file or directory\n",
        ),
        (
            &[
                "send",
                "--base-url",
                "http://127.0.0.1:1",
                "-m",
                "m",
                "--max-retries",
                "0",
                "q",
            ],
            "Connection refused\n",
        ),
    ] {
        let home = Home::new();
        home.write("work/plain", "");
        let outcome = Langdock::new().home(&home).key().args(args).run();
        outcome.stdout("").stderr_contains(expected);
        assert!(!outcome.stderr.contains("os error"), "{outcome}");
    }
}
