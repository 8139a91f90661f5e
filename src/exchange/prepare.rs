//! A request from what was given: gathered, checked, put together, and shown where it is only
//! looked at.

use super::engine::{EncodedRequest, Exchange, SendPolicy};
use super::model_options::FitContext;
use super::run_tools::RunTools;
use super::session_recorder::SessionRecorder;
use super::structured::SchemaRules;
use crate::app::App;
use crate::cli;
use crate::compose::build::{RequestParts, build, conversation_too_large, most_history_bytes};
use crate::compose::history_fit::has_calls;
use crate::compose::model_fit::Insistence;
use crate::compose::picture_fitting::count_pictures;
use crate::compose::preflight::suggest_exclusions;
use crate::compose::request_spec::RequestSpec;
use crate::compose::secret_guard::SecretGuard;
use crate::compose::sources::RequestSources;
use crate::compose::user_turn::{StdinUse, default_system, system_prompt, user_turn};
use crate::compose::{curl, dry_run};
use crate::config::Settings;
use crate::error::Error;
use crate::input::{Estimate, FileArgument, pictures_of};
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, RequestBody, Role};
use crate::session::{SavedConversation, TurnPosition};
use crate::tool::Structured;

/// What a conversation that is gone on with is called in messages.
pub(crate) const EARLIER: &str = "the conversation so far";

/// What the user is told of a history with tool calls in a request without tools.
pub(crate) const CALLS_AS_TEXT: &str = "the tool calls of the conversation are sent as text, \
                                        because this request has no tools; -T adds some";

/// What a request is made of.
pub(crate) struct PromptInputs<'i, 'r> {
    pub(crate) sources: RequestSources,
    pub(crate) stdin_use: StdinUse,
    /// The conversation that it continues or begins.
    pub(crate) recorder: Option<&'i mut SessionRecorder>,
    /// The schema that the answer has to match.
    pub(crate) schema: Option<&'i mut Structured>,
    /// The tools whose servers may still be starting.
    pub(crate) tools: Option<&'i mut RunTools<'r>>,
}

/// A request that is ready to be sent.
pub(crate) struct PreparedRequest {
    pub(crate) request: CreateMessage,
    pub(crate) encoded: EncodedRequest,
}

impl Exchange<'_> {
    /// Gathers the input, settles on a model and writes the body.
    pub(crate) async fn prepare(
        &mut self,
        args: &cli::AskArgs,
        inputs: PromptInputs<'_, '_>,
    ) -> Result<PreparedRequest, Error> {
        let PromptInputs {
            mut sources,
            stdin_use,
            recorder,
            schema,
            tools,
        } = inputs;
        let app = self.app;
        let guard = SecretGuard::new(app, &self.settings().secrets);
        let mut system = system_prompt(guard, args.request.system()).await?;
        let mut turn = app
            .unless_interrupted(user_turn(guard, args, &mut sources, stdin_use))
            .await??;
        for notice in &turn.notices {
            app.notices.notice_always(notice);
        }
        // Servers start while standard input and files are read.
        if let Some(tools) = tools {
            tools.finish(&mut sources).await?;
        }
        // The template's system prompt has been filled by now.
        let mut spec = sources.resolve(args, self.settings())?;
        spec.check_typed(guard, &args.request);
        if schema.is_some() {
            spec.remove_default_prefill();
        }
        let tools = sources.definitions();
        let tool_choice = sources.tool_choice(args.tools.tool_choice.as_deref(), &spec)?;
        let has_turns = |recorder: &&mut SessionRecorder| recorder.conversation().tip().is_some();
        let has_system = system.is_some() || spec.fields.contains_key("system");
        let has_other = has_system || recorder.as_ref().is_some_and(has_turns);
        system = system.or(default_system(app, self.settings(), has_other).await?);
        let is_sent = !(args.looking.dry_run || args.looking.curl);
        let model = self.model(is_sent).await?;
        let mut earlier = 0;
        let given = &sources.conversation;
        let has_pictures = !(turn.pictures.is_empty() && given.pictures.is_empty());
        if has_pictures || !(turn.pdfs.is_empty() && given.pdfs.is_empty()) {
            let saved = recorder.as_ref().map(|recorder| recorder.conversation());
            let saved = saved.map(|saved| earlier_messages(app, saved, None, self.policy));
            let saved = saved.transpose()?;
            earlier =
                saved.map_or(0, |saved| count_pictures(&saved)) + count_pictures(&given.messages);
            self.fit_turn(&mut turn, earlier, &given.pdfs, is_sent)
                .await?;
        }
        if let Some(recorder) = recorder {
            let messages = earlier_messages(app, recorder.conversation(), None, self.policy)?;
            put_conversation_first(
                recorder,
                messages,
                &mut sources,
                &mut system,
                &spec,
                &turn.content,
            );
        }
        let count = earlier + turn.pictures.len();
        if self
            .fit_earlier(&mut sources.conversation.messages, count)
            .await?
        {
            sources.conversation.measure_pictures();
        }
        let pictures = [sources.conversation.pictures.as_slice(), &turn.pictures].concat();
        self.check_pictures(&pictures, is_sent).await?;
        let chosen = self.settings().max_tokens.as_ref().map(Into::into);
        let max_tokens = self
            .settle_max_tokens(&mut spec, chosen.as_ref(), &model, is_sent)
            .await?;
        let context = FitContext {
            max_tokens,
            // How a model is asked for what matches a schema follows from what it accepts.
            tool_choice: tool_choice.as_ref().filter(|_| schema.is_none()),
            shows_thinking: args.output.looks.show_thinking && schema.is_none(),
            is_sent,
            insistence: Insistence::Typed,
        };
        self.fit_to_model(&mut spec, &model, context).await?;
        let parts = RequestParts {
            model: model.id.clone(),
            max_tokens,
            system,
            tools,
            earlier: sources.conversation.messages,
            content: turn.content,
            tool_choice,
        };
        let has_earlier_calls = has_calls(&parts.earlier);
        let mut request = build(&spec, parts)?;
        if has_earlier_calls && request.tools.is_empty() {
            app.notices.notice(CALLS_AS_TEXT);
        }
        if let Some(schema) = schema {
            let rules = self.catalog.rules(&request.model, is_sent).await?;
            SchemaRules::new(rules, &self.catalog, &request.model).begin(schema, &mut request)?;
        }
        let estimate = Estimate::of_request(&request, &turn.names);
        let sizes: Vec<_> = sources
            .conversation_part
            .into_iter()
            .chain(turn.parts)
            .collect();
        let directories = FileArgument::directories_of(&args.input.files);
        let parts = (!directories.is_empty()).then(|| estimate.clone());
        let encoded = self.encode(&mut request, estimate, &sizes, is_sent).await;
        let encoded = encoded.map_err(|error| match &parts {
            Some(parts) => suggest_exclusions(error, &directories, parts, &sizes),
            None => error,
        })?;
        Ok(PreparedRequest { request, encoded })
    }
}

/// Returns what was said in a conversation, or before a position in it. Tells the user, once, of
/// each attachment that is lost.
///
/// # Errors
///
/// If that is too much for a request that is sent by this policy.
pub(crate) fn earlier_messages(
    app: &App,
    conversation: &SavedConversation,
    place: Option<&TurnPosition>,
    policy: SendPolicy,
) -> Result<Vec<InputMessage>, Error> {
    let most = most_history_bytes(policy.is_unchecked);
    let history = conversation.messages_within(place, most);
    let history = history.map_err(|conversation| conversation_too_large(&conversation))?;
    for lost in &history.lost {
        app.notices.notice_once(lost);
    }
    Ok(history.messages)
}

/// Puts the conversation, which has these messages, before what is said now, which is what will be
/// saved.
fn put_conversation_first(
    recorder: &mut SessionRecorder,
    mut messages: Vec<InputMessage>,
    sources: &mut RequestSources,
    system: &mut Option<String>,
    spec: &RequestSpec,
    content: &[ContentBlock],
) {
    if recorder.is_saved() {
        let mut said = sources.conversation.messages.clone();
        said.push(InputMessage {
            role: Role::User,
            content: content.to_vec(),
        });
        said.extend(spec.prefill.as_deref().map(|prefill| InputMessage {
            role: Role::Assistant,
            content: vec![ContentBlock::text(prefill)],
        }));
        said.retain(|message| !message.content.is_empty());
        recorder.stage_turn(said, system.clone());
    }
    if system.is_none() && !spec.fields.contains_key("system") {
        *system = recorder.conversation().system_prompt().map(str::to_owned);
    }
    sources
        .conversation
        .pictures
        .splice(0..0, pictures_of(&messages, EARLIER));
    messages.append(&mut sources.conversation.messages);
    sources.conversation.messages = messages;
    sources
        .conversation_part
        .get_or_insert_with(|| (EARLIER.to_owned(), recorder.conversation().bytes_read()));
}

/// Whether the request is only looked at; it is shown then.
pub(crate) fn print_preview(
    app: &App,
    settings: &Settings,
    ask: &cli::AskArgs,
    stream: bool,
    body: &RequestBody,
) -> Result<bool, Error> {
    if ask.looking.dry_run {
        app.print_object(&dry_run::shown_body(&body.to_json()))?;
    } else if ask.looking.curl {
        let body = body.to_json();
        let text = str::from_utf8(&body).expect("JSON is UTF-8");
        app.print_json(&curl::curl_command(
            &settings.endpoint,
            &settings.options,
            stream,
            text,
        ))?;
    }
    Ok(ask.looking.dry_run || ask.looking.curl)
}
