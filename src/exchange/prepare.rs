//! A request from what was given: gathered, checked, put together, and shown where it is only
//! looked at.

use crate::app::App;
use crate::cli;
use crate::compose::build::{Asked, body, build};
use crate::compose::preflight::{check_and_show, estimate, limits};
use crate::compose::sources::Given;
use crate::compose::user_turn::{StdinUse, system_prompt, user_turn};
use crate::compose::{curl, dry_run};
use crate::config::Settings;
use crate::error::Error;
use crate::exchange::model_catalog::{Chosen, Offer};
use crate::exchange::session_recorder::Kept;
use crate::input::{Asking, Estimate, Turn, check_many, pictures_of};
use crate::protocol::{ContentBlock, CreateMessage, InputMessage, Role, SystemPrompt};
use crate::tool::Structured;

/// What a conversation that is gone on with is called in messages.
pub(crate) const EARLIER: &str = "the conversation so far";

/// What the user's turn is gathered from.
pub(crate) struct Gathering<'a> {
    pub(crate) given: Given,
    pub(crate) stdin_use: StdinUse,
    /// The conversation that it goes on with, or begins.
    pub(crate) kept: Option<&'a mut Kept>,
    /// The form that the answer has to have.
    pub(crate) wish: Option<&'a Structured>,
}

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    pub(crate) model: Chosen,
    pub(crate) request: CreateMessage,
    pub(crate) body: Vec<u8>,
    pub(crate) estimate: Estimate,
}

/// Gathers the input, settles on a model and writes the body.
pub(crate) async fn prepare(
    app: &App,
    settings: &Settings,
    args: &cli::Ask,
    gathering: Gathering<'_>,
    offer: &Offer<'_>,
) -> Result<Prepared, Error> {
    let Gathering {
        mut given,
        stdin_use,
        kept,
        wish,
    } = gathering;
    let mut system = system_prompt(app, args.request.system.as_deref()).await?;
    let turn = app
        .unless_interrupted(user_turn(app, args, &mut given, stdin_use))
        .await??;
    for notice in &turn.notices {
        app.notices.notice(notice);
    }
    // The template's system prompt has been filled by now.
    let flags = given.complete(args);
    let (tools, tool_choice) = match wish {
        Some(wish) => (vec![wish.definition()], Some(Structured::choice())),
        None => (
            given.definitions(),
            given.tool_choice(args.tools.tool_choice.as_deref(), &flags)?,
        ),
    };
    if let Some(kept) = kept {
        go_on(kept, &mut given, &mut system, &flags, &turn.content)?;
    }
    check_many(&[given.conversation.pictures.as_slice(), &turn.pictures].concat())?;
    let is_sent = !(args.looking.dry_run || args.looking.curl);
    let model = offer.choose(is_sent).await?;
    let earlier = &given.conversation.messages;
    let estimate = estimate(
        Some(&model.id),
        (&flags, system.as_deref()),
        &tools,
        earlier,
        &turn,
    );
    if !args.input.no_check {
        let limits = limits(offer, &model.id, estimate.total(), is_sent).await;
        check_and_show(app, &estimate, &limits)?;
    }
    let asked = Asked {
        model: model.clone(),
        max_tokens: settings.max_tokens.as_ref().map(|tokens| tokens.value),
        system,
        tools,
        earlier: given.conversation.messages,
        content: turn.content,
        tool_choice,
        stream: !args.output.looks.no_stream,
    };
    let request = build(&flags, asked)?;
    let parts: Vec<_> = given
        .conversation_part
        .into_iter()
        .chain(turn.parts)
        .collect();
    let body = body(&request, &parts, args.input.no_check)?;
    Ok(Prepared {
        model,
        request,
        body,
        estimate,
    })
}

/// Puts the conversation before what is said now, which is what will be saved.
fn go_on(
    kept: &mut Kept,
    given: &mut Given,
    system: &mut Option<String>,
    flags: &cli::Request,
    content: &[ContentBlock],
) -> Result<(), Error> {
    if kept.is_saved() {
        let mut said = given.conversation.messages.clone();
        said.push(InputMessage {
            role: Role::User,
            content: content.to_vec(),
        });
        said.extend(flags.prefill.as_deref().map(|prefill| InputMessage {
            role: Role::Assistant,
            content: vec![ContentBlock::text(prefill)],
        }));
        said.retain(|message| !message.content.is_empty());
        kept.say(said, system.clone());
    }
    if system.is_none() && flags.fields.iter().all(|(key, _)| key != "system") {
        *system = kept.conversation().system().map(str::to_owned);
    }
    let mut messages = kept.conversation().messages();
    given
        .conversation
        .pictures
        .splice(0..0, pictures_of(&messages, EARLIER)?);
    messages.append(&mut given.conversation.messages);
    given.conversation.messages = messages;
    given
        .conversation_part
        .get_or_insert_with(|| (EARLIER.to_owned(), kept.conversation().size()));
    Ok(())
}

/// Estimates a request that is put together.
pub(crate) fn estimate_of(request: &CreateMessage) -> Estimate {
    let system = request.system.as_ref().map(SystemPrompt::text);
    Estimate::of(Asking {
        model: Some(&request.model),
        system: system.as_deref(),
        tools: &request.tools,
        earlier: &request.messages,
        turn: &Turn::default(),
        prefill: None,
    })
}

/// Whether the request is only looked at; it is shown then.
pub(crate) fn looked_at(
    app: &App,
    settings: &Settings,
    ask: &cli::Ask,
    stream: bool,
    body: &[u8],
) -> Result<bool, Error> {
    if ask.looking.dry_run {
        app.print_object(&dry_run::shown_body(body))?;
    } else if ask.looking.curl {
        let text = str::from_utf8(body).expect("JSON is UTF-8");
        app.print_json(&curl::curl_command(
            &settings.endpoint,
            &settings.options,
            stream,
            text,
        ))?;
    }
    Ok(ask.looking.dry_run || ask.looking.curl)
}
