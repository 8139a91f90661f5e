//! Where an answer ends: at a stop sequence, at `max_tokens`, or when it is complete.

use super::AnswerBlock;
use crate::demo::tokens::CHARS_PER_TOKEN;

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) enum AnswerStop {
    /// It is complete.
    EndTurn,
    /// It reached the maximum length.
    MaxTokens,
    /// It reached this stop sequence.
    Sequence(String),
    /// It waits for tool results.
    ToolUse,
}

impl AnswerStop {
    /// Returns the API's name of the stop reason.
    pub(in crate::demo) fn stop_reason(&self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::Sequence(_) => "stop_sequence",
            Self::ToolUse => "tool_use",
        }
    }

    /// Returns the stop sequence that was reached.
    pub(in crate::demo) fn stop_sequence(&self) -> Option<&str> {
        match self {
            Self::Sequence(sequence) => Some(sequence),
            Self::EndTurn | Self::MaxTokens | Self::ToolUse => None,
        }
    }
}

/// Cuts `content` off where it must end, and returns the reason.
pub(super) fn apply_limits(
    content: Vec<AnswerBlock>,
    stop_sequences: &[&str],
    max_tokens: usize,
) -> (Vec<AnswerBlock>, AnswerStop) {
    let mut left = max_tokens;
    let mut kept = Vec::new();
    let mut stop = AnswerStop::EndTurn;
    for mut block in content {
        let mut ended = None;
        if let AnswerBlock::Text(text) = &mut block {
            ended = cut_at_sequence(text, stop_sequences).map(AnswerStop::Sequence);
        }
        if block.estimated_tokens() > left {
            cut_to(&mut block, left);
            ended = Some(AnswerStop::MaxTokens);
        }
        left -= block.estimated_tokens();
        if matches!(block, AnswerBlock::ToolUse { .. }) {
            stop = AnswerStop::ToolUse;
        }
        if block != AnswerBlock::Text(String::new()) {
            kept.push(block);
        }
        if let Some(ended) = ended {
            return (kept, ended);
        }
    }
    (kept, stop)
}

/// Cuts `text` off before the first stop sequence that is completed in it.
fn cut_at_sequence(text: &mut String, sequences: &[&str]) -> Option<String> {
    let found = sequences
        .iter()
        .filter_map(|sequence| Some((text.find(sequence)?, *sequence)));
    let (at, sequence) = found.min_by_key(|(at, sequence)| at + sequence.len())?;
    text.truncate(at);
    Some(sequence.to_owned())
}

fn cut_to(block: &mut AnswerBlock, tokens: usize) {
    let (AnswerBlock::Thinking { thinking: text, .. }
    | AnswerBlock::Text(text)
    | AnswerBlock::ToolUse { input: text, .. }) = block;
    if let Some((at, _)) = text.char_indices().nth(tokens * CHARS_PER_TOKEN) {
        text.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AnswerBlock {
        AnswerBlock::Text(text.to_owned())
    }

    #[test]
    fn the_sequence_that_completes_first_wins_and_an_empty_text_has_no_block() {
        let (kept, stop) = apply_limits(vec![text("one two three")], &["two three", "wo"], 100);
        assert_eq!(
            (kept, stop),
            (vec![text("one t")], AnswerStop::Sequence("wo".to_owned()))
        );
        let (kept, stop) = apply_limits(vec![text("one")], &["one"], 100);
        assert_eq!(
            (kept, stop),
            (vec![], AnswerStop::Sequence("one".to_owned()))
        );
    }

    #[test]
    fn a_truncated_call_is_not_a_call_to_run() {
        let call = AnswerBlock::ToolUse {
            id: "a".to_owned(),
            name: "b".to_owned(),
            input: r#"{"city":"Paris"}"#.to_owned(),
        };
        let (kept, stop) = apply_limits(vec![text("four"), call], &[], 2);
        assert_eq!(stop, AnswerStop::MaxTokens);
        assert!(
            matches!(&kept[1], AnswerBlock::ToolUse { input, .. } if input == r#"{"ci"#),
            "{kept:?}"
        );
    }
}
