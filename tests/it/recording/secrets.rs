//! No record has a secret in it, in whatever form a server sends it back.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::{RECORD, Recorded};
use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, Stream, answer},
    home::Home,
    reply::Reply,
    server::Server,
};

/// The password of the proxy, as it is and as it is written in a URL.
const PASSWORD: (&str, &str) = ("pr0xy/pass:word", "pr0xy%2Fpass%3Aword");

/// What a cookie is set to.
const COOKIE: &str = "c00kie-0123456789";

/// Returns a secret in the forms that encoders write, each with a name.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let each = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let mut forms = vec![
        ("as it is", secret.to_owned()),
        ("percent-encoded", each(&|byte| format!("%{byte:02X}"))),
        (
            "percent-encoded in lower case",
            each(&|byte| format!("%{byte:02x}")),
        ),
        ("escaped for JSON", each(&|byte| format!("\\u{byte:04x}"))),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("upper hexadecimal", each(&|byte| format!("{byte:02X}"))),
        ("HTML", each(&|byte| format!("&#{byte};"))),
        ("HTML in hexadecimal", each(&|byte| format!("&#x{byte:x};"))),
    ];
    for before in ["", "a", "Bearer ", "ada:"] {
        let whole = format!("{before}{secret}");
        forms.push(("base64", STANDARD.encode(&whole)));
        forms.push(("base64 for URLs", URL_SAFE_NO_PAD.encode(&whole)));
    }
    forms
}

/// Returns the pieces of a form that give it away: of base64 those that depend on nothing else.
fn telling(name: &str, form: &str) -> String {
    if !name.starts_with("base64") {
        return form.to_owned();
    }
    let own = form.trim_end_matches('=');
    own[12..own.len() - 4].to_owned()
}

/// Asserts that no file of a directory has one of the test secrets in any form.
#[track_caller]
pub(super) fn assert_no_secret(directory: &Path) {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            // A backslash is doubled where JSON is in a JSON string.
            let text = text.replace("\\\\", "\\");
            for secret in [KEY, PASSWORD.0, PASSWORD.1, COOKIE] {
                for (name, form) in forms(secret) {
                    let telling = telling(name, &form);
                    assert!(
                        !text.contains(&telling),
                        "{} has {secret} {name}: {telling}",
                        path.display()
                    );
                }
            }
        }
    }
}

fn echo() -> String {
    let secrets = [KEY, PASSWORD.0, PASSWORD.1, COOKIE];
    let forms = secrets.into_iter().flat_map(forms);
    let echoed: Vec<String> = forms.map(|(_, form)| format!("<{form}>")).collect();
    echoed.concat()
}

#[test]
fn a_server_that_echoes_secrets_in_every_form_gets_none_into_a_record() {
    let cookie = format!("session={COOKIE}; Path=/; HttpOnly");
    let plain = move |reply: Reply| {
        reply
            .header("set-cookie", &cookie)
            .header("x-echo", echo().replace('\n', " "))
    };
    let server = Server::start(move |_, nth| {
        let echoed = echo();
        match nth {
            // A page of a proxy, with bytes that are not UTF-8.
            0 => plain(Reply::status(502)).body([b"\xff\xfe", echoed.as_bytes()].concat()),
            // JSON that escapes every character.
            1 => plain(Reply::status(529)).body(format!(
                r#"{{"type":"error","error":{{"type":"overloaded_error","message":"{}"}}}}"#,
                echoed.replace('&', r"\u0026")
            )),
            2 => {
                let failed =
                    json!({"type": "error", "error": {"type": "api_error", "message": echoed}});
                let stream = Stream::new().start().event("error", &failed);
                plain(Reply::sse(stream.to_string()).in_pieces_of(5))
            }
            _ => plain(Reply::sse(answer(&[echoed.as_str()]))),
        }
    });
    let url = format!("http://ada:{}@{}", PASSWORD.1, server.address());
    let recorded = Recorded::at("http://192.0.2.1/anthropic/{region}", |_| {
        let flags = ["--allow-http", "--proxy", &url];
        Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["send", "Hi"])
            .args(flags)
    });
    recorded.outcome.code(0);
    assert_eq!(server.requests().len(), 4);
    let sent = STANDARD.encode(format!("ada:{}", PASSWORD.0));
    assert_eq!(
        server.requests()[0].header("proxy-authorization"),
        Some(format!("Basic {sent}").as_str())
    );
    let exchanges = recorded.exchanges();
    assert_eq!(exchanges.len(), 4);
    let text = fs::read_to_string(recorded.path()).unwrap();
    assert!(text.contains("[API key]") && text.contains("[secret]"));
    assert!(!text.contains("authorization") && !text.contains("set-cookie"));
    assert!(!text.contains(&sent) && !text.contains("pr0xy"), "{text}");
}

#[test]
fn a_key_in_the_prompt_stays_out_of_the_record() {
    let server = Server::start(|_, _| Reply::sse(answer(&["ok"])));
    let prompt = format!("My key is {KEY}; is it safe?");
    let recorded = Recorded::against(&server, |_| {
        Langdock::new()
            .env("LANGDOCK_MODEL", MODEL)
            .args(["send", &prompt])
    });
    recorded.outcome.code(0).stdout("ok\n");
    let body = &recorded.exchanges()[0]["request"]["body"];
    assert_eq!(
        body["messages"][0]["content"],
        "My key is [API key]; is it safe?"
    );
}

#[test]
fn the_search_finds_a_key_in_every_form() {
    for (name, form) in forms(KEY) {
        let home = Home::new();
        home.write(format!("work/{RECORD}"), format!("before {form} after"));
        let found = std::panic::catch_unwind(|| assert_no_secret(&home.work())).is_err();
        assert!(found, "{name}");
    }
}
