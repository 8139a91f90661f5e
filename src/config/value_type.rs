//! The types of settings: which values are valid, how they are parsed from text and from TOML, and
//! how they are written and shown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Number, Value as Json, json};
use toml_edit::{Array, Item, Value};

use crate::client::{Endpoint, EndpointError, LedgerUrl, Region};
use crate::media::ImageSize;
use crate::pace::LimitShare;
use crate::protocol::{FieldShape, MAX_COUNT, RequestField, default_field, price_of_a_token};
use crate::text::{format_duration, grouped, parse_duration, parse_timeout};

/// The type of a setting's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueType {
    /// A region's slug.
    Region,
    /// A base URL.
    BaseUrl,
    /// The URL of a proxy, whose password is never shown.
    ProxyUrl,
    /// The URL of a server of shared ledgers, whose password is never shown.
    LedgerUrl,
    /// A part of a limit: a number above 0 and up to 1.
    Share,
    /// US dollars for a million tokens: a decimal number, of which every digit counts.
    Price,
    /// Text that is not blank.
    Text,
    /// The path of a file; one in the config file is relative to that file's directory.
    File,
    /// A saved prompt: a name, or a path, which has a slash; one in the config file is relative to
    /// that file's directory.
    Template,
    /// A whole number from this minimum to [`MAX_COUNT`].
    Count(u64),
    /// A whole number from the first to the second one.
    CountIn(u64, u64),
    /// A duration, such as `30s`.
    Duration,
    /// A duration longer than zero.
    Timeout,
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// How images are changed: a word, or a number of pixels.
    ImageSize,
    /// A program and its arguments.
    Command,
    /// A list of names, which may be empty.
    Names,
    /// What the flag of this request field takes, as a number or as text, or as a list if the flag
    /// can be repeated.
    Field(&'static RequestField),
    /// Other fields of the request: `KEY=JSON`, or a list of such texts.
    OtherFields,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingValue {
    /// A region, a URL, a share, a text, a word or a request field.
    Text(String),
    /// A file.
    File(PathBuf),
    /// A count.
    Count(u64),
    /// A duration or a timeout.
    Duration(Duration),
    /// A switch.
    Switch(bool),
    /// A command, a list of names, or the values of a flag that can be repeated.
    List(Vec<String>),
}

/// Why a value does not have its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidValue {
    /// It is not valid in an endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Any other reason.
    #[error("{0}")]
    Other(String),
}

impl From<String> for InvalidValue {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl ValueType {
    /// Returns the words that a value may be, as far as it is a word.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Switch => &["true", "false"],
            Self::OneOf(words) => words,
            Self::ImageSize => &["fit", "keep"],
            Self::Field(field) => field.shape.words(),
            _ => &[],
        }
    }

    /// Parses a value in the syntax of flags, variables and `config set`.
    pub(crate) fn parse(self, text: &str) -> Result<SettingValue, InvalidValue> {
        Ok(match self {
            Self::Region => {
                Region::new(text)?;
                SettingValue::Text(text.to_owned())
            }
            Self::BaseUrl => {
                // Whether plain http is allowed depends on another setting: `resolve` checks that.
                Endpoint::new(Some(text), None, true)?;
                SettingValue::Text(text.to_owned())
            }
            Self::LedgerUrl => {
                LedgerUrl::new(text).map_err(|error| error.to_string())?;
                SettingValue::Text(text.trim().to_owned())
            }
            Self::Share => {
                parse_share(text)?;
                SettingValue::Text(text.to_owned())
            }
            Self::Price => {
                price_of_a_token(text).ok_or_else(|| {
                    format!("`{text}` is not a price in US dollars, such as 0.25")
                })?;
                SettingValue::Text(text.to_owned())
            }
            Self::ImageSize => {
                ImageSize::parse(text)?;
                SettingValue::Text(text.to_owned())
            }
            Self::Text => SettingValue::Text(not_blank(text)?),
            Self::ProxyUrl => SettingValue::Text(text.trim().to_owned()),
            _ if self.is_repeatable() => {
                let list = text.parse().ok().map(Item::Value);
                let list = list.as_ref().and_then(texts);
                self.checked_list(list.unwrap_or_else(|| vec![text.to_owned()]))?
            }
            Self::Field(field) => {
                field.parse(text)?;
                SettingValue::Text(text.to_owned())
            }
            Self::Template if text == "-" => {
                return Err("must be a name or a path".to_owned().into());
            }
            // No template.
            Self::Template if text.is_empty() => SettingValue::File(PathBuf::new()),
            Self::Template | Self::File => SettingValue::File(not_blank(text)?.into()),
            Self::Count(least) => SettingValue::Count(parse_count(text, least, MAX_COUNT)?),
            Self::CountIn(least, most) => SettingValue::Count(parse_count(text, least, most)?),
            Self::Duration => SettingValue::Duration(parse_duration(text)?),
            Self::Timeout => SettingValue::Duration(parse_timeout(text)?),
            Self::Switch => match text {
                "true" => SettingValue::Switch(true),
                "false" => SettingValue::Switch(false),
                _ => return Err(format!("`{text}`: must be `true` or `false`").into()),
            },
            Self::OneOf(words) if words.contains(&text) => SettingValue::Text(text.to_owned()),
            Self::OneOf(words) => {
                return Err(format!("`{text}`: must be one of `{}`", words.join("`, `")).into());
            }
            Self::Command | Self::Names | Self::OtherFields => {
                let value: Option<Value> = text.parse().ok();
                self.read(&value.map_or(Item::None, Item::Value))?
            }
        })
    }

    /// Reads a value of the config file.
    pub(super) fn read(self, item: &Item) -> Result<SettingValue, InvalidValue> {
        let wrong_type = || InvalidValue::Other(format!("must be {}", self.description()));
        let text = match self {
            Self::Command | Self::Names => {
                let list = texts(item).filter(|list| self == Self::Names || has_program(list));
                return list.map(SettingValue::List).ok_or_else(wrong_type);
            }
            _ if self.is_repeatable() => {
                let one = || item.as_str().map(|text| vec![text.to_owned()]);
                let list = texts(item).or_else(one).ok_or_else(wrong_type)?;
                return Ok(self.checked_list(list)?);
            }
            Self::Count(_) | Self::CountIn(..) => {
                item.as_integer().map(|number| number.to_string())
            }
            Self::Switch => item.as_bool().map(|switch| switch.to_string()),
            Self::Field(field) => field_text(field, item),
            Self::Share => number_text(item),
            Self::Price => written_number(item),
            Self::ImageSize => number_text(item).or_else(|| item.as_str().map(str::to_owned)),
            _ => item.as_str().map(str::to_owned),
        };
        self.parse(&text.ok_or_else(wrong_type)?)
    }

    /// Whether the flag of the setting can be repeated, so that its value may be a list.
    fn is_repeatable(self) -> bool {
        match self {
            Self::Field(field) => field.shape == FieldShape::Texts,
            other => other == Self::OtherFields,
        }
    }

    /// Checks each value of a flag that can be repeated.
    fn checked_list(self, list: Vec<String>) -> Result<SettingValue, String> {
        for text in &list {
            match self {
                Self::Field(field) => field.parse(text).map(drop)?,
                _ => default_field(text).map(drop)?,
            }
        }
        Ok(SettingValue::List(list))
    }

    /// Returns the TOML for a value. Text is kept as the user typed it.
    pub(super) fn to_toml(self, text: &str) -> Result<Value, InvalidValue> {
        Ok(match self.parse(text)? {
            SettingValue::Count(number) => {
                Value::from(i64::try_from(number).expect("a count is at most `MAX_COUNT`"))
            }
            SettingValue::Switch(switch) => Value::from(switch),
            SettingValue::List(list) if self.is_repeatable() && list == [text] => Value::from(text),
            SettingValue::List(list) => Value::Array(Array::from_iter(list)),
            SettingValue::Text(text)
                if matches!(self, Self::Field(_) | Self::Share | Self::ImageSize) =>
            {
                field_value(&text)
            }
            SettingValue::Text(text) if self == Self::Price => {
                text.parse().unwrap_or_else(|_| Value::from(text))
            }
            SettingValue::Text(_) | SettingValue::File(_) | SettingValue::Duration(_) => {
                Value::from(text)
            }
        })
    }

    /// Returns the JSON that `config show` prints for a value.
    pub(super) fn shown(self, value: &SettingValue) -> Json {
        match value {
            SettingValue::Text(url) if self == Self::ProxyUrl => json!(without_login(url)),
            SettingValue::Text(url) if self == Self::LedgerUrl => {
                LedgerUrl::new(url).map_or(Json::Null, |url| json!(url.masked()))
            }
            SettingValue::Text(text)
                if matches!(
                    self,
                    Self::Field(_) | Self::Share | Self::Price | Self::ImageSize
                ) =>
            {
                text.parse::<Number>()
                    .map_or_else(|_| json!(text), Json::Number)
            }
            SettingValue::Text(text) => json!(text),
            SettingValue::File(path) => json!(path.to_string_lossy()),
            SettingValue::Count(number) => json!(number),
            SettingValue::Duration(duration) => json!(format_duration(*duration)),
            SettingValue::Switch(switch) => json!(switch),
            SettingValue::List(list) => json!(list),
        }
    }

    /// Describes the TOML that is expected, for messages.
    fn description(self) -> &'static str {
        match self {
            Self::Region
            | Self::BaseUrl
            | Self::ProxyUrl
            | Self::LedgerUrl
            | Self::Text
            | Self::File
            | Self::Template
            | Self::OneOf(_) => "text in quotes",
            Self::Count(_) | Self::CountIn(..) => "a whole number",
            Self::Share => "a number above 0 and up to 1",
            Self::Price => "a number of US dollars",
            Self::ImageSize => "\"fit\", \"keep\" or a number of pixels",
            Self::Duration | Self::Timeout => "a duration in quotes, such as \"30s\"",
            Self::Switch => "`true` or `false`",
            Self::Command => {
                "a list of a program and its arguments, such as [\"pass\", \"show\", \"langdock\"]"
            }
            Self::Names => "a list of names such as [\"look_up\"]",
            Self::Field(field) => match field.shape {
                FieldShape::Count => "a whole number",
                FieldShape::Fraction => "a number",
                FieldShape::Texts => "text in quotes, or a list of texts",
                FieldShape::Thinking => "\"auto\", \"off\" or a whole number",
                _ => "text in quotes",
            },
            Self::OtherFields => "KEY=JSON in quotes, or a list such as ['a=1', 'b=\"x\"']",
        }
    }
}

/// Returns the value of a request field in the config file in the syntax of its flag: a number if
/// the field is numeric.
fn field_text(field: &RequestField, item: &Item) -> Option<String> {
    let number = || number_text(item);
    let text = || item.as_str().map(str::to_owned);
    match field.shape {
        FieldShape::Count | FieldShape::Fraction => number(),
        FieldShape::Thinking => number().or_else(text),
        FieldShape::Prompt | FieldShape::Texts | FieldShape::UserId | FieldShape::Effort => text(),
    }
}

fn number_text(item: &Item) -> Option<String> {
    let whole = item.as_integer().map(|number| number.to_string());
    whole.or_else(|| item.as_float().map(|number| number.to_string()))
}

/// Returns a number as it is written, without underscores, or a text.
fn written_number(item: &Item) -> Option<String> {
    let written = match item.as_value()? {
        Value::Integer(number) => number.display_repr().into_owned(),
        Value::Float(number) => number.display_repr().into_owned(),
        Value::String(text) => return Some(text.value().clone()),
        _ => return None,
    };
    Some(written.trim().replace('_', ""))
}

/// Returns the TOML for the value of a request field.
fn field_value(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return Value::from(number);
    }
    text.parse::<f64>()
        .map_or_else(|_| Value::from(text), Value::from)
}

impl SettingValue {
    /// Resolves relative paths of a value against `directory`, that of the config file: a file, or
    /// a program unless it is a bare name to look up in `PATH`. So nothing depends on the current
    /// directory.
    pub(super) fn in_directory(self, value_type: ValueType, directory: &Path) -> Self {
        match self {
            // A template's bare name is looked up among the saved prompts.
            Self::File(path)
                if value_type == ValueType::Template
                    && !path.as_os_str().as_encoded_bytes().contains(&b'/') =>
            {
                Self::File(path)
            }
            Self::File(path) => Self::File(directory.join(path)),
            Self::List(mut words) if value_type == ValueType::Command => {
                if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
                    *program = directory.join(&*program).to_string_lossy().into_owned();
                }
                Self::List(words)
            }
            // A system prompt in a file.
            Self::Text(text) => match (value_type, text.strip_prefix('@')) {
                (ValueType::Field(field), Some(file)) if field.shape == FieldShape::Prompt => {
                    Self::Text(format!("@{}", directory.join(file).display()))
                }
                _ => Self::Text(text),
            },
            other => other,
        }
    }
}

/// Converts values to and from the Rust types that they hold.
macro_rules! conversions {
    ($($variant:ident($held:ty)),+) => {$(
        impl From<$held> for SettingValue {
            fn from(value: $held) -> Self {
                Self::$variant(value)
            }
        }

        impl TryFrom<SettingValue> for $held {
            type Error = SettingValue;

            fn try_from(value: SettingValue) -> Result<Self, SettingValue> {
                match value {
                    SettingValue::$variant(held) => Ok(held),
                    other => Err(other),
                }
            }
        }
    )+};
}

conversions!(
    Text(String),
    File(PathBuf),
    Count(u64),
    Duration(Duration),
    Switch(bool),
    List(Vec<String>)
);

fn not_blank(text: &str) -> Result<String, InvalidValue> {
    if text.trim().is_empty() {
        Err("must not be blank".to_owned().into())
    } else {
        Ok(text.to_owned())
    }
}

fn parse_count(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        format!(
            "`{text}` is not a whole number from {least} to {}",
            grouped(most)
        )
    })
}

/// Parses a part of a limit.
pub(super) fn parse_share(text: &str) -> Result<LimitShare, String> {
    let share = text.parse().ok().and_then(LimitShare::from_fraction);
    share.ok_or_else(|| format!("`{text}` is not a number above 0 and up to 1"))
}

fn texts(item: &Item) -> Option<Vec<String>> {
    item.as_array()?
        .iter()
        .map(|text| text.as_str().map(str::to_owned))
        .collect()
}

fn has_program(words: &[String]) -> bool {
    words
        .first()
        .is_some_and(|program| !program.trim().is_empty())
}

/// Returns a URL without the name and the password that may be in it.
pub(crate) fn without_login(url: &str) -> String {
    let Some((login, host)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    match login.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…@{host}"),
        None => format!("…@{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_of_a_proxy_is_not_shown() {
        for (url, expected) in [
            ("http://u:pa@ss@p:1", "http://…@p:1"),
            ("u:pw@p:1", "…@p:1"),
            ("http://p:1", "http://p:1"),
        ] {
            let value = SettingValue::Text(url.to_owned());
            assert_eq!(ValueType::ProxyUrl.shown(&value), json!(expected));
            assert_eq!(ValueType::Text.shown(&value), json!(url));
        }
    }

    #[test]
    fn the_password_of_a_ledger_is_not_shown_and_not_repeated() {
        let url = SettingValue::Text("rediss://u:pw@host:1".to_owned());
        assert_eq!(ValueType::LedgerUrl.shown(&url), json!("rediss://…@host:1"));
        let error = ValueType::LedgerUrl.parse("redis:/u:pw@host");
        let error = error.expect_err("it has no host").to_string();
        assert!(!error.contains("pw@"), "{error}");
    }

    #[test]
    fn a_share_is_a_number_above_0_and_up_to_1() {
        for text in ["1", "0.25", "1.0"] {
            let item: Item = text.parse().map(Item::Value).expect("TOML");
            assert!(ValueType::Share.read(&item).is_ok(), "{text}");
            assert!(ValueType::Share.to_toml(text).is_ok(), "{text}");
        }
        for text in ["0", "1.5", "-1", "\"0.25\"", "true"] {
            let item: Item = text.parse().map(Item::Value).expect("TOML");
            assert!(ValueType::Share.read(&item).is_err(), "{text}");
        }
        let value = SettingValue::Text("0.25".to_owned());
        assert_eq!(ValueType::Share.shown(&value), json!(0.25));
    }

    #[test]
    fn a_relative_path_is_resolved_against_the_directory_of_the_config_file() {
        let directory = Path::new("/c");
        for (given, expected) in [
            ("pass", "pass"),
            ("./key", "/c/./key"),
            ("/bin/key", "/bin/key"),
        ] {
            let words = |program: &str| SettingValue::List(vec![program.into(), "./x".into()]);
            let resolved = words(given).in_directory(ValueType::Command, directory);
            assert_eq!(resolved, words(expected));
        }
        for (given, expected) in [("ca.pem", "/c/ca.pem"), ("/ca.pem", "/ca.pem")] {
            let resolved =
                SettingValue::File(given.into()).in_directory(ValueType::File, directory);
            assert_eq!(resolved, SettingValue::File(expected.into()));
        }
        let names = SettingValue::List(vec!["a/b".into()]);
        assert_eq!(
            names.clone().in_directory(ValueType::Names, directory),
            names
        );
    }
}
