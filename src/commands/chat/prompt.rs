//! The prompt, which shows the conversation, the model and how full the context is. Pure.

use super::context_use::ContextUse;
use crate::text::{display_width, sanitize_line, truncate_to_width};

/// Maximum width of a conversation's name, in columns.
const NAME: usize = 30;

/// The same if there is little room.
const SHORT_NAME: usize = 8;

/// The width of what separates two parts.
const SEPARATOR: usize = 3;

/// What the prompt shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// The conversation.
    pub(super) conversation: String,
    /// The model.
    pub(super) model: String,
    /// How full the context window is, if anything is in it.
    pub(super) context: Option<ContextUse>,
    /// Number of files attached to the next message.
    pub(super) attachments: usize,
}

impl Status {
    /// Returns the prompt: a line about the conversation, which fits into `columns`, and a sign.
    /// The name is shortened first, then the model.
    pub(super) fn prompt(&self, columns: usize) -> String {
        let (conversation, model) = (
            sanitize_line(&self.conversation),
            sanitize_line(&self.model),
        );
        let context = self
            .context
            .map_or_else(String::new, |context| format!(" · {}", context.in_prompt()));
        let attachments = match self.attachments {
            0 => String::new(),
            1 => " · 1 attachment".to_owned(),
            count => format!(" · {count} attachments"),
        };
        // The last column stays empty: some terminals wrap after it.
        let columns = columns.saturating_sub(1);
        let short = display_width(&conversation).min(SHORT_NAME);
        let status = format!("{context}{attachments}");
        let room = columns.saturating_sub(short + display_width(&status));
        let room = room.saturating_sub(SEPARATOR).max(SHORT_NAME);
        let status = format!(" · {}{status}", truncate_to_width(&model, room));
        let room = columns.saturating_sub(display_width(&status));
        let name = truncate_to_width(&conversation, room.clamp(SHORT_NAME, NAME));
        let line = format!("{name}{status}");
        format!("{}\n> ", truncate_to_width(&line, columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_says_conversation_model_and_context() {
        let mut status = Status {
            conversation: "notes".into(),
            model: "claude-x".into(),
            context: None,
            attachments: 0,
        };
        assert_eq!(status.prompt(200), "notes · claude-x\n> ");
        status.context = Some(ContextUse::from_count(90, Some(200)));
        assert_eq!(status.prompt(200), "notes · claude-x · 45% of context\n> ");
        status.context = Some(ContextUse::from_count(1234, None));
        status.attachments = 2;
        status.conversation = "n".repeat(40);
        assert_eq!(
            status.prompt(200),
            format!(
                "{}… · claude-x · 1,234 tokens in context · 2 attachments\n> ",
                "n".repeat(29)
            )
        );
        assert_eq!(
            status
                .prompt(60)
                .lines()
                .next()
                .map(|line| line.chars().count()),
            Some(59)
        );
        assert!(status.prompt(50).starts_with("nnnnnnn… · "));
        for columns in 10..60 {
            let prompt = status.prompt(columns);
            let line = prompt.lines().next().unwrap_or_default();
            assert!(line.chars().count() < columns, "{columns}: {line}");
        }
        status.conversation = "長い題名".repeat(10);
        status.context = None;
        assert!(
            status
                .prompt(60)
                .starts_with("長い題名長い題名長い題名長い… · claude-x"),
            "{}",
            status.prompt(60)
        );
    }

    #[test]
    fn where_there_is_little_room_name_and_model_are_shortened() {
        let status = Status {
            conversation: "not saved".into(),
            model: "claude-3-haiku-20240307".into(),
            context: Some(ContextUse::from_count(38, Some(200_000))),
            attachments: 0,
        };
        for (columns, expected) in [
            (80, "not saved · claude-3-haiku-20240307 · <1% of context"),
            (48, "not sav… · claude-3-haiku-202… · <1% of context"),
            (40, "not sav… · claude-3-h… · <1% of context"),
        ] {
            let line = status.prompt(columns);
            let line = line.lines().next().unwrap_or_default();
            assert_eq!(line, expected);
            assert!(line.chars().count() < columns, "{line}");
        }
    }

    #[test]
    fn what_came_from_outside_does_not_act() {
        let status = Status {
            conversation: "a\u{1b}]0;x\u{7}b".into(),
            model: "c\u{1b}[31m".into(),
            ..Status::default()
        };
        assert!(
            !status.prompt(80).contains(['\u{1b}', '\u{7}']),
            "{:?}",
            status.prompt(80)
        );
    }
}
