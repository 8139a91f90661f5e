//! Budgets of a run: how many requests, and how many tokens in all.

use crate::text::counted;

/// What a run may take, and what it has taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget {
    /// The most requests.
    pub(crate) max_requests: Option<u64>,
    /// The most tokens, read and written.
    pub(crate) max_tokens: Option<u64>,
    requests: u64,
    /// Requests that have ended.
    ended: u64,
    tokens: u64,
}

/// Why a request is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It is to be asked again when one of those under way has ended.
    #[error("those under way may take all that is left")]
    NotYet,
    /// So many requests are all.
    #[error("the budget of {} is used up", counted(*.0, "request"))]
    Requests(u64),
    /// So many tokens are all.
    #[error("a further request may go beyond the budget of {}", counted(*.0, "token"))]
    Tokens(u64),
}

impl Budget {
    /// What a run may take.
    pub(crate) fn new(max_requests: Option<u64>, max_tokens: Option<u64>) -> Self {
        Self {
            max_requests,
            max_tokens,
            ..Self::default()
        }
    }

    /// Begins a request, unless it would go beyond. What a request takes is only known afterwards:
    /// until then it is thought to take what others took. Before the first has ended, there is but
    /// one.
    pub(crate) fn begin(&mut self) -> Result<(), Refused> {
        if let Some(most) = self.max_requests.filter(|&most| self.requests >= most) {
            return Err(Refused::Requests(most));
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
                (false, 0) => return Err(Refused::Tokens(most)),
                (false, _) => return Err(Refused::NotYet),
            }
        }
        self.requests += 1;
        Ok(())
    }

    /// Notes that a request that was begun has not been sent.
    pub(crate) fn give_back(&mut self) {
        self.requests = self.requests.saturating_sub(1);
    }

    /// Notes what a request has taken.
    pub(crate) fn end(&mut self, tokens: u64) {
        self.ended += 1;
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_budget_there_is_no_end() {
        let mut budget = Budget::default();
        assert!((0..1000).all(|_| budget.begin().is_ok()));
    }

    #[test]
    fn requests_are_counted_when_they_begin() {
        let mut budget = Budget::new(Some(2), None);
        assert_eq!(
            [budget.begin(), budget.begin(), budget.begin()],
            [Ok(()), Ok(()), Err(Refused::Requests(2))]
        );
    }

    #[test]
    fn what_was_not_sent_is_not_counted() {
        let mut budget = Budget::new(Some(1), Some(10));
        assert_eq!(budget.begin(), Ok(()));
        budget.give_back();
        assert_eq!(budget.begin(), Ok(()), "it is the first one again");
        budget.end(10);
        assert_eq!(budget.begin(), Err(Refused::Requests(1)));
    }

    #[test]
    fn tokens_are_what_requests_took_so_far() {
        let mut budget = Budget::new(None, Some(1000));
        assert_eq!(
            [budget.begin(), budget.begin()],
            [Ok(()), Err(Refused::NotYet)],
            "the first one tells"
        );
        budget.end(300);
        assert_eq!(
            [budget.begin(), budget.begin(), budget.begin()],
            [Ok(()), Ok(()), Err(Refused::NotYet)]
        );
        budget.end(200);
        budget.end(200);
        assert_eq!(
            [budget.begin(), budget.begin()],
            [Ok(()), Err(Refused::NotYet)]
        );
        budget.end(200);
        assert_eq!(budget.begin(), Err(Refused::Tokens(1000)));
    }

    #[test]
    fn a_run_without_answers_goes_on_within_its_budget() {
        let mut budget = Budget::new(None, Some(10));
        for _ in 0..5 {
            assert_eq!(budget.begin(), Ok(()));
            budget.end(0);
        }
    }
}
