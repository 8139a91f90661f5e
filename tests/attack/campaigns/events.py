"""Events of the Messages API as bytes."""

import json


def event(name, **fields):
    data = json.dumps({"type": name, **fields}, ensure_ascii=False)
    return f"event: {name}\ndata: {data}\n\n".encode()


def start():
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 1}}
    return event("message_start", message=message)


def block(index, content):
    return event("content_block_start", index=index, content_block=content)


def delta(index, kind, field, text):
    return event("content_block_delta", index=index, delta={"type": kind, field: text})


def text_delta(text, index=0):
    return delta(index, "text_delta", "text", text)


def text_block(index=0):
    return block(index, {"type": "text", "text": ""})


def stop(reason="end_turn"):
    return event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 1}) + event("message_stop")


def batched(piece, size=65536):
    """As many of a piece as make a chunk of about this size."""
    return piece * max(1, size // len(piece))
