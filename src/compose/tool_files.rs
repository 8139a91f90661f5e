//! Finds and reads the tools of `-T`: files, standard input, and programs that say themselves what
//! they are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::compose::named_text::read_named_text;
use crate::config::{Secret, inherited_var, tools_directory};
use crate::error::Error;
use crate::tool::{self, Tool, describe, is_program, parse_tools};

/// What the files of tools end in.
const EXTENSIONS: [&str; 2] = ["toml", "json"];

/// Reads the tools of a file.
pub(crate) async fn load(app: &App, given: &Path) -> Result<Vec<Tool>, Error> {
    let path = path_of(given)?;
    let is_file = path
        .extension()
        .and_then(OsStr::to_str)
        .is_some_and(|extension| EXTENSIONS.contains(&extension));
    if is_file || !is_program(&path) {
        let (name, text) = read_named_text(app, &path).await?;
        return Ok(parse_tools(
            &name,
            path.parent().unwrap_or(Path::new("")),
            &text,
        )?);
    }
    let name = format!("`{}`", path.display());
    let described = app
        .unless_interrupted(describe(
            &path,
            inherited_var,
            app.env.api_key.as_ref().map(Secret::reveal),
            &app.guard,
        ))
        .await?;
    let text = described.map_err(|reason| tool::Error {
        file: name.clone(),
        reason,
    })?;
    let tools = parse_tools(&format!("{name} --schema"), Path::new(""), &text)?;
    Ok(tools.into_iter().map(|tool| tool.run_by(&path)).collect())
}

/// Finds a tools file: a bare name in the directory of the tools only, a path anywhere. So a file
/// that happens to stand in the present directory is not taken for a tool that the user has put
/// there.
fn path_of(given: &Path) -> Result<PathBuf, Error> {
    let name = given.to_string_lossy();
    if name.contains('/') || name == "-" {
        return Ok(given.to_owned());
    }
    let directory = tools_directory().ok_or_else(|| Error::Usage {
        message: "HOME is not set, so there is no tools directory".to_owned(),
        hint: Some("set HOME, or give a path, such as ./FILE".to_owned()),
    })?;
    let names = [name.to_string()]
        .into_iter()
        .chain(EXTENSIONS.map(|extension| format!("{name}.{extension}")));
    let found = names
        .map(|name| directory.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| Error::Usage {
        message: format!("no tools file `{name}` in `{}`", directory.display()),
        hint: Some(format!("for a file in this directory write ./{name}")),
    })
}
