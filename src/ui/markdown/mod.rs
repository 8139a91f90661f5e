//! Markdown on a terminal, rendered while it streams.
//!
//! What Markdown means may depend on text that is yet to come: a line of `=` makes the one above it
//! a heading, a definition at the end makes links of brackets at the beginning. A finished row of
//! the screen cannot wait for that, and is never written again. So this is a dialect in which text
//! decides about text before it in few places, all of them near, and in which the place of each
//! decision is a letter of the text. How the text was cut into pieces, then, cannot show:
//! [`Markdown`] takes letter by letter, and the whole at once goes the same way.
//!
//! **Lines.** A line is a line of the screen, or several where it is too long; lines of a paragraph are not joined. Its beginning
//! says what it is: [`mod@line`] holds it back until that is plain, which it mostly is at the first
//! letter. Empty lines between blocks become one. A row that is too long breaks at a space, or
//! beside a wide letter.
//!
//! **Blocks.** Headings by `#` only, without those that close them; a line of `=` under text stays what it is, and one of `-` is a rule. Quotations, which end
//! with the first line that has no `>`. Lists: an item goes on with lines that are indented by two
//! columns more than its marker; numbers are shown as they were written. A line without indent goes
//! on with an open paragraph of an item. Fenced and indented code; what stands in an item's fence
//! may be indented too little. Rules. HTML and definitions of links are shown as text.
//!
//! **Tables.** A line that begins with `|` waits for the next one, and with it for the end of the table; its raw text is shown in
//! the row that is being written meanwhile. `pulldown-cmark` reads the table when it is whole. One
//! with more columns than there is room for becomes a list.
//!
//! **Inline.** `*`, `_` and `~~` open emphasis where they stand before a word, not behind an ASCII letter or digit, and not at
//! the beginning of what a call such as `f(**kwargs)` is given, and take effect at once; a run
//! closes one that is as long (or a part of one of three). Signs are hidden where both stand in one
//! row. A row that is finished before what it opened was closed gets the sign back in its place,
//! which may move its last word down, and so the closing one is shown too. What nothing closed
//! until its block ended is put back where it stood: no letter ever moves, and no sign is lost that
//! was none. Code between backticks keeps them, so that it can be told from text without colours. A
//! link is its text and its address, if both come in one row of the screen; else it is shown as it
//! was written. The terminal may follow addresses of `http` and `https` only. Links by reference
//! are shown as they were written. Escapes and entities are read, and `pulldown-cmark` reads what
//! has come whole.
//!
//! **Without colours** the signs stay: `#` of headings, `*` and `_`, brackets and fences; tables, bullets and rules are drawn.
//!
//! **Code** is coloured when its line has ended, or a row of it is full; a row that the terminal breaks by itself has no line feed
//! within, so that it can be copied.

mod cell;
mod code;
mod construct;
mod heading;
mod inline;
mod line;
mod opener;
mod page;
mod palette;
#[cfg(test)]
mod proof;
mod screen;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use palette::Theme;
pub(crate) use screen::Screen;

use cell::{BOLD, Cell, ITALIC, Ink, Style, UNDERLINE, cells};
use code::Code;
use heading::Heading;
use inline::Inline;
use line::{Beginning, Container, Kind, Open, beginning};
use page::Page;
use table::is_delimiter;

use crate::text::sanitize;

/// Renders a whole text.
pub(crate) fn render_markdown(text: &str, screen: Screen) -> String {
    let mut markdown = Markdown::new(screen);
    markdown.take(text);
    markdown.finish()
}

/// Renders a text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Markdown {
    page: Page,
    /// The line, as far as its letters are held back; a tab is as many spaces as it takes.
    line: String,
    /// Where these begin and end, in bytes.
    tabs: Vec<(usize, usize)>,
    phase: Phase,
    containers: Vec<Container>,
    leaf: Leaf,
    /// Empty lines since the last block.
    blanks: usize,
    has_begun: bool,
}

/// What becomes of the next letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The line's beginning is held back.
    Beginning,
    /// It is text of the leaf.
    Text,
    /// The whole line is held back.
    Row,
}

/// The innermost block.
#[derive(Debug)]
enum Leaf {
    Nothing,
    Paragraph(Inline),
    Heading(Heading),
    Fence {
        sign: char,
        length: usize,
        indent: usize,
        code: Code,
    },
    Indented(Code),
    Table(Vec<String>),
}

impl Markdown {
    /// Begins a text on this screen.
    pub(crate) fn new(screen: Screen) -> Self {
        Self {
            page: Page::new(screen),
            line: String::new(),
            tabs: Vec::new(),
            phase: Phase::Beginning,
            containers: Vec::new(),
            leaf: Leaf::Nothing,
            blanks: 0,
            has_begun: false,
        }
    }

    /// Takes a piece.
    pub(crate) fn take(&mut self, text: &str) {
        for letter in sanitize(text).chars() {
            self.letter(letter);
        }
    }

    /// Gives what is to be written to show all that has come.
    pub(crate) fn paint(&mut self) -> String {
        self.page.paint();
        self.page.take()
    }

    /// Ends the text, and gives what is left to be written; the last row is ended then.
    pub(crate) fn finish(&mut self) -> String {
        if self.phase != Phase::Beginning || !self.line.is_empty() {
            self.letter('\n');
        }
        self.close();
        self.containers.clear();
        (self.blanks, self.has_begun) = (0, false);
        self.page.take()
    }

    fn letter(&mut self, letter: char) {
        match (self.phase, letter) {
            (Phase::Beginning, _) => {
                let ended = letter == '\n';
                match letter {
                    '\n' => {}
                    '\t' => {
                        let (start, columns) = (self.line.len(), self.line.chars().count());
                        self.line.extend(std::iter::repeat_n(' ', 4 - columns % 4));
                        self.tabs.push((start, self.line.len()));
                    }
                    _ => self.line.push(letter),
                }
                if let Some(beginning) = beginning(&self.line, &self.containers, self.open(), ended)
                {
                    self.begin(beginning);
                    if ended && self.phase != Phase::Beginning {
                        self.line_end();
                    }
                }
            }
            (Phase::Row, '\n') => self.table_line(),
            (Phase::Row, _) => {
                self.line.push(letter);
                self.page.preview(&self.line, Style::of(Ink::Mark));
            }
            (Phase::Text, '\n') => self.line_end(),
            (Phase::Text, _) => self.text(letter),
        }
    }

    fn open(&self) -> Open {
        match &self.leaf {
            Leaf::Paragraph(_) => Open::Paragraph,
            Leaf::Fence {
                sign,
                length,
                indent,
                ..
            } => Open::Fence {
                sign: *sign,
                length: *length,
                indent: *indent,
            },
            Leaf::Nothing | Leaf::Heading(_) | Leaf::Indented(_) | Leaf::Table(_) => Open::Nothing,
        }
    }

    /// Takes a letter of the leaf's text.
    fn text(&mut self, letter: char) {
        match &mut self.leaf {
            Leaf::Paragraph(inline) => inline.letter(letter, &mut self.page),
            Leaf::Heading(heading) => heading.letter(letter, &mut self.page),
            Leaf::Fence { code, .. } | Leaf::Indented(code) => code.letter(letter, &mut self.page),
            Leaf::Nothing | Leaf::Table(_) => {}
        }
    }

    /// Ends a line whose beginning has been dealt with.
    fn line_end(&mut self) {
        if self.phase == Phase::Row {
            return self.table_line();
        }
        self.phase = Phase::Beginning;
        match &mut self.leaf {
            Leaf::Paragraph(inline) => inline.line_end(&mut self.page),
            Leaf::Heading(_) => self.close(),
            Leaf::Fence { code, .. } | Leaf::Indented(code) => code.line_end(&mut self.page),
            Leaf::Nothing | Leaf::Table(_) => {}
        }
    }

    /// Deals with the beginning of a line, and with what of its text has come.
    fn begin(&mut self, beginning: Beginning) {
        let line = std::mem::take(&mut self.line);
        let tabs = std::mem::take(&mut self.tabs);
        let text = &line[beginning.text..];
        self.phase = match beginning.kind {
            Kind::Blank | Kind::Rule | Kind::Fence(..) | Kind::FenceEnd => Phase::Beginning,
            Kind::Row => Phase::Row,
            Kind::Text { .. } | Kind::Heading(_) | Kind::Code | Kind::Indented => Phase::Text,
        };
        match beginning.kind {
            Kind::Blank => {
                self.close();
                self.containers.truncate(beginning.keep);
                self.blanks += 1;
            }
            Kind::Text { goes_on: true } => self.page.break_line(),
            Kind::Text { goes_on: false } => {
                self.begin_block(beginning.keep, beginning.opens);
                self.leaf = Leaf::Paragraph(Inline::new(Style::default()));
            }
            Kind::Heading(level) => {
                self.begin_block(beginning.keep, beginning.opens);
                self.begin_heading(level);
            }
            Kind::Rule => {
                self.begin_block(beginning.keep, beginning.opens);
                for _ in 0..self.page.room() {
                    self.page.add(Cell::new('─', Style::of(Ink::Mark)));
                }
                self.page.end();
            }
            Kind::Fence(sign, length, indent, info) => {
                self.begin_block(beginning.keep, beginning.opens);
                self.fence(sign, length, &info);
                let code = Code::new(&info, &self.page);
                self.leaf = Leaf::Fence {
                    sign,
                    length,
                    indent,
                    code,
                };
            }
            Kind::FenceEnd => {
                self.begin_row(self.containers.len());
                if let Leaf::Fence { sign, length, .. } = self.leaf {
                    self.fence(sign, length, "");
                }
                self.leaf = Leaf::Nothing;
            }
            Kind::Code => {
                self.begin_row(self.containers.len());
                return self.text_with_tabs(&line, beginning.text, &tabs);
            }
            Kind::Indented => {
                self.begin_block(beginning.keep, beginning.opens);
                for cell in cells("    ", Style::default()) {
                    self.page.add(cell);
                }
                self.leaf = Leaf::Indented(Code::default());
            }
            Kind::Row => {
                let goes_on = matches!(self.leaf, Leaf::Table(_))
                    && beginning.keep == self.containers.len()
                    && beginning.opens.is_empty();
                if !goes_on {
                    self.begin_block(beginning.keep, beginning.opens);
                    self.leaf = Leaf::Table(Vec::new());
                }
                text.clone_into(&mut self.line);
                self.page.preview(text, Style::of(Ink::Mark));
                return;
            }
        }
        for letter in text.chars() {
            self.text(letter);
        }
    }

    /// Takes the text of a line of code from this byte on, its tabs as tabs: their stops are those
    /// of the code, and not of what stands around it. One that begins before the text belongs to it
    /// as a whole.
    fn text_with_tabs(&mut self, line: &str, from: usize, tabs: &[(usize, usize)]) {
        let mut at = from;
        for &(start, end) in tabs.iter().filter(|(_, end)| *end > from) {
            line[at..start.max(at)]
                .chars()
                .for_each(|letter| self.text(letter));
            self.text('\t');
            at = end;
        }
        line[at..].chars().for_each(|letter| self.text(letter));
    }

    /// Ends the leaf, and begins the first row of a new one within these containers.
    fn begin_block(&mut self, keep: usize, opens: Vec<Container>) {
        self.close();
        self.containers.truncate(keep);
        if std::mem::take(&mut self.blanks) > 0 && self.has_begun {
            self.begin_row(keep);
            self.page.end();
        }
        self.has_begun = true;
        self.containers.extend(opens);
        self.begin_row(keep);
    }

    /// Begins a row of a new block; containers from `new` on show their markers in it.
    fn begin_row(&mut self, new: usize) {
        let first = prefix(&self.containers, new);
        let rest = prefix(&self.containers, self.containers.len());
        self.page.begin(first, rest);
    }

    fn begin_heading(&mut self, level: usize) {
        // The levels differ by more than a colour.
        let bits = match level {
            1 => BOLD | UNDERLINE,
            2 => BOLD,
            3 => BOLD | ITALIC,
            _ => ITALIC,
        };
        let style = self.page.theme().map_or(Style::default(), |_| Style {
            bits,
            ink: Ink::Heading,
        });
        if self.page.theme().is_none() {
            let signs = format!("{} ", "#".repeat(level));
            for cell in cells(&signs, style) {
                self.page.push(cell);
            }
        }
        self.leaf = Leaf::Heading(Heading::new(style));
    }

    /// Shows a fence.
    fn fence(&mut self, sign: char, length: usize, info: &str) {
        let shown = format!("{}{info}", String::from(sign).repeat(length));
        for cell in cells(&shown, Style::of(Ink::Mark)) {
            self.page.push(cell);
        }
        self.page.end();
    }

    /// Takes the end of a line that may belong to a table.
    fn table_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.phase = Phase::Beginning;
        let Leaf::Table(lines) = &mut self.leaf else {
            return;
        };
        if lines.len() == 1 && !is_delimiter(&lines[0], &line) {
            self.close();
            self.begin_row(self.containers.len());
            self.leaf = Leaf::Table(vec![line]);
        } else {
            lines.push(line);
        }
    }

    /// Ends the leaf, and its last row with it.
    fn close(&mut self) {
        match std::mem::replace(&mut self.leaf, Leaf::Nothing) {
            // Code has no row that is not ended.
            Leaf::Nothing | Leaf::Fence { .. } | Leaf::Indented(_) => {}
            Leaf::Paragraph(inline) => {
                inline.end(&mut self.page);
                self.page.end();
            }
            Leaf::Heading(heading) => {
                heading.end(&mut self.page);
                self.page.end();
            }
            Leaf::Table(lines) => {
                self.page.preview("", Style::default());
                if lines.len() > 1 {
                    self.show_table(&lines);
                } else {
                    let mut inline = Inline::new(Style::default());
                    lines
                        .concat()
                        .chars()
                        .for_each(|letter| inline.letter(letter, &mut self.page));
                    inline.end(&mut self.page);
                }
                self.page.end();
            }
        }
    }

    fn show_table(&mut self, lines: &[String]) {
        for (place, row) in table::rows(&lines.join("\n"), &mut self.page)
            .into_iter()
            .enumerate()
        {
            if place > 0 {
                self.page.break_line();
            }
            for cell in row {
                self.page.push(cell);
            }
        }
    }
}

/// What a row within these containers begins with: items from `new` on show their markers.
fn prefix(containers: &[Container], new: usize) -> Vec<Cell> {
    let mark = Style::of(Ink::Mark);
    let mut row = Vec::new();
    for (place, container) in containers.iter().enumerate() {
        match container {
            Container::Quote => row.extend(cells("│ ", mark)),
            Container::Item { marker, .. } => {
                let start = row.len();
                row.extend(cells(marker, mark));
                row.push(Cell::new(' ', Style::default()));
                if place < new {
                    row[start..].fill(Cell::new(' ', Style::default()));
                }
            }
        }
    }
    row
}
