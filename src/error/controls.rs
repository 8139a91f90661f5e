//! What users type to act on an error: flags on the command line, or slash commands at the prompt
//! of `chat`.

/// The flags or slash commands that hints mention, as they are typed where the hint is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HintControls {
    /// Flag or command that chooses a model; its id follows.
    pub(crate) model: &'static str,
    /// Flag or command that asks for thinking.
    pub(crate) thinking: &'static str,
    /// Flag or command that sets how hard the model tries.
    pub(crate) effort: &'static str,
    /// Flag or command that sets a field of the API; KEY=JSON follows.
    pub(crate) field: &'static str,
    /// What JSON is quoted with.
    pub(crate) quote: &'static str,
    /// What sets the maximum tokens to generate; the number follows at once.
    pub(crate) max_tokens: &'static str,
    /// What sends a request whatever is known of the model, with its verb.
    pub(crate) unchecked: &'static str,
    /// Flag or command that chooses a region; its name follows.
    pub(crate) region: &'static str,
    /// The hint for showing the request.
    pub(crate) request_is_shown_by: &'static str,
    /// The hint for sending a request again that may succeed then.
    pub(crate) sent_again_by: &'static str,
    /// The hint for listing the models.
    pub(crate) models_are_listed_by: &'static str,
    /// The hint for listing the saved conversations.
    pub(crate) sessions_are_listed_by: &'static str,
    /// Returns the hint on a message that the API refused, and that is left out from now on.
    pub(crate) refused_message: &'static str,
    /// Returns how to continue, or to go back, after results of tools were left out.
    pub(crate) refused_results: &'static str,
    /// The hint on an answer that reached `max_tokens`.
    pub(crate) reached_max_tokens: &'static str,
    /// The hint on an answer that reached the context window.
    pub(crate) reached_window: &'static str,
}

/// The flags and commands of the command line.
pub(crate) const COMMAND_LINE: HintControls = HintControls {
    model: "-m",
    thinking: "--thinking",
    effort: "--effort",
    field: "--set",
    quote: "'",
    max_tokens: "--max-tokens ",
    unchecked: "--no-check sends",
    region: "--region",
    sent_again_by: "send the request again",
    request_is_shown_by: "add --dry-run to see what would be sent",
    sessions_are_listed_by: "`langdock session list` lists the conversations; those of --demo are \
        stored separately",
    models_are_listed_by: "`langdock models` lists the models",
    refused_message: "the refused message is left out of the conversation",
    refused_results: "continue with `langdock tool-run -c`, or take the turn back with /undo in \
        `langdock chat -c`",
    reached_max_tokens: "raise --max-tokens, continue the answer with --auto-continue 3, or \
        accept the answer with --allow-truncated",
    reached_window: "send less, or accept the answer with --allow-truncated",
};

/// The same for an answer that has to match a schema: one that is cut off never does.
pub(crate) const STRUCTURED: HintControls = HintControls {
    reached_max_tokens: "raise --max-tokens, or continue the answer with --auto-continue 3",
    reached_window: "send less",
    ..COMMAND_LINE
};

/// The same for `chat` with piped input, which has fewer flags.
pub(crate) const PIPED_CHAT: HintControls = HintControls {
    request_is_shown_by: "`langdock session show` shows the conversation",
    reached_max_tokens: "raise --max-tokens, or accept such answers with `allow_truncated = true` \
        in the config file",
    reached_window: "send less, or accept such answers with `allow_truncated = true` in the \
        config file",
    ..COMMAND_LINE
};
