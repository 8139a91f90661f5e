//! Describes why TLS rejects a server's certificate: pure.

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

/// What is wrong with a certificate, as far as what to do about it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateFlaw {
    /// It has expired or is not valid yet, by this machine's clock.
    Time,
    /// It is for other hosts.
    Name,
    /// It is a CA's own.
    Cas,
    /// It is of an old version of its format.
    Version,
    /// No trusted CA has signed it, or something else is wrong.
    Issuer,
}

/// Classifies an error of the library, and describes what the library gives in numbers and internal
/// names.
pub(super) fn flaw_of(problem: &rustls::Error) -> (CertificateFlaw, String) {
    let text = problem.to_string();
    let rustls::Error::InvalidCertificate(why) = problem else {
        return (CertificateFlaw::Issuer, text);
    };
    match why {
        CertificateError::Expired => (
            CertificateFlaw::Time,
            "its certificate has expired".to_owned(),
        ),
        CertificateError::ExpiredContext { time, not_after } => (
            CertificateFlaw::Time,
            format!(
                "its certificate expired on {}{}",
                format_date(*not_after),
                clock_note(*time)
            ),
        ),
        CertificateError::NotValidYet => (
            CertificateFlaw::Time,
            "its certificate is not valid yet".to_owned(),
        ),
        CertificateError::NotValidYetContext { time, not_before } => (
            CertificateFlaw::Time,
            format!(
                "its certificate is not valid before {}{}",
                format_date(*not_before),
                clock_note(*time)
            ),
        ),
        CertificateError::NotValidForName => (
            CertificateFlaw::Name,
            "its certificate is for another host".to_owned(),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            (CertificateFlaw::Name, wrong_names(presented))
        }
        CertificateError::BadSignature => (
            CertificateFlaw::Issuer,
            "its certificate is not signed by the CA that it names".to_owned(),
        ),
        CertificateError::UnknownIssuer => (
            CertificateFlaw::Issuer,
            "its certificate was not issued by a trusted CA".to_owned(),
        ),
        // rustls has no variants of its own for these: it hands on those of webpki. If it depended
        // on another version of webpki than this program does, the tests would fail.
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => (
                CertificateFlaw::Cas,
                "it uses a CA certificate as its server certificate".to_owned(),
            ),
            Some(webpki::Error::UnsupportedCertVersion) => (
                CertificateFlaw::Version,
                "its certificate is not X.509 version 3".to_owned(),
            ),
            _ => (CertificateFlaw::Issuer, text),
        },
        _ => (CertificateFlaw::Issuer, text),
    }
}

/// Returns for which hosts a certificate is, from the form in which rustls names them, such as
/// `DnsName("a.example")`.
fn wrong_names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "its certificate names no host".to_owned();
    }
    let hosts: Vec<&str> = presented
        .iter()
        .map(|name| name.split_once('(').map_or(name.as_str(), |(_, host)| host))
        .map(|host| host.trim_end_matches(')').trim_matches('"'))
        .collect();
    format!("its certificate is for {}", hosts.join(", "))
}

/// Returns a note with the time of this machine's clock.
fn clock_note(now: UnixTime) -> String {
    format!("; it is {} by this machine's clock", format_date(now))
}

fn format_date(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(
        || "a date beyond all calendars".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn dates_are_written_for_people() {
        let (time, not_after) = (at(1_795_409_605), at(1_580_515_200));
        let expired = CertificateError::ExpiredContext { time, not_after };
        let expected = "its certificate expired on 2020-02-01 00:00 UTC; it is 2026-11-23 04:53 \
                        UTC by this machine's clock";
        assert_eq!(
            flaw_of(&expired.into()),
            (CertificateFlaw::Time, expected.to_owned())
        );
        let early = CertificateError::NotValidYetContext {
            time: at(0),
            not_before: at(u64::MAX),
        };
        let (flaw, reason) = flaw_of(&early.into());
        assert!(
            flaw == CertificateFlaw::Time
                && reason.contains("not valid before a date beyond all calendars"),
            "{reason}"
        );
    }

    #[test]
    fn errors_that_rustls_passes_on_from_webpki_are_classified_too() {
        for (error, expected) in [
            (webpki::Error::CaUsedAsEndEntity, CertificateFlaw::Cas),
            (
                webpki::Error::UnsupportedCertVersion,
                CertificateFlaw::Version,
            ),
            (
                webpki::Error::PathLenConstraintViolated,
                CertificateFlaw::Issuer,
            ),
        ] {
            let word = format!("{error:?}");
            let other = rustls::OtherError(Arc::new(error));
            let (flaw, reason) = flaw_of(&CertificateError::Other(other).into());
            assert_eq!(
                (flaw, reason.contains(&word)),
                (expected, expected == CertificateFlaw::Issuer),
                "{reason}"
            );
        }
        // The words alone are nothing.
        let other = rustls::OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity")));
        assert_eq!(
            flaw_of(&CertificateError::Other(other).into()).0,
            CertificateFlaw::Issuer
        );
        assert_eq!(
            flaw_of(&CertificateError::UnknownIssuer.into()).0,
            CertificateFlaw::Issuer
        );
    }
}
