//! The kinds of failure, their exit codes and their meanings.

/// How errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// As text on stderr, for users.
    Text,
    /// Also as an object on stderr, for `--json`.
    Json,
    /// Also as an object on standard output, as its last line, for `--jsonl`.
    JsonLines,
}

/// The kind of a failure: the second column of the table of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An unreadable or unwritable file, or a bug.
    Internal,
    /// A bad flag, value or setting.
    Usage,
    /// The API refused the request.
    InvalidRequest,
    /// No key, or one that is not accepted.
    Auth,
    /// The server failed, or its answer is not a message.
    Server,
    /// No connection, or one that was lost.
    Network,
    /// Too many requests.
    RateLimit,
    /// The answer broke off, or the model paused its turn.
    Incomplete,
    /// The answer reached a token limit.
    Truncated,
    /// The model refused.
    Refusal,
    /// The model exceeded `--max-turns`, or a tool or an item failed.
    Tool,
    /// The answer does not have the requested form.
    Schema,
    /// Something exceeds a limit, so nothing was sent; or a budget is used up.
    TooLarge,
    /// A signal, by its number.
    Interrupted(i32),
    /// Standard output was closed by its reader.
    Closed,
}

/// The exit codes, their kinds and their meanings, for the man page and the README.
pub(crate) const EXIT_CODES: [(u8, &str, &str); 16] = [
    (0, "", "The answer is complete."),
    (
        1,
        "internal",
        "A file cannot be read or written, a port is not available, or langdock has a bug. If the \
         config file or the certificates cannot be read, the exit code is 2.",
    ),
    (
        2,
        "usage",
        "An invalid flag, value or setting, a secret in a file, or no prompt.",
    ),
    (
        3,
        "invalid_request",
        "The API refused the request (a 4xx that is not listed below, or a redirect), or a \
         request is missing from the --replay file.",
    ),
    (4, "auth", "No key, or HTTP 401, 402 or 403."),
    (
        5,
        "server",
        "HTTP 408, 409 or 5xx (including 529) after retries, or an answer that is neither a \
         message nor a list of models.",
    ),
    (
        6,
        "network",
        "DNS, connection, TLS, proxy (including 407), a timeout, or a connection lost before \
         the answer began.",
    ),
    (
        7,
        "rate_limit",
        "HTTP 429 after the last retry (--max-retries, --max-wait); retry_after in the error \
            object says how long to wait.",
    ),
    (
        8,
        "incomplete",
        "The answer broke off, a tool call has arguments that are not a JSON object, or the model \
        paused its turn; the partial answer is on standard output. Also if the answer is empty, or \
        has the stop reason `tool_use` but no tool call, even after one retry; in these two cases, \
        --allow-empty makes the exit code 0.",
    ),
    (
        9,
        "truncated",
        "The answer reached max_tokens or the context window; --allow-truncated makes the exit \
         code 0.",
    ),
    (10, "refusal", "The model refused."),
    (
        11,
        "tool",
        "The model needed more turns than --max-turns allows, a call with `tool-run --call` or \
         `mcp call` failed, an MCP server did not start, items of `batch` failed, or `merge` found \
         items that failed, have no record, or have more than one record.",
    ),
    (
        12,
        "schema",
        "The answer does not fit --schema, or has no code block for --extract.",
    ),
    (
        13,
        "too_large",
        "An image or the request exceeds a limit, and nothing was sent; or a budget of `batch` or \
         `tool-run` is used up.",
    ),
    (
        130,
        "interrupted",
        "SIGINT; 143 for SIGTERM, 129 for SIGHUP. The partial answer is saved, and the process \
            is terminated by the signal.",
    ),
    (
        141,
        "",
        "Standard output was closed early; the process is silently terminated by SIGPIPE.",
    ),
];

impl Kind {
    /// Returns the exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::InvalidRequest => 3,
            Self::Auth => 4,
            Self::Server => 5,
            Self::Network => 6,
            Self::RateLimit => 7,
            Self::Incomplete => 8,
            Self::Truncated => 9,
            Self::Refusal => 10,
            Self::Tool => 11,
            Self::Schema => 12,
            Self::TooLarge => 13,
            Self::Interrupted(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
            Self::Closed => 141,
        }
    }

    /// Returns the name in the JSON error object.
    pub(crate) fn name(self) -> &'static str {
        let code = if let Self::Interrupted(_) = self {
            130
        } else {
            self.code()
        };
        EXIT_CODES
            .iter()
            .find(|(listed, ..)| *listed == code)
            .map_or("", |(_, name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_of_the_table_has_a_kind_and_every_kind_a_row() {
        let kinds = [
            Kind::Internal,
            Kind::Usage,
            Kind::InvalidRequest,
            Kind::Auth,
            Kind::Server,
            Kind::Network,
            Kind::RateLimit,
            Kind::Incomplete,
            Kind::Truncated,
            Kind::Refusal,
            Kind::Tool,
            Kind::Schema,
            Kind::TooLarge,
            Kind::Interrupted(2),
            Kind::Closed,
        ];
        let codes: Vec<u8> = kinds.iter().map(|kind| kind.code()).collect();
        let listed: Vec<u8> = EXIT_CODES
            .iter()
            .map(|(code, ..)| *code)
            .filter(|code| *code != 0)
            .collect();
        assert_eq!(codes, listed);
        assert_eq!(Kind::Interrupted(15).name(), "interrupted");
        assert_eq!(Kind::RateLimit.name(), "rate_limit");
    }
}
