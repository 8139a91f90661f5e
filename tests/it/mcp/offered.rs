//! What the model is offered, and what comes of its calls.

use serde_json::{Value, json};

use super::{result_of, run_with, with_server};
use crate::support::{
    home::Home,
    mcp_server::{McpServer, log_of, messages_to, methods_to},
};
use crate::tools::{calling, done, playing};

#[test]
fn the_tools_of_a_server_are_offered_and_called_and_the_server_ends_with_its_input() {
    let (home, model, outcome) = run_with(&McpServer::new("s", ""));
    outcome
        .code(0)
        .stdout("Done.\n")
        .stderr_contains("tool s__echo {\"text\":\"hi\"}");
    let offered = &model.requests()[0].json()["tools"];
    let schema = json!({"type": "object"});
    let tool = json!([{"name": "s__echo", "description": "Echoes.", "input_schema": schema}]);
    assert_eq!(offered, &tool);
    assert_eq!(result_of(&model)["content"], "called");
    let methods = [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
    ];
    assert_eq!(methods_to(&home, "s"), methods);
    assert_eq!(log_of(&home, "s").last().map(String::as_str), Some("end"));
    let messages = messages_to(&home, "s");
    let call = &messages[3]["params"];
    assert_eq!(
        (&call["name"], &call["arguments"]),
        (&json!("echo"), &json!({"text": "hi"}))
    );
    let begun = &messages[0]["params"];
    assert_eq!(begun["protocolVersion"], "2025-11-25");
    assert_eq!(begun["clientInfo"]["name"], "langdock");
    assert_eq!(begun["capabilities"], json!({}));
}

#[test]
fn secrets_in_what_a_server_returns_are_masked() {
    let token = crate::secret_guard::github_token();
    let content = format!(r#"[{{"type":"text","text":"it is {token}"}}]"#);
    let functions = format!("on_call() {{ result '{{\"content\":{content}}}'; }}");
    let (_, model, outcome) = run_with(&McpServer::new("s", &functions));
    outcome
        .code(0)
        .stderr_contains("masked 1 secret in the result of s__echo (line 1: GitHub token)")
        .stderr_lacks(&token);
    assert_eq!(result_of(&model)["content"], "it is [SECRET 1]");
}

#[test]
fn numbers_keep_their_digits_on_their_way_to_a_server() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    let answer = crate::support::events::Stream::new()
        .start()
        .tool_use_block("t1", "s__echo", ["{\"n\":12345678901234567890123.10}"])
        .stop("tool_use");
    let model = playing(&[answer, done("Done.")]);
    with_server(&model, &home).args(["-y", "Hi"]).run().code(0);
    let log = log_of(&home, "s").join("\n");
    assert!(
        log.contains("\"arguments\":{\"n\":12345678901234567890123.10}"),
        "{log}"
    );
}

#[test]
fn numbers_keep_their_digits_on_their_way_from_a_server() {
    let schema = r#"{"type":"object","properties":{"n":{"type":"number","minimum":1.10}}}"#;
    let functions = format!(
        "on_list() {{ result '{{\"tools\":[{{\"name\":\"echo\",\"inputSchema\":{schema}}}]}}'; }}
         on_call() {{ result '{{\"structuredContent\":{{\"id\":123456789012345678901}}}}'; }}"
    );
    let (_, model, outcome) = run_with(&McpServer::new("s", &functions));
    outcome.code(0);
    let first = model.requests()[0].text().to_owned();
    assert!(first.contains(schema), "{first}");
    assert_eq!(
        result_of(&model)["content"],
        r#"{"id":123456789012345678901}"#
    );
}

#[test]
fn a_call_needs_approval_and_a_destructive_one_is_not_covered_by_yes() {
    let destructive = r#"on_list() { result '{"tools":[{"name":"echo","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}}]}'; }"#;
    let read_only = r#"on_list() { result '{"tools":[{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}'; }"#;
    let denied = "this call needs the user's approval, and no user was there to give it";
    for (functions, args, expected) in [
        ("", &[][..], denied),
        (read_only, &[], denied),
        ("", &["-y"], "called"),
        (destructive, &["-y"], denied),
        (destructive, &["--allow-tool", "s__*"], "called"),
        (
            "",
            &["-y", "--deny-tool", "*echo"],
            "the user does not allow this tool",
        ),
    ] {
        let home = Home::new();
        McpServer::new("s", functions).write(&home);
        let model = playing(&[calling(&[("s__echo", json!({}))]), done("Done.")]);
        with_server(&model, &home)
            .args(args)
            .args(["Hi"])
            .run()
            .code(0);
        assert_eq!(result_of(&model)["content"], expected, "{args:?}");
        let methods = methods_to(&home, "s");
        assert_eq!(
            methods.contains(&"tools/call".to_owned()),
            expected == "called"
        );
    }
}

#[test]
fn an_allowed_name_that_no_tool_has_is_refused_before_anything_is_sent() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    let model = playing(&[done("Done.")]);
    with_server(&model, &home)
        .args(["--allow-tool", "x__*", "Hi"])
        .run()
        .failed(
            2,
            "--allow-tool: no tool `x__*`",
            "langdock tool-run --list",
        );
    assert!(model.requests().is_empty());
}

#[test]
fn pages_are_read_to_the_last_and_the_order_is_that_of_the_names() {
    let pages = r#"on_list() {
        case $line in
            *'"cursor":"2"'*) result "{\"tools\":[$(tool a A.)]}" ;;
            *) result "{\"tools\":[$(tool c C.),$(tool b B.)],\"nextCursor\":\"2\"}" ;;
        esac
    }"#;
    let (_, model, _) = run_with(&McpServer::new("s", pages));
    let body = model.requests()[0].json();
    let names: Vec<&Value> = body["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| &tool["name"])
        .collect();
    assert_eq!(names, ["s__a", "s__b", "s__c"]);
}

#[test]
fn a_tool_that_cannot_be_sent_is_left_out_by_name_and_others_are_chosen() {
    let tools = r#"on_list() { result "{\"tools\":[$(tool echo E.),$(tool other O.),{\"name\":\"bad\",\"inputSchema\":{\"type\":\"array\"}}]}"; }"#;
    let (_, model, outcome) = run_with(&McpServer::new("s", tools));
    outcome
        .code(0)
        .stderr_contains("left out the tool `bad` of the MCP server `s`: `input_schema`");
    let body = model.requests()[0].json();
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(2));
    let chosen = McpServer::new("s", tools).field("tools", &json!(["echo", "missing"]));
    let (_, model, outcome) = run_with(&chosen);
    outcome
        .code(0)
        .stderr_contains("the MCP server `s` has no tool `missing`")
        .stderr_lacks("left out");
    let body = model.requests()[0].json();
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_long_name_is_shortened_and_still_means_its_tool() {
    let long = "x".repeat(70);
    let functions = format!("on_list() {{ result \"{{\\\"tools\\\":[$(tool {long} L.)]}}\"; }}");
    let home = Home::new();
    McpServer::new("s", &functions).write(&home);
    let listed = crate::support::command::Langdock::new()
        .home(&home)
        .args(["tool-run", "--mcp", "./s.json", "--list", "--json"])
        .run();
    let listed = listed.code(0).stderr_empty().stdout_json();
    let name = listed[0]["name"].as_str().expect("a name");
    assert_eq!(name.len(), 64);
    let model = playing(&[calling(&[(name, json!({}))]), done("Done.")]);
    with_server(&model, &home).args(["-y", "Hi"]).run().code(0);
    assert_eq!(result_of(&model)["content"], "called");
    assert_eq!(
        messages_to(&home, "s").last().expect("a call")["params"]["name"],
        long
    );
}

#[test]
fn two_tools_of_one_name_are_refused() {
    let home = crate::tools::shell_tool("echo ran", "");
    home.write("work/t.toml", crate::tools::toml("s__echo", "echo ran", ""));
    McpServer::new("s", "").write(&home);
    let model = playing(&[done("Done.")]);
    with_server(&model, &home)
        .args(["-T", "./t.toml", "Hi"])
        .run()
        .code(2)
        .stderr_contains("MCP server `s`: tool `s__echo`: a tool of this name already exists");
    assert!(model.requests().is_empty());
}

#[test]
fn images_are_checked_and_other_content_is_named() {
    let content = r#"on_call() { result '{"content":[
        {"type":"text","text":"two"},{"type":"image","data":"R0lGODlhAQABAAAAADs=","mimeType":"image/gif"},
        {"type":"image","data":"AAAA","mimeType":"image/png"},{"type":"audio","data":"AAAA","mimeType":"audio/wav"}]}' | tr -d '\n'; echo; }"#;
    let (_, model, outcome) = run_with(&McpServer::new("s", content));
    outcome.code(0);
    let blocks = result_of(&model)["content"].clone();
    assert_eq!(blocks[0], json!({"type": "text", "text": "two"}));
    assert_eq!(blocks[1]["source"]["media_type"], "image/gif");
    assert_eq!(
        blocks[2]["text"],
        "[image left out: not a JPEG, PNG, GIF or WebP image]\n[audio (audio/wav) of about 3 bytes \
         left out: langdock cannot send it]"
    );
}

#[test]
fn a_failed_call_and_a_refused_one_are_results_as_well() {
    let failed = r#"on_call() { result '{"content":[{"type":"text","text":"no such file"}],"isError":true}'; }"#;
    let refused = "on_call() { failure -32602 'unknown tool'; }";
    for (functions, expected) in [
        (failed, "no such file"),
        (
            refused,
            "the MCP server `s` could not complete this call: unknown tool",
        ),
    ] {
        let (_, model, outcome) = run_with(&McpServer::new("s", functions));
        outcome.code(0).stdout("Done.\n");
        let result = result_of(&model);
        assert_eq!(
            (&result["content"], &result["is_error"]),
            (&json!(expected), &json!(true))
        );
    }
}

#[test]
fn a_long_result_is_cut_in_its_middle() {
    let long = r#"on_call() { text "$(head -c 300000 /dev/zero | tr '\0' x)"; }"#;
    let (_, model, _) = run_with(&McpServer::new("s", long));
    let result = result_of(&model);
    let text = result["content"].as_str().expect("text");
    assert!(
        text.len() < 110_000 && text.contains("[… 197,600 bytes omitted …]"),
        "{}",
        text.len()
    );
}

#[test]
fn requests_of_the_server_are_answered_at_once() {
    let asks = r#"on_call() {
        printf '{"jsonrpc":"2.0","id":"q1","method":"sampling/createMessage","params":{}}\n'
        read -r answer; printf '%s\n' "$answer" >> "$LOG"
        text called
    }"#;
    let (home, model, outcome) = run_with(&McpServer::new("s", asks));
    outcome.code(0);
    assert_eq!(result_of(&model)["content"], "called");
    let messages = messages_to(&home, "s");
    let answer = messages.last().expect("an answer");
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!("q1"), &json!(-32601))
    );
}

#[test]
fn a_server_without_sessions_is_told_the_revision_with_each_request() {
    let stateless = r#"
        on_initialize() { failure -32601 'method not found'; }
        on_other() { result '{"supportedVersions":["2026-07-28"],"capabilities":{}}'; }
    "#;
    let (home, model, outcome) = run_with(&McpServer::new("s", stateless));
    outcome.code(0);
    assert_eq!(result_of(&model)["content"], "called");
    let methods = methods_to(&home, "s");
    assert_eq!(
        methods,
        ["initialize", "server/discover", "tools/list", "tools/call"]
    );
    for message in &messages_to(&home, "s")[1..] {
        let meta = &message["params"]["_meta"];
        assert_eq!(
            meta["io.modelcontextprotocol/protocolVersion"],
            "2026-07-28"
        );
    }
}

#[test]
fn more_than_forty_tools_are_worth_a_notice() {
    let many = r#"on_list() {
        list=$(i=0; while [ $i -lt 41 ]; do tool "t$i" T.; printf ,; i=$((i + 1)); done)
        result "{\"tools\":[${list%,}]}"
    }"#;
    let (_, _, outcome) = run_with(&McpServer::new("s", many));
    outcome.stderr_contains("the 41 tools of MCP servers add about");
    outcome.stderr_contains("`tools = [...]` in [mcp.NAME]");
}

#[test]
fn a_dry_run_shows_the_tools_and_ends_the_server() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    let model = playing(&[done("Done.")]);
    let outcome = with_server(&model, &home).args(["--dry-run", "Hi"]).run();
    let body = outcome.code(0).stdout_json();
    assert_eq!(body["tools"][0]["name"], "s__echo");
    assert!(model.requests().is_empty());
    assert_eq!(log_of(&home, "s").last().map(String::as_str), Some("end"));
}
