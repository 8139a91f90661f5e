//! What `doctor` finds: a line for each thing that it looked at.

use serde_json::{Value, json};

use crate::error::{Error, Kind};
use crate::text::{TableColumn, TextTable};

/// How it stands with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Works, but a user should know of it.
    Note,
    /// Does not work. The exit code says what kind of failure it would be.
    Wrong(Kind),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The thing.
    pub(super) name: &'static str,
    /// How it stands.
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Finding {
    /// A thing that is as it should be.
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            found: found.into(),
            hint: None,
        }
    }

    /// A thing that a user should know of.
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

    /// A thing that was not looked at.
    pub(super) fn skipped(name: &'static str, why: &str) -> Self {
        Self {
            name,
            state: State::Note,
            found: format!("skipped: {why}"),
            hint: None,
        }
    }

    /// A thing that does not work.
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

    /// A thing that fails as a command would.
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

/// Returns the error of what is wrong: the first one, since what follows often comes from it.
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

/// Returns a line for each thing, and one for what to do about it.
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

/// The same for programs.
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
