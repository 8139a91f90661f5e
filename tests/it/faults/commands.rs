//! The commands that talk to the endpoint. A new one needs a row here, and nothing else.

use serde_json::json;

use crate::support::{
    command::Langdock,
    events::{self, MODEL},
    home::Home,
    reply::Reply,
    request::Request,
    server::Server,
};

/// The text of the answer that a server gives when nothing goes wrong.
pub(super) const TEXT: &str = "Hello world";

/// Where a command puts what came of an answer, and in which form.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// The text, on stdout as it comes.
    Text,
    /// One object on stdout.
    Object,
    /// A line for each event on stdout, and the object.
    Lines,
    /// The text, in the file `answer` of the work folder.
    File,
    /// Something else, all at once or not at all.
    Other,
}

/// A command with the flags that make its output what it is.
pub(super) struct Row {
    /// Its words.
    pub(super) args: &'static [&'static str],
    /// Where its answer goes.
    pub(super) form: Form,
    /// Whether the answer comes in events.
    pub(super) streams: bool,
}

/// The table.
pub(super) const COMMANDS: [Row; 8] = [
    Row { args: &["send", "hello", "-m", MODEL], form: Form::Text, streams: true },
    Row { args: &["send", "hello", "-m", MODEL, "-S"], form: Form::Text, streams: false },
    Row { args: &["send", "hello", "-m", MODEL, "--json"], form: Form::Object, streams: true },
    Row { args: &["send", "hello", "-m", MODEL, "--json", "-S"], form: Form::Object, streams: false },
    Row { args: &["send", "hello", "-m", MODEL, "--jsonl"], form: Form::Lines, streams: true },
    Row { args: &["send", "hello", "-m", MODEL, "-o", "answer"], form: Form::File, streams: true },
    Row { args: &["models"], form: Form::Other, streams: false },
    Row { args: &["models", "--json"], form: Form::Other, streams: false },
];

impl Row {
    /// Begins a run against this base URL, in this home, that tries once.
    pub(super) fn at(&self, base_url: &str, home: &Home) -> Langdock {
        let langdock = Langdock::new().home(home).key().args(self.args).args(["--max-retries", "0"]);
        langdock.env("LANGDOCK_BASE_URL", base_url)
    }

    /// Begins a run against a server, in this home, that tries once.
    pub(super) fn against(&self, server: &Server, home: &Home) -> Langdock {
        self.at(&server.base_url(), home)
    }

    /// The same from a shell, which does `before` to itself and redirects the command's streams as `after` says.
    pub(super) fn in_shell(&self, before: &str, after: &str, server: &Server, home: &Home) -> Langdock {
        let script = format!("{before}\nexec langdock {} --max-retries 0 {after}", self.args.join(" "));
        Langdock::shell(&script).home(home).key().against(server)
    }

    /// Tells whether errors are told as an object on stderr too.
    pub(super) fn tells_objects(&self) -> bool {
        self.args.contains(&"--json")
    }
}

/// Returns the body of a good answer to this request: events, a message, or a list of models.
pub(super) fn good_body(request: &Request) -> String {
    if request.method == "GET" {
        json!({"data": [{"id": MODEL, "type": "model"}], "has_more": false}).to_string()
    } else if request.json()["stream"] == true {
        events::answer(&[TEXT])
    } else {
        events::message(TEXT).to_string()
    }
}

/// Begins a reply of the kind that this request is answered with, whose body is framed by its length.
pub(super) fn begun(request: &Request) -> Reply {
    let kind = match request.method.as_str() {
        "POST" if request.json()["stream"] == true => "text/event-stream",
        _ => "application/json",
    };
    Reply::status(200).header("content-type", kind)
}

/// Returns a server that answers well.
pub(super) fn good() -> Server {
    Server::start(|request, _| begun(request).body(good_body(request)))
}

#[test]
fn every_command_of_the_table_answers_where_nothing_goes_wrong() {
    for row in &COMMANDS {
        let (server, home) = (good(), Home::new());
        let outcome = row.against(&server, &home).run();
        outcome.code(0).stderr_empty();
        let file = home.work().join("answer");
        let said = if row.form == Form::File { std::fs::read_to_string(file).unwrap() } else { outcome.stdout_text() };
        assert!(said.contains(if row.form == Form::Other { MODEL } else { TEXT }), "{outcome}");
        assert_eq!(outcome.stdout.is_empty(), row.form == Form::File, "{outcome}");
        server.only_request();
    }
}
