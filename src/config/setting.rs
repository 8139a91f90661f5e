//! The table of all settings: their names everywhere, types, defaults and descriptions.
//!
//! Every flag of the request has a row, so that it has a default in the config file and in
//! profiles. Of the input flags, the template and `--secrets` have one: files, earlier messages and
//! `--no-check` belong to a single call.
//!
//! Everything else is derived from it: the connection flags, the variables, the keys of the config
//! file, `config show|get|set|unset|init`, the help topics and the man pages.
//! [`Settings`](super::Settings) has the values as the rest of the program uses them.

use super::value_type::{SettingValue, ValueType};
use crate::client::{DEFAULT_BASE_URL, DEFAULT_REGION};
use crate::protocol::{
    CacheMode, EFFORT, RequestField, STOP, SYSTEM, TEMPERATURE, THINKING, TOP_K, TOP_P, USER_ID,
};
use crate::secret_scan::SecretMode;

/// A setting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its key in the config file.
    pub(crate) key: &'static str,
    /// The flag that overrides it.
    pub(crate) flag: SettingFlag,
    /// The environment variable that overrides it.
    pub(crate) variable: Option<SettingVariable>,
    /// The type of its values.
    pub(crate) value_type: ValueType,
    /// Its value if nobody sets it.
    pub(crate) default: DefaultValue,
    /// What it is for: a line without a full stop, clear without context.
    pub(crate) help: &'static str,
    /// Anything else worth knowing, in whole sentences; may be empty.
    pub(crate) long_help: &'static str,
    /// An example of its value, in TOML.
    pub(crate) sample: &'static str,
}

/// The flag of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingFlag {
    /// There is none.
    None,
    /// A connection flag: the command line generates it from the table.
    Connection(&'static str),
    /// A flag of some commands, which declare it themselves.
    Command(&'static str),
}

/// The environment variable of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SettingVariable {
    /// Its name.
    pub(crate) name: &'static str,
    /// Another name, which is read if the first one is not set.
    pub(crate) other_name: Option<&'static str>,
    /// What it sets, if that is not all that the setting is for.
    pub(crate) help: Option<&'static str>,
}

/// The value of a setting that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultValue {
    /// This value, in the syntax of a variable.
    Value(&'static str),
    /// No value; the text says what that means.
    Unset(&'static str),
}

/// All settings, in display order.
pub(crate) const SETTINGS: [Setting; 37] = [
    Setting {
        key: "region",
        flag: SettingFlag::Connection("--region"),
        variable: Some(variable("LANGDOCK_REGION")),
        value_type: ValueType::Region,
        default: DefaultValue::Value(DEFAULT_REGION),
        help: "Region: `eu`, `us`, `global` or `ch`",
        long_help: "Requests go to this region and to no other. Names other than \
            these four are accepted, with a warning.",
        sample: "\"eu\"",
    },
    Setting {
        key: "base_url",
        flag: SettingFlag::Connection("--base-url"),
        variable: Some(variable("LANGDOCK_BASE_URL")),
        value_type: ValueType::BaseUrl,
        default: DefaultValue::Value(DEFAULT_BASE_URL),
        help: "Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the \
         region",
        long_help: "A trailing /v1 or /v1/messages is dropped. /anthropic/{region} is appended if \
                    the base URL is https://api.langdock.com alone, or ends in /api/public.",
        sample: "\"https://api.langdock.com/anthropic/{region}\"",
    },
    Setting {
        key: "api_key_cmd",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::Command,
        default: DefaultValue::Unset("none"),
        help: "Command that prints the API key",
        long_help: "The command runs when a request needs the key. The key is sent only to the \
            host of the `base_url` in the same table.",
        sample: "[\"pass\", \"show\", \"langdock\"]",
    },
    Setting {
        key: "model",
        flag: SettingFlag::Command("--model"),
        variable: Some(variable("LANGDOCK_MODEL")),
        value_type: ValueType::Text,
        default: DefaultValue::Unset("picked from the region's list"),
        help: "Model to ask: an id, or `opus`, `sonnet`, `haiku` or `fable` for the newest model \
         of that family in the region",
        long_help: "",
        sample: "\"claude-sonnet-4-5-20250929\"",
    },
    Setting {
        key: "max_tokens",
        flag: SettingFlag::Command("--max-tokens"),
        variable: Some(variable("LANGDOCK_MAX_TOKENS")),
        value_type: ValueType::Count(1),
        default: DefaultValue::Unset("up to 16384, depending on the model and its limits"),
        help: "Maximum tokens to generate",
        long_help: "",
        sample: "4096",
    },
    field_setting(&SYSTEM, "none", "\"Be brief.\""),
    field_setting(&TEMPERATURE, "the model's", "0.5"),
    field_setting(&TOP_P, "the model's", "0.9"),
    field_setting(&TOP_K, "the model's", "40"),
    field_setting(&STOP, "none", "\"END\""),
    field_setting(&USER_ID, "none", "\"user-1\""),
    field_setting(&THINKING, "the model's", "\"auto\""),
    field_setting(&EFFORT, "the model's", "\"high\""),
    Setting {
        key: "cache",
        flag: SettingFlag::Command("--cache"),
        variable: None,
        value_type: ValueType::OneOf(&CacheMode::NAMES),
        default: DefaultValue::Value(CacheMode::NAMES[0]),
        help: "Use the model's prompt cache: `auto`, `off`, `5m` or `1h`",
        long_help: "In conversations, tool runs and batches, `auto` caches the prompt if that is \
            likely to save money; it never caches a prompt that is sent only once. `5m` and `1h` \
            cache every prompt for that long. In a batch, the first item is sent alone, so that \
            the others can read what it wrote to the cache. If you set cache breakpoints yourself, \
            in --messages or --set, langdock keeps them and adds none of its own. Prompts shorter \
            than the model's minimum (512 to 4,096 tokens) are not cached.",
        sample: "\"auto\"",
    },
    Setting {
        key: "set",
        flag: SettingFlag::Command("--set"),
        variable: None,
        value_type: ValueType::OtherFields,
        default: DefaultValue::Unset("none"),
        help: "Any other field of the request body; may be repeated",
        long_help: "For example --set 'service_tier=\"auto\"'. In the config file, `set` is one \
            KEY=JSON string or a list of them. If the flag or a template sets a field, it \
            overrides that field in the config file's `set`; the other fields there still apply.",
        sample: "['service_tier=\"auto\"']",
    },
    Setting {
        key: "prefill",
        flag: SettingFlag::Command("--prefill"),
        variable: None,
        value_type: ValueType::Text,
        default: DefaultValue::Unset("none"),
        help: "Make the answer begin with this text, which is not printed",
        long_help: "",
        sample: "\"{\"",
    },
    Setting {
        key: "template",
        flag: SettingFlag::Command("--template"),
        variable: None,
        value_type: ValueType::Template,
        default: DefaultValue::Unset("none"),
        help: "Saved prompt: a name from `langdock template list`, or ./FILE for any other file; \
               empty for none",
        long_help: "In the config file, a path is relative to the directory of that file.",
        sample: "\"review\"",
    },
    Setting {
        key: "image_size",
        flag: SettingFlag::Command("--image-size"),
        variable: None,
        value_type: ValueType::ImageSize,
        default: DefaultValue::Value("fit"),
        help: "How images are changed before they are sent: `fit`, `keep`, or the longest side in \
               pixels",
        long_help: "`fit` turns images upright, removes their metadata, such as where a photo was \
            taken, and scales down images that exceed a limit of the endpoint (5 MB as base64; \
            8,000 pixels a side, or 2,000 in tool results and in requests with more than 20 \
            images) to the largest size that the model actually uses. BMP and TIFF are converted. \
            A number also scales down every image whose longest side exceeds it. `keep` sends \
            images unchanged and refuses those that exceed a limit.",
        sample: "\"fit\"",
    },
    Setting {
        key: "secrets_mode",
        flag: SettingFlag::Command("--secrets"),
        variable: None,
        value_type: ValueType::OneOf(&SecretMode::NAMES),
        default: DefaultValue::Value(SecretMode::NAMES[0]),
        help: "What to do about keys, tokens and passwords: `refuse` files that contain one, \
               `mask` each, or `send` them",
        long_help: "Secrets are recognised by the published formats of known services, and in .env \
            files by the names of the variables. With `refuse`, secrets in the prompt and in \
            standard input are reported, but still sent; in a batch, an item that contains a \
            secret fails, and the rest of the batch continues. `mask` replaces each secret with \
            [SECRET 1] and so on; a repeated secret keeps its number. Even with `mask`, the line \
            history of `chat` keeps lines as typed (only API keys are removed). In tool results, \
            secrets are always masked, except with `send`. The [secrets] table of the config file \
            adds rules and exceptions.",
        sample: "\"mask\"",
    },
    Setting {
        key: "connect_timeout",
        flag: SettingFlag::Connection("--connect-timeout"),
        variable: None,
        value_type: ValueType::Timeout,
        default: DefaultValue::Value("5s"),
        help: "Connection timeout",
        long_help: "",
        sample: "\"5s\"",
    },
    Setting {
        key: "idle_timeout",
        flag: SettingFlag::Connection("--idle-timeout"),
        variable: None,
        value_type: ValueType::Timeout,
        default: DefaultValue::Unset("120s if streamed, otherwise 600s"),
        help: "Idle timeout: no data received for this long",
        long_help: "",
        sample: "\"120s\"",
    },
    Setting {
        key: "timeout",
        flag: SettingFlag::Connection("--timeout"),
        variable: None,
        value_type: ValueType::Timeout,
        default: DefaultValue::Unset("none"),
        help: "Total time limit, including waits",
        long_help: "",
        sample: "\"10m\"",
    },
    Setting {
        key: "max_retries",
        flag: SettingFlag::Connection("--max-retries"),
        variable: None,
        value_type: ValueType::Count(0),
        default: DefaultValue::Value("8"),
        help: "Maximum number of retries; 0 for none",
        long_help: "Nothing is retried once a part of the answer has arrived.",
        sample: "8",
    },
    Setting {
        key: "max_wait",
        flag: SettingFlag::Connection("--max-wait"),
        variable: Some(variable("LANGDOCK_MAX_WAIT")),
        value_type: ValueType::Duration,
        default: DefaultValue::Value("120s"),
        help: "Maximum time to wait between attempts, in total",
        long_help: "",
        sample: "\"120s\"",
    },
    Setting {
        key: "workspace",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::Text,
        default: DefaultValue::Unset("each key has its own limits"),
        help: "Name shared by several keys whose rate limits are counted together",
        long_help: "",
        sample: "\"acme\"",
    },
    Setting {
        key: "ledger",
        flag: SettingFlag::None,
        variable: Some(variable("LANGDOCK_LEDGER")),
        value_type: ValueType::LedgerUrl,
        default: DefaultValue::Unset("a file on this machine"),
        help: "Redis or Valkey server where machines share their rate-limit ledgers",
        long_help: "Write redis://HOST, or rediss://HOST for TLS. TLS trusts the certificates of \
            --cacert or, without --cacert, the bundled ones and the system's. Machines that use \
            different keys also need the same workspace. Prefer ledger_password_cmd to a password \
            in the URL. While the server is down, it is tried again every 5 s; once it is back, \
            each machine adds what it used meanwhile and, if the server has lost its data, what it \
            knows of the last minute. The machines' clocks need not agree.",
        sample: "\"rediss://redis.example:6379\"",
    },
    Setting {
        key: "ledger_password_cmd",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::Command,
        default: DefaultValue::Unset("none"),
        help: "Command that prints the password of the ledger's server",
        long_help: "",
        sample: "[\"pass\", \"show\", \"redis\"]",
    },
    Setting {
        key: "ledger_insecure",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::Switch,
        default: DefaultValue::Value("false"),
        help: "Allow a password for the ledger's server without TLS",
        long_help: "",
        sample: "true",
    },
    Setting {
        key: "share",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::Share,
        default: DefaultValue::Unset("1/N with --shard I/N, otherwise 1"),
        help: "Fraction of the limits for this machine while the ledger's server cannot be reached",
        long_help: "A number above 0 and up to 1. With 4 machines, 0.25 on each keeps them within \
            the limits together.",
        sample: "0.25",
    },
    Setting {
        key: "proxy",
        flag: SettingFlag::Connection("--proxy"),
        variable: Some(SettingVariable {
            name: "HTTPS_PROXY",
            other_name: Some("https_proxy"),
            help: Some(
                "URL of the proxy for https requests (http, https or socks5h); empty for \
                none",
            ),
        }),
        value_type: ValueType::ProxyUrl,
        default: DefaultValue::Unset("none"),
        help: "URL of the proxy for requests that leave this machine (http, https or socks5h); \
            empty for none",
        long_help: "",
        sample: "\"http://proxy.example:8080\"",
    },
    Setting {
        key: "cacert",
        flag: SettingFlag::Connection("--cacert"),
        variable: Some(variable("SSL_CERT_FILE")),
        value_type: ValueType::File,
        default: DefaultValue::Unset("the bundled ones and the system's"),
        help: "PEM file of the certificates to trust",
        long_help: "In the config file, a relative path is relative to the directory of that file.",
        sample: "\"ca.pem\"",
    },
    Setting {
        key: "allow_http",
        flag: SettingFlag::Connection("--allow-http"),
        variable: None,
        value_type: ValueType::Switch,
        default: DefaultValue::Value("false"),
        help: "Allow plain http to another machine",
        long_help: "",
        sample: "true",
    },
    Setting {
        key: "allow_truncated",
        flag: SettingFlag::Command("--allow-truncated"),
        variable: None,
        value_type: ValueType::Switch,
        default: DefaultValue::Value("false"),
        help: "Exit 0 even if the answer was cut off by a token limit",
        long_help: "",
        sample: "true",
    },
    Setting {
        key: "auto_continue",
        flag: SettingFlag::Command("--auto-continue"),
        variable: None,
        value_type: ValueType::CountIn(0, 20),
        default: DefaultValue::Value("0"),
        help: "Continue an answer that was cut off, with up to this many more requests (0 to 20)",
        long_help: "An answer can be cut off by max_tokens or by a lost connection. Its parts are \
            joined and printed as one answer. If thinking is off, models up to version 4.5 \
            continue the text directly. Otherwise, the model is asked to resume, and text that it \
            clearly repeats is removed. An answer with a tool call is not continued.",
        sample: "3",
    },
    Setting {
        key: "save",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::Switch,
        default: DefaultValue::Unset("true if the answer goes to a terminal, otherwise false"),
        help: "Whether `send` saves every conversation (`true`), or only those with --continue or \
            --session (`false`)",
        long_help: "",
        sample: "true",
    },
    Setting {
        key: "theme",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::OneOf(&["auto", "dark", "light"]),
        default: DefaultValue::Value("auto"),
        help: "Colours of rendered Markdown: `dark`, `light`, or `auto`, which is readable on both",
        long_help: "",
        sample: "\"auto\"",
    },
    Setting {
        key: "keys",
        flag: SettingFlag::None,
        variable: None,
        value_type: ValueType::OneOf(&["emacs", "vi"]),
        default: DefaultValue::Value("emacs"),
        help: "Key bindings for editing a line of `chat`: `emacs` or `vi`",
        long_help: "",
        sample: "\"vi\"",
    },
];

/// Returns the setting of a request field, which has a flag but no variable.
const fn field_setting(
    field: &'static RequestField,
    default: &'static str,
    sample: &'static str,
) -> Setting {
    Setting {
        key: field.name,
        flag: SettingFlag::Command(field.flag),
        variable: None,
        value_type: ValueType::Field(field),
        default: DefaultValue::Unset(default),
        help: field.help,
        long_help: "",
        sample,
    }
}

/// Returns a variable with the same meaning as the flag.
const fn variable(name: &'static str) -> SettingVariable {
    SettingVariable {
        name,
        other_name: None,
        help: None,
    }
}

impl Setting {
    /// Finds a setting by its key.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Returns the default value, if there is one.
    pub(super) fn default_value(&self) -> Option<SettingValue> {
        match self.default {
            DefaultValue::Value(text) => {
                let value = self.value_type.parse(text);
                Some(value.expect("a default is a value of its type"))
            }
            DefaultValue::Unset(_) => None,
        }
    }

    /// Describes the setting in sentences: a line with its purpose and default, and another one if
    /// there is more to say.
    pub(crate) fn about(&self) -> impl Iterator<Item = String> {
        let summary = format!("{}. Default: {}.", self.help, self.default.text());
        let more = Some(self.long_help).filter(|text| !text.is_empty());
        [summary].into_iter().chain(more.map(str::to_owned))
    }

    /// Describes its variable in a sentence.
    pub(super) fn about_variable(&self, variable: SettingVariable) -> String {
        let flag = self
            .flag
            .name()
            .map_or_else(String::new, |flag| format!(" ({flag})"));
        let help = variable.help.unwrap_or(self.help);
        let lower_case = match variable.other_name {
            Some(_) => " The lower-case name works too.",
            None => "",
        };
        format!("{help}{flag}.{lower_case}")
    }
}

impl SettingFlag {
    /// Returns the long name, dashes included.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Connection(name) | Self::Command(name) => Some(name),
        }
    }
}

impl SettingVariable {
    /// Returns the names in order of precedence.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.other_name)
    }
}

impl DefaultValue {
    /// Returns the default as shown to the user.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Value(text) | Self::Unset(text) => text,
        }
    }
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
        }
    }

    #[test]
    fn a_line_of_help_has_no_full_stop_and_sentences_have_one() {
        for setting in &SETTINGS {
            assert!(!setting.help.ends_with('.'), "{}", setting.key);
            assert!(
                setting.long_help.is_empty() || setting.long_help.ends_with('.'),
                "{}",
                setting.key
            );
        }
    }

    #[test]
    fn every_default_and_every_sample_is_a_value_of_its_type() {
        for setting in &SETTINGS {
            let has_value = matches!(setting.default, DefaultValue::Value(_));
            assert_eq!(setting.default_value().is_some(), has_value);
            let item = setting.sample.parse().map(toml_edit::Item::Value);
            let sample = setting.value_type.read(&item.expect(setting.key));
            assert!(sample.is_ok(), "{}: {sample:?}", setting.key);
        }
    }
}
