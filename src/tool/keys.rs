//! The keys that a tool may have in a tools file.

/// The keys of a tool: what each may look like in TOML, and what it is for. The first ones go out;
/// the others say how it is run on this machine.
pub(crate) const TOOL_KEYS: [(&str, &str, &str); 11] = [
    (
        "name",
        "\"weather\"",
        "What the model calls it: 1 to 64 letters, digits, _ and -.",
    ),
    (
        "description",
        "\"The weather of a city.\"",
        "What the model is told it is for, and when to use it.",
    ),
    (
        "input_schema",
        "{ type = \"object\", properties = { city = { type = \"string\" } } }",
        "The JSON schema of its input, an object. Input that does not fit is not run; the model \
         is told.",
    ),
    (
        "command",
        "[\"./weather\", \"--short\"]",
        "The program that runs it, and its arguments; a path with a / begins at the directory of \
         the tools file, another is \
         looked for in PATH. It gets the input as JSON on standard input. Without command and \
         shell, tool-run does not run it.",
    ),
    (
        "shell",
        "\"jq -r .city | xargs ./weather\"",
        "In place of command: a line for sh.",
    ),
    (
        "cwd",
        "\"data\"",
        "The directory that it is run in, from that of the tools file on; else the present one.",
    ),
    (
        "env",
        "[\"EDITOR\"]",
        "The variables that it gets besides the usual ones, but for LANGDOCK_API_KEY.",
    ),
    (
        "timeout",
        "\"30s\"",
        "It is stopped after this time; 30s where this is not set.",
    ),
    (
        "max_output",
        "102400",
        "How many bytes of its output are kept: 100 KB where this is not set, 8 MB of an image.",
    ),
    (
        "confirm",
        "true",
        "Whether each call is asked for, also with --yes.",
    ),
    (
        "result",
        "\"text\"",
        "What its output is: text, json or image; else its bytes say.",
    ),
];

/// What MCP servers call the schema of the input.
pub(super) const MCP_SCHEMA: &str = "inputSchema";

/// What MCP servers say of a tool beyond what the API takes.
pub(super) const MCP_ONLY: [&str; 6] = [
    "_meta",
    "annotations",
    "execution",
    "icons",
    "outputSchema",
    "title",
];

/// How many of the keys, from the first on, are sent to the API.
pub(super) const SENT: usize = 3;
