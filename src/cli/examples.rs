//! Examples of the commands, for `--help` and the man pages. A test runs each of them.

/// An example: its description and its command line.
pub(crate) type Example = (&'static str, &'static str);

/// The examples of the program itself.
const PROGRAM: [Example; 3] = [
    (
        "Without a key, from the scripted endpoint:",
        "langdock --demo send -m claude-3-haiku-20240307 'What is this?'",
    ),
    (
        "With a key, once LANGDOCK_API_KEY is set:",
        "langdock send 'Name three rivers.'",
    ),
    (
        "About the output of another program:",
        "git diff | langdock send 'Write a commit message for this.'",
    ),
];

/// The examples of `send`.
const SEND: [Example; 9] = [
    (
        "Ask:",
        "langdock send -m claude-3-haiku-20240307 'Name three rivers.'",
    ),
    (
        "Ask about the output of another program:",
        "git diff | langdock send 'Write a commit message for this.'",
    ),
    (
        "Ask about files:",
        "langdock send -f notes.md -f photo.png 'Which of the notes is about the photo?'",
    ),
    (
        "Ask about the text files of a directory:",
        "langdock send -f src/ 'What does this program do?'",
    ),
    (
        "Use a saved prompt:",
        "langdock send -t ./review.md -p language=Rust -f src/main.rs",
    ),
    (
        "Keep only the code of the answer:",
        "langdock send -x --lang sh -o count.sh 'Shell code that counts lines'",
    ),
    (
        "See what would be sent:",
        "langdock send --dry-run --temperature 0.2 -s 'Be brief.' 'Name three rivers.'",
    ),
    (
        "Get the message object as JSON:",
        "langdock send --json 'Name three rivers.'",
    ),
    (
        "Set a field of the request that has no flag:",
        "langdock send --set 'service_tier=\"standard_only\"' 'Name three rivers.'",
    ),
];

/// The examples of `batch`.
const BATCH: [Example; 5] = [
    (
        "Ask about each line of a file, and continue where an earlier run stopped:",
        "langdock batch 'Summarise: {text}' -i lines.txt -o sums.jsonl",
    ),
    (
        "Ask about the fields of JSON objects, one per line:",
        "echo '{\"id\": 7, \"name\": \"Rhine\"}' | langdock batch 'How long is the {name}?'",
    ),
    (
        "Ask about each of several files:",
        "langdock batch 'What does this show?' --files photo.png notes.md",
    ),
    (
        "Stop before a run uses too many tokens:",
        "langdock batch '{text}' -i lines.txt --max-total-tokens 100000",
    ),
    (
        "Run the second of four shards, each on a machine of its own:",
        "langdock batch 'Summarise: {text}' -i lines.txt --shard 2/4 -o sums-2.jsonl",
    ),
];

/// The examples of `merge`.
const MERGE: [Example; 2] = [
    (
        "Run a batch in two shards, and merge what they have written:",
        "langdock batch 'Summarise: {text}' -i lines.txt --shard 1/2 -o part-1.jsonl\n\
         langdock batch 'Summarise: {text}' -i lines.txt --shard 2/2 -o part-2.jsonl\n\
         langdock merge part-*.jsonl -i lines.txt -o all.jsonl",
    ),
    (
        "The answers alone, in the order of the items:",
        "langdock merge part-*.jsonl | grep -o '\"text\":\"[^\"]*\"'",
    ),
];

/// The examples of `chat`.
const CHAT: [Example; 3] = [
    (
        "Start a conversation; /help lists the commands:",
        "langdock chat 'Let us talk about rivers.'",
    ),
    ("Continue the last conversation:", "langdock chat -c"),
    (
        "Hold a conversation from a script:",
        "printf '%s\\n' 'Name three rivers.' 'Which is the longest?' | langdock chat",
    ),
];

/// The examples of `tool-run`.
const TOOL_RUN: [Example; 5] = [
    (
        "List the tools of a file:",
        "langdock tool-run -T ./weather.toml --list",
    ),
    (
        "Run a call by hand:",
        "langdock tool-run -T ./weather.toml --call weather '{\"city\": \"Bern\"}'",
    ),
    (
        "Allow the model to call one tool without confirmation:",
        "langdock tool-run -T ./weather.toml --allow-tool weather 'Is it warm?'",
    ),
    (
        "Use a program that prints its own definition:",
        "langdock tool-run -T ./clock -y 'What time is it?'",
    ),
    (
        "Offer the tools of several MCP servers, and allow those of one server without confirmation:",
        "langdock tool-run --mcp ./servers.json --allow-tool 'files__*' 'What is new?'",
    ),
];

/// The examples of `mcp`.
const MCP: [Example; 4] = [
    (
        "Check the servers that another program has configured:",
        "langdock mcp doctor ./servers.json",
    ),
    (
        "Show what each tool adds to every request:",
        "langdock mcp tools ./servers.json --cost",
    ),
    (
        "Call a tool by hand:",
        "langdock mcp call ./servers.json read_file '{\"path\": \"notes.md\"}'",
    ),
    ("List the servers in the config file:", "langdock mcp list"),
];

/// The examples of `models`.
const MODELS: [Example; 3] = [
    (
        "List the models of a region:",
        "langdock models --region us",
    ),
    ("Print only the ids:", "langdock models | cut -d ' ' -f 1"),
    (
        "Show every detail, from a fresh list:",
        "langdock models --refresh --json",
    ),
];

/// The examples of `count`.
const COUNT: [Example; 3] = [
    (
        "Show the tokens of each part of a request:",
        "langdock count -s 'Be brief.' -f notes.md -f photo.png 'What is this?'",
    ),
    (
        "Print only the total, for a script:",
        "langdock count --json -f src/ | grep -o '\"total\":{[^}]*}'",
    ),
    (
        "Send only what fits:",
        "langdock count -f notes.md 'Summarise it.' > /dev/null && langdock send -f notes.md \
        'Summarise it.'",
    ),
];

/// The examples of `usage`.
const USAGE: [Example; 3] = [
    (
        "Show the usage of each model in the last week:",
        "langdock usage --since 7d",
    ),
    ("Day by day:", "langdock usage --by day"),
    (
        "Show the usage of a job that tags its requests:",
        "langdock send --tag nightly 'Name three rivers.'\nlangdock usage --by tag",
    ),
];

/// The examples of `session`; the first one creates the conversation that the others use.
const SESSION: [Example; 6] = [
    (
        "Hold a conversation from a script, and show it:",
        "langdock send --session rivers 'Name three rivers.'\n\
         langdock send --continue 'Which of them is the longest?'\n\
         langdock session show rivers",
    ),
    ("List the conversations:", "langdock session list"),
    (
        "Find the conversations that mention a word:",
        "langdock session search longest",
    ),
    (
        "Print the model's turns, one JSON object per line:",
        "langdock session path rivers | xargs cat | grep '\"role\":\"assistant\"'",
    ),
    (
        "Continue an exported conversation:",
        "langdock session export --json rivers > rivers.json\nlangdock send --messages \
         rivers.json 'And the shortest?'",
    ),
    (
        "Delete old conversations:",
        "langdock session rm --older-than 30d",
    ),
];

/// The examples of `serve`.
const SERVE: [Example; 4] = [
    (
        "Start the endpoint in a script, and stop it at the end:",
        "mkfifo url\n\
         langdock serve > url &\n\
         read -r LANGDOCK_BASE_URL < url && export LANGDOCK_BASE_URL LANGDOCK_API_KEY=any\n\
         langdock send -m claude-3-haiku-20240307 'Name three rivers.'\n\
         kill $!",
    ),
    (
        "See how a program behaves near the rate limits:",
        "langdock serve --key test --rpm 10 --tpm 20000",
    ),
    (
        "See how it behaves when requests fail, reproducibly:",
        "langdock serve --fail 529:0.1,cut:0.05 --seed 7 --log requests.jsonl",
    ),
    (
        "Give other programs the answers from a file written by --record:",
        "langdock serve --replay answers.jsonl",
    ),
];

/// The examples of `auth`.
const AUTH: [Example; 3] = [
    (
        "Store the key that is in a file:",
        "langdock auth login < key.txt",
    ),
    (
        "Show which key is used, and where it comes from:",
        "langdock auth status",
    ),
    ("Remove the stored key:", "langdock auth logout"),
];

/// The examples of `config`.
const CONFIG: [Example; 5] = [
    (
        "Start with a file in which every setting is commented out:",
        "langdock config init",
    ),
    (
        "Choose a model for every request:",
        "langdock config set model claude-3-haiku-20240307",
    ),
    (
        "Create a profile for another region, and use it:",
        "langdock config set --profile us region us\nlangdock --profile us send 'Name three \
         rivers.'",
    ),
    (
        "Show the effective settings and their origin:",
        "langdock config show",
    ),
    (
        "Return to the default model:",
        "langdock config unset model",
    ),
];

/// The examples of `template`.
const TEMPLATE: [Example; 2] = [
    ("List the saved prompts:", "langdock template list"),
    (
        "Show one, here from a file:",
        "langdock template show ./review.md",
    ),
];

/// The examples of `completions`.
const COMPLETIONS: [Example; 3] = [
    (
        "bash:",
        "mkdir -p ~/.local/share/bash-completion/completions\n\
         langdock completions bash > ~/.local/share/bash-completion/completions/langdock",
    ),
    (
        "fish:",
        "mkdir -p ~/.config/fish/completions\n\
         langdock completions fish > ~/.config/fish/completions/langdock.fish",
    ),
    (
        "zsh, with ~/.zfunc in fpath:",
        "mkdir -p ~/.zfunc\n\
         langdock completions zsh > ~/.zfunc/_langdock",
    ),
];

/// The examples of `doctor`.
const DOCTOR: [Example; 2] = [
    ("Check everything that a request needs:", "langdock doctor"),
    (
        "The same as JSON, for another region:",
        "langdock doctor --region us --json",
    ),
];

/// The examples of `help`.
const HELP: [Example; 2] = [
    ("What an exit code means:", "langdock help exit-codes"),
    (
        "All flags of a command, with examples:",
        "langdock help send",
    ),
];

/// Returns the examples of a command, or of the program itself if the name is empty.
pub(crate) fn examples(command: &str) -> &'static [Example] {
    match command {
        "" => &PROGRAM,
        "send" => &SEND,
        "chat" => &CHAT,
        "tool-run" => &TOOL_RUN,
        "mcp" => &MCP,
        "batch" => &BATCH,
        "merge" => &MERGE,
        "models" => &MODELS,
        "count" => &COUNT,
        "usage" => &USAGE,
        "session" => &SESSION,
        "serve" => &SERVE,
        "auth" => &AUTH,
        "config" => &CONFIG,
        "template" => &TEMPLATE,
        "doctor" => &DOCTOR,
        "completions" => &COMPLETIONS,
        "help" => &HELP,
        _ => &[],
    }
}
