//! `langdock models`: lists that are fetched, cached, empty, paginated or invalid.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::json;

use super::{listing, models};
use crate::support::{
    command::{KEY, Langdock},
    events::error,
    home::Home,
    reply::Reply,
    server::Server,
};

/// Starts a server with a list like that of Langdock's endpoint.
fn full() -> Server {
    let data = json!([
        {"id": "claude-sonnet-4-6-default", "type": "model", "display_name": "Claude Sonnet 4.6",
         "created_at": "2025-01-15T00:00:00Z", "max_input_tokens": 1_000_000, "max_tokens": 64_000, "x": [1.5]},
        {"id": "claude-3-haiku-20240307"},
    ]);
    Server::start(move |_, _| Reply::json(200, &json!({"data": data, "has_more": false})))
}

#[test]
fn the_list_is_asked_for_as_an_answer_is_but_without_a_body() {
    let server = full();
    let outcome = models(&server).args(["--region", "us"]).run();
    let expected = "claude-sonnet-4-6-default  Claude Sonnet 4.6  2025-01-15  1,000,000 in  64,000 out\n\
                    claude-3-haiku-20240307                                     200,000 in   4,096 out\n";
    outcome.code(0).stdout(expected).stderr_empty();
    let request = server.only_request();
    assert_eq!(
        (&*request.method, &*request.path),
        ("GET", "/anthropic/us/v1/models?limit=1000")
    );
    assert_eq!(
        request.header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(request.headers_named("content-type"), Vec::<&str>::new());
    assert!(request.body.is_empty());
}

#[test]
fn as_json_the_list_is_what_the_server_said_and_where_it_is_from() {
    let (server, home) = (full(), Home::new());
    let first = models(&server)
        .home(&home)
        .args(["--json"])
        .run()
        .code(0)
        .stderr_empty()
        .stdout_json();
    assert_eq!(first["data"][0]["x"], json!([1.5]));
    assert_eq!(first["data"][1], json!({"id": "claude-3-haiku-20240307"}));
    assert_eq!(
        first["langdock"],
        json!({"region": "eu", "cached": false, "age_s": 0, "learned": {}})
    );
    let second = models(&server)
        .home(&home)
        .args(["--json"])
        .run()
        .code(0)
        .stderr_empty()
        .stdout_json();
    assert_eq!(
        (&second["data"], &second["langdock"]["cached"]),
        (&first["data"], &json!(true))
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_remembered_list_says_so_and_is_that_of_its_key_and_region_only() {
    let (server, home) = (listing(&["a"]), Home::new());
    let run = || models(&server).home(&home);
    run().run().code(0).stdout("a\n").stderr_empty();
    run()
        .run()
        .code(0)
        .stdout("a\n")
        .stderr_contains(" ago; --refresh updates it\n");
    assert_eq!(server.requests().len(), 1);
    run()
        .env("LANGDOCK_API_KEY", "sk-ld-other")
        .run()
        .code(0)
        .stdout("a\n")
        .stderr_empty();
    run()
        .args(["--region", "us"])
        .run()
        .code(0)
        .stdout("a\n")
        .stderr_empty();
    assert_eq!(server.requests().len(), 3);
    run()
        .args(["--refresh"])
        .run()
        .code(0)
        .stdout("a\n")
        .stderr_empty();
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_list_is_remembered_for_its_owner_alone_and_without_the_key() {
    let (server, home) = (listing(&["a"]), Home::new());
    models(&server).home(&home).run().code(0).stdout("a\n");
    let files: Vec<_> = fs::read_dir(home.state().join("models"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("one file: {files:?}")
    };
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(file).unwrap();
    assert!(
        !text.contains(KEY) && !file.to_string_lossy().contains(KEY),
        "{text}"
    );
}

#[test]
fn an_empty_list_is_explained_and_not_remembered() {
    let (server, home) = (listing(&[]), Home::new());
    for requests in 1..=2 {
        let outcome = models(&server).home(&home).args(["--region", "us"]).run();
        outcome
            .code(0)
            .stdout("")
            .stderr_contains("langdock: region `us` offers no models for this key: ");
        assert_eq!(server.requests().len(), requests);
    }
}

#[test]
fn all_pages_are_asked_for() {
    let server = Server::start(|request, nth| match nth {
        0 => Reply::json(
            200,
            &json!({"data": [{"id": "a"}, {"id": "b"}], "has_more": true, "last_id": "b"}),
        ),
        1 => Reply::json(503, &error("api_error", "Later.")).header("retry-after-ms", 1),
        _ => {
            assert!(
                request.path.ends_with("/v1/models?limit=1000&after_id=b"),
                "{}",
                request.path
            );
            Reply::json(200, &json!({"data": [{"id": "c"}], "has_more": false}))
        }
    });
    models(&server)
        .run()
        .code(0)
        .stdout("a\nb\nc\n")
        .stderr_contains("retrying in 0.0 s");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_server_that_does_not_turn_the_page_is_asked_once_more_only() {
    let server =
        Server::start(|_, _| Reply::json(200, &json!({"data": [{"id": "a"}], "has_more": true})));
    models(&server).run().code(0).stdout("a\n").stderr_empty();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn what_is_no_list_is_a_failure_of_the_server() {
    for body in [
        json!({"models": []}),
        json!([]),
        json!({"data": null}),
        json!({"error": {"message": "nothing here"}}),
    ] {
        let server = Server::start(move |_, _| Reply::json(200, &body));
        models(&server).run().stdout("").failed(
            5,
            "the response is not a list of models",
            "--base-url",
        );
        assert_eq!(server.requests().len(), 1);
    }
    let html = Server::start(|_, _| Reply::status(200).body("<html><title>Welcome</title></html>"));
    models(&html)
        .run()
        .stdout("")
        .failed(5, "an HTML page titled \"Welcome\"", "--base-url");
}

#[test]
fn a_refused_key_and_a_lost_path_are_told_as_for_an_answer() {
    for (status, kind, code, hint) in [
        (401, "authentication_error", 4, "support@langdock.com"),
        (404, "not_found_error", 3, "choose a model with -m"),
    ] {
        let server =
            Server::start(move |_, _| Reply::json(status, &error(kind, &format!("no {KEY}"))));
        let outcome = models(&server).args(["--json"]).run();
        let failure = outcome.stdout("").stderr_lacks(KEY).failure(code);
        failure.says(&format!("HTTP {status}"), hint);
        assert_eq!(failure.object["error"]["status"], status);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &error("rate_limit_error", "Later.")).header("retry-after-ms", 1),
        1 => Reply::status(200)
            .header("content-length", 50)
            .body("{\"data\": [{\"id\": \"lost\"")
            .close(),
        _ => Reply::json(200, &json!({"data": [{"id": "a"}]})),
    });
    models(&server)
        .args(["--max-wait", "1m"])
        .run()
        .code(0)
        .stdout("a\n")
        .stderr_contains("HTTP 429");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_signal_ends_the_waiting_for_a_list() {
    let server = Server::start(|_, _| Reply::never());
    let running = models(&server).spawn();
    server.wait_for_requests(1);
    running.signal(Signal::SIGINT);
    running
        .finish()
        .signal(2)
        .stdout("")
        .stderr("langdock: error: interrupted\n");
    server.wait_for_hang_ups(1);
}

#[test]
fn without_a_key_nothing_is_asked() {
    let server = listing(&["a"]);
    let outcome = Langdock::new().against(&server).args(["models"]).run();
    outcome
        .stdout("")
        .failed(4, "no API key", "LANGDOCK_API_KEY");
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_built_in_endpoint_has_a_list_too_and_nothing_is_remembered_of_it() {
    let home = Home::new();
    let outcome = Langdock::new()
        .home(&home)
        .args(["models", "--demo", "--region", "us"])
        .run();
    outcome
        .code(0)
        .stderr("langdock: demo: scripted answers, no model\n");
    outcome.stdout_contains(
        "claude-3-opus-20240229      Claude 3 Opus      2024-02-29    200,000 in    4,096 out\n",
    );
    assert!(!home.state().exists());
    let both = Langdock::new()
        .args(["--demo", "models", "--base-url", "http://127.0.0.1:1"])
        .run();
    both.code(2).stderr_contains("'--demo' cannot be used with");
}

#[test]
fn a_home_that_takes_nothing_does_no_harm() {
    let (server, home) = (listing(&["a"]), Home::new());
    home.write(
        if cfg!(target_os = "macos") {
            "Library"
        } else {
            ".local"
        },
        "a file in the place of the directory",
    );
    for _ in 0..2 {
        models(&server)
            .home(&home)
            .run()
            .code(0)
            .stdout("a\n")
            .stderr_empty();
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn numbers_keep_their_digits_in_a_fetched_list_and_in_a_cached_one() {
    let model = r#"{"id":"a","price":1.10,"serial":123456789012345678901}"#;
    let server = Server::start(move |_, _| {
        Reply::status(200)
            .header("content-type", "application/json")
            .body(format!(r#"{{"data": [{model}]}}"#))
    });
    let home = Home::new();
    for _ in 0..2 {
        let listed = models(&server).home(&home).args(["--json"]).run();
        listed
            .code(0)
            .stdout_contains(&format!("{{\"data\":[{model}],"));
    }
    assert_eq!(server.requests().len(), 1);
}
