//! Suggestions for mistyped names.

/// Returns the name most similar to `given`, if any is similar enough.
pub(crate) fn nearest_name<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A single typo makes short names very dissimilar.
    let is_a_slip = |name: &str| strsim::osa_distance(given, name) == 1;
    let likeness = |name: &str| {
        if is_a_slip(name) {
            1.0
        } else {
            strsim::jaro_winkler(given, name)
        }
    };
    let mut names: Vec<&str> = names
        .into_iter()
        .filter(|name| likeness(name) > 0.75)
        .collect();
    names.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
    names.first().copied()
}

/// Returns a suggestion to append to a message; empty if no known name is similar.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest_name(given, known).map_or_else(String::new, |nearest| {
        format!("; did you mean `{nearest}`?")
    })
}

/// Returns the id most similar to `given`, if any is similar enough; of several, the first. Ids are
/// long and have parts in common, so the pairs of letters count, wherever they are, and an id that
/// contains all of `given` goes before any other.
pub(crate) fn nearest_id<'a>(given: &str, ids: &[&'a str]) -> Option<&'a str> {
    let plain = |id: &str| id.to_lowercase().replace(['.', '_', '@', ':', ' '], "-");
    let given = plain(given);
    let likeness = |id: &str| {
        let id = plain(id);
        let bonus = if id.contains(&given) { 1.0 } else { 0.0 };
        bonus + strsim::sorensen_dice(&given, &id)
    };
    let rated = ids.iter().rev().map(|id| (likeness(id), *id));
    let similar = rated.filter(|(likeness, _)| *likeness > 0.4);
    let nearest = similar.max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest.map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_suggested_and_no_dissimilar_one() {
        let keys = || ["region", "max_wait", "model"];
        assert_eq!(nearest_name("regoin", keys()), Some("region"));
        assert_eq!(nearest_name("max-wait", keys()), Some("max_wait"));
        assert_eq!(nearest_name("rmp", ["tpm", "rpm"]), Some("rpm"));
        assert_eq!(nearest_name("xyz", keys()), None);
        assert_eq!(did_you_mean("modle", keys()), "; did you mean `model`?");
        assert_eq!(did_you_mean("xyz", keys()), "");
    }

    #[test]
    fn the_nearest_id_has_the_parts_that_were_given_wherever_they_are() {
        let ids = [
            "claude-haiku-4-5-20251001",
            "claude-opus-4-8-default",
            "claude-sonnet-4-5-20250929",
            "claude-sonnet-4-6-default",
            "gpt-5-mini",
        ];
        for (given, nearest) in [
            ("claude-sonnet-4-5", Some(ids[2])),
            ("sonnet-4.6", Some(ids[3])),
            ("claude-sonet-4-6", Some(ids[3])),
            ("claude-4-5-haiku", Some(ids[0])),
            ("claude-opus", Some(ids[1])),
            ("gpt5mini", Some(ids[4])),
            ("nope", None),
            ("mistral-large", None),
        ] {
            assert_eq!(nearest_id(given, &ids), nearest, "{given}");
        }
    }
}
