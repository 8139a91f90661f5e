//! Programs that a few tests compare with, and that a machine may not have.

use std::env;
use std::path::Path;

/// Whether a program is on the PATH. With `CI=true` it has to be: a test that is skipped there has
/// failed.
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
