//! Runs the commands of `api_key_cmd` and `ledger_password_cmd`, which print a secret.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::inherited_var;
use crate::fs::{FileDistrust, child_command};
use crate::text::{KnownSecrets, SecretForms, format_seconds};
use crate::tool::FoundProgram;

/// How long such a command may take: enough for a tap on a hardware token.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// The most bytes that are read of what such a command prints, far above any key's length.
const MAX_OUTPUT: usize = 8 * 1024;

/// How often it is checked whether a command that has closed its output has ended.
const END_CHECK: Duration = Duration::from_millis(10);

/// Why a command has not printed a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandFailure {
    /// Its program was not run: somebody else can change it.
    #[error("{distrust}")]
    Untrusted {
        /// The program.
        path: PathBuf,
        /// Who can change it.
        distrust: FileDistrust,
    },
    /// It could not be run, or it failed; says how, without the program's name.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for CommandFailure {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Runs a command that prints a secret, and returns what it prints. Its stdin is empty, and after
/// [`COMMAND_LIMIT`] it is killed, or after `timeout` if that is shorter. A program that somebody
/// else can change is not run.
///
/// # Errors
///
/// If the program is not to be trusted, cannot be run or fails, or prints nothing or too much. The
/// error does not repeat the secret.
pub(crate) fn run_command(
    words: &[String],
    timeout: Option<Duration>,
) -> Result<String, CommandFailure> {
    let limit = timeout.map_or(COMMAND_LIMIT, |timeout| timeout.min(COMMAND_LIMIT));
    let (program, arguments) = words
        .split_first()
        .expect("a command has a program, or the file is refused");
    let search_path = inherited_var("PATH");
    let found = FoundProgram::find(program, Path::new(""), search_path.as_deref());
    let found = found.map_err(|reason| {
        // The error names the program already.
        let named = format!("`{program}`: ");
        reason.strip_prefix(&named).unwrap_or(&reason).to_owned()
    })?;
    if let Some(distrust) = found.distrust() {
        return Err(CommandFailure::Untrusted {
            path: found.path().to_owned(),
            distrust: distrust.clone(),
        });
    }
    let mut command = child_command(found.path());
    command.args(arguments).stdin(Stdio::null());
    let output = output_within(&mut command, limit)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = first_line(&output.stderr, &text);
        let colon = if said.is_empty() { "" } else { ": " };
        return Err(format!("{}{colon}{said}", output.status).into());
    }
    if text.trim().is_empty() {
        Err("it printed nothing".to_owned().into())
    } else {
        Ok(text)
    }
}

/// Returns the first line that a command wrote to standard error, without the words that it also
/// printed, each of which may be the secret, and without what looks like a key.
fn first_line(said: &[u8], printed: &str) -> String {
    let secrets = KnownSecrets::default();
    for word in printed.split_whitespace().filter(|word| word.is_ascii()) {
        secrets.add(&Arc::new(SecretForms::for_secret(word)));
    }
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    secrets.scrub_message(line).into_owned()
}

/// Runs a command and returns what it prints. If it takes longer than `limit`, or prints more than
/// [`MAX_OUTPUT`], it is killed.
fn output_within(command: &mut Command, limit: Duration) -> Result<Output, String> {
    let failed = |error: io::Error| error.to_string();
    let deadline = Instant::now() + limit;
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(failed)?;
    let stdout = read_on_a_thread(child.stdout.take());
    let stderr = read_on_a_thread(child.stderr.take());
    let rest = || deadline.saturating_duration_since(Instant::now());
    // Both end when the command does, and whatever it has started.
    let printed = stdout.recv_timeout(rest());
    if let Ok(Ok(printed)) = &printed
        && printed.len() > MAX_OUTPUT
    {
        end(&mut child);
        return Err(format!("it printed more than {MAX_OUTPUT} bytes"));
    }
    let said = stderr.recv_timeout(rest());
    let mut status = child.try_wait().map_err(failed)?;
    while status.is_none() && !rest().is_zero() {
        std::thread::sleep(END_CHECK.min(rest()));
        status = child.try_wait().map_err(failed)?;
    }
    if let (Ok(printed), Ok(said), Some(status)) = (printed, said, status) {
        return Ok(Output {
            status,
            stdout: printed.map_err(failed)?,
            stderr: said.map_err(failed)?,
        });
    }
    end(&mut child);
    Err(format!("it took longer than {}", format_seconds(limit)))
}

/// Kills a command.
fn end(child: &mut Child) {
    // It may have ended this very moment.
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads a pipe on a thread, which sends what it has read: to its end, or one byte more than
/// [`MAX_OUTPUT`]. The pipe is closed then, so that nobody writes into it for ever.
fn read_on_a_thread(
    pipe: Option<impl Read + Send + 'static>,
) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (done, read) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = pipe.map_or(Ok(0), |pipe| {
            let most = MAX_OUTPUT as u64 + 1;
            pipe.take(most).read_to_end(&mut bytes)
        });
        // After the limit, nobody receives it.
        let _ = done.send(result.map(|_| bytes));
    });
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_does_not_end_is_killed_and_named() {
        let run = |script: &str, limit| {
            let words = ["sh", "-c", script].map(str::to_owned);
            run_command(&words, limit).map_err(|failure| failure.to_string())
        };
        let short = Some(Duration::from_millis(50));
        let expected = Err("it took longer than 0.05 s".to_owned());
        assert_eq!(run("exec sleep 600", short), expected);
        assert_eq!(run("exec >&- 2>&-; exec sleep 600", short), expected);
        let long = None;
        assert_eq!(run("echo key", long), Ok("key\n".to_owned()));
        assert_eq!(
            run("echo why >&2; exit 3", long),
            Err("exit status: 3: why".to_owned())
        );
        assert_eq!(
            run(
                "echo hunter-of-keys; echo no hunter-of-keys sk-ld-0123456789abcdef >&2; exit 3",
                long
            ),
            Err("exit status: 3: no [API key] [API key]".to_owned())
        );
        let much = Err("it printed more than 8192 bytes".to_owned());
        assert_eq!(run("exec yes", long), much);
        assert_eq!(run("yes; true", long), much);
    }
}
