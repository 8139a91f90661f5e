//! Checks the request headers: the key, and that the body is declared as JSON.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};

use super::refusal::{Refusal, RefusalReason};

/// Checks the key and returns it.
pub(super) fn check_key<'a>(
    headers: &'a HeaderMap,
    expected: Option<&str>,
) -> Result<&'a str, Refusal> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let plain = headers
        .get("x-api-key")
        .and_then(|value| value.to_str().ok());
    match (bearer.or(plain).filter(|key| !key.is_empty()), expected) {
        (None, _) => Err(Refusal::new(
            RefusalReason::Authentication,
            "Missing API key",
        )),
        (Some(key), Some(expected)) if key != expected => Err(Refusal::new(
            RefusalReason::Authentication,
            "Invalid API key",
        )),
        (Some(key), _) => Ok(key),
    }
}

/// Checks that the body is declared as JSON.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let media_type = match (values.next(), values.next()) {
        (Some(value), None) => value
            .to_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim(),
        // A duplicate header breaks the real endpoint's parser, too.
        _ => "",
    };
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::invalid_request(
        "content-type must be sent once, as application/json",
    ))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_taken_from_either_header() {
        let headers = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        for (name, value, expected, passes) in [
            ("authorization", "Bearer a", Some("a"), true),
            ("authorization", "bearer a", None, true),
            ("x-api-key", "a", Some("a"), true),
            ("x-api-key", "b", Some("a"), false),
            ("x-api-key", "", None, false),
            ("authorization", "Bearer ", None, false),
            ("authorization", "Basic a", None, false),
        ] {
            assert_eq!(
                check_key(&headers(name, value), expected).is_ok(),
                passes,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn the_content_type_must_be_json_and_come_once() {
        let check = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            check_content_type(&headers).is_ok()
        };
        assert!(check(&["application/json"]) && check(&["application/json; charset=utf-8"]));
        assert!(
            !check(&[])
                && !check(&["text/plain"])
                && !check(&["application/json", "application/json"])
        );
    }
}
