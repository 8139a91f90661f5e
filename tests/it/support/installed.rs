//! Programs that a few tests need for comparison, and that may not be installed.

use std::env;
use std::path::Path;

/// Returns whether a program is on the `PATH`. With `CI=true` it must be, since a test must not be
/// skipped there.
pub(crate) fn installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file());
    assert!(
        found || env::var_os("CI").is_none(),
        "{program} is not installed"
    );
    found
}
