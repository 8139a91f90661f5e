//! The rules for fixtures, on which the test that replays them relies.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

/// The maximum size in bytes, since each one is truncated at every byte.
const MOST_BYTES: usize = 3 * 1024;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures"))
}

/// Returns the names of the files with this extension.
fn names(extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|other| other == extension));
    files
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_stream_has_a_golden_and_a_row_in_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows = rows.map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names("sse"), names("json"));
    assert_eq!(names("sse"), rows);
}

#[test]
fn streams_are_small_and_have_plain_line_ends() {
    for name in names("sse") {
        let bytes = fs::read(folder().join(format!("{name}.sse"))).unwrap();
        assert!(
            bytes.len() < MOST_BYTES,
            "{name} is too long to be cut at every byte"
        );
        assert!(
            !bytes.contains(&b'\r'),
            "{name} has a carriage return; the test that replays it makes them"
        );
        assert!(std::str::from_utf8(&bytes).is_ok(), "{name} is not UTF-8");
    }
}

#[test]
fn goldens_have_one_of_the_forms_of_the_readme() {
    for name in names("json") {
        let golden = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let golden: Value = serde_json::from_str(&golden).unwrap();
        let keys = golden
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>();
        let expected: &[&str] = match golden["error"].as_str() {
            None => &["message"],
            Some("cut") => &["error", "content_came", "partial"],
            Some("malformed") => &["error", "what", "content_came", "partial"],
            Some("api") if golden.get("request_id").is_some() => &[
                "error",
                "type",
                "message",
                "request_id",
                "content_came",
                "partial",
            ],
            Some("api") => &["error", "type", "message", "content_came", "partial"],
            Some(other) => panic!("{name} has the unknown error {other}"),
        };
        assert_eq!(keys, expected, "{name}");
    }
}
