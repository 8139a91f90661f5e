//! Finds and reads the tools of `-T`: files, standard input, and programs that say themselves what
//! they are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::cli;
use crate::compose::named_text::read_named_text;
use crate::compose::secret_guard::SecretGuard;
use crate::config::{self, ConfigFile, Paths, inherited_var, tools_directory};
use crate::error::Error;
use crate::fs::{check_trusted, read_trusted};
use crate::input::{self, on_a_thread};
use crate::text::{sanitize_line, shell_quote, truncate_to_width};
use crate::tool::{self, FoundProgram, Tool, describe, is_program, parse_tools};
use crate::ui::ask_yes_no;

/// What the files of tools end in.
const EXTENSIONS: [&str; 2] = ["toml", "json"];

/// How much of what a program printed instead of its definition is shown, in columns.
const MAX_SHOWN_COLUMNS: usize = 40;

/// Reads the tools of a file, or starts a program to be told. `flags` are those that may allow it.
pub(crate) async fn load(
    guard: SecretGuard<'_>,
    given: &Path,
    flags: Option<&cli::ToolPolicyArgs>,
) -> Result<Vec<Tool>, Error> {
    let app = guard.app;
    let path = path_of(given)?;
    if has_tools_extension(&path) || !is_program(&path) {
        if let Some(Err(distrust)) = path.metadata().ok().map(|data| check_trusted(&data)) {
            return Err(config::Error::untrusted(&path, distrust).into());
        }
        let (name, text) = read_named_text(app, &path).await?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut tools = parse_tools(&name, directory, &text)?;
        guard.check_tools(&name, Some(&path), &mut tools)?;
        return Ok(tools);
    }
    let program = FoundProgram::at(&path).map_err(|source| input::Error::Unreadable {
        path: path.clone(),
        source,
    })?;
    may_start(app, given, &program, flags).await?;
    let name = format!("`{}`", path.display());
    let described = app
        .unless_interrupted(describe(&path, inherited_var, &app.secrets, &app.guard))
        .await?;
    let text = described.map_err(|reason| tool::Error {
        file: name.clone(),
        reason,
    })?;
    let tools = parse_tools(&format!("{name} --schema"), Path::new(""), &text);
    let mut tools = tools.map_err(|error| match text.trim_start().lines().next() {
        // It may have another use, and knows nothing of --schema.
        Some(first) if !text.trim_start().starts_with(['{', '[']) => tool::Error {
            file: name.clone(),
            reason: format!(
                "run with --schema, it printed no tool definition, but `{}`",
                truncate_to_width(&sanitize_line(first), MAX_SHOWN_COLUMNS)
            ),
        },
        _ => error,
    })?;
    guard.check_tools(&name, None, &mut tools)?;
    Ok(tools.into_iter().map(|tool| tool.run_by(&path)).collect())
}

/// Refuses a program that nobody asked for. Its path on the command line asks for it; a name, which
/// may mean another program by now, needs a permission.
async fn may_start(
    app: &App,
    given: &Path,
    program: &FoundProgram,
    flags: Option<&cli::ToolPolicyArgs>,
) -> Result<(), Error> {
    if program.distrust().is_some() {
        return confirm_exposed(app, program).await;
    }
    let name = given.to_string_lossy();
    let is_listed = |names: &[String]| names.iter().any(|listed| *listed == name);
    if is_path(&name) || flags.is_some_and(|flags| flags.yes || is_listed(&flags.allow_tool)) {
        return Ok(());
    }
    let (config, _) = ConfigFile::read(&Paths::find(&app.env))?;
    if is_listed(config.allowed_tools()) {
        return Ok(());
    }
    let path = program.path().to_string_lossy();
    let hint = match flags {
        Some(_) => format!("allow it with --allow-tool {}", shell_quote(&name)),
        None => format!("use its path: -T {}", shell_quote(&path)),
    };
    let refused = Error::Usage {
        message: format!("`{name}` is the program `{path}`, which is not allowed to start"),
        hint: Some(hint),
    };
    confirm(app, program, refused).await
}

/// Asks whether to run a program that somebody else can write to. Nothing else allows it.
pub(crate) async fn confirm_exposed(app: &App, program: &FoundProgram) -> Result<(), Error> {
    let (Some(distrust), Some(exposed)) = (program.distrust(), program.exposed()) else {
        return Ok(());
    };
    app.notices.notice_always(&exposed);
    let refused = config::Error::untrusted(program.path(), distrust.clone());
    confirm(app, program, refused.into()).await
}

/// Asks on the terminal whether to start a program. Without a terminal, or with a no, the result is
/// `refused`.
async fn confirm(app: &App, program: &FoundProgram, refused: Error) -> Result<(), Error> {
    if !(app.facts.stdin_is_terminal && app.facts.stderr_is_terminal) {
        return Err(refused);
    }
    let path = program.path().display().to_string();
    let asking = on_a_thread(move || ask_yes_no("start the program", Some(&path)));
    let answer = app.unless_interrupted(asking).await?;
    let is_wanted = answer.map_err(|source| Error::System {
        what: "read an answer from the terminal",
        source,
    })?;
    if !is_wanted {
        return Err(refused);
    }
    if program.has_changed() {
        let path = program.path().display();
        return Err(Error::Usage {
            message: format!("`{path}` changed after it was shown, so it was not started"),
            hint: Some("check what is in it, then run the same command again".to_owned()),
        });
    }
    Ok(())
}

/// Whether what was given to `-T` is a path, and not a name.
fn is_path(given: &str) -> bool {
    given.contains('/') || given == "-"
}

/// The names that may be given instead of paths, sorted.
pub(crate) fn names() -> Vec<String> {
    let directory = tools_directory().map(std::fs::read_dir);
    let entries = directory.into_iter().flatten().flatten().flatten();
    let name = |path: PathBuf| {
        let is_file = has_tools_extension(&path);
        let name = if is_file {
            path.file_stem()
        } else {
            path.file_name()
        };
        path.is_file().then_some(())?;
        Some(name?.to_str()?.to_owned())
    };
    let mut names: Vec<_> = entries.filter_map(|entry| name(entry.path())).collect();
    names.sort();
    names.dedup();
    names
}

/// The names of files in the current directory that may be given with `./` before them, sorted:
/// files with the extension of a tools file, and programs.
pub(crate) fn names_in_current_directory() -> Vec<String> {
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten();
    let name = |path: PathBuf| {
        let is_meant = is_program(&path) || (has_tools_extension(&path) && path.is_file());
        let name = path.file_name()?.to_str()?;
        is_meant.then(|| name.to_owned())
    };
    let mut names: Vec<_> = entries.filter_map(|entry| name(entry.path())).collect();
    names.sort();
    names
}

/// The names of the tools in a file that was given to `-T`; none of a program, which is not
/// started, and of a file that cannot be used.
pub(crate) fn tool_names_in(given: &Path) -> Vec<String> {
    let tools = || {
        let path = path_of(given).ok()?;
        let bytes = read_trusted(&path)
            .ok()
            .filter(|_| has_tools_extension(&path))?;
        let text = String::from_utf8(bytes).ok()?;
        parse_tools("", path.parent().unwrap_or(Path::new("")), &text).ok()
    };
    let tools = tools().unwrap_or_default();
    tools.iter().map(|tool| tool.name().to_owned()).collect()
}

fn has_tools_extension(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|extension| EXTENSIONS.contains(&extension))
}

/// Finds a tools file: a bare name in the directory of the tools only, a path anywhere. So a file
/// that happens to stand in the present directory is not taken for a tool that the user has put
/// there.
fn path_of(given: &Path) -> Result<PathBuf, Error> {
    let name = given.to_string_lossy();
    if is_path(&name) {
        return Ok(given.to_owned());
    }
    let directory = tools_directory().ok_or_else(|| Error::Usage {
        message: "HOME is not set, so there is no tools directory".to_owned(),
        hint: Some("set HOME, or use a path, such as ./FILE".to_owned()),
    })?;
    let names = [name.to_string()]
        .into_iter()
        .chain(EXTENSIONS.map(|extension| format!("{name}.{extension}")));
    let found = names
        .map(|name| directory.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| Error::Usage {
        message: format!("no tools file `{name}` in `{}`", directory.display()),
        hint: Some(format!(
            "for a file in the current directory, write ./{name}"
        )),
    })
}
