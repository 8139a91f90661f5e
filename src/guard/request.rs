//! What the guard is asked to start, and how that is put into bytes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::fs::child_variable;

/// A program to start. No `Debug`: a variable of its environment may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ChildCommand {
    /// The path of the program; it is not looked for in PATH.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// All of its environment.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// The directory that it is started in, if not the present one.
    pub(crate) directory: Option<PathBuf>,
}

/// How many descriptors come with a request: the three standard streams, and the pipe for reports.
pub(super) const DESCRIPTORS: usize = 4;

/// The number of bytes of a request's length, which precedes it.
pub(super) const LENGTH_BYTES: usize = 4;

impl ChildCommand {
    /// Creates a command with an empty environment.
    pub(crate) fn new(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            args: Vec::new(),
            variables: Vec::new(),
            directory: None,
        }
    }

    /// Encodes it with its length in front; its PATH loses its empty elements. Each text ends with
    /// NUL, which none of them can have: program, directory, number of arguments, arguments, and
    /// names and values of variables.
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let count = OsString::from(self.args.len().to_string());
        let directory = self.directory.as_deref().unwrap_or(Path::new(""));
        let head = [self.program.as_os_str(), directory.as_os_str(), &count];
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| (name, child_variable(name, value)));
        let variables: Vec<_> = variables.collect();
        let texts = head
            .into_iter()
            .chain(self.args.iter().map(OsString::as_os_str))
            .chain(
                variables
                    .iter()
                    .flat_map(|(name, value)| [name.as_os_str(), value]),
            );
        let mut bytes = vec![0; LENGTH_BYTES];
        for text in texts {
            if text.as_bytes().contains(&0) {
                let reason = "a NUL byte in an argument or variable";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
            }
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        let length = u32::try_from(bytes.len() - LENGTH_BYTES).map_err(io::Error::other)?;
        bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        Ok(bytes)
    }

    /// Decodes what [`Self::to_bytes`] made, without the length; `None` if it is not that.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut texts = bytes
            .strip_suffix(&[0])?
            .split(|byte| *byte == 0)
            .map(|text| OsString::from_vec(text.to_vec()));
        let program = PathBuf::from(texts.next()?);
        let directory = texts.next().filter(|directory| !directory.is_empty());
        let count: usize = texts.next()?.to_str()?.parse().ok()?;
        let args: Vec<OsString> = texts.by_ref().take(count).collect();
        let mut variables = Vec::new();
        while let Some(name) = texts.next() {
            variables.push((name, texts.next()?));
        }
        (args.len() == count).then(|| Self {
            program,
            args,
            variables,
            directory: directory.map(PathBuf::from),
        })
    }

    /// Appends an argument.
    pub(crate) fn arg(&mut self, arg: impl AsRef<OsStr>) {
        self.args.push(arg.as_ref().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> ChildCommand {
        ChildCommand {
            program: "/bin/x".into(),
            args: vec!["".into(), OsString::from_vec(vec![255, 10]), "=".into()],
            variables: vec![("A".into(), "".into()), ("B".into(), "1=2".into())],
            directory: Some("/there".into()),
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_the_same() {
        let bare = ChildCommand::new(Path::new("y"));
        for command in [command(), bare] {
            let bytes = command.to_bytes().expect("no text has a NUL");
            let (length, body) = bytes.split_at(LENGTH_BYTES);
            assert_eq!(
                length,
                u32::try_from(body.len())
                    .expect("it is short")
                    .to_le_bytes()
            );
            assert!(ChildCommand::from_bytes(body) == Some(command));
        }
    }

    #[test]
    fn a_text_with_a_nul_is_refused_and_not_taken_for_two() {
        let mut command = command();
        command.arg("a\0b");
        let error = command.to_bytes().expect_err("it has a NUL");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn what_is_cut_off_is_not_a_request() {
        let bytes = command().to_bytes().expect("no text has a NUL");
        let body = &bytes[LENGTH_BYTES..];
        assert!(ChildCommand::from_bytes(&body[..body.len() - 1]).is_none());
        assert!(ChildCommand::from_bytes(b"").is_none());
        assert!(ChildCommand::from_bytes(b"x\0\x002\0a\0").is_none());
    }
}
