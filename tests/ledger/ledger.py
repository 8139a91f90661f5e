"""Many processes on four machines that share a ledger over Redis, against servers that enforce limits a minute.

    ledger.py PROGRAM DIRECTORY [SCENARIO...]
"""

import math
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "pace"))
from limited import MINUTE, Server, Sliding  # noqa: E402

PROGRAM, DIRECTORY = sys.argv[1], Path(sys.argv[2])
MACHINES, PROCESSES = 4, 20
REQUESTS, TOKENS = 500, 60_000
# With ten tokens of input 55,000 tokens a minute: both limits are near.
OUTPUT = 100
HOUR = 3600
failures = []


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


class Machines:
    """Network namespaces, each with an address of its own, which reach this one by a bridge.

    A container may refuse them, root or not. The machines are then homes on loopback: to the program, that makes a
    machine too, and only the network between it and the others is no longer its own.
    """

    def __init__(self):
        self.names, self.here = [None] * MACHINES, "127.0.0.1"
        self.bridge = f"lb{os.getpid()}"
        refused = ip("link", "add", self.bridge, "type", "bridge", check=False).stderr
        if not refused:
            try:
                self.connect()
            except subprocess.CalledProcessError as error:
                refused = error.stderr
                self.remove()
        if refused:
            self.names, self.here = [None] * MACHINES, "127.0.0.1"
            print(f"ledger: no network namespaces here ({refused.strip()}): the machines are homes on loopback", flush=True)

    def connect(self):
        # A network of its own for each run of this script on a machine.
        network = f"10.{random.randrange(64, 128)}.{random.randrange(256)}"
        self.here = f"{network}.1"
        self.names = [f"lm{os.getpid()}x{number}" for number in range(MACHINES)]
        ip("addr", "add", f"{self.here}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for number, name in enumerate(self.names):
            outside, inside = f"{name}o"[-15:], f"{name}i"[-15:]
            ip("netns", "add", name)
            ip("link", "add", outside, "type", "veth", "peer", "name", inside)
            ip("link", "set", outside, "master", self.bridge, "up")
            ip("link", "set", inside, "netns", name)
            ip("-n", name, "addr", "add", f"{network}.{10 + number}/24", "dev", inside)
            ip("-n", name, "link", "set", inside, "up")
            ip("-n", name, "link", "set", "lo", "up")

    def on(self, machine):
        """What a command begins with that is to run on this machine."""
        name = self.names[machine]
        return ["ip", "netns", "exec", name] if name else []

    def remove(self):
        for name in filter(None, self.names):
            ip("netns", "delete", name, check=False)
        ip("link", "delete", self.bridge, check=False)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Redis:
    """A server of ledgers that keeps nothing on disk, behind a relay that delays by 10 ms either way."""

    def __init__(self):
        self.port, self.relay_port = free_port(), free_port()
        self.start()
        relay = [sys.executable, str(Path(__file__).with_name("relay.py")), str(self.relay_port), str(self.port)]
        self.relay = subprocess.Popen(relay, stdout=subprocess.PIPE, text=True)
        self.relay.stdout.readline()

    def start(self):
        flags = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(DIRECTORY)]
        self.process = subprocess.Popen(["redis-server", *flags], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("ledger: redis-server does not start")

    def restart_empty(self):
        self.process.kill()
        self.process.wait()
        self.start()

    def pause(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def gone(self, seconds):
        self.relay.send_signal(signal.SIGUSR1)
        time.sleep(seconds)
        self.relay.send_signal(signal.SIGUSR2)

    def exchanges(self):
        """How often it was asked since it was started."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as asking:
            asking.sendall(b"INFO commandstats\r\n")
            told = asking.recv(65536).decode()
        asked = re.search(r"cmdstat_eval:calls=(\d+)", told)
        return int(asked[1]) if asked else 0

    def stop(self):
        for process in (self.relay, self.process):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


class Run:
    """Machines with a home each, a ledger that they share, and a server with limits."""

    def __init__(self, name, machines):
        self.name, self.machines, self.redis = name, machines, Redis()
        self.server = Server(Sliding(REQUESTS, TOKENS, output=OUTPUT), machines.here)
        self.running, self.lock, self.kills, self.began = set(), threading.Lock(), set(), time.monotonic()
        self.homes = []
        for machine in range(MACHINES):
            home = DIRECTORY / name.replace(" ", "-") / str(machine)
            settings = home / "config" / "langdock"
            settings.mkdir(parents=True)
            (settings / "config.toml").write_text(
                f'model = "m"\nbase_url = "{self.server.base_url}"\nallow_http = true\nshare = {1 / MACHINES}\n'
                f'ledger = "redis://{machines.here}:{self.redis.relay_port}"\n'
                f"[limits.m]\nrpm = {REQUESTS}\ntpm = {TOKENS}\n"
            )
            self.homes.append({
                "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"),
                "XDG_STATE_HOME": str(home / "state"), "LANGDOCK_API_KEY": "sk-ld-ledger",
            })  # fmt: skip

    def send(self, worker, prompt):
        """Sends a prompt from the machine of this worker; gives the exit code, and what was said on stderr."""
        machine = worker % MACHINES
        command = [*self.machines.on(machine), PROGRAM, "send", "-q", "--max-tokens", "200", prompt]
        process = subprocess.Popen(
            command, env=self.homes[machine], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with self.lock:
            self.running.add(process)
        out, told = process.communicate()
        with self.lock:
            self.running.discard(process)
        # libfaketime leaves these behind, and a later process with the same id cannot start then.
        for left in (f"faketime_shm_{process.pid}", f"sem.faketime_sem_{process.pid}"):
            Path("/dev/shm", left).unlink(missing_ok=True)
        was_killed = process.pid in self.kills and process.returncode == -9
        self.check(was_killed or process.returncode == 0, f"exit {process.returncode}: {told[-300:]}")
        self.check(was_killed or out == "ok\n", f"it printed {out!r}")
        return process.returncode

    def workers(self, seconds, during=lambda: None):
        """Has every worker send one prompt after the other for so long; gives how many each has sent."""
        counts, end = [0] * PROCESSES, time.monotonic() + seconds

        def work(worker):
            while time.monotonic() < end:
                counts[worker] += self.send(worker, f"number {counts[worker]} of {worker}") == 0

        threads = [threading.Thread(target=work, args=[worker]) for worker in range(PROCESSES)]
        for thread in threads:
            thread.start()
        during()
        for thread in threads:
            thread.join()
        return counts

    def kill_a_third(self):
        with self.lock:
            victims = random.sample(sorted(self.running, key=id), min(len(self.running), -(-PROCESSES // 3)))
            for victim in victims:
                self.kills.add(victim.pid)
                victim.kill()
        print(f"{self.name}: killed {len(victims)}", flush=True)

    def check(self, holds, what):
        if not holds:
            failures.append(f"{self.name}: {what}")

    def no_429(self, until=math.inf):
        refused = sum(at < until for at in self.server.refused)
        self.check(refused == 0, f"{refused} 429s")

    def no_stall(self):
        times = self.server.let_in
        longest = max((later - earlier for earlier, later in zip(times, times[1:])), default=0)
        self.check(longest <= MINUTE, f"nothing was sent for {longest:.0f} s")
        return longest

    def tell(self, what):
        answers, refused = len(self.server.let_in), len(self.server.refused)
        each = self.redis.exchanges() / max(1, answers)
        when = "".join(f" at {at - self.began:.1f} s" for at in self.server.refused[:3])
        print(f"{self.name}: {answers} answers, {refused} 429s{when}, {each:.1f} exchanges with Redis each, {what}", flush=True)


def steady(machines):
    """Three minutes: the limit is used, and by all alike."""
    run = Run("20 without pause", machines)
    began = time.monotonic()
    counts = run.workers(3 * MINUTE)
    used = sum(at < began + 3 * MINUTE for at in run.server.let_in) / (3 * REQUESTS)
    run.tell(f"{used:.1%} of the limit, from {min(counts)} to {max(counts)} each")
    run.no_429()
    run.check(used >= 0.95, f"{used:.1%} of the limit were used")
    run.check(2 * min(counts) >= max(counts), f"from {min(counts)} to {max(counts)} each")
    run.redis.stop()


def many(machines):
    """Two hundred processes at once."""
    run = Run("200 at once", machines)
    began = time.monotonic()
    threads = [threading.Thread(target=run.send, args=[worker, f"number {worker}"]) for worker in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.tell(f"{time.monotonic() - began:.1f} s")
    run.no_429()
    run.check(len(run.server.let_in) == 200, f"{len(run.server.let_in)} of 200 were answered")
    run.check(time.monotonic() - began < MINUTE, "they took more than a minute")
    run.redis.stop()


def killed(machines):
    """A third of the processes are killed, twice; Redis is paused; a machine's clock is an hour ahead, another's behind."""
    run = Run("killed and paused", machines)
    shown = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True, check=True).stdout
    library = re.search("^LD_PRELOAD=(.*)$", shown, re.MULTILINE)[1]
    for home, offset in zip(run.homes, (HOUR, -HOUR)):
        home |= {"LD_PRELOAD": library, "FAKETIME": f"{offset:+d}", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def during():
        time.sleep(15)
        run.kill_a_third()
        time.sleep(10)
        run.redis.pause(5)
        time.sleep(90)
        run.kill_a_third()

    run.workers(150, during)
    run.tell(f"at most {run.no_stall():.1f} s of silence")
    run.no_429()
    run.redis.stop()


def gone(machines):
    """Redis is out of reach for a minute and keeps its data; then it is restarted empty, and a 429 is no failure any more."""
    run = Run("gone and restarted", machines)
    emptied = math.inf

    def during():
        nonlocal emptied
        time.sleep(20)
        run.redis.gone(60)
        time.sleep(80)
        emptied = time.monotonic()
        run.redis.restart_empty()

    run.workers(190, during)
    run.tell(f"at most {run.no_stall():.1f} s of silence")
    run.no_429(until=emptied)
    run.redis.stop()


def main():
    def guarded(scenario):
        try:
            scenario(machines)
        except Exception as error:
            failures.append(f"{scenario.__name__}: {error!r}")

    wanted = sys.argv[3:]
    machines = Machines()
    try:
        for together in ([steady], [many], [killed, gone]):
            threads = [threading.Thread(target=guarded, args=[run]) for run in together if not wanted or run.__name__ in wanted]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        machines.remove()
    if failures:
        more = f" and {len(failures) - 5} more" if len(failures) > 5 else ""
        sys.exit("ledger: " + "; ".join(failures[:5]) + more)


main()
