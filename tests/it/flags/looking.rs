//! Flags that show a request instead of sending it.

use super::{Row, body, good};
use crate::support::sending::answering;

/// The flags that send nothing.
pub(super) const ROWS: &[Row] = &[
    (&["send", "tool-run"], "--dry-run", dry_run),
    (&["send", "tool-run"], "--curl", curl),
];

fn dry_run(command: &str) {
    let server = answering("ok");
    let outcome = good(command, &server, &["--dry-run"]);
    outcome.stderr_empty();
    assert_eq!(outcome.stdout_json(), body(command, &[]));
    assert_eq!(server.connections(), 0);
}

fn curl(command: &str) {
    let server = answering("ok");
    let outcome = good(command, &server, &["--curl"]);
    outcome
        .stderr_empty()
        .stdout_contains("curl ")
        .stdout_contains("$LANGDOCK_API_KEY");
    assert_eq!(server.connections(), 0);
}
