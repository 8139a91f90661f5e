//! Rendered Markdown on a terminal: colours by theme, widths, resizing in the middle, and other
//! output that is rendered.

use crate::support::{
    command::Langdock,
    events::Stream,
    gate::Gate,
    home::Home,
    reply::Reply,
    screen::rows_of,
    sending::{answering, send},
    server::Server,
};

/// A sample of everything that has a colour.
const TEXT: &str = "# Head\n\n`code` and **bold**\n\n```sh\necho 'quoted' # said\n```\n";

#[test]
fn the_theme_of_the_config_file_has_its_colours() {
    let server = answering(TEXT);
    let mut seen: Vec<String> = Vec::new();
    for (theme, heading) in [("auto", 32), ("dark", 111), ("light", 25)] {
        let home = Home::new();
        home.write(
            home.config().join("config.toml"),
            format!("theme = \"{theme}\"\n"),
        );
        let outcome = send(&server)
            .home(&home)
            .args(["Hi"])
            .stdin_null()
            .on_terminal(80, 24)
            .finish();
        outcome
            .code(0)
            .stdout_contains(&format!(";38;5;{heading}mHead"));
        assert!(
            !seen.contains(&outcome.stdout_text()),
            "{theme} looks like another one"
        );
        seen.push(outcome.stdout_text());
    }
    let outcome = send(&server)
        .args(["Hi"])
        .stdin_null()
        .on_terminal(80, 24)
        .finish();
    assert_eq!(
        outcome.stdout_text(),
        seen[0],
        "without a theme it is that for all backgrounds"
    );
    let home = Home::new();
    home.write(home.config().join("config.toml"), "theme = \"lite\"\n");
    send(&server)
        .home(&home)
        .args(["Hi"])
        .run()
        .code(2)
        .stderr_contains("light");
}

#[test]
fn nothing_is_asked_of_the_terminal() {
    let server = answering(TEXT);
    let outcome = send(&server)
        .args(["Hi"])
        .stdin_null()
        .on_terminal(80, 24)
        .finish();
    let text = outcome.code(0).stdout_text();
    // Colours, links and erasing a line: no sequence that a terminal would reply to.
    for part in text.split('\u{1b}').skip(1) {
        let sequence = part.trim_start_matches(|letter: char| {
            letter == '[' || letter == ';' || letter.is_ascii_digit()
        });
        let is_known =
            sequence.starts_with(['m', 'K']) || part.starts_with("]8;;") || part.starts_with('\\');
        assert!(is_known, "{part:?} in {text:?}");
    }
}

#[test]
fn a_terminal_that_only_prints_gets_what_the_model_wrote() {
    let server = answering(TEXT);
    let run = Langdock::shell("TERM=dumb exec langdock send Hi")
        .key()
        .against(&server)
        .env("LANGDOCK_MODEL", "m");
    let outcome = run.stdin_null().on_terminal(80, 24).finish();
    outcome.code(0).stdout(TEXT.replace('\n', "\r\n"));
    let run = Langdock::shell("TERM=dumb exec langdock send --region 'e u' Hi")
        .key()
        .against(&server);
    let outcome = run.stdin_null().on_terminal(80, 24).finish();
    assert!(
        !outcome.code(2).stdout_text().contains('\u{1b}'),
        "{outcome}"
    );
}

#[test]
fn a_terminal_that_becomes_narrower_or_wider_has_its_effect_on_the_next_line() {
    let line = "ten letters ".repeat(9);
    let whole = Stream::new()
        .start()
        .text_block([format!("{line}\n\n"), line.clone()])
        .stop("end_turn");
    let begin = Stream::new()
        .start()
        .open_text_block([format!("{line}\n\n")])
        .to_string();
    let rest = whole.to_string().strip_prefix(&begin).unwrap().to_owned();
    for columns in [40, 120] {
        let (begin, rest, gate) = (begin.clone(), rest.clone(), Gate::new());
        let theirs = gate.clone();
        let server =
            Server::start(move |_, _| Reply::sse_start().body(&begin).wait(&theirs).body(&rest));
        let terminal = send(&server).args(["Hi"]).stdin_null().on_terminal(80, 24);
        terminal.wait_for("letters\r\n").resize(columns, 24);
        gate.open();
        let text = terminal.finish().code(0).stdout_text();
        let (first, second) = text.split_once("\r\n\r\n").expect("two paragraphs");
        let widths = |text: &str| {
            text.lines()
                .map(|line| line.trim_end().chars().count())
                .collect::<Vec<_>>()
        };
        assert_eq!(widths(first), [75, 31], "{text:?}");
        assert_eq!(
            widths(second),
            if columns == 40 {
                vec![39, 35, 31]
            } else {
                vec![107]
            },
            "{text:?}"
        );
    }
}

#[test]
fn a_saved_conversation_is_shown_as_an_answer_is() {
    let (server, home) = (answering(TEXT), Home::new());
    send(&server)
        .home(&home)
        .args(["--session", "x", "Hi"])
        .run()
        .code(0);
    let show = || {
        Langdock::new()
            .home(&home)
            .args(["session", "show", "x"])
            .stdin_null()
    };
    let outcome = show().on_terminal(80, 24).finish();
    outcome
        .code(0)
        .stdout_contains("\u{1b}[0;1;4;38;5;32mx")
        .stdout_contains("\u{1b}[0;1;4;38;5;32mHead");
    let rows = rows_of(&outcome.stdout, 80, 24);
    assert_eq!(&rows[..3], ["x", "You", "Hi"]);
    assert_eq!(
        &rows[4..],
        [
            "Head",
            "`code` and bold",
            "```sh",
            "echo 'quoted' # said",
            "```"
        ]
    );
    home.write(home.config().join("config.toml"), "theme = \"light\"\n");
    show()
        .on_terminal(80, 24)
        .finish()
        .code(0)
        .stdout_contains("\u{1b}[0;1;4;38;5;25mHead");
    let plain = show().env("NO_COLOR", "1").on_terminal(80, 24).finish();
    assert!(!plain.code(0).stdout_text().contains('\u{1b}'), "{plain}");
    plain.stdout_contains("`code` and **bold**");
    let narrow = show()
        .env("COLUMNS", "12")
        .env("NO_COLOR", "1")
        .on_terminal(80, 24)
        .finish();
    assert!(
        narrow.code(0).stdout_text().contains("`code` and\r\n"),
        "{narrow}"
    );
    // Implausible widths are ignored.
    for columns in ["65536", "99999999999", "wide", "0"] {
        let plain_again = show()
            .env("COLUMNS", columns)
            .env("NO_COLOR", "1")
            .on_terminal(80, 24)
            .finish();
        assert_eq!(plain_again.code(0).stdout, plain.stdout, "{columns}");
    }
    show().run().code(0).stdout_contains(TEXT);
}
