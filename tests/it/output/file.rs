//! `--output`: a file is written completely or not at all.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::Instant,
};

use crate::support::{
    DEADLINE,
    command::{KEY, Langdock},
    events::{MODEL, Stream},
    gate::Gate,
    home::Home,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Returns the server's reply.
type Script = Box<dyn Fn() -> Reply + Send + Sync>;

/// Begins `send Hi -o FILE`.
fn to_file(server: &Server, home: &Home, file: impl AsRef<Path>) -> Langdock {
    send(server)
        .home(home)
        .args(["Hi", "-o"])
        .args([file.as_ref()])
}

/// Returns the names in the work directory.
fn names(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.work()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Starts a server whose answer is `one ` before the gate and `two` after it.
fn pausing(gate: &Gate) -> Server {
    let begin = Stream::new().start().open_text_block(["one "]).to_string();
    let whole = Stream::new()
        .start()
        .text_block(["one ", "two"])
        .stop("end_turn")
        .to_string();
    let (rest, theirs) = (whole.strip_prefix(&begin).unwrap().to_owned(), gate.clone());
    Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest))
}

/// Waits until `out.txt.part` has this part of the answer.
#[track_caller]
fn wait_for_part(home: &Home, text: &str) {
    let (part, begun) = (home.work().join("out.txt.part"), Instant::now());
    while !fs::read_to_string(&part).is_ok_and(|written| written == text) {
        assert!(
            begun.elapsed() < DEADLINE,
            "expected `{text}` in {}, there are {:?}",
            part.display(),
            names(home)
        );
        std::thread::yield_now();
    }
}

#[test]
fn the_file_has_the_answer_with_its_final_newline_and_stdout_nothing() {
    let (server, home) = (answering("Hello"), Home::new());
    to_file(&server, &home, "out.txt")
        .run()
        .code(0)
        .stdout("")
        .stderr_empty();
    assert_eq!(fs::read(home.work().join("out.txt")).unwrap(), b"Hello\n");
    assert_eq!(names(&home), ["out.txt"]);
}

#[test]
fn the_file_takes_every_form_of_output() {
    let (server, home) = (answering("```sh\nls\n```\n"), Home::new());
    for (args, begin) in [
        (["-x"], "ls\n"),
        (["--json"], "{\"id\":"),
        (["--jsonl"], "{\"type\":\"message_start\""),
    ] {
        to_file(&server, &home, "out")
            .args(args)
            .run()
            .code(0)
            .stdout("")
            .stderr_empty();
        let written = fs::read_to_string(home.work().join("out")).unwrap();
        assert!(written.starts_with(begin), "{args:?}: {written}");
    }
}

#[test]
fn a_dash_is_stdout() {
    let (server, home) = (answering("ok"), Home::new());
    to_file(&server, &home, "-")
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(names(&home), Vec::<String>::new());
}

#[test]
fn an_existing_file_is_replaced_at_the_end_and_keeps_its_mode() {
    let (home, gate) = (Home::new(), Gate::new());
    let file = home.write("work/out.txt", "before, and longer than the answer");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let server = pausing(&gate);
    let running = to_file(&server, &home, "out.txt").spawn();
    wait_for_part(&home, "one ");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "before, and longer than the answer"
    );
    gate.open();
    running.finish().code(0).stdout("").stderr_empty();
    assert_eq!(fs::read_to_string(&file).unwrap(), "one two\n");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(names(&home), ["out.txt"]);
}

#[test]
fn a_file_that_cannot_be_is_told_with_what_is_wrong() {
    let (server, home) = (answering("ok"), Home::new());
    fs::create_dir(home.work().join("directory")).unwrap();
    fs::write(home.work().join("plain"), "").unwrap();
    for (file, hint) in [
        ("none/x", "create the directory: `mkdir -p none`"),
        ("directory", "name a file in this directory"),
        ("plain/x", "`ls -ld plain`"),
    ] {
        to_file(&server, &home, file).run().stdout("").failed(
            1,
            &format!("cannot write `{file}`"),
            hint,
        );
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn two_runs_do_not_write_to_one_file() {
    let (home, gate) = (Home::new(), Gate::new());
    let (slow, fast) = (pausing(&gate), answering("fast"));
    let running = to_file(&slow, &home, "out.txt").spawn();
    wait_for_part(&home, "one ");
    let refused = to_file(&fast, &home, "out.txt").run();
    refused
        .stdout("")
        .failed(1, "another run is writing to `out.txt`", "-o FILE");
    assert_eq!(
        (fast.connections(), names(&home)),
        (0, vec!["out.txt.part".to_owned()])
    );
    gate.open();
    running.finish().code(0).stdout("").stderr_empty();
    assert_eq!(
        fs::read_to_string(home.work().join("out.txt")).unwrap(),
        "one two\n"
    );
    to_file(&fast, &home, "out.txt")
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        fs::read_to_string(home.work().join("out.txt")).unwrap(),
        "fast\n"
    );
    assert_eq!(names(&home), ["out.txt"]);
}

#[test]
fn a_link_is_followed() {
    let (server, home) = (answering("ok"), Home::new());
    let target = home.write("elsewhere/target.txt", "before");
    symlink(&target, home.work().join("link")).unwrap();
    to_file(&server, &home, "link").run().code(0).stderr_empty();
    assert_eq!(fs::read_to_string(&target).unwrap(), "ok\n");
    assert!(
        fs::symlink_metadata(home.work().join("link"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_link_to_nothing_yet_is_followed() {
    let (server, home) = (answering("ok"), Home::new());
    let target = home.path().join("later.txt");
    symlink(&target, home.work().join("link")).unwrap();
    to_file(&server, &home, "link").run().code(0).stderr_empty();
    assert_eq!(fs::read_to_string(&target).unwrap(), "ok\n");
    assert!(
        fs::symlink_metadata(home.work().join("link"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn dev_null_is_written_to_as_it_is() {
    let (server, home) = (answering("ok"), Home::new());
    to_file(&server, &home, "/dev/null")
        .run()
        .code(0)
        .stdout("")
        .stderr_empty();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(!Path::new("/dev/null.part").exists());
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    for file in ["missing/out.txt", "."] {
        let outcome = to_file(&server, &home, file).run();
        outcome
            .code(1)
            .stdout("")
            .stderr_contains(&format!("langdock: error: cannot write `{file}`: "));
    }
    assert_eq!(names(&home), Vec::<String>::new());
    fs::create_dir(home.work().join("out.txt.part")).unwrap();
    let outcome = to_file(&server, &home, "out.txt").run();
    outcome
        .code(1)
        .stdout("")
        .stderr_contains("cannot write `out.txt.part`: ");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_cut_answer_leaves_what_came_in_a_part_file_and_no_file() {
    let home = Home::new();
    let begun = Stream::new().start().open_text_block(["half "]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begun).close());
    let outcome = to_file(&server, &home, "out.txt").run();
    outcome
        .code(8)
        .stdout("")
        .stderr_contains("out.txt.part`\n");
    assert_eq!(names(&home), ["out.txt.part"]);
    assert_eq!(
        fs::read_to_string(home.work().join("out.txt.part"))
            .unwrap()
            .trim_end(),
        "half"
    );
}

#[test]
fn a_cut_answer_leaves_the_file_of_before_alone() {
    let home = Home::new();
    home.write("work/out.txt", "before");
    let begun = Stream::new().start().open_text_block(["half"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begun).close());
    to_file(&server, &home, "out.txt")
        .run()
        .code(8)
        .stdout("")
        .stderr_contains("out.txt.part");
    assert_eq!(
        fs::read_to_string(home.work().join("out.txt")).unwrap(),
        "before"
    );
    assert_eq!(names(&home), ["out.txt", "out.txt.part"]);
}

#[test]
fn an_error_before_the_answer_leaves_nothing() {
    let home = Home::new();
    let server = Server::start(|_, _| Reply::status(400));
    to_file(&server, &home, "out.txt")
        .run()
        .code(3)
        .stdout("")
        .stderr_lacks(".part");
    assert_eq!(names(&home), Vec::<String>::new());
}

#[test]
fn a_part_of_before_stays_until_there_is_something_to_write_in_its_place() {
    let home = Home::new();
    let part = home.write("work/out.txt.part", "what came before, and is longer");
    let begun = Stream::new().start().to_string();
    let replies: [(i32, &[&str], Script); 4] = [
        (4, &[], Box::new(|| Reply::status(401))),
        (6, &["--timeout", "50ms"], Box::new(Reply::never)),
        (6, &["--max-retries", "0"], Box::new(Reply::hang_up)),
        (
            6,
            &["--max-retries", "0", "--json"],
            Box::new(move || Reply::sse_start().body(&begun).close()),
        ),
    ];
    for (code, flags, reply) in replies {
        let server = Server::start(move |_, _| reply());
        to_file(&server, &home, "out.txt")
            .args(flags)
            .run()
            .code(code)
            .stdout("")
            .stderr_lacks(".part");
        assert_eq!(
            fs::read_to_string(&part).unwrap(),
            "what came before, and is longer",
            "{flags:?}"
        );
    }
    let begun = Stream::new().start().open_text_block(["half"]).to_string();
    let server = Server::start(move |_, _| Reply::sse_start().body(&begun).close());
    to_file(&server, &home, "out.txt")
        .run()
        .code(8)
        .stdout("")
        .stderr_contains("out.txt.part");
    assert_eq!(fs::read_to_string(&part).unwrap(), "half\n");
    to_file(&answering(""), &home, "out.txt")
        .args(["--allow-empty"])
        .run()
        .code(0)
        .stdout("")
        .stderr("langdock: the answer is empty\n");
    assert_eq!(
        (names(&home), fs::read(home.work().join("out.txt")).unwrap()),
        (vec!["out.txt".to_owned()], vec![])
    );
}

#[test]
fn a_file_that_may_not_be_written_to_is_not_replaced() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    let file = home.write("work/out.txt", "mine");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let outcome = to_file(&server, &home, "out.txt").by_nobody().run();
    outcome
        .stdout("")
        .failed(1, "cannot write `out.txt`: Permission denied", "-o FILE");
    assert_eq!(
        (names(&home), fs::read_to_string(&file).unwrap()),
        (vec!["out.txt".to_owned()], "mine".to_owned())
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_truncated_answer_is_a_part_unless_it_is_allowed() {
    let home = Home::new();
    let stream = Stream::new()
        .start()
        .text_block(["cut"])
        .stop("max_tokens")
        .to_string();
    let server = Server::start(move |_, _| Reply::sse(&stream));
    to_file(&server, &home, "out.txt")
        .run()
        .code(9)
        .stdout("")
        .stderr_contains("out.txt.part");
    assert_eq!(names(&home), ["out.txt.part"]);
    to_file(&server, &home, "out.txt")
        .args(["--allow-truncated"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(
        fs::read_to_string(home.work().join("out.txt")).unwrap(),
        "cut\n"
    );
}

#[test]
fn what_was_written_before_the_disk_was_full_stays_and_is_named() {
    let (server, home) = (answering(&"word ".repeat(20_000)), Home::new());
    let part = home.write("work/out.part", "of before");
    // No file may exceed eight blocks, as if the disk were full.
    let script = "trap '' XFSZ; ulimit -f 8; exec langdock send --no-stream --no-log -o out Hi";
    let run = |script: &str| {
        let shell = Langdock::shell(script)
            .home(&home)
            .env("LANGDOCK_MODEL", MODEL)
            .env("LANGDOCK_API_KEY", KEY);
        shell.against(&server).run()
    };
    let outcome = run(script);
    outcome
        .code(1)
        .stdout("")
        .stderr_contains("cannot write")
        .stderr_contains("out.part`\n");
    let written = fs::read_to_string(&part).unwrap();
    assert!(
        written.len() >= 4096 && written.starts_with("word word "),
        "{} bytes: {outcome}",
        written.len()
    );

    // If nothing can be written, the existing file is kept.
    fs::write(&part, "of before").unwrap();
    run(&script.replace("-f 8", "-f 0"))
        .code(1)
        .stdout("")
        .stderr_lacks("out.part`\n");
    assert_eq!(fs::read_to_string(&part).unwrap(), "of before");
}
