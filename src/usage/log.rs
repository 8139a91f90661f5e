//! The file of the usage log. Each record is appended in a single write, so that the lines of
//! parallel processes do not mix.
//!
//! It is in the state directory, where the XDG specification puts logs: a history that nobody needs
//! to back up or to carry elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::UsageRecord;
use crate::fs::{is_torn, open_or_create_private, open_regular};
use crate::text::KnownSecrets;

/// The name of the file in the state directory.
const FILE: &str = "usage.jsonl";

/// The usage log, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageLog(PathBuf);

impl UsageLog {
    /// Returns the log in the state directory.
    pub(crate) fn in_directory(state_directory: &Path) -> Self {
        Self(state_directory.join(FILE))
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Appends a record. An earlier record that was torn off, as on a full disk, stays on a line of
    /// its own. A new file has mode 0600.
    pub(crate) fn append_record(
        &self,
        record: &UsageRecord,
        secrets: &KnownSecrets,
    ) -> io::Result<()> {
        let (mut file, line) = (self.open_file()?, record.to_line());
        let line = secrets.scrub_message(&line).into_owned();
        let line = if is_torn(&file)? {
            format!("\n{line}")
        } else {
            line
        };
        file.write_all(line.as_bytes())
    }

    fn open_file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        open_or_create_private(&self.0, options.read(true).append(true).create(true))
    }

    /// Passes all records to `take`, in order, and returns the number of invalid lines. A missing
    /// log is empty.
    pub(crate) fn read_records(&self, mut take: impl FnMut(&UsageRecord)) -> io::Result<usize> {
        let file = match open_regular(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            file => file?,
        };
        let mut lines = BufReader::new(file);
        let (mut line, mut broken) = (Vec::new(), 0);
        while lines.read_until(b'\n', &mut line)? > 0 {
            match UsageRecord::from_line(&line) {
                Some(record) => take(&record),
                None => broken += usize::from(!line.trim_ascii().is_empty()),
            }
            line.clear();
        }
        Ok(broken)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::usage::record::sample;

    #[test]
    fn records_are_appended_and_a_damaged_line_affects_no_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = UsageLog::in_directory(&directory.path().join("new"));
        let read = || {
            let mut records = Vec::new();
            (
                log.read_records(|record| records.push(record.clone()))
                    .expect("it is readable"),
                records,
            )
        };
        assert_eq!(read(), (0, Vec::new()));
        log.append_record(&sample(), &KnownSecrets::default())
            .expect("it is writable");
        let mut text = fs::read_to_string(log.path()).expect("it is there");
        text.push_str("\n{\"at\":\"2026-\n");
        fs::write(log.path(), text).expect("it is writable");
        log.append_record(&sample(), &KnownSecrets::default())
            .expect("it is writable");
        assert_eq!(read(), (1, vec![sample(), sample()]));
        let length = fs::metadata(log.path()).expect("it is there").len();
        OpenOptions::new()
            .write(true)
            .open(log.path())
            .and_then(|file| file.set_len(length - 9))
            .expect("it is writable");
        log.append_record(&sample(), &KnownSecrets::default())
            .expect("it is writable");
        log.append_record(&sample(), &KnownSecrets::default())
            .expect("it is writable");
        assert_eq!(
            read(),
            (2, vec![sample(), sample(), sample()]),
            "a line that was torn off harms no other either"
        );
        let mode = |path: &Path| {
            fs::metadata(path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(
            (mode(log.path()), mode(&directory.path().join("new"))),
            (0o600, 0o700)
        );
    }

    #[test]
    fn lines_of_parallel_writers_stay_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = UsageLog::in_directory(directory.path());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    (0..50).for_each(|_| {
                        log.append_record(&sample(), &KnownSecrets::default())
                            .expect("it is writable");
                    });
                });
            }
        });
        let mut count = 0;
        assert_eq!(log.read_records(|_| count += 1).expect("it is readable"), 0);
        assert_eq!(count, 400);
    }
}
