//! Where servers are configured, and what they get.

use std::fs;

use serde_json::json;

use super::{result_of, with_server};
use crate::support::{
    command::{KEY, Langdock},
    home::Home,
    mcp_server::{McpServer, log_of},
};
use crate::tools::{calling, done, playing, tool_run};

/// Writes a config file with the server of the file `s.json`, by its import.
fn imported(home: &Home) {
    Langdock::new()
        .home(home)
        .args(["mcp", "import", "./s.json"])
        .run()
        .code(0)
        .stdout("")
        .stderr_contains(": s; use them with --mcp NAME");
}

#[test]
fn a_bare_name_is_one_of_the_config_file_and_nothing_else() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    home.write(
        "work/.mcp.json",
        fs::read(home.work().join("s.json")).unwrap(),
    );
    let model = playing(&[calling(&[("s__echo", json!({}))]), done("Done.")]);
    let run = || {
        tool_run(&model)
            .home(&home)
            .args(["--mcp", "s", "-y", "Hi"])
            .run()
    };
    run().failed(2, "no [mcp.s] in the config file", "langdock mcp list");
    assert!(model.requests().is_empty() && log_of(&home, "s").is_empty());
    imported(&home);
    run().code(0).stdout("Done.\n");
    assert_eq!(result_of(&model)["content"], "called");
}

#[test]
fn a_server_gets_the_usual_variables_and_its_own_and_never_the_key() {
    let home = Home::new();
    let env =
        json!({"FROM": "${OUTER}", "OR": "${UNSET:-default}", "KEY": "${LANGDOCK_API_KEY:-none}"});
    McpServer::new("s", "at_start() { env > env; }")
        .field("env", &env)
        .write(&home);
    let model = playing(&[done("Done.")]);
    with_server(&model, &home)
        .env("OUTER", "outer")
        .env("SECRET_OF_OTHERS", "x")
        .args(["Hi"])
        .run()
        .code(0);
    let env = fs::read_to_string(home.work().join("env")).unwrap();
    for line in ["FROM=outer", "OR=default", "KEY=none"] {
        assert!(env.lines().any(|known| known == line), "{line}: {env}");
    }
    assert!(env.contains("\nPATH=") || env.starts_with("PATH="), "{env}");
    assert!(env.contains("HOME="), "{env}");
    for lacking in [KEY, "LANGDOCK", "SECRET_OF_OTHERS"] {
        assert!(!env.contains(lacking), "{lacking}: {env}");
    }
}

#[test]
fn a_variable_with_the_key_or_without_a_value_is_named() {
    for (env, why) in [
        (
            json!({"T": "${LANGDOCK_API_KEY}"}),
            "`env`: the variable `LANGDOCK_API_KEY` of `T` has the key of the endpoint",
        ),
        (json!({"T": KEY}), "`env`: `T` has the key of the endpoint"),
        (
            json!({"T": "${UNSET}"}),
            "`env`: the variable `UNSET` of `T` is not set",
        ),
    ] {
        let home = Home::new();
        McpServer::new("s", "").field("env", &env).write(&home);
        let model = playing(&[done("Done.")]);
        with_server(&model, &home).args(["Hi"]).run().failed(
            11,
            why,
            "langdock mcp doctor ./s.json",
        );
        assert!(model.requests().is_empty() && log_of(&home, "s").is_empty());
    }
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    for (text, message) in [
        ("{}", "`./s.json`: must be a JSON object with `mcpServers`"),
        ("{", "`./s.json`: not valid JSON"),
        (
            "{\"mcpServers\": {\"s\": {\"command\": \"a\", \"url\": \"b\"}}}",
            "server `s`: `url`: cannot be combined with `command`",
        ),
    ] {
        let home = Home::new();
        home.write("work/s.json", text);
        let model = playing(&[done("Done.")]);
        with_server(&model, &home)
            .args(["Hi"])
            .run()
            .code(2)
            .stderr_contains(message);
        assert!(model.requests().is_empty());
    }
}

#[test]
fn a_config_file_with_a_mistyped_key_of_a_server_is_refused() {
    let home = Home::new();
    let config = home.config().join("config.toml");
    home.write(config, "[mcp.s]\ncommand = \"x\"\narg = []\n");
    Langdock::new()
        .home(&home)
        .args(["mcp", "list"])
        .run()
        .failed(2, "line 3: unknown key `arg`", "args");
}

#[test]
fn two_servers_of_one_name_are_refused() {
    let home = Home::new();
    McpServer::new("s", "").write(&home);
    home.write(
        "work/other.json",
        json!({"mcpServers": {"s": {"command": "x"}}}).to_string(),
    );
    let model = playing(&[done("Done.")]);
    with_server(&model, &home)
        .args(["--mcp", "./other.json", "Hi"])
        .run()
        .failed(
            2,
            "--mcp: there are two different servers named `s`",
            "rename",
        );
    with_server(&model, &home)
        .args(["--mcp", "./s.json", "Hi"])
        .run()
        .code(0);
}

#[test]
fn a_file_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let file = McpServer::new("s", "").write(&home);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let model = playing(&[done("Done.")]);
    with_server(&model, &home).args(["Hi"]).run().code(2);
    assert!(model.requests().is_empty() && log_of(&home, "s").is_empty());
}
