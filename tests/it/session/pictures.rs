//! Images in earlier turns are part of each later request, and count there.

use std::fs;

use super::{ids, saying, shown};
use crate::support::{home::Home, sending::answering, server::Server};

/// Returns the start of a GIF with these dimensions.
fn picture(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [
        b"GIF89a",
        &size[..],
        b"\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
    ]
    .concat()
}

/// Creates a home with a conversation `x` in which this many images were sent, the first of them
/// with this width.
fn home_with(server: &Server, count: u16, width: u16) -> Home {
    let home = Home::new();
    for number in 1..=count {
        home.write(
            format!("work/{number}.gif"),
            picture(if number == 1 { width } else { number }, 1),
        );
    }
    let files: Vec<String> = (1..=count)
        .map(|number| format!("--attach={number}.gif"))
        .collect();
    saying(server, &home, &["--session", "x", "-q", "Look"])
        .args(files)
        .run()
        .code(0)
        .stderr_empty();
    home
}

#[test]
fn a_picture_of_an_earlier_turn_is_one_of_many_in_the_next_request() {
    let server = answering("ok");
    let home = home_with(&server, 20, 2001);
    home.write("work/new.gif", picture(9, 9));
    let outcome = saying(
        &server,
        &home,
        &["--session", "x", "-f", "new.gif", "And this?"],
    )
    .args(["--image-size", "keep"])
    .run();
    let name = "image 1 of the conversation so far cannot be sent: 2,001 × 1 pixels are over the limit of 2,000 pixels";
    outcome
        .stdout("")
        .failed(13, name, "send fewer images, or start a new conversation");
    saying(&server, &home, &["--session", "x", "Without it?"])
        .args(["--image-size", "keep"])
        .run()
        .code(0);
    assert_eq!(
        server.requests().len(),
        2,
        "the one that could not be was not sent"
    );
    assert_eq!(shown(&home, "x")["turns"].as_array().unwrap().len(), 4);
}

#[test]
fn a_picture_that_cannot_stand_beside_its_conversation_stands_in_it() {
    let (server, home) = (answering("ok"), Home::new());
    saying(&server, &home, &["--session", "x", "-q", "Hi"])
        .run()
        .code(0);
    home.write(
        home.data().join("sessions").join(ids(&home).remove(0)),
        "in the way",
    );
    home.write("work/new.gif", picture(9, 9));
    saying(&server, &home, &["--session", "x", "-a", "new.gif", "Look"])
        .run()
        .code(0)
        .stderr_empty();
    saying(&server, &home, &["--session", "x", "And now?"])
        .run()
        .code(0)
        .stderr_empty();
    let (sent, again) = (server.requests()[1].json(), server.requests()[2].json());
    assert_eq!(sent["messages"][2]["content"][0]["type"], "image");
    assert_eq!(again["messages"][2], sent["messages"][2]);
}

#[test]
fn a_large_picture_comes_too_late_in_a_conversation_of_many() {
    let server = answering("ok");
    let home = home_with(&server, 20, 2000);
    home.write("work/new.gif", picture(1, 2001));
    let args = ["-c", "-q", "-a", "new.gif", "And this?"];
    let outcome = saying(&server, &home, &args)
        .args(["--image-size", "keep"])
        .run();
    outcome.stdout("").failed(
        13,
        "`new.gif` cannot be sent: 1 × 2,001 pixels are over the limit of 2,000",
        "scale it down with `--image-size fit`",
    );
    fs::remove_file(home.work().join("new.gif")).unwrap();
    home.write("work/new.gif", picture(1, 2000));
    saying(&server, &home, &["-c", "-q", "-a", "new.gif", "And this?"])
        .run()
        .code(0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_picture_that_is_lost_is_named() {
    let server = answering("ok");
    let home = home_with(&server, 1, 9);
    let directory = home.data().join("sessions").join(ids(&home).remove(0));
    let file = fs::read_dir(&directory).unwrap().next().unwrap().unwrap();
    fs::write(file.path(), "other bytes").unwrap();
    for why in ["was changed", "is missing"] {
        let outcome = saying(&server, &home, &["--session", "x", "Again"]).run();
        let path = file.path();
        outcome.code(0).stderr(&format!(
            "langdock: image/gif of this conversation is lost, and the model is told so: `{}` {why}\n",
            path.display()
        ));
        let sent = server.requests().last().unwrap().json();
        let first = &sent["messages"][0]["content"];
        assert!(
            first.to_string().contains("[image/gif that is lost]"),
            "{first:#}"
        );
        let _ = fs::remove_file(file.path());
    }
}
