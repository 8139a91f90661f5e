//! The result of a call, for the model and for the user. Pure.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::capture::Capture;
use super::run_spec::{MAX_OUTPUT, ResultForm};
use crate::media::{FileKind, PictureFit, PicturePlan, detect_file_kind};
use crate::model_text::{self, FAILED_STDERR, FAILED_STDOUT, NO_OUTPUT};
use crate::protocol::{ContentBlock, ExactJson, Media, ToolResult, UnknownFields};
use crate::text::{KnownSecrets, counted};

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Text, or a list with an image.
    pub(crate) content: Value,
    /// Whether the call failed.
    pub(crate) is_error: bool,
    /// The image, if the result is one.
    pub(crate) image: Option<Bytes>,
    /// What was changed in its images: for each, the rest of a sentence that begins with it.
    pub(crate) picture_changes: Vec<String>,
    /// How long the tool ran; `None` if it was not run.
    pub(crate) took: Option<Duration>,
}

/// A part of the result of a call that a server ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutcomePart {
    /// Text.
    Text(String),
    /// What should be an image.
    Image(Bytes),
    /// Something that cannot be sent; what it is.
    LeftOut(String),
}

/// The most images of one result.
const MAX_IMAGES: usize = 20;

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// A signal from elsewhere killed it.
    Killed(i32),
    /// It exceeded its timeout.
    TimedOut(Duration),
    /// The user cancelled it.
    Stopped,
}

impl Outcome {
    /// Blanks secrets out of the text: a tool may print a file that has one.
    pub(crate) fn without_secrets(mut self, secrets: &KnownSecrets) -> Self {
        let texts = match &mut self.content {
            text @ Value::String(_) => vec![text],
            Value::Array(blocks) => blocks
                .iter_mut()
                .filter_map(|block| block.get_mut("text"))
                .collect(),
            _ => Vec::new(),
        };
        for value in texts {
            if let Value::String(text) = value
                && let Cow::Owned(scrubbed) = secrets.scrub(text)
            {
                *text = scrubbed;
            }
        }
        self
    }

    /// Creates the result of a call that failed or was not run.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self {
            content: Value::from(message.into()),
            is_error: true,
            image: None,
            picture_changes: Vec::new(),
            took: None,
        }
    }

    /// Creates the result for a tool that ended like this.
    pub(super) fn from_ending(
        ended: Ended,
        form: Option<ResultForm>,
        stdout: Capture,
        stderr: Capture,
        took: Duration,
        fit: PictureFit,
    ) -> Self {
        let what = match ended {
            Ended::Exited(0) => {
                return Self {
                    took: Some(took),
                    ..Self::of_output(form, stdout, fit)
                };
            }
            Ended::Exited(code) => model_text::tool_failed(code),
            Ended::Killed(signal) => model_text::tool_killed(signal),
            Ended::TimedOut(limit) => model_text::tool_timed_out(limit),
            Ended::Stopped => model_text::TOOL_STOPPED.to_owned(),
        };
        let mut message = what;
        for (name, printed) in [(FAILED_STDOUT, stdout), (FAILED_STDERR, stderr)] {
            if printed.total() > 0 && detect_file_kind(printed.beginning()) == FileKind::Text {
                message.push_str(&format!("\n{name}\n{}", printed.text().trim_end()));
            }
        }
        Self {
            took: Some(took),
            ..Self::error(message)
        }
    }

    fn of_output(form: Option<ResultForm>, stdout: Capture, fit: PictureFit) -> Self {
        let (total, cut) = (stdout.total(), stdout.cut());
        let kind = detect_file_kind(stdout.beginning());
        let is_file = kind != FileKind::Text && kind.can_be_sent();
        let is_image = form == Some(ResultForm::Image) || (form.is_none() && is_file);
        match (form, kind) {
            _ if is_image => Self::of_image(kind, stdout, fit),
            (_, kind) if kind != FileKind::Text => Self::error(model_text::output_is_binary(total)),
            (Some(ResultForm::Json), _) if cut > 0 => {
                Self::error(model_text::json_is_too_long(total, cut))
            }
            (Some(ResultForm::Json), _) => match ExactJson::parse(&stdout.text()) {
                Ok(value) => Self::text(value.to_string()),
                Err(error) => Self::error(model_text::output_is_not_json(&error)),
            },
            _ if total == 0 => Self::text(NO_OUTPUT.to_owned()),
            // The API refuses a result that is only white space.
            _ => Self::text(
                Some(stdout.text())
                    .filter(|text| !text.trim().is_empty())
                    .unwrap_or_else(|| NO_OUTPUT.to_owned()),
            ),
        }
    }

    fn of_image(kind: FileKind, stdout: Capture, fit: PictureFit) -> Self {
        let total = stdout.total();
        if kind.picture_type().is_none() {
            return Self::error(model_text::output_is_not_an_image(total));
        }
        let Some(bytes) = stdout.whole().map(Bytes::from) else {
            return Self::error(model_text::image_is_too_large(total));
        };
        let sent = match SentImage::new(bytes, fit) {
            Ok(sent) => sent,
            Err(error) => return Self::error(model_text::image_is_refused(&error)),
        };
        Self {
            content: json!([sent.block]),
            is_error: false,
            image: Some(sent.bytes),
            picture_changes: sent.change.into_iter().collect(),
            took: None,
        }
    }

    /// Creates the result of a call that a server ran. What the API would refuse is named instead.
    pub(crate) fn from_parts(
        parts: Vec<OutcomePart>,
        is_error: bool,
        took: Duration,
        fit: PictureFit,
    ) -> Self {
        let (mut blocks, mut images) = (Vec::<ContentBlock>::new(), Vec::new());
        let mut picture_changes = Vec::new();
        let mut text = String::new();
        for part in parts {
            let words = match part {
                OutcomePart::Text(text) => text,
                OutcomePart::LeftOut(what) => {
                    model_text::left_out_block(&what, "langdock cannot send it")
                }
                // The API takes nothing but text in the result of a failed call.
                OutcomePart::Image(_) if is_error => {
                    model_text::left_out_block("image", "the call failed")
                }
                OutcomePart::Image(_) if images.len() == MAX_IMAGES => {
                    model_text::left_out_block("image", "there are too many of them")
                }
                OutcomePart::Image(bytes) => match SentImage::new(bytes, fit) {
                    Ok(sent) => {
                        blocks.extend(taken_text(&mut text));
                        blocks.push(sent.block);
                        images.push(sent.bytes);
                        picture_changes.extend(sent.change);
                        continue;
                    }
                    Err(error) => model_text::left_out_block("image", &error),
                },
            };
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&words);
        }
        let content = if blocks.is_empty() {
            let text = Some(cut(&text)).filter(|text| !text.trim().is_empty());
            Value::from(text.unwrap_or_else(|| NO_OUTPUT.to_owned()))
        } else {
            blocks.extend(taken_text(&mut text));
            json!(blocks)
        };
        let is_only_image = blocks.len() == 1;
        Self {
            content,
            is_error,
            image: images.pop().filter(|_| is_only_image),
            picture_changes,
            took: Some(took),
        }
    }

    fn text(text: String) -> Self {
        Self {
            content: Value::from(text),
            is_error: false,
            image: None,
            picture_changes: Vec::new(),
            took: None,
        }
    }

    /// Returns the block to send to the model.
    pub(crate) fn to_result(&self, tool_use_id: &str) -> ToolResult {
        ToolResult {
            tool_use_id: tool_use_id.to_owned(),
            content: Some(self.content.clone().into()),
            is_error: self.is_error.then_some(true),
            extra: UnknownFields::default(),
        }
    }

    /// Returns the reason of a failure on one line, and the output on further lines.
    pub(crate) fn failure(&self) -> (&str, &str) {
        let text = self.content.as_str().unwrap_or_default();
        text.split_once('\n').unwrap_or((text, ""))
    }

    /// Returns a one-line summary.
    pub(crate) fn in_short(&self) -> String {
        match (&self.content, &self.image) {
            (Value::String(text), _) => text.trim_end().to_owned(),
            (_, Some(image)) => format!("an image of {}", counted(image.len(), "byte")),
            (Value::Array(blocks), None) => {
                let shown = |block: &Value| {
                    let text = block["text"].as_str();
                    text.map_or_else(|| "[image]".to_owned(), |text| text.trim_end().to_owned())
                };
                blocks.iter().map(shown).collect::<Vec<_>>().join("\n")
            }
            (other, None) => other.to_string(),
        }
    }
}

/// Returns what was collected as a block, if it has more than white space, which the API refuses.
fn taken_text(text: &mut String) -> Option<ContentBlock> {
    let text = std::mem::take(text);
    (!text.trim().is_empty()).then(|| ContentBlock::text(cut(&text)))
}

/// Returns the head and the tail of a long text.
fn cut(text: &str) -> String {
    let mut captured = Capture::new(MAX_OUTPUT);
    captured.push(text.as_bytes());
    captured.text()
}

/// An image of a result as it is sent.
struct SentImage {
    block: ContentBlock,
    bytes: Bytes,
    /// What was changed: the rest of a sentence that begins with the image.
    change: Option<String>,
}

impl SentImage {
    /// Makes an image fit; the error says why the API would refuse it.
    fn new(bytes: Bytes, fit: PictureFit) -> Result<Self, String> {
        if detect_file_kind(&bytes).picture_type().is_none() {
            return Err("not a JPEG, PNG, GIF or WebP image".to_owned());
        }
        let plan = PicturePlan::new(&bytes, fit);
        let fitted = plan.and_then(|plan| plan.carry_out(bytes));
        let fitted = fitted.map_err(|error| error.to_string())?;
        Ok(Self {
            block: ContentBlock::Image(Media::new(fitted.media_type, fitted.bytes.clone())),
            bytes: fitted.bytes,
            change: fitted.change,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{ImageResolution, ImageSize};

    const FIT: PictureFit = PictureFit {
        image_size: ImageSize::Fit,
        resolution: ImageResolution::HIGH,
        is_one_of_many: true,
    };

    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";

    fn outcome(ended: Ended, form: Option<ResultForm>, stdout: &[u8], stderr: &[u8]) -> Outcome {
        let (mut out, mut err) = (Capture::new(64), Capture::new(64));
        out.push(stdout);
        err.push(stderr);
        Outcome::from_ending(ended, form, out, err, Duration::ZERO, FIT)
    }

    #[test]
    fn what_was_printed_is_the_result_in_the_form_that_was_said() {
        let printed = |form, bytes: &[u8]| {
            let outcome = outcome(Ended::Exited(0), form, bytes, b"noise");
            (
                outcome.content.as_str().unwrap_or_default().to_owned(),
                outcome.is_error,
            )
        };
        assert_eq!(printed(None, b"42\n"), ("42\n".to_owned(), false));
        assert_eq!(printed(None, b""), ("(no output)".to_owned(), false));
        assert_eq!(
            printed(Some(ResultForm::Json), b"{ \"a\" : 1 }\n"),
            ("{\"a\":1}".to_owned(), false)
        );
        assert!(
            printed(Some(ResultForm::Json), b"x")
                .0
                .contains("not valid JSON")
        );
        assert!(
            printed(Some(ResultForm::Json), &[b'1'; 99])
                .0
                .contains("35 bytes over")
        );
        assert_eq!(
            printed(None, b"\0\x01"),
            (
                "the tool printed 2 bytes that are not text".to_owned(),
                true
            )
        );
        assert!(printed(Some(ResultForm::Text), GIF).1);
        assert!(
            printed(Some(ResultForm::Image), b"text")
                .0
                .contains("not a JPEG, PNG, GIF or WebP image")
        );
        assert!(
            printed(None, &[GIF, &[0; 99]].concat())
                .0
                .contains("over the limit")
        );
    }

    #[test]
    fn the_parts_of_a_server_become_text_and_images_and_words_for_the_rest() {
        let text = |text: &str| OutcomePart::Text(text.to_owned());
        let image = || OutcomePart::Image(Bytes::from_static(GIF));
        let of = |parts: Vec<OutcomePart>, is_error| {
            Outcome::from_parts(parts, is_error, Duration::ZERO, FIT)
        };
        assert_eq!(of(vec![text("a"), text("b")], false).content, "a\nb");
        for blank in [vec![], vec![text(" \n")]] {
            assert_eq!(of(blank, false).content, NO_OUTPUT);
        }
        let broken = OutcomePart::Image(Bytes::from_static(b"no image"));
        let left_out = of(
            vec![broken, OutcomePart::LeftOut("audio".to_owned())],
            false,
        );
        assert_eq!(
            left_out.content,
            "[image left out: not a JPEG, PNG, GIF or WebP image]\n[audio left out: langdock cannot \
             send it]"
        );
        let mixed = of(vec![text("a"), image(), text(" "), text("b")], false);
        assert_eq!(mixed.content[0]["text"], "a");
        assert_eq!(mixed.content[1]["type"], "image");
        assert_eq!(mixed.content[2]["text"], " \nb");
        assert_eq!(
            (mixed.in_short().as_str(), mixed.image),
            ("a\n[image]\n \nb", None)
        );
        assert_eq!(of(vec![image()], false).in_short(), "an image of 14 bytes");
        let failed = of(vec![text("why"), image()], true);
        assert_eq!(failed.content, "why\n[image left out: the call failed]");
        let many = of(vec![image(); MAX_IMAGES + 1], false);
        let blocks = many.content.as_array().map_or(0, Vec::len);
        assert_eq!(blocks, MAX_IMAGES + 1, "the last one is words");
        let long = of(vec![text(&"x".repeat(MAX_OUTPUT + 9))], false);
        assert!(
            long.in_short().contains("9 bytes omitted"),
            "{}",
            long.in_short().len()
        );
    }

    #[test]
    fn an_image_is_a_block() {
        let outcome = outcome(Ended::Exited(0), None, GIF, b"");
        assert_eq!(
            (outcome.is_error, outcome.in_short()),
            (false, "an image of 14 bytes".to_owned())
        );
        let result = serde_json::to_value(outcome.to_result("t")).expect("a result is JSON");
        assert_eq!(result["content"][0]["source"]["media_type"], "image/gif");
        assert_eq!(result.get("is_error"), None);
    }

    #[test]
    fn a_failure_tells_the_model_what_it_can_use() {
        for (ended, expected) in [
            (
                Ended::Exited(3),
                "exit code 3\nStandard output:\nhalf\nStandard error:\nerr",
            ),
            (Ended::Killed(9), "signal 9"),
            (
                Ended::TimedOut(Duration::from_secs(30)),
                "timed out after 30 s",
            ),
            (Ended::Stopped, "the user stopped"),
        ] {
            let outcome = outcome(ended, Some(ResultForm::Json), b"half", b"err");
            assert!(
                outcome.is_error && outcome.in_short().contains(expected),
                "{outcome:?}"
            );
            let (how, printed) = outcome.failure();
            assert!(
                !how.contains("half") && printed == "Standard output:\nhalf\nStandard error:\nerr",
                "{outcome:?}"
            );
        }
        assert_eq!(Outcome::error("why").failure(), ("why", ""));
    }
}
