//! Patterns for names, in which `*` stands for any characters.

/// Whether a name is as a pattern has it, in which each `*` stands for any characters.
pub(crate) fn matches_name(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match name.split_once(part) {
            Some((_, behind)) => name = behind,
            None => return false,
        }
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_name_stands_for_any_characters() {
        for (pattern, name, matches) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("fs__*", "fs__read", true),
            ("fs__*", "fs_read", false),
            ("*__read_*", "fs__read_file", true),
            ("*read", "read_read", true),
            ("a*a", "a", false),
            ("a*b*c", "axbxbc", true),
            ("a*b*c", "axc", false),
        ] {
            assert_eq!(matches_name(pattern, name), matches, "{pattern} {name}");
        }
    }
}
