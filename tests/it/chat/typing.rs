//! Typed and pasted input.

use serde_json::json;

use super::{ENTER, UP, at_prompt, chat, leave, messages, paste, said, text_of, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::MODEL,
    home::Home,
    pty::{CTRL_C, CTRL_Z},
    screen::rows_of,
    sending::answering,
};

/// What Alt-Enter sends.
const ALT_ENTER: &str = "\x1b\r";

/// Ctrl-X Ctrl-E.
const EDIT: &str = "\x18\x05";

#[test]
fn a_conversation_goes_on_over_one_connection_and_ctrl_d_leaves() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("One").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("Two").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal)
        .code(0)
        .stdout_contains(&format!("One · {MODEL} · <1% of context"));
    let expected = json!([
        {"role": "user", "content": "One"}, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "Two"}
    ]);
    assert_eq!(messages(&server, 1), expected);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_long_paste_arrives_byte_for_byte_and_is_recalled() {
    let (server, home) = (answering("ok"), Home::new());
    let line = |number| format!("\tline {number} of it: {} \\ ç漢🙂", "x".repeat(220));
    let text = (1..=300).map(line).collect::<Vec<_>>().join("\n");
    assert!(text.len() > 64 * 1024);
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys(&paste(&text)).keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("\x1b[A").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(text_of(&said(&server, 0)), text);
    assert_eq!(text_of(&said(&server, 1)), text);
}

#[test]
fn what_is_pasted_is_no_command_unless_it_stands_behind_one() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.txt", "A");
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys(&paste("/exit")).keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys(&paste("/exit\n\"\"\"\n")).keys(ENTER);
    wait_for_prompt(&terminal, 3);
    terminal
        .keys("/file ")
        .keys(&paste("a.txt"))
        .keys(ENTER)
        .wait_for("attached `a.txt` to the next message");
    wait_for_prompt(&terminal, 4);
    terminal.keys(" /exit").keys(ENTER);
    wait_for_prompt(&terminal, 5);
    terminal.keys("/exit").keys(ENTER);
    terminal.finish().code(0);
    assert_eq!(said(&server, 0), "/exit");
    assert_eq!(said(&server, 1), "/exit\n\"\"\"\n");
    assert_eq!(said(&server, 2)[1]["text"], " /exit");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn several_lines_are_typed_by_a_backslash_by_ctrl_j_and_between_quotes() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("a\\").keys(ENTER).keys("b\nc").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal
        .keys("\"\"\"")
        .keys(ENTER)
        .keys("/d")
        .keys(ENTER)
        .keys(ENTER)
        .keys("e\"\"\"")
        .keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "a\nb\nc");
    assert_eq!(said(&server, 1), "/d\n\ne");
}

#[test]
fn what_was_typed_is_found_by_the_next_conversation_and_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("remember me").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    let terminal = at_prompt(&server, &home, &["-n"]);
    terminal.keys("nothing of this").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys("\x12member")
        .wait_for("remember me")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(said(&server, 2), "remember me");
    let history = home.state().join("history");
    assert!(
        !std::fs::read_to_string(&history)
            .unwrap()
            .contains("nothing of this")
    );
    assert_eq!(
        history.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn conversations_at_the_same_time_remember_what_is_typed_in_all_of_them() {
    let (server, home) = (answering("ok"), Home::new());
    let (one, other) = (
        at_prompt(&server, &home, &[]),
        at_prompt(&server, &home, &[]),
    );
    for prompts in 2..5 {
        for (terminal, name) in [(&one, "red"), (&other, "blue")] {
            terminal.keys(&format!("{name} {prompts}")).keys(ENTER);
            wait_for_prompt(terminal, prompts);
        }
    }
    leave(one).code(0);
    leave(other).code(0);
    let terminal = at_prompt(&server, &home, &[]);
    for (keys, found) in [
        ("\x12red 2", "red 2"),
        ("\x12blue 4", "blue 4"),
        ("\x12red 4", "red 4"),
    ] {
        terminal
            .keys(keys)
            .wait_for(&format!("': {found}"))
            .keys("\x07");
    }
    leave(terminal).code(0);
}

#[test]
fn the_keys_of_vi_are_a_setting() {
    let (server, home) = (answering("ok"), Home::new());
    home.write(home.config().join("config.toml"), "keys = \"vi\"\n");
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("one two").keys("\x1b").keys("bD").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "one ");
    home.write(home.config().join("config.toml"), "keys = \"ed\"\n");
    chat(&server)
        .home(&home)
        .run()
        .code(2)
        .stderr_contains("`ed`: must be one of `emacs`, `vi`");
}

#[test]
fn ctrl_c_takes_a_line_back_and_tells_at_an_empty_one_how_to_leave() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("never sent").keys(CTRL_C);
    wait_for_prompt(&terminal, 2);
    terminal
        .keys(CTRL_C)
        .wait_for("press Ctrl-D or type /exit to leave");
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_dumb_terminal_gets_a_plain_prompt() {
    let server = answering("ok");
    let run = Langdock::shell("TERM=dumb exec langdock chat")
        .key()
        .against(&server)
        .env("LANGDOCK_MODEL", MODEL);
    let terminal = run.on_terminal(80, 24);
    terminal
        .wait_for("\n> ")
        .keys("a\\\r")
        .keys("b\r")
        .wait_for("ok\r\n")
        .keys("/exit\r");
    let outcome = terminal.finish();
    assert!(
        !outcome.code(0).stdout_text().contains('\u{1b}'),
        "{outcome}"
    );
    assert_eq!(said(&server, 0), "a\nb");
}

#[test]
fn lines_that_are_typed_at_once_are_all_sent() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("One\rTwo\rThree\r");
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(
        [said(&server, 0), said(&server, 1), said(&server, 2)],
        ["One", "Two", "Three"]
    );
}

#[test]
fn ctrl_z_leaves_the_line_to_the_shell_and_fg_comes_back_to_it() {
    let server = answering("ok");
    let script = format!("set -m; langdock chat -m {MODEL}; echo stopped; fg");
    let terminal = Langdock::shell(&script)
        .key()
        .against(&server)
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal
        .wait_for_no_echo()
        .keys("half")
        .wait_for("half")
        .keys("\x1a")
        .wait_for("stopped");
    wait_for_prompt(&terminal, 2);
    terminal.wait_for_no_echo().keys(" a line").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "half a line");
}

#[test]
fn alt_enter_begins_a_new_line() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("a").keys(ALT_ENTER).keys("b").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "a\nb");
}

#[test]
fn a_recalled_message_is_the_same_message() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    let messages = [
        (format!("aaa \\{ENTER}bbb"), "aaa \nbbb"),
        (format!("\"\"\"{ENTER}/c{ENTER}\"\"\""), "/c"),
        (paste("/exit"), "/exit"),
        (paste("exit"), "exit"),
        (paste("d\ne\\"), "d\ne\\"),
        (paste("\"\"\"\nf\n\"\"\""), "\"\"\"\nf\n\"\"\""),
        ("!!g".to_owned(), "!g"),
        (paste("!!h"), "!!h"),
    ];
    for (place, (keys, message)) in messages.iter().enumerate() {
        terminal.keys(keys).keys(ENTER);
        wait_for_prompt(&terminal, 2 * place + 2);
        terminal.keys(UP).keys(ENTER);
        wait_for_prompt(&terminal, 2 * place + 3);
        assert_eq!(said(&server, 2 * place), *message);
        assert_eq!(said(&server, 2 * place + 1), *message, "recalled");
    }
    leave(terminal).code(0);
}

#[test]
fn what_is_typed_is_opened_in_an_editor_and_goes_on_as_a_line() {
    let (server, home) = (answering("ok"), Home::new());
    let run = chat(&server)
        .home(&home)
        .env("EDITOR", "printf ' and\\nmore' >>");
    let terminal = run.on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.keys("some\\").keys(ENTER).keys("text").keys(EDIT);
    wait_for_prompt(&terminal, 2);
    terminal.keys("!").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    let screen = leave(terminal).code(0).stdout_text().clone();
    assert_eq!(said(&server, 0), "some\ntext and\nmore!");
    // The line is on the screen once.
    let rows = rows_of(screen, 80, 24);
    let lines = rows.iter().filter(|row| row.starts_with("> some"));
    assert_eq!(lines.count(), 1, "{rows:#?}");
}

#[test]
fn an_editor_that_fails_leaves_the_line_as_it_was() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = chat(&server)
        .home(&home)
        .env("EDITOR", "false")
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal
        .keys("text")
        .keys(EDIT)
        .wait_for("the editor `false` failed");
    wait_for_prompt(&terminal, 2);
    terminal.keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "text");
}

#[test]
fn a_paste_that_is_taller_than_the_screen_says_how_to_see_all_of_it() {
    let (server, home) = (answering("ok"), Home::new());
    let text = "a line\n".repeat(40);
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys(&paste(&text))
        .wait_for("rows above; Ctrl-X Ctrl-E opens all of it in an editor")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(text_of(&said(&server, 0)), text);
}

#[test]
fn ctrl_z_keeps_what_was_typed_while_an_earlier_line_is_recalled() {
    let server = answering("ok");
    let script = format!("set -m; langdock chat -m {MODEL}; echo stopped; fg");
    let terminal = Langdock::shell(&script)
        .key()
        .against(&server)
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.wait_for_no_echo().keys("earlier").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal
        .keys("half\\")
        .keys(ENTER)
        .keys("a line")
        .keys(UP)
        .keys(UP)
        .wait_for("> earlier\r\x1b[9C")
        .keys(CTRL_Z)
        .wait_for("stopped");
    wait_for_prompt(&terminal, 3);
    terminal.wait_for_no_echo().keys(ENTER);
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(said(&server, 1), "half\na line");
}

#[test]
fn a_stopped_conversation_that_is_killed_ends_with_the_terminal_as_it_was() {
    let server = answering("ok");
    let script = format!(
        "set -m; langdock chat -m {MODEL}; kill %1; kill -CONT %1; wait %1; echo ended with $?; \
         stty -a"
    );
    let terminal = Langdock::shell("exec bash -c \"$SCRIPT\"")
        .env("SCRIPT", &script)
        .key()
        .against(&server)
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.wait_for_no_echo().keys("half").keys(CTRL_Z);
    let outcome = terminal.finish();
    let screen = outcome.code(0).stdout_text();
    assert!(screen.contains("ended with 143"), "{screen}");
    assert!(
        screen.contains(" icrnl") && screen.contains(" icanon") && screen.contains(" echo "),
        "{screen}"
    );
}
