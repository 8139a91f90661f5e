//! Environment variables: each has its effect, and a flag overrides it.

use crate::support::{
    command::{KEY, Langdock},
    events::error,
    home::Home,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
};

/// Returns the request of `send Hi` with this variable and these arguments.
#[track_caller]
fn request(variable: (&str, &str), args: &[&str]) -> Request {
    let server = answering("ok");
    send(&server)
        .env(variable.0, variable.1)
        .args(["Hi"])
        .args(args)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request()
}

#[test]
fn the_model_comes_from_the_environment_unless_a_flag_says_it() {
    assert_eq!(
        request(("LANGDOCK_MODEL", "of-env"), &[]).json()["model"],
        "of-env"
    );
    assert_eq!(
        request(("LANGDOCK_MODEL", "of-env"), &["-m", "of-flag"]).json()["model"],
        "of-flag"
    );
}

#[test]
fn the_region_comes_from_the_environment_unless_a_flag_says_it() {
    assert_eq!(
        request(("LANGDOCK_REGION", "us"), &[]).path,
        "/anthropic/us/v1/messages"
    );
    assert_eq!(
        request(("LANGDOCK_REGION", "us"), &["--region", "ch"]).path,
        "/anthropic/ch/v1/messages"
    );
}

#[test]
fn max_tokens_comes_from_the_environment_unless_a_flag_says_it() {
    assert_eq!(
        request(("LANGDOCK_MAX_TOKENS", "7"), &[]).json()["max_tokens"],
        7
    );
    assert_eq!(
        request(("LANGDOCK_MAX_TOKENS", "7"), &["--max-tokens", "8"]).json()["max_tokens"],
        8
    );
    assert_eq!(
        request(("LANGDOCK_MAX_TOKENS", "7"), &["--set", "max_tokens=9"]).json()["max_tokens"],
        9
    );
}

#[test]
fn max_wait_comes_from_the_environment_unless_a_flag_says_it() {
    let busy = || {
        Server::start(|_, nth| match nth {
            0 => Reply::json(429, &error("rate_limit_error", "Later.")).header("retry-after-ms", 2),
            _ => Reply::sse(crate::support::events::answer(&["ok"])),
        })
    };
    let server = busy();
    send(&server)
        .env("LANGDOCK_MAX_WAIT", "1ms")
        .args(["Hi"])
        .run()
        .code(7)
        .stdout("");
    assert_eq!(server.requests().len(), 1);
    let server = busy();
    send(&server)
        .env("LANGDOCK_MAX_WAIT", "1ms")
        .args(["Hi", "--max-wait", "1m"])
        .run()
        .code(0)
        .stdout("ok\n");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn the_key_comes_from_the_environment_unless_a_flag_names_a_file() {
    let home = Home::new();
    let file = home.write("key", "sk-ld-of-file\n");
    let args = ["--api-key-file", file.to_str().unwrap()];
    assert_eq!(
        request(("LANGDOCK_API_KEY", KEY), &[]).header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
    assert_eq!(
        request(("LANGDOCK_API_KEY", KEY), &args).header("authorization"),
        Some("Bearer sk-ld-of-file")
    );
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let request = request(("LANGDOCK_REGION", ""), &[]);
    assert_eq!(request.path, "/anthropic/eu/v1/messages");
}

#[test]
fn a_variable_that_cannot_be_read_is_named() {
    let server = answering("ok");
    for (name, value) in [
        ("LANGDOCK_REGION", "E U"),
        ("LANGDOCK_BASE_URL", "nowhere"),
        ("LANGDOCK_MAX_TOKENS", "many"),
        ("LANGDOCK_MAX_WAIT", "long"),
    ] {
        let outcome = send(&server).env(name, value).args(["Hi"]).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains(&format!("`{name}`"))
            .stderr_contains(value);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn without_a_key_all_ways_to_give_one_are_named_and_nothing_is_sent() {
    let server = answering("ok");
    let outcome = Langdock::new()
        .against(&server)
        .args(["send", "-m", "m", "Hi"])
        .run();
    outcome
        .code(4)
        .stdout("")
        .stderr_contains("langdock: error: no API key\nhint: ");
    outcome
        .stderr_contains("LANGDOCK_API_KEY")
        .stderr_contains("--api-key-file")
        .stderr_contains("--demo");
    outcome
        .stderr_contains("langdock auth login")
        .stderr_contains("api_key_cmd");
    assert_eq!(server.connections(), 0);
}

#[test]
fn variables_of_other_programs_have_no_effect() {
    let server = answering("ok");
    let run = send(&server)
        .env("ANTHROPIC_API_KEY", "sk-ant-other")
        .env("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
        .env("ANTHROPIC_MODEL", "other")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1");
    run.args(["Hi"]).run().code(0).stdout("ok\n").stderr_empty();
    assert_eq!(
        server.only_request().header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
}
