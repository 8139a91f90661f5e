//! A scripted MCP server: a shell script that speaks the protocol, and may misbehave.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::home::Home;

/// A server that a test describes by what it does differently.
pub(crate) struct McpServer {
    name: String,
    functions: String,
    fields: Value,
}

/// What every server does, in functions that a test may define anew. `$line` is a message, `$id`
/// its number. Each message, and `end` at the end of the input, is written to `NAME.log`.
const COMMON: &str = r#"
result() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
failure() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":"%s"}}\n' "$id" "$1" "$2"; }
text() { result "{\"content\":[{\"type\":\"text\",\"text\":\"$1\"}]}"; }
tool() { printf '{"name":"%s","description":"%s","inputSchema":{"type":"object"}}' "$1" "$2"; }
at_start() { :; }
on_initialize() { result '{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}'; }
on_list() { result "{\"tools\":[$(tool echo Echoes.)]}"; }
on_call() { text called; }
on_other() { :; }
at_end() { :; }
"#;

const LOOP: &str = r#"
at_start
while IFS= read -r line; do
    printf '%s\n' "$line" >> "$LOG"
    id=${line#*\"id\":}
    id=${id%%,*}
    case $line in
        *'"method":"initialize"'*) on_initialize ;;
        *'"method":"tools/list"'*) on_list ;;
        *'"method":"tools/call"'*) on_call ;;
        *) on_other ;;
    esac
done
echo end >> "$LOG"
at_end
"#;

impl McpServer {
    /// Describes a server that defines these functions anew.
    pub(crate) fn new(name: &str, functions: &str) -> Self {
        Self {
            name: name.to_owned(),
            functions: functions.to_owned(),
            fields: json!({}),
        }
    }

    /// Describes a server that writes nothing, and whose files are at the same place in any home.
    pub(crate) fn without_log(name: &str) -> Self {
        Self::new(name, "LOG=/dev/null")
            .field("args", &json!([format!("{name}.sh")]))
            .field("cwd", &json!("."))
    }

    /// Sets a further key of its configuration.
    pub(crate) fn field(mut self, key: &str, value: &Value) -> Self {
        self.fields[key] = value.clone();
        self
    }

    /// Writes the script, and the file `NAME.json` that names it, to the working directory.
    pub(crate) fn write(&self, home: &Home) -> PathBuf {
        let (name, work) = (&self.name, home.work());
        let log = work.join(format!("{name}.log"));
        let script = format!(
            "LOG='{}'\n{COMMON}{}\n{LOOP}",
            log.display(),
            self.functions
        );
        let path = home.write(format!("work/{name}.sh"), script);
        let mut server = json!({"command": "sh", "args": [path], "cwd": work});
        let fields = self.fields.as_object().expect("keys").clone();
        server.as_object_mut().expect("keys").extend(fields);
        let file = json!({"mcpServers": {name: server}});
        home.write(format!("work/{name}.json"), file.to_string())
    }
}

/// Returns what a server was sent: messages, and `end`.
pub(crate) fn log_of(home: &Home, name: &str) -> Vec<String> {
    let path: PathBuf = home.work().join(format!("{name}.log"));
    lines_of(&path)
}

fn lines_of(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Returns the messages that a server was sent, without `end`.
pub(crate) fn messages_to(home: &Home, name: &str) -> Vec<Value> {
    log_of(home, name)
        .iter()
        .filter(|line| *line != "end")
        .map(|line| serde_json::from_str(line).expect("a message is JSON"))
        .collect()
}

/// Returns the methods of these messages; an answer has none.
pub(crate) fn methods_to(home: &Home, name: &str) -> Vec<String> {
    messages_to(home, name)
        .iter()
        .map(|message| message["method"].as_str().unwrap_or("answer").to_owned())
        .collect()
}
