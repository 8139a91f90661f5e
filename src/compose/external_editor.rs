//! `--edit`: the prompt comes out of an editor, as a commit message does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::app::App;
use crate::error::Error;
use crate::fs::{child_command, create_draft, open_existing};
use crate::input::on_a_thread;

/// The editor where none was chosen.
const EDITOR: &str = "vi";

/// What helps if the editor fails.
const OTHER_EDITOR: &str = "choose another editor with VISUAL or EDITOR";

/// Lets a user write the prompt; `text` is what the editor begins with.
pub(crate) async fn edit(app: &App, text: &str) -> Result<String, Error> {
    let (prompt, draft) = edited(app, text).await?;
    let _ = fs::remove_file(draft.into_path()); // It may be gone already.
    Ok(prompt)
}

/// The same, and the draft stays until the prompt has been answered as a whole.
pub(crate) async fn edit_in_draft(app: &App, text: &str) -> Result<String, Error> {
    let (prompt, draft) = edited(app, text).await?;
    app.hold_draft(draft.into_path());
    Ok(prompt)
}

/// Lets a user edit a file of theirs, and waits for the editor. `create` makes the file, unless
/// there is no terminal.
pub(crate) fn edit_file(
    app: &App,
    path: &Path,
    create: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(terminal) = terminal(app) else {
        return Err(Error::Usage {
            message: "editing needs a terminal".to_owned(),
            hint: Some("use `langdock config set KEY VALUE` instead".to_owned()),
        });
    };
    create()?;
    let editor = editor(app);
    let failed = |source| Error::System {
        what: "start the editor",
        source,
    };
    let mut command = command(&editor, path, &terminal).map_err(failed)?;
    let status = app
        .unless_signalled("wait for the editor", move || command.status())?
        .map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!("the editor `{editor}` failed ({status})"),
        hint: Some(OTHER_EDITOR.to_owned()),
    })
}

/// The terminal itself: standard input and output may be pipes.
fn terminal(app: &App) -> Option<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    terminal.ok().filter(|_| app.facts.stderr_is_terminal)
}

fn editor(app: &App) -> String {
    app.env.editor.clone().unwrap_or_else(|| EDITOR.to_owned())
}

async fn edited<'a>(app: &'a App, text: &'a str) -> Result<(String, Draft<'a>), Error> {
    let Some(terminal) = terminal(app) else {
        let hint = "pass the prompt as an argument, with -f FILE or on standard input".to_owned();
        return Err(Error::Usage {
            message: "--edit needs a terminal".to_owned(),
            hint: Some(hint),
        });
    };
    let failed = |source| Error::System {
        what: "start the editor",
        source,
    };
    let draft = Draft::create(app, text).map_err(failed)?;
    let editor = editor(app);
    let mut command = command(&editor, &draft.path, &terminal).map_err(failed)?;
    let status: ExitStatus = app
        .unless_interrupted(on_a_thread(move || command.status()))
        .await?
        .map_err(failed)?;
    if !status.success() {
        let message = format!("the editor `{editor}` failed ({status}); nothing was sent");
        return Err(Error::Usage {
            message,
            hint: Some(OTHER_EDITOR.to_owned()),
        });
    }
    let prompt = draft.read().map_err(|source| Error::Unreadable {
        path: draft.path.clone(),
        source,
    })?;
    if prompt.is_empty() {
        let hint = "write a prompt, save it and close the editor".to_owned();
        let message = "the edited prompt is empty; nothing was sent".to_owned();
        return Err(Error::Usage {
            message,
            hint: Some(hint),
        });
    }
    Ok((prompt, draft))
}

/// The editor's command. `VISUAL` and `EDITOR` may have arguments and quotes, which the shell knows
/// how to read.
fn command(editor: &str, draft: &Path, terminal: &File) -> io::Result<Command> {
    let mut command = child_command(Path::new("/bin/sh"));
    command
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(editor)
        .arg(draft);
    command
        .stdin(terminal.try_clone()?)
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?);
    Ok(command)
}

/// A file that only its owner can read. It goes when it is done with, unless there is something in
/// it that was written for nothing: the editor failed, or a signal came.
struct Draft<'a> {
    app: &'a App,
    path: PathBuf,
    /// What the editor began with.
    before: &'a str,
}

impl<'a> Draft<'a> {
    fn create(app: &'a App, before: &'a str) -> io::Result<Self> {
        let (mut file, path) = create_draft(&app.env.temporary_directory, ".md")?;
        if let Err(error) = file.write_all(before.as_bytes()) {
            let _ = fs::remove_file(&path); // Nobody has written anything.
            return Err(error);
        }
        Ok(Self { app, path, before })
    }

    /// Reads the prompt that is in it. The editor may have put another file in its place, and so
    /// may others where the directory is everybody's.
    fn read(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        open_existing(&self.path, OpenOptions::new().read(true))?.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// Leaves the file where it is.
    fn into_path(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // Nothing can be read where it is gone already, or left to somebody else.
        let Ok(prompt) = self.read() else { return };
        if prompt.is_empty() || prompt == self.before.trim_end() {
            let _ = fs::remove_file(&self.path); // There is nobody to tell.
        } else {
            self.app.tell_written(&self.path);
        }
    }
}
