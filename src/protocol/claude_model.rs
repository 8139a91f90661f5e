//! Parses the id of a Claude model into family and version.
//!
//! Ids are matched by whole components, since applying another model's rules is worse than applying
//! none: `claude-sonnet-4-20250514` is Sonnet 4 and not 4.20, and `my-claude-opus-5` could be
//! anything.

/// A Claude model by family and version, without the date and platform that its id may include.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClaudeModel {
    /// The family.
    pub(crate) family: ModelFamily,
    /// The major version.
    pub(crate) major: u8,
    /// The minor version; 0 if the id has none.
    pub(crate) minor: u8,
}

/// A family of Claude models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelFamily {
    /// The largest models that are generally available.
    Fable,
    /// Large models.
    Opus,
    /// Models of medium size.
    Sonnet,
    /// Small and fast models.
    Haiku,
}

/// Region prefixes of Bedrock, each of them optional, before the vendor's.
const REGION_PREFIXES: [&str; 3] = ["eu.", "us.", "global."];

/// The vendor's prefix on Bedrock.
const VENDOR_PREFIX: &str = "anthropic.";

/// The number of digits in a date, such as `20250929`.
const DATE_DIGITS: usize = 8;

impl ClaudeModel {
    /// Parses an id; `None` unless every component of it is known.
    ///
    /// The format is `[eu.|us.|global.][anthropic.]claude-FAMILY-MAJOR[-MINOR][-DATE]` with an
    /// optional `-default`, `@DATE` or `-vN:N` at the end; older ids have the version before the
    /// family.
    pub(crate) fn from_id(id: &str) -> Option<Self> {
        let without_region = REGION_PREFIXES
            .iter()
            .find_map(|prefix| id.strip_prefix(prefix))
            .unwrap_or(id);
        let name = without_region
            .strip_prefix(VENDOR_PREFIX)
            .unwrap_or(without_region)
            .strip_prefix("claude-")?;
        let components: Vec<&str> = strip_suffix(name).split('-').collect();
        let components = match components.split_last()? {
            (last, others) if is_date(last) => others,
            _ => &components[..],
        };
        let (family, version) = match components {
            [first, version @ ..] if ModelFamily::from_name(first).is_some() => (first, version),
            [version @ .., last] => (last, version),
            [] => return None,
        };
        let family = ModelFamily::from_name(family)?;
        let (major, minor) = match version {
            [major] => (version_number(major)?, 0),
            [major, minor] => (version_number(major)?, version_number(minor)?),
            _ => return None,
        };
        Some(Self {
            family,
            major,
            minor,
        })
    }
}

impl ModelFamily {
    /// The names of all families, which are aliases for their newest models.
    pub(crate) const NAMES: [&str; 4] = ["opus", "sonnet", "haiku", "fable"];

    /// Returns the family with this name. The bare name is an alias for its newest model.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "fable" => Some(Self::Fable),
            "opus" => Some(Self::Opus),
            "sonnet" => Some(Self::Sonnet),
            "haiku" => Some(Self::Haiku),
            _ => None,
        }
    }
}

/// Removes a suffix that a platform adds to ids, if there is a known one.
fn strip_suffix(name: &str) -> &str {
    if let Some(rest) = name.strip_suffix("-default") {
        return rest;
    }
    if let Some((rest, date)) = name.split_once('@')
        && is_date(date)
    {
        return rest;
    }
    match name.rsplit_once("-v") {
        Some((rest, revision)) if is_revision(revision) => rest,
        _ => name,
    }
}

fn is_date(component: &str) -> bool {
    component.len() == DATE_DIGITS && has_only_digits(component)
}

/// Whether this is a Bedrock revision, such as the `2:0` of `-v2:0`.
fn is_revision(revision: &str) -> bool {
    revision
        .split_once(':')
        .is_some_and(|(major, minor)| has_only_digits(major) && has_only_digits(minor))
}

/// Parses a version number of one or two digits.
fn version_number(component: &str) -> Option<u8> {
    if component.len() > 2 || !has_only_digits(component) {
        return None;
    }
    component.parse().ok()
}

fn has_only_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::ModelFamily::{Fable, Haiku, Opus, Sonnet};
    use super::*;

    #[test]
    fn an_id_is_taken_apart_in_whole_components() {
        for (id, family, major, minor) in [
            ("claude-3-5-sonnet-20240620", Sonnet, 3, 5),
            ("claude-3-sonnet-20240229", Sonnet, 3, 0),
            ("claude-3-haiku-20240307", Haiku, 3, 0),
            ("claude-3-opus-20240229", Opus, 3, 0),
            ("claude-3-5-sonnet", Sonnet, 3, 5),
            ("claude-3-7-sonnet-20250219", Sonnet, 3, 7),
            ("claude-3-5-haiku-20241022", Haiku, 3, 5),
            ("claude-sonnet-5-default", Sonnet, 5, 0),
            ("claude-opus-4-8-default", Opus, 4, 8),
            ("claude-sonnet-4-6-default", Sonnet, 4, 6),
            ("claude-opus-4-6-default", Opus, 4, 6),
            ("claude-haiku-4-5-20251001", Haiku, 4, 5),
            ("claude-haiku-4-5@20251001", Haiku, 4, 5),
            ("claude-haiku-4-5-default", Haiku, 4, 5),
            ("claude-sonnet-4-5-20250929", Sonnet, 4, 5),
            ("claude-sonnet-4-20250514", Sonnet, 4, 0),
            ("claude-sonnet-4@20250514", Sonnet, 4, 0),
            ("claude-opus-4-0", Opus, 4, 0),
            ("claude-opus-4-1-20250805", Opus, 4, 1),
            ("claude-sonnet-5", Sonnet, 5, 0),
            ("claude-sonnet-5-5", Sonnet, 5, 5),
            ("claude-sonnet-5-20260630", Sonnet, 5, 0),
            ("claude-sonnet-5-5-20260928", Sonnet, 5, 5),
            ("claude-opus-5-5-default", Opus, 5, 5),
            ("claude-opus-4-10", Opus, 4, 10),
            ("claude-fable-5-2", Fable, 5, 2),
            ("claude-haiku-5-5@20261007", Haiku, 5, 5),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Sonnet, 3, 5),
            ("eu.anthropic.claude-sonnet-4-20250514-v1:0", Sonnet, 4, 0),
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Opus, 4, 1),
            (
                "global.anthropic.claude-haiku-4-5-20251001-v1:0",
                Haiku,
                4,
                5,
            ),
            ("global.claude-opus-5", Opus, 5, 0),
            ("anthropic.claude-opus-5", Opus, 5, 0),
        ] {
            let expected = ClaudeModel {
                family,
                major,
                minor,
            };
            assert_eq!(ClaudeModel::from_id(id), Some(expected), "{id}");
        }
    }

    #[test]
    fn an_id_with_anything_left_over_is_unknown() {
        for id in [
            "",
            "claude",
            "claude-",
            "claude-sonnet",
            "claude-sonnet-",
            "claude-sonnet-20250514",
            "claude-next",
            "claude-2",
            "claude-instant-1",
            "my-claude-opus-5",
            "claude-opus-5-preview",
            "claude-opus-5-latest",
            "claude-opus-5-",
            "claude-opus--5",
            "claude-opus-4.8",
            "claude-opus-4-8-1",
            "claude-opus-123",
            "claude-opus-4-123",
            "claude-opus-4-2025051",
            "claude-opus-4-202505141",
            "claude-opus-4-20250514-20250514",
            "claude-opus-5-defaults",
            "claude-opus-5-default-default",
            "claude-opus-5-default@20260724",
            "claude-opus-5@2026",
            "claude-opus-5@",
            "claude-opus-5-v1",
            "claude-opus-5-v:0",
            "claude-3-5-sonnet-v2@20241022",
            "claude-3-sonnet-5",
            "claude-opus-sonnet-5",
            "claude-mythos-5",
            "claude-mythos-5-preview",
            "anthropic/claude-opus-5",
            "ap.anthropic.claude-opus-5",
            "anthropic.eu.claude-opus-5",
            "Claude-Opus-5",
            " claude-opus-5",
            "claude-opus-5 ",
            "claude-opus-٥",
            "gpt-5-mini",
            "qwen",
        ] {
            assert_eq!(ClaudeModel::from_id(id), None, "{id}");
        }
    }
}
