//! Tables, which are shown when complete, since any cell may change the width of its column.

use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, TagEnd};

use super::cell::{
    BOLD, CellColor, CellStyle, ITALIC, STRIKE, ScreenCell, UNDERLINE, cells_from_text, cells_width,
};
use super::inline_construct::web_address;
use super::row_buffer::RowBuffer;
use crate::text::sanitize_line;

/// Width of the separator between two columns.
const COLUMN_GAP: usize = 3;

/// Columns are not shrunk below this, nor below their longest word.
const MIN_SHRUNK_WIDTH: usize = 4;

/// Columns of up to this width are not shrunk if possible.
const KEPT_WIDTH: usize = 12;

/// Longer words may be broken.
const MAX_UNBROKEN_WORD: usize = 16;

/// Whether `line` is the delimiter row for the table header `head`.
pub(super) fn is_delimiter(head: &str, line: &str) -> bool {
    let is_sign = |letter: char| matches!(letter, '|' | '-' | ':' | ' ' | '\t');
    line.contains('-')
        && line.chars().all(is_sign)
        && parse_table(&format!("{head}\n{line}\n"), None).is_some()
}

/// Returns the screen rows of a table.
pub(super) fn table_rows(source: &str, buffer: &mut RowBuffer) -> Vec<Vec<ScreenCell>> {
    let room = buffer.content_columns();
    let Some(table) = parse_table(source, Some(buffer)) else {
        return source.lines().map(plain_cells).collect();
    };
    match table.column_widths(room) {
        Some(widths) => table.grid_rows(&widths),
        None => table.list_rows(),
    }
}

fn plain_cells(text: &str) -> Vec<ScreenCell> {
    cells_from_text(text, CellStyle::default())
}

/// A parsed table; the first row is the header.
#[derive(Debug, Default)]
struct MarkdownTable {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Vec<ScreenCell>>>,
}

/// Parses a table and registers its links with `page`. Returns `None` if the source is not exactly
/// one table.
fn parse_table(source: &str, mut buffer: Option<&mut RowBuffer>) -> Option<MarkdownTable> {
    let mut table = MarkdownTable::default();
    let mut style = CellStyle::default();
    let mut links: Vec<(usize, String)> = Vec::new();
    let is_styled = buffer
        .as_ref()
        .is_some_and(|buffer| buffer.theme().is_some());
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
                style = CellStyle {
                    bits: if is_head && is_styled { BOLD } else { 0 },
                    color: CellColor::Text,
                };
                table.rows.last_mut()?.push(Vec::new());
            }
            Event::Text(text) => append_text(&mut table, &text, style),
            Event::Code(code) => {
                let mark = CellStyle {
                    color: CellColor::Mark,
                    ..style
                };
                append_text(&mut table, "`", mark);
                append_text(
                    &mut table,
                    &code,
                    CellStyle {
                        color: CellColor::Code,
                        ..style
                    },
                );
                append_text(&mut table, "`", mark);
            }
            Event::Start(tag @ (Tag::Emphasis | Tag::Strong | Tag::Strikethrough)) => {
                set_attribute(&mut style, tag.to_end(), true, &mut table, is_styled);
            }
            Event::End(tag @ (TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough)) => {
                set_attribute(&mut style, tag, false, &mut table, is_styled);
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                links.push((last_cell(&mut table)?.len(), sanitize_line(&dest_url)));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                append_text(
                    &mut table,
                    "image: ",
                    CellStyle {
                        color: CellColor::Mark,
                        ..style
                    },
                );
                links.push((last_cell(&mut table)?.len(), sanitize_line(&dest_url)));
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let (start, target) = links.pop()?;
                end_link(
                    last_cell(&mut table)?,
                    start,
                    &target,
                    style,
                    buffer.as_deref_mut(),
                );
            }
            Event::InlineHtml(html) | Event::Html(html) => {
                let is_break = matches!(
                    html.to_ascii_lowercase().as_str(),
                    "<br>" | "<br/>" | "<br />"
                );
                append_text(&mut table, if is_break { " " } else { &html }, style);
            }
            Event::SoftBreak | Event::HardBreak => append_text(&mut table, " ", style),
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                append_text(&mut table, &text, style);
            }
            _ => {}
        }
    }
    begun.then_some(table)
}

fn last_cell(table: &mut MarkdownTable) -> Option<&mut Vec<ScreenCell>> {
    table.rows.last_mut()?.last_mut()
}

fn append_text(table: &mut MarkdownTable, text: &str, style: CellStyle) {
    // An entity may encode a control character.
    let text = sanitize_line(text);
    if let Some(cell) = last_cell(table) {
        cell.extend(cells_from_text(&text, style));
    }
}

/// Turns an attribute on or off; without styles, its delimiters are shown.
fn set_attribute(
    style: &mut CellStyle,
    tag: TagEnd,
    on: bool,
    table: &mut MarkdownTable,
    is_styled: bool,
) {
    let (bit, signs) = match tag {
        TagEnd::Emphasis => (ITALIC, "*"),
        TagEnd::Strong => (BOLD, "**"),
        _ => (STRIKE, "~~"),
    };
    if !is_styled {
        append_text(table, signs, *style);
    } else if on {
        style.bits |= bit;
    } else {
        style.bits &= !bit;
    }
}

fn end_link(
    cell: &mut Vec<ScreenCell>,
    start: usize,
    target: &str,
    style: CellStyle,
    buffer: Option<&mut RowBuffer>,
) {
    let Some(buffer) = buffer else { return };
    let text: String = cell[start..].iter().map(|cell| cell.letter).collect();
    if text.trim() != target {
        let mark = CellStyle {
            color: CellColor::Mark,
            ..style
        };
        cell.extend(cells_from_text(
            &if text.is_empty() {
                target.to_owned()
            } else {
                format!(" ({target})")
            },
            mark,
        ));
    }
    if buffer.theme().is_none() {
        return;
    }
    let number = web_address(target).map_or(0, |web_address| buffer.number_link(&web_address));
    for (place, letter) in cell[start..].iter_mut().enumerate() {
        letter.link = number;
        if place < text.chars().count() {
            letter.style.bits |= UNDERLINE;
            if letter.style.color == CellColor::Text {
                letter.style.color = CellColor::Link;
            }
        }
    }
}

impl MarkdownTable {
    /// Returns the column widths; `None` if the columns do not fit side by side.
    fn column_widths(&self, room: usize) -> Option<Vec<usize>> {
        let columns = self.alignments.len();
        // A table may have many more columns than any screen.
        let gaps = COLUMN_GAP * columns.saturating_sub(1);
        let room = room.checked_sub(gaps)?;
        let widest = |column: usize, measure: &dyn Fn(&[ScreenCell]) -> usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| measure(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| widest(column, &cells_width).max(1))
            .collect();
        // Only long words are broken.
        let least =
            |column| widest(column, &widest_word).clamp(MIN_SHRUNK_WIDTH, MAX_UNBROKEN_WORD);
        let words: Vec<usize> = (0..columns).map(least).collect();
        // Columns that are already narrow, such as numbers, are shrunk only if necessary.
        let keep = |(&word, &width): (&usize, &usize)| {
            if width <= KEPT_WIDTH {
                width.max(word)
            } else {
                word
            }
        };
        let whole: Vec<usize> = words.iter().zip(&widths).map(keep).collect();
        shrink_widths(widths.clone(), &whole, room).or_else(|| shrink_widths(widths, &words, room))
    }

    /// Returns the rows of the table as a grid.
    fn grid_rows(&self, widths: &[usize]) -> Vec<Vec<ScreenCell>> {
        let mark = CellStyle::from_color(CellColor::Mark);
        let mut rows = Vec::new();
        // If cells span several screen rows, an empty row separates the table rows.
        let is_spaced = self
            .rows
            .iter()
            .skip(1)
            .flat_map(|row| row.iter().zip(widths))
            .any(|(cell, &column)| cells_width(cell) > column);
        for (place, row) in self.rows.iter().enumerate() {
            let columns: Vec<Vec<Vec<ScreenCell>>> = widths
                .iter()
                .enumerate()
                .map(|(column, &width)| {
                    row.get(column)
                        .map_or_else(Vec::new, |cell| wrap_cells(cell, width))
                })
                .collect();
            let is_last = place + 1 == self.rows.len();
            let height = columns.iter().map(Vec::len).max().unwrap_or(0).max(1);
            for line in 0..height + usize::from(is_spaced && place > 0 && !is_last) {
                let mut shown = Vec::new();
                for (column, &width) in widths.iter().enumerate() {
                    if column > 0 {
                        shown.extend(cells_from_text(" │ ", mark));
                    }
                    let content = columns[column].get(line).map_or(&[][..], Vec::as_slice);
                    shown.extend(align_cells(content, width, self.alignments[column]));
                }
                rows.push(shown);
            }
            if place == 0 {
                let lines: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
                rows.push(cells_from_text(&lines.join("─┼─"), mark));
            }
        }
        rows
    }

    /// Returns the rows of the table as a list, if its columns do not fit.
    fn list_rows(&self) -> Vec<Vec<ScreenCell>> {
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
                shown.extend(cells_from_text(
                    ": ",
                    CellStyle::from_color(CellColor::Mark),
                ));
                shown.extend_from_slice(cell);
                rows.push(shown);
            }
        }
        rows
    }
}

/// Shrinks the widest columns until all fit; `None` if the floors are reached first.
fn shrink_widths(mut widths: Vec<usize>, floors: &[usize], room: usize) -> Option<Vec<usize>> {
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

fn widest_word(content: &[ScreenCell]) -> usize {
    content
        .split(|cell| cell.letter == ' ')
        .map(cells_width)
        .max()
        .unwrap_or(0)
}

fn align_cells(content: &[ScreenCell], room: usize, alignment: Alignment) -> Vec<ScreenCell> {
    let free = room.saturating_sub(cells_width(content));
    let left = match alignment {
        Alignment::Right => free,
        Alignment::Center => free / 2,
        Alignment::None | Alignment::Left => 0,
    };
    let spaces = |count: usize| vec![ScreenCell::new(' ', CellStyle::default()); count];
    [spaces(left), content.to_vec(), spaces(free - left)].concat()
}

/// Wraps a cell's content at spaces, or within a word that is wider than the column.
fn wrap_cells(content: &[ScreenCell], room: usize) -> Vec<Vec<ScreenCell>> {
    let mut lines: Vec<Vec<ScreenCell>> = vec![Vec::new()];
    for word in content.split_inclusive(|cell| cell.letter == ' ') {
        let visible = word
            .strip_suffix(&[ScreenCell::new(' ', CellStyle::default())])
            .unwrap_or(word);
        let is_full = lines.last().is_some_and(|line| {
            !line.is_empty() && cells_width(line) + cells_width(visible) > room
        });
        if is_full {
            lines.push(Vec::new());
        }
        for &cell in word {
            let is_full = lines
                .last()
                .is_some_and(|line| cells_width(line) + usize::from(cell.width) > room);
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
