//! The keys that a tool may have in a tools file.

/// The keys of a tool: name, an example in TOML, and description. The first ones are sent to the
/// API; the others say how the tool is run on this machine.
pub(crate) const TOOL_KEYS: [(&str, &str, &str); 11] = [
    (
        "name",
        "\"weather\"",
        "Name of the tool: 1 to 64 letters, digits, _ and -.",
    ),
    (
        "description",
        "\"The weather of a city.\"",
        "Tells the model what the tool does and when to use it.",
    ),
    (
        "input_schema",
        "{ type = \"object\", properties = { city = { type = \"string\" } } }",
        "JSON schema of the input, which must be an object. A call with invalid input is not run, and the model \
        is informed.",
    ),
    (
        "command",
        "[\"./weather\", \"--short\"]",
        "Program and arguments; a path with a / is relative to the directory of the tools file, \
        and a bare name is looked up in PATH. The program gets the input as JSON on standard \
        input. A tool with neither `command` nor `shell` is not run by langdock.",
    ),
    (
        "shell",
        "\"jq -r .city | xargs ./weather\"",
        "Shell command (sh), instead of `command`.",
    ),
    (
        "cwd",
        "\"data\"",
        "Working directory, relative to the directory of the tools file; by default the current \
        directory.",
    ),
    (
        "env",
        "[\"EDITOR\"]",
        "Environment variables to pass besides PATH, HOME, LANG and TMPDIR; never \
        LANGDOCK_API_KEY.",
    ),
    ("timeout", "\"30s\"", "Time limit; 30s by default."),
    (
        "max_output",
        "102400",
        "Maximum bytes of output to keep: by default 100 KB, or 8 MB for an image.",
    ),
    (
        "confirm",
        "true",
        "Ask before each call, even with --yes. A tools file can only ask for more confirmation, \
        never for less.",
    ),
    (
        "result",
        "\"text\"",
        "Type of the output: `text`, `json` or `image`; detected by default.",
    ),
];

/// The name of the input schema in definitions of MCP servers.
pub(super) const MCP_SCHEMA: &str = "inputSchema";

/// The fields of MCP definitions that the API does not accept.
pub(super) const MCP_ONLY: [&str; 6] = [
    "_meta",
    "annotations",
    "execution",
    "icons",
    "outputSchema",
    "title",
];

/// How many of the keys, counted from the first, are sent to the API.
pub(super) const SENT: usize = 3;
