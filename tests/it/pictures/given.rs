//! Pictures and PDFs in `--messages` are treated as those of files are; what needs nothing stays as
//! it was written, byte for byte.

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{GenericImageView as _, ImageFormat};
use serde_json::{Value, json};

use super::made::{SECRET, corners, encoded, jpeg_with_exif, stored};
use crate::batch::batch;
use crate::chat::chat;
use crate::support::{
    home::Home,
    sending::{answering, send},
    server::Server,
};
use crate::tools::tool_run;

/// A photo on its side, with metadata.
fn photo() -> Vec<u8> {
    let stored = encoded(&stored(&corners(48, 32), 6), ImageFormat::Jpeg);
    jpeg_with_exif(&stored, 6)
}

fn source(media_type: &str, bytes: &[u8]) -> Value {
    json!({"type": "base64", "media_type": media_type, "data": BASE64_STANDARD.encode(bytes)})
}

fn image(media_type: &str, bytes: &[u8]) -> Value {
    json!({"type": "image", "source": source(media_type, bytes)})
}

fn pdf(bytes: &[u8]) -> Value {
    json!({"type": "document", "source": source("application/pdf", bytes)})
}

/// Returns a PDF of this many pages.
fn pages(count: usize) -> Vec<u8> {
    let pages = "<</Type /Page>>\n".repeat(count);
    format!("%PDF-1.4\n{pages}%%EOF\n").into_bytes()
}

/// Writes earlier messages: a text, these blocks, and an answer.
fn write_turns(home: &Home, blocks: &[Value]) {
    let mut content = vec![json!({"type": "text", "text": "Look."})];
    content.extend_from_slice(blocks);
    let turns = json!([
        {"role": "user", "content": content},
        {"role": "assistant", "content": "I see."},
    ]);
    home.write("work/m.json", turns.to_string());
}

/// Returns a block of the first message of the last request.
fn sent(server: &Server, block: usize) -> Value {
    let request = server.requests().pop().expect("a request").json();
    request["messages"][0]["content"][block].clone()
}

fn bytes_of(source: &Value) -> Vec<u8> {
    let data = source["data"].as_str().expect("data");
    BASE64_STANDARD.decode(data).expect("base64")
}

#[track_caller]
fn assert_upright(source: &Value) {
    let bytes = bytes_of(source);
    let secret = SECRET.as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    let size = image::load_from_memory(&bytes).expect("a picture");
    assert_eq!(size.dimensions(), (48, 32));
}

#[test]
fn a_photo_in_messages_is_turned_upright_and_sent_without_its_metadata_by_every_command() {
    for command in ["send", "tool-run", "chat", "batch"] {
        let (server, home) = (answering("ok"), Home::new());
        let same = image("image/png", &encoded(&corners(16, 8), ImageFormat::Png));
        write_turns(&home, &[image("image/jpeg", &photo()), same.clone()]);
        let run = match command {
            "send" => send(&server),
            "tool-run" => tool_run(&server),
            "chat" => chat(&server),
            _ => batch(&server),
        };
        let run = run.home(&home).args(["--messages", "m.json"]);
        let run = match command {
            "chat" => run.stdin_bytes("Hi\n").run(),
            "batch" => run
                .args(["Say: {text}", "-i", "-"])
                .stdin_bytes("a\n")
                .run(),
            _ => run.args(["Hi"]).run(),
        };
        run.code(0).stderr_contains(
            "`m.json`: the image in message 1, block 2 was turned upright; its metadata is not \
             sent\n",
        );
        run.stderr_lacks("block 3");
        assert_upright(&sent(&server, 1)["source"]);
        assert_eq!(sent(&server, 2), same, "{command}");
    }
}

#[test]
fn keep_sends_the_pictures_of_messages_as_they_were_written() {
    let (server, home) = (answering("ok"), Home::new());
    let image = image("image/jpeg", &photo());
    write_turns(&home, std::slice::from_ref(&image));
    send(&server)
        .home(&home)
        .args(["--messages", "m.json", "--image-size", "keep", "Hi"])
        .run()
        .code(0)
        .stderr_empty();
    assert_eq!(sent(&server, 1), image);
}

#[test]
fn pictures_of_messages_are_scaled_and_converted() {
    let (server, home) = (answering("ok"), Home::new());
    let wide = encoded(&corners(8_001, 80), ImageFormat::Png);
    let bitmap = encoded(&corners(16, 8), ImageFormat::Bmp);
    write_turns(
        &home,
        &[image("image/png", &wide), image("image/bmp", &bitmap)],
    );
    send(&server)
        .home(&home)
        .args([
            "--messages",
            "m.json",
            "-m",
            "claude-3-haiku-20240307",
            "Hi",
        ])
        .run()
        .code(0)
        .stderr(
            "langdock: `m.json`: the image in message 1, block 2 was scaled down from 8,001 × 80 \
             pixels to 1,568 × 16 pixels\n\
             langdock: `m.json`: the image in message 1, block 3 was converted from BMP to PNG\n",
        );
    assert_eq!(sent(&server, 2)["source"]["media_type"], "image/png");
}

#[test]
fn pictures_in_results_and_documents_of_messages_are_treated_alike() {
    let (server, home) = (answering("ok"), Home::new());
    let photo = image("image/jpeg", &photo());
    let words = json!({"type": "text", "text": "It is this."});
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": [words, photo]});
    let content = json!({"type": "content", "content": [words, photo]});
    let turns = json!([
        {"role": "user", "content": [{"type": "document", "source": content}]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
        {"role": "assistant", "content": "I see."},
    ]);
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let body = json!({"messages": turns, "tools": tools});
    home.write("work/m.json", body.to_string());
    send(&server)
        .home(&home)
        .args(["--messages", "m.json", "Hi"])
        .run()
        .code(0)
        .stderr_contains("`m.json`: the image in message 1, block 1 was turned upright")
        .stderr_contains("`m.json`: the image in message 3, block 1 was turned upright");
    let request = server.only_request().json();
    let of_document = &request["messages"][0]["content"][0]["source"]["content"][1];
    assert_upright(&of_document["source"]);
    let of_result = &request["messages"][2]["content"][0]["content"][1];
    assert_upright(&of_result["source"]);
}

#[test]
fn what_is_saved_of_messages_is_what_was_sent() {
    let (server, home) = (answering("ok"), Home::new());
    write_turns(&home, &[image("image/jpeg", &photo())]);
    let run = |args: &[&str]| {
        let args = args.iter().copied().chain(["--session", "s"]);
        send(&server).home(&home).args(args).run().code(0);
        sent(&server, 1)
    };
    let first = run(&["--messages", "m.json", "Hi"]);
    assert_upright(&first["source"]);
    assert_eq!(run(&["Again"]), first);
}

/// Asserts that a block in messages is refused before anything is sent.
#[track_caller]
fn refused(block: Value, code: i32, message: &str, hint: &str) {
    let (server, home) = (answering("ok"), Home::new());
    write_turns(&home, &[block]);
    let run = send(&server)
        .home(&home)
        .args(["--messages", "m.json", "Hi"])
        .run();
    run.stdout("").failed(code, message, hint);
    assert_eq!(server.connections(), 0);
}

#[test]
fn broken_pictures_and_pdfs_in_messages_are_refused_by_message_and_block() {
    let picture = encoded(&corners(64, 64), ImageFormat::Png);
    refused(
        image("image/png", &picture[..picture.len() / 2]),
        2,
        "`m.json`: the image in message 1, block 2 cannot be sent: the image is damaged",
        "check that the file is complete",
    );
    refused(
        pdf(b"%PDF-1.7\ntrailer <</Root 1 0 R /Encrypt 5 0 R>>\n%%EOF\n"),
        2,
        "`m.json`: the PDF in message 1, block 2 cannot be sent: the PDF is encrypted",
        "`qpdf --decrypt FILE FILE.new.pdf`",
    );
    refused(
        pdf(b"\r\n%PDF-1.4\n1 0 obj\n"),
        2,
        "`m.json`: the PDF in message 1, block 2 cannot be sent: the PDF begins only after 2 bytes",
        "tail -c +3",
    );
    refused(
        pdf(b"<html>"),
        2,
        "`m.json`: message 1, block 2: the document cannot be sent: it is not a PDF",
        "pass an array of messages",
    );
    refused(
        pdf(&pages(601)),
        13,
        "`m.json`: the PDF in message 1, block 2 cannot be sent: the PDF has 601 pages",
        "qpdf",
    );
}

#[test]
fn the_pages_of_messages_and_of_files_count_together() {
    let (server, home) = (answering("ok"), Home::new());
    write_turns(&home, &[pdf(&pages(300))]);
    home.write("work/a.pdf", pages(300));
    home.write("work/b.pdf", pages(301));
    let run = |file: &str| {
        let args = ["--messages", "m.json", "-f", file, "Hi"];
        send(&server).home(&home).args(args).run()
    };
    run("a.pdf").code(0).stderr_empty();
    run("b.pdf").failed(
        13,
        "the PDFs of the request have 601 pages, over the limit of 600",
        "send the PDFs in several requests",
    );
    assert_eq!(server.requests().len(), 1);
}
