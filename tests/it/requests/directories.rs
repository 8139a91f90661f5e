//! Directories, attachments, and paths expanded by the shell.

use serde_json::json;

use crate::support::{
    command::Langdock,
    events::MODEL,
    home::Home,
    outcome::Outcome,
    sending::{answering, send},
    server::Server,
};

/// Runs `send` with these arguments, which must not open a connection.
#[track_caller]
fn refused(home: &Home, args: &[&str]) -> Outcome {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server).home(home).args(args).run();
    outcome.code(2).stdout("");
    assert_eq!(server.connections(), 0, "{outcome}");
    outcome
}

#[test]
fn a_directory_gives_its_text_files_sorted_and_tells_how_many() {
    let (server, home) = (answering("ok"), Home::new());
    for (name, content) in [
        ("b.rs", "b\n"),
        ("a/z.rs", "z\n"),
        ("a/y.rs", "y\n"),
        ("empty", ""),
        (".hidden", "secret"),
        (".gitignore", "*.log\n"),
        ("noise.log", "noise"),
        ("logo.png", "\u{0}"),
        ("tool", "\u{7f}ELF\u{0}"),
    ] {
        home.write(format!("work/src/{name}"), content);
    }
    std::os::unix::fs::symlink("b.rs", home.work().join("src/linked.rs")).unwrap();
    let outcome = send(&server)
        .home(&home)
        .args(["-f", "src/", "explain"])
        .run();
    outcome
        .code(0)
        .stdout("ok\n")
        .stderr("langdock: `src/`: 3 text files, 6 bytes; skipped 3 other files\n");
    let file = |name, text| json!({"type": "text", "text": format!("<file name=\"src/{name}\">\n{text}\n</file>")});
    let expected = [
        file("a/y.rs", "y"),
        file("a/z.rs", "z"),
        file("b.rs", "b"),
        json!({"type": "text", "text": "explain"}),
    ];
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        json!(expected)
    );
}

/// Returns what was sent of each file, by name, if these files are in `work/src`.
#[track_caller]
fn sent_of(home: &Home, files: &[(&str, &str)], directory: &str) -> Vec<String> {
    for (name, content) in files {
        home.write(format!("work/src/{name}"), content);
    }
    let server = answering("ok");
    send(&server)
        .home(home)
        .args(["-f", directory, "explain"])
        .run()
        .code(0)
        .stdout("ok\n");
    let body = server.only_request().json();
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    let name = |block: &serde_json::Value| {
        let text = block["text"]
            .as_str()
            .unwrap()
            .strip_prefix("<file name=\"")?;
        Some(text.split('"').next().unwrap().to_owned())
    };
    blocks.iter().filter_map(name).collect()
}

#[test]
fn no_ignore_file_brings_hidden_files_in() {
    let hidden = [
        ("a.txt", "a\n"),
        (".env", "SECRET=1\n"),
        ("sub/.env", "SECRET=2\n"),
        ("sub/b.txt", "b\n"),
        (".aws/credentials", "SECRET=3\n"),
        ("sub/.ssh/id", "SECRET=4\n"),
    ];
    let rules = "!.env\n!.*\n!.aws/\n!.aws/**\n!.ssh\n!**/.ssh/**\n";
    for ignore_file in [
        ".gitignore",
        ".ignore",
        ".git/info/exclude",
        "sub/.gitignore",
        "sub/.ignore",
        ".aws/.gitignore",
        "../.gitignore",
        "../.ignore",
    ] {
        let home = Home::new();
        home.write("work/src/.git/HEAD", "ref: refs/heads/main\n");
        home.write(format!("work/src/{ignore_file}"), rules);
        assert_eq!(
            sent_of(&home, &hidden, "src"),
            ["src/a.txt", "src/sub/b.txt"],
            "{ignore_file}"
        );
    }
    let home = Home::new();
    home.write(".config/git/ignore", rules);
    home.write(
        ".gitconfig",
        format!(
            "[core]\nexcludesFile = {}\n",
            home.path().join(".config/git/ignore").display()
        ),
    );
    assert_eq!(
        sent_of(&home, &hidden, "src"),
        ["src/a.txt", "src/sub/b.txt"],
        "the ignore file of the user"
    );
}

#[test]
fn what_one_ignore_file_takes_away_another_kind_does_not_bring_back() {
    for (ignore_file, other) in [
        (".gitignore", ".ignore"),
        (".ignore", ".gitignore"),
        (".gitignore", "sub/.ignore"),
    ] {
        let home = Home::new();
        let files = [
            (ignore_file, "key.txt\nout/\n*.log\n!kept.log\n"),
            (other, "!key.txt\n!out/\n!*.log\n"),
            ("a.txt", "a\n"),
            ("sub/key.txt", "SECRET\n"),
            ("sub/out/b.txt", "b\n"),
            ("sub/c.log", "c\n"),
            ("sub/kept.log", "d\n"),
        ];
        assert_eq!(
            sent_of(&home, &files, "src"),
            ["src/a.txt", "src/sub/kept.log"],
            "{ignore_file} and {other}"
        );
    }
}

#[test]
fn hidden_files_and_directories_are_sent_where_they_are_named() {
    let files = [
        (".env", "A=1\n"),
        (".github/ci.yml", "on: push\n"),
        (".github/.secret", "B=2\n"),
        (".gitignore", ".env\n.github\n"),
    ];
    assert_eq!(sent_of(&Home::new(), &files, "src/.env"), ["src/.env"]);
    assert_eq!(
        sent_of(&Home::new(), &files, "src/.github"),
        ["src/.github/ci.yml"]
    );
}

#[test]
fn a_directory_without_text_is_refused_by_name() {
    let home = Home::new();
    home.write("work/src/.hidden", "x");
    refused(&home, &["-f", "src", "Hi"]).stderr_contains("no text files in `src`\nhint: ");
}

#[test]
fn text_is_not_attached() {
    let home = Home::new();
    home.write("work/a.md", "A\n");
    let outcome = refused(&home, &["-a", "a.md", "Hi"]);
    outcome.stderr(
        "langdock: error: `a.md` is text, which --attach does not accept\nhint: send text with -f\n",
    );
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server)
        .stdin_bytes("text")
        .args(["-a", "-", "Hi"])
        .run();
    outcome
        .code(2)
        .stderr_contains("standard input is text, which --attach does not accept");
}

#[test]
fn files_that_a_shell_made_of_a_star_are_not_taken_for_the_prompt() {
    let home = Home::new();
    for name in ["a.md", "b c.md", "d.md"] {
        home.write(format!("work/{name}"), "x\n");
    }
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let shell = Langdock::shell("langdock send -f *.md summarise")
        .home(&home)
        .key()
        .against(&server);
    let outcome = shell.env("LANGDOCK_MODEL", MODEL).run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("`b c.md` is an existing file, but was given as the prompt");
    outcome
        .stderr_contains("\nhint: write -f a.md -f 'b c.md' -f d.md, or put the prompt after --");
    refused(&home, &["-a", "d.md", "a.md", "summarise"])
        .stderr_contains("hint: write -a d.md -a a.md, ");
}

#[test]
fn the_name_of_a_file_is_a_prompt_behind_two_dashes_and_without_files() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.md", "x\n");
    send(&server)
        .home(&home)
        .args(["-f", "a.md", "Read", "--", "a.md"])
        .run()
        .code(0)
        .stderr_empty();
    send(&server)
        .home(&home)
        .args(["a.md"])
        .run()
        .code(0)
        .stderr_empty();
    let requests = server.requests();
    assert_eq!(
        requests[0].json()["messages"][0]["content"][1]["text"],
        "Read a.md"
    );
    assert_eq!(requests[1].json()["messages"][0]["content"], "a.md");
}
