//! The page: finished rows, which nothing changes any more, and the row that is being written.
//!
//! What is decided about a row depends on the text up to a certain letter alone, and never on how
//! much of it came at once. What is painted of the row that is being written depends on the pieces;
//! a row that is finished is the same anyway.
//!
//! No position of the cursor is relied on, since terminals do not agree on the width of all
//! letters: what was added is written behind what is there; where something before it has changed,
//! the row is written anew from its beginning.

use super::cell::{Cell, Ink, Style, each_cell, is_certain, width};
use super::opener::Opener;
use super::palette::Theme;
use super::screen::Screen;

/// Rows of a screen.
#[derive(Debug)]
pub(super) struct Page {
    screen: Screen,
    /// What is to be written.
    out: String,
    /// The row that is being written; its first cells are what each row of the block begins with.
    cells: Vec<Cell>,
    /// How many cells at the beginning of the row are no content.
    first: usize,
    /// What the following rows of the block begin with.
    rest: Vec<Cell>,
    /// The columns that a row may take.
    limit: usize,
    /// The columns that the row takes.
    used: usize,
    /// Cells of content of this block that are in finished rows, but for signs that were shown when
    /// their row was finished.
    gone: usize,
    /// What is open, the first one outermost. A sign that is hidden is shown where its row is
    /// finished.
    pub(super) openers: Vec<Opener>,
    /// Cells of the row that are on the screen.
    painted: usize,
    /// Whether one of these has changed.
    stale: bool,
    links: Vec<String>,
}

impl Page {
    /// Begins a page.
    pub(super) fn new(screen: Screen) -> Self {
        Self {
            screen,
            out: String::new(),
            cells: Vec::new(),
            first: 0,
            rest: Vec::new(),
            limit: 0,
            used: 0,
            gone: 0,
            openers: Vec::new(),
            painted: 0,
            stale: false,
            links: Vec::new(),
        }
    }

    /// Gives what is to be written since the last time.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// The theme; none where signs have to say what colours would.
    pub(super) fn theme(&self) -> Option<Theme> {
        self.screen.theme()
    }

    /// Begins a block: what its first row begins with, and what the others do.
    pub(super) fn begin(&mut self, mut first: Vec<Cell>, mut rest: Vec<Cell>) {
        self.limit = self.screen.columns();
        for prefix in [&mut first, &mut rest] {
            let too_many = prefix.len().saturating_sub(self.limit / 2);
            prefix.drain(..too_many);
        }
        self.gone = 0;
        self.rest = rest;
        self.first = first.len();
        self.used = width(&first);
        self.cells = first;
    }

    /// The columns that are left for content.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(width(&self.rest)).max(4)
    }

    /// Where the next cell of the block's content will stand.
    pub(super) fn position(&self) -> usize {
        self.gone + self.cells.len() - self.first
    }

    /// The place in the row of a cell of the block's content; none where its row is finished.
    fn place(&self, position: usize) -> Option<usize> {
        Some(position.checked_sub(self.gone)? + self.first)
    }

    /// The content of the row from a position on; none where that is in a finished row.
    pub(super) fn content_from(&self, position: usize) -> Option<&[Cell]> {
        self.cells.get(self.place(position)?..)
    }

    /// The content of the row that is being written.
    pub(super) fn content(&self) -> &[Cell] {
        &self.cells[self.first..]
    }

    /// Adds a cell of text. A word that does not fit begins a new row.
    pub(super) fn push(&mut self, cell: Cell) {
        self.used += usize::from(cell.width);
        self.cells.push(cell);
        if cell.letter != ' ' {
            while self.used > self.limit && self.wrap() {}
        }
    }

    /// Adds a cell, whether it fits or not.
    pub(super) fn add(&mut self, cell: Cell) {
        self.used += usize::from(cell.width);
        self.cells.push(cell);
    }

    /// Colours the block's content, as far as it stands in the row that is being written.
    pub(super) fn color(&mut self, inks: &[Ink]) {
        for (place, &ink) in (self.first..self.cells.len()).zip(inks.iter().skip(self.gone)) {
            if self.cells[place].style.ink != ink {
                self.cells[place].style.ink = ink;
                self.touch(place);
            }
        }
    }

    /// Inserts cells before the one at this position, if its row is not finished.
    pub(super) fn insert(&mut self, position: usize, new: &[Cell]) {
        let Some(place) = self.place(position) else {
            return;
        };
        self.touch(place);
        self.used += width(new);
        self.cells.splice(place..place, new.iter().copied());
        while self.shown_width() > self.limit && self.wrap() {}
    }

    /// Removes a cell, if its row is not finished.
    pub(super) fn remove(&mut self, position: usize) {
        if let Some(place) = self
            .place(position)
            .filter(|&place| place < self.cells.len())
        {
            self.touch(place);
            let cell = self.cells.remove(place);
            self.used -= usize::from(cell.width);
        }
    }

    /// Changes how cells look that stand in the row that is being written, from a position on.
    pub(super) fn restyle(&mut self, from: usize, to: usize, change: impl Fn(&mut Cell)) {
        let place = self.place(from.max(self.gone)).unwrap_or(self.first);
        let end = self.place(to).unwrap_or(self.first).min(self.cells.len());
        if place < end {
            self.touch(place);
            self.cells[place..end].iter_mut().for_each(change);
        }
    }

    /// Replaces the row's content by what is shown until it is known. What stays the same is not
    /// written again.
    pub(super) fn preview(&mut self, text: &str, style: Style) {
        let mut used = width(&self.cells[..self.first]);
        let mut place = self.first;
        for cell in each_cell(text, style) {
            used += usize::from(cell.width);
            if used >= self.limit {
                break;
            }
            if self.cells.get(place) != Some(&cell) {
                self.cut(place);
                self.cells.push(cell);
            }
            place += 1;
        }
        self.cut(place);
        self.used = width(&self.cells);
    }

    /// Takes away the cells from this one on.
    fn cut(&mut self, place: usize) {
        self.touch(place);
        self.cells.truncate(place);
    }

    fn touch(&mut self, place: usize) {
        self.stale |= place < self.painted;
    }

    /// Gives a link a number.
    pub(super) fn link(&mut self, address: &str) -> u16 {
        if self.links.last().is_none_or(|last| last != address) {
            self.links.push(address.to_owned());
        }
        u16::try_from(self.links.len()).unwrap_or_else(|_| {
            self.links.pop();
            0
        })
    }

    /// Whether a cell of code fits into the row.
    pub(super) fn has_room_for(&self, letter: char) -> bool {
        self.used + usize::from(Cell::new(letter, Style::default()).width) <= self.limit
    }

    /// Finishes a row of code in the middle of its line. Where the terminal breaks it itself, the
    /// line can be copied whole.
    pub(super) fn break_code(&mut self) {
        let is_left_to_terminal = self.screen.breaks_lines(self.limit)
            && self.cells.iter().all(|cell| is_certain(cell.letter))
            && self.used == self.limit;
        let upto = self.cells.len();
        self.gone += upto - self.first;
        self.finish_row(upto, !is_left_to_terminal);
        self.cells.clear();
        if !is_left_to_terminal {
            self.cells.extend_from_slice(&self.rest);
        }
        self.first = self.cells.len();
        self.used = width(&self.cells);
        if !is_left_to_terminal {
            self.limit = self.screen.columns();
        }
    }

    /// Finishes the row; the next one goes on with the block.
    pub(super) fn break_line(&mut self) {
        if !self.openers.is_empty() {
            while self.wrap() {}
        }
        self.leave(self.cells.len());
        self.end();
        self.limit = self.screen.columns();
        self.cells.extend_from_slice(&self.rest);
        self.first = self.cells.len();
        self.used = width(&self.cells);
    }

    /// Finishes the row.
    pub(super) fn end(&mut self) {
        self.finish_row(self.trimmed(self.cells.len()), true);
        self.cells.clear();
        self.first = 0;
        self.used = 0;
    }

    /// Finishes a row that is too long at the last place where it may break, and moves the rest to
    /// the next one. Says whether it did.
    fn wrap(&mut self) -> bool {
        let after = match self.fit() {
            Fit::Whole => return false,
            Fit::Upto(place) => {
                let after = self.cells.split_off(place);
                self.leave(place);
                after
            }
            Fit::Nothing => {
                let after = self.cells.split_off(self.first);
                if !self.leave_signs() {
                    self.cells.extend(after);
                    return false;
                }
                after
            }
        };
        self.finish_row(self.trimmed(self.cells.len()), true);
        self.begin_next();
        self.cells.extend(after);
        self.used = width(&self.cells);
        true
    }

    /// Begins the next row of the block.
    fn begin_next(&mut self) {
        self.cells.clear();
        self.cells.extend_from_slice(&self.rest);
        self.first = self.cells.len();
        self.limit = self.screen.columns();
    }

    /// Counts the content up to this place as finished, and shows the signs in it that are hidden.
    fn leave(&mut self, upto: usize) {
        let (gone, first) = (self.gone, self.first);
        self.gone += upto - first;
        for at in (0..self.openers.len()).rev() {
            let opener = self.openers[at];
            if !opener.is_shown && opener.position < self.gone {
                self.openers[at].is_shown = true;
                let place = opener.position - gone + first;
                self.touch(place);
                self.cells.splice(place..place, opener.signs());
            }
        }
    }

    /// Writes the signs at the beginning of the row in rows of their own, but for the last of
    /// these: not even one letter fits behind them. Says whether there are any.
    fn leave_signs(&mut self) -> bool {
        let gone = self.gone;
        let mut signs = Vec::new();
        for opener in self
            .openers
            .iter_mut()
            .filter(|opener| !opener.is_shown && opener.position == gone)
        {
            opener.is_shown = true;
            signs.extend(opener.signs());
        }
        self.touch(self.first);
        for &sign in &signs {
            if self.cells.len() > self.first && width(&self.cells) >= self.limit {
                self.finish_row(self.cells.len(), true);
                self.begin_next();
            }
            self.cells.push(sign);
        }
        !signs.is_empty()
    }

    /// How much of the row fits, with the signs that would be shown if it were finished.
    fn fit(&self) -> Fit {
        let mut used = width(&self.cells[..self.first]);
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
                return found.or(anywhere).map_or(Fit::Nothing, Fit::Upto);
            }
        }
        Fit::Whole
    }

    /// The columns of the signs that are hidden before this cell of the row.
    fn hidden_at(&self, place: usize) -> usize {
        let position = self.gone + place - self.first;
        let here = self
            .openers
            .iter()
            .filter(|opener| !opener.is_shown && opener.position == position);
        here.map(|opener| opener.length).sum()
    }

    /// The end of these cells without the spaces there.
    fn trimmed(&self, upto: usize) -> usize {
        upto - self.cells[..upto]
            .iter()
            .rev()
            .take_while(|cell| cell.letter == ' ')
            .count()
    }

    fn shown_width(&self) -> usize {
        width(&self.cells[..self.trimmed(self.cells.len())])
    }

    /// Paints what has come of the row that is being written.
    pub(super) fn paint(&mut self) {
        if self.screen.is_terminal() {
            self.show(self.trimmed(self.cells.len()));
        }
    }

    fn finish_row(&mut self, shown: usize, is_ended: bool) {
        self.show(shown);
        if is_ended {
            self.out.push('\n');
        }
        self.painted = 0;
        self.stale = false;
    }

    fn show(&mut self, shown: usize) {
        if self.painted > 0 && (self.stale || self.painted > shown) {
            self.out.push_str("\r\x1b[K");
            self.painted = 0;
        }
        self.write(self.painted, shown);
        self.painted = shown;
        self.stale = false;
    }

    /// Writes cells, from an ordinary look to an ordinary look.
    fn write(&mut self, from: usize, to: usize) {
        let Some(theme) = self.screen.theme() else {
            self.out
                .extend(self.cells[from..to].iter().map(|cell| cell.letter));
            return;
        };
        let (mut style, mut link) = (Style::default(), 0);
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
                theme.begin(style, &mut self.out);
            }
            self.out.push(cell.letter);
        }
        if style != Style::default() {
            self.out.push_str("\x1b[0m");
        }
        if link != 0 {
            self.out.push_str("\x1b]8;;\x1b\\");
        }
    }
}

/// How much of a row fits.
enum Fit {
    /// All of it.
    Whole,
    /// What stands before this place.
    Upto(usize),
    /// Nothing.
    Nothing,
}

/// Whether a row may break between a wide letter and its neighbour: not before a sign that closes.
fn is_breakable(cell: Cell, before: Cell) -> bool {
    let closes = matches!(
        cell.letter,
        '、' | '。' | '，' | '．' | '：' | '；' | '！' | '？' | '）' | '」' | '』' | '】' | '》'
    );
    let opens = matches!(before.letter, '（' | '「' | '『' | '【' | '《');
    !closes && !opens && !cell.letter.is_ascii_punctuation()
}
