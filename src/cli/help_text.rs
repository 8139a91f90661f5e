//! The descriptions of the commands, each written once: clap takes one from the list of commands
//! and one from the command itself.

/// The description of a command.
pub(super) struct CommandHelp {
    /// One line, without a full stop.
    pub(super) about: &'static str,
    /// The same line, then details in whole sentences.
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
    "The prompt is the PROMPT argument, standard input, or both; if both, standard input comes \
    first."
);
command_help!(
    CHAT,
    "Hold a conversation with a model, saved as it goes",
    "Each message is saved before it is sent, and each part of an answer before it is shown. A \
    message without an answer is put back on the input line. /help lists the commands. When the \
    context window is nearly full, `chat` offers /compact, but never compacts on its own. Until \
    you send another message, /undo can reverse /compact, even in a later run. If standard input \
    is not a terminal, each of its lines is a message, and the first failure ends the run."
);
command_help!(
    TOOL_RUN,
    "Send a request, run the model's tool calls on this machine, and repeat until the model is \
    done",
    "Each call is shown on the terminal and runs only after you approve it, unless -y, \
    --allow-tool or the [tools] table of the config file allows it. A call that does not fit on \
    the screen must be paged through first: type `show`. Answering `always` allows that tool until \
    the run ends; the choice is not saved. Without a terminal, calls not allowed in advance are \
    denied, and the model is informed. A tool runs in a clean environment and gets its input as \
    JSON on standard input; its output is the result of the call. A program that others could \
    change needs confirmation even if its tool is allowed. Others could change a program if it or \
    its directory is owned by neither you nor root, if it is group- or world-writable, or if its \
    directory is world-writable without the sticky bit. A group-writable program is fine if its \
    group is your own and has no other members. A directory may be group-writable. The \
    conversation is saved unless -n is given."
);
command_help!(
    MCP,
    "List, test and import MCP servers for use with --mcp",
    "With --mcp, tool-run and chat offer the model the tools of MCP servers. A server is a program \
    that speaks MCP over its standard streams, or a URL that speaks streamable HTTP. Servers are \
    configured in [mcp.NAME] tables of the config file; a JSON file with mcpServers, in the format \
    that other MCP clients use, can be given instead of a name. The environment of a server has \
    PATH, HOME, LANG, TMPDIR, USER, SHELL, TERM and the variables from its configuration, but \
    never the API key. At the end, the server's input is closed; a server that does not exit gets \
    SIGTERM after two seconds, and SIGKILL after two more. Resources, prompts, sampling, \
    elicitation and OAuth are not supported, but headers_cmd can print an Authorization header."
);
command_help!(
    BATCH,
    "Ask the same question about many items, in parallel and within the rate limits",
    "In the template, {text} stands for a line of the input, or for the text of a file given with \
    --files. If the first line is a JSON object, every line must be a JSON object, and {KEY} \
    stands for its field KEY. In the TEMPLATE argument, write {{ and }} for literal braces. With \
    --template, the placeholders of the TEMPLATE argument are filled in first; the result then \
    replaces {{prompt}} in the saved prompt. {text} and {KEY} in the saved prompt itself stay as \
    they are. What is given with --file and --system is sent with every item. The output has one \
    record per item: a line of JSON with `index`, `id`, `input_hash`, `prompt_hash`, `usage`, and \
    one of `text`, `message` (an answer that does not consist of text alone) and `error`. If only \
    part of an answer arrived, `text` in `error` is the text of that part. If the part contains \
    anything besides text, `answer` in `error` is its message object. If items fail, the run \
    continues, and its exit code is 11. With --output, running the same command again continues \
    where it stopped: items already answered in FILE are skipped."
);
command_help!(
    MERGE,
    "Merge the outputs of a batch that ran in shards",
    "It writes one record for each item, in the order of the items, as one run of batch over the \
    whole input would have. Outputs of batches without shards can be merged too. With --input, \
    each record is matched to its item, even if items have been added since, and missing, \
    duplicate and unknown records are reported. Without --input, the records are ordered by their \
    index, and only gaps between them are noticed. If an item has several records, an answer is \
    preferred to a failure; otherwise the first is kept. The exit code is 11 if an item has no \
    record, has more than one record, or has failed. Large numbers of records are sorted on disk, \
    in the directory that TMPDIR names."
);
command_help!(
    MODELS,
    "List the models that the region offers",
    "A list less than a day old is shown without a request. Workspaces may have different models \
    in each region."
);
command_help!(
    COUNT,
    "Estimate the tokens of a request, by part, without sending it",
    "It takes the prompt, files and request options of `send`, and needs no key. There is no \
    public tokenizer, so the counts are estimates; the estimates for a model improve with each of \
    its answers. The exit code is 13 if `send` would refuse the request as too large."
);
command_help!(
    USAGE,
    "Summarise token usage on this machine",
    "Each request adds a line to a log: token counts, model, region and command, but no content; \
    requests with --demo and --replay are not logged. Costs are at Anthropic's list prices, \
    without regional surcharges, or at the prices in the config's `prices` table. Set \
    LANGDOCK_NO_LOG to keep no log and save no conversations."
);
command_help!(
    SESSION,
    "List, show, search and delete saved conversations",
    "Give a conversation's name, its title, or an unambiguous prefix of its id; all subcommands \
    except `rm` also accept the beginning of a title. If you give nothing, `show` and `export` \
    take the conversation last used."
);
command_help!(
    SERVE,
    "Serve the scripted endpoint of --demo, or a recording, on a port, for other programs",
    "It prints its base URL for the region `eu`, in the form that LANGDOCK_BASE_URL, --base-url \
    and Anthropic SDKs accept; the region `us` is served as well. It listens on loopback only. \
    After SIGINT or SIGTERM it finishes the answers in progress, and is then terminated by that \
    signal; a second Ctrl-C stops it at once."
);
command_help!(
    AUTH,
    "Store, show and remove the API key",
    "A stored key belongs to the host of the endpoint chosen when it is stored, and is not sent to \
    other hosts; a key stored by an earlier version counts as stored for https. LANGDOCK_API_KEY, \
    --api-key-file and api_key_cmd in the config file take precedence over a stored key."
);
command_help!(
    CONFIG,
    "Show and change the settings",
    "Precedence, highest first: flag, environment variable, profile, the rest of the config file, \
    default."
);
command_help!(
    DOCTOR,
    "Check key, endpoint, models, clock and directories, and suggest fixes",
    "Each line is marked `ok`, `note` or `wrong`, and anything wrong comes with a suggested fix. \
    The only request it sends is for the list of models, without a key if there is none. Of MCP \
    servers, it checks only the configuration: `langdock mcp doctor` starts them. The exit code is \
    that of the first problem."
);
command_help!(COMPLETIONS, "Print a completion script for a shell");
command_help!(
    HELP,
    "Show help for a command or topic",
    "The topics are exit-codes, environment, config, regions and secrets."
);
command_help!(
    TEMPLATE,
    "List and show saved prompts",
    "A template is a Markdown file in the directory langdock/templates under the platform's config \
         directory. It may begin with a TOML header between two lines of +++, with the keys model, \
         system, max_tokens, temperature, top_p, top_k, stop, user_id, thinking, effort, prefill \
         and image_size. {{KEY}} is replaced by the value of --param KEY=VALUE, {{prompt}} by the \
         PROMPT argument, and {{stdin}} by standard input. In {{KEY|TEXT}}, TEXT is the default. \
         Write {{{{ for a literal {{."
);
