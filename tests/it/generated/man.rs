//! Generates the man pages from the command line's definition, and adds what it does not have:
//! environment, files, exit codes and examples.

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};
use langdock::EXIT_CODES;

use super::examples::examples;

/// Date of the last change to the pages, updated according to the release checklist.
const DATE: &str = "2026-11-22";

/// Text of the NOTES section of every page.
const NOTES: &str = "langdock is an independent client for Langdock's Anthropic Messages endpoint. \
                     It is not made or endorsed by Langdock or Anthropic.";

/// Maximum width in bytes of a line of flowing text in the source of a page, unless it is one word.
const WIDTH: usize = 80;

/// Returns the path and the source of each page.
pub(super) fn pages() -> Vec<(String, String)> {
    documented().iter().map(page).collect()
}

/// Returns the commands that have a page of their own: the program and its direct subcommands. The
/// subcommands of those are described on their parent's page.
fn documented() -> Vec<Command> {
    super::commands()
        .into_iter()
        .filter(|(words, _)| words.len() <= 1)
        .map(|(_, command)| command)
        .collect()
}

/// Returns the name of a command's page, such as `langdock-send`.
fn page_name(command: &Command) -> String {
    command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned()
}

/// Returns the path and the source of a command's page.
fn page(command: &Command) -> (String, String) {
    let name = page_name(command);
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .date(DATE)
        .source(concat!("langdock ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut text = String::new();
    let mut add = |part: &str| text.push_str(without_preamble(part));
    add(&rendered(|out| man.render_title(out)));
    add(&rendered(|out| man.render_name_section(out)));
    add(&synopsis(command));
    add(&rendered(|out| man.render_description_section(out)));
    add(&as_subsections(&rendered(|out| {
        man.render_options_section(out)
    })));
    for section in [
        commands(command),
        config_keys(&name),
        tool_keys(&name),
        server_keys(&name),
        format(&name),
        records(&name),
        environment(&name),
        files(&name),
        exit_status(&name),
    ]
    .into_iter()
    .flatten()
    {
        add(&section.render());
    }
    add(&example_section(&name).render());
    add(&see_also(&name).render());
    add(&text_section("NOTES", NOTES).render());
    (
        format!("man/{name}.1"),
        preamble() + &broken_into_lines(&text),
    )
}

/// Returns the output of one of the renderers of `Man`.
fn rendered(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns the definition of the apostrophe. Each part begins with it, and a page needs it once.
fn preamble() -> String {
    Roff::new().render()
}

fn without_preamble(part: &str) -> &str {
    let preamble = preamble();
    part.strip_prefix(preamble.as_str()).unwrap_or(part)
}

/// Returns the SYNOPSIS section, with the usage line of the command's help.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let rest = usage
        .strip_prefix(name)
        .expect("a usage begins with the name");
    let mut section = Roff::new();
    section.control("SH", ["SYNOPSIS"]);
    section.text([bold(name), roman(rest)]);
    section.render()
}

/// Turns the sections that `clap_mangen` makes of flag groups into subsections of OPTIONS.
fn as_subsections(options: &str) -> String {
    let heading = |line: &str| match line.strip_prefix(".SH ") {
        Some("OPTIONS") | None => line.to_owned(),
        Some(group) => format!(".SS {}{}", &group[..1], group[1..].to_lowercase()),
    };
    // clap_mangen writes three breaks for the empty line before a list of possible values.
    options
        .replace(".br\n\n.br\n", ".sp\n")
        .lines()
        .map(|line| heading(line) + "\n")
        .collect()
}

fn commands(command: &Command) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["COMMANDS"]);
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
    {
        let about = subcommand
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        if command.get_name() == "langdock" {
            let page = format!("langdock-{}", subcommand.get_name());
            entry(&mut section, [bold(page), roman("(1)")], &about);
        } else {
            let (arguments, meaning) = own_arguments(subcommand);
            entry(
                &mut section,
                [bold(subcommand.get_name()), roman(arguments)],
                &format!("{about}.{meaning}"),
            );
        }
    }
    command.has_subcommands().then_some(section)
}

/// Returns the arguments of a command that has no page of its own, and their descriptions.
fn own_arguments(command: &Command) -> (String, String) {
    let (mut line, mut meaning) = (String::new(), String::new());
    for arg in command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && arg.get_id() != "help")
    {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let name = arg.get_long().map_or_else(
            || arg.get_id().as_str().to_uppercase(),
            |long| format!("--{long}"),
        );
        line.push_str(&if arg.is_positional() {
            format!(" {name}")
        } else {
            format!(" [{name}]")
        });
        meaning.push_str(&format!(" {name}: {help}."));
    }
    (line, meaning)
}

fn config_keys(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["CONFIG FILE"]);
    section.text([roman(
        "A TOML file with these keys, all of them optional. [profiles.NAME] begins a profile, \
         which has the same keys and is selected by --profile or LANGDOCK_PROFILE.",
    )]);
    for (key, sample, about) in langdock::settings() {
        entry(
            &mut section,
            [bold(key), roman(format!(" = {sample}"))],
            &about,
        );
    }
    for (table, keys, about) in langdock::tables() {
        entry(
            &mut section,
            [bold(format!("[{table}]")), roman(format!(" {keys}"))],
            about,
        );
    }
    (page == "langdock-config").then_some(section)
}

fn tool_keys(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["TOOLS FILE"]);
    section.text([roman(
        "A file given with -T has a TOML table [[tool]] for each tool, or the same in JSON: \
         one object, or an array of objects. The keys are:",
    )]);
    for (key, sample, about) in langdock::TOOL_KEYS {
        entry(
            &mut section,
            [bold(*key), roman(format!(" = {sample}"))],
            about,
        );
    }
    (page == "langdock-tool-run").then_some(section)
}

fn server_keys(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["SERVERS"]);
    section.text([roman(
        "A server is a table [mcp.NAME] of the config file, or an object under mcpServers in a JSON \
         file. In env and headers, ${VAR} and ${VAR:-default} stand for an environment variable. \
         The keys are:",
    )]);
    for (key, sample, about) in langdock::SERVER_KEYS {
        entry(
            &mut section,
            [bold(*key), roman(format!(" = {sample}"))],
            about,
        );
    }
    (page == "langdock-mcp").then_some(section)
}

/// Describes the files of conversations, whose format users may rely on.
fn format(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["FORMAT"]);
    section.text([roman(
        "Each conversation is a file, readable only by its owner, in the directory \
         langdock/sessions below the platform's data directory ($XDG_DATA_HOME, or ~/.local/share; \
         on macOS ~/Library/Application Support); those of --demo are in langdock/demo/sessions. \
         Files are only ever appended to, under a lock (flock(2)); an incomplete last line, left \
         by a crash, is cut off.",
    )]);
    for (name, what) in [
        (
            "ID.jsonl",
            "The conversation with this id: one JSON object per line, described below.",
        ),
        (
            "ID/",
            "Its images and PDFs, each stored once, named after the SHA-256 of its bytes.",
        ),
        (
            "names/NAME.jsonl",
            "A link to the conversation with this name; / and similar characters are written as % \
             and two hexadecimal digits.",
        ),
        ("last", "A link to the conversation last used."),
        (
            "journals/*.jsonl",
            "Turns in progress, with their events as they arrive. If a process is killed, the next \
             langdock moves what it left into its conversation.",
        ),
    ] {
        entry(&mut section, [italic(name)], what);
    }
    section.control("PP", []);
    section.text([roman(
        "Every object has a type, and at, the time it was written, in UTC. Readers should ignore \
         fields and types that they do not know.",
    )]);
    for (kind, what) in [
        (
            "langdock-session",
            "The first line: version (1), id, name if the conversation has one, and forked_from, \
             the id of the original, if it began as a copy.",
        ),
        (
            "turn",
            "A message from one side: id, parent (the turn that it follows; the first has none), \
             role (user or assistant) and content, the unchanged content blocks of the Messages \
             API. The source of an image or PDF is {\"type\": \"blob\", \"media_type\": …, \
             \"file\": …}, a file in ID/. A user turn may have system, the system prompt sent with \
             it, and sent_to, the endpoint, region and model that it was sent to; an assistant \
             turn has model, message_id, stop_reason and usage as the API returned them. partial \
             is true if the answer broke off. left_out says why a turn is not sent again: refused \
             or unanswered.",
        ),
        ("name", "From here on, the conversation has this name."),
        (
            "tip",
            "From here on, the conversation continues after turn, or starts over if there is none: \
             something was undone.",
        ),
    ] {
        entry(&mut section, [bold(kind)], what);
    }
    section.control("PP", []);
    section.text([roman(
        "Only one branch is sent: the last turn without left_out, or the one that a later tip \
         names, then its parent, the parent of that, and so on. Turns on other branches stay in \
         the file.",
    )]);
    (page == "langdock-session").then_some(section)
}

/// Describes the files of `--record`, whose format users may rely on.
fn records(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["RECORDS"]);
    section.text([roman(
        "A file of --record has one JSON object per line. It is created with mode 0600 and only \
         ever appended to, under a lock (flock(2)), so that parallel processes can share it; \
         records can be joined with cat(1). Its first line is {\"format\": \"langdock-record\", \
         \"version\": 1}; another version is refused. Every other line is one HTTP request with \
         what became of it, even if it failed or was retried. Readers should ignore fields that \
         they do not know. The fields are:",
    )]);
    for (name, what) in [
        ("at", "When the request was sent, in UTC."),
        ("attempt", "The number of the attempt, from 1."),
        (
            "request",
            "The method, url, headers (a list of pairs) and body. The data of an image or PDF is \
             {\"sha256\": HASH}; its bytes are in the directory FILE.files, in a file of that \
             name.",
        ),
        (
            "response",
            "Its status, headers and body, and after_ms, the milliseconds from the request to the \
             headers. The body is a list of pieces, each with the milliseconds from the request and \
             the text: one event of a stream, or all of any other body. Bytes that are not UTF-8 \
             are {\"base64\": DATA}. There is no response if none came.",
        ),
        (
            "failure",
            "What ended the exchange early: its kind is connect, proxy, no_tls, proxy_login, dns, \
             certificate, lost or timeout. host, reason and the other fields are those of the error \
             message.",
        ),
        (
            "took_ms",
            "How long the exchange took in all, in milliseconds.",
        ),
    ] {
        entry(&mut section, [bold(name)], what);
    }
    section.control("PP", []);
    section.text([roman(
        "Headers with the key, cookies or a proxy's password are left out; where a server sends \
         one of these back, in whatever encoding or split over several events, the record has [API \
         key] or [secret] instead. --replay and `langdock serve --replay` find a request by its \
         method, its region, and its body without metadata, cache_control and the order of its \
         fields; a string as content is the same as one text block, and a key the same as [API \
         key]. A request recorded several times gets its responses in the order of the lines, and \
         then the last response again. A date in the headers of a response is as far from now as \
         it was from the time of the recording.",
    )]);
    (page == "langdock").then_some(section)
}

fn environment(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["ENVIRONMENT"]);
    section.text([roman(
        "A flag overrides its variable, and a variable overrides the config file. Apart from the \
         variables below, only HOME and PATH have an effect.",
    )]);
    for (name, what) in langdock::variables() {
        entry(&mut section, [bold(name)], &what);
    }
    talks(page).then_some(section)
}

fn files(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["FILES"]);
    let config =
        "The settings, managed by `langdock config`; on macOS in ~/Library/Application Support.";
    entry(
        &mut section,
        [italic("~/.config/langdock/config.toml")],
        config,
    );
    let keys = "The key that `langdock auth login` stored for a host, next to the \
                config file. It is sent to that host only.";
    entry(
        &mut section,
        [italic("~/.config/langdock/keys/HOST:PORT")],
        keys,
    );
    let directory = "in the directory langdock below $XDG_STATE_HOME (~/.local/state) or the \
                     platform's equivalent.";
    if page == "langdock-models" {
        entry(
            &mut section,
            [italic("models/*.json")],
            &format!("Cached lists of models, {directory}"),
        );
        entry(
            &mut section,
            [italic("picks/*.json")],
            "In the same directory: the models picked where none was chosen.",
        );
    } else if page == "langdock-send" {
        let what = "With --output FILE: the answer as it arrives, and the partial answer if it \
                    breaks off.";
        entry(&mut section, [italic("FILE"), roman(".part")], what);
        let what = format!("The model picked where none was chosen, {directory}");
        entry(&mut section, [italic("picks/*.json")], &what);
        let what = "In the same directory: one line for each request, with numbers and names \
                    but no content.";
        entry(&mut section, [italic("usage.jsonl")], what);
        let what = "In the same directory: how far token estimates were off for each \
                    model, according to its answers.";
        entry(&mut section, [italic("estimates.json")], what);
        let templates =
            "With --template NAME: the saved prompt; on macOS in ~/Library/Application Support.";
        entry(
            &mut section,
            [italic("~/.config/langdock/templates/NAME.md")],
            templates,
        );
        let what = "The saved conversations: see langdock-session(1).";
        entry(
            &mut section,
            [italic("~/.local/share/langdock/sessions/")],
            what,
        );
        let what = "Conversations with the scripted endpoint of --demo.";
        entry(
            &mut section,
            [italic("~/.local/share/langdock/demo/sessions/")],
            what,
        );
    } else if page == "langdock-usage" {
        let what = format!("The log, with one line of JSON for each request, {directory}");
        entry(&mut section, [italic("usage.jsonl")], &what);
    } else {
        section.control("PP", []);
        section.text([roman(
            "No other file is read or written, except those that flags and arguments name, the \
             lists and picks of models (langdock-models(1)), the usage log (langdock-usage(1)) \
             and, beside it, the rate-limit ledgers (pace/), what was learned about models \
             (rules/ and schema/) and MCP servers (mcp/), estimates.json and the history of \
             chat, saved prompts and tools files (templates/ and tools/ beside the config file), \
             conversations (langdock-session(1)), and the system's certificates, if the bundled \
             ones do not include the issuer of a server's certificate.",
        )]);
    }
    talks(page).then_some(section)
}

fn exit_status(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    section.text([roman(
        "The word beside the code is the kind in the JSON error object.",
    )]);
    for (code, kind, what) in EXIT_CODES {
        let kind = if kind.is_empty() {
            vec![]
        } else {
            vec![roman(" "), italic(*kind)]
        };
        let head: Vec<Inline> = [bold(code.to_string())].into_iter().chain(kind).collect();
        entry(&mut section, head, what);
    }
    talks(page).then_some(section)
}

/// Returns whether the command of a page connects to the endpoint or configures the connection.
fn talks(page: &str) -> bool {
    !matches!(
        page,
        "langdock-completions" | "langdock-help" | "langdock-serve" | "langdock-session"
    )
}

fn example_section(page: &str) -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["EXAMPLES"]);
    for (number, (what, script)) in examples(page).iter().enumerate() {
        if number > 0 {
            section.control("PP", []);
        }
        section.text([roman(*what)]);
        section.control("PP", []);
        section.control("RS", ["4"]);
        section.control("nf", []);
        for line in script.lines() {
            section.text([roman(line)]);
        }
        section.control("fi", []);
        section.control("RE", []);
    }
    section
}

/// Returns the SEE ALSO section, which names all other pages.
fn see_also(page: &str) -> Roff {
    let names = documented()
        .into_iter()
        .map(|command| page_name(&command))
        .filter(|name| name != page);
    let mut inlines = Vec::new();
    for name in names {
        if !inlines.is_empty() {
            inlines.push(roman(", "));
        }
        inlines.extend([bold(name), roman("(1)")]);
    }
    let mut section = Roff::new();
    section.control("SH", ["SEE ALSO"]);
    section.text(inlines);
    section
}

fn text_section(heading: &str, text: &str) -> Roff {
    let mut section = Roff::new();
    section.control("SH", [heading]);
    section.text([roman(text)]);
    section
}

/// Adds a term and its description.
fn entry(section: &mut Roff, term: impl Into<Vec<Inline>>, meaning: &str) {
    section.control("TP", []);
    section.text(term);
    section.text([roman(meaning)]);
}

/// Makes a page pass mandoc's checks: empty lines become vertical space, and long lines of flowing
/// text are broken.
fn broken_into_lines(text: &str) -> String {
    let mut out = String::new();
    let (mut is_term, mut is_as_typed) = (false, false);
    for line in text.lines() {
        match line {
            ".nf" => is_as_typed = true,
            ".fi" => is_as_typed = false,
            _ => {}
        }
        if line.is_empty() {
            out.push_str(".sp\n");
        } else if is_term || is_as_typed || line.starts_with('.') {
            out.push_str(line);
            out.push('\n');
        } else {
            out.push_str(&wrapped(line));
        }
        is_term = line == ".TP";
    }
    out
}

/// Breaks a line of flowing text between words. A word that roff would take for a request never
/// begins a line.
fn wrapped(line: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        let fits = width + 1 + word.len() <= WIDTH || word.starts_with(['.', '\'']);
        if width > 0 && fits {
            out.push(' ');
            width += 1;
        } else if width > 0 {
            out.push('\n');
            width = 0;
        }
        out.push_str(word);
        width += word.len();
    }
    out + "\n"
}
