//! Security advisories that are known and do not apply, and the reasons why, which have to stay true.

use std::{collections::BTreeSet, fs, path::Path};

use crate::layering::sources;

/// Returns the packages in the lock file that depend on this one.
fn dependents(package: &str) -> BTreeSet<String> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    let dependency = format!("\n \"{package}\",");
    let name = |entry: &str| entry.split('"').nth(1).expect("a name").to_owned();
    lock.split("[[package]]")
        .filter(|entry| entry.contains(&dependency))
        .map(name)
        .collect()
}

/// RUSTSEC-2025-0141: `bincode` is unmaintained. Only `syntect` uses it, to read what is built into
/// it.
#[test]
fn bincode_reads_nothing_but_the_built_in_grammars_of_syntect() {
    assert_eq!(
        dependents("bincode"),
        BTreeSet::from(["syntect".to_owned()])
    );
    assert_eq!(
        dependents("syntect"),
        BTreeSet::from(["langdock".to_owned()])
    );
    let users: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.code.contains("syntect"))
        .collect();
    assert!(!users.is_empty());
    for source in users {
        assert!(
            source.code.contains("load_defaults_newlines"),
            "{}",
            source.path
        );
        for reader in [
            "dumps",
            "from_dump",
            "from_binary",
            "from_reader",
            "load_from",
            "ThemeSet",
            "Builder",
        ] {
            assert!(
                !source.code.contains(reader),
                "{} uses {reader}",
                source.path
            );
        }
    }
}
