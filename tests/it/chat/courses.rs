//! Random courses of a conversation at the prompt, against the scripted endpoint and its rules: what
//! was said, undone, copied or refused before, each further request is accepted.

use std::fs;

use serde_json::Value;

use super::{ENTER, leave, wait_for_prompt};
use crate::support::{command::Langdock, home::Home, serving::Serving};
use crate::tools::toml;

/// Removes what is on the line: a message that was refused is offered again.
const CTRL_U: &str = "\x15";

/// What a user types in a course. More than half of it asks something.
const LINES: [&str; 17] = [
    "Look it up",
    "And then?",
    "Count the lines",
    "Thanks",
    "Draw it",
    "/undo",
    "/retry",
    "/fork",
    "/new",
    "/compact",
    "/system Be brief.",
    "/system -",
    "/thinking auto",
    "/thinking off",
    "/model claude-opus-5-5-default",
    "/model claude-haiku-4-5-20251001",
    "/model claude-sonnet-5-default",
];

/// Plays a course, and checks each of its requests.
fn play(seed: u64) {
    let (home, server_home) = (Home::new(), Home::new());
    home.write("work/t.toml", toml("look_up", "echo found", ""));
    let serving = Serving::start_in(
        &server_home,
        &[
            "--fail",
            "400:0.2",
            "--seed",
            &seed.to_string(),
            "--log",
            "log.jsonl",
        ],
    );
    let chat = Langdock::new()
        .key()
        .env("LANGDOCK_BASE_URL", &serving.base_url)
        .env("LANGDOCK_MODEL", "claude-opus-5-default")
        .env("NO_COLOR", "1")
        .home(&home)
        .args(["chat", "-T", "./t.toml", "-y"]);
    let terminal = chat.on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    let mut choice = seed;
    for step in 0..14 {
        // The generator of Knuth's MMIX.
        choice = choice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let line = LINES[usize::try_from(choice >> 33).unwrap() % LINES.len()];
        terminal.keys(CTRL_U).keys(line).keys(ENTER);
        wait_for_prompt(&terminal, step + 2);
    }
    terminal.keys(CTRL_U);
    let outcome = leave(terminal);
    outcome.code(0);
    serving.end();
    let log = fs::read_to_string(server_home.work().join("log.jsonl")).unwrap();
    let mut accepted = 0;
    for line in log.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        let is_injected = !request["fault"].is_null();
        let is_accepted = request["status"] == 200;
        assert!(
            is_accepted || is_injected,
            "course {seed}: {line}\n{outcome}"
        );
        accepted += usize::from(is_accepted);
    }
    assert!(accepted > 0, "course {seed} has sent nothing");
}

#[test]
fn no_request_is_refused_by_a_rule() {
    for seed in 1..=5 {
        play(seed);
    }
}
