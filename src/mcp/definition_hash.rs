//! A name for the definition of a server, by which things are remembered about it. Pure.

use std::fmt;

use ring::digest::{Context, SHA256};

use super::server_spec::ServerLaunch;

/// How many bytes of the hash are kept.
const BYTES: usize = 16;

/// The hash of how a server is started or reached, as it is configured. Any change makes it another
/// server; what is in variables does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefinitionHash([u8; BYTES]);

impl DefinitionHash {
    /// Hashes a definition.
    pub(crate) fn for_launch(launch: &ServerLaunch) -> Self {
        let mut context = Context::new(&SHA256);
        // Each text with its length in front, so that no two definitions are written alike.
        let mut add = |text: &str| {
            context.update(&(text.len() as u64).to_le_bytes());
            context.update(text.as_bytes());
        };
        match launch {
            ServerLaunch::Process(process) => {
                add("process");
                add(&process.command);
                add(&process.directory.to_string_lossy());
                add(&process
                    .cwd
                    .as_deref()
                    .unwrap_or("".as_ref())
                    .to_string_lossy());
                process.args.iter().for_each(|word| add(word));
                add("env");
                for (name, value) in &process.env {
                    add(name);
                    add(value.as_written());
                }
            }
            ServerLaunch::Web(web) => {
                add("web");
                add(&web.url);
                for (name, value) in &web.headers {
                    add(name);
                    add(value.as_written());
                }
                add("headers_cmd");
                web.headers_cmd.iter().flatten().for_each(|word| add(word));
            }
        }
        let digest = context.finish();
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&digest.as_ref()[..BYTES]);
        Self(bytes)
    }
}

impl fmt::Display for DefinitionHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::mcp::{ServerSpec, SpecSource};

    fn hash(fields: &Value) -> String {
        let fields = fields.as_object().expect("fields");
        let spec = ServerSpec::from_fields("s", fields, Path::new("/d"), SpecSource::Config);
        DefinitionHash::for_launch(&spec.expect("a server").launch).to_string()
    }

    #[test]
    fn what_starts_or_reaches_a_server_makes_another_hash_and_nothing_else_does() {
        let definitions = [
            json!({"command": "a"}),
            json!({"command": "a", "args": ["b"]}),
            json!({"command": "a", "args": ["env", "B", "c"]}),
            json!({"command": "a", "env": {"B": "c"}}),
            json!({"command": "a", "cwd": "b"}),
            json!({"url": "https://a"}),
            json!({"url": "https://a", "headers": {"B": "c"}}),
            json!({"url": "https://a", "headers_cmd": ["B", "c"]}),
        ];
        let mut hashes: Vec<String> = definitions.iter().map(hash).collect();
        for other in [
            json!({"command": "a", "timeout": "1s"}),
            json!({"command": "a", "tools": ["b"]}),
        ] {
            assert_eq!(hash(&other), hashes[0]);
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), definitions.len());
        assert_eq!(hashes[0].len(), 2 * BYTES);
    }
}
