//! How a line begins: what containers it goes on with, which ones it opens, and what its text is
//! then.
//!
//! A line is looked at letter by letter until it is plain what it is; most are at their first
//! letter.

/// A container that a line may stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Container {
    /// A quotation.
    Quote,
    /// An item of a list.
    Item {
        /// Columns before its marker, counted from the container around it.
        indent: usize,
        /// Columns before its text.
        content: usize,
        /// What it is shown with.
        marker: String,
    },
}

/// What is open when a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// Nothing that the line could go on with.
    Nothing,
    /// A paragraph.
    Paragraph,
    /// A fence of so many of this sign, indented so far.
    Fence {
        /// The sign.
        sign: char,
        /// How many of them.
        length: usize,
        /// Columns before it.
        indent: usize,
    },
}

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing stands in it.
    Blank,
    /// Text; `goes_on` with the paragraph that is open.
    Text {
        /// Whether it goes on.
        goes_on: bool,
    },
    /// A heading of this level.
    Heading(usize),
    /// A rule.
    Rule,
    /// A fence begins: the sign, how many, the columns before it, what stands behind it.
    Fence(char, usize, usize, String),
    /// The fence that is open ends.
    FenceEnd,
    /// A line of code.
    Code,
    /// A line of indented code.
    Indented,
    /// It may be part of a table, which its end decides.
    Row,
}

/// How a line begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    /// How many of the open containers it goes on with.
    pub(super) keep: usize,
    /// The containers that it opens.
    pub(super) opens: Vec<Container>,
    /// What it is.
    pub(super) kind: Kind,
    /// Where its text begins, in bytes.
    pub(super) text: usize,
}

/// A beginning that is longer than this, in bytes, is text.
const LONGEST: usize = 256;

/// Says how a line begins that has come so far, or whole where `ended`; none where that is not
/// plain yet.
pub(super) fn beginning(
    line: &str,
    containers: &[Container],
    open: Open,
    ended: bool,
) -> Option<Beginning> {
    let ended = ended || line.len() > LONGEST;
    let mut scan = Scan { line, at: 0, ended };
    let mut keep = 0;
    for container in containers {
        let spaces = scan.spaces();
        match container {
            Container::Quote => match scan.letter_behind(spaces) {
                Some('>') => scan.quote(spaces)?,
                None if !ended => return None,
                _ => break,
            },
            Container::Item {
                indent, content, ..
            } => {
                let wanted = (*content).min(indent + 2);
                match scan.letter_behind(spaces) {
                    _ if spaces >= *content => scan.at += *content,
                    None if !ended => return None,
                    None => scan.at += spaces,
                    Some(_) if spaces >= wanted => scan.at += spaces,
                    Some(_) => break,
                }
            }
        }
        keep += 1;
    }
    let left = &containers[keep..];
    if let Open::Fence {
        sign,
        length,
        indent,
    } = open
        && !left.contains(&Container::Quote)
    {
        return in_fence(&scan, containers.len(), (sign, length, indent));
    }
    outside(scan, keep, left, open)
}

/// A line within a fence. Containers that are items only do not end one: code is often indented too
/// little.
fn in_fence(
    scan: &Scan<'_>,
    keep: usize,
    (sign, length, indent): (char, usize, usize),
) -> Option<Beginning> {
    let spaces = scan.spaces();
    let rest = &scan.line[scan.at + spaces..];
    if rest.is_empty() && !scan.ended {
        return None;
    }
    let run = rest.chars().take_while(|&letter| letter == sign).count();
    let behind = &rest[run..];
    let kind =
        if spaces < 4 + indent && behind.trim_matches([' ', '\t']).is_empty() && !rest.is_empty() {
            match (run >= length, scan.ended) {
                (_, false) => return None,
                (true, true) => Kind::FenceEnd,
                (false, true) => Kind::Code,
            }
        } else {
            Kind::Code
        };
    let text = scan.at + spaces.min(indent);
    Some(Beginning {
        keep,
        opens: Vec::new(),
        kind,
        text,
    })
}

fn outside(mut scan: Scan<'_>, keep: usize, left: &[Container], open: Open) -> Option<Beginning> {
    let mut opens: Vec<Container> = Vec::new();
    // Text goes on with a paragraph also where it is indented too little for its item.
    let is_lazy = !left.contains(&Container::Quote);
    let was_open = open;
    loop {
        let is_first = opens.is_empty();
        let open = if is_first && left.is_empty() {
            was_open
        } else {
            Open::Nothing
        };
        let goes_on = is_first && is_lazy && was_open == Open::Paragraph;
        let spaces = scan.spaces();
        let Some(letter) = scan.letter_behind(spaces) else {
            if !scan.ended {
                return None;
            }
            let quoted = left
                .iter()
                .position(|container| *container == Container::Quote);
            let keep = if is_first {
                keep + quoted.unwrap_or(left.len())
            } else {
                keep
            };
            // An item that begins with nothing: its text is in the next line.
            let kind = if is_first {
                Kind::Blank
            } else {
                Kind::Text { goes_on: false }
            };
            return Some(Beginning {
                keep,
                opens,
                kind,
                text: scan.line.len(),
            });
        };
        let rest = &scan.line[scan.at + spaces..];
        let done = |kind: Kind, opens: Vec<Container>, text: usize| {
            Some(Beginning {
                keep,
                opens,
                kind,
                text: scan.at + spaces + text,
            })
        };
        let is_marker = matches!(letter, '-' | '+' | '*' | '0'..='9');
        let is_in_list = keep > 0 || !left.is_empty() || !opens.is_empty();
        if spaces >= 4 && !goes_on && !(is_marker && is_in_list) {
            let text = scan.at + 4;
            return Some(Beginning {
                keep,
                opens,
                kind: Kind::Indented,
                text,
            });
        }
        match letter {
            '>' => {
                scan.quote(spaces)?;
                opens.push(Container::Quote);
                continue;
            }
            '#' => {
                let level = rest.chars().take_while(|&letter| letter == '#').count();
                let behind = &rest[level..];
                let title = behind.trim_start_matches([' ', '\t']);
                match (title.is_empty(), behind.is_empty()) {
                    _ if level > 6 => {}
                    (true, _) if !scan.ended => return None,
                    (false, _) if behind.len() == title.len() => {}
                    _ => return done(Kind::Heading(level), opens, rest.len() - title.len()),
                }
            }
            '`' | '~' => {
                let run = rest.chars().take_while(|&sign| sign == letter).count();
                let info = &rest[run..];
                let may_be = if info.is_empty() {
                    run >= 3 || !scan.ended
                } else {
                    run >= 3
                };
                if may_be && !(letter == '`' && info.contains('`')) {
                    if !scan.ended {
                        return None;
                    }
                    let kind = Kind::Fence(letter, run, spaces, info.trim().to_owned());
                    return done(kind, opens, rest.len());
                }
            }
            '|' => return done(Kind::Row, opens, 0),
            '-' | '*' | '_' | '+' | '0'..='9' => match rule_or_item(rest, scan.ended, open)? {
                Mark::Rule => return done(Kind::Rule, opens, rest.len()),
                Mark::Item { marker, length } => {
                    let inside = &rest[length..];
                    let gap = inside.len() - inside.trim_start_matches(' ').len();
                    let content = spaces + length + if (1..=4).contains(&gap) { gap } else { 1 };
                    scan.at += spaces + length + gap;
                    let (marker, task) = with_task(marker, &scan.line[scan.at..], scan.ended)?;
                    scan.at += task;
                    opens.push(Container::Item {
                        indent: spaces,
                        content,
                        marker,
                    });
                    continue;
                }
                Mark::Neither => {}
            },
            _ => {}
        }
        return done(Kind::Text { goes_on }, opens, 0);
    }
}

/// What a sign at the beginning of a line is.
enum Mark {
    Rule,
    Item { marker: String, length: usize },
    Neither,
}

fn rule_or_item(rest: &str, ended: bool, open: Open) -> Option<Mark> {
    let letter = rest.chars().next()?;
    if matches!(letter, '-' | '*' | '_') {
        let is_rule_so_far = rest
            .chars()
            .all(|other| other == letter || matches!(other, ' ' | '\t'));
        if is_rule_so_far && !ended {
            return None;
        }
        if is_rule_so_far && rest.chars().filter(|&other| other == letter).count() >= 3 {
            return Some(Mark::Rule);
        }
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (marker, length) = match (letter, digits) {
        ('_', _) => return Some(Mark::Neither),
        (_, 0) => ("•".to_owned(), 1),
        (_, 1..=9) => match rest[digits..].chars().next() {
            None if !ended => return None,
            Some(sign @ ('.' | ')')) if open != Open::Paragraph || &rest[..digits] == "1" => {
                (format!("{}{sign}", &rest[..digits]), digits + 1)
            }
            _ => return Some(Mark::Neither),
        },
        _ => return Some(Mark::Neither),
    };
    match rest[length..].chars().next() {
        None if !ended => None,
        // A sign alone under a paragraph is no item.
        None if open == Open::Paragraph => Some(Mark::Neither),
        None => Some(Mark::Item { marker, length }),
        Some(' ') if rest[length..].trim_start_matches(' ').is_empty() && !ended => None,
        Some(' ') => Some(Mark::Item { marker, length }),
        Some(_) => Some(Mark::Neither),
    }
}

/// The marker of an item whose text begins so, and how much of that is the mark of a task.
fn with_task(marker: String, text: &str, ended: bool) -> Option<(String, usize)> {
    for (sign, shown) in [("[ ] ", "☐"), ("[x] ", "☑"), ("[X] ", "☑")] {
        if text.starts_with(sign) {
            let marker = if marker == "•" {
                shown.to_owned()
            } else {
                format!("{marker} {shown}")
            };
            return Some((marker, sign.len()));
        }
        if !ended && sign.starts_with(text) {
            return None;
        }
    }
    Some((marker, 0))
}

struct Scan<'a> {
    line: &'a str,
    at: usize,
    ended: bool,
}

impl Scan<'_> {
    fn spaces(&self) -> usize {
        self.line[self.at..]
            .bytes()
            .take_while(|&byte| byte == b' ')
            .count()
    }

    fn letter_behind(&self, spaces: usize) -> Option<char> {
        self.line[self.at + spaces..].chars().next()
    }

    /// Goes behind a `>` and the space that may follow; none where that may yet come.
    fn quote(&mut self, spaces: usize) -> Option<()> {
        self.at += spaces + 1;
        match self.letter_behind(0) {
            Some(' ') => self.at += 1,
            Some(_) => {}
            None if self.ended => {}
            None => return None,
        }
        Some(())
    }
}
