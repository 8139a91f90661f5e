//! Failures of the connection as a record has them, both ways.

use std::time::Duration;

use super::certificate::CertificateFlaw;
use super::error::{CallTimeout, Error};
use crate::recording::{RecordedFailure, TimeoutLimit};

/// What a record calls the flaws of certificates.
const FLAWS: [(CertificateFlaw, &str); 5] = [
    (CertificateFlaw::Time, "time"),
    (CertificateFlaw::Name, "name"),
    (CertificateFlaw::Cas, "ca"),
    (CertificateFlaw::Version, "version"),
    (CertificateFlaw::Issuer, "issuer"),
];

/// Returns what a record has of an error; none of one that follows from what the server sent.
pub(super) fn record_failure(error: &Error) -> Option<RecordedFailure> {
    let failure = match error {
        Error::Connect {
            host,
            reason,
            transient,
        } => RecordedFailure::Connect {
            host: host.clone(),
            reason: reason.clone(),
            transient: *transient,
        },
        Error::Proxy { proxy, reason } => RecordedFailure::Proxy {
            proxy: proxy.clone(),
            reason: reason.clone(),
        },
        Error::NoTls { host } => RecordedFailure::NoTls { host: host.clone() },
        Error::ProxyLogin {
            proxy,
            host,
            is_refused,
        } => RecordedFailure::ProxyLogin {
            proxy: proxy.clone(),
            host: host.clone(),
            is_refused: *is_refused,
        },
        Error::Dns { host, reason } => RecordedFailure::Dns {
            host: host.clone(),
            reason: reason.clone(),
        },
        Error::Certificate { host, reason, flaw } => RecordedFailure::Certificate {
            host: host.clone(),
            reason: reason.clone(),
            flaw: name_of(*flaw).to_owned(),
        },
        Error::Lost { host, reason } => RecordedFailure::Lost {
            host: host.clone(),
            reason: reason.clone(),
        },
        Error::TimedOut(CallTimeout::Connect(limit)) => timeout(TimeoutLimit::Connect, *limit),
        Error::TimedOut(CallTimeout::Idle(limit)) => timeout(TimeoutLimit::Idle, *limit),
        Error::TimedOut(CallTimeout::Total(limit)) => timeout(TimeoutLimit::Total, *limit),
        _ => return None,
    };
    Some(failure)
}

/// Returns the error that was recorded.
pub(super) fn error_of(failure: RecordedFailure) -> Error {
    match failure {
        RecordedFailure::Connect {
            host,
            reason,
            transient,
        } => Error::Connect {
            host,
            reason,
            transient,
        },
        RecordedFailure::Proxy { proxy, reason } => Error::Proxy { proxy, reason },
        RecordedFailure::NoTls { host } => Error::NoTls { host },
        RecordedFailure::ProxyLogin {
            proxy,
            host,
            is_refused,
        } => Error::ProxyLogin {
            proxy,
            host,
            is_refused,
        },
        RecordedFailure::Dns { host, reason } => Error::Dns { host, reason },
        RecordedFailure::Certificate { host, reason, flaw } => Error::Certificate {
            host,
            reason,
            flaw: flaw_of_name(&flaw),
        },
        RecordedFailure::Lost { host, reason } => Error::Lost { host, reason },
        RecordedFailure::Timeout { limit, limit_ms } => {
            let duration = Duration::from_millis(limit_ms);
            Error::TimedOut(match limit {
                TimeoutLimit::Connect => CallTimeout::Connect(duration),
                TimeoutLimit::Idle => CallTimeout::Idle(duration),
                TimeoutLimit::Total => CallTimeout::Total(duration),
            })
        }
    }
}

fn timeout(limit: TimeoutLimit, duration: Duration) -> RecordedFailure {
    let limit_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    RecordedFailure::Timeout { limit, limit_ms }
}

fn name_of(flaw: CertificateFlaw) -> &'static str {
    let row = FLAWS.iter().find(|(known, _)| *known == flaw);
    row.map_or("issuer", |(_, name)| name)
}

fn flaw_of_name(name: &str) -> CertificateFlaw {
    let row = FLAWS.iter().find(|(_, known)| *known == name);
    row.map_or(CertificateFlaw::Issuer, |(flaw, _)| *flaw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_of_the_connection_comes_back_as_it_was() {
        let (host, reason) = (|| "h:1".to_owned(), || "why".to_owned());
        let limit = Duration::from_millis(1500);
        let mut errors = vec![
            Error::Proxy {
                proxy: host(),
                reason: reason(),
            },
            Error::NoTls { host: host() },
            Error::Dns {
                host: host(),
                reason: reason(),
            },
            Error::Lost {
                host: host(),
                reason: reason(),
            },
            Error::TimedOut(CallTimeout::Connect(limit)),
            Error::TimedOut(CallTimeout::Idle(limit)),
            Error::TimedOut(CallTimeout::Total(limit)),
        ];
        for is_so in [false, true] {
            errors.push(Error::Connect {
                host: host(),
                reason: reason(),
                transient: is_so,
            });
            errors.push(Error::ProxyLogin {
                proxy: host(),
                host: host(),
                is_refused: is_so,
            });
        }
        for (flaw, _) in FLAWS {
            errors.push(Error::Certificate {
                host: host(),
                reason: reason(),
                flaw,
            });
        }
        for error in errors {
            let failure = record_failure(&error).expect("it is recorded");
            let line = serde_json::to_string(&failure).expect("JSON");
            let read = serde_json::from_str(&line).expect("a failure");
            assert_eq!(format!("{:?}", error_of(read)), format!("{error:?}"));
        }
        let refused = Error::TimedOut(CallTimeout::Turn(limit));
        assert_eq!(record_failure(&refused), None);
    }
}
