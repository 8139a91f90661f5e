"""Runs the program in a home of its own, and checks how each run ends: by no signal, without a panic, in little memory and in time.
The time is the processor's, so that other programs on the machine make no difference."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# What the program may take, whatever comes.
MOST_MB = 64

# What starts the program and measures it.
MEASURED = [sys.executable, "-I", "-S", str(Path(__file__).with_name("measured.py"))]
MOST_SECONDS = 20

# A program that has not ended after so many seconds on a clock hangs.
PATIENCE = 60

# A debug build, or a slow machine, may take so many times as long.
SLACK = float(os.environ.get("ATTACK_SLACK", "1"))


def processor_seconds(pid):
    """What a process that runs has taken of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Child:
    """The program, its home, and the peaks of its runs."""

    def __init__(self, program, home):
        self.program, self.home = program, home
        self.runs, self.peak_mb, self.slowest = 0, 0, 0
        # What is tried just now, for the message if it fails.
        self.trying = ""

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.home, "LANGDOCK_API_KEY": "sk-attack", "TERM": "xterm-256color"}

    def command(self, args):
        return [self.program, *args]

    def run(self, args, stdin=b"", most_seconds=MOST_SECONDS, most_mb=MOST_MB, codes=None):
        """Runs it and returns its exit code, what it printed (the first MB) and its errors."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            tempfile.NamedTemporaryFile("r") as taken,
        ):
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(
                [*MEASURED, taken.name, *self.command(args)],
                stdin=given,
                stdout=out,
                stderr=err,
                cwd=self.home,
                env=self.environment(),
                process_group=0,
            )
            self.wait(process, args)
            # Nothing was written if what measures it was killed.
            peak, seconds = map(float, (taken.read() or "0 0").split())
            out.seek(0)
            err.seek(0)
            printed, errors = out.read(1 << 20), err.read(1 << 20).decode(errors="replace")
        self.check(args, process.returncode, errors, peak / 1000, seconds, most_mb)
        if seconds > most_seconds * SLACK:
            self.fail(args, f"it took {seconds:.2f} s of the processor", errors)
        if codes is not None and process.returncode not in codes:
            self.fail(args, f"exit code {process.returncode}, not one of {codes}", errors)
        return process.returncode, printed, errors

    def wait(self, process, args):
        """Waits for the program, and kills it with what measures it after a time."""
        try:
            process.wait(PATIENCE * SLACK)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.fail(args, f"it still runs after {PATIENCE * SLACK} s", "")

    def check(self, args, code, errors, peak, seconds, most_mb):
        """Counts a run and checks how it ended. `peak` is its memory in MB."""
        self.runs += 1
        self.peak_mb, self.slowest = max(self.peak_mb, peak), max(self.slowest, seconds)
        if code < 0:
            self.fail(args, f"it died of signal {-code}", errors)
        if "panicked" in errors or "internal error" in errors or code == 101:
            self.fail(args, "it panicked", errors)
        if peak > most_mb:
            self.fail(args, f"it took {peak:.0f} MB, more than {most_mb}", errors)

    def fail(self, args, what, errors):
        what = f"{self.trying}: {what}" if self.trying else what
        shown = [argument if len(argument) < 200 else argument[:200] + "…" for argument in args]
        raise SystemExit(f"attack: {what}: langdock {shown!r}\n{errors[:2000]}")
