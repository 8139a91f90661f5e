//! `langdock`: Claude models through Langdock's Anthropic Messages endpoint, on the command line.
//!
//! A module imports from lower rows only, and modules of one row do not import each other; files of
//! one directory do not import each other in cycles.
//!
//! | row | modules | what they are |
//! |---|---|---|
//! | 12 | `main.rs` | arguments in, exit code out |
//! | 11 | `lib.rs` | the entry point, which chooses the command |
//! | 10 | `commands` | one file or directory for each command; no command imports another |
//! | 9 | `exchange` | from a request to its answer |
//! | 8 | `compose` | from flags, files and standard input to a request |
//! | 7 | `app` | what all commands share: environment, streams, messages |
//! | 6 | `error`, `cli` | every failure with its exit code and hint; the command line as data |
//! | 5 | `batch`, `config` | the items of a batch; settings |
//! | 4 | `client`, `session` | the shared HTTP core; saved conversations |
//! | 4 | `tool`, `mcp`, `turn` | tools; tool servers; one turn of the user |
//! | 4 | `ui`, `input`, `demo` | the terminal; files and templates; the built-in endpoint |
//! | 3 | `recording` | records of requests and their responses |
//! | 2 | `protocol`, `media` | the Messages API and files, as data |
//! | 2 | `pace`, `usage` | the shared rate-limit ledger; the usage log |
//! | 2 | `model_text`, `secret_scan` | the sentences that the model reads; secrets in a text |
//! | 2 | `guard` | the process that starts children and leaves none |
//! | 1 | `text`, `fs` | formatting and parsing text; private files, written whole or not at all |
//!
//! The library exists for its own binary and for the tests and generators next to it. Its interface
//! is not stable.

mod app;
mod batch;
mod cli;
mod client;
mod commands;
mod compose;
mod config;
mod demo;
mod error;
mod exchange;
mod fs;
mod guard;
mod input;
mod mcp;
mod media;
mod model_text;
mod pace;
mod protocol;
mod recording;
mod secret_scan;
mod session;
mod text;
mod tool;
mod turn;
mod ui;
mod usage;

use std::ffi::OsString;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use crate::app::App;
use crate::cli::{
    AuthCommand, COMPLETION_VARIABLE, Command, ConfigCommand, UnfinishedLine, Unparsed,
};
use crate::config::{Env, completing_shell, protect_memory};
use crate::error::{Error, ErrorForm, Kind, unless_panicked};
use crate::text::{KnownSecrets, SecretForms};
use crate::ui::{
    ColorChoice, Notices, TerminalInfo, Verbosity, die_of_closed_stdout, die_of_signal, use_color,
};

/// Runs a command line, starting with the name of the program, and returns the exit code.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if guard::is_guard(&argv) {
        return guard::run();
    }
    // The variable may be left over in somebody's environment: only the arguments of a script
    // count.
    let unfinished = completing_shell(COMPLETION_VARIABLE)
        .and_then(|shell| UnfinishedLine::from_args(&shell, &argv));
    let parsed = match unfinished {
        Some(line) => Err(Unparsed::Unfinished(Box::new(line))),
        None => cli::parse(&argv),
    };
    let env = Env::read();
    let facts = TerminalInfo::detect();
    let (verbosity, color, form) = match &parsed {
        Ok(command) => said_about_output(command),
        Err(_) => (
            Verbosity::Normal,
            ColorChoice::Auto,
            guess_error_form(&argv),
        ),
    };
    let colored = use_color(
        color,
        env.no_color,
        env.clicolor_force,
        facts.stderr_is_terminal && !env.dumb_terminal,
    );
    let secrets = Arc::new(KnownSecrets::default());
    if let Some(key) = &env.api_key {
        protect_memory();
        let forms = SecretForms::for_secret(key.reveal().trim());
        secrets.add(&Arc::new(forms));
    }
    let notices = Notices::new(
        verbosity,
        colored,
        facts.stderr_is_terminal,
        Arc::clone(&secrets),
    );
    let app = Arc::new(App {
        env,
        facts,
        secrets,
        notices,
        argv,
        interrupt: Arc::default(),
        draft: Mutex::default(),
        model_origin: OnceLock::new(),
        hint_controls: OnceLock::new(),
        guard: Arc::default(),
        secret_numbers: secret_scan::SecretNumbers::new(),
    });
    let result = unless_panicked(|| match parsed {
        Ok(command) => dispatch(&app, command),
        Err(unparsed) => answer_unparsed(&app, unparsed),
    });
    match result {
        Ok(()) => {
            app.drop_draft();
            ExitCode::SUCCESS
        }
        Err(error) => {
            app.tell_draft();
            app.report(&error, form);
            ExitCode::from(end(&error))
        }
    }
}

/// The command line, for generating documentation from it.
#[must_use]
pub fn command_line() -> clap::Command {
    cli::command_line()
}

/// The examples of a command, for the documentation: what each does, and what to type. Those of the
/// program itself have an empty name.
#[must_use]
pub fn examples(command: &str) -> &'static [(&'static str, &'static str)] {
    cli::examples(command)
}

/// The exit codes, their kinds and their meanings, for the documentation.
pub const EXIT_CODES: &[(u8, &str, &str)] = &error::EXIT_CODES;

/// The environment variables that have an effect, and what they do, for the documentation.
#[must_use]
pub fn variables() -> Vec<(&'static str, String)> {
    config::variables()
}

/// The keys of the config file, each with a sample value and its description, for the
/// documentation.
pub fn settings() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    config::SETTINGS.iter().map(|setting| {
        let about: Vec<_> = setting.about().collect();
        (setting.key, setting.sample, about.join(" "))
    })
}

/// The tables of the config file other than profiles, each with its keys and its description, for
/// the documentation.
pub fn tables() -> impl Iterator<Item = (&'static str, String, &'static str)> {
    config::TABLES
        .iter()
        .map(|table| (table.name, table.samples.join(", "), table.about))
}

/// The keys of a tool in a tools file, each with a sample value and its description, for the
/// documentation.
pub const TOOL_KEYS: &[(&str, &str, &str)] = &tool::TOOL_KEYS;

/// The keys of an MCP server in the config file, each with a sample value and its description, for
/// the documentation.
pub const SERVER_KEYS: &[(&str, &str, &str)] = &mcp::SERVER_KEYS;

/// Entry points for the fuzz targets; not part of the product.
#[cfg(feature = "internals")]
pub mod internals {
    use std::path::Path;

    use crate::compose::history_fit::{HistoryStage, check_given, fit_history};
    use crate::compose::own_marks::check_own_marks;
    use crate::config::ConfigFile;
    use crate::demo::refusal_of;
    use crate::input::{Conversation, Places, Template};
    use crate::protocol::{
        ContentBlock, CreateMessage, ExactFields, InputMessage, MessageStream, Role, ToolDefinition,
    };
    use crate::tool::{ToolSet, parse_tools};

    /// A kind of file that users write.
    #[derive(Debug, Clone, Copy)]
    pub enum File {
        /// `config.toml`.
        Config,
        /// A file of `--tool`.
        Tools,
        /// A file of `--template`.
        Template,
        /// A file of `--messages`.
        Messages,
    }

    /// Reads a saved conversation and exports it in each format. The error is its message.
    pub fn read_saved(bytes: &[u8]) -> Result<(), String> {
        crate::session::read_bytes(bytes).map_err(|error| error.to_string())
    }

    /// Reads the journal of a turn, as a killed process may leave it.
    pub fn read_journal(bytes: &[u8]) {
        crate::session::read_journal(bytes);
    }

    /// Reads a file that users write. The error is its message.
    pub fn read_file(kind: File, text: &str) -> Result<(), String> {
        let refused = |error: crate::input::Error| error.to_string();
        match kind {
            File::Config => ConfigFile::parse(Path::new("config.toml"), text)
                .map(drop)
                .map_err(|error| error.to_string()),
            File::Tools => {
                let tools = parse_tools("tools", Path::new("/"), text)
                    .map_err(|error| error.to_string())?;
                ToolSet::from_tools(tools, None)
                    .map(drop)
                    .map_err(|error| error.to_string())
            }
            File::Template => {
                let given = Places {
                    params: &[],
                    prompt: Some("words"),
                    stdin: Some("input"),
                };
                let mut template = Template::parse("template", text).map_err(refused)?;
                template.fill(given).map(drop).map_err(refused)
            }
            File::Messages => {
                let conversation = Conversation::parse("messages", text).map_err(refused)?;
                check_given("messages", &conversation.messages, false).map_err(refused)
            }
        }
    }

    /// Where a history comes from.
    #[derive(Debug, Clone, Copy)]
    pub enum History {
        /// The file of `--messages`.
        Messages,
        /// A saved conversation.
        Saved,
        /// The body of a streamed answer, to be sent back.
        Stream,
    }

    /// Makes a request of a history, and returns what the scripted endpoint refuses it with, if it
    /// does. The error says why it is refused before that.
    pub fn send_history(kind: History, bytes: &[u8]) -> Result<Option<String>, String> {
        let refused = |error: crate::input::Error| error.to_string();
        let messages = match kind {
            History::Messages => {
                let text = String::from_utf8_lossy(bytes);
                let conversation = Conversation::parse("messages", &text).map_err(refused)?;
                check_given("messages", &conversation.messages, false).map_err(refused)?;
                conversation.messages
            }
            History::Saved => {
                crate::session::messages_of(bytes).map_err(|error| error.to_string())?
            }
            History::Stream => {
                let mut machine = MessageStream::default();
                machine.push(bytes);
                while let Ok(Some(_)) = machine.next() {}
                let answer = machine.partial().ok_or("no answer")?;
                let said = |role, content| InputMessage { role, content };
                vec![
                    said(Role::User, vec![ContentBlock::text("words")]),
                    said(Role::Assistant, answer.content),
                    said(Role::User, vec![ContentBlock::text("words")]),
                ]
            }
        };
        send_messages(messages)
    }

    /// Returns what the scripted endpoint refuses these messages with, if it does.
    fn send_messages(messages: Vec<InputMessage>) -> Result<Option<String>, String> {
        let tools = serde_json::json!([{"name": "f", "input_schema": {"type": "object"}}]);
        let mut request = CreateMessage {
            // It accepts a prefill, and no thinking.
            model: "claude-3-haiku-20240307".to_owned(),
            max_tokens: 16,
            system: None,
            messages,
            fields: ExactFields::default(),
            tools: ToolDefinition::list_from(tools.into()).unwrap_or_default(),
            tool_choice: None,
            stream: true,
        };
        fit_history(&mut request, HistoryStage::TurnStart).map_err(|error| error.to_string())?;
        check_own_marks(&request).map_err(|error| error.message())?;
        Ok(refusal_of(&request.to_json(0)))
    }

    /// Renders Markdown that arrives in pieces, for a terminal of `columns` columns, and paints
    /// after each piece.
    pub fn render(pieces: &[&str], columns: usize, is_colored: bool) -> String {
        let theme = is_colored.then(crate::ui::ColorTheme::default);
        let mut markdown = crate::ui::MarkdownRenderer::new(
            crate::ui::RenderTarget::with_fixed_columns(columns, theme),
        );
        let mut out = String::new();
        for piece in pieces {
            markdown.push_text(piece);
            out.push_str(&markdown.take_painted());
        }
        out + &markdown.finish_text()
    }

    /// Feeds a response body in pieces to the stream machine. Returns the message as JSON. The
    /// error is its message.
    pub fn replay(pieces: &[&[u8]]) -> Result<String, String> {
        let mut machine = MessageStream::default();
        let drain = |machine: &mut MessageStream| -> Result<(), String> {
            while machine.next().map_err(|error| error.to_string())?.is_some() {}
            Ok(())
        };
        for piece in pieces {
            machine.push(piece);
            drain(&mut machine)?;
        }
        machine.end();
        drain(&mut machine)?;
        let message = machine.finish().map_err(|error| error.to_string())?;
        serde_json::to_string(&message).map_err(|error| error.to_string())
    }
}

fn dispatch(app: &Arc<App>, command: Command) -> Result<(), Error> {
    let theirs = Arc::clone(app);
    match command {
        Command::Send(args) => talk(
            app,
            Box::pin(async move { Box::pin(commands::send(&theirs, &args)).await }),
        ),
        Command::Chat(args) => talk(
            app,
            Box::pin(async move { Box::pin(commands::chat(&theirs, *args)).await }),
        ),
        Command::ToolRun(args) => talk(
            app,
            Box::pin(async move { commands::tool_run(&theirs, &args).await }),
        ),
        Command::Mcp(args) => talk(
            app,
            Box::pin(async move { commands::mcp(&theirs, &args).await }),
        ),
        Command::Batch(args) => talk(
            app,
            Box::pin(async move { commands::batch(&theirs, *args).await }),
        ),
        Command::Merge(args) => commands::merge(app, &args),
        Command::Models(args) => talk(
            app,
            Box::pin(async move { commands::models(&theirs, &args).await }),
        ),
        Command::Doctor(args) => talk(
            app,
            Box::pin(async move { commands::doctor(&theirs, &args).await }),
        ),
        Command::Count(args) => talk(
            app,
            Box::pin(async move { commands::count(&theirs, *args).await }),
        ),
        Command::Usage(args) if args.limits => talk(
            app,
            Box::pin(async move { commands::usage_limits(&theirs, &args).await }),
        ),
        Command::Usage(args) => commands::usage(app, &args),
        Command::Serve(args) => talk(
            app,
            Box::pin(async move { commands::serve(&theirs, &args).await }),
        ),
        Command::Session(args) => commands::session(app, &args),
        Command::Auth(args) => commands::auth(app, &args),
        Command::Config(args) => commands::config(app, &args),
        Command::Help(args) => commands::help(app, &args),
        Command::Completions(args) => commands::completions(app, args.shell),
        Command::Template(args) => talk(
            app,
            Box::pin(async move { commands::template(&theirs, &args).await }),
        ),
    }
}

/// A running command. Boxed, so that the stack does not reserve room for the future of each one.
type Work = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Runs a command that uses the network. A signal lets it save what has arrived before it ends.
fn talk(app: &App, command: Work) -> Result<(), Error> {
    app.interrupt
        .start_watching()
        .map_err(|source| Error::System {
            what: "watch for signals",
            source,
        })?;
    block_on(command)
}

/// Runs a command to its end. Background work that has not finished by then, such as a name look-up
/// that hangs, is abandoned.
///
/// The command is a task, like the HTTP connection: tasks hand over a stream of events without
/// polling the operating system in between, which a future directly under `block_on` would do each
/// time.
fn block_on(command: Work) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            what: "start the async runtime",
            source,
        })?;
    let result = runtime.block_on(runtime.spawn(command));
    runtime.shutdown_background();
    // A panic is resumed here, and caught where it is reported.
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn answer_unparsed(app: &Arc<App>, unparsed: Unparsed) -> Result<(), Error> {
    match unparsed {
        Unparsed::Unfinished(line) => commands::complete(app, &line),
        Unparsed::Asked(text) => app.print_long(&text),
        Unparsed::Nothing(help) => Err(Error::NoCommand { help }),
        Unparsed::Wrong { message, hint } => Err(Error::Usage {
            message,
            hint: Some(hint),
        }),
    }
}

fn said_about_output(command: &Command) -> (Verbosity, ColorChoice, ErrorForm) {
    match command {
        Command::Send(args) => said_by(&args.ask.output),
        Command::Chat(args) => (
            args.looks.verbosity(),
            args.looks.color.into(),
            ErrorForm::Text,
        ),
        Command::ToolRun(args) => said_by(&args.ask.output),
        other => (
            Verbosity::Normal,
            ColorChoice::Auto,
            if is_for_programs(other) {
                ErrorForm::Json
            } else {
                ErrorForm::Text
            },
        ),
    }
}

/// Whether a command that sends no request to a model prints JSON for programs.
fn is_for_programs(command: &Command) -> bool {
    match command {
        Command::Auth(cli::AuthArgs {
            command: AuthCommand::Status { json, .. },
        })
        | Command::Config(cli::ConfigArgs {
            command: ConfigCommand::Show { json, .. },
        })
        | Command::Doctor(cli::DoctorArgs { json, .. })
        | Command::Models(cli::ModelsArgs { json, .. })
        | Command::Usage(cli::UsageArgs { json, .. }) => *json,
        Command::Count(args) => args.json,
        Command::Session(args) => args.is_for_programs(),
        Command::Mcp(args) => args.is_for_programs(),
        _ => false,
    }
}

fn said_by(output: &cli::OutputArgs) -> (Verbosity, ColorChoice, ErrorForm) {
    let form = match (output.json, output.jsonl) {
        (true, _) => ErrorForm::Json,
        (_, true) => ErrorForm::JsonLines,
        _ => ErrorForm::Text,
    };
    (output.looks.verbosity(), output.looks.color.into(), form)
}

/// Guesses from arguments that could not be parsed how to print the error.
fn guess_error_form(argv: &[OsString]) -> ErrorForm {
    let flags = || {
        argv.iter()
            .take_while(|arg| *arg != "--")
            .filter_map(|arg| arg.to_str())
    };
    match (
        flags().any(|flag| flag == "--json" || has_switch(flag, 'j')),
        flags().any(|flag| flag == "--jsonl"),
    ) {
        (true, _) => ErrorForm::Json,
        (_, true) => ErrorForm::JsonLines,
        _ => ErrorForm::Text,
    }
}

/// Whether a group of short flags contains a switch. What follows a flag that takes a value is its
/// value.
fn has_switch(flag: &str, switch: char) -> bool {
    let letters = flag
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'))
        .unwrap_or_default();
    letters
        .chars()
        .take_while(|letter| !cli::SHORT_FLAGS_WITH_VALUE.contains(letter))
        .any(|letter| letter == switch)
}

/// Ends the process by the error's signal, if it has one; otherwise returns the exit code.
fn end(error: &Error) -> u8 {
    match error.kind() {
        Kind::Interrupted(signal) => die_of_signal(signal),
        Kind::Closed => die_of_closed_stdout(),
        _ => {}
    }
    error.kind().code()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_blocking_task_that_hangs_does_not_hold_up_the_end() {
        let (_release, released) = mpsc::channel::<()>();
        let (start, has_begun) = mpsc::channel();
        let result = block_on(Box::pin(async move {
            // Like a name look-up.
            tokio::task::spawn_blocking(move || start.send(()).map(|()| released.recv()));
            has_begun.recv().map_err(|_| Error::NoModel)
        }));
        assert!(result.is_ok());
    }
}
