//! Messages and hints for errors at the prompt, where flags cannot be typed. Pure.

use crate::config::{self, Origin};
use crate::error::{Error, HintControls};
use crate::input;
use crate::media::FileKind;
use crate::session;

/// The slash commands that hints mention instead of flags.
const PROMPT: HintControls = HintControls {
    model: "/model",
    thinking: "/thinking",
    effort: "/effort",
    field: "/set",
    quote: "",
    max_tokens: "/set max_tokens=",
    unchecked: "a chat started with --no-check sends",
    region: "/region",
    sent_again_by: "/retry sends the message again",
    request_is_shown_by: "/export shows the conversation, /set the fields that are sent with it",
    models_are_listed_by: "/model lists the models",
    sessions_are_listed_by: "/sessions lists the conversations",
    refused_message: "the refused message is left out of the conversation; change it, or remove \
        its attachments with /drop, and send it again",
    refused_results: "continue with another message, or take the turn back with /undo; /drop \
        removes attachments",
    reached_max_tokens: "/set max_tokens=N allows longer answers",
    reached_window: "/compact replaces the older part of the conversation with a summary, /new \
        starts a new one",
};

/// The flag that `/region` corresponds to.
const REGION_FLAG: &str = "--region";

/// Returns the message of an error.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::Config(config::Error::Endpoint {
            origin: Origin::Flag(REGION_FLAG),
            source,
        }) => format!("`/region`: {source}"),
        Error::Input(input::Error::TextAttached { name }) => {
            format!("{name} is text, which /image does not accept")
        }
        _ => error.message(),
    }
}

/// Returns what to do next, in terms of slash commands.
pub(super) fn hint(error: &Error) -> Option<String> {
    let hint = match error {
        Error::Elsewhere {
            region, regions, ..
        } => {
            return Some(format!(
                "use /region {regions}; Tab after /model lists the models of {region}"
            ));
        }
        Error::Call { source, .. } if source.is_prompt_too_long() => {
            "/compact replaces the older part of the conversation with a summary, /undo removes \
             the last message, and /model chooses another model"
        }
        Error::MaxTurns(_) => "/retry asks again; raise the limit with --max-turns",
        Error::Call {
            after_content: true,
            ..
        } => "the partial answer is kept; /retry asks again",
        Error::EmptyAnswer(_) => "/retry asks again",
        Error::Paused { .. } => "a message such as `Continue.` lets it go on",
        Error::Refusal(_) => {
            "/edit changes the message; the same message will probably be refused again"
        }
        Error::Copy(_) => {
            "/export prints the conversation; copying needs a terminal, wl-clipboard or xclip"
        }
        Error::Session(session::Error::None) => "type a message to begin one",
        Error::Session(session::Error::Taken(_)) => {
            "choose another name; /resume NAME continues that conversation"
        }
        Error::Input(input::Error::TooManyImages { .. }) => {
            "/drop removes attachments; /new starts a conversation without the earlier images"
        }
        Error::RequestTooLarge { .. } | Error::TooManyTokens { .. } => {
            "/drop removes attachments; earlier messages count too: /compact summarises the older \
             ones, and /new starts without them"
        }
        Error::NoModel => "choose one with /model ID",
        Error::Input(input::Error::TextAttached { .. }) => "use /file PATH for text",
        Error::Input(input::Error::NotText {
            kind: FileKind::Binary,
            ..
        }) => "use a UTF-8 text file",
        Error::Input(input::Error::Secrets { .. }) => {
            "remove it from the file, or start the chat with `--secrets mask`, which replaces \
             secrets, or with `--secrets send`"
        }
        Error::Input(input::Error::NotText { .. }) => {
            "use /image PATH for images, /file PATH for \
            a PDF"
        }
        Error::Input(input::Error::NoTextFiles { .. }) => {
            "hidden files, and files excluded by .gitignore, are skipped; to send one of them, \
             name it with /file PATH"
        }
        _ => return error.hint_with(&PROMPT),
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::EndpointError;
    use crate::error::OptionAdvice;
    use crate::protocol::StopReason;

    #[test]
    fn what_cannot_be_typed_at_the_prompt_is_not_told_there() {
        let text_attached = || {
            Error::Input(input::Error::TextAttached {
                name: "x".to_owned(),
            })
        };
        let refused = |advice| Error::OptionRefused {
            message: String::new(),
            advice,
        };
        let conflict = Error::Config(config::Error::Endpoint {
            origin: Origin::Flag(REGION_FLAG),
            source: EndpointError::RegionConflict {
                fixed: "us".to_owned(),
                chosen: "eu".to_owned(),
            },
        });
        let nothing_to_pick = |others: &[&str]| Error::NothingToPick {
            region: "eu".to_owned(),
            others: others.iter().map(|&other| other.to_owned()).collect(),
        };
        for (error, expected) in [
            (
                &conflict,
                "choose /region us, or write {region} in the base URL",
            ),
            (
                &nothing_to_pick(&[]),
                "try another /region, or ask your workspace's admin",
            ),
            (
                &nothing_to_pick(&["a", "b"]),
                "choose a model with /model; the region has: a, b",
            ),
            (
                &Error::Session(session::Error::Unknown("x".to_owned())),
                "/sessions lists the conversations",
            ),
            (
                &refused(OptionAdvice::LetItThink),
                "this model always thinks: leave out `/thinking off`, or choose how much it \
                 thinks with /effort; a chat started with --no-check sends it anyway",
            ),
            (
                &refused(OptionAdvice::OtherBudget { max_tokens: 4096 }),
                "use /set max_tokens=4096, or another budget with /thinking N",
            ),
            (
                &Error::Truncated(StopReason::MaxTokens),
                "/set max_tokens=N allows longer answers",
            ),
            (&text_attached(), "use /file PATH for text"),
            (
                &Error::Refusal(None),
                "/edit changes the message; the same message will probably be refused again",
            ),
            (
                &Error::Session(session::Error::None),
                "type a message to begin one",
            ),
            (
                &Error::Session(session::Error::Taken("x".to_owned())),
                "choose another name; /resume NAME continues that conversation",
            ),
        ] {
            assert_eq!(hint(error).as_deref(), Some(expected));
        }
        assert_eq!(
            message(&text_attached()),
            "x is text, which /image does not accept"
        );
        assert_eq!(
            message(&conflict),
            "`/region`: the base URL is for region `us`, but region `eu` is chosen"
        );
    }

    #[test]
    fn the_words_of_a_message_are_left_alone() {
        let usage = Error::Usage {
            message: "-m x".to_owned(),
            hint: Some("is it -m y?".to_owned()),
        };
        assert_eq!(message(&usage), "-m x");
        assert_eq!(hint(&usage).as_deref(), Some("is it -m y?"));
    }
}
