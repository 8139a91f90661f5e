//! Faults of this machine: no disk space, no home, no descriptors, no threads, and little memory
//! for large responses.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{
    commands::{COMMANDS, Form, Replies, Row, begun, file, for_every_command, good, meets},
    ending::{answered, check_clean},
};
use crate::support::{events::Stream, home::Home, outcome::Outcome, reply::Reply};

/// Asserts a complete answer, or a properly reported failure of this machine.
#[track_caller]
fn answered_or_told(fault: &str, row: &Row, home: &Home, outcome: &Outcome) {
    if outcome.code == Some(0) {
        return answered(fault, row, home, outcome);
    }
    assert!(
        matches!(outcome.code, Some(1 | 6 | 11)),
        "{fault}\n{outcome}"
    );
    outcome.told();
    check_clean(fault, outcome);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_on_stdout_is_told_by_every_command() {
    for row in COMMANDS.iter().filter(|row| !row.has_file()) {
        let (server, home) = (good(), Home::new());
        let outcome = row.in_shell("", "> /dev/full", &server, &home).run();
        let failure = outcome.failure(1);
        failure.says(
            "cannot write to standard output: No space left on device",
            "free some",
        );
        assert_eq!(failure.object.is_object(), row.tells_objects(), "{outcome}");
        check_clean("a full device", &outcome);
    }
}

#[test]
fn a_full_disk_stops_only_what_has_to_be_written_to_it() {
    for row in &COMMANDS {
        // No file may grow beyond this many blocks of 512 bytes. A write fails as on a full disk,
        // only with a different error number, and some bytes may already have been written.
        for blocks in [0, 1] {
            let (server, home) = (good(), Home::new());
            let outcome = row
                .in_shell(
                    &format!("trap '' XFSZ; ulimit -f {blocks}"),
                    "",
                    &server,
                    &home,
                )
                .run();
            if row.has_file() && blocks == 0 {
                outcome.failure(1).says("`answer`", "free some");
                assert!(file(&home).unwrap_or_default().is_empty(), "{outcome}");
                check_clean("a full disk", &outcome);
            } else {
                answered("a full disk", row, &home, &outcome);
                let is_told = outcome.stderr.contains("cannot save this conversation: ");
                assert!(is_told || !row.saves || blocks > 0, "{outcome}");
            }
        }
    }
}

#[test]
fn a_home_that_cannot_be_written_to_or_is_not_there_stops_nothing() {
    for (fault, before) in [
        ("no such directory", "export HOME=/dev/null/none"),
        ("a home that is a file", "touch file; export HOME=$PWD/file"),
        (
            "no directories of its own",
            "export HOME=/dev/null/none TMPDIR=/dev/null/none",
        ),
        (
            "a directory that is read only",
            "mkdir home; chmod 500 home; export HOME=$PWD/home",
        ),
    ] {
        for row in &COMMANDS {
            let (server, home) = (good(), Home::new());
            let before = format!(
                "unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR; {before}"
            );
            // Root may write anywhere.
            let outcome = row.in_shell(&before, "", &server, &home).by_nobody().run();
            if row.form == Form::Findings {
                assert!(
                    outcome.stdout_text().contains("wrong"),
                    "{fault}\n{outcome}"
                );
                outcome.failure(1);
            } else if row.args.contains(&"--session") {
                // The user named this conversation, so failing to save it may be an error.
                if outcome.code != Some(0) {
                    outcome.failure(1);
                }
            } else {
                answered(fault, row, &home, &outcome);
            }
            check_clean(fault, &outcome);
            fs::set_permissions(home.work(), fs::Permissions::from_mode(0o700)).unwrap();
        }
    }
}

#[test]
fn closed_descriptors_lose_nothing_in_silence() {
    for row in &COMMANDS {
        for after in ["<&-", "2>&-", "<&- 2>&-"] {
            let (server, home) = (good(), Home::new());
            let outcome = row.in_shell("", after, &server, &home).run();
            if row.stdin.is_empty() || !after.contains('<') {
                answered(after, row, &home, &outcome);
            } else {
                // The prompt was in stdin, so nothing was asked.
                assert!(
                    matches!(outcome.code, Some(0 | 2)) && outcome.stdout.is_empty(),
                    "{after}\n{outcome}"
                );
                check_clean(after, &outcome);
            }
        }
        // If stdout is closed, the standard library opens `/dev/null` before the program can
        // notice.
        for after in [">&-", ">&- 2>&- <&-"] {
            let (server, home) = (good(), Home::new());
            let outcome = row.in_shell("", after, &server, &home).run();
            assert!(matches!(outcome.code, Some(0 | 2)), "{after}\n{outcome}");
            check_clean(after, &outcome);
        }
    }
}

#[test]
fn few_descriptors_and_a_small_stack_are_enough_or_told() {
    for_every_command(|row| {
        for limit in 3..=24 {
            let (server, home) = (good(), Home::new());
            let outcome = row
                .in_shell(&format!("ulimit -n {limit}"), "", &server, &home)
                .run();
            // The dynamic loader needs some descriptors itself, and reports errors in its own way.
            if outcome.code != Some(127) || limit >= 6 {
                answered_or_told(&format!("{limit} descriptors"), row, &home, &outcome);
            }
        }
        let (server, home) = (good(), Home::new());
        answered(
            "a small stack",
            row,
            &home,
            &row.in_shell("ulimit -s 1024", "", &server, &home).run(),
        );
    });
}

/// Keeps a shell from creating processes or threads. The option differs between shells.
pub(super) const NO_THREADS: &str = "ulimit -u 1 2>/dev/null || ulimit -p 1";

#[test]
fn a_system_that_gives_no_thread_is_told() {
    for_every_command(|row| {
        let (server, home) = (good(), Home::new());
        let outcome = row
            .in_shell(NO_THREADS, "", &server, &home)
            .by_nobody()
            .run();
        answered_or_told("no threads", row, &home, &outcome);
        // Names are resolved on a thread.
        let nowhere = format!("{NO_THREADS}; export LANGDOCK_BASE_URL=https://langdock.invalid");
        let outcome = row.in_shell(&nowhere, "", &server, &home).by_nobody().run();
        assert_ne!(outcome.code, Some(0), "{outcome}");
        answered_or_told("no thread for a name", row, &home, &outcome);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn little_memory_is_enough() {
    for_every_command(|row| {
        let (server, home) = (good(), Home::new());
        // This limits the address space, most of which is never used: a debug build is large.
        let outcome = row.in_shell("ulimit -v 200000", "", &server, &home).run();
        answered("200 MB", row, &home, &outcome);
    });
}

/// A large body, in pieces, which must not be held in memory.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 1 << 30 >> 16;

#[test]
#[cfg(target_os = "linux")]
fn a_gigabyte_that_is_no_answer_does_not_gather_in_memory() {
    let faults: [(&str, i32, Replies); 5] = [
        ("a body of one word", 5, |request| {
            begun(request).repeat("x".repeat(PIECE), PIECES)
        }),
        ("a string that does not end", 5, |request| {
            begun(request)
                .body("{\"id\":\"")
                .repeat("x".repeat(PIECE), PIECES)
        }),
        ("a list that does not end", 5, |request| {
            begun(request)
                .body("{\"data\":[1")
                .repeat(",1".repeat(PIECE / 2), PIECES)
        }),
        ("an event that does not end", 5, |request| {
            begun(request)
                .body(Stream::new().start().to_string() + "data: ")
                .repeat("x".repeat(PIECE), PIECES)
        }),
        ("an error of that size", 5, |_| {
            Reply::status(500).repeat("x".repeat(PIECE), PIECES)
        }),
    ];
    for_every_command(|row| {
        for (fault, call, reply) in faults {
            meets(row, fault, reply, call, |row, server, home| {
                row.in_shell("ulimit -v 400000", "", server, home)
            });
        }
    });
}

#[test]
fn nobody_is_somebody_else_and_has_a_program() {
    let home = Home::new();
    let script = "id -u; langdock --version; touch ../new";
    let outcome = crate::support::command::Langdock::shell(script)
        .home(&home)
        .by_nobody()
        .run();
    outcome.code(0).stdout_contains("langdock ");
    assert!(
        !outcome.stdout_text().starts_with("0\n") && home.path().join("new").exists(),
        "{outcome}"
    );
}
