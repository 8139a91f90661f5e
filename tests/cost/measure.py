"""Measures what `langdock` costs, beside curl in the same run, and fails where it costs more than it may.

    measure.py PROGRAM DIRECTORY [RIVALS [--readme]]

Instructions are counted by callgrind: they do not depend on what else the machine does. Times are medians of runs of the one and
the other in turn. Instructions have their goals as gates; the ratios of times and peak memory have some room above theirs, and
times themselves are only printed. DIRECTORY has the relay too, beside which the delay of a delta has its gate; beside curl's the gate of a
delay is far above the goal. RIVALS is a directory with other clients, whose figures are only printed; with --readme the table
goes into the README.
"""

import os
import statistics
import subprocess
import sys
import zlib
from pathlib import Path

import xargs
from certificate import certificate
from clients import (
    DIRECTORY, HERE, MODEL, PROGRAM, QUESTION, RELAY, ROOMY_MODEL, Rivals, curl, curl_with_image, curl_with_text, langdock,
    langdock_with_text,
)  # fmt: skip
from runs import delays, in_turn, instructions, memory, to_pipe, to_rendering, to_terminal
from table import Table

MEGABYTE = 1_000_000


def png(path, side):
    """Writes a picture of noise, which does not get smaller by packing."""

    def part(kind, data):
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    rows = b"".join(b"\0" + os.urandom(side * 3) for _ in range(side))
    head = side.to_bytes(4) + side.to_bytes(4) + b"\x08\x02\0\0\0"
    packed = zlib.compress(rows, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", packed) + part(b"IEND", b""))


def main():
    ca, leaf, leaf_key = certificate(DIRECTORY)
    text, image = DIRECTORY / "text.txt", DIRECTORY / "noise.png"
    line = 'The 3rd "quoted" word\tof a line \\ with ümläuts, and so on to its end.\n'.encode()
    text.write_bytes((line * (5 * MEGABYTE // len(line) + 1))[: 5 * MEGABYTE - 1] + b"\n")
    png(image, 1140)
    server = subprocess.Popen(
        [sys.executable, HERE / "server.py", leaf, leaf_key],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port, tls_port = server.stdout.readline().split()
        table = Table()
        rivals = Rivals(sys.argv[3]) if len(sys.argv) > 3 else None
        measure(table, f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}", ca, text, image, rivals)
    finally:
        server.stdin.close()
        server.wait(10)
    table.show()
    if "--readme" in sys.argv:
        table.write_into(HERE / "../../README.md")
    if table.failed:
        sys.exit("cost: over the gate: " + "; ".join(table.failed))


def delays_in_turn(run, *commands):
    """The delays of each command, which run in turn, in microseconds."""
    found = [[] for _ in commands]
    for _ in range(4):
        for delays_of, command in zip(found, commands):
            delays_of += delays(command, run)
    return found


def at(share, found):
    return sorted(found)[int(len(found) * share)]


def compare_delays(table, where, run, one, other, goals, limits, others=None):
    ours, theirs = delays_in_turn(run, one, other)
    rivals = {name: delays(command, run) for name, command in (others or {}).items()}
    for (name, share), goal, limit in zip((("median", 0.5), ("p99", 0.99)), goals, limits):
        others = {rival: at(share, found) for rival, found in rivals.items()}
        table.delay(f"delay of a delta {where}, {name}", at(share, ours), at(share, theirs), goal, limit, others)


def beside_relay(one, relay):
    """The median delays of a command and of the relay, and their ratio."""
    ours, theirs = (at(0.5, found) for found in delays_in_turn(to_pipe, one, relay))
    return ours, theirs, ours / theirs


def times_of(commands, run=to_pipe):
    """Median seconds of a few runs of each: they take long enough for few to do."""
    return {name: statistics.median(run(command) for _ in range(3)) for name, command in commands.items()}


def memories_of(commands):
    return {name: memory(command) for name, command in commands.items()}


def measure(table, http, https, ca, text, image, rivals):
    def asked(of):
        return of(rivals) if rivals else {}

    version = [PROGRAM, "--version"]
    short, curl_short = langdock(f"{http}/short", "Say it."), curl(f"{http}/short", *QUESTION)
    # On loopback there is no certificate from an issuer among the bundled roots, so --cacert names the test's own CA: by
    # default, no file is read either. curl reads the system's bundle by default, so it gets that bundle with the CA added.
    bundle = DIRECTORY / "bundle.pem"
    bundle.write_bytes(Path("/etc/ssl/certs/ca-certificates.crt").read_bytes() + ca.read_bytes())
    secure = langdock(f"{https}/short", "--cacert", str(ca), "Say it.")
    curl_secure = curl(f"{https}/short", "--cacert", str(bundle), *QUESTION)
    many, curl_many = langdock(f"{http}/many", "Say it."), curl(f"{http}/many", *QUESTION)
    burst, curl_burst = langdock(f"{http}/burst", "Say it."), curl(f"{http}/burst", *QUESTION)
    paced, curl_paced = langdock(f"{http}/paced", "Say it."), curl(f"{http}/paced", *QUESTION)

    curl_version = ["curl", "--version"]
    for what, ours, theirs, goal in (
        ("--version, instructions", version, curl_version, 0.8),
        ("short answer, http, instructions", short, curl_short, 1.5),
        ("short answer, https, instructions", secure, curl_secure, 5),
        ("20,000 deltas to a pipe, instructions", many, curl_many, 140),
    ):
        table.count(what, instructions(ours), goal, instructions(theirs))

    table.times("--version", lambda: in_turn(to_pipe, version, curl_version, 40), 0.25)
    others = asked(lambda rivals: rivals.asking(f"{http}/short"))
    table.times("short answer, http", lambda: in_turn(to_pipe, short, curl_short, 100), 0.45, times_of(others))
    table.megabytes("short answer, http, memory", memory(short), memory(curl_short), 11, memories_of(others), 1.1)
    others = times_of(asked(lambda rivals: rivals.asking_securely(f"{https}/short", ca)))
    table.times("short answer, https", lambda: in_turn(to_pipe, secure, curl_secure, 40), 0.15, others)
    others = asked(lambda rivals: rivals.asking(f"{http}/many"))
    for where, run in (("to a pipe", to_pipe), ("on a terminal", to_terminal)):
        table.times(
            f"20,000 deltas {where}", lambda run=run: in_turn(run, many, curl_many, 10), 1.3, times_of(others, run)
        )
    table.times("the same to a pipe, sent in one piece", lambda: in_turn(to_pipe, burst, curl_burst, 10), None)

    # Limits that are never reached show the cost of the shared ledger for a request that waits for nothing.
    config = DIRECTORY / ".config" / "langdock" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[limits."{MODEL}"]\nrpm = 1000000\ntpm = 1000000000\n')
    unpaced = [*short, "--no-pace"]
    table.count("a paced request, more instructions", instructions(short) - instructions(unpaced), 0.1)
    pairs = [(to_pipe(short), to_pipe(unpaced)) for _ in range(60)]
    table.extra("a paced request, more time", 1000 * statistics.median(one - other for one, other in pairs), 0.5)
    config.unlink()

    tools = DIRECTORY / "tools.toml"
    tools.write_text('[[tool]]\nname = "t"\ninput_schema = { type = "object" }\ncommand = ["echo", "x"]\n')
    call = [PROGRAM, "tool-run", "-T", str(tools), "--call", "t", "{}"]
    runs = [(to_pipe(call), to_pipe(version), to_pipe(["echo", "x"])) for _ in range(60)]
    guarded = statistics.median(whole - start - tool for whole, start, tool in runs)
    table.extra("a tool call by its guard, more time than a start and the tool", 1000 * guarded, 3)

    marked, curl_marked = langdock(f"{http}/marked", "Say it."), curl(f"{http}/marked", *QUESTION)
    table.times("20,000 deltas of Markdown, rendered", lambda: in_turn(to_rendering, marked, curl_marked, 7), 5)

    others = asked(lambda rivals: rivals.asking(f"{http}/paced"))
    compare_delays(table, "to a pipe", to_pipe, paced, curl_paced, (None, 1.13), (None, 5), others)
    relay = [str(RELAY), http.removeprefix("http://"), "/paced/v1/messages"]
    table.relayed("delay of a delta to a pipe, median, of a relay's", lambda: beside_relay(paced, relay), 1.4)
    marked, curl_marked = langdock(f"{http}/pmarked", "Say it."), curl(f"{http}/pmarked", *QUESTION)
    # 200 and 1,000 us, where curl takes 102 and 730 without rendering.
    others = asked(lambda rivals: rivals.asking(f"{http}/pmarked"))
    compare_delays(table, "on a terminal, rendered", to_rendering, marked, curl_marked, (1.96, 1.37), (5, 5), others)

    piped, curl_piped = langdock_with_text(f"{http}/short", text, ROOMY_MODEL), curl_with_text(f"{http}/short", text)
    others = asked(lambda rivals: rivals.with_text(f"{http}/short", text))
    table.times("5 MB of text on stdin", lambda: in_turn(to_pipe, piped, curl_piped, 7), 0.25, times_of(others))
    table.megabytes("5 MB of text on stdin, memory", memory(piped), None, 22)
    huge = DIRECTORY / "huge.txt"
    with huge.open("wb") as file:
        for _ in range(6):
            file.write(text.read_bytes())
    piped_huge = langdock_with_text(f"{http}/short", huge, MODEL, "--no-check")
    curl_huge = memory(curl_with_text(f"{http}/short", huge))
    others = memories_of(asked(lambda rivals: rivals.with_text(f"{http}/short", huge)))
    table.megabytes("30 MB of text on stdin with --no-check, memory", memory(piped_huge), curl_huge, 75, others)

    shown = langdock(f"{http}/short", "-f", str(image), "What is it?")
    curl_shown = curl_with_image(f"{http}/short", image)
    others = asked(lambda rivals: rivals.with_image(f"{http}/short", image))
    table.times("3.9 MB image", lambda: in_turn(to_pipe, shown, curl_shown, 7), 0.2, times_of(others))
    table.megabytes("3.9 MB image, memory", memory(shown), memory(curl_shown), 18, memories_of(others), 1.15)

    xargs.measure(table, rivals)


main()
