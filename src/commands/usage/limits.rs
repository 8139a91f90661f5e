//! `langdock usage --limits`: the rate-limit ledgers as they are now, and who holds what in them.

use serde_json::{Value, json};

use crate::app::App;
use crate::cli;
use crate::client::ApiClient;
use crate::error::Error;
use crate::exchange::model_catalog::ModelCatalog;
use crate::exchange::setup::set_up_connection;
use crate::pace::{HolderView, LimitsView};
use crate::text::{TableColumn, TextTable, format_seconds, grouped, round_up_to_seconds};

/// The headings of the columns.
const HEADINGS: [&str; 7] = [
    "model",
    "machine",
    "process",
    "queued",
    "in flight",
    "requests",
    "tokens",
];

/// The ledger of one model.
struct ModelLedger {
    model: String,
    view: LimitsView,
}

/// Shows the ledgers of the models that are chosen, have limits set, or are on the list.
pub(crate) async fn usage_limits(app: &App, args: &cli::UsageArgs) -> Result<(), Error> {
    let (_demo, catalog) = set_up_connection(app, &args.connection).await?;
    let client = catalog.client().await?;
    let ledgers = app
        .unless_interrupted(ledgers(app, &catalog, &client))
        .await?;
    let machine = client.machine_number();
    let pace = catalog.settings().options.pace.as_ref();
    let server = pace
        .and_then(|pace| pace.ledger.as_ref())
        .map(|access| access.url.masked());
    if args.json {
        return app.print_object(&object(&ledgers, server.as_deref(), machine));
    }
    for ledger in &ledgers {
        if let Some(wait) = ledger.view.blocked_for {
            app.notices.notice(&format!(
                "{} answered 429; no requests are sent to it for another {}",
                ledger.model,
                format_seconds(round_up_to_seconds(wait))
            ));
        }
    }
    if ledgers.is_empty() {
        app.notices.notice("no ledger yet");
        return Ok(());
    }
    app.print_table(&table(&ledgers, machine))
}

async fn ledgers(app: &App, catalog: &ModelCatalog<'_>, client: &ApiClient) -> Vec<ModelLedger> {
    let mut ledgers = Vec::new();
    for model in models(catalog).await {
        match client.limits_view(&model).await {
            Ok(Some(reply)) => {
                if let Some(notice) = reply.notice {
                    app.notices.notice(&notice);
                }
                ledgers.extend(reply.outcome.map(|view| ModelLedger { model, view }));
            }
            Ok(None) => {}
            Err(error) => app
                .notices
                .notice(&format!("cannot read the ledger of {model}: {error}")),
        }
    }
    ledgers
}

async fn models(catalog: &ModelCatalog<'_>) -> Vec<String> {
    let mut models: Vec<String> = catalog.known_model().await.into_iter().collect();
    if let Some(pace) = &catalog.settings().options.pace {
        models.extend(pace.limits.iter().map(|(model, _)| model.clone()));
    }
    let listed = catalog.remembered().await.unwrap_or_default();
    let listed = listed.into_iter().flat_map(|list| list.models);
    models.extend(listed.map(|model| model.id().to_owned()));
    let mut distinct: Vec<String> = Vec::new();
    for model in models {
        if !distinct.contains(&model) {
            distinct.push(model);
        }
    }
    distinct
}

/// Returns what a holder's machine is called; without a shared ledger all are this one.
fn machine_name(holder: &HolderView, machine: Option<u64>) -> String {
    let number = holder.holder.machine;
    if number == 0 || Some(number) == machine {
        "this machine".to_owned()
    } else {
        format!("{number:012x}")
    }
}

fn table(ledgers: &[ModelLedger], machine: Option<u64>) -> TextTable<7> {
    let mut layout = [TableColumn::RIGHT; 7];
    layout[0] = TableColumn::LEFT;
    layout[1] = TableColumn::LEFT;
    let mut table = TextTable::new(layout);
    table.push_row(HEADINGS.map(str::to_owned));
    for ModelLedger { model, view } in ledgers {
        for holder in &view.holders {
            table.push_row([
                model.clone(),
                machine_name(holder, machine),
                holder.holder.process.to_string(),
                grouped(holder.queued),
                grouped(holder.in_flight),
                grouped(holder.in_flight + holder.ended),
                grouped(holder.tokens),
            ]);
        }
        let in_flight = view
            .holders
            .iter()
            .map(|holder| holder.in_flight)
            .sum::<u64>();
        table.push_row([
            model.clone(),
            "all".to_owned(),
            String::new(),
            grouped(view.queued),
            grouped(in_flight),
            grouped(view.requests),
            grouped(view.tokens),
        ]);
        let limit = |limit: Option<u64>| limit.map_or_else(|| "none".to_owned(), grouped);
        table.push_row([
            model.clone(),
            "limit per minute".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            limit(view.limits.requests),
            limit(view.limits.tokens),
        ]);
    }
    table
}

fn object(ledgers: &[ModelLedger], server: Option<&str>, machine: Option<u64>) -> Value {
    let holder = |holder: &HolderView| {
        let number = holder.holder.machine;
        json!({
            "machine": (number != 0).then(|| format!("{number:012x}")),
            "this_machine": number == 0 || Some(number) == machine,
            "process": holder.holder.process,
            "queued": holder.queued,
            "in_flight": holder.in_flight,
            "requests": holder.in_flight + holder.ended,
            "tokens": holder.tokens,
        })
    };
    let ledger = |ModelLedger { model, view }: &ModelLedger| {
        json!({
            "model": model,
            "limits": {"requests": view.limits.requests, "tokens": view.limits.tokens},
            "requests": view.requests,
            "tokens": view.tokens,
            "queued": view.queued,
            "blocked_s": view.blocked_for.map(|wait| wait.as_secs_f64()),
            "holders": view.holders.iter().map(holder).collect::<Vec<_>>(),
        })
    };
    json!({"ledger": server, "models": ledgers.iter().map(ledger).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::{RateLimits, ReservationHolder};

    #[test]
    fn each_holder_has_a_row_and_below_them_are_the_sum_and_the_limit() {
        let holder = |machine, process, queued| HolderView {
            holder: ReservationHolder { machine, process },
            queued,
            in_flight: 1,
            ended: 1_000,
            tokens: 5_000,
        };
        let view = LimitsView {
            limits: RateLimits {
                requests: Some(5_000),
                tokens: None,
            },
            requests: 2_002,
            tokens: 10_000,
            queued: 3,
            blocked_for: None,
            holders: vec![holder(7, 1234, 0), holder(0xabc, 5, 3)],
        };
        let ledgers = [ModelLedger {
            model: "m".to_owned(),
            view,
        }];
        let expected = "\
model  machine           process  queued  in flight  requests  tokens
m      this machine         1234       0          1     1,001   5,000
m      000000000abc            5       3          1     1,001   5,000
m      all                             3          2     2,002  10,000
m      limit per minute                               5,000    none
";
        let text = table(&ledgers, Some(7)).to_text();
        let squeezed = |text: &str| {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            text.lines().map(words).collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&text), squeezed(expected));
        let object = object(&ledgers, Some("redis://host"), Some(7));
        let holders = &object["models"][0]["holders"];
        assert_eq!(holders[0]["this_machine"], true);
        assert_eq!(holders[1]["machine"], "000000000abc");
    }
}
