//! Durations as people write them: `500ms`, `30s`, `2m`, `1.5h`, `30d`; a bare number is seconds.

use std::time::Duration;

/// The longest one, in seconds: a hundred years, behind which clocks end.
const LONGEST: f64 = 36_500.0 * 86_400.0;

/// Reads a duration.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let number_ends = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_ends);
    let seconds_each = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => f64::NAN,
    };
    let seconds = number
        .parse::<f64>()
        .ok()
        .map(|number| number * seconds_each);
    if seconds.is_some_and(|seconds| seconds > LONGEST) {
        return Err(format!("`{text}` is too long: 36500d are the most"));
    }
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            format!("`{text}` is no duration: write a number and ms, s, m, h or d, such as 30s")
        })
}

/// Reads a duration that is more than none.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err(format!(
            "`{text}` leaves no time: write more than 0, such as 30s"
        )),
        timeout => Ok(timeout),
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
    fn anything_else_is_refused_by_name() {
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
                "is no duration"
            };
            let expected = format!("`{text}` {why}");
            assert!(
                parse_duration(text).is_err_and(|error| error.contains(&expected)),
                "{text}"
            );
        }
    }
}
