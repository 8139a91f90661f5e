"""What the program keeps for itself, damaged: conversations, journals, ledgers, lists, logs."""

import pathlib


def filled(child):
    """A home with something of everything."""
    for _ in range(2):
        child.run(["--demo", "send", "--session", "kept", "hello"], codes=[0])
    child.run(["--demo", "models"], codes=[0])
    return [path for path in pathlib.Path(child.home).rglob("*") if path.is_file() and not path.is_symlink()]


COMMANDS = [
    ["--demo", "session", "list"],
    ["--demo", "session", "show", "kept", "--json"],
    ["--demo", "session", "search", "hello"],
    ["--demo", "send", "--session", "kept", "again"],
    ["--demo", "models"],
    ["usage"],
    ["config", "show"],
]


def fixed(child):
    files = filled(child)
    if not files:
        child.fail([], "nothing was kept", "")
    for path in files:
        whole = path.read_bytes()
        for damaged in [b"", b"\0" * 100, b"[" * 100_000, whole[: len(whole) // 2], whole + b'{"type":"turn","content":' + b"[" * 5000, b"{}" * 50_000]:
            if not path.parent.exists():
                continue
            path.write_bytes(damaged)
            for command in COMMANDS:
                child.run(command)
        if path.parent.exists():
            path.write_bytes(whole)


def at_random(child, chance):
    files = [path for path in pathlib.Path(child.home).rglob("*") if path.is_file() and not path.is_symlink()] or filled(child)
    path = chance.choice(files)
    text = bytearray(path.read_bytes())[:200_000]
    for _ in range(chance.randrange(1, 10)):
        place = chance.randrange(len(text) + 1)
        text[place : place + chance.choice([0, 1, 8])] = bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 8, 300])))
    path.write_bytes(bytes(text))
    child.run(chance.choice(COMMANDS))
