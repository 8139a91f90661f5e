//! Estimates the tokens of a text from its script, without a tokenizer: a low and a high figure in
//! one pass over its bytes.
//!
//! The tokenizers of the newer models are not public. Words, letters, digits and punctuation are
//! counted, and letters outside ASCII by the first byte of their UTF-8 encoding, which identifies
//! the script. Real text does not fall below the low figure (a word is at least one token); the
//! high one leaves room for the newest tokenizers, which need a third more tokens than their
//! predecessors. The weights are rules of thumb: unverified, and corrected by the usage that a
//! model's answers report (`CalibrationFactors`).

use super::Tokens;

/// The weight of one token.
const WEIGHT: u64 = 100;

/// Number of bytes counted at a time. The sums of a block are bytes, so this is the most that
/// cannot overflow them.
const BLOCK: usize = 255;

/// Maximum number of letters in a word that is certainly a single token.
const LONGEST_TOKEN: u64 = 16;

/// The counts for a text, added block by block.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// ASCII letters.
    letters: u64,
    /// Beginnings of words: letters after anything else. Bytes outside ASCII count as letters.
    words: u64,
    /// Lowercase letters followed by an uppercase one, as in `camelCase`.
    humps: u64,
    /// Digits.
    digits: u64,
    /// ASCII punctuation.
    signs: u64,
    /// Beginnings of runs of punctuation.
    sign_runs: u64,
    /// Line feeds.
    lines: u64,
}

/// Estimates the tokens of a text.
pub(super) fn tokens_of(text: &str) -> Tokens {
    let bytes = text.as_bytes();
    let mut counts = Counts::default();
    let mut foreign = (0, 0);
    let mut before = b' ';
    for block in bytes.chunks(BLOCK) {
        let others = counts.add(before, block);
        if others > 0 {
            let (low, high) = foreign_weights(block);
            foreign = (foreign.0 + low, foreign.1 + high);
        }
        before = block.last().copied().unwrap_or(before);
    }
    let long_words = counts.letters.saturating_sub(LONGEST_TOKEN * counts.words) / LONGEST_TOKEN;
    let low = (counts.words + long_words) * WEIGHT
        + counts.digits * 33
        + counts.sign_runs * 30
        + foreign.0;
    let high = counts.letters * 33
        + (counts.words + counts.humps) * 50
        + counts.digits * 75
        + counts.signs * 90
        + counts.lines * 50
        + foreign.1;
    let low = low / WEIGHT;
    Tokens {
        low,
        high: high.div_ceil(WEIGHT).max(low),
    }
}

/// What a byte is, as far as an estimate depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByteKind {
    Other,
    Lowercase,
    Uppercase,
    Digit,
    Sign,
    LineFeed,
    /// Not ASCII: a part of a letter, whose script has its own weights.
    Foreign,
}

impl ByteKind {
    const ALL: [Self; 7] = [
        Self::Other,
        Self::Lowercase,
        Self::Uppercase,
        Self::Digit,
        Self::Sign,
        Self::LineFeed,
        Self::Foreign,
    ];

    const fn of_byte(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Lowercase,
            b'A'..=b'Z' => Self::Uppercase,
            b'0'..=b'9' => Self::Digit,
            b'\n' => Self::LineFeed,
            0x80.. => Self::Foreign,
            _ if byte.is_ascii_punctuation() => Self::Sign,
            _ => Self::Other,
        }
    }

    const fn is_letter(self) -> bool {
        matches!(self, Self::Lowercase | Self::Uppercase)
    }

    const fn is_in_word(self) -> bool {
        self.is_letter() || matches!(self, Self::Foreign)
    }
}

/// Number of entries for one kind in [`PAIRS`]: a power of two, so that indexes need no checks.
const KINDS: usize = 8;

/// The kind of each byte, as an index.
const KIND_OF: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        kinds[byte as usize] = ByteKind::of_byte(byte) as u8;
        byte -= 1;
    }
    kinds[0] = ByteKind::of_byte(0) as u8;
    kinds
};

/// What a byte adds to each count, by the kind of the byte before it and by its own: eight sums of
/// one byte each, so that a block is counted with one addition per byte.
const PAIRS: [u64; KINDS * KINDS] = {
    let mut pairs = [0; KINDS * KINDS];
    let mut index = 0;
    while index < ByteKind::ALL.len() * ByteKind::ALL.len() {
        let before = ByteKind::ALL[index / ByteKind::ALL.len()];
        let kind = ByteKind::ALL[index % ByteKind::ALL.len()];
        let is_hump = matches!(kind, ByteKind::Uppercase) && matches!(before, ByteKind::Lowercase);
        let is_sign = matches!(kind, ByteKind::Sign);
        pairs[before as usize * KINDS + kind as usize] = u64::from_le_bytes([
            kind.is_letter() as u8,
            (kind.is_in_word() && !before.is_in_word()) as u8,
            is_hump as u8,
            matches!(kind, ByteKind::Digit) as u8,
            is_sign as u8,
            (is_sign && !matches!(before, ByteKind::Sign)) as u8,
            matches!(kind, ByteKind::LineFeed) as u8,
            matches!(kind, ByteKind::Foreign) as u8,
        ]);
        index += 1;
    }
    pairs
};

impl Counts {
    /// Counts a block; `before` is the byte before it. Returns the number of bytes outside ASCII.
    fn add(&mut self, before: u8, block: &[u8]) -> u8 {
        let mut before = usize::from(KIND_OF[usize::from(before)]);
        let mut sums = 0_u64;
        for &byte in block {
            let kind = usize::from(KIND_OF[usize::from(byte)]);
            sums = sums.wrapping_add(PAIRS[(before * KINDS + kind) % PAIRS.len()]);
            before = kind;
        }
        let [
            letters,
            words,
            humps,
            digits,
            signs,
            sign_runs,
            lines,
            others,
        ] = sums.to_le_bytes();
        self.letters += u64::from(letters);
        self.words += u64::from(words);
        self.humps += u64::from(humps);
        self.digits += u64::from(digits);
        self.signs += u64::from(signs);
        self.sign_runs += u64::from(sign_runs);
        self.lines += u64::from(lines);
        others
    }
}

/// Letters outside ASCII by the first byte of their UTF-8 encoding: first, last, and the weight of
/// a letter for the low and the high figure, on top of that of its word.
const SCRIPTS: [(u8, u8, u64, u64); 9] = [
    // Latin with accents.
    (0xc2, 0xcd, 0, 100),
    // Greek, Cyrillic.
    (0xce, 0xd3, 5, 70),
    // Armenian, Hebrew, Arabic, Syriac.
    (0xd4, 0xdf, 10, 100),
    // Scripts of India, Thai, Lao, Tibetan, Georgian, Ethiopic, Khmer.
    (0xe0, 0xe1, 15, 150),
    // Typographic signs, arrows, box drawing.
    (0xe2, 0xe2, 10, 150),
    // Kana, CJK.
    (0xe3, 0xe9, 40, 160),
    // Hangul.
    (0xea, 0xed, 35, 160),
    // Full-width forms and private use.
    (0xee, 0xef, 20, 200),
    // Emoji, rare ideographs.
    (0xf0, 0xf4, 50, 350),
];

/// The low (upper half) and the high weight (lower half) of each byte, from [`SCRIPTS`].
const FOREIGN_WEIGHTS: [u64; 256] = {
    let mut weights = [0; 256];
    let mut script = 0;
    while script < SCRIPTS.len() {
        let (first, last, low, high) = SCRIPTS[script];
        let mut byte = first as usize;
        while byte <= last as usize {
            weights[byte] = low << 32 | high;
            byte += 1;
        }
        script += 1;
    }
    weights
};

/// Returns the low and the high weight of the letters outside ASCII in a block.
fn foreign_weights(block: &[u8]) -> (u64, u64) {
    let weights: u64 = block
        .iter()
        .map(|&byte| FOREIGN_WEIGHTS[usize::from(byte)])
        .sum();
    (weights >> 32, weights & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_figures_enclose_what_is_known_of_each_script() {
        // The range of reported characters per token of Claude's tokenizers.
        for (what, text, fewest, most) in [
            (
                "English",
                "The quick brown fox jumps over the lazy dog, and nobody minds it at all. ",
                3.2,
                4.5,
            ),
            (
                "German",
                "Die Straßenbahn fährt über die Brücke, während die Fußgänger gemächlich warten. ",
                2.6,
                4.2,
            ),
            (
                "code",
                "for (const item of items) {\n    if (item.isReady()) { send(item.id); }\n}\n",
                2.2,
                3.8,
            ),
            (
                "Russian",
                "Быстрая бурая лиса прыгает через ленивую собаку, и никто не против. ",
                1.8,
                4.0,
            ),
            (
                "Chinese",
                "敏捷的棕色狐狸跳过了懒狗,没有人介意这件事。",
                0.7,
                1.7,
            ),
            (
                "numbers",
                "3.14159, 2.71828, 1.41421, 1.73205, 1024, 65536\n",
                1.5,
                3.0,
            ),
        ] {
            let text = text.repeat(50);
            #[allow(clippy::cast_precision_loss)]
            let characters = text.chars().count() as f64;
            let Tokens { low, high } = tokens_of(&text);
            #[allow(clippy::cast_precision_loss)]
            let (low, high) = (low as f64, high as f64);
            assert!(
                low <= characters / most,
                "{what}: at least {low} of {characters} characters"
            );
            assert!(
                high >= characters / fewest,
                "{what}: at most {high} of {characters} characters"
            );
            assert!(high <= low * 6.0, "{what}: {low} to {high} says nothing");
        }
    }

    #[test]
    fn what_a_tokenizer_makes_short_is_short_by_the_low_figure() {
        for text in [
            "-".repeat(10_000),
            " ".repeat(10_000),
            "x".repeat(10_000),
            "\n".repeat(10_000),
        ] {
            assert!(tokens_of(&text).low <= 700, "{}", &text[..1]);
        }
        assert_eq!(tokens_of(""), Tokens::default());
        assert_eq!(tokens_of("Hi").low, 1);
    }

    #[test]
    fn it_does_not_matter_where_blocks_end() {
        let word = "word ".repeat(200);
        for spaces in 0..300 {
            let text = format!("{}{word}", " ".repeat(spaces));
            assert_eq!(tokens_of(&text), tokens_of(&word), "{spaces}");
        }
    }
}
