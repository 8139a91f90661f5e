//! Errors as they are told at the prompt, where no flag can be typed. Pure.

use crate::error::Error;
use crate::input;
use crate::protocol::StopReason;

/// Flags, and what is typed at the prompt in their place.
const INSTEAD: [(&str, &str); 5] = [
    ("-m ", "/model "),
    ("--region", "/region"),
    ("--attach", "/image"),
    (
        "--dry-run shows what is sent",
        "/export shows what was said, /set which fields are sent with it",
    ),
    (
        "`langdock session list` names them, with --demo those of the demo",
        "/sessions lists them",
    ),
];

/// What failed.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::Config(_) | Error::Input(input::Error::TextAttached { .. }) => {
            typed(&error.message())
        }
        _ => error.message(),
    }
}

/// What to do next.
pub(super) fn hint(error: &Error) -> Option<String> {
    let hint = match error {
        Error::Elsewhere {
            region, regions, ..
        } => {
            return Some(format!(
                "/region {regions} has it; Tab behind /model shows what {region} has"
            ));
        }
        Error::Truncated(StopReason::MaxTokens) => {
            "/set max_tokens=N lets the next answers be longer"
        }
        Error::Truncated(_) => {
            "/undo takes the last message back, /new begins another conversation"
        }
        Error::MaxTurns(_) => {
            "/retry asks again; with a higher --max-turns a conversation may go on for longer"
        }
        Error::Call {
            after_content: true,
            ..
        } => "what came is kept; /retry asks for a whole answer",
        Error::RequestTooLarge { .. } | Error::TooManyTokens { .. } => {
            "/drop leaves attachments out; what is said before counts too, and /new begins without it"
        }
        Error::NoModel => "/model ID chooses one",
        Error::Input(input::Error::TextAttached { .. }) => "/file PATH sends text",
        Error::Input(input::Error::NotText { .. }) => "/image PATH sends images, /file PATH a PDF",
        Error::Input(input::Error::NoTextFiles { .. }) => {
            "hidden files and those that .gitignore names are left out; /file PATH names one"
        }
        _ => return error.hint().map(|hint| typed(&hint)),
    };
    Some(hint.to_owned())
}

/// Puts commands in the place of flags.
fn typed(text: &str) -> String {
    INSTEAD
        .iter()
        .fold(text.to_owned(), |text, (flag, command)| {
            text.replace(flag, command)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_typed_at_the_prompt_is_not_told_there() {
        let usage = |hint: &str| Error::Usage {
            message: "-m x".to_owned(),
            hint: Some(hint.to_owned()),
        };
        for (error, expected) in [
            (usage("did you mean -m a-b?"), "did you mean /model a-b?"),
            (
                usage("choose --region us, or leave"),
                "choose /region us, or leave",
            ),
            (
                Error::Truncated(StopReason::MaxTokens),
                "/set max_tokens=N lets the next answers be longer",
            ),
            (
                Error::Input(input::Error::TextAttached {
                    name: "x".to_owned(),
                }),
                "/file PATH sends text",
            ),
        ] {
            assert_eq!(hint(&error).as_deref(), Some(expected));
        }
        let text = Error::Input(input::Error::TextAttached {
            name: "x".to_owned(),
        });
        assert_eq!(message(&text), "x is text, which /image does not send");
        assert_eq!(message(&usage("")), "-m x");
    }
}
