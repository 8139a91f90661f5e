//! Where a conversation that is continued goes: to the endpoint, region and model of its last turn,
//! unless the command line names others.
//!
//! What was said in one region is sent to another only by a flag: neither a variable nor the config
//! file, which may have changed since, sends it elsewhere.

use super::model_catalog::ModelCatalog;
use super::settings::settings;
use crate::app::App;
use crate::client::{Endpoint, Region, key_scope_of, with_region};
use crate::config::{Flags, KeySource, Origin, Settings, Sourced};
use crate::error::Error;
use crate::session::{SavedConversation, TurnTarget};
use crate::text::counted;

/// Returns where a turn goes that is sent with these settings to this model.
pub(super) fn turn_target(settings: &Settings, model: &str) -> TurnTarget {
    let endpoint = &settings.endpoint;
    let has_address = settings.key != KeySource::Demo;
    TurnTarget {
        endpoint: has_address.then(|| endpoint.base_url().to_owned()),
        region: endpoint.region().to_string(),
        model: model.to_owned(),
    }
}

/// Returns the settings for what is said next in this conversation; none if those of the catalog
/// hold. Tells the user where it goes if that is not where it would go by the settings, or not
/// where the earlier turns went. `is_sent` is as for [`ModelCatalog::choose`].
///
/// # Errors
///
/// If the endpoint of the conversation can no longer be used, such as plain http without
/// `--allow-http`.
pub(crate) async fn settings_for(
    app: &App,
    flags: &Flags,
    catalog: &ModelCatalog<'_>,
    conversation: &SavedConversation,
    is_sent: bool,
) -> Result<Option<Settings>, Error> {
    if conversation.tip().is_none() {
        return Ok(None);
    }
    let current = catalog.settings();
    let is_demo = current.key == KeySource::Demo;
    let has_flag = |key: &str| flags.settings.contains(key);
    let target = conversation.last_target();
    let mut next = None;
    match target.and_then(|target| Some((target, target.endpoint.as_deref()?))) {
        _ if is_demo => {}
        // Of `--demo`, in whose store it is.
        None if current.records.is_replay() => {}
        None => app.notices.notice(&format!(
            "`{}` was saved by an earlier version of langdock, without its endpoint; from now on \
                it is sent to {}",
            conversation.title(),
            place_name(&current.endpoint),
        )),
        Some((target, base_url)) if !is_same(&current.endpoint, target, base_url) => {
            if !has_flag("base_url") {
                let base_url = kept_base_url(current, has_flag("region"), target, base_url)
                    .ok_or_else(|| unclear_region(conversation, base_url))?;
                next = Some(settings_at(app, flags, base_url, target)?);
            }
            let endpoint = &next.as_ref().unwrap_or(current).endpoint;
            if is_same(endpoint, target, base_url) {
                app.notices.notice(&format!(
                    "continuing `{}` at {}, where its last turn went; --region or --base-url \
                     changes this",
                    conversation.title(),
                    place_name(endpoint),
                ));
            } else {
                app.notices.notice(&format!(
                    "{} of `{}` that went to {} (region {}) will now also be sent to {}",
                    counted(conversation.current_branch().len(), "turn"),
                    conversation.title(),
                    host_of(base_url),
                    target.region,
                    place_name(endpoint),
                ));
            }
        }
        Some(_) => {}
    }
    if !has_flag("model") {
        let settings = next.as_ref().unwrap_or(current);
        let catalog = catalog.with_settings(settings.clone());
        let model = match target {
            Some(target) => Some(target.model.clone()),
            None if is_sent => answering_model(&catalog, conversation).await,
            None => None,
        };
        let chosen = settings.model.as_ref().map(|model| &model.value);
        if let Some(model) = model.filter(|model| Some(model) != chosen) {
            next.get_or_insert_with(|| current.clone()).model = Some(Sourced {
                value: model,
                origin: Origin::Conversation,
            });
        }
    }
    Ok(next)
}

/// Returns the base URL of a conversation's endpoint in the region that goes on; none if it is not
/// clear where in it the region is. A base URL of the settings may say that, for the same host.
fn kept_base_url(
    current: &Settings,
    has_region: bool,
    target: &TurnTarget,
    base_url: &str,
) -> Option<String> {
    let region = current.endpoint.region();
    if !has_region || region.as_str() == target.region {
        return Some(base_url.to_owned());
    }
    with_region(base_url, &target.region, region).or_else(|| {
        let is_same_host =
            key_scope_of(Some(base_url), region).as_ref() == Some(&current.endpoint.key_scope());
        is_same_host.then(|| current.endpoint.base_url().to_owned())
    })
}

/// Returns the settings with this base URL, and the region of a conversation unless a flag has
/// another.
fn settings_at(
    app: &App,
    flags: &Flags,
    base_url: String,
    target: &TurnTarget,
) -> Result<Settings, Error> {
    let mut flags = flags.clone();
    flags.settings.set_flag("base_url", Some(base_url));
    if !flags.settings.contains("region") {
        flags
            .settings
            .set_flag("region", Some(target.region.clone()));
    }
    settings(app, &flags, None)
}

fn unclear_region(conversation: &SavedConversation, base_url: &str) -> Error {
    Error::Usage {
        message: format!(
            "`{}` was sent to {base_url}, which does not name its region, so --region alone cannot \
             change it",
            conversation.title()
        ),
        hint: Some("say where it goes on with --base-url as well".to_owned()),
    }
}

/// Returns the model that answered last, if the region has one of that name: an answer may name a
/// model otherwise than a request has to.
async fn answering_model(
    catalog: &ModelCatalog<'_>,
    conversation: &SavedConversation,
) -> Option<String> {
    let model = conversation.last_answering_model()?;
    let list = catalog.remembered().await.ok()??;
    let is_listed = list.models.iter().any(|listed| listed.id() == model);
    is_listed.then(|| model.to_owned())
}

/// Whether a conversation's endpoint is this one. Whether plain http is allowed is not asked here.
fn is_same(endpoint: &Endpoint, target: &TurnTarget, base_url: &str) -> bool {
    let region = Region::new(&target.region).ok();
    Endpoint::new(Some(base_url), region.as_ref(), true).is_ok_and(|other| other == *endpoint)
}

fn place_name(endpoint: &Endpoint) -> String {
    format!("{}, region {}", endpoint.host(), endpoint.region())
}

/// Returns the host and port of a base URL, or all of it if it has none.
fn host_of(base_url: &str) -> String {
    Endpoint::new(Some(base_url), None, true)
        .map_or_else(|_| base_url.to_owned(), |endpoint| endpoint.host())
}
