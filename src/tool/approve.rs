//! Whether a call may run. Only the user's own flags and settings can allow it, never a tools file
//! or the environment. Pure.

use super::Ready;

/// What the user allows and denies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whether all calls run without confirmation: `-y`.
    pub(crate) yes: bool,
    /// The names of tools whose calls run without confirmation.
    pub(crate) allow: Vec<String>,
    /// The names of tools whose calls never run.
    pub(crate) deny: Vec<String>,
    /// The tools whose calls the user approved of for the whole run, by name.
    pub(crate) approved: Vec<String>,
}

/// What to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Run it.
    Run,
    /// Ask the user.
    Ask,
    /// Refuse it.
    Deny,
}

impl Policy {
    /// Decides about the calls of a tool. Denying takes precedence over allowing; `confirm` in the
    /// tools file requires confirmation where only `-y` would allow the call. A program that others
    /// can write to is not the one that a flag or the config file allowed, so the user is asked.
    pub(crate) fn judge(&self, ready: &Ready) -> Verdict {
        self.judge_named(ready.tool.name(), ready.confirms(), ready.is_exposed())
    }

    fn judge_named(&self, name: &str, confirm: bool, is_exposed: bool) -> Verdict {
        let named = |names: &[String]| names.iter().any(|listed| listed == name);
        match () {
            () if named(&self.deny) => Verdict::Deny,
            () if named(&self.approved) => Verdict::Run,
            () if is_exposed => Verdict::Ask,
            () if named(&self.allow) || (self.yes && !confirm) => Verdict::Run,
            () => Verdict::Ask,
        }
    }

    /// Runs the calls of a tool without confirmation from now on.
    pub(crate) fn always(&mut self, name: &str) {
        self.approved.push(name.to_owned());
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
            approved: Vec::new(),
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
                policy.judge_named("a", confirm, false),
                expected,
                "{policy:?} {confirm}"
            );
        }
        let both = policy(true, "a", "");
        assert_eq!(both.judge_named("a", false, true), Verdict::Ask);
        let mut policy = Policy::default();
        policy.always("a");
        assert_eq!(
            (
                policy.judge_named("a", true, true),
                policy.judge_named("b", false, false)
            ),
            (Verdict::Run, Verdict::Ask)
        );
    }
}
