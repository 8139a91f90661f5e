"""Asks `langdock serve` through the official Python SDK.

    ask.py BASE_URL LIMITED_BASE_URL KEY

The limited server lets one request a minute through, for each model.
"""

import sys

import anthropic

BASE_URL, LIMITED_BASE_URL, KEY = sys.argv[1:]
MODEL = "claude-3-haiku-20240307"
# A PNG of one pixel.
DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)
TOOL = {
    "name": "get_stock_price",
    "description": "The price of a stock",
    "input_schema": {
        "type": "object",
        "properties": {"ticker": {"type": "string", "description": "Its symbol"}},
        "required": ["ticker"],
    },
}


def client(base_url=BASE_URL, key=KEY):
    return anthropic.Anthropic(base_url=base_url, api_key=key, max_retries=0)


def ask(client, prompt, **more):
    more = {"model": MODEL, "max_tokens": 1024, "messages": [{"role": "user", "content": prompt}]} | more
    return client.messages.create(**more)


def check(holds, what, *evidence):
    if not holds:
        sys.exit(f"sdk: python: {what}\n" + "\n".join(map(str, evidence)))
    print(f"python {anthropic.__version__}: {what}")


def raises(kind, status, what, call):
    try:
        answer = call()
    except kind as error:
        check(error.status_code == status and error.request_id, what, error, error.response.headers)
        return error
    sys.exit(f"sdk: python: {what}: no error but {answer}")


def plain():
    message = ask(client(), "Hello there")
    text = message.content[0].text
    good = message.stop_reason == "end_turn" and message.usage.output_tokens > 0 and message._request_id
    check(good and "Hello there" in text, "a plain answer", message)
    return text


def streamed(whole):
    messages = [{"role": "user", "content": "Hello there"}]
    with client().messages.stream(model=MODEL, max_tokens=1024, messages=messages) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    good = len(pieces) > 5 and message.stop_reason == "end_turn" and message.usage.output_tokens > 0
    check(good and "".join(pieces) == whole == message.content[0].text, "the same answer streamed", pieces, message)


def tool():
    prompt = "What does ^GSPC cost?"
    call = ask(client(), prompt, tools=[TOOL])
    use = call.content[-1]
    good = call.stop_reason == "tool_use" and use.type == "tool_use" and use.name == TOOL["name"]
    check(good and isinstance(use.input["ticker"], str), "a tool is called", call)
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "259.75 USD"}
    messages = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in call.content]},
        {"role": "user", "content": [result]},
    ]
    answer = ask(client(), prompt, tools=[TOOL], messages=messages)
    check(answer.stop_reason == "end_turn" and "259.75 USD" in answer.content[0].text, "its result is used", answer)


def streamed_tool():
    messages = [{"role": "user", "content": "What does ^GSPC cost?"}]
    with client().messages.stream(model=MODEL, max_tokens=1024, messages=messages, tools=[TOOL]) as stream:
        message = stream.get_final_message()
    use = message.content[-1]
    check(use.type == "tool_use" and isinstance(use.input["ticker"], str), "a tool is called in a stream", message)


def image():
    source = {"type": "base64", "media_type": "image/png", "data": DOT}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    message = ask(client(), "", messages=[{"role": "user", "content": content}])
    check(message.stop_reason == "end_turn" and "image" in message.content[0].text, "an image is seen", message)


def errors():
    raises(anthropic.AuthenticationError, 401, "a wrong key is refused", lambda: ask(client(key="sk-wrong"), "Hi"))
    error = raises(
        anthropic.BadRequestError, 400, "an unknown model is refused", lambda: ask(client(), "Hi", model="claude-x")
    )
    check(MODEL in error.message, "the models that there are are named", error.message)
    limited = client(LIMITED_BASE_URL)
    ask(limited, "Hi")
    error = raises(anthropic.RateLimitError, 429, "a second request in a minute is refused", lambda: ask(limited, "Hi"))
    check(1 <= int(error.response.headers["retry-after"]) <= 60, "it tells how long to wait", error.response.headers)


def models():
    ids = [model.id for model in client().models.list()]
    check(MODEL in ids, "the models are listed", ids)


image()
streamed(plain())
tool()
streamed_tool()
errors()
models()
