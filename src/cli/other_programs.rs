//! Flags and commands of other programs, each with what does the same here. They are only hints:
//! none of these names works, so that a script does not depend on one.

use super::definition::command_line;

/// Flags of other programs that mean the same.
struct OtherFlag {
    /// Their names, with the hyphens.
    names: &'static [&'static str],
    /// The flag that the hint names, without hyphens: other commands do not get the hint. If it is
    /// empty, all do.
    flag: &'static str,
    /// The command that the hint names where the line has none.
    command: &'static str,
    /// What to type; `{command}` is the command.
    hint: &'static str,
}

/// Commands of other programs that mean the same.
struct OtherCommand {
    /// The command that they follow; empty for one that follows the program's name.
    after: &'static str,
    /// Their names.
    names: &'static [&'static str],
    /// What to type.
    hint: &'static str,
}

const OTHER_FLAGS: &[OtherFlag] = &[
    flag(
        &["-p", "--print", "--non-interactive", "--once"],
        "",
        "no flag is needed: `langdock send 'PROMPT'` prints the answer and exits",
    ),
    flag(
        &["--prompt", "--message", "--query", "--question"],
        "file",
        "the prompt needs no flag: `langdock {command} 'PROMPT'`",
    ),
    flag(
        &["-i", "--interactive", "--repl"],
        "",
        "`langdock chat` is interactive",
    ),
    OtherFlag {
        command: "chat",
        ..flag(
            &["-c", "-r", "--continue", "--resume", "--last", "--history"],
            "continue",
            "`langdock {command} -c` continues the last conversation, --session NAME another one",
        )
    },
    flag(
        &["-c", "--continue", "--resume"],
        "retry-failed",
        "no flag is needed: the same command continues a batch; --retry-failed also retries what \
         failed",
    ),
    flag(
        &[
            "--conversation",
            "--conversation-id",
            "--cid",
            "--session-id",
            "--thread",
        ],
        "session",
        "--session NAME continues the conversation of that name, or starts it",
    ),
    flag(
        &[
            "--no-save",
            "--no-session",
            "--no-session-persistence",
            "--no-history",
        ],
        "no-log",
        "-n saves no conversation",
    ),
    flag(
        &["--image", "--images", "--picture", "--pdf", "--document"],
        "attach",
        "-a PATH attaches an image or a PDF, -f PATH any file",
    ),
    flag(
        &[
            "--add-dir",
            "--dir",
            "--directory",
            "--context",
            "--fragment",
        ],
        "file",
        "-f PATH sends a file, a directory or a quoted glob",
    ),
    flag(
        &["--stdin"],
        "no-stdin",
        "no flag is needed: standard input is read if it is a pipe or a file",
    ),
    flag(
        &["--output-format", "--format", "--response-format"],
        "jsonl",
        "--json prints the answer as a JSON object, --jsonl each event as it arrives",
    ),
    flag(
        &["--output-format", "--format"],
        "json",
        "--json prints JSON",
    ),
    flag(
        &["--input-format"],
        "messages",
        "--messages FILE reads a conversation or a whole request as JSON",
    ),
    flag(
        &["--json-schema", "--output-schema"],
        "schema",
        "--schema FILE makes the answer match a JSON schema",
    ),
    flag(
        &["--code", "--code-only"],
        "extract",
        "-x prints only the first code block of the answer",
    ),
    flag(
        &["--stream"],
        "no-stream",
        "no flag is needed: answers are streamed unless --no-stream is given",
    ),
    flag(
        &["--api-key", "--apikey", "--key", "--token"],
        "",
        "a key on the command line would be visible to other users: store it with `langdock auth \
         login`, or set LANGDOCK_API_KEY",
    ),
    flag(
        &["--url", "--endpoint", "--host", "--api-base", "--api-url"],
        "base-url",
        "--base-url URL chooses another endpoint",
    ),
    flag(
        &["-k", "--insecure", "--no-verify"],
        "cacert",
        "certificates are always checked; --cacert FILE trusts another issuer",
    ),
    flag(
        &[
            "--system-prompt",
            "--append-system-prompt",
            "--system-prompt-file",
            "--instructions",
        ],
        "system",
        "-s TEXT sets the system prompt, -s @FILE reads it from a file",
    ),
    flag(
        &["--role", "--agent", "--persona", "--preset"],
        "template",
        "-t NAME uses a saved prompt; `langdock help template` explains saved prompts",
    ),
    flag(
        &["--temp"],
        "temperature",
        "--temperature X sets the temperature",
    ),
    flag(
        &[
            "--think",
            "--reasoning",
            "--reasoning-effort",
            "--thinking-budget",
        ],
        "thinking",
        "--thinking N sets the tokens for thinking, --effort LEVEL how much the model thinks",
    ),
    flag(
        &["--no-cache"],
        "cache",
        "`--cache off` leaves the prompt cache alone",
    ),
    flag(
        &["--list-models", "--models"],
        "",
        "`langdock models` lists the models",
    ),
    flag(
        &["--list-sessions", "--list-conversations"],
        "",
        "`langdock session list` lists the conversations",
    ),
    flag(
        &["--tools", "--functions"],
        "tool",
        "-T FILE adds the tools of a file, --mcp NAME those of an MCP server",
    ),
    flag(
        &["--mcp-config", "--mcp-server"],
        "mcp",
        "--mcp FILE starts the MCP servers of a file, --mcp NAME one from the config file",
    ),
    flag(
        &["--allowedTools", "--allowed-tools"],
        "allow-tool",
        "--allow-tool NAME runs that tool without asking; repeat it for each tool",
    ),
    flag(
        &["--disallowedTools", "--disallowed-tools"],
        "deny-tool",
        "--deny-tool NAME never runs that tool; repeat it for each tool",
    ),
    flag(
        &[
            "--yolo",
            "--dangerously-skip-permissions",
            "--full-auto",
            "--auto-approve",
        ],
        "yes",
        "-y runs every tool without asking, --allow-tool NAME only one",
    ),
    flag(
        &["--debug", "--trace"],
        "verbose",
        "-v shows what is done, -vv also requests and headers",
    ),
    flag(
        &["--silent"],
        "quiet",
        "-q shows only the answer and errors",
    ),
    flag(
        &["--no-color", "--no-colour"],
        "color",
        "`--color never`, or NO_COLOR=1, turns colours off",
    ),
];

const OTHER_COMMANDS: &[OtherCommand] = &[
    command(
        "",
        &["login", "signin", "key", "keys", "token"],
        "`langdock auth login` stores the key, `langdock auth status` shows which one is used",
    ),
    command(
        "",
        &["logout"],
        "`langdock auth logout` removes the stored key",
    ),
    command(
        "",
        &["ask", "prompt", "query", "say", "generate"],
        "`langdock send 'PROMPT'` sends a prompt",
    ),
    command(
        "",
        &["run", "exec", "agent"],
        "`langdock send 'PROMPT'` sends a prompt, `langdock tool-run 'PROMPT'` also runs the tools \
         that the model calls",
    ),
    command(
        "",
        &["repl", "shell", "talk", "interactive"],
        "`langdock chat` is an interactive conversation",
    ),
    command(
        "",
        &["continue", "resume"],
        "`langdock chat -c` continues the last conversation",
    ),
    command(
        "",
        &["history", "conversations", "log", "logs"],
        "`langdock session list` lists the conversations, `langdock session show --last` prints \
         the last one",
    ),
    command(
        "",
        &["init", "setup", "configure"],
        "`langdock auth login` stores the key, `langdock config init` writes a config file to edit",
    ),
    command(
        "",
        &["set", "get", "settings", "alias"],
        "`langdock config set KEY VALUE` changes a setting, `langdock config show` lists them",
    ),
    command(
        "",
        &["tools", "tool"],
        "`langdock tool-run --list` lists the tools that a model may call",
    ),
    command(
        "",
        &["tokens", "cost", "costs", "stats"],
        "`langdock count` estimates the tokens of a request, `langdock usage` sums up what was \
         used",
    ),
    command(
        "",
        &["status", "test", "ping", "check", "diagnose"],
        "`langdock doctor` checks the key, the connection and the settings",
    ),
    command(
        "",
        &["update", "upgrade"],
        "langdock does not update itself: install the new version the way you installed this one",
    ),
    command("", &["version"], "`langdock --version` prints the version"),
    command("models", &["list", "ls"], "`langdock models` lists them"),
    command(
        "auth",
        &["set", "add", "key", "token"],
        "`langdock auth login` stores the key",
    ),
    command(
        "auth",
        &["show", "get", "list", "whoami"],
        "`langdock auth status` shows which key is used",
    ),
    command(
        "auth",
        &["remove", "delete", "rm", "revoke"],
        "`langdock auth logout` removes the stored key",
    ),
    command(
        "config",
        &["list", "ls"],
        "`langdock config show` lists the settings",
    ),
    command(
        "config",
        &["add", "put"],
        "`langdock config set KEY VALUE` changes a setting",
    ),
    command(
        "config",
        &["remove", "delete", "rm"],
        "`langdock config unset KEY` removes a setting",
    ),
    command(
        "session",
        &["delete", "remove"],
        "`langdock session rm NAME` deletes a conversation",
    ),
    command(
        "session",
        &["new", "create", "start", "continue", "resume", "open"],
        "`langdock chat --session NAME` continues a conversation, or starts it",
    ),
    command(
        "mcp",
        &["add", "install"],
        "`langdock config edit` opens the config file, where a table [mcp.NAME] is a server; \
         `langdock mcp import FILE` copies the servers of another program",
    ),
    command(
        "mcp",
        &["remove", "delete", "rm"],
        "`langdock config unset mcp.NAME` removes a server",
    ),
    command(
        "template",
        &["add", "new", "create", "edit", "save"],
        "a template is a file; `langdock help template` says where it is and what is in it",
    ),
];

const fn flag(names: &'static [&'static str], flag: &'static str, hint: &'static str) -> OtherFlag {
    OtherFlag {
        names,
        flag,
        command: "send",
        hint,
    }
}

const fn command(
    after: &'static str,
    names: &'static [&'static str],
    hint: &'static str,
) -> OtherCommand {
    OtherCommand { after, names, hint }
}

/// Returns what to type for a flag of another program, unless the command has no such flag.
/// `command` is the words of the command, none if it is missing.
pub(super) fn hint_for_flag(flag: &str, command: &[String]) -> Option<String> {
    let mut rows = OTHER_FLAGS.iter().filter(|row| row.names.contains(&flag));
    let row =
        rows.find(|row| row.flag.is_empty() || command.is_empty() || has(command, row.flag))?;
    let name = match command {
        [] => row.command.to_owned(),
        words => words.join(" "),
    };
    Some(row.hint.replace("{command}", &name))
}

/// Returns what to type for a command of another program; `after` is the command before it.
pub(super) fn hint_for_command(word: &str, after: Option<&str>) -> Option<String> {
    let after = after.unwrap_or_default();
    let mut rows = OTHER_COMMANDS.iter();
    let row = rows.find(|row| row.after == after && row.names.contains(&word))?;
    Some(row.hint.to_owned())
}

/// Returns whether a command has a flag of this long name.
fn has(command: &[String], flag: &str) -> bool {
    let program = command_line();
    let found = command
        .iter()
        .try_fold(&program, |command, word| command.find_subcommand(word));
    let mut flags = found.into_iter().flat_map(clap::Command::get_arguments);
    flags.any(|known| known.get_long() == Some(flag))
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    /// The commands that have all flags which hints name.
    const HINTED: [&str; 3] = ["send", "tool-run", "batch"];

    /// Whether the command line knows these words, whatever values are missing.
    fn is_known(words: &[&str]) -> bool {
        let given = ["langdock"].iter().chain(words);
        let error = command_line().try_get_matches_from(given).err();
        let kind = error.map(|error| error.kind());
        !matches!(
            kind,
            Some(ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand)
        )
    }

    #[test]
    fn no_name_is_one_of_ours() {
        for row in OTHER_FLAGS {
            for name in row.names.iter().filter(|name| name.starts_with("--")) {
                // `-c` and `--continue` are ours, and hinted at where no command precedes them.
                assert!(
                    ["continue", "retry-failed"].contains(&row.flag)
                        || !is_known(&[row.command, name]),
                    "{name}"
                );
            }
        }
        for row in OTHER_COMMANDS {
            for name in row.names {
                let words: Vec<&str> = row.after.split_whitespace().chain([*name]).collect();
                assert!(!is_known(&words), "{words:?}");
            }
        }
    }

    #[test]
    fn what_a_hint_names_exists() {
        let flags = OTHER_FLAGS.iter().map(|row| (row.hint, row.command));
        let commands = OTHER_COMMANDS.iter().map(|row| (row.hint, "send"));
        for (hint, command) in flags.chain(commands) {
            let hint = hint.replace("{command}", command);
            for line in hint.split("`langdock ").skip(1) {
                let line = line.split('`').next().unwrap_or_default();
                let words: Vec<&str> = line.split_whitespace().collect();
                assert!(is_known(&words), "{line}");
            }
            for word in hint.split([' ', '`', ',', ';']) {
                let is_flag = word.starts_with('-') && word != "--version" && word != "--list";
                let has_it = HINTED.iter().any(|name| is_known(&[name, word]));
                assert!(!is_flag || has_it || word == "--last", "{hint}");
            }
        }
        for row in OTHER_FLAGS.iter().filter(|row| !row.flag.is_empty()) {
            assert!(
                HINTED
                    .iter()
                    .any(|name| has(&[(*name).to_owned()], row.flag)),
                "{}",
                row.flag
            );
        }
    }

    #[test]
    fn a_hint_is_for_the_command_at_hand_and_for_those_with_the_flag() {
        let hint = |flag, command: &[&str]| {
            let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
            hint_for_flag(flag, &command)
        };
        for (flag, command, expected) in [
            (
                "--resume",
                &["tool-run"][..],
                Some(
                    "`langdock tool-run -c` continues the last conversation, --session NAME \
                     another one",
                ),
            ),
            (
                "--continue",
                &[],
                Some(
                    "`langdock chat -c` continues the last conversation, --session NAME another \
                     one",
                ),
            ),
            ("--resume", &["models"], None),
            ("--format", &["session", "list"], Some("--json prints JSON")),
            ("--image", &["session", "list"], None),
            ("--zzz", &["send"], None),
        ] {
            assert_eq!(hint(flag, command).as_deref(), expected, "{flag}");
        }
        assert!(hint_for_command("login", None).is_some());
        assert!(hint_for_command("login", Some("auth")).is_none());
    }
}
