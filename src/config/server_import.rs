//! Adds MCP servers to the config file, behind everything that is there.

use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use super::change::change;
use super::file::SERVERS;
use super::write::create_directory_of;
use super::{ConfigFile, Error};
use crate::mcp::{ServerLaunch, ServerSpec, VariableText};

/// Which servers were added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ImportedServers {
    /// Those that are new.
    pub(crate) added: Vec<String>,
    /// Those that were there already, just so.
    pub(crate) known: Vec<String>,
}

/// Adds servers to the config file. One whose name is taken by another server is an error, and
/// nothing is written.
pub(crate) fn import_servers(
    path: &Path,
    servers: &[ServerSpec],
) -> Result<ImportedServers, Error> {
    let mut imported = ImportedServers::default();
    create_directory_of(path);
    change(path, |old, file| {
        let new = with_servers(old, file, servers, &mut imported)?;
        Ok((!imported.added.is_empty()).then_some(new))
    })?;
    Ok(imported)
}

/// Adds servers to the text of a config file.
fn with_servers(
    old: &str,
    file: &ConfigFile,
    servers: &[ServerSpec],
    imported: &mut ImportedServers,
) -> Result<String, Error> {
    let mut new = old.to_owned();
    for server in servers {
        let name = &server.name;
        match file.servers.iter().find(|known| known.name == *name) {
            Some(known) if is_same(known, server) => imported.known.push(name.clone()),
            Some(_) => {
                return Err(Error::Refused {
                    key: format!("{SERVERS}.{name}"),
                    reason: "the config file already has a different server of this name"
                        .to_owned(),
                });
            }
            None => {
                let gap = match new.as_str() {
                    "" => "",
                    text if text.ends_with('\n') => "\n",
                    _ => "\n\n",
                };
                new.push_str(&format!("{gap}{}", as_toml(server)));
                imported.added.push(name.clone());
            }
        }
    }
    Ok(new)
}

/// Whether a server of the config file would be written like this one.
fn is_same(known: &ServerSpec, server: &ServerSpec) -> bool {
    as_toml(known) == as_toml(server)
}

/// Returns the table of a server. Its relative paths become absolute, since the config file is in
/// another directory; one among its arguments is found from its working directory.
fn as_toml(server: &ServerSpec) -> String {
    let mut table = Table::new();
    let list = |words: &[String]| value(words.iter().collect::<Array>());
    let pairs = |pairs: &[(String, VariableText)]| {
        let pairs = pairs.iter().map(|(name, text)| (name, text.as_written()));
        value(pairs.collect::<InlineTable>())
    };
    match &server.launch {
        ServerLaunch::Process(process) => {
            let command = if process.command.contains('/') {
                let path = process.directory.join(&process.command);
                path.to_string_lossy().into_owned()
            } else {
                process.command.clone()
            };
            table.insert("command", value(command));
            if !process.args.is_empty() {
                table.insert("args", list(&process.args));
            }
            if !process.env.is_empty() {
                table.insert("env", pairs(&process.env));
            }
            // Other programs start a server where its file is.
            let names_file = |arg: &String| {
                Path::new(arg).is_relative() && process.directory.join(arg).is_file()
            };
            let needed = process.args.iter().any(names_file);
            let cwd = process.cwd.as_ref();
            if let Some(cwd) = cwd.or(Some(&process.directory).filter(|_| needed)) {
                table.insert("cwd", value(cwd.to_string_lossy().into_owned()));
            }
        }
        ServerLaunch::Web(web) => {
            table.insert("url", value(&web.url));
            if !web.headers.is_empty() {
                table.insert("headers", pairs(&web.headers));
            }
            if let Some(words) = &web.headers_cmd {
                table.insert("headers_cmd", list(words));
            }
        }
    }
    if let Some(timeout) = server.timeout {
        table.insert("timeout", value(format!("{}ms", timeout.as_millis())));
    }
    if let Some(tools) = &server.tools {
        table.insert("tools", list(tools));
    }
    if server.is_optional {
        table.insert("optional", value(true));
    }
    let mut servers = Table::new();
    servers.set_implicit(true);
    servers.insert(&server.name, Item::Table(table));
    let mut document = DocumentMut::new();
    document.insert(SERVERS, Item::Table(servers));
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_server() {
        let text = r#"{"mcpServers": {
            "a b": {"command": "./x", "args": ["-y", "\"q\""], "env": {"T": "${T:-1}", "N": 2},
                    "cwd": "sub", "timeout": "1500ms", "tools": ["t"], "optional": true},
            "w": {"url": "https://h/", "headers": {"A": "b"}, "headers_cmd": ["c", "d"]}}}"#;
        let servers = ServerSpec::parse_json(text, Path::new("/d")).expect("servers");
        let toml: String = servers.iter().map(as_toml).collect();
        let file = ConfigFile::parse(Path::new("/c/c.toml"), &toml).expect("a config");
        for (written, read) in servers.iter().zip(&file.servers) {
            assert!(is_same(written, read), "{toml}");
        }
        assert!(
            toml.contains("command = \"/d/./x\"") && toml.contains("cwd = \"/d/sub\""),
            "{toml}"
        );
    }
}
