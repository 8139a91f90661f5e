//! The prompt, which shows the conversation, the model and the tokens used so far. Pure.

use crate::text::{display_width, grouped, sanitize_line, truncate_to_width};

/// Maximum width of a conversation's name, in columns.
const NAME: usize = 30;

/// The same if there is little room.
const SHORT_NAME: usize = 8;

/// What the prompt shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// The conversation.
    pub(super) conversation: String,
    /// The model.
    pub(super) model: String,
    /// Tokens used so far.
    pub(super) tokens: u64,
    /// Number of files attached to the next message.
    pub(super) attachments: usize,
}

impl Status {
    /// Returns the prompt: a line about the conversation, with its name shortened to fit into
    /// `columns` if possible, and a sign.
    pub(super) fn prompt(&self, columns: usize) -> String {
        let (conversation, model) = (
            sanitize_line(&self.conversation),
            sanitize_line(&self.model),
        );
        let mut status = format!(" · {model} · {} tokens", grouped(self.tokens));
        match self.attachments {
            0 => {}
            1 => status.push_str(" · 1 attachment"),
            count => status.push_str(&format!(" · {count} attachments")),
        }
        // The last column stays empty: some terminals wrap after it.
        let room = columns
            .saturating_sub(display_width(&status) + 1)
            .clamp(SHORT_NAME, NAME);
        let name = truncate_to_width(&conversation, room);
        format!("{name}{status}\n> ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_says_conversation_model_and_tokens() {
        let mut status = Status {
            conversation: "notes".into(),
            model: "claude-x".into(),
            tokens: 1234,
            attachments: 0,
        };
        assert_eq!(status.prompt(200), "notes · claude-x · 1,234 tokens\n> ");
        status.attachments = 2;
        status.conversation = "n".repeat(40);
        assert_eq!(
            status.prompt(200),
            format!(
                "{}… · claude-x · 1,234 tokens · 2 attachments\n> ",
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
        assert!(status.prompt(20).starts_with("nnnnnnn… · "));
        status.conversation = "長い題名".repeat(10);
        assert!(
            status
                .prompt(60)
                .starts_with("長い題名長い題名… · claude-x"),
            "{}",
            status.prompt(60)
        );
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
