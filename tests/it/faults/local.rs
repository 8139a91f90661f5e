//! The commands that work offline, with faults of this machine: they report the failure, and files
//! on disk are unchanged.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::symlink,
    path::PathBuf,
    sync::LazyLock,
};

use super::{commands::good, ending::check_clean, process::NO_THREADS};
use crate::support::{
    command::{KEY, Langdock},
    home::Home,
    mcp_server::McpServer,
    outcome::Outcome,
};

/// What a command does with the disk.
#[derive(Clone, Copy, PartialEq)]
enum Disk {
    /// It only reads.
    Reads,
    /// It writes, and fails without space or permission.
    Writes,
    /// It deletes, which needs no space.
    Removes,
}

use Disk::{Reads, Removes, Writes};

/// The commands as shell words, with what they do with the disk. A new offline command needs a row
/// here.
const COMMANDS: [(&str, Disk); 37] = [
    ("--version", Reads),
    ("--help", Reads),
    ("help environment", Reads),
    ("completions bash", Reads),
    ("count hello -m claude-sonnet-5", Reads),
    ("count hello -m claude-sonnet-5 --json", Reads),
    ("usage", Reads),
    ("usage --by day --json", Reads),
    ("session list", Reads),
    ("session list --json", Reads),
    ("session show kept", Reads),
    ("session search world", Reads),
    ("session export kept --json", Reads),
    ("session path kept", Reads),
    ("session rename kept other", Writes),
    ("session rm kept", Removes),
    ("config path", Reads),
    ("config show", Reads),
    ("config show --json", Reads),
    ("config get region", Reads),
    ("config set region eu", Writes),
    ("config unset region", Writes),
    ("auth status", Reads),
    ("auth login", Writes),
    ("auth logout", Removes),
    ("template list", Reads),
    ("template show short", Reads),
    ("tool-run --list -T ./tools.toml", Reads),
    ("tool-run --call shout '{}' -T ./tools.toml", Reads),
    ("merge records.jsonl", Reads),
    ("mcp list --json", Reads),
    ("mcp tools ./s.json", Reads),
    ("mcp call ./s.json echo", Reads),
    ("mcp doctor ./s.json", Reads),
    ("mcp import ./s.json", Writes),
    ("send hello -m claude-sonnet-5 --dry-run", Reads),
    ("send hello -m claude-sonnet-5 --curl", Reads),
];

/// The contents of a home that has one of everything: paths relative to the home, directories
/// before their contents.
static FURNITURE: LazyLock<Vec<(PathBuf, Piece)>> = LazyLock::new(|| {
    let home = Home::new();
    let tool = "name = \"shout\"\ndescription = \"Shout.\"\nshell = \"echo HO\"\n[tool.input_schema]\ntype = \"object\"\n";
    home.write("work/tools.toml", format!("[[tool]]\n{tool}"));
    McpServer::without_log("s").write(&home);
    let hash = "0".repeat(32);
    home.write(
        "work/records.jsonl",
        format!("{{\"index\":0,\"id\":1,\"input_hash\":\"{hash}\",\"text\":\"t\"}}\n"),
    );
    home.write(
        home.config().join("templates/short.md"),
        "---\nmodel = \"claude-sonnet-5\"\n---\nBe short.\n",
    );
    let script = "langdock config init && langdock config set region us && langdock auth login";
    let _ = Langdock::shell(script)
        .home(&home)
        .stdin_bytes(KEY)
        .run()
        .code(0);
    let args = [
        "send",
        "hello",
        "--session",
        "kept",
        "-m",
        "claude-sonnet-5",
    ];
    let _ = Langdock::new()
        .home(&home)
        .key()
        .against(&good())
        .args(args)
        .run()
        .code(0);
    let (mut pieces, mut directories) = (vec![], vec![home.path().to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let piece = if metadata.is_dir() {
                directories.push(path.clone());
                Piece::Directory(metadata.permissions())
            } else if metadata.is_file() {
                Piece::File(metadata.permissions(), fs::read(&path).unwrap())
            } else {
                Piece::Link(fs::read_link(&path).unwrap())
            };
            pieces.push((path.strip_prefix(home.path()).unwrap().to_owned(), piece));
        }
    }
    pieces
});

/// A file system entry in a home.
enum Piece {
    Directory(Permissions),
    File(Permissions, Vec<u8>),
    Link(PathBuf),
}

/// Creates a home that has one of everything.
fn furnished() -> Home {
    let home = Home::new();
    for (path, piece) in FURNITURE.iter() {
        let path = home.path().join(path);
        match piece {
            Piece::Directory(permissions) => {
                fs::create_dir_all(&path).unwrap();
                fs::set_permissions(&path, permissions.clone()).unwrap();
            }
            Piece::File(permissions, bytes) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(&path, permissions.clone()).unwrap();
            }
            Piece::Link(target) => symlink(target, path).unwrap(),
        }
    }
    home
}

/// Returns all files in a home with their contents, except temporary ones.
fn files(home: &Home) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut directories) = (BTreeMap::new(), vec![home.path().to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.extend(Some(path).filter(|path| !path.ends_with("bin")));
            } else if path.is_file() {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Runs a command in a home, in a shell that executes `before` first.
fn run(words: &str, before: &str, after: &str, home: &Home) -> Langdock {
    let langdock = Langdock::shell(&format!("{before}\nexec langdock {words} {after}")).home(home);
    if words == "auth login" {
        langdock.stdin_bytes(KEY)
    } else {
        langdock
    }
}

/// Asserts success, or a single, properly reported error of this machine.
#[track_caller]
fn well_or_told(fault: &str, outcome: &Outcome, may_fail: bool) {
    check_clean(fault, outcome);
    if outcome.code != Some(0) {
        assert!(
            may_fail && matches!(outcome.code, Some(1 | 4 | 11)),
            "{fault}\n{outcome}"
        );
        assert!(!outcome.told().message.is_empty(), "{fault}\n{outcome}");
    }
}

#[test]
fn where_nothing_goes_wrong_all_of_them_work() {
    for (words, _) in COMMANDS {
        well_or_told("nothing", &run(words, "", "", &furnished()).run(), false);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_on_stdout_is_told() {
    let shared = furnished();
    for (words, disk) in COMMANDS {
        let home = if disk == Reads {
            shared.clone()
        } else {
            furnished()
        };
        let outcome = run(words, "", "> /dev/full", &home).run();
        if disk == Reads {
            outcome.failure(1).says(
                "cannot write to standard output: No space left on device",
                "free some",
            );
        }
        well_or_told("a full device", &outcome, true);
    }
}

#[test]
fn without_room_only_what_writes_fails_and_what_is_there_stays() {
    for (words, disk) in COMMANDS {
        let home = furnished();
        let before = files(&home);
        let outcome = run(words, "trap '' XFSZ; ulimit -f 0", "", &home).run();
        well_or_told("a full disk", &outcome, disk == Writes);
        if disk == Writes {
            assert!(!outcome.failure(1).hint.is_empty(), "{outcome}");
        }
        if disk != Removes {
            assert_eq!(files(&home), before, "{words}");
        }
    }
}

#[test]
fn where_it_may_not_write_only_what_has_to_fails_and_what_is_there_stays() {
    for (words, disk) in COMMANDS {
        let home = furnished();
        // Root may write anywhere, so this runs as another user.
        let script = "chmod -R a-w \"$XDG_CONFIG_HOME\" \"$XDG_DATA_HOME\" \"$XDG_STATE_HOME\"";
        Langdock::shell(script)
            .home(&home)
            .by_nobody()
            .run()
            .code(0);
        let before = files(&home);
        let outcome = run(words, "", "", &home).by_nobody().run();
        well_or_told("a home that is read only", &outcome, disk != Reads);
        if disk != Reads {
            assert!(!outcome.failure(1).hint.is_empty(), "{outcome}");
        }
        assert_eq!(files(&home), before, "{words}");
        Langdock::shell("chmod -R u+w \"$XDG_CONFIG_HOME\" \"$XDG_DATA_HOME\" \"$XDG_STATE_HOME\"")
            .home(&home)
            .by_nobody()
            .run()
            .code(0);
    }
}

#[test]
fn without_a_home_they_say_so_or_need_none() {
    let tools = furnished();
    for (words, _) in COMMANDS
        .into_iter()
        .filter(|(words, _)| !words.contains("kept") && !words.contains("show short"))
    {
        for before in ["unset HOME", "export HOME=/dev/null/none", "export HOME="] {
            let home = Home::new();
            for name in ["tools.toml", "records.jsonl"] {
                fs::copy(tools.work().join(name), home.work().join(name)).unwrap();
            }
            let unset =
                "unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR";
            let outcome = run(words, &format!("{unset}; {before}"), "", &home)
                .by_nobody()
                .run();
            check_clean(before, &outcome);
            if outcome.code != Some(0) {
                assert!(
                    matches!(outcome.code, Some(1 | 2 | 4)),
                    "{before}\n{outcome}"
                );
                assert!(!outcome.told().hint.is_empty(), "{before}\n{outcome}");
            }
        }
    }
}

#[test]
fn closed_descriptors_and_few_of_them_are_enough_or_told() {
    let home = furnished();
    for (words, disk) in COMMANDS {
        for after in ["<&-", "2>&-", "<&- 2>&-", ">&-"] {
            let home = if disk == Reads {
                home.clone()
            } else {
                furnished()
            };
            check_clean(after, &run(words, "", after, &home).run());
        }
        for limit in 6..=16 {
            let home = if disk == Reads {
                home.clone()
            } else {
                furnished()
            };
            let outcome = run(words, &format!("ulimit -n {limit}"), "", &home).run();
            well_or_told(&format!("{limit} descriptors"), &outcome, true);
        }
    }
}

#[test]
fn without_threads_and_with_a_small_stack_they_work_or_say_so() {
    for (words, _) in COMMANDS {
        let home = furnished();
        well_or_told(
            "a small stack",
            &run(words, "ulimit -s 1024", "", &home).run(),
            words.contains("kept") || words == "auth logout",
        );
        let home = furnished();
        let outcome = run(words, NO_THREADS, "", &home).by_nobody().run();
        check_clean("no threads", &outcome);
        if outcome.code != Some(0) {
            outcome.told();
        }
    }
}
