//! Totals of the usage log. Pure: the time zone of days is passed in.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::UsageRecord;
use crate::text::{Money, SignedMoney};

/// What requests are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsageGroup {
    /// The model.
    Model,
    /// The day, in local time.
    Day,
    /// The tag.
    Tag,
    /// The command.
    Command,
}

impl UsageGroup {
    /// Returns the name of the group, as on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Day => "day",
            Self::Tag => "tag",
            Self::Command => "command",
        }
    }
}

/// The totals of some requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct UsageTotals {
    /// The number of requests.
    pub(crate) requests: u64,
    /// The number of requests without a complete answer.
    pub(crate) failed: u64,
    /// Input tokens, without those read from the cache.
    #[serde(rename = "in")]
    pub(crate) tokens_in: u64,
    /// Input tokens read from the cache.
    pub(crate) cache: u64,
    /// Those of `tokens_in` that were written to the cache for five minutes.
    pub(crate) cache_write: u64,
    /// Those of `tokens_in` that were written to the cache for an hour.
    pub(crate) cache_write_1h: u64,
    /// Output tokens.
    #[serde(rename = "out")]
    pub(crate) tokens_out: u64,
    /// Time spent waiting between attempts.
    pub(crate) waited_s: f64,
    /// The number of 429 responses.
    #[serde(rename = "429s")]
    pub(crate) refused: u64,
    /// What they cost.
    pub(crate) cost: CostTotals,
}

/// What some requests cost at list price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CostTotals {
    /// The cost of those that have a price.
    pub(crate) list_price: Money,
    /// What the cache has saved of it.
    pub(crate) cache_saved: SignedMoney,
    /// The currency.
    currency: &'static str,
    /// Number of requests that have a price.
    #[serde(skip)]
    pub(crate) priced: u64,
    /// Number of requests to models without a price.
    pub(crate) requests_without_price: u64,
}

impl Default for CostTotals {
    fn default() -> Self {
        Self {
            list_price: Money::ZERO,
            cache_saved: SignedMoney::default(),
            currency: "USD",
            priced: 0,
            requests_without_price: 0,
        }
    }
}

/// What a request cost at list price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordCost {
    /// The cost.
    pub(crate) list_price: Money,
    /// What the cache has saved of it.
    pub(crate) cache_saved: SignedMoney,
}

impl CostTotals {
    fn add(&mut self, cost: Option<RecordCost>) {
        match cost {
            Some(cost) => {
                self.list_price += cost.list_price;
                self.cache_saved = self.cache_saved.plus(cost.cache_saved);
                self.priced += 1;
            }
            None => self.requests_without_price += 1,
        }
    }
}

/// Totals by group and overall.
#[derive(Debug)]
pub(crate) struct UsageSummary {
    group: UsageGroup,
    zone: TimeZone,
    /// The totals by name of the group; requests without a tag have an empty name.
    pub(crate) rows: BTreeMap<String, UsageTotals>,
    /// The overall total.
    pub(crate) total: UsageTotals,
}

impl UsageTotals {
    /// Returns how many of a hundred input tokens were read from the cache; none without any.
    pub(crate) fn cached_percent(&self) -> Option<u64> {
        let all = u128::from(self.tokens_in) + u128::from(self.cache);
        let percent = (u128::from(self.cache) * 100).checked_div(all)?;
        u64::try_from(percent).ok()
    }

    fn add_record(&mut self, record: &UsageRecord, cost: Option<RecordCost>) {
        if record.has_tokens() {
            self.cost.add(cost);
        }
        self.requests += 1;
        self.failed += u64::from(!record.is_complete());
        // A server may report any number.
        self.tokens_in = self.tokens_in.saturating_add(record.tokens_in);
        self.cache = self.cache.saturating_add(record.cache);
        self.cache_write = self.cache_write.saturating_add(record.cache_write);
        self.cache_write_1h = self.cache_write_1h.saturating_add(record.cache_write_1h);
        self.tokens_out = self.tokens_out.saturating_add(record.tokens_out);
        self.waited_s += record.waited_s;
        self.refused += u64::from(record.refused);
    }
}

impl UsageSummary {
    /// Creates a summary without requests.
    pub(crate) fn new(group: UsageGroup, zone: TimeZone) -> Self {
        Self {
            group,
            zone,
            rows: BTreeMap::new(),
            total: UsageTotals::default(),
        }
    }

    /// Returns what the requests are grouped by.
    pub(crate) fn grouped_by(&self) -> UsageGroup {
        self.group
    }

    /// Adds a request and what it cost; none if there is no price.
    pub(crate) fn add_record(&mut self, record: &UsageRecord, cost: Option<RecordCost>) {
        let name = match self.group {
            UsageGroup::Model => record.model.clone(),
            UsageGroup::Day => record
                .ended_at
                .to_zoned(self.zone.clone())
                .date()
                .to_string(),
            UsageGroup::Tag => record.tag.clone().unwrap_or_default(),
            UsageGroup::Command => record.command.clone(),
        };
        self.rows.entry(name).or_default().add_record(record, cost);
        self.total.add_record(record, cost);
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;
    use crate::usage::record::sample;

    #[test]
    fn requests_are_summed_by_group_and_in_total() {
        let late = UsageRecord {
            ended_at: "2026-11-22T23:30:00Z".parse().expect("a time"),
            outcome: "rate_limit".to_owned(),
            command: "chat".to_owned(),
            tag: None,
            ..sample()
        };
        let zone = TimeZone::fixed(Offset::constant(1));
        for (group, expected) in [
            (UsageGroup::Model, &["m-1"][..]),
            (UsageGroup::Day, &["2026-11-22", "2026-11-23"]),
            (UsageGroup::Tag, &["", "a \"b\"\n"]),
            (UsageGroup::Command, &["chat", "send"]),
        ] {
            let mut sums = UsageSummary::new(group, zone.clone());
            let cents = |count| Money::per_token(10).times(count);
            let cost = RecordCost {
                list_price: cents(2_000_000),
                cache_saved: cents(1_000_000).minus(cents(3_000_000)),
            };
            sums.add_record(&sample(), Some(cost));
            sums.add_record(&late, None);
            assert_eq!(
                sums.rows.keys().map(String::as_str).collect::<Vec<_>>(),
                expected,
                "{}",
                group.name()
            );
            assert_eq!(
                sums.total,
                UsageTotals {
                    requests: 2,
                    failed: 1,
                    tokens_in: 20,
                    cache: 6,
                    cache_write: 8,
                    cache_write_1h: 2,
                    tokens_out: 10,
                    waited_s: 2.5,
                    refused: 4,
                    cost: CostTotals {
                        list_price: cost.list_price,
                        cache_saved: cost.cache_saved,
                        priced: 1,
                        requests_without_price: 1,
                        ..CostTotals::default()
                    }
                }
            );
        }
    }
}
