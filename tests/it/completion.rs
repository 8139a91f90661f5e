//! What the program answers to its completion scripts. What the shells make of it is the matter of
//! `tests/completions/run`.

use crate::support::{command::Langdock, home::Home};

/// Returns the lines that the script of a shell gets for the last of these words.
fn lines(home: &Home, shell: &str, words: &[&str]) -> Vec<String> {
    lines_for(home, shell, "0", words)
}

/// The same on a screen of this many columns.
fn lines_for(home: &Home, shell: &str, columns: &str, words: &[&str]) -> Vec<String> {
    let index = (words.len() - 1).to_string();
    let outcome = Langdock::new()
        .home(home)
        .env("_LANGDOCK_COMPLETE", shell)
        .args(["--", &index, columns])
        .args(words)
        .run();
    let text = outcome.code(0).stderr_empty().stdout_text();
    text.lines().map(str::to_owned).collect()
}

/// Returns the values that are offered for the last word.
fn values(home: &Home, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let lines = lines(home, "fish", &words);
    assert_eq!(lines[0], "words", "{line}");
    let value = |line: &String| line.split('\t').next().unwrap_or_default().to_owned();
    lines[1..].iter().map(value).collect()
}

fn has(home: &Home, line: &str, expected: &[&str]) {
    let values = values(home, line);
    for value in expected {
        assert!(
            values.iter().any(|found| found == value),
            "{line}: {values:?}"
        );
    }
}

#[test]
fn each_value_is_offered_where_it_is_meant() {
    let home = Home::new();
    home.write(
        home.config().join("config.toml"),
        "[profiles.work]\nregion = 'us'\n[limits.m]\nrpm = 1\n",
    );
    home.write(home.config().join("templates/review.md"), "{{stdin}}");
    let tool = "[[tool]]\nname = 'look_up'\ninput_schema = { type = 'object' }\n";
    home.write(home.config().join("tools/weather.toml"), tool);
    home.write(
        home.state().join("models/0.json"),
        r#"{"asked_at": 0, "data": [{"id": "model-of-the-list"}]}"#,
    );
    for (line, expected) in [
        ("langdock se", &["send", "session"][..]),
        ("langdock send --reg", &["--region"]),
        ("langdock send --region ", &["eu", "us", "global", "ch"]),
        (
            "langdock send -m ",
            &["opus", "sonnet", "haiku", "fable", "model-of-the-list"],
        ),
        ("langdock config set model model", &["model-of-the-list"]),
        (
            "langdock --demo send -m claude-3-h",
            &["claude-3-haiku-20240307"],
        ),
        ("langdock --profile ", &["work"]),
        ("langdock send -t ", &["review"]),
        ("langdock template show r", &["review"]),
        ("langdock tool-run -T ", &["weather"]),
        ("langdock tool-run -T weather --allow-tool ", &["look_up"]),
        ("langdock tool-run -T weather --call ", &["look_up"]),
        (
            "langdock send -T weather --tool-choice ",
            &["auto", "any", "none", "look_up"],
        ),
        (
            "langdock config get ",
            &["region", "temperature", "limits.\"m\".rpm"],
        ),
        ("langdock config set allow_http ", &["true", "false"]),
        ("langdock config set effort ", &["low", "max"]),
        (
            "langdock help ",
            &["exit-codes", "environment", "regions", "secrets", "send"],
        ),
        ("langdock help config s", &["show", "set"]),
        ("langdock send -x --lang ty", &["typescript"]),
        ("langdock send --cache ", &["auto", "off", "5m", "1h"]),
        ("langdock send --color a", &["auto", "always"]),
        ("langdock completions ", &["bash", "fish", "zsh"]),
    ] {
        has(&home, line, expected);
    }
    for line in [
        "langdock send some",
        "langdock help no",
        "langdock session show no",
    ] {
        assert_eq!(values(&home, line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_tools_file_of_the_current_directory_is_offered_as_a_path() {
    let home = Home::new();
    home.write("work/weather.toml", "");
    home.write("work/web.txt", "");
    home.write(home.config().join("tools/webhook.toml"), "");
    let offered = values(&home, "langdock tool-run -T we");
    assert_eq!(offered, ["webhook", "./weather.toml"]);
    let offered = values(&home, "langdock tool-run -T ");
    assert_eq!(offered, ["webhook"]);
}

#[test]
fn files_are_left_to_the_shell_and_only_where_a_path_is_meant() {
    let home = Home::new();
    for (words, expected) in [
        (&["langdock", "send", "-f", ""][..], "files\t"),
        (&["langdock", "send", "--file=x"], "files\t--file="),
        (&["langdock", "send", "-s", "@x"], "files\t@"),
        (&["langdock", "send", "-T", "./x"], "files\t"),
        (&["langdock", "send", "-t", "x"], "words"),
        (&["langdock", "merge", "x"], "files\t"),
        (&["langdock", "config", "set", "cacert", "x"], "files\t"),
        (&["langdock", "send", "-m", "x"], "words"),
    ] {
        assert_eq!(lines(&home, "fish", words)[0], expected, "{words:?}");
    }
}

#[test]
fn conversations_are_offered_by_name_or_id_with_their_titles_most_recent_first() {
    let home = Home::new();
    let ask = |args: &[&str]| {
        let demo = Langdock::new()
            .home(&home)
            .args(["--demo", "tool-run", "-I"]);
        demo.args(args).run().code(0);
    };
    ask(&["--session", "older one", "Hi"]);
    ask(&["What is new?"]);
    let offered = lines(
        &home,
        "fish",
        &["langdock", "--demo", "session", "show", ""],
    );
    assert_eq!(offered.len(), 3, "{offered:?}");
    assert!(offered[1].contains("\tWhat is new? ("), "{offered:?}");
    assert!(offered[2].starts_with("older one\t"), "{offered:?}");
    let real = lines(&home, "fish", &["langdock", "session", "show", ""]);
    assert!(
        real.iter().all(|line| !line.contains("older one")),
        "{real:?}"
    );
    for (shell, expected) in [
        ("bash", "'older one'"),
        ("zsh", "older one:"),
        ("fish", "older one\t"),
    ] {
        let offered = lines(
            &home,
            shell,
            &["langdock", "--demo", "chat", "--session", "old"],
        );
        assert!(offered[1].starts_with(expected), "{shell}: {offered:?}");
    }
}

#[test]
fn bash_hands_over_words_as_it_breaks_them() {
    let home = Home::new();
    for words in [
        &["langdock", "send", "--region", "=", "gl"][..],
        &["langdock", "send", "--region", "gl"],
        &["langdock", "send", "--region", "'gl"],
    ] {
        assert_eq!(
            lines(&home, "bash", words),
            ["words", "global"],
            "{words:?}"
        );
    }
    let words = ["langdock", "send", "-s", "@", "fi"];
    assert_eq!(lines(&home, "bash", &words), ["files\t@"]);
}

#[test]
fn a_name_with_a_space_can_be_completed_from_what_several_have_in_common() {
    let home = Home::new();
    for name in ["old notes one", "old notes two", "odd"] {
        let demo =
            Langdock::new()
                .home(&home)
                .args(["--demo", "tool-run", "-I", "--session", name, "Hi"]);
        demo.run().code(0);
    }
    let offered = |word: &str| {
        let words = ["langdock", "--demo", "session", "show", word];
        lines_for(&home, "bash", "80", &words)
    };
    for word in ["old\\ notes\\ o", "'old notes o"] {
        let words = ["langdock", "--demo", "session", "show", word];
        let found = lines(&home, "fish", &words);
        assert!(found[1].starts_with("old notes one\t"), "{word}: {found:?}");
    }
    let mut quoted = offered("old");
    quoted.sort();
    assert_eq!(quoted, ["'old notes one'", "'old notes two'", "words"]);
    for (word, count) in [("o", 3), ("'old", 2)] {
        let listed = offered(word);
        assert_eq!(listed.len(), 1 + count, "{listed:?}");
        let is_described = |line: &String| line.starts_with('o') && line.contains("  -- ");
        assert!(listed[1..].iter().all(is_described), "{listed:?}");
    }
}

#[test]
fn the_variable_alone_changes_nothing() {
    for args in [
        &["--version"][..],
        &["config", "path"],
        &["--", "1", "x"],
        &["--", "9", "0", "a"],
    ] {
        let plain = Langdock::new().args(args).run();
        let with = Langdock::new()
            .env("_LANGDOCK_COMPLETE", "bash")
            .args(args)
            .run();
        assert_eq!(with.stderr, plain.stderr, "{args:?}");
        assert!(!with.stdout_text().starts_with("words"), "{args:?}");
    }
    let version = Langdock::new()
        .env("_LANGDOCK_COMPLETE", "bash")
        .args(["--version"]);
    version.run().code(0).stdout_contains("langdock ");
}

#[test]
fn mcp_servers_are_offered_by_name_and_files_too() {
    let home = Home::new();
    let servers = "[mcp.files]\ncommand = 'x'\n[mcp.search]\nurl = 'https://mcp.example'\n";
    home.write(home.config().join("config.toml"), servers);
    for line in [
        "langdock tool-run --mcp ",
        "langdock chat --mcp ",
        "langdock mcp call ",
        "langdock mcp tools ",
        "langdock mcp tools files ",
        "langdock mcp doctor ",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let lines = lines(&home, "fish", &words);
        assert!(lines[0].starts_with("files"), "{line}: {lines:?}");
        for name in ["files", "search"] {
            let is_offered = lines[1..]
                .iter()
                .any(|it| it.split('\t').next() == Some(name));
            assert!(is_offered, "{line}: {lines:?}");
        }
    }
    let words = ["langdock", "mcp", "call", "se"];
    assert_eq!(lines(&home, "fish", &words)[1..], ["search\t"]);
}
