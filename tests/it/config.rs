//! The config file and `langdock config`: effective settings, their origins, and what the server
//! sees.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{
    command::{KEY, Langdock},
    events::{MODEL, answer, error},
    home::Home,
    outcome::Outcome,
    reply::Reply,
    sending::answering,
    server::Server,
    tls::TlsCertificate,
};

/// Writes the usual config file.
fn config_file(home: &Home, content: &str) -> PathBuf {
    let path = home.config().join("config.toml");
    fs::create_dir_all(home.config()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn config(home: &Home, args: &[&str]) -> Outcome {
    Langdock::new().home(home).args(["config"]).args(args).run()
}

/// Runs `send Hi` in a home whose config file has the base URL.
fn send_in(home: &Home) -> Langdock {
    Langdock::new().home(home).key().args(["send", "Hi"])
}

/// All sources at once: each setting has a different value in each source, and sources are removed
/// in order of precedence.
#[test]
fn what_config_show_says_is_what_the_server_sees() {
    let (home, server) = (Home::new(), answering("ok"));
    let base = |name: &str| format!("{}/{name}/{{region}}", server.url());
    let level = |name: &str, region: &str, tokens: u64| {
        format!(
            "base_url = '{}'\nregion = '{region}'\nmodel = '{name}'\nmax_tokens = {tokens}\n",
            base(name)
        )
    };
    let text = format!(
        "{}[profiles.work]\n{}",
        level("file", "us", 1),
        level("profile", "ch", 2)
    );
    let file = home.write("another.toml", text);
    let flags = ["--base-url", &base("flag"), "--region", "eu"].map(str::to_owned);
    let variables = [
        ("LANGDOCK_BASE_URL", base("env")),
        ("LANGDOCK_REGION", "global".to_owned()),
        ("LANGDOCK_MODEL", "env".to_owned()),
        ("LANGDOCK_MAX_TOKENS", "3".to_owned()),
    ];
    for (stage, name, region, tokens) in [
        (0, "flag", "eu", 3),
        (1, "env", "global", 3),
        (2, "profile", "ch", 2),
        (3, "file", "us", 1),
    ] {
        let run = |args: &[&str]| {
            let mut run = Langdock::new()
                .home(&home)
                .env("LANGDOCK_CONFIG", &file)
                .key()
                .args(args);
            if stage == 0 {
                run = run.args(&flags);
            }
            if stage <= 1 {
                run = variables
                    .iter()
                    .fold(run, |run, (name, value)| run.env(name, value));
                run = run.env("LANGDOCK_MAX_WAIT", "7s");
            }
            if stage <= 2 {
                run.env("LANGDOCK_PROFILE", "work")
            } else {
                run
            }
        };
        let shown = run(&["config", "show", "--json"])
            .run()
            .code(0)
            .stderr_empty()
            .stdout_json();
        run(&["send", "Hi"])
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
        let request = server.requests().pop().unwrap();
        let setting = |key: &str| shown["settings"][key]["value"].clone();
        assert_eq!(setting("base_url"), base(name));
        assert_eq!(setting("region"), region);
        assert_eq!(request.path, format!("/{name}/{region}/v1/messages"));
        assert_eq!(setting("model"), request.json()["model"]);
        assert_eq!(
            request.json()["model"],
            if stage == 0 { "env" } else { name }
        );
        assert_eq!(setting("max_tokens"), request.json()["max_tokens"]);
        assert_eq!(request.json()["max_tokens"], tokens);
        assert_eq!(setting("max_wait"), if stage <= 1 { "7s" } else { "120s" });
        assert_eq!(setting("api_key"), "sk-ld-…6789");
        assert_eq!(
            request.header("authorization"),
            Some(&*format!("Bearer {KEY}"))
        );
        assert_eq!(shown["config_file"], json!(file));
        assert_eq!(
            shown["profile"]["value"],
            if stage <= 2 {
                json!("work")
            } else {
                Value::Null
            }
        );
        let line = |line: usize| format!("{}:{line}", file.display());
        let origin = &shown["settings"]["region"]["origin"];
        let expected = [
            "--region",
            "LANGDOCK_REGION",
            &format!("profile work, {}", line(7)),
            &line(2),
        ][stage]
            .to_owned();
        assert_eq!(*origin, expected);
    }
}

#[test]
fn what_nobody_sets_is_shown_as_the_default_and_the_key_only_masked() {
    let outcome = Langdock::new().key().args(["config", "show"]).run();
    let text = outcome.code(0).stderr_empty().stdout_text();
    let words = |key: &str| -> Vec<String> {
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(key))
            .unwrap_or_default();
        line.split("  ")
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(words("region"), ["region", "eu", "default"]);
    assert_eq!(words("max_wait"), ["max_wait", "120s", "default"]);
    assert_eq!(words("timeout"), ["timeout", "(none)", "default"]);
    assert_eq!(
        words("model"),
        ["model", "(picked from the region's list)", "default"]
    );
    assert_eq!(
        words("api_key"),
        ["api_key", "sk-ld-…6789", "LANGDOCK_API_KEY"]
    );
    assert!(!text.contains(KEY));
}

#[test]
fn waits_and_tries_come_from_the_file() {
    let busy = || {
        Server::start(|_, _| {
            Reply::json(503, &error("api_error", "Later.")).header("retry-after-ms", 1)
        })
    };
    let (home, server) = (Home::new(), busy());
    let base = format!("base_url = '{}'\nmodel = 'm'\n", server.url());
    config_file(&home, &format!("{base}max_retries = 1\n"));
    send_in(&home).run().code(5).stdout("");
    assert_eq!(server.requests().len(), 2);
    config_file(&home, &format!("{base}max_wait = '0s'\n"));
    send_in(&home).run().code(5).stdout("");
    assert_eq!(server.requests().len(), 3);

    let silent = Server::start(|_, _| Reply::never());
    for key in ["timeout", "idle_timeout"] {
        config_file(
            &home,
            &format!(
                "base_url = '{}'\nmodel = 'm'\nmax_retries = 0\n{key} = '200ms'\n",
                silent.url()
            ),
        );
        send_in(&home)
            .run()
            .code(6)
            .stdout("")
            .stderr_contains("0.2 s");
    }
    config_file(&home, &format!("{base}connect_timeout = '50ms'\n"));
    send_in(&home)
        .args(["--curl"])
        .run()
        .code(0)
        .stdout_contains("--connect-timeout 0.05 ");
}

#[test]
fn the_way_out_comes_from_the_file() {
    let (home, proxy) = (Home::new(), answering("ok"));
    let nowhere = "base_url = 'http://192.0.2.1'\nmodel = 'm'\nmax_retries = 0\n";
    config_file(&home, &format!("{nowhere}proxy = '{}'\n", proxy.url()));
    send_in(&home).run().failed(2, "plain http", "--allow-http");
    assert_eq!(proxy.connections(), 0);
    config_file(
        &home,
        &format!("{nowhere}proxy = '{}'\nallow_http = true\n", proxy.url()),
    );
    send_in(&home).run().code(0).stdout("ok\n").stderr_empty();
    assert_eq!(proxy.only_request().path, "http://192.0.2.1/v1/messages");
}

#[test]
fn a_relative_cacert_begins_at_the_file() {
    let certificate = TlsCertificate::valid();
    let server = Server::start_tls(|_, _| Reply::sse(answer(&["ok"])), &certificate);
    let home = Home::new();
    let text = format!(
        "base_url = '{}'\nmodel = 'm'\nmax_retries = 0\n",
        server.url()
    );
    config_file(&home, &text);
    send_in(&home).run().code(6).stdout("");
    config_file(&home, &format!("{text}cacert = 'ca.pem'\n"));
    fs::copy(certificate.ca_file(), home.config().join("ca.pem")).unwrap();
    send_in(&home).run().code(0).stdout("ok\n").stderr_empty();
}

#[test]
fn allow_truncated_comes_from_the_file() {
    let home = Home::new();
    let stream = answer(&["cut"]).replace("end_turn", "max_tokens");
    let server = Server::start(move |_, _| Reply::sse(&stream));
    let text = format!("base_url = '{}'\nmodel = 'm'\n", server.url());
    config_file(&home, &text);
    send_in(&home).run().code(9).stdout("cut\n");
    config_file(&home, &format!("{text}allow_truncated = true\n"));
    send_in(&home).run().code(0).stdout("cut\n").stderr_empty();
}

#[test]
fn a_mistake_in_the_file_is_named_with_file_line_key_and_what_may_be_meant() {
    let home = Home::new();
    for (text, message, hint) in [
        (
            "model = 'm'\nregoin = 'eu'\n",
            "line 2: unknown key `regoin`",
            "did you mean `region`?",
        ),
        ("qqq = 1\n", "line 1: unknown key `qqq`", "help config"),
        (
            "[limits.\"m\"]\nrmp = 1\n",
            "line 2: unknown key",
            "did you mean `rpm`?",
        ),
        ("max_tokens = 0\n", "`max_tokens` in `", "help config"),
        (
            "[profiles.work]\ntimeout = 5\n",
            "`timeout` of profile `work` in `",
            "help config",
        ),
        ("region = \n", "line 1: ", "help config"),
        (
            "base_url = 'https://api.langdock.com/anthropic/us'\nregion = 'eu'\n",
            "`region` in `",
            "--region us",
        ),
    ] {
        let path = config_file(&home, text);
        let outcome = send_in(&home).args(["-m", "m"]).run();
        outcome
            .stdout("")
            .failed(2, message, hint)
            .stderr_contains(path.to_str().unwrap());
        if !text.contains("base_url") {
            config(&home, &["set", "model", "x"]).failed(2, message, hint);
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
    config_file(&home, "a = '\u{e9}'\n");
    fs::write(home.config().join("config.toml"), b"model = 'm'\n# \xe9\n").unwrap();
    send_in(&home)
        .run()
        .failed(2, "line 2: it is not UTF-8", "help config");
}

#[test]
fn a_profile_that_is_not_there_is_named_with_the_nearest() {
    let (home, server) = (Home::new(), answering("ok"));
    let run = || send_in(&home).against(&server).env("LANGDOCK_MODEL", MODEL);
    run().args(["--profile", "work"]).run().failed(
        2,
        "`--profile`: no profile `work`",
        "[profiles.work]",
    );
    config_file(&home, "[profiles.work]\n[profiles.home]\n");
    run().args(["--profile", "wrok"]).run().failed(
        2,
        "`--profile`: no profile `wrok`",
        "did you mean `work`?",
    );
    let outcome = run().env("LANGDOCK_PROFILE", "xyz").run();
    outcome.failed(
        2,
        "`LANGDOCK_PROFILE`: no profile `xyz`",
        "profiles: work, home",
    );
    assert_eq!(server.connections(), 0);
    run()
        .args(["--profile", "home"])
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn a_file_that_cannot_be_read_is_left_out_with_a_notice_unless_it_was_named() {
    let (home, server) = (Home::new(), answering("ok"));
    let run = || send_in(&home).against(&server).env("LANGDOCK_MODEL", MODEL);
    // A directory at its path cannot be read as a file, even by root.
    let path = home.config().join("config.toml");
    fs::create_dir_all(&path).unwrap();
    run()
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_contains("cannot read the config file");
    run().env("LANGDOCK_CONFIG", &path).run().failed(
        2,
        "cannot read the config file",
        "LANGDOCK_CONFIG",
    );
    run()
        .env("LANGDOCK_CONFIG", "/nowhere/c.toml")
        .run()
        .failed(2, "`/nowhere/c.toml`", "LANGDOCK_CONFIG");
}

#[test]
fn a_home_that_does_not_exist_keeps_nothing_from_being_sent() {
    for home in ["/nowhere/at/all", "/dev/null"] {
        let server = answering("ok");
        let run = Langdock::new()
            .key()
            .against(&server)
            .env("LANGDOCK_MODEL", MODEL)
            .env("HOME", home);
        let run = run.env("XDG_CONFIG_HOME", format!("{home}/.config"));
        run.args(["send", "Hi"])
            .run()
            .code(0)
            .stdout("ok\n")
            .stderr_empty();
    }
}

#[test]
fn nothing_in_the_current_directory_is_read() {
    let (home, server) = (Home::new(), answering("ok"));
    for name in [
        "work/config.toml",
        "work/langdock/config.toml",
        "work/.langdock.toml",
        "work/langdock.toml",
    ] {
        home.write(name, "this is no config");
    }
    send_in(&home)
        .against(&server)
        .env("LANGDOCK_MODEL", MODEL)
        .run()
        .code(0)
        .stdout("ok\n")
        .stderr_empty();
}

#[test]
fn path_says_where_the_file_is_or_would_be() {
    let home = Home::new();
    config(&home, &["path"])
        .code(0)
        .stdout(format!("{}\n", home.config().join("config.toml").display()))
        .stderr_empty();
    let run = Langdock::new()
        .env("LANGDOCK_CONFIG", "/x/y.toml")
        .args(["config", "path"]);
    run.run().code(0).stdout("/x/y.toml\n").stderr_empty();
}

#[test]
fn get_prints_what_holds() {
    let home = Home::new();
    config_file(
        &home,
        "region = 'us'\napi_key_cmd = ['pass', 'show', 'x']\n[profiles.a]\nregion = 'ch'\n",
    );
    config(&home, &["get", "region"])
        .code(0)
        .stdout("us\n")
        .stderr_empty();
    config(&home, &["get", "region", "--profile", "a"])
        .code(0)
        .stdout("ch\n")
        .stderr_empty();
    config(&home, &["get", "api_key_cmd"])
        .code(0)
        .stdout("[\"pass\",\"show\",\"x\"]\n")
        .stderr_empty();
    config(&home, &["get", "reigon"]).failed(2, "no setting `reigon`", "did you mean `region`?");
    config(&home, &["get", "qqq"]).failed(2, "no setting `qqq`", "settings: region, base_url, ");
}

#[test]
fn set_keeps_comments_mode_and_links_and_writes_nothing_that_is_wrong() {
    let home = Home::new();
    let path = config_file(
        &home,
        "# mine\nregion = 'eu' # for now\n\n[profiles.a]\n# empty\n",
    );
    let real = home.path().join("dotfiles.toml");
    fs::rename(&path, &real).unwrap();
    symlink(&real, &path).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    config(&home, &["set", "region", "us"])
        .code(0)
        .stdout("")
        .stderr_empty();
    config(&home, &["set", "--profile", "a", "timeout", "1m"])
        .code(0)
        .stdout("")
        .stderr_empty();
    config(&home, &["set", "--profile", "a", "region", "de"])
        .code(0)
        .stderr(
            "langdock: region `de` is not in Langdock's documentation, which names eu, us, global, \
             ch\n",
        );
    config(&home, &["unset", "--profile", "a", "region"])
        .code(0)
        .stderr_empty();
    let expected = "# mine\nregion = \"us\" # for now\n\n[profiles.a]\ntimeout = \"1m\"\n# empty\n";
    assert_eq!(fs::read_to_string(&real).unwrap(), expected);
    assert!(path.is_symlink());
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    for (key, value, reason) in [
        ("region", "E U", "`E U` is not a region"),
        (
            "max_tokens",
            "-1",
            "`-1` is not a whole number from 1 to 4,294,967,295",
        ),
        (
            "max_tokens",
            "4294967296",
            "`4294967296` is not a whole number from 1 to 4,294,967,295",
        ),
        ("timeout", "long", "`long` is not a duration"),
        ("allow_http", "yes", "must be `true` or `false`"),
        (
            "api_key_cmd",
            "pass show x",
            "a list of a program and its arguments",
        ),
        ("base_url", "x", "the base URL `x`"),
    ] {
        let refused = config(&home, &["set", key, value]);
        refused
            .failed(2, &format!("`{key}` cannot be set: "), "help config")
            .stderr_contains(reason);
    }
    config(&home, &["set", "regoin", "us"]).failed(
        2,
        "no setting `regoin`",
        "did you mean `region`?",
    );
    assert_eq!(fs::read_to_string(&real).unwrap(), expected);
    let names: Vec<_> = fs::read_dir(home.config())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["config.toml"], "no temporary file is left");
}

#[test]
fn what_runs_unasked_is_set_shown_and_got_like_a_setting() {
    let home = Home::new();
    config(&home, &["set", "tools.allow", "[\"look\", \"add\"]"]).code(0);
    let file = fs::read_to_string(home.config().join("config.toml")).unwrap();
    assert_eq!(file, "[tools]\nallow = [\"look\", \"add\"]\n");
    config(&home, &["get", "tools.allow"])
        .code(0)
        .stdout("[\"look\",\"add\"]\n");
    config(&home, &["get", "tools.deny"]).code(0).stdout("");
    let shown = config(&home, &["show"]).code(0).stdout_text();
    let row = shown
        .lines()
        .find(|line| line.starts_with("tools.allow"))
        .expect("a row");
    assert!(
        row.contains("[\"look\",\"add\"]") && row.ends_with("config.toml:2"),
        "{row}"
    );
    config(&home, &["set", "tools.allow", "look"]).failed(
        2,
        "`tools.allow` cannot be set: must be a list of names",
        "help config",
    );
}

#[test]
fn unset_takes_a_key_out_and_leaves_all_else_as_it_is() {
    let home = Home::new();
    let text = "# mine\nregion = 'us' # for now\n# limits\n[limits.\"m\"]\nrpm = 9\n[tools]\nallow = ['a']\n\
                [profiles.work]\nregion = 'ch'\n";
    let path = config_file(&home, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let written = || fs::read_to_string(&path).unwrap();
    let mut expected = text.to_owned();
    for (args, line) in [
        (&["region"][..], "region = 'us' # for now\n"),
        (&["limits.m.rpm"], "[limits.\"m\"]\nrpm = 9\n"),
        (&["tools.allow"], "allow = ['a']\n"),
        (&["region", "--profile", "work"], "region = 'ch'\n"),
    ] {
        config(&home, &[&["unset"], args].concat())
            .code(0)
            .stdout("")
            .stderr_empty();
        expected = expected.replace(line, "");
        assert_eq!(written(), expected);
    }
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    config(&home, &["get", "region"])
        .code(0)
        .stdout("eu\n")
        .stderr_empty();
}

#[test]
fn unset_says_that_there_was_nothing_to_take_out() {
    let home = Home::new();
    config(&home, &["unset", "region"])
        .code(0)
        .stdout("")
        .stderr_contains("`region` is not set in ");
    assert!(!home.config().exists(), "nothing is written");
    let path = config_file(&home, "region = 'us'\n[profiles.work]\n");
    let outcome = Langdock::new()
        .home(&home)
        .env("LANGDOCK_PROFILE", "work")
        .args(["config", "unset", "region"])
        .run();
    outcome
        .code(0)
        .stdout("")
        .stderr_contains("profile `work` of `");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "region = 'us'\n[profiles.work]\n"
    );
}

#[test]
fn unset_refuses_what_is_no_key_and_what_is_no_profile() {
    let home = Home::new();
    let text = "region = 'us'\n[profiles.work]\n";
    let path = config_file(&home, text);
    config(&home, &["unset", "regoin"]).failed(2, "no setting `regoin`", "did you mean `region`?");
    config(&home, &["unset", "region", "--profile", "wrok"]).failed(
        2,
        "`--profile`: no profile `wrok`",
        "did you mean `work`?",
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn init_writes_a_file_of_comments_and_never_over_another() {
    let home = Home::new();
    config(&home, &["init"])
        .code(0)
        .stdout("")
        .stderr_contains("config.toml");
    let path = home.config().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.lines()
            .all(|line| line.is_empty() || line.starts_with('#')),
        "{text}"
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    config(&home, &["init"]).failed(2, "already exists", "config set");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    config(&home, &["set", "model", "m"]).code(0).stderr_empty();
    config(&home, &["get", "model"])
        .code(0)
        .stdout("m\n")
        .stderr_empty();
}

#[test]
fn the_password_of_a_proxy_is_not_shown() {
    let home = Home::new();
    config_file(&home, "proxy = 'http://me:hunter2@proxy:1'\n");
    let outcome = config(&home, &["show"]);
    outcome
        .code(0)
        .stderr_empty()
        .stdout_contains("http://…@proxy:1");
    assert!(!outcome.stdout_text().contains("hunter2"));
}

#[test]
fn set_writes_to_the_profile_that_the_variable_chooses() {
    let home = Home::new();
    let set = |args: &[&str]| {
        Langdock::new()
            .home(&home)
            .env("LANGDOCK_PROFILE", "work")
            .args(args)
            .run()
    };
    set(&["config", "set", "region", "us"])
        .code(0)
        .stderr_empty();
    set(&["config", "set", "region", "ch", "--profile", "other"])
        .code(0)
        .stderr_empty();
    let written = fs::read_to_string(home.config().join("config.toml")).unwrap();
    assert_eq!(
        written,
        "[profiles.work]\nregion = \"us\"\n\n[profiles.other]\nregion = \"ch\"\n"
    );
}

#[test]
fn a_timeout_of_nothing_is_refused_wherever_it_stands() {
    for flag in ["--connect-timeout", "--idle-timeout", "--timeout"] {
        let outcome = Langdock::new().key().args(["send", "Hi", flag, "0"]).run();
        outcome
            .code(2)
            .stdout("")
            .stderr_contains(flag)
            .stderr_contains("must be more than 0");
    }
    let home = Home::new();
    home.write(home.config().join("config.toml"), "timeout = '0s'\n");
    let outcome = Langdock::new().home(&home).key().args(["send", "Hi"]).run();
    outcome
        .code(2)
        .stdout("")
        .stderr_contains("line 1")
        .stderr_contains("must be more than 0");
    Langdock::new()
        .args(["config", "set", "timeout", "0s"])
        .run()
        .code(2)
        .stderr_contains("must be more than 0");
}

#[test]
fn the_config_file_is_edited_and_checked_afterwards() {
    let home = Home::new();
    let without = Langdock::new().home(&home).args(["config", "edit"]).run();
    without.code(2).stderr_contains("needs a terminal");
    assert!(!home.config().join("config.toml").exists());
    let edit = |line: &str| {
        let script = format!("printf '%s\\n' \"{line}\" >>\"$1\"\n");
        let editor = home.write("editor", script);
        let editor = format!("sh {}", editor.display());
        let run = Langdock::new().home(&home).env("VISUAL", editor);
        run.args(["config", "edit"]).on_terminal(80, 24).finish()
    };
    edit("region = 'us'").code(0);
    let get = Langdock::new()
        .home(&home)
        .args(["config", "get", "region"]);
    get.run().code(0).stdout("us\n");
    edit("regoin = 'eu'")
        .code(2)
        .stdout_contains("unknown key `regoin`");
}

#[test]
fn what_is_no_regular_file_is_not_changed_and_a_missing_target_of_a_link_is_created() {
    let home = Home::new();
    let (pipe, link) = (home.path().join("pipe"), home.path().join("link"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink(&pipe, &link).unwrap();
    for named in [&pipe, &link] {
        for args in [
            &["config", "set", "region", "us"][..],
            &["config", "unset", "region"],
            &["config", "unset", "profiles.work"],
            &["config", "edit"],
        ] {
            let run = Langdock::new().home(&home).env("LANGDOCK_CONFIG", named);
            let message = format!("cannot change `{}`: it is a named pipe", named.display());
            let refused = run.args(args).run();
            refused.failed(2, &message, "name a regular file");
        }
    }
    assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());

    let (real, dangling) = (
        home.path().join("dotfiles/langdock.toml"),
        home.path().join("config.toml"),
    );
    symlink("dotfiles/langdock.toml", &dangling).unwrap();
    let set = Langdock::new()
        .home(&home)
        .env("LANGDOCK_CONFIG", &dangling);
    set.args(["config", "set", "region", "us"]).run().code(0);
    assert_eq!(fs::read_to_string(&real).unwrap(), "region = \"us\"\n");
    assert!(dangling.is_symlink());
}

#[test]
fn a_table_of_prices_goes_with_its_last_price_and_a_template_may_be_none() {
    let home = Home::new();
    let before = "template = ''\n\n[prices.\"*\"]\ninput = 1\noutput = 2\n";
    let path = config_file(
        &home,
        &format!("{before}\n[prices.\"claude-x\"]\ninput = 7\n"),
    );
    config(&home, &["unset", "prices.claude-x.input"])
        .code(0)
        .stderr_empty();
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    config(&home, &["set", "template", ""]).code(0);
    let server = answering("ok");
    let send = send_in(&home).against(&server).env("LANGDOCK_MODEL", MODEL);
    send.run().code(0).stdout("ok\n");
}

#[test]
fn settings_that_are_set_at_the_same_time_are_all_kept() {
    let home = Home::new();
    let set = |n: usize| {
        let key = format!("limits.claude-m{n}.rpm");
        let run = Langdock::new().home(&home);
        run.args(["config", "set", &key, "7"]).spawn()
    };
    let running: Vec<_> = (0..20).map(set).collect();
    for process in running {
        process.finish().code(0).stderr_empty();
    }
    let text = fs::read_to_string(home.config().join("config.toml")).unwrap();
    assert_eq!(text.matches("rpm = 7\n").count(), 20, "{text}");
    let names: Vec<_> = fs::read_dir(home.config())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["config.toml"], "the lock leaves nothing");
}

#[test]
fn unset_removes_a_table_by_its_name() {
    let home = Home::new();
    let rest = "region = 'us'\n\n[limits.m]\nrpm = 1\n";
    let text = format!("{rest}\n[profiles.work]\nmodel = 'm'\ntop_p = 1\n");
    let path = config_file(&home, &text);
    config(&home, &["unset", "profiles.work"])
        .code(0)
        .stderr_empty();
    assert_eq!(fs::read_to_string(&path).unwrap(), rest);
    config(&home, &["unset", "profiles.work"])
        .code(0)
        .stderr_contains("`profiles.work` is not set in `");
    config(&home, &["unset", "profiles.work.model"]).failed(
        2,
        "no setting `profiles.work.model`",
        "`langdock config set --profile NAME KEY VALUE`",
    );
    config(&home, &["unset", "limits.m.rpm"]).code(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "region = 'us'\n");
}

#[test]
fn a_flag_of_the_setting_that_is_set_is_said_to_be_ignored() {
    let home = Home::new();
    config(&home, &["set", "--region", "us", "region", "eu"])
        .code(0)
        .stderr("langdock: ignoring --region: `config set` takes its value as an argument\n");
    config(&home, &["set", "--region", "us", "model", "m"])
        .code(0)
        .stderr_empty();
    config(&home, &["get", "region"]).code(0).stdout("eu\n");
}

#[test]
fn the_hint_for_a_model_that_does_not_exist_says_where_it_was_set() {
    let home = Home::new();
    let path = config_file(&home, "model = 'opuss'\n");
    let demo = |args: &[&str]| {
        let run = Langdock::new().home(&home).args(["--demo", "send", "-I"]);
        run.args(args).run()
    };
    let origin = format!(
        "did you mean -m opus? The model comes from `model` in `{}`, line 1",
        path.display()
    );
    demo(&["Hi"])
        .code(3)
        .stderr_contains("cannot use model `opuss`")
        .stderr_contains(&origin);
    demo(&["-m", "opuss", "Hi"])
        .code(3)
        .stderr_lacks("comes from");
}
