//! The body of a request. Long texts and the bytes of files become JSON only while they are sent, a
//! piece at a time: neither is held together with its JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use memchr::memmem;

use super::content_block::{ContentBlock, RawSource, Source};
use super::exact_json::ExactJson;
use super::request::CreateMessage;
use super::shared_text::SharedText;

/// How many bytes of a file are encoded at a time: base64 makes four bytes out of three, and only
/// the end of a file is padded.
const FILE_PIECE: usize = MAX_PIECE / 4 * 3;

/// The most bytes that [`RequestBody::take_piece`] returns.
const MAX_PIECE: usize = 64 * 1024;

/// How many bytes of a text are escaped at a time: one byte takes at most six in JSON.
const TEXT_PIECE: usize = MAX_PIECE / 6;

/// A shorter text is a part of the JSON around it.
const LONG_TEXT: usize = MAX_PIECE;

/// The JSON of a request. A clone shares its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestBody {
    /// What follows one another, the last piece in front.
    pieces: Vec<BodyPiece>,
    /// The length of the JSON in bytes.
    length: usize,
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BodyPiece {
    /// JSON.
    Json(Bytes),
    /// A file, whose base64 belongs here.
    File(Bytes),
    /// A text, which belongs here without its quotes.
    Text(TextPart),
}

/// What is left of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TextPart {
    text: SharedText,
    /// Where it begins in the text, in bytes.
    from: usize,
    /// The length of its JSON in bytes.
    json_length: usize,
}

impl BodyPiece {
    /// Returns the bytes that it takes in the JSON.
    fn json_length(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::File(bytes) => bytes.len().div_ceil(3) * 4,
            Self::Text(part) => part.json_length,
        }
    }
}

impl RequestBody {
    fn new(mut pieces: Vec<BodyPiece>) -> Self {
        let length = pieces.iter().map(BodyPiece::json_length).sum();
        pieces.reverse();
        Self { pieces, length }
    }

    /// Returns the length of the JSON in bytes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Returns the JSON.
    pub(crate) fn to_json(&self) -> Cow<'_, [u8]> {
        if let [BodyPiece::Json(json)] = self.pieces.as_slice() {
            return Cow::Borrowed(json);
        }
        let mut json = Vec::with_capacity(self.length);
        let mut rest = self.clone();
        while let Some(piece) = rest.take_piece() {
            json.extend_from_slice(&piece);
        }
        Cow::Owned(json)
    }

    /// Removes up to 64 KiB of JSON from the front and returns them; none at the end.
    pub(crate) fn take_piece(&mut self) -> Option<Bytes> {
        let (piece, is_used_up) = match self.pieces.last_mut()? {
            BodyPiece::Json(json) => {
                let piece = json.split_to(json.len().min(MAX_PIECE));
                (piece, json.is_empty())
            }
            BodyPiece::File(bytes) => {
                let part = bytes.split_to(bytes.len().min(FILE_PIECE));
                (Bytes::from(STANDARD.encode(part)), bytes.is_empty())
            }
            BodyPiece::Text(part) => (part.take_piece(), part.from == part.text.len()),
        };
        if is_used_up {
            self.pieces.pop();
        }
        self.length -= piece.len();
        Some(piece)
    }
}

/// Returns the bytes that a byte of a text takes in JSON.
fn escaped_length(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..=0x1f => 6,
        _ => 1,
    }
}

/// Returns the bytes that a text takes in JSON, without its quotes. Most bytes stand for
/// themselves, so eight at a time are looked at.
fn escaped_text_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    let of_words = words.iter().map(|word| {
        if is_plain(u64::from_le_bytes(*word)) {
            word.len()
        } else {
            word.iter().copied().map(escaped_length).sum()
        }
    });
    of_words.sum::<usize>() + rest.iter().copied().map(escaped_length).sum::<usize>()
}

/// Whether none of eight bytes is escaped; it may be false though none is. A byte is zero, or lower
/// than another, if subtracting sets its highest bit, which it has not had. Source: Hacker's
/// Delight, 6-1.
fn is_plain(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = ONES << 7;
    let is_lower = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word & HIGHEST;
    let is_equal = |byte: u8| is_lower(word ^ (ONES * u64::from(byte)), 1);
    is_lower(word, 0x20) | is_equal(b'"') | is_equal(b'\\') == 0
}

impl From<SharedText> for TextPart {
    fn from(text: SharedText) -> Self {
        let json_length = escaped_text_length(text.as_bytes());
        Self {
            text,
            from: 0,
            json_length,
        }
    }
}

impl TextPart {
    /// Removes some JSON from the front and returns it.
    fn take_piece(&mut self) -> Bytes {
        let end = self.text.floor_char_boundary(self.from + TEXT_PIECE);
        let start = std::mem::replace(&mut self.from, end);
        let piece = escaped(&self.text[start..end]);
        self.json_length -= piece.len();
        piece
    }
}

/// Returns a text as it is in JSON, without its quotes.
fn escaped(text: &str) -> Bytes {
    let json = Bytes::from(serde_json::to_vec(text).expect("a text is JSON"));
    json.slice(1..json.len() - 1)
}

impl From<Vec<u8>> for RequestBody {
    fn from(json: Vec<u8>) -> Self {
        Self::new(vec![BodyPiece::Json(json.into())])
    }
}

/// What was taken out of a request, and the message and the block where it belongs.
struct TakenPart {
    message: usize,
    block: usize,
    part: LongPart,
}

/// What of a block becomes JSON only while it is sent.
enum LongPart {
    /// The source of an image or a document.
    Source(Source),
    /// A text, or reasoning.
    Text(SharedText),
}

impl CreateMessage {
    /// Serializes the body. `size_hint` is about as many bytes as it has, so that large input is
    /// not copied while the buffer grows. The request is the same afterwards.
    pub(crate) fn serialize_body(&mut self, size_hint: usize) -> RequestBody {
        // Nobody can have written this number, since nobody knew it.
        let marker = format!("{:032x}", fastrand::u128(..));
        let taken = self.take_long_parts(&marker);
        if taken.is_empty() {
            return self.to_json(size_hint).into();
        }
        let parts: Vec<BodyPiece> = taken.iter().filter_map(TakenPart::piece).collect();
        let in_parts: usize = parts.iter().map(BodyPiece::json_length).sum();
        let json = Bytes::from(self.to_json(size_hint.saturating_sub(in_parts) + 1024));
        for TakenPart {
            message,
            block,
            part,
        } in taken
        {
            self.messages[message].content[block].put_back(part);
        }
        let mut pieces = Vec::new();
        let mut rest = json.clone();
        let marks: Vec<usize> = memmem::find_iter(&json, &marker).collect();
        debug_assert_eq!(marks.len(), parts.len(), "each part has its place");
        for (mark, part) in marks.into_iter().zip(parts) {
            let begun = json.len() - rest.len();
            pieces.push(BodyPiece::Json(rest.split_to(mark - begun)));
            pieces.push(part);
            let _ = rest.split_to(marker.len());
        }
        pieces.push(BodyPiece::Json(rest));
        RequestBody::new(pieces)
    }

    /// Replaces each long text, and the bytes of each file, by the marker.
    fn take_long_parts(&mut self, marker: &str) -> Vec<TakenPart> {
        let mut taken = Vec::new();
        for (message, turn) in self.messages.iter_mut().enumerate() {
            for (block, content) in turn.content.iter_mut().enumerate() {
                if let Some(part) = content.take_long_part(marker) {
                    taken.push(TakenPart {
                        message,
                        block,
                        part,
                    });
                }
            }
        }
        taken
    }
}

impl TakenPart {
    fn piece(&self) -> Option<BodyPiece> {
        match &self.part {
            LongPart::Source(Source::Bytes(file)) => Some(BodyPiece::File(file.bytes.clone())),
            LongPart::Source(Source::Json(_)) => None,
            LongPart::Text(text) => Some(BodyPiece::Text(text.clone().into())),
        }
    }
}

impl ContentBlock {
    /// Replaces the bytes of a file, or a long text, by the marker; `None` if it has neither.
    fn take_long_part(&mut self, marker: &str) -> Option<LongPart> {
        if let Some(source) = self.source_mut()
            && let Source::Bytes(file) = source
            && !file.bytes.is_empty()
        {
            let placeholder = Source::Json(file.with_text(marker));
            return Some(LongPart::Source(std::mem::replace(source, placeholder)));
        }
        let text = self.text_mut()?;
        (text.len() >= LONG_TEXT).then(|| LongPart::Text(std::mem::replace(text, marker.into())))
    }

    /// Puts back what was taken out.
    fn put_back(&mut self, part: LongPart) {
        match part {
            LongPart::Source(source) => {
                if let Some(place) = self.source_mut() {
                    *place = source;
                }
            }
            LongPart::Text(text) => {
                if let Some(place) = self.text_mut() {
                    *place = text;
                }
            }
        }
    }

    /// Returns the source of an image or a document for changes.
    fn source_mut(&mut self) -> Option<&mut Source> {
        match self {
            Self::Image(media) | Self::Document(media) => Some(&mut media.source),
            _ => None,
        }
    }

    /// Returns a text or reasoning for changes.
    fn text_mut(&mut self) -> Option<&mut SharedText> {
        match self {
            Self::Text(text) => Some(&mut text.text),
            Self::Thinking(thinking) => Some(&mut thinking.thinking),
            _ => None,
        }
    }
}

impl RawSource {
    /// Returns the JSON of a source that has this text instead of the bytes.
    fn with_text(&self, data: &str) -> ExactJson {
        ExactJson::from_value(&serde_json::json!({
            "type": "base64", "media_type": self.media_type, "data": data,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::content_block::Media;
    use super::super::exact_json::ExactFields;
    use super::super::message::Role;
    use super::super::request::InputMessage;
    use super::*;

    fn picture(bytes: usize) -> ContentBlock {
        let bytes: Vec<u8> = (0..=250).cycle().take(bytes).collect();
        ContentBlock::Image(Media::new("image/png", bytes.into()))
    }

    fn request(content: Vec<ContentBlock>) -> CreateMessage {
        CreateMessage {
            model: "m".into(),
            max_tokens: 5,
            system: None,
            messages: vec![InputMessage {
                role: Role::User,
                content,
            }],
            tools: Vec::new(),
            tool_choice: None,
            stream: true,
            fields: ExactFields::default(),
        }
    }

    fn pieces(mut body: RequestBody) -> Vec<Bytes> {
        std::iter::from_fn(|| body.take_piece()).collect()
    }

    #[test]
    fn a_body_with_files_is_the_json_of_the_request_whole_and_in_pieces() {
        for sizes in [&[][..], &[0], &[1], &[2, 3], &[100_000, 0, 49_152, 98_304]] {
            let mut content: Vec<_> = sizes.iter().map(|size| picture(*size)).collect();
            content.push(ContentBlock::text("What is it?\u{1} \"data\":\"\""));
            let mut request = request(content);
            let before = request.clone();
            let body = request.serialize_body(0);
            assert_eq!(request, before, "the request is as it was");
            let expected = request.to_json(0);
            assert_eq!(body.to_json(), expected, "{sizes:?}");
            assert_eq!(body.len(), expected.len());
            let pieces = pieces(body);
            assert!(pieces.iter().all(|piece| piece.len() <= MAX_PIECE));
            assert_eq!(pieces.concat(), expected);
        }
    }

    #[test]
    fn a_long_text_is_escaped_as_it_leaves_wherever_it_is_divided() {
        for unit in ["a", "\"", "\u{1}", "\n\u{7f}", "é\u{1}", "aé漢🙂\\"] {
            let text = unit.repeat(LONG_TEXT);
            let mut request = request(vec![ContentBlock::text(&text), ContentBlock::text("end")]);
            let before = request.clone();
            let body = request.serialize_body(0);
            assert_eq!(request, before, "the request is as it was");
            let expected = request.to_json(0);
            assert!(body.to_json() == expected, "{unit:?}");
            assert_eq!(body.len(), expected.len(), "{unit:?}");
            assert!(pieces(body).iter().all(|piece| piece.len() <= MAX_PIECE));
        }
    }

    #[test]
    fn the_length_of_a_text_in_json_is_that_of_its_json() {
        for (byte, place) in (0..=0x7f).flat_map(|byte| (0..16).map(move |place| (byte, place))) {
            let mut text = *b"plain ASCII text";
            text[place] = byte;
            let text = str::from_utf8(&text).expect("it is ASCII").to_owned() + "é漢🙂";
            assert_eq!(
                escaped_text_length(text.as_bytes()),
                escaped(&text).len(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_rest_of_a_body_has_the_length_that_is_left() {
        let mut body = request(vec![picture(200_000)]).serialize_body(0);
        let whole = body.len();
        let first = body.take_piece().expect("JSON").len();
        let second = body.take_piece().expect("base64").len();
        assert_eq!((second, body.len()), (MAX_PIECE, whole - first - second));
    }
}
