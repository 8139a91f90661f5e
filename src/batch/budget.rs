//! The budgets of a run: a number of requests, a total number of tokens, and a cost.

use crate::text::{Money, counted};

/// The budgets of a run and what has been used of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct BatchBudget {
    /// Maximum number of requests.
    pub(crate) max_requests: Option<u64>,
    /// Maximum number of input and output tokens in total.
    pub(crate) max_tokens: Option<u64>,
    /// Maximum cost at list price.
    pub(crate) max_cost: Option<Money>,
    requests: u64,
    /// Number of requests that have finished.
    ended: u64,
    tokens: u64,
    cost: Money,
    /// Number of finished requests that have a cost: recorded and scripted answers have none.
    paid: u64,
}

/// Why a request is not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BudgetRefusal {
    /// Try again when one of the requests in flight has finished.
    #[error("the requests in flight may use up the rest")]
    NotYet,
    /// The limit on requests is reached.
    #[error("the budget of {} is used up", counted(*.0, "request"))]
    Requests(u64),
    /// The limit on tokens is reached.
    #[error("another request might exceed the budget of {}", counted(*.0, "token"))]
    Tokens(u64),
    /// The limit on cost is reached.
    #[error("another request might exceed the budget of {0} at list price")]
    Cost(Money),
}

impl BatchBudget {
    /// Creates budgets; `None` means unlimited.
    pub(crate) fn new(
        max_requests: Option<u64>,
        max_tokens: Option<u64>,
        max_cost: Option<Money>,
    ) -> Self {
        Self {
            max_requests,
            max_tokens,
            max_cost,
            ..Self::default()
        }
    }

    /// Starts a request unless it might exceed a budget. The tokens of a request and their cost are
    /// known only when it has finished; until then it is assumed to use the average of the finished
    /// ones. Until the first has finished, only one may be in flight. `least_cost` is what it costs
    /// at least.
    pub(crate) fn begin_request(&mut self, least_cost: Money) -> Result<(), BudgetRefusal> {
        if let Some(most) = self.max_requests.filter(|&most| self.requests >= most) {
            return Err(BudgetRefusal::Requests(most));
        }
        if let Some(most) = self.max_tokens {
            let usual = self.tokens.div_ceil(self.ended.max(1));
            let expected = |requests: u64| usual.saturating_mul(requests);
            let fits = |requests| self.tokens.saturating_add(expected(requests)) <= most;
            self.check_next(fits, BudgetRefusal::Tokens(most))?;
        }
        if let Some(most) = self.max_cost {
            let usual = self.cost.divided_by(self.paid).max(least_cost);
            let fits = |requests| self.cost.plus(usual.times(requests)) <= most;
            let refusal = BudgetRefusal::Cost(most);
            // Nobody knows yet what an answer costs, but this prompt alone costs too much.
            if self.requests == 0 && least_cost > most {
                return Err(refusal);
            }
            self.check_next(fits, refusal)?;
        }
        self.requests += 1;
        Ok(())
    }

    /// Refuses the next request, for now or for good, if so many in flight do not fit.
    fn check_next(
        &self,
        fits: impl Fn(u64) -> bool,
        refusal: BudgetRefusal,
    ) -> Result<(), BudgetRefusal> {
        let under_way = self.requests - self.ended;
        let is_next = if self.ended == 0 {
            under_way == 0
        } else {
            fits(under_way + 1)
        };
        match (is_next, under_way) {
            (true, _) => Ok(()),
            (false, 0) => Err(refusal),
            (false, _) => Err(BudgetRefusal::NotYet),
        }
    }

    /// Records that a request that was started was not sent.
    pub(crate) fn cancel_request(&mut self) {
        self.requests = self.requests.saturating_sub(1);
    }

    /// Records the tokens of a finished request, and what they cost; `None` if nothing is paid for
    /// them.
    pub(crate) fn end_request(&mut self, tokens: u64, cost: Option<Money>) {
        self.ended += 1;
        self.cost += cost.unwrap_or(Money::ZERO);
        self.paid += u64::from(cost.is_some());
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_budget_requests_are_unlimited() {
        let mut budget = BatchBudget::default();
        assert!((0..1000).all(|_| budget.begin_request(Money::ZERO).is_ok()));
    }

    #[test]
    fn requests_are_counted_when_they_begin() {
        let mut budget = BatchBudget::new(Some(2), None, None);
        assert_eq!(
            [
                budget.begin_request(Money::ZERO),
                budget.begin_request(Money::ZERO),
                budget.begin_request(Money::ZERO)
            ],
            [Ok(()), Ok(()), Err(BudgetRefusal::Requests(2))]
        );
    }

    #[test]
    fn a_request_that_was_not_sent_is_not_counted() {
        let mut budget = BatchBudget::new(Some(1), Some(10), None);
        assert_eq!(budget.begin_request(Money::ZERO), Ok(()));
        budget.cancel_request();
        assert_eq!(
            budget.begin_request(Money::ZERO),
            Ok(()),
            "it is the first one again"
        );
        budget.end_request(10, None);
        assert_eq!(
            budget.begin_request(Money::ZERO),
            Err(BudgetRefusal::Requests(1))
        );
    }

    #[test]
    fn the_token_budget_assumes_the_average_of_finished_requests() {
        let mut budget = BatchBudget::new(None, Some(1000), None);
        assert_eq!(
            [
                budget.begin_request(Money::ZERO),
                budget.begin_request(Money::ZERO)
            ],
            [Ok(()), Err(BudgetRefusal::NotYet)],
            "the first one tells"
        );
        budget.end_request(300, None);
        assert_eq!(
            [
                budget.begin_request(Money::ZERO),
                budget.begin_request(Money::ZERO),
                budget.begin_request(Money::ZERO)
            ],
            [Ok(()), Ok(()), Err(BudgetRefusal::NotYet)]
        );
        budget.end_request(200, None);
        budget.end_request(200, None);
        assert_eq!(
            [
                budget.begin_request(Money::ZERO),
                budget.begin_request(Money::ZERO)
            ],
            [Ok(()), Err(BudgetRefusal::NotYet)]
        );
        budget.end_request(200, None);
        assert_eq!(
            budget.begin_request(Money::ZERO),
            Err(BudgetRefusal::Tokens(1000))
        );
    }

    #[test]
    fn a_run_without_answers_continues_within_its_budget() {
        let mut budget = BatchBudget::new(None, Some(10), None);
        for _ in 0..5 {
            assert_eq!(budget.begin_request(Money::ZERO), Ok(()));
            budget.end_request(0, None);
        }
    }

    #[test]
    fn the_cost_budget_assumes_the_average_and_at_least_the_cost_of_the_prompt() {
        let money = |text: &str| Money::from_decimal(text).expect("an amount");
        let budget = || BatchBudget::new(None, None, Some(money("1")));
        let mut run = budget();
        assert_eq!(run.begin_request(money("0.01")), Ok(()));
        assert_eq!(run.begin_request(Money::ZERO), Err(BudgetRefusal::NotYet));
        run.end_request(10, Some(money("0.4")));
        assert_eq!(run.begin_request(Money::ZERO), Ok(()));
        assert_eq!(run.begin_request(Money::ZERO), Err(BudgetRefusal::NotYet));
        run.end_request(10, Some(money("0.1")));
        assert_eq!(
            run.begin_request(money("0.6")),
            Err(BudgetRefusal::Cost(money("1")))
        );
        assert_eq!(run.begin_request(money("0.5")), Ok(()));
        assert_eq!(
            budget().begin_request(money("1.01")),
            Err(BudgetRefusal::Cost(money("1"))),
            "the first one too"
        );
    }
}
