//! Parses and validates the values of flags.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};

use crate::batch::ShardChoice;
use crate::protocol::MAX_COUNT;
use crate::recording::ReplayPace;
use crate::text::{Money, grouped};

/// Returns a parser of a path that may be empty.
pub(super) fn path_or_nothing() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Parses an integer from 1 to [`MAX_COUNT`].
pub(super) fn at_least_one(text: &str) -> Result<u64, String> {
    let in_range = |number: &u64| (1..=MAX_COUNT).contains(number);
    text.parse()
        .ok()
        .filter(in_range)
        .ok_or_else(|| whole_numbers(1, MAX_COUNT))
}

fn whole_numbers(least: u64, most: u64) -> String {
    format!("must be a whole number from {least} to {}", grouped(most))
}

/// Parses a number of jobs, turns and the like, from 1 to [`MAX_COUNT`].
pub(super) fn count(text: &str) -> Result<u32, String> {
    at_least_one(text).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// Parses a non-negative integer.
pub(super) fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| whole_numbers(0, u64::MAX))
}

/// Parses a number of repetitions, which may be 0.
pub(super) fn small_number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| whole_numbers(0, u32::MAX.into()))
}

/// Parses a shard of a batch.
pub(super) fn shard(text: &str) -> Result<ShardChoice, String> {
    text.parse()
}

/// Returns a parser of the pace of a replay.
pub(super) fn replay_pace() -> impl TypedValueParser<Value = ReplayPace> {
    PossibleValuesParser::new(["fast", "real"]).map(|pace| match pace.as_str() {
        "real" => ReplayPace::Real,
        _ => ReplayPace::Fast,
    })
}

/// Parses a port number.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| whole_numbers(0, u16::MAX.into()))
}

/// Parses a rate in tokens per second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let in_range = |number: &f64| (0.01..=1_000_000.0).contains(number);
    text.parse()
        .ok()
        .filter(in_range)
        .ok_or_else(|| "must be a number from 0.01 to 1,000,000".to_owned())
}

/// Parses an amount of US dollars above 0; it may begin with a dollar sign.
pub(super) fn dollars(text: &str) -> Result<Money, String> {
    Money::from_decimal(text.strip_prefix('$').unwrap_or(text))
        .filter(|amount| *amount > Money::ZERO)
        .ok_or_else(|| "must be an amount of US dollars above 0, such as 0.50".to_owned())
}

/// Parses a key, which must be valid in a header.
pub(super) fn key_word(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must be one word of ASCII characters".to_owned())
    }
}

/// Parses text that is not blank.
pub(super) fn not_blank(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("must not be blank".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Parses a template parameter and its value.
pub(super) fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or("must be KEY=VALUE")?;
    if matches!(key, "prompt" | "stdin") {
        return Err(format!(
            "`{key}` is not a parameter: it comes from the command line or standard input"
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_scripted_endpoint_is_refused_with_its_range() {
        assert_eq!(
            (port("0"), port("65535"), whole_number("0")),
            (Ok(0), Ok(65535), Ok(0))
        );
        for text in ["65536", "-1", "x", ""] {
            assert!(
                port(text).is_err_and(|error| error.contains("0 to 65,535")),
                "{text}"
            );
        }
        assert!(
            whole_number("-1")
                .is_err_and(|error| error.contains("0 to 18,446,744,073,709,551,615"))
        );
        assert_eq!((rate("0.01"), rate("1e6")), (Ok(0.01), Ok(1e6)));
        for text in ["0", "-1", "NaN", "inf", "1000001"] {
            assert!(
                rate(text).is_err_and(|error| error.contains("0.01 to 1,000,000")),
                "{text}"
            );
        }
        assert_eq!(key_word("sk-ld-1"), Ok("sk-ld-1".to_owned()));
        for text in ["", "two words", "ключ", "a\tb"] {
            assert!(key_word(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_amount_is_a_decimal_number_of_dollars() {
        assert_eq!(dollars("$0.50"), dollars("0.5"));
        assert_eq!(
            dollars("2").map(|amount| amount.to_string()),
            Ok("$2.00".to_owned())
        );
        for text in ["0", "-1", "", "$", "1e2", "1,50", "2 EUR"] {
            assert!(dollars(text).is_err(), "{text}");
        }
    }
}
