//! `langdock mcp`: list, tools, call, doctor, import; and `--list` and `--call` of `tool-run`.

use std::fs;

use serde_json::json;

use crate::support::{
    command::Langdock,
    home::Home,
    mcp_server::{McpServer, log_of},
    outcome::Outcome,
};

fn mcp(home: &Home, args: &[&str]) -> Outcome {
    Langdock::new().home(home).args(["mcp"]).args(args).run()
}

fn home_with(functions: &str) -> Home {
    let home = Home::new();
    McpServer::new("s", functions).write(&home);
    home
}

#[test]
fn an_imported_server_is_listed_and_importing_it_again_changes_nothing() {
    let home = home_with("");
    mcp(&home, &["list"])
        .code(0)
        .stdout("")
        .stderr_contains("the config file has no MCP servers");
    let config = home.config().join("config.toml");
    home.write(&config, "# mine\nregion = \"eu\"");
    mcp(&home, &["import", "./s.json"]).code(0);
    let text = fs::read_to_string(&config).unwrap();
    assert!(
        text.starts_with("# mine\nregion = \"eu\"\n\n[mcp.s]\ncommand = \"sh\"\n"),
        "{text}"
    );
    mcp(&home, &["import", "./s.json"])
        .code(0)
        .stderr_contains("`s` is already in the config file");
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
    let script = home.work().join("s.sh");
    mcp(&home, &["list"])
        .code(0)
        .stdout_contains(&format!("s  sh {}", script.display()));
    let listed = mcp(&home, &["list", "--json"]).stdout_json();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["optional"]),
        (&json!("s"), &json!(false))
    );
    let other = json!({"mcpServers": {"s": {"command": "other"}}});
    home.write("work/s.json", other.to_string());
    mcp(&home, &["import", "./s.json"])
        .code(2)
        .stderr_contains("the config file already has a different server of this name");
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
    assert!(
        log_of(&home, "s").is_empty(),
        "none of this starts the server"
    );
}

#[test]
fn an_imported_server_finds_the_files_that_its_arguments_name() {
    let home = Home::new();
    home.write("work/server.py", "");
    for (args, cwd) in [
        (
            json!(["./server.py"]),
            Some(home.work().display().to_string()),
        ),
        (json!(["other.py", ".", "-y"]), None),
    ] {
        let config = home.config().join("config.toml");
        home.write(&config, "");
        let servers = json!({"mcpServers": {"s": {"command": "python3", "args": args}}});
        home.write("work/s.json", servers.to_string());
        mcp(&home, &["import", "./s.json"]).code(0);
        let text = fs::read_to_string(&config).unwrap();
        let line = cwd.map(|cwd| format!("cwd = \"{cwd}\"\n"));
        assert_eq!(
            text.split_once("cwd").map(|(_, rest)| format!("cwd{rest}")),
            line,
            "{text}"
        );
    }
}

#[test]
fn what_may_be_a_token_is_not_listed() {
    let home = Home::new();
    let config = home.config().join("config.toml");
    let servers = "[mcp.a]\ncommand = \"x\"\nenv = { T = \"hidden\" }\n\
                   [mcp.b]\nurl = \"https://h/mcp?token=hidden\"\nheaders = { A = \"hidden\" }\n";
    home.write(config, servers);
    for args in [&["list"][..], &["list", "--json"]] {
        let outcome = mcp(&home, args);
        outcome
            .code(0)
            .stdout_contains("https://h/mcp")
            .stderr_empty();
        assert!(
            !outcome.stdout_text().contains("hidden"),
            "{}",
            outcome.stdout_text()
        );
    }
}

#[test]
fn tools_are_listed_with_what_they_cost() {
    let home = home_with("");
    mcp(&home, &["tools", "./s.json"])
        .code(0)
        .stdout("s__echo  Echoes.\n")
        .stderr_empty();
    let listed = mcp(&home, &["tools", "./s.json", "--json", "--cost"]).stdout_json();
    assert_eq!(
        (&listed[0]["server"], &listed[0]["tool"]),
        (&json!("s"), &json!("echo"))
    );
    assert!(
        listed[0]["tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 5),
        "{listed}"
    );
    mcp(&home, &["tools", "./s.json", "--cost"])
        .code(0)
        .stdout_contains("  s__echo\n")
        .stdout_contains("tokens per request in total, 1 tool");
    mcp(&home, &["tools"]).failed(
        2,
        "the config file has no MCP servers",
        "langdock mcp import",
    );
}

#[test]
fn a_call_by_hand_prints_the_result_and_fails_as_the_tool_does() {
    let home = home_with("");
    mcp(&home, &["call", "./s.json", "echo", "{\"a\": 1}"])
        .code(0)
        .stdout("called\n")
        .stderr_empty();
    // The name that `mcp tools` lists.
    mcp(&home, &["call", "./s.json", "s__echo"])
        .code(0)
        .stdout("called\n");
    let result =
        json!({"type": "tool_result", "tool_use_id": "toolu_by_hand", "content": "called"});
    let printed = mcp(&home, &["call", "./s.json", "echo", "--json"]).stdout_json();
    assert_eq!(printed, result);
    mcp(&home, &["call", "./s.json", "ecko"]).failed(
        2,
        "the MCP server has no tool `ecko`; did you mean `echo`?",
        "langdock mcp tools",
    );
    mcp(&home, &["call", "./s.json", "echo", "{"]).failed(2, "not valid JSON", "JSON object");
    let failing = home_with("on_call() { failure -1 'out of paper'; }");
    mcp(&failing, &["call", "./s.json", "echo"]).failed(
        11,
        "out of paper",
        "`langdock mcp tools` shows",
    );
    Langdock::new()
        .home(&home)
        .args(["mcp", "call", "./s.json", "echo", "-"])
        .stdin_bytes("{\"from\": \"stdin\"}")
        .run()
        .code(0);
    let log = log_of(&home, "s").join("\n");
    assert!(log.contains("\"arguments\":{\"from\":\"stdin\"}"), "{log}");
}

#[test]
fn the_doctor_names_what_started_and_what_did_not() {
    let home = home_with("");
    mcp(&home, &["doctor", "./s.json"])
        .code(0)
        .stdout_contains("ok  s  started in ")
        .stdout_contains("1 tool, about ")
        .stderr_empty();
    let dead = McpServer::new("dead", "at_start() { echo why >&2; exit 1; }");
    dead.write(&home);
    let outcome = mcp(&home, &["doctor", "./s.json", "./dead.json"]);
    outcome
        .stdout_contains("wrong  dead  the MCP server `dead` did not start: it exited with code 1; it printed: why")
        .failed(11, "1 of 2 MCP servers did not start", "above");
    let found = mcp(&home, &["doctor", "./s.json", "--json"]).stdout_json();
    assert_eq!(
        (&found["servers"][0]["ok"], &found["servers"][0]["tools"]),
        (&json!(true), &json!(1))
    );
}

#[test]
fn the_doctor_of_everything_checks_servers_without_starting_them() {
    let model = crate::models::listing(&["claude-sonnet-5"]);
    let home = home_with("");
    let doctor = || {
        let langdock = Langdock::new().home(&home).key().against(&model);
        langdock.args(["doctor"]).run()
    };
    assert!(!doctor().code(0).stdout_text().contains("MCP servers"));
    mcp(&home, &["import", "./s.json"]).code(0);
    doctor().code(0).stdout_contains(
        "ok     MCP servers       1 server configured; `langdock mcp doctor` starts",
    );
    assert!(log_of(&home, "s").is_empty());
    let config = home.config().join("config.toml");
    let sound = fs::read_to_string(&config).unwrap();
    for (server, state, why) in [
        (
            "command = \"no-such-program\"",
            "wrong",
            "program `no-such-program` not found in PATH",
        ),
        (
            "command = \"sh\"\ncwd = \"nowhere\"",
            "wrong",
            "is not a directory",
        ),
        (
            "command = \"sh\"\nenv = { T = \"${NOT_SET}\" }",
            "wrong",
            "`NOT_SET` of `T` is not set",
        ),
        ("url = \"http://mcp.example/\"", "wrong", "is not encrypted"),
        (
            "url = \"https://mcp.example/\"\nheaders_cmd = [\"no-such-program\"]\noptional = true",
            "note ",
            "`headers_cmd`: program",
        ),
    ] {
        home.write(&config, format!("{sound}\n[mcp.other]\n{server}\n"));
        let outcome = doctor();
        outcome
            .code(if state == "wrong" { 11 } else { 0 })
            .stdout_contains("ok     MCP servers       1 server configured")
            .stdout_contains(&format!(
                "{state}  MCP servers       `other` cannot be used: "
            ))
            .stdout_contains(why)
            .stdout_contains("then run `langdock mcp doctor other`");
    }
    assert!(log_of(&home, "s").is_empty());
}

#[test]
fn tool_run_lists_and_calls_the_tools_of_servers_too() {
    let home = home_with("");
    let run = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["tool-run", "--mcp", "./s.json"])
            .args(args)
            .run()
    };
    run(&["--list"])
        .code(0)
        .stdout("s__echo  tool `echo` of the MCP server `s`  Echoes.\n")
        .stderr_empty();
    run(&["--call", "s__echo", "{}"])
        .code(0)
        .stdout("called\n")
        .stderr_empty();
    assert_eq!(log_of(&home, "s").last().map(String::as_str), Some("end"));
}
