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
use crate::protocol::ExactJson;
use crate::text::{TableColumn, TextTable, format_short_age, grouped, sanitize_line, wrap_words};

/// The columns of the list, on a terminal.
const HEADER: [&str; 5] = ["MODEL", "NAME", "RELEASED", "INPUT", "OUTPUT"];

/// How they are aligned.
const COLUMNS: [TableColumn; 5] = [
    TableColumn::LEFT,
    TableColumn::LEFT,
    TableColumn::LEFT,
    TableColumn::RIGHT,
    TableColumn::RIGHT,
];

/// From this width on, in columns, a terminal gets the whole table.
const MEDIUM: usize = 80;

/// From this width on, it gets the numbers of tokens.
const NARROW: usize = 50;

/// What is before the details of a model.
const INDENT: &str = "  ";

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
    match app.facts.stdout_columns() {
        None if args.long => app.print_table(&long_table(&models, &learned)),
        None => app.print_table(&table(&models)),
        Some(columns) if args.long => app.print_long(&described(&models, &learned, columns)),
        Some(columns) => app.print_table(&table_for_terminal(&models, columns)),
    }
}

fn json_list(
    models: &[ListedModel],
    region: &str,
    age: Option<Duration>,
    learned: &LearnedRules,
) -> ExactJson {
    let data: Vec<&ExactJson> = models.iter().map(ListedModel::object).collect();
    let learned_of = |model: &ListedModel| {
        let facts = learned.of_model(model.id());
        let named = facts.iter().map(|(option, fact)| (option.name(), *fact));
        let named: BTreeMap<&str, bool> = named.collect();
        (!named.is_empty()).then(|| (model.id().to_owned(), json!(named)))
    };
    let learned: serde_json::Map<String, Value> = models.iter().filter_map(learned_of).collect();
    let mut list = ExactJson::default();
    list.set_field("data", ExactJson::from_value(&data));
    let about = json!({
        "region": region,
        "cached": age.is_some(),
        "age_s": age.map_or(0, |age| age.as_secs()),
        "learned": learned,
    });
    list.set_field("langdock", about);
    list
}

/// Returns a row for each model, beginning with its id, for a pipe. What the list does not provide
/// is left blank.
fn table(models: &[ListedModel]) -> TextTable<5> {
    let mut table = TextTable::new(COLUMNS);
    table.extend(models.iter().map(row));
    table
}

/// Returns the same for a terminal of this width: with a header instead of units, and without the
/// columns for which there is no room.
fn table_for_terminal(models: &[ListedModel], columns: usize) -> TextTable<5> {
    let [is_wide, is_medium] = [MEDIUM, NARROW].map(|least| columns >= least);
    let mut table = TextTable::new(COLUMNS)
        .with_header(Some(HEADER))
        .with_cut_at(Some(columns));
    table.extend(models.iter().map(|model| {
        let [id, name, created, window, output] = row(model);
        let number = |cell: String| cell.split(' ').next().unwrap_or_default().to_owned();
        let if_room = |has_room: bool, cell: String| if has_room { cell } else { String::new() };
        [
            id,
            if_room(is_wide, name),
            if_room(is_wide, created),
            if_room(is_medium, number(window)),
            if_room(is_medium, number(output)),
        ]
    }));
    table
}

/// Returns the table with the capabilities of each model: those in the list, and those learned from
/// answers.
fn long_table(models: &[ListedModel], learned: &LearnedRules) -> TextTable<9> {
    let mut table = TextTable::new([TableColumn::LEFT; 9]);
    table.extend(models.iter().map(|model| {
        let [id, name, created, window, output] = row(model);
        let [capabilities, retires, refused, accepted] = facts(model, learned);
        [
            id,
            name,
            created,
            window,
            output,
            capabilities,
            retires,
            refused,
            accepted,
        ]
    }));
    table
}

/// Returns the same for a terminal: the id of each model, and the rest wrapped below it.
fn described(models: &[ListedModel], learned: &LearnedRules, columns: usize) -> String {
    let mut text = String::new();
    for model in models {
        let [id, rest @ ..] = row(model);
        text.push_str(&sanitize_line(&id));
        text.push('\n');
        let facts = facts(model, learned);
        let facts = facts.into_iter().filter(|fact| !fact.is_empty());
        let known = rest.into_iter().filter(|fact| !fact.is_empty());
        for line in std::iter::once(known.collect::<Vec<_>>().join(", ")).chain(facts) {
            let room = columns.saturating_sub(INDENT.len());
            for row in wrap_words(&sanitize_line(&line), room, room) {
                text.push_str(&format!("{INDENT}{row}\n"));
            }
        }
    }
    text
}

/// Returns the capabilities of a model, when it is retired, and the options that it has refused and
/// accepted; each may be empty.
fn facts(model: &ListedModel, learned: &LearnedRules) -> [String; 4] {
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
    let retires = model.retires_at();
    [
        model.capabilities().join(", "),
        retires.map_or(String::new(), |date| format!("retires {}", day(date))),
        named(false, "refused"),
        named(true, "accepted"),
    ]
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
        let list = |data: &Value| models_of(&json!({ "data": data }).into()).expect("a list");
        let full = list(&json!([
            {"id": "long-model-id", "display_name": "Ä", "created_at": "2026-02-03T04:05:06Z", "max_input_tokens": 9},
            {"id": "short", "max_tokens": 10_000},
        ]));
        assert_eq!(
            table(&full).to_text(),
            "long-model-id  Ä  2026-02-03  9 in\nshort                               10,000 out\n"
        );
        assert_eq!(
            table(&list(&json!([{"id": "a"}, {"id": "b"}]))).to_text(),
            "a\nb\n"
        );
        assert_eq!(table(&[]).to_text(), "");
    }

    #[test]
    fn a_terminal_gets_a_header_over_the_columns_that_are_there() {
        let models =
            models_of(&json!({"data": [{"id": "a", "max_tokens": 10}]}).into()).expect("a list");
        assert_eq!(
            table_for_terminal(&models, 80).to_text(),
            "MODEL  OUTPUT\na          10\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let models = models_of(
            &json!({"data": [{
                "id": "claude-sonnet-4-5-20250929", "display_name": "Claude Sonnet 4.5",
                "created_at": "2025-09-29T00:00:00Z", "max_input_tokens": 1_000_000,
                "max_tokens": 64_000,
            }]})
            .into(),
        );
        let models = models.expect("a list");
        for (columns, expected) in [
            (80, "Claude Sonnet 4.5  2025-09-29  1,000,000  64,000"),
            (50, "1,000,000  64,000"),
            (40, "claude-sonnet-4-5-20250929\n"),
        ] {
            let table = table_for_terminal(&models, columns).to_text();
            assert!(table.contains(expected), "{table}");
            let described = described(&models, &LearnedRules::default(), columns);
            for line in table.lines().chain(described.lines()) {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn a_terminal_gets_nothing_that_it_would_act_on() {
        let list = models_of(
            &json!({"data": [{"id": "a\u{1b}[31m\nb", "display_name": "\u{202e}x"}]}).into(),
        )
        .expect("a list");
        assert_eq!(table(&list).to_sanitized_text(), "a␛[31m b  <U+202E>x\n");
        assert_eq!(table(&list).to_text(), "a\u{1b}[31m b  \u{202e}x\n");
    }
}
