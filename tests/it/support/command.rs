//! The builder of a run of the program: what it is given, and nothing else from around it.
//!
//! The environment is empty but for a home of its own, PATH and a UTF-8 locale; stdin is
//! `/dev/null`, and the current directory is an empty one. So no test depends on who runs it.

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

/// The key that the tests use, which must show in no output.
pub(crate) const KEY: &str = "sk-ld-test-0123456789";

/// The user whom nothing belongs to.
const NOBODY: u32 = 47_110;

/// The program under test.
const LANGDOCK: &str = env!("CARGO_BIN_EXE_langdock");

/// A command line of `langdock` with all that surrounds it.
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

/// What a program has for its stdin.
pub(super) enum Stdin {
    /// Nothing was said: `/dev/null`, or the terminal where there is one.
    Unset,
    Null,
    Closed,
    Open,
    Bytes(Vec<u8>),
    File(File),
}

impl Langdock {
    /// Begins a command line, with a new home.
    pub(crate) fn new() -> Self {
        Self::of(LANGDOCK.into())
    }

    /// Begins a shell script in the same surroundings, in which `langdock` is a command.
    pub(crate) fn shell(script: &str) -> Self {
        Self::of("sh".into()).args(["-c", script])
    }

    fn of(program: OsString) -> Self {
        let home = Home::new();
        let current_dir = home.work();
        Self {
            program,
            args: vec![],
            env: vec![],
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

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives it the test key.
    pub(crate) fn key(self) -> Self {
        self.env("LANGDOCK_API_KEY", KEY)
    }

    /// Points it to `server`.
    pub(crate) fn against(self, server: &Server) -> Self {
        self.env("LANGDOCK_BASE_URL", server.base_url())
    }

    /// Points it to `server` by a flag, which moves a conversation there.
    pub(crate) fn moved_to(self, server: &Server) -> Self {
        self.args(["--base-url", &server.base_url()])
    }

    /// Runs it in a home that other runs have too, and starts it in the work directory there.
    pub(crate) fn home(mut self, home: &Home) -> Self {
        self.home = home.clone();
        self.current_dir(home.work())
    }

    /// Starts it in this directory.
    pub(crate) fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        directory.as_ref().clone_into(&mut self.current_dir);
        self
    }

    /// Gives it `/dev/null` for stdin, on a terminal too.
    pub(crate) fn stdin_null(mut self) -> Self {
        self.stdin = Stdin::Null;
        self
    }

    /// Gives it no stdin at all: the descriptor is closed.
    pub(crate) fn stdin_closed(mut self) -> Self {
        self.stdin = Stdin::Closed;
        self
    }

    /// Gives it a pipe on stdin that has these bytes and then ends.
    pub(crate) fn stdin_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Stdin::Bytes(bytes.into());
        self
    }

    /// Gives it a pipe on stdin that is held open, and that the test may write to.
    pub(crate) fn stdin_open(mut self) -> Self {
        self.stdin = Stdin::Open;
        self
    }

    /// Gives it an open file on stdin, at the offset that it has.
    pub(crate) fn stdin_file(mut self, file: File) -> Self {
        self.stdin = Stdin::File(file);
        self
    }

    /// Gives it a pipe for stdout on a terminal too.
    pub(crate) fn piped_stdout(mut self) -> Self {
        self.piped_stdout = true;
        self
    }

    /// Runs it as a user who may do no more than anybody else, whom root becomes for that. Who is
    /// not root stays the same.
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

    /// Returns the command without its streams, and its line for messages.
    pub(super) fn command(&self) -> (Command, String) {
        let mut words = vec![self.program.clone()];
        words.extend(self.args.iter().cloned());
        let line = words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        if matches!(self.stdin, Stdin::Closed) {
            // The standard library has no word for it.
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
            // The directories above the program may be somebody's own.
            let bin = self.home.with_program(LANGDOCK);
            let others = path();
            let path = env::join_paths([bin].into_iter().chain(env::split_paths(&others))).unwrap();
            self.home.give_to(NOBODY);
            command.env("PATH", path).uid(NOBODY).gid(NOBODY);
        }
        (command, line)
    }

    /// Returns the home, which has to outlive the run.
    pub(super) fn into_home(self) -> Home {
        self.home
    }
}

impl Stdin {
    /// Returns what the child gets, unless nothing was said.
    pub(super) fn as_stdio(&mut self) -> Option<Stdio> {
        match self {
            Self::Unset => None,
            Self::Null | Self::Closed => Some(Stdio::null()),
            Self::Open | Self::Bytes(_) => Some(Stdio::piped()),
            Self::File(file) => Some(file.try_clone().unwrap().into()),
        }
    }

    /// Writes to the child's pipe what was asked for, and returns the pipe when it is held open.
    pub(super) fn feed(&mut self, pipe: Option<ChildStdin>) -> Option<ChildStdin> {
        let mut pipe = pipe?;
        let Self::Bytes(bytes) = self else {
            return Some(pipe);
        };
        let bytes = std::mem::take(bytes);
        // A child that does not read to the end is no failure.
        thread::spawn(move || pipe.write_all(&bytes));
        None
    }
}

/// Returns the search path, with the program's own directory in front.
fn path() -> OsString {
    let directory = Path::new(LANGDOCK).parent().unwrap().to_path_buf();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([directory].into_iter().chain(env::split_paths(&others))).unwrap()
}
