//! Images and PDFs: files named after their content, next to the conversation, so that each is
//! stored once.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::paths::blobs_dir;
use super::{Error, write_error};
use crate::fs::{Durability, atomic_write, create_private_dir, read_regular};
use crate::model_text::lost_attachment;
use crate::protocol::{ContentBlock, ExactJson, Media, RawSource, Source};

/// The `type` of a source whose bytes are in a file.
const BLOB: &str = "blob";

/// The media types that are stored as files, and the extensions of the files.
const TYPES: [(&str, &str); 5] = [
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("application/pdf", "pdf"),
];

/// The directory of one conversation's images and PDFs.
#[derive(Debug, Clone)]
pub(super) struct BlobStore(PathBuf);

impl BlobStore {
    /// Creates the store of the conversation with this id.
    pub(super) fn for_conversation(directory: &Path, id: &str) -> Self {
        Self(blobs_dir(directory, id))
    }

    /// Returns the directory.
    pub(super) fn directory(&self) -> &Path {
        &self.0
    }

    /// Whether content may have bytes that are moved into files.
    pub(super) fn may_move(content: &[ContentBlock]) -> bool {
        content.iter().any(|block| {
            matches!(
                block,
                ContentBlock::Image(_) | ContentBlock::Document(_) | ContentBlock::ToolResult(_)
            )
        })
    }

    /// Returns content as it is stored: the bytes of images and PDFs are moved into files.
    pub(super) fn store_content(&self, content: &[ContentBlock]) -> Result<Vec<ExactJson>, Error> {
        content.iter().map(|block| self.put_block(block)).collect()
    }

    fn put_block(&self, block: &ContentBlock) -> Result<ExactJson, Error> {
        if let ContentBlock::Image(media) | ContentBlock::Document(media) = block
            && let Source::Bytes(raw) = &media.source
        {
            let source = self.put_bytes(raw.media_type, &raw.bytes)?;
            let media = Media {
                source: Source::Json(source.into()),
                extra: media.extra.clone(),
            };
            let is_image = matches!(block, ContentBlock::Image(_));
            return Ok(ExactJson::from_value(&if is_image {
                ContentBlock::Image(media)
            } else {
                ContentBlock::Document(media)
            }));
        }
        if matches!(
            block,
            ContentBlock::Image(_) | ContentBlock::Document(_) | ContentBlock::ToolResult(_)
        ) {
            let mut block = ExactJson::from_value(block);
            block.change(|value| self.put_sources(value))?;
            return Ok(block);
        }
        Ok(ExactJson::from_value(block))
    }

    /// Moves the bytes of every base64 source in `value` into files.
    fn put_sources(&self, value: &mut Value) -> Result<(), Error> {
        match value {
            Value::Object(fields) => {
                if let Some(source) = fields.get_mut("source")
                    && source["type"] == "base64"
                    && let (Some(media_type), Some(data)) =
                        (source["media_type"].as_str(), source["data"].as_str())
                    && let Ok(bytes) = STANDARD.decode(data)
                {
                    *source = self.put_bytes(media_type, &bytes)?;
                }
                fields
                    .values_mut()
                    .try_for_each(|field| self.put_sources(field))
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.put_sources(item)),
            _ => Ok(()),
        }
    }

    fn put_bytes(&self, media_type: &str, bytes: &[u8]) -> Result<Value, Error> {
        let hash = hex_digest(bytes);
        let ending = TYPES
            .iter()
            .find(|(known, _)| *known == media_type)
            .map_or("bin", |(_, ending)| ending);
        let file = format!("{hash}.{ending}");
        let path = self.0.join(&file);
        if self.read_file(&file).is_err() {
            atomic_write(&path, bytes, Durability::Synced).map_err(write_error(&path))?;
        }
        Ok(json!({"type": BLOB, "media_type": media_type, "file": file}))
    }

    /// Converts stored content to what is sent: the bytes are read from their files. A file that is
    /// missing, or has other bytes now, is replaced by a text. Adds a sentence for each to `lost`.
    pub(super) fn load_content(&self, content: &mut [ContentBlock], lost: &mut Vec<String>) {
        for block in content {
            match block {
                ContentBlock::Image(media) | ContentBlock::Document(media) => {
                    if let Source::Json(source) = &media.source
                        && source["type"] == BLOB
                    {
                        match self.read_source(source) {
                            Ok(bytes) => media.source = bytes,
                            Err(why) => {
                                lost.push(why);
                                *block = ContentBlock::text(missing_file_text(source));
                            }
                        }
                    }
                }
                ContentBlock::ToolResult(result) => result
                    .content
                    .iter_mut()
                    .for_each(|content| content.change(|value| self.get_sources(value, lost))),
                _ => {}
            }
        }
    }

    fn get_sources(&self, value: &mut Value, lost: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let source = fields
                    .get("source")
                    .filter(|source| source["type"] == BLOB)
                    .cloned();
                match source.map(|source| self.read_source(&source).map_err(|why| (source, why))) {
                    Some(Ok(bytes)) => {
                        fields.insert(
                            "source".to_owned(),
                            serde_json::to_value(bytes).expect("a source is an object of texts"),
                        );
                    }
                    Some(Err((source, why))) => {
                        lost.push(why);
                        *value = json!({"type": "text", "text": missing_file_text(&source)});
                    }
                    None => fields
                        .values_mut()
                        .for_each(|field| self.get_sources(field, lost)),
                }
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.get_sources(item, lost)),
            _ => {}
        }
    }

    /// Returns the bytes of a file, or why they are not those that were saved.
    fn read_file(&self, file: &str) -> Result<Vec<u8>, &'static str> {
        // The program never writes a name that contains a path.
        if file.contains('/') {
            return Err("is not the name of a saved file");
        }
        let bytes = read_regular(&self.0.join(file)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => "is missing",
            _ => "cannot be read",
        })?;
        let hash = file.split('.').next().unwrap_or_default();
        if hash == hex_digest(&bytes) {
            Ok(bytes)
        } else {
            Err("was changed")
        }
    }

    /// Returns the source with its bytes, or a sentence that says what is lost, and why.
    fn read_source(&self, source: &Value) -> Result<Source, String> {
        let file = source["file"].as_str().unwrap_or_default();
        let media_type = source["media_type"].as_str().unwrap_or("a file");
        let bytes = self.read_file(file).map_err(|why| {
            let path = self.0.join(file);
            format!(
                "{media_type} of this conversation is lost, and the model is told so: `{}` {why}",
                path.display()
            )
        })?;
        Ok(match TYPES.iter().find(|(known, _)| *known == media_type) {
            Some((media_type, _)) => Source::Bytes(RawSource {
                media_type,
                bytes: Bytes::from(bytes),
            }),
            None => Source::Json(
                json!({"type": "base64", "media_type": media_type, "data": STANDARD.encode(bytes)})
                    .into(),
            ),
        })
    }
}

/// Returns the SHA-256 of bytes in hexadecimal digits.
fn hex_digest(bytes: &[u8]) -> String {
    let mut hash = String::new();
    for byte in digest(&SHA256, bytes).as_ref() {
        hash.push_str(&format!("{byte:02x}"));
    }
    hash
}

/// Returns the text that replaces a missing file.
fn missing_file_text(source: &Value) -> String {
    lost_attachment(source["media_type"].as_str().unwrap_or("a file"))
}

/// Makes the files of one conversation available to another one, without copying where the file
/// system can.
pub(super) fn share_blobs(from: &BlobStore, to: &BlobStore) -> Result<(), Error> {
    let entries = match fs::read_dir(from.directory()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(super::read_error(from.directory()))?,
    };
    create_private_dir(to.directory()).map_err(write_error(to.directory()))?;
    for entry in entries.flatten() {
        let path = to.directory().join(entry.file_name());
        let shared = fs::hard_link(entry.path(), &path);
        shared
            .or_else(|_| fs::copy(entry.path(), &path).map(drop))
            .map_err(write_error(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_once_and_come_back_as_they_were() {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = BlobStore::for_conversation(directory.path(), "2x");
        let png = Bytes::from_static(b"\x89PNG");
        let in_json =
            json!({"type": "base64", "media_type": "image/png", "data": STANDARD.encode(&png)});
        let result = json!({
            "type": "tool_result", "tool_use_id": "t",
            "content": [{"type": "image", "source": in_json}],
        });
        let content = vec![
            ContentBlock::Image(Media::new("image/png", png.clone())),
            serde_json::from_value(json!({"type": "image", "source": in_json})).expect("a block"),
            serde_json::from_value(result).expect("a block"),
            ContentBlock::Document(Media::new("application/pdf", Bytes::from_static(b"%PDF"))),
        ];
        let written = blobs.store_content(&content).expect("it is writable");
        assert_eq!(written[0], written[1]);
        assert_eq!(written[0]["source"], written[2]["content"][0]["source"]);
        assert_eq!(
            fs::read_dir(blobs.directory())
                .expect("it is there")
                .count(),
            2
        );

        let written = ExactJson::from_value(&written);
        let mut read: Vec<ContentBlock> = written.read_as().expect("blocks");
        let mut lost = Vec::new();
        blobs.load_content(&mut read, &mut lost);
        assert_eq!(lost, <[String; 0]>::default());
        assert_eq!(
            serde_json::to_value(&read).expect("JSON"),
            serde_json::to_value(&content).expect("JSON")
        );

        for why in ["was changed", "is missing"] {
            if why == "is missing" {
                fs::remove_dir_all(blobs.directory()).expect("it is there");
            } else {
                for file in fs::read_dir(blobs.directory()).expect("it is there") {
                    fs::write(file.expect("a file").path(), "other bytes").expect("it is writable");
                }
            }
            let mut read: Vec<ContentBlock> = written.read_as().expect("blocks");
            let mut lost = Vec::new();
            blobs.load_content(&mut read, &mut lost);
            assert_eq!(read[0], ContentBlock::text("[image/png that is lost]"));
            assert_eq!(lost.len(), content.len());
            assert!(lost.iter().all(|lost| lost.ends_with(why)), "{lost:?}");
        }
        blobs.store_content(&content).expect("it is writable");
        let mut lost = Vec::new();
        let mut read: Vec<ContentBlock> = written.read_as().expect("blocks");
        blobs.load_content(&mut read, &mut lost);
        assert_eq!(lost, <[String; 0]>::default(), "it is stored again");
    }
}
