//! The server follows its script exactly, and records exactly what the client sent.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;

use crate::support::{
    gate::Gate,
    reply::Reply,
    server::{DeadPort, Server},
    tls::TlsCertificate,
};

const GET: &str = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n";

/// Opens a client connection.
fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).unwrap()
}

/// Sends bytes on a new connection and returns the whole response.
fn ask(server: &Server, bytes: &str) -> String {
    let mut client = connect(server);
    client.write_all(bytes.as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    io::read_to_string(client).unwrap()
}

/// Reads until `text` has been received.
fn read_until(client: &mut impl Read, text: &str) -> String {
    let mut got = String::new();
    while !got.contains(text) {
        let mut piece = [0; 1];
        client.read_exact(&mut piece).unwrap();
        got.push(char::from(piece[0]));
    }
    got
}

/// Requests `/` over TLS under this host name, trusting only the certificate's CA.
fn ask_tls(stream: TcpStream, host: &str, certificate: &TlsCertificate) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate.ca_file()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        stream,
    );
    client.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
    io::read_to_string(client)
}

#[test]
fn a_request_is_remembered_as_it_was_sent() {
    let server = Server::start(|_, _| Reply::status(200));
    ask(
        &server,
        "POST /v1/messages?x=1 HTTP/1.1\r\nX-B: 1\r\nx-a: two  words\r\nx-b: 2\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
    );
    let request = server.only_request();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/messages?x=1")
    );
    let names = request
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect::<Vec<_>>();
    assert_eq!(names, ["X-B", "x-a", "x-b", "Content-Length"]);
    assert_eq!(request.header("X-A"), Some("two  words"));
    assert_eq!(request.headers_named("x-b"), ["1", "2"]);
    assert_eq!(request.text(), r#"{"a":1}"#);
    assert_eq!(request.json(), json!({"a": 1}));
}

#[test]
fn a_chunked_request_body_is_put_together() {
    let server = Server::start(|_, _| Reply::status(200));
    ask(
        &server,
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    );
    assert_eq!(server.only_request().body, b"abc0123456789");
}

#[test]
fn several_requests_go_over_one_connection_and_are_counted() {
    let server =
        Server::start(|request, nth| Reply::status(200).body(format!("{nth}:{}", request.path)));
    let answers = ask(&server, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    assert!(
        answers.contains("0:/a") && answers.ends_with("1:/b"),
        "{answers}"
    );
    assert_eq!(server.wait_for_requests(2).len(), 2);
    assert_eq!((server.connections(), server.most_under_way()), (1, 1));
}

#[test]
fn a_body_has_its_length_unless_another_was_given() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::json(429, &json!({"a": 1})).header("retry-after", 7),
        _ => Reply::status(200)
            .header("content-length", 100)
            .body("cut")
            .close(),
    });
    let expected = "HTTP/1.1 429 Scripted\r\ncontent-type: application/json\r\nretry-after: 7\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
    assert_eq!(ask(&server, GET), expected);
    assert_eq!(
        ask(&server, GET),
        "HTTP/1.1 200 Scripted\r\ncontent-length: 100\r\n\r\ncut"
    );
}

#[test]
fn an_event_stream_is_chunked_in_pieces_of_any_size() {
    let server = Server::start(|_, _| Reply::sse("data: 1\n\n").in_pieces_of(4));
    let expected = "HTTP/1.1 200 Scripted\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    transfer-encoding: chunked\r\n\r\n4\r\ndata\r\n4\r\n: 1\n\r\n1\r\n\n\r\n0\r\n\r\n";
    assert_eq!(ask(&server, GET), expected);
}

#[test]
fn a_body_until_the_close_has_no_length() {
    let server = Server::start(|_, _| Reply::status(200).until_close().body("a").body("b"));
    let mut client = connect(&server);
    client.write_all(GET.as_bytes()).unwrap();
    assert_eq!(
        io::read_to_string(client).unwrap(),
        "HTTP/1.1 200 Scripted\r\n\r\nab"
    );
}

#[test]
fn a_connection_is_closed_after_a_reply_that_says_so() {
    let server = Server::start(|_, _| Reply::status(204).header("connection", "close"));
    let mut client = connect(&server);
    client.write_all(GET.as_bytes()).unwrap();
    assert!(
        io::read_to_string(client)
            .unwrap()
            .ends_with("connection: close\r\ncontent-length: 0\r\n\r\n")
    );
}

#[test]
fn raw_bytes_and_silence_are_replies_too() {
    let server = Server::start(|_, nth| {
        if nth == 0 {
            Reply::raw("no HTTP")
        } else {
            Reply::hang_up()
        }
    });
    assert_eq!(ask(&server, GET), "no HTTP");
    assert_eq!(ask(&server, GET), "");
}

#[test]
fn a_gate_holds_the_head_and_another_the_rest_of_the_body() {
    let (head, rest) = (Gate::new(), Gate::new());
    let (their_head, their_rest) = (head.clone(), rest.clone());
    let server = Server::start(move |_, _| {
        Reply::sse_start()
            .hold_head(&their_head)
            .body("first")
            .wait(&their_rest)
            .unframed("4\r\nla")
            .close()
    });
    let mut client = connect(&server);
    client.write_all(GET.as_bytes()).unwrap();
    server.wait_for_requests(1);
    client.set_nonblocking(true).unwrap();
    assert_eq!(
        client.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    client.set_nonblocking(false).unwrap();
    head.open();
    assert!(read_until(&mut client, "first\r\n").starts_with("HTTP/1.1 200"));
    rest.open();
    assert_eq!(io::read_to_string(client).unwrap(), "4\r\nla");
}

#[test]
fn a_reset_is_no_close() {
    let server = Server::start(|_, _| Reply::sse_start().body("a").reset());
    let mut client = connect(&server);
    client.write_all(GET.as_bytes()).unwrap();
    let error = io::read_to_string(client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_client_that_hangs_up_is_noticed() {
    let server = Server::start(|_, nth| match nth {
        0 => Reply::never(),
        _ => Reply::sse_start().body("partly").wait_for_hang_up(),
    });
    let (mut first, mut second) = (connect(&server), connect(&server));
    first.write_all(GET.as_bytes()).unwrap();
    server.wait_for_requests(1);
    second.write_all(GET.as_bytes()).unwrap();
    read_until(&mut second, "partly");
    assert_eq!(server.most_under_way(), 2);
    drop((first, second));
    server.wait_for_hang_ups(2);
}

#[test]
fn a_script_that_panics_fails_the_test() {
    let server = Server::start(|_, _| panic!("unexpected request"));
    ask(&server, GET);
    let failure = catch_unwind(AssertUnwindSafe(|| drop(server))).unwrap_err();
    assert!(
        failure
            .downcast_ref::<String>()
            .unwrap()
            .contains("unexpected request")
    );
}

#[test]
fn a_server_has_a_url_and_a_dead_port_has_no_server() {
    let server = Server::start(|_, _| Reply::never());
    assert_eq!(server.url(), format!("http://{}", server.address()));
    assert_eq!(
        server.base_url(),
        format!("{}/anthropic/{{region}}", server.url())
    );
    let dead = DeadPort::new();
    assert_eq!(dead.url(), format!("http://{}", dead.address()));
    assert_eq!(
        TcpStream::connect(dead.address()).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_good_certificate_is_accepted_and_the_others_are_not() {
    let server_of =
        |certificate: &TlsCertificate| Server::start_tls(|_, _| Reply::raw("tls"), certificate);
    let valid = TlsCertificate::valid();
    let server = server_of(&valid);
    assert!(server.url().starts_with("https://127.0.0.1:"));
    assert_eq!(
        ask_tls(connect(&server), "127.0.0.1", &valid).unwrap(),
        "tls"
    );
    assert_eq!(
        ask_tls(connect(&server), "localhost", &valid).unwrap(),
        "tls"
    );

    for (bad, complaint) in [
        (TlsCertificate::expired(), "expired"),
        (TlsCertificate::wrong_host(), "not valid for name"),
    ] {
        let server = server_of(&bad);
        let error = ask_tls(connect(&server), "127.0.0.1", &bad)
            .unwrap_err()
            .to_string();
        assert!(error.contains(complaint), "{error}");
        server.wait_for_failed_handshakes(1);
        assert!(server.requests().is_empty());
    }
}

#[test]
fn a_script_that_answers_connect_is_a_proxy() {
    let certificate = TlsCertificate::for_names(&["api.langdock.com"]);
    let server = Server::start_tls(|_, _| Reply::raw("through"), &certificate);
    let address = server.address();
    let proxy = Server::start(move |request, _| match request.method.as_str() {
        "CONNECT" => Reply::tunnel_to(address),
        _ => Reply::status(405),
    });
    let mut client = connect(&proxy);
    client
        .write_all(b"CONNECT api.langdock.com:443 HTTP/1.1\r\nHost: api.langdock.com:443\r\n\r\n")
        .unwrap();
    read_until(&mut client, "\r\n\r\n");
    assert_eq!(
        ask_tls(client, "api.langdock.com", &certificate).unwrap(),
        "through"
    );
    assert_eq!(proxy.only_request().path, "api.langdock.com:443");
    assert_eq!(server.only_request().path, "/");
}
