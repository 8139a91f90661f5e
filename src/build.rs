//! Has the linker make the program quick to load, on Linux with glibc and gcc.

use std::env;
use std::path::Path;
use std::process::Command;

/// The first glibc that understands packed addresses.
const GLIBC: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let is_for_this_system = env::var("TARGET") == env::var("HOST");
    let Some(glibc) = glibc_version().filter(|_| is_for_this_system) else {
        return;
    };
    if glibc >= GLIBC {
        // The loader adjusts these addresses at each start: it then reads 20 KB of them instead of
        // 570 KB.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    if has_static_unwinder() {
        // The shared one, libgcc_s, asks the processor for its features when it is loaded. Virtual
        // machines trap that: there, it took a sixth of the time of a short answer.
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Returns the version of this system's glibc, if it has one.
fn glibc_version() -> Option<(u32, u32)> {
    let text = output_of("getconf", "GNU_LIBC_VERSION")?;
    let (major, minor) = text.strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Returns whether the linker finds the unwinder of gcc as a static library.
fn has_static_unwinder() -> bool {
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    // The name alone is printed if there is no such file.
    output_of(&linker, "-print-file-name=libgcc_eh.a")
        .is_some_and(|path| Path::new(&path).is_absolute())
}

/// Returns what a program prints, without the line break at its end, if it succeeds.
fn output_of(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
