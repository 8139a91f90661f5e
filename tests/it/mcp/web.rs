//! Servers that speak streamable HTTP.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{
    command::Langdock, home::Home, outcome::Outcome, reply::Reply, request::Request, server::Server,
};

/// Returns how a server answers a request for a message with this id.
pub(super) fn answer(message: &Value) -> Option<Value> {
    let result = match message["method"].as_str()? {
        "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {}}),
        "tools/list" => {
            json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]})
        }
        "tools/call" => json!({"content": [{"type": "text", "text": "called"}]}),
        _ => return None,
    };
    Some(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
}

/// Starts a server that answers with JSON, or with a stream of events.
pub(super) fn web_server(is_stream: bool) -> Server {
    Server::start(move |request, _| match request.method.as_str() {
        "POST" => reply(request, is_stream),
        _ => Reply::status(200),
    })
}

pub(super) fn reply(request: &Request, is_stream: bool) -> Reply {
    let Some(answer) = answer(&request.json()) else {
        return Reply::status(202);
    };
    let reply = if is_stream {
        let asked = json!({"jsonrpc": "2.0", "id": "q", "method": "roots/list"});
        Reply::sse(format!("data: {asked}\n\nid: 7\ndata: {answer}\n\n"))
    } else {
        Reply::json(200, &answer)
    };
    reply.header("mcp-session-id", "session-1")
}

pub(super) fn call(url: &str, more: &Value, vary: impl FnOnce(Langdock) -> Langdock) -> Outcome {
    let home = Home::new();
    let mut server = json!({"url": url});
    server
        .as_object_mut()
        .expect("keys")
        .extend(more.as_object().expect("keys").clone());
    home.write(
        "work/w.json",
        json!({"mcpServers": {"w": server}}).to_string(),
    );
    let langdock = Langdock::new()
        .home(&home)
        .args(["mcp", "call", "./w.json", "echo"]);
    vary(langdock).run()
}

#[test]
fn a_server_on_the_web_is_called_in_a_session_that_is_ended() {
    for is_stream in [false, true] {
        let server = web_server(is_stream);
        call(&format!("{}/mcp", server.url()), &json!({}), |langdock| {
            langdock
        })
        .code(0)
        .stdout("called\n")
        .stderr_empty();
        let requests = server.requests();
        // The stream on which the server may say more is begun whenever there is time.
        let last = requests.iter().rfind(|request| request.method != "GET");
        assert_eq!(last.expect("requests").method, "DELETE");
        let (first, others) = requests.split_first().expect("requests");
        assert_eq!(first.header("mcp-session-id"), None);
        assert_eq!(
            first.header("accept"),
            Some("application/json, text/event-stream")
        );
        for request in others {
            assert_eq!(request.header("mcp-session-id"), Some("session-1"));
        }
        // The answer to a request of the server may come before the revision is known.
        let listed = requests
            .iter()
            .find(|request| request.text().contains("tools/list"));
        let listed = listed.expect("a list");
        assert_eq!(listed.header("mcp-protocol-version"), Some("2025-11-25"));
        let has_refused = requests
            .iter()
            .any(|request| request.text().contains("-32601"));
        assert_eq!(has_refused, is_stream);
    }
}

#[test]
fn headers_come_from_the_config_and_from_a_command_and_are_not_shown() {
    let server = web_server(false);
    let headers = json!({
        "headers": {"X-One": "${ONE}"}, "headers_cmd": ["printf", "Authorization: Bearer of-command\\n"],
    });
    call(&server.url(), &headers, |langdock| {
        langdock.env("ONE", "of-variable")
    })
    .code(0);
    for request in server.requests() {
        assert_eq!(request.header("x-one"), Some("of-variable"));
        assert_eq!(request.header("authorization"), Some("Bearer of-command"));
    }
    let refusing = Server::start(|request, _| {
        let token = request.header("authorization").unwrap_or_default();
        Reply::status(401).body(format!("not this token: {token}"))
    });
    let outcome = call(&refusing.url(), &headers, |langdock| {
        langdock.env("ONE", "of-variable")
    });
    outcome
        .code(11)
        .stderr_contains("it answered HTTP 401: not this token")
        .stderr_lacks("of-command");
    let failing = json!({"headers_cmd": ["false"]});
    call(&server.url(), &failing, |langdock| langdock)
        .code(11)
        .stderr_contains("false` (headers_cmd): it failed with exit code 1");
}

#[test]
fn a_redirect_is_followed_at_the_same_host_only() {
    let server =
        Server::start(
            |request, _| match (request.method.as_str(), request.path.as_str()) {
                ("POST", "/mcp") => Reply::status(307).header("location", "/moved"),
                ("POST", _) => reply(request, false),
                _ => Reply::status(200),
            },
        );
    call(&format!("{}/mcp", server.url()), &json!({}), |langdock| {
        langdock
    })
    .code(0)
    .stdout("called\n");
    let seen: Arc<Mutex<usize>> = Arc::default();
    let other = Server::start({
        let seen = Arc::clone(&seen);
        move |request, _| {
            *seen.lock().unwrap() += 1;
            reply(request, false)
        }
    });
    let target = other.url();
    let server = Server::start(move |_, _| Reply::status(307).header("location", &target));
    let headers = json!({"headers": {"Authorization": "Bearer x"}});
    call(&server.url(), &headers, |langdock| langdock)
        .code(11)
        .stderr_contains("it redirects to another host, which is not followed");
    assert_eq!(*seen.lock().unwrap(), 0);
}

#[test]
fn only_an_encrypted_address_or_one_of_this_machine_is_taken() {
    for (url, why) in [
        (
            "http://mcp.example/mcp",
            "is not encrypted, and not on this machine",
        ),
        ("mcp.example", "is not an http or https URL"),
    ] {
        call(url, &json!({}), |langdock| langdock)
            .code(11)
            .stderr_contains(why);
    }
}

#[test]
fn a_server_without_sessions_is_sent_method_and_name_as_headers() {
    let server = Server::start(|request, _| {
        let message = request.json();
        let id = &message["id"];
        let result = match message["method"].as_str() {
            Some("initialize") => {
                let error = json!({"code": -32601, "message": "method not found"});
                return Reply::json(404, &json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            Some("server/discover") => json!({"supportedVersions": ["2026-07-28"]}),
            _ => return reply(request, false),
        };
        Reply::json(200, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
    });
    call(&server.url(), &json!({}), |langdock| langdock)
        .code(0)
        .stdout("called\n");
    let requests = server.requests();
    let called = requests
        .iter()
        .find(|request| request.text().contains("tools/call"));
    let called = called.expect("a call");
    assert_eq!(called.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(called.header("mcp-method"), Some("tools/call"));
    assert_eq!(called.header("mcp-name"), Some("echo"));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    call("http://127.0.0.1:1/mcp", &json!({}), |langdock| langdock)
        .code(11)
        .stderr_contains("the MCP server `w` did not start: cannot connect");
}

#[test]
fn a_session_that_the_server_has_lost_is_begun_again_once() {
    for loses_all in [false, true] {
        let begun = Mutex::new(0);
        let server = Server::start(move |request, _| {
            if request.method != "POST" {
                return Reply::status(200);
            }
            let message = request.json();
            let session = request.header("mcp-session-id");
            if message["method"] == "tools/call" && (loses_all || session == Some("session-1")) {
                return Reply::status(404);
            }
            let Some(answer) = answer(&message) else {
                return Reply::status(202);
            };
            let reply = Reply::json(200, &answer);
            if message["method"] == "initialize" {
                let mut begun = begun.lock().expect("no panic");
                *begun += 1;
                return reply.header("mcp-session-id", format!("session-{begun}"));
            }
            reply
        });
        let outcome = call(&server.url(), &json!({}), |langdock| langdock);
        if loses_all {
            outcome.code(11).stderr_contains("it answered HTTP 404");
        } else {
            outcome.code(0).stdout("called\n").stderr_empty();
        }
        let sessions_of = |method: &str| -> Vec<Option<String>> {
            let requests = server.requests();
            let asked = requests
                .iter()
                .filter(|request| request.text().contains(method));
            asked
                .map(|request| request.header("mcp-session-id").map(str::to_owned))
                .collect()
        };
        let session = |number: u32| Some(format!("session-{number}"));
        assert_eq!(sessions_of("initialize\""), [None, None]);
        assert_eq!(sessions_of("tools/call"), [session(1), session(2)]);
    }
}
