"""Runs the program in a home of its own, and checks how each run ends: by no signal, without a panic, in little memory and in time."""

import os
import subprocess
import tempfile

# What the program may take, whatever comes. A child counts the memory of this process too, which is less.
MOST_MB = 64
MOST_SECONDS = 20

# A debug build, or a busy machine, may take so many times as long.
SLACK = float(os.environ.get("ATTACK_SLACK", "1"))


class Child:
    """The program, its home, and the peaks of its runs."""

    def __init__(self, program, home):
        self.program, self.home = program, home
        self.runs, self.peak_mb, self.slowest = 0, 0, 0

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.home, "LANGDOCK_API_KEY": "sk-attack", "TERM": "xterm-256color"}

    def command(self, args):
        return [self.program, *args]

    def run(self, args, stdin=b"", most_seconds=MOST_SECONDS, most_mb=MOST_MB, codes=None):
        """Runs it and returns its exit code, what it printed (the first MB) and its errors."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            began = os.times().elapsed
            process = subprocess.Popen(
                self.command(args), stdin=given, stdout=out, stderr=err, cwd=self.home, env=self.environment()
            )
            usage = self.wait(process, args, most_seconds)
            seconds = os.times().elapsed - began
            out.seek(0)
            err.seek(0)
            printed, errors = out.read(1 << 20), err.read(1 << 20).decode(errors="replace")
        self.check(args, process.returncode, errors, usage, seconds, most_mb)
        if codes is not None and process.returncode not in codes:
            self.fail(args, f"exit code {process.returncode}, not one of {codes}", errors)
        return process.returncode, printed, errors

    def wait(self, process, args, most_seconds):
        """Waits by polling, since only wait4 tells the memory of one child."""
        waiter = subprocess.Popen(["sleep", str(most_seconds * SLACK)])
        try:
            while True:
                pid, status, usage = os.wait4(-1, 0)
                if pid == process.pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    return usage
                if pid == waiter.pid:
                    waiter.returncode = 0
                    process.kill()
                    os.wait4(process.pid, 0)
                    self.fail(args, f"it still runs after {most_seconds * SLACK} s", "")
        finally:
            if waiter.returncode is None:
                waiter.kill()
                waiter.wait()

    def check(self, args, code, errors, usage, seconds, most_mb):
        self.runs += 1
        peak = usage.ru_maxrss / 1000
        self.peak_mb, self.slowest = max(self.peak_mb, peak), max(self.slowest, seconds)
        if code < 0:
            self.fail(args, f"it died of signal {-code}", errors)
        if "panicked" in errors or "internal error" in errors or code == 101:
            self.fail(args, "it panicked", errors)
        if peak > most_mb:
            self.fail(args, f"it took {peak:.0f} MB, more than {most_mb}", errors)

    @staticmethod
    def fail(args, what, errors):
        shown = [argument if len(argument) < 200 else argument[:200] + "…" for argument in args]
        raise SystemExit(f"attack: {what}: langdock {shown!r}\n{errors[:2000]}")
