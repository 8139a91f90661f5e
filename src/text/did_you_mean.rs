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

/// Returns all of the names, the most similar to `given` first.
pub(crate) fn by_likeness<'a>(given: &str, names: &[&'a str]) -> Vec<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(given, name);
    let mut names = names.to_vec();
    names.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
    names
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
        assert_eq!(by_likeness("c", &["a", "cc", "c"]), ["c", "cc", "a"]);
    }
}
