"""Command lines at random: no argument makes it panic."""

WORDS = [
    "send", "batch", "chat", "models", "count", "usage", "session", "config", "template", "help", "completions", "doctor", "merge",
    "tool-run", "list", "show", "get", "set", "search", "-m", "-f", "-s", "-t", "-p", "-T", "-o", "-i", "-J", "-S", "-n", "-q", "-v",
    "--json", "--jsonl", "--demo", "--set", "--schema", "--messages", "--session", "--continue", "--max-tokens", "--temperature",
    "--timeout", "--stop", "--shard", "--dry-run", "--curl", "--no-check", "--", "-", "=", "", " ", "0", "-1", "1e999", "nan", "10s",
    "99999999999999999999", "\u202e", "é" * 300, "a=b", "a=[", "{", "{{x}}", "{path}", "\x1b[31m", "/dev/null", "/", "..", "x" * 5000,
]


def fixed(child):
    for word in WORDS:
        child.run(["--demo", word])
        child.run(["--demo", "send", "-n", "hello", word])
        child.run([f"--{word}", word])


def at_random(child, chance):
    words = [chance.choice(WORDS) for _ in range(chance.randrange(1, 8))]
    # What listens, or waits for somebody, would not end.
    if "serve" not in words:
        child.run(["--demo", *words])
