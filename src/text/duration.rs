//! Parsing of durations (`500ms`, `30s`, `1.5h`, `30d`; a bare number is seconds) and formatting
//! for messages.
//!
//! No crate fits: `humantime` and `jiff` reject some of what this program accepts, such as a bare
//! number, `.5s`, `0.3333h` or a fraction of a day.

use std::time::Duration;

use super::plural::counted;

/// The longest duration, in seconds: a hundred years, so that adding it to a clock cannot overflow.
const MAX_SECONDS: f64 = 36_500.0 * 86_400.0;

/// A unit of time.
struct TimeUnit {
    /// Suffix in the input.
    suffix: &'static str,
    /// Symbol in short output.
    symbol: &'static str,
    /// Noun in long output, in the singular.
    noun: &'static str,
    /// Length in seconds.
    seconds: u32,
}

/// The unit for durations under a minute, and for exact ones.
const SECOND: TimeUnit = TimeUnit {
    suffix: "s",
    symbol: "s",
    noun: "second",
    seconds: 1,
};

/// Longer units in ascending order.
const LONGER_UNITS: [TimeUnit; 3] = [
    TimeUnit {
        suffix: "m",
        symbol: "min",
        noun: "minute",
        seconds: 60,
    },
    TimeUnit {
        suffix: "h",
        symbol: "h",
        noun: "hour",
        seconds: 3600,
    },
    TimeUnit {
        suffix: "d",
        symbol: "d",
        noun: "day",
        seconds: 86_400,
    },
];

/// Parses a duration.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let number_ends = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_ends);
    let unit = LONGER_UNITS.iter().find(|unit| unit.suffix == suffix);
    let seconds_each = match (suffix, unit) {
        (_, Some(unit)) => f64::from(unit.seconds),
        ("", _) => 1.0,
        (suffix, _) if suffix == SECOND.suffix => 1.0,
        ("ms", _) => 0.001,
        _ => f64::NAN,
    };
    let seconds = number
        .parse::<f64>()
        .ok()
        .map(|number| number * seconds_each);
    if seconds.is_some_and(|seconds| seconds > MAX_SECONDS) {
        return Err(format!("`{text}` is too long: the maximum is 36500d"));
    }
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            format!("`{text}` is not a duration: write a number and ms, s, m, h or d, such as 30s")
        })
}

/// Parses a duration greater than zero.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err(format!("`{text}`: must be more than 0, such as 30s")),
        timeout => Ok(timeout),
    }
}

/// Formats a duration so that [`parse_duration`] reads it back.
pub(crate) fn format_duration(duration: Duration) -> String {
    format!("{}{}", duration.as_secs_f64(), SECOND.suffix)
}

/// Formats a duration in seconds with its fraction, for messages.
pub(crate) fn format_seconds(duration: Duration) -> String {
    format!("{} {}", duration.as_secs_f64(), SECOND.symbol)
}

/// Rounds a duration up to whole seconds, so that a wait of that length is long enough.
pub(crate) fn round_up_to_seconds(duration: Duration) -> Duration {
    let has_begun_another = duration.subsec_nanos() > 0;
    Duration::from_secs(
        duration
            .as_secs()
            .saturating_add(u64::from(has_begun_another)),
    )
}

/// Formats an age in its largest unit, such as `5 min`.
pub(crate) fn format_short_age(age: Duration) -> String {
    let unit = largest_unit(age).unwrap_or(&SECOND);
    format!("{} {}", unit.whole_in(age), unit.symbol)
}

/// Formats an age in words, such as `5 minutes ago`.
pub(crate) fn format_age(age: Duration) -> String {
    largest_unit(age).map_or_else(
        || "just now".to_owned(),
        |unit| format!("{} ago", counted(unit.whole_in(age), unit.noun)),
    )
}

/// Returns the largest unit that fits into an age at least once; `None` under a minute.
fn largest_unit(age: Duration) -> Option<&'static TimeUnit> {
    LONGER_UNITS.iter().rfind(|unit| unit.whole_in(age) > 0)
}

impl TimeUnit {
    /// Returns how many whole units a duration contains.
    fn whole_in(&self, duration: Duration) -> u64 {
        duration.as_secs() / u64::from(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1.5h", 5_400_000),
            ("1d", 86_400_000),
            ("7", 7000),
            (".5s", 500),
            ("1.5d", 129_600_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_timeout_leaves_some_time() {
        assert_eq!(parse_timeout("1ms"), Ok(Duration::from_millis(1)));
        assert!(parse_timeout("0s").is_err_and(|error| error.contains("`0s`")));
    }

    #[test]
    fn invalid_durations_are_rejected_by_name() {
        for text in [
            "",
            "s",
            "5 s",
            "-5s",
            "5w",
            "1e9",
            "5s5s",
            "36501d",
            "999999999999999999999d",
        ] {
            let why = if text.ends_with('d') {
                "is too long"
            } else {
                "is not a duration"
            };
            let expected = format!("`{text}` {why}");
            assert!(
                parse_duration(text).is_err_and(|error| error.contains(&expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn formatted_durations_can_be_parsed_back() {
        for ms in [0, 1, 250, 1500, 90_000, 86_400_000] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_seconds(Duration::from_millis(1500)), "1.5 s");
    }

    #[test]
    fn a_wait_is_rounded_up() {
        for (ms, expected) in [(0, "0 s"), (1, "1 s"), (1000, "1 s"), (1001, "2 s")] {
            assert_eq!(
                format_seconds(round_up_to_seconds(Duration::from_millis(ms))),
                expected
            );
        }
    }

    #[test]
    fn an_age_is_shown_in_its_largest_unit() {
        for (seconds, long, short) in [
            (0, "just now", "0 s"),
            (59, "just now", "59 s"),
            (60, "1 minute ago", "1 min"),
            (3599, "59 minutes ago", "59 min"),
            (7200, "2 hours ago", "2 h"),
            (86_399, "23 hours ago", "23 h"),
            (200_000, "2 days ago", "2 d"),
        ] {
            let age = Duration::from_secs(seconds);
            assert_eq!(
                (format_age(age).as_str(), format_short_age(age).as_str()),
                (long, short)
            );
        }
    }
}
