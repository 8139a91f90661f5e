//! The output: finished rows, which never change, and the current row.
//!
//! Every decision about a row depends only on the text up to a certain character, never on how it
//! was split. What is painted of the current row depends on the pieces, but the finished row does
//! not.
//!
//! Cursor positions are not used, since terminals disagree on character widths: new cells are
//! appended, and if an earlier cell has changed, the row is rewritten from its beginning. Where the
//! terminal has become narrower since, the beginning may be some rows further up: colours are left
//! as they are then, and changed text is written again so that none is lost.

use super::cell::{CellColor, CellStyle, ScreenCell, cells_width, each_cell, has_certain_width};
use super::emphasis_opener::EmphasisOpener;
use super::palette::ColorTheme;
use super::screen::RenderTarget;

/// The most cells of a row: characters without a width never fill one, nor do spaces at its end.
const MAX_ROW_CELLS: usize = 1024;

/// The current row of the screen, and the output for finished rows.
#[derive(Debug)]
pub(super) struct RowBuffer {
    screen: RenderTarget,
    /// Output not yet taken.
    out: String,
    /// The current row, including its prefix.
    cells: Vec<ScreenCell>,
    /// Number of prefix cells at the beginning of the row.
    first: usize,
    /// The prefix of the following rows of the block.
    rest: Vec<ScreenCell>,
    /// Maximum width of a row in columns.
    limit: usize,
    /// Width of the current row in columns.
    used: usize,
    /// Number of content cells of this block in finished rows, without restored delimiters.
    finished_cells: usize,
    /// Open delimiters, outermost first. Hidden ones are shown when their row is finished.
    pub(super) openers: Vec<EmphasisOpener>,
    /// Number of cells of the row that are on the screen.
    painted: usize,
    /// Width of these cells in columns.
    painted_width: usize,
    /// How a painted cell has changed.
    change: Option<PaintedChange>,
    /// The width of the terminal that was left to wrap the row before, so that this one continues
    /// its line; `None` if a line begins here.
    wrapped_at: Option<usize>,
    /// The addresses of the row's links.
    links: Vec<String>,
}

impl RowBuffer {
    /// Creates an empty buffer.
    pub(super) fn new(screen: RenderTarget) -> Self {
        Self {
            screen,
            out: String::new(),
            cells: Vec::new(),
            first: 0,
            rest: Vec::new(),
            limit: 0,
            used: 0,
            finished_cells: 0,
            openers: Vec::new(),
            painted: 0,
            painted_width: 0,
            change: None,
            wrapped_at: None,
            links: Vec::new(),
        }
    }

    /// Returns the output since the last call.
    pub(super) fn take_output(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Returns the theme; `None` without colours, when markup stays visible.
    pub(super) fn theme(&self) -> Option<ColorTheme> {
        self.screen.theme()
    }

    /// Begins a block with the prefixes of its first row and of the others.
    pub(super) fn begin_block(&mut self, mut first: Vec<ScreenCell>, mut rest: Vec<ScreenCell>) {
        self.limit = self.screen.current_columns();
        for prefix in [&mut first, &mut rest] {
            let too_many = prefix.len().saturating_sub(self.limit / 2);
            prefix.drain(..too_many);
        }
        self.finished_cells = 0;
        self.rest = rest;
        self.first = first.len();
        self.used = cells_width(&first);
        self.cells = first;
    }

    /// Returns the columns available for content.
    pub(super) fn content_columns(&self) -> usize {
        self.limit.saturating_sub(cells_width(&self.rest)).max(4)
    }

    /// Returns the position of the next cell in the block's content.
    pub(super) fn next_position(&self) -> usize {
        self.finished_cells + self.cells.len() - self.first
    }

    /// Returns the index in the row of a content position; `None` if its row is finished.
    fn place_in_row(&self, position: usize) -> Option<usize> {
        Some(position.checked_sub(self.finished_cells)? + self.first)
    }

    /// Returns the content of the row from a position on; `None` if that is in a finished row.
    pub(super) fn content_from(&self, position: usize) -> Option<&[ScreenCell]> {
        self.cells.get(self.place_in_row(position)?..)
    }

    /// Whether no row of the block is finished.
    pub(super) fn is_first_row(&self) -> bool {
        self.finished_cells == 0
    }

    /// Returns the content of the current row.
    pub(super) fn row_content(&self) -> &[ScreenCell] {
        &self.cells[self.first..]
    }

    /// Appends a cell of text; a word that does not fit is wrapped.
    pub(super) fn push_wrapping(&mut self, cell: ScreenCell) {
        if self.cells.len() >= self.first + MAX_ROW_CELLS {
            self.break_line();
        }
        self.used += usize::from(cell.width);
        self.cells.push(cell);
        if cell.letter != ' ' {
            while self.used > self.limit && self.wrap_row() {}
        }
    }

    /// Appends a cell without wrapping.
    pub(super) fn push_unwrapped(&mut self, cell: ScreenCell) {
        self.used += usize::from(cell.width);
        self.cells.push(cell);
    }

    /// Colours the block's content that is in the current row.
    pub(super) fn color_content(&mut self, colors: &[CellColor]) {
        for (place, &color) in
            (self.first..self.cells.len()).zip(colors.iter().skip(self.finished_cells))
        {
            if self.cells[place].style.color != color {
                self.cells[place].style.color = color;
                self.mark(place, PaintedChange::Style);
            }
        }
    }

    /// Inserts cells before the one at this position, if its row is not finished.
    pub(super) fn insert_cells(&mut self, position: usize, new: &[ScreenCell]) {
        let Some(place) = self.place_in_row(position) else {
            return;
        };
        self.mark(place, PaintedChange::Text);
        self.used += cells_width(new);
        self.cells.splice(place..place, new.iter().copied());
        while self.shown_width() > self.limit && self.wrap_row() {}
    }

    /// Removes a cell, if its row is not finished.
    pub(super) fn remove_cell(&mut self, position: usize) {
        if let Some(place) = self
            .place_in_row(position)
            .filter(|&place| place < self.cells.len())
        {
            self.mark(place, PaintedChange::Text);
            let cell = self.cells.remove(place);
            self.used -= usize::from(cell.width);
        }
    }

    /// Changes the cells from position `from` to `to` that are in the current row.
    pub(super) fn restyle_cells(
        &mut self,
        from: usize,
        to: usize,
        change: impl Fn(&mut ScreenCell),
    ) {
        let place = self
            .place_in_row(from.max(self.finished_cells))
            .unwrap_or(self.first);
        let end = self
            .place_in_row(to)
            .unwrap_or(self.first)
            .min(self.cells.len());
        if place < end {
            self.mark(place, PaintedChange::Style);
            self.cells[place..end].iter_mut().for_each(change);
        }
    }

    /// Replaces the row's content by provisional text. Unchanged cells are not rewritten. Returns
    /// whether there is room for more of it.
    pub(super) fn show_preview(&mut self, text: &str, style: CellStyle) -> bool {
        let mut has_room = true;
        let mut used = cells_width(&self.cells[..self.first]);
        let mut place = self.first;
        for cell in each_cell(text, style) {
            used += usize::from(cell.width);
            if used >= self.limit || place >= self.first + MAX_ROW_CELLS {
                has_room = false;
                break;
            }
            if self.cells.get(place) != Some(&cell) {
                self.truncate_at(place);
                self.cells.push(cell);
            }
            place += 1;
        }
        self.truncate_at(place);
        self.used = cells_width(&self.cells);
        has_room
    }

    /// Appends a character to provisional text. Returns whether there is room for more of it.
    pub(super) fn extend_preview(&mut self, letter: char, style: CellStyle) -> bool {
        for cell in each_cell(letter.encode_utf8(&mut [0; 4]), style) {
            if self.used + usize::from(cell.width) >= self.limit
                || self.cells.len() >= self.first + MAX_ROW_CELLS
            {
                return false;
            }
            self.push_unwrapped(cell);
        }
        true
    }

    /// Removes the cells from this index on.
    fn truncate_at(&mut self, place: usize) {
        self.mark(place, PaintedChange::Text);
        self.cells.truncate(place);
    }

    fn mark(&mut self, place: usize, change: PaintedChange) {
        if place < self.painted {
            self.change = self.change.max(Some(change));
        }
    }

    /// Returns the number of a link, which holds until the row is finished.
    pub(super) fn number_link(&mut self, address: &str) -> u16 {
        if self.links.last().is_none_or(|last| last != address) {
            self.links.push(address.to_owned());
        }
        u16::try_from(self.links.len()).unwrap_or_else(|_| {
            self.links.pop();
            0
        })
    }

    /// Whether a character of code fits into the row.
    pub(super) fn has_room_for(&self, letter: char) -> bool {
        self.used + usize::from(ScreenCell::new(letter, CellStyle::default()).width) <= self.limit
    }

    /// Finishes a row of code in the middle of its line. If the terminal itself wraps it, the line
    /// can be copied as a whole.
    pub(super) fn break_code(&mut self) {
        let is_left_to_terminal = self.screen.breaks_lines(self.limit)
            && self.cells.iter().all(|cell| has_certain_width(cell.letter))
            && self.used == self.limit;
        let upto = self.cells.len();
        self.finished_cells += upto - self.first;
        self.finish_row(upto, !is_left_to_terminal);
        self.cells.clear();
        if !is_left_to_terminal {
            self.cells.extend_from_slice(&self.rest);
        }
        self.first = self.cells.len();
        self.used = cells_width(&self.cells);
        if !is_left_to_terminal {
            self.limit = self.screen.current_columns();
        }
    }

    /// Finishes the row; the next one continues the block.
    pub(super) fn break_line(&mut self) {
        if !self.openers.is_empty() {
            while self.wrap_row() {}
        }
        self.leave_content(self.cells.len());
        self.end_row();
        self.cells.extend_from_slice(&self.rest);
        self.first = self.cells.len();
        self.used = cells_width(&self.cells);
    }

    /// Finishes the row. The next one has the width that the terminal has now.
    pub(super) fn end_row(&mut self) {
        self.finish_row(self.trimmed_end(self.cells.len()), true);
        self.cells.clear();
        self.links.clear();
        self.first = 0;
        self.used = 0;
        self.limit = self.screen.current_columns();
    }

    /// Gives the row the width that the terminal has now, before its content is written.
    pub(super) fn refresh_limit(&mut self) {
        self.limit = self.screen.current_columns();
    }

    /// Finishes a row that is too long at its last break opportunity, and moves the rest to the
    /// next one. Returns whether it did.
    fn wrap_row(&mut self) -> bool {
        let mut is_left_to_terminal = false;
        let after = match self.measure_fit() {
            RowFit::Whole => return false,
            RowFit::Upto(place) => {
                is_left_to_terminal = self.is_left_to_terminal(place);
                let after = self.cells.split_off(place);
                self.leave_content(place);
                after
            }
            RowFit::Nothing => {
                let after = self.cells.split_off(self.first);
                if !self.leave_signs() {
                    self.cells.extend(after);
                    return false;
                }
                after
            }
        };
        self.finish_row(self.trimmed_end(self.cells.len()), !is_left_to_terminal);
        if is_left_to_terminal {
            self.cells.clear();
            self.first = 0;
        } else {
            self.begin_next_row();
        }
        self.cells.extend(after);
        self.used = cells_width(&self.cells);
        if self.cells.iter().all(|cell| cell.link == 0) {
            self.links.clear();
        }
        true
    }

    /// Whether the terminal itself wraps the row before this cell, in the middle of a word that is
    /// longer than a row, such as an address: it can be copied as a whole then.
    fn is_left_to_terminal(&self, place: usize) -> bool {
        let row = &self.cells[..place];
        let is_within_word = self.cells[place].letter != ' ' && row[place - 1].letter != ' ';
        is_within_word
            && self.openers.is_empty()
            && self.screen.breaks_lines(self.limit)
            && cells_width(row) == self.limit
            && row.iter().all(|cell| has_certain_width(cell.letter))
    }

    /// Begins the next row of the block.
    fn begin_next_row(&mut self) {
        self.cells.clear();
        self.cells.extend_from_slice(&self.rest);
        self.first = self.cells.len();
        self.limit = self.screen.current_columns();
    }

    /// Counts the content up to this index as finished, and shows hidden delimiters in it.
    fn leave_content(&mut self, upto: usize) {
        let (finished_cells, first) = (self.finished_cells, self.first);
        self.finished_cells += upto - first;
        for at in (0..self.openers.len()).rev() {
            let opener = self.openers[at];
            if !opener.is_shown && opener.position < self.finished_cells {
                self.openers[at].is_shown = true;
                let place = opener.position - finished_cells + first;
                self.mark(place, PaintedChange::Text);
                self.cells.splice(place..place, opener.sign_cells());
            }
        }
    }

    /// Writes the delimiters at the beginning of the row in rows of their own, except for the last
    /// of these, when not even one character fits after them. Returns whether there are any.
    fn leave_signs(&mut self) -> bool {
        let finished_cells = self.finished_cells;
        let mut signs = Vec::new();
        for opener in self
            .openers
            .iter_mut()
            .filter(|opener| !opener.is_shown && opener.position == finished_cells)
        {
            opener.is_shown = true;
            signs.extend(opener.sign_cells());
        }
        self.mark(self.first, PaintedChange::Text);
        for &sign in &signs {
            if self.cells.len() > self.first && cells_width(&self.cells) >= self.limit {
                self.finish_row(self.cells.len(), true);
                self.begin_next_row();
            }
            self.cells.push(sign);
        }
        !signs.is_empty()
    }

    /// Returns how much of the row fits, including delimiters that would be shown if it were
    /// finished.
    fn measure_fit(&self) -> RowFit {
        let mut used = cells_width(&self.cells[..self.first]);
        let (mut found, mut anywhere) = (None, None);
        for place in self.first..self.cells.len() {
            let cell = self.cells[place];
            let is_later = place > self.first && cell.width > 0;
            if is_later && cell.letter != ' ' {
                let before = self.cells[place - 1];
                if before.letter == ' '
                    || (cell.width == 2 || before.width == 2) && is_breakable(cell, before)
                {
                    found = Some(place);
                }
                anywhere = Some(place);
            }
            let signs = self.hidden_at(place);
            used += signs + usize::from(cell.width);
            if used > self.limit && (cell.letter != ' ' || signs > 0) {
                return found.or(anywhere).map_or(RowFit::Nothing, RowFit::Upto);
            }
        }
        RowFit::Whole
    }

    /// Returns the columns of hidden delimiters before this cell of the row.
    fn hidden_at(&self, place: usize) -> usize {
        let position = self.finished_cells + place - self.first;
        let here = self
            .openers
            .iter()
            .filter(|opener| !opener.is_shown && opener.position == position);
        here.map(|opener| opener.length).sum()
    }

    /// Returns the end of these cells without trailing spaces.
    fn trimmed_end(&self, upto: usize) -> usize {
        upto - self.cells[..upto]
            .iter()
            .rev()
            .take_while(|cell| cell.letter == ' ')
            .count()
    }

    fn shown_width(&self) -> usize {
        cells_width(&self.cells[..self.trimmed_end(self.cells.len())])
    }

    /// Paints the current row.
    pub(super) fn paint_row(&mut self) {
        if self.screen.is_terminal() {
            self.show_cells(self.trimmed_end(self.cells.len()));
        }
    }

    fn finish_row(&mut self, shown: usize, is_ended: bool) {
        self.show_cells(shown);
        if is_ended {
            self.out.push('\n');
        }
        self.painted = 0;
        self.painted_width = 0;
        self.wrapped_at = (!is_ended).then_some(self.limit);
    }

    fn show_cells(&mut self, shown: usize) {
        if self.painted > shown {
            self.change = Some(PaintedChange::Text);
        }
        if let Some(change) = self.change.take().filter(|_| self.painted > 0) {
            self.clear_painted(change);
        }
        self.write_cells(self.painted, shown);
        self.painted_width += cells_width(&self.cells[self.painted..shown]);
        self.painted = shown;
    }

    /// Clears what is painted of the row, for it to be rewritten. Where the terminal was resized in
    /// such a way that a carriage return does not lead to the beginning of the row, a change of
    /// style is ignored, and changed text is rewritten below where nothing else is certain.
    fn clear_painted(&mut self, change: PaintedChange) {
        let columns = self.screen.current_columns();
        let has_moved = self.wrapped_at.is_some_and(|before| before != columns);
        let rows_above = self.painted_width.saturating_sub(1) / columns;
        if rows_above == 0 && !has_moved {
            self.out.push_str("\r\x1b[K");
        } else if change == PaintedChange::Style {
            return;
        } else if has_moved {
            self.out.push('\n');
            self.wrapped_at = None;
        } else if self.screen.is_rewrapped() {
            self.out.push_str(&format!("\r\x1b[{rows_above}A\x1b[J"));
        } else {
            self.out.push_str("\r\x1b[K");
        }
        self.painted = 0;
        self.painted_width = 0;
    }

    /// Writes cells, beginning and ending in the default style.
    fn write_cells(&mut self, from: usize, to: usize) {
        let screen = &self.screen;
        let Some(theme) = screen.theme() else {
            let cells = self.cells[from..to].iter();
            self.out.extend(cells.map(|cell| screen.shown(cell.letter)));
            return;
        };
        let (mut style, mut link) = (CellStyle::default(), 0);
        for cell in &self.cells[from..to] {
            if cell.link != link {
                link = cell.link;
                let address = usize::from(link)
                    .checked_sub(1)
                    .and_then(|place| self.links.get(place));
                self.out.push_str("\x1b]8;;");
                self.out.push_str(address.map_or("", String::as_str));
                self.out.push_str("\x1b\\");
            }
            if cell.style != style {
                style = cell.style;
                theme.begin_style(style, &mut self.out);
            }
            self.out.push(screen.shown(cell.letter));
        }
        if style != CellStyle::default() {
            self.out.push_str("\x1b[0m");
        }
        if link != 0 {
            self.out.push_str("\x1b]8;;\x1b\\");
        }
    }
}

/// How painted cells have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PaintedChange {
    /// Only their style.
    Style,
    /// Their text.
    Text,
}

/// How much of a row fits.
enum RowFit {
    /// All of it.
    Whole,
    /// The cells before this index.
    Upto(usize),
    /// Nothing.
    Nothing,
}

/// Whether a row may break between a wide character and its neighbour: not before closing
/// punctuation or after opening punctuation.
fn is_breakable(cell: ScreenCell, before: ScreenCell) -> bool {
    let closes = matches!(
        cell.letter,
        '、' | '。' | '，' | '．' | '：' | '；' | '！' | '？' | '）' | '」' | '』' | '】' | '》'
    );
    let opens = matches!(before.letter, '（' | '「' | '『' | '【' | '《');
    !closes && !opens && !cell.letter.is_ascii_punctuation()
}
