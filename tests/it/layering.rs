//! The house holds: a module uses those of lower rows only, an outside crate has one owner, and
//! what only one place may do is done in one place.

use std::fs;
use std::path::{Path, PathBuf};

/// The rows of the table in `src/lib.rs`, the lowest first.
const ROWS: [&[&str]; 6] = [
    &["fs"],
    &["protocol", "media", "pace", "typed", "counted"],
    &["client"],
    &[
        "config", "input", "batch", "session", "usage", "chat", "tool", "ui", "demo",
    ],
    &["cli"],
    &["app", "error", "commands", "compose", "exchange"],
];

/// Outside crates and the files or folders that own them.
const OWNERS: [(&str, &[&str]); 26] = [
    ("ring", &["client/", "session/blob.rs"]),
    (
        "jiff",
        &[
            "client/certificate.rs",
            "session/",
            "usage/",
            "exchange/request_log.rs",
            "commands/usage.rs",
            "demo/record.rs",
        ],
    ),
    ("reqwest", &["client/"]),
    ("rustls", &["client/"]),
    ("rustls_native_certs", &["client/"]),
    ("webpki_roots", &["client/"]),
    ("clap", &["cli/", "lib.rs"]),
    ("clap_complete", &["cli/"]),
    ("rustyline", &["ui/editor/"]),
    ("indicatif", &["ui/meter.rs", "ui/progress.rs"]),
    ("anstyle", &["ui/"]),
    (
        "console",
        &["ui/progress.rs", "ui/markdown/screen.rs", "ui/editor/"],
    ),
    (
        "nix",
        &[
            "ui/",
            "tool/exec.rs",
            "config/write.rs",
            "fs/side_file.rs",
            "input/patient.rs",
        ],
    ),
    ("jsonschema", &["tool/schema.rs"]),
    ("signal_hook", &["ui/interrupt.rs", "ui/continued.rs"]),
    ("pulldown_cmark", &["ui/"]),
    ("syntect", &["ui/markdown/code.rs"]),
    ("unicode_width", &["ui/"]),
    ("hyper", &["demo/"]),
    ("hyper_util", &["demo/"]),
    ("ignore", &["input/folder.rs"]),
    ("imagesize", &["media/", "demo/"]),
    (
        "toml_edit",
        &["config/", "input/template.rs", "tool/found.rs"],
    ),
    ("dirs", &["config/"]),
    ("rpassword", &["ui/secret.rs"]),
    ("tempfile", &["fs/", "session/tests.rs"]),
];

/// What may stand in these places only, and why.
const RESERVED: [(&str, &[&str]); 7] = [
    ("env::var", &["config/env.rs"]),
    ("env::args", &["main.rs"]),
    ("IsTerminal", &["ui/streams.rs"]),
    ("stderr()", &["ui/"]),
    // `Output::stdout()` is for all.
    ("io::stdout", &["ui/"]),
    (" stdout()", &["ui/"]),
    ("process::exit", &[]),
];

struct Source {
    /// Relative to `src/`.
    path: String,
    /// The code without comments and without the unit tests at its end.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path != root.join("build.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text
                    .split("#[cfg(test)]\nmod tests")
                    .next()
                    .unwrap_or_default();
                let code = code
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect::<Vec<_>>()
                    .join("\n");
                let path = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                sources.push(Source { path, code });
            }
        }
    }
    assert!(sources.len() > 40, "the sources were not found");
    sources
}

fn module_of(path: &str) -> &str {
    path.split('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".rs")
}

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// The modules that follow `crate::` anywhere in the code, in braces or not.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let word = |text: &str| {
            text.chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect()
        };
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split("};").next().unwrap_or_default();
            used.extend(
                list.split(',')
                    .map(str::trim)
                    .map(word)
                    .filter(|name: &String| row_of(name).is_some()),
            );
        } else {
            used.push(word(rest));
        }
    }
    used
}

#[test]
fn every_module_has_a_row() {
    for source in sources() {
        let module = module_of(&source.path);
        assert!(
            matches!(module, "main" | "lib") || row_of(module).is_some(),
            "{module} has no row in ROWS"
        );
    }
}

#[test]
fn a_module_uses_those_of_lower_rows_only() {
    for source in sources() {
        let module = module_of(&source.path);
        let Some(row) = row_of(module) else { continue };
        for used in used_modules(&source.code) {
            let Some(used_row) = row_of(&used) else {
                continue;
            };
            // The top row is wiring: app, error and the commands know each other.
            let allowed = used == module || used_row < row || row == ROWS.len() - 1;
            assert!(
                allowed,
                "src/{} uses crate::{used}, which is not in a lower row",
                source.path
            );
        }
    }
}

/// Whether a path in the code begins with the crate, as in `nix::poll` but not in `unix::fs`.
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
    // The servers of these tests cannot: the library shows them to nobody.
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
