//! `langdock chat`: a conversation with a user at a terminal, or with the lines of a program.

mod acts;
mod ask;
mod attachments;
mod compact;
mod complete;
mod context_use;
mod conversations;
mod go_on;
mod path;
mod prompt;
mod repl;
mod request_settings;
mod shell;
mod slash;
mod talk;
mod told;
mod tools;

use std::io;
use std::sync::Arc;

use crate::app::App;
use crate::cli;
use crate::config::{Flags, history_file, inherited_var, sessions_directory};
use crate::error::{Error, Kind, PIPED_CHAT};
use crate::model_text::is_continue_request;
use crate::protocol::{ContentBlock, InputMessage};
use crate::session::SessionStore;
use crate::ui::{EditorOptions, KeyBindings, LineDraft, LineEditor, TerminalModes, is_rewrapped};

use crate::compose::model_fit::Insistence;
use crate::compose::picture_fitting::count_pictures;
use crate::compose::request_spec::RequestSpec;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::sources::RequestSources;
use crate::compose::user_turn::{StdinUse, default_system, stdin_use, system_prompt, user_turn};
use crate::exchange::answer_format::screen;
use crate::exchange::conversation_target::settings_for;
use crate::exchange::engine::{AnswerPolicy, Exchange, SendPolicy};
use crate::exchange::finish::AcceptedEndings;
use crate::exchange::prepare::earlier_messages;
use crate::exchange::request_log::RequestLog;
use crate::exchange::run_tools::RunTools;
use crate::exchange::session_recorder::{Saving, SessionRecorder};
use crate::exchange::setup::{DemoEndpoint, Setup, set_up};
use ask::Ended;
use attachments::Attachments;
use complete::Words;
use context_use::ContextUse;
use repl::First;
use shell::ShellOutput;
use talk::{Last, Mark, Talk};
use tools::Toolbox;

/// The error if the thread that reads input cannot be started.
const NO_LINES: fn(io::Error) -> Error = |source| Error::System {
    what: "read what is typed",
    source,
};

/// Maximum number of lines shown of the last message when a conversation is continued.
const SHOWN_LINES: usize = 5;

/// A conversation in progress.
struct Chat<'a> {
    app: &'a App,
    ask: cli::AskArgs,
    /// The flags behind the settings; with `--demo`, `demo_url` is the address of the endpoint.
    flags: Flags,
    demo_url: Option<String>,
    exchange: Exchange<'a>,
    /// Maximum number of tokens to generate, if the user has set it.
    max_tokens: Option<u64>,
    /// The request fields set by flags and by `/set`.
    spec: RequestSpec,
    system: Option<String>,
    tools: Toolbox<'a>,
    /// Turns before those of this conversation: those of `--messages`, and of a conversation that
    /// is only read.
    earlier: Vec<InputMessage>,
    talk: Talk,
    /// For each compaction that can be taken back, the earlier turns that it replaced.
    compacted: Vec<Vec<InputMessage>>,
    /// How full the context window is, if that is known.
    context: Option<ContextUse>,
    /// Whether the notice that the context window is nearly full was printed.
    has_offered_compact: bool,
    /// The conversation that `/resume` returns to.
    before: Option<String>,
    files: Attachments,
    /// The output of the last shell command.
    output: Option<ShellOutput>,
    is_raw: bool,
    /// The initial content of the next line.
    draft: LineDraft,
    /// Whether the notice that earlier tool calls are sent as text was printed.
    has_told_calls: bool,
    /// The last message, if it got no answer.
    unsent: Option<String>,
    /// The message that the next one replaces, because it was changed and got no answer then.
    replaced: Option<Last>,
    /// The last message, if the model refused it.
    refused: Option<RefusedMessage>,
    words: Words,
}

/// A message that the model refused.
#[derive(Clone)]
struct RefusedMessage {
    /// The position that it was sent at; `None` for the end of the conversation.
    place: Option<Mark>,
    content: Vec<ContentBlock>,
}

/// What to do after a slash command.
enum Next {
    /// Show the prompt.
    Prompt,
    /// Send this message.
    Send(String),
    /// Report how a turn ended; the text is offered again if there was no answer.
    Ended(Ended, Option<String>),
    /// Leave.
    Leave,
}

/// Holds a conversation.
pub(crate) async fn chat(app: &App, args: cli::ChatArgs) -> Result<(), Error> {
    let (ask, running) = args.apart();
    refuse_stdin(&ask)?;
    let mut setup = Box::pin(set_up(app, &ask, None, Some(&running))).await?;
    let (catalog, sources) = (&setup.catalog, &mut setup.sources);
    let mut tools = Box::pin(RunTools::begin(app, &running, catalog, sources, true)).await?;
    let ended = Box::pin(converse_with(app, ask, &running, setup, &mut tools)).await;
    tools.close().await;
    ended
}

/// Holds a conversation in which the model may call tools.
async fn converse_with<'a>(
    app: &'a App,
    mut ask: cli::AskArgs,
    running: &cli::ToolPolicyArgs,
    setup: Setup<'a>,
    tools: &mut RunTools<'_>,
) -> Result<(), Error> {
    let Setup {
        demo,
        flags,
        catalog,
        sources: mut given,
        ..
    } = setup;
    let settings = catalog.settings();
    let scope = settings.data_scope();
    let mut tools = Box::pin(Toolbox::open(
        app,
        running,
        tools,
        &mut given,
        &settings.secrets,
    ))
    .await?;
    let mut max_tokens = settings.max_tokens.as_ref().map(|tokens| tokens.value);
    let policy = SendPolicy {
        is_unchecked: ask.input.no_check,
        keeps_connection: true,
        answers: AnswerPolicy::AsTheyEnd(AcceptedEndings {
            truncated: settings.allow_truncated,
            empty: ask.output.allow_empty,
        }),
    };
    let log = RequestLog::new(app, settings, "chat", &ask);
    let mut exchange = Exchange::new(app, catalog, log, policy);

    let is_typed = app.facts.stdin_is_terminal;
    if !is_typed {
        let _ = app.hint_controls.set(&PIPED_CHAT);
    }
    let kept = SessionRecorder::open(app, &ask.conversation, Saving::Yes, scope)?;
    let conversation = kept.as_ref().map(SessionRecorder::conversation);
    exchange.continue_conversation(conversation);
    if let Some(kept) = &kept {
        let (catalog, conversation) = (&exchange.catalog, kept.conversation());
        if let Some(settings) = settings_for(app, &flags, catalog, conversation, true).await? {
            exchange.move_to(settings);
        }
    }
    let mut earlier = std::mem::take(&mut given.conversation.messages);
    let secrets = exchange.settings().secrets.clone();
    let guard = SecretGuard::new(app, &secrets);
    let mut system = system_prompt(guard, ask.request.system()).await?;
    let store = sessions_directory(scope)
        .map(|directory| SessionStore::in_directory(directory).refusing(&app.secrets));
    let talk = match (kept, store.clone()) {
        (Some(kept), Some(store)) if kept.is_saved() => Talk::saved(store, kept),
        (kept, _) => {
            if let Some(kept) = kept {
                let conversation = kept.conversation();
                earlier.splice(0..0, earlier_messages(app, conversation, None, policy)?);
                system = system.or(conversation.system_prompt().map(str::to_owned));
            }
            Talk::unsaved()
        }
    };
    let first = first(&exchange, guard, &ask, &mut given, &earlier).await?;
    if let Some(first) = &first {
        exchange.check_pictures(&first.pictures, true).await?;
    }
    let mut spec = given.resolve(&ask, exchange.settings())?;
    spec.check_typed(guard, &ask.request);
    tools.choice = given.tool_choice(ask.tools.tool_choice.as_deref(), &spec)?;
    // The setting has it too, and `/set` may change it.
    if let Some(tokens) = spec.fields.shift_remove("max_tokens") {
        max_tokens = tokens.as_u64().or(max_tokens);
    }
    let of_template = spec.fields.shift_remove("system");
    let of_template = of_template.and_then(|text| text.as_str().map(str::to_owned));
    spec.prefill = None;
    let of_conversation = talk
        .conversation()
        .and_then(|conversation| conversation.system_prompt())
        .map(str::to_owned);
    let system = system.or(of_template).or(of_conversation);
    let tip = talk
        .conversation()
        .and_then(|conversation| conversation.tip());
    let has_other = system.is_some() || tip.is_some();
    let system = system.or(default_system(app, exchange.settings(), has_other).await?);
    let mut chat = Chat {
        app,
        flags,
        demo_url: demo.as_ref().map(DemoEndpoint::base_url),
        exchange,
        max_tokens,
        spec,
        system,
        tools,
        earlier,
        talk,
        compacted: Vec::new(),
        context: None,
        has_offered_compact: false,
        before: None,
        files: Attachments::default(),
        output: None,
        is_raw: std::mem::take(&mut ask.output.looks.raw),
        draft: LineDraft::default(),
        has_told_calls: false,
        unsent: None,
        replaced: None,
        refused: None,
        words: Words::new(store),
        ask,
    };
    if is_typed && !app.env.dumb_terminal {
        chat.exchange.keyboard = TerminalModes::open();
    }
    Box::pin(chat.hold(first, is_typed)).await
}

impl Chat<'_> {
    /// Holds the conversation to its end.
    async fn hold(&mut self, first: Option<First>, is_typed: bool) -> Result<(), Error> {
        let app = self.app;
        self.look_for_model(is_typed).await?;
        if !is_typed {
            let lines = if self.ask.input.no_stdin {
                None
            } else {
                Some(LineEditor::for_lines(false).map_err(NO_LINES)?)
            };
            return Box::pin(self.follow(first, lines)).await;
        }
        app.interrupt
            .watch_hangup()
            .map_err(|source| Error::System {
                what: "watch for signals",
                source,
            })?;
        let editor = self
            .editor(self.ask.conversation.no_log || app.env.no_log)
            .map_err(NO_LINES)?;
        self.tell_conversation()?;
        Box::pin(self.converse(first, editor)).await
    }
}

/// Refuses flags that read standard input, which contains the messages.
fn refuse_stdin(ask: &cli::AskArgs) -> Result<(), Error> {
    match stdin_use(ask, None)? {
        StdinUse::Open => Ok(()),
        StdinUse::AskedFor | StdinUse::Taken => Err(Error::Usage {
            message: "standard input provides the messages; it cannot also be a file".to_owned(),
            hint: Some("use a path instead of -".to_owned()),
        }),
    }
}

/// Returns the first message, if the command line contains one.
async fn first(
    exchange: &Exchange<'_>,
    guard: SecretGuard<'_>,
    ask: &cli::AskArgs,
    given: &mut RequestSources,
    earlier: &[InputMessage],
) -> Result<Option<First>, Error> {
    let app = guard.app;
    let has_template = given.template.is_some();
    let input = &ask.input;
    if ask.prompt.is_empty()
        && input.files.is_empty()
        && input.attached.is_empty()
        && input.files_from.is_none()
        && !input.edit
        && !has_template
    {
        return Ok(None);
    }
    let mut turn = match app
        .unless_interrupted(user_turn(guard, ask, given, StdinUse::Taken))
        .await?
    {
        // A template may consist of settings only.
        Err(Error::Input(crate::input::Error::NoPrompt)) if has_template || !earlier.is_empty() => {
            return Ok(None);
        }
        turn => turn?,
    };
    for notice in &turn.notices {
        app.notices.notice_always(notice);
    }
    exchange
        .fit_turn(
            &mut turn,
            count_pictures(earlier),
            &given.conversation.pdfs,
            true,
        )
        .await?;
    // The text from an editor or a template is more than the words of the command line.
    let text = match turn.content.last() {
        Some(prompt @ ContentBlock::Text(_)) if input.edit || has_template => {
            talk::text_of(std::slice::from_ref(prompt))
        }
        _ => ask.prompt.join(" "),
    };
    let files = Attachments::from_flags(input, &turn.names, &turn.content);
    let pictures = [given.conversation.pictures.as_slice(), &turn.pictures].concat();
    Ok(Some(turn)
        .filter(|turn| !turn.content.is_empty())
        .map(|turn| First {
            content: turn.content,
            text,
            files,
            pictures,
        }))
}

impl Chat<'_> {
    /// Chooses a model before anything is typed. At a terminal, the user can continue without one
    /// if the list is only temporarily unavailable.
    async fn look_for_model(&mut self, is_typed: bool) -> Result<(), Error> {
        match self.exchange.model(true).await {
            Ok(model) => {
                let mut spec = self.spec.clone();
                self.fit_spec(&mut spec, &model, Insistence::Typed).await?;
            }
            Err(error)
                if !is_typed
                    || matches!(
                        error.kind(),
                        Kind::Usage | Kind::Auth | Kind::Interrupted(_)
                    ) =>
            {
                return Err(error);
            }
            Err(error) => self
                .app
                .tell_error(&told::message(&error), told::hint(&error).as_deref()),
        }
        self.recall_models().await;
        Ok(())
    }

    /// Makes the region's cached models available to Tab completion.
    async fn recall_models(&self) {
        let remembered = self.exchange.catalog.remembered().await.ok().flatten();
        let models = remembered.map(|list| {
            list.models
                .iter()
                .map(|model| model.id().to_owned())
                .collect()
        });
        self.words.set_models(models.unwrap_or_default());
    }

    fn editor(&self, forgets: bool) -> io::Result<LineEditor> {
        if self.app.env.dumb_terminal {
            return LineEditor::for_lines(true);
        }
        LineEditor::for_terminal(EditorOptions {
            keys: if self.exchange.settings().vi_keys {
                KeyBindings::Vi
            } else {
                KeyBindings::Emacs
            },
            history: history_file(self.exchange.settings().data_scope()).filter(|_| !forgets),
            secrets: Arc::clone(&self.app.secrets),
            colored: self.app.notices.is_colored(),
            complete: self.words.completer(),
            is_command: slash::is_command,
            is_rewrapped: is_rewrapped(inherited_var),
            interrupt: Arc::clone(&self.app.interrupt),
        })
    }

    /// Shows the end of a conversation that is continued.
    fn tell_conversation(&self) -> Result<(), Error> {
        let Some(last) = self.talk.last() else {
            return Ok(());
        };
        let asked = talk::prompt_text(&last.content);
        if is_continue_request(&asked) {
            self.tell_asked("/continue");
        } else {
            self.tell_asked(&asked);
        }
        let Some(answer) = self.talk.last_answer() else {
            return Ok(());
        };
        // The answer is rendered like any other. Elsewhere than on a terminal it goes to stderr,
        // since it is not part of this run's output.
        let screen = screen(
            self.app,
            &self.ask.output,
            self.exchange.settings().theme.as_deref(),
        );
        match screen.filter(|_| !self.is_raw && self.app.facts.stdout_is_terminal) {
            Some(screen) => self.app.print_markdown(&answer.text, screen)?,
            None => self.app.notices.print_block(&answer.text),
        }
        Ok(())
    }

    /// Shows the beginning of a message of the user.
    fn tell_asked(&self, asked: &str) {
        if asked.is_empty() {
            return;
        }
        let mut text = String::new();
        for line in asked.lines().take(SHOWN_LINES) {
            text.push_str(&format!("> {line}\n"));
        }
        if asked.lines().nth(SHOWN_LINES).is_some() {
            text.push_str("> …\n");
        }
        self.app.notices.print_block(&text);
    }
}
