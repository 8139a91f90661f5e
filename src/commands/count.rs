//! `langdock count`: estimates the tokens of a request, by part. Nothing is sent, and no key is
//! needed.

use serde_json::{Value, json};

use crate::app::App;
use crate::cli;
use crate::client::DEFAULT_MAX_TOKENS;
use crate::compose::build::{RequestParts, build};
use crate::compose::picture_fitting::{count_pictures, fit_turn};
use crate::compose::preflight::{check, table};
use crate::compose::secret_guard::SecretGuard;
use crate::compose::user_turn::{default_system, stdin_use, system_prompt, user_turn};
use crate::config::State;
use crate::error::Error;
use crate::exchange::model_catalog::ModelCatalog;
use crate::exchange::selected_model::SelectedModel;
use crate::exchange::setup::read_sources;
use crate::input::{Estimate, Part};
use crate::usage::CalibrationFactors;

/// The estimate, and what is known about the model.
struct Counted<'a> {
    estimate: Estimate,
    model: Option<&'a str>,
    window: Option<u64>,
    factor: Option<f64>,
    /// Maximum number of tokens of the answer.
    max_tokens: u64,
}

/// Estimates the tokens of a request.
pub(crate) async fn count(app: &App, args: cli::CountArgs) -> Result<(), Error> {
    let is_json = args.json;
    let args = args.into_ask();
    let stdin_use = stdin_use(&args, None)?;
    let (mut given, _, settings) = read_sources(app, &args, None, None).await?;
    let catalog = ModelCatalog::new(app, settings);
    let guard = SecretGuard::new(app, &catalog.settings().secrets);
    let system = system_prompt(guard, args.request.system()).await?;
    let has_other = system.is_some() || given.has_field("system");
    let system = system.or(default_system(app, catalog.settings(), has_other).await?);
    let mut turn = app
        .unless_interrupted(user_turn(guard, &args, &mut given, stdin_use))
        .await??;
    for notice in &turn.notices {
        app.notices.notice_always(notice);
    }
    let mut spec = given.resolve(&args, catalog.settings())?;
    spec.check_typed(guard, &args.request);
    let model = catalog.known_model().await;
    let model = model.as_deref();
    let count = count_pictures(&given.conversation.messages) + turn.pictures.len();
    fit_turn(app, &mut turn, catalog.picture_fit(model, count)).await?;
    if !args.input.no_check {
        let pdfs = [given.conversation.pdfs.as_slice(), &turn.pdfs].concat();
        catalog.check_pdfs(&pdfs, model, false).await?;
        let pictures = [given.conversation.pictures.as_slice(), &turn.pictures].concat();
        catalog.check_pictures(&pictures, model, false).await?;
    }
    let parts = RequestParts {
        model: model.unwrap_or_default().to_owned(),
        max_tokens: DEFAULT_MAX_TOKENS,
        system,
        tools: given.definitions(),
        tool_choice: None,
        earlier: std::mem::take(&mut given.conversation.messages),
        content: turn.content,
    };
    let estimate = Estimate::of_request(&build(&spec, parts)?, &turn.names);
    let window = match model {
        Some(model) => catalog.window(model, false).await,
        None => None,
    };
    let factor = model.and_then(|model| {
        CalibrationFactors::in_directory(State::for_user()?.directory())
            .for_model(model, estimate.total().high)
    });
    let chosen = catalog
        .settings()
        .max_tokens
        .as_ref()
        .map(|tokens| tokens.value);
    let max_tokens = match (chosen, model) {
        (Some(tokens), _) => tokens,
        (None, Some(model)) => {
            let model = SelectedModel::given(model);
            catalog
                .default_max_tokens(&model, DEFAULT_MAX_TOKENS, false)
                .await?
        }
        (None, None) => DEFAULT_MAX_TOKENS,
    };
    let counted = Counted {
        estimate,
        model,
        window,
        factor,
        max_tokens,
    };
    if is_json {
        app.print_object(&object(&counted))?;
    } else {
        app.print_json(&page(&counted))?;
    }
    let (Some(model), false) = (model, args.input.no_check) else {
        return Ok(());
    };
    let limits = catalog.limits(model, counted.estimate.total(), false).await;
    check(app, &counted.estimate, &limits)
}

fn page(counted: &Counted<'_>) -> String {
    let mut text = table(&counted.estimate, counted.factor).to_sanitized_text();
    let Counted { max_tokens, .. } = counted;
    text.push_str(&format!(
        "the answer can add up to {}\n",
        crate::text::counted(*max_tokens, "token")
    ));
    if let (Some(model), Some(window)) = (counted.model, counted.window) {
        text.push_str(&format!(
            "{model} has a context window of {}\n",
            crate::text::counted(window, "token")
        ));
    }
    text
}

fn object(counted: &Counted<'_>) -> Value {
    let Counted {
        estimate, factor, ..
    } = counted;
    let part = |part: &Part| {
        let Part { name, tokens } = part;
        json!({"name": name, "low": tokens.low, "likely": tokens.likely(*factor), "high": tokens.paced(*factor)})
    };
    let parts: Vec<Value> = estimate.parts.iter().map(part).collect();
    let low = estimate.total().low;
    json!({
        "model": counted.model,
        "total": {"low": low, "likely": estimate.likely(*factor), "high": estimate.paced(*factor)},
        "parts": parts,
        "max_tokens": counted.max_tokens,
        "window": counted.window,
    })
}
