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

/// How many cells of the screen a table may take whatever its source is, and how many more for each
/// byte of it. One that takes more is shown as written: a long name before each cell of a list, or
/// thousands of empty rows, would fill the terminal.
const FREE_CELLS: usize = 64 * 1024;
/// See [`FREE_CELLS`].
const CELLS_PER_BYTE: usize = 32;

/// Whether `line` is the delimiter row for the table header `head`.
pub(super) fn is_delimiter(head: &str, line: &str) -> bool {
    let is_sign = |letter: char| matches!(letter, '|' | '-' | ':' | ' ' | '\t');
    line.contains('-')
        && line.chars().all(is_sign)
        && parse_table(&format!("{head}\n{line}\n"), false).is_some()
}

/// Shows a table; other text is shown as written.
pub(super) fn show_table(source: &str, buffer: &mut RowBuffer) {
    let room = buffer.content_columns();
    let mut rows = RowWriter::new(buffer);
    let Some(table) = parse_table(source, rows.buffer.theme().is_some()) else {
        return rows.push_source(source);
    };
    let most_cells = FREE_CELLS + CELLS_PER_BYTE * source.len();
    match table.column_widths(room) {
        Some(widths) if table.grid_cells(&widths) <= most_cells => {
            table.push_grid(&widths, &mut rows);
        }
        None if table.list_cells() <= most_cells => table.push_list(&mut rows),
        _ => rows.push_source(source),
    }
}

/// Writes the rows of a table to the screen, one by one.
struct RowWriter<'a> {
    buffer: &'a mut RowBuffer,
    has_rows: bool,
}

impl<'a> RowWriter<'a> {
    fn new(buffer: &'a mut RowBuffer) -> Self {
        Self {
            buffer,
            has_rows: false,
        }
    }

    /// Appends a row. The links of its cells are numbers of `links`, from 1.
    fn push_row(&mut self, row: impl IntoIterator<Item = ScreenCell>, links: &[String]) {
        if std::mem::replace(&mut self.has_rows, true) {
            self.buffer.break_line();
        }
        for mut cell in row {
            cell.link = usize::from(cell.link)
                .checked_sub(1)
                .and_then(|place| links.get(place))
                .map_or(0, |address| self.buffer.number_link(address));
            self.buffer.push_wrapping(cell);
        }
    }

    /// Appends text as it was written.
    fn push_source(&mut self, source: &str) {
        for line in source.lines() {
            self.push_row(plain_cells(line), &[]);
        }
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
    /// The addresses of its links, to which the cells refer by number, from 1.
    links: Vec<String>,
}

/// Parses a table. Returns `None` if the source is not exactly one table.
fn parse_table(source: &str, is_styled: bool) -> Option<MarkdownTable> {
    let mut table = MarkdownTable::default();
    let mut style = CellStyle::default();
    let mut links: Vec<(usize, String)> = Vec::new();
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
                table.end_link(start, &target, style, is_styled)?;
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

impl MarkdownTable {
    /// Ends a link that began at this place of the last cell: appends its address, and styles it.
    fn end_link(
        &mut self,
        start: usize,
        target: &str,
        style: CellStyle,
        is_styled: bool,
    ) -> Option<()> {
        let cell = self.rows.last_mut()?.last_mut()?;
        let text: String = cell[start..].iter().map(|cell| cell.letter).collect();
        let letters = cell.len() - start;
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
        if !is_styled {
            return Some(());
        }
        let number = web_address(target).map_or(0, |address| {
            self.links.push(address);
            // A table has fewer bytes than there are numbers.
            u16::try_from(self.links.len()).unwrap_or_default()
        });
        for (place, letter) in cell[start..].iter_mut().enumerate() {
            letter.link = number;
            if place < letters {
                letter.style.bits |= UNDERLINE;
                if letter.style.color == CellColor::Text {
                    letter.style.color = CellColor::Link;
                }
            }
        }
        Some(())
    }

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

    /// Returns about how many cells of the screen the grid takes; not less than it does.
    fn grid_cells(&self, widths: &[usize]) -> usize {
        let columns = widths.iter().sum::<usize>() + COLUMN_GAP * widths.len().saturating_sub(1);
        // A word that is wrapped leaves less than half of a row empty, or fills its own.
        let height = |(cell, width): (&Vec<ScreenCell>, &usize)| 1 + 2 * cells_width(cell) / width;
        let heights = self.rows.iter().map(|row| {
            let highest = row.iter().zip(widths).map(height).max();
            highest.unwrap_or(1)
        });
        columns * heights.sum::<usize>()
    }

    /// Writes the table as a grid.
    fn push_grid(&self, widths: &[usize], rows: &mut RowWriter<'_>) {
        let mark = CellStyle::from_color(CellColor::Mark);
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
                rows.push_row(shown, &self.links);
            }
            if place == 0 {
                let lines: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
                rows.push_row(cells_from_text(&lines.join("─┼─"), mark), &[]);
            }
        }
    }

    /// Returns how many cells of the screen the list takes.
    fn list_cells(&self) -> usize {
        let names: usize = self.rows.first().map_or(0, |head| {
            head.iter().map(|name| name.len() + ": ".len()).sum()
        });
        let cells: usize = self.rows.iter().flatten().map(Vec::len).sum();
        names * self.rows.len() + cells
    }

    /// Writes the table as a list, since its columns do not fit.
    fn push_list(&self, rows: &mut RowWriter<'_>) {
        let Some((head, body)) = self.rows.split_first() else {
            return;
        };
        if body.is_empty() {
            for name in head {
                rows.push_row(name.iter().copied(), &self.links);
            }
        }
        let mark = CellStyle::from_color(CellColor::Mark);
        for (place, row) in body.iter().enumerate() {
            if place > 0 {
                rows.push_row([], &[]);
            }
            for (name, cell) in head.iter().zip(row) {
                let separator = cells_from_text(": ", mark);
                let shown = name.iter().chain(&separator).chain(cell);
                rows.push_row(shown.copied(), &self.links);
            }
        }
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
    let mut lines: Vec<Vec<ScreenCell>> = Vec::new();
    let (mut line, mut used) = (Vec::new(), 0);
    for word in content.split_inclusive(|cell| cell.letter == ' ') {
        let visible = word
            .strip_suffix(&[ScreenCell::new(' ', CellStyle::default())])
            .unwrap_or(word);
        if !line.is_empty() && used + cells_width(visible) > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for &cell in word {
            if used + usize::from(cell.width) > room {
                if cell.letter == ' ' {
                    continue;
                }
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(cell);
            used += usize::from(cell.width);
        }
    }
    lines.push(line);
    for line in &mut lines {
        while line.last().is_some_and(|cell| cell.letter == ' ') {
            line.pop();
        }
    }
    lines
}
