//! What the linker is told on Linux, so that a start costs less.
//!
//! - The program has a fixed address: without one, 20,000 addresses in it are put right at each
//!   start, which is a third of what a start costs, and 900 KB of memory. What this gives up is a
//!   program of its own place in memory at each run; stack, heap and libraries keep theirs.
//! - What a short answer runs lies side by side (`startup.ld`): the kernel maps a program in
//!   windows of 64 KB around what is used, and scattered all over, that takes twice the windows.
//! - The part of the compiler's own library that panics need is in the program, and is no file to
//!   be looked up at each start.
//!
//! The last two are for a release, which is started more often than it is linked; and a linker of
//! somebody's own choice, which may not know such scripts, does without the second.

// Cargo reads a build script's standard output.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-changed=src/startup.ld");
    if !is("CARGO_CFG_TARGET_OS", "linux") {
        return Ok(());
    }
    println!("cargo:rustc-link-arg-bins=-no-pie");
    if !is("PROFILE", "release") {
        return Ok(());
    }
    let is_linker_chosen =
        env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("fuse-ld"));
    if !is_linker_chosen {
        let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-T");
        println!("cargo:rustc-link-arg-bins={root}/src/startup.ld");
    }
    // Another machine's compiler has another library.
    if env::var_os("HOST") == env::var_os("TARGET")
        && let Some(archive) = unwinder()
    {
        put_in_place_of_the_shared_one(&archive)?;
    }
    Ok(())
}

fn is(variable: &str, value: &str) -> bool {
    env::var(variable).is_ok_and(|found| found == value)
}

/// The archive of what unwinds the stack, where the C compiler has it.
fn unwinder() -> Option<PathBuf> {
    let asked = Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    // What it does not find it gives back as it is.
    path.is_absolute().then_some(path)
}

/// A shared library may be a script that names what to link instead.
fn put_in_place_of_the_shared_one(archive: &Path) -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(
        folder.join("libgcc_s.so"),
        format!("INPUT(\"{}\")\n", archive.display()),
    )?;
    println!("cargo:rustc-link-search=native={}", folder.display());
    Ok(())
}
