//! What is known of the limits: what the user set, what the server reports, and what its 429s
//! imply.

use super::SECOND;
use super::window::{RateLimits, WINDOW};

/// How long a limit holds that the server reported.
const REPORT_LIFETIME: u64 = 24 * 60 * WINDOW;

/// How long a limit holds that was inferred from a 429.
const INFERENCE_LIFETIME: u64 = 15 * WINDOW;

/// The shortest time from one inference to the next: several 429s may have one cause.
const INFERENCE_INTERVAL: u64 = 10 * SECOND;

/// The limits that hold before a server has said anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct BaseLimits {
    /// What the user set: never exceeded, whatever the server reports.
    pub(crate) configured: RateLimits,
    /// What is assumed where neither the user nor the server says anything.
    pub(crate) assumed: RateLimits,
    /// The part of all limits that may be used, those that the server reports included.
    pub(crate) share: LimitShare,
}

/// A part of a limit, in millionths: more than nothing, and at most all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LimitShare(u64);

impl Default for LimitShare {
    fn default() -> Self {
        Self(Self::WHOLE)
    }
}

impl LimitShare {
    /// All of it, in millionths.
    const WHOLE: u64 = 1_000_000;

    /// Returns the share of each of so many; all of it for one and for none.
    pub(crate) fn one_of(count: u64) -> Self {
        Self((Self::WHOLE / count.max(1)).max(1))
    }

    /// Returns the share that a number above 0 and up to 1 stands for, none for another number.
    pub(crate) fn from_fraction(fraction: f64) -> Option<Self> {
        if !(fraction > 0.0 && fraction <= 1.0) {
            return None;
        }
        // At most a million, so that nothing is cut off but what is behind the point.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let millionths = (fraction * 1_000_000.0) as u64;
        Some(Self(millionths.max(1)))
    }

    /// Returns this part of a limit, rounded down, but at least 1.
    pub(super) fn of_limit(self, limit: u64) -> u64 {
        self.part_of(limit).max(1)
    }

    /// Returns this part of limits.
    pub(super) fn of_limits(self, limits: RateLimits) -> RateLimits {
        RateLimits {
            requests: limits.requests.map(|limit| self.of_limit(limit)),
            tokens: limits.tokens.map(|limit| self.of_limit(limit)),
        }
    }

    /// Returns whether it is all of a limit.
    pub(super) fn is_whole(self) -> bool {
        self.0 == Self::WHOLE
    }

    /// Returns this part of what is used, rounded up.
    pub(super) fn of_usage(self, used: u64) -> u64 {
        let part = (u128::from(used) * u128::from(self.0)).div_ceil(u128::from(Self::WHOLE));
        u64::try_from(part).unwrap_or(used)
    }

    /// Returns this part of a number, rounded down.
    pub(super) fn part_of(self, number: u64) -> u64 {
        let part = u128::from(number) * u128::from(self.0) / u128::from(Self::WHOLE);
        u64::try_from(part).unwrap_or(number)
    }

    /// Returns it in percent, at least 1.
    pub(crate) fn percent(self) -> u64 {
        (self.0 / 10_000).max(1)
    }
}

impl BaseLimits {
    /// Returns whether anything is limited before the server has said anything.
    pub(super) fn is_any(&self) -> bool {
        self.configured.is_any() || self.assumed.is_any()
    }
}

/// What the headers of a response say of the limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct ServerReport {
    /// Requests a minute.
    pub(crate) requests: Option<ReportedLimit>,
    /// Tokens a minute.
    pub(crate) tokens: Option<ReportedLimit>,
}

impl ServerReport {
    fn limits(&self) -> RateLimits {
        let limit =
            |reported: Option<ReportedLimit>| reported.map(|reported| reported.limit.max(1));
        RateLimits {
            requests: limit(self.requests),
            tokens: limit(self.tokens),
        }
    }
}

/// A limit as the server reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReportedLimit {
    /// The limit a minute.
    pub(crate) limit: u64,
    /// What is left of it, if the server says so.
    pub(crate) remaining: Option<u64>,
}

impl ReportedLimit {
    /// Returns what has been used of it, if the server says so.
    pub(super) fn used_amount(self) -> Option<u64> {
        self.remaining
            .map(|remaining| self.limit.saturating_sub(remaining))
    }
}

/// Limits, and when they were learned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct LearnedLimit {
    /// When.
    pub(super) at: u64,
    /// The limits.
    pub(super) limits: RateLimits,
}

impl LearnedLimit {
    /// Returns the limits, none once they are older than `lifetime`.
    fn still_valid(self, now: u64, lifetime: u64) -> RateLimits {
        if now < self.at.saturating_add(lifetime) {
            self.limits
        } else {
            RateLimits::default()
        }
    }
}

/// What the server has said of its limits, in words and by refusing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct KnownLimits {
    /// What its headers reported last.
    pub(super) reported: LearnedLimit,
    /// What its 429s imply where its headers report nothing.
    pub(super) inferred: LearnedLimit,
}

impl KnownLimits {
    /// Notes what the headers of a response report.
    pub(super) fn note_report(&mut self, now: u64, report: &ServerReport) {
        let limits = report.limits();
        self.reported = LearnedLimit { at: now, limits };
    }

    /// Returns whether a report has different limits from the one before, or comes at least
    /// `interval` after it.
    pub(super) fn is_news(&self, now: u64, report: &ServerReport, interval: u64) -> bool {
        let is_due = now >= self.reported.at.saturating_add(interval);
        is_due || self.reported.limits != report.limits()
    }

    /// Infers from a 429 how much is allowed at most, where the server does not report it. So many
    /// requests and tokens it has let in within the last minute.
    pub(super) fn infer_limits(&mut self, now: u64, base: &BaseLimits, requests: u64, tokens: u64) {
        let is_too_soon =
            self.inferred.at != 0 && now < self.inferred.at.saturating_add(INFERENCE_INTERVAL);
        if is_too_soon {
            return;
        }
        let (limits, reported) = (self.in_force(now, base), self.server_limits(now));
        // A single 429 may have any cause: it removes half at the most.
        let lowered = |limit: Option<u64>, reported: Option<u64>, used: u64| {
            let limit = limit.filter(|_| reported.is_none())?;
            Some(used.max(limit / 2).clamp(1, limit))
        };
        let limits = RateLimits {
            requests: lowered(limits.requests, reported.requests, requests),
            tokens: lowered(limits.tokens, reported.tokens, tokens),
        };
        if limits.is_any() {
            self.inferred = LearnedLimit { at: now, limits };
        }
    }

    /// Bounds the times at which something was learned: none of them is still to come.
    pub(super) fn bound_times(&mut self, now: u64) {
        self.reported.at = self.reported.at.min(now);
        self.inferred.at = self.inferred.at.min(now);
    }

    /// Returns the limits that the server has reported, as far as they are still valid.
    pub(super) fn server_limits(&self, now: u64) -> RateLimits {
        self.reported.still_valid(now, REPORT_LIFETIME)
    }

    /// Returns the limits in force.
    pub(super) fn in_force(&self, now: u64, base: &BaseLimits) -> RateLimits {
        let reported = self.server_limits(now);
        let inferred = self.inferred.still_valid(now, INFERENCE_LIFETIME);
        let lowest = |of: fn(&RateLimits) -> Option<u64>| {
            let stated = of(&base.configured).into_iter().chain(of(&reported)).min();
            let known = base.share.of_limit(stated.or(of(&base.assumed))?);
            Some(of(&inferred).map_or(known, |inferred| inferred.min(known)))
        };
        RateLimits {
            requests: lowest(|limits| limits.requests),
            tokens: lowest(|limits| limits.tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000 * SECOND;

    fn both(requests: Option<u64>, tokens: Option<u64>) -> RateLimits {
        RateLimits { requests, tokens }
    }

    #[test]
    fn a_report_overrides_assumed_limits_and_never_exceeds_configured_ones() {
        let reported = |limit| {
            Some(ReportedLimit {
                limit,
                remaining: None,
            })
        };
        let base = BaseLimits {
            configured: both(None, Some(50)),
            assumed: both(Some(500), Some(60)),
            share: LimitShare::default(),
        };
        let mut known = KnownLimits::default();
        let report = ServerReport {
            requests: reported(1000),
            tokens: reported(9),
        };
        known.note_report(NOW, &report);
        assert_eq!(known.in_force(NOW, &base), both(Some(1000), Some(9)));
        let report = ServerReport {
            requests: None,
            tokens: reported(99),
        };
        known.note_report(NOW, &report);
        assert_eq!(known.in_force(NOW, &base), both(Some(500), Some(50)));
        known.infer_limits(NOW, &base, 0, 0);
        assert_eq!(known.in_force(NOW, &base).requests, Some(250));
    }

    #[test]
    fn a_share_is_a_part_of_every_limit_whoever_has_set_it() {
        let base = BaseLimits {
            configured: both(Some(100), None),
            assumed: both(None, Some(60_000)),
            share: LimitShare::one_of(4),
        };
        let mut known = KnownLimits::default();
        assert_eq!(known.in_force(NOW, &base), both(Some(25), Some(15_000)));
        let reported = |limit| {
            Some(ReportedLimit {
                limit,
                remaining: None,
            })
        };
        let report = ServerReport {
            requests: reported(2),
            tokens: reported(80_000),
        };
        known.note_report(NOW, &report);
        assert_eq!(known.in_force(NOW, &base), both(Some(1), Some(20_000)));
        known.infer_limits(NOW, &base, 1, 7);
        assert_eq!(known.in_force(NOW, &base), both(Some(1), Some(20_000)));
    }

    #[test]
    fn a_fraction_is_a_share_if_it_is_above_nothing_and_at_most_all() {
        for fraction in [0.0, -0.5, 1.1, f64::NAN] {
            assert_eq!(LimitShare::from_fraction(fraction), None, "{fraction}");
        }
        assert_eq!(LimitShare::from_fraction(1.0), Some(LimitShare::default()));
        assert_eq!(LimitShare::from_fraction(0.25), Some(LimitShare::one_of(4)));
        assert_eq!(LimitShare::one_of(0), LimitShare::default());
        assert_eq!(LimitShare::one_of(4).percent(), 25);
        assert_eq!(LimitShare::one_of(4).of_usage(5), 2);
    }

    #[test]
    fn a_report_is_valid_for_a_day_and_an_inference_for_a_quarter_of_an_hour() {
        let base = BaseLimits {
            configured: both(Some(100), None),
            ..BaseLimits::default()
        };
        let mut known = KnownLimits::default();
        let tokens = Some(ReportedLimit {
            limit: 0,
            remaining: None,
        });
        known.note_report(
            NOW,
            &ServerReport {
                requests: None,
                tokens,
            },
        );
        known.infer_limits(NOW, &base, 70, 0);
        let (quarter, day) = (NOW + 15 * WINDOW, NOW + 24 * 60 * WINDOW);
        assert_eq!(
            known.in_force(quarter - 1, &base),
            both(Some(70), Some(1)),
            "a limit is at least 1"
        );
        assert_eq!(known.in_force(quarter, &base), both(Some(100), Some(1)));
        assert_eq!(known.in_force(day, &base), base.configured);
    }
}
