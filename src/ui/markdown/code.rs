//! Lines of code, with the colours of their language.
//!
//! The colours of a line are known when it has ended, and those of a row of it when the row is
//! full: from what stands before. The languages are loaded at the first block of one that is known,
//! and never before.

use std::sync::OnceLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, ScopeStackOp, SyntaxSet};

use super::cell::{Cell, Ink, Style};
use super::page::Page;

/// A line with more letters than this is not coloured any more: it was not written for people.
const LONGEST: usize = 1000;

/// The columns from one tab stop to the next.
const TAB: usize = 4;

/// A block of code.
#[derive(Debug, Default)]
pub(super) struct Code {
    language: Option<Language>,
    line: String,
    letters: usize,
}

impl Code {
    /// Begins a block of code in the language that the fence names.
    pub(super) fn new(info: &str, page: &Page) -> Self {
        let language = if page.theme().is_some() {
            Language::named(info)
        } else {
            None
        };
        Self {
            language,
            ..Self::default()
        }
    }

    /// Takes a letter; not a line feed.
    pub(super) fn letter(&mut self, letter: char, page: &mut Page) {
        if letter == '\t' {
            for _ in 0..TAB - self.letters % TAB {
                self.put(' ', page);
            }
        } else {
            self.put(letter, page);
        }
    }

    fn put(&mut self, letter: char, page: &mut Page) {
        if !page.has_room_for(letter) {
            self.color(page);
            page.break_code();
        }
        page.add(Cell::new(letter, Style::default()));
        self.line.push(letter);
        self.letters += 1;
    }

    /// Takes the end of a line.
    pub(super) fn line_end(&mut self, page: &mut Page) {
        self.line.push('\n');
        if let Some(language) = self.language.as_mut().filter(|_| self.letters <= LONGEST) {
            page.color(&language.advance(&self.line));
        }
        self.line.clear();
        self.letters = 0;
        page.end();
    }

    /// Colours what has come of the line.
    fn color(&self, page: &mut Page) {
        if let Some(language) = self.language.as_ref().filter(|_| self.letters <= LONGEST) {
            page.color(&language.clone().advance(&self.line));
        }
    }
}

/// What is known of the code so far.
#[derive(Debug, Clone)]
struct Language {
    state: ParseState,
    scopes: ScopeStack,
}

impl Language {
    /// Finds the language of a fence.
    fn named(info: &str) -> Option<Self> {
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
        let known = OTHER_NAMES
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(name.as_str(), |(_, known)| known);
        let syntax = languages().find_syntax_by_token(known)?;
        Some(Self {
            state: ParseState::new(syntax),
            scopes: ScopeStack::new(),
        })
    }

    /// Goes on to the next line, and gives the inks of this one's letters.
    fn advance(&mut self, line: &str) -> Vec<Ink> {
        let operations = self.state.parse_line(line, languages()).unwrap_or_default();
        let mut operations = operations.into_iter().peekable();
        let mut ink = ink_of(&self.scopes);
        let mut inks = Vec::with_capacity(line.len());
        for (place, _) in line.char_indices() {
            let mut has_changed = false;
            while let Some((_, operation)) = operations.next_if(|(at, _)| *at <= place) {
                apply(&mut self.scopes, &operation);
                has_changed = true;
            }
            if has_changed {
                ink = ink_of(&self.scopes);
            }
            inks.push(ink);
        }
        for (_, operation) in operations {
            apply(&mut self.scopes, &operation);
        }
        inks
    }
}

fn apply(scopes: &mut ScopeStack, operation: &ScopeStackOp) {
    // It fails where a definition of a language is wrong; the colours then are, too.
    let _ = scopes.apply(operation);
}

/// Names that people give to languages which the definitions call otherwise, or have something
/// like.
const OTHER_NAMES: [(&str, &str); 14] = [
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

fn languages() -> &'static SyntaxSet {
    static LANGUAGES: OnceLock<SyntaxSet> = OnceLock::new();
    LANGUAGES.get_or_init(SyntaxSet::load_defaults_newlines)
}

/// Scopes and their inks; what stands first goes first.
const SCOPES: [(&str, Ink); 22] = [
    ("comment", Ink::Comment),
    ("string", Ink::Quoted),
    ("constant.character.escape", Ink::Constant),
    ("constant", Ink::Constant),
    ("keyword.operator", Ink::Text),
    ("keyword", Ink::Keyword),
    ("storage.type.function", Ink::Keyword),
    ("storage", Ink::Keyword),
    ("entity.name.function", Ink::Function),
    ("variable.function", Ink::Function),
    ("support.function", Ink::Function),
    ("entity.name.tag", Ink::Type),
    ("entity.name", Ink::Type),
    ("entity.other", Ink::Type),
    ("support", Ink::Type),
    ("variable.language", Ink::Keyword),
    ("markup.inserted", Ink::Quoted),
    ("markup.deleted", Ink::Keyword),
    ("markup.heading", Ink::Heading),
    ("meta.diff.header", Ink::Comment),
    ("meta.diff.range", Ink::Function),
    ("invalid.illegal", Ink::Text),
];

fn ink_of(scopes: &ScopeStack) -> Ink {
    static TABLE: OnceLock<Vec<(Scope, Ink)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        SCOPES
            .iter()
            .filter_map(|(name, ink)| Scope::new(name).ok().map(|scope| (scope, *ink)))
            .collect()
    });
    let ink = |scope: &Scope| {
        table
            .iter()
            .find(|(known, _)| known.is_prefix_of(*scope))
            .map(|(_, ink)| *ink)
    };
    scopes
        .as_slice()
        .iter()
        .rev()
        .find_map(ink)
        .unwrap_or_default()
}
