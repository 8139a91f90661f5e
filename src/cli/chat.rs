//! The command that holds a conversation.

use clap::Args;

use super::help_text;
use super::{
    Ask, Connection, Conversation, Input, Looking, Looks, Output, Request, Running, Tools,
};

#[derive(Debug, Args)]
#[command(about = help_text::CHAT.about, long_about = help_text::CHAT.long_about)]
pub(crate) struct Chat {
    /// The first message; several words are joined by a space, and `--` ends the flags
    #[arg(value_name = "PROMPT")]
    pub(super) prompt: Vec<String>,
    /// How many words of the prompt stand behind `--`
    #[arg(skip)]
    pub(super) literal_words: usize,
    /// What to ask for
    #[command(flatten)]
    request: Request,
    /// What to answer from
    #[command(flatten)]
    input: Input,
    /// What the model may call
    #[command(flatten)]
    tools: Tools,
    /// How tools are run
    #[command(flatten)]
    running: Running,
    /// How answers are shown
    #[command(flatten)]
    pub(crate) looks: Looks,
    /// Which conversation it is
    #[command(flatten)]
    conversation: Conversation,
    /// How to reach the endpoint
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Chat {
    /// What `send` would have of it, and how tools are run.
    pub(crate) fn apart(self) -> (Ask, Running) {
        let ask = Ask {
            prompt: self.prompt,
            literal_words: self.literal_words,
            request: self.request,
            beginning: super::Beginning::default(),
            input: self.input,
            tools: self.tools,
            output: Output {
                looks: self.looks,
                ..Output::default()
            },
            conversation: self.conversation,
            looking: Looking::default(),
            connection: self.connection,
        };
        (ask, self.running)
    }
}
