//! `--record` and `--replay`: a command that answers from a record does the same as the one that was
//! recorded, and no record has a secret in it.

mod alike;
mod files;
mod missing;
mod parallel;
mod secrets;
mod served;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::secrets::assert_no_secret;
use crate::support::{command::Langdock, home::Home, outcome::Outcome, server::Server};

/// The name of the records of these tests, in the work directory.
const RECORD: &str = "r.jsonl";

/// A command that was recorded, and what it left.
struct Recorded {
    home: Home,
    base_url: String,
    outcome: Outcome,
}

impl Recorded {
    /// Runs a command against `server` with `--record`. `begin` gets a home of its own.
    #[track_caller]
    fn against(server: &Server, begin: impl Fn(&Home) -> Langdock) -> Self {
        Self::at(&server.base_url(), begin)
    }

    /// The same against any base URL.
    #[track_caller]
    fn at(base_url: &str, begin: impl Fn(&Home) -> Langdock) -> Self {
        let home = Home::new();
        let run = begin(&home).home(&home).key();
        let outcome = run
            .env("LANGDOCK_BASE_URL", base_url)
            .args(["--record", RECORD])
            .run();
        assert_no_secret(&home.work());
        Self {
            home,
            base_url: base_url.to_owned(),
            outcome,
        }
    }

    /// Returns the file.
    fn path(&self) -> PathBuf {
        self.home.work().join(RECORD)
    }

    /// Returns the exchanges, without the first line.
    fn exchanges(&self) -> Vec<Value> {
        exchanges(&self.path())
    }

    /// Runs a command without a key and with `--replay`, in a home of its own, which is returned too.
    #[track_caller]
    fn replay(&self, begin: impl Fn(&Home) -> Langdock, flags: &[&str]) -> (Home, Outcome) {
        let home = Home::new();
        let outcome = begin(&home)
            .home(&home)
            .env("LANGDOCK_BASE_URL", &self.base_url)
            .args(["--replay", self.path().to_str().unwrap()])
            .args(flags)
            .run();
        (home, outcome)
    }
}

/// Returns the exchanges of a record, without its first line.
#[track_caller]
fn exchanges(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let header: Value = lines.next().unwrap();
    assert_eq!(header["format"], "langdock-record");
    lines.collect()
}
