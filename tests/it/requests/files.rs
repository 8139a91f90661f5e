//! The content of files: framed text, images and documents, detected from their bytes, in the
//! documented order.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{
    home::Home,
    outcome::Outcome,
    sending::{answering, send},
    server::Server,
};

/// A PNG of one pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

/// A GIF of one pixel.
const GIF: &str = "R0lGODlhAQABAAAAACwAAAAAAQABAAACAUwAOw==";

/// The beginning and the end of a PDF, which are all that is read.
const PDF: &str = "JVBERi0xLjQKJcOiw6MKJSVFT0YK";

fn bytes(base64: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(base64).unwrap()
}

/// Returns the blocks of the user turn for these arguments.
#[track_caller]
fn content(home: &Home, args: &[&str]) -> Value {
    let server = answering("ok");
    send(&server)
        .home(home)
        .args(args)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    server.only_request().json()["messages"][0]["content"].clone()
}

/// Runs `send` with these arguments, which must not open a connection.
#[track_caller]
fn refused(home: &Home, args: &[&str]) -> Outcome {
    let server = Server::start(|_, _| panic!("nothing is to be sent"));
    let outcome = send(&server).home(home).args(args).run();
    outcome.stdout("");
    assert_eq!(server.connections(), 0, "{outcome}");
    outcome
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn media(kind: &str, media_type: &str, data: &str) -> Value {
    json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}})
}

#[test]
fn a_text_file_is_a_block_of_its_own_framed_by_its_name() {
    let home = Home::new();
    home.write("work/src/main.rs", "fn main() {}\n");
    home.write("work/no newline & \"quotes\" <x>.txt", "é");
    let blocks = content(
        &home,
        &[
            "-f",
            "src/main.rs",
            "-f",
            "no newline & \"quotes\" <x>.txt",
            "Explain",
        ],
    );
    let expected = [
        text("<file name=\"src/main.rs\">\nfn main() {}\n</file>"),
        text("<file name=\"no newline &amp; &quot;quotes&quot; &lt;x>.txt\">\né\n</file>"),
        text("Explain"),
    ];
    assert_eq!(blocks, json!(expected));
}

#[test]
fn a_png_that_is_called_jpg_is_sent_as_a_png() {
    let home = Home::new();
    home.write("work/x.jpg", bytes(PNG));
    let blocks = content(&home, &["-f", "x.jpg", "What is it?"]);
    assert_eq!(
        blocks,
        json!([media("image", "image/png", PNG), text("What is it?")])
    );
}

#[test]
fn each_kind_of_image_is_told_by_its_bytes() {
    let home = Home::new();
    let jpeg =
        b"\xff\xd8\xff\xc0\0\x11\x08\0\x01\0\x01\x03\x01\x11\0\x02\x11\x01\x03\x11\x01\xff\xda\0\x02\xff\xd9";
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0";
    for (bytes, media_type) in [
        (bytes(GIF), "image/gif"),
        (bytes(PNG), "image/png"),
        (jpeg.to_vec(), "image/jpeg"),
        (webp.to_vec(), "image/webp"),
    ] {
        home.write("work/image", &bytes);
        let expected = media("image", media_type, &BASE64_STANDARD.encode(&bytes));
        assert_eq!(
            content(&home, &["-f", "image"]),
            json!([expected]),
            "{media_type}"
        );
    }
}

#[test]
fn a_pdf_is_a_document() {
    let home = Home::new();
    home.write("work/paper.txt", bytes(PDF));
    let blocks = content(&home, &["-f", "paper.txt", "Summarise it"]);
    assert_eq!(
        blocks,
        json!([
            media("document", "application/pdf", PDF),
            text("Summarise it")
        ])
    );
}

#[test]
fn the_order_is_images_documents_files_stdin_prompt() {
    let home = Home::new();
    for (name, content) in [
        ("1.txt", b"one".to_vec()),
        ("2.pdf", bytes(PDF)),
        ("3.png", bytes(PNG)),
        ("4.txt", b"four".to_vec()),
    ] {
        home.write(format!("work/{name}"), content);
    }
    home.write("work/5.gif", bytes(GIF));
    let server = answering("ok");
    let files = [
        "-f", "1.txt", "-f", "2.pdf", "-f", "3.png", "Ask", "-f", "4.txt", "-f", "5.gif",
    ];
    send(&server)
        .home(&home)
        .stdin_bytes("in")
        .args(files)
        .run()
        .code(0)
        .stderr_empty();
    let expected = [
        media("image", "image/png", PNG),
        media("image", "image/gif", GIF),
        media("document", "application/pdf", PDF),
        text("<file name=\"1.txt\">\none\n</file>"),
        text("<file name=\"4.txt\">\nfour\n</file>"),
        text("<stdin>\nin\n</stdin>"),
        text("Ask"),
    ];
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        json!(expected)
    );
}

#[test]
fn files_alone_are_enough() {
    let home = Home::new();
    home.write("work/q.md", "Why?\n");
    assert_eq!(
        content(&home, &["-f", "q.md"]),
        "<file name=\"q.md\">\nWhy?\n</file>"
    );
    home.write("work/i.png", bytes(PNG));
    assert_eq!(
        content(&home, &["-f", "i.png"]),
        json!([media("image", "image/png", PNG)])
    );
}

#[test]
fn a_binary_file_is_refused_by_name() {
    let home = Home::new();
    home.write("work/a.out", b"\x7fELF\x02\x01\x01\0\0\0");
    let outcome = refused(&home, &["-f", "a.out", "What is it?"]);
    outcome
        .code(2)
        .stderr_contains("`a.out` is a binary file")
        .stderr_contains("\nhint: ");
}

#[test]
fn an_image_in_another_format_is_refused_by_name_and_format() {
    let home = Home::new();
    home.write("work/scan.jpg", b"\0\0\0\x1cftypheic\0\0\0\0");
    let outcome = refused(&home, &["-f", "scan.jpg", "What is it?"]);
    outcome
        .code(2)
        .stderr_contains("`scan.jpg` is a HEIC image")
        .stderr_contains("PNG");
}

#[test]
fn a_file_that_is_missing_is_an_error_that_names_it() {
    let outcome = refused(&Home::new(), &["-f", "gone.txt", "Hi"]);
    outcome
        .code(1)
        .stderr_contains("langdock: error: cannot read `gone.txt`: ");
    let outcome = refused(&Home::new(), &["-s", "@gone.txt", "Hi"]);
    outcome
        .code(1)
        .stderr_contains("langdock: error: cannot read `gone.txt`: ");
    let outcome = refused(&Home::new(), &["--api-key-file", "gone.txt", "Hi"]);
    outcome.code(1).stderr_contains("`gone.txt`");
}

#[test]
fn a_system_prompt_that_is_not_utf_8_is_sent_with_a_notice() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/latin1.txt", b"caf\xe9\n");
    let outcome = send(&server)
        .home(&home)
        .args(["-s", "@latin1.txt", "Hi"])
        .run();
    outcome
        .code(0)
        .stderr("langdock: `latin1.txt` is not UTF-8 at byte 3; sending invalid bytes as U+FFFD\n");
    assert_eq!(server.only_request().json()["system"], "caf\u{fffd}\n");
}

#[test]
fn what_only_text_can_be_is_refused_by_what_it_is() {
    let home = Home::new();
    home.write("work/photo.txt", bytes(PNG));
    home.write("work/paper.txt", bytes(PDF));
    home.write("work/latin1.json", b"\"caf\xe9\"");
    for flag in ["-s", "-t", "-T", "--messages", "--schema"] {
        let at = if flag == "-s" { "@" } else { "" };
        let refused = |file: &str| refused(&home, &[flag, &format!("{at}./{file}"), "Hi"]);
        refused("photo.txt").failed(
            2,
            "`./photo.txt` is an image; only text is accepted here",
            "-f",
        );
        refused("paper.txt").failed(
            2,
            "`./paper.txt` is a PDF; only text is accepted here",
            "-f",
        );
        if flag != "-s" {
            refused("latin1.json").failed(2, "`./latin1.json` is not UTF-8 at byte 4", "iconv");
        }
    }
}

#[test]
fn a_text_file_that_is_not_utf_8_is_sent_with_a_notice() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/latin1.txt", b"caf\xe9\n");
    let outcome = send(&server)
        .home(&home)
        .args(["-f", "latin1.txt", "Hi"])
        .run();
    outcome.code(0).stdout("ok\n");
    outcome
        .stderr("langdock: `latin1.txt` is not UTF-8 at byte 3; sending invalid bytes as U+FFFD\n");
    let sent = server.only_request().json();
    assert_eq!(
        sent["messages"][0]["content"][0]["text"],
        "<file name=\"latin1.txt\">\ncaf\u{fffd}\n</file>"
    );
}
