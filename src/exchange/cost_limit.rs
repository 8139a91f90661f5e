//! The budget of `--max-cost`: whether another request may be sent. Pure.

use crate::error::{EndedRun, Error};
use crate::protocol::ModelPrice;
use crate::text::Money;

/// The most that the requests of a command may cost at list price, and what they have cost so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct CostLimit {
    most: Money,
    spent: Money,
    /// What the last request has cost: the next one is expected to cost as much.
    last: Money,
}

impl CostLimit {
    /// Creates a limit of which nothing is used up.
    pub(super) fn new(most: Money) -> Self {
        Self {
            most,
            spent: Money::ZERO,
            last: Money::ZERO,
        }
    }

    /// Adds what a request has cost.
    pub(super) fn add(&mut self, cost: Money) {
        self.spent += cost;
        self.last = cost;
    }

    /// Refuses the next request if it might exceed the limit. It has at least `low_tokens` input
    /// tokens.
    pub(super) fn check_next(&self, price: &ModelPrice, low_tokens: u64) -> Result<(), Error> {
        let expected = self.last.max(price.least_input_cost(low_tokens));
        if self.spent.plus(expected) <= self.most {
            return Ok(());
        }
        Err(Error::CostLimit {
            most: self.most,
            spent: self.spent,
            run: EndedRun::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::model_price;

    fn money(text: &str) -> Money {
        Money::from_decimal(text).expect(text)
    }

    #[test]
    fn the_next_request_is_expected_to_cost_as_much_as_the_last_one() {
        let price = model_price("claude-sonnet-5", &[]).expect("a price");
        let mut limit = CostLimit::new(money("0.1"));
        for (cost, is_next_sent) in [("0.02", true), ("0.04", true), ("0.039", false)] {
            assert!(limit.check_next(&price, 1000).is_ok());
            limit.add(money(cost));
            assert_eq!(limit.check_next(&price, 0).is_ok(), is_next_sent, "{cost}");
        }
    }

    #[test]
    fn a_prompt_that_costs_more_than_the_limit_by_itself_is_not_sent() {
        let price = model_price("claude-sonnet-5", &[]).expect("a price");
        let limit = CostLimit::new(money("0.1"));
        // If all of it were read from the cache: 20 cents for a million.
        assert!(limit.check_next(&price, 500_000).is_ok());
        assert!(limit.check_next(&price, 500_001).is_err());
    }
}
