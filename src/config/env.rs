//! The environment variables that have an effect. No other code reads the environment, except the
//! crates `dirs` for directories and `rustls-native-certs` for certificates.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::Secret;
use super::setting::{SETTINGS, SettingVariable};

/// The variables that belong to no setting, each with a description.
const OTHER_VARIABLES: [(&str, &str); 31] = [
    (
        "LANGDOCK_API_KEY",
        "The API key. It has no flag, because arguments are visible in ps.",
    ),
    (
        "LANGDOCK_PROFILE",
        "Profile in the config file (--profile).",
    ),
    (
        "LANGDOCK_CONFIG",
        "Path of the config file, instead of the default one.",
    ),
    (
        "LANGDOCK_SESSION",
        "Conversation that --continue resumes, by name or id, instead of the last one.",
    ),
    (
        "LANGDOCK_NO_LOG",
        "If set to anything: keep no usage log, and save no conversations.",
    ),
    (
        "NO_PROXY",
        "Hosts to reach without a proxy; the lower-case name works too.",
    ),
    (
        "SSL_CERT_DIR",
        "Directory of PEM files to use instead of the system's certificates; the bundled ones \
        come first.",
    ),
    (
        "VISUAL",
        "Editor for --edit, `config edit` and chat; may include arguments.",
    ),
    (
        "EDITOR",
        "The same if VISUAL is not set; vi if neither is set.",
    ),
    (
        "TMPDIR",
        "Directory for the drafts of --edit and chat, and the temporary file of merge.",
    ),
    (
        "PAGER",
        "Pager for text that does not fit on the screen; may include arguments. If empty or `cat`, \
        there is none. If not set, less is used, and langdock itself pages tool calls.",
    ),
    (
        "LESS",
        "Options of less, if less is the pager; FRX by default.",
    ),
    (
        "WAYLAND_DISPLAY",
        "For --copy and /copy: if set, there is a Wayland desktop, and wl-copy is used.",
    ),
    (
        "DISPLAY",
        "For --copy and /copy: if set, there is an X server, and xclip is used.",
    ),
    (
        "SSH_CONNECTION",
        "For --copy and /copy: if this or SSH_TTY is set, the terminal is asked to copy, not the \
        desktop of this machine.",
    ),
    (
        "TMUX",
        "For --copy and /copy: if set, the terminal is tmux, which is asked to copy.",
    ),
    (
        "XDG_CONFIG_HOME",
        "Directory of langdock/config.toml on Linux; ~/.config by default.",
    ),
    (
        "XDG_STATE_HOME",
        "The same for state: caches, rate limits, the usage log; ~/.local/state by default.",
    ),
    (
        "XDG_DATA_HOME",
        "The same for conversations; ~/.local/share by default.",
    ),
    (
        "TERM",
        "If `dumb` or not set: no rendered Markdown, no line editing, no progress lines.",
    ),
    (
        "COLUMNS",
        "Width of rendered Markdown, instead of the terminal's.",
    ),
    (
        "LC_ALL",
        "If this, LC_CTYPE or LANG names a locale without UTF-8, the rules and marks of rendered \
        Markdown are in ASCII.",
    ),
    (
        "NO_COLOR",
        "If set to anything: no colour (`--color never`).",
    ),
    (
        "CLICOLOR_FORCE",
        "If set to anything but 0: colour in pipes too (`--color always`).",
    ),
    (
        "SLURM_ARRAY_TASK_ID",
        "For `--shard auto`: the number of this task in a Slurm array.",
    ),
    (
        "SLURM_ARRAY_TASK_MIN",
        "For `--shard auto`: the first number in that array.",
    ),
    (
        "SLURM_ARRAY_TASK_STEP",
        "For `--shard auto`: the step between the numbers in that array.",
    ),
    (
        "SLURM_ARRAY_TASK_COUNT",
        "For `--shard auto`: how many tasks that array has.",
    ),
    (
        "CI_NODE_INDEX",
        "For `--shard auto`: the number of this job among GitLab's parallel jobs, from 1.",
    ),
    (
        "CI_NODE_TOTAL",
        "For `--shard auto`: how many of these jobs there are.",
    ),
    (
        "JOB_COMPLETION_INDEX",
        "For `--shard auto/N`: the index of this pod in a Kubernetes Job, from 0.",
    ),
];

/// Returns the shell whose completion script started the program, if one did. The variable is no
/// setting.
pub(crate) fn completing_shell(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|shell| !shell.is_empty())
}

/// Returns whether the locale has the characters of box drawing; so does one that is not set.
pub(crate) fn is_utf8_locale() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = names
        .filter_map(env::var_os)
        .find(|locale| !locale.is_empty());
    let Some(locale) = locale else { return true };
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Returns a variable of a job scheduler, which only `--shard auto` reads.
pub(crate) fn shard_variable(name: &str) -> Option<String> {
    let value = env::var_os(name)?.to_string_lossy().into_owned();
    Some(value).filter(|value| !value.is_empty())
}

/// Returns every variable that has an effect with its description, our own first.
pub(crate) fn variables() -> Vec<(&'static str, String)> {
    let of_settings = SETTINGS.iter().filter_map(|setting| {
        let variable = setting.variable?;
        Some((variable.name, setting.about_variable(variable)))
    });
    let others = OTHER_VARIABLES.map(|(name, about)| (name, about.to_owned()));
    let mut variables: Vec<_> = others.into_iter().chain(of_settings).collect();
    variables.sort_by_key(|(name, _)| !name.starts_with("LANGDOCK_"));
    variables
}

/// The environment. An empty variable counts as not set.
#[allow(clippy::struct_excessive_bools)] // Variables that are switches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env {
    /// The variables of settings that are set, by name.
    pub(super) of_settings: Vec<(&'static str, String)>,
    /// `LANGDOCK_API_KEY`
    pub(crate) api_key: Option<Secret>,
    /// `LANGDOCK_PROFILE`
    pub(crate) profile: Option<String>,
    /// `LANGDOCK_SESSION`
    pub(crate) session: Option<String>,
    /// `LANGDOCK_NO_LOG` is set.
    pub(crate) no_log: bool,
    /// `LANGDOCK_CONFIG`; a path need not be UTF-8.
    pub(crate) config: Option<PathBuf>,
    /// `NO_PROXY` or `no_proxy`
    pub(crate) no_proxy: Option<String>,
    /// `VISUAL` or `EDITOR`
    pub(crate) editor: Option<String>,
    /// `PAGER`, also if it is empty, which means none.
    pub(crate) pager: Option<String>,
    /// `TMPDIR`, or the platform's default.
    pub(crate) temporary_directory: PathBuf,
    /// `COLUMNS`, if it is a plausible width of a terminal.
    pub(crate) columns: Option<usize>,
    /// `NO_COLOR` is set.
    pub(crate) no_color: bool,
    /// `CLICOLOR_FORCE` is set and not 0.
    pub(crate) clicolor_force: bool,
    /// `TERM` names a terminal without any control sequences.
    pub(crate) dumb_terminal: bool,
}

/// Returns a variable that is not read here but inherited by programs that are run.
pub(crate) fn inherited_var(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// Returns all variables, for a program that is run as the user would.
pub(crate) fn inherited_vars() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os()
}

impl Env {
    /// Reads the environment.
    pub(crate) fn read() -> Self {
        let get = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let of_settings = SETTINGS
            .iter()
            .filter_map(|setting| setting.variable)
            .filter_map(|variable| variable.names().find_map(|name| Some((name, set(name)?))));
        Self {
            of_settings: of_settings.collect(),
            api_key: set("LANGDOCK_API_KEY").map(Secret::new),
            profile: set("LANGDOCK_PROFILE"),
            session: set("LANGDOCK_SESSION"),
            no_log: set("LANGDOCK_NO_LOG").is_some(),
            config: env::var_os("LANGDOCK_CONFIG")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            no_proxy: set("NO_PROXY").or_else(|| set("no_proxy")),
            editor: set("VISUAL").or_else(|| set("EDITOR")),
            pager: get("PAGER"),
            temporary_directory: env::temp_dir(),
            columns: set("COLUMNS")
                .and_then(|text| text.parse().ok())
                .filter(|&columns: &u16| columns > 0)
                .map(usize::from),
            no_color: set("NO_COLOR").is_some(),
            clicolor_force: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb_terminal: set("TERM").is_none_or(|term| term == "dumb"),
        }
    }
    /// Returns the value of a setting's variable and the name under which it was set.
    pub(super) fn of_setting(&self, variable: SettingVariable) -> Option<(&'static str, &str)> {
        let found = self
            .of_settings
            .iter()
            .find(|(name, _)| variable.names().any(|known| known == *name));
        found.map(|(name, text)| (*name, text.as_str()))
    }
}
