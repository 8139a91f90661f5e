//! The run that most tests begin with: one `send` request to a server that answers it.

use super::{
    command::Langdock,
    events::{MODEL, answer},
    reply::Reply,
    server::Server,
};

/// Begins `langdock send` with a model and the test key against `server`.
pub(crate) fn send(server: &Server) -> Langdock {
    Langdock::new()
        .key()
        .against(server)
        .env("LANGDOCK_MODEL", MODEL)
        .args(["send"])
}

/// Starts a server that streams this text in one piece in response to every request.
pub(crate) fn answering(text: &str) -> Server {
    let stream = answer(&[text]);
    Server::start(move |_, _| Reply::sse(&stream))
}
