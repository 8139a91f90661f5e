//! The numbers of masked secrets: within a conversation, none stands for two of them.

use serde_json::{Value, json};

use super::{aws_key, github_token};
use crate::chat::{ENTER, at_prompt, chat, leave, wait_for_prompt};
use crate::support::{
    home::Home,
    sending::{answering, send},
};
use crate::tools::{calling, done, playing, results, shell_tool};

#[test]
fn in_a_conversation_each_secret_keeps_its_number() {
    let server = answering("ok");
    let (github, aws) = (github_token(), aws_key());
    chat(&server)
        .args(["--secrets", "mask"])
        .stdin_bytes(format!("a {github}\nb {aws}\nc {github}\n"))
        .run()
        .code(0);
    let request = server.requests().pop().expect("a request").json();
    let asked = |index: usize| request["messages"][index]["content"].clone();
    assert_eq!(asked(0), "a [SECRET 1]");
    assert_eq!(asked(2), "b [SECRET 2]");
    assert_eq!(asked(4), "c [SECRET 1]");
}

#[test]
fn a_run_that_continues_a_conversation_goes_on_with_the_next_number() {
    let (server, home) = (answering("ok"), Home::new());
    let run = |session: &str, words: &str| -> Value {
        let args = ["--secrets", "mask", "--session", session, words];
        send(&server).home(&home).args(args).run().code(0);
        let request = server.requests().pop().expect("a request").json();
        let messages = request["messages"].as_array().expect("messages").clone();
        messages.last().expect("a message")["content"].clone()
    };
    assert_eq!(run("s", &github_token()), "[SECRET 1]");
    assert_eq!(run("s", &aws_key()), "[SECRET 2]");
    assert_eq!(run("other", &aws_key()), "[SECRET 1]");
    assert_eq!(
        run("s", &format!("{} {}", aws_key(), github_token())),
        "[SECRET 3] [SECRET 4]"
    );
}

#[test]
fn a_conversation_that_chat_resumes_keeps_its_numbers_apart() {
    let (server, home) = (answering("ok"), Home::new());
    let args = ["--secrets", "mask", "--session", "old", &github_token()];
    send(&server).home(&home).args(args).run().code(0);
    let terminal = at_prompt(&server, &home, &["--secrets", "mask"]);
    terminal.keys(&format!("{}{ENTER}", aws_key()));
    wait_for_prompt(&terminal, 2);
    terminal.keys(&format!("/resume old{ENTER}"));
    wait_for_prompt(&terminal, 3);
    terminal.keys(&format!("{}{ENTER}", aws_key()));
    wait_for_prompt(&terminal, 4);
    leave(terminal).code(0);
    let asked: Vec<Value> = server.requests()[1..]
        .iter()
        .map(|request| {
            let messages = request.json()["messages"].as_array().expect("some").clone();
            messages.last().expect("a message")["content"].clone()
        })
        .collect();
    assert_eq!(asked, ["[SECRET 1]", "[SECRET 2]"]);
}

#[test]
fn a_result_of_a_tool_is_masked_with_the_numbers_of_the_conversation() {
    let home = shell_tool(&format!("echo '{}'", aws_key()), "");
    let server = playing(&[calling(&[("t", json!({}))]), done("Done.")]);
    crate::tools::tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "--secrets", "mask"])
        .args([format!("What is {}?", github_token())])
        .run()
        .code(0);
    let result = &results(&server.requests()[1].json())[0];
    assert_eq!(result["content"], "[SECRET 2]\n");
}
