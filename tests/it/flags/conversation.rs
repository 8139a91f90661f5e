//! The conversation flags, and the arguments of `session`.

use super::{Row, asking};
use crate::{
    session::{ids, said, saying},
    support::{
        command::Langdock, home::Home, sending::answering, server::Server, serving::DEMO_MODEL,
    },
};

/// The commands that continue conversations.
const ASKING: &[&str] = &["send", "tool-run"];

/// The flags of the group, and the arguments of `session`.
pub(super) const ROWS: &[Row] = &[
    (ASKING, "--continue", goes_on),
    (ASKING, "--session", by_name),
    (ASKING, "--fork", fork),
    (ASKING, "--no-log", no_log),
    (
        &["session list", "session show", "session export"],
        "--json",
        as_json,
    ),
    (&["session show"], "--last", |_| shows_in_part("--last")),
    (&["session show"], "--raw", |_| shows_in_part("--raw")),
    (&["session show"], "--extract", |_| {
        shows_in_part("--extract");
    }),
    (&["session search"], "--json", |_| {
        as_json("session search ok");
    }),
    (&["session search"], "WORDS", |_| words()),
    (&["session show", "session export"], "SESSION", shows),
    (&["session path"], "SESSION", |_| path()),
    (&["session rename"], "SESSION", |_| rename()),
    (&["session rename"], "NAME", |_| rename()),
    (&["session rm"], "SESSIONS", |_| remove()),
    (&["session rm"], "--older-than", |_| older_than()),
    (
        &[
            "session",
            "session list",
            "session show",
            "session search",
            "session export",
            "session rename",
            "session rm",
            "session path",
        ],
        "--demo",
        of_the_demo,
    ),
];

/// Creates a home with the conversations `a` and `b`, of which `b` was used last, and the server
/// that they belong to.
fn two() -> (Home, Server) {
    let (server, home) = (answering("ok"), Home::new());
    for name in ["a", "b"] {
        saying(&server, &home, &["--session", name, &format!("to {name}")])
            .run()
            .code(0)
            .stdout("ok\n");
    }
    (home, server)
}

fn goes_on(command: &str) {
    let (home, server) = two();
    asking(command, &server)
        .home(&home)
        .args(["--continue", "more"])
        .run()
        .code(0)
        .stderr_contains("continuing `b`");
    assert_eq!(said(&server.requests()[2]), ["to b", "ok", "more"]);
}

fn by_name(command: &str) {
    let (home, server) = two();
    asking(command, &server)
        .home(&home)
        .args(["--session", "a", "more"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(said(&server.requests()[2]), ["to a", "ok", "more"]);
}

fn fork(command: &str) {
    let (home, server) = two();
    asking(command, &server)
        .home(&home)
        .args(["--session", "a", "--fork", "more"])
        .run()
        .code(0)
        .stderr_contains("a copy of `a`");
    asking(command, &server)
        .home(&home)
        .args(["--session", "a", "less"])
        .run()
        .code(0);
    assert_eq!(said(&server.requests()[2]), ["to a", "ok", "more"]);
    assert_eq!(said(&server.requests()[3]), ["to a", "ok", "less"]);
    assert_eq!(ids(&home).len(), 3);
    asking(command, &server)
        .home(&home)
        .args(["--fork", "x"])
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("--fork needs a conversation");
}

fn no_log(command: &str) {
    let (home, server) = two();
    for _ in 0..2 {
        asking(command, &server)
            .home(&home)
            .args(["--session", "a", "--no-log", "more"])
            .run()
            .code(0);
        assert_eq!(
            said(server.requests().last().unwrap()),
            ["to a", "ok", "more"]
        );
    }
}

fn of_the_demo(command: &str) {
    let (home, _server) = two();
    Langdock::new()
        .home(&home)
        .env("LANGDOCK_MODEL", DEMO_MODEL)
        .args(["--demo", "send", "--session", "trial", "scripted"])
        .run()
        .code(0);
    let run = |flags: &[&str]| {
        let more: &[&str] = match command {
            "session" => &["show", "trial"],
            "session list" => &[],
            "session search" => &["scripted"],
            "session rename" => &["trial", "other"],
            _ => &["trial"],
        };
        Langdock::new()
            .home(&home)
            .args(command.split(' '))
            .args(flags)
            .args(more)
            .run()
    };
    let real = run(&[]);
    assert!(
        real.code == Some(2) || !real.stdout_text().contains("trial"),
        "{real}"
    );
    run(&["--demo"]).code(0);
}

fn as_json(command: &str) {
    let (home, _server) = two();
    let as_text = Langdock::new().home(&home).args(command.split(' ')).run();
    assert!(
        !as_text
            .code(0)
            .stdout_text()
            .trim_start()
            .starts_with(['[', '{']),
        "{as_text}"
    );
    let outcome = Langdock::new()
        .home(&home)
        .args(command.split(' '))
        .args(["--json"])
        .run();
    assert!(!outcome.code(0).stderr_empty().stdout_json().is_null());
}

fn words() {
    let (home, _server) = two();
    let find = |words: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["session", "search", "--json"])
            .args(words)
            .run()
            .stdout_json()
    };
    assert_eq!(find(&["TO"]).as_array().unwrap().len(), 2);
    assert_eq!(find(&["to", "a"])[0]["title"], "a");
    assert_eq!(find(&["to a"]).as_array().unwrap().len(), 1);
    assert_eq!(find(&["to", "ok"]), serde_json::json!([]));
}

fn shows(command: &str) {
    let (home, _server) = two();
    let shown = |name: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(command.split(' '))
            .args(name)
            .run()
    };
    shown(&["a"])
        .code(0)
        .stderr_empty()
        .stdout("# a\n\n## You\n\nto a\n\n## claude-sonnet-4-5-20250929\n\nok\n");
    shown(&[]).code(0).stderr_empty().stdout_contains("to b");
    shown(&["c"])
        .code(2)
        .stdout("")
        .stderr_contains("no conversation `c`");
}

fn shows_in_part(flag: &str) {
    let (server, home) = (answering("**so**\n\n```\ncode\n```"), Home::new());
    let ask = saying(&server, &home, &["--session", "a", "Hi"]);
    ask.run().code(0);
    let shown = |flag: &[&str]| {
        let show = Langdock::new()
            .home(&home)
            .args(["session", "show"])
            .args(flag);
        let outcome = show.on_terminal(60, 24).finish();
        String::from_utf8_lossy(&outcome.code(0).stdout).into_owned()
    };
    let (all, part) = (shown(&[]), shown(&[flag]));
    assert!(all.contains("You") && !all.contains("**"), "{all}");
    assert_eq!(part.contains("You"), flag == "--raw", "{part}");
    assert_eq!(part.contains("**"), flag == "--raw", "{part}");
    assert!(part.contains("code"), "{part}");
}

fn path() {
    let (home, _server) = two();
    let path = |name: &[&str]| {
        let outcome = Langdock::new()
            .home(&home)
            .args(["session", "path"])
            .args(name)
            .run();
        outcome
            .code(0)
            .stderr_empty()
            .stdout_text()
            .trim_end()
            .to_owned()
    };
    assert_eq!(path(&[]), home.data().join("sessions").to_string_lossy());
    assert!(
        std::fs::read_to_string(path(&["a"]))
            .unwrap()
            .contains("to a")
    );
}

fn rename() {
    let (home, _server) = two();
    let rename = |from: &str, to: &str| {
        Langdock::new()
            .home(&home)
            .args(["session", "rename", from, to])
            .run()
    };
    rename("a", "b")
        .code(2)
        .stdout("")
        .stderr_contains("a conversation `b` already exists");
    rename("a", "c").code(0).stdout("").stderr_empty();
    Langdock::new()
        .home(&home)
        .args(["session", "show", "c"])
        .run()
        .code(0)
        .stdout_contains("to a");
    rename("a", "d").code(2).stdout("");
}

fn remove() {
    let (home, _server) = two();
    let outcome = Langdock::new()
        .home(&home)
        .args(["session", "rm", "a"])
        .run();
    outcome
        .code(0)
        .stdout("")
        .stderr("langdock: deleted the conversation `a`\n");
    assert_eq!(ids(&home).len(), 1);
    Langdock::new()
        .home(&home)
        .args(["session", "rm", "a"])
        .run()
        .code(2)
        .stdout("");
}

fn older_than() {
    let (home, _server) = two();
    let remove = |age: &str| {
        Langdock::new()
            .home(&home)
            .args(["session", "rm", "--older-than", age])
            .run()
    };
    remove("30d")
        .code(0)
        .stdout("")
        .stderr_contains("no conversations are that old");
    remove("30")
        .code(2)
        .stdout("")
        .stderr_contains("has no unit");
    assert_eq!(ids(&home).len(), 2);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(31 * 86_400);
    let path = home
        .data()
        .join("sessions")
        .join(format!("{}.jsonl", ids(&home)[0]));
    std::fs::File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(old)
        .unwrap();
    remove("30d").code(0).stdout("").stderr_contains("deleted");
    assert_eq!(ids(&home).len(), 1);
}
