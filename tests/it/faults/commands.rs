//! The commands that talk to the endpoint. A new command only needs a row here.

use std::thread;

use serde_json::{Value, json};

use super::ending::check;

use crate::support::{
    command::Langdock,
    events::{self, MODEL},
    home::Home,
    reply::Reply,
    request::Request,
    server::Server,
};

/// The text of the answer when nothing goes wrong.
pub(super) const TEXT: &str = "Hello world";

/// Where and in which form a command writes the answer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// Text on stdout, as it arrives.
    Text,
    /// A single object on stdout.
    Object,
    /// A line for each event on stdout, then the object.
    Lines,
    /// Text in the file `answer` of the work directory.
    File,
    /// A record on stdout, for an answer or a failure.
    Record,
    /// A record in the file `answer`.
    RecordFile,
    /// The list of models, complete or not at all.
    List,
    /// A line for each finding, one of which is a failure.
    Findings,
}

/// A command, with the flags that determine its output.
pub(super) struct Row {
    /// Its arguments.
    pub(super) args: &'static [&'static str],
    /// Its stdin; empty means `/dev/null`.
    pub(super) stdin: &'static str,
    /// The form of its output.
    pub(super) form: Form,
    /// Whether the answer is streamed.
    pub(super) streams: bool,
    /// Whether it saves a conversation.
    pub(super) saves: bool,
}

/// The table of commands.
pub(super) const COMMANDS: [Row; 16] = [
    Row::new(&["send", "hello", "-m", MODEL], Form::Text),
    Row::new(
        &["send", "hello", "-m", MODEL, "--set=stream=false"],
        Form::Text,
    )
    .in_one_piece(),
    Row::new(&["send", "hello", "-m", MODEL, "--json"], Form::Object),
    Row::new(
        &["send", "hello", "-m", MODEL, "--json", "--set=stream=false"],
        Form::Object,
    )
    .in_one_piece(),
    Row::new(&["send", "hello", "-m", MODEL, "--jsonl"], Form::Lines),
    Row::new(&["send", "hello", "-m", MODEL, "-o", "answer"], Form::File),
    Row::new(&["send", "-m", MODEL, "--session", "kept"], Form::Text)
        .fed("hello")
        .kept(),
    Row::new(&["tool-run", "hello", "-m", MODEL], Form::Text).kept(),
    Row::new(&["tool-run", "hello", "-m", MODEL, "--json"], Form::Object).kept(),
    Row::new(&["chat", "-m", MODEL], Form::Text)
        .fed("hello\n")
        .kept(),
    Row::new(&["batch", "{text}", "-m", MODEL], Form::Record).fed("hello\n"),
    Row::new(
        &["batch", "{text}", "-m", MODEL, "-o", "answer"],
        Form::RecordFile,
    )
    .fed("hello\n"),
    Row::new(&["models"], Form::List).in_one_piece(),
    Row::new(&["models", "--json"], Form::List).in_one_piece(),
    Row::new(&["doctor"], Form::Findings).in_one_piece(),
    Row::new(&["doctor", "--json"], Form::Findings).in_one_piece(),
];

impl Row {
    const fn new(args: &'static [&'static str], form: Form) -> Self {
        Self {
            args,
            stdin: "",
            form,
            streams: true,
            saves: false,
        }
    }

    const fn in_one_piece(self) -> Self {
        Self {
            streams: false,
            ..self
        }
    }

    const fn fed(self, stdin: &'static str) -> Self {
        Self { stdin, ..self }
    }

    const fn kept(self) -> Self {
        Self {
            saves: true,
            ..self
        }
    }

    /// Begins a run without retries against this base URL, in this home.
    pub(super) fn at(&self, base_url: &str, home: &Home) -> Langdock {
        let langdock = Langdock::new()
            .home(home)
            .key()
            .args(self.args)
            .args(["--max-retries", "0"]);
        self.feed(langdock.env("LANGDOCK_BASE_URL", base_url))
    }

    /// Begins a run without retries against a server, in this home.
    pub(super) fn against(&self, server: &Server, home: &Home) -> Langdock {
        self.at(&server.base_url(), home)
    }

    /// Begins the same run in a shell that executes `before` first, with the redirections in
    /// `after`.
    pub(super) fn in_shell(
        &self,
        before: &str,
        after: &str,
        server: &Server,
        home: &Home,
    ) -> Langdock {
        let script = format!(
            "{before}\nexec langdock {} --max-retries 0 {after}",
            self.args.join(" ")
        );
        self.feed(Langdock::shell(&script).home(home).key().against(server))
    }

    fn feed(&self, langdock: Langdock) -> Langdock {
        if self.stdin.is_empty() {
            langdock
        } else {
            langdock.stdin_bytes(self.stdin)
        }
    }

    /// Returns whether it also reports errors as an object on stderr.
    pub(super) fn tells_objects(&self) -> bool {
        self.args.contains(&"--json")
    }

    /// Returns whether it writes the answer to a file and nothing to stdout.
    pub(super) fn has_file(&self) -> bool {
        matches!(self.form, Form::File | Form::RecordFile)
    }

    /// Returns the exit code of the command if its only call fails with this one. A batch reports
    /// that an item failed, unless all others would fail in the same way.
    pub(super) fn code_of(&self, call: i32) -> i32 {
        match self.form {
            Form::Record | Form::RecordFile if call != 4 => 11,
            _ => call,
        }
    }
}

/// Returns the content of the file `answer`, if it exists.
pub(super) fn file(home: &Home) -> Option<String> {
    std::fs::read_to_string(home.work().join("answer")).ok()
}

/// Returns the reply to a request.
pub(super) type Replies = fn(&Request) -> Reply;

/// Runs a test for every command, all in parallel.
pub(super) fn for_every_command(test: impl Fn(&'static Row) + Sync) {
    thread::scope(|scope| {
        for row in &COMMANDS {
            let test = &test;
            scope.spawn(move || test(row));
        }
    });
}

/// Runs a command against a server that replies like this, and asserts that it sends one request
/// and ends with the outcome of this call, without any content. `run` begins the run.
#[track_caller]
pub(super) fn meets(
    row: &Row,
    fault: &str,
    reply: Replies,
    call: i32,
    run: impl FnOnce(&Row, &Server, &Home) -> Langdock,
) {
    let (server, home) = (Server::start(move |request, _| reply(request)), Home::new());
    let outcome = run(row, &server, &home).run();
    check(fault, row, &home, &outcome, call, "");
    assert_eq!(server.requests().len(), 1, "{fault}\n{outcome}");
}

/// Returns the messages of the only conversation, if there is one.
pub(super) fn conversation(home: &Home) -> Vec<(String, String)> {
    let outcome = Langdock::new()
        .home(home)
        .args(["session", "export", "--json"])
        .run();
    if outcome.code == Some(2) {
        return vec![];
    }
    let messages = outcome.code(0).stdout_json();
    let text = |content: &Value| match content {
        Value::String(text) => text.clone(),
        blocks => blocks
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect(),
    };
    let of = |message: &Value| {
        (
            message["role"].as_str().unwrap().to_owned(),
            text(&message["content"]),
        )
    };
    messages.as_array().unwrap().iter().map(of).collect()
}

/// Returns the body of a successful answer to this request: events, a message, or a list of models.
pub(super) fn good_body(request: &Request) -> String {
    if request.method == "GET" {
        json!({"data": [{"id": MODEL, "type": "model"}], "has_more": false}).to_string()
    } else if request.json()["stream"] == true {
        events::answer(&[TEXT])
    } else {
        events::message(TEXT).to_string()
    }
}

/// Begins a reply with the content type for this request and a `content-length`.
pub(super) fn begun(request: &Request) -> Reply {
    let kind = match request.method.as_str() {
        "POST" if request.json()["stream"] == true => "text/event-stream",
        _ => "application/json",
    };
    Reply::status(200).header("content-type", kind)
}

/// Returns a server that answers successfully.
pub(super) fn good() -> Server {
    Server::start(|request, _| begun(request).body(good_body(request)))
}

#[test]
fn every_command_of_the_table_answers_where_nothing_goes_wrong() {
    for row in &COMMANDS {
        let (server, home) = (good(), Home::new());
        let outcome = row.against(&server, &home).run();
        super::ending::answered("nothing", row, &home, &outcome);
        assert!(outcome.stderr.is_empty() || row.saves, "{outcome}");
        server.only_request();
    }
}
