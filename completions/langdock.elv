
use builtin;
use str;

set edit:completion:arg-completer[langdock] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'langdock'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'langdock'= {
            cand --region 'Region: eu, us, global, ch'
            cand --base-url 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced'
            cand --api-key-file 'Read the API key from this file instead of LANGDOCK_API_KEY'
            cand --connect-timeout 'For a connection to come about [default: 5s]'
            cand --idle-timeout 'With no byte moving [default: 120s streamed, 600s not]'
            cand --timeout 'For the whole call, waiting included [default: none]'
            cand --max-retries 'Tries after the first one; 0 for none [default: 8]'
            cand --max-wait 'Time spent waiting between tries, in all [default: 120s]'
            cand --proxy 'Proxy for every request that leaves this machine'
            cand --cacert 'PEM file of the certificates to trust, instead of the bundled ones and the system''s'
            cand --allow-http 'Allow plain http to another machine'
            cand --demo 'Answer from the built-in endpoint: scripted answers, no model, no key'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand send 'Send one request and stream the answer to standard output'
            cand serve 'Run the scripted endpoint of --demo on a port, for other programs'
            cand completions 'Print a completion script for a shell'
        }
        &'langdock;send'= {
            cand --region 'Region: eu, us, global, ch'
            cand --base-url 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced'
            cand --api-key-file 'Read the API key from this file instead of LANGDOCK_API_KEY'
            cand --connect-timeout 'For a connection to come about [default: 5s]'
            cand --idle-timeout 'With no byte moving [default: 120s streamed, 600s not]'
            cand --timeout 'For the whole call, waiting included [default: none]'
            cand --max-retries 'Tries after the first one; 0 for none [default: 8]'
            cand --max-wait 'Time spent waiting between tries, in all [default: 120s]'
            cand --proxy 'Proxy for every request that leaves this machine'
            cand --cacert 'PEM file of the certificates to trust, instead of the bundled ones and the system''s'
            cand -m 'Model'
            cand --model 'Model'
            cand -s 'System prompt; @FILE reads it from a file'
            cand --system 'System prompt; @FILE reads it from a file'
            cand --max-tokens 'Most tokens to write [default: 4096 or 8192, by the model]'
            cand --temperature 'Randomness, 0 to 1'
            cand --top-p 'Nucleus sampling, 0 to 1'
            cand --top-k 'Sample from the K likeliest tokens, at least 1'
            cand --stop 'Stop at this text; repeat for more'
            cand --user-id 'An opaque id of the person, sent as metadata.user_id'
            cand --set 'Any other field of the request''s body; repeat for more'
            cand --prefill 'Let the answer begin with this text; only what follows it is printed'
            cand -f 'Text file, image or PDF, told by its content; - is standard input; repeat for more'
            cand --file 'Text file, image or PDF, told by its content; - is standard input; repeat for more'
            cand --color 'Colour of messages'
            cand --lang 'With --extract: the first code block of this language'
            cand -o 'Write the answer to this file, whole or not at all'
            cand --output 'Write the answer to this file, whole or not at all'
            cand --allow-http 'Allow plain http to another machine'
            cand --demo 'Answer from the built-in endpoint: scripted answers, no model, no key'
            cand -I 'Leave standard input alone'
            cand --no-stdin 'Leave standard input alone'
            cand -q 'Say nothing but errors'
            cand --quiet 'Say nothing but errors'
            cand -v 'Say what is done; -vv: requests and headers too, never bodies or the key'
            cand --verbose 'Say what is done; -vv: requests and headers too, never bodies or the key'
            cand -u 'Say the tokens and the time it took'
            cand --usage 'Say the tokens and the time it took'
            cand -S 'Ask for the answer in one piece'
            cand --no-stream 'Ask for the answer in one piece'
            cand -j 'Print the API''s message object'
            cand --json 'Print the API''s message object'
            cand --jsonl 'Print each event on a line as it comes, then the message object'
            cand -x 'Print the first fenced code block only'
            cand --extract 'Print the first fenced code block only'
            cand --allow-truncated 'Exit 0 even if the answer was cut off by the limit of tokens'
            cand --dry-run 'Print the body and send nothing; the data of images is shortened'
            cand --curl 'Print an equal curl command and send nothing; the key stands in it as $LANGDOCK_API_KEY'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'langdock;serve'= {
            cand --region 'Region: eu, us, global, ch'
            cand --base-url 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced'
            cand --api-key-file 'Read the API key from this file instead of LANGDOCK_API_KEY'
            cand --connect-timeout 'For a connection to come about [default: 5s]'
            cand --idle-timeout 'With no byte moving [default: 120s streamed, 600s not]'
            cand --timeout 'For the whole call, waiting included [default: none]'
            cand --max-retries 'Tries after the first one; 0 for none [default: 8]'
            cand --max-wait 'Time spent waiting between tries, in all [default: 120s]'
            cand --proxy 'Proxy for every request that leaves this machine'
            cand --cacert 'PEM file of the certificates to trust, instead of the bundled ones and the system''s'
            cand --port 'Port; 0 takes a free one [default: 0]'
            cand --key 'The one key to accept [default: any]'
            cand --rpm 'Requests a minute, for each key and model'
            cand --tpm 'Tokens a minute, for each key and model'
            cand --latency 'Before the first byte of an answer [default: 0s]'
            cand --rate 'How fast answers are written [default: as fast as can be]'
            cand --fail 'What goes wrong, with its share of the requests from 0 to 1'
            cand --seed 'With --fail: the same number gives the n-th request the same fate [default: one that is told]'
            cand --log 'Append a line of JSON for each request to this file; never the key or the content'
            cand --allow-http 'Allow plain http to another machine'
            cand --demo 'Answer from the built-in endpoint: scripted answers, no model, no key'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'langdock;completions'= {
            cand --region 'Region: eu, us, global, ch'
            cand --base-url 'Base URL, as an Anthropic SDK takes it; {region} in it is replaced'
            cand --api-key-file 'Read the API key from this file instead of LANGDOCK_API_KEY'
            cand --connect-timeout 'For a connection to come about [default: 5s]'
            cand --idle-timeout 'With no byte moving [default: 120s streamed, 600s not]'
            cand --timeout 'For the whole call, waiting included [default: none]'
            cand --max-retries 'Tries after the first one; 0 for none [default: 8]'
            cand --max-wait 'Time spent waiting between tries, in all [default: 120s]'
            cand --proxy 'Proxy for every request that leaves this machine'
            cand --cacert 'PEM file of the certificates to trust, instead of the bundled ones and the system''s'
            cand --allow-http 'Allow plain http to another machine'
            cand --demo 'Answer from the built-in endpoint: scripted answers, no model, no key'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
