//! The settings of the config file, in a table: what each is called everywhere, what it takes, and
//! what it is for.
//!
//! The file, `config show`, `config set` and `config init` all read from here, so that they cannot
//! know different keys.

use crate::client::{Endpoint, Region};
use crate::text::{MAX_COUNT, parse_duration, parse_timeout};

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A region's slug.
    Region,
    /// A base URL.
    BaseUrl,
    /// Text that is not blank.
    Text,
    /// A whole number of at least this.
    Count(u64),
    /// A duration, as text.
    Duration,
    /// The same, but more than none.
    Timeout,
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A program and its arguments.
    Words,
}

/// A setting that the config file may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its key.
    pub(crate) key: &'static str,
    /// The flag that goes before it.
    pub(crate) flag: &'static str,
    /// The variable that goes before it, empty: none.
    pub(crate) variable: &'static str,
    /// What it takes.
    pub(crate) form: Form,
    /// What it is for.
    pub(crate) about: &'static str,
    /// What it may look like in the file.
    pub(crate) sample: &'static str,
    /// What holds where nobody chose a value, and there is none to show.
    pub(crate) unset: &'static str,
}

/// All of them, in the order in which they are shown.
pub(crate) const SETTINGS: [Setting; 18] = [
    setting(
        "region",
        "--region",
        "LANGDOCK_REGION",
        Form::Region,
        "Requests go to this region only.",
        "\"eu\"",
        "",
    ),
    setting(
        "base_url",
        "--base-url",
        "LANGDOCK_BASE_URL",
        Form::BaseUrl,
        "Another endpoint; {region} in it is replaced.",
        "\"https://api.langdock.com/anthropic/{region}\"",
        "",
    ),
    setting(
        "api_key_cmd",
        "",
        "",
        Form::Words,
        "A command that prints the API key: run when a request needs one, for the host of base_url beside it.",
        "[\"pass\", \"show\", \"langdock\"]",
        "none",
    ),
    setting(
        "model",
        "--model",
        "LANGDOCK_MODEL",
        Form::Text,
        "The model that is asked.",
        "\"claude-sonnet-4-5-20250929\"",
        "none",
    ),
    setting(
        "max_tokens",
        "--max-tokens",
        "LANGDOCK_MAX_TOKENS",
        Form::Count(1),
        "The most tokens to write.",
        "4096",
        "by the model",
    ),
    setting(
        "max_wait",
        "--max-wait",
        "LANGDOCK_MAX_WAIT",
        Form::Duration,
        "Time spent waiting between tries, in all.",
        "\"120s\"",
        "",
    ),
    setting(
        "max_retries",
        "--max-retries",
        "",
        Form::Count(0),
        "Tries after the first one.",
        "8",
        "",
    ),
    setting(
        "connect_timeout",
        "--connect-timeout",
        "",
        Form::Timeout,
        "For a connection to come about.",
        "\"5s\"",
        "",
    ),
    setting(
        "idle_timeout",
        "--idle-timeout",
        "",
        Form::Timeout,
        "With no byte moving.",
        "\"120s\"",
        "120s streamed, 600s not",
    ),
    setting(
        "workspace",
        "",
        "",
        Form::Text,
        "A name that joins several keys: they share their rate limits.",
        "\"acme\"",
        "each key for itself",
    ),
    setting(
        "timeout",
        "--timeout",
        "",
        Form::Timeout,
        "For the whole call, waiting included.",
        "\"10m\"",
        "none",
    ),
    setting(
        "proxy",
        "--proxy",
        "HTTPS_PROXY",
        Form::Text,
        "The proxy for every request that leaves this machine.",
        "\"http://proxy.example:8080\"",
        "none",
    ),
    setting(
        "cacert",
        "--cacert",
        "SSL_CERT_FILE",
        Form::Text,
        "A PEM file of the certificates to trust; a relative path begins at this file's folder.",
        "\"ca.pem\"",
        "the bundled ones and the system's",
    ),
    setting(
        "allow_http",
        "--allow-http",
        "",
        Form::Switch,
        "Allow plain http to another machine.",
        "true",
        "",
    ),
    setting(
        "allow_truncated",
        "--allow-truncated",
        "",
        Form::Switch,
        "Exit 0 even if an answer was cut off by the limit of tokens.",
        "true",
        "",
    ),
    setting(
        "save",
        "",
        "",
        Form::Switch,
        "Whether `send` saves what is said: always, or never but with --continue or --session.",
        "true",
        "on a terminal",
    ),
    setting(
        "theme",
        "",
        "",
        Form::OneOf(THEMES),
        "The terminal's background, for the colours of rendered Markdown: dark, light, or auto for both.",
        "\"auto\"",
        "",
    ),
    setting(
        "keys",
        "",
        "",
        Form::OneOf(&["emacs", "vi"]),
        "The keys that edit a line of `chat`.",
        "\"vi\"",
        "",
    ),
];

/// The names of the themes.
pub(super) const THEMES: &[&str] = &["auto", "dark", "light"];

const fn setting(
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
    form: Form,
    about: &'static str,
    sample: &'static str,
    unset: &'static str,
) -> Setting {
    Setting {
        key,
        flag,
        variable,
        form,
        about,
        sample,
        unset,
    }
}

impl Setting {
    /// Finds a setting by its key.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}

impl Form {
    /// Says why a text is not what the setting takes.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Region => Region::new(text)
                .map(drop)
                .map_err(|error| error.to_string()),
            // Whether plain http is allowed is another setting, and told where the two meet.
            Self::BaseUrl => Endpoint::new(Some(text), None, true)
                .map(drop)
                .map_err(|error| error.to_string()),
            Self::Text if text.trim().is_empty() => Err("it is blank".to_owned()),
            Self::Count(least) => parse_count(text, least).map(drop),
            Self::Duration => parse_duration(text).map(drop),
            Self::Timeout => parse_timeout(text).map(drop),
            Self::Switch if !matches!(text, "true" | "false") => {
                Err(format!("`{text}` is neither `true` nor `false`"))
            }
            Self::OneOf(words) => one_of(text, words),
            Self::Text | Self::Switch | Self::Words => Ok(()),
        }
    }

    /// What it takes, in words.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Region | Self::BaseUrl | Self::Text | Self::OneOf(_) => "text in quotes",
            Self::Count(_) => "a whole number",
            Self::Duration | Self::Timeout => "a duration in quotes, such as \"30s\"",
            Self::Switch => "`true` or `false`",
            Self::Words => {
                "a list of a program and its arguments, such as [\"pass\", \"show\", \"langdock\"]"
            }
        }
    }
}

/// Says what may stand in the place of a word that is none of these.
pub(super) fn one_of(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) {
        Ok(())
    } else {
        Err(format!("`{text}` is none of {}", words.join(", ")))
    }
}

/// Reads a whole number of at least `least`, in the range that flags have too.
pub(crate) fn parse_count(text: &str, least: u64) -> Result<u64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=MAX_COUNT).contains(number));
    number.ok_or_else(|| format!("`{text}` is no whole number from {least} to {MAX_COUNT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_one_row() {
        for (place, setting) in SETTINGS.iter().enumerate() {
            assert_eq!(
                SETTINGS.iter().position(|other| other.key == setting.key),
                Some(place),
                "{}",
                setting.key
            );
            assert!(setting.about.ends_with('.'), "{}", setting.key);
        }
    }
}
