//! Tables: shown when they are complete, since one cell may change the width of a column for all of
//! them.

use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, TagEnd};

use super::cell::{BOLD, Cell, ITALIC, Ink, STRIKE, Style, UNDERLINE, cells, width};
use super::construct::address;
use super::page::Page;
use crate::text::sanitize_line;

/// What stands between two columns, in columns of the screen.
const GAP: usize = 3;

/// A column is not made narrower than this for the sake of others, nor than its longest word.
const NARROWEST: usize = 4;

/// A column that is not wider than this is left as it is where there is room.
const NARROW: usize = 12;

/// A word that is longer than this may be broken.
const LONGEST_WHOLE: usize = 16;

/// Whether a line is the one below a table's head that makes it a table, for a head like this.
pub(super) fn is_delimiter(head: &str, line: &str) -> bool {
    let is_sign = |letter: char| matches!(letter, '|' | '-' | ':' | ' ' | '\t');
    line.contains('-')
        && line.chars().all(is_sign)
        && parse(&format!("{head}\n{line}\n"), None).is_some()
}

/// The rows of the screen that show a table.
pub(super) fn rows(source: &str, page: &mut Page) -> Vec<Vec<Cell>> {
    let room = page.room();
    let Some(table) = parse(source, Some(page)) else {
        return source.lines().map(plain).collect();
    };
    match table.widths(room) {
        Some(widths) => table.grid(&widths),
        None => table.list(),
    }
}

fn plain(text: &str) -> Vec<Cell> {
    cells(text, Style::default())
}

/// A table, its head first.
#[derive(Debug, Default)]
struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Vec<Cell>>>,
}

/// Reads a table; `page` takes its links. None if the source is no table, or more than one.
fn parse(source: &str, mut page: Option<&mut Page>) -> Option<Table> {
    let mut table = Table::default();
    let mut style = Style::default();
    let mut links: Vec<(usize, String)> = Vec::new();
    let is_styled = page.as_ref().is_some_and(|page| page.theme().is_some());
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut begun = false;
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Table(alignments))
                if !begun && range.end >= source.trim_end().len() =>
            {
                begun = true;
                table.alignments = alignments;
            }
            _ if !begun => return None,
            Event::Start(Tag::TableHead | Tag::TableRow) => table.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                let is_head = table.rows.len() == 1;
                style = Style {
                    bits: if is_head && is_styled { BOLD } else { 0 },
                    ink: Ink::Text,
                };
                table.rows.last_mut()?.push(Vec::new());
            }
            Event::Text(text) => add(&mut table, &text, style),
            Event::Code(code) => {
                let mark = Style {
                    ink: Ink::Mark,
                    ..style
                };
                add(&mut table, "`", mark);
                add(
                    &mut table,
                    &code,
                    Style {
                        ink: Ink::Code,
                        ..style
                    },
                );
                add(&mut table, "`", mark);
            }
            Event::Start(tag @ (Tag::Emphasis | Tag::Strong | Tag::Strikethrough)) => {
                set(&mut style, tag.to_end(), true, &mut table, is_styled);
            }
            Event::End(tag @ (TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough)) => {
                set(&mut style, tag, false, &mut table, is_styled);
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                links.push((last(&mut table)?.len(), sanitize_line(&dest_url)));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                add(
                    &mut table,
                    "image: ",
                    Style {
                        ink: Ink::Mark,
                        ..style
                    },
                );
                links.push((last(&mut table)?.len(), sanitize_line(&dest_url)));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let (start, target) = links.pop()?;
                end_link(
                    last(&mut table)?,
                    start,
                    &target,
                    style,
                    page.as_deref_mut(),
                );
            }
            Event::InlineHtml(html) | Event::Html(html) => {
                let is_break = matches!(
                    html.to_ascii_lowercase().as_str(),
                    "<br>" | "<br/>" | "<br />"
                );
                add(&mut table, if is_break { " " } else { &html }, style);
            }
            Event::SoftBreak | Event::HardBreak => add(&mut table, " ", style),
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                add(&mut table, &text, style);
            }
            _ => {}
        }
    }
    begun.then_some(table)
}

fn last(table: &mut Table) -> Option<&mut Vec<Cell>> {
    table.rows.last_mut()?.last_mut()
}

fn add(table: &mut Table, text: &str, style: Style) {
    // An entity may stand for what a terminal would act on.
    let text = sanitize_line(text);
    if let Some(cell) = last(table) {
        cell.extend(cells(&text, style));
    }
}

/// Turns an attribute on or off; where there are none, its signs stay.
fn set(style: &mut Style, tag: TagEnd, on: bool, table: &mut Table, is_styled: bool) {
    let (bit, signs) = match tag {
        TagEnd::Emphasis => (ITALIC, "*"),
        TagEnd::Strong => (BOLD, "**"),
        _ => (STRIKE, "~~"),
    };
    if !is_styled {
        add(table, signs, *style);
    } else if on {
        style.bits |= bit;
    } else {
        style.bits &= !bit;
    }
}

fn end_link(
    cell: &mut Vec<Cell>,
    start: usize,
    target: &str,
    style: Style,
    page: Option<&mut Page>,
) {
    let Some(page) = page else { return };
    let text: String = cell[start..].iter().map(|cell| cell.letter).collect();
    if text.trim() != target {
        let mark = Style {
            ink: Ink::Mark,
            ..style
        };
        cell.extend(cells(
            &if text.is_empty() {
                target.to_owned()
            } else {
                format!(" ({target})")
            },
            mark,
        ));
    }
    if page.theme().is_none() {
        return;
    }
    let number = address(target).map_or(0, |address| page.link(&address));
    for (place, letter) in cell[start..].iter_mut().enumerate() {
        letter.link = number;
        if place < text.chars().count() {
            letter.style.bits |= UNDERLINE;
            if letter.style.ink == Ink::Text {
                letter.style.ink = Ink::Link;
            }
        }
    }
}

impl Table {
    /// The widths of the columns, none where they cannot stand beside each other in so much room.
    fn widths(&self, room: usize) -> Option<Vec<usize>> {
        let columns = self.alignments.len();
        let widest = |column: usize, measure: &dyn Fn(&[Cell]) -> usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| measure(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| widest(column, &width).max(1))
            .collect();
        // No word is broken, but for those that are long.
        let least = |column| widest(column, &widest_word).clamp(NARROWEST, LONGEST_WHOLE);
        let words: Vec<usize> = (0..columns).map(least).collect();
        // Nor is a column that is narrow as it is, such as one of figures, if it can be helped.
        let keep = |(&word, &width): (&usize, &usize)| {
            if width <= NARROW {
                width.max(word)
            } else {
                word
            }
        };
        let whole: Vec<usize> = words.iter().zip(&widths).map(keep).collect();
        let room = room.checked_sub(GAP * columns.saturating_sub(1))?;
        shrunk(widths.clone(), &whole, room).or_else(|| shrunk(widths, &words, room))
    }

    /// The rows of a grid.
    fn grid(&self, widths: &[usize]) -> Vec<Vec<Cell>> {
        let mark = Style::of(Ink::Mark);
        let mut rows = Vec::new();
        // Where cells take several rows of the screen, an empty one tells the rows of the table
        // apart.
        let is_spaced = self
            .rows
            .iter()
            .skip(1)
            .flat_map(|row| row.iter().zip(widths))
            .any(|(cell, &column)| width(cell) > column);
        for (place, row) in self.rows.iter().enumerate() {
            let columns: Vec<Vec<Vec<Cell>>> = widths
                .iter()
                .enumerate()
                .map(|(column, &width)| {
                    row.get(column)
                        .map_or_else(Vec::new, |cell| wrapped(cell, width))
                })
                .collect();
            let is_last = place + 1 == self.rows.len();
            let height = columns.iter().map(Vec::len).max().unwrap_or(0).max(1);
            for line in 0..height + usize::from(is_spaced && place > 0 && !is_last) {
                let mut shown = Vec::new();
                for (column, &width) in widths.iter().enumerate() {
                    if column > 0 {
                        shown.extend(cells(" │ ", mark));
                    }
                    let content = columns[column].get(line).map_or(&[][..], Vec::as_slice);
                    shown.extend(aligned(content, width, self.alignments[column]));
                }
                rows.push(shown);
            }
            if place == 0 {
                let lines: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
                rows.push(cells(&lines.join("─┼─"), mark));
            }
        }
        rows
    }

    /// The rows of a list, for tables with more columns than there is room for.
    fn list(&self) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let Some((head, body)) = self.rows.split_first() else {
            return rows;
        };
        if body.is_empty() {
            rows.extend(head.iter().cloned());
        }
        for (place, row) in body.iter().enumerate() {
            if place > 0 {
                rows.push(Vec::new());
            }
            for (name, cell) in head.iter().zip(row) {
                let mut shown = name.clone();
                shown.extend(cells(": ", Style::of(Ink::Mark)));
                shown.extend_from_slice(cell);
                rows.push(shown);
            }
        }
        rows
    }
}

/// Makes the widest columns narrower, until all of them fit or none may give way any more.
fn shrunk(mut widths: Vec<usize>, floors: &[usize], room: usize) -> Option<Vec<usize>> {
    let mut over = widths.iter().sum::<usize>().saturating_sub(room);
    while over > 0 {
        let may_give = |place: &usize| widths[*place] > floors[*place];
        let widest = (0..widths.len())
            .filter(may_give)
            .map(|place| widths[place])
            .max()?;
        let others = widths
            .iter()
            .copied()
            .filter(|&width| width < widest)
            .max()
            .unwrap_or(0);
        let giving: Vec<usize> = (0..widths.len())
            .filter(may_give)
            .filter(|&place| widths[place] == widest)
            .collect();
        let less = (widest - others).min(over.div_ceil(giving.len()));
        for place in giving {
            let taken = less.min(over).min(widths[place] - floors[place]);
            widths[place] -= taken;
            over -= taken;
        }
    }
    Some(widths)
}

fn widest_word(content: &[Cell]) -> usize {
    content
        .split(|cell| cell.letter == ' ')
        .map(width)
        .max()
        .unwrap_or(0)
}

fn aligned(content: &[Cell], room: usize, alignment: Alignment) -> Vec<Cell> {
    let free = room.saturating_sub(width(content));
    let left = match alignment {
        Alignment::Right => free,
        Alignment::Center => free / 2,
        Alignment::None | Alignment::Left => 0,
    };
    let spaces = |count: usize| vec![Cell::new(' ', Style::default()); count];
    [spaces(left), content.to_vec(), spaces(free - left)].concat()
}

/// Breaks a cell's content into lines: at spaces, or within a word that is wider than the column.
fn wrapped(content: &[Cell], room: usize) -> Vec<Vec<Cell>> {
    let mut lines: Vec<Vec<Cell>> = vec![Vec::new()];
    for word in content.split_inclusive(|cell| cell.letter == ' ') {
        let visible = word
            .strip_suffix(&[Cell::new(' ', Style::default())])
            .unwrap_or(word);
        let is_full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && width(line) + width(visible) > room);
        if is_full {
            lines.push(Vec::new());
        }
        for &cell in word {
            let is_full = lines
                .last()
                .is_some_and(|line| width(line) + usize::from(cell.width) > room);
            if is_full {
                if cell.letter == ' ' {
                    continue;
                }
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(cell);
            }
        }
    }
    for line in &mut lines {
        while line.last().is_some_and(|cell| cell.letter == ' ') {
            line.pop();
        }
    }
    lines
}
