//! The API key: where it comes from, that it is only sent to its host, and that it is never shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::support::{
    command::{KEY, Langdock},
    events::MODEL,
    home::Home,
    outcome::Outcome,
    pty::{CTRL_C, CTRL_D},
    request::Request,
    sending::answering,
    server::Server,
};

/// Runs `langdock auth` for a server with this stdin.
fn auth(home: &Home, server: &Server, args: &[&str], stdin: &str) -> Outcome {
    Langdock::new()
        .home(home)
        .against(server)
        .args(["auth"])
        .args(args)
        .stdin_bytes(stdin)
        .run()
}

/// Begins `send Hi` to a server without a key.
fn keyless(home: &Home, server: &Server) -> Langdock {
    Langdock::new()
        .home(home)
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .args(["send", "Hi"])
}

/// Writes a config file for a server, with a command that prints the key.
fn with_command(home: &Home, server: &Server, script: &str) {
    fs::create_dir_all(home.config()).unwrap();
    let text = format!(
        "base_url = '{}'\nmodel = 'm'\napi_key_cmd = ['sh', '-c', '''{script}''']\n",
        server.url()
    );
    fs::write(home.config().join("config.toml"), text).unwrap();
}

/// Returns the path of the stored key for a server.
fn stored(home: &Home, server: &Server) -> PathBuf {
    home.config()
        .join("keys")
        .join(format!("http+{}", server.address()))
}

/// Returns the key in a request.
fn key_of(request: &Request) -> String {
    request
        .header("authorization")
        .unwrap_or_default()
        .trim_start_matches("Bearer ")
        .to_owned()
}

fn mode(path: impl AsRef<std::path::Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_stored_key_goes_to_its_host_and_to_no_other() {
    let (home, own, other) = (Home::new(), answering("ok"), answering("ok"));
    let outcome = auth(&home, &own, &["login"], &format!("  {KEY}\n"));
    outcome
        .code(0)
        .stdout("")
        .stderr_contains(&own.address().to_string())
        .stderr_lacks(KEY);
    keyless(&home, &own)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(key_of(&own.only_request()), KEY);
    let elsewhere = format!(
        "the stored key is for `{}`, and is not sent to other hosts",
        own.url()
    );
    keyless(&home, &other)
        .run()
        .failed(4, &elsewhere, "langdock auth login");
    keyless(&home, &own)
        .args(["--base-url", &other.base_url()])
        .run()
        .failed(4, "no API key", "auth login");
    assert_eq!(other.connections(), 0);

    auth(&home, &other, &["login"], "sk-ld-the-other-one-1234").code(0);
    keyless(&home, &other)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(key_of(&other.only_request()), "sk-ld-the-other-one-1234");
    keyless(&home, &own)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(key_of(&own.requests()[1]), KEY);
}

#[test]
fn login_keeps_the_key_for_its_owner_and_writes_over_an_older_one() {
    let (home, server) = (Home::new(), answering("ok"));
    auth(&home, &server, &["login"], "sk-ld-old-0123456789").code(0);
    let path = stored(&home, &server);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    auth(&home, &server, &["login"], KEY).code(0);
    assert_eq!(
        (fs::read_to_string(&path).unwrap(), mode(&path)),
        (format!("{KEY}\n"), 0o600)
    );
}

#[test]
fn what_is_no_key_is_not_stored() {
    let (home, server) = (Home::new(), answering("ok"));
    for (text, reason) in [
        ("", "empty"),
        (" \n", "empty"),
        ("two words\n", "it contains a space"),
        (
            "sk-ld-one-0123456789\nsk-ld-two-0123456789\n",
            "it contains",
        ),
    ] {
        auth(&home, &server, &["login"], text).failed(2, reason, "a key looks like");
    }
    assert!(!home.config().exists());
}

#[test]
fn on_a_terminal_the_key_is_asked_for_and_not_shown() {
    let (home, server) = (Home::new(), answering("ok"));
    let terminal = Langdock::new()
        .home(&home)
        .against(&server)
        .args(["auth", "login"])
        .on_terminal(80, 24);
    terminal.wait_for("API key for ").wait_for_no_echo();
    terminal.keys(&format!("{KEY}\r"));
    let outcome = terminal.finish();
    outcome.code(0).stdout_contains("stored the key for");
    assert!(!outcome.stdout_text().contains(KEY), "{outcome}");
    assert_eq!(
        fs::read_to_string(stored(&home, &server)).unwrap(),
        format!("{KEY}\n")
    );

    let terminal = Langdock::new()
        .home(&home)
        .against(&server)
        .args(["auth", "login"])
        .on_terminal(80, 24);
    terminal.wait_for("API key for ").wait_for_no_echo();
    terminal.keys(CTRL_C);
    terminal.finish().signal(Signal::SIGINT as i32);

    let run = Langdock::new()
        .home(&home)
        .against(&server)
        .env("NO_COLOR", "1")
        .args(["auth", "login"]);
    let terminal = run.on_terminal(80, 24);
    terminal.wait_for("API key for ").wait_for_no_echo();
    terminal.keys(CTRL_D);
    terminal
        .finish()
        .code(2)
        .stdout_contains("\nlangdock: error: no key was entered, so none was stored");
}

#[test]
fn status_says_which_key_is_used_and_logout_forgets_it() {
    let (home, server) = (Home::new(), answering("ok"));
    auth(&home, &server, &["status"], "").failed(4, "no API key", "langdock auth login");
    auth(&home, &server, &["logout"], "")
        .code(0)
        .stdout("")
        .stderr_contains("there is no stored key for");
    auth(&home, &server, &["login"], KEY).code(0);
    let outcome = auth(&home, &server, &["status"], "");
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("sk-ld-…6789")
        .stdout_contains("auth login, ");
    outcome.stdout_contains(&server.address().to_string());
    let run = Langdock::new()
        .home(&home)
        .against(&server)
        .env("LANGDOCK_API_KEY", "sk-ld-environment-4321");
    let object = run
        .args(["auth", "status", "--json"])
        .run()
        .code(0)
        .stderr_empty()
        .stdout_json();
    assert_eq!(
        (object["key"].as_str(), object["origin"].as_str()),
        (Some("sk-ld-…4321"), Some("LANGDOCK_API_KEY"))
    );
    assert_eq!(object["host"], server.url());
    auth(&home, &server, &["logout"], "")
        .code(0)
        .stdout("")
        .stderr_contains("removed the key for");
    assert!(!stored(&home, &server).exists());
    keyless(&home, &server)
        .run()
        .failed(4, "no API key", "--demo");
    let failure = auth(&home, &server, &["status", "--json"], "").failure(4);
    assert_eq!(failure.object["error"]["kind"], "auth");
}

#[test]
fn a_stored_key_that_others_may_read_is_refused_with_what_to_run() {
    let (home, server) = (Home::new(), answering("ok"));
    auth(&home, &server, &["login"], KEY).code(0);
    let path = stored(&home, &server);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let hint = format!("chmod 600 {}", path.display());
    keyless(&home, &server)
        .run()
        .failed(4, "is readable by other users", &hint);
    auth(&home, &server, &["status"], "").failed(4, "is readable by other users", &hint);
    assert_eq!(server.connections(), 0);
    keyless(&home, &server)
        .key()
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn a_command_gives_the_key_when_a_request_needs_it_and_not_before() {
    let (home, server) = (Home::new(), answering("ok"));
    let ran = home.path().join("ran");
    with_command(
        &home,
        &server,
        &format!("cat; echo x >>{}; echo \" {KEY} \"", ran.display()),
    );
    let run = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(args)
            .stdin_bytes("what is piped in")
            .run()
    };
    for args in [
        &["send", "--dry-run", "Hi"][..],
        &["send", "--curl", "Hi"],
        &["config", "show"],
        &["auth", "status"],
        &["--demo", "send", "-m", "claude-3-haiku-20240307", "Hi"],
    ] {
        assert_eq!(run(args).code, Some(0), "{args:?}");
    }
    assert!(!ran.exists());
    run(&["send", "Hi"]).code(0).stdout("ok\n").stderr_empty();
    assert_eq!(key_of(&server.only_request()), KEY);
    let given = Langdock::new()
        .home(&home)
        .env("LANGDOCK_API_KEY", "sk-ld-environment-4321")
        .args(["send", "Hi"])
        .run();
    given.code(0).stdout("ok\n").stderr_empty();
    assert_eq!(key_of(&server.requests()[1]), "sk-ld-environment-4321");
    assert_eq!(fs::read_to_string(ran).unwrap(), "x\n");
}

#[test]
fn a_command_that_gives_no_key_is_an_error_with_what_it_said() {
    let (home, server) = (Home::new(), answering("ok"));
    let run = || Langdock::new().home(&home).args(["send", "Hi"]).run();
    with_command(
        &home,
        &server,
        "echo >&2; echo locked >&2; echo more >&2; exit 3",
    );
    run().failed(
        4,
        "cannot get the API key: `sh` (api_key_cmd) failed: exit status: 3: locked",
        "yourself",
    );
    with_command(
        &home,
        &server,
        &format!("echo word-of-key-{KEY}; echo word-of-key-{KEY} {KEY} >&2; exit 3"),
    );
    run()
        .failed(4, "exit status: 3: [API key] [API key]", "yourself")
        .stderr_lacks(&KEY[6..]);
    with_command(&home, &server, "yes");
    run().failed(4, "it printed more than 8192 bytes", "yourself");
    with_command(&home, &server, "exec sleep 20");
    let limited = Langdock::new().home(&home);
    let limited = limited.args(["send", "--timeout", "1s", "Hi"]).run();
    limited.failed(4, "it took longer than 1", "yourself");
    with_command(&home, &server, "echo");
    run().failed(4, "it printed nothing", "yourself");
    with_command(&home, &server, "echo two words");
    run().failed(2, "`api_key_cmd` in `", "a key looks like");
    let text = format!(
        "base_url = '{}'\nmodel = 'm'\napi_key_cmd = ['/nowhere/pass']\n",
        server.url()
    );
    fs::write(home.config().join("config.toml"), text).unwrap();
    run().failed(
        4,
        "cannot get the API key: `/nowhere/pass` (api_key_cmd) failed: No such file",
        "yourself",
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_commanded_key_goes_to_the_host_of_its_config_only() {
    let (home, own, other) = (Home::new(), answering("ok"), answering("ok"));
    with_command(&home, &own, &format!("echo {KEY}"));
    let outcome = keyless(&home, &other).run();
    outcome.failed(
        4,
        &format!("no API key for `{}`", other.url()),
        "set `base_url` in the same table as `api_key_cmd`",
    );
    outcome.stderr_contains(&own.address().to_string());
    Langdock::new()
        .home(&home)
        .args(["send", "Hi", "--base-url", &other.url()])
        .run()
        .failed(4, "no API key", "--api-key-file");
    assert_eq!((own.connections(), other.connections()), (0, 0));
    auth(&home, &other, &["login"], "sk-ld-the-other-one-1234").code(0);
    keyless(&home, &other)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(key_of(&other.only_request()), "sk-ld-the-other-one-1234");
}

#[test]
fn a_command_that_takes_its_time_does_not_hold_up_ctrl_c() {
    let (home, server) = (Home::new(), answering("ok"));
    Langdock::shell("mkfifo started release")
        .home(&home)
        .run()
        .code(0);
    let (started, release) = (home.work().join("started"), home.work().join("release"));
    with_command(
        &home,
        &server,
        &format!("echo >{}; cat <{}", started.display(), release.display()),
    );
    let running = Langdock::new().home(&home).args(["send", "Hi"]).spawn();
    // The pipe reaches its end once the command has written to it.
    fs::read(&started).unwrap();
    running.signal(Signal::SIGINT);
    running.finish().signal(Signal::SIGINT as i32);
    fs::write(&release, "").unwrap();
}
