//! What may already be at `FILE.part`: only a regular file of the same user is written to.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use crate::{
    batch::batch,
    support::{
        command::Langdock,
        events::MODEL,
        home::Home,
        sending::{answering, send},
        server::Server,
    },
    tools::tool_run,
};

/// The content of a file that must not be written to.
const NOTES: &str = "my notes\n";

/// Creates something at the second path; the first is that of the notes.
type Put = fn(&Path, &Path);

/// What may be at a path: its description in messages, and how to create it.
pub(crate) const OBSTACLES: [(&str, Put); 5] = [
    ("it is a symbolic link", |notes, path| {
        symlink(notes, path).unwrap();
    }),
    ("it is a symbolic link", |_, path| {
        symlink("nowhere", path).unwrap();
    }),
    ("it has 2 hard links", |notes, path| {
        fs::hard_link(notes, path).unwrap();
    }),
    ("it is a named pipe", |_, path| {
        mkfifo(path, Mode::S_IRWXU).unwrap();
    }),
    ("it is a directory", |_, path| fs::create_dir(path).unwrap()),
];

/// Creates a home with notes, and with this obstacle at `work/NAME`.
pub(crate) fn obstructed(name: &str, put: Put) -> Home {
    let home = Home::new();
    let notes = home.write("work/notes.txt", NOTES);
    put(&notes, &home.work().join(name));
    home
}

/// Asserts that neither the notes nor the obstacle were touched.
#[track_caller]
pub(crate) fn check_untouched(home: &Home, name: &str) {
    assert_eq!(
        fs::read_to_string(home.work().join("notes.txt")).unwrap(),
        NOTES
    );
    assert!(!home.work().join("nowhere").exists());
    let there = fs::symlink_metadata(home.work().join(name)).unwrap();
    let kind = there.file_type();
    assert!(
        kind.is_symlink() || kind.is_fifo() || kind.is_dir() || there.nlink() == 2,
        "{there:?}"
    );
}

/// Starts a server that must not get any request.
pub(crate) fn untouched_server() -> Server {
    Server::start(|_, _| panic!("nothing is to be sent"))
}

#[test]
fn a_part_file_that_is_not_a_plain_file_is_refused_by_name_before_anything_is_sent() {
    let server = untouched_server();
    for (reason, put) in OBSTACLES {
        for run in [send(&server), tool_run(&server)] {
            let home = obstructed("out.txt.part", put);
            let outcome = run.home(&home).args(["Hi", "-o", "out.txt"]).run();
            outcome.stdout("").failed(
                1,
                &format!("cannot write `out.txt.part`: {reason}"),
                "move it out of the way: `mv out.txt.part out.txt.part.old`",
            );
            check_untouched(&home, "out.txt.part");
            assert!(!home.work().join("out.txt").exists(), "{outcome}");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_output_is_opened_before_the_list_of_models_is_asked_for() {
    let server = untouched_server();
    for command in ["send", "tool-run"] {
        let home = obstructed("out.txt.part", OBSTACLES[0].1);
        let run = Langdock::new().key().against(&server).home(&home);
        run.args([command, "Hi", "-o", "out.txt"])
            .run()
            .failed(1, "it is a symbolic link", "mv ");
        check_untouched(&home, "out.txt.part");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_part_file_of_another_user_is_refused_by_name() {
    let elsewhere = Home::new();
    let part = elsewhere.write("work/out.txt.part", "");
    if fs::metadata(&part).unwrap().uid() != 0 {
        return; // Only root can give a file away.
    }
    for (path, mode) in [
        (elsewhere.path(), 0o755),
        (&elsewhere.work(), 0o777),
        (&part, 0o666),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    chown(&part, Some(47_111), None).unwrap();
    let (server, home) = (untouched_server(), Home::new());
    let run = |langdock: Langdock| {
        let file = elsewhere.work().join("out.txt");
        langdock.args(["Hi".as_ref(), "-o".as_ref(), file.as_os_str()])
    };
    for langdock in [send(&server).home(&home).by_nobody(), send(&server)] {
        run(langdock)
            .run()
            .failed(1, "out.txt.part`: it is owned by another user", "mv ");
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(fs::read(&part).unwrap(), b"");
}

#[test]
fn a_run_that_fails_before_it_sends_leaves_no_part_file() {
    let (server, home) = (untouched_server(), Home::new());
    send(&server)
        .home(&home)
        .args(["Hi", "-o", "out.txt", "-f", "missing.txt"])
        .run()
        .code(1);
    assert_eq!(fs::read_dir(home.work()).unwrap().count(), 0);
    home.write("work/out.txt.part", "of an earlier run");
    send(&server)
        .home(&home)
        .args(["Hi", "-o", "out.txt", "-f", "missing.txt"])
        .run()
        .code(1);
    assert_eq!(
        fs::read_to_string(home.work().join("out.txt.part")).unwrap(),
        "of an earlier run"
    );
}

#[test]
fn the_output_of_a_batch_is_never_written_through_a_second_name_of_a_file() {
    let server = untouched_server();
    let home = Home::new();
    let notes = home.write("work/notes.jsonl", "");
    fs::hard_link(&notes, home.work().join("out.jsonl")).unwrap();
    batch(&server)
        .home(&home)
        .args(["{text}", "-o", "out.jsonl"])
        .stdin_bytes("a\n")
        .run()
        .stdout("")
        .failed(
            1,
            "cannot write `out.jsonl`: it has 2 hard links",
            "mv out.jsonl out.jsonl.old",
        );
    assert_eq!(fs::read(&notes).unwrap(), b"");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_batch_that_rewrites_its_output_touches_nothing_beside_it() {
    for (_, put) in OBSTACLES {
        let server = answering("ok");
        let home = obstructed("out.jsonl.part", put);
        let run = |lines: &str| {
            batch(&server)
                .home(&home)
                .args(["{text}", "-o", "out.jsonl"])
                .stdin_bytes(lines)
                .run()
        };
        run("b\n").code(0).stderr_empty();
        // The new first item moves the earlier record.
        run("a\nb\n").code(0).stderr_empty();
        let text = fs::read_to_string(home.work().join("out.jsonl")).unwrap();
        let begins: Vec<&str> = text.lines().map(|line| &line[..10]).collect();
        assert_eq!(begins, ["{\"index\":0", "{\"index\":1"]);
        check_untouched(&home, "out.jsonl.part");
        let mut names: Vec<_> = fs::read_dir(home.work())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["notes.txt", "out.jsonl", "out.jsonl.part"]);
    }
}

#[test]
fn a_draft_that_the_editor_replaced_by_something_else_is_refused_by_name() {
    let server = untouched_server();
    for (reason, replace) in [
        ("it is a symbolic link", "ln -s \"$PWD/notes.txt\" \"$1\""),
        ("it has 2 hard links", "ln notes.txt \"$1\""),
        ("it is a named pipe", "mkfifo \"$1\""),
    ] {
        let home = Home::new();
        home.write("work/notes.txt", NOTES);
        let editor = home.write("work/editor.sh", format!("rm \"$1\"; {replace}\n"));
        let outcome = Langdock::new()
            .key()
            .against(&server)
            .home(&home)
            .env("LANGDOCK_MODEL", MODEL)
            .env("VISUAL", format!("sh {}", editor.display()))
            .args(["send", "-e", "Hi"])
            .on_terminal(300, 24)
            .finish();
        outcome
            .code(1)
            .stdout_contains("cannot read `")
            .stdout_contains(&format!(".md`: {reason}"));
    }
    assert_eq!(server.connections(), 0);
}
