//! Which files a pattern, a list and an exclusion choose.

use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::support::{
    command::Langdock,
    home::Home,
    outcome::Outcome,
    sending::{answering, send},
    server::Server,
};

/// A home with a few files in its work directory.
fn home_with(files: &[&str]) -> Home {
    let home = Home::new();
    for name in files {
        home.write(format!("work/{name}"), "x\n");
    }
    home
}

/// Returns the names of the files that are sent.
#[track_caller]
fn sent(home: &Home, args: &[&str], stdin: &str) -> Vec<String> {
    let server = answering("ok");
    send(&server)
        .home(home)
        .args(args)
        .stdin_bytes(stdin)
        .args(["explain"])
        .run()
        .code(0)
        .stdout("ok\n");
    names(&server)
}

fn names(server: &Server) -> Vec<String> {
    let body = server.only_request().json();
    let blocks = body["messages"][0]["content"].as_array().cloned();
    let name = |block: &serde_json::Value| {
        let text = block["text"].as_str()?.strip_prefix("<file name=\"")?;
        Some(text.split('"').next()?.to_owned())
    };
    blocks.unwrap_or_default().iter().filter_map(name).collect()
}

/// A model whose context window of 200,000 tokens is known.
const SHORT_WINDOW: &str = "claude-3-haiku-20240307";

const TREE: [&str; 8] = [
    "src/a.rs",
    "src/b/c.rs",
    "src/b/c.txt",
    "src/b/target/d.rs",
    "src/.hidden/e.rs",
    "top.rs",
    "[x].rs",
    "out/f.rs",
];

#[test]
fn a_quoted_glob_sends_what_a_shell_would_expand_it_to() {
    let home = home_with(&TREE);
    home.write("work/.gitignore", "out/\n");
    for (glob, expected) in [
        (
            "src/**/*.rs",
            &["src/a.rs", "src/b/c.rs", "src/b/target/d.rs"][..],
        ),
        ("src/*.rs", &["src/a.rs"]),
        ("src/b/c.{rs,txt}", &["src/b/c.rs", "src/b/c.txt"]),
        ("t?p.rs", &["top.rs"]),
        ("*/a.rs", &["src/a.rs"]),
        // A path that exists is no pattern.
        ("[x].rs", &["[x].rs"]),
        // Of the ignored directory nothing matches.
        (
            "**/[a-f].rs",
            &["src/a.rs", "src/b/c.rs", "src/b/target/d.rs"],
        ),
    ] {
        assert_eq!(sent(&home, &["-f", glob], ""), expected, "{glob}");
    }
}

#[test]
fn a_glob_sends_images_and_skips_what_cannot_be_sent() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/d/a.txt", "a\n");
    home.write("work/d/b.pdf", "%PDF-1.4\n%%EOF\n");
    home.write("work/d/c.bin", "\u{7f}ELF\u{0}");
    send(&server)
        .home(&home)
        .args(["-f", "d/*", "explain"])
        .run()
        .code(0)
        .stderr("langdock: `d/*`: 2 files, 17 bytes; skipped 1 other file\n");
    let body = server.only_request().json();
    assert_eq!(body["messages"][0]["content"][0]["type"], "document");
}

#[test]
fn ignore_files_that_cannot_be_read_to_their_end_are_refused() {
    for name in [".gitignore", ".ignore"] {
        let home = home_with(&["d/sub/key.txt", "d/a.txt"]);
        let rules = format!("work/d/{name}");
        home.write(&rules, b"# f\xfcr mich\nkey.txt\n");
        let outcome = refused(&home, &["-f", "d", "explain"]);
        outcome.stderr_contains("is not UTF-8 at byte 3");
        home.write(&rules, "# für mich\nkey.txt\n");
        assert_eq!(sent(&home, &["-f", "d"], ""), ["d/a.txt"]);
    }
}

#[test]
fn a_glob_without_a_match_is_refused_by_name() {
    let home = home_with(&["a.txt", ".env"]);
    for glob in ["*.rs", "missing/*.txt", "*env"] {
        let outcome = refused(&home, &["-f", glob, "Hi"]);
        outcome.stderr_contains(&format!("error: no file matches `{glob}`\nhint: "));
    }
    refused(&home, &["-f", "a{", "Hi"]).stderr_contains("error: `a{` is not a valid pattern: ");
    refused(&home, &["-f", ".", "--exclude", "a{", "Hi"])
        .stderr_contains("error: `a{` is not a valid pattern: ");
}

#[test]
fn an_exclusion_applies_to_directories_and_globs() {
    let home = home_with(&TREE);
    for (args, expected) in [
        (
            &["-f", "src", "--exclude", "target/"][..],
            &["src/a.rs", "src/b/c.rs", "src/b/c.txt"][..],
        ),
        (
            &["-f", "src", "--exclude", "/a.rs", "--exclude", "*.txt"],
            &["src/b/c.rs", "src/b/target/d.rs"],
        ),
        (&["-f", "src/**/*.rs", "--exclude", "b"], &["src/a.rs"]),
        // A file that is named is sent.
        (&["-f", "top.rs", "--exclude", "*.rs"], &["top.rs"]),
    ] {
        assert_eq!(sent(&home, args, ""), expected, "{args:?}");
    }
}

#[test]
fn an_exclusion_that_excludes_nothing_is_reported() {
    let home = home_with(&TREE);
    let server = answering("ok");
    let args = [
        "-f",
        "src",
        "-f",
        "out",
        "--exclude",
        "c.rs",
        "--exclude",
        "*.r",
    ];
    let outcome = send(&server).home(&home).args(args).args(["Hi"]).run();
    outcome
        .code(0)
        .stderr_contains("langdock: --exclude '*.r' excluded nothing\n")
        .stderr_lacks("--exclude c.rs");
    let args = [
        "batch",
        "About {text}",
        "--files",
        "src",
        "--exclude",
        "*.r",
    ];
    let outcome = Langdock::new().key().against(&server).home(&home);
    let outcome = outcome.args(args).args(["-m", "claude-x"]).run();
    outcome.stderr_contains("langdock: --exclude '*.r' excluded nothing\n");
}

#[test]
fn a_list_names_files_by_line_or_by_nul_byte() {
    let home = home_with(&["a b.txt", "c.txt", "d/e.txt", "new\nline.txt"]);
    home.write("work/lines", "a b.txt\r\n\nd\n");
    assert_eq!(
        sent(&home, &["-f", "c.txt", "--files-from", "lines"], ""),
        ["c.txt", "a b.txt", "d/e.txt"]
    );
    assert_eq!(
        sent(&home, &["--files-from", "-"], "new\nline.txt\0c.txt\0"),
        ["new&#10;line.txt", "c.txt"]
    );
}

#[test]
fn a_list_that_cannot_be_followed_is_refused() {
    let home = home_with(&["*.txt"]);
    home.write("work/empty", "\n\n");
    home.write("work/gone", "missing.txt\n");
    refused(&home, &["--files-from", "empty", "Hi"])
        .stderr_contains("error: `empty` names no files\nhint: ");
    refused_with(1, &home, &["--files-from", "gone", "Hi"])
        .stderr_contains("error: cannot read `missing.txt`: ");
    refused(&home, &["--files-from", "-", "-f", "-", "Hi"])
        .stderr_contains("error: standard input cannot be both a list of files and a file\n");
}

#[test]
fn special_files_of_a_directory_are_skipped_by_name_and_links_not_followed() {
    let home = home_with(&["d/a.txt", "elsewhere/secret.txt"]);
    let directory = home.work().join("d");
    let made = Command::new("mkfifo").arg(directory.join("pipe")).status();
    assert!(made.unwrap().success());
    let _socket = UnixListener::bind(directory.join("socket")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", directory.join("out")).unwrap();
    let server = answering("ok");
    send(&server)
        .home(&home)
        .args(["-f", "d", "explain"])
        .run()
        .code(0)
        .stderr(
            "langdock: `d`: 1 text file, 2 bytes; skipped the named pipe `d/pipe`, the socket \
            `d/socket`\n",
        );
    assert_eq!(names(&server), ["d/a.txt"]);
    assert_eq!(sent(&home, &["-f", "d/**"], ""), ["d/a.txt"]);
}

#[test]
fn the_hint_of_a_directory_that_is_too_large_names_what_to_exclude() {
    let home = home_with(&["d/small.txt"]);
    home.write("work/d/sub/large.txt", "word ".repeat(4_300_000));
    let hint =
        "\nhint: leave out some of the files, for example with --exclude sub/, or try --no-check\n";
    refused_with(13, &home, &["-f", "d", "Hi"]).stderr_contains(hint);
    assert_eq!(
        sent(&home, &["-f", "d", "--exclude", "sub/"], ""),
        ["d/small.txt"]
    );
    // Under the limit in bytes, but over the context window.
    home.write("work/d/sub/large.txt", "word ".repeat(250_000));
    for path in ["d", "d/**/*.txt"] {
        refused_with(13, &home, &["-m", SHORT_WINDOW, "-f", path, "Hi"]).stderr_contains(hint);
    }
}

#[track_caller]
fn refused(home: &Home, args: &[&str]) -> Outcome {
    refused_with(2, home, args)
}

#[track_caller]
fn refused_with(code: i32, home: &Home, args: &[&str]) -> Outcome {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server).home(home).args(args).run();
    outcome.code(code).stdout("");
    assert_eq!(server.connections(), 0, "{outcome}");
    outcome
}
