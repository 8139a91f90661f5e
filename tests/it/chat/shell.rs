//! `!COMMAND`, which runs in the shell.

use super::{ENTER, LENT, at_prompt, leave, said, text_of, wait_for_prompt};
use crate::support::{
    command::KEY,
    home::Home,
    pty::{CTRL_C, Terminal},
    sending::answering,
};

/// Types a line and waits for the prompt after it.
fn line(terminal: &Terminal, prompts: &mut usize, keys: &str) {
    terminal.keys(keys).keys(ENTER);
    *prompts += 1;
    wait_for_prompt(terminal, *prompts);
}

#[test]
fn the_output_of_a_command_is_shown_and_attached_when_that_is_asked_for() {
    let (server, home) = (answering("ok"), Home::new());
    let (terminal, mut prompts) = (at_prompt(&server, &home, &[]), 1);
    line(&terminal, &mut prompts, "!echo out; echo \"<\" >&2");
    line(&terminal, &mut prompts, "Not with this");
    line(&terminal, &mut prompts, "/file !");
    line(&terminal, &mut prompts, "/attachments");
    line(&terminal, &mut prompts, "With this");
    line(&terminal, &mut prompts, "Not again");
    let screen = leave(terminal).code(0).stdout_text().clone();
    for expected in [
        &format!("{LENT}out\r\n<\r\n"),
        "/file ! attaches 6 bytes of output to the next message",
        "attached the output of `echo out; echo \"<\" >&2` to the next message (6 bytes)",
        "1  !echo out; echo \"<\" >&2",
        " · 1 attachment",
    ] {
        assert!(screen.contains(expected), "{expected}: {screen}");
    }
    assert_eq!(said(&server, 0), "Not with this");
    assert_eq!(
        said(&server, 1)[0]["text"],
        "<output command=\"echo out; echo &quot;&lt;&quot; >&amp;2\">\nout\n<\n</output>"
    );
    assert_eq!(said(&server, 1)[1]["text"], "With this");
    assert_eq!(text_of(&said(&server, 2)), "Not again");
}

#[test]
fn only_the_output_of_the_last_command_is_attached_and_what_is_replaced_in_it_is_told() {
    let (server, home) = (answering("ok"), Home::new());
    let (terminal, mut prompts) = (at_prompt(&server, &home, &[]), 1);
    line(&terminal, &mut prompts, "!printf 'a\\377b\\n'");
    line(&terminal, &mut prompts, "/file !");
    line(&terminal, &mut prompts, "Hi");
    line(&terminal, &mut prompts, "!true");
    line(&terminal, &mut prompts, "/file !");
    leave(terminal)
        .code(0)
        .stdout_contains("is not UTF-8 at byte 1; sending invalid bytes as")
        .stdout_contains("the last command printed nothing");
    let text = said(&server, 0)[0]["text"].to_string();
    assert!(text.contains("a\u{fffd}b"), "{text}");
}

#[test]
fn a_command_has_the_terminal_for_its_input_and_no_key() {
    let (server, home) = (answering("ok"), Home::new());
    let (terminal, mut prompts) = (at_prompt(&server, &home, &[]), 1);
    terminal
        .keys("!echo \"[$LANGDOCK_API_KEY]\"; read answer; echo \"answer: $answer\"")
        .keys(ENTER)
        .wait_for(&format!("{LENT}[]\r\n"))
        .keys("yes")
        .keys(ENTER)
        .wait_for("answer: yes");
    prompts += 1;
    wait_for_prompt(&terminal, prompts);
    line(&terminal, &mut prompts, "!printf unended; exit 3");
    line(&terminal, &mut prompts, "!");
    line(&terminal, &mut prompts, "!true");
    let outcome = leave(terminal);
    let screen = outcome.code(0).stdout_text();
    for expected in [
        &format!("{LENT}unended\r\n"),
        "the command ended with exit code 3",
        "no command after `!`",
    ] {
        assert!(screen.contains(expected), "{expected}: {screen}");
    }
    assert!(!screen.contains(KEY), "{screen}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn ctrl_c_ends_the_command_and_not_the_conversation() {
    let (server, home) = (answering("ok"), Home::new());
    let (terminal, mut prompts) = (at_prompt(&server, &home, &[]), 1);
    for name in ["one", "two"] {
        std::fs::write(home.work().join(name), format!("{name}\n")).unwrap();
        // What runs in the background writes on, and keeps nobody waiting. The program that prints
        // the name is the one that Ctrl-C ends: dash loses a Ctrl-C between two commands.
        terminal
            .keys(&format!("!(sleep 30) & exec tail -f {name}"))
            .keys(ENTER)
            .wait_for(&format!("{LENT}{name}\r\n"))
            .keys(CTRL_C);
        prompts += 1;
        wait_for_prompt(&terminal, prompts);
    }
    line(&terminal, &mut prompts, "One");
    leave(terminal)
        .code(0)
        .stdout_contains("the command was ended by signal 2");
    assert_eq!(said(&server, 0), "One");
}

#[test]
fn only_what_is_typed_is_run_and_two_marks_send_one() {
    let (server, home) = (answering("ok"), Home::new());
    let (terminal, mut prompts) = (at_prompt(&server, &home, &[]), 1);
    line(&terminal, &mut prompts, "!!important");
    line(&terminal, &mut prompts, "\x1b[200~!touch pasted\x1b[201~");
    line(&terminal, &mut prompts, " !touch spaced");
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "!important");
    assert_eq!(said(&server, 1), "!touch pasted");
    assert_eq!(said(&server, 2), " !touch spaced");
    assert!(!home.work().join("pasted").exists() && !home.work().join("spaced").exists());
}
