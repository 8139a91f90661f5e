# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_langdock_global_optspecs
    string join \n region= base-url= connect-timeout= idle-timeout= timeout= max-retries= max-wait= proxy= cacert= allow-http profile= api-key-file= no-pace demo record= replay= replay-pace= h/help V/version
end

function __fish_langdock_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_langdock_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_langdock_using_subcommand
    set -l cmd (__fish_langdock_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c langdock -n "__fish_langdock_needs_command" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_needs_command" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_needs_command" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_needs_command" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_needs_command" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_needs_command" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_needs_command" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_needs_command" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_needs_command" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_needs_command" -s V -l version -d 'Print version'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "send" -d 'Send one request and stream the answer to standard output'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "chat" -d 'Hold a conversation with a model, saved as it goes'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "tool-run" -d 'Send a request, run the model\'s tool calls on this machine, and repeat until the model is done'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "batch" -d 'Ask the same question about many items, in parallel and within the rate limits'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "merge" -d 'Merge the outputs of a batch that ran in shards'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "models" -d 'List the models that the region offers'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "count" -d 'Estimate the tokens of a request, by part, without sending it'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "usage" -d 'Summarise token usage on this machine'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "session" -d 'List, show, search and delete saved conversations'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "serve" -d 'Serve the scripted endpoint of --demo, or a record, on a port, for other programs'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "auth" -d 'Store, show and remove the API key'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "config" -d 'Show and change the settings'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "doctor" -d 'Check key, endpoint, models, clock and directories, and suggest fixes'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "help" -d 'Show help for a command or topic'
complete -c langdock -n "__fish_langdock_needs_command" -f -a "template" -d 'List and show saved prompts'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s m -l model -d 'Model to ask: an id, or opus, sonnet, haiku or fable for the newest of its kind in the region [default: picked from the region\'s list]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -s s -l system -d 'System prompt; @FILE reads it from a file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l max-tokens -d 'Maximum tokens to generate [default: 4096 to 16384, depending on the model and its limits]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l temperature -d 'Randomness, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l top-p -d 'Nucleus sampling, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l top-k -d 'Sample from the N likeliest tokens, at least 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l stop -d 'Stop at this text; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l user-id -d 'An opaque id of the user, sent as metadata.user_id' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l thinking -d 'Reasoning before the answer: auto, off, or a budget of N tokens, at least 1024 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l effort -d 'How hard the model tries: low, medium, high, xhigh or max [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l set -d 'Any other field of the request body; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l prefill -d 'Make the answer begin with this text, which is not printed' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l cache -d 'Mark the prompt for the model\'s cache: auto, off, 5m, 1h [default: auto]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -s f -l file -d 'Text file, image or PDF, detected by content, or a directory; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -s a -l attach -d 'Image or PDF, never sent as text; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l messages -d 'Earlier turns as JSON: an array of messages or a whole request body; flags override its fields' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -s t -l template -d 'Saved prompt, listed by `langdock template list`, or ./FILE for any other file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -s p -l param -d 'With --template: the value of {{KEY}}; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -s T -l tool -d 'Tools that the model may call: a JSON or TOML file, or a program; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l tool-choice -d 'Whether the model must call a tool: auto, any, none, or the name of the tool' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l color -d 'Colour of messages and of rendered Markdown: auto, always or never' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c langdock -n "__fish_langdock_using_subcommand send" -l lang -d 'With --extract: the first code block of this language' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -s o -l output -d 'Write the answer to this file, whole or not at all' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l auto-continue -d 'Continue an answer that was cut off, with up to this many more requests (0 to 20) [default: 0]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l tag -d 'Tag for the usage log, for `langdock usage --by tag`' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l session -d 'Continue this conversation, or start it' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand send" -l schema -d 'Print JSON that fits this JSON schema, and nothing else' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand send" -l schema-mode -d 'With --schema: how the model is asked: auto, native, tool or prompt [default: auto]' -r -f -a "auto\t'One way after the other'
native\t'By the field output_config.format'
tool\t'By a tool'
prompt\t'In words'"
complete -c langdock -n "__fish_langdock_using_subcommand send" -l repair -d 'With --schema: maximum number of times to send back an invalid answer [default: 2]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand send" -s I -l no-stdin -d 'Do not read standard input'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s e -l edit -d 'Write the prompt in an editor: VISUAL, EDITOR, or vi'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l no-check -d 'Send even if the request appears to exceed a known limit, or uses an option that the model is known not to accept'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l raw -d 'Print the answer as the model wrote it, even on a terminal'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l markdown -d 'Render the answer\'s Markdown, even in a pipe [default: on a terminal]'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s q -l quiet -d 'Print errors only'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s v -l verbose -d 'Verbose output; -vv adds requests and headers, never bodies or the key'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s u -l usage -d 'Report tokens and timing'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l show-thinking -d 'Show the model\'s reasoning, on stderr'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s S -l no-stream -d 'Print the answer only when it is complete'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s j -l json -d 'Print the API\'s message object'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l jsonl -d 'Print each event as a line of JSON as it arrives, then the message object'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s x -l extract -d 'Print only the first fenced code block'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l allow-truncated -d 'Exit 0 even if the answer was cut off by a token limit'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l allow-empty -d 'Exit 0 even if the answer is empty'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s c -l continue -d 'Continue the conversation last used, or the one that LANGDOCK_SESSION names'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l fork -d 'With --continue or --session: continue in a copy, leaving the conversation unchanged'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s n -l no-log -d 'Save nothing, neither in a conversation nor in the usage log'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l dry-run -d 'Print the request body without sending it; image data is shortened'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l curl -d 'Print an equivalent curl command without sending anything; the key appears as $LANGDOCK_API_KEY'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand send" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s m -l model -d 'Model to ask: an id, or opus, sonnet, haiku or fable for the newest of its kind in the region [default: picked from the region\'s list]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s s -l system -d 'System prompt; @FILE reads it from a file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l max-tokens -d 'Maximum tokens to generate [default: 4096 to 16384, depending on the model and its limits]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l temperature -d 'Randomness, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l top-p -d 'Nucleus sampling, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l top-k -d 'Sample from the N likeliest tokens, at least 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l stop -d 'Stop at this text; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l user-id -d 'An opaque id of the user, sent as metadata.user_id' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l thinking -d 'Reasoning before the answer: auto, off, or a budget of N tokens, at least 1024 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l effort -d 'How hard the model tries: low, medium, high, xhigh or max [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l set -d 'Any other field of the request body; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l cache -d 'Mark the prompt for the model\'s cache: auto, off, 5m, 1h [default: auto]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s f -l file -d 'Text file, image or PDF, detected by content, or a directory; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s a -l attach -d 'Image or PDF, never sent as text; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l messages -d 'Earlier turns as JSON: an array of messages or a whole request body; flags override its fields' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s t -l template -d 'Saved prompt, listed by `langdock template list`, or ./FILE for any other file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s p -l param -d 'With --template: the value of {{KEY}}; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s T -l tool -d 'Tools that the model may call: a JSON or TOML file, or a program; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l tool-choice -d 'Whether the model must call a tool: auto, any, none, or the name of the tool' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l allow-tool -d 'Run calls of this tool without confirmation; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l deny-tool -d 'Never run calls of this tool; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l max-turns -d 'Maximum number of model turns' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l tool-jobs -d 'Maximum number of tool calls to run at the same time' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l color -d 'Colour of messages and of rendered Markdown: auto, always or never' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l session -d 'Continue this conversation, or start it' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s I -l no-stdin -d 'Do not read standard input'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s e -l edit -d 'Write the prompt in an editor: VISUAL, EDITOR, or vi'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l no-check -d 'Send even if the request appears to exceed a known limit, or uses an option that the model is known not to accept'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s y -l yes -d 'Run every call without confirmation, except calls of tools with `confirm`'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l raw -d 'Print the answer as the model wrote it, even on a terminal'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l markdown -d 'Render the answer\'s Markdown, even in a pipe [default: on a terminal]'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s q -l quiet -d 'Print errors only'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s v -l verbose -d 'Verbose output; -vv adds requests and headers, never bodies or the key'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s u -l usage -d 'Report tokens and timing'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l show-thinking -d 'Show the model\'s reasoning, on stderr'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s S -l no-stream -d 'Print the answer only when it is complete'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l allow-empty -d 'Do not report an answer as incomplete if it is empty'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s c -l continue -d 'Continue the conversation last used, or the one that LANGDOCK_SESSION names'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l fork -d 'With --continue or --session: continue in a copy, leaving the conversation unchanged'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s n -l no-log -d 'Save nothing, neither in a conversation nor in the usage log'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand chat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s m -l model -d 'Model to ask: an id, or opus, sonnet, haiku or fable for the newest of its kind in the region [default: picked from the region\'s list]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s s -l system -d 'System prompt; @FILE reads it from a file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l max-tokens -d 'Maximum tokens to generate [default: 4096 to 16384, depending on the model and its limits]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l temperature -d 'Randomness, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l top-p -d 'Nucleus sampling, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l top-k -d 'Sample from the N likeliest tokens, at least 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l stop -d 'Stop at this text; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l user-id -d 'An opaque id of the user, sent as metadata.user_id' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l thinking -d 'Reasoning before the answer: auto, off, or a budget of N tokens, at least 1024 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l effort -d 'How hard the model tries: low, medium, high, xhigh or max [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l set -d 'Any other field of the request body; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l prefill -d 'Make the answer begin with this text, which is not printed' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l cache -d 'Mark the prompt for the model\'s cache: auto, off, 5m, 1h [default: auto]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s f -l file -d 'Text file, image or PDF, detected by content, or a directory; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s a -l attach -d 'Image or PDF, never sent as text; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l messages -d 'Earlier turns as JSON: an array of messages or a whole request body; flags override its fields' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s t -l template -d 'Saved prompt, listed by `langdock template list`, or ./FILE for any other file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s p -l param -d 'With --template: the value of {{KEY}}; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s T -l tool -d 'Tools that the model may call: a JSON or TOML file, or a program; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l tool-choice -d 'Whether the model must call a tool: auto, any, none, or the name of the tool' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l color -d 'Colour of messages and of rendered Markdown: auto, always or never' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l lang -d 'With --extract: the first code block of this language' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s o -l output -d 'Write the answer to this file, whole or not at all' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l auto-continue -d 'Continue an answer that was cut off, with up to this many more requests (0 to 20) [default: 0]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l tag -d 'Tag for the usage log, for `langdock usage --by tag`' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l session -d 'Continue this conversation, or start it' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l allow-tool -d 'Run calls of this tool without confirmation; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l deny-tool -d 'Never run calls of this tool; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l max-turns -d 'Maximum number of model turns' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l tool-jobs -d 'Maximum number of tool calls to run at the same time' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l max-cost -d 'Stop with exit code 13 before the run costs more than this, in US dollars at list price' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l call -d 'Run one call as if the model had made it and print the result, without sending anything; - reads the JSON from standard input' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s I -l no-stdin -d 'Do not read standard input'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s e -l edit -d 'Write the prompt in an editor: VISUAL, EDITOR, or vi'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l no-check -d 'Send even if the request appears to exceed a known limit, or uses an option that the model is known not to accept'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l raw -d 'Print the answer as the model wrote it, even on a terminal'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l markdown -d 'Render the answer\'s Markdown, even in a pipe [default: on a terminal]'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s q -l quiet -d 'Print errors only'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s v -l verbose -d 'Verbose output; -vv adds requests and headers, never bodies or the key'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s u -l usage -d 'Report tokens and timing'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l show-thinking -d 'Show the model\'s reasoning, on stderr'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s S -l no-stream -d 'Print the answer only when it is complete'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s j -l json -d 'Print the API\'s message object'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l jsonl -d 'Print each event as a line of JSON as it arrives, then the message object'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s x -l extract -d 'Print only the first fenced code block'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l allow-truncated -d 'Exit 0 even if the answer was cut off by a token limit'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l allow-empty -d 'Exit 0 even if the answer is empty'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s c -l continue -d 'Continue the conversation last used, or the one that LANGDOCK_SESSION names'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l fork -d 'With --continue or --session: continue in a copy, leaving the conversation unchanged'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s n -l no-log -d 'Save nothing, neither in a conversation nor in the usage log'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l dry-run -d 'Print the request body without sending it; image data is shortened'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l curl -d 'Print an equivalent curl command without sending anything; the key appears as $LANGDOCK_API_KEY'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s y -l yes -d 'Run every call without confirmation, except calls of tools with `confirm`'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -l list -d 'List the tools without sending anything'
complete -c langdock -n "__fish_langdock_using_subcommand tool-run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s i -l input -d 'Lines of text, or one JSON object per line; - is standard input, which is the default' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l files -d 'Ask about each of these files: text, images or PDFs, detected by content' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s o -l output -d 'Append the answers to this file as they arrive, and continue where an earlier run stopped' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s J -l jobs -d 'Maximum number of concurrent requests [default: what the limits allow]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l shard -d 'Ask only about the items of shard I of N; auto takes I and N from Slurm or GitLab' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l max-requests -d 'Exit with 13 after this many requests in this run; retries do not count' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l max-total-tokens -d 'Stop with exit code 13 before this run exceeds this many tokens, input plus output' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l max-cost -d 'Stop with exit code 13 before this run costs more than this, in US dollars at list price' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l tag -d 'Tag for the usage log, for `langdock usage --by tag`' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l schema -d 'Ask for answers that fit this JSON schema; the text of a record is then JSON' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l schema-mode -d 'With --schema: how the model is asked: auto, native, tool or prompt [default: auto]' -r -f -a "auto\t'One way after the other'
native\t'By the field output_config.format'
tool\t'By a tool'
prompt\t'In words'"
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l repair -d 'With --schema: maximum number of times to send back an invalid answer [default: 2]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s m -l model -d 'Model to ask: an id, or opus, sonnet, haiku or fable for the newest of its kind in the region [default: picked from the region\'s list]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s s -l system -d 'System prompt; @FILE reads it from a file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l max-tokens -d 'Maximum tokens to generate [default: 4096 to 16384, depending on the model and its limits]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l temperature -d 'Randomness, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l top-p -d 'Nucleus sampling, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l top-k -d 'Sample from the N likeliest tokens, at least 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l stop -d 'Stop at this text; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l user-id -d 'An opaque id of the user, sent as metadata.user_id' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l thinking -d 'Reasoning before the answer: auto, off, or a budget of N tokens, at least 1024 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l effort -d 'How hard the model tries: low, medium, high, xhigh or max [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l set -d 'Any other field of the request body; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l prefill -d 'Make the answer begin with this text, which is not printed' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l cache -d 'Mark the prompt for the model\'s cache: auto, off, 5m, 1h [default: auto]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s f -l file -d 'Text file, image or PDF, detected by content, or a directory; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s a -l attach -d 'Image or PDF, never sent as text; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l messages -d 'Earlier turns as JSON: an array of messages or a whole request body; flags override its fields' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s t -l template -d 'Saved prompt, listed by `langdock template list`, or ./FILE for any other file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s p -l param -d 'With --template: the value of {{KEY}}; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l unordered -d 'Print answers as they arrive instead of in the order of the items'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l retry-failed -d 'With --output: retry the items that failed, replacing their errors'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s I -l no-stdin -d 'Do not read standard input'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s e -l edit -d 'Write the prompt in an editor: VISUAL, EDITOR, or vi'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l no-check -d 'Send even if the request appears to exceed a known limit, or uses an option that the model is known not to accept'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand batch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand merge" -s i -l input -d 'The file given to batch as --input: it says which records are expected, and their order' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand merge" -s o -l output -d 'Write the records to this file, whole or not at all [default: standard output]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand models" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand models" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand models" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand models" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand models" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand models" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand models" -l refresh -d 'Ignore the cached list and fetch it again'
complete -c langdock -n "__fish_langdock_using_subcommand models" -s l -l long -d 'Also show the limits of each model, the options it accepts, and when it is retired'
complete -c langdock -n "__fish_langdock_using_subcommand models" -s j -l json -d 'Print the list as JSON, with everything the endpoint reports about each model'
complete -c langdock -n "__fish_langdock_using_subcommand models" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand models" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand models" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand models" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand count" -s m -l model -d 'Model to ask: an id, or opus, sonnet, haiku or fable for the newest of its kind in the region [default: picked from the region\'s list]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -s s -l system -d 'System prompt; @FILE reads it from a file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand count" -l max-tokens -d 'Maximum tokens to generate [default: 4096 to 16384, depending on the model and its limits]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l temperature -d 'Randomness, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l top-p -d 'Nucleus sampling, 0 to 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l top-k -d 'Sample from the N likeliest tokens, at least 1 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l stop -d 'Stop at this text; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l user-id -d 'An opaque id of the user, sent as metadata.user_id' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l thinking -d 'Reasoning before the answer: auto, off, or a budget of N tokens, at least 1024 [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l effort -d 'How hard the model tries: low, medium, high, xhigh or max [default: the model\'s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l set -d 'Any other field of the request body; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l prefill -d 'Make the answer begin with this text, which is not printed' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -l cache -d 'Mark the prompt for the model\'s cache: auto, off, 5m, 1h [default: auto]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -s f -l file -d 'Text file, image or PDF, detected by content, or a directory; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand count" -s a -l attach -d 'Image or PDF, never sent as text; - is standard input; may be repeated' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand count" -l messages -d 'Earlier turns as JSON: an array of messages or a whole request body; flags override its fields' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand count" -s t -l template -d 'Saved prompt, listed by `langdock template list`, or ./FILE for any other file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand count" -s p -l param -d 'With --template: the value of {{KEY}}; may be repeated' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand count" -s I -l no-stdin -d 'Do not read standard input'
complete -c langdock -n "__fish_langdock_using_subcommand count" -s e -l edit -d 'Write the prompt in an editor: VISUAL, EDITOR, or vi'
complete -c langdock -n "__fish_langdock_using_subcommand count" -l no-check -d 'Send even if the request appears to exceed a known limit, or uses an option that the model is known not to accept'
complete -c langdock -n "__fish_langdock_using_subcommand count" -s j -l json -d 'Print a JSON object'
complete -c langdock -n "__fish_langdock_using_subcommand count" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand usage" -l by -d 'Group by model, day, tag or command' -r -f -a "model\t'The model'
day\t'The day, in local time'
tag\t'The value of --tag'
command\t'The command that sent the request'"
complete -c langdock -n "__fish_langdock_using_subcommand usage" -l since -d 'Only requests from this long ago until now, such as 7d [default: all]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand usage" -l limits -d 'Show the rate-limit ledgers as they are now instead, and which processes hold what'
complete -c langdock -n "__fish_langdock_using_subcommand usage" -s j -l json -d 'Print a JSON object'
complete -c langdock -n "__fish_langdock_using_subcommand usage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "list" -d 'List the conversations, most recently used first'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "show" -d 'Print a conversation: rendered on a terminal, otherwise as Markdown'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "search" -d 'Find conversations with all of the given words in one turn'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "export" -d 'Print a conversation for other programs: as Markdown, or as messages for --messages'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "rename" -d 'Rename a conversation'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "rm" -d 'Delete conversations; asks first on a terminal'
complete -c langdock -n "__fish_langdock_using_subcommand session; and not __fish_seen_subcommand_from list show search export rename rm path" -f -a "path" -d 'Print the path of a conversation, or of the directory of all of them'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from list" -s j -l json -d 'Print a JSON array'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from list" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from show" -s j -l json -d 'Print a JSON object with every turn as stored'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from show" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from search" -s j -l json -d 'Print a JSON array'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from search" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from search" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from export" -s j -l json -d 'Print the messages as a JSON array, with images and PDFs included'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from export" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from rename" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from rm" -l older-than -d 'Delete all conversations not used for this long, such as 30d' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from rm" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from path" -l demo -d 'Use the conversations of --demo, which are stored separately'
complete -c langdock -n "__fish_langdock_using_subcommand session; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l port -d 'Port; 0 chooses a free one [default: 0]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l key -d 'The only key to accept [default: any]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l rpm -d 'Requests per minute, for each key and model' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l tpm -d 'Tokens per minute, for each key and model' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l latency -d 'Delay before the first byte of an answer [default: 0s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l rate -d 'Speed of answers [default: unlimited]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l fail -d 'Faults to simulate, each with its share of the requests from 0 to 1' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l seed -d 'With --fail: seed for choosing the requests that fail [default: random, and printed]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l log -d 'Append a line of JSON for each request to this file, without the key or the content' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l replay -d 'Answer from a file of --record instead of the script' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand serve" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and not __fish_seen_subcommand_from login status logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and not __fish_seen_subcommand_from login status logout" -f -a "login" -d 'Store a key for the endpoint\'s host; prompts for it on a terminal, otherwise reads a line from standard input'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and not __fish_seen_subcommand_from login status logout" -f -a "status" -d 'Show which key would be used, and its origin'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and not __fish_seen_subcommand_from login status logout" -f -a "logout" -d 'Remove the stored key of the endpoint\'s host'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -s j -l json -d 'Print a JSON object'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand auth; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -f -a "path" -d 'Print the path of the config file, whether it exists or not'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -f -a "show" -d 'Print every setting and its origin'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -f -a "get" -d 'Print the value of a setting, or nothing if it is not set'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -f -a "set" -d 'Set a key in the config file, in the profile chosen by --profile or LANGDOCK_PROFILE'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -f -a "unset" -d 'Remove a key from the config file, from the profile chosen by --profile or LANGDOCK_PROFILE'
complete -c langdock -n "__fish_langdock_using_subcommand config; and not __fish_seen_subcommand_from path show get set unset init" -f -a "init" -d 'Write a config file with every setting commented out'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -s j -l json -d 'Print a JSON object'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand config; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l region -d 'Region: eu, us, global, ch [default: eu]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l base-url -d 'Base URL, in the form that Anthropic SDKs accept; {region} is replaced by the region [default: https://api.langdock.com/anthropic/{region}]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l connect-timeout -d 'Connection timeout [default: 5s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l idle-timeout -d 'Idle timeout: no data received for this long [default: 120s if streamed, otherwise 600s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l timeout -d 'Total time limit, including waits [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l max-retries -d 'Maximum number of retries; 0 for none [default: 8]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l max-wait -d 'Maximum time to wait between attempts, in total [default: 120s]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l proxy -d 'Proxy for requests that leave this machine: http, https or socks5h; empty for none [default: none]' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l cacert -d 'PEM file of the certificates to trust [default: the bundled ones and the system\'s]' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l profile -d 'Profile in the config file' -r -f
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l api-key-file -d 'Read the API key from this file instead of LANGDOCK_API_KEY' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l record -d 'Append each request and its response to this file' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l replay -d 'Answer from a file of --record: no endpoint, no key' -r -F
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l replay-pace -d 'With --replay: fast skips all waits, real repeats the recorded ones [default: fast]' -r -f -a "fast\t''
real\t''"
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -s j -l json -d 'Print a JSON object'
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l allow-http -d 'Allow plain http to another machine'
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l no-pace -d 'Send at once, ignoring the limits of requests and tokens per minute'
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -l demo -d 'Answer from the built-in endpoint: scripted answers, no model, no key'
complete -c langdock -n "__fish_langdock_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand template; and not __fish_seen_subcommand_from list show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c langdock -n "__fish_langdock_using_subcommand template; and not __fish_seen_subcommand_from list show" -f -a "list" -d 'List the templates'
complete -c langdock -n "__fish_langdock_using_subcommand template; and not __fish_seen_subcommand_from list show" -f -a "show" -d 'Print a template unchanged'
complete -c langdock -n "__fish_langdock_using_subcommand template; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c langdock -n "__fish_langdock_using_subcommand template; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
