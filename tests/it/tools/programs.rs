//! Which programs are started: those that were asked for, shown and not changed since.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::files::executable;
use super::{calling, done, failure, playing, results, tool_run};
use crate::support::{command::Langdock, home::Home, outcome::Outcome};

/// A program that describes itself and notes that it was started.
const WEATHER: &str = "#!/bin/sh\necho started >> \"$HOME/started\"\n\
    if [ \"$1\" = --schema ]; then\n  \
    echo '{\"name\": \"weather\", \"description\": \"Says it.\", \"input_schema\": {\"type\": \"object\"}}'\n\
    else\n  echo sunny\nfi\n";

fn was_started(home: &Home) -> bool {
    home.path().join("started").exists()
}

/// Makes a home with the program `weather` in the directory of the tools.
fn home_with_weather() -> Home {
    let home = Home::new();
    executable(home.write(home.config().join("tools/weather"), WEATHER));
    home
}

fn list(home: &Home, args: &[&str]) -> Outcome {
    Langdock::new()
        .home(home)
        .args(["tool-run", "--list"])
        .args(args)
        .run()
}

#[test]
fn a_program_that_is_named_starts_only_if_it_is_allowed() {
    let home = home_with_weather();
    let refused = list(&home, &["-T", "weather"]);
    refused.failed(2, "which is not allowed to start", "--allow-tool weather");
    let send = Langdock::new()
        .home(&home)
        .key()
        .args(["send", "-m", "m", "-T", "weather", "Hi"])
        .run();
    send.failed(2, "which is not allowed to start", "use its path: -T ");
    assert!(!was_started(&home));
    for allowing in [&["-y"][..], &["--allow-tool", "weather"]] {
        let args = [&["-T", "weather"], allowing].concat();
        list(&home, &args).code(0).stdout_contains("weather  ");
    }
    home.write(
        home.config().join("config.toml"),
        "[tools]\nallow = ['weather']\n",
    );
    list(&home, &["-T", "weather"])
        .code(0)
        .stdout_contains("weather  ");
}

#[test]
fn a_program_that_is_named_starts_after_a_yes() {
    for (answer, code) in [("n\r", 2), ("y\r", 0)] {
        let home = home_with_weather();
        let terminal = Langdock::new()
            .home(&home)
            .args(["tool-run", "--list", "-T", "weather"])
            .on_terminal(120, 24);
        terminal.wait_for("start the program `").wait_for("[y/N] ");
        assert!(!was_started(&home));
        terminal.keys(answer);
        terminal.finish().code(code);
        assert_eq!(was_started(&home), code == 0);
    }
}

#[test]
fn a_program_that_is_named_and_changes_during_the_question_is_not_started() {
    let home = home_with_weather();
    let terminal = Langdock::new()
        .home(&home)
        .args(["tool-run", "--list", "-T", "weather"])
        .on_terminal(120, 24);
    terminal.wait_for("[y/N] ");
    executable(home.write(
        home.config().join("tools/weather"),
        "#!/bin/sh\ntouch evil\n",
    ));
    terminal.keys("y\r");
    let outcome = terminal.finish();
    outcome
        .code(2)
        .stdout_contains("changed after it was shown");
    assert!(!was_started(&home) && !home.work().join("evil").exists());
}

#[test]
fn a_program_that_everybody_can_write_needs_a_yes_in_any_case() {
    let home = Home::new();
    let path = home.write("work/weather", WEATHER);
    fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    list(&home, &["-y", "-T", "./weather"])
        .code(2)
        .stderr_contains("it is world-writable (mode 777)")
        .stderr_contains("chmod o-w ./weather");
    assert!(!was_started(&home));

    let file = "[[tool]]\nname = \"weather\"\ninput_schema = { type = \"object\" }\n\
                command = [\"./weather\"]\n";
    home.write("work/t.toml", file);
    let server = playing(&[calling(&[("weather", json!({}))]), done("Done.")]);
    let run = tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "--allow-tool", "weather", "Hi"])
        .run();
    run.code(0).stdout("Done.\n");
    assert_eq!(
        results(&server.requests()[1].json())[0]["is_error"],
        json!(true)
    );
    Langdock::new()
        .home(&home)
        .args(["tool-run", "-T", "./t.toml", "--call", "weather", "{}"])
        .run()
        .code(2)
        .stderr_contains("it is world-writable");
    assert!(!was_started(&home));
}

#[test]
fn a_program_that_everybody_can_replace_needs_a_yes_in_any_case() {
    let home = Home::new();
    executable(home.write("work/open/weather", WEATHER));
    let open = home.work().join("open");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    list(&home, &["-y", "-T", "./open/weather"])
        .code(2)
        .stderr_contains("./open` is world-writable (mode 777)")
        .stderr_contains("then run `chmod o-w ./open`");
    assert!(!was_started(&home));
    // What only its owner can remove from there is not replaced by others.
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).unwrap();
    list(&home, &["-y", "-T", "./open/weather"]).code(0);
}

#[test]
fn a_program_that_others_can_write_gives_no_key() {
    let home = Home::new();
    let path = home.write(
        "work/key",
        "#!/bin/sh\ntouch evil\necho sk-ld-0123456789abcdef\n",
    );
    fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    let server = crate::support::sending::answering("ok");
    let config = format!(
        "base_url = '{}'\nmodel = 'm'\napi_key_cmd = ['{}']\n",
        server.url(),
        path.display()
    );
    home.write(home.config().join("config.toml"), config);
    Langdock::new()
        .home(&home)
        .args(["send", "Hi"])
        .run()
        .failed(2, ": it is world-writable (mode 777)", "chmod o-w");
    assert!(!home.work().join("evil").exists());
}

#[test]
fn the_program_that_was_found_is_run_in_whatever_directory() {
    let home = Home::new();
    executable(home.write("work/bin/greet", "#!/bin/sh\necho found\n"));
    executable(home.write("work/sub/bin/greet", "#!/bin/sh\necho other\n"));
    let tool = "[[tool]]\nname = \"t\"\ninput_schema = { type = \"object\" }\n\
                command = [\"greet\"]\ncwd = \"sub\"\n";
    home.write("work/t.toml", tool);
    Langdock::new()
        .home(&home)
        .env("PATH", "bin:/usr/bin:/bin")
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
        .run()
        .code(0)
        .stdout("found\n");
}

#[test]
fn a_program_that_changed_since_it_was_shown_is_not_run() {
    let home = Home::new();
    executable(home.write(
        "work/first",
        "#!/bin/sh\nprintf '#!/bin/sh\\ntouch evil\\n' > second\n",
    ));
    executable(home.write("work/second", "#!/bin/sh\necho fine\n"));
    let tool = |name: &str| {
        format!(
            "[[tool]]\nname = \"{name}\"\ninput_schema = {{ type = \"object\" }}\ncommand = [\"./{name}\"]\n"
        )
    };
    home.write("work/t.toml", tool("first") + &tool("second"));
    let server = playing(&[
        calling(&[("first", json!({}))]),
        calling(&[("second", json!({}))]),
        done("Done."),
    ]);
    tool_run(&server)
        .home(&home)
        .args(["-T", "./t.toml", "-y", "Hi"])
        .run()
        .code(0)
        .stdout("Done.\n");
    let expected = failure(
        "t1_2",
        "the program of this tool has changed since the user was shown it, so this call did not run",
    );
    assert_eq!(results(&server.requests()[2].json()), [expected]);
    assert!(!home.work().join("evil").exists());
}

#[test]
fn an_empty_element_of_path_is_not_the_current_directory() {
    let home = Home::new();
    executable(home.write("work/my-tool", "#!/bin/sh\ntouch evil\n"));
    let file =
        "[[tool]]\nname = \"t\"\ninput_schema = { type = \"object\" }\ncommand = [\"my-tool\"]\n";
    home.write("work/t.toml", file);
    let path = format!(":{}", std::env::var("PATH").unwrap());
    Langdock::new()
        .home(&home)
        .env("PATH", &path)
        .args(["tool-run", "-T", "./t.toml", "--call", "t", "{}"])
        .run()
        .failed(2, "program `my-tool` not found in PATH", "langdock help");
    home.write("work/s.toml", super::toml("s", "my-tool || echo none", ""));
    Langdock::new()
        .home(&home)
        .env("PATH", &path)
        .args(["tool-run", "-T", "./s.toml", "--call", "s", "{}"])
        .run()
        .code(0)
        .stdout("none\n");
    let server = crate::support::sending::answering("ok");
    let config = format!(
        "base_url = '{}'\nmodel = 'm'\napi_key_cmd = ['my-tool']\n",
        server.url()
    );
    home.write(home.config().join("config.toml"), config);
    Langdock::new()
        .home(&home)
        .env("PATH", &path)
        .args(["send", "Hi"])
        .run()
        .code(4)
        .stderr_contains("not found in PATH");
    let config = format!(
        "base_url = '{}'\nmodel = 'm'\napi_key_cmd = ['sh', '-c', 'my-tool; echo sk-ld-1']\n",
        server.url()
    );
    home.write(home.config().join("config.toml"), config);
    Langdock::new()
        .home(&home)
        .env("PATH", &path)
        .args(["send", "Hi"])
        .run()
        .code(0);
    for (variable, args, code) in [
        ("EDITOR", &["send", "-m", "m", "-e"][..], 2),
        ("PAGER", &["help", "environment"], 0),
    ] {
        Langdock::new()
            .home(&home)
            .env("PATH", &path)
            .env(variable, "my-tool")
            .args(args)
            .on_terminal(80, 5)
            .finish()
            .code(code);
    }
    assert!(!home.work().join("evil").exists());
}
