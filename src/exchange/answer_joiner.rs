//! Joins the parts of an answer that was cut off: what has been received goes in, and what can be
//! shown comes out. Pure.
//!
//! A part is cut at any character. White space at its end may have to go, as the API accepts no
//! prefill that ends with some, and the beginning of the next part may repeat what has been shown;
//! both are held back until it is decided. What cannot be decided is kept: text that comes twice
//! can be seen, text that is missing cannot.

/// The shortest repetition that counts anywhere, in characters. A shorter one counts only from the
/// start of a line.
const MIN_OVERLAP_CHARS: usize = 16;

/// How far back a repetition may begin, in bytes, unless it is the last line.
const MAX_OVERLAP_BYTES: usize = 1024;

/// How the next part is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContinuationMode {
    /// The model continues what it is given: nothing is repeated.
    Prefill,
    /// It is asked in words to begin with the last line.
    Words,
}

/// The text of an answer in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerJoiner {
    /// Everything that has been shown.
    text: String,
    /// White space after it.
    held: String,
    /// White space after the text of an earlier answer, which has been shown already.
    shown_space: String,
    seam: Option<OpenSeam>,
}

/// The beginning of a part that may repeat the end of what was shown.
#[derive(Debug, Clone)]
struct OpenSeam {
    /// What has come of the part.
    head: String,
    /// Where in the text a repetition may begin, the shortest one first.
    starts: Vec<usize>,
}

impl AnswerJoiner {
    /// Continues an earlier answer, which has been shown.
    pub(super) fn continuing(answer: &str, mode: ContinuationMode) -> Self {
        let text = answer.trim_end();
        let mut joiner = Self {
            text: text.to_owned(),
            shown_space: answer[text.len()..].to_owned(),
            ..Self::default()
        };
        joiner.cut(mode);
        joiner
    }

    /// Adds text of the answer, and returns what can be shown now.
    pub(super) fn push(&mut self, delta: &str) -> String {
        let Some(mut seam) = self.seam.take() else {
            return self.pass(delta);
        };
        seam.head.push_str(delta);
        let text = &self.text;
        seam.starts
            .retain(|start| is_repetition(&text[*start..], &seam.head));
        let whole = seam
            .starts
            .iter()
            .find(|start| text.len() - **start <= seam.head.len());
        if let Some(start) = whole {
            let overlap = text.len() - start;
            // What follows the repetition has its own white space.
            self.held.clear();
            return self.pass(&seam.head[overlap..]);
        }
        if seam.starts.is_empty() {
            return self.pass_unrepeated(&seam.head);
        }
        self.seam = Some(seam);
        String::new()
    }

    /// Ends a part that was cut off. A beginning of which all was shown before is dropped.
    pub(super) fn cut(&mut self, mode: ContinuationMode) {
        self.seam = None;
        match mode {
            ContinuationMode::Prefill => self.held.clear(),
            ContinuationMode::Words => {
                let starts = overlap_starts(&self.text);
                self.seam = (!starts.is_empty()).then(|| OpenSeam {
                    head: String::new(),
                    starts,
                });
            }
        }
    }

    /// Returns the white space that was held back: what follows belongs to another block.
    pub(super) fn release(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        self.text.push_str(&held);
        held
    }

    /// Ends the answer, and returns what was held back of it.
    pub(super) fn finish(&mut self) -> String {
        let mut rest = self
            .seam
            .take()
            .map_or_else(String::new, |seam| match seam.head.as_str() {
                "" => String::new(),
                head => self.pass_unrepeated(head),
            });
        let held = std::mem::take(&mut self.held);
        self.text.push_str(&held);
        rest.push_str(&held);
        rest
    }

    /// Returns everything that has been shown, which ends without white space.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Passes the beginning of a part that repeats nothing. It follows the white space that was
    /// held back, unless it has that itself.
    fn pass_unrepeated(&mut self, head: &str) -> String {
        if head.starts_with(char::is_whitespace) {
            self.held.clear();
        }
        self.pass(head)
    }

    /// Passes text on, but for white space at its end.
    fn pass(&mut self, delta: &str) -> String {
        let mut shown = std::mem::take(&mut self.held);
        let space = std::mem::take(&mut self.shown_space);
        let is_shown = |(new, old): &(char, char)| new == old;
        let repeated = delta.chars().zip(space.chars()).take_while(is_shown);
        let repeated: usize = repeated.map(|(char, _)| char.len_utf8()).sum();
        shown.push_str(&delta[repeated..]);
        let end = shown.trim_end().len();
        self.held = shown.split_off(end);
        self.text.push_str(&shown);
        shown
    }
}

/// Whether one of two texts begins with the other.
fn is_repetition(shown: &str, head: &str) -> bool {
    shown.starts_with(head) || head.starts_with(shown)
}

/// Returns where in a text a repetition of its end may begin: at the start of a line, with or
/// without its indentation, or so many characters before the end; the last one first.
fn overlap_starts(text: &str) -> Vec<usize> {
    let last_line = text.rfind('\n').map_or(0, |at| at + 1);
    let first = text.len().saturating_sub(MAX_OVERLAP_BYTES).min(last_line);
    let is_line_start = |at: usize| {
        let before = &text[..at];
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        before[line..].trim_start_matches([' ', '\t']).is_empty()
    };
    let positions = text.char_indices().rev().zip(1..);
    positions
        .take_while(|((at, _), _)| *at >= first)
        .filter(|((at, char), chars)| {
            let is_far = *chars >= MIN_OVERLAP_CHARS;
            is_far || (*char != '\n' && is_line_start(*at))
        })
        .map(|((at, _), _)| at)
        .collect()
}

/// Returns the last line of a text that has more than white space.
pub(crate) fn last_line(text: &str) -> &str {
    text.trim_end().rsplit('\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of about 20 KB with prose, code, tables, repeated lines, CJK and emoji.
    fn sample() -> String {
        let mut text = String::new();
        for part in 0..40 {
            text.push_str(&format!(
                "## Part {part}\n\nThe river no. {part} rises in the hills and"
            ));
            text.push_str(&format!(
                " flows for {} km through the plain.  \n\n",
                100 + part * 37
            ));
            text.push_str("```rust\nfn main() {\n    for i in 0..10 {\n");
            text.push_str(&format!(
                "        println!(\"{{i}} {part}\");\n    }}\n}}\n```\n\n"
            ));
            text.push_str("| name | km |\n|------|---:|\n");
            for row in 0..4 {
                text.push_str(&format!("| river {} | {} |\n", row % 2, 10 * (row % 2)));
            }
            text.push_str("\n- the same line\n- the same line\n- the same line\n\n");
            text.push_str(&format!(
                "第{part}章：河流从山上流下，穿过平原。🙂 川の水は清い。\n\n"
            ));
            text.push_str(&format!(
                "    {}\n\n",
                "indented ".repeat(part % 5 + 1).trim_end()
            ));
            text.push_str(&"漢字かな交じり文".repeat(part % 3 + 1));
            text.push_str(&format!(
                "（{part}）\n\n----------------------------------------\n\n"
            ));
        }
        assert!(text.len() > 20_000, "{}", text.len());
        text
    }

    fn cuts(text: &str) -> impl Iterator<Item = usize> {
        // A cut inside a character is one before it: text arrives in whole characters.
        (1..text.len()).filter(|at| text.is_char_boundary(*at))
    }

    /// Joins a first part and what the endpoint makes of it, in small pieces.
    fn joined(first: &str, mode: ContinuationMode, answer: impl Fn(&str) -> String) -> String {
        let mut joiner = AnswerJoiner::default();
        let mut shown = String::new();
        for piece in pieces(first) {
            shown.push_str(&joiner.push(piece));
        }
        joiner.cut(mode);
        assert_eq!(joiner.text(), first.trim_end());
        let second = answer(joiner.text());
        for piece in pieces(&second) {
            shown.push_str(&joiner.push(piece));
        }
        shown.push_str(&joiner.finish());
        assert_eq!(joiner.text(), shown, "what is shown is the text");
        shown
    }

    /// Splits a text into its first characters, and one piece for the rest.
    fn pieces(text: &str) -> Vec<&str> {
        let ends = text.char_indices().map(|(at, _)| at).skip(1).step_by(7);
        let mut pieces = Vec::new();
        let mut begin = 0;
        for end in ends.take(6) {
            pieces.push(&text[begin..end]);
            begin = end;
        }
        pieces.push(&text[begin..]);
        pieces
    }

    /// Returns how many repetitions of the end of `text` the part could begin with.
    fn candidates(text: &str, part: &str) -> usize {
        let starts = overlap_starts(text);
        let fits = |start: &&usize| part.starts_with(&text[**start..]);
        starts.iter().filter(fits).count()
    }

    #[test]
    fn against_an_endpoint_that_continues_exactly_every_cut_is_joined_byte_for_byte() {
        let whole = sample();
        for at in cuts(&whole) {
            let rest = |sent: &str| whole[sent.len()..].to_owned();
            let answer = joined(&whole[..at], ContinuationMode::Prefill, rest);
            assert!(
                answer == whole,
                "cut at {at}: {:?}",
                &whole[at.saturating_sub(40)..at]
            );
        }
    }

    #[test]
    fn a_restarted_last_line_is_removed_and_what_cannot_be_decided_is_kept() {
        let whole = sample();
        let mut undecided = 0;
        let mut total = 0;
        for at in cuts(&whole) {
            let restart = |sent: &str| whole[sent.len() - last_line(sent).len()..].to_owned();
            let sent = whole[..at].trim_end();
            if sent.is_empty() {
                continue;
            }
            let answer = joined(&whole[..at], ContinuationMode::Words, restart);
            total += 1;
            if candidates(sent, &restart(sent)) == 1 {
                assert!(
                    answer == whole,
                    "cut at {at}: {:?}",
                    &whole[at.saturating_sub(40)..at]
                );
            } else {
                undecided += 1;
                assert_kept(&answer, &whole, sent);
            }
        }
        assert!(undecided * 8 < total, "{undecided} of {total} cuts");
    }

    #[test]
    fn a_repetition_of_16_to_200_characters_is_removed_and_what_cannot_be_decided_is_kept() {
        let whole = sample();
        let mut undecided = 0;
        let mut total = 0;
        for (at, seed) in cuts(&whole).zip(0_usize..) {
            let sent = whole[..at].trim_end();
            let count = 16 + seed * 37 % 185;
            let Some((begin, _)) = sent.char_indices().rev().nth(count - 1) else {
                continue;
            };
            let repeat = |_: &str| whole[begin..].to_owned();
            let answer = joined(&whole[..at], ContinuationMode::Words, repeat);
            total += 1;
            if candidates(sent, &whole[begin..]) == 1 {
                assert!(
                    answer == whole,
                    "cut at {at}: {:?}",
                    &whole[at.saturating_sub(40)..at]
                );
            } else {
                undecided += 1;
                assert_kept(&answer, &whole, sent);
            }
        }
        assert!(undecided * 5 < total, "{undecided} of {total} cuts");
    }

    /// Asserts that nothing of the answer is lost: it begins and ends as the whole does, and at
    /// most has more in between.
    fn assert_kept(answer: &str, whole: &str, sent: &str) {
        assert!(answer.starts_with(sent));
        assert!(answer.ends_with(&whole[sent.len()..]));
        assert!(answer.len() >= whole.len());
    }

    #[test]
    fn a_part_that_repeats_nothing_follows_the_white_space_that_was_held_back() {
        let joined = |first: &str, second: &str| {
            joined(first, ContinuationMode::Words, |_| second.to_owned())
        };
        assert_eq!(
            joined("One line.\n", "Another one."),
            "One line.\nAnother one."
        );
        assert_eq!(
            joined("One line.\n", "\nAnother one."),
            "One line.\nAnother one."
        );
        assert_eq!(joined("One lin", "Another one."), "One linAnother one.");
    }

    #[test]
    fn an_earlier_answer_is_continued_after_what_was_shown_of_it() {
        for (mode, part, rest) in [
            (ContinuationMode::Prefill, "\n\nNext.", "\nNext."),
            (ContinuationMode::Words, "One line.\n\nNext.", "\nNext."),
            (ContinuationMode::Words, "Next.", "Next."),
        ] {
            let mut joiner = AnswerJoiner::continuing("One line.\n", mode);
            let mut shown = joiner.push(part);
            shown.push_str(&joiner.finish());
            assert_eq!(shown, rest, "{mode:?}: {part}");
        }
    }

    #[test]
    fn an_indented_line_may_be_repeated_without_its_indentation() {
        let code = "fn f() {\n    let x";
        let answer = joined(code, ContinuationMode::Words, |_| {
            "let x = 1;\n}\n".to_owned()
        });
        assert_eq!(answer, "fn f() {\n    let x = 1;\n}\n");
    }

    #[test]
    fn an_answer_in_one_part_comes_out_as_it_came_in() {
        let mut joiner = AnswerJoiner::default();
        assert_eq!(joiner.push("a \n"), "a");
        assert_eq!(joiner.push("b"), " \nb");
        assert_eq!(joiner.push("\n\n"), "");
        assert_eq!(joiner.finish(), "\n\n");
        assert_eq!(joiner.text(), "a \nb\n\n");
    }

    #[test]
    fn a_part_that_ends_within_the_repetition_is_dropped_if_another_follows() {
        let mut joiner = AnswerJoiner::default();
        let mut shown = joiner.push("First.\nThe second li");
        joiner.cut(ContinuationMode::Words);
        shown.push_str(&joiner.push("The sec"));
        joiner.cut(ContinuationMode::Words);
        shown.push_str(&joiner.push("The second line."));
        shown.push_str(&joiner.finish());
        assert_eq!(shown, "First.\nThe second line.");
    }
}
