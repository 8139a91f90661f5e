"""Replays the stream fixtures of the official Python SDK to the program, and compares with what the SDK makes of them.

    replay.py PROGRAM FIXTURES DIRECTORY

FIXTURES are those of the SDK's own tests, of the same version as the SDK that runs this. Each is sent in every framing of
`framings.py` and read in every mode below. A cut stream is accepted by the SDK; here it has to be an error.
"""

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import anthropic
import jiter
from anthropic._streaming import SSEDecoder

from framings import FRAMINGS, WIDE_FRAMING, cut, widen
from server import Server

PROGRAM, FIXTURES, DIRECTORY = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
MODEL = "claude-sonnet-4-5"
KEY = "sk-ld-replay-0123456789"
# The tools called in the SDK's fixtures.
TOOLS = "".join(
    f"[[tool]]\nname = \"{name}\"\ninput_schema = {{ type = \"object\" }}\nshell = 'cat'\n"
    for name in ("get_weather", "make_file")
)
EXIT_CODES = {"end_turn": 0, "tool_use": 0, "max_tokens": 9, "refusal": 10}
# A call with invalid arguments: the answer is incomplete, except in `chat` and `tool-run`, where the model gets an error.
BROKEN_CALL = 8
# A truncated stream, without and with any content, which is one of these deltas.
CUT = (6, 8)
CONTENT_DELTAS = ("text_delta", "thinking_delta", "input_json_delta")
WORKERS = 2 * (os.cpu_count() or 1)
MAX_SHOWN = 10

# Fixtures that only the beta client supports: the stable one has different values, so they are compared only with the beta
# client. For all others, both must agree.
BETA_ONLY = {
    "compaction_response",
    "context_management_response",
    "fallback_credit_response",
    "fallback_response",
    "input_transformations_delta_response",
    "input_transformations_empty_delta_response",
}


# --- Intended differences; all others count. ---


def without_nulls(value):
    """The SDK fills in fields with null (`stop_details`) and leaves nulls out: a missing field and null are the same to it."""
    if isinstance(value, dict):
        return {key: without_nulls(field) for key, field in value.items() if field is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def with_partial_input(message):
    """Arguments that are not JSON, cut by `max_tokens` for example, are kept as text in `partial_json`. The SDK parses as much of
    them as it can, and raises where it cannot."""
    for block in message["content"]:
        if (text := block.pop("partial_json", None)) is not None:
            try:
                block["input"] = jiter.from_json(text.encode(), partial_mode=True)
            except ValueError:
                block["input"] = text
    return message


def with_sent_content(content):
    """A history sends a single text as a string, leaves out blank text, and has an empty object for arguments that are not JSON:
    the API refuses both."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    blocks = [block for block in content if block["type"] != "text" or block["text"].strip()]
    return [block | {"input": {}} if isinstance(block.get("input"), str) else block for block in blocks]


# --- Expectations. ---


class Stream:
    """A stream of events, and what the SDK makes of it."""

    def __init__(self, server, name, events):
        self.name, self.events = name, events
        self.is_broken = False
        self.message = self._accumulate(server, "beta")
        if name not in BETA_ONLY:
            stable = self._accumulate(server, "stable")
            if stable != self.message:
                sys.exit(f"replay: the clients of the SDK differ: {name}\n{stable}\n{self.message}")
        self.text = "".join(block["text"] for block in self.message["content"] if block["type"] == "text")
        reason = self.message["stop_reason"]
        self.exit_code = BROKEN_CALL if self.is_broken else EXIT_CODES[reason]
        self.calls = [block for block in self.message["content"] if block["type"] == "tool_use"] if reason == "tool_use" else []

    def _accumulate(self, server, which):
        try:
            return self._ask(server, which, self.events)
        except ValueError:
            # Its argument parser failed: expect the message of the stream without the arguments, which are kept as text.
            self.is_broken = True
            pieces = [piece for _, data in self.events if (piece := input_piece(data)) is not None]
            message = self._ask(server, which, [(name, data) for name, data in self.events if input_piece(data) is None])
            message["content"][-1]["input"] = "".join(pieces)
            return message

    @staticmethod
    def _ask(server, which, events):
        run = f"sdk-{next(RUN_NUMBERS)}"
        client = anthropic.Anthropic(base_url=server.add(run, [FRAMINGS["lf"](events)]), api_key=KEY, max_retries=0)
        messages = (client.beta if which == "beta" else client).messages
        with messages.stream(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream:
            message = stream.get_final_message().to_dict(mode="json")
        server.requests(run)
        return without_nulls(message)


def input_piece(data):
    """The arguments in an event; none where it has none."""
    return json.loads(data).get("delta", {}).get("partial_json")


class Difference(Exception):
    """The program made something else of a stream."""


def expect(what, found, expected):
    if found != expected:
        raise Difference(f"{what}:\n    found    {found}\n    expected {expected}")


class Run:
    """A run of the program, in the home of the worker that does it."""

    def __init__(self, server, responses, args, stdin=None):
        home = WORKER.home
        run = f"run-{next(RUN_NUMBERS)}"
        base = server.add(run, responses)
        command = [PROGRAM, *args, "--base-url", base, "-m", MODEL, "--no-pace", "--max-retries", "0", "-n"]
        outcome = subprocess.run(
            command,
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin.encode()}),
            capture_output=True,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "LANGDOCK_API_KEY": KEY},
            timeout=60,
        )
        self.code, self.stdout = outcome.returncode, outcome.stdout.decode()
        self.stderr = outcome.stderr.decode()
        self.requests = server.requests(run)

    def expect_code(self, code):
        if self.code != code:
            raise Difference(f"exit code {self.code} and not {code}\n    {self.stderr.strip()}")


def line(text):
    return text if not text or text.endswith("\n") else text + "\n"


def expect_message(found, stream):
    """The message object has one key of its own, `langdock`."""
    about = found.pop("langdock")
    expect("langdock.complete", about["complete"], stream.exit_code not in (9, BROKEN_CALL))
    expect("the message", without_nulls(with_partial_input(found)), stream.message)


def text(server, stream, frame, _after):
    run = Run(server, [frame(stream.events)], ["send", "Hi"])
    run.expect_code(stream.exit_code)
    expect("the text", run.stdout, line(stream.text))


def json_object(server, stream, frame, _after):
    run = Run(server, [frame(stream.events)], ["send", "--json", "Hi"])
    run.expect_code(stream.exit_code)
    expect_message(json.loads(run.stdout), stream)


def json_lines(server, stream, frame, _after):
    run = Run(server, [frame(stream.events)], ["send", "--jsonl", "Hi"])
    run.expect_code(stream.exit_code)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    if run.code:
        expect("the last line", lines.pop()["type"], "error")
    result = lines.pop()
    expect("the line of the message", result["type"], "result")
    expect_message(result | {"type": "message"}, stream)
    # Pings belong to a framing, and nothing after the end of the message is read.
    events = [json.loads(data) for name, data in stream.events if name != "ping"]
    end = next(nth for nth, event in enumerate(events) if event["type"] == "message_stop")
    expect("the events", [line for line in lines if line["type"] != "ping"], events[: end + 1])


def expect_turns(run, stream, after, turns):
    """The answer, and after it `after` in each of the other requests; the calls of the answer are among what comes back."""
    code = 0 if stream.calls else stream.exit_code
    run.expect_code(code)
    requests = 1 if code else turns + bool(stream.calls)
    expect("the texts", run.stdout, line(stream.text) + line(after.text) * (requests - 1))
    expect("the number of requests", len(run.requests), requests)
    for request in run.requests[1:]:
        content = with_sent_content(request["messages"][1]["content"])
        expect("the answer in the history", without_nulls(content), with_sent_content(stream.message["content"]))
    if stream.calls:
        results = run.requests[1]["messages"][2]["content"]
        found = [(block.get("tool_use_id"), block.get("is_error", False)) for block in results]
        expect("the calls that have results", found, [(call["id"], stream.is_broken) for call in stream.calls])


def chat(server, stream, frame, after):
    responses = [frame(stream.events)] + 2 * [frame(after.events)]
    run = Run(server, responses, ["chat", "-T", "./tools.toml", "-y"], stdin="Hi\nAnd?\n")
    expect_turns(run, stream, after, 2)


def tool_run(server, stream, frame, after):
    run = Run(server, [frame(stream.events), frame(after.events)], ["tool-run", "-T", "./tools.toml", "-y", "Hi"])
    expect_turns(run, stream, after, 1)


MODES = [text, json_object, json_lines, chat, tool_run]


def cut_streams(stream):
    """For each event up to the end of the message: its number, and whether a part of the answer came before it."""
    has_content = False
    for nth, (name, data) in enumerate(stream.events):
        yield nth, has_content
        if name == "message_stop":
            return
        has_content = has_content or json.loads(data).get("delta", {}).get("type") in CONTENT_DELTAS


def replay_cut(server, stream, nth, has_content):
    run = Run(server, [cut(stream.events, nth)], ["send", "--json", "Hi"])
    run.expect_code(CUT[has_content])
    if run.stdout:
        expect("langdock.complete", json.loads(run.stdout)["langdock"]["complete"], False)


RUN_NUMBERS = itertools.count()
WORKER = threading.local()


def start_worker(numbers=itertools.count()):
    WORKER.home = DIRECTORY / f"home-{next(numbers)}"
    WORKER.home.mkdir(parents=True)
    (WORKER.home / "tools.toml").write_text(TOOLS)


def main():
    began = time.monotonic()
    warnings.simplefilter("ignore")  # The SDK warns of models and of blocks that are new to it.
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    server = Server()
    fixtures = {path.stem: path.read_bytes() for path in sorted(FIXTURES.glob("*.txt"))}
    if not fixtures:
        sys.exit(f"replay: no fixtures in {FIXTURES}")
    plain, wide = {}, {}
    for name, body in fixtures.items():
        # Some files end in the last event, which the SDK's decoder would not report without an empty line.
        events = [(event.event, event.data) for event in SSEDecoder().iter_bytes(iter([body + b"\n\n"]))]
        plain[name], wide[name] = Stream(server, name, events), Stream(server, name, widen(events))
    print(f"anthropic {anthropic.__version__}: {len(fixtures)} fixtures, accumulated after {time.monotonic() - began:.1f} s")

    jobs = []
    for name, (framing, frame), mode in itertools.product(fixtures, FRAMINGS.items(), MODES):
        streams = wide if framing == WIDE_FRAMING else plain
        arguments = (server, streams[name], frame, streams["basic_response"])
        jobs.append((f"{name}, {framing}, {mode.__name__}", mode, arguments))
    for name, stream in plain.items():
        for nth, has_content in cut_streams(stream):
            jobs.append((f"{name}, cut before event {nth}", replay_cut, (server, stream, nth, has_content)))

    def run(job):
        name, function, arguments = job
        try:
            function(*arguments)
        except Exception as error:  # Whatever it is, it is a difference.
            return f"{name}: {error if isinstance(error, Difference) else repr(error)}"
        return None

    with ThreadPoolExecutor(WORKERS, initializer=start_worker) as workers:
        differences = [difference for difference in workers.map(run, jobs) if difference]
    cuts = sum(function is replay_cut for _, function, _ in jobs)
    print(f"{len(fixtures)} fixtures in {len(FRAMINGS)} framings and {len(MODES)} modes: {len(jobs) - cuts} runs")
    print(f"{cuts} cut streams, which are errors here")
    for difference in differences[:MAX_SHOWN]:
        print(f"replay: {difference}", file=sys.stderr)
    print(f"{len(differences)} differences, in {time.monotonic() - began:.1f} s")
    sys.exit(bool(differences))


main()
