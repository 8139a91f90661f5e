//! `langdock usage`: summarises the usage log, and shows the rate-limit ledgers.

mod limits;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(crate) use limits::usage_limits;

use crate::app::App;
use crate::cli;
use crate::config::{Flags, Paths, State};
use crate::error::Error;
use crate::exchange::settings::merged_config;
use crate::protocol::{BilledTokens, PriceOverride, model_price};
use crate::text::{TableColumn, TextTable, counted, grouped};
use crate::usage::{CostTotals, RecordCost, UsageLog, UsageRecord, UsageSummary, UsageTotals};

/// The row for requests without a tag.
const NO_TAG: &str = "(none)";

/// The headings of the numeric columns.
const HEADINGS: [&str; 10] = [
    "requests",
    "failed",
    "in",
    "cached",
    "% cached",
    "out",
    "waited",
    "429s",
    "list price",
    "saved",
];

/// Number of columns: the name of a group, and its numbers.
const COLUMNS: usize = 1 + HEADINGS.len();

/// Summarises the log.
pub(crate) fn usage(app: &App, args: &cli::UsageArgs) -> Result<(), Error> {
    let no_home = || Error::Usage {
        message: "HOME is not set, so there is no usage log".to_owned(),
        hint: Some("set HOME".into()),
    };
    let log = UsageLog::in_directory(State::for_user().ok_or_else(no_home)?.directory());
    let since = args
        .since
        .and_then(|since| SignedDuration::try_from(since).ok());
    // A time before the earliest timestamp means all records.
    let since = since.and_then(|since| Timestamp::now().checked_sub(since).ok());
    let prices = merged_config(app, &Flags::default(), &Paths::find(&app.env))?.prices();
    let mut sums = UsageSummary::new(args.by.into(), TimeZone::system());
    let mut earlier = 0;
    let read = log.read_records(|record| {
        if since.is_none_or(|since| record.ended_at >= since) {
            sums.add_record(record, record_cost(record, &prices));
        } else {
            earlier += 1;
        }
    });
    let broken = read.map_err(|source| Error::Unreadable {
        path: log.path().to_owned(),
        source,
    })?;
    if broken > 0 {
        let path = log.path().display();
        app.notices.notice(&format!(
            "skipping {} of `{path}`",
            counted(broken, "invalid line")
        ));
    }
    if args.json {
        return app.print_object(&object(&sums));
    }
    if sums.total.requests == 0 {
        let path = log.path().display();
        app.notices.notice(&match earlier {
            0 => format!("no requests in `{path}` yet"),
            _ => format!(
                "no requests in that period; `{path}` has {} from earlier",
                counted(earlier, "request")
            ),
        });
        return Ok(());
    }
    app.print_table(&table(&sums))
}

/// Returns what a request cost at today's prices; none if its model has none.
fn record_cost(record: &UsageRecord, prices: &[PriceOverride]) -> Option<RecordCost> {
    let written = record.cache_write.saturating_add(record.cache_write_1h);
    let tokens = BilledTokens {
        fresh: record.tokens_in.saturating_sub(written),
        read: record.cache,
        short_writes: record.cache_write,
        long_writes: record.cache_write_1h,
        output: record.tokens_out,
    };
    let price = model_price(&record.model, prices)?;
    Some(RecordCost {
        list_price: price.cost(tokens),
        cache_saved: price.saved(tokens),
    })
}

fn object(sums: &UsageSummary) -> Value {
    let row = |name: Option<&str>, row: &UsageTotals| {
        let mut object = json!(row);
        if let Some(name) = name {
            object[sums.grouped_by().name()] = if name.is_empty() {
                Value::Null
            } else {
                name.into()
            };
        }
        object
    };
    let rows: Vec<Value> = sums
        .rows
        .iter()
        .map(|(name, sums)| row(Some(name), sums))
        .collect();
    json!({"by": sums.grouped_by().name(), "rows": rows, "total": row(None, &sums.total)})
}

fn table(sums: &UsageSummary) -> TextTable<COLUMNS> {
    let mut layout = [TableColumn::RIGHT; COLUMNS];
    layout[0] = TableColumn::LEFT;
    let mut table = TextTable::new(layout);
    let mut headings = [sums.grouped_by().name(); COLUMNS];
    headings[1..].copy_from_slice(&HEADINGS);
    table.push_row(headings.map(str::to_owned));
    for (name, row) in &sums.rows {
        table.push_row(cells(if name.is_empty() { NO_TAG } else { name }, row));
    }
    table.push_row(cells("total", &sums.total));
    table
}

fn cells(name: &str, row: &UsageTotals) -> [String; COLUMNS] {
    [
        name.to_owned(),
        grouped(row.requests),
        grouped(row.failed),
        grouped(row.tokens_in),
        grouped(row.cache),
        row.cached_percent()
            .map_or_else(String::new, |percent| format!("{percent}%")),
        grouped(row.tokens_out),
        format!("{}s", grouped(format_args!("{:.0}", row.waited_s))),
        grouped(row.refused),
        list_price(&row.cost),
        saved(&row.cost),
    ]
}

/// Returns the cost, with a plus sign if some requests have no price.
fn list_price(cost: &CostTotals) -> String {
    match (cost.priced, cost.requests_without_price) {
        (0, _) => String::new(),
        (_, 0) => cost.list_price.to_string(),
        _ => format!("{}+", cost.list_price),
    }
}

/// Returns what the cache has saved.
fn saved(cost: &CostTotals) -> String {
    match cost.priced {
        0 => String::new(),
        _ => cost.cache_saved.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{UsageGroup, UsageRecord};

    #[test]
    fn names_stand_left_and_numbers_right() {
        let mut sums = UsageSummary::new(UsageGroup::Tag, TimeZone::UTC);
        let record = UsageRecord {
            model: "claude-sonnet-5".to_owned(),
            tokens_in: 1_000,
            cache: 500_000,
            tokens_out: 5,
            ..UsageRecord::default()
        };
        let mut add = |record: &UsageRecord| sums.add_record(record, record_cost(record, &[]));
        add(&UsageRecord {
            outcome: "complete".to_owned(),
            ..record.clone()
        });
        add(&UsageRecord {
            tag: Some("\u{1b}x".to_owned()),
            model: "other".to_owned(),
            waited_s: 1_061.4,
            refused: 3,
            ..record
        });
        let expected = "\
tag     requests  failed     in     cached  % cached  out  waited  429s  list price    saved
(none)         1       0  1,000    500,000       99%    5      0s     0     $0.1021  $0.9000
␛x             1       1  1,000    500,000       99%    5  1,061s     3
total          2       1  2,000  1,000,000       99%   10  1,061s     3    $0.1021+  $0.9000
";
        assert_eq!(table(&sums).to_sanitized_text(), expected);
        assert_eq!(object(&sums)["rows"][0]["tag"], Value::Null);
        assert_eq!(object(&sums)["total"]["in"], 2_000);
        assert_eq!(
            object(&sums)["total"]["cost"],
            json!({
                "list_price": 0.10205, "cache_saved": 0.9, "currency": "USD",
                "requests_without_price": 1,
            })
        );
    }
}
