//! `doctor` checks what a request needs: every problem is reported on its own line, with a hint and
//! an exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::{
    models::listing,
    support::{
        command::{KEY, Langdock},
        events::error,
        home::Home,
        reply::Reply,
        server::Server,
    },
};

/// Returns the state and the hint of a finding in `doctor --json`.
#[track_caller]
fn found(findings: &Value, name: &str) -> (String, String) {
    let mut checks = findings["checks"].as_array().unwrap().iter();
    let check = checks
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no `{name}` in {findings}"));
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("hint"))
}

#[test]
fn with_an_empty_home_it_says_how_to_get_a_key_and_makes_nothing() {
    let home = Home::new();
    let server = Server::start(|_, _| Reply::json(401, &error("authentication_error", "No.")));
    let doctor = Langdock::new().home(&home).against(&server);
    let outcome = doctor.args(["doctor"]).run();
    outcome
        .code(4)
        .stdout_contains("wrong  key")
        .stdout_contains("hint: set LANGDOCK_API_KEY");
    outcome.stdout_contains("ok     region            eu");
    outcome
        .stdout_contains("ok     connection        127.0.0.1:")
        .stdout_contains("ok     TLS               not needed for this machine")
        .stdout_contains("note   models            skipped: no key\n");
    assert_eq!(server.only_request().header("authorization"), None);
    let hint = "hint: see the hints above, then run `langdock doctor` again\n";
    outcome.stderr(&format!("langdock: error: 1 problem found\n{hint}"));
    assert!(!home.config().exists() && !home.state().exists());
}

#[test]
fn with_everything_in_place_it_is_well() {
    let server = listing(&["claude-sonnet-5"]);
    let doctor = || Langdock::new().key().against(&server).args(["doctor"]);
    let outcome = doctor().env("LANGDOCK_MODEL", "claude-sonnet-5").run();
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("including claude-sonnet-5");
    assert!(
        !outcome.stdout_text().contains("wrong") && !outcome.stdout_text().contains(KEY),
        "{outcome}"
    );
    for (model, found) in [
        ("sonnet", "1, with claude-sonnet-5 for `sonnet`"),
        ("opus", "1, but none for `opus`"),
        (
            "sonet-5",
            "1, not including the chosen sonet-5; did you mean `claude-sonnet-5`?",
        ),
    ] {
        let outcome = doctor().env("LANGDOCK_MODEL", model).run();
        outcome.code(0).stdout_contains(found);
    }
    let findings = doctor()
        .env("LANGDOCK_MODEL", "claude-sonet-5")
        .args(["--json"])
        .run()
        .code(0)
        .stdout_json();
    assert_eq!(findings["healthy"], true);
    assert_eq!(found(&findings, "models").0, "note");
    Langdock::new()
        .against(&server)
        .args(["--demo", "doctor"])
        .run()
        .code(0)
        .stdout_contains("/v1/messages (--demo)\n")
        .stderr("langdock: demo: scripted answers, no model\n");
}

#[test]
fn a_refused_key_and_an_endpoint_that_is_not_there_have_their_codes() {
    let server = Server::start(|_, _| Reply::json(401, &error("authentication_error", "No.")));
    let outcome = Langdock::new()
        .key()
        .against(&server)
        .args(["doctor"])
        .run();
    outcome
        .code(4)
        .stdout_contains("wrong  models")
        .stdout_contains("hint: check the key");
    assert_eq!(server.requests().len(), 1, "it is asked once");
    let outcome = Langdock::new()
        .key()
        .args(["doctor", "--base-url", "http://127.0.0.1:9"])
        .run();
    outcome
        .code(6)
        .stdout_contains("wrong  connection")
        .stdout_contains("hint: ");
    let outcome = Langdock::new()
        .key()
        .args(["doctor", "--region", "no region"])
        .run();
    outcome.code(2).stdout_contains("wrong  settings");
}

#[test]
fn a_clock_that_is_off_and_a_directory_that_others_may_look_into_are_told() {
    let home = Home::new();
    let list = json!({"data": [{"id": "m"}]});
    let server = Server::start(move |_, _| {
        Reply::json(200, &list).header("date", "Sat, 01 Jan 2000 00:00:00 GMT")
    });
    fs::create_dir_all(home.state()).unwrap();
    fs::set_permissions(home.state(), fs::Permissions::from_mode(0o755)).unwrap();
    let outcome = Langdock::new()
        .home(&home)
        .key()
        .against(&server)
        .args(["doctor", "--json"])
        .run();
    let findings = outcome.code(0).stdout_json();
    assert_eq!(found(&findings, "clock").0, "note");
    assert_eq!(
        found(&findings, "state directory"),
        (
            "note".to_owned(),
            format!("chmod 700 {}", home.state().display())
        )
    );
}

#[test]
fn a_file_where_conversations_are_to_be_kept_is_told() {
    let (home, server) = (Home::new(), listing(&["claude-sonnet-5"]));
    let file = home.write(home.data(), "");
    let outcome = Langdock::new()
        .key()
        .against(&server)
        .home(&home)
        .args(["doctor"])
        .run();
    outcome
        .code(1)
        .stdout_contains("wrong  data directory")
        .stdout_contains("langdock is not a directory\n");
    outcome.stdout_contains(&format!(
        "hint: move it out of the way: mv {0} {0}.old\n",
        file.display()
    ));
}

#[test]
fn a_bad_config_file_is_told_with_what_else_there_is() {
    let home = Home::new();
    fs::create_dir_all(home.config()).unwrap();
    fs::write(home.config().join("config.toml"), "regoin = \"eu\"\n").unwrap();
    let outcome = Langdock::new().home(&home).key().args(["doctor"]).run();
    outcome
        .code(2)
        .stdout_contains("line 1")
        .stdout_contains("did you mean `region`?")
        .stdout_contains("terminal");
}
