//! Colour themes for dark, light and unknown backgrounds.

use super::cell::{BOLD, CellColor, CellStyle, ITALIC, STRIKE, UNDERLINE};

/// The background that colours are chosen for. The terminal is not queried, since some never reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ColorTheme {
    /// Unknown: colours that are readable on both.
    #[default]
    Auto,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

impl ColorTheme {
    /// Finds a theme by its name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            _ => None,
        }
    }

    /// Returns the index in the 256-colour palette; `None` for the default text colour.
    fn palette_index(self, color: CellColor) -> Option<u8> {
        let of = |auto, dark, light| {
            Some(match self {
                Self::Auto => auto,
                Self::Dark => dark,
                Self::Light => light,
            })
        };
        match color {
            CellColor::Text => None,
            CellColor::Heading | CellColor::Link | CellColor::Function => of(32, 111, 25),
            CellColor::Code | CellColor::Constant => of(166, 215, 94),
            CellColor::Mark | CellColor::Comment => of(244, 245, 242),
            CellColor::Quoted => of(64, 114, 28),
            CellColor::Keyword => of(133, 176, 90),
            CellColor::Type => of(30, 80, 23),
        }
    }

    /// Writes the sequence that resets and begins a style.
    pub(super) fn begin_style(self, style: CellStyle, out: &mut String) {
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
        if let Some(color) = self.palette_index(style.color) {
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

    const COLORS: [CellColor; 10] = [
        CellColor::Heading,
        CellColor::Code,
        CellColor::Link,
        CellColor::Mark,
        CellColor::Comment,
        CellColor::Quoted,
        CellColor::Constant,
        CellColor::Keyword,
        CellColor::Function,
        CellColor::Type,
    ];

    /// Returns a colour of the 256-colour palette; themes do not use the first 16, which vary.
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

    /// Returns the contrast of two colours: <https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio>.
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
    fn every_color_is_readable_on_the_backgrounds_of_its_theme() {
        let all = [&DARK[..], &LIGHT].concat();
        // No colour has more than 4.1 both on a usual dark grey and on white.
        for (theme, backgrounds, least) in [
            (ColorTheme::Dark, &DARK[..], 4.3),
            (ColorTheme::Light, &LIGHT, 4.3),
            (ColorTheme::Auto, &all, 3.0),
        ] {
            for (role, &background) in COLORS
                .iter()
                .flat_map(|role| backgrounds.iter().map(move |on| (role, on)))
            {
                let color = rgb(theme
                    .palette_index(*role)
                    .expect("an ink that is not that of text"));
                let found = contrast(color, background);
                assert!(
                    found >= least,
                    "{theme:?}: {role:?} #{color:06x} on #{background:06x}: {found:.2}"
                );
            }
        }
    }
}
