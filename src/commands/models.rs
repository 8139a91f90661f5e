//! `langdock models`: lists the models of the region, from the server or from the cache.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::cli;
use crate::client::ListedModel;
use crate::config::LearnedRules;
use crate::error::Error;
use crate::exchange::setup::set_up_connection;
use crate::text::{TableColumn, TextTable, format_short_age, grouped};

/// The columns of the list, on a terminal.
const HEADER: [&str; 5] = ["MODEL", "NAME", "RELEASED", "INPUT", "OUTPUT"];

/// Lists the models.
pub(crate) async fn models(app: &App, args: &cli::ModelsArgs) -> Result<(), Error> {
    let (_demo, catalog) = set_up_connection(app, &args.connection).await?;
    let remembered = if args.refresh {
        None
    } else {
        catalog.remembered().await?
    };
    let age = remembered.as_ref().map(|list| list.age);
    let models = match remembered {
        Some(list) => list.models,
        None => catalog.ask().await?,
    };
    if args.refresh {
        catalog.forget_learned();
    }
    let learned = catalog.learned();
    let region = catalog.settings().endpoint.region().as_str();
    if models.is_empty() {
        app.notices.notice(&format!(
            "region `{region}` offers no models for this key: try another --region, or ask your \
            workspace's admin"
        ));
    }
    if args.json {
        return app.print_object(&json_list(&models, region, age, &learned));
    }
    if let Some(age) = age {
        app.notices.notice(&format!(
            "cached {} ago; --refresh updates it",
            format_short_age(age)
        ));
    }
    let has_header = app.facts.stdout_is_terminal;
    if args.long {
        return app.print_table(&long_table(&models, &learned, has_header));
    }
    app.print_table(&table(&models, has_header))
}

fn json_list(
    models: &[ListedModel],
    region: &str,
    age: Option<Duration>,
    learned: &LearnedRules,
) -> Value {
    let data: Vec<&Value> = models.iter().map(ListedModel::object).collect();
    let learned_of = |model: &ListedModel| {
        let facts = learned.of_model(model.id());
        let named = facts.iter().map(|(option, fact)| (option.name(), *fact));
        let named: BTreeMap<&str, bool> = named.collect();
        (!named.is_empty()).then(|| (model.id().to_owned(), json!(named)))
    };
    let learned: serde_json::Map<String, Value> = models.iter().filter_map(learned_of).collect();
    json!({
        "data": data,
        "langdock": {
            "region": region,
            "cached": age.is_some(),
            "age_s": age.map_or(0, |age| age.as_secs()),
            "learned": learned,
        },
    })
}

/// Returns a row for each model, beginning with its id. What the list does not provide is left
/// blank.
fn table(models: &[ListedModel], has_header: bool) -> TextTable<5> {
    let (text, number) = (TableColumn::LEFT, TableColumn::RIGHT);
    let table = TextTable::new([text, text, text, number, number]);
    let mut table = table.with_header(has_header.then_some(HEADER));
    table.extend(models.iter().map(row));
    table
}

/// Returns the same table with the capabilities of each model: those in the list, and those learned
/// from answers.
fn long_table(models: &[ListedModel], learned: &LearnedRules, has_header: bool) -> TextTable<9> {
    let [id, name, created, window, output] = HEADER;
    let header = [
        id,
        name,
        created,
        window,
        output,
        "CAPABILITIES",
        "",
        "",
        "",
    ];
    let mut table =
        TextTable::new([TableColumn::LEFT; 9]).with_header(has_header.then_some(header));
    table.extend(models.iter().map(|model| {
        let [id, name, created, window, output] = row(model);
        let facts = learned.of_model(model.id());
        let named = |is_accepted: bool, verb: &str| {
            let names = facts.iter().filter(|(_, fact)| **fact == is_accepted);
            let names: Vec<&str> = names.map(|(option, _)| option.name()).collect();
            if names.is_empty() {
                String::new()
            } else {
                format!("{verb} {}", names.join(", "))
            }
        };
        [
            id,
            name,
            created,
            window,
            output,
            model.capabilities().join(", "),
            model
                .retires_at()
                .map_or(String::new(), |date| format!("retires {}", day(date))),
            named(false, "refused"),
            named(true, "accepted"),
        ]
    }));
    table
}

/// Returns the day of a date in the list.
fn day(date: &str) -> String {
    date.chars().take("2026-01-31".len()).collect()
}

fn row(model: &ListedModel) -> [String; 5] {
    [
        model.id().to_owned(),
        model.display_name().unwrap_or_default().to_owned(),
        model.created_at().map_or(String::new(), day),
        model
            .context_window()
            .map_or(String::new(), |tokens| format!("{} in", grouped(tokens))),
        model
            .max_output()
            .map_or(String::new(), |tokens| format!("{} out", grouped(tokens))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::models_of;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let list = |data: &Value| models_of(&json!({ "data": data })).expect("a list");
        let full = list(&json!([
            {"id": "long-model-id", "display_name": "Ä", "created_at": "2026-02-03T04:05:06Z", "max_input_tokens": 9},
            {"id": "short", "max_tokens": 10_000},
        ]));
        assert_eq!(
            table(&full, false).to_text(),
            "long-model-id  Ä  2026-02-03  9 in\nshort                               10,000 out\n"
        );
        assert_eq!(
            table(&list(&json!([{"id": "a"}, {"id": "b"}])), false).to_text(),
            "a\nb\n"
        );
        assert_eq!(table(&[], false).to_text(), "");
    }

    #[test]
    fn a_terminal_gets_a_header_over_the_columns_that_are_there() {
        let models = models_of(&json!({"data": [{"id": "a", "max_tokens": 10}]})).expect("a list");
        assert_eq!(
            table(&models, true).to_text(),
            "MODEL  OUTPUT\na      10 out\n"
        );
    }

    #[test]
    fn a_terminal_gets_nothing_that_it_would_act_on() {
        let list =
            models_of(&json!({"data": [{"id": "a\u{1b}[31m\nb", "display_name": "\u{202e}x"}]}))
                .expect("a list");
        assert_eq!(
            table(&list, false).to_sanitized_text(),
            "a␛[31m b  <U+202E>x\n"
        );
        assert_eq!(table(&list, false).to_text(), "a\u{1b}[31m b  \u{202e}x\n");
    }
}
