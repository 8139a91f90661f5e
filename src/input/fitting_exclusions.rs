//! Which exclusions make the files of a directory fit into a request.

use std::collections::BTreeMap;
use std::path::{Component, Path};

/// The most exclusions that are worth suggesting.
const MOST_EXCLUSIONS: usize = 5;

/// Returns the exclusions that remove at least `excess` from `files`, which are given by their path
/// below the directory and by their size: the smallest subdirectory or file that is large enough,
/// or the largest ones. Empty if it would take too many, or all.
pub(crate) fn fitting_exclusions<'a>(
    files: impl Iterator<Item = (&'a Path, u64)>,
    excess: u64,
) -> Vec<String> {
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for (path, size) in files {
        let mut parts = path.components().map(Component::as_os_str);
        let Some(first) = parts.next() else { continue };
        let slash = if parts.next().is_some() { "/" } else { "" };
        *sizes
            .entry(format!("{}{slash}", first.display()))
            .or_default() += size;
    }
    let mut sizes: Vec<(String, u64)> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| *size);
    let all = sizes.len();
    if let Some(place) = sizes.iter().position(|(_, size)| *size >= excess) {
        sizes = vec![sizes.swap_remove(place)];
    } else {
        let mut removed = 0;
        sizes = sizes
            .into_iter()
            .rev()
            .take_while(|(_, size)| {
                let is_needed = removed < excess;
                removed += size;
                is_needed
            })
            .collect();
    }
    let total: u64 = sizes.iter().map(|(_, size)| size).sum();
    if total < excess || sizes.len() >= all || sizes.len() > MOST_EXCLUSIONS {
        return Vec::new();
    }
    sizes.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, u64); 5] = [
        ("a/x", 40),
        ("a/y/z", 10),
        ("b/x", 30),
        ("c.txt", 15),
        ("d.txt", 5),
    ];

    fn exclusions(excess: u64) -> Vec<String> {
        let files = FILES.iter().map(|(path, size)| (Path::new(path), *size));
        fitting_exclusions(files, excess)
    }

    #[test]
    fn the_smallest_part_that_is_large_enough_is_excluded() {
        assert_eq!(exclusions(1), ["d.txt"]);
        assert_eq!(exclusions(6), ["c.txt"]);
        assert_eq!(exclusions(16), ["b/"]);
        assert_eq!(exclusions(50), ["a/"]);
    }

    #[test]
    fn several_are_excluded_where_one_is_not_enough() {
        assert_eq!(exclusions(51), ["a/", "b/"]);
        assert_eq!(exclusions(81), ["a/", "b/", "c.txt"]);
    }

    #[test]
    fn nothing_is_suggested_if_nothing_would_be_left() {
        assert!(exclusions(96).is_empty());
        assert!(exclusions(1_000).is_empty());
        assert!(fitting_exclusions([(Path::new("x"), 9)].into_iter(), 1).is_empty());
    }
}
