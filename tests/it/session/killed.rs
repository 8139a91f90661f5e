//! SIGKILL at any point of an answer: the saved answer begins with everything that was shown, and
//! is a prefix of what the model wrote.

use std::thread;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::saying;
use crate::support::{command::Langdock, events::Stream, home::Home, reply::Reply, server::Server};

/// How many processes are killed.
const POINTS: usize = 200;

/// How many processes run at the same time.
const AT_ONCE: usize = 4;

/// The pieces of the answer.
const PIECES: [&str; 12] = [
    "One",
    " ",
    "**two**",
    "\n\n",
    "three \"four\"",
    " \\ ",
    "ä",
    "🙂",
    "\tfive\n",
    "| a | b |\n",
    "漢字",
    " end",
];

/// Returns the complete text of the answer.
fn text() -> String {
    PIECES.concat()
}

/// Returns the stream of the answer without its last event, so that no process ends by itself. It
/// contains a ping and reasoning, and the text is in two blocks.
fn stream() -> String {
    let stream = Stream::new()
        .start()
        .ping()
        .thinking_block("hm \"so\"", "sig");
    let stream = stream
        .text_block(&PIECES[..6])
        .ping()
        .text_block(&PIECES[6..])
        .stop("end_turn")
        .to_string();
    stream
        .split_once("event: message_stop")
        .unwrap()
        .0
        .to_owned()
}

/// Returns the text that a client knows after these bytes of the stream.
fn known(bytes: &[u8]) -> String {
    let whole = String::from_utf8_lossy(bytes);
    let whole = whole.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let text = |line: &str| {
        let data: Value = serde_json::from_str(line.strip_prefix("data: ")?).unwrap();
        data["delta"]["text"].as_str().map(str::to_owned)
    };
    whole.lines().filter_map(text).collect()
}

/// Returns the part of the answer that is saved in the conversation of the killed process; the
/// question is always saved.
#[track_caller]
fn kept(home: &Home) -> String {
    let outcome = Langdock::new()
        .home(home)
        .args(["session", "show", "x", "--json"])
        .run();
    let shown = outcome.code(0).stdout_json();
    let turns = shown["turns"].as_array().unwrap();
    outcome.stderr_contains(if turns.len() > 1 {
        "answer that had not been saved"
    } else {
        "recovered a message that had not been saved"
    });
    assert_eq!(turns[0]["content"][0]["text"], "question", "{shown:#}");
    let Some(answer) = turns.get(1) else {
        assert_eq!(turns[0]["left_out"], "unanswered", "{shown:#}");
        return String::new();
    };
    let blocks = answer["content"].as_array().unwrap();
    blocks
        .iter()
        .filter_map(|block| block["text"].as_str())
        .collect()
}

/// Kills a process once `shown` is on its stdout, and compares all that it had shown by then with
/// the saved answer.
#[track_caller]
fn kill(reply: impl Fn() -> Reply + Send + Sync + 'static, shown: &str) {
    let (server, home) = (Server::start(move |_, _| reply()), Home::new());
    let running = saying(&server, &home, &["--session", "x", "question"]).spawn();
    server.wait_for_requests(1);
    running.wait_for_stdout(shown).signal(Signal::SIGKILL);
    let outcome = running.finish();
    outcome.signal(9);
    let (shown, kept) = (outcome.stdout_text(), kept(&home));
    assert!(
        kept.starts_with(&shown),
        "{kept:?} is kept, and this was shown: {outcome}"
    );
    assert!(text().starts_with(&kept), "the model never said {kept:?}");
}

/// Calls `act` for every number, with limited parallelism.
fn each(numbers: usize, act: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let act = &act;
            scope.spawn(move || (first..numbers).step_by(AT_ONCE).for_each(act));
        }
    });
}

#[test]
fn what_a_killed_process_had_shown_is_kept_at_two_hundred_points_of_an_answer() {
    each(POINTS, |number| {
        let stream = stream().into_bytes();
        let begun = stream[..stream.len() * number / POINTS].to_vec();
        let shown = known(&begun);
        kill(
            move || Reply::sse_start().body(&begun).wait_for_hang_up(),
            &shown,
        );
    });
}

#[test]
fn what_a_killed_process_had_shown_is_kept_while_the_answer_pours_in() {
    let pouring = || {
        Reply::sse_start()
            .in_pieces_of(7)
            .body(stream())
            .wait_for_hang_up()
    };
    each(2 * PIECES.len(), |number| {
        kill(pouring, &PIECES[..number / 2].concat());
    });
}
