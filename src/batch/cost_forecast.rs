//! What a batch is going to cost at list price: a range, since nobody knows how many tokens its
//! answers will have. Pure.

use std::fmt;

use crate::protocol::ModelPrice;
use crate::text::{Money, grouped};

/// A batch of more items than this one is forecast.
pub(crate) const MIN_FORECAST_ITEMS: u64 = 20;

/// How many requests the forecast of a batch of unknown length is about.
pub(crate) const SAMPLE_REQUESTS: u64 = 100;

/// The fewest and the most bytes that make a token of text.
const BYTES_PER_TOKEN: (u64, u64) = (2, 6);

/// The tokens of a request, as far as they are known before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestSample {
    /// The low estimate of its input.
    pub(crate) low: u64,
    /// The high estimate.
    pub(crate) high: u64,
    /// Those of the low estimate that all requests have in common and that are cached.
    pub(crate) shared: u64,
    /// The most output tokens.
    pub(crate) max_tokens: u64,
    /// The bytes of its item, if it is text.
    pub(crate) item_bytes: Option<u64>,
}

impl RequestSample {
    /// Returns the sample with an item of so many bytes on average.
    fn with_mean_item(self, mean_bytes: Option<u64>) -> Self {
        let Some((own, mean)) = self.item_bytes.zip(mean_bytes) else {
            return self;
        };
        let difference = own.abs_diff(mean);
        let (most, least) = (
            difference / BYTES_PER_TOKEN.0,
            difference / BYTES_PER_TOKEN.1,
        );
        if mean > own {
            Self {
                low: self.low.saturating_add(least),
                high: self.high.saturating_add(most),
                ..self
            }
        } else {
            Self {
                low: self.low.saturating_sub(most).max(self.shared),
                high: self.high.saturating_sub(least).max(self.shared),
                ..self
            }
        }
    }
}

/// The forecast of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CostForecast {
    requests: u64,
    /// The least and the most that the input costs.
    input: (Money, Money),
    /// The most that the answers cost.
    output: Money,
    max_tokens: u64,
    date: Option<&'static str>,
}

impl CostForecast {
    /// Forecasts so many requests from one of them; `mean_bytes` is the size of an item, where it
    /// is known.
    pub(crate) fn new(
        price: &ModelPrice,
        requests: u64,
        sample: RequestSample,
        mean_bytes: Option<u64>,
    ) -> Self {
        let sample = sample.with_mean_item(mean_bytes);
        let low = price.prices_for(sample.low);
        let cached = low.cache_read.times(sample.shared);
        let least = low.input.times(sample.low.saturating_sub(sample.shared));
        let high = price.prices_for(sample.high);
        let written = high.cache_write_1h.times(sample.shared);
        Self {
            requests,
            input: (
                least.plus(cached).times(requests),
                high.input.times(sample.high).times(requests).plus(written),
            ),
            output: high.output.times(sample.max_tokens).times(requests),
            max_tokens: sample.max_tokens,
            date: price.basis.date(),
        }
    }
}

impl fmt::Display for CostForecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = self.input;
        write!(
            f,
            "{} requests at list price: {least} to {most}, and up to {} more for the answers, if \
             each has {} tokens",
            grouped(self.requests),
            self.output,
            grouped(self.max_tokens),
        )?;
        match self.date {
            Some(date) => write!(f, " (prices of {date}; Langdock may bill differently)"),
            None => f.write_str(" (prices of the config file)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::model_price;

    const SAMPLE: RequestSample = RequestSample {
        low: 10_000,
        high: 20_000,
        shared: 0,
        max_tokens: 1_000,
        item_bytes: Some(600),
    };

    fn forecast(sample: RequestSample, mean_bytes: Option<u64>) -> CostForecast {
        let price = model_price("claude-sonnet-5", &[]).expect("a price");
        CostForecast::new(&price, 100, sample, mean_bytes)
    }

    #[test]
    fn the_range_is_that_of_the_estimate_and_the_answers_are_as_long_as_they_may_be() {
        assert_eq!(
            forecast(SAMPLE, None).to_string(),
            "100 requests at list price: $2.00 to $4.00, and up to $1.00 more for the answers, if \
             each has 1,000 tokens (prices of 2026-11; Langdock may bill differently)"
        );
    }

    #[test]
    fn what_is_read_from_the_cache_costs_less() {
        let cached = RequestSample {
            shared: 9_000,
            ..SAMPLE
        };
        let (least, most) = forecast(cached, None).input;
        // 100 · (1,000 · 2 + 9,000 · 0.2) and 100 · 20,000 · 2 + 9,000 · 4 dollars per million.
        let expected = ["0.38", "4.036"].map(|text| Money::from_decimal(text).expect(text));
        assert_eq!([least, most], expected);
    }

    #[test]
    fn items_that_are_longer_than_the_first_one_cost_more() {
        let usual = forecast(SAMPLE, Some(600)).input;
        let longer = forecast(SAMPLE, Some(60_000)).input;
        let shorter = forecast(SAMPLE, Some(0)).input;
        assert_eq!(usual, forecast(SAMPLE, None).input);
        assert!(longer.0 > usual.0 && longer.1 > usual.1);
        assert!(shorter.0 < usual.0 && shorter.1 < usual.1);
    }
}
