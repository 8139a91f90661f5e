//! Parsing the beginning of a line: the containers it continues and opens, and the kind of block.
//!
//! A line is parsed again with each character until its kind is certain, mostly at the first one.

/// A container block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BlockContainer {
    /// A quotation.
    Quote,
    /// An item of a list.
    Item {
        /// Columns before its marker, from the container around it.
        indent: usize,
        /// Columns before its text.
        content: usize,
        /// The marker that is shown.
        marker: String,
    },
}

/// The leaf block that is open when a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenBlock {
    /// No block that the line can continue.
    Nothing,
    /// A paragraph.
    Paragraph,
    /// A fenced code block.
    Fence {
        /// The fence character.
        sign: char,
        /// The number of fence characters.
        length: usize,
        /// The indent of the fence in columns.
        indent: usize,
    },
}

/// The kind of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LineKind {
    /// A blank line.
    Blank,
    /// Text of a paragraph.
    Text {
        /// Whether it continues the open paragraph.
        is_continuation: bool,
    },
    /// A heading with its level.
    Heading(usize),
    /// A thematic break.
    Rule,
    /// A line of `=` under a paragraph, which makes a heading of it.
    Underline,
    /// An opening fence: character, number, indent in columns, info string.
    Fence(char, usize, usize, String),
    /// A closing fence.
    FenceEnd,
    /// A line of fenced code.
    Code,
    /// A line of indented code.
    Indented,
    /// A line that may belong to a table, which is decided at its end.
    Row,
}

/// The parsed beginning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineStart {
    /// Number of open containers that it continues.
    pub(super) keep: usize,
    /// The containers that it opens.
    pub(super) opens: Vec<BlockContainer>,
    /// Its kind.
    pub(super) kind: LineKind,
    /// Byte offset of its text.
    pub(super) text: usize,
}

/// The fewest `=` that make a heading of the line above: fewer may be a formula.
const MIN_UNDERLINE: usize = 3;

/// Maximum number of containers inside of one another; what is deeper is text. Each row repeats
/// their prefixes.
const MAX_CONTAINERS: usize = 16;

/// Maximum length of a line's beginning, in bytes; a longer one is text.
const MAX_PREFIX_BYTES: usize = 256;

/// Parses the beginning of a line, which is complete if `ended`; returns `None` if more characters
/// are needed.
pub(super) fn parse_line_start(
    line: &str,
    containers: &[BlockContainer],
    open: OpenBlock,
    is_ended: bool,
) -> Option<LineStart> {
    let is_ended = is_ended || line.len() > MAX_PREFIX_BYTES;
    let mut scan = LineScanner {
        line,
        at: 0,
        is_ended,
    };
    let mut keep = 0;
    for container in containers {
        let spaces = scan.count_spaces();
        match container {
            BlockContainer::Quote => match scan.letter_after(spaces) {
                Some('>') => scan.skip_quote_marker(spaces)?,
                None if !is_ended => return None,
                _ => break,
            },
            BlockContainer::Item {
                indent, content, ..
            } => {
                let wanted = (*content).min(indent + 2);
                match scan.letter_after(spaces) {
                    _ if spaces >= *content => scan.at += *content,
                    None if !is_ended => return None,
                    None => scan.at += spaces,
                    Some(_) if spaces >= wanted => scan.at += spaces,
                    Some(_) => break,
                }
            }
        }
        keep += 1;
    }
    let left = &containers[keep..];
    if let OpenBlock::Fence {
        sign,
        length,
        indent,
    } = open
        && !left.contains(&BlockContainer::Quote)
    {
        return parse_in_fence(&scan, containers.len(), (sign, length, indent));
    }
    parse_outside_fence(scan, keep, left, open)
}

/// Parses a line within a fence. Too little indent for a list item does not end the fence, since
/// models often indent code too little.
fn parse_in_fence(
    scan: &LineScanner<'_>,
    keep: usize,
    (sign, length, indent): (char, usize, usize),
) -> Option<LineStart> {
    let spaces = scan.count_spaces();
    let rest = &scan.line[scan.at + spaces..];
    if rest.is_empty() && !scan.is_ended {
        return None;
    }
    let run = rest.chars().take_while(|&letter| letter == sign).count();
    let behind = &rest[run..];
    let kind =
        if spaces < 4 + indent && behind.trim_matches([' ', '\t']).is_empty() && !rest.is_empty() {
            match (run >= length, scan.is_ended) {
                (_, false) => return None,
                (true, true) => LineKind::FenceEnd,
                (false, true) => LineKind::Code,
            }
        } else {
            LineKind::Code
        };
    let text = scan.at + spaces.min(indent);
    Some(LineStart {
        keep,
        opens: Vec::new(),
        kind,
        text,
    })
}

fn parse_outside_fence(
    mut scan: LineScanner<'_>,
    keep: usize,
    left: &[BlockContainer],
    open: OpenBlock,
) -> Option<LineStart> {
    let mut opens: Vec<BlockContainer> = Vec::new();
    // Lazy continuation: text continues a paragraph even if it is indented too little for its item.
    let is_lazy = !left.contains(&BlockContainer::Quote);
    let was_open = open;
    loop {
        let is_first = opens.is_empty();
        let open = if is_first && left.is_empty() {
            was_open
        } else {
            OpenBlock::Nothing
        };
        let is_continuation = is_first && is_lazy && was_open == OpenBlock::Paragraph;
        let spaces = scan.count_spaces();
        let Some(letter) = scan.letter_after(spaces) else {
            if !scan.is_ended {
                return None;
            }
            let quoted = left
                .iter()
                .position(|container| *container == BlockContainer::Quote);
            let keep = if is_first {
                keep + quoted.unwrap_or(left.len())
            } else {
                keep
            };
            // An empty item: its text is on the next line.
            let kind = if is_first {
                LineKind::Blank
            } else {
                LineKind::Text {
                    is_continuation: false,
                }
            };
            return Some(LineStart {
                keep,
                opens,
                kind,
                text: scan.line.len(),
            });
        };
        let rest = &scan.line[scan.at + spaces..];
        let done = |kind: LineKind, opens: Vec<BlockContainer>, text: usize| {
            Some(LineStart {
                keep,
                opens,
                kind,
                text: scan.at + spaces + text,
            })
        };
        let is_marker = matches!(letter, '-' | '+' | '*' | '0'..='9');
        let is_in_list = keep > 0 || !left.is_empty() || !opens.is_empty();
        if spaces >= 4 && !is_continuation && !(is_marker && is_in_list) {
            let text = scan.at + 4;
            return Some(LineStart {
                keep,
                opens,
                kind: LineKind::Indented,
                text,
            });
        }
        match letter {
            '>' if keep + opens.len() < MAX_CONTAINERS => {
                scan.skip_quote_marker(spaces)?;
                opens.push(BlockContainer::Quote);
                continue;
            }
            '#' => {
                let level = rest.chars().take_while(|&letter| letter == '#').count();
                let behind = &rest[level..];
                let title = behind.trim_start_matches([' ', '\t']);
                match (title.is_empty(), behind.is_empty()) {
                    _ if level > 6 => {}
                    (true, _) if !scan.is_ended => return None,
                    (false, _) if behind.len() == title.len() => {}
                    _ => return done(LineKind::Heading(level), opens, rest.len() - title.len()),
                }
            }
            '`' | '~' => {
                let run = rest.chars().take_while(|&sign| sign == letter).count();
                let info = &rest[run..];
                let may_be_fence = if info.is_empty() {
                    run >= 3 || !scan.is_ended
                } else {
                    run >= 3
                };
                if may_be_fence && !(letter == '`' && info.contains('`')) {
                    if !scan.is_ended {
                        return None;
                    }
                    let kind = LineKind::Fence(letter, run, spaces, info.trim().to_owned());
                    return done(kind, opens, rest.len());
                }
            }
            '=' if is_first && open == OpenBlock::Paragraph => {
                let signs = rest.trim_end_matches([' ', '\t']);
                let is_underline = signs.bytes().all(|byte| byte == b'=');
                if is_underline && !scan.is_ended {
                    return None;
                }
                if is_underline && signs.len() >= MIN_UNDERLINE {
                    return done(LineKind::Underline, opens, 0);
                }
            }
            '|' => return done(LineKind::Row, opens, 0),
            '-' | '*' | '_' | '+' | '0'..='9' => match rule_or_item(rest, scan.is_ended, open)? {
                LineMarker::Rule => return done(LineKind::Rule, opens, rest.len()),
                LineMarker::Item { .. } if keep + opens.len() >= MAX_CONTAINERS => {}
                LineMarker::Item { marker, length } => {
                    let inside = &rest[length..];
                    let gap = inside.len() - inside.trim_start_matches(' ').len();
                    let content = spaces + length + if (1..=4).contains(&gap) { gap } else { 1 };
                    scan.at += spaces + length + gap;
                    let (marker, task) =
                        with_task_marker(marker, &scan.line[scan.at..], scan.is_ended)?;
                    scan.at += task;
                    opens.push(BlockContainer::Item {
                        indent: spaces,
                        content,
                        marker,
                    });
                    continue;
                }
                LineMarker::Neither => {}
            },
            _ => {}
        }
        return done(LineKind::Text { is_continuation }, opens, 0);
    }
}

/// The meaning of a marker character at the beginning of a line.
enum LineMarker {
    Rule,
    Item { marker: String, length: usize },
    Neither,
}

fn rule_or_item(rest: &str, is_ended: bool, open: OpenBlock) -> Option<LineMarker> {
    let letter = rest.chars().next()?;
    if matches!(letter, '-' | '*' | '_') {
        let is_rule_so_far = rest
            .chars()
            .all(|other| other == letter || matches!(other, ' ' | '\t'));
        if is_rule_so_far && !is_ended {
            return None;
        }
        if is_rule_so_far && rest.chars().filter(|&other| other == letter).count() >= 3 {
            return Some(LineMarker::Rule);
        }
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (marker, length) = match (letter, digits) {
        ('_', _) => return Some(LineMarker::Neither),
        (_, 0) => ("•".to_owned(), 1),
        (_, 1..=9) => match rest[digits..].chars().next() {
            None if !is_ended => return None,
            Some(sign @ ('.' | ')')) if open != OpenBlock::Paragraph || &rest[..digits] == "1" => {
                (format!("{}{sign}", &rest[..digits]), digits + 1)
            }
            _ => return Some(LineMarker::Neither),
        },
        _ => return Some(LineMarker::Neither),
    };
    match rest[length..].chars().next() {
        None if !is_ended => None,
        // A marker alone does not interrupt a paragraph.
        None if open == OpenBlock::Paragraph => Some(LineMarker::Neither),
        None => Some(LineMarker::Item { marker, length }),
        Some(' ') if rest[length..].trim_start_matches(' ').is_empty() && !is_ended => None,
        Some(' ') => Some(LineMarker::Item { marker, length }),
        Some(_) => Some(LineMarker::Neither),
    }
}

/// Returns the marker of an item, with its task list checkbox, and the length of the checkbox in
/// the text.
fn with_task_marker(marker: String, text: &str, is_ended: bool) -> Option<(String, usize)> {
    for (sign, shown) in [("[ ] ", "☐"), ("[x] ", "☑"), ("[X] ", "☑")] {
        if text.starts_with(sign) {
            let marker = if marker == "•" {
                shown.to_owned()
            } else {
                format!("{marker} {shown}")
            };
            return Some((marker, sign.len()));
        }
        if !is_ended && sign.starts_with(text) {
            return None;
        }
    }
    Some((marker, 0))
}

struct LineScanner<'a> {
    line: &'a str,
    at: usize,
    is_ended: bool,
}

impl LineScanner<'_> {
    fn count_spaces(&self) -> usize {
        self.line[self.at..]
            .bytes()
            .take_while(|&byte| byte == b' ')
            .count()
    }

    fn letter_after(&self, spaces: usize) -> Option<char> {
        self.line[self.at + spaces..].chars().next()
    }

    /// Skips a `>` and an optional space; `None` if more characters are needed.
    fn skip_quote_marker(&mut self, spaces: usize) -> Option<()> {
        self.at += spaces + 1;
        match self.letter_after(0) {
            Some(' ') => self.at += 1,
            Some(_) => {}
            None if self.is_ended => {}
            None => return None,
        }
        Some(())
    }
}
