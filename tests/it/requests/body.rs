//! The request body: byte for byte without any options, and with each option in its field.

use serde_json::{Value, json};

use crate::support::{
    events::MODEL,
    home::Home,
    sending::{answering, send},
};

/// Returns the body of `send Hi` with these arguments, which must succeed without messages.
#[track_caller]
fn body(args: &[&str]) -> Value {
    let server = answering("ok");
    send(&server)
        .args(["Hi"])
        .args(args)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request().json()
}

/// Asserts that `send Hi` with these arguments is a usage error with this message, and that nothing
/// is sent.
#[track_caller]
fn refused(args: &[&str], reason: &str) {
    let server = answering("ok");
    send(&server)
        .args(["Hi"])
        .args(args)
        .run()
        .code(2)
        .stdout("")
        .stderr_contains(reason);
    assert_eq!(server.connections(), 0, "{args:?}");
}

#[test]
fn the_simplest_prompt_makes_the_smallest_body() {
    let server = answering("ok");
    send(&server)
        .args(["Why", "is the sky", "blue?"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().text(),
        format!(
            r#"{{"model":"{MODEL}","max_tokens":16384,"messages":[{{"role":"user","content":"Why is the sky blue?"}}],"stream":true}}"#
        )
    );
}

#[test]
fn a_prompt_is_sent_letter_by_letter() {
    let prompt = "  \"quotes\" \\ back\n\ttab é 漢字 🙂 \u{202e}x\u{1b}[0m\u{7f} $HOME '--' ";
    let server = answering("ok");
    send(&server)
        .args(["--", prompt])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        prompt
    );
}

#[test]
fn every_choice_is_in_the_body_and_nothing_else() {
    let args = [
        ["--system", "Be brief."],
        ["--max-tokens", "100"],
        ["--temperature", "0"],
        ["--top-k", "1"],
        ["--stop", "\n\nHuman:"],
        ["--stop", "-x"],
        ["--user-id", "u-1"],
        ["--set", "service_tier=\"auto\""],
        ["--prefill", "Sure, "],
    ];
    let expected = json!({
        "model": MODEL,
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Sure,"}],
        "stop_sequences": ["\n\nHuman:", "-x"],
        "temperature": 0.0,
        "top_k": 1,
        "metadata": {"user_id": "u-1"},
        "service_tier": "auto",
        "stream": true,
    });
    assert_eq!(body(args.as_flattened()), expected);
}

#[test]
fn temperature_and_top_p_together_are_sent_where_the_model_is_not_known_to_refuse_both() {
    let flags = ["--temperature", "1", "--top-p", "0.5"];
    let server = answering("ok");
    send(&server)
        .args(["Hi", "-m", "some-model"])
        .args(flags)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    let sent = server.only_request().json();
    assert_eq!(
        (&sent["temperature"], &sent["top_p"]),
        (&json!(1.0), &json!(0.5))
    );
    let refused = send(&server).args(["Hi"]).args(flags).run();
    refused.code(2).stderr_contains("in the same request");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn set_takes_every_kind_of_json() {
    for (json, value) in [
        ("null", Value::Null),
        ("true", json!(true)),
        ("-1", json!(-1)),
        ("1.5", json!(1.5)),
        ("18446744073709551615", json!(u64::MAX)),
        ("\"a=b \\u00e9\"", json!("a=b é")),
        ("[1, [\"x\"], {}]", json!([1, ["x"], {}])),
        (
            "{\"type\":\"enabled\",\"budget_tokens\":2000}",
            json!({"type": "enabled", "budget_tokens": 2000}),
        ),
    ] {
        let body = body(&["--set", &format!("extra={json}")]);
        assert_eq!(body.get("extra"), Some(&value), "{json}");
    }
}

#[test]
fn set_keeps_the_order_of_the_keys_as_given() {
    let server = answering("ok");
    send(&server)
        .args(["Hi", "--set", r#"zeta={"b":1,"a":2}"#, "--set", "alpha=1"])
        .run()
        .code(0)
        .stderr_empty();
    let sent = server.only_request();
    assert!(
        sent.text().contains(r#""zeta":{"b":1,"a":2},"alpha":1,"#),
        "{}",
        sent.text()
    );
}

#[test]
fn set_can_say_what_has_a_flag_too() {
    assert_eq!(body(&["--set", "max_tokens=5"])["max_tokens"], 5);
    let blocks = json!([{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}]);
    assert_eq!(
        body(&["--set", &format!("system={blocks}")])["system"],
        blocks
    );
}

#[test]
fn a_field_that_is_set_twice_is_refused() {
    for (args, key) in [
        (["--max-tokens", "1", "--set", "max_tokens=2"], "max_tokens"),
        (["--system", "x", "--set", "system=\"y\""], "system"),
        (
            ["--temperature", "1", "--set", "temperature=0"],
            "temperature",
        ),
        (["--top-p", "1", "--set", "top_p=0"], "top_p"),
        (["--top-k", "1", "--set", "top_k=2"], "top_k"),
        (
            ["--stop", "x", "--set", "stop_sequences=[]"],
            "stop_sequences",
        ),
        (["--user-id", "x", "--set", "metadata={}"], "metadata"),
        (["--set", "a=1", "--set", "a=1"], "a"),
    ] {
        refused(&args, &format!("`{key}` is set twice"));
    }
}

#[test]
fn a_field_with_a_place_of_its_own_cannot_be_set() {
    refused(&["--set", "model=\"x\""], "use --model");
    refused(&["--set", "messages=[]"], "add a prompt");
    refused(&["--set", "stream=0"], "must be `true` or `false`");
    refused(&["--set", "max_tokens=0"], "from 1 to 4,294,967,295");
    refused(
        &["--set", "max_tokens=4294967296"],
        "from 1 to 4,294,967,295",
    );
    refused(&["--set", "a"], "KEY=JSON");
    refused(&["--set", "a=on"], "double quotes");
}

#[test]
fn a_number_out_of_range_is_refused_with_the_range() {
    for (args, range) in [
        (["--temperature", "-0.1"], "0 to 1"),
        (["--temperature", "1.1"], "0 to 1"),
        (["--temperature", "NaN"], "0 to 1"),
        (["--top-p", "2"], "0 to 1"),
        (["--top-p", "-1"], "0 to 1"),
        (["--top-k", "0"], "from 1 to 4,294,967,295"),
        (["--top-k", "-3"], "from 1 to 4,294,967,295"),
        (["--max-tokens", "0"], "from 1 to 4,294,967,295"),
        (["--max-tokens", "-5"], "from 1 to 4,294,967,295"),
        (["--max-tokens", "1.5"], "from 1 to 4,294,967,295"),
        (["--max-tokens", "4294967296"], "from 1 to 4,294,967,295"),
    ] {
        refused(&args, range);
        refused(&args, args[0]);
    }
}

#[test]
fn an_id_of_the_user_is_at_most_256_characters_wherever_it_comes_from() {
    let (longest, too_long) = ("é".repeat(256), "é".repeat(257));
    assert_eq!(
        body(&["--user-id", &longest])["metadata"]["user_id"],
        longest
    );
    let needed = "must be text of at most 256 characters";
    refused(&["--user-id", &too_long], needed);
    let field = json!({"user_id": too_long});
    refused(&["--set", &format!("metadata={field}")], needed);

    let (server, home) = (answering("ok"), Home::new());
    home.write(
        home.config().join("config.toml"),
        format!("user_id = '{too_long}'\n"),
    );
    let outcome = send(&server).home(&home).args(["Hi"]).run();
    outcome.code(2).stderr_contains(needed);
    assert_eq!(server.connections(), 0, "{outcome}");
}

#[test]
fn the_default_of_max_tokens_goes_by_the_model() {
    let seed = [
        "claude-3-5-sonnet-20240620",
        "claude-3-sonnet-20240229",
        "claude-3-haiku-20240307",
    ];
    for model in seed {
        assert_eq!(body(&["--model", model])["max_tokens"], 4096, "{model}");
    }
    assert_eq!(
        body(&["--model", "claude-3-opus-20240229", "--region", "us"])["max_tokens"],
        4096
    );
    assert_eq!(body(&["--model", "some-other-model"])["max_tokens"], 16_384);
}
