//! Whether a call may be run: what the user's own flags and settings say, and nothing that a
//! tools file or the environment does. Pure.

use super::Ready;

/// What the user allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whether all calls are run unasked: `-y`.
    pub(crate) yes: bool,
    /// The tools whose calls are run unasked, by name.
    pub(crate) allow: Vec<String>,
    /// The tools whose calls are never run, by name.
    pub(crate) deny: Vec<String>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is run.
    Run,
    /// The user is asked.
    Ask,
    /// It is not run.
    Deny,
}

impl Policy {
    /// Judges the calls of a tool. What denies goes before what allows; `confirm` of the tools file
    /// has calls asked for where only `-y` would let them through.
    pub(crate) fn judge(&self, ready: &Ready) -> Verdict {
        self.judge_named(ready.tool.name(), ready.confirms())
    }

    fn judge_named(&self, name: &str, confirm: bool) -> Verdict {
        let named = |names: &[String]| names.iter().any(|listed| listed == name);
        match () {
            () if named(&self.deny) => Verdict::Deny,
            () if named(&self.allow) || (self.yes && !confirm) => Verdict::Run,
            () => Verdict::Ask,
        }
    }

    /// From now on the calls of a tool are run unasked.
    pub(crate) fn always(&mut self, name: &str) {
        self.allow.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_denies_goes_first_and_a_tools_file_can_only_raise_what_is_asked() {
        let policy = |yes, allow: &str, deny: &str| Policy {
            yes,
            allow: vec![allow.to_owned()],
            deny: vec![deny.to_owned()],
        };
        for (policy, confirm, expected) in [
            (policy(false, "", ""), false, Verdict::Ask),
            (policy(true, "", ""), false, Verdict::Run),
            (policy(true, "", ""), true, Verdict::Ask),
            (policy(false, "a", ""), false, Verdict::Run),
            (policy(false, "a", ""), true, Verdict::Run),
            (policy(false, "b", ""), false, Verdict::Ask),
            (policy(true, "a", "a"), false, Verdict::Deny),
        ] {
            assert_eq!(
                policy.judge_named("a", confirm),
                expected,
                "{policy:?} {confirm}"
            );
        }
        let mut policy = Policy::default();
        policy.always("a");
        assert_eq!(
            (
                policy.judge_named("a", true),
                policy.judge_named("b", false)
            ),
            (Verdict::Run, Verdict::Ask)
        );
    }
}
