"""Answers without end, in every form, and answers that are broken at random."""

import json

from . import events
from .server import Server

FORMS = [[], ["--json"], ["--jsonl"], ["-S"], ["--markdown"], ["--show-thinking"], ["--session", "flood"]]


def endless(first, piece):
    """Bytes that begin with `first` and go on with `piece` for ever."""

    def body():
        yield first
        chunk = events.batched(piece)
        while True:
            yield chunk

    return body


def once(*pieces):
    return lambda: iter(pieces)


def many_blocks():
    yield events.start()
    index = 0
    while True:
        yield b"".join(events.block(index + place, {"type": "text", "text": ""}) for place in range(500))
        index += 500


def unknown_blocks():
    yield events.start()
    index = 0
    while True:
        yield events.block(index, {"type": "later", "data": [[]] * 10_000, "more": {str(key): {} for key in range(1000)}})
        index += 1


FLOODS = {
    "text": endless(events.start() + events.text_block(), events.text_delta("word " * 2000)),
    "letters": endless(events.start() + events.text_block(), events.text_delta("x")),
    "control characters": endless(events.start() + events.text_block(), events.text_delta("\x01\x02" * 4000)),
    "thinking": endless(
        events.start() + events.block(0, {"type": "thinking", "thinking": "", "signature": ""}),
        events.delta(0, "thinking_delta", "thinking", "hm " * 3000),
    ),
    "text and thinking in turn": endless(
        events.start() + events.text_block() + events.block(1, {"type": "thinking", "thinking": "", "signature": ""}),
        events.text_delta("x") + events.delta(1, "thinking_delta", "thinking", "y"),
    ),
    "arguments": endless(
        events.start() + events.block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        events.delta(0, "input_json_delta", "partial_json", "[" * 8000),
    ),
    "an array as arguments": once(
        events.start() + events.block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        events.delta(0, "input_json_delta", "partial_json", '{"a":[' + "[]," * 1_000_000 + "1]}"),
        events.stop("tool_use"),
    ),
    "citations": endless(
        events.start() + events.text_block(),
        events.event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {"a": [[]] * 100}}),
    ),
    "unknown deltas": endless(
        events.start() + events.block(0, {"type": "later"}),
        events.event("content_block_delta", index=0, delta={"type": "later_delta", "list": [[]] * 100}),
    ),
    "blocks": many_blocks,
    "unknown blocks": unknown_blocks,
    "pings": endless(events.start(), events.event("ping")),
    "usage": endless(events.start(), events.event("message_delta", delta={}, usage={f"k{key}": [[]] for key in range(100)})),
    "white space": endless(b"\n\n", b" \r\n\t"),
    "a line": endless(b"data: ", b"x" * 1000),
    "an event": endless(b"event: message_start\n", b"data: {\n"),
    "comments": endless(b": x\n\n", b": comment\n"),
    "an event of 31 MB": once(b"data: [", *[b"[]," * 20_000] * 500, b"1]\n\n"),
    "JSON": endless(b'{"content": [{"type": "text", "text": "', b"x" * 1000),
    "a tree": endless(b'{"content": [', b"[],"),
    "deep JSON": endless(b"", b"["),
    "errors": once(b"data: " + json.dumps({"type": "error", "error": {"message": "x" * 3_000_000}}).encode() + b"\n\n"),
}


TOO_LARGE = "exceeds the limit of 20,971,520 bytes"


def flood(child, body, form, command="send", **more):
    """Runs a command against a server that floods it, and returns its errors."""
    with Server(body) as server:
        args = [command, "-m", "m", "--base-url", server.url, "--allow-http", "--max-retries", "0", *form]
        code, _, errors = child.run(args, most_seconds=60, **more)
        if code == 0 and command == "send":
            child.fail(args, "it ended well", errors)
        return errors


def conversation(child):
    """A conversation of answers of 8 MiB sends those that it has, up to the limit of a request, and is shown whole."""
    in_it = ["--session", "flood"]
    for name in ["text", "thinking", "arguments", "control characters"]:
        child.trying = f"the flood `{name}` in a conversation that has others"
        flood(child, FLOODS[name], [*in_it, "hello"])
    child.trying = "a flood in `chat`"
    errors = flood(child, FLOODS["text"], in_it, command="chat", stdin=b"hello\n/export\n")
    if TOO_LARGE in errors:
        child.fail(in_it, "the request is too large", errors)
    child.trying = "more floods than a request takes"
    errors = flood(child, FLOODS["text"], [*in_it, "hello"])
    if TOO_LARGE not in errors:
        child.fail(in_it, "the request is not too large", errors)
    child.trying = ""
    for args in [
        ["list"], ["show", "flood"], ["show", "flood", "--json"], ["show", "flood", "--last"], ["show", "flood", "--extract"],
        ["search", "word"], ["export", "flood"], ["export", "flood", "--json"], ["rename", "flood", "flooded"],
    ]:
        child.run(["session", *args], codes=[0, 12])


def fixed(child):
    # What is saved takes the most memory; the other forms take turns, and the random part tries them all.
    *others, _ = FORMS
    for turn, (name, body) in enumerate(FLOODS.items()):
        child.trying = f"the flood `{name}`"
        for form in [["--session", f"flood {turn}"], others[turn % len(others)]]:
            flood(child, body, [*form, "hello"])
    conversation(child)

    def models():
        yield b'{"data": ['
        while True:
            yield b'{"id": "m", "more": [[], [], {}]},' * 1000

    with Server(models, "application/json") as server:
        child.run(["models", "--refresh", "--base-url", server.url, "--allow-http", "--max-retries", "0"], codes=[5])


def at_random(child, chance):
    """An answer with some of its bytes replaced, cut out or repeated."""
    whole = bytearray(
        events.start() + events.text_block() + events.text_delta("Hello **world**\n") + events.text_delta("`x` \ud7ff é 🙂")
        + events.event("content_block_stop", index=0)
        + events.block(1, {"type": "tool_use", "id": "t", "name": "f", "input": {}})
        + events.delta(1, "input_json_delta", "partial_json", '{"a": [1, {"b": null}]}')
        + events.event("content_block_stop", index=1) + events.stop()
    )
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(whole))
        until = min(len(whole), place + chance.choice([1, 2, 10, 100]))
        match chance.randrange(3):
            case 0:
                whole[place:until] = bytes(chance.randrange(256) for _ in range(until - place))
            case 1:
                del whole[place:until]
            case _:
                whole[place:place] = whole[place:until] * chance.choice([1, 2, 1000])
    size = chance.choice([1, 7, 100, 10_000])
    with Server(lambda: (bytes(whole[at : at + size]) for at in range(0, len(whole), size))) as server:
        child.run(
            ["send", "-m", "m", "--base-url", server.url, "--allow-http", "--max-retries", "0", "hello", *chance.choice(FORMS)]
        )
