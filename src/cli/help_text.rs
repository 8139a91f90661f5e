//! The descriptions of the commands, each written once: clap takes one from the list of commands
//! and one from the command itself.

/// The description of a command.
pub(super) struct CommandHelp {
    /// A line without a full stop.
    pub(super) about: &'static str,
    /// The same, and what else there is to say in whole sentences.
    pub(super) long_about: &'static str,
}

macro_rules! command_help {
    ($name:ident, $about:literal) => {
        command_help!(@ $name, $about, $about);
    };
    ($name:ident, $about:literal, $details:literal) => {
        command_help!(@ $name, $about, concat!($about, "\n\n", $details));
    };
    (@ $name:ident, $about:expr, $long_about:expr) => {
        pub(super) const $name: CommandHelp = CommandHelp {
            about: $about,
            long_about: $long_about,
        };
    };
}

command_help!(
    SEND,
    "Send one request and stream the answer to standard output",
    "The prompt is the words given, or standard input, or both: standard input then \
         stands before the prompt."
);
command_help!(
    CHAT,
    "Talk with a model: a conversation that is saved as it goes",
    "What is typed is saved before it is sent, and what the model says before it is \
         shown. /help lists the commands of the prompt. Where standard input is no terminal, \
         each line of it is a message, and the first failure ends the conversation."
);
command_help!(
    TOOL_RUN,
    "Send a request, and run the tools that the model asks for on this machine until it \
         is done",
    "Each call is shown on the terminal and runs once it is approved, unless -y, \
         --allow-tool or the table tools of the config file allow it. One that does not fit \
         on the screen has to be read first, with show. Without a terminal, what is not \
         allowed is denied, and the model is told. A call gets its input as JSON on standard \
         input and a clean environment, and what it prints is its result."
);
command_help!(
    BATCH,
    "Ask the same of many items, in parallel, within the rate limits",
    "{text} in the template is a line of the input, or the text of a file of --files; \
         where the first line is a JSON object, all are, and {KEY} is the field KEY of each. \
         {{ and }} are braces. The output has a line of JSON for each item, with index, id, \
         input_hash, text or message or error, and usage. An item that fails is a line with \
         error; the run goes on, and ends with 11. With --output, the same command run again \
         goes on where it was: what FILE has an answer for is not asked again."
);
command_help!(
    MERGE,
    "Merge the outputs of a batch that ran in shards",
    "It writes one record for each item, in the order of the items, as one run of batch over \
         the whole input would have. With --input each record finds its item, even if items \
         were added since, and whatever is missing or too much is reported; without it, the \
         records are ordered by their index, and what is missing shows between them only. Of \
         two records of an item, an answer is kept rather than a failure, else the first one. It \
         ends with 11 if an item has no record or more than one, or has failed. Many records \
         are sorted on disk, in the directory of TMPDIR."
);
command_help!(
    MODELS,
    "List the models that the region offers",
    "A list that is younger than a day is shown without asking. What a workspace has \
         differs by region."
);
command_help!(
    COUNT,
    "Estimate the tokens of a request, by part; nothing is sent",
    "It takes what send takes, and needs no key. There is no tokenizer to ask: the \
         numbers are near, not exact, and come nearer with the answers of a model. It ends \
         with 13 where send would refuse the request as too large."
);
command_help!(
    USAGE,
    "Summarise token usage on this machine",
    "Each request leaves a line in a log, with its numbers and names and nothing of what \
         was said. LANGDOCK_NO_LOG keeps none."
);
command_help!(
    SESSION,
    "List, show, search and delete saved conversations",
    "A conversation is named by its name, or by the beginning of its id where only one \
         has it. Without that, show and export are about the one that was last used."
);
command_help!(
    SERVE,
    "Run the scripted endpoint of --demo on a port, for other programs",
    "It prints its base URL as LANGDOCK_BASE_URL and --base-url take it; an Anthropic SDK \
         takes it with eu or us in the place of {region}. It listens on loopback only. SIGINT \
         and SIGTERM have it finish the answers under way and end by the signal; Ctrl-C then \
         ends it at once."
);
command_help!(
    AUTH,
    "Store, show and forget the API key",
    "A stored key belongs to the host of the endpoint that is chosen when it is stored, \
         and goes to no other one. LANGDOCK_API_KEY, --api-key-file and the config file's \
         api_key_cmd go before it."
);
command_help!(
    CONFIG,
    "Show and change the settings",
    "A flag goes before its variable, that before the profile, that before the rest of \
         the config file, and that before the default."
);
command_help!(
    DOCTOR,
    "Check key, endpoint, models, clock and directories, and say what to do",
    "Each line is ok, a note, or wrong, with what to do about it. It asks the endpoint \
         for its models and for nothing else, and ends with the code of the first thing that \
         is wrong."
);
command_help!(COMPLETIONS, "Print a completion script for a shell");
command_help!(
    HELP,
    "Show help for a command or topic",
    "The topics are exit-codes, environment, config and regions."
);
command_help!(
    TEMPLATE,
    "List and show saved prompts",
    "A template is a Markdown file in the directory langdock/templates of the platform's \
         config directory. It may begin with a head in TOML between two lines +++, with the keys \
         model, system, max_tokens, temperature, top_p, top_k, stop, user_id, thinking, effort and \
         prefill. {{KEY}} is replaced by what --param says, {{prompt}} by the words of the command line, and \
         {{stdin}} by standard input."
);
