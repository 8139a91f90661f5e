//! What is known to be too much for a model is refused before sending, or left out with a notice if
//! it comes from a file; `--no-check` sends it.

use serde_json::{Value, json};

use crate::models::{list_of, models};
use crate::support::{
    command::Langdock,
    home::Home,
    outcome::Outcome,
    picture::png,
    sending::{answering, send},
    server::Server,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};

/// A built-in model: its limits are known.
const BUILT_IN: &str = "claude-3-haiku-20240307";

/// A model whose limits nobody knows.
const UNKNOWN: &str = "some-model";

fn run(server: &Server, home: &Home, model: &str, args: &[&str]) -> Outcome {
    let send = send(server).home(home).args(["-m", model]);
    send.args(args).run()
}

#[test]
fn more_tokens_than_a_model_is_known_to_generate_are_refused_or_left_out() {
    let (server, home) = (answering("ok"), Home::new());
    run(&server, &home, BUILT_IN, &["--max-tokens", "4097", "Hi"])
        .code(2)
        .stderr_contains(&format!(
            "`--max-tokens` is 4,097, but {BUILT_IN} generates at most 4,096 tokens\nhint: use \
             --max-tokens 4096; --no-check sends it anyway\n"
        ));
    assert_eq!(server.connections(), 0);
    let max_tokens = |model: &str, args: &[&str]| {
        let outcome = run(&server, &home, model, args);
        outcome.code(0);
        let body = server.requests().last().unwrap().json();
        (body["max_tokens"].clone(), outcome.stderr)
    };
    let sent = |tokens: u64| (json!(tokens), String::new());
    let large = ["--max-tokens", "50000", "Hi"];
    assert_eq!(max_tokens(UNKNOWN, &large), sent(50_000));
    // A number in the table of models refuses nothing.
    assert_eq!(max_tokens("claude-opus-4-1", &large), sent(50_000));
    let unchecked = [&large[..], &["--no-check"]].concat();
    assert_eq!(max_tokens(BUILT_IN, &unchecked), sent(50_000));

    home.write(home.config().join("config.toml"), "max_tokens = 50000\n");
    let (tokens, stderr) = max_tokens(BUILT_IN, &["Hi"]);
    assert_eq!(tokens, 4096);
    assert!(
        stderr.contains("line 1 is left out: claude-3-haiku-20240307 generates at most 4,096"),
        "{stderr}"
    );
    let (tokens, stderr) = max_tokens(BUILT_IN, &["--set", "max_tokens=60000", "Hi"]);
    assert_eq!(
        (&tokens, stderr.matches("is left out").count()),
        (&json!(4096), 2)
    );
    let items = Langdock::new()
        .key()
        .against(&server)
        .home(&home)
        .args(["batch", "-m", BUILT_IN, "Say {text}"])
        .stdin_bytes("one\ntwo\n")
        .run();
    items.code(0);
    assert_eq!(items.stderr.matches("is left out").count(), 1, "{items}");
    assert_eq!(server.requests().last().unwrap().json()["max_tokens"], 4096);
}

#[test]
fn the_list_of_models_says_how_many_tokens_a_model_generates() {
    let listed = json!([{"id": UNKNOWN, "max_tokens": 9000}]);
    let (server, home) = (list_of(&listed), Home::new());
    models(&server).home(&home).run().code(0);
    run(&server, &home, UNKNOWN, &["--max-tokens", "9001", "Hi"])
        .code(2)
        .stderr_contains("some-model generates at most 9,000 tokens");
}

/// Writes a conversation with this many images.
fn write_pictures(home: &Home, count: usize) {
    let data = BASE64_STANDARD.encode(png(1, 1));
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}});
    let messages = json!([{"role": "user", "content": vec![image; count]}]);
    home.write("work/m.json", messages.to_string());
}

#[test]
fn the_most_images_depend_on_the_window_of_the_model_as_far_as_it_is_known() {
    let listed = json!([
        {"id": "short", "max_input_tokens": 200_000}, {"id": "long", "max_input_tokens": 1_000_000},
    ]);
    let (server, home) = (list_of(&listed), Home::new());
    models(&server).home(&home).run().code(0);
    let sent = |model: &str, count: usize, args: &[&str]| {
        write_pictures(&home, count);
        let args = [&["--messages", "m.json", "Hi"], args].concat();
        run(&server, &home, model, &args)
    };
    for (model, most) in [
        ("short", 100),
        (BUILT_IN, 100),
        ("long", 600),
        (UNKNOWN, 600),
    ] {
        sent(model, most, &[]).code(0);
        let error = format!(
            "the request has {} images, over the limit of {most}",
            most + 1
        );
        sent(model, most + 1, &[]).code(13).stderr_contains(&error);
        sent(model, most + 1, &["--no-check"]).code(0);
    }
}

#[test]
fn a_truncated_attachment_is_refused_by_its_name() {
    let (server, home) = (answering("ok"), Home::new());
    let whole = png(1, 1);
    let gif = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;";
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x01\0\x01\x03\x01\x11\0\x02\x11\x01\x03\x11\x01\xff\xda\0\x02\xff\xd9";
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0";
    for whole in [&whole[..], gif, jpeg, webp] {
        home.write("work/x", whole);
        run(&server, &home, UNKNOWN, &["-a", "x", "Hi"]).code(0);
        home.write("work/x", &whole[..whole.len() - 8]);
        let before = server.requests().len();
        run(&server, &home, UNKNOWN, &["-a", "x", "Hi"])
            .code(2)
            .stderr_contains("`x` cannot be sent: the image is damaged or truncated");
        assert_eq!(server.requests().len(), before);
    }
}

#[test]
fn cache_marks_of_the_user_are_counted() {
    let (server, home) = (answering("ok"), Home::new());
    let mark = |ttl: &str| json!({"type": "ephemeral", "ttl": ttl});
    let text = |ttl: &str| json!({"type": "text", "text": "x", "cache_control": mark(ttl)});
    let write = |blocks: &[Value]| {
        let messages = json!([{"role": "user", "content": blocks}]);
        home.write("work/m.json", messages.to_string());
    };
    let args = ["--messages", "m.json", "Hi"];
    write(&vec![text("5m"); 5]);
    run(&server, &home, UNKNOWN, &args).code(2).stderr_contains(
        "the request has 5 cache breakpoints (`cache_control`), over the limit of 4",
    );
    write(&[text("5m"), text("1h")]);
    run(&server, &home, UNKNOWN, &args)
        .code(2)
        .stderr_contains("a cache breakpoint for one hour comes after one for five minutes");
    assert_eq!(server.connections(), 0);
    run(
        &server,
        &home,
        UNKNOWN,
        &["--messages", "m.json", "--no-check", "Hi"],
    )
    .code(0);
    write(&[text("1h"), text("5m")]);
    run(&server, &home, UNKNOWN, &args).code(0);
}

#[test]
fn strict_is_left_out_of_a_tool_where_the_model_does_not_accept_it() {
    let (server, home) = (answering("ok"), Home::new());
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let tool = json!({"name": "t", "strict": true, "input_schema": schema});
    home.write("work/t.json", tool.to_string());
    let strict = |model: &str, args: &[&str]| {
        let args = [&["-T", "./t.json", "Hi"], args].concat();
        let outcome = run(&server, &home, model, &args);
        outcome.code(0);
        let body = server.requests().last().unwrap().json();
        (body["tools"][0].get("strict").cloned(), outcome.stderr)
    };
    let kept = (Some(json!(true)), String::new());
    assert_eq!(strict("claude-opus-5", &[]), kept);
    assert_eq!(strict(BUILT_IN, &["--no-check"]), kept);
    let notice =
        format!("langdock: `strict` of the tool `t` is left out: {BUILT_IN} does not accept it\n");
    assert_eq!(strict(BUILT_IN, &[]), (None, notice));
}
