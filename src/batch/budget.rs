//! The budgets of a run: a number of requests and a total number of tokens.

use crate::text::counted;

/// The budgets of a run and what has been used of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct BatchBudget {
    /// Maximum number of requests.
    pub(crate) max_requests: Option<u64>,
    /// Maximum number of input and output tokens in total.
    pub(crate) max_tokens: Option<u64>,
    requests: u64,
    /// Number of requests that have finished.
    ended: u64,
    tokens: u64,
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
}

impl BatchBudget {
    /// Creates budgets; `None` means unlimited.
    pub(crate) fn new(max_requests: Option<u64>, max_tokens: Option<u64>) -> Self {
        Self {
            max_requests,
            max_tokens,
            ..Self::default()
        }
    }

    /// Starts a request unless it might exceed a budget. The tokens of a request are known only
    /// when it has finished; until then it is assumed to use the average of the finished ones.
    /// Until the first has finished, only one may be in flight.
    pub(crate) fn begin_request(&mut self) -> Result<(), BudgetRefusal> {
        if let Some(most) = self.max_requests.filter(|&most| self.requests >= most) {
            return Err(BudgetRefusal::Requests(most));
        }
        if let Some(most) = self.max_tokens {
            let under_way = self.requests - self.ended;
            let usual = self.tokens.div_ceil(self.ended.max(1));
            let expected =
                |requests: u64| self.tokens.saturating_add(usual.saturating_mul(requests));
            let fits = if self.ended == 0 {
                under_way == 0
            } else {
                expected(under_way + 1) <= most
            };
            match (fits, under_way) {
                (true, _) => {}
                (false, 0) => return Err(BudgetRefusal::Tokens(most)),
                (false, _) => return Err(BudgetRefusal::NotYet),
            }
        }
        self.requests += 1;
        Ok(())
    }

    /// Records that a request that was started was not sent.
    pub(crate) fn cancel_request(&mut self) {
        self.requests = self.requests.saturating_sub(1);
    }

    /// Records the tokens of a finished request.
    pub(crate) fn end_request(&mut self, tokens: u64) {
        self.ended += 1;
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_budget_requests_are_unlimited() {
        let mut budget = BatchBudget::default();
        assert!((0..1000).all(|_| budget.begin_request().is_ok()));
    }

    #[test]
    fn requests_are_counted_when_they_begin() {
        let mut budget = BatchBudget::new(Some(2), None);
        assert_eq!(
            [
                budget.begin_request(),
                budget.begin_request(),
                budget.begin_request()
            ],
            [Ok(()), Ok(()), Err(BudgetRefusal::Requests(2))]
        );
    }

    #[test]
    fn a_request_that_was_not_sent_is_not_counted() {
        let mut budget = BatchBudget::new(Some(1), Some(10));
        assert_eq!(budget.begin_request(), Ok(()));
        budget.cancel_request();
        assert_eq!(budget.begin_request(), Ok(()), "it is the first one again");
        budget.end_request(10);
        assert_eq!(budget.begin_request(), Err(BudgetRefusal::Requests(1)));
    }

    #[test]
    fn the_token_budget_assumes_the_average_of_finished_requests() {
        let mut budget = BatchBudget::new(None, Some(1000));
        assert_eq!(
            [budget.begin_request(), budget.begin_request()],
            [Ok(()), Err(BudgetRefusal::NotYet)],
            "the first one tells"
        );
        budget.end_request(300);
        assert_eq!(
            [
                budget.begin_request(),
                budget.begin_request(),
                budget.begin_request()
            ],
            [Ok(()), Ok(()), Err(BudgetRefusal::NotYet)]
        );
        budget.end_request(200);
        budget.end_request(200);
        assert_eq!(
            [budget.begin_request(), budget.begin_request()],
            [Ok(()), Err(BudgetRefusal::NotYet)]
        );
        budget.end_request(200);
        assert_eq!(budget.begin_request(), Err(BudgetRefusal::Tokens(1000)));
    }

    #[test]
    fn a_run_without_answers_continues_within_its_budget() {
        let mut budget = BatchBudget::new(None, Some(10));
        for _ in 0..5 {
            assert_eq!(budget.begin_request(), Ok(()));
            budget.end_request(0);
        }
    }
}
