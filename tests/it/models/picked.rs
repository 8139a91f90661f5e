//! The model that is used if nobody chose one: picked once, reported, kept, and replaced when the
//! region no longer has it.

use serde_json::json;

use super::{asked, listing, models, offering, send};
use crate::support::{
    command::{KEY, Langdock},
    events::answer,
    home::Home,
    reply::Reply,
    server::Server,
};

const MESSAGES: &str = "POST /anthropic/eu/v1/messages";
const LIST: &str = "GET /anthropic/eu/v1/models";

/// Returns the notice about a picked model.
fn named(model: &str) -> String {
    format!(
        "langdock: picked model {model} for region eu; `langdock config set model {model}` keeps it, \
         -m chooses another\n"
    )
}

#[test]
fn the_newest_sonnet_is_picked_named_and_kept() {
    let (server, home) = (
        listing(&["claude-opus-9", "claude-sonnet-4-5", "claude-sonnet-4-6"]),
        Home::new(),
    );
    let ask = || send(&server).home(&home).run();
    ask()
        .code(0)
        .stdout("ok\n")
        .stderr(&named("claude-sonnet-4-6"));
    ask().code(0).stdout("ok\n").stderr_empty();
    assert_eq!(
        asked(&server),
        [LIST, MESSAGES, MESSAGES],
        "the second run asks for no list"
    );
    assert_eq!(server.requests()[2].json()["model"], "claude-sonnet-4-6");
}

#[test]
fn the_request_for_the_list_is_shown_as_others_are_and_without_the_key() {
    let server = listing(&["claude-sonnet-5"]);
    let outcome = send(&server).args(["-vv"]).run();
    outcome.code(0).stdout("ok\n").stderr_lacks(KEY);
    outcome.stderr_contains(&format!(
        "> GET {}/anthropic/eu/v1/models?limit=1000\n",
        server.url()
    ));
    outcome.stderr_contains("> authorization: [API key]\n");
}

#[test]
fn a_pick_is_that_of_its_region() {
    let (server, home) = (listing(&["claude-sonnet-5"]), Home::new());
    send(&server).home(&home).run().code(0).stdout("ok\n");
    let outcome = send(&server).home(&home).args(["--region", "us"]).run();
    outcome
        .code(0)
        .stderr_contains("for region us; `langdock config set");
    assert_eq!(
        asked(&server)[2..],
        [
            "GET /anthropic/us/v1/models",
            "POST /anthropic/us/v1/messages"
        ]
    );
}

#[test]
fn with_a_model_given_no_list_is_asked_for_and_nothing_is_remembered() {
    let (server, home) = (listing(&["m"]), Home::new());
    send(&server)
        .home(&home)
        .args(["-m", "m"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    send(&server)
        .home(&home)
        .env("LANGDOCK_MODEL", "m")
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(asked(&server), [MESSAGES, MESSAGES]);
    assert!(!home.state().join("models").exists() && !home.state().join("picks").exists());
}

#[test]
fn on_a_terminal_a_pick_is_named_once_as_well() {
    let (server, home) = (listing(&["claude-sonnet-5"]), Home::new());
    let ask = || {
        let ask = send(&server).home(&home).stdin_null();
        ask.on_terminal(200, 24).finish()
    };
    ask().code(0).stdout(format!(
        "{}ok\r\n",
        named("claude-sonnet-5").replace('\n', "\r\n")
    ));
    ask().code(0).stdout("ok\r\n");
}

#[test]
fn the_name_of_a_family_stands_for_its_newest_model() {
    let ids = [
        "claude-3-haiku-20240307",
        "claude-haiku-4-5-20251001",
        "claude-sonnet-5",
        "claude-opus-4-1",
    ];
    let (server, home) = (listing(&ids), Home::new());
    let ask = |args: &[&str]| send(&server).home(&home).args(args).run();
    ask(&["-m", "haiku"]).code(0).stdout("ok\n").stderr_empty();
    ask(&["-m", "opus", "-v"])
        .code(0)
        .stderr_contains("model: opus is claude-opus-4-1");
    let config = Langdock::new().home(&home);
    config
        .args(["config", "set", "model", "sonnet"])
        .run()
        .code(0);
    ask(&[]).code(0).stdout("ok\n").stderr_empty();
    assert_eq!(asked(&server), [LIST, MESSAGES, MESSAGES, MESSAGES]);
    let models: Vec<_> = server.requests()[1..]
        .iter()
        .map(|request| request.json()["model"].clone())
        .collect();
    assert_eq!(
        models,
        [
            "claude-haiku-4-5-20251001",
            "claude-opus-4-1",
            "claude-sonnet-5"
        ]
    );
    let shown = ask(&["--dry-run", "-m", "haiku"]);
    shown
        .code(0)
        .stdout_contains("\"model\":\"claude-haiku-4-5-20251001\"");
    let counted = Langdock::new().key().against(&server).home(&home);
    let counted = counted.args(["count", "-m", "haiku", "Hi", "--json"]).run();
    assert_eq!(
        counted.code(0).stdout_json()["model"],
        "claude-haiku-4-5-20251001"
    );
}

#[test]
fn a_model_that_is_called_like_a_family_goes_before_it() {
    let server = listing(&["claude-haiku-4-5", "haiku"]);
    send(&server).args(["-m", "haiku"]).run().code(0);
    assert_eq!(server.requests()[1].json()["model"], "haiku");
}

#[test]
fn a_family_that_the_region_lacks_is_refused_with_what_there_is() {
    let server = listing(&["claude-haiku-4-5"]);
    let outcome = send(&server).args(["-m", "fable"]).run();
    outcome.stdout("").failed(
        2,
        "region `eu` offers no `fable` model",
        "choose another model with -m; the region has: claude-haiku-4-5",
    );
    assert_eq!(asked(&server), [LIST]);
}

#[test]
fn a_pick_that_is_gone_is_given_up_for_another_one_which_is_said() {
    let (old, new) = (
        ["claude-sonnet-4-5".to_owned()],
        ["claude-sonnet-5".to_owned(), "gpt-5".to_owned()],
    );
    let home = Home::new();
    let server =
        Server::start(move |request, nth| offering(if nth < 2 { &old } else { &new }, request));
    send(&server).home(&home).run().code(0).stdout("ok\n");
    let outcome = send(&server).home(&home).run();
    let gone = "langdock: model claude-sonnet-4-5 is no longer available in region eu; using claude-sonnet-5 instead\n";
    outcome.code(0).stdout("ok\n").stderr(gone);
    send(&server)
        .home(&home)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(
        asked(&server),
        [LIST, MESSAGES, MESSAGES, MESSAGES, MESSAGES]
    );
    let requests = server.requests();
    let (mut before, after) = (requests[2].json(), requests[3].json());
    before["model"] = json!("claude-sonnet-5");
    assert_eq!(before, after, "nothing but the model has changed");
    // The log has every request that was sent.
    let total = Langdock::new()
        .home(&home)
        .args(["usage", "--json"])
        .run()
        .code(0)
        .stdout_json()["total"]
        .clone();
    assert_eq!(
        (&total["requests"], &total["failed"]),
        (&json!(4), &json!(1))
    );
}

#[test]
fn no_third_model_is_tried() {
    let home = Home::new();
    let server = Server::start(|request, nth| {
        let ids = [format!("claude-sonnet-{nth}")];
        if request.method == "GET" {
            offering(&ids, request)
        } else {
            offering(&[ids[0].clone() + "-new"], request)
        }
    });
    let outcome = send(&server).home(&home).run();
    let failure = outcome.stdout("").failure(3);
    failure.says("Invalid model", "claude-sonnet-2-new");
    assert_eq!(asked(&server), [LIST, MESSAGES, MESSAGES]);
}

#[test]
fn a_model_that_was_chosen_is_never_replaced() {
    let server = listing(&["claude-sonnet-5"]);
    let outcome = send(&server).args(["-m", "claude-sonnet-4"]).run();
    outcome
        .stdout("")
        .failed(3, "Invalid model", "-m claude-sonnet-5");
    assert_eq!(asked(&server), [MESSAGES]);
}

#[test]
fn a_new_list_without_the_pick_makes_it_forgotten() {
    let home = Home::new();
    let (old, new) = (
        ["claude-sonnet-4-5".to_owned()],
        ["claude-sonnet-5".to_owned()],
    );
    let server =
        Server::start(move |request, nth| offering(if nth < 2 { &old } else { &new }, request));
    send(&server).home(&home).run().code(0).stdout("ok\n");
    models(&server)
        .home(&home)
        .args(["--refresh"])
        .run()
        .code(0)
        .stdout("claude-sonnet-5\n");
    send(&server)
        .home(&home)
        .run()
        .code(0)
        .stderr(&named("claude-sonnet-5"));
    assert_eq!(asked(&server), [LIST, MESSAGES, LIST, LIST, MESSAGES]);
}

#[test]
fn without_a_model_to_pick_what_there_is_is_told() {
    for (ids, message, hint) in [
        (
            &["gpt-5", "gpt-5-mini"][..],
            "offers no Claude models",
            "choose a model with -m; the region has: gpt-5, gpt-5-mini",
        ),
        (&[], "offers none for this key", "--region"),
    ] {
        let server = listing(ids);
        send(&server).run().stdout("").failed(2, message, hint);
        assert_eq!(asked(&server), [LIST]);
    }
}

#[test]
fn what_would_be_sent_has_the_pick_too() {
    let (server, home) = (listing(&["claude-sonnet-5"]), Home::new());
    for (flag, notice) in [
        ("--dry-run", named("claude-sonnet-5")),
        ("--curl", String::new()),
    ] {
        let outcome = send(&server).home(&home).args([flag]).run();
        outcome
            .code(0)
            .stdout_contains("\"model\":\"claude-sonnet-5\"")
            .stderr(&notice);
    }
    assert_eq!(asked(&server), [LIST]);
    let keyless = Langdock::new()
        .home(&home)
        .against(&server)
        .args(["send", "--dry-run", "Hi"])
        .run();
    keyless
        .code(0)
        .stdout_contains("\"model\":\"claude-sonnet-5\"")
        .stderr_empty();
}

#[test]
fn max_tokens_follows_the_limit_of_the_pick() {
    for (model, expected) in [
        (json!({"id": "claude-sonnet-5"}), 16_384),
        (
            json!({"id": "claude-sonnet-5", "max_tokens": 64_000}),
            16_384,
        ),
        (json!({"id": "claude-sonnet-5", "max_tokens": 500}), 500),
        (
            json!({"id": "claude-3-sonnet-20240229", "max_tokens": 8192}),
            4096,
        ),
    ] {
        let home = Home::new();
        let server = Server::start(move |request, _| match &*request.method {
            "GET" => Reply::json(200, &json!({ "data": [model] })),
            _ => Reply::sse(answer(&["ok"])),
        });
        for _ in 0..2 {
            send(&server).home(&home).run().code(0).stdout("ok\n");
        }
        let requests = server.requests();
        assert_eq!(requests[1].json()["max_tokens"], expected);
        assert_eq!(requests[2].json()["max_tokens"], expected);
    }
}

#[test]
fn a_home_that_takes_nothing_only_costs_a_list_each_time() {
    let (server, home) = (listing(&["claude-sonnet-5"]), Home::new());
    home.write(
        if cfg!(target_os = "macos") {
            "Library"
        } else {
            ".local"
        },
        "a file in the place of the directory",
    );
    let outcome = send(&server).home(&home).args(["--no-pace"]).run();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr(&named("claude-sonnet-5"));
    let told = send(&server).home(&home).args(["-v"]).run();
    told.code(0)
        .stdout("ok\n")
        .stderr_contains("* cannot cache the list of models: ");
    assert_eq!(asked(&server), [LIST, MESSAGES, LIST, MESSAGES]);
}

#[test]
fn the_built_in_endpoint_needs_no_model_and_leaves_nothing_behind() {
    let home = Home::new();
    let outcome = Langdock::new()
        .home(&home)
        .args(["send", "--demo", "Hi"])
        .run();
    outcome
        .code(0)
        .stdout_contains("instead of one from `claude-sonnet-5-5-default`")
        .stderr("langdock: demo: scripted answers, no model\n");
    assert!(!home.state().exists());
}

#[test]
fn a_model_of_the_seed_that_is_elsewhere_is_refused_before_sending() {
    let server = listing(&["claude-3-opus-20240229"]);
    let home = Home::new();
    let run = |args: &[&str]| {
        send(&server)
            .home(&home)
            .args(["-m", "claude-3-opus-20240229"])
            .args(args)
            .run()
    };
    for args in [&[][..], &["--dry-run"], &["--curl"]] {
        run(args).stdout("").failed(
            2,
            "`claude-3-opus-20240229` is not available in region `eu`",
            "--region us",
        );
    }
    assert_eq!(server.connections(), 0);
    run(&["--region", "us"])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    run(&["--base-url", &server.url()])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();

    models(&server)
        .home(&home)
        .run()
        .code(0)
        .stdout_contains("opus");
    run(&[]).code(0).stdout("ok\n").stderr_empty();
}
