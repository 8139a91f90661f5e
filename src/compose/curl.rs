//! `--curl`: a command that sends the same request when it is pasted into a shell.

use std::fmt::Write;

use crate::client::{ClientOptions, Endpoint, ProxyChoice, auth_header, public_headers};
use crate::text::shell_quote;

/// Returns the command. The key is `$LANGDOCK_API_KEY` in it, a proxy's name and password are
/// `$PROXY_LOGIN`, and the body comes on standard
/// input, since a long one does not fit into an argument.
pub(crate) fn curl_command(
    endpoint: &Endpoint,
    options: &ClientOptions,
    stream: bool,
    body: &str,
) -> String {
    let mut command = String::from("curl --silent --show-error --no-buffer --globoff");
    let mut add = |text: &str| {
        command.push_str(" \\\n  ");
        command.push_str(text);
    };
    add(&shell_quote(endpoint.messages_url().as_str()));
    // In double quotes the shell puts the key in.
    let (name, value) = auth_header("$LANGDOCK_API_KEY");
    add(&format!("--header \"{name}: {value}\""));
    for (name, value) in public_headers(stream) {
        add(&format!(
            "--header {}",
            shell_quote(&format!("{name}: {value}"))
        ));
    }
    add("--header 'Expect:'");
    add(&format!(
        "--connect-timeout {}",
        options.connect_timeout.as_secs_f64()
    ));
    if let Some(timeout) = options.timeout {
        add(&format!("--max-time {}", timeout.as_secs_f64()));
    }
    match &options.proxy {
        _ if endpoint.is_loopback() => add("--noproxy '*'"),
        ProxyChoice::Given(_) => {
            let (url, has_login) = options.proxy.given_without_login().unwrap_or_default();
            add(&format!("--proxy {} --noproxy ''", shell_quote(&url)));
            if has_login {
                add("--proxy-user \"$PROXY_LOGIN\"");
            }
        }
        // curl would take ALL_PROXY, too.
        ProxyChoice::Direct => add("--noproxy '*'"),
        ProxyChoice::Environment { .. } => {} // It reads the same variables.
    }
    if let Some(file) = &options.cacert {
        add(&format!(
            "--cacert {}",
            shell_quote(&file.to_string_lossy())
        ));
    }
    // JSON has no raw line feed, so no line of the body can end the here-document; `--data` drops
    // the one behind it.
    add("--data @- <<'END_OF_BODY'");
    let _ = write!(command, "\n{body}\nEND_OF_BODY\n"); // Writing to a string cannot fail.
    command
}
