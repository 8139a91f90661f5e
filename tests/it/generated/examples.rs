//! The examples of the man pages, each of which works.

use crate::support::{command::Langdock, events::answer, home::Home, reply::Reply, server::Server};

/// An example: what it does and what to type.
pub(super) type Example = (&'static str, &'static str);

/// The examples of the page of the program itself.
const PROGRAM: [Example; 3] = [
    ("Without a key, from the built-in endpoint:", "langdock --demo send -m claude-3-haiku-20240307 'What is this?'"),
    ("With a key, after LANGDOCK_API_KEY and LANGDOCK_MODEL were set:", "langdock send 'Name three rivers.'"),
    ("About the output of another program:", "git diff | langdock send 'Write a commit message for this.'"),
];

/// The examples of `send`.
const SEND: [Example; 9] = [
    ("Ask:", "langdock send -m claude-3-haiku-20240307 'Name three rivers.'"),
    ("Ask about the output of another program:", "git diff | langdock send 'Write a commit message for this.'"),
    ("Ask about files:", "langdock send -f notes.md -f photo.png 'Which of the notes is about the photo?'"),
    ("Ask about the text files of a folder:", "langdock send -f src/ 'What does this program do?'"),
    ("Use a saved prompt:", "langdock send -t ./review.md -p language=Rust -f src/main.rs"),
    ("Take the code out of the answer:", "langdock send -x --lang sh -o count.sh 'A shell script that counts lines'"),
    ("See what would be sent:", "langdock send --dry-run --temperature 0.2 -s 'Be brief.' 'Name three rivers.'"),
    ("Get the whole message object, in one piece:", "langdock send --json --no-stream 'Name three rivers.'"),
    (
        "Set a field of the request that has no flag:",
        "langdock send --set 'thinking={\"type\":\"enabled\",\"budget_tokens\":1024}' 'How many primes are below 50?'",
    ),
];

/// The examples of `template`.
const TEMPLATE: [Example; 2] = [
    ("Name the saved prompts:", "langdock template list"),
    ("See one, here of a file elsewhere:", "langdock template show ./review.md"),
];

/// The examples of `completions`.
const COMPLETIONS: [Example; 3] = [
    (
        "bash:",
        "mkdir -p ~/.local/share/bash-completion/completions\n\
         langdock completions bash > ~/.local/share/bash-completion/completions/langdock",
    ),
    (
        "fish:",
        "mkdir -p ~/.config/fish/completions\n\
         langdock completions fish > ~/.config/fish/completions/langdock.fish",
    ),
    (
        "zsh, with ~/.zfunc in fpath:",
        "mkdir -p ~/.zfunc\n\
         langdock completions zsh > ~/.zfunc/_langdock",
    ),
];

/// Returns the examples of a page.
pub(super) fn examples(page: &str) -> &'static [Example] {
    match page {
        "langdock" => &PROGRAM,
        "langdock-send" => &SEND,
        "langdock-template" => &TEMPLATE,
        "langdock-completions" => &COMPLETIONS,
        _ => panic!("{page} has no examples"),
    }
}

#[test]
fn each_example_of_the_man_pages_works() {
    let server = Server::start(|request, _| match request.json()["stream"].as_bool() {
        Some(true) => Reply::sse(answer(&["Here:\n\n", "```sh\nwc -l\n", "```\n"])),
        _ => Reply::json(200, &crate::support::events::message("All of it.")),
    });
    let home = Home::new();
    home.write("work/notes.md", "# Notes\n");
    home.write("work/photo.png", png());
    home.write("work/src/main.rs", "fn main() {}\n");
    home.write("work/review.md", "+++\nsystem = \"Be kind.\"\n+++\n\nReview this {{language}}.\n");
    for (what, script) in PROGRAM.iter().chain(&SEND).chain(&TEMPLATE).chain(&COMPLETIONS) {
        let run = Langdock::shell(script).home(&home).key().against(&server);
        let outcome = run.env("LANGDOCK_MODEL", "claude-3-haiku-20240307").run();
        assert_eq!(outcome.code, Some(0), "{what}\n{outcome}");
    }
}

/// Returns the first bytes of a picture of one pixel, which are all that is looked at.
fn png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec();
    bytes.extend([0x90, 0x77, 0x53, 0xde]);
    bytes
}
