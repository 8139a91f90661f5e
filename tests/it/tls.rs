//! With TLS, only servers with a trusted certificate are used; anything else is reported with a
//! hint.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::{
    endings::send,
    support::{
        command::{KEY, Langdock},
        events::{self, MODEL},
        home::Home,
        reply::Reply,
        server::Server,
        tls::TlsCertificate,
    },
};

/// Returns a server with this certificate that answers.
fn answering(certificate: &TlsCertificate) -> Server {
    Server::start_tls(|_, _| Reply::sse(events::answer(&["whole"])), certificate)
}

/// Trusts the CA in this file and no other.
fn trusting(langdock: Langdock, file: &Path) -> Langdock {
    langdock.args(["--cacert".as_ref(), file.as_os_str()])
}

#[test]
fn an_authority_that_is_named_is_trusted() {
    let certificate = TlsCertificate::valid();
    let server = answering(&certificate);
    trusting(send(&server), &certificate.ca_file())
        .run()
        .code(0)
        .stdout("whole\n")
        .stderr_empty();
    let by_variable = send(&server)
        .env("SSL_CERT_FILE", certificate.ca_file())
        .run();
    by_variable.code(0).stdout("whole\n").stderr_empty();
    let by_name = Langdock::new()
        .args(["send", "-m", MODEL, "hello", "--base-url"])
        .args([format!("https://localhost:{}", server.address().port())])
        .args(["--cacert".as_ref(), certificate.ca_file().as_os_str()])
        .key();
    by_name.run().code(0).stdout("whole\n").stderr_empty();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization") == Some(&format!("Bearer {KEY}")))
    );
}

#[test]
fn the_flag_goes_before_the_variable() {
    let (certificate, other) = (TlsCertificate::valid(), TlsCertificate::valid());
    let server = answering(&certificate);
    let good =
        trusting(send(&server), &certificate.ca_file()).env("SSL_CERT_FILE", other.ca_file());
    good.run().code(0).stdout("whole\n").stderr_empty();
    let bad = trusting(send(&server), &other.ca_file()).env("SSL_CERT_FILE", certificate.ca_file());
    bad.run().failed(6, "cannot trust", "--cacert");
    server.only_request();
}

#[test]
#[cfg(target_os = "linux")]
fn an_authority_that_only_the_systems_store_knows_is_trusted() {
    let certificate = TlsCertificate::valid();
    let server = answering(&certificate);
    // The crate that reads the system's store uses this variable for its location, and expects such
    // file names.
    let home = Home::new();
    let store = home.write("store/0a1b2c3d.0", fs::read(certificate.ca_file()).unwrap());
    let outcome = send(&server)
        .env("SSL_CERT_DIR", store.parent().unwrap())
        .run();
    outcome.code(0).stdout("whole\n").stderr_empty();
    server.only_request();

    let other = TlsCertificate::valid();
    let outcome = trusting(send(&server), &other.ca_file())
        .env("SSL_CERT_DIR", store.parent().unwrap())
        .run();
    outcome.failed(6, "cannot trust", "--cacert");
    server.only_request();
}

#[test]
fn a_certificate_that_is_not_to_be_trusted_is_exit_6_and_not_tried_again() {
    let other = TlsCertificate::valid();
    let table = [
        (
            TlsCertificate::valid(),
            Some(other.ca_file()),
            "not signed by the CA that it names",
            "--cacert FILE",
        ),
        (
            TlsCertificate::valid(),
            None,
            "not issued by a trusted CA",
            "--cacert FILE",
        ),
        (
            TlsCertificate::expired(),
            None,
            "its certificate expired on 2002-01-01 00:00 UTC; it is 2",
            "clock",
        ),
        (
            TlsCertificate::not_yet_valid(),
            None,
            "its certificate is not valid before 2099-01-01 00:00 UTC",
            "clock",
        ),
        (
            TlsCertificate::wrong_host(),
            None,
            "elsewhere.example",
            "check --base-url and --proxy",
        ),
    ];
    for (certificate, authority, reason, hint) in table {
        // These are refused although their CA is trusted.
        let known = hint != "--cacert FILE";
        let authority = authority.or_else(|| known.then(|| certificate.ca_file()));
        let server = answering(&certificate);
        let langdock = send(&server).args(["--json"]);
        let outcome = match &authority {
            Some(file) => trusting(langdock, file).run(),
            None => langdock.run(),
        };
        let failure = outcome.stdout("").failure(6);
        failure.says(&format!("cannot trust {}: ", server.address()), hint);
        failure.object(
            6,
            "network",
            &json!({"status": null, "type": null, "retryable": false}),
        );
        assert!(failure.message.contains(reason), "{outcome}");
        assert!(failure.notices.is_empty(), "{outcome}");
        server.wait_for_failed_handshakes(1);
        assert_eq!(
            (server.connections(), server.requests().len()),
            (1, 0),
            "{outcome}"
        );
        let url = format!("https://{}", server.address());
        let doctor = Langdock::new().args(["doctor", "--base-url", &url]).key();
        let found = trusting(doctor, authority.as_deref().unwrap_or(&other.ca_file())).run();
        found
            .code(6)
            .stdout_contains("wrong  TLS")
            .stdout_contains(hint);
    }
}

#[test]
fn a_server_that_presents_a_cas_own_certificate_is_told_in_words() {
    // The kind of certificate that `openssl req -x509` creates.
    let certificate = TlsCertificate::of_the_authority_itself();
    let server = answering(&certificate);
    for outcome in [
        send(&server).run(),
        trusting(send(&server), &certificate.ca_file()).run(),
    ] {
        outcome
            .stdout("")
            .failed(6, "it uses a CA certificate", "CA:FALSE");
    }
}

#[test]
fn a_file_that_holds_no_certificate_is_a_usage_error() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let home = Home::new();
    home.write("work/empty.pem", "");
    home.write(
        "work/garbage.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let is_not_pem = "PEM certificates for --cacert or SSL_CERT_FILE";
    for (file, hint) in [
        ("empty.pem", is_not_pem),
        ("garbage.pem", is_not_pem),
        ("missing.pem", "check the name"),
    ] {
        let url = format!("https://{}", server.address());
        let outcome = send(&server)
            .home(&home)
            .args(["--base-url", &url, "--cacert", file])
            .run();
        outcome.stdout("").failed(2, file, hint);
        let outcome = send(&server)
            .home(&home)
            .args(["--base-url", &url])
            .env("SSL_CERT_FILE", file)
            .run();
        outcome.stdout("").failed(2, file, hint);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_handshake_that_breaks_off_is_a_connection_that_failed_and_tried_again() {
    let certificate = TlsCertificate::valid();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            // The `ClientHello` is read and never answered.
            let _ = stream.unwrap().read(&mut [0; 4096]);
        }
    });
    let langdock = Langdock::new()
        .args(["send", "-m", MODEL, "hello", "--json", "--max-retries", "1"])
        .key();
    let outcome = trusting(
        langdock.env("LANGDOCK_BASE_URL", format!("https://{address}")),
        &certificate.ca_file(),
    )
    .run();
    let failure = outcome.stdout("").failure(6);
    failure.object(6, "network", &json!({"status": null, "retryable": true}));
    assert!(
        failure.message.contains(&address.to_string()) && failure.notices.len() == 1,
        "{outcome}"
    );
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn a_server_that_speaks_no_tls_is_exit_6_and_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The client may disconnect before everything is written.
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.read_to_end(&mut vec![]);
    });
    let outcome = Langdock::new()
        .args(["send", "-m", MODEL, "hello", "--base-url", &url])
        .key()
        .run();
    outcome.stdout("").failed(
        6,
        "the server does not speak TLS",
        "if the server uses plain http",
    );
    server.join().unwrap();
}

#[test]
fn an_answer_over_tls_that_breaks_off_is_kept_and_told() {
    let certificate = TlsCertificate::valid();
    let events = events::Stream::new()
        .start()
        .open_text_block(["Hello"])
        .to_string();
    let server = Server::start_tls(
        move |_, _| Reply::sse_start().body(&events).close(),
        &certificate,
    );
    let outcome = trusting(send(&server), &certificate.ca_file()).run();
    outcome
        .stdout("Hello\n")
        .failed(8, "", "send the request again");
    server.only_request();
}

#[test]
fn an_answer_over_tls_may_come_in_any_pieces() {
    let certificate = TlsCertificate::valid();
    let text = "na\u{ef}ve \u{1f642} ".repeat(200);
    let events = events::answer(&[&text]);
    let server = Server::start_tls(
        move |_, _| Reply::sse_start().in_pieces_of(7).body(&events),
        &certificate,
    );
    let outcome = trusting(send(&server), &certificate.ca_file()).run();
    outcome.code(0).stdout(text.clone() + "\n").stderr_empty();
}
