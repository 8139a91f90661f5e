//! Defaults of the request in the config file and in profiles: what the server sees of them, and
//! what overrides them.

use std::fs;

use serde_json::json;

use crate::support::{
    command::Langdock, home::Home, outcome::Outcome, sending::answering, server::Server,
};

/// Writes the config file of a home, and a template `brief`.
fn home_with(config: &str) -> Home {
    let home = Home::new();
    fs::create_dir_all(home.config().join("templates")).unwrap();
    fs::write(home.config().join("config.toml"), config).unwrap();
    let template = "+++\nmodel = \"of-template\"\nsystem = \"Be {{tone|kind}}.\"\n\
                    temperature = 0.25\n+++\nBriefly:\n";
    fs::write(home.config().join("templates/brief.md"), template).unwrap();
    home
}

fn run(home: &Home, server: &Server, args: &[&str]) -> Outcome {
    Langdock::new()
        .home(home)
        .key()
        .against(server)
        .args(args)
        .run()
}

#[test]
fn a_default_template_is_used_by_each_command_that_asks_and_flags_override_it() {
    let home = home_with("template = \"brief\"\nmodel = \"of-config\"\ntemperature = 0.5\n");
    for args in [
        &["send", "Why?"][..],
        &["tool-run", "-n", "Why?"],
        &["batch", "Why?", "-i", "one.txt"],
    ] {
        let server = answering("ok");
        home.write("work/one.txt", "x\n");
        let outcome = run(&home, &server, args);
        outcome.code(0);
        let body = server.requests().pop().unwrap().json();
        assert_eq!(body["model"], "of-template", "{args:?}");
        assert_eq!(body["temperature"], 0.25, "{args:?}");
        assert_eq!(body["system"], "Be kind.", "{args:?}");
        let content = body["messages"][0]["content"].to_string();
        assert!(content.contains("Briefly:\\n\\nWhy?"), "{content}");
    }
    for (args, model, system) in [
        (
            &["send", "-m", "of-flag", "-p", "tone=calm", "Why?"][..],
            "of-flag",
            json!("Be calm."),
        ),
        (&["send", "-t", "", "Why?"], "of-config", json!(null)),
    ] {
        let server = answering("ok");
        run(&home, &server, args).code(0).stdout("ok\n");
        let body = server.requests().pop().unwrap().json();
        assert_eq!(body["model"], model, "{args:?}");
        assert_eq!(body["system"], system, "{args:?}");
    }
    let counted = Langdock::new()
        .home(&home)
        .args(["count", "--json", "Why?"])
        .run();
    let counted = counted.code(0).stdout_json();
    assert_eq!(counted["model"], "of-template");
}

#[test]
fn a_template_of_a_profile_is_a_file_beside_the_config_file() {
    let home = home_with("model = \"m\"\n[profiles.work]\ntemplate = \"./mine.md\"\n");
    fs::write(home.config().join("mine.md"), "From a file:").unwrap();
    let server = answering("ok");
    run(&home, &server, &["send", "--profile", "work", "Why?"]).code(0);
    let body = server.requests().pop().unwrap().json();
    let content = body["messages"][0]["content"].to_string();
    assert!(content.contains("From a file:\\n\\nWhy?"), "{content}");
}

#[test]
fn a_parameter_needs_a_template() {
    Langdock::new()
        .args(["--demo", "send", "-p", "a=b", "Hi"])
        .run()
        .code(2)
        .stderr_contains("--param a needs a template")
        .stderr_contains("langdock template list");
}

#[test]
fn every_flag_of_the_request_has_a_default_in_config_and_profile() {
    let profile = "[profiles.work]\nset = ['b=2.10', 'd={\"e\":[1]}']\nstop = [\"X\", \"Y\"]\n";
    let config = format!(
        "model = \"m\"\nset = 'a=1'\nstop = \"END\"\nprefill = \"Sure\"\nuser_id = \"u\"\n\
         top_p = 0.5\n{profile}"
    );
    let home = home_with(&config);
    let server = answering("ok");
    run(&home, &server, &["send", "Why?"]).code(0);
    run(&home, &server, &["--profile", "work", "send", "Why?"]).code(0);
    run(
        &home,
        &server,
        &["send", "--set", "a=7", "--prefill", "No", "Why?"],
    )
    .code(0);
    let bodies: Vec<_> = server.requests().iter().map(|it| it.json()).collect();
    assert_eq!(
        (&bodies[0]["a"], &bodies[0]["b"]),
        (&json!(1), &json!(null))
    );
    assert_eq!(bodies[0]["stop_sequences"], json!(["END"]));
    assert_eq!(bodies[0]["metadata"], json!({"user_id": "u"}));
    assert_eq!(bodies[0]["messages"][1]["content"], "Sure");
    assert_eq!(
        (&bodies[1]["a"], &bodies[1]["d"]),
        (&json!(null), &json!({"e": [1]}))
    );
    assert!(server.requests()[1].text().contains("\"b\":2.10"));
    assert_eq!(bodies[1]["stop_sequences"], json!(["X", "Y"]));
    assert_eq!(bodies[2]["a"], 7);
    assert_eq!(bodies[2]["messages"][1]["content"], "No");
}

#[test]
fn a_default_prefill_is_not_put_before_an_answer_with_a_schema() {
    let home = home_with("model = \"m\"\nprefill = \"Sure\"\n");
    home.write("work/one.txt", "x\n");
    for args in [
        &[
            "send",
            "--schema",
            "{\"type\":\"object\"}",
            "--repair",
            "0",
            "Why?",
        ][..],
        &[
            "batch",
            "--schema",
            "{\"type\":\"object\"}",
            "--repair",
            "0",
            "Why?",
            "-i",
            "one.txt",
        ],
    ] {
        let server = answering("no JSON");
        // Plain text matches no schema.
        let outcome = run(&home, &server, args);
        assert_ne!(outcome.code, Some(0), "{args:?}");
        let bodies: Vec<_> = server.requests().iter().map(|it| it.json()).collect();
        assert!(!bodies.is_empty(), "{args:?}");
        for body in bodies {
            let roles = body["messages"].as_array().unwrap().iter();
            let roles: Vec<_> = roles.map(|message| message["role"].clone()).collect();
            assert_eq!(roles, ["user"], "{args:?}");
        }
    }
}

#[test]
fn a_default_that_cannot_be_one_is_refused_with_its_line_and_the_way_out() {
    for (line, expected) in [
        (
            "set = 'temperature=0.5'",
            "`temperature` has a key of its own",
        ),
        ("set = ['a=1', 'model=\"m\"']", "use --model"),
        ("set = 'stream=false'", "cannot be a default"),
        ("set = 3", "must be KEY=JSON in quotes"),
        ("template = \"-\"", "must be a name or a path"),
        ("stop = 3", "or a list of texts"),
    ] {
        let home = home_with(&format!("\n{line}\n"));
        Langdock::new()
            .home(&home)
            .args(["config", "show"])
            .run()
            .code(2)
            .stderr_contains("line 2")
            .stderr_contains(expected);
    }
}

#[test]
fn config_set_takes_one_value_or_a_list() {
    let home = Home::new();
    for (args, expected) in [
        (["set", "a=1"], "set = \"a=1\"\n"),
        (
            ["set", "['a=1', 'b=\"x\"']"],
            "set = [\"a=1\", 'b=\"x\"']\n",
        ),
        (["stop", "END"], "stop = \"END\"\n"),
        (["template", "brief"], "template = \"brief\"\n"),
    ] {
        let path = home.config().join("config.toml");
        let _ = fs::remove_file(&path);
        let set = Langdock::new().home(&home).args(["config", "set"]);
        set.args(args).run().code(0).stdout("").stderr_empty();
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
    }
}
