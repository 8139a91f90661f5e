//! The names under which the model knows the tools of servers: `server__tool`. Pure.

use ring::digest::{SHA256, digest};

/// The longest name that the API accepts, in characters.
const MAX_CHARS: usize = 64;

/// The length of the hash in a name that had to be changed, in hexadecimal digits.
const HASH_DIGITS: usize = 8;

/// Returns the name of a server's tool for the model. A name that the API does not accept, because
/// it is too long or has other characters, is shortened and gets a hash of what it was, so that no
/// two tools share a name; which tool it means is remembered with its definition.
pub(crate) fn model_tool_name(server: &str, tool: &str) -> String {
    let whole = format!("{server}__{tool}");
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    // With a second `__` it would not be known where the server's name ends.
    let is_ambiguous = server.contains("__") || server.ends_with('_') || tool.starts_with('_');
    if whole.chars().all(is_letter) && whole.len() <= MAX_CHARS && !is_ambiguous {
        return whole;
    }
    let hash = digest(&SHA256, format!("{server}\0{tool}").as_bytes());
    let digits: u32 = hash.as_ref()[..HASH_DIGITS / 2]
        .iter()
        .fold(0, |digits, byte| digits << 8 | u32::from(*byte));
    let letters = whole
        .chars()
        .map(|letter| if is_letter(letter) { letter } else { '_' });
    let shortened: String = letters.take(MAX_CHARS - HASH_DIGITS - 1).collect();
    format!("{shortened}_{digits:08x}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_plain_name_stays_as_it_is() {
        assert_eq!(model_tool_name("fs", "read_file"), "fs__read_file");
        let longest = "t".repeat(60);
        assert_eq!(model_tool_name("fs", &longest), format!("fs__{longest}"));
    }

    #[test]
    fn every_name_is_one_that_the_api_accepts_and_no_two_are_the_same() {
        let long = "t".repeat(61);
        let (longer, other) = (format!("{long}a"), format!("{long}b"));
        let pairs = [
            ("fs", long.as_str()),
            ("fs", longer.as_str()),
            ("fs", other.as_str()),
            ("my server", "read"),
            ("my.server", "read"),
            ("my_server", "read"),
            ("a", "b__c"),
            ("a__b", "c"),
            ("a_", "b"),
            ("a", "_b"),
            ("\u{e9}", "\u{fc}"),
        ];
        let names: BTreeSet<String> = pairs
            .iter()
            .map(|(server, tool)| model_tool_name(server, tool))
            .collect();
        assert_eq!(names.len(), pairs.len(), "{names:?}");
        for name in names {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            assert!(name.len() <= 64 && name.bytes().all(is_letter), "{name}");
        }
    }
}
