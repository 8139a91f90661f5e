//! The colours, for dark and for light backgrounds, and for those that nobody told us about.

use super::cell::{BOLD, ITALIC, Ink, STRIKE, Style, UNDERLINE};

/// What the background is like. Terminals are not asked: some never answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Nobody knows: colours that can be read on both.
    #[default]
    Auto,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

impl Theme {
    /// Finds a theme by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            _ => None,
        }
    }

    /// The number of an ink's colour in the palette of 256, none for that of text.
    fn color(self, ink: Ink) -> Option<u8> {
        let of = |auto, dark, light| {
            Some(match self {
                Self::Auto => auto,
                Self::Dark => dark,
                Self::Light => light,
            })
        };
        match ink {
            Ink::Text => None,
            Ink::Heading | Ink::Link | Ink::Function => of(32, 111, 25),
            Ink::Code | Ink::Constant => of(130, 215, 94),
            Ink::Mark | Ink::Comment => of(244, 245, 242),
            Ink::Quoted => of(64, 114, 28),
            Ink::Keyword => of(133, 176, 90),
            Ink::Type => of(30, 80, 23),
        }
    }

    /// Begins a style, whatever the one before was.
    pub(super) fn begin(self, style: Style, out: &mut String) {
        out.push_str("\x1b[0");
        for (bit, code) in [(BOLD, ";1"), (ITALIC, ";3"), (UNDERLINE, ";4"), (STRIKE, ";9")] {
            if style.bits & bit != 0 {
                out.push_str(code);
            }
        }
        if let Some(color) = self.color(style.ink) {
            out.push_str(";38;5;");
            out.push_str(&color.to_string());
        }
        out.push('m');
    }
}
