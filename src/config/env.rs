//! The environment: the only place that reads it; the folders come by `dirs`, and certificates by
//! `rustls-native-certs`. A variable that is not named here has no effect.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::Secret;

/// The variables with an effect and what they do, for the man pages.
pub(crate) const VARIABLES: [(&str, &str); 25] = [
    (
        "LANGDOCK_API_KEY",
        "The API key. There is no flag for it, since arguments show in ps.",
    ),
    ("LANGDOCK_REGION", "The region, as --region."),
    ("LANGDOCK_BASE_URL", "The base URL, as --base-url."),
    ("LANGDOCK_MODEL", "The model, as --model."),
    (
        "LANGDOCK_PROFILE",
        "The profile of the config file, as --profile.",
    ),
    (
        "LANGDOCK_SESSION",
        "The conversation that --continue goes on with, by name or id, instead of the last one.",
    ),
    (
        "LANGDOCK_MAX_TOKENS",
        "The most tokens to write, as --max-tokens.",
    ),
    (
        "LANGDOCK_MAX_WAIT",
        "The most time to spend waiting for another try, as --max-wait.",
    ),
    (
        "LANGDOCK_NO_LOG",
        "Keep no log of requests and save nothing of conversations, if it is set to anything.",
    ),
    ("LANGDOCK_CONFIG", "Another config file than the usual one."),
    (
        "HTTPS_PROXY",
        "The proxy for https, as --proxy; the lower-case name works too.",
    ),
    (
        "NO_PROXY",
        "Hosts that are reached without HTTPS_PROXY; the lower-case name works too.",
    ),
    (
        "SSL_CERT_FILE",
        "A PEM file that replaces the trusted certificates, as --cacert.",
    ),
    (
        "SSL_CERT_DIR",
        "A folder of PEM files in place of the system's certificates, which the bundled ones go before.",
    ),
    ("VISUAL", "The editor of --edit; it may have arguments."),
    (
        "EDITOR",
        "The editor of --edit where VISUAL is not set; without both it is vi.",
    ),
    ("TMPDIR", "The folder of the file that --edit opens."),
    (
        "PAGER",
        "The program that shows a tool call that does not fit on the screen; it may have arguments. Without it the call is shown page by page.",
    ),
    (
        "XDG_CONFIG_HOME",
        "The folder in which langdock/config.toml is, on Linux; ~/.config without it.",
    ),
    (
        "XDG_STATE_HOME",
        "The same for what is remembered; ~/.local/state without it.",
    ),
    (
        "XDG_DATA_HOME",
        "The same for conversations; ~/.local/share without it.",
    ),
    (
        "TERM",
        "If it is dumb or not set, Markdown is not rendered, lines are not edited, and nothing is drawn over.",
    ),
    (
        "COLUMNS",
        "The width of rendered Markdown, instead of the terminal's.",
    ),
    (
        "NO_COLOR",
        "No colour, if it is set to anything, as --color never.",
    ),
    (
        "CLICOLOR_FORCE",
        "Colour in pipes too, unless it is 0, as --color always.",
    ),
];

/// What the environment says. A variable that is empty counts as not set.
#[allow(clippy::struct_excessive_bools)] // Variables that are switches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env {
    /// `LANGDOCK_API_KEY`
    pub(crate) api_key: Option<Secret>,
    /// `LANGDOCK_REGION`
    pub(crate) region: Option<String>,
    /// `LANGDOCK_BASE_URL`
    pub(crate) base_url: Option<String>,
    /// `LANGDOCK_MODEL`
    pub(crate) model: Option<String>,
    /// `LANGDOCK_PROFILE`
    pub(crate) profile: Option<String>,
    /// `LANGDOCK_SESSION`
    pub(crate) session: Option<String>,
    /// `LANGDOCK_MAX_TOKENS`
    pub(crate) max_tokens: Option<String>,
    /// `LANGDOCK_MAX_WAIT`
    pub(crate) max_wait: Option<String>,
    /// `LANGDOCK_NO_LOG` is set.
    pub(crate) no_log: bool,
    /// `LANGDOCK_CONFIG`; a path need not be text.
    pub(crate) config: Option<PathBuf>,
    /// `HTTPS_PROXY` or `https_proxy`
    pub(crate) https_proxy: Option<String>,
    /// `NO_PROXY` or `no_proxy`
    pub(crate) no_proxy: Option<String>,
    /// `SSL_CERT_FILE`
    pub(crate) ssl_cert_file: Option<String>,
    /// `VISUAL` or `EDITOR`
    pub(crate) editor: Option<String>,
    /// `PAGER`
    pub(crate) pager: Option<String>,
    /// `TMPDIR`, or what the platform has for it.
    pub(crate) temporary_folder: PathBuf,
    /// `COLUMNS`, where it is a number that a terminal could have.
    pub(crate) columns: Option<usize>,
    /// `NO_COLOR` is set.
    pub(crate) no_color: bool,
    /// `CLICOLOR_FORCE` is set and not 0.
    pub(crate) clicolor_force: bool,
    /// `TERM` says that the terminal can do nothing but print.
    pub(crate) dumb_terminal: bool,
}

/// A variable that is passed on to a program that is run, and is nothing to us.
pub(crate) fn passed_on(name: &str) -> Option<OsString> {
    env::var_os(name)
}

impl Env {
    /// Reads the environment.
    pub(crate) fn read() -> Self {
        let get = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        Self {
            api_key: set("LANGDOCK_API_KEY").map(Secret::new),
            region: set("LANGDOCK_REGION"),
            base_url: set("LANGDOCK_BASE_URL"),
            model: set("LANGDOCK_MODEL"),
            profile: set("LANGDOCK_PROFILE"),
            session: set("LANGDOCK_SESSION"),
            max_tokens: set("LANGDOCK_MAX_TOKENS"),
            max_wait: set("LANGDOCK_MAX_WAIT"),
            no_log: set("LANGDOCK_NO_LOG").is_some(),
            config: env::var_os("LANGDOCK_CONFIG")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            https_proxy: set("HTTPS_PROXY").or_else(|| set("https_proxy")),
            no_proxy: set("NO_PROXY").or_else(|| set("no_proxy")),
            ssl_cert_file: set("SSL_CERT_FILE"),
            editor: set("VISUAL").or_else(|| set("EDITOR")),
            pager: set("PAGER"),
            temporary_folder: env::temp_dir(),
            columns: set("COLUMNS")
                .and_then(|text| text.parse().ok())
                .filter(|&columns: &u16| columns > 0)
                .map(usize::from),
            no_color: set("NO_COLOR").is_some(),
            clicolor_force: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb_terminal: set("TERM").is_none_or(|term| term == "dumb"),
        }
    }
}
