//! Faults up to the end of the response headers, which are the same for every command.

use super::{
    commands::{COMMANDS, Form, Replies, Row, begun, for_every_command, good_body, meets},
    ending::answered,
};
use crate::support::{command::KEY, events::error, home::Home, reply::Reply, server::Server};

/// The name of a fault, its exit code, and the reply.
pub(super) const FAULTS: [(&str, i32, Replies); 31] = [
    ("a hang-up", 6, |_| Reply::hang_up()),
    ("a reset before the head", 6, |_| Reply::raw("").reset()),
    ("half a head", 6, |_| {
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-ty")
    }),
    ("a reset in the head", 6, |_| {
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-ty").reset()
    }),
    ("no HTTP", 6, |_| Reply::raw("SSH-2.0-OpenSSH_9.2\r\n")),
    ("another version of HTTP", 6, |_| {
        Reply::raw("HTTP/7.3 200 OK\r\n\r\n")
    }),
    ("a status that is not a number", 6, |_| {
        Reply::raw("HTTP/1.1 two OK\r\n\r\n")
    }),
    ("a head without an end", 6, |_| {
        Reply::raw("HTTP/1.1 200 OK\r\n").repeat("x-more: and more\r\n", 50_000_000)
    }),
    ("a header without an end", 6, |_| {
        Reply::raw("HTTP/1.1 200 OK\r\nx-long: ").repeat([b'x'; 4096], 250_000)
    }),
    ("a length that is not a number", 6, |_| {
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")
    }),
    ("an early hint and no more", 6, |_| {
        Reply::raw("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
    }),
    ("an upgrade that nobody asked for", 5, |_| {
        Reply::raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")
    }),
    ("no content", 5, |_| {
        Reply::raw("HTTP/1.1 204 No Content\r\n\r\n")
    }),
    ("nothing new", 3, |_| {
        Reply::raw("HTTP/1.1 304 Not Modified\r\n\r\n")
    }),
    ("a redirect", 3, |_| {
        Reply::status(302).header("location", "https://elsewhere.example/")
    }),
    ("a redirect that keeps the method", 3, |_| {
        Reply::status(308).header("location", "/login")
    }),
    ("a redirect to nowhere", 3, |_| Reply::status(301)),
    ("a refusal of the request", 3, |_| {
        Reply::json(400, &error("invalid_request_error", "no"))
    }),
    ("a refusal that echoes the key", 4, |_| {
        Reply::json(401, &error("authentication_error", KEY)).header("x-key", KEY)
    }),
    ("a refusal of the key", 4, |_| Reply::status(403)),
    ("an unknown path", 3, |_| {
        Reply::status(404)
            .header("content-type", "text/html")
            .body("<html>nginx")
    }),
    ("a login of a proxy that is none", 6, |_| {
        Reply::status(407).header("proxy-authenticate", "Basic")
    }),
    ("a limit", 7, |_| Reply::status(429)),
    ("a failure", 5, |_| {
        Reply::json(500, &error("api_error", "no"))
    }),
    ("a failure in HTML", 5, |_| {
        Reply::status(502).body("<html><title>Bad Gateway</title>")
    }),
    ("a failure whose body is cut", 5, |_| {
        Reply::status(503)
            .header("content-length", 1000)
            .body("{\"er")
            .close()
    }),
    ("a failure whose body has no end", 5, |_| {
        Reply::status(500).chunked().repeat([b'x'; 4096], 250_000)
    }),
    ("a failure in no UTF-8", 5, |_| {
        Reply::status(500).body(b"\xff\xfe\x00\x1b[2J")
    }),
    ("an overload", 5, |_| {
        Reply::json(529, &error("overloaded_error", "no"))
    }),
    ("a status of tomorrow", 5, |_| Reply::status(599)),
    ("an answer under another status", 5, |request| {
        Reply::status(202).body(good_body(request))
    }),
];

/// An endpoint need not have a model list, so `doctor` only notes its absence.
const NO_LIST: &str = "an unknown path";

#[test]
fn every_command_ends_well_whatever_the_head_of_the_answer() {
    for_every_command(|row| {
        for (fault, call, reply) in FAULTS {
            let call = if fault == NO_LIST && row.form == Form::Findings {
                0
            } else {
                call
            };
            meets(row, fault, reply, call, Row::against);
        }
    });
}

#[test]
fn every_command_gives_up_a_head_that_does_not_come() {
    let faults: [(&str, &str, Replies); 3] = [
        ("silence", "--idle-timeout", |_| Reply::never()),
        ("silence in the head", "--idle-timeout", |_| {
            Reply::raw("HTTP/1.1 200 OK\r\n").wait_for_hang_up()
        }),
        ("a head that drips", "--timeout", |_| {
            Reply::raw("HTTP/1.1 200 OK\r\n").drip("x: y\r\n")
        }),
    ];
    for_every_command(|row| {
        for (fault, flag, reply) in faults {
            meets(row, fault, reply, 6, |row, server, home| {
                row.against(server, home).args([flag, "2s"])
            });
        }
    });
}

#[test]
fn every_command_takes_what_a_head_may_have() {
    let kinds: [(&str, Replies); 3] = [
        ("a hint first", |request| {
            let body = good_body(request);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            Reply::raw(format!(
                "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{head}"
            ))
        }),
        ("another content type", |request| {
            Reply::status(200)
                .header("content-type", "text/plain")
                .body(good_body(request))
        }),
        ("an end by hanging up", |request| {
            begun(request).until_close().body(good_body(request))
        }),
    ];
    for row in &COMMANDS {
        for (name, reply) in kinds {
            let (server, home) = (Server::start(move |request, _| reply(request)), Home::new());
            let outcome = row.against(&server, &home).run();
            answered(name, row, &home, &outcome);
        }
    }
}
