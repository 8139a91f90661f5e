//! What `doctor` finds of the ledger that machines share.

use super::finding::Finding;
use crate::app::App;
use crate::client::LedgerServerInfo;
use crate::error::Error;
use crate::exchange::model_catalog::ModelCatalog;

/// The memory policy that evicts nothing.
const SAFE_POLICY: &str = "noteviction";

/// Looks at the shared ledger; nothing where there is none.
pub(super) async fn of_ledger(
    app: &App,
    catalog: &ModelCatalog<'_>,
) -> Result<Vec<Finding>, Error> {
    let pace = catalog.settings().options.pace.as_ref();
    let Some((pace, access)) = pace.and_then(|pace| Some((pace, pace.ledger.as_ref()?))) else {
        return Ok(Vec::new());
    };
    let asked = app.unless_interrupted(catalog.ledger_server_info()).await?;
    let Some(info) = asked? else {
        return Ok(Vec::new());
    };
    let address = access.url.address();
    let of_server = match info {
        Ok(info) => of_server(&info, &address),
        Err(failure) => Finding::note(
            "ledger",
            format!("cannot use {address}: {failure}; requests keep to this machine's share"),
            "check `ledger` in the config file or LANGDOCK_LEDGER, and the server",
        ),
    };
    let of_workspace = match &pace.workspace {
        Some(workspace) => Finding::ok("workspace", workspace.clone()),
        None => Finding::note(
            "workspace",
            "none: only machines that use the same key share a ledger",
            "langdock config set workspace NAME, on each machine",
        ),
    };
    Ok(vec![of_server, of_workspace])
}

fn of_server(info: &LedgerServerInfo, address: &str) -> Finding {
    let policy = info.memory_policy.as_deref();
    let found = format!(
        "{} at {address} answered in {:.3} s; memory policy {}",
        info.version,
        info.round_trip.as_secs_f64(),
        policy.unwrap_or("unknown")
    );
    if info.has_memory_limit && policy.is_some_and(|policy| policy != SAFE_POLICY) {
        return Finding::note(
            "ledger",
            format!("{found}: it may evict the ledger when its memory is full"),
            format!("redis-cli config set maxmemory-policy {SAFE_POLICY}"),
        );
    }
    Finding::ok("ledger", found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_server_that_may_evict_the_ledger_is_noted() {
        for (has_memory_limit, policy, expected) in [
            (true, "allkeys-lru", State::Note),
            (true, "noteviction", State::Ok),
            (false, "allkeys-lru", State::Ok),
        ] {
            let info = LedgerServerInfo {
                version: "Redis 7.0.15".to_owned(),
                round_trip: Duration::from_millis(21),
                memory_policy: Some(policy.to_owned()),
                has_memory_limit,
            };
            let finding = of_server(&info, "host:1");
            assert_eq!(finding.state, expected, "{policy}");
            let found = "Redis 7.0.15 at host:1 answered in 0.021 s; memory policy ";
            assert!(finding.found.starts_with(found), "{}", finding.found);
        }
    }
}
