"""The table of what was measured: printed, judged by its gates, and put into the README."""

import re

RIVALS = ["llm", "SDK, python", "SDK, node"]
# How much of the program's own file is resident depends on the kernel, which maps more than what is used.
MEMORY_ROOM = 1.25
# Machines differ: the same program took less than 0.25 of curl's time on one, and 0.26 on another of the same kind.
TIME_ROOM = 1.1
# How often a time is measured before it counts as too long: interference from other processes passes, a regression does not.
TRIES = 3


def least(measure, goal):
    """What `measure` gives of seconds or microseconds of ours, of another's and their ratio, by the least ratio of some tries."""
    best = measure()
    for _ in range(1, TRIES):
        if goal is None or best[2] <= goal:
            break
        best = min(best, measure(), key=lambda measured: measured[2])
    return best


class Table:
    """Rows of `langdock` beside curl and, where they were measured, the others in shares of curl."""

    def __init__(self):
        self.rows, self.failed = [], []

    def add(self, what, ours, theirs, ratio, goal, met, gate="", others=None):
        others = [(others or {}).get(name, "") for name in RIVALS]
        self.rows.append((what, ours, theirs, ratio, *others, goal, {True: "yes", False: "NO", None: ""}[met], gate))

    def count(self, what, value, goal, theirs=None):
        met = value <= goal * 1e6
        cells = (f"{value / 1e6:.2f} M", f"{theirs / 1e6:.1f} M" if theirs else "", "")
        self.add(what, *cells, f"<= {goal} M", met, "gate")
        if not met:
            self.failed.append(what)

    def megabytes(self, what, ours, theirs, goal, others=None, room=MEMORY_ROOM):
        limit = round(goal * room, 1)
        cells = (f"{ours:.1f} MB", f"{theirs:.1f} MB" if theirs else "", "")
        others = {name: f"{value:.0f} MB" for name, value in (others or {}).items()}
        self.add(what, *cells, f"<= {goal} MB", ours <= goal, f"gate {limit}", others)
        if ours > limit:
            self.failed.append(what)

    def times(self, what, measure, goal, others=None):
        """The goal is a share of curl's time. Without one the times are only printed."""
        ours, theirs, ratio = least(measure, goal)
        cells = (f"{ours * 1e3:.2f} ms", f"{theirs * 1e3:.2f} ms", f"{ratio:.2f}")
        if goal is None:
            self.add(what, *cells, "", None)
            return
        others = {name: f"{seconds / theirs:.1f}" for name, seconds in (others or {}).items()}
        limit = round(goal * TIME_ROOM, 3)
        self.add(what, *cells, f"<= {goal}", ratio <= goal, f"gate {limit}", others)
        if ratio > limit:
            self.failed.append(what)

    def extra(self, what, milliseconds, goal):
        """What something adds to a run, only printed: beside other work the median of some differences is a little off."""
        self.add(what, f"{milliseconds:.2f} ms", "", "", f"<= {goal} ms", milliseconds <= goal)

    def delay(self, what, ours, theirs, goal, limit, others=None):
        """The goal is a share of curl's. The gate is far above it, where only a mistake gets: the machine's waking is in both."""
        ratio = ours / theirs
        others = {name: f"{delay / theirs:.1f}" for name, delay in (others or {}).items()}
        cells = (f"{ours:.0f} us", f"{theirs:.0f} us", f"{ratio:.2f}")
        if goal is None:
            self.add(what, *cells, "", None, others=others)
            return
        self.add(what, *cells, f"<= {goal}", ratio <= goal, f"gate {limit}", others)
        if ratio > limit:
            self.failed.append(what)

    def relayed(self, what, measure, goal):
        """The goal is a share of the delay of a relay, which is the machine's alone."""
        ours, theirs, ratio = least(measure, goal)
        self.add(what, f"{ours:.0f} us", "", f"{ratio:.2f}", f"<= {goal} of {theirs:.0f} us", ratio <= goal, "gate")
        if ratio > goal:
            self.failed.append(what)

    def paced(self, prompts, ours, theirs, others):
        """Failures and 429s, and where there are no failures the time in shares of the least possible."""
        what = f"{prompts} prompts by xargs, {prompts} a minute: failures, 429s, time as a multiple of the shortest possible"
        met = not ours.failed and not ours.refused and ours.of_least <= 1.1
        self.add(what, str(ours), str(theirs), "", "0, 0, <= 1.1", met, "gate", others)
        if not met:
            self.failed.append(what)

    def show(self):
        rows = [("", "langdock", "curl", "ratio", *RIVALS, "goal", "met", ""), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  ".join(cells).rstrip())

    def write_into(self, readme):
        """Puts the rows that compare into the README, behind its mark."""
        lines = ["| work | `langdock` | curl | `langdock` : curl | " + " | ".join(f"{name} : curl" for name in RIVALS) + " |",
                 "|---" * (4 + len(RIVALS)) + "|"]  # fmt: skip
        compared = [row for row in self.rows if row[2]]
        lines += ["| " + " | ".join(row[: 4 + len(RIVALS)]).replace(" us", " µs") + " |" for row in compared]
        text = readme.read_text()
        begin, end = "<!-- cost: begin -->\n", "<!-- cost: end -->"
        table = begin + "\n".join(lines) + "\n" + end
        text, count = re.subn(f"{begin}.*?{end}", lambda _: table, text, flags=re.DOTALL)
        if count != 1:
            raise SystemExit(f"cost: {readme} has no `{begin.strip()}`")
        readme.write_text(text)
