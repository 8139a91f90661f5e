//! The connection flags: where a request goes, over which connection, with which key, and the
//! timeouts.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use super::{Row, asking, good};
use crate::models::{listing, models};
use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, answer, error},
    gate::Gate,
    home::Home,
    reply::Reply,
    sending::{answering, send},
    server::Server,
    tls::TlsCertificate,
};

/// An address reserved for documentation, which nobody has.
const NOWHERE: &str = "http://192.0.2.1/anthropic/{region}";

/// The connection flags, tested with `send`. Every command that talks to the endpoint has them: see
/// `CONNECTED` for the others.
pub(super) const ROWS: &[Row] = &[
    (&[""], "--region", |_| region()),
    (&[""], "--base-url", |_| base_url()),
    (&[""], "--profile", |_| profile()),
    (&[""], "--api-key-file", |_| api_key_file()),
    (&[""], "--connect-timeout", |_| connect_timeout()),
    (&[""], "--idle-timeout", |_| {
        gives_up("--idle-timeout", "no data received for 0.2 s");
    }),
    (&[""], "--timeout", |_| {
        gives_up("--timeout", "the answer was not complete within 0.2 s");
    }),
    (&[""], "--max-retries", |_| {
        stops_trying(&["--max-retries", "0"], 503, 5);
    }),
    (&[""], "--max-wait", |_| {
        stops_trying(&["--max-wait", "0s"], 429, 7);
    }),
    (&[""], "--no-pace", |_| no_pace()),
    (&[""], "--proxy", |_| proxy()),
    (&[""], "--cacert", |_| cacert()),
    (&[""], "--allow-http", |_| allow_http()),
    (&[""], "--demo", |_| demo()),
    (&[""], "--record", |_| record_and_replay()),
    (&[""], "--replay", |_| record_and_replay()),
    (&[""], "--replay-pace", |_| replay_pace()),
];

/// Shows that the flags take effect: requests go to the region given after the command's name.
pub(super) fn goes_to_the_region(command: &str) {
    let server = match command {
        "models" => listing(&["a"]),
        _ => answering("ok"),
    };
    let run = match command {
        "models" => models(&server),
        command => asking(command, &server).args(["Hi"]),
    };
    run.args(["--region", "us"]).run().code(0);
    assert!(
        server.only_request().path.starts_with("/anthropic/us/"),
        "{command}"
    );
}

/// Shows that the flags reach `config set`, which only uses the profile.
pub(super) fn sets_the_profile(_: &str) {
    let home = Home::new();
    Langdock::new()
        .home(&home)
        .args(["config", "set", "region", "us", "--profile", "work"])
        .run()
        .code(0);
    let written = std::fs::read_to_string(home.config().join("config.toml")).unwrap();
    assert_eq!(written, "[profiles.work]\nregion = \"us\"\n");
}

/// Shows that the flags reach `config unset`, which only uses the profile.
pub(super) fn unsets_in_the_profile(_: &str) {
    let home = Home::new();
    let file = home.config().join("config.toml");
    home.write(&file, "region = 'eu'\n[profiles.work]\nregion = 'us'\n");
    Langdock::new()
        .home(&home)
        .args(["config", "unset", "region", "--profile", "work"])
        .run()
        .code(0);
    let written = std::fs::read_to_string(file).unwrap();
    assert_eq!(written, "region = 'eu'\n[profiles.work]\n");
}

/// Shows that the flags take effect even if nothing is sent: an invalid region is refused by name.
pub(super) fn shows_the_region(command: &str) {
    let words = match command {
        "config get" => "config get region",
        command => command,
    };
    let outcome = Langdock::new()
        .key()
        .args(words.split(' '))
        .args(["--region", "no region"])
        .run();
    outcome.code(2).stdout("").stderr_contains("region");
}

/// Shows that the flags take effect where the region is part of the JSON output.
pub(super) fn shows_the_region_in_json(command: &str) {
    let args = [
        command,
        "--region",
        "us",
        "--base-url",
        "http://127.0.0.1:9/{region}",
    ];
    let outcome = Langdock::new().args(args).run();
    outcome.code(4).stdout_contains("us (--region)");
}

fn region() {
    for (args, path) in [
        (&[][..], "/anthropic/eu/v1/messages"),
        (&["--region", "us"], "/anthropic/us/v1/messages"),
    ] {
        let server = answering("ok");
        good("send", &server, args).stderr_empty();
        assert_eq!(server.only_request().path, path);
    }
}

fn base_url() {
    let (of_variable, of_flag) = (answering("ok"), answering("ok"));
    good(
        "send",
        &of_variable,
        &["--base-url", &format!("{}/other", of_flag.url())],
    )
    .stderr_empty();
    assert_eq!(of_variable.connections(), 0);
    assert_eq!(of_flag.only_request().path, "/other/v1/messages");
    good("send", &of_variable, &[]).stderr_empty();
    assert_eq!(of_variable.requests().len(), 1);
}

fn profile() {
    let (server, home) = (answering("ok"), Home::new());
    std::fs::create_dir_all(home.config()).unwrap();
    std::fs::write(
        home.config().join("config.toml"),
        "[profiles.work]\nregion = 'us'\n",
    )
    .unwrap();
    for args in [&[][..], &["--profile", "work"]] {
        send(&server)
            .home(&home)
            .args(["Hi"])
            .args(args)
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
    }
    let paths: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(
        paths,
        ["/anthropic/eu/v1/messages", "/anthropic/us/v1/messages"]
    );
}

fn api_key_file() {
    let (server, home) = (answering("ok"), Home::new());
    let file = home.write("key", "sk-ld-from-a-file\n");
    good("send", &server, &[]).stderr_empty();
    good("send", &server, &["--api-key-file", file.to_str().unwrap()]).stderr_empty();
    let keys: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(
        keys,
        [
            format!("Bearer {KEY}"),
            "Bearer sk-ld-from-a-file".to_owned()
        ]
    );
}

/// Uses a listener that never accepts: once its queue is full, the system leaves further
/// connections unanswered.
///
/// If the system refuses them instead, connecting fails before any timeout, and only the output of
/// `--curl` shows the value.
fn connect_timeout() {
    let server = answering("ok");
    good("send", &server, &["--curl"]).stdout_contains("--connect-timeout 5 ");
    good("send", &server, &["--curl", "--connect-timeout", "50ms"])
        .stdout_contains("--connect-timeout 0.05 ");

    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let waiting = fill(address);
    let args = [
        "--connect-timeout",
        "50ms",
        "--max-retries",
        "0",
        "--base-url",
    ];
    let outcome = send(&server)
        .args(["Hi"])
        .args(args)
        .args([format!("http://{address}")])
        .run();
    outcome
        .code(6)
        .stdout("")
        .stderr_contains("error: no connection within 0.05 s\n");
    drop(waiting);
}

/// Connects until two consecutive attempts are not answered.
fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let (mut waiting, mut unanswered) = (vec![], 0);
    while unanswered < 2 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => unanswered += 1,
        }
    }
    waiting
}

/// Asserts that the flag ends the wait for a silent server, and that without the flag the wait
/// continues.
fn gives_up(flag: &str, reason: &str) {
    let gate = Gate::new();
    let theirs = gate.clone();
    let slow = Server::start(move |_, _| Reply::sse(answer(&["ok"])).hold_head(&theirs));
    let running = send(&slow).args(["Hi"]).spawn();
    slow.wait_for_requests(1);

    // The other request keeps waiting while this one times out.
    let silent = Server::start(|_, _| Reply::never());
    let outcome = send(&silent)
        .args(["Hi", "--max-retries", "0", flag, "200ms"])
        .run();
    outcome
        .code(6)
        .stdout("")
        .stderr_contains(reason)
        .stderr_contains(flag);

    gate.open();
    running.finish().code(0).stdout("ok\n").stderr_empty();
}

/// Asserts that a transient failure is final with the flag, and is overcome without it.
fn stops_trying(args: &[&str], status: u16, code: i32) {
    let script = move |_: &_, nth| match nth {
        0 => Reply::json(status, &error("api_error", "Later.")).header("retry-after-ms", 1),
        _ => Reply::sse(answer(&["ok"])),
    };
    let server = Server::start(script);
    send(&server)
        .args(["Hi"])
        .args(args)
        .run()
        .code(code)
        .stdout("")
        .stderr_contains(&format!("HTTP {status}"));
    assert_eq!(server.requests().len(), 1);

    let server = Server::start(script);
    send(&server)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_contains("retrying in 0.0 s");
    assert_eq!(server.requests().len(), 2);
}

/// Begins a request to a host that only a proxy could reach.
fn to_nowhere() -> Langdock {
    Langdock::new().key().env("LANGDOCK_MODEL", MODEL).args([
        "send",
        "Hi",
        "--max-retries",
        "0",
        "--base-url",
        NOWHERE,
    ])
}

fn no_pace() {
    let (server, home) = (answering("ok"), Home::new());
    crate::pacing::limit(&home, "rpm = 1");
    let run = |args: &[&str]| {
        send(&server)
            .home(&home)
            .args(["Hi", "--timeout", "200ms"])
            .args(args)
            .run()
    };
    run(&[]).code(0).stdout("ok\n").stderr_empty();
    run(&[]).code(6).stdout("");
    run(&["--no-pace"]).code(0).stdout("ok\n").stderr_empty();
}

fn proxy() {
    let proxy = answering("ok");
    to_nowhere()
        .args(["--allow-http", "--connect-timeout", "50ms"])
        .run()
        .code(6)
        .stdout("");
    assert_eq!(proxy.connections(), 0);
    to_nowhere()
        .args(["--allow-http", "--proxy", &proxy.url()])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(
        proxy.only_request().path,
        "http://192.0.2.1/anthropic/eu/v1/messages"
    );
}

fn allow_http() {
    let proxy = answering("ok");
    let refused = to_nowhere().args(["--proxy", &proxy.url()]).run();
    refused
        .code(2)
        .stdout("")
        .stderr_contains("plain http")
        .stderr_contains("--allow-http");
    assert_eq!(proxy.connections(), 0);
    to_nowhere()
        .args(["--proxy", &proxy.url(), "--allow-http"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(proxy.requests().len(), 1);
}

fn cacert() {
    let certificate = TlsCertificate::valid();
    let server = Server::start_tls(|_, _| Reply::sse(answer(&["ok"])), &certificate);
    send(&server)
        .args(["Hi", "--max-retries", "0"])
        .run()
        .code(6)
        .stdout("");
    assert!(server.requests().is_empty());
    good(
        "send",
        &server,
        &["--cacert", certificate.ca_file().to_str().unwrap()],
    )
    .stdout("ok\n")
    .stderr_empty();
}

fn record_and_replay() {
    let (server, home) = (answering("ok"), Home::new());
    let run = |flags: &[&str]| send(&server).home(&home).args(["Hi"]).args(flags).run();
    run(&[]).code(0);
    assert!(!home.work().join("r").exists());
    run(&["--record", "r"])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert!(home.work().join("r").exists());
    assert_eq!(server.requests().len(), 2);
    run(&["--replay", "r"])
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(server.requests().len(), 2);
}

fn replay_pace() {
    let (server, home) = (answering("ok"), Home::new());
    let run = |flags: &[&str]| send(&server).home(&home).args(["Hi"]).args(flags).run();
    run(&["--record", "r"]).code(0);
    // As if it had taken a minute.
    let path = home.work().join("r");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("\"after_ms\":").unwrap();
    let (_, after) = after.split_once(',').unwrap();
    std::fs::write(&path, format!("{before}\"after_ms\":60000,{after}")).unwrap();
    let replay = ["--replay", "r", "--timeout", "200ms", "--replay-pace"];
    run(&[&replay[..], &["fast"]].concat())
        .code(0)
        .stdout("ok\n");
    let late = run(&[&replay[..], &["real"]].concat());
    late.code(6)
        .stdout("")
        .stderr_contains("not complete within 0.2 s");
}

fn demo() {
    let server = answering("ok");
    good(
        "send",
        &server,
        &["--model", "claude-3-haiku-20240307", "--demo"],
    )
    .stdout_contains("This is a scripted answer");
    assert_eq!(server.connections(), 0);
    good("send", &server, &["--model", "claude-3-haiku-20240307"])
        .stdout("ok\n")
        .stderr_empty();
}
