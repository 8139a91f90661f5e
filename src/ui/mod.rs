//! The terminal and the standard streams; no other module writes to them.

mod approval;
mod calls;
mod clipboard;
mod confirm;
mod editor;
mod extract;
mod fitted;
mod interrupt;
mod json;
mod markdown;
mod meter;
mod notices;
mod output;
mod part_file;
mod plain;
mod progress;
mod rendered;
mod renderer;
mod reveal;
mod secret;
mod signal_alarm;
mod sink;
mod streams;
mod style;
mod terminal_size;
mod thinking;

pub(crate) use approval::{ApprovalPrompt, ApprovalReply, ApprovalRequest, end_prompt_row};
pub(crate) use calls::ToolCallOutput;
pub(crate) use clipboard::copy_to_clipboard;
pub(crate) use confirm::ask_yes_no;
pub(crate) use editor::{
    CompletionFn, EditorOptions, KeyBindings, LineDraft, LineEditor, TerminalModes, TypedInput,
};
pub(crate) use extract::{CodeBlockOutput, last_code_block};
pub(crate) use fitted::SchemaOutput;
pub(crate) use interrupt::{InterruptSignal, die_of_closed_stdout, die_of_signal};
pub(crate) use json::{JsonLinesOutput, JsonOutput};
#[cfg(feature = "internals")]
pub(crate) use markdown::MarkdownRenderer;
pub(crate) use markdown::{ColorTheme, RenderTarget, render_markdown};
pub(crate) use meter::ProgressLine;
pub(crate) use notices::{Notices, Verbosity};
pub(crate) use output::{OutputError, StdoutWriter};
pub(crate) use part_file::PartFile;
pub(crate) use plain::PlainOutput;
pub(crate) use progress::{CountdownLine, WaitIndicator};
pub(crate) use rendered::MarkdownOutput;
pub(crate) use renderer::{AnswerRenderer, AnswerWriter, DisplayOutcome, FinalAnswer};
pub(crate) use secret::ask_secret;
pub(crate) use sink::{OutputFileState, OutputSink};
pub(crate) use streams::TerminalInfo;
pub(crate) use style::{ColorChoice, use_color};
