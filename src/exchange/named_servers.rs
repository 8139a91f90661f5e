//! Which servers `--mcp` means: those of a file, or one of the config file.

use std::path::Path;

use super::server_plan::is_path;
use crate::app::App;
use crate::compose::named_text::read_named_text;
use crate::config;
use crate::error::Error;
use crate::fs::check_trusted;
use crate::mcp::ServerSpec;
use crate::text::did_you_mean;

/// Finds the servers of `--mcp`. A name means one of the config file, and nothing else; a path
/// means all servers of that file.
pub(crate) async fn named_servers(
    app: &App,
    given: &[String],
    configured: &[ServerSpec],
) -> Result<Vec<ServerSpec>, Error> {
    let mut servers: Vec<ServerSpec> = Vec::new();
    for name in given {
        let found = if is_path(name) {
            read_servers(app, Path::new(name)).await?
        } else {
            vec![configured_server(name, configured)?]
        };
        for server in found {
            match servers.iter().find(|known| known.name == server.name) {
                Some(known) if known.is_same_as(&server) => {}
                Some(_) => {
                    return Err(Error::Usage {
                        message: format!(
                            "--mcp: there are two different servers named `{}`",
                            server.name
                        ),
                        hint: Some("rename one of them in its file".to_owned()),
                    });
                }
                None => servers.push(server),
            }
        }
    }
    Ok(servers)
}

/// Returns the server of the config file that has this name.
pub(crate) fn configured_server(
    name: &str,
    configured: &[ServerSpec],
) -> Result<ServerSpec, Error> {
    let found = configured.iter().find(|server| server.name == name);
    found.cloned().ok_or_else(|| {
        let names = configured.iter().map(|server| server.name.as_str());
        let nearest = did_you_mean(name, names);
        Error::Usage {
            message: format!("no [mcp.{name}] in the config file{nearest}"),
            hint: Some(format!(
                "`langdock mcp list` shows the servers there; for a file write ./{name} or \
                {name}.json"
            )),
        }
    })
}

/// Reads the servers of a file that another program may have written.
pub(crate) async fn read_servers(app: &App, path: &Path) -> Result<Vec<ServerSpec>, Error> {
    if let Some(Err(distrust)) = path.metadata().ok().map(|data| check_trusted(&data)) {
        return Err(config::Error::untrusted(path, distrust).into());
    }
    let (name, text) = read_named_text(app, path).await?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let directory = absolute.parent().unwrap_or(Path::new(""));
    let servers = ServerSpec::parse_json(&text, directory).map_err(|why| Error::Usage {
        message: format!("{name}: {why}"),
        hint: None,
    })?;
    let given = path.to_string_lossy();
    let named = servers.into_iter().map(|server| ServerSpec {
        given: given.to_string(),
        ..server
    });
    Ok(named.collect())
}
