"""Counts false alarms of `langdock count`, which checks files for secrets as every command does, and what that costs.

Usage: measure.py PROGRAM DIRECTORY SOURCES, where SOURCES has the crates that cargo has downloaded."""

import os
import re
import subprocess
import sys
from pathlib import Path

PROGRAM, DIRECTORY, SOURCES = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
HERE = Path(__file__).parent
MOST_CRATES = 300
# Fewer than one false alarm in so many lines.
LINES_FOR_AN_ALARM = 100_000
TEXT_BYTES = 5_000_000
# 5 MB may take 30 ms. At 16 instructions a byte they took 6 ms, and instructions do not depend on what else the machine does.
MOST_INSTRUCTIONS_A_BYTE = 20


def run(*command, config=None):
    environment = {"HOME": str(DIRECTORY), "PATH": os.environ["PATH"]}
    if config:
        environment["LANGDOCK_CONFIG"] = str(config)
    return subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def is_text(path):
    try:
        data = path.read_bytes()
        data.decode()
    except (OSError, UnicodeDecodeError):
        return False
    return b"\0" not in data[:8192] and bool(data.strip())


def sources_of(directory):
    """The sources and READMEs below a directory."""
    paths = (path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in paths if (path.suffix == ".rs" or "readme" in path.name.lower()) and is_text(path)]


def alarms_in(paths, config=None):
    """How many secrets are found in files, and what is printed about them."""
    names = DIRECTORY / "list"
    names.write_bytes(b"\0".join(str(path).encode() for path in paths) + b"\0")
    done = run(PROGRAM, "count", "--no-check", "--secrets", "refuse", "--files-from", str(names), "x", config=config)
    if done.returncode == 0:
        return 0, ""
    found = re.search(r"cannot send (a|\d+) secrets?:", done.stderr.replace(",", ""))
    if done.returncode != 2 or not found:
        sys.exit(f"secrets: {done.stderr}")
    return 1 if found[1] == "a" else int(found[1]), done.stderr


def of_crates():
    # The order varies with the name's second part, so that 300 of more are not all of one kind.
    crates = sorted((path for path in SOURCES.glob("*/*") if path.is_dir()), key=lambda path: path.name[::-1])
    crates = crates[:MOST_CRATES]
    lines = alarms = known = files = 0
    for crate in crates:
        paths = sources_of(crate)
        if not paths:
            continue
        files += len(paths)
        lines += sum(path.read_bytes().count(b"\n") for path in paths)
        of_crate, said = alarms_in(paths, HERE / "known-keys.toml")
        if of_crate:
            print(said, file=sys.stderr)
        alarms += of_crate
        known += alarms_in(paths)[0] - of_crate
    print(f"{len(crates)} crates, {files} files, {lines} lines: {alarms} false alarms, {known} keys that are known")
    if lines < LINES_FOR_AN_ALARM:
        sys.exit("secrets: too few lines to tell; `cargo fetch` downloads the crates")
    if alarms * LINES_FOR_AN_ALARM >= lines:
        sys.exit("secrets: too many false alarms")


def of_this_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=HERE / "../..", capture_output=True, check=True)
    paths = [(HERE / "../.." / name.decode()).resolve() for name in listed.stdout.split(b"\0") if name]
    paths = [path for path in paths if path.is_file() and is_text(path)]
    alarms, said = alarms_in(paths)
    print(f"this repository, {len(paths)} files: {alarms} false alarms")
    if alarms:
        sys.exit(f"secrets: {said}")


def instructions(mode, text):
    command = [PROGRAM, "count", "--no-check", "--secrets", mode, "-f", str(text), "x"]
    done = run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"secrets: valgrind {' '.join(command)}\n{done.stderr}")
    return int(found[1])


def of_the_scan():
    # Without the rules, which have more beginnings of secrets than any text.
    sources = [path for path in sorted((HERE / "../../src").rglob("*.rs")) if "secret_scan" not in path.parts]
    text = b"".join(path.read_bytes() for path in sources)
    text = (text * (TEXT_BYTES // len(text) + 1))[:TEXT_BYTES].decode(errors="ignore")
    path = DIRECTORY / "text.txt"
    path.write_text(text)
    a_byte = (instructions("refuse", path) - instructions("send", path)) / TEXT_BYTES
    print(f"looking for secrets in 5 MB of source: {a_byte:.1f} instructions a byte (<= {MOST_INSTRUCTIONS_A_BYTE})")
    if a_byte > MOST_INSTRUCTIONS_A_BYTE:
        sys.exit("secrets: it takes too long")


of_crates()
of_this_repository()
of_the_scan()
