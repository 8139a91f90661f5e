//! Faults in the body of an answer: in a stream before its first content, or in an unstreamed body.

use serde_json::json;

use super::{
    commands::{Form, Replies, Row, TEXT, begun, for_every_command, good_body, meets},
    ending::check,
};
use crate::support::{events::Stream, home::Home, server::Server};

/// The name of a fault, its exit codes for a streamed answer, an unstreamed answer, a list and an
/// optional list, and the reply.
pub(super) const FAULTS: [(&str, [i32; 4], Replies); 19] = [
    ("no body", [6, 6, 5, 5], |request| begun(request)),
    ("white space", [6, 6, 5, 5], |request| {
        begun(request).body("\n \n")
    }),
    ("a body that is cut", [6, 6, 6, 6], |request| {
        begun(request)
            .header("content-length", 5000)
            .body("{")
            .close()
    }),
    ("a body that is reset", [6, 6, 6, 6], |request| {
        begun(request)
            .header("content-length", 5000)
            .body("{")
            .reset()
    }),
    ("a length that is too small", [8, 6, 5, 5], |request| {
        let body = good_body(request);
        begun(request)
            .header("content-length", body.len() * 3 / 4)
            .header("connection", "close")
            .body(body)
    }),
    ("a chunk that is none", [6, 6, 6, 6], |request| {
        begun(request).chunked().body("\n").unframed("zz\r\n")
    }),
    ("a chunk that is cut", [6, 6, 6, 6], |request| {
        begun(request)
            .chunked()
            .body("\n")
            .unframed("ffff\r\n{")
            .close()
    }),
    ("HTML", [5, 5, 5, 5], |request| {
        begun(request).body("<html><title>Sign in</title></html>")
    }),
    ("a word", [5, 5, 5, 5], |request| begun(request).body("OK")),
    ("an empty object", [5, 5, 5, 0], |request| {
        begun(request).body("{}")
    }),
    ("an empty array", [5, 5, 5, 0], |request| {
        begun(request).body("[]")
    }),
    ("null", [5, 5, 5, 0], |request| begun(request).body("null")),
    ("JSON that is none", [5, 5, 5, 5], |request| {
        begun(request).body("{\"type\":\"message\",}")
    }),
    ("no UTF-8", [5, 5, 5, 5], |request| {
        begun(request).body(b"\xff\xfe{\x80}")
    }),
    ("gzip that nobody asked for", [5, 5, 5, 5], |request| {
        begun(request)
            .header("content-encoding", "gzip")
            .body(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0")
    }),
    ("JSON that is too deep", [5, 5, 5, 5], |request| {
        begun(request).body("[".repeat(200_000))
    }),
    ("the answer to another question", [5, 5, 5, 0], |request| {
        begun(request).body(json!({"object": "list"}).to_string())
    }),
    ("an invalid event", [5, 5, 5, 5], |request| {
        begun(request).body(
            Stream::new()
                .start()
                .raw("event: content_block_start\ndata: {oops}\n\n")
                .to_string(),
        )
    }),
    ("an event of no UTF-8", [5, 5, 5, 5], |request| {
        begun(request).body(
            [
                Stream::new().start().to_string().as_bytes(),
                b"data: {\"type\":\"\xff\n\n",
            ]
            .concat(),
        )
    }),
];

/// Returns the exit code for the kind of answer that the command gets.
fn code(row: &Row, [streamed, whole, list, asked]: [i32; 4]) -> i32 {
    match (row.form, row.streams) {
        (Form::List, _) => list,
        (Form::Findings, _) => asked,
        (_, true) => streamed,
        (_, false) => whole,
    }
}

/// Returns the text received in a streamed answer, given its exit code.
fn came(call: i32) -> &'static str {
    if call == 8 { TEXT } else { "" }
}

#[test]
fn every_command_ends_well_whatever_the_body_of_the_answer() {
    for_every_command(|row| {
        for (fault, codes, reply) in FAULTS {
            let (server, home) = (Server::start(move |request, _| reply(request)), Home::new());
            let (outcome, call) = (row.against(&server, &home).run(), code(row, codes));
            check(fault, row, &home, &outcome, call, came(call));
            assert_eq!(server.requests().len(), 1, "{fault}\n{outcome}");
        }
    });
}

#[test]
fn every_command_gives_up_a_body_that_does_not_end() {
    let faults: [(&str, &str, Replies); 3] = [
        ("silence", "--idle-timeout", |request| {
            begun(request).chunked().body("\n").wait_for_hang_up()
        }),
        ("drops", "--timeout", |request| {
            begun(request).until_close().drip(" \n")
        }),
        ("pings", "--timeout", |request| {
            begun(request)
                .until_close()
                .drip("data: {\"type\":\"ping\"}\n\n")
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
