//! The findings of `doctor`: one line for each check.

use serde_json::{Value, json};

use crate::error::{Error, Kind};
use crate::text::{TableColumn, TextTable};

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Everything is fine.
    Ok,
    /// It works, but the user should know about it.
    Note,
    /// It does not work; a command that needs it would exit with the code of this kind of error.
    Wrong(Kind),
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was checked.
    pub(super) name: &'static str,
    /// The outcome.
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What the user can do about it.
    pub(super) hint: Option<String>,
}

impl Finding {
    /// Creates a finding that everything is fine.
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            found: found.into(),
            hint: None,
        }
    }

    /// Creates a finding that works, but that the user should know about.
    pub(super) fn note(
        name: &'static str,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            name,
            state: State::Note,
            found: found.into(),
            hint: Some(hint.into()),
        }
    }

    /// Creates a finding for a check that was skipped.
    pub(super) fn skipped(name: &'static str, why: &str) -> Self {
        Self {
            name,
            state: State::Note,
            found: format!("skipped: {why}"),
            hint: None,
        }
    }

    /// Creates a finding that something does not work.
    pub(super) fn wrong(
        name: &'static str,
        kind: Kind,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            name,
            state: State::Wrong(kind),
            found: found.into(),
            hint: Some(hint.into()),
        }
    }

    /// Creates a finding for something that fails with the error of a command.
    pub(super) fn error(name: &'static str, error: &Error) -> Self {
        Self {
            name,
            state: State::Wrong(error.kind()),
            found: error.message(),
            hint: error.hint(),
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong(_) => "wrong",
        }
    }
}

/// Returns the error to exit with: the first one, since later ones are often consequences of it.
pub(super) fn verdict(findings: &[Finding]) -> Result<(), Error> {
    let kinds = findings.iter().filter_map(|finding| match finding.state {
        State::Wrong(kind) => Some(kind),
        State::Ok | State::Note => None,
    });
    let wrong = kinds.clone().count();
    kinds
        .into_iter()
        .next()
        .map_or(Ok(()), |kind| Err(Error::Unwell { wrong, kind }))
}

/// Returns a line for each finding, and one for each hint.
pub(super) fn page(findings: &[Finding]) -> String {
    let longest_state = State::Wrong(Kind::Internal).word().len();
    let mut table = TextTable::new([
        TableColumn::LEFT.at_least(longest_state),
        TableColumn::LEFT,
        TableColumn::LEFT,
    ]);
    for Finding {
        name,
        state,
        found,
        hint,
    } in findings
    {
        table.push_row([state.word(), name, found].map(str::to_owned));
        if let Some(hint) = hint {
            table.push_row([String::new(), String::new(), format!("hint: {hint}")]);
        }
    }
    table.to_sanitized_text()
}

/// Returns the findings as JSON.
pub(super) fn object(findings: &[Finding]) -> Value {
    let finding = |Finding {
                       name,
                       state,
                       found,
                       hint,
                   }: &Finding| json!({"name": name, "state": state.word(), "found": found, "hint": hint});
    json!({"healthy": verdict(findings).is_ok(), "checks": findings.iter().map(finding).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_that_is_wrong_says_how_it_ends() {
        let ok = Finding::ok("a", "x");
        let note = Finding::note("bb", "y\u{1b}", "do it");
        assert!(verdict(&[ok.clone(), note.clone()]).is_ok());
        let wrong = Finding::wrong("c", Kind::Auth, "z", "log in");
        let later = Finding::wrong("d", Kind::Network, "z", "plug in");
        let findings = [ok, note, wrong, later];
        let error = verdict(&findings).expect_err("two are wrong");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (Kind::Auth, "2 problems found")
        );
        let lines = page(&findings);
        assert!(
            lines
                .starts_with("ok     a   x\nnote   bb  y␛\n           hint: do it\nwrong  c   z\n"),
            "{lines}"
        );
        assert_eq!(object(&findings)["checks"][2]["state"], "wrong");
    }
}
