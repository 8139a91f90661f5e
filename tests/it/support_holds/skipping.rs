//! With `CI=true`, no test passes without having run.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::installed::installed;

/// The variable that names the program needed by the test below.
const NEEDED: &str = "LANGDOCK_TEST_NEEDED";

/// A program that does not exist.
const MISSING: &str = "langdock-no-such-program";

#[test]
fn what_a_test_needs_is_looked_for() {
    let needed = env::var(NEEDED).unwrap_or_else(|_| "sh".to_owned());
    if !installed(&needed) {
        return; // This is how a test skips itself.
    }
    assert_ne!(needed, MISSING);
}

/// Runs only the test above, with a program that it needs and a value of `CI`.
fn skipping(needed: &str, ci: Option<&str>) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--exact",
        "support_holds::skipping::what_a_test_needs_is_looked_for",
    ]);
    command
        .env(NEEDED, needed)
        .env_remove("CI")
        .envs(ci.map(|ci| ("CI", ci)))
        .output()
        .unwrap()
}

#[test]
fn a_test_that_skips_itself_fails_where_ci_is_true_and_nowhere_else() {
    for (needed, ci, passes) in [
        ("sh", None, true),
        ("sh", Some("true"), true),
        (MISSING, None, true),
        (MISSING, Some("true"), false),
    ] {
        let Output { status, stdout, .. } = skipping(needed, ci);
        let said = String::from_utf8_lossy(&stdout);
        assert_eq!(status.success(), passes, "{needed}, CI={ci:?}\n{said}");
        assert!(said.contains("running 1 test"), "{said}");
        assert_eq!(said.contains("is not installed"), !passes, "{said}");
    }
}

#[test]
fn a_script_never_skips_what_it_needs() {
    let need = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/need");
    let run = |command: &str| {
        Command::new(&need)
            .arg(command)
            .env_remove("CI")
            .output()
            .unwrap()
    };
    assert!(run("sh").status.success());
    let missing = run(MISSING);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains(MISSING));
}

#[test]
fn no_test_is_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories = vec![root.join("src"), root.join("tests/it")];
    // Split, so that this line is not found itself.
    let attribute = ["#[ign", "ore"].concat();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                assert!(
                    !text.contains(&attribute),
                    "{} has a test that is not run",
                    path.display()
                );
            }
        }
    }
}
