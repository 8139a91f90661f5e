//! `langdock template`: lists and shows saved prompts.

use std::path::Path;

use crate::app::App;
use crate::cli;
use crate::compose::template_files::{directory, names, path_of};
use crate::error::Error;
use crate::input::read_text;

/// Lists the saved prompts, or shows one.
pub(crate) async fn template(app: &App, args: &cli::TemplateArgs) -> Result<(), Error> {
    match &args.action {
        cli::TemplateAction::List => {
            let directory = directory()?;
            let names = names(&directory)?;
            if names.is_empty() {
                app.notices.notice(&format!(
                    "no templates in `{}`; save one there as NAME.md",
                    directory.display()
                ));
            }
            let end = if names.is_empty() { "" } else { "\n" };
            app.print_outside(&(names.join("\n") + end))
        }
        cli::TemplateAction::Show { name } => {
            let path = path_of(Path::new(name))?;
            let text = app.unless_interrupted(read_text(&path)).await??;
            app.print_long_outside(&text)
        }
    }
}
