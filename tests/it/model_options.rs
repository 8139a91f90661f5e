//! What a model does not accept is not sent to it: it is refused on the command line and left out
//! if it comes from a file. What an endpoint refuses or accepts is remembered.

use std::fs;

use serde_json::{Value, json};

use crate::{
    chat::{ENTER, at_prompt, leave, wait_for_prompt},
    models::{list_of, models},
    support::{
        command::Langdock,
        events::{answer, error},
        home::Home,
        outcome::Outcome,
        reply::Reply,
        sending::answering,
        server::Server,
    },
};

/// Begins `langdock send Hi` to a model.
fn send_to(server: &Server, home: &Home, model: &str) -> Langdock {
    Langdock::new()
        .key()
        .against(server)
        .home(home)
        .args(["send", "-m", model, "Hi"])
}

/// Returns the body of `send` with these arguments for a model.
#[track_caller]
fn body(model: &str, args: &[&str]) -> Value {
    let (server, home) = (answering("ok"), Home::new());
    let outcome = send_to(&server, &home, model).args(args).run();
    outcome.code(0).stdout("ok\n").stderr_empty();
    server.only_request().json()
}

/// Asserts that nothing is sent to a model with these arguments.
#[track_caller]
fn refused(model: &str, args: &[&str]) -> Outcome {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/t.toml", TOOLS);
    let outcome = send_to(&server, &home, model).args(args).run();
    outcome.code(2).stdout("");
    assert_eq!(server.connections(), 0, "{outcome}");
    outcome
}

/// A tool, for tests of the tool choice.
const TOOLS: &str = "[[tool]]\nname = 'now'\ndescription = 'The time'\ncommand = ['date']\n\
                     input_schema = { type = 'object' }\n";

/// Refuses requests with this field, like an endpoint, and answers all others.
fn refusing(field: &'static str, message: &'static str) -> Server {
    Server::start(move |request, _| {
        if request.json().get(field).is_some() {
            Reply::json(400, &error("invalid_request_error", message))
        } else {
            Reply::sse(answer(&["ok"]))
        }
    })
}

#[test]
fn an_option_that_was_typed_and_is_not_accepted_is_a_usage_error_with_the_way_out() {
    for (model, args, option, way_out) in [
        (
            "claude-opus-4-8-default",
            &["--temperature", "0.5"][..],
            "--temperature 0.5",
            "leave it out",
        ),
        (
            "claude-sonnet-5-default",
            &["--top-p", "0.5"],
            "--top-p 0.5",
            "leave it out",
        ),
        ("claude-opus-5", &["--top-k", "3"], "--top-k 3", "-m"),
        (
            "claude-opus-4-8",
            &["--set", "top_k=3"],
            "--set top_k=3",
            "-m",
        ),
        (
            "claude-sonnet-4-6-default",
            &["--prefill", "{"],
            "--prefill",
            "in the prompt",
        ),
        (
            "claude-opus-5-5",
            &["-T", "./t.toml", "--tool-choice", "any"],
            "--tool-choice any",
            "--tool-choice auto",
        ),
        (
            "claude-opus-4-8",
            &["--thinking", "2000"],
            "--thinking 2000",
            "--thinking auto",
        ),
        (
            "claude-fable-5-2",
            &["--thinking", "off"],
            "--thinking off",
            "this model always thinks",
        ),
        (
            "claude-3-haiku-20240307",
            &["--thinking", "auto"],
            "--thinking auto",
            "-m",
        ),
        (
            "claude-haiku-4-5@20251001",
            &["--effort", "low"],
            "--effort low",
            "-m",
        ),
    ] {
        refused(model, args)
            .stderr_contains(&format!("{model} does not accept `{option}`\nhint: "))
            .stderr_contains(way_out)
            .stderr_contains("--no-check sends it anyway");
    }
    refused(
        "claude-haiku-4-5",
        &[
            "--thinking",
            "auto",
            "-T",
            "./t.toml",
            "--tool-choice",
            "any",
        ],
    )
    .stderr_contains("`--tool-choice any` and `--thinking auto` in the same request");
}

#[test]
fn a_budget_that_does_not_fit_is_refused_with_what_would() {
    let model = "claude-haiku-4-5";
    refused(model, &["--thinking", "4000", "--max-tokens", "4000"])
        .stderr_contains("a thinking budget of 4,000 tokens does not fit")
        .stderr_contains("max_tokens, which is 4,000\nhint: use --max-tokens 8000");
    refused(model, &["--thinking", "auto", "--max-tokens", "900"])
        .stderr_contains("max_tokens, which is 900");
    refused("some-model", &["--thinking", "4000"])
        .stderr_contains("it is not known whether some-model accepts a thinking budget")
        .stderr_contains("hint: use `--thinking auto`");
    for text in ["1023", "0", "on"] {
        refused(model, &["--thinking", text]).stderr_contains("`auto`, `off`, or a whole number");
    }
    refused(model, &["--effort", "ultra"])
        .stderr_contains("`low`, `medium`, `high`, `xhigh`, `max`");
}

#[test]
fn thinking_is_asked_for_in_the_form_that_the_model_has() {
    let adaptive = json!({"type": "adaptive"});
    let shown = json!({"type": "adaptive", "display": "summarized"});
    for (model, args, expected) in [
        ("claude-opus-5-5", &["--thinking", "auto"][..], &adaptive),
        ("claude-sonnet-4-6", &["--thinking", "auto"], &adaptive),
        ("some-model", &["--thinking", "auto"], &adaptive),
        (
            "claude-haiku-4-5",
            &["--thinking", "auto", "--max-tokens", "9000"],
            &json!({"type": "enabled", "budget_tokens": 4500}),
        ),
        (
            "claude-3-7-sonnet-20250219",
            &["--thinking", "3000"],
            &json!({"type": "enabled", "budget_tokens": 3000}),
        ),
        (
            "claude-sonnet-5",
            &["--thinking", "off"],
            &json!({"type": "disabled"}),
        ),
        ("claude-opus-4-8", &["--thinking", "off"], &Value::Null),
        ("claude-opus-5", &[], &Value::Null),
        (
            "claude-opus-4-8",
            &["--thinking", "auto", "--show-thinking"],
            &shown,
        ),
        ("claude-opus-5", &["--show-thinking"], &shown),
        ("claude-opus-4-8", &["--show-thinking"], &Value::Null),
        (
            "claude-sonnet-5-5",
            &["--set", r#"thinking={"type":"between_tools"}"#],
            &json!({"type": "between_tools"}),
        ),
    ] {
        assert_eq!(body(model, args)["thinking"], *expected, "{model} {args:?}");
    }
    let body = body("claude-opus-5", &["--effort", "xhigh"]);
    assert_eq!(body["output_config"], json!({"effort": "xhigh"}));
}

#[test]
fn options_of_files_are_sent_where_they_are_accepted_and_left_out_with_a_notice_elsewhere() {
    let config = "temperature = 0.5\n[profiles.deep]\nthinking = 'auto'\neffort = 'high'\n";
    let template = "+++\ntop_k = 7\nprefill = '{'\n+++\n";
    let messages = json!({"top_p": 0.5, "messages": [{"role": "user", "content": "Before"}]});
    let run = |model: &str, args: &[&str]| {
        let (server, home) = (answering("ok"), Home::new());
        home.write(home.config().join("config.toml"), config);
        home.write("work/t.md", template);
        home.write("work/m.json", messages.to_string());
        let outcome = send_to(&server, &home, model).args(args).run();
        outcome.code(0);
        let place = home.config().join("config.toml").display().to_string();
        (
            server.only_request().json(),
            outcome.stderr.replace(&place, "FILE"),
        )
    };
    let (body, stderr) = run("claude-haiku-4-5", &[]);
    assert_eq!((&body["temperature"], stderr.as_str()), (&json!(0.5), ""));
    let (body, stderr) = run("claude-opus-4-8", &[]);
    assert_eq!(body.get("temperature"), None);
    assert_eq!(
        stderr,
        "langdock: `temperature` in `FILE`, line 1 is left out: claude-opus-4-8 does not accept it\n"
    );
    let (body, _) = run("claude-opus-4-8", &["--no-check"]);
    assert_eq!(body["temperature"], 0.5);
    let (body, stderr) = run(
        "claude-opus-4-8",
        &["-t", "./t.md", "--temperature", "1", "--messages", "m.json"],
    );
    assert_eq!(body["temperature"], 1.0);
    assert_eq!((body.get("top_k"), body.get("top_p")), (None, None));
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(1));
    for name in [
        "`top_p` of --messages",
        "`top_k` of the template",
        "`prefill` of the template",
    ] {
        assert_eq!(stderr.matches(name).count(), 1, "{name}: {stderr}");
    }
    let (body, _) = run("claude-opus-5", &["--profile", "deep"]);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    let (body, stderr) = run("claude-haiku-4-5", &["--profile", "deep"]);
    assert!(body["temperature"].is_null() && body["thinking"]["type"] == "enabled");
    assert!(stderr.contains("`effort` of profile `deep` in `FILE`, line 4 is left out"));
}

#[test]
fn a_setting_of_a_field_is_checked_shown_and_set_like_its_flag() {
    let home = Home::new();
    let config = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .args(["config"])
            .args(args)
            .run()
    };
    for (key, value) in [
        ("thinking", "auto"),
        ("effort", "max"),
        ("temperature", "0.5"),
        ("top_k", "4"),
    ] {
        config(&["set", key, value]).code(0).stderr_empty();
        config(&["get", key]).code(0).stdout(format!("{value}\n"));
    }
    let file = fs::read_to_string(home.config().join("config.toml")).unwrap();
    assert_eq!(
        file,
        "thinking = \"auto\"\neffort = \"max\"\ntemperature = 0.5\ntop_k = 4\n"
    );
    for (key, value, needed) in [
        (
            "thinking",
            "5",
            "`auto`, `off`, or a whole number from 1,024",
        ),
        ("effort", "ultra", "`low`, `medium`, `high`, `xhigh`, `max`"),
        ("temperature", "2", "0 to 1"),
        ("top_k", "0", "from 1 to"),
    ] {
        config(&["set", key, value]).code(2).stderr_contains(needed);
    }
}

#[test]
fn what_a_refusal_names_is_not_sent_again_until_the_list_is_refreshed() {
    let message = "This model does not support the effort parameter.";
    let (server, home) = (refusing("output_config", message), Home::new());
    let send = |args: &[&str]| send_to(&server, &home, "some-model").args(args).run();
    send(&["--effort", "high"])
        .code(3)
        .stderr_contains("does not support the effort parameter");
    assert_eq!(server.requests().len(), 1);
    send(&["--effort", "low"])
        .code(2)
        .stderr_contains("some-model does not accept `--effort low`");
    assert_eq!(server.requests().len(), 1);
    home.write(home.config().join("config.toml"), "effort = 'low'\n");
    send(&[])
        .code(0)
        .stderr_contains("is left out: some-model does not accept it");
    send_to(&server, &home, "another-model").run().code(3);

    let offering = list_of(&json!([{"id": "some-model", "max_input_tokens": 9}, {"id": "x"}]));
    let list = |server: &Server, args: &[&str]| {
        let run = models(server).home(&home).args(args).run();
        run.code(0);
        run.stdout_text()
    };
    // Learned rules belong to an endpoint.
    assert!(!list(&offering, &["--long"]).contains("refused"));
    let both = Server::start(move |request, _| {
        if request.method == "GET" {
            return Reply::json(200, &json!({"data": [{"id": "some-model"}]}));
        }
        match request.json().get("top_k") {
            Some(_) => Reply::json(
                400,
                &error(
                    "invalid_request_error",
                    "`top_k` is deprecated for this model.",
                ),
            ),
            None => Reply::sse(answer(&["ok"])),
        }
    });
    let send = |args: &[&str]| send_to(&both, &home, "some-model").args(args).run();
    fs::remove_file(home.config().join("config.toml")).unwrap();
    send(&["--top-k", "3"]).code(3);
    send(&["--top-k", "3"]).code(2);
    assert!(list(&both, &["--long"]).contains("refused top_k"));
    let object: Value = serde_json::from_str(&list(&both, &["--json"])).unwrap();
    assert_eq!(
        object["langdock"]["learned"],
        json!({"some-model": {"top_k": false}})
    );
    assert!(!list(&both, &["--long", "--refresh"]).contains("top_k"));
    send(&["--top-k", "3"]).code(3);
}

#[test]
fn a_refusal_that_names_no_option_or_the_value_of_one_teaches_nothing() {
    for message in [
        "prompt is too long: 9 tokens > 8 maximum",
        "`top_k`: Input should be less than or equal to 500",
        "Invalid request",
    ] {
        let (server, home) = (refusing("top_k", message), Home::new());
        for _ in 0..2 {
            let outcome = send_to(&server, &home, "some-model")
                .args(["--top-k", "501"])
                .run();
            outcome.code(3);
        }
        assert_eq!(server.requests().len(), 2, "{message}");
    }
}

#[test]
fn an_answer_to_what_was_sent_without_a_check_teaches_that_it_is_accepted() {
    let (server, home) = (answering("ok"), Home::new());
    let send = |args: &[&str]| {
        send_to(&server, &home, "claude-opus-4-8")
            .args(["--top-k", "3"])
            .args(args)
            .run()
    };
    send(&[]).code(2);
    send(&["--no-check"]).code(0).stderr_empty();
    send(&[]).code(0).stderr_empty();
    assert_eq!(server.requests()[1].json()["top_k"], 3);
}

#[test]
fn the_list_of_models_goes_before_the_table() {
    let capabilities = json!({
        "thinking": {"supported": true, "types": {"enabled": {"supported": true}}},
        "effort": {"supported": true, "high": {"supported": true}, "max": {"supported": false}},
        "structured_outputs": {"supported": false},
    });
    let listed = json!([{
        "id": "claude-opus-4-8",
        "max_tokens": 9000,
        "capabilities": capabilities,
        "retires_at": "2027-03-01T00:00:00Z",
    }]);
    let (server, home) = (list_of(&listed), Home::new());
    models(&server)
        .home(&home)
        .args(["--long"])
        .run()
        .code(0)
        .stdout("claude-opus-4-8  9,000 out  thinking, effort  retires 2027-03-01\n");
    let send = |args: &[&str]| send_to(&server, &home, "claude-opus-4-8").args(args).run();
    send(&["--thinking", "2000"]).code(0).stderr_empty();
    send(&["--effort", "high"]).code(0).stderr_empty();
    send(&["--effort", "max"])
        .code(2)
        .stderr_contains("does not accept `--effort max`");
    let requests = server.requests();
    assert_eq!(requests[1].json()["thinking"]["budget_tokens"], 2000);
    assert_eq!(requests[1].json()["max_tokens"], 9000);
}

#[test]
fn the_default_of_max_tokens_follows_the_model_the_list_and_the_tokens_a_minute() {
    let max_tokens = |model, args: &[&str]| body(model, args)["max_tokens"].clone();
    assert_eq!(max_tokens("claude-3-haiku-20240307", &[]), 4096);
    assert_eq!(max_tokens("claude-3-5-haiku-20241022", &[]), 8192);
    assert_eq!(max_tokens("claude-sonnet-5", &[]), 16_384);
    assert_eq!(max_tokens("some-model", &[]), 16_384);
    assert_eq!(max_tokens("some-model", &["--max-tokens", "20000"]), 20_000);

    let (server, home) = (answering("ok"), Home::new());
    home.write(
        home.config().join("config.toml"),
        "[limits.'some-model']\ntpm = 30000\n",
    );
    send_to(&server, &home, "some-model").run().code(0);
    assert_eq!(server.only_request().json()["max_tokens"], 7500);

    let home = Home::new();
    let server = Server::start(|_, _| {
        Reply::sse(answer(&["ok"])).header("x-ratelimit-limit-tokens", "40000")
    });
    for _ in 0..2 {
        send_to(&server, &home, "some-model").run().code(0);
    }
    let sent: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| request.json()["max_tokens"].clone())
        .collect();
    assert_eq!(sent, [json!(16_384), json!(10_000)]);
}

#[test]
fn a_batch_is_refused_before_its_first_item_and_says_once_what_it_leaves_out() {
    let (server, home) = (answering("ok"), Home::new());
    home.write("work/lines", "a\nb\nc\n");
    home.write("work/t.md", "+++\ntemperature = 0.5\n+++\n");
    let batch = |args: &[&str]| {
        Langdock::new()
            .key()
            .against(&server)
            .home(&home)
            .args([
                "batch",
                "-m",
                "claude-opus-4-8",
                "-i",
                "lines",
                "Say {text}",
            ])
            .args(args)
            .run()
    };
    batch(&["--temperature", "0.5"])
        .code(2)
        .stdout("")
        .stderr_contains("does not accept `--temperature 0.5`");
    assert_eq!(server.requests().len(), 0);
    let outcome = batch(&["-t", "./t.md"]);
    outcome.code(0);
    assert_eq!(
        outcome.stderr.matches("is left out").count(),
        1,
        "{outcome}"
    );
    assert_eq!(server.requests().len(), 3);
    for request in server.requests() {
        assert_eq!(request.json().get("temperature"), None);
        assert_eq!(request.json()["max_tokens"], 8192);
    }
}

#[test]
fn a_batch_goes_on_where_it_was_though_its_default_of_max_tokens_has_changed() {
    let home = Home::new();
    home.write("work/lines", "a\nb\n");
    let server = Server::start(|_, _| {
        Reply::sse(answer(&["ok"])).header("x-ratelimit-limit-tokens", "20000")
    });
    for _ in 0..2 {
        Langdock::new()
            .key()
            .against(&server)
            .home(&home)
            .args(["batch", "-m", "some-model", "-i", "lines", "-o", "out"])
            .args(["-J", "1", "Say {text}"])
            .run()
            .code(0);
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn chat_sets_what_the_model_accepts_and_leaves_out_what_another_one_does_not() {
    let (server, home) = (answering("ok"), Home::new());
    let terminal = at_prompt(&server, &home, &["-m", "claude-haiku-4-5"]);
    let mut prompts = 1;
    let mut type_line = |line: &str, expected: &str| {
        terminal.keys(line).keys(ENTER).wait_for(expected);
        prompts += 1;
        wait_for_prompt(&terminal, prompts);
    };
    type_line("/thinking", "not set: the model's default");
    type_line("/thinking auto", "thinking is now auto");
    type_line(
        "/effort low",
        "claude-haiku-4-5 does not accept `/effort low`",
    );
    type_line("/set temperature=0.5", "in the same request");
    type_line("/thinking 99", "`auto`, `off`, or a whole number");
    type_line("One", "ok");
    type_line("/thinking", "auto");
    type_line("/thinking -", "thinking is now the model's default");
    type_line("/set temperature=0.5", "set temperature=0.5");
    type_line("/model claude-opus-4-8", "now using model");
    type_line("Two", "`/set temperature=0.5` is left out");
    type_line("/effort max", "effort is now max");
    type_line("/effort", "max");
    type_line("Three", "ok");
    leave(terminal).code(0);
    let bodies: Vec<Value> = server.requests().iter().map(|it| it.json()).collect();
    assert_eq!(
        bodies[0]["thinking"],
        json!({"type": "enabled", "budget_tokens": 8192})
    );
    assert_eq!(
        (bodies[1].get("temperature"), bodies[1].get("thinking")),
        (None, None)
    );
    assert_eq!(bodies[2]["output_config"], json!({"effort": "max"}));
}

#[test]
fn chat_forks_where_the_effort_is_fixed_for_a_conversation() {
    let (server, home) = (answering("ok"), Home::new());
    let thinking = r#"thinking={"type":"between_tools"}"#;
    let terminal = at_prompt(
        &server,
        &home,
        &[
            "-m",
            "claude-sonnet-5-5",
            "--set",
            thinking,
            "--effort",
            "low",
        ],
    );
    terminal.keys("/effort medium").keys(ENTER);
    wait_for_prompt(&terminal, 2);
    terminal.keys("One").keys(ENTER);
    wait_for_prompt(&terminal, 3);
    terminal
        .keys("/effort high")
        .keys(ENTER)
        .wait_for("the effort is fixed for a conversation");
    wait_for_prompt(&terminal, 4);
    terminal.keys("Two").keys(ENTER);
    wait_for_prompt(&terminal, 5);
    terminal
        .keys("/effort max")
        .keys(ENTER)
        .wait_for("in the same request");
    wait_for_prompt(&terminal, 6);
    leave(terminal).code(0);
    let efforts: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| request.json()["output_config"]["effort"].clone())
        .collect();
    assert_eq!(efforts, ["medium", "high"]);
    let listed = Langdock::new().home(&home).args(["session", "list"]).run();
    assert_eq!(listed.code(0).stdout_text().lines().count(), 2);
}
