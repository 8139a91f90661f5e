//! Runs a tool: a child of the guard in a group of its own, its input as JSON on standard input,
//! and nothing of it left behind.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::Ready;
use super::capture::Capture;
use super::result::{Ended, Outcome};
use crate::guard::{ChildCommand, ChildGuard, GuardedChild};
use crate::model_text;
use crate::protocol::ToolUse;
use crate::text::{format_seconds, without_os_codes};

/// How much of the error output is kept, in bytes.
const MAX_STDERR: usize = 16 * 1024;

/// The longest definition that is read, in bytes.
const MAX_DEFINITION: usize = 1024 * 1024;

/// How long a program has for its definition.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a group has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(2);

/// How long what a tool left running may hold its output open, silent and in all, before it counts
/// as done.
const SILENCE: Duration = Duration::from_millis(100);

/// How long a group takes at most to be gone after KILL.
const AFTER_KILL: Duration = Duration::from_millis(500);

/// A time that is over by so much more when it is looked at went by while the process was stopped.
const LATE: Duration = Duration::from_millis(500);

/// How often it is looked whether a group is gone.
const LOOK: Duration = Duration::from_millis(5);

/// The variables that every tool gets.
const PASSED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// What the tools are told while they run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing.
    #[default]
    No,
    /// To end.
    Gently,
    /// Nothing any more: they are killed.
    Now,
}

/// A call that is to be run. No `Debug`: it would show the key.
pub(crate) struct Job<'a> {
    /// The call.
    pub(crate) call: &'a ToolUse,
    /// Its tool.
    pub(crate) ready: &'a Ready,
    /// Returns a variable of our own environment.
    pub(crate) variable: fn(&str) -> Option<OsString>,
    /// The key, which no variable of the tool may have.
    pub(crate) key: Option<&'a str>,
    /// What starts it.
    pub(crate) guard: &'a ChildGuard,
}

/// Runs a call. The failure of a tool is a result as well.
pub(crate) async fn run(job: &Job<'_>, stop: watch::Receiver<Stop>) -> Outcome {
    let (Some(how), Some((program, args))) = (
        &job.ready.tool.run,
        job.ready
            .words
            .as_ref()
            .and_then(|words| words.split_first()),
    ) else {
        return Outcome::error(model_text::tool_not_run_here(&job.call.name));
    };
    if *stop.borrow() != Stop::No {
        return Outcome::error(model_text::TOOLS_STOPPED);
    }
    let command = ChildCommand {
        program: program.clone(),
        args: args.iter().map(OsString::from).collect(),
        variables: environment(job),
        directory: how.cwd.clone(),
    };
    let input = job.call.input.to_string();
    match conduct(
        job.guard,
        &command,
        input.as_bytes(),
        (how.max_output(), how.timeout),
        stop,
    )
    .await
    {
        Ok((ended, output, took)) => {
            Outcome::from_ending(ended, how.result, output.stdout, output.stderr, took)
        }
        Err(error) => {
            let why = without_os_codes(&error.to_string()).into_owned();
            Outcome::error(model_text::tool_not_started(&why))
        }
    }
}

/// Asks a program for its definition by `--schema`; the error says why it gave none.
pub(crate) async fn describe(
    program: &Path,
    variable: fn(&str) -> Option<OsString>,
    key: Option<&str>,
    guard: &ChildGuard,
) -> Result<String, String> {
    let mut command = ChildCommand::new(program);
    command.arg("--schema");
    command.variables = passed(&[], variable, key);
    let (_never, stop) = watch::channel(Stop::No);
    let limits = (MAX_DEFINITION, DESCRIBE_TIMEOUT);
    let ended = conduct(guard, &command, &[], limits, stop).await;
    let (ended, output, _) = ended.map_err(|error| {
        format!(
            "it could not be started: {}",
            without_os_codes(&error.to_string())
        )
    })?;
    match ended {
        Ended::Exited(0) => Ok(output.stdout.text()),
        Ended::TimedOut(limit) => Err(format!(
            "`--schema` took longer than {}",
            format_seconds(limit)
        )),
        Ended::Exited(code) => Err(format!(
            "`--schema` failed with exit code {code}: {}",
            output.stderr.text().trim()
        )),
        Ended::Killed(_) | Ended::Stopped => Err("`--schema` was killed by a signal".to_owned()),
    }
}

/// Runs a command to its end and leaves nothing of it.
async fn conduct(
    guard: &ChildGuard,
    command: &ChildCommand,
    input: &[u8],
    (limit, timeout): (usize, Duration),
    mut stop: watch::Receiver<Stop>,
) -> std::io::Result<(Ended, Output, Duration)> {
    let started = Instant::now();
    let mut child = guard.spawn(command).await?;
    let mut pipes = Pipes {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    let mut output = Output {
        stdout: Capture::new(limit),
        stderr: Capture::new(MAX_STDERR),
    };
    let ended = tokio::select! {
        biased;
        status = output.follow(&mut child, &mut pipes, input) => status.map(of_status),
        () = out_of_time(timeout) => Ok(Ended::TimedOut(timeout)),
        () = stopped(&mut stop, Stop::Gently) => Ok(Ended::Stopped),
    };
    end_group(&child, &mut stop).await;
    Ok((ended?, output, started.elapsed()))
}

/// Waits until the time is over.
async fn out_of_time(timeout: Duration) {
    let until = Instant::now() + timeout;
    sleep_until(until).await;
    // Ctrl-Z, for a while: the tool ran on, and what came of it was not looked at yet.
    if Instant::now() > until + LATE {
        sleep(GRACE).await;
    }
}

fn of_status(status: ExitStatus) -> Ended {
    status.code().map_or_else(
        || Ended::Killed(status.signal().unwrap_or(0)),
        Ended::Exited,
    )
}

/// Waits until the tools are told this, or more.
async fn stopped(stop: &mut watch::Receiver<Stop>, least: Stop) {
    let is_enough = |told: &Stop| *told == Stop::Now || *told == least;
    if stop.wait_for(is_enough).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The environment of a tool: what it needs, what its file names, and what the call is.
fn environment(job: &Job<'_>) -> Vec<(OsString, OsString)> {
    let named = job
        .ready
        .tool
        .run
        .as_ref()
        .map(|run| run.env.as_slice())
        .unwrap_or_default();
    let mut variables = passed(named, job.variable, job.key);
    variables.push(("LANGDOCK_TOOL_NAME".into(), OsString::from(&job.call.name)));
    variables.push(("LANGDOCK_TOOL_USE_ID".into(), OsString::from(&job.call.id)));
    variables
}

/// The variables that are passed on, and never one with the key, whatever it is called.
fn passed(
    named: &[String],
    variable: fn(&str) -> Option<OsString>,
    key: Option<&str>,
) -> Vec<(OsString, OsString)> {
    let has_key = |value: &OsStr| key.is_some_and(|key| value.to_string_lossy().contains(key));
    let all = PASSED.into_iter().chain(named.iter().map(String::as_str));
    let found = all.filter_map(|name| Some((OsString::from(name), variable(name)?)));
    found.filter(|(_, value)| !has_key(value)).collect()
}

/// What a tool is fed by and prints into. They are there until its end: last words must not kill it
/// by SIGPIPE.
struct Pipes {
    stdin: Option<Sender>,
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
}

/// What a tool prints.
struct Output {
    stdout: Capture,
    stderr: Capture,
}

impl Output {
    /// Feeds a tool its input and takes what it prints, until it has ended and has nothing more to
    /// say. What it left running does not hold this up, though it holds the pipes.
    async fn follow(
        &mut self,
        child: &mut GuardedChild,
        Pipes {
            stdin,
            stdout,
            stderr,
        }: &mut Pipes,
        mut input: &[u8],
    ) -> std::io::Result<ExitStatus> {
        let (mut out, mut err) = (vec![0; 64 * 1024], vec![0; 16 * 1024]);
        let mut status = None;
        let (mut give_up, mut last) = (Instant::now(), Instant::now());
        loop {
            if input.is_empty() {
                *stdin = None; // It may wait for the end of its input.
            }
            if let Some(status) = status.filter(|_| stdout.is_none() && stderr.is_none()) {
                return Ok(status);
            }
            tokio::select! {
                biased;
                read = read(stdout, &mut out), if stdout.is_some() => {
                    self.stdout.push(&out[..read]);
                    end_unless(read > 0, stdout);
                    give_up = last.min(Instant::now() + SILENCE);
                }
                read = read(stderr, &mut err), if stderr.is_some() => {
                    self.stderr.push(&err[..read]);
                    end_unless(read > 0, stderr);
                    give_up = last.min(Instant::now() + SILENCE);
                }
                written = write(stdin, input), if stdin.is_some() => {
                    // Who does not read need not.
                    input = written.map_or(&[], |written| &input[written..]);
                }
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended?);
                    last = Instant::now() + GRACE;
                    give_up = Instant::now() + SILENCE;
                }
                () = sleep_until(give_up), if status.is_some() => {
                    (*stdout, *stderr) = (None, None);
                }
            }
        }
    }
}

fn end_unless<T>(goes_on: bool, pipe: &mut Option<T>) {
    if !goes_on {
        *pipe = None;
    }
}

/// Reads what is there; nothing at the end, and where it cannot be read.
async fn read(pipe: &mut Option<impl AsyncReadExt + Unpin>, buffer: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

async fn write(
    pipe: &mut Option<impl AsyncWriteExt + Unpin>,
    bytes: &[u8],
) -> std::io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.write(bytes).await,
        None => std::future::pending().await,
    }
}

/// Ends all processes of a call: TERM, some time, KILL.
async fn end_group(child: &GuardedChild, stop: &mut watch::Receiver<Stop>) {
    child.signal(Signal::SIGTERM);
    tokio::select! {
        () = gone(child) => {}
        () = sleep(GRACE) => {}
        () = stopped(stop, Stop::Now) => {}
    }
    child.signal(Signal::SIGKILL);
    let _ = tokio::time::timeout(AFTER_KILL, gone(child)).await;
}

/// Waits until no process is left.
async fn gone(child: &GuardedChild) {
    while child.has_group() {
        sleep(LOOK).await;
    }
}
