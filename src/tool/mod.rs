//! Tools: what the model may call, whether a call may be run, and how it is run on this machine.

mod approve;
mod capture;
mod definition;
mod exec;
mod found;
mod input_schema;
mod keys;
mod lazy_schema;
mod output_schema;
mod program;
mod result;
mod run_spec;
mod schema;
mod schema_way;
mod schema_work;
mod spec;
mod structured;
mod subschemas;

use std::ffi::{OsStr, OsString};

use serde_json::Value;

pub(crate) use approve::{Policy, Verdict};
pub(crate) use definition::{ServerTool, Tool, refuse_same_names, tool_choice};
pub(crate) use exec::{
    Job, Stop, describe, make_outcome, passed_variables, printed_by, run, without_key,
};
pub(crate) use found::to_json as toml_to_json;
pub(crate) use keys::TOOL_KEYS;
pub(crate) use program::{FoundProgram, is_program};
pub(crate) use result::{Outcome, OutcomePart};
pub(crate) use schema::Schema;
pub(crate) use schema_way::{SchemaMode, SchemaWay};
pub(crate) use spec::parse_tools;
pub(crate) use structured::{Candidate, Misfit, Structured, Verdict as StructuredVerdict};

use crate::model_text::{invalid_input, unknown_tool};
use crate::protocol::ToolDefinition;
use crate::text::did_you_mean;
use run_spec::{Program, Run};

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
    /// What is run, found on this machine; none: it is the caller's own.
    command: Option<RunnableCommand>,
}

/// What a tool runs, found on this machine.
#[derive(Debug)]
pub(crate) struct RunnableCommand {
    /// The program.
    pub(crate) program: FoundProgram,
    /// Its arguments.
    args: Vec<OsString>,
}

impl ToolSet {
    /// Validates tools: their schemas, and that their programs exist. `search_path` is the variable
    /// `PATH`.
    pub(crate) fn from_tools(tools: Vec<Tool>, search_path: Option<&OsStr>) -> Result<Self, Error> {
        refuse_same_names(&tools)?;
        let ready = |tool: Tool| -> Result<Ready, Error> {
            let schema = tool
                .compiled_schema()
                .map_err(|why| tool.wrong("input_schema", &format!("`input_schema`: {why}")))?;
            let command = tool
                .run
                .as_ref()
                .map(|run| find(run, search_path))
                .transpose();
            let command =
                command.map_err(|why| tool.wrong("command", &format!("`command`: {why}")))?;
            Ok(Ready {
                tool,
                schema,
                command,
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
        self.command.is_some() || self.tool.server.is_some()
    }

    /// Whether it needs confirmation even with `-y`.
    pub(crate) fn confirms(&self) -> bool {
        self.tool.run.as_ref().is_some_and(|run| run.confirm)
            || self
                .tool
                .server
                .as_ref()
                .is_some_and(|server| server.confirm)
    }

    /// Whether its definition differs from the one that the run began with.
    pub(crate) fn has_changed(&self) -> bool {
        let server = self.tool.server.as_ref();
        server.is_some_and(|server| server.has_changed)
    }

    /// Returns what it runs; none if it is not run here.
    pub(crate) fn command(&self) -> Option<&RunnableCommand> {
        self.command.as_ref()
    }

    /// Whether somebody other than the user and root can write to the program that it runs.
    pub(crate) fn is_exposed(&self) -> bool {
        self.exposed_program().is_some()
    }

    /// Returns which program that is, and why, if so.
    pub(crate) fn exposed_program(&self) -> Option<String> {
        self.command.as_ref()?.program.exposed()
    }

    /// Validates the input of a call; the error is written for the model.
    pub(crate) fn check(&self, input: &Value) -> Result<(), String> {
        let fits = self
            .schema
            .as_ref()
            .map_or(Ok(()), |schema| schema.check(input));
        fits.map_err(|why| invalid_input(self.tool.name(), &why))
    }

    /// Returns its command on one line; words that need quoting are written as JSON strings. For a
    /// server's tool it is the server and its name there.
    pub(crate) fn shown_command(&self) -> String {
        if let Some(ServerTool { server, name, .. }) = &self.tool.server {
            return format!("tool `{name}` of the MCP server `{server}`");
        }
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%=".contains(letter);
        let shown = |word: &OsStr| {
            let word = word.to_string_lossy();
            if !word.is_empty() && word.chars().all(is_plain) {
                word.into_owned()
            } else {
                Value::from(word).to_string()
            }
        };
        let words = self.command.iter().flat_map(|command| {
            let program = command.program.path.as_os_str();
            std::iter::once(program).chain(command.args.iter().map(OsString::as_os_str))
        });
        words.map(shown).collect::<Vec<_>>().join(" ")
    }
}

/// Finds what a tool runs; the error says what is missing.
fn find(run: &Run, search_path: Option<&OsStr>) -> Result<RunnableCommand, String> {
    if let Some(cwd) = run.cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
        return Err(format!(
            "the working directory `{}` (`cwd`) is not a directory",
            cwd.display()
        ));
    }
    let words = match &run.program {
        Program::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
        Program::Words(words) => words.clone(),
    };
    let Some((program, args)) = words.split_first() else {
        return Err("no program is given".to_owned());
    };
    Ok(RunnableCommand {
        program: FoundProgram::find(program, &run.directory, search_path)?,
        args: args.iter().map(OsString::from).collect(),
    })
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
