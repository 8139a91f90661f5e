//! Builds and runs a command line of the program, isolated from its surroundings.
//!
//! The environment has only a new home, `PATH`, a UTF-8 locale and no pager; stdin is `/dev/null`, and the
//! current directory is empty. So no test depends on who runs it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    thread,
};

use super::{home::Home, outcome::Outcome, process, running::Running, server::Server};

/// The API key of the tests, which must not appear in any output.
pub(crate) const KEY: &str = "sk-ld-test-0123456789";

/// The id of a user that owns no files.
const NOBODY: u32 = 47_110;

/// The program under test.
const LANGDOCK: &str = env!("CARGO_BIN_EXE_langdock");

/// A command line of `langdock` and its environment.
#[must_use = "it does nothing until it is run"]
pub(crate) struct Langdock {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    home: Home,
    current_dir: PathBuf,
    pub(super) stdin: Stdin,
    pub(super) piped_stdout: bool,
    is_nobody: bool,
}

/// The program's stdin.
pub(super) enum Stdin {
    /// Not set: `/dev/null`, or the terminal if there is one.
    Unset,
    Null,
    Closed,
    Open,
    Bytes(Vec<u8>),
    File(File),
}

impl Langdock {
    /// Begins a command line in a new home.
    pub(crate) fn new() -> Self {
        Self::of(LANGDOCK.into())
    }

    /// Begins a shell script in the same environment, with `langdock` on the `PATH`.
    pub(crate) fn shell(script: &str) -> Self {
        Self::of("sh".into()).args(["-c", script])
    }

    fn of(program: OsString) -> Self {
        let home = Home::new();
        let current_dir = home.work();
        Self {
            program,
            args: vec![],
            // No pager, unless a test sets one.
            env: vec![("PAGER".into(), "cat".into())],
            home,
            current_dir,
            stdin: Stdin::Unset,
            piped_stdout: false,
            is_nobody: false,
        }
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives it the test key.
    pub(crate) fn key(self) -> Self {
        self.env("LANGDOCK_API_KEY", KEY)
    }

    /// Sets its base URL to that of `server`, with a variable.
    pub(crate) fn against(self, server: &Server) -> Self {
        self.env("LANGDOCK_BASE_URL", server.base_url())
    }

    /// Sets its base URL to that of `server` with a flag, which moves a conversation there.
    pub(crate) fn moved_to(self, server: &Server) -> Self {
        self.args(["--base-url", &server.base_url()])
    }

    /// Runs it in a home shared with other runs, in the work directory there.
    pub(crate) fn home(mut self, home: &Home) -> Self {
        self.home = home.clone();
        self.current_dir(home.work())
    }

    /// Sets the current directory.
    pub(crate) fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        directory.as_ref().clone_into(&mut self.current_dir);
        self
    }

    /// Connects stdin to `/dev/null`, even on a terminal.
    pub(crate) fn stdin_null(mut self) -> Self {
        self.stdin = Stdin::Null;
        self
    }

    /// Closes stdin.
    pub(crate) fn stdin_closed(mut self) -> Self {
        self.stdin = Stdin::Closed;
        self
    }

    /// Connects stdin to a pipe with these bytes, followed by the end.
    pub(crate) fn stdin_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Stdin::Bytes(bytes.into());
        self
    }

    /// Connects stdin to a pipe that stays open, to which the test may write.
    pub(crate) fn stdin_open(mut self) -> Self {
        self.stdin = Stdin::Open;
        self
    }

    /// Connects stdin to an open file, at its current offset.
    pub(crate) fn stdin_file(mut self, file: File) -> Self {
        self.stdin = Stdin::File(file);
        self
    }

    /// Connects stdout to a pipe, even on a terminal.
    pub(crate) fn piped_stdout(mut self) -> Self {
        self.piped_stdout = true;
        self
    }

    /// Runs it as an unprivileged user, to which root switches. Tests of any other user run it as
    /// themselves.
    pub(crate) fn by_nobody(mut self) -> Self {
        self.is_nobody = self.home.is_roots();
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.spawn().finish()
    }

    /// Starts it.
    #[track_caller]
    pub(crate) fn spawn(mut self) -> Running {
        let (mut command, line) = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(self.stdin.as_stdio().unwrap_or_else(Stdio::null));
        let mut child = process::start(&mut command).unwrap();
        let stdin = self.stdin.feed(child.stdin.take());
        Running::new(child, stdin, line, self.home)
    }

    /// Returns the command without its streams, and its command line for messages.
    pub(super) fn command(&self) -> (Command, String) {
        let mut words = vec![self.program.clone()];
        words.extend(self.args.iter().cloned());
        let line = words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        if matches!(self.stdin, Stdin::Closed) {
            // The standard library cannot close a stream.
            words.splice(
                0..0,
                ["sh", "-c", r#"exec "$@" <&-"#, "sh"].map(OsString::from),
            );
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.current_dir);
        command
            .env_clear()
            .env("PATH", path())
            .env("LANG", "C.UTF-8")
            .envs(self.home.variables());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if self.is_nobody {
            // The directories above the program may be private.
            let bin = self.home.with_program(LANGDOCK);
            let others = path();
            let path = env::join_paths([bin].into_iter().chain(env::split_paths(&others))).unwrap();
            self.home.give_to(NOBODY);
            command.env("PATH", path).uid(NOBODY).gid(NOBODY);
        }
        (command, line)
    }

    /// Returns the home, which must outlive the run.
    pub(super) fn into_home(self) -> Home {
        self.home
    }
}

impl Stdin {
    /// Returns the child's stdin, if it is set.
    pub(super) fn as_stdio(&mut self) -> Option<Stdio> {
        match self {
            Self::Unset => None,
            Self::Null | Self::Closed => Some(Stdio::null()),
            Self::Open | Self::Bytes(_) => Some(Stdio::piped()),
            Self::File(file) => Some(file.try_clone().unwrap().into()),
        }
    }

    /// Writes the input to the child's pipe, and returns the pipe if it stays open.
    pub(super) fn feed(&mut self, pipe: Option<ChildStdin>) -> Option<ChildStdin> {
        let mut pipe = pipe?;
        let Self::Bytes(bytes) = self else {
            return Some(pipe);
        };
        let bytes = std::mem::take(bytes);
        // It is not an error if the child does not read all of it.
        thread::spawn(move || pipe.write_all(&bytes));
        None
    }
}

/// Returns the search path, starting with the program's directory.
fn path() -> OsString {
    let directory = Path::new(LANGDOCK).parent().unwrap().to_path_buf();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([directory].into_iter().chain(env::split_paths(&others))).unwrap()
}
