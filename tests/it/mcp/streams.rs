//! Streams of events that end before the answer, and lists that change between requests.

use serde_json::{Value, json};

use super::web::{answer, call, reply};
use crate::support::{
    command::Langdock, events::MODEL, gate::Gate, home::Home, reply::Reply, request::Request,
    server::Server,
};
use crate::tools::{calling, done, playing};

/// An event without data, as servers begin a stream with that can be resumed.
fn first_event(id: &str) -> String {
    format!("id: {id}\nretry: 60\ndata:\n\n")
}

/// Starts a server whose stream ends before the result of a call. `resume` answers each request for
/// the rest, of which it gets the number, from 0, and the id of the call.
fn cutting_server(resume: fn(usize, &Value) -> Reply) -> Server {
    let called = std::sync::Mutex::new((Value::Null, 0));
    Server::start(move |request, _| {
        let mut called = called.lock().unwrap();
        match request.method.as_str() {
            "POST" if request.text().contains("tools/call") => {
                called.0 = request.json()["id"].clone();
                Reply::sse(first_event("e0"))
            }
            "POST" => reply(request, false),
            // The stream that belongs to no request.
            "GET" if request.header("last-event-id").is_none() => Reply::status(405),
            "GET" => {
                called.1 += 1;
                resume(called.1 - 1, &called.0)
            }
            _ => Reply::status(200),
        }
    })
}

fn called(id: &Value) -> String {
    let answer = answer(&json!({"id": id, "method": "tools/call"})).expect("an answer");
    format!("id: last\ndata: {answer}\n\n")
}

fn of_method(server: &Server, method: &str) -> Vec<Request> {
    let mut requests = server.requests();
    requests.retain(|request| request.method == method);
    requests
}

/// Returns the requests for the rest of a stream.
fn resumed(server: &Server) -> Vec<Request> {
    let mut requests = of_method(server, "GET");
    requests.retain(|request| request.header("last-event-id").is_some());
    requests
}

#[test]
fn a_stream_that_ends_before_the_answer_is_resumed_after_its_last_event() {
    let server = cutting_server(|number, id| match number {
        0 => Reply::sse(first_event("e1")),
        1 => Reply::hang_up(),
        // An event that is not complete does not count.
        2 => Reply::sse("id: e2\ndata: {\"jsonrpc\":").until_close(),
        _ => Reply::sse(called(id)),
    });
    call(&server.url(), &json!({}), |langdock| langdock)
        .code(0)
        .stdout("called\n")
        .stderr_empty();
    let resumed = resumed(&server);
    let last: Vec<_> = resumed
        .iter()
        .map(|request| request.header("last-event-id"))
        .collect();
    assert_eq!(last, [Some("e0"), Some("e1"), Some("e1"), Some("e1")]);
    for request in &resumed {
        assert_eq!(request.header("accept"), Some("text/event-stream"));
        assert_eq!(request.header("mcp-session-id"), Some("session-1"));
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-11-25"));
    }
    let calls = of_method(&server, "POST");
    let calls = calls
        .iter()
        .filter(|request| request.text().contains("tools/call"));
    assert_eq!(calls.count(), 1, "the call itself is not repeated");
}

#[test]
fn a_stream_that_is_not_resumed_fails_the_call() {
    let refusing = cutting_server(|_, _| Reply::status(405));
    call(&refusing.url(), &json!({}), |langdock| langdock)
        .code(11)
        .stderr_contains("has no answer, and it cannot be resumed: HTTP 405");
    assert_eq!(resumed(&refusing).len(), 1);
    let idle = cutting_server(|_, _| Reply::sse(": nothing\n\n"));
    call(&idle.url(), &json!({}), |langdock| langdock)
        .code(11)
        .stderr_contains("its response has no answer");
    assert_eq!(resumed(&idle).len(), 5, "there is an end to it");
    let without_ids = Server::start(|request, _| match request.method.as_str() {
        "POST" if request.text().contains("tools/call") => Reply::sse("data:\n\n"),
        "POST" => reply(request, false),
        _ => Reply::status(200),
    });
    call(&without_ids.url(), &json!({}), |langdock| langdock)
        .code(11)
        .stderr_contains("its response has no answer");
    assert!(resumed(&without_ids).is_empty());
}

#[test]
fn what_a_server_asks_outside_of_its_responses_is_answered_too() {
    let (asked, refused) = (Gate::new(), Gate::new());
    let server = Server::start({
        let (asked, refused) = (asked.clone(), refused.clone());
        move |request, _| match request.method.as_str() {
            "GET" => {
                let question = json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create"});
                asked.open();
                Reply::sse_start()
                    .body(format!("data: {question}\n\n"))
                    .wait_for_hang_up()
            }
            "POST" if request.text().contains("-32601") => {
                refused.open();
                Reply::status(202)
            }
            // Neither the list nor the call is answered before the question was.
            "POST" if request.text().contains("tools/list") => {
                reply(request, false).hold_head(&asked)
            }
            "POST" if request.text().contains("tools/call") => {
                reply(request, false).hold_head(&refused)
            }
            "POST" => reply(request, false),
            _ => Reply::status(200),
        }
    });
    call(&server.url(), &json!({}), |langdock| langdock)
        .code(0)
        .stdout("called\n");
}

#[test]
fn a_server_on_the_web_is_asked_at_each_message_whether_its_list_has_changed() {
    for announces in [true, false] {
        let server = Server::start(move |request, _| {
            if request.method != "POST" {
                return Reply::status(200);
            }
            let message = request.json();
            let result = match message["method"].as_str() {
                Some("initialize") => json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {"listChanged": announces}},
                }),
                Some("tools/list") => {
                    // The list of the start, that of the first message, and that of the second.
                    let number = message["id"].as_u64().expect("a number");
                    let names: &[&str] = if number < 4 {
                        &["one"]
                    } else {
                        &["one", "two"]
                    };
                    let tool =
                        |name: &&str| json!({"name": name, "inputSchema": {"type": "object"}});
                    json!({"tools": names.iter().map(tool).collect::<Vec<_>>()})
                }
                _ => return Reply::status(202),
            };
            let id = &message["id"];
            Reply::json(200, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
        });
        let home = Home::new();
        let file = json!({"mcpServers": {"w": {"url": server.url()}}});
        home.write("work/w.json", file.to_string());
        let model = playing(&[done("One."), done("Two.")]);
        let outcome = Langdock::new()
            .key()
            .against(&model)
            .env("LANGDOCK_MODEL", MODEL)
            .home(&home)
            .args(["chat", "--mcp", "./w.json"])
            .stdin_bytes("one\ntwo\n")
            .run();
        outcome.code(0);
        let offered = model.requests().iter().map(tools_in).collect::<Vec<_>>();
        let notice = "an MCP server changed its tools";
        assert_eq!(
            outcome.stderr.matches(notice).count(),
            usize::from(announces)
        );
        let expected = if announces { [1, 2] } else { [1, 1] };
        assert_eq!(offered, expected, "announces: {announces}");
    }
}

fn tools_in(request: &Request) -> usize {
    request.json()["tools"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_server_on_the_web_is_left_by_its_session_also_where_the_run_fails() {
    let server = super::web::web_server(false);
    let home = Home::new();
    let file = json!({"mcpServers": {"w": {"url": server.url()}}});
    home.write("work/w.json", file.to_string());
    let model = playing(&[calling(&[("w__echo", json!({}))])]);
    crate::tools::tool_run(&model)
        .home(&home)
        .args(["--mcp", "./w.json", "--allow-tool", "x__*", "Hi"])
        .run()
        .code(2);
    assert_eq!(of_method(&server, "DELETE").len(), 1);
    assert!(model.requests().is_empty());
}
