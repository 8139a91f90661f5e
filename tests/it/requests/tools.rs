//! Tool definitions from files.

use serde_json::json;

use crate::support::{
    events::Stream,
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

const TOML: &str = "[[tool]]\nname = \"look\"\ndescription = \"Looks.\"\ncommand = [\"ls\"]\n\
                    [tool.input_schema]\ntype = \"object\"\n";

#[test]
fn only_definitions_go_out_and_calls_come_back_as_lines() {
    let stream = Stream::new()
        .start()
        .tool_use_block("toolu_1", "look", ["{}"])
        .stop("tool_use")
        .to_string();
    let (server, home) = (Server::start(move |_, _| Reply::sse(&stream)), Home::new());
    home.write("work/look.toml", TOML);
    home.write(
        "work/more.json",
        r#"[{"name": "more", "input_schema": {"type": "object", "additionalProperties": false}, "strict": true}]"#,
    );
    let outcome = send(&server)
        .home(&home)
        .args(["-T", "./look.toml", "-T", "./more.json", "Hi"])
        .run();
    outcome.code(0).stderr_empty();
    let call = json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}});
    assert_eq!(outcome.stdout_json_lines(), [call]);
    let expected = json!([
        {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}},
        {"name": "more", "input_schema": {"type": "object", "additionalProperties": false}, "strict": true},
    ]);
    assert_eq!(server.only_request().json()["tools"], expected);
}

#[test]
fn a_bad_definition_is_refused_with_its_file_and_name() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/look.toml", TOML);
    home.write(
        "work/same.json",
        r#"{"name": "look", "input_schema": {"type": "object"}}"#,
    );
    home.write("work/bad.json", r#"{"name": "look"}"#);
    let refused =
        |args: &[&str]| -> Outcome { send(&server).home(&home).args(["Hi"]).args(args).run() };
    refused(&["-T", "./bad.json"]).failed(
        2,
        "`./bad.json`: line 1: tool `look`: `input_schema` is missing",
        "langdock help tool-run",
    );
    refused(&["-T", "./look.toml", "-T", "./same.json"]).failed(
        2,
        "`./same.json`: line 1: tool `look`: a tool of this name already exists",
        "langdock help tool-run",
    );
    let twice = refused(&["-T", "./look.toml", "--set", "tools=[]"]);
    twice.failed(
        2,
        "`tools` is set twice, by --tool and --set tools",
        "leave out one",
    );
    let choice = refused(&["-T", "./look.toml", "--tool-choice", "lok"]);
    choice.failed(
        2,
        "no tool is named `lok`; did you mean `look`?",
        "`auto`, `any`, `none`",
    );
    let none = refused(&["--tool-choice", "any"]);
    none.failed(
        2,
        "`--tool-choice any` needs tools",
        "add a tools file with -T",
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_definition_that_the_api_would_refuse_goes_out_in_a_form_that_it_takes() {
    let (server, home) = (answering("ok"), Home::new());
    let schema = json!({"anyOf": [
        {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        {"type": "null"},
    ]});
    let tool = json!([
        {"name": "n", "title": "N", "inputSchema": schema},
        {"name": "any", "input_schema": {}},
    ]);
    home.write("work/t.json", tool.to_string());
    send(&server)
        .home(&home)
        .args(["-T", "./t.json", "Hi"])
        .run()
        .code(0)
        .stderr_empty();
    let expected = json!([
        {"name": "n", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}},
                                       "required": ["n"]}},
        {"name": "any", "input_schema": {"type": "object"}},
    ]);
    assert_eq!(server.only_request().json()["tools"], expected);
}

#[test]
fn a_definition_without_such_a_form_is_refused_with_file_tool_and_key() {
    let (server, home) = (answering("ok"), Home::new());
    for (tool, why) in [
        (
            json!({"name": "a", "input_schema": {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}}),
            "tool `a`: `input_schema`: `oneOf` is not accepted by the API at the top level",
        ),
        (
            json!({"name": "a", "input_schema": {"type": "object", "properties": {"a b": {}}}}),
            "tool `a`: `input_schema`: property `a b`",
        ),
        (
            json!({"name": "a.b", "input_schema": {"type": "object"}}),
            "tool `a.b`: `name`: must be 1 to 64",
        ),
    ] {
        home.write("work/t.json", tool.to_string());
        send(&server)
            .home(&home)
            .args(["-T", "./t.json", "Hi"])
            .run()
            .failed(
                2,
                &format!("`./t.json`: line 1: {why}"),
                "langdock help tool-run",
            );
    }
    assert_eq!(server.connections(), 0);
}
