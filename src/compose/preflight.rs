//! The check before sending: a request that cannot fit is refused before it is paid for.
//!
//! Only the low estimate refuses, and only a limit that is known: a wrong refusal would be worse
//! than the API's own.

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::error::Error;
use crate::input::{Estimate, Part, Tokens, fitting_exclusions};
use crate::text::{TableColumn, TextTable, counted, grouped};
use crate::ui::Verbosity;

/// The most that a request may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    /// So many tokens.
    pub(crate) tokens: u64,
    /// Of what, with the number.
    pub(crate) what: String,
    /// Whether somebody has said so: a limit that is only assumed refuses nothing.
    pub(crate) is_known: bool,
}

/// Refuses a request that is over a known limit, and mentions one that is only assumed.
pub(crate) fn check(app: &App, estimate: &Estimate, limits: &[Limit]) -> Result<(), Error> {
    let tokens = estimate.total().low;
    let exceeded = |known: bool| {
        limits
            .iter()
            .find(|limit| limit.is_known == known && tokens > limit.tokens)
    };
    if let Some(limit) = exceeded(true) {
        let largest = estimate
            .largest()
            .map_or_else(String::new, |part| part.name.clone());
        return Err(Error::TooManyTokens {
            tokens,
            most: limit.tokens,
            limit: limit.what.clone(),
            largest,
            exclude: Vec::new(),
        });
    }
    if let Some(limit) = exceeded(false) {
        app.notices.notice(&format!(
            "the request has at least {}, which exceeds {}",
            counted(tokens, "token"),
            limit.what
        ));
    }
    Ok(())
}

/// The same, with the parts of a request that is refused.
pub(crate) fn check_and_show(
    app: &App,
    estimate: &Estimate,
    limits: &[Limit],
) -> Result<(), Error> {
    let checked = check(app, estimate, limits);
    if checked.is_err() && app.notices.verbosity() >= Verbosity::Normal {
        app.notices
            .print_block(&table(estimate, None).to_sanitized_text());
    }
    checked
}

/// Adds to the error of a request that is too large what could be excluded from `directories`.
/// `sizes` are the parts by their bytes.
pub(crate) fn suggest_exclusions(
    mut error: Error,
    directories: &[PathBuf],
    estimate: &Estimate,
    sizes: &[(String, usize)],
) -> Error {
    match &mut error {
        Error::TooManyTokens {
            tokens,
            most,
            exclude,
            ..
        } => {
            let parts = estimate.parts.iter();
            let parts = parts.map(|part| (part.name.as_str(), part.tokens.low));
            *exclude = below(directories, parts, *tokens - *most);
        }
        Error::RequestTooLarge {
            bytes,
            limit,
            exclude,
            ..
        } => {
            let parts = sizes
                .iter()
                .map(|(name, bytes)| (name.as_str(), *bytes as u64));
            *exclude = below(directories, parts, (*bytes - *limit) as u64);
        }
        _ => {}
    }
    error
}

/// Returns what to exclude from the directories to remove `excess`, and a little more, since the
/// sizes are estimates.
fn below<'a>(
    directories: &[PathBuf],
    parts: impl Iterator<Item = (&'a str, u64)>,
    excess: u64,
) -> Vec<String> {
    let files = parts.filter_map(|(name, size)| {
        let path = Path::new(name.strip_prefix('`')?.strip_suffix('`')?);
        let below = directories
            .iter()
            .find_map(|directory| path.strip_prefix(directory).ok())?;
        Some((below, size))
    });
    fitting_exclusions(files, excess + excess / 16)
}

/// Returns the parts and the total, a line each. `factor` is what was learned of the model.
pub(crate) fn table(estimate: &Estimate, factor: Option<f64>) -> TextTable<4> {
    let row = |name: &str, Tokens { low, high }, likely: u64, most: u64| {
        let (sign, range) = if low == high {
            (" ", "(exactly)".to_owned())
        } else {
            ("≈", format!("({} to {})", grouped(low), grouped(most)))
        };
        let tokens = format!("{} tokens", grouped(likely));
        [name.to_owned(), sign.to_owned(), tokens, range]
    };
    let mut table = TextTable::new([
        TableColumn::LEFT,
        TableColumn::LEFT,
        TableColumn::RIGHT.with_gap(1),
        TableColumn::LEFT,
    ]);
    table.extend(estimate.parts.iter().map(|Part { name, tokens }| {
        row(name, *tokens, tokens.likely(factor), tokens.paced(factor))
    }));
    let (likely, most) = (estimate.likely(factor), estimate.paced(factor));
    table.push_row(row("total", estimate.total(), likely, most));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_part_and_the_total() {
        let part = |name: &str, low, high| Part {
            name: name.to_owned(),
            tokens: Tokens { low, high },
        };
        let parts = vec![part("`a\u{1b}.txt`", 1_000, 3_000), part("`b.png`", 64, 64)];
        let estimate = Estimate {
            parts,
            has_pdf: false,
        };
        let expected = "`a␛.txt`  ≈ 2,000 tokens  (1,000 to 3,000)\n\
                        `b.png`        64 tokens  (exactly)\n\
                        total     ≈ 2,064 tokens  (1,064 to 3,064)\n";
        assert_eq!(table(&estimate, None).to_sanitized_text(), expected);
        assert!(
            table(&estimate, Some(0.5))
                .to_text()
                .contains("total     ≈ 1,564 tokens  (1,064 to 1,789)")
        );
        assert!(
            table(&estimate, Some(0.1))
                .to_text()
                .contains("total     ≈ 1,064 tokens"),
            "not below the low figure"
        );
    }
}
