//! A model that fills the screen with its own text to forge a different question than the one that
//! is asked.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{calling, done, playing, toml, tool_run};
use crate::chat::{chat, leave, wait_for_prompt};
use crate::support::{
    home::Home,
    pty::{CTRL_C, Terminal},
    screen::rows_of,
    server::Server,
};

/// The columns and rows of the terminals.
const SIZES: [(u16, u16); 3] = [(80, 24), (40, 12), (200, 50)];

/// The end of a question.
const END_OF_QUESTION: &str = "[q]uit: ";

/// Rows as they would appear if another tool were asked about.
const FORGED_ROWS: [&str; 4] = [
    "input   │ {\"path\":\".\"}",
    "command │ ls",
    "Run `list_files`? [y]es, [n]o, [a]lways in this run, [q]uit: ",
    "Run `list_files`?",
];

/// Returns the input of a call: a command, filler, and rows as wide as the terminal that look like
/// a question.
fn forged(filler: &str, (columns, rows): (u16, u16)) -> Value {
    let (columns, rows) = (usize::from(columns), usize::from(rows));
    let mut text = format!("rm -rf ~{}", filler.repeat(2 * columns * rows));
    for row in FORGED_ROWS {
        text += row;
        text += &filler.repeat(columns.saturating_sub(row.chars().count()));
    }
    json!({ "line": text })
}

/// Starts a server whose model calls the tool once with this input, and creates a home with the
/// tool.
fn calling_with(input: &Value) -> (Server, Home) {
    let home = Home::new();
    home.write("work/t.toml", toml("run_shell", "echo run >> runs", ""));
    let server = playing(&[calling(&[("run_shell", input.clone())]), done("Done.")]);
    (server, home)
}

/// Returns how often the tool ran.
fn runs(home: &Home) -> usize {
    let runs = std::fs::read_to_string(home.work().join("runs"));
    runs.unwrap_or_default().lines().count()
}

/// Waits for the question, and checks that all of it is on the screen and that nothing else on the
/// screen looks like a question.
#[track_caller]
fn wait_for_question(terminal: &Terminal, size: (u16, u16)) -> Vec<String> {
    let screen = |bytes: &[u8]| rows_of(bytes, size.0, size.1);
    terminal.wait_until("the question", |bytes| {
        let rows = screen(bytes);
        rows.iter().any(|row| row.starts_with("Run `run_shell`?"))
            && rows
                .last()
                .is_some_and(|row| row.ends_with(END_OF_QUESTION.trim_end()))
    });
    let rows = screen(&terminal.so_far());
    let place = |beginning: &str| rows.iter().position(|row| row.starts_with(beginning));
    let (input, command) = (place("input   "), place("command │ "));
    let question = place("Run `run_shell`?");
    assert!(
        input.is_some() && input < command && command < question,
        "{rows:#?}"
    );
    for forged in FORGED_ROWS {
        assert!(!rows.iter().any(|row| row.starts_with(forged)), "{rows:#?}");
    }
    let marked = &rows[input.unwrap_or(0)..question.unwrap_or(0)];
    for row in marked {
        assert!(
            matches!(row.chars().nth(8), Some('│' | '…')),
            "{row}\n{rows:#?}"
        );
    }
    assert!(rows.join("").contains("rm -rf ~"), "{rows:#?}");
    assert!(rows.join("").contains("echo run"), "{rows:#?}");
    rows
}

/// Checks that habitual keys are not enough, reads the call page by page, and approves it.
#[track_caller]
fn approve_only_after_reading(terminal: &Terminal, size: (u16, u16), home: &Home) {
    wait_for_question(terminal, size);
    for keys in ["y\r", "a\r", "always\r", "approve\r"] {
        let asked = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .matches("type `show`")
                .count()
        };
        let before = asked(&terminal.so_far());
        terminal
            .keys(keys)
            .wait_until("a hint", |bytes| asked(bytes) > before);
        assert_eq!(runs(home), 0, "{keys:?}");
    }
    terminal
        .keys("show\r")
        .wait_for("page 1 of ")
        .wait_for("Enter or q: ")
        .keys("q\r")
        .wait_for("approve, always,");
    wait_for_question(terminal, size);
    terminal.keys("y\r").wait_for("type the whole word");
    assert_eq!(runs(home), 0);
    terminal.keys("approve\r");
}

#[test]
fn tool_run_asks_for_the_real_call_whatever_the_model_fills_the_screen_with() {
    for size in SIZES {
        for filler in ["x", "\n", "\u{3164}\u{a0}", " \u{2060}\u{e0041}"] {
            let (server, home) = calling_with(&forged(filler, size));
            let terminal = tool_run(&server)
                .home(&home)
                .args(["-T", "./t.toml", "Hi"])
                .on_terminal(size.0, size.1);
            approve_only_after_reading(&terminal, size, &home);
            terminal.finish().code(0).stdout_contains("Done.");
            assert_eq!(runs(&home), 1, "{size:?} {filler:?}");
        }
    }
}

#[test]
fn chat_asks_for_the_real_call_whatever_the_model_fills_the_screen_with() {
    for size in SIZES {
        let (server, home) = calling_with(&forged("\u{3164} ", size));
        let terminal = chat(&server)
            .home(&home)
            .args(["-T", "./t.toml", "Hi"])
            .on_terminal(size.0, size.1);
        approve_only_after_reading(&terminal, size, &home);
        wait_for_prompt(&terminal, 1);
        leave(terminal).code(0);
        assert_eq!(runs(&home), 1, "{size:?}");
    }
}

#[test]
fn what_cannot_be_seen_pushes_nothing_off_the_screen() {
    for size in SIZES {
        for (filler, shown) in [
            (" ", "\\u0020{20000}"),
            ("\u{a0}", "\\u00a0{20000}"),
            ("\u{3164}", "\\u3164{20000}"),
            ("\u{e0041}", "\\udb40\\udc41{20000}"),
        ] {
            let input = json!({"line": format!("rm -rf ~{}ls", filler.repeat(20_000))});
            let (server, home) = calling_with(&input);
            let terminal = tool_run(&server)
                .home(&home)
                .args(["-T", "./t.toml", "Hi"])
                .on_terminal(size.0, size.1);
            let rows = wait_for_question(&terminal, size).concat();
            assert!(rows.contains(shown), "{rows}");
            terminal.keys("y\r");
            terminal.finish().code(0).stdout_contains("Done.");
            assert_eq!(runs(&home), 1, "{size:?} {filler:?}");
        }
    }
}

#[test]
fn an_input_of_three_megabytes_prints_no_more_than_a_screen() {
    let (server, home) =
        calling_with(&json!({"line": format!("rm -rf ~{}", "x".repeat(3_000_000))}));
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .on_terminal(80, 24);
    let rows = wait_for_question(&terminal, (80, 24));
    assert!(rows.concat().contains("… 2,998,6"), "{rows:#?}");
    terminal.keys("n\r");
    let outcome = terminal.finish();
    outcome.code(0).stdout_contains("Done.");
    let bytes = outcome.stdout_text().len();
    assert!(bytes < 2 * 80 * 24, "{bytes}");
    assert_eq!(runs(&home), 0);
}

#[test]
fn the_pager_shows_all_of_a_call_and_gets_no_key() {
    let size = (80, 24);
    let (server, home) = calling_with(&forged("x", size));
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .env("PAGER", "env > pager.env; cat > 'pager out'")
        .on_terminal(size.0, size.1);
    wait_for_question(&terminal, size);
    terminal.keys("show\r").wait_for("approve, always,");
    wait_for_question(&terminal, size);
    terminal.keys("always\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 1);
    let read = |name: &str| std::fs::read_to_string(home.work().join(name)).unwrap();
    let paged = read("pager out");
    let (labels, marked): (Vec<&str>, Vec<&str>) =
        paged.lines().partition(|row| !row.starts_with("│ "));
    let bytes = forged("x", size).to_string().len();
    let shown = format!("{},{:03}", bytes / 1000, bytes % 1000);
    assert_eq!(
        labels,
        ["tool:", "command:", &format!("input ({shown} bytes):")]
    );
    let text: String = marked
        .iter()
        .map(|row| row.trim_start_matches("│ "))
        .collect();
    assert!(text.ends_with(&forged("x", size).to_string()), "{text}");
    assert!(!read("pager.env").contains("LANGDOCK_API_KEY"));
}

#[test]
fn where_the_pager_fails_the_call_is_shown_page_by_page() {
    let size = (80, 24);
    let (server, home) = calling_with(&forged("x", size));
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .env("PAGER", "exit 3")
        .on_terminal(size.0, size.1);
    wait_for_question(&terminal, size);
    terminal
        .keys("show\r")
        .wait_for("cannot run PAGER: exit status: 3");
    for page in 1..=3 {
        terminal
            .wait_for(&format!("page {page} of 3, Enter or q: "))
            .keys("\r");
    }
    terminal.wait_for("approve, always,");
    terminal.keys("n\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 0);
}

#[test]
fn ctrl_c_is_for_the_pager_and_sigterm_ends_it_and_the_run() {
    let size = (80, 24);
    let pager = "trap '' INT; echo paging > /dev/tty; read line < /dev/tty; cat > paged";
    let (server, home) = calling_with(&forged("x", size));
    let start = |server: &Server| {
        let terminal = tool_run(server)
            .home(&home)
            .args(["-T", "./t.toml", "Hi"])
            .env("PAGER", pager)
            .on_terminal(size.0, size.1);
        wait_for_question(&terminal, size);
        terminal.keys("show\r").wait_for("paging");
        terminal
    };
    let terminal = start(&server);
    terminal
        .keys(CTRL_C)
        .keys("\r")
        .wait_for("approve, always,")
        .keys("approve\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 1);
    let server = playing(&[calling(&[("run_shell", forged("x", size))]), done("Done.")]);
    let terminal = start(&server);
    terminal.signal(Signal::SIGTERM);
    terminal.finish().signal(15);
    assert_eq!((runs(&home), server.requests().len()), (1, 1));
}

#[test]
fn what_was_asked_on_a_terminal_of_another_size_is_asked_again() {
    let (server, home) = calling_with(&json!({"line": "rm -rf ~"}));
    let terminal = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "Hi"])
        .on_terminal(80, 24);
    wait_for_question(&terminal, (80, 24));
    terminal
        .resize(60, 24)
        .keys("y\r")
        .wait_for("the terminal was resized")
        .wait_until("the question again", |bytes| {
            String::from_utf8_lossy(bytes)
                .matches(END_OF_QUESTION)
                .count()
                == 2
        });
    assert_eq!(runs(&home), 0);
    terminal.keys("y\r");
    terminal.finish().code(0).stdout_contains("Done.");
    assert_eq!(runs(&home), 1);
}
