//! The flags of `models`.

use serde_json::json;

use super::Row;
use crate::{
    models::{list_of, listing, models},
    support::home::Home,
};

/// The flags of `models`.
pub(super) const ROWS: &[Row] = &[
    (&["models"], "--refresh", |_| refresh()),
    (&["models"], "--long", |_| long()),
    (&["models"], "--json", |_| as_json()),
];

fn refresh() {
    let (server, home) = (listing(&["a"]), Home::new());
    models(&server).home(&home).run().code(0).stdout("a\n");
    models(&server).home(&home).run().code(0).stdout("a\n");
    assert_eq!(server.requests().len(), 1);
    models(&server)
        .home(&home)
        .args(["--refresh"])
        .run()
        .code(0)
        .stdout("a\n");
    assert_eq!(server.requests().len(), 2);
}

fn long() {
    let capabilities = json!({"pdf_input": {"supported": true}, "batch": {"supported": false}});
    let server = list_of(&json!([{"id": "a", "capabilities": capabilities}]));
    models(&server).run().code(0).stdout("a\n").stderr_empty();
    for flag in ["--long", "-l"] {
        let outcome = models(&server).args([flag]).run();
        outcome.code(0).stdout("a  pdf_input\n").stderr_empty();
    }
}

fn as_json() {
    let server = listing(&["a"]);
    models(&server).run().code(0).stdout("a\n").stderr_empty();
    for flag in ["--json", "-j"] {
        let outcome = models(&server).args([flag]).run();
        assert_eq!(
            outcome.code(0).stderr_empty().stdout_json()["data"],
            json!([{"id": "a"}])
        );
    }
}
