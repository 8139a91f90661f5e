//! Faults on the way to the endpoint: unreachable hosts, untrusted certificates, failing proxies.

use std::{ffi::OsStr, path::Path};

use super::{commands::COMMANDS, ending::check};
use crate::support::{
    home::Home,
    reply::Reply,
    server::{DeadPort, Server},
    tls::TlsCertificate,
};

/// A host that never resolves (RFC 2606), so that only a proxy could reach it.
const NOWHERE: &str = "https://langdock.invalid";

/// Returns the reply of a proxy.
type Replies = fn() -> Reply;

/// Runs every command against this base URL with these flags, and asserts a network failure.
fn all_fail(fault: &str, base_url: &str, flags: &[&OsStr]) {
    for row in &COMMANDS {
        let home = Home::new();
        let outcome = row.at(base_url, &home).args(flags).run();
        check(fault, row, &home, &outcome, 6, "");
    }
}

#[test]
fn every_command_tells_that_nobody_is_there() {
    all_fail("refused", &DeadPort::new().url(), &[]);
    all_fail(
        "no such host",
        NOWHERE,
        &["--connect-timeout".as_ref(), "10s".as_ref()],
    );
}

#[test]
fn every_command_trusts_no_certificate_but_a_good_one() {
    let other = TlsCertificate::valid();
    let others = other.ca_file();
    let table: [(&str, TlsCertificate, Option<&Path>); 4] = [
        ("expired", TlsCertificate::expired(), None),
        ("another host's", TlsCertificate::wrong_host(), None),
        (
            "an unknown authority",
            TlsCertificate::valid(),
            Some(Path::new("")),
        ),
        ("another authority", TlsCertificate::valid(), Some(&others)),
    ];
    for (fault, certificate, authority) in &table {
        let server = Server::start_tls(|_, _| panic!("nothing is to be sent"), certificate);
        let own = certificate.ca_file();
        let authority = authority.unwrap_or(&own);
        let flags = ["--cacert".as_ref(), authority.as_os_str()];
        // Without any flag, the bundled CAs and the system's are used, and none of them has signed
        // it.
        all_fail(
            fault,
            &server.base_url(),
            if authority.as_os_str().is_empty() {
                &[]
            } else {
                &flags
            },
        );
        assert_eq!(server.requests().len(), 0, "{fault}");
    }
}

#[test]
fn every_command_tells_of_a_proxy_that_is_in_the_way() {
    let replies: [(&str, Replies); 6] = [
        ("it wants a login", || {
            Reply::status(407)
                .header("proxy-authenticate", "Basic realm=\"x\"")
                .body("no")
        }),
        ("it answers with a page", || {
            Reply::status(403)
                .header("content-type", "text/html")
                .body("<html>Blocked</html>")
        }),
        ("it finds no way", || Reply::status(502)),
        ("it hangs up", Reply::hang_up),
        ("it speaks no HTTP", || Reply::raw("\x05\x01\0")),
        ("it opens a tunnel to nothing", || {
            Reply::raw("HTTP/1.1 200 Connection established\r\n\r\n").close()
        }),
    ];
    for (fault, reply) in replies {
        let proxy = Server::start(move |_, _| reply());
        all_fail(fault, NOWHERE, &["--proxy".as_ref(), proxy.url().as_ref()]);
    }
    all_fail(
        "it is away",
        NOWHERE,
        &["--proxy".as_ref(), DeadPort::new().url().as_ref()],
    );
}
