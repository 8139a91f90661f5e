//! Templates, and prompts written in an editor.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{
    command::Langdock,
    events::MODEL,
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::{answering, send},
    server::Server,
};

/// Creates a home with one template, `ask`.
fn home(text: &str) -> Home {
    let home = Home::new();
    home.write(home.config().join("templates/ask.md"), text);
    home
}

#[track_caller]
fn body(text: &str, with: impl FnOnce(Langdock) -> Langdock) -> Value {
    let server = answering("ok");
    with(send(&server).home(&home(text)).args(["-t", "ask"]))
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request().json()
}

#[track_caller]
fn refused(text: &str, args: &[&str]) -> Outcome {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server).home(&home(text)).args(args).run();
    outcome.code(2).stdout("");
    outcome
}

#[test]
fn the_head_sets_the_request_and_flags_go_before_it() {
    let head = "+++\nmodel = \"of-head\"\nsystem = \"@S {{x}}\"\nmax_tokens = 5\ntemperature = 0.5\ntop_k = 3\n\
                stop = [\"END\"]\nprefill = \"{ \"\n+++\nAsk {{prompt}}\n";
    let sent = body(head, |run| run.args(["-p", "x=y", "Hi"]));
    let expected = json!({
        "model": "of-head", "max_tokens": 5, "system": "@S y", "temperature": 0.5, "top_k": 3, "stop_sequences": ["END"],
        "messages": [{"role": "user", "content": "Ask Hi"}, {"role": "assistant", "content": "{"}], "stream": true,
    });
    assert_eq!(sent, expected);
    let flags = [
        "-p",
        "x=y",
        "Hi",
        "-m",
        "of-flag",
        "--max-tokens",
        "6",
        "-s",
        "S",
        "--stop",
        "X",
        "--prefill",
        "[",
    ];
    let sent = body(head, |run| run.args(flags));
    assert_eq!(
        (&sent["model"], &sent["max_tokens"]),
        (&json!("of-flag"), &json!(6))
    );
    assert_eq!(
        (&sent["system"], &sent["stop_sequences"]),
        (&json!("S"), &json!(["X"]))
    );
    assert_eq!(sent["messages"][1]["content"], "[");
}

#[test]
fn stdin_stands_in_its_place_or_in_a_frame() {
    let sent = body("Look: {{stdin}}!", |run| run.stdin_bytes("in"));
    assert_eq!(sent["messages"][0]["content"], "Look: in!");
    let sent = body("Look", |run| run.stdin_bytes("in\n"));
    let expected = json!([{"type": "text", "text": "<stdin>\nin\n</stdin>"}, {"type": "text", "text": "Look"}]);
    assert_eq!(sent["messages"][0]["content"], expected);
}

#[test]
fn what_does_not_fit_a_template_is_refused_by_name() {
    refused("x", &["-t", "asks"])
        .stderr_contains("no template `asks` in `")
        .stderr_contains("did you mean `ask`?");
    refused("{{a}}", &["-t", "ask"])
        .stderr_contains("the template needs the parameter `a`: add -p a=VALUE");
    refused("{{a}}", &["-t", "ask", "-p", "a=1", "-p", "b=2"])
        .stderr_contains("for the parameter `b`");
    refused("{{stdin}}", &["-t", "ask"]).stderr_contains("needs standard input");
    let outcome = refused("+++\nmodel = \"m\"\ntool = 1\n+++\n", &["-t", "ask", "Hi"]);
    outcome.stderr_contains("templates/ask.md`: line 3: unknown key `tool`");
    refused("x", &["-t", "ask", "-p", "stdin=x"]).stderr_contains("`stdin` is not a parameter");
}

#[test]
fn templates_are_listed_and_shown() {
    let home = home("+++\n+++\nWhy?\n");
    home.write(home.config().join("templates/also.md"), "x");
    home.write(home.config().join("templates/not.txt"), "x");
    let run = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["template"])
            .args(args)
            .run()
    };
    run(&["list"]).code(0).stdout("also\nask\n").stderr_empty();
    run(&["show", "ask"])
        .code(0)
        .stdout("+++\n+++\nWhy?\n")
        .stderr_empty();
    run(&["show", "none"])
        .code(2)
        .stdout("")
        .stderr_contains("no template `none`");
    run(&["list", "--demo"]).code(0).stdout("also\nask\n");
    let outcome = Langdock::new().args(["template", "list"]).run();
    outcome
        .code(0)
        .stdout("")
        .stderr_contains("no templates in `");
}

#[test]
fn the_editor_begins_with_the_prompt_and_an_empty_end_is_refused() {
    let (server, home) = (answering("ok"), Home::new());
    let run = |editor: &str| {
        send(&server)
            .home(&home)
            .env("VISUAL", editor)
            .env("EDITOR", "false")
            .args(["-e", "Hi"])
    };
    let script = "sh -c 'ls -l \"$0\" | cut -c1-10 >mode; cp \"$0\" before; echo after >\"$0\"'";
    run(script)
        .on_terminal(80, 24)
        .finish()
        .code(0)
        .stdout_contains("ok");
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        "after"
    );
    assert_eq!(
        std::fs::read_to_string(home.work().join("before")).unwrap(),
        "Hi"
    );
    assert_eq!(
        std::fs::read_to_string(home.work().join("mode")).unwrap(),
        "-rw-------\n"
    );
    run("truncate -s 0")
        .on_terminal(80, 24)
        .finish()
        .code(2)
        .stdout_contains("the edited prompt is empty");
    run("false")
        .on_terminal(80, 24)
        .finish()
        .code(2)
        .stdout_contains("the editor `false` failed");
    assert_eq!(
        std::fs::read_dir(home.path().join("tmp")).unwrap().count(),
        0,
        "the draft is taken away"
    );
    for (flags, code, drafts) in [
        (&["-n"][..], 3, 1),
        (&["-n", "-q"], 3, 1),
        (&["--session", "s"], 3, 1),
    ] {
        let (refusing, home) = (Server::start(|_, _| Reply::status(400)), Home::new());
        let langdock = send(&refusing)
            .home(&home)
            .env("EDITOR", "echo there >>")
            .args(["-e", "Hi"])
            .args(flags);
        let outcome = langdock.on_terminal(200, 24).finish();
        let left: Vec<_> = std::fs::read_dir(home.path().join("tmp"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(
            (outcome.code, left.len()),
            (Some(code), drafts),
            "what got no answer: {outcome}"
        );
        for file in left {
            assert_eq!(
                std::fs::read_to_string(&file).unwrap().trim_end(),
                "Hithere"
            );
            outcome.stdout_contains(&format!(
                "langdock: what you wrote is in `{}`",
                file.display()
            ));
        }
    }
    run("true")
        .run()
        .code(2)
        .stdout("")
        .stderr_contains("--edit needs a terminal");
    assert_eq!(server.requests().len(), 1);
}

/// Asserts that the terminal shows the path of the only draft, and returns its content.
#[track_caller]
fn left_draft(home: &Home, outcome: &Outcome) -> String {
    let left: Vec<_> = std::fs::read_dir(home.path().join("tmp"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(left.len(), 1, "{left:?}\n{outcome}");
    outcome.stdout_contains(&format!(
        "langdock: what you wrote is in `{}`",
        left[0].display()
    ));
    std::fs::read_to_string(&left[0]).unwrap()
}

#[test]
fn what_was_written_stays_where_the_editor_fails_or_is_interrupted() {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let edit = |home: &Home, editor: &str| {
        send(&server)
            .home(home)
            .env("VISUAL", editor)
            .args(["-e", "Hi"])
            .on_terminal(200, 24)
    };
    let home = Home::new();
    let outcome = edit(&home, "sh -c 'echo there >>\"$0\"; exit 1'").finish();
    assert_eq!(left_draft(&home, outcome.code(2)), "Hithere\n");
    outcome.stdout_contains("nothing was sent");
    for (write, left) in [("echo there >>\"$0\"", 1), ("true", 0), (": >\"$0\"", 0)] {
        let home = Home::new();
        let terminal = edit(&home, &format!("sh -c '{write}; echo written; read line'"));
        terminal.wait_for("written");
        terminal.signal(Signal::SIGTERM);
        let outcome = terminal.finish();
        outcome.signal(15);
        if left == 1 {
            assert_eq!(left_draft(&home, &outcome), "Hithere\n");
        }
        assert_eq!(
            std::fs::read_dir(home.path().join("tmp")).unwrap().count(),
            left,
            "{write}"
        );
    }
}

#[test]
fn the_template_of_a_batch_stays_until_all_is_answered() {
    let (server, home) = (answering("ok"), Home::new());
    let batch = |items: &str| {
        let batch = Langdock::new()
            .home(&home)
            .key()
            .against(&server)
            .env("LANGDOCK_MODEL", MODEL);
        batch
            .env("VISUAL", "echo {text} >>")
            .args(["batch", "-e", "Sum: ", "-i", items])
            .on_terminal(200, 24)
            .finish()
    };
    home.write("work/items.txt", "one\n");
    batch("items.txt").code(0);
    assert_eq!(
        std::fs::read_dir(home.path().join("tmp")).unwrap().count(),
        0
    );
    let outcome = batch("missing.txt");
    assert_eq!(left_draft(&home, outcome.code(1)), "Sum: {text}\n");
}
