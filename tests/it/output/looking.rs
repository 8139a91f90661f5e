//! `--dry-run` and `--curl`: they show what would be sent, and send nothing.

use serde_json::Value;

use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, message},
    home::Home,
    installed::installed,
    picture::png,
    reply::Reply,
    request::Request,
    sending::{answering, send},
    server::Server,
};

/// A prompt with everything that a shell would expand.
const PROMPT: &str = "'single' \"double\" \\ $HOME $(id) `id` !! %s\nEND_OF_BODY\n\ttab é 🙂 \u{0085}\u{2028} \r @file &";

/// Returns the method, path and sorted headers of a request.
fn head(request: &Request) -> (String, String, Vec<(String, String)>) {
    let mut headers = request.headers.clone();
    for (name, _) in &mut headers {
        name.make_ascii_lowercase();
    }
    headers.sort();
    (request.method.clone(), request.path.clone(), headers)
}

#[test]
fn a_dry_run_prints_the_body_that_would_be_sent() {
    let server = answering("ok");
    let args = [
        "--temperature",
        "0.1",
        "--stop",
        "\n\nQ:",
        "--set",
        "thinking={\"b\":1,\"a\":1.50}",
        "-s",
        "S",
        "--",
        PROMPT,
    ];
    let shown = send(&server).args(["--dry-run"]).args(args).run();
    shown.code(0).stderr_empty();
    assert_eq!(server.connections(), 0);
    send(&server).args(args).run().code(0).stderr_empty();
    shown.stdout(format!("{}\n", server.only_request().text()));
}

#[test]
fn a_dry_run_shortens_the_data_of_an_image_and_nothing_else() {
    let (server, home) = (answering("ok"), Home::new());
    let mut image = png(1, 1);
    image.resize(900, 0);
    home.write("work/i.png", image);
    home.write("work/long.txt", "long ".repeat(1000));
    // With its padding.
    let args = [
        "-f",
        "i.png",
        "-f",
        "long.txt",
        "Hi",
        "--image-size",
        "keep",
    ];
    let shown = send(&server)
        .home(&home)
        .args(["--dry-run"])
        .args(args)
        .run();
    shown.code(0).stderr_empty();
    send(&server)
        .home(&home)
        .args(args)
        .run()
        .code(0)
        .stderr_empty();
    let (mut shown, sent) = (shown.stdout_json(), server.only_request().json());
    let at = |body: &Value| {
        body["messages"][0]["content"][0]["source"]["data"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let short = at(&shown);
    assert_eq!(
        short,
        format!("{}… (1200 bytes of base64)", &at(&sent)[..32])
    );
    shown["messages"][0]["content"][0]["source"]["data"] = at(&sent).into();
    assert_eq!(shown, sent);
}

#[test]
fn a_dry_run_and_curl_need_no_key() {
    for flag in ["--dry-run", "--curl"] {
        Langdock::new()
            .args(["send", "-m", MODEL, flag, "Hi"])
            .run()
            .code(0)
            .stderr_empty();
    }
}

#[test]
fn a_dry_run_still_checks_what_is_asked_for() {
    let server = answering("ok");
    for flag in ["--dry-run", "--curl"] {
        send(&server)
            .args([flag])
            .run()
            .code(2)
            .stdout("")
            .stderr_contains("no prompt");
        send(&server)
            .args([flag, "Hi", "-f", "gone"])
            .run()
            .code(1)
            .stdout("")
            .stderr_contains("`gone`");
    }
}

#[test]
fn what_curl_prints_sends_the_same_request_when_it_is_pasted_into_bash() {
    if !(installed("curl") && installed("bash")) {
        return;
    }
    let server = Server::start(|_, _| Reply::json(200, &message("ok")));
    let home = Home::new();
    for args in [
        &["--", PROMPT][..],
        &[
            "--set=stream=false",
            "--region",
            "us",
            "-s",
            "it's",
            "--timeout",
            "50s",
            "--",
            "-x 'q'",
        ],
    ] {
        let printed = send(&server).home(&home).args(["--curl"]).args(args).run();
        printed.code(0).stderr_empty();
        assert!(!printed.stdout_text().contains(KEY), "{printed}");
        home.write("work/pasted", &printed.stdout);
        let pasted = Langdock::shell("bash ./pasted").home(&home).key().run();
        pasted
            .code(0)
            .stdout(message("ok").to_string())
            .stderr_empty();
        send(&server)
            .args(args)
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
        let requests = server.requests();
        let [.., by_curl, by_langdock] = requests.as_slice() else {
            panic!("two requests were sent")
        };
        assert_eq!(head(by_curl), head(by_langdock));
        assert_eq!(by_curl.text(), by_langdock.text());
    }
}

#[test]
fn what_curl_prints_is_equal_for_a_body_that_no_argument_could_hold() {
    if !(installed("curl") && installed("bash")) {
        return;
    }
    let server = Server::start(|_, _| Reply::json(200, &message("ok")));
    let home = Home::new();
    home.write("work/long.txt", "it's a \"long\" line \\\n".repeat(20_000));
    let printed = send(&server)
        .home(&home)
        .args(["--curl", "-f", "long.txt", "Hi"])
        .run();
    home.write("work/pasted", &printed.code(0).stdout);
    Langdock::shell("bash ./pasted")
        .home(&home)
        .key()
        .run()
        .code(0)
        .stderr_empty();
    send(&server)
        .home(&home)
        .args(["-f", "long.txt", "Hi"])
        .run()
        .code(0)
        .stderr_empty();
    let requests = server.requests();
    assert!(requests[0].body == requests[1].body, "the bodies differ");
}

#[test]
fn curl_is_told_the_proxy_and_the_certificates() {
    let outcome = Langdock::new()
        .args([
            "send",
            "-m",
            MODEL,
            "--curl",
            "--proxy",
            "http://proxy.example:1",
            "--cacert",
            "it's.pem",
            "Hi",
        ])
        .run();
    outcome.code(0).stderr_empty();
    outcome
        .stdout_contains("--proxy http://proxy.example:1 --noproxy ''")
        .stdout_contains(r#"--cacert "it's.pem""#);
    // The command uses the same route as the request would, whatever is in curl's environment.
    let outcome = Langdock::new()
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .args(["send", "-m", MODEL, "--curl", "Hi"])
        .run();
    outcome.code(0).stdout_contains("--noproxy '*'");
    let environment = [
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("NO_PROXY", "example.org"),
    ];
    let outcome = environment
        .into_iter()
        .fold(Langdock::new(), |run, (name, value)| run.env(name, value));
    let outcome = outcome.args(["send", "-m", MODEL, "--curl", "Hi"]).run();
    assert!(
        !outcome.code(0).stdout_text().contains("proxy"),
        "{outcome}"
    );
}

#[test]
fn curl_and_the_demo_exclude_each_other() {
    for args in [
        ["send", "-m", MODEL, "--curl", "--demo", "Hi"],
        ["--demo", "send", "-m", MODEL, "--curl", "Hi"],
    ] {
        Langdock::new()
            .args(args)
            .run()
            .code(2)
            .stdout("")
            .stderr_contains("cannot be used with");
    }
}
