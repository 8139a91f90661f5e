//! `--edit`: the prompt comes out of an editor, as a commit message does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::app::App;
use crate::error::Error;
use crate::input::on_a_thread;

/// The editor where none was chosen.
const EDITOR: &str = "vi";

/// Lets a person write the prompt; `text` is what the editor begins with.
pub(crate) async fn edit(app: &App, text: &str) -> Result<String, Error> {
    edited(app, text).await.map(|(prompt, _)| prompt)
}

/// The same, and the draft stays until the prompt has been answered as a whole.
pub(crate) async fn edit_in_draft(app: &App, text: &str) -> Result<String, Error> {
    let (prompt, draft) = edited(app, text).await?;
    app.hold_draft(draft.into_path());
    Ok(prompt)
}

async fn edited(app: &App, text: &str) -> Result<(String, Draft), Error> {
    // Standard input and output may be pipes; the editor gets the terminal itself.
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok();
    let Some(terminal) = terminal.filter(|_| app.facts.stderr_is_terminal) else {
        let hint = "give the prompt as words, with -f FILE or on standard input".to_owned();
        return Err(Error::Usage { message: "--edit needs a terminal".to_owned(), hint: Some(hint) });
    };
    let failed = |source| Error::System { what: "have the prompt edited", source };
    let draft = Draft::create(&app.env.temporary_folder, text).map_err(failed)?;
    let editor = app.env.editor.clone().unwrap_or_else(|| EDITOR.to_owned());
    let mut command = command(&editor, &draft.0, &terminal).map_err(failed)?;
    let status: ExitStatus = app.unless_interrupted(on_a_thread(move || command.status())).await?.map_err(failed)?;
    if !status.success() {
        let message = format!("the editor `{editor}` failed ({status}); nothing was sent");
        return Err(Error::Usage { message, hint: Some("choose another one with VISUAL or EDITOR".to_owned()) });
    }
    let bytes = fs::read(&draft.0).map_err(failed)?;
    let prompt = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    if prompt.is_empty() {
        let hint = "write a prompt, save it and leave the editor".to_owned();
        let message = "the edited prompt is empty; nothing was sent".to_owned();
        return Err(Error::Usage { message, hint: Some(hint) });
    }
    Ok((prompt, draft))
}

/// The editor's command. `VISUAL` and `EDITOR` may have arguments and quotes, which the shell knows how to read.
fn command(editor: &str, draft: &Path, terminal: &File) -> io::Result<Command> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(editor).arg(draft);
    command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal.try_clone()?);
    Ok(command)
}

/// A file that only its owner can read, and that goes when it is done with.
struct Draft(PathBuf);

impl Draft {
    fn create(folder: &Path, text: &str) -> io::Result<Self> {
        let path = folder.join(format!("langdock-{:016x}.md", fastrand::u64(..)));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let draft = Self(path);
        file.write_all(text.as_bytes())?;
        Ok(draft)
    }

    /// Leaves the file where it is.
    fn into_path(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // It may be gone already, or left to somebody else, and there is nobody to tell.
    }
}
