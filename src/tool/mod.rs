//! Tools: what the model may call, whether a call may be run, and how it is run on this machine.

mod approve;
mod capture;
mod exec;
mod found;
mod input_schema;
mod keys;
mod output_schema;
mod result;
mod schema;
mod schema_way;
mod schema_work;
mod spec;
mod structured;
mod subschemas;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(crate) use approve::{Policy, Verdict};
pub(crate) use exec::{Job, Stop, describe, run};
pub(crate) use keys::TOOL_KEYS;
pub(crate) use result::Outcome;
pub(crate) use schema::Schema;
pub(crate) use schema_way::{SchemaMode, SchemaWay};
pub(crate) use spec::{Tool, parse_tools, refuse_same_names, tool_choice};
pub(crate) use structured::{Structured, Verdict as StructuredVerdict};

use crate::model_text::{invalid_input, unknown_tool};
use crate::protocol::ToolDefinition;
use crate::text::did_you_mean;
use spec::{Program, Run};

/// What is wrong with a tools file or a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub(crate) struct Error {
    /// The name of the file in messages.
    pub(crate) file: String,
    /// What is wrong, and where.
    pub(crate) reason: String,
}

/// The validated tools of a run.
#[derive(Debug)]
pub(crate) struct ToolSet(Vec<Ready>);

/// A validated tool.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The tool.
    pub(crate) tool: Tool,
    /// The schema of its input.
    schema: Option<Schema>,
    /// The command to run, resolved on this machine; `None` if the caller runs the tool.
    words: Option<Vec<PathBuf>>,
}

impl ToolSet {
    /// Validates tools: their schemas, and that their programs exist. `search_path` is the variable
    /// `PATH`.
    pub(crate) fn from_tools(tools: Vec<Tool>, search_path: Option<&OsStr>) -> Result<Self, Error> {
        refuse_same_names(&tools)?;
        let ready = |tool: Tool| -> Result<Ready, Error> {
            let schema = tool.schema().map(Schema::compile).transpose();
            let schema = schema
                .map_err(|why| tool.wrong("input_schema", &format!("`input_schema`: {why}")))?;
            let words = tool
                .run
                .as_ref()
                .map(|run| find(run, search_path))
                .transpose();
            let words = words.map_err(|why| tool.wrong("command", &format!("`command`: {why}")))?;
            Ok(Ready {
                tool,
                schema,
                words,
            })
        };
        Ok(Self(
            tools.into_iter().map(ready).collect::<Result<_, _>>()?,
        ))
    }

    /// Returns all tools.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ready> {
        self.0.iter()
    }

    /// Returns the tool with this name; the error lists the available ones.
    pub(crate) fn find(&self, name: &str) -> Result<&Ready, String> {
        self.0
            .iter()
            .find(|ready| ready.tool.name() == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.names().collect();
                if names.is_empty() {
                    return unknown_tool(name, "; there are no tools");
                }
                match did_you_mean(name, names.iter().copied()) {
                    nearest if nearest.is_empty() => {
                        unknown_tool(name, &format!("; available tools: {}", names.join(", ")))
                    }
                    nearest => unknown_tool(name, &nearest),
                }
            })
    }

    /// Returns the names of all tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|ready| ready.tool.name())
    }

    /// Returns the definitions to send.
    pub(crate) fn definitions(&self) -> Vec<ToolDefinition> {
        self.0
            .iter()
            .map(|ready| ready.tool.definition.clone())
            .collect()
    }
}

impl Ready {
    /// Whether it is run here, not by the caller.
    pub(crate) fn is_run_here(&self) -> bool {
        self.words.is_some()
    }

    /// Whether it needs confirmation even with `-y`.
    pub(crate) fn confirms(&self) -> bool {
        self.tool.run.as_ref().is_some_and(|run| run.confirm)
    }

    /// Validates the input of a call; the error is written for the model.
    pub(crate) fn check(&self, input: &Value) -> Result<(), String> {
        let fits = self
            .schema
            .as_ref()
            .map_or(Ok(()), |schema| schema.check(input));
        fits.map_err(|why| invalid_input(self.tool.name(), &why))
    }

    /// Returns its command on one line; words that need quoting are written as JSON strings.
    pub(crate) fn shown_command(&self) -> String {
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%=".contains(letter);
        let shown = |word: &PathBuf| {
            let word = word.to_string_lossy();
            if !word.is_empty() && word.chars().all(is_plain) {
                word.into_owned()
            } else {
                Value::from(word).to_string()
            }
        };
        self.words
            .iter()
            .flatten()
            .map(shown)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Resolves the command of a tool; the error says what is missing.
fn find(run: &Run, search_path: Option<&OsStr>) -> Result<Vec<PathBuf>, String> {
    if let Some(cwd) = run.cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
        return Err(format!("its `cwd` `{}` is not a directory", cwd.display()));
    }
    let words = match &run.program {
        Program::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
        Program::Words(words) => words.clone(),
    };
    let Some((program, args)) = words.split_first() else {
        return Err("no program is given".to_owned());
    };
    let path = find_program(program, &run.directory, search_path)?;
    Ok(std::iter::once(path)
        .chain(args.iter().map(PathBuf::from))
        .collect())
}

/// Resolves a program. One with a slash is a path relative to the directory of the tools file; any
/// other is looked up in `PATH`.
fn find_program(
    program: &str,
    directory: &Path,
    search_path: Option<&OsStr>,
) -> Result<PathBuf, String> {
    if program.contains('/') {
        let path = directory.join(program);
        return match path.metadata() {
            Err(error) => Err(format!("`{}`: {error}", path.display())),
            Ok(data) if !data.is_file() => Err(format!("`{}` is not a program", path.display())),
            Ok(data) if data.permissions().mode() & 0o111 == 0 => {
                Err(format!("`{}` is not executable", path.display()))
            }
            Ok(_) => std::path::absolute(&path).map_err(|error| error.to_string()),
        };
    }
    let directories = search_path.map(std::env::split_paths).into_iter().flatten();
    let mut paths = directories.map(|directory| directory.join(program));
    paths
        .find(|path| is_program(path))
        .ok_or_else(|| format!("program `{program}` not found in PATH"))
}

/// Whether this is the path of an executable file.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_no_tools_none_are_listed() {
        let none = ToolSet::from_tools(Vec::new(), None).expect("nothing is wrong with none");
        assert_eq!(
            none.find("echo").err().as_deref(),
            Some("no tool `echo`; there are no tools")
        );
    }
}
