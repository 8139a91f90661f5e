//! One limit for many machines: a ledger on a server that all of them reach.

use std::{fs, thread, time::Duration};

use serde_json::Value;

use crate::pacing::limit;
use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, answer, error},
    home::Home,
    outcome::Outcome,
    redis::{AnswerFault, RedisServer},
    reply::Reply,
    sending::{answering, send},
    server::{DeadPort, Server},
    tls::TlsCertificate,
};

/// What is said of a request that waits for the second minute of one request a minute.
const QUEUED: &str = "within 1 request per minute";

/// Returns a machine whose config has these limits of the model, and these settings.
fn machine(limits: &str, settings: &str) -> Home {
    let home = Home::new();
    limit(&home, limits);
    let path = home.config().join("config.toml");
    let limits = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{settings}\n{limits}")).unwrap();
    home
}

/// Sends a prompt from a machine, and waits no longer than a second for its turn.
fn run(server: &Server, home: &Home, ledger: &str, args: &[&str]) -> Outcome {
    send(server)
        .home(home)
        .env("LANGDOCK_LEDGER", ledger)
        .args(["--timeout", "1s", "a secret prompt"])
        .args(args)
        .run()
}

#[test]
fn two_machines_have_one_limit() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let (first, second) = (machine("rpm = 1", ""), machine("rpm = 1", ""));
    let outcome = run(&server, &first, &redis.url(), &[]);
    outcome.code(0).stdout("ok\n").stderr_empty();
    let outcome = run(&server, &second, &redis.url(), &[]);
    outcome.code(6).stderr_contains(QUEUED);
    server.only_request();
}

#[test]
fn a_429_of_one_machine_holds_back_all() {
    let (server, redis) = (
        Server::start(|_, _| {
            let refusal = error("rate_limit_error", "too many").to_string();
            Reply::status(429).header("retry-after", "9").body(refusal)
        }),
        RedisServer::start(),
    );
    let (first, second) = (machine("rpm = 100", ""), machine("rpm = 100", ""));
    let args = ["--max-retries", "0"];
    run(&server, &first, &redis.url(), &args).code(7);
    let outcome = run(&server, &second, &redis.url(), &["--max-wait", "1s"]);
    outcome.code(7).stderr_contains("another");
    server.only_request();
}

#[test]
fn reported_limits_hold_for_all_machines() {
    let (server, redis) = (
        Server::start(|_, _| {
            let reply = Reply::sse(answer(&["ok"]));
            reply.header("x-ratelimit-limit-requests", "1")
        }),
        RedisServer::start(),
    );
    let (first, second) = (machine("rpm = 100", ""), machine("rpm = 100", ""));
    run(&server, &first, &redis.url(), &[])
        .code(0)
        .stderr_empty();
    let outcome = run(&server, &second, &redis.url(), &[]);
    outcome.code(6).stderr_contains(QUEUED);
}

#[test]
fn machines_with_different_keys_share_a_ledger_by_their_workspace() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let from = |key: &str, settings: &str| {
        let home = machine("rpm = 1", settings);
        let run = send(&server)
            .home(&home)
            .env("LANGDOCK_LEDGER", redis.url());
        let run = run.env("LANGDOCK_API_KEY", key);
        run.args(["--timeout", "1s", "Hi"]).run()
    };
    from("sk-ld-first-0123456789", "").code(0);
    from("sk-ld-second-0123456789", "").code(0);
    let workspace = "workspace = \"acme\"";
    from("sk-ld-first-0123456789", workspace).code(0);
    from("sk-ld-second-0123456789", workspace)
        .code(6)
        .stderr_contains(QUEUED);
    assert_eq!(redis.values().len(), 3);
}

#[test]
fn the_ledger_has_no_words_of_the_user_and_expires_by_itself() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let home = machine("rpm = 5", "workspace = \"acme\"");
    run(&server, &home, &redis.url(), &[]).code(0);
    let (key, lifetime) = redis.only_key();
    let name = key.strip_prefix("langdock:{").unwrap();
    let name = name.strip_suffix("}:book").unwrap();
    assert!(name.chars().all(|char| char.is_ascii_hexdigit()), "{key}");
    assert!((60_000..=90_000_000).contains(&lifetime), "{lifetime}");
    let bytes = &redis.values()[&key];
    for word in ["secret", "acme", MODEL, KEY, "ok"] {
        let has_it = bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes());
        assert!(!has_it, "{word}");
    }
}

#[test]
fn a_ledger_out_of_reach_is_told_once_and_the_machine_keeps_to_its_share() {
    let (server, port) = (answering("ok"), DeadPort::new());
    let ledger = format!("redis://{}", port.address());
    let home = machine("rpm = 2", "share = 0.5");
    let notice = format!("cannot use the shared ledger at {}: ", port.address());
    let share = "; this machine keeps to 50% of the limits until the ledger is back";
    let outcome = run(&server, &home, &ledger, &[]);
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr_contains(&notice)
        .stderr_contains(share);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    let outcome = run(&server, &home, &ledger, &[]);
    outcome
        .code(6)
        .stderr_contains(&notice)
        .stderr_contains(QUEUED);
    server.only_request();
}

/// Sends two prompts from a machine whose ledger is on such a server. The first one notices; the
/// second one does not even ask.
#[track_caller]
fn is_noticed_once(fault: AnswerFault, reason: &str) {
    let (server, redis) = (answering("ok"), RedisServer::with_fault(fault));
    let home = machine("rpm = 10", "share = 0.5");
    let run = || {
        let run = send(&server).home(&home);
        run.env("LANGDOCK_LEDGER", redis.url()).args(["Hi"]).run()
    };
    let notice = |reason: &str| {
        format!(
            "langdock: cannot use the shared ledger at {}: {reason}; this machine keeps to 50% of \
             the limits until the ledger is back\n",
            redis.address()
        )
    };
    run().code(0).stdout("ok\n").stderr(&notice(reason));
    let connections = redis.connections();
    let known = notice("it could not be reached a moment ago");
    run().code(0).stdout("ok\n").stderr(&known);
    assert_eq!(redis.connections(), connections);
}

#[test]
fn a_ledger_that_answers_slowly_is_noticed_once_and_not_waited_for_again() {
    let late = AnswerFault::Late(Duration::from_millis(1_200));
    is_noticed_once(late, "it takes longer than a second to answer");
}

#[test]
fn a_ledger_that_answers_by_half_is_noticed_once_and_not_waited_for_again() {
    is_noticed_once(AnswerFault::Half, "no answer within 2 s");
}

#[test]
fn a_ledger_that_never_answers_is_noticed_once_and_not_waited_for_again() {
    is_noticed_once(AnswerFault::Missing, "no answer within 2 s");
}

/// Returns how many requests of the model count.
#[track_caller]
fn counted_requests(server: &Server, home: &Home, ledger: &str) -> Value {
    let usage = Langdock::new().key().against(server).home(home);
    let usage = usage.env("LANGDOCK_MODEL", MODEL);
    let usage = usage.env("LANGDOCK_LEDGER", ledger);
    let outcome = usage.args(["usage", "--limits", "--json"]).run();
    outcome.code(0).stderr_empty().stdout_json()["models"][0]["requests"].clone()
}

#[test]
fn a_change_that_loses_a_race_is_made_again_with_the_newer_ledger() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let home = machine("rpm = 100", "");
    redis.lose_races(3);
    run(&server, &home, &redis.url(), &[])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(redis.races_left(), 0);
    assert_eq!(counted_requests(&server, &home, &redis.url()), 1);
}

#[test]
fn machines_that_send_at_once_are_all_counted() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let homes: Vec<Home> = (0..6).map(|_| machine("rpm = 100", "")).collect();
    thread::scope(|scope| {
        for home in &homes {
            scope.spawn(|| {
                let run = send(&server).home(home);
                let run = run.env("LANGDOCK_LEDGER", redis.url());
                run.args(["Hi"]).run().code(0).stdout("ok\n").stderr_empty();
            });
        }
    });
    assert_eq!(counted_requests(&server, &homes[0], &redis.url()), 6);
}

#[test]
fn a_server_that_has_lost_the_ledger_gets_it_back_from_the_machines() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let homes: Vec<Home> = (0..2).map(|_| machine("rpm = 100", "")).collect();
    for home in &homes {
        run(&server, home, &redis.url(), &[]).code(0).stderr_empty();
    }
    let (last, before) = (
        &homes[1],
        counted_requests(&server, &homes[0], &redis.url()),
    );
    assert_eq!(before, 2);
    redis.change(Vec::clear);
    run(&server, last, &redis.url(), &[]).code(0).stderr_empty();
    // Its own two, that of the other machine, and what others may have sent unseen.
    let after = counted_requests(&server, last, &redis.url());
    assert!(after.as_u64() >= Some(3 + 8), "{after}");
}

#[test]
fn a_batch_has_the_share_of_its_shard() {
    let (server, port) = (answering("ok"), DeadPort::new());
    let ledger = format!("redis://{}", port.address());
    let notice = |settings: &str, args: &[&str]| {
        let home = machine("rpm = 100", settings);
        let batch = Langdock::new().key().against(&server).home(&home);
        let batch = batch.env("LANGDOCK_MODEL", MODEL);
        let batch = batch
            .env("LANGDOCK_LEDGER", &ledger)
            .args(["batch", "{text}"]);
        let outcome = batch
            .args(args)
            .stdin_bytes("one\ntwo\nthree\nfour\n")
            .run();
        outcome.code(0);
        outcome.stderr
    };
    let told = notice("", &["--shard", "1/4"]);
    assert!(told.contains("keeps to 25% of the limits"), "{told}");
    let told = notice("share = 0.4", &["--shard", "1/4"]);
    assert!(told.contains("keeps to 40% of the limits"), "{told}");
    assert_eq!(told.matches("cannot use the shared ledger").count(), 1);
    let told = notice("", &[]);
    assert!(told.contains("counted for this machine alone"), "{told}");
}

#[test]
fn a_password_comes_from_the_url_or_a_command_and_is_never_shown() {
    let (server, redis) = (answering("ok"), RedisServer::with_password("hidden-pass"));
    let home = machine("rpm = 5", "");
    let good = redis.url_for(":hidden-pass");
    run(&server, &home, &good, &[]).code(0).stderr_empty();
    let command = "ledger_password_cmd = [\"echo\", \"hidden-pass\"]";
    let commanded = machine("rpm = 5", command);
    let outcome = run(&server, &commanded, &redis.url(), &[]);
    outcome.code(0).stderr_empty();
    for (ledger, settings, reason) in [
        (
            redis.url_for("u:hidden-wrong"),
            "",
            "rejected the user name",
        ),
        (redis.url(), "", "NOAUTH"),
        (
            redis.url(),
            "ledger_password_cmd = [\"sh\", \"-c\", \"echo no >&2; exit 3\"]",
            "`sh` (ledger_password_cmd) failed: exit status: 3: no",
        ),
    ] {
        let home = machine("rpm = 5", settings);
        let outcome = run(&server, &home, &ledger, &["-v"]);
        outcome.code(0).stderr_contains(reason);
        assert!(!outcome.stderr.contains("hidden"), "{outcome}");
    }
    let config = |args: &[&str]| {
        let config = Langdock::new().env("LANGDOCK_LEDGER", &good);
        config.args(["config"]).args(args).run()
    };
    let masked = redis.url_for("…");
    config(&["get", "ledger"])
        .code(0)
        .stdout(format!("{masked}\n"));
    let shown = config(&["show"]);
    shown.code(0).stdout_contains(&masked);
    assert!(!shown.stdout_text().contains("hidden"), "{shown}");
    let doctor = Langdock::new().env("LANGDOCK_LEDGER", &good);
    let args = ["doctor", "--base-url", "http://127.0.0.1:9"];
    let outcome = doctor.args(args).run();
    assert!(!outcome.stdout_text().contains("hidden"), "{outcome}");
}

#[test]
fn a_password_is_not_sent_unencrypted_to_another_machine() {
    let server = answering("ok");
    let home = machine("rpm = 5", "");
    let outcome = run(&server, &home, "redis://:hidden@redis.example", &[]);
    outcome.code(2).stdout("").stderr(
        "langdock: error: `LANGDOCK_LEDGER`: the password for `redis.example:6379` would be sent \
         unencrypted\nhint: use rediss:// in the URL, or set ledger_insecure = true in the config \
         file\n",
    );
    let outcome = run(&server, &home, "http://:hidden@redis.example", &[]);
    outcome
        .code(2)
        .stderr_contains("redis://[USER:PASSWORD@]HOST");
    assert!(!outcome.stderr.contains("hidden"), "{outcome}");
    assert!(server.requests().is_empty());
}

#[test]
fn an_encrypted_ledger_is_trusted_by_the_same_certificates_as_the_endpoint() {
    let certificate = TlsCertificate::valid();
    let (server, redis) = (answering("ok"), RedisServer::with_tls(&certificate));
    let home = machine("rpm = 5", "");
    let outcome = run(&server, &home, &redis.url(), &[]);
    outcome
        .code(0)
        .stderr_contains("cannot use the shared ledger at ")
        .stderr_contains("certificate");
    let home = machine("rpm = 5", "");
    let ca = certificate.ca_file().display().to_string();
    let outcome = run(&server, &home, &redis.url(), &["--cacert", &ca]);
    outcome.code(0).stderr_empty();
    assert_eq!(redis.values().len(), 1);
}

#[test]
fn a_ledger_of_a_newer_version_is_left_alone_and_a_damaged_one_is_replaced() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let new_machine = || machine("rpm = 5", "");
    run(&server, &new_machine(), &redis.url(), &[]).code(0);
    // The first eight bytes are the mark, its last character, the version, first.
    redis.change(|bytes| bytes[0] += 1);
    let newer = redis.values();
    let outcome = run(&server, &new_machine(), &redis.url(), &[]);
    outcome
        .code(0)
        .stderr_contains("the ledger was written by a newer version of langdock");
    assert_eq!(redis.values(), newer);
    redis.change(|bytes| *bytes = b"something else".to_vec());
    let outcome = run(&server, &new_machine(), &redis.url(), &[]);
    outcome
        .code(0)
        .stderr_contains("is damaged; starting a new one");
    let outcome = run(&server, &new_machine(), &redis.url(), &[]);
    outcome.code(0).stderr_empty();
}

#[test]
fn usage_shows_who_holds_what_in_a_shared_ledger_and_in_a_file() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let home = machine("rpm = 5\ntpm = 60000", "");
    let usage = |ledger: &str| {
        let usage = Langdock::new().key().against(&server).home(&home);
        let usage = usage.env("LANGDOCK_MODEL", MODEL);
        let usage = usage.env("LANGDOCK_LEDGER", ledger);
        let outcome = usage.args(["usage", "--limits", "--json"]).run();
        outcome.code(0).stderr_empty().stdout_json()
    };
    for (ledger, is_shared) in [(redis.url(), true), (String::new(), false)] {
        run(&server, &home, &ledger, &[]).code(0).stderr_empty();
        let limits = usage(&ledger);
        assert_eq!(limits["ledger"].is_string(), is_shared, "{limits}");
        let model = &limits["models"][0];
        assert_eq!(model["model"], MODEL);
        assert_eq!(model["limits"]["requests"], 5);
        assert_eq!(model["requests"], 1);
        assert_eq!(model["queued"], 0);
        assert!(model["tokens"].as_u64() > Some(0), "{model}");
        let holder = &model["holders"][0];
        assert_eq!(holder["machine"].is_string(), is_shared, "{holder}");
        assert_eq!(holder["this_machine"], true);
        assert!(holder["process"].as_u64() > Some(1), "{holder}");
    }
    let table = Langdock::new().key().against(&server).home(&home);
    let table = table
        .env("LANGDOCK_MODEL", MODEL)
        .args(["usage", "--limits"]);
    table
        .run()
        .code(0)
        .stderr_empty()
        .stdout_contains("this machine")
        .stdout_contains("limit per minute");
}

#[test]
fn doctor_looks_at_the_server_and_the_workspace() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let checks = |ledger: &str| {
        let doctor = Langdock::new().key().against(&server);
        let doctor = doctor.env("LANGDOCK_LEDGER", ledger);
        let report = doctor.args(["doctor", "--json"]).run().stdout_json();
        let checks = report["checks"].as_array().unwrap().clone();
        let named = move |name: &str| -> Value {
            let mut checks = checks.iter();
            let check = checks.find(|check| check["name"] == name);
            check.cloned().unwrap_or_default()
        };
        (named("ledger"), named("workspace"))
    };
    let (ledger, workspace) = checks(&redis.url());
    let found = ledger["found"].as_str().unwrap();
    let expected = format!("Redis 7.0.15 at {} answered in ", redis.address());
    assert!(found.starts_with(&expected), "{found}");
    assert!(found.contains("memory policy allkeys-lru"), "{found}");
    assert_eq!(
        (&ledger["state"], &workspace["state"]),
        (&"note".into(), &"note".into())
    );
    let port = DeadPort::new();
    let (ledger, _) = checks(&format!("redis://{}", port.address()));
    let found = ledger["found"].as_str().unwrap();
    assert!(
        found.starts_with(&format!("cannot use {}: ", port.address())),
        "{found}"
    );
    assert_eq!(checks(""), (Value::Null, Value::Null));
}

#[test]
fn nobody_connects_to_a_ledger_for_a_dry_run_an_unpaced_request_or_the_demo() {
    let (server, redis) = (answering("ok"), RedisServer::start());
    let home = machine("rpm = 5", "");
    run(&server, &home, &redis.url(), &["--dry-run"]).code(0);
    run(&server, &home, &redis.url(), &["--no-pace"]).code(0);
    run(&server, &home, &redis.url(), &["--demo"]).code(0);
    assert_eq!(redis.connections(), 0);
}
