//! Whole conversations on small and large terminals, with everything that users do in one: in the
//! end, the screen and the file agree.

use serde_json::{Value, json};

use super::{ENTER, chat, leave, messages, said, wait_for_prompt};
use crate::support::{
    command::Langdock,
    events::{Stream, answer},
    home::Home,
    pty::{CTRL_C, Terminal},
    reply::Reply,
    server::Server,
};

/// A GIF of one pixel.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Answers each request with its number; the answer to `Stop` never ends.
fn server() -> Server {
    Server::start(|request, nth| {
        let body = request.json();
        let last = &body["messages"].as_array().unwrap().last().unwrap()["content"];
        if last == "Stop" {
            let begun = Stream::new()
                .start()
                .open_text_block([format!("half of answer {nth}")])
                .to_string();
            return Reply::sse_start().body(begun).wait_for_hang_up();
        }
        Reply::sse(answer(&[&format!("answer {nth}")]))
    })
}

/// Types a line and waits for the next prompt.
fn line(terminal: &Terminal, prompts: &mut usize, keys: &str) {
    terminal.keys(keys).keys(ENTER);
    *prompts += 1;
    wait_for_prompt(terminal, *prompts);
}

/// Returns everything that was shown on a terminal of this width, including what has scrolled away.
fn screen(bytes: &[u8], columns: u16) -> String {
    let size = |number: u16| number.try_into().unwrap();
    // Nothing moves the cursor to an absolute row, so a taller screen works like a scrollback
    // buffer.
    let mut screen = vt100::Parser::new(size(2000), size(columns), 0);
    screen.process(bytes);
    screen.screen().contents()
}

/// Returns the texts in the file in order, as far as the conversation would be continued from them.
fn in_file(home: &Home) -> Vec<String> {
    let shown = Langdock::new()
        .home(home)
        .args(["session", "show", "--json"])
        .run();
    let mut said: Vec<(Value, String)> = vec![];
    for turn in shown.code(0).stderr_empty().stdout_json()["turns"]
        .as_array()
        .unwrap()
    {
        let blocks = turn["content"].as_array().unwrap();
        let text: String = blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect();
        match said.last_mut() {
            // The continuation of an answer.
            Some((role, before)) if *role == turn["role"] => before.push_str(&text),
            _ => said.push((turn["role"].clone(), text)),
        }
    }
    said.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn screen_and_file_agree_after_all_that_people_do() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let (server, home) = (server(), Home::new());
        home.write("work/picture.gif", GIF);
        let pasted = (1..=300)
            .map(|number| format!("pasted line {number}"))
            .collect::<Vec<_>>()
            .join("\n");
        let terminal = chat(&server).home(&home).on_terminal(columns, rows);
        let prompts = &mut 1;
        wait_for_prompt(&terminal, 1);
        line(&terminal, prompts, "One");
        line(
            &terminal,
            prompts,
            &format!("\x1b[200~{}\x1b[201~", pasted.replace('\n', "\r")),
        );
        line(&terminal, prompts, "\x1b[A"); // Recalls all of it,
        line(&terminal, prompts, "/und\t"); // and takes it back.
        terminal
            .keys("Stop")
            .keys(ENTER)
            .wait_for("half of answer 3")
            .keys(CTRL_C);
        *prompts += 1;
        wait_for_prompt(&terminal, *prompts);
        line(&terminal, prompts, "/continue");
        line(&terminal, prompts, "Again");
        line(&terminal, prompts, "/retry");
        line(&terminal, prompts, "/image pic\t");
        line(&terminal, prompts, "/model claude-other");
        line(&terminal, prompts, "Look");
        terminal.keys("/exit").keys(ENTER);
        let outcome = terminal.finish();
        outcome.code(0);
        let expected = [
            ("One", "answer 0"),
            (&pasted, "answer 1"),
            ("Stop", "half of answer 3answer 4"),
            ("Again", "answer 6"),
            ("Look", "answer 7"),
        ];
        assert_eq!(
            in_file(&home),
            expected
                .iter()
                .flat_map(|(asked, answer)| [*asked, *answer])
                .collect::<Vec<_>>()
        );

        let shown = screen(&outcome.stdout, columns);
        let mut rest = shown.as_str();
        for (asked, answer) in &expected {
            for part in [
                asked.lines().last().unwrap(),
                answer.strip_suffix("answer 4").unwrap_or(answer),
            ] {
                let place = rest
                    .find(part)
                    .unwrap_or_else(|| panic!("{part:?} is not on the screen:\n{shown}"));
                rest = &rest[place + part.len()..];
            }
        }
        assert_eq!(
            shown.matches("pasted line 300").count(),
            2,
            "what was pasted and recalled is drawn once each: {shown}"
        );
        assert_eq!(server.requests()[7].json()["model"], "claude-other");
        assert_eq!(said(&server, 7)[0]["type"], "image");

        let terminal = chat(&server)
            .home(&home)
            .args(["-c"])
            .on_terminal(columns, rows);
        terminal.wait_for("> Look").wait_for("answer 7");
        wait_for_prompt(&terminal, 1);
        line(&terminal, &mut 1, "Last");
        leave(terminal).code(0);
        let sent = messages(&server, 8);
        let sent = sent.as_array().unwrap();
        assert_eq!((sent.len(), &sent[10]["content"]), (11, &json!("Last")));
        assert_eq!(sent[2]["content"], pasted.as_str());
    }
}
