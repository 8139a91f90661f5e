//! Syntax highlighting of code blocks.
//!
//! A line is highlighted when it has ended, or a row of it when the row is full, from the code so
//! far. Syntax definitions are loaded when the first block in a known language begins.

use std::sync::OnceLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, ScopeStackOp, SyntaxSet};

use super::cell::{CellColor, CellStyle, ScreenCell};
use super::row_buffer::RowBuffer;

/// The maximum length of a highlighted line, in characters; longer lines are rarely written by
/// hand.
const MAX_HIGHLIGHTED: usize = 1000;

/// The most states that a grammar is in at once. Code that nests deeper is hardly written by hand
/// either, and its state would be copied for each row.
const MAX_NESTED_SCOPES: usize = 200;

/// Columns between tab stops.
const TAB_COLUMNS: usize = 4;

/// A block of code.
#[derive(Debug, Default)]
pub(super) struct CodeBlock {
    language: Option<CodeLanguage>,
    line: String,
    letters: usize,
}

impl CodeBlock {
    /// Begins a code block in the language of the fence's info string.
    pub(super) fn new(info: &str, buffer: &RowBuffer) -> Self {
        let language = if buffer.theme().is_some() {
            CodeLanguage::from_info(info)
        } else {
            None
        };
        Self {
            language,
            ..Self::default()
        }
    }

    /// Appends a character other than a line feed.
    pub(super) fn push_letter(&mut self, letter: char, buffer: &mut RowBuffer, budget: &mut usize) {
        if letter == '\t' {
            for _ in 0..TAB_COLUMNS - self.letters % TAB_COLUMNS {
                self.put_letter(' ', buffer, budget);
            }
        } else {
            self.put_letter(letter, buffer, budget);
        }
    }

    fn put_letter(&mut self, letter: char, buffer: &mut RowBuffer, budget: &mut usize) {
        if !buffer.has_room_for(letter) {
            self.color_row(buffer, budget);
            buffer.break_code();
        }
        buffer.push_unwrapped(ScreenCell::new(letter, CellStyle::default()));
        self.line.push(letter);
        self.letters += 1;
    }

    /// Ends a line.
    pub(super) fn end_line(&mut self, buffer: &mut RowBuffer, budget: &mut usize) {
        self.line.push('\n');
        self.spend(budget);
        if let Some(language) = self
            .language
            .as_mut()
            .filter(|_| self.letters <= MAX_HIGHLIGHTED)
        {
            buffer.color_content(&language.advance_line(&self.line));
        }
        self.line.clear();
        self.letters = 0;
        buffer.end_row();
    }

    /// Charges the line so far to the budget of the text. Where that is used up, or the code nests
    /// too deep, the rest of the block is not highlighted.
    fn spend(&mut self, budget: &mut usize) {
        if let Some(language) = &self.language {
            let is_deep = language.scopes.len() > MAX_NESTED_SCOPES;
            match budget.checked_sub(self.letters.min(MAX_HIGHLIGHTED)) {
                Some(left) if !is_deep => *budget = left,
                _ => self.language = None,
            }
        }
    }

    /// Highlights the line so far.
    fn color_row(&mut self, buffer: &mut RowBuffer, budget: &mut usize) {
        self.spend(budget);
        if let Some(language) = self
            .language
            .as_ref()
            .filter(|_| self.letters <= MAX_HIGHLIGHTED)
        {
            buffer.color_content(&language.clone().advance_line(&self.line));
        }
    }
}

/// The parser's state after the code so far.
#[derive(Debug, Clone)]
struct CodeLanguage {
    state: ParseState,
    scopes: ScopeStack,
}

impl CodeLanguage {
    /// Finds the language of an info string.
    fn from_info(info: &str) -> Option<Self> {
        let name = info
            .split([' ', ',', '\t', '{', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if name.is_empty()
            || matches!(
                name.as_str(),
                "text" | "txt" | "plain" | "plaintext" | "console" | "output"
            )
        {
            return None;
        }
        let known = LANGUAGE_ALIASES
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(name.as_str(), |(_, known)| known);
        let syntax = syntax_set().find_syntax_by_token(known)?;
        Some(Self {
            state: ParseState::new(syntax),
            scopes: ScopeStack::new(),
        })
    }

    /// Parses a line and returns the colour of each character.
    fn advance_line(&mut self, line: &str) -> Vec<CellColor> {
        let operations = self
            .state
            .parse_line(line, syntax_set())
            .unwrap_or_default();
        let mut operations = operations.into_iter().peekable();
        let mut color = color_for(&self.scopes);
        let mut colors = Vec::with_capacity(line.len());
        for (place, _) in line.char_indices() {
            let mut has_changed = false;
            while let Some((_, operation)) = operations.next_if(|(at, _)| *at <= place) {
                apply_operation(&mut self.scopes, &operation);
                has_changed = true;
            }
            if has_changed {
                color = color_for(&self.scopes);
            }
            colors.push(color);
        }
        for (_, operation) in operations {
            apply_operation(&mut self.scopes, &operation);
        }
        colors
    }
}

fn apply_operation(scopes: &mut ScopeStack, operation: &ScopeStackOp) {
    // It fails only for a faulty syntax definition; the colours are then wrong.
    let _ = scopes.apply(operation);
}

/// Common names of languages that the definitions name differently, or cover by a similar one.
const LANGUAGE_ALIASES: [(&str, &str); 14] = [
    ("bash", "sh"),
    ("c++", "cpp"),
    ("csharp", "cs"),
    ("golang", "go"),
    ("javascript", "js"),
    ("jsonc", "json"),
    ("json5", "json"),
    ("jsx", "js"),
    ("shell", "sh"),
    ("ts", "js"),
    ("tsx", "js"),
    ("typescript", "js"),
    ("yml", "yaml"),
    ("zsh", "sh"),
];

fn syntax_set() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines)
}

/// Scopes and their colours; the first match wins.
const SCOPE_COLORS: [(&str, CellColor); 22] = [
    ("comment", CellColor::Comment),
    ("string", CellColor::Quoted),
    ("constant.character.escape", CellColor::Constant),
    ("constant", CellColor::Constant),
    ("keyword.operator", CellColor::Text),
    ("keyword", CellColor::Keyword),
    ("storage.type.function", CellColor::Keyword),
    ("storage", CellColor::Keyword),
    ("entity.name.function", CellColor::Function),
    ("variable.function", CellColor::Function),
    ("support.function", CellColor::Function),
    ("entity.name.tag", CellColor::Type),
    ("entity.name", CellColor::Type),
    ("entity.other", CellColor::Type),
    ("support", CellColor::Type),
    ("variable.language", CellColor::Keyword),
    ("markup.inserted", CellColor::Quoted),
    ("markup.deleted", CellColor::Keyword),
    ("markup.heading", CellColor::Heading),
    ("meta.diff.header", CellColor::Comment),
    ("meta.diff.range", CellColor::Function),
    ("invalid.illegal", CellColor::Text),
];

fn color_for(scopes: &ScopeStack) -> CellColor {
    static COLOR_TABLE: OnceLock<Vec<(Scope, CellColor)>> = OnceLock::new();
    let table = COLOR_TABLE.get_or_init(|| {
        SCOPE_COLORS
            .iter()
            .filter_map(|(name, color)| Scope::new(name).ok().map(|scope| (scope, *color)))
            .collect()
    });
    let color = |scope: &Scope| {
        table
            .iter()
            .find(|(known, _)| known.is_prefix_of(*scope))
            .map(|(_, color)| *color)
    };
    scopes
        .as_slice()
        .iter()
        .rev()
        .find_map(color)
        .unwrap_or_default()
}
