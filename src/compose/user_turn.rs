//! Gathers the user's turn: words, template, editor, files, directories and standard input.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::App;
use crate::cli;
use crate::compose::build::MAX_BODY_BYTES;
use crate::compose::external_editor::edit_in_draft;
use crate::compose::sources::RequestSources;
use crate::config::Settings;
use crate::error::Error;
use crate::input::{self, Attachment, Directory, Places, Stdin, assemble, read_prose};
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
pub(crate) async fn system_prompt(app: &App, given: Option<&str>) -> Result<Option<String>, Error> {
    let Some(path) = given.and_then(|text| text.strip_prefix('@')) else {
        return Ok(given.map(str::to_owned));
    };
    let (text, notice) = app
        .unless_interrupted(read_prose(Path::new(path)))
        .await??;
    if let Some(notice) = notice {
        app.notices.notice(&notice);
    }
    Ok(Some(text))
}

/// Reads the system prompt of the settings, for a request that has no other.
pub(crate) async fn default_system(
    app: &App,
    settings: &Settings,
    has_other: bool,
) -> Result<Option<String>, Error> {
    let given = settings.default_system().filter(|_| !has_other);
    system_prompt(app, given).await
}

/// Puts the user's turn together. One without anything in it is no error behind earlier turns.
pub(crate) async fn user_turn(
    app: &App,
    args: &cli::AskArgs,
    given: &mut RequestSources,
    stdin_use: StdinUse,
) -> Result<input::Turn, Error> {
    refuse_expanded_glob(args)?;
    let words = match args.prompt.join(" ") {
        words if args.prompt.is_empty() || words == "-" => None,
        words => Some(words),
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
    let mut prompt = fill(app, args, given, words, &mut stdin)?;
    if args.input.edit {
        prompt = Some(edit_in_draft(app, prompt.as_deref().unwrap_or_default()).await?);
    }
    let files = read_files(
        app,
        &args.input.files,
        &args.input.attached,
        most_bytes(&args.input),
    )
    .await?;
    match assemble(prompt.as_deref(), files, stdin) {
        Err(input::Error::NoPrompt) if !given.conversation.messages.is_empty() => {
            Ok(input::Turn::default())
        }
        turn => Ok(turn?),
    }
}

/// Fills the template; standard input that has a place in it is nothing else.
fn fill(
    app: &App,
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
            app.notices.notice(&notice);
        }
        inserted = Some(text);
    }
    let places = Places {
        params: &args.input.params,
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

/// Reads files and directories, and what is attached and never text. Each may have `most` bytes.
pub(crate) async fn read_files(
    app: &App,
    given: &[PathBuf],
    attached: &[PathBuf],
    most: u64,
) -> Result<Vec<Attachment>, Error> {
    let mut files = Vec::with_capacity(given.len() + attached.len());
    for path in given.iter().filter(|path| path.as_os_str() != "-") {
        if path.is_dir() {
            let mut directory = Directory::read(path, most).await?;
            app.notices.notice(&directory.notice);
            files.append(&mut directory.files);
        } else {
            files.push(told_when_slow(app, path, Attachment::read(path, most)).await?);
        }
    }
    for path in attached.iter().filter(|path| path.as_os_str() != "-") {
        files.push(
            told_when_slow(app, path, Attachment::read(path, most))
                .await?
                .not_as_text()?,
        );
    }
    Ok(files)
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
            if has_prompt && !is_asked_for && !stdin.is_empty() && input::is_shared_with_caller() {
                app.notices.notice(
                    "read all of standard input, which the calling shell reads too; in a \
                     `while read` loop, add -I",
                );
            }
            Ok(Some(stdin).filter(|stdin| !stdin.is_empty()))
        }
    }
}

/// Reads a file, and tells of one that keeps the user waiting: a named pipe that nobody writes
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
