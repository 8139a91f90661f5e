//! The tables of the config file that users name: a profile, an MCP server, the limits or the
//! prices of a model. `config unset` removes one as a whole.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, DocumentMut, Item, Table};

use super::Error;
use super::change::change;
use super::file::{PROFILES, SERVERS};
use super::model_table::{LIMITS, ModelKey, PRICES};

/// The tables that hold them.
const KINDS: [&str; 4] = [PROFILES, SERVERS, LIMITS.name, PRICES.name];

/// A table with a name of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedTable {
    /// The table that it is in.
    kind: &'static str,
    /// Its name.
    name: String,
}

impl NamedTable {
    /// Parses a name such as `profiles.work`; the quotes may be missing, since a shell removes
    /// them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('.')?;
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        let quoted = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'));
        // Models have points in their names; elsewhere, one stands before the key of a setting.
        let may_have_points = quoted.is_some() || kind == LIMITS.name || kind == PRICES.name;
        let name = quoted.unwrap_or(name);
        let is_name = !name.trim().is_empty() && (may_have_points || !name.contains('.'));
        is_name.then(|| Self {
            kind,
            name: name.to_owned(),
        })
    }

    /// Returns the table that a key of a model is in.
    pub(super) fn with_key(key: &ModelKey) -> Self {
        Self {
            kind: key.kind.name,
            name: key.model.clone(),
        }
    }

    /// Returns the name of the table as the user types it.
    pub(crate) fn text(&self) -> String {
        format!("{}.{}", self.kind, self.name)
    }
}

/// Removes a table from the config file and returns whether it was there.
pub(crate) fn unset_table(path: &Path, table: &NamedTable) -> Result<bool, Error> {
    change(path, |old, _| Ok(without_table(old, table)))
}

/// Removes a table, with those in it, from the text of a valid config file; `None` if it is not
/// there.
pub(super) fn without_table(old: &str, table: &NamedTable) -> Option<String> {
    let document = Document::parse(old).ok()?;
    let found = document.get(table.kind)?.get(&table.name)?;
    let mut ranges = Vec::new();
    match found {
        Item::Table(found) if !found.is_dotted() => add_ranges(found, &mut ranges),
        _ => {}
    }
    if ranges.is_empty() {
        // It has no lines of its own.
        let mut document: DocumentMut = document.into_mut();
        let holder = document.get_mut(table.kind)?.as_table_like_mut()?;
        holder.remove(&table.name)?;
        return Some(document.to_string());
    }
    ranges.sort_by_key(|range| range.start);
    let mut new = old.to_owned();
    for range in ranges.into_iter().rev() {
        new.replace_range(whole_lines(old, &range), "");
    }
    Some(new)
}

/// Adds where a table with a header is, and where those in it are: from the header to the last
/// value, since comments behind it may be about what follows.
fn add_ranges(table: &Table, ranges: &mut Vec<Range<usize>>) {
    if let Some(header) = table.span() {
        ranges.push(header.start..end_of(table).max(header.end));
    }
    for (_, item) in table {
        match item {
            Item::Table(inner) if !inner.is_dotted() => add_ranges(inner, ranges),
            _ => {}
        }
    }
}

/// Returns where the last value behind the header of a table ends; 0 if there is none.
fn end_of(table: &Table) -> usize {
    let ends = table.iter().map(|(_, item)| match item {
        Item::Table(inner) if inner.is_dotted() => end_of(inner),
        Item::Value(value) => value.span().map_or(0, |span| span.end),
        _ => 0,
    });
    ends.max().unwrap_or(0)
}

/// Returns the lines that a range is on, with an empty one before them.
fn whole_lines(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..]
        .find('\n')
        .map_or(text.len(), |at| range.end + at + 1);
    let before = text[..start].trim_end_matches(['\n', '\r']).len();
    let gap = text[before..start].split_inclusive('\n').skip(1).last();
    start - gap.map_or(0, str::len)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_with_quotes_and_without() {
        for (text, expected) in [
            ("profiles.work", Some("profiles.work")),
            ("mcp.\"a.b\"", Some("mcp.a.b")),
            ("limits.claude-3.5", Some("limits.claude-3.5")),
            ("prices.\"claude-*\"", Some("prices.claude-*")),
            ("profiles.work.model", None),
            ("profiles.", None),
            ("profiles", None),
            ("tools.allow", None),
        ] {
            let table = NamedTable::parse(text).map(|table| table.text());
            assert_eq!(table.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_the_lines_of_the_table_go() {
        let old = "region = 'eu'\n\n# of work\n[profiles.work] # here\nmodel = 'm'\n# inside\ntop_p = \
                   1\n\n# of home\n[profiles.home]\nregion = 'us'\n";
        let without = |name: &str| {
            let table = NamedTable::parse(name).expect("a table");
            without_table(old, &table)
        };
        assert_eq!(
            without("profiles.work").as_deref(),
            Some("region = 'eu'\n\n# of work\n\n# of home\n[profiles.home]\nregion = 'us'\n")
        );
        assert_eq!(
            without("profiles.home").as_deref(),
            old.strip_suffix("[profiles.home]\nregion = 'us'\n")
        );
        assert_eq!(without("profiles.other"), None);
        assert_eq!(without("mcp.x"), None);
    }

    #[test]
    fn a_table_goes_however_it_is_written() {
        for (old, new) in [
            (
                "[mcp.x]\ncommand = 'c'\n\n[mcp.x.env]\nA = 'b'\n\n[mcp.y]\nurl = 'u'\n",
                "\n[mcp.y]\nurl = 'u'\n",
            ),
            (
                "[mcp]\nx = { command = 'c' }\ny = { url = 'u' }\n",
                "[mcp]\ny = { url = 'u' }\n",
            ),
            (
                "[mcp]\nx.command = 'c'\ny.url = 'u'\n",
                "[mcp]\ny.url = 'u'\n",
            ),
            ("mcp.x.command = 'c'\nregion = 'eu'\n", "region = 'eu'\n"),
        ] {
            let table = NamedTable::parse("mcp.x").expect("a table");
            assert_eq!(without_table(old, &table).as_deref(), Some(new));
        }
    }
}
