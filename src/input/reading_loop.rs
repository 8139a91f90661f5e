//! Finds out whether the calling process is a `while read` loop that reads from the same pipe.
//!
//! A script that merely inherits the pipe looks the same from here, and its input is meant for this
//! program. What tells a loop apart is that it has read a line, or that its text says so. Only
//! Linux shows either.

use std::ffi::OsStr;
use std::fs;
use std::iter::successors;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

/// Maximum size of a script that is searched for a loop, in bytes.
const MAX_SCRIPT_BYTES: u64 = 256 * 1024;

/// How many of the calling processes are looked at.
const MAX_CALLERS: usize = 8;

/// Returns whether standard input is a pipe from which a loop of the calling shell reads its lines.
/// `program` is what this program was called by.
pub(crate) fn is_input_of_reading_loop(program: &OsStr) -> bool {
    let process = |id: u32| Path::new("/proc").join(id.to_string());
    let pipe = unnamed_pipe(Path::new("/proc/self"));
    let has_pipe = |caller: &PathBuf| pipe.is_some() && unnamed_pipe(caller) == pipe;
    let name = Path::new(program).file_name().unwrap_or(program);
    let name = name.to_string_lossy();
    // Between a loop and this program there may be others, such as `timeout`.
    let first = Some(process(parent_id())).filter(has_pipe);
    let callers = successors(first, |caller| {
        let parent = counter(&fs::read_to_string(caller.join("status")).ok()?, "PPid:")?;
        Some(process(u32::try_from(parent).ok()?)).filter(has_pipe)
    });
    let is_loop = |caller: PathBuf| {
        let counters = fs::read_to_string(caller.join("io"));
        counters.is_ok_and(|counters| has_only_read_single_bytes(&counters))
            || has_loop_text(&caller, &name)
    };
    callers.take(MAX_CALLERS).any(is_loop)
}

/// Returns the number that a line of such a file has after `name`.
fn counter(lines: &str, name: &str) -> Option<u64> {
    let mut lines = lines.lines();
    lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// Returns the pipe that a process has as its standard input. A named pipe has its path here; it
/// may be an argument's redirection.
fn unnamed_pipe(process: &Path) -> Option<PathBuf> {
    let input = fs::read_link(process.join("fd/0")).ok()?;
    input
        .to_string_lossy()
        .starts_with("pipe:[")
        .then_some(input)
}

/// Whether the counters of a process, as in `/proc/PID/io`, say that all it has read was read byte
/// by byte. Shells read a line from a pipe like this, since they cannot put back what follows it.
/// The subshell of a loop has read nothing else, whereas a program that was started has also read
/// its libraries.
fn has_only_read_single_bytes(counters: &str) -> bool {
    match (counter(counters, "rchar:"), counter(counters, "syscr:")) {
        (Some(bytes), Some(calls)) => (1..=calls).contains(&bytes),
        _ => false,
    }
}

/// Whether a shell runs a text, from its arguments or from a script, with a loop that reads lines
/// and calls `program`.
fn has_loop_text(caller: &Path, program: &str) -> bool {
    let Ok(arguments) = fs::read(caller.join("cmdline")) else {
        return false;
    };
    let arguments = String::from_utf8_lossy(&arguments);
    let arguments: Vec<&str> = arguments.split('\0').skip(1).collect();
    let script = arguments.iter().find(|argument| !argument.starts_with('-'));
    let script = script.map(|script| caller.join("cwd").join(script));
    let is_short_file = |path: &PathBuf| {
        let metadata = path.metadata();
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_SCRIPT_BYTES)
    };
    let script = script
        .filter(is_short_file)
        .and_then(|path| fs::read_to_string(path).ok());
    let mut texts = arguments.into_iter().chain(script.as_deref());
    texts.any(|text| calls_in_reading_loop(text, program))
}

/// Whether a shell script has a `while read` or `until read` loop with a call of `program` in it.
fn calls_in_reading_loop(script: &str, program: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    let mut in_condition = false;
    let mut reads = false;
    // For each loop around a word, whether it reads lines.
    let mut loops: Vec<bool> = Vec::new();
    for word in script.split(|letter| !is_word(letter)) {
        match word {
            "while" | "until" => (in_condition, reads) = (true, false),
            "read" if in_condition => reads = true,
            "do" => {
                loops.push(in_condition && reads);
                in_condition = false;
            }
            "done" => drop(loops.pop()),
            word if word == program && loops.contains(&true) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_read_from_a_pipe_is_read_byte_by_byte() {
        for (bytes, calls, expected) in [
            (4, 4, true),
            (4, 5, true),
            (0, 0, false),
            (7_179, 14, false),
        ] {
            let counters = format!("rchar: {bytes}\nwchar: 9\nsyscr: {calls}\nsyscw: 1\n");
            assert_eq!(
                has_only_read_single_bytes(&counters),
                expected,
                "{counters}"
            );
        }
        assert!(!has_only_read_single_bytes("rchar: 4\n"));
    }

    #[test]
    fn a_loop_is_found_by_the_call_between_its_do_and_its_done() {
        for (script, expected) in [
            ("while read x; do langdock send \"$x\"; done", true),
            (
                "while IFS= read -r x\ndo\n  y=$(./bin/langdock send \"$x\")\ndone",
                true,
            ),
            (
                "until ! read x; do for i in 1 2; do :; done; langdock send; done",
                true,
            ),
            (
                "while read x; do echo; done < list; langdock send Sum",
                false,
            ),
            ("langdock send Sum", false),
            ("for x in 1 2; do langdock send $x; done", false),
            ("while true; do langdock send Sum; done", false),
            ("while read x; do langdock-other; done", false),
        ] {
            assert_eq!(
                calls_in_reading_loop(script, "langdock"),
                expected,
                "{script}"
            );
        }
    }
}
