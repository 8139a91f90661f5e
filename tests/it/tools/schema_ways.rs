//! `--schema` with all kinds of models: which way is used to ask, which one is next after a
//! refusal, and what is remembered.

use serde_json::{Value, json};

use super::{calling, done};
use crate::batch::batch;
use crate::support::{
    command::Langdock,
    events::{Stream, error},
    home::Home,
    outcome::Outcome,
    reply::Reply,
    request::Request,
    sending::send,
    server::Server,
};

const SCHEMA: &str = r#"{"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}"#;

/// A model that refuses a forced tool choice.
const UNFORCED: &str = "claude-opus-5-5-default";

/// Returns the way in which a request body asks for the answer.
fn way(body: &Value) -> &'static str {
    let has_format = body["output_config"].get("format").is_some();
    match (body["tool_choice"]["type"].as_str(), has_format) {
        (Some("tool"), false) => "forced",
        (Some("auto"), false) => "free",
        (None, true) => "format",
        (None, false) if body.to_string().contains("JSON schema") => "words",
        other => panic!("{other:?}: {body}"),
    }
}

fn ways(server: &Server) -> Vec<&'static str> {
    let requests = server.requests();
    let bodies = requests.iter().map(Request::json);
    bodies.map(|body| way(&body)).collect()
}

/// Starts a server with a different reply for each way.
fn answering_ways(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request, _| reply(way(&request.json())))
}

fn stream(stream: &Stream) -> Reply {
    Reply::sse(stream.to_string())
}

fn refusal(message: &str) -> Reply {
    Reply::json(400, &error("invalid_request_error", message))
}

fn run(server: &Server, home: &Home, args: &[&str]) -> Outcome {
    send(server)
        .home(home)
        .args(["-m", UNFORCED, "--schema", SCHEMA, "Hi"])
        .args(args)
        .run()
}

#[test]
fn a_model_that_takes_no_forced_tool_is_asked_by_the_output_format() {
    let server = answering_ways(|_| stream(&done("{\"n\": 1}")));
    let outcome = run(
        &server,
        &Home::new(),
        &["--set", "output_config={\"effort\":\"low\"}"],
    );
    outcome.code(0).stdout("{\"n\":1}\n").stderr_empty();
    let body = server.only_request().json();
    assert_eq!(body.get("tools"), None);
    let closed = json!({
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "(minimum: 1)"}},
        "required": ["n"],
        "additionalProperties": false,
    });
    let config = json!({"effort": "low", "format": {"type": "json_schema", "schema": closed}});
    assert_eq!(body["output_config"], config);
}

#[test]
fn the_schema_as_it_was_given_checks_the_answer() {
    let server =
        Server::start(|_, nth| stream(&done(if nth == 0 { "{\"n\": 0}" } else { "{\"n\": 2}" })));
    run(&server, &Home::new(), &[])
        .code(0)
        .stdout("{\"n\":2}\n")
        .stderr_contains("at `/n`: 0 is less than the minimum of 1");
    let second = server.requests()[1].json();
    assert_eq!(way(&second), "format");
    let said = second["messages"][2]["content"].as_str().unwrap();
    assert!(said.contains("Answer again with the whole JSON"), "{said}");
}

#[test]
fn a_way_that_is_not_taken_is_followed_by_the_next_one_and_nothing_is_shown_of_it() {
    let server = answering_ways(|way| match way {
        "format" => refusal("output_config: Extra inputs are not permitted"),
        "free" => stream(&done("I would rather talk.")),
        _ => stream(&done("```json\n{\"n\": 3}\n```")),
    });
    let home = Home::new();
    run(&server, &home, &["--session", "x", "-u"])
        .code(0)
        .stdout("{\"n\":3}\n")
        .stderr_lacks("rather")
        .stderr_lacks("Extra");
    assert_eq!(ways(&server), ["format", "free", "words"]);
    // The conversation has the prompt and the answer.
    let shown = Langdock::new()
        .home(&home)
        .args(["session", "export", "x", "--json"])
        .run();
    assert_eq!(
        shown.code(0).stdout_json(),
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{\"n\":3}"}])
    );
}

#[test]
fn what_worked_is_remembered_until_the_list_of_models_is_refreshed() {
    let server = Server::start(|request, _| {
        if request.method == "GET" {
            return Reply::json(200, &json!({"data": [{"id": UNFORCED}]}));
        }
        match way(&request.json()) {
            "format" => refusal("output_config: Extra inputs are not permitted"),
            _ => stream(&calling(&[("answer", json!({"n": 1}))])),
        }
    });
    let home = Home::new();
    let asked = |expected: &[&str]| {
        let before = server.requests().len();
        run(&server, &home, &[])
            .code(0)
            .stdout("{\"n\":1}\n")
            .stderr_empty();
        let requests = server.requests();
        let ways: Vec<_> = requests[before..]
            .iter()
            .map(|request| way(&request.json()))
            .collect();
        assert_eq!(ways, expected);
    };
    asked(&["format", "free"]);
    asked(&["free"]);
    Langdock::new()
        .home(&home)
        .key()
        .against(&server)
        .args(["models", "--refresh"])
        .run()
        .code(0);
    asked(&["format", "free"]);
}

#[test]
fn another_refusal_is_an_error_and_no_other_way_is_tried() {
    let server = answering_ways(|_| refusal("messages: text content blocks must be non-empty"));
    run(&server, &Home::new(), &[]).failed(3, "must be non-empty", "--dry-run");
    server.only_request();
}

#[test]
fn a_mode_asks_in_its_own_way_and_in_no_other() {
    for (mode, expected) in [("native", "format"), ("tool", "free"), ("prompt", "words")] {
        let server = answering_ways(|way| match way {
            "free" => stream(&calling(&[("answer", json!({"n": 1}))])),
            _ => stream(&done("{\"n\": 1}")),
        });
        let outcome = run(&server, &Home::new(), &["--schema-mode", mode]);
        outcome.code(0).stdout("{\"n\":1}\n").stderr_empty();
        assert_eq!(ways(&server), [expected]);
        let refusing = answering_ways(|_| refusal("output_config, tools: not permitted"));
        run(&refusing, &Home::new(), &["--schema-mode", mode]).code(3);
        assert_eq!(ways(&refusing), [expected]);
    }
    let server = answering_ways(|_| stream(&done("{}")));
    let map = r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#;
    send(&server)
        .args(["--schema", map, "--schema-mode", "native", "Hi"])
        .run()
        .failed(
            2,
            "`--schema-mode native` does not support recursive objects",
            "help send",
        );
    assert_eq!(server.connections(), 0);
}

#[test]
fn with_thinking_a_tool_is_never_forced() {
    let server = answering_ways(|_| stream(&calling(&[("answer", json!({"n": 1}))])));
    let thinking = "thinking={\"type\":\"enabled\",\"budget_tokens\":1024}";
    let outcome = send(&server)
        .args([
            "--schema",
            SCHEMA,
            "Hi",
            "--set",
            thinking,
            "--schema-mode=tool",
        ])
        .run();
    outcome.code(0).stdout("{\"n\":1}\n");
    assert_eq!(ways(&server), ["free"]);
}

#[test]
fn a_map_gets_its_entries() {
    let map = r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#;
    let server = answering_ways(|_| stream(&calling(&[("answer", json!({"a": 1, "b": 2}))])));
    let outcome = send(&server)
        .args(["-m", UNFORCED, "--schema", map, "Hi"])
        .run();
    outcome.code(0).stdout("{\"a\":1,\"b\":2}\n").stderr_empty();
    let tool = &server.only_request().json()["tools"][0];
    assert_eq!(
        tool["input_schema"]["additionalProperties"],
        json!({"type": "integer"})
    );
    assert_eq!(tool.get("strict"), None);
}

#[test]
fn with_json_the_message_object_is_printed() {
    let server = answering_ways(|_| stream(&done("{\"n\": 1}")));
    let message = run(&server, &Home::new(), &["--json"])
        .code(0)
        .stdout_json();
    assert_eq!(
        (
            &message["type"],
            &message["content"][0]["text"],
            &message["langdock"]["complete"]
        ),
        (&json!("message"), &json!("{\"n\": 1}"), &json!(true))
    );
    let server = answering_ways(|_| stream(&done("{}")));
    run(&server, &Home::new(), &["--json", "--repair", "0"])
        .code(12)
        .stdout("");
}

#[test]
fn a_batch_learns_the_way_and_takes_an_item_for_the_same_in_whichever_way_it_was_asked() {
    let server = answering_ways(|way| match way {
        "format" => refusal("output_config: Extra inputs are not permitted"),
        _ => stream(&calling(&[("answer", json!({"n": 1}))])),
    });
    let home = Home::new();
    let run = |more: &str| {
        batch(&server)
            .home(&home)
            .args([
                "-m", UNFORCED, "{text}", "--schema", SCHEMA, "-J1", "-o", "out",
            ])
            .stdin_bytes(format!("a\nb\n{more}"))
            .run()
            .code(0)
            .stderr_empty();
    };
    run("");
    assert_eq!(ways(&server), ["format", "free", "free"]);
    run("c\n");
    assert_eq!(ways(&server), ["format", "free", "free", "free"]);
}

#[test]
fn every_family_of_models_of_the_scripted_endpoint_answers() {
    let models = Langdock::new().args(["models", "--demo", "--json"]).run();
    let models = models.code(0).stdout_json();
    let listed = models.as_array().or(models["data"].as_array()).unwrap();
    assert!(listed.len() > 4, "{models}");
    let thinking_is_on = "thinking={\"type\":\"adaptive\"}";
    for model in listed {
        let model = model["id"].as_str().unwrap();
        let run = |args: &[&str]| {
            Langdock::new()
                .args([
                    "send", "--demo", "-q", "-m", model, "--schema", SCHEMA, "Hi",
                ])
                .args(args)
                .run()
        };
        let answer = run(&[]).code(0).stdout_json();
        assert!(answer["n"].is_number(), "{model}: {answer}");
        if model.contains("-5") && !model.contains("-4-5") && !model.contains("-3-5") {
            run(&["--set", thinking_is_on]).code(0);
        }
    }
}

#[test]
fn a_document_with_citations_is_answered_in_another_way() {
    let home = Home::new();
    let source = json!({"type": "text", "media_type": "text/plain", "data": "words"});
    let document = json!({"type": "document", "citations": {"enabled": true}, "source": source});
    let messages = json!([{"role": "user", "content": [document]}]);
    home.write("work/m.json", messages.to_string());
    let outcome = Langdock::new()
        .home(&home)
        .args(["send", "--demo", "-q", "-m", UNFORCED, "--schema", SCHEMA])
        .args(["--messages", "m.json", "Hi"])
        .run();
    assert!(outcome.code(0).stdout_json()["n"].is_number(), "{outcome}");
}
