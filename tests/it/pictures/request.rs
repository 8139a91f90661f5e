//! What the number of pictures in a whole request changes, and where the size can be set.

use base64::{Engine, prelude::BASE64_STANDARD};
use image::ImageFormat;
use serde_json::{Value, json};

use super::made::{corners, encoded};
use crate::support::{
    home::Home,
    sending::{answering, send},
    server::Server,
};

/// Returns the width and the height of each picture in the last request.
fn sizes(server: &Server) -> Vec<(u32, u32)> {
    let request = server.requests().pop().unwrap().json();
    let messages = request["messages"].as_array().unwrap();
    let blocks = messages
        .iter()
        .filter_map(|message| message["content"].as_array())
        .flatten();
    blocks
        .filter_map(|block| block["source"]["data"].as_str())
        .map(|data| {
            let bytes = BASE64_STANDARD.decode(data).unwrap();
            let decoded = image::load_from_memory(&bytes).unwrap();
            (decoded.width(), decoded.height())
        })
        .collect()
}

/// Returns a picture of this size as a block.
fn block(width: u32, height: u32) -> Value {
    let data = BASE64_STANDARD.encode(encoded(&corners(width, height), ImageFormat::Png));
    json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
}

#[test]
fn beyond_20_pictures_each_has_at_most_2000_pixels_those_of_the_history_too() {
    let (server, home) = (answering("ok"), Home::new());
    let wide = encoded(&corners(2_400, 24), ImageFormat::Png);
    home.write("work/wide.png", &wide);
    let history = |count| json!([{"role": "user", "content": vec![block(2_100, 10); count]}]);
    home.write("work/19.json", history(19).to_string());
    home.write("work/20.json", history(20).to_string());
    let run = |messages: &str| {
        let args = ["-m", "claude-opus-4-8", "-a", "wide.png", "Hi"];
        send(&server)
            .home(&home)
            .args(args)
            .args(["--messages", messages])
            .run()
    };
    run("19.json").code(0).stderr_empty();
    let mut expected = vec![(2_100, 10); 19];
    expected.push((2_400, 24));
    assert_eq!(sizes(&server), expected);
    run("20.json").code(0).stderr(
        "langdock: `wide.png` was scaled down from 2,400 × 24 pixels to 2,000 × 20 pixels\n\
         langdock: scaled down 20 images of the conversation, because the request has more than \
         20\n",
    );
    let mut expected = vec![(2_000, 10); 20];
    expected.push((2_000, 20));
    assert_eq!(sizes(&server), expected);
}

#[test]
fn what_is_saved_is_what_was_sent() {
    let (server, home) = (answering("ok"), Home::new());
    let picture = encoded(&corners(64, 32), ImageFormat::Bmp);
    home.write("work/a.bmp", &picture);
    let run = |args: &[&str]| {
        let args = args.iter().copied().chain(["--session", "s"]);
        send(&server).home(&home).args(args).run()
    };
    run(&["-a", "a.bmp", "--image-size", "16", "Hi"]).code(0);
    run(&["Again"]).code(0);
    let requests = server.requests();
    let picture = |index: usize| requests[index].json()["messages"][0]["content"][0].clone();
    assert_eq!(picture(0)["source"]["media_type"], "image/png");
    assert_eq!(picture(0), picture(1));
    assert_eq!(sizes(&server), [(16, 8)]);
}

#[test]
fn the_config_file_and_a_template_set_the_size_and_the_flag_overrides_both() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/a.png", encoded(&corners(64, 32), ImageFormat::Png));
    home.write("work/t.md", "+++\nimage_size = 16\n+++\nWhat is it?\n");
    home.write("work/bad.md", "+++\nimage_size = \"large\"\n+++\n");
    let run = |args: &[&str]| {
        let args = ["-a", "a.png"].iter().chain(args).copied();
        send(&server).home(&home).args(args).run()
    };
    run(&["Hi"]).code(0).stderr_empty();
    assert_eq!(sizes(&server), [(64, 32)]);
    home.write(
        home.config().join("config.toml"),
        "image_size = 32\n[profiles.keep]\nimage_size = \"keep\"\n",
    );
    for (args, width) in [
        (&["Hi"][..], 32),
        (&["-t", "./t.md"], 16),
        (&["-t", "./t.md", "--image-size", "8"], 8),
        (&["--profile", "keep", "Hi"], 64),
    ] {
        run(args).code(0);
        assert_eq!(sizes(&server), [(width, width / 2)], "{args:?}");
    }
    run(&["-t", "./bad.md"]).failed(
        2,
        "`image_size`: `large`: must be `fit`, `keep` or a number of pixels from 1 to 8000",
        "langdock help template",
    );
}
