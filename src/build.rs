//! What the linker is told: on Linux the program has a fixed address.
//!
//! Without one, 20,000 addresses in it are put right at each start, which is a third of what a start costs, and 900 KB of
//! memory. What this gives up is a program of its own place in memory at each run; stack, heap and libraries keep theirs.

// Cargo reads a build script's standard output.
#![allow(clippy::print_stdout)]

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
