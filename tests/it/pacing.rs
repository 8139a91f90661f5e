//! The limits that all processes share: who waits, for how long, and what is said about it.

use std::fs;

use crate::support::{
    events::{answer, error},
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Writes the limits of the model that the tests ask.
pub(crate) fn limit(home: &Home, limits: &str) {
    fs::create_dir_all(home.config()).unwrap();
    let text = format!("[limits.\"{}\"]\n{limits}\n", crate::support::events::MODEL);
    fs::write(home.config().join("config.toml"), text).unwrap();
}

fn run(server: &Server, home: &Home, args: &[&str]) -> Outcome {
    send(server).home(home).args(["Hi"]).args(args).run()
}

#[test]
fn the_second_request_of_a_minute_waits_where_one_is_allowed() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    run(&server, &home, &[]).code(0).stdout("ok\n").stderr_empty();
    let waits = run(&server, &home, &["--timeout", "200ms"]);
    waits.code(6).stdout("").stderr_contains("within 1 request a minute").stderr_contains("sending in about ");
    run(&server, &home, &["--no-pace"]).code(0).stdout("ok\n").stderr_empty();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_429_holds_the_next_process_back_and_its_wait_counts() {
    let home = Home::new();
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "later")).header("retry-after", 60),
        _ => Reply::sse(answer(&["ok"])),
    });
    run(&server, &home, &["--max-retries", "0"]).code(7);
    let held = run(&server, &home, &["--max-wait", "10s", "--json"]);
    held.code(7).stdout("").stderr_contains("HTTP 429").stderr_contains("--max-wait");
    server.only_request();
    run(&server, &home, &["--no-pace"]).code(0).stdout("ok\n");
}

#[test]
fn a_machine_without_limits_and_429s_keeps_no_book() {
    let (server, home) = (answering("ok"), Home::new());
    run(&server, &home, &[]).code(0).stderr_empty();
    assert!(!home.state().join("pace").exists());
}

#[test]
fn a_book_that_cannot_be_used_is_told_and_the_request_goes_out() {
    let (server, home) = (answering("ok"), Home::new());
    limit(&home, "rpm = 1");
    fs::create_dir_all(home.state()).unwrap();
    fs::write(home.state().join("pace"), "no folder").unwrap();
    for _ in 0..2 {
        run(&server, &home, &[]).code(0).stdout("ok\n").stderr_contains("requests are not paced");
    }
}
