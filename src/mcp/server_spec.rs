//! How a server is started or reached: `[mcp.NAME]` of the config file, and the `mcpServers` that
//! other programs write. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::variables::VariableText;
use crate::text::{JsonPlace, check_depth, did_you_mean, parse_duration};

/// The keys of a server, each with a sample value in TOML and its description.
pub(crate) const SERVER_KEYS: [(&str, &str, &str); 10] = [
    ("command", "\"npx\"", "Program to start as the server."),
    (
        "args",
        "[\"-y\", \"@modelcontextprotocol/server-memory\"]",
        "Arguments of the program.",
    ),
    (
        "env",
        "{ TOKEN = \"${TOKEN:-none}\" }",
        "Environment variables to add to PATH, HOME, LANG, TMPDIR, USER, SHELL and TERM.",
    ),
    (
        "cwd",
        "\"/tmp\"",
        "Working directory of the program; by default, the one that langdock is started in.",
    ),
    (
        "url",
        "\"https://mcp.example.com/mcp\"",
        "URL of a server that speaks streamable HTTP, instead of `command`; the server is reached \
        through the same proxy and with the same certificates as the endpoint.",
    ),
    (
        "headers",
        "{ Authorization = \"Bearer ${TOKEN}\" }",
        "Headers to send with every request.",
    ),
    (
        "headers_cmd",
        "[\"print-headers\"]",
        "Program that prints more headers, as lines such as `Name: value`, or as a JSON object. \
        The program is run whenever langdock connects to the server.",
    ),
    (
        "timeout",
        "\"10s\"",
        "Time limit for the start (10 s by default) and for each call (60 s by default); a call \
        whose progress is reported may take ten times as long. When npx starts a server for the \
        first time, it downloads the server, which may take longer than 10 s.",
    ),
    (
        "tools",
        "[\"read_file\"]",
        "Tools to offer to the model; by default, all of them.",
    ),
    (
        "optional",
        "true",
        "If `true`, the run continues without the server if it does not start.",
    ),
];

/// Keys under which files of other programs list their servers.
const LISTS: [&str; 2] = ["mcpServers", "servers"];

/// The default time limit for starting a server.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The default time limit for a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A server as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerSpec {
    /// Its name.
    pub(crate) name: String,
    /// What names it on a command line: its name in the config file, or the path of another file.
    pub(crate) given: String,
    /// How it is started or reached.
    pub(crate) launch: ServerLaunch,
    /// The only tools of it that are used; `None` means all.
    pub(crate) tools: Option<Vec<String>>,
    /// Whether the run continues without it if it does not start.
    pub(crate) is_optional: bool,
    /// The time limit for the start and for each call, if it is not the default of each.
    pub(crate) timeout: Option<Duration>,
}

/// How a server is started or reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerLaunch {
    /// As a child process.
    Process(ServerProcess),
    /// Over HTTP.
    Web(WebServer),
}

/// A server that is a child process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerProcess {
    /// The program: a name that is looked up in PATH, or a path.
    pub(crate) command: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Variables that it gets besides the usual ones.
    pub(crate) env: Vec<(String, VariableText)>,
    /// The directory that it is started in.
    pub(crate) cwd: Option<PathBuf>,
    /// The directory of the file, which relative paths start from.
    pub(crate) directory: PathBuf,
}

/// A server that speaks HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebServer {
    /// Its address.
    pub(crate) url: String,
    /// Headers that it is sent.
    pub(crate) headers: Vec<(String, VariableText)>,
    /// A command that prints further ones.
    pub(crate) headers_cmd: Option<Vec<String>>,
}

/// What is wrong with the configuration of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpecFlaw {
    /// The key; empty if it is about the server as a whole.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) reason: String,
}

impl SpecFlaw {
    fn new(key: &str, reason: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            reason: reason.into(),
        }
    }

    /// Returns it with its key in front.
    pub(crate) fn in_words(&self) -> String {
        if self.key.is_empty() {
            self.reason.clone()
        } else {
            format!("`{}`: {}", self.key, self.reason)
        }
    }
}

/// Who wrote the configuration of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpecSource {
    /// The user, for this program: an unknown key is a mistyped one.
    Config,
    /// Another program, whose further keys have no meaning here.
    OtherProgram,
}

impl ServerSpec {
    /// Returns the time limit for the start.
    pub(crate) fn start_timeout(&self) -> Duration {
        self.timeout.unwrap_or(START_TIMEOUT)
    }

    /// Returns the time limit for a call.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.timeout.unwrap_or(CALL_TIMEOUT)
    }

    /// Whether it is the same server, wherever it was found.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let given = other.given.clone();
        *other
            == Self {
                given,
                ..self.clone()
            }
    }

    /// Reads the configuration of a server. Relative paths start from `directory`.
    pub(crate) fn from_fields(
        name: &str,
        fields: &Map<String, Value>,
        directory: &Path,
        source: SpecSource,
    ) -> Result<Self, SpecFlaw> {
        check_name(name)?;
        let known = || SERVER_KEYS.iter().map(|(key, ..)| *key);
        let unknown = fields
            .keys()
            .find(|key| !known().any(|known| known == *key));
        if let (SpecSource::Config, Some(key)) = (source, unknown) {
            let nearest = did_you_mean(key, known());
            return Err(SpecFlaw::new(key, format!("unknown key{nearest}")));
        }
        let read = Fields(fields);
        let launch = match (read.text("command")?, read.text("url")?) {
            (Some(_), Some(_)) => {
                return Err(SpecFlaw::new("url", "cannot be combined with `command`"));
            }
            (None, None) => {
                return Err(SpecFlaw::new("", "must have `command` or `url`"));
            }
            (Some(command), None) => {
                read.refuse(
                    &["headers", "headers_cmd"],
                    "requires `url` instead of `command`",
                )?;
                ServerLaunch::Process(ServerProcess {
                    command,
                    args: read.texts("args")?.unwrap_or_default(),
                    env: read.pairs("env")?,
                    cwd: read.text("cwd")?.map(|cwd| directory.join(cwd)),
                    directory: directory.to_owned(),
                })
            }
            (None, Some(url)) => {
                read.refuse(
                    &["args", "env", "cwd"],
                    "requires `command` instead of `url`",
                )?;
                if fields.get("type").is_some_and(|kind| kind == "sse") {
                    let reason = "the HTTP+SSE transport, which streamable HTTP replaced, is not \
                                  supported";
                    return Err(SpecFlaw::new("type", reason));
                }
                ServerLaunch::Web(WebServer {
                    url,
                    headers: read.pairs("headers")?,
                    headers_cmd: read
                        .texts("headers_cmd")?
                        .filter(|words| !words.is_empty())
                        .map(|words| in_directory(words, directory)),
                })
            }
        };
        Ok(Self {
            name: name.to_owned(),
            given: name.to_owned(),
            launch,
            tools: read.texts("tools")?,
            is_optional: read.truth("optional")?,
            timeout: read.duration("timeout", source)?,
        })
    }

    /// Reads the servers of a JSON file, sorted by name; the error is written for the user.
    pub(crate) fn parse_json(text: &str, directory: &Path) -> Result<Vec<Self>, String> {
        let mut servers = Vec::new();
        for (name, fields) in json_servers(text)? {
            let fields = fields
                .as_object()
                .ok_or_else(|| format!("server `{name}`: must be an object"))?;
            let server = Self::from_fields(&name, fields, directory, SpecSource::OtherProgram)
                .map_err(|flaw| format!("server `{name}`: {}", flaw.in_words()))?;
            servers.push(server);
        }
        servers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(servers)
    }
}

/// Returns the servers of a JSON file, each with its fields as they are; the error is written for
/// the user.
fn json_servers(text: &str) -> Result<Map<String, Value>, String> {
    check_depth(text.as_bytes(), JsonPlace::Tools).map_err(|error| error.to_string())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: Value =
        serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
    let list = LISTS.iter().find_map(|key| file.get(key)?.as_object());
    let list =
        list.ok_or("must be a JSON object with `mcpServers`, in the format of other MCP clients")?;
    if list.is_empty() {
        return Err("`mcpServers` is empty".to_owned());
    }
    Ok(list.clone())
}

/// The longest name of a server, in bytes: names of tools have it, and 64 characters in all.
const MAX_NAME: usize = 40;

/// Resolves a program that is a path against a directory, so that nothing depends on the current
/// one.
fn in_directory(mut words: Vec<String>, directory: &Path) -> Vec<String> {
    if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
        *program = directory.join(&*program).to_string_lossy().into_owned();
    }
    words
}

fn check_name(name: &str) -> Result<(), SpecFlaw> {
    let is_bad = |letter: char| letter.is_control() || letter == '/';
    if name.is_empty() || name.len() > MAX_NAME || name.contains(is_bad) {
        let reason = "a name must have 1 to 40 bytes, and no slash or control character";
        return Err(SpecFlaw::new("", reason));
    }
    Ok(())
}

/// The fields of a server.
struct Fields<'f>(&'f Map<String, Value>);

impl Fields<'_> {
    fn refuse(&self, keys: &[&str], why: &str) -> Result<(), SpecFlaw> {
        let is_set = |key: &&&str| match self.0.get(**key) {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(items)) => !items.is_empty(),
            Some(_) => true,
        };
        keys.iter()
            .find(is_set)
            .map_or(Ok(()), |key| Err(SpecFlaw::new(key, why)))
    }

    fn text(&self, key: &str) -> Result<Option<String>, SpecFlaw> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() && !text.contains('\0') => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(SpecFlaw::new(key, "must be a string that is not empty")),
        }
    }

    fn texts(&self, key: &str) -> Result<Option<Vec<String>>, SpecFlaw> {
        let wrong = || SpecFlaw::new(key, "must be an array of strings");
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(wrong()),
        }
    }

    /// Reads a table of strings. Other programs also write numbers and truth values.
    fn pairs(&self, key: &str) -> Result<Vec<(String, VariableText)>, SpecFlaw> {
        let table = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(table)) => table,
            Some(_) => return Err(SpecFlaw::new(key, "must be a table of strings")),
        };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        };
        let pair = |(name, value): (&String, &Value)| {
            let text = text(value)
                .filter(|text| {
                    !name.is_empty() && !name.contains(['=', '\0']) && !text.contains('\0')
                })
                .ok_or_else(|| SpecFlaw::new(key, format!("`{name}` must be a string")))?;
            Ok((name.clone(), VariableText::new(text)))
        };
        table.iter().map(pair).collect()
    }

    fn truth(&self, key: &str) -> Result<bool, SpecFlaw> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(_) => Err(SpecFlaw::new(key, "must be `true` or `false`")),
        }
    }

    /// Reads a duration. Other programs write numbers, some of seconds and some of milliseconds,
    /// so those are not read.
    fn duration(&self, key: &str, source: SpecSource) -> Result<Option<Duration>, SpecFlaw> {
        let wrong = |reason: &str| Err(SpecFlaw::new(key, reason));
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(_)) if source == SpecSource::OtherProgram => Ok(None),
            Some(Value::String(text)) => match parse_duration(text) {
                Ok(Duration::ZERO) => wrong("must be more than 0"),
                Ok(duration) => Ok(Some(duration)),
                Err(reason) => wrong(&reason),
            },
            Some(_) => wrong("must be a duration in quotes, such as \"10s\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(fields: &Value, source: SpecSource) -> Result<ServerSpec, SpecFlaw> {
        let fields = fields.as_object().expect("fields");
        ServerSpec::from_fields("s", fields, Path::new("/d"), source)
    }

    fn flaw(fields: &Value) -> String {
        spec(fields, SpecSource::Config)
            .expect_err("it is wrong")
            .in_words()
    }

    #[test]
    fn a_server_is_a_process_or_an_address() {
        let process = json!({"command": "x", "args": ["a"], "env": {"N": 1}, "cwd": "sub",
                             "timeout": "3s", "tools": ["t"], "optional": true});
        let process = spec(&process, SpecSource::Config).expect("a server");
        assert_eq!(process.start_timeout(), Duration::from_secs(3));
        assert_eq!(process.call_timeout(), Duration::from_secs(3));
        assert!(process.is_optional && process.tools == Some(vec!["t".to_owned()]));
        let ServerLaunch::Process(process) = process.launch else {
            panic!("it has a command");
        };
        assert_eq!(process.cwd, Some("/d/sub".into()));
        assert_eq!(process.env[0].1.as_written(), "1");
        let web = json!({"url": "https://h/mcp", "headers": {"A": "b"}, "headers_cmd": ["c"]});
        let web = spec(&web, SpecSource::Config).expect("a server");
        assert_eq!(web.start_timeout(), START_TIMEOUT);
        assert_eq!(web.call_timeout(), CALL_TIMEOUT);
        assert!(matches!(web.launch, ServerLaunch::Web(_)));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        for (fields, expected) in [
            (json!({}), "must have `command` or `url`"),
            (
                json!({"command": "a", "url": "b"}),
                "`url`: cannot be combined",
            ),
            (json!({"command": 1}), "`command`: must be a string"),
            (
                json!({"command": "a", "arg": []}),
                "`arg`: unknown key; did you mean `args`?",
            ),
            (
                json!({"command": "a", "args": "b"}),
                "`args`: must be an array",
            ),
            (
                json!({"command": "a", "headers": {"a": "b"}}),
                "`headers`: requires `url`",
            ),
            (
                json!({"url": "a", "args": ["b"]}),
                "`args`: requires `command`",
            ),
            (json!({"command": "a", "env": {"A=B": "c"}}), "`env`: `A=B`"),
            (
                json!({"command": "a", "timeout": 5}),
                "`timeout`: must be a duration",
            ),
            (
                json!({"command": "a", "timeout": "0s"}),
                "`timeout`: must be more",
            ),
            (
                json!({"command": "a", "optional": "yes"}),
                "`optional`: must be `true` or `false`",
            ),
        ] {
            assert!(flaw(&fields).starts_with(expected), "{}", flaw(&fields));
        }
    }

    #[test]
    fn a_file_of_another_program_is_read_with_its_further_keys() {
        let text = r#"{"mcpServers": {
            "b": {"type": "stdio", "command": "x", "timeout": 600, "disabled": false},
            "a": {"type": "http", "url": "https://h"}}}"#;
        let servers = ServerSpec::parse_json(text, Path::new("/")).expect("servers");
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(servers[1].start_timeout(), START_TIMEOUT);
        for (text, expected) in [
            ("{}", "must be a JSON object with `mcpServers`"),
            ("{\"mcpServers\": {}}", "`mcpServers` is empty"),
            ("x", "not valid JSON"),
            (
                "{\"mcpServers\": {\"a\": 1}}",
                "server `a`: must be an object",
            ),
            (
                "{\"mcpServers\": {\"a\": {\"type\": \"sse\", \"url\": \"u\"}}}",
                "server `a`: `type`: the HTTP+SSE transport",
            ),
        ] {
            let why = ServerSpec::parse_json(text, Path::new("/")).expect_err(text);
            assert!(why.starts_with(expected), "{why}");
        }
    }
}
