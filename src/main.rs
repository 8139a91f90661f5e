//! The `langdock` binary: passes its arguments to the library and exits with the code it returns.

use std::process::ExitCode;

fn main() -> ExitCode {
    langdock::run(std::env::args_os())
}
