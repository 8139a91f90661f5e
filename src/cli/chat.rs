//! The command that holds a conversation.

use clap::Args;

use super::help_text;
use super::{
    AskArgs, CacheArgs, ConnectionArgs, ConversationArgs, DisplayArgs, InputArgs, OutputArgs,
    PreviewArgs, RequestArgs, ToolArgs, ToolPolicyArgs,
};

#[derive(Debug, Args)]
#[command(about = help_text::CHAT.about, long_about = help_text::CHAT.long_about)]
pub(crate) struct ChatArgs {
    /// The first message; several words are joined by spaces, and `--` ends the flags
    #[arg(value_name = "PROMPT")]
    pub(super) prompt: Vec<String>,
    /// How many words of the prompt follow `--`
    #[arg(skip)]
    pub(super) literal_words: usize,
    /// What to ask for
    #[command(flatten)]
    request: RequestArgs,
    /// Whether the prompt is cached
    #[command(flatten)]
    caching: CacheArgs,
    /// What to send besides the prompt
    #[command(flatten)]
    input: InputArgs,
    /// What the model may call
    #[command(flatten)]
    tools: ToolArgs,
    /// How tools are run
    #[command(flatten)]
    running: ToolPolicyArgs,
    /// How answers are shown
    #[command(flatten)]
    pub(crate) looks: DisplayArgs,
    /// Do not report an empty answer as incomplete
    #[arg(long)]
    allow_empty: bool,
    /// Which conversation it is
    #[command(flatten)]
    conversation: ConversationArgs,
    /// How to reach the endpoint
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl ChatArgs {
    /// Separates the flags that `send` also has from those for running tools.
    pub(crate) fn apart(self) -> (AskArgs, ToolPolicyArgs) {
        let ask = AskArgs {
            prompt: self.prompt,
            literal_words: self.literal_words,
            request: self.request,
            beginning: super::PrefillArgs::default(),
            caching: self.caching,
            input: self.input,
            tools: self.tools,
            output: OutputArgs {
                looks: self.looks,
                allow_empty: self.allow_empty,
                ..OutputArgs::default()
            },
            conversation: self.conversation,
            looking: PreviewArgs::default(),
            connection: self.connection,
        };
        (ask, self.running)
    }
}
