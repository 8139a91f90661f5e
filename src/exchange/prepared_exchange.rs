//! A command that sends one prompt, ready to send it: what `send` and `tool-run` do between their
//! set-up and the first request.

use super::answer_format::{AnswerFormat, renderer, sink};
use super::conversation_target::settings_for;
use super::engine::{AnswerPolicy, EncodedRequest, Exchange, SendPolicy};
use super::finish::AcceptedEndings;
use super::prepare::{PreparedRequest, PromptInputs, print_preview};
use super::request_log::RequestLog;
use super::run_tools::RunTools;
use super::session_recorder::{Saving, SessionRecorder};
use super::setup::{DemoEndpoint, Setup};
use crate::app::App;
use crate::cli;
use crate::error::Error;
use crate::protocol::CreateMessage;
use crate::tool::Structured;
use crate::ui::{AnswerRenderer, OutputSink};

/// How a command sends its prompt, beyond what the flags say.
pub(crate) struct PromptPlan<'p, 'r> {
    /// The command's name in the usage log.
    pub(crate) command: &'static str,
    /// Whether the conversation is saved where no flag decides.
    pub(crate) saving: Saving,
    /// Whether further requests are expected.
    pub(crate) keeps_connection: bool,
    /// Whether a later request is expected to continue the conversation.
    pub(crate) is_continued: bool,
    /// The schema that the answer has to match.
    pub(crate) schema: Option<&'p mut Structured>,
    /// The tools that are run, whose servers may still be starting.
    pub(crate) tools: Option<&'p mut RunTools<'r>>,
}

/// A request that is ready to be sent, with everything that its answer needs.
pub(crate) struct PreparedExchange<'a> {
    pub(crate) exchange: Exchange<'a>,
    pub(crate) request: CreateMessage,
    pub(crate) encoded: EncodedRequest,
    pub(crate) recorder: Option<SessionRecorder>,
    /// Where the answer is printed; opened before anything is sent.
    pub(crate) sink: OutputSink,
    /// Which answers that are not whole count as such.
    pub(crate) accepted: AcceptedEndings,
    /// The built-in endpoint has to outlive the requests.
    pub(crate) demo: Option<DemoEndpoint>,
}

impl<'a> PreparedExchange<'a> {
    /// Opens the output and the conversation, prepares the request and the connection. Returns
    /// None if the request was only to be previewed; it has been printed then.
    pub(crate) async fn open(
        app: &'a App,
        ask: &cli::AskArgs,
        setup: Setup<'a>,
        plan: PromptPlan<'_, '_>,
    ) -> Result<Option<Self>, Error> {
        let Setup {
            demo,
            flags,
            mut catalog,
            sources,
            stdin_use,
            ..
        } = setup;
        let sink = sink(app, ask).await?;
        let saving = if ask.looking.dry_run || ask.looking.curl {
            Saving::Never
        } else {
            plan.saving
        };
        let settings = catalog.settings();
        let scope = settings.data_scope();
        let mut recorder = SessionRecorder::open(app, &ask.conversation, saving, scope)?;
        if let Some(recorder) = &recorder {
            let is_sent = saving != Saving::Never;
            let conversation = recorder.conversation();
            if let Some(settings) =
                settings_for(app, &flags, &catalog, conversation, is_sent).await?
            {
                catalog = catalog.with_settings(settings);
            }
        }
        let settings = catalog.settings();
        let accepted = AcceptedEndings {
            truncated: settings.allow_truncated,
            empty: ask.output.allow_empty,
        };
        let policy = SendPolicy {
            is_unchecked: ask.input.no_check,
            keeps_connection: plan.keeps_connection,
            answers: match plan.schema {
                None => AnswerPolicy::AsTheyEnd(accepted),
                Some(_) => AnswerPolicy::MatchSchema,
            },
        };
        let log = RequestLog::new(app, settings, plan.command, ask);
        let mut exchange = Exchange::new(app, catalog, log, policy);
        if plan.is_continued {
            let conversation = recorder.as_ref().map(SessionRecorder::conversation);
            exchange.continue_conversation(conversation);
        }
        let inputs = PromptInputs {
            sources,
            stdin_use,
            recorder: recorder.as_mut(),
            schema: plan.schema,
            tools: plan.tools,
        };
        let PreparedRequest { request, encoded } = exchange.prepare(ask, inputs).await?;
        let settings = exchange.settings();
        if print_preview(app, settings, ask, request.stream, &encoded.body)? {
            return Ok(None);
        }
        exchange.sender().await?;
        Ok(Some(Self {
            exchange,
            request,
            encoded,
            recorder,
            sink,
            accepted,
            demo,
        }))
    }
}

/// Creates what shows an answer in the format that the flags ask for. `has_external_tools` is as
/// for [`AnswerFormat::from_flags`].
pub(crate) fn answer_renderer(
    exchange: &Exchange<'_>,
    output: &cli::OutputArgs,
    request: &CreateMessage,
    has_external_tools: bool,
    sink: OutputSink,
) -> AnswerRenderer {
    let app = exchange.app;
    let theme = exchange.settings().theme.as_deref();
    let format = AnswerFormat::from_flags(app, output, request, has_external_tools, theme);
    renderer(app, format, sink, &output.looks)
}
