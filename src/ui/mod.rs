//! The terminal and the standard streams; no other module writes to them.

mod approval;
mod clipboard;
mod code_block_output;
mod confirm;
mod editor;
mod interrupt;
mod json_output;
mod markdown;
mod markdown_output;
mod notices;
mod pager;
mod part_file;
mod plain_output;
mod progress;
mod progress_line;
mod renderer;
mod reveal;
mod schema_output;
mod secret;
mod shell_command;
mod signal_alarm;
mod sink;
mod status_line;
mod stdout_writer;
mod style;
mod terminal_info;
mod terminal_size;
mod text_reader;
mod thinking_display;
mod tool_call_output;

pub(crate) use approval::{ApprovalPrompt, ApprovalReply, ApprovalRequest, end_prompt_row};
pub(crate) use clipboard::{ClipboardHost, CopyError, copy_to_clipboard};
pub(crate) use code_block_output::{
    CodeBlockOutput, first_code_block, language_names, last_code_block,
};
pub(crate) use confirm::ask_yes_no;
pub(crate) use editor::{
    CompletionFn, EditorOptions, KeyBindings, LineDraft, LineEditor, ModesGuard, TerminalModes,
    TypedInput,
};
pub(crate) use interrupt::{InterruptSignal, die_of_closed_stdout, die_of_signal};
pub(crate) use json_output::{JsonLinesOutput, JsonOutput};
pub(crate) use markdown::{ColorTheme, MarkdownRenderer, RenderTarget};
pub(crate) use markdown_output::{MarkdownOutput, pieces_of};
pub(crate) use notices::{Notices, Verbosity};
pub(crate) use pager::{DEFAULT_PAGER, exceeds_screen, page_stdout, pager_command};
pub(crate) use part_file::PartFile;
pub(crate) use plain_output::PlainOutput;
pub(crate) use progress::{CountdownLine, WaitIndicator};
pub(crate) use progress_line::ProgressLine;
pub(crate) use renderer::{AnswerRenderer, AnswerWriter, DisplayOutcome, FinalAnswer};
pub(crate) use schema_output::SchemaOutput;
pub(crate) use secret::{SecretInput, ask_secret};
pub(crate) use shell_command::run_shell_command;
pub(crate) use sink::{OutputFileState, OutputSink};
pub(crate) use stdout_writer::{OutputError, StdoutWriter};
pub(crate) use style::{ColorChoice, use_color};
pub(crate) use terminal_info::{TerminalInfo, is_rewrapped, stdout_is_pipe};
pub(crate) use tool_call_output::ToolCallOutput;
