//! Inline text of a block, character by character: emphasis, code, links, escapes.
//!
//! An opening delimiter takes effect immediately and is hidden. If it is not closed by the end of
//! its row or block, it is restored at its position; a delimiter that closes it in a later row is
//! shown too.

use super::cell::{CellColor, CellStyle, ScreenCell, UNDERLINE, cells_from_text};
use super::emphasis_opener::EmphasisOpener;
use super::inline_construct::{InlineConstruct, parse_construct, web_address};
use super::link_target::LinkTarget;
use super::row_buffer::RowBuffer;

/// Maximum length of an autolink that is held back, in bytes.
const MAX_AUTOLINK_BYTES: usize = 1000;

/// How much more may be parsed again than the block has characters, before a block is only shown as
/// written where that costs more: a target that is rejected is parsed again, and may hold others.
const FREE_WORK: usize = 4000;

/// How often each character of a block may be parsed again on average.
const WORK_PER_LETTER: usize = 4;

/// What parsing a link target takes besides its length, in characters.
const WORK_PER_PARSE: usize = 16;

/// Maximum length of an entity, in bytes.
const MAX_ENTITY_BYTES: usize = 32;

/// Maximum number of delimiters that are open at once.
const MAX_OPEN: usize = 16;

/// The inline text of one block.
#[derive(Debug, Default)]
pub(super) struct InlineText {
    base: CellStyle,
    held: PendingSyntax,
    /// Positions of open brackets.
    brackets: Vec<usize>,
    /// Length and position of the run of backticks that opened code.
    code: Option<(usize, usize)>,
    /// The previous character; `None` at the beginning.
    before: Option<char>,
    /// The character before `before`.
    before_previous: Option<char>,
    /// Position of a bare URL in progress.
    bare_url: Option<usize>,
    /// The characters of the block so far.
    letters: usize,
    /// The characters that were parsed again.
    work: usize,
}

/// Syntax that is held back until the next characters decide what it is.
#[derive(Debug, Default)]
enum PendingSyntax {
    #[default]
    Nothing,
    Run(char, usize),
    Ticks(usize),
    Backslash,
    Entity(String),
    Angle(String),
    /// A bracket was closed that opened at this position.
    Closed(usize),
    /// The target of a link, so far.
    Target(LinkTarget),
}

impl InlineText {
    /// Begins a block in this style.
    pub(super) fn new(base: CellStyle) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// Appends a character other than a line feed.
    pub(super) fn push_letter(&mut self, letter: char, buffer: &mut RowBuffer) {
        self.letters += 1;
        self.take_letter(letter, buffer);
    }

    /// Whether so much was parsed again that link targets are no longer looked for. It depends only
    /// on the text so far.
    fn is_exhausted(&self) -> bool {
        self.work > FREE_WORK + WORK_PER_LETTER * self.letters
    }

    fn take_letter(&mut self, letter: char, buffer: &mut RowBuffer) {
        match std::mem::take(&mut self.held) {
            PendingSyntax::Nothing => self.start_syntax(letter, buffer),
            PendingSyntax::Run(sign, length) if letter == sign => {
                self.held = PendingSyntax::Run(sign, length + 1);
            }
            PendingSyntax::Ticks(length) if letter == '`' => {
                self.held = PendingSyntax::Ticks(length + 1);
            }
            // `\(x\)` and `\[x\]` are formulas.
            PendingSyntax::Backslash if matches!(letter, '(' | ')' | '[' | ']') => {
                self.put_letter('\\', buffer);
                self.put_letter(letter, buffer);
            }
            PendingSyntax::Backslash if letter.is_ascii_punctuation() => {
                self.put_letter(letter, buffer);
            }
            PendingSyntax::Entity(name) if letter == ';' => self.finish_entity(&name, buffer),
            PendingSyntax::Entity(mut name)
                if name.len() < MAX_ENTITY_BYTES
                    && (letter.is_ascii_alphanumeric() || letter == '#') =>
            {
                name.push(letter);
                self.held = PendingSyntax::Entity(name);
            }
            PendingSyntax::Angle(text) if letter == '>' => self.finish_autolink(&text, buffer),
            PendingSyntax::Angle(mut text)
                if text.len() < MAX_AUTOLINK_BYTES
                    && (!matches!(letter, ' ' | '\t' | '<') || letter == ' ' && text == "br")
                    && (letter.is_ascii_alphabetic() || !text.is_empty()) =>
            {
                text.push(letter);
                self.held = PendingSyntax::Angle(text);
            }
            PendingSyntax::Closed(bracket) if letter == '(' && !self.is_exhausted() => {
                self.held = PendingSyntax::Target(LinkTarget::new(bracket));
            }
            PendingSyntax::Target(target) => self.push_target_letter(target, letter, buffer),
            held => {
                self.release_held(held, letter, buffer);
                self.take_letter(letter, buffer);
            }
        }
    }

    /// Ends a line within the block.
    pub(super) fn end_line(&mut self, buffer: &mut RowBuffer) {
        self.resolve_held(buffer);
        self.end_word(buffer);
        self.record_letter('\n');
    }

    /// Ends the block.
    pub(super) fn end_block(mut self, buffer: &mut RowBuffer) {
        self.end_line(buffer);
        if let Some((_, position)) = self.code.take() {
            let style = self.current_style(buffer);
            buffer.restyle_cells(position, buffer.next_position(), |cell| cell.style = style);
        }
        while let Some(opener) = buffer.openers.pop() {
            self.restore_opener(&opener, buffer);
        }
    }

    /// Resolves held-back syntax as if the line ended here.
    fn resolve_held(&mut self, buffer: &mut RowBuffer) {
        loop {
            match std::mem::take(&mut self.held) {
                PendingSyntax::Nothing => return,
                // A rejected target is parsed again and may hold back something again, but less
                // each time.
                held => self.release_held(held, '\n', buffer),
            }
        }
    }

    /// Resolves held-back syntax that `next` does not complete.
    fn release_held(&mut self, held: PendingSyntax, next: char, buffer: &mut RowBuffer) {
        match held {
            PendingSyntax::Nothing | PendingSyntax::Closed(_) => {}
            PendingSyntax::Run(sign, length) => self.finish_run(sign, length, next, buffer),
            PendingSyntax::Ticks(length) => self.finish_backticks(length, buffer),
            // A hard line break; lines are never joined.
            PendingSyntax::Backslash if next == '\n' => {}
            PendingSyntax::Backslash => self.put_letter('\\', buffer),
            PendingSyntax::Entity(name) => self.put_all(&format!("&{name}"), buffer),
            PendingSyntax::Angle(text) => self.put_all(&format!("<{text}"), buffer),
            PendingSyntax::Target(target) => {
                self.put_letter('(', buffer);
                self.work += target.text().len();
                for letter in target.text().chars() {
                    self.take_letter(letter, buffer);
                }
            }
        }
    }

    /// Handles a character while nothing is held back.
    fn start_syntax(&mut self, letter: char, buffer: &mut RowBuffer) {
        match letter {
            '`' => self.held = PendingSyntax::Ticks(1),
            ' ' | '\t' => {
                self.end_word(buffer);
                self.put_letter(' ', buffer);
            }
            _ if self.code.is_some() => self.put_letter(letter, buffer),
            '*' | '_' | '~' => self.held = PendingSyntax::Run(letter, 1),
            '\\' => self.held = PendingSyntax::Backslash,
            '&' => self.held = PendingSyntax::Entity(String::new()),
            '<' => self.held = PendingSyntax::Angle(String::new()),
            '[' => {
                if self.brackets.len() < MAX_OPEN {
                    self.brackets.push(buffer.next_position());
                }
                self.put_letter(letter, buffer);
            }
            ']' => {
                self.put_letter(letter, buffer);
                self.held = self
                    .brackets
                    .pop()
                    .map_or(PendingSyntax::Nothing, PendingSyntax::Closed);
            }
            _ => self.put_letter(letter, buffer),
        }
    }

    /// Records a character that was not written by [`Self::put_letter`].
    fn record_letter(&mut self, letter: char) {
        self.before_previous = self.before.replace(letter);
    }

    fn current_style(&self, buffer: &RowBuffer) -> CellStyle {
        if self.code.is_some() {
            return CellStyle {
                bits: self.base.bits,
                color: CellColor::Code,
            };
        }
        let bits = buffer
            .openers
            .iter()
            .fold(self.base.bits, |bits, opener| bits | opener.style_bits());
        CellStyle { bits, ..self.base }
    }

    fn put_letter(&mut self, letter: char, buffer: &mut RowBuffer) {
        let style = self.current_style(buffer);
        buffer.push_wrapping(ScreenCell::new(letter, style));
        self.record_letter(letter);
        if letter == '/' && self.bare_url.is_none() && self.code.is_none() {
            self.bare_url = bare_address(buffer);
        }
    }

    fn put_all(&mut self, text: &str, buffer: &mut RowBuffer) {
        for letter in text.chars() {
            self.put_letter(letter, buffer);
        }
    }

    /// Handles a run of `*`, `_` or `~`.
    fn finish_run(&mut self, sign: char, mut length: usize, next: char, buffer: &mut RowBuffer) {
        if buffer.theme().is_none() {
            return self.put_run(sign, length, buffer);
        }
        let before = self.before.unwrap_or('\n');
        if !before.is_whitespace() && (sign != '_' || !next.is_ascii_alphanumeric()) {
            length = self.close_openers(sign, length, buffer);
        }
        let may_open = self.is_before_a_word(sign, length, next)
            && if sign == '~' {
                length == 2
            } else {
                length <= 3
            }
            && buffer.openers.len() < MAX_OPEN;
        if length > 0 && may_open {
            let around = self.current_style(buffer);
            buffer.openers.push(EmphasisOpener {
                sign,
                length,
                position: buffer.next_position(),
                around,
                is_shown: false,
            });
        } else {
            self.put_run(sign, length, buffer);
        }
        self.record_letter(sign);
    }

    /// Whether a run that `next` follows precedes a word. Glob patterns and calls contain no
    /// emphasis: before `/` or `.`, one asterisk is more likely a glob than emphasis, two are not.
    fn is_before_a_word(&self, sign: char, length: usize, next: char) -> bool {
        let before = self.before.unwrap_or('\n');
        let is_mark = |letter: char| !letter.is_alphanumeric() && !letter.is_whitespace();
        let begins_no_word = matches!(
            next,
            ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '>' | '=' | '|' | '^'
        ) || matches!(next, '/' | '.') && sign == '*' && length == 1;
        let is_call = matches!(before, '(' | '[' | '=' | ',')
            && self
                .before_previous
                .is_some_and(|letter| letter.is_ascii_alphanumeric());
        !next.is_whitespace()
            && !begins_no_word
            && !before.is_ascii_alphanumeric()
            && !is_call
            && (!is_mark(next) || before.is_whitespace() || is_mark(before))
    }

    fn put_run(&mut self, sign: char, length: usize, buffer: &mut RowBuffer) {
        for _ in 0..length {
            self.put_letter(sign, buffer);
        }
    }

    /// Closes openers with a run, and returns the length that is left of it.
    fn close_openers(&mut self, sign: char, mut length: usize, buffer: &mut RowBuffer) -> usize {
        while length > 0 {
            let Some(place) = buffer
                .openers
                .iter()
                .rposition(|opener| opener.sign == sign)
            else {
                break;
            };
            let opener = buffer.openers[place];
            if opener.length > length && opener.length != 3
                || buffer.next_position() == opener.position
            {
                break;
            }
            self.end_word(buffer);
            while buffer.openers.len() > place + 1 {
                if let Some(inner) = buffer.openers.pop() {
                    self.restore_opener(&inner, buffer);
                }
            }
            let closed = opener.length.min(length);
            length -= closed;
            // Restoring an inner opener may have wrapped words and thereby finished the row.
            let is_shown = buffer.openers[place].is_shown;
            if closed < opener.length {
                buffer.openers[place].length -= closed;
            } else {
                buffer.openers.truncate(place);
            }
            if is_shown {
                self.put_run(sign, closed, buffer);
            }
        }
        length
    }

    /// Restores an opener that was not closed.
    fn restore_opener(&mut self, opener: &EmphasisOpener, buffer: &mut RowBuffer) {
        let bits = opener.style_bits() & !self.current_style(buffer).bits;
        buffer.restyle_cells(opener.position, buffer.next_position(), |cell| {
            cell.style.bits &= !bits;
        });
        if !opener.is_shown {
            let signs: Vec<ScreenCell> = opener.sign_cells().collect();
            buffer.insert_cells(opener.position, &signs);
            // Positions after it have moved.
            let places = self.brackets.iter_mut().chain(&mut self.bare_url);
            places
                .filter(|place| **place >= opener.position)
                .for_each(|place| *place += opener.length);
        }
    }

    /// Handles a run of backticks.
    fn finish_backticks(&mut self, length: usize, buffer: &mut RowBuffer) {
        self.end_word(buffer);
        match self.code {
            Some((opened, _)) if opened == length => {
                self.code = None;
                self.put_backticks(length, buffer);
            }
            Some(_) => self.put_run('`', length, buffer),
            None => {
                let position = buffer.next_position();
                self.put_backticks(length, buffer);
                self.code = Some((length, position));
            }
        }
    }

    fn put_backticks(&mut self, length: usize, buffer: &mut RowBuffer) {
        for _ in 0..length {
            buffer.push_wrapping(ScreenCell::new(
                '`',
                CellStyle {
                    bits: self.base.bits,
                    color: CellColor::Mark,
                },
            ));
        }
        self.record_letter('`');
    }

    fn finish_entity(&mut self, name: &str, buffer: &mut RowBuffer) {
        let source = format!("&{name};");
        let construct = if name.is_empty() {
            InlineConstruct::Other
        } else {
            parse_construct(&source)
        };
        match construct {
            InlineConstruct::Text(text) => self.put_all(&text, buffer),
            _ => self.put_all(&source, buffer),
        }
    }

    /// Handles the text between `<` and `>`.
    fn finish_autolink(&mut self, text: &str, buffer: &mut RowBuffer) {
        if matches!(text, "br" | "br/" | "br /") {
            self.end_word(buffer);
            buffer.break_line();
            self.record_letter('\n');
            return;
        }
        let source = format!("<{text}>");
        // An address of the web or of mail has one of these.
        let may_be_link = buffer.theme().is_some() && text.contains([':', '@']);
        match may_be_link.then(|| parse_construct(&source)) {
            Some(InlineConstruct::Link(target)) => {
                let start = buffer.next_position();
                self.put_all(text, buffer);
                self.bare_url = None;
                mark_link(start, buffer.next_position(), &target, buffer);
            }
            _ => self.put_all(&source, buffer),
        }
    }

    /// Appends a character to a link target.
    fn push_target_letter(&mut self, mut target: LinkTarget, letter: char, buffer: &mut RowBuffer) {
        if letter == ')' && target.may_be_complete() && !self.is_exhausted() {
            self.work += WORK_PER_PARSE + target.text().len();
            let source = format!("[x]({})", target.text());
            if let InlineConstruct::Link(address) = parse_construct(&source) {
                return self.finish_link(target.bracket, target.text(), &address, buffer);
            }
        }
        if self.is_exhausted() || target.is_ruled_out_by(letter) {
            self.release_held(PendingSyntax::Target(target), letter, buffer);
            return self.take_letter(letter, buffer);
        }
        target.push_letter(letter);
        self.held = PendingSyntax::Target(target);
    }

    /// Writes a link: styles its text and appends its address.
    fn finish_link(&mut self, bracket: usize, target: &str, to: &str, buffer: &mut RowBuffer) {
        let closing = buffer.next_position() - 1;
        let is_open = buffer
            .content_from(bracket)
            .and_then(<[ScreenCell]>::first)
            .is_some_and(|cell| cell.letter == '[');
        if buffer.theme().is_none() || !is_open || buffer.content_from(closing).is_none() {
            self.put_letter('(', buffer);
            self.put_all(target, buffer);
            self.end_word(buffer);
            return self.put_letter(')', buffer);
        }
        buffer.remove_cell(closing);
        buffer.remove_cell(bracket);
        for opener in buffer
            .openers
            .iter_mut()
            .filter(|opener| opener.position > bracket)
        {
            opener.position -= 1;
        }
        self.bare_url = None;
        let text: String = buffer
            .content_from(bracket)
            .unwrap_or_default()
            .iter()
            .map(|cell| cell.letter)
            .collect();
        mark_link(bracket, buffer.next_position(), to, buffer);
        self.label_image(bracket, buffer);
        if text.trim() != to {
            let style = CellStyle {
                bits: self.base.bits,
                color: CellColor::Mark,
            };
            let start = buffer.next_position() + usize::from(!text.is_empty());
            let shown = if text.is_empty() {
                to.to_owned()
            } else {
                format!(" ({to})")
            };
            for cell in cells_from_text(&shown, style) {
                buffer.push_wrapping(cell);
            }
            number_link(start, buffer.next_position(), to, buffer);
        }
        self.record_letter(')');
    }

    /// Replaces the `!` of an image link by a label.
    fn label_image(&mut self, bracket: usize, buffer: &mut RowBuffer) {
        let Some(sign) = bracket.checked_sub(1) else {
            return;
        };
        if buffer
            .content_from(sign)
            .and_then(<[ScreenCell]>::first)
            .is_some_and(|cell| cell.letter == '!')
        {
            let name = cells_from_text(
                "image: ",
                CellStyle {
                    bits: self.base.bits,
                    color: CellColor::Mark,
                },
            );
            buffer.remove_cell(sign);
            for opener in buffer
                .openers
                .iter_mut()
                .filter(|opener| opener.position >= bracket)
            {
                opener.position += name.len() - 1;
            }
            buffer.insert_cells(sign, &name);
        }
    }

    /// Ends a word; a bare URL becomes a link.
    fn end_word(&mut self, buffer: &mut RowBuffer) {
        let Some(start) = self.bare_url.take() else {
            return;
        };
        let Some(word) = buffer
            .content_from(start)
            .filter(|_| buffer.theme().is_some())
        else {
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
        mark_link(start, start + to.chars().count(), to, buffer);
    }
}

/// Returns the position where a URL begins whose `//` was just written.
fn bare_address(buffer: &RowBuffer) -> Option<usize> {
    let content = buffer.row_content();
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let start = content.len().checked_sub(scheme.len())?;
        let is_there = content[start..]
            .iter()
            .map(|cell| cell.letter)
            .eq(scheme.chars());
        let begins_a_word = start
            .checked_sub(1)
            .is_none_or(|place| !content[place].letter.is_alphanumeric());
        (is_there && begins_a_word).then(|| buffer.next_position() - scheme.len())
    })
}

/// Styles cells as a link, and links them if the address is `http` or `https`.
fn mark_link(from: usize, to: usize, target: &str, buffer: &mut RowBuffer) {
    buffer.restyle_cells(from, to, |cell| {
        cell.style.bits |= UNDERLINE;
        if cell.style.color == CellColor::Text {
            cell.style.color = CellColor::Link;
        }
    });
    number_link(from, to, target, buffer);
}

fn number_link(from: usize, to: usize, target: &str, buffer: &mut RowBuffer) {
    if let Some(address) = web_address(target) {
        let number = buffer.number_link(&address);
        buffer.restyle_cells(from, to, |cell| cell.link = number);
    }
}
