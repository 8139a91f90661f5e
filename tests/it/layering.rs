//! The layers hold: a module imports only from lower rows, files of a directory do not import each
//! other in a cycle, a command imports no other command, an external crate has one owner, and what
//! is reserved for one place is only done there.

mod sources;

use std::collections::BTreeMap;

pub(crate) use self::sources::sources;
use self::sources::{ModulePath, Source, circle};

/// The rows of the table in `src/lib.rs`, lowest first. Modules of the same row do not import each
/// other.
const ROWS: [&[&str]; 12] = [
    &["text", "fs"],
    &[
        "protocol",
        "media",
        "pace",
        "usage",
        "model_text",
        "guard",
        "secret_scan",
    ],
    &["recording"],
    &[
        "client", "session", "tool", "mcp", "turn", "ui", "input", "demo",
    ],
    &["batch", "config"],
    &["error", "cli"],
    &["app"],
    &["compose"],
    &["exchange"],
    &["commands"],
    &["lib", "internals"],
    &["main"],
];

/// External crates, and the files or directories that own them.
const OWNERS: [(&str, &[&str]); 39] = [
    ("indexmap", &["protocol/"]),
    (
        "ring",
        &[
            "client/",
            "session/blob.rs",
            "batch/item_key.rs",
            "recording/attached_files.rs",
            "mcp/definition_hash.rs",
            "mcp/tool_name.rs",
            "secret_scan/fingerprint.rs",
        ],
    ),
    (
        "jiff",
        &[
            "client/certificate.rs",
            "session/",
            "usage/",
            "exchange/request_log.rs",
            "commands/usage/mod.rs",
            "demo/record.rs",
            "recording/exchange.rs",
            "recording/moved_dates.rs",
        ],
    ),
    (
        "reqwest",
        &[
            "client/",
            "mcp/connection.rs",
            "mcp/web_link.rs",
            "mcp/web_stream.rs",
        ],
    ),
    ("regex", &["secret_scan/"]),
    ("redis", &["client/ledger_url.rs", "client/redis_server.rs"]),
    ("rustls", &["client/"]),
    ("tokio_rustls", &["client/redis_server.rs"]),
    ("rustls_native_certs", &["client/"]),
    ("webpki", &["client/certificate.rs"]),
    ("webpki_roots", &["client/"]),
    ("clap", &["cli/", "lib.rs"]),
    ("clap_complete", &["cli/"]),
    ("rustyline", &["ui/editor/"]),
    ("indicatif", &["ui/status_line.rs"]),
    ("anstyle", &["ui/"]),
    (
        "console",
        &[
            "ui/status_line.rs",
            "ui/markdown/screen.rs",
            "ui/editor/",
            "ui/terminal_size.rs",
        ],
    ),
    (
        "nix",
        &[
            "ui/",
            "tool/exec.rs",
            "config/write.rs",
            "config/memory.rs",
            "fs/",
            "pace/process_scope.rs",
            "client/redis_server.rs",
            "guard/",
            "mcp/stdio_link.rs",
            "input/patient.rs",
        ],
    ),
    ("rustix", &["guard/"]),
    ("jsonschema", &["tool/schema.rs"]),
    (
        "signal_hook",
        &[
            "ui/interrupt.rs",
            "ui/secret.rs",
            "ui/signal_alarm.rs",
            "ui/editor/job.rs",
            "ui/approval/",
            "ui/shell_command.rs",
            "ui/text_reader.rs",
            "guard/",
        ],
    ),
    ("pulldown_cmark", &["ui/"]),
    ("syntect", &["ui/markdown/code.rs"]),
    ("unicode_width", &["text/columns.rs", "ui/"]),
    ("shlex", &["text/quote.rs"]),
    ("strsim", &["text/did_you_mean.rs"]),
    ("tempfile", &["fs/"]),
    ("http_body", &["client/"]),
    ("http_body_util", &["demo/"]),
    ("httpdate", &["client/", "recording/moved_dates.rs"]),
    ("ipnet", &["client/no_proxy.rs"]),
    ("hyper", &["demo/"]),
    ("hyper_util", &["demo/"]),
    (
        "ignore",
        &[
            "input/directory.rs",
            "input/exclusions.rs",
            "input/file_selection.rs",
        ],
    ),
    ("fast_image_resize", &["media/codec/resize.rs"]),
    ("image", &["media/"]),
    ("imagesize", &["media/", "demo/"]),
    (
        "toml_edit",
        &["config/", "input/template.rs", "tool/found.rs"],
    ),
    ("dirs", &["config/"]),
];

/// External crates that any module may use.
const COMMON: [&str; 8] = [
    "base64",
    "bytes",
    "fastrand",
    "memchr",
    "serde",
    "serde_json",
    "thiserror",
    "tokio",
];

/// Code that may only occur in these places.
const RESERVED: [(&str, &[&str]); 7] = [
    ("env::var", &["config/env.rs", "fs/search_path.rs"]),
    ("env::args", &["main.rs"]),
    ("IsTerminal", &["ui/terminal_info.rs"]),
    ("stderr()", &["ui/"]),
    // `Output::stdout()` may be used anywhere.
    ("io::stdout", &["ui/"]),
    (" stdout()", &["ui/"]),
    ("process::exit", &[]),
];

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Returns the directory or the single file of `src/` that a source belongs to, as named in
/// [`ROWS`].
fn room_of(source: &Source) -> String {
    source.module().swap_remove(0)
}

fn shown(modules: &[ModulePath]) -> String {
    let names: Vec<String> = modules.iter().map(|module| module.join("::")).collect();
    names.join(" -> ")
}

#[test]
fn every_module_has_a_row() {
    for source in sources() {
        let room = room_of(&source);
        assert!(row_of(&room).is_some(), "{room} has no row in ROWS");
    }
}

#[test]
fn a_module_imports_from_lower_rows_only() {
    for source in sources() {
        let room = room_of(&source);
        let Some(row) = row_of(&room) else { continue };
        for used in source.crate_paths() {
            let used_row = used.first().and_then(|used| row_of(used));
            let is_own = used.first() == Some(&room);
            let is_allowed = is_own || used_row.is_none_or(|used_row| used_row < row);
            assert!(
                is_allowed,
                "src/{} uses crate::{}, which is not in a lower row",
                source.path,
                used.join("::")
            );
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = sources();
    let circle = circle(&sources);
    assert!(circle.is_none(), "{}", shown(&circle.unwrap_or_default()));
}

#[test]
fn a_command_imports_no_other() {
    let sources = sources();
    let known: BTreeMap<ModulePath, bool> = sources
        .iter()
        .map(|source| (source.module(), false))
        .collect();
    let command_of = |module: &[String]| match module {
        [room, command, ..] if room == "commands" => Some(command.clone()),
        _ => None,
    };
    for source in &sources {
        let Some(command) = command_of(&source.module()) else {
            continue;
        };
        for used in source.imports(&known) {
            let is_own = command_of(&used).is_none_or(|other| other == command);
            assert!(is_own, "src/{} imports {}", source.path, used.join("::"));
        }
    }
}

#[test]
fn imports_are_found_in_whatever_form_they_are_written() {
    let source = Source::new(
        "a/b.rs",
        "use std::fmt;\n\
         pub(crate) use super::c::{self, D as E};\n\
         use crate::{\n    f::{G, h::I},\n    j,\n};\n\
         // use crate::k;\n\
         fn f() { super::l::m(crate::n::O); }\n\
         #[cfg(test)]\nmod tests {\n    use crate::p;\n}\n",
    );
    let paths: Vec<String> = source
        .crate_paths()
        .iter()
        .map(|path| path.join("::"))
        .filter(|path| !path.starts_with("a::b::std"))
        .collect();
    assert_eq!(
        paths,
        [
            "a::c::D",
            "a::c::self",
            "a::l::m",
            "f::G",
            "f::h::I",
            "j",
            "n::O"
        ]
    );
}

#[test]
fn a_circle_is_found_and_a_way_into_it_is_not_part_of_it() {
    let files = |texts: &[(&str, &str)]| -> Vec<Source> {
        texts
            .iter()
            .map(|(path, text)| Source::new(path, text))
            .collect()
    };
    let mut texts = vec![
        ("x/mod.rs", "mod a;\nmod b;\nmod c;\npub(crate) use a::A;\n"),
        ("x/a.rs", "use super::b::B;\n"),
        ("x/b.rs", "use super::c::C;\n"),
        ("x/c.rs", "use super::A;\n"),
    ];
    assert!(
        circle(&files(&texts)).is_none(),
        "a directory is not a file"
    );
    texts[3] = ("x/c.rs", "use crate::x::b;\n");
    let found = circle(&files(&texts)).unwrap();
    assert_eq!(shown(&found), "x::b -> x::c");
}

/// Returns whether a path in the code begins with the crate, as in `nix::poll` but not `unix::fs`.
fn names(code: &str, krate: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ':');
    code.match_indices(&format!("{krate}::"))
        .any(|(place, _)| !code[..place].ends_with(is_word))
}

#[test]
fn an_outside_crate_is_named_by_its_owner_only() {
    for source in sources() {
        for (krate, owners) in OWNERS {
            let named = names(&source.code, krate);
            let owned = owners.iter().any(|owner| source.path.starts_with(owner));
            assert!(
                !named || owned,
                "src/{} names {krate}, which belongs to {owners:?}",
                source.path
            );
        }
    }
}

#[test]
fn every_dependency_has_an_owner_or_is_for_all() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let names: Vec<String> = dependencies
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"))
        .collect();
    assert!(names.len() > 30, "{names:?}");
    for name in &names {
        let is_owned = OWNERS.iter().any(|(krate, _)| krate == name);
        let is_common = COMMON.contains(&name.as_str());
        assert!(is_owned != is_common, "{name} is in OWNERS or in COMMON");
    }
}

#[test]
fn what_only_one_place_may_do_is_done_there() {
    for source in sources() {
        for (what, places) in RESERVED {
            let allowed = places.iter().any(|place| source.path.starts_with(place));
            assert!(
                !source.code.contains(what) || allowed,
                "src/{} has `{what}`: {places:?} may",
                source.path
            );
        }
    }
}

#[test]
fn the_demo_does_not_use_the_protocol_types() {
    // The test servers cannot use them, because the library does not export them.
    for source in sources()
        .iter()
        .filter(|source| source.path.starts_with("demo/"))
    {
        assert!(
            !source.code.contains("protocol"),
            "src/{}: a wrong field name must not cancel out",
            source.path
        );
    }
}
