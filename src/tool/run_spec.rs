//! How a tool is run on this machine: the keys of a tools file that are not sent.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::fs::KEY_VARIABLE;
use crate::text::parse_duration;

/// The default timeout of a tool.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The default limit of a tool's output, in bytes.
pub(super) const MAX_OUTPUT: usize = 100 * 1024;

/// How to run a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The command.
    pub(crate) program: Program,
    /// The directory of the tools file, which relative paths start from.
    pub(crate) directory: PathBuf,
    /// The working directory; `None` means the current one.
    pub(crate) cwd: Option<PathBuf>,
    /// Additional variables that it gets.
    pub(crate) env: Vec<String>,
    /// Its timeout.
    pub(crate) timeout: Duration,
    /// How much of its output is kept, in bytes; `None` means the default for its result.
    pub(crate) max_output: Option<usize>,
    /// Whether each call needs confirmation, even with `-y`.
    pub(crate) confirm: bool,
    /// The type of its output; `None` means to detect it from the content.
    pub(crate) result: Option<ResultForm>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    /// A program and its arguments; at least one word.
    Words(Vec<String>),
    /// A command line for `sh`.
    Shell(String),
}

/// The type of a tool's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultForm {
    /// Text.
    Text,
    /// One JSON value.
    Json,
    /// A JPEG, PNG, GIF or WebP image.
    Image,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            program: Program::Words(Vec::new()),
            directory: PathBuf::new(),
            cwd: None,
            env: Vec::new(),
            timeout: TIMEOUT,
            max_output: None,
            confirm: false,
            result: None,
        }
    }
}

impl Run {
    /// Returns how much of its output is kept, in bytes.
    pub(crate) fn max_output(&self) -> usize {
        // A truncated image is useless, so the limit is higher; its size is checked separately.
        let default = if self.result == Some(ResultForm::Image) {
            8 * 1024 * 1024
        } else {
            MAX_OUTPUT
        };
        self.max_output.unwrap_or(default)
    }
}

/// Reads `command` or `shell`; the error says what it must be.
pub(super) fn as_program(key: &str, value: &Value) -> Result<Program, &'static str> {
    match value {
        Value::String(line) if key == "shell" && !line.trim().is_empty() => {
            Ok(Program::Shell(line.clone()))
        }
        Value::Array(_) if key == "command" => words(value)
            .filter(|words| words.first().is_some_and(|program| !program.is_empty()))
            .map(Program::Words)
            .ok_or("must be a list of the program and its arguments"),
        _ if key == "shell" => Err("must be a shell command"),
        _ => Err("must be a list of the program and its arguments; use `shell` for a command line"),
    }
}

impl Run {
    /// Reads a key of the file; the error says what is wrong with its value.
    pub(super) fn take(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let needed = |what: &str| format!("must be {what}");
        match key {
            "cwd" => {
                let directory = value
                    .as_str()
                    .filter(|directory| !directory.is_empty())
                    .ok_or_else(|| needed("a directory"))?;
                self.cwd = Some(self.directory.join(directory));
            }
            "env" => {
                self.env = words(value).ok_or_else(|| needed("a list of variable names"))?;
                if self.env.iter().any(|name| name == KEY_VARIABLE) {
                    return Err(format!("{KEY_VARIABLE} is never passed to a tool"));
                }
            }
            "timeout" => {
                let text = value
                    .as_str()
                    .ok_or_else(|| needed("a duration such as \"30s\""))?;
                self.timeout = parse_duration(text)?;
                if self.timeout.is_zero() {
                    return Err("must be more than 0".to_owned());
                }
            }
            "max_output" => {
                let bytes = value
                    .as_u64()
                    .filter(|&bytes| bytes >= 1)
                    .and_then(|bytes| usize::try_from(bytes).ok());
                self.max_output =
                    Some(bytes.ok_or_else(|| needed("a number of bytes of at least 1"))?);
            }
            "confirm" => {
                self.confirm = value.as_bool().ok_or_else(|| needed("`true` or `false`"))?;
            }
            _ => {
                self.result = Some(match value.as_str() {
                    Some("text") => ResultForm::Text,
                    Some("json") => ResultForm::Json,
                    Some("image") => ResultForm::Image,
                    _ => return Err(needed("`text`, `json` or `image`")),
                });
            }
        }
        Ok(())
    }
}

fn words(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|word| word.as_str().map(str::to_owned))
        .collect()
}
