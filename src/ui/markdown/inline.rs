//! The text of a block, letter by letter: emphasis, code, links, escapes.
//!
//! A sign that opens something is taken at its word at once, and hidden. If nothing has closed it
//! when its row is finished, or at the end of its block, it is put back where it stood, so that no
//! sign ever moves; what closes it in a later row is shown too.

use super::cell::{Cell, Ink, Style, UNDERLINE, cells};
use super::construct::{Construct, address, construct};
use super::opener::Opener;
use super::page::Page;

/// The longest part of a link, address or entity that is waited for, in bytes.
const LONGEST_HELD: usize = 1000;

/// The longest entity, in bytes.
const LONGEST_ENTITY: usize = 32;

/// The most runs that are open at once.
const MOST_OPEN: usize = 16;

/// The text of one block.
#[derive(Debug, Default)]
pub(super) struct Inline {
    base: Style,
    held: Held,
    /// Where the brackets that are open stand.
    brackets: Vec<usize>,
    /// The length of the run of backticks that opened code, and where it stands.
    code: Option<(usize, usize)>,
    /// The letter before, a line feed at the beginning.
    before: Option<char>,
    /// The one before that.
    earlier: Option<char>,
    /// Where a bare address began.
    bare: Option<usize>,
}

/// What has begun, and is decided by what follows.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Run(char, usize),
    Ticks(usize),
    Backslash,
    Entity(String),
    Angle(String),
    /// A bracket was closed that opened there.
    Closed(usize),
    /// What stands between the parentheses behind it.
    Target(usize, String),
}

impl Inline {
    /// Begins a block whose text looks like this.
    pub(super) fn new(base: Style) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// Takes a letter; not a line feed.
    pub(super) fn letter(&mut self, letter: char, page: &mut Page) {
        match std::mem::take(&mut self.held) {
            Held::Nothing => self.fresh(letter, page),
            Held::Run(sign, length) if letter == sign => self.held = Held::Run(sign, length + 1),
            Held::Ticks(length) if letter == '`' => self.held = Held::Ticks(length + 1),
            Held::Backslash if letter.is_ascii_punctuation() => self.put(letter, page),
            Held::Entity(name) if letter == ';' => self.entity(&name, page),
            Held::Entity(mut name)
                if name.len() < LONGEST_ENTITY
                    && (letter.is_ascii_alphanumeric() || letter == '#') =>
            {
                name.push(letter);
                self.held = Held::Entity(name);
            }
            Held::Angle(text) if letter == '>' => self.angle(&text, page),
            Held::Angle(mut text)
                if text.len() < LONGEST_HELD
                    && !matches!(letter, ' ' | '\t' | '<')
                    && (letter.is_ascii_alphabetic() || !text.is_empty()) =>
            {
                text.push(letter);
                self.held = Held::Angle(text);
            }
            Held::Closed(bracket) if letter == '(' => {
                self.held = Held::Target(bracket, String::new());
            }
            Held::Target(bracket, target) => self.target(bracket, target, letter, page),
            held => {
                self.let_go(held, letter, page);
                self.letter(letter, page);
            }
        }
    }

    /// Takes the end of a line within the block.
    pub(super) fn line_end(&mut self, page: &mut Page) {
        self.settle(page);
        self.word_end(page);
        self.came('\n');
    }

    /// Ends the block.
    pub(super) fn end(mut self, page: &mut Page) {
        self.line_end(page);
        if let Some((_, position)) = self.code.take() {
            let style = self.style(page);
            page.restyle(position, page.position(), |cell| cell.style = style);
        }
        while let Some(opener) = page.openers.pop() {
            self.give_up(&opener, page);
        }
    }

    /// Decides what is held as if the line ended here.
    fn settle(&mut self, page: &mut Page) {
        loop {
            match std::mem::take(&mut self.held) {
                Held::Nothing => return,
                // A target that is given up is read anew, and may hold something again: less each
                // time.
                held => self.let_go(held, '\n', page),
            }
        }
    }

    /// Decides what is held: `next` follows, and does not complete it.
    fn let_go(&mut self, held: Held, next: char, page: &mut Page) {
        match held {
            Held::Nothing | Held::Closed(_) => {}
            Held::Run(sign, length) => self.run(sign, length, next, page),
            Held::Ticks(length) => self.ticks(length, page),
            Held::Backslash if next == '\n' => {} // A hard break: the line ends anyway.
            Held::Backslash => self.put('\\', page),
            Held::Entity(name) => self.put_all(&format!("&{name}"), page),
            Held::Angle(text) => self.put_all(&format!("<{text}"), page),
            Held::Target(_, target) => {
                self.put('(', page);
                for letter in target.chars() {
                    self.letter(letter, page);
                }
            }
        }
    }

    /// Takes a letter where nothing is held.
    fn fresh(&mut self, letter: char, page: &mut Page) {
        match letter {
            '`' => self.held = Held::Ticks(1),
            ' ' | '\t' => {
                self.word_end(page);
                self.put(' ', page);
            }
            _ if self.code.is_some() => self.put(letter, page),
            '*' | '_' | '~' => self.held = Held::Run(letter, 1),
            '\\' => self.held = Held::Backslash,
            '&' => self.held = Held::Entity(String::new()),
            '<' => self.held = Held::Angle(String::new()),
            '[' => {
                if self.brackets.len() < MOST_OPEN {
                    self.brackets.push(page.position());
                }
                self.put(letter, page);
            }
            ']' => {
                self.put(letter, page);
                self.held = self.brackets.pop().map_or(Held::Nothing, Held::Closed);
            }
            _ => self.put(letter, page),
        }
    }

    /// Remembers a letter that was not put by [`Self::put`].
    fn came(&mut self, letter: char) {
        self.earlier = self.before.replace(letter);
    }

    fn style(&self, page: &Page) -> Style {
        if self.code.is_some() {
            return Style {
                bits: self.base.bits,
                ink: Ink::Code,
            };
        }
        let bits = page
            .openers
            .iter()
            .fold(self.base.bits, |bits, opener| bits | opener.bits());
        Style { bits, ..self.base }
    }

    fn put(&mut self, letter: char, page: &mut Page) {
        let style = self.style(page);
        page.push(Cell::new(letter, style));
        self.came(letter);
        if letter == '/' && self.bare.is_none() && self.code.is_none() {
            self.bare = bare_address(page);
        }
    }

    fn put_all(&mut self, text: &str, page: &mut Page) {
        for letter in text.chars() {
            self.put(letter, page);
        }
    }

    /// Takes a run of `*`, `_` or `~`.
    fn run(&mut self, sign: char, mut length: usize, next: char, page: &mut Page) {
        if page.theme().is_none() {
            return self.put_run(sign, length, page);
        }
        let before = self.before.unwrap_or('\n');
        if !before.is_whitespace() && (sign != '_' || !next.is_ascii_alphanumeric()) {
            length = self.close(sign, length, page);
        }
        let may_open = self.is_before_a_word(sign, length, next)
            && if sign == '~' {
                length == 2
            } else {
                length <= 3
            }
            && page.openers.len() < MOST_OPEN;
        if length > 0 && may_open {
            let around = self.style(page);
            page.openers.push(Opener {
                sign,
                length,
                position: page.position(),
                around,
                is_shown: false,
            });
        } else {
            self.put_run(sign, length, page);
        }
        self.came(sign);
    }

    /// Whether a run stands before a word: `next` follows. Neither patterns of files nor calls have
    /// emphasis in them; of one asterisk a pattern is likelier than a path or a hidden file, of two
    /// it is not.
    fn is_before_a_word(&self, sign: char, length: usize, next: char) -> bool {
        let before = self.before.unwrap_or('\n');
        let is_mark = |letter: char| !letter.is_alphanumeric() && !letter.is_whitespace();
        let begins_no_word = matches!(
            next,
            ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '>' | '=' | '|' | '^'
        ) || matches!(next, '/' | '.') && sign == '*' && length == 1;
        let is_call = matches!(before, '(' | '[' | '=' | ',')
            && self
                .earlier
                .is_some_and(|letter| letter.is_ascii_alphanumeric());
        !next.is_whitespace()
            && !begins_no_word
            && !before.is_ascii_alphanumeric()
            && !is_call
            && (!is_mark(next) || before.is_whitespace() || is_mark(before))
    }

    fn put_run(&mut self, sign: char, length: usize, page: &mut Page) {
        for _ in 0..length {
            self.put(sign, page);
        }
    }

    /// Closes what a run closes, and gives what is left of the run.
    fn close(&mut self, sign: char, mut length: usize, page: &mut Page) -> usize {
        while length > 0 {
            let Some(place) = page.openers.iter().rposition(|opener| opener.sign == sign) else {
                break;
            };
            let opener = page.openers[place];
            if opener.length > length && opener.length != 3 || page.position() == opener.position {
                break;
            }
            self.word_end(page);
            while page.openers.len() > place + 1 {
                if let Some(inner) = page.openers.pop() {
                    self.give_up(&inner, page);
                }
            }
            let closed = opener.length.min(length);
            length -= closed;
            // An inner one that was put back may have moved words, and with them finished the row.
            let is_shown = page.openers[place].is_shown;
            if closed < opener.length {
                page.openers[place].length -= closed;
            } else {
                page.openers.truncate(place);
            }
            if is_shown {
                self.put_run(sign, closed, page);
            }
        }
        length
    }

    /// Puts an opener back that nothing closed.
    fn give_up(&mut self, opener: &Opener, page: &mut Page) {
        let bits = opener.bits() & !self.style(page).bits;
        page.restyle(opener.position, page.position(), |cell| {
            cell.style.bits &= !bits;
        });
        if !opener.is_shown {
            let signs: Vec<Cell> = opener.signs().collect();
            page.insert(opener.position, &signs);
            // What is still open began before it.
            let places = self.brackets.iter_mut().chain(&mut self.bare);
            places
                .filter(|place| **place >= opener.position)
                .for_each(|place| *place += opener.length);
        }
    }

    /// Takes a run of backticks.
    fn ticks(&mut self, length: usize, page: &mut Page) {
        self.word_end(page);
        match self.code {
            Some((opened, _)) if opened == length => {
                self.code = None;
                self.marks(length, page);
            }
            Some(_) => self.put_run('`', length, page),
            None => {
                let position = page.position();
                self.marks(length, page);
                self.code = Some((length, position));
            }
        }
    }

    fn marks(&mut self, length: usize, page: &mut Page) {
        for _ in 0..length {
            page.push(Cell::new(
                '`',
                Style {
                    bits: self.base.bits,
                    ink: Ink::Mark,
                },
            ));
        }
        self.came('`');
    }

    fn entity(&mut self, name: &str, page: &mut Page) {
        let source = format!("&{name};");
        match construct(&source) {
            Construct::Text(text) => self.put_all(&text, page),
            _ => self.put_all(&source, page),
        }
    }

    /// Takes what stands between `<` and `>`.
    fn angle(&mut self, text: &str, page: &mut Page) {
        let source = format!("<{text}>");
        match construct(&source) {
            Construct::Link(target) if page.theme().is_some() => {
                let start = page.position();
                self.put_all(text, page);
                self.bare = None;
                mark_link(start, page.position(), &target, page);
            }
            _ => self.put_all(&source, page),
        }
    }

    /// Takes a letter of what stands behind the text of a link.
    fn target(&mut self, bracket: usize, mut target: String, letter: char, page: &mut Page) {
        if letter == ')'
            && let Construct::Link(address) = construct(&format!("[x]({target})"))
        {
            return self.link(bracket, &target, &address, page);
        }
        let has_title = target.contains(['"', '\'']);
        let is_over = target.len() > LONGEST_HELD
            || target.ends_with([' ', '\t'])
                && !target.starts_with('<')
                && !has_title
                && !matches!(letter, '"' | '\'' | ' ');
        if is_over {
            self.let_go(Held::Target(bracket, target), letter, page);
            return self.letter(letter, page);
        }
        target.push(letter);
        self.held = Held::Target(bracket, target);
    }

    /// Takes a link: its text looks like one, and its address follows.
    fn link(&mut self, bracket: usize, target: &str, to: &str, page: &mut Page) {
        let closing = page.position() - 1;
        let is_open = page
            .content_from(bracket)
            .and_then(<[Cell]>::first)
            .is_some_and(|cell| cell.letter == '[');
        if page.theme().is_none() || !is_open || page.content_from(closing).is_none() {
            self.put('(', page);
            self.put_all(target, page);
            self.word_end(page);
            return self.put(')', page);
        }
        page.remove(closing);
        page.remove(bracket);
        for opener in page
            .openers
            .iter_mut()
            .filter(|opener| opener.position > bracket)
        {
            opener.position -= 1;
        }
        self.bare = None;
        let text: String = page
            .content_from(bracket)
            .unwrap_or_default()
            .iter()
            .map(|cell| cell.letter)
            .collect();
        mark_link(bracket, page.position(), to, page);
        self.name_image(bracket, page);
        if text.trim() != to {
            let style = Style {
                bits: self.base.bits,
                ink: Ink::Mark,
            };
            let start = page.position() + usize::from(!text.is_empty());
            let shown = if text.is_empty() {
                to.to_owned()
            } else {
                format!(" ({to})")
            };
            for cell in cells(&shown, style) {
                page.push(cell);
            }
            number_link(start, page.position(), to, page);
        }
        self.came(')');
    }

    /// Says that a link is one to a picture, in the place of the sign that does.
    fn name_image(&mut self, bracket: usize, page: &mut Page) {
        let Some(sign) = bracket.checked_sub(1) else {
            return;
        };
        if page
            .content_from(sign)
            .and_then(<[Cell]>::first)
            .is_some_and(|cell| cell.letter == '!')
        {
            let name = cells(
                "image: ",
                Style {
                    bits: self.base.bits,
                    ink: Ink::Mark,
                },
            );
            page.remove(sign);
            for opener in page
                .openers
                .iter_mut()
                .filter(|opener| opener.position >= bracket)
            {
                opener.position += name.len() - 1;
            }
            page.insert(sign, &name);
        }
    }

    /// Ends a word: a bare address is a link from its beginning on.
    fn word_end(&mut self, page: &mut Page) {
        let Some(start) = self.bare.take() else {
            return;
        };
        let Some(word) = page.content_from(start).filter(|_| page.theme().is_some()) else {
            return;
        };
        let word: String = word.iter().map(|cell| cell.letter).collect();
        let has_parenthesis = word.contains('(');
        let ends = |letter: char| {
            matches!(
                letter,
                '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '>' | ']'
            ) || letter == ')' && !has_parenthesis
        };
        let to = word.trim_end_matches(ends);
        mark_link(start, start + to.chars().count(), to, page);
    }
}

/// The place where an address begins whose `//` has just come.
fn bare_address(page: &Page) -> Option<usize> {
    let content = page.content();
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let start = content.len().checked_sub(scheme.len())?;
        let is_there = content[start..]
            .iter()
            .map(|cell| cell.letter)
            .eq(scheme.chars());
        let begins_a_word = start
            .checked_sub(1)
            .is_none_or(|place| !content[place].letter.is_alphanumeric());
        (is_there && begins_a_word).then(|| page.position() - scheme.len())
    })
}

/// Makes cells look like a link, and be one where its address may be followed.
fn mark_link(from: usize, to: usize, target: &str, page: &mut Page) {
    page.restyle(from, to, |cell| {
        cell.style.bits |= UNDERLINE;
        if cell.style.ink == Ink::Text {
            cell.style.ink = Ink::Link;
        }
    });
    number_link(from, to, target, page);
}

fn number_link(from: usize, to: usize, target: &str, page: &mut Page) {
    if let Some(address) = address(target) {
        let number = page.link(&address);
        page.restyle(from, to, |cell| cell.link = number);
    }
}
