//! Splits what a server prints into lines. Pure.

/// The longest line, in bytes.
pub(super) const MAX_LINE: usize = 16 * 1024 * 1024;

/// A line is longer than [`MAX_LINE`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// The beginning of a line whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    unfinished: Vec<u8>,
}

impl LineSplitter {
    /// Adds bytes, and hands over each line that they complete, without its end.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut line: impl FnMut(&[u8]),
    ) -> Result<(), LineTooLong> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (last, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.unfinished.len() + last.len() > MAX_LINE {
                return Err(LineTooLong);
            }
            if self.unfinished.is_empty() {
                line(without_cr(last));
            } else {
                self.unfinished.extend_from_slice(last);
                line(without_cr(&self.unfinished));
                self.unfinished.clear();
            }
            bytes = rest;
        }
        if self.unfinished.len() + bytes.len() > MAX_LINE {
            return Err(LineTooLong);
        }
        self.unfinished.extend_from_slice(bytes);
        Ok(())
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_the_same_however_they_were_split() {
        let text = b"one\r\n\ntwo\nthree";
        for size in 1..=text.len() {
            let (mut splitter, mut lines) = (LineSplitter::default(), Vec::new());
            for piece in text.chunks(size) {
                let take = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
                splitter.push(piece, take).expect("no line is long");
            }
            assert_eq!(lines, ["one", "", "two"], "{size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error_before_it_ends() {
        let mut splitter = LineSplitter::default();
        let piece = vec![b'x'; MAX_LINE / 4];
        for _ in 0..4 {
            splitter.push(&piece, |_| {}).expect("it may be this long");
        }
        assert_eq!(splitter.push(b"x", |_| {}), Err(LineTooLong));
    }
}
