//! What happens when the window changes its size, on a terminal that does not wrap its rows again.
//! `tests/screens/resize.py` does the same on one that does.

use std::num::NonZero;

use super::{ENTER, chat, leave, wait_for_prompt};
use crate::support::{
    events::Stream, gate::Gate, home::Home, pty::Terminal, reply::Reply, sending::answering,
    server::Server,
};
use crate::tools::{calling, done, playing, results, shell_tool};

/// The widths before and after.
const SIZES: [(u16, u16); 3] = [(60, 130), (100, 60), (80, 30)];

/// Ends a drawing of the line.
const DRAWN: &[u8] = b"\x1b[?2026l";

/// The rows of a terminal that gets some bytes, is resized, and gets others.
struct ResizedScreen(vt100::Parser);

impl ResizedScreen {
    fn new(columns: u16, bytes: &[u8]) -> Self {
        let mut terminal = vt100::Parser::new(size(24), size(columns), 0);
        terminal.process(bytes);
        Self(terminal)
    }

    fn resize(&mut self, columns: u16, bytes: &[u8]) {
        self.0.set_size(size(24), size(columns));
        self.0.process(bytes);
    }

    /// Returns the rows above the last prompt, as far as `columns` columns show them.
    fn above_prompt(&self, columns: u16) -> Vec<String> {
        let mut rows = self.rows();
        let prompt = rows.iter().rposition(|row| row.contains(" · claude"));
        rows.truncate(prompt.expect("a prompt"));
        cut_off(rows, columns)
    }

    fn rows(&self) -> Vec<String> {
        let (_, columns) = self.0.screen().size();
        self.0.screen().rows(0, columns.get()).collect()
    }

    /// Returns what is typed, from its rows.
    fn typed(&self) -> String {
        let rows = self.rows();
        let sign = rows.iter().rposition(|row| row.starts_with("> "));
        rows[sign.expect("a prompt")..].concat()
    }
}

/// Returns rows as a narrower terminal shows them.
fn cut_off(rows: Vec<String>, columns: u16) -> Vec<String> {
    let cut = |row: String| {
        let row: String = row.chars().take(columns.into()).collect();
        row.trim_end().to_owned()
    };
    rows.into_iter().map(cut).collect()
}

/// Returns text without what depends on the width.
fn letters(rows: &[String]) -> String {
    rows.concat().split_whitespace().collect()
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal with rows and columns")
}

#[test]
fn nothing_above_the_prompt_changes_when_the_window_is_resized() {
    let long = "words ".repeat(25);
    for (from, to) in [(60, 130), (100, 60), (80, 30), (30, 80)] {
        for (typed, keys) in [
            ("ab", ""),
            (&long, ""),
            (&long, "\x1b[D\x1b[D"),
            (&long, "\x01"),
        ] {
            let (server, home) = (answering("The last line."), Home::new());
            let terminal = chat(&server).home(&home).on_terminal(from, 24);
            wait_for_prompt(&terminal, 1);
            terminal.keys("Hi").keys(ENTER);
            wait_for_prompt(&terminal, 2);
            terminal
                .keys(typed)
                .keys(keys)
                .keys("\x1b[200~xyz\x1b[201~");
            terminal.wait_until("the line", |bytes| {
                let text = String::from_utf8_lossy(bytes);
                let drawn = text.rsplit("\x1b[J").next().unwrap_or_default();
                let letters: String = drawn.split(['\r', '\n']).collect();
                letters.contains("xyz") && bytes.ends_with(DRAWN)
            });
            let before = terminal.so_far();
            terminal.resize(to, 24);
            terminal.wait_until("another drawing", |bytes| {
                let drawn = &bytes[before.len()..];
                drawn.windows(3).any(|window| window == b"\x1b[J") && drawn.ends_with(DRAWN)
            });
            let after = terminal.so_far()[before.len()..].to_vec();
            terminal.keys("\x03");
            wait_for_prompt(&terminal, 3);
            leave(terminal).code(0);

            let mut screen = ResizedScreen::new(from, &before);
            let (above, line) = (screen.above_prompt(from.min(to)), screen.typed());
            screen.resize(to, &after);
            let case = format!("{from} to {to}, {keys:?}");
            assert!(above.iter().any(|row| row == "The last line."), "{case}");
            assert_eq!(screen.above_prompt(from.min(to)), above, "{case}");
            assert_eq!(screen.typed().trim_end(), line.trim_end(), "{case}");
        }
    }
}

/// Resizes a terminal in the middle of an answer, goes on with `proceed` to the prompt after it, and
/// returns what has changed of the rows above the last one, and all letters above the prompt.
fn resized(
    terminal: Terminal,
    (from, to): (u16, u16),
    proceed: impl Fn(&Terminal),
) -> (Vec<(String, String)>, String) {
    let before = terminal.so_far();
    terminal.resize(to, 24);
    proceed(&terminal);
    wait_for_prompt(&terminal, 2);
    let after = terminal.so_far()[before.len()..].to_vec();
    leave(terminal).code(0);

    let mut screen = ResizedScreen::new(from, &before);
    let mut rows = screen.rows();
    let last = rows.iter().rposition(|row| !row.is_empty());
    rows.truncate(last.expect("something on the screen"));
    screen.resize(to, &after);
    let above = screen.above_prompt(to);
    let text = letters(&above);
    let rows = cut_off(rows, from.min(to)).into_iter();
    let pairs = rows.zip(cut_off(above, from.min(to)));
    (
        pairs.filter(|(before, after)| before != after).collect(),
        text,
    )
}

#[test]
fn nothing_above_an_answer_changes_when_the_window_is_resized_while_it_comes() {
    const FIRST: &str = "The first paragraph of the answer is longer than the row of any of these terminals, \
                         so that it takes two of them, or more.\n\n";
    let shown = format!("{FIRST}Then it comes, ");
    let begin = Stream::new().start().open_text_block([&*shown]).to_string();
    let whole = Stream::new()
        .start()
        .text_block([&*shown, "and ends."])
        .stop("end_turn")
        .to_string();
    let rest = whole.strip_prefix(&begin).unwrap().to_owned();
    for (from, to) in SIZES {
        let gate = Gate::new();
        let (theirs, begin, rest) = (gate.clone(), begin.clone(), rest.clone());
        let server =
            Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest));
        let terminal = chat(&server).on_terminal(from, 24);
        wait_for_prompt(&terminal, 1);
        terminal.keys("Hi").keys(ENTER).wait_for("it comes");
        let (changed, text) = resized(terminal, (from, to), |_| gate.open());
        assert_eq!(changed, [], "{from} to {to}");
        assert_eq!(
            text.matches("Thenitcomes,andends.").count(),
            1,
            "{from} to {to}: {text}"
        );
    }
}

#[test]
fn nothing_is_left_of_the_line_that_says_what_is_awaited_when_the_window_is_resized() {
    for (from, to) in SIZES {
        let gate = Gate::new();
        let (theirs, answer) = (gate.clone(), done("The answer.").to_string());
        let server = Server::start(move |_, _| Reply::sse(&answer).hold_head(&theirs));
        let terminal = chat(&server).on_terminal(from, 24);
        wait_for_prompt(&terminal, 1);
        terminal.keys("Hi").keys(ENTER).wait_for("waiting");
        let (changed, text) = resized(terminal, (from, to), |_| gate.open());
        assert_eq!(changed, [], "{from} to {to}");
        assert!(text.ends_with(">HiTheanswer."), "{from} to {to}: {text}");
    }
}

#[test]
fn nothing_above_a_question_changes_when_the_window_is_resized_and_a_no_has_a_reason() {
    for (from, to) in SIZES {
        let home = shell_tool("echo run >> runs", "");
        let server = playing(&[
            calling(&[("t", serde_json::json!({"a": "b"}))]),
            done("Done."),
        ]);
        let terminal = chat(&server)
            .home(&home)
            .args(["-T", "./t.toml"])
            .on_terminal(from, 24);
        wait_for_prompt(&terminal, 1);
        terminal.keys("Hi").keys(ENTER).wait_for("[q]uit: ");
        let answer = |terminal: &Terminal| {
            terminal.keys("n too long").keys(ENTER);
        };
        let (changed, text) = resized(terminal, (from, to), answer);
        assert_eq!(changed, [], "{from} to {to}");
        assert_eq!(text.matches("Done.").count(), 1, "{from} to {to}: {text}");
        let results = results(&server.requests()[1].json());
        assert_eq!(results[0]["content"], "the user denied this call: too long");
        assert!(!home.work().join("runs").exists());
    }
}
