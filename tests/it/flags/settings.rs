//! Arguments of the commands for settings and the key.

use super::Row;
use crate::support::{
    command::{KEY, Langdock},
    home::Home,
};

/// The arguments of `config` and `auth`.
pub(super) const ROWS: &[Row] = &[
    (&["config show"], "--json", |_| show_json()),
    (&["config get"], "KEY", |_| get_key()),
    (&["config set"], "KEY", |_| {
        sets("max_tokens", "9", "max_tokens = 9\n");
    }),
    (&["config set"], "VALUE", |_| {
        sets("region", "us", "region = \"us\"\n");
    }),
    (&["config unset"], "KEY", |_| unsets()),
    (&["auth status"], "--json", |_| status_json()),
];

fn show_json() {
    let as_text = Langdock::new().args(["config", "show"]).run();
    as_text.code(0).stderr_empty().stdout_contains("region ");
    assert!(!as_text.stdout_text().starts_with('{'));
    let outcome = Langdock::new().args(["config", "show", "--json"]).run();
    assert_eq!(
        outcome.code(0).stderr_empty().stdout_json()["settings"]["region"]["value"],
        "eu"
    );
}

fn get_key() {
    for (key, value) in [("region", "eu\n"), ("max_retries", "8\n"), ("model", "")] {
        Langdock::new()
            .args(["config", "get", key])
            .run()
            .code(0)
            .stdout(value)
            .stderr_empty();
    }
}

fn sets(key: &str, value: &str, expected: &str) {
    let home = Home::new();
    Langdock::new()
        .home(&home)
        .args(["config", "set", key, value])
        .run()
        .code(0)
        .stdout("")
        .stderr_empty();
    assert_eq!(
        std::fs::read_to_string(home.config().join("config.toml")).unwrap(),
        expected
    );
}

fn unsets() {
    let home = Home::new();
    let file = home.config().join("config.toml");
    home.write(&file, "region = 'us'\nmodel = 'm'\n");
    Langdock::new()
        .home(&home)
        .args(["config", "unset", "region"])
        .run()
        .code(0)
        .stdout("")
        .stderr_empty();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "model = 'm'\n");
}

fn status_json() {
    let as_text = Langdock::new().key().args(["auth", "status"]).run();
    as_text
        .code(0)
        .stderr_empty()
        .stdout_contains("sk-ld-…6789");
    let object = Langdock::new()
        .key()
        .args(["auth", "status", "--json"])
        .run()
        .code(0)
        .stderr_empty()
        .stdout_json();
    assert_eq!(object["key"], "sk-ld-…6789");
    assert!(!as_text.stdout_text().contains(KEY));
}
