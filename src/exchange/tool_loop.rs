//! The tool loop: the model is asked, its calls are run, and it is asked again, until it is done.

use super::driver::{SendOutcome, failed_with};
use super::engine::{AnswerSink, EncodedRequest, Exchange};
use super::finish::show_usage;
use super::tool_runner::ToolRunner;
use crate::cli;
use crate::config::{ToolNames, inherited_var};
use crate::error::Error;
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role, ToolDefinition, ToolUse};
use crate::text::did_you_mean;
use crate::text::matches_name;
use crate::tool::{Policy, Tool, ToolSet};
use crate::turn::{TurnLimit, TurnRules, TurnStep, UserTurn};
use crate::ui::DisplayOutcome;

/// A turn of the user's, with the tools that the model may call in it.
pub(crate) struct ToolLoop<'l, 'a> {
    turn: UserTurn,
    runner: &'l mut ToolRunner<'a>,
    /// Whether the tokens and the timing of each answer but the last are shown.
    shows_usage: bool,
}

impl<'l, 'a> ToolLoop<'l, 'a> {
    /// Begins a turn behind the messages of a request.
    pub(crate) fn new(
        messages: Vec<InputMessage>,
        rules: TurnRules,
        runner: &'l mut ToolRunner<'a>,
        shows_usage: bool,
    ) -> Self {
        Self {
            turn: UserTurn::new(messages, rules),
            runner,
            shows_usage,
        }
    }

    /// The conversation so far.
    pub(crate) fn messages(&self) -> &[InputMessage] {
        self.turn.messages()
    }

    /// Sends the first request, and further ones with the results of tools until the model is done.
    /// The outcome is that of the last request.
    pub(crate) async fn run(
        &mut self,
        exchange: &mut Exchange<'a>,
        request: &mut CreateMessage,
        encoded: EncodedRequest,
        sink: &mut AnswerSink<'_>,
    ) -> SendOutcome {
        if self.turn.next_step() == &TurnStep::Stop(TurnLimit::MaxTurns(0)) {
            return SendOutcome::unsent(Error::MaxTurns(0));
        }
        let low_tokens = encoded.estimate.total().low;
        if let Err(error) = exchange.check_cost(&request.model, low_tokens) {
            return SendOutcome::unsent(error);
        }
        let mut outcome = exchange.send(request, encoded, sink).await;
        // A choice that was forced would be forced for ever.
        reset_tool_choice(request);
        loop {
            self.turn.continue_from(&request.messages);
            let model = &request.model;
            let failed = match self.follow_up(exchange, model, &mut outcome, sink).await {
                Ok(true) => return outcome,
                Ok(false) => {
                    request.messages = self.turn.messages().to_vec();
                    // Where the model goes on by itself, nothing was said.
                    let last = request.messages.last();
                    let said = last.filter(|message| message.role == Role::User);
                    let said = said.cloned().into_iter().collect();
                    match exchange.send_on(request, said, sink).await {
                        Ok(next) => {
                            outcome = next;
                            continue;
                        }
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            return failed_with(outcome, failed);
        }
    }

    /// Does what an answer of this model asks for, and returns whether it was the last one.
    async fn follow_up(
        &mut self,
        exchange: &Exchange<'_>,
        model: &str,
        outcome: &mut SendOutcome,
        sink: &mut AnswerSink<'_>,
    ) -> Result<bool, Error> {
        let Some(answer) = outcome.finished_answer() else {
            return Ok(true);
        };
        self.turn.record_answer(&answer.message);
        let calls = match self.turn.next_step().clone() {
            TurnStep::Done(_) => return Ok(true),
            TurnStep::Stop(TurnLimit::MaxTurns(turns)) => return Err(Error::MaxTurns(turns)),
            TurnStep::Ask => None,
            TurnStep::RunTools(calls) => Some(calls),
        };
        let is_broken = |call: &ToolUse| call.partial_json.is_some();
        let has_broken_call = calls
            .as_ref()
            .is_some_and(|calls| calls.iter().any(is_broken));
        // Without tools there is nobody who could tell the model.
        if outcome.error.is_some()
            && (!has_broken_call || self.runner.tools.iter().next().is_none())
        {
            return Ok(true);
        }
        // Before any tool runs, since the model would not see what it did.
        exchange.check_cost(model, 0)?;
        let app = exchange.app;
        match sink.renderer.finish_step(answer)? {
            DisplayOutcome::WithAside(text) | DisplayOutcome::Nothing(text) => {
                app.notices.print_block(&text);
            }
            DisplayOutcome::All => {}
        }
        if self.shows_usage {
            show_usage(app, outcome);
        }
        // The model is told, and can call again.
        outcome.error = None;
        if let Some(calls) = calls {
            let (results, error) = self.runner.run(&calls, sink.renderer).await;
            self.turn.record_results(results);
            if let Some(error) = error {
                let results = self.turn.messages().last().cloned();
                sink.recorder.stage(results.into_iter().collect());
                return Err(error);
            }
        }
        Ok(false)
    }
}

/// Lets the model choose for itself among the tools, where a choice was forced.
fn reset_tool_choice(request: &mut CreateMessage) {
    if let Some(choice) = &mut request.tool_choice {
        choice.reset();
    }
}

/// The same where a request goes on from results of tools.
pub(crate) fn reset_tool_choice_after_results(request: &mut CreateMessage) {
    let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
    let last = request.messages.last();
    if last.is_some_and(|message| message.content.iter().any(is_result)) {
        reset_tool_choice(request);
    }
}

/// The tools of the request that are not run here.
pub(crate) fn external_tools(request: &CreateMessage, tools: &ToolSet) -> Vec<String> {
    let names = request.tools.iter().map(ToolDefinition::name);
    names
        .filter(|name| tools.find(name).map_or(true, |ready| !ready.is_run_here()))
        .map(str::to_owned)
        .collect()
}

/// Checks tools, before anything is sent.
pub(crate) fn checked_tools(tools: Vec<Tool>) -> Result<ToolSet, Error> {
    Ok(ToolSet::from_tools(
        tools,
        inherited_var("PATH").as_deref(),
    )?)
}

/// What the user allows. A name that no tool has is a mistyped one.
pub(crate) fn approval_policy(
    flags: &cli::ToolPolicyArgs,
    config: &ToolNames,
    tools: &ToolSet,
) -> Result<Policy, Error> {
    for (flag, name) in [
        ("--allow-tool", &flags.allow_tool),
        ("--deny-tool", &flags.deny_tool),
    ]
    .into_iter()
    .flat_map(|(flag, names)| names.iter().map(move |name| (flag, name)))
    {
        if !tools.names().any(|known| matches_name(name, known)) {
            let nearest = did_you_mean(name, tools.names());
            let message = format!("{flag}: no tool `{name}`{nearest}");
            return Err(Error::Usage {
                message,
                hint: Some(
                    "`langdock tool-run --list` with the same -T and --mcp lists the tools"
                        .to_owned(),
                ),
            });
        }
    }
    Ok(Policy {
        yes: flags.yes,
        allow: [flags.allow_tool.as_slice(), config.allowed()].concat(),
        deny: [flags.deny_tool.as_slice(), config.denied()].concat(),
        approved: Vec::new(),
    })
}
