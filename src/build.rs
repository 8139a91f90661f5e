//! What the linker is told on Linux, so that a start costs less.
//!
//! The program has a fixed address: without one, 20,000 addresses in it are put right at each start, which is a third of what
//! a start costs, and 900 KB of memory. What this gives up is a program of its own place in memory at each run; stack, heap
//! and libraries keep theirs.
//!
//! What a short answer runs lies side by side (`startup.ld`): the kernel maps a program in windows of 64 KB around what is
//! used, and scattered all over, that takes twice the windows. A linker of somebody's own choice may not know such a script,
//! and does without.

// Cargo reads a build script's standard output.
#![allow(clippy::print_stdout)]

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-changed=src/startup.ld");
    if !env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        return;
    }
    println!("cargo:rustc-link-arg-bins=-no-pie");
    let is_linker_chosen = env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("fuse-ld"));
    // A release alone: what is tested is linked often, and nobody waits for its start.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release && !is_linker_chosen {
        let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-T");
        println!("cargo:rustc-link-arg-bins={root}/src/startup.ld");
    }
}
