//! Man pages from the command line's definition, with what it does not know: environment, files,
//! exit codes, examples.

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};
use langdock::EXIT_CODES;

use super::examples::examples;

/// When the pages were last changed; the release checklist has a line for it.
const DATE: &str = "2026-11-22";

/// What every page says of itself.
const NOTES: &str = "langdock is an independent client for Langdock's Anthropic Messages endpoint. \
                     It is not made or endorsed by Langdock or Anthropic.";

/// A line of text in the source of a page is not longer where it can be broken.
const WIDTH: usize = 80;

/// Returns the pages by their paths.
pub(super) fn pages() -> Vec<(String, String)> {
    documented().iter().map(page).collect()
}

/// Returns the commands with a page: the program and each of its commands, whose own commands stand
/// on its page.
fn documented() -> Vec<Command> {
    super::commands()
        .into_iter()
        .filter(|(words, _)| words.len() <= 1)
        .map(|(_, command)| command)
        .collect()
}

/// Returns what the page of a command is called.
fn page_name(command: &Command) -> String {
    command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned()
}

/// Returns the page of a command.
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
        format(&name),
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

/// Returns what a part of the page writes.
fn rendered(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns what defines the apostrophe, which each part begins with and a page needs once.
fn preamble() -> String {
    Roff::new().render()
}

fn without_preamble(part: &str) -> &str {
    let preamble = preamble();
    part.strip_prefix(preamble.as_str()).unwrap_or(part)
}

/// Returns how the command is called, as its help says.
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

/// Turns the sections that the groups of flags got into subsections of the options.
fn as_subsections(options: &str) -> String {
    let heading = |line: &str| match line.strip_prefix(".SH ") {
        Some("OPTIONS") | None => line.to_owned(),
        Some(group) => format!(".SS {}{}", &group[..1], group[1..].to_lowercase()),
    };
    // Possible values stand below an empty line, which clap_mangen makes of three breaks.
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

/// Returns what stands behind the name of a command that has no page, and what that means.
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
        "A TOML file with these keys, none of which is needed. [profiles.NAME] begins a profile, ",
    )]);
    section.text([roman(
        "which has the same keys and is chosen by --profile or LANGDOCK_PROFILE.",
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
        "A file of -T has a [[tool]] table of TOML for each tool, or the same in JSON: ",
    )]);
    section.text([roman(
        "one object, or an array of them. These are the keys.",
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

/// Describes the files of conversations: their format is promised.
fn format(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["FORMAT"]);
    let about = "The directory langdock/sessions of the platform's data directory ($XDG_DATA_HOME, or ~/.local/share; on macOS \
                 ~/Library/Application Support) has a file for each conversation, which only its owner can read; langdock/demo/sessions has those of --demo. Files are \
                 only ever appended to, under a lock (flock(2)); a last line that a crash has torn off is cut off.";
    section.text([roman(about)]);
    for (name, what) in [
        (
            "ID.jsonl",
            "The conversation of this id: a JSON object on each line, described below.",
        ),
        (
            "ID/",
            "Its images and PDFs, each once, named after the SHA-256 of the bytes.",
        ),
        (
            "names/NAME.jsonl",
            "A link to the conversation of this name; / and the like stand in it as % and two digits.",
        ),
        ("last", "A link to the conversation that was last used."),
        (
            "journals/*.jsonl",
            "What processes are saying just now, with the events as they come. What a killed one left is \
                              put into its conversation by the next langdock.",
        ),
    ] {
        entry(&mut section, [italic(name)], what);
    }
    section.control("PP", []);
    section.text([roman("Every object has a type, and at: when it was written, in UTC. Fields and types that a reader does not know are to be ignored.")]);
    for (kind, what) in [
        (
            "langdock-session",
            "The first line: version (1), id, and where there is one, name and forked_from, the id of the \
                              conversation whose line it began as a copy of.",
        ),
        (
            "turn",
            "What one side said: id, parent (the turn that it follows; the first has none), role (user or assistant) and \
                  content, the blocks of the Messages API as they were. The source of an image or PDF in them is \
                  {\"type\": \"blob\", \"media_type\": …, \"file\": …}, a file in ID/. A turn of the user may have system, the \
                  system prompt it was sent with, and sent_to, the endpoint, region and model that it was sent to; one of the assistant has model, message_id, stop_reason and usage as the \
                  API said them. partial is true where an answer broke off. left_out says why a turn is not sent again: \
                  refused or unanswered.",
        ),
        ("name", "From here on the conversation has this name."),
        (
            "tip",
            "From here on the conversation goes on behind turn, or again where there is none: something was undone.",
        ),
    ] {
        entry(&mut section, [bold(kind)], what);
    }
    section.control("PP", []);
    section.text([roman("What is sent is one line: the last turn without left_out, or the one that a later tip names, its parent, the parent of that, and so on. Turns beside that line stay in the file.")]);
    (page == "langdock-session").then_some(section)
}

fn environment(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["ENVIRONMENT"]);
    section
        .text([roman("A flag goes before its variable, and that before the config file. Beside HOME and PATH, no ")]);
    section.text([roman("other variable has an effect.")]);
    for (name, what) in langdock::variables() {
        entry(&mut section, [bold(name)], &what);
    }
    talks(page).then_some(section)
}

fn files(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["FILES"]);
    let config = "The settings, which `langdock config` is about; on macOS in ~/Library/Application Support.";
    entry(
        &mut section,
        [italic("~/.config/langdock/config.toml")],
        config,
    );
    let keys = "The key that `langdock auth login` stored for a host, beside the config file. It goes to that host only.";
    entry(
        &mut section,
        [italic("~/.config/langdock/keys/HOST:PORT")],
        keys,
    );
    let directory = "The directory langdock below $XDG_STATE_HOME (~/.local/state), or below what the platform has instead.";
    if page == "langdock-models" {
        entry(
            &mut section,
            [italic("models/*.json")],
            &format!("The last lists. {directory}"),
        );
        entry(
            &mut section,
            [italic("picks/*.json")],
            "Beside them: the models that were picked where nobody chose one.",
        );
    } else if page == "langdock-send" {
        let what = "With --output FILE: the answer while it is written, and what came of it when it broke off.";
        entry(&mut section, [italic("FILE"), roman(".part")], what);
        let what = format!("The model that was picked where nobody chose one. {directory}");
        entry(&mut section, [italic("picks/*.json")], &what);
        let what = "Beside it: a line for each request, with its numbers and names and nothing of what was said.";
        entry(&mut section, [italic("usage.jsonl")], what);
        let what = "How far estimates were off for each model, by what its answers say.";
        entry(&mut section, [italic("estimates.json")], what);
        let templates =
            "With --template NAME: the saved prompt; on macOS in ~/Library/Application Support.";
        entry(
            &mut section,
            [italic("~/.config/langdock/templates/NAME.md")],
            templates,
        );
        let what = "The conversations, where they are saved: see langdock-session(1).";
        entry(
            &mut section,
            [italic("~/.local/share/langdock/sessions/")],
            what,
        );
        let what = "Those with the scripted endpoint of --demo.";
        entry(
            &mut section,
            [italic("~/.local/share/langdock/demo/sessions/")],
            what,
        );
    } else if page == "langdock-usage" {
        let what = format!("The log: a line of JSON for each request. {directory}");
        entry(&mut section, [italic("usage.jsonl")], &what);
    } else {
        section.control("PP", []);
        section.text([roman(
            "No other file is read or written but those that flags and arguments name, what was picked ",
        )]);
        section.text([roman("and listed of models (langdock-models(1)), the log of requests (langdock-usage(1)), conversations (langdock-session(1)), and the system's certificates, where the bundled ones do not know who issued a server's.")]);
    }
    talks(page).then_some(section)
}

fn exit_status(page: &str) -> Option<Roff> {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    section.text([roman(
        "The word beside the code is the kind that the JSON error object names.",
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

/// Whether the page is about talking to the endpoint, or about how that is set up.
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

/// Names the other pages.
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

/// Adds a term and what it means.
fn entry(section: &mut Roff, term: impl Into<Vec<Inline>>, meaning: &str) {
    section.control("TP", []);
    section.text(term);
    section.text([roman(meaning)]);
}

/// Makes of a page what mandoc finds nothing about: empty lines become space, and long lines are
/// broken where text flows.
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

/// Breaks a line of flowing text between words. A word that would be taken for a request does not
/// begin a line.
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
