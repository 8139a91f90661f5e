//! Faults in the middle of a conversation: of a chat on a terminal, and of the requests after tool
//! calls.

use super::{
    body,
    commands::{Replies, conversation},
    ending::check_clean,
    head,
};
use crate::{
    chat::{ENTER, at_prompt, leave, said, wait_for_prompt},
    support::{
        command::Langdock,
        events::{MODEL, Stream, answer},
        home::Home,
        reply::Reply,
        server::Server,
    },
};

/// Returns every fault without any content, with its exit code for a streamed answer.
fn faults() -> Vec<(&'static str, i32, Replies)> {
    let heads = head::FAULTS.into_iter();
    let bodies = body::FAULTS
        .into_iter()
        .map(|(name, [streamed, ..], reply)| (name, streamed, reply));
    heads
        .chain(bodies)
        .filter(|(_, code, _)| *code != 8)
        .collect()
}

#[test]
fn a_person_is_told_of_each_fault_and_has_the_text_again() {
    let (faults, home) = (faults(), Home::new());
    let count = faults.len();
    let server = Server::start(move |request, nth| match faults.get(nth) {
        Some((.., reply)) => reply(request),
        None => Reply::sse(answer(&["At last."])),
    });
    let terminal = at_prompt(&server, &home, &["--max-retries", "0", "--no-pace"]);
    terminal.keys("My question").keys(ENTER);
    for prompts in 2..=count + 1 {
        wait_for_prompt(&terminal, prompts);
        terminal.keys(ENTER);
    }
    wait_for_prompt(&terminal, count + 2);
    let outcome = leave(terminal);
    outcome.code(0).stdout_contains("At last.");
    check_clean("a chat at a terminal", &outcome);
    assert_eq!(
        outcome.stdout_text().matches("langdock: error: ").count(),
        count,
        "{outcome}"
    );
    assert_eq!(server.requests().len(), count + 1);
    for nth in 0..=count {
        assert_eq!(said(&server, nth), "My question", "{nth}");
    }
    let roles: Vec<_> = conversation(&home)
        .into_iter()
        .map(|(role, _)| role)
        .collect();
    assert_eq!(
        roles,
        ["user", "assistant"],
        "what nobody answered is no part of what is sent"
    );
}

#[test]
fn after_calls_of_tools_each_fault_leaves_what_was_said_and_done() {
    for (fault, code, reply) in faults() {
        let call = Stream::new()
            .start()
            .text_block(["Wait."])
            .tool_use_block("toolu_1", "shout", ["{}"])
            .stop("tool_use");
        let call = call.to_string();
        let server = Server::start(move |request, nth| {
            if nth == 0 {
                Reply::sse(&call)
            } else {
                reply(request)
            }
        });
        let home = Home::new();
        let tool = "name = \"shout\"\ndescription = \"Shout.\"\nshell = \"echo HO\"\n[tool.input_schema]\ntype = \"object\"\n";
        home.write("work/tools.toml", format!("[[tool]]\n{tool}"));
        let args = [
            "tool-run",
            "hello",
            "-m",
            MODEL,
            "-y",
            "-T",
            "./tools.toml",
            "--max-retries",
            "0",
            "--no-pace",
        ];
        let outcome = Langdock::new()
            .home(&home)
            .key()
            .against(&server)
            .args(args)
            .run();
        outcome.failure(code);
        check_clean(fault, &outcome);
        outcome.stdout("Wait.\n");
        assert_eq!(server.requests().len(), 2, "{fault}\n{outcome}");
        let exported = Langdock::new()
            .home(&home)
            .args(["session", "export", "--json"])
            .run()
            .code(0)
            .stdout_json();
        let roles: Vec<_> = exported
            .as_array()
            .unwrap()
            .iter()
            .map(|said| said["role"].clone())
            .collect();
        assert_eq!(roles, ["user", "assistant", "user"], "{fault}\n{exported}");
        // Results that the API refused are not sent again.
        let exported = exported.to_string();
        let is_refused = exported.contains("because the API refused");
        assert_ne!(exported.contains("HO"), is_refused, "{fault}\n{exported}");
        assert!(!is_refused || code == 3, "{fault}\n{exported}");
    }
}
