//! The flags of the request fields, generated from the table of fields.

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use serde_json::Value;

use crate::protocol::{FieldShape, REQUEST_FIELDS, RequestField};

/// The fields of the request that have a flag, as they were given
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RequestFlags(Vec<(&'static RequestField, Value)>);

impl RequestFlags {
    /// Returns the value of a field of the body, if its flag was given.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(field, _)| field.key == key)?;
        Some(&found.1)
    }

    /// Returns the fields that were given, in the order of the body.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static RequestField, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }
}

impl Args for RequestFlags {
    fn augment_args(command: Command) -> Command {
        command.args(REQUEST_FIELDS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RequestFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0 = REQUEST_FIELDS
            .iter()
            .filter_map(|field| Some((field, given(field, matches)?)))
            .collect();
        Ok(())
    }
}

fn given(field: &RequestField, matches: &ArgMatches) -> Option<Value> {
    if field.shape != FieldShape::Texts {
        return matches.get_one::<Value>(field.name).cloned();
    }
    let lists = matches.get_many::<Value>(field.name)?;
    let texts = lists.filter_map(Value::as_array).flatten().cloned();
    Some(Value::Array(texts.collect()))
}

/// Adds the help of its field to a flag.
pub(super) fn with_help(flag: Arg) -> Arg {
    let is_field_of = |field: &&RequestField| {
        let name = field.flag.strip_prefix("--");
        name.is_some() && name == flag.get_long()
    };
    match REQUEST_FIELDS.iter().find(is_field_of) {
        Some(field) => flag.help(field.help),
        None => flag,
    }
}

fn flag(field: &'static RequestField) -> Arg {
    let mut flag = Arg::new(field.name)
        .long(field.flag.trim_start_matches('-'))
        .value_parser(StringValueParser::new().try_map(|text| field.parse(&text)));
    if let Some(short) = field.short {
        flag = flag.short(short);
    }
    match field.shape {
        FieldShape::Prompt => flag.value_name("TEXT|@FILE"),
        FieldShape::Count => flag.value_name("N").allow_negative_numbers(true),
        FieldShape::Fraction => flag.value_name("X").allow_negative_numbers(true),
        FieldShape::Texts => flag
            .value_name("SEQ")
            .allow_hyphen_values(true)
            .action(ArgAction::Append),
        FieldShape::UserId => flag.value_name("ID"),
        FieldShape::Thinking => flag.value_name("auto|off|N").allow_negative_numbers(true),
        FieldShape::Effort => flag.value_name("LEVEL"),
    }
}
