//! What users type to act on an error: flags on the command line, or slash commands at the prompt
//! of `chat`.

/// The flags or slash commands that hints mention, as they are typed where the hint is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HintControls {
    /// Flag or command that chooses a model; its id follows.
    pub(crate) model: &'static str,
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
}

/// The flags and commands of the command line.
pub(super) const COMMAND_LINE: HintControls = HintControls {
    model: "-m",
    region: "--region",
    sent_again_by: "send the request again",
    request_is_shown_by: "add --dry-run to see what would be sent",
    sessions_are_listed_by: "`langdock session list` lists the conversations; those of --demo are \
        stored separately",
    models_are_listed_by: "`langdock models` lists the models",
    refused_message: "the refused message is left out of the conversation",
    refused_results: "continue with `langdock tool-run -c`, or take the turn back with /undo in \
        `langdock chat -c`",
};
