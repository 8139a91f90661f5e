//! Gathers the user's turn: words, template, editor, files, directories and standard input.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::{App, find_program};
use crate::cli;
use crate::compose::build::MAX_BODY_BYTES;
use crate::compose::external_editor::edit_in_draft;
use crate::compose::secret_guard::{PROMPT, SecretGuard};
use crate::compose::sources::RequestSources;
use crate::config::Settings;
use crate::error::Error;
use crate::input::{
    self, Attachment, CLIPBOARD, Directory, Exclusions, FileArgument, Places, Stdin, assemble,
    read_clipboard, read_file_list, read_prose,
};
use crate::text::shell_quote;

/// How long an input may stay silent before the user is told.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// How many files a hint repeats.
const FILES_IN_HINT: usize = 3;

/// What standard input is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StdinUse {
    /// Whatever it turns out to be.
    Open,
    /// A part of the user's turn: it was asked for by `-`.
    AskedFor,
    /// Something other than the user's turn.
    Taken,
}

/// Finds what standard input is for, which can be one thing only.
pub(crate) fn stdin_use(args: &cli::AskArgs, schema: Option<&str>) -> Result<StdinUse, Error> {
    let is_dash = |path: &Path| path.as_os_str() == "-";
    let named = |paths: &[PathBuf]| paths.iter().filter(|path| is_dash(path)).count();
    let single = |path: Option<&Path>| usize::from(path.is_some_and(is_dash));
    let key = args
        .connection
        .api_key_file
        .as_deref()
        .filter(|_| !args.connection.is_answered_here());
    // The prompt and a file by `-` are the same thing.
    let file = named(&args.input.files).min(1);
    let prompt = usize::from(file == 0 && args.prompt == ["-"]);
    let uses = [
        (StdinPurpose::ApiKey, single(key)),
        (
            StdinPurpose::SystemPrompt,
            usize::from(args.request.system() == Some("@-")),
        ),
        (
            StdinPurpose::Template,
            single(args.input.template.as_deref()),
        ),
        (
            StdinPurpose::Messages,
            single(args.input.messages.as_deref()),
        ),
        (StdinPurpose::Tools, named(&args.tools.tools)),
        (StdinPurpose::Schema, usize::from(schema == Some("-"))),
        (
            StdinPurpose::FileList,
            single(args.input.files_from.as_deref()),
        ),
        (StdinPurpose::Attachment, named(&args.input.attached)),
        (StdinPurpose::File, file),
        (StdinPurpose::Prompt, prompt),
    ];
    let mut uses = uses
        .into_iter()
        .flat_map(|(purpose, count)| std::iter::repeat_n(purpose, count));
    match (uses.next(), uses.next()) {
        (Some(one), Some(other)) => Err(Error::Usage {
            message: format!(
                "standard input cannot be both {} and {}",
                one.name(),
                other.name()
            ),
            hint: Some(format!("put {} in a file", one.name())),
        }),
        (Some(purpose), None) if purpose.is_of_the_turn() => Ok(StdinUse::AskedFor),
        (Some(_), None) => Ok(StdinUse::Taken),
        (None, _) => Ok(StdinUse::Open),
    }
}

/// What a `-` asks standard input to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StdinPurpose {
    ApiKey,
    SystemPrompt,
    Template,
    Messages,
    Tools,
    Schema,
    FileList,
    Attachment,
    File,
    Prompt,
}

impl StdinPurpose {
    /// Returns the name that messages have for it.
    fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "the API key",
            Self::SystemPrompt => "the system prompt",
            Self::Template => "the template",
            Self::Messages => "the messages",
            Self::Tools => "a tools file",
            Self::Schema => "the schema",
            Self::FileList => "a list of files",
            Self::Attachment => "an attachment",
            Self::File => "a file",
            Self::Prompt => "the prompt",
        }
    }

    /// Returns whether it becomes a part of the user's turn.
    fn is_of_the_turn(self) -> bool {
        matches!(self, Self::Attachment | Self::File | Self::Prompt)
    }
}

/// Reads the system prompt, where it is in a file.
pub(crate) async fn system_prompt(
    guard: SecretGuard<'_>,
    given: Option<&str>,
) -> Result<Option<String>, Error> {
    let Some(given) = given else {
        return Ok(None);
    };
    let Some(path) = given.strip_prefix('@').map(Path::new) else {
        return Ok(Some(
            guard.check_words("the system prompt", given.to_owned()),
        ));
    };
    let app = guard.app;
    let (text, notice) = app.unless_interrupted(read_prose(path)).await??;
    if let Some(notice) = notice {
        app.notices.notice_always(&notice);
    }
    let name = format!("`{}`", path.display());
    guard.check_text(&name, path, text).map(Some)
}

/// Reads the system prompt of the settings, for a request that has no other.
pub(crate) async fn default_system(
    app: &App,
    settings: &Settings,
    has_other: bool,
) -> Result<Option<String>, Error> {
    let given = settings.default_system().filter(|_| !has_other);
    system_prompt(SecretGuard::new(app, &settings.secrets), given).await
}

/// Puts the user's turn together. One without anything in it is no error behind earlier turns.
pub(crate) async fn user_turn(
    guard: SecretGuard<'_>,
    args: &cli::AskArgs,
    given: &mut RequestSources,
    stdin_use: StdinUse,
) -> Result<input::Turn, Error> {
    refuse_expanded_glob(args)?;
    let app = guard.app;
    let words = match args.prompt.join(" ") {
        words if args.prompt.is_empty() || words == "-" => None,
        // What is written in an editor is checked when that is done.
        words if args.input.edit => Some(words),
        words => Some(guard.check_words(PROMPT, words)),
    };
    let has_body = given
        .template
        .as_ref()
        .is_some_and(input::Template::has_body);
    let has_prompt = words.is_some() || has_body || args.input.edit;
    let is_asked_for = stdin_use == StdinUse::AskedFor;
    let mut stdin = None;
    if is_asked_for || !(args.input.no_stdin || stdin_use == StdinUse::Taken) {
        stdin = read_stdin(app, has_prompt, is_asked_for, most_bytes(&args.input)).await?;
    }
    if args
        .input
        .attached
        .iter()
        .any(|path| path.as_os_str() == "-")
    {
        stdin = stdin.map(Attachment::not_as_text).transpose()?;
    }
    if let Some(stdin) = &mut stdin {
        guard.check_stdin(stdin);
    }
    let mut prompt = fill(guard, args, given, words, &mut stdin)?;
    if args.input.edit {
        let edited = edit_in_draft(app, prompt.as_deref().unwrap_or_default()).await?;
        prompt = Some(guard.check_words(PROMPT, edited));
    }
    let files = files_of_flags(guard, &args.input).await?;
    match assemble(prompt.as_deref(), files, stdin) {
        Err(input::Error::NoPrompt) if !given.conversation.messages.is_empty() => {
            Ok(input::Turn::default())
        }
        turn => Ok(turn?),
    }
}

/// Fills the template; standard input that has a place in it is nothing else.
fn fill(
    guard: SecretGuard<'_>,
    args: &cli::AskArgs,
    given: &mut RequestSources,
    words: Option<String>,
    stdin: &mut Option<Attachment>,
) -> Result<Option<String>, Error> {
    let Some(template) = &mut given.template else {
        return Ok(words);
    };
    let mut inserted = None;
    if let Some(stdin) = stdin.take_if(|_| template.has_stdin()) {
        let (text, notice) = stdin.into_inserted()?;
        if let Some(notice) = notice {
            guard.app.notices.notice_always(&notice);
        }
        inserted = Some(text);
    }
    let params = guard.check_params(&args.input.params);
    let places = Places {
        params: &params,
        prompt: words.as_deref(),
        stdin: inserted.as_deref(),
    };
    Ok(template.fill(places)?)
}

/// The most bytes of one input that are read.
pub(crate) fn most_bytes(flags: &cli::InputArgs) -> u64 {
    if flags.no_check {
        u64::MAX
    } else {
        MAX_BODY_BYTES as u64
    }
}

/// Reads the files that the flags name, except standard input.
pub(crate) async fn files_of_flags(
    guard: SecretGuard<'_>,
    flags: &cli::InputArgs,
) -> Result<Vec<Attachment>, Error> {
    let exclude = Exclusions::new(&flags.exclude);
    let reader = FileReader {
        app: guard.app,
        exclude: &exclude,
        most: most_bytes(flags),
    };
    let mut files = Vec::with_capacity(flags.files.len() + flags.attached.len());
    for path in flags.files.iter().filter(|path| path.as_os_str() != "-") {
        files.append(&mut reader.read(&FileArgument::find(path)).await?);
    }
    if let Some(list) = &flags.files_from {
        files.append(&mut reader.read_listed(list).await?);
    }
    for path in flags.attached.iter().filter(|path| path.as_os_str() != "-") {
        files.append(&mut reader.read_not_as_text(path).await?);
    }
    for glob in exclude.unused() {
        guard.app.notices.notice(&excluded_nothing(glob));
    }
    guard.check_files(&mut files, &flags.files)?;
    Ok(files)
}

/// Returns the notice for a glob of `--exclude` that was of no use.
pub(crate) fn excluded_nothing(glob: &str) -> String {
    format!("--exclude {} excluded nothing", shell_quote(glob))
}

/// Reads the files that a path stands for.
pub(crate) struct FileReader<'a> {
    /// Where notices go.
    pub(crate) app: &'a App,
    /// What is left out of directories and patterns.
    pub(crate) exclude: &'a Exclusions,
    /// The most bytes of one file or directory.
    pub(crate) most: u64,
}

impl FileReader<'_> {
    /// Reads a file, the text files of a directory, or what matches a pattern.
    pub(crate) async fn read(&self, argument: &FileArgument) -> Result<Vec<Attachment>, Error> {
        let found = match argument {
            FileArgument::File(path) => {
                let read = Attachment::read(path, self.most);
                return Ok(vec![told_when_slow(self.app, path, read).await?]);
            }
            FileArgument::Directory(path) => Directory::read(path, self.exclude, self.most).await?,
            FileArgument::Pattern(pattern) => {
                Directory::read_matching(pattern, self.exclude, self.most).await?
            }
        };
        self.app.notices.notice(&found.notice);
        Ok(found.files)
    }

    /// Reads the files and directories of a list.
    pub(crate) async fn read_listed(&self, list: &Path) -> Result<Vec<Attachment>, Error> {
        let mut files = Vec::new();
        for path in told_when_slow(self.app, list, read_file_list(list)).await? {
            files.append(&mut self.read(&FileArgument::literal(path)).await?);
        }
        Ok(files)
    }

    /// Reads an image or a PDF, those that match a pattern, or the image on the clipboard.
    pub(crate) async fn read_not_as_text(&self, path: &Path) -> Result<Vec<Attachment>, Error> {
        if path.as_os_str() == CLIPBOARD {
            return Ok(vec![read_clipboard(find_program, self.most).await?]);
        }
        let argument = match FileArgument::find(path) {
            FileArgument::Directory(path) => FileArgument::File(path),
            argument => argument,
        };
        let files = self.read(&argument).await?.into_iter();
        Ok(files
            .map(Attachment::not_as_text)
            .collect::<Result<_, _>>()?)
    }
}

/// Refuses words that name files, beside a flag that takes one: the shell has made several of a
/// `*`, and the flag has but the first. A directory needs its slash, so that a word may be what a
/// directory happens to be called.
fn refuse_expanded_glob(args: &cli::AskArgs) -> Result<(), Error> {
    let (flag, first) = match (args.input.files.as_slice(), args.input.attached.as_slice()) {
        ([.., last], _) => ("-f", last),
        ([], [.., last]) => ("-a", last),
        ([], []) => return Ok(()),
    };
    let (words, _literal) = args.prompt.split_at(args.prompt.len() - args.literal_words);
    let is_file = |word: &&String| {
        let path = Path::new(word.as_str());
        path.is_file() || (word.contains('/') && path.is_dir())
    };
    let names: Vec<&String> = words.iter().filter(is_file).collect();
    let Some(name) = names.first() else {
        return Ok(());
    };
    let first = first.to_string_lossy();
    let all = std::iter::once(first.as_ref()).chain(names.iter().map(|name| name.as_str()));
    let mut form: Vec<_> = all
        .take(FILES_IN_HINT)
        .map(|file| format!("{flag} {}", shell_quote(file)))
        .collect();
    if names.len() >= FILES_IN_HINT {
        form.push("…".to_owned());
    }
    Err(Error::Usage {
        message: format!(
            "`{name}` is an existing file, but was given as the prompt: {flag} takes \
            one file"
        ),
        hint: Some(format!(
            "write {}, or put the prompt after --",
            form.join(" ")
        )),
    })
}

/// Reads standard input; one that was asked for by `-` is read even where it is a terminal, or a
/// file that somebody has already read from. It may have `most` bytes.
pub(crate) async fn read_stdin(
    app: &App,
    has_prompt: bool,
    is_asked_for: bool,
    most: u64,
) -> Result<Option<Attachment>, Error> {
    let is_terminal = app.facts.stdin_is_terminal;
    match Stdin::look(is_terminal && !is_asked_for, has_prompt && !is_asked_for)
        .map_err(input::Error::Stdin)?
    {
        Stdin::None => Ok(None),
        Stdin::SomebodyElses => {
            app.notices
                .notice("standard input has already been partly read; ignoring it");
            Ok(None)
        }
        Stdin::Readable(file) => {
            let notice = "still waiting for standard input; use --no-stdin if there is none";
            let stdin = told_after_silence(app, notice, Attachment::read_stdin(file, most)).await?;
            let program = app
                .argv
                .first()
                .map(OsString::as_os_str)
                .unwrap_or_default();
            if has_prompt
                && !is_asked_for
                && !stdin.is_empty()
                && input::is_input_of_reading_loop(program)
            {
                app.notices.notice_always(
                    "standard input was read to its end, with all lines that the loop has not read \
                     yet; in a `while read` loop, add -I",
                );
            }
            Ok(Some(stdin).filter(|stdin| !stdin.is_empty()))
        }
    }
}

/// Reads a file, and mentions one that keeps the user waiting: a named pipe that nobody writes
/// to.
async fn told_when_slow<T>(app: &App, path: &Path, read: impl Future<Output = T>) -> T {
    told_after_silence(app, &format!("still reading `{}`", path.display()), read).await
}

async fn told_after_silence<T>(app: &App, notice: &str, read: impl Future<Output = T>) -> T {
    let mut read = std::pin::pin!(read);
    if let Ok(read) = tokio::time::timeout(SILENCE, &mut read).await {
        return read;
    }
    app.notices.notice(notice);
    read.await
}
