//! What the user wrote and attached, as the script quotes it.

use crate::demo::ask::{BlockContent, ParsedRequest, TurnRole};
use crate::text::counted;

/// The maximum length of a quotation, in characters.
const QUOTED: usize = 200;

/// A text block with the content of a file or of stdin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FramedText<'a> {
    /// The file's name, or `stdin`.
    pub(super) name: String,
    /// Its content.
    pub(super) text: &'a str,
}

/// Parses `<file name="…">…</file>` and `<stdin>…</stdin>`, the frames that the client puts around
/// attachments.
pub(super) fn parse_frame(text: &str) -> Option<FramedText<'_>> {
    let block = text.trim();
    let (name, inner) = if let Some(rest) = block.strip_prefix("<stdin>") {
        ("stdin", rest.strip_suffix("</stdin>")?)
    } else {
        block
            .strip_prefix("<file name=\"")?
            .strip_suffix("</file>")?
            .split_once("\">")?
    };
    Some(FramedText {
        name: unescape_name(name),
        text: inner.strip_prefix('\n').unwrap_or(inner),
    })
}

fn unescape_name(name: &str) -> String {
    name.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Returns the text of the last user turn that has any, without its attachments.
///
/// A turn with only tool results has none.
pub(super) fn words_asked(ask: &ParsedRequest<'_>) -> String {
    let users = ask
        .turns
        .iter()
        .rev()
        .filter(|turn| turn.role == TurnRole::User);
    let words = users.map(|turn| {
        let texts = turn.blocks.iter().filter_map(|block| block.content.text());
        texts
            .filter(|text| parse_frame(text).is_none())
            .collect::<Vec<_>>()
            .join("\n")
    });
    words
        .into_iter()
        .find(|words| !words.is_empty())
        .unwrap_or_default()
}

/// Returns a text on one line, truncated to the length of a quotation.
pub(super) fn quote_line(text: &str) -> String {
    // A fence in a quotation would open a code block.
    let line = text
        .replace("```", "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => line,
    }
}

/// Describes each attachment of the last user turn.
pub(super) fn describe_attachments(ask: &ParsedRequest<'_>) -> Vec<String> {
    ask.last_user_turn()
        .iter()
        .filter_map(|block| describe_attachment(&block.content))
        .collect()
}

fn describe_attachment(content: &BlockContent<'_>) -> Option<String> {
    match content {
        BlockContent::Text(text) => {
            let FramedText { name, text } = parse_frame(text)?;
            Some(format!(
                "**{name}**: text, {}, {}",
                counted(text.len(), "byte"),
                counted(text.lines().count(), "line")
            ))
        }
        BlockContent::Image(image) => {
            let (width, height, size) = (image.width, image.height, counted(image.bytes, "byte"));
            Some(format!(
                "**image**: {}, {width} × {height} pixels, {size}",
                image.media_type
            ))
        }
        BlockContent::Document(document) => {
            let title = document.title.unwrap_or("document");
            Some(format!(
                "**{title}**: {}, {}",
                document.media_type,
                counted(document.bytes, "byte")
            ))
        }
        BlockContent::ToolUse { .. }
        | BlockContent::ToolResult { .. }
        | BlockContent::SearchResult(_)
        | BlockContent::Thinking { .. }
        | BlockContent::RedactedThinking(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_name_and_the_text_of_a_file() {
        let file = parse_frame("<file name=\"a &amp; b.md\">\none\ntwo\n</file>");
        assert_eq!(
            file,
            Some(FramedText {
                name: "a & b.md".to_owned(),
                text: "one\ntwo\n"
            })
        );
        assert_eq!(
            parse_frame("<stdin>x</stdin>"),
            Some(FramedText {
                name: "stdin".to_owned(),
                text: "x"
            })
        );
        assert_eq!(parse_frame("what is <stdin>?"), None);
    }

    #[test]
    fn a_long_text_is_quoted_in_short_on_one_line() {
        let quote = quote_line(&"word \n".repeat(100));
        assert!(
            quote.ends_with("word…") && quote.chars().count() <= QUOTED + 1,
            "{quote}"
        );
    }
}
