//! Runs a tool as a child of the guard, in its own process group and with its input as JSON on
//! stdin, and leaves no process behind.

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
use crate::fs::KEY_VARIABLE;
use crate::guard::{ChildCommand, ChildGuard, GuardedChild};
use crate::media::{ImageSize, PictureFit};
use crate::model_text;
use crate::protocol::ToolUse;
use crate::text::{KnownSecrets, format_seconds, without_os_codes};

/// How much of stderr is kept, in bytes.
const MAX_STDERR: usize = 16 * 1024;

/// The maximum size of a definition, in bytes.
const MAX_DEFINITION: usize = 1024 * 1024;

/// How long a program may take to print its definition.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How long processes that a tool left running may hold its output open without writing; with
/// output, the limit is `GRACE`.
const SILENCE: Duration = Duration::from_millis(100);

/// How long to wait for a group to end after SIGKILL.
const AFTER_KILL: Duration = Duration::from_millis(500);

/// If a timeout is noticed this much too late, the process was stopped in the meantime.
const LATE: Duration = Duration::from_millis(500);

/// How often to check whether a group has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The environment variables that every tool gets.
const PASSED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// Those that a tool server gets as well.
const PASSED_TO_SERVERS: [&str; 7] = ["PATH", "HOME", "LANG", "TMPDIR", "USER", "SHELL", "TERM"];

/// Whether running tools must end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Keep running.
    #[default]
    No,
    /// End, with time to clean up.
    Gently,
    /// Be killed at once.
    Now,
}

/// A call to run. No `Debug`, because it would print the key.
pub(crate) struct Job<'a> {
    /// The call.
    pub(crate) call: &'a ToolUse,
    /// Its tool.
    pub(crate) ready: &'a Ready,
    /// Looks up a variable of our own environment.
    pub(crate) variable: fn(&str) -> Option<OsString>,
    /// What no variable of the tool may have.
    pub(crate) secrets: &'a KnownSecrets,
    /// What starts it.
    pub(crate) guard: &'a ChildGuard,
    /// How an image that it prints is changed.
    pub(crate) image_size: ImageSize,
}

/// Makes the outcome of a call: on a thread of its own if there are images in it, which may have to
/// be decoded.
pub(crate) async fn make_outcome(
    has_images: bool,
    make: impl FnOnce() -> Outcome + Send + 'static,
) -> Outcome {
    if !has_images {
        return make();
    }
    let outcome = tokio::task::spawn_blocking(make).await;
    outcome.expect("an outcome is made without a panic")
}

/// Runs a call. A failure of the tool is a result as well.
pub(crate) async fn run(job: &Job<'_>, stop: watch::Receiver<Stop>) -> Outcome {
    let (Some(how), Some(found)) = (&job.ready.tool.run, job.ready.command()) else {
        return Outcome::error(model_text::tool_not_run_here(&job.call.name));
    };
    if *stop.borrow() != Stop::No {
        return Outcome::error(model_text::TOOLS_STOPPED);
    }
    if found.program.has_changed() {
        return Outcome::error(model_text::PROGRAM_CHANGED);
    }
    let command = ChildCommand {
        program: found.program.path.clone(),
        args: found.args.clone(),
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
            let (form, fit) = (how.result, PictureFit::for_tool(job.image_size));
            let is_image = output.stdout.is_image();
            make_outcome(is_image, move || {
                Outcome::from_ending(ended, form, output.stdout, output.stderr, took, fit)
            })
            .await
        }
        Err(error) => {
            let why = without_os_codes(&error.to_string()).into_owned();
            Outcome::error(model_text::tool_not_started(&why))
        }
    }
}

/// Asks a program for its definition with `--schema`; the error says why there is none.
pub(crate) async fn describe(
    program: &Path,
    variable: fn(&str) -> Option<OsString>,
    secrets: &KnownSecrets,
    guard: &ChildGuard,
) -> Result<String, String> {
    let mut command = ChildCommand::new(program);
    command.arg("--schema");
    command.variables = passed(PASSED, variable, secrets);
    let printed = printed_by(guard, &command, MAX_DEFINITION, DESCRIBE_TIMEOUT).await;
    printed.map_err(|why| format!("with `--schema`, {why}"))
}

/// Runs a program without input and returns what it printed; of more than `limit` bytes, the
/// beginning and the end. The error is a clause that says why not.
pub(crate) async fn printed_by(
    guard: &ChildGuard,
    command: &ChildCommand,
    limit: usize,
    timeout: Duration,
) -> Result<String, String> {
    let (_never, stop) = watch::channel(Stop::No);
    let ended = conduct(guard, command, &[], (limit, timeout), stop).await;
    let (ended, output, _) = ended.map_err(|error| {
        let why = without_os_codes(&error.to_string()).into_owned();
        format!("it could not be started: {why}")
    })?;
    match ended {
        Ended::Exited(0) => Ok(output.stdout.text()),
        Ended::TimedOut(limit) => Err(format!("it took longer than {}", format_seconds(limit))),
        Ended::Exited(code) => {
            let said = output.stderr.text();
            let colon = if said.trim().is_empty() { "" } else { ": " };
            let said = said.trim();
            Err(format!("it failed with exit code {code}{colon}{said}"))
        }
        Ended::Killed(_) | Ended::Stopped => Err("it was killed by a signal".to_owned()),
    }
}

/// Runs a command to its end and leaves no process behind.
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

/// Waits until the time is up.
async fn out_of_time(timeout: Duration) {
    let until = Instant::now() + timeout;
    sleep_until(until).await;
    // After Ctrl-Z and `fg`, the tool may have finished in the meantime: collect its output first.
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

/// Waits until the tools must end in this way, or be killed.
async fn stopped(stop: &mut watch::Receiver<Stop>, least: Stop) {
    let is_enough = |told: &Stop| *told == Stop::Now || *told == least;
    if stop.wait_for(is_enough).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns the environment of a tool: the usual variables, those that its file names, and the
/// call's name and id.
fn environment(job: &Job<'_>) -> Vec<(OsString, OsString)> {
    let named = job
        .ready
        .tool
        .run
        .as_ref()
        .map(|run| run.env.as_slice())
        .unwrap_or_default();
    let all = PASSED.into_iter().chain(named.iter().map(String::as_str));
    let mut variables = passed(all, job.variable, job.secrets);
    variables.push(("LANGDOCK_TOOL_NAME".into(), OsString::from(&job.call.name)));
    variables.push(("LANGDOCK_TOOL_USE_ID".into(), OsString::from(&job.call.id)));
    variables
}

/// Returns the variables that every tool server gets.
pub(crate) fn passed_variables(
    variable: fn(&str) -> Option<OsString>,
    secrets: &KnownSecrets,
) -> Vec<(OsString, OsString)> {
    passed(PASSED_TO_SERVERS, variable, secrets)
}

/// Returns all of these variables but that of the key, and those whose value contains it.
pub(crate) fn without_key(
    variables: impl Iterator<Item = (OsString, OsString)>,
    secrets: &KnownSecrets,
) -> Vec<(OsString, OsString)> {
    let has_key = |value: &OsStr| secrets.is_in(&value.to_string_lossy());
    let is_passed = |name: &OsStr, value: &OsStr| name != KEY_VARIABLE && !has_key(value);
    let passed = variables.filter(|(name, value)| is_passed(name, value));
    passed.collect()
}

/// Returns the variables to pass on, leaving out any whose value contains the key.
fn passed<'n>(
    names: impl IntoIterator<Item = &'n str>,
    variable: fn(&str) -> Option<OsString>,
    secrets: &KnownSecrets,
) -> Vec<(OsString, OsString)> {
    let found = names
        .into_iter()
        .filter_map(|name| Some((OsString::from(name), variable(name)?)));
    without_key(found, secrets)
}

/// The pipes of a tool. They stay open until it has ended, so that its last output does not kill it
/// with SIGPIPE.
struct Pipes {
    stdin: Option<Sender>,
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
}

/// The captured output of a tool.
struct Output {
    stdout: Capture,
    stderr: Capture,
}

impl Output {
    /// Writes a tool's input and captures its output until it has ended and its output is complete.
    /// Processes that it left running may hold the pipes, but do not delay this for long.
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
                    // A tool need not read its input.
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

/// Reads available bytes; 0 at the end or on an error.
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

/// Ends all processes of a call: SIGTERM, a grace period, SIGKILL.
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

/// Waits until no process of the group is left.
async fn gone(child: &GuardedChild) {
    while child.has_group() {
        sleep(LOOK).await;
    }
}
