//! Dates in the headers of a recorded response: each is as far from now as it was from then.

use std::time::SystemTime;

use jiff::Timestamp;

use super::exchange::RecordedExchange;

/// The headers with a date as HTTP has it.
const HTTP_DATES: [&str; 2] = ["date", "retry-after"];

/// What the names of the headers end in that say when a limit is reset. Some servers write a
/// duration there, which stays as it is.
const RESET: &str = "-reset";

impl RecordedExchange {
    /// Returns the headers of the response as a server would send them now; none without one.
    pub(crate) fn headers_at(&self, now: SystemTime) -> impl Iterator<Item = (&str, String)> {
        let sent_at = self.sent_at().unwrap_or(now);
        let headers = self.response.iter().flat_map(|response| &response.headers);
        headers.map(move |(name, value)| {
            let moved = if HTTP_DATES.contains(&name.as_str()) {
                moved_http_date(value, sent_at, now)
            } else if name.ends_with(RESET) {
                moved_timestamp(value, sent_at, now)
            } else {
                None
            };
            (name.as_str(), moved.unwrap_or_else(|| value.clone()))
        })
    }
}

fn moved_http_date(date: &str, sent_at: SystemTime, now: SystemTime) -> Option<String> {
    let date = httpdate::parse_http_date(date).ok()?;
    moved(date, sent_at, now).map(httpdate::fmt_http_date)
}

fn moved_timestamp(date: &str, sent_at: SystemTime, now: SystemTime) -> Option<String> {
    let date = date.parse::<Timestamp>().ok()?;
    let moved = moved(date.into(), sent_at, now)?;
    let moved = Timestamp::try_from(moved).ok()?;
    Some(format!("{moved:.0}"))
}

fn moved(date: SystemTime, sent_at: SystemTime, now: SystemTime) -> Option<SystemTime> {
    match date.duration_since(sent_at) {
        Ok(later) => now.checked_add(later),
        Err(earlier) => now.checked_sub(earlier.duration()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_date_is_as_far_from_now_as_it_was_from_then() {
        let line = r#"{"at":"2026-11-22T12:00:00Z","attempt":1,"took_ms":1,
            "request":{"method":"GET","url":"u","headers":[]},
            "response":{"status":429,"after_ms":1,"body":[],"headers":[
                ["date","Sun, 22 Nov 2026 12:00:00 GMT"],
                ["retry-after","Sun, 22 Nov 2026 12:00:30 GMT"],
                ["anthropic-ratelimit-tokens-reset","2026-11-22T12:01:00Z"],
                ["x-ratelimit-reset","6m0s"],
                ["expires","Sun, 22 Nov 2026 12:00:00 GMT"]]}}"#;
        let exchange = RecordedExchange::from_line(line).expect("an exchange");
        let later = exchange.sent_at().expect("a time") + Duration::from_secs(3600);
        let headers: Vec<String> = exchange.headers_at(later).map(|(_, value)| value).collect();
        assert_eq!(
            headers,
            [
                "Sun, 22 Nov 2026 13:00:00 GMT",
                "Sun, 22 Nov 2026 13:00:30 GMT",
                "2026-11-22T13:01:00Z",
                "6m0s",
                "Sun, 22 Nov 2026 12:00:00 GMT",
            ]
        );
    }
}
