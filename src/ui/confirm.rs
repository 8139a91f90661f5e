//! Asks a question that is answered by yes or no.

use std::io::{self, BufRead, Read, Write, stderr, stdin};

use crate::text::sanitize_line;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1024;

/// Asks on standard error, and reads a line of standard input. Anything but a yes is a no.
pub(crate) fn confirm(question: &str) -> io::Result<bool> {
    let mut out = stderr().lock();
    write!(out, "langdock: {} [y/N] ", sanitize_line(question))?;
    out.flush()?;
    let mut answer = String::new();
    stdin().lock().take(MAX_ANSWER).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
