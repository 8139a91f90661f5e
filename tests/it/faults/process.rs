//! Faults of this machine: no room, no home, no descriptors, no memory for what a server would like to send.

use std::thread;

use super::{
    commands::{COMMANDS, Form, Row, begun, good},
    ending::{check, check_clean},
};
use crate::support::{
    events::MODEL, events::Stream, home::Home, outcome::Outcome, reply::Reply, request::Request, server::Server,
};

/// Asserts a whole answer, whatever was told beside it.
#[track_caller]
fn answered(fault: &str, row: &Row, home: &Home, outcome: &Outcome) {
    assert!(outcome.code == Some(0), "{fault}\n{outcome}");
    check_clean(fault, outcome);
    if row.form == Form::File {
        assert_eq!(std::fs::read_to_string(home.work().join("answer")).unwrap(), "Hello world\n", "{fault}\n{outcome}");
    } else {
        let expected = if row.form == Form::Other { MODEL } else { "Hello world" };
        assert!(outcome.stdout_text().contains(expected), "{fault}\n{outcome}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_on_stdout_is_told_by_every_command() {
    for row in COMMANDS.iter().filter(|row| row.form != Form::File) {
        let (server, home) = (good(), Home::new());
        let outcome = row.in_shell("", "> /dev/full", &server, &home).run();
        let failure = outcome.failure(1);
        failure.says("cannot write to standard output: No space left on device", "make room");
        assert_eq!(failure.object.is_object(), row.tells_objects(), "{outcome}");
        check_clean("a full device", &outcome);
    }
}

#[test]
fn a_full_disk_stops_only_what_has_to_be_written_to_it() {
    for row in &COMMANDS {
        let (server, home) = (good(), Home::new());
        // No file may grow: what a full disk says to a write, this says too, with another number.
        let outcome = row.in_shell("trap '' XFSZ; ulimit -f 0", "", &server, &home).run();
        if row.form == Form::File {
            let failure = outcome.failure(1);
            assert!(failure.message.contains("`answer`"), "{outcome}");
            assert!(!home.work().join("answer").exists(), "{outcome}");
        } else {
            answered("a full disk", row, &home, &outcome);
        }
    }
}

#[test]
fn a_home_that_cannot_be_written_to_or_is_not_there_stops_nothing() {
    for (fault, before) in [
        ("no such folder", "export HOME=/dev/null/none"),
        ("a home that is a file", "touch file; export HOME=$PWD/file"),
        ("no folders of its own", "export HOME=/dev/null/none TMPDIR=/dev/null/none"),
        ("a folder that is read only", "mkdir home; chmod 500 home; export HOME=$PWD/home"),
    ] {
        for row in &COMMANDS {
            let (server, home) = (good(), Home::new());
            let before =
                format!("unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR; {before}");
            let outcome = row.in_shell(&before, "", &server, &home).run();
            answered(fault, row, &home, &outcome);
        }
    }
}

#[test]
fn closed_descriptors_lose_nothing_in_silence() {
    for row in &COMMANDS {
        for after in ["<&-", "2>&-", "<&- 2>&-"] {
            let (server, home) = (good(), Home::new());
            answered(after, row, &home, &row.in_shell("", after, &server, &home).run());
        }
        // The standard library opens /dev/null where stdout is closed, before the program can see it.
        for after in [">&-", ">&- 2>&- <&-"] {
            let (server, home) = (good(), Home::new());
            let outcome = row.in_shell("", after, &server, &home).run();
            assert!(outcome.code == Some(0) && outcome.stderr.is_empty(), "{after}\n{outcome}");
        }
    }
}

#[test]
fn few_descriptors_and_a_small_stack_are_enough_or_told() {
    for row in &COMMANDS {
        for limit in 3..=16 {
            let (server, home) = (good(), Home::new());
            let outcome = row.in_shell(&format!("ulimit -n {limit}"), "", &server, &home).run();
            let fault = format!("{limit} descriptors");
            match outcome.code {
                Some(0) => answered(&fault, row, &home, &outcome),
                // The loader of the program needs some itself, and says so in its own way.
                Some(127) if limit < 6 => {}
                _ => {
                    assert!(matches!(outcome.code, Some(1 | 6)), "{fault}\n{outcome}");
                    outcome.told();
                    check_clean(&fault, &outcome);
                }
            }
        }
        let (server, home) = (good(), Home::new());
        answered("a small stack", row, &home, &row.in_shell("ulimit -s 512", "", &server, &home).run());
    }
}

/// Makes the reply to a request.
type Replies = fn(&Request) -> Reply;

/// As much as nobody should have to hold in memory, in pieces.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 1 << 30 >> 16;

#[test]
#[cfg(target_os = "linux")]
fn a_gigabyte_that_is_no_answer_does_not_gather_in_memory() {
    let faults: [(&str, i32, Replies); 5] = [
        ("a body of one word", 5, |request| begun(request).repeat("x".repeat(PIECE), PIECES)),
        ("a string that does not end", 5, |request| {
            begun(request).body("{\"id\":\"").repeat("x".repeat(PIECE), PIECES)
        }),
        ("a list that does not end", 5, |request| {
            begun(request).body("{\"data\":[1").repeat(",1".repeat(PIECE / 2), PIECES)
        }),
        ("an event that does not end", 5, |request| {
            begun(request).body(Stream::new().start().to_string() + "data: ").repeat("x".repeat(PIECE), PIECES)
        }),
        ("an error of that size", 5, |_| Reply::status(500).repeat("x".repeat(PIECE), PIECES)),
    ];
    thread::scope(|scope| {
        for row in &COMMANDS {
            scope.spawn(move || {
                for (fault, code, reply) in faults {
                    let (server, home) = (Server::start(move |request, _| reply(request)), Home::new());
                    let outcome = row.in_shell("ulimit -v 400000", "", &server, &home).run();
                    check(fault, row, &home, &outcome, code, "");
                }
            });
        }
    });
}
