//! Which hosts `NO_PROXY` exempts from the proxy: pure.

use std::net::IpAddr;

use ipnet::IpNet;

/// Returns whether a list of hosts exempts this host and port.
///
/// Entries are separated by commas or white space. As for curl, a domain stands for itself and its
/// subdomains, with or without a dot before it; `*` is every host; and an address may have a prefix
/// length, such as `10.0.0.0/8`. `*.example.com` means the same as `.example.com`, and an entry
/// with a port is for that port alone; curl takes neither, but other programs do.
pub(super) fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = without_brackets(host);
    list.split(|separator: char| separator == ',' || separator.is_whitespace())
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let (entry, entry_port) = split_port(entry);
            entry_port.is_none_or(|entry_port| entry_port == port) && matches_host(entry, host)
        })
}

fn matches_host(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return entry.parse().is_ok_and(|exempt: IpAddr| exempt == address)
            || entry.parse().is_ok_and(|net: IpNet| net.contains(&address));
    }
    let domain = entry.strip_prefix('*').unwrap_or(entry);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let (domain, host) = (domain.trim_end_matches('.'), host.trim_end_matches('.'));
    let Some(start) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    !domain.is_empty()
        && host.is_char_boundary(start)
        && host[start..].eq_ignore_ascii_case(domain)
        && (start == 0 || host[..start].ends_with('.'))
}

/// Splits off a port. An IPv6 address has one only behind brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let bare = without_brackets(entry);
    match bare.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (without_brackets(host), Some(port)),
            Err(_) => (bare, None),
        },
        _ => (bare, None),
    }
}

/// Removes the brackets around an IPv6 address.
fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_stands_for_itself_and_its_subdomains() {
        for (list, host, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "api.example.com", true),
            (".example.com", "example.com", true),
            (".example.com", "api.example.com", true),
            ("*.example.com", "api.example.com", true),
            ("example.com", "notexample.com", false),
            ("example.com", "example.org", false),
            ("api.example.com", "example.com", false),
            ("EXAMPLE.com.", "api.example.COM", true),
            ("a.test, example.com", "example.com", true),
            ("a.test example.com", "example.com", true),
            ("*", "example.com", true),
            ("a.test,*", "10.1.2.3", true),
            ("", "example.com", false),
            (".", "example.com", false),
            ("exämple.com", "mple.com", false),
        ] {
            assert_eq!(is_exempt(list, host, 443), expected, "{list}: {host}");
        }
    }

    #[test]
    fn addresses_match_one_by_one_and_by_subnet() {
        for (list, host, expected) in [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/8", "10.example.com", false),
            ("2.3", "10.1.2.3", false),
            ("fd00::/8", "[fd00::1]", true),
            ("[fd00::1]", "[fd00::1]", true),
            ("::1", "[::2]", false),
        ] {
            assert_eq!(is_exempt(list, host, 443), expected, "{list}: {host}");
        }
    }

    #[test]
    fn an_entry_with_a_port_is_for_that_port_alone() {
        for (list, host, port, expected) in [
            ("example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("[fd00::1]:8443", "[fd00::1]", 8443, true),
            ("[fd00::1]:8443", "[fd00::1]", 443, false),
            ("10.1.2.3:443", "10.1.2.3", 443, true),
        ] {
            assert_eq!(is_exempt(list, host, port), expected, "{list}: {host}");
        }
    }
}
