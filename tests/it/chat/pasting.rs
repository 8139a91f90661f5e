//! Pasted text arrives as it was, with the escape characters that the line editor would drop.

use nix::sys::signal::Signal;

use super::{ENTER, LENT, UP, at_prompt, chat, leave, paste, said, text_of, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{MODEL, answer},
    gate::Gate,
    home::Home,
    pty::{CTRL_C, CTRL_Z, Terminal},
    reply::Reply,
    sending::answering,
    server::Server,
};

/// Texts that a terminal, or the line editor, might take for something else.
const TEXTS: &[&str] = &[
    "\x1b[31mred\x1b[0m text",
    "\x1b",
    "ends with \x1b",
    "\x1b[20",
    "\x1b\x1b[A\x1bOP\x1b[200~",
    "NUL \0, tab \t, bell \x07 and \u{9b}",
    // The line editor has these two for ESC, and for themselves.
    "\u{10fffc}\u{10fffd}\x1b\u{10fffd}\u{10fffc}\u{10fffb}",
];

#[test]
fn escape_characters_in_a_paste_arrive_and_are_recalled() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    for (place, text) in TEXTS.iter().enumerate() {
        terminal.keys(&paste(text)).keys(ENTER);
        wait_for_prompt(&terminal, 2 * place + 2);
        terminal.keys(UP).keys(ENTER);
        wait_for_prompt(&terminal, 2 * place + 3);
        assert_eq!(text_of(&said(&server, 2 * place)), *text);
        assert_eq!(text_of(&said(&server, 2 * place + 1)), *text, "recalled");
    }
    leave(terminal).code(0);
    // The next conversation has them from the history file.
    let terminal = at_prompt(&server, &home, &[]);
    for _ in TEXTS {
        terminal.keys(UP);
    }
    terminal.keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(text_of(&said(&server, 2 * TEXTS.len())), TEXTS[0]);
}

#[test]
fn a_paste_may_come_in_pieces() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    for (place, text) in TEXTS.iter().enumerate() {
        let keys = paste(text);
        for letter in keys.chars() {
            terminal.keys(letter.encode_utf8(&mut [0; 4]));
        }
        terminal.keys(ENTER);
        wait_for_prompt(&terminal, place + 2);
        assert_eq!(text_of(&said(&server, place)), *text);
    }
    leave(terminal).code(0);
}

#[test]
fn each_kind_of_line_break_in_a_paste_is_a_line_feed() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys("\x1b[200~a\rb\r\nc\nd\r\re\x1b[201~")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "a\nb\nc\nd\n\ne");
}

#[test]
fn a_long_paste_keeps_its_escape_characters() {
    let (server, home) = (answering("ok"), Home::new());
    let line = |number| {
        format!(
            "\x1b[3{}mline {number}\x1b[m {}",
            number % 8,
            "x".repeat(80)
        )
    };
    let text = (0..1100).map(line).collect::<Vec<_>>().join("\n");
    assert!(text.len() > 100_000);
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys(&paste(&text)).keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(text_of(&said(&server, 0)), text);
}

#[test]
fn an_escape_character_is_shown_and_can_be_deleted() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys(&paste("a\x1b[1m"))
        .wait_for("a␛[1m")
        .keys("\x7f\x7f\x7f\x7f")
        .keys("\u{10fffc}b")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "a\u{10fffc}b");
}

#[test]
fn what_is_typed_after_a_line_is_the_next_one() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    let pasted = paste("T\x1bwo\nlines");
    terminal.keys(&format!("One{ENTER}{pasted}{ENTER}Three{ENTER}"));
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(
        [said(&server, 0), said(&server, 1), said(&server, 2)],
        ["One", "T\x1bwo\nlines", "Three"]
    );
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_the_text_around_them_is_kept() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal
        .keys("typed ")
        .bytes(b"\x1b[200~x ok \xff bad\rcaf\xe9\x1b[201~")
        .keys(ENTER);
    wait_for_prompt(&terminal, 2);
    let screen = leave(terminal).code(0).stdout_text().clone();
    assert_eq!(said(&server, 0), "typed x ok \u{fffd} bad\ncaf\u{fffd}");
    assert!(
        screen.contains("what was typed is not UTF-8 at byte 11"),
        "{screen}"
    );
}

#[test]
fn programs_between_two_lines_have_the_terminal() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = chat(&server)
        .home(&home)
        .env("EDITOR", "printf more >>")
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal
        .keys("!stty size; echo up; read answer; echo \"<$answer>\"")
        .keys(ENTER)
        .wait_for(&format!("{LENT}24 80\r\nup\r\n"))
        .keys("yes")
        .keys(ENTER)
        .wait_for("<yes>");
    wait_for_prompt(&terminal, 2);
    terminal.keys(&paste("\x1b[1m")).keys("\x18\x05");
    wait_for_prompt(&terminal, 3);
    terminal.keys(ENTER);
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "\x1b[1mmore");
}

#[test]
fn answers_go_where_stdout_goes() {
    let (server, home) = (answering("the answer"), Home::new());
    let terminal = chat(&server).home(&home).piped_stdout().on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal.keys(&paste("\x1bHi")).keys(ENTER);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0).stdout("the answer\n");
    assert_eq!(said(&server, 0), "\x1bHi");
}

#[test]
fn a_pasted_line_is_still_there_after_ctrl_z_and_fg() {
    let server = answering("ok");
    let script = format!("set -m; langdock chat -m {MODEL}; echo stopped; fg");
    let terminal = Langdock::shell(&script)
        .key()
        .against(&server)
        .on_terminal(80, 24);
    wait_for_prompt(&terminal, 1);
    terminal
        .wait_for_no_echo()
        .keys(&paste("half \x1b[1m"))
        .wait_for("half ␛[1m")
        .keys(CTRL_Z)
        .wait_for("stopped");
    wait_for_prompt(&terminal, 2);
    terminal
        .wait_for_no_echo()
        .keys(&paste("a \x1bline"))
        .keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(said(&server, 0), "half \x1b[1ma \x1bline");
}

#[test]
fn a_signal_in_the_middle_of_a_paste_leaves_the_terminal_as_it_was() {
    for (signal, number) in [(Signal::SIGTERM, 15), (Signal::SIGHUP, 1)] {
        let (server, home) = (answering("ok"), Home::new());
        let terminal = at_prompt(&server, &home, &[]);
        terminal
            .wait_for_no_echo()
            .keys("\x1b[200~never sent\x1b")
            .keys(ENTER)
            .signal(signal)
            .wait_for_echo();
        terminal.finish().signal(number);
        assert_eq!(server.requests().len(), 0);
    }
}

#[test]
fn ctrl_c_after_a_paste_takes_the_line_back() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys(&paste("\x1b\x03")).keys(CTRL_C);
    wait_for_prompt(&terminal, 2);
    leave(terminal).code(0);
    assert_eq!(server.requests().len(), 0);
}

/// Whether the terminal was last told to mark what is pasted.
fn marks_pastes(terminal: &Terminal) -> bool {
    let shown = terminal.so_far();
    let text = String::from_utf8_lossy(&shown);
    let switched = text.rfind("\x1b[?2004").expect("a prompt was shown");
    text[switched..].starts_with("\x1b[?2004h")
}

#[test]
fn what_is_pasted_while_an_answer_is_awaited_is_neither_run_nor_sent() {
    let (gate, home) = (Gate::new(), Home::new());
    let theirs = gate.clone();
    let server = Server::start(move |_, nth| match nth {
        0 => Reply::sse(answer(&["one"])).hold_head(&theirs),
        _ => Reply::sse(answer(&["two"])),
    });
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("One").keys(ENTER).wait_for("waiting");
    assert!(marks_pastes(&terminal));
    let pasted = "first\n!touch pasted\n/model other\nlast";
    terminal.keys(&paste(pasted));
    gate.open();
    wait_for_prompt(&terminal, 2);
    terminal.wait_for("last").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    leave(terminal).code(0);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(text_of(&said(&server, 1)), pasted);
    assert!(!home.work().join("pasted").exists());
}

#[test]
fn a_program_in_between_gets_pastes_without_marks() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &[]);
    terminal.keys("!echo ready; read line").keys(ENTER);
    terminal.wait_for(&format!("{LENT}ready\r\n"));
    assert!(!marks_pastes(&terminal));
    terminal.keys(ENTER);
    wait_for_prompt(&terminal, 2);
    assert!(marks_pastes(&terminal));
    leave(terminal).code(0).stdout_contains("\x1b[?2004l");
}
