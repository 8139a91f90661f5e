//! What may stand at the cursor of an unfinished command line, for the scripts in `completions/`.
//!
//! The engine of `clap_complete` finds the argument at the cursor. The values that are only known
//! at run time have a [`ValueSource`], and the caller looks them up.
//!
//! A script sets [`COMPLETION_VARIABLE`] to its shell and runs the program with `--`, the index of
//! the word at the cursor, the width of the screen (0: values only), and all words. The first line
//! of the output is `words`, or `files`, a tab and the beginning of the word that is not part of
//! the path: the shell completes files itself then. A candidate follows on each further line.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, complete};

use super::CompletionShell;
use super::definition::command_line;
use crate::protocol::EFFORT_LEVELS;
use crate::text::{is_dangerous, sanitize_line, shell_quote, truncate_to_width};

/// The variable by which a script asks for candidates instead of running a command.
pub(crate) const COMPLETION_VARIABLE: &str = "_LANGDOCK_COMPLETE";

/// The tag of the candidate that stands for all files.
const PATH_TAG: &str = "path";

/// What separates a value from its description in a list.
const GAP: &str = "  -- ";

/// Values that are only known at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// Ids and aliases of models.
    Models,
    /// Regions.
    Regions,
    /// Profiles in the config file.
    Profiles,
    /// Names and ids of saved conversations.
    Conversations,
    /// Names of saved prompts.
    Templates,
    /// Names of files in the directory of the tools.
    ToolFiles,
    /// Names of the tools in the files on the command line.
    Tools,
    /// The same, and the other values of `--tool-choice`.
    ToolChoices,
    /// Names of the MCP servers in the config file.
    McpServers,
    /// Keys of the config file.
    ConfigKeys,
    /// Values of the key before the cursor.
    ConfigValues,
    /// Commands and topics of `help`.
    HelpTopics,
    /// Languages of code blocks.
    Languages,
}

/// A candidate for the word at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suggestion {
    /// A word, and what it is; the latter may be empty.
    Word(String, String),
    /// The name of a file in the current directory that is only found with `./` before it.
    LocalFile(String),
    /// Any file.
    File,
}

/// An unfinished command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnfinishedLine {
    shell: CompletionShell,
    /// The index of the word at the cursor.
    index: usize,
    /// The width of the screen; 0 if only values can be shown.
    columns: usize,
    words: Vec<OsString>,
    /// Whether the user has opened a quote in the word at the cursor.
    is_quoted: bool,
}

/// Looks up values for an unfinished command line.
pub(crate) type LookUp = dyn Fn(&UnfinishedLine, ValueSource) -> Vec<Suggestion> + Send + Sync;

impl UnfinishedLine {
    /// Reads the arguments of a script; `None` if no script can have given them.
    pub(crate) fn from_args(shell: &OsStr, argv: &[OsString]) -> Option<Self> {
        let shell = <CompletionShell as clap::ValueEnum>::from_str(shell.to_str()?, false).ok()?;
        let [_, separator, index, columns, words @ ..] = argv else {
            return None;
        };
        let number = |text: &OsStr| text.to_str()?.parse().ok();
        // The word at the cursor may be missing if it is empty.
        let is_cursor = |index: &usize| (1..=words.len()).contains(index);
        number(index).filter(|index| separator == "--" && is_cursor(index))?;
        let mut line = Self {
            shell,
            index: number(index)?,
            columns: number(columns)?,
            words: words.to_vec(),
            is_quoted: false,
        };
        if matches!(shell, CompletionShell::Bash) {
            line.undo_word_breaks();
        }
        if matches!(shell, CompletionShell::Bash | CompletionShell::Fish) {
            line.unquote();
        }
        line.words.resize(line.index + 1, OsString::new());
        Some(line)
    }

    /// Bash makes words of their own of the equals signs in `--flag=value`, and of `@` before a
    /// file.
    fn undo_word_breaks(&mut self) {
        let mut at = 1;
        while at < self.words.len() {
            let is_after_flag = self.words[at - 1].as_encoded_bytes().starts_with(b"--");
            if self.words[at] == "@" && at < self.index {
                let sign = self.words.remove(at);
                self.words[at] = [sign, std::mem::take(&mut self.words[at])]
                    .into_iter()
                    .collect();
                self.index -= 1;
            } else if self.words[at] != "=" || !is_after_flag {
                at += 1;
            } else if at == self.index {
                self.words[at] = OsString::new();
            } else {
                self.words.remove(at);
                self.index -= usize::from(at < self.index);
            }
        }
    }

    /// Bash and fish hand over the word at the cursor as it was typed.
    fn unquote(&mut self) {
        if let Some(word) = self.words.get_mut(self.index)
            && let Some(text) = word.to_str()
        {
            let inner = text.trim_start_matches(['\'', '"']);
            self.is_quoted = inner.len() < text.len();
            *word = inner.replace('\\', "").into();
        }
    }

    /// Returns whether a word stands before the cursor.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        self.words_before().any(|before| before == word)
    }

    /// Returns the values that a flag has before the cursor; `short` and `long` are its names.
    pub(crate) fn values_of(&self, short: &str, long: &str) -> Vec<&str> {
        let mut words = self.words_before().peekable();
        let mut values = Vec::new();
        while let Some(word) = words.next() {
            let joined = word.strip_prefix(long).and_then(|it| it.strip_prefix('='));
            if let Some(value) = joined {
                values.push(value);
            } else if word == long || word == short {
                values.extend(words.next());
            }
        }
        values
    }

    /// Returns the words between the name of the program and the cursor.
    pub(crate) fn words_before(&self) -> impl Iterator<Item = &str> {
        let before = self.words.iter().take(self.index).skip(1);
        before.filter_map(|word| word.to_str())
    }

    /// Returns the word at the cursor, as far as it is typed.
    pub(crate) fn word(&self) -> &str {
        self.words
            .get(self.index)
            .and_then(|word| word.to_str())
            .unwrap_or_default()
    }

    fn is_empty_word(&self) -> bool {
        self.words
            .get(self.index)
            .is_none_or(|word| word.is_empty())
    }
}

/// Returns what the script of the shell reads.
pub(crate) fn complete_line(line: &UnfinishedLine, look_up: &Arc<LookUp>) -> String {
    let mut program = with_sources(command_line(), &[], &Arc::new(line.clone()), look_up);
    let found = complete(&mut program, line.words.clone(), line.index, None);
    to_script(line, &found.unwrap_or_default())
}

/// Adds the look-up of its values to each argument that has a source.
fn with_sources(
    command: Command,
    path: &[String],
    line: &Arc<UnfinishedLine>,
    look_up: &Arc<LookUp>,
) -> Command {
    let words = path.to_vec();
    let add = |arg: Arg| {
        let suggested = suggested_values(&words, &arg);
        let is_nothing = matches!(&suggested, Suggested::Words(words) if words.is_empty());
        let has_own = !arg.get_possible_values().is_empty();
        if has_own || is_nothing || !arg.get_action().takes_values() {
            return arg;
        }
        let (line, look_up) = (Arc::clone(line), Arc::clone(look_up));
        let completer = move |typed: &OsStr| candidates(&suggested, typed, &line, &*look_up);
        arg.add(ArgValueCompleter::new(completer))
    };
    command.mut_args(add).mut_subcommands(|subcommand| {
        let path = [path, &[subcommand.get_name().to_owned()]].concat();
        with_sources(subcommand, &path, line, look_up)
    })
}

/// What is suggested for an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Suggested {
    From(ValueSource),
    /// Names from a source, and files once the word has a slash.
    NamesOr(ValueSource),
    /// Names from a source, and any file.
    NamesAndFiles(ValueSource),
    Files,
    /// Files behind an `@`.
    FilesAfterAt,
    Words(Vec<String>),
}

impl Suggested {
    fn words(words: &[&str]) -> Self {
        Self::Words(words.iter().map(|&word| word.to_owned()).collect())
    }
}

/// Finds what is suggested for an argument of the command that these words call.
fn suggested_values(command: &[String], arg: &Arg) -> Suggested {
    let names = arg.get_value_names().unwrap_or_default();
    let value = names.first().map_or("", |name| name.as_str());
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let source = match (arg.get_long(), command.as_slice(), arg.get_id().as_str()) {
        (Some("model"), ..) => ValueSource::Models,
        (Some("region"), ..) => ValueSource::Regions,
        (Some("profile"), ..) => ValueSource::Profiles,
        (Some("session"), ..) | (None, ["session", _], "session" | "sessions") => {
            ValueSource::Conversations
        }
        (Some("template"), ..) | (None, ["template", "show"], _) => {
            return Suggested::NamesOr(ValueSource::Templates);
        }
        (Some("tool"), ..) => return Suggested::NamesOr(ValueSource::ToolFiles),
        (Some("mcp"), ..) | (None, ["mcp", _], "server" | "servers") => {
            return Suggested::NamesAndFiles(ValueSource::McpServers);
        }
        (Some("tool-choice"), ..) => ValueSource::ToolChoices,
        (Some("allow-tool" | "deny-tool" | "call"), ..) => ValueSource::Tools,
        (Some("lang"), ..) => ValueSource::Languages,
        (Some("system"), ..) => return Suggested::FilesAfterAt,
        (None, ["config", _], "key") => ValueSource::ConfigKeys,
        (None, ["config", "set"], "value") => ValueSource::ConfigValues,
        (None, ["help"], _) => ValueSource::HelpTopics,
        (Some("effort"), ..) => return Suggested::words(&EFFORT_LEVELS),
        _ if value.contains("FILE") || value.contains("PATH") => return Suggested::Files,
        _ => return Suggested::words(&alternatives(value)),
    };
    Suggested::From(source)
}

/// Returns the words in the name of a value, such as `auto|off|N`.
fn alternatives(value: &str) -> Vec<&str> {
    let is_word = |part: &&str| {
        !part.is_empty() && !part.contains(|letter: char| letter.is_ascii_uppercase())
    };
    let parts = value.split('|');
    parts.filter(is_word).collect()
}

fn candidates(
    suggested: &Suggested,
    typed: &OsStr,
    line: &UnfinishedLine,
    look_up: &LookUp,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let found = match suggested {
        Suggested::From(source) => look_up(line, *source),
        Suggested::NamesOr(_) if typed.contains('/') => vec![Suggestion::File],
        Suggested::NamesOr(source) => look_up(line, *source),
        Suggested::NamesAndFiles(source) => {
            let mut found = look_up(line, *source);
            found.push(Suggestion::File);
            found
        }
        Suggested::Files => vec![Suggestion::File],
        Suggested::FilesAfterAt if typed.starts_with('@') => {
            return vec![path_candidate().add_prefix("@")];
        }
        Suggested::FilesAfterAt => Vec::new(),
        Suggested::Words(words) => words
            .iter()
            .map(|word| Suggestion::Word(word.clone(), String::new()))
            .collect(),
    };
    let candidate = |suggestion| match suggestion {
        Suggestion::File => Some(path_candidate()),
        Suggestion::LocalFile(name) => {
            let is_meant = !typed.is_empty() && name.starts_with(&*typed);
            is_meant.then(|| CompletionCandidate::new(format!("./{name}")))
        }
        Suggestion::Word(value, about) => value.starts_with(&*typed).then(|| {
            let about = Some(about).filter(|about| !about.is_empty());
            CompletionCandidate::new(value).help(about.map(Into::into))
        }),
    };
    found.into_iter().filter_map(candidate).collect()
}

fn path_candidate() -> CompletionCandidate {
    CompletionCandidate::new("").tag(Some(PATH_TAG.into()))
}

fn is_path(candidate: &CompletionCandidate) -> bool {
    candidate
        .get_tag()
        .is_some_and(|tag| tag.to_string() == PATH_TAG)
}

/// Returns what all values begin with.
fn common_beginning<'a>(mut values: impl Iterator<Item = &'a str>) -> &'a str {
    let first = values.next().unwrap_or_default();
    values.fold(first, |common, value| {
        let is_same = |pair: &((usize, char), char)| pair.0.1 == pair.1;
        let pairs = common.char_indices().zip(value.chars());
        let last = pairs.take_while(is_same).last();
        let end = last.map_or(0, |((start, letter), _)| start + letter.len_utf8());
        &common[..end]
    })
}

/// Formats the candidates for the script of the shell. Flags are only offered for a word that
/// begins like one, unless there is nothing else.
fn to_script(line: &UnfinishedLine, found: &[CompletionCandidate]) -> String {
    let path = found.iter().find(|candidate| is_path(candidate));
    let mut text = match path {
        Some(path) => format!("files\t{}\n", path.get_value().to_string_lossy()),
        None => "words\n".to_owned(),
    };
    let words = || found.iter().filter(|candidate| !is_path(candidate));
    let is_flag = |candidate: &CompletionCandidate| {
        candidate.get_value().as_encoded_bytes()[..].starts_with(b"-")
    };
    let has_words = path.is_some() || words().any(|candidate| !is_flag(candidate));
    let offered: Vec<_> = words()
        .filter(|candidate| !(has_words && line.is_empty_word() && is_flag(candidate)))
        .map(|candidate| {
            let about = candidate.get_help().map(ToString::to_string);
            let about = about.unwrap_or_default();
            let about = sanitize_line(about.lines().next().unwrap_or_default());
            (candidate.get_value().to_string_lossy().into_owned(), about)
        })
        .filter(|(value, _)| {
            !value.contains(|letter| is_dangerous(letter) || "\n\t".contains(letter))
        })
        .collect();
    let widest = offered.iter().map(|(value, _)| value.chars().count()).max();
    // Bash inserts what all that is listed begins with, just as it is.
    let beginning = common_beginning(offered.iter().map(|(value, _)| value.as_str()));
    let is_insertable =
        line.is_quoted || beginning.is_empty() || shell_quote(beginning) == beginning;
    let is_list = offered.len() > 1 && line.columns > 0 && is_insertable;
    for (value, about) in &offered {
        text += &match line.shell {
            CompletionShell::Bash if is_list && !about.is_empty() && !value.starts_with('-') => {
                let widest = widest.unwrap_or_default();
                truncate_to_width(&format!("{value:widest$}{GAP}{about}"), line.columns)
            }
            CompletionShell::Bash if line.is_quoted => value.clone(),
            CompletionShell::Bash => shell_quote(value),
            CompletionShell::Zsh => {
                let value = value.replace('\\', "\\\\").replace(':', "\\:");
                let about = about.replace('\\', "\\\\");
                if about.is_empty() {
                    value
                } else {
                    format!("{value}:{about}")
                }
            }
            _ => format!("{value}\t{about}"),
        };
        text.push('\n');
    }
    text
}
