"""Many prompts side by side against a server with a limit a minute: how many fail, how many 429s they cause, how long it takes."""

import subprocess
import sys
import threading

from clients import ENVIRONMENT, DIRECTORY, HERE, MODEL, QUESTION, curl, langdock

sys.path.append(str(HERE / "../pace"))
from limited import Bucket, Server  # noqa: E402

SIDE_BY_SIDE = 16
# Prompts, concurrent requests, and the minimum seconds that a token bucket with such a limit per minute allows.
SCENARIOS = {500: (50, 54), 60: (5, 55)}


class Outcome:
    """What came of all the prompts of one client."""

    def __init__(self, prompts, burst, least, command):
        server = Server(Bucket(prompts, burst))
        numbers = "\n".join(map(str, range(prompts)))
        counted = ["sh", "-c", '"$@" >/dev/null 2>&1 || echo failed', "sh", *command(server.base_url)]
        words = [word.replace("Say it.", "number {}") for word in counted]
        done = subprocess.run(
            ["xargs", "-P", str(SIDE_BY_SIDE), "-I{}", *words],
            env=ENVIRONMENT, input=numbers, text=True, capture_output=True,
        )  # fmt: skip
        self.failed = done.stdout.count("failed")
        self.refused = len(server.refused)
        answered = len(server.let_in)
        if done.returncode or answered + self.failed != prompts:
            sys.exit(f"cost: {answered} answered and {self.failed} failed of {prompts}: {done.stderr[-300:]}")
        self.of_least = (server.let_in[-1] - server.let_in[0]) / least

    def __str__(self):
        took = "" if self.failed else f", {self.of_least:.2f}"
        return f"{self.failed}, {self.refused}{took}"


def langdock_at_home(prompts):
    """With the limit in the config file of a home of its own."""
    home = DIRECTORY / f"paced-{prompts}"
    settings = home / ".config" / "langdock"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text(f'[limits."{MODEL}"]\nrpm = {prompts}\n')
    return lambda base: ["/usr/bin/env", f"HOME={home}", *langdock(base, "Say it.")]


def side_by_side(runs):
    """What came of each run, by its name; they wait most of their time, and so do it at the same time."""
    outcomes = {}

    def keep(name, arguments):
        outcomes[name] = Outcome(*arguments)

    threads = [threading.Thread(target=keep, args=run) for run in runs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(outcomes) < len(runs):
        sys.exit("cost: a client of the limited server did not come to its end")
    return outcomes


def measure(table, rivals):
    runs = {}
    for prompts, (burst, least) in SCENARIOS.items():
        runs["langdock", prompts] = prompts, burst, least, langdock_at_home(prompts)
        runs["curl", prompts] = prompts, burst, least, lambda base: curl(base, "--fail", *QUESTION)
    outcomes = side_by_side(runs)
    others = {}
    if rivals:
        # The other clients start so slowly that 500 of them would measure nothing else.
        burst, least = SCENARIOS[60]
        others = side_by_side(
            {name: (60, burst, least, lambda base, name=name: rivals.asking(base)[name]) for name in rivals.commands}
        )
    for prompts in SCENARIOS:
        them = {name: str(outcome) for name, outcome in others.items()} if prompts == 60 else {}
        table.paced(prompts, outcomes["langdock", prompts], outcomes["curl", prompts], them)
