//! `!COMMAND`: a command of the shell, whose output can be attached to the next message.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use super::Chat;
use super::acts::usage;
use crate::error::Error;
use crate::input::{Attachment, on_a_thread};
use crate::text::counted;
use crate::ui::run_shell_command;

/// Maximum number of bytes that are kept of the output of a command.
const MAX_OUTPUT: usize = 1024 * 1024;

/// The output of a command.
pub(super) struct ShellOutput {
    command: String,
    bytes: Vec<u8>,
}

impl Chat<'_> {
    /// Runs a command in the shell, with its output on the terminal. Ctrl-C ends the command only.
    pub(super) async fn run_in_shell(&mut self, command: &str) -> Result<(), Error> {
        if command.is_empty() {
            return Err(usage(
                "no command after `!`",
                "type a command, as in !git diff",
            ));
        }
        let failed = |source| Error::System {
            what: "run the command",
            source,
        };
        let run = {
            let _lent = self.exchange.lend_keyboard();
            let (command, interrupt) = (command.to_owned(), Arc::clone(&self.app.interrupt));
            on_a_thread(move || run_shell_command(&command, MAX_OUTPUT, &interrupt)).await
        };
        // On any other signal, the command has been ended, and the conversation ends too.
        if let Some(signal) = self.app.interrupt.pending_signal() {
            return Err(Error::Interrupted(signal));
        }
        let run = run.map_err(failed)?;
        let notices = &self.app.notices;
        match (run.status.code(), run.status.signal()) {
            (Some(0), _) => {}
            (Some(code), _) => notices.notice(&format!("the command ended with exit code {code}")),
            (_, signal) => notices.notice(&format!(
                "the command was ended by signal {}",
                signal.unwrap_or_default()
            )),
        }
        // What an earlier command has printed is not this one's output.
        self.output = None;
        if !run.output.trim_ascii().is_empty() {
            let size = counted(run.output.len(), "byte");
            let part = if run.is_whole { "" } else { "the first " };
            notices.notice(&format!(
                "/file ! attaches {part}{size} of output to the next message"
            ));
            self.output = Some(ShellOutput {
                command: command.to_owned(),
                bytes: run.output,
            });
        }
        Ok(())
    }

    /// Attaches the output of the last command to the next message.
    pub(super) async fn attach_output(&mut self) -> Result<(), Error> {
        let Some(output) = &self.output else {
            return Err(usage(
                "the last command printed nothing, or none was run",
                "!COMMAND runs one",
            ));
        };
        let attachment = Attachment::command_output(&output.command, &output.bytes);
        self.files
            .add_read(&self.exchange, vec![attachment])
            .await?;
        self.app.notices.print_wrapped(&format!(
            "attached the output of `{}` to the next message ({})",
            output.command,
            counted(output.bytes.len(), "byte")
        ));
        Ok(())
    }
}
