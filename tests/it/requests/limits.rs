//! A request that cannot fit is refused before any connection, with the name of what is too large
//! and the limit.

use std::fs::File;

use crate::support::{
    command::Langdock,
    events::MODEL,
    home::Home,
    outcome::Outcome,
    picture::png,
    sending::{answering, send},
    server::Server,
};

/// Returns a PNG with these dimensions, padded to a length.
fn padded_png(width: u32, height: u32, length: usize) -> Vec<u8> {
    let mut bytes = png(width, height);
    bytes.resize(length.max(bytes.len()), 0);
    bytes
}

/// Runs `send -f FILE --image-size keep Hi` with a file of these bytes, which must not lead to a
/// connection.
#[track_caller]
fn refused(name: &str, bytes: &[u8]) -> Outcome {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    home.write(format!("work/{name}"), bytes);
    let args = ["-f", name, "--image-size", "keep", "Hi"];
    let outcome = send(&server).home(&home).args(args).run();
    outcome.code(13).stdout("");
    assert_eq!(server.connections(), 0, "{outcome}");
    assert_eq!(
        outcome.stderr.matches("over the limit").count(),
        1,
        "a reason is told once\n{outcome}"
    );
    outcome
}

#[test]
fn an_image_of_6_mb_is_refused_by_name_and_limit() {
    let outcome = refused("photo.png", &padded_png(100, 100, 6_000_000));
    outcome.stderr_contains("langdock: error: `photo.png` cannot be sent: ");
    outcome
        .stderr_contains("8,000,000 bytes as base64")
        .stderr_contains("(5 MB)")
        .stderr_contains("\nhint: ");
}

#[test]
fn the_largest_image_that_fits_is_sent() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/photo.png", padded_png(8000, 8000, 3_932_160));
    send(&server)
        .home(&home)
        .args(["-f", "photo.png", "--image-size", "keep", "Hi"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert!(server.only_request().body.len() > 5 * 1024 * 1024);
}

#[test]
fn an_image_with_a_side_of_more_than_8000_pixels_is_refused_by_name_and_limit() {
    let outcome = refused("wide.png", &png(8001, 1));
    outcome
        .stderr_contains("`wide.png` cannot be sent: 8,001 × 1 pixels")
        .stderr_contains("8,000 pixels");
}

#[test]
fn a_file_of_more_than_20_mb_is_refused_by_name_and_limit() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    home.write("work/huge.txt", vec![b'x'; 21 * 1024 * 1024]);
    let outcome = send(&server)
        .home(&home)
        .args(["-f", "huge.txt", "Hi"])
        .run();
    let message = "`huge.txt` is larger than 20,971,520 bytes (20 MiB), the limit for a request";
    outcome.stdout("").failed(13, message, "--no-check");
    assert_eq!(server.connections(), 0);
}

#[test]
fn what_is_refused_for_its_length_is_not_read_whole() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    // A sparse file takes no disk space, but would fill the memory if it were read.
    let file = File::create(home.work().join("huge")).unwrap();
    file.set_len(1 << 36).unwrap();
    for (script, name) in [
        ("langdock send -f huge Hi", "`huge`"),
        ("langdock send -a huge Hi", "`huge`"),
        ("langdock send Hi <huge", "standard input"),
    ] {
        let outcome = Langdock::shell(script)
            .home(&home)
            .key()
            .against(&server)
            .env("LANGDOCK_MODEL", MODEL)
            .run();
        outcome.stdout("").failed(
            13,
            &format!("{name} is larger than 20,971,520 bytes"),
            "--no-check",
        );
    }
}

#[test]
fn a_directory_is_read_until_its_files_are_more_than_20_mb() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    let refused = || send(&server).home(&home).args(["-f", "src", "Hi"]).run();
    for n in 0..3 {
        home.write(format!("work/src/{n}.txt"), vec![b'x'; 8 * 1024 * 1024]);
    }
    refused()
        .stdout("")
        .failed(13, "`src` is larger than 20,971,520 bytes", "--no-check");
    home.write("work/src/0.txt", vec![b'x'; 21 * 1024 * 1024]);
    refused().stdout("").failed(
        13,
        "`src/0.txt` is larger than 20,971,520 bytes",
        "--no-check",
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn several_files_count_together_and_the_largest_part_is_named() {
    let (server, home) = (
        Server::start(|_, _| panic!("nothing is to be sent")),
        Home::new(),
    );
    let mut args = vec![];
    for n in 0..3 {
        let name = format!("{n}.txt");
        home.write(format!("work/{name}"), vec![b'x'; (7 + n) * 1024 * 1024]);
        args.extend(["-f".to_owned(), name]);
    }
    let outcome = send(&server).home(&home).args(args).args(["Hi"]).run();
    outcome
        .code(13)
        .stdout("")
        .stderr_contains("20 MiB")
        .stderr_contains("the largest part is `2.txt`\nhint: ");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_text_of_5_mb_goes_through() {
    let server = answering("ok");
    let text = "a line with \"quotes\" and é\n".repeat(190_000);
    send(&server)
        .stdin_bytes(text.clone())
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
    assert_eq!(
        server.only_request().json()["messages"][0]["content"],
        text.as_str()
    );
}
