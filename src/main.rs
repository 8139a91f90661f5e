//! The `langdock` binary: hands its arguments to the library and ends with the code it gives back.

use std::process::ExitCode;

fn main() -> ExitCode {
    langdock::run(std::env::args_os())
}
