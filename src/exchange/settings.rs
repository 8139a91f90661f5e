//! What the commands have in common about settings: finding them, with what is to be told about
//! that.

use crate::app::App;
use crate::config::{ConfigFile, Flags, MergedConfig, Paths, Settings, resolve};
use crate::error::Error;
use crate::fs::may_block;

/// Reads the config file and resolves the settings. `demo` is the base URL of the built-in endpoint
/// where it was asked for.
pub(crate) fn settings(app: &App, flags: &Flags, demo: Option<&str>) -> Result<Settings, Error> {
    let paths = Paths::find(&app.env);
    let merged = merged_config(app, flags, &paths)?;
    Ok(resolve(&merged, paths.keys.as_deref(), demo)?)
}

/// Reads the config file and merges it with flags and environment.
pub(crate) fn merged_config(
    app: &App,
    flags: &Flags,
    paths: &Paths,
) -> Result<MergedConfig, Error> {
    let (file, notice) = if paths.config.as_deref().is_some_and(may_block) {
        let paths = paths.clone();
        app.unless_signalled("read the config file", move || ConfigFile::read(&paths))??
    } else {
        ConfigFile::read(paths)?
    };
    if let Some(notice) = notice {
        app.notices.notice(&notice);
    }
    Ok(MergedConfig::new(flags, &app.env, &file)?)
}
