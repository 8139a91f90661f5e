//! Models: the list, and the default when nobody chose one.

mod list;
mod picked;

use serde_json::{Value, json};

use crate::support::{
    command::Langdock,
    events::{answer, error},
    reply::Reply,
    request::Request,
    server::Server,
};

/// Begins `langdock models` with the test key against `server`.
pub(crate) fn models(server: &Server) -> Langdock {
    Langdock::new().key().against(server).args(["models"])
}

/// Begins `langdock send Hi` with the test key against `server`, without a model.
fn send(server: &Server) -> Langdock {
    Langdock::new().key().against(server).args(["send", "Hi"])
}

/// Starts a server with these models: it lists them, answers `ok` for them and refuses all others.
pub(crate) fn listing(ids: &[&str]) -> Server {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    Server::start(move |request, _| offering(&ids, request))
}

/// Starts a server that lists these models and answers `ok` for any model.
pub(crate) fn list_of(models: &Value) -> Server {
    let list = json!({ "data": models, "has_more": false });
    Server::start(move |request, _| match &*request.method {
        "GET" => Reply::json(200, &list),
        _ => Reply::sse(answer(&["ok"])),
    })
}

/// Returns the reply of an endpoint with these models.
fn offering(ids: &[String], request: &Request) -> Reply {
    if request.method == "GET" {
        return Reply::json(200, &list(ids));
    }
    if ids.iter().any(|id| request.json()["model"] == **id) {
        return Reply::sse(answer(&["ok"]));
    }
    let message = format!("Invalid model, available models are: {}", ids.join(", "));
    Reply::json(400, &error("invalid_request_error", &message))
}

/// Returns a list with only ids.
fn list(ids: &[String]) -> Value {
    let data: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    json!({ "data": data, "has_more": false })
}

/// Returns the method and path of each request, without the query.
fn asked(server: &Server) -> Vec<String> {
    let line = |request: &Request| {
        let path = request.path.split('?').next().unwrap_or_default();
        format!("{} {path}", request.method)
    };
    server.requests().iter().map(line).collect()
}
