//! `langdock batch`: one template over many items, in one process and over one pool of connections.
//!
//! `source` reads the items, `plan` builds their requests, `job` sends one item, `told` remembers
//! which waits were reported, `output` and `file` store the records, and `run` starts jobs in
//! parallel and decides how the run ends.

mod file;
mod job;
mod output;
mod plan;
mod run;
mod source;
mod told;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};

use crate::app::App;
use crate::batch::{BatchBudget, BatchShard, ItemTemplate, ShardChoice, prompt_hash};
use crate::cli::{self, BatchItemArgs};
use crate::client::BATCH_MAX_TOKENS;
use crate::compose::external_editor::edit_in_draft;
use crate::compose::picture_fitting::{are_many, fit_earlier, fit_turn, scaled_earlier};
use crate::compose::secret_guard::SecretGuard;
use crate::compose::shared_prefix::PrefixCache;
use crate::compose::sources::RequestSources;
use crate::compose::user_turn::{
    StdinUse, default_system, files_of_flags, most_bytes, read_stdin, system_prompt,
};
use crate::config::shard_variable;
use crate::error::Error;
use crate::exchange::engine::RequestSender;
use crate::exchange::model_catalog::ModelCatalog;
use crate::exchange::progress::shows_progress;
use crate::exchange::request_log::RequestLog;
use crate::exchange::setup::{Setup, set_up};
use crate::exchange::structured::load_output_schema;
use crate::input::{Attachment, Stdin, Template, Turn, assemble};
use crate::pace::LimitShare;
use crate::protocol::ModelRules;
use crate::ui::stdout_is_pipe;
use job::Shared;
use output::Output;
use plan::Plan;
use run::{Room, Run};
use source::Feed;

/// The limits if rate limits are known: these decide when a request is sent, so many jobs may run,
/// and some wait for their turn.
const PACED: Room = Room {
    jobs: 64,
    queued: 4,
};

/// The limits if no rate limit is known.
const UNPACED: Room = Room { jobs: 8, queued: 8 };

/// Sends the template for each item.
pub(crate) async fn batch(app: &App, args: cli::BatchArgs) -> Result<(), Error> {
    let (mut ask, structured, many) = args.split();
    let shard = resolve_shard(app, many.shard)?;
    let Setup {
        demo: _demo,
        catalog,
        mut sources,
        stdin_use,
        ..
    } = set_up(app, &ask, structured.schema.as_deref(), None).await?;
    let secrets = catalog.settings().secrets.clone();
    let guard = SecretGuard::new(app, &secrets);
    let schema = load_output_schema(guard, &structured).await?;
    ask.input.params = guard.check_params(&ask.input.params);
    let pattern = pattern(guard, &ask, &many, sources.template.is_some()).await?;
    let catalog = with_share(&catalog, shard);
    let feed = feed(app, &ask, &many, stdin_use)?;
    let system = system_prompt(guard, ask.request.system()).await?;
    let has_other = system.is_some() || sources.has_field("system");
    let system = system.or(default_system(app, catalog.settings(), has_other).await?);
    let mut attachments = app
        .unless_interrupted(attached(guard, &ask.input, stdin_use))
        .await??;
    for notice in &attachments.notices {
        app.notices.notice_always(notice);
    }
    let prompt = common_prompt(&ask, pattern.as_ref(), &sources, system.as_deref());
    let output = Output::open(app, &many, shard, &prompt)?;
    let settings = catalog.settings().clone();
    let model = catalog.choose(true).await?;
    // An item that is a file may be one picture more.
    let count = sources.conversation.pictures.len()
        + attachments.pictures.len()
        + usize::from(!many.paths.is_empty());
    let fit = catalog.picture_fit(Some(&model.id), count);
    fit_turn(app, &mut attachments, fit).await?;
    if are_many(count) {
        let changed = fit_earlier(app, &mut sources.conversation.messages, fit).await?;
        if changed > 0 {
            app.notices.notice(&scaled_earlier(changed));
            sources.conversation.measure_pictures();
        }
    }
    let client = catalog.client().await?;
    let mut plan = Plan {
        app,
        ask: &ask,
        catalog: catalog.clone(),
        shard,
        prompt,
        pattern: pattern.clone(),
        template: sources.template.clone(),
        sources,
        system,
        shared: attachments,
        schema,
        schema_rules: None,
        model: model.clone(),
        max_tokens: settings.max_tokens.as_ref().map(Into::into),
        output_limit: None,
        default_max_tokens: BATCH_MAX_TOKENS,
        rules: ModelRules::default(),
        told: BTreeSet::new(),
        limits: Vec::new(),
        tokens_a_minute: None,
        prefix: PrefixCache::new(settings.cache, ask.input.no_check),
    };
    if many.max_cost.is_some() && plan.price().is_none() {
        return Err(Error::NoListPrice(model.id));
    }
    plan.look_up_limits().await?;
    plan.check_options()?;
    let paced = settings.options.pace.as_ref().filter(|pace| {
        catalog.is_langdock_host() || pace.limits.iter().any(|(limited, _)| *limited == model.id)
    });
    let room = match many.jobs.and_then(|jobs| usize::try_from(jobs).ok()) {
        Some(jobs) => Room { jobs, queued: jobs },
        None if paced.is_some() => PACED,
        None => UNPACED,
    };
    let url = settings.endpoint.messages_url();
    app.notices.log_step(&format!(
        "model {}, region {}, {url}",
        model.id,
        settings.endpoint.region()
    ));
    let (stop, stopping) = watch::channel(false);
    let jobs = Shared {
        sender: RequestSender::new(client, &settings, true),
        learner: catalog.learner(ask.input.no_check),
        allow_truncated: settings.allow_truncated,
        max_retries: settings.options.retry.max_retries,
        any_size: ask.input.no_check,
        budget: Mutex::new(BatchBudget::new(
            many.max_requests,
            many.max_total_tokens,
            many.max_cost,
        )),
        prices: settings.is_billed().then(|| settings.prices.clone()),
        freed: Notify::new(),
        stopping,
        moved: Notify::new(),
        queued: AtomicUsize::new(0),
        retrying: AtomicUsize::new(0),
        repairing: AtomicUsize::new(0),
        // The reader of a pipe may write to the same terminal at any time.
        shows_progress: shows_progress(app) && !stdout_is_pipe(),
        notices: Mutex::new(Vec::new()),
        told: Mutex::default(),
        has_begun_marked: AtomicBool::new(false),
    };
    let silence = feed.silence();
    let is_live = matches!(feed, Feed::Stdin);
    let items = source::read(feed, pattern, shard).map_err(|source| Error::System {
        what: "start a thread for the items",
        source,
    })?;
    let log = RequestLog::new(app, &settings, "batch", &ask);
    Run::new(app, plan, log, output, (Arc::new(jobs), stop), room)
        .go(items, silence, is_live)
        .await
}

/// Returns the catalog with this machine's share of the limits, where nobody has set one: that of a
/// shard, for when the shared ledger is out of reach.
fn with_share<'a>(catalog: &ModelCatalog<'a>, shard: BatchShard) -> ModelCatalog<'a> {
    let mut settings = catalog.settings().clone();
    if let Some(pace) = &mut settings.options.pace {
        pace.share
            .get_or_insert(LimitShare::one_of(shard.count().into()));
    }
    catalog.with_settings(settings)
}

/// Returns the shard of this run. One that a scheduler has chosen is reported.
fn resolve_shard(app: &App, choice: Option<ShardChoice>) -> Result<BatchShard, Error> {
    let Some(choice) = choice else {
        return Ok(BatchShard::WHOLE);
    };
    let (shard, scheduler) = choice.resolve(shard_variable)?;
    if let Some(scheduler) = scheduler {
        app.notices.notice(&format!(
            "running shard {shard} (from {scheduler}'s variables)"
        ));
    }
    Ok(shard)
}

/// Returns the hash of what all items have in common of the prompt.
fn common_prompt(
    ask: &cli::AskArgs,
    pattern: Option<&ItemTemplate>,
    sources: &RequestSources,
    system: Option<&str>,
) -> String {
    let pattern = pattern.map_or_else(String::new, ItemTemplate::identity);
    let template = sources.template.as_ref();
    let template = template.map_or_else(String::new, Template::identity);
    let params = ask.input.params.iter();
    let params: Vec<String> = params
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let parts = [&pattern, &template, &params.join("\0")];
    let mut parts: Vec<&str> = parts.map(String::as_str).into();
    parts.extend(system);
    prompt_hash(&parts)
}

/// Reads the template, from an editor if requested. With a saved prompt, there need not be one.
async fn pattern(
    guard: SecretGuard<'_>,
    ask: &cli::AskArgs,
    many: &BatchItemArgs,
    has_template: bool,
) -> Result<Option<ItemTemplate>, Error> {
    let mut edited = many.pattern.clone();
    if ask.input.edit {
        edited = Some(edit_in_draft(guard.app, many.pattern.as_deref().unwrap_or_default()).await?);
    }
    match edited {
        Some(template) => {
            let template = guard.check_words("the template", template);
            Ok(Some(ItemTemplate::parse(&template)?))
        }
        None if has_template => Ok(None),
        None if !many.paths.is_empty() => Err(Error::Usage {
            message: "no template; everything after --files is taken as files".to_owned(),
            hint: Some(
                "put the template first, as in `langdock batch 'Summarise: {text}' --files \
                FILE...`, or after `--`"
                    .to_owned(),
            ),
        }),
        None => Err(Error::Usage {
            message: "no template".to_owned(),
            hint: Some(
                "say what to ask about each item: `langdock batch 'Summarise: {text}' -i FILE`"
                    .to_owned(),
            ),
        }),
    }
}

/// Determines where the items come from.
fn feed(
    app: &App,
    ask: &cli::AskArgs,
    many: &BatchItemArgs,
    stdin_use: StdinUse,
) -> Result<Feed, Error> {
    let is_dash = |path: &Path| path.as_os_str() == "-";
    if !many.paths.is_empty() {
        if many.paths.iter().any(|path| is_dash(path)) {
            return Err(Error::Usage {
                message: "--files does not accept standard input".to_owned(),
                hint: Some("use -i - for lines on standard input".to_owned()),
            });
        }
        return Ok(Feed::Files {
            paths: many.paths.clone(),
            exclude: ask.input.exclude.clone(),
        });
    }
    match many.input.as_deref() {
        Some(path) if !is_dash(path) => Ok(Feed::Lines(path.to_owned())),
        Some(_) if ask.input.no_stdin || stdin_use != StdinUse::Open => Err(Error::Usage {
            message: "standard input provides the items; it cannot be used for anything else, or \
                with --no-stdin"
                .to_owned(),
            hint: Some("put the items into a file, and name it with -i".to_owned()),
        }),
        Some(_) => Ok(Feed::Stdin),
        None => {
            let may_be_stdin = stdin_use == StdinUse::Open && !ask.input.no_stdin;
            let look = || {
                Stdin::look(app.facts.stdin_is_terminal, true).map_err(crate::input::Error::Stdin)
            };
            if may_be_stdin && matches!(look()?, Stdin::Readable(_)) {
                return Ok(Feed::Stdin);
            }
            Err(Error::Usage {
                message: "no items".to_owned(),
                hint: Some(
                    "name a file of lines with -i, or files with --files, or pipe lines in"
                        .to_owned(),
                ),
            })
        }
    }
}

/// Reads the attachments that every request gets.
async fn attached(
    guard: SecretGuard<'_>,
    input: &cli::InputArgs,
    stdin_use: StdinUse,
) -> Result<Turn, Error> {
    let app = guard.app;
    let mut stdin = None;
    if stdin_use == StdinUse::AskedFor {
        stdin = read_stdin(app, true, true, most_bytes(input)).await?;
    }
    if input.attached.iter().any(|path| path.as_os_str() == "-") {
        stdin = stdin.map(Attachment::not_as_text).transpose()?;
    }
    if let Some(stdin) = &mut stdin {
        guard.check_stdin(stdin);
    }
    let files = files_of_flags(guard, input).await?;
    // A blank prompt is ignored, but keeps standard input from becoming the prompt.
    match assemble(Some(""), files, stdin) {
        Err(crate::input::Error::NoPrompt) => Ok(Turn::default()),
        turn => Ok(turn?),
    }
}
