//! The program's own files are for its user alone, and files that others may have written decide
//! nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::sys::{signal::Signal, stat::Mode};

use crate::support::{
    command::Langdock, events::MODEL, home::Home, reply::Reply, running::Running,
    sending::answering, server::Server,
};

/// Returns the files below a directory with their modes.
fn modes(directory: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(modes(&path));
        } else if metadata.is_file() {
            found.push((path, metadata.mode() & 0o777));
        }
    }
    found
}

fn send(home: &Home, server: &Server) -> Langdock {
    Langdock::new()
        .home(home)
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .args(["send", "Hi"])
}

#[test]
fn every_file_that_is_kept_has_mode_0600_whatever_the_umask() {
    for umask in ["000", "077", "0777"] {
        let (server, home) = (answering("ok"), Home::new());
        let limits = "[limits.\"claude-test\"]\nrpm = 100\ntpm = 100000\n";
        home.write(home.config().join("config.toml"), limits);
        fs::set_permissions(
            home.config().join("config.toml"),
            Permissions::from_mode(0o600),
        )
        .unwrap();
        // The umask takes rights from new directories, too; only root works in them then.
        let directories = if umask == "0777" { "umask 077; " } else { "" };
        let script = format!(
            "{directories}umask {umask}; langdock auth login < key && langdock send --session s Hi"
        );
        home.write("work/key", "sk-ld-0123456789");
        for directory in [home.state(), home.data(), home.config().join("keys")] {
            fs::create_dir_all(directory.join("sessions/journals")).unwrap();
            fs::create_dir_all(directory.join("pace")).unwrap();
        }
        let outcome = Langdock::shell(&script)
            .home(&home)
            .against(&server)
            .env("LANGDOCK_MODEL", "claude-test")
            .run();
        outcome.code(0).stdout("ok\n");
        let modes = [home.config(), home.state(), home.data()]
            .iter()
            .flat_map(|directory| modes(directory))
            .collect::<Vec<_>>();
        assert!(modes.len() >= 4, "{modes:?}");
        for (path, mode) in modes {
            assert_eq!(mode, 0o600, "{} with umask {umask}", path.display());
        }
    }
}

#[test]
fn a_log_that_became_readable_is_private_again_after_the_next_request() {
    let (server, home) = (answering("ok"), Home::new());
    send(&home, &server).run().code(0);
    let log = home.state().join("usage.jsonl");
    fs::set_permissions(&log, Permissions::from_mode(0o644)).unwrap();
    send(&home, &server).run().code(0);
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_config_or_tools_file_that_everybody_can_write_is_refused() {
    let (server, home) = (answering("ok"), Home::new());
    let config = home.write(home.config().join("config.toml"), "model = 'm'\n");
    fs::set_permissions(&config, Permissions::from_mode(0o666)).unwrap();
    let hint = format!("chmod o-w {}", config.display());
    let reason = "it is world-writable (mode 666)";
    send(&home, &server).run().failed(2, reason, &hint);
    let config_set = ["config", "set", "model", "x"];
    let set = Langdock::new().home(&home).args(config_set).run();
    set.failed(2, reason, &hint);
    fs::remove_file(&config).unwrap();

    let tools = home.write("work/t.toml", crate::tools::toml("t", "true", ""));
    fs::set_permissions(&tools, Permissions::from_mode(0o646)).unwrap();
    send(&home, &server).args(["-T", "./t.toml"]).run().failed(
        2,
        "it is world-writable (mode 646)",
        "chmod o-w ./t.toml",
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_config_file_of_another_user_is_refused() {
    let (server, home) = (answering("ok"), Home::new());
    let config = home.write(home.config().join("config.toml"), "model = 'm'\n");
    // Only root can give a file away.
    if chown(&config, Some(12_345), None).is_err() {
        return;
    }
    let reason = "it is owned by another user (uid 12345)";
    send(&home, &server).run().failed(2, reason, "sudo chown");
    assert_eq!(server.connections(), 0);
}

#[test]
fn doctor_mentions_files_that_a_group_can_write() {
    let home = Home::new();
    let config = home.write(home.config().join("config.toml"), "model = 'm'\n");
    let tools = home.config().join("tools/t.toml");
    home.write(&tools, crate::tools::toml("t", "true", ""));
    for path in [&config, &tools] {
        fs::set_permissions(path, Permissions::from_mode(0o660)).unwrap();
    }
    let args = ["doctor", "--base-url", "http://127.0.0.1:9"];
    let outcome = Langdock::new().home(&home).args(args).run();
    for path in [&config, &tools] {
        outcome
            .stdout_contains(&format!("{} is group-writable", path.display()))
            .stdout_contains(&format!("hint: chmod g-w {}", path.display()));
    }
}

/// Asserts that a program that reads a named pipe without end ends at SIGTERM.
fn ends_at_sigterm(running: Running, pipe: &Path) {
    // Opening it waits for the program to open it.
    let writer = fs::OpenOptions::new().write(true).open(pipe).unwrap();
    running.signal(Signal::SIGTERM);
    running.finish().signal(15).stdout("");
    drop(writer);
}

#[test]
fn a_named_pipe_as_config_or_certificates_is_given_up_at_the_first_signal() {
    let (server, home) = (answering("ok"), Home::new());
    let pipe = home.work().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    ends_at_sigterm(
        send(&home, &server).env("LANGDOCK_CONFIG", &pipe).spawn(),
        &pipe,
    );
    let send = Langdock::new().home(&home).key().args([
        "send",
        "--base-url",
        "https://127.0.0.1:1",
        "-m",
        "m",
        "--cacert",
        pipe.to_str().unwrap(),
        "Hi",
    ]);
    ends_at_sigterm(send.spawn(), &pipe);
}

#[test]
fn a_named_pipe_as_log_or_recording_of_the_server_is_given_up_at_the_first_signal() {
    let home = Home::new();
    let pipe = home.work().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let serve = |flag| Langdock::new().home(&home).args(["serve", flag, "pipe"]);
    ends_at_sigterm(serve("--replay").spawn(), &pipe);
    // That it waits for a reader cannot be seen from outside: the signal may come before that.
    for _ in 0..5 {
        let running = serve("--log").spawn();
        std::thread::yield_now();
        running.signal(Signal::SIGTERM);
        running.finish().signal(15).stdout("");
    }
}

#[test]
fn a_config_comes_through_a_pipe_too() {
    let (server, home) = (answering("ok"), Home::new());
    let pipe = home.work().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let running = Langdock::new()
        .home(&home)
        .key()
        .against(&server)
        .env("LANGDOCK_CONFIG", &pipe)
        .args(["send", "Hi"])
        .spawn();
    fs::write(&pipe, "model = 'from-the-pipe'\n").unwrap();
    running.finish().code(0).stdout("ok\n");
    assert_eq!(server.only_request().json()["model"], "from-the-pipe");
}

#[test]
fn a_named_pipe_among_what_is_kept_is_not_waited_for() {
    let (server, home) = (answering("ok"), Home::new());
    fs::create_dir_all(home.state()).unwrap();
    let log = home.state().join("usage.jsonl");
    nix::unistd::mkfifo(&log, Mode::S_IRWXU).unwrap();
    let outcome = send(&home, &server).run();
    outcome.code(0).stdout("ok\n");
    let usage = Langdock::new().home(&home).args(["usage"]).run();
    assert!(usage.stderr.contains("it is a named pipe"), "{usage}");
}

#[test]
fn a_long_wait_for_others_says_how_to_send_at_once() {
    let home = Home::new();
    let server = Server::start(|_, number| match number {
        0 => Reply::status(429).header("retry-after", 3000),
        _ => Reply::status(500),
    });
    let limited = |more: &[&str]| {
        Langdock::new()
            .home(&home)
            .key()
            .against(&server)
            .args(["send", "-m", "m", "--max-retries", "0", "Hi"])
            .args(more)
    };
    limited(&[]).run().code(7);
    limited(&[]).run().failed(7, "429", "--no-pace");
    let running = limited(&["--max-wait", "2h"]).spawn();
    running.wait_for_stderr("; to send at once, press Ctrl-C and add --no-pace");
    running.signal(Signal::SIGTERM);
    running.finish().signal(15);
}
