//! Markdown on a terminal, rendered while it streams.
//!
//! The meaning of Markdown can depend on later text: a line of `=` turns the line above it into a
//! heading, and a definition at the end turns brackets at the beginning into links. A finished row
//! of the screen cannot wait for that, and is never rewritten. So this is a dialect in which text
//! affects earlier text in few places, all of them close, and each decision is made at a certain
//! character. The output therefore does not depend on how the text was split: [`MarkdownRenderer`]
//! handles one character at a time, also for a complete text.
//!
//! **Lines.** Lines of a paragraph are not joined; a line that is too long is wrapped at a space or
//! next to a wide character. Its beginning determines its kind: [`mod@line_start`] holds it back
//! until that is certain, mostly at the first character. Several empty lines between blocks become
//! one.
//!
//! **Blocks.** Headings with `#`, whose closing `#`s are hidden. A line of `=` makes a heading of
//! the text above it, if that is a single row, which is not finished yet; under more rows it is
//! shown. A line of `-` is always a thematic break. Block quotes, which end with the first line
//! without `>`. Lists: lines indented by two columns more than the marker continue an item; numbers
//! are shown as written. A line without indent continues an open paragraph of an item. Fenced and
//! indented code; code in an item's fence may be indented too little. HTML and link definitions are
//! shown as text.
//!
//! **Tables.** A line that begins with `|` is held back until the end of the table; meanwhile, its
//! raw text is shown in the current row. `pulldown-cmark` parses the complete table. One with more
//! columns than fit becomes a list.
//!
//! **Inline.** `*`, `_` and `~~` open emphasis immediately if they precede a word, unless they
//! follow an ASCII letter or digit or begin an argument of a call such as `f(**kwargs)`. A run
//! closes an opener of the same length (or part of one of three). Delimiters are hidden if both are
//! in one row. If a row is finished before an opener in it is closed, the delimiter is restored,
//! which may wrap the last word, and the closing one is shown too. Delimiters that are never closed
//! are restored at the end of the block, so no text is reordered or lost. Inline code keeps its
//! backticks, so that it is recognizable without colours. A link is shown as its text and its
//! address if both are in one row of the screen, else as written. Only `http` and `https` addresses
//! become terminal hyperlinks. Reference links are shown as written. Escapes and entities are
//! supported; `pulldown-cmark` parses complete constructs.
//!
//! **Without colours** markup stays visible: `#` of headings, `*` and `_`, brackets and fences;
//! tables, bullets and thematic breaks are drawn.
//!
//! **Code** is highlighted when its line has ended, or a row of it is full. A line that the
//! terminal itself wraps contains no line feed, so that it can be copied.

mod cell;
mod code;
mod emphasis_opener;
mod heading;
mod inline;
mod inline_construct;
mod line_start;
mod link_target;
mod palette;
mod row_buffer;
mod screen;
#[cfg(test)]
mod split_check;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use palette::ColorTheme;
pub(crate) use screen::RenderTarget;

use cell::{BOLD, CellColor, CellStyle, ITALIC, ScreenCell, UNDERLINE, cells_from_text};
use code::CodeBlock;
use heading::HeadingText;
use inline::InlineText;
use line_start::{BlockContainer, LineKind, LineStart, OpenBlock, parse_line_start};
use row_buffer::RowBuffer;
use table::is_delimiter;

use crate::text::sanitize;

/// Renders a complete text.
#[cfg(test)]
pub(crate) fn render_markdown(text: &str, screen: RenderTarget) -> String {
    let mut markdown = MarkdownRenderer::new(screen);
    markdown.push_text(text);
    markdown.finish_text()
}

/// Renders Markdown that arrives in pieces.
#[derive(Debug)]
pub(crate) struct MarkdownRenderer {
    buffer: RowBuffer,
    /// The part of the line that is held back, with tabs expanded to spaces.
    line: String,
    /// Byte ranges of expanded tabs in `line`.
    tabs: Vec<(usize, usize)>,
    phase: LinePhase,
    containers: Vec<BlockContainer>,
    leaf: LeafBlock,
    /// Number of empty lines since the last block.
    blanks: usize,
    has_begun: bool,
    /// Whether more of the line that is held back as a row would be seen.
    has_preview_room: bool,
    /// How many characters of code are still highlighted.
    highlight_budget: usize,
}

/// The longest source of a table, in bytes: it is shown when it is complete, and all at once. A
/// longer one is divided.
const MAX_TABLE_BYTES: usize = 64 * 1024;

/// A longer beginning of a line, in bytes, is parsed again only after every 8 bytes.
const SHORT_BEGINNING: usize = 32;

/// How many characters of code are highlighted in one text: some thousand lines. A grammar may
/// take microseconds for each.
const MAX_HIGHLIGHTED_LETTERS: usize = 128 * 1024;

/// How the next character is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinePhase {
    /// The line's beginning is held back.
    Beginning,
    /// It is text of the leaf block.
    Text,
    /// The whole line is held back.
    Row,
}

/// The innermost block.
#[derive(Debug)]
enum LeafBlock {
    Nothing,
    Paragraph(InlineText),
    Heading(HeadingText),
    Fence {
        sign: char,
        length: usize,
        indent: usize,
        code: CodeBlock,
    },
    Indented(CodeBlock),
    /// The lines of a table so far.
    Table(TableLines),
}

/// The lines that may be a table.
#[derive(Debug, Default)]
struct TableLines {
    /// All of them, joined.
    source: String,
    count: usize,
}

impl TableLines {
    /// Whether a line belongs to the same table.
    fn has_room_for(&self, line: &str) -> bool {
        match self.count {
            0 => true,
            1 if !is_delimiter(&self.source, line) => false,
            _ => self.source.len() + line.len() <= MAX_TABLE_BYTES,
        }
    }

    /// Appends a line.
    fn push_line(&mut self, line: &str) {
        if self.count > 0 {
            self.source.push('\n');
        }
        self.source.push_str(line);
        self.count += 1;
    }
}

impl MarkdownRenderer {
    /// Creates a renderer for this screen.
    pub(crate) fn new(screen: RenderTarget) -> Self {
        Self {
            buffer: RowBuffer::new(screen),
            line: String::new(),
            tabs: Vec::new(),
            phase: LinePhase::Beginning,
            containers: Vec::new(),
            leaf: LeafBlock::Nothing,
            blanks: 0,
            has_begun: false,
            has_preview_room: true,
            highlight_budget: MAX_HIGHLIGHTED_LETTERS,
        }
    }

    /// Appends text.
    pub(crate) fn push_text(&mut self, text: &str) {
        for letter in sanitize(text).chars() {
            self.push_letter(letter);
        }
    }

    /// Returns the output for the rows that are finished.
    pub(crate) fn take_rows(&mut self) -> String {
        self.buffer.take_output()
    }

    /// Returns the output that shows all text so far.
    pub(crate) fn take_painted(&mut self) -> String {
        self.buffer.paint_row();
        self.buffer.take_output()
    }

    /// Ends the text and returns the remaining output, which ends the last row.
    pub(crate) fn finish_text(&mut self) -> String {
        if self.phase != LinePhase::Beginning || !self.line.is_empty() {
            self.push_letter('\n');
        }
        self.close_leaf();
        self.containers.clear();
        (self.blanks, self.has_begun) = (0, false);
        self.buffer.take_output()
    }

    fn push_letter(&mut self, letter: char) {
        match (self.phase, letter) {
            (LinePhase::Beginning, _) => {
                let ended = letter == '\n';
                let known = self.line.len();
                match letter {
                    '\n' => {}
                    '\t' => {
                        let (start, columns) = (self.line.len(), self.line.chars().count());
                        self.line.extend(std::iter::repeat_n(' ', 4 - columns % 4));
                        self.tabs.push((start, self.line.len()));
                    }
                    _ => self.line.push(letter),
                }
                if !ended && known >= SHORT_BEGINNING && known / 8 == self.line.len() / 8 {
                    return;
                }
                if let Some(beginning) =
                    parse_line_start(&self.line, &self.containers, self.open_block(), ended)
                {
                    self.begin_line(beginning);
                    if ended && self.phase != LinePhase::Beginning {
                        self.end_line();
                    }
                }
            }
            (LinePhase::Row, '\n') => self.end_table_line(),
            (LinePhase::Row, _) => {
                self.line.push(letter);
                if self.line.len() > MAX_TABLE_BYTES {
                    return self.show_row_as_text();
                }
                if self.has_preview_room {
                    let style = CellStyle::from_color(CellColor::Mark);
                    self.has_preview_room = self.buffer.extend_preview(letter, style);
                }
            }
            (LinePhase::Text, '\n') => self.end_line(),
            (LinePhase::Text, _) => self.push_leaf_letter(letter),
        }
    }

    fn open_block(&self) -> OpenBlock {
        match &self.leaf {
            LeafBlock::Paragraph(_) => OpenBlock::Paragraph,
            LeafBlock::Fence {
                sign,
                length,
                indent,
                ..
            } => OpenBlock::Fence {
                sign: *sign,
                length: *length,
                indent: *indent,
            },
            LeafBlock::Nothing
            | LeafBlock::Heading(_)
            | LeafBlock::Indented(_)
            | LeafBlock::Table(_) => OpenBlock::Nothing,
        }
    }

    /// Appends a character to the leaf block.
    fn push_leaf_letter(&mut self, letter: char) {
        match &mut self.leaf {
            LeafBlock::Paragraph(inline) => inline.push_letter(letter, &mut self.buffer),
            LeafBlock::Heading(heading) => heading.push_letter(letter, &mut self.buffer),
            LeafBlock::Fence { code, .. } | LeafBlock::Indented(code) => {
                code.push_letter(letter, &mut self.buffer, &mut self.highlight_budget);
            }
            LeafBlock::Nothing | LeafBlock::Table(_) => {}
        }
    }

    /// Ends a line whose beginning has been handled.
    fn end_line(&mut self) {
        if self.phase == LinePhase::Row {
            return self.end_table_line();
        }
        self.phase = LinePhase::Beginning;
        match &mut self.leaf {
            LeafBlock::Paragraph(inline) => inline.end_line(&mut self.buffer),
            LeafBlock::Heading(_) => self.close_leaf(),
            LeafBlock::Fence { code, .. } | LeafBlock::Indented(code) => {
                code.end_line(&mut self.buffer, &mut self.highlight_budget);
            }
            LeafBlock::Nothing | LeafBlock::Table(_) => {}
        }
    }

    /// Handles the beginning of a line and its text so far.
    fn begin_line(&mut self, beginning: LineStart) {
        let line = std::mem::take(&mut self.line);
        let tabs = std::mem::take(&mut self.tabs);
        let text = &line[beginning.text..];
        self.phase = match beginning.kind {
            LineKind::Blank
            | LineKind::Rule
            | LineKind::Underline
            | LineKind::Fence(..)
            | LineKind::FenceEnd => LinePhase::Beginning,
            LineKind::Row => LinePhase::Row,
            LineKind::Text { .. } | LineKind::Heading(_) | LineKind::Code | LineKind::Indented => {
                LinePhase::Text
            }
        };
        match beginning.kind {
            LineKind::Blank => {
                self.close_leaf();
                self.containers.truncate(beginning.keep);
                self.blanks += 1;
            }
            LineKind::Text {
                is_continuation: true,
            } => self.buffer.break_line(),
            LineKind::Text {
                is_continuation: false,
            } => {
                self.begin_block(beginning.keep, beginning.opens);
                self.leaf = LeafBlock::Paragraph(InlineText::new(CellStyle::default()));
            }
            LineKind::Heading(level) => {
                self.begin_block(beginning.keep, beginning.opens);
                self.begin_heading(level);
            }
            LineKind::Rule => {
                self.begin_block(beginning.keep, beginning.opens);
                for _ in 0..self.buffer.content_columns() {
                    self.buffer.push_unwrapped(ScreenCell::new(
                        '─',
                        CellStyle::from_color(CellColor::Mark),
                    ));
                }
                self.buffer.end_row();
            }
            LineKind::Underline => return self.underline(text),
            LineKind::Fence(sign, length, indent, info) => {
                self.begin_block(beginning.keep, beginning.opens);
                self.show_fence(sign, length, &info);
                let code = CodeBlock::new(&info, &self.buffer);
                self.leaf = LeafBlock::Fence {
                    sign,
                    length,
                    indent,
                    code,
                };
            }
            LineKind::FenceEnd => {
                self.begin_row(self.containers.len());
                if let LeafBlock::Fence { sign, length, .. } = self.leaf {
                    self.show_fence(sign, length, "");
                }
                self.leaf = LeafBlock::Nothing;
            }
            LineKind::Code => {
                self.begin_row(self.containers.len());
                return self.push_code_line(&line, beginning.text, &tabs);
            }
            LineKind::Indented => {
                self.begin_block(beginning.keep, beginning.opens);
                for cell in cells_from_text("    ", CellStyle::default()) {
                    self.buffer.push_unwrapped(cell);
                }
                self.leaf = LeafBlock::Indented(CodeBlock::default());
            }
            LineKind::Row => {
                let is_continuation = matches!(self.leaf, LeafBlock::Table(_))
                    && beginning.keep == self.containers.len()
                    && beginning.opens.is_empty();
                if !is_continuation {
                    self.begin_block(beginning.keep, beginning.opens);
                    self.leaf = LeafBlock::Table(TableLines::default());
                }
                text.clone_into(&mut self.line);
                let style = CellStyle::from_color(CellColor::Mark);
                self.has_preview_room = self.buffer.show_preview(text, style);
                return;
            }
        }
        for letter in text.chars() {
            self.push_leaf_letter(letter);
        }
    }

    /// Appends the text of a line of code from byte `from` on, with its original tabs: tab stops
    /// count from the beginning of the code, not of the line. A tab that begins before the text
    /// belongs to it as a whole.
    fn push_code_line(&mut self, line: &str, from: usize, tabs: &[(usize, usize)]) {
        let mut at = from;
        for &(start, end) in tabs.iter().filter(|(_, end)| *end > from) {
            line[at..start.max(at)]
                .chars()
                .for_each(|letter| self.push_leaf_letter(letter));
            self.push_leaf_letter('\t');
            at = end;
        }
        line[at..]
            .chars()
            .for_each(|letter| self.push_leaf_letter(letter));
    }

    /// Ends the leaf block, and begins a new one within these containers.
    fn begin_block(&mut self, keep: usize, opens: Vec<BlockContainer>) {
        self.close_leaf();
        self.containers.truncate(keep);
        if std::mem::take(&mut self.blanks) > 0 && self.has_begun {
            self.begin_row(keep);
            self.buffer.end_row();
        }
        self.has_begun = true;
        self.containers.extend(opens);
        self.begin_row(keep);
    }

    /// Begins the first row of a block, in which containers from index `new` on show their markers.
    fn begin_row(&mut self, new: usize) {
        let first = container_prefix(&self.containers, new);
        let rest = container_prefix(&self.containers, self.containers.len());
        self.buffer.begin_block(first, rest);
    }

    /// Makes a heading of the open paragraph, which a line of `=` follows. Without colours, or if
    /// it has more than one row, the line is shown.
    fn underline(&mut self, signs: &str) {
        if self.buffer.theme().is_some() && self.buffer.is_first_row() {
            if let LeafBlock::Paragraph(inline) =
                std::mem::replace(&mut self.leaf, LeafBlock::Nothing)
            {
                inline.end_block(&mut self.buffer);
                let style = self.heading_style(1);
                let end = self.buffer.next_position();
                self.buffer.restyle_cells(0, end, |cell| {
                    cell.style.bits |= style.bits;
                    if cell.style.color == CellColor::default() {
                        cell.style.color = style.color;
                    }
                });
                self.buffer.end_row();
            }
            return;
        }
        self.buffer.break_line();
        for letter in signs.trim_end().chars() {
            self.push_leaf_letter(letter);
        }
        self.close_leaf();
    }

    /// Returns the style of a heading.
    fn heading_style(&self, level: usize) -> CellStyle {
        // Levels must be distinguishable without colours.
        let bits = match level {
            1 => BOLD | UNDERLINE,
            2 => BOLD,
            3 => BOLD | ITALIC,
            _ => ITALIC,
        };
        self.buffer
            .theme()
            .map_or(CellStyle::default(), |_| CellStyle {
                bits,
                color: CellColor::Heading,
            })
    }

    fn begin_heading(&mut self, level: usize) {
        let style = self.heading_style(level);
        if self.buffer.theme().is_none() {
            let signs = format!("{} ", "#".repeat(level));
            for cell in cells_from_text(&signs, style) {
                self.buffer.push_wrapping(cell);
            }
        }
        self.leaf = LeafBlock::Heading(HeadingText::new(style));
    }

    /// Shows a fence.
    fn show_fence(&mut self, sign: char, length: usize, info: &str) {
        let shown = format!("{}{info}", String::from(sign).repeat(length));
        for cell in cells_from_text(&shown, CellStyle::from_color(CellColor::Mark)) {
            self.buffer.push_wrapping(cell);
        }
        self.buffer.end_row();
    }

    /// Ends a line that may belong to a table.
    fn end_table_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.phase = LinePhase::Beginning;
        if let LeafBlock::Table(lines) = &mut self.leaf
            && lines.has_room_for(&line)
        {
            return lines.push_line(&line);
        }
        self.close_leaf();
        self.begin_row(self.containers.len());
        let mut lines = TableLines::default();
        lines.push_line(&line);
        self.leaf = LeafBlock::Table(lines);
    }

    /// Shows a line as text that is too long for a table.
    fn show_row_as_text(&mut self) {
        let line = std::mem::take(&mut self.line);
        if matches!(&self.leaf, LeafBlock::Table(lines) if lines.count == 0) {
            self.buffer.show_preview("", CellStyle::default());
        } else {
            self.close_leaf();
            self.begin_row(self.containers.len());
        }
        self.leaf = LeafBlock::Paragraph(InlineText::new(CellStyle::default()));
        self.phase = LinePhase::Text;
        line.chars()
            .for_each(|letter| self.push_leaf_letter(letter));
    }

    /// Ends the leaf block and its last row.
    fn close_leaf(&mut self) {
        match std::mem::replace(&mut self.leaf, LeafBlock::Nothing) {
            // Rows of code are always ended.
            LeafBlock::Nothing | LeafBlock::Fence { .. } | LeafBlock::Indented(_) => {}
            LeafBlock::Paragraph(inline) => {
                inline.end_block(&mut self.buffer);
                self.buffer.end_row();
            }
            LeafBlock::Heading(heading) => {
                heading.end_heading(&mut self.buffer);
                self.buffer.end_row();
            }
            LeafBlock::Table(lines) => {
                self.buffer.show_preview("", CellStyle::default());
                self.buffer.refresh_limit();
                if lines.count > 1 {
                    table::show_table(&lines.source, &mut self.buffer);
                } else {
                    let mut inline = InlineText::new(CellStyle::default());
                    lines
                        .source
                        .chars()
                        .for_each(|letter| inline.push_letter(letter, &mut self.buffer));
                    inline.end_block(&mut self.buffer);
                }
                self.buffer.end_row();
            }
        }
    }
}

/// Returns the prefix of a row within these containers; items from index `new` on show their
/// markers.
fn container_prefix(containers: &[BlockContainer], new: usize) -> Vec<ScreenCell> {
    let mark = CellStyle::from_color(CellColor::Mark);
    let mut row = Vec::new();
    for (place, container) in containers.iter().enumerate() {
        match container {
            BlockContainer::Quote => row.extend(cells_from_text("│ ", mark)),
            BlockContainer::Item { marker, .. } => {
                let start = row.len();
                row.extend(cells_from_text(marker, mark));
                row.push(ScreenCell::new(' ', CellStyle::default()));
                if place < new {
                    row[start..].fill(ScreenCell::new(' ', CellStyle::default()));
                }
            }
        }
    }
    row
}
