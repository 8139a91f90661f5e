"""The ways in which servers and gateways put one and the same stream of events on the wire.

A framing makes the packets of an HTTP response out of a stream: a list of (name, data) pairs.
"""

import json
from itertools import cycle, islice

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_replay\r\n"
# Characters of two, three and four bytes in UTF-8.
WIDE = " \N{LATIN SMALL LETTER E WITH ACUTE}\N{CJK UNIFIED IDEOGRAPH-6F22}\N{SLIGHTLY SMILING FACE} "


def event(name, data, end="\n"):
    return f"event: {name}{end}data: {data}{end}{end}".encode()


def chunks(pieces):
    """The body in chunks, each in a packet of its own."""
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece] + [b"0\r\n\r\n"]


def chunked(pieces):
    return [STREAM + b"transfer-encoding: chunked\r\n\r\n", *chunks(pieces)]


def with_line_end(end):
    return lambda events: chunked([event(name, data, end) for name, data in events])


def byte_by_byte(events):
    """A slow proxy: the response headers come in pieces as well."""
    body = b"".join(event(name, data) for name, data in events)
    head, *rest = chunked([body[at : at + 1] for at in range(len(body))])
    return [head[at : at + 1] for at in range(len(head))] + rest


def within_characters(events):
    """A cut behind the first byte of each character that has several."""
    body = b"".join(event(name, data) for name, data in events)
    cuts = [0, *(at + 1 for at, byte in enumerate(body) if byte >= 0xC0), len(body)]
    return chunked([body[start:end] for start, end in zip(cuts, cuts[1:])])


def odd_sizes(events):
    """A gateway that cuts where its buffer is full, and not where an event ends."""
    body, pieces = b"".join(event(name, data) for name, data in events), []
    sizes = cycle([1, 2, 3, 5, 7, 11, 13, 257])
    while body:
        size = next(sizes)
        pieces.append(body[:size])
        body = body[size:]
    return chunked(pieces)


def with_byte_order_mark(events):
    return chunked([b"\xef\xbb\xbf", *(event(name, data) for name, data in events)])


def with_keep_alives(events):
    """Comments and pings before each event, as gateways keep a connection open."""
    alive = b": keep-alive\n\n:\n\n" + event("ping", '{"type": "ping"}')
    return chunked([alive + event(name, data) for name, data in events])


def over_several_lines(events):
    """Indented JSON: a `data` field for each of its lines."""

    def lines(data):
        return "\ndata: ".join(json.dumps(json.loads(data), indent=2).split("\n"))

    return chunked([event(name, lines(data)) for name, data in events])


def without_names(events):
    """Only the data says what an event is."""
    return chunked([f"data: {data}\n\n".encode() for _, data in events])


def with_done(events):
    """The last line of OpenAI's streams, which gateways add."""
    return chunked([*(event(name, data) for name, data in events), b"data: [DONE]\n\n"])


def with_all_fields(events):
    """Every field that the standard has, in another order, and without the space behind the colon."""
    fields = "id:{}\nretry:3000\ndata:{}\nevent:{}\nfoo:bar\n\n"
    return chunked([fields.format(nth, data, name).encode() for nth, (name, data) in enumerate(events)])


def without_last_line(events):
    """The body ends behind the last character of the data."""
    body = b"".join(event(name, data) for name, data in events)
    return chunked([body.rstrip(b"\n")])


def in_one_packet(events):
    body = b"".join(event(name, data) for name, data in events)
    return [STREAM + b"content-length: %d\r\n\r\n" % len(body) + body]


def until_close(events):
    """No length at all: the body is what comes before the connection is closed, as from an HTTP/1.0 server."""
    head = STREAM.replace(b"HTTP/1.1", b"HTTP/1.0") + b"connection: close\r\n\r\n"
    return [head, *(event(name, data) for name, data in events)]


FRAMINGS = {
    "lf": with_line_end("\n"),
    "crlf": with_line_end("\r\n"),
    "cr": with_line_end("\r"),
    "byte by byte": byte_by_byte,
    "within characters": within_characters,
    "odd sizes": odd_sizes,
    "byte order mark": with_byte_order_mark,
    "keep-alives": with_keep_alives,
    "several data lines": over_several_lines,
    "no names": without_names,
    "[DONE]": with_done,
    "all fields": with_all_fields,
    "no last line": without_last_line,
    "one packet": in_one_packet,
    "until close": until_close,
}
# The framing in which WIDE is added to the texts of the streams: the fixtures have only ASCII.
WIDE_FRAMING = "within characters"


def widen(events):
    """The events with WIDE for each space in a text delta."""

    def of_data(data):
        value = json.loads(data)
        delta = value.get("delta", {})
        if delta.get("type") == "text_delta":
            delta["text"] = delta["text"].replace(" ", WIDE)
        return json.dumps(value, ensure_ascii=False)

    return [(name, of_data(data)) for name, data in events]


def cut(events, nth):
    """The connection ends before this event: in order, or within the event and without the last chunk, in turns."""
    pieces = [event(name, data) for name, data in events[:nth]]
    if nth % 2:
        half = event(*events[nth])[:-12]
        return [STREAM + b"transfer-encoding: chunked\r\n\r\n", *chunks([*pieces, half])[:-1]]
    return chunked(pieces)
