//! The name that somebody meant.

/// The name most like `given`, if any is at all.
pub(crate) fn nearest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Short names differ much by one slip.
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

/// Asks for the nearest of what there is, where one is near.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map_or_else(String::new, |nearest| {
        format!("; did you mean `{nearest}`?")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_nothing_far_off() {
        let keys = || ["region", "max_wait", "model"];
        assert_eq!(nearest("regoin", keys()), Some("region"));
        assert_eq!(nearest("max-wait", keys()), Some("max_wait"));
        assert_eq!(nearest("rmp", ["tpm", "rpm"]), Some("rpm"));
        assert_eq!(nearest("xyz", keys()), None);
        assert_eq!(did_you_mean("modle", keys()), "; did you mean `model`?");
        assert_eq!(did_you_mean("xyz", keys()), "");
    }
}
