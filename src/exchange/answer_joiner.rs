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
    /// Text that was decided when its part ended, and is shown with what comes next.
    ready: String,
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
        let mut shown = std::mem::take(&mut self.ready);
        let Some(mut seam) = self.seam.take() else {
            shown.push_str(&self.pass(delta));
            return shown;
        };
        seam.head.push_str(delta);
        match seam.overlap(&self.text, false) {
            Some(overlap) => shown.push_str(&self.pass_behind(overlap, &seam.head)),
            None => self.seam = Some(seam),
        }
        shown
    }

    /// Decides what the part that has ended repeats, so that all of it that is new is in
    /// [`Self::text`]. One of which all was shown before may yet be repeated by the next part.
    pub(super) fn settle(&mut self) {
        let Some(mut seam) = self.seam.take() else {
            return;
        };
        match seam.overlap(&self.text, true) {
            None | Some(0) => self.seam = Some(seam),
            Some(overlap) => {
                let shown = self.pass_behind(overlap, &seam.head);
                self.ready.push_str(&shown);
            }
        }
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
        self.settle();
        let mut rest = std::mem::take(&mut self.ready);
        if let Some(seam) = self.seam.take().filter(|seam| !seam.head.is_empty()) {
            rest.push_str(&self.pass_unrepeated(&seam.head));
        }
        let held = std::mem::take(&mut self.held);
        self.text.push_str(&held);
        rest.push_str(&held);
        rest
    }

    /// Returns everything that has been shown, which ends without white space.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Passes what follows a repetition of so many bytes at the beginning of a part.
    fn pass_behind(&mut self, overlap: usize, head: &str) -> String {
        if overlap == 0 {
            return self.pass_unrepeated(head);
        }
        // What follows the repetition has its own white space.
        self.held.clear();
        self.pass(&head[overlap..])
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

impl OpenSeam {
    /// Returns how many bytes of the end of the text are repeated; none if more of the part has to
    /// come for that.
    ///
    /// Of several repetitions that are possible, as in a text with a period, it is the shortest:
    /// what may be new is kept. Only if the part begins with the whole last line, as it was asked
    /// to, and completes it to one that the text has had before, it is that line.
    fn overlap(&mut self, text: &str, has_ended: bool) -> Option<usize> {
        self.starts
            .retain(|start| is_repetition(&text[*start..], &self.head));
        let lengths = self.starts.iter().map(|start| text.len() - start);
        let whole: Vec<usize> = lengths
            .filter(|length| *length <= self.head.len())
            .collect();
        if !has_ended && whole.len() < self.starts.len() {
            return None;
        }
        let (Some(shortest), Some(longest)) = (whole.first(), whole.last()) else {
            return Some(0);
        };
        if shortest == longest {
            return Some(*shortest);
        }
        let last_start = text.rfind('\n').map_or(0, |at| at + 1);
        let last_line = text.len() - last_start;
        if !whole.contains(&last_line) {
            return Some(*shortest);
        }
        let completed = self.head.find('\n').map(|end| &self.head[..end]);
        let is_long = self.head.len() > last_line + MAX_OVERLAP_BYTES;
        match completed {
            None if !has_ended && !is_long => None,
            Some(line) if has_line(&text[..last_start], line) => Some(last_line),
            _ => Some(*shortest),
        }
    }
}

/// Whether a text has this line.
fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|other| other == line)
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
        let mut kept = 0;
        let mut total = 0;
        for at in cuts(&whole) {
            let restart = |sent: &str| whole[sent.len() - last_line(sent).len()..].to_owned();
            let sent = whole[..at].trim_end();
            if sent.is_empty() {
                continue;
            }
            let answer = joined(&whole[..at], ContinuationMode::Words, restart);
            total += 1;
            if answer != whole {
                kept += 1;
                assert_undecided(&answer, &whole, sent, &restart(sent));
            }
        }
        // The first of many lines of dashes.
        assert!(kept * 400 < total, "{kept} of {total} cuts");
    }

    #[test]
    fn a_repetition_of_16_to_200_characters_is_removed_and_what_cannot_be_decided_is_kept() {
        let whole = sample();
        let mut kept = 0;
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
            if answer != whole {
                kept += 1;
                assert_undecided(&answer, &whole, sent, &whole[begin..]);
            }
        }
        assert!(kept * 100 < total, "{kept} of {total} cuts");
    }

    /// Asserts that nothing of the answer is lost, and that what is kept twice could be meant: the
    /// part could begin with more than one repetition.
    fn assert_undecided(answer: &str, whole: &str, sent: &str, part: &str) {
        let place: String = sent.chars().rev().take(40).collect();
        assert!(answer.starts_with(sent), "{place:?}");
        assert!(answer.ends_with(&whole[sent.len()..]), "{place:?}");
        assert!(answer.len() >= whole.len(), "{place:?}");
        assert!(candidates(sent, part) > 1, "{place:?}");
    }

    #[test]
    fn a_line_of_one_character_is_completed_to_the_one_before_it() {
        let rule = "-".repeat(40);
        let first = format!("{rule}\none\n\n{}", &rule[..30]);
        let restarted = joined(&first, ContinuationMode::Words, |_| format!("{rule}\ntwo"));
        assert_eq!(restarted, format!("{rule}\none\n\n{rule}\ntwo"));
        let other = format!("{}\ntwo", "-".repeat(26));
        let repeated = joined(&first, ContinuationMode::Words, |_| other.clone());
        assert_eq!(repeated, format!("{rule}\none\n\n{rule}\ntwo"));
    }

    #[test]
    fn what_was_undecided_when_a_part_ends_is_a_part_of_the_text() {
        let rule = "-".repeat(40);
        let mut joiner = AnswerJoiner::default();
        let mut shown = joiner.push(&format!("{rule}\n\n{}", &rule[..30]));
        joiner.cut(ContinuationMode::Words);
        shown.push_str(&joiner.push(&rule[..35]));
        joiner.settle();
        assert_eq!(joiner.text(), format!("{rule}\n\n{}", "-".repeat(49)));
        joiner.cut(ContinuationMode::Prefill);
        shown.push_str(&joiner.push("\nend"));
        shown.push_str(&joiner.finish());
        assert_eq!(joiner.text(), shown);
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
