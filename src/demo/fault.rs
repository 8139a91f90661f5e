//! Deliberate faults: which ones exist, and which request gets which.
//!
//! Each request draws one number, in order of admission. With the same seed, the nth request always
//! gets the same fault, whatever the requests are.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// HTTP statuses that can be injected, with the API's error type and message.
const STATUSES: [(u16, &str, &str); 15] = [
    (400, "invalid_request_error", "Invalid request"),
    (401, "authentication_error", "Invalid API key"),
    (402, "billing_error", "Payment required"),
    (
        403,
        "permission_error",
        "The API key does not have permission to use the specified resource",
    ),
    (404, "not_found_error", "Not found"),
    (408, "timeout_error", "Request timeout"),
    (409, "conflict_error", "Conflict"),
    (413, "request_too_large", "Request exceeds the maximum size"),
    (422, "invalid_request_error", "Unprocessable request"),
    (429, "rate_limit_error", "Too many requests"),
    (500, "api_error", "Internal server error"),
    (502, "api_error", "Bad gateway"),
    (503, "api_error", "Service unavailable"),
    (504, "timeout_error", "Gateway timeout"),
    (529, "overloaded_error", "Overloaded"),
];

/// Faults with a name instead of a status.
const NAMED: [(&str, Fault); 3] = [
    ("cut", Fault::Cut),
    ("stall", Fault::Stall),
    ("error-event", Fault::ErrorEvent),
];

/// The tolerance for a sum of shares above 1, for the rounding of decimal fractions.
const ROUNDING: f64 = 1e-9;

/// A deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An HTTP error instead of an answer.
    Status(u16),
    /// The connection is closed in the middle of the answer.
    Cut,
    /// The answer stalls in the middle until the client disconnects.
    Stall,
    /// The stream reports in the middle that the server is overloaded.
    ErrorEvent,
}

impl Fault {
    /// Returns its name on the command line and in the log.
    pub(super) fn name(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            named => NAMED
                .iter()
                .find(|(_, fault)| *fault == named)
                .map_or("", |(name, _)| name)
                .to_owned(),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let status = || {
            STATUSES
                .iter()
                .find(|(status, ..)| status.to_string() == name)
        };
        let named = NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, fault)| *fault);
        named
            .or_else(|| status().map(|(status, ..)| Self::Status(*status)))
            .ok_or_else(|| {
                let statuses = STATUSES.iter().map(|(status, ..)| status.to_string());
                let known: Vec<String> = statuses
                    .chain(NAMED.iter().map(|(name, _)| (*name).to_owned()))
                    .collect();
                format!(
                    "`{name}` is not a kind of fault; use one of {}",
                    known.join(", ")
                )
            })
    }
}

/// Returns the API's error type and message for a status.
pub(super) fn error_of(status: u16) -> (&'static str, &'static str) {
    let known = STATUSES.iter().find(|(known, ..)| *known == status);
    known.map_or(
        ("api_error", "Internal server error"),
        |(_, kind, message)| (kind, message),
    )
}

/// The share of requests that get each fault.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FaultRates {
    shares: Vec<(Fault, f64)>,
}

impl FaultRates {
    /// Returns the fault for a number drawn from 0 to 1, if any.
    fn fault_for(&self, draw: f64) -> Option<Fault> {
        let mut bound = 0.0;
        let hit = self.shares.iter().find(|(_, share)| {
            bound += share;
            draw < bound
        });
        hit.map(|(fault, _)| *fault)
    }
}

impl FromStr for FaultRates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares: Vec<(Fault, f64)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (kind, share) = part
                .split_once(':')
                .ok_or_else(|| format!("`{part}` is not KIND:SHARE"))?;
            let fault: Fault = kind.parse()?;
            if shares.iter().any(|(other, _)| *other == fault) {
                return Err(format!("`{kind}` is given twice"));
            }
            let in_range = |share: &f64| (0.0..=1.0).contains(share);
            let share = share.parse().ok().filter(in_range);
            shares.push((
                fault,
                share
                    .ok_or_else(|| format!("the share of `{kind}` must be a number from 0 to 1"))?,
            ));
        }
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        if sum > 1.0 + ROUNDING {
            return Err(format!("the shares add up to {sum}; the maximum is 1"));
        }
        Ok(Self { shares })
    }
}

/// Assigns faults to requests.
pub(super) struct FaultDealer {
    faults: FaultRates,
    random: Mutex<fastrand::Rng>,
}

impl FaultDealer {
    /// Creates a dealer of `faults` with this seed.
    pub(super) fn new(faults: FaultRates, seed: u64) -> Self {
        Self {
            faults,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Draws the fault of the next request, if any.
    pub(super) fn next_fault(&self) -> Option<Fault> {
        let draw = self
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .f64();
        self.faults.fault_for(draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> FaultRates {
        text.parse().expect("good faults")
    }

    #[test]
    fn a_draw_falls_into_the_share_of_one_fault_or_of_none() {
        let faults = faults("429:0.25,cut:0.5");
        for (draw, fault) in [
            (0.0, Some(Fault::Status(429))),
            (0.249, Some(Fault::Status(429))),
            (0.25, Some(Fault::Cut)),
            (0.749, Some(Fault::Cut)),
            (0.75, None),
        ] {
            assert_eq!(faults.fault_for(draw), fault, "{draw}");
        }
        assert_eq!(FaultRates::default().fault_for(0.0), None);
    }

    #[test]
    fn invalid_fault_rates_are_refused_with_the_reason() {
        for (text, reason) in [
            ("", "`` is not KIND:SHARE"),
            ("429", "`429` is not KIND:SHARE"),
            (
                "418:0.1",
                "`418` is not a kind of fault; use one of 400, 401, 402, 403, 404, 408, 409, 413, \
                 422, 429, 500, 502, 503, 504, 529, cut, stall, error-event",
            ),
            (
                "429:0.1,529:1.5",
                "the share of `529` must be a number from 0 to 1",
            ),
            (
                "cut:-0.1",
                "the share of `cut` must be a number from 0 to 1",
            ),
            ("cut:NaN", "the share of `cut` must be a number from 0 to 1"),
            ("cut:0.1,cut:0.2", "`cut` is given twice"),
            (
                "cut:0.5,stall:0.75",
                "the shares add up to 1.25; the maximum is 1",
            ),
        ] {
            assert_eq!(text.parse::<FaultRates>(), Err(reason.to_owned()), "{text}");
        }
        assert!(
            "429:0.1,529:0.2,cut:0.3,stall:0.4"
                .parse::<FaultRates>()
                .is_ok(),
            "1 and what rounding adds to it"
        );
    }

    #[test]
    fn a_seed_repeats_its_faults_and_another_seed_has_others() {
        let fates = |seed| {
            let dealer = FaultDealer::new(faults("429:0.3,stall:0.3,error-event:0.1"), seed);
            std::iter::repeat_with(|| dealer.next_fault())
                .take(50)
                .collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }

    #[test]
    fn a_fault_is_logged_under_the_name_that_requests_it() {
        for name in ["400", "529", "cut", "stall", "error-event"] {
            assert_eq!(name.parse::<Fault>().expect("a fault").name(), name);
        }
    }
}
