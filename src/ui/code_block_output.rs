//! Output of only the first fenced code block of an answer, or the first in a given language.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::renderer::{AnswerWriter, DisplayOutcome, FinalAnswer};
use super::sink::OutputSink;

/// Buffers the answer and writes its code block at the end.
#[derive(Debug)]
pub(crate) struct CodeBlockOutput {
    language: Option<String>,
    /// The prefill of the answer, which may have opened the block.
    prefill: String,
}

impl CodeBlockOutput {
    /// Creates the output for a block in `language`, or in any if `None`.
    pub(crate) fn new(language: Option<String>, prefill: String) -> Self {
        Self { language, prefill }
    }
}

impl AnswerWriter for CodeBlockOutput {
    fn copied_text(&self, answer: &FinalAnswer) -> String {
        let text = answer.message.text();
        code_block(&self.prefill, &text, self.language.as_deref()).unwrap_or_default()
    }

    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        let text = answer.message.text();
        let Some(code) = code_block(&self.prefill, &text, self.language.as_deref()) else {
            return DisplayOutcome::Nothing(text);
        };
        sink.write_text(&code);
        sink.end_line();
        DisplayOutcome::All
    }
}

/// Returns the content of the last fenced code block of a text.
pub(crate) fn last_code_block(text: &str) -> Option<String> {
    let (mut last, mut code) = (None, None);
    for event in Parser::new(text) {
        match (event, &mut code) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))), _) => {
                code = Some(String::new());
            }
            (Event::Text(piece), Some(code)) => code.push_str(&piece),
            (Event::End(TagEnd::CodeBlock), Some(_)) => last = code.take(),
            _ => {} // Text outside code blocks.
        }
    }
    last
}

/// Returns the content of the first fenced code block of a text.
pub(crate) fn first_code_block(text: &str) -> Option<String> {
    code_block("", text, None)
}

/// Returns the content of the first fenced code block of `prefill` followed by `text`, without the
/// prefill.
fn code_block(prefill: &str, text: &str, language: Option<&str>) -> Option<String> {
    let whole = format!("{prefill}{text}");
    let mut code: Option<String> = None;
    for (event, range) in Parser::new(&whole).into_offset_iter() {
        match (event, &mut code) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))), None)
                if is_language(&info, language) =>
            {
                code = Some(String::new());
            }
            (Event::Text(piece), Some(code)) => {
                let prefilled = prefill.len().saturating_sub(range.start).min(piece.len());
                code.push_str(piece.get(prefilled..).unwrap_or_default());
            }
            (Event::End(TagEnd::CodeBlock), Some(_)) => break,
            _ => {} // Text outside the block.
        }
    }
    code
}

fn is_language(info: &str, wanted: Option<&str>) -> bool {
    let language = info.split([' ', ',', '\t', '{']).next().unwrap_or_default();
    wanted.is_none_or(|wanted| main_name(language).eq_ignore_ascii_case(main_name(wanted)))
}

/// The names by which models and people call one language, the main one first.
const LANGUAGE_NAMES: [&[&str]; 26] = [
    &["bash", "sh", "shell", "zsh", "shell-script", "shellscript"],
    &["c#", "cs", "csharp"],
    &["c++", "cpp", "cxx", "cc"],
    &["console", "shell-session", "sh-session", "terminal"],
    &["dockerfile", "docker"],
    &["elixir", "ex", "exs"],
    &["f#", "fs", "fsharp"],
    &["go", "golang"],
    &["haskell", "hs"],
    &["html", "htm"],
    &["javascript", "js", "node", "mjs", "cjs"],
    &["json", "json5", "jsonc"],
    &["kotlin", "kt", "kts"],
    &["latex", "tex"],
    &["makefile", "make", "mk"],
    &["markdown", "md"],
    &["objective-c", "objc", "objectivec"],
    &["perl", "pl"],
    &["powershell", "ps1", "pwsh", "ps"],
    &["protobuf", "proto"],
    &["python", "py", "python3"],
    &["ruby", "rb"],
    &["rust", "rs"],
    &["terraform", "tf", "hcl"],
    &["typescript", "ts"],
    &["yaml", "yml"],
];

/// Returns the main names of the languages that have several.
pub(crate) fn language_names() -> impl Iterator<Item = &'static str> {
    LANGUAGE_NAMES.iter().map(|names| names[0])
}

/// Returns the main name of a language, or the name itself if it has no other.
fn main_name(name: &str) -> &str {
    LANGUAGE_NAMES
        .iter()
        .find(|names| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        .map_or(name, |names| names[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str =
        "Here:\n\n```sh\necho 1\n\necho 2\n```\n\nor\n\n~~~~python title=x\nprint()\n~~~~\n";

    #[test]
    fn the_first_block_is_printed_byte_for_byte() {
        assert_eq!(
            code_block("", TWO, None).as_deref(),
            Some("echo 1\n\necho 2\n")
        );
    }

    #[test]
    fn a_language_selects_its_first_block() {
        assert_eq!(
            code_block("", TWO, Some("Python")).as_deref(),
            Some("print()\n")
        );
        assert_eq!(code_block("", TWO, Some("rust")), None);
    }

    #[test]
    fn a_language_is_found_by_any_of_its_names() {
        for (wanted, info, is_found) in [
            ("sh", "bash", true),
            ("shell", "sh", true),
            ("py", "Python", true),
            ("js", "javascript {1,2}", true),
            ("ts", "javascript", false),
            ("yml", "yaml", true),
            ("C#", "csharp", true),
            ("nix", "nix", true),
            ("nix", "bash", false),
        ] {
            assert_eq!(
                is_language(info, Some(wanted)),
                is_found,
                "{wanted}: {info}"
            );
        }
    }

    #[test]
    fn no_name_stands_for_two_languages() {
        let mut names: Vec<_> = LANGUAGE_NAMES.concat();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn indented_code_and_inline_code_do_not_count_as_blocks() {
        assert_eq!(code_block("", "a `b`\n\n    indented\n", None), None);
    }

    #[test]
    fn the_last_block_may_be_unclosed() {
        assert_eq!(last_code_block(TWO).as_deref(), Some("print()\n"));
        assert_eq!(last_code_block("none\n\n    indented\n"), None);
        assert_eq!(last_code_block("```\ncut"), Some("cut".to_owned()));
    }

    #[test]
    fn a_block_in_a_list_loses_its_indent() {
        assert_eq!(
            code_block("", "1. do\n\n   ```\n   x\n     y\n   ```\n", None).as_deref(),
            Some("x\n  y\n")
        );
    }

    #[test]
    fn a_block_opened_by_the_prefill_is_printed_without_the_prefill() {
        assert_eq!(
            code_block("```json\n{", "\"a\": 1}\n```\n", Some("json")).as_deref(),
            Some("\"a\": 1}\n")
        );
        assert_eq!(
            code_block("```", "sh\nls\n```", None).as_deref(),
            Some("ls\n")
        );
    }

    #[test]
    fn a_truncated_block_is_printed_as_far_as_it_arrived() {
        assert_eq!(code_block("", "```sh\necho", None).as_deref(), Some("echo"));
    }
}
