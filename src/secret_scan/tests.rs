//! Each rule with a token in its published format, and with one that is nearly in it. Tokens are
//! put together here, from a description of their parts, so that no scanner finds one in the
//! source.

mod samples;

use std::collections::BTreeSet;
use std::path::Path;

use self::samples::{SAMPLES, token_of};
use super::rules::RULES;
use super::{CustomRule, Fingerprint, FoundSecret, SecretMode, SecretNumbers, SecretPolicy, mask};

fn names(found: &[FoundSecret]) -> Vec<&str> {
    found.iter().map(|secret| secret.rule.as_str()).collect()
}

fn found_in(text: &str) -> Vec<FoundSecret> {
    SecretPolicy::default().find(text.as_bytes(), None)
}

fn policy(rules: &[(&str, &str)], allow: &[&str]) -> SecretPolicy {
    let rules = rules
        .iter()
        .map(|(name, pattern)| CustomRule::new(name, pattern).expect("a valid rule"))
        .collect();
    let allow: Vec<String> = allow.iter().map(|&entry| entry.to_owned()).collect();
    SecretPolicy::new(SecretMode::Refuse, rules, &allow).expect("a valid policy")
}

#[test]
fn each_rule_finds_a_token_in_its_published_format_and_no_near_miss() {
    // Its expressions are compiled once.
    let policy = SecretPolicy::default();
    let mut covered = BTreeSet::new();
    for sample in SAMPLES {
        for seed in 1..=10 {
            for format in sample.formats {
                let token = token_of(format, seed);
                for text in [
                    token.clone(),
                    format!("a\nx = \"{token}\";\n"),
                    format!("key: {token}, "),
                    format!("({token})"),
                    format!(r#"{{"a": "b\n{token}\n"}}"#),
                ] {
                    let found = policy.find(text.as_bytes(), None);
                    assert_eq!(names(&found), [sample.rule], "{format} in {text}");
                }
            }
            for format in sample.near_misses {
                let text = token_of(format, seed);
                let found = policy.find(text.as_bytes(), None);
                assert_eq!(names(&found), [] as [&str; 0], "{format} in {text}");
            }
        }
        covered.insert(sample.rule);
        assert!(!sample.near_misses.is_empty(), "{}", sample.rule);
    }
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(covered, all, "samples on the left, rules on the right");
}

#[test]
fn a_token_within_a_longer_word_is_none() {
    let token = token_of("ghp|_<36:alnum>", 1);
    assert_eq!(found_in(&format!("a{token}")), []);
    assert_eq!(found_in(&format!("{token}a")), []);
    assert_eq!(found_in(&format!("{token}_a")), []);
    assert_eq!(found_in(&token[..token.len() - 1]), []);
}

#[test]
fn lines_and_places_are_those_of_the_text() {
    let token = token_of("ghp|_<36:alnum>", 1);
    let text = format!("a\nb {token}\n\n{token}");
    let found = found_in(&text);
    let places: Vec<_> = found.iter().map(|it| (it.line, it.range.clone())).collect();
    assert_eq!(places, [(2, 4..44), (4, 46..86)]);
}

#[test]
fn a_private_key_is_found_to_its_end_however_its_lines_are_quoted() {
    for (before, between, after) in [
        ("", "\n", ""),
        ("\"", "\\n", "\""),
        ("\"", "\\n\" +\n \"", "\""),
    ] {
        let body: Vec<String> = (1..=3).map(|seed| token_of("<64:base64>", seed)).collect();
        let label = |word: &str| format!("-----{word} RSA PRIVATE KEY-----");
        let lines = [&[label("BEGIN")], body.as_slice(), &[label("END")]].concat();
        let key = lines.join(between);
        let text = format!("x = {before}{key}{after};\n");
        let found = found_in(&text);
        assert_eq!(names(&found), ["private-key"], "{text}");
        assert_eq!(&text[found[0].range.clone()], key);
    }
    // Two of them are two.
    let label = |word: &str| format!("-----{word} PRIVATE KEY-----");
    let body = token_of("<64:base64>", 9);
    let one = format!("{}\n{body}\n{}\n", label("BEGIN"), label("END"));
    assert_eq!(found_in(&format!("{one}{one}")).len(), 2);
    // One without an end is found as far as it goes.
    let cut = format!("{}\n{body}\n", label("BEGIN"));
    assert_eq!(found_in(&cut)[0].range.end, cut.len());
}

#[test]
fn a_long_row_of_beginnings_has_no_secret() {
    let policy = SecretPolicy::default();
    for part in [
        "eyJaaaaaaaaaaaa-",
        "1:AA",
        "sk-ld-",
        "-----BEGIN ",
        "ecret_access_key",
    ] {
        let text = part.repeat(100_000 / part.len());
        let found = policy.find(text.as_bytes(), None);
        assert!(found.len() <= 1, "{part}: {}", found.len());
    }
}

#[test]
fn the_values_of_an_env_file_are_found_by_its_name() {
    let text = "A=1\nDB_PASSWORD=hunter2\n";
    let policy = SecretPolicy::default();
    let found = policy.find(text.as_bytes(), Some(Path::new("a/.env")));
    assert_eq!(names(&found), ["env-file"]);
    assert_eq!(
        (found[0].line, &text[found[0].range.clone()]),
        (2, "hunter2")
    );
    assert_eq!(policy.find(text.as_bytes(), Some(Path::new("a.txt"))), []);
    // A token that another rule knows is called what it is.
    let text = format!("API_TOKEN={}\n", token_of("ghp|_<36:alnum>", 1));
    let found = policy.find(text.as_bytes(), Some(Path::new(".env.local")));
    assert_eq!(names(&found), ["github-token"]);
}

#[test]
fn rules_of_the_users_own_find_more() {
    let policy = policy(&[("acme", "acme_[0-9]{4}"), ("pin", "pin: ([0-9]+)")], &[]);
    let text = "an acme_1234 and the pin: 42";
    let found = policy.find(text.as_bytes(), None);
    assert_eq!(names(&found), ["acme", "pin"]);
    assert_eq!(&text[found[1].range.clone()], "42");
    for (pattern, expected) in [("a(", "unclosed group"), ("a*", "empty text")] {
        let reason = CustomRule::new("x", pattern).expect_err(pattern);
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    let token = token_of("ghp|_<36:alnum>", 1);
    let other = token_of("ghp|_<36:alnum>", 2);
    let fingerprint = Fingerprint::from_secret(token.as_bytes()).to_string();
    let text = format!("{token} {other} acme_1");
    for (allow, expected) in [
        (&[][..], &["github-token", "github-token", "acme"][..]),
        (&[fingerprint.as_str()], &["github-token", "acme"]),
        (&["github-token"], &["acme"]),
        (&["acme", "github-token"], &[]),
    ] {
        let policy = policy(&[("acme", "acme_[0-9]")], allow);
        let found = policy.find(text.as_bytes(), None);
        assert_eq!(names(&found), expected, "{allow:?}");
    }
    let policy = policy(&[], &["tests/**", "*.pem", "env-file"]);
    assert_eq!(policy.allowed_paths(), ["tests/**", "*.pem"]);
}

#[test]
fn an_entry_that_allows_nothing_and_one_that_is_a_secret_are_refused() {
    let token = token_of("ghp|_<36:alnum>", 1);
    for (entry, expected) in [
        ("github_token", "`github_token` is not"),
        (&token, "sha256:"),
    ] {
        let reason = SecretPolicy::new(SecretMode::Refuse, Vec::new(), &[entry.to_owned()]);
        let reason = reason.expect_err(entry);
        assert!(reason.contains(expected), "{reason}");
        assert!(!reason.contains(&token), "{reason}");
    }
}

#[test]
fn a_secret_has_the_same_number_wherever_it_is_replaced() {
    let (one, two) = (
        token_of("ghp|_<36:alnum>", 1),
        token_of("ghp|_<36:alnum>", 2),
    );
    let numbers = SecretNumbers::new();
    let masked = |text: &str| {
        let masked = mask(text.as_bytes(), &found_in(text), &numbers);
        String::from_utf8(masked).expect("text")
    };
    assert_eq!(
        masked(&format!("a {one} b {two}, {one}.")),
        "a [SECRET 1] b [SECRET 2], [SECRET 1]."
    );
    assert_eq!(masked(&two), "[SECRET 2]");
    assert_eq!(masked("none"), "none");
}
