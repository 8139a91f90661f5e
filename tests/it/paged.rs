//! Long output on a terminal goes through the user's pager, as git's does.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{command::Langdock, home::Home};

/// A home with a pager that numbers the lines, and its path.
fn home_with_pager() -> (Home, String) {
    let home = Home::new();
    let script =
        "#!/bin/sh\necho \"LESS is $LESS, key is <$LANGDOCK_API_KEY>\"\nsed 's/^/paged: /'\n";
    let path = home.write("bin/mypager", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (home, path.to_str().unwrap().to_owned())
}

#[test]
fn long_text_goes_through_the_pager_and_short_text_does_not() {
    let (home, pager) = home_with_pager();
    let help = |topic: &str, rows: u16| {
        let run = Langdock::new().home(&home).key().env("PAGER", &pager);
        run.args(["help", topic]).on_terminal(80, rows).finish()
    };
    let long = help("exit-codes", 24);
    long.code(0)
        .stdout_contains("LESS is FRX, key is <>")
        .stdout_contains("paged: Exit codes");
    let short = help("regions", 24);
    assert!(!short.code(0).stdout_text().contains("paged:"));
    let tall = help("exit-codes", 200);
    assert!(!tall.code(0).stdout_text().contains("paged:"));
}

#[test]
fn every_command_with_long_output_pages_it() {
    let (home, pager) = home_with_pager();
    let prompt = "line\n\n".repeat(40);
    let sent = Langdock::new().home(&home).stdin_bytes(prompt);
    let saved = sent.args(["--demo", "send", "--session", "long"]).run();
    saved.code(0);
    for args in [
        &["--demo", "session", "show", "long"][..],
        &["--demo", "session", "show", "long", "--raw"],
        &["--demo", "session", "list"],
        &["--demo", "models"],
        &["--demo", "models", "--long"],
        &["config", "show"],
        &["send", "--help"],
        &["help", "config"],
        &["help", "environment"],
    ] {
        let run = Langdock::new().home(&home).env("PAGER", &pager).args(args);
        let outcome = run.on_terminal(80, 2).finish();
        assert!(
            outcome.code(0).stdout_text().contains("paged: "),
            "{args:?}"
        );
    }
}

#[test]
fn no_pager_means_none_and_a_pipe_gets_the_text() {
    let (home, pager) = home_with_pager();
    for none in ["", "cat"] {
        let run = Langdock::new().home(&home).env("PAGER", none);
        let outcome = run.args(["help", "config"]).on_terminal(80, 5).finish();
        outcome.code(0).stdout_contains("Keys of the config file");
    }
    let piped = Langdock::new().home(&home).env("PAGER", &pager);
    let outcome = piped.args(["help", "config"]).run();
    outcome.code(0).stderr_empty();
    assert!(!outcome.stdout_text().contains("paged:"));
    let object = Langdock::new().home(&home).env("PAGER", &pager);
    let outcome = object
        .args(["config", "show", "--json"])
        .on_terminal(80, 5)
        .finish();
    assert!(!outcome.code(0).stdout_text().contains("paged:"));
}

#[test]
fn a_pager_that_cannot_be_run_is_named_and_the_text_printed() {
    let run = Langdock::new().env("PAGER", "no-such-pager -x");
    let outcome = run.args(["help", "config"]).on_terminal(80, 5).finish();
    outcome
        .code(0)
        .stdout_contains("cannot run the pager `no-such-pager -x`")
        .stdout_contains("Keys of the config file");
}
