//! The examples in the man pages, all of which work.

use nix::sys::signal::Signal;

use crate::support::{
    command::Langdock, events::answer, home::Home, mcp_server::McpServer, picture::png,
    reply::Reply, server::Server,
};

/// Returns the examples of a page, which must have some.
pub(super) fn examples(page: &str) -> &'static [(&'static str, &'static str)] {
    let examples = langdock::examples(page.trim_start_matches("langdock").trim_start_matches('-'));
    assert!(!examples.is_empty(), "{page} has no examples");
    examples
}

#[test]
fn each_example_of_the_man_pages_works() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "GET" => Reply::json(
            200,
            &serde_json::json!({"data": [{"id": "claude-3-haiku-20240307"}]}),
        ),
        _ if request.json()["stream"] == true => {
            Reply::sse(answer(&["Here:\n\n", "```sh\nwc -l\n", "```\n"]))
        }
        _ => Reply::json(200, &crate::support::events::message("All of it.")),
    });
    let home = Home::new();
    home.write("work/notes.md", "# Notes\n");
    home.write("work/lines.txt", "One.\nTwo.\n");
    home.write("work/key.txt", "sk-ld-of-the-examples\n");
    home.write("work/photo.png", png(1, 1));
    home.write("work/src/main.rs", "fn main() {}\n");
    home.write(
        "work/weather.toml",
        crate::tools::toml("weather", "echo sunny", ""),
    );
    let functions = "on_list() { result \"{\\\"tools\\\":[$(tool read_file Reads.)]}\"; }";
    let servers = McpServer::new("files", functions).write(&home);
    std::fs::rename(servers, home.work().join("servers.json")).unwrap();
    let clock = home.write(
        "work/clock",
        "#!/bin/sh\necho '{\"name\": \"clock\", \"input_schema\": {\"type\": \"object\"}}'\n",
    );
    std::fs::set_permissions(clock, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home.write(
        "work/review.md",
        "+++\nsystem = \"Be kind.\"\n+++\n\nReview this {{language}}.\n",
    );
    for (page, what, script) in all().filter(|(page, ..)| page != SERVE) {
        let run = Langdock::shell(script).home(&home).key().against(&server);
        let outcome = run.env("LANGDOCK_MODEL", "claude-3-haiku-20240307").run();
        assert_eq!(outcome.code, Some(0), "{page}: {what}\n{outcome}");
    }
    // The first example stops the server it starts; the others run until they are stopped.
    let (first, others) = examples(SERVE).split_first().unwrap();
    let outcome = Langdock::shell(first.1).home(&home).key().run();
    assert_eq!(outcome.code, Some(0), "{}\n{outcome}", first.0);
    home.write(
        "work/answers.jsonl",
        "{\"format\": \"langdock-record\", \"version\": 1}\n",
    );
    for (_, script) in others {
        let running = Langdock::shell(&format!("exec {script}"))
            .home(&home)
            .spawn();
        running
            .wait_for_stdout("/anthropic/eu\n")
            .signal(Signal::SIGTERM);
        running.finish().signal(15);
    }
}

/// The page of the command that runs until it is stopped.
const SERVE: &str = "langdock-serve";

/// Returns the examples of all pages, each with the name of its page.
fn all() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    let pages = super::commands()
        .into_iter()
        .filter(|(words, _)| words.len() <= 1);
    let names = pages.map(|(words, _)| {
        words
            .iter()
            .fold("langdock".to_owned(), |page, word| format!("{page}-{word}"))
    });
    names.flat_map(|page| {
        examples(&page)
            .iter()
            .map(move |(what, script)| (page.clone(), *what, *script))
    })
}
