//! Runs the calls of one answer: each is checked, judged and maybe asked for; then they run side by
//! side. A call that fails, or is not run, has a result as well, which tells the model why.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::progress::{shows_progress, spinner_tick};
use super::tool_executor::{LocalExecutor, ToolExecutor};
use super::tool_servers::{CallProgress, ToolServers};
use crate::app::App;
use crate::compose::secret_guard::SecretGuard;
use crate::error::Error;
use crate::input::on_a_thread;
use crate::media::ImageSize;
use crate::model_text::{
    NO_RESULT, NOBODY_TO_ASK, RUN_CANCELLED, TOOL_DENIED, arguments_are_no_object, call_denied,
};
use crate::protocol::{ExactFields, ExactJson, ToolResult, ToolUse};
use crate::secret_scan::SecretPolicy;
use crate::tool::{Outcome, Policy, Ready, Stop, ToolSet, Verdict};
use crate::ui::{
    AnswerRenderer, ApprovalPrompt, ApprovalReply, ApprovalRequest, WaitIndicator, end_prompt_row,
    pager_command,
};

/// SIGINT: the first one stops the tools, and not the run.
const SIGINT: i32 = 2;

/// How many reports of progress may wait to be shown.
const PROGRESS_QUEUE: usize = 16;

/// How much of a call's input and of its result is told, in characters.
const TOLD: usize = 80;

/// The tools of a run.
#[derive(Debug)]
pub(crate) struct ReadyTools {
    pub(crate) tools: Arc<ToolSet>,
    pub(crate) policy: Policy,
    /// How the images that they return are changed.
    pub(crate) image_size: ImageSize,
    pub(crate) servers: Arc<ToolServers>,
}

/// What calls are run with.
pub(crate) struct ToolRunner<'a> {
    pub(crate) app: &'a App,
    pub(crate) tools: Arc<ToolSet>,
    policy: Policy,
    /// How many run at a time.
    jobs: u32,
    image_size: ImageSize,
    servers: Arc<ToolServers>,
    executor: Arc<dyn ToolExecutor>,
    secrets: SecretPolicy,
}

fn executor(
    app: &App,
    tools: &Arc<ToolSet>,
    servers: &Arc<ToolServers>,
    image_size: ImageSize,
) -> Arc<dyn ToolExecutor> {
    Arc::new(LocalExecutor {
        image_size,
        tools: Arc::clone(tools),
        secrets: Arc::clone(&app.secrets),
        guard: Arc::clone(&app.guard),
        servers: Arc::clone(servers),
    })
}

impl<'a> ToolRunner<'a> {
    /// Creates a runner of these tools. At most `jobs` calls run at a time.
    pub(crate) fn new(app: &'a App, ready: ReadyTools, jobs: u32, secrets: &SecretPolicy) -> Self {
        let ReadyTools {
            tools,
            policy,
            image_size,
            servers,
        } = ready;
        Self {
            app,
            policy,
            jobs,
            image_size,
            executor: executor(app, &tools, &servers, image_size),
            tools,
            servers,
            secrets: secrets.clone(),
        }
    }

    /// Returns the servers whose tools it runs.
    pub(crate) fn servers(&self) -> &Arc<ToolServers> {
        &self.servers
    }

    /// Runs other tools from now on. What the user allowed stays allowed.
    pub(crate) fn set_tools(&mut self, tools: Arc<ToolSet>) {
        self.executor = executor(self.app, &tools, &self.servers, self.image_size);
        self.tools = tools;
    }

    /// Runs the calls of one answer. There is a result for each, in their order, also where the run
    /// ends with an error.
    pub(crate) async fn run(
        &mut self,
        calls: &[ToolUse],
        renderer: &mut AnswerRenderer,
    ) -> (Vec<ToolResult>, Option<Error>) {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; calls.len()];
        let is_local = |call: &ToolUse| {
            let ready = self.tools.find(&call.name);
            ready.is_ok_and(|ready| ready.tool.server.is_none())
        };
        // It starts while the calls are checked.
        if calls.iter().any(is_local) {
            self.app.guard.prepare();
        }
        let mut error = None;
        for (call, outcome) in calls.iter().zip(&mut outcomes) {
            renderer.write_event(&call_event(call));
            if error.is_some() {
                *outcome = Some(Outcome::error(RUN_CANCELLED));
                continue;
            }
            match self.vet(call).await {
                Ok(None) => {}
                Ok(refused) => *outcome = refused,
                Err(ended) => {
                    *outcome = Some(Outcome::error(RUN_CANCELLED));
                    error = Some(ended);
                }
            }
        }
        if error.is_some() {
            // What was approved of before is not begun any more.
            let unbegun = || Outcome::error(RUN_CANCELLED);
            for outcome in &mut outcomes {
                outcome.get_or_insert_with(unbegun);
            }
        }
        for (call, outcome) in calls.iter().zip(&outcomes) {
            if let Some(outcome) = outcome {
                self.tell(call, outcome, renderer);
            }
        }
        if error.is_none() {
            error = self.run_side_by_side(calls, &mut outcomes, renderer).await;
        }
        self.servers.report(self.app);
        let failed = || Outcome::error(NO_RESULT);
        let results = calls
            .iter()
            .zip(outcomes)
            .map(|(call, outcome)| outcome.unwrap_or_else(failed).to_result(&call.id));
        let results = results.collect();
        // What was told to programs is written before anything else is waited for.
        let error = error.or_else(|| renderer.flush_output().err().map(Error::from));
        (results, error)
    }

    /// Checks a call, and says what becomes of one that is not to be run.
    async fn vet(&mut self, call: &ToolUse) -> Result<Option<Outcome>, Error> {
        if let (Ok(_), Some(arguments)) = (self.tools.find(&call.name), &call.partial_json) {
            return Ok(Some(Outcome::error(arguments_are_no_object(arguments))));
        }
        if let Err(why) = check_input(self.app, &self.tools, call).await? {
            return Ok(Some(Outcome::error(why)));
        }
        let tools = Arc::clone(&self.tools);
        let ready = match tools.find(&call.name) {
            Ok(ready) => ready,
            Err(why) => return Ok(Some(Outcome::error(why))),
        };
        match self.policy.judge(ready) {
            Verdict::Run => Ok(None),
            Verdict::Deny => Ok(Some(Outcome::error(TOOL_DENIED))),
            Verdict::Ask => self.ask(call, ready).await,
        }
    }

    /// Asks the user on the terminal; without one, what is not allowed is denied.
    async fn ask(&mut self, call: &ToolUse, ready: &Ready) -> Result<Option<Outcome>, Error> {
        let facts = self.app.facts;
        // A run of which nothing is on a terminal has nobody at it, though it may have been started
        // from one.
        let is_watched =
            facts.stdin_is_terminal || facts.stdout_is_terminal || facts.stderr_is_terminal;
        let pager = pager_command(self.app.env.pager.as_deref(), false).map(str::to_owned);
        let interrupt = Arc::clone(&self.app.interrupt);
        let name = &call.name;
        let exposed = ready.exposed_program();
        let Some(prompt) = ApprovalPrompt::open(pager, interrupt).filter(|_| is_watched) else {
            if let Some(exposed) = exposed {
                let notice = format!(
                    "denied `{name}`: {exposed}; cannot ask for confirmation without a \
                        terminal"
                );
                self.app.notices.notice(&notice);
                return Ok(Some(Outcome::error(NOBODY_TO_ASK)));
            }
            // Those with `confirm` are asked for even with `-y`.
            let or_yes = if ready.confirms() { "" } else { " or -y" };
            let notice = format!(
                "denied `{name}`: cannot ask for confirmation without a terminal; allow it with \
                --allow-tool {name}{or_yes}"
            );
            self.app.notices.notice(&notice);
            return Ok(Some(Outcome::error(NOBODY_TO_ASK)));
        };
        if let Some(exposed) = exposed {
            self.app.notices.notice(&exposed);
        }
        let request = ApprovalRequest {
            tool: call.name.clone(),
            command: ready.shown_command(),
            input: call.input.to_string(),
        };
        // It is waited for also where a signal comes: what is typed behind the question is not for
        // it.
        let reply = on_a_thread(move || prompt.ask_user(&request)).await;
        if let Some(signal) = self.app.interrupt.pending_signal() {
            end_prompt_row();
            return Err(Error::Interrupted(signal));
        }
        match reply.map_err(|source| Error::System {
            what: "ask on the terminal",
            source,
        })? {
            ApprovalReply::Yes => Ok(None),
            ApprovalReply::Always => {
                self.policy.always(ready);
                Ok(None)
            }
            ApprovalReply::No(reason) => Ok(Some(Outcome::error(call_denied(&reason)))),
            ApprovalReply::Quit => Err(Error::Interrupted(SIGINT)),
        }
    }

    /// Runs what has no outcome yet. The first Ctrl-C stops the tools, and the model is told; the
    /// second one, and SIGTERM, end the run.
    async fn run_side_by_side(
        &self,
        calls: &[ToolUse],
        outcomes: &mut [Option<Outcome>],
        renderer: &mut AnswerRenderer,
    ) -> Option<Error> {
        let (tell, told) = watch::channel(Stop::No);
        let places = Arc::new(Semaphore::new(usize::try_from(self.jobs).unwrap_or(1)));
        let mut running = JoinSet::new();
        let (report, mut progress) = mpsc::channel::<(usize, String)>(PROGRESS_QUEUE);
        for (index, call) in calls
            .iter()
            .enumerate()
            .filter(|(index, _)| outcomes[*index].is_none())
        {
            let (call, told) = (call.clone(), told.clone());
            let (places, executor) = (Arc::clone(&places), Arc::clone(&self.executor));
            let report = report.clone();
            let tell: CallProgress = Box::new(move |words| {
                // What is not shown in time is not shown.
                let _ = report.try_send((index, words.to_owned()));
            });
            running.spawn(async move {
                let _place = places.acquire().await;
                (index, executor.call(&call, told, tell).await)
            });
        }
        let mut error = None;
        let mut waiting =
            shows_progress(self.app).then(|| WaitIndicator::new(under_way(calls, outcomes)));
        loop {
            tokio::select! {
                biased;
                signal = self.app.interrupt.wait_for_signal(), if error.is_none() => {
                    let is_first = *tell.borrow() == Stop::No;
                    if is_first && signal == SIGINT {
                        self.app.interrupt.clear_signal();
                        waiting = None;
                        self.app.notices.notice("stopping the tools; press Ctrl-C again to end \
                            the run");
                    } else {
                        error = Some(Error::Interrupted(signal));
                    }
                    // Nobody is left to hear it where all have ended.
                    let _ = tell.send(if is_first { Stop::Gently } else { Stop::Now });
                }
                ended = running.join_next() => match ended {
                    None => return error,
                    Some(ended) => {
                        let (index, mut outcome) = ended.expect("running a tool does not panic");
                        let guard = SecretGuard::new(self.app, &self.secrets);
                        let mut tell = || {
                            guard.mask_outcome(&calls[index].name, &mut outcome);
                            self.tell(&calls[index], &outcome, renderer);
                            renderer.flush_output()
                        };
                        let told = match &waiting {
                            Some(waiting) => waiting.suspend_while(tell),
                            None => tell(),
                        };
                        if let Err(output) = told {
                            return Some(output.into());
                        }
                        outcomes[index] = Some(outcome);
                        if let Some(waiting) = &mut waiting {
                            waiting.set_subject(under_way(calls, outcomes));
                        }
                    }
                },
                Some((index, words)) = progress.recv() => {
                    let name = &calls[index].name;
                    self.app.notices.log_step(&format!("{name}: {words}"));
                    if let Some(waiting) = &mut waiting {
                        waiting.set_subject(format!("running {name}: {words}"));
                    }
                }
                () = spinner_tick(), if waiting.is_some() => waiting.iter_mut().for_each(WaitIndicator::redraw),
            }
        }
    }

    /// Reports the result of a call: a line to the user, and the whole of it to programs.
    fn tell(&self, call: &ToolUse, outcome: &Outcome, renderer: &mut AnswerRenderer) {
        for change in &outcome.picture_changes {
            let notice = format!("an image of the tool `{}` {change}", call.name);
            self.app.notices.notice(&notice);
        }
        let seconds = outcome.took.map(|took| took.as_secs_f64());
        let event = json!({
            "type": "tool_result", "tool_use_id": call.id, "name": call.name, "is_error": outcome.is_error,
            "content": outcome.content, "seconds": seconds,
        });
        renderer.write_event(&event.into());
        let took =
            seconds.map_or_else(|| "not run".to_owned(), |seconds| format!("{seconds:.2} s"));
        let (input, result) = (short(&call.input.to_string()), short(&outcome.in_short()));
        let sign = if outcome.is_error { "failed: " } else { "" };
        self.app.notices.notice(&format!(
            "tool {} {input} ({took}): {sign}{result}",
            call.name
        ));
    }
}

/// What programs are told of a call before it is run.
fn call_event(call: &ToolUse) -> ExactJson {
    let mut fields = ExactFields::default();
    fields.insert("type", json!("tool_call"));
    fields.insert("id", json!(call.id));
    fields.insert("name", json!(call.name));
    fields.insert("input", call.input.clone());
    ExactJson::from_value(&fields)
}

/// What is waited for while tools run.
fn under_way(calls: &[ToolUse], outcomes: &[Option<Outcome>]) -> String {
    let names = calls
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| outcome.is_none())
        .map(|(call, _)| call.name.as_str());
    format!("running {}", names.collect::<Vec<_>>().join(", "))
}

/// Finds the tool of a call and validates its input, on a thread of its own: it may take a while,
/// during which signals are heeded. The inner error is written for the model.
async fn check_input(
    app: &App,
    tools: &Arc<ToolSet>,
    call: &ToolUse,
) -> Result<Result<(), String>, Error> {
    let (tools, name, input) = (Arc::clone(tools), call.name.clone(), call.input.clone());
    let checking = on_a_thread(move || Ok(tools.find(&name).and_then(|ready| ready.check(&input))));
    let checked = app.unless_interrupted(checking).await?;
    checked.map_err(|source| Error::System {
        what: "check the input of a tool",
        source,
    })
}

/// Runs one call as the model's would be, unasked. A signal stops the tool and ends the run.
pub(crate) async fn run_by_hand(
    app: &App,
    tools: ToolSet,
    servers: &Arc<ToolServers>,
    call: ToolUse,
) -> Result<Outcome, Error> {
    let tools = Arc::new(tools);
    if let Err(why) = check_input(app, &tools, &call).await? {
        return Ok(Outcome::error(why));
    }
    let (tell, told) = watch::channel(Stop::No);
    // What the user called themselves is shown as it is.
    let executor = executor(app, &tools, servers, ImageSize::Keep);
    let nowhere: CallProgress = Box::new(|_| {});
    let mut running = tokio::spawn(async move { executor.call(&call, told, nowhere).await });
    tokio::select! {
        biased;
        signal = app.interrupt.wait_for_signal() => {
            let _ = tell.send(Stop::Gently);
            let _ = running.await;
            Err(Error::Interrupted(signal))
        }
        outcome = &mut running => Ok(outcome.expect("running a tool does not panic")),
    }
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TOLD {
        line
    } else {
        line.chars().take(TOLD).chain(['…']).collect()
    }
}
