//! The lists that commands print.

use serde_json::json;

use super::{ENTER, at_prompt, chat, commands::typed, leave, wait_for_prompt};
use crate::support::{
    events::{MODEL, answer},
    home::Home,
    reply::Reply,
    sending::answering,
    server::Server,
};

/// Answers every message, and has two models.
fn with_models() -> Server {
    Server::start(|request, _| match request.method.as_str() {
        "GET" => {
            let model = |id| json!({"id": id, "type": "model"});
            let list = json!({"data": [model(MODEL), model("claude-b")], "has_more": false});
            Reply::json(200, &list)
        }
        _ => Reply::sse(answer(&["ok"])),
    })
}

#[test]
fn a_model_is_chosen_by_its_number_in_the_list() {
    let (server, home) = (with_models(), Home::new());
    let screen = typed(
        at_prompt(&server, &home, &[]),
        &["/model", "/model 2", "/model 9", "Hi"],
    );
    assert!(
        screen.contains(&format!("* 1  {MODEL}\r\n  2  claude-b\r\n")),
        "{screen}"
    );
    assert!(screen.contains("now using model claude-b"), "{screen}");
    assert!(
        screen.contains("the list of models has no number 9"),
        "{screen}"
    );
    let requests = server.requests();
    assert_eq!(requests.last().unwrap().json()["model"], "claude-b");
}

#[test]
fn the_list_and_the_prompt_fit_the_terminal_whatever_the_titles_are_in() {
    let (server, home) = (answering("ok"), Home::new());
    let title = "長い題名について、そして川の長さについて".repeat(3);
    let terminal = chat(&server).home(&home).on_terminal(40, 24);
    wait_for_prompt(&terminal, 1);
    for (line, prompts) in [(&*title, 2), ("/sessions", 3), ("/sessions 題名", 4)] {
        terminal.keys(line).keys(ENTER);
        wait_for_prompt(&terminal, prompts);
    }
    let screen = leave(terminal).code(0).stdout_text().clone();
    let rows: Vec<&str> = screen
        .lines()
        .filter(|row| row.contains(" · ") || row.contains("ago"))
        .filter_map(|row| row.rsplit("\x1b[J").next()?.rsplit("\x1b[K").next())
        .collect();
    assert!(rows.len() >= 4, "{screen}");
    for row in rows {
        let width = unicode_width::UnicodeWidthStr::width(row);
        assert!(width <= 40, "{width}: {row}");
    }
}
