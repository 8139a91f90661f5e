//! The flags of settings and their help, generated from the table of settings.

use clap::builder::{PathBufValueParser, StringValueParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::{SETTINGS, Setting, SettingFlag, SettingValue, SettingValues, ValueType};

/// The settings that have a flag of the connection
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SettingFlags(pub(crate) SettingValues);

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flags().map(|(setting, name)| flag(setting, name)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for (setting, _) in flags() {
            let value = if setting.value_type == ValueType::Switch {
                matches
                    .get_flag(setting.key)
                    .then_some(SettingValue::Switch(true))
            } else {
                matches.get_one(setting.key).cloned()
            };
            self.0.set_flag(setting.key, value);
        }
        Ok(())
    }
}

/// Adds the help of its setting to a flag, wherever the flag is declared.
pub(super) fn with_help(flag: Arg) -> Arg {
    let is_flag_of = |setting: &&Setting| {
        let name = setting.flag.name().and_then(|name| name.strip_prefix("--"));
        name.is_some() && name == flag.get_long()
    };
    let Some(setting) = SETTINGS.iter().find(is_flag_of) else {
        return flag;
    };
    let help = if setting.value_type == ValueType::Switch {
        setting.help.to_owned()
    } else {
        format!("{} [default: {}]", setting.help, setting.default.text())
    };
    let flag = if setting.long_help.is_empty() {
        flag
    } else {
        flag.long_help(format!("{help}\n\n{}", setting.long_help))
    };
    flag.help(help)
}

fn flags() -> impl Iterator<Item = (&'static Setting, &'static str)> {
    SETTINGS.iter().filter_map(|setting| match setting.flag {
        SettingFlag::Connection(name) => Some((setting, name)),
        _ => None,
    })
}

fn flag(setting: &'static Setting, name: &'static str) -> Arg {
    let flag = Arg::new(setting.key).long(name.trim_start_matches('-'));
    let value_type = setting.value_type;
    if value_type == ValueType::Switch {
        return flag.action(ArgAction::SetTrue);
    }
    let flag = flag.value_parser(value_parser(value_type));
    match value_type {
        ValueType::Region => flag.value_name("REGION"),
        ValueType::BaseUrl | ValueType::ProxyUrl => flag.value_name("URL"),
        ValueType::File => flag.value_name("FILE"),
        ValueType::Count(_) | ValueType::CountIn(..) => {
            flag.value_name("N").allow_negative_numbers(true)
        }
        ValueType::Duration | ValueType::Timeout => {
            flag.value_name("DURATION").allow_hyphen_values(true)
        }
        _ => flag.value_name("VALUE"),
    }
}

/// Returns what reads the value of a setting for a flag that a command declares itself.
pub(super) fn setting_parser(key: &str) -> ValueParser {
    let setting = Setting::find(key).expect("a flag of the table is declared");
    value_parser(setting.value_type)
}

fn value_parser(value_type: ValueType) -> ValueParser {
    match value_type {
        // A file name may contain any bytes.
        ValueType::File => PathBufValueParser::new().map(SettingValue::from).into(),
        // Validated later, together, where the error can say more.
        ValueType::Region | ValueType::BaseUrl => {
            StringValueParser::new().map(SettingValue::from).into()
        }
        _ => StringValueParser::new()
            .try_map(move |text| value_type.parse(&text))
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command_line;

    #[test]
    fn every_flag_of_the_request_has_a_key_in_the_config_file() {
        let program = command_line();
        let mut found = 0;
        for name in ["send", "chat", "tool-run", "batch", "count"] {
            let command = program.find_subcommand(name).expect("a command");
            let of_request = |flag: &&Arg| flag.get_help_heading() == Some("Request");
            for flag in command.get_arguments().filter(of_request) {
                let long = flag.get_long().expect("a long flag");
                let mut names = SETTINGS.iter().filter_map(|setting| setting.flag.name());
                let has_setting = names.any(|name| name.strip_prefix("--") == Some(long));
                assert!(has_setting, "--{long} of {name}");
                found += 1;
            }
        }
        assert!(found > 50, "{found}");
    }
}
