//! Whether a call may run. Only the user's own flags and settings can allow it, never a tools file
//! or the environment. Pure.

use super::Ready;
use crate::protocol::ToolDefinition;
use crate::text::matches_name;

/// What the user allows and denies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policy {
    /// Whether all calls run without confirmation: `-y`.
    pub(crate) yes: bool,
    /// The names of tools whose calls run without confirmation.
    pub(crate) allow: Vec<String>,
    /// The names of tools whose calls never run.
    pub(crate) deny: Vec<String>,
    /// The tools whose calls the user approved of for the whole run: the name, the definition, and
    /// whether each call needed confirmation then.
    pub(crate) approved: Vec<(String, ToolDefinition, bool)>,
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
        let name = ready.tool.name();
        let is_approved = self
            .approved
            .iter()
            .any(|(approved, definition, confirmed)| {
                let is_raised = ready.confirms() && !confirmed;
                approved == name && *definition == ready.tool.definition && !is_raised
            });
        if is_approved && !is_named(&self.deny, name) {
            return Verdict::Run;
        }
        // A server's definition may change while it runs: what was allowed is not what it is now.
        let is_other = ready.is_exposed() || ready.has_changed();
        self.judge_named(name, ready.confirms(), is_other)
    }

    fn judge_named(&self, name: &str, confirm: bool, is_other: bool) -> Verdict {
        match () {
            () if is_named(&self.deny, name) => Verdict::Deny,
            () if is_other => Verdict::Ask,
            () if is_named(&self.allow, name) || (self.yes && !confirm) => Verdict::Run,
            () => Verdict::Ask,
        }
    }

    /// Runs the calls of a tool without confirmation from now on, until its definition changes.
    pub(crate) fn always(&mut self, ready: &Ready) {
        let tool = &ready.tool;
        let approved = (
            tool.name().to_owned(),
            tool.definition.clone(),
            ready.confirms(),
        );
        self.approved.push(approved);
    }
}

/// Whether one of these names or patterns is that of a tool.
fn is_named(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches_name(pattern, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{ServerTool, Tool, ToolSet};
    use super::*;
    use crate::protocol::{ExactFields, ExactJson};

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
    }

    #[test]
    fn an_approval_is_of_one_definition() {
        let ready = |description: &str, has_changed, confirm| {
            let definition = json!({"name": "s__t", "description": description,
                                    "input_schema": {"type": "object"}});
            let server = ServerTool {
                server: "s".to_owned(),
                name: "t".to_owned(),
                confirm,
                has_changed,
            };
            let definition = ExactJson::from_value(&definition);
            let definition = ExactFields::from_object(definition).expect("an object");
            let tool = Tool::for_server(server, definition).expect("a tool");
            let mut tools = ToolSet::from_tools(vec![tool], None).expect("tools").0;
            tools.remove(0)
        };
        let (first, changed) = (ready("one", false, false), ready("two", true, false));
        let allowing = Policy {
            allow: vec!["s__*".to_owned()],
            yes: true,
            ..Policy::default()
        };
        let mut policy = Policy::default();
        assert_eq!(policy.judge(&first), Verdict::Ask);
        policy.always(&first);
        assert_eq!(
            (policy.judge(&first), policy.judge(&changed)),
            (Verdict::Run, Verdict::Ask)
        );
        assert_eq!(
            (allowing.judge(&first), allowing.judge(&changed)),
            (Verdict::Run, Verdict::Ask)
        );
        policy.always(&changed);
        assert_eq!(policy.judge(&changed), Verdict::Run);
        let destructive = ready("one", true, true);
        assert_eq!(policy.judge(&destructive), Verdict::Ask);
        policy.deny.push("s__t".to_owned());
        assert_eq!(policy.judge(&changed), Verdict::Deny);
    }
}
