"""Asks by the official SDK, and prints the answer as it comes: ask.py [QUESTION [-a IMAGE]], the question or standard input."""

import base64
import sys
from pathlib import Path

from anthropic import Anthropic

question, image = sys.argv[1] if len(sys.argv) > 1 else sys.stdin.read(), sys.argv[3:]
content = [{"type": "text", "text": question}]
if image:
    data = base64.b64encode(Path(image[0]).read_bytes()).decode()
    content.insert(0, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
messages = [{"role": "user", "content": content}]
with Anthropic().messages.stream(model="claude-3-haiku-20240307", max_tokens=4096, messages=messages) as stream:
    for piece in stream.text_stream:
        print(piece, end="", flush=True)
