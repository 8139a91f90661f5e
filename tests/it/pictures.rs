//! Pictures of all kinds: each is sent as the endpoint takes it, or refused by its name.

mod clipboard;
mod given;
mod made;
#[cfg(target_os = "linux")]
mod memory;
mod refused;
mod request;
mod sent;
mod tools;

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat, RgbaImage};

use crate::support::{
    command::Langdock,
    home::Home,
    outcome::Outcome,
    sending::{answering, send},
};

/// Returns a PNG of this size.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    made::encoded(&made::corners(width, height), ImageFormat::Png)
}

/// What the server has got of a picture.
struct Received {
    media_type: String,
    bytes: Vec<u8>,
    stderr: String,
}

impl Received {
    /// Decodes the picture, as the endpoint does.
    #[track_caller]
    fn decoded(&self) -> DynamicImage {
        let format = ImageFormat::from_mime_type(&self.media_type).expect("a type of an image");
        image::load_from_memory_with_format(&self.bytes, format).expect("it can be decoded")
    }

    /// Decodes the picture, whose size is asserted.
    #[track_caller]
    fn decoded_as(&self, media_type: &str, width: u32, height: u32) -> RgbaImage {
        assert_eq!(self.media_type, media_type, "{}", self.stderr);
        let decoded = self.decoded();
        let size = (decoded.width(), decoded.height());
        assert_eq!(size, (width, height), "{}", self.stderr);
        decoded.to_rgba8()
    }
}

/// Attaches a file of this name, and returns how that ended and what the server got.
fn attach(name: &str, bytes: &[u8], flags: &[&str]) -> (Outcome, Option<Received>) {
    let (server, home) = (answering("ok"), Home::new());
    home.write(format!("work/{name}"), bytes);
    let args = ["-a", name, "What is it?"];
    let outcome = send(&server).home(&home).args(args).args(flags).run();
    let request = server.requests().into_iter().next();
    let received = request.map(|request| {
        let source = request.json()["messages"][0]["content"][0]["source"].clone();
        Received {
            media_type: source["media_type"].as_str().unwrap().to_owned(),
            bytes: BASE64_STANDARD
                .decode(source["data"].as_str().unwrap())
                .unwrap(),
            stderr: outcome.stderr.clone(),
        }
    });
    (outcome, received)
}

/// Attaches a file that must be sent, and taken by the scripted endpoint.
#[track_caller]
fn received(name: &str, bytes: &[u8], flags: &[&str]) -> Received {
    let (outcome, received) = attach(name, bytes, flags);
    outcome.code(0).stdout("ok\n");
    let received = received.expect("it was sent");
    let home = Home::new();
    home.write(format!("work/{name}"), &received.bytes);
    Langdock::new()
        .home(&home)
        .args([
            "--demo",
            "send",
            "-n",
            "--image-size",
            "keep",
            "-a",
            name,
            "Hi",
        ])
        .run()
        .code(0);
    received
}
