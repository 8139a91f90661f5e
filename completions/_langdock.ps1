
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'langdock' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'langdock'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'langdock' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Send one request and stream the answer to standard output')
            [CompletionResult]::new('tool-run', 'tool-run', [CompletionResultType]::ParameterValue, 'Send a request, and run the tools that the model asks for on this machine until it is done')
            [CompletionResult]::new('models', 'models', [CompletionResultType]::ParameterValue, 'List the models that the region offers')
            [CompletionResult]::new('count', 'count', [CompletionResultType]::ParameterValue, 'Estimate the tokens of a request, by part; nothing is sent')
            [CompletionResult]::new('usage', 'usage', [CompletionResultType]::ParameterValue, 'Sum up what the requests of this machine took')
            [CompletionResult]::new('session', 'session', [CompletionResultType]::ParameterValue, 'List, show, search and delete saved conversations')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the scripted endpoint of --demo on a port, for other programs')
            [CompletionResult]::new('auth', 'auth', [CompletionResultType]::ParameterValue, 'Store, show and forget the API key')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Show and change the settings')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check key, endpoint, models, clock and folders, and say what to do')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Tell more of a command or a topic')
            [CompletionResult]::new('template', 'template', [CompletionResultType]::ParameterValue, 'List and show saved prompts')
            break
        }
        'langdock;send' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Model [default: picked once from the region''s list]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model [default: picked once from the region''s list]')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'System prompt; @FILE reads it from a file')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'System prompt; @FILE reads it from a file')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'Most tokens to write [default: 4096 or 8192, by the model]')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Randomness, 0 to 1')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Nucleus sampling, 0 to 1')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Sample from the K likeliest tokens, at least 1')
            [CompletionResult]::new('--stop', '--stop', [CompletionResultType]::ParameterName, 'Stop at this text; repeat for more')
            [CompletionResult]::new('--user-id', '--user-id', [CompletionResultType]::ParameterName, 'An opaque id of the person, sent as metadata.user_id')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Any other field of the request''s body; repeat for more')
            [CompletionResult]::new('--prefill', '--prefill', [CompletionResultType]::ParameterName, 'Let the answer begin with this text; only what follows it is printed')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Text file, image or PDF, told by its content; a folder; - is standard input; repeat for more')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Text file, image or PDF, told by its content; a folder; - is standard input; repeat for more')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Image or PDF, never sent as text; - is standard input; repeat for more')
            [CompletionResult]::new('--attach', '--attach', [CompletionResultType]::ParameterName, 'Image or PDF, never sent as text; - is standard input; repeat for more')
            [CompletionResult]::new('--messages', '--messages', [CompletionResultType]::ParameterName, 'Earlier turns: JSON, an array of messages or a whole body; flags go before its fields')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'With --template: what stands for {{KEY}}; repeat for more')
            [CompletionResult]::new('--param', '--param', [CompletionResultType]::ParameterName, 'With --template: what stands for {{KEY}}; repeat for more')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Tools that the model may ask for: a file in JSON or TOML, or a program; repeat for more')
            [CompletionResult]::new('--tool', '--tool', [CompletionResultType]::ParameterName, 'Tools that the model may ask for: a file in JSON or TOML, or a program; repeat for more')
            [CompletionResult]::new('--tool-choice', '--tool-choice', [CompletionResultType]::ParameterName, 'Whether the model has to call a tool: auto, any, none, or the one tool to call')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour of messages and of rendered Markdown')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'With --extract: the first code block of this language')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to this file, whole or not at all')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to this file, whole or not at all')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'A word for the log, by which `langdock usage --by tag` sums up')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'Go on with this conversation, or begin it')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--schema', '--schema', [CompletionResultType]::ParameterName, 'JSON that fits this JSON schema, and nothing else')
            [CompletionResult]::new('--repair', '--repair', [CompletionResultType]::ParameterName, 'With --schema: how often a wrong answer is sent back [default: 2]')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Leave standard input alone')
            [CompletionResult]::new('--no-stdin', '--no-stdin', [CompletionResultType]::ParameterName, 'Leave standard input alone')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Write the prompt in an editor: VISUAL, EDITOR, or vi')
            [CompletionResult]::new('--edit', '--edit', [CompletionResultType]::ParameterName, 'Write the prompt in an editor: VISUAL, EDITOR, or vi')
            [CompletionResult]::new('--no-check', '--no-check', [CompletionResultType]::ParameterName, 'Send a request all the same that is too large by what is known of the limits')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Print the answer as it was written, on a terminal too')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Render the answer''s Markdown, in a pipe too [default: on a terminal]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say what is done; -vv: requests and headers too, never bodies or the key')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say what is done; -vv: requests and headers too, never bodies or the key')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Say the tokens and the time it took')
            [CompletionResult]::new('--usage', '--usage', [CompletionResultType]::ParameterName, 'Say the tokens and the time it took')
            [CompletionResult]::new('--show-thinking', '--show-thinking', [CompletionResultType]::ParameterName, 'Show the model''s reasoning too, on stderr')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Ask for the answer in one piece')
            [CompletionResult]::new('--no-stream', '--no-stream', [CompletionResultType]::ParameterName, 'Ask for the answer in one piece')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print the API''s message object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the API''s message object')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print each event on a line as it comes, then the message object')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Print the first fenced code block only')
            [CompletionResult]::new('--extract', '--extract', [CompletionResultType]::ParameterName, 'Print the first fenced code block only')
            [CompletionResult]::new('--allow-truncated', '--allow-truncated', [CompletionResultType]::ParameterName, 'Exit 0 even if the answer was cut off by the limit of tokens')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Go on with the conversation that was last used, or with LANGDOCK_SESSION''s')
            [CompletionResult]::new('--continue', '--continue', [CompletionResultType]::ParameterName, 'Go on with the conversation that was last used, or with LANGDOCK_SESSION''s')
            [CompletionResult]::new('--fork', '--fork', [CompletionResultType]::ParameterName, 'With --continue or --session: go on in a copy, and leave the conversation as it is')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Save nothing of this, neither in a conversation nor in the log of requests')
            [CompletionResult]::new('--no-log', '--no-log', [CompletionResultType]::ParameterName, 'Save nothing of this, neither in a conversation nor in the log of requests')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the body and send nothing; the data of images is shortened')
            [CompletionResult]::new('--curl', '--curl', [CompletionResultType]::ParameterName, 'Print an equal curl command and send nothing; the key stands in it as $LANGDOCK_API_KEY')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;tool-run' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Model [default: picked once from the region''s list]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model [default: picked once from the region''s list]')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'System prompt; @FILE reads it from a file')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'System prompt; @FILE reads it from a file')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'Most tokens to write [default: 4096 or 8192, by the model]')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Randomness, 0 to 1')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Nucleus sampling, 0 to 1')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Sample from the K likeliest tokens, at least 1')
            [CompletionResult]::new('--stop', '--stop', [CompletionResultType]::ParameterName, 'Stop at this text; repeat for more')
            [CompletionResult]::new('--user-id', '--user-id', [CompletionResultType]::ParameterName, 'An opaque id of the person, sent as metadata.user_id')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Any other field of the request''s body; repeat for more')
            [CompletionResult]::new('--prefill', '--prefill', [CompletionResultType]::ParameterName, 'Let the answer begin with this text; only what follows it is printed')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Text file, image or PDF, told by its content; a folder; - is standard input; repeat for more')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Text file, image or PDF, told by its content; a folder; - is standard input; repeat for more')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Image or PDF, never sent as text; - is standard input; repeat for more')
            [CompletionResult]::new('--attach', '--attach', [CompletionResultType]::ParameterName, 'Image or PDF, never sent as text; - is standard input; repeat for more')
            [CompletionResult]::new('--messages', '--messages', [CompletionResultType]::ParameterName, 'Earlier turns: JSON, an array of messages or a whole body; flags go before its fields')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'With --template: what stands for {{KEY}}; repeat for more')
            [CompletionResult]::new('--param', '--param', [CompletionResultType]::ParameterName, 'With --template: what stands for {{KEY}}; repeat for more')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Tools that the model may ask for: a file in JSON or TOML, or a program; repeat for more')
            [CompletionResult]::new('--tool', '--tool', [CompletionResultType]::ParameterName, 'Tools that the model may ask for: a file in JSON or TOML, or a program; repeat for more')
            [CompletionResult]::new('--tool-choice', '--tool-choice', [CompletionResultType]::ParameterName, 'Whether the model has to call a tool: auto, any, none, or the one tool to call')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour of messages and of rendered Markdown')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'With --extract: the first code block of this language')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the answer to this file, whole or not at all')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the answer to this file, whole or not at all')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'A word for the log, by which `langdock usage --by tag` sums up')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'Go on with this conversation, or begin it')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--allow-tool', '--allow-tool', [CompletionResultType]::ParameterName, 'Run the calls of this tool unasked; repeat for more')
            [CompletionResult]::new('--deny-tool', '--deny-tool', [CompletionResultType]::ParameterName, 'Never run the calls of this tool; repeat for more')
            [CompletionResult]::new('--max-turns', '--max-turns', [CompletionResultType]::ParameterName, 'How often the model is asked at most')
            [CompletionResult]::new('--tool-jobs', '--tool-jobs', [CompletionResultType]::ParameterName, 'How many calls of one answer are run at a time')
            [CompletionResult]::new('--call', '--call', [CompletionResultType]::ParameterName, 'Run a call by hand as the model''s would be, print its result, and send nothing; - is standard input')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Leave standard input alone')
            [CompletionResult]::new('--no-stdin', '--no-stdin', [CompletionResultType]::ParameterName, 'Leave standard input alone')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Write the prompt in an editor: VISUAL, EDITOR, or vi')
            [CompletionResult]::new('--edit', '--edit', [CompletionResultType]::ParameterName, 'Write the prompt in an editor: VISUAL, EDITOR, or vi')
            [CompletionResult]::new('--no-check', '--no-check', [CompletionResultType]::ParameterName, 'Send a request all the same that is too large by what is known of the limits')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Print the answer as it was written, on a terminal too')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Render the answer''s Markdown, in a pipe too [default: on a terminal]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say what is done; -vv: requests and headers too, never bodies or the key')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say what is done; -vv: requests and headers too, never bodies or the key')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Say the tokens and the time it took')
            [CompletionResult]::new('--usage', '--usage', [CompletionResultType]::ParameterName, 'Say the tokens and the time it took')
            [CompletionResult]::new('--show-thinking', '--show-thinking', [CompletionResultType]::ParameterName, 'Show the model''s reasoning too, on stderr')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Ask for the answer in one piece')
            [CompletionResult]::new('--no-stream', '--no-stream', [CompletionResultType]::ParameterName, 'Ask for the answer in one piece')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print the API''s message object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the API''s message object')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print each event on a line as it comes, then the message object')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Print the first fenced code block only')
            [CompletionResult]::new('--extract', '--extract', [CompletionResultType]::ParameterName, 'Print the first fenced code block only')
            [CompletionResult]::new('--allow-truncated', '--allow-truncated', [CompletionResultType]::ParameterName, 'Exit 0 even if the answer was cut off by the limit of tokens')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Go on with the conversation that was last used, or with LANGDOCK_SESSION''s')
            [CompletionResult]::new('--continue', '--continue', [CompletionResultType]::ParameterName, 'Go on with the conversation that was last used, or with LANGDOCK_SESSION''s')
            [CompletionResult]::new('--fork', '--fork', [CompletionResultType]::ParameterName, 'With --continue or --session: go on in a copy, and leave the conversation as it is')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Save nothing of this, neither in a conversation nor in the log of requests')
            [CompletionResult]::new('--no-log', '--no-log', [CompletionResultType]::ParameterName, 'Save nothing of this, neither in a conversation nor in the log of requests')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the body and send nothing; the data of images is shortened')
            [CompletionResult]::new('--curl', '--curl', [CompletionResultType]::ParameterName, 'Print an equal curl command and send nothing; the key stands in it as $LANGDOCK_API_KEY')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Run every call unasked, but for those of tools with `confirm`')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Run every call unasked, but for those of tools with `confirm`')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'Print the tools, and send nothing')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;models' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--refresh', '--refresh', [CompletionResultType]::ParameterName, 'Ask for the list, however young the last one is')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the list as JSON, with all that is said of each model')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;count' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Model [default: picked once from the region''s list]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Model [default: picked once from the region''s list]')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'System prompt; @FILE reads it from a file')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'System prompt; @FILE reads it from a file')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'Most tokens to write [default: 4096 or 8192, by the model]')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Randomness, 0 to 1')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Nucleus sampling, 0 to 1')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Sample from the K likeliest tokens, at least 1')
            [CompletionResult]::new('--stop', '--stop', [CompletionResultType]::ParameterName, 'Stop at this text; repeat for more')
            [CompletionResult]::new('--user-id', '--user-id', [CompletionResultType]::ParameterName, 'An opaque id of the person, sent as metadata.user_id')
            [CompletionResult]::new('--set', '--set', [CompletionResultType]::ParameterName, 'Any other field of the request''s body; repeat for more')
            [CompletionResult]::new('--prefill', '--prefill', [CompletionResultType]::ParameterName, 'Let the answer begin with this text; only what follows it is printed')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Text file, image or PDF, told by its content; a folder; - is standard input; repeat for more')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Text file, image or PDF, told by its content; a folder; - is standard input; repeat for more')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Image or PDF, never sent as text; - is standard input; repeat for more')
            [CompletionResult]::new('--attach', '--attach', [CompletionResultType]::ParameterName, 'Image or PDF, never sent as text; - is standard input; repeat for more')
            [CompletionResult]::new('--messages', '--messages', [CompletionResultType]::ParameterName, 'Earlier turns: JSON, an array of messages or a whole body; flags go before its fields')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Saved prompt; `langdock template list` names them, and ./FILE is a file elsewhere')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'With --template: what stands for {{KEY}}; repeat for more')
            [CompletionResult]::new('--param', '--param', [CompletionResultType]::ParameterName, 'With --template: what stands for {{KEY}}; repeat for more')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Leave standard input alone')
            [CompletionResult]::new('--no-stdin', '--no-stdin', [CompletionResultType]::ParameterName, 'Leave standard input alone')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Write the prompt in an editor: VISUAL, EDITOR, or vi')
            [CompletionResult]::new('--edit', '--edit', [CompletionResultType]::ParameterName, 'Write the prompt in an editor: VISUAL, EDITOR, or vi')
            [CompletionResult]::new('--no-check', '--no-check', [CompletionResultType]::ParameterName, 'Send a request all the same that is too large by what is known of the limits')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;usage' {
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'What to sum up by: model, day, tag, command')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only the requests of this last while, such as 7d [default: all]')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;session' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print a line about each, the one last used first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print a conversation as Markdown')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Find the conversations that have all of these words in one turn')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Print a conversation for other programs: Markdown, or the messages as --messages takes them')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give a conversation another name')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Delete conversations; on a terminal it asks first')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where a conversation is, or the folder of all')
            break
        }
        'langdock;session;list' {
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an array of objects')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an array of objects')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;session;show' {
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an object with every turn as it is on disk')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an object with every turn as it is on disk')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;session;search' {
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an array of objects')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an array of objects')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;session;export' {
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print the messages as an array, images and PDFs in it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the messages as an array, images and PDFs in it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;session;rename' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;session;rm' {
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'All in which nothing was said for so long, such as 30d')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;session;path' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;serve' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port; 0 takes a free one [default: 0]')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The one key to accept [default: any]')
            [CompletionResult]::new('--rpm', '--rpm', [CompletionResultType]::ParameterName, 'Requests a minute, for each key and model')
            [CompletionResult]::new('--tpm', '--tpm', [CompletionResultType]::ParameterName, 'Tokens a minute, for each key and model')
            [CompletionResult]::new('--latency', '--latency', [CompletionResultType]::ParameterName, 'Before the first byte of an answer [default: 0s]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'How fast answers are written [default: as fast as can be]')
            [CompletionResult]::new('--fail', '--fail', [CompletionResultType]::ParameterName, 'What goes wrong, with its share of the requests from 0 to 1')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'With --fail: the same number gives the n-th request the same fate [default: one that is told]')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Append a line of JSON for each request to this file; never the key or the content')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;auth' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Store a key for the endpoint''s host; asks for it on a terminal, or reads a line of standard input')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which key would be used, and where it came from')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Forget the stored key of the endpoint''s host')
            break
        }
        'langdock;auth;login' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;auth;status' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;auth;logout' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;config' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the config file is, or would be')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print every setting and where it came from')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print the value of one setting, nothing if it has none')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Set a key of the config file, in the profile that --profile or LANGDOCK_PROFILE chooses')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a config file in which everything is a comment')
            break
        }
        'langdock;config;path' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;config;show' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;config;get' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;config;set' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;config;init' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;doctor' {
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region: eu, us, global, ch')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file instead of LANGDOCK_API_KEY')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'For a connection to come about [default: 5s]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'With no byte moving [default: 120s streamed, 600s not]')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'For the whole call, waiting included [default: none]')
            [CompletionResult]::new('--max-retries', '--max-retries', [CompletionResultType]::ParameterName, 'Tries after the first one; 0 for none [default: 8]')
            [CompletionResult]::new('--max-wait', '--max-wait', [CompletionResultType]::ParameterName, 'Time spent waiting between tries, in all [default: 120s]')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy for every request that leaves this machine')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'PEM file of the certificates to trust, instead of the bundled ones and the system''s')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print an object')
            [CompletionResult]::new('--no-pace', '--no-pace', [CompletionResultType]::ParameterName, 'Send at once, whatever the limits of requests and tokens a minute')
            [CompletionResult]::new('--allow-http', '--allow-http', [CompletionResultType]::ParameterName, 'Allow plain http to another machine')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Answer from the built-in endpoint: scripted answers, no model, no key')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;help' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'langdock;template' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print the names of the templates')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print a template as it is')
            break
        }
        'langdock;template;list' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'langdock;template;show' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
