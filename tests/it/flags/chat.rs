//! The flags of `chat` whose effect differs from that in `send`.

use serde_json::json;

use super::{Row, asking};
use crate::support::{
    command::Langdock, events::MODEL, home::Home, pty::CTRL_D, reply::Reply, sending::answering,
    server::Server,
};

/// The flags, and the prompt.
pub(super) const ROWS: &[Row] = &[
    (&["chat"], "PROMPT", |_| prompt()),
    (&["chat"], "--color", |_| color()),
    (&["chat"], "--raw", |_| raw()),
    (&["chat"], "--no-stdin", |_| no_stdin()),
    (&["chat"], "--edit", |_| edit()),
    (&["chat"], "--no-check", |_| no_check()),
    (&["chat"], "--continue", |command| {
        goes_on(command, &["--continue"]);
    }),
    (&["chat"], "--session", |command| {
        goes_on(command, &["--session", "notes"]);
    }),
    (&["chat"], "--fork", |command| {
        goes_on(command, &["--session", "notes", "--fork"]);
    }),
    (&["chat"], "--no-log", no_log),
];

/// Begins `langdock chat` with a model and the test key against `server`.
pub(crate) fn chat(server: &Server) -> Langdock {
    Langdock::new()
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .args(["chat"])
}

fn prompt() {
    let server = answering("ok");
    chat(&server).run().code(0).stdout("").stderr_empty();
    assert_eq!(server.connections(), 0);
    chat(&server)
        .args(["Why", "--", "-x"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "Why -x"
    );
}

fn color() {
    let server = Server::start(|_, _| Reply::json(400, &json!({"message": "No."})));
    chat(&server)
        .args(["Hi", "--color", "always"])
        .run()
        .code(3)
        .stderr_contains("\u{1b}[");
    chat(&server)
        .args(["Hi"])
        .run()
        .code(3)
        .stderr_lacks("\u{1b}");
}

/// Also shows that `/raw` toggles it.
fn raw() {
    let (server, bullet, star) = (answering("- **a**"), "\u{2022}", "**a**");
    let shown = |args: &[&str], keys: &str| {
        let terminal = chat(&server).args(["Hi"]).args(args).on_terminal(80, 24);
        terminal.wait_for("\n> ").keys(keys).keys("/exit\r");
        terminal.finish().code(0).stdout_text()
    };
    assert!(shown(&[], "").contains(bullet) && !shown(&[], "").contains(star));
    assert!(shown(&["--raw"], "").contains(star));
    assert!(shown(&[], "/raw\rHo\r").contains(star));
}

fn no_stdin() {
    let server = answering("ok");
    chat(&server)
        .stdin_bytes("more\n")
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\nok\n")
        .stderr_empty();
    chat(&server)
        .stdin_bytes("more\n")
        .args(["Hi", "--no-stdin"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

fn edit() {
    let server = answering("ok");
    let terminal = chat(&server)
        .env("EDITOR", "echo there$LANGDOCK_API_KEY >>")
        .args(["Hi", "--edit"])
        .on_terminal(80, 24);
    terminal.wait_for("\n> ").keys(CTRL_D);
    terminal.finish().code(0).stdout_contains("ok");
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "Hithere"
    );
}

fn no_check() {
    let (server, text) = (answering("ok"), "x".repeat(21 * 1024 * 1024));
    chat(&server)
        .stdin_bytes(text.as_str())
        .run()
        .code(13)
        .stdout("");
    assert_eq!(server.connections(), 0);
    chat(&server)
        .stdin_bytes(text)
        .args(["--no-check"])
        .run()
        .code(0)
        .stdout("ok\n");
}

fn goes_on(command: &str, args: &[&str]) {
    let (server, home) = (answering("ok"), Home::new());
    asking(command, &server)
        .home(&home)
        .args(["--session", "notes", "One"])
        .run()
        .code(0);
    asking(command, &server)
        .home(&home)
        .args(args)
        .args(["Two"])
        .run()
        .code(0)
        .stdout("ok\n");
    assert_eq!(
        server.requests()[1].json()["messages"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    asking(command, &server)
        .home(&home)
        .args(["--session", "notes", "Three"])
        .run()
        .code(0);
    let turns = if args.contains(&"--fork") { 3 } else { 5 };
    assert_eq!(
        server.requests()[2].json()["messages"]
            .as_array()
            .unwrap()
            .len(),
        turns
    );
}

fn no_log(command: &str) {
    let (server, home) = (answering("ok"), Home::new());
    let sessions = home.data().join("sessions");
    asking(command, &server)
        .home(&home)
        .args(["Hi", "--no-log"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert!(!sessions.exists());
    asking(command, &server)
        .home(&home)
        .args(["Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert!(sessions.exists());
}
