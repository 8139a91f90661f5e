//! Writing an answer: an output format, and the sink it writes to.

use super::sink::{OutputFileState, OutputSink};
use super::stdout_writer::OutputError;
use super::thinking_display::ThinkingDisplay;
use crate::protocol::{ExactJson, ListCost, Message, Update};

/// A finished answer, complete or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FinalAnswer {
    /// The message, as far as it was received.
    pub(crate) message: Message,
    /// The region that served it.
    pub(crate) region: String,
    /// Whether it is complete.
    pub(crate) complete: bool,
    /// Number of attempts.
    pub(crate) attempts: u32,
    /// Seconds spent waiting between attempts.
    pub(crate) waited_s: f64,
    /// Number of requests that it was put together from, if it was to be continued where it was cut
    /// off.
    pub(crate) parts: Option<u32>,
    /// The tokens of the last request and of its answer, if it was put together from several.
    pub(crate) context_tokens: Option<u64>,
    /// What it cost at list price; none if there is no price.
    pub(crate) cost: Option<ListCost>,
    /// The conversation that it is saved in.
    pub(crate) session_id: Option<String>,
}

impl FinalAnswer {
    /// Adds what another request for it took. `is_free` and `is_other_free` say whether this one
    /// and the other cost nothing: a record answered them.
    pub(crate) fn count_in(&mut self, other: &Self, is_free: bool, is_other_free: bool) {
        self.message.usage.add_counts(&other.message.usage);
        self.cost = match (self.cost, other.cost) {
            (cost, None) if is_other_free => cost,
            (None, cost) if is_free => cost,
            (cost, other) => cost.zip(other).map(|(cost, other)| cost.plus(other)),
        };
        self.attempts += other.attempts;
        self.waited_s += other.waited_s;
    }
}

/// Writes an answer in one output format.
pub(crate) trait AnswerWriter: Send {
    /// Handles an update; `data` is the raw data of its event.
    fn handle_update(&mut self, _update: &Update, _data: &[u8], _sink: &mut OutputSink) {}

    /// Passes buffered text to the sink, which is about to be flushed.
    fn flush_pending(&mut self, _sink: &mut OutputSink) {}

    /// Writes a JSON line about an event that is not part of the answer.
    fn write_event(&mut self, _line: &ExactJson, _sink: &mut OutputSink) {}

    /// Returns what `--copy` copies of a whole answer: what the format prints, as the model wrote
    /// it.
    fn copied_text(&self, answer: &FinalAnswer) -> String {
        answer.message.text()
    }

    /// Finishes an answer whose tool calls are run next, so that another answer follows.
    fn finish_step(&mut self, _answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome {
        sink.end_line();
        DisplayOutcome::All
    }

    /// Finishes the last answer, complete or not, and writes what was buffered.
    fn finish_answer(&mut self, answer: &FinalAnswer, sink: &mut OutputSink) -> DisplayOutcome;
}

/// Writes answers in an output format to a sink, and reasoning to stderr.
pub(crate) struct AnswerRenderer {
    form: Box<dyn AnswerWriter>,
    sink: OutputSink,
    thinking: Option<ThinkingDisplay>,
    /// What has come of an answer that is shown at its end; `None` if it is shown as it comes.
    held: Option<HeldAnswer>,
}

impl AnswerRenderer {
    /// Creates a renderer.
    pub(crate) fn new(form: Box<dyn AnswerWriter>, sink: OutputSink) -> Self {
        Self {
            form,
            sink,
            thinking: None,
            held: None,
        }
    }

    /// Shows each answer only when it ends, in one piece.
    pub(crate) fn holding_updates(self) -> Self {
        Self {
            held: Some(HeldAnswer::default()),
            ..self
        }
    }

    /// Whether answers are shown only when they end.
    pub(crate) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Shows the reasoning too: dimmed if `is_dimmed`, else between marker lines.
    pub(crate) fn with_thinking(self, is_dimmed: bool) -> Self {
        Self {
            thinking: Some(ThinkingDisplay::new(is_dimmed)),
            ..self
        }
    }

    /// Whether the reasoning is shown.
    pub(crate) fn has_thinking(&self) -> bool {
        self.thinking.is_some()
    }

    /// Handles an update; `data` is the raw data of its event.
    pub(crate) fn handle_update(&mut self, update: &Update, data: &[u8]) {
        if let Some(held) = &mut self.held {
            held.push_update(update);
        } else {
            self.show_update(update, data);
        }
    }

    fn show_update(&mut self, update: &Update, data: &[u8]) {
        if let Some(thinking) = &mut self.thinking {
            thinking.handle_update(update);
        }
        self.form.handle_update(update, data, &mut self.sink);
    }

    /// Shows the held updates. They carry no raw event data.
    fn show_held(&mut self) {
        let Some(held) = self.held.as_mut().map(std::mem::take) else {
            return;
        };
        let mut rest = held.text.as_str();
        for (kind, length) in held.parts {
            let (text, behind) = rest.split_at(length);
            rest = behind;
            let update = match kind {
                HeldKind::Text => Update::Text(text.to_owned()),
                HeldKind::Thinking => Update::Thinking(text.to_owned()),
                HeldKind::ToolInput => Update::ToolInput,
            };
            self.show_update(&update, &[]);
        }
    }

    /// Writes a JSON line about an event that is not part of the answer; only `--jsonl` shows it.
    pub(crate) fn write_event(&mut self, line: &ExactJson) {
        self.form.write_event(line, &mut self.sink);
    }

    /// Writes buffered text with a single write.
    pub(crate) fn flush_output(&mut self) -> Result<(), OutputError> {
        self.form.flush_pending(&mut self.sink);
        self.sink.flush_pending()
    }

    /// Finishes an answer that is followed by another one.
    pub(crate) fn finish_step(
        &mut self,
        answer: &FinalAnswer,
    ) -> Result<DisplayOutcome, OutputError> {
        self.show_held();
        let shown = self.form.finish_step(answer, &mut self.sink);
        self.sink.flush_pending()?;
        Ok(shown)
    }

    /// Finishes the last answer, complete or not, and writes what was buffered.
    pub(crate) fn finish_answer(
        &mut self,
        answer: &FinalAnswer,
    ) -> Result<DisplayOutcome, OutputError> {
        self.show_held();
        if let Some(thinking) = &mut self.thinking {
            thinking.end_thinking();
        }
        let shown = self.form.finish_answer(answer, &mut self.sink);
        self.sink.flush_pending()?;
        Ok(shown)
    }

    /// Returns what `--copy` copies of a whole answer.
    pub(crate) fn copied_text(&self, answer: &FinalAnswer) -> String {
        self.form.copied_text(answer)
    }

    /// Forgets what is held of an answer that is asked for again; only `--jsonl` shows why.
    pub(crate) fn begin_again(&mut self, why: &str) {
        if let Some(held) = &mut self.held {
            *held = HeldAnswer::default();
        }
        self.write_event(&serde_json::json!({"type": "retry", "message": why}).into());
    }

    /// Whether anything has been written.
    pub(crate) fn has_output(&self) -> bool {
        self.sink.has_output()
    }

    /// Waits until the reader has closed the output.
    pub(crate) fn wait_until_closed(&self) -> impl Future<Output = ()> + use<> {
        self.sink.wait_until_closed()
    }

    /// Closes the output; an incomplete file is kept as `FILE.part`.
    pub(crate) fn close_output(self, whole: bool) -> Result<OutputFileState, OutputError> {
        self.sink.close_file(whole)
    }
}

/// The parts of an answer that is shown at its end. A server may send any number of them, so that
/// little is kept for each.
#[derive(Debug, Default)]
struct HeldAnswer {
    /// The text of all parts.
    text: String,
    /// What each part is, and the length of its text in bytes.
    parts: Vec<(HeldKind, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldKind {
    Text,
    Thinking,
    ToolInput,
}

impl HeldAnswer {
    /// Adds an update; one part follows another of its kind as the same part.
    fn push_update(&mut self, update: &Update) {
        let (kind, text) = match update {
            Update::Text(text) => (HeldKind::Text, text.as_str()),
            Update::Thinking(text) => (HeldKind::Thinking, text.as_str()),
            Update::ToolInput => (HeldKind::ToolInput, ""),
            // Nothing of these is shown.
            Update::Started
            | Update::ThinkingStarted
            | Update::Stopped(_)
            | Update::Finished
            | Update::Nothing => return,
        };
        self.text.push_str(text);
        match self.parts.last_mut() {
            Some((last, length)) if *last == kind => *length += text.len(),
            _ => self.parts.push((kind, text.len())),
        }
    }
}

/// How much of an answer the output format has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DisplayOutcome {
    /// All of it.
    All,
    /// All of it except this text, which belongs on stderr.
    WithAside(String),
    /// Nothing, because it lacks what the format extracts. Its text belongs on stderr, so that it
    /// is not lost.
    Nothing(String),
}
