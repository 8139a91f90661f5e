//! The terminal is a real one for the program on it: size, keys, signals, and streams that are not
//! a terminal.

use nix::sys::signal::Signal;

use crate::support::{
    command::Langdock,
    pty::{CTRL_C, CTRL_D},
};

/// A script that prints which standard streams are terminals.
const WHICH: &str =
    "for n in 0 1 2; do test -t $n && a=\"$a terminal\" || a=\"$a other\"; done; echo $a >&2";

#[test]
fn the_program_sees_a_terminal_of_the_given_size() {
    let outcome = Langdock::shell("test -t 0 && test -t 1 && test -t 2 && stty size")
        .on_terminal(101, 33)
        .finish();
    outcome.code(0).stdout("33 101\r\n").stderr_empty();
}

#[test]
fn keys_reach_the_program_and_its_output_the_test() {
    let terminal = Langdock::shell("printf 'name? '; read name; echo \"hi $name\"; cat; exit 7")
        .on_terminal(80, 24);
    terminal
        .wait_for("name? ")
        .keys("Ada\r")
        .wait_for("hi Ada\r\n")
        .keys(CTRL_D);
    terminal
        .finish()
        .code(7)
        .stdout_contains("name? Ada\r\nhi Ada\r\n");
}

#[test]
fn ctrl_c_is_a_signal_to_the_program() {
    let terminal = Langdock::shell("echo up; exec cat").on_terminal(80, 24);
    terminal.wait_for("up").keys(CTRL_C);
    terminal.finish().signal(2).stdout_contains("^C");
}

#[test]
fn a_change_of_size_reaches_the_program() {
    let terminal = Langdock::shell("echo up; read line; stty size").on_terminal(80, 24);
    terminal.wait_for("up").resize(60, 20).keys("\r");
    terminal.wait_until("the new size", |bytes| bytes.ends_with(b"20 60\r\n"));
    assert!(terminal.so_far().starts_with(b"up"));
    terminal.finish().code(0);
}

#[test]
fn stdin_and_stdout_can_be_pipes_beside_a_terminal() {
    let script = format!("cat; {WHICH}");
    let outcome = Langdock::shell(&script)
        .stdin_bytes("data")
        .piped_stdout()
        .on_terminal(80, 24)
        .finish();
    outcome
        .code(0)
        .stdout("data")
        .stderr("other other terminal\r\n");
}

#[test]
fn a_signal_from_outside_ends_the_program() {
    let terminal = Langdock::shell("echo up; exec cat").on_terminal(80, 24);
    terminal.wait_for("up").signal(Signal::SIGTERM);
    terminal.finish().signal(15);
}
