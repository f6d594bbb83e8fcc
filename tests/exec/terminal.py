"""Runs `anyrole exec`, whose words up to `--` are the arguments, as a person at a terminal does, and prints what came of it."""

import os
import pty
import select
import shlex
import signal
import sys
import time

exec_ = sys.argv[1:]


def read_until(terminal, awaited, patience=30):
    """Returns what the terminal shows until the text is there; only a failure waits to the end."""
    seen, end = b"", time.monotonic() + patience
    while awaited not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                break
    return seen


def start(command):
    process, terminal = pty.fork()
    if process == 0:
        # A shell that starts the tests in the background ignores some, and so would everything below it.
        for usual in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
            signal.signal(usual, signal.SIG_DFL)
        os.execv(command[0], command)
    return process, terminal


# Ctrl-C reaches the command once: by the terminal, and not by us a second time.
script = """trap 'echo interrupted; came=1' INT; echo ready; until [ "$came" ]; do sleep 0.05; done; echo still here; read line; exit 9"""
process, terminal = start([*exec_, "/bin/sh", "-c", script])
read_until(terminal, b"ready")
os.write(terminal, b"\x03")
seen = read_until(terminal, b"still here")
os.write(terminal, b"\n")
print("interrupted", seen.count(b"interrupted"))
print("status", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))

# Ctrl-Z stops both, and the shell brings them back. The command itself says that it goes on: what is typed before that, the shell may read.
script = """trap 'came=1' CONT; echo re''ady; until [ "$came" ]; do sleep 0.05; done; echo aga''in; read line; echo go''t $line"""
process, terminal = start(["/bin/bash", "--norc", "--noprofile", "-i"])
os.write(terminal, shlex.join([*exec_, "/bin/sh", "-c", script]).encode() + b"\n")
read_until(terminal, b"ready")
os.write(terminal, b"\x1a")
print("stopped", b"Stopped" in read_until(terminal, b"Stopped"))
os.write(terminal, b"fg\n")
read_until(terminal, b"again")
os.write(terminal, b"words\n")
print("resumed", b"got words" in read_until(terminal, b"got words"))
os.write(terminal, b"exit\n")
