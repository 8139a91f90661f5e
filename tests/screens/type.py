"""Runs a command on a terminal of the same size as this one, shows what it writes, and types into it:

    type.py [TEXT KEYS]... TEXT -- COMMAND...

Each KEYS are typed once TEXT has appeared behind what appeared before; after the last TEXT, the command is ended, and its screen
stays as it is.
"""

import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time
import tty

PATIENCE = 20.0  # Seconds for a text to appear; only a failure waits for so long.


def main():
    split = sys.argv.index("--")
    script, command = sys.argv[1:split], sys.argv[split + 1:]
    size = fcntl.ioctl(sys.stdout, termios.TIOCGWINSZ, b"\0" * 8)
    # The line ends are those of the inner terminal.
    tty.setraw(sys.stdout)
    process, terminal = pty.fork()
    if process == 0:
        # Not before the terminal has its size.
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(process, os.WUNTRACED)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    os.kill(process, signal.SIGCONT)
    seen, at = "", 0
    while script:
        wanted, keys = script[0], script[1:2]
        deadline = time.monotonic() + PATIENCE
        while wanted not in seen[at:]:
            ready = select.select([terminal], [], [], deadline - time.monotonic())[0]
            try:
                piece = os.read(terminal, 65536) if ready else b""
            except OSError:
                piece = b""
            if not piece:
                sys.exit(f"type.py: `{wanted}` has not appeared")
            os.write(1, piece)
            seen += piece.decode(errors="replace")
        at = seen.index(wanted, at) + len(wanted)
        for text in keys:
            os.write(terminal, text.encode().decode("unicode_escape").encode("latin-1"))
        script = script[2:]
    # What follows the last text at once belongs to the same picture.
    while select.select([terminal], [], [], 0.3)[0]:
        try:
            os.write(1, os.read(terminal, 65536))
        except OSError:
            break
    os.kill(process, signal.SIGKILL)


main()
