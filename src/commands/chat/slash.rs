//! The table of slash commands, from which the help, the completion and the suggestions are made.

use crate::text::{TableColumn, TextTable, nearest_name, wrap_words};

/// The effect of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Help,
    Model,
    Region,
    System,
    Set,
    Thinking,
    Effort,
    File,
    Image,
    Paste,
    Drop,
    Attachments,
    Retry,
    Undo,
    Edit,
    Continue,
    Compact,
    Fork,
    New,
    Resume,
    Sessions,
    Rename,
    Export,
    Copy,
    Usage,
    Raw,
    Tools,
    Exit,
}

impl Act {
    /// Whether it acts on the last message or its answer.
    pub(super) fn is_about_last_message(self) -> bool {
        matches!(
            self,
            Self::Retry | Self::Undo | Self::Edit | Self::Continue | Self::Compact
        )
    }
}

/// The kind of a command's argument, for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Text,
    Command,
    Model,
    Region,
    Conversation,
    Path,
    Word(&'static str),
    /// One of these words, or any other text.
    OneOf(&'static [&'static str]),
}

/// A slash command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slash {
    /// Its name, with the slash.
    pub(super) name: &'static str,
    /// Its argument, for the help.
    pub(super) argument: &'static str,
    /// The kind of its argument, for completion.
    pub(super) takes: Takes,
    /// Its effect.
    pub(super) act: Act,
    /// Its description, for the help.
    pub(super) about: &'static str,
}

/// All commands, in the order of `/help`.
pub(super) const COMMANDS: [Slash; 30] = [
    slash(
        "/help",
        "[COMMAND]",
        Takes::Command,
        Act::Help,
        "Show all commands, or explain one",
    ),
    slash(
        "/model",
        "[ID|N]",
        Takes::Model,
        Act::Model,
        "List the models, or choose one by its id or number",
    ),
    slash(
        "/region",
        "[REGION]",
        Takes::Region,
        Act::Region,
        "Show or change the region",
    ),
    slash(
        "/system",
        "[TEXT|@FILE|-]",
        Takes::Text,
        Act::System,
        "Show or set the system prompt; - removes it",
    ),
    slash(
        "/set",
        "[KEY=JSON|KEY=]",
        Takes::Text,
        Act::Set,
        "Show, set or remove a field of the request",
    ),
    slash(
        "/thinking",
        "[auto|off|N|-]",
        Takes::OneOf(&["auto", "off", "-"]),
        Act::Thinking,
        "Show or set the reasoning before answers; - unsets it",
    ),
    slash(
        "/effort",
        "[LEVEL|-]",
        Takes::OneOf(&["low", "medium", "high", "xhigh", "max", "-"]),
        Act::Effort,
        "Show or set the model's effort, `low` to `max`; - unsets it",
    ),
    slash(
        "/file",
        "PATH",
        Takes::Path,
        Act::File,
        "Attach a file, a directory, or (!) the output of the last !COMMAND",
    ),
    slash(
        "/image",
        "PATH",
        Takes::Path,
        Act::Image,
        "Attach an image or PDF to the next message",
    ),
    slash(
        "/paste",
        "",
        Takes::Nothing,
        Act::Paste,
        "Attach the image on the clipboard to the next message",
    ),
    slash(
        "/drop",
        "[N]",
        Takes::Text,
        Act::Drop,
        "Remove all attachments, or one",
    ),
    slash(
        "/attachments",
        "",
        Takes::Nothing,
        Act::Attachments,
        "List the attachments of the next message",
    ),
    slash(
        "/retry",
        "",
        Takes::Nothing,
        Act::Retry,
        "Ask for a new answer to the last message",
    ),
    slash(
        "/undo",
        "",
        Takes::Nothing,
        Act::Undo,
        "Take back the last message and its answer, or the /compact after it",
    ),
    slash(
        "/edit",
        "",
        Takes::Nothing,
        Act::Edit,
        "Edit the last message and send it instead; unchanged, it is not sent",
    ),
    slash(
        "/continue",
        "",
        Takes::Nothing,
        Act::Continue,
        "Continue an interrupted answer",
    ),
    slash(
        "/compact",
        "[HINT]",
        Takes::Text,
        Act::Compact,
        "Replace the older part with a summary, which HINT may direct",
    ),
    slash(
        "/fork",
        "[NAME]",
        Takes::Text,
        Act::Fork,
        "Continue in a copy; this conversation stays unchanged",
    ),
    slash(
        "/new",
        "[NAME]",
        Takes::Text,
        Act::New,
        "Start a new conversation",
    ),
    slash(
        "/resume",
        "[NAME|ID]",
        Takes::Conversation,
        Act::Resume,
        "Continue the previous conversation, or the given one",
    ),
    slash(
        "/sessions",
        "[TEXT]",
        Takes::Text,
        Act::Sessions,
        "List all conversations, or those that contain TEXT",
    ),
    slash(
        "/rename",
        "NAME",
        Takes::Text,
        Act::Rename,
        "Rename this conversation",
    ),
    slash(
        "/export",
        "[FILE]",
        Takes::Path,
        Act::Export,
        "Print the conversation as Markdown, or save it to a file",
    ),
    slash(
        "/copy",
        "[code]",
        Takes::Word("code"),
        Act::Copy,
        "Copy the last answer, or its last code block",
    ),
    slash(
        "/usage",
        "",
        Takes::Nothing,
        Act::Usage,
        "Show the tokens of this conversation, and what they cost",
    ),
    slash(
        "/raw",
        "",
        Takes::Nothing,
        Act::Raw,
        "Switch between answers as the model writes them and rendered Markdown",
    ),
    slash(
        "/tools",
        "",
        Takes::Nothing,
        Act::Tools,
        "List the tools that the model may call",
    ),
    slash(
        "/exit",
        "",
        Takes::Nothing,
        Act::Exit,
        "Leave; Ctrl-D does too",
    ),
    slash(
        "/clear",
        "[NAME]",
        Takes::Text,
        Act::New,
        "The same as /new",
    ),
    slash("/quit", "", Takes::Nothing, Act::Exit, "The same as /exit"),
];

const fn slash(
    name: &'static str,
    argument: &'static str,
    takes: Takes,
    act: Act,
    about: &'static str,
) -> Slash {
    Slash {
        name,
        argument,
        takes,
        act,
        about,
    }
}

/// What `/file` attaches the output of the last command of the shell for.
pub(super) const LAST_OUTPUT: &str = "!";

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A message.
    Text(&'a str),
    /// A command and its argument.
    Command(Act, &'a str),
    /// A command for the shell.
    Shell(&'a str),
    /// An unknown command.
    Mistyped {
        /// What was typed.
        word: &'a str,
        /// The most similar command, if any is similar enough.
        nearest: Option<&'static str>,
    },
    /// A command with an argument that takes none, or without one that needs it.
    Misused(&'static Slash),
}

/// What leaves a shell or another program at its prompt, and is not a message to a model.
const LEAVING_WORDS: [&str; 4] = ["exit", "quit", ":q", "exit()"];

/// Parses a line that may be a command.
pub(super) fn read(line: &str) -> Line<'_> {
    if LEAVING_WORDS.contains(&line) {
        return Line::Command(Act::Exit, "");
    }
    if let Some(rest) = line.strip_prefix('!') {
        return if rest.starts_with('!') {
            Line::Text(rest)
        } else {
            Line::Shell(rest.trim())
        };
    }
    if !line.starts_with('/') {
        return Line::Text(line);
    }
    let (word, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = argument.trim();
    let Some(slash) = find(word) else {
        return Line::Mistyped {
            word,
            // A path is not a mistyped command.
            nearest: nearest_name(word, COMMANDS.iter().map(|slash| slash.name))
                .filter(|_| !word[1..].contains('/')),
        };
    };
    let is_needed = !slash.argument.is_empty() && !slash.argument.starts_with('[');
    let is_unknown = match slash.takes {
        Takes::Nothing => !argument.is_empty(),
        Takes::Word(only) => !argument.is_empty() && argument != only,
        _ => false,
    };
    if is_unknown || (is_needed && argument.is_empty()) {
        return Line::Misused(slash);
    }
    Line::Command(slash.act, argument)
}

/// Whether a line that is typed is not sent as it is.
pub(super) fn is_command(line: &str) -> bool {
    read(line) != Line::Text(line)
}

/// Finds a command by its name, with or without the slash.
pub(super) fn find(word: &str) -> Option<&'static Slash> {
    COMMANDS
        .iter()
        .find(|slash| slash.name == word || slash.name.strip_prefix('/') == Some(word))
}

impl Slash {
    /// Returns the command and its argument, as they are typed.
    pub(super) fn usage(&self) -> String {
        format!("{} {}", self.name, self.argument)
            .trim_end()
            .to_owned()
    }
}

/// What `/help` says below the table.
const ABOUT_LINES: &str = "!COMMAND runs a command in the shell, and /file ! attaches its output \
    to the next message; !! sends a message that begins with !.\nA line that ends with \\ \
    continues on the next one, as after Alt-Enter and Ctrl-J; \"\"\" begins and ends multi-line text. Ctrl-X \
    Ctrl-E opens the text in your editor. Pasted text is never a command, nor is a line that \
    begins with a space. Tab completes, Ctrl-R searches the history, Ctrl-C stops an answer, \
    Ctrl-D leaves.";

/// Returns the text of `/help`, wrapped to the width of the terminal if there is one.
pub(super) fn help(columns: Option<usize>) -> String {
    let mut table = TextTable::new([TableColumn::LEFT; 2])
        .with_indent(2)
        .with_max_width(columns);
    table.extend(
        COMMANDS
            .iter()
            .map(|slash| [slash.usage(), slash.about.to_owned()]),
    );
    let room = columns.unwrap_or(usize::MAX);
    let about: Vec<&str> = ABOUT_LINES
        .lines()
        .flat_map(|line| wrap_words(line, room, room))
        .collect();
    let about = about.join("\n");
    format!("{}\n{about}\n", table.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_one_row_and_a_line_about_it() {
        for (place, slash) in COMMANDS.iter().enumerate() {
            assert_eq!(
                COMMANDS.iter().position(|other| other.name == slash.name),
                Some(place),
                "{}",
                slash.name
            );
            let first = COMMANDS.iter().position(|other| other.act == slash.act);
            let is_alias = slash.about.starts_with("The same as ");
            assert!(is_alias || first == Some(place), "{}", slash.name);
            assert!(
                slash.name.starts_with('/') && !slash.about.ends_with('.'),
                "{}",
                slash.name
            );
            assert_eq!(
                slash.argument.is_empty(),
                slash.takes == Takes::Nothing,
                "{}",
                slash.name
            );
            assert!(
                help(None).contains(slash.about) && help(None).contains(&slash.usage()),
                "{}",
                slash.name
            );
        }
    }

    #[test]
    fn a_line_with_a_slash_is_a_command() {
        assert_eq!(read("/exit"), Line::Command(Act::Exit, ""));
        assert_eq!(read("/model  x y "), Line::Command(Act::Model, "x y"));
        assert_eq!(read("/quit"), Line::Command(Act::Exit, ""));
        assert_eq!(read("/clear b"), Line::Command(Act::New, "b"));
        assert_eq!(read("exit"), Line::Command(Act::Exit, ""));
        assert_eq!(read("exit the loop"), Line::Text("exit the loop"));
        assert_eq!(read("hello /exit"), Line::Text("hello /exit"));
        assert_eq!(read(" /exit"), Line::Text(" /exit"));
        assert_eq!(read("! git diff "), Line::Shell("git diff"));
        assert_eq!(read("!!important"), Line::Text("!important"));
        assert_eq!(read("!"), Line::Shell(""));
    }

    #[test]
    fn a_mistyped_command_names_the_nearest() {
        assert_eq!(
            read("/modle x"),
            Line::Mistyped {
                word: "/modle",
                nearest: Some("/model")
            }
        );
        assert_eq!(
            read("/etc/passwd"),
            Line::Mistyped {
                word: "/etc/passwd",
                nearest: None
            }
        );
    }

    #[test]
    fn a_command_takes_what_it_takes() {
        for line in ["/exit now", "/copy all", "/file", "/rename  "] {
            assert!(matches!(read(line), Line::Misused(_)), "{line}");
        }
        assert_eq!(read("/copy code"), Line::Command(Act::Copy, "code"));
    }
}
