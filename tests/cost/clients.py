"""Who is measured: `langdock`, curl, and the clients that PyPI and npm offer, each with the same request."""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM, DIRECTORY = sys.argv[1], Path(sys.argv[2])
RELAY = DIRECTORY / "relay"
MODEL = "claude-3-haiku-20240307"
# A model with an unknown context window, so that 5 MB of text are estimated but not refused.
ROOMY_MODEL = "claude-roomy"
KEY = "sk-ld-cost"
# The same environment everywhere, because its length affects the instruction count.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": str(DIRECTORY), "LANG": "C.UTF-8", "LANGDOCK_API_KEY": KEY}

QUESTION = ["-d", json.dumps({"model": MODEL, "max_tokens": 4096, "stream": True,
                              "messages": [{"role": "user", "content": "Say it."}]})]  # fmt: skip


def langdock(base, *args):
    return [PROGRAM, "send", "--base-url", base, "-m", MODEL, *args]


def curl(base, *args):
    return [
        "curl", "-sN", f"{base}/v1/messages",
        "-H", f"Authorization: Bearer {KEY}", "-H", "anthropic-version: 2023-06-01",
        "-H", "content-type: application/json", *args,
    ]  # fmt: skip


def shell(script, *words):
    return ["sh", "-c", script, "sh", *map(str, words)]


# The jq filter that creates the body for curl from the text on standard input.
OF_TEXT = '{model: $m, max_tokens: 4096, stream: true, messages: [{role: "user", content: .}]}'
OF_IMAGE = """{model: $m, max_tokens: 4096, stream: true, messages: [{role: "user", content: [
  {type: "image", source: {type: "base64", media_type: "image/png", data: .}}, {type: "text", text: "What is it?"}]}]}"""
CURL_OF_STDIN = """curl -sN "$3/v1/messages" -H "Authorization: Bearer $4" -H "anthropic-version: 2023-06-01" \
  -H "content-type: application/json" --data-binary @-"""


def langdock_with_text(base, text, model, *args):
    return shell('cat "$1" | "$2" send --base-url "$3" -m "$4" $5', text, PROGRAM, base, model, " ".join(args))


def curl_with_text(base, text):
    return shell(f"cat \"$1\" | jq -Rs '{OF_TEXT}' --arg m \"$2\" | {CURL_OF_STDIN}", text, MODEL, base, KEY)


def curl_with_image(base, image):
    script = f"base64 -w0 \"$1\" | jq -Rs '{OF_IMAGE}' --arg m \"$2\" | {CURL_OF_STDIN}"
    return shell(script, image, MODEL, base, KEY)


class Rivals:
    """Clients in the directory into which `run` has put them: their commands by name, for a question, a text and an image."""

    def __init__(self, directory):
        self.commands = {
            "llm": [f"{directory}/venv/bin/llm", "-n", "-m", "claude-3-haiku"],
            "SDK, python": [f"{directory}/venv/bin/python", str(HERE / "ask.py")],
            "SDK, node": ["node", f"{directory}/ask.mjs"],
        }

    def asking(self, base, *trust):
        return {name: at(base, [*command, "Say it."], *trust) for name, command in self.commands.items()}

    def asking_securely(self, base, authority):
        return self.asking(base, f"SSL_CERT_FILE={authority}", f"NODE_EXTRA_CA_CERTS={authority}")

    def with_text(self, base, text):
        reading = ["sh", "-c", 'exec "$@" <"$0"', str(text)]
        return {name: at(base, [*reading, *command]) for name, command in self.commands.items()}

    def with_image(self, base, image):
        asked = ["What is it?", "-a", str(image)]
        return {name: at(base, [*command, *asked]) for name, command in self.commands.items()}


def at(base, command, *more):
    """The command with what tells a client of Anthropic's where to go."""
    where = [f"ANTHROPIC_BASE_URL={base}", f"ANTHROPIC_API_KEY={KEY}", f"PATH={os.environ['PATH']}", *more]
    return ["/usr/bin/env", *where, *command]
