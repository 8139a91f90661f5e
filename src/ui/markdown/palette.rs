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
            Ink::Code | Ink::Constant => of(166, 215, 94),
            Ink::Mark | Ink::Comment => of(244, 245, 242),
            Ink::Quoted => of(64, 114, 28),
            Ink::Keyword => of(133, 176, 90),
            Ink::Type => of(30, 80, 23),
        }
    }

    /// Begins a style, whatever the one before was.
    pub(super) fn begin(self, style: Style, out: &mut String) {
        out.push_str("\x1b[0");
        for (bit, code) in [
            (BOLD, ";1"),
            (ITALIC, ";3"),
            (UNDERLINE, ";4"),
            (STRIKE, ";9"),
        ] {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Backgrounds that terminals have: black, VS Code's and Solarized's dark ones; white and
    /// Solarized's light one.
    const DARK: [u32; 3] = [0x00_00_00, 0x1e_1e_1e, 0x00_2b_36];
    const LIGHT: [u32; 2] = [0xff_ff_ff, 0xfd_f6_e3];

    const INKS: [Ink; 10] = [
        Ink::Heading,
        Ink::Code,
        Ink::Link,
        Ink::Mark,
        Ink::Comment,
        Ink::Quoted,
        Ink::Constant,
        Ink::Keyword,
        Ink::Function,
        Ink::Type,
    ];

    /// A colour of the palette of 256, whose first 16 are the terminal's own and used by no theme.
    fn rgb(number: u8) -> u32 {
        let level = |step: u32| if step == 0 { 0 } else { 55 + 40 * step };
        match u32::from(number) {
            grey @ 232.. => 0x01_01_01 * (8 + 10 * (grey - 232)),
            cube @ 16.. => {
                let cube = cube - 16;
                level(cube / 36) << 16 | level(cube / 6 % 6) << 8 | level(cube % 6)
            }
            other => panic!("{other} is a colour that each terminal has its own for"),
        }
    }

    /// The contrast of two colours as <https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio> has it.
    fn contrast(one: u32, other: u32) -> f64 {
        let part = |color: u32, shift: u32| {
            let value = f64::from(color >> shift & 0xff) / 255.0;
            if value <= 0.039_28 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let light =
            |color| 0.2126 * part(color, 16) + 0.7152 * part(color, 8) + 0.0722 * part(color, 0);
        let (one, other) = (light(one) + 0.05, light(other) + 0.05);
        (one / other).max(other / one)
    }

    #[test]
    fn every_ink_can_be_read_on_the_backgrounds_that_its_theme_is_for() {
        let all = [&DARK[..], &LIGHT].concat();
        // No colour has more than 4.1 both on a usual dark grey and on white.
        for (theme, backgrounds, least) in [
            (Theme::Dark, &DARK[..], 4.3),
            (Theme::Light, &LIGHT, 4.3),
            (Theme::Auto, &all, 3.0),
        ] {
            for (ink, &background) in INKS
                .iter()
                .flat_map(|ink| backgrounds.iter().map(move |on| (ink, on)))
            {
                let color = rgb(theme.color(*ink).expect("an ink that is not that of text"));
                let found = contrast(color, background);
                assert!(
                    found >= least,
                    "{theme:?}: {ink:?} #{color:06x} on #{background:06x}: {found:.2}"
                );
            }
        }
    }
}
