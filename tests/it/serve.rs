//! `langdock serve`: the scripted endpoint from the outside, with plain requests and with `langdock
//! send`.

mod drain;
mod faults;
mod limits;
mod log;

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{
    command::{KEY, Langdock},
    home::Home,
    serving::{Answered, Serving},
};

/// The message on stderr once it is listening.
const READY: &str = "langdock: scripted answers, no model; press Ctrl-C to stop\n";

#[test]
fn it_prints_a_base_url_and_nothing_else_on_stdout() {
    let serving = Serving::start(&[]);
    let expected = format!("http://127.0.0.1:{}/anthropic/eu", serving.address().port());
    assert_eq!(serving.base_url, expected);
    serving.running.wait_for_stderr(READY);
    serving.ended().stdout(format!("{expected}\n"));
}

#[test]
fn the_base_url_is_for_the_region_of_the_settings() {
    let home = Home::new();
    home.write(
        home.config().join("config.toml"),
        "region = 'us'\n[profiles.e]\nregion = 'eu'\n",
    );
    for (flags, region) in [
        (&[][..], "us"),
        (&["--region", "eu"], "eu"),
        (&["--profile", "e"], "eu"),
    ] {
        let serving = Serving::start_in(&home, flags);
        let ending = format!("/anthropic/{region}");
        assert!(serving.base_url.ends_with(&ending), "{}", serving.base_url);
        // What was printed works when it is pasted.
        let sent = Langdock::new().home(&home).key().args(flags);
        let sent = sent
            .args(["--base-url", &serving.base_url, "send", "Hi"])
            .run();
        sent.code(0);
        serving.ended().stdout_contains(&ending);
    }
}

#[test]
fn a_region_that_it_does_not_have_is_not_in_the_base_url() {
    let home = Home::new();
    home.write(home.config().join("config.toml"), "region = 'ch'\n");
    let serving = Serving::start_in(&home, &[]);
    assert!(
        serving.base_url.ends_with("/anthropic/eu"),
        "{}",
        serving.base_url
    );
    serving
        .running
        .wait_for_stderr("the scripted endpoint has only the regions eu and us, not `ch`\n");
    let sent = Langdock::new().home(&home).key();
    let sent = sent.args([
        "--base-url",
        &serving.base_url,
        "--region",
        "eu",
        "send",
        "Hi",
    ]);
    sent.run().code(0);
}

#[test]
fn send_talks_to_it_in_both_regions_and_both_ways() {
    let serving = Serving::start(&["--key", KEY]);
    for flags in [
        &[][..],
        &["--region", "us"],
        &["-S"],
        &["--set=stream=false"],
        &["--json"],
    ] {
        let outcome = serving.send().args(["What is this?"]).args(flags).run();
        outcome
            .code(0)
            .stderr_empty()
            .stdout_contains("What is this?");
    }
    let only_us = ["-m", "claude-3-opus-20240229", "Hi"];
    serving
        .send()
        .args(only_us)
        .args(["--region", "us"])
        .run()
        .code(0);
    serving
        .send()
        .args(only_us)
        .run()
        .code(2)
        .stderr_contains("is not available in region `eu`");
    serving
        .send()
        .args(["-m", "claude-3-hiaku", "Hi"])
        .run()
        .code(3)
        .stderr_contains("did you mean -m");
    serving.end();
}

#[test]
fn a_key_that_is_not_the_one_is_refused() {
    let serving = Serving::start(&["--key", KEY]);
    assert_eq!(serving.ask(&json!({})).status, 200);
    for key in ["sk-other", ""] {
        let refused = Answered::read(serving.open(key, &json!({})));
        assert_eq!(
            (refused.status, &refused.json()["error"]["type"]),
            (401, &json!("authentication_error")),
            "{key}"
        );
    }
    serving
        .send()
        .args(["Hi"])
        .env("LANGDOCK_API_KEY", "sk-other")
        .run()
        .code(4)
        .stdout("");
    serving.ended().stderr_lacks(KEY);
}

#[test]
fn any_version_of_the_api_may_be_asked_for() {
    let serving = Serving::start(&[]);
    let headers = "x-api-key: k\r\nanthropic-version: 2026-10-21\r\n";
    let models = Answered::read(serving.raw("GET /anthropic/us/v1/models?limit=1000", headers, ""));
    assert_eq!(
        (
            models.status,
            models.json()["data"].as_array().unwrap().len()
        ),
        (200, 24)
    );
    serving.end();
}

#[test]
fn images_pdfs_and_tools_are_read() {
    let serving = Serving::start(&[]);
    let block = |kind: &str, media_type: &str, data: &str| json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}});
    let content = json!([
        block("image", "image/png", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="),
        block("document", "application/pdf", "JVBERi0xLjcK"),
        {"type": "text", "text": "Look"},
    ]);
    let answer = serving
        .ask(&json!({"messages": [{"role": "user", "content": content}]}))
        .json();
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("image/png, 1 × 1 pixels") && text.contains("application/pdf"),
        "{text}"
    );

    let schema =
        json!({"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]});
    let tools = json!({"tools": [{"name": "look", "input_schema": schema}]});
    let call = serving.ask(&tools).json();
    let calls = call["content"].clone();
    assert_eq!(
        (&call["stop_reason"], calls[1]["input"]["at"].is_string()),
        (&json!("tool_use"), true),
        "{call}"
    );
    let result =
        json!([{"type": "tool_result", "tool_use_id": calls[1]["id"], "content": "a lake"}]);
    let user = |content| json!({"role": "user", "content": content});
    let mut again = tools.clone();
    again["messages"] =
        json!([user(json!("Hi")), {"role": "assistant", "content": calls}, user(result)]);
    let answer = serving.ask(&again).json();
    assert!(
        answer["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("a lake"),
        "{answer}"
    );
    serving.end();
}

/// Returns the ids that the endpoint lists in `us`.
fn listed_ids(serving: &Serving) -> Vec<String> {
    let models = Answered::read(serving.raw("GET /anthropic/us/v1/models", "x-api-key: k\r\n", ""));
    let models = models.json();
    let models = models["data"].as_array().unwrap();
    models
        .iter()
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_listed_model_answers_and_so_does_the_demo() {
    let serving = Serving::start(&[]);
    for id in listed_ids(&serving) {
        if id == "claude-3-opus-20240229" {
            continue;
        }
        let answer = serving.ask(&json!({"model": id}));
        assert_eq!((answer.status, &answer.json()["model"]), (200, &json!(id)));
        let demo = Langdock::new().args(["--demo", "send", "-m", &id, "Hi"]);
        demo.run()
            .code(0)
            .stdout_contains(&format!("instead of one from `{id}`"));
    }
    for (id, status) in [
        ("claude-opus-9-default", 200),
        ("claude-haiku-4-5@20251001", 200),
        ("claude-x", 400),
        ("gpt-4", 400),
    ] {
        assert_eq!(serving.ask(&json!({"model": id})).status, status, "{id}");
        let demo = Langdock::new().args(["--demo", "send", "-m", id, "Hi"]);
        demo.run().code(if status == 200 { 0 } else { 3 });
    }
    serving.end();
}

#[test]
fn an_answer_fits_the_schema_that_is_asked_for() {
    let serving = Serving::start(&[]);
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["days", "at", "places"],
        "properties": {
            "days": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            "at": {"type": "string", "format": "date-time"},
            "places": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/place"}},
        },
        "$defs": {"place": {
            "type": "object", "additionalProperties": false, "required": ["kind"],
            "properties": {"kind": {"enum": ["lake", "hill"]}},
        }},
    });
    let answer = serving.ask(&json!({
        "model": "claude-sonnet-5-5-default",
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
        "messages": [{"role": "user", "content": "Plan 3 days"}],
    }));
    let answer = answer.json();
    let text = answer["content"][1]["text"].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(text).unwrap(),
        json!({"days": 3, "at": "2024-06-20T12:00:00Z", "places": [{"kind": "lake"}]})
    );
    serving.end();
}

#[test]
fn thinking_comes_streamed_and_goes_back_as_it_came() {
    let serving = Serving::start(&[]);
    let request = json!({
        "model": "claude-opus-4-8-default",
        "thinking": {"type": "adaptive", "display": "summarized"},
    });
    let answer = serving.ask(&request).json();
    let thinking = &answer["content"][0];
    assert!(!thinking["thinking"].as_str().unwrap().is_empty());
    let mut streamed = request.clone();
    streamed["stream"] = json!(true);
    let stream = serving.ask(&streamed).body;
    assert!(
        stream.contains("thinking_delta")
            && stream.contains(thinking["signature"].as_str().unwrap()),
        "{stream}"
    );
    let mut next = request;
    next["messages"] = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": "And then?"},
    ]);
    assert_eq!(serving.ask(&next).status, 200);
    next["messages"][0]["content"] = json!("Ho");
    let refused = serving.ask(&next);
    assert_eq!(refused.status, 400);
    let message = refused.json()["error"]["message"].clone();
    assert!(
        message
            .as_str()
            .unwrap()
            .contains("The block is bound to a different conversation"),
        "{message}"
    );
    serving.end();
}

#[test]
fn a_marked_prompt_is_read_from_the_cache_by_the_same_key() {
    let serving = Serving::start(&[]);
    let mark = json!({"type": "ephemeral"});
    let rules = json!([{"type": "text", "text": "rule".repeat(600), "cache_control": mark}]);
    let request = json!({"model": "claude-opus-5-default", "system": rules});
    let usage = |key: &str| Answered::read(serving.open(key, &request)).json()["usage"].clone();
    for (key, written, read) in [(KEY, 600, 0), (KEY, 0, 600), ("sk-other", 600, 0)] {
        let usage = usage(key);
        assert_eq!(
            (
                &usage["cache_creation_input_tokens"],
                &usage["cache_read_input_tokens"]
            ),
            (&json!(written), &json!(read)),
            "{key}"
        );
    }
    serving.end();
}

#[test]
fn a_port_that_is_taken_is_an_error_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let outcome = Langdock::new().args(["serve", "--port", &port]).run();
    outcome.code(1).stdout("").stderr_contains(&format!(
        "error: cannot listen on port {port} of 127.0.0.1: "
    ));
    outcome.stderr_contains("hint: choose another port with --port");
}

#[test]
fn values_out_of_range_are_refused_with_the_range() {
    for (flags, range) in [
        (["--port", "65536"], "0 to 65,535"),
        (["--port", "-1"], "0 to 65,535"),
        (["--rpm", "0"], "from 1 to 4,294,967,295"),
        (["--tpm", "-5"], "from 1 to 4,294,967,295"),
        (["--rate", "0"], "0.01 to 1,000,000"),
        (["--latency", "soon"], "not a duration"),
        (["--fail", "429:2"], "from 0 to 1"),
        (["--fail", "429:0.6,cut:0.6"], "add up to 1.2"),
        (["--fail", "teapot:0.1"], "529, cut, stall, error-event"),
        (["--seed", "1"], "--fail"),
        (["--key", ""], "one word"),
    ] {
        let outcome = Langdock::new().args(["serve"]).args(flags).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains(flags[0])
            .stderr_contains(range);
    }
}
