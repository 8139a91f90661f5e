//! Many processes using the same conversation.

use super::{lines, saying, shown};
use crate::support::{command::Langdock, home::Home, sending::answering};

#[test]
fn twenty_processes_make_twenty_turns_of_one_line() {
    let (server, home) = (answering("ok"), Home::new());
    let running: Vec<_> = (0..20)
        .map(|number| {
            saying(
                &server,
                &home,
                &["--session", "x", "-q", &format!("q{number}")],
            )
            .spawn()
        })
        .collect();
    for run in running {
        run.finish().code(0).stdout("ok\n").stderr_empty();
    }
    let lines = lines(&home, "x");
    assert_eq!(lines.len(), 41, "a header and twenty turns of both sides");
    for pair in lines[1..].windows(2) {
        assert_eq!(pair[1]["parent"], pair[0]["id"]);
        assert_ne!(pair[1]["role"], pair[0]["role"]);
    }
    assert_eq!(shown(&home, "x")["turns"].as_array().unwrap().len(), 40);
    let journals = home.data().join("sessions/journals");
    assert_eq!(std::fs::read_dir(journals).unwrap().count(), 0);
    Langdock::new()
        .home(&home)
        .args(["session", "list"])
        .run()
        .code(0)
        .stdout_contains("20 turns");
}
