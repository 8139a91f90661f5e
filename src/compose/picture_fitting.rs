//! Makes the pictures of a request fit the limits of the endpoint. Whatever takes long is done on
//! another thread, so that signals are heeded meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::Error;
use crate::input::{self, MANY_PICTURES, Turn, decoded_source, on_a_thread, place_name};
use crate::media::{
    FittedPicture, ImageError, ImageSize, PictureFit, PicturePlan, PixelSize, detect_file_kind,
};
use crate::protocol::{ContentBlock, ExactJson, InputMessage, Media, Source};
use crate::text::counted;

/// Returns whether a request with this many pictures has a lower limit for each.
pub(crate) fn are_many(pictures: usize) -> bool {
    pictures > MANY_PICTURES
}

/// Counts the pictures of messages, including those in results of tools.
pub(crate) fn count_pictures(messages: &[InputMessage]) -> usize {
    let blocks = messages.iter().flat_map(|message| &message.content);
    blocks
        .map(|block| match block {
            ContentBlock::Image(_) => 1,
            ContentBlock::ToolResult(result) => {
                let blocks = result.content.as_deref().and_then(Value::as_array);
                let blocks = blocks.into_iter().flatten();
                blocks.filter(|block| block["type"] == "image").count()
            }
            _ => 0,
        })
        .sum()
}

/// Makes the pictures of a turn fit, with a notice for each that was changed.
///
/// # Errors
///
/// If one is damaged, or exceeds a limit and cannot be changed; or if a signal arrived.
pub(crate) async fn fit_turn(app: &App, turn: &mut Turn, fit: PictureFit) -> Result<(), Error> {
    let images = turn.content.iter_mut().zip(&turn.names);
    let images = images.filter_map(|(block, name)| match block {
        ContentBlock::Image(Media {
            source: Source::Bytes(raw),
            ..
        }) => Some((raw, name)),
        _ => None,
    });
    for ((raw, name), picture) in images.zip(&mut turn.pictures) {
        let bytes = std::mem::take(&mut raw.bytes);
        let fitted = fit_picture(app, bytes, fit).await?;
        let fitted = fitted.map_err(|source| input::Error::Image {
            name: name.clone(),
            source,
        })?;
        if let Some(change) = &fitted.change {
            app.notices.notice(&format!("{name} {change}"));
        }
        let length = fitted.bytes.len().div_ceil(3) * 4;
        for (part, bytes) in &mut turn.parts {
            if part == name {
                *bytes = length;
            }
        }
        picture.size = Some(fitted.size);
        raw.media_type = fitted.media_type;
        raw.bytes = fitted.bytes;
    }
    Ok(())
}

/// Scales down the pictures of earlier messages that are too large to be among many, and returns
/// how many these are. Those that cannot be changed stay as they are.
///
/// # Errors
///
/// If a signal arrived.
pub(crate) async fn fit_earlier(
    app: &App,
    messages: &mut [InputMessage],
    fit: PictureFit,
) -> Result<usize, Error> {
    if fit.image_size == ImageSize::Keep {
        return Ok(0);
    }
    let fit = PictureFit {
        image_size: ImageSize::Fit,
        is_one_of_many: true,
        ..fit
    };
    let mut changed = 0;
    for block in messages.iter_mut().flat_map(|message| &mut message.content) {
        let ContentBlock::Image(media) = block else {
            continue;
        };
        let bytes = match &media.source {
            Source::Bytes(raw) => Some(raw.bytes.clone()),
            Source::Json(source) => decoded_source(source).map(Bytes::from),
        };
        let Some(bytes) = bytes.filter(|bytes| is_too_large(bytes)) else {
            continue;
        };
        if let Ok(fitted) = fit_picture(app, bytes, fit).await? {
            media.source = Media::new(fitted.media_type, fitted.bytes).source;
            changed += 1;
        }
    }
    Ok(changed)
}

/// Returns the notice for earlier pictures that were scaled down.
pub(crate) fn scaled_earlier(count: usize) -> String {
    let images = counted(count, "image");
    format!("scaled down {images} of the conversation, because the request has more than 20")
}

/// Returns whether a picture is too large to be among many.
fn is_too_large(bytes: &[u8]) -> bool {
    let size = crate::media::picture_size(bytes);
    size.is_ok_and(|size: PixelSize| size.check_as_one_of_many().is_err())
}

/// Makes the pictures of messages that the user has written fit, with a notice for each that was
/// changed; those that need nothing stay as they were written. `whole` names the messages.
///
/// # Errors
///
/// If one is damaged, or exceeds a limit and cannot be changed; or if a signal arrived.
pub(crate) async fn fit_given(
    app: &App,
    whole: &str,
    messages: &mut [InputMessage],
    fit: PictureFit,
) -> Result<(), Error> {
    if fit.image_size == ImageSize::Keep {
        return Ok(());
    }
    for (index, message) in messages.iter_mut().enumerate() {
        for (place, block) in message.content.iter_mut().enumerate() {
            let name = format!("{whole}: the image in {}", place_name(index, place));
            match block {
                ContentBlock::Image(media) => {
                    let Source::Json(source) = &media.source else {
                        continue;
                    };
                    if let Some(fitted) = fit_source(app, &name, source, fit).await? {
                        media.source = Media::new(fitted.media_type, fitted.bytes).source;
                    }
                }
                ContentBlock::Document(Media {
                    source: Source::Json(source),
                    ..
                }) => fit_nested(app, &name, source, "/content", fit).await?,
                ContentBlock::ToolResult(result) => {
                    let fit = PictureFit::for_tool(fit.image_size);
                    if let Some(content) = &mut result.content {
                        fit_nested(app, &name, content, "", fit).await?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Makes the pictures fit that are in a list of blocks: that at this JSON pointer.
async fn fit_nested(
    app: &App,
    name: &str,
    json: &mut ExactJson,
    list: &str,
    fit: PictureFit,
) -> Result<(), Error> {
    let blocks = json.pointer(list).and_then(Value::as_array);
    for index in 0..blocks.map_or(0, Vec::len) {
        let place = format!("{list}/{index}");
        let block = json.pointer(&place);
        let Some(block) = block.filter(|block| block["type"] == "image") else {
            continue;
        };
        if let Some(fitted) = fit_source(app, name, &block["source"], fit).await? {
            let source = json!({
                "type": "base64",
                "media_type": fitted.media_type,
                "data": STANDARD.encode(fitted.bytes),
            });
            json.change(|json| {
                if let Some(block) = json.pointer_mut(&place) {
                    block["source"] = source;
                }
            });
        }
    }
    Ok(())
}

/// Returns the picture of a source if it had to be changed. What is not a picture is left to
/// [`check_given`](super::history_fit::check_given).
async fn fit_source(
    app: &App,
    name: &str,
    source: &Value,
    fit: PictureFit,
) -> Result<Option<FittedPicture>, Error> {
    let is_picture = |bytes: &Vec<u8>| detect_file_kind(bytes).picture_type().is_some();
    let Some(bytes) = decoded_source(source).filter(is_picture) else {
        return Ok(None);
    };
    let fitted = fit_picture(app, bytes.into(), fit).await?;
    let fitted = fitted.map_err(|source| input::Error::Image {
        name: name.to_owned(),
        source,
    })?;
    if let Some(change) = &fitted.change {
        app.notices.notice(&format!("{name} {change}"));
        return Ok(Some(fitted));
    }
    Ok(None)
}

/// Makes a picture fit. The inner error says why it cannot be sent.
async fn fit_picture(
    app: &App,
    bytes: Bytes,
    fit: PictureFit,
) -> Result<Result<FittedPicture, ImageError>, Error> {
    let plan = match PicturePlan::new(&bytes, fit) {
        Ok(plan) => plan,
        Err(error) => return Ok(Err(error)),
    };
    if !plan.is_slow() {
        return Ok(plan.carry_out(bytes));
    }
    let fitting = on_a_thread(move || Ok(plan.carry_out(bytes)));
    let fitted = app.unless_interrupted(fitting).await?;
    fitted.map_err(|source| Error::System {
        what: "scale an image",
        source,
    })
}
