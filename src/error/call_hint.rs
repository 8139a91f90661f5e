//! Hints about a call to the endpoint that failed.

use std::time::Duration;

use super::controls::HintControls;
use super::file_hint::{for_unwritable, move_away, shown};
use crate::client::{self, CallTimeout, CertificateFlaw, StatusError};
use crate::protocol::{ApiError, ModelFamily, StreamError};
use crate::text::{
    format_duration, format_seconds, nearest_id, nearest_name, round_up_to_seconds, shell_quote,
};

/// Waits that a server asks for are not mentioned if they are shorter.
const A_SECOND: Duration = Duration::from_secs(1);

/// Returns how to get the complete answer after one that broke off.
pub(super) fn again(error: &client::Error) -> &'static str {
    match error {
        client::Error::TimedOut(CallTimeout::Idle(_)) => {
            "send the request again, with a longer --idle-timeout"
        }
        client::Error::TimedOut(CallTimeout::Total(_)) => {
            "send the request again, with a longer --timeout"
        }
        _ => "send the request again for a complete answer",
    }
}

/// Returns whether the endpoint refused tool calls in the history because the request defines no
/// tools. The wording is Anthropic's.
fn lacks_tools(error: &client::Error) -> bool {
    error
        .api()
        .is_some_and(|api| api.message.contains("must define tools"))
}

pub(super) fn call_hint(error: &client::Error, model: &str, controls: &HintControls) -> String {
    if let Some(available) = error.api().and_then(ApiError::available_models) {
        return suggest_model(model, &available, controls);
    }
    if let client::Error::Status(refused) = error
        && let Some(hint) = wait_hint(refused)
    {
        return hint;
    }
    let said = error.api().map_or("", |api| api.message.as_str());
    let HintControls {
        model: choose,
        region,
        ..
    } = controls;
    let hint = match (error, error.status()) {
        (_, Some(401)) => {
            "check the key: `langdock auth status` shows its origin; for a new key, ask \
            support@langdock.com"
        }
        (_, Some(402)) => {
            "the workspace or the key has no budget left; ask your admin or support@langdock.com"
        }
        (_, Some(403)) => {
            "the key needs the Completion API scope, and the workspace needs access to the \
                model; ask support@langdock.com"
        }
        (_, Some(404)) if model.is_empty() => {
            return format!("check --base-url and {region}, or choose a model with {choose}");
        }
        (_, Some(404)) => return format!("check --base-url and {region}"),
        (
            client::Error::ProxyLogin {
                is_refused: true, ..
            },
            _,
        ) => "check the user name and password in the proxy URL; write special characters as %XX",
        (client::Error::ProxyLogin { .. }, _) => "add the user name and password to the proxy URL",
        (_, Some(407)) => "add the user name and password to the proxy URL, or correct them",
        (_, Some(413)) => "send less",
        (client::Error::LedgerObstructed(obstruction), _) => return move_away(&obstruction.path),
        (client::Error::NotRecorded(missing), _) => {
            return format!(
                "add --record {} to send what is missing and record it",
                shown(&missing.path)
            );
        }
        (client::Error::Unrecorded { path, source }, _) => return for_unwritable(path, source),
        (client::Error::HeldBack { .. }, _) => {
            "try again later, allow a longer wait with --max-wait, or send at once with \
            --no-pace"
        }
        (_, Some(429)) => "try again later, or retry for longer with --max-retries and --max-wait",
        (_, Some(300..=399)) => "if you trust that address, use it as --base-url",
        (_, Some(400)) if lacks_tools(error) => {
            "the conversation has tool calls: add their tools file with -T"
        }
        _ if error.is_prompt_too_long() => {
            "send less, or choose a model with a larger context window; `langdock count` shows \
            the tokens of each part"
        }
        (_, Some(400)) if said.contains("max_tokens") => "choose a lower --max-tokens",
        (_, Some(100..=299)) => "check --base-url: that server may not support the Messages API",
        (_, Some(400..=407 | 410..=499)) => controls.request_is_shown_by,
        (_, Some(_)) => "try again later, or retry for longer with --max-retries and --max-wait",
        (client::Error::Certificate { flaw, .. }, _) => certificate_hint(*flaw),
        (client::Error::TimedOut(CallTimeout::Idle(_)), _) => "wait longer with --idle-timeout",
        (client::Error::TimedOut(CallTimeout::Total(_) | CallTimeout::Turn(_)), _) => {
            "wait longer with --timeout"
        }
        (client::Error::TimedOut(CallTimeout::Connect(_)), _) => {
            "wait longer with --connect-timeout, or check the network"
        }
        (
            client::Error::Answer {
                source: StreamError::Cut,
                ..
            }
            | client::Error::Lost { .. },
            _,
        ) => controls.sent_again_by,
        (
            client::Error::Answer {
                source: StreamError::Compressed { .. },
                ..
            },
            _,
        ) => "turn off compression of responses at the proxy or gateway in between",
        (
            client::Error::Answer {
                source: StreamError::ToolInput { .. },
                ..
            },
            _,
        ) => "send the request again, or give the tool a simpler input schema",
        (client::Error::Answer { .. }, _) => {
            "check --base-url: that server may not support the Messages API"
        }
        (client::Error::NoModelList { .. } | client::Error::ModelListTooLong { .. }, _) => {
            return format!("check --base-url, or choose a model with {choose}");
        }
        (client::Error::NoTls { host }, _) if client::is_loopback_host(host) => {
            "if the server uses plain http, write http:// in --base-url"
        }
        (client::Error::NoTls { .. }, _) => {
            "if the server uses plain http, write http:// in --base-url, and add --allow-http"
        }
        (client::Error::Proxy { .. }, _) => {
            "check --proxy, HTTPS_PROXY or `proxy` in the config; `langdock config show` shows \
            which is used"
        }
        _ => "check the network, --base-url and --proxy",
    };
    hint.to_owned()
}

/// Returns the hint for a wait that the server asked for and that exceeded `--max-wait`, or for its
/// request not to retry; `None` if it asked for neither.
fn wait_hint(refused: &StatusError) -> Option<String> {
    if !client::is_transient_status(refused.status) {
        return None;
    }
    let asked = refused
        .retry_after
        .filter(|wait| *wait >= A_SECOND)
        .map(|wait| format_seconds(round_up_to_seconds(wait)));
    match (refused.should_retry, refused.needed_max_wait, asked) {
        (Some(false), _, Some(asked)) => Some(format!(
            "the server says not to retry automatically; run the command again in {asked}"
        )),
        (Some(false), _, None) => Some(
            "the server says not to retry automatically; run the command again \
                later"
                .to_owned(),
        ),
        (_, Some(needed), Some(asked)) => {
            let needed = format_duration(round_up_to_seconds(needed));
            Some(format!(
                "the server asks you to wait {asked}; allow it with --max-wait {needed}"
            ))
        }
        (_, _, Some(asked)) => Some(format!(
            "the server asks you to wait {asked}; run the command again after that"
        )),
        (_, _, None) => None,
    }
}

/// Returns the hint for a certificate error. The reader may not be the operator of the server.
fn certificate_hint(flaw: CertificateFlaw) -> &'static str {
    match flaw {
        CertificateFlaw::Time => {
            "check this machine's clock; if it is right, the server's certificate must be renewed"
        }
        CertificateFlaw::Name => {
            "check --base-url and --proxy: the certificate is for another host"
        }
        CertificateFlaw::Cas => {
            "give the server a certificate that is not a CA's (for `openssl req -x509`: -addext \
            basicConstraints=critical,CA:FALSE)"
        }
        CertificateFlaw::Version => {
            "give the server a version 3 certificate (`openssl x509 -req` makes one with -extfile)"
        }
        CertificateFlaw::Issuer => "trust the issuer with --cacert FILE, or check the base URL",
    }
}

/// Names the available model that is most similar to `asked`, if there is one.
fn suggest_model(asked: &str, available: &[&str], controls: &HintControls) -> String {
    let choose = controls.model;
    match (nearest_model(asked, available), available) {
        // A server names them.
        (Some(nearest), _) => format!("did you mean {choose} {}?", shell_quote(nearest)),
        (None, [only]) => format!("use {choose} {}", shell_quote(only)),
        (None, _) => format!("choose one of them with {choose}"),
    }
}

/// Returns the model that was probably meant: an alias, or a model of the same family, if there is
/// any.
pub(crate) fn nearest_model<'a>(asked: &str, available: &[&'a str]) -> Option<&'a str> {
    let is_one_word = asked.chars().all(char::is_alphabetic);
    let alias = nearest_name(asked, ModelFamily::NAMES).filter(|_| is_one_word);
    if let Some(alias) = alias.filter(|alias| available.iter().any(|id| id.contains(alias))) {
        return Some(alias);
    }
    let mut families = ModelFamily::NAMES.into_iter();
    let family = families.find(|family| asked.contains(family));
    let is_of_family = |id: &&&str| family.is_some_and(|family| id.contains(family));
    let of_family: Vec<&str> = available.iter().filter(is_of_family).copied().collect();
    match of_family.as_slice() {
        [] => nearest_id(asked, available),
        [only] => Some(only),
        several => nearest_id(asked, several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_the_same_family_is_suggested() {
        let available = [
            "gpt-5-mini",
            "claude-haiku-4-5-20251001",
            "claude-opus-4-8-default",
            "claude-sonnet-4-5-20250929",
        ];
        for (asked, nearest) in [
            ("claude-sonnet-4-5", Some(available[3])),
            ("claude-opus-4-5-20250929", Some(available[2])),
            ("haiku-3", Some(available[1])),
            ("opuss", Some("opus")),
            ("fabel", None),
            ("nope", None),
        ] {
            assert_eq!(nearest_model(asked, &available), nearest, "{asked}");
        }
    }
}
